"""Pictures of what RTS and LWL decide: the crop with its mask, score map, mask encoding, and the memories along a sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.nn.pictures import grid
from trackzoo.trackers.rts.localisation import Flag

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trackzoo.trackers.rts.segmentation import SegmentationTracker

Trace = Mapping[str, Any]


def frame(tracker: SegmentationTracker, trace: Trace) -> Figure | None:
    """The crop with the mask's outline, the instance branch's score map, the mask's probability, the mask encoding."""
    if "crops" not in trace:
        return None
    crop = _rgb(trace["crops"][0])
    chance = trace["logits"][0, 0].sigmoid().cpu().numpy()
    scores = trace.get("scores")
    figure, axes = grid(4 if scores is not None else 3)
    height, width = chance.shape
    whole = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes[0].imshow(crop)
    if (chance > 0.5).any():
        axes[0].contour(chance, levels=[0.5], colors="yellow", linewidths=1)
    axes[0].set_title(_verdict(trace["states"][0]), fontsize=8)
    rest = list(axes[1:])
    if scores is not None:
        axis, values = rest.pop(0), scores[0, 0].cpu().numpy()
        axis.imshow(values, cmap="viridis", extent=whole, interpolation="nearest")
        axis.set_title(f"score map, peak {values.max():.2f}", fontsize=8)
    rest[0].imshow(chance, cmap="gray", vmin=0, vmax=1)
    rest[0].set_title(f"probability, sum {trace['states'][0].own.sum:.0f} px", fontsize=8)
    rest[1].imshow(principal(trace["mask_encoding"][0]), extent=whole, interpolation="nearest")
    rest[1].set_title("mask encoding, three principal axes", fontsize=8)
    return figure


def memory(tracker: SegmentationTracker, trace: Trace) -> Figure | None:
    """Weights of both memories' slots frame by frame; what was stored, when filters were refined, what was lost."""
    log: list[dict[str, Any]] = trace.get("log", [])
    if not log:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    branches = [("segmentation", "weights", "seg")]
    if "clf_weights" in log[0]:
        branches.append(("instance", "clf_weights", "clf"))
    figure = Figure(figsize=(8, 1.8 + 2.0 * len(branches)), layout="constrained")
    FigureCanvasAgg(figure)
    rows: list[Axes] = figure.subplots(
        1 + len(branches), 1, sharex=True, squeeze=False, height_ratios=[1] + [1.6] * len(branches)
    )[:, 0].tolist()
    frames = np.array([entry["frame"] for entry in log])
    _flags(rows[0], log, frames)
    for axis, (title, weights, prefix) in zip(rows[1:], branches, strict=True):
        _slots(axis, title, np.stack([entry[weights] for entry in log]), log, frames, prefix)
    rows[-1].set_xlabel("frame", fontsize=8)
    rows[-1].locator_params(axis="x", integer=True)
    return figure


def _flags(axis: Axes, log: list[dict[str, Any]], frames: NDArray[np.int64]) -> None:
    """Peak of the score map, and marks where something was lost."""
    if "peak" in log[0]:
        axis.plot(frames, [entry["peak"] for entry in log], color="#4477aa", linewidth=1, label="peak of the score map")
    axis.margins(y=0.25)
    marks = (("lost", "x", "#ee6677"), ("small", "1", "#ccbb44"), ("lost_instance", "+", "#aa3377"))
    for height, (name, mark, colour) in zip((0.06, 0.14, 0.22), marks, strict=True):
        at = [entry["frame"] for entry in log if entry[name]]
        # Along the lower edge, whatever the peaks are.
        below = axis.get_xaxis_transform()
        axis.plot(at, [height] * len(at), mark, color=colour, markersize=4, label=WORDS[name], transform=below)
    axis.legend(fontsize=6, ncol=4, loc="upper right")
    axis.tick_params(labelsize=7)


def _slots(
    axis: Axes,
    title: str,
    weights: NDArray[np.float32],
    log: list[dict[str, Any]],
    frames: NDArray[np.int64],
    prefix: str,
) -> None:
    """Weights as a map, slots down and frames across."""
    filled = max(int(np.flatnonzero(weights.max(0))[-1]) + 1, 2)
    shown = np.where(weights > 0, weights, np.nan)[:, :filled].T
    left, right = frames[0] - 0.5, frames[-1] + 0.5
    axis.imshow(
        np.sqrt(shown), cmap="Blues", aspect="auto", extent=(left, right, filled - 0.5, -0.5), interpolation="nearest"
    )
    stored = [(entry["frame"], entry[f"{prefix}_memory_index"]) for entry in log if f"{prefix}_memory_index" in entry]
    refined = [entry["frame"] for entry in log if entry.get(f"{prefix}_iterations")]
    if stored:
        axis.plot(*np.array(stored).T, ".", color="#ee6677", markersize=3, label="stored")
    axis.plot(refined, [-1.0] * len(refined), "|", color="#228833", markersize=5, label="refined")
    axis.set_ylim(filled - 0.5, -1.6)
    slots = np.unique(np.linspace(0, filled - 1, min(filled, 6)).round().astype(int))
    axis.set_yticks([-1, *slots], ["", *map(str, slots)])
    axis.set_xlim(left, right)
    axis.legend(fontsize=6, ncol=2, loc="lower left")
    axis.set_title(f"{title} memory: weights of slots", fontsize=8)
    axis.set_ylabel("slot", fontsize=8)
    axis.tick_params(labelsize=7)


#: What the marks of `_flags` are called.
WORDS = {"lost": "no mask", "small": "mask too small", "lost_instance": "not localised"}


def _verdict(state: Any) -> str:
    """What was decided on a frame, in a few words."""
    words = [WORDS[name] for name in ("lost", "small", "lost_instance") if getattr(state, name)]
    flag = state.decisions.get("flag")
    said = "" if flag is None else Flag(flag).name.lower().replace("_", " ")
    return ", ".join(words) or said or "mask found"


def _rgb(crop: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) in 0..255 as (H, W, 3) uint8."""
    return np.asarray(crop.clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy(), dtype=np.uint8)


def principal(encoding: Tensor) -> NDArray[np.float64]:
    """(C, h, w) as (h, w, 3) in 0..1: its places on their three principal axes, each stretched over the range."""
    channels, height, width = encoding.shape
    places = encoding.double().reshape(channels, -1).T
    places = places - places.mean(0)
    axes = torch.linalg.eigh(places.T @ places).eigenvectors[:, -3:].flip(1)
    # Eigenvectors have no sign of their own; the largest place is made positive, so that frames look alike.
    on = places @ axes
    on = on * on.gather(0, on.abs().argmax(0, keepdim=True)).sign()
    low, high = on.amin(0), on.amax(0)
    return np.asarray(((on - low) / (high - low).clamp_min(1e-12)).reshape(height, width, 3).cpu().numpy())


#: Name of the file -> picture.
PICTURES: dict[str, Callable[[Any, Trace], Figure | None]] = {"frame": frame, "memory": memory}

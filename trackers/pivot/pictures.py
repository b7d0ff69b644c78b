"""The paper's Fig. 5: templates, initial and refined prompt, candidates with their similarities, features before and after.

Each function takes what the probes gave for one object, and gives a figure, or None where there is nothing to draw yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.nn.pictures import grid, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from trackzoo.trackers.pivot.tracker import PiVOTTracker

Trace = Mapping[str, Any]


def templates(tracker: PiVOTTracker, trace: Trace) -> Figure | None:
    """What the prompt of this frame was made from, and the new crop that may take the second's place."""
    if "pairs" not in trace:
        return None
    shown = [("first template", trace["pairs"][0][0].image), ("second template", trace["pairs"][0][1].image)]
    figure, axes = grid(3)
    for axis, (title, image) in zip(axes, shown, strict=False):
        axis.imshow(picture(image))
        axis.set_title(title, fontsize=8)
    axes[2].imshow(trace["template_crops"][0].permute(1, 2, 0).clamp(0, 255).cpu().numpy() / 255)
    axes[2].set_title("this frame's" + (", taken up" if trace["changed"][0] else ""), fontsize=8)
    return figure


def prompts(tracker: PiVOTTracker, trace: Trace) -> Figure | None:
    """The current frame with its candidates, the initial and the refined prompt, the score map."""
    if "prompt" not in trace:
        return None
    own = [("initial prompt", trace["prompt"][0])]
    if "refined" in trace:
        own.append(("refined prompt", trace["refined"][0]))
    own.append(("scores", torch.from_numpy(trace["steps"][0].scores)))
    figure, axes = grid(len(own) + 1)
    crop = trace["search"][0]
    axes[0].imshow(picture(crop))
    axes[0].set_title("current frame", fontsize=8)
    found = trace.get("candidates", {}).get(0)
    if found is not None:
        seen = found.cells[: tracker.refinement.maxCanNum]
        step = crop.shape[-1] / tracker.network.side
        axes[0].plot(seen[:, 1] * step, seen[:, 0] * step, "y+", markersize=6)
        for number, (row, column) in enumerate(seen.tolist(), start=1):
            axes[0].text(column * step + 4, row * step - 4, str(number), color="yellow", fontsize=6)
    for axis, (title, values) in zip(axes[1:], own, strict=True):
        limits = {} if title == "scores" else {"vmin": 0.0, "vmax": 1.0}
        axis.imshow(values.float().cpu().numpy(), cmap="viridis", **limits)
        axis.set_title(f"{title}, max {float(values.max()):.2f}", fontsize=8)
    return figure


def candidates(tracker: PiVOTTracker, trace: Trace) -> Figure | None:
    """Crops of the candidates as CLIP sees them: value of the prompt, similarity to both templates, importance."""
    found = trace.get("refinements", {}).get(0)
    if found is None:
        return None
    figure, axes = grid(len(found.crops), size=1.8)
    cosines = torch.nn.functional.cosine_similarity(found.features[:, None], found.references[None], dim=-1).cpu()
    importance = found.shares.mean(1).cpu()
    for number, (axis, crop) in enumerate(zip(axes, found.crops, strict=True)):
        axis.imshow(picture(crop))
        first, second = cosines[number].tolist()
        value, share = float(found.candidates.scores[number]), float(importance[number])
        raised = ", raised" if share > tracker.refinement.simvThr else ""
        title = f"{number + 1}: prompt {value:.2f}\ncos {first:.3f}, {second:.3f}\nimportance {share:.2f}{raised}"
        axis.set_title(title, fontsize=7)
    return figure


def features(tracker: PiVOTTracker, trace: Trace) -> Figure | None:
    """Magnitude of the current frame's features, before and after Relation Modeling, over the frame."""
    if "prompt" not in trace:
        return None
    figure, axes = grid(3)
    axes[0].imshow(picture(trace["search"][0]))
    axes[0].set_title("current frame", fontsize=8)
    for axis, title, name in ((axes[1], "before", "features"), (axes[2], "after", "entered")):
        axis.imshow(_magnitude(trace[name][0]), cmap="inferno")
        axis.set_title(f"features {title} Relation Modeling", fontsize=8)
    return figure


def _magnitude(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.float().norm(dim=0).cpu().numpy(), dtype=np.float32)


#: Name of the file -> picture.
PICTURES: dict[str, Callable[[PiVOTTracker, Trace], Figure | None]] = {
    "templates": templates,
    "prompts": prompts,
    "candidates": candidates,
    "features": features,
}

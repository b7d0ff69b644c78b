"""Pictures of what a one-stream tracker's probes offer: templates, surviving tokens, response, attention, distributions.

A trace is a mapping from a probe's name to its last value for one object. Each function gives a figure, or None where
the trace has nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.nn.crops import MEAN, STD
from trackzoo.nn.distribution import DistributionMaps
from trackzoo.nn.search_tracking import SearchTracker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Trace = Mapping[str, Any]


def grid(columns: int, rows: int = 1, size: float = 2.2) -> tuple[Figure, list[Any]]:
    """An empty figure and its axes, row by row, without ticks."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size * columns, (size + 0.25) * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure, axes


def picture(crop: Tensor) -> NDArray[np.float64]:
    """A normalised crop (3, H, W) as (H, W, 3) in 0..1."""
    values = crop.float().cpu() * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    return np.asarray(values.clamp(0, 1).permute(1, 2, 0).numpy(), dtype=np.float64)


def templates(tracker: SearchTracker[Any], trace: Trace) -> Figure | None:
    """The template crops that were cut last: those of the first frame, or an update's."""
    if "templates" not in trace:
        return None
    crops, factors = trace["templates"][0], tracker.crops.template_factors
    figure, axes = grid(len(crops))
    for axis, crop, factor in zip(axes, crops, factors, strict=True):
        axis.imshow(picture(crop))
        axis.set_title(f"template, factor {factor:g}", fontsize=8)
    return figure


def survivors(tracker: SearchTracker[Any], trace: Trace) -> Figure | None:
    """The search crop after each elimination: dropped tokens are pale (OSTrack, Fig. 5; ProContEXT)."""
    stages = [trace[name] for name in sorted(trace) if name.startswith("elimination")]
    if not stages:
        return None
    image = picture(trace["search"][0])
    side = image.shape[0] // 16
    figure, axes = grid(len(stages) + 1)
    axes[0].imshow(image)
    axes[0].set_title(f"search, {side * side} tokens", fontsize=8)
    for axis, stage in zip(axes[1:], stages, strict=True):
        kept = np.full(side * side, 0.2)
        kept[stage["after"][0].cpu().numpy()] = 1
        share = np.kron(kept.reshape(side, side), np.ones((16, 16)))[:, :, None]
        axis.imshow(share * image + (1 - share))
        axis.set_title(f"{stage['after'].shape[1]} left", fontsize=8)
    return figure


def response(tracker: SearchTracker[Any], trace: Trace) -> Figure | None:
    """Search crop, windowed response, and for a distribution head its class and quality maps (JN, Fig. A2)."""
    if "response" not in trace:
        return None
    maps: list[tuple[str, Tensor]] = [("response under the window", trace["response"][0])]
    if isinstance(found := trace.get("maps"), DistributionMaps):
        maps += [("class", torch.sigmoid(found.logits[0, 0].float())), ("quality", found.quality[0, 0])]
    figure, axes = grid(len(maps) + 1)
    axes[0].imshow(picture(trace["search"][0]))
    axes[0].set_title("search", fontsize=8)
    for axis, (title, values) in zip(axes[1:], maps, strict=True):
        axis.imshow(values.cpu().numpy(), cmap="viridis")
        axis.set_title(f"{title}, max {float(values.max()):.2f}", fontsize=8)
    return figure


def distributions(tracker: SearchTracker[Any], trace: Trace) -> Figure | None:
    """Distances of the four sides from the best cell: sharp where the edge is clear (JN, Figs. 7, A3)."""
    found = trace.get("maps")
    if not isinstance(found, DistributionMaps):
        return None
    best = int(trace["response"][0].argmax())
    chances = found.bins[0].softmax(1).flatten(2)[:, :, best].cpu().numpy()
    figure, axes = grid(4)
    for axis, side, chance in zip(axes, ("left", "top", "right", "bottom"), chances, strict=True):
        axis.bar(range(len(chance)), chance, color="#4477aa")
        axis.set_ylim(0, 1)
        axis.set_xticks([0, len(chance) // 2, len(chance) - 1])
        axis.set_title(f"{side}: {float((chance * np.arange(len(chance))).sum()):.1f} cells", fontsize=8)
    return figure


def target_token(tracker: SearchTracker[Any], trace: Trace) -> Figure | None:
    """Attention of JN's target-indicating token to the template by layer, mean over heads (Figs. 6, A4)."""
    network: Any = tracker.network
    if getattr(network, "target_token_embed", None) is None or "embedded" not in trace:
        return None
    told = _before_template(tracker, trace)
    if told < 1:
        return None  # the place was added to the template's tokens
    return _by_layer(tracker, trace, "template", picture(trace["templates"][0][0]), list(range(told)), told)


def search_attention(tracker: SearchTracker[Any], trace: Trace) -> Figure | None:
    """Attention of the template's middle to the search region by layer, mean over heads, of a network that drops no token
    (JN, Figs. A2, A3; the class map beside them is `response`'s)."""
    network: Any = tracker.network
    if network.backbone.prune_at or "embedded" not in trace:
        return None
    told, side = _before_template(tracker, trace), network.backbone.template_side
    middle = sorted({(side - 1) // 2, side // 2})
    rows = [told + row * side + column for row in middle for column in middle]
    return _by_layer(tracker, trace, "search", picture(trace["search"][0]), rows, told + side * side)


def _before_template(tracker: SearchTracker[Any], trace: Trace) -> int:
    """How many tokens stand before the template's."""
    backbone: Any = tracker.network.backbone
    before: int = trace["embedded"].shape[1] - backbone.template_side**2 - backbone.search_side**2
    return before


@torch.inference_mode()
def _by_layer(
    tracker: SearchTracker[Any], trace: Trace, name: str, image: NDArray[np.float64], rows: list[int], first: int
) -> Figure:
    """A crop, and over it the attention of the tokens `rows` to its tokens (those from `first` on) in each layer."""
    network: Any = tracker.network
    blocks = network.backbone.blocks
    side = image.shape[0] // 16
    figure, axes = grid(7, (len(blocks) + 7) // 7)
    for axis in axes:
        axis.set_axis_off()
    axes[0].imshow(image)
    axes[0].set_title(name, fontsize=8)
    tokens = trace["embedded"]
    for index, block in enumerate(blocks):
        _, attention = block.attn.forward_with_rows(block.norm1(tokens), torch.tensor(rows, device=tokens.device))
        mean = attention[0].mean((0, 1))[first : first + side * side].reshape(side, side).cpu().numpy()
        shown = np.kron(mean / mean.max(), np.ones((16, 16)))
        axes[index + 1].imshow(image)
        axes[index + 1].imshow(shown, cmap="inferno", alpha=0.6)
        axes[index + 1].set_title(f"layer {index + 1}", fontsize=8)
        tokens = trace[f"block{index}"]
    return figure


#: Name of the file -> picture.
PICTURES: dict[str, Callable[[SearchTracker[Any], Trace], Figure | None]] = {
    "templates": templates,
    "survivors": survivors,
    "response": response,
    "distributions": distributions,
    "target-token": target_token,
    "search-attention": search_attention,
}

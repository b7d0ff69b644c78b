"""Pictures of what SATracker's probes offer: its stages' responses, the dense matching map, the corners (paper, Fig. 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from trackzoo.nn.pictures import Trace, grid, picture, templates

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _over(axis: Any, image: NDArray[np.float64], values: NDArray[np.generic], title: str, **colours: Any) -> None:
    """A map laid over the search crop."""
    axis.imshow(image)
    height, width = image.shape[:2]
    # Cells to where they lie on the crop.
    axis.imshow(values, extent=(-0.5, width - 0.5, height - 0.5, -0.5), alpha=0.6, interpolation="bilinear", **colours)
    axis.set_title(title, fontsize=8)


def stages(tracker: Any, trace: Trace) -> Figure | None:
    """The response after each stage: the length of each cell's feature. The paper shows the third (Fig. 6)."""
    if "stage2" not in trace:
        return None
    image = picture(trace["search"][0])
    figure, axes = grid(4)
    axes[0].imshow(image)
    axes[0].set_title("search", fontsize=8)
    for index in range(3):
        values = trace[f"stage{index}"][0].float().norm(dim=-1).cpu().numpy()
        _over(axes[index + 1], image, values, f"response, stage {index + 1}", cmap="jet")
    return figure


def matching(tracker: Any, trace: Trace) -> Figure | None:
    """How well each cell goes with the text (paper, Eq. 4): cosines, as the loss upsamples them."""
    if "matching" not in trace:
        return None
    from trackzoo.trackers.satracker.training import upsampled

    scores = trace["matching"].float()
    image = picture(trace["search"][0])
    figure, axes = grid(2)
    axes[0].imshow(image)
    axes[0].set_title("search", fontsize=8)
    if said := trace.get("text", [""])[0]:
        axes[0].set_xlabel("\n".join(wrap(said, 40)[:3]), fontsize=6, parse_math=False)
    values = upsampled(scores[:1])[0].cpu().numpy()
    _over(axes[1], image, values, f"dense matching, {values.min():.2f} to {values.max():.2f}", cmap="jet")
    return figure


def corners(tracker: Any, trace: Trace) -> Figure | None:
    """Where the head puts the two corners."""
    if "corners" not in trace:
        return None
    image = picture(trace["search"][0])
    chances: torch.Tensor = trace["corners"][0].float().cpu()
    figure, axes = grid(2)
    for axis, chance, name in zip(axes, chances, ("top left", "bottom right"), strict=True):
        _over(axis, image, chance.numpy(), f"{name}, at most {float(chance.max()):.2f}", cmap="viridis")
    return figure


#: Name of the file -> picture.
PICTURES: Mapping[str, Callable[[Any, Trace], Figure | None]] = {
    "templates": templates,
    "stages": stages,
    "matching": matching,
    "corners": corners,
}

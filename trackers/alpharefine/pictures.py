"""Pictures of what Alpha-Refine's probes offer; see `trackzoo.nn.pictures`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trackzoo.nn.pictures import grid, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Trace = Mapping[str, Any]


def refinement(refiner: Any, trace: Trace) -> Figure | None:
    """Reference crop with the target's box, search crop, strongest correlation, soft mask; and the picture with both boxes."""
    if "search" not in trace:
        return None
    from matplotlib.patches import Rectangle

    parts = 4 + (trace["soft"] is not None)
    figure, axes = grid(parts, size=2.6)
    axes[0].imshow(picture(trace["reference"][0]))
    x1, y1, x2, y2 = trace["reference_corners"][0]
    axes[0].add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color="#33aa33"))
    axes[0].set_title("reference", fontsize=8)
    axes[1].imshow(picture(trace["search"][0]))
    axes[1].set_title("crop about the tracker's box", fontsize=8)
    if trace["corners"] is not None:
        x1, y1, x2, y2 = trace["corners"][0]
        axes[1].add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color="#ee6677"))
    axes[2].imshow(trace["fused"][0].float().amax(0).cpu().numpy(), cmap="viridis")
    axes[2].set_title("correlation, largest channel", fontsize=8)
    if trace["soft"] is not None:
        axes[3].imshow(trace["soft"][0], cmap="gray", vmin=0, vmax=1)
        if _crosses(trace["soft"][0], refiner.threshold):
            axes[3].contour(trace["soft"][0], [refiner.threshold], colors="#ee6677", linewidths=1)
        axes[3].set_title(f"soft mask, cut at {refiner.threshold:g}", fontsize=8)
    axes[-1].imshow(trace["frames"][0].array())
    for box, colour in zip(trace["boxes"][0], ("#ccbb44", "#ee6677"), strict=True):
        axes[-1].add_patch(Rectangle((box[0], box[1]), box[2], box[3], fill=False, color=colour))
    axes[-1].set_title("tracker (yellow), refined (red)", fontsize=8)
    return figure


def _crosses(values: Any, level: float) -> bool:
    return bool(np.min(values) < level < np.max(values))


#: Name of the file -> picture.
PICTURES: dict[str, Callable[[Any, Trace], Figure | None]] = {"refinement": refinement}

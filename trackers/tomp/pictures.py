"""Pictures of what ToMP decides: scores and the box on the sample, distances that each cell says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trackzoo.nn.pictures import grid, picture
from trackzoo.trackers.tomp.boxes import STRIDE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from trackzoo.trackers.tomp.tracker import Step, ToMPTracker

Trace = Mapping[str, Any]


def localisation(tracker: ToMPTracker[Any], trace: Trace) -> Figure | None:
    """The sample with the chosen cell and its box, and the score map."""
    if "steps" not in trace:
        return None
    from matplotlib.patches import Rectangle

    step: Step = trace["steps"][0]
    row, column = step.located.cell
    x, y = column * STRIDE + STRIDE // 2, row * STRIDE + STRIDE // 2
    left, top, right, bottom = step.ltrb[:, row, column] * STRIDE * tracker.network.side
    figure, axes = grid(2)
    axes[0].imshow(picture(trace["search"][0]))
    axes[0].add_patch(Rectangle((x - left, y - top), left + right, top + bottom, fill=False, color="yellow"))
    axes[0].plot([x], [y], "y+", markersize=8)
    kept = ", remembered" if step.remembered else ""
    axes[0].set_xlim(0, tracker.network.sample)
    axes[0].set_ylim(tracker.network.sample, 0)
    axes[0].set_title(f"{step.located.flag.replace('_', ' ')}{kept}", fontsize=8)
    axes[1].imshow(step.scores, cmap="viridis")
    axes[1].plot([column], [row], "w+", markersize=8)
    axes[1].set_title(f"scores, max {step.located.score:.2f}", fontsize=8)
    return figure


def regressed(tracker: ToMPTracker[Any], trace: Trace) -> Figure | None:
    """Distances to the four sides that each cell says, in pixels of the sample."""
    if "steps" not in trace:
        return None
    step: Step = trace["steps"][0]
    row, column = step.located.cell
    figure, axes = grid(4)
    for axis, name, values in zip(axes, ("left", "top", "right", "bottom"), step.ltrb, strict=True):
        axis.imshow(values, cmap="magma")
        axis.plot([column], [row], "w+", markersize=8)
        axis.set_title(f"{name}: {values[row, column] * STRIDE * tracker.network.side:.0f} px there", fontsize=8)
    return figure


PICTURES: dict[str, Callable[[ToMPTracker[Any], Trace], Figure | None]] = {
    "localisation": localisation,
    "distances": regressed,
}

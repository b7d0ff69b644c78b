"""Success, precision and normalized-precision plots. matplotlib is imported here, so import this module late."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence as ListOf
from dataclasses import dataclass
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from trackzoo.metrics.types import Curve
from trackzoo.report import style
from trackzoo.report.columns import show
from trackzoo.report.model import Board, Entry


@dataclass(frozen=True)
class Kind:
    """One kind of plot.

    Attributes:
        curve: name in `Scores.curves`.
        title: what the plot is called.
        x, y: axis labels.
        metrics: the metric in the legend's brackets, the first that the scores have.
        mark: threshold whose value that metric is, drawn as a line; None for areas.
    """

    curve: str
    title: str
    x: str
    y: str
    metrics: tuple[str, ...]
    mark: float | None = None


KINDS: tuple[Kind, ...] = (
    Kind("success", "Success", "Overlap threshold", "Success rate [%]", ("ao", "auc")),
    Kind("precision", "Precision", "Centre error threshold [px]", "Precision [%]", ("precision",), 20.0),
    Kind(
        "norm_precision",
        "Normalized precision",
        "Normalized centre error threshold",
        "Normalized precision [%]",
        ("norm_precision",),
        0.2,
    ),
)
FORMATS = ("png", "pdf", "svg")


def ranked(entries: ListOf[Entry], kind: Kind) -> list[tuple[float, Entry]]:
    """Score and entry of each run that has the curve, best first; complete runs before incomplete ones."""
    found = []
    for entry in entries:
        if kind.curve not in entry.scores.curves:
            continue
        score = next((entry.scores.metrics[name] for name in kind.metrics if name in entry.scores.metrics), math.nan)
        found.append((score, entry))
    return sorted(found, key=lambda pair: (not pair[1].complete, math.isnan(pair[0]), -pair[0], pair[1].tracker))


def lines(boards: ListOf[Board]) -> dict[str, style.Line]:
    """One line style a tracker, the same in all plots: the strongest for those that rank first on average."""
    places: dict[str, list[int]] = {}
    for board in boards:
        for place, entry in enumerate(board.entries):
            places.setdefault(entry.tracker, []).append(place)
    order = sorted(places, key=lambda name: (sum(places[name]) / len(places[name]), name))
    return {name: style.line(index) for index, name in enumerate(order)}


def curve_figure(board: Board, kind: Kind, styles: Mapping[str, style.Line], decimals: int = 1) -> Figure | None:
    """One plot with its ranked legend beside it, or None where no run has the curve. Call within `style.figures()`."""
    ranking = ranked(board.entries, kind)
    if not ranking:
        return None
    figure = Figure(figsize=(style.AXES[0] + 3.2, style.AXES[1] + 0.9))
    FigureCanvasAgg(figure)
    axes = figure.add_axes(_placed(figure, 0.5, 0.45, *style.AXES))
    handles, labels = [], []
    # The best line is drawn last, on top.
    for score, entry in reversed(ranking):
        curve, line = entry.scores.curves[kind.curve], styles[entry.tracker]
        [drawn] = axes.plot(
            curve.thresholds,
            curve.values * 100,
            color=line.colour,
            linewidth=line.width,
            linestyle=(0, line.dashes) if line.dashes else "solid",
            solid_capstyle="round",
            clip_on=False,
            gid=f"line:{line.index}",
        )
        handles.append(drawn)
        mark = "" if entry.complete else "†"
        labels.append(f"[{show(score, decimals)}] {style.shorten(entry.tracker)}{mark}")
    _dress(axes, ranking[0][1].scores.curves[kind.curve], kind)
    axes.set_title(_title(board, kind), pad=6)
    legend = _legend(axes, handles[::-1], labels[::-1])
    for part in zip(ranking, legend.legend_handles, legend.get_texts(), strict=True):
        for drawn in part[1:]:
            drawn.set_gid(f"line:{styles[part[0][1].tracker].index}")
    return figure


def render(figure: Figure, forms: Iterable[str] = FORMATS, *, whole: bool = False) -> dict[str, bytes]:
    """The figure as files' bytes by format (`png`, `pdf`, `svg`), cut to what is drawn. Equal input gives equal bytes.

    Args:
        figure: what to render.
        forms: names of the formats.
        whole: keep the figure's width, which was chosen for a page, and cut its height alone.
    """
    # A date or a version in the file would make every rendering differ from the last.
    undated: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": "trackzoo", "Producer": "trackzoo"},
        "svg": {"Date": None, "Creator": None},
    }
    # Measured once; `bbox_inches="tight"` would draw everything once more for each format.
    canvas: Any = FigureCanvasAgg(figure)
    box = figure.get_tightbbox(canvas.get_renderer()).padded(0.03)
    if whole:
        box = Bbox.from_extents(min(0.0, box.x0), box.y0, max(float(figure.get_figwidth()), box.x1), box.y1)
    files = {}
    for form in forms:
        file = io.BytesIO()
        figure.savefig(file, format=form, bbox_inches=box, metadata=undated[form])
        files[form] = file.getvalue()
    return files


def _title(board: Board, kind: Kind) -> str:
    part = f", {len(board.names)} of {board.total} sequences" if board.partial else ""
    return f"{kind.title} on {board.title}{f' {board.split}' if board.split else ''}{part}"


def _placed(
    figure: Figure, left: float, bottom: float, width: float, height: float
) -> tuple[float, float, float, float]:
    """Inches as fractions of the figure."""
    across, up = figure.get_size_inches()
    return left / across, bottom / up, width / across, height / up


def _dress(axes: Any, curve: Curve, kind: Kind) -> None:
    axes.set_xlim(float(curve.thresholds[0]), float(curve.thresholds[-1]))
    axes.set_ylim(0, 100)
    axes.set_yticks(range(0, 101, 20))
    axes.set_xlabel(kind.x)
    axes.set_ylabel(kind.y)
    axes.grid(True)
    axes.set_axisbelow(True)
    if kind.mark is not None:
        axes.axvline(kind.mark, color=style.INK, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)


def _legend(axes: Any, handles: ListOf[Line2D], labels: ListOf[str]) -> Any:
    """Beside the axes, ranked from the top; the print shrinks so that thirty rows end where the axes' own labels do."""
    room = (style.AXES[1] + 0.35) * 72
    size = max(min(style.LEGEND_SIZE, room / (len(labels) * 1.25)), style.SMALLEST)
    rows = int(room / (size * 1.25))
    return axes.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0.0,
        borderpad=0.0,
        frameon=False,
        fontsize=size,
        handlelength=4.0,
        handletextpad=0.6,
        labelspacing=0.35 if len(labels) <= 20 else 0.1,
        columnspacing=1.2,
        ncols=-(-len(labels) // rows),
    )

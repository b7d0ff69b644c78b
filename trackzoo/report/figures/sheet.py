"""Sheets: figures of a chosen width, laid out in inches, whose names, keys and notes find their room."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence as ListOf
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from trackzoo.errors import SettingsError
from trackzoo.report import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Styles = Mapping[str, style.Line]
P = ParamSpec("P")

#: Height of a line of print, over its size.
LEADING = 1.3
#: Space between the parts of a sheet, in inches.
GAP = 0.08
_KEY_SYMBOL, _KEY_GAP = 0.34, 0.16
NOTE_SIZE = 6.0


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draws with the settings of `style.figures`, and leaves those of the caller's own figures alone."""

    @wraps(draw)
    def within(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style.figures():
            return draw(*args, **kwargs)

    return within


def sheet(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, apart from pyplot.

    Raises:
        SettingsError: a width that no page has.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not 1.5 <= width <= 40:
        raise SettingsError(f"found a figure width of {width:g} inches, expected 1.5 to 40")
    figure = Figure(figsize=(width, height), dpi=style.PNG_DPI)
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float, **settings: Any) -> Axes:
    """Axes at a place in inches from the lower left corner."""
    across, up = figure.get_size_inches()
    axes: Axes = figure.add_axes((left / across, bottom / up, width / across, height / up), **settings)
    return axes


def styles_of(names: Iterable[str], given: Styles | None = None) -> dict[str, style.Line]:
    """Each tracker's style: the given one, else the next that nobody has, in the order of `names`."""
    found = dict(given or {})
    free = iter(range(10_000))
    taken = {line.index for line in found.values()}
    for name in names:
        if name not in found:
            found[name] = style.line(next(index for index in free if index not in taken))
    return found


def plain(text: str) -> str:
    """`text` taken literally by matplotlib, which reads formulas between dollars."""
    return text.replace("$", r"\$")


def name_of(tracker: str, length: int = style.NAME_LENGTH) -> str:
    """A tracker's name as figures print it."""
    return plain(style.shorten(tracker, length))


def text_width(texts: Iterable[str], size: float) -> float:
    """Width in inches of the widest of `texts` at that print size; 0 for none."""
    import matplotlib

    family = tuple(matplotlib.rcParams["font.family"])
    lines = (line for text in texts for line in text.replace("\\$", "$").split("\n"))
    return max((_line_width(line, family) * size for line in lines), default=0.0)


@lru_cache(maxsize=4096)
def _line_width(line: str, family: tuple[str, ...]) -> float:
    """Width in inches of a line of print of size 1. Print scales; measuring is slow, and names come again and again."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=list(family), size=100)
    return float(text_to_path.get_text_width_height_descent(line, font, False)[0]) / 7200


def wrapped(text: str, width: float, size: float) -> list[str]:
    """`text` in lines no wider than `width` inches; a word that is wider stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width([longer], size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def key_names(trackers: ListOf[str], width: float, prefix: str = "", size: float = style.LEGEND_SIZE) -> list[str]:
    """Names for a key, short enough that many of them stand in two columns or more.

    Args:
        trackers: the names.
        width: of the sheet in inches.
        prefix: what else stands before each (text of the same width).
        size: of the print.
    """
    length = style.NAME_LENGTH
    if len(trackers) > 6:
        room = (width - 2 * GAP + _KEY_GAP) / 2 - _KEY_SYMBOL - _KEY_GAP - 0.02
        while length > 12 and text_width([prefix + name_of(name, length) for name in trackers], size) > room:
            length -= 1
    return [name_of(name, length) for name in trackers]


def key_layout(labels: ListOf[str], width: float, size: float = style.LEGEND_SIZE) -> tuple[int, float]:
    """Columns and height in inches of a key of `labels` that is as wide as the sheet."""
    if not labels:
        return 1, 0.0
    each = _KEY_SYMBOL + _KEY_GAP + text_width(labels, size)
    columns = max(1, min(len(labels), int((width + _KEY_GAP) / each)))
    return columns, math.ceil(len(labels) / columns) * size * LEADING / 72 + GAP


def key_below(
    figure: Figure,
    handles: ListOf[Any],
    labels: ListOf[str],
    top: float,
    size: float = style.LEGEND_SIZE,
    gids: ListOf[str] = (),
) -> None:
    """The key across the sheet, its upper edge `top` inches above the sheet's bottom; `key_layout` says how high it is."""
    width, height = map(float, figure.get_size_inches())
    legend = figure.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, top / height),
        ncols=key_layout(labels, width - 2 * GAP, size)[0],
        frameon=False,
        fontsize=size,
        borderpad=0.0,
        borderaxespad=0.0,
        handlelength=_KEY_SYMBOL * 72 / size - 0.8,
        handletextpad=0.5,
        labelspacing=LEADING - 1,
        columnspacing=_KEY_GAP * 72 / size,
    )
    for gid, handle, text in zip(gids, legend.legend_handles, legend.get_texts(), strict=False):
        if handle is not None:
            handle.set_gid(gid)
        text.set_gid(gid)


def note_lines(texts: Iterable[str], width: float) -> list[str]:
    """Small print in lines as wide as the sheet."""
    return [line for text in texts for line in wrapped(text, width - 2 * GAP, NOTE_SIZE)]


def note_height(lines: ListOf[str]) -> float:
    """Height in inches of small print."""
    return len(lines) * NOTE_SIZE * LEADING / 72 + (GAP if lines else 0.0)


def notes_at(figure: Figure, lines: ListOf[str], top: float) -> None:
    """Small print, its upper edge `top` inches above the sheet's bottom."""
    if not lines:
        return
    width, height = map(float, figure.get_size_inches())
    text = "\n".join(map(plain, lines))
    figure.text(GAP / width, top / height, text, fontsize=NOTE_SIZE, va="top", linespacing=LEADING, color=style.INK)


def fitting(
    low: float, high: float, steps: ListOf[float] = (1, 2, 5, 10, 20), most: int = 6
) -> tuple[float, float, float]:
    """Limits around `low` to `high` that are multiples of a step, and the step: the smallest of at most `most` steps."""
    scale = 1.0
    while (high - low) / scale < 1 and scale > 1e-6:
        scale /= 10
    for step in (factor * power for power in (scale, scale * 10, scale * 100, scale * 1000) for factor in steps):
        begin, end = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        if end <= begin:
            end = begin + step
        if (end - begin) / step <= most:
            return begin, end, step
    return low, high, high - low

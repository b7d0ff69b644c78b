"""How figures look: the one place for colours, lines, fonts and sizes.

A line is told by its darkness and its dashes together, so that thirty of them stay apart when printed in grey: five
colours at least 13 apart in CIE lightness, times six dash patterns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: Line colours for white paper, dark to light (L* 9, 30, 44, 58, 72).
COLOURS = ("#0d1440", "#8c1030", "#2069b0", "#2f9e78", "#e0a526")
#: The same lines on a dark screen, in the same order, light to dark, so that the first stays the strongest.
DARK_COLOURS = ("#f4f6ff", "#ffc76e", "#55c9a2", "#5f9dea", "#d8486e")
#: Dash patterns in line widths, on and off; the first is solid.
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (4, 1.6),
    (1.2, 1.3),
    (6, 1.5, 1.2, 1.5),
    (3, 1.3, 1.2, 1.3, 1.2, 1.3),
    (9, 3),
)

#: Hatches of bars, in step with `DASHES`: bars of one colour are told apart by them. Lines alone: dots make files large.
HATCHES = ("", "////", "----", "xxxx", "\\\\\\\\", "++++")
#: Point markers. Twelve of them times five colours give sixty points that differ.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")

INK, GRID, PAPER = "#1a1a1a", "#d5d5d5", "#ffffff"
#: What stands in the background: figures of others, names that are not picked out.
SOFT = "#8a8a8a"
#: The annotation, where it is drawn into pictures: no tracker has its colour.
TRUTH = "#b9ff3a"

#: Axes of a curve plot in inches: with its legend it fits a column and a half, two stand side by side on a page.
AXES = (3.1, 2.65)
#: Width in inches of one column, and of the page, of a two-column paper (IEEE: 88.9 and 181.9 mm).
COLUMN, PAGE = 3.5, 7.16
FONT_SIZE = 8.0
LEGEND_SIZE = 7.0
#: Smallest print that a journal accepts.
SMALLEST = 5.5
#: Names longer than this are shortened in the middle in legends.
NAME_LENGTH = 34
PNG_DPI = 200


@dataclass(frozen=True)
class Line:
    """How one tracker is drawn, in every plot of a report.

    Attributes:
        index: its number, from 0.
        colour: `#rrggbb` on white.
        dashes: on and off lengths in line widths; empty is solid.
        width: in points.
    """

    index: int
    colour: str
    dashes: tuple[float, ...]
    width: float


def line(index: int) -> Line:
    """Line style number `index`; after thirty the patterns come again, thinner."""
    turn, place = divmod(index, len(COLOURS) * len(DASHES))
    dash, colour = divmod(place, len(COLOURS))
    # What ranks first is drawn strongest; the width also keeps solid lines apart from dashed ones where they cross.
    width = max(0.9, 1.6 - 0.12 * dash) * (0.7 if turn else 1.0)
    return Line(index, COLOURS[colour], DASHES[dash], width)


def marker(index: int) -> str:
    """Point marker of line style number `index`; with its colour it is unlike that of any other up to sixty."""
    return MARKERS[index % len(MARKERS)]


def hatch(index: int) -> str:
    """Hatch of a bar in line style number `index`; with its colour it is unlike that of any other up to thirty."""
    return HATCHES[index // len(COLOURS) % len(HATCHES)]


def shorten(name: str, length: int = NAME_LENGTH) -> str:
    """`name` in at most `length` characters: the middle goes, since variants differ at the ends."""
    if len(name) <= length:
        return name
    head = (length - 1) * 3 // 5
    return f"{name[:head]}…{name[len(name) - (length - 1 - head) :]}"


@contextmanager
def figures(**changes: Any) -> Iterator[None]:
    """matplotlib's settings for our figures, for the time of the block.

    Fonts go into PDF as TrueType (type 42: publishers refuse type 3); SVG is the same on every run.
    """
    import matplotlib

    settings: Any = {
        # By name, not "serif", which would mean another font once the block is left; the second has what the first lacks.
        "font.family": ["STIXGeneral", "DejaVu Serif"],
        "mathtext.fontset": "stix",
        "font.size": FONT_SIZE,
        "axes.titlesize": FONT_SIZE + 1,
        "axes.labelsize": FONT_SIZE,
        "axes.linewidth": 0.6,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "text.color": INK,
        "axes.facecolor": "none",
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "xtick.labelsize": FONT_SIZE - 1,
        "ytick.labelsize": FONT_SIZE - 1,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.major.width": 0.5,
        "ytick.major.width": 0.5,
        "grid.color": GRID,
        "grid.linewidth": 0.5,
        "legend.fontsize": LEGEND_SIZE,
        "hatch.linewidth": 0.5,
        "lines.dash_capstyle": "butt",
        "lines.scale_dashes": True,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "pdf.compression": 6,
        "svg.fonttype": "path",
        "svg.hashsalt": "trackzoo",
        "savefig.dpi": PNG_DPI,
        **changes,
    }
    with matplotlib.rc_context(settings):
        yield

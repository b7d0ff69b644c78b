"""What a report shows of a board beside its curves."""

from __future__ import annotations

from trackzoo.report.figures.difference import NAMED
from trackzoo.report.figures.drawn import Drawn, Wanted
from trackzoo.report.figures.of_boards import DRAW, difference_of
from trackzoo.report.figures.sheet import Styles
from trackzoo.report.model import Board

#: Width in inches of the wide figures of a page: half a screen's, with print that can still be read.
_WIDE = 5.2


def attached(board: Board, styles: Styles) -> list[tuple[str, str, dict[str, bytes]]]:
    """Attribute bars and radar, VOT's EAO and AR plots, the first run against the second by sequence; where they apply.

    Args:
        board: the runs.
        styles: tracker -> its style.

    Returns:
        Short name, what it shows, and the files by format, for each.
    """
    from trackzoo.report import style
    from trackzoo.report.plots import render

    kinds = (("attributes", _WIDE), ("radar", None), ("eao", _WIDE), ("ar", None))
    wanted = [DRAW[kind](board, Wanted(width=wide), styles) for kind, wide in kinds]
    whole = [entry for entry in board.entries if entry.complete or board.common]
    if len(whole) > 1 and len(board.names) > 1:
        wide = style.COLUMN if len(board.names) <= NAMED else _WIDE
        wanted.append(difference_of(board, whole[0], whole[1], Wanted(width=wide), styles))
    found = []
    for made in wanted:
        if isinstance(made, Drawn):
            with style.figures():
                files = render(made.figure, whole=made.whole)
            found.append((made.name.removeprefix(f"{board.key}-"), made.label, files))
    return found

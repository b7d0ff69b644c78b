"""The kinds of figures that can be drawn out of results, by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from trackzoo.errors import UnknownName

if TYPE_CHECKING:
    from trackzoo.report.figures.drawn import Drawn, Wanted

#: Kind -> what it shows, in the order of the help.
KINDS: dict[str, str] = {
    "success": "share of frames above each overlap threshold",
    "precision": "share of frames below each centre error",
    "norm-precision": "the same, in target sizes",
    "ranking": "trackers by one figure, with bootstrap intervals",
    "attributes": "bars by attribute",
    "radar": "the same on spokes",
    "speed": "accuracy against speed; runs of one lane and job alone",
    "difference": "one tracker minus another, sequence by sequence",
    "ablation": "a figure over a setting, from several results folders or a CSV file",
    "eao": "expected average overlap over length (VOT)",
    "ar": "accuracy against robustness (VOT)",
    "overlap": "overlap over the frames of a sequence",
    "strip": "frames with the trackers' boxes",
    "failures": "where the first named tracker loses its target, in pictures",
}


def draw(kind: str, wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    """Draw the figures of a kind.

    Args:
        kind: key of `KINDS`.
        wanted: which results, and how.

    Returns:
        The figures, and lines on what a reader must know or what was left out.

    Raises:
        UnknownName: no such kind, tracker, data set, sequence, metric or profile.
        TrackzooError: nothing to draw, with the reason; results that are incomplete or damaged.
    """
    if kind not in KINDS:
        raise UnknownName("kind of figure", kind, KINDS, "'trackzoo plot --help'")
    from trackzoo.report.figures import of_boards, of_pictures, of_settings

    drawers = {
        "ablation": of_settings.draw,
        "overlap": of_pictures.draw_overlaps,
        "strip": of_pictures.draw_strips,
        "failures": of_pictures.draw_failures,
    }
    drawer = drawers.get(kind) or partial(of_boards.draw, kind)
    return drawer(wanted)

"""A report as a Python object: shows itself, gives a data frame, writes itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackzoo.errors import TrackzooError
from trackzoo.report.model import Board, Comparison
from trackzoo.report.records import FIELDS, records
from trackzoo.report.selection import tracker_id
from trackzoo.report.table import Table, attribute_table, board_table, cross_table, overview_table, pair_table
from trackzoo.report.uncertainty import pair

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Report:
    """Tables, plots and pages of a comparison. Printing it shows its tables.

    Attributes:
        comparison: what it shows.
        decimals: digits after the point in tables; files of records are unrounded.
        intervals: show the figures' intervals in tables, and every tracker against the best one.
        pairs: trackers to be held against each other, in tables of their own.
    """

    comparison: Comparison
    decimals: int = 2
    intervals: bool = False
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def boards(self) -> tuple[Board, ...]:
        """One a data set, protocol, profile and set of sequences."""
        return self.comparison.boards

    @property
    def tables(self) -> list[Table]:
        """The overview, where there are several data sets and trackers, then one table a board, then pairs of trackers.

        Where all profiles were asked for: one table a tracker instead, with its figures under each of them.
        """
        if self.comparison.crosses:
            return [*self.cross_tables, *self.pair_tables]
        overview = overview_table(self.comparison, self.decimals)
        boards = [board_table(board, self.decimals, self.intervals) for board in self.boards]
        return [*([overview] if overview else []), *boards, *self.pair_tables]

    @property
    def cross_tables(self) -> list[Table]:
        """Each run under every profile, where that was asked for."""
        return [cross_table(cross, self.decimals, self.intervals) for cross in self.comparison.crosses]

    @property
    def pair_tables(self) -> list[Table]:
        """Two trackers against each other: one table a pair and board that has both."""
        found = [pair_table(board, *pair, self.decimals) for pair in self.pairs for board in self.boards]
        return [table for table in found if table is not None]

    @property
    def attribute_tables(self) -> list[Table]:
        """One table a board whose data set has attributes."""
        return [table for board in self.boards if (table := attribute_table(board))]

    @property
    def notes(self) -> list[str]:
        """What a reader must know, a line each."""
        titles = [board.title for board in self.boards]
        own = []
        for board in self.boards:
            which = f"{board.title} ({board.profile}), " if titles.count(board.title) > 1 else f"{board.title}, "
            own += [f"{which}{note}" if len(titles) > 1 else note for note in board.notes]
        return [*own, *self.comparison.notes]

    @property
    def frame(self) -> pd.DataFrame:
        """Every figure as a row of a pandas data frame, unrounded, with profile, version and fingerprint."""
        import pandas as pd

        return pd.DataFrame(list(records(self.comparison)), columns=list(FIELDS))

    def write(self, out: str | Path) -> list[Path]:
        """Write everything into the folder `out`; see `trackzoo.report.write.write_report`."""
        from trackzoo.report.write import write_report

        return write_report(self, Path(out))

    def __str__(self) -> str:
        from trackzoo.report.terminal import text

        return text(self.tables, self.notes)

    def __repr__(self) -> str:
        return str(self).rstrip()

    def _repr_html_(self) -> str:
        from trackzoo.report.html import fragment

        return "".join(fragment(table) for table in self.tables)


def checked_pairs(comparison: Comparison, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Pairs by the names that results are filed under.

    Raises:
        UnknownName: no such tracker.
        TrackzooError: no board has both, on the same sequences.
    """
    found = []
    for first, second in pairs:
        there = {entry.tracker for board in comparison.boards for entry in board.entries}
        a, b = tracker_id(first, there), tracker_id(second, there)
        if a == b or not any(pair(board, a, b) for board in comparison.boards):
            raise TrackzooError(
                f"cannot compare '{first}' with '{second}': no two sets of results of them on the same two or more sequences; "
                f"found {', '.join(sorted(there))}"
            )
        found.append((a, b))
    return tuple(found)

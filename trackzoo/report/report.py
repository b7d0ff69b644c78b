"""A report as a Python object: shows itself, gives a data frame, writes itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackzoo.report.model import Board, Comparison
from trackzoo.report.records import FIELDS, records
from trackzoo.report.table import Table, attribute_table, board_table, overview_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Report:
    """Tables, plots and pages of a comparison. Printing it shows its tables.

    Attributes:
        comparison: what it shows.
        decimals: digits after the point in tables; files of records are unrounded.
    """

    comparison: Comparison
    decimals: int = 2

    @property
    def boards(self) -> tuple[Board, ...]:
        """One a data set, protocol, profile and set of sequences."""
        return self.comparison.boards

    @property
    def tables(self) -> list[Table]:
        """The overview, where there are several data sets and trackers, then one table a board."""
        overview = overview_table(self.comparison, self.decimals)
        boards = [board_table(board, self.decimals) for board in self.boards]
        return [*([overview] if overview else []), *boards]

    @property
    def attribute_tables(self) -> list[Table]:
        """One table a board whose data set has attributes."""
        return [table for board in self.boards if (table := attribute_table(board))]

    @property
    def notes(self) -> list[str]:
        """What a reader must know, a line each."""
        several = len(self.boards) > 1
        own = [f"{board.title}, {note}" if several else note for board in self.boards for note in board.notes]
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

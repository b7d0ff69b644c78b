"""Tables as text: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from typing import IO, Any

from trackzoo.report.table import Cell, Row, Table

#: Width where nobody says one (a pipe, a file, a notebook): wide enough not to break figures.
WIDTH = 160
#: Raised digits, so that a footnote's number is not read as part of a figure.
_RAISED = str.maketrans("0123456789,", "⁰¹²³⁴⁵⁶⁷⁸⁹ ")
_STYLES = {"best": "bold", "second": "underline", "": ""}


def print_tables(tables: Iterable[Table], notes: Iterable[str] = (), file: IO[str] | None = None) -> None:
    """Print tables one below the other, then `notes`, a line each. `file` defaults to standard output."""
    from rich.console import Console

    out = file or sys.stdout
    console = Console(file=out, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(file=out, highlight=False, width=WIDTH)
    for table in tables:
        drawn = _rich(table)
        # A table that is too wide for the window is printed whole all the same: a figure that is cut is no figure.
        needed = console.measure(drawn, options=console.options.update(max_width=10_000)).maximum
        Console(file=out, highlight=False, width=max(console.width, needed)).print(drawn)
        for line in filter(None, (table.caption, table.rules)):
            console.print(line, style="dim", markup=False, soft_wrap=True)
        for mark, note in table.footnotes:
            console.print(f" {mark.translate(_RAISED)} {note}", style="dim", markup=False, soft_wrap=True)
        console.print()
    for note in notes:
        console.print(note, markup=False, soft_wrap=True)


def text(tables: Iterable[Table], notes: Iterable[str] = ()) -> str:
    """The same as plain text."""
    file = io.StringIO()
    print_tables(tables, notes, file)
    return file.getvalue().rstrip() + "\n"


def _rich(table: Table) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for heading in table.headings:
        drawn.add_column(Text(heading.text), justify="right" if heading.numeric else "left", no_wrap=True)
    # Room for the longest notes of a column in each of its cells, so that the figures stand in line.
    room = [
        max((len(_raised(row.cells[place])) for row in table.rows), default=0) for place in range(len(table.headings))
    ]
    behind = [max((len(row.cells[place].detail) for row in table.rows), default=0) for place in range(len(room))]
    for above, row in zip((None, *table.rows), table.rows, strict=False):
        if row.reference and not (above and above.reference):
            drawn.add_section()
            drawn.add_row(
                *[Text("published", style="dim italic") if i == 1 else Text("") for i in range(len(row.cells))]
            )
        places = zip(row.cells, room, behind, strict=True)
        drawn.add_row(*[_cell(cell, row, notes, detail, Text) for cell, notes, detail in places])
    return drawn


def _raised(cell: Cell) -> str:
    return ",".join(cell.notes).translate(_RAISED)


def _cell(cell: Cell, row: Row, room: int, behind: int, text: Any) -> Any:
    content = text(cell.text, style=_STYLES[cell.mark])
    content.append(_raised(cell).ljust(room), style="dim not bold not underline")
    if behind:
        content.append(f" {cell.detail:>{behind}}", style="dim not bold not underline")
    if row.reference:
        content.stylize("dim")
    return content

"""The report as Markdown, as GitHub and most editors show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf

from trackzoo.report.table import Cell, Table

_BEST, _SECOND = ("**", "**"), ("<u>", "</u>")


def page(
    title: str,
    tables: ListOf[Table],
    plots: Mapping[str, ListOf[tuple[str, str]]],
    notes: ListOf[str],
    foot: ListOf[str],
) -> str:
    """A whole page.

    Args:
        title: its heading.
        tables: in order.
        plots: key of a table -> (caption, relative path of a picture) shown below it.
        notes: lines below the heading.
        foot: lines at the end.
    """
    parts = [f"# {_plain(title)}"]
    parts += [f"> {_plain(note)}" for note in notes]
    for table in tables:
        parts += [f"## {_plain(table.title)}", _plain(table.caption)]
        parts += [_plain(table.rules)] if table.rules else []
        parts.append(grid(table))
        if table.footnotes:
            parts.append("  \n".join(f"<sup>{mark}</sup> {_plain(text)}" for mark, text in table.footnotes))
        if found := plots.get(table.key):
            parts.append("\n".join(f"![{_plain(caption)}]({path})" for caption, path in found))
    parts += [_plain(line) for line in foot]
    return "\n\n".join(parts) + "\n"


def grid(table: Table) -> str:
    """The table alone; best in bold, second underlined."""
    lines = [
        "| " + " | ".join(_plain(heading.text) for heading in table.headings) + " |",
        "|" + "|".join(" ---: " if heading.numeric else " :--- " for heading in table.headings) + "|",
    ]
    for row in table.rows:
        cells = [_cell(cell) for cell in row.cells]
        if row.reference:
            cells = [f"*{cell}*" if cell and place == 1 else cell for place, cell in enumerate(cells)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    before, after = {"best": _BEST, "second": _SECOND, "": ("", "")}[cell.mark]
    notes = f"<sup>{','.join(cell.notes)}</sup>" if cell.notes else ""
    detail = f" {_plain(cell.detail)}" if cell.detail else ""
    return f"{before}{_plain(cell.text)}{after}{notes}{detail}" if cell.text else notes


def _plain(text: str) -> str:
    """`text` with Markdown's own characters taken literally."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|" else letter for letter in text)

"""Tables for a paper: booktabs, best in bold, second underlined. The file is made to be `\\input`."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import replace

from trackzoo.report.table import Cell, Table, escape

HEAD = """% Made by trackzoo {version}. Needs \\usepackage{{booktabs}} in the preamble; then \\input{{table}}.
% Best in bold, second underlined. The caption carries profile, sequences and fingerprint: keep them with the numbers.
"""
#: Columns that help on a screen and not in a paper.
_DROPPED = ("#",)
#: More letters than this, or twice as many, do not fit one column, or the whole page, of a two-column paper.
_NARROW = 46
#: Rows that fit a page together with their footnotes.
_ROWS = 36

_SIGNS = {"−": "$-$", "–": "--", "±": "$\\pm$", "Δ": "$\\Delta$", "†": "$\\dagger$", "‡": "$\\ddagger$", "§": "\\S",
          "·": "$\\cdot$", "…": "\\dots{}", "×": "$\\times$", "≥": "$\\geq$", "≤": "$\\leq$",
          "≈": "$\\approx$"}  # fmt: skip


def document(tables: ListOf[Table], version: str) -> str:
    """All tables, each as one `table` environment, or as several where it is longer than a page."""
    parts = [environment(part, first=place == 0) for table in tables for place, part in enumerate(pages(table))]
    return HEAD.format(version=version) + "\n" + "\n".join(parts)


def pages(table: Table, rows: int = _ROWS) -> list[Table]:
    """The table in parts that fit a page, each with the footnotes that it needs."""
    parts = []
    for begin in range(0, max(len(table.rows), 1), rows):
        part = table.rows[begin : begin + rows]
        used = {mark for row in part for cell in row.cells for mark in cell.notes}
        notes = tuple(note for note in table.footnotes if note[0] in used)
        title = f"{table.title} (continued)" if begin else table.title
        parts.append(replace(table, title=title, rows=part, footnotes=notes))
    return parts


def environment(table: Table, *, first: bool = True) -> str:
    """One table with caption, footnotes and (the first of several parts alone) a label."""
    kept = [place for place, heading in enumerate(table.headings) if heading.text not in _DROPPED]
    width = sum(_width(table, place) + 2 for place in kept)
    wide = "*" if width > _NARROW else ""
    columns = "".join("r" if table.headings[place].numeric else "l" for place in kept)
    size = (
        "\\footnotesize\\setlength{\\tabcolsep}{3pt}" if width > 2 * _NARROW else "\\small\\setlength{\\tabcolsep}{4pt}"
    )
    lines = [
        f"\\begin{{table{wide}}}[t]",
        "  \\centering",
        f"  \\caption{{{literal(table.title)}: {literal(table.caption)}.}}",
        *([f"  \\label{{tab:{label(table.key)}}}"] if first else []),
        "  \\vspace{4pt}",
        f"  {size}",
        f"  \\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        "    \\toprule",
        "    " + " & ".join(table.headings[place].latex for place in kept) + " \\\\",
        "    \\midrule",
    ]
    for above, row in zip((None, *table.rows), table.rows, strict=False):
        if row.reference and not (above and above.reference):
            rule = ["    \\midrule"] if above else []
            lines += [*rule, f"    \\multicolumn{{{len(kept)}}}{{@{{}}l}}{{\\emph{{published}}}} \\\\"]
        lines.append("    " + " & ".join(_cell(row.cells[place]) for place in kept) + " \\\\")
    lines += ["    \\bottomrule", "  \\end{tabular}"]
    if table.footnotes:
        notes = " \\quad ".join(f"$^{{{_mark(mark)}}}$\\,{literal(text)}." for mark, text in table.footnotes)
        lines += ["", "  \\vspace{2pt}", f"  {{\\footnotesize\\raggedright {notes}\\par}}"]
    lines.append(f"\\end{{table{wide}}}\n")
    return "\n".join(lines)


def literal(text: str) -> str:
    """`text` as LaTeX prints it literally, with signs that pdfLaTeX has no letters for."""
    return "".join(_SIGNS.get(letter) or escape(letter) for letter in text)


def label(key: str) -> str:
    """`key` with the letters that a label may have."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-.") else "-" for letter in key)


def _width(table: Table, place: int) -> int:
    """Letters of the widest cell of a column."""
    return max(
        len(table.headings[place].text),
        *(len(row.cells[place].text + row.cells[place].detail) for row in table.rows),
        0,
    )


def _mark(mark: str) -> str:
    return {"†": "\\dagger", "‡": "\\ddagger", "§": "\\S", "≈": "\\approx", "±": "\\pm"}.get(mark, mark)


def _cell(cell: Cell) -> str:
    text = literal(cell.text)
    if cell.mark:
        text = f"\\{'textbf' if cell.mark == 'best' else 'underline'}{{{text}}}"
    notes = f"$^{{{','.join(_mark(mark) for mark in cell.notes)}}}$" if cell.notes else ""
    return text + notes + (f"\\,{{\\scriptsize {literal(cell.detail)}}}" if cell.detail else "")

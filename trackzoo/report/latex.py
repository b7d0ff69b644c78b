"""Tables for a paper: booktabs, best in bold, second underlined. The file is made to be `\\input`."""

from __future__ import annotations

from collections.abc import Sequence as ListOf

from trackzoo.report.table import Cell, Table, escape

HEAD = """% Made by trackzoo {version}. Needs \\usepackage{{booktabs}} in the preamble; then \\input{{table}}.
% Best in bold, second underlined. The caption carries profile, sequences and fingerprint: keep them with the numbers.
"""
#: Columns that help on a screen and not in a paper.
_DROPPED = ("#",)
#: More letters than this, or twice as many, do not fit one column, or the whole page, of a two-column paper.
_NARROW = 46

_SIGNS = {"−": "$-$", "–": "--", "±": "$\\pm$", "Δ": "$\\Delta$", "†": "$\\dagger$", "‡": "$\\ddagger$", "§": "\\S",
          "·": "$\\cdot$", "…": "\\dots{}", "×": "$\\times$", "≥": "$\\geq$", "≤": "$\\leq$"}  # fmt: skip


def document(tables: ListOf[Table], version: str) -> str:
    """All tables, one `table` environment each."""
    return HEAD.format(version=version) + "\n" + "\n".join(environment(table) for table in tables)


def environment(table: Table) -> str:
    """One table with caption, label and footnotes."""
    kept = [place for place, heading in enumerate(table.headings) if heading.text not in _DROPPED]
    width = sum(_width(table, place) + 2 for place in kept)
    wide = "*" if width > _NARROW else ""
    columns = "".join("r" if table.headings[place].numeric else "l" for place in kept)
    lines = [
        f"\\begin{{table{wide}}}[t]",
        "  \\centering",
        f"  \\caption{{{literal(table.title)}: {literal(table.caption)}.}}",
        f"  \\label{{tab:{label(table.key)}}}",
        "  \\footnotesize\\setlength{\\tabcolsep}{3pt}"
        if width > 2 * _NARROW
        else "  \\small\\setlength{\\tabcolsep}{4pt}",
        f"  \\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        "    \\toprule",
        "    " + " & ".join(table.headings[place].latex for place in kept) + " \\\\",
        "    \\midrule",
    ]
    references = False
    for row in table.rows:
        if row.reference and not references:
            references = True
            lines += ["    \\midrule", f"    \\multicolumn{{{len(kept)}}}{{@{{}}l}}{{\\emph{{published}}}} \\\\"]
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
    return max(len(table.headings[place].text), *(len(row.cells[place].text) for row in table.rows), 0)


def _mark(mark: str) -> str:
    return {"†": "\\dagger", "‡": "\\ddagger", "§": "\\S"}.get(mark, mark)


def _cell(cell: Cell) -> str:
    text = literal(cell.text)
    if cell.mark:
        text = f"\\{'textbf' if cell.mark == 'best' else 'underline'}{{{text}}}"
    return text + (f"$^{{{','.join(_mark(mark) for mark in cell.notes)}}}$" if cell.notes else "")

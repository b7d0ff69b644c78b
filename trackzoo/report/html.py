"""The report as one HTML file that needs nothing else: tables that sort, plots inline, where every number comes from."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass
from importlib import resources
from typing import Any

from trackzoo._version import __version__
from trackzoo.metrics.bootstrap import by_sequence
from trackzoo.report import style
from trackzoo.report.columns import column, show
from trackzoo.report.mask_pictures import MaskStrip
from trackzoo.report.model import Board, Comparison, Entry
from trackzoo.report.table import Cell, Table, attribute_table, board_table, marks, overview_table


@dataclass(frozen=True)
class SequenceRow:
    """One sequence: a cell a tracker, and best minus worst."""

    name: str
    frames: int | str
    cells: tuple[Cell, ...]
    spread: Cell | None


@dataclass(frozen=True)
class SequenceTable:
    """The main metric by sequence.

    Attributes:
        trackers: names, best first.
        rows: sequences in the benchmark's order.
        unit: what a row is: `sequence` or `object`.
    """

    trackers: tuple[str, ...]
    rows: tuple[SequenceRow, ...]
    unit: str = "sequence"


def page(
    comparison: Comparison,
    plots: Mapping[str, ListOf[tuple[str, bytes]]],
    lines: Mapping[str, style.Line],
    *,
    title: str,
    foot: str,
    decimals: int = 2,
    intervals: bool = False,
    pairs: ListOf[Table] = (),
    crosses: ListOf[Table] = (),
    strips: Mapping[str, ListOf[MaskStrip]] | None = None,
) -> str:
    """The page.

    Args:
        comparison: what it shows.
        plots: key of a board -> (what it shows, SVG file) for the plots below its table.
        lines: tracker -> its line in the plots.
        title: heading.
        foot: last line.
        decimals: digits after the point in tables.
        intervals: print the figures' intervals in tables, where a resting pointer shows them anyway.
        pairs: tables of two trackers against each other.
        crosses: tables of trackers under every profile.
        strips: key of a board -> masks on frames.
    """
    strips = strips or {}
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    source = (resources.files("trackzoo.report") / "templates" / "report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    times = Counter(board.dataset for board in comparison.boards)
    boards = [
        {
            "key": board.key,
            "profile": f"{board.profile} v{board.version}",
            "repeated": times[board.dataset] > 1,
            "table": board_table(board, decimals, intervals),
            "pairs": [table for table in pairs if table.key.startswith(f"{board.key}-")],
            "notes": board.notes,
            "shown": column(_by_sequence(board)).title,
            "plots": [(label, Markup(inline(svg))) for label, svg in plots.get(board.key, ())],
            "attributes": attribute_table(board),
            "masks": strips.get(board.key, ()),
            "sequences": [table for table in (sequence_table(board), object_table(board)) if table is not None],
        }
        for board in comparison.boards
    ]
    runs = {(entry.tracker, entry.dataset) for board in comparison.boards for entry in board.entries}
    page: str = environment.from_string(source).render(
        title=title,
        version=__version__,
        summary=" · ".join(
            (
                _count(len({tracker for tracker, _ in runs}), "tracker"),
                _count(len(times), "data set"),
                _count(len(runs), "run"),
            )
        ),
        notes=comparison.notes,
        overview=overview_table(comparison, decimals),
        boards=boards,
        crosses=crosses,
        lines={name: line.index for name, line in lines.items()},
        provenance=[_provenance(board, entry) for board in comparison.boards for entry in board.entries],
        colours=style.COLOURS,
        dark_colours=style.DARK_COLOURS,
        foot=foot,
    )
    return page


def fragment(table: Table) -> str:
    """One table as plain HTML, for notebooks."""
    from markupsafe import escape

    def notes(cell: Cell) -> str:
        return f"<sup>{escape(','.join(cell.notes))}</sup>" if cell.notes else ""

    looks = {"best": "font-weight:bold", "second": "text-decoration:underline", "": ""}
    parts = [f"<h4>{escape(table.title)}</h4><table><thead><tr>"]
    parts += [f'<th title="{escape(heading.meaning)}">{escape(heading.text)}</th>' for heading in table.headings]
    parts.append("</tr></thead><tbody>")
    for row in table.rows:
        cells = "".join(
            f'<td style="text-align:{"right" if heading.numeric else "left"};{looks[cell.mark]}">'
            f"{escape(cell.text)}{notes(cell)}{escape(f' {cell.detail}' if cell.detail else '')}</td>"
            for heading, cell in zip(table.headings, row.cells, strict=True)
        )
        parts.append(f"<tr{' style=opacity:.65' if row.reference else ''}>{cells}</tr>")
    parts.append(f"</tbody></table><p><small>{escape(table.caption)}")
    parts += [f"<br>{escape(table.rules)}"] if table.rules else []
    parts += [f"<br><sup>{escape(mark)}</sup> {escape(text)}" for mark, text in table.footnotes]
    parts.append("</small></p>")
    return "".join(parts)


def inline(svg: bytes) -> str:
    """A matplotlib SVG as it stands inside a page: no fixed size, colours from the page's style, lines that can be lit."""
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'id="line:(\d+)"', r'data-line="\1"', text)
    # matplotlib counts groups from 1 in every file; ids must be unique in a page, and nothing refers to these.
    text = re.sub(
        r' id="(?:figure|patch|axes|matplotlib\.axis|xtick|ytick|line2d|text|legend|PathCollection)_\d+"', "", text
    )
    variables = {colour: f"var(--l{index})" for index, colour in enumerate(style.COLOURS)}
    variables |= {style.INK: "var(--ink)", style.GRID: "var(--grid)", "#000000": "var(--ink)"}
    variables |= {f"fill: {style.PAPER}": "fill: none", f"stroke: {style.PAPER}": "stroke: var(--paper)"}
    for colour, variable in variables.items():
        text = text.replace(colour, variable)
    return text


def sequence_table(board: Board) -> SequenceTable | None:
    """The main metric of every run on every sequence; None where the scores do not say."""
    metric = _by_sequence(board)
    entries = [entry for entry in board.entries if metric in entry.scores.per_sequence]
    if not entries:
        return None
    found: list[dict[str, float]] = []
    frames: dict[str, int] = {}
    for entry in entries:
        scores = entry.scores
        values, _ = by_sequence(scores, scores.per_sequence[metric], scores.weights.get(metric))
        found.append(dict(zip(scores.sequences, map(float, values), strict=True)))
        frames |= dict(zip(scores.groups or scores.names, entry.frames, strict=False))
    return _table(board, entries, found, frames, board.names, "sequence")


def object_table(board: Board) -> SequenceTable | None:
    """The same object by object, of label maps; None where no video has several objects."""
    metric = _by_sequence(board)
    entries = [entry for entry in board.entries if entry.scores.groups and metric in entry.scores.per_sequence]
    if not any(len(entry.scores.names) > len(entry.scores.sequences) for entry in entries):
        return None
    found = [
        dict(zip(entry.scores.names, map(float, entry.scores.per_sequence[metric]), strict=True)) for entry in entries
    ]
    frames: dict[str, int] = {}
    for entry in entries:
        frames |= dict(zip(entry.scores.names, entry.frames, strict=False))
    names = list(dict.fromkeys(name for entry in entries for name in entry.scores.names))
    return _table(board, entries, found, frames, names, "object")


def _by_sequence(board: Board) -> str:
    """The metric of those tables: the main one, or, where that is no mean over sequences (G), J&F."""
    main = board.main.metric
    return "jf" if main == "g" else main


def _table(
    board: Board,
    entries: ListOf[Entry],
    found: ListOf[Mapping[str, float]],
    frames: Mapping[str, int],
    names: ListOf[str],
    unit: str,
) -> SequenceTable:
    higher = board.main.higher
    rows = []
    for name in names:
        values = [scores.get(name, math.nan) for scores in found]
        known = [value for value in values if not math.isnan(value)]
        if not known:
            continue
        cells = tuple(
            Cell(show(value, 1), value, mark) for value, mark in zip(values, marks(values, 1, higher), strict=True)
        )
        spread = max(known) - min(known)
        rows.append(
            SequenceRow(name, frames.get(name, ""), cells, Cell(show(spread, 1), spread) if len(entries) > 1 else None)
        )
    return SequenceTable(tuple(entry.tracker for entry in entries), tuple(rows), unit)


def _provenance(board: Board, entry: Entry) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "profile": f"{board.profile} v{board.version}",
        "annotation scored on": entry.fingerprint,
        "sequences": f"{entry.sequences} of {len(entry.expected)}",
        "repetitions": entry.repeats,
    }
    if entry.speed is not None:
        kind = (
            "fps, one lane"
            if entry.speed.latency
            else f"throughput of {entry.speed.lanes} lanes, {entry.speed.jobs} jobs"
        )
        facts[kind] = f"{entry.speed.fps:.1f} ({entry.speed.frames} frames in {entry.speed.seconds:.1f} s)"
        facts["devices"] = ", ".join(entry.speed.devices)
    return {
        "title": f"{entry.tracker} on {board.dataset} ({board.profile} v{board.version})",
        "path": str(entry.path),
        "notes": entry.scores.notes,
        "text": "\n".join(f"{name}: {value}" for name, value in facts.items())
        + "\n\nrun.json\n"
        + json.dumps(entry.identity, indent=2, ensure_ascii=False, default=str),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

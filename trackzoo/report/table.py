"""Boards as tables: cells with their text, rank and marks, whatever they are printed on later."""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass, replace
from typing import Literal

from trackzoo.metrics.bootstrap import Interval
from trackzoo.report.columns import Column, show
from trackzoo.report.model import Board, Comparison, CrossBoard, Deviation, Entry
from trackzoo.report.uncertainty import CONFIDENCE, MARGIN, Versus, against_best, pair, spread_of

Mark = Literal["", "best", "second"]

INCOMPLETE, OTHER_DATA, RANDOM, TIED = "†", "‡", "§", "≈"
_SURE = f"{100 * CONFIDENCE:g} %"


@dataclass(frozen=True)
class Heading:
    """Head of a column.

    Attributes:
        text: plain.
        latex: in LaTeX.
        meaning: a few words.
        numeric: figures, set to the right.
    """

    text: str
    latex: str
    meaning: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """One place of a table.

    Attributes:
        text: what stands there.
        value: what it sorts by; NaN sorts last.
        mark: rank within its column.
        notes: footnote marks behind the text.
        detail: small text behind those: an interval, a spread.
        title: what a pointer that rests on it is told.
    """

    text: str
    value: float | str = ""
    mark: Mark = ""
    notes: tuple[str, ...] = ()
    detail: str = ""
    title: str = ""


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        cells: one a heading.
        reference: figures of a paper, not of a run.
        key: what the row is about (the tracker).
    """

    cells: tuple[Cell, ...]
    reference: bool = False
    key: str = ""


@dataclass(frozen=True)
class Table:
    """A table that any renderer prints.

    Attributes:
        title: what it shows.
        caption: facts that every number in it carries: profile and version, sequences, fingerprint.
        rules: the profile's rules in a few words, where it is not said elsewhere.
        headings, rows: the table.
        footnotes: (mark, text) in the order of the marks.
        key: short name, unique within a report.
    """

    title: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[tuple[str, str], ...] = ()
    key: str = ""
    rules: str = ""


def marks(values: ListOf[float], decimals: int = 2, higher: bool = True) -> list[Mark]:
    """Rank of each value as it is printed: equal print is equal rank. One value alone, or equal ones alone, get no mark."""
    printed = [round(value, decimals) if math.isfinite(value) else None for value in values]
    levels = sorted({value for value in printed if value is not None}, reverse=higher)
    if len(levels) < 2:
        return [""] * len(printed)
    return ["best" if value == levels[0] else "second" if value == levels[1] else "" for value in printed]


def board_table(board: Board, decimals: int = 2, intervals: bool = False) -> Table:
    """The table of one board: rank, tracker, metrics, deviation from the paper, speed.

    With `intervals`, figures carry theirs, those that are not told apart from the best of their column are marked, and every
    tracker is held against the best one.
    """
    runs = board.entries
    own = any(not entry.complete for entry in runs)
    deviating = [column for column in board.columns if any(_deviations(entry, column) for entry in runs)]
    latency = any(entry.speed and entry.speed.latency for entry in runs)
    throughput = any(entry.speed and not entry.speed.latency for entry in runs)
    headings = [Heading("#", "\\#", "rank by the first figure"), Heading("Tracker", "Tracker", numeric=False)]
    headings += [Heading(column.title, column.latex, column.meaning) for column in board.columns]
    headings += [
        Heading(f"Δ {column.title}", f"$\\Delta$\\,{column.latex}", "ours minus the tracker's own paper")
        for column in deviating
    ]
    behind = against_best(board, board.main) if intervals else {}
    ties = {column.metric: against_best(board, column) for column in board.columns} if intervals else {}
    if behind:
        headings += _versus_headings(board.main)
    if latency:
        headings.append(Heading("FPS (1 lane)", "FPS (1 lane)", "timed frames over their seconds, one lane"))
    if throughput:
        headings.append(Heading("throughput", "throughput", "frames per second of several lanes or jobs together"))
    if own:
        headings.append(Heading("sequences", "sequences", "scored of those the run is meant to have"))
    notes = _Footnotes()
    ranked = [entry for entry in runs if (entry.complete or board.common) and not entry.random_weights]
    ranks: dict[str, list[Mark]] = {
        column.metric: marks(
            [entry.scores.metrics.get(column.metric, math.nan) for entry in ranked], decimals, column.higher
        )
        for column in board.columns
    }
    rows = []
    for entry in runs:
        place = ranked.index(entry) if entry in ranked else None
        cells = [
            Cell("–", math.inf) if place is None else Cell(str(place + 1), float(place + 1)),
            Cell(entry.tracker, entry.tracker, notes=_entry_notes(entry, board, notes)),
        ]
        for column in board.columns:
            mark: Mark = "" if place is None else ranks[column.metric][place]
            cell = replace(_figure(entry, column, decimals, intervals), mark=mark)
            stands = ties.get(column.metric, {}).get(entry.tracker)
            if stands is not None and stands.verdict == "tie":
                text = f"a tie with the best of the column: the {_SURE} interval of the paired difference holds 0"
                cell = replace(cell, notes=(*cell.notes, notes.named(TIED, text)))
            cells.append(cell)
        for column in deviating:
            cells.append(_deviation_cell(entry, column, notes))
        if behind:
            cells += _versus_cells(behind.get(entry.tracker), decimals)
        if latency:
            cells.append(_speed_cell(entry, True, notes))
        if throughput:
            cells.append(_speed_cell(entry, False, notes))
        if own:
            cells.append(Cell(f"{entry.sequences}/{len(entry.expected)}", float(entry.sequences)))
        rows.append(Row(tuple(cells), key=entry.tracker))
    rows += _published_rows(board, len(headings), notes)
    rules = f"{board.profile}: {board.describe}" if board.describe else ""
    caption = " · ".join((board_caption(board), *_uncertain(board, intervals)))
    return Table(board_title(board), caption, tuple(headings), tuple(rows), notes.all(), board.key, rules)


def _uncertain(board: Board, intervals: bool) -> list[str]:
    """What the small figures behind the others are."""
    facts = []
    if any(entry.repeats > 1 for entry in board.entries):
        facts.append("± standard deviation over repetitions")
    if intervals and any(entry.intervals for entry in board.entries):
        facts.append(f"in brackets {_SURE} intervals, bootstrap over the sequences")
    return facts


def _figure(entry: Entry, column: Column, decimals: int, intervals: bool) -> Cell:
    """A figure with what is known of its uncertainty."""
    value = entry.scores.metrics.get(column.metric, math.nan)
    if math.isnan(value):
        return Cell(show(value), value)
    details, titles = [], []
    spread = spread_of(entry, column.metric)
    if not math.isnan(spread):
        titles.append(f"standard deviation {show(spread, decimals)} over {entry.repeats} repetitions")
        details.append(f"±{show(spread, decimals)}")
    found = entry.intervals.get(column.metric)
    if found is not None and math.isfinite(found.low):
        titles.append(f"{_SURE} interval {_range(found, decimals)}, by resampling {entry.sequences} sequences")
        if intervals:
            details.append(f"[{show(found.low, decimals)}, {show(found.high, decimals)}]")
    return Cell(show(value, decimals), value, detail=" ".join(details), title="; ".join(titles))


def _range(found: Interval, decimals: int) -> str:
    return f"{show(found.low, decimals)} to {show(found.high, decimals)}"


def _versus_headings(column: Column) -> list[Heading]:
    meaning = f"{column.title} minus that of the best, with its {_SURE} interval (paired bootstrap over sequences)"
    counts = f"sequences won, tied (within {MARGIN:g}) and lost against the best, by {column.title}"
    return [
        Heading(f"{column.title} − best", f"{column.latex}\\,$-$\\,best", meaning),
        Heading("W/T/L", "W/T/L", counts),
    ]


def _versus_cells(found: Versus | None, decimals: int) -> list[Cell]:
    if found is None:
        return [Cell("", math.nan), Cell("", math.nan)]
    gap = found.difference
    detail = f"[{show(gap.low, decimals)}, {show(gap.high, decimals)}]" if math.isfinite(gap.low) else ""
    text = f"{'≈ ' if found.verdict == 'tie' else ''}{_signed(gap.value, decimals)}"
    return [
        Cell(text, gap.value, detail=detail, title="a tie" if found.verdict == "tie" else ""),
        Cell(found.record, float(found.wins - found.losses), title=f"against {found.second}"),
    ]


def _signed(value: float, decimals: int) -> str:
    text = show(value, decimals)
    return text if text.startswith("−") or not math.isfinite(value) else f"+{text}"


def pair_table(board: Board, first: str, second: str, decimals: int = 2) -> Table | None:
    """Two trackers metric by metric; None where the board has not both, on the same sequences.

    Differences whose interval holds 0 are ties.
    """
    found = pair(board, first, second)
    if not found:
        return None
    meanings = {column.metric: column for column in board.columns}
    headings = (
        Heading("Metric", "Metric", numeric=False),
        Heading(first, escape(first)),
        Heading(second, escape(second)),
        Heading("difference", "difference", f"{first} minus {second}"),
        Heading(f"{_SURE} interval", f"{escape(_SURE)} interval", "of the difference: paired bootstrap over sequences"),
        Heading("verdict", "verdict", "a tie where the interval holds 0", numeric=False),
        Heading("W/T/L", "W/T/L", f"sequences that {first} wins, ties (within {MARGIN:g}) and loses"),
    )
    rows = []
    for each in found:
        column, gap = meanings[each.metric], each.difference
        known = math.isfinite(gap.low)
        better = {"better": 0, "worse": 1, "tie": None}[each.verdict]
        marked: list[Mark] = ["best" if better == place else "" for place in (0, 1)]
        verdict = "tie" if better is None else f"{(first, second)[better]} better"
        rows.append(
            Row(
                (
                    Cell(column.title, column.title, title=column.meaning),
                    *(
                        Cell(show(value, decimals), value, mark)
                        for value, mark in zip(each.values, marked, strict=True)
                    ),
                    Cell(_signed(gap.value, decimals), gap.value),
                    Cell(f"{_signed(gap.low, decimals)} … {_signed(gap.high, decimals)}" if known else "–", gap.low),
                    Cell(verdict, verdict),
                    Cell(each.record, float(each.wins - each.losses)),
                )
            )
        )
    key = "".join(letter if letter.isalnum() or letter in "-_.@+=" else "_" for letter in f"{first}-{second}")
    caption = f"{board_caption(board)} · differences whose {_SURE} interval holds 0 are ties"
    title = f"{board_title(board)}: {first} against {second}"
    return Table(title, caption, headings, tuple(rows), (), f"{board.key}-{key}")


def cross_table(cross: CrossBoard, decimals: int = 2, intervals: bool = False) -> Table:
    """One tracker under every profile that applies, with each one's ceiling and floor; refusals with their reasons."""
    notes = _Footnotes()
    headings = [Heading("Profile", "Profile", numeric=False), Heading("Boxes", "Boxes", numeric=False)]
    headings += [Heading(column.title, column.latex, column.meaning) for column in cross.columns]
    kinds = {"run": cross.tracker, "ceiling": "ceiling (annotation)", "floor": "floor (first box)"}
    rows: list[Row] = []
    refusals = {row.profile: row.refused for row in cross.rows if row.kind == "run"}
    for row in cross.rows:
        if row.kind != "run" and row.refused and row.refused == refusals.get(row.profile):
            continue  # said once: it is about the annotation
        profile = f"{row.profile} v{row.version}" if row.version else row.profile
        refused = (notes.numbered(row.refused),) if row.scores is None else ()
        cells = [
            Cell(profile if row.kind == "run" else "", f"{profile} {len(rows):04d}"),
            Cell(kinds[row.kind] + (": refused" if refused else ""), kinds[row.kind], notes=refused),
        ]
        for column in cross.columns:
            value = row.scores.metrics.get(column.metric, math.nan) if row.scores is not None else math.nan
            found = row.intervals.get(column.metric)
            known = found is not None and math.isfinite(found.low) and not math.isnan(value)
            title = f"{_SURE} interval {_range(found, decimals)}" if found is not None and known else ""
            detail = (
                f"[{show(found.low, decimals)}, {show(found.high, decimals)}]" if found is not None and known else ""
            )
            shown = detail if intervals and row.kind == "run" else ""
            cells.append(Cell(show(value, decimals), value, detail=shown, title=title))
        rows.append(Row(tuple(cells), key=cross.tracker if row.kind == "run" else ""))
    part = "" if cross.sequences == cross.expected else f" of {cross.expected}"
    facts = [
        f"protocol {cross.protocol}",
        f"{cross.sequences}{part} sequence{'' if cross.sequences == 1 else 's'}",
        f"annotation {cross.fingerprint[:12]}",
        *(["boxes cut to integers"] if cross.as_released else []),
        *([f"in brackets {_SURE} intervals"] if intervals else []),
        *([f"not made for this data set: {', '.join(cross.others)}"] if cross.others else []),
    ]
    title = f"{cross.tracker} on {cross.title}{f' {cross.split}' if cross.split else ''} under every profile"
    return Table(title, " · ".join(facts), tuple(headings), tuple(rows), notes.all(), cross.key)


def board_title(board: Board) -> str:
    """Data set, split, and part of it."""
    part = f", {len(board.names)} of {board.total} sequences" if board.partial else ""
    return f"{board.title}{f' {board.split}' if board.split else ''}{part}"


def board_caption(board: Board) -> str:
    """What every number of the board carries."""
    facts = [
        f"profile {board.profile} v{board.version}",
        f"protocol {board.protocol}",
        f"{len(board.names)} sequence{'' if len(board.names) == 1 else 's'}"
        + (" that all of these runs have" if board.common else ""),
        f"annotation {board.fingerprint[:12]}",
    ]
    if any(entry.as_released for entry in board.entries):
        facts.append("boxes cut to integers")
    return " · ".join(facts)


def overview_table(comparison: Comparison, decimals: int = 2) -> Table | None:
    """Trackers by data sets, the main figure of each; None where there is one board or one tracker only."""
    boards = comparison.boards
    trackers = list(dict.fromkeys(entry.tracker for board in boards for entry in board.entries))
    if len(boards) < 2 or len(trackers) < 2:
        return None
    notes = _Footnotes()
    headings = [Heading("Tracker", "Tracker", numeric=False)]
    columns: list[dict[str, Cell]] = []
    # Which part of a data set it is stands in the caption: headings must stay short.
    titles = [board_title(replace(board, total=len(board.names))) for board in boards]
    for board, title in zip(boards, titles, strict=True):
        # Boards of the same data set are told apart by profile and part.
        which = f" ({board.profile})" if titles.count(title) > 1 else ""
        title = board_title(board) if which else title
        headings.append(
            Heading(
                f"{title} {board.main.title}{which}",
                f"{escape(title)} {board.main.latex}{escape(which)}",
                board_caption(board),
            )
        )
        whole = [entry for entry in board.entries if (entry.complete or board.common) and not entry.random_weights]
        values = [entry.scores.metrics.get(board.main.metric, math.nan) for entry in whole]
        ranks = dict(zip((entry.tracker for entry in whole), marks(values, decimals, board.main.higher), strict=True))
        columns.append(
            {
                entry.tracker: Cell(
                    show(value := entry.scores.metrics.get(board.main.metric, math.nan), decimals),
                    value,
                    ranks.get(entry.tracker, ""),
                    _entry_notes(entry, board, notes, short=True),
                )
                for entry in board.entries
            }
        )
    rows = tuple(
        Row((Cell(name, name), *(column.get(name, Cell("–", math.nan)) for column in columns)), key=name)
        for name in trackers
    )
    profiles: dict[str, list[str]] = {}
    for board in boards:
        profiles.setdefault(f"{board.profile} v{board.version}", []).append(board_title(board))
    caption = " · ".join(f"profile {profile}: {', '.join(titles)}" for profile, titles in profiles.items())
    return Table("Overview", caption, tuple(headings), rows, notes.all(), "overview")


def attribute_table(board: Board, decimals: int = 1) -> Table | None:
    """The main metric over the sequences of each attribute, averaged as the profile averages; None where there are none."""
    main = board.main
    names = list(dict.fromkeys(name for sequence in board.names for name in board.attributes.get(sequence, ())))
    runs = [entry for entry in board.entries if entry.complete or board.common]
    if not names or not runs or not all(main.metric in entry.scores.per_sequence for entry in runs):
        return None
    headings = [Heading("Tracker", "Tracker", numeric=False)]
    columns: list[list[Cell]] = []
    for name in names:
        scores = runs[0].scores
        having = [name in board.attributes.get(sequence, ()) for sequence in scores.groups or scores.names]
        many = sum(name in board.attributes.get(sequence, ()) for sequence in scores.sequences)
        count = f"{many} sequence{'' if many == 1 else 's'}"
        headings.append(Heading(f"{name} ({many})", f"{escape(name)} ({many})", count))
        values = [_mean(entry, main.metric, having) for entry in runs]
        ranks = marks(values, decimals, main.higher)
        columns.append([Cell(show(value, decimals), value, mark) for value, mark in zip(values, ranks, strict=True)])
    rows = tuple(
        Row((Cell(entry.tracker, entry.tracker), *(column[place] for column in columns)), key=entry.tracker)
        for place, entry in enumerate(runs)
    )
    caption = f"over the sequences that carry it · {board_caption(board)}"
    title = f"{board_title(board)}: {main.title} by attribute"
    return Table(title, caption, tuple(headings), rows, (), f"{board.key}-attributes")


def _mean(entry: Entry, metric: str, having: ListOf[bool]) -> float:
    values, weights = entry.scores.per_sequence[metric], entry.scores.weights.get(metric)
    chosen = [
        (float(value), 1.0 if weights is None else float(weights[place]))
        for place, value in enumerate(values)
        if having[place]
    ]
    total = sum(weight for _, weight in chosen)
    return sum(value * weight for value, weight in chosen if weight) / total if total else math.nan


def escape(text: str) -> str:
    """`text` with LaTeX's special characters taken literally."""
    special = {
        "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_", "{": "\\{", "}": "\\}",
        "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}",
        "|": "\\textbar{}",
    }  # fmt: skip
    return "".join(special.get(letter, letter) for letter in text)


class _Footnotes:
    """Collects footnotes; the same text keeps its mark, numbered ones count from 1."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def named(self, mark: str, text: str) -> str:
        """A note under a fixed mark; several texts under one mark are joined in the order given."""
        self._marks.setdefault(f"{mark}\n{text}", mark)
        return mark

    def numbered(self, text: str) -> str:
        """A note under the next number."""
        numbers = sum(mark.isdigit() for mark in self._marks.values())
        return self._marks.setdefault(f"\n{text}", str(numbers + 1))

    def all(self) -> tuple[tuple[str, str], ...]:
        """(mark, text), symbols before numbers."""
        notes = [(mark, key.split("\n", 1)[1]) for key, mark in self._marks.items()]
        return tuple(sorted(notes, key=lambda note: (note[0].isdigit(), int(note[0]) if note[0].isdigit() else 0)))


def _entry_notes(entry: Entry, board: Board, notes: _Footnotes, short: bool = False) -> tuple[str, ...]:
    found = []
    if not entry.complete:
        subset = "scored on what all of these runs have" if board.common else "scored on its own part, not ranked"
        text = f"incomplete: {subset}"
        if not short:
            text = f"{entry.tracker}: {len(entry.missing)} of {len(entry.expected)} sequences are missing; {subset}"
        found.append(notes.named(INCOMPLETE, text))
    if entry.other_data:
        found.append(notes.named(OTHER_DATA, "run on annotation that differs from what is on disk now"))
    if entry.random_weights:
        found.append(notes.named(RANDOM, "random weights: a test of the machinery, not of the tracker"))
    found += [notes.numbered(text) for text in entry.remarks]
    return tuple(found)


def _deviations(entry: Entry, column: Column) -> list[Deviation]:
    return [item for item in entry.deviations if item.figure.metric == column.metric]


def _deviation_cell(entry: Entry, column: Column, notes: _Footnotes) -> Cell:
    found = _deviations(entry, column)
    if not found:
        return Cell("", math.nan)
    texts, numbers = [], []
    for item in found:
        sign = "+" if item.value > 0 else "±" if item.value == 0 else ""
        texts.append(f"{sign}{show(item.value, item.figure.percent_rounding)}")
        numbers.append(
            notes.numbered(
                f"under profile {item.figure.profile} v{item.version}, against {item.figure.source}, rounded as there"
            )
        )
    return Cell(" / ".join(texts), found[0].value, notes=tuple(dict.fromkeys(numbers)))


def _speed_cell(entry: Entry, latency: bool, notes: _Footnotes) -> Cell:
    speed = entry.speed
    if speed is None or speed.latency is not latency or not math.isfinite(speed.fps):
        return Cell("", math.nan)
    how: tuple[str, ...] = ()
    if not latency:
        jobs = f" in each of {speed.jobs} jobs" if speed.jobs > 1 else ""
        how = (notes.numbered(f"{speed.lanes} lanes{jobs} at once: no latency figure"),)
    return Cell(show(speed.fps, 1 if speed.fps < 100 else 0), speed.fps, notes=how)


def _published_rows(board: Board, width: int, notes: _Footnotes) -> list[Row]:
    rows = []
    for row in board.published:
        cells = [Cell("", math.inf), Cell(row.printed, row.printed)]
        for column in board.columns:
            figure = row.figures.get(column.metric)
            if figure is None or figure.percent is None:
                cells.append(Cell("–", math.nan))
                continue
            sources = [f"{figure.source}, profile {figure.profile or 'not known'}"]
            if not figure.clean:
                sources.append(f"{figure.status}: {figure.note}")
            text = show(figure.percent, figure.percent_rounding)
            cells.append(Cell(text, figure.percent, notes=tuple(notes.numbered(source) for source in sources)))
        cells += [Cell("", math.nan)] * (width - len(cells))
        rows.append(Row(tuple(cells), reference=True, key=row.tracker))
    return rows

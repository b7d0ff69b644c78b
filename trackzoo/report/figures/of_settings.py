"""Ablations out of results: the same tracker run under several settings, or a table of figures."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import json
import math
from pathlib import Path
from typing import Any

from trackzoo.errors import DataError, SettingsError, TrackzooError, UnknownName
from trackzoo.metrics.bootstrap import spread
from trackzoo.registry import resolve, tracker
from trackzoo.report import style
from trackzoo.report.collect import collect
from trackzoo.report.columns import column
from trackzoo.report.figures.ablation import Series, ablation
from trackzoo.report.figures.drawn import Drawn, Wanted, board_title, caveats, fit_for_file
from trackzoo.report.model import Board, Entry

Setting = float | str
#: Series -> setting -> (score, spread).
Points = dict[str, dict[Setting, tuple[float, float]]]


def draw(wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    """One figure a data set and profile (one in all for a table).

    Raises:
        SettingsError: no setting was named, or a run does not say what its value was.
        TrackzooError: two runs with one setting; nothing to draw. Otherwise as `collect`.
    """
    if not wanted.setting:
        raise SettingsError("an ablation needs the setting that lies across: --setting NAME")
    return _of_table(wanted) if wanted.table is not None else _of_runs(wanted)


def _of_runs(wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    boards: dict[str, list[tuple[Path, Board]]] = {}
    notes: list[str] = []
    for folder in wanted.results:
        comparison = collect(folder, wanted.trackers, wanted.datasets, wanted.rules, data_root=wanted.data_root)
        notes += comparison.notes
        for board in comparison.boards:
            boards.setdefault(board.key, []).append((folder, board))
    made = []
    for key, found in boards.items():
        board = found[0][1]
        facts = column(wanted.metric) if wanted.metric else board.main
        points: Points = {}
        told: list[str] = []
        for folder, each in found:
            if each.fingerprint != board.fingerprint:
                raise TrackzooError(f"{folder}: {each.dataset} was scored on another annotation than in {found[0][0]}")
            told += caveats(each.entries, each)
            for entry in each.entries:
                _add(points, entry, facts.metric, wanted, folder)
        unit = f" [{facts.unit}]" if facts.unit else ""
        figure = _figure(points, wanted, f"{facts.title}{unit}", board_title(board), [
            f"Profile {board.profile} v{board.version}.",
            *dict.fromkeys(told),
            *(["Shaded: standard deviation over repetitions."] if _spread(points) else []),
        ])  # fmt: skip
        label = f"{facts.title} over {wanted.setting} on {board_title(board)}"
        made.append(Drawn(f"{key}-ablation-{fit_for_file(wanted.setting)}", figure, label))
    return made, list(dict.fromkeys(notes))


def _add(points: Points, entry: Entry, metric: str, wanted: Wanted, folder: Path) -> None:
    if metric not in entry.scores.metrics:
        raise UnknownName(f"metric under profile '{entry.scores.profile}'", metric, entry.scores.metrics)
    value = _value(entry, wanted.setting)
    name = entry.tracker if wanted.by == "tracker" else ""
    if wanted.by not in ("", "tracker"):
        name = f"{wanted.by} = {_word(_value(entry, wanted.by))}"
    line = points.setdefault(name, {})
    if value in line:
        what = f" of '{name}'" if name else ""
        raise TrackzooError(
            f"{folder}: found a second run{what} with {wanted.setting} = {_word(value)} ({entry.tracker}); name fewer "
            "trackers, or part the lines with --by"
        )
    line[value] = entry.scores.metrics[metric], spread(entry.scores).get(metric, (math.nan, math.nan))[1]


def _settings(entry: Entry) -> dict[str, Any]:
    """What the run's identity says that it was made with."""
    identity = entry.identity.get("identity", {})
    run = {key: identity[key] for key in ("dtype", "seed") if key in identity}
    return {**run, **identity.get("settings", {})}


def _usual(name: str) -> dict[str, Any]:
    """A tracker's default settings: by the signature of what makes it, or, where no weights are needed, by one that was made.

    Imports the tracker. Empty for one that is not known here.
    """
    try:
        found: dict[str, Any] = {}
        # A refiner's settings stand behind its prefix.
        for prefix, choice, _ in tracker(name).parts({}):
            parameters = inspect.signature(resolve(choice.spec.factory)).parameters.values()
            usual = {each.name: each.default for each in parameters if each.default is not each.empty}
            if not choice.learned:
                settings = getattr(choice.make(device="cpu", dtype="fp32"), "settings", None)
                if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
                    usual |= dataclasses.asdict(settings)
            found |= {f"{prefix}{key}": value for key, value in usual.items() if key not in ("device", "dtype")}
    except (TrackzooError, TypeError, ValueError):
        return {}
    return found


def _value(entry: Entry, name: str) -> Setting:
    settings = _settings(entry)
    if name not in settings:
        # What nobody set is the tracker's own to say.
        settings = {**_usual(entry.tracker), **settings}
    if name not in settings:
        has = f"has {', '.join(sorted(settings))}" if settings else "has none"
        raise SettingsError(f"{entry.path}: the run does not say what '{name}' was; {entry.tracker} {has}")
    value = settings[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else json.dumps(value, default=str)
    return float(value)


def _word(value: Setting) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _of_table(wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    path = wanted.table
    assert path is not None
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, getattr(error, "strerror", "") or str(error), "a CSV file with a heading") from None
    head = list(reader.fieldnames or [])
    if not wanted.metric:
        raise SettingsError("a table of figures needs the column that is drawn: --metric NAME")
    by = "" if wanted.by == "tracker" and "tracker" not in head else wanted.by
    for name in filter(None, (wanted.setting, wanted.metric, by)):
        if name not in head:
            raise UnknownName(f"column of {path}", name, head)
    points: Points = {}
    for number, row in enumerate(rows, 2):
        line = points.setdefault(str(row[by]) if by else "", {})
        value = _cell(row[wanted.setting])
        score = _cell(row[wanted.metric])
        if row[wanted.metric] and isinstance(score, str):
            raise DataError(path, f"{wanted.metric} '{score}'", "a number, or nothing", line=number)
        if value in line:
            raise DataError(path, f"{wanted.setting} {_word(value)} twice", "each setting once a line", line=number)
        line[value] = (score if isinstance(score, float) else math.nan), math.nan
    if not points:
        raise DataError(path, "no row under the heading", "a row a figure")
    figure = _figure(points, wanted, wanted.metric, "", [])
    return [Drawn(f"{fit_for_file(path.stem)}-ablation", figure, f"{wanted.metric} over {wanted.setting}")], []


def _cell(text: str | None) -> Setting:
    try:
        value = float(text or "")
    except ValueError:
        return text or ""
    return value if math.isfinite(value) else (text or "")


def _spread(points: Points) -> bool:
    return any(math.isfinite(each) for line in points.values() for _, each in line.values())


def _figure(points: Points, wanted: Wanted, label: str, title: str, notes: list[str]) -> Any:
    series = [
        Series(name, tuple(line), tuple(score for score, _ in line.values()), tuple(each for _, each in line.values()))
        for name, line in points.items()
    ]
    if wanted.top:
        series = series[: wanted.top]
    return ablation(
        series,
        setting=wanted.setting.replace("_", " "),
        label=label,
        title=wanted.titled(title),
        width=wanted.wide(style.COLUMN),
        notes=notes,
    )

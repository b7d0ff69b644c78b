"""Figures out of scored runs, one or more a board."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.metrics.bootstrap import Duel, by_sequence
from trackzoo.metrics.vot_scores import VotScores
from trackzoo.report import published, style
from trackzoo.report.collect import collect
from trackzoo.report.columns import Column, column
from trackzoo.report.figures import attributes
from trackzoo.report.figures.ar import ArPoint, ar_plot
from trackzoo.report.figures.bars import attribute_bars
from trackzoo.report.figures.difference import NAMED, Differences, differences
from trackzoo.report.figures.drawn import Drawn, Wanted, board_title, caveats
from trackzoo.report.figures.eao import EaoLine, eao_curve
from trackzoo.report.figures.radar import attribute_radar
from trackzoo.report.figures.ranking import Ranked, ranking
from trackzoo.report.figures.sheet import Styles, styles_of
from trackzoo.report.figures.speed import Bubble, accuracy_speed
from trackzoo.report.model import Board, Entry
from trackzoo.report.selection import tracker_id
from trackzoo.report.uncertainty import CONFIDENCE, intervals_of, versus

Draw = Callable[[Board, Wanted, Styles], "Drawn | str"]


def draw(kind: str, wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    """One figure a board that has what it shows, and lines on what was left out.

    Raises:
        TrackzooError: no board has what the figure shows; says why of each. Otherwise as `collect`.
    """
    from trackzoo.report.plots import lines

    comparison = collect(wanted.folder, wanted.trackers, wanted.datasets, wanted.rules, data_root=wanted.data_root)
    if not comparison.boards:
        raise TrackzooError(
            "nothing to draw: all profiles at once make a table ('trackzoo report'); name one with --profile"
        )
    filed = {entry.tracker for board in comparison.boards for entry in board.entries}
    # Whoever names trackers gets the same styles in every figure; otherwise the best has the strongest.
    named = [tracker_id(name, filed) for name in wanted.trackers]
    styles = styles_of(named) if named else lines(comparison.boards)
    found, reasons = [], []
    for board in comparison.boards:
        made = DRAW[kind](board, wanted, styles)
        if isinstance(made, str):
            reasons.append(f"{board_title(board)} ({board.profile}): {made}")
        else:
            found.append(made)
    if not found:
        raise TrackzooError(f"nothing to draw: {'; '.join(reasons)}")
    return found, [*comparison.notes, *(f"{reason}; left out." for reason in reasons)]


def _curve(name: str) -> Draw:
    def curve(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
        from trackzoo.report import plots

        kind = next(kind for kind in plots.KINDS if kind.curve == name)
        with style.figures():
            decimals = 1 if wanted.decimals is None else wanted.decimals
            figure = plots.curve_figure(board, kind, styles, decimals)
        if figure is None:
            return f"no run has {kind.title.lower()} curves"
        if wanted.title is not None:
            figure.axes[0].set_title(wanted.title)
        return Drawn(f"{board.key}-{name}", figure, f"{kind.title} on {board_title(board)}", whole=False)

    return curve


def _chart(board: Board, wanted: Wanted) -> attributes.AttributeChart | str:
    chart = attributes.chart(board, _metric(board, wanted, each=True).metric)
    if chart is not None:
        return chart
    if not any(board.attributes.values()):
        return "its sequences have no attributes"
    return "no run is complete; --common scores all on what they share"


def _bars(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
    chart = _chart(board, wanted)
    if isinstance(chart, str):
        return chart
    figure = attribute_bars(
        chart,
        styles,
        width=wanted.wide(style.PAGE),
        top=wanted.top or 12,
        title=wanted.title,
        decimals=1 if wanted.decimals is None else wanted.decimals,
    )
    return Drawn(f"{board.key}-attributes", figure, chart.title)


def _radar(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
    chart = _chart(board, wanted)
    if isinstance(chart, str):
        return chart
    if len(chart.attributes) < 3:
        return f"a radar needs 3 attributes, found {len(chart.attributes)}; 'attributes' draws bars"
    figure = attribute_radar(
        chart,
        styles,
        width=wanted.wide(),
        top=wanted.top or 8,
        own_scale=wanted.own_scale,
        title=wanted.title,
        decimals=1 if wanted.decimals is None else wanted.decimals,
    )
    return Drawn(f"{board.key}-radar", figure, f"{chart.title} (radar)")


def _metric(board: Board, wanted: Wanted, *, each: bool = False) -> Column:
    """The metric to show: the one that was asked for, else the one that ranks.

    Args:
        board: the runs.
        wanted: what was asked for.
        each: it must have values per sequence; the first that has stands in for one that ranks without them (EAO).

    Raises:
        UnknownName: one was asked for that no run of the board has.
    """
    if not wanted.metric:
        known = {name for entry in board.entries for name in entry.scores.per_sequence}
        return next((facts for facts in board.columns if not each or facts.metric in known), board.main)
    known = {name for entry in board.entries for name in (*entry.scores.metrics, *entry.scores.more)}
    if wanted.metric not in known:
        raise UnknownName(f"metric under profile '{board.profile}'", wanted.metric, known)
    return column(wanted.metric)


def _value(entry: Entry, metric: str) -> float:
    scores = entry.scores
    return float(scores.metrics.get(metric, scores.more.get(metric, math.nan)))


def _label(facts: Column) -> str:
    return f"{facts.title} [{facts.unit}]" if facts.unit else facts.title


def _ranking(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
    facts = _metric(board, wanted)
    # VOT's figures are printed as fractions; scores are in percent.
    fraction = facts.metric in published.METRICS and "fraction" in published.METRICS[facts.metric].units
    scale = 0.01 if fraction else 1.0
    ranked = []
    for entry in board.entries:
        found = (entry.intervals or intervals_of(entry.scores)).get(facts.metric)
        ends = (found.low * scale, found.high * scale) if found else (math.nan, math.nan)
        ranked.append(
            Ranked(
                entry.tracker, _value(entry, facts.metric) * scale, *ends, "" if entry.complete or board.common else "†"
            )
        )
    if not any(math.isfinite(entry.score) for entry in ranked):
        return f"no run has {facts.title}"
    notes = [f"Profile {board.profile} v{board.version}.", *caveats(board.entries, board)]
    if any(math.isfinite(entry.low) for entry in ranked):
        notes.insert(0, f"Lines: {CONFIDENCE * 100:g} % of resampled sequences (bootstrap).")
    figure = ranking(
        ranked[: wanted.top] if wanted.top else ranked,
        styles,
        label=facts.title if fraction else _label(facts),
        title=wanted.titled(board_title(board)),
        width=wanted.wide(),
        decimals=wanted.decimals if wanted.decimals is not None else 3 if fraction else 1,
        higher=facts.higher,
        notes=notes,
    )
    return Drawn(f"{board.key}-ranking", figure, f"Ranking by {facts.title} on {board_title(board)}")


def _speed(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
    facts = _metric(board, wanted)
    bubbles = [_bubble(entry, facts, wanted) for entry in board.entries]
    notes = [f"{facts.title}: profile {board.profile} v{board.version}.", *caveats(board.entries, board)]
    if wanted.rules.published:
        more, profiles = _published(board, facts, wanted)
        bubbles += more
        if profiles:
            notes.append(f"Published {facts.title}: profile {', '.join(profiles)}.")
    if not any(bubble.drawn for bubble in bubbles):
        reasons = dict.fromkeys(bubble.reason for bubble in bubbles if not bubble.drawn)
        return f"no run has both {facts.title} and a speed ({'; '.join(reasons)}); run with one lane and one job"
    figure = accuracy_speed(
        bubbles,
        styles,
        title=wanted.titled(board_title(board)),
        label=_label(facts),
        sizes=_SIZES.get(wanted.size, wanted.size.replace("_", " ")),
        latency=wanted.latency,
        width=wanted.wide(),
        notes=notes,
    )
    return Drawn(f"{board.key}-speed", figure, f"{facts.title} against speed on {board_title(board)}")


#: What the areas of bubbles may show: cost among the published figures -> its unit in the key.
_SIZES = {"params_m": "M parameters", "flops_g": "GFLOPs", "train_epochs": "epochs", "input_px": "px input"}
SIZES = tuple(_SIZES)


def _bubble(entry: Entry, facts: Column, wanted: Wanted) -> Bubble:
    speed, fps, reason = entry.speed, math.nan, "no speed"
    if speed is not None and speed.latency:
        fps = speed.fps
    elif speed is not None:
        # What several lanes do together says nothing about how long one frame takes.
        how = (
            f"{speed.lanes} lanes"
            if speed.lanes > 1
            else f"{speed.jobs} jobs"
            if speed.jobs > 1
            else "a shared machine"
        )
        reason = f"timed with {how}, which is throughput"
    device = " and ".join(speed.devices) if speed is not None and speed.latency else ""
    size = _cost(entry.tracker, wanted.size)
    return Bubble(entry.tracker, fps, _value(entry, facts.metric), size, False, device, reason)


def _cost(tracker: str, metric: str) -> float:
    """A published cost of a tracker; NaN where no paper prints it."""
    if not metric:
        return math.nan
    found = (figure.value for figure in published.lookup(tracker, metric=metric) if figure.value is not None)
    return next(found, math.nan)


def _published(board: Board, facts: Column, wanted: Wanted) -> tuple[list[Bubble], list[str]]:
    """Papers' trackers that have both figures, and the profiles of their scores."""
    if facts.metric not in published.METRICS:
        return [], []
    bubbles, profiles = [], []
    for row in published.rows_for(board.dataset, [facts.metric]).rows:
        figure = row.figures[facts.metric]
        rates = [rate for rate in published.lookup(row.tracker, metric="fps") if rate.value is not None and rate.clean]
        if figure.percent is None or not rates:
            continue
        rate = rates[0]
        device = (
            f"{rate.source}, {rate.setting if rate.setting.startswith('on ') else rate.note or 'hardware not said'}"
        )
        score = figure.percent if facts.unit == "%" else figure.value
        assert score is not None
        bubbles.append(
            Bubble(row.printed, rate.value or math.nan, score, _cost(row.tracker, wanted.size), True, device)
        )
        profiles.append(figure.profile or "not known")
    return bubbles, list(dict.fromkeys(profiles))


def _eao(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
    found = [(entry, entry.scores.curves["eao"]) for entry in board.entries if "eao" in entry.scores.curves]
    if not found:
        return "no run has an EAO curve; EAO comes from VOT's protocols"
    lines = []
    for entry, curve in found:
        # The figures count from length 0; a curve may begin later.
        first = round(float(curve.thresholds[0]))
        lines.append(
            EaoLine(entry.tracker, np.concatenate([np.zeros(first), curve.values]), _value(entry, "eao") / 100)
        )
    interval = next((entry.scores.interval for entry, _ in found if isinstance(entry.scores, VotScores)), None)
    figure = eao_curve(
        lines[: wanted.top] if wanted.top else lines,
        interval,
        styles,
        title=wanted.titled(board_title(board)),
        width=wanted.wide(),
        decimals=3 if wanted.decimals is None else wanted.decimals,
        notes=caveats(board.entries, board),
    )
    return Drawn(f"{board.key}-eao", figure, f"Expected average overlap on {board_title(board)}")


def _ar(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
    steady = [_steadiness(entry) for entry in board.entries]
    across = next((name for name, value in steady if math.isfinite(value)), "")
    points = [
        ArPoint(entry.tracker, _value(entry, "accuracy") / 100, value)
        for entry, (_, value) in zip(board.entries, steady, strict=True)
    ]
    if not any(math.isfinite(point.accuracy) and math.isfinite(point.robustness) for point in points):
        return "no run has accuracy and robustness; they come from VOT's protocols"
    figure = ar_plot(
        points[: wanted.top] if wanted.top else points,
        styles,
        title=wanted.titled(board_title(board)),
        label=across,
        width=wanted.wide(),
        full=wanted.full,
        notes=caveats(board.entries, board),
    )
    return Drawn(f"{board.key}-ar", figure, f"Accuracy and robustness on {board_title(board)}")


def _steadiness(entry: Entry) -> tuple[str, float]:
    """What VOT sets against accuracy, by the run's experiment: its label, and the fraction."""
    if math.isfinite(value := _value(entry, "robustness")):
        return "Robustness", value / 100
    if math.isfinite(value := _value(entry, "reliability")):
        return "Reliability (S = 30)", value / 100
    # PySOT prints failures a hundred frames alone; VOT's reliability is exp(-30 failures a frame).
    return "Reliability (S = 30)", math.exp(-30 * _value(entry, "failure_rate") / 100)


def _difference(board: Board, wanted: Wanted, styles: Styles) -> Drawn | str:
    entries = {entry.tracker: entry for entry in board.entries}
    names = [tracker_id(name, set(entries)) for name in wanted.trackers] or list(entries)
    names = [name for name in dict.fromkeys(names) if name in entries]
    if len(names) != 2:
        return f"differences are between two trackers, found {len(names)} ({', '.join(names[:5])}); name two"
    return difference_of(board, entries[names[0]], entries[names[1]], wanted, styles)


def difference_of(board: Board, first: Entry, second: Entry, wanted: Wanted, styles: Styles) -> Drawn | str:
    """First minus second on every sequence; a line that says why where they cannot be set against each other."""
    facts = _metric(board, wanted, each=True)
    if any(facts.metric not in entry.scores.per_sequence for entry in (first, second)):
        return f"{facts.title} has no values per sequence"
    if first.scores.names != second.scores.names:
        return f"{first.tracker} and {second.tracker} have other sequences; --common scores both on what they share"
    gap = first.scores.per_sequence[facts.metric] - second.scores.per_sequence[facts.metric]
    gap, _ = by_sequence(first.scores, gap, first.scores.weights.get(facts.metric))
    found = versus(first, second, facts)
    fight = Duel(facts.metric, found.difference, found.wins, found.ties, found.losses) if found else None
    given = Differences(
        first.tracker, second.tracker, first.scores.sequences, gap, _label(facts), fight, higher=facts.higher
    )
    figure = differences(
        given,
        styles,
        title=wanted.titled(board_title(board)),
        width=wanted.wide(style.COLUMN if len(gap) <= NAMED else style.PAGE),
        decimals=1 if wanted.decimals is None else wanted.decimals,
        notes=[f"Profile {board.profile} v{board.version}.", *caveats((first, second), board)],
    )
    label = f"{facts.title} of {first.tracker} minus {second.tracker} by sequence on {board_title(board)}"
    return Drawn(f"{board.key}-difference", figure, label)


DRAW: Mapping[str, Draw] = {
    "success": _curve("success"),
    "precision": _curve("precision"),
    "norm-precision": _curve("norm_precision"),
    "attributes": _bars,
    "radar": _radar,
    "ranking": _ranking,
    "speed": _speed,
    "eao": _eao,
    "ar": _ar,
    "difference": _difference,
}

"""The regression gate: scores of today's runs against a baseline, and where their boxes part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence as ListOf
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trackzoo.errors import ResultsError, SettingsError, TrackzooError, listing
from trackzoo.geometry import Floats
from trackzoo.metrics.bootstrap import by_sequence
from trackzoo.metrics.vos import VOS_PROFILES
from trackzoo.report.baseline import BaselineRun, Scored, read_baseline, write_baseline
from trackzoo.report.boxes_text import STEPS
from trackzoo.report.collect import default_profile, random_weights, refuse_incomplete, score
from trackzoo.report.columns import show
from trackzoo.report.parting import Parting, gap, parting
from trackzoo.report.selection import Library, Opened, dataset_id, select, tracker_id
from trackzoo.report.vos import is_vos, profiles_for as vos_profiles_for, score_vos
from trackzoo.report.vot import VotRun, as_vot, profiles_for, score_vot
from trackzoo.store.read import StoredRun, find_runs


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        failures: a line for each metric that is off, run that is missing …; empty when all is well.
        notes: what else differs, a line each.
        runs: number of runs that were compared.
        metrics: number of metrics that were compared.
        largest: largest change of a metric, in percent points.
        gap: largest difference of a coordinate, in pixels.
    """

    failures: tuple[str, ...]
    notes: tuple[str, ...]
    runs: int
    metrics: int
    largest: float
    gap: float


def save(
    path: Path,
    results: Path,
    trackers: ListOf[str] = (),
    datasets: ListOf[str] = (),
    profiles: ListOf[str] = (),
    data_root: str | Path | None = None,
) -> list[BaselineRun]:
    """Score the chosen runs and write them as a baseline. Incomplete ones are refused; errors as `collect.collect`."""
    runs = [as_vot(run) for run in select(results, trackers, datasets)]
    library = Library(data_root)
    refuse_incomplete(runs, library, results)
    saved = []
    for run in runs:
        if random_weights(run):
            raise TrackzooError(
                f"{run.path}: found a run with random weights, which tests speed; its scores are no baseline"
            )
        opened = library.open(run)
        if opened.hidden:
            raise TrackzooError(f"{run.dataset}: {opened.hidden}; it cannot be scored")
        names = opened.ordered(run.expected)
        scored = _scored(run, names, _profiles(run, opened, profiles), library)
        fingerprint = opened.fingerprint(names)
        saved.append(
            BaselineRun(run.tracker, run.dataset, run.protocol, fingerprint, names, _boxes(run, names), scored)
        )
    write_baseline(path, saved)
    return saved


def check(
    path: Path,
    results: Path,
    trackers: ListOf[str] = (),
    datasets: ListOf[str] = (),
    *,
    tolerance: float = 0.1,
    box_tolerance: float = 1.0,
    data_root: str | Path | None = None,
) -> Outcome:
    """Compare runs with a baseline.

    Args:
        path: the baseline file.
        results: results folder.
        trackers, datasets: of the baseline's runs, only these; none means all.
        tolerance: largest change of a metric over the data set that passes, in percent points.
        box_tolerance: boxes part where a coordinate differs by more, in pixels.
        data_root: where the benchmarks lie.

    Raises:
        DataError: no baseline, or a damaged one.
        SettingsError: a tracker or data set that the baseline has not; a negative tolerance.
        TrackzooError: the baseline was made under another version of a profile, or on other annotation: its figures cannot
            be compared with today's.
    """
    if not (tolerance >= 0 and box_tolerance >= 0):
        raise SettingsError(f"tolerances must not be negative, found {tolerance:g} and {box_tolerance:g}")
    everything = read_baseline(path)
    found = {(run.tracker, run.dataset, run.protocol): as_vot(run) for run in find_runs(results)}
    library, tally = Library(data_root), _Tally(path, tolerance, box_tolerance)
    for then in _chosen(path, everything, trackers, datasets):
        run = found.get(then.key)
        reason = f"no such run in {results}" if run is None else _unready(run, then)
        if run is None or reason:
            tally.failures.append(f"{then}: {reason}")
        else:
            tally.compare(then, run, library)
    extra = sorted(set(found) - {then.key for then in everything})
    if extra and not (trackers or datasets):
        names = [f"{tracker} on {dataset}" for tracker, dataset, _ in extra]
        tally.notes.append(f"not in the baseline: {listing(names, 6)}")
    return Outcome(tuple(tally.failures), tuple(tally.notes), tally.runs, tally.metrics, tally.largest, tally.gap)


@dataclass
class _Tally:
    """Compares run after run; see `Outcome`."""

    path: Path
    tolerance: float
    box_tolerance: float
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: int = 0
    metrics: int = 0
    largest: float = 0.0
    gap: float = 0.0

    def compare(self, then: BaselineRun, run: StoredRun, library: Library) -> None:
        opened = library.open(run)
        _refuse_other_data(self.path, then, opened.fingerprint(opened.ordered(then.names)))
        boxes = _boxes(run, then.names)
        now = _scored(run, then.names, [scored.profile for scored in then.scored], library)
        _refuse_other_rules(self.path, then, now)
        pairs = list(zip(boxes, then.boxes, strict=True))
        where = _first(then.names, pairs, self.box_tolerance)
        off = []
        for before, after in zip(then.scored, now, strict=True):
            lines, change = _off(then, before, after, self.tolerance)
            off += lines
            self.largest, self.metrics = max(self.largest, change), self.metrics + len(before.metrics)
        if off:
            blame = _blame(where or _first(then.names, pairs, 1 / STEPS))
            self.failures += [f"{line}; {blame}" for line in off]
        elif where:
            self.notes.append(
                f"{then}: metrics agree, but boxes part by more than {self.box_tolerance:g} px at {where}"
            )
        self.runs += 1
        self.gap = max(self.gap, *(gap(ours, theirs) for ours, theirs in pairs))


def _first(
    names: ListOf[str], pairs: ListOf[tuple[ListOf[Floats], ListOf[Floats]]], tolerance: float
) -> Parting | None:
    """Where the first repetition that parts does so."""
    return next((found for ours, theirs in pairs if (found := parting(names, ours, theirs, tolerance))), None)


def _profiles(run: StoredRun, opened: Opened, wanted: ListOf[str]) -> list[str]:
    """Profiles of a run's baseline. Raises `TrackzooError` where none of those asked for scores such runs."""
    if is_vos(run):
        if found := vos_profiles_for(opened.dataset, wanted):
            return found
        raise TrackzooError(f"{run.path}: {', '.join(wanted)} do not score label maps; {', '.join(VOS_PROFILES)} do")
    if not isinstance(run, VotRun):
        return list(wanted) or [default_profile(opened.dataset)]
    found = profiles_for(run, wanted)
    if not found:
        raise TrackzooError(f"{run.path}: {', '.join(wanted)} do not score runs under '{run.protocol}'; 'vot' does")
    return found


def _boxes(run: StoredRun, names: Iterable[str]) -> tuple[tuple[Floats, ...], ...]:
    if is_vos(run):
        # All objects of a video, one under another.
        return tuple(
            tuple(np.concatenate([run.boxes(name, repeat, obj) for obj in run.objects(name, repeat)]) for name in names)
            for repeat in run.repeats
        )
    return tuple(tuple(run.boxes(name, repeat) for name in names) for repeat in run.repeats)


def _scored(run: StoredRun, names: tuple[str, ...], profiles: Iterable[str], library: Library) -> tuple[Scored, ...]:
    boxes = [list(repetition) for repetition in _boxes(run, names)]
    scored = []
    for profile in profiles:
        try:
            opened, vot = library.open(run), run if isinstance(run, VotRun) else None
            if is_vos(run):
                scores = score_vos(run, opened, names, profile)
            else:
                scores = score_vot(vot, opened, names, profile) if vot else score(opened, boxes, names, profile)
        except ResultsError as error:
            raise TrackzooError(f"{run.path}: {error}") from None
        each = {
            name: by_sequence(scores, values, scores.weights.get(name))[0]
            for name, values in scores.per_sequence.items()
            if name in scores.metrics
        }
        scored.append(Scored(scores.profile, scores.version, scores.metrics, each))
    return tuple(scored)


def _chosen(path: Path, runs: list[BaselineRun], trackers: ListOf[str], datasets: ListOf[str]) -> list[BaselineRun]:
    known = {run.tracker for run in runs}, {run.dataset for run in runs}
    wanted = [tracker_id(name, known[0]) for name in trackers], [dataset_id(name, known[1]) for name in datasets]
    for what, names, has in zip(("tracker", "data set"), wanted, known, strict=True):
        for name in names:
            if name not in has:
                raise SettingsError(f"{path}: the baseline has no {what} '{name}', only {', '.join(sorted(has))}")
    return [
        run for run in runs if (not trackers or run.tracker in wanted[0]) and (not datasets or run.dataset in wanted[1])
    ]


def _unready(run: StoredRun, then: BaselineRun) -> str:
    """Why a run cannot be compared; empty where it can."""
    if len(run.repeats) != len(then.boxes):
        return f"{len(run.repeats)} repetitions, the baseline has {len(then.boxes)}"
    finished = set.intersection(*(set(run.names(repeat)) for repeat in run.repeats))
    missing = [name for name in then.names if name not in finished]
    if missing:
        return f"{len(missing)} of the baseline's {len(then.names)} sequences are not there: {listing(missing)}"
    for repeat in run.repeats:
        for name, boxes in zip(then.names, then.boxes[0], strict=True):
            if isinstance(run, VotRun):
                count = len(run.boxes(name, repeat))
            elif is_vos(run):
                count = sum(entry["boxes"]["rows"] for entry in run.record(name, repeat)["objects"].values())
            else:
                count = next(iter(run.record(name, repeat)["objects"].values()))["boxes"]["rows"]
            if count != len(boxes):
                return f"sequence '{name}' has {count} frames, the baseline {len(boxes)}"
    return ""


def _refuse_other_data(path: Path, then: BaselineRun, fingerprint: str) -> None:
    if then.fingerprint != fingerprint:
        raise TrackzooError(
            f"{path}: the baseline of {then} was made on other annotation (fingerprint {then.fingerprint[:12]}, now "
            f"{fingerprint[:12]}), so its figures cannot be compared; check the data set or save the baseline anew"
        )


def _refuse_other_rules(path: Path, then: BaselineRun, now: ListOf[Scored]) -> None:
    for before, after in zip(then.scored, now, strict=True):
        if before.version != after.version:
            raise TrackzooError(
                f"{path}: the baseline of {then} was scored under {before.profile} v{before.version}, this is "
                f"v{after.version}, so its figures cannot be compared; save the baseline anew"
            )


def _off(then: BaselineRun, before: Scored, after: Scored, tolerance: float) -> tuple[list[str], float]:
    """A line for each metric that is off, and the largest change of any."""
    lines, largest = [], 0.0
    for metric, old in before.metrics.items():
        new = after.metrics.get(metric, math.nan)
        if math.isnan(old) and math.isnan(new):
            continue
        change = abs(new - old) if not (math.isnan(old) or math.isnan(new)) else math.inf
        largest = max(largest, change)
        # Figures are stored to a millionth.
        if change > tolerance + 1e-6:
            worst = _worst(then, before, after, metric)
            lines.append(
                f"{then}: {metric} {show(new)}, baseline {show(old)} ({show(new - old)}, tolerance {tolerance:g}, "
                f"{before.profile} v{before.version}){worst}"
            )
    return lines, largest


def _worst(then: BaselineRun, before: Scored, after: Scored, metric: str) -> str:
    """The sequence that changed most."""
    old, new = before.per_sequence.get(metric), after.per_sequence.get(metric)
    if old is None or new is None:
        return ""
    change = np.nan_to_num(np.abs(new - old), nan=np.inf)
    place = int(change.argmax())
    return f", most in '{then.names[place]}' ({show(float(old[place]))} to {show(float(new[place]))})"


def _blame(where: Parting | None) -> str:
    if where is None:
        return "the boxes are the same, so it is the scoring that changed"
    return f"results part first at {where}"

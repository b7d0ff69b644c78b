"""Scores of runs under VOT's protocols, as reports take them: regions in, `VotScores` out.

Profiles: `vot` (vot-toolkit 0.9.0) for all of them, `pysot` (StrangerZhang/pysot-toolkit) for reset-based runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence as ListOf
from dataclasses import dataclass

import numpy as np

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.geometry import Floats
from trackzoo.metrics.types import Curve, Pooled, Scores
from trackzoo.metrics.vot_multistart import INTERVAL, MultistartScores, multistart, run as anchor_run
from trackzoo.metrics.vot_overlaps import RegionTruth, codes
from trackzoo.metrics.vot_pysot import PysotScores, pysot
from trackzoo.metrics.vot_supervised import (
    INTERVALS,
    USUAL_INTERVAL,
    Reset,
    expected_overlap,
    fragments,
    supervised,
    told,
)
from trackzoo.regions import Region, Special

MULTISTART, SUPERVISED, UNSUPERVISED = "multistart", "supervised", "unsupervised"


@dataclass(frozen=True)
class VotProfile:
    """One toolkit's way of counting.

    Attributes:
        name, version, title, source, describe: as of `trackzoo.metrics.Profile`.
        experiments: what it scores.
    """

    name: str
    version: int
    title: str
    source: str
    describe: str
    experiments: frozenset[str]


VOT_PROFILES: dict[str, VotProfile] = {
    profile.name: profile
    for profile in (
        VotProfile(
            "vot",
            1,
            "VOT toolkit",
            "vot-toolkit 0.9.0",
            "overlap of regions in whole pixels; EAO, accuracy, robustness from anchors or with restarts",
            frozenset({MULTISTART, SUPERVISED, UNSUPERVISED}),
        ),
        VotProfile(
            "pysot",
            2,
            "PySOT toolkit",
            "StrangerZhang/pysot-toolkit 8b5ced3",
            "reset-based: EAO with fragments weighted by sequence, failures per hundred frames",
            frozenset({SUPERVISED}),
        ),
    )
}


@dataclass(frozen=True, repr=False)
class VotScores(Scores):
    """Scores under VOT's protocols; `curves["eao"]` is the expected overlap over the length of a run.

    Attributes:
        interval: first and last length that EAO is averaged over; None where there is no EAO.
    """

    interval: tuple[int, int] | None = None

    __repr__ = Scores.__repr__


@dataclass(frozen=True)
class AnchorTrajectory:
    """Regions of one run from an anchor.

    Attributes:
        anchor: frame on which it began.
        backward: it went to the first frame.
        regions: in the order of the visits.
    """

    anchor: int
    backward: bool
    regions: tuple[Region, ...]


def interval_of(dataset: str, experiment: str) -> tuple[int, int]:
    """Lengths that EAO is averaged over, by the year in a data set's name (`vot2018`)."""
    if experiment == MULTISTART:
        return INTERVAL
    digits = "".join(letter for letter in dataset if letter.isdigit())[:4]
    return INTERVALS.get(int(digits), USUAL_INTERVAL) if len(digits) == 4 else USUAL_INTERVAL


def vot_profile(name: str, experiment: str) -> VotProfile:
    """The profile of that name. Raises `UnknownName`, and `TrackzooError` where it does not score such runs."""
    if name not in VOT_PROFILES:
        raise UnknownName("profile for runs under VOT's protocols", name, VOT_PROFILES)
    found = VOT_PROFILES[name]
    if experiment not in found.experiments:
        raise TrackzooError(
            f"profile '{name}' scores {' and '.join(sorted(found.experiments))} runs, these are {experiment}"
        )
    return found


def score_anchors(
    truths: ListOf[RegionTruth], runs: ListOf[ListOf[Iterable[AnchorTrajectory]]], *, dataset: str = ""
) -> VotScores:
    """Runs from anchors under `vot`: `eao`, `accuracy`, `robustness`, all in percent.

    Args:
        truths: annotation of S sequences.
        runs: `runs[r][s]` = the runs of repetition r on sequence s, gone through once, so that masks need not all be in memory;
            repetitions are averaged.
        dataset: its id, for the interval of EAO.

    Raises:
        ResultsError: a run whose length does not fit its anchor.
    """
    names, lengths = tuple(truth.name for truth in truths), [len(truth) for truth in truths]
    interval = interval_of(dataset, MULTISTART)
    done = []
    for repetition in runs:
        sequences = []
        for truth, found in zip(truths, repetition, strict=True):
            each = []
            for one in found:
                frames = range(one.anchor, -1, -1) if one.backward else range(one.anchor, len(truth))
                if len(one.regions) != len(frames):
                    raise ResultsError(
                        truth.name,
                        f"{len(one.regions)} regions from anchor {one.anchor}",
                        f"{len(frames)}",
                        "run it again",
                    )
                overlaps = truth.overlaps(one.regions, frames)
                each.append(anchor_run(overlaps, truth.empty[list(frames)]))
            sequences.append(each)
        done.append(multistart(sequences, lengths, interval))
    by_run = {
        "eao": 100 * np.array([scores.eao for scores in done]),
        "accuracy": 100 * np.array([scores.accuracy for scores in done]),
        "robustness": 100 * np.array([scores.robustness for scores in done]),
    }
    notes: tuple[str, ...] = ()
    silent = int((done[0].active.sum(axis=0)[interval[0] :] == 0).sum())
    if silent:
        of = interval[1] - interval[0]
        notes = (
            f"EAO: no run tells of {silent} of the {of} lengths from {interval[0]} on; the toolkit counts 0 there.",
        )
    lengths_of_curve = np.arange(interval[1], dtype=np.float64)
    return VotScores(
        profile="vot",
        version=VOT_PROFILES["vot"].version,
        dataset=dataset,
        names=names,
        metrics={name: float(values.mean()) for name, values in by_run.items()},
        per_sequence={
            "accuracy": 100 * np.mean([scores.sequence_accuracy for scores in done], axis=0),
            "robustness": 100 * np.mean([scores.sequence_robustness for scores in done], axis=0),
        },
        curves={
            "eao": Curve(
                lengths_of_curve,
                np.mean([scores.curve for scores in done], axis=0),
                np.mean([scores.phi for scores in done], axis=0),
                "frames",
            )
        },
        notes=notes,
        weights={
            "accuracy": np.mean([scores.before_failure for scores in done], axis=0),
            "robustness": done[0].lengths,
        },
        by_run=by_run,
        pooled={"eao": _of_anchors(done, interval)},
        interval=interval,
    )


def _of_anchors(done: ListOf[MultistartScores], interval: tuple[int, int]) -> Pooled:
    """EAO from the sequences: the points of all repetitions' curves, of which it is the mean."""
    sums = [100 * (scores.phi * scores.active)[:, interval[0] :] for scores in done]
    return Pooled(np.hstack(sums), np.hstack([scores.active[:, interval[0] :] for scores in done]), 0.0)


def resets_of(truth: RegionTruth, regions: ListOf[Region], size: tuple[int, int] | None = None) -> Reset:
    """A reset-based run with its overlaps. Raises `ResultsError` when it has not a region for each frame."""
    if len(regions) != len(truth):
        raise ResultsError(truth.name, f"{len(regions)} regions", f"{len(truth)}, one a frame", "run it again")
    return Reset(truth.overlaps(regions, size=size), codes(regions))


def score_resets(
    truths: ListOf[RegionTruth],
    runs: ListOf[ListOf[ListOf[Region]]],
    *,
    profile: str = "vot",
    dataset: str = "",
) -> VotScores:
    """Reset-based runs under `vot` (`eao` and `accuracy` in percent, `failures` a sequence) or `pysot`.

    `pysot` gives `eao` and `accuracy` in percent, `failure_rate` a hundred frames (the "R" of its tables) and `lost`, all
    failures.

    Args:
        truths: annotation of S sequences.
        runs: `runs[r][s]` = regions of repetition r on sequence s, one a frame.
        profile: `vot` or `pysot`.
        dataset: its id, for the interval of EAO.

    Raises:
        ResultsError: regions that do not fit the annotation.
    """
    names, interval = tuple(truth.name for truth in truths), interval_of(dataset, SUPERVISED)
    facts = vot_profile(profile, SUPERVISED)
    metrics: Mapping[str, float]
    if profile == "pysot":
        found = pysot(truths, [[each[place] for each in runs] for place in range(len(truths))], interval)
        metrics = {
            "eao": 100 * found.eao,
            "accuracy": 100 * found.accuracy,
            "failure_rate": found.robustness,
            "lost": found.lost,
        }
        values = {"accuracy": 100 * found.sequence_accuracy, "lost": found.sequence_lost}
        curve = Curve(
            np.arange(len(found.curve), dtype=np.float64),
            found.curve.astype(np.float64),
            np.zeros((0, len(found.curve))),
            "frames",
        )
        pooled = _of_pysot(found, interval)
        return VotScores(
            "pysot", facts.version, dataset, names, metrics, values, {"eao": curve}, interval=interval, pooled=pooled
        )
    sequences = [[resets_of(truth, each[place]) for each in runs] for place, truth in enumerate(truths)]
    scores = supervised(sequences, interval)
    alone = [supervised([[resets[repeat]] for resets in sequences], interval) for repeat in range(len(runs))]
    longest = len(scores.curve)
    each_curve: Floats = np.full((len(truths), longest), np.nan)
    tells = []
    for row, resets in enumerate(sequences):
        parts = [fragment for reset in resets for fragment in fragments(reset)]
        part = expected_overlap(parts)
        each_curve[row, : len(part)] = part
        tells.append(told(parts, longest))
    reach = (~np.isnan(each_curve)).astype(np.float64)
    points = slice(interval[0], interval[1] + 1)
    sums, totals = (np.stack(each) for each in zip(*tells, strict=True))
    notes: tuple[str, ...] = ()
    if np.isnan(scores.eao):
        notes = (f"EAO is averaged over lengths {interval[0]} to {interval[1]}, and no run was so long.",)
    return VotScores(
        profile="vot",
        version=facts.version,
        dataset=dataset,
        names=names,
        metrics={"eao": 100 * scores.eao, "accuracy": 100 * scores.accuracy, "failures": scores.failures},
        per_sequence={"accuracy": 100 * scores.sequence_accuracy, "failures": scores.sequence_failures},
        curves={
            "eao": Curve(np.arange(longest, dtype=np.float64), scores.curve.astype(np.float64), each_curve, "frames")
        },
        notes=notes,
        more={"reliability": 100 * scores.reliability},
        weights={"accuracy": scores.lengths, "failures": scores.lengths},
        by_run={
            "eao": np.array([100 * each.eao for each in alone]),
            "accuracy": np.array([100 * each.accuracy for each in alone]),
            "failures": np.array([each.failures for each in alone]),
        },
        pooled={"eao": Pooled(100 * sums[:, points], totals[:, points], 0.0, reach[:, points])}
        if longest > interval[0]
        else {},
        interval=interval,
    )


def _of_pysot(found: PysotScores, interval: tuple[int, int]) -> dict[str, Pooled]:
    """The figures of `pysot` from the sequences; none of them is a mean over these."""
    points = slice(interval[0] - 1, interval[1])
    accuracy, lost = np.nan_to_num(100 * found.sequence_accuracy) * found.known, 100 * found.sequence_lost
    pooled = {
        "accuracy": Pooled(accuracy[:, None], found.known[:, None]),
        "failure_rate": Pooled(lost[:, None], found.lengths[:, None]),
        "lost": Pooled((lost / 100 * len(lost))[:, None], np.ones((len(lost), 1))),
    }
    reach = (np.arange(found.sums.shape[1]) < found.lengths[:, None]).astype(np.float64)
    if found.sums[:, points].size:
        pooled["eao"] = Pooled(100 * found.sums[:, points], found.totals[:, points], reach=reach[:, points])
    return pooled


def score_passes(truths: ListOf[RegionTruth], runs: ListOf[ListOf[ListOf[Region]]], *, dataset: str = "") -> VotScores:
    """Unsupervised runs under `vot`: `ao`, the mean overlap in percent, weighted by the sequences' lengths.

    The start, frames without a prediction or with an unknown annotation are left out.

    Args:
        truths, runs, dataset: as for `score_resets`.

    Raises:
        ResultsError: regions that do not fit the annotation.
    """
    lengths = np.array([len(truth) for truth in truths], dtype=np.float64)
    done: list[Floats] = []
    for repetition in runs:
        means = []
        for truth, regions in zip(truths, repetition, strict=True):
            reset = resets_of(truth, regions)
            unknown = np.array([isinstance(one.region, Special) for one in truth.shapes], dtype=np.bool_)
            counted = (reset.codes < 0) & ~unknown
            means.append(float(reset.overlaps[counted].mean()) if counted.any() else 0.0)
        done.append(100 * np.array(means))
    each = np.mean(done, axis=0)
    return VotScores(
        profile="vot",
        version=VOT_PROFILES["vot"].version,
        dataset=dataset,
        names=tuple(truth.name for truth in truths),
        metrics={"ao": float((each * lengths).sum() / lengths.sum())},
        per_sequence={"ao": each},
        weights={"ao": lengths},
        by_run={"ao": np.array([float((values * lengths).sum() / lengths.sum()) for values in done])},
    )

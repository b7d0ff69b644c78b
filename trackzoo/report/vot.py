"""Runs under VOT's protocols, seen as runs over sequences: which sequences they have, and their scores.

A run from anchors has several trials a sequence; reports speak of sequences. `VotRun` answers like a stored run whose names
are sequences, so that completeness, fingerprints and speed are told as for any other run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence as ListOf
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from trackzoo.errors import DataError, ResultsError, TrackzooError
from trackzoo.geometry import Floats
from trackzoo.metrics.types import Scores
from trackzoo.metrics.vot_overlaps import RegionTruth, region_truth
from trackzoo.metrics.vot_scores import (
    MULTISTART,
    SUPERVISED,
    UNSUPERVISED,
    VOT_PROFILES,
    AnchorTrajectory,
    score_anchors,
    score_passes,
    score_resets,
    vot_profile,
)
from trackzoo.protocols.vot_common import regions_of, size_of
from trackzoo.protocols.vot_multistart import anchors, trial_name
from trackzoo.rasterise import trimmed
from trackzoo.regions import Region, bounds
from trackzoo.report.selection import Opened
from trackzoo.sequence import Dataset, Sequence
from trackzoo.store.read import StoredRun

#: Protocols that leave regions.
PROTOCOLS = ("vot-multistart", "vot-supervised", "vot-unsupervised", "vot-realtime")


def experiment_of(run: StoredRun) -> str:
    """Which of VOT's experiments a run is, by its protocol and its trials."""
    if run.protocol == "vot-unsupervised":
        return UNSUPERVISED
    if run.protocol == "vot-supervised":
        return SUPERVISED
    if run.protocol == "vot-multistart":
        return MULTISTART
    # The real-time experiment is that of the benchmark; settings say nothing about which.
    return MULTISTART if run.expected and all(_anchored(name) for name in run.expected) else SUPERVISED


def _anchored(trial: str) -> bool:
    _, underscore, digits = trial.rpartition("_")
    return bool(underscore) and len(digits) == 8 and digits.isdigit()


def as_vot(run: StoredRun) -> StoredRun:
    """The run itself, or, for VOT's protocols, seen sequence by sequence."""
    return VotRun(run) if run.protocol in PROTOCOLS and not isinstance(run, VotRun) else run


class VotRun(StoredRun):
    """A run under one of VOT's protocols. Names are sequences.

    Args:
        run: as the store has it.

    Attributes:
        trials: sequence -> its trials, in order.
        experiment: `multistart`, `supervised` or `unsupervised`.
    """

    def __init__(self, run: StoredRun) -> None:
        super().__init__(run.folders)
        self.experiment = experiment_of(run)
        self._run = run
        self.trials: dict[str, list[str]] = {}
        for name in run.expected:
            sequence = name.rpartition("_")[0] if self.experiment == MULTISTART else name
            self.trials.setdefault(sequence, []).append(name)
        self.expected = tuple(self.trials)

    @property
    def throughput(self) -> bool:
        """See `StoredRun`."""
        return self._run.throughput

    @cached_property
    def _records(self) -> dict[int, dict[str, dict[str, Any]]]:
        """Sequences whose trials are all finished, with the record of the first trial."""
        found: dict[int, dict[str, dict[str, Any]]] = {}
        for repeat in self.folders:
            there = set(self._run.names(repeat))
            found[repeat] = {
                sequence: self._run.record(trials[0], repeat)
                for sequence, trials in self.trials.items()
                if there.issuperset(trials)
            }
        return found

    def seconds(self, name: str, repeat: int = 0, obj: int | None = None) -> Floats:
        """Seconds of every frame that the tracker was asked about, in all trials of a sequence."""
        values = np.concatenate([self._run.seconds(trial, repeat) for trial in self.trials[name]])
        return np.asarray(values[~np.isnan(values)])

    def boxes(self, name: str, repeat: int = 0, obj: int | None = None) -> Floats:
        """Bounds of the regions of all trials of a sequence, one after the other; NaN where there is a code."""
        regions = [region for trial in self.trials[name] for region in self.regions_of_trial(trial, repeat)]
        return np.stack([bounds(region) for region in regions])

    def regions_of_trial(self, trial: str, repeat: int) -> tuple[Region, ...]:
        """Regions of one trial, held as the toolkit holds what it reads from text."""
        regions = self._run.regions(trial, repeat)
        entry = next(iter(self._run.record(trial, repeat)["objects"].values()))["regions"]
        return regions if str(entry["file"]).endswith(".bin") else tuple(trimmed(region) for region in regions)


def profiles_for(run: VotRun, wanted: ListOf[str]) -> list[str]:
    """Those of the wanted profiles that score such runs; `vot` where nobody asks."""
    if not wanted:
        return ["vot"]
    return [name for name in wanted if name in VOT_PROFILES and run.experiment in VOT_PROFILES[name].experiments]


#: Stands for a picture's width and height where neither a file nor an image says them: beyond those of any VOT sequence.
UNKNOWN_SIZE = (4096, 4096)


def truth_of(sequence: Sequence) -> RegionTruth:
    """Annotation as VOT's measures take it; see `UNKNOWN_SIZE` for annotation without images. Raises `DataError`."""
    try:
        size = size_of(sequence)
    except DataError:
        raise
    except TrackzooError:
        size = UNKNOWN_SIZE
    return region_truth(sequence.name, regions_of(sequence), size, sequence.annotation.ignore)


class VotTruths:
    """Annotation of a data set's sequences, each read once."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._truths: dict[str, RegionTruth] = {}

    def __call__(self, names: ListOf[str]) -> list[RegionTruth]:
        """Annotation of `names`, in order."""
        for name in names:
            if name not in self._truths:
                self._truths[name] = truth_of(self._dataset[name])
        return [self._truths[name] for name in names]


def truths_of(opened: Opened, names: ListOf[str]) -> list[RegionTruth]:
    """Annotation of `names`, kept with the open data set."""
    kept: VotTruths | None = opened.__dict__.get("vot_truths")
    if kept is None:
        kept = opened.__dict__["vot_truths"] = VotTruths(opened.dataset)
    return kept(names)


def score_vot(run: VotRun, opened: Opened, names: tuple[str, ...], profile: str) -> Scores:
    """Scores of a run on some of its sequences.

    Raises:
        UnknownName: no such profile.
        TrackzooError: the profile does not score such runs.
        ResultsError: regions that do not fit the annotation.
    """
    vot_profile(profile, run.experiment)
    truths = truths_of(opened, names)
    unbounded = [truth.name for truth in truths if truth.size == UNKNOWN_SIZE]
    scores = _scores(run, opened, names, profile, truths)
    if not unbounded:
        return scores
    note = (
        f"the pictures' size is not known here for {len(unbounded)} of {len(names)} sequences ({unbounded[0]} …): regions are "
        "not clipped at the right and lower border, which changes overlaps of targets that leave the picture a little"
    )
    return replace(scores, notes=(note, *scores.notes))


def _scores(run: VotRun, opened: Opened, names: tuple[str, ...], profile: str, truths: list[RegionTruth]) -> Scores:
    """As `score_vot`, against given annotation."""
    if run.experiment == MULTISTART:
        return score_anchors(
            truths,
            [[_anchor_runs(run, opened, name, repeat) for name in names] for repeat in run.repeats],
            dataset=opened.id,
        )
    regions = [[_one(run, name, repeat) for name in names] for repeat in run.repeats]
    if run.experiment == UNSUPERVISED:
        return score_passes(truths, regions, dataset=opened.id)
    return score_resets(truths, regions, profile=profile, dataset=opened.id)


def _one(run: VotRun, name: str, repeat: int) -> tuple[Region, ...]:
    return run.regions_of_trial(name, repeat)


def _anchor_runs(run: VotRun, opened: Opened, name: str, repeat: int) -> Iterator[AnchorTrajectory]:
    """The runs of a sequence, read one by one."""
    found: Mapping[str, tuple[int, bool]] = {
        trial_name(name, anchor): (anchor, backward) for anchor, backward in anchors(opened.dataset[name])
    }
    for trial in run.trials[name]:
        if trial not in found:
            raise ResultsError(
                run.path, f"a run '{trial}'", f"runs from the anchors of '{name}'", "run again with --new"
            )
    for trial in found:
        if trial not in run.trials[name]:
            raise ResultsError(run.path, f"no run '{trial}'", "one from every anchor", "the same command runs it")
    for trial, (anchor, backward) in found.items():
        yield AnchorTrajectory(anchor, backward, run.regions_of_trial(trial, repeat))

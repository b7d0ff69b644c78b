"""Score folders of label maps (DAVIS, YouTube-VOS) as they lie."""

from __future__ import annotations

import os
from collections.abc import Sequence as ListOf
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.importing.discover import Candidate
from trackzoo.importing.fit import listing
from trackzoo.importing.pngs import Labels, read_labels
from trackzoo.metrics.types import Scores
from trackzoo.metrics.vos import VOS_PROFILES, VideoScores, VideoTruth, score_video, summarise
from trackzoo.report.collect import Rules
from trackzoo.report.cross import ALL
from trackzoo.report.model import Board, Entry
from trackzoo.report.selection import Opened
from trackzoo.report.uncertainty import intervals_of
from trackzoo.sequence import Dataset, Sequence


@dataclass(frozen=True)
class Masks:
    """A tracker's label maps.

    Attributes:
        candidate: their folders.
        shown: the folder above them, as the person knows it.
    """

    candidate: Candidate
    shown: Path


@dataclass(frozen=True)
class _Maps:
    """Label maps of the annotated frames, read when asked for."""

    read: Any
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Labels:
        if not 0 <= index < self.count:
            raise IndexError(index)
        labels: Labels = self.read(index)
        return labels


def default_profile(dataset: Dataset) -> str:
    """`davis` where every frame is annotated, `pytracking-vos` where some are (YouTube-VOS)."""
    first = dataset[dataset.available()[0]]
    return "davis" if first.annotation.annotated is None else "pytracking-vos"


def boards(trackers: ListOf[Masks], dataset: Dataset, rules: Rules) -> list[Board]:
    """One board a profile.

    Raises:
        ResultsError: sequences or frames that are missing, maps of another size, labels beyond the objects.
        UnknownName: a profile that is none of segmentation.
    """
    profiles = rules.profiles or (default_profile(dataset),)
    if ALL in profiles:
        profiles = tuple(VOS_PROFILES)
    for name in profiles:
        if name not in VOS_PROFILES:
            raise UnknownName("profile for label maps", name, VOS_PROFILES)
    opened = Opened(dataset)
    found = []
    for name in profiles:
        entries = [_entry(masks, opened, name, rules) for masks in trackers]
        # More is better, incomplete ones last.
        entries.sort(key=lambda entry: (not entry.complete, -entry.scores.metrics["jf"], entry.tracker))
        facts = VOS_PROFILES[name]
        notes = tuple(f"{entry.tracker}: {note}" for entry in entries for note in entry.scores.notes)
        found.append(
            Board(
                opened.id,
                opened.name,
                opened.title,
                opened.split,
                "vos",
                name,
                facts.version,
                facts.describe,
                entries[0].fingerprint,
                dataset.names,
                len(dataset.names),
                tuple(entries),
                notes=notes,
            )
        )
    return found


def _entry(masks: Masks, opened: Opened, profile: str, rules: Rules) -> Entry:
    dataset, folders = opened.dataset, masks.candidate.runs[0]
    missing = tuple(name for name in dataset.names if name not in folders)
    names = tuple(name for name in dataset.names if name in folders)
    if missing and not rules.allow_incomplete:
        raise ResultsError(
            masks.shown,
            f"{len(names)} of {len(dataset.names)} sequences of {dataset.id}, missing {listing(missing)}",
            "all of them",
            "--allow-incomplete takes what is there, marked as such",
        )

    def one(name: str) -> VideoScores:
        return _score(masks, dataset[name], profile, rules.lenient)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        videos = list(pool.map(one, names))
    scores: Scores = replace(summarise(profile, videos), dataset=opened.id)
    return Entry(
        masks.candidate.tracker,
        opened.id,
        "vos",
        scores,
        opened.fingerprint(names),
        masks.shown,
        {"imported": {"source": str(masks.shown), "layout": "masks"}},
        dataset.names,
        missing,
        intervals=intervals_of(scores),
    )


def _score(masks: Masks, sequence: Sequence, profile: str, lenient: bool) -> VideoScores:
    """J and F of one video."""
    annotation = sequence.annotation
    if annotation.masks is None:
        raise TrackzooError(
            f"{sequence.dataset}: '{sequence.name}' is annotated with boxes alone; label maps cannot be scored"
        )
    stems = frame_names(sequence)
    frames = (
        np.flatnonzero(annotation.annotated) if annotation.annotated is not None else np.arange(len(annotation.boxes))
    )
    folder = masks.candidate.runs[0][sequence.name].path
    shown = masks.shown / folder.name
    single = bool(getattr(annotation.masks, "single", False))
    truth = annotation.masks

    def annotated(index: int) -> Labels:
        labels = truth[int(frames[index])]
        assert labels is not None
        return labels

    def predicted(index: int) -> Labels:
        stem = stems[int(frames[index])]
        if index == 0 and not (folder / f"{stem}.png").is_file():
            return annotated(0)  # it is given, and no profile scores it
        return read_labels(folder / f"{stem}.png", shown / f"{stem}.png", single)

    place = {int(frame): index for index, frame in enumerate(frames)}
    first = {obj: place.get(start, 0) for obj, start in annotation.starts.items()}
    video = VideoTruth(sequence.name, _Maps(annotated, len(frames)), first)  # type: ignore[arg-type]
    try:
        return score_video(profile, video, _Maps(predicted, len(frames)), lenient=lenient)  # type: ignore[arg-type]
    except ResultsError as error:
        if error.frame is None or str(error.path) != sequence.name:
            raise
        stem = stems[int(frames[int(error.frame)])]
        raise ResultsError(shown / f"{stem}.png", error.reason.removeprefix("found ")) from None


def frame_names(sequence: Sequence) -> tuple[str, ...]:
    """Names of a sequence's annotated frames without ending, which its label maps have too; empty for other frames.

    Raises:
        TrackzooError: the annotation does not say them, and there are no images that would.
    """
    names = getattr(sequence.annotation.masks, "files", None)
    if names is None:
        frames = sequence.frames
        names = [Path(frames[index].label).name for index in range(len(frames))]
    return tuple(Path(name).stem if name else "" for name in names)

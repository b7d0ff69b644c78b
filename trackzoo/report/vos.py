"""Runs that leave label maps (protocol `vos`): their frames beside the annotated ones, and their scores."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence as ListOf
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.label_maps import Labels
from trackzoo.metrics.types import Scores
from trackzoo.metrics.vos import VOS_PROFILES, VideoScores, VideoTruth, mean_of, score_video, summarise
from trackzoo.report.selection import Opened
from trackzoo.sequence import Dataset, Sequence
from trackzoo.store.read import StoredRun

#: Protocol whose results are label maps.
VOS = "vos"
#: How a data set's facts begin that say of an object whether its class is in the training set: `split of 1` -> `seen`.
SPLIT = "split of "


def is_vos(run: StoredRun) -> bool:
    """Whether a run's results are label maps."""
    return run.protocol == VOS


def default_profile(dataset: Dataset) -> str:
    """The data set's own profile for label maps; else `davis` where all frames are annotated, else `pytracking-vos`."""
    if dataset.mask_profile:
        return dataset.mask_profile
    first = dataset[dataset.available()[0]]
    return "davis" if first.annotation.annotated is None else "pytracking-vos"


def profiles_for(dataset: Dataset, wanted: ListOf[str]) -> list[str]:
    """Those of the wanted profiles that score label maps; the data set's own where nobody asks."""
    return [name for name in wanted if name in VOS_PROFILES] if wanted else [default_profile(dataset)]


@dataclass(frozen=True)
class _Maps:
    """Label maps of the annotated frames, read when asked for."""

    read: Callable[[int], Labels]
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Labels:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.read(index)


class _Missing(ResultsError):
    """Its frame is the video's, not one among those that are annotated."""


def score_sequence(
    profile: str, sequence: Sequence, read: Callable[[int], Labels | None], *, lenient: bool = False
) -> VideoScores:
    """J and F of every object of one video.

    Args:
        profile: name in `VOS_PROFILES`.
        sequence: the video.
        read: frame -> predicted label map, or None where there is none. Only of frames up to the one on which the first object
            is given may there be none: before it nothing is there to be found, on it the objects are given.
        lenient: see `trackzoo.metrics.vos.score_video`.

    Raises:
        TrackzooError: the annotation has no label maps.
        ResultsError: a frame without a map; one of another size, or with labels beyond the objects. `path` is the video,
            `frame` the frame.
    """
    annotation = sequence.annotation
    truth = annotation.masks
    if truth is None:
        raise TrackzooError(
            f"{sequence.dataset}: '{sequence.name}' is annotated with boxes alone; label maps cannot be scored"
        )
    frames = (
        np.flatnonzero(annotation.annotated) if annotation.annotated is not None else np.arange(len(annotation.boxes))
    ).tolist()
    begin = min(annotation.starts.values())
    single = bool(getattr(truth, "single", False))

    def annotated(index: int) -> Labels:
        labels = truth[frames[index]]
        assert labels is not None
        return labels

    def predicted(index: int) -> Labels:
        labels = read(frames[index])
        if labels is not None:
            return (labels > 0).astype(np.uint8) if single else labels
        if frames[index] > begin:
            raise _Missing(sequence.name, "no label map", "one for each annotated frame", frame=frames[index])
        given = annotated(index)
        return given if frames[index] == begin else np.zeros_like(given)

    place = {frame: index for index, frame in enumerate(frames)}
    video = VideoTruth(
        sequence.name,
        _Maps(annotated, len(frames)),  # type: ignore[arg-type]
        {obj: place.get(start, 0) for obj, start in annotation.starts.items()},
        categories(sequence),
    )
    try:
        return score_video(profile, video, _Maps(predicted, len(frames)), lenient=lenient)  # type: ignore[arg-type]
    except ResultsError as error:
        if error.frame is None or str(error.path) != sequence.name or isinstance(error, _Missing):
            raise
        # The metrics count annotated frames alone.
        found = error.reason.removeprefix("found ")
        raise ResultsError(sequence.name, found, frame=frames[int(error.frame)]) from None


def categories(sequence: Sequence) -> Mapping[int, str]:
    """Object -> `seen` or `unseen`, where the benchmark says so of all objects; else nothing."""
    facts = sequence.facts
    found = {obj: facts.get(f"{SPLIT}{obj}", "") for obj in sequence.annotation.starts}
    return found if all(found.values()) else {}


def score_videos(profile: str, sequences: ListOf[Sequence], score: Callable[[Sequence], VideoScores]) -> Scores:
    """Scores over videos, which are worked on in several threads. Raises what `score` raises."""
    if profile not in VOS_PROFILES:
        raise UnknownName("profile for label maps", profile, VOS_PROFILES)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return summarise(profile, list(pool.map(score, sequences)))


def score_vos(run: StoredRun, opened: Opened, names: tuple[str, ...], profile: str, *, lenient: bool = False) -> Scores:
    """Scores of a run's label maps on some of its sequences, over all repetitions.

    Raises:
        UnknownName: no such profile.
        TrackzooError: the data set has no label maps.
        ResultsError: label maps that are damaged or do not fit the annotation; names the file.
    """
    sequences = [opened.dataset[name] for name in names]

    def one(sequence: Sequence, repeat: int) -> VideoScores:
        masks = run.masks(sequence.name, repeat)
        try:
            return score_sequence(profile, sequence, masks.__getitem__, lenient=lenient)
        except ResultsError as error:
            if error.frame is None or str(error.path) != sequence.name:
                raise
            name = masks.names.get(int(error.frame))
            path = run.folders[repeat] / str(masks.entry["folder"]) / (name or "")
            frame = None if name else error.frame
            raise ResultsError(path, error.reason.removeprefix("found "), frame=frame) from None

    runs = [
        score_videos(profile, sequences, lambda sequence, repeat=repeat: one(sequence, repeat))  # type: ignore[misc]
        for repeat in run.repeats
    ]
    return replace(mean_of(runs) if len(runs) > 1 else runs[0], dataset=opened.id)


def frames_of(scores: Scores, counts: Mapping[str, int]) -> tuple[int, ...]:
    """Number of frames of the video of each of `scores.names`."""
    return tuple(counts.get(name, 0) for name in scores.groups)


def video_frames(run: StoredRun, name: str) -> int:
    """Number of frames of which a run has a label map, in its first repetition."""
    return len(run.masks(name, run.repeats[0]))


def depends(opened: Opened, names: tuple[str, ...], profile: str) -> list[Any]:
    """What scores depend on besides the run's files."""
    facts: list[Any] = [opened.fingerprint(names), list(names), VOS_PROFILES[profile].version]
    return [*facts, [sorted(categories(opened.dataset[name]).items()) for name in names]]

"""Video object segmentation: J, F and what is made of them, under the profiles `davis`, `vos-benchmark` and `pytracking-vos`.

    from trackzoo.metrics.vos import VideoTruth, score_video, summarise

    videos = [score_video("davis", VideoTruth("bear", annotated), predicted) for …]   # (T, H, W) uint8 label maps
    scores = summarise("davis", videos)

Videos are scored one by one, so that a data set need not fit into memory, and in several threads or processes if one likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.metrics.types import Floats, Scores
from trackzoo.metrics.vos_frames import boundary_accuracy, region_similarity

Labels = NDArray[np.uint8]

#: Label of pixels that an annotator left open.
VOID = 255


@dataclass(frozen=True)
class VideoTruth:
    """Annotation of one video. T = number of annotated frames, in order.

    Attributes:
        name: the video.
        labels: T label maps (H, W) uint8, 0 background, k = object k; a (T, H, W) array or anything that gives map i as
            `labels[i]` and has a length.
        first: object -> index of its first annotated frame; empty: all objects are in frame 0.
        categories: object -> `seen` or `unseen` (YouTube-VOS: whether its class is in the training set); empty where not known.
    """

    name: str
    labels: ListOf[Labels] | Labels
    first: Mapping[int, int] = field(default_factory=dict)
    categories: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ObjectScores:
    """J and F of one object on the frames where the profile asks for it.

    Attributes:
        video: the video.
        obj: its label.
        j: (n,) region similarity, 0..1.
        f: (n,) boundary accuracy, 0..1.
        frames: (n,) indices among the annotated frames.
        category: see `VideoTruth.categories`; empty where not known.
    """

    video: str
    obj: int
    j: Floats
    f: Floats
    frames: NDArray[np.intp]
    category: str = ""

    @property
    def name(self) -> str:
        """`<video>_<object>`."""
        return f"{self.video}_{self.obj}"


@dataclass(frozen=True)
class VideoScores:
    """What one video gives.

    Attributes:
        objects: its objects, by label.
        notes: what was mended or left out, a line each.
    """

    objects: tuple[ObjectScores, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class VosProfile:
    """One toolkit's way of scoring segmentations; `source`, `describe` and the rest as in `trackzoo.metrics.Profile`."""

    name: str
    version: int
    title: str
    source: str
    describe: str


VOS_PROFILES = {
    profile.name: profile
    for profile in (
        VosProfile(
            "davis",
            1,
            "DAVIS 2017 semi-supervised",
            "davisvideochallenge/davis2017-evaluation ac7c43f",
            "objects of the first frame; first and last frame left out; void is background; mean over objects",
        ),
        VosProfile(
            "vos-benchmark",
            1,
            "vos-benchmark",
            "hkchengrex/vos-benchmark acb4733",
            "objects from the frame where they are first seen; first and last frame left out; 255 is a label like others",
        ),
        VosProfile(
            "pytracking-vos",
            1,
            "YouTube-VOS as PyTracking scores it",
            "visionml/pytracking 7eb9e74",
            "each object after the frame where it is given; last frame left out; G over seen and unseen classes",
        ),
    )
}


def score_video(
    profile: str, truth: VideoTruth, prediction: ListOf[Labels] | Labels, *, lenient: bool = False
) -> VideoScores:
    """J and F of every object of one video.

    Args:
        profile: name in `VOS_PROFILES`.
        truth: the annotation.
        prediction: T predicted label maps (H, W) uint8 of the annotated frames.
        lenient: ignore labels that belong to no object, with a note, where the toolkit does.

    Raises:
        UnknownName: no such profile.
        ResultsError: another number of frames, another size, labels beyond the objects; one line that names the frame.
        TrackzooError: annotation without objects.
    """
    if profile not in VOS_PROFILES:
        raise UnknownName("profile", profile, VOS_PROFILES)
    if len(prediction) != len(truth.labels):
        raise ResultsError(truth.name, f"{len(prediction)} masks", f"{len(truth.labels)}, one for each annotated frame")
    frames = range(len(truth.labels)) if profile == "pytracking-vos" else range(1, len(truth.labels) - 1)
    pairs = [(_Held.of(truth.labels, i), _Held.of(prediction, i)) for i in frames]
    for index, (annotated, predicted) in zip(frames, pairs, strict=True):
        if annotated.shape != predicted.shape or len(predicted.shape) != 2:
            found, wanted = ("x".join(map(str, each.shape[::-1])) for each in (predicted, annotated))
            raise ResultsError(truth.name, f"a mask of {found}", f"{wanted} pixels, as annotated", frame=index)
    ours, theirs = [predicted.present for _, predicted in pairs], [annotated.present for annotated, _ in pairs]
    spans, notes = _spans(profile, truth, list(frames), ours, theirs, lenient)
    if not spans and not notes:
        raise TrackzooError(f"annotation of '{truth.name}': found no object in the frames that count")
    found_j = {obj: np.empty(len(span)) for obj, span in spans.items()}
    found_f = {obj: np.empty(len(span)) for obj, span in spans.items()}
    for position, (annotated, predicted) in enumerate(pairs):
        scored = [obj for obj, span in spans.items() if position in span]
        maps = (annotated.labels(), predicted.labels()) if scored else ()
        for obj in scored:
            wanted_mask, mask = (labels == obj for labels in maps)
            index = position - spans[obj].start
            found_j[obj][index] = region_similarity(mask, wanted_mask)
            found_f[obj][index] = boundary_accuracy(mask, wanted_mask)
    objects = (
        ObjectScores(
            truth.name,
            obj,
            found_j[obj],
            found_f[obj],
            np.array([frames[position] for position in span], dtype=np.intp),
            truth.categories.get(obj, ""),
        )
        for obj, span in spans.items()
    )
    return VideoScores(tuple(objects), notes)


@dataclass(frozen=True)
class _Held:
    """A label map while a video is scored: as it is in memory already, or, of those that are read, as runs of equal labels.

    A video's maps take a hundredth of their pixels so, and each is read once.
    """

    shape: tuple[int, ...]
    present: frozenset[int]
    runs: tuple[Labels, NDArray[np.intp]] | None = None
    whole: Labels | None = None

    @classmethod
    def of(cls, maps: ListOf[Labels] | Labels, index: int) -> _Held:
        """Map `index` of a video."""
        labels = np.asarray(maps[index])
        present = _present(labels)
        if isinstance(maps, np.ndarray | list | tuple):
            return cls(labels.shape, present, whole=labels)
        flat = labels.ravel()
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1]) if flat.size else np.zeros(0, np.intp)
        return cls(labels.shape, present, (flat[starts], np.diff(starts, append=flat.size)))

    def labels(self) -> Labels:
        """The map."""
        if self.whole is not None:
            return self.whole
        assert self.runs is not None
        return np.repeat(*self.runs).reshape(self.shape)


def _spans(
    profile: str,
    truth: VideoTruth,
    frames: list[int],
    ours: list[frozenset[int]],
    theirs: list[frozenset[int]],
    lenient: bool,
) -> tuple[dict[int, range], tuple[str, ...]]:
    """Object -> positions (in `frames`) at which the profile scores it, and notes. `ours` and `theirs` are labels by frame."""
    if profile == "davis":
        first = _present(np.asarray(truth.labels[0])) - {VOID}
        objects = list(range(1, max(first, default=0) + 1))
        _refuse_beyond(truth.name, objects, frames, ours, always=True)
        return {obj: range(len(frames)) for obj in objects}, ()
    if profile == "vos-benchmark":
        objects = sorted(frozenset().union(*theirs))
        notes = _refuse_beyond(truth.name, objects, frames, ours, always=False, lenient=lenient)
        either = [a | b for a, b in zip(ours, theirs, strict=True)]
        return {obj: range(next(i for i, e in enumerate(either) if obj in e), len(frames)) for obj in objects}, notes
    starts = truth.first or dict.fromkeys(_present(np.asarray(truth.labels[0])) - {VOID}, 0)
    notes = _refuse_beyond(truth.name, sorted(starts), frames, ours, always=False, lenient=lenient)
    spans = {obj: range(starts[obj] + 1, len(frames) - 1) for obj in sorted(starts)}
    late = [obj for obj, span in spans.items() if not span]
    lines = tuple(f"{truth.name}_{obj}: left out: no frame between its first and the last one" for obj in late)
    return {obj: span for obj, span in spans.items() if span}, (*notes, *lines)


def _present(labels: Labels) -> frozenset[int]:
    """Labels of a map, without the background."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return frozenset((np.flatnonzero(counts[1:]) + 1).tolist())


def _refuse_beyond(
    video: str,
    objects: list[int],
    frames: list[int],
    present: list[frozenset[int]],
    *,
    always: bool,
    lenient: bool = False,
) -> tuple[str, ...]:
    """Refuse (or note) predicted labels that are no object's."""
    known = frozenset(objects)
    for frame, labels in zip(frames, present, strict=True):
        if beyond := sorted(labels - known):
            found = f"label{'s' if len(beyond) > 1 else ''} {', '.join(map(str, beyond))}"
            if always or not lenient:
                text = "the toolkit stops at them too" if always else "be lenient to have such pixels ignored"
                wanted = f"labels of objects only ({', '.join(map(str, objects))})"
                raise ResultsError(video, found, wanted, text, frame=frame)
            return (f"{video}: {found} and perhaps others that are no object's were ignored (first in frame {frame})",)
    return ()


def recall(values: Floats) -> float:
    """Share of frames above 0.5."""
    return float(np.mean(values > 0.5))


def decay(values: Floats) -> float:
    """Mean of the first quarter of the frames minus that of the last; quarters share their border frames.

    The toolkit keeps the borders in 8 bits: beyond 256 frames they wrap, and an empty quarter gives NaN. Reproduced.
    """
    borders = (np.round(np.linspace(1, len(values), 5) + 1e-10) - 1).astype(np.int64) & 255
    first, last = values[borders[0] : borders[1] + 1], values[borders[3] : borders[4] + 1]
    return float(first.mean() - last.mean()) if len(first) and len(last) else float("nan")


def summarise(profile: str, videos: ListOf[VideoScores]) -> Scores:
    """Scores over a data set: every object weighs the same, however long its video.

    `names` are objects. Metrics in percent: `jf`, `j`, `j_recall`, `j_decay`, `f`, `f_recall`, `f_decay`; for `pytracking-vos`
    with categories also `g` and `j_seen`, `f_seen`, `j_unseen`, `f_unseen` (G is their mean; NaN where one has no object).

    Raises:
        UnknownName: no such profile.
        TrackzooError: no video.
    """
    if profile not in VOS_PROFILES:
        raise UnknownName("profile", profile, VOS_PROFILES)
    objects = [obj for video in videos for obj in video.objects]
    if not objects:
        raise TrackzooError("nothing to evaluate: no object was scored")
    per: dict[str, Floats] = {}
    for letter in ("j", "f"):
        vectors = [getattr(obj, letter) for obj in objects]
        per[letter] = 100 * np.array([vector.mean() for vector in vectors])
        per[f"{letter}_recall"] = 100 * np.array([recall(vector) for vector in vectors])
        per[f"{letter}_decay"] = 100 * np.array([decay(vector) for vector in vectors])
    per = {"jf": (per["j"] + per["f"]) / 2, **per}
    metrics = {name: float(values.mean()) for name, values in per.items()}
    weights: dict[str, Floats] = {}
    if profile == "pytracking-vos" and all(obj.category for obj in objects):
        metrics |= _seen_and_unseen(objects, per)
        for category in ("seen", "unseen"):
            chosen = np.array([obj.category == category for obj in objects], dtype=np.float64)
            for letter in ("j", "f"):
                per[f"{letter}_{category}"], weights[f"{letter}_{category}"] = per[letter], chosen
    return Scores(
        profile=profile,
        version=VOS_PROFILES[profile].version,
        dataset="",
        names=tuple(obj.name for obj in objects),
        metrics=metrics,
        per_sequence=per,
        notes=tuple(note for video in videos for note in video.notes),
        weights=weights,
        groups=tuple(obj.video for obj in objects),
    )


def mean_of(runs: ListOf[Scores]) -> Scores:
    """Scores of several repetitions as one: means of their figures, object by object too; `by_run` has each one's own.

    Raises:
        TrackzooError: no repetition, or repetitions of other objects.
    """
    if not runs or any(run.names != runs[0].names for run in runs):
        raise TrackzooError("repetitions of label maps: found other objects, expected the same in each")
    first = runs[0]
    return replace(
        first,
        metrics={name: float(np.mean([run.metrics[name] for run in runs])) for name in first.metrics},
        per_sequence={name: np.mean([run.per_sequence[name] for run in runs], axis=0) for name in first.per_sequence},
        notes=tuple(dict.fromkeys(note for run in runs for note in run.notes)),
        by_run={name: np.array([run.metrics[name] for run in runs]) for name in first.metrics},
    )


def _seen_and_unseen(objects: ListOf[ObjectScores], per: Mapping[str, Floats]) -> dict[str, float]:
    found = {}
    for category in ("seen", "unseen"):
        chosen = np.array([obj.category == category for obj in objects])
        for letter in ("j", "f"):
            found[f"{letter}_{category}"] = float(per[letter][chosen].mean()) if chosen.any() else float("nan")
    return {"g": sum(found.values()) / 4, **found}

"""Figures out of stored boxes and the frames that they belong to: strips, failures, overlaps over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence as ListOf
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.geometry import Floats, overlaps
from trackzoo.regions import Mask, Polygon, Region, bounds
from trackzoo.report import style
from trackzoo.report.figures.drawn import Drawn, Wanted, fit_for_file
from trackzoo.report.figures.failures import worst
from trackzoo.report.figures.overlap import Form, overlap_over_time
from trackzoo.report.figures.sheet import styles_of
from trackzoo.report.figures.strip import Shot, Strip, evenly, strips, telling
from trackzoo.report.selection import Library, Opened, select, tracker_id
from trackzoo.report.vos import is_vos
from trackzoo.sequence import Sequence
from trackzoo.store.masks import StoredMasks
from trackzoo.store.read import StoredRun


@dataclass(frozen=True)
class Group:
    """Runs on one data set under one protocol.

    Attributes:
        opened: the data set.
        runs: tracker -> run, in the order that was asked for.
        names: the sequences that all of them have finished, in the benchmark's order.
        repeat: the repetition whose boxes are shown.
    """

    opened: Opened
    runs: dict[str, StoredRun]
    names: tuple[str, ...]
    repeat: int = 0

    @cached_property
    def title(self) -> str:
        """Data set and split."""
        return f"{self.opened.title}{f' {self.opened.split}' if self.opened.split else ''}"

    @property
    def key(self) -> str:
        """Short name, fit for files."""
        protocol = next(iter(self.runs.values())).protocol
        return fit_for_file(self.opened.id if protocol == "ope" else f"{self.opened.id}-{protocol}")

    def boxes(self, tracker: str, name: str) -> Floats:
        """Boxes (N, 4) of a tracker, one for each annotated frame; around the regions where the run left those.

        Raises:
            ResultsError: another number of them.
        """
        regions = self.regions(tracker, name)
        run = self.runs[tracker]
        # Of label maps: the first object, whose boxes the annotation has too.
        boxes = run.boxes(name, self.repeat) if regions is None else np.stack([bounds(each) for each in regions])
        count = len(self.opened.dataset[name])
        if len(boxes) != count:
            raise ResultsError(
                run.path, f"{len(boxes)} boxes on '{name}'", f"{count}, one a frame", "run it again with --new"
            )
        return boxes

    def regions(self, tracker: str, name: str) -> tuple[Region, ...] | None:
        """Regions of a tracker, one a frame; None where its run left boxes."""
        run = self.runs[tracker]
        entry = next(iter(run.record(name, self.repeat)["objects"].values()))
        return run.regions(name, self.repeat) if "regions" in entry else None

    def labels(self, tracker: str, name: str) -> StoredMasks | None:
        """Masks that a tracker's run kept beside its boxes, or None."""
        run = self.runs[tracker]
        return run.masks(name, self.repeat) if run.has_masks(name, self.repeat) else None

    def overlaps(self, tracker: str, name: str) -> Floats:
        """Overlap (N,) with the annotated box; NaN where there is none or the target is not visible."""
        sequence = self.opened.dataset[name]
        annotation = sequence.annotation
        values = overlaps(self.boxes(tracker, name), annotation.boxes)
        known = annotation.visible if annotation.annotated is None else annotation.visible & annotation.annotated
        # A box without size says that there is nothing, as some benchmarks write it.
        known = known & (annotation.boxes[:, 2:] > 0).all(axis=1)
        return np.where(known, values, np.nan)


def groups(wanted: Wanted, *, images: bool) -> list[Group]:
    """The runs that were asked for, by data set and protocol.

    Args:
        wanted: what was asked for.
        images: whether frames are needed.

    Raises:
        UnknownName: a tracker, data set or sequence that does not exist.
        TrackzooError: no results; no sequence that all have; no annotation, or no images where they are needed.
    """
    library = Library(wanted.data_root)
    found: dict[tuple[str, str], list[StoredRun]] = {}
    for run in select(wanted.folder, wanted.trackers, wanted.datasets):
        found.setdefault((run.dataset, run.protocol), []).append(run)
    made, reasons = [], []
    for (dataset, protocol), runs in found.items():
        opened = library.open(runs[0])
        if any(name not in opened.places for run in runs for name in run.expected):
            reasons.append(f"{dataset}: protocol '{protocol}' does not track sequences from end to end")
            continue
        if not opened.dataset.public_truth:
            reasons.append(f"{dataset}: only its own server has the annotation")
            continue
        order = [tracker_id(name, {run.tracker for run in runs}) for name in wanted.trackers]
        runs = sorted(
            runs, key=lambda run: (order.index(run.tracker) if run.tracker in order else len(order), run.tracker)
        )
        if any(wanted.repeat not in run.repeats for run in runs):
            has = min(len(run.repeats) for run in runs)
            raise TrackzooError(f"{dataset}: found {has} repetitions, expected number {wanted.repeat} (counted from 0)")
        shared = set.intersection(*(set(run.names(wanted.repeat)) for run in runs))
        names = opened.ordered(shared)
        for name in wanted.sequences:
            if opened.dataset.own_name(name) not in shared:
                known = (
                    "finished by all of the chosen trackers" if opened.dataset.own_name(name) in opened.places else ""
                )
                raise UnknownName(f"sequence {known}".strip(), name, names, f"'trackzoo datasets show {opened.id}'")
        if not names:
            reasons.append(f"{dataset}: no sequence that {' and '.join(run.tracker for run in runs)} have all finished")
            continue
        if images:
            _ = opened.dataset[names[0]].frames  # says so where there are none
        made.append(Group(opened, {run.tracker: run for run in runs}, names, wanted.repeat))
    if not made:
        raise TrackzooError(f"nothing to draw: {'; '.join(reasons)}")
    return made


def draw_strips(wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    """Strips of frames, one figure a data set: the named sequences, else those where the trackers differ most."""
    made = []
    for group in groups(wanted, images=True):
        notes = []
        if wanted.sequences:
            names = [group.opened.dataset.own_name(name) for name in wanted.sequences]
        else:
            names = _differing(group, wanted.rows)
            alone = len(group.runs) == 1
            if len(group.names) > len(names):
                notes.append(
                    "Sequences on which it is worst." if alone else "Sequences on which the trackers differ most."
                )
        rows = []
        for name in names:
            count = len(group.opened.dataset[name])
            frames = wanted.frames
            if not frames and wanted.pick == "telling":
                frames = telling([group.overlaps(tracker, name) for tracker in group.runs], wanted.columns)
            frames = frames or evenly(count, wanted.columns)
            rows.append(Strip(name, tuple(shots(group, name, frames, list(group.runs)))))
        figure = strips(
            rows,
            styles_of(group.runs),
            trackers=list(group.runs),
            zoom=wanted.zoom,
            title=wanted.titled(""),
            width=wanted.wide(style.PAGE),
            top=wanted.top or 6,
            notes=notes,
        )
        made.append(Drawn(f"{group.key}-strip", figure, f"Frames of {', '.join(names)} ({group.title})"))
    return made, []


def draw_failures(wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    """The worst failures of the first named tracker, one figure a data set, with the boxes of the others."""
    made, reasons = [], []
    for group in groups(wanted, images=True):
        if len(group.runs) > 1 and not wanted.trackers:
            raise TrackzooError(
                f"{group.opened.id}: found results of {', '.join(group.runs)}; name the tracker whose failures you want, and "
                "behind it those to compare it with"
            )
        tracker = next(iter(group.runs))
        names = [group.opened.dataset.own_name(name) for name in wanted.sequences] or list(group.names)
        found = worst(((name, group.overlaps(tracker, name)) for name in names), wanted.rows)
        if not found:
            reasons.append(f"{tracker} never loses its target for 10 frames on {group.title}")
            continue
        rows = []
        for failure in found:
            end = f"found again at #{failure.end}" if failure.recovered else "never found again"
            title = f"{failure.sequence}: lost at #{failure.begin} for {failure.lost} frames, {end}"
            frames = failure.frames(wanted.columns)
            rows.append(Strip(title, tuple(shots(group, failure.sequence, frames, list(group.runs)))))
        figure = strips(
            rows,
            styles_of(group.runs),
            trackers=list(group.runs),
            zoom=wanted.zoom,
            title=wanted.titled(f"Longest failures of {style.shorten(tracker)} on {group.title}"),
            width=wanted.wide(style.PAGE),
            top=wanted.top or 6,
            notes=["Lost: overlap up to 0.1 for 10 annotated frames or more. The longest of each sequence."],
        )
        made.append(Drawn(f"{group.key}-failures", figure, f"Longest failures of {tracker} on {group.title}"))
    if not made:
        raise TrackzooError(f"nothing to draw: {'; '.join(reasons)}")
    return made, [f"{reason}; left out." for reason in reasons]


def draw_overlaps(wanted: Wanted) -> tuple[list[Drawn], list[str]]:
    """Overlap over time, one figure a sequence: the named ones, else that on which the trackers differ most."""
    made = []
    for group in groups(wanted, images=False):
        names = [group.opened.dataset.own_name(name) for name in wanted.sequences] or _differing(group, 1)
        look = styles_of(group.runs)
        for name in names:
            given = {tracker: group.overlaps(tracker, name) for tracker in group.runs}
            figure = overlap_over_time(
                given,
                look,
                absent=~group.opened.dataset[name].visible,
                form=_form(wanted.form),
                title=wanted.titled(f"{name} of {group.title}"),
                width=wanted.wide(style.PAGE),
            )
            made.append(
                Drawn(
                    f"{group.key}-overlap-{fit_for_file(name)}", figure, f"Overlap over time on {name} ({group.title})"
                )
            )
    return made, []


def _form(name: str) -> Form:
    if name not in ("auto", "lines", "rows"):
        raise UnknownName("form", name, ("auto", "lines", "rows"))
    return name  # type: ignore[return-value]


def _differing(group: Group, count: int) -> list[str]:
    """The sequences on which the trackers' mean overlaps lie furthest apart; of one tracker, those on which it is worst."""
    merits = []
    for name in group.names:
        values = [group.overlaps(tracker, name) for tracker in group.runs]
        means = [float(each[np.isfinite(each)].mean()) if np.isfinite(each).any() else math.nan for each in values]
        merit = max(means) - min(means) if len(means) > 1 else -means[0]
        merits.append(-math.inf if math.isnan(merit) else merit)
    order = sorted(range(len(merits)), key=lambda place: (-merits[place], place))
    return [group.names[place] for place in sorted(order[: max(count, 1)])]


def shots(group: Group, name: str, frames: Iterable[int], trackers: ListOf[str]) -> Iterable[Shot]:
    """Frames of a sequence with the annotation and the trackers' boxes, in pixels from 0. Raises `TrackzooError`."""
    sequence = group.opened.dataset[name]
    # Label maps have several objects, of whom a box around one says nothing.
    maps = any(is_vos(run) for run in group.runs.values())
    boxes = {} if maps else {tracker: group.boxes(tracker, name) for tracker in trackers}
    regions = {tracker: group.regions(tracker, name) or () for tracker in trackers}
    labels = {tracker: group.labels(tracker, name) for tracker in trackers}
    origin = np.array([group.opened.dataset.origin] * 2 + [0, 0], dtype=np.float64)
    count = len(sequence)
    for index in frames:
        if not 0 <= index < count:
            raise TrackzooError(
                f"sequence '{name}': found frame {index}, expected 0 to {count - 1} (--frames counts from 0)"
            )
        image = sequence.frames[index].array()
        yield Shot(
            image,
            f"#{index}",
            {tracker: values[index] - origin for tracker, values in boxes.items()},
            None if maps else _truth(sequence, index, origin),
            {
                **{
                    tracker: pixels(each[index], image.shape[:2])
                    for tracker, each in regions.items()
                    if each and isinstance(each[index], Mask)
                },
                **_kept(labels, index),
            },
            _outline(sequence, index, origin),
        )


def _kept(given: Mapping[str, StoredMasks | None], index: int) -> dict[str, NDArray[np.bool_]]:
    """Pixels of all objects of a frame, of the trackers whose runs kept masks."""
    found = {tracker: masks[index] for tracker, masks in given.items() if masks is not None}
    return {tracker: labels > 0 for tracker, labels in found.items() if labels is not None}


def pixels(region: Region, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask in a picture of that height and width, (H, W) bool; what lies beyond the picture is cut."""
    whole = np.zeros(shape[:2], dtype=np.bool_)
    if isinstance(region, Mask):
        high, wide = region.pixels.shape
        left, upper = max(region.x, 0), max(region.y, 0)
        right, lower = min(region.x + wide, shape[1]), min(region.y + high, shape[0])
        if right > left and lower > upper:
            whole[upper:lower, left:right] = region.pixels[
                upper - region.y : lower - region.y, left - region.x : right - region.x
            ]
    return whole


def _truth(sequence: Sequence, index: int, origin: Floats) -> Floats | None:
    annotation = sequence.annotation
    known = annotation.visible[index] and (annotation.annotated is None or annotation.annotated[index])
    box = annotation.boxes[index]
    return box - origin if known and np.isfinite(box).all() and (box[2:] > 0).all() else None


def _outline(sequence: Sequence, index: int, origin: Floats) -> Floats | None:
    regions = sequence.regions
    region = regions[index] if regions is not None else None
    return np.array(region.points) - origin[:2] if isinstance(region, Polygon) else None

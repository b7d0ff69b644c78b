"""Masks on their frames, for a report's page: a few sequences of each board whose runs keep masks, where there are images."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence as ListOf
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trackzoo.draw import draw_labels
from trackzoo.errors import TrackzooError
from trackzoo.frames import Pixels
from trackzoo.label_maps import Labels
from trackzoo.metrics.bootstrap import by_sequence
from trackzoo.report.columns import column, show
from trackzoo.report.figures.strip import evenly
from trackzoo.report.model import Board, Entry
from trackzoo.report.selection import Library
from trackzoo.report.vos import VOS
from trackzoo.sequence import Sequence
from trackzoo.store.layout import RUN_FILE
from trackzoo.store.read import StoredRun

#: Most sequences, trackers and frames of a sequence that are shown, and the pictures' width in pixels.
SEQUENCES, TRACKERS, FRAMES, WIDTH = 3, 3, 5, 320
#: Of JPEG; a picture of the page takes about 15 KB.
_QUALITY = 80

Read = Callable[[int], Labels | None]


@dataclass(frozen=True)
class MaskRow:
    """The pictures of one tracker, or of the annotation.

    Attributes:
        name: whose masks.
        detail: its score on the sequence, as text.
        pictures: a `data:` address a frame.
    """

    name: str
    detail: str
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class MaskStrip:
    """Frames of one sequence.

    Attributes:
        sequence: its name.
        why: why it is shown.
        frames: indices.
        rows: the annotation first.
    """

    sequence: str
    why: str
    frames: tuple[int, ...]
    rows: tuple[MaskRow, ...]


def keeps_masks(entry: Entry) -> bool:
    """Whether a run keeps masks, as its identity says; no file is read."""
    settings = entry.identity.get("identity", {}).get("protocol", {}).get("settings", {})
    return entry.protocol == VOS or bool(settings.get("masks"))


def mask_strips(board: Board) -> list[MaskStrip]:
    """Strips of a board; none where no run keeps masks, or the images are not here."""
    entries = [entry for entry in board.entries if keeps_masks(entry) and (Path(entry.path) / RUN_FILE).is_file()]
    entries = entries[:TRACKERS]
    if not entries:
        return []
    try:
        runs = {entry.tracker: StoredRun({0: Path(entry.path)}) for entry in entries}
        dataset = Library().open(next(iter(runs.values()))).dataset
        return [_strip(dataset[name], why, runs, values) for name, (why, values) in _chosen(board, entries).items()]
    except TrackzooError:
        return []


def _chosen(board: Board, entries: ListOf[Entry]) -> dict[str, tuple[str, Mapping[str, float]]]:
    """Sequence -> why it is shown, and tracker -> value on it."""
    metric = "jf" if board.main.metric == "g" else board.main.metric
    found: dict[str, dict[str, float]] = {}
    for entry in entries:
        scores = entry.scores
        if metric in scores.per_sequence:
            values, _ = by_sequence(scores, scores.per_sequence[metric], scores.weights.get(metric))
            found[entry.tracker] = dict(zip(scores.sequences, map(float, values), strict=True))
    if not found:
        return {}
    first, title = next(iter(found)), column(metric).title
    names = [name for name in board.names if all(math.isfinite(each.get(name, math.nan)) for each in found.values())]
    if not names:
        return {}
    ranked = sorted(names, key=lambda name: found[first][name])
    shown: dict[str, str] = {}
    if len(found) > 1:
        gap = {
            name: max(each[name] for each in found.values()) - min(each[name] for each in found.values())
            for name in names
        }
        shown[max(names, key=gap.__getitem__)] = f"the trackers' {title} differs most"
    for name, why in (
        (ranked[0], f"{first}'s {title} is worst"),
        (ranked[len(ranked) // 2], f"{first}'s {title} is in the middle"),
        (ranked[-1], f"{first}'s {title} is best"),
    ):
        shown.setdefault(name, why)
    return {
        name: (why, {tracker: each[name] for tracker, each in found.items()})
        for name, why in list(shown.items())[:SEQUENCES]
    }


def _strip(sequence: Sequence, why: str, runs: Mapping[str, StoredRun], values: Mapping[str, float]) -> MaskStrip:
    begin = min(sequence.annotation.starts.values(), default=0)
    frames = tuple(begin + index for index in evenly(len(sequence.frames) - begin, FRAMES))
    pictures = [_small(sequence.frames[index].array()) for index in frames]
    truth = sequence.masks
    rows = []
    if truth is not None:
        rows.append(MaskRow("annotation", "", _row(pictures, frames, truth.__getitem__)))
    for tracker, run in runs.items():
        masks = run.masks(sequence.name, run.repeats[0])
        rows.append(MaskRow(tracker, show(values[tracker], 1), _row(pictures, frames, masks.__getitem__)))
    return MaskStrip(sequence.name, why, frames, tuple(rows))


def _row(pictures: ListOf[Pixels], frames: ListOf[int], read: Read) -> tuple[str, ...]:
    return tuple(_address(picture, read(index)) for picture, index in zip(pictures, frames, strict=True))


def _small(picture: Pixels) -> Pixels:
    import cv2

    height, width = picture.shape[:2]
    if width <= WIDTH:
        return picture
    size = WIDTH, max(1, round(height * WIDTH / width))
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _address(picture: Pixels, labels: Labels | None) -> str:
    """A picture with a label map on it, as the address of an image inside the page."""
    import cv2

    drawn = picture.copy()
    if labels is not None:
        size = (picture.shape[1], picture.shape[0])
        draw_labels(drawn, np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8))
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(drawn[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"

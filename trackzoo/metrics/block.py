"""Sequences laid end to end, so that a profile's rules run once over all their frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence as ListOf
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.metrics.types import Floats, Truth

Flags = NDArray[np.bool_]

#: Frames that are worked on at once: arrays of this size stay in a processor's cache, which makes numpy several times faster.
FRAMES = 1 << 14


@dataclass
class Block:
    """Some sequences end to end. B sequences, F frames.

    Attributes:
        truths: the B annotations.
        lengths: (B,) frames of each that are used.
        truth: (4, F) annotated `x, y, w, h`.
        boxes: (4, F) predicted `x, y, w, h`; profiles mend it in place.
        padded: (F,) rows that the results did not have, or None when all were there.
    """

    truths: tuple[Truth, ...]
    lengths: NDArray[np.intp]
    truth: Floats
    boxes: Floats
    padded: Flags | None = None

    @classmethod
    def of(cls, truths: ListOf[Truth], boxes: ListOf[Floats], padded: ListOf[int]) -> Block:
        """Lay out fitted predictions: `boxes[i]` has at most as many rows as `truths[i]`, its last `padded[i]` are made up."""
        lengths = np.array([len(rows) for rows in boxes], dtype=np.intp)
        annotated = [
            truth.boxes if len(truth.boxes) == n else truth.boxes[:n] for truth, n in zip(truths, lengths, strict=True)
        ]
        block = cls(tuple(truths), lengths, _columns(annotated), _columns(boxes))
        if any(padded):
            ends = np.cumsum(lengths)
            block.padded = np.zeros(ends[-1], dtype=bool)
            for end, count in zip(ends, padded, strict=True):
                block.padded[end - count : end] = True
        return block

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """(B,) index of each sequence's first frame. Sequences without a used frame have none of their own."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """Indices of the first frames of the sequences that have frames."""
        return self.starts[self.lengths > 0]

    @cached_property
    def sequence(self) -> NDArray[np.intp]:
        """(F,) index of the sequence of each frame."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def visible(self) -> Flags | None:
        """(F,) visibility; sequences without flags count as visible throughout. None when no sequence has flags."""
        if all(truth.visible is None for truth in self.truths):
            return None
        return np.concatenate(
            [
                np.ones(n, dtype=bool) if truth.visible is None else np.asarray(truth.visible[:n], dtype=bool)
                for truth, n in zip(self.truths, self.lengths, strict=True)
            ]
        )

    def gather(self, arrays: ListOf[NDArray[Any]]) -> NDArray[Any]:
        """One array (F,) out of one array a sequence, cut to the rows that are used."""
        return np.concatenate([array[:n] for array, n in zip(arrays, self.lengths, strict=True)])

    def repeat(self, frames: Flags) -> None:
        """Replace the boxes of `frames` (F,), none of them a sequence's first, by the (perhaps replaced) box before."""
        index = np.arange(len(frames))
        index[frames] = 0
        np.maximum.accumulate(index, out=index)  # never reaches into the sequence before: first frames keep themselves
        self.boxes = self.boxes[:, index]

    def where(self, frame: int) -> tuple[int, int]:
        """Index of the sequence (in this block) and of the row within it, for a frame of the block."""
        index = int(self.sequence[frame])
        return index, frame - int(self.starts[index])

    def totals(self, values: NDArray[Any]) -> Floats:
        """(B,) sums of a value per frame over the frames of each sequence."""
        sums: Floats = np.zeros(len(self.lengths))
        if len(self.first):
            # Pairwise within each sequence, unlike bincount, which adds one by one.
            sums[self.lengths > 0] = np.add.reduceat(values, self.first, dtype=np.float64)
        return sums


def _columns(boxes: ListOf[Floats]) -> Floats:
    return np.ascontiguousarray(np.concatenate(boxes).T, dtype=np.float64) if boxes else np.empty((4, 0))


def spans(truths: ListOf[Truth], frames: int = FRAMES) -> Iterator[slice]:
    """Slices of consecutive sequences with about `frames` frames together; a longer sequence stands alone."""
    begin, total = 0, 0
    for index, truth in enumerate(truths):
        if total and total + len(truth.boxes) > frames:
            yield slice(begin, index)
            begin, total = index, 0
        total += len(truth.boxes)
    if truths:
        yield slice(begin, len(truths))

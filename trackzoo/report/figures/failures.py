"""Where a tracker lost its target, and for how long: the worst are worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence as ListOf
from dataclasses import dataclass

import numpy as np

from trackzoo.geometry import Floats

#: VOT counts a target as lost after ten frames of an overlap up to 0.1 (VOT2020 to 2022).
THRESHOLD, SHORTEST = 0.1, 10


@dataclass(frozen=True)
class Failure:
    """One time that the target was lost.

    Attributes:
        sequence: its name.
        begin: first frame with a low overlap, from 0.
        end: one past the last.
        lost: frames in between that have an annotation.
        recovered: whether the tracker found it again before the sequence ended.
    """

    sequence: str
    begin: int
    end: int
    lost: int
    recovered: bool

    def frames(self, count: int) -> tuple[int, ...]:
        """At most `count` frames that tell it: the last good one, the first bad one, some between, and how it ended."""
        before, after = max(self.begin - 1, 0), self.end if self.recovered else self.end - 1
        if count <= 2:
            return tuple(dict.fromkeys((before, self.begin)))[: max(count, 1)]
        inner = [round(self.begin + place * (after - self.begin) / (count - 2)) for place in range(count - 1)]
        return tuple(sorted({before, *inner}))


def failures(sequence: str, overlaps: Floats, threshold: float = THRESHOLD, shortest: int = SHORTEST) -> list[Failure]:
    """The failures of one tracker on one sequence, in order.

    Args:
        sequence: its name.
        overlaps: (N,) by frame, 0..1; NaN where there is no annotation: such frames neither end a failure nor count.
        threshold: an overlap up to it is low.
        shortest: fewer low frames in a row are no failure.
    """
    known = np.flatnonzero(np.isfinite(overlaps))
    low = overlaps[known] <= threshold
    edges = np.flatnonzero(np.diff(np.concatenate([[False], low, [False]]).astype(np.int8)))
    found = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin >= shortest:
            recovered = end < len(known)
            last = int(known[end]) if recovered else int(known[end - 1]) + 1
            found.append(Failure(sequence, int(known[begin]), last, int(end - begin), bool(recovered)))
    return found


def worst(overlaps: Iterable[tuple[str, Floats]], count: int, **rules: float) -> list[Failure]:
    """The longest failure of each sequence, the longest first, at most `count`.

    Args:
        overlaps: (sequence, overlaps (N,)).
        count: how many.
        rules: as for `failures`.
    """
    longest: list[Failure] = []
    for name, values in overlaps:
        each: ListOf[Failure] = failures(name, values, **rules)  # type: ignore[arg-type]
        if each:
            longest.append(max(each, key=lambda failure: failure.lost))
    return sorted(longest, key=lambda failure: (-failure.lost, failure.sequence))[:count]

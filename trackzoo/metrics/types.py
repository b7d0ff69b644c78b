"""What goes into the metrics engine and what comes out: plain arrays in, `Scores` out. numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """Annotation of one sequence, as a metric needs it. N = number of frames.

    Attributes:
        name: the sequence.
        boxes: (N, 4) float64 `x, y, w, h` in the benchmark's own numbers; NaN where not known.
        visible: (N,) bool by the benchmark's own flags, or None where it has none.
        size: (width, height) of the picture in pixels, for profiles that clip to it; None where not known.
        cover: (N,) int 0..8 (GOT-10k), or None.
        attributes: names of the attributes of the sequence.
        category: object class, for class-balanced figures; empty where not known.
        motion: motion class (GOT-10k), likewise.
    """

    name: str
    boxes: Floats
    visible: NDArray[np.bool_] | None = None
    size: tuple[int, int] | None = None
    cover: NDArray[np.integer[Any]] | None = None
    attributes: tuple[str, ...] = ()
    category: str = ""
    motion: str = ""


@dataclass(frozen=True)
class Curve:
    """A curve over thresholds.

    Attributes:
        thresholds: (T,) x axis in its own unit.
        values: (T,) mean over the data set, fraction 0..1.
        per_sequence: (S, T) the same for each sequence, fraction 0..1.
        unit: of the thresholds: `overlap`, `px`, `normalized`.
    """

    thresholds: Floats
    values: Floats
    per_sequence: Floats
    unit: str


@dataclass(frozen=True, eq=False)
class Pooled:
    """A figure that is no mean over sequences but the mean of J points, each a ratio of two sums over the sequences.

    EAO is one: its points are lengths of runs, each with the runs of all sequences that tell of it.

    Attributes:
        sums: (S, J) what each sequence adds to a point's value.
        totals: (S, J) what it adds to a point's weight.
        empty: value of a point of weight 0; NaN makes the figure unknown.
        reach: (S, J) 1 where a sequence's runs reach a point, else 0; points that none reaches are left out. None: all count.
    """

    sums: Floats
    totals: Floats
    empty: float = float("nan")
    reach: Floats | None = None


@dataclass(frozen=True, repr=False)
class Scores:
    """Scores of one tracker on one data set under one profile.

    Attributes:
        profile: name of the profile.
        version: its version; rises when a number could change.
        dataset: the toolkit's name of the data set, where its rules depend on it.
        names: S sequences, in order.
        metrics: metric -> value over the data set. Names are `auc`, `op50`, `op75`, `precision`, `norm_precision`, `ao`,
            `sr50`, `sr75` …; all in percent, 0..100, unrounded.
        per_sequence: metric -> (S,) the same for each sequence, percent.
        curves: `success`, `precision`, `norm_precision` -> curve.
        notes: what was repaired, padded, cut or left out, a line each; empty when nothing was.
        more: further figures that tables print only when asked, like `metrics`.
        weights: metric -> (S,) weight of each sequence in the mean over the data set, for metrics (of `metrics` and `more`)
            whose mean is not the plain one; a curve's under the curve's name.
        by_run: metric -> (R,) value over the data set of each repetition alone.
        groups: (S,) the sequence that each of `names` belongs to, where they are objects (label maps); else empty.
        pooled: metric -> how it comes from the sequences, for metrics that are no means over them.
    """

    profile: str
    version: int
    dataset: str
    names: tuple[str, ...]
    metrics: Mapping[str, float]
    per_sequence: Mapping[str, Floats]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    more: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, Floats] = field(default_factory=dict)
    by_run: Mapping[str, Floats] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    pooled: Mapping[str, Pooled] = field(default_factory=dict)

    @property
    def sequences(self) -> tuple[str, ...]:
        """The sequences, each once, in order."""
        return tuple(dict.fromkeys(self.groups)) if self.groups else self.names

    def __str__(self) -> str:
        """A small table."""
        on = f" on {self.dataset}" if self.dataset else ""
        count = f"{len(self.sequences)} sequence{'' if len(self.sequences) == 1 else 's'}"
        count += f", {len(self.names)} object{'' if len(self.names) == 1 else 's'}" if self.groups else ""
        lines = [f"{self.profile} v{self.version}{on}, {count}"]
        width = max((len(metric) for metric in self.metrics), default=0)
        lines += [f"  {metric:<{width}}  {value:6.2f} %" for metric, value in self.metrics.items()]
        lines += [f"  {note}" for note in self.notes[:5]]
        if len(self.notes) > 5:
            lines.append(f"  … and {len(self.notes) - 5} more notes")
        return "\n".join(lines)

    __repr__ = __str__

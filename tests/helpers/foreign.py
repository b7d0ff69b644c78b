"""Result files as other toolkits write them, and a data set with sequences named as one likes.

On `sys.path` through `pythonpath` in pyproject.toml: `import foreign`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence as ListOf
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.sequence import Annotation, Dataset, Problem, Sequence

Boxes = np.ndarray[Any, np.dtype[np.float64]]


def _annotation(boxes: Boxes) -> Annotation:
    return Annotation(boxes, np.ones(len(boxes), dtype=bool))


class Zoo(Dataset):
    """Sequences with boxes alone, in memory."""

    profile = "pytracking"

    def __init__(self, truth: Mapping[str, Boxes], origin: int = 0, prefix: str = "") -> None:
        super().__init__("otb-zoo", None)
        self.truth, self.prefix = dict(truth), prefix
        self.origin = origin  # type: ignore[misc]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.truth)

    def own_name(self, name: str) -> str:
        return name.removeprefix(self.prefix)

    def sequence(self, name: str) -> Sequence:
        return Sequence(name, self.id, partial(_annotation, self.truth[name]), None)

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        return []

    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        return "f" * 64

    def available(self) -> tuple[str, ...]:
        return self.names


def truth(count: int = 12, start: float = 20.0) -> Boxes:
    """Whole-numbered boxes that move; no two sequences with other starts begin alike."""
    steps = np.arange(count, dtype=np.float64)
    return np.stack([start + 2 * steps, 40 + start + steps, 30 + steps % 3, 24 + steps % 2], axis=1)


NAMES = ("Bird1", "Jogging_1", "airplane-1", "uav1_1")


def zoo(origin: int = 0, prefix: str = "", names: ListOf[str] = NAMES) -> Zoo:
    """Four sequences of different lengths."""
    return Zoo({name: truth(12 + 3 * place, 20.0 + 7 * place) for place, name in enumerate(names)}, origin, prefix)


def tracked(boxes: Boxes, lag: float = 3.0) -> Boxes:
    """A tracker's boxes: they lag to the right, but for the first."""
    found = boxes.copy()
    found[1:, 0] += lag
    return found


def table(path: Path, values: Any, separator: str = ",", form: str = "%.4f", head: str = "", end: str = "\n") -> Path:
    """A text file of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.asarray(values, dtype=np.float64)
    rows = rows.reshape(len(rows), -1)
    path.write_text(head + end.join(separator.join(form % value for value in row) for row in rows) + end)
    return path


def flat(
    folder: Path, data: Dataset, separator: str = ",", form: str = "%.4f", prefix: str = "", lag: float = 3.0
) -> Path:
    """`<seq>.txt` of every sequence."""
    for name in data.names:
        table(folder / f"{prefix}{name}.txt", tracked(data[name].boxes, lag), separator, form)
    return folder

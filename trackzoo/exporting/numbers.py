"""Numbers as each toolkit writes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trackzoo.geometry import Floats
from trackzoo.metrics.boxes import as_released

#: Rows (N, C) as text.
Writer = Callable[[Floats], str]


def lines(values: Floats, separator: str, form: Callable[[float], str]) -> str:
    """Rows (N, C) as text, one a line."""
    rows = np.asarray(values, dtype=np.float64)
    return "".join(separator.join(map(form, row)) + "\n" for row in rows.reshape(len(rows), -1).tolist())


def full(value: float) -> str:
    """A number that reads back the same; whole ones without a point."""
    return str(int(value)) if value == value and abs(value) < 1e15 and value.is_integer() else repr(value)


def fixed(digits: int) -> Callable[[float], str]:
    """So many digits after the point."""
    return lambda value: f"{value:.{digits}f}"


def whole(values: Floats, separator: str) -> str:
    """Cut to integers towards zero, as the runners of PyTracking and its forks do. NaN has no integer and stays."""
    return lines(as_released(values), separator, full)


def one_column(values: Floats, form: Callable[[float], str]) -> str:
    """Values (N,), one a line."""
    return lines(np.asarray(values, dtype=np.float64).reshape(-1, 1), "", form)

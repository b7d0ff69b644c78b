"""Numbers for the synthetic scenes: whole numbers only, so that every machine makes the same pixels.

Angles are whole parts of a turn (`TURN`), lengths are 1/256 pixel (`PX`), time is 1/16 frame (`TICK`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
T = TypeVar("T")

TURN = 4096
PX = 256
TICK = 16
ONE = 1 << 14  # sine of a quarter turn


def sines(angles: Ints) -> Ints:
    """Sine times `ONE` of angles in parts of a turn, within 0.002, by Bhaskara I's fraction (7th century)."""
    angles = np.asarray(angles, np.int64) % TURN
    half = TURN // 2
    product = (angles % half) * (half - angles % half)
    wave = 16 * ONE * product // (5 * half * half - 4 * product)
    return np.where(angles >= half, -wave, wave)


_SINE: list[int] = sines(np.arange(TURN)).tolist()


def sine(angle: int) -> int:
    """Sine times `ONE` of one angle."""
    return _SINE[angle % TURN]


def cosine(angle: int) -> int:
    """Cosine times `ONE` of one angle."""
    return _SINE[(angle + TURN // 4) % TURN]


@dataclass(frozen=True)
class Wave:
    """A quantity over time: `base + drift · frames + amplitude · sin(phase + frames / period)`.

    Attributes:
        base: its middle.
        amplitude: how far it swings.
        period: frames a swing takes; positive.
        phase: where the swing begins, in parts of a turn.
        drift: change a frame.
    """

    base: int
    amplitude: int = 0
    period: int = 1
    phase: int = 0
    drift: int = 0

    def at(self, time: int) -> int:
        """Value at `time` ticks."""
        swing = self.amplitude * sine(self.phase + time * TURN // (TICK * self.period)) // ONE if self.amplitude else 0
        return self.base + self.drift * time // TICK + swing


class Draws:
    """Random whole numbers that depend on the key alone.

    `RandomState` promises the same stream in every release of numpy; the type is named because its default differs
    between systems.
    """

    def __init__(self, *key: Any) -> None:
        digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
        self._state = np.random.RandomState(int.from_bytes(digest[:4], "little"))

    def between(self, low: int, high: int) -> int:
        """One number, low ≤ n ≤ high."""
        return int(self._state.randint(low, high + 1, dtype=np.int64))

    def grid(self, shape: tuple[int, ...], low: int = 0, high: int = 255) -> Ints:
        """An array of numbers, low ≤ n ≤ high."""
        return self._state.randint(low, high + 1, size=shape, dtype=np.int64)

    def pick(self, items: ListOf[T]) -> T:
        """One of `items`."""
        return items[self.between(0, len(items) - 1)]


def smooth_noise(draws: Draws, height: int, width: int, cell: int) -> Ints:
    """Value noise (height, width), 0..255: a random grid with `cell` pixels a side, smoothly interpolated."""
    grid = draws.grid((height // cell + 2, width // cell + 2))

    def weights(length: int) -> tuple[Ints, Ints]:
        position = np.arange(length, dtype=np.int64)
        part = position % cell * 256 // cell
        return position // cell, part * part * (768 - 2 * part) // 65536  # 3t² - 2t³ in 1/256

    rows, down = weights(height)
    columns, right = weights(width)
    above = grid[rows][:, columns] * (256 - right) + grid[rows][:, columns + 1] * right
    below = grid[rows + 1][:, columns] * (256 - right) + grid[rows + 1][:, columns + 1] * right
    return np.asarray((above * (256 - down[:, None]) + below * down[:, None]) // 65536, np.int64)

"""What the animals move over and behind: grounds larger than the picture, and things in the foreground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._synth_numbers import TURN, Draws, Ints, smooth_noise
from trackzoo.datasets._synth_paint import Colour, Flags, ramp, stamp


@dataclass(frozen=True)
class Ground:
    """A kind of ground.

    Attributes:
        place: what the description calls it.
        stops: colours from its darkest to its lightest parts.
        litter: (how many for 100 x 100 pixels, smallest and largest radius in pixels, flatness 1..4, colours).
        tiles: side of its paving stones in pixels, 0 where it is not paved.
    """

    place: str
    stops: tuple[Colour, ...]
    litter: tuple[tuple[int, int, int, int, tuple[Colour, ...]], ...]
    tiles: int = 0


GROUNDS: dict[str, Ground] = {
    "meadow": Ground(
        "a meadow",
        ((44, 78, 36), (70, 110, 48), (98, 138, 62), (134, 164, 84)),
        (
            (26, 5, 10, 4, ((58, 98, 40), (112, 150, 70), (84, 126, 50))),
            (2, 3, 5, 1, ((228, 224, 206), (206, 186, 96), (176, 140, 178))),
        ),
    ),
    "beach": Ground(
        "sand",
        ((158, 134, 98), (184, 160, 120), (206, 184, 146), (222, 204, 168)),
        (
            (8, 3, 7, 2, ((146, 128, 108), (232, 222, 204), (120, 110, 102), (190, 150, 122))),
            (2, 8, 14, 2, ((172, 148, 112), (138, 122, 100))),
        ),
    ),
    "pond": Ground(
        "a pond",
        ((20, 62, 84), (34, 88, 108), (54, 112, 126), (92, 146, 150)),
        (
            (10, 8, 16, 4, ((70, 128, 140), (28, 78, 98), (110, 160, 162))),
            (2, 8, 15, 1, ((58, 112, 62), (76, 132, 70), (46, 96, 60))),
        ),
    ),
    "pavement": Ground(
        "paving stones",
        ((104, 102, 102), (128, 126, 124), (146, 144, 140), (166, 164, 158)),
        ((6, 2, 5, 2, ((92, 90, 88), (176, 172, 166), (134, 112, 90))),),
        tiles=44,
    ),
    "leaves": Ground(
        "fallen leaves",
        ((72, 50, 34), (100, 70, 42), (128, 90, 52), (150, 114, 70)),
        ((20, 6, 12, 2, ((158, 92, 40), (176, 128, 56), (120, 62, 36), (140, 116, 60), (96, 78, 44))),),
    ),
}


def ground(kind: str, draws: Draws, height: int, width: int) -> NDArray[np.uint8]:
    """A ground (height, width, 3) uint8 RGB."""
    what = GROUNDS[kind]
    shade = sum(
        (smooth_noise(draws, height, width, cell) * weight for cell, weight in ((61, 4), (23, 3), (7, 2), (3, 1))),
        np.zeros((height, width), np.int64),
    )
    canvas = ramp(what.stops)[np.clip((shade // 10 - 128) * 2 + 128, 0, 255)]
    if what.tiles:
        _pave(canvas, draws, what.tiles)
    for many, small, large, flatness, colours in what.litter:
        for _ in range(many * height * width // 10_000):
            radius = draws.between(small, large)
            place = draws.between(0, width - 1), draws.between(0, height - 1)
            stamp(
                canvas,
                *place,
                radius,
                max(radius // draws.between(1, flatness), 2),
                draws.between(0, TURN - 1),
                draws.pick(colours),
                draws.between(130, 240),
            )
    canvas += draws.grid((height, width, 1), -7, 7)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _pave(canvas: Ints, draws: Draws, side: int) -> None:
    height, width = canvas.shape[:2]
    rows, columns = np.arange(height, dtype=np.int64), np.arange(width, dtype=np.int64)
    tint = draws.grid((height // side + 1, width // side + 2), -16, 16)
    offset = columns[None] + (rows // side % 2 * (side // 2))[:, None]  # every other row is shifted by half a stone
    canvas += tint[(rows // side)[:, None], offset // side][..., None]
    joint = (rows % side < 2)[:, None] | (offset % side < 2)
    canvas[joint] = canvas[joint] * 5 // 8


def upright(kind: str, draws: Draws, height: int, width: int) -> tuple[NDArray[np.uint8], Flags]:
    """A tree trunk or a wall (height, width, 3) uint8 RGB from the top of the canvas to its bottom, and where it covers."""
    rows, columns = np.arange(height, dtype=np.int64)[:, None], np.arange(width, dtype=np.int64)[None]
    covers = np.ones((height, width), dtype=bool)
    if kind == "trunk":
        bark = smooth_noise(draws, height // 12 + 2, width, 5).repeat(12, axis=0)[:height]
        bark = (bark * 2 + smooth_noise(draws, height, width, 9)) // 3
        # Round: bright in the middle, dark at the sides; the sides waver by two pixels.
        edge = np.minimum(columns, width - 1 - columns)
        light = np.minimum(edge * 512 // max(width, 1), 256)
        picture = ramp(((40, 28, 20), (84, 60, 42), (122, 94, 68)))[np.clip(bark * (96 + light) // 300, 0, 255)]
        covers &= edge >= smooth_noise(draws, height, 1, 17) * 3 // 256
    else:
        course, brick = 14, 30
        offset = columns + rows // course % 2 * (brick // 2)
        tint = draws.grid((height // course + 1, width // brick + 2), -26, 26)[rows // course, offset // brick]
        picture = np.array((150, 76, 58), np.int64) + (tint + draws.grid((height, width), -9, 9))[..., None]
        joint = (rows % course < 2) | (offset % brick < 2)
        picture[joint] = (178, 168, 154)
    return np.clip(picture, 0, 255).astype(np.uint8), covers

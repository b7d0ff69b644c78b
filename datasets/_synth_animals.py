"""The animals of the synthetic zoo, painted from ellipses and polygons: textured, each individual a little different."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._synth_numbers import ONE, TURN, Draws, Ints, cosine, sine
from trackzoo.datasets._synth_paint import Colour, Flags, ellipse, polygon, star

#: Side of a sprite in texels, without its transparent border of one.
SIDE = 128

COATS: dict[str, Colour] = {
    "red": (216, 56, 44),
    "orange": (238, 134, 40),
    "yellow": (240, 204, 56),
    "green": (84, 172, 68),
    "blue": (58, 112, 214),
    "purple": (142, 78, 190),
    "pink": (236, 118, 164),
    "white": (232, 230, 222),
}
_DARK: Colour = (34, 30, 36)
_LIGHT: Colour = (246, 242, 230)
_EYE: Colour = (16, 16, 20)


class _Easel:
    """A sprite in the making; coordinates are -100..100 in both directions, y down."""

    def __init__(self, coat: Colour) -> None:
        self.coat = coat
        self.shade: Colour = (coat[0] * 5 // 8, coat[1] * 5 // 8, coat[2] * 5 // 8)
        # Markings must show on a white coat too.
        self.pale: Colour = _LIGHT if min(coat) < 200 else self.shade
        self.colours = np.zeros((SIDE, SIDE, 3), np.int64)
        self.covered = np.zeros((SIDE, SIDE), dtype=bool)

    def _place(self, value: int) -> int:
        return SIDE // 2 + value * SIDE // 200

    def fill(self, where: Flags, colour: Colour) -> None:
        self.colours[where] = colour
        self.covered |= where

    def ellipse(
        self, x: int, y: int, rx: int, ry: int, colour: Colour, degrees: int = 0, within: bool = False
    ) -> Flags:
        radii = max(rx * SIDE // 200, 1), max(ry * SIDE // 200, 1)
        where = ellipse((SIDE, SIDE), self._place(x), self._place(y), *radii, degrees * TURN // 360)
        if within:
            where &= self.covered
        self.fill(where, colour)
        return where

    def polygon(self, points: list[tuple[int, int]], colour: Colour, within: Flags | None = None) -> None:
        where = polygon((SIDE, SIDE), [(self._place(x), self._place(y)) for x, y in points])
        self.fill(where if within is None else where & within, colour)

    def eye(self, x: int, y: int, size: int) -> None:
        self.ellipse(x, y, size, size, _LIGHT)
        self.ellipse(x, y, size * 3 // 5, size * 3 // 5, _EYE)


def _ladybird(easel: _Easel, draws: Draws) -> None:
    for side in (-1, 1):
        for y in (-30, 10, 50):
            easel.polygon([(side * 40, y), (side * 94, y - 16), (side * 90, y - 4), (side * 40, y + 16)], _DARK)
    easel.ellipse(0, -66, 40, 28, _DARK)
    easel.ellipse(0, 10, 76, 82, easel.coat)
    easel.polygon([(-4, -72), (4, -72), (4, 92), (-4, 92)], _DARK, easel.covered.copy())
    for side in (-1, 1):
        for x, y in ((34, -28), (48, 18), (26, 56)):
            easel.ellipse(side * x + draws.between(-5, 5), y + draws.between(-6, 6), 15, 15, _DARK)
        easel.eye(side * 20, -74, 10)


def _fish(easel: _Easel, draws: Draws) -> None:
    easel.polygon([(34, 0), (96, -50), (80, 0), (96, 50)], easel.shade)
    easel.polygon([(-20, -40), (10, -78), (36, -34)], easel.shade)
    easel.polygon([(-10, 40), (14, 72), (30, 34)], easel.shade)
    body = easel.ellipse(-18, 0, 74, 50, easel.coat)
    for x in (-34, -2, 30):
        shift = draws.between(-5, 5)
        easel.polygon(
            [(x + shift, -60), (x + 15 + shift, -60), (x + 9 + shift, 60), (x - 6 + shift, 60)], easel.pale, body
        )
    easel.eye(-62, -12, 12)


def _turtle(easel: _Easel, draws: Draws) -> None:
    skin: Colour = (150, 150, 84)
    for side in (-1, 1):
        easel.ellipse(side * 58, -46, 32, 18, skin, side * -35)
        easel.ellipse(side * 56, 58, 28, 16, skin, side * 40)
    easel.ellipse(0, -74, 24, 25, skin)
    easel.eye(-11, -84, 7)
    easel.eye(11, -84, 7)
    easel.ellipse(0, 8, 72, 76, easel.shade)
    easel.ellipse(0, 8, 63, 67, easel.coat)
    for turn in range(6):
        angle = turn * TURN // 6 + draws.between(-60, 60)
        easel.polygon(star(42 * cosine(angle) // ONE, 8 + 44 * sine(angle) // ONE, 17, 15, 3, angle), easel.shade)
    easel.polygon(star(0, 8, 24, 21, 3), easel.pale)


def _butterfly(easel: _Easel, draws: Draws) -> None:
    for side in (-1, 1):
        easel.ellipse(side * 50, -34, 46, 48, easel.coat, side * 30)
        easel.ellipse(side * 42, 44, 36, 40, easel.shade, side * -25)
        easel.ellipse(side * 56, -38, 21, 23, _DARK, side * 30)
        easel.ellipse(side * (56 + draws.between(-4, 4)), -38, 11, 12, _LIGHT)
        easel.ellipse(side * 44, 46 + draws.between(-5, 5), 14, 17, _LIGHT)
    easel.ellipse(0, 4, 12, 66, _DARK)
    easel.ellipse(0, -60, 15, 15, _DARK)


def _bee(easel: _Easel, draws: Draws) -> None:
    for side in (-1, 1):
        easel.ellipse(side * 60, -26, 38, 20, (196, 214, 226), side * 24)
        easel.ellipse(side * 52, 12, 32, 15, (176, 196, 210), side * -10)
    body = easel.ellipse(0, 16, 46, 76, easel.coat)
    for y in (-18, 18, 54):
        shift = draws.between(-4, 4)
        easel.polygon([(-60, y + shift), (60, y + shift), (60, y + 17 + shift), (-60, y + 17 + shift)], _DARK, body)
    easel.ellipse(0, -62, 33, 28, _DARK)
    easel.eye(-16, -68, 10)
    easel.eye(16, -68, 10)


def _starfish(easel: _Easel, draws: Draws) -> None:
    easel.polygon(star(0, 6, 98, 44, 5), easel.shade)
    easel.polygon(star(0, 6, 88, 38, 5), easel.coat)
    for arm in range(5):
        angle = arm * TURN // 5 - TURN // 4
        for radius, size in ((64, 7), (44, 9), (24, 9)):
            radius += draws.between(-3, 3)
            easel.ellipse(radius * cosine(angle) // ONE, 6 + radius * sine(angle) // ONE, size, size, easel.pale)
    easel.eye(-13, -2, 10)
    easel.eye(13, -2, 10)


def _crab(easel: _Easel, draws: Draws) -> None:
    for side in (-1, 1):
        for y in (16, 36, 56):
            easel.polygon(
                [(side * 40, y - 8), (side * 96, y + 8), (side * 92, y + 22), (side * 40, y + 8)], easel.shade
            )
        easel.polygon([(side * 44, 0), (side * 78, -46), (side * 62, -52), (side * 28, -10)], easel.shade)
        easel.ellipse(side * 68, -58, 25, 30, easel.coat)
        easel.polygon([(side * 68, -54), (side * 60, -96), (side * 80, -96)], _DARK, easel.covered.copy())
    easel.ellipse(0, 24, 64, 48, easel.coat)
    for _ in range(7):
        easel.ellipse(draws.between(-40, 40), draws.between(4, 56), 8, 8, easel.shade, within=True)
    easel.eye(-20, -14, 14)
    easel.eye(20, -14, 14)


def _owl(easel: _Easel, draws: Draws) -> None:
    for side in (-1, 1):
        easel.polygon([(side * 62, -50), (side * 54, -96), (side * 16, -70)], easel.shade)
    easel.ellipse(0, 4, 70, 88, easel.coat)
    belly = easel.ellipse(0, 38, 44, 50, _LIGHT)
    for row in range(4):
        for column in (-24, 0, 24):
            x, y = column + 12 * (row % 2) - 6 + draws.between(-3, 3), 12 + 19 * row
            easel.polygon([(x - 9, y), (x + 9, y), (x, y + 13)], easel.shade, belly)
    for side in (-1, 1):
        easel.ellipse(side * 60, 22, 15, 50, easel.shade, side * -8)
        easel.ellipse(side * 28, -36, 27, 27, _LIGHT)
        easel.ellipse(side * 28, -36, 13, 13, _EYE)
    easel.polygon([(-10, -22), (10, -22), (0, 2)], (240, 168, 40))


@dataclass(frozen=True)
class Animal:
    """A kind of animal.

    Attributes:
        look: what the description says of it after its name.
        gait: the verb that the description uses.
        draw: paints it.
    """

    look: str
    gait: str
    draw: Callable[[_Easel, Draws], None]


ANIMALS: dict[str, Animal] = {
    "ladybird": Animal("with black spots", "crawling", _ladybird),
    "fish": Animal("with bold stripes", "swimming", _fish),
    "turtle": Animal("with a patterned shell", "crawling", _turtle),
    "butterfly": Animal("with ringed wings", "fluttering", _butterfly),
    "bee": Animal("with black bands", "flying", _bee),
    "starfish": Animal("with rows of dots", "drifting", _starfish),
    "crab": Animal("with large claws", "scuttling", _crab),
    "owl": Animal("with a pale belly", "gliding", _owl),
}


def sprite(animal: str, coat: str, key: str) -> NDArray[np.uint32]:
    """Texels ((SIDE + 2)²,) of one individual: bytes R, G, B and 1 where it is opaque, all 0 where it is not.

    Args:
        animal: a name in `ANIMALS`.
        coat: a name in `COATS`.
        key: another key gives another individual of the same looks.
    """
    draws = Draws("sprite", animal, coat, key)
    easel = _Easel(COATS[coat])
    ANIMALS[animal].draw(easel, draws)
    grain: Ints = draws.grid((SIDE // 4, SIDE // 4), -22, 22).repeat(4, axis=0).repeat(4, axis=1)
    # Light from the upper left rounds the body off.
    light = (SIDE - np.arange(SIDE)[None] - np.arange(SIDE)[:, None]) * 36 // SIDE
    colours = np.clip(easel.colours + (grain + light)[..., None], 0, 255)
    texels = np.zeros((SIDE + 2, SIDE + 2, 4), np.uint8)
    inner = texels[1:-1, 1:-1]
    inner[easel.covered, :3] = colours[easel.covered]
    inner[easel.covered, 3] = 1
    return texels.reshape(-1, 4).view(np.uint32).reshape(-1)

"""Text into float64, many numbers at once: the very numbers that `float` gives, several times faster.

Plain decimals (`[-]ddd[.ddd]`, up to 8 digits before the point and 24 after it), which is what boxes and seconds are, are
read eight digits at a time in 64-bit words and put together in pairs of float64 whose error is below 2^-66 of the number,
so that rounding is certain but for one in a thousand; those, and whatever is written otherwise (exponents, `nan`, `inf`),
go to `float`.

Eight digits in a word: D. Lemire, Quickly parsing eight digits, 2018. Pairs of float64: T. Dekker, A floating-point
technique for extending the available precision, Numerische Mathematik 18, 1971.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

#: Below this many bytes the fixed cost of a hundred array operations is more than what they spare.
_SMALL = 4096
_PAD = 32
_WORD = np.uint64
_ZEROS = _WORD(0x3030303030303030)
#: Entry n keeps n bytes of a word: the last ones (before the point), the first ones (behind it).
_LAST = np.array([0, *((0xFFFFFFFFFFFFFFFF << (8 * (8 - n))) & 0xFFFFFFFFFFFFFFFF for n in range(1, 9))], dtype=_WORD)
_FIRST = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=_WORD)
_SPLIT = 134217729.0  # 2^27 + 1
#: 1e-8 and 1e-16 as pairs of float64: the nearest one, and what that lacks.
_STEP = (1e-8, -2.092256083012847e-25)
_STEP_TWICE = (1e-16, 2.0902213275965398e-33)
_SPACE, _MINUS, _POINT = 32, 45, 46


# glibc returns the end of its heap to the system whenever more than 128 KiB of it are free, and gets it back page by page,
# which triples the time of array operations of this size. A large block that comes and goes raises that limit to 32 MiB.
np.empty(1 << 24, dtype=np.uint8)


def parse_numbers(data: bytes) -> Floats:
    """All numbers of a text, parted by blanks, tabs or line breaks (any bytes up to 32).

    Returns:
        (N,) float64, each equal to `float` of its text.

    Raises:
        ValueError: something is no number.
    """
    if len(data) < _SMALL:
        return np.array(data.split(), dtype=np.float64)
    text = np.frombuffer(bytes(_PAD) + data + bytes(_PAD), dtype=np.uint8)
    # A view of a word at every byte, aligned or not.
    words = np.ndarray((len(text) - 7,), dtype="<u8", buffer=text.data, strides=(1,))
    solid = text > _SPACE
    edges = np.flatnonzero(solid[1:] != solid[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    negative = text[starts] == _MINUS
    first = starts + negative
    points = _points(text, first, ends)
    whole, behind = points - first, np.maximum(ends - points - 1, 0)
    plain = (whole >= 1) & (whole <= 8) & (behind <= 24)
    value, certain = _decimal(words, points, np.clip(whole, 0, 8), behind)
    plain &= certain
    np.negative(value, out=value, where=negative)
    for place in np.flatnonzero(~plain).tolist():
        value[place] = float(data[starts[place] - _PAD : ends[place] - _PAD])
    return value


def _points(text: NDArray[np.uint8], first: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where each number's point stands, its end where it has none (or several, which its digits then show)."""
    found = np.flatnonzero(text == _POINT)
    if len(found) == len(ends) and ((found >= first) & (found < ends)).all():
        return found
    if not len(found):
        return ends
    nearest = found[np.minimum(np.searchsorted(found, first), len(found) - 1)]
    return np.where((nearest >= first) & (nearest < ends), nearest, ends)


def _decimal(
    words: Words, points: NDArray[np.intp], whole: NDArray[np.intp], behind: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Numbers without their signs, and which of them are certain: made of digits alone, and not close to a tie."""
    front, digits = _eight(words[points - 8], _LAST[whole])
    most = behind.max(initial=0)
    if most == 0:
        return front.astype(np.float64), digits
    near, good = _eight(words[points + 1], _FIRST[np.minimum(behind, 8)])
    digits &= good
    high, low = _times(near.astype(np.float64), *_STEP)
    total, lost = _sum(front.astype(np.float64), high)
    low += lost
    if most > 8:
        far, good = _eight(words[points + 9], _FIRST[np.clip(behind - 8, 0, 8)])
        digits &= good
        high, lost = _times(far.astype(np.float64), *_STEP_TWICE)
        low += lost
        total, lost = _sum(total, high)
        low += lost
    if most > 16:
        last, good = _eight(words[points + 17], _FIRST[np.clip(behind - 16, 0, 8)])
        digits &= good
        low += last.astype(np.float64) * 1e-24
    value = total + low
    lost = low - (value - total)
    # The sum rounds rightly unless what was lost is half a step, give or take the error of it all.
    half = np.spacing(value) / 2
    certain = (half - np.abs(lost)) > half * 2.0**-12
    # Below a power of two the step is half as wide; numbers that lie right at one are left to `float`.
    certain &= (np.frexp(value)[0] != 0.5) | (lost == 0)
    if most > 16:
        # The last eight digits are exact to 1e-32 only, which must be little beside half a step.
        certain &= (value > 1e-10) | (behind <= 16)
    certain |= value == 0
    return value, digits & certain


def _eight(word: Words, keep: Words) -> tuple[Words, NDArray[np.bool_]]:
    """The numbers in the kept bytes of words, the others taken as zeros; and whether those were digits."""
    word = (word ^ _ZEROS) & keep
    good = ((word + _WORD(0x7676767676767676)) & _WORD(0x8080808080808080)) == 0
    good &= (word & _WORD(0x8080808080808080)) == 0
    word = (word * _WORD(10)) + (word >> _WORD(8))
    word = (
        ((word & _WORD(0x000000FF000000FF)) * _WORD(0x000F424000000064))
        + (((word >> _WORD(16)) & _WORD(0x000000FF000000FF)) * _WORD(0x0000271000000001))
    ) >> _WORD(32)
    return word, good


def _sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """a + b as a pair: the rounded sum and what it lost."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _times(a: Floats, b: float, rest: float) -> tuple[Floats, Floats]:
    """a × (b + rest) as a pair: the rounded product and what it lost."""
    product = a * b
    c = _SPLIT * a
    a_high = c - (c - a)
    a_low = a - a_high
    c_b = _SPLIT * b
    b_high = c_b - (c_b - b)
    b_low = b - b_high
    lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, lost + a * rest

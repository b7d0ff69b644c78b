"""Boxes in a few bytes of text, for baselines: to 1/64 px, as differences from frame to frame, compressed."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence as ListOf

import numpy as np
from numpy.typing import NDArray

from trackzoo.geometry import Floats

#: Steps in a pixel. Finer than any tolerance that is of use, coarse enough that a box takes about six bytes.
STEPS = 64
#: Coordinates beyond this many pixels are kept at it; nothing that tracks is there.
FARTHEST = (2**31 - 2) // STEPS
_UNKNOWN = -(2**31)  # stands for NaN


def pack(boxes: ListOf[Floats]) -> str:
    """Boxes (N, 4) of several sequences as ASCII text; `unpack` gives them back to within 1/128 px."""
    rows = np.concatenate(boxes) if boxes else np.empty((0, 4))
    whole = np.rint(np.clip(np.nan_to_num(rows, nan=0.0), -FARTHEST, FARTHEST) * STEPS).astype(np.int32)
    whole[np.isnan(rows)] = _UNKNOWN
    # Unsigned, so that differences wrap around instead of overflowing.
    steps = np.diff(whole.view(np.uint32), axis=0, prepend=np.zeros((1, 4), np.uint32)).view(np.int32)
    folded = ((steps << 1) ^ (steps >> 31)).astype("<i4")  # small ones of either sign get leading zero bytes
    planes = np.ascontiguousarray(folded).view(np.uint8).reshape(-1, 4, 4).transpose(2, 1, 0)
    return base64.b85encode(zlib.compress(planes.tobytes(), 9)).decode()


def unpack(text: str, lengths: ListOf[int]) -> list[Floats]:
    """Boxes out of `pack`'s text.

    Args:
        text: what `pack` gave.
        lengths: number of rows of each sequence.

    Raises:
        ValueError: the text is damaged or holds another number of boxes.
    """
    try:
        data = zlib.decompress(base64.b85decode(text))
    except (ValueError, zlib.error, binascii.Error) as error:
        raise ValueError(f"boxes that cannot be unpacked ({error})") from None
    if len(data) != 16 * sum(lengths):
        raise ValueError(f"{len(data) // 16} boxes instead of {sum(lengths)}")
    planes: NDArray[np.uint8] = np.frombuffer(data, np.uint8).reshape(4, 4, -1).transpose(2, 1, 0)
    folded = np.ascontiguousarray(planes).view("<i4").reshape(-1, 4).astype(np.int32)
    steps = (folded.view(np.uint32) >> 1).view(np.int32) ^ -(folded & 1)
    whole = np.cumsum(steps.view(np.uint32), axis=0, dtype=np.uint32).view(np.int32)
    rows = np.where(whole == _UNKNOWN, np.nan, whole / STEPS)
    return np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []

"""VOT's binary form of regions (`.bin` trajectories): little endian, int16 version 1, uint32 count, then for each region a
type byte and its data:

    0 special     uint32 code
    1 rectangle   4 float32 x, y, w, h
    2 polygon     uint16 n, 2 n float32
    3 mask        int16 x0, int16 y0, uint16 w, uint16 h, uint16 n, n uint16 runs
    4 point       2 float32

Runs are those of the text form; one longer than 65025 pixels is written as 65025, 0, rest. Coordinates lose what float32
does not hold. numpy alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.config import write_atomically
from trackzoo.errors import DataError, TrackzooError
from trackzoo.region_text import decode_runs, encode_runs
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special

_VERSION = 1
_LONGEST = 65025


class _Reader:
    """Takes values off the data; every short read is an error that names the region."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data, self.at, self.region = path, data, 0, 0

    def take(self, form: str) -> tuple[int | float, ...]:
        """Unpack `form` (little endian) at the current place."""
        size = struct.calcsize("<" + form)
        if self.at + size > len(self.data):
            raise DataError(
                self.path, f"{len(self.data)} bytes", f"at least {self.at + size} for region {self.region}", "it is cut"
            )
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += size
        return values

    def words(self, count: int) -> NDArray[np.uint16]:
        """Take so many uint16."""
        if self.at + 2 * count > len(self.data):
            self.take(f"{count}H")  # says what is missing
        values = np.frombuffer(self.data, dtype="<u2", count=count, offset=self.at)
        self.at += 2 * count
        return values.astype(np.uint16, copy=False)


def read_binary(path: Path) -> tuple[Region, ...]:
    """All regions of a binary file.

    Raises:
        DataError: the file is missing, cut, longer than it says, or holds what the format does not know.
    """
    try:
        reader = _Reader(path, path.read_bytes())
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "a binary region file") from None
    version, count = reader.take("hI")
    if version != _VERSION:
        raise DataError(path, f"version {version}", f"version {_VERSION} of VOT's binary regions")
    regions: list[Region] = []
    for number in range(1, int(count) + 1):
        reader.region = number
        regions.append(_read(reader))
    if reader.at != len(reader.data):
        rest = len(reader.data) - reader.at
        raise DataError(path, f"{rest} bytes after region {count}", "the end of the file", "it is damaged")
    return tuple(regions)


def _read(reader: _Reader) -> Region:
    (kind,) = reader.take("B")
    if kind == 0:
        (code,) = reader.take("I")
        return Special(int(code))
    if kind == 1:
        return Rectangle(*reader.take("4f"))
    if kind == 2:
        (count,) = reader.take("H")
        numbers = reader.take(f"{2 * int(count)}f")
        if count < 3:
            raise DataError(reader.path, f"a polygon of {count} points (region {reader.region})", "at least 3")
        return Polygon(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    if kind == 3:
        x, y, width, height, count = (int(number) for number in reader.take("hhHHH"))
        runs = reader.words(count)
        try:
            return Mask(x, y, decode_runs(runs, width, height))
        except ValueError as error:
            raise DataError(reader.path, f"{error} (region {reader.region})", "runs that fill the window") from None
    if kind == 4:
        return Point(*reader.take("2f"))
    raise DataError(reader.path, f"type {kind} (region {reader.region})", "a type 0 to 4", "it is damaged")


def write_binary(path: Path, regions: Iterable[Region]) -> None:
    """Write a binary file of regions, atomically.

    Raises:
        TrackzooError: a region has more points or runs, or a mask lies farther out, than 16 bits can say.
    """
    parts = []
    for number, region in enumerate(regions, 1):
        try:
            parts.append(_packed(region))
        except struct.error as error:
            raise TrackzooError(
                f"{path}: region {number} does not fit VOT's binary form ({error}); write text"
            ) from None
    write_atomically(path, struct.pack("<hI", _VERSION, len(parts)) + b"".join(parts))


def _packed(region: Region) -> bytes:
    if isinstance(region, Special):
        return struct.pack("<BI", 0, region.code)
    if isinstance(region, Rectangle):
        return struct.pack("<B4f", 1, region.x, region.y, region.w, region.h)
    if isinstance(region, Polygon):
        flat = [number for point in region.points for number in point]
        return struct.pack(f"<BH{len(flat)}f", 2, len(region.points), *flat)
    if isinstance(region, Point):
        return struct.pack("<B2f", 4, region.x, region.y)
    height, width = region.pixels.shape
    runs = _split(encode_runs(region.pixels))
    return struct.pack(f"<BhhHHH{len(runs)}H", 3, region.x, region.y, width, height, len(runs), *runs)


def _split(runs: NDArray[np.int64]) -> list[int]:
    """Runs of which none is longer than 16 bits hold."""
    if not runs.size or runs.max() <= _LONGEST:
        return [int(run) for run in runs.tolist()]
    split: list[int] = []
    for run in runs.tolist():
        while run > _LONGEST:
            split += [_LONGEST, 0]
            run -= _LONGEST
        split.append(run)
    return split

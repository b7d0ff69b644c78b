"""Strict reading of annotation text: numbers in rows, flags, one line of prose. What is odd is said with file and line.

Line ends (LF, CRLF, CR), a byte-order mark, trailing blanks and blank lines at the end are no oddities: every benchmark has
copies with them. Commas, semicolons, tabs and blanks may part numbers, also mixed, since OTB mixes them within one release.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import DataError
from trackzoo.geometry import Floats

_RESTORE = "restore the file from the benchmark's archive"
_BLANKS = bytes.maketrans(b",;\t", b"   ")
_COMMAS = bytes.maketrans(b";", b",")


def _gapped(data: bytes) -> tuple[bool, bool]:
    """Whether a comma has nothing before or after it (it hides a missing number, which blanks alone cannot), and whether a
    line is blank."""
    solid = data.translate(_COMMAS, b" \t")
    return solid.startswith(b",") or b",," in solid or b"\n," in solid, b"\n\n" in solid


def read_bytes(path: Path) -> bytes:
    """The file without byte-order mark, with LF line ends and nothing blank at its end.

    Raises:
        DataError: the file is missing, cannot be read, or is empty.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(path, "no such file", "an annotation file", _RESTORE) from None
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "an annotation file") from None
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip()
    if not data:
        raise DataError(path, "an empty file", "numbers", _RESTORE)
    return data


def read_numbers(path: Path, columns: int | Collection[int], *, allow_nan: bool = False) -> Floats:
    """Rows of numbers, (N, C) float64, N ≥ 1.

    Args:
        path: the file.
        columns: numbers a line, or the counts that are possible (the same in every line of a file).
        allow_nan: whether `NaN` may stand for a number.

    Raises:
        DataError: with the line, where one has another count of numbers, something that is no number, an infinite one, or
            nothing at all.
    """
    wanted = (columns,) if isinstance(columns, int) else tuple(columns)
    data = read_bytes(path)
    if not any(_gapped(data)):
        try:
            values = np.loadtxt(io.BytesIO(data.translate(_BLANKS)), comments=None, ndmin=2)
        except ValueError:
            pass
        else:
            fits = values.shape[1] in wanted and not np.isinf(values).any()
            if fits and (allow_nan or not np.isnan(values).any()):
                return values
    raise _fault(path, data, wanted, allow_nan)


def read_boxes(path: Path, columns: int = 4, *, allow_nan: bool = False) -> Floats:
    """Boxes as they stand in the file, (N, columns) float64; see `read_numbers`."""
    return read_numbers(path, columns, allow_nan=allow_nan)


def _fault(path: Path, data: bytes, columns: tuple[int, ...], allow_nan: bool) -> DataError:
    """What is wrong with the file; slow, since it is only wanted for the message."""
    expected = f"{' or '.join(map(str, columns))} numbers"
    first = 0
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        if not line.strip():
            return DataError(path, "an empty line", expected, _RESTORE, line=number)
        # Only a comma makes an empty field; a trailing one is harmless.
        words = [word.split() for word in re.sub(r"[,;]\s*$", "", line).replace(";", ",").split(",")]
        if not all(words):
            return DataError(path, f"a missing number in '{_short(line)}'", expected, _RESTORE, line=number)
        flat = [word for part in words for word in part]
        for word in flat:
            try:
                value = float(word) if "_" not in word else None
            except ValueError:
                value = None
            if value is None:
                return DataError(path, f"'{_short(word)}'", "a number", _RESTORE, line=number)
            if np.isinf(value) or (np.isnan(value) and not allow_nan):
                return DataError(path, f"'{word}'", "a finite number", _RESTORE, line=number)
        if len(flat) not in columns:
            return DataError(path, f"{_count(len(flat))} in '{_short(line)}'", expected, _RESTORE, line=number)
        if first and len(flat) != first:
            return DataError(path, _count(len(flat)), f"{first} as in the lines before", _RESTORE, line=number)
        first = len(flat)
    return DataError(path, "text that cannot be read as rows of numbers", expected, _RESTORE)


def _count(numbers: int) -> str:
    return "1 number" if numbers == 1 else f"{numbers} numbers"


def _short(text: str) -> str:
    text = "".join(character if character.isprintable() else "?" for character in text.strip().expandtabs(1))
    return text if len(text) <= 60 else text[:57] + "..."


def read_values(
    path: Path, low: int = 0, high: int = 1, *, count: int | None = None, spare: int = 0
) -> NDArray[np.int64]:
    """Whole numbers, (N,) int64, on one line or one a line, in any mixture of separators.

    Args:
        path: the file.
        low: smallest value that makes sense.
        high: largest one.
        count: how many there must be.
        spare: how many more there may be; they are cut off.

    Raises:
        DataError: something else stands there, or another count of it.
    """
    data = read_bytes(path)
    words = data.translate(_BLANKS).split()
    try:
        values = np.array(words, dtype=np.bytes_).astype(np.float64)
        good = (values >= low) & (values <= high) & (values == np.floor(values))
        bad = -1 if good.all() else int(np.argmin(good))
    except ValueError:
        bad = next(index for index, word in enumerate(words) if not _is_whole(word, low, high))
    if bad >= 0:
        line = data[: _offset(data, bad)].count(b"\n") + 1
        found = f"'{_short(words[bad].decode('utf-8', 'replace'))}' as value {bad + 1}"
        raise DataError(path, found, f"whole numbers {low} to {high}", _RESTORE, line=line)
    if count is not None and not count <= len(values) <= count + spare:
        raise DataError(path, f"{len(values)} values", f"{count}, one a frame", _RESTORE)
    return np.asarray(values[:count], dtype=np.int64)


def _is_whole(word: bytes, low: int, high: int) -> bool:
    try:
        value = float(word)
    except ValueError:
        return False
    return low <= value <= high and value == int(value)


def _offset(data: bytes, index: int) -> int:
    """Where word `index` begins."""
    for number, match in enumerate(re.finditer(rb"[^\s,;]+", data)):
        if number == index:
            return match.start()
    return 0


def read_flags(path: Path, count: int | None = None, *, spare: int = 0) -> NDArray[np.bool_]:
    """Flags 0/1 as (N,) bool; see `read_values`."""
    return read_values(path, count=count, spare=spare).astype(bool)


#: What `check` says of a sequence whose description is missing or blank.
NO_SENTENCE = "no sentence; trackers that follow one are told nothing here"


def read_line(path: Path) -> str | None:
    """First line of a text file, stripped, or None where the file is missing or its first line is blank.

    It is prose, not CSV: commas belong to it. Text that is not UTF-8 is taken as Windows-1252, which older releases use.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "a line of text") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    lines = text.splitlines()
    return (lines[0].strip() or None) if lines else None

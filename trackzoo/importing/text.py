"""Boxes out of text files that other toolkits wrote: whatever parts the numbers, whole or damaged.

Commas, tabs, blanks and semicolons part numbers; LF, CRLF and CR end lines; a byte-order mark and blank lines at the end
do no harm. All else is refused with file and row, or mended and told where one is lenient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import ResultsError
from trackzoo.geometry import Floats
from trackzoo.store.numbers import parse_numbers

_BLANKS = bytes.maketrans(b",;\t", b"   ")
_SEPARATORS = {b",": "comma", b"\t": "tab", b";": "semicolon", b" ": "blank"}
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_LENIENT = "mend the file, or --lenient skips it with a note"
_MEND = "mend the file"


@dataclass(frozen=True)
class Text:
    """What a file holds.

    Attributes:
        values: (M, C) float64, a row a line.
        separator: `comma`, `tab`, `semicolon` or `blank`; empty for one column.
        notes: what was skipped, a line each.
    """

    values: Floats
    separator: str
    notes: tuple[str, ...] = ()


def load(path: Path) -> bytes:
    """The file with LF line ends, without byte-order mark and without anything blank at its end. Raises `ResultsError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ResultsError(path, (error.strerror or "an unreadable file").lower(), "a text file of boxes") from None
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.removeprefix(b"\xef\xbb\xbf").rstrip()
    if b"\0" in data:
        raise ResultsError(path, "bytes that are not text", "a text file of boxes, ASCII or UTF-8", "save it as such")
    if not data:
        raise ResultsError(path, "an empty file", "one row a frame", "restore it, or run the tracker again")
    return data


def read_rows(path: Path, columns: int = 4, *, lenient: bool = False) -> Text:
    """Rows of numbers.

    Args:
        path: the file.
        columns: numbers in a row.
        lenient: skip a header and empty lines, with a note each.

    Raises:
        ResultsError: with the row, where a line has another count of numbers, something that is no number, a header, or
            nothing at all.
    """
    data = load(path)
    return _fast(data, columns) or _slow(path, data, columns, lenient)


def _fast(data: bytes, columns: int) -> Text | None:
    """The rows, if every line has the same separators at the same count and nothing but numbers between them."""
    first = data.partition(b"\n")[0]
    separator = next((sign for sign in _SEPARATORS if sign in first), b"")
    letters = np.frombuffer(data, np.uint8)
    ends = np.append(np.flatnonzero(letters == 10), len(letters))
    if separator:
        # One more at the end of every line is harmless.
        signs = np.flatnonzero(letters == separator[0])
        if len(signs) != len(ends) * (columns - 1) or (signs[:: columns - 1] < np.append(-1, ends[:-1])).any():
            return None
        if (signs[columns - 2 :: columns - 1] > ends).any():
            return None
        after = letters[signs + 1]  # the last byte is never a separator: nothing blank ends the data
        before = letters[signs - 1]
        if not (_within(after) & _within(before)).all() or signs[0] == 0:
            return None
        data = data.translate(_BLANKS) if separator != b" " else data
    elif columns != 1:
        return None
    try:
        values = parse_numbers(data)
    except ValueError:
        return None
    if len(values) != columns * len(ends) or _strange(letters):
        return None
    return Text(values.reshape(-1, columns), _SEPARATORS.get(separator, ""))


def _within(letters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of some bytes may stand beside a separator: parts of numbers."""
    return np.asarray((letters > 42) & (letters != 44) & (letters != 59), dtype=bool)


def _strange(letters: NDArray[np.uint8]) -> bool:
    """Whether a byte occurs that no plain number has; `_slow` looks closer then."""
    allowed = np.zeros(256, dtype=bool)
    allowed[list(b"0123456789+-.eE,;\t \n")] = True
    return not bool(allowed[letters].all())


def _slow(path: Path, data: bytes, columns: int, lenient: bool) -> Text:
    """Line by line: what is odd but harmless is read, what is not is named."""
    rows: list[list[float]] = []
    notes: list[str] = []
    separator = ""
    for number, line in enumerate(data.split(b"\n"), start=1):
        line = line.strip(b" \t")
        if not line:
            _skip(notes, lenient, ResultsError(path, "an empty line", f"{columns} numbers", _LENIENT, line=number))
            continue
        separator = separator or next((name for sign, name in _SEPARATORS.items() if sign in line), "")
        words = _words(line)
        if not rows and number <= 2 and _heading(words):
            found = f"a heading '{_short(line)}'"
            _skip(notes, lenient, ResultsError(path, found, f"{columns} numbers", _LENIENT, line=number))
            continue
        rows.append(_numbers(path, line, words, columns, number))
    if not rows:
        raise ResultsError(path, "no row of numbers", "one row a frame", "restore it, or run the tracker again")
    return Text(np.array(rows, dtype=np.float64), separator, tuple(notes))


def _skip(notes: list[str], lenient: bool, error: ResultsError) -> None:
    if not lenient:
        raise error
    notes.append(f"{error.path.name}: skipped {error.reason.split(', expected')[0]}")


def _words(line: bytes) -> list[bytes]:
    """Fields of a line; empty ones between commas are kept, one after the last comma is not."""
    line = re.sub(rb"[,;][ \t]*$", b"", line).strip(b"[]()")
    fields = [field.split() for field in line.replace(b";", b",").split(b",")]
    return [word for field in fields for word in (field or [b""])]


def _heading(words: list[bytes]) -> bool:
    return bool(words) and not any(_NUMBER.fullmatch(word) for word in words)


def _numbers(path: Path, line: bytes, words: list[bytes], columns: int, number: int) -> list[float]:
    expected = "a number" if columns == 1 else f"{columns} numbers"
    if b"" in words:
        raise ResultsError(path, f"a missing number in '{_short(line)}'", expected, _MEND, line=number)
    for word in words:
        if not _NUMBER.fullmatch(word):
            raise ResultsError(path, f"'{_short(word)}' in '{_short(line)}'", expected, _MEND, line=number)
    if len(words) != columns:
        count = "1 number" if len(words) == 1 else f"{len(words)} numbers"
        raise ResultsError(path, f"{count} in '{_short(line)}'", expected, _hint(len(words), columns), line=number)
    return [float(word) for word in words]


def _hint(found: int, columns: int) -> str:
    if columns == 4 and found == 8:
        return "these are polygons; trackzoo reads them for VOT's data sets"
    if columns == 4 and found == 5:
        return "is a frame's number or a score among them? keep x,y,w,h alone"
    return "the line may be cut; " + _MEND


def _short(text: bytes) -> str:
    shown = "".join(sign if sign.isprintable() else " " for sign in text.decode("utf-8", "replace"))
    return shown if len(shown) <= 40 else shown[:37] + "…"


def column(path: Path, *, lenient: bool = False) -> Floats:
    """Numbers of a file with one value a line (times, scores), (M,); of several columns the first. Raises `ResultsError`."""
    data = load(path)
    width = len(_words(data.partition(b"\n")[0].strip(b" \t")))
    return read_rows(path, max(width, 1), lenient=lenient).values[:, 0]

"""Numbers as text: tab-separated, one row a frame, in full precision."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trackzoo.errors import ResultsError
from trackzoo.store.numbers import parse_numbers

Floats = NDArray[np.float64]

MEND = "delete it and run again, the same 'trackzoo run' command redoes that trial"


def number(value: float) -> str:
    """A number as the shortest text that parses back to it."""
    # Whole numbers without ".0" keep files of integer boxes short; -0.0 has no such form.
    if value.is_integer() and abs(value) < 1e15 and not (value == 0 and str(value)[0] == "-"):
        return str(int(value))
    return repr(value)


def format_table(values: ArrayLike) -> bytes:
    """An array (N,) or (N, C) as text that parses back to the same float64 numbers."""
    table = np.asarray(values, dtype=np.float64)
    table = np.ascontiguousarray(table[:, None] if table.ndim == 1 else table)
    bits = table.view(np.uint64)
    if len(table) and (bits == bits[0]).all():
        # One line for all frames: times and scores that nobody measured.
        return ("\t".join(map(number, table[0].tolist())) + "\n").encode() * len(table)
    rows = table.tolist()
    return "".join("\t".join(map(number, row)) + "\n" for row in rows).encode()


def parse_table(path: Path, columns: int, *, rows: int, sha256: str) -> Floats:
    """Read a file that `format_table` wrote.

    Args:
        path: the file.
        columns: numbers in each row.
        rows: rows that its record promises.
        sha256: digest of the file that its record promises.

    Returns:
        (rows, columns) float64.

    Raises:
        ResultsError: the file is missing, cut, not numeric, or not what its record promises.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "an unreadable file").lower()
        raise ResultsError(path, reason, f"{rows} rows", "run again, the same command redoes that trial") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _difference(path, data, columns, rows)
    return parse_numbers(data).reshape(rows, columns)


def check_table(path: Path, columns: int, *, rows: int, sha256: str) -> None:
    """As `parse_table`, without the numbers."""
    with path.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    if not same:
        raise _difference(path, path.read_bytes(), columns, rows)


def _difference(path: Path, data: bytes, columns: int, rows: int) -> ResultsError:
    """What is wrong with a file whose digest is not its record's, as precisely as can be said."""
    lines = data.split(b"\n")
    tail = lines.pop()  # after the last line break: empty in a whole file
    for number, line in enumerate(lines, 1):
        cells = line.split()
        try:
            fits = len([float(cell) for cell in cells]) == columns
        except ValueError:
            fits = False
        if not fits:
            text = line.decode(errors="replace").strip()
            found = repr(text if len(text) <= 40 else text[:40] + "…") if text else "an empty line"
            what = "a number" if columns == 1 else f"{columns} numbers"
            return ResultsError(path, found, what, MEND, line=number)
    if len(lines) != rows:
        part = " and a part of one" if tail else ""
        return ResultsError(path, f"{len(lines)} rows{part}", f"{rows} rows (its record)", MEND)
    return ResultsError(path, "other numbers than its record's SHA-256 promises", "the file as it was written", MEND)

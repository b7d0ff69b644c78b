"""The lists and attribute tables that come with the package: which sequences a split has, where they lie, what they show."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Row:
    """One sequence of a list.

    Attributes:
        name: the sequence's name.
        first: number of its first frame, as the file names count.
        last: number of its last frame (inclusive), or None where the number of annotation lines decides.
        pattern: images, relative to the benchmark's root, with `{frame:04d}` or `*`.
        annotation: annotation file, relative to the root.
        category: object class, or empty.
    """

    name: str
    first: int
    last: int | None
    pattern: str
    annotation: str
    category: str

    @property
    def count(self) -> int | None:
        """Number of frames that the list gives, or None."""
        return None if self.last is None else self.last - self.first + 1


def _read(package: str, name: str) -> Iterator[dict[str, str]]:
    # The files are ours, so a fault in them is a fault of the package and needs no kind words.
    with files(package).joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


@cache
def split_list(name: str) -> tuple[Row, ...]:
    """Rows of `datasets/splits/<name>.csv`, in the order of the source list."""
    return tuple(
        Row(
            row["sequence"],
            int(row["start_frame"] or 0),
            int(row["end_frame"]) if row["end_frame"] else None,
            row["file_pattern"],
            row["annotation_file"],
            row["class"],
        )
        for row in _read("trackzoo.datasets.splits", name)
    )


@cache
def attribute_table(name: str) -> Mapping[str, tuple[str, ...]]:
    """`datasets/attributes/<name>.csv` as sequence -> names of its attributes, in the order of the columns."""
    return {
        row.pop("sequence"): tuple(attribute for attribute, flag in row.items() if flag == "1")
        for row in _read("trackzoo.datasets.attributes", name)
    }


@cache
def attribute_names(name: str) -> tuple[str, ...]:
    """Columns of `datasets/attributes/<name>.csv`."""
    row = next(_read("trackzoo.datasets.attributes", name))
    return tuple(row)[1:]

"""The images of a sequence: by number from a pattern, or whatever a folder lists.

Numbered images are not touched before one is decoded. The number of frames comes from the list (`count`) or, where the list
leaves it open, from the annotation rows; disagreements are errors as docs/datasets.md says.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from trackzoo.errors import DataError
from trackzoo.frames import Frames, ImageFrames, NumberedFrames
from trackzoo.sequence import Problem

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_RESTORE = "restore it from the benchmark's archive"


def list_folder(folder: Path) -> dict[str, int]:
    """File name -> size in bytes of what lies in `folder`, hidden files left out. Raises `DataError` when there is none."""
    try:
        with os.scandir(folder) as entries:
            return {
                entry.name: entry.stat().st_size
                for entry in entries
                if not entry.name.startswith(".") and entry.is_file()
            }
    except OSError as error:
        found = "no such folder" if isinstance(error, FileNotFoundError) else (error.strerror or "an unreadable folder")
        raise DataError(folder, found.lower(), "a folder of images", _RESTORE) from None


def list_images(folder: Path) -> list[str]:
    """Names of the image files in `folder`, without asking for their sizes (a folder of 2,500 is one system call or two)."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        found = "no such folder" if isinstance(error, FileNotFoundError) else (error.strerror or "an unreadable folder")
        raise DataError(folder, found.lower(), "a folder of images", _RESTORE) from None
    return [name for name in names if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and name[0] != "."]


def numbers_in(name: str) -> tuple[int, ...]:
    """Every run of digits in a file's stem: images sort by these, whatever is written around them."""
    return tuple(int(digits) for digits in re.findall(r"\d+", os.path.splitext(name)[0]))


class Images(ABC):
    """Where the images of a sequence are and how many belong to it."""

    folder: Path
    count: int | None

    @abstractmethod
    def on_disk(self) -> int:
        """How many images of this sequence lie in the folder, counted from the first one to the first gap."""

    @abstractmethod
    def present(self) -> bool:
        """Whether the images seem to be there; looks at one file or folder."""

    @abstractmethod
    def frames(self, rows: int) -> Frames:
        """The frames, as many as there are annotation rows."""

    @abstractmethod
    def _more_than(self, rows: int) -> bool:
        """Whether, with the count left open, there are more images than `rows`; must be cheap."""

    @abstractmethod
    def problems(self, rows: int) -> Iterator[Problem]:
        """Every image that is missing, empty or odd, given `rows` frames."""

    def fit(self, rows: int, annotation: Path) -> None:
        """Check the number of annotation rows against the list and the images.

        Rows that equal the list's count are right without a look at the images. Fewer are accepted where the images end with
        them (a clip that somebody cut); with the count left open, one more image than rows is looked for.

        Raises:
            DataError: too few or too many rows.
        """
        if self.count is None:
            if self._more_than(rows):
                raise _too_few(annotation, rows, "one row an image", self.folder)
        elif rows > self.count:
            raise DataError(annotation, f"too many rows: {rows}", f"{self.count}, one a frame", _RESTORE)
        elif rows < self.count and self.on_disk() != rows:
            raise _too_few(annotation, rows, f"{self.count}, one a frame", self.folder, self.on_disk())


def _too_few(annotation: Path, rows: int, expected: str, folder: Path, images: int | None = None) -> DataError:
    beside = "more images" if images is None else f"{images} images"
    return DataError(annotation, f"too few rows: {rows}, and {beside} in {folder}", expected, _RESTORE)


@dataclass(frozen=True)
class Numbered(Images):
    """Images whose names are a pattern over a number.

    Attributes:
        folder: folder of the images.
        pattern: file name with `{frame}` or `{frame:08d}`.
        first: number of the first frame.
        count: number of frames, or None: as many as annotation rows.
    """

    folder: Path
    pattern: str
    first: int = 1
    count: int | None = None

    @classmethod
    def of(cls, root: Path, pattern: str, first: int = 1, count: int | None = None) -> Numbered:
        """From a list's pattern, whose last part is the file name."""
        folder, _, name = pattern.rpartition("/")
        return cls(root / folder, name, first, count)

    def path(self, index: int) -> Path:
        """File of frame `index` (from 0)."""
        return self.folder / self.pattern.format(frame=self.first + index)

    def present(self) -> bool:
        """Whether the first image is there."""
        return self.path(0).exists()

    def on_disk(self) -> int:
        """Images in a row from the first number on."""
        there = self._numbers(set(list_images(self.folder)))
        number = self.first
        while number in there:
            number += 1
        return number - self.first

    def _numbers(self, names: set[str]) -> set[int]:
        """Numbers of those names that are spelled exactly as the pattern does."""
        before, _, rest = self.pattern.partition("{")
        after = rest.partition("}")[2]
        spelled = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
        numbers = (int(match[1]) for name in names if (match := spelled.fullmatch(name)))
        return {number for number in numbers if self.pattern.format(frame=number) in names}

    def _more_than(self, rows: int) -> bool:
        return self.path(rows).exists()

    def frames(self, rows: int) -> Frames:
        """The frames; nothing on disk is looked at."""
        return NumberedFrames(self.folder, self.pattern, self.first, rows)

    def problems(self, rows: int) -> Iterator[Problem]:
        """Missing images (runs together) and empty ones; where the list leaves the count open, also stray ones."""
        try:
            sizes = list_folder(self.folder)
        except DataError as error:
            yield Problem(error.path, error.reason)
            return
        wanted = [self.path(index).name for index in range(rows)]
        yield from _missing(self.folder, wanted, sizes)
        yield from _empty(self.folder, wanted, sizes)
        if self.count is None:
            odd = sorted(name for name in sizes.keys() - set(wanted) if _is_image(name))
            if odd:
                yield Problem(
                    self.folder / odd[0], f"{_files(len(odd))} outside the numbering from {wanted[0]}", fatal=False
                )


@dataclass(frozen=True)
class Listed(Images):
    """All images of a folder, sorted by the numbers in their names (`10.jpg` after `9.jpg`).

    Attributes:
        folder: folder of the images.
        count: number of frames where the list says it; further images are left out.
        first: number of the first image where the numbering must be without gaps, since nothing else says how many frames there
            are; None where jumps are possible.
        substitutes: (image, image to read in its place), for files that are damaged in a known release.
    """

    folder: Path
    count: int | None = None
    first: int | None = None
    substitutes: tuple[tuple[str, str], ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Image names in order; the folder is listed once. Raises `DataError` for a gap where there must be none."""
        # The whole name parts those that share their numbers, so that the order never depends on the file system.
        names = tuple(sorted(list_images(self.folder), key=lambda name: (numbers_in(name), name)))
        if self.first is not None:
            for number, name in enumerate(names, start=self.first):
                if numbers_in(name)[-1:] != (number,):
                    raise DataError(self.folder, f"'{name}' where image {number} should be", "no gap", _RESTORE)
        return names

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "names"}

    def present(self) -> bool:
        """Whether the folder is there."""
        return self.folder.is_dir()

    def on_disk(self) -> int:
        """Number of images in the folder."""
        return len(self.names)

    def _more_than(self, rows: int) -> bool:
        return len(self.names) > rows

    def frames(self, rows: int) -> Frames:
        """The first `rows` images. Raises `DataError` where there are fewer."""
        if len(self.names) < rows:
            raise DataError(self.folder, f"{len(self.names)} images", f"{rows}, one a frame", _RESTORE)
        other = dict(self.substitutes)
        return ImageFrames(self.folder, tuple(other.get(name, name) for name in self.names[:rows]))

    def problems(self, rows: int) -> Iterator[Problem]:
        """Too few images, empty ones, jumps in the numbering."""
        try:
            names, sizes = self.names[:rows], list_folder(self.folder)
        except DataError as error:
            yield Problem(error.path, error.reason)
            return
        if len(names) < rows:
            yield Problem(self.folder, f"found {_files(len(names))}, expected {rows}, one a frame; {_RESTORE}")
        yield from _empty(self.folder, [name for name in names if name not in dict(self.substitutes)], sizes)
        for before, after in pairwise(names):
            if _jump(numbers_in(before), numbers_in(after)):
                yield Problem(self.folder / after, f"follows {before}: a jump in the numbering", fatal=False)


def _jump(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether two names in a row differ in one number, and by more than one."""
    steps = [b - a for a, b in zip(before, after, strict=False) if a != b]
    return len(before) == len(after) and len(steps) == 1 and steps[0] != 1


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _files(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _missing(folder: Path, wanted: list[str], sizes: dict[str, int]) -> Iterator[Problem]:
    """One problem a run of missing files, since a cut archive loses thousands in a row."""
    start: int | None = None
    for index in range(len(wanted) + 1):
        gone = index < len(wanted) and wanted[index] not in sizes
        if gone and start is None:
            start = index
        elif not gone and start is not None:
            run = wanted[start:index]
            text = "missing" if len(run) == 1 else f"missing, and all up to {run[-1]} ({len(run)} images)"
            yield Problem(folder / run[0], f"{text}; {_RESTORE}")
            start = None


def _empty(folder: Path, wanted: list[str], sizes: dict[str, int]) -> Iterator[Problem]:
    for name in wanted:
        if sizes.get(name) == 0:
            yield Problem(folder / name, f"an empty file, expected an image; {_RESTORE}")

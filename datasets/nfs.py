"""Need for Speed (NfS): 100 videos at 240 and at 30 frames per second.

Two layouts. The benchmark's own has VATIC's lines, `<id> x1 y1 x2 y2 frame lost occluded generated "label"`, corners instead of
sizes, frames counted from 1 at 240 fps. Its 30 fps text files are the 240 fps ones: every eighth line is meant, and belongs to
picture (frame - 1) / 8 + 1. PyTracking's copy is 30 fps alone, with `x y w h` a picture, from result files on the
benchmark's site; so the two layouts' boxes are not the same, and published 30 fps figures rest on PyTracking's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._common import (
    ListedDataset,
    Numbered,
    Row,
    SequenceFiles,
    read_boxes,
    read_bytes,
    split_list,
)
from trackzoo.errors import DataError
from trackzoo.geometry import boxes_from_corners
from trackzoo.sequence import Annotation, DatasetSpec, Problem, Sequence

SPECS = (
    DatasetSpec(
        name="nfs",
        title="NfS",
        factory="trackzoo.datasets.nfs:NfS",
        splits=("30", "240"),
        folders=("NfS", "NFS", "nfs", "Nfs30", "NfS30"),
        aliases=("need-for-speed",),
        page="http://ci2cv.net/nfs/",
        paper="Kiani Galoogahi et al., Need for Speed: A Benchmark for Higher Frame Rate Object Tracking, ICCV 2017",
        sequences={"30": 100, "240": 100},
    ),
)

_PREFIX = "nfs_"
_STEP = 8
_COLUMNS = "id x1 y1 x2 y2 frame lost occluded generated"


@dataclass(frozen=True)
class Loose(Numbered):
    """Numbered images of which one may be left over: the two frame rates do not end together."""

    def _more_than(self, rows: int) -> bool:
        return self.path(rows + 1).exists()


@dataclass(frozen=True)
class NfSFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        native: whether the benchmark's own layout.
        rate: frames per second, 30 or 240.
        listed: number of frames at 30 fps by PyTracking's table.
    """

    native: bool = True
    rate: int = 30
    listed: int = 0


def _lines(path: Path) -> NDArray[np.int64]:
    """Numbers of a VATIC file, (N, 9): `_COLUMNS`.

    Raises:
        DataError: a line with other numbers, or of a second target.
    """
    rows: list[list[int]] = []
    for number, line in enumerate(read_bytes(path).decode("utf-8", "replace").split("\n"), start=1):
        # The label may hold blanks, so it goes first.
        words = line.partition('"')[0].split()
        try:
            values = [int(word) for word in words]
        except ValueError:
            values = []
        if len(values) != 9:
            found = f"'{line.strip()[:60]}'"
            raise DataError(path, found, f'nine whole numbers ({_COLUMNS}) and "label"', line=number)
        if rows and values[0] != rows[0][0]:
            raise DataError(path, f"a target {values[0]}", f"one target, {rows[0][0]}, as in line 1", line=number)
        if not set(values[6:]) <= {0, 1}:
            raise DataError(path, f"flags {values[6:]}", "0 or 1 for lost, occluded and generated", line=number)
        if values[5] != (rows[-1][5] + 1 if rows else 1):
            expected = f"frame {rows[-1][5] + 1}" if rows else "frame 1"
            raise DataError(path, f"frame {values[5]}", expected, "restore the file from the archive", line=number)
        rows.append(values)
    return np.array(rows, dtype=np.int64)


def _label(path: Path) -> Mapping[str, str]:
    """What VATIC calls the target."""
    parts = read_bytes(path).split(b"\n", 1)[0].decode("utf-8", "replace").split('"')
    return {"label": parts[1].strip()} if len(parts) > 1 else {}


def _at_30(lines: NDArray[np.int64], pictures: int) -> NDArray[np.int64]:
    """The lines that belong to the 30 fps pictures: every eighth, unless the file has one a picture already."""
    if abs(len(lines) - pictures) <= 1 < len(lines):
        return lines
    return np.asarray(lines[(lines[:, 5] - 1) % _STEP == 0])


def _read_native(files: NfSFiles) -> Annotation:
    path, images = files.truth[0], files.images
    lines = _lines(path)
    # Without images PyTracking's table says how many there are; at 240 fps nothing does.
    pictures = images.on_disk() if images is not None else files.listed if files.rate == 30 else len(lines)
    if files.rate == 30:
        lines = _at_30(lines, pictures)
    if images is not None and abs(len(lines) - pictures) > 1:
        raise DataError(path, f"rows for {len(lines)} pictures", f"{pictures}, as many as lie in {images.folder}")
    if len(lines) == pictures + 1:
        lines = lines[:pictures]  # the two frame rates do not end together
    boxes = boxes_from_corners(lines[:, 1:5].astype(np.float64))
    flags = lines[:, 6:].astype(np.bool_)
    labels = {name: flags[:, index] for index, name in enumerate(("lost", "occluded", "generated"))}
    # No toolkit that published figures follow takes a lost or occluded target as absent; the flags are there to ask for.
    return Annotation(boxes, np.ones(len(boxes), dtype=np.bool_), labels=labels)


class NfS(ListedDataset[NfSFiles]):
    """NfS in its own layout or, at 30 fps, in PyTracking's."""

    profile = "pytracking"
    toolkit_names: ClassVar[Mapping[str, str]] = {
        "pytracking": "nfs",
        "stark": "nfs",
        "got10k": "NfS",
        "pysot": "NFS30",
    }

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The list, under the benchmark's own names."""
        return split_list("nfs240")

    @cached_property
    def _repackaged(self) -> dict[str, Row]:
        return {row.name.removeprefix(_PREFIX): row for row in split_list("nfs30")}

    def own_name(self, name: str) -> str:
        """PyTracking writes `nfs_bee` for `bee`."""
        return name if name in self._known else name.removeprefix(_PREFIX)

    def listed_frames(self, name: str) -> int | None:
        """By PyTracking's table, exact for its copy; at 240 fps no table is known."""
        return self._repackaged[name].count if self.split == "30" and not self.native else None

    @cached_property
    def native(self) -> bool:
        """Whether the folder has the benchmark's own layout; only that one holds 240 fps."""
        return self.split == "240" or not ((self.folder / "anno").is_dir() or (self.folder / "sequences").is_dir())

    def files(self, name: str) -> NfSFiles:
        """In the layout that the folder has."""
        old = self._repackaged[name]
        listed = old.count or 0
        if not self.native:
            images = Numbered.of(self.folder, old.pattern, old.first, old.count)
            return NfSFiles(name, (self.folder / old.annotation,), images=images, native=False, listed=listed)
        home = self.folder / name / self.split
        own = Loose(home / name, "{frame:05d}.jpg")
        truth = (home / f"{name}.txt",)
        return NfSFiles(name, truth, images=own, counted=True, rate=int(self.split), listed=listed)

    @staticmethod
    def read(files: NfSFiles) -> Annotation:
        """Boxes; in the benchmark's own layout also the flags `lost`, `occluded`, `generated`."""
        if files.native:
            return _read_native(files)
        boxes = read_boxes(files.truth[0])
        return Annotation(boxes, np.ones(len(boxes), dtype=np.bool_))

    def facts(self, files: NfSFiles) -> dict[str, Any]:
        """Class by the list, frame rate, and the annotators' name for the target."""
        facts = partial(_label, files.truth[0]) if files.native else None
        return {**super().facts(files), "fps": float(self.split), "facts": facts}

    def oddities(self, name: str, files: NfSFiles, sequence: Sequence) -> list[Problem]:
        """What is known about single files."""
        if name == "pingpong_2" and files.native:
            text = "LoRAT's loader leaves out its lines from frame 264 on; they are read here, as others do"
            return [Problem(files.truth[0], text, fatal=False)]
        return []

    def expected_tree(self) -> str:
        """Both layouts, or the one that has the split."""
        rate = self.split
        own = f"""\
NfS/
  bee/{rate}/bee/00001.jpg …
  bee/{rate}/bee.txt                  id x1 y1 x2 y2 frame lost occluded generated "label" """.rstrip()
        if rate == "240":
            return own
        return f"""\
{own}
or PyTracking's copy:
  sequences/bee/00001.jpg …
  anno/nfs_bee.txt                x y w h a frame"""

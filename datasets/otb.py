"""OTB: OTB-100 (OTB-2015), its harder half OTB-50, OTB-2013, and OTB99-Lang with a description of each target.

Boxes are `x,y,w,h` in MATLAB's pixels, counted from 1; commas, tabs and blanks part the numbers, and differ between the files
of one release. Some videos are used in part: David from picture 300, BlurCar1 from 247, BlurCar3 from 3, BlurCar4 from 18,
Football1, Freeman3 and Diving not to their last picture. Jogging and Skating2 hold two targets each, and of Human4 the
second target is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trackzoo.datasets._common import (
    NO_SENTENCE,
    ListedDataset,
    Numbered,
    Row,
    SequenceFiles,
    attribute_table,
    read_boxes,
    read_line,
    split_list,
)
from trackzoo.errors import DataError, SettingsError
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, DatasetSpec, Problem, Sequence

_OTB2015 = "Wu, Lim, Yang, Object Tracking Benchmark, TPAMI 2015"
_SITE = "http://cvlab.hanyang.ac.kr/tracker_benchmark/"

SPECS = (
    DatasetSpec(
        name="otb100",
        title="OTB-100",
        factory="trackzoo.datasets.otb:OTB",
        folders=("OTB100", "OTB-100", "OTB2015", "OTB-2015", "OTB"),
        aliases=("otb", "otb-100", "otb2015", "otb-2015"),
        page=_SITE,
        paper=_OTB2015,
        sequences={"": 100},
    ),
    DatasetSpec(
        name="otb50",
        title="OTB-50",
        factory="trackzoo.datasets.otb:OTB50",
        folders=("OTB50", "OTB-50", "OTB100", "OTB-100", "OTB2015", "OTB-2015", "OTB"),
        aliases=("otb-50",),
        page=_SITE,
        paper=_OTB2015,
        sequences={"": 50},
        kin=("otb100",),
    ),
    DatasetSpec(
        name="otb2013",
        title="OTB-2013",
        factory="trackzoo.datasets.otb:OTB2013",
        folders=("OTB2013", "OTB-2013", "OTB100", "OTB-100", "OTB2015", "OTB-2015", "OTB"),
        aliases=("otb-2013", "cvpr13"),
        page=_SITE,
        paper="Wu, Lim, Yang, Online Object Tracking: A Benchmark, CVPR 2013",
        sequences={"": 51},
        kin=("otb100",),
    ),
    DatasetSpec(
        name="otb99-lang",
        title="OTB99-Lang",
        factory="trackzoo.datasets.otb:OTB99Lang",
        splits=("test", "train"),
        folders=("OTB99-Lang", "OTB_sentences", "OTB99_Lang", "OTB99", "OTB_lang", "OTB-lang"),
        aliases=("otb99", "otb-lang", "otb_lang"),
        page="https://github.com/QUVA-Lab/lang-tracker",
        paper="Li et al., Tracking by Natural Language Specification, CVPR 2017",
        sequences={"test": 48, "train": 51},
    ),
)

#: `site` is the benchmark's web page (PyTracking and the VOT toolkit have the same); `matlab` the toolbox's own files, whose
#: counts stand in the titles of its plots. They differ for 14 sequences.
_ATTRIBUTES = {"site": "otb100", "matlab": "otb100_matlab"}

#: Rows of the annotation that lie before the first frame. In every other file row 1 belongs to the first frame.
_OMIT = {"Tiger1": 5}


@dataclass(frozen=True)
class OTBFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        boxes: the box file.
        first: number of the first frame.
        last: number of the last one.
        omit: rows of the release's file that lie before the first frame.
        words: the description, where the benchmark has one.
    """

    boxes: Path = Path()
    first: int = 1
    last: int = 0
    omit: int = 0
    words: Path | None = None


def _read(files: OTBFiles) -> Annotation:
    boxes = read_boxes(files.boxes)
    if len(boxes) == files.last:
        # Some copies annotate from picture 1 on where the release begins with the first frame that is used.
        boxes = boxes[files.first - 1 :]
    elif len(boxes) != files.last - files.first + 1:
        boxes = boxes[files.omit :]
    if len(boxes) == 0:
        raise DataError(files.boxes, "no row for the first frame", f"rows for frames {files.first} to {files.last}")
    text = None if files.words is None else read_line(files.words)
    return Annotation(boxes, np.ones(len(boxes), dtype=np.bool_), text=text)


class OTB(ListedDataset[OTBFiles]):
    """OTB-100: a folder a video, or what the site's archives unpack to (`Deer/Deer/img`).

    Args:
        spec: facts about the benchmark.
        split: unused.
        root: where it lies.
        attributes: whose flags: `site` (also PyTracking's) or `matlab` (the toolbox's).
    """

    origin = 1
    profile = "pytracking"
    toolkit_names: ClassVar[Mapping[str, str]] = {
        "pytracking": "otb",
        "stark": "otb",
        "got10k": "OTB",
        "pysot": "OTB100",
    }
    lists: ClassVar[Mapping[str, str]] = {"": "otb100"}
    tree = """\
OTB100/                              (or the videos in OTB_videos/)
  Deer/img/0001.jpg …                (or Deer/Deer/img/0001.jpg)
  Deer/groundtruth_rect.txt          x,y,w,h a frame
  Jogging/img/0001.jpg …             (or Jogging-1/ and Jogging-2/)
  Jogging/groundtruth_rect.1.txt
  Jogging/groundtruth_rect.2.txt"""

    def __init__(self, spec: DatasetSpec, split: str, root: Root | None, attributes: str = "site") -> None:
        super().__init__(spec, split, root)
        if attributes not in _ATTRIBUTES:
            raise SettingsError(f"{spec.name}: found attributes={attributes}, expected {' or '.join(_ATTRIBUTES)}")
        #: Which of the two published tables the sequences' attributes come from.
        self.attribute_source = attributes

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The split's list."""
        return split_list(self.lists[self.split])

    def own_name(self, name: str) -> str:
        """Targets that share a video are numbered in several ways: `Jogging-1`, `Jogging_1`, `jogging.1`, `Jogging1`."""
        return name if name in self._known else self._spellings.get(_key(name), name)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        spellings = {_key(row.name): row.name for row in self.rows}
        videos = [_video(row) for row in self.rows]
        for row, video in zip(self.rows, videos, strict=True):
            spellings.setdefault(_key(video + _number(row)), row.name)
            if videos.count(video) == 1:  # the only target of its video needs no number
                spellings.setdefault(_key(video), row.name)
        return spellings

    @cached_property
    def _homes(self) -> dict[str, Path]:
        """Lower-case name -> folder, of all folders where videos may be: copies differ in `KiteSurf` and `Kitesurf`."""
        homes: dict[str, Path] = {}
        for parent in (self.folder / "OTB_videos", self.folder):
            if parent.is_dir():
                with os.scandir(parent) as entries:
                    homes.update((entry.name.lower(), Path(entry.path)) for entry in entries if entry.is_dir())
        return homes

    def _places(self, row: Row) -> Iterator[tuple[Path, str]]:
        """Folders where the video may be, likeliest first, with the name of the box file there."""
        video, number = _video(row), _number(row)
        usual = row.annotation.rpartition("/")[2]
        for name in (video, *(f"{video}{sign}{number}" for sign in "-_." if number)):
            home = self._homes.get(name.lower())
            if home is not None:
                for inner in (home, home / home.name):
                    yield inner, usual
                    if name != video:  # a folder of its own needs no number
                        yield inner, "groundtruth_rect.txt"

    def files(self, name: str) -> OTBFiles:
        """In the video's folder, whatever its copy is called."""
        row = self.row(name)
        usual = (self.folder / _video(row), row.annotation.rpartition("/")[2])
        home, boxes = next((place for place in self._places(row) if (place[0] / place[1]).exists()), usual)
        images = Numbered(home / "img", row.pattern.rpartition("/")[2], row.first, row.count)
        assert row.last is not None
        omit = _OMIT.get(name, 0)
        return OTBFiles(
            name, (home / boxes,), (), images, boxes=home / boxes, first=row.first, last=row.last, omit=omit
        )

    @staticmethod
    def read(files: OTBFiles) -> Annotation:
        """Boxes from the first frame on."""
        return _read(files)

    def facts(self, files: OTBFiles) -> dict[str, Any]:
        """Class by the list; attributes by the table that was chosen."""
        table = attribute_table(_ATTRIBUTES[self.attribute_source])
        return {**super().facts(files), "attributes": table[_in_otb100(files.name)]}


class OTB50(OTB):
    """OTB-50: the harder half of OTB-100 (49 videos, 50 targets), chosen in 2015; papers also call the set of 2013 so."""

    toolkit_names: ClassVar[Mapping[str, str]] = {**OTB.toolkit_names, "pysot": "OTB50"}
    lists: ClassVar[Mapping[str, str]] = {"": "otb50"}


class OTB2013(OTB):
    """OTB-2013, the first one: 50 videos, 51 targets."""

    toolkit_names: ClassVar[Mapping[str, str]] = {**OTB.toolkit_names, "pysot": "CVPR13"}
    lists: ClassVar[Mapping[str, str]] = {"": "otb2013"}


class OTB99Lang(OTB):
    """OTB99-Lang: OTB-100 without ClifBar, a sentence a target. Train is the set of 2013, test the rest."""

    profile = "stark"
    has_text = True
    lists: ClassVar[Mapping[str, str]] = {"test": "otb99_lang_test", "train": "otb99_lang_train"}
    tree = """\
OTB99-Lang/
  OTB_videos/Deer/img/0001.jpg …     (or the videos beside the queries)
  OTB_videos/Deer/groundtruth_rect.txt
  OTB_query_test/Biker.txt …         one line a target
  OTB_query_train/Deer.txt …"""

    def _words(self, row: Row) -> Path:
        """The description's file; the numbers of twins are spelled in every way there is."""
        folder = self.folder / f"OTB_query_{self.split}"
        video, number = _video(row), _number(row)
        names = [row.name, *(f"{video}{sign}{number}" for sign in ("-", "_", ".", "") if number)]
        if row.name in ("Human4", "Skating2-1"):
            names.append(video)
        elif row.name == "Skating2-2":
            names.append("Skating3")  # so in one copy, where the first one is Skating2
        paths = [folder / f"{name}.txt" for name in names]
        return next((path for path in paths if path.exists()), paths[0])

    def files(self, name: str) -> OTBFiles:
        """As OTB's, and the description."""
        files = super().files(name)
        words = self._words(self.row(name))
        return replace(files, truth=(*files.truth, words), words=words)

    def oddities(self, name: str, files: OTBFiles, sequence: Sequence) -> list[Problem]:
        """A description that is blank."""
        if sequence.text is None and files.words is not None:
            return [Problem(files.words, NO_SENTENCE, fatal=False)]
        return []


def _video(row: Row) -> str:
    """Name of the video without the number of the target: `Jogging` of `Jogging_1` and of `Jogging-1`."""
    folder = row.pattern.partition("/")[0]
    return folder.removesuffix(f"-{_number(row)}") if _number(row) else folder


def _number(row: Row) -> str:
    """Number of the target where the video has several, else empty: `groundtruth_rect.2.txt`."""
    parts = row.annotation.rpartition("/")[2].split(".")
    return parts[1] if len(parts) == 3 else ""


def _key(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(".", "")


def _in_otb100(name: str) -> str:
    """The sequence's name in the tables of attributes."""
    return "Human4_2" if name == "Human4" else name.replace("-", "_")

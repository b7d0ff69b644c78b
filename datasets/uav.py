"""UAV123, its 10 fps version UAV123@10fps, and its long-term subset UAV20L: low-altitude video from a drone.

Boxes are `x,y,w,h` in MATLAB's pixels, counted from 1; a row of NaN says that the target is not in view. One folder of pictures
may hold several sequences (`bird1_1` is pictures 1 to 253 of `bird1`), while annotation files are one a sequence. UAV20L has
whole folders of UAV123's pictures and boxes of its own; four of its names are UAV123's, others are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trackzoo.datasets._common import (
    ListedDataset,
    Numbered,
    Row,
    SequenceFiles,
    attribute_table,
    read_boxes,
    split_list,
)
from trackzoo.sequence import Annotation, DatasetSpec

_PAPER = "Mueller, Smith, Ghanem, A Benchmark and Simulator for UAV Tracking, ECCV 2016"
_PAGE = "https://cemse.kaust.edu.sa/ivul/uav123"

SPECS = (
    DatasetSpec(
        name="uav123",
        title="UAV123",
        factory="trackzoo.datasets.uav:UAV123",
        folders=("UAV123", "Dataset_UAV123"),
        aliases=("uav",),
        page=_PAGE,
        paper=_PAPER,
        sequences={"": 123},
    ),
    DatasetSpec(
        name="uav123-10fps",
        title="UAV123@10fps",
        factory="trackzoo.datasets.uav:UAV123At10",
        folders=("UAV123_10fps", "UAV123@10fps", "UAV123-10fps", "Dataset_UAV123_10fps"),
        aliases=("uav123@10fps", "uav123_10fps", "uav10fps"),
        page=_PAGE,
        paper=_PAPER,
        sequences={"": 123},
    ),
    DatasetSpec(
        name="uav20l",
        title="UAV20L",
        factory="trackzoo.datasets.uav:UAV20L",
        folders=("UAV123", "Dataset_UAV123", "UAV20L"),
        page=_PAGE,
        paper=_PAPER,
        sequences={"": 20},
        kin=("uav123",),
    ),
)

#: PyTracking's names begin with this; files and folders are the benchmark's own everywhere.
_PREFIX = "uav_"


class UAV123(ListedDataset[SequenceFiles]):
    """UAV123 at 30 frames per second."""

    origin = 1
    profile = "pytracking"
    # PyTracking's rules for absent frames go by this name, whichever of the three sets it is.
    toolkit_names: ClassVar[Mapping[str, str]] = {
        "pytracking": "uav",
        "stark": "uav",
        "got10k": "UAV123",
        "pysot": "UAV123",
    }
    table: ClassVar[str] = "uav123"
    attributes_of: ClassVar[str] = "uav123"
    rate: ClassVar[float] = 30.0
    tree = """\
UAV123/                                   (or inside Dataset_UAV123/)
  data_seq/UAV123/bird1/000001.jpg …      one folder for bird1_1, bird1_2 and bird1_3
  anno/UAV123/bird1_1.txt                 x,y,w,h a frame, from the sequence's own first frame on; NaN where absent"""

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The list, under the benchmark's own names."""
        return tuple(
            Row(row.name.removeprefix(_PREFIX), row.first, row.last, row.pattern, row.annotation, row.category)
            for row in split_list(self.table)
        )

    def own_name(self, name: str) -> str:
        """PyTracking writes `uav_bike1` for `bike1` (and `uav_uav1_1` for `uav1_1`)."""
        return name if name in self._known else name.removeprefix(_PREFIX)

    @cached_property
    def _base(self) -> Path:
        """The folder that holds `data_seq` and `anno`: archives put one or two more around it."""
        inner = [self.folder / part for part in ("", *self.spec.folders)]
        inner += [self.folder / outer / part for outer in self.spec.folders for part in self.spec.folders]
        found = (base for base in inner if (base / "anno").is_dir() or (base / "data_seq").is_dir())
        return next(found, self.folder)

    def files(self, name: str) -> SequenceFiles:
        """Boxes by sequence, images by video."""
        row = self.row(name)
        images = Numbered.of(self._base, row.pattern, row.first, row.count)
        return SequenceFiles(name, (self._base / row.annotation,), images=images)

    @staticmethod
    def read(files: SequenceFiles) -> Annotation:
        """Boxes; the target is absent where a row holds NaN."""
        boxes = read_boxes(files.truth[0], allow_nan=True)
        return Annotation(boxes, np.asarray(np.isfinite(boxes).all(axis=1)))

    def facts(self, files: SequenceFiles) -> dict[str, Any]:
        """Class by the list; attributes by the package's table."""
        table = attribute_table(self.attributes_of)
        attributes = table.get(files.name) or table.get(_PREFIX + files.name, ())
        return {**super().facts(files), "attributes": attributes, "fps": self.rate}


class UAV123At10(UAV123):
    """UAV123@10fps: every third picture of UAV123, renumbered. The same targets, so the same attributes."""

    toolkit_names: ClassVar[Mapping[str, str]] = {**UAV123.toolkit_names, "pysot": "UAV123_10fps"}
    table: ClassVar[str] = "uav123_10fps"
    rate: ClassVar[float] = 10.0
    tree = UAV123.tree.replace("UAV123", "UAV123_10fps").replace("…      one", "…  one")


class UAV20L(UAV123):
    """UAV20L: 20 long sequences over whole folders of UAV123's pictures."""

    toolkit_names: ClassVar[Mapping[str, str]] = {**UAV123.toolkit_names, "pysot": "UAV20L"}
    table: ClassVar[str] = "uav20l"
    attributes_of: ClassVar[str] = "uav20l"
    tree = """\
UAV123/                                   (or inside Dataset_UAV123/)
  data_seq/UAV123/bird1/000001.jpg …      UAV123's pictures
  anno/UAV20L/bird1.txt                   x,y,w,h a frame; NaN where absent"""

"""AVisT: 120 videos in adverse visibility. Boxes are parted by blanks; two flag files say when the target is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    read_flags,
    split_list,
)
from trackzoo.sequence import Annotation, DatasetSpec

SPECS = (
    DatasetSpec(
        name="avist",
        title="AVisT",
        factory="trackzoo.datasets.avist:AVisT",
        folders=("AVisT", "avist"),
        page="https://sites.google.com/view/avist-benchmark",
        paper="Noman et al., AVisT: A Benchmark for Visual Object Tracking in Adverse Visibility, BMVC 2022",
        sequences={"": 120},
    ),
)

_LABELS = ("full_occlusion", "out_of_view")


@dataclass(frozen=True)
class AVisTFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        boxes: the box file.
        hidden: flag files by the name of their label.
    """

    boxes: Path = Path()
    hidden: tuple[tuple[str, Path], ...] = ()


class AVisT(ListedDataset[AVisTFiles]):
    """AVisT as it is published."""

    profile = "pytracking"
    toolkit_names: ClassVar[Mapping[str, str]] = {"pytracking": "avist", "stark": "avist"}
    tree = """\
AVisT/
  sequences/air_show/img_00001.jpg …
  anno/air_show.txt                               x y w h a frame, parted by blanks
  full_occlusion/air_show_full_occlusion.txt      0/1 flags, on one line or one a line
  out_of_view/air_show_out_of_view.txt            (…/air_show.txt is found as well)"""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The list."""
        return split_list("avist")

    def _hidden(self, label: str, name: str) -> Path:
        usual = self.folder / label / f"{name}_{label}.txt"
        places = (usual, self.folder / label / f"{name}.txt", self.folder / "sequences" / name / f"{label}.txt")
        return next((path for path in places if path.exists()), usual)

    def files(self, name: str) -> AVisTFiles:
        """Boxes, flags and images lie in folders of their own."""
        row = self.row(name)
        boxes = self.folder / row.annotation
        hidden = tuple((label, self._hidden(label, name)) for label in _LABELS)
        images = Numbered.of(self.folder, row.pattern, row.first, row.count)
        truth = (boxes, *(path for _, path in hidden))
        return AVisTFiles(name, truth, (), images, boxes=boxes, hidden=hidden)

    @staticmethod
    def read(files: AVisTFiles) -> Annotation:
        """Boxes and flags."""
        boxes = read_boxes(files.boxes)
        labels = {label: read_flags(path, len(boxes)) for label, path in files.hidden}
        return Annotation(boxes, ~np.logical_or.reduce(list(labels.values())), labels=labels)

    def facts(self, files: AVisTFiles) -> dict[str, Any]:
        """Attributes: the groups of the benchmark (WC OE IE TE CM; CM is camouflage here), then the finer scenarios."""
        groups, scenarios = attribute_table("avist")[files.name], attribute_table("avist_scenarios")[files.name]
        return {**super().facts(files), "attributes": tuple(dict.fromkeys((*groups, *scenarios)))}

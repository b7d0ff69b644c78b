"""LaSOT (1,400 videos of 70 classes) and its extension (150 of 15 further classes).

Boxes are `x,y,w,h` in MATLAB's pixels, counted from 1. Absence is said by two flag files, full occlusion and out of view; the
evaluation toolkit merges them into one, `absent`. The authors' toolkit is read too: annotation without images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trackzoo.datasets._common import (
    ListedDataset,
    Numbered,
    Row,
    SequenceFiles,
    attribute_names,
    attribute_table,
    read_boxes,
    read_flags,
    read_line,
    split_list,
)
from trackzoo.datasets._toolkit import Toolkit, find_toolkit, read_attributes
from trackzoo.sequence import Annotation, DatasetSpec

SPECS = (
    DatasetSpec(
        name="lasot",
        title="LaSOT",
        factory="trackzoo.datasets.lasot:LaSOT",
        splits=("test", "train"),
        folders=("LaSOT", "LaSOTBenchmark"),
        page="https://hengfan2010.github.io/projects/LaSOT/",
        paper="Fan et al., LaSOT: A High-quality Benchmark for Large-scale Single Object Tracking, CVPR 2019",
        sequences={"test": 280, "train": 1120},
    ),
    DatasetSpec(
        name="lasot-ext",
        title="LaSOT-ext",
        factory="trackzoo.datasets.lasot:LaSOTExtension",
        folders=("LaSOT_extension_subset", "LaSOT_ext", "LaSOT-ext", "LaSOText"),
        aliases=("lasot_extension_subset",),
        page="https://hengfan2010.github.io/projects/LaSOT/",
        paper="Fan et al., LaSOT: A High-quality Large-scale Single Object Tracking Benchmark, IJCV 2021",
        sequences={"": 150},
    ),
)


@dataclass(frozen=True)
class LaSOTFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        boxes: `groundtruth.txt`.
        hidden: flag files by the name of their label; the target is visible where none is set.
        words: the description.
    """

    boxes: Path = Path()
    hidden: tuple[tuple[str, Path], ...] = ()
    words: Path = Path()


class LaSOT(ListedDataset[LaSOTFiles]):
    """LaSOT in its own layout, with or without class folders, or as the evaluation toolkit has it."""

    origin = 1
    profile = "pytracking"
    toolkit_names: ClassVar[Mapping[str, str]] = {"pytracking": "lasot", "stark": "lasot", "got10k": "LaSOT"}
    has_text = True
    lists: ClassVar[Mapping[str, str]] = {"test": "lasot_test", "train": "lasot_train"}
    tree = """\
LaSOT/
  airplane/                     (or the sequences without class folders)
    airplane-1/
      img/00000001.jpg …
      groundtruth.txt           x,y,w,h a frame
      full_occlusion.txt        0,0,1,… one line
      out_of_view.txt           0,0,1,… one line
      nlp.txt
or, for evaluation alone, the authors' toolkit:
  annos/gt/airplane-1.txt  annos/absent/airplane-1.txt  annos/att/…  annos/nlp/…"""

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The split's list."""
        return split_list(self.lists[self.split])

    @cached_property
    def toolkit(self) -> Toolkit | None:
        """The toolkit's folders, where the dataset is here in no other form."""
        toolkit = find_toolkit(self.folder)
        if toolkit and any(self._home(row).is_dir() for row in self.rows):
            return None
        return toolkit

    @property
    def annotations_only(self) -> bool:
        """By the person's word or by the layout."""
        return super().annotations_only or self.toolkit is not None

    def _home(self, row: Row) -> Path:
        nested = self.folder / row.category / row.name
        return nested if nested.is_dir() or not (flat := self.folder / row.name).is_dir() else flat

    def files(self, name: str) -> LaSOTFiles:
        """In the toolkit's layout, in class folders, or flat."""
        row = self.row(name)
        if self.toolkit is not None:
            boxes, absent = self.toolkit.boxes / f"{name}.txt", self.toolkit.file("absent", name)
            words = self.toolkit.file("nlp", name)
            return LaSOTFiles(
                name, (boxes, absent), (words,), None, boxes=boxes, hidden=(("absent", absent),), words=words
            )
        home = self._home(row)
        boxes, words = home / "groundtruth.txt", home / "nlp.txt"
        hidden = tuple((label, home / f"{label}.txt") for label in ("full_occlusion", "out_of_view"))
        images = Numbered.of(home, "img/{frame:08d}.jpg", row.first, row.count)
        truth = (boxes, *(path for _, path in hidden))
        return LaSOTFiles(name, truth, (words,), images, boxes=boxes, hidden=hidden, words=words)

    @staticmethod
    def read(files: LaSOTFiles) -> Annotation:
        """Boxes, flags, description."""
        boxes = read_boxes(files.boxes)
        labels = {label: read_flags(path, len(boxes)) for label, path in files.hidden}
        visible = ~np.logical_or.reduce(list(labels.values()))
        return Annotation(boxes, visible, labels=labels, text=read_line(files.words))

    def facts(self, files: LaSOTFiles) -> dict[str, Any]:
        """Class by the list; attributes from the package's table, else from the toolkit's files where they lie in the root."""
        table = attribute_table("lasot_test") if self.lists.get(self.split) == "lasot_test" else {}
        attributes = table.get(files.name) or partial(
            read_attributes, self.folder, files.name, attribute_names("lasot_test")
        )
        return {**super().facts(files), "attributes": attributes}


class LaSOTExtension(LaSOT):
    """LaSOT-ext; its layout is LaSOT's."""

    toolkit_names: ClassVar[Mapping[str, str]] = {
        "pytracking": "lasot_extension_subset",
        "stark": "lasot_extension_subset",
        "got10k": "LaSOT",
    }
    lists: ClassVar[Mapping[str, str]] = {"": "lasot_ext"}
    tree = LaSOT.tree.replace("airplane", "atv").replace("LaSOT/", "LaSOT_extension_subset/")

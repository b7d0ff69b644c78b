"""TNL2K: 1,300 + 700 videos with a sentence each, colour and thermal, some of them made to deceive.

Boxes are `x,y,w,h`; a width or height of zero says that the target is absent, and the toolkit's `absent` files say it too. The
names of the images have no common form and sort by the numbers in them. Faults of the releases that are known are mended here:
see `CORRECTED`, `SUBSTITUTES` and docs/datasets.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trackzoo.datasets._common import (
    NO_SENTENCE,
    Listed,
    ListedDataset,
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
from trackzoo.sequence import Annotation, DatasetSpec, Problem, Sequence

#: Stands in both lists; training on it would be training on the test set.
IN_BOTH = "monitor_manypeople"

SPECS = (
    DatasetSpec(
        name="tnl2k",
        title="TNL2K",
        factory="trackzoo.datasets.tnl2k:TNL2K",
        splits=("test", "train"),
        folders=("TNL2K", "tnl2k"),
        page="https://sites.google.com/view/langtrackbenchmark/",
        paper="Wang et al., Towards More Flexible and Accurate Object Tracking with Natural Language, CVPR 2021",
        sequences={"test": 700, "train": 1299},
        overlaps={
            "tnl2k-train": f"the published training list of TNL2K has the test video {IN_BOTH} too; weights trained on that "
            "list have seen it"
        },
    ),
)

#: Sentences that are empty or wrong in the first release, as the authors corrected them in June 2022.
CORRECTED = {
    "Fight_video_6-Done": "the left girl in red with long hair and holding a white fan.",
    "INF_womanpink": "the pedestrian who is riding on the road alone, on the bottom right corner",
    "NBA2k_Kawayi_video_15": "the basketball player who wears a white hair band.",
    "INF_woman46": "the first person who is riding a bike from left to right direction.",
}

#: Images that are damaged in one release: sequence -> (image, the one before it).
SUBSTITUTES = {"test_015_Sord_video_Q01_done": (("00000492.png", "00000491.png"),)}

#: A folder among the videos of some copies, with better boxes for twelve of the training videos.
REVISED = "revised_annotations"


@dataclass(frozen=True)
class TNL2KFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        boxes: the box file.
        absent: flag file of the toolkit, which need not be there.
        words: the sentence.
    """

    boxes: Path = Path()
    absent: Path = Path()
    words: Path = Path()


class TNL2K(ListedDataset[TNL2KFiles]):
    """TNL2K flat or in part folders, or as the evaluation toolkit has it (annotation without images)."""

    profile = "stark"
    toolkit_names: ClassVar[Mapping[str, str]] = {"pytracking": "tnl2k", "stark": "tnl2k", "lasot-matlab": "tnl2k"}
    has_text = True
    tree = """\
TNL2K/
  TNL2k_train_subset_p9/        (or the videos without part folders)
    Arrow_Video_ZZ04_done/
      imgs/…                    any names with a number
      groundtruth.txt           x,y,w,h a frame
      language.txt              one sentence
  revised_annotations/          (where the release has it)
  absent/Arrow_Video_ZZ04_done.txt   0/1 a frame (the toolkit's, where wanted; in annos/absent too)"""

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The split's list; the one video that stands in both is left out of training."""
        rows = split_list(f"tnl2k_{self.split}")
        return tuple(row for row in rows if row.name != IN_BOTH) if self.split == "train" else rows

    @cached_property
    def _homes(self) -> dict[str, Path]:
        """Folders of the videos that are not directly in the root: one level of part folders, two at most."""
        wanted = set(self._rows)
        homes: dict[str, Path] = {}
        parts = [self.folder]
        for _ in range(3):
            below = []
            for part in parts:
                for entry in sorted(part.iterdir()):
                    if entry.name in wanted and entry.is_dir():
                        homes.setdefault(entry.name, entry)
                    elif entry.is_dir() and entry.name not in (REVISED, "imgs") and not (entry / "imgs").is_dir():
                        below.append(entry)
            parts = below
        return homes

    def _home(self, name: str) -> Path:
        flat = self.folder / name
        return flat if flat.is_dir() else self._homes.get(name, flat)

    @cached_property
    def _labels(self) -> Toolkit | None:
        return find_toolkit(self.folder)

    @cached_property
    def toolkit(self) -> Toolkit | None:
        """The toolkit's folders, where the dataset is here in no other form."""
        toolkit = self._labels
        if toolkit is None or any((self._home(row.name) / "groundtruth.txt").exists() for row in self.rows):
            return None
        return toolkit if any((toolkit.boxes / f"{row.name}.txt").exists() for row in self.rows) else None

    @property
    def annotations_only(self) -> bool:
        """By the person's word or by the layout."""
        return super().annotations_only or self.toolkit is not None

    def _absent(self, name: str, home: Path) -> Path:
        places = [home / "absent.txt"]
        if self._labels is not None:
            places += (self._labels.base / "absent" / f"{name}{suffix}.txt" for suffix in ("", "_absent"))
        return next((path for path in places if path.exists()), places[-1])

    def _revised(self, name: str, boxes: Path) -> Path:
        folder = boxes.parent.parent / REVISED
        places = (folder / name / "groundtruth.txt", folder / f"{name}.txt")
        return next((path for path in places if path.exists()), boxes)

    def files(self, name: str) -> TNL2KFiles:
        """In the toolkit's layout, in part folders, or flat."""
        row, home = self.row(name), self._home(name)
        absent = self._absent(name, home)
        if self.toolkit is not None:
            boxes, words, images = self.toolkit.boxes / f"{name}.txt", self.toolkit.file("nlp", name), None
        else:
            boxes, words = self._revised(name, home / "groundtruth.txt"), home / "language.txt"
            images = Listed(home / "imgs", row.count, substitutes=SUBSTITUTES.get(name, ()))
        return TNL2KFiles(name, (boxes,), (absent, words), images, boxes=boxes, absent=absent, words=words)

    @staticmethod
    def read(files: TNL2KFiles) -> Annotation:
        """Boxes, absence, the sentence. Where there is no absence file, a box without area says it."""
        boxes = read_boxes(files.boxes)
        visible = (boxes[:, 2:] > 0).all(axis=1)
        labels = {}
        if files.absent.exists():
            # One file of the toolkit is a line longer than its boxes.
            labels["absent"] = read_flags(files.absent, len(boxes), spare=1)
            visible = ~labels["absent"]
        text = CORRECTED.get(files.name) or read_line(files.words)
        return Annotation(boxes, np.asarray(visible), labels=labels, text=text)

    def facts(self, files: TNL2KFiles) -> dict[str, Any]:
        """Attributes from the package's table, else from the toolkit's files where they lie in the root."""
        table = attribute_table("tnl2k_test") if self.split == "test" else {}
        attributes: Any = table.get(files.name)
        if attributes is None:
            columns, suffixes = attribute_names("tnl2k_test"), ("_attribute.txt", ".txt")
            attributes = partial(read_attributes, self.folder, files.name, columns, suffixes)
        return {**super().facts(files), "attributes": attributes}

    def oddities(self, name: str, files: TNL2KFiles, sequence: Sequence) -> list[Problem]:
        """Sentences that are missing or were corrected."""
        text = read_line(files.words)
        if name in CORRECTED and text != CORRECTED[name]:
            found = "the sentence of the first release; the authors' corrected one is used"
            return [Problem(files.words, found, fatal=False)]
        if sequence.text is None:
            return [Problem(files.words, NO_SENTENCE, fatal=False)]
        return []

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in super().__getstate__().items() if key not in ("_homes", "rows")}

"""GOT-10k: 9,335 + 180 + 180 videos of generic objects, 10 Hz, with absence, cover and cut-by-image labels.

Boxes are `x,y,w,h` with decimals and are used as they are. The test split gives the first box only; a server scores it. The
lists that papers train on (PyTracking's halves, the videos that VOT allows) are splits of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trackzoo.datasets._common import (
    Listed,
    ListedDataset,
    Numbered,
    Row,
    SequenceFiles,
    read_boxes,
    read_bytes,
    read_flags,
    read_values,
    split_list,
)
from trackzoo.datasets._first_box import extend_first_box
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, DatasetSpec, Problem

_LISTS = {
    "val": "got10k_val",
    "test": "got10k_test",
    "train-split": "got10k_train_split",
    "val-split": "got10k_val_split",
    "vot-train": "got10k_vot_train_split",
    "vot-val": "got10k_vot_val_split",
    "vot-exclude": "got10k_vot_exclude",
}

SPECS = (
    DatasetSpec(
        name="got10k",
        title="GOT-10k",
        factory="trackzoo.datasets.got10k:GOT10k",
        splits=("val", "test", "train", *list(_LISTS)[2:]),
        parts=tuple(list(_LISTS)[2:]),
        folders=("GOT-10k", "GOT10k", "got10k", "got-10k"),
        aliases=("got-10k",),
        page="http://got-10k.aitestunion.com/",
        paper="Huang et al., GOT-10k: A Large High-Diversity Benchmark for Generic Object Tracking in the Wild, TPAMI 2021",
        sequences={
            "val": 180,
            "test": 180,
            "train": 9335,
            "train-split": 7934,
            "val-split": 1401,
            "vot-train": 7086,
            "vot-val": 1249,
            "vot-exclude": 1000,
        },
        # The protocol of its paper: one training set for all, so that trackers are compared and not their data.
        train_only=tuple(f"got10k-{part}" for part in ("train", "train-split", "val-split", "vot-train", "vot-val")),
    ),
)


@dataclass(frozen=True)
class GOT10kFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        home: its folder.
    """

    home: Path = Path()


class GOT10k(ListedDataset[GOT10kFiles]):
    """GOT-10k as it is published: a folder a split, a folder a sequence, images beside the annotation."""

    profile = "got10k"
    toolkit_names: ClassVar[Mapping[str, str]] = {"pytracking": "got10k", "stark": "got10k", "got10k": "GOT-10k"}
    digest_labels = ("cover",)
    tree = """\
GOT-10k/
  train/  val/  test/
    list.txt
    GOT-10k_Val_000001/
      00000001.jpg …
      groundtruth.txt           x,y,w,h a frame (test: the first frame alone)
      absence.label             0/1 a frame                 } not in test
      cover.label               0 … 8 a frame               }
      cut_by_image.label        0/1 a frame
      meta_info.ini             class, motion, resolution"""

    def __init__(self, spec: DatasetSpec, split: str, root: Root | None) -> None:
        super().__init__(spec, split, root)
        self.public_truth = split != "test"

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The split's list; the training set is the two halves of PyTracking's lists, by number."""
        if self.split == "train":
            halves = (*split_list(_LISTS["train-split"]), *split_list(_LISTS["val-split"]))
            return tuple(sorted(halves, key=lambda row: row.name))
        return split_list(_LISTS[self.split])

    def files(self, name: str) -> GOT10kFiles:
        """All in the sequence's folder."""
        row = self.row(name)
        home = (self.folder / row.annotation).parent
        boxes, absence, cover = (home / file for file in ("groundtruth.txt", "absence.label", "cover.label"))
        rest = (home / "cut_by_image.label",)
        if self.split == "test":
            return GOT10kFiles(name, (boxes,), (absence, cover, *rest), Listed(home, first=1), counted=True, home=home)
        images = Numbered.of(self.folder, row.pattern, row.first, row.count)
        return GOT10kFiles(name, (boxes, absence, cover), rest, images, home=home)

    @staticmethod
    def read(files: GOT10kFiles) -> Annotation:
        """Boxes and labels."""
        boxes = read_boxes(files.truth[0])
        if files.counted:
            boxes = extend_first_box(boxes, files.images, files.truth[0])
        count = len(boxes)
        labels: dict[str, Any] = {}
        for label, read in _LABELS.items():
            path = files.home / (f"{label}.label")
            if path in files.truth or path.exists():
                labels[label] = read(path, count)
        visible = ~labels["absence"] if "absence" in labels else np.ones(count, dtype=bool)
        return Annotation(boxes, visible, labels=labels)

    def facts(self, files: GOT10kFiles) -> dict[str, Any]:
        """All from `meta_info.ini`, when asked for."""
        path = files.home / "meta_info.ini"
        return {
            "category": partial(_category, path),
            "fps": partial(_fps, path),
            "size": partial(_size, path),
            "facts": partial(read_meta, path),
        }

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        """Also compares the folder's `list.txt` with the package's list."""
        problems = super().check(progress)
        path = self.folder / self.rows[0].annotation.split("/")[0] / "list.txt"
        if self.split in ("train", "val", "test") and path.exists():
            listed = set(read_bytes(path).decode("utf-8", "replace").split())
            for name in sorted(listed - set(self.names)):
                problems.append(Problem(path, f"'{name}' is not in the benchmark's list", fatal=False, sequence=name))
            for name in sorted(set(self.names) - listed):
                problems.append(Problem(path, f"'{name}' of the benchmark is not in it", fatal=False, sequence=name))
        return problems


def _cover(path: Path, count: int) -> Any:
    return read_values(path, 0, 8, count=count)


_LABELS: dict[str, Callable[[Path, int], Any]] = {"absence": read_flags, "cover": _cover, "cut_by_image": read_flags}


def read_meta(path: Path) -> dict[str, str]:
    """Entries of a `meta_info.ini` as they stand (`object_class`, `motion_class`, `resolution`, `anno_fps` …); none where
    there is no file."""
    if not path.exists():
        return {}
    entries: dict[str, str] = {}
    for line in read_bytes(path).decode("utf-8", "replace").split("\n"):
        key, colon, value = line.partition(":")
        if colon and not line.lstrip().startswith(("[", "#", ";")):
            entries[key.strip()] = value.strip()
    return entries


def _category(path: Path) -> str | None:
    return read_meta(path).get("object_class") or None


def _fps(path: Path) -> float | None:
    number = re.match(r"\d+(\.\d+)?", read_meta(path).get("anno_fps", ""))
    return float(number[0]) if number else None


def _size(path: Path) -> tuple[int, int] | None:
    numbers = re.fullmatch(r"\(?\s*(\d+)\s*[,x ]\s*(\d+)\s*\)?", read_meta(path).get("resolution", ""))
    return (int(numbers[1]), int(numbers[2])) if numbers else None

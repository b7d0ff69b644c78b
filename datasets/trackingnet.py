"""TrackingNet: 30,132 training videos in twelve chunks and 511 test videos.

Images are `0.jpg`, `1.jpg` … without padding, so they sort as numbers. The test split gives the first box only; a server scores
it. Names are YouTube's and may begin with `-` or `_`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np

from trackzoo.datasets._common import FileDataset, Listed, SequenceFiles, read_boxes, split_list
from trackzoo.datasets._first_box import extend_first_box
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, DatasetSpec

_CHUNKS = 12

SPECS = (
    DatasetSpec(
        name="trackingnet",
        title="TrackingNet",
        factory="trackzoo.datasets.trackingnet:TrackingNet",
        splits=("test", "train", *(f"train-{chunk}" for chunk in range(_CHUNKS))),
        parts=tuple(f"train-{chunk}" for chunk in range(_CHUNKS)),
        folders=("TrackingNet",),
        page="https://tracking-net.org/",
        paper="Müller et al., TrackingNet: A Large-Scale Dataset and Benchmark for Object Tracking in the Wild, ECCV 2018",
        sequences={"test": 511, "train": 30132},
    ),
)


class TrackingNet(FileDataset[SequenceFiles]):
    """TrackingNet as it is published. The training names are those of the annotation files that are there."""

    profile = "trackingnet"
    toolkit_names: ClassVar[Mapping[str, str]] = {
        "pytracking": "trackingnet",
        "stark": "trackingnet",
        "got10k": "TrackingNet",
    }
    tree = """\
TrackingNet/
  TEST/  TRAIN_0/ … TRAIN_11/
    anno/-Dz7OIf54b0_0.txt      x,y,w,h a frame (TEST: the first frame alone)
    frames/-Dz7OIf54b0_0/0.jpg 1.jpg …"""

    def __init__(self, spec: DatasetSpec, split: str, root: Root | None) -> None:
        super().__init__(spec, split, root)
        self.public_truth = split != "test"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Test: the devkit's list. Training: chunk by chunk, sorted within a chunk."""
        return tuple(self._chunks)

    @cached_property
    def _chunks(self) -> dict[str, str]:
        """Sequence -> folder of its chunk."""
        if self.split == "test":
            return {row.name: "TEST" for row in split_list("trackingnet_test")}
        numbers = range(_CHUNKS) if self.split == "train" else (int(self.split.removeprefix("train-")),)
        found: dict[str, str] = {}
        for chunk in (f"TRAIN_{number}" for number in numbers):
            for path in sorted((self.folder / chunk / "anno").glob("*.txt")):
                found.setdefault(path.stem, chunk)
        return found

    def files(self, name: str) -> SequenceFiles:
        """Boxes in `anno`, images in `frames` of the chunk."""
        chunk = self.folder / self._chunks[name]
        truth, folder = (chunk / "anno" / f"{name}.txt",), chunk / "frames" / name
        if self.split == "test":
            return SequenceFiles(name, truth, images=Listed(folder, first=0), counted=True)
        return SequenceFiles(name, truth, images=Listed(folder))

    @staticmethod
    def read(files: SequenceFiles) -> Annotation:
        """Boxes; of the test split the first one."""
        boxes = read_boxes(files.truth[0])
        if files.counted:
            boxes = extend_first_box(boxes, files.images, files.truth[0])
        return Annotation(boxes, np.ones(len(boxes), dtype=bool))

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in super().__getstate__().items() if key not in ("_chunks", "names")}

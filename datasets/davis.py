"""DAVIS 2016 (one object) and 2017 (several), densely annotated with masks.

The benchmark lists its splits in `ImageSets`; where that folder is missing, the 30 validation videos of 2017 are known, which
contain 2016's, as its training videos are among 2017's. For box trackers `boxes` has the first object's tight boxes.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from trackzoo.datasets._common import FileDataset, Listed, split_list
from trackzoo.datasets._vos_masks import VosFiles, read_masks
from trackzoo.errors import DataError, SettingsError
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, DatasetSpec

SPECS = (
    DatasetSpec(
        name="davis2016",
        title="DAVIS 2016",
        factory="trackzoo.datasets.davis:Davis",
        splits=("val", "train"),
        folders=("DAVIS2016", "DAVIS-2016", "DAVIS_2016", "davis2016"),
        aliases=("davis16",),
        page="https://davischallenge.org/davis2016/code.html",
        paper="Perazzi et al., A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation, CVPR 2016",
        sequences={"val": 20, "train": 30},
    ),
    DatasetSpec(
        name="davis2017",
        title="DAVIS 2017",
        factory="trackzoo.datasets.davis:Davis",
        splits=("val", "train", "test-dev"),
        folders=("DAVIS2017", "DAVIS-2017", "DAVIS_2017", "davis2017", "DAVIS"),
        aliases=("davis17",),
        page="https://davischallenge.org/davis2017/code.html",
        paper="Pont-Tuset et al., The 2017 DAVIS Challenge on Video Object Segmentation, arXiv 1704.00675",
        sequences={"val": 30, "train": 60, "test-dev": 30},
    ),
)


class Davis(FileDataset[VosFiles]):
    """A split of DAVIS.

    Args:
        spec, split, root: as for every dataset.
        resolution: folder of images and masks: `480p`, `1080p` or `Full-Resolution`.
    """

    has_masks = True
    protocol = "vos"
    # Box metrics are the package's own (protocol `ope`); J and F belong to the `davis` profile.
    profile = "strict"
    mask_profile = "davis"
    digest_labels = ("mask_checksum",)
    tree: ClassVar[str] = """\
DAVIS/
  JPEGImages/480p/blackswan/00000.jpg …
  Annotations/480p/blackswan/00000.png …     2016: black and white; 2017: palette index = object
  ImageSets/2017/val.txt                     2016: ImageSets/480p/val.txt or ImageSets/2016/val.txt"""

    def __init__(self, spec: DatasetSpec, split: str, root: Root | None, *, resolution: str = "480p") -> None:
        super().__init__(spec, split, root)
        if resolution not in ("480p", "1080p", "Full-Resolution"):
            raise SettingsError(f"{spec.name}: resolution={resolution}, expected 480p, 1080p or Full-Resolution")
        self.resolution = resolution
        self.id += f"+resolution={resolution}" if resolution != "480p" else ""
        # Of test-dev the first frame's masks alone are public.
        self.public_truth = split != "test-dev"

    @property
    def _single(self) -> bool:
        return self.spec.name == "davis2016"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The split's own list, else the folders that belong to it. Raises `DataError` for a list that is none."""
        year = "2016" if self._single else "2017"
        lists = [self.folder / "ImageSets" / folder / f"{self.split}.txt" for folder in (year, self.resolution, "480p")]
        found = next((path for path in lists if path.is_file()), None)
        return self._listed(found) if found is not None else self._folders()

    def _listed(self, path: Path) -> tuple[str, ...]:
        """Names in a list: one a line, or (2016) an image and its mask a line."""
        names: dict[str, None] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if not line.strip():
                continue
            first = line.split()[0]
            name = Path(first).parent.name if "/" in first else first
            if not re.fullmatch(r"[\w.-]+", name) or name in (".", ".."):
                raise DataError(path, f"'{line.strip()[:60]}'", "the name of a sequence", line=number)
            names[name] = None
        if not names:
            raise DataError(path, "an empty list", "names of sequences")
        return tuple(names)

    def _folders(self) -> tuple[str, ...]:
        known = {row.name for row in split_list("davis2017_val")}
        annotations = self.folder / "Annotations" / self.resolution
        there = sorted(entry.name for entry in annotations.iterdir() if entry.is_dir()) if annotations.is_dir() else []
        if self.split == "test-dev":
            return tuple(there)
        if self.split == "val" and not self._single:
            return tuple(row.name for row in split_list("davis2017_val"))
        return tuple(name for name in there if (name in known) == (self.split == "val"))

    def files(self, name: str) -> VosFiles:
        """`Annotations` and `JPEGImages`, a folder a sequence."""
        images = Listed(self.folder / "JPEGImages" / self.resolution / name)
        masks = self.folder / "Annotations" / self.resolution / name
        return VosFiles(name, (masks,), images=images, counted=True, single=self._single, dense=self.public_truth)

    @staticmethod
    def read(files: VosFiles) -> Annotation:
        """See `read_masks`."""
        return read_masks(files)

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in super().__getstate__().items() if key != "names"}

"""COCO 2017: single images with several objects, boxes and masks, for training.

Each image with objects is a sequence of one frame; `boxes` has its first object that is no crowd, `masks` all of them (a later
one covers an earlier one, crowds are pixels that do not count). Training uses `Coco.image`, which gives all objects, each with
its own mask. The annotation file has 450 MB: it is read when the first image's annotation is wanted; what the list of datasets
and the fingerprint need is kept in the cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence as ListOf
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trackzoo._version import __version__
from trackzoo.config import cache_folder, write_atomically
from trackzoo.datasets._coco_file import CocoFile, CocoImage, read_coco
from trackzoo.errors import DataError, TrackzooError
from trackzoo.frames import ImageFrames
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, Dataset, DatasetSpec, LabelMaps, Problem, Sequence

SPECS = (
    DatasetSpec(
        name="coco2017",
        title="COCO 2017",
        factory="trackzoo.datasets.coco:Coco",
        splits=("train", "val"),
        folders=("COCO", "coco", "COCO2017", "coco2017", "MSCOCO"),
        aliases=("coco",),
        page="https://cocodataset.org/#download",
        paper="Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014",
        sequences={"train": 117_266, "val": 4_952},
    ),
)

_RESTORE = "restore it from the benchmark's archive"


@dataclass(frozen=True)
class CocoLabels(LabelMaps):
    """Label map of the objects of one image.

    Attributes:
        path: the annotation file.
        name: the image.
    """

    path: Path
    name: str

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        image = read_coco(self.path).images[self.name]
        labels = np.zeros(image.size[::-1], np.uint8)
        numbers = object_numbers(image)
        for entry in sorted(image.objects, key=lambda entry: numbers[entry.id]):
            try:
                labels[entry.mask(image.size)] = numbers[entry.id] or 255
            except ValueError as error:
                raise DataError(
                    self.path, f"object {entry.id}: {error}", "runs that fill the image", _RESTORE
                ) from None
        return labels


def object_numbers(image: CocoImage) -> dict[int, int]:
    """Id of each object -> its label, 1 and on in the file's order; 0 for crowds."""
    single = [entry.id for entry in image.objects if not entry.crowd][:254]
    return {entry.id: single.index(entry.id) + 1 if entry.id in single else 0 for entry in image.objects}


def annotate(path: Path, name: str) -> Annotation:
    """Annotation of one image; its box is NaN where there are crowds alone."""
    image = read_coco(path).images[name]
    numbers = object_numbers(image)
    first = next((entry.box for entry in image.objects if numbers[entry.id] == 1), np.full(4, np.nan))
    starts = {number: 0 for number in sorted(numbers.values()) if number}
    return Annotation(first[None].copy(), np.array([bool(starts)]), masks=CocoLabels(path, name), starts=starts)


def _category(path: Path, name: str) -> str | None:
    file = read_coco(path)
    image = file.images[name]
    numbers = object_numbers(image)
    return next((file.categories.get(entry.category) for entry in image.objects if numbers[entry.id] == 1), None)


def _size(path: Path, name: str) -> tuple[int, int]:
    return read_coco(path).images[name].size


class Coco(Dataset):
    """A split of COCO 2017.

    Args:
        spec, split, root: as for every dataset.
    """

    has_masks = True
    profile = "strict"
    tree: ClassVar[str] = """\
COCO/
  annotations/instances_train2017.json
  train2017/000000000009.jpg …            or images/train2017/"""

    def __init__(self, spec: DatasetSpec, split: str, root: Root | None) -> None:
        if root is None:
            raise TrackzooError(f"{spec.title} needs a folder; 'trackzoo datasets add {spec.name} DIR' names it")
        super().__init__(spec.id(split), root.path)
        self.file = root.path / "annotations" / f"instances_{split}2017.json"
        nested = root.path / "images" / f"{split}2017"
        self.images = nested if nested.is_dir() else root.path / f"{split}2017"

    def expected_tree(self) -> str:
        """See `Dataset.expected_tree`."""
        return self.tree

    def read(self) -> CocoFile:
        """The annotation file. Raises `DataError`."""
        return read_coco(self.file)

    def image(self, name: str) -> CocoImage:
        """All objects of one image. Raises `DataError` for an odd file, `KeyError` for an image without objects."""
        return self.read().images[name]

    @cached_property
    def _known_images(self) -> dict[str, tuple[str, str]]:
        """Name -> (file name, digest of its annotation), from the cache as long as the annotation file stays as it is."""
        try:
            status = self.file.stat()
        except OSError:
            return {}
        key = [1, __version__, str(self.file.absolute()), status.st_size, status.st_mtime_ns]
        name = hashlib.sha256(json.dumps(key[:3]).encode()).hexdigest()[:16]
        path = cache_folder() / "scans" / f"{self.id}-{name}.json"
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            stored = json.loads(path.read_bytes())
            if stored["key"] == key:
                return {name: (file, digest) for name, file, digest in stored["images"]}
        images = {name: (image.file, _digest(image)) for name, image in self.read().images.items()}
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [[name, *facts] for name, facts in images.items()]
            write_atomically(path, json.dumps({"key": key, "images": rows}).encode())
        return images

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the image files without suffix, of all images that have objects."""
        return tuple(self._known_images)

    def available(self) -> tuple[str, ...]:
        """Those whose image is there; the folder is listed once."""
        there = self._there()
        return tuple(name for name, (file, _) in self._known_images.items() if file in there)

    def known_frames(self) -> int:
        """One an image."""
        return len(self.available())

    def _there(self) -> set[str]:
        try:
            return set(os.listdir(self.images))
        except OSError:
            return set()

    def sequence(self, name: str) -> Sequence:
        """One image as a sequence of one frame; nothing is read."""
        file = self._known_images[name][0]
        return Sequence(
            name,
            self.id,
            partial(annotate, self.file, name),
            ImageFrames(self.images, (file,)),
            category=partial(_category, self.file, name),
            size=partial(_size, self.file, name),
        )

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        """Read the annotation file and look for each image."""
        try:
            images = self.read().images
        except DataError as error:
            return [Problem(error.path, error.reason)]
        problems: list[Problem] = []
        there = self._there()
        missing = [image.file for image in images.values() if image.file not in there]
        if missing:
            more = f", and {len(missing) - 1} more of {len(images)}" if len(missing) > 1 else ""
            problems.append(Problem(self.images / missing[0], f"missing{more}; {_RESTORE}"))
        for name, image in images.items():
            if progress is not None:
                progress(name)
            for entry in image.objects:
                if not entry.crowd and not (entry.box[2:] > 0).all():
                    text = f"object {entry.id} has a box without area; training leaves it out"
                    problems.append(Problem(self.file, text, fatal=False, sequence=name))
        return problems

    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        """See `Dataset.fingerprint`."""
        total = hashlib.sha256()
        for name in self.available() if names is None else names:
            total.update(f"{name}\t1\t{self._known_images[name][1]}\n".encode())
        return total.hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("names", "_known_images", "_known")}


def _digest(image: CocoImage) -> str:
    digest = hashlib.sha256(f"{image.size}\n".encode())
    for entry in image.objects:
        digest.update(entry.digest())
    return digest.hexdigest()[:32]

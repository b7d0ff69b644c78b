"""Video object segmentation: label maps in PNG files, and the annotation that follows from them.

A map is a palette image whose indices are the objects (0 background, 255 pixels that do not count), or, where there is one
object only (DAVIS 2016), any image that is black outside the object.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._common import Listed, SequenceFiles
from trackzoo.errors import DataError
from trackzoo.geometry import box_of_mask
from trackzoo.sequence import Annotation, LabelMaps

Labels = NDArray[np.uint8]

#: Label of pixels that do not count.
VOID = 255

_RESTORE = "restore it from the benchmark's archive"


def read_labels(path: Path, single: bool = False) -> Labels:
    """A label map (H, W) uint8 from a PNG file.

    Args:
        path: the file; palette indices and grey values are taken as they are, never the colours behind them.
        single: there is one object: whatever is not black is 1.

    Raises:
        DataError: no such file, an empty or broken one, or colours where labels should be.
    """
    # Pillow, which matplotlib brings along: OpenCV gives a palette's colours, not its indices.
    from PIL import Image

    try:
        with Image.open(path) as image:
            if single and image.mode not in ("L", "P", "1", "I;16", "I"):
                return np.asarray(np.asarray(image.convert("RGB")).any(axis=2), dtype=np.uint8)
            if image.mode not in ("P", "L", "1"):
                raise DataError(path, f"an image of mode {image.mode}", "a palette or grey image of labels", _RESTORE)
            labels = np.array(image, dtype=np.uint8)
    except FileNotFoundError:
        raise DataError(path, "no such file", "a mask", _RESTORE) from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        empty = path.stat().st_size == 0
        found = "an empty file" if empty else "data that cannot be decoded"
        raise DataError(path, found, "a mask as PNG", _RESTORE) from None
    return (labels > 0).astype(np.uint8) if single else labels


@dataclass(frozen=True)
class PngLabels(LabelMaps):
    """Label maps of a sequence.

    Attributes:
        folder: where the files are.
        files: one name a frame, or None where the frame is not annotated.
        single: see `read_labels`.
    """

    folder: Path
    files: tuple[str | None, ...]
    single: bool = False

    def __getitem__(self, index: int) -> Labels | None:
        name = self.files[index]
        return None if name is None else read_labels(self.folder / name, self.single)


@dataclass(frozen=True)
class VosFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        images: all images of a folder; their names part the frames that are annotated from those that are not.
        single: one object, see `read_labels`.
        dense: whether every frame must be annotated.
    """

    images: Listed | None = None
    single: bool = False
    dense: bool = True

    @property
    def masks(self) -> Path:
        """Folder of the label maps."""
        return self.truth[0]

    def sources(self) -> tuple[Path, ...]:
        """Every label map and both folders: a file that is replaced leaves its folder's time as it was."""
        return (*super().sources(), *(self.masks / name for name in mask_names(self.masks)))


def mask_names(folder: Path) -> list[str]:
    """Names of the PNG files in a folder, sorted; none where there is no such folder."""
    try:
        return sorted(name for name in os.listdir(folder) if name.lower().endswith(".png") and name[0] != ".")
    except OSError:
        return []


def _per_frame(files: VosFiles) -> list[str | None]:
    """The label map of each frame: by name, as the frames of both folders are numbered alike."""
    masks = {Path(name).stem: name for name in mask_names(files.masks)}
    if not masks:
        raise DataError(files.masks, "no masks", "one PNG a frame" if files.dense else "PNG files", _RESTORE)
    if files.images is None:
        return list(masks.values())
    images = [Path(name).stem for name in files.images.names]
    found = [masks.pop(stem, None) for stem in images]
    if masks:
        stray = next(iter(masks.values()))
        raise DataError(files.masks / stray, "a mask without an image", f"one in {files.images.folder}", _RESTORE)
    if files.dense and None in found:
        missing = images[found.index(None)]
        raise DataError(files.masks, f"no mask {missing}.png", f"{len(images)} masks, one an image", _RESTORE)
    return found


@dataclass
class _Reading:
    """What is learned from the label maps, frame by frame."""

    starts: dict[int, int] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    first: int = 0

    def add(self, index: int, labels: Labels, path: Path) -> tuple[NDArray[np.float64], int]:
        """Box of the first object, and a checksum of the map."""
        if self.shape and labels.shape != self.shape:
            sizes = [f"{shape[1]}x{shape[0]} pixels" for shape in (labels.shape, self.shape)]
            raise DataError(path, f"a mask of {sizes[0]}", f"{sizes[1]} as before", _RESTORE)
        self.shape = labels.shape
        for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).tolist():
            if label not in (0, VOID):
                self.starts.setdefault(label, index)
        if not self.first and self.starts:
            self.first = min(self.starts)
        box = box_of_mask(labels == self.first) if self.first else np.full(4, np.nan)
        return box, zlib.crc32(np.ascontiguousarray(labels).tobytes())


def read_masks(files: VosFiles) -> Annotation:
    """Annotation of a sequence from its label maps.

    `boxes` are tight around the first object (rule `mask_tight`): the one that appears first, of several the lowest number.
    It is visible where its mask is not empty, and, for want of knowledge, where there is no mask. The label `mask_checksum`
    holds a CRC-32 of each map, which the fingerprint takes in.

    Raises:
        DataError: a mask is missing where every frame must have one, cannot be read, or differs in size from the others; a
            mask without an image; no object in any.
    """
    names = _per_frame(files)
    boxes = np.full((len(names), 4), np.nan)
    checksums = np.zeros(len(names), np.int64)
    reading = _Reading()
    for index, name in enumerate(names):
        if name is not None:
            path = files.masks / name
            boxes[index], checksums[index] = reading.add(index, read_labels(path, files.single), path)
    if not reading.starts:
        raise DataError(files.masks, "masks that are all empty", "an object", _RESTORE)
    annotated = np.array([name is not None for name in names])
    return Annotation(
        boxes,
        ~annotated | ~np.isnan(boxes[:, 0]),
        masks=PngLabels(files.masks, tuple(names), files.single),
        starts=dict(sorted(reading.starts.items())),
        labels={"mask_checksum": checksums},
        annotated=None if annotated.all() else annotated,
    )

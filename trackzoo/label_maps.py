"""Label maps as files: 8-bit palette PNG, index = object, which the evaluations of DAVIS and YouTube-VOS read."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trackzoo.frames import Frame
from trackzoo.sequence import ObjectId
from trackzoo.tracker import Prediction

Labels = NDArray[np.uint8]

#: Most objects of a video: 0 is the background, 255 are pixels that do not count.
MOST = 254
#: zlib's strategy for runs of equal bytes, which label maps are: a third of the time of the usual one, and smaller files.
_RUNS = zlib.Z_RLE

#: Endings of image files, whose names a label map takes over.
_IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@cache
def palette() -> tuple[int, ...]:
    """256 colours, three numbers each: the PASCAL VOC colour map, by its rule (bits of the index dealt out to the channels)."""
    colours = np.zeros((256, 3), dtype=np.int64)
    index = np.arange(256)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return tuple(int(value) for value in colours.ravel())


def encode(labels: ArrayLike) -> bytes:
    """A label map (H, W) as PNG with DAVIS' palette. Equal maps give equal bytes."""
    from PIL import Image

    image = Image.fromarray(np.asarray(labels).astype(np.uint8))
    image.putpalette(palette())
    file = io.BytesIO()
    image.save(file, "PNG", compress_type=_RUNS)
    return file.getvalue()


def decode(data: bytes) -> Labels:
    """A label map (H, W) uint8; palette indices and grey values are taken as they are, never the colours behind them.

    Raises:
        ValueError: no PNG, a damaged one, or colours where labels should be; says what was found.
    """
    # OpenCV gives a palette's colours, not its indices.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format != "PNG" or image.mode not in ("P", "L", "1"):
                raise ValueError(f"{image.format} of mode {image.mode}")
            return np.array(image, dtype=np.uint8)
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise ValueError("an empty file" if not data else "data that cannot be decoded") from None


def file_name(frame: Frame) -> str:
    """What a frame's label map is called: as its image where it is a file (`00005.png`), else by its number."""
    name = frame.label.replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return f"{stem}.png" if stem and f"{dot}{ending}".lower() in _IMAGES else f"{frame.index:05d}.png"


def paint(predictions: Mapping[ObjectId, Prediction], size: tuple[int, int]) -> Labels:
    """The label map (H, W) uint8 of the objects of one frame, 0 where none is.

    Trackers whose masks compete have settled whose a pixel is (`Tracker.merge`). Where masks overlap all the same, the surer
    object has the pixel (higher score; of equal ones the one with the lower number).

    Args:
        predictions: object -> its prediction; one without a mask leaves no pixel.
        size: (width, height) of the picture.

    Raises:
        ValueError: a mask of another size than the picture.
    """
    labels = np.zeros((size[1], size[0]), dtype=np.uint8)
    for obj in sorted(predictions, key=lambda obj: (predictions[obj].score, -obj)):
        mask = predictions[obj].mask
        if mask is None:
            continue
        if mask.shape != labels.shape:
            found = "x".join(map(str, mask.shape[::-1]))
            raise ValueError(f"the tracker returned a mask of {found} for a picture of {size[0]}x{size[1]} pixels")
        labels[mask] = obj
    return labels

"""Label maps as the segmentation benchmarks take them: 8-bit palette PNG, index = object."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import ArrayLike


def palette() -> list[int]:
    """256 colours, three numbers each: the PASCAL VOC colour map, by its rule (bits of the index dealt out to the channels)."""
    colours = np.zeros((256, 3), dtype=np.int64)
    index = np.arange(256)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return [int(value) for value in colours.ravel()]


def label_map(labels: ArrayLike) -> bytes:
    """A label map (H, W) as PNG."""
    from PIL import Image

    image = Image.fromarray(np.asarray(labels).astype(np.uint8))
    image.putpalette(palette())
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()

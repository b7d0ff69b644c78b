"""Splits whose truth a server keeps: the annotation file holds the first box only, the images say how many frames there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trackzoo.datasets._images import Images
from trackzoo.errors import DataError
from trackzoo.geometry import Floats


def extend_first_box(boxes: Floats, images: Images | None, path: Path) -> Floats:
    """Boxes (N, 4) for N images: the first as given, NaN after it. Without images the one row is all that there is.

    Raises:
        DataError: neither one row nor one an image, or no images.
    """
    if images is None:
        return boxes
    count = images.on_disk()
    if count == 0:
        raise DataError(images.folder, "no images", "the images of the sequence")
    if len(boxes) == count:
        return boxes
    if len(boxes) != 1:
        raise DataError(path, f"{len(boxes)} rows", f"1, or {count} as there are images in {images.folder}")
    extended = np.full((count, 4), np.nan)
    extended[0] = boxes[0]
    return extended

"""Boxes, masks and words on pictures, readable on any background. cv2 is imported when something is drawn."""

from __future__ import annotations

from collections.abc import Sequence as ListOf

import numpy as np
from numpy.typing import NDArray

from trackzoo.frames import Pixels
from trackzoo.geometry import Floats

Colour = tuple[int, int, int]

#: Colours that differ in hue and in lightness, so that they part in grey too (Okabe and Ito's set, without black), RGB.
COLOURS: tuple[Colour, ...] = (
    (240, 228, 66),
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (0, 114, 178),
    (213, 94, 0),
)

#: Bits of a pixel that OpenCV draws to.
_SHIFT = 4


def _thickness(picture: Pixels) -> int:
    return max(2, round(int(min(picture.shape[:2])) / 240))


def draw_box(picture: Pixels, box: Floats, colour: Colour = COLOURS[0]) -> None:
    """Draw a box on `picture` (H, W, 3) RGB uint8, in place: a coloured line on a dark one.

    Args:
        picture: a writable picture.
        box: (4,) `x, y, w, h` in pixels, counted from 0; drawn to a sixteenth of a pixel. Not drawn where it is not finite.
        colour: RGB.
    """
    import cv2

    if not np.isfinite(box).all():
        return
    limit = 4.0 * max(picture.shape[:2])
    corners = np.clip([box[0], box[1], box[0] + box[2], box[1] + box[3]], -limit, 2 * limit)
    # A box's edge lies between pixels; OpenCV counts from their centres.
    x1, y1, x2, y2 = (round((float(value) - 0.5) * 2**_SHIFT) for value in corners)
    line = _thickness(picture)
    for width, shade in ((line + 2, (0, 0, 0)), (line, colour)):
        cv2.rectangle(picture, (x1, y1), (x2, y2), shade, width, cv2.LINE_AA, _SHIFT)


def draw_mask(picture: Pixels, mask: NDArray[np.bool_], colour: Colour = COLOURS[0], opacity: float = 0.45) -> None:
    """Tint the pixels of `mask` (H, W) and draw its outline, in place.

    Raises:
        ValueError: the mask is of another size than the picture.
    """
    import cv2

    if mask.shape != picture.shape[:2]:
        raise ValueError(f"a mask of {mask.shape} on a picture of {picture.shape[:2]}")
    shade = np.array(colour, dtype=np.float32)
    picture[mask] = (picture[mask] * (1 - opacity) + shade * opacity).astype(np.uint8)
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, colour, max(1, _thickness(picture) - 1), cv2.LINE_AA)


def draw_labels(picture: Pixels, labels: NDArray[np.uint8], opacity: float = 0.45) -> None:
    """Draw every object of a label map (H, W) in a colour of its own, in place; 255 (pixels that do not count) is left alone.

    Raises:
        ValueError: the map is of another size than the picture.
    """
    if labels.shape != picture.shape[:2]:
        raise ValueError(f"a label map of {labels.shape} on a picture of {picture.shape[:2]}")
    for obj in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[1:255]) + 1:
        draw_mask(picture, labels == obj, COLOURS[(obj - 1) % len(COLOURS)], opacity)


def draw_lines(picture: Pixels, lines: ListOf[str], corner: tuple[int, int] = (0, 0)) -> None:
    """Write lines of text on a darkened plate, in place.

    Args:
        picture: a writable picture.
        lines: what to write; characters outside ASCII are shown as `?` (OpenCV's fonts have no others).
        corner: column and row of the plate's top-left pixel.
    """
    import cv2

    if not lines:
        return
    scale = max(0.4, min(picture.shape[:2]) / 700)
    stroke = max(1, round(scale * 1.5))
    texts = [text.encode("ascii", "replace").decode() for text in lines]
    sizes = [cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke) for text in texts]
    pad = round(10 * scale)
    step = max(height + base for (_, height), base in sizes) + pad // 2
    x, y = corner
    plate = picture[y : y + step * len(texts) + pad, x : x + max(width for (width, _), _ in sizes) + 2 * pad]
    plate //= 3
    for row, (text, ((_, height), _)) in enumerate(zip(texts, sizes, strict=True)):
        place = (x + pad, y + pad + height + row * step)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), stroke, cv2.LINE_AA)

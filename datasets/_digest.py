"""A fingerprint of annotation CONTENT: parsed numbers, so that line ends, separators and packing do not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special
from trackzoo.sequence import Annotation


def _array(digest: Any, name: str, values: NDArray[Any], kind: str) -> None:
    # Little-endian, C order, one NaN and one zero: equal numbers are equal bytes on every machine.
    values = np.ascontiguousarray(values, dtype=kind)
    if kind == "<f8":
        values = np.where(np.isnan(values), np.nan, values) + 0.0
    digest.update(f"{name} {values.shape}\n".encode())
    digest.update(values.tobytes())


def _region(region: Region) -> str:
    match region:
        case Special(code):
            return f"special {code}"
        case Point(x, y):
            return f"point {float(x)!r} {float(y)!r}"
        case Rectangle(x, y, w, h):
            return f"rectangle {float(x)!r} {float(y)!r} {float(w)!r} {float(h)!r}"
        case Polygon(points):
            return "polygon " + " ".join(f"{float(x)!r} {float(y)!r}" for x, y in points)
        case Mask(x, y, pixels):
            return f"mask {x} {y} {pixels.shape} {hashlib.sha256(np.packbits(pixels).tobytes()).hexdigest()}"


def annotation_digest(annotation: Annotation, labels: Iterable[str] = ()) -> str:
    """SHA-256 (hex) of boxes, visibility, regions, text and where objects start.

    Args:
        annotation: what was read. Label maps are left out: a dataset whose truth they are adds them itself.
        labels: names in `annotation.labels` that a score or a protocol depends on; the others, which only explain `visible`,
            differ between layouts of one and the same benchmark.
    """
    digest = hashlib.sha256()
    _array(digest, "boxes", annotation.boxes, "<f8")
    _array(digest, "visible", annotation.visible, "|b1")
    for name in labels:
        if name in annotation.labels:
            values = annotation.labels[name]
            _array(digest, name, values, "<f8" if values.dtype.kind == "f" else "<i8")
    if annotation.annotated is not None:
        _array(digest, "annotated", annotation.annotated, "|b1")
    if annotation.regions is not None:
        for region in annotation.regions:
            digest.update(f"{_region(region)}\n".encode())
    digest.update(f"starts {sorted(annotation.starts.items())}\n".encode())
    if annotation.text is not None:
        digest.update(f"text {annotation.text}".encode())
    return digest.hexdigest()

"""A target's first mask out of a picture file that a person drew or cut out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import DataError, SettingsError

_FORMS = "a palette or grey picture, or one that is black outside the target"


def read_mask(path: Path, size: tuple[int, int], obj: int | None = None) -> NDArray[np.bool_]:
    """Pixels (H, W) bool of the target.

    Args:
        path: a PNG file (or any that Pillow reads without loss): palette indices and grey values are labels, 0 is background;
            in a picture with colours whatever is not black is the target, with transparency whatever is not transparent.
        size: (width, height) of the video's first picture.
        obj: of several labels this one.

    Raises:
        DataError: no such file, no picture, or one of another size.
        SettingsError: it is empty, has not that label, or has several where none was picked.
    """
    labels = _labels(path)
    if labels.shape != size[::-1]:
        found, wanted = ("x".join(map(str, each)) for each in (labels.shape[::-1], size))
        raise DataError(path, f"a mask of {found} pixels", f"{wanted} as the first picture")
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[1:]) + 1
    if not present.size:
        raise SettingsError(f"{path}: an empty mask; a tracker needs at least a pixel of its target")
    shown = ", ".join(map(str, present[:8])) + (" …" if present.size > 8 else "")
    if obj is None and present.size > 1:
        raise SettingsError(f"{path}: found labels {shown}, expected one target; --object N picks one of them")
    if obj is not None and obj not in present:
        raise SettingsError(f"{path}: no pixel has the label {obj}, only {shown}")
    chosen = int(present[0]) if obj is None else obj
    return np.asarray(labels == chosen)


def _labels(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode in ("P", "L", "1"):
                return np.array(image, dtype=np.uint8)
            if "A" in image.mode:
                return np.asarray(np.asarray(image.convert("RGBA"))[..., 3] > 127, dtype=np.uint8)
            return np.asarray(np.asarray(image.convert("RGB")).any(axis=2), dtype=np.uint8)
    except FileNotFoundError:
        raise DataError(path, "no such file", _FORMS) from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        raise DataError(path, "data that cannot be decoded", _FORMS) from None

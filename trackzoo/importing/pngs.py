"""Label maps out of PNG files that a tracker wrote."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import ResultsError

Labels = NDArray[np.uint8]

_EXPECTED = "an 8-bit palette or grey PNG of labels"


def decode(data: bytes) -> Labels:
    """A label map (H, W) uint8; palette indices and grey values are taken as they are.

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


def read_labels(path: Path, shown: Path, single: bool = False) -> Labels:
    """A label map from a file.

    Args:
        path: the file.
        shown: its name in messages.
        single: there is one object: whatever is not background is 1.

    Raises:
        ResultsError: the file is missing, or none of labels.
    """
    try:
        labels = decode(path.read_bytes())
    except FileNotFoundError:
        raise ResultsError(shown, "no such file", "a label map for each frame") from None
    except OSError as error:
        raise ResultsError(shown, (error.strerror or "an unreadable file").lower(), _EXPECTED) from None
    except ValueError as error:
        raise ResultsError(shown, str(error), _EXPECTED) from None
    return (labels > 0).astype(np.uint8) if single else labels

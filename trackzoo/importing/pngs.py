"""Label maps out of PNG files that a tracker wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trackzoo.errors import ResultsError
from trackzoo.label_maps import Labels, decode

__all__ = ["Labels", "decode", "read_labels"]

_EXPECTED = "an 8-bit palette or grey PNG of labels"


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

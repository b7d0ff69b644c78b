"""What was done to boxes before they were scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trackzoo.metrics.types import Floats


def as_released(boxes: ArrayLike) -> Floats:
    """Boxes (…, 4) cut to integers towards zero, as the runners of pytracking and its forks save them; NaN stays NaN.

    Published figures were computed from such files: up to 0.2 AUC apart from those of the boxes themselves.
    """
    return np.asarray(np.trunc(np.asarray(boxes, dtype=np.float64)) + 0.0)  # no negative zeros

"""Labels of the instance branch: Gaussians about the target's centre, one cell larger than the features each way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackzoo.trackers.rts.region import Scale
from trackzoo.trackers.rts.settings import RTSSettings

Float32 = NDArray[np.float32]


def label_sigma(base_size: Float32, settings: RTSSettings) -> float:
    """Standard deviation in cells, of both axes.

    Args:
        base_size: (2,) the target on the first frame, in pixels of the crop.
        settings: crop, cells, and `clf_output_sigma_factor`.
    """
    share = np.array(settings.clf_cells, np.float32) / np.array(settings.image_sample_size, np.float32)
    return float(settings.clf_output_sigma_factor * np.sqrt((share * base_size).prod(dtype=np.float32)))


def gaussian_label(
    position: Float32, sample_position: Float32, sample_scale: Scale, sigma: float, settings: RTSSettings
) -> Float32:
    """(h + 1, w + 1) float32 in 0..1 for features of (h, w) cells.

    Args:
        position: (2,) of the target in pixels of the picture.
        sample_position, sample_scale: of the crop.
        sigma: in cells.
        settings: crop and cells.
    """
    cells = np.array(settings.clf_cells, np.float32)
    pixels = np.float32(sample_scale) * np.array(settings.image_sample_size, np.float32)
    # Filters of an even number of cells answer half a cell further on.
    centre = cells * (position - sample_position) / pixels + np.float32(0.5)
    rows, columns = (
        np.exp(-0.5 * np.square((np.arange(count + 1) - (count - 1) / 2 - middle) / sigma))
        for count, middle in zip(settings.clf_cells, centre, strict=True)
    )
    label: Float32 = (rows[:, None] * columns).astype(np.float32)
    return label

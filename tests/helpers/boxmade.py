"""Random annotation and results for metric tests."""

from __future__ import annotations

import numpy as np

from trackzoo.metrics import Truth
from trackzoo.metrics.types import Floats

SIZE = (640, 480)


def truths(seed: int, sequences: int = 3, frames: int = 12) -> list[Truth]:
    """Boxes inside the picture, off its border, with some absent frames; every sequence has a visible frame after the first."""
    random = np.random.default_rng(seed)
    made = []
    for index in range(sequences):
        n = int(random.integers(3, frames + 3))
        sizes = random.uniform(10, 80, (n, 2))
        corners = random.uniform(1, 1 + np.array(SIZE) - 90, (n, 2))
        visible = random.random(n) < 0.8
        visible[:2] = True
        attributes = tuple(name for name in ("IV", "SV") if random.random() < 0.5)
        cover = np.where(visible, random.integers(1, 9, n), 0)
        boxes = np.concatenate([corners, sizes], axis=1)
        made.append(Truth(f"s{index}", boxes, visible, SIZE, cover, attributes, category="ab"[index % 2], motion="m"))
    return made


def results(seed: int, annotation: list[Truth], spread: float = 0.3) -> list[Floats]:
    """Boxes off by about `spread` target sizes."""
    random = np.random.default_rng(seed)
    made = []
    for truth in annotation:
        boxes = truth.boxes + random.normal(0, spread, truth.boxes.shape) * np.tile(truth.boxes[:, 2:], 2)
        boxes[:, 2:] = np.maximum(np.abs(boxes[:, 2:]), 0.5)
        made.append(boxes)
    return made

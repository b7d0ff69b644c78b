"""Profile `strict`: what we think is right. `docs/metrics.md` gives the reasons.

A frame counts where a tracker was asked and an answer exists: not the first (it was given), not where the target is absent or
its box is unknown or without area. Overlaps and distances are taken as they are, thresholds are reached rather than exceeded,
areas are exact, every sequence weighs the same.
"""

from __future__ import annotations

import numpy as np

from trackzoo.metrics.axes import NORMALIZED_51, OVERLAP_HUNDREDTHS, PIXELS_51
from trackzoo.metrics.block import Block
from trackzoo.metrics.intake import Fit, Intake
from trackzoo.metrics.ope import Frames, Plan
from trackzoo.metrics.pieces import length, overlap_plain, positive

#: Normalized distance at which the area under that curve ends.
REACH = 0.5


def plan(dataset: str) -> Plan:
    """The rules; the same whatever the data set."""
    return Plan(
        frames=frames,
        axes={"success": OVERLAP_HUNDREDTHS, "precision": PIXELS_51, "norm_precision": NORMALIZED_51},
        scores={
            "op50": ("success", 50),
            "op75": ("success", 75),
            "precision": ("precision", 20),
            "norm_precision": ("norm_precision", 20),
        },
        more={},
        fit=Fit(longer="cut", shorter="nan", missing="nan"),
        means={"auc": True, "norm_precision_area": False},
        leave_out="uncounted",
    )


def frames(block: Block, intake: Intake) -> Frames:
    """One block. With `lenient`, boxes that are not finite or have a negative size are misses."""
    intake.check(block)
    boxes, truth = block.boxes, block.truth
    unfit = ~np.asarray(np.isfinite(boxes).all(axis=0) & (boxes[2:] >= 0).all(axis=0), dtype=bool)
    given = unfit if block.padded is None else unfit & ~block.padded
    intake.by_sequence(block, given, "boxes that are not finite or have a negative size were counted as misses")
    counted = positive(truth[2:]) & np.isfinite(truth.sum(axis=0))
    if block.visible is not None:
        counted &= block.visible
    counted[block.first] = False
    overlap = overlap_plain(boxes, truth)
    overlap[(boxes == truth).all(axis=0)] = 1  # (x + w) - x need not be w in floating point
    shift = boxes[:2] - truth[:2] + (boxes[2:] - truth[2:]) / 2
    distance, normalized = length(shift), length(shift / truth[2:])
    left = unfit | ~counted
    overlap[left] = 0
    distance[left] = normalized[left] = np.inf
    frames = block.totals(counted).astype(np.intp)
    values = {
        "success": np.where(overlap > 0, overlap, -1),  # at threshold 0 any overlap counts, none does not
        "precision": distance,
        "norm_precision": normalized,
    }
    closeness = np.maximum(0, 1 - normalized / REACH)
    return Frames(values, frames, {"auc": (overlap, frames), "norm_precision_area": (closeness, frames)}, counted)

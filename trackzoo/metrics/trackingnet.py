"""Profile `trackingnet` (SilvioGiancola/TrackingNet-devkit, commit 79783f2), which its server runs: boxes are rounded."""

from __future__ import annotations

import numpy as np

from trackzoo.metrics.axes import NORMALIZED_21, OVERLAP_AT_LEAST, PIXELS_21
from trackzoo.metrics.block import Block
from trackzoo.metrics.intake import Fit, Intake
from trackzoo.metrics.ope import Frames, Plan
from trackzoo.metrics.pieces import length
from trackzoo.metrics.types import Floats


def plan(dataset: str) -> Plan:
    """The rules; the same whatever the data set. Areas are taken by the trapezoid rule for all three curves."""
    return Plan(
        frames=frames,
        axes={"success": OVERLAP_AT_LEAST, "precision": PIXELS_21, "norm_precision": NORMALIZED_21},
        scores={
            "auc": ("success", "trapezoid"),
            "precision": ("precision", "trapezoid"),
            "norm_precision": ("norm_precision", "trapezoid"),
        },
        more={"precision_point": ("precision", 8), "norm_precision_point": ("norm_precision", 8)},
        fit=Fit(longer="cut", shorter="nan", missing="zeros"),
        means={"coverage": True},
        by_frames=frozenset({"coverage"}),
    )


def frames(block: Block, intake: Intake) -> Frames:
    """One block under the toolkit's rules."""
    intake.check(block)
    truth, boxes = np.rint(block.truth), np.rint(block.boxes)
    boxes[:, block.first] = truth[:, block.first]
    shift = boxes[:2] + (boxes[2:] + 1) / 2 - (truth[:2] + (truth[2:] + 1) / 2)
    covered = boxes.sum(axis=0) > 0
    values = {
        "success": _overlap(boxes, truth),
        "precision": length(shift),
        "norm_precision": length(shift / truth[2:]),
    }
    return Frames(values, block.lengths, {"coverage": (covered, block.lengths)})


def _overlap(boxes: Floats, truth: Floats) -> Floats:
    """Intersection over union as its data frames give it: maximum and minimum skip NaN, so that a corner that is NaN is the
    annotation's (a row x,y = NaN with w = h = 0 thereby reaches an infinite overlap)."""
    right = np.fmin(boxes[:2] + boxes[2:] - 1, truth[:2] + truth[2:] - 1)
    sizes = np.fmax(0, right - np.fmax(boxes[:2], truth[:2]) + 1)
    inter = sizes[0] * sizes[1]
    return np.asarray(inter / (boxes[2] * boxes[3] + truth[2] * truth[3] - inter))

"""Profile `lasot-matlab`: LaSOT's own toolkit (commit 95bf38a); TNL2K's has the same rules, OTB's too but for absent frames."""

from __future__ import annotations

from functools import partial

import numpy as np

from trackzoo.metrics.axes import NORMALIZED_51, OVERLAP_21, PIXELS_51
from trackzoo.metrics.block import Block
from trackzoo.metrics.intake import Fit, Intake
from trackzoo.metrics.ope import Frames, Plan
from trackzoo.metrics.pieces import centres, length, overlap_inclusive, positive, unknown

#: Data sets whose MATLAB toolkits know no absent flags.
WITHOUT_FLAGS = frozenset({"otb", "uav", "nfs", "tc128", "dtb70"})


def plan(dataset: str) -> Plan:
    """The rules for a data set (its `rule_name`)."""
    return Plan(
        frames=partial(frames, flags=dataset not in WITHOUT_FLAGS),
        axes={"success": OVERLAP_21, "precision": PIXELS_51, "norm_precision": NORMALIZED_51},
        scores={
            "auc": ("success", "mean"),
            "op50": ("success", 10),
            "op75": ("success", 15),
            "precision": ("precision", 20),
            "norm_precision": ("norm_precision", 20),
        },
        more={"norm_precision_area": ("norm_precision", "mean")},
        fit=Fit(longer="cut", shorter="raise"),
        leave_out="zero",
    )


def frames(block: Block, intake: Intake, *, flags: bool) -> Frames:
    """One block under the toolkit's rules, in the toolkit's order."""
    intake.check(block)
    _mend(block, intake)
    boxes, truth = block.boxes, block.truth
    boxes[:, block.first] = truth[:, block.first]
    overlap = overlap_inclusive(boxes, truth)
    ours, theirs = centres(boxes), centres(truth)
    distance = length(ours - theirs)
    normalized = length(ours / truth[2:] - theirs / truth[2:])
    invalid = ~positive(truth)
    overlap[invalid] = -1
    distance[invalid] = normalized[invalid] = -1  # hits at every threshold
    if flags and block.visible is not None:
        absent = ~block.visible  # taken out of both before anything else, but the divisor is the number of all frames
        overlap[absent] = -1
        distance[absent] = normalized[absent] = np.inf
    return Frames({"success": overlap, "precision": distance, "norm_precision": normalized}, block.lengths)


def _mend(block: Block, intake: Intake) -> None:
    """NaN, zero and negative sizes become the (mended) box before, unless the annotation is unknown there."""
    bad = ~positive(block.boxes[2:]) | unknown(block.boxes[:2])
    if not bad.any():
        return
    bad &= ~unknown(block.truth)
    bad[block.first] = False
    block.repeat(bad)
    intake.by_sequence(block, bad, "boxes without a positive size were replaced by the one before")

"""Profile `pysot` (StrangerZhang/pysot-toolkit, commit 8b5ced3): nothing is mended, the first frame is scored as it comes."""

from __future__ import annotations

from functools import partial

import numpy as np

from trackzoo.metrics.axes import NORMALIZED_51, OVERLAP_21, PIXELS_51
from trackzoo.metrics.block import Block
from trackzoo.metrics.intake import Fit, Intake
from trackzoo.metrics.ope import Frames, Plan
from trackzoo.metrics.pieces import centres, length, overlap_plain, positive


def plan(dataset: str) -> Plan:
    """The rules for a data set (its `rule_name`)."""
    return Plan(
        frames=partial(frames, flags=dataset.startswith("lasot")),
        axes={"success": OVERLAP_21, "precision": PIXELS_51, "norm_precision": NORMALIZED_51},
        scores={
            "auc": ("success", "mean"),
            "op50": ("success", 10),
            "op75": ("success", 15),
            "precision": ("precision", 20),
            "norm_precision": ("norm_precision", 20),
        },
        more={"norm_precision_area": ("norm_precision", "mean")},
        fit=Fit(longer="raise", shorter="raise", cuts=frozenset({"monkey-17"} if dataset.startswith("lasot") else ())),
    )


def frames(block: Block, intake: Intake, *, flags: bool) -> Frames:
    """One block under the toolkit's rules. Only LaSOT's lists carry visibility flags."""
    intake.check(block)
    boxes, truth = block.boxes, block.truth
    overlap = overlap_plain(boxes, truth)
    overlap[~positive(truth)] = -1
    ours, theirs = centres(boxes), centres(truth)
    distance = length(ours - theirs)
    distance[~positive(theirs)] = -1  # a hit at every threshold
    sizes = truth[2:] + 1e-16
    scaled = theirs / sizes
    normalized = length(ours / sizes - scaled)
    normalized[~positive(scaled)] = -1
    if flags and block.visible is not None:
        absent = ~block.visible  # taken out first, but the divisor is the number of all frames
        overlap[absent] = -1
        distance[absent] = normalized[absent] = np.inf
    return Frames({"success": overlap, "precision": distance, "norm_precision": normalized}, block.lengths)

"""Profiles `pytracking` (visionml/pytracking, commit 7eb9e74) and `stark` (its fork in STARK, OSTrack, MixFormer and others).

They differ in one rule: pytracking calls a frame valid only if the annotated box also has x > 0 and y > 0.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from trackzoo.errors import TrackzooError
from trackzoo.metrics.axes import NORMALIZED_51, OVERLAP_TORCH, PIXELS_51
from trackzoo.metrics.block import Block, Flags
from trackzoo.metrics.intake import Fit, Intake
from trackzoo.metrics.ope import Frames, Plan
from trackzoo.metrics.pieces import centres, length, overlap_inclusive, unknown
from trackzoo.metrics.types import Floats, Truth

#: Data sets whose loaders give no visibility flags, whatever the benchmark itself provides.
WITHOUT_FLAGS = frozenset({"otb", "uav", "nfs", "tc128", "got10k", "trackingnet", "tnl2k", "dtb70"})


def plan(dataset: str, *, position: bool) -> Plan:
    """The rules for a data set (its `rule_name`). `position`: whether x > 0 and y > 0 belong to a valid frame."""
    return Plan(
        frames=partial(frames, dataset=dataset, position=position),
        axes={"success": OVERLAP_TORCH, "precision": PIXELS_51, "norm_precision": NORMALIZED_51},
        scores={
            "auc": ("success", "mean"),
            "op50": ("success", 10),
            "op75": ("success", 15),
            "precision": ("precision", 20),
            "norm_precision": ("norm_precision", 20),
        },
        more={"norm_precision_area": ("norm_precision", "mean")},
        fit=Fit(longer="cut", shorter="raise" if dataset == "lasot" else "zeros"),
        means={"avg_overlap": False},
        single=True,
        over_valid=True,
        beyond=beyond,
    )


def frames(block: Block, intake: Intake, *, dataset: str, position: bool) -> Frames:
    """One block under the toolkit's rules, in the toolkit's order."""
    lost = _unknown(block, intake, dataset)
    intake.check(block, toolkit_refuses=True)
    _repeat_over_zeros(block, intake, lost)
    boxes, truth = block.boxes, block.truth
    boxes[:, block.first] = truth[:, block.first]
    valid = (truth[2] > 0) & (truth[3] > 0)
    if position:
        valid &= (truth[0] > 0) & (truth[1] > 0)
    visible = None if dataset in WITHOUT_FLAGS else block.visible
    if visible is not None:
        valid &= visible
    overlap = overlap_inclusive(boxes, truth)
    ours, theirs = centres(boxes), centres(truth)
    distance = length(ours - theirs)
    normalized = length(ours / truth[2:] - theirs / truth[2:])
    invalid = ~valid
    overlap[invalid] = -1
    distance[invalid] = -1 if dataset == "uav" else np.inf
    normalized[invalid] = -1  # a hit at every threshold
    if dataset == "lasot" and visible is not None:
        distance[~visible] = np.inf
        normalized[~visible] = np.inf
    if np.isnan(overlap.sum()):
        index, row = block.where(int(np.isnan(overlap).argmax()))
        intake.refuse(block.truths[index].name, "an overlap that is not a number", "finite boxes", row + 1, always=True)
    values = {"success": overlap, "precision": distance, "norm_precision": normalized}
    counted = block.totals(valid).astype(np.intp)
    return Frames(values, block.lengths, {"avg_overlap": (np.where(valid, overlap, 0), counted)}, valid)


def beyond(intake: Intake, truth: Truth, boxes: Floats) -> None:
    """The toolkit looks at all rows before it cuts them: NaN, negative and zero sizes beyond the annotation are fatal."""
    rows = boxes[len(truth.boxes) :]
    bad = np.isnan(rows).any(axis=1) | (rows[:, 2:] <= 0).any(axis=1)
    if bad.any():
        row = len(truth.boxes) + int(bad.argmax())
        text = ",".join(f"{value:g}" for value in boxes[row])
        intake.refuse(truth.name, f"{text} beyond the last annotated frame", "boxes with area", row + 1, always=True)


def _unknown(block: Block, intake: Intake, dataset: str) -> Flags | None:
    """Annotation rows (F,) with a NaN, None where there are none. Raises unless the data set is UAV123."""
    if not np.isnan(block.truth.sum()):
        return None
    lost = unknown(block.truth)
    if dataset != "uav" and lost.any():
        index, row = block.where(int(lost.argmax()))
        raise TrackzooError(
            f"annotation of '{block.truths[index].name}', row {row + 1}: found NaN, which the {intake.profile} toolkit accepts "
            "for UAV123 alone; evaluate under the profile 'strict'"
        )
    return lost


def _repeat_over_zeros(block: Block, intake: Intake, lost: Flags | None) -> None:
    """A box whose width or height is exactly 0 becomes the (mended) box before it, first frames and padding excepted."""
    zero = (block.boxes[2] == 0) | (block.boxes[3] == 0)
    if not zero.any():
        return
    zero[block.first] = False
    if lost is not None:
        zero &= ~lost
    if block.padded is not None:
        zero &= ~block.padded
    block.repeat(zero)
    intake.by_sequence(block, zero, "boxes of zero size were replaced by the one before")

"""Profile `got10k` (got-10k/toolkit, commit 956e728): GOT-10k's AO and SR, and the toolkit's classes for other benchmarks."""

from __future__ import annotations

from functools import partial

import numpy as np

from trackzoo.metrics.axes import NORMALIZED_LINSPACE, OVERLAP_21, OVERLAP_101, PIXELS_51
from trackzoo.metrics.block import Block, Flags
from trackzoo.metrics.intake import Fit, Intake
from trackzoo.metrics.ope import Frames, Plan, Reading
from trackzoo.metrics.pieces import EPS, centres, length, overlap_plain, unknown
from trackzoo.metrics.types import Floats

#: Benchmarks that the toolkit has a class of its own for; every other one is scored as GOT-10k is.
OTHERS = frozenset({"otb", "nfs", "tc128", "dtb70", "uav", "lasot", "lasot_extension_subset", "trackingnet"})
#: Those whose class drops rows with NaN in the annotation.
DROPS_UNKNOWN = frozenset({"uav", "lasot", "lasot_extension_subset"})


def plan(dataset: str) -> Plan:
    """The rules for a data set (its `rule_name`)."""
    if dataset not in OTHERS:
        return Plan(
            frames=average_overlap,
            axes={"success": OVERLAP_101},
            scores={"sr50": ("success", 50), "sr75": ("success", 75)},
            more={"auc": ("success", "mean")},
            fit=Fit(longer="raise", shorter="raise"),
            means={"ao": True},
            by_frames=True,
            balanced=("ao", "sr50", "sr75"),
        )
    axes = {"success": OVERLAP_21, "precision": PIXELS_51}
    scores: dict[str, tuple[str, Reading]] = {
        "auc": ("success", "mean"),
        "op50": ("success", 10),
        "op75": ("success", 15),
        "precision": ("precision", 20),
    }
    more: dict[str, tuple[str, Reading]] = {}
    if dataset.startswith("lasot"):
        axes["norm_precision"] = NORMALIZED_LINSPACE
        scores["norm_precision"] = ("norm_precision", "mean")
        more["norm_precision_point"] = ("norm_precision", 20)
    return Plan(
        frames=partial(one_pass, dataset=dataset),
        axes=axes,
        scores=scores,
        more=more,
        fit=Fit(longer="cut", shorter="truth"),
    )


def average_overlap(block: Block, intake: Intake) -> Frames:
    """GOT-10k: frame 0 dropped, boxes clipped to the picture, frames with cover 0 dropped; means over frames."""
    intake.check(block)
    sizes = [truth.size or (np.inf, np.inf) for truth in block.truths]
    limits = np.repeat(np.array(sizes, dtype=np.float64), block.lengths, axis=0).T  # (2, F): width, height
    overlap = overlap_plain(_clip(block.boxes, limits), _clip(block.truth, limits), EPS)
    kept = _kept(block)
    frames = block.totals(kept).astype(np.intp)
    dropped = ~kept
    overlap[dropped] = -1
    return Frames({"success": overlap}, frames, {"ao": (np.where(dropped, 0, overlap), frames)})


def _kept(block: Block) -> Flags:
    """Frames (F,) that count: all but each first one, with cover > 0; without cover labels, those that are visible."""
    kept = np.ones(len(block.sequence), dtype=bool)
    kept[block.first] = False
    if any(truth.cover is not None for truth in block.truths):
        covers = [np.ones(len(truth.boxes)) if truth.cover is None else truth.cover for truth in block.truths]
        return np.asarray(kept & (block.gather(covers) > 0))
    return kept if block.visible is None else kept & block.visible


def _clip(boxes: Floats, limits: Floats) -> Floats:
    """Into the picture in the toolkit's order: corner first, then size. A box that crosses the left border is shifted."""
    corner = np.clip(boxes[:2], 0, limits)
    return np.concatenate([corner, np.clip(boxes[2:], 0, limits - corner)])


def one_pass(block: Block, intake: Intake, *, dataset: str) -> Frames:
    """Other benchmarks: no test of validity; UAV123 and LaSOT drop rows with NaN in the annotation."""
    intake.check(block)
    boxes, truth = block.boxes, block.truth
    boxes[:, block.first] = truth[:, block.first]
    overlap = overlap_plain(boxes, truth, EPS)
    shift = centres(boxes) - centres(truth)
    values = {"success": overlap, "precision": length(shift)}
    if dataset.startswith("lasot"):
        values["norm_precision"] = length(shift / np.maximum(1, truth[2:]))
    frames = block.lengths
    if dataset in DROPS_UNKNOWN:
        lost = unknown(truth)
        if lost.any():
            frames = block.totals(~lost).astype(np.intp)
            overlap[lost] = -1
            for curve in values.keys() - {"success"}:
                values[curve][lost] = np.inf
    return Frames(values, frames)

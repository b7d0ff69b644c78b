"""Whole tracks of RTS beside the reference's: every decision of its memories, positions, boxes, masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute, relative
from trackzoo.trackers.rts.first import first_scale
from trackzoo.trackers.rts.region import box_in_crop
from trackzoo.trackers.rts.states import SegmentationState
from trackzoo.trackers.rts.tracker import RTSTracker
from trackzoo.trackers.rts.verify_follow import Moment, Run, follow, labels_of, objects, packed

Arrays = Iterator[tuple[str, object]]
#: Masks: share of the picture that may differ. Boxes: pixels (SPEC, Sec. 14.4).
MASK, BOX = Tolerance("near", 1e-3), absolute(1)
SCORE, LOGITS = absolute(3e-3), absolute(5e-2)
#: Sums of probabilities over thousands of pixels.
SUM = absolute(5)

INIT: dict[str, Tolerance] = {
    "mask": MASK,
    "memory_mask": MASK,
    "memory_mask_shape": EXACT,
    "target_boxes": absolute(1e-3),
    "labels": absolute(1e-5),
    "init_sample_pos": EXACT,
    **dict.fromkeys(("init_sample_scale", "clf_init_sample_scale", "target_scale", "clf_sigma"), absolute(1e-5)),
    **dict.fromkeys(("seg_filter_sub", "clf_filter_sub", "seg_filter_norm", "clf_filter_norm"), relative(1e-3)),
}
DECISIONS = (
    *("flag", "is_lost_seg", "seg_too_small", "is_lost_clf", "not_found_counter"),
    *("seg_memory_updated", "seg_memory_index", "seg_iterations", "seg_stored"),
    *("clf_memory_updated", "clf_memory_index", "clf_iterations", "clf_stored", "clf_learning_rate"),
)
FRAMES: dict[str, Tolerance] = {
    **dict.fromkeys(DECISIONS, EXACT),
    **dict.fromkeys(("seg_weights", "clf_weights"), absolute(1e-5)),
    **dict.fromkeys(("target_bbox", "clf_target_bbox", "clf_search_area", "sample_coords"), BOX),
    **dict.fromkeys(("clf_pos", "clf_target_sz"), BOX),
    **dict.fromkeys(("pos", "target_sz", "sample_pos"), absolute(0.1)),
    **dict.fromkeys(("target_scale", "sample_scale"), absolute(1e-3)),
    # Of a box of whole pixels, and in pixels of a crop of up to a third of the picture's scale.
    "clf_target_scale": relative(1e-2),
    "clf_memory_box": absolute(3),
    "clf_label_max": absolute(2e-2),
    "translation": absolute(0.1),
    "mask": MASK,
    "score": SCORE,
    "score_max": SCORE,
    **dict.fromkeys(("logits_sub", "logit_mean", "logit_std"), LOGITS),
    **dict.fromkeys(("prob_sum", "memory_mask_area"), SUM),
    **dict.fromkeys(("x_m_std", "seg_filter_norm"), relative(1e-3)),
    # Scores are noisier: the instance filter's hinge has a kink, at which its gradient jumps.
    "h_std": relative(1e-2),
    "clf_filter_norm": relative(5e-3),
}
#: Pictures of labels are bytes of which one or two bits tell objects apart: a pixel is an eighth of its bits.
MERGED: dict[str, Tolerance] = {"labels": Tolerance("near", 1e-3 / 8), "prob_sum": SUM, "target_bbox": BOX}


def rules_of(golden: Mapping[str, Array], name: str, spec: Mapping[str, Any]) -> dict[str, Tolerance]:
    """Rules of one run's arrays."""
    rules: dict[str, Tolerance] = {}
    frames = MERGED if "objects" in spec else FRAMES
    for array in golden:
        if not array.startswith(f"run/{name}/"):
            continue
        family, _, part = array.removeprefix(f"run/{name}/").partition("/")
        if family == "init" and part.startswith("box"):
            rules[array] = INPUT
        elif family == "init" and part in INIT:
            rules[array] = INIT[part]
        elif family == "frames" and part == "mask_area" and f"run/{name}/frames/mask" in golden:
            rules[array] = absolute(1e-3 * 8 * golden[f"run/{name}/frames/mask"].shape[1])
        elif family == "frames" and part in frames:
            rules[array] = frames[part]
    return rules


def arrays_of(run: Run, tracker: RTSTracker, golden: Mapping[str, Array]) -> Arrays:
    """One run's arrays."""
    several = "objects" in run.spec
    rows: list[dict[str, Any]] = []
    keys = [each.key for each in objects(run, golden)]
    for moment in follow(tracker, run.frames, objects(run, golden), merge=several):
        if several:
            rows.append(_merged_row(moment, keys))
        elif moment.index == 0:
            yield from ((f"run/{run.name}/init/{name}", value) for name, value in _init(moment, tracker).items())
        else:
            rows.append(_row(moment))
    for name in rows[0] if rows else ():
        yield f"run/{run.name}/frames/{name}", np.stack([np.asarray(row[name]) for row in rows])


def _init(moment: Moment, tracker: RTSTracker) -> dict[str, Any]:
    [state] = moment.states.values()
    settings, region, instance = tracker.settings, state.region, state.instance
    assert instance is not None
    assert tracker.instance is not None
    count, centre = settings.first_samples, np.rint(region.position)
    kept = moment.probes["first_masks"][0, 0].cpu().numpy()
    box = box_in_crop(region.position, region.size, centre, float(region.scale), settings.image_sample_size)
    seg, clf = state.branch.filter.cpu(), instance.branch.filter.cpu()
    return {
        "mask": packed(tracker.mask_of(state)),
        "memory_mask": packed(kept > 0.5),
        "memory_mask_shape": kept.shape,
        "target_boxes": np.tile(box, (count, 1)),
        "labels": tracker.instance.memory.tensors["labels"][:count, instance.branch.lane, None].cpu(),
        "init_sample_pos": centre,
        "init_sample_scale": first_scale(region, state.picture, settings)[0],
        "clf_init_sample_scale": region.scale,
        "target_scale": region.scale,
        "clf_sigma": [instance.sigma] * 2,
        "seg_filter_sub": seg[:, ::32],
        "clf_filter_sub": clf[0, ::16],
        "seg_filter_norm": float(seg.norm()),
        "clf_filter_norm": float(clf.norm()),
    }


def _row(moment: Moment) -> dict[str, Any]:
    """One tracked frame of a single object."""
    [state] = moment.states.values()
    probes, decisions, instance, window = moment.probes, state.decisions, state.instance, state.window
    assert instance is not None
    assert window is not None
    scores, logits = probes["scores"][0, 0].cpu().numpy(), probes["logits"][0, 0].cpu()
    y0, x0, y1, x1 = (float(value) for value in window.coords)
    return {
        **_memories(state),
        "target_bbox": probes["predictions"][0].box,
        "clf_target_bbox": decisions["instance_box"],
        "clf_search_area": [x0, y0, x1 - x0 - 1, y1 - y0 - 1],
        "mask": packed(probes["predictions"][0].mask),
        "mask_area": state.own.area,
        "prob_sum": state.own.sum,
        "score": scores,
        "score_max": float(scores.max()),
        "flag": int(decisions["flag"]),
        "is_lost_seg": state.lost,
        "seg_too_small": state.small,
        "is_lost_clf": instance.lost,
        "pos": state.region.position,
        "target_sz": state.region.size,
        "target_scale": state.region.scale,
        "clf_pos": instance.position,
        "clf_target_sz": instance.size,
        "clf_target_scale": instance.scale,
        "sample_pos": probes["centres"][0],
        "sample_scale": state.region.scale,
        "sample_coords": window.coords,
        "translation": decisions["translation"],
        "not_found_counter": state.region.lost,
        "logit_mean": float(logits.double().mean()),
        "logit_std": float(logits.double().std()),
        "x_m_std": float(probes["mask_encoding"][0].double().std()),
        "h_std": float(probes["score_encoding"][0].double().std()),
        "logits_sub": logits[4::16, 4::16].numpy(),
    }


def _memories(state: SegmentationState) -> dict[str, Any]:
    """What was decided about both memories."""
    decisions, instance = state.decisions, state.instance
    assert instance is not None
    return {
        "seg_memory_updated": "seg_memory_index" in decisions,
        "seg_memory_index": decisions.get("seg_memory_index", -1),
        "seg_iterations": decisions.get("seg_iterations", 0),
        "memory_mask_area": decisions.get("memory_mask_area", -1.0),
        "seg_stored": state.branch.slots.stored,
        "seg_weights": state.branch.slots.weights.copy(),
        "seg_filter_norm": float(state.branch.filter.norm()),
        "clf_memory_updated": "clf_memory_index" in decisions,
        "clf_memory_index": decisions.get("clf_memory_index", -1),
        "clf_iterations": decisions.get("clf_iterations", 0),
        "clf_learning_rate": decisions.get("clf_learning_rate", 0.0),
        "clf_memory_box": decisions.get("clf_memory_box", np.full(4, -1.0)),
        "clf_label_max": decisions.get("clf_label_max", -1.0),
        # The reference's counter of this memory goes on when it is full.
        "clf_stored": instance.branch.slots.taken,
        "clf_weights": instance.branch.slots.weights.copy(),
        "clf_filter_norm": float(instance.branch.filter.norm()),
    }


def _merged_row(moment: Moment, keys: list[str]) -> dict[str, Any]:
    """One frame of several objects; -1 for those that have not begun."""
    boxes, sums = np.full((len(keys), 4), -1.0), np.full(len(keys), -1.0)
    for index, key in enumerate(keys):
        if key in moment.merged:
            boxes[index], sums[index] = moment.merged[key].box, moment.states[key].seen.sum
    return {"labels": labels_of(moment), "prob_sum": sums, "target_bbox": boxes}

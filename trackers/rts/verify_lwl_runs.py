"""Whole tracks of LWL beside the reference's: from masks, from boxes, one object and two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trackzoo.parity.tolerance import EXACT, Array, Tolerance, absolute, relative
from trackzoo.trackers.lwl.tracker import LWLTracker
from trackzoo.trackers.rts.verify_follow import Moment, Object, Run, follow, labels_of, objects, packed

Arrays = Iterator[tuple[str, object]]
#: Limits of the specification (Sec. 8). After grey frames hardly any probability is left, and its moments are noise.
MASK, LOGITS, SUM = Tolerance("near", 5e-4), absolute(5e-2), absolute(5)
PLACE, PLACE_AFTER_GREY = absolute(0.1), absolute(0.5)

INIT: dict[str, Tolerance] = {
    "labels": MASK,
    "target_scale": absolute(1e-5),
    "filter_norm": relative(1e-3),
    "filter_sub": relative(1e-3),
    "memory_mask_sum": SUM,
    "memory_mask_sub": absolute(1e-2),
    "box_logits": LOGITS,
    # Over every pixel of the picture, without cancelling.
    "box_logits_sum": relative(1e-3),
    "merged_sum": SUM,
}
FRAMES: dict[str, Tolerance] = {
    **dict.fromkeys(("memory_index", "iterations", "stored", "sample_coords"), EXACT),
    "weights": absolute(1e-6),
    "mask": MASK,
    **dict.fromkeys(("target_scale", "sample_scale"), absolute(2e-4)),
    **dict.fromkeys(("raw_sum", "memory_mask_area"), SUM),
    **dict.fromkeys(("logits_sub", "logit_mean", "logit_std"), LOGITS),
    "filter_norm": relative(1e-3),
}
PLACES = ("target_bbox", "pos", "target_sz", "sample_pos")
#: Pictures of labels are bytes of which one or two bits tell objects apart: a pixel is an eighth of its bits.
MERGED: dict[str, Tolerance] = {"labels": Tolerance("near", 5e-4 / 8), "merged_sum": SUM}


def rules_of(golden: Mapping[str, Array], name: str, spec: Mapping[str, Any]) -> dict[str, Tolerance]:
    """Rules of one run's arrays."""
    place = PLACE_AFTER_GREY if spec.get("grey_frames") else PLACE
    tables = {
        "init": INIT,
        "frames": {**FRAMES, **dict.fromkeys(PLACES, place)},
        "merged": {**MERGED, "target_bbox": place},
    }
    rules: dict[str, Tolerance] = {}
    for array in golden:
        if not array.startswith(f"run/{name}/"):
            continue
        family, _, part = array.removeprefix(f"run/{name}/").partition("/")
        kind = "frames" if family.startswith("frames_object_") else family
        if kind == "frames" and part == "mask_area" and f"run/{name}/{family}/mask" in golden:
            rules[array] = absolute(5e-4 * 8 * golden[f"run/{name}/{family}/mask"].shape[1])
        elif part in tables.get(kind, {}):
            rules[array] = tables[kind][part]
    return rules


def arrays_of(run: Run, tracker: LWLTracker, golden: Mapping[str, Array]) -> Arrays:
    """One run's arrays."""
    targets = objects(run, golden)
    rows: dict[str, list[dict[str, Any]]] = {}
    for moment in follow(tracker, run.frames, targets, merge=run.spec.get("mode") == "multi"):
        if moment.index == 0:
            yield from ((f"run/{run.name}/init/{name}", value) for name, value in _init(moment, tracker).items())
            continue
        stepped = [key for key in moment.states if key not in moment.started]
        for row, key in enumerate(stepped):
            # The first object's rows, and those of later ones by their numbers.
            family = "frames" if key == targets[0].key else f"frames_object_{key}"
            rows.setdefault(family, []).append(_row(moment, key, row, tracker))
        if moment.merged:
            rows.setdefault("merged", []).append(_merged_row(moment, targets))
    for family, of_family in rows.items():
        for name in of_family[0]:
            yield f"run/{run.name}/{family}/{name}", np.stack([np.asarray(row[name]) for row in of_family])


def _init(moment: Moment, tracker: LWLTracker) -> dict[str, Any]:
    state, filter = next(iter(moment.states.values())), next(iter(moment.states.values())).branch.filter.cpu()
    kept = moment.probes["first_masks"][0, 0].cpu()
    found: dict[str, Any] = {
        "target_scale": state.region.scale,
        "filter_norm": float(filter.norm()),
        "filter_sub": filter[:, ::32],
        "memory_mask_sum": float(kept.double().sum()),
        "memory_mask_sub": kept[3::8, 3::8],
    }
    if tracker.from_box:
        logits = state.logits.values.cpu()
        found |= {"box_logits": logits[1::2, 1::2], "box_logits_sum": float(logits.double().sum())}
    if moment.merged:
        found |= {"merged_sum": [each.seen.sum for each in moment.states.values()]}
        found |= {"labels": packed(labels_of(moment) > 0)}
    return found


def _row(moment: Moment, key: str, index: int, tracker: LWLTracker) -> dict[str, Any]:
    """One tracked frame of one object, before it was merged."""
    state, decisions = moment.states[key], moment.states[key].decisions
    assert state.window is not None
    logits = moment.probes["logits"][index, 0].cpu()
    return {
        "target_bbox": tracker.box_from(state.own, state.region),
        "mask": packed(tracker.mask_of(state)),
        "mask_area": state.own.area,
        "raw_sum": state.own.sum,
        "memory_index": decisions.get("seg_memory_index", -1),
        "iterations": decisions.get("seg_iterations", 0),
        "memory_mask_area": decisions.get("memory_mask_area", -1.0),
        "stored": state.branch.slots.stored,
        "weights": state.branch.slots.weights.copy(),
        "pos": state.region.position,
        "target_sz": state.region.size,
        "target_scale": state.region.scale,
        "sample_pos": moment.probes["centres"][index],
        "sample_scale": state.region.scale,
        "sample_coords": state.window.coords,
        "logits_sub": logits[4::16, 4::16].numpy(),
        "logit_mean": float(logits.double().mean()),
        "logit_std": float(logits.double().std()),
        "filter_norm": float(state.branch.filter.norm()),
    }


def _merged_row(moment: Moment, targets: list[Object]) -> dict[str, Any]:
    """One frame of all objects; -1 for those that have not begun."""
    boxes, sums = np.full((len(targets), 4), -1.0), np.full(len(targets), -1.0)
    for index, each in enumerate(targets):
        if each.key in moment.merged:
            boxes[index], sums[index] = moment.merged[each.key].box, moment.states[each.key].seen.sum
    return {"labels": labels_of(moment), "merged_sum": sums, "target_bbox": boxes}

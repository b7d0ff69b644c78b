"""Comparing the one-pass profiles with the goldens of their toolkits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from trackzoo.metrics.comparison import Comparison, Row, other_case
from trackzoo.metrics.frames import frame_values
from trackzoo.metrics.profiles import PROFILES, evaluate
from trackzoo.metrics.speed import mean_rate
from trackzoo.metrics.types import Floats, Scores, Truth

#: Relative tolerances: counts must be equal; means of doubles; means of float32 (pytracking).
EXACT, DOUBLE, SINGLE = 0.0, 1e-12, 1e-6

Golden = Mapping[str, Any]
Ours = dict[str, tuple[Any, float]]
#: What the certificates know of a file: its name, its content, and the generator's case by kind (checked by digest).
MakeCase = Callable[[str, str], "dict[str, Any] | None"]


def truths_of(case: Golden) -> list[Truth]:
    """Annotation of a generated case."""
    return [
        Truth(
            each["name"],
            each["gt"],
            visible=(each["full_occlusion"] == 0) & (each["out_of_view"] == 0),
            size=(each["width"], each["height"]),
            cover=each["cover"],
            attributes=tuple(each["attributes"]),
        )
        for each in case["sequences"]
    ]


def boxes_of(case: Golden, tracker: str) -> list[Floats | None]:
    """Boxes of one of the generator's trackers, a sequence each."""
    return [each["predictions"][tracker] for each in case["sequences"]]


def _trackers(
    comparison: Comparison,
    case: Golden,
    trackers: Golden,
    dataset: str,
    ours: Callable[[Scores], Ours],
    ignore: frozenset[str] = frozenset(),
) -> None:
    """Compare all trackers of a case that have nothing special about them."""
    truths = truths_of(case)
    for tracker, golden in trackers.items():
        runs = [boxes_of(case, tracker)]

        def score(runs: list[list[Floats | None]] = runs) -> Scores:
            return evaluate(comparison.profile, truths, runs, dataset=dataset, lenient=True)

        if "error" in golden:
            comparison.refusal(tracker, score)
        else:
            comparison.mapping(tracker, golden, ours(score()), ignore)


def pytracking(name: str, content: Golden, make: MakeCase) -> Iterator[Row]:
    """Profiles `pytracking` and `stark`."""
    for key, result in content["results"].items():
        toolkit, dataset = key.split("/")
        comparison = Comparison({"stark_fork": "stark"}.get(toolkit, toolkit), f"{name} {dataset}")
        if comparison.profile not in PROFILES:
            yield Row(toolkit, comparison.case, "skipped", float("nan"), 0, f"no profile for {toolkit}")
            continue
        case = make(result["kind"], result["case_digest"])
        if case is None:
            yield other_case(comparison)
            continue
        truths = truths_of(case)

        _trackers(comparison, case, result["trackers"], dataset, _pytracking_ours, frozenset({"frames"}))
        for tracker, golden in result["trackers"].items():
            if "frames" in golden:
                boxes = case["sequences"][0]["predictions"][tracker]
                found = frame_values(comparison.profile, truths[0], boxes, dataset=dataset, lenient=True)
                per_frame: Ours = {
                    "iou": (found.values["success"], DOUBLE),
                    "center": (found.values["precision"], DOUBLE),
                    "center_norm": (found.values["norm_precision"], DOUBLE),
                    "valid": (found.valid, EXACT),
                }
                comparison.mapping(f"{tracker} frames", golden["frames"], per_frame)
        if "merged_runs" in result:
            runs = [boxes_of(case, tracker) for tracker in ("tight", "loose", "zeros")]
            scores = evaluate(comparison.profile, truths, runs, dataset=dataset, lenient=True)
            comparison.mapping("merged runs", result["merged_runs"], _pytracking_ours(scores))
        axis = PROFILES[comparison.profile].plan(dataset).axes["success"]
        if "thresholds_overlap" in result:
            comparison.numbers_of("thresholds", axis.thresholds, result["thresholds_overlap"], EXACT)
        yield from comparison.rows()


def _pytracking_ours(scores: Scores) -> Ours:
    metrics = {
        "auc": "auc",
        "op50": "op50",
        "op75": "op75",
        "precision20": "precision",
        "norm_precision20": "norm_precision",
    }
    curves = {"seq_success": "success", "seq_center": "precision", "seq_center_norm": "norm_precision"}
    return {
        **{key: (scores.metrics[metric], SINGLE) for key, metric in metrics.items()},
        "auc_exclude_invalid_frames": (scores.more["auc_valid"], SINGLE),
        "avg_overlap": (scores.per_sequence["avg_overlap"] / 100, DOUBLE),
        "seq_precision20": (scores.curves["precision"].per_sequence[:, 20], EXACT),
        "seq_norm_precision20": (scores.curves["norm_precision"].per_sequence[:, 20], EXACT),
        **{key: (scores.curves[curve].per_sequence, EXACT) for key, curve in curves.items()},
    }


def lasot_matlab(name: str, content: Golden, make: MakeCase) -> Iterator[Row]:
    """Profile `lasot-matlab`."""
    comparison = Comparison("lasot-matlab", f"{name} lasot")
    case = make("lasot", content["case_digest"])
    if case is None:
        yield other_case(comparison)
        return

    def ours(scores: Scores) -> Ours:
        names = {"auc": "auc", "precision20": "precision", "norm_precision20": "norm_precision"}
        curves = {"success": "success", "center": "precision", "center_norm": "norm_precision"}
        return {
            **{key: (scores.metrics[metric] / 100, DOUBLE) for key, metric in names.items()},
            **{f"mean_{key}": (scores.curves[curve].values, DOUBLE) for key, curve in curves.items()},
            **{f"seq_{key}": (scores.curves[curve].per_sequence, EXACT) for key, curve in curves.items()},
            "seq_precision20": (scores.curves["precision"].per_sequence[:, 20], EXACT),
            "seq_norm_precision20": (scores.curves["norm_precision"].per_sequence[:, 20], EXACT),
        }

    _trackers(comparison, case, content["trackers"], "lasot", ours)
    yield from comparison.rows()


def got10k(name: str, content: Golden, make: MakeCase) -> Iterator[Row]:
    """Profile `got10k`, GOT-10k itself and the toolkit's other classes."""
    for dataset, result in content["results"].items():
        comparison = Comparison("got10k", f"{name} {dataset}")
        case = make(dataset, result["case_digest"])
        if case is None:
            yield other_case(comparison)
            continue
        truths = truths_of(case)
        for tracker, golden in result["trackers"].items():
            # The repetitions of `rep3` are these trackers.
            members = ("tight", "loose", "ints") if tracker == "rep3" else (tracker,)
            runs = [boxes_of(case, member) for member in members]

            def score(
                runs: list[list[Floats | None]] = runs, truths: list[Truth] = truths, dataset: str = dataset
            ) -> Scores:
                return evaluate("got10k", truths, runs, dataset=dataset, lenient=True)

            if "error" in golden:
                comparison.refusal(tracker, score)
                continue
            scores = score()
            times = [
                np.stack([each["times"][member] for member in members], axis=1).astype(np.float64)
                for each in case["sequences"]
            ]
            by_sequence = dataset != "got10k"
            speed: Ours = {"speed_fps": (mean_rate(times, by_sequence=by_sequence), DOUBLE)}
            comparison.mapping(f"{tracker} overall", golden["overall"], _got10k_overall(scores) | speed)
            for sequence, values in golden["seq_wise"].items():
                index = scores.names.index(sequence)
                speed = {"speed_fps": (mean_rate([times[index]]), DOUBLE)}
                length: Ours = {"length": (len(truths[index].boxes) - 1, EXACT)}
                comparison.mapping(f"{tracker} {sequence}", values, _got10k_sequence(scores, index) | speed | length)
        yield from comparison.rows()


#: The toolkit's key -> metric and curve of ours.
_GOT10K_METRICS = {
    "ao": "ao",
    "sr": "sr50",
    "success_score": "auc",
    "precision_score": "precision",
    "normalized_precision_score": "norm_precision",
    "success_rate": "op50",
}
_GOT10K_CURVES = {
    "succ_curve": "success",
    "success_curve": "success",
    "precision_curve": "precision",
    "normalized_precision_curve": "norm_precision",
}


def _got10k_overall(scores: Scores) -> Ours:
    return {
        **{key: (scores.metrics[m] / 100, DOUBLE) for key, m in _GOT10K_METRICS.items() if m in scores.metrics},
        **{key: (scores.curves[c].values, DOUBLE) for key, c in _GOT10K_CURVES.items() if c in scores.curves},
    }


def _got10k_sequence(scores: Scores, index: int) -> Ours:
    metrics = {key: metric for key, metric in _GOT10K_METRICS.items() if metric in scores.metrics}
    curves = {key: curve for key, curve in _GOT10K_CURVES.items() if curve in scores.curves}
    return {
        **{key: (scores.per_sequence[metric][index] / 100, DOUBLE) for key, metric in metrics.items()},
        **{key: (scores.curves[curve].per_sequence[index], EXACT) for key, curve in curves.items()},
    }


def pysot(name: str, content: Golden, make: MakeCase) -> Iterator[Row]:
    """Profile `pysot`."""
    for dataset, result in content["results"].items():
        comparison = Comparison("pysot", f"{name} {dataset}")
        case = make(dataset, result["case_digest"])
        if case is None:
            yield other_case(comparison)
            continue
        by_sequence = frozenset(
            key for golden in result["trackers"].values() for key in golden if key.startswith("seq_")
        )
        _trackers(comparison, case, result["trackers"], dataset, _pysot_ours, by_sequence)
        truths = truths_of(case)
        for tracker, golden in result["trackers"].items():
            if "error" in golden:
                continue
            scores = evaluate("pysot", truths, [boxes_of(case, tracker)], dataset=dataset, lenient=True)
            for key in by_sequence & golden.keys():
                for sequence, value in golden[key].items():
                    known = _pysot_sequence(scores, scores.names.index(sequence))
                    comparison.mapping(f"{tracker} {sequence}", {key: value}, known)
        if "thresholds_overlap" in content:
            axis = PROFILES["pysot"].plan(dataset).axes["success"]
            comparison.numbers_of("thresholds", axis.thresholds, content["thresholds_overlap"], EXACT)
        yield from comparison.rows()


def _pysot_ours(scores: Scores) -> Ours:
    metrics = {"success_auc": "auc", "precision20": "precision", "norm_precision20": "norm_precision"}
    return {key: (scores.metrics[metric] / 100, DOUBLE) for key, metric in metrics.items()}


def _pysot_sequence(scores: Scores, index: int) -> Ours:
    return {
        "seq_success_auc": (scores.per_sequence["auc"][index] / 100, DOUBLE),
        "seq_precision20": (scores.curves["precision"].per_sequence[index, 20], EXACT),
        "seq_norm_precision20": (scores.curves["norm_precision"].per_sequence[index, 20], EXACT),
        "seq_success": (scores.curves["success"].per_sequence[index], EXACT),
        "seq_precision": (scores.curves["precision"].per_sequence[index], EXACT),
        "seq_norm_precision": (scores.curves["norm_precision"].per_sequence[index], EXACT),
    }


def trackingnet(name: str, content: Golden, make: MakeCase) -> Iterator[Row]:
    """Profile `trackingnet`."""
    comparison = Comparison("trackingnet", f"{name} trackingnet")
    case = make("trackingnet", content["case_digest"])
    if case is None:
        yield other_case(comparison)
        return
    truths = truths_of(case)
    for tracker, golden in content["trackers"].items():
        boxes = boxes_of(case, "loose" if tracker == "missing_last" else tracker)
        if tracker == "missing_last":
            boxes[-1] = None

        def score(boxes: list[Floats | None] = boxes) -> Scores:
            return evaluate("trackingnet", truths, [boxes], dataset="trackingnet", lenient=True)

        if "error" in golden:
            comparison.refusal(tracker, score)
            continue
        scores = score()
        order = ("coverage", "auc", "precision", "norm_precision")
        keys = ("coverage", "success", "precision", "norm_precision")
        found: Ours = {key: (scores.metrics[metric], DOUBLE) for key, metric in zip(keys, order, strict=True)}
        comparison.mapping(tracker, golden, found, frozenset({"per_sequence"}))
        for sequence, values in golden.get("per_sequence", {}).items():
            index = scores.names.index(sequence)
            row = [scores.per_sequence[metric][index] for metric in order]
            comparison.numbers_of(f"{tracker} {sequence}", row, values, DOUBLE)
    yield from comparison.rows()

"""Comparing the VOT profiles with the goldens of their toolkits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence as ListOf
from typing import Any

from trackzoo.metrics._verify_ope import DOUBLE, EXACT, Golden, Ours
from trackzoo.metrics.comparison import Comparison, Row, other_case
from trackzoo.metrics.vot_multistart import AnchorRun, multistart, run
from trackzoo.metrics.vot_overlaps import RegionTruth, codes, region_truth
from trackzoo.metrics.vot_pysot import average as pysot_average, pysot
from trackzoo.metrics.vot_supervised import FAILURE, Reset, average, supervised
from trackzoo.rasterise import trimmed
from trackzoo.region_text import parse_region
from trackzoo.regions import Region

#: The toolkit's curve of reset-based runs, and what is read off it, are float32.
SINGLE = 1e-6
#: pysot's curve is float32, too, but EAO is a mean over it in float64.
MEAN_OF_SINGLE = 1e-8
#: Interval of the golden's `eao` under `pysot`: VOT2018's.
PYSOT_INTERVAL = (100, 356)

#: Generator's arguments -> case and digest.
MakeRegions = Callable[..., "tuple[dict[str, Any], str]"]


def _truth(sequence: Golden) -> RegionTruth:
    regions = [parse_region(text, sequence["name"]) for text in sequence["groundtruth"]]
    return region_truth(sequence["name"], regions, (sequence["width"], sequence["height"]))


def _anchor_run(truth: RegionTruth, anchor: int, forward: bool, texts: ListOf[str]) -> AnchorRun:
    """A stored run: text regions from the anchor to the end of the video, or back to its beginning."""
    frames = range(anchor, len(truth)) if forward else range(anchor, -1, -1)
    return run(truth.overlaps(_held(texts, truth.name), frames), truth.empty[list(frames)])


def _held(texts: ListOf[str], name: str) -> list[Region]:
    """Predicted regions as the toolkit holds what it reads from text."""
    return [trimmed(parse_region(text, name)) for text in texts]


def vot_multistart(name: str, content: Golden, make: MakeRegions) -> Iterator[Row]:
    """Profile `vot`, anchor-based."""
    for kind, result in content["results"].items():
        comparison = Comparison("vot", f"{name} {kind}")
        case, digest = make(region=kind)
        if digest != result["case_digest"]:
            yield other_case(comparison)
            continue
        truths = [_truth(sequence) for sequence in case["sequences"]]
        for tracker, golden in result["trackers"].items():
            runs = [
                # All forward runs, then all backward ones, as the toolkit goes through them.
                {
                    int(anchor): _anchor_run(truth, int(anchor), sequence["anchor"][int(anchor)] > 0, texts)
                    for anchor, texts in sequence["runs"][tracker].items()
                }
                for truth, sequence in zip(truths, case["sequences"], strict=True)
            ]
            _compare_multistart(comparison, tracker, golden, runs, truths)
        yield from comparison.rows()


def _compare_multistart(
    comparison: Comparison,
    tracker: str,
    golden: Golden,
    runs: list[dict[int, AnchorRun]],
    truths: list[RegionTruth],
) -> None:
    lengths, names = [len(truth) for truth in truths], [truth.name for truth in truths]
    ordered = [list(each.values()) for each in runs]
    for key in golden:
        if key.startswith("eao_"):
            low, high = map(int, key.split("_")[1:])
            scores = multistart(ordered, lengths, (low, high))
            comparison.numbers_of(f"{tracker} {key}", scores.eao, golden[key], DOUBLE)
        elif key.startswith(("curve_", "seq_curve_")):
            scores = multistart(ordered, lengths, (0, int(key.rsplit("_", 1)[1])))
            if key.startswith("curve_"):
                comparison.numbers_of(f"{tracker} {key}", scores.curve, golden[key], DOUBLE)
                continue
            for name, values in golden[key].items():
                index = names.index(name)
                known: Ours = {"phi": (scores.phi[index], DOUBLE), "active": (scores.active[index], EXACT)}
                comparison.mapping(f"{tracker} {key} {name}", values, known)
    scores = multistart(ordered, lengths)
    for name, row in golden["sequences"].items():
        index = names.index(name)
        ours = [values[index] for values in (scores.sequence_accuracy, scores.sequence_robustness)]
        ours += [scores.before_failure[index], scores.lengths[index]]
        comparison.numbers_of(f"{tracker} {name}", ours, row, DOUBLE)
    comparison.mapping(
        tracker,
        {key: golden[key] for key in golden if not key.startswith(("eao_", "curve_", "seq_curve_"))},
        {"accuracy": (scores.accuracy, DOUBLE), "robustness": (scores.robustness, DOUBLE)},
        frozenset({"sequences", "run_overlaps"}),
    )
    if "run_overlaps" in golden:
        first = runs[0][golden["run_overlaps"]["anchor"]]
        comparison.numbers_of(f"{tracker} overlaps", first.overlaps, golden["run_overlaps"]["overlaps"], DOUBLE)


def vot_supervised(name: str, content: Golden, make: MakeRegions) -> Iterator[Row]:
    """Profiles `vot` and `pysot`, reset-based."""
    comparison, other = Comparison("vot", f"{name} reset-based"), Comparison("pysot", f"{name} reset-based")
    case, digest = make()
    if digest != content["case_digest"]:
        yield other_case(comparison)
        yield other_case(other)
        return
    truths = [_truth(sequence) for sequence in case["sequences"]]
    names = [truth.name for truth in truths]
    for tracker, golden in content["vot_toolkit"].items():
        runs = _repetitions(case, tracker)
        scores = supervised(
            [
                [Reset(truth.overlaps(regions), codes(regions)) for regions in repetitions]
                for truth, repetitions in zip(truths, runs, strict=True)
            ]
        )
        known: Ours = {
            "accuracy": (scores.accuracy, DOUBLE),
            "failures": (scores.failures, DOUBLE),
            "reliability_ar": (scores.reliability, DOUBLE),
            "mean_length": (scores.mean_length, EXACT),
            "curve": (scores.curve, SINGLE),
        }
        for key in golden:
            if key.startswith("eao_"):
                low, high = map(int, key.split("_")[1:])
                known[key] = (average(scores.curve, (low, high)), SINGLE)
        comparison.mapping(tracker, golden, known, frozenset({"sequences"}))
        for sequence, row in golden["sequences"].items():
            index = names.index(sequence)
            parts = (scores.sequence_accuracy, scores.sequence_failures, scores.sequence_reliability, scores.lengths)
            comparison.numbers_of(f"{tracker} {sequence}", [values[index] for values in parts], row, DOUBLE)
    for tracker, golden in content.get("pysot", {}).get("trackers", {}).items():
        _compare_pysot(other, tracker, golden, truths, _repetitions(case, tracker))
    yield from comparison.rows()
    yield from other.rows()


def _compare_pysot(
    comparison: Comparison,
    tracker: str,
    golden: Golden,
    truths: ListOf[RegionTruth],
    runs: ListOf[ListOf[ListOf[Region]]],
) -> None:
    scores = pysot(truths, runs, PYSOT_INTERVAL)
    known: Ours = {
        "accuracy": (scores.accuracy, DOUBLE),
        "lost_number": (scores.lost, DOUBLE),
        "robustness": (scores.robustness, DOUBLE),
        "eao": (scores.eao, MEAN_OF_SINGLE),
    }
    for key in golden:
        if found := re.fullmatch(r"eao_low(\d+)_high(\d+)", key):
            low, high = map(int, found.groups())
            known[key] = (pysot_average(scores.curve, (low, high)), MEAN_OF_SINGLE)
    comparison.mapping(tracker, golden, known, frozenset({"seq_accuracy", "seq_failures"}))
    for index, (truth, repetitions) in enumerate(zip(truths, runs, strict=True)):
        accuracy, failures = golden["seq_accuracy"][truth.name], golden["seq_failures"][truth.name]
        comparison.numbers_of(f"{tracker} {truth.name} accuracy", scores.sequence_accuracy[index], accuracy, DOUBLE)
        lost = [(codes(regions) == FAILURE).sum() for regions in repetitions]
        comparison.numbers_of(f"{tracker} {truth.name} failures", lost, failures, EXACT)


def _repetitions(case: Golden, tracker: str) -> list[list[list[Region]]]:
    """`[s][r]` = regions of repetition r on sequence s, one a frame."""
    return [[_held(texts, sequence["name"]) for texts in sequence["runs"][tracker]] for sequence in case["sequences"]]

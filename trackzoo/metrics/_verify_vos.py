"""Comparing the segmentation profiles with the goldens of their toolkits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trackzoo.metrics._verify_ope import DOUBLE, Golden, Ours
from trackzoo.metrics.comparison import Comparison, Row, other_case
from trackzoo.metrics.types import Scores
from trackzoo.metrics.vos import VideoScores, VideoTruth, score_video, summarise
from trackzoo.metrics.vos_frames import boundary_accuracy, region_similarity

#: late -> the generator's case of a file's seed and arguments, and its digest.
MakeVideos = Callable[[bool], "tuple[dict[str, Any], str]"]


def vos(name: str, content: Golden, make: MakeVideos) -> Iterator[Row]:
    """Profiles `davis`, `vos-benchmark` and `pytracking-vos`."""
    plain, digest = make(False)
    late, late_digest = make(True)
    for key, profile, case, found, wanted in (
        ("davis2017", "davis", plain, digest, content["case_digest"]),
        ("vos_benchmark", "vos-benchmark", plain, digest, content["case_digest"]),
        ("pytracking_ytvos", "pytracking-vos", late, late_digest, content["late_case_digest"]),
    ):
        comparison = Comparison(profile, f"{name} {key}")
        if found != wanted:
            yield other_case(comparison)
            continue
        for tracker, golden in content.get(key, {}).items():

            def score(case: Golden = case, tracker: str = tracker, profile: str = profile) -> list[VideoScores]:
                return [
                    score_video(
                        profile,
                        _truth(each, late=profile == "pytracking-vos"),
                        each["predictions"][tracker],
                        lenient=True,
                    )
                    for each in case["sequences"]
                ]

            if "error" in golden:
                comparison.refusal(tracker, score)
            else:
                _compare(comparison, tracker, golden, summarise(profile, score()))
        if profile == "davis":
            _frames(comparison, content.get("frames_first_sequence", {}), case)
        yield from comparison.rows()


def _truth(sequence: Golden, *, late: bool) -> VideoTruth:
    if not late:
        return VideoTruth(sequence["name"], sequence["gt"])
    first = {int(obj): frame for obj, frame in sequence["first"].items()}
    return VideoTruth(
        sequence["name"], sequence["gt"], first, {int(obj): each for obj, each in sequence["category"].items()}
    )


#: Keys of the toolkits -> metrics of ours, and what 100 % is there.
_OVERALL = {
    "davis": (
        {f"{x}_{y}": f"{x.lower()}{'' if y == 'mean' else '_' + y}" for x in "JF" for y in ("mean", "recall", "decay")},
        100,
    ),
    "vos-benchmark": ({"JF": "jf", "J": "j", "F": "f"}, 1),
    "pytracking-vos": ({"G": "g"} | {f"{y}_{x}": f"{x.lower()}_{y}" for x in "JF" for y in ("seen", "unseen")}, 100),
}
_OVERALL["davis"][0]["JF_mean"] = "jf"
_PER_OBJECT = {
    **{f"{x}_{y}": f"{x.lower()}{z}" for x in "JF" for y, z in (("M", ""), ("R", "_recall"), ("D", "_decay"))},
    **{
        f"{x}_{y}": f"{x.lower()}{z}"
        for x in "JF"
        for y, z in (("mean", ""), ("recall", "_recall"), ("decay", "_decay"))
    },
}


def _compare(comparison: Comparison, tracker: str, golden: Golden, scores: Scores) -> None:
    keys, scale = _OVERALL[comparison.profile]
    ours: Ours = {
        key: (scores.metrics[metric] / scale, DOUBLE) for key, metric in keys.items() if metric in scores.metrics
    }
    comparison.mapping(tracker, golden, ours, frozenset({"per_object", "per_object_J_F"}))
    for name, values in golden.get("per_object", {}).items():
        index = scores.names.index(name)
        known: Ours = {key: (scores.per_sequence[metric][index] / 100, DOUBLE) for key, metric in _PER_OBJECT.items()}
        comparison.mapping(f"{tracker} {name}", values, known, frozenset({"category"}))
    for video, objects in golden.get("per_object_J_F", {}).items():
        for obj, (j, f) in objects.items():
            index = scores.names.index(f"{video}_{obj}")
            pair = [scores.per_sequence["j"][index], scores.per_sequence["f"][index]]
            comparison.numbers_of(f"{tracker} {video}_{obj}", pair, [j, f], DOUBLE)
    if "per_object" in golden and len(golden["per_object"]) != len(scores.names):
        comparison.faults.append(f"{tracker}: {len(scores.names)} objects, expected {len(golden['per_object'])}")


def _frames(comparison: Comparison, golden: Golden, case: Golden) -> None:
    """J and F of every frame of the first sequence."""
    sequence = case["sequences"][0]
    for tracker, objects in golden.items():
        for obj, values in objects.items():
            pairs = [
                (predicted == int(obj), annotated == int(obj))
                for predicted, annotated in zip(sequence["predictions"][tracker], sequence["gt"], strict=True)
            ]
            ours: Mapping[str, tuple[Any, float]] = {
                "J": ([region_similarity(*pair) for pair in pairs], DOUBLE),
                "F": ([boundary_accuracy(*pair) for pair in pairs], DOUBLE),
            }
            comparison.mapping(f"{tracker} {obj} frames", values, ours)

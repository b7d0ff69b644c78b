"""What holds under every profile, whatever the boxes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from boxmade import results, truths
from hypothesis import given, settings, strategies as st

from trackzoo.metrics import PROFILES, Scores, evaluate
from trackzoo.metrics.attributes import by_attribute
from trackzoo.metrics.block import spans
from trackzoo.metrics.ope import average

#: Each profile with the data sets that its rules tell apart.
RULES = {
    "pytracking": ("", "lasot", "lasot_extension_subset", "otb", "uav"),
    "stark": ("lasot", "tnl2k"),
    "lasot-matlab": ("lasot", "otb"),
    "got10k": ("", "got10k", "otb", "lasot", "uav"),
    "pysot": ("lasot", "otb"),
    "trackingnet": ("trackingnet",),
    "strict": ("",),
}
CASES = [(profile, dataset) for profile in PROFILES for dataset in RULES[profile]]
seeds = st.integers(0, 10_000)
some = settings(max_examples=12, deadline=None)


def everything(scores: Scores) -> dict[str, float]:
    return {**scores.metrics, **scores.more}


@pytest.mark.parametrize(("profile", "dataset"), CASES)
@some
@given(seed=seeds, spread=st.sampled_from([0.0, 0.05, 0.3, 5.0]))
def test_bounds_and_monotone_curves(profile: str, dataset: str, seed: int, spread: float) -> None:
    annotation = truths(seed)
    scores = evaluate(profile, annotation, [results(seed + 1, annotation, spread)], dataset=dataset)
    most = 100 + 1e-9  # an overlap in inclusive corners may be 1 and a bit
    assert all(0 <= value <= most for value in everything(scores).values())
    assert all(((value >= 0) & (value <= most)).all() for value in scores.per_sequence.values())
    for name, curve in scores.curves.items():
        assert curve.per_sequence.shape == (len(annotation), len(curve.thresholds))
        slopes = np.diff(curve.per_sequence, axis=1)
        assert (slopes <= 0).all() if name == "success" else (slopes >= 0).all()
        assert ((curve.values >= 0) & (curve.values <= 1 + 1e-12)).all()


@pytest.mark.parametrize(("profile", "dataset"), CASES)
@some
@given(seed=seeds)
def test_the_order_of_sequences_does_not_matter(profile: str, dataset: str, seed: int) -> None:
    annotation = truths(seed, sequences=5)
    boxes = results(seed + 1, annotation)
    order = np.random.default_rng(seed).permutation(5)
    straight = evaluate(profile, annotation, [boxes], dataset=dataset)
    mixed = evaluate(profile, [annotation[i] for i in order], [[boxes[i] for i in order]], dataset=dataset)
    assert everything(mixed) == pytest.approx(everything(straight), rel=1e-12)
    for name, value in straight.per_sequence.items():
        np.testing.assert_array_equal(mixed.per_sequence[name], value[order])


@pytest.mark.parametrize(("profile", "dataset"), CASES)
@some
@given(seed=seeds)
def test_the_data_set_is_the_weighted_mean_of_its_sequences(profile: str, dataset: str, seed: int) -> None:
    annotation = truths(seed, sequences=4)
    scores = evaluate(profile, annotation, [results(seed + 1, annotation)], dataset=dataset)
    for name, value in everything(scores).items():
        if name in scores.per_sequence:
            assert value == pytest.approx(
                float(average(scores.per_sequence[name], scores.weights.get(name))), rel=1e-12
            )


@pytest.mark.parametrize(("profile", "dataset"), CASES)
@some
@given(seed=seeds)
def test_nothing_beats_the_annotation_itself(profile: str, dataset: str, seed: int) -> None:
    annotation = truths(seed)
    ceiling = evaluate(profile, annotation, [[truth.boxes for truth in annotation]], dataset=dataset)
    scores = evaluate(profile, annotation, [results(seed + 1, annotation)], dataset=dataset)
    for name, value in everything(scores).items():
        assert value <= everything(ceiling)[name] + 1e-9


@pytest.mark.parametrize(("profile", "dataset"), CASES)
def test_blocks_leave_no_trace(profile: str, dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    annotation = truths(3, sequences=9, frames=30)
    boxes = results(4, annotation)
    boxes[2][3:6, 2] = 0  # repairs must not reach over the border of a sequence or a block
    boxes[5][0, 3] = 0
    boxes[5][1:3, 3] = 0
    whole = evaluate(profile, annotation, [boxes], dataset=dataset)
    monkeypatch.setattr("trackzoo.metrics.ope.spans", partial(spans, frames=20))
    parts = evaluate(profile, annotation, [boxes], dataset=dataset)
    assert everything(parts) == everything(whole)
    assert sorted(parts.notes) == sorted(whole.notes)


@pytest.mark.parametrize(("profile", "dataset"), CASES)
def test_repetitions_are_averaged(profile: str, dataset: str) -> None:
    annotation = truths(5, sequences=4)
    runs = [results(seed, annotation) for seed in (6, 7, 8)]
    joint = evaluate(profile, annotation, runs, dataset=dataset)
    single = [evaluate(profile, annotation, [run], dataset=dataset) for run in runs]
    for name in joint.metrics:
        values = [each.metrics[name] for each in single]
        assert joint.metrics[name] == pytest.approx(np.mean(values), rel=1e-12)
        assert joint.by_run[name] == pytest.approx(values, rel=1e-12)


@pytest.mark.parametrize(("profile", "dataset"), CASES)
def test_inputs_are_left_as_they_were(profile: str, dataset: str) -> None:
    annotation = truths(9, sequences=1)
    boxes = results(10, annotation)
    boxes[0][1, 2] = 0
    before = annotation[0].boxes.copy(), boxes[0].copy()
    evaluate(profile, annotation, [boxes], dataset=dataset)
    np.testing.assert_array_equal(annotation[0].boxes, before[0])
    np.testing.assert_array_equal(boxes[0], before[1])


@pytest.mark.parametrize(("profile", "dataset"), CASES)
def test_an_attribute_is_scored_as_a_data_set_of_its_sequences(profile: str, dataset: str) -> None:
    annotation = [
        replace(t, attributes=("IV",) if i % 2 else ("SV", "IV")) for i, t in enumerate(truths(11, sequences=5))
    ]
    boxes = results(12, annotation)
    found = by_attribute(evaluate(profile, annotation, [boxes], dataset=dataset), annotation)
    assert list(found) == ["IV", "SV"]
    assert [each.sequences for each in found.values()] == [5, 3]
    alone = evaluate(profile, annotation[::2], [boxes[::2]], dataset=dataset)
    assert dict(found["SV"].metrics) == pytest.approx(dict(alone.metrics), rel=1e-12)

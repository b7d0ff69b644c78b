"""Lanes: the same boxes however many run side by side, lanes are refilled at once, and one bad trial hurts no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from toys import Drunk, Greedy, Toy, Trips, Walk, WalkState

from trackzoo.engine.failure import Cause
from trackzoo.engine.lane import Task
from trackzoo.engine.lanes import Lanes
from trackzoo.engine.prefetch import FramePool
from trackzoo.frames import Frame
from trackzoo.protocols.ope import OnePass
from trackzoo.sequence import ObjectId, Target
from trackzoo.tracker import Prediction
from trackzoo.trial import Trial, TrialResult, Visit, Visits

Outcomes = dict[tuple[int, str], TrialResult | Cause]

LENGTHS = {"a": 9, "b": 4, "c": 12, "d": 1, "e": 7, "f": 12}


def trials(lengths: Mapping[str, int] = LENGTHS, **more: Any) -> list[Trial]:
    return OnePass().trials(Toy(lengths, **more), list(lengths))


def run(tracker: Walk, wanted: list[Trial], lanes: int = 1, batched: bool = True, **more: Any) -> Outcomes:
    found: Outcomes = {}
    queue = [Task(trial) for trial in wanted]
    Walk.reset()

    def sink(task: Task, outcome: TrialResult | Cause) -> None:
        assert task.key not in found, "told twice"
        found[task.key] = outcome

    with FramePool(2) as pool:
        engine = Lanes(tracker, pool=pool, lanes=lanes, batched=batched, facts={"lanes": lanes})
        engine.run(lambda idle: queue.pop(0) if queue else None, sink, **more)
        assert not pool._entries, "pictures left behind"
    assert not Walk.alive, "states left behind"
    assert found.keys() == {(trial.repeat, trial.name) for trial in wanted}
    return found


def boxes(outcome: TrialResult | Cause, obj: int = 1) -> np.ndarray[Any, Any]:
    assert isinstance(outcome, TrialResult), outcome
    return np.array(outcome.tracks[obj].boxes)


def same(first: Outcomes, second: Outcomes) -> None:
    assert first.keys() == second.keys()
    for key in first:
        assert np.array_equal(boxes(first[key]), boxes(second[key])), key


def sizes(kind: str) -> list[int]:
    return [size for name, size in Walk.calls if name == kind]


@pytest.mark.parametrize("lanes", [2, 4, 16])
@pytest.mark.parametrize("batched", [True, False])
def test_lanes_do_not_change_the_boxes(lanes: int, batched: bool) -> None:
    alone = run(Walk(), trials())
    assert set(sizes("step")) == {1}
    same(alone, run(Walk(), trials(), lanes, batched))
    assert max(sizes("step")) == (min(lanes, 5) if batched else 1)
    for key, outcome in alone.items():
        assert boxes(outcome).shape == (LENGTHS[key[1]], 4)


def test_first_box_is_kept_to_the_last_bit() -> None:
    first = (10.1, 12.7, 16.3, 9.9)
    found = run(Walk(), trials({"a": 3}, firsts={"a": first}))
    assert boxes(found[0, "a"])[0].tolist() == list(first)


def test_free_lane_is_taken_by_the_next_trial_at_once() -> None:
    run(Walk(), trials({"a": 9, "b": 3, "c": 9, "d": 3}), lanes=2)
    # b ends on the third turn and d begins on the fourth beside a; c's and d's lanes run full to the end of a.
    assert Walk.calls[:5] == [("start", 2), ("step", 2), ("step", 2), ("step", 1), ("start", 1)]
    assert sizes("start") == [2, 1, 1]
    assert sizes("step").count(2) >= 9


def test_tracks_and_records_are_whole() -> None:
    seen: list[int] = []
    found = run(Walk(wait=0.001), trials({"a": 5, "b": 5}), lanes=2, progress=seen.append)
    result = found[0, "a"]
    assert isinstance(result, TrialResult)
    track = result.tracks[1]
    assert track.frames == list(range(5))
    assert track.started == [True] + [False] * 4
    assert len(track.scores) == len(track.seconds) == 5
    assert all(seconds >= 0.0005 for seconds in track.seconds[1:]), "half of a call of 1 ms for two"
    assert result.record["frames"] == 5
    assert result.record["lanes"] == 2
    assert result.record["decoder"] == "memory"
    assert result.stages["tracker"] == pytest.approx(sum(track.seconds))
    assert 0 < result.stages["walk"] <= result.stages["tracker"]
    assert "decode" in result.stages
    assert seen == [2] * 5


def test_seed_and_repetition_make_the_difference() -> None:
    protocol, data = OnePass(), Toy({"a": 6})
    found = run(Walk(), protocol.trials(data, ["a"], repeats=2))
    assert not np.array_equal(boxes(found[0, "a"]), boxes(found[1, "a"]))
    again = run(Walk(), protocol.trials(data, ["a"], repeats=1))
    assert np.array_equal(boxes(again[0, "a"]), boxes(found[0, "a"]))
    other = run(Walk(), protocol.trials(data, ["a"], seed=1))
    assert not np.array_equal(boxes(other[0, "a"]), boxes(found[0, "a"]))


@pytest.mark.parametrize("lanes", [1, 3, 16])
def test_failing_trial_stops_no_other(lanes: int) -> None:
    lengths = {"a": 9, "bad-1": 7, "c": 12, "bad-2": 9, "e": 5}
    found = run(Trips(), trials(lengths), lanes)
    good = run(Walk(), trials(lengths), 1)
    for key, outcome in found.items():
        if "bad" in key[1]:
            assert isinstance(outcome, Cause)
            assert str(outcome) == f"frame 4 (toy/{key[1]}[4]): RuntimeError: the ground gave way"
            assert "ground gave way" in outcome.traceback
            assert "Trips" in outcome.traceback or "meet" in outcome.traceback
            assert not outcome.mistake
        else:
            assert np.array_equal(boxes(outcome), boxes(good[key])), key


@pytest.mark.parametrize("lanes", [1, 3])
def test_box_that_is_not_finite_fails_its_trial_alone(lanes: int) -> None:
    found = run(Drunk(), trials({"a": 6, "bad": 6, "c": 6}), lanes)
    assert "frame 4" in str(found[0, "bad"])
    assert "nan, nan, nan, nan" in str(found[0, "bad"])
    assert "expected finite" in str(found[0, "bad"])
    assert isinstance(found[0, "a"], TrialResult)
    # Nobody else was started again for it.
    assert sum(sizes("start")) == 3


def test_batch_that_is_too_large_is_made_smaller() -> None:
    lengths = dict.fromkeys("abcdefgh", 6)
    found = run(Greedy(), trials(lengths), lanes=4)
    same(found, run(Walk(), trials(lengths)))


@pytest.mark.parametrize("lanes", [1, 2])
def test_broken_picture_fails_its_trial_as_a_mistake_in_the_data(lanes: int) -> None:
    found = run(Walk(), trials({"torn": 6, "b": 6}), lanes)
    cause = found[0, "torn"]
    assert isinstance(cause, Cause)
    assert cause.mistake
    assert "torn/3.jpg" in cause.text
    assert isinstance(found[0, "b"], TrialResult)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ((10, 10, 0, 5), "no area"),
        ((10, 10, 5, -2), "no area"),
        ((70, 10, 5, 5), "outside the picture of 64x48"),
        ((-9, 10, 5, 5), "outside the picture"),
        ((float("nan"), 10, 5, 5), "not finite"),
    ],
)
def test_first_box_that_cannot_be_tracked_fails_its_trial_as_a_mistake(first: tuple[float, ...], words: str) -> None:
    found = run(Walk(), trials({"a": 4, "b": 4}, firsts={"a": first}), lanes=2)
    cause = found[0, "a"]
    assert isinstance(cause, Cause)
    assert cause.mistake
    assert words in cause.text
    assert "\n" not in cause.text
    assert isinstance(found[0, "b"], TrialResult)


def test_what_the_sink_raises_ends_the_run_and_frees_everything() -> None:
    queue = [Task(trial) for trial in trials({"a": 2, "b": 20})]
    Walk.reset()

    def sink(task: Task, outcome: TrialResult | Cause) -> None:
        raise OSError("disk full")

    with FramePool(1) as pool, pytest.raises(OSError, match="disk full"):
        Lanes(Walk(), pool=pool, lanes=2).run(lambda idle: queue.pop(0) if queue else None, sink)
    assert not Walk.alive
    assert not pool._entries


def test_interrupt_frees_everything() -> None:
    queue = [Task(trial) for trial in trials({"a": 20, "b": 20})]
    Walk.reset()

    def stop(count: int) -> None:
        if len(Walk.calls) > 5:
            raise KeyboardInterrupt

    with FramePool(1) as pool, pytest.raises(KeyboardInterrupt):
        Lanes(Walk(), pool=pool, lanes=2).run(lambda idle: queue.pop(0) if queue else None, lambda *_: None, stop)
    assert not Walk.alive


def test_the_sequence_of_the_caller_is_left_as_it_was() -> None:
    [trial] = trials({"a": 4})
    before = dict(trial.sequence.__dict__)
    run(Walk(), [trial])
    assert trial.sequence.__dict__ == before


class Counts(Walk):
    """Returns too few predictions when a sequence called `bad` is among the objects."""

    def step(self, frames: Any, states: Any) -> list[Prediction]:
        found = super().step(frames, states)
        return found[:-1] if any("bad" in frame.label for frame in frames) else found


def test_missing_prediction_is_told() -> None:
    found = run(Counts(), trials({"bad": 4, "b": 4}), lanes=2)
    assert "returned 0 predictions for 1 objects" in str(found[0, "bad"])
    assert isinstance(found[0, "b"], TrialResult)


class Tuples(Walk):
    def step(self, frames: Any, states: Any) -> Any:
        return [(1, 2, 3, 4)] * len(states)


def test_prediction_of_another_type_is_told() -> None:
    assert "returned tuple, expected Prediction" in str(run(Tuples(), trials({"a": 3}))[0, "a"])


class Quits(Walk):
    def meet(self, frame: Frame) -> None:
        raise SystemExit(3)


def test_tracker_that_leaves_the_program_is_a_failure() -> None:
    assert "SystemExit: 3" in str(run(Quits(), trials({"a": 3}))[0, "a"])


class Blind(Walk):
    looks = False

    def step(self, frames: Any, states: list[WalkState]) -> list[Prediction]:
        assert not any(frame.decoded for frame in frames)
        return [Prediction(state.box) for state in states]


def test_nothing_is_decoded_for_a_tracker_that_does_not_look() -> None:
    painted: list[int] = []
    data = Toy({"a": 30}, make=lambda name, index: painted.append(index) or np.zeros((48, 64, 3), np.uint8))
    run(Blind(), OnePass().trials(data, ["a"]))
    assert painted == [0], "the size of the first picture alone is asked for"


@dataclass(frozen=True)
class Scripted(Trial):
    """A trial that follows a script: (frame, objects that start, objects that are stepped)."""

    script: tuple[tuple[int, tuple[ObjectId, ...], tuple[ObjectId, ...]], ...] = ()
    heard: Callable[[Mapping[ObjectId, Prediction]], None] | None = None

    def visits(self) -> Visits:
        for index, start, step in self.script:
            target = {obj: Target(np.array([5.0 + obj, 6, 7, 8])) for obj in start}
            predictions = yield Visit(self.sequence.frames[index], target, step)
            if self.heard is not None:
                self.heard(predictions)


class Merged(Walk):
    def merge(self, states: Any, predictions: Any) -> list[Prediction]:
        return [Prediction(prediction.box, 42.0) for prediction in predictions]


def test_objects_of_one_video_in_lockstep_and_merged() -> None:
    heard: list[set[int]] = []
    script = ((0, (1,), ()), (1, (2,), (1,)), (2, (), (1, 2)), (3, (), (1, 2)))
    trial = Scripted(Toy({"a": 4})["a"], script=script, heard=lambda found: heard.append(set(found)))
    found = run(Merged(), [trial])
    result = found[0, "a"]
    assert isinstance(result, TrialResult)
    assert heard == [{1}, {1, 2}, {1, 2}, {1, 2}]
    assert result.tracks[2].frames == [1, 2, 3]
    assert result.tracks[1].scores[1:] == [42.0] * 3
    assert sizes("step") == [1, 2, 2]


def test_object_can_start_again_and_frames_go_backwards() -> None:
    script = ((3, (1,), ()), (2, (), (1,)), (1, (1,), ()), (0, (), (1,)))
    found = run(Walk(), [Scripted(Toy({"a": 4})["a"], script=script)])
    result = found[0, "a"]
    assert isinstance(result, TrialResult)
    assert result.tracks[1].frames == [3, 2, 1, 0]
    assert result.tracks[1].started == [True, False, True, False]


def test_trial_that_makes_no_visit_fails() -> None:
    assert "no visit" in str(run(Walk(), [Scripted(Toy({"a": 4})["a"])])[0, "a"])

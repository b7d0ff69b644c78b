"""Runs trials side by side on one device: several lanes, one call of the tracker for all of them.

When a trial ends, the next takes its lane (continuous batching). In every turn each lane makes one visit: what begins is
given to `Tracker.start` together, what goes on to `Tracker.step` together.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence as ListOf
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trackzoo.engine.failure import Cause, cause_of
from trackzoo.engine.lane import Lane, Task, check_prediction
from trackzoo.engine.prefetch import FramePool
from trackzoo.sequence import ObjectId, Target
from trackzoo.tracker import Prediction, StageClock, Tracker
from trackzoo.trial import Answers, TrialResult

#: Gives the next task, or None. Asked with `idle=True` it may wait for one, and None means that there will be no more.
Source = Callable[[bool], Task | None]
#: Takes what became of a task.
Sink = Callable[[Task, TrialResult | Cause], None]


@dataclass(frozen=True)
class _Request:
    """One object on one visit."""

    lane: Lane
    obj: ObjectId
    target: Target | None = None


@dataclass(frozen=True)
class _Answer:
    prediction: Prediction
    seconds: float


class Lanes:
    """The engine of one worker.

    Args:
        tracker: shared by the lanes.
        lanes: how many trials at once.
        batched: whether the tracker takes several lanes in one call; else each lane has a call of its own.
        pool: where the pictures come from.
        facts: what each record says about this worker.
        synchronize: see `StageClock`.
        spool: folder for the masks of running trials; without one, masks are not kept.
        text: told of every object in place of its sequence's description; None leaves that.
    """

    def __init__(
        self,
        tracker: Tracker[Any],
        *,
        pool: FramePool,
        lanes: int = 1,
        batched: bool = True,
        facts: Mapping[str, Any] | None = None,
        synchronize: Callable[[], None] | None = None,
        spool: Path | None = None,
        text: str | None = None,
    ) -> None:
        self._spool, self._text = spool, text
        self.tracker, self.lanes, self.batched, self.pool = tracker, lanes, batched, pool
        self.facts = dict(facts or {})
        self._synchronize = synchronize
        self._clock = StageClock(synchronize)
        self._active: list[Lane] = []
        self._apart: deque[Task] = deque()
        self._suspects: set[tuple[int, str]] = set()

    def run(self, source: Source, sink: Sink, progress: Callable[[int], None] | None = None) -> None:
        """Run tasks until the source has no more.

        A task that fails is told to the sink with its cause, and the others go on.

        Args:
            source: where tasks come from.
            sink: where results and causes go; what it raises ends the run.
            progress: called with the number of visits that were made.
        """
        self.tracker.clock(self._clock)
        try:
            self.tracker.arena(self.lanes)
            while self._fill(source, sink):
                visits = self._turn(sink)
                if progress is not None:
                    progress(visits)
        finally:
            for lane in self._active:
                lane.close(self.tracker)
            self._active.clear()
            self.tracker.clock(None)

    def _fill(self, source: Source, sink: Sink) -> bool:
        """Give free lanes their trials; false when there is nothing left to do."""
        while len(self._active) < self.lanes:
            task = self._apart.popleft() if self._apart else source(not self._active)
            if task is None:
                break
            try:
                lane = Lane(task, self.pool, self.tracker.looks, self._spool)
            except (Exception, SystemExit) as error:
                self._end(task, cause_of(error), sink)
                continue
            if lane.visit is None:
                lane.close(self.tracker)
                self._end(task, Cause(f"{task}: the protocol made no visit"), sink)
                continue
            self._active.append(lane)
        return bool(self._active)

    def _end(self, task: Task, outcome: TrialResult | Cause, sink: Sink) -> None:
        if task.key in self._suspects:
            self._suspects.discard(task.key)
            if isinstance(outcome, Cause):
                self._suspects.clear()
            elif not self._suspects:
                # Nobody broke down alone: it is the batch that was too much (memory, most likely).
                self.lanes = max(1, self.lanes // 2)
        sink(task, outcome)

    def _turn(self, sink: Sink) -> int:
        """One visit of every lane. Returns how many were made."""
        broken: dict[int, BaseException] = {}
        for lane in self._active:
            try:
                lane.wait()
            except Exception as error:
                broken[id(lane)] = error
        whole = [lane for lane in self._active if id(lane) not in broken]
        answers: dict[int, dict[ObjectId, _Answer]] = {id(lane): {} for lane in whole}
        apart: set[int] = set()

        for requests, call in self._calls(whole):
            present = {id(request.lane) for request in requests}
            if present & (broken.keys() | apart):
                requests = [each for each in requests if id(each.lane) not in broken and id(each.lane) not in apart]
            if not requests:
                continue
            try:
                found = self._timed(call, requests)
            except (Exception, SystemExit) as error:
                if len({id(request.lane) for request in requests}) == 1:
                    broken[id(requests[0].lane)] = error
                else:
                    # Their states may be half updated, and whose fault it was is not known.
                    apart |= {id(request.lane) for request in requests}
                continue
            for request, answer in zip(requests, found, strict=True):
                answers[id(request.lane)][request.obj] = answer

        visits = 0
        remaining = []
        for lane in self._active:
            if id(lane) in apart:
                lane.close(self.tracker)
                self._suspects.add(lane.task.key)
                self._apart.append(Task(lane.task.trial, alone=True))
                continue
            try:
                if id(lane) in broken:
                    raise broken[id(lane)]
                self._settle(lane, answers[id(lane)])
                visits += 1
            except (Exception, SystemExit) as error:
                cause = cause_of(error, lane.where)
                lane.close(self.tracker)
                self._end(lane.task, cause, sink)
                continue
            if lane.visit is not None:
                remaining.append(lane)
                continue
            lane.close(self.tracker)
            # A trial that had everything to itself shared nothing, whatever stands beside it at other times.
            alone = {"lanes": 1, "jobs": 1, "throughput": False} if lane.task.trial.exclusive else {}
            self._end(lane.task, lane.result({**self.facts, **alone}), sink)
        self._active = remaining
        return visits

    def _calls(self, lanes: ListOf[Lane]) -> Iterable[tuple[list[_Request], Callable[..., list[Prediction]]]]:
        """The calls of this turn: what goes on, then what begins; together as far as the tracker and the trials allow."""
        steps = [_Request(lane, obj) for lane in lanes if lane.visit is not None for obj in lane.visit.step]
        starts = [
            _Request(lane, obj, target)
            for lane in lanes
            if lane.visit is not None
            for obj, target in lane.visit.start.items()
        ]
        for requests, call in ((steps, self._step), (starts, self._start)):
            together = [each for each in requests if self.batched and not each.lane.task.alone]
            if together:
                yield together, call
            singles: dict[int, list[_Request]] = {}
            for each in requests:
                if not self.batched or each.lane.task.alone:
                    singles.setdefault(id(each.lane), []).append(each)
            for group in singles.values():
                yield group, call

    def _step(self, requests: ListOf[_Request]) -> list[Prediction]:
        states = [request.lane.states[request.obj] for request in requests]
        return self.tracker.step([request.lane.frame for request in requests], states)

    def _start(self, requests: ListOf[_Request]) -> list[Prediction]:
        targets = [request.target for request in requests if request.target is not None]
        if self._text is not None:
            targets = [replace(target, text=self._text) for target in targets]
        for request in requests:
            if (old := request.lane.states.pop(request.obj, None)) is not None:
                self.tracker.release([old])
        pairs = self.tracker.start(
            [request.lane.frame for request in requests],
            targets,
            [request.lane.task.trial.seed for request in requests],
        )
        for request, (state, _) in zip(requests, pairs, strict=False):
            request.lane.states[request.obj] = state
        return [_with_given(prediction, request) for (_, prediction), request in zip(pairs, requests, strict=False)]

    def _timed(self, call: Callable[..., list[Prediction]], requests: ListOf[_Request]) -> list[_Answer]:
        """Call the tracker; its seconds, and those of the stages that it marks, are shared equally among the objects."""
        self._clock.seconds.clear()
        if self._synchronize is not None:
            self._synchronize()
        begin = time.perf_counter()
        predictions = call(requests)
        if self._synchronize is not None:
            self._synchronize()
        share = (time.perf_counter() - begin) / len(requests)
        if len(predictions) != len(requests):
            raise ValueError(f"the tracker returned {len(predictions)} predictions for {len(requests)} objects")
        for request in requests:
            request.lane.add("tracker", share)
            for stage, seconds in self._clock.seconds.items():
                request.lane.add(stage, seconds / len(requests))
        return [_Answer(prediction, share) for prediction in predictions]

    def _settle(self, lane: Lane, answers: Mapping[ObjectId, _Answer]) -> None:
        """Merge the objects of a video, keep what they got, and go on to the next visit."""
        if len(answers) > 1 or (answers and lane.task.trial.competes):
            answers = self._merged(lane, answers)
        assert lane.visit is not None
        predictions = {}
        for obj, answer in answers.items():
            predictions[obj] = checked = check_prediction(answer.prediction)
            lane.keep(obj, checked, answer.seconds, obj in lane.visit.start)
        lane.keep_masks(predictions)
        lane.advance(Answers(predictions, {obj: answer.seconds for obj, answer in answers.items()}))

    def _merged(self, lane: Lane, answers: Mapping[ObjectId, _Answer]) -> dict[ObjectId, _Answer]:
        """The objects of a video after `Tracker.merge`, whose seconds they share: first those that go on, then new ones."""
        self._clock.seconds.clear()
        begin = time.perf_counter()
        merged = self.tracker.merge(
            [lane.states[obj] for obj in answers], [answer.prediction for answer in answers.values()]
        )
        if self._synchronize is not None:
            self._synchronize()
        seconds = time.perf_counter() - begin
        if len(merged) != len(answers):
            raise ValueError(f"the tracker merged {len(answers)} predictions into {len(merged)}")
        lane.add("tracker", seconds)
        for stage, part in self._clock.seconds.items():
            lane.add(stage, part)
        share = seconds / len(answers)
        return {
            obj: _Answer(prediction, answer.seconds + share)
            for (obj, answer), prediction in zip(answers.items(), merged, strict=True)
        }


def _with_given(prediction: Prediction, request: _Request) -> Prediction:
    """A first prediction with the mask that was given, where masks are kept and the tracker repeats the box alone."""
    mask = request.target.mask if request.target is not None and request.lane.task.trial.keeps else None
    if isinstance(prediction, Prediction) and prediction.mask is None and mask is not None:
        return replace(prediction, mask=mask)
    return prediction

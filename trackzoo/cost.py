"""What a tracker costs: parameters, multiply-adds, milliseconds by stage, memory. torch is imported when it is measured."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from trackzoo.engine.devices import synchronizer
from trackzoo.errors import SettingsError
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.sequence import Target
from trackzoo.tracker import StageClock, Tracker

Result = TypeVar("Result")


@dataclass(frozen=True)
class Work:
    """Multiply-adds of one object.

    Attributes:
        layers: of convolutions and linear layers alone, as the profilers of most tracking papers count.
        products: of attention's products, which those profilers skip.
    """

    layers: int
    products: int

    @property
    def total(self) -> int:
        """Both."""
        return self.layers + self.products


@dataclass(frozen=True)
class Cost:
    """What was counted and measured.

    Attributes:
        tracker: its name.
        parameters: of the network; 0 where there is none.
        first: work of the first frame.
        frame: work of a later frame, as it is done here: what nobody reads is spared.
        described: the same, as the method describes it: every token through every block. What papers print is `described`
            and `first`'s templates, which their profilers embed again with each frame.
        milliseconds: stage -> median per frame and object, wall time; `total` is the whole step.
        memory: peak of the process (CPU) or of the device's allocations, MiB.
        lanes: objects at once while time was taken.
        device, dtype: where, and in what.
    """

    tracker: str
    parameters: int
    first: Work
    frame: Work
    described: Work
    milliseconds: dict[str, float]
    memory: float
    lanes: int
    device: str
    dtype: str

    @property
    def printed(self) -> Work:
        """What a paper's table would hold."""
        return Work(self.first.layers + self.described.layers, self.first.products + self.described.products)


def _scene(objects: int, frames: int, size: tuple[int, int]) -> tuple[list[list[Frame]], list[Floats]]:
    """The same generated video for every object, under other names so that nothing is shared."""
    from trackzoo.parity.scene import scene
    from trackzoo.parity.videos import frame_by_frame

    video, boxes, _ = scene(1, frames, size[1], size[0], (size[1] // 6, size[0] // 6))
    return frame_by_frame([(video, boxes[0])] * objects), [boxes[0].copy() for _ in range(objects)]


def _start(tracker: Tracker[Any], frames: list[Frame], boxes: list[Floats]) -> list[Any]:
    # A text costs what it costs, whatever it says; it is padded.
    targets = [Target(box, None, "") for box in boxes]
    return [state for state, _ in tracker.start(frames, targets, [0] * len(boxes))]


def _settles(tracker: Tracker[Any]) -> int:
    """Frames before the first that is as busy as later ones; a plugin that needs some says how many."""
    return int(getattr(tracker, "settles", 0))


def _count(tracker: Tracker[Any]) -> tuple[Work, Work, Work]:
    """Work of the first frame, of the second, and of the second with a probe attached, for which nothing is spared."""
    from trackzoo.nn.operations import Operations

    settles = _settles(tracker)
    pictures, boxes = _scene(1, settles + 3, (320, 240))
    found = []
    with Operations() as counter:
        states = _start(tracker, pictures[0], boxes)
    found.append(Work(counter.layers, counter.products))
    for index in range(1, settles + 1):
        tracker.step(pictures[index], states)
    for index, probe in ((settles + 1, None), (settles + 2, lambda name, value: None)):
        tracker.attach(probe)
        with Operations() as counter:
            tracker.step(pictures[index], states)
        found.append(Work(counter.layers, counter.products))
    tracker.attach(None)
    tracker.release(states)
    return found[0], found[1], found[2]


def peak_memory(device: str = "cpu") -> float:
    """The most that the process (CPU) or the device's allocations took so far, MiB."""
    if device.startswith("cuda"):
        import torch

        return float(torch.cuda.max_memory_allocated(device) / 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def timed(call: Callable[[], Result], device: str = "cpu") -> tuple[Result, float, float]:
    """What a call gives, and its seconds by the clock and of the processor (all threads); waits for a GPU."""
    synchronize = synchronizer(device) or (lambda: None)
    synchronize()
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    synchronize()
    return result, time.perf_counter() - wall, time.process_time() - processor


def measure(
    name: str, tracker: Tracker[Any], *, lanes: int = 1, frames: int = 5, size: tuple[int, int] = (1280, 720)
) -> Cost:
    """Measure a loaded tracker on a generated video; its weights do not matter, those that stand in it are used.

    Args:
        name: what to call it.
        tracker: batched where `lanes` is above 1.
        lanes: objects at once.
        frames: timed frames, after one that is not; the median is taken.
        size: (width, height) of the video; decoding is not part of the time.

    Raises:
        SettingsError: fewer than one lane or frame.
    """
    import torch

    if lanes < 1 or frames < 1:
        raise SettingsError(f"lanes {lanes}, frames {frames}: both must be at least 1")
    # What a frame costs may depend on what is found, which random weights leave to chance: a plugin's busiest frames count.
    tracker = tracker.busiest() if hasattr(tracker, "busiest") else tracker
    network = getattr(tracker, "network", None)
    parameters = sum(each.numel() for each in network.parameters()) if network is not None else 0
    works = _count(tracker) if network is not None else (Work(0, 0),) * 3
    synchronize = synchronizer(tracker.device)
    if synchronize:
        torch.cuda.reset_peak_memory_stats(tracker.device)
    settles = _settles(tracker)
    pictures, boxes = _scene(lanes, settles + frames + 2, size)
    for each in pictures:
        for frame in each:
            frame.array()
    tracker.arena(lanes)
    states = _start(tracker, pictures[0], boxes)
    taken: list[dict[str, float]] = []
    for index in range(1, settles + frames + 2):
        clock = StageClock(synchronize)
        tracker.clock(clock)
        begin = time.perf_counter()
        tracker.step(pictures[index], states)
        if synchronize:
            synchronize()
        taken.append({**clock.seconds, "total": time.perf_counter() - begin})
    tracker.clock(None)
    tracker.release(states)
    milliseconds = {
        stage: 1000 * statistics.median(each.get(stage, 0.0) for each in taken[settles + 1 :]) / lanes
        for stage in taken[-1]
    }
    memory = peak_memory(tracker.device)
    return Cost(name, parameters, *works, milliseconds, memory, lanes, tracker.device, tracker.dtype)

"""How much lanes bring: frames per second of `dcf` with 1, 4 and 16 lanes, and of `static`, which is the engine alone.

    python benchmarks/lanes.py [--lanes 1 4 16] [--frames 40] [--repeats 3] [--device cpu]

Every figure is a whole run through the engine and the store, on the same 16 videos, held in memory so that no decoder is
measured. Ratios within one call carry from one machine to another, frames per second do not. The boxes of all lanes are
compared with those of one lane; more than 1e-3 px apart is an error (exit code 1).
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence as ListOf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.engine.runner import run
from trackzoo.frames import ArrayFrames
from trackzoo.registry import open_dataset
from trackzoo.sequence import Annotation, Dataset, Problem, Sequence
from trackzoo.store.read import find_runs

VIDEOS = 16
TOLERANCE = 1e-3


class Stack:
    """Pictures of one video, by index."""

    def __init__(self, pictures: list[NDArray[np.uint8]]) -> None:
        self.pictures = pictures

    def __call__(self, index: int) -> NDArray[np.uint8]:
        return self.pictures[index]


class Painted(Dataset):
    """`synth`, painted beforehand."""

    def __init__(self, length: int, width: int, height: int) -> None:
        super().__init__("painted", None)
        made = open_dataset("synth", sequences=VIDEOS, length=length, width=width, height=height)
        self._sequences = {name: self._paint(made[name]) for name in made.names}
        self._fingerprint = made.fingerprint()

    @staticmethod
    def _paint(sequence: Sequence) -> Sequence:
        annotation = Annotation(sequence.boxes, sequence.visible)
        pictures = Stack([frame.array() for frame in sequence.frames])
        frames = ArrayFrames(pictures, len(pictures.pictures), f"painted/{sequence.name}")
        return Sequence(sequence.name, "painted", lambda: annotation, frames)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sequences)

    def sequence(self, name: str) -> Sequence:
        return self._sequences[name]

    def available(self) -> tuple[str, ...]:
        return self.names

    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        return self._fingerprint

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        return []


def measured(tracker: str, dataset: Dataset, lanes: int, device: str) -> tuple[float, float, dict[str, Any]]:
    """Seconds of a run, seconds of it within the tracker, and the boxes by sequence."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        outcome = run(tracker, dataset, results=folder, lanes=lanes, device=device)
        seconds = time.perf_counter() - begun
        if not outcome.complete:
            sys.exit(f"{tracker} with {lanes} lanes: {outcome.failed}")
        [stored] = find_runs(Path(folder))
        within = sum(float(stored.seconds(name).sum()) for name in dataset.names)
        return seconds, within, {name: stored.boxes(name) for name in dataset.names}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--frames", type=int, default=40, help="of each video")
    parser.add_argument("--size", type=int, nargs=2, default=[320, 240], metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    dataset = Painted(options.frames, *options.size)
    frames = VIDEOS * options.frames
    cases = [("static", 1)] + [("dcf", lanes) for lanes in options.lanes]
    measured("dcf", dataset, max(options.lanes), options.device)  # what is made once (FFT plans, caches) is not counted
    best: dict[tuple[str, int], tuple[float, float]] = {}
    boxes = {}
    # Cases in turn, so that a machine that grows slower does so for all of them.
    for _ in range(options.repeats):
        for case in cases:
            seconds, within, boxes[case] = measured(case[0], dataset, case[1], options.device)
            best[case] = min(best.get(case, (np.inf, np.inf)), (seconds, within))

    import torch

    print(f"{VIDEOS} videos of {options.frames} frames, {options.size[0]}x{options.size[1]}, on {options.device}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}")
    print(
        f"{'tracker':8} {'lanes':>5} {'frames/s':>9} {'ratio':>6} {'ms a frame in the tracker':>26} {'off by (px)':>12}"
    )
    first = cases[1]
    worst = 0.0
    for case in cases:
        seconds, within = best[case]
        off = 0.0
        if case[0] == "dcf":
            off = max(float(np.abs(boxes[case][name] - boxes[first][name]).max()) for name in dataset.names)
        worst = max(worst, off)
        ratio = best[first][0] / seconds
        print(f"{case[0]:8} {case[1]:5} {frames / seconds:9.1f} {ratio:6.2f} {within / frames * 1e3:26.2f} {off:12.1e}")
    print(
        f"ratio: against dcf with {first[1]} lane(s). These are throughputs; only one lane on an idle machine tells latency."
    )
    if worst > TOLERANCE:
        print(f"boxes differ by {worst:.2g} px, expected at most {TOLERANCE:g}", file=sys.stderr)
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())

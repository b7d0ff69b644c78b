"""How fast metrics are: a LaSOT-sized job (280 sequences, 2,448 frames each, 5 trackers) as text files.

    python benchmarks/metrics.py [--sequences 280] [--frames 2448] [--trackers 5] [--profile pytracking …]

Computing is set against one plain numpy IoU over the same boxes, measured in the same run: ratios carry from one machine to
another, seconds do not. Each figure is the best of three.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.metrics import PROFILES, Truth, evaluate
from trackzoo.metrics.types import Floats
from trackzoo.store.text import format_table, parse_table


def made(sequences: int, frames: int, trackers: int) -> tuple[list[Truth], list[list[Floats]]]:
    """Annotation in whole pixels with absent frames, and boxes in full precision."""
    random = np.random.default_rng(0)
    truths, boxes = [], [[] for _ in range(trackers)]
    for index in range(sequences):
        walk = np.cumsum(random.normal(0, 2, (frames, 4)), axis=0)
        truth = np.rint(np.abs(walk + np.array([400, 300, 80, 80]))) + 1
        truths.append(Truth(f"s-{index}", truth, random.random(frames) < 0.97))
        for each in boxes:
            each.append(np.abs(truth + random.normal(0, 8, truth.shape)) + 0.1)
    return truths, boxes


def plain_overlap(a: Floats, b: Floats) -> Floats:
    """What a person would write."""
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=1)
    return inter / (a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - inter)


def best(call: Callable[[], Any], repeats: int = 3) -> float:
    """Seconds of the fastest of some calls."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=280)
    parser.add_argument("--frames", type=int, default=2448)
    parser.add_argument("--trackers", type=int, default=5)
    parser.add_argument("--profile", nargs="*", default=list(PROFILES), choices=list(PROFILES))
    chosen = parser.parse_args()
    truths, trackers = made(chosen.sequences, chosen.frames, chosen.trackers)
    total = chosen.sequences * chosen.frames * chosen.trackers
    print(f"{chosen.sequences} sequences, {total // chosen.trackers:,} frames, {chosen.trackers} trackers")
    annotated = np.concatenate([truth.boxes for truth in truths])
    stacked = [np.concatenate(boxes) for boxes in trackers]
    plain = best(lambda: [plain_overlap(boxes, annotated) for boxes in stacked])
    print(f"one plain numpy IoU over the same boxes     {plain:7.3f} s    1.0")
    for name in chosen.profile:
        seconds = best(lambda name=name: [evaluate(name, truths, [boxes], dataset="lasot") for boxes in trackers])
        rate = total / seconds / 1e6
        print(f"computing, all curves, {name:20s} {seconds:7.3f} s  {seconds / plain:5.1f}  {rate:6.1f} M frames/s")
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for tracker, boxes in enumerate(trackers):
            for truth, rows in zip(truths, boxes, strict=True):
                path = Path(folder) / f"{tracker}-{truth.name}.txt"
                path.write_bytes(data := format_table(rows))
                files.append((path, hashlib.sha256(data).hexdigest()))
        size = sum(path.stat().st_size for path, _ in files)
        reading = best(lambda: [parse_table(path, 4, rows=chosen.frames, sha256=digest) for path, digest in files], 1)
    print(f"reading {len(files)} text files, {size / 2**20:.0f} MiB          {reading:7.3f} s  {reading / plain:5.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"peak memory                                 {peak:7.0f} MiB")


if __name__ == "__main__":
    main()

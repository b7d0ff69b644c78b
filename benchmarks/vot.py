"""How fast VOT's measures are: a job of the size of VOT2022 with masks, read from binary files and scored.

    python benchmarks/vot.py [--sequences 50] [--frames 400] [--anchor-every 50]

50 sequences of 400 frames, 640 x 480, an anchor every 50 frames: about 100,000 predicted masks.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trackzoo.metrics.vot_overlaps import region_truth
from trackzoo.metrics.vot_scores import AnchorTrajectory, score_anchors
from trackzoo.region_binary import read_binary, write_binary
from trackzoo.region_text import read_regions, write_regions
from trackzoo.regions import Mask, Region, Special

SIZE = (640, 480)


def blob(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """An uneven disk, as masks of objects are."""
    y, x = np.mgrid[0:height, 0:width]
    angle = np.arctan2(y - height / 2, x - width / 2)
    edge = 1 + 0.1 * np.sin(5 * angle + rng.uniform(0, 6)) - 0.1
    disk: np.ndarray = ((x - width / 2) / (width / 2)) ** 2 + ((y - height / 2) / (height / 2)) ** 2 <= edge**2
    return disk


def clock() -> tuple[float, float]:
    """Seconds on the wall and of the processor: on a busy machine the first says little."""
    return time.perf_counter(), time.process_time()


def told(label: str, begin: tuple[float, float], end: tuple[float, float], more: str = "") -> None:
    print(f"{label:<17} {end[0] - begin[0]:6.2f} s ({end[1] - begin[1]:.2f} s of processor){more}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=50)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--anchor-every", type=int, default=50)
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        predicted = write(root, rng, given.sequences, given.frames, given.anchor_every)
        begin = clock()
        truths = [region_truth(path.stem, read_regions(path), SIZE) for path in sorted(root.glob("*.txt"))]
        after_truth = clock()
        runs = [trajectories(root, truth.name, given.frames) for truth in truths]
        scores = score_anchors(truths, [runs], dataset="vot2022-sts")
        end = clock()
    print(f"{given.sequences} sequences of {given.frames} frames, {predicted} predicted masks")
    told("annotation read", begin, after_truth)
    told("results scored", after_truth, end, ", their reading included")
    told("together", begin, end, " aim: 10 s")
    print(f"peak memory       {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MiB")
    print(scores)


def trajectories(root: Path, name: str, frames: int) -> Iterator[AnchorTrajectory]:
    """Runs of one sequence, read one by one."""
    for path in sorted(root.glob(f"{name}_*.bin")):
        anchor = int(path.stem.rpartition("_")[2])
        yield AnchorTrajectory(anchor, anchor > frames / 2, read_binary(path))


def write(root: Path, rng: np.random.Generator, sequences: int, frames: int, every: int) -> int:
    """Annotation as text, runs as binary. Returns the number of predicted masks."""
    count = 0
    for number in range(sequences):
        name = f"sequence{number:02d}"
        shapes = [blob(rng, *rng.integers(40, 180, 2).tolist()) for _ in range(8)]
        x, y = (np.clip(np.cumsum(rng.normal(0, 3, frames)) + 200, 0, 300).astype(int) for _ in range(2))
        truth = [Mask(int(x[i]), int(y[i]), shapes[(i // 10) % 8]) for i in range(frames)]
        write_regions(root / f"{name}.txt", truth)
        for anchor in (*range(0, frames, every), frames - 1):
            order = range(anchor, -1, -1) if anchor > frames / 2 else range(anchor, frames)
            found: list[Region] = [Special(1)]
            for index in list(order)[1:]:
                shape, jump = truth[index], rng.integers(-6, 7, 2)
                found.append(Mask(shape.x + int(jump[0]), shape.y + int(jump[1]), shape.pixels))
            write_binary(root / f"{name}_{anchor:08d}.bin", found)
            count += len(found) - 1
    return count


if __name__ == "__main__":
    main()

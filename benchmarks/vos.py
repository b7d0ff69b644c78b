"""How fast J and F are: a DAVIS-sized job (30 videos of 67 frames, 480 x 854, 2 objects each).

python benchmarks/vos.py [--videos 30] [--frames 67] [--jobs 2] [--files]
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from trackzoo.label_maps import decode, encode
from trackzoo.metrics.vos import Labels, VideoScores, VideoTruth, score_video, summarise


def blobs(seed: int, frames: int, jitter: float) -> Labels:
    """Two wobbling ellipses with ragged outlines."""
    random = np.random.default_rng(seed)
    noise = np.random.default_rng(seed + 1000)
    y, x = np.mgrid[0:480, 0:854].astype(np.float32)
    maps = np.zeros((frames, 480, 854), np.uint8)
    for obj in (1, 2):
        centre = np.cumsum(random.normal(0, 4, (frames, 2)), axis=0) + np.array([50 + 250 * obj, 240])
        size = random.uniform(40, 110, 2)
        for index in range(frames):
            dx, dy = (x - centre[index, 0] - noise.normal(0, jitter)) / size[0], (y - centre[index, 1]) / size[1]
            maps[index][dx * dx + dy * dy + 0.1 * np.sin(9 * np.arctan2(dy, dx)) < 1] = obj
    return maps


class Files:
    """Label maps as PNG files hold them, read when asked for."""

    def __init__(self, maps: Labels) -> None:
        self._files = [encode(labels) for labels in maps]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Labels:
        return decode(self._files[index])


def one(seed: int, frames: int, files: bool) -> tuple[VideoScores, float]:
    """Score one made video; seconds without the making."""
    truth, prediction = blobs(seed, frames, 0), blobs(seed, frames, 6)
    given: Any = (Files(truth), Files(prediction)) if files else (truth, prediction)
    begin = time.perf_counter()
    scores = score_video("davis", VideoTruth(f"v{seed}", given[0]), given[1])
    return scores, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=30)
    parser.add_argument("--frames", type=int, default=67)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--files", action="store_true", help="read the maps from PNG files, as of a stored run")
    chosen = parser.parse_args()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        done = list(pool.map(partial(one, frames=chosen.frames, files=chosen.files), range(chosen.videos)))
    seconds = sum(each for _, each in done)
    pairs = sum(len(obj.j) for scores, _ in done for obj in scores.objects)
    print(
        f"{chosen.videos} videos, {pairs} masks: {seconds:.1f} s of one core, {seconds / chosen.jobs:.1f} s on {chosen.jobs}"
    )
    print(
        f"{1000 * seconds / pairs:.2f} ms a mask; J&F {summarise('davis', [scores for scores, _ in done]).metrics['jf']:.2f}"
    )


if __name__ == "__main__":
    main()

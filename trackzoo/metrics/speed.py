"""Frames per second, in the ways the toolkits print it."""

from __future__ import annotations

from collections.abc import Sequence as ListOf

import numpy as np

from trackzoo.metrics.types import Floats


def frames_over_seconds(seconds: ListOf[Floats]) -> float:
    """Timed frames of all sequences over the sum of their seconds (pytracking); NaN without any.

    Args:
        seconds: (N,) seconds of each frame, one array a sequence.
    """
    frames, total = sum(len(each) for each in seconds), sum(float(np.sum(each)) for each in seconds)
    return frames / total if total > 0 else float("nan")


def mean_rate(seconds: ListOf[Floats], *, by_sequence: bool = False) -> float:
    """Mean of 1 / t over the frames with t > 0 (got10k); higher than frames over seconds wherever times vary.

    Args:
        seconds: (N,) or (N, repetitions) seconds, one array a sequence; NaN and zeros are left out.
        by_sequence: mean over sequences of their means (the toolkit's classes for other benchmarks) instead of the mean over
            all frames (GOT-10k itself).
    """
    rates = [1 / each[each > 0] for each in map(np.asarray, seconds)]
    rates = [each for each in rates if each.size]
    if not rates:
        return float("nan")
    return float(np.mean([each.mean() for each in rates]) if by_sequence else np.concatenate(rates).mean())

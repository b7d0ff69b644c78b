"""Ceiling and floor of runs whose results are regions (VOT) or label maps: what the annotation itself scores, and no tracking.

Those of boxes are `trackzoo.metrics.boxes.ceiling` and `floor`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from trackzoo.label_maps import Labels
from trackzoo.metrics.types import Scores
from trackzoo.metrics.vos import VOID
from trackzoo.metrics.vot_overlaps import RegionTruth
from trackzoo.metrics.vot_scores import (
    MULTISTART,
    UNSUPERVISED,
    AnchorTrajectory,
    score_anchors,
    score_passes,
    score_resets,
)
from trackzoo.protocols.vot_common import usable
from trackzoo.protocols.vot_multistart import anchors, visited
from trackzoo.protocols.vot_supervised import SKIP
from trackzoo.regions import Rectangle, Region, Special, bounds
from trackzoo.report.selection import Opened
from trackzoo.report.vos import score_sequence, score_videos
from trackzoo.report.vot import VotRun, truths_of
from trackzoo.sequence import Sequence

#: The annotation as results, or the first box (region, map) kept.
End = Literal["ceiling", "floor"]


def vot_end(run: VotRun, opened: Opened, names: tuple[str, ...], profile: str, end: End) -> Scores:
    """Scores of an end under the experiment of a run; the floor keeps the bounds of the region that it was started on."""
    truths = truths_of(opened, names)
    if run.experiment == MULTISTART:
        starts = [anchors(opened.dataset[name]) for name in names]
        runs = [
            [
                AnchorTrajectory(anchor, back, _from(truth, visited(anchor, back, len(truth)), end))
                for anchor, back in each
            ]
            for truth, each in zip(truths, starts, strict=True)
        ]
        return score_anchors(truths, [runs], dataset=opened.id)
    if run.experiment == UNSUPERVISED:
        passes = [_from(truth, range(len(truth)), end) for truth in truths]
        return score_passes(truths, [passes], dataset=opened.id)
    resets = [_restarted(truth, end) for truth in truths]
    return score_resets(truths, [resets], profile=profile, dataset=opened.id)


def _from(truth: RegionTruth, frames: range, end: End) -> tuple[Region, ...]:
    """Regions of a run over `frames` that is not restarted."""
    held = _held(truth, frames[0])
    return (Special(1), *(truth.shapes[frame].region if end == "ceiling" else held for frame in frames[1:]))


def _held(truth: RegionTruth, frame: int) -> Region:
    region = truth.shapes[frame].region
    return Rectangle(*bounds(region).tolist()) if usable(region) else region


def _restarted(truth: RegionTruth, end: End) -> list[Region]:
    """Regions of a run that is started again, on the next usable frame, so many frames after each failure."""
    found: list[Region] = []
    held: Region | None = None
    rest = 0
    for frame, shape in enumerate(truth.shapes):
        if held is None:
            if rest or not usable(shape.region):
                rest = max(rest - 1, 0)
                found.append(Special(0))
            else:
                held = _held(truth, frame)
                found.append(Special(1))
            continue
        region = shape.region if end == "ceiling" else held
        if truth.overlaps([region], [frame])[0] > 0:
            found.append(region)
        else:
            held, rest = None, SKIP - 1
            found.append(Special(2))
    return found


def vos_end(opened: Opened, names: tuple[str, ...], profile: str, end: End) -> Scores:
    """Scores of an end of label maps; the floor keeps the pixels that each object has on the frame where it is given."""
    return score_videos(
        profile,
        [opened.dataset[name] for name in names],
        lambda sequence: score_sequence(profile, sequence, lambda frame: _map(sequence, frame, profile, end)),
    )


def _map(sequence: Sequence, frame: int, profile: str, end: End) -> Labels | None:
    maps = sequence.annotation.masks
    assert maps is not None  # `score_sequence` has refused annotation without
    if end == "floor":
        return _kept(sequence, frame)
    labels = maps[frame]
    # Void is an object like others to 'vos-benchmark' alone; elsewhere results may have no such pixels.
    return labels if labels is None or profile == "vos-benchmark" else labels * (labels != VOID)


def _kept(sequence: Sequence, frame: int) -> Labels | None:
    maps = sequence.annotation.masks
    assert maps is not None
    found: Labels | None = None
    for obj, start in sorted(sequence.annotation.starts.items()):
        given = maps[start] if start <= frame else None
        if given is not None:
            found = np.zeros_like(given) if found is None else found
            found[given == obj] = obj
    return found

"""PiVOT-50 on few cells and with a shallow predictor, filled as the goldens are: prompts, candidates and templates vary."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import trackzoo.trackers.pivot as plugin
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.geometry import Floats
from trackzoo.nn.clip import PooledVision
from trackzoo.parity.case import Case
from trackzoo.parity.fill import fill_state_dict
from trackzoo.parity.scene import scene
from trackzoo.sequence import Target
from trackzoo.trackers.pivot.build import pivot_tracker, settled, unfilled
from trackzoo.trackers.pivot.model import PiVOT50
from trackzoo.trackers.pivot.tracker import PiVOTState, PiVOTTracker

#: Cells along each side; the sample is 16 times as wide.
SIDE = 6
GOLDENS = Path(plugin.__file__).parent / "goldens"


@cache
def network() -> PiVOT50:
    """Filled; made once, since filling takes longer than tracking. What tracking does not use is left at zero."""
    case = Case(GOLDENS / "pivot50", GOLDENS / "pivot50")
    parts = {"depth": 1}
    empty = unfilled("resnet50", SIDE, **parts).state_dict()
    unused = [name for name in empty if name.startswith(("feature_extractor.layer4.", "feature_extractor.fc."))]
    zeros = {name: torch.zeros(empty[name].shape, dtype=empty[name].dtype) for name in unused}
    values = fill_state_dict(
        {name: each for name, each in empty.items() if name not in zeros}, case.manifest(), case.salt
    )
    made = pivot_tracker(weights=values | zeros, side=SIDE, prompt="none", parts=parts).network
    assert isinstance(made, PiVOT50)
    return made


class Counting(PooledVision):
    """The stand-in for CLIP, which says how often it was asked, and about how many pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def forward(self, pictures: Tensor) -> Tensor:
        """As `PooledVision`."""
        self.calls.append(len(pictures))
        return super().forward(pictures)


def small(clip: PooledVision | None = None, **settings: Any) -> PiVOTTracker:
    """A tracker; settings by their released names."""
    refined = settings.get("prompt", "refined") == "refined"
    # On so few cells look-alikes would make nearly every frame uncertain, and templates would never change.
    own = {"template_size": 16 * SIDE, "target_not_found_threshold": 0.1, "distractor_threshold": 2.0}
    refinement, behaviour = settled(**{**own, **settings})
    return PiVOTTracker(network(), (clip or PooledVision()) if refined else None, refinement, behaviour)


@cache
def clip_of(seed: int, length: int = 7) -> tuple[list[Frame], Floats]:
    """A scene's frames and its first box."""
    video, boxes, _ = scene(seed, length)
    frames = ArrayFrames(lambda index: np.asarray(video[index]), length, f"small scene {seed}")
    return [frames[index] for index in range(length)], boxes[0]


def begin(tracker: PiVOTTracker, seeds: tuple[int, ...]) -> list[PiVOTState]:
    """States of one object in each scene."""
    clips = [clip_of(seed) for seed in seeds]
    begun = tracker.start([frames[0] for frames, _ in clips], [Target(box) for _, box in clips], [0] * len(clips))
    return [state for state, _ in begun]


def go(tracker: PiVOTTracker, seeds: tuple[int, ...], length: int = 7) -> list[Floats]:
    """Boxes (length - 1, 4) of one object in each scene, all in one batch."""
    states = begin(tracker, seeds)
    found = []
    for index in range(1, length):
        predictions = tracker.step([clip_of(seed)[0][index] for seed in seeds], states)
        found.append([prediction.box for prediction in predictions])
    return list(np.array(found).swapaxes(0, 1))

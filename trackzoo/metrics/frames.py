"""What a profile's rules make of each frame of one sequence: for looking closer, not for tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.metrics.intake import Intake, check_results, check_truths
from trackzoo.metrics.names import rule_name
from trackzoo.metrics.profiles import profile as _profile
from trackzoo.metrics.types import Floats, Truth


@dataclass(frozen=True)
class FrameValues:
    """Values of each used frame of a sequence. F = number of frames.

    Attributes:
        values: `success` (overlaps), and `precision` (pixels), `norm_precision` (target sizes) where the profile has them;
            (F,) each. Markers of the toolkits: an overlap of -1 never counts; a distance of -1 always hits, an infinite one
            never.
        valid: (F,) frames that the toolkit calls valid, or None where it has no such notion.
        notes: what was mended, as in `Scores.notes`.
    """

    values: dict[str, Floats]
    valid: NDArray[np.bool_] | None
    notes: tuple[str, ...]


def frame_values(profile: str, truth: Truth, boxes: Floats, *, dataset: str = "", lenient: bool = False) -> FrameValues:
    """Apply a profile's rules to one sequence. Arguments and errors as `trackzoo.metrics.evaluate`."""
    chosen = _profile(profile)
    plan = chosen.plan(rule_name(dataset))
    check_truths([truth])
    intake = Intake(chosen.name, plan.fit, lenient, beyond=plan.beyond)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = plan.frames(intake.block([truth], check_results([truth], [[boxes]])[0]), intake)
    return FrameValues(found.values, found.valid, tuple(intake.notes))

"""VOT's real-time experiment: the benchmark's own experiment, while a clock runs at the video's frame rate."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass, replace
from typing import Any

from trackzoo.protocols.vot_clock import GRACE, RealTime
from trackzoo.protocols.vot_common import RegionProtocol, RegionTrial
from trackzoo.protocols.vot_multistart import Multistart, MultistartTrial
from trackzoo.protocols.vot_supervised import Supervised, SupervisedTrial
from trackzoo.sequence import Dataset
from trackzoo.trial import Trial


@dataclass(frozen=True)
class RealTimeMultistartTrial(MultistartTrial):
    """As `MultistartTrial`; alone on its machine, since its clock is part of the result."""

    exclusive = True


@dataclass(frozen=True)
class RealTimeSupervisedTrial(SupervisedTrial):
    """As `SupervisedTrial`; alone on its machine."""

    exclusive = True


class _Multistart(Multistart):
    trial = RealTimeMultistartTrial


class _Supervised(Supervised):
    trial: type[RegionTrial] = RealTimeSupervisedTrial


class RealTimeProtocol(RegionProtocol):
    """Trials from anchors where the benchmark is run so, else reset-based ones, under a clock.

    Args:
        first_box: as for the others.
        fps: frames per second; 0 takes each sequence's own, and 20 where it has none.
        grace: late answers that are forgiven after each start.

    Raises:
        SettingsError: a rate or grace that cannot be.
    """

    name = "vot-realtime"

    def __init__(self, first_box: str = "bounds", fps: float = 0, grace: int = GRACE) -> None:
        super().__init__(first_box)
        self.clock = RealTime(fps or None, grace)
        self._plain = {"vot-multistart": _Multistart(first_box)}
        self._usual = _Supervised(first_box)

    def trials(self, dataset: Dataset, names: ListOf[str], repeats: int = 1, seed: int = 0) -> list[Trial]:
        """See `Protocol.trials`."""
        plain: Multistart | Supervised = self._plain.get(dataset.protocol, self._usual)
        return [replace(trial, clock=self.clock) for trial in plain.trials(dataset, names, repeats, seed)]  # type: ignore[call-arg]

    def settings(self) -> dict[str, Any]:
        """The rule for the first box, and the clock's settings."""
        return {**super().settings(), "fps": self.clock.fps or "own", "grace": self.clock.grace}

    def usual_repeats(self, deterministic: bool) -> int:
        """One: how fast a machine is differs from one run to the next anyway."""
        return 1

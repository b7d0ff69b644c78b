"""PiVOT at full load, whatever its weights find: what `trackzoo cost` and the benchmark measure."""

from __future__ import annotations

from collections.abc import Sequence as ListOf

import numpy as np
from torch import Tensor

from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.trackers.pivot.tracker import PiVOTState, PiVOTTracker
from trackzoo.trackers.tomp.boxes import Float32, Integers
from trackzoo.trackers.tomp.tracker import Step


class BusyPiVOT(PiVOTTracker):
    """Every prompt has as many candidates as CLIP may see, every frame may become a template and has a second reference.

    Random weights have no candidates that mean anything; how many there are would be chance. From the second tracked frame
    on (`settles`) each frame does all that the method can ask of one, save that no new pair of templates is embedded.
    """

    #: Frames before the first that is worth counting.
    settles = 2

    def __init__(self, tracker: PiVOTTracker) -> None:
        super().__init__(
            tracker.network,
            tracker.clip,
            tracker.refinement,
            tracker.behaviour,
            identity=tracker.identity(),
            device=tracker.device,
            dtype=tracker.dtype,
        )

    def _peaks(self, prompt: Tensor) -> tuple[Integers, Float32]:
        values = prompt.float().cpu().numpy()
        count = min(self.refinement.maxCanNum, values.size)
        best = np.argsort(-values, axis=None, kind="stable")[:count]
        # Below 1, lest CLIP be spared.
        return np.stack(np.unravel_index(best, values.shape), axis=1), values.flat[best].clip(0, 0.5)

    def _sure(self, step: Step) -> bool:
        return True

    def after(
        self, frames: ListOf[Frame], states: ListOf[PiVOTState], steps: ListOf[Step], boxes: ListOf[Floats]
    ) -> None:
        """As the tracker's; then there are templates and a second reference. A pair that is there stays."""
        before = [(state.templates.latest, state.templates.pair, state.templates.share) for state in states]
        super().after(frames, states, steps, boxes)
        for state, (latest, pair, share) in zip(states, before, strict=True):
            state.recent = state.first if state.recent is None else state.recent
            bank = state.templates
            if pair is not None:
                bank.latest, bank.pair, bank.share = latest, pair, share
            elif bank.initial is not None:
                bank.pair = bank.pair or (bank.initial, bank.initial)
                if self.refinement.prompt == "refined":
                    bank.memory = bank.memory or bank.pair

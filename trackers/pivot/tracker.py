"""PiVOT's inference for B objects at once: ToMP's, with a prompt from templates, refined by CLIP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trackzoo.errors import SettingsError
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.nn.clip import ClipVision, PooledVision, resize
from trackzoo.nn.crops import normalise
from trackzoo.nn.precision import autocast
from trackzoo.trackers.pivot.model import PiVOT50, PiVOTL
from trackzoo.trackers.pivot.refinement import (
    Candidates,
    Regression,
    box_sizes,
    candidate_crops,
    foregone,
    local_maxima,
    refine,
    similarities,
)
from trackzoo.trackers.pivot.templates import FIRST, SECOND, Template, Templates, cut_template
from trackzoo.trackers.tomp.boxes import Float32, Integers, Place
from trackzoo.trackers.tomp.tracker import Behaviour, Step, ToMPState, ToMPTracker

#: Rows of Table VI: no prompt at all; the Prompt Generation Network's; the same after CLIP.
PROMPTS = ("none", "initial", "refined")


@dataclass(frozen=True)
class Refinement:
    """Settings of prompt and templates, by their released names.

    Attributes:
        prompt: `none`, `initial`, `refined` (Table VI).
        hcanTh: τ, a candidate's least value.
        hcanKs: side of the neighbourhood whose largest value a candidate is.
        maxCanNum: so many candidates are shown to CLIP.
        simvThr: ν, importance above which a candidate becomes 1. The authors tune it for each data set.
        newimSimThr: 100 times the cosine to the first template from which on a crop may become the second. Tuned likewise.
        template_size: side of the template crops in pixels.
    """

    prompt: str = "refined"
    hcanTh: float = 0.05
    hcanKs: int = 3
    maxCanNum: int = 7
    simvThr: float = 0.25
    newimSimThr: float = 85.0
    template_size: int = 352

    def __post_init__(self) -> None:
        if self.prompt not in PROMPTS:
            raise SettingsError(f"prompt: found {self.prompt!r}, expected one of {', '.join(PROMPTS)}")
        if self.hcanKs < 1 or self.hcanKs % 2 == 0:
            raise SettingsError(f"hcanKs: found {self.hcanKs!r}, expected an odd number of cells")
        if self.maxCanNum < 1 or self.template_size < 1:
            raise SettingsError("maxCanNum, template_size: expected whole numbers from 1")


@dataclass
class PiVOTState(ToMPState):
    """What changes while one object is tracked.

    Attributes:
        templates: crops of the target.
        previous: the last frame's regression, where candidates take their sizes from.
    """

    templates: Templates = field(default_factory=Templates)
    previous: Regression | None = None


@dataclass(frozen=True)
class Refined:
    """What refinement did to one object's prompt, for probes.

    Attributes:
        candidates: all local maxima.
        crops: (N, 3, R, R) of those that were cut, before CLIP's own resizing.
        features, references: (N, D), (2, D) CLIP's of the crops and of the templates.
        shares: (N, 2) see `similarities`.
    """

    candidates: Candidates
    crops: Tensor
    features: Tensor
    references: Tensor
    shares: Tensor


class PiVOTTracker(ToMPTracker[PiVOTState]):
    """PiVOT over B objects.

    Args:
        network: with prompting.
        clip: image encoder; None where the prompt is not refined.
        refinement, behaviour: settings.
        identity: what a run's files should say of CLIP's weights.
        compile, device, dtype: see `ToMPTracker`.
    """

    network: PiVOT50 | PiVOTL
    #: Module of what `trackzoo inspect` draws.
    pictures = "trackzoo.trackers.pivot.pictures"

    def __init__(
        self,
        network: PiVOT50 | PiVOTL,
        clip: ClipVision | PooledVision | None,
        refinement: Refinement,
        behaviour: Behaviour,
        *,
        identity: Mapping[str, Any] | None = None,
        compile: bool = False,
        device: str = "cpu",
        dtype: str = "fp32",
    ) -> None:
        super().__init__(network, behaviour, compile=compile, device=device, dtype=dtype)
        self.refinement, self._identity = refinement, dict(identity or {})
        if (clip is None) is (refinement.prompt == "refined"):
            raise SettingsError(f"prompt {refinement.prompt!r}: CLIP is for refined prompts, and for nothing else")
        self.clip = clip.to(device) if clip is not None else None

    def identity(self) -> Mapping[str, Any]:
        """Name and SHA-256 of CLIP's weights."""
        return self._identity

    def new_state(self, place: Place, base: Float32, scale: float, first: Tensor) -> PiVOTState:
        """See `ToMPTracker.new_state`."""
        return PiVOTState(place, base, scale, first)

    # Before the head.

    def prompt(self, states: ListOf[PiVOTState], crops: Tensor, features: Tensor) -> Tensor:
        """Features under the prompt, of objects whose templates are ready; see `ToMPTracker.prompt`."""
        ready = [row for row, state in enumerate(states) if state.templates.pair is not None]
        self.probe("ready", ready)
        if not ready:
            self.probe("entered", features)
            return features
        self.probe("pairs", [states[row].templates.pair for row in ready])
        self._share([states[row].templates for row in ready])
        with self.stage("PGN"):
            shares = torch.stack([states[row].templates.share for row in ready])  # type: ignore[misc]
            current = features if len(ready) == len(states) else features[ready]
            prompts = self._each(self.network.prompt, shares, current)
        self.probe("prompt", prompts)
        if self.refinement.prompt == "refined":
            with self.stage("TPR"):
                prompts = self._refine([states[row] for row in ready], crops[ready], prompts)
            self.probe("refined", prompts)
        with self.stage("RM"):
            prompted = self._each(self.network.prompted, current, prompts)
        if len(ready) == len(states):
            entering = prompted
        else:
            entering = features.clone()
            entering[ready] = prompted
        self.probe("entered", entering)
        return entering

    def _share(self, banks: ListOf[Templates]) -> None:
        """Backbone features and share of pairs that are new, all objects' at once."""
        fresh = [bank for bank in banks if bank.share is None]
        if not fresh:
            return
        pairs = [bank.pair for bank in fresh if bank.pair is not None]
        lacking = list(dict.fromkeys(each for pair in pairs for each in pair if each.features is None))
        if lacking:
            found = self.backbone(torch.stack([each.image for each in lacking]))
            # Copies, here and below: what is kept must not hold its whole batch in memory.
            for template, own in zip(lacking, found, strict=True):
                template.features = own.clone()
        with self.stage("PGN"):
            stacked = torch.stack([torch.stack([each.features for each in pair]) for pair in pairs])  # type: ignore[misc]
            for bank, share in zip(fresh, self._each(self.network.test_fuse.share, stacked), strict=True):
                bank.share = share.clone()

    def _refine(self, states: ListOf[PiVOTState], crops: Tensor, prompts: Tensor) -> Tensor:
        """Prompts (B, n, n) after CLIP has seen their candidates, those of all objects in one call."""
        own = self.refinement
        maps = prompts.cpu()
        candidates: dict[int, Candidates] = {}
        asked: dict[int, Tensor] = {}
        refined = list(prompts)
        inputs: Tensor | None = None
        for row, state in enumerate(states):
            if state.templates.memory is None or state.previous is None:
                continue
            cells, scores = self._peaks(maps[row])
            sizes = box_sizes(cells, state.previous)
            candidates[row] = Candidates(cells, scores, sizes)
            seen = slice(own.maxCanNum)
            decided = foregone(scores[seen], own.simvThr)
            if decided is not None:
                refined[row] = refine(prompts[row], cells[seen], torch.from_numpy(decided).float(), 0.5)
            if len(cells) and (decided is None or self._probe is not None):
                inputs = self.network.resized(crops) if inputs is None else inputs
                asked[row] = candidate_crops(inputs[row], cells[seen], sizes[seen], self.network.side)
        memories = [each for row in asked for each in states[row].templates.memory or ()]
        found = self._encode(list(asked.values()), memories)
        refinements: dict[int, Refined] = {}
        for (row, pictures), features in zip(asked.items(), found, strict=True):
            references = self.clip_references(states[row])
            shares = similarities(features, references)
            refined[row] = refine(prompts[row], candidates[row].cells[: len(pictures)], shares.mean(1), own.simvThr)
            refinements[row] = Refined(candidates[row], pictures, features, references, shares)
        self.probe("candidates", candidates)
        self.probe("refinements", refinements)
        return torch.stack(refined)

    def _peaks(self, prompt: Tensor) -> tuple[Integers, Float32]:
        """Cells (N, 2) and values (N,) of the candidates of one prompt (n, n)."""
        return local_maxima(prompt, self.refinement.hcanTh, self.refinement.hcanKs)

    def clip_references(self, state: PiVOTState) -> Tensor:
        """CLIP's features (2, D) of what an object's candidates are compared with."""
        memory = state.templates.memory or ()
        self._encode([], memory)
        return torch.stack([each.clip for each in memory if each.clip is not None])

    # After the head.

    def after(
        self, frames: ListOf[Frame], states: ListOf[PiVOTState], steps: ListOf[Step], boxes: ListOf[Floats]
    ) -> None:
        """Keep the regression for the next frame, and let the templates follow the target; see `ToMPTracker.after`."""
        if self.refinement.prompt == "none":
            return
        with self.stage("templates"):
            crops = [
                cut_template(frame.tensor(self.device), box, self.refinement.template_size)
                for frame, box in zip(frames, boxes, strict=True)
            ]
            images = normalise(torch.stack(crops))
        self.probe("template_crops", crops)
        changed = [False] * len(states)
        offers: list[tuple[int, Template]] = []
        for row, (state, step, image) in enumerate(zip(states, steps, images, strict=True)):
            state.previous = Regression(step.ltrb, step.window.coords, frames[row].size[::-1])
            bank, number = state.templates, state.count + 1
            new = bank.known(Template(image.clone()))
            if number <= FIRST or number == SECOND:
                changed[row] = True
                if number == SECOND:
                    bank.restart(new)
                else:
                    bank.begin(new)
                    if self.refinement.prompt == "initial":
                        bank.use(new, new)
            if self.refinement.prompt == "refined" and number > FIRST and self._sure(step):
                offers.append((row, new))
        if offers:
            with self.stage("TPR"):
                self._encode([], [each for row, new in offers for each in states[row].templates.asked(new)])
            for row, new in offers:
                if states[row].templates.offer(new, self.refinement.newimSimThr):
                    changed[row] = True
        self.probe("changed", changed)

    def _sure(self, step: Step) -> bool:
        """Whether a frame's crop may become a template."""
        return step.located.flag not in ("not_found", "uncertain")

    def busiest(self) -> PiVOTTracker:
        """The same tracker as it works on its busiest frames; see `trackzoo.trackers.pivot.busy`."""
        from trackzoo.trackers.pivot.busy import BusyPiVOT

        return BusyPiVOT(self)

    def _encode(self, pictures: ListOf[Tensor], templates: ListOf[Template]) -> list[Tensor]:
        """CLIP's features (N, D) of each object's pictures (N, 3, R, R); templates that lack theirs are given them.

        One call for all; none where nothing is asked.
        """
        assert self.clip is not None
        lacking = list(dict.fromkeys(each for each in templates if each.clip is None))
        side = self.clip.size
        batch = [resize(each, side) for each in pictures] + [resize(each.image[None], side) for each in lacking]
        if not batch:
            return []
        joined = torch.cat(batch)
        with autocast(self.device, self.dtype):
            size = 1 if self.behaviour.deterministic else len(joined)
            found = torch.cat([self.clip(each) for each in torch.split(joined, size)])
        self.probe("clip_images", len(joined))
        counts = [len(each) for each in pictures]
        for template, own in zip(lacking, found[sum(counts) :], strict=True):
            template.clip = own.clone()
        return list(torch.split(found[: sum(counts)], counts)) if counts else []

"""SATracker's inference: template and text once a sequence, then a search crop about the last box; no window, no update."""

from __future__ import annotations

import warnings
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trackzoo.errors import SettingsError, TrackzooError, TrackzooWarning
from trackzoo.nn.crops import Window
from trackzoo.nn.search_tracking import CropSettings, Located, SearchState, SearchTracker
from trackzoo.sequence import Target
from trackzoo.trackers.satracker.design import design_of
from trackzoo.trackers.satracker.model import Found, SATracker, dense_scores
from trackzoo.trackers.satracker.tokenizer import LENGTH, HashedWords, WordPieces, Words, encode, find_vocabulary
from trackzoo.weights.chosen import RANDOM
from trackzoo.weights.loading import fill_from


@dataclass
class SATrackerState(SearchState):
    """One object.

    Attributes:
        templates: what `Memory.pack` gives (N,); where the template sees the search region, its crop (3, h, w) instead.
        ids: (L,) token ids of the text.
        mask: (L,) bool.
    """

    ids: Tensor
    mask: Tensor


class SATrackerTracker(SearchTracker[SATrackerState]):
    """SATracker over B objects at once.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`.
        vocabulary: file or folder of BERT's vocabulary, or `hub`; see `find_vocabulary`.
        template_size, search_size, template_factor, search_factor: crops (paper: 128 and 320 px; MixFormer: 2 and 5).
        text_length: word pieces at most, with `[CLS]` and `[SEP]`.
        remember: whether template and text are computed once a sequence, where the design allows it; false computes everything
            for each frame, to the same boxes.
        exact_crops: cut with OpenCV wherever the network runs; by default on the CPU alone.
        device, dtype, compile: see `SearchTracker`.
        design: switches and sizes of the network; see `Design`.

    Raises:
        SettingsError: a size or switch that the network cannot have; a text longer than its BERT reads.
    """

    network: SATracker
    #: Where `trackzoo inspect` finds what it draws.
    pictures = "trackzoo.trackers.satracker.pictures"

    def __init__(
        self,
        *,
        weights: Any = None,
        vocabulary: str = "",
        template_size: int = 128,
        search_size: int = 320,
        template_factor: float = 2.0,
        search_factor: float = 5.0,
        text_length: int = LENGTH,
        remember: bool = True,
        exact_crops: bool | None = None,
        device: str = "cpu",
        dtype: str = "fp32",
        compile: bool = False,
        **design: Any,
    ) -> None:
        made = design_of(design)
        if not 2 <= text_length <= made.text_positions:
            expected = f"2, which [CLS] and [SEP] take, to the {made.text_positions} places of the network's BERT"
            raise SettingsError(f"satracker: text_length is {text_length}, expected {expected}")
        network = SATracker(made)
        fill_from(network, weights)
        crops = CropSettings(template_size, search_size, (template_factor,), search_factor, exact_crops)
        super().__init__(network, crops, device=device, dtype=dtype, compile=compile)
        self.length, self.vocabulary = text_length, vocabulary
        self.remembers = remember and network.design.template_is_alone
        self._shapes = network.memory_shapes(template_size)
        self._random = isinstance(weights, str) and weights == RANDOM
        self._words: Words | None = None

    def _encode(self, texts: ListOf[str | None]) -> tuple[Tensor, Tensor]:
        """Token ids and mask (B, L) of the texts, on the device."""
        if not self.network.design.sam:
            texts = [None] * len(texts)
        elif any(text is None for text in texts):
            # A text that is there and blank was chosen so.
            told = "satracker: what has no description is tracked with the empty sentence"
            warnings.warn(told, TrackzooWarning, stacklevel=2)
        if self._words is None and any(text is not None and text.strip() for text in texts):
            self._words = self._reader()
        pairs = [encode(self._words, text or "", self.length) for text in texts]
        ids, masks = torch.tensor([pair[0] for pair in pairs]), torch.tensor([pair[1] for pair in pairs])
        return ids.to(self.device), masks.to(self.device)

    def _reader(self) -> Words:
        size = self.network.design.vocabulary_size
        try:
            return WordPieces(find_vocabulary(self.vocabulary), size)
        except TrackzooError:
            if self._random and not self.vocabulary:
                return HashedWords(size)
            raise

    def begin(self, crops: Tensor, windows: ListOf[ListOf[Window]], targets: ListOf[Target]) -> list[SATrackerState]:
        """Read each object's text, and compute the streams that never see a search region."""
        ids, masks = self._encode([target.text for target in targets])
        self.probe("text", [target.text or "" for target in targets])
        kept = crops[:, 0]
        if self.remembers:
            kept = self.network.remember(kept, ids, masks).pack()
        rows = zip(targets, kept, ids, masks, strict=True)
        return [SATrackerState(target.box.copy(), 0, own, words, mask) for target, own, words, mask in rows]

    def find(self, search: Tensor, states: ListOf[SATrackerState]) -> Found:
        """The network's answer for B search crops (B, 3, H, W)."""
        kept = torch.stack([state.templates for state in states])
        if self.remembers:
            found: Found = self.network(search, self.network.unpack(kept, self._shapes), probe=self._probe)
            return found
        ids, masks = (torch.stack([getattr(state, name) for state in states]) for name in ("ids", "mask"))
        return self.network.whole(kept, search, ids, masks, probe=self._probe)

    def locate(self, search: Tensor, states: ListOf[SATrackerState]) -> Located:
        """The expected corners; the confidence is the product of both corners' highest probabilities."""
        found = self.find(search, states)
        chance = found.logits.flatten(2).softmax(-1)
        if self._probe is not None and found.text.shape[1]:
            self.probe("matching", dense_scores(found.features.float(), found.text.float()))
        maps = chance.reshape(found.logits.shape)
        self.probe("corners", maps)
        return Located(found.boxes, chance.amax(-1).prod(1), maps.mean(1))

"""ToMP's model predictor: from reference frames and the current one to the weights of the two target models (paper, 3.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trackzoo.nn.precision import full
from trackzoo.trackers.tomp.transformer import Transformer


@dataclass(frozen=True)
class TargetModel:
    """Weights of both branches, and the features that each is applied to.

    Attributes:
        class_filter, box_filter: (B, 256) the decoder's answers for classification and box regression.
        class_features, box_features: (B, 256, n, n) the current frame after the encoder, for each branch.
    """

    class_filter: Tensor
    class_features: Tensor
    box_filter: Tensor
    box_features: Tensor


def position_encoding(side: int, frequencies: int, channels: int = 256) -> Tensor:
    """Sines and cosines of places, (side², channels) float32, row by row.

    Frequencies are linear, not exponential: channel pairs hold `sin(i · frequencies/64 · π · u)` for x and y, i = 1..64 (where
    there are 256 channels), then the cosines likewise.

    Args:
        side: cells along each side.
        frequencies: the highest, in half waves; the network's `feature_sz`.
        channels: a multiple of 4.
    """
    steps = channels // 4
    u = (torch.arange(side, dtype=torch.float32) + 0.5) / (side + 1e-6)
    rates = torch.arange(1, steps + 1, dtype=torch.float32) * (frequencies / steps) * math.pi
    angles = u[:, None] * rates  # (side, steps)
    x, y = angles[None].expand(side, -1, -1), angles[:, None].expand(-1, side, -1)
    both = torch.stack([x, y], dim=-1).flatten(2)  # (side, side, 2 · steps): x, y, x, y …
    return torch.cat([both.sin(), both.cos()], dim=-1).flatten(0, 1)


def box_encoder(width: int) -> nn.Sequential:
    """A small network over the four distances of each cell (B, 4, cells) to its tokens (B, width, cells)."""
    return nn.Sequential(
        nn.Conv1d(4, width // 4, 1),
        nn.BatchNorm1d(width // 4),
        nn.ReLU(inplace=True),
        nn.Conv1d(width // 4, width, 1),
        nn.BatchNorm1d(width),
        nn.ReLU(inplace=True),
        nn.Conv1d(width, width, 1),
    )


class FilterPredictor(nn.Module):
    """Target encoding, transformer, and what each branch sees.

    Args:
        frequencies: `feature_sz` that the network was built with: 18, 22 or 27.
        width: channels of the tokens.
        test_token: whether tokens of the current frame are marked; a checkpoint tells by having `query_embed_test`.
        transformer: other sizes than the published ones: `heads`, `hidden`, `depth`.
    """

    def __init__(self, frequencies: int, width: int = 256, test_token: bool = True, **transformer: Any) -> None:
        super().__init__()
        self.frequencies, self.width = frequencies, width
        self.transformer = Transformer(width, **transformer)
        self.box_encoding = box_encoder(width)
        self.query_embed_fg = nn.Embedding(1, width)
        if test_token:
            self.query_embed_test = nn.Embedding(1, width)
        # One parameter under two names, as in the official checkpoints.
        self.query_embed_fg_decoder = self.query_embed_fg
        self._places: dict[tuple[int, torch.device], Tensor] = {}

    def places(self, side: int, device: torch.device) -> Tensor:
        """Position encoding of one frame (side², width), made once."""
        key = (side, device)
        if key not in self._places:
            # An ordinary tensor also where inference mode is on: training may use it later.
            with torch.inference_mode(False):
                self._places[key] = position_encoding(side, self.frequencies, self.width).to(device)
        return self._places[key]

    def encode_box(self, ltrb: Tensor) -> Tensor:
        """Distances to the box's sides (B, 4, n, n), in shares of the sample, to tokens (B, n², width)."""
        out: Tensor = self.box_encoding(ltrb.flatten(2))
        return out.transpose(1, 2)

    def reference_tokens(self, features: Tensor, labels: Tensor, ltrb: Tensor) -> Tensor:
        """What the transformer gets of reference frames; made once a frame, since nothing of it changes.

        Args:
            features: (B, 256, n, n) of the head.
            labels: (B, n, n) Gaussian about the target.
            ltrb: (B, 4, n, n) distances of each cell to the box's sides, signed.

        Returns:
            (B, n², 256).
        """
        marked = features.flatten(2).transpose(1, 2) + labels.flatten(1)[..., None] * self.query_embed_fg.weight
        return marked + self.encode_box(ltrb)

    def test_tokens(self, features: Tensor) -> Tensor:
        """What the transformer gets of the current frame: (B, 256, n, n) to (B, n², 256)."""
        tokens = features.flatten(2).transpose(1, 2)
        return tokens + self.query_embed_test.weight if hasattr(self, "query_embed_test") else tokens

    def sequence(self, frames: ListOf[Tensor]) -> tuple[Tensor, Tensor]:
        """One sequence of frames, the current one last.

        Args:
            frames: tokens (B, n², 256) of each.

        Returns:
            The filter (B, 256), and the current frame's features (B, 256, n, n) after the encoder.
        """
        cells = frames[0].shape[1]
        side = math.isqrt(cells)
        places = self.places(side, frames[0].device).repeat(len(frames), 1)
        answer, memory = self.transformer(torch.cat(list(frames), dim=1), places, self.query_embed_fg_decoder.weight)
        with full(memory):
            test = memory[:, -cells:].transpose(1, 2).unflatten(2, (side, side))
            return answer[:, 0].float(), test.float()

    def forward(self, first: Tensor, second: ListOf[Tensor | None], test: Tensor) -> TargetModel:
        """Both branches' models for B objects.

        Box regression sees the first reference alone (the released tracker masks the others as keys), classification all.
        A masked frame gives nothing to the others, so it is left out of that sequence; and where there is one
        reference, both sequences are the same and run once.

        Args:
            first: (B, n², 256) tokens of the first reference of each object.
            second: B times tokens (n², 256) of the second, or None where there is none yet.
            test: (B, n², 256) tokens of the current frame.
        """
        box_filter, box_features = self.sequence([first, test])
        rows = [row for row, tokens in enumerate(second) if tokens is not None]
        if not rows:
            return TargetModel(box_filter, box_features, box_filter, box_features)
        recent = torch.stack([tokens for tokens in second if tokens is not None])
        if len(rows) == len(second):
            return TargetModel(*self.sequence([first, recent, test]), box_filter, box_features)
        class_filter, class_features = box_filter.clone(), box_features.clone()
        class_filter[rows], class_features[rows] = self.sequence([first[rows], recent, test[rows]])
        return TargetModel(class_filter, class_features, box_filter, box_features)

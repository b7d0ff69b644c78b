"""PiVOT's own modules: Prompt Generation Network and Relation Modeling (paper, Fig. 2, eqs. 2 and 3).

Parameters are named as in the official checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor, nn


def _block(inputs: int, outputs: int) -> nn.Sequential:
    """1x1 convolution without bias, norm, GELU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.GELU())


def _weight(block: nn.Sequential) -> Tensor:
    """Of a block's convolution (outputs, inputs, 1, 1)."""
    convolution = block[0]
    assert isinstance(convolution, nn.Conv2d)
    return convolution.weight


class Fusion(nn.Module):
    """Both templates and the current frame, mixed cell by cell (`test_fuse`)."""

    def __init__(self, channels: int = 1024) -> None:
        super().__init__()
        self.mlp_shrink2 = _block(3 * channels, channels)

    def share(self, templates: Tensor) -> Tensor:
        """What two templates' features (B, 2, C, n, n) add to the first convolution: (B, C, n, n).

        The convolution is linear, so this part of it is done once for as long as the templates stay.
        """
        weight = _weight(self.mlp_shrink2)
        out: Tensor = F.conv2d(templates.flatten(1, 2), weight[:, : 2 * templates.shape[2]])
        return out

    def forward(self, share: Tensor, current: Tensor) -> Tensor:
        """Templates' share and the current frame's features (B, C, n, n) to (B, C, n, n)."""
        _, norm, act = self.mlp_shrink2
        mixed = share + F.conv2d(current, _weight(self.mlp_shrink2)[:, -current.shape[1] :])
        out: Tensor = act(norm(mixed))
        return out


class ScoreHead(nn.Module):
    """One score a cell (`test_fuse_head`)."""

    def __init__(self, channels: int = 1024) -> None:
        super().__init__()
        self.mlp_head = _block(channels, 1)

    def forward(self, fused: Tensor) -> Tensor:
        """(B, C, n, n) to the initial prompt (B, n, n) in 0..1."""
        out: Tensor = self.mlp_head(fused)
        return out[:, 0].float().clamp(0, 1)


class Relation(nn.Module):
    """Relation Modeling (`hint_test_feat_head`): features under a prompt that is repeated on as many channels."""

    def __init__(self, channels: int = 1024) -> None:
        super().__init__()
        self.mlp_shrink = _block(2 * channels, channels)

    def forward(self, features: Tensor, prompt: Tensor) -> Tensor:
        """Features (B, C, n, n) and prompt (B, n, n) to prompted features (B, C, n, n) (eq. 3).

        Equal channels times their weights are one channel times the weights' sum, which halves the convolution.
        """
        _, norm, act = self.mlp_shrink
        weight, channels = _weight(self.mlp_shrink), features.shape[1]
        summed = weight[:, channels:].sum(dim=1, keepdim=True)
        mixed = F.conv2d(features, weight[:, :channels]) + F.conv2d(prompt[:, None].to(features.dtype), summed)
        out: Tensor = act(norm(mixed))
        return out


class Unused(nn.Module):
    """`test_shrink`: in the official checkpoints, never trained, never used."""

    def __init__(self, channels: int = 1024, width: int = 256) -> None:
        super().__init__()
        self.mlp_shrink = _block(channels, width)
        self.mlp_shrink_t = _block(channels, width)


class Prompting(nn.Module):
    """Mixed into ToMP's networks: the prompt of the current frame, and its features under it.

    Attributes:
        test_fuse, test_fuse_head: the Prompt Generation Network.
        hint_test_feat_head: Relation Modeling.
    """

    test_fuse: Fusion
    test_fuse_head: ScoreHead
    hint_test_feat_head: Relation

    def add_prompting(self, channels: int) -> None:
        """Make the modules."""
        self.test_fuse = Fusion(channels)
        self.test_fuse_head = ScoreHead(channels)
        self.test_shrink = Unused(channels)
        self.hint_test_feat_head = Relation(channels)

    def expect(self, names: Iterable[str]) -> None:
        """Take on, without values, the parts that a checkpoint of these names has and others lack."""

    def prompt(self, share: Tensor, current: Tensor) -> Tensor:
        """Initial prompt (B, n, n) in 0..1 of the current frame's features (B, C, n, n) (eq. 2).

        Args:
            share: of the templates; see `Fusion.share`.
            current: features of the backbone, not of the head.
        """
        out: Tensor = self.test_fuse_head(self.test_fuse(share, current))
        return out

    def prompted(self, current: Tensor, prompt: Tensor) -> Tensor:
        """Features (B, C, n, n) under the prompt (B, n, n)."""
        out: Tensor = self.hint_test_feat_head(current, prompt)
        return out

"""ToMP's head: features, model predictor, classifier and box regressor (paper, Fig. 2)."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from typing import Any

import torch
from torch import Tensor, nn

from trackzoo.nn.instance_norm import InstanceL2Norm, filter_scale
from trackzoo.nn.precision import full
from trackzoo.trackers.tomp.predictor import FilterPredictor, TargetModel


class LinearFilterClassifier(nn.Module):
    """Scores: the predicted filter against each cell's features (paper, eq. 1)."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, features: Tensor, filters: Tensor) -> Tensor:
        """Features (B, C, n, n) and filters (B, C) to scores (B, n, n), about 0 to 1, unbounded."""
        return _answers(self.linear, features, filters)


class BoxRegressor(nn.Module):
    """Distances to the box's sides: the predicted filter attends to the features, four convolutions read them."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        tower: list[nn.Module] = []
        for _ in range(4):
            tower += [nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(1, width), nn.ReLU(inplace=True)]
        self.tower = nn.Sequential(*tower)
        self.bbreg_layer = nn.Conv2d(width, 4, 3, 1, 1)

    def forward(self, features: Tensor, filters: Tensor) -> Tensor:
        """Features (B, C, n, n) and filters (B, C) to left, top, right, bottom (B, 4, n, n), in shares of the sample."""
        attention = _answers(self.linear, features, filters)
        out: Tensor = self.bbreg_layer(self.tower(features * attention[:, None])).float().exp()
        return out


def _answers(linear: nn.Linear, features: Tensor, filters: Tensor) -> Tensor:
    """The filter, after its linear layer, against each cell; small sums of what decides, so in full precision."""
    with full(features):
        return torch.einsum("bc,bchw->bhw", linear(filters.float()), features.float())


class Head(nn.Module):
    """All of ToMP behind the backbone. Its parameters are named as in the official checkpoints.

    Args:
        frequencies: `feature_sz` that the network was built with.
        channels: of the backbone's features.
        test_token, transformer: see `FilterPredictor`.
        width: channels within.
    """

    def __init__(
        self, frequencies: int, channels: int = 1024, width: int = 256, test_token: bool = True, **transformer: Any
    ) -> None:
        super().__init__()
        self.filter_predictor = FilterPredictor(frequencies, width, test_token, **transformer)
        self.feature_extractor = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1, bias=False), InstanceL2Norm(filter_scale(width, 1))
        )
        self.classifier = LinearFilterClassifier(width)
        self.bb_regressor = BoxRegressor(width)

    def features(self, backbone: Tensor) -> Tensor:
        """The backbone's features (B, C, n, n) to the head's (B, 256, n, n)."""
        out: Tensor = self.feature_extractor(backbone)
        return out

    def decide(self, model: TargetModel) -> tuple[Tensor, Tensor]:
        """Scores (B, n, n) and left, top, right, bottom (B, 4, n, n) of the current frame."""
        scores = self.classifier(model.class_features, model.class_filter)
        return scores, self.bb_regressor(model.box_features, model.box_filter)

    def forward(self, first: Tensor, second: ListOf[Tensor | None], test: Tensor) -> tuple[Tensor, Tensor]:
        """Tracking: see `FilterPredictor.forward` for what comes in, `decide` for what goes out."""
        return self.decide(self.filter_predictor(first, second, test))

    def train_forward(
        self, references: ListOf[Tensor], test: Tensor, labels: Tensor, ltrb: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Training: one sequence without a mask, whose filter and features serve both branches.

        Args:
            references: K tensors (B, C, n, n), the backbone's features of the reference frames.
            test: (B, C, n, n) of the test frame.
            labels: (K, B, n, n).
            ltrb: (K, B, 4, n, n).
        """
        predictor = self.filter_predictor
        tokens = [
            predictor.reference_tokens(self.features(each), label, box)
            for each, label, box in zip(references, labels, ltrb, strict=True)
        ]
        filters, features = predictor.sequence([*tokens, predictor.test_tokens(self.features(test))])
        return self.decide(TargetModel(filters, features, filters, features))

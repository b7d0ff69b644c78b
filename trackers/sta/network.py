"""STA's network on one frame: from a crop and a box in it to a mask.

Zhao et al.: Generating masks from boxes by mining spatio-temporal consistencies in videos, ICCV 2021, without its memory of
other frames. A first filter is learnt from what the box says; the coarse mask that it gives is encoded, a second filter is
learnt from that, and the same decoder reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trackzoo.nn.resnet import FrozenNorms, ResNet
from trackzoo.trackers.rts.decoder import Decoder
from trackzoo.trackers.rts.encoders import MaskEncoder
from trackzoo.trackers.rts.filters import Watch, apply_filters, learn_segmentation_filters
from trackzoo.trackers.rts.models import CHANNELS, TargetModel
from trackzoo.trackers.rts.network import ENCODING, LAYERS, SEGMENTATION_SIZE
from trackzoo.trackers.sta.encoders import BoxEncoder

#: Iterations of either filter, where the checkpoint does not say: what the released scripts of its kin use.
ITERATIONS = 5


@dataclass(frozen=True)
class Pass:
    """One of the two passes.

    Attributes:
        labels, weights: (B, 16, h, w) that the filter is learnt from.
        filters: (B, 16, 512, 3, 3).
        logits: (B, 1, H, W) of the mask.
    """

    labels: Tensor
    weights: Tensor
    filters: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Masks:
    """What the network computed.

    Attributes:
        maps: of the backbone, as `RTSNetwork.features`.
        features: (B, 512, h, w).
        box: (B, 16, h, w) the box's own encoding.
        coarse, final: the two passes; both are trained, the second is used.
    """

    maps: dict[str, Tensor]
    features: Tensor
    box: Tensor
    coarse: Pass
    final: Pass


class STANetwork(FrozenNorms, nn.Module):
    """The network, whose names are those of the official checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_extractor = ResNet(50, stride_in_first=True)
        self.target_model = TargetModel()
        self.target_model_segm = TargetModel(features=False)
        self.decoder = Decoder(2 * ENCODING)
        self.label_encoder = BoxEncoder()
        self.bbox_encoder = BoxEncoder()
        self.segm_encoder = MaskEncoder()

    def forward(
        self,
        crops: Tensor,
        rectangles: Tensor,
        iterations: int = ITERATIONS,
        watch: tuple[Watch | None, Watch | None] = (None, None),
    ) -> Masks:
        """Masks of boxes.

        Args:
            crops: (B, 3, H, W) as the checkpoint was run: RGB in 0..255, *not* brought to the backbone's mean and order.
            rectangles: (B, 1, H, W) the boxes as masks.
            iterations: of either filter.
            watch: sees the iterates of either.
        """
        maps = self.feature_extractor(crops, LAYERS)
        features = self.target_model.feature_extractor(maps["layer3"])
        # What the decoder makes of the features alone is the same in both passes.
        reduced = self.decoder.reduce(maps)
        size = int(crops.shape[2]), int(crops.shape[3])
        box = self.label_encoder.label(rectangles, features)

        def learn(model: TargetModel, labels: Tensor, weights: Tensor, watch: Watch | None) -> Pass:
            ones = torch.ones(1, len(features), device=features.device)
            shape = (len(features), ENCODING, CHANNELS, SEGMENTATION_SIZE, SEGMENTATION_SIZE)
            start = torch.zeros(shape, device=features.device)
            filters = learn_segmentation_filters(
                features[None],
                labels.float()[None],
                weights.float()[None],
                ones,
                start,
                model.regularisation,
                iterations,
                watch,
            )
            encoding = torch.cat([box, apply_filters(features, filters).to(box.dtype)], dim=1)
            return Pass(labels, weights, filters, self.decoder(encoding, reduced, size))

        labels, weights = self.bbox_encoder(rectangles, features)
        coarse = learn(self.target_model, labels, weights, watch[0])
        labels, weights = self.segm_encoder(coarse.logits.sigmoid())
        final = learn(self.target_model_segm, labels, weights, watch[1])
        return Masks(maps, features, box, coarse, final)

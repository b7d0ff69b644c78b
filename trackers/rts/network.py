"""RTS's network (Paul et al.: Robust visual tracking by segmentation, ECCV 2022, Fig. 2), and with fewer parts LWL's.

One frame reads:

    features = network.features(crops)                                   # backbone, once
    x = network.segmentation_features(features)                          # (B, 512, 30, 52)
    scores = apply_filters(network.classification_features(features), instance_filters)   # (B, 1, 16, 27)
    encoding = network.fuse(apply_filters(x, segmentation_filters), scores)               # (B, 16, 30, 52)
    logits = network.decode(encoding, features)                          # (B, 1, 480, 832)

and learning, from memories whose layout `filters` explains:

    labels, weights = network.encode_masks(masks)                        # once for each mask that is stored
    segmentation_filters = network.learn_segmentation(samples, labels, weights, q, segmentation_filters, 3)
    instance_filters = learn_instance_filters(samples, gaussians, q, instance_filters, 2)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trackzoo.nn.resnet import FrozenNorms, ResNet
from trackzoo.trackers.rts.box_encoder import BoxLabelEncoder
from trackzoo.trackers.rts.decoder import Decoder, resize
from trackzoo.trackers.rts.encoders import MaskEncoder
from trackzoo.trackers.rts.filters import Watch, learn_segmentation_filters
from trackzoo.trackers.rts.models import CHANNELS, Classifier, TargetModel

#: Mean pixel of Mask R-CNN's backbone, blue, green, red; no division.
MEAN = (102.9801, 115.9465, 122.7717)
#: Channels of encodings, and cells of the segmentation filter.
ENCODING, SEGMENTATION_SIZE = 16, 3
#: Pixels per cell of the segmentation features.
STRIDE = 16
LAYERS = ("layer1", "layer2", "layer3", "layer4")


class RTSNetwork(FrozenNorms, nn.Module):
    """The network, whose names are those of the official checkpoints.

    Args:
        instance: has the instance branch and the encoder of its scores (`rts50`); without it, it is LWL's network.
        box: has LWL's encoder of a first box (`lwl_boxinit`).
        filter_size: cells of the instance filter; the checkpoint's own constructor says another number than is used.
    """

    def __init__(self, instance: bool = True, box: bool = False, filter_size: int = 4) -> None:
        super().__init__()
        self.feature_extractor = ResNet(50, stride_in_first=True)
        self.target_model = TargetModel()
        self.decoder = Decoder(ENCODING)
        self.label_encoder = MaskEncoder()
        self.instance = instance
        if instance:
            self.clf_encoder = MaskEncoder(stride=1)
            self.classifier = Classifier(filter_size)
        if box:
            self.box_label_encoder = BoxLabelEncoder()

    def features(self, crops: Tensor, *, normalise: bool = True) -> dict[str, Tensor]:
        """Maps of the backbone.

        Args:
            crops: (B, 3, H, W) RGB in 0..255.
            normalise: bring them to blue, green, red less the mean; false where they are so already.

        Returns:
            `layer1` (B, 256, H/4, W/4), `layer2` (B, 512, H/8, W/8), `layer3` (B, 1024, H/16, W/16), `layer4`
            (B, 2048, H/32, W/32).
        """
        out: dict[str, Tensor] = self.feature_extractor(normalised(crops) if normalise else crops, LAYERS)
        return out

    def segmentation_features(self, features: Mapping[str, Tensor]) -> Tensor:
        """(B, 512, H/16, W/16) of a fixed norm."""
        out: Tensor = self.target_model.feature_extractor(features["layer3"])
        return out

    def classification_features(self, features: Mapping[str, Tensor]) -> Tensor:
        """(B, 512, H/32, W/32) of a fixed norm."""
        out: Tensor = self.classifier.feature_extractor(features["layer3"])
        return out

    def encode_masks(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Labels E and weights W, (B, 16, H/16, W/16) each, of masks (B, 1, H, W) in 0..1 at the crops' resolution."""
        labels, weights = self.label_encoder(masks)
        return labels, weights

    def encode_scores(self, scores: Tensor) -> Tensor:
        """H_θ: score maps (B, 1, h, w) to (B, 16, h, w)."""
        return self.clf_encoder.label(scores)

    def encode_boxes(self, x: Tensor, rectangles: Tensor) -> Tensor:
        """LWL: segmentation features (B, 512, h, w) of whole frames and rectangles (B, 1, H, W) to (B, 16, h, w)."""
        out: Tensor = self.box_label_encoder(x, rectangles)
        return out

    def fuse(self, encoding: Tensor, scores: Tensor | None = None) -> Tensor:
        """Mask encoding x_m (B, 16, h, w) plus the encoding of the score maps, resized; x_m itself without scores."""
        return encoding if scores is None else encoding + resize(self.encode_scores(scores), encoding.shape)

    def decode(self, encoding: Tensor, features: Mapping[str, Tensor], size: tuple[int, int] | None = None) -> Tensor:
        """Mask logits.

        Args:
            encoding: (B, 16, h, w), stride 16.
            features: of the backbone.
            size: (height, width) of the logits; 16 times the encoding's by default.

        Returns:
            (B, 1, *size).
        """
        size = size or (STRIDE * encoding.shape[-2], STRIDE * encoding.shape[-1])
        out: Tensor = self.decoder(encoding, self.decoder.reduce(features), size)
        return out

    def new_segmentation_filters(self, count: int) -> Tensor:
        """Filters (count, 16, 512, 3, 3) of zeros, where learning starts."""
        like = self.target_model.regularisation
        shape = (count, ENCODING, CHANNELS, SEGMENTATION_SIZE, SEGMENTATION_SIZE)
        return torch.zeros(shape, dtype=like.dtype, device=like.device)

    def learn_segmentation(
        self,
        samples: Tensor,
        labels: Tensor,
        weights: Tensor,
        importance: Tensor,
        filters: Tensor,
        iterations: int,
        watch: Watch | None = None,
    ) -> Tensor:
        """`filters.learn_segmentation_filters` with the learnt regularisation."""
        return learn_segmentation_filters(
            samples, labels, weights, importance, filters, self.target_model.regularisation, iterations, watch
        )

    def new_instance_filters(self, features: Tensor, boxes: Tensor) -> Tensor:
        """First instance filters.

        Args:
            features: (B, S, 512, h, w) classification features of each object's S samples.
            boxes: (B, S, 4) `x, y, w, h` in crop pixels.

        Returns:
            (B, 1, 512, 4, 4), where learning starts.
        """
        out: Tensor = self.classifier.filter_initializer(features, boxes)
        return out


def normalised(crops: Tensor) -> Tensor:
    """RGB in 0..255 to blue, green, red less the mean, (B, 3, H, W)."""
    return crops.float().flip(1) - torch.tensor(MEAN, device=crops.device).reshape(1, 3, 1, 1)

"""PiVOT's networks: ToMP's, with Prompt Generation Network and Relation Modeling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from trackzoo.trackers.pivot.modules import Prompting
from trackzoo.trackers.tomp.loading import ADAPTER
from trackzoo.trackers.tomp.model import Adapter, ToMP50, ToMPL


class PiVOT50(Prompting, ToMP50):
    """PiVOT-50: on ResNet-50, 18 x 18 cells. Derived from the paper: nobody has published its code.

    Args:
        side, parts: see `ToMP50`.
    """

    bkMlp: Adapter | None

    def __init__(self, side: int = 18, **parts: Any) -> None:
        ToMP50.__init__(self, side, **parts)
        self.register_module("bkMlp", None)
        self.add_prompting(1024)

    def expect(self, names: Iterable[str]) -> None:
        """See `Prompting.expect`: an adapter. The paper speaks of one for both backbones, but its baseline here has none."""
        if any(name.startswith(ADAPTER) for name in names):
            with torch.device("meta"):
                self.bkMlp = Adapter(1024)

    def features(self, crops: Tensor) -> Tensor:
        """See `ToMPNetwork.features`."""
        found = ToMP50.features(self, crops)
        return found if self.bkMlp is None else self.bkMlp(found)

    def resized(self, crops: Tensor) -> Tensor:
        """Crops (B, 3, S, S) as the backbone sees them: as they are."""
        return crops


class PiVOTL(Prompting, ToMPL):
    """PiVOT-L: on frozen DINOv2 ViT-L/14, 27 x 27 cells or 22 x 22.

    Args:
        side, parts: see `ToMPL`.
    """

    def __init__(self, side: int = 27, **parts: Any) -> None:
        ToMPL.__init__(self, side, **parts)
        self.add_prompting(self.feature_extractor.width)


#: Backbone -> the network.
NETWORKS: dict[str, type[PiVOT50] | type[PiVOTL]] = {"resnet50": PiVOT50, "dinov2": PiVOTL}

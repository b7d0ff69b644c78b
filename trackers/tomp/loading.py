"""Official checkpoints of ToMP and PiVOT to what our networks hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trackzoo.errors import DataError, SettingsError
from trackzoo.weights.cache import present, weights_file
from trackzoo.weights.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from trackzoo.weights.checkpoint import Checkpoint

#: Modules of PiVOT that ToMP-L lacks; dropping them from its checkpoint gives Table VI's row without a prompt.
PROMPTING = ("test_fuse.", "test_fuse_head.", "test_shrink.", "hint_test_feat_head.")
#: The frozen backbone's prefix, and the weights that it is when a checkpoint comes without it.
BACKBONE, DINOV2 = "feature_extractor.", "dinov2-vitl14"
#: What is trained behind the frozen backbone.
ADAPTER = "bkMlp."
_PREDICTOR = "head.filter_predictor."
#: What marks the current frame's tokens; some networks were built without.
TEST_TOKEN = f"{_PREDICTOR}query_embed_test.weight"


def head_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a checkpoint with what may rightly be missing in it.

    The foreground token stands under two names and either will do. A network that was built without marking the current
    frame's tokens has no `query_embed_test`; a token of zeros does the same.
    """
    out = dict(tensors)
    encoder, decoder = (f"{_PREDICTOR}query_embed_{name}.weight" for name in ("fg", "fg_decoder"))
    for name, other in ((encoder, decoder), (decoder, encoder)):
        if name not in out and other in out:
            out[name] = out[other]
    if encoder in out:
        out.setdefault(TEST_TOKEN, torch.zeros_like(out[encoder]))
    return out


def with_backbone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a DINOv2 tracker, with the frozen backbone from the cache where the checkpoint has none.

    Raises:
        SettingsError: it has none, and neither has the cache; says the one command that gets it.
    """
    out = head_tensors(tensors)
    if any(name.startswith(BACKBONE) for name in out):
        return out
    if not present(DINOV2):
        raise SettingsError(
            f"this checkpoint comes without its frozen backbone, and the weights '{DINOV2}' are not here: "
            f"'trackzoo weights get {DINOV2}' fetches them"
        )
    frozen = read_checkpoint(weights_file(DINOV2)).tensors
    return {**{BACKBONE + name: tensor for name, tensor in frozen.items()}, **out}


def without_prompting(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """ToMP-L's tensors of its own checkpoint or of PiVOT-L's; see `with_backbone`."""
    return with_backbone({name: tensor for name, tensor in tensors.items() if not name.startswith(PROMPTING)})


def feature_side(constructor: Any) -> int | None:
    """`feature_sz` that a checkpoint's network was built with, where it says so: 18, 22 or 27."""
    arguments = constructor.get("kwds") if isinstance(constructor, Mapping) else None
    side = arguments.get("feature_sz") if isinstance(arguments, Mapping) else None
    if isinstance(side, list) and side:  # some are built with height and width
        side = side[0]
    return side if type(side) is int else None


def check_side(expected: int) -> Callable[[str, Checkpoint], None]:
    """A check of checkpoints that say which grid they were built for; see `WeightsSpec.check`."""

    def check(path: str, checkpoint: Checkpoint) -> None:
        side = feature_side(checkpoint.constructor)
        if side is not None and side != expected:
            do = f"it is a checkpoint of the {side} x {side} grid"
            raise DataError(path, f"a network built with feature_sz {side}", f"feature_sz {expected}", do)

    return check


#: L-22 and L-27 have the same names and shapes: only what a checkpoint was built with tells them apart.
check_22, check_27 = check_side(22), check_side(27)

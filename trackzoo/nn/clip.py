"""CLIP's image encoder, through transformers, and how its two releases name its tensors.

Radford et al.: Learning transferable visual models from natural language supervision, ICML 2021. The text tower is not used.
transformers is imported when an encoder is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.errors import SettingsError
from trackzoo.nn.precision import full
from trackzoo.weights.checkpoint import locate
from trackzoo.weights.loading import fill_from
from trackzoo.weights.table import weights_specs

#: The word for the stand-in that needs no weights.
POOLED = "pooled"
#: OpenAI's names (behind `visual.`) -> transformers' names.
OPENAI_NAMES: tuple[tuple[str, str], ...] = (
    (r"class_embedding", "vision_model.embeddings.class_embedding"),
    (r"positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"conv1\.weight", "vision_model.embeddings.patch_embedding.weight"),
    (r"ln_pre\.(.+)", r"vision_model.pre_layrnorm.\1"),  # transformers' spelling
    (r"ln_post\.(.+)", r"vision_model.post_layernorm.\1"),
    (r"transformer\.resblocks\.(\d+)\.ln_([12])\.(.+)", r"vision_model.encoder.layers.\1.layer_norm\2.\3"),
    (r"transformer\.resblocks\.(\d+)\.attn\.out_proj\.(.+)", r"vision_model.encoder.layers.\1.self_attn.out_proj.\2"),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_fc\.(.+)", r"vision_model.encoder.layers.\1.mlp.fc1.\2"),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_proj\.(.+)", r"vision_model.encoder.layers.\1.mlp.fc2.\2"),
)
_JOINT = re.compile(r"transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)")


def vision_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The image encoder's tensors of any release, under transformers' names.

    Args:
        tensors: of OpenAI's file (`visual.*`), or of transformers' (`vision_model.*`, `visual_projection.*`); the text tower
            may be among them. Tensors of other names are given back as they are, to be refused by whoever checks them.
    """
    own = {name.removeprefix("visual."): each for name, each in tensors.items() if name.startswith("visual.")}
    if own:
        return _from_openai(own)
    kept = {name: each for name, each in tensors.items() if name.startswith(("vision_model.", "visual_projection."))}
    # A count that older versions of transformers saved.
    kept.pop("vision_model.embeddings.position_ids", None)
    return kept or dict(tensors)


def _from_openai(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if joint := _JOINT.fullmatch(name):
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                found[f"vision_model.encoder.layers.{joint[1]}.self_attn.{part}_proj.{joint[2]}"] = piece
        elif name == "proj":
            found["visual_projection.weight"] = tensor.T
        else:
            found[_renamed(name)] = tensor
    return found


def _renamed(name: str) -> str:
    for pattern, replacement in OPENAI_NAMES:
        if match := re.fullmatch(pattern, name):
            return match.expand(replacement)
    return f"visual.{name}"


class ImageEncoder(Protocol):
    """What makes one vector of a picture.

    Attributes:
        size: side of the pictures that it looks at.
    """

    size: int

    def __call__(self, pictures: Tensor) -> Tensor:
        """Normalised pictures (N, 3, h, w) of any side to vectors (N, width) float32."""


@dataclass(frozen=True)
class ClipSizes:
    """Sizes of the encoder; those of ViT-L/14@336px.

    Attributes:
        width, hidden, depth, heads: of the transformer.
        size, patch: side of the pictures and of their patches in pixels.
        out: length of the vectors.
    """

    width: int = 1024
    hidden: int = 4096
    depth: int = 24
    heads: int = 16
    size: int = 336
    patch: int = 14
    out: int = 768


class ClipVision(nn.Module):
    """CLIP's image encoder, `transformers.CLIPVisionModelWithProjection`, built without the network or any file.

    Args:
        sizes: of the encoder.
    """

    def __init__(self, sizes: ClipSizes | None = None) -> None:
        super().__init__()
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        sizes = sizes or ClipSizes()
        config = CLIPVisionConfig(
            hidden_size=sizes.width,
            intermediate_size=sizes.hidden,
            num_hidden_layers=sizes.depth,
            num_attention_heads=sizes.heads,
            image_size=sizes.size,
            patch_size=sizes.patch,
            projection_dim=sizes.out,
            hidden_act="quick_gelu",
            layer_norm_eps=1e-5,
        )
        # Without values, on the `meta` device: they are filled in, or the network is refused.
        with torch.device("meta"):
            self.model = CLIPVisionModelWithProjection(config)
        for module in self.model.modules():
            if "position_ids" in module._buffers:
                count = (sizes.size // sizes.patch) ** 2 + 1
                module._buffers["position_ids"] = torch.arange(count)[None]
        self.size, self.sizes = sizes.size, sizes
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised pictures (N, 3, h, w) to vectors (N, out) float32; other sides are resized without antialiasing."""
        resized = resize(pictures, self.size)
        out: Tensor = self.model(pixel_values=resized).image_embeds
        return out.float()


class PooledVision(nn.Module):
    """A stand-in for CLIP, for tests and for comparisons: means over 16 x 16 cells of the picture, 768 numbers."""

    #: Side of the pictures.
    size = 336

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised pictures (N, 3, h, w) to (N, 768) float32."""
        resized = resize(pictures, self.size)
        with full(resized):
            return F.avg_pool2d(resized.float(), self.size // 16).flatten(1)


def resize(pictures: Tensor, side: int) -> Tensor:
    """Pictures (N, 3, h, w) to (N, 3, side, side): bilinear, without antialiasing, the aspect ratio is not kept."""
    if pictures.shape[-2:] == (side, side):
        return pictures
    return F.interpolate(pictures, size=(side, side), mode="bilinear", align_corners=False)


def image_encoder(weights: Any, get: str, sizes: ClipSizes | None = None) -> ClipVision | PooledVision:
    """A filled encoder, or the stand-in.

    Args:
        weights: the name of weights in the cache; path of OpenAI's file, of a safetensors file or of a hub's local folder; a
            mapping from name to tensor; `random`; or `pooled`, the stand-in without weights.
        get: name of the weights that a person should fetch where these do not serve.
        sizes: of the encoder.

    Raises:
        SettingsError: weights that are not here or do not fit; says which command fetches those that do.
        DataError: a file that cannot be read.
    """
    if isinstance(weights, str) and weights == POOLED:
        return PooledVision()
    if isinstance(weights, str | Path) and str(weights) not in weights_specs() and Path(weights).expanduser().exists():
        weights = locate(weights)
    encoder = ClipVision(sizes)
    try:
        fill_from(encoder.model, weights, vision_tensors)
        encoder.requires_grad_(False)
    except SettingsError as error:
        text = str(error)
        if f"get {get}" not in text:
            text += f"; 'trackzoo weights get {get}' fetches those that do"
        raise SettingsError(f"CLIP: {text}") from None
    return encoder

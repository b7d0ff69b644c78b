"""DINOv2's ViT through `transformers`, with the names and the position table of the original release.

Oquab et al.: DINOv2: learning robust visual features without supervision, TMLR 2024, arXiv 2304.07193. Trackers whose
checkpoints hold the backbone name its tensors as the original does (`blocks.0.attn.qkv.weight`); `transformers` names them
otherwise, and not the same in its versions 4 and 5, so names are mapped by their endings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.errors import SettingsError

PATCH = 14
#: Patches along each side of the stored position table (518 pixels).
STORED = 37
#: The original adds this to the wanted side before it takes the ratio, against rounding; the sampling grid moves with it.
OFFSET = 0.1

#: Endings of `transformers`' names -> the original's, for tensors outside the blocks.
_OUTSIDE = {
    "embeddings.cls_token": "cls_token",
    "embeddings.mask_token": "mask_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "layernorm.weight": "norm.weight",
    "layernorm.bias": "norm.bias",
}
#: Endings within a block: `transformers` 5 and 4 -> the original's. Third of `qkv` where there is one.
_WITHIN: tuple[tuple[str, str, int | None], ...] = (
    *((name, "attn.qkv", third) for third, names in enumerate((("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value")))
      for name in names),
    ("o_proj", "attn.proj", None),
    ("output.dense", "attn.proj", None),
    ("layer_scale1.lambda1", "ls1.gamma", None),
    ("layer_scale2.lambda1", "ls2.gamma", None),
    *((name, name, None) for name in ("norm1", "norm2", "mlp.fc1", "mlp.fc2")),
)  # fmt: skip


def original_name(name: str) -> tuple[str, int | None] | None:
    """The original's name of a tensor of `transformers.Dinov2Model`, and which third of it (`qkv`) where it is a part.

    None for a name that is not the model's.
    """
    for ending, original in _OUTSIDE.items():
        if name == ending or name.endswith("." + ending):
            return original, None
    found = re.search(r"(?:^|\.)encoder\.layer\.(\d+)\.(.+)$", name)
    if found is None:
        return None
    for ending, original, third in _WITHIN:
        inside = re.search(rf"(?:^|\.){re.escape(ending)}(\.weight|\.bias)?$", found[2])
        if inside:
            return f"blocks.{found[1]}.{original}{inside[1] or ''}", third
    return None


def original_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A `transformers` checkpoint's tensors under the original's names, thirds of `qkv` put together.

    The original's own are given as they are; names that are neither's too, for a strict check to refuse them.
    """
    out: dict[str, Tensor] = {}
    thirds: dict[str, dict[int, Tensor]] = {}
    for name, tensor in tensors.items():
        original = original_name(name)
        if original is None:
            out[name] = tensor
        elif original[1] is None:
            out[original[0]] = tensor
        else:
            thirds.setdefault(original[0], {})[original[1]] = tensor
    for name, parts in thirds.items():
        if len(parts) == 3:
            out[name] = torch.cat([parts[third] for third in range(3)])
        else:
            out.update({f"{name} (part {third})": tensor for third, tensor in parts.items()})
    return out


def resized_positions(embedding: Tensor, side: int) -> Tensor:
    """The position table for `side` x `side` patches, as the original resizes it.

    Bicubic without antialiasing by the factor (side + 0.1) / 37, not to a size: the grid that is sampled differs, and with it
    the features by 0.7 %.

    Args:
        embedding: (1, 1 + 37², width), the class token's place first.
        side: patches along each side.

    Returns:
        (1, 1 + side², width).
    """
    stored = math.isqrt(embedding.shape[1] - 1)
    if side == stored:
        return embedding
    table = embedding[:, 1:].float().reshape(1, stored, stored, -1).permute(0, 3, 1, 2)
    factor = (side + OFFSET) / stored
    table = F.interpolate(table, scale_factor=(factor, factor), mode="bicubic", align_corners=False)
    return torch.cat([embedding[:, :1], table.flatten(2).transpose(1, 2).to(embedding.dtype)], dim=1)


class DinoV2(nn.Module):
    """DINOv2 ViT without register tokens. Its state dict has the original's names; nothing is fetched.

    Args:
        width, depth, heads: of the ViT; ViT-L/14 by default.
    """

    def __init__(self, width: int = 1024, depth: int = 24, heads: int = 16) -> None:
        super().__init__()
        from transformers import Dinov2Config, Dinov2Model

        self.width = width
        config = Dinov2Config(
            hidden_size=width,
            num_hidden_layers=depth,
            num_attention_heads=heads,
            mlp_ratio=4,
            image_size=STORED * PATCH,
            patch_size=PATCH,
            layer_norm_eps=1e-6,
            hidden_act="gelu",
            qkv_bias=True,
            use_swiglu_ffn=False,
        )
        self.model = Dinov2Model(config)
        embeddings: Any = self.model.embeddings
        embeddings.interpolate_pos_encoding = self._positions
        self._table: tuple[tuple[Any, ...], Tensor] | None = None

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised pictures (B, 3, H, W), sides multiples of 14, to tokens (B, 1 + patches, width) after the final norm."""
        tokens: Tensor = self.model(pictures).last_hidden_state
        return tokens

    def patches(self, pictures: Tensor) -> Tensor:
        """Square pictures (B, 3, S, S) to patch tokens as a map (B, width, S/14, S/14)."""
        side = pictures.shape[-1] // PATCH
        tokens: Tensor = self(pictures)
        return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, side, side)

    def _positions(self, embeddings: Tensor, height: int, width: int) -> Tensor:
        """Stands in for `Dinov2Embeddings.interpolate_pos_encoding`."""
        if height != width:
            raise SettingsError(f"DINOv2: found a picture of {width}x{height} pixels, expected a square")
        return self.positions(height // PATCH)

    def positions(self, side: int) -> Tensor:
        """The position table (1, 1 + side², width) as `resized_positions` gives it, made once."""
        stored: Tensor = self.model.embeddings.position_embeddings
        if torch.is_grad_enabled() and stored.requires_grad:
            return resized_positions(stored, side)
        key = (side, stored.device, stored.dtype, stored.data_ptr(), stored._version)
        if self._table is None or self._table[0] != key:
            # An ordinary tensor also where inference mode is on: training may use it later.
            with torch.inference_mode(False), torch.no_grad():
                self._table = (key, resized_positions(stored, side).clone())
        return self._table[1]

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """As `nn.Module.state_dict`, under the original's names."""
        own = self.model.state_dict(keep_vars=keep_vars)
        out = {} if destination is None else destination
        out.update({prefix + name: tensor for name, tensor in original_tensors(own).items()})
        return out

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Puts the wrapped model's names in place of the original's, before its own modules look for theirs."""
        for name in self.model.state_dict(keep_vars=True):
            original = original_name(name)
            if original is None or prefix + original[0] not in state_dict:
                continue
            tensor = state_dict[prefix + original[0]]
            part = tensor if original[1] is None else tensor.chunk(3)[original[1]]
            state_dict[f"{prefix}model.{name}"] = part
        for original in {original_name(name) for name in self.model.state_dict(keep_vars=True)}:
            state_dict.pop(prefix + original[0] if original else "", None)
        super()._load_from_state_dict(state_dict, prefix, *args)


def backbone_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `trackzoo weights add dinov2-vitl14` takes in: the original file's tensors, or a hub folder's.

    Raises:
        SettingsError: another size of ViT, or one with register tokens.
    """
    found = original_tensors(tensors)
    if any("register_tokens" in name for name in found):
        raise SettingsError(
            "found DINOv2 with register tokens, expected dinov2_vitl14 without them: "
            "'trackzoo weights get dinov2-vitl14' fetches it"
        )
    width = found["cls_token"].shape[-1] if "cls_token" in found else 1024
    if width != 1024:
        sizes = {384: "ViT-S", 768: "ViT-B", 1536: "ViT-g"}
        raise SettingsError(
            f"found a DINOv2 of width {width} ({sizes.get(width, 'unknown')}), expected ViT-L/14 of width 1024: "
            "'trackzoo weights get dinov2-vitl14' fetches it"
        )
    return found

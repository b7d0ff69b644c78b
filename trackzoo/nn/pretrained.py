"""Published encoders as a start for the one-stream trackers: MAE, CAE, or another tracker's checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trackzoo.errors import SettingsError
from trackzoo.nn.onestream import OneStreamEncoder
from trackzoo.nn.vit import resize_position_embedding

#: Tensors of whole checkpoints that an encoder does not use.
LEFT_OUT = ("decoder", "mask_token", "head.", "fc_norm", "cls_token", "lm_head", "pretext_neck", "teacher", "alignment")


def kind_of(tensors: Mapping[str, Tensor]) -> str:
    """Which release tensors come from, by their names: `cae`, `ostrack` or `mae` (timm's ViT-B counts as MAE).

    Raises:
        SettingsError: none of them.
    """
    if any(name.startswith("encoder.blocks.") for name in tensors):
        return "cae"
    if any(name.startswith("backbone.blocks.") for name in tensors):
        return "ostrack"
    if any(name.startswith("blocks.") for name in tensors):
        return "mae"
    first = ", ".join(sorted(tensors)[:3])
    raise SettingsError(f"found tensors named {first} …, expected an encoder of MAE, CAE or OSTrack")


def cae_block(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CAE encoder's tensors under our names: its separate query and value biases become one, with a key bias of zero.

    A key's bias adds the same to all scores of a query, which the softmax cancels: nothing is lost.
    """
    out: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        stem, _, last = name.rpartition(".")
        if last == "q_bias":
            value = tensors[f"{stem}.v_bias"]
            out[f"{stem}.qkv.bias"] = torch.cat([tensor, torch.zeros_like(tensor), value])
        elif last != "v_bias":
            out[name] = tensor
    return out


def start_encoder(encoder: OneStreamEncoder, tensors: Mapping[str, Tensor]) -> str:
    """Fill an encoder from a published one; position embeddings are resized to its grids.

    Args:
        encoder: to be filled in place.
        tensors: the checkpoint's, under its own names (MAE: its key `model`; CAE: `model`, prefix `encoder.`; OSTrack: `net`).

    Returns:
        `mae`, `cae` or `ostrack`.

    Raises:
        SettingsError: tensors that are missing, left over, or of another shape; all are listed.
    """
    kind = kind_of(tensors)
    prefix = {"mae": "", "cae": "encoder.", "ostrack": "backbone."}[kind]
    found = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
    if kind == "cae":
        found = cae_block(found)
    class_token = kind != "ostrack"
    template = found.pop("pos_embed_z", None) if kind == "ostrack" else found.get("pos_embed")
    search = found.pop("pos_embed_x", None) if kind == "ostrack" else found.get("pos_embed")
    found.pop("pos_embed", None)
    if template is not None and search is not None:
        for name, embedding, side in (
            ("pos_embed_z", template, encoder.template_side),
            ("pos_embed_x", search, encoder.search_side),
        ):
            same = not class_token and embedding.shape[1] == side * side
            found[name] = embedding if same else resize_position_embedding(embedding, side, class_token)
    own = encoder.state_dict()
    # A network with layer scale that starts from one without multiplies by 1.
    found.update({name: torch.ones_like(own[name]) for name in own if "gamma_" in name and name not in found})
    found.update({name: own[name] for name in ("cls_token", "pos_embed") if name in own})
    extra = [name for name in found if name not in own and not name.startswith(LEFT_OUT)]
    faults = [f"missing {name}" for name in own if name not in found] + [f"unexpected {name}" for name in extra]
    for name in own.keys() & found.keys():
        if own[name].shape != found[name].shape:
            faults.append(f"{name} of shape {tuple(found[name].shape)} for {tuple(own[name].shape)}")
    if faults:
        more = f" and {len(faults) - 8} more" if len(faults) > 8 else ""
        raise SettingsError(f"the {kind} encoder does not fit: {'; '.join(faults[:8])}{more}")
    encoder.load_state_dict({name: found[name] for name in own})
    return kind

"""Published encoders as a start: CvT-21 (original release or Hugging Face), BERT, or a whole MixFormer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from trackzoo.errors import SettingsError
from trackzoo.trackers.satracker.model import SATracker
from trackzoo.weights.checkpoint import locate, read_checkpoint
from trackzoo.weights.chosen import weights_path
from trackzoo.weights.table import weights_specs

#: Tensors by name, or where they lie: a name in the cache (`cvt-21`), a file, a folder of the hub.
Source = Mapping[str, Tensor] | str | Path

#: Parts of names of the original CvT release -> of Hugging Face's port, in the order in which they are looked for.
PARTS = (
    ("patch_embed.proj", "embedding.convolution_embeddings.projection"),
    ("patch_embed.norm", "embedding.convolution_embeddings.normalization"),
    ("attn.proj_q", "attention.attention.projection_query"),
    ("attn.proj_k", "attention.attention.projection_key"),
    ("attn.proj_v", "attention.attention.projection_value"),
    ("attn.proj", "attention.output.dense"),
    ("mlp.fc1", "intermediate.dense"),
    ("mlp.fc2", "output.dense"),
    ("norm1", "layernorm_before"),
    ("norm2", "layernorm_after"),
)
_CONV = "attention.attention.convolution_projection_{}.convolution_projection.{}"
#: Tensors of whole checkpoints that have no place here.
LEFT_OUT = re.compile(
    r"(cvt\.)?layernorm\.|classifier\.|norm\.|head\.|backbone\.norm\.|backbone\.head\.|(backbone\.)?stage2\.cls_token|"
    r"bert\.pooler\.|pooler\.|cls\.|.*position_ids$|cvt\.encoder\.stages\.2\.cls_token|encoder\.stages\.2\.cls_token"
)


def cvt_name(name: str) -> str:
    """The name in Hugging Face's `CvtModel`, behind `cvt.`, of a tensor of the original release (`stage{i}.…`)."""
    found = re.fullmatch(r"stage(\d)\.(?:blocks\.(\d+)\.)?(.+)", name)
    if found is None:
        raise ValueError(f"'{name}' is no tensor of CvT's stages")
    stage, block, rest = found.groups()
    if rest == "cls_token":
        return f"cvt.encoder.stages.{stage}.cls_token"
    head = f"cvt.encoder.stages.{stage}." + ("" if block is None else f"layers.{block}.")
    convolution = re.fullmatch(r"attn\.conv_proj_([qkv])\.(conv|bn)\.(.+)", rest)
    if convolution is not None:
        which = {"q": "query", "k": "key", "v": "value"}[convolution[1]]
        kind = {"conv": "convolution", "bn": "normalization"}[convolution[2]]
        return f"{head}{_CONV.format(which, kind)}.{convolution[3]}"
    for own, theirs in PARTS:
        if rest.startswith(own + "."):
            return f"{head}{theirs}{rest.removeprefix(own)}"
    raise ValueError(f"'{name}' is no tensor of CvT's blocks")


def as_hub_cvt(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """CvT-21 of either release under the names of the hub's: what the cache keeps as `cvt-21`.

    What is not the encoder's (`classifier`, `layernorm`, `head`, `norm`) is left out.
    """
    kept = {name.removeprefix("backbone."): tensor for name, tensor in tensors.items()}
    if any(name.startswith("stage0.") for name in kept):
        kept = {cvt_name(name): tensor for name, tensor in kept.items() if name.startswith("stage")}
        return _counted(kept)
    kept = {name if name.startswith("cvt.") else f"cvt.{name}": tensor for name, tensor in kept.items()}
    return _counted({name: tensor for name, tensor in kept.items() if name.startswith("cvt.encoder.")})


def _counted(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Norms that were frozen in training (MixFormer) carry no count of batches, which has no meaning for them."""
    for name in [name for name in tensors if name.endswith("running_mean")]:
        tensors.setdefault(name.removesuffix("running_mean") + "num_batches_tracked", torch.zeros((), dtype=torch.long))
    return tensors


def as_bert(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """BERT of either naming under `bert.`: what the cache keeps as `bert-base-uncased`.

    Old files say `gamma` and `beta` for the norms' `weight` and `bias`; the heads of pre-training, the pooler and the list of
    positions are left out.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        own = name if name.startswith(("bert.", "cls.")) else f"bert.{name}"
        own = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", own)
        own = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", own)
        if not LEFT_OUT.match(own):
            found[own] = tensor
    return found


def tensors_of(source: Source) -> Mapping[str, Tensor]:
    """Tensors by name, read where a name or a place is given. Nothing in a file is executed.

    Raises:
        SettingsError: weights that are known and not here; says how to get them.
        DataError: no such file, or one that cannot be read.
    """
    if isinstance(source, Mapping):
        return source
    path = weights_path(source) if source in weights_specs() else locate(source)
    return read_checkpoint(path).tensors


def start_network(
    network: SATracker, *, cvt: Source | None = None, bert: Source | None = None, mixformer: Source | None = None
) -> None:
    """Fill parts of a network from published ones, each wholly or not at all; the rest keeps its initialisation.

    Args:
        network: filled in place.
        cvt: CvT-21 under the names of the original release or of the hub.
        bert: BERT under the hub's names, with or without `bert.`.
        mixformer: a MixFormer (CvT-21) checkpoint: backbone and head. Give this or `cvt`.

    Raises:
        SettingsError: tensors that are missing, left over, or of another shape; both `cvt` and `mixformer`; BERT for a network
            without text; weights that are known and not here.
        DataError: a file that is not there or cannot be read.
    """
    if cvt is not None and mixformer is not None:
        raise SettingsError("found CvT's and MixFormer's weights for one backbone, expected one of them")
    if bert is not None and not network.design.sam:
        raise SettingsError("this network has no SAM and no BERT: there is nothing for BERT's weights to fill")
    parts: list[tuple[str, dict[str, Tensor], tuple[str, ...]]] = []
    if cvt is not None:
        parts.append(("CvT", as_hub_cvt(tensors_of(cvt)), ("backbone.stage",)))
    if mixformer is not None:
        whole = tensors_of(mixformer)
        found = {name: each for name, each in whole.items() if not name.startswith("box_head.")}
        head = {name: each for name, each in whole.items() if name.startswith("box_head.")}
        parts.append(("MixFormer", {**as_hub_cvt(found), **_counted(head)}, ("backbone.stage", "box_head.")))
    if bert is not None:
        parts.append(("BERT", as_bert(tensors_of(bert)), ("bert.",)))
    filled = {name: tensor for title, tensors, stems in parts for name, tensor in _fit(network, title, tensors, stems)}
    # Only now, when everything fits.
    network.load_state_dict(filled, strict=False)


def _fit(
    network: nn.Module, title: str, tensors: dict[str, Tensor], stems: tuple[str, ...]
) -> list[tuple[str, Tensor]]:
    own = {name: each for name, each in network.state_dict().items() if name.startswith(stems)}
    wanted = {name: cvt_name(name.removeprefix("backbone.")) if "backbone." in name else name for name in own}
    faults = [f"missing {name}" for name in wanted.values() if name not in tensors]
    spare = tensors.keys() - set(wanted.values())
    faults += [f"unexpected {name}" for name in sorted(spare) if not LEFT_OUT.match(name)]
    for name, theirs in wanted.items():
        if theirs in tensors and tensors[theirs].shape != own[name].shape:
            faults.append(f"{theirs} of shape {tuple(tensors[theirs].shape)} for {tuple(own[name].shape)}")
    if faults:
        more = f" and {len(faults) - 6} more" if len(faults) > 6 else ""
        raise SettingsError(f"the weights of {title} do not fit: {'; '.join(faults[:6])}{more}; nothing was filled")
    return [(name, tensors[theirs]) for name, theirs in wanted.items()]

"""CLIP's image encoder: names of both releases, what is refused, and the stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

import trackzoo.trackers.pivot as plugin
from trackzoo.errors import DataError, SettingsError
from trackzoo.nn.clip import ClipSizes, ClipVision, PooledVision, image_encoder, vision_tensors
from trackzoo.trackers.pivot.build import CLIP

TINY = ClipSizes(width=12, hidden=24, depth=2, heads=2, size=28, patch=14, out=6)


def openai(sizes: ClipSizes = TINY, seed: int = 0) -> dict[str, Tensor]:
    """Tensors as OpenAI names them, among some of the text tower."""
    generator = torch.Generator().manual_seed(seed)
    width, hidden = sizes.width, sizes.hidden
    shapes: dict[str, tuple[int, ...]] = {
        "class_embedding": (width,),
        "positional_embedding": ((sizes.size // sizes.patch) ** 2 + 1, width),
        "proj": (width, sizes.out),
        "conv1.weight": (width, 3, sizes.patch, sizes.patch),
    }
    for norm in ("ln_pre", "ln_post"):
        shapes |= {f"{norm}.weight": (width,), f"{norm}.bias": (width,)}
    for index in range(sizes.depth):
        block = f"transformer.resblocks.{index}"
        shapes |= {
            f"{block}.attn.in_proj_weight": (3 * width, width),
            f"{block}.attn.in_proj_bias": (3 * width,),
            f"{block}.attn.out_proj.weight": (width, width),
            f"{block}.attn.out_proj.bias": (width,),
            f"{block}.mlp.c_fc.weight": (hidden, width),
            f"{block}.mlp.c_fc.bias": (hidden,),
            f"{block}.mlp.c_proj.weight": (width, hidden),
            f"{block}.mlp.c_proj.bias": (width,),
        }
        shapes |= {f"{block}.{norm}.{part}": (width,) for norm in ("ln_1", "ln_2") for part in ("weight", "bias")}
    found = {f"visual.{name}": 0.3 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return found | {"token_embedding.weight": torch.zeros(3, 4), "logit_scale": torch.tensor(4.6)}


@torch.no_grad()
def by_hand(tensors: dict[str, Tensor], pictures: Tensor, heads: int) -> Tensor:
    """The encoder as the paper's code describes it, from OpenAI's names."""
    import torch.nn.functional as F

    w = {name.removeprefix("visual."): each for name, each in tensors.items()}
    width = len(w["class_embedding"])
    patches = F.conv2d(pictures, w["conv1.weight"], stride=14).flatten(2).transpose(1, 2)
    x = torch.cat([w["class_embedding"].expand(len(pictures), 1, -1), patches], dim=1) + w["positional_embedding"]
    x = F.layer_norm(x, (width,), w["ln_pre.weight"], w["ln_pre.bias"])
    index = 0
    while f"transformer.resblocks.{index}.ln_1.weight" in w:
        block = f"transformer.resblocks.{index}."
        y = F.layer_norm(x, (width,), w[block + "ln_1.weight"], w[block + "ln_1.bias"])
        joint = F.linear(y, w[block + "attn.in_proj_weight"], w[block + "attn.in_proj_bias"])
        q, k, v = (each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in joint.chunk(3, dim=-1))
        y = ((q @ k.transpose(-1, -2) / (width // heads) ** 0.5).softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + F.linear(y, w[block + "attn.out_proj.weight"], w[block + "attn.out_proj.bias"])
        y = F.layer_norm(x, (width,), w[block + "ln_2.weight"], w[block + "ln_2.bias"])
        y = F.linear(y, w[block + "mlp.c_fc.weight"], w[block + "mlp.c_fc.bias"])
        y = y * torch.sigmoid(1.702 * y)
        x = x + F.linear(y, w[block + "mlp.c_proj.weight"], w[block + "mlp.c_proj.bias"])
        index += 1
    return F.layer_norm(x[:, 0], (width,), w["ln_post.weight"], w["ln_post.bias"]) @ w["proj"]


def test_openais_names_give_what_openais_network_gives() -> None:
    tensors, pictures = openai(), torch.randn(2, 3, 28, 28)
    encoder = image_encoder(tensors, CLIP, TINY)
    torch.testing.assert_close(encoder(pictures), by_hand(tensors, pictures, TINY.heads), atol=1e-5, rtol=1e-5)


def test_transformers_names_are_taken_with_or_without_a_text_tower(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    tensors = openai()
    own = {name: each.contiguous() for name, each in vision_tensors(tensors).items()}
    extra = {"text_model.x": torch.zeros(2), "text_projection.weight": torch.zeros(2, 2), "logit_scale": torch.zeros(1)}
    extra["vision_model.embeddings.position_ids"] = torch.arange(5)[None]
    assert set(vision_tensors(own | extra)) == set(own)
    (tmp_path / "folder").mkdir()
    save_file(own | extra, tmp_path / "folder" / "model.safetensors")
    pictures = torch.randn(1, 3, 28, 28)
    wanted = image_encoder(tensors, CLIP, TINY)(pictures)
    for place in (tmp_path / "folder", tmp_path / "folder" / "model.safetensors"):
        for spelling in (place, str(place)):
            torch.testing.assert_close(image_encoder(spelling, CLIP, TINY)(pictures), wanted)


def test_the_shipped_manifest_is_the_encoders() -> None:
    wanted = json.loads(Path(plugin.__file__).with_name("clip.json").read_text())
    found = ClipVision().model.state_dict()
    assert {name: list(each.shape) for name, each in found.items()} == {n: e["shape"] for n, e in wanted.items()}
    assert sum(each.numel() for each in found.values()) == 304_293_888


@pytest.mark.parametrize(
    "weights",
    [
        openai(ClipSizes(width=16, hidden=24, depth=2, heads=2, size=28, patch=14, out=6)),
        {name: each for name, each in openai().items() if "ln_post" not in name},
        openai() | {"visual.new": torch.zeros(1)},
        {"something.else": torch.zeros(1)},
        CLIP,
    ],
    ids=["wider", "part", "more", "other", "absent"],
)
def test_what_does_not_serve_is_refused_with_the_command_that_gets_it(weights: object) -> None:
    with pytest.raises(SettingsError, match=f"trackzoo weights get {CLIP}") as caught:
        image_encoder(weights, CLIP, TINY)
    assert len(str(caught.value).splitlines()) == 1


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere.pt"):
        image_encoder(tmp_path / "nowhere.pt", CLIP, TINY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        image_encoder(str(tmp_path / "empty"), CLIP, TINY)


def test_the_stand_in_is_means_of_cells() -> None:
    encoder = image_encoder("pooled", CLIP)
    assert isinstance(encoder, PooledVision)
    picture = torch.randn(1, 3, 336, 336)
    found = encoder(picture)
    assert found.shape == (1, 768)
    assert found[0, 256 + 17] == pytest.approx(float(picture[0, 1, 21:42, 21:42].mean()), abs=1e-5)
    assert encoder(torch.randn(3, 3, 50, 70)).shape == (3, 768)

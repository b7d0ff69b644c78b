"""Blocks, pruning, heads: shapes, and fast paths beside plain ones."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st

from trackzoo.errors import SettingsError
from trackzoo.nn.distribution import DistributionHead, cell_boxes, corners_at, positive_cells
from trackzoo.nn.elimination import eliminate, keep_rate, restore, survivors, template_tokens
from trackzoo.nn.heads import CentreHead, CornerHead, best_cell, centre_boxes
from trackzoo.nn.heat import gaussian_radius, heat_maps
from trackzoo.nn.onestream import OneStreamEncoder
from trackzoo.nn.pretrained import kind_of, start_encoder
from trackzoo.nn.vit import Attention, Block, DropPath, resize_position_embedding
from trackzoo.nn.windows import hann


def plain_attention(attention: Attention, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    query, key, value = attention.split(tokens)
    chance = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(-1)
    return attention.join(chance @ value), chance


def test_fused_attention_equals_the_plain_one() -> None:
    attention, tokens = Attention(48, 3), torch.randn(2, 11, 48)
    out, chance = plain_attention(attention, tokens)
    assert torch.allclose(attention(tokens), out, atol=1e-6)
    fused, rows = attention.forward_with_rows(tokens, torch.tensor([4, 9]))
    assert torch.allclose(fused, out, atol=1e-6)
    assert torch.allclose(rows, chance[:, :, [4, 9]], atol=1e-6)
    assert torch.allclose(attention.forward_from(tokens, 7), out[:, 7:], atol=1e-6)


def test_the_encoder_gives_the_same_with_and_without_a_probe() -> None:
    """Without one, the last block spares the templates."""
    torch.manual_seed(0)
    encoder = OneStreamEncoder(128, 128, {1: 0.7}, width=48, depth=3, heads=3).eval()
    templates, search = torch.randn(2, 128, 48), torch.randn(2, 64, 48)
    names: list[str] = []
    watched = encoder(templates, search, probe=lambda name, _: names.append(name))
    assert torch.allclose(watched, encoder(templates, search), atol=1e-6)
    assert names == ["embedded", "block0", "elimination0", "block1", "block2"]
    assert (watched.abs().sum(-1) == 0).sum(1).tolist() == [64 - survivors(0.7, 64)] * 2
    assert (encoder(templates, search, keep=1.0).abs().sum(-1) > 0).all()


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0.05, 1.0), st.integers(0, 1000))
def test_elimination_keeps_the_most_attended(count: int, ratio: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    attention = torch.rand(2, 3, 2, count, generator=generator)
    tokens = torch.arange(count, dtype=torch.float32).reshape(1, -1, 1).expand(2, -1, 1)
    positions = torch.arange(count).expand(2, -1)
    left, where, weights = eliminate(tokens, positions, attention, ratio)
    keep = math.ceil(ratio * count)
    assert left.shape == (2, keep, 1)
    for sample in range(2):
        assert left[sample, :, 0].long().tolist() == where[sample].tolist()
        kept = weights[sample, where[sample]]
        dropped = weights[sample, [i for i in range(count) if i not in where[sample].tolist()]]
        assert dropped.numel() == 0 or kept.min() >= dropped.max()
    grid = restore(left + 1, where, count)
    assert (grid[0, :, 0] > 0).sum() == keep


def test_template_tokens() -> None:
    assert template_tokens(8).tolist() == [27]
    assert template_tokens(12).tolist() == [65]
    assert len(template_tokens(8, "all")) == 64
    with pytest.raises(ValueError, match="side 9"):
        template_tokens(9)
    with pytest.raises(ValueError, match="rectangle"):
        template_tokens(14, "rectangle")
    with pytest.raises(ValueError, match="unknown region 'box'"):
        template_tokens(8, "box")


def test_keep_rate_falls_from_one_to_the_ratio() -> None:
    rates = [keep_rate(epoch) for epoch in range(1, 301)]
    assert rates[:20] == [1.0] * 20
    assert rates[-1] == 0.7
    assert rates == sorted(rates, reverse=True)


def test_drop_path_keeps_the_mean_and_leaves_evaluation_alone() -> None:
    torch.manual_seed(0)
    drop = DropPath(0.25)
    ones = torch.ones(4000, 2)
    dropped = drop.train()(ones)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert dropped.mean().item() == pytest.approx(1, abs=0.05)
    assert (dropped[:, 0] == dropped[:, 1]).all()  # whole samples
    assert torch.equal(drop.eval()(ones), ones)


def test_layer_scale_scales_both_residuals() -> None:
    block, tokens = Block(48, 3, layer_scale=True).eval(), torch.randn(1, 5, 48)
    assert block.gamma_1 is not None
    assert block.gamma_2 is not None
    with torch.no_grad():
        block.gamma_1.zero_()
        block.gamma_2.zero_()
    assert torch.equal(block(tokens), tokens)


def test_position_embeddings_of_the_same_grid_stay() -> None:
    grid = torch.randn(1, 64, 5)
    assert torch.allclose(resize_position_embedding(grid, 8, class_token=False), grid, atol=1e-6)
    with pytest.raises(ValueError, match="not a square"):
        resize_position_embedding(torch.randn(1, 65, 5), 8, class_token=False)


def test_hann_is_symmetric_positive_and_highest_in_the_middle() -> None:
    window = hann(16)
    assert torch.allclose(window, window.flip(0))
    assert torch.equal(window, window.T)
    assert window.min() > 0
    assert window.argmax() in (7 * 16 + 7, 7 * 16 + 8, 8 * 16 + 7, 8 * 16 + 8)


def test_centre_boxes_read_the_chosen_cell() -> None:
    sizes, offsets = torch.rand(2, 2, 4, 4), torch.rand(2, 2, 4, 4)
    found = centre_boxes(torch.tensor([6, 13]), sizes, offsets)
    assert found[0].tolist() == pytest.approx(
        [(2 + offsets[0, 0, 1, 2].item()) / 4, (1 + offsets[0, 1, 1, 2].item()) / 4, *sizes[0, :, 1, 2].tolist()]
    )
    assert found[1, 0].item() == pytest.approx((1 + offsets[1, 0, 3, 1].item()) / 4)
    assert best_cell(torch.tensor([[[0.0, 2.0], [2.0, 1.0]]])).tolist() == [1]  # the first of equals


def test_heads_give_what_they_say() -> None:
    features = torch.randn(2, 32, 8, 8)
    scores, sizes, offsets = CentreHead(32, 16).eval()(features)
    assert scores.shape == (2, 1, 8, 8)
    assert sizes.shape == offsets.shape == (2, 2, 8, 8)
    assert 1e-4 <= scores.min() <= scores.max() <= 1 - 1e-4
    logits, boxes = CornerHead(32, 16).eval()(features)
    assert logits.shape == (2, 2, 8, 8)
    assert boxes.shape == (2, 4)
    maps = DistributionHead(32, 16, bins=8, top=3).eval()(features)
    assert maps.bins.shape == (2, 4, 9, 8, 8)
    assert maps.statistics.shape == (2, 16, 8, 8)
    assert 0 <= maps.distances.min() <= maps.distances.max() <= 8
    assert torch.allclose(maps.score, torch.sigmoid(maps.logits) * maps.quality)
    # An untrained classifier says about one in a hundred.
    assert torch.sigmoid(maps.logits).mean().item() == pytest.approx(0.01, rel=0.3)


@torch.no_grad()
def test_corners_are_expectations() -> None:
    head = CornerHead(32, 16).eval()
    logits, boxes = head(torch.randn(1, 32, 8, 8))
    chance = logits[0, 0].flatten().softmax(0).reshape(8, 8)
    x1 = sum(chance[:, column].sum().item() * column / 8 for column in range(8))
    y1 = sum(chance[row].sum().item() * row / 8 for row in range(8))
    assert [boxes[0, 0] - boxes[0, 2] / 2, boxes[0, 1] - boxes[0, 3] / 2] == pytest.approx([x1, y1], abs=1e-6)


def test_cell_boxes_and_back() -> None:
    distances = torch.zeros(1, 4, 4, 4)
    distances[0, :, 1, 2] = torch.tensor([0.5, 0.25, 1.5, 0.75])
    assert corners_at(cell_boxes(distances), torch.tensor([6]))[0].tolist() == pytest.approx(
        [(2.0 + 4.0) / 2 / 4, (1.25 + 2.25) / 2 / 4, 2 / 4, 1 / 4]
    )


def test_positive_cells() -> None:
    boxes = torch.tensor([[0.25, 0.5, 0.5, 1.5], [0.5, 0.5, 0.51, 0.51], [-1.0, 0.0, 0.125, 0.125]])
    cells = positive_cells(boxes, 4)
    assert cells[0].nonzero().tolist() == [[2, 1], [3, 1]]
    assert cells[1].nonzero().tolist() == [[2, 2]]  # smaller than a cell, and not lost
    assert cells[2].nonzero().tolist() == [[0, 0]]  # a cell's centre on the far edge counts


def test_heat_maps() -> None:
    assert gaussian_radius(0.5, 0.5) == 0
    assert gaussian_radius(16, 16) >= 2
    maps = heat_maps(torch.tensor([[0.25, 0.25, 0.5, 0.5], [1.5, 1.5, 0.2, 0.2]]), 16)
    assert maps[0].argmax() == 8 * 16 + 8
    assert maps[0].max() == 1
    assert maps[1].max() < 1  # a centre outside the map


def tiny(side: int = 128, layer_scale: bool = False) -> OneStreamEncoder:
    return OneStreamEncoder(side, 128, {}, width=48, depth=2, heads=3, layer_scale=layer_scale, spare=False).eval()


def mae_like(encoder: OneStreamEncoder) -> dict[str, torch.Tensor]:
    """What an MAE release holds, with a class token, a grid of 14 × 14 and a decoder."""
    own = {name: torch.randn_like(each) for name, each in encoder.state_dict().items() if "gamma" not in name}
    own.pop("pos_embed_z")
    own.pop("pos_embed_x")
    extra = {
        "cls_token": torch.zeros(1, 1, 48),
        "mask_token": torch.zeros(1, 1, 8),
        "decoder_pred.bias": torch.zeros(2),
    }
    return {**own, "pos_embed": torch.randn(1, 197, 48), **extra}


def test_mae_weights_start_an_encoder() -> None:
    encoder = tiny(layer_scale=True)
    tensors = mae_like(encoder)
    assert start_encoder(encoder, tensors) == "mae"
    assert torch.equal(encoder.blocks[1].attn.qkv.weight, tensors["blocks.1.attn.qkv.weight"])
    assert torch.allclose(encoder.pos_embed_z, resize_position_embedding(tensors["pos_embed"], 8))
    assert (encoder.blocks[0].gamma_1 == 1).all()


def test_cae_weights_start_an_encoder_and_its_missing_key_bias_does_not_matter() -> None:
    encoder = tiny(layer_scale=True)
    tensors = mae_like(encoder)
    for index in range(2):
        bias = tensors.pop(f"blocks.{index}.attn.qkv.bias")
        tensors[f"blocks.{index}.attn.q_bias"], _, tensors[f"blocks.{index}.attn.v_bias"] = bias.chunk(3)
        tensors[f"blocks.{index}.gamma_1"], tensors[f"blocks.{index}.gamma_2"] = torch.rand(48), torch.rand(48)
    tensors = {f"encoder.{name}": each for name, each in tensors.items()} | {"alignment_encoder.x": torch.zeros(1)}
    assert start_encoder(encoder, tensors) == "cae"
    assert torch.equal(encoder.blocks[1].gamma_2, tensors["encoder.blocks.1.gamma_2"])
    bias = encoder.blocks[0].attn.qkv.bias
    assert (bias[48:96] == 0).all()
    values = torch.randn(1, 128, 48), torch.randn(1, 64, 48)
    before = encoder(*values)
    with torch.no_grad():
        bias[48:96] = torch.randn(48)
    assert torch.allclose(encoder(*values), before, atol=1e-3)


def test_ostrack_weights_start_an_encoder_of_another_grid() -> None:
    source = OneStreamEncoder(128, 128, {}, width=48, depth=2, heads=3)
    tensors = {f"backbone.{name}": torch.randn_like(each) for name, each in source.state_dict().items()}
    tensors["box_head.conv5_ctr.bias"] = torch.zeros(1)
    encoder = tiny(144)
    assert start_encoder(encoder, tensors) == "ostrack"
    assert torch.equal(encoder.pos_embed_x, tensors["backbone.pos_embed_x"])
    expected = resize_position_embedding(tensors["backbone.pos_embed_z"], 9, class_token=False)
    assert torch.allclose(encoder.pos_embed_z, expected)


def test_an_encoder_that_does_not_fit_is_refused_and_left_as_it_was() -> None:
    encoder = tiny()
    before = encoder.blocks[0].mlp.fc1.weight.clone()
    tensors = mae_like(encoder)
    del tensors["blocks.0.norm1.weight"]
    tensors["blocks.2.norm1.weight"] = torch.zeros(48)
    tensors["norm.bias"] = torch.zeros(47)
    with pytest.raises(
        SettingsError, match=r"missing blocks\.0\.norm1\.weight.*unexpected blocks\.2.*norm\.bias of shape"
    ):
        start_encoder(encoder, tensors)
    assert torch.equal(encoder.blocks[0].mlp.fc1.weight, before)
    with pytest.raises(SettingsError, match="expected an encoder"):
        kind_of({"conv1.weight": torch.zeros(1)})

"""Losses of the one-stream trackers teach: gradients reach every part, and a batch can be learned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trackzoo.nn.crops import box_in_crop, crop, normalise, stack, window
from trackzoo.parity.scene import scene
from trackzoo.trackers.jn.losses import centre_losses, corner_losses, distribution_losses
from trackzoo.trackers.jn.model import JN
from trackzoo.trackers.ostrack.model import OSTrack
from trackzoo.trackers.ostrack.training import CLIP, losses, optimiser, schedule

NARROW = {"width": 48, "depth": 10, "heads": 3}


def batch(template: int, search: int = 128) -> tuple[Tensor, Tensor, Tensor]:
    """Templates (4, 1, 3, T, T), search crops (4, 3, S, S), boxes (4, 4) `x, y, w, h` in shares of the search crop."""
    templates, crops, boxes = [], [], []
    for seed in (1, 2, 3, 4):
        video, truth, _ = scene(seed, 6)
        around = window(truth[0], 4.0, search)
        templates.append(crop(video[0], window(truth[0], 2.0, template)))
        crops.append(crop(video[5], around))
        boxes.append(torch.from_numpy(box_in_crop(truth[5], truth[0], around.resize_factor, search)).float())
    return normalise(stack(templates, "cpu"))[:, None], normalise(stack(crops, "cpu")), torch.stack(boxes)


def test_ostrack_learns_a_batch() -> None:
    torch.manual_seed(0)
    network = OSTrack(128, 128, **NARROW).train()
    templates, search, truth = batch(128)
    steps = optimiser(network)
    for group in steps.param_groups:
        group["lr"] = 2e-3  # a tiny network from nothing
    seen = []
    for _ in range(25):
        found = losses(network(network.backbone.embed_templates(templates), search, keep=0.85), truth)
        steps.zero_grad()
        found.total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        steps.step()
        seen.append(found.total.item())
    assert seen[-1] < 0.5 * seen[0]
    unused = {name for name, each in network.named_parameters() if each.grad is None}
    assert unused == {"backbone.cls_token", "backbone.pos_embed"}


def test_rates_and_schedule() -> None:
    steps = optimiser(OSTrack(128, 128, **NARROW))
    assert [group["lr"] for group in steps.param_groups] == [4e-4, 4e-5]
    assert all(group["weight_decay"] == 1e-4 for group in steps.param_groups)
    plan = schedule(steps, 2)
    for _ in range(2):
        steps.step()
        plan.step()
    assert [group["lr"] for group in steps.param_groups] == pytest.approx([4e-5, 4e-6])


def test_jn_learns_boxes_from_positives_and_scores_from_both() -> None:
    torch.manual_seed(0)
    network = JN(144, 128, **NARROW).train()
    templates, search, truth = batch(144)
    corners = torch.cat([truth[:, :2], truth[:, :2] + truth[:, 2:]], dim=1)
    positive = torch.tensor([True, True, True, False])
    told = torch.tensor([[0.25, 0.25, 0.5, 0.5]]).expand(4, 4)
    steps = torch.optim.AdamW(network.parameters(), 2e-3)
    seen = []
    for _ in range(25):
        maps = network(network.embed_templates(templates, told), search)
        found = distribution_losses(maps.score, maps.bins, corners, positive)
        steps.zero_grad()
        found.total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        steps.step()
        seen.append(found.total.item())
    assert seen[-1] < 0.7 * seen[0]
    assert all(each.grad is not None for each in network.parameters())


def test_negatives_teach_no_box() -> None:
    """Whatever stands in a negative's box, even nothing, changes no loss and no gradient."""
    score = torch.rand(3, 1, 8, 8, requires_grad=True)
    bins = torch.randn(3, 4, 17, 8, 8, requires_grad=True)
    truth = torch.tensor([[0.2, 0.2, 0.6, 0.7], [0.1, 0.1, 0.3, 0.3], [0.5, 0.5, 0.9, 0.9]])
    positive = torch.tensor([True, False, True])
    first = distribution_losses(score, bins, truth, positive).total
    truth[1] = float("nan")
    second = distribution_losses(score, bins, truth, positive).total
    assert torch.equal(first, second)
    second.backward()
    assert bins.grad is not None
    assert bins.grad[1].abs().max() == 0
    assert bins.grad[0].abs().max() > 0
    assert score.grad is not None
    assert torch.isfinite(score.grad).all()


@pytest.mark.parametrize("positive", [[True, True], [False, False], [True, False]])
def test_a_group_without_images_gives_zero(positive: list[bool]) -> None:
    labels, truth = torch.tensor(positive), torch.tensor([[0.2, 0.2, 0.6, 0.7], [0.3, 0.3, 0.6, 0.6]])
    found = distribution_losses(torch.rand(2, 1, 8, 8), torch.randn(2, 4, 17, 8, 8), truth, labels)
    assert (found.giou > 0) == any(positive)
    assert (found.negative > 0) == (not all(positive))
    maps = torch.rand(2, 1, 8, 8) * 0.9 + 0.05, torch.rand(2, 2, 8, 8), torch.rand(2, 2, 8, 8)
    focal, _, _, negative = centre_losses(maps, truth, labels)
    assert (focal > 0) == any(positive)
    assert (negative > 0) == (not all(positive))
    giou, l1, negative = corner_losses(torch.randn(2, 2, 8, 8), torch.rand(2, 4), truth, labels)
    assert (giou > 0) == (l1 > 0) == any(positive)
    assert (negative > 0) == (not all(positive))

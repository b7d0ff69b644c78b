"""SATracker's losses: by hand, at the edges, and that they teach every part."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from tinysatracker import TINY, inputs

from trackzoo.trackers.satracker.design import Design
from trackzoo.trackers.satracker.model import Found, SATracker, dense_scores
from trackzoo.trackers.satracker.training import (
    inside,
    losses,
    matching_loss,
    may_be_mirrored,
    optimiser,
    schedule,
    train_mode,
    upsampled,
)


def by_hand(scores: np.ndarray, box: tuple[float, ...], side: int = 40) -> float:
    """Dense matching of one map, step by step."""
    cells = len(scores)
    total = 0.0
    for row in range(side):
        for column in range(side):
            # Bilinear between cell centres, which the border repeats.
            places = []
            for index in (row, column):
                at = max((index + 0.5) * cells / side - 0.5, 0)
                low = min(int(at), cells - 1)
                places.append((low, min(low + 1, cells - 1), at - low))
            (top, bottom, down), (left, right, across) = places
            upper = scores[top, left] * (1 - across) + scores[top, right] * across
            lower = scores[bottom, left] * (1 - across) + scores[bottom, right] * across
            logit = (upper * (1 - down) + lower * down) / 0.07
            x, y = (column + 0.5) / side, (row + 0.5) / side
            label = box[0] <= x < box[2] and box[1] <= y < box[3]
            total += math.log1p(math.exp(-logit if label else logit))
    return total / side**2


def test_matching_by_hand() -> None:
    random = np.random.default_rng(3)
    scores = random.uniform(-1, 1, (2, 5, 5))
    boxes = ((0.1, 0.2, 0.55, 0.9), (-0.3, 0.5, 0.25, 1.4))
    wanted = np.mean([by_hand(each, box) for each, box in zip(scores, boxes, strict=True)])
    found = matching_loss(torch.from_numpy(scores), torch.tensor(boxes, dtype=torch.float64))
    assert float(found) == pytest.approx(wanted, rel=1e-9)


def test_scores_are_cosines() -> None:
    torch.manual_seed(1)
    features, text = torch.randn(2, 3, 3, 8), torch.randn(2, 8)
    text[1] = 0  # no direction: no match, no division by zero
    found = dense_scores(features, text)
    wanted = torch.cosine_similarity(features[0], text[0].expand(3, 3, -1), dim=-1)
    torch.testing.assert_close(found[0], wanted)
    assert (found[1] == 0).all()
    torch.testing.assert_close(dense_scores(7 * features, 0.1 * text)[0], wanted)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-0.5, 1.5), min_size=4, max_size=4), st.integers(1, 24))
def test_cells_inside_are_those_whose_centre_is(numbers: list[float], side: int) -> None:
    x1, x2 = sorted(numbers[:2])
    y1, y2 = sorted(numbers[2:])
    box = torch.tensor([[x1, y1, x2, y2]], dtype=torch.float64)
    found = inside(box, side)[0]
    for row in range(side):
        for column in range(side):
            x, y = (column + 0.5) / side, (row + 0.5) / side
            assert bool(found[row, column]) == (x1 <= x < x2 and y1 <= y < y2)


def test_upsampling_keeps_what_is_constant() -> None:
    torch.testing.assert_close(upsampled(torch.full((1, 20, 20), 0.3)), torch.full((1, 40, 40), 0.3))


def test_a_perfect_answer_costs_what_matching_costs() -> None:
    truth = torch.tensor([[0.25, 0.25, 0.5, 0.25]])
    boxes = torch.tensor([[0.5, 0.375, 0.5, 0.25]])
    features = torch.zeros(1, 4, 4, 2)
    features[..., 0] = -1
    features[:, 1:2, 1:3, 0] = 1
    found = losses(Found(torch.zeros(1, 2, 4, 4), boxes, features, torch.tensor([[1.0, 0.0]])), truth)
    assert float(found.l1) == pytest.approx(0, abs=1e-6)
    assert float(found.giou) == pytest.approx(0, abs=1e-4)
    torch.testing.assert_close(found.total, 2 * found.giou + 5 * found.l1 + found.matching)
    wrong = losses(Found(torch.zeros(1, 2, 4, 4), boxes, -features, torch.tensor([[1.0, 0.0]])), truth)
    assert wrong.matching > found.matching


def test_a_truth_that_leaves_the_crop_is_cut() -> None:
    boxes = torch.tensor([[0.25, 0.5, 0.5, 1.0]])
    found = Found(torch.zeros(1, 2, 4, 4), boxes, torch.zeros(1, 4, 4, 2), torch.zeros(1, 0))
    assert float(losses(found, torch.tensor([[-3.0, -0.5, 3.5, 9.0]])).l1) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("box", [(0.5, 0.5, 0.0, 0.0), (0.5, 0.5, -0.3, -0.2), (0.2, 0.2, 0.1, -0.1)])
def test_corners_in_the_wrong_order_give_a_finite_gradient(box: tuple[float, ...]) -> None:
    boxes = torch.tensor([box], requires_grad=True)
    found = losses(
        Found(torch.zeros(1, 2, 4, 4), boxes, torch.zeros(1, 4, 4, 2), torch.zeros(1, 0)), torch.full((1, 4), 0.3)
    )
    found.total.backward()
    assert found.matching == 0
    assert boxes.grad is not None
    assert boxes.grad.isfinite().all()
    assert boxes.grad.abs().max() > 0


def test_a_batch_is_learned_and_every_part_is_taught() -> None:
    torch.manual_seed(0)
    network = SATracker(Design(**TINY))
    train_mode(network)
    template, search, ids, mask = inputs(4, 64, 96)
    truth = torch.tensor([[0.1, 0.2, 0.3, 0.3], [0.4, 0.4, 0.3, 0.2], [0.6, 0.1, 0.2, 0.5], [0.3, 0.5, 0.5, 0.3]])
    steps = optimiser(network)
    for group in steps.param_groups:
        group["lr"] = 3e-3  # a tiny network from nothing
    norms = [module for name, module in network.named_modules() if name.endswith(".bn")]
    before = [norm.running_mean.clone() for norm in norms]
    seen, reached = [], set()
    for _ in range(12):
        found = losses(network.whole(template, search, ids, mask), truth)
        steps.zero_grad()
        found.total.backward()
        reached |= {name for name, each in network.named_parameters() if each.grad is not None and each.grad.any()}
        steps.step()
        seen.append((found.total.item(), found.matching.item()))
    assert seen[-1][0] < 0.8 * seen[0][0]
    assert seen[-1][1] < seen[0][1]
    # Keys have a bias that the softmax cancels; words and places that no text had have no gradient of their own.
    missed = {name for name, each in network.named_parameters() if each.requires_grad} - reached
    assert all(name.endswith(("key.bias", "proj_k.bias")) for name in missed), missed
    assert all(torch.equal(norm.running_mean, old) for norm, old in zip(norms, before, strict=True))
    assert network.backbone.sam(0).norm.running_mean.abs().max() > 0  # type: ignore[union-attr]


def test_rates_and_schedule() -> None:
    network = SATracker(Design(**TINY))
    steps = optimiser(network)
    assert [group["lr"] for group in steps.param_groups] == [1e-4, 1e-5]
    assert all(group["weight_decay"] == 1e-4 for group in steps.param_groups)
    fast = {id(each) for each in steps.param_groups[0]["params"]}
    assert {name.split(".")[0] for name, each in network.named_parameters() if id(each) in fast} == {
        "box_head",
        "dm_proj",
    }
    plan = schedule(steps, 2)
    for _ in range(2):
        steps.step()
        plan.step()
    assert [group["lr"] for group in steps.param_groups] == pytest.approx([1e-5, 1e-6])


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("the red car on the road", True),
        ("the man on the left", False),
        ("a Left-most bird", False),
        ("turning counter-clockwise", False),
        ("Right: a dog", False),
        ("brightly lit theft", True),
        ("", True),
    ],
)
def test_what_may_be_mirrored(text: str, may: bool) -> None:
    assert may_be_mirrored(text) == may

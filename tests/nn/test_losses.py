"""Losses against closed forms, and what they must keep whatever the boxes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from trackzoo.nn.losses import (
    binary_cross_entropy,
    binary_lovasz,
    box_iou,
    distribution_focal,
    focal_heat_map,
    generalised_iou,
    giou_loss,
    l1_loss,
    lb_hinge,
    quality_focal,
)


def test_focal_of_single_cells() -> None:
    one = torch.tensor([[1.0]])
    for p in (0.1, 0.5, 0.9):
        score = torch.tensor([[p]])
        assert focal_heat_map(score, one).item() == pytest.approx(-((1 - p) ** 2) * math.log(p), rel=1e-5)
        for t in (0.0, 0.6):
            expected = -((1 - t) ** 4) * p**2 * math.log(1 - p)
            assert focal_heat_map(score, torch.tensor([[t]])).item() == pytest.approx(expected, rel=1e-5)


def test_focal_is_divided_by_the_number_of_centres() -> None:
    scores, target = torch.full((2, 3), 0.3), torch.zeros(2, 3)
    none = focal_heat_map(scores, target)
    assert none.item() == pytest.approx(6 * -(0.3**2) * math.log(0.7), rel=1e-5)
    target[0, 0] = target[1, 2] = 1
    two = focal_heat_map(scores, target)
    expected = (2 * -(0.7**2) * math.log(0.3) + 4 * -(0.3**2) * math.log(0.7)) / 2
    assert two.item() == pytest.approx(expected, rel=1e-5)


def test_focal_is_finite_at_the_ends() -> None:
    scores = torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = focal_heat_map(scores, torch.tensor([1.0, 1.0, 0.0, 0.0]))
    loss.backward()
    assert torch.isfinite(loss)
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


def box(*corners: float) -> Tensor:
    return torch.tensor(corners)


def test_giou_of_known_boxes() -> None:
    unit = box(0, 0, 1, 1)
    assert generalised_iou(unit, unit).item() == pytest.approx(1)
    # Half over: intersection 0.5, union 1.5, hull 1.5.
    assert generalised_iou(unit, box(0.5, 0, 1.5, 1)).item() == pytest.approx(1 / 3)
    # Apart: intersection 0, union 2, hull 3.
    assert generalised_iou(unit, box(2, 0, 3, 1)).item() == pytest.approx(-1 / 3)
    # A quarter inside: hull is the larger box.
    assert generalised_iou(unit, box(0.25, 0.25, 0.75, 0.75)).item() == pytest.approx(0.25)
    assert giou_loss(torch.stack([unit, unit]), torch.stack([unit, box(2, 0, 3, 1)])).item() == pytest.approx(2 / 3)


def test_l1_is_the_mean_over_coordinates() -> None:
    assert l1_loss(torch.zeros(2, 4), torch.tensor([[1.0, -1, 0, 0], [0, 0, 0, 4]])).item() == pytest.approx(6 / 8)


corners = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda c: torch.tensor([c[0], c[1], c[0] + 0.01 + c[2], c[1] + 0.01 + c[3]], dtype=torch.float64)
)


@settings(deadline=None)
@given(corners, corners, st.floats(-5, 5), st.floats(0.1, 10))
def test_giou_is_bounded_symmetric_and_free_of_place_and_scale(
    a: Tensor, b: Tensor, shift: float, scale: float
) -> None:
    iou, giou = box_iou(a, b)[0], generalised_iou(a, b)
    assert -1 <= giou <= iou + 1e-12 <= 1 + 2e-12
    assert torch.isclose(giou, generalised_iou(b, a))
    assert torch.isclose(giou, generalised_iou(a * scale + shift, b * scale + shift), atol=1e-6)


def test_cross_entropy_is_torchs() -> None:
    p, y = torch.tensor([0.0, 0.2, 0.5, 1.0, 1.0]), torch.tensor([1.0, 0.3, 0.0, 0.0, 1.0])
    expected = torch.nn.functional.binary_cross_entropy(p, y, reduction="none")
    assert torch.allclose(binary_cross_entropy(p, y), expected)


@settings(deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0, 1))
def test_quality_focal(p: float, y: float) -> None:
    found = quality_focal(torch.tensor(p, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)).item()
    expected = -(abs(y - p) ** 2) * (y * math.log(p) + (1 - y) * math.log(1 - p))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found >= 0


def test_quality_focal_is_zero_at_the_target() -> None:
    values = torch.linspace(0, 1, 11)
    assert quality_focal(values, values).abs().max() == 0


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=5, max_size=5), st.floats(0, 3.9))
def test_distribution_focal(logits: list[float], distance: float) -> None:
    values = torch.tensor(logits, dtype=torch.float64)
    found = distribution_focal(values, torch.tensor(distance, dtype=torch.float64)).item()
    chance = [math.exp(each) / sum(math.exp(other) for other in logits) for each in logits]
    k = int(distance)
    expected = -((k + 1 - distance) * math.log(chance[k]) + (distance - k) * math.log(chance[k + 1]))
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_distribution_focal_clamps_distances_that_it_cannot_hold() -> None:
    logits = torch.randn(17)
    for given_, clamped in ((-3.0, 0.0), (16.0, 15.9), (400.0, 15.9)):
        found = distribution_focal(logits, torch.tensor(given_))
        assert found.item() == pytest.approx(distribution_focal(logits, torch.tensor(clamped)).item(), rel=1e-5)


def test_distribution_focal_is_least_at_the_true_distribution() -> None:
    logits = torch.zeros(17, requires_grad=True)
    step = torch.optim.Adam([logits], 0.2)
    for _ in range(150):
        step.zero_grad()
        distribution_focal(logits, torch.tensor(3.25)).backward()
        step.step()
    chance = logits.detach().softmax(0)
    assert chance[3].item() == pytest.approx(0.75, abs=0.02)
    assert chance[4].item() == pytest.approx(0.25, abs=0.02)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 40), seed=st.integers(0, 999))
def test_lovasz_of_hard_masks_is_the_jaccard_loss(size: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    truth, found = torch.rand(2, size, generator=generator, dtype=torch.float64) > 0.5
    truth[0] = True
    iou = (truth & found).sum() / (truth | found).sum()
    torch.testing.assert_close(binary_lovasz(found.double(), truth), 1 - iou.double())


def test_lovasz_between_masks_in_closed_form() -> None:
    """Two pixels, one of them the target: errors a (target) and b (background) with a > b cost a; with b > a the mean."""
    truth = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for target, behind in ((0.3, 0.2), (0.5, 0.1)):
        found = torch.tensor([target, behind], dtype=torch.float64)
        # The target's error comes first: missing it alone costs 1 already.
        torch.testing.assert_close(binary_lovasz(found, truth), torch.tensor(1 - target, dtype=torch.float64))
    # The background's error 0.8 comes first: alone it costs 1/2, together 1.
    found = torch.tensor([0.6, 0.8], dtype=torch.float64)
    torch.testing.assert_close(binary_lovasz(found, truth), torch.tensor(0.8 / 2 + 0.4 / 2, dtype=torch.float64))


def test_lovasz_pools_all_pixels_and_has_a_gradient_without_a_target() -> None:
    generator = torch.Generator().manual_seed(0)
    found = torch.rand(2, 3, 4, generator=generator, requires_grad=True)
    truth = torch.rand(2, 3, 4, generator=generator) > 0.5
    torch.testing.assert_close(binary_lovasz(found, truth), binary_lovasz(found.flatten(), truth.flatten()))
    nothing = binary_lovasz(found, torch.zeros_like(truth))
    torch.testing.assert_close(nothing, found.max())
    nothing.backward()
    assert found.grad is not None
    assert found.grad.isfinite().all()


def test_hinge_leaves_background_below_zero_alone() -> None:
    labels = torch.tensor([1.0, 0.05, 0.04, 0.0, 0.0])
    scores = torch.tensor([0.5, -0.95, 2.0, -3.0, 0.0], requires_grad=True)
    loss = lb_hinge(scores, labels)
    torch.testing.assert_close(loss, torch.tensor((0.25 + 1 + 4 + 0 + 0) / 5))
    loss.backward()
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad, 2 / 5 * torch.tensor([-0.5, -1.0, 2.0, 0.0, 0.0]))

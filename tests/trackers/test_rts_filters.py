"""Filters of RTS: applied and learnt for many objects at once, by written-out derivatives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from torch import Tensor

from trackzoo.trackers.rts import filters as module
from trackzoo.trackers.rts.filters import (
    apply_filters,
    correlate,
    gather,
    learn_instance_filters,
    learn_segmentation_filters,
)

LAMBDA = torch.tensor([0.05], dtype=torch.float64)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=[True, False], ids=["slot by slot", "matrix products"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way is chosen by device and outputs; both must give the same."""
    monkeypatch.setattr(module, "_slot_by_slot", lambda samples, outputs: request.param)


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(("outputs", "side"), [(4, 3), (1, 4), (2, 1)])
def test_each_object_has_its_own_filter(outputs: int, side: int) -> None:
    samples, own = some(3, 2, 5, 6, 7), some(2, outputs, 5, side, side)
    found = correlate(samples, own)
    for slot in range(3):
        for one in range(2):
            plain = F.conv2d(samples[slot, one][None], own[one], padding=side // 2)[0]
            torch.testing.assert_close(found[slot, one], plain)
            torch.testing.assert_close(apply_filters(samples[slot], own)[one], plain)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(("outputs", "side"), [(4, 3), (1, 4), (2, 1)])
def test_gather_is_the_transpose_of_correlate(outputs: int, side: int) -> None:
    samples, own = some(3, 2, 5, 6, 7), some(2, outputs, 5, side, side)
    scores = correlate(samples, own)
    other = torch.randn_like(scores)
    left = (scores * other).sum(dim=(0, 2, 3, 4))
    right = (own * gather(samples, other, side)).sum(dim=(1, 2, 3, 4))
    torch.testing.assert_close(left, right)


def by_autograd(residual: Any, start: Tensor, iterations: int) -> tuple[Tensor, list[float]]:
    """Steepest descent as the papers write it, with J and its transpose from double autograd; one object."""
    own, losses = start.clone(), []
    for _ in range(iterations):
        own = own.detach().requires_grad_()
        found = residual(own)
        losses.append(float(found.detach().square().mean()))
        dummy = torch.zeros_like(found, requires_grad=True)
        [transposed] = torch.autograd.grad(found, own, dummy, create_graph=True)
        [gradient] = torch.autograd.grad(found, own, found.detach(), retain_graph=True)
        [change] = torch.autograd.grad(transposed, dummy, gradient)
        own = own - gradient.square().sum() / change.square().sum().clamp(min=1e-8) * gradient
    losses.append(float(residual(own.detach()).square().mean()))
    return own.detach(), losses


class Losses(list[float]):
    def __call__(self, step: int, filters: Tensor, losses: Tensor) -> None:
        assert step == len(self)
        self.append(float(losses[0]))


@pytest.mark.usefixtures("both_ways")
def test_segmentation_filters_equal_double_autograd() -> None:
    samples, labels, weights = some(4, 1, 6, 5, 7), some(4, 1, 3, 5, 7).relu(), some(4, 1, 3, 5, 7)
    importance, start = torch.rand(4, 1, dtype=torch.float64), some(1, 3, 6, 3, 3)

    def residual(own: Tensor) -> Tensor:
        data = (
            weights * importance[..., None, None, None] * (F.conv2d(samples[:, 0], own[0], padding=1)[:, None] - labels)
        )
        return torch.cat([data.flatten(), (LAMBDA * own).flatten()])

    expected, expected_losses = by_autograd(residual, start, 6)
    losses = Losses()
    found = learn_segmentation_filters(samples, labels, weights, importance, start, LAMBDA, 6, losses)
    torch.testing.assert_close(found, expected)
    assert losses == pytest.approx(expected_losses)
    assert all(after < before for before, after in pairwise(losses))


@pytest.mark.usefixtures("both_ways")
def test_instance_filters_equal_double_autograd() -> None:
    samples, start = some(4, 1, 6, 5, 7), 0.2 * some(1, 1, 6, 4, 4)
    labels = torch.rand(4, 1, 6, 8, dtype=torch.float64) ** 6
    importance = torch.rand(4, 1, dtype=torch.float64)

    def residual(own: Tensor) -> Tensor:
        mask = ((labels > 0.05).double() + 0.1).clamp(max=1)
        scores = F.conv2d(samples[:, 0], own[0], padding=2)
        scores = torch.where(scores > 0, scores, mask * scores)
        data = importance.sqrt()[..., None, None] * (scores - mask * labels)
        return torch.cat([data.flatten(), 0.01 * own.flatten()])

    expected, expected_losses = by_autograd(residual, start, 8)
    losses = Losses()
    found = learn_instance_filters(samples, labels, importance, start, 8, losses)
    torch.testing.assert_close(found, expected)
    assert losses == pytest.approx(expected_losses)


def test_a_score_of_zero_has_the_mean_slope() -> None:
    """From a filter of zeros all scores are in the kink, where the released code's activation has (1 + m) / 2."""
    samples, labels = some(1, 1, 3, 4, 4), torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    labels[..., 2, 2] = 1
    start = torch.zeros(1, 1, 3, 4, 4, dtype=torch.float64)
    found = learn_instance_filters(samples, labels, torch.ones(1, 1, dtype=torch.float64), start, 1)
    slope = (1 + ((labels > 0.05).double() + 0.1).clamp(max=1)) / 2
    gradient = gather(samples, -(slope * labels)[:, :, None], 4)
    ratio = found / gradient
    torch.testing.assert_close(ratio, ratio.flatten()[0].expand_as(ratio))


@pytest.mark.usefixtures("both_ways")
@settings(max_examples=12, deadline=None)
@given(filled=st.integers(1, 4), objects=st.integers(1, 3), seed=st.integers(0, 99))
def test_slots_that_are_not_filled_weigh_nothing_and_objects_do_not_meet(filled: int, objects: int, seed: int) -> None:
    torch.manual_seed(seed)
    arena = {"samples": some(6, 4, 3, 4, 5), "labels": some(6, 4, 2, 4, 5), "weights": some(6, 4, 2, 4, 5)}
    importance = torch.rand(6, 4, dtype=torch.float64)
    importance[filled:] = 0
    start = some(4, 2, 3, 3, 3)
    lanes = slice(1, 1 + objects)
    views = [arena[name][:5, lanes] for name in ("samples", "labels", "weights")]
    samples, labels, weights = views
    found = learn_segmentation_filters(samples, labels, weights, importance[:5, lanes], start[lanes], LAMBDA, 3)
    gaussians = torch.rand(6, 4, 5, 6, dtype=torch.float64)
    single = start[:, :1, :, :2, :2]
    instance = learn_instance_filters(samples, gaussians[:5, lanes], importance[:5, lanes], single[lanes], 3)
    for one in range(objects):
        lane = 1 + one
        # The same object alone, of the filled slots alone.
        chosen = slice(0, filled), slice(lane, lane + 1)
        alone = learn_segmentation_filters(
            arena["samples"][chosen],
            arena["labels"][chosen],
            arena["weights"][chosen],
            importance[chosen],
            start[lane : lane + 1],
            LAMBDA,
            3,
        )
        torch.testing.assert_close(found[one], alone[0])
        alone = learn_instance_filters(
            arena["samples"][chosen], gaussians[chosen], importance[chosen], single[lane : lane + 1], 3
        )
        torch.testing.assert_close(instance[one], alone[0])


def test_an_object_without_anything_stays_as_it_is() -> None:
    """A lane of weight 0 beside a real one, and no division by zero from a filter of zeros."""
    samples, zeros = some(2, 2, 3, 4, 5), torch.zeros(2, 2, 3, 3, 3, dtype=torch.float64)
    importance = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    labels, weights = some(2, 2, 2, 4, 5), some(2, 2, 2, 4, 5)
    found = learn_segmentation_filters(samples, labels, weights, importance, zeros, LAMBDA, 4)
    assert found.isfinite().all()
    assert (found[0] == 0).all()
    assert (found[1] != 0).any()


@pytest.mark.usefixtures("both_ways")
def test_what_is_learnt_is_differentiable() -> None:
    """Training differentiates through the iterations, once."""
    inputs = [some(2, 2, 2, 3, 3), some(2, 2, 2, 3, 3), some(2, 2, 2, 3, 3), LAMBDA.clone()]
    inputs = [each.requires_grad_() for each in inputs]
    importance, start = torch.rand(2, 2, dtype=torch.float64) + 0.5, some(2, 2, 2, 3, 3)

    def learnt(samples: Tensor, labels: Tensor, weights: Tensor, reg: Tensor) -> Tensor:
        return learn_segmentation_filters(samples, labels, weights, importance, start, reg, 2)

    assert torch.autograd.gradcheck(learnt, inputs, fast_mode=True)
    begin = some(2, 1, 2, 2, 2).requires_grad_()
    gaussians = torch.rand(2, 2, 4, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda samples, own: learn_instance_filters(samples, gaussians, importance, own, 2),
        [inputs[0], begin],
        fast_mode=True,
    )


def test_half_precision_is_left_to_others() -> None:
    """Within autocast filters are learnt and applied in float32."""
    samples = torch.randn(1, 1, 4, 5, 5)
    start = torch.zeros(1, 2, 4, 3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = learn_segmentation_filters(
            samples.bfloat16(),
            torch.rand(1, 1, 2, 5, 5),
            torch.ones(1, 1, 2, 5, 5),
            torch.ones(1, 1),
            start,
            LAMBDA.float(),
            2,
        )
        scores = apply_filters(samples[0].bfloat16(), found)
    assert found.dtype == scores.dtype == torch.float32

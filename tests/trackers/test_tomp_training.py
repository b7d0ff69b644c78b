"""ToMP's losses and what is trained, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from trackzoo.nn.losses import lb_hinge
from trackzoo.trackers.tomp.build import unfilled
from trackzoo.trackers.tomp.head import Head
from trackzoo.trackers.tomp.training import (
    distance_maps,
    freeze,
    giou_of_distances,
    label_maps,
    losses,
    optimiser,
    positive_cells,
    schedule,
)


def test_background_may_score_what_it_likes_below_zero() -> None:
    labels = torch.tensor([0.0, 0.049, 0.0, 0.05, 1.0])
    scores = torch.tensor([-3.0, 0.5, 0.0, -1.0, 0.8], requires_grad=True)
    loss = lb_hinge(scores, labels)
    assert loss.item() == pytest.approx((0 + 0.25 + 0 + 1.05**2 + 0.04) / 5)
    loss.backward()
    assert scores.grad is not None
    np.testing.assert_allclose(scores.grad, [0, 0.2, 0, 2 * -1.05 / 5, 2 * -0.2 / 5], atol=1e-6)


distance = st.floats(0.02, 1.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(distance, min_size=8, max_size=8))
def test_giou_of_distances_is_that_of_boxes(values: list[float]) -> None:
    from trackzoo.nn.losses import box_iou, generalised_iou

    found, wanted = torch.tensor(values, dtype=torch.float64).reshape(2, 4)
    corners = [torch.cat([-each[:2], each[2:]]) for each in (found, wanted)]
    giou, iou = giou_of_distances(found, wanted)
    torch.testing.assert_close(giou, generalised_iou(*corners), atol=1e-3, rtol=0)
    torch.testing.assert_close(iou, box_iou(*corners)[0], atol=1e-3, rtol=0)
    assert -1 <= float(giou) <= float(iou) + 1e-12 <= 1 + 1e-12  # rounding


def test_targets_of_a_box() -> None:
    boxes = torch.tensor([[40.0, 24, 48, 64]])  # its centre (64, 56) lies on no cell's
    ltrb = distance_maps(boxes, 8)[0] * 128
    assert ltrb[:, 3, 4].tolist() == [72 - 40, 56 - 24, 88 - 72, 88 - 56]
    assert ltrb[:, 0, 0].tolist() == [8 - 40, 8 - 24, 88 - 8, 88 - 8]  # signed
    cells = positive_cells(boxes, 8)[0].nonzero().tolist()
    assert cells == [[3, 3], [3, 4]]  # rows 40 and 72 lie a whole stride away
    peak = label_maps(boxes, 8)[0]
    assert peak.argmax() in (3 * 8 + 3, 3 * 8 + 4)
    assert float(peak[3, 3]) == pytest.approx(np.exp(-0.5 * (0.5 / 0.4) ** 2))
    narrow = torch.tensor([[63.0, 55, 2, 2]])
    assert not positive_cells(narrow, 8).any()  # no cell's centre lies inside


def test_a_perfect_answer_costs_nothing_and_the_terms_add_up() -> None:
    boxes = torch.tensor([[40.0, 24, 48, 64], [8, 8, 60, 100]])
    labels, wanted = label_maps(boxes, 8), distance_maps(boxes, 8)
    perfect = losses(labels * (labels >= 0.05), wanted, boxes)
    assert float(perfect.total) == pytest.approx(0, abs=1e-5)
    worse = losses(labels + 0.1, wanted * 1.1, boxes)
    assert float(worse.giou) == pytest.approx(1 - 1 / 1.21, abs=1e-4)
    assert float(worse.total) == pytest.approx(float(worse.giou + 100 * worse.classification))
    # Without a positive cell, all cells count.
    none = torch.tensor([[63.0, 55, 2, 2]])
    lost = losses(label_maps(none, 8), distance_maps(none, 8) + 0.5, none)
    assert float(lost.giou) > 0.5


def test_gradients_reach_every_part_of_the_head() -> None:
    torch.manual_seed(0)
    head = Head(8, 16, 32, heads=4, depth=1, hidden=16)
    boxes = torch.tensor([[[40.0, 24, 48, 64]], [[30, 30, 50, 60]], [[44, 28, 48, 64]]])
    features = torch.randn(3, 1, 16, 8, 8)
    scores, ltrb = head.train_forward(
        list(features[:2]), features[2], label_maps(boxes[:2], 8), distance_maps(boxes[:2], 8)
    )
    assert scores.shape == (1, 8, 8)
    assert ltrb.shape == (1, 4, 8, 8)
    losses(scores, ltrb, boxes[2]).total.backward()
    dead = [name for name, each in head.named_parameters() if each.grad is None or not each.grad.abs().any()]
    # One query attends to itself alone, so what it asks with does not matter; convolutions before a norm need no bias.
    assert {name for name in dead if "self_attn" not in name and not name.endswith("bias")} == set()


def test_what_is_trained_and_how_fast() -> None:
    parts = {"depth": 1, "hidden": 16}
    resnet = unfilled("resnet50", 18, **parts)
    freeze(resnet, "resnet50")
    trained = {name for name, each in resnet.named_parameters() if each.requires_grad}
    assert {name.split(".")[1] for name in trained if name.startswith("feature_extractor")} == {"layer3"}
    steps = optimiser(resnet)
    assert [group["lr"] for group in steps.param_groups] == [1e-4, 2e-5]
    assert sum(len(group["params"]) for group in steps.param_groups) == len(trained)
    rates = schedule(steps, "resnet50")
    seen = []
    for _ in range(260):
        seen.append(steps.param_groups[0]["lr"])
        steps.step()
        rates.step()
    assert (seen[149], seen[150], seen[250]) == pytest.approx((1e-4, 2e-5, 4e-6))

    large = unfilled("dinov2", 22, backbone={"width": 32, "depth": 1, "heads": 2}, **parts)
    freeze(large, "dinov2")
    trained = {name for name, each in large.named_parameters() if each.requires_grad}
    assert {name.split(".")[0] for name in trained} == {"head", "bkMlp"}
    assert [group["lr"] for group in optimiser(large).param_groups] == [1e-4]

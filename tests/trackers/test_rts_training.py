"""What RTS, LWL and STA are trained with."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from trackzoo.trackers.lwl import training as lwl
from trackzoo.trackers.rts import training
from trackzoo.trackers.rts.box_encoder import rectangle
from trackzoo.trackers.rts.labels import gaussian_label, label_sigma
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.settings import RTSSettings
from trackzoo.trackers.rts.training import Batch, Found, forward, label_maps, losses
from trackzoo.trackers.sta import training as sta
from trackzoo.trackers.sta.network import STANetwork

CROP = (64, 96)


def batch(test: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(2, 1, *CROP)
    masks[:, :, 20:40, 30:60] = 1
    boxes = torch.tensor([[30.0, 20, 30, 20]] * 2)
    return Batch(
        torch.randn(2, 3, *CROP, generator=generator) * 50,
        masks,
        boxes,
        torch.randn(test, 2, 3, *CROP, generator=generator) * 50,
        masks.expand(test, -1, -1, -1, -1),
        boxes.expand(test, -1, -1),
    )


def test_labels_are_trackings() -> None:
    """In training the target always fills a fifth of each side of the search area."""
    settings = RTSSettings()
    box = torch.tensor([300.0, 200, 90, 60])
    found = label_maps(box, settings.image_sample_size)
    side = math.sqrt(480 * 832) / 5
    base = np.array([side, side], np.float32)
    position = np.array([200 + 59 / 2, 300 + 89 / 2], np.float32)
    middle = np.array([479 / 2, 831 / 2], np.float32)
    expected = gaussian_label(position, middle, 1.0, label_sigma(base, settings), settings)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    assert label_maps(box.expand(3, 2, 4), settings.image_sample_size).shape == (3, 2, 16, 27)


def test_losses_weigh_every_iterate_alike() -> None:
    data = batch()
    found = Found(
        torch.where(data.test_masks > 0, 100.0, -100.0), tuple(torch.full((2, 2, 1, 3, 4), -1.0) for _ in range(6))
    )
    terms = losses(found, data)
    assert terms.mask == 0
    labels = label_maps(data.test_boxes, CROP)
    # Background below zero costs nothing, the target its distance to the label.
    expected = ((labels + 1).square() * (labels >= 0.05)).mean()
    torch.testing.assert_close(torch.stack(terms.scores), expected.expand(6))
    torch.testing.assert_close(terms.total, 600 * expected)


def test_a_step_of_training_lowers_the_loss() -> None:
    torch.manual_seed(2)
    network, data = RTSNetwork().train(), batch(1)
    steps = training.optimiser(network)
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    values = []
    for _ in range(2):
        found = forward(network, data)
        assert found.logits.shape == (1, 2, 1, *CROP)
        assert [each.shape for each in found.scores] == [(1, 2, 1, 3, 4)] * 6
        total = losses(found, data).total
        values.append(float(total.detach()))
        steps.zero_grad()
        total.backward()
        steps.step()
    assert values[-1] < values[0]
    still = [name for name, each in network.named_parameters() if torch.equal(each, before[name])]
    frozen = ("feature_extractor.conv1", "feature_extractor.bn1", "feature_extractor.layer1", "clf_encoder.samp_w_pred")
    assert still
    assert all(name.startswith(frozen) for name in still)
    rates = {group["lr"] for group in steps.param_groups}
    assert rates == {4e-5, 8e-5, 2e-4}
    steps.zero_grad()
    plan = training.schedule(steps)
    for _ in range(25):
        steps.step()
        plan.step()
    assert sorted(group["lr"] for group in steps.param_groups) == pytest.approx([8e-6, 1.6e-5, 4e-5])


def test_refinement_is_the_papers_and_off() -> None:
    """It changes what comes after the first test frame; the released weights were trained without."""
    torch.manual_seed(2)
    network, data = RTSNetwork().eval(), batch()
    with torch.no_grad():
        plain, refined = forward(network, data), forward(network, data, refine=True)
    torch.testing.assert_close(plain.logits[0], refined.logits[0])
    assert not torch.allclose(plain.logits[1], refined.logits[1])


@pytest.mark.parametrize(
    ("stage", "trained"),
    [
        ("first", {"label_encoder", "decoder", "target_model"}),
        ("second", {"feature_extractor", "label_encoder", "decoder", "target_model"}),
        ("box", {"box_label_encoder"}),
    ],
)
def test_stages_of_lwl_train_their_parts(stage: str, trained: set[str]) -> None:
    torch.manual_seed(3)
    network, data = RTSNetwork(instance=False, box=True).train(), batch(1)
    steps = lwl.optimiser(network, stage)
    if stage == "box":
        shown = torch.stack([rectangle(box.numpy(), CROP) for box in data.boxes])
        loss = lwl.mask_loss(lwl.box_forward(network, data.train, shown), data.masks, lwl.BOX)
    else:
        loss = lwl.mask_loss(lwl.forward(network, data.train, data.masks, data.test), data.test_masks)
    loss.backward()
    found = {name.partition(".")[0] for name, each in network.named_parameters() if each.grad is not None}
    assert found == trained
    assert len(steps.param_groups) == len(lwl.STAGES[stage].rates)
    assert sum(len(group["params"]) for group in steps.param_groups) == sum(
        each.requires_grad for each in network.parameters()
    )
    assert lwl.schedule(steps, stage).milestones.keys() == set(lwl.STAGES[stage].drops)


def test_both_passes_of_sta_are_trained() -> None:
    torch.manual_seed(4)
    network, data = STANetwork().train(), batch()
    shown = torch.stack([rectangle(box.numpy(), CROP) for box in data.boxes])
    loss = sta.loss(network(data.train, shown, 2), data.masks)
    loss.backward()
    without = [name for name, each in network.named_parameters() if each.grad is None or not each.grad.abs().sum() > 0]
    assert without == ["label_encoder.samp_w_pred.weight", "label_encoder.samp_w_pred.bias"]

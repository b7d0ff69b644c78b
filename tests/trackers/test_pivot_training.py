"""PiVOT's training, stage 2: what learns, how fast, and that templates may be tight or whole frames."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from trackzoo.trackers.pivot.model import PiVOT50
from trackzoo.trackers.pivot.training import PROMPT_RATE, RATE, freeze, losses, optimiser, schedule, train_forward
from trackzoo.trackers.tomp.training import distance_maps, label_maps

SIDE = 4


@cache
def network() -> PiVOT50:
    torch.manual_seed(0)
    made = PiVOT50(SIDE, depth=1, hidden=64)
    freeze(made)
    return made.eval()


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Features of references and test frames, labels, distances, boxes of the test frames, two samples."""
    generator = torch.Generator().manual_seed(1)
    boxes = torch.tensor([[20.0, 18, 20, 24], [30, 30, 16, 16]])
    references = torch.rand(2, 2, 1024, SIDE, SIDE, generator=generator)
    test = torch.rand(2, 1024, SIDE, SIDE, generator=generator)
    return (
        references,
        test,
        label_maps(boxes, SIDE).repeat(2, 1, 1, 1),
        distance_maps(boxes, SIDE)[None].repeat(2, 1, 1, 1, 1),
        boxes,
    )


def test_head_prompt_and_relation_learn_and_nothing_else() -> None:
    own = network()
    own.zero_grad()
    references, test, labels, ltrb, boxes = batch()
    found = train_forward(own, references, test, labels, ltrb)
    terms = losses(found, boxes)
    assert float(terms.total.detach()) == pytest.approx(
        float((terms.giou + 100 * terms.classification + 10 * terms.prompt).detach()), rel=1e-5
    )
    terms.total.backward()
    learnt = {
        name for name, each in own.named_parameters() if each.grad is not None and bool(each.grad.abs().sum() > 0)
    }
    for part in ("test_fuse.", "test_fuse_head.", "hint_test_feat_head.", "head.classifier.", "head.bb_regressor."):
        assert any(name.startswith(part) for name in learnt), part
    assert not any(name.startswith(("feature_extractor.", "test_shrink.")) for name in learnt)


def test_the_prompts_own_loss_reaches_it_alone() -> None:
    own = network()
    own.zero_grad()
    references, test, labels, ltrb, boxes = batch()
    losses(train_forward(own, references, test, labels, ltrb), boxes).prompt.backward()
    learnt = {name.split(".")[0] for name, each in own.named_parameters() if each.grad is not None}
    assert learnt == {"test_fuse", "test_fuse_head"}


def test_templates_are_whole_frames_as_released_or_tight_crops() -> None:
    references, test, labels, ltrb, _ = batch()
    with torch.no_grad():
        released = train_forward(network(), references, test, labels, ltrb)
        same = train_forward(network(), references, test, labels, ltrb, templates=references)
        tight = train_forward(network(), references, test, labels, ltrb, templates=references.flip(-1) * 2)
    assert torch.equal(released.prompt, same.prompt)
    assert not torch.equal(released.prompt, tight.prompt)
    assert not torch.equal(released.scores, tight.scores)


def test_rates_are_the_released_ones() -> None:
    steps = optimiser(network())
    assert [group["lr"] for group in steps.param_groups] == [RATE, PROMPT_RATE]
    counted = [sum(each.numel() for each in group["params"]) for group in steps.param_groups]
    assert counted[1] == sum(
        each.numel()
        for name, each in network().named_parameters()
        if name.startswith(("test_fuse", "hint_test_feat_head"))
    )
    rates = schedule(steps)
    for _ in range(30):
        steps.step()
        rates.step()
    assert [group["lr"] for group in steps.param_groups] == pytest.approx([RATE / 5, PROMPT_RATE / 5])

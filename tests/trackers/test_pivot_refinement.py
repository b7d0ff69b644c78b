"""PiVOT's refinement and templates: each rule by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from trackzoo.nn.clip import resize
from trackzoo.trackers.pivot.modules import Fusion, Prompting, Relation
from trackzoo.trackers.pivot.refinement import (
    Regression,
    box_sizes,
    candidate_crops,
    foregone,
    local_maxima,
    refine,
    similarities,
)
from trackzoo.trackers.pivot.templates import Template, Templates, cut_template

MAPS = arrays(np.float32, (6, 6), elements=st.sampled_from([0.0, 0.04, 0.05, 0.25, 0.5, 0.9, 1.0]))


def test_maxima_are_strictly_above_the_threshold_and_plateaus_count_in_full() -> None:
    prompt = torch.zeros(5, 5)
    prompt[0, 0], prompt[4, 4], prompt[0, 4] = 0.05, 0.06, 0.9
    prompt[2, 1] = prompt[2, 2] = 0.9
    cells, scores = local_maxima(prompt, 0.05)
    assert cells.tolist() == [[0, 4], [2, 1], [2, 2], [4, 4]]
    np.testing.assert_allclose(scores, [0.9, 0.9, 0.9, 0.06])


@given(MAPS, st.sampled_from([1, 3, 5]))
def test_maxima_are_what_a_loop_over_neighbourhoods_finds(prompt: np.ndarray, kernel: int) -> None:
    reach, wanted = kernel // 2, []
    for row, column in np.ndindex(*prompt.shape):
        near = prompt[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        if prompt[row, column] > np.float32(0.05) and prompt[row, column] == near.max():
            wanted.append((row, column))
    wanted.sort(key=lambda cell: -prompt[cell])
    cells, scores = local_maxima(torch.from_numpy(prompt), 0.05, kernel)
    assert [tuple(cell) for cell in cells.tolist()] == wanted
    assert scores.tolist() == [prompt[cell] for cell in wanted]


@settings(deadline=None)
@given(MAPS, st.sampled_from([-0.5, 0.0, 0.25, 0.5, 0.999, 1.0, 1.5]), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_where_clip_is_not_asked_it_could_not_have_changed_the_prompt(
    prompt: np.ndarray, threshold: float, most: int, seed: int
) -> None:
    """Whatever features CLIP might give: the refined prompt is what `foregone` says without it."""
    own = torch.from_numpy(prompt)
    cells, scores = local_maxima(own, 0.05)
    cells, scores = cells[:most], scores[:most]
    decided = foregone(scores, threshold)
    if decided is None:
        assert len(cells) > 1
        assert 0 <= threshold < 1
        return
    without = refine(own, cells, torch.from_numpy(decided).float(), 0.5)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(4):
        features, references = torch.randn(len(cells), 8, generator=generator), torch.randn(2, 8, generator=generator)
        importance = similarities(features, references).mean(1)
        assert torch.equal(refine(own, cells, importance, threshold), without)


def test_clip_is_asked_where_it_can_decide() -> None:
    """Two candidates below 1: there are features that raise either, both, or (with a high threshold) none."""
    scores = np.float32([0.9, 0.3])
    assert foregone(scores, 0.25) is None
    assert foregone(np.float32([1.0, 0.3]), 0.25) is None
    references = torch.eye(2)[[0, 0]]
    for features, wanted in ((torch.eye(2), [True, False]), (torch.eye(2)[[1, 0]], [False, True])):
        assert (similarities(features, references).mean(1) > 0.25).tolist() == wanted
    assert (similarities(torch.eye(2)[[0, 0]], references).mean(1) > 0.25).all()
    assert not (similarities(torch.eye(2)[[0, 0]], references).mean(1) > 0.6).any()


def test_shares_sum_to_one_over_the_candidates_and_importance_is_their_mean() -> None:
    features = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    references = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    shares = similarities(features, references)
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-6)
    assert shares[0, 0] == pytest.approx(1 / (1 + np.exp(100 * (0.8 - 0.6))), rel=1e-4)
    raised = refine(torch.full((3, 3), 0.4), np.array([[0, 0], [2, 2]]), shares.mean(1), 0.25)
    # Of the second, half a share is enough: CLIP finds it like the first template.
    assert [float(raised[0, 0]), float(raised[2, 2]), float(raised[1, 1])] == pytest.approx([1, 1, 0.4])


def test_sizes_come_from_the_previous_map_and_stay_in_the_picture() -> None:
    ltrb = np.full((4, 4, 4), 0.25, np.float32)
    ltrb[2, 1, 1] = 5.0  # far to the right
    ltrb[:, 3, 3] = 0.0
    previous = Regression(ltrb, np.float32([0, 0, 64, 128]), (60, 100))
    sizes = box_sizes(np.array([[1, 2], [1, 1], [3, 3]]), previous)
    # A sample of 64 px shows 64 rows and 128 columns of the picture: a quarter of it to each side.
    assert sizes.tolist() == [[100 - 48, 32], [100 - 16, 32], [10, 10]]
    assert box_sizes(np.zeros((0, 2), np.int64), previous).shape == (0, 2)
    # Distances that are not finite, and a picture of less than ten pixels.
    ltrb[:, 1, 2] = np.inf
    ltrb[0, 1, 1] = np.nan
    for picture in ((60, 100), (8, 9)):
        sizes = box_sizes(np.array([[1, 2], [1, 1]]), Regression(ltrb, np.float32([0, 0, 64, 128]), picture))
        assert (sizes >= 10).all()
        assert (sizes <= max(*picture, 10)).all()


def test_crops_are_moved_inside_above_and_left_and_filled_with_zeros_elsewhere() -> None:
    picture = torch.arange(1, 32 * 32 + 1, dtype=torch.float32).reshape(1, 32, 32).repeat(3, 1, 1)
    cells = np.array([[0, 0], [2, 1], [3, 3]])
    crops = candidate_crops(picture, cells, np.array([[10, 12], [8, 8], [20, 10]]), side=4)
    assert crops.shape == (3, 3, 32, 32)
    torch.testing.assert_close(crops[0], resize(picture[None, :, 0:12, 0:10], 32)[0])
    torch.testing.assert_close(crops[1], resize(picture[None, :, 12:20, 4:12], 32)[0])
    torch.testing.assert_close(crops[2], resize(F.pad(picture[:, 19:29, 14:32], (0, 2))[None], 32)[0])


@given(st.floats(-20, 60), st.floats(-20, 60), st.floats(1, 50), st.floats(1, 50))
@settings(deadline=None, max_examples=30)
def test_template_crops_of_any_box(x: float, y: float, width: float, height: float) -> None:
    picture = torch.full((3, 40, 30), 7.0)
    crop = cut_template(picture, np.array([x, y, width, height]), 16)
    assert crop.shape == (3, 16, 16)
    assert float(crop.min()) >= 0
    assert float(crop.max()) <= 7
    if max(0, int(x)) + int(width) <= 30 and max(0, int(y)) + int(height) <= 40:
        assert torch.equal(crop, torch.full((3, 16, 16), 7.0))


def template(*feature: float) -> Template:
    return Template(torch.tensor(feature).reshape(1, 1, -1).repeat(3, 1, 1), clip=torch.tensor(feature))


def test_a_second_template_is_taken_when_it_is_like_the_first_and_no_less_than_like_the_last() -> None:
    first, near, far = template(1.0, 0.0), template(1.0, 0.1), template(0.0, 1.0)
    bank = Templates()
    bank.begin(first)
    assert bank.pair is None
    assert not bank.offer(far, 85)
    assert bank.memory == (first, far), "an empty memory takes whatever comes"
    assert bank.pair is None
    assert bank.offer(near, 85)
    assert bank.memory == (first, near)
    assert bank.pair == (first, near)
    assert bank.latest is near
    # Nearer to the last than to the first: refused, however like the first it is.
    assert not bank.offer(template(1.0, 0.2), 85)
    assert bank.latest is near
    assert bank.offer(template(1.0, -0.1), 85)
    assert not bank.offer(template(1.0, -0.05), 100)


def test_equal_pictures_are_one_template_and_are_like_themselves() -> None:
    bank = Templates()
    first = template(1.0, 0.0)
    bank.begin(first)
    same = bank.known(Template(first.image.clone()))
    assert same is first
    assert bank.asked(same) == []
    assert bank.offer(same, 99.9)
    assert bank.known(template(1.0, 0.1)) is not first
    assert bank.asked(template(1.0, 0.1)) != []


def test_a_restart_keeps_what_clip_compares_with() -> None:
    bank = Templates()
    first, near = template(1.0, 0.0), template(1.0, 0.1)
    bank.begin(first)
    bank.offer(near, 85)
    fourth = template(0.0, 1.0)
    bank.share = torch.zeros(1)
    bank.restart(fourth)
    assert (bank.initial, bank.latest, bank.pair) == (fourth, fourth, (fourth, fourth))
    assert bank.memory == (first, near)
    assert bank.share is None, "another pair has another share"
    bank.share = torch.zeros(1)
    bank.use(fourth, fourth)
    assert bank.share is not None


def filled(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3)
        for each in module.modules():
            if isinstance(each, torch.nn.BatchNorm2d) and each.running_var is not None:
                each.running_var.abs_().add_(0.5)
    return module.eval()


@torch.no_grad()
def test_split_convolutions_are_the_papers() -> None:
    """Concatenation of templates and frame (eq. 2), and of features and a repeated prompt (eq. 3), written as such."""
    fusion, relation = filled(Fusion(5)), filled(Relation(5), 1)
    assert isinstance(fusion, Fusion)
    assert isinstance(relation, Relation)
    templates, current, prompt = torch.randn(2, 2, 5, 3, 3), torch.randn(2, 5, 3, 3), torch.rand(2, 3, 3)
    joined = torch.cat([templates[:, 0], templates[:, 1], current], dim=1)
    torch.testing.assert_close(fusion(fusion.share(templates), current), fusion.mlp_shrink2(joined))
    repeated = torch.cat([current, prompt[:, None].expand(-1, 5, -1, -1)], dim=1)
    torch.testing.assert_close(relation(current, prompt), relation.mlp_shrink(repeated))


def test_prompts_lie_between_0_and_1_and_learn() -> None:
    own = Prompting()
    own.add_prompting(4)
    shares: Tensor = own.test_fuse.share(torch.randn(2, 2, 4, 3, 3))
    prompt = own.prompt(shares, torch.randn(2, 4, 3, 3))
    assert prompt.shape == (2, 3, 3)
    assert 0 <= float(prompt.detach().min()) <= float(prompt.detach().max()) <= 1
    own.prompted(torch.randn(2, 4, 3, 3), prompt).square().sum().backward()
    for name, parameter in own.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert learns is not name.startswith("test_shrink"), name

"""RTS without its network: memories, localisation, regions, pasting, facts, merging, first masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from trackzoo.errors import DataError, SettingsError, UnknownSetting
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.settings import changed
from trackzoo.trackers.rts.augment import blur, versions
from trackzoo.trackers.rts.first import checked_mask
from trackzoo.trackers.rts.labels import gaussian_label, label_sigma
from trackzoo.trackers.rts.localisation import Flag, localise
from trackzoo.trackers.rts.memory import Arena, SlotWeights, neighbours
from trackzoo.trackers.rts.merge import mask_logits, merge_logits
from trackzoo.trackers.rts.pasting import Facts, Pasted, facts_of, paste, whole
from trackzoo.trackers.rts.region import Region, box_of, centre_of
from trackzoo.trackers.rts.settings import LWLSettings, RTSSettings

SMALL = (240, 416)


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    """The packaged goldens of RTS."""
    import trackzoo.trackers.rts as plugin

    path = Path(str(plugin.__file__)).parent / "goldens" / "rts" / "golden.npz"
    with np.load(path) as content:
        return {name: content[name] for name in content.files}


# Memories


def test_weights_and_slots_are_the_reference_s_through_overflow(golden: dict[str, Any]) -> None:
    """Memories of 4 and 7 slots that overflow, with frames on which nothing is stored."""
    run = "run/small-schedule/frames"
    for branch, slots in (("seg", SlotWeights(4, minimum=0.25)), ("clf", SlotWeights(7, first=5))):
        for index, updated in enumerate(golden[f"{run}/{branch}_memory_updated"]):
            if updated:
                slot = slots.insert(0.1 if branch == "seg" else 0.01)
                assert slot == golden[f"{run}/{branch}_memory_index"][index]
            np.testing.assert_allclose(slots.weights, golden[f"{run}/{branch}_weights"][index], rtol=0, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    size=st.integers(2, 12),
    first=st.integers(1, 5),
    minimum=st.sampled_from([0.0, 0.25]),
    keep=st.booleans(),
    equal=st.booleans(),
    rates=st.lists(st.sampled_from([0.01, 0.02, 0.1, 0.5]), max_size=40),
)
def test_weights_sum_to_about_one_and_unfilled_slots_weigh_nothing(
    size: int, first: int, minimum: float, keep: bool, equal: bool, rates: list[float]
) -> None:
    first = min(first, size - 1)
    slots = SlotWeights(size, first, minimum, keep, equal, oldest=keep)
    for count, rate in enumerate(rates, 1):
        slot = slots.insert(rate)
        assert slots.stored == min(size, first + count)
        # Lifting the first frame's weight back to its minimum leaves a little more than 1, as in the released code.
        assert slots.weights.sum() == pytest.approx(1, abs=0.2 if minimum else 1e-5)
        assert (slots.weights >= 0).all()
        assert (slots.weights[slots.stored :] == 0).all()
        assert slots.weights[:first].sum() >= minimum - 1e-5
        if keep or minimum:
            assert slot >= first


def test_the_oldest_is_replaced_where_the_paper_says_so() -> None:
    slots = SlotWeights(5, first=2, keep_first=True, oldest=True)
    assert [slots.insert(0.1) for _ in range(8)] == [2, 3, 4, 2, 3, 4, 2, 3]


def test_an_arena_lends_lanes_grows_and_never_copies_what_it_shows() -> None:
    arena = Arena(3, {"x": (2, 4)}, "cpu")
    arena.reserve(2)
    lanes = [arena.take(), arena.take()]
    assert lanes == [0, 1]
    arena.put("x", 1, 2, torch.full((2, 4), 7.0))
    shown = arena.view("x", range(0, 2), 3)
    assert shown.data_ptr() == arena.tensors["x"].data_ptr()
    assert shown[2, 1].unique().tolist() == [7.0]
    third = arena.take()
    assert third == 2
    assert arena.lanes >= 3
    assert arena.view("x", range(1, 2), 3)[2, 0].unique().tolist() == [7.0]
    arena.give(0)
    arena.give(0)
    assert arena.take() == 0
    size = arena.bytes
    for _ in range(10):
        arena.give(third)
        third = arena.take()
    assert arena.bytes == size


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(0, 30), min_size=1).flatmap(lambda lanes: st.permutations(sorted(lanes))), st.integers(1, 5))
def test_groups_hold_every_object_once_in_consecutive_lanes(lanes: list[int], most: int) -> None:
    groups = neighbours(lanes, most)
    assert sorted(position for group in groups for position in group) == list(range(len(lanes)))
    for group in groups:
        assert len(group) <= most
        own = [lanes[position] for position in group]
        assert own == list(range(own[0], own[0] + len(own)))


# Localisation


def test_every_flag_and_second_peak_of_the_reference(golden: dict[str, Any]) -> None:
    chosen = changed(RTSSettings(), json.loads(str(golden["localize/params"])))
    names = ("scores", "clf_pos", "clf_target_sz", "sample_pos", "sample_scale")
    cases = list(zip(*(golden[f"localize/{name}"] for name in names), strict=True))
    found = [localise(*case[:4], float(case[4]), chosen) for case in cases]
    np.testing.assert_array_equal([each.flag for each in found], golden["localize/flag"])
    np.testing.assert_allclose([each.translation for each in found], golden["localize/translation"], atol=1e-4)
    assert {each.flag for each in found} == set(Flag)


def test_by_default_only_a_low_peak_is_told_from_a_normal_one() -> None:
    scores = np.zeros((16, 27), np.float32)
    scores[3, 4], scores[12, 20] = 0.9, 0.89
    place, size = np.array([100, 100], np.float32), np.array([20, 20], np.float32)
    assert localise(scores, place, size, place, 0.5, RTSSettings()).flag is Flag.NORMAL
    assert localise(scores / 4, place, size, place, 0.5, RTSSettings()).flag is Flag.NOT_FOUND


def test_a_peak_in_the_middle_does_not_move_the_target() -> None:
    scores = np.zeros((9, 14), np.float32)
    scores[4, 6] = 1
    place, size = np.array([50, 50], np.float32), np.array([20, 20], np.float32)
    found = localise(scores, place, size, place, 1.0, RTSSettings(image_sample_size=SMALL))
    # 14 columns have no middle one: half a cell left of it.
    np.testing.assert_allclose(found.translation, [0, -16])


def test_labels_peak_where_the_target_is() -> None:
    chosen = RTSSettings()
    region = Region.about((100, 80, 40, 30), chosen)
    sigma = label_sigma(region.base_size, chosen)
    label = gaussian_label(region.position, region.position, region.scale, sigma, chosen)
    assert label.shape == (16, 27)
    assert np.unravel_index(label.argmax(), label.shape) == (7, 13) or label.max() > 0.8
    moved = gaussian_label(region.position + np.float32(20), region.position, region.scale, sigma, chosen)
    assert (np.array(np.unravel_index(moved.argmax(), label.shape)) > np.unravel_index(label.argmax(), (16, 27))).all()


# Search region


def test_box_and_centre_are_each_other_s_inverse() -> None:
    box = np.array([10.0, 20, 31, 14])
    np.testing.assert_allclose(box_of(*centre_of(box)), box)


def test_the_region_s_scale_changes_by_no_more_than_allowed() -> None:
    region = Region.about((100, 100, 40, 30), RTSSettings())
    before = region.scale
    region.follow(region.position, region.size * np.float32(5), RTSSettings())
    assert region.scale == np.float32(1.2) * before
    region.follow(region.position, region.size / np.float32(9), RTSSettings())
    assert region.scale == np.float32(0.8) * (np.float32(1.2) * before)
    assert region.size[1] / region.size[0] == pytest.approx(40 / 30)


def test_a_lost_target_is_looked_for_at_former_larger_scales() -> None:
    region = Region.about((100, 100, 40, 30), RTSSettings())
    region.history = [np.float32(value) for value in (3, 1, 4, 2)]
    region.search()
    assert (region.lost, region.scale) == (1, 3)  # of 3, 4, 2: the last two
    region.search()
    region.search()
    assert region.lost == 3
    assert region.scale == 3  # all three
    assert len(region.history) == 4


def test_the_history_of_scales_does_not_grow_without_end() -> None:
    region = Region.about((100, 100, 40, 30), RTSSettings())
    for _ in range(300):
        region.follow(region.position, region.size, RTSSettings())
    assert len(region.history) == 60


# Pasting


@settings(max_examples=150, deadline=None)
@given(
    position=st.tuples(st.floats(-20, 120), st.floats(-20, 120)),
    scale=st.floats(0.05, 4),
    picture=st.tuples(st.integers(1, 100), st.integers(1, 100)),
)
def test_pasted_logits_lie_inside_the_picture(
    position: tuple[float, float], scale: float, picture: tuple[int, int]
) -> None:
    logits = torch.randn(32, 48, generator=torch.Generator().manual_seed(0))
    pasted = paste(logits, np.array(position, np.float32), scale, picture)
    full = pasted.full()
    assert tuple(full.shape) == picture
    inside = full > -100
    assert int(inside.sum()) == pasted.values.numel()
    [facts] = facts_of([pasted.sigmoid()], [pasted.values > 0])
    rows, columns = np.nonzero(np.asarray(full > 0))
    assert facts.area == len(rows)
    if len(rows):
        expected = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        np.testing.assert_array_equal(facts.box, expected)
    else:
        assert facts.empty


def test_facts_of_an_ellipse_are_its_axes() -> None:
    rows, columns = torch.meshgrid(torch.arange(200.0), torch.arange(300.0), indexing="ij")
    mask = ((rows - 90) / 40).square() + ((columns - 140) / 60).square() <= 1
    [facts] = facts_of([whole(mask.float())], [mask])
    np.testing.assert_allclose(facts.centre, [90, 140], atol=1e-3)
    np.testing.assert_allclose(facts.size(4), [80, 120], rtol=0.02)
    assert facts.sum == facts.area == int(mask.sum())


def test_facts_of_nothing_are_no_numbers_and_no_crash() -> None:
    [empty, outside] = facts_of(
        [whole(torch.zeros(5, 6)), Pasted(torch.zeros(0, 4), 0, 0, (5, 6))],
        [torch.zeros(5, 6, dtype=torch.bool), torch.zeros(0, 4, dtype=torch.bool)],
    )
    for facts in (empty, outside):
        assert facts.empty
        assert facts.sum == 0
        assert not (facts.variance > 0).any()


def test_a_single_pixel_in_the_corner_counts_as_nothing() -> None:
    """The released code takes the box that stands for an empty mask for one."""
    mask = torch.zeros(5, 6)
    mask[0, 0] = 1
    [facts] = facts_of([whole(mask)], [mask > 0])
    assert facts.empty
    assert isinstance(facts, Facts)


# Merging


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(0, 1000))
def test_merged_probabilities_and_labels_agree(count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = [whole(8 * torch.randn(12, 15, generator=generator)) for _ in range(count)]
    chances, labels = merge_logits(maps)
    assert chances.shape == (count, 12, 15)
    assert bool((chances >= 0).all() and (chances.sum(0) <= 1 + 1e-5).all())
    none = torch.cat([1 - chances.sum(0, keepdim=True), chances])
    assert bool((none.gather(0, labels[None])[0] >= none.amax(0) - 1e-5).all())
    # Order does not matter but for ties.
    turned, other = merge_logits(maps[::-1])
    torch.testing.assert_close(turned.flip(0), chances, rtol=1e-4, atol=1e-6)
    assert bool(((other == 0) == (labels == 0)).all())


def test_one_object_alone_keeps_its_mask_and_becomes_surer() -> None:
    logits = torch.linspace(-6, 6, 60).reshape(6, 10)
    chances, labels = merge_logits([whole(logits)])
    np.testing.assert_array_equal(labels == 1, logits > 0)
    torch.testing.assert_close(chances[0], (2 * logits).sigmoid(), rtol=1e-3, atol=1e-5)


def test_extreme_logits_and_ties_do_not_break_a_merge() -> None:
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[:2] = True
    chances, labels = merge_logits([mask_logits(mask), mask_logits(mask), Pasted(torch.ones(1, 1), 3, 3, (4, 4))])
    assert bool(chances.isfinite().all())
    assert labels[:2].unique().tolist() == [1]  # of equal ones the first
    assert int(labels[3, 3]) == 3
    assert int(labels[2, 0]) == 0


# First frames


def frame(width: int = 40, height: int = 30) -> Frame:
    """A grey picture."""
    return ArrayFrames(lambda _: np.full((height, width, 3), 127, np.uint8), 1, "clip")[0]


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((30, 40), bool), ["clip[0]", "without a pixel"]),
        (np.ones((40, 30), bool), ["first mask of 30x40", "expected 40x30"]),
        (np.ones((30, 40, 3), bool), ["first mask of 3x40x30"]),
        (np.arange(1200, dtype=np.uint8).reshape(30, 40) % 3, ["labels 1, 2", "expected one target"]),
    ],
    ids=["empty", "turned", "colours", "labels"],
)
def test_a_first_mask_that_is_none_is_refused_in_one_line(mask: np.ndarray[Any, Any], words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        checked_mask(mask, frame())
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    for word in words:
        assert word in text


def test_a_mask_of_one_label_is_taken_whatever_the_label() -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[3:9, 4:8] = 38
    assert checked_mask(mask, frame()).sum() == 24


def test_versions_of_the_first_crop() -> None:
    crop = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(2)) * 255
    five = versions(crop)
    assert torch.equal(five[0], crop)
    assert torch.equal(five[1], crop.flip(2))
    flat = blur(torch.full((1, 30, 30), 100.0), (2.0, 2.0))[0]
    assert float(flat[15, 15]) == pytest.approx(100, abs=1e-3)
    assert float(flat[0, 0]) < 50  # black beyond the border


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_sample_size": (240, 410)},
        {"image_sample_size": (240,)},
        {"learning_rate": 1.0},
        {"train_skipping": 0},
        {"sample_memory_size": 1},
        {"clf_sample_memory_size": 5},
        {"schedule": "newspaper"},
        {"image_sample_size": "240"},
        {"learning_rate": "fast"},
        {"instance": 1},
        {"train_skipping": 2.5},
        {"net_opt_iter": -1},
    ],
)
def test_settings_that_cannot_be_tracked_with(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        changed(RTSSettings(), wrong)
    assert len(str(caught.value).splitlines()) == 1


def test_settings_as_the_command_line_gives_them() -> None:
    made = changed(RTSSettings(), {"image_sample_size": "240,416", "max_scale_change": "0.9,1.1", "instance": False})
    assert made.image_sample_size == (240, 416)
    assert made.max_scale_change == (0.9, 1.1)


def test_a_setting_of_another_name_is_named() -> None:
    with pytest.raises(UnknownSetting, match="no setting 'clf_treshold'"):
        changed(RTSSettings(), {"clf_treshold": 1})
    with pytest.raises(SettingsError, match="alone"):
        changed(LWLSettings(), {"alone": "never"})

"""RTS and LWL from frame to frame: lanes, late objects, schedules, odd targets, bad input. Crops are small to be quick."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trackzoo.errors import DataError, SettingsError
from trackzoo.frames import ArrayFrames, Frames
from trackzoo.parity.case import Case
from trackzoo.parity.scene import scene
from trackzoo.parity.targets import target
from trackzoo.registry import tracker
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction
from trackzoo.trackers.lwl.tracker import LWLTracker
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.segmentation import SegmentationTracker
from trackzoo.trackers.rts.starting import MaskMaker
from trackzoo.trackers.rts.states import SegmentationState
from trackzoo.trackers.rts.tracker import RTSTracker
from trackzoo.trackers.rts.verify_weights import Weights
from trackzoo.trackers.sta.mask import BoxToMask

pytestmark = pytest.mark.usefixtures("one_thread")

CROP = (64, 96)
#: With the goldens' weights score maps are low.
SOME: dict[str, Any] = {"image_sample_size": CROP, "clf_target_not_found_threshold": 0.1}
MASKS = frozenset({"boxes", "masks"})


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """The goldens', with which masks are found on the synthetic scene."""
    packaged = Path(target("rts50").packaged)
    return Weights(Case(packaged, packaged), RTSNetwork).state_dict("trackzoo", "trackzoo-small")


@pytest.fixture(scope="module")
def rts(weights: dict[str, torch.Tensor]) -> RTSTracker:
    """RTS on a small crop."""
    made = RTSTracker(weights=weights, sta=None, **SOME)
    made.wants = MASKS
    return made


@pytest.fixture(scope="module")
def lwl(weights: dict[str, torch.Tensor]) -> LWLTracker:
    """LWL with the same weights, less the instance branch's."""
    own = {name: each for name, each in weights.items() if not name.startswith(("clf_encoder", "classifier"))}
    made = LWLTracker(weights=own, sta=None, image_sample_size=CROP)
    made.wants = MASKS
    return made


class Clip:
    """A synthetic video and its target."""

    def __init__(self, seed: int, length: int = 4, size: tuple[int, int] = (120, 160), grey: ListOf[int] = ()) -> None:
        video, self.boxes, masks = scene(seed, length, *size, target=(36, 48))
        for index in grey:
            video[index] = 127
        self.masks = masks.astype(np.bool_)
        self.video = video
        self.frames: Frames = ArrayFrames(lambda index: video[index], length, f"clip {seed} {length} {grey}")

    def target(self) -> Target:
        """Box and mask of the first frame."""
        return Target(self.boxes[0], self.masks[0])


Seen = list[tuple[Prediction, dict[str, Any]]]


def follow(on: SegmentationTracker, clips: ListOf[Clip]) -> list[Seen]:
    """Track clips in lockstep; for each the predictions and decisions of the frames after the first."""
    pairs = on.start([clip.frames[0] for clip in clips], [clip.target() for clip in clips], [0] * len(clips))
    states = [state for state, _ in pairs]
    seen: list[Seen] = [[] for _ in clips]
    for index in range(1, len(clips[0].frames)):
        for own, prediction, state in zip(
            seen, on.step([clip.frames[index] for clip in clips], states), states, strict=True
        ):
            own.append((prediction, decided(state)))
    on.release(states)
    return seen


def decided(state: SegmentationState) -> dict[str, Any]:
    """Everything discrete about a state."""
    names = ("seg_memory_index", "seg_iterations", "clf_memory_index", "clf_iterations", "clf_learning_rate", "flag")
    found = {name: state.decisions.get(name) for name in names}
    return {**found, "lost": state.lost, "small": state.small, "lost_instance": state.lost_instance}


def same(one: Seen, two: Seen) -> None:
    """Equal decisions, boxes to a pixel, masks to a thousandth of the picture."""
    for (a, decisions), (b, others) in zip(one, two, strict=True):
        assert decisions == others
        np.testing.assert_allclose(a.box, b.box, rtol=0, atol=1)
        assert a.mask is not None
        assert b.mask is not None
        assert (a.mask != b.mask).mean() <= 1e-3


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Sixteen, of two sizes; some lose sight of everything for a frame."""
    return [
        Clip(seed, 3, (120, 160) if seed % 2 else (100, 180), grey=(1,) if seed % 3 == 0 else ()) for seed in range(16)
    ]


@pytest.mark.parametrize("name", ["rts", "lwl"])
def test_lanes_decide_what_each_decides_alone(name: str, clips: list[Clip], request: pytest.FixtureRequest) -> None:
    on: SegmentationTracker = request.getfixturevalue(name)
    together = follow(on, clips)
    fours = [seen for first in range(0, 16, 4) for seen in follow(on, clips[first : first + 4])]
    alone = [seen for clip in clips[:4] for seen in follow(on, [clip])]
    for one, two in zip(together, fours, strict=True):
        same(one, two)
    for one, two in zip(together[:4], alone, strict=True):
        same(one, two)
    assert len({str(decisions) for seen in together for _, decisions in seen}) > 1


def test_lanes_that_are_freed_and_taken_in_any_order_hold_their_own_objects(rts: RTSTracker, clips: list[Clip]) -> None:
    """Objects that end and begin beside others leave them as they are; lanes are then no neighbours any more."""
    [expected] = follow(rts, [clips[1]])
    pairs = rts.start([clip.frames[0] for clip in clips[:4]], [clip.target() for clip in clips[:4]], [0] * 4)
    states = [state for state, _ in pairs]
    rts.release([states[0], states[2]])
    [(late, _)] = rts.start([clips[5].frames[0]], [clips[5].target()], [0])
    seen: Seen = []
    for index in (1, 2):
        order = [(clips[3], states[3]), (clips[1], states[1]), (clips[5], late)]
        found = rts.step([clip.frames[index] for clip, _ in order], [state for _, state in order])
        seen.append((found[1], decided(states[1])))
    rts.release([states[1], states[3], late])
    same(seen, expected)


def test_it_finds_the_target_of_the_scene(weights: dict[str, torch.Tensor]) -> None:
    """At the crop that the weights were calibrated for; they are no trained network's, so not for long."""
    made = RTSTracker(weights=weights, sta=None, image_sample_size=(240, 416), clf_target_not_found_threshold=0.1)
    made.wants = MASKS
    video, boxes, masks = scene(1, 3)
    frames = ArrayFrames(lambda index: video[index], 3, "found")
    [(state, first)] = made.start([frames[0]], [Target(boxes[0], masks[0].astype(bool))], [0])
    np.testing.assert_array_equal(first.mask, masks[0])
    [found] = made.step([frames[1]], [state])
    assert found.mask is not None
    assert (found.mask & masks[1]).sum() > 0.8 * masks[1].sum()
    assert found.mask.mean() < 0.1
    made.release([state])


def test_a_late_object_and_merging(rts: RTSTracker) -> None:
    clip = Clip(1, 5)
    other = np.roll(clip.masks[2], (40, 60), (0, 1)) & ~clip.masks[2]
    [(one, first)] = rts.start([clip.frames[0]], [clip.target()], [0])
    rts.merge([one], [first])
    [prediction] = rts.step([clip.frames[1]], [one])
    rts.merge([one], [prediction])
    [prediction] = rts.step([clip.frames[2]], [one])
    own = rts.mask_of(one)
    [(two, second)] = rts.start([clip.frames[2]], [Target(np.array([100.0, 70, 30, 30]), other)], [0])
    merged = rts.merge([one, two], [prediction, second])
    assert merged[0].mask is not None
    assert merged[1].mask is not None
    assert own is not None
    assert not (merged[0].mask & merged[1].mask).any()
    # A given mask is as sure as can be: it takes what the other object also claimed.
    assert (merged[1].mask == other).mean() > 0.99
    assert ((merged[0].mask | merged[1].mask) >= own).all()
    assert one.previous.values.shape == (120, 160)
    for index in (3, 4):
        found = rts.merge([one, two], rts.step([clip.frames[index]] * 2, [one, two]))
        assert not (found[0].mask & found[1].mask).any()  # type: ignore[operator]
        assert all(np.isfinite(each.box).all() and (each.box[2:] > 0).all() for each in found)
    rts.release([one, two])


def test_the_paper_s_rules_store_only_what_both_branches_found(weights: dict[str, torch.Tensor]) -> None:
    clip = Clip(1, 9, grey=(3, 4))
    settings = {**SOME, "train_skipping": 4, "clf_train_skipping": 4, "alr_init_buff": 100}
    paper = RTSTracker(weights=weights, sta=None, schedule="paper", **settings)
    [(state, _)] = paper.start([clip.frames[0]], [clip.target()], [0])
    stored: list[int] = []
    refined: list[int] = []
    for index in range(1, 9):
        found = not state.lost and not state.lost_instance and index > 1
        paper.step([clip.frames[index]], [state])
        assert ("seg_memory_index" in state.decisions) == found  # rules (a), (b), (d)
        assert ("clf_memory_index" in state.decisions) == (not state.lost_instance)  # rules (a), (c), (d)
        stored += [state.decisions["seg_memory_index"]] if found else []
        refined += [index + 1] if state.decisions.get("seg_iterations") else []
    assert 0 not in stored
    assert set(refined) <= {5, 9}  # every fourth frame, not every frame of the beginning
    paper.release([state])


def test_the_paper_keeps_the_first_frame_in_both_memories(weights: dict[str, torch.Tensor]) -> None:
    clip = Clip(2, 8)
    settings = {**SOME, "sample_memory_size": 3, "clf_sample_memory_size": 7, "clf_target_not_found_threshold": 0.0}
    paper = RTSTracker(weights=weights, sta=None, schedule="paper", **settings)
    [(state, _)] = paper.start([clip.frames[0]], [clip.target()], [0])
    taken: list[int] = []
    for index in range(1, 8):
        paper.step([clip.frames[index]], [state])
        taken += [state.decisions["clf_memory_index"]] if "clf_memory_index" in state.decisions else []
    assert set(taken) == {5, 6}  # the five of the first frame stay
    paper.release([state])


def test_settings_of_the_tables_change_what_they_say(weights: dict[str, torch.Tensor]) -> None:
    lost = {**weights, "decoder.project.conv2.bias": torch.tensor([-60.0])}
    clip = Clip(1, 4)
    boxes: dict[str, np.ndarray[Any, Any]] = {}
    for name, settings in {
        "fallback": {},
        "none": {"fallback": False},
        "strict": {"clf_target_not_found_threshold": 0.9},
        "segmentation": {"instance": False},
    }.items():
        made = RTSTracker(weights=lost, sta=None, **{**SOME, **settings})
        [seen] = follow(made, [clip])
        boxes[name] = np.stack([prediction.box for prediction, _ in seen])
        assert all(decisions["lost"] for _, decisions in seen)
        if name == "strict":
            assert all(decisions["lost_instance"] for _, decisions in seen)
        if name == "segmentation":
            assert all(decisions["flag"] is None for _, decisions in seen)
            assert all(prediction.score == 0 for prediction, _ in seen)
    # Without a mask: where the instance branch sees the target; the box of an empty mask without it.
    assert (boxes["fallback"][:, 2:] > 10).all()
    for name in ("none", "segmentation"):
        np.testing.assert_array_equal(boxes[name], np.tile([0.0, 0, 1, 1], (3, 1)))
    # Lost by both branches, the target is said to be where it was.
    np.testing.assert_allclose(boxes["strict"], np.tile(clip.boxes[0], (3, 1)), atol=1e-3)


ODD = {
    "a pixel": (50, 40, 1, 1),
    "a column": (80, 20, 1, 60),
    "a row": (20, 60, 100, 1),
    "the picture": (0, 0, 160, 120),
    "beyond": (-40, -30, 300, 200),
    "a corner": (150, 110, 30, 40),
    "a fraction": (50.5, 40.25, 3.5, 2.25),
}


@pytest.mark.parametrize("box", ODD.values(), ids=ODD)
@pytest.mark.parametrize("name", ["rts", "lwl"])
def test_odd_targets_are_tracked_without_complaint(
    name: str, box: tuple[float, ...], request: pytest.FixtureRequest
) -> None:
    on: SegmentationTracker = request.getfixturevalue(name)
    clip = Clip(3, 4)
    x, y, w, h = box
    mask = np.zeros((120, 160), bool)
    mask[max(0, int(y)) : int(y + h), max(0, int(x)) : int(x + w)] = True
    [(state, first)] = on.start([clip.frames[0]], [Target(np.array(box, float), mask)], [0])
    np.testing.assert_array_equal(first.box, box)
    for index in (1, 2, 3):
        [found] = on.step([clip.frames[index]], [state])
        assert np.isfinite(found.box).all()
        assert (found.box[2:] > 0).all()
        assert np.isfinite(found.score)
        assert found.mask is not None
        assert found.mask.shape == (120, 160)
    on.release([state])


@pytest.mark.parametrize("name", ["rts", "lwl"])
def test_a_video_whose_frames_change_their_size_is_refused_in_one_line(
    name: str, request: pytest.FixtureRequest
) -> None:
    on: SegmentationTracker = request.getfixturevalue(name)
    clip, other = Clip(1, 2), Clip(1, 2, (100, 180))
    [(state, _)] = on.start([clip.frames[0]], [clip.target()], [0])
    with pytest.raises(DataError, match=r"a picture of 180x100, expected 160x120, as the first frame") as caught:
        on.step([other.frames[1]], [state])
    assert len(str(caught.value).splitlines()) == 1
    # The object goes on as if nothing had happened.
    on.step([clip.frames[1]], [state])
    on.release([state])


def test_a_bad_first_mask_takes_no_lane(rts: RTSTracker) -> None:
    clip = Clip(1, 2)
    free = sorted(rts.memory._free)
    with pytest.raises(DataError, match="without a pixel"):
        rts.start([clip.frames[0]], [Target(clip.boxes[0], np.zeros((120, 160), bool))], [0])
    assert sorted(rts.memory._free) == free


def test_a_box_without_a_mask_needs_sta_and_says_so() -> None:
    choice = tracker("rts").with_weights("random")
    made = choice.load(sta="sta", image_sample_size=CROP)
    made.masks.weights = "sta"  # type: ignore[attr-defined]
    clip = Clip(1, 2)
    with pytest.raises(SettingsError, match=r"a first box without a mask needs STA's weights: .*sta") as caught:
        made.start([clip.frames[0]], [Target(clip.boxes[0])], [0])
    assert len(str(caught.value).splitlines()) == 1
    assert made.needs_mask() == str(caught.value)


def test_whether_a_box_will_do_is_known_without_a_network(tmp_path: Path) -> None:
    """A run of boxes alone is refused before it begins; see the protocols' tests."""
    needed = "a first box without a mask needs STA's weights: "
    for weights, words in (
        ("sta", "the weights 'sta' are not here"),
        (tmp_path / "x.pth", "no such file"),
        ("st", "'st'"),
    ):
        text = MaskMaker(weights, False, "cpu", "fp32").lacking()
        assert text.startswith(needed)
        assert words in text
        assert len(text.splitlines()) == 1
    assert MaskMaker("random", False, "cpu", "fp32").lacking() == ""
    (tmp_path / "x.pth").write_bytes(b"weights")
    assert MaskMaker(tmp_path / "x.pth", False, "cpu", "fp32").lacking() == ""


def test_a_box_alone_begins_with_sta_s_mask(weights: dict[str, torch.Tensor]) -> None:
    made = RTSTracker(weights=weights, sta="random", **SOME)
    made.wants = MASKS
    made.masks._sta = BoxToMask("random", crop=CROP)
    clip = Clip(1, 3)
    [(state, first)] = made.start([clip.frames[0]], [Target(clip.boxes[0])], [0])
    made.masks._sta = None
    box = clip.boxes[0].astype(int)
    assert first.mask is not None
    outside = first.mask.copy()
    outside[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = False
    assert not outside.any()
    made.step([clip.frames[1]], [state])
    made.release([state])


def test_memories_do_not_grow_once_they_are_full(weights: dict[str, torch.Tensor]) -> None:
    settings = {**SOME, "sample_memory_size": 4, "clf_sample_memory_size": 7}
    made = RTSTracker(weights=weights, sta=None, **settings)
    clip = Clip(1, 12)
    assert made.instance is not None
    [(state, _)] = made.start([clip.frames[0]], [clip.target()], [0])
    sizes = [made.memory.bytes + made.instance.memory.bytes]
    for index in range(1, 36):
        made.step([clip.frames[index % 12]], [state])
        sizes.append(made.memory.bytes + made.instance.memory.bytes)
        assert len(state.region.history) <= 60
    assert len(set(sizes)) == 1
    assert state.branch.slots.stored == 4
    made.release([state])


def test_predictions_are_the_callers_to_keep(rts: RTSTracker) -> None:
    clip = Clip(1, 4)
    [clean] = follow(rts, [clip])
    [(state, _)] = rts.start([clip.frames[0]], [clip.target()], [0])
    for index in (1, 2, 3):
        [found] = rts.step([clip.frames[index]], [state])
        np.testing.assert_array_equal(found.box, clean[index - 1][0].box)
        found.box[:] = -1e6
        assert found.mask is not None
        found.mask[:] = True
    rts.release([state])


def test_no_masks_where_nobody_asks(rts: RTSTracker) -> None:
    rts.wants = frozenset({"boxes"})
    try:
        [seen] = follow(rts, [Clip(1, 3)])
    finally:
        rts.wants = MASKS
    assert all(prediction.mask is None for prediction, _ in seen)


def test_traces_say_what_was_decided_while_a_probe_listens(rts: RTSTracker) -> None:
    clip = Clip(1, 4)
    names: set[str] = set()
    rts.attach(lambda name, _: names.add(name))
    try:
        [seen] = follow(rts, [clip])
    finally:
        rts.attach(None)
    trace = seen[-1][0].trace
    assert trace is not None
    assert {"seg_memory_index", "seg_iterations", "memory_mask_area", "flag", "instance_box"} <= trace.keys()
    assert {"crops", "scores", "mask_encoding", "logits", "states", "predictions"} <= names


def test_lwl_alone_is_merged_unless_the_released_single_object_class_is_asked_for(lwl: LWLTracker) -> None:
    clip = Clip(1, 4)
    [(state, _)] = lwl.start([clip.frames[0]], [clip.target()], [0])
    lwl.step([clip.frames[1]], [state])
    doubled = (2 * state.logits.full()).sigmoid()
    torch.testing.assert_close(state.previous.full(), doubled, rtol=1e-3, atol=1e-4)
    lwl.release([state])


def test_lwl_s_box_is_of_moments_or_of_the_mask(lwl: LWLTracker) -> None:
    clip = Clip(1, 3)
    [(state, _)] = lwl.start([clip.frames[0]], [clip.target()], [0])
    [found] = lwl.step([clip.frames[1]], [state])
    assert found.mask is not None
    object.__setattr__(lwl.settings, "box", "mask")
    try:
        tight = lwl.box_from(state.seen, state.region)
    finally:
        object.__setattr__(lwl.settings, "box", "moments")
    if found.mask.any():
        rows, columns = np.nonzero(found.mask)
        expected = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        np.testing.assert_allclose(tight, expected, atol=1)
    assert not np.array_equal(tight, found.box)
    lwl.release([state])


def test_lwl_from_a_box_ignores_a_given_mask() -> None:
    choice = tracker("lwl-boxinit").with_weights("random")
    made = choice.load(image_sample_size=CROP)
    made.wants = MASKS
    made.masks.weights = "sta"  # type: ignore[attr-defined]
    assert made.needs_mask() == ""
    clip = Clip(1, 3)
    found = []
    for given in (clip.masks[0], None):
        [(state, first)] = made.start([clip.frames[0]], [Target(clip.boxes[0], given)], [0])
        found.append((first, made.step([clip.frames[1]], [state])[0]))
        made.release([state])
    np.testing.assert_array_equal(found[0][0].mask, found[1][0].mask)
    np.testing.assert_array_equal(found[0][1].box, found[1][1].box)


def test_pictures_of_frames_and_memories(rts: RTSTracker, lwl: LWLTracker) -> None:
    from trackzoo.trackers.rts.pictures import PICTURES

    clip = Clip(1, 5, grey=(3,))
    for on, panels in ((rts, (4, 3)), (lwl, (3, 2))):
        trace: dict[str, Any] = {}
        assert on.pictures == "trackzoo.trackers.rts.pictures"
        assert all(draw(on, trace) is None for draw in PICTURES.values())
        on.attach(trace.__setitem__)
        [(state, _)] = on.start([clip.frames[0]], [clip.target()], [0])
        for index in range(1, 5):
            on.step([clip.frames[index]], [state])
        on.attach(None)
        on.release([state])
        figures = [draw(on, trace) for draw in PICTURES.values()]
        assert tuple(len(figure.axes) for figure in figures if figure is not None) == panels
        assert [entry["frame"] for entry in trace["log"]] == [1, 2, 3, 4]
        for figure in figures:
            assert figure is not None
            figure.canvas.draw()


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_half_precision_runs_and_learns_in_full(weights: dict[str, torch.Tensor], dtype: str) -> None:
    half = RTSTracker(weights=weights, sta=None, dtype=dtype, **SOME)
    half.wants = MASKS
    [seen] = follow(half, [Clip(1, 3)])
    assert all(np.isfinite(prediction.box).all() for prediction, _ in seen)
    assert half.memory.tensors["features"].dtype == torch.float32
    assert bool(half.memory.tensors["features"].isfinite().all())


def test_filters_are_learnt_in_full_float32_and_others_settings_come_back(rts: RTSTracker) -> None:
    cudnn = torch.backends.cudnn
    before, seen = cudnn.allow_tf32, []
    rts.attach(lambda name, _: seen.append(cudnn.allow_tf32))
    try:
        follow(rts, [Clip(1, 3)])
    finally:
        rts.attach(None)
    assert seen
    assert not any(seen)
    assert cudnn.allow_tf32 == before

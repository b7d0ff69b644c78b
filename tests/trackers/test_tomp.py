"""ToMP: what it decides, what it remembers, and that neither lanes nor savings change it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st
from lanes import alone, apart, objects, side_by_side
from torch import nn

from trackzoo.errors import SettingsError
from trackzoo.parity.fill import fill_state_dict
from trackzoo.parity.videos import in_lanes, videos
from trackzoo.registry import tracker as choose
from trackzoo.sequence import Target
from trackzoo.trackers.tomp.boxes import Place, clipped, corners, distances, float32, in_sample, label
from trackzoo.trackers.tomp.build import tomp_tracker
from trackzoo.trackers.tomp.localisation import Thresholds, locate, scale_while_lost
from trackzoo.trackers.tomp.predictor import position_encoding
from trackzoo.trackers.tomp.tracker import Behaviour, ToMPTracker
from trackzoo.trackers.tomp.transformer import Attention, Transformer

pytestmark = pytest.mark.usefixtures("one_thread")

#: A narrower transformer; the crops of 6 x 6 and 7 x 7 cells are an even and an odd grid, as 18 and 27 are.
THIN = {"depth": 2, "hidden": 64}
SMALL: dict[str, dict[str, Any]] = {
    "even": {"side": 6, "parts": THIN},
    "odd": {"side": 7, "parts": THIN},
    "dinov2": {"side": 5, "backbone": "dinov2", "parts": {**THIN, "backbone": {"width": 32, "depth": 1, "heads": 2}}},
}


@cache
def network(kind: str) -> Any:
    """A small network with lively generated parameters; made once, since that takes longer than tracking."""
    built = tomp_tracker(weights="random", **SMALL[kind]).network
    # Boxes of about the target's size: distances of a tenth of the sample.
    filled = fill_state_dict(built.state_dict(), {"head.bb_regressor.bbreg_layer.bias": {"value": [-2.3] * 4}}, "lanes")
    filled["head.bb_regressor.bbreg_layer.weight"] *= 0.2
    token = "head.filter_predictor.query_embed_fg"
    filled[f"{token}_decoder.weight"].copy_(filled[f"{token}.weight"])
    built.load_state_dict(filled)
    return built


def made(
    kind: str, *, conf_ths: float = 0.0, report_limit: float = 0.0, deterministic: bool = False, **more: Any
) -> Any:
    """A small tracker that finds something in every frame."""
    thresholds = Thresholds(**{"target_not_found_threshold": -100.0, **more})
    return ToMPTracker(network(kind), Behaviour(thresholds, conf_ths, report_limit, deterministic))


def watch(tracker: Any) -> list[Any]:
    """Steps of every frame to come, one list a frame."""
    log: list[Any] = []
    tracker.attach(lambda name, value: log.append(value) if name == "steps" else None)
    return log


# Lanes, savings, bits.


@pytest.mark.parametrize("kind", ["even", "dinov2"])
def test_lanes_agree(kind: str) -> None:
    """1, 4, 16 objects at once get the boxes that each gets alone, to a hundredth of a pixel."""
    small = made(kind)
    most = 8 if kind == "dinov2" else 16
    clips = objects(most, 3)
    log = watch(small)
    single = alone(small, clips)
    assert np.abs(np.stack([boxes[-1] - boxes[0] for boxes in single])).max() > 2  # they move
    flags = {step.located.flag for steps in log for step in steps}
    assert len(flags) > 1  # and what is decided about them differs
    assert {step.remembered for steps in log for step in steps} == {True, False}
    small.attach(None)
    for lanes in (most // 4, most):
        assert apart(side_by_side(small, clips, lanes), single) < 1e-2


@pytest.mark.parametrize("kind", SMALL)
def test_the_fast_order_gives_what_the_plain_one_gives(kind: str, load_benchmark: Callable[[str], ModuleType]) -> None:
    """References encoded anew in every frame, two masked sequences, attention with weights: the same boxes."""
    small = made(kind)
    clip = videos(1, 7)[0]
    log = watch(small)
    [ours] = in_lanes(small, [clip])
    assert any(steps[0].remembered for steps in log[:-1])  # so that two references are seen
    plain = list(load_benchmark("tomp").Plain(small).track(*clip))
    assert apart([ours[1:]], [plain]) < 1e-2


def test_deterministic_gives_equal_bits_whatever_the_lanes() -> None:
    small = made("even", deterministic=True)
    clips = videos(4, 4)
    single = alone(small, clips)
    assert apart(in_lanes(small, clips), single) == 0
    assert not torch.are_deterministic_algorithms_enabled()  # and the mode is left again
    assert apart(single, alone(made("even"), clips)) < 1e-2


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_half_precision_runs_and_stays_near(dtype: str) -> None:
    """Distances on one frame, since a changed cell would lead elsewhere on the next."""
    [clip] = videos(1, 2)
    full, half = made("even"), ToMPTracker(network("even"), made("even").behaviour, dtype=dtype)
    found = []
    for tracker in (full, half):
        log = watch(tracker)
        in_lanes(tracker, [clip])
        tracker.attach(None)
        found.append(log[0][0].ltrb)
    np.testing.assert_allclose(found[1], found[0], rtol=0.15)
    assert not np.array_equal(found[1], found[0])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lanes"), [("tomp-50", (4, 16)), ("tomp-l-22", (2,))])
def test_lanes_agree_at_full_size(name: str, lanes: tuple[int, ...]) -> None:
    full = choose(name).with_weights("random").load(target_not_found_threshold=-100.0, conf_ths=-100.0)
    clips = videos(max(lanes), 3)
    single = alone(full, clips[:2])
    for count in lanes:
        assert apart(in_lanes(full, clips[:count])[:2], single) < 1e-2


def test_references_are_encoded_when_they_change_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backbone sees one crop a frame; tokens are made for the first frame, and for frames that are remembered."""
    small = made("even", conf_ths=1e9)
    calls: dict[str, list[int]] = {"features": [], "reference_tokens": []}
    for module, name in ((small.network, "features"), (small.network.head.filter_predictor, "reference_tokens")):
        own = getattr(module, name)

        def counted(first: torch.Tensor, *rest: Any, own: Any = own, name: str = name) -> Any:
            calls[name].append(len(first))
            return own(first, *rest)

        monkeypatch.setattr(module, name, counted)
    in_lanes(small, videos(3, 4))
    assert calls == {"features": [3, 3, 3, 3], "reference_tokens": [3]}


def test_only_sure_frames_are_remembered() -> None:
    video, box = videos(1, 4)[0]
    frames = _frames(video)
    for conf_ths in (1e9, -1e9):
        small = made("odd", conf_ths=conf_ths)
        [(state, _)] = small.start(frames[:1], [Target(box)], [0])
        first = state.first.clone()
        log = watch(small)
        for frame in frames[1:]:
            before = state.recent
            small.step([frame], [state])
            step = log[-1][0]
            assert step.remembered is (conf_ths < 0 and step.located.flag != "uncertain")
            assert (state.recent is not before) is step.remembered
        assert torch.equal(state.first, first)
        assert (state.recent is not None) is (conf_ths < 0)
    unsure = made("odd", conf_ths=-1e9, distractor_threshold=-1e9, dispalcement_scale=0.0)
    [(state, _)] = unsure.start(frames[:1], [Target(box)], [0])
    log = watch(unsure)
    unsure.step([frames[1]], [state])
    assert log[0][0].located.flag == "uncertain"
    assert state.recent is None


def _frames(video: np.ndarray) -> list[Any]:
    from trackzoo.frames import ArrayFrames

    frames = ArrayFrames(lambda index: video[index], len(video), "clip")
    return [frames[index] for index in range(len(video))]


def test_a_lost_target_stays_where_it_was_and_the_search_widens() -> None:
    video, box = videos(1, 5)[0]
    frames = _frames(video)
    small = made("even", target_not_found_threshold=1e9)
    [(state, _)] = small.start(frames[:1], [Target(box)], [0])
    scale = state.scale
    [prediction] = small.step([frames[1]], [state])
    np.testing.assert_allclose(prediction.box, box, atol=1e-4)  # nothing was ever found: nothing moves
    assert (state.lost, state.history, state.scale) == (0, [], scale)
    state.history = [1.0, 3.0, 2.0]
    small.step([frames[2]], [state])
    assert state.lost == 1
    assert state.scale == 2.5  # of the scales no smaller than the last: 3 and 2


@pytest.mark.parametrize(
    "box",
    [(50, 40, 1, 1), (50.5, 40.25, 3.5, 2.25), (-40, -30, 300, 200), (158, 118, 30, 40), (5, 60, 140, 3)],
    ids=str,
)
@pytest.mark.parametrize("size", [(160, 120), (9, 8)], ids=str)
def test_odd_first_boxes_and_pictures_give_finite_boxes(box: tuple[float, ...], size: tuple[int, int]) -> None:
    width, height = size
    first = np.array(box) * (width / 160)
    video = np.random.RandomState(0).randint(0, 256, (3, height, width, 3)).astype(np.uint8)
    small = made("even")
    small.network.head.bb_regressor.bbreg_layer.bias += 200  # distances that are not finite
    try:
        for tracker in (small, made("odd")):
            boxes = np.stack([prediction.box for prediction in tracker.track(video, first)])
            assert np.isfinite(boxes).all()
            assert (boxes[:, 2:] > 0).all()
            assert (boxes[1:, 2:] <= max(width, height, 10)).all()
    finally:
        small.network.head.bb_regressor.bbreg_layer.bias -= 200


def test_reported_numbers_are_clipped_where_pivot_does() -> None:
    clips = videos(4, 5)
    free, bounded = ([in_lanes(made("odd", report_limit=limit), [c])[0] for c in clips] for limit in (0.0, 90.0))
    for mine, other in zip(free, bounded, strict=True):
        np.testing.assert_allclose(np.clip(np.stack(mine[1:]), 0, 90), np.stack(other[1:]), atol=1e-3)


def test_the_variants_settings() -> None:
    assert choose("tomp").id == "tomp-50"
    assert choose("tomp-l-27").settings["side"] == 27
    for name in ("tomp-l-22", "tomp-l-27"):
        assert choose(name).settings["target_not_found_threshold"] == 0.35


@pytest.mark.parametrize(
    ("settings_of", "needle"),
    [
        ({"backbone": "swin"}, "backbone: found 'swin', expected resnet50 or dinov2"),
        ({"side": 1}, "side: found 1"),
        ({"dtype": "fp8"}, "unknown dtype 'fp8'"),
        ({"color": 1}, "has no setting 'color'"),
    ],
)
def test_wrong_settings_are_refused(settings_of: dict[str, Any], needle: str) -> None:
    choice = choose("tomp-50").with_weights("random")
    with pytest.raises(SettingsError, match=needle):
        choice.load(**{"parts": THIN, **settings_of})


def test_without_weights_nothing_is_loaded() -> None:
    with pytest.raises(SettingsError, match="this tracker needs weights"):
        tomp_tracker()


def test_inspect_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trackzoo.cli.inspect import inspect

    parts = "parts={depth=1,hidden=16}"
    arguments = [
        "tomp-50",
        "--random-weights",
        "--frames",
        "2",
        "--set",
        parts,
        "--set",
        "side=6",
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(inspect, arguments, standalone_mode=False)
    assert done.exception is None, done.exception
    names = sorted(path.name.split("-00002-")[1] for path in tmp_path.glob("*.png"))
    assert names == ["distances.png", "localisation.png"]


# Where a target is.


def place(cy: float, cx: float, h: float, w: float) -> Place:
    return Place(float32([cy, cx]), float32([h, w]))


numbers = st.floats(-300, 600, width=32)
sizes = st.floats(1, 400, width=32)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers, numbers, numbers)
def test_a_clipped_box_lies_inside_with_ten_pixels(x1: float, y1: float, x2: float, y2: float) -> None:
    corner, size = clipped(float32([x1, y1, x2, y2]), (240, 320))
    assert (corner >= 0).all()
    assert (size >= 10 - 1e-4).all()  # but for rounding
    assert (corner + size <= np.array([240, 320]) + 1e-3).all()
    inside = x1 >= 0 and y1 >= 0 and x2 <= 320 and y2 <= 240 and min(x2 - x1, y2 - y1) > 10.1
    if inside:
        np.testing.assert_allclose([*corner[::-1], *size[::-1]], [x1, y1, x2 - x1, y2 - y1], atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.floats(20, 200), st.floats(20, 200), sizes, sizes, st.integers(4, 27), st.data())
def test_every_cell_says_the_same_box(cy: float, cx: float, h: float, w: float, side: int, data: st.DataObject) -> None:
    """Distances of a reference, read back at any cell, give the box; half a pixel of the sample is the conventions' own."""
    target, scale = place(cy, cx, h, w), 0.5
    sample = 16 * side
    inside = in_sample(target, float32([100, 90]), scale, sample)
    ltrb = distances(inside, side)
    cell = (data.draw(st.integers(0, side - 1)), data.draw(st.integers(0, side - 1)))
    # The sample's own coordinates in the picture, whose centre its position is.
    half = scale * sample / 2
    coords = float32([100 - half, 90 - half, 100 + half, 90 + half])
    x1, y1, x2, y2 = corners(ltrb, cell, coords)
    np.testing.assert_allclose([x2 - x1, y2 - y1], [w, h], atol=2e-3)
    np.testing.assert_allclose([(x1 + x2) / 2, (y1 + y2) / 2], [cx, cy], atol=2e-3)


def test_a_label_is_a_gaussian_about_the_target() -> None:
    for side in (6, 7):
        middle = label(place(50, 60, 10, 10), float32([50, 60]), 0.5, side, side / 20)
        assert middle.max() <= 1
        np.testing.assert_allclose(middle, middle.T)
        np.testing.assert_allclose(middle, middle[::-1, ::-1])
        moved = label(place(50 + 16 * 0.5, 60, 10, 10), float32([50, 60]), 0.5, side, side / 20)
        np.testing.assert_allclose(moved[1:], middle[:-1], atol=1e-6)  # one cell down


def peaks(side: int, **cells: float) -> np.ndarray:
    scores = np.zeros((side, side), np.float32)
    for name, value in cells.items():
        row, column = name.removeprefix("at").split("_")
        scores[int(row), int(column)] = value
    return scores


#: The target of 32 x 32 pixels lies in the middle of a sample of scale 1: its neighbourhood is 2.2 cells to each side.
@pytest.mark.parametrize(
    ("scores", "flag", "cell"),
    [
        ({"at9_9": 0.24}, "not_found", (9, 9)),
        ({"at9_9": 0.26}, "normal", (9, 9)),
        ({"at9_9": 1.0, "at9_11": 0.95}, "normal", (9, 9)),  # within the neighbourhood: not another peak
        ({"at9_9": 1.0, "at9_12": 0.45}, "normal", (9, 9)),
        ({"at9_9": 1.0, "at9_12": 0.55}, "hard_negative", (9, 9)),
        ({"at9_9": 0.4, "at9_12": 0.24}, "normal", (9, 9)),  # above half of it, but no target by itself
        ({"at9_9": 1.0, "at9_12": 0.85}, "uncertain", (9, 9)),  # both are near the last place
        ({"at9_9": 1.0, "at0_0": 0.85}, "hard_negative", (9, 9)),
        ({"at0_0": 1.0, "at9_9": 0.85}, "hard_negative", (9, 9)),  # the second is the target
        ({"at0_0": 1.0, "at17_17": 0.85}, "uncertain", (0, 0)),  # both are far
    ],
)
def test_flags(scores: dict[str, float], flag: str, cell: tuple[int, int]) -> None:
    target = place(100, 100, 32, 32)
    found = locate(peaks(18, **scores), target, float32([100, 100]), 1.0, Thresholds())
    assert (found.flag, found.cell) == (flag, cell)
    assert found.score == pytest.approx(max(scores.values()))


def test_lost_targets_are_sought_at_recent_large_scales() -> None:
    assert scale_while_lost([2.0], 1) == 2.0
    assert scale_while_lost([1.0, 2.0, 3.0, 2.0], 1) == 2.5  # at least two
    assert scale_while_lost([1.0, 2.0, 4.0, 3.0, 2.0], 3) == 3.0  # 4, 3, 2
    assert scale_while_lost([*[9.0] * 5, *[1.0] * 60], 99) == 1.0  # of the last 60 alone
    assert scale_while_lost([*[3.0] * 40, *[2.0] * 15], 99) == pytest.approx((15 * 3 + 15 * 2) / 30)  # at most 30


# Parts of the network.


def test_attention_is_torchs_own() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(32, 4, 0.1).eval(), nn.MultiheadAttention(32, 4, batch_first=True).eval()
    ours.load_state_dict(theirs.state_dict())
    query, key, value = torch.randn(2, 5, 32), torch.randn(2, 7, 32), torch.randn(2, 7, 32)
    torch.testing.assert_close(ours(query, key, value), theirs(query, key, value)[0])
    torch.testing.assert_close(ours(key, key, value), theirs(key, key, value)[0])


def test_the_transformer_is_torchs_post_norm_one_with_positions() -> None:
    torch.manual_seed(0)
    ours = Transformer(32, 4, 64, 2).eval()
    layers = [nn.TransformerEncoderLayer(32, 4, 64, batch_first=True).eval() for _ in range(2)]
    for own, theirs in zip(ours.encoder.layers, layers, strict=True):
        own.load_state_dict(theirs.state_dict())
    tokens = torch.randn(3, 9, 32)
    expected = layers[1](layers[0](tokens))
    _, memory = ours(tokens, torch.zeros(9, 32), torch.randn(1, 32))
    torch.testing.assert_close(memory, expected)


def test_positions_are_linear_waves() -> None:
    table = position_encoding(5, 18, 16).reshape(5, 5, 16)  # 4 frequencies
    u = (np.arange(5) + 0.5) / (5 + 1e-6)
    for i in (1, 4):
        angle = i * 18 / 4 * np.pi * u
        np.testing.assert_allclose(table[0, :, 2 * (i - 1)], np.sin(angle), atol=1e-5)  # x
        np.testing.assert_allclose(table[:, 0, 2 * (i - 1) + 1], np.sin(angle), atol=1e-5)  # y
        np.testing.assert_allclose(table[0, :, 8 + 2 * (i - 1)], np.cos(angle), atol=1e-5)


def test_a_network_without_a_test_token() -> None:
    """A token of zeros does what no token does."""
    from trackzoo.trackers.tomp.head import Head

    torch.manual_seed(0)
    with_token, without = (Head(6, 16, 32, token, heads=4, depth=1, hidden=16).eval() for token in (True, False))
    state = with_token.state_dict()
    state["filter_predictor.query_embed_test.weight"].zero_()
    without.load_state_dict({name: each for name, each in state.items() if "query_embed_test" not in name})
    features = torch.randn(2, 16, 6, 6)
    found = []
    for head in (with_token, without):
        embedded = head.features(features)
        ltrb = torch.rand(1, 4, 6, 6)
        torch.manual_seed(1)
        reference = head.filter_predictor.reference_tokens(embedded[:1], torch.ones(1, 6, 6), torch.ones_like(ltrb))
        found.append(head(reference, [None], head.filter_predictor.test_tokens(embedded[1:])))
    torch.testing.assert_close(found[0], found[1])

"""SATracker: what is computed once a sequence, the ablations' switches, lanes, the paper's budget."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from tinysatracker import LISTS, TINY, filled, inputs
from torch import Tensor

from trackzoo.errors import SettingsError
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.nn.operations import Operations
from trackzoo.parity.scene import scene
from trackzoo.sequence import Target
from trackzoo.trackers.satracker.design import Design, design_of
from trackzoo.trackers.satracker.model import Found, SATracker
from trackzoo.trackers.satracker.tracker import SATrackerTracker

#: Rows of Tables 4 and 5 and of Fig. 5, and the card's own switches.
ROWS: dict[str, dict[str, Any]] = {
    "SATracker": {},
    "baseline": {"attention": "self", "sam": False},
    "self attention": {"attention": "self"},
    "without SAM": {"sam": False},
    "without update": {"update_text": False},
    "asynchronous": {"synchronous": False},
    "even split": {"even_split": True},
    "reversed": {"reversed": True},
    "SAM from stage 2": {"first_sam": 2},
    "SAM from stage 3": {"first_sam": 3},
    "added": {"text_fusion": "add"},
    "mean": {"text_vector": "mean"},
    "exact GELU": {"activation": "gelu"},
    "reversed, from stage 2, even": {"reversed": True, "first_sam": 2, "even_split": True},
}


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.inference_mode():
        yield


def deviation(one: Found, other: Found) -> float:
    """Largest difference relative to the largest magnitude, over all outputs."""
    found = 0.0
    for first, second in zip(one, other, strict=True):
        assert first.shape == second.shape
        if first.numel():
            found = max(found, float((first - second).abs().max() / second.abs().max()))
    return found


@pytest.mark.parametrize(("row", "side"), [*((row, 64) for row in ROWS), ("SATracker", 72), ("reversed", 72)])
def test_what_was_remembered_gives_what_the_whole_gives(row: str, side: int) -> None:
    network = filled(**ROWS[row])
    template, search, ids, mask = inputs(3, side)
    whole = network.whole(template, search, ids, mask)
    memory = network.remember(template, ids, mask)
    assert deviation(network(search, memory), whole) < 1e-5
    # As a state keeps it: one vector an object.
    packed, shapes = memory.pack(), network.memory_shapes(side)
    assert deviation(network(search, network.unpack(packed, shapes)), whole) < 1e-5
    assert packed.shape == (3, sum(int(np.prod(shape)) for shape in shapes))


def test_symmetric_attention_keeps_nothing() -> None:
    """Its template sees the search region: what was remembered of another one would be wrong."""
    network = filled(attention="symmetric")
    template, search, ids, mask = inputs()
    with pytest.raises(RuntimeError, match="symmetric"):
        network.remember(template, ids, mask)
    seen: list[Tensor] = []
    for other in (search, search.flip(3)):
        seen.append(network.whole(template, other, ids, mask).text)
    assert (seen[0] - seen[1]).abs().max() > 1e-4  # even the text hears of the search region
    tracker = SATrackerTracker(weights=network.state_dict(), attention="symmetric", **TINY)
    assert not tracker.remembers
    [state] = starts(tracker, 1)
    assert state.templates.shape == (3, 128, 128)


@pytest.mark.parametrize("attention", ["asymmetric", "symmetric", "self"])
def test_who_sees_whom(attention: str) -> None:
    network = filled(attention=attention, sam=False)
    template, search, ids, mask = inputs()
    first = network.whole(template, search, ids, mask)
    sees_template = deviation(network.whole(template.flip(3), search, ids, mask), first) > 1e-4
    assert sees_template == (attention != "self")


def test_every_switch_changes_what_comes_out() -> None:
    """Each row of the tables is a network of its own: no two rows give one map."""
    inputs_of_all = inputs()
    rows = {**ROWS, "symmetrical": {"attention": "symmetric"}}
    maps = {row: filled(**switches).whole(*inputs_of_all) for row, switches in rows.items()}
    for one, other in itertools.combinations(rows, 2):
        same = {one, other} == {"SATracker", "mean"}  # which differ in the text's vector alone
        off = (maps[one].features - maps[other].features).abs().max()
        assert bool(off > 1e-3) != same, (one, other)
    assert (maps["mean"].text - maps["SATracker"].text).abs().max() > 1e-3


def test_parts_that_a_row_does_not_have_are_not_there() -> None:
    def names(**switches: Any) -> set[str]:
        return {
            name.split(".")[0] if name[:2] != "ba" else name.split(".")[1] for name in filled(**switches).state_dict()
        }

    assert {"sam0", "sam1", "sam2", "bert", "dm_proj"} <= names()
    assert not names(sam=False) & {"sam0", "sam1", "sam2", "bert", "dm_proj"}
    assert names(first_sam=3) & {"sam0", "sam1", "sam2"} == {"sam2"}
    assert not any("text_out" in name for name in filled(update_text=False).state_dict())


def test_bert_is_split_as_the_paper_says() -> None:
    assert [list(part) for part in Design().text_parts] == [[0], [1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11]]
    assert [len(part) for part in Design(even_split=True).text_parts] == [4, 4, 4]
    assert [len(part) for part in Design(synchronous=False).text_parts] == [12, 0, 0]
    for layers in range(1, 25):
        parts = Design(text_layers=layers).text_parts
        assert [index for part in parts for index in part] == list(range(layers))


def test_padding_is_not_read() -> None:
    network = filled()
    template, search, ids, mask = inputs()
    usual = network.whole(template, search, ids, mask)
    junk = torch.where(mask, ids, torch.randint_like(ids, 1, TINY["vocabulary_size"]))
    assert deviation(network.whole(template, search, junk, mask), usual) < 1e-6
    other = torch.where(mask, ids.flip(0) % 100 + 1, 0)
    assert deviation(network.whole(template, search, other, mask), usual) > 1e-4


def test_a_new_sam_adds_nothing() -> None:
    """A network starts as its pretrained parts."""
    torch.manual_seed(0)
    network = SATracker(Design(**TINY)).eval()
    plain = SATracker(Design(sam=False, **TINY)).eval()
    plain.load_state_dict({name: network.state_dict()[name] for name in plain.state_dict()})
    template, search, ids, mask = inputs()
    first, second = network.whole(template, search, ids, mask), plain.whole(template, search, ids, mask)
    torch.testing.assert_close(first.features, second.features)


def test_the_papers_budget() -> None:
    """Table 3: 131.3 M parameters (without embeddings), 28.8 G multiply-adds (of layers, and norms, not counted here)."""
    with torch.device("meta"):
        network = SATracker().eval()
        template, search = torch.empty(1, 3, 128, 128), torch.empty(1, 3, 320, 320)
        ids, mask = torch.empty(1, 30, dtype=torch.long), torch.empty(1, 30, dtype=torch.bool)
    total = sum(each.numel() for each in network.parameters())
    embeddings = sum(each.numel() for name, each in network.named_parameters() if "_embeddings." in name)
    matching = sum(each.numel() for each in network.dm_proj.parameters())
    assert total - matching == 155_159_170
    assert round((total - matching - embeddings) / 1e6, 1) == 131.3
    with Operations() as once:
        memory = network.remember(template, ids, mask)
    with Operations() as each:
        network(search, memory)
    assert (once.layers + each.layers) / 1e9 == pytest.approx(28.42, abs=0.01)
    assert each.layers / 1e9 == pytest.approx(23.0, abs=0.01)
    assert (once.products + each.products) / 1e9 == pytest.approx(3.27, abs=0.05)


# -------------------------------------------------------------------------------------------------------------- the tracker


def frames_of(count: int, length: int = 3) -> tuple[list[list[Frame]], list[np.ndarray]]:
    """So many videos, frame by frame, and their first boxes."""
    lists, boxes = [], []
    for index in range(count):
        size = (100 + 10 * (index % 3), 140 + 8 * (index % 4))
        video, truth, _ = scene(index + 1, length, *size, (24, 30))
        lists.append(ArrayFrames(lambda at, video=video: video[at], length, f"video {index}"))
        boxes.append(truth[0])
    return [[each[at] for each in lists] for at in range(length)], boxes


def text_of(index: int) -> str:
    return " ".join(["the", "red", "car", "on", "grass"][: index % 6])


def starts(tracker: SATrackerTracker, count: int) -> list[Any]:
    frames, boxes = frames_of(count, 2)
    targets = [Target(box, None, text_of(index)) for index, box in enumerate(boxes)]
    return [state for state, _ in tracker.start(frames[0], targets, [0] * count)]


def follow(tracker: SATrackerTracker, lanes: int, count: int = 16) -> np.ndarray:
    """Raw answers (count, frames, 5) of so many objects, `lanes` at a time."""
    frames, boxes = frames_of(count)
    out = np.zeros((count, len(frames) - 1, 5))
    for low in range(0, count, lanes):
        rows = range(low, min(low + lanes, count))
        targets = [Target(boxes[index], None, text_of(index)) for index in rows]
        states = [state for state, _ in tracker.start([frames[0][index] for index in rows], targets, [0] * len(rows))]
        for at in range(1, len(frames)):
            found = tracker.step([frames[at][index] for index in rows], states)
            out[low : low + len(rows), at - 1] = [[*each.box, each.score] for each in found]
    return out


@pytest.mark.parametrize("switches", [{}, {"attention": "symmetric"}], ids=["usual", "symmetric"])
def test_lanes_agree(switches: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    network = filled(**switches)
    # An untrained head answers with a box of nothing, whatever it sees.
    network.box_head.get_submodule("conv5_tl").weight.mul_(3)
    network.box_head.get_submodule("conv5_br").weight.mul_(3)
    made = {"search_size": 96, "template_size": 64, **switches, **TINY}
    tracker = SATrackerTracker(weights={**network.state_dict()}, **made)
    monkeypatch.setattr(tracker, "_reader", lambda: _numbers)
    alone = follow(tracker, 1)
    assert np.ptp(alone[:, :, :4], axis=0).min() > 1  # the objects have different answers
    for lanes in (4, 16):
        np.testing.assert_allclose(follow(tracker, lanes), alone, rtol=0, atol=1e-3)


def _numbers(text: str) -> list[int]:
    return [3 + len(word) for word in text.split()]


def test_remembering_changes_no_box_and_bert_rests_while_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    network = filled()
    made = {"search_size": 96, "template_size": 64, **TINY}
    trackers = [SATrackerTracker(weights=network.state_dict(), remember=each, **made) for each in (True, False)]
    for tracker in trackers:
        monkeypatch.setattr(tracker, "_reader", lambda: _numbers)
    np.testing.assert_allclose(follow(trackers[0], 4, 4), follow(trackers[1], 4, 4), rtol=0, atol=1e-4)
    frames, boxes = frames_of(1)
    [(state, _)] = trackers[0].start(frames[0], [Target(boxes[0], None, "red car")], [0])

    def asked(*_: Any) -> None:
        raise AssertionError("the text is read again")

    monkeypatch.setattr(trackers[0].network.bert, "run", asked)
    trackers[0].step(frames[1], [state])


def test_what_has_no_text_is_tracked_with_one_warning() -> None:
    tracker = SATrackerTracker(weights="random", search_size=96, **TINY)
    frames, boxes = frames_of(3)
    with pytest.warns(UserWarning, match="no description") as seen:
        states = [state for state, _ in tracker.start(frames[0], [Target(box) for box in boxes], [0] * 3)]
    assert len(seen) == 1
    assert all(state.mask.sum() == 2 and state.ids[:3].tolist() == [101, 102, 0] for state in states)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracker.start(frames[0][:1], [Target(boxes[0], None, "")], [0])  # chosen so
    found = tracker.step(frames[1], states)
    assert all(np.isfinite(each.box).all() and 0 <= each.score <= 1 for each in found)


def test_half_precision_is_near() -> None:
    network = filled()
    made = {"weights": network.state_dict(), "search_size": 96, "template_size": 64, **TINY}
    template, search, ids, mask = inputs(2)
    full = network(search, network.remember(template, ids, mask))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        packed = network.remember(template, ids, mask).pack()
        half = network(search, network.unpack(packed, network.memory_shapes(64)))
    assert half.boxes.dtype == torch.float32
    assert (half.boxes - full.boxes).abs().max() < 0.02
    tracker = SATrackerTracker(dtype="bf16", **made)
    frames, boxes = frames_of(1)
    [(state, _)] = tracker.start(frames[0], [Target(boxes[0], None, "")], [0])
    assert np.isfinite(tracker.step(frames[1], [state])[0].box).all()


def test_pictures_of_stages_matching_and_corners() -> None:
    from trackzoo.trackers.satracker.pictures import PICTURES

    tracker = SATrackerTracker(weights="random", search_size=96, **TINY)
    trace: dict[str, Any] = {}
    tracker.attach(trace.__setitem__)
    frames, boxes = frames_of(1)
    [(state, _)] = tracker.start(frames[0], [Target(boxes[0], None, "the red car")], [0])
    tracker.step(frames[1], [state])
    assert trace["stage2"].shape == (1, 6, 6, 24)
    assert trace["matching"].shape == (1, 6, 6)
    assert trace["matching"].abs().max() <= 1
    assert trace["corners"].sum((2, 3)).flatten().tolist() == pytest.approx([1, 1])
    for draw in PICTURES.values():
        assert draw(tracker, trace) is not None
        assert draw(tracker, {}) is None


@pytest.mark.parametrize(
    ("settings", "needle"),
    [
        ({"attention": "mutual"}, "attention is 'mutual', expected one of asymmetric"),
        ({"first_sam": 4}, "first_sam is 4"),
        ({"sam": 1}, "sam is 1, expected true or false"),
        ({"colour": 1}, "no setting 'colour'"),
        ({"text_fusion": "x"}, "text_fusion"),
        ({"depths": [1, 1]}, r"depths is \[1, 1\], expected three numbers"),
        ({"heads": [1, 3, 7]}, "widths 384 and heads 7"),
        ({"common_heads": 3}, "common_width 512 and common_heads 3"),
        ({"text_heads": 0}, "text_heads 0"),
        ({"head_width": 4}, "head_width is 4, expected a multiple of 8"),
        ({"drop_path": 1.0}, "drop_path is 1.0, expected a share"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], needle: str) -> None:
    with pytest.raises(SettingsError, match=needle):
        design_of(settings)


@pytest.mark.parametrize(
    ("settings", "needle"),
    [
        ({"text_length": 1}, "text_length is 1, expected 2, "),
        ({"text_length": 33}, "to the 32 places"),
        ({"search_size": 100}, "search_size is 100, expected a multiple of 16 pixels"),
        ({"template_size": 0}, "template_size is 0"),
        ({"search_factor": -1.0}, "a crop of -1 times the target"),
    ],
)
def test_sizes_that_a_tracker_cannot_have(settings: dict[str, Any], needle: str) -> None:
    with pytest.raises(SettingsError, match=needle):
        SATrackerTracker(weights="random", **{**TINY, **settings})
    SATrackerTracker(weights="random", **{**TINY, "text_length": 2, "search_size": 96})


def test_settings_as_the_command_line_has_them() -> None:
    assert design_of(LISTS) == Design(**TINY)

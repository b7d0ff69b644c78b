"""The one-stream trackers: what a batch gives does not depend on its neighbours, and equals a plain loop."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from lanes import alone, apart, objects, side_by_side

from trackzoo.errors import SettingsError
from trackzoo.frames import ArrayFrames
from trackzoo.parity.fill import fill_state_dict
from trackzoo.parity.videos import in_lanes, videos
from trackzoo.registry import tracker
from trackzoo.sequence import Target
from trackzoo.trackers.jn.tracker import JNTracker
from trackzoo.trackers.ostrack.tracker import OSTrackTracker
from trackzoo.trackers.procontext.tracker import ProContEXTTracker

#: A ViT that is as deep as ViT-B (pruning sits in blocks 4, 7, 10) and much narrower.
NARROW = {"width": 48, "depth": 12, "heads": 3}
SMALL = {"template_size": 128, "search_size": 256, "search_factor": 4.0}
CASES: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "ostrack-256": (OSTrackTracker, {}),
    "ostrack-384": (OSTrackTracker, {"template_size": 192, "search_size": 384, "search_factor": 5.0}),
    "procontext-256": (ProContEXTTracker, {**SMALL, "update_interval": 2, "threshold": 0.5}),
    "jn-256": (JNTracker, {}),
}


def made(name: str, **more: Any) -> Any:
    """A narrow tracker with lively generated parameters."""
    kind, settings = CASES[name]
    settings = {"encoder": NARROW, **settings, **more}
    built = kind(weights="random", **settings)
    entries: dict[str, Any] = {}
    # Boxes of the target's size, not of the crop's.
    near = [-float(abs(distance - 2)) for _ in range(4) for distance in range(17)]
    for tensor in built.network.state_dict():
        if tensor.endswith("conv5_size.bias"):
            entries[tensor] = {"value": [-1.5, -1.5]}
        elif tensor.endswith("conv5_reg.bias"):
            entries[tensor] = {"value": near}
    built.network.load_state_dict(fill_state_dict(built.network.state_dict(), entries, "lanes"))
    return built


@pytest.mark.parametrize("name", CASES)
def test_lanes_agree(name: str) -> None:
    """1, 4, 16 objects at once (384: 1, 2, 4) get the boxes that each gets alone, to a hundredth of a pixel."""
    small = made(name)
    most = 4 if name.endswith("384") else 16
    clips = objects(most, 5)
    single = alone(small, clips)
    assert np.ptp(np.stack([boxes[-1] for boxes in single]), axis=0).min() > 1  # they do not all say the same
    assert np.abs(np.stack([boxes[-1] - boxes[0] for boxes in single])).max() > 2  # and they move
    for lanes in (most // 4, most):
        assert apart(side_by_side(small, clips, lanes), single) < 1e-2


@pytest.mark.parametrize("name", CASES)
def test_the_fast_order_of_operations_gives_what_the_plain_one_gives(
    name: str, load_benchmark: Callable[[str], ModuleType]
) -> None:
    small = made(name)
    clip = videos(1, 6)[0]
    [ours] = in_lanes(small, [clip])
    plain = list(load_benchmark("onestream").Plain(small).track(*clip))
    assert apart([ours[1:]], [plain]) < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lanes"), [("ostrack-256", (4, 16)), ("jn-256", (4,)), ("procontext", (2,))])
def test_lanes_agree_at_full_size(name: str, lanes: tuple[int, ...]) -> None:
    full = tracker(name).load(weights="random")
    clips = videos(max(lanes), 3)
    single = alone(full, clips[:4])
    for count in lanes:
        assert apart(in_lanes(full, clips[:count])[:4], single[:count]) < 1e-2


def steps(tracker: Any, frames: int = 7, count: int = 3) -> tuple[list[Any], list[list[int]]]:
    """States after some frames, and which objects had their templates cut anew at each."""
    clips = videos(count, frames)
    handles = [ArrayFrames(lambda i, v=video: v[i], frames, f"clip {n}") for n, (video, _) in enumerate(clips)]
    started = tracker.start([each[0] for each in handles], [Target(box) for _, box in clips], [0] * count)
    states = [state for state, _ in started]
    log: list[list[int]] = []
    tracker.attach(lambda name, value: log.append(list(value)) if name == "updated" else None)
    for index in range(1, frames):
        tracker.step([each[index] for each in handles], states)
    tracker.attach(None)
    return states, log


def test_procontext_updates_by_interval_and_score() -> None:
    everyone = [0, 1, 2]
    assert steps(made("procontext-256", threshold=0.0, update_interval=3))[1] == [[], [], everyone] * 2
    assert steps(made("procontext-256", threshold=0.0, update_interval=1))[1] == [everyone] * 6
    assert steps(made("procontext-256", threshold=1.0, update_interval=1))[1] == [[]] * 6
    assert steps(made("procontext-256", dynamic=False, threshold=0.0, update_interval=1))[1] == [[]] * 6


def test_procontext_keeps_its_static_templates() -> None:
    half = 2 * 64
    never, _ = steps(made("procontext-256", threshold=1.0))
    always, _ = steps(made("procontext-256", threshold=0.0, update_interval=1))
    for still, moved in zip(never, always, strict=True):
        assert torch.equal(still.templates[:half], still.templates[half:])
        assert torch.equal(still.templates[:half], moved.templates[:half])
        assert not torch.equal(still.templates[half:], moved.templates[half:])


@pytest.mark.parametrize(
    ("scales", "dynamic", "tokens"), [(1, False, 64), (1, True, 128), (3, False, 192), (4, True, 512)]
)
def test_procontext_scales(scales: int, dynamic: bool, tokens: int) -> None:
    states, _ = steps(made("procontext-256", scales=scales, dynamic=dynamic), frames=2, count=1)
    assert states[0].templates.shape == (tokens, 48)


def test_the_papers_settings_are_variants() -> None:
    assert tracker("procontext").settings.get("update_interval", 100) == 100
    assert tracker("procontext-paper").settings["update_interval"] == 1
    assert tracker("ostrack").id == "ostrack-256"
    assert tracker("jn").id == "jn-256"


@pytest.mark.parametrize(
    ("kind", "source", "tokens"),
    [
        *[("one", source, 82) for source in ("cxcywh", "wh", "xyxy")],
        *[("four", "cxcywh", 85), ("sine", "cxcywh", 82), ("add", "cxcywh", 81), ("none", "cxcywh", 81)],
    ],
)
def test_jn_tells_the_targets_place_in_every_way(kind: str, source: str, tokens: int) -> None:
    states, _ = steps(made("jn-256", indicator=kind, tit_box=source), frames=3, count=1)
    assert states[0].templates.shape == (tokens, 48)
    assert np.isfinite(states[0].box).all()


@pytest.mark.parametrize("head", ["centre", "corner"])
def test_jn_has_the_papers_other_heads(head: str) -> None:
    small = made("jn-256", head=head)
    clips = videos(3, 4)
    single = alone(small, clips)
    assert apart(in_lanes(small, clips), single) < 1e-2


@pytest.mark.parametrize(
    ("name", "settings", "needle"),
    [
        ("procontext", {"scales": 5}, "scales: found 5"),
        ("procontext", {"update_interval": 0}, "update_interval: found 0"),
        ("procontext", {"threshold": 1.5}, "threshold: found 1.5"),
        *[("procontext", {"keep_ratio": ratio}, "keep_ratio: found") for ratio in (0.0, -0.5, 1.5)],
        ("ostrack", {"template_size": 160}, "template_size: found 160"),
        ("ostrack", {"encoder": "wide"}, "encoder: found 'wide'"),
        ("ostrack", {"encoder": {"layers": 3}}, "encoder: found"),
        ("procontext", {"encoder": {"width": 50}}, "a width of 50 for 12 heads"),
        ("jn", {"encoder": {"heads": 0}}, "encoder: found heads 0"),
        ("jn", {"head": "point"}, "head: found 'point'"),
        ("jn", {"head": ["centre"]}, "head: found"),
        ("jn", {"indicator": "two"}, "indicator: found 'two'"),
        ("jn", {"tit_box": "polar"}, "tit_box: found 'polar'"),
        ("ostrack", {"dtype": "fp8"}, "fp8"),
        ("ostrack", {"keep": 0.5}, "keep"),
    ],
)
def test_settings_that_cannot_be_are_refused(name: str, settings: dict[str, Any], needle: str) -> None:
    with pytest.raises(SettingsError, match=needle):
        tracker(name).load(weights="random", **{"encoder": NARROW, **settings})


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
@pytest.mark.parametrize("name", ["ostrack-256", "procontext-256", "jn-256"])
def test_half_precision_runs_and_stays_near(name: str, dtype: str) -> None:
    """Pruned tokens near the cut may flip, so boxes are near, not equal."""
    clip = videos(1, 3)[0]
    [precise] = in_lanes(made(name), [clip])
    [half] = in_lanes(made(name, dtype=dtype), [clip])
    assert np.isfinite(np.stack(half)).all()
    assert half[1].dtype == np.float64
    assert np.abs(half[1] - precise[1]).max() < 20
    assert np.abs(half[1] - precise[1]).max() > 0

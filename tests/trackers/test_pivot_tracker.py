"""PiVOT's tracker on few cells: lanes, caches, calls of CLIP, rows of Table VI, pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from smallpivot import Counting, begin, clip_of, go, network, small

from trackzoo.errors import SettingsError
from trackzoo.nn.clip import PooledVision
from trackzoo.trackers.pivot.tracker import PiVOTTracker

#: Scenes on which flags and templates differ.
SCENES = tuple(range(1, 17))


@pytest.fixture(scope="module")
def alone() -> dict[int, np.ndarray]:
    """Boxes of objects that were tracked by themselves."""
    return {seed: go(small(), (seed,))[0] for seed in SCENES[:4]}


@pytest.mark.parametrize("lanes", [4, 16])
def test_lanes_agree(lanes: int, alone: dict[int, np.ndarray]) -> None:
    together = go(small(), SCENES[:lanes], 7 if lanes < 16 else 6)
    for seed, boxes in alone.items():
        np.testing.assert_allclose(together[seed - 1], boxes[: len(together[0])], atol=2e-3)
    assert len({boxes.tobytes() for boxes in together}) == lanes


def test_lanes_that_are_at_different_frames_agree(alone: dict[int, np.ndarray]) -> None:
    """One object has a prompt before the other has templates."""
    tracker = small()
    [early], [late] = begin(tracker, (1,)), begin(tracker, (2,))
    boxes: dict[int, list[Any]] = {1: [], 2: []}
    for index in range(1, 10):
        batch = [(state, seed, at) for state, seed, at in ((early, 1, index), (late, 2, index - 3)) if 0 < at < 7]
        found = tracker.step([clip_of(seed)[0][at] for _, seed, at in batch], [state for state, _, _ in batch])
        for (_, seed, _), prediction in zip(batch, found, strict=True):
            boxes[seed].append(prediction.box)
    for seed in (1, 2):
        np.testing.assert_allclose(boxes[seed], alone[seed], atol=2e-3)


def test_deterministic_bits_do_not_depend_on_lanes() -> None:
    tracker = small(deterministic=True)
    [one] = go(tracker, (3,), 6)
    for boxes in (go(tracker, (1, 2, 3), 6)[2], go(small(deterministic=True), (3, 4), 6)[0]):
        np.testing.assert_array_equal(boxes, one)


def test_clip_is_called_twice_a_frame_at_most_whatever_the_lanes() -> None:
    """Once for all candidates, once for all new templates; the templates' features are kept."""
    clip = Counting()
    tracker = small(clip)
    trace: dict[str, list[Any]] = {}
    counted = tracker.backbone
    backbone: list[int] = []

    def watch(crops: torch.Tensor) -> torch.Tensor:
        backbone.append(len(crops))
        return counted(crops)

    tracker.backbone = watch  # type: ignore[method-assign]
    states = begin(tracker, (1, 2, 3))
    backbone.clear()
    tracker.attach(lambda name, value: trace.setdefault(name, []).append(value))
    changes = 0
    for index in range(1, 7):
        clip.calls.clear()
        changed = sum(trace.get("changed", [[]])[-1])
        ready = [state.templates.pair for state in states]
        tracker.step([clip_of(seed)[0][index] for seed in (1, 2, 3)], states)
        assert len(clip.calls) <= 2
        seen = sum(len(each.crops) for each in trace["refinements"][-1].values()) if "refinements" in trace else 0
        # Candidates, the new templates of three objects; the first ones' features at their first use.
        assert sum(clip.calls) <= seen + 6
        changes += changed if any(ready) else 0
    # Three pictures a frame; templates only where they were new.
    assert sum(backbone) - 6 * 3 <= 2 * 3 + changes
    assert sum(backbone) > 6 * 3


class Refusing(PooledVision):
    """A CLIP that nobody may ask about candidates."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        raise AssertionError(f"asked about {len(pictures)} pictures")


def test_one_candidate_is_not_shown_to_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single peak, and no template to decide about: the prompt rises to 1 there without a call."""
    import trackzoo.trackers.pivot.tracker as module

    tracker = small(maxCanNum=1)
    states = begin(tracker, (1,))
    for index in range(1, 5):
        tracker.step([clip_of(1)[0][index]], states)
    assert states[0].templates.memory is not None
    tracker.clip = Refusing()
    monkeypatch.setattr(Templates := type(states[0].templates), "asked", lambda self, new: [])
    monkeypatch.setattr(Templates, "offer", lambda self, new, threshold: False)
    raised = []
    plain = module.refine

    def watch(prompt: torch.Tensor, cells: np.ndarray, importance: torch.Tensor, threshold: float) -> torch.Tensor:
        raised.append((len(cells), plain(prompt, cells, importance, threshold)))
        return raised[-1][1]

    monkeypatch.setattr(module, "refine", watch)
    tracker.step([clip_of(1)[0][5]], states)
    [(count, refined)] = raised
    assert count == 1
    assert float(refined.max()) == 1


def watched(tracker: PiVOTTracker, seed: int = 1) -> tuple[np.ndarray, list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    states = begin(tracker, (seed,))
    boxes = []
    for index in range(1, 7):
        trace: dict[str, Any] = {}
        tracker.attach(trace.__setitem__)
        boxes.append(tracker.step([clip_of(seed)[0][index]], states)[0].box)
        rows.append(trace)
    tracker.attach(None)
    return np.array(boxes), rows


def test_rows_of_table_6_are_settings() -> None:
    found = {prompt: watched(small(prompt=prompt)) for prompt in ("none", "initial", "refined")}
    none, initial, refined = (found[prompt][1] for prompt in ("none", "initial", "refined"))
    assert not any("prompt" in row for row in none)
    # Without refinement there is a prompt from the third frame on (the second that is tracked).
    assert ["prompt" in row for row in initial] == [False] + [True] * 5
    assert not any("refined" in row for row in initial)
    assert any(row.get("refinements") for row in refined)
    for row in refined:
        if row.get("refinements"):
            raised = row["refined"] > row["prompt"]
            assert (row["refined"] >= row["prompt"]).all()
            assert (row["refined"][raised] == 1).all()
    boxes = [found[prompt][0] for prompt in ("none", "initial", "refined")]
    np.testing.assert_allclose(boxes[0][0], boxes[1][0])
    assert len({each.tobytes() for each in boxes}) == 3


def test_probes_change_nothing_though_they_ask_clip_about_everything() -> None:
    np.testing.assert_allclose(watched(small(), 2)[0], go(small(), (2,))[0], atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "needle"),
    [
        ({"prompt": "best"}, "prompt: found 'best'"),
        ({"hcanKs": 4}, "hcanKs: found 4, expected an odd"),
        ({"maxCanNum": 0}, "maxCanNum"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], needle: str) -> None:
    with pytest.raises(SettingsError, match=needle):
        small(**settings)


def test_clip_is_for_refined_prompts_alone() -> None:
    tracker = small()
    with pytest.raises(SettingsError, match="CLIP"):
        PiVOTTracker(network(), None, tracker.refinement, tracker.behaviour)


def test_the_clock_counts_table_8s_stages() -> None:
    from trackzoo.tracker import StageClock

    tracker, clock = small(), StageClock()
    states = begin(tracker, (1,))
    tracker.clock(clock)
    for index in range(1, 7):
        tracker.step([clip_of(1)[0][index]], states)
    assert {"backbone", "PGN", "TPR", "RM", "head"} <= set(clock.seconds)
    assert all(seconds >= 0 for seconds in clock.seconds.values())


def test_stages_within_stages_count_their_own_time_alone() -> None:
    from time import sleep

    from trackzoo.tracker import StageClock

    clock = StageClock()
    with clock.stage("all"):
        with clock.stage("part"):
            sleep(0.05)
        with clock.within("refiner.").stage("part"):
            sleep(0.05)
    assert clock.seconds["part"] >= 0.05
    assert clock.seconds["refiner.part"] >= 0.05
    assert clock.seconds["all"] < 0.05


def test_cost_counts_the_busiest_frames() -> None:
    """Whatever random weights find: so many candidates, and one new template, go through CLIP on every frame."""
    from trackzoo.cost import measure

    clip = Counting()
    tracker = small(clip)
    found = measure("small", tracker, frames=1, size=(160, 120))
    assert {"backbone", "PGN", "TPR", "RM", "head"} <= set(found.milliseconds)
    assert found.parameters == sum(each.numel() for each in tracker.network.parameters())
    assert found.frame.layers > found.first.layers
    assert clip.calls.count(tracker.refinement.maxCanNum) + clip.calls.count(tracker.refinement.maxCanNum + 1) >= 3


def test_fig_5_is_drawn(tmp_path: Path) -> None:
    from trackzoo.cli.inspect import inspect

    sizes = ["--set", "side=6", "--set", "template_size=96", "--set", "clip=pooled"]
    arguments = ["pivot-50", "--random-weights", *sizes, "--frames", "1,5", "--out", str(tmp_path / "new")]
    done = CliRunner().invoke(inspect, arguments, standalone_mode=False)
    assert done.exception is None, done.exception
    names = Counter(path.name.rpartition("-")[2] for path in (tmp_path / "new").glob("*.png"))
    assert names["prompts.png"] == names["features.png"] == names["templates.png"] == 1
    for path in (tmp_path / "new").glob("*.png"):
        assert np.asarray(Image.open(path).convert("L")).std() > 3


def test_every_picture_of_fig_5_on_a_frame_with_candidates(tmp_path: Path) -> None:
    from trackzoo.trackers.pivot.pictures import PICTURES

    tracker = small()
    _, rows = watched(tracker)
    drawn = {name: draw(tracker, rows[-1]) for name, draw in PICTURES.items()}
    assert set(drawn) == {"templates", "prompts", "candidates", "features"}
    for name, figure in drawn.items():
        assert figure is not None, name
        figure.savefig(tmp_path / f"{name}.png")
        assert np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")).std() > 3
    assert all(draw(tracker, rows[0]) is None for draw in PICTURES.values())

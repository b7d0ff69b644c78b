"""Compositions `TRACKER+REFINER`: names, settings, weights, identity, and that nothing is fed back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shifted
import votmini
from click.testing import CliRunner
from moving import moving

import trackzoo
from trackzoo.engine.plan import prepare
from trackzoo.engine.runner import run
from trackzoo.errors import SettingsError, TrackzooError, UnknownName
from trackzoo.metrics.vot_scores import VotScores
from trackzoo.region_binary import read_binary
from trackzoo.regions import Mask, Special
from trackzoo.registry import open_dataset, refiner_names, tracker, tracker_names
from trackzoo.sequence import Target
from trackzoo.tracker import StageClock

SYNTH = "synth:sequences=4,length=4,width=160,height=120"


def boxes(outcome: Any) -> dict[str, Any]:
    assert outcome.failed == []
    stored = outcome.stored()
    return {trial.name: stored.boxes(trial.name) for trial in outcome.done}


# Names.


def test_a_name_is_two_names() -> None:
    choice = tracker("jn+alpharefine")
    assert choice.id == "jn-256+alpharefine"
    assert choice.spec.title == "JN + Alpha-Refine"
    assert choice.spec.gives == {"box", "mask"}
    assert choice.spec.parameters[choice.id] == 90_247_354 + 30_161_573
    assert not set(refiner_names()) & set(tracker_names())


@pytest.mark.parametrize(
    ("name", "error", "needle"),
    [
        ("dcf+alpharefin", UnknownName, "unknown refiner 'alpharefin'; did you mean alpharefine"),
        ("dfc+alpharefine", UnknownName, "unknown tracker 'dfc'; did you mean dcf"),
        ("dcf+dcf", UnknownName, "unknown refiner 'dcf'"),
        ("dcf+", UnknownName, "unknown refiner ''"),
        ("alpharefine", SettingsError, "is a refiner, which needs a tracker's boxes: TRACKER+alpharefine"),
        ("dcf+alpharefine+alpharefine", SettingsError, "two refiners"),
    ],
)
def test_names_that_mean_nothing(name: str, error: type[Exception], needle: str) -> None:
    with pytest.raises(error) as told:
        tracker(name)
    assert needle in str(told.value)
    assert len(str(told.value).splitlines()) == 1


def test_a_class_of_a_person_s_own_composes(tmp_path: Path) -> None:
    choice = shifted.choice("shifted:Still")
    assert choice.id == "Still+shifted"
    assert not choice.spec.batched
    outcome = run(choice, open_dataset(SYNTH), results=tmp_path, lanes=4)
    alone = run(tracker("shifted:Still"), open_dataset(SYNTH), results=tmp_path, lanes=4)
    for name, found in boxes(alone).items():
        assert np.allclose(boxes(outcome)[name][1:], found[1:] + np.array([shifted.BY, 0, 0, 0]))
    identity = json.loads((outcome.folder / "run.json").read_text())["identity"]
    assert (
        identity["depends"]["code"]
        == json.loads((alone.folder / "run.json").read_text())["identity"]["depends"]["code"]
    )


# What is refined, and that it is not fed back.


@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_what_is_refined_is_not_fed_back(lanes: int, tmp_path: Path) -> None:
    outcome = run(shifted.choice(), open_dataset(SYNTH), results=tmp_path, lanes=lanes)
    assert outcome.folder.relative_to(tmp_path).parts[0] == "dcf+shifted"
    alone = run(tracker("dcf"), open_dataset(SYNTH), results=tmp_path)
    for name, found in boxes(alone).items():
        assert np.allclose(boxes(outcome)[name][0], found[0])
        assert np.allclose(boxes(outcome)[name][1:], found[1:] + np.array([shifted.BY, 0, 0, 0]), atol=1e-3)


def test_one_call_for_all_objects_and_stages_of_both() -> None:
    videos = [moving(seed, length=3, size=(120, 90), side=24) for seed in range(3)]
    loaded = shifted.choice().load()
    clock, probed = StageClock(), {}
    frames = [video.frames() for video in videos]
    states = [
        state
        for state, _ in loaded.start(
            [each[0] for each in frames], [Target(video.boxes[0]) for video in videos], [0, 1, 2]
        )
    ]
    loaded.clock(clock)
    loaded.attach(probed.__setitem__)
    loaded.step([each[1] for each in frames], states)
    assert loaded.refiner.calls == [3]
    assert {"features", "refine", "refiner.move"} <= set(clock.seconds)
    assert probed["refiner.count"] == 3
    loaded.clock(None)
    loaded.attach(None)
    loaded.release(states)
    assert loaded.refiner.released == 3
    # Both looked at the same frame, decoded once.
    assert all(each[1].decoded for each in frames)


def test_masks_are_made_where_they_are_wanted_alone() -> None:
    video = moving(1, length=3, size=(120, 90), side=24)
    loaded = shifted.choice().load()
    frames = video.frames()
    [(state, first)] = loaded.start(frames[:1], [Target(video.boxes[0])], [0])
    assert first.mask is None
    assert loaded.step(frames[1:2], [state])[0].mask is None
    loaded.wants = frozenset({"boxes", "masks"})
    # A first frame without a mask gets one; its box stays as it was given. One with a mask keeps it.
    [(state, first)] = loaded.start(frames[:1], [Target(video.boxes[0])], [0])
    assert first.mask is not None
    assert np.array_equal(first.box, video.boxes[0])
    given = np.zeros((90, 120), bool)
    [(state, first)] = loaded.start(frames[:1], [Target(video.boxes[0], given)], [0])
    assert first.mask is given
    [found] = loaded.step(frames[1:2], [state])
    assert found.mask is not None
    assert found.mask.any()


# Protocols that score masks.


def test_masks_of_vot_and_their_score(tmp_path: Path) -> None:
    """A box tracker reports masks: files that the toolkit reads, and A, R, EAO of them."""
    anchors = {0: 1, 10: 1, 29: -1}
    for name in ("ants", "ball"):
        votmini.sequence(tmp_path / "data", name, kind="mask", anchors=anchors)
    data = open_dataset("vot2021", tmp_path / "data")
    choice = shifted.choice(votmini.choice(), by=0)
    outcome = run(choice, data, results=tmp_path / "runs", lanes=4)
    assert (outcome.protocol, outcome.complete) == ("vot-multistart", True)
    found = read_binary(outcome.folder / "ants" / "ants_00000010.bin")
    assert (len(found), found[0]) == (20, Special(1))
    assert all(isinstance(each, Mask) for each in found[1:])
    scores = trackzoo.evaluate(outcome, dataset=data)
    assert isinstance(scores, VotScores)
    # The mask is the whole box, the annotation the box without its corner; a start counts as 0.
    frames, starts = 2 * (30 + 20 + 30), 6
    assert scores.metrics["accuracy"] == pytest.approx(100 * 116 / 120 * (frames - starts) / frames)
    assert scores.metrics["robustness"] == 100


def test_videos_of_several_objects(tmp_path: Path) -> None:
    outcome = run(shifted.choice(), open_dataset("synth-vos:sequences=1,length=4"), results=tmp_path)
    assert outcome.protocol == "vos"
    assert outcome.failed == []


# Identity, settings, weights.


def test_identity_of_both(tmp_path: Path) -> None:
    plan = prepare(
        shifted.choice(by=3.0, cls="Marked"), open_dataset(SYNTH), results=tmp_path, settings={"refiner.by": 5.0}
    )
    assert plan.identity["settings"] == {"refiner.by": 5.0}
    assert plan.identity["depends"] == {"refiner.mark": 7}
    assert prepare(shifted.choice(), open_dataset(SYNTH), results=tmp_path).tracker is None  # nothing had to be loaded


def test_other_settings_are_another_run(tmp_path: Path) -> None:
    run(shifted.choice(), open_dataset(SYNTH), results=tmp_path, limit=1)
    with pytest.raises(TrackzooError, match=r"refiner\.by"):
        run(shifted.choice(), open_dataset(SYNTH), results=tmp_path, settings={"refiner.by": 1.0}, limit=2)
    with pytest.raises(SettingsError, match="refiner 'shifted' has no setting 'bye'"):
        run(shifted.choice(), open_dataset(SYNTH), results=tmp_path / "b", settings={"refiner.bye": 1.0})
    with pytest.raises(SettingsError, match="tracker 'dcf' has no setting 'by'"):
        shifted.choice().load(by=1.0)


@pytest.mark.parametrize(
    ("name", "weights", "parts"),
    [
        ("jn+alpharefine", "random", ("random", "random")),
        ("jn+alpharefine", "a.pth", ("a.pth", "alpharefine")),
        ("jn+alpharefine", "a.pth+b.pth", ("a.pth", "b.pth")),
        ("jn+alpharefine", "a.pth+", ("a.pth", "alpharefine")),
        ("jn+alpharefine", "+b.pth", ("", "b.pth")),
        ("ostrack+alpharefine-corner", "+random", ("ostrack-256", "random")),
        ("dcf+alpharefine", "b.pth", ("", "b.pth")),
        ("dcf+alpharefine", "random", ("", "random")),
    ],
)
def test_weights_are_written_like_the_name(name: str, weights: str, parts: tuple[str, str]) -> None:
    choice = tracker(name).with_weights(weights)
    assert tuple(part.weights for _, part, _ in choice.parts({})) == parts


def test_a_plus_in_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a+b.pth"
    path.touch()
    choice = tracker("jn+alpharefine")
    assert [part.weights for _, part, _ in choice.with_weights(path).parts({})] == [str(path), "alpharefine"]
    both = choice.with_weights(f"{path}+alpharefine")
    assert [part.weights for _, part, _ in both.parts({})] == [str(path), "alpharefine"]
    both = choice.with_weights(f"random+{path}")
    assert [part.weights for _, part, _ in both.parts({})] == ["random", str(path)]


def test_weights_where_none_are_taken() -> None:
    with pytest.raises(SettingsError, match="no network that takes weights"):
        shifted.choice().with_weights("a.pth")
    with pytest.raises(SettingsError, match="tracker 'dcf' has no network"):
        tracker("dcf+alpharefine").with_weights("a.pth+b.pth")
    with pytest.raises(
        SettingsError, match="refiner 'alpharefine' cannot run here: the weights 'alpharefine' are not here"
    ):
        tracker("dcf+alpharefine").check()


def test_the_listing_and_the_card() -> None:
    from trackzoo.cli.trackers import trackers

    rows = json.loads(CliRunner().invoke(trackers, ["--json"]).stdout)
    kinds = {row["name"]: row["kind"] for row in rows}
    assert (kinds["alpharefine"], kinds["dcf"]) == ("refiner", "tracker")
    card = CliRunner().invoke(trackers, ["dcf+alpharefine-corner"]).stdout
    assert "Alpha-Refine" in card
    assert "dcf-plain" in card


def test_usual_settings_of_both_parts() -> None:
    """What a figure over a setting takes where a run does not say."""
    from trackzoo.report.figures.of_settings import _usual

    usual = _usual("dcf+alpharefine")
    assert usual["refiner.threshold"] == 0.65
    assert usual["padding"] == _usual("dcf")["padding"]

"""Stored label maps in reports: the same figures as straight from the maps, sure of them by video, seen on the page."""

from __future__ import annotations

import csv
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import huer
import numpy as np
import pytest
import vosmini
from hypothesis import given, settings, strategies as st
from PIL import Image
from vosmini import Videos, listener, youtube

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.errors import ResultsError, TrackzooError
from trackzoo.label_maps import encode
from trackzoo.metrics.bootstrap import by_sequence, duel, interval, interval_of_parts
from trackzoo.metrics.types import Scores
from trackzoo.metrics.vos import VideoTruth, score_video, summarise
from trackzoo.registry import open_dataset
from trackzoo.report import regress
from trackzoo.report.mask_pictures import mask_strips
from trackzoo.report.vos import categories
from trackzoo.store.read import StoredRun

DATA = "synth-vos:sequences=3,length=24,objects=2,width=96,height=80"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trackers on three synthetic videos of two objects, of which one comes in later."""
    folder = tmp_path_factory.mktemp("results")
    assert not run(huer.choice(), DATA, results=folder).failed
    loose = replace(huer.choice(settles=False), id="loose")
    assert not run(loose, DATA, results=folder).failed
    time.sleep(0.15)  # files of this age may be trusted to be as they were
    return folder


def of(results: Path, tracker: str = "huer") -> StoredRun:
    return StoredRun({0: next(results.glob(f"{tracker}/*/vos"))})


def straight(result: StoredRun, profile: str) -> Scores:
    """Scores without stores, reports or files: the maps in memory, by the metrics alone."""
    data, videos = open_dataset(DATA), []
    for name in data.names:
        sequence = data[name]
        length = len(sequence)
        assert sequence.masks is not None
        truth = np.stack([sequence.masks[index] for index in range(length)])  # type: ignore[misc]
        found = [np.array(Image.open(result.path / name / f"{index:05d}.png")) for index in range(length)]
        videos.append(score_video(profile, VideoTruth(name, truth, sequence.annotation.starts), np.stack(found)))
    return summarise(profile, videos)


@pytest.mark.parametrize("profile", ["pytracking-vos", "vos-benchmark"])
def test_figures_are_those_of_the_maps_themselves(results: Path, profile: str) -> None:
    report = trackzoo.compare("huer", results=results, profiles=[profile])
    scores, wanted = report.boards[0].entries[0].scores, straight(of(results), profile)
    assert scores.names == wanted.names
    assert dict(scores.metrics) == dict(wanted.metrics)
    assert scores.metrics["jf"] > 30  # it does follow something
    assert trackzoo.evaluate(of(results).path, profile=profile).metrics == wanted.metrics


def test_a_table_as_of_any_other_run(results: Path, tmp_path: Path) -> None:
    report = trackzoo.compare(results=results, intervals=True, pairs=[("huer", "loose")])
    board = report.boards[0]
    assert (board.profile, board.protocol) == ("pytracking-vos", "vos")
    assert [entry.tracker for entry in board.entries] == ["huer", "loose"]
    assert "3 sequences" in str(report)
    text = str(report)
    for word in ("J&F", "J recall", "F decay", "huer against loose"):
        assert word in text
    entry = board.entries[0]
    assert entry.sequences == 3
    assert len(entry.frames) == len(entry.scores.names)
    assert entry.speed is not None
    assert entry.speed.frames == 3 * 24  # a frame of a video counts once, with the time of all its objects
    report.write(tmp_path)
    assert "J}\\&" in (tmp_path / "table.tex").read_text()
    rows = list(csv.DictReader((tmp_path / "per_sequence.csv").open()))
    names = {row["sequence"] for row in rows}
    assert {"stroll-1_1", "stroll-1_2"} <= names
    assert {row["frames"] for row in rows} == {"24"}
    page = (tmp_path / "index.html").read_text()
    assert "J&amp;F by sequence (3)" in page
    assert "J&amp;F by object (" in page
    figures = {row["metric"]: row for row in csv.DictReader((tmp_path / "scores.csv").open())}
    assert float(figures["j"]["lower"]) < float(figures["j"]["value"]) < float(figures["j"]["upper"])


def test_masks_are_seen_on_the_page(results: Path, tmp_path: Path) -> None:
    report = trackzoo.compare(results=results)
    strips = mask_strips(report.boards[0])
    assert len(strips) == 3
    assert strips[0].why == "the trackers' J&F differs most"
    assert [row.name for row in strips[0].rows] == ["annotation", "huer", "loose"]
    pictures = [picture for strip in strips for row in strip.rows for picture in row.pictures]
    assert len(set(pictures)) >= 25  # at the start all have the annotation's
    report.write(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.count('<img src="data:image/jpeg;base64,') == len(pictures)
    assert 'alt="masks of huer on frame' in page


def test_a_run_on_boxes_shows_its_masks_where_it_kept_them(tmp_path: Path) -> None:
    from trackzoo.protocols import protocol

    data = "synth:sequences=2,length=6,width=96,height=80"
    run(huer.choice(), data, protocol=protocol("ope", masks=True), results=tmp_path)
    run("static", data, results=tmp_path)
    strips = mask_strips(trackzoo.compare(results=tmp_path).boards[0])
    assert strips
    assert {row.name for strip in strips for row in strip.rows} == {"annotation", "huer"}
    assert mask_strips(trackzoo.compare("static", results=tmp_path).boards[0]) == []


def test_what_was_scored_before_is_kept_until_a_map_changes(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trackzoo.compare("huer", results=results)
    from trackzoo.report import vos

    def never(*_: object, **__: object) -> None:
        raise AssertionError("scored again")

    monkeypatch.setattr(vos, "score_videos", never)
    again = trackzoo.compare("huer", results=results)
    assert again.boards[0].entries[0].scores.metrics == first.boards[0].entries[0].scores.metrics
    assert again.boards[0].entries[0].scores.groups == first.boards[0].entries[0].scores.groups
    path = next(of(results).path.glob("*/00003.png"))
    data = path.read_bytes()
    try:
        path.write_bytes(data)  # the same, but nobody knows
        with pytest.raises(AssertionError, match="scored again"):
            trackzoo.compare("huer", results=results)
    finally:
        path.write_bytes(data)
        time.sleep(0.15)


def test_faults_name_the_file(tmp_path: Path) -> None:
    data = Videos({"both": {1: 0, 2: 0}, "two": {1: 0}}, profile="davis")
    outcome = run(listener(), data, results=tmp_path)
    scores = trackzoo.evaluate(outcome, dataset=data)
    assert (scores.profile, scores.metrics["jf"]) == ("davis", 100)
    with pytest.raises(TrackzooError, match="unknown profile"):
        trackzoo.evaluate(outcome, dataset=data, profile="pytracking")

    def alter(name: str, labels: np.ndarray) -> None:
        import hashlib

        path, record = outcome.folder / "two" / name, outcome.folder / "two.json"
        path.write_bytes(encode(labels))
        facts = json.loads(record.read_text())
        facts["masks"]["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
        record.write_text(json.dumps(facts))

    alter("00003.png", vosmini.squares({1: 0}, 3) * 7)
    with pytest.raises(ResultsError, match=r"two/00003\.png: found label 7, expected labels of objects only \(1\)"):
        trackzoo.evaluate(outcome.stored(), dataset=data)
    alter("00003.png", np.zeros((9, 9)))
    with pytest.raises(TrackzooError, match=r"^\S+two/00003\.png: found a mask of 9x9, expected 64x48"):
        trackzoo.compare(results=tmp_path, datasets=[data])
    record = outcome.folder / "two.json"
    facts = json.loads(record.read_text())
    del facts["masks"]["files"]["00007.png"], facts["masks"]["files"]["00003.png"]
    facts["masks"]["frames"] = [0, 1, 2, 4, 5, 6]
    record.write_text(json.dumps(facts))
    with pytest.raises(ResultsError, match=r"two \(frame 3\): found no label map"):
        trackzoo.evaluate(outcome.stored(), dataset=data)


def test_what_finishes_a_run_is_said_with_its_settings(tmp_path: Path) -> None:
    from trackzoo.protocols import protocol

    data = Videos({"both": {1: 0, 2: 0}, "two": {1: 0}})
    for init, words in (("box", "--set-protocol init=box"), ("mask", "--dataset videos' finishes it")):
        run(listener(), data, protocol=protocol("vos", init=init), sequences=["two"], results=tmp_path / init)
        with pytest.raises(ResultsError) as caught:
            trackzoo.compare(results=tmp_path / init, datasets=[data])
        command = str(caught.value).replace(f" --results {tmp_path / init}", "")
        assert words in command.replace("--protocol vos ", ""), command
    run(
        listener(),
        data,
        protocol=protocol("ope", masks=True, first_box="mask_tight"),
        sequences=["two"],
        results=tmp_path,
    )
    with pytest.raises(ResultsError, match=r"--protocol ope --first-box mask_tight --masks "):
        trackzoo.compare(results=tmp_path, datasets=[data])


def test_repetitions_are_averaged(tmp_path: Path) -> None:
    data = Videos({"both": {1: 0, 2: 0}, "late": {1: 1, 2: 4}})
    outcome = run(listener(), data, results=tmp_path, repeats=2)
    entry = trackzoo.compare(results=tmp_path, datasets=[data]).boards[0].entries[0]
    assert entry.repeats == 2
    assert entry.scores.by_run["jf"].tolist() == [100, 100]
    assert outcome.stored().masks("both", 1)[3] is not None


def test_every_profile_and_what_refuses(results: Path) -> None:
    report = trackzoo.compare("huer", results=results, profiles=["all"])
    [cross] = report.comparison.crosses
    rows = {(row.profile, row.kind): row for row in cross.rows}
    assert {profile for profile, _ in rows} == {"davis", "vos-benchmark", "pytracking-vos"}
    for profile in ("vos-benchmark", "pytracking-vos"):
        found = {kind: rows[profile, kind].scores for kind in ("run", "ceiling", "floor")}
        own, ceiling, floor = (scores.metrics["jf"] if scores is not None else -1 for scores in found.values())
        assert ceiling == 100
        assert -1 < floor < own


def test_regression_gate(results: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    regress.save(baseline, results)
    found = regress.check(baseline, results)
    assert (found.failures, found.runs, found.gap) == ((), 2, 0.0)
    other = tmp_path / "other"
    shutil.copytree(results, other)
    ours, theirs = of(other, "huer").path, of(other, "loose").path
    identity = (ours / "run.json").read_bytes()
    shutil.rmtree(ours)
    shutil.copytree(theirs, ours)
    (ours / "run.json").write_bytes(identity)
    failures = regress.check(baseline, other).failures
    assert any("huer" in line and "jf" in line and "most in '" in line for line in failures), failures
    assert not any(line.startswith("loose") for line in failures)


# Seen and unseen classes, and what intervals resample.


def jjval(root: Path, count: int = 3) -> tuple[str, ...]:
    """Videos of `jjval`, and one to train on, whose class alone is seen."""
    names = open_dataset("youtube-vos2019-jjval", root).names[:count]
    videos = {name: {1: ("cat", 0), 2: ("owl", 2)} for name in names}
    youtube(root, "train", {**videos, "zz": {1: ("cat", 0)}})
    return names


def test_g_of_seen_and_unseen_classes(tmp_path: Path) -> None:
    root = tmp_path / "YouTube-VOS2019"
    root.mkdir()
    names = jjval(root)
    data = open_dataset("youtube-vos2019-jjval", root)
    assert categories(data[names[0]]) == {1: "seen", 2: "unseen"}
    assert data[names[0]].facts["class of 2"] == "owl"
    outcome = run(huer.choice(), data, results=tmp_path / "runs", available=True)
    assert not outcome.failed
    assert sorted(outcome.stored().masks(names[0]).names.values())[:2] == ["00000.png", "00005.png"]
    entry = trackzoo.compare(results=tmp_path / "runs", datasets=[data], allow_incomplete=True).boards[0].entries[0]
    metrics = entry.scores.metrics
    parts = [metrics[f"{letter}_{part}"] for letter in "jf" for part in ("seen", "unseen")]
    assert metrics["g"] == pytest.approx(np.mean(parts))
    found = entry.intervals["g"]
    assert found.value == pytest.approx(metrics["g"])
    assert found.low <= found.value <= found.high
    assert entry.intervals["j_unseen"].value == pytest.approx(metrics["j_unseen"])
    text = str(trackzoo.compare(results=tmp_path / "runs", datasets=[data]))
    assert "J unseen" in text


def test_the_classes_of_the_training_set_are_all_seen(tmp_path: Path) -> None:
    root = tmp_path / "YouTube-VOS2019"
    youtube(root, "train", {"a": {1: ("cat", 0)}})
    youtube(root, "valid", {"v": {1: ("cat", 0), 2: ("owl", 1)}})
    assert categories(open_dataset("youtube-vos2019-train", root)["a"]) == {1: "seen"}
    assert categories(open_dataset("youtube-vos2019", root)["v"]) == {1: "seen", 2: "unseen"}
    (root / "train" / "meta.json").unlink()
    assert categories(open_dataset("youtube-vos2019", root)["v"]) == {}
    data = open_dataset("youtube-vos2019", root)
    outcome = run(huer.choice(), data, results=tmp_path / "runs")
    with pytest.raises(TrackzooError, match="only its own server has the annotation"):
        trackzoo.evaluate(outcome, dataset=data)


counts = st.lists(st.integers(1, 4), min_size=2, max_size=7)


def scores_of(groups: list[int], seed: int) -> Scores:
    values = np.random.default_rng(seed).uniform(0, 100, sum(groups))
    names = tuple(f"v{video}_{obj}" for video, many in enumerate(groups) for obj in range(many))
    homes = tuple(f"v{video}" for video, many in enumerate(groups) for _ in range(many))
    return Scores("davis", 1, "", names, {"j": float(values.mean())}, {"j": values}, groups=homes)


@given(counts, st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_videos_keep_the_mean_over_objects(groups: list[int], seed: int) -> None:
    scores = scores_of(groups, seed)
    values, weights = by_sequence(scores, scores.per_sequence["j"], None)
    assert weights is not None
    assert weights.tolist() == groups
    assert np.average(values, weights=weights) == pytest.approx(scores.metrics["j"])


def test_objects_that_fail_together_make_a_figure_less_sure() -> None:
    groups = [4] * 8
    per_video = np.array([90, 85, 20, 80, 95, 30, 88, 70], dtype=float)
    scores = scores_of(groups, 0)
    scores = replace(scores, per_sequence={"j": np.repeat(per_video, 4)})
    naive = interval(np.repeat(per_video, 4))
    fair = interval(*by_sequence(scores, scores.per_sequence["j"], None))
    assert fair.error > 1.8 * naive.error  # four times as many objects are no more videos
    other = replace(scores, per_sequence={"j": np.repeat(per_video - 1, 4)})
    fight = duel(scores, other, "j")
    assert (fight.wins, fight.ties, fight.losses) == (8, 0, 0)


@given(counts, st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_one_part_alone_is_the_plain_interval(groups: list[int], seed: int) -> None:
    scores = scores_of(groups, seed)
    values, weights = by_sequence(scores, scores.per_sequence["j"], None)
    assert weights is not None
    one, two = interval_of_parts([(values, weights)], resamples=500), interval(values, weights, resamples=500)
    assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high))
    with pytest.raises(TrackzooError, match="expected parts"):
        interval_of_parts([])
    assert np.isnan(interval_of_parts([(values, weights * 0)]).value)

"""VOT's experiments in reports, in Python and on the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import votmini

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.errors import ResultsError, SettingsError, TrackzooError, UnknownName
from trackzoo.metrics.vot_scores import VotScores
from trackzoo.registry import open_dataset
from trackzoo.store.read import find_runs
from trackzoo.vot_workspace import section_name, write_workspace

ANCHORS = {0: 1, 10: 1, 25: -1, 29: -1}


@pytest.fixture
def boxes(tmp_path: Path) -> Any:
    for name in ("ants", "ball"):
        votmini.sequence(tmp_path / "data", name, anchors=ANCHORS)
    return open_dataset("vot2022-stb", tmp_path / "data")


@pytest.fixture
def polygons(tmp_path: Path) -> Any:
    for name in ("ants", "ball"):
        votmini.sequence(tmp_path / "data", name, kind="polygon")
    return open_dataset("vot2016", tmp_path / "data")


def test_anchors(boxes: Any, tmp_path: Path) -> None:
    """A tracker that is half as wide as the target has an overlap of a half, and never fails."""
    outcome = run(votmini.choice(half=list(range(30))), boxes, results=tmp_path / "runs")
    scores = trackzoo.evaluate(outcome, dataset=boxes)
    assert isinstance(scores, VotScores)
    assert scores.profile == "vot"
    assert scores.metrics["robustness"] == 100
    # Each run begins with a start, whose overlap is 0: 106 frames, 4 starts.
    assert scores.metrics["accuracy"] == pytest.approx(50 * (106 - 4) / 106)
    assert scores.curves["eao"].values[1:30] == pytest.approx(0.5)
    assert scores.interval == (115, 755)
    # Thirty frames say nothing of longer runs; a mean over nothing is told.
    assert scores.metrics["eao"] == 0
    assert any("640 of the 640 lengths" in note for note in scores.notes)
    assert "eao" in str(scores)


def test_a_report(boxes: Any, tmp_path: Path) -> None:
    run(votmini.choice(lost=list(range(5, 30))), boxes, results=tmp_path / "runs")
    made = trackzoo.compare(datasets=[boxes], results=tmp_path / "runs")
    [board] = made.boards
    assert [column.metric for column in board.columns] == ["eao", "accuracy", "robustness"]
    assert (board.protocol, board.profile, board.names) == ("vot-multistart", "vot", ("ants", "ball"))
    [entry] = board.entries
    assert entry.complete
    assert entry.frames == (30, 30)
    # Frames of all eight runs, each timed once.
    assert entry.speed is not None
    assert entry.speed.frames == 2 * (30 + 20 + 26 + 30)
    frame = made.frame
    assert set(frame.metric) >= {"eao", "accuracy", "robustness"}
    written = made.write(tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "per_sequence.csv").open()))
    assert {row["sequence"] for row in rows} == {"ants", "ball"}
    assert written


def test_an_incomplete_set(boxes: Any, tmp_path: Path) -> None:
    """A sequence is there when all of its anchors are."""
    outcome = run(votmini.choice(), boxes, results=tmp_path / "runs")
    (outcome.folder / "ball" / "ball_00000010.txt").unlink()
    with pytest.raises(ResultsError, match="1 of 2 sequences finished, missing ball"):
        trackzoo.compare(datasets=[boxes], results=tmp_path / "runs")
    made = trackzoo.compare(datasets=[boxes], results=tmp_path / "runs", allow_incomplete=True)
    assert made.boards[0].entries[0].missing == ("ball",)
    assert made.boards[0].entries[0].scores.names == ("ants",)


def test_resets_under_two_profiles(polygons: Any, tmp_path: Path) -> None:
    run(votmini.choice(lost=[12]), polygons, results=tmp_path / "runs", repeats=2)
    made = trackzoo.compare(datasets=[polygons], results=tmp_path / "runs", profiles=["vot", "pysot"])
    vot, pysot = (board.entries[0].scores for board in made.boards)
    assert vot.metrics["failures"] == 1
    assert pysot.metrics["lost"] == 2
    assert pysot.metrics["failure_rate"] == pytest.approx(100 * 2 / 60)
    # A polygon is drawn with its border, 13 x 11 pixels; the box has 12 x 10.
    assert vot.metrics["accuracy"] == pytest.approx(100 * 120 / 143)
    assert vot.by_run["failures"].tolist() == [1, 1]
    assert [column.higher for column in made.boards[0].columns] == [True, True, False]


def test_more_failures_rank_lower_and_are_marked_so(polygons: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    good, bad = votmini.choice(), replace(votmini.choice(lost=[8, 20]), id="worse")
    for choice in (good, bad):
        run(choice, polygons, results=tmp_path / "runs")
    [board] = trackzoo.compare(datasets=[polygons], results=tmp_path / "runs").boards
    table = trackzoo.compare(datasets=[polygons], results=tmp_path / "runs").tables[0]
    place = [heading.text for heading in table.headings].index("failures")
    marks = {row.key: row.cells[place].mark for row in table.rows}
    assert marks == {"scripted": "best", "worse": "second"}
    assert any("no run was so long" in note for note in board.notes)


def test_profiles_go_to_the_runs_they_score(boxes: Any, tmp_path: Path) -> None:
    run(votmini.choice(), boxes, results=tmp_path / "runs")
    run(votmini.choice(), boxes, results=tmp_path / "runs", protocol="ope")
    boards = trackzoo.compare(datasets=[boxes], results=tmp_path / "runs", profiles=["vot", "strict"]).boards
    assert {(board.protocol, board.profile) for board in boards} == {("vot-multistart", "vot"), ("ope", "strict")}
    usual = trackzoo.compare(datasets=[boxes], results=tmp_path / "runs")
    assert {board.profile for board in usual.boards} == {"vot", "strict"}
    with pytest.raises(UnknownName, match="vot"):
        trackzoo.compare(datasets=[boxes], results=tmp_path / "runs", profiles=["vott"])
    with pytest.raises(TrackzooError, match="not scored under pytracking"):
        trackzoo.compare("scripted", datasets=[boxes], results=tmp_path / "only", profiles=["pytracking"]) if run(
            votmini.choice(), boxes, results=tmp_path / "only"
        ) else None


@pytest.mark.parametrize("protocol", ["vot-multistart", "vot-supervised", "vot-unsupervised"])
def test_ceiling_and_floor(tmp_path: Path, protocol: str) -> None:
    """The annotation is right throughout; the floor is what the tracker `static` scores when it is run."""
    far = (
        protocol == "vot-supervised"
    )  # where restarts are, the target leaves its first box, and the picture for a frame
    for name in ("ants", "ball"):
        home = votmini.sequence(tmp_path / "data", name, anchors=ANCHORS)
        rows = [f"{2 * frame},10,8,9" if far else f"20,{5 + frame / 7:.2f},8,9" for frame in range(30)]
        (home / "groundtruth.txt").write_text("\n".join([*rows[:15], "0" if far else rows[15], *rows[16:]]) + "\n")
    data = open_dataset("vot2022-stb", tmp_path / "data")
    run("static", data, results=tmp_path / "runs", protocol=protocol)
    [cross] = trackzoo.compare(datasets=[data], results=tmp_path / "runs", profiles=["all"]).comparison.crosses
    rows = {(row.profile, row.kind): row.scores for row in cross.rows}
    assert set(rows) == {(name, kind) for name in ("vot", *["pysot"] * far) for kind in ("run", "ceiling", "floor")}
    for profile in ("vot", *["pysot"] * far):
        own, ceiling, floor = (rows[profile, kind] for kind in ("run", "ceiling", "floor"))
        assert own is not None
        assert ceiling is not None
        assert floor is not None
        assert floor.metrics == pytest.approx(own.metrics, nan_ok=True)
        best = {"failures": 0, "lost": 0, "failure_rate": 0, "eao": ceiling.metrics.get("eao")}
        best |= {"accuracy": 100 * (106 - 4) / 106} if protocol == "vot-multistart" else {}
        assert ceiling.metrics == pytest.approx({key: best.get(key, 100) for key in own.metrics}, nan_ok=True)
    assert not far or rows["vot", "floor"].metrics["failures"] > 0  # type: ignore[union-attr]


def test_unsupervised(polygons: Any, tmp_path: Path) -> None:
    outcome = run(
        votmini.choice(half=list(range(30))), polygons, results=tmp_path / "runs", protocol="vot-unsupervised"
    )
    scores = trackzoo.evaluate(outcome, dataset=polygons)
    assert list(scores.metrics) == ["ao"]
    # Polygons include their border: 13 x 11 pixels against 6 x 10.
    assert scores.metrics["ao"] == pytest.approx(100 * 60 / 143)


def test_of_several_protocols_one_is_exported(boxes: Any, tmp_path: Path, cli: Any, refused: Any) -> None:
    for protocol in ("vot-multistart", "vot-supervised"):
        run("static", boxes, results=tmp_path / "runs", protocol=protocol)
    words = ("export", "-t", "static", "-d", "vot2022-stb", "-f", "vot", "--results", tmp_path / "runs")
    words = (*words, "--data-root", tmp_path / "data", tmp_path / "out")
    refused(cli(*words), "under the protocols vot-multistart, vot-supervised, expected one; name it with --protocol")
    refused(cli(*words, "--protocol", "vot-superwised"), "did you mean vot-supervised")
    done = cli(*words, "--protocol", "vot-supervised")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in sorted((tmp_path / "out").rglob("*_001.txt"))] == ["ants_001.txt", "ball_001.txt"]


def test_other_annotation_is_refused(boxes: Any, tmp_path: Path) -> None:
    run(votmini.choice(), boxes, results=tmp_path / "runs")
    votmini.sequence(tmp_path / "data", "ants", anchors={0: 1, 29: -1})
    again = open_dataset("vot2022-stb", tmp_path / "data")
    with pytest.raises(ResultsError, match="another annotation of ants"):
        trackzoo.compare(datasets=[again], results=tmp_path / "runs")


def test_workspace(boxes: Any, tmp_path: Path) -> None:
    """The toolkit's files: stack, a command for each tracker, links to the sequences, results under its own names."""
    from trackzoo.registry import tracker

    run("static", boxes, results=tmp_path / "runs")
    run("static", boxes, results=tmp_path / "runs", protocol="vot-realtime")
    home = tmp_path / "ws"
    made = write_workspace(home, boxes, [tracker("static")], python="/opt/py thon", results=tmp_path / "runs")
    assert (made.stack, made.sequences, made.results) == ("vot2022/shorttermbox", 2, {"static": 16})
    text = (home / "trackers.ini").read_text()
    assert text.startswith("[static]\n")
    assert "command = '/opt/py thon' -m trackzoo.vot_trax static" in text
    assert "stack: vot2022/shorttermbox" in (home / "config.yaml").read_text()
    assert (home / "sequences" / "list.txt").read_text() == "ants\nball\n"
    assert (home / "sequences" / "ants" / "anchor.value").is_file()
    assert (home / "results" / "static" / "baseline" / "ants" / "ants_00000010.txt").is_file()
    assert (home / "results" / "static" / "realtime" / "ball" / "ball_00000000_time.value").is_file()
    assert write_workspace(home, boxes, [tracker("static")]).sequences == 2
    assert section_name("dcf+x:Y") == "dcf_x_Y"
    (home / "sequences" / "ants").unlink()
    (home / "sequences" / "ants").mkdir()
    with pytest.raises(TrackzooError, match="no link"):
        write_workspace(home, boxes, [tracker("static")])


def test_a_workspace_for_a_tracker_that_follows_a_description(boxes: Any, tmp_path: Path) -> None:
    """The toolkit has no words: they are given with the workspace, or the workspace is refused."""
    import configparser
    import shlex

    from trackzoo.registry import tracker

    home, both = tmp_path / "ws", [tracker("static"), tracker("satracker")]
    with pytest.raises(SettingsError, match="'satracker' follows a description, and the VOT toolkit has none; --text"):
        write_workspace(home, boxes, both)
    assert not home.exists()
    with pytest.raises(SettingsError, match="'static' takes no text"):
        write_workspace(home, boxes, both[:1], text="the ant")
    for text in ("the red car", "", '100 % red,\n"left" \udcff\u8f66'):
        write_workspace(home, boxes, both, text=text)
        # As the toolkit reads the file.
        sections = configparser.ConfigParser()
        sections.read(home / "trackers.ini")
        assert "--text" not in sections["static"]["command"]
        words = shlex.split(sections["satracker"]["command"])
        assert json.loads(words[words.index("--text") + 1]) == text


def test_command_line(cli: Any, boxes: Any, tmp_path: Path, refused: Callable[..., str]) -> None:
    """The data set's own protocol, reported and packed for the toolkit, without a word said about either."""
    root = str(boxes.root)
    assert cli("run", "-t", "static", "-d", "vot2022-stb", "--data-root", root).returncode == 0
    [stored] = find_runs(tmp_path / "runs")
    assert stored.protocol == "vot-multistart"
    shown = cli("report", "--data-root", root)
    assert shown.returncode == 0, shown.stderr
    assert "EAO" in shown.stdout
    assert "protocol vot-multistart" in shown.stdout
    made = cli("vot-workspace", "ws", "-t", "static", "-d", "vot2022-stb", "--data-root", root, "--results", "runs")
    assert "8 trials copied" in made.stdout, made.stderr
    refused(cli("vot-workspace", "ws", "-t", "static", "-d", "synth"), "no experiments for synth")
    refused(
        cli("run", "-t", "static", "-d", "vot2022-stb", "--data-root", root, "--protocol", "vot-realtime",
            "--set-protocol", "grace=x"),
        "grace: found x",
    )  # fmt: skip
    assert np.isfinite(float(stored.seconds("ants_00000000")[0]))


def test_regression_gate(boxes: Any, tmp_path: Path) -> None:
    """A baseline of runs from anchors: equal results pass, a tracker that fails does not."""
    from trackzoo.report import regress

    run(votmini.choice(half=[3]), boxes, results=tmp_path / "runs")
    run(votmini.choice(lost=list(range(8, 30)), half=[3]), boxes, results=tmp_path / "worse")
    regress.save(tmp_path / "baseline.json", tmp_path / "runs", data_root=boxes.root)
    same = regress.check(tmp_path / "baseline.json", tmp_path / "runs", data_root=boxes.root)
    assert (same.failures, same.runs, same.metrics) == ((), 1, 3)
    other = regress.check(tmp_path / "baseline.json", tmp_path / "worse", data_root=boxes.root)
    assert any("robustness" in line for line in other.failures)

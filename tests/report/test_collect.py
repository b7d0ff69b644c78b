"""From results folders to boards: what is compared, what is refused, what is marked."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from stored_runs import DATASET, ID, shifted, store

import trackzoo
from trackzoo.errors import ResultsError, SettingsError, TrackzooError, UnknownName
from trackzoo.report import published
from trackzoo.report.collect import Rules, collect, finishing
from trackzoo.report.published import Figure
from trackzoo.report.selection import Library, select
from trackzoo.report.truth import truths
from trackzoo.store.read import find_runs


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    store(folder, "dcf", shifted(2))
    store(folder, "static", shifted(9))
    store(folder, "opencv-mil", shifted(4), repeats=2)
    return folder


@pytest.fixture
def results(stored: Path, tmp_path: Path) -> Path:
    """Three complete runs, for the test to change."""
    return Path(shutil.copytree(stored, tmp_path / "runs"))


def names() -> tuple[str, ...]:
    return trackzoo.open_dataset(DATASET).names


def test_everything_in_the_folder_best_first(results: Path) -> None:
    report = trackzoo.compare(results=results)
    [board] = report.boards
    assert [entry.tracker for entry in board.entries] == ["dcf", "opencv-mil", "static"]
    assert (board.dataset, board.name, board.split) == (ID, ID, "")
    assert board.profile == "strict"
    assert board.names == names()
    assert not board.partial
    assert [entry.repeats for entry in board.entries] == [1, 2, 1]
    assert board.fingerprint == trackzoo.open_dataset(DATASET).fingerprint(names())
    dcf = board.entries[0]
    assert dcf.scores.metrics == trackzoo.evaluate(dcf.path).metrics
    assert dcf.speed is not None
    assert dcf.speed.latency
    assert dcf.speed.fps == pytest.approx(100)
    assert dcf.frames == (20, 20, 20)
    assert any("weight-free baselines" in note for note in report.notes)


def test_selection_by_name_variant_and_options(results: Path) -> None:
    for dataset in (DATASET, ID, trackzoo.open_dataset(DATASET)):
        [board] = trackzoo.compare("dcf", "static", datasets=[dataset], results=results).boards
        assert [entry.tracker for entry in board.entries] == ["dcf", "static"]


def test_several_profiles_are_several_boards(results: Path) -> None:
    report = trackzoo.compare("dcf", results=results, profiles=["pytracking", "got10k"])
    assert [board.profile for board in report.boards] == ["pytracking", "got10k"]
    assert report.boards[0].main.metric == "auc"
    assert report.boards[1].main.metric == "ao"
    assert len({board.key for board in report.boards}) == 2


def test_unknown_names_are_refused(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="unknown tracker 'dfc'; did you mean dcf"):
        trackzoo.compare("dfc", results=results)
    with pytest.raises(UnknownName, match="unknown dataset 'synht'; did you mean synth"):
        trackzoo.compare(datasets=["synht"], results=results)
    with pytest.raises(UnknownName, match="unknown profile 'pytraking'; did you mean pytracking"):
        trackzoo.compare(results=results, profiles=["pytraking"])
    with pytest.raises(TrackzooError, match="no results of tracker 'opencv-kcf', only of dcf, opencv-mil, static"):
        trackzoo.compare("opencv-kcf", results=results)
    with pytest.raises(TrackzooError, match="no results on data set 'synth', only on"):
        trackzoo.compare(datasets=["synth"], results=results)
    with pytest.raises(ResultsError, match="found no such folder"):
        trackzoo.compare(results=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrackzooError, match="found no results"):
        trackzoo.compare(results=tmp_path / "empty")


def test_incomplete_set_is_refused_with_the_command_that_finishes_it(results: Path) -> None:
    store(results, "late", shifted(1), names=names()[:2], identity={"seed": 3, "settings": {"padding": 2.5}})
    with pytest.raises(ResultsError) as refused:
        trackzoo.compare(results=results)
    text = str(refused.value)
    assert "2 of 3 sequences finished" in text
    assert names()[2] in text
    assert f"trackzoo run --tracker late --dataset {ID} --seed 3 --set padding=2.5 --results {results}" in text
    assert len(text.splitlines()) == 1
    # Those that are complete can still be reported by name.
    assert trackzoo.compare("dcf", results=results).boards


def test_incomplete_set_is_shown_when_asked_for_and_not_ranked(results: Path) -> None:
    store(results, "late", names=names()[:2])  # perfect on what it has
    [board] = trackzoo.compare(results=results, allow_incomplete=True).boards
    assert [entry.tracker for entry in board.entries] == ["dcf", "opencv-mil", "static", "late"]
    late = board.entries[-1]
    assert (late.complete, late.missing, late.sequences) == (False, names()[2:], 2)
    assert late.scores.metrics["auc"] > board.entries[0].scores.metrics["auc"]
    rows = trackzoo.compare(results=results, allow_incomplete=True).frame
    assert set(rows[rows.tracker == "late"].complete) == {False}


def test_runs_with_the_same_part_are_ranked_on_it(tmp_path: Path) -> None:
    store(tmp_path, "dcf", shifted(2), names=names()[:2])
    store(tmp_path, "static", shifted(9), names=names()[:2])
    [board] = trackzoo.compare(results=tmp_path, allow_incomplete=True).boards
    assert board.common
    assert board.partial
    assert board.names == names()[:2]


def test_common_part(results: Path) -> None:
    store(results, "late", names=names()[1:])
    [board] = trackzoo.compare(results=results, common=True).boards
    assert board.names == names()[1:]
    assert board.entries[0].tracker == "late"
    assert {entry.sequences for entry in board.entries} == {2}
    assert {entry.scores.names for entry in board.entries} == {names()[1:]}


def test_runs_that_are_meant_for_other_parts_stand_apart(results: Path) -> None:
    store(results, "few", shifted(1), expected=names()[:2])
    boards = trackzoo.compare(results=results).boards
    assert [(len(board.names), board.partial) for board in boards] == [(3, False), (2, True)]
    assert len({board.key for board in boards}) == 2


def test_nothing_finished_is_said(results: Path) -> None:
    store(results, "never", names=[])
    report = trackzoo.compare(results=results, allow_incomplete=True)
    assert [entry.tracker for entry in report.boards[0].entries] == ["dcf", "opencv-mil", "static"]
    assert any("never" in note and "nothing is finished" in note for note in report.notes)


def test_other_annotation_is_refused_or_marked(results: Path) -> None:
    store(results, "old", shifted(3), fingerprint="0" * 64)
    with pytest.raises(ResultsError, match="another annotation of stroll-1"):
        trackzoo.compare(results=results)
    [board] = trackzoo.compare(results=results, allow_other_data=True).boards
    assert [entry.tracker for entry in board.entries if entry.other_data] == ["old"]


def test_as_released_cuts_boxes_towards_zero(tmp_path: Path) -> None:
    def fractions(boxes: np.ndarray) -> np.ndarray:
        boxes[1:] += 0.9
        return boxes

    folder = store(tmp_path, "dcf", fractions)
    exact, cut = trackzoo.evaluate(folder), trackzoo.evaluate(folder, as_released=True)
    assert exact.metrics["auc"] < 100
    assert cut.metrics["auc"] == pytest.approx(100)
    [board] = trackzoo.compare(results=tmp_path, as_released=True).boards
    assert board.entries[0].as_released
    assert board.entries[0].scores.metrics == cut.metrics


def test_random_weights_and_throughput_are_known(tmp_path: Path) -> None:
    store(
        tmp_path, "net", identity={"weights": {"name": None, "random": True}}, record={"lanes": 8, "throughput": True}
    )
    report = trackzoo.compare(results=tmp_path)
    [entry] = report.boards[0].entries
    assert entry.random_weights
    assert entry.speed is not None
    assert not entry.speed.latency
    assert entry.speed.lanes == 8
    assert not any("weight-free" in note for note in report.notes)


def test_damaged_file_is_one_line_with_file_and_row(results: Path) -> None:
    [run] = find_runs(results, ["dcf"])
    path = run.path / f"{names()[1]}.txt"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ResultsError, match=rf"{names()[1]}\.txt.*found") as refused:
        trackzoo.compare(results=results)
    assert len(str(refused.value).splitlines()) == 1


def test_boxes_that_do_not_fit_name_the_run(tmp_path: Path) -> None:
    store(tmp_path, "dcf", lambda boxes: boxes[:-1])
    with pytest.raises(TrackzooError, match=r"dcf.*stroll-1.*19 rows.*20"):
        trackzoo.compare(results=tmp_path)


def test_finishing_names_a_persons_own_data(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    data = tmp_path / "my clip"
    data.mkdir()
    for frame in range(3):
        cv2.imwrite(str(data / f"{frame:04d}.png"), np.zeros((48, 64, 3), np.uint8))
    (data / "groundtruth.txt").write_text("30,20,12,10\n31,20,12,10\n32,20,12,10\n")
    dataset = trackzoo.open_dataset("folder", data)
    store(tmp_path / "runs", "dcf", dataset=dataset, names=[])
    [run] = find_runs(tmp_path / "runs")
    opened = Library(data).open(run)
    assert f"--data-root '{data}'" in finishing(run, opened, Path("runs"))
    assert opened.personal


def test_personal_data_is_found_where_the_run_found_it(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    from trackzoo.engine.runner import run

    data = tmp_path / "clip"
    data.mkdir()
    for frame in range(3):
        cv2.imwrite(str(data / f"{frame:04d}.png"), np.full((48, 64, 3), 40 * frame, np.uint8))
    (data / "groundtruth.txt").write_text("30,20,12,10\n31,20,12,10\n32,20,12,10\n")
    outcome = run("static", "folder", data_root=data, results=tmp_path / "runs")
    assert trackzoo.evaluate(outcome).names == ("clip",)
    [board] = trackzoo.compare(results=tmp_path / "runs").boards
    assert board.entries[0].scores.metrics["precision"] == 100


# One run, from Python


def test_evaluate_takes_folders_outcomes_and_boxes(results: Path) -> None:
    folder = find_runs(results, ["dcf"])[0].path
    expected = trackzoo.evaluate(folder)
    assert trackzoo.evaluate(str(folder)).metrics == expected.metrics
    assert trackzoo.evaluate(SimpleNamespace(folder=folder)).metrics == expected.metrics
    dataset = trackzoo.open_dataset(DATASET)
    boxes = {name: shifted(2)(dataset[name].boxes.copy()) for name in reversed(dataset.names)}
    for given in (DATASET, dataset):
        found = trackzoo.evaluate(boxes, dataset=given)
        assert found.metrics == expected.metrics
        assert found.names == dataset.names
    assert "auc" in str(expected)
    assert len(repr(expected)) < 500


def test_evaluate_refuses_what_it_cannot_score(results: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no run.json"):
        trackzoo.evaluate(results)
    with pytest.raises(SettingsError, match="dataset=NAME"):
        trackzoo.evaluate({"a": np.zeros((3, 4))})
    with pytest.raises(UnknownName, match="unknown sequence 'strol-1'; did you mean stroll-1"):
        trackzoo.evaluate({"strol-1": np.zeros((20, 4))}, dataset=DATASET)
    with pytest.raises(SettingsError, match=r"shape \(20, 3\), expected \(N, 4\)"):
        trackzoo.evaluate({"stroll-1": np.zeros((20, 3))}, dataset=DATASET)
    folder = store(tmp_path / "part", "dcf", names=names()[:1])
    with pytest.raises(ResultsError, match="1 of 3 sequences finished"):
        trackzoo.evaluate(folder)
    assert trackzoo.evaluate(folder, allow_incomplete=True).names == names()[:1]


def test_truths_decode_no_picture_unless_a_size_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = trackzoo.open_dataset(DATASET)
    assert [truth.size for truth in truths(dataset, dataset.names, sizes=True)] == [(128, 96)] * 3
    monkeypatch.setattr("trackzoo.frames.Frame.array", lambda self: pytest.fail("decoded"))
    found = truths(dataset, dataset.names)
    assert [truth.size for truth in found] == [None] * 3
    assert [len(truth.boxes) for truth in found] == [20] * 3


# Published figures


def figure(metric: str, value: float, profile: str, **changes: object) -> Figure:
    facts: dict[str, object] = {
        "paper": "rts", "table": "Table 3", "kind": "result", "tracker": "rts50", "printed": "RTS", "variant": "",
        "setting": "", "dataset": ID, "split": "", "metric": metric, "value": value, "unit": "percent", "rounding": 1,
        "delta": "", "profile": profile, "training_data": "", "status": "transcribed", "note": "", "line": 2, **changes,
    }  # fmt: skip
    return Figure(**facts)  # type: ignore[arg-type]


@pytest.fixture
def own_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """A stored run of `rts50`, and what "its paper" prints; the list can be changed by the test."""
    store(tmp_path, "rts50", shifted(2), identity={"weights": {"name": "rts50", "sha256": None}})
    figures: list[Figure] = []
    monkeypatch.setattr(published, "_load", lambda: tuple(figures))
    return figures


def test_deviation_is_under_the_papers_profile_with_its_rounding(own_paper: list[Figure], tmp_path: Path) -> None:
    under = {
        profile: trackzoo.evaluate(find_runs(tmp_path)[0], profile=profile) for profile in ("strict", "pytracking")
    }
    own_paper.append(figure("auc", 80.0, "pytracking"))
    [board] = collect(tmp_path, rules=Rules(published=True)).boards
    assert board.profile == "strict"
    [found] = board.entries[0].deviations
    assert found.ours == under["pytracking"].metrics["auc"] != under["strict"].metrics["auc"]
    assert found.value == pytest.approx(round(under["pytracking"].metrics["auc"], 1) - 80.0)
    assert found.value == round(found.value, 1)
    # The same without being asked for papers: nothing.
    assert collect(tmp_path).boards[0].entries[0].deviations == ()


@pytest.mark.parametrize(
    "odd",
    [
        {"profile": ""},
        {"profile": "server"},
        {"tracker": "tomp-50", "printed": "ToMP 50"},
        {"variant": "no memory"},
        {"dataset": "lasot-test"},
        {"status": "conflict", "note": "Table 4 prints another"},
        {"value": None, "status": "lost", "note": "not in the text"},
    ],
)
def test_no_deviation_where_it_would_mean_nothing(
    own_paper: list[Figure], tmp_path: Path, odd: dict[str, object]
) -> None:
    own_paper.append(figure(**{"metric": "auc", "value": 80.0, "profile": "pytracking", **odd}))  # type: ignore[arg-type]
    [board] = collect(tmp_path, rules=Rules(published=True)).boards
    assert board.entries[0].deviations == ()


def test_no_deviation_for_a_part_of_the_benchmark(own_paper: list[Figure], tmp_path: Path) -> None:
    own_paper.append(figure("auc", 80.0, "pytracking"))
    store(tmp_path / "part", "rts50", expected=names()[:2])
    [board] = collect(tmp_path / "part", rules=Rules(published=True)).boards
    assert board.entries[0].deviations == ()


def test_published_rows_carry_their_source(own_paper: list[Figure], tmp_path: Path) -> None:
    own_paper += [
        figure("auc", 80.0, "pytracking"),
        figure("auc", 70.5, "", tracker="tomp-50", printed="ToMP 50"),
        figure(
            "precision", 60.25, "", tracker="tomp-50", printed="ToMP 50", rounding=2, status="ambiguous", note="smudged"
        ),
    ]
    report = trackzoo.compare(results=tmp_path, published=True)
    [table] = report.tables
    headings = [heading.text for heading in table.headings]
    assert headings[2] == "AUC"
    assert "Δ AUC" in headings
    ours, *rows = table.rows
    assert not ours.reference
    assert [(row.reference, row.cells[1].text, row.cells[2].text) for row in rows] == [
        (True, "RTS", "80.0"),
        (True, "ToMP 50", "70.5"),
    ]
    notes = dict(table.footnotes)
    assert "RTS, Table 3, profile pytracking" in notes[rows[0].cells[2].notes[0]]
    assert "profile not known" in notes[rows[1].cells[2].notes[0]]
    precision = rows[1].cells[headings.index("P")]
    assert precision.text == "60.25"
    assert any("smudged" in notes[mark] for mark in precision.notes)
    assert all(cell.mark == "" for row in rows for cell in row.cells)
    frame = report.frame
    assert set(frame[frame.source == "paper"].tracker) == {"rts50", "tomp-50"}
    [deviation] = frame[frame.source == "deviation"].to_dict("records")
    assert deviation["profile"] == "pytracking"
    assert "RTS, Table 3" in deviation["note"]
    assert not math.isnan(deviation["value"])


def test_real_published_figures_stand_under_a_real_data_set(tmp_path: Path) -> None:
    rows = published.rows_for("lasot-test", ["auc", "precision", "norm_precision"]).rows
    assert any(row.tracker == "rts50" and row.figures["auc"].text == "69.7" for row in rows)


def test_select_orders_runs(results: Path) -> None:
    assert [run.tracker for run in select(results, [], [])] == ["dcf", "opencv-mil", "static"]


def test_a_first_box_alone_is_not_called_a_server_s(tmp_path: Path) -> None:
    import cv2

    (tmp_path / "mine" / "img").mkdir(parents=True)
    for index in range(4):
        cv2.imwrite(str(tmp_path / "mine" / "img" / f"{index:04d}.png"), np.zeros((40, 60, 3), np.uint8))
    (tmp_path / "mine" / "init.txt").write_text("5,5,20,20\n")
    trackzoo.run("static", "folder", data_root=tmp_path / "mine", results=tmp_path / "runs")
    with pytest.raises(TrackzooError, match="only the first frame is annotated") as refused:
        trackzoo.compare(results=tmp_path / "runs")
    assert "server" not in str(refused.value)


def test_a_benchmark_is_read_where_the_run_found_it(tmp_path: Path) -> None:
    root = tmp_path / "LaSOT"
    home = root / "airplane" / "airplane-1"
    home.mkdir(parents=True)
    (home / "groundtruth.txt").write_text("10,10,20,20\n11,11,20,20\n12,12,20,20\n")
    (home / "full_occlusion.txt").write_text("0,0,0\n")
    (home / "out_of_view.txt").write_text("0,0,0\n")
    (home / "nlp.txt").write_text("a plane\n")
    dataset = trackzoo.open_dataset("lasot", root)
    folder = store(tmp_path / "runs", "dcf", shifted(1), dataset=dataset, expected=["airplane-1"])
    with pytest.raises(TrackzooError, match="where is LaSOT"):
        trackzoo.compare(results=tmp_path / "runs")
    file = folder / "run.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "data_root": str(root)}))
    report = trackzoo.compare(results=tmp_path / "runs")
    assert report.boards[0].entries[0].tracker == "dcf"
    assert any(f"read from {root}, where the run of dcf was made" in note for note in report.notes)
    file.write_text(json.dumps({**facts, "data_root": str(tmp_path / "gone")}))
    with pytest.raises(TrackzooError, match="where is LaSOT"):
        trackzoo.compare(results=tmp_path / "runs")

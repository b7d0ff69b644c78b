"""Every layout is written by hand, found out, and scored."""

from __future__ import annotations

from pathlib import Path

import foreign
import numpy as np
import pytest

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.importing.matlab import read_mat, write_mat
from trackzoo.importing.run import ForeignRun, Reading
from trackzoo.importing.score import candidates, evaluate_folder
from trackzoo.report.collect import Rules


def runs(folder: Path, data: foreign.Zoo, **reading: object) -> dict[str, ForeignRun]:
    with candidates(folder, data) as (_, search):
        found = {}
        for candidate in search.candidates:
            run = ForeignRun(candidate, data, Reading(**reading), folder)  # type: ignore[arg-type]
            run.examine()
            found[run.tracker] = run
        return found


def holds(run: ForeignRun, data: foreign.Zoo, lag: float = 3.0, digits: float = 1e-4) -> None:
    for name in data.names:
        assert np.allclose(run.boxes(name, run.repeats[0]), foreign.tracked(data[name].boxes, lag), atol=digits), name


@pytest.mark.parametrize(
    ("separator", "layout"), [("\t", "pytracking"), (",", "comma-separated text"), (" ", "blank-separated text")]
)
def test_flat_text(tmp_path: Path, separator: str, layout: str) -> None:
    data = foreign.zoo()
    foreign.flat(tmp_path / "ATOM", data, separator)
    run = runs(tmp_path / "ATOM", data)["ATOM"]
    holds(run, data)
    assert run.layout == layout
    assert run.complete
    assert run.notes == []


def test_trackers_behind_the_names(tmp_path: Path) -> None:
    """Files none of which is called like a sequence: `Bird1_ECO.txt` of two trackers, `otb_Bird1.txt`."""
    data = foreign.zoo()
    for tracker, lag in (("ECO", 1), ("my_own", 3)):
        for file in foreign.flat(tmp_path / "plain" / tracker, data, lag=lag).iterdir():
            (tmp_path / "mixed").mkdir(exist_ok=True)
            (tmp_path / "mixed" / f"{file.stem}_{tracker}.txt").write_bytes(file.read_bytes())
    found = runs(tmp_path / "mixed", data)
    assert set(found) == {"ECO", "my_own"}
    holds(found["ECO"], data, lag=1)
    holds(found["my_own"], data, lag=3)
    foreign.flat(tmp_path / "KCF", data, prefix="otb_")
    holds(runs(tmp_path / "KCF", data)["KCF"], data)


def test_pytracking_runs_are_repetitions(tmp_path: Path) -> None:
    data = foreign.zoo(prefix="uav_")
    for number in range(3):
        home = foreign.flat(
            tmp_path / f"tracking_results/dimp/dimp50_{number:03d}", data, "\t", prefix="uav_", lag=number
        )
        for name in data.names:
            foreign.table(home / f"uav_{name}_time.txt", np.full(len(data[name].boxes), 0.02), form="%f")
            foreign.table(home / f"uav_{name}_object_presence_scores.txt", np.ones(len(data[name].boxes)), form="%f")
    found = runs(tmp_path / "tracking_results", data)
    assert list(found) == ["dimp-dimp50"]
    run = found["dimp-dimp50"]
    assert run.repeats == (0, 1, 2)
    assert run.layout == "pytracking"
    assert np.array_equal(run.boxes("Bird1", 2), foreign.tracked(data["Bird1"].boxes, 2))
    assert (run.seconds("Bird1", 1) == 0.02).all()
    assert (run.scores("Bird1", 1) == 1).all()
    board = evaluate_folder(tmp_path / "tracking_results", data, Rules()).boards[0]
    assert board.entries[0].repeats == 3
    assert board.entries[0].speed is None, "nobody knows on what machine these times were taken"


def test_stark_skips_what_is_no_result(tmp_path: Path) -> None:
    data = foreign.zoo()
    home = foreign.flat(tmp_path / "ostrack/vitb_256/got10k", data, "\t")
    for name in data.names:
        foreign.table(home / f"{name}_all_boxes.txt", np.ones((3, 4)))
        foreign.table(home / f"{name}_all_scores.txt", np.ones(3))
    run = next(iter(runs(tmp_path, data).values()))
    holds(run, data)
    assert run.layout == "stark"
    assert run.notes == []


def test_mixed_folder_leaves_other_data_sets_alone(tmp_path: Path) -> None:
    data = foreign.zoo(prefix="uav_")
    home = foreign.flat(tmp_path / "r", data, "\t", prefix="uav_")
    foreign.table(home / "bird1.txt", np.ones((5, 4)))  # somebody else's, spelled nearly alike
    foreign.table(home / "zebra-7.txt", np.ones((5, 4)))
    run = runs(home, data)["r"]
    holds(run, data)
    assert any("two files for 'Bird1': uav_Bird1.txt was read" in note for note in run.notes)
    assert any("zebra-7.txt" in note for note in run.notes)


def test_got10k_repetitions_and_times(tmp_path: Path) -> None:
    data = foreign.zoo()
    for name in data.names:
        boxes, home = data[name].boxes, tmp_path / "GOT-10k/SiamFC" / name
        for number in (1, 2):
            foreign.table(home / f"{name}_{number:03d}.txt", foreign.tracked(boxes, number), form="%.3f")
        foreign.table(home / f"{name}_time.txt", np.tile([0.1, 0.2], (len(boxes), 1)), form="%.8f")
    run = next(iter(runs(tmp_path / "GOT-10k", data).values()))
    assert run.tracker == "SiamFC"
    assert run.layout == "got10k"
    assert run.repeats == (0, 1)
    assert (run.seconds("Bird1", 1) == 0.2).all()
    assert run.boxes("Bird1", 1)[1, 0] == data["Bird1"].boxes[1, 0] + 2


def test_got10k_other_sets(tmp_path: Path) -> None:
    data = foreign.zoo()
    home = foreign.flat(tmp_path / "OTB/SiamFC", data, ",", "%.3f")
    for name in data.names:
        foreign.table(home / "times" / f"{name}_time.txt", np.full(len(data[name].boxes), 0.5))
    run = runs(tmp_path / "OTB", data)["SiamFC"]
    assert run.layout == "got10k"
    assert (run.seconds("Bird1") == 0.5).all()


def test_several_trackers_and_the_matlab_suffix(tmp_path: Path) -> None:
    data = foreign.zoo()
    foreign.flat(tmp_path / "A_tracking_result", data)
    foreign.flat(tmp_path / "B_tracking_result", data, lag=9)
    board = evaluate_folder(tmp_path, data, Rules()).boards[0]
    assert [entry.tracker for entry in board.entries] == ["A", "B"]
    assert board.entries[0].scores.metrics["auc"] > board.entries[1].scores.metrics["auc"]
    chosen = evaluate_folder(tmp_path, data, Rules(), trackers=["B"]).boards[0]
    assert [entry.tracker for entry in chosen.entries] == ["B"]
    with pytest.raises(UnknownName, match="'C'"):
        evaluate_folder(tmp_path, data, Rules(), trackers=["C"])


def test_otb_mat(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    data = foreign.zoo()
    for name in data.names:
        boxes = foreign.tracked(data[name].boxes)
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = {"res": boxes, "type": "rect", "len": len(boxes), "annoBegin": 1}
        # OTB's toolbox writes the first letter small.
        scipy_io.savemat(str(tmp_path / f"{name[0].lower()}{name[1:]}_KCF.mat"), {"results": cell})
    run = runs(tmp_path, data)["KCF"]
    holds(run, data)
    assert run.layout == "mat"


def test_mat_files_of_several_trackers_side_by_side(tmp_path: Path) -> None:
    pytest.importorskip("scipy.io")
    data = foreign.zoo()
    for tracker, lag in (("KCF", 2.0), ("Struck", 9.0)):
        for name in data.names:
            write_mat(tmp_path / f"{name}_{tracker}.mat", foreign.tracked(data[name].boxes, lag))
    board = evaluate_folder(tmp_path, data, Rules()).boards[0]
    assert [entry.tracker for entry in board.entries] == ["KCF", "Struck"]
    values = [entry.scores.metrics["auc"] for entry in board.entries]
    assert values[0] > values[1]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"other": np.ones(3)}, "variables other"),
        ({"results": {"res": np.ones((4, 6)), "type": "affine", "len": 4}}, "type 'affine'"),
        ({"results": {"res": np.ones((4, 6)), "type": "rect", "len": 4}}, r"shape \(4, 6\)"),
        ({"results": {"res": np.ones((4, 4)), "type": "rect", "len": 5}}, "len = 5"),
        ({"results": {"type": "rect", "len": 5}}, "without 'res'"),
    ],
)
def test_mat_files_of_something_else(tmp_path: Path, content: dict[str, object], found: str) -> None:
    pytest.importorskip("scipy.io").savemat(str(tmp_path / "a.mat"), content)
    with pytest.raises(ResultsError, match=found):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"no matlab", "no .mat file that can be read"),
        (b"", "no .mat file that can be read"),
        (
            b"MATLAB 7.3 MAT-file, HDF5 schema 1.00".ljust(124) + b"\x00\x02IM",
            "version 7.3, expected version 5; save it",
        ),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"\x0f\x00\x00\x00\xff", "no .mat file that can be read"),
    ],
)
def test_damaged_mat(tmp_path: Path, content: bytes, found: str) -> None:
    pytest.importorskip("scipy.io")
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ResultsError, match=rf"a\.mat: found .*{found}") as caught:
        read_mat(tmp_path / "a.mat")
    assert len(str(caught.value).splitlines()) == 1


def test_mat_without_scipy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    monkeypatch.setitem(__import__("sys").modules, "scipy.io", None)
    (tmp_path / "a.mat").write_bytes(b"")
    with pytest.raises(TrackzooError, match=r"trackzoo\[mat\]"):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("own", "written"),
    [
        ("Bird1", "bird1"),
        ("Jogging_1", "jogging-1"),
        ("Jogging_1", "Jogging.1"),
        ("airplane-1", "Airplane_1"),
        ("uav1_1", "UAV1-1"),
    ],
)
def test_spellings(tmp_path: Path, own: str, written: str) -> None:
    data = foreign.zoo()
    foreign.flat(tmp_path / "r", data)
    (tmp_path / f"r/{own}.txt").rename(tmp_path / f"r/{written}.txt")
    run = runs(tmp_path / "r", data)["r"]
    holds(run, data)
    assert run.notes == [f"1 name is spelled otherwise: read '{written}' as '{own}'"]


def test_a_misspelled_name_is_known_by_its_length_and_first_box(tmp_path: Path) -> None:
    data = foreign.zoo()
    foreign.flat(tmp_path / "r", data)
    (tmp_path / "r/airplane-1.txt").rename(tmp_path / "r/airplan-1.txt")
    run = runs(tmp_path / "r", data)["r"]
    holds(run, data)
    assert "'airplan-1' as 'airplane-1'" in run.notes[0]
    # Without that evidence it is a stranger, and its sequence is missing.
    foreign.table(tmp_path / "r/airplan-1.txt", np.ones((4, 4)))
    with pytest.raises(ResultsError, match=r"3 of 4 sequences.*missing airplane-1 \(there is 'airplan-1'"):
        runs(tmp_path / "r", data)


def test_nothing_of_the_data_set(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"nothing named like a sequence of otb-zoo") as caught:
        runs(tmp_path, foreign.zoo())
    assert str(caught.value).startswith(f"{tmp_path}: ")
    foreign.table(tmp_path / "basketball-1.txt", np.ones((3, 4)))
    with pytest.raises(ResultsError, match=r"but basketball-1\.txt"):
        runs(tmp_path, foreign.zoo())


def test_results_on_another_set_beside_are_left_alone(tmp_path: Path) -> None:
    data = foreign.zoo()
    foreign.flat(tmp_path / "ours/A", data)
    for index in range(9):
        foreign.table(tmp_path / f"theirs/A/car{index}.txt", np.ones((3, 4)))
    foreign.table(tmp_path / "theirs/A/BIRD1.txt", np.ones((3, 4)))
    comparison = evaluate_folder(tmp_path, data, Rules())
    assert [entry.tracker for entry in comparison.boards[0].entries] == ["ours-A"]
    assert any("theirs/A" in note and "left alone" in note for note in comparison.notes)


def test_archives_name_their_tracker(tmp_path: Path) -> None:
    import tarfile

    data = foreign.zoo()
    foreign.flat(tmp_path / "made/ATOM", data)
    with tarfile.open(tmp_path / "ATOM.tar.xz", "w:xz") as file:
        file.add(tmp_path / "made/ATOM", "ATOM")
    board = evaluate_folder(tmp_path / "ATOM.tar.xz", data, Rules()).boards[0]
    assert [entry.tracker for entry in board.entries] == ["ATOM"]
    (tmp_path / "made/ATOM/Bird1.txt").write_text("1,2,3,4\n1,2\n")
    with tarfile.open(tmp_path / "ATOM.tar.xz", "w:xz") as file:
        file.add(tmp_path / "made/ATOM", "ATOM")
    with pytest.raises(ResultsError) as caught:
        evaluate_folder(tmp_path / "ATOM.tar.xz", data, Rules())
    assert str(caught.value).startswith(str(tmp_path / "ATOM.tar.xz/ATOM/Bird1.txt:2")), caught.value


def test_results_folders_of_our_own(tmp_path: Path) -> None:
    import stored_runs

    from trackzoo.registry import open_dataset
    from trackzoo.report.collect import collect

    stored_runs.store(tmp_path / "runs", "dcf", lambda boxes: boxes + np.array([1.5, 0, 0, 0]), repeats=2)
    stored_runs.store(tmp_path / "runs", "dcf", dataset="synth:sequences=2,length=9,width=128,height=96")
    data = open_dataset(stored_runs.DATASET)
    board = evaluate_folder(tmp_path / "runs", data, Rules()).boards[0]
    stored = collect(tmp_path / "runs", datasets=[data]).boards[0]
    assert [entry.tracker for entry in board.entries] == ["dcf"]
    assert board.entries[0].repeats == 2
    assert board.entries[0].scores.metrics == stored.entries[0].scores.metrics


def test_an_export_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    import stored_runs

    from trackzoo.exporting.layouts import export
    from trackzoo.registry import open_dataset
    from trackzoo.store.read import stored_run

    stored_runs.store(tmp_path / "runs", "dcf")
    data = open_dataset(stored_runs.DATASET)
    run = stored_run(tmp_path / "runs/dcf" / data.id, "ope")
    assert run is not None
    with pytest.raises(TrackzooError, match="'--format pytracking' writes those"):
        export(run, data, "vot", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_from_python(tmp_path: Path) -> None:
    import trackzoo

    data = foreign.zoo()
    foreign.flat(tmp_path / "r/A", data)
    scores = trackzoo.evaluate(tmp_path / "r", dataset=data)
    assert scores.profile == "pytracking"
    assert scores.metrics == evaluate_folder(tmp_path / "r", data, Rules()).boards[0].entries[0].scores.metrics
    foreign.table(tmp_path / "r/A/Bird1.txt", foreign.tracked(data["Bird1"].boxes)[:-1])
    assert any("padded" in note for note in trackzoo.evaluate(tmp_path / "r", dataset=data, lenient=True).notes)
    foreign.flat(tmp_path / "r/B", data)
    with pytest.raises(TrackzooError, match="name its own folder"):
        trackzoo.evaluate(tmp_path / "r", dataset=data, lenient=True)

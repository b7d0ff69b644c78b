"""Import into the store, export into other layouts, and back."""

from __future__ import annotations

from pathlib import Path

import foreign
import numpy as np
import pytest
import stored_runs
from hypothesis import given, settings, strategies as st

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.exporting.layouts import FORMATS, export
from trackzoo.importing.keep import import_folder
from trackzoo.importing.run import Reading
from trackzoo.importing.score import evaluate_folder
from trackzoo.registry import open_dataset
from trackzoo.report.collect import Rules, collect
from trackzoo.store.read import StoredRun, stored_run


def imported(folder: Path, results: Path, data: foreign.Zoo, **options: object) -> StoredRun:
    done = import_folder(folder, data, results, **options)  # type: ignore[arg-type]
    run = stored_run(done[0].folder.parent, "ope")
    assert run is not None
    return run


def test_import_keeps_boxes_and_says_where_they_are_from(tmp_path: Path) -> None:
    data = foreign.zoo()
    folder = foreign.flat(tmp_path / "ATOM", data, "\t", "%.17g", lag=1 / 3)
    foreign.table(folder / "Bird1_time.txt", np.full(12, 0.04))
    run = imported(folder, tmp_path / "runs", data)
    assert run.tracker == "ATOM"
    assert run.complete
    assert run.fingerprint == "f" * 64
    for name in data.names:
        assert np.array_equal(run.boxes(name), foreign.tracked(data[name].boxes, 1 / 3))
    facts = run.identity["imported"]
    assert facts["source"] == str(folder)
    assert facts["layout"] == "pytracking"
    assert facts["notes"] == []
    assert "unknown" in run.identity["identity"]["weights"]
    assert (run.seconds("Bird1") == 0.04).all()
    assert np.isnan(run.seconds("airplane-1")).all()
    comparison = collect(tmp_path / "runs", datasets=[data])
    same = evaluate_folder(folder, data, Rules())
    stored, lying = comparison.boards[0].entries[0], same.boards[0].entries[0]
    assert stored.scores.metrics == lying.scores.metrics
    assert stored.speed is None, "an import claims no speed"


def test_import_twice_is_the_same_and_other_boxes_are_refused(tmp_path: Path) -> None:
    data = foreign.zoo()
    folder = foreign.flat(tmp_path / "ATOM", data)
    imported(folder, tmp_path / "runs", data)
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.txt")}
    imported(folder, tmp_path / "runs", data)
    assert before == {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.txt")}
    foreign.flat(folder, data, lag=5)
    with pytest.raises(ResultsError, match=r"other results of 'Bird1'.*--new"):
        imported(folder, tmp_path / "runs", data)
    run = imported(folder, tmp_path / "runs", data, new=True)
    assert run.boxes("Bird1")[1, 0] == data["Bird1"].boxes[1, 0] + 5


def test_partial_results_are_refused_unless_allowed(tmp_path: Path) -> None:
    data = foreign.zoo()
    folder = foreign.flat(tmp_path / "ATOM", data)
    (folder / "Bird1.txt").unlink()
    for lenient in (False, True):
        with pytest.raises(ResultsError, match=r"3 of 4 sequences.*missing Bird1.*--allow-incomplete"):
            import_folder(folder, data, tmp_path / "runs", reading=Reading(lenient=lenient))
    assert not (tmp_path / "runs").exists(), "nothing is written by an import that is refused"
    run = imported(folder, tmp_path / "runs", data, reading=Reading(allow_incomplete=True))
    assert run.missing() == ("Bird1",)
    with pytest.raises(ResultsError, match="3 of 4"):
        collect(tmp_path / "runs", datasets=[data])


def test_what_does_not_fit_is_kept_leniently_and_told(tmp_path: Path) -> None:
    data = foreign.zoo()
    folder = foreign.flat(tmp_path / "ATOM", data)
    foreign.table(folder / "Bird1.txt", foreign.tracked(data["Bird1"].boxes)[:-2])
    with pytest.raises(ResultsError, match="10 rows"):
        import_folder(folder, data, tmp_path / "runs")
    run = imported(folder, tmp_path / "runs", data, reading=Reading(lenient=True))
    assert len(run.boxes("Bird1")) == 10
    with pytest.raises(TrackzooError, match="10 rows"):
        collect(tmp_path / "runs", datasets=[data])
    board = collect(tmp_path / "runs", datasets=[data], rules=Rules(lenient=True)).boards[0]
    assert any("2 missing rows" in note for note in board.notes)


def test_origin_and_corners_are_recorded(tmp_path: Path) -> None:
    data = foreign.zoo(1)
    folder = foreign.flat(tmp_path / "ATOM", data)
    for name in data.names:
        foreign.table(folder / f"{name}.txt", foreign.tracked(data[name].boxes) - [1, 1, 0, 0])
    run = imported(folder, tmp_path / "runs", data, reading=Reading(origin=0))
    assert np.array_equal(run.boxes("Bird1"), foreign.tracked(data["Bird1"].boxes))
    assert run.identity["imported"]["origin"] == 0


@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"vot", "davis"}))
def test_export_is_read_back(tmp_path: Path, form: str) -> None:
    if form == "otb-mat":
        pytest.importorskip("scipy.io")
    stored_runs.store(tmp_path / "runs", "dcf", lambda boxes: boxes + np.array([1.125, -0.25, 0, 0]))
    data = open_dataset(stored_runs.DATASET)
    run = stored_run(tmp_path / "runs" / "dcf" / data.id, "ope")
    assert run is not None
    written = export(run, data, form, tmp_path / "out")
    assert all(path.is_file() for path in written)
    assert not list((tmp_path / "out").glob(".export*"))
    before = collect(tmp_path / "runs").boards[0].entries[0].scores.metrics
    entry = evaluate_folder(tmp_path / "out", data, Rules()).boards[0].entries[0]
    assert "dcf" in entry.tracker
    assert entry.scores.metrics == before


def test_each_toolkit_rounds_as_it_does(tmp_path: Path) -> None:
    stored_runs.store(tmp_path / "runs", "dcf", lambda boxes: boxes + np.array([1.987654321, -0.25, 0, 0]))
    data = open_dataset(stored_runs.DATASET)
    run = stored_run(tmp_path / "runs" / "dcf" / data.id, "ope")
    assert run is not None
    name = data.names[0]
    first = run.boxes(name)[0]
    export(run, data, "pytracking", tmp_path / "full")
    export(run, data, "pytracking", tmp_path / "whole", as_released=True)
    export(run, data, "got10k", tmp_path / "got10k")
    line = {
        key: next((tmp_path / key).rglob(f"{name}.txt")).read_text().split("\n")[0]
        for key in ("full", "whole", "got10k")
    }
    assert [float(word) for word in line["full"].split("\t")] == first.tolist()
    assert line["whole"] == "\t".join(str(int(value)) for value in first)
    assert line["got10k"] == ",".join(f"{value:.3f}" for value in first)
    times = next((tmp_path / "full").rglob(f"{name}_time.txt")).read_text().split("\n")
    assert times[0] == "0.010000"


def test_repetitions_go_where_there_is_a_place_for_them(tmp_path: Path) -> None:
    stored_runs.store(tmp_path / "runs", "dcf", repeats=2)
    data = open_dataset(stored_runs.DATASET)
    run = stored_run(tmp_path / "runs" / "dcf" / data.id, "ope")
    assert run is not None
    export(run, data, "pytracking", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/dcf").iterdir()) == ["default_000", "default_001"]
    with pytest.raises(TrackzooError, match="2 repetitions"):
        export(run, data, "pysot", tmp_path / "out2")
    assert not (tmp_path / "out2").exists()
    for form in ("vot", "davis"):
        with pytest.raises(TrackzooError, match="--format pytracking"):
            export(run, data, form, tmp_path / "out2")
    with pytest.raises(UnknownName, match="pysot"):
        export(run, data, "psot", tmp_path / "out2")


def test_export_of_a_partial_run(tmp_path: Path) -> None:
    stored_runs.store(tmp_path / "runs", "dcf", names=open_dataset(stored_runs.DATASET).names[:2])
    data = open_dataset(stored_runs.DATASET)
    run = stored_run(tmp_path / "runs" / "dcf" / data.id, "ope")
    assert run is not None
    with pytest.raises(ResultsError, match="2 of 3"):
        export(run, data, "pysot", tmp_path / "out")
    assert len(export(run, data, "pysot", tmp_path / "out", allow_incomplete=True)) == 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6, allow_nan=False)] * 4), min_size=1, max_size=5))
def test_full_precision_survives_text(rows: list[tuple[float, ...]]) -> None:
    from trackzoo.exporting.numbers import full, lines

    values = np.array(rows, dtype=np.float64)
    text = lines(values, "\t", full)
    assert np.array_equal([[float(word) for word in line.split("\t")] for line in text.splitlines()], values)


def test_repetitions_are_imported(tmp_path: Path) -> None:
    data = foreign.zoo()
    for number in range(3):
        foreign.flat(tmp_path / f"r/dimp50_{number:03d}", data, "\t", lag=number)
    run = imported(tmp_path / "r", tmp_path / "runs", data)
    assert run.tracker == "dimp50"
    assert run.repeats == (0, 1, 2)
    assert np.array_equal(run.boxes("Bird1", 2), foreign.tracked(data["Bird1"].boxes, 2))
    assert run.record("Bird1", 1)["imported"] == "../dimp50_001/Bird1.txt"
    (tmp_path / "r/dimp50_002/Bird1.txt").write_text("1,2\n")
    with pytest.raises(ResultsError, match=r"r/dimp50_002/Bird1\.txt:1"):
        evaluate_folder(tmp_path / "r", data, Rules())

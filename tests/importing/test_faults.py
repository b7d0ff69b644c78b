"""What real result files get wrong: refused in one line, or done as the toolkit does it with a note; never silently."""

from __future__ import annotations

from pathlib import Path

import foreign
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.errors import ResultsError, TrackzooError
from trackzoo.importing import fit
from trackzoo.importing.run import Reading
from trackzoo.importing.score import evaluate_folder
from trackzoo.report.collect import Rules
from trackzoo.report.model import Comparison


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return foreign.flat(tmp_path / "ATOM", foreign.zoo(1))


def score(folder: Path, reading: Reading | None = None, origin: int = 1, **rules: object) -> Comparison:
    return evaluate_folder(folder, foreign.zoo(origin), Rules(**rules), reading=reading)  # type: ignore[arg-type]


def change(path: Path, edit: object) -> None:
    rows = np.loadtxt(path, delimiter=",")
    foreign.table(path, edit(rows))  # type: ignore[operator]


def auc(comparison: Comparison) -> float:
    return comparison.boards[0].entries[0].scores.metrics["auc"]


def test_whole_results_have_no_notes(folder: Path) -> None:
    made = score(folder, Reading())
    assert made.notes == ()
    assert made.boards[0].notes == ()


def test_a_first_line_in_corners(folder: Path) -> None:
    before = auc(score(folder))
    for inclusive in (0, 1):
        for name in ("Bird1", "airplane-1"):
            head = fit.corners(foreign.zoo()[name].boxes[:1], inclusive)
            change(folder / f"{name}.txt", lambda rows, head=head: np.vstack([head, rows[1:]]))
        made = score(folder)
        assert auc(made) == before, "pytracking puts the annotation in place of the first row"
        note = next(note for note in made.notes if "corners" in note)
        assert note.startswith("ATOM: the first rows of 2 of 4 files")
        assert "Bird1, airplane-1" in note


def test_a_file_in_corners_throughout(folder: Path) -> None:
    before = auc(score(folder))
    change(folder / "Bird1.txt", lambda rows: fit.corners(rows))
    with pytest.raises(ResultsError, match=r"Bird1\.txt: found rows that fit the annotation as corners.*--corners"):
        score(folder)
    for name in foreign.NAMES[1:]:
        change(folder / f"{name}.txt", lambda rows: fit.corners(rows))
    assert auc(score(folder, Reading(corners=True))) == pytest.approx(before)


def test_half_a_pixel(folder: Path) -> None:
    before = auc(score(folder, profiles=("strict",)))
    for name in foreign.NAMES:
        change(folder / f"{name}.txt", lambda rows: rows - [0.5, 0.5, 0, 0])
    made = score(folder, profiles=("strict",))
    assert auc(made) != before, "boxes are taken as they stand"
    assert any("half a pixel (-0.5, -0.5)" in note and "4 of 4" in note for note in made.notes)


def test_pixels_from_another_origin(folder: Path) -> None:
    before = auc(score(folder))
    for name in foreign.NAMES:
        change(folder / f"{name}.txt", lambda rows: rows - [1, 1, 0, 0])
    made = score(folder)
    assert any("count pixels from 0, the annotation counts from 1" in note for note in made.notes)
    assert auc(score(folder, Reading(origin=0))) == pytest.approx(before)
    assert auc(score(folder, Reading(origin=1))) == auc(made)


def test_boxes_cut_to_integers_are_no_fault(folder: Path) -> None:
    for name in foreign.NAMES:
        change(folder / f"{name}.txt", np.trunc)
    assert not any("first rows" in note for note in score(folder).notes)


def test_a_line_missing(folder: Path) -> None:
    change(folder / "Bird1.txt", lambda rows: rows[:-1])
    with pytest.raises(ResultsError) as caught:
        score(folder)
    line = str(caught.value)
    assert line.startswith(f"{folder}/Bird1.txt:11")
    assert "11 rows (1 row too few), expected 12" in line
    assert "--lenient" in line
    made = score(folder, lenient=True)
    assert any("Bird1: 1 missing rows were padded with zeros" in note for note in made.boards[0].notes)
    assert made.boards[0].entries[0].sequences == 4


def test_rows_too_many(folder: Path) -> None:
    before = auc(score(folder))
    change(folder / "Bird1.txt", lambda rows: np.vstack([rows, rows[-2:]]))
    with pytest.raises(ResultsError, match=r"Bird1\.txt:13: found 14 rows \(2 rows too many\)"):
        score(folder)
    made = score(folder, lenient=True)
    assert auc(made) == before
    assert any("2 rows beyond" in note for note in made.boards[0].notes)


def test_what_the_toolkit_refuses_stays_refused(folder: Path) -> None:
    change(folder / "Bird1.txt", lambda rows: np.where(np.arange(12)[:, None] == 4, np.nan, rows))
    for lenient in (False, True):
        with pytest.raises(TrackzooError) as caught:
            score(folder, lenient=lenient)
        assert str(caught.value).startswith(f"{folder}/Bird1.txt:5: found nan"), caught.value
    # strict, leniently: such rows are misses, with a note.
    made = score(folder, lenient=True, profiles=("strict",))
    assert any("Bird1: 1 boxes that are not finite" in note for note in made.boards[0].notes)


@pytest.mark.parametrize(("row", "text"), [([1, 2, np.inf, 4], "inf"), ([1, 2, -3, 4], "-3")])
def test_infinite_and_negative_boxes(folder: Path, row: list[float], text: str) -> None:
    change(folder / "Jogging_1.txt", lambda rows: np.vstack([rows[:6], [row], rows[7:]]))
    with pytest.raises(TrackzooError, match=rf"Jogging_1\.txt:7: found .*{text}"):
        score(folder)


def test_zero_size_is_mended_as_the_toolkit_does_and_told(folder: Path) -> None:
    change(folder / "Bird1.txt", lambda rows: rows * np.where(np.arange(12)[:, None] == 4, [1, 1, 0, 1], 1))
    assert any("Bird1: 1 boxes of zero size" in note for note in score(folder).boards[0].notes)


def test_missing_sequences(folder: Path) -> None:
    (folder / "Bird1.txt").unlink()
    with pytest.raises(
        ResultsError, match=r"3 of 4 sequences of otb-zoo, missing Bird1, expected all.*--allow-incomplete"
    ):
        score(folder)
    made = score(folder, allow_incomplete=True)
    entry = made.boards[0].entries[0]
    assert entry.missing == ("Bird1",)
    assert entry.sequences == 3
    assert any("1 of 4 sequences are missing: Bird1" in note for note in made.notes)
    # pytracking refuses, strict takes rows that never hit.
    with pytest.raises(TrackzooError, match="Bird1"):
        score(folder, lenient=True)
    lenient = score(folder, lenient=True, profiles=("strict",)).boards[0]
    assert lenient.entries[0].sequences == 4
    assert any("no results" in note for note in lenient.notes)


def test_empty_and_headed_files(folder: Path) -> None:
    text = (folder / "Bird1.txt").read_text()
    before = auc(score(folder))
    (folder / "Bird1.txt").write_text("x,y,w,h\n" + text)
    with pytest.raises(ResultsError, match=r"Bird1\.txt:1: found a heading"):
        score(folder)
    made = score(folder, lenient=True)
    assert auc(made) == before
    assert any("heading" in note for note in made.notes)
    (folder / "Bird1.txt").write_text("")
    with pytest.raises(ResultsError, match=r"Bird1\.txt: found an empty file"):
        score(folder)


def test_another_data_set_with_the_same_names(folder: Path) -> None:
    for name in foreign.NAMES:
        change(folder / f"{name}.txt", lambda rows: rows / 1000)
    with pytest.raises(ResultsError, match="do not touch the annotation's first box in 4 of 4 sequences"):
        score(folder)
    assert any("do not touch" in note for note in score(folder, lenient=True).notes)


box = st.tuples(*[st.floats(5, 500)] * 2, *[st.floats(10, 200)] * 2).map(lambda values: np.round(np.array(values), 2))


@settings(max_examples=80, deadline=None)
@given(box=box, shift=st.sampled_from([(0.5, 0.5), (-0.5, -0.5), (1.0, 1.0), (-1.0, -1.0), (0.0, 0.0)]))
def test_moved_first_rows_are_told_from_each_other(box: np.ndarray, shift: tuple[float, float]) -> None:
    word, found = fit.first_row(box + np.array([*shift, 0, 0]), box)
    assert word == {0.0: "equal", 0.5: "half", 1.0: "one"}[abs(shift[0])]
    assert tuple(found) == shift


@settings(max_examples=80, deadline=None)
@given(box=box)
def test_corners_are_the_inverse(box: np.ndarray) -> None:
    assert np.allclose(fit.from_corners(fit.corners(box)), box)
    assert fit.first_row(fit.corners(box), box)[0] in ("corners", "equal", "rounded")

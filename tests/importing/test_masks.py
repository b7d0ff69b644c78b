"""Folders of label maps, scored as they lie, packed for DAVIS' server."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import vosmini
from vosmini import write_labels

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.exporting.servers import SERVERS
from trackzoo.exporting.submit import build_masks
from trackzoo.importing.score import candidates, evaluate_folder
from trackzoo.report.collect import Rules
from trackzoo.report.report import Report
from trackzoo.sequence import Dataset

FRAMES = 6


def labels(shift: int = 0) -> np.ndarray:
    drawn = np.zeros((40, 60), np.uint8)
    drawn[5:20, 5 + shift : 25 + shift] = 1
    drawn[25:35, 30:45] = 2
    return drawn


@pytest.fixture
def davis(tmp_path: Path) -> Dataset:
    return vosmini.davis(tmp_path / "DAVIS", ["bear", "dog"], FRAMES, lambda name, index: labels(index))


def predict(folder: Path, off: int = 0) -> Path:
    for name in ("bear", "dog"):
        for index in range(FRAMES):
            write_labels(folder / name / f"{index:05d}.png", labels(index + (off if index else 0)))
    return folder


def test_scores(tmp_path: Path, davis: Dataset) -> None:
    predict(tmp_path / "results/perfect")
    predict(tmp_path / "results/late", 2)
    report = Report(evaluate_folder(tmp_path / "results", davis, Rules()))
    board = report.boards[0]
    assert board.profile == "davis"
    assert [entry.tracker for entry in board.entries] == ["perfect", "late"]
    perfect, late = (entry.scores for entry in board.entries)
    assert perfect.names == ("bear_1", "bear_2", "dog_1", "dog_2")
    assert perfect.metrics["jf"] == perfect.metrics["j"] == perfect.metrics["f"] == 100
    moved = 18 / 22  # two columns of twenty
    assert late.per_sequence["j"].tolist() == pytest.approx([100 * moved, 100, 100 * moved, 100])
    assert "J&F" in str(report)
    assert any(path.name == "table.tex" for path in report.write(tmp_path / "out"))
    other = evaluate_folder(tmp_path / "results", davis, Rules(("vos-benchmark",))).boards[0]
    assert other.entries[0].scores.metrics["jf"] == 100
    with pytest.raises(UnknownName, match="pytracking-vos"):
        evaluate_folder(tmp_path / "results", davis, Rules(("pytracking",)))


def test_faults(tmp_path: Path, davis: Dataset) -> None:
    folder = predict(tmp_path / "mine")
    write_labels(folder / "dog/00003.png", np.zeros((40, 61), np.uint8))
    with pytest.raises(ResultsError, match=r"mine/dog/00003\.png: found a mask of 61x40.*expected 60x40"):
        evaluate_folder(folder, davis, Rules())
    write_labels(folder / "dog/00003.png", labels() + 3)
    with pytest.raises(ResultsError, match=r"mine/dog/00003\.png: found labels 3, 4, 5"):
        evaluate_folder(folder, davis, Rules())
    (folder / "dog/00003.png").write_bytes(b"no picture")
    with pytest.raises(ResultsError, match=r"mine/dog/00003\.png: found data that cannot be decoded"):
        evaluate_folder(folder, davis, Rules())
    (folder / "dog/00003.png").unlink()
    with pytest.raises(ResultsError, match=r"mine/dog/00003\.png: found no such file"):
        evaluate_folder(folder, davis, Rules())
    for path in (folder / "dog").iterdir():
        path.unlink()
    with pytest.raises(ResultsError, match=r"1 of 2 sequences.*missing dog.*--allow-incomplete"):
        evaluate_folder(folder, davis, Rules())
    entry = evaluate_folder(folder, davis, Rules(allow_incomplete=True)).boards[0].entries[0]
    assert entry.missing == ("dog",)
    assert entry.scores.names == ("bear_1", "bear_2")


def test_package(tmp_path: Path, davis: Dataset) -> None:
    folder = predict(tmp_path / "mine")
    with candidates(folder, davis) as (_, search):
        verdict = build_masks(SERVERS["davis"], search.candidates[0], davis, tmp_path / "a.zip")
        assert verdict.faults == ()
        assert verdict.files == 2 * FRAMES
        (folder / "dog/00004.png").unlink()
        with pytest.raises(TrackzooError, match=r"dog: missing 1 of 6 frames, first 00004\.png"):
            build_masks(SERVERS["davis"], search.candidates[0], davis, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert "bear/00000.png" in file.namelist()

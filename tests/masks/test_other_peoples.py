"""Label maps of other people: into the results folder and out again as they were, packed for servers, refused where odd."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import huer
import numpy as np
import pytest
import vosmini
from PIL import Image
from vosmini import listener, write_labels, youtube

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.errors import DataError, ResultsError, TrackzooError
from trackzoo.exporting.layouts import export
from trackzoo.exporting.servers import SERVERS
from trackzoo.exporting.submit import build_masks
from trackzoo.importing.keep import import_folder
from trackzoo.importing.run import Reading
from trackzoo.importing.score import evaluate_folder
from trackzoo.protocols import protocol
from trackzoo.registry import open_dataset
from trackzoo.report.collect import Rules
from trackzoo.sequence import Dataset
from trackzoo.store.read import StoredRun, find_runs

FRAMES = 6
STARTS = {"bear": {1: 0, 2: 0}, "dog": {1: 0}}


@pytest.fixture
def davis(tmp_path: Path) -> Dataset:
    return vosmini.davis(
        tmp_path / "DAVIS", list(STARTS), FRAMES, lambda name, index: vosmini.squares(STARTS[name], index)
    )


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """A tracker that is two frames behind, but for the first frame."""
    folder = tmp_path / "theirs"
    for name, starts in STARTS.items():
        for index in range(FRAMES):
            write_labels(folder / name / f"{index:05d}.png", vosmini.squares(starts, max(index - 2, 0)))
    return folder


def only(folder: Path) -> StoredRun:
    [result] = find_runs(folder)
    return result


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def test_in_and_out_again_byte_by_byte(tmp_path: Path, davis: Dataset, maps: Path) -> None:
    [done] = import_folder(maps, davis, tmp_path / "runs")
    assert str(done).startswith("theirs: 2 of 2 sequences (masks) taken into")
    result = only(tmp_path / "runs")
    assert (result.protocol, result.complete, result.tracker) == ("vos", True, "theirs")
    assert result.boxes("bear", 0, 2)[4].tolist() == [3 + 4 + 8, 16, 12, 11]
    scored = evaluate_folder(maps, davis, Rules()).boards[0].entries[0].scores
    stored = trackzoo.compare("theirs", results=tmp_path / "runs", datasets=[davis]).boards[0].entries[0]
    assert stored.scores.metrics == scored.metrics
    assert stored.speed is None
    export(result, davis, "davis", tmp_path / "out")
    assert tree(tmp_path / "out" / "theirs") == tree(maps)
    assert tree(maps) == tree(result.path)
    # Again: nothing changes; other results of the same name are refused.
    import_folder(maps, davis, tmp_path / "runs")
    write_labels(maps / "dog/00003.png", vosmini.squares(STARTS["dog"], 0))
    with pytest.raises(ResultsError, match="found other results of 'dog' than these"):
        import_folder(maps, davis, tmp_path / "runs")
    import_folder(maps, davis, tmp_path / "runs", new=True)
    assert only(tmp_path / "runs").masks("dog").data(3) == (maps / "dog/00003.png").read_bytes()


def test_an_archive_and_a_results_folder_of_another_machine(tmp_path: Path, davis: Dataset, maps: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "named"), "zip", maps))
    [done] = import_folder(archive, davis, tmp_path / "runs")
    assert done.tracker == "named"
    run(listener(), davis, results=tmp_path / "there", repeats=2)
    [done] = import_folder(tmp_path / "there", davis, tmp_path / "runs")
    assert (done.tracker, done.repeats) == ("listener", 2)
    board = evaluate_folder(tmp_path / "there", davis, Rules()).boards[0]
    assert [(entry.tracker, entry.repeats) for entry in board.entries] == [("listener", 2)]


def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path: Path, davis: Dataset, maps: Path) -> None:
    def refuse(text: str, error: type[Exception] = ResultsError, **reading: bool) -> None:
        with pytest.raises(error, match=text):
            import_folder(maps, davis, tmp_path / "runs", reading=Reading(**reading))
        assert not (tmp_path / "runs").exists()

    good = (maps / "dog/00004.png").read_bytes()
    (maps / "dog/00004.png").unlink()
    refuse(r"theirs/dog/00004\.png: found no such file, expected a label map for each frame")
    refuse(r"theirs/dog/00004\.png: found no such file", lenient=True, allow_incomplete=True)
    (maps / "dog/00004.png").write_bytes(good[:40])
    refuse(r"dog/00004\.png: found data that cannot be decoded")
    write_labels(maps / "dog/00004.png", np.zeros((48, 63), np.uint8))
    refuse(r"dog/00004\.png: found a mask of 63x48, expected 64x48 pixels, as annotated")
    write_labels(maps / "dog/00004.png", vosmini.squares(STARTS["dog"], 4) * 5)
    refuse(r"dog/00004\.png: found label 5, expected labels of objects only \(1\); --lenient keeps the file")
    shutil.rmtree(maps / "bear")
    refuse(r"1 of 2 sequences of davis2017-val, missing bear")
    [done] = import_folder(maps, davis, tmp_path / "runs", reading=Reading(lenient=True, allow_incomplete=True))
    assert any("missing: bear" in note for note in done.notes)
    with pytest.raises(ResultsError, match="missing bear"):
        trackzoo.compare(results=tmp_path / "runs", datasets=[davis])
    with pytest.raises(TrackzooError, match=r"found label 5.*the toolkit stops at them too"):
        trackzoo.compare(results=tmp_path / "runs", datasets=[davis], allow_incomplete=True, lenient=True)
    report = trackzoo.compare(
        results=tmp_path / "runs", datasets=[davis], allow_incomplete=True, lenient=True, profiles=["vos-benchmark"]
    )
    assert "were ignored" in str(report)


def test_further_files_and_a_first_frame_that_is_missing(tmp_path: Path, davis: Dataset, maps: Path) -> None:
    (maps / "dog/00000.png").unlink()
    write_labels(maps / "dog/preview.png", np.zeros((9, 9), np.uint8))
    [done] = import_folder(maps, davis, tmp_path / "runs")
    assert "dog: 1 files of no frame left alone: preview.png" in done.notes
    assert only(tmp_path / "runs").masks("dog").frames == tuple(range(1, FRAMES))
    assert trackzoo.compare(results=tmp_path / "runs", datasets=[davis]).boards


def test_davis2016_takes_whatever_is_not_black(tmp_path: Path) -> None:
    root = tmp_path / "DAVIS2016"
    for index in range(FRAMES):
        labels = vosmini.squares({1: 0}, index)
        home = root / "Annotations/480p/blackswan"
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels * 255).save(home / f"{index:05d}.png")
        images = root / "JPEGImages/480p/blackswan"
        images.mkdir(parents=True, exist_ok=True)
        Image.fromarray(vosmini.picture({1: 0}, index)).save(images / f"{index:05d}.jpg", quality=100)
    data = open_dataset("davis2016", root)
    import_folder(root / "Annotations/480p", data, tmp_path / "runs", tracker="truth")
    assert not run(huer.choice(), data, results=tmp_path / "runs").failed
    board = trackzoo.compare(results=tmp_path / "runs", datasets=[data]).boards[0]
    scores = {entry.tracker: entry.scores.metrics["jf"] for entry in board.entries}
    assert scores["truth"] == 100
    assert scores["huer"] > 80


def test_beside_the_papers(tmp_path: Path, davis: Dataset) -> None:
    """RTS' own figures on DAVIS: from masks 80.2, 77.9, 82.6, from boxes 72.6, 69.4, 75.8 (its Table 8)."""
    for init, printed in (("mask", (80.2, 77.9, 82.6)), ("box", (72.6, 69.4, 75.8))):
        chosen = replace(huer.choice(), id="rts50")
        run(chosen, davis, protocol=protocol("vos", init=init), results=tmp_path / init)
        board = trackzoo.compare(results=tmp_path / init, datasets=[davis], published=True).boards[0]
        entry = board.entries[0]
        found = {each.figure.metric: each for each in entry.deviations}
        assert set(found) == {"jf", "j", "f"}
        for metric, value in zip(("jf", "j", "f"), printed, strict=True):
            assert found[metric].figure.value == value
            assert found[metric].value == pytest.approx(round(entry.scores.metrics[metric], 1) - value)
        assert {row.printed: row.figures["jf"].value for row in board.published}["STM"] == 81.8


# Packages.


def test_davis_package_out_of_the_results_folder(tmp_path: Path, davis: Dataset) -> None:
    outcome = run(huer.choice(), davis, results=tmp_path / "runs")
    verdict = build_masks(SERVERS["davis"], outcome.stored(), davis, tmp_path / "a.zip")
    assert (verdict.faults, verdict.files) == ((), 2 * FRAMES)
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert file.read("bear/00003.png") == outcome.stored().masks("bear").data(3)
        with Image.open(io.BytesIO(file.read("dog/00000.png"))) as image:
            assert image.mode == "P"
    (outcome.folder / "dog.json").unlink()
    with pytest.raises(ResultsError, match=r"1 of 2 sequences, missing dog.*or the server refuses the package"):
        build_masks(SERVERS["davis"], StoredRun({0: outcome.folder}), davis, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def test_masks_beside_boxes_can_be_packed_too(tmp_path: Path, davis: Dataset) -> None:
    outcome = run(huer.choice(), davis, protocol=protocol("ope", masks=True), results=tmp_path / "runs")
    verdict = build_masks(SERVERS["davis"], outcome.stored(), davis, tmp_path / "a.zip")
    assert verdict.faults == ()
    export(outcome.stored(), davis, "davis", tmp_path / "out")
    assert len(tree(tmp_path / "out")) == 2 * FRAMES
    boxes = run(huer.choice(), davis, protocol="ope", results=tmp_path / "boxes").stored()
    with pytest.raises(TrackzooError, match="found a run of protocol 'ope', expected one with a mask for each frame"):
        export(boxes, davis, "davis", tmp_path / "no")
    masks = run(huer.choice(), davis, results=tmp_path / "masks").stored()
    with pytest.raises(TrackzooError, match="found label maps, which format 'pytracking' has no place for"):
        export(masks, davis, "pytracking", tmp_path / "no")


def test_youtube_vos_package_with_late_objects(tmp_path: Path) -> None:
    root = tmp_path / "YouTube-VOS2019"
    youtube(root, "valid", {"v1": {1: ("cat", 0), 2: ("owl", 3)}, "v2": {2: ("owl", 1)}})
    data = open_dataset("youtube-vos2019", root)
    outcome = run(huer.choice(), data, results=tmp_path / "runs")
    assert not outcome.failed, outcome.failed
    verdict = build_masks(SERVERS["ytvos"], outcome.stored(), data, tmp_path / "a.zip")
    assert (verdict.faults, verdict.files) == ((), 6 + 5)
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        names = file.namelist()
        assert "Annotations/v1/00025.png" in names
        assert "Annotations/v2/00000.png" not in names  # no object is there yet
        labels = np.array(Image.open(io.BytesIO(file.read("Annotations/v1/00020.png"))))
        assert set(np.unique(labels)) == {0, 1, 2}
    # The same package back from a folder of somebody's.
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        file.extractall(tmp_path / "theirs")
    [done] = import_folder(tmp_path / "theirs", data, tmp_path / "again")
    assert done.tracker == "theirs"
    build_masks(SERVERS["ytvos"], only(tmp_path / "again"), data, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_all_frames_are_tracked_and_those_that_are_asked_for_packed(tmp_path: Path) -> None:
    """`valid_all_frames`: the server wants every fifth, which `meta.json` names."""
    root = tmp_path / "YouTube-VOS2019"
    objects = {1: ("cat", 0), 2: ("owl", 3)}
    youtube(root, "valid", {"v": objects})
    starts = {1: 0, 2: 3}
    images = root / "valid_all_frames/JPEGImages/v"
    images.mkdir(parents=True)
    for index in range(26):
        shown = {obj: begin for obj, begin in starts.items() if index >= 5 * begin}
        Image.fromarray(vosmini.picture(dict.fromkeys(shown, 0), index // 5)).save(
            images / f"{index:05d}.jpg", quality=100
        )
    meta = json.loads((root / "valid/meta.json").read_text())
    for obj, begin in starts.items():
        meta["videos"]["v"]["objects"][str(obj)]["frames"] = [f"{5 * index:05d}" for index in range(begin, 6)]
    (root / "valid/meta.json").write_text(json.dumps(meta))
    data = open_dataset("youtube-vos2019-valid-all", root)
    assert (data["v"].fps, len(data["v"].frames), data["v"].annotation.starts) == (30, 26, {1: 0, 2: 15})
    assert data.check() == []
    outcome = run(huer.choice(), data, results=tmp_path / "runs")
    assert not outcome.failed, outcome.failed
    assert len(outcome.stored().masks("v")) == 26
    verdict = build_masks(SERVERS["ytvos"], outcome.stored(), data, tmp_path / "a.zip")
    assert (verdict.faults, verdict.files) == ((), 6)
    # Somebody's maps of these frames alone are whole, too.
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        file.extractall(tmp_path / "theirs")
    import_folder(tmp_path / "theirs", data, tmp_path / "again")
    assert only(tmp_path / "again").masks("v").frames == (0, 5, 10, 15, 20, 25)


def test_a_package_with_a_fault_is_not_left_behind(tmp_path: Path, davis: Dataset, maps: Path) -> None:
    write_labels(maps / "dog/00002.png", vosmini.squares(STARTS["dog"], 2) * 9)
    import_folder(maps, davis, tmp_path / "runs", reading=Reading(lenient=True))
    with pytest.raises(DataError, match=r"its server would not take: dog/00002\.png: found label 9, expected 1"):
        build_masks(SERVERS["davis"], only(tmp_path / "runs"), davis, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_commands(
    cli: Callable[..., object], refused: Callable[..., str], tmp_path: Path, davis: Dataset, maps: Path
) -> None:
    helpers = str(Path(huer.__file__).parent)
    root = ("--data-root", str(davis.root))
    done = cli("run", "-t", "huer:Huer", "-d", "davis2017", *root, PYTHONPATH=helpers)
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
    assert (tmp_path / "runs/Huer/davis2017-val/vos/bear/00005.png").is_file()
    done = cli("import", maps, "-d", "davis2017", *root)
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
    done = cli("report", *root)
    assert "J&F" in done.stdout and "theirs" in done.stdout, done.stderr  # type: ignore[attr-defined]  # noqa: PT018
    done = cli("submit", "davis", "-t", "theirs", "-d", "davis2017-val", *root)
    assert "12 files, as DAVIS's server takes them" in done.stdout, done.stderr  # type: ignore[attr-defined]
    refused(cli("run", "-t", "static", "-d", "davis2017", *root), "gives boxes alone", "--protocol ope")
    refused(cli("run", "-t", "static", "-d", "davis2017", "--masks", "--protocol", "ope", *root), "no masks to keep")

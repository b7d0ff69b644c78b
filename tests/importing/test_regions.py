"""VOT's trajectories as other toolkits leave them: with restarts, from anchors, unsupervised."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackzoo.errors import DataError, ResultsError, TrackzooError
from trackzoo.exporting.layouts import export
from trackzoo.importing.keep import import_folder
from trackzoo.importing.pngs import decode
from trackzoo.importing.score import evaluate_folder
from trackzoo.region_binary import write_binary
from trackzoo.regions import Rectangle, Region, Special
from trackzoo.registry import dataset_choice, open_dataset, resolve
from trackzoo.report.collect import Rules, collect
from trackzoo.report.report import Report
from trackzoo.roots import Root
from trackzoo.sequence import Dataset
from trackzoo.store.read import stored_run

FRAMES = 130
NAMES = ("ants1", "bag")


def truth(frame: int) -> Rectangle:
    return Rectangle(20.0 + frame % 30, 30.0 + frame % 7, 24.0, 18.0)


def annotate(root: Path, anchors: bool = False) -> Path:
    root.mkdir()
    (root / "list.txt").write_text("\n".join(NAMES) + "\n")
    for name in NAMES:
        home = root / name
        (home / "color").mkdir(parents=True)
        boxes = [truth(frame) for frame in range(FRAMES)]
        (home / "groundtruth.txt").write_text("".join(f"{b.x},{b.y},{b.w},{b.h}\n" for b in boxes))
        (home / "sequence").write_text(
            f"channels.color=color/%08d.jpg\nfps=30\nwidth=160\nheight=120\nlength={FRAMES}\n"
        )
        if anchors:
            marks = {0: 1, FRAMES - 1: -1}
            (home / "anchor.value").write_text("".join(f"{marks.get(frame, 0)}\n" for frame in range(FRAMES)))
    return root


def tracked(frames: range, shift: float = 0.0) -> list[Region]:
    boxes = [truth(frame) for frame in frames]
    return [Special(1), *(Rectangle(b.x + shift, b.y, b.w, b.h) for b in boxes[1:])]


def text(path: Path, regions: list[Region]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        str(region.code)
        if isinstance(region, Special)
        else f"{region.x:.4f},{region.y:.4f},{region.w:.4f},{region.h:.4f}"  # type: ignore[union-attr]
        for region in regions
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def vot2015(tmp_path: Path) -> Dataset:
    return open_dataset("vot2015", annotate(tmp_path / "VOT2015"))


def supervised(folder: Path, shift: float = 0.0, repeats: int = 1) -> Path:
    for name in NAMES:
        for number in range(1, repeats + 1):
            text(folder / f"baseline/{name}/{name}_{number:03d}.txt", tracked(range(FRAMES), shift))
        (folder / f"baseline/{name}/{name}_time.txt").write_text("0.1\n" * FRAMES)
    return folder


def test_with_restarts(tmp_path: Path, vot2015: Dataset) -> None:
    supervised(tmp_path / "r/SiamRPN", 0, 3)
    worse = supervised(tmp_path / "r/SiamFC", 6, 3)
    regions = tracked(range(FRAMES), 6)
    regions[60:66] = [Special(2), *[Special(0)] * 4, Special(1)]
    text(worse / "baseline/bag/bag_002.txt", regions)
    report = Report(evaluate_folder(tmp_path / "r", vot2015, Rules()))
    board = report.boards[0]
    assert (board.profile, board.protocol) == ("vot", "vot-supervised")
    assert [entry.tracker for entry in board.entries] == ["SiamRPN", "SiamFC"]
    first, second = (entry.scores.metrics for entry in board.entries)
    assert first["accuracy"] == pytest.approx(100)
    assert second["accuracy"] == pytest.approx(100 * 18 / 30, abs=1)
    assert "EAO" in str(report)
    under = evaluate_folder(tmp_path / "r", vot2015, Rules(("pysot",))).boards[0]
    assert under.profile == "pysot"


def test_with_restarts_side_by_side(tmp_path: Path, vot2015: Dataset) -> None:
    """Files that somebody took out of the toolkit's folders: the code of the start tells what they are."""
    for name in NAMES:
        text(tmp_path / f"r/SiamFC/{name}.txt", tracked(range(FRAMES), 6))
    flat = evaluate_folder(tmp_path / "r", vot2015, Rules()).boards[0]
    supervised(tmp_path / "s/SiamFC", 6)
    usual = evaluate_folder(tmp_path / "s", vot2015, Rules()).boards[0]
    assert (flat.profile, flat.protocol) == (usual.profile, usual.protocol) == ("vot", "vot-supervised")
    assert flat.entries[0].scores.metrics == pytest.approx(usual.entries[0].scores.metrics, nan_ok=True)


def test_ragged_repetitions_are_told(tmp_path: Path, vot2015: Dataset) -> None:
    supervised(tmp_path / "r/A", 0, 3)
    (tmp_path / "r/A/baseline/ants1/ants1_003.txt").unlink()
    made = evaluate_folder(tmp_path / "r", vot2015, Rules())
    assert made.boards[0].entries[0].repeats == 2
    assert any("1 sequences have more than 2 repetitions" in note and "bag" in note for note in made.notes)


def test_faults(tmp_path: Path, vot2015: Dataset) -> None:
    folder = supervised(tmp_path / "A")
    file = folder / "baseline/bag/bag_001.txt"
    whole = file.read_text()
    file.write_text("".join(whole.splitlines(True)[:-1]))
    for lenient in (False, True):
        with pytest.raises(ResultsError, match=r"bag_001\.txt:129: found 129 rows, expected 130"):
            evaluate_folder(folder, vot2015, Rules(lenient=lenient))
    file.write_text(whole.replace("1\n", "1,2,3\n", 1))
    with pytest.raises(DataError, match=r"bag_001\.txt:1: found 3 numbers") as caught:
        evaluate_folder(folder, vot2015, Rules())
    assert str(caught.value).startswith(str(folder))
    file.write_text(whole.replace("1\n", "20,30,24,18\n", 1))
    with pytest.raises(ResultsError, match=r"bag_001\.txt:1: found a region, expected the code 1"):
        evaluate_folder(folder, vot2015, Rules())
    file.unlink()
    with pytest.raises(ResultsError, match="1 of 2 sequences of vot2015, missing bag"):
        evaluate_folder(folder, vot2015, Rules())
    entry = evaluate_folder(folder, vot2015, Rules(allow_incomplete=True)).boards[0].entries[0]
    assert entry.missing == ("bag",)


def test_another_spelling(tmp_path: Path, vot2015: Dataset) -> None:
    folder = supervised(tmp_path / "A")
    home = folder / "baseline/bag"
    for path in list(home.iterdir()):
        path.rename(home / path.name.replace("bag", "Bag"))
    home.rename(folder / "baseline/Bag")
    made = evaluate_folder(folder, vot2015, Rules())
    assert made.boards[0].entries[0].complete
    assert any("'Bag' as 'bag'" in note for note in made.notes)


@pytest.mark.parametrize("binary", [False, True])
def test_from_anchors(tmp_path: Path, binary: bool) -> None:
    data = open_dataset("vot2021", annotate(tmp_path / "VOT2021", anchors=True))
    for name in NAMES:
        for anchor, frames in ((0, range(FRAMES)), (FRAMES - 1, range(FRAMES - 1, -1, -1))):
            path = tmp_path / f"A/baseline/{name}/{name}_{anchor:08d}"
            if binary:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_binary(path.with_suffix(".bin"), tracked(frames))
            else:
                text(path.with_suffix(".txt"), tracked(frames))
    board = evaluate_folder(tmp_path / "A", data, Rules()).boards[0]
    assert board.protocol == "vot-multistart"
    assert board.entries[0].tracker == "A"
    metrics = board.entries[0].scores.metrics
    assert metrics["robustness"] == pytest.approx(100)
    assert metrics["accuracy"] == pytest.approx(100 * (FRAMES - 1) / FRAMES)
    path.with_suffix(".bin" if binary else ".txt").unlink()
    with pytest.raises(ResultsError, match=r"missing bag \(no bag_00000129\)"):
        evaluate_folder(tmp_path / "A", data, Rules())


def test_unsupervised_and_baseline_side_by_side(tmp_path: Path, vot2015: Dataset) -> None:
    supervised(tmp_path / "A")
    for name in NAMES:
        text(tmp_path / f"A/unsupervised/{name}/{name}_001.txt", tracked(range(FRAMES)))
    boards = evaluate_folder(tmp_path / "A", vot2015, Rules()).boards
    assert {board.protocol for board in boards} == {"vot-supervised", "vot-unsupervised"}
    assert {entry.tracker for board in boards for entry in board.entries} == {"A"}


def test_import_and_export_give_the_same_figures(tmp_path: Path, vot2015: Dataset) -> None:
    folder = supervised(tmp_path / "A", 3, 2)
    done = import_folder(folder, vot2015, tmp_path / "runs")
    assert done[0].repeats == 2
    before = evaluate_folder(folder, vot2015, Rules()).boards[0].entries[0].scores
    stored = collect(tmp_path / "runs", datasets=[vot2015]).boards[0].entries[0]
    assert stored.scores.metrics == before.metrics
    assert stored.speed is None
    import_folder(folder, vot2015, tmp_path / "runs")  # the same again is no other
    run = stored_run(tmp_path / "runs/A/vot2015", "vot-supervised")
    assert run is not None
    export(run, vot2015, "vot", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out/A/baseline/bag").iterdir())
    assert names == ["bag_001.txt", "bag_002.txt"]
    again = evaluate_folder(tmp_path / "out", vot2015, Rules()).boards[0].entries[0]
    assert again.scores.metrics == before.metrics
    with pytest.raises(TrackzooError, match="'--format vot' has"):
        export(run, vot2015, "pysot", tmp_path / "other")


def test_masks_of_one_pass_become_label_maps(tmp_path: Path, vot2015: Dataset) -> None:
    for name in NAMES:
        text(tmp_path / f"A/unsupervised/{name}/{name}_001.txt", tracked(range(FRAMES)))
    import_folder(tmp_path / "A", vot2015, tmp_path / "runs")
    run = stored_run(tmp_path / "runs/A/vot2015", "vot-unsupervised")
    assert run is not None
    written = export(run, vot2015, "davis", tmp_path / "out")
    assert len(written) == 2 * FRAMES
    labels = decode((tmp_path / "out/A/bag/00001.png").read_bytes())
    assert labels.shape == (120, 160)
    box = truth(1)
    assert labels.sum() == box.w * box.h
    assert labels[int(box.y), int(box.x)] == 1


def test_results_folders_of_our_own(tmp_path: Path, vot2015: Dataset) -> None:
    folder = supervised(tmp_path / "A", 3, 2)
    import_folder(folder, vot2015, tmp_path / "runs")
    board = evaluate_folder(tmp_path / "runs", vot2015, Rules()).boards[0]
    assert [entry.tracker for entry in board.entries] == ["A"]
    assert board.protocol == "vot-supervised"
    assert (
        board.entries[0].scores.metrics == evaluate_folder(folder, vot2015, Rules()).boards[0].entries[0].scores.metrics
    )


def test_without_images_and_without_their_size(tmp_path: Path) -> None:
    root = annotate(tmp_path / "VOT2015")
    for name in NAMES:
        (root / name / "sequence").unlink()
        (root / name / "color").rmdir()
    spec, split = dataset_choice("vot2015")
    data = resolve(spec.factory)(spec, split, Root(root, "", annotations_only=True))
    folder = supervised(tmp_path / "A", 6)
    board = evaluate_folder(folder, data, Rules()).boards[0]
    assert any("size is not known" in note for note in board.notes)
    assert board.entries[0].scores.metrics["accuracy"] == pytest.approx(60, abs=1)


def test_a_folder_that_spells_a_sequence_otherwise_than_its_files(tmp_path: Path, vot2015: Dataset) -> None:
    usual = evaluate_folder(supervised(tmp_path / "r/SiamFC", 6), vot2015, Rules()).boards[0]
    folder = supervised(tmp_path / "s/SiamFC", 6) / "baseline"
    (folder / "ants1").rename(folder / "Ants-1")
    made = evaluate_folder(tmp_path / "s", vot2015, Rules())
    assert made.boards[0].entries[0].scores.metrics == pytest.approx(usual.entries[0].scores.metrics, nan_ok=True)
    assert "SiamFC: 1 name is spelled otherwise: read 'Ants-1' as 'ants1'" in made.notes

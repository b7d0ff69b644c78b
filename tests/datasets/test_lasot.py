"""LaSOT and LaSOT-ext: both layouts, flags, text, attributes, the authors' toolkit, and what happens to broken copies."""

from __future__ import annotations

import pickle
import shutil
import tarfile
from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.datasets import _text
from trackzoo.errors import DataError, TrackzooError, UnknownName
from trackzoo.registry import open_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two test sequences and a training one, in class folders."""
    folder = tmp_path / "LaSOT"
    miniatures.lasot(folder, "airplane-1", 5, occluded={1, 2}, outside={2, 4})
    miniatures.lasot(folder, "zebra-17", 4)
    miniatures.lasot(folder, "airplane-10", 3)
    return folder


def test_what_a_sequence_carries(root: Path) -> None:
    dataset = open_dataset("lasot", root)
    assert (dataset.id, len(dataset), dataset.origin, dataset.profile) == ("lasot-test", 280, 1, "pytracking")
    assert dataset.available() == ("airplane-1", "zebra-17")
    sequence = dataset["airplane-1"]
    np.testing.assert_array_equal(sequence.boxes, miniatures.boxes(5))
    assert sequence.visible.tolist() == [True, False, False, True, False]
    assert sequence.annotation.labels["full_occlusion"].tolist() == [False, True, True, False, False]
    assert sequence.annotation.labels["out_of_view"].tolist() == [False, False, True, False, True]
    assert sequence.text == "white airplane landing on ground"
    assert sequence.attributes == ("POC", "ROT", "SV", "LR")
    assert sequence.category == "airplane"
    assert len(sequence.frames) == 5
    assert sequence.frames[4].size == miniatures.SIZE
    assert sequence.frames[0].label.endswith("airplane/airplane-1/img/00000001.jpg")


def test_splits_and_the_extension(root: Path, tmp_path: Path) -> None:
    assert open_dataset("lasot-train", root).available() == ("airplane-10",)
    extension = tmp_path / "LaSOT_extension_subset"
    miniatures.lasot(extension, "atv-1", words=None)
    dataset = open_dataset("lasot_extension_subset", tmp_path)
    assert (dataset.id, len(dataset), dataset.available()) == ("lasot-ext", 150, ("atv-1",))
    assert dataset.toolkit_names["pytracking"] == "lasot_extension_subset"
    assert dataset["atv-1"].text is None
    assert dataset["atv-1"].attributes == ()


def test_without_class_folders(tmp_path: Path) -> None:
    miniatures.lasot(tmp_path / "flat", "airplane-1", nested=False)
    miniatures.lasot(tmp_path / "nested", "airplane-1")
    flat, nested = (open_dataset("lasot", tmp_path / name) for name in ("flat", "nested"))
    assert flat.available() == nested.available() == ("airplane-1",)
    assert flat.fingerprint() == nested.fingerprint()


@pytest.mark.parametrize("layout", ["annos", "annotations", "bare", "beside"])
def test_the_authors_toolkit(tmp_path: Path, root: Path, layout: str) -> None:
    folder = tmp_path / "toolkit"
    if layout == "annos":
        base, gt = folder / "annos", "gt"
    elif layout == "annotations":
        base, gt = folder / "annotations", "."
    elif layout == "bare":
        base, gt = folder, "."
    else:
        base, gt = folder, "annotations"
    miniatures.toolkit(base, "airplane-1", 5, absent={1, 2, 4}, gt=gt)
    miniatures.toolkit(base, "zebra-17", 4, gt=gt)
    miniatures.text(base / "testing_set.txt", "airplane-1\nzebra-17\n")
    dataset = open_dataset("lasot", folder)
    assert dataset.available() == ("airplane-1", "zebra-17")
    sequence = dataset["airplane-1"]
    assert sequence.visible.tolist() == [True, False, False, True, False]
    assert sequence.text == "white airplane landing on ground"
    with pytest.raises(TrackzooError, match=r"'airplane-1' of lasot-test has no images here \(annotation only\)"):
        _ = sequence.frames
    # The same annotation in another packing is the same data.
    assert dataset.fingerprint() == open_dataset("lasot", root).fingerprint()


def test_the_toolkit_inside_a_full_copy_gives_attributes_and_hides_no_images(root: Path) -> None:
    miniatures.toolkit(root / "annos", "airplane-10")
    dataset = open_dataset("lasot-train", root)
    assert len(dataset["airplane-10"].frames) == 3
    assert dataset["airplane-10"].attributes == ("IV", "ROT", "SV", "LR")


def test_annotations_only_by_the_persons_word(root: Path) -> None:
    from trackzoo.registry import dataset_specs
    from trackzoo.roots import remember

    shutil.rmtree(root / "airplane" / "airplane-1" / "img")
    assert open_dataset("lasot", root).available() == ("zebra-17",)
    remember(dataset_specs()["lasot"], root, annotations_only=True)
    dataset = open_dataset("lasot")
    assert dataset.available() == ("airplane-1", "zebra-17")
    assert not [problem for problem in dataset.check() if problem.fatal and problem.sequence == "airplane-1"]


def test_opening_reads_no_annotation(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the dataset is opened, nor a sequence, nor when the frames of another one are needed."""
    seen: list[Path] = []
    read = _text.read_bytes

    def spy(path: Path) -> bytes:
        seen.append(path)
        return read(path)

    monkeypatch.setattr(_text, "read_bytes", spy)
    dataset = open_dataset("lasot", root)
    sequences = list(dataset)
    assert len(sequences) == 280
    assert dataset.available() == ("airplane-1", "zebra-17")
    assert dataset.known_frames() is None
    assert sequences[0].category == "airplane"
    assert seen == []
    assert sequences[0].frames[0].array().shape == (24, 32, 3)
    assert {path.parent.name for path in seen} == {"airplane-1"}


def test_the_fingerprint_is_of_the_numbers_and_cached_until_a_file_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = root / "airplane" / "airplane-1" / "groundtruth.txt"
    first = open_dataset("lasot", root).fingerprint()
    monkeypatch.setattr("trackzoo.datasets.lasot.read_boxes", lambda path: pytest.fail(f"{path} was read again"))
    again = open_dataset("lasot", root)
    assert again.fingerprint() == first
    assert again.known_frames() == 9
    monkeypatch.undo()
    # Other separators and line ends: other bytes, the same annotation.
    boxes.write_text(miniatures.rows(miniatures.boxes(5), "\t", "\r\n"))
    assert open_dataset("lasot", root).fingerprint() == first
    # One number.
    changed = miniatures.boxes(5)
    changed[3, 0] += 0.5
    boxes.write_text(miniatures.rows(changed))
    second = open_dataset("lasot", root).fingerprint()
    assert second != first
    # One flag, one word, another choice of sequences.
    (root / "zebra" / "zebra-17" / "out_of_view.txt").write_text("0,0,0,1\n")
    third = open_dataset("lasot", root).fingerprint()
    (root / "zebra" / "zebra-17" / "nlp.txt").write_text("striped zebra")
    fourth = open_dataset("lasot", root).fingerprint()
    assert len({first, second, third, fourth, open_dataset("lasot", root).fingerprint(["zebra-17"])}) == 5


def test_a_useless_cache_is_no_error(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("TRACKZOO_CACHE", str(cache))
    first = open_dataset("lasot", root).fingerprint()
    (stored,) = (cache / "scans").iterdir()
    for content in ("", "{", "[]", '{"key": 1, "entries": []}', stored.read_text().replace("[5,", '["5",')):
        stored.write_text(content)
        assert open_dataset("lasot", root).fingerprint() == first
    shutil.rmtree(cache)
    cache.write_text("a file where the folder should be")
    assert open_dataset("lasot", root).fingerprint() == first


def test_a_sequence_travels_to_a_worker(root: Path) -> None:
    sequence = open_dataset("lasot", root)["airplane-1"]
    _ = sequence.annotation
    copy = pickle.loads(pickle.dumps(sequence))
    assert "annotation" not in vars(copy)
    np.testing.assert_array_equal(copy.boxes, sequence.boxes)
    assert copy.frames[2].array().shape == (24, 32, 3)
    assert len(pickle.dumps(sequence)) < 4000
    dataset = open_dataset("lasot", root)
    dataset.fingerprint()
    assert pickle.loads(pickle.dumps(dataset)).available() == ("airplane-1", "zebra-17")


def test_too_few_rows_for_the_images(root: Path) -> None:
    home = root / "airplane" / "airplane-1"
    (home / "groundtruth.txt").write_text(miniatures.rows(miniatures.boxes(3)))
    with pytest.raises(DataError, match=r"full_occlusion.txt: found 5 values, expected 3, one a frame"):
        open_dataset("lasot", root).fingerprint()
    for label in ("full_occlusion", "out_of_view"):
        (home / f"{label}.txt").write_text("0,0,0\n")
    with pytest.raises(DataError, match=r"groundtruth.txt: found too few rows: 3, and more images in .*img"):
        open_dataset("lasot", root).fingerprint()


def test_a_missing_image_is_named_when_it_is_reached_and_by_check(root: Path) -> None:
    gone = root / "airplane" / "airplane-1" / "img" / "00000003.jpg"
    gone.unlink()
    dataset = open_dataset("lasot", root)
    frames = dataset["airplane-1"].frames
    assert frames[1].array().shape == (24, 32, 3)
    with pytest.raises(DataError, match=r"00000003.jpg: found no such file"):
        frames[2].array()
    problems = [problem for problem in dataset.check() if problem.sequence == "airplane-1"]
    assert [(problem.path, problem.fatal) for problem in problems] == [(gone, True)]


def test_check_names_every_odd_file(root: Path) -> None:
    home = root / "airplane" / "airplane-1"
    (home / "img" / "00000002.jpg").unlink()
    (home / "img" / "00000003.jpg").unlink()
    (home / "img" / "00000004.jpg").write_bytes(b"")
    (home / "img" / "00000000.jpg").write_bytes(b"x")
    (root / "zebra" / "zebra-17" / "out_of_view.txt").unlink()
    dataset = open_dataset("lasot", root)
    problems = [problem for problem in dataset.check() if problem.text != "the whole sequence is missing"]
    assert {(problem.path.name, problem.fatal, problem.sequence) for problem in problems} == {
        ("00000002.jpg", True, "airplane-1"),
        ("00000004.jpg", True, "airplane-1"),
        ("00000000.jpg", False, "airplane-1"),
        ("out_of_view.txt", True, "zebra-17"),
    }
    run = next(problem for problem in problems if problem.path.name == "00000002.jpg")
    assert "all up to 00000003.jpg (2 images)" in run.text


def test_deep_check_decodes(root: Path) -> None:
    broken = root / "zebra" / "zebra-17" / "img" / "00000002.jpg"
    broken.write_bytes(b"not a picture")
    dataset = open_dataset("lasot", root)
    assert all(problem.path != broken for problem in dataset.check())
    assert [(problem.path, problem.sequence) for problem in dataset.decode_all()] == [(broken, "zebra-17")]


def test_an_unknown_sequence_gets_a_suggestion(root: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean airplane-1"):
        open_dataset("lasot", root)["airplain-1"]


def test_real_annotation_of_the_training_set(shared: Path) -> None:
    dataset = open_dataset("lasot-train", shared / "data" / "annotations")
    assert len(dataset.available()) == 6
    sequence = dataset["airplane-2"]
    assert (~sequence.visible).sum() == 170
    assert sequence.visible.shape == (len(sequence.boxes),)
    assert sequence.text == "brown airplane flying in the air"
    assert "FOC" in sequence.attributes


def test_real_annotation_of_the_test_set(shared: Path, tmp_path: Path) -> None:
    with tarfile.open(shared / "data" / "raw_results" / "lasot" / "annotations.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    dataset = open_dataset("lasot", tmp_path)
    assert len(dataset.available()) == 280
    assert sorted((tmp_path / "annotations" / "testing_set.txt").read_text().split()) == sorted(dataset.names)
    assert dataset.check() == []
    assert dataset.known_frames() == 685_360
    # The toolkit's flags are those of the package's table.
    from trackzoo.datasets._common import attribute_names
    from trackzoo.datasets._toolkit import read_attributes

    for name in dataset.names[::40]:
        assert read_attributes(tmp_path, name, attribute_names("lasot_test")) == dataset[name].attributes

"""TNL2K: image names without a pattern, part folders, absence, sentences, and the faults of its releases."""

from __future__ import annotations

from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.datasets.tnl2k import CORRECTED
from trackzoo.errors import DataError
from trackzoo.registry import open_dataset

TRAIN = "Arrow_Video_ZZ04_done"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "TNL2K"
    miniatures.tnl2k(folder, TRAIN, 4, absent={2})
    return folder


def test_what_a_video_carries(root: Path) -> None:
    dataset = open_dataset("tnl2k-train", root)
    assert (dataset.profile, dataset.origin, dataset.has_text) == ("stark", 0, True)
    assert dataset.available() == (TRAIN,)
    sequence = dataset[TRAIN]
    assert sequence.text == "the white cat on the wall."
    assert sequence.boxes[:, 2].tolist() == [6, 7, 0, 6]
    # Without the toolkit's files, a box without area says that the target is absent.
    assert sequence.visible.tolist() == [True, True, False, True]
    assert dataset.check()[0].text == "the whole sequence is missing"
    assert not [problem for problem in dataset.check() if problem.sequence == TRAIN]


def test_images_sort_by_the_number_in_their_names(tmp_path: Path) -> None:
    names = ["img9.jpg", "img10.png", "img_11.jpg", "IMG100.JPG"]
    home = miniatures.tnl2k(tmp_path, TRAIN, 4, names=names)
    miniatures.text(home / "imgs" / "Thumbs.db", "not an image")
    miniatures.text(home / "imgs" / ".hidden.jpg", "not an image")
    frames = open_dataset("tnl2k-train", tmp_path)[TRAIN].frames
    assert [Path(frame.label).name for frame in frames] == names
    assert all(frame.array().shape == (24, 32, 3) for frame in frames)


@pytest.mark.parametrize("part", ["TNL2k_train_subset_p9", "TNL2K_train_subset/TNL2k_train_subset_p9"])
def test_part_folders(tmp_path: Path, root: Path, part: str) -> None:
    folder = tmp_path / "parts"
    miniatures.tnl2k(folder / part, TRAIN, 4, absent={2})
    miniatures.tnl2k(folder / "p1", "Assassin_video_1-Done", 3)
    dataset = open_dataset("tnl2k-train", folder)
    assert dataset.available() == (TRAIN, "Assassin_video_1-Done")
    assert dataset[TRAIN].frames[0].label.endswith(f"{part}/{TRAIN}/imgs/00001.png")
    assert dataset.fingerprint([TRAIN]) == open_dataset("tnl2k-train", root).fingerprint()


def test_absence_files_of_the_toolkit_go_before_empty_boxes(root: Path) -> None:
    # One line longer than the boxes, as one file of the toolkit is.
    miniatures.text(root / "annos" / "absent" / f"{TRAIN}.txt", "0\n1\n1\n0\n0\n")
    sequence = open_dataset("tnl2k-train", root)[TRAIN]
    assert sequence.visible.tolist() == [True, False, False, True]
    assert sequence.annotation.labels["absent"].tolist() == [False, True, True, False]
    assert len(sequence.frames) == 4
    miniatures.text(root / "annos" / "absent" / f"{TRAIN}.txt", "0\n1\n1\n0\n0\n0\n")
    with pytest.raises(DataError, match="found 6 values, expected 4, one a frame"):
        _ = open_dataset("tnl2k-train", root)[TRAIN].visible


def test_the_toolkit_alone(tmp_path: Path) -> None:
    miniatures.toolkit(tmp_path / "annos", TRAIN, 4, absent={1})
    miniatures.text(tmp_path / "annos" / "att" / f"{TRAIN}_attribute.txt", "\n".join("1" + "0" * 16 + "1") + "\n\n")
    dataset = open_dataset("tnl2k-train", tmp_path)
    assert dataset.available() == (TRAIN,)
    assert dataset[TRAIN].visible.tolist() == [True, False, True, True]
    # 18 flags: the first stands for "all".
    assert dataset[TRAIN].attributes == ("MS",)


def test_the_video_in_both_lists_is_not_trained_on(root: Path) -> None:
    train, test = open_dataset("tnl2k-train", root), open_dataset("tnl2k", root)
    assert (len(train), len(test)) == (1299, 700)
    assert "monitor_manypeople" in test.names
    assert not set(train.names) & set(test.names)


def test_corrected_sentences(tmp_path: Path) -> None:
    name = "INF_womanpink"
    home = miniatures.tnl2k(tmp_path, name, 3, words="")
    dataset = open_dataset("tnl2k-train", tmp_path)
    assert dataset[name].text == CORRECTED[name]
    (finding,) = [problem for problem in dataset.check() if problem.sequence == name]
    assert (finding.path, finding.fatal) == (home / "language.txt", False)
    (home / "language.txt").write_text(CORRECTED[name] + " \n")
    assert not [problem for problem in open_dataset("tnl2k-train", tmp_path).check() if problem.sequence == name]


def test_a_video_without_a_sentence_is_said_by_check(tmp_path: Path) -> None:
    miniatures.tnl2k(tmp_path, TRAIN, 3, words=None)
    dataset = open_dataset("tnl2k-train", tmp_path)
    assert dataset[TRAIN].text is None
    (finding,) = [problem for problem in dataset.check() if problem.sequence == TRAIN]
    assert not finding.fatal
    assert "no sentence" in finding.text


def test_the_damaged_image_is_replaced(tmp_path: Path) -> None:
    name = "test_015_Sord_video_Q01_done"
    dataset = open_dataset("tnl2k", tmp_path)
    count = dataset.listed_frames(name)
    home = miniatures.tnl2k(tmp_path, name, count, names=[f"{index + 1:08d}.png" for index in range(count)])
    (home / "imgs" / "00000492.png").write_bytes(b"damaged")
    frames = open_dataset("tnl2k", tmp_path)[name].frames
    assert [Path(frames.label(index)).name for index in (490, 491, 492)] == ["00000491.png"] * 2 + ["00000493.png"]
    np.testing.assert_array_equal(frames[491].array(), frames[490].array())


@pytest.mark.parametrize("place", ["{}/groundtruth.txt", "{}.txt"])
def test_revised_boxes_are_used(tmp_path: Path, place: str) -> None:
    name = "monitor_bikeyellow"
    miniatures.tnl2k(tmp_path, name, 3)
    before = open_dataset("tnl2k-train", tmp_path).fingerprint()
    better = miniatures.boxes(3) + 1
    miniatures.text(tmp_path / "revised_annotations" / place.format(name), miniatures.rows(better))
    dataset = open_dataset("tnl2k-train", tmp_path)
    np.testing.assert_array_equal(dataset[name].boxes, better)
    assert dataset.available() == (name,)
    assert dataset.fingerprint() != before


def test_a_cut_copy_is_accepted_and_a_cut_annotation_is_not(tmp_path: Path) -> None:
    name = "BF5_Blade_video_01-Done"  # 333 frames by the list
    home = miniatures.tnl2k(tmp_path, name, 6)
    dataset = open_dataset("tnl2k", tmp_path)
    assert len(dataset[name]) == len(dataset[name].frames) == 6
    (finding,) = [problem for problem in dataset.check() if problem.sequence == name]
    assert not finding.fatal
    assert "6 of 333 frames" in finding.text
    (home / "groundtruth.txt").write_text(miniatures.rows(miniatures.boxes(5)))
    with pytest.raises(DataError, match="too few rows: 5, and 6 images in .*imgs, expected 333"):
        open_dataset("tnl2k", tmp_path).fingerprint()
    (home / "groundtruth.txt").write_text(miniatures.rows(miniatures.boxes(334)))
    with pytest.raises(DataError, match="too many rows: 334, expected 333"):
        open_dataset("tnl2k", tmp_path).fingerprint()


def test_real_annotation(shared: Path) -> None:
    from trackzoo.registry import dataset_specs
    from trackzoo.roots import remember

    remember(dataset_specs()["tnl2k"], shared / "data" / "annotations" / "tnl2k", annotations_only=True)
    dataset = open_dataset("tnl2k-train")
    assert len(dataset.available()) == 13
    # The authors' sentences of June 2022 are those that stand in the loader.
    folder = shared / "data" / "annotations" / "tnl2k"
    for name, sentence in CORRECTED.items():
        assert (folder / name / "language.txt").read_text().strip() == sentence
    assert sum(len(dataset[name]) for name in dataset.available()) == 10_468

"""GOT-10k: labels, meta_info, the test split's first box, the lists."""

from __future__ import annotations

from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.errors import DataError
from trackzoo.registry import open_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "GOT-10k"
    miniatures.got10k(folder, "val", "GOT-10k_Val_000001", 5, absent={2})
    miniatures.got10k(folder, "test", "GOT-10k_Test_000003", 12)
    miniatures.got10k(folder, "train", "GOT-10k_Train_000001", 3)
    return folder


def test_labels_and_meta_come_through(root: Path) -> None:
    dataset = open_dataset("got10k", root)
    assert (dataset.id, len(dataset), dataset.profile, dataset.origin) == ("got10k-val", 180, "got10k", 0)
    assert dataset.public_truth
    sequence = dataset["GOT-10k_Val_000001"]
    np.testing.assert_array_equal(sequence.boxes, miniatures.boxes(5) + 0.25)
    assert sequence.visible.tolist() == [True, True, False, True, True]
    assert sequence.annotation.labels["cover"].tolist() == [8, 8, 0, 8, 8]
    assert sequence.annotation.labels["cut_by_image"].tolist() == [False, True, False, False, False]
    assert sequence.annotation.labels["absence"].tolist() == [False, False, True, False, False]
    assert (sequence.category, sequence.fps, sequence.size) == ("fox", 10.0, miniatures.SIZE)
    assert sequence.facts["motion_class"] == "walking"
    assert sequence.facts["url"] == "https://example.org/watch?v=x%20y"
    assert len(sequence.frames) == 5


def test_the_test_split_gives_the_first_box_only(root: Path) -> None:
    dataset = open_dataset("got10k-test", root)
    assert not dataset.public_truth
    assert dataset.available() == ("GOT-10k_Test_000003",)
    sequence = dataset["GOT-10k_Test_000003"]
    assert len(sequence) == len(sequence.frames) == 12
    np.testing.assert_array_equal(sequence.boxes[0], miniatures.boxes(1)[0] + 0.25)
    assert np.isnan(sequence.boxes[1:]).all()
    assert sequence.visible.all()
    # The number of frames is part of what the fingerprint covers, and it comes from the images.
    before = dataset.fingerprint()
    miniatures.image(root / "test" / "GOT-10k_Test_000003" / "00000013.jpg")
    assert open_dataset("got10k-test", root).fingerprint() != before


def test_a_gap_in_the_test_images_is_an_error_not_a_shorter_video(root: Path) -> None:
    home = root / "test" / "GOT-10k_Test_000003"
    (home / "00000007.jpg").unlink()
    dataset = open_dataset("got10k-test", root)
    with pytest.raises(DataError, match=r"'00000008.jpg' where image 7 should be"):
        _ = dataset["GOT-10k_Test_000003"].boxes
    findings = [problem for problem in dataset.check() if "whole" not in problem.text]
    assert [(problem.sequence, problem.fatal) for problem in findings] == [("GOT-10k_Test_000003", True)]


def test_the_lists(root: Path) -> None:
    counts = {
        "train": 9335,
        "train-split": 7934,
        "val-split": 1401,
        "vot-train": 7086,
        "vot-val": 1249,
        "vot-exclude": 1000,
    }
    names = {split: set(open_dataset(f"got10k-{split}", root).names) for split in counts}
    assert {split: len(found) for split, found in names.items()} == counts
    assert names["train-split"] | names["val-split"] == names["train"]
    assert not names["train-split"] & names["val-split"]
    assert names["vot-train"] < names["train-split"]
    assert names["vot-val"] < names["val-split"]
    # PyTracking's VOT lists leave out the neighbours of the videos that VOT excludes: see docs/datasets.md.
    left_out = names["train"] - names["vot-train"] - names["vot-val"]
    assert left_out == {f"GOT-10k_Train_{int(name[-6:]) + 1:06d}" for name in names["vot-exclude"]}
    train = open_dataset("got10k-train", root)
    assert train.names[0] == "GOT-10k_Train_000001"
    assert train.names[-1] == "GOT-10k_Train_009335"
    assert train.available() == ("GOT-10k_Train_000001",)


def test_cover_out_of_range_and_a_missing_label(root: Path) -> None:
    home = root / "val" / "GOT-10k_Val_000001"
    (home / "cover.label").write_text("8\n8\n9\n8\n8\n")
    with pytest.raises(DataError, match=r"cover.label:3: found '9' as value 3, expected whole numbers 0 to 8"):
        open_dataset("got10k", root).fingerprint()
    (home / "cover.label").unlink()
    assert open_dataset("got10k", root).available() == ()
    (home / "cut_by_image.label").unlink()
    (home / "meta_info.ini").unlink()
    (home / "cover.label").write_text("8\n8\n0\n8\n8\n")
    sequence = open_dataset("got10k", root)["GOT-10k_Val_000001"]
    assert "cut_by_image" not in sequence.annotation.labels
    assert (sequence.category, sequence.fps, sequence.size, sequence.facts) == (None, None, None, {})


def test_cover_belongs_to_the_fingerprint(root: Path) -> None:
    before = open_dataset("got10k", root).fingerprint()
    (root / "val" / "GOT-10k_Val_000001" / "cover.label").write_text("8\n7\n0\n8\n8\n")
    assert open_dataset("got10k", root).fingerprint() != before


def test_list_txt_is_compared(root: Path) -> None:
    (root / "val" / "list.txt").write_text("GOT-10k_Val_000001\nGOT-10k_Val_000999\n")
    texts = [problem.text for problem in open_dataset("got10k", root).check() if problem.path.name == "list.txt"]
    assert "'GOT-10k_Val_000999' is not in the benchmark's list" in texts
    assert len(texts) == 1 + 179

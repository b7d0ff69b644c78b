"""TrackingNet: frames sorted as numbers, names that begin with a minus, chunks, the test split's first box."""

from __future__ import annotations

from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.errors import DataError
from trackzoo.registry import open_dataset

ODD = "-Dz7OIf54b0_0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "TrackingNet"
    miniatures.trackingnet(folder, "TEST", ODD, 12)
    miniatures.trackingnet(folder, "TRAIN_0", "b_0", 11)
    miniatures.trackingnet(folder, "TRAIN_0", "-a_0", 3)
    miniatures.trackingnet(folder, "TRAIN_11", "_c_1", 2)
    return folder


def test_frames_sort_as_numbers(root: Path) -> None:
    dataset = open_dataset("trackingnet", root)
    assert (dataset.id, len(dataset), dataset.profile, dataset.public_truth) == (
        "trackingnet-test",
        511,
        "trackingnet",
        False,
    )
    assert dataset.available() == (ODD,)
    frames = dataset[ODD].frames
    assert [Path(frame.label).name for frame in frames] == [f"{number}.jpg" for number in range(12)]
    assert frames[10].array().shape == (24, 32, 3)


def test_the_test_split_gives_the_first_box_only(root: Path) -> None:
    sequence = open_dataset("trackingnet", root)[ODD]
    assert sequence.boxes.shape == (12, 4)
    np.testing.assert_array_equal(sequence.boxes[0], miniatures.boxes(1)[0])
    assert np.isnan(sequence.boxes[1:]).all()


def test_training_chunks(root: Path) -> None:
    train = open_dataset("trackingnet-train", root)
    assert train.names == ("-a_0", "b_0", "_c_1")
    assert train.available() == train.names
    assert train.public_truth
    assert len(train["b_0"].frames) == len(train["b_0"]) == 11
    assert open_dataset("trackingnet-train-11", root).names == ("_c_1",)
    assert open_dataset("trackingnet-train-5", root).names == ()
    assert train.check() == []


def test_too_few_rows_and_missing_images(root: Path) -> None:
    path = root / "TRAIN_0" / "anno" / "b_0.txt"
    path.write_text(miniatures.rows(miniatures.boxes(9)))
    with pytest.raises(DataError, match="too few rows: 9, and more images in"):
        _ = open_dataset("trackingnet-train", root)["b_0"].boxes
    path.write_text(miniatures.rows(miniatures.boxes(13)))
    sequence = open_dataset("trackingnet-train", root)["b_0"]
    with pytest.raises(DataError, match="found 11 images, expected 13, one a frame"):
        _ = sequence.frames
    (finding,) = open_dataset("trackingnet-train", root).check()
    assert finding.fatal
    assert "found 11 images, expected 13" in finding.text


def test_the_test_split_needs_its_images(root: Path) -> None:
    for path in (root / "TEST" / "frames" / ODD).iterdir():
        path.unlink()
    with pytest.raises(DataError, match="found no images"):
        _ = open_dataset("trackingnet", root)[ODD].boxes
    miniatures.image(root / "TEST" / "frames" / ODD / "1.jpg")
    with pytest.raises(DataError, match=r"'1.jpg' where image 0 should be"):
        _ = open_dataset("trackingnet", root)[ODD].boxes

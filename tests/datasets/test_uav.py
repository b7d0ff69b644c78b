"""UAV123, its 10 fps version and UAV20L: sequences that share a folder of pictures, rows of NaN, other toolkits' names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.errors import DataError, UnknownName
from trackzoo.registry import open_dataset

UAV123 = {
    "SV": 109,
    "ARC": 68,
    "LR": 48,
    "FM": 28,
    "FOC": 33,
    "POC": 73,
    "OV": 30,
    "BC": 21,
    "IV": 31,
    "VC": 60,
    "CM": 70,
    "SOB": 39,
}
UAV20L = dict(zip(UAV123, (19, 16, 11, 7, 9, 18, 13, 5, 8, 13, 19, 12), strict=True))


def sequence(root: Path, name: str, folder: str, count: int, *, images: tuple[int, ...] = (), absent: tuple[int, ...] = (),
             anno: str = "UAV123", data: str = "UAV123") -> np.ndarray:  # fmt: skip
    values = miniatures.boxes(count)
    values[list(absent)] = np.nan
    miniatures.text(root / "anno" / anno / f"{name}.txt", miniatures.rows(values))
    for number in images:
        miniatures.image(root / "data_seq" / data / folder / f"{number:06d}.jpg", number)
    return values


@pytest.mark.parametrize(
    ("name", "count", "rate", "attributes"),
    [("uav123", 123, 30, UAV123), ("uav123-10fps", 123, 10, UAV123), ("uav20l", 20, 30, UAV20L)],
)
def test_lists(tmp_path: Path, name: str, count: int, rate: int, attributes: dict[str, int]) -> None:
    dataset = open_dataset(name, tmp_path)
    assert (dataset.id, len(dataset), dataset.origin, dataset.profile) == (name, count, 1, "pytracking")
    assert dataset.toolkit_names["pytracking"] == "uav"
    assert not [own for own in dataset.names if own.startswith("uav_")]
    assert Counter(attribute for each in dataset for attribute in each.attributes) == Counter(attributes)
    assert {each.fps for each in dataset} == {rate}


def test_names_of_other_toolkits(tmp_path: Path) -> None:
    for alias in ("uav123@10fps", "UAV123_10fps", "uav123-10fps"):
        assert open_dataset(alias, tmp_path).id == "uav123-10fps"
    dataset = open_dataset("uav", tmp_path)
    assert dataset["uav_bike1"].name == dataset["bike1"].name == "bike1"
    assert dataset["uav_uav1_1"].name == dataset["uav1_1"].name == "uav1_1"
    with pytest.raises(UnknownName, match="bike1"):
        dataset["uav_bike99"]


def test_sequences_that_share_their_pictures(tmp_path: Path) -> None:
    ranges = {"bird1_1": (1, 253), "bird1_2": (775, 1477), "bird1_3": (1573, 2437)}
    truth = {}
    for shift, (name, (first, last)) in enumerate(ranges.items()):
        truth[name] = sequence(tmp_path, name, "bird1", last - first + 1, images=(first, last), absent=(3, 4 + shift))
    sequence(tmp_path, "car1_s", "car1_s", 1475, images=(1,))
    dataset = open_dataset("uav123", tmp_path)
    assert dataset.available() == ("bird1_1", "bird1_2", "bird1_3", "car1_s")
    for name, (first, last) in ranges.items():
        each = dataset[name]
        np.testing.assert_array_equal(each.boxes, truth[name])
        np.testing.assert_array_equal(each.visible, ~np.isnan(truth[name][:, 0]))
        folder = tmp_path / "data_seq" / "UAV123" / "bird1"
        assert [each.frames[index].label for index in (0, -1)] == [str(folder / f"{n:06d}.jpg") for n in (first, last)]
        assert each.frames[0].size == miniatures.SIZE
    assert dataset.known_frames() == 253 + 703 + 865 + 1475


def test_long_sequences_have_pictures_of_uav123_and_boxes_of_their_own(tmp_path: Path) -> None:
    sequence(tmp_path, "bike1", "bike1", 3085, images=(1, 3085))
    long = sequence(tmp_path, "bike1", "bike1", 3085, absent=(7,), anno="UAV20L")
    both = [open_dataset(name, tmp_path) for name in ("uav123", "uav20l")]
    assert [dataset.available() for dataset in both] == [("bike1",), ("bike1",)]
    np.testing.assert_array_equal(both[1]["bike1"].boxes, long)
    assert both[0]["bike1"].visible.all()
    assert both[0].fingerprint() != both[1].fingerprint()
    assert both[1]["bike1"].frames[3084].size == miniatures.SIZE


@pytest.mark.parametrize("around", ["UAV123", "Dataset_UAV123/UAV123", "Dataset_UAV123"])
def test_folders_that_archives_put_around(tmp_path: Path, around: str) -> None:
    sequence(tmp_path / around, "wakeboard7", "wakeboard7", 199, images=(1,))
    for root in (tmp_path, tmp_path / around.partition("/")[0], tmp_path / around):
        assert open_dataset("uav123", root).available() == ("wakeboard7",)


@pytest.mark.parametrize(
    ("line", "says"),
    [("1,2,3", "found 3 numbers"), ("1,2,,4", "missing number"), ("1,inf,3,4", "finite"), ("a,b,c,d", "'a'")],
)
def test_bad_rows(tmp_path: Path, line: str, says: str) -> None:
    sequence(tmp_path, "bike3", "bike3", 433, images=(1,))
    path = tmp_path / "anno" / "UAV123" / "bike3.txt"
    lines = path.read_text().splitlines()
    lines[41] = line
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as caught:
        _ = open_dataset("uav123", tmp_path)["bike3"].boxes
    assert f"{path}:42" in str(caught.value)
    assert says in str(caught.value)


def test_too_few_rows(tmp_path: Path) -> None:
    sequence(tmp_path, "bike3", "bike3", 430, images=tuple(range(1, 434)))
    with pytest.raises(DataError, match="too few rows: 430, and 433 images in .*bike3, expected 433"):
        _ = open_dataset("uav123", tmp_path)["bike3"].frames


def test_real_clip(shared: Path) -> None:
    dataset = open_dataset("uav123@10fps", shared / "data" / "sequences" / "uav123_10fps")
    assert dataset.available() == ("wakeboard7",)
    clip = dataset["wakeboard7"]
    assert len(clip) == len(clip.frames) == 67
    assert clip.boxes[1].tolist() == [312.5, 148.5, 5.5, 19]
    assert clip.frames[66].size == (640, 360)
    assert clip.attributes == ("SV", "ARC", "VC")
    assert not [problem for problem in dataset.check() if problem.sequence == "wakeboard7"]

"""COCO: images with objects, two forms of masks, and what may be wrong with a file of 450 MB."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from trackzoo.datasets._coco_file import fill, unpack_runs
from trackzoo.datasets.coco import Coco
from trackzoo.errors import DataError
from trackzoo.registry import open_dataset

SIZE = (20, 14)


def pack_runs(runs: list[int]) -> str:
    """The inverse of `unpack_runs`, written from the format's description."""
    text = ""
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        while True:
            bits = value & 31
            value >>= 5
            last = value == (-1 if bits & 16 else 0)
            text += chr(48 + bits + (0 if last else 32))
            if last:
                break
    return text


def entry(number: int, image: int, segmentation: Any, box: list[float], **other: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": 3, "segmentation": segmentation, "bbox": box, **other}


def content() -> dict[str, Any]:
    square = [[2.0, 3.0, 8.0, 3.0, 8.0, 9.0, 2.0, 9.0]]
    crowd = {"counts": [14 * 10, 14 * 4, 14 * 6], "size": [14, 20]}
    packed = {"counts": pack_runs([14 * 15 + 2, 5, 14 * 5 - 7]), "size": [14, 20]}
    return {
        "images": [
            {"id": 9, "file_name": "000000000009.jpg", "width": 20, "height": 14},
            {"id": 4, "file_name": "000000000004.jpg", "width": 20, "height": 14},
            {"id": 5, "file_name": "000000000005.jpg", "width": 20, "height": 14},
        ],
        "categories": [{"id": 3, "name": "dog"}, {"id": 1, "name": "cat"}],
        "annotations": [
            entry(70, 9, crowd, [10, 0, 4, 14], iscrowd=1),
            entry(71, 9, square, [2, 3, 6, 6]),
            entry(72, 9, packed, [15, 2, 1, 5], category_id=1),
            entry(73, 4, square, [2, 3, 6, 6], iscrowd=0),
        ],
    }


def write(root: Path, what: dict[str, Any] | str) -> Path:
    path = root / "annotations" / "instances_train2017.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(what if isinstance(what, str) else json.dumps(what))
    return path


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    write(tmp_path, content())
    (tmp_path / "train2017").mkdir()
    for number in (4, 5, 9):
        picture = np.full((SIZE[1], SIZE[0], 3), 10 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "train2017" / f"{number:012d}.jpg"), picture)
    return tmp_path


def test_images_are_sequences_of_one_frame(coco: Path) -> None:
    dataset = open_dataset("coco", coco)
    assert dataset.id == "coco2017-train"
    assert dataset.names == dataset.available() == ("000000000004", "000000000009")  # image 5 has no objects
    assert dataset.check() == []
    assert dataset.known_frames() == 2
    sequence = dataset["000000000009"]
    assert sequence.boxes.tolist() == [[2, 3, 6, 6]]
    assert sequence.category == "dog"
    assert sequence.size == SIZE
    assert sequence.annotation.starts == {1: 0, 2: 0}
    assert len(sequence.frames) == 1
    assert sequence.frames[0].size == SIZE
    assert sequence.frames[0].array().mean() == pytest.approx(90, abs=3)


def test_masks_of_every_form(coco: Path) -> None:
    dataset = open_dataset("coco", coco)
    masks = dataset["000000000009"].masks
    assert masks is not None
    expected = np.zeros((14, 20), np.uint8)
    expected[:, 10:14] = 255  # the crowd: pixels that do not count
    expected[3:9, 2:8] = 1
    expected[2:7, 15] = 2
    np.testing.assert_array_equal(masks[0], expected)


def test_training_sees_every_object(coco: Path) -> None:
    dataset = open_dataset("coco", coco)
    assert isinstance(dataset, Coco)
    image = dataset.image("000000000009")
    assert [entry.crowd for entry in image.objects] == [True, False, False]
    assert [entry.mask(image.size).sum() for entry in image.objects] == [56, 36, 5]
    assert dataset.read().categories == {3: "dog", 1: "cat"}


def test_listing_does_not_read_the_annotation_again(coco: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_dataset("coco", coco)
    names, fingerprint = first.names, first.fingerprint()

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    with monkeypatch.context() as patch:
        patch.setattr("trackzoo.datasets.coco.read_coco", refuse)
        again = open_dataset("coco", coco)
        assert (again.names, again.fingerprint(), again.known_frames()) == (names, fingerprint, 2)
        assert len(again["000000000004"].frames) == 1
    changed = content()
    changed["annotations"][3]["bbox"] = [2, 3, 6, 7]
    write(coco, changed)
    assert open_dataset("coco", coco).fingerprint() != fingerprint


def test_it_pickles(coco: Path) -> None:
    dataset = open_dataset("coco", coco)
    sequence = dataset["000000000004"]
    data = pickle.dumps((dataset, sequence, sequence.masks))
    assert len(data) < 4000
    again, other, masks = pickle.loads(data)
    assert again.names == dataset.names
    assert np.array_equal(other.boxes, sequence.boxes)
    assert masks[0].sum() == 36


def test_images_in_another_folder(coco: Path) -> None:
    (coco / "images").mkdir()
    (coco / "train2017").rename(coco / "images" / "train2017")
    assert len(open_dataset("coco", coco).available()) == 2


def test_missing_images_are_told_once(coco: Path) -> None:
    (coco / "train2017" / "000000000009.jpg").unlink()
    dataset = open_dataset("coco", coco)
    assert dataset.available() == ("000000000004",)
    assert [problem.path.name for problem in dataset.check()] == ["000000000009.jpg"]
    (coco / "train2017" / "000000000004.jpg").unlink()
    assert [problem.text for problem in dataset.check()] == [
        "missing, and 1 more of 2; restore it from the benchmark's archive"
    ]


def test_a_box_without_area_is_mentioned(coco: Path) -> None:
    changed = content()
    changed["annotations"][1]["bbox"] = [2, 3, 0, 6]
    write(coco, changed)
    assert [(problem.fatal, problem.sequence) for problem in open_dataset("coco", coco).check()] == [
        (False, "000000000009")
    ]


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in content().items() if name != key}


def _odd(**fields: Any) -> dict[str, Any]:
    changed = content()
    changed["annotations"][1].update(fields)
    return changed


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("{", r"instances_train2017.json:1: found text that is not JSON"),
        (_without("images"), "found JSON of another form"),
        (_without("categories"), "found JSON of another form"),
        ("[]", "found JSON of another form"),
        (_odd(bbox=[1, 2, 3]), r"found object 71: box \[1, 2, 3\], expected COCO's format"),
        (_odd(image_id=77), "found object 71 of image 77, which is not listed"),
        (_odd(segmentation={"size": [14, 20]}), "found object 71: no 'counts'"),
        (_odd(segmentation={"counts": "o", "size": [14, 20]}), "found object 71: packed runs that end in the middle"),
        (_odd(segmentation={"counts": "ä", "size": [14, 20]}), "found object 71: 'ä' in packed runs"),
        (_odd(segmentation={"counts": [5, -5], "size": [14, 20]}), "found object 71: runs of negative length"),
        (_odd(segmentation=[[1, 2, 3]]), "found object 71: cannot reshape"),
    ],
)
def test_odd_files(coco: Path, what: dict[str, Any] | str, message: str) -> None:
    write(coco, what)
    with pytest.raises(DataError, match=message) as error:
        open_dataset("coco", coco).names  # noqa: B018
    assert "\n" not in str(error.value)
    assert [problem.fatal for problem in open_dataset("coco", coco).check()] == [True]


def test_runs_that_do_not_fill_the_image(coco: Path) -> None:
    write(coco, _odd(segmentation={"counts": [5, 5], "size": [14, 20]}))
    masks = open_dataset("coco", coco)["000000000009"].masks
    assert masks is not None
    with pytest.raises(DataError, match="object 71: runs of 10 pixels in an image of 20x14"):
        masks[0]


def test_missing_file(tmp_path: Path) -> None:
    dataset = open_dataset("coco-val", tmp_path)
    assert dataset.names == ()
    assert ["no such file" in problem.text for problem in dataset.check()] == [True]


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=30))
def test_packed_runs(runs: list[int]) -> None:
    assert unpack_runs(pack_runs(runs)) == runs


@given(st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 19)), min_size=3, max_size=9))
def test_polygons_cover_the_pixels_whose_centre_they_contain(points: list[tuple[float, float]]) -> None:
    """Against the textbook's test, pixel by pixel."""
    got = fill(np.array(points), SIZE)
    for y in range(SIZE[1]):
        for x in range(SIZE[0]):
            inside, px, py = False, x + 0.5, y + 0.5
            near = False
            for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
                if (y1 <= py) != (y2 <= py):
                    crossing = x1 + (py - y1) * (x2 - x1) / (y2 - y1)
                    near |= abs(crossing - px) < 1e-9
                    inside ^= crossing <= px
                near |= abs(y1 - py) < 1e-9
            assert near or got[y, x] == inside

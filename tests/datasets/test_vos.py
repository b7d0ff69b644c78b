"""DAVIS and YouTube-VOS in their own layouts: miniatures with their quirks, mistakes, and the real clips."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from trackzoo.datasets._vos_masks import read_labels
from trackzoo.errors import DataError, SettingsError, TrackzooError, UnknownName
from trackzoo.geometry import box_of_mask
from trackzoo.registry import open_dataset

WIDTH, HEIGHT = 48, 32
#: Colours that are nothing like their indices, one of them twice: only the index tells the objects apart.
PALETTE = [0, 0, 0, 128, 0, 0, 128, 0, 0, 0, 128, 0] + [7, 7, 7] * 252


def labels(*objects: tuple[int, int, int, int, int]) -> np.ndarray:
    """A label map from (label, x, y, w, h)."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for label, x, y, w, h in objects:
        drawn[y : y + h, x : x + w] = label
    return drawn


def write_palette(path: Path, drawn: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(drawn)
    image = image.convert("L")
    image.putpalette(PALETTE)
    image.save(path)


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))


def davis(root: Path, name: str, maps: list[np.ndarray | None], resolution: str = "480p") -> None:
    """A sequence with several objects; None leaves the mask out."""
    for index, drawn in enumerate(maps):
        write_image(root / "JPEGImages" / resolution / name / f"{index:05d}.jpg")
        if drawn is not None:
            write_palette(root / "Annotations" / resolution / name / f"{index:05d}.png", drawn)


BEAR = [labels((1, 2 + t, 3, 10, 8), (2, 30, 10 + t, 6, 6)) for t in range(4)]


@pytest.fixture
def davis2017(tmp_path: Path) -> Path:
    davis(tmp_path, "bear", BEAR)
    davis(
        tmp_path,
        "swan",
        [labels((1, 1, 1, 4, 4)), labels((255, 0, 0, 48, 2)), labels((1, 9, 9, 4, 5), (255, 0, 0, 3, 3))],
    )
    lists = tmp_path / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("swan\nbear\n\n")
    (lists / "train.txt").write_text("bear\r\n")
    return tmp_path


def test_davis2017(davis2017: Path) -> None:
    dataset = open_dataset("davis2017", davis2017)
    assert (dataset.id, dataset.names) == ("davis2017-val", ("swan", "bear"))  # in the order of the list
    assert open_dataset("davis17-train", davis2017).names == ("bear",)
    assert dataset.has_masks
    assert dataset.check() == []
    bear = dataset["bear"]
    assert bear.boxes.tolist() == [[2 + t, 3, 10, 8] for t in range(4)]
    assert bear.annotation.starts == {1: 0, 2: 0}
    assert bear.visible.all()
    assert bear.annotation.annotated is None
    assert bear.masks is not None
    np.testing.assert_array_equal(bear.masks[2], BEAR[2])
    np.testing.assert_array_equal(box_of_mask(bear.masks.mask(3, 2)), [30, 13, 6, 6])  # type: ignore[arg-type]
    assert len(bear.frames) == 4


def test_pixels_that_do_not_count_and_an_object_that_is_gone(davis2017: Path) -> None:
    swan = open_dataset("davis2017", davis2017)["swan"]
    assert swan.visible.tolist() == [True, False, True]
    assert np.isnan(swan.boxes[1]).all()
    assert swan.boxes[2].tolist() == [9, 9, 4, 5]
    assert swan.annotation.starts == {1: 0}
    assert swan.masks is not None
    assert (swan.masks[1] == 255).sum() == 96  # type: ignore[operator]


def test_davis2016_list_of_pairs_and_black_and_white(tmp_path: Path) -> None:
    for index in range(3):
        write_image(tmp_path / "JPEGImages" / "480p" / "camel" / f"{index:05d}.jpg")
        path = tmp_path / "Annotations" / "480p" / "camel" / f"{index:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = labels((255, 5 + index, 4, 7, 6))
        # Some copies have colour channels, with and without alpha.
        modes = (drawn, np.repeat(drawn[..., None], 3, 2), np.dstack([drawn] * 3 + [np.full_like(drawn, 255)]))
        Image.fromarray(modes[index]).save(path)
    lists = tmp_path / "ImageSets" / "480p"
    lists.mkdir(parents=True)
    pairs = (f"/JPEGImages/480p/camel/{index:05d}.jpg /Annotations/480p/camel/{index:05d}.png" for index in range(3))
    (lists / "val.txt").write_text("\n".join(pairs))
    dataset = open_dataset("davis2016", tmp_path)
    assert dataset.names == ("camel",)
    sequence = dataset["camel"]
    assert sequence.boxes.tolist() == [[5, 4, 7, 6], [6, 4, 7, 6], [7, 4, 7, 6]]
    assert sequence.annotation.starts == {1: 0}
    assert sequence.masks is not None
    assert set(np.unique(sequence.masks[0])) == {0, 1}  # type: ignore[arg-type]
    assert dataset.check() == []


def test_davis_without_lists(tmp_path: Path) -> None:
    davis(tmp_path, "blackswan", BEAR)
    davis(tmp_path, "bear", BEAR)
    assert open_dataset("davis2016", tmp_path).names == ("blackswan",)
    assert open_dataset("davis2016-train", tmp_path).names == ("bear",)
    assert len(open_dataset("davis2017-val", tmp_path).names) == 30
    assert open_dataset("davis2017-val", tmp_path).available() == ("blackswan",)
    assert open_dataset("davis2017-train", tmp_path).names == ("bear",)


def test_davis_test_dev_has_the_first_masks(tmp_path: Path) -> None:
    davis(tmp_path, "boat", [BEAR[0], None, None])
    dataset = open_dataset("davis2017-test-dev", tmp_path)
    assert not dataset.public_truth
    boat = dataset["boat"]
    assert len(boat) == len(boat.frames) == 3
    assert boat.annotation.annotated is not None
    assert boat.annotation.annotated.tolist() == [True, False, False]
    assert boat.masks is not None
    assert boat.masks[1] is None
    assert boat.masks.mask(1, 1) is None
    assert dataset.check() == []


def test_davis_resolution(tmp_path: Path) -> None:
    davis(tmp_path, "blackswan", BEAR, "Full-Resolution")
    dataset = open_dataset("davis2016:resolution=Full-Resolution", tmp_path)
    assert dataset.id == "davis2016-val+resolution=Full-Resolution"
    assert dataset.names == ("blackswan",)
    with pytest.raises(SettingsError, match="resolution=4k, expected 480p"):
        open_dataset("davis2016:resolution=4k", tmp_path)


def test_a_copy_elsewhere_has_the_same_fingerprint_until_a_pixel_differs(
    davis2017: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    davis(other, "bear", BEAR)
    names = ["bear"]
    first = open_dataset("davis2017", davis2017).fingerprint(names)
    (other / "ImageSets" / "2017").mkdir(parents=True)
    (other / "ImageSets" / "2017" / "val.txt").write_text("bear")
    assert open_dataset("davis2017", other).fingerprint(names) == first
    changed = BEAR[2].copy()
    changed[20, 40] = 2  # of the second object, which no box shows
    write_palette(other / "Annotations" / "480p" / "bear" / "00002.png", changed)
    assert open_dataset("davis2017", other).fingerprint(names) != first


def test_it_pickles(davis2017: Path) -> None:
    dataset = open_dataset("davis2017", davis2017)
    sequence = dataset["bear"]
    boxes = sequence.boxes
    again, masks = pickle.loads(pickle.dumps((sequence, sequence.masks)))
    assert np.array_equal(again.boxes, boxes)
    assert np.array_equal(masks[0], BEAR[0])
    assert pickle.loads(pickle.dumps(dataset)).names == dataset.names


# YouTube-VOS.


def video(root: Path, part: str, name: str, maps: dict[int, np.ndarray | None]) -> None:
    for number, drawn in maps.items():
        write_image(root / part / "JPEGImages" / name / f"{number:05d}.jpg")
        if drawn is not None:
            write_palette(root / part / "Annotations" / name / f"{number:05d}.png", drawn)


def meta(root: Path, part: str, videos: dict[str, dict[int, tuple[str, str]]]) -> Path:
    content = {
        name: {"objects": {str(obj): {"category": word, "frames": [begin]} for obj, (word, begin) in objects.items()}}
        for name, objects in videos.items()
    }
    path = root / part / "meta.json"
    path.write_text(json.dumps({"videos": content}))
    return path


@pytest.fixture
def youtube(tmp_path: Path) -> Path:
    later = labels((2, 3, 3, 9, 9))
    video(
        tmp_path, "train", "0a", {0: labels((1, 1, 1, 5, 5)), 5: labels((1, 2, 1, 5, 5), (2, 20, 9, 4, 4)), 10: later}
    )
    video(tmp_path, "train", "0b", {0: later, 5: None, 10: later + 0})
    meta(tmp_path, "train", {"0b": {2: ("dog", "00000")}, "0a": {1: ("cat", "00000"), 2: ("dog", "00005")}})
    video(tmp_path, "valid", "ff", {20: labels((3, 6, 6, 8, 8)), 25: None, 30: labels((1, 1, 1, 3, 3)), 35: None})
    meta(tmp_path, "valid", {"ff": {3: ("owl", "00020"), 1: ("cat", "00030")}})
    return tmp_path


def test_youtube_train(youtube: Path) -> None:
    dataset = open_dataset("youtube-vos2019-train", youtube)
    assert dataset.names == ("0a", "0b")
    assert dataset.public_truth
    first = dataset["0a"]
    assert first.annotation.starts == {1: 0, 2: 1}
    assert first.visible.tolist() == [True, True, False]
    assert first.category == "cat"
    assert first.fps == 6
    second = dataset["0b"]
    assert second.annotation.annotated is not None
    assert second.annotation.annotated.tolist() == [True, False, True]
    assert second.visible.all()
    assert second.annotation.starts == {2: 0}
    assert second.boxes[0].tolist() == [3, 3, 9, 9]
    assert np.isnan(second.boxes[1]).all()
    assert dataset.check() == []


def test_youtube_valid_gives_the_masks_in_which_objects_appear(youtube: Path) -> None:
    dataset = open_dataset("youtube-vos2018", youtube)
    assert (dataset.id, dataset.names) == ("youtube-vos2018-valid", ("ff",))
    assert not dataset.public_truth
    sequence = dataset["ff"]
    assert len(sequence.frames) == 4
    assert sequence.annotation.starts == {1: 2, 3: 0}
    assert sequence.boxes[0].tolist() == [6, 6, 8, 8]  # of object 3, which is there first
    assert sequence.category == "owl"
    assert dataset.check() == []
    assert pickle.loads(pickle.dumps(sequence)).category == "owl"


def test_youtube_unpacked_one_deeper_and_without_meta(tmp_path: Path) -> None:
    video(tmp_path / "valid", "valid", "ab", {0: BEAR[0], 5: None})
    dataset = open_dataset("ytvos2019-valid", tmp_path)
    assert dataset.names == ("ab",)
    assert dataset["ab"].category is None
    assert len(dataset["ab"]) == 2


def test_youtube_jj_lists(youtube: Path) -> None:
    assert len(open_dataset("youtube-vos2019-jjval", youtube).names) == 300
    name = open_dataset("youtube-vos2019-jjval", youtube).names[7]
    video(youtube, "train", name, {0: BEAR[0]})
    meta(youtube, "train", {name: {1: ("cat", "00000")}, "0a": {1: ("cat", "00000")}})
    assert open_dataset("youtube-vos2019-jjval", youtube).available() == (name,)
    assert open_dataset("youtube-vos2019-jjtrain", youtube).names == ("0a",)


def test_youtube_check_compares_meta_and_masks(youtube: Path) -> None:
    meta(
        youtube,
        "train",
        {"0a": {1: ("cat", "00000"), 2: ("dog", "00000"), 3: ("cow", "00010")}, "0b": {2: ("dog", "00000")}},
    )
    problems = open_dataset("youtube-vos2019-train", youtube).check()
    assert [(problem.fatal, problem.sequence, problem.text) for problem in problems] == [
        (False, "0a", "object 3 is in meta.json but in no mask"),
        (False, "0a", "object 2 begins at frame 00005, in meta.json at 00000"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"videos": {', r"meta.json:1: found text that is not JSON"),
        ('{"clips": {}}', r"found JSON of another form"),
        ('{"videos": {"a": {"objects": {"one": {}}}}}', r"found odd facts about video 'a'"),
        ('{"videos": {"a": []}}', r"found odd facts about video 'a'"),
    ],
)
def test_odd_meta(youtube: Path, text: str, message: str) -> None:
    (youtube / "train" / "meta.json").write_text(text)
    with pytest.raises(DataError, match=message):
        open_dataset("youtube-vos2019-train", youtube).names  # noqa: B018


# Mistakes.


def _bear(root: Path) -> Path:
    return root / "Annotations" / "480p" / "bear"


def test_a_missing_mask_is_named(davis2017: Path) -> None:
    (_bear(davis2017) / "00002.png").unlink()
    with pytest.raises(DataError, match=r"bear: found no mask 00002.png, expected 4 masks, one an image"):
        len(open_dataset("davis2017", davis2017)["bear"])
    problems = open_dataset("davis2017", davis2017).check()
    assert ["no mask 00002.png" in problem.text for problem in problems] == [True]


def test_a_mask_without_an_image(davis2017: Path) -> None:
    (davis2017 / "JPEGImages" / "480p" / "bear" / "00003.jpg").unlink()
    with pytest.raises(DataError, match=r"00003.png: found a mask without an image"):
        len(open_dataset("davis2017", davis2017)["bear"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"00001.png: found an empty file, expected a mask as PNG"),
        (b"\x89PNG\r\n\x1a\n rest", r"00001.png: found data that cannot be decoded"),
        (None, r"00001.png: found data that cannot be decoded"),
    ],
)
def test_broken_masks(davis2017: Path, content: bytes | None, message: str) -> None:
    path = _bear(davis2017) / "00001.png"
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    with pytest.raises(DataError, match=message) as error:
        len(open_dataset("davis2017", davis2017)["bear"])
    assert "\n" not in str(error.value)


def test_colours_where_labels_should_be(davis2017: Path) -> None:
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(_bear(davis2017) / "00001.png")
    with pytest.raises(DataError, match=r"00001.png: found an image of mode RGB, expected a palette or grey image"):
        len(open_dataset("davis2017", davis2017)["bear"])


def test_masks_of_two_sizes(davis2017: Path) -> None:
    write_palette(_bear(davis2017) / "00001.png", np.ones((10, 12), np.uint8))
    with pytest.raises(DataError, match=r"00001.png: found a mask of 12x10 pixels, expected 48x32 pixels as before"):
        len(open_dataset("davis2017", davis2017)["bear"])


def test_masks_without_an_object(davis2017: Path) -> None:
    for path in _bear(davis2017).iterdir():
        write_palette(path, labels())
    with pytest.raises(DataError, match="found masks that are all empty, expected an object"):
        len(open_dataset("davis2017", davis2017)["bear"])


def test_odd_lists(davis2017: Path) -> None:
    path = davis2017 / "ImageSets" / "2017" / "val.txt"
    path.write_text("bear\n../../etc\n")
    with pytest.raises(DataError, match=r"val.txt:2: found '../../etc', expected the name of a sequence"):
        open_dataset("davis2017", davis2017).names  # noqa: B018
    path.write_text("\n")
    with pytest.raises(DataError, match=r"val.txt: found an empty list"):
        open_dataset("davis2017", davis2017).names  # noqa: B018


def test_names(davis2017: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean bear"):
        open_dataset("davis2017", davis2017)["bera"]
    with pytest.raises(TrackzooError, match="trackzoo datasets add davis2017"):
        open_dataset("davis2017")


def test_indices_are_read_not_colours(tmp_path: Path) -> None:
    write_palette(tmp_path / "a.png", BEAR[0])
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), BEAR[0])
    shown = cv2.imread(str(tmp_path / "a.png"))
    assert (shown[BEAR[0] == 1][0] == shown[BEAR[0] == 2][0]).all()  # by colour the two would be one
    with pytest.raises(DataError, match="no such file"):
        read_labels(tmp_path / "none.png")


# Real clips.


def test_real_davis2016_clips(shared: Path) -> None:
    dataset = open_dataset("davis2016", shared / "data" / "sequences" / "davis2016")
    assert dataset.names == dataset.available() == ("car-shadow", "scooter-black")
    assert [len(dataset[name].frames) for name in dataset.names] == [40, 43]
    sequence = dataset["car-shadow"]
    assert len(sequence) == 40
    assert sequence.visible.all()
    assert sequence.frames[0].size == (854, 480)
    assert sequence.masks is not None
    mask = sequence.masks.mask(17, 1)
    assert mask is not None
    np.testing.assert_array_equal(box_of_mask(mask), sequence.boxes[17])
    assert 0.02 < mask.mean() < 0.3

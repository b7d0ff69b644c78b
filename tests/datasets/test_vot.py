"""VOT: polygons, boxes and masks as regions, tags and anchors, where the images are, what the lists say."""

from __future__ import annotations

import pickle
from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.errors import DataError
from trackzoo.protocols.ope import OnePassTrial
from trackzoo.region_text import format_region
from trackzoo.regions import Mask, Polygon, Rectangle, Region, Special
from trackzoo.registry import dataset_specs, open_dataset
from trackzoo.roots import Root, survey

WIDTH, HEIGHT = miniatures.SIZE


def sequence(
    root: Path,
    name: str,
    regions: list[Region],
    *,
    images: int | None = None,
    folder: str = "color",
    metadata: str | None = None,
    pattern: str = "{:08d}.jpg",
) -> Path:
    """A VOT sequence; returns its folder."""
    home = root / name
    miniatures.text(home / "groundtruth.txt", "".join(format_region(region) + "\n" for region in regions))
    for number in range(1, (len(regions) if images is None else images) + 1):
        miniatures.image(home / folder / pattern.format(number), number)
    if metadata is not None:
        miniatures.text(home / "sequence", metadata)
    return home


def polygons(count: int) -> list[Region]:
    return [Polygon(((5.5 + t, 2), (9.25 + t, 6), (6 + t, 9.75), (2 + t, 5))) for t in range(count)]


def blob(x: int, y: int, *rows: str) -> Mask:
    return Mask(x, y, np.array([[letter == "#" for letter in row] for row in rows]))


def test_every_year_is_there(tmp_path: Path) -> None:
    years = ["vot2015", "vot2016", "vot2017", "vot2018", "vot2019", "vot2020", "vot2021", "vot2022-sts", "vot2022-stb"]
    assert set(years) <= dataset_specs().keys()
    lengths = {name: len(open_dataset(name, tmp_path)) for name in years}
    assert lengths == {**dict.fromkeys(years, 0), "vot2018": 60, "vot2019": 60, "vot2020": 60, "vot2022-sts": 62}
    assert open_dataset("vot2022", tmp_path).id == "vot2022-sts"
    frames = {year: open_dataset(f"vot{year}", tmp_path) for year in (2018, 2019)}
    counts = {year: [dataset.listed_frames(name) for name in dataset.names] for year, dataset in frames.items()}  # type: ignore[attr-defined]
    assert {year: sum(values) for year, values in counts.items()} == {2018: 21356, 2019: 19935}
    assert {name: open_dataset(name, tmp_path).has_masks for name in years} == {
        name: name in ("vot2020", "vot2021", "vot2022-sts") for name in years
    }


def test_polygons(tmp_path: Path) -> None:
    sequence(tmp_path, "ants1", polygons(4), metadata="name=ants1\nfps=25\nwidth=32\nheight=24\nlength=4\n")
    dataset = open_dataset("vot2018", tmp_path)
    assert (dataset.available(), dataset.origin, dataset.protocol) == (("ants1",), 0, "vot-supervised")
    ants = pickle.loads(pickle.dumps(dataset["ants1"]))
    assert ants.regions == tuple(polygons(4))
    assert ants.boxes.tolist() == [[2 + t, 2, 7.25, 7.75] for t in range(4)]
    assert ants.visible.all()
    assert ants.masks is None
    assert (ants.fps, ants.size) == (25, (32, 24))
    assert len(ants.frames) == 4
    assert ants.frames[3].size == miniatures.SIZE
    texts = [problem.text for problem in dataset.check() if problem.sequence == "ants1"]
    assert texts == ["a cut copy: 4 of 325 frames; its figures do not compare with published ones"]


def test_rectangles_among_the_polygons(tmp_path: Path) -> None:
    boxes: list[Region] = [Rectangle(1.5, 2, 10, 8), Rectangle(2, 2, 10, 8)]
    sequence(tmp_path, "conduction1", boxes)
    conduction = open_dataset("vot2018", tmp_path)["conduction1"]
    assert conduction.regions == tuple(boxes)
    assert conduction.boxes.tolist() == [[1.5, 2, 10, 8], [2, 2, 10, 8]]


MASKS: list[Region] = [
    blob(4, 3, ".##", "###"),
    blob(0, 0, "."),
    blob(-1, 22, "###", "###", "###"),
    Special(0),
    blob(10, 2, "....", ".#..", ".##.", "...."),
]


def test_masks(tmp_path: Path) -> None:
    home = sequence(tmp_path, "agility", MASKS)
    miniatures.text(home / "anchor.value", "1\n0\n\n0\n-1\n")
    dataset = open_dataset("vot2020", tmp_path)
    agility = pickle.loads(pickle.dumps(dataset["agility"]))
    nan = [np.nan] * 4
    np.testing.assert_array_equal(agility.boxes, [[4, 3, 3, 2], nan, [-1, 22, 3, 3], nan, [11, 3, 2, 2]])
    assert agility.visible.tolist() == [True, False, True, False, True]
    np.testing.assert_array_equal(agility.annotation.labels["anchor"], [1, 0, np.nan, 0, -1])
    maps = [agility.masks[index] for index in range(5)]
    assert {labels.shape for labels in maps} == {(HEIGHT, WIDTH)}
    assert [int(labels.sum()) for labels in maps] == [5, 0, 4, 0, 3]  # the third one is cut by the picture
    target = OnePassTrial(agility).target(0, agility.frames[0])
    assert target.box.tolist() == [4, 3, 3, 2]
    assert target.mask is not None
    assert [list(where) for where in np.nonzero(target.mask)] == [[3, 3, 4, 4, 4], [5, 6, 4, 5, 6]]
    assert [problem for problem in dataset.check() if problem.sequence == "agility"] == []


def test_masks_are_as_large_as_the_metadata_says(tmp_path: Path) -> None:
    sequence(tmp_path, "agility", MASKS, metadata="width=40\nheight=30\n")
    (tmp_path / "agility" / "color" / "00000001.jpg").write_bytes(b"")  # so no image need be decoded for it
    masks = open_dataset("vot2022-sts", tmp_path)["agility"].masks
    assert masks is not None
    labels = masks[2]
    assert labels is not None
    assert (labels.shape, int(labels.sum())) == ((30, 40), 6)


def test_boxes_of_the_second_task_of_2022(tmp_path: Path) -> None:
    sequence(tmp_path, "agility", [Rectangle(3, 4, 5, 6), Special(0)])
    dataset = open_dataset("vot2022-stb", tmp_path)
    assert dataset.names == ("agility",)
    np.testing.assert_array_equal(dataset["agility"].boxes, [[3, 4, 5, 6], [np.nan] * 4])
    assert dataset["agility"].masks is None


def test_tags_and_values(tmp_path: Path) -> None:
    home = sequence(tmp_path, "ball3", polygons(4), metadata="length=5")
    miniatures.text(home / "occlusion.tag", "0\n1\n1\n0\n")
    miniatures.text(home / "occlusion.label", "1\n1\n1\n1\n")  # the older name, and it goes last
    miniatures.text(home / "camera_motion.label", "1\r\n1\r\n")
    miniatures.text(home / "size_change.tag", "")
    miniatures.text(home / "depth.value", "1.5\n\n2.5\n")
    dataset = open_dataset("vot2019", tmp_path)
    labels = dataset["ball3"].annotation.labels
    assert {name: values.tolist() for name, values in labels.items() if name.startswith("tag:")} == {
        "tag:occlusion": [False, True, True, False],
        "tag:camera_motion": [True, True, False, False],
        "tag:size_change": [False] * 4,
    }
    np.testing.assert_array_equal(labels["value:depth"], [1.5, np.nan, 2.5, np.nan])
    odd = {problem.path.name: problem.text for problem in dataset.check() if problem.sequence == "ball3"}
    assert odd.keys() == {"groundtruth.txt", "camera_motion.label", "size_change.tag", "sequence"}
    assert odd["camera_motion.label"].startswith("2 flags of the tag 'camera_motion' for 4 frames")
    assert odd["sequence"] == "says length=5, and there are 4 regions"
    miniatures.text(home / "occlusion.tag", "0\n1\nx\n0\n")
    with pytest.raises(DataError, match=r"occlusion.tag:3: found 'x', expected 0 or 1"):
        _ = open_dataset("vot2019", tmp_path)["ball3"].annotation
    miniatures.text(home / "occlusion.tag", "0\n")
    miniatures.text(home / "anchor.value", "1\n0\n0\n0\n-1\n")
    with pytest.raises(DataError, match=r"anchor.value: found 5 lines, expected 4"):
        _ = open_dataset("vot2019", tmp_path)["ball3"].annotation


def test_anchors_belong_to_the_fingerprint_and_tags_do_not(tmp_path: Path) -> None:
    home = sequence(tmp_path, "agility", MASKS)
    prints = [open_dataset("vot2020", tmp_path).fingerprint()]
    miniatures.text(home / "occlusion.tag", "1\n0\n0\n0\n0\n")
    prints.append(open_dataset("vot2020", tmp_path).fingerprint())
    for anchors in ("1\n0\n0\n0\n-1\n", "1\n0\n-1\n0\n0\n"):
        miniatures.text(home / "anchor.value", anchors)
        prints.append(open_dataset("vot2020", tmp_path).fingerprint())
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_several_objects_and_pixels_that_do_not_count(tmp_path: Path) -> None:
    home = sequence(tmp_path, "pair", MASKS)
    (home / "groundtruth.txt").rename(home / "groundtruth_2.txt")
    second = [Special(0), *[blob(5, 3, "#")] * 4]
    miniatures.text(home / "groundtruth_10.txt", "".join(format_region(region) + "\n" for region in second))
    dataset = open_dataset("vot2021", tmp_path)
    before = dataset.fingerprint()
    miniatures.text(home / "groundtruth__ignore.txt", "0\n" * 4 + "m0,0,2,2,0,4\n")
    pair = dataset["pair"]
    assert pair.regions == tuple(MASKS)  # of the object with the lowest id
    assert pair.annotation.starts == {1: 0, 2: 1}
    assert pair.masks is not None
    labels = pair.masks[0], pair.masks[4]
    assert [sorted(np.unique(each)) for each in labels if each is not None] == [[0, 1], [0, 1, 2]]
    assert pair.annotation.ignore is not None
    assert pair.annotation.ignore[4] == blob(0, 0, "##", "##")
    assert open_dataset("vot2021", tmp_path).fingerprint() != before
    miniatures.text(home / "groundtruth__ignore.txt", "0\n0\n")
    with pytest.raises(
        DataError, match=r"groundtruth__ignore.txt: found 2 regions, expected 5 as in groundtruth_2.txt"
    ):
        _ = open_dataset("vot2021", tmp_path)["pair"].annotation


@pytest.mark.parametrize(
    ("folder", "pattern", "metadata"),
    [
        ("color", "{:08d}.jpg", None),
        (".", "{:08d}.jpg", None),  # the first years
        ("color", "{:08d}.jpg", "channels.color=color/%08d.jpg"),
        ("rgb", "frame{:05d}.png", "fps=30\nchannels.color = rgb/frame%05d.png"),
        ("color", "{}.jpg", "channels.color=color/%d.jpg"),
        ("color", "{:08d}.jpg", "channels.color=../../etc/%08d.jpg"),  # never outside; the usual place instead
    ],
)
def test_where_the_images_are(tmp_path: Path, folder: str, pattern: str, metadata: str | None) -> None:
    sequence(tmp_path, "bag", polygons(11), folder=folder, pattern=pattern, metadata=metadata)
    dataset = open_dataset("vot2015", tmp_path)
    assert dataset.available() == ("bag",)
    frames = dataset["bag"].frames
    assert len(frames) == 11
    assert frames[10].array().shape == (HEIGHT, WIDTH, 3)
    assert frames[10].label == str(tmp_path / "bag" / folder / pattern.format(11))
    assert [problem.fatal for problem in dataset.check()] == [False]  # one of 60 sequences


def test_lists(tmp_path: Path) -> None:
    for name in ("zebra", "bag", "car1"):
        sequence(tmp_path / "sequences", name, polygons(3))
    miniatures.text(tmp_path / "sequences" / "notes" / "read.me", "no sequence")
    assert open_dataset("vot2016", tmp_path).names == ("bag", "car1", "zebra")
    listing = miniatures.text(tmp_path / "sequences" / "list.txt", "zebra\nbag\r\n\nmissing\n")
    dataset = open_dataset("vot2016", tmp_path)
    assert dataset.names == ("zebra", "bag", "missing")
    assert dataset.available() == ("zebra", "bag")
    texts = [problem.text for problem in dataset.check()]
    assert texts[0].startswith("3 of the 60 sequences of VOT2016")
    assert texts[1:] == ["the whole sequence is missing"]
    # A year whose list is known keeps it, and tells of another one.
    known = open_dataset("vot2018", tmp_path)
    assert len(known) == 60
    assert known.available() == ("bag", "car1")
    [problem] = [found for found in known.check() if found.sequence is None]
    assert (problem.path, problem.fatal) == (listing, False)
    listing.write_text("zebra\n../bag\n")
    with pytest.raises(DataError, match=r"list.txt:2: found '../bag'"):
        _ = open_dataset("vot2016", tmp_path).names


@pytest.mark.parametrize(
    ("line", "says"),
    [("1,2,3", "3 numbers"), ("here", "'here'"), ("m1,2,3,3,1", "runs of 1 pixels"), ("", "''")],
)
def test_bad_regions_are_named(tmp_path: Path, line: str, says: str) -> None:
    path = sequence(tmp_path, "bag", polygons(4)) / "groundtruth.txt"
    path.write_text(f"1,2,3,4\n{line}\n1,2,3,4\n1,2,3,4\n")
    dataset = open_dataset("vot2015", tmp_path)
    with pytest.raises(DataError) as caught:
        _ = dataset["bag"].boxes
    assert f"{path}:2: found" in str(caught.value)
    assert says in str(caught.value)
    [problem] = [found for found in dataset.check() if found.fatal]
    assert problem.text.startswith("line 2: found")


def test_too_few_regions(tmp_path: Path) -> None:
    sequence(tmp_path, "bag", polygons(4), images=6)
    with pytest.raises(DataError, match="too few rows: 4, and more images in"):
        _ = open_dataset("vot2015", tmp_path)["bag"].boxes


def test_real_clip(shared: Path) -> None:
    dataset = open_dataset("vot2015", shared / "data" / "sequences" / "vot2015")
    assert dataset.available() == ("bag",)
    bag = dataset["bag"]
    assert len(bag) == len(bag.frames) == 120
    assert bag.regions is not None
    corners = ((291.827, 203.603), (396.382, 264.289), (442.173, 185.397), (337.618, 124.711))
    assert bag.regions[0] == Polygon(corners)
    np.testing.assert_allclose(bag.boxes[0], [291.827, 124.711, 150.346, 139.578])
    assert (bag.fps, bag.size) == (30, (480, 360))
    assert bag.frames[119].size == (480, 360)
    [problem] = dataset.check()
    assert problem.text.startswith("1 of the 60 sequences of VOT2015")


def test_a_folder_without_sequences(tmp_path: Path) -> None:
    [problem] = open_dataset("vot2017", tmp_path).check()
    assert problem.fatal
    assert problem.text == "no sequence, expected list.txt or folders with a groundtruth.txt"


def test_a_part_of_a_year_is_not_called_complete(tmp_path: Path) -> None:
    for name in ("bag", "zebra"):
        sequence(tmp_path, name, polygons(3))
    [found] = survey(dataset_specs()["vot2015"], Root(tmp_path, "--data-root"))
    assert (found.here, found.total, found.complete) == (2, 60, False)

"""OTB: frame ranges, every kind of separator, twins under all their spellings, both tables of attributes, queries."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.errors import DataError, SettingsError, UnknownName
from trackzoo.registry import open_dataset

SITE = {
    "IV": 38,
    "SV": 65,
    "OCC": 49,
    "DEF": 44,
    "MB": 31,
    "FM": 43,
    "IPR": 51,
    "OPR": 64,
    "OV": 14,
    "BC": 32,
    "LR": 10,
}
MATLAB = {**SITE, "SV": 64, "MB": 29, "FM": 39, "OPR": 63, "BC": 31, "LR": 9}


def video(
    home: Path,
    count: int,
    *,
    images: Iterable[int] = (),
    file: str = "groundtruth_rect.txt",
    separator: str = ",",
    newline: str = "\n",
    pattern: str = "{:04d}.jpg",
) -> np.ndarray:
    """A video's folder with `count` rows and the images of those numbers; returns the rows."""
    values = miniatures.boxes(count)
    miniatures.text(home / file, miniatures.rows(values, separator, newline))
    for number in images:
        miniatures.image(home / "img" / pattern.format(number), number)
    return values


def test_the_four_sets_and_their_names(tmp_path: Path) -> None:
    sizes = {"otb100": 100, "otb50": 50, "otb2013": 51, "otb99-lang": 48, "otb99-lang-train": 51, "otb99-lang-test": 48}
    for name, size in sizes.items():
        dataset = open_dataset(name, tmp_path)
        assert (len(dataset), dataset.origin, dataset.toolkit_names["pytracking"]) == (size, 1, "otb")
        assert dataset.profile == ("stark" if "lang" in name else "pytracking")
        assert dataset.available() == ()
    for alias in ("otb", "OTB-100", "otb2015"):
        assert open_dataset(alias, tmp_path).id == "otb100"
    hard, first = (set(open_dataset(name, tmp_path).names) for name in ("otb50", "otb2013"))
    assert len(hard & first) == 28
    language = set(open_dataset("otb99-lang-train", tmp_path).names) | set(open_dataset("otb99-lang", tmp_path).names)
    assert len(language) == 99
    assert "ClifBar" not in language


@pytest.mark.parametrize(
    ("name", "first", "last", "pattern"),
    [
        ("David", 300, 770, "{:04d}.jpg"),
        ("BlurCar1", 247, 988, "{:04d}.jpg"),
        ("BlurCar3", 3, 359, "{:04d}.jpg"),
        ("BlurCar4", 18, 397, "{:04d}.jpg"),
        ("Board", 1, 698, "{:05d}.jpg"),
        ("Football1", 1, 74, "{:04d}.jpg"),
        ("Freeman3", 1, 460, "{:04d}.jpg"),
        ("Diving", 1, 215, "{:04d}.jpg"),
    ],
)
def test_videos_that_are_used_in_part(tmp_path: Path, name: str, first: int, last: int, pattern: str) -> None:
    around = {1, first - 1, first, last, last + 1} - {0}  # there are images before and after
    values = video(tmp_path / name, last - first + 1, images=around, pattern=pattern)
    sequence = open_dataset("otb100", tmp_path)[name]
    np.testing.assert_array_equal(sequence.boxes, values)
    assert len(sequence.frames) == len(sequence) == last - first + 1
    assert sequence.frames[0].label == str(tmp_path / name / "img" / pattern.format(first))
    assert sequence.frames[-1].label == str(tmp_path / name / "img" / pattern.format(last))
    assert sequence.frames[0].size == miniatures.SIZE
    # A copy whose annotation begins with picture 1 gives the same boxes.
    everything = video(tmp_path / name, last)
    np.testing.assert_array_equal(open_dataset("otb100", tmp_path)[name].boxes, everything[first - 1 :])


def test_tiger1_has_rows_before_its_first_frame(tmp_path: Path) -> None:
    values = video(tmp_path / "Tiger1", 354, images=[1, 6, 354])
    sequence = open_dataset("otb", tmp_path)["Tiger1"]
    np.testing.assert_array_equal(sequence.boxes, values[5:])
    assert sequence.frames[0].label.endswith("0006.jpg")
    values = video(tmp_path / "Tiger1", 349)  # copies that leave them out
    np.testing.assert_array_equal(open_dataset("otb", tmp_path)["Tiger1"].boxes, values)
    values = video(tmp_path / "Tiger1", 12, images=range(1, 13))  # cut after picture 12
    for number in (354,):
        (tmp_path / "Tiger1" / "img" / f"{number:04d}.jpg").unlink()
    np.testing.assert_array_equal(open_dataset("otb", tmp_path)["Tiger1"].boxes, values[5:])


@pytest.mark.parametrize("separator", [",", "\t", " ", ", ", ",\t", "  \t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", " \n", ",\n"])
def test_every_separator(tmp_path: Path, separator: str, newline: str) -> None:
    values = video(tmp_path / "Deer", 71, images=[1], separator=separator, newline=newline)
    np.testing.assert_array_equal(open_dataset("otb", tmp_path)["Deer"].boxes, values)


def test_separators_that_change_within_a_file(tmp_path: Path) -> None:
    video(tmp_path / "Deer", 71, images=[1])
    path = tmp_path / "Deer" / "groundtruth_rect.txt"
    lines = path.read_text().splitlines()
    before = open_dataset("otb", tmp_path).fingerprint()
    mixed = [line.replace(",", separator) for line, separator in zip(lines, [",", "\t", "  ", ", "] * 18, strict=False)]
    path.write_text("\n".join(mixed))
    assert open_dataset("otb", tmp_path).fingerprint() == before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Jogging/groundtruth_rect.1.txt", "Jogging/groundtruth_rect.2.txt"),
        ("Jogging-1/groundtruth_rect.1.txt", "Jogging-2/groundtruth_rect.2.txt"),
        ("Jogging-1/groundtruth_rect.txt", "Jogging-2/groundtruth_rect.txt"),
        ("jogging_1/groundtruth_rect.txt", "jogging_2/groundtruth_rect.txt"),
        ("Jogging/Jogging/groundtruth_rect.1.txt", "Jogging/Jogging/groundtruth_rect.2.txt"),
        ("OTB_videos/Jogging/groundtruth_rect.1.txt", "OTB_videos/Jogging/groundtruth_rect.2.txt"),
    ],
)
def test_two_targets_of_one_video(tmp_path: Path, first: str, second: str) -> None:
    for path, shift in ((tmp_path / first, 0), (tmp_path / second, 9)):
        miniatures.text(path, miniatures.rows(miniatures.boxes(307, start=3 + shift)))
        miniatures.image(path.parent / "img" / "0001.jpg", 1)
    dataset = open_dataset("otb100", tmp_path)
    assert dataset.available() == ("Jogging_1", "Jogging_2")
    for name, path, shift in (("Jogging_1", first, 0), ("Jogging_2", second, 9)):
        np.testing.assert_array_equal(dataset[name].boxes, miniatures.boxes(307, start=3 + shift))
        assert dataset[name].frames[0].label == str((tmp_path / path).parent / "img" / "0001.jpg")


def test_the_second_target_of_human4_is_the_one_used(tmp_path: Path) -> None:
    video(tmp_path / "Human4", 667, file="groundtruth_rect.1.txt")
    (tmp_path / "Human4" / "groundtruth_rect.2.txt").write_text(miniatures.rows(miniatures.boxes(667, 8)))
    miniatures.image(tmp_path / "Human4" / "img" / "0001.jpg")
    np.testing.assert_array_equal(open_dataset("otb100", tmp_path)["Human4_2"].boxes, miniatures.boxes(667, 8))


def test_other_spellings_of_a_name(tmp_path: Path) -> None:
    dataset = open_dataset("otb100", tmp_path)
    for spelling in ("Jogging_1", "Jogging-1", "jogging.1", "Jogging1"):
        assert dataset[spelling].name == "Jogging_1"
    assert dataset["Human4"].name == dataset["human4.2"].name == "Human4_2"
    assert dataset["Car24"].name == "Car24"
    with pytest.raises(UnknownName, match="Skating2_1"):
        dataset["Skating2"]  # which of the two?
    assert open_dataset("otb99-lang", tmp_path)["Human4_2"].name == "Human4"


def test_copies_spell_folders_with_other_capitals(tmp_path: Path) -> None:
    video(tmp_path / "Kitesurf", 84, images=[1])
    dataset = open_dataset("otb100", tmp_path)
    assert dataset.available() == ("KiteSurf",)
    assert len(dataset["KiteSurf"].frames) == 84


def test_attributes_of_both_tables(tmp_path: Path) -> None:
    for option, counts in (("", SITE), (":attributes=site", SITE), (":attributes=matlab", MATLAB)):
        dataset = open_dataset(f"otb100{option}", tmp_path)
        assert Counter(attribute for sequence in dataset for attribute in sequence.attributes) == Counter(counts)
        assert dataset.attribute_source == (option.partition("=")[2] or "site")  # type: ignore[attr-defined]
    assert dataset.id == "otb100"  # results do not depend on it
    with pytest.raises(SettingsError, match="attributes=pysot, expected site or matlab"):
        open_dataset("otb100:attributes=pysot", tmp_path)
    for name in ("otb99-lang", "otb99-lang-train", "otb50", "otb2013"):
        assert all(sequence.attributes for sequence in open_dataset(name, tmp_path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1,2,3,4\n5,6,7\n", ":2: found 3 numbers"),
        ("1,2,3,4\n5,six,7,8\n", ":2: found 'six'"),
        ("1,2,3,4\nNaN,NaN,NaN,NaN\n", ":2: found 'NaN', expected a finite number"),
        ("", "found an empty file"),
        ("1,2,3,4\n" * 70, "too few rows: 70"),
        ("1,2,3,4\n" * 72, "too many rows: 72"),
    ],
)
def test_bad_annotation_is_named(tmp_path: Path, content: str, says: str) -> None:
    video(tmp_path / "Deer", 71, images=range(1, 72))
    path = tmp_path / "Deer" / "groundtruth_rect.txt"
    path.write_text(content)
    dataset = open_dataset("otb", tmp_path)
    with pytest.raises(DataError) as caught:
        _ = dataset["Deer"].boxes
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    problems = [problem for problem in dataset.check() if problem.sequence == "Deer"]
    assert [(problem.path, problem.fatal) for problem in problems] == [(path, True)]


def test_check_tells_what_is_missing_and_what_was_cut(tmp_path: Path) -> None:
    video(tmp_path / "Deer", 71, images=[number for number in range(1, 72) if number not in (5, 6, 7, 40)])
    video(tmp_path / "Couple", 20, images=range(1, 21))
    (tmp_path / "Couple" / "img" / "0003.jpg").write_bytes(b"")
    found: dict[str, list[str]] = {}
    for problem in open_dataset("otb", tmp_path).check():
        found.setdefault(problem.sequence or "", []).append(f"{problem.path.name}: {problem.text} {problem.fatal}")
    assert len(found) == 100
    assert found["Basketball"] == ["groundtruth_rect.txt: the whole sequence is missing True"]
    deer, couple = "\n".join(found["Deer"]), "\n".join(found["Couple"])
    assert "0005.jpg: missing, and all up to 0007.jpg (3 images)" in deer
    assert "0040.jpg: missing" in deer
    assert "a cut copy: 20 of 140 frames" in couple
    assert "False" in found["Couple"][0]
    assert "0003.jpg: an empty file" in couple


def test_fingerprint_is_the_content_not_the_packing(tmp_path: Path) -> None:
    video(tmp_path / "flat" / "Deer", 71, images=[1])
    video(tmp_path / "zipped" / "Deer" / "Deer", 71, images=[1], separator="\t", newline="\r\n")
    flat, zipped = (open_dataset("otb", tmp_path / name).fingerprint() for name in ("flat", "zipped"))
    assert flat == zipped
    path = tmp_path / "flat" / "Deer" / "groundtruth_rect.txt"
    path.write_text(path.read_text().replace("3,4,6,5", "3,4,6,6", 1))
    assert open_dataset("otb", tmp_path / "flat").fingerprint() != flat


def test_nothing_is_read_before_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video(tmp_path / "Deer", 71, images=[1])
    dataset = open_dataset("otb", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was read"))
        assert dataset.available() == ("Deer",)
        sequence = pickle.loads(pickle.dumps(dataset["Deer"]))
        again = pickle.loads(pickle.dumps(dataset))
    assert len(sequence) == len(again["Deer"]) == 71


# OTB99-Lang


def query(root: Path, split: str, name: str, words: str = "the deer in front\n") -> Path:
    return miniatures.text(root / f"OTB_query_{split}" / f"{name}.txt", words)


@pytest.mark.parametrize("place", ["OTB_videos", "."])
def test_queries(tmp_path: Path, place: str) -> None:
    video(tmp_path / place / "Deer", 71, images=[1])
    query(tmp_path, "train", "Deer", "the Deer, running in front \r\nand more\n")
    dataset = open_dataset("otb99-lang-train", tmp_path)
    assert dataset.has_text
    assert dataset.available() == ("Deer",)
    assert dataset["Deer"].text == "the Deer, running in front"
    (tmp_path / "OTB_query_train" / "Deer.txt").write_text("\n")
    # A blank one breaks no run: the boxes are good, and `check` says what is amiss.
    blank = open_dataset("otb99-lang-train", tmp_path)
    assert blank["Deer"].text is None
    assert len(blank["Deer"].boxes) == 71
    [finding] = [found for found in blank.check() if found.path == tmp_path / "OTB_query_train" / "Deer.txt"]
    assert not finding.fatal
    assert "no sentence" in finding.text
    (tmp_path / "OTB_query_train" / "Deer.txt").unlink()
    [problem] = [found for found in dataset.check() if found.sequence == "Deer"]
    assert problem.path == tmp_path / "OTB_query_train" / "Deer.txt"


@pytest.mark.parametrize(
    ("folders", "queries"),
    [
        (("Skating2-1", "Skating2-2"), ("Skating2-1", "Skating2-2")),
        (("Skating2", "Skating2"), ("Skating2_1", "Skating2_2")),
        (("Skating2", "Skating2"), ("Skating2", "Skating3")),
    ],
)
def test_queries_of_twins(tmp_path: Path, folders: tuple[str, str], queries: tuple[str, str]) -> None:
    for number, (folder, words) in enumerate(zip(folders, queries, strict=True), start=1):
        home = tmp_path / "OTB_videos" / folder
        video(home, 473, images=[1], file=f"groundtruth_rect.{number}.txt")
        query(tmp_path, "test", words, f"dancer {number}")
    dataset = open_dataset("otb99-lang", tmp_path)
    assert dataset.available() == ("Skating2-1", "Skating2-2")
    assert [dataset[name].text for name in dataset.available()] == ["dancer 1", "dancer 2"]


# The real clips


def test_real_clips(shared: Path) -> None:
    dataset = open_dataset("otb100", shared / "data" / "sequences" / "otb")
    lengths = {"Couple": 120, "Crossing": 120, "Deer": 71, "Football1": 74, "Skiing": 81}
    assert {name: len(dataset[name]) for name in dataset.available()} == lengths
    assert dataset["Couple"].boxes[0].tolist() == [51, 47, 25, 62]
    assert dataset["Deer"].boxes[0].tolist() == [306, 5, 95, 65]
    for name in lengths:
        frames = dataset[name].frames
        assert len(frames) == lengths[name]
        assert frames[0].size == frames[-1].size
        said = shared / "data" / "sequences" / "otb" / name / "attrs.txt"
        if said.exists():
            assert list(dataset[name].attributes) == said.read_text().replace(" ", "").split(",")
    problems = [problem for problem in dataset.check() if problem.sequence in lengths]
    assert [(problem.sequence, problem.fatal) for problem in problems] == [("Couple", False)]

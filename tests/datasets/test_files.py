"""What the base class of all loaders promises, on the example of docs/datasets.md; the real clips in their own layouts."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import miniatures
import numpy as np
import pytest

from trackzoo.datasets._common import Listed, Numbered
from trackzoo.errors import DataError
from trackzoo.registry import open_dataset
from trackzoo.roots import Root

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "datasets.md"


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Opens the dataset that the page shows, over a folder with two sequences."""
    section = PAGE.read_text().split("## A benchmark of your own")[1].split("An installed package")[0]
    code = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    ") or not line)
    module = types.ModuleType("my_zoo_of_the_page")
    sys.modules[module.__name__] = module
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    for name, count in (("bear", 4), ("fox", 3)):
        for index in range(count):
            miniatures.image(tmp_path / "Zoo" / name / "img" / f"{index + 1:04d}.jpg", index)
        miniatures.text(tmp_path / "Zoo" / name / "boxes.txt", miniatures.rows(miniatures.boxes(count)))
    yield lambda: module.Zoo(module.SPECS[0], "", Root(tmp_path / "Zoo", "--data-root"))
    del sys.modules[module.__name__]


def test_the_page_s_example_is_a_whole_dataset(zoo: Callable[[], Any]) -> None:
    dataset = zoo()
    assert (dataset.id, dataset.names, dataset.available()) == ("my-zoo", ("bear", "fox"), ("bear", "fox"))
    assert len(dataset["bear"].frames) == 4
    assert dataset.check() == []
    assert re.fullmatch("[0-9a-f]{64}", dataset.fingerprint())
    assert zoo().known_frames() == 7
    assert dataset.lengths() == {"bear": 4, "fox": 3}
    (dataset.folder / "fox" / "boxes.txt").write_text("1,2,3\n")
    assert zoo().lengths() == {"bear": 4, "fox": None}


def test_order_of_names_and_lengths_belong_to_the_fingerprint(zoo: Callable[[], Any]) -> None:
    dataset = zoo()
    assert dataset.fingerprint(["bear", "fox"]) == dataset.fingerprint()
    assert len({dataset.fingerprint(names) for names in (["bear"], ["fox"], ["fox", "bear"], ["bear", "fox"])}) == 4


@pytest.mark.parametrize("make", ["numbered", "listed"])
@pytest.mark.parametrize(
    ("listed", "rows", "images", "verdict"),
    [
        (5, 5, 5, None),
        (5, 5, 7, None),  # further images are ignored
        (5, 3, 3, None),  # a cut copy
        (5, 3, 5, "too few rows: 3, and 5 images in .*, expected 5, one a frame"),
        (5, 3, 4, "too few rows: 3"),
        (5, 6, 6, "too many rows: 6, expected 5"),
        (None, 5, 5, None),
        (None, 5, 6, "too few rows: 5, and more images in .*, expected one row an image"),
    ],
)
def test_rows_and_images_must_agree(
    tmp_path: Path, make: str, listed: int | None, rows: int, images: int, verdict: str | None
) -> None:
    for index in range(images):
        miniatures.image(tmp_path / f"{index + 1:04d}.jpg", index)
    where = Numbered(tmp_path, "{frame:04d}.jpg", 1, listed) if make == "numbered" else Listed(tmp_path, listed)
    if verdict is None:
        where.fit(rows, tmp_path / "boxes.txt")
        frames = where.frames(rows)
        assert len(frames) == rows
        assert frames[rows - 1].array().shape == (24, 32, 3)
        assert list(where.problems(rows)) == []
    else:
        with pytest.raises(DataError, match=verdict):
            where.fit(rows, tmp_path / "boxes.txt")


def test_full_rows_with_images_gone_are_told_where_it_is_cheap(tmp_path: Path) -> None:
    for index in (0, 1, 4):
        miniatures.image(tmp_path / f"{index + 1:04d}.jpg")
    numbered = Numbered(tmp_path, "{frame:04d}.jpg", 1, 5)
    numbered.fit(5, tmp_path / "boxes.txt")
    assert [problem.path.name for problem in numbered.problems(5)] == ["0003.jpg"]
    with pytest.raises(DataError, match=r"0003.jpg: found no such file"):
        numbered.frames(5)[2].array()
    with pytest.raises(DataError, match="found 3 images, expected 5"):
        Listed(tmp_path, 5).frames(5)
    assert [problem.fatal for problem in Listed(tmp_path, 3).problems(3)] == [False]


def test_images_spelled_otherwise_are_no_images_of_the_sequence(tmp_path: Path) -> None:
    miniatures.image(tmp_path / "0001.jpg")
    miniatures.image(tmp_path / "2.jpg")
    miniatures.image(tmp_path / "00003.jpg")
    images = Numbered(tmp_path, "{frame:04d}.jpg")
    assert images.on_disk() == 1
    assert {problem.path.name for problem in images.problems(1)} == {"00003.jpg"}
    assert all(not problem.fatal for problem in images.problems(1))


@pytest.mark.parametrize(("name", "frames"), [("Couple", 120), ("Football1", 74), ("Crossing", 120), ("Deer", 71)])
def test_real_clips(shared: Path, name: str, frames: int) -> None:
    """Couple is cut (120 of 140, rows and images alike); Football1 has seven images more than the benchmark uses."""
    sequence = open_dataset("otb100", shared / "data" / "sequences" / "otb")[name]
    assert len(sequence) == len(sequence.frames) == frames
    assert np.isfinite(sequence.boxes).all()
    assert sequence.frames[frames - 1].array().ndim == 3

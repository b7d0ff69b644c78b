"""The real clips of DAVIS 2016: run, stored, reported, packed, and tracked from a person's own mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import huer
import numpy as np
from PIL import Image

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.metrics.vos import VideoTruth, score_video, summarise
from trackzoo.registry import open_dataset

NAME = "car-shadow"


def test_a_table_of_j_and_f(shared: Path, tmp_path: Path) -> None:
    data = open_dataset("davis2016", shared / "data/sequences/davis2016")
    assert NAME in data.available()
    outcome = run(huer.choice(), data, sequences=[NAME], available=True, results=tmp_path)
    assert not outcome.failed, outcome.failed
    result, sequence = outcome.stored(), data[NAME]
    assert len(result.masks(NAME)) == len(sequence) == 40
    report = trackzoo.compare(results=tmp_path, datasets=[data], allow_incomplete=True)
    scores = report.boards[0].entries[0].scores
    assert report.boards[0].profile == "davis"
    found = np.stack([np.array(Image.open(result.path / NAME / f"{index:05d}.png")) for index in range(40)])
    truth = np.stack([sequence.masks[index] for index in range(40)])  # type: ignore[index,misc]
    wanted = summarise("davis", [score_video("davis", VideoTruth(NAME, truth), found)])
    assert dict(scores.metrics) == dict(wanted.metrics)
    assert scores.metrics["j"] > 20


def test_track_from_a_mask(
    shared: Path, tmp_path: Path, cli: Callable[..., object], refused: Callable[..., str]
) -> None:
    clip = shared / "data/sequences/davis2016"
    images, mask = clip / "JPEGImages/480p" / NAME, clip / "Annotations/480p" / NAME / "00000.png"
    world = {"PYTHONPATH": str(Path(huer.__file__).parent)}
    words = ("track", images, "--mask", mask, "--limit", "5", "--no-show")
    done = cli(*words, "-t", "huer:Huer", "--masks", "out", "--out", "seen.avi", "--boxes", "b.txt", **world)
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{index:05d}.png" for index in range(5)]
    first = np.array(Image.open(tmp_path / "out/00000.png"))
    np.testing.assert_array_equal(first == 1, np.array(Image.open(mask)) > 0)
    rows, columns = np.nonzero(first)
    box = np.loadtxt(tmp_path / "b.txt", delimiter=",")[0]
    assert box.tolist() == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert (tmp_path / "seen.avi").stat().st_size > 10_000
    done = cli(*words, "-t", "static", **world)
    assert "note: static takes no mask; it starts with its box" in done.stderr  # type: ignore[attr-defined]
    assert done.returncode == 0  # type: ignore[attr-defined]
    refused(cli(*words, "-t", "static", "--masks", "no", **world), "'static' gives boxes alone")
    Image.fromarray(np.zeros((48, 85), np.uint8)).save(tmp_path / "small.png")
    refused(
        cli("track", images, "--mask", tmp_path / "small.png", "-t", "static", "--no-show"),
        "small.png: found a mask of 85x48 pixels, expected 854x480 as the first picture",
    )

"""VOT with masks: a tracker that gives them leaves run-length masks from every anchor, which the measures take."""

from __future__ import annotations

from pathlib import Path

import cv2
import huer
import numpy as np
import pytest

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.protocols.vot_common import region_of
from trackzoo.region_binary import read_binary
from trackzoo.region_text import format_region
from trackzoo.regions import Mask, Special
from trackzoo.registry import open_dataset
from trackzoo.sequence import Dataset
from trackzoo.tracker import Prediction

LENGTH = 20
SIZE = (128, 96)


@pytest.fixture(scope="module")
def sts(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two synthetic scenes as VOT2021 has its sequences: anchors at both ends and within."""
    root = tmp_path_factory.mktemp("vot2021")
    source = open_dataset(f"synth:sequences=2,length={LENGTH},width={SIZE[0]},height={SIZE[1]}")
    for name in source.names:
        sequence, home = source[name], root / name
        (home / "color").mkdir(parents=True)
        lines = []
        for index in range(LENGTH):
            picture = sequence.frames[index].array()[:, :, ::-1]
            cv2.imwrite(str(home / "color" / f"{index + 1:08d}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
            mask = sequence.masks.mask(index, 1)  # type: ignore[union-attr]
            region = region_of(Prediction(np.ones(4), 1.0, mask), True) if mask.any() else Special(0)
            lines.append(format_region(region))
        (home / "groundtruth.txt").write_text("\n".join(lines) + "\n")
        facts = (
            f"name={name}\nfps=30\nchannels.color=color/%08d.jpg\nwidth={SIZE[0]}\nheight={SIZE[1]}\nlength={LENGTH}\n"
        )
        (home / "sequence").write_text(facts)
        anchors = {0: 1, 8: 1, LENGTH - 1: -1}
        (home / "anchor.value").write_text("".join(f"{anchors.get(index, 0)}\n" for index in range(LENGTH)))
    (root / "list.txt").write_text("\n".join(source.names) + "\n")
    return open_dataset("vot2021", root)


def test_multi_start_leaves_run_length_masks(tmp_path: Path, sts: Dataset) -> None:
    outcome = run(huer.choice(), sts, results=tmp_path, available=True)
    assert not outcome.failed, outcome.failed
    assert outcome.protocol == "vot-multistart"
    for name in sts.available():
        for anchor, length in ((0, LENGTH), (8, LENGTH - 8), (LENGTH - 1, LENGTH)):
            regions = read_binary(outcome.folder / name / f"{name}_{anchor:08d}.bin")
            assert len(regions) == length
            assert regions[0] == Special(1)
            assert all(isinstance(region, Mask) for region in regions[1:])
    entry = trackzoo.compare(results=tmp_path, datasets=[sts], allow_incomplete=True).boards[0].entries[0]
    assert entry.scores.metrics["accuracy"] > 30
    assert entry.scores.metrics["robustness"] > 50
    assert "eao" in entry.scores.metrics  # of sequences this short it is 0: its interval begins at 115 frames


def test_masks_are_scored_better_than_their_boxes(tmp_path: Path, sts: Dataset) -> None:
    masks = run(huer.choice(), sts, results=tmp_path, available=True).stored()
    boxes = run(huer.choice(huer.Boxes), sts, results=tmp_path, available=True).stored()
    assert (boxes.path / sts.available()[0] / f"{sts.available()[0]}_00000000.txt").is_file()
    values = {run.tracker: trackzoo.evaluate(run, dataset=sts).metrics["accuracy"] for run in (masks, boxes)}
    assert values["huer"] > values["boxes"] + 5

"""Real boxes: ATOM on LaSOT gives the figures that were published from these very files."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from trackzoo.metrics import Truth, evaluate
from trackzoo.metrics.boxes import as_released
from trackzoo.metrics.types import Floats


@pytest.fixture(scope="module")
def atom(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Truth], list[Floats]]:
    raw = shared / "data" / "raw_results" / "lasot"
    if not (raw / "annotations.tar.xz").is_file():
        pytest.skip(f"ATOM's results not found ({raw})")
    folder = tmp_path_factory.mktemp("atom")
    for archive in (raw / "annotations.tar.xz", raw / "results" / "ATOM.tar.xz"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    truths, boxes = [], []
    for path in sorted((folder / "ATOM").glob("*.txt")):
        absent = numbers(folder / "annotations" / "absent" / path.name)
        annotated = numbers(folder / "annotations" / path.name).reshape(-1, 4)
        truths.append(Truth(path.stem, annotated, absent.ravel() == 0))
        boxes.append(numbers(path).reshape(-1, 4))
    return truths, boxes


def numbers(path: Path) -> Floats:
    """All numbers of a text file, whatever separates them."""
    return np.array(path.read_text().replace(",", " ").split(), dtype=np.float64)


def test_published_figures(atom: tuple[list[Truth], list[Floats]]) -> None:
    truths, boxes = atom
    assert (len(truths), sum(map(len, boxes))) == (280, 685_360)
    scores = evaluate("pytracking", truths, [boxes], dataset="lasot")
    found = {name: round(scores.metrics[name], 2) for name in ("auc", "precision", "norm_precision")}
    assert found == {"auc": 51.43, "precision": 50.54, "norm_precision": 57.68}
    assert scores.notes == ("horse-15: 18 boxes of zero size were replaced by the one before (rows 2360-2377)",)
    assert evaluate("lasot-matlab", truths, [boxes], dataset="lasot").metrics["auc"] == pytest.approx(
        scores.metrics["auc"]
    )
    assert all((as_released(each) == each).all() for each in boxes)  # they were cut to integers when they were saved

"""The official VOT toolkit, in an environment of its own, over two short sequences.

Set TRACKZOO_VOT_PYTHON to a Python that has vot-toolkit, vot-trax and this trackzoo with what it needs; docs/vot.md says how
one is made. What that toolkit makes of our raw results, and what it gets when it drives a tracker itself, must
be our own figures.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import votmini

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.registry import open_dataset, tracker
from trackzoo.vot_workspace import write_workspace

#: attributee 0.1.10, which the toolkit needs, does not import beside Python 3.11 and later while typing has this name.
START = """
import sys, typing
if hasattr(typing, "dataclass_transform"):
    del typing.dataclass_transform
from vot.utilities.cli import main
main()
"""

PYTHON = os.environ.get("TRACKZOO_VOT_PYTHON", "")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="TRACKZOO_VOT_PYTHON names no Python with the official VOT toolkit (docs/vot.md)"
)


def toolkit(*arguments: str) -> str:
    """Run the toolkit's command line."""
    done = subprocess.run([PYTHON, "-c", START, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def analysed(workspace: Path, experiment: str) -> list[Any]:
    """Results of the toolkit's analyses of one experiment, for the only tracker."""
    said = toolkit(
        "analysis",
        "--workspace",
        str(workspace),
        "--experiments",
        experiment,
        "--format",
        "json",
        "--name",
        "x",
        "static",
    )
    [file] = sorted((workspace / "analysis").rglob("*.json"))[-1:]
    results = json.loads(file.read_text())["results"][experiment]["results"]
    file.unlink()
    assert results, said
    return [rows[0] for rows in results]


@pytest.fixture
def boxes(tmp_path: Path) -> Any:
    for name in ("ants", "ball"):
        votmini.sequence(tmp_path / "data", name, 40, anchors={0: 1, 15: 1, 25: -1, 39: -1})
    (tmp_path / "data" / "list.txt").write_text("ants\nball\n")
    return open_dataset("vot2022-stb", tmp_path / "data")


def test_our_raw_results(boxes: Any, tmp_path: Path) -> None:
    """EAO, accuracy and robustness that the toolkit computes from the files that we wrote."""
    scores = trackzoo.evaluate(run("static", boxes, results=tmp_path / "runs"), dataset=boxes)
    write_workspace(tmp_path / "ws", boxes, [tracker("static")], python=PYTHON, results=tmp_path / "runs")
    [eao], _, averages = analysed(tmp_path / "ws", "baseline")
    assert eao == pytest.approx(scores.metrics["eao"] / 100, rel=1e-9)
    assert averages[0] == pytest.approx(scores.metrics["accuracy"] / 100, rel=1e-9)
    assert averages[1] == pytest.approx(scores.metrics["robustness"] / 100, rel=1e-9)


def test_our_reset_based_results(tmp_path: Path) -> None:
    for name in ("ants", "ball"):
        votmini.sequence(tmp_path / "data", name, 40, kind="polygon")
    (tmp_path / "data" / "list.txt").write_text("ants\nball\n")
    polygons = open_dataset("vot2016", tmp_path / "data")
    scores = trackzoo.evaluate(run("static", polygons, results=tmp_path / "runs"), dataset=polygons)
    write_workspace(tmp_path / "ws", polygons, [tracker("static")], python=PYTHON, results=tmp_path / "runs")
    averages = analysed(tmp_path / "ws", "baseline")[0]
    assert averages[0] == pytest.approx(scores.metrics["accuracy"] / 100, rel=1e-9)
    assert averages[1] == pytest.approx(scores.metrics["failures"], rel=1e-9)


def test_driven_by_the_toolkit(boxes: Any, tmp_path: Path) -> None:
    """Over TraX. vot-toolkit 0.9.0 stops in its own code on anchor-based runs, so this is its unsupervised experiment."""
    scores = trackzoo.evaluate(
        run("static", boxes, results=tmp_path / "runs", protocol="vot-unsupervised"), dataset=boxes
    )
    write_workspace(tmp_path / "ws", boxes, [tracker("static")], python=PYTHON)
    toolkit("evaluate", "--workspace", str(tmp_path / "ws"), "--experiments", "unsupervised", "static")
    [accuracy] = analysed(tmp_path / "ws", "unsupervised")[0]
    assert accuracy == pytest.approx(scores.metrics["ao"] / 100, rel=1e-6)

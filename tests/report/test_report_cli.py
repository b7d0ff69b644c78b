"""`trackzoo report` and `trackzoo regress` as processes: what they print, leave and return."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_runs import DATASET, ID, shifted, store

import trackzoo

Cli = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    store(folder, "dcf", shifted(2))
    store(folder, "static", shifted(9))
    return folder


@pytest.fixture
def runs(stored: Path, tmp_path: Path) -> Path:
    """In the place where the command line looks by itself."""
    return Path(shutil.copytree(stored, tmp_path / "runs"))


def test_report_alone_shows_everything(cli: Cli, runs: Path) -> None:
    done = cli("report")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    dcf = trackzoo.evaluate(runs / "dcf" / ID / "ope")
    [row] = [line for line in lines if " dcf " in line]
    assert row.split()[:3] == ["1", "dcf", f"{dcf.metrics['auc']:.2f}"]
    assert next(line for line in lines if " static " in line).split()[0] == "2"
    assert "profile strict v1" in done.stdout
    assert "weight-free baselines" in done.stdout
    assert "Written" not in done.stdout


def test_report_writes_everything(cli: Cli, runs: Path, tmp_path: Path) -> None:
    done = cli(
        "report", "dcf", "--dataset", DATASET, "--profile", "strict,got10k", "--out", "report", "--decimals", "1"
    )
    assert done.returncode == 0, done.stderr
    assert "index.html" in done.stdout.splitlines()[-1]
    out = tmp_path / "report"
    rows = list(csv.DictReader((out / "scores.csv").open()))
    assert {row["profile"] for row in rows} == {"strict", "got10k"}
    assert {row["tracker"] for row in rows} == {"dcf"}
    assert len(list((out / "plots").glob("*.pdf"))) == 8  # two profiles: success, precision, attributes twice
    assert "\\toprule" in (out / "table.tex").read_text()
    assert not list(out.glob(".*"))


def test_mistakes_are_one_line(cli: Cli, refused: Refused, runs: Path, tmp_path: Path) -> None:
    refused(cli("report", "dfc"), "unknown tracker 'dfc'", "did you mean dcf")
    refused(cli("report", "--results", "nowhere"), "nowhere", "no such folder")
    store(runs, "late", names=[])
    line = refused(cli("report", "--out", "out"), "0 of 3 sequences finished", "trackzoo run --tracker late")
    assert "--allow-incomplete" in line
    assert not (tmp_path / "out").exists()
    (runs / "dcf" / ID / "ope" / "stroll-1.txt").write_text("1\t2\t3\n")
    refused(cli("report", "dcf"), "stroll-1.txt:1", "4 numbers")


def test_report_imports_no_plots_or_torch_without_out(runs: Path) -> None:
    code = (
        "import sys; from trackzoo.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "found = {'matplotlib', 'torch', 'cv2', 'pandas'} & set(sys.modules)\n"
        "assert not found, found"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "report", "--results", str(runs)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_regress_gate(cli: Cli, refused: Refused, runs: Path, tmp_path: Path) -> None:
    done = cli("regress", "save", "baseline.json")
    assert done.returncode == 0, done.stderr
    assert f"dcf on {ID}: auc" in done.stdout

    done = cli("regress", "check", "baseline.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 runs and 10 metrics agree with baseline.json" in done.stdout

    shutil.rmtree(runs / "dcf")
    store(runs, "dcf", shifted(6))
    done = cli("regress", "check", "baseline.json", "--tolerance", "0.5")
    assert done.returncode == 1
    assert f"FAILED dcf on {ID}: auc" in done.stdout
    assert "part first at sequence 'stroll-1' frame 1 (from 0)" in done.stdout
    assert done.stderr == ""
    assert cli("regress", "check", "baseline.json", "static").returncode == 0

    text = (tmp_path / "baseline.json").read_text()
    (tmp_path / "baseline.json").write_text(text.replace('"version": 1', '"version": 7'))
    refused(cli("regress", "check", "baseline.json"), "strict v7", "this is v1", "save the baseline anew")
    refused(cli("regress", "check", "nothing.json"), "nothing.json", "regress save")

"""`trackzoo evaluate`, `import`, `export` as commands, and the figures that were published from real boxes."""

from __future__ import annotations

import tarfile
from pathlib import Path

import foreign
import pytest
import stored_runs

from trackzoo.registry import open_dataset


def test_a_folder_becomes_a_table_a_plot_and_a_page(tmp_path: Path, cli, refused) -> None:  # type: ignore[no-untyped-def]
    data = open_dataset(stored_runs.DATASET)
    for name in data.names:
        foreign.table(tmp_path / f"r/dimp/dimp50_000/{name}.txt", foreign.tracked(data[name].boxes), "\t", "%.0f")
    done = cli("evaluate", "r", "--dataset", stored_runs.DATASET, "--out", "paper")
    assert done.returncode == 0, done.stderr
    assert "dimp-dimp50" in done.stdout
    assert "profile strict" in done.stdout
    assert "dimp-dimp50" in (tmp_path / "paper/table.tex").read_text()
    assert (tmp_path / "paper/index.html").is_file()
    assert list((tmp_path / "paper/plots").glob("*success*.pdf"))
    assert not (tmp_path / "runs").exists(), "nothing is imported"
    done = cli("import", "r", "--dataset", stored_runs.DATASET, "--tracker", "mine")
    assert "mine: 3 of 3 sequences (pytracking)" in done.stdout, done.stderr
    done = cli("export", "--tracker", "mine", "--dataset", stored_runs.DATASET, "--format", "pysot", "other")
    assert "3 files" in done.stdout, done.stderr
    (tmp_path / f"r/dimp/dimp50_000/{data.names[1]}.txt").write_text("1 2 3 4\n1 2 3\n")
    refused(cli("evaluate", "r", "--dataset", stored_runs.DATASET), f"{data.names[1]}.txt:2: found 3 numbers")


def test_atom_on_lasot(shared: Path, tmp_path: Path, cli) -> None:  # type: ignore[no-untyped-def]
    raw = shared / "data/raw_results/lasot"
    if not (raw / "annotations.tar.xz").is_file():
        pytest.skip(f"ATOM's results not found ({raw})")
    with tarfile.open(raw / "annotations.tar.xz") as file:
        file.extractall(tmp_path / "LaSOT", filter="data")
    added = cli("datasets", "add", "lasot", tmp_path / "LaSOT", "--annotations-only")
    assert added.returncode == 0, added.stderr
    archive = raw / "results/ATOM.tar.xz"
    done = cli("evaluate", archive, "--dataset", "lasot")
    assert done.returncode == 0, done.stderr
    figures = {"51.43", "50.54", "57.68"}
    row = next(line for line in done.stdout.splitlines() if " ATOM " in line)
    assert figures <= set(row.split())
    assert "profile pytracking" in done.stdout
    assert cli("import", archive, "--dataset", "lasot", "--tracker", "atom").returncode == 0
    report = cli("report", "atom", "--dataset", "lasot")
    assert figures <= set(next(line for line in report.stdout.splitlines() if " atom " in line).split())

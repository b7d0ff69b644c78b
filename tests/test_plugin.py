"""The page on writing a tracker is true: its plugin is built as an outside package, installed, and run by the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "new-tracker.md"

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's plugin installed in it, for PYTHONPATH."""
    code, facts, project = re.findall(
        r"<!-- the test runs this block -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    source = tmp_path_factory.mktemp("plugin")
    (source / "spot").mkdir()
    (source / "spot" / "tracker.py").write_text(code)
    (source / "spot" / "__init__.py").write_text(facts)
    (source / "spot" / "README.md").write_text("# Spot\n\nThe card.\n")
    (source / "pyproject.toml").write_text(project + '\n[tool.setuptools.package-data]\nspot = ["README.md"]\n')
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "--target", str(target), str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def outside(cli: Cli, installed: Path) -> Cli:
    def call(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))
        return cli(*arguments, PYTHONPATH=path, **environment)

    return call


def test_plugin_is_listed_with_its_variants_and_card(outside: Cli) -> None:
    listed = outside("trackers").stdout
    assert "spot-wide" in listed
    assert "Follows the brightest pixels" in listed
    assert "The card." in outside("trackers", "spot").stdout


def test_plugin_runs_and_its_settings_count(outside: Cli, tmp_path: Path) -> None:
    done = outside("run", "-t", "spot", "-t", "spot-wide", "-d", "synth:sequences=2,length=8", "--lanes", "2")
    assert done.returncode == 0, done.stderr
    boxes = {path.parts[-4]: np.loadtxt(path) for path in tmp_path.glob("runs/*/*/ope/stroll-1.txt")}
    assert set(boxes) == {"spot", "spot-wide"}
    assert all(values.shape == (8, 4) for values in boxes.values())
    assert not np.array_equal(boxes["spot"], boxes["spot-wide"])
    assert outside("report").returncode == 0


def test_without_the_plugin_its_name_is_unknown(cli: Cli) -> None:
    done = cli("run", "-t", "spot-wide", "-d", "synth")
    assert done.returncode == 2
    assert "unknown tracker 'spot-wide'" in done.stderr


def test_a_broken_plugin_does_not_take_the_others_down(cli: Cli, tmp_path: Path) -> None:
    facts = tmp_path / "site" / "broken-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[trackzoo.trackers]\nbroken = no_such_module:SPECS\n")
    done = cli("trackers", PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    assert "static" in done.stdout
    notes = done.stderr.splitlines()  # its tracker and its weights; without places in the code
    assert notes[0].startswith("trackzoo: note: plugin 'broken' (no_such_module:SPECS) is left out: ")
    assert all(note.startswith("trackzoo: note: ") for note in notes)

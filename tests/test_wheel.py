"""What is installed is what is tracked, and the command line starts with click alone."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from trackzoo._version import __version__

REPOSITORY = Path(__file__).resolve().parent.parent
#: Folder in the repository -> folder in the wheel.
INSTALLED = {
    "trackers": "trackzoo/trackers",
    "datasets": "trackzoo/datasets",
    "results": "trackzoo/results",
    "trackzoo": "trackzoo",
}


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout: nothing to compare the wheel with")
    return [name for name in listing.stdout.split("\0") if name and (REPOSITORY / name).exists()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tracked files, so that neither build/ nor stray files get into it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, source / name)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [built] = out.glob("*.whl")
    return built


def test_wheel_holds_every_tracked_file_of_the_package(wheel: Path) -> None:
    expected = set()
    for name in tracked():
        top, _, rest = name.partition("/")
        if top in INSTALLED and rest:
            expected.add(f"{INSTALLED[top]}/{rest}")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert sorted(expected - held) == [], "tracked, but not in the wheel: add the package or its data to setup.cfg"
    assert sorted(held - expected) == [], "in the wheel, but not tracked"


def test_no_top_level_name_but_our_own(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" not in name}
    assert tops == {"trackzoo"}


def test_wheel_is_not_bloated(wheel: Path) -> None:
    assert wheel.stat().st_size < 12_000_000


def test_command_line_starts_in_an_environment_with_click_alone(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    [site] = (environment / "lib").glob("python*/site-packages")
    click = importlib.metadata.distribution("click")
    for file in click.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), target)

    def run(*arguments: str) -> str:
        command = [str(environment / "bin" / "trackzoo"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert __version__ in run("--version")
    assert "run" in run("--help")
    assert "report" in run("--help")

"""What several test files need."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout; tests that need it skip without."""
    folder = Path(os.environ.get("TRACKZOO_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "sequences").is_dir():
        pytest.skip(f"reference data not found beside the checkout ({folder})")
    return folder


@pytest.fixture(scope="session")
def load_benchmark() -> Callable[[str], ModuleType]:
    """A file of `benchmarks/` as a module, by its name: they hold plain loops to compare with."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", REPOSITORY / "benchmarks" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """torch computes with one thread: tensors are small, and the machine may be busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the person's config, cache or data roots."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TRACKZOO_CONFIG", str(home / "config.toml"))
    monkeypatch.setenv("TRACKZOO_CACHE", str(home / "cache"))
    for name in ("TRACKZOO_DATA", "TRACKZOO_RESULTS"):
        monkeypatch.delenv(name, raising=False)


Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run the command line as a process: `cli("run", "--tracker", "static", …)`, in a folder of its own."""

    def call(*arguments: str | Path, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trackzoo", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONSAFEPATH": "1", "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return call


@pytest.fixture
def refused() -> Callable[[subprocess.CompletedProcess[str], str], str]:
    """Assert that a command was refused as a person's mistake: exit code 2, one line, no traceback, the text in it."""

    def check(done: subprocess.CompletedProcess[str], *needles: str) -> str:
        line = done.stderr.strip()
        assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert len(line.splitlines()) == 1, line
        for needle in needles:
            assert needle in line, (needle, line)
        return line

    return check

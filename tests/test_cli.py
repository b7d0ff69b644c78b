"""The command line as a whole: it starts quickly, knows its commands, and refuses what it does not know in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from trackzoo._version import __version__
from trackzoo.cli.main import COMMANDS, cli as group

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[["subprocess.CompletedProcess[str]", str], str]

#: What must not be imported before it is needed.
HEAVY = {"torch", "pandas", "cv2", "numpy", "matplotlib", "transformers", "scipy"}


def test_version(cli: Cli) -> None:
    assert __version__ in cli("--version").stdout


def test_help_names_every_command(cli: Cli) -> None:
    done = cli("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from trackzoo.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_imports_no_torch_and_has_help(name: str) -> None:
    code = (
        "import sys; from trackzoo.cli.main import main\n"
        f"try: main([{name!r}, '--help'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print(sorted({'torch', 'pandas', 'cv2', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "Usage:" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_table_of_commands_matches_the_commands(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.name == name


def test_unknown_command_is_refused_with_a_suggestion(cli: Cli, refused: Refused) -> None:
    assert "report" in refused(cli("reprot"), "unknown command 'reprot'")


def test_broken_config_is_named(cli: Cli, refused: Refused, tmp_path_factory: pytest.TempPathFactory) -> None:
    config = tmp_path_factory.mktemp("config") / "broken.toml"
    config.write_text("[data\nlasot = ")
    refused(cli("datasets", TRACKZOO_CONFIG=str(config)), str(config))


def test_reader_that_goes_away_is_no_error(cli: Cli) -> None:
    command = f"{sys.executable} -m trackzoo --help | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "Traceback" not in done.stderr

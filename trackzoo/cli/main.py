"""`trackzoo`: the group of commands, loaded one by one, and the exit codes.

Exit codes: 0 done; 1 the command ran and what it checks failed (a trial, the regression gate); 2 a mistake in what was
given, said in one line; 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence as ListOf
from typing import Any

import click

from trackzoo._version import __version__
from trackzoo.errors import TrackzooError, UnknownName, tell_warnings_plainly

#: Command -> (module in this package, one line). The module's attribute of the same name is the command. The line stands
#: here so that `trackzoo --help` imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Run trackers on datasets; resumes where it was stopped."),
    "report": ("report", "Tables, plots and pages from the results."),
    "plot": ("plot", "Draw one figure out of the results, for a paper."),
    "evaluate": ("evaluate", "Score a folder of somebody's result files as it lies."),
    "import": ("import_", "Take somebody's results into the results folder."),
    "export": ("export", "Write results in another toolkit's layout."),
    "submit": ("submit", "Build a benchmark server's package, or check one."),
    "vot-workspace": ("vot_workspace", "Write a workspace of the official VOT toolkit."),
    "track": ("track", "Track an object in a video or webcam."),
    "trackers": ("trackers", "List the trackers."),
    "weights": ("weights", "Take in, list, fetch and remove trackers' checkpoints."),
    "datasets": ("datasets", "List, add, show and check datasets."),
    "regress": ("regress", "Save a baseline of scores, or check against one."),
    "verify": ("verify", "Hold networks, trackers and metrics against their references."),
    "cost": ("cost", "Parameters, multiply-adds, milliseconds and memory of trackers."),
    "inspect": ("inspect", "Save what a tracker looks at as pictures."),
    "doctor": ("doctor", "What is installed, where things are, what is missing."),
}


class LazyGroup(click.Group):
    """Imports a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module; its attribute of the same name is the command (`import_` is `import`)."""
        if cmd_name not in COMMANDS:
            raise UnknownName("command", cmd_name, COMMANDS, "'trackzoo --help'")
        name = COMMANDS[cmd_name][0]
        command: click.Command = getattr(importlib.import_module(f"trackzoo.cli.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="trackzoo")
def cli() -> None:
    """One toolkit for visual single-object tracking: run trackers, score them, compare them."""


def main(arguments: ListOf[str] | None = None) -> Any:
    """Entry point: errors that a person can mend become one line and an exit code, never a traceback; warnings one line."""
    tell_warnings_plainly()
    try:
        code = cli.main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except TrackzooError as error:
        _fail(str(error), error.exit_code)
    except click.exceptions.Abort:
        _fail("interrupted", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted; finished trials are kept, the same command goes on", 130)
    except BrokenPipeError:
        # The reader of our output went away (`trackzoo report | head`); the interpreter must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(text: str, code: int) -> None:
    click.echo(f"trackzoo: {text}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()

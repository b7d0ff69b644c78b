"""Errors that a person can mend.

Every one is a single line that says where, what was found, what was expected and what to do. The command line prints that
line and exits with `exit_code`; a traceback is shown for faults of ours alone.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


class TrackzooWarning(UserWarning):
    """What a person should know of and nothing has to be stopped for; the command line prints it as one line."""


def tell_warnings_plainly() -> None:
    """From now on this process says our own warnings in one line, as the command line does; others' as Python does."""
    warnings.showwarning = _tell


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    if issubclass(category, TrackzooWarning):
        text = f"trackzoo: note: {message}\n"
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(text)


class TrackzooError(Exception):
    """A mistake in what was given to trackzoo: a name, a file, a setting."""

    exit_code = 2

    def __reduce__(self) -> tuple[Any, ...]:
        # The message is made from the arguments, which pickle would not find again: worker processes send errors home.
        return _revive, (type(self), self.args, self.__dict__)


def _revive(kind: type[TrackzooError], arguments: tuple[Any, ...], state: dict[str, Any]) -> TrackzooError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(state)
    return error


class UnknownName(TrackzooError):
    """A tracker, dataset, sequence, profile … that does not exist.

    Args:
        kind: what was looked for, e.g. `"tracker"`.
        name: the name that was given.
        known: the names that exist; the nearest ones are suggested.
        listing: the command that lists them all.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], listing: str = "") -> None:
        known = sorted(known)
        lowered = {candidate.lower(): candidate for candidate in known}
        near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)
        text = f"unknown {kind} '{name}'"
        if near:
            text += f"; did you mean {' or '.join(lowered[match] for match in near)}?"
        elif known and len(known) <= 12:
            text += f"; known: {', '.join(known)}"
        if listing:
            text += f" ({listing} lists all)"
        super().__init__(text)
        self.kind, self.name, self.near = kind, name, tuple(lowered[match] for match in near)


class DataError(TrackzooError):
    """A file that does not hold what its format promises.

    Args:
        path: the file or folder.
        found: what stands there.
        expected: what should stand there.
        do: what the person can do about it.
        line: line number, from 1.
        frame: frame number as the file names count it, or index; said as `frame N`.
    """

    def __init__(
        self,
        path: str | Path,
        found: str,
        expected: str = "",
        do: str = "",
        *,
        line: int | None = None,
        frame: int | str | None = None,
    ) -> None:
        where = str(path)
        if line is not None:
            where += f":{line}"
        if frame is not None:
            where += f" (frame {frame})"
        text = f"found {found}"
        if expected:
            text += f", expected {expected}"
        if do:
            text += f"; {do}"
        super().__init__(" ".join(f"{where}: {text}".split()))
        self.path, self.line, self.frame = Path(path), line, frame
        #: The message without the file's name, for lists that name the file themselves.
        self.reason = " ".join((f"line {line}: {text}" if line is not None else text).split())


class ResultsError(DataError):
    """A results folder or file that is cut, missing rows, or belongs to another run."""


def listing(names: Iterable[str], most: int = 3) -> str:
    """Some names, and how many more."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def incomplete(
    where: str | Path,
    missing: Sequence[str],
    total: int,
    do: str = "",
    *,
    what: str = "sequences",
    more: str = "",
    expected: str = "all of them",
) -> ResultsError:
    """What is said of results that lack sequences.

    Args:
        where: folder of the results.
        missing: names of the sequences.
        total: how many there should be.
        do: what the person can do about it.
        what: what is counted, e.g. `sequences of lasot`.
        more: said behind the names.
        expected: in place of some.
    """
    found = f"{total - len(missing)} of {total} {what}, missing {listing(missing)}{more}"
    return ResultsError(where, found, expected, do)


class SettingsError(TrackzooError):
    """A setting with a value that cannot be used."""


class UnknownSetting(SettingsError):
    """A setting that there is not.

    Args:
        name: its name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no setting '{name}'")
        self.name = name

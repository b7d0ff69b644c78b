"""What is said about a trial that did not end."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from trackzoo.errors import TrackzooError


@dataclass(frozen=True)
class Cause:
    """Why a trial failed. Prints itself in one line.

    Attributes:
        text: exception, message, and the frame where it happened.
        mistake: whether it is the data's or the user's fault (exit code 2) rather than the tracker's (1).
        traceback: for whoever mends it.
    """

    text: str
    mistake: bool = False
    traceback: str = ""

    def __str__(self) -> str:
        return self.text


def cause_of(error: BaseException, where: str = "") -> Cause:
    """The cause that an exception is; `where` names the frame."""
    text = " ".join(str(error).split())
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, TrackzooError):
        return Cause(text, True, trace)
    told = type(error).__name__ + (f": {text}" if text else "")
    return Cause(f"{where}: {told}" if where else told, False, trace)

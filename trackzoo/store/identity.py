"""What makes two runs the same run, and how a difference is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackzoo.errors import ResultsError

#: Stands for a key that one of two runs has not.
_ABSENT = "nothing"


def plain(value: Any) -> Any:
    """`value` as JSON gives it back (tuples become lists, keys strings), so that stored and new identities compare.

    Raises:
        TypeError: something in it is no plain value.
    """
    return json.loads(json.dumps(value, default=_as_text))


def _as_text(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be written to a run's identity")


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found.update(_flat(part, f"{prefix}.{key}" if prefix else str(key)))
    return found


def differences(stored: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(key, stored value, new value) of everything that differs, as text; keys of nested tables are joined by dots."""
    first, second = _flat(plain(stored)), _flat(plain(new))
    # An empty table against a filled one differs by the entries alone.
    keys = [key for key in dict.fromkeys([*first, *second]) if first.get(key) != {} and second.get(key) != {}]
    return [
        (key, _say(first.get(key, _ABSENT)), _say(second.get(key, _ABSENT)))
        for key in keys
        if first.get(key, _ABSENT) != second.get(key, _ABSENT)
    ]


def _say(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    # A digest is told by its beginning.
    return text[:12] + "…" if len(text) == 64 and all(c in "0123456789abcdef" for c in text) else text


def refuse_other_run(path: Path, stored: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raise `ResultsError` when the folder holds results of a run with another identity, saying what differs."""
    found = differences(stored, new)
    if found:
        text = ", ".join(f"{key}: folder has {old}, this run {now}" for key, old, now in found)
        raise ResultsError(
            path,
            f"results of another run ({text})",
            do="--new moves them aside and starts afresh, --results DIR leaves them alone",
        )


def refuse_other_data(path: Path, record: Mapping[str, Any], fingerprint: str, decoder: str) -> None:
    """Raise `ResultsError` when a finished trial was made on another annotation, or with another decoder, than there is now."""
    for key, now in (("fingerprint", fingerprint), ("decoder", decoder)):
        old = record.get(key)
        if old is not None and old != now:
            what = "annotation of" if key == "fingerprint" else "decoder for"
            raise ResultsError(
                path,
                f"results on another {what} '{record.get('sequence')}' ({key}: folder has {_say(old)}, this run {_say(now)})",
                do="--new moves all results aside and starts afresh; deleting this file has this sequence made again",
            )

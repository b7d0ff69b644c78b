"""What a reader must know of the descriptions that a run was told."""

from __future__ import annotations

from typing import Any

#: Characters of a text that a footnote has room for.
ROOM = 60


def told_of(run: Any) -> tuple[str, ...]:
    """Remarks on a stored run, from all that its `run.json` says; none where every object was told its own description."""
    if not isinstance(run, dict) or not isinstance(identity := run.get("identity"), dict):
        return ()
    lines = run.get("texts")
    found = [str(line) for line in lines] if isinstance(lines, list) else []
    text = identity.get("text")
    if isinstance(text, str):
        shown = "".join(letter if letter.isprintable() else "?" for letter in text.strip())
        shown = shown if len(shown) <= ROOM else shown[: ROOM - 1] + "…"
        found.append(f'every object was told "{shown}"' if shown else "no object was told its description")
    return tuple(found)

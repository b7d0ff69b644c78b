"""How options that several commands share are read."""

from __future__ import annotations

import tomllib
from typing import Any


def names_in(values: tuple[str, ...]) -> list[str]:
    """Repeated and comma-separated names, each once."""
    return list(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))


def datasets_in(values: tuple[str, ...]) -> list[str]:
    """As `names_in`; a comma inside a name's options (`synth:sequences=4,length=60`) does not part two names."""
    found: list[str] = []
    for value in values:
        for piece in value.split(","):
            option = "=" in piece and ":" not in piece and "+" not in piece
            if option and found and "=" in found[-1]:
                found[-1] += f",{piece}"
            elif piece.strip():
                found.append(piece.strip())
    return list(dict.fromkeys(found))


def settings_in(values: tuple[str, ...], option: str = "--set", **switches: bool) -> dict[str, Any]:
    """`key=value` with the value as TOML has it; what is no TOML is text, since a shell takes the quotes away.

    Args:
        values: as given.
        option: its name, for messages.
        switches: settings that have options of their own, and whether those are given.
    """
    from trackzoo.errors import SettingsError
    from trackzoo.refiner import PREFIX

    found: dict[str, Any] = {}
    for value in values:
        key, equals, text = value.partition("=")
        key = key.strip()
        # A refiner's settings stand behind its prefix: refiner.threshold=0.6.
        if not equals or not key.removeprefix(PREFIX).isidentifier():
            raise SettingsError(f"{option}: found '{value}', expected key=value, e.g. {option} padding=2.5")
        try:
            found[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            found[key] = text
    return found | {name: True for name, given in switches.items() if given}


def weights_in(weights: str | None, random: bool) -> str | None:
    """What `--weights` and `--random-weights` say together."""
    from trackzoo.errors import SettingsError

    if weights is not None and random:
        raise SettingsError("--weights and --random-weights: found both, expected one")
    return "random" if random else weights


def text_in(text: str | None, no_text: bool) -> str | None:
    """What `--text` and `--no-text` say together: None where neither is given, empty for `--no-text`."""
    from trackzoo.errors import SettingsError

    if text is not None and no_text:
        raise SettingsError("--text and --no-text: found both, expected one")
    return "" if no_text else text

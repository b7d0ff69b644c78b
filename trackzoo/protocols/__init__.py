"""Protocols: how a benchmark is run. Each turns a dataset into trials; the engine knows only trials."""

from __future__ import annotations

from trackzoo.errors import UnknownName
from trackzoo.protocols.ope import OnePass
from trackzoo.trial import Protocol

PROTOCOLS: dict[str, type[Protocol]] = {OnePass.name: OnePass}


def protocol(name: str) -> Protocol:
    """The protocol of that name with its usual settings. Raises `UnknownName`."""
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]()

"""Protocols: how a benchmark is run. Each turns a dataset into trials; the engine knows only trials."""

from __future__ import annotations

import inspect
from typing import Any

from trackzoo.errors import SettingsError, UnknownName
from trackzoo.protocols.ope import OnePass
from trackzoo.protocols.vos import VideoObjects
from trackzoo.protocols.vot_multistart import Multistart
from trackzoo.protocols.vot_realtime import RealTimeProtocol
from trackzoo.protocols.vot_supervised import Supervised
from trackzoo.protocols.vot_unsupervised import Unsupervised
from trackzoo.trial import Protocol

PROTOCOLS: dict[str, type[Protocol]] = {
    kind.name: kind for kind in (OnePass, VideoObjects, Multistart, Supervised, Unsupervised, RealTimeProtocol)
}


def protocol(name: str, **settings: Any) -> Protocol:
    """The protocol of that name, with its usual settings but for those given.

    Raises:
        UnknownName: no such protocol.
        SettingsError: a setting that it does not have, or a value that it cannot use.
    """
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, PROTOCOLS)
    known = inspect.signature(PROTOCOLS[name]).parameters
    for key in settings:
        if key not in known:
            raise SettingsError(f"protocol '{name}' has no setting '{key}'; it has {', '.join(known) or 'none'}")
    return PROTOCOLS[name](**settings)

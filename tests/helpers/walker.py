"""A tracker that takes weights and does nothing with them."""

from __future__ import annotations

from typing import Any

from toys import Walk


class Walker(Walk):
    """As `Walk`, with the setting `weights`."""

    def __init__(self, *, weights: Any = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.weights = weights

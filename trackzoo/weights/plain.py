"""What a checkpoint's pickle held besides tensors, as plain data that can be kept as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import Any

from trackzoo.weights.archives import printable
from trackzoo.weights.pickles import Placeholder

#: Whole numbers from here on are no settings; Python would not even print the largest.
LARGE = 2**63
#: Values and characters that are kept of what a network was built with; published files hold some dozens.
_KEPT = 100_000


def called(value: Any) -> str:
    """What kind of value a pickle held, for a message; of objects, which class."""
    if isinstance(value, Placeholder):
        return f"a {printable(value.origin)}"
    return f"a {'dict' if isinstance(value, dict) else type(value).__name__}"


def as_data(value: Any) -> Any:
    """What a pickle held, as plain JSON data: objects become tables with their `class`, tensors their shape.

    Numbers that JSON lacks become the text that `float` reads back (`inf`, `-inf`, `nan`). A container in itself, what lies
    too deep, and what comes after very many values becomes `…`.
    """
    return _Plain().of(value)


class _Plain:
    """Makes plain data until it has made too much: a few lists that hold one another can unfold to more than memory holds."""

    def __init__(self) -> None:
        self.left = _KEPT

    def of(self, value: Any, depth: int = 0) -> Any:
        """See `as_data`."""
        import torch

        self.left -= 1 + (len(value) if isinstance(value, str | bytes | bytearray) else 0)
        if self.left < 0 or depth > 20:
            return "…"
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            return value if abs(value) < LARGE else "…"
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping):
            return self.table(value, depth)
        if isinstance(value, Placeholder):
            found: dict[str, Any] = {"class": value.origin}
            if value.arguments:
                found["arguments"] = self.of(value.arguments, depth + 1)
            if value.items:
                found["items"] = self.of(value.items, depth + 1)
            return found | self.table(value.attributes, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return [self.of(each, depth + 1) for each in islice(value, max(self.left, 0) + 1)]
        if isinstance(value, torch.Tensor):
            return {"tensor": list(value.shape)}
        return str(value)

    def table(self, values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        """A dict's contents; of keys that are containers or objects, only their kind is told."""
        kept = islice(values.items(), max(self.left, 0) + 1)
        return {self.key(key, depth): self.of(each, depth + 1) for key, each in kept}

    def key(self, key: Any, depth: int) -> str:
        """A key as text."""
        return str(self.of(key, depth + 1)) if isinstance(key, str | int | float | None) else called(key)

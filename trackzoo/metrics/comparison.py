"""Our numbers beside a reference toolkit's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from trackzoo.errors import TrackzooError


@dataclass(frozen=True)
class Row:
    """One line of a certificate.

    Attributes:
        profile: the profile that was compared.
        case: golden file and case within it.
        status: `agrees`, `differs` or `skipped`.
        deviation: largest relative deviation (absolute where the toolkit's number is 0); NaN when skipped.
        numbers: how many numbers, and refusals of bad input, were compared.
        text: what differs, or why it was skipped.
    """

    profile: str
    case: str
    status: Literal["agrees", "differs", "skipped"]
    deviation: float
    numbers: int = 0
    text: str = ""


@dataclass
class Comparison:
    """Gathers what was compared in one case under one profile.

    Attributes:
        profile: the profile.
        case: golden file and case within it.
    """

    profile: str
    case: str
    deviation: float = 0.0
    numbers: int = 0
    faults: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def numbers_of(self, label: str, ours: Any, golden: Any, tolerance: float) -> None:
        """Compare numbers or (nested) lists of numbers; NaN equals NaN. `tolerance` is relative; 0 asks for equality."""
        a, b = np.asarray(ours, dtype=np.float64), np.asarray(golden, dtype=np.float64)
        if a.shape != b.shape:
            self.faults.append(f"{label}: shape {a.shape}, expected {b.shape}")
            return
        with np.errstate(invalid="ignore"):
            off = np.abs(a - b) / np.where(b == 0, 1, np.abs(b))
        off = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.where(np.isnan(off), np.inf, off))
        self.numbers += off.size
        largest = float(off.max(initial=0))
        self.deviation = max(self.deviation, largest)
        if largest > tolerance:
            where = np.unravel_index(int(off.argmax()), off.shape)
            at = f" at {','.join(str(int(i)) for i in where)}" if where else ""
            self.faults.append(f"{label}{at}: {a[where]!r}, expected {b[where]!r}")

    def mapping(
        self,
        label: str,
        golden: Mapping[str, Any],
        ours: Mapping[str, tuple[Any, float]],
        ignore: frozenset[str] = frozenset(),
    ) -> None:
        """Compare every entry of a golden mapping with ours of the same key (value, tolerance); keys without one are listed."""
        for key, value in golden.items():
            if key in ours:
                found, tolerance = ours[key]
                self.numbers_of(f"{label} {key}", found, value, tolerance)
            elif key not in ignore:
                self.skipped.append(f"{label} {key}")

    def refusal(self, label: str, call: Callable[[], Any]) -> None:
        """The toolkit raises on this input; so must we."""
        self.numbers += 1
        try:
            call()
        except TrackzooError:
            return
        self.faults.append(f"{label}: accepted, although the toolkit raises")

    def rows(self) -> list[Row]:
        """The case's line, and one for what could not be compared."""
        found = []
        if self.faults:
            more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
            found.append(Row(self.profile, self.case, "differs", self.deviation, self.numbers, self.faults[0] + more))
        elif self.numbers:
            found.append(Row(self.profile, self.case, "agrees", self.deviation, self.numbers))
        if self.skipped:
            names = ", ".join(self.skipped[:4]) + (", …" if len(self.skipped) > 4 else "")
            found.append(Row(self.profile, self.case, "skipped", float("nan"), 0, f"no counterpart for {names}"))
        elif not found:
            found.append(Row(self.profile, self.case, "skipped", float("nan"), 0, "the case is empty"))
        return found


def other_case(comparison: Comparison) -> Row:
    """The line of a case that our generator does not make."""
    text = "the generator that comes with trackzoo makes another case (digests differ)"
    return Row(comparison.profile, comparison.case, "skipped", float("nan"), 0, text)

"""The target `metrics`: every metric profile against its toolkit's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from trackzoo.errors import SettingsError
from trackzoo.parity.case import Case
from trackzoo.parity.target import Certificate, Row, Setup, Target
from trackzoo.parity.tolerance import Tolerance


class MetricsTarget(Target):
    """Wraps `trackzoo.metrics.verify`, whose goldens are JSON and which needs no network."""

    def __init__(self) -> None:
        from trackzoo.metrics.verify import packaged

        self.packaged = packaged()

    def files(self) -> Iterable[str]:
        """None: the goldens are no arrays."""
        return ()

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """None: tolerances stand beside the numbers."""
        return {}

    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """Nothing: see `verify`."""
        yield from ()

    def verify(self, folder: Path | None = None, setup: Setup | None = None) -> Certificate:
        """Rows of `trackzoo.metrics.verify`: a profile on a case each."""
        from trackzoo.metrics.verify import verify

        if setup not in (None, Setup()):
            raise SettingsError("metrics are computed by numpy in float64; --device, --dtype, --compile do not apply")
        status: dict[str, Literal["agrees", "differs", "skipped"]] = {
            "agrees": "agrees",
            "differs": "differs",
            "skipped": "skipped",
        }
        return Certificate(
            tuple(
                Row(row.case, row.profile, status[row.status], float("nan"), row.deviation, "", row.text)
                for row in verify(folder)
            )
        )

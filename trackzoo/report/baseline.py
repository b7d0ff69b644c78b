"""A baseline: the scores and boxes of some runs in one file, for a later run to be held against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo._version import __version__
from trackzoo.config import write_atomically
from trackzoo.errors import DataError, TrackzooError
from trackzoo.geometry import Floats
from trackzoo.report.boxes_text import pack, unpack

KIND = "trackzoo baseline"
FORMAT = 1
#: Decimals of stored figures, in percent.
DECIMALS = 6


@dataclass(frozen=True)
class Scored:
    """Figures of one run under one profile.

    Attributes:
        profile, version: the profile.
        metrics: metric -> value, percent.
        per_sequence: metric -> values (S,) in the order of the run's names.
    """

    profile: str
    version: int
    metrics: Mapping[str, float]
    per_sequence: Mapping[str, Floats]


@dataclass(frozen=True)
class BaselineRun:
    """One run of a baseline.

    Attributes:
        tracker, dataset, protocol: which run.
        fingerprint: of the annotation of `names`.
        names: S sequences.
        boxes: `boxes[r][s]` (N, 4) of repetition r on sequence s, to 1/64 px.
        scored: one a profile.
    """

    tracker: str
    dataset: str
    protocol: str
    fingerprint: str
    names: tuple[str, ...]
    boxes: tuple[tuple[Floats, ...], ...] = field(repr=False)
    scored: tuple[Scored, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells the run from the others."""
        return self.tracker, self.dataset, self.protocol

    def __str__(self) -> str:
        return f"{self.tracker} on {self.dataset}" + ("" if self.protocol == "ope" else f" ({self.protocol})")


def write_baseline(path: Path, runs: list[BaselineRun]) -> None:
    """Write the file, atomically. Raises `TrackzooError` where it cannot be written."""
    value = {
        "kind": KIND,
        "format": FORMAT,
        "made_by": f"trackzoo {__version__}",
        "runs": [_plain(run) for run in runs],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, (_text(value) + "\n").encode())
    except OSError as error:
        raise TrackzooError(f"{path}: cannot be written ({(error.strerror or str(error)).lower()})") from None


def read_baseline(path: Path) -> list[BaselineRun]:
    """Runs of a baseline file.

    Raises:
        DataError: the file is missing, no baseline, of a newer format, or damaged.
    """
    do = "make it with 'trackzoo regress save'"
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "a baseline file", do) from None
    except ValueError as error:
        raise DataError(path, f"no JSON ({error})", "a baseline file", do) from None
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise DataError(path, "something else", "a baseline file", do)
    if value.get("format") != FORMAT:
        raise DataError(path, f"baseline format {value.get('format')!r}", f"format {FORMAT}", "save the baseline anew")
    try:
        return [_run(run) for run in value["runs"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(path, f"a damaged run ({type(error).__name__}: {error})", "a whole one", do) from None


def _plain(run: BaselineRun) -> dict[str, Any]:
    return {
        "tracker": run.tracker,
        "dataset": run.dataset,
        "protocol": run.protocol,
        "fingerprint": run.fingerprint,
        "sequences": list(run.names),
        "frames": [len(boxes) for boxes in run.boxes[0]],
        "scores": [
            {
                "profile": scored.profile,
                "version": scored.version,
                "metrics": {name: round(float(value), DECIMALS) for name, value in scored.metrics.items()},
                "per_sequence": {
                    name: [round(float(value), DECIMALS) for value in values]
                    for name, values in scored.per_sequence.items()
                },
            }
            for scored in run.scored
        ],
        "boxes": [pack(repetition) for repetition in run.boxes],
    }


def _run(value: Any) -> BaselineRun:
    names, frames = tuple(map(str, value["sequences"])), list(map(int, value["frames"]))
    if len(names) != len(frames):
        raise ValueError(f"{len(frames)} lengths for {len(names)} sequences")
    scored = []
    for entry in value["scores"]:
        each = {name: np.array(values, dtype=np.float64) for name, values in entry["per_sequence"].items()}
        if any(len(values) != len(names) for values in each.values()):
            raise ValueError(f"not one value a sequence under profile {entry['profile']}")
        metrics = {name: float(number) for name, number in entry["metrics"].items()}
        scored.append(Scored(str(entry["profile"]), int(entry["version"]), metrics, each))
    return BaselineRun(
        str(value["tracker"]),
        str(value["dataset"]),
        str(value["protocol"]),
        str(value["fingerprint"]),
        names,
        tuple(tuple(unpack(text, frames)) for text in value["boxes"]),
        tuple(scored),
    )


def _text(value: Any, indent: int = 0) -> str:
    """JSON with one entry of an object a line and lists of plain values on one, so that a diff of two baselines reads."""
    inner, outer = " " * (indent + 1), " " * indent
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(key)}: {_text(part, indent + 1)}" for key, part in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{outer}}}"
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return "[\n" + ",\n".join(inner + _text(part, indent + 1) for part in value) + f"\n{outer}]"
    return json.dumps(value)

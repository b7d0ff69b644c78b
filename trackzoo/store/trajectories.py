"""Trajectories on disk, as the VOT toolkit reads and writes them: regions, seconds and confidences of one trial.

<sequence>/<name>.bin            regions where there are masks (VOT's binary form), else
<sequence>/<name>.txt            regions as text, in full precision
<sequence>/<name>_time.value     seconds, a line each; empty where the tracker was not asked
<sequence>/<name>_confidence.value
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as ListOf
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.config import write_atomically
from trackzoo.errors import DataError, ResultsError, TrackzooError
from trackzoo.geometry import Floats
from trackzoo.region_binary import read_binary, write_binary
from trackzoo.region_text import read_regions, write_regions
from trackzoo.regions import Mask, Region
from trackzoo.store.layout import safe_name
from trackzoo.store.text import MEND, number
from trackzoo.trajectory import Trajectory

#: What a record names of a trajectory.
KINDS = ("regions", "seconds", "scores")

BINARY, TEXT = ".bin", ".txt"
SECONDS, CONFIDENCE = "_time.value", "_confidence.value"


def write_trajectory(folder: Path, trajectory: Trajectory) -> dict[str, Any]:
    """Write the files of a trajectory; returns their entries for the record, `file` being relative to `folder`."""
    home = folder / safe_name(trajectory.group)
    home.mkdir(exist_ok=True)
    stem = home / safe_name(trajectory.name)
    paths = {
        "regions": _write_regions(stem, trajectory.regions),
        "seconds": stem.with_name(stem.name + SECONDS),
        "scores": stem.with_name(stem.name + CONFIDENCE),
    }
    write_atomically(paths["seconds"], _values(trajectory.seconds, 9))
    write_atomically(paths["scores"], _values(trajectory.scores, None))
    return {
        kind: {
            "file": path.relative_to(folder).as_posix(),
            "rows": len(trajectory),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for kind, path in paths.items()
    }


def _write_regions(stem: Path, regions: ListOf[Region]) -> Path:
    """Masks as binary, anything else as text: binary numbers have the precision of float32 alone."""
    text, binary = stem.with_name(stem.name + TEXT), stem.with_name(stem.name + BINARY)
    # Where both are there, text goes first for whoever reads them.
    for path in (text, binary):
        path.unlink(missing_ok=True)
    if any(isinstance(region, Mask) for region in regions):
        try:
            write_binary(binary, regions)
            return binary
        except TrackzooError:
            pass  # more runs than 16 bits can count
    write_regions(text, regions)
    return text


def _values(values: ListOf[float | None], digits: int | None) -> bytes:
    rows = ("" if value is None else number(round(value, digits) if digits else value) for value in values)
    return "".join(f"{row}\n" for row in rows).encode()


def check_file(path: Path, entry: dict[str, Any]) -> bytes:
    """Content of a file of a trajectory. Raises `ResultsError` when it is missing or not what its record promises."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "an unreadable file").lower()
        raise ResultsError(path, reason, "a trial's file", "run again, the same command redoes that trial") from None
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ResultsError(
            path, "other content than its record's SHA-256 promises", f"{entry['rows']} rows as they were written", MEND
        )
    return data


def stored_regions(path: Path, entry: dict[str, Any]) -> tuple[Region, ...]:
    """Regions of a trajectory. Raises `ResultsError` when the file is not what its record promises."""
    check_file(path, entry)
    try:
        regions = read_binary(path) if path.suffix == BINARY else read_regions(path)
    except DataError as error:
        raise ResultsError(path, error.reason.removeprefix("found "), f"{entry['rows']} regions", MEND) from None
    if len(regions) != entry["rows"]:
        raise ResultsError(path, f"{len(regions)} regions", f"{entry['rows']} (its record)", MEND)
    return regions


def stored_values(path: Path, entry: dict[str, Any]) -> Floats:
    """Numbers (L,) of a trajectory, NaN where a line is empty. Raises `ResultsError` as `stored_regions`."""
    lines = check_file(path, entry).decode().split("\n")[:-1]
    if len(lines) != entry["rows"]:
        raise ResultsError(path, f"{len(lines)} rows", f"{entry['rows']} (its record)", MEND)
    return np.array([float(line) if line else np.nan for line in lines], dtype=np.float64)

"""Made-up scores and boards with figures like those of real trackers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trackzoo.metrics.types import Curve, Scores
from trackzoo.report.model import Board, Entry, Speed

NAMES = (
    "OSTrack-384", "dcf", "static", "opencv-mil", "PiVOT-L-27", "RTS", "ToMP-101", "KeepTrack", "STARK-ST101",
    "MixFormer-22k", "SwinTrack-B-384", "ProContEXT", "jn-384+alpharefine", "SATracker", "SimTrack-B/14", "TransT",
    "SuperDiMP", "PrDiMP50", "DiMP50", "ATOM", "SiamRPN++", "SiamFC", "ECO", "MDNet", "KYS", "Ocean", "AutoMatch",
    "my_package.trackers.very_long:MyVeryOwnTrackerWithAName", "LTMU", "CSWinTT",
)  # fmt: skip
ATTRIBUTES = ("IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "VC", "SV", "FOC", "FM", "OV", "LR", "ARC")


def scores(quality: float, sequences: int = 8, seed: int = 0, profile: str = "pytracking") -> Scores:
    """Scores of a tracker whose overlaps follow a beta distribution around `quality` (0..1)."""
    random = np.random.default_rng(seed)
    level = np.clip(quality + random.normal(0, 0.15, (sequences, 1)), 0.05, 0.97)
    overlap = random.beta(level * 3, (1 - level) * 3, (sequences, 200))
    error = 60 * (1 - overlap) ** 2
    normal = 0.6 * (1 - overlap) ** 2
    t, p, n = np.arange(21) * 0.05, np.arange(51.0), np.arange(51) / 100
    curves = {
        "success": _curve(t, (overlap[..., None] > t).mean(1), "overlap"),
        "precision": _curve(p, (error[..., None] <= p).mean(1), "px"),
        "norm_precision": _curve(n, (normal[..., None] <= n).mean(1), "normalized"),
    }
    each = {
        "auc": curves["success"].per_sequence.mean(1) * 100,
        "op50": curves["success"].per_sequence[:, 10] * 100,
        "op75": curves["success"].per_sequence[:, 15] * 100,
        "precision": curves["precision"].per_sequence[:, 20] * 100,
        "norm_precision": curves["norm_precision"].per_sequence[:, 20] * 100,
    }
    names = tuple(f"airplane-{index + 1}" for index in range(sequences))
    means = {metric: float(values.mean()) for metric, values in each.items()}
    return Scores(profile, 1, "lasot", names, means, each, curves)


def _curve(thresholds: np.ndarray, each: np.ndarray, unit: str) -> Curve:
    return Curve(thresholds, each.mean(0), each, unit)


def entry(name: str, value: Scores, **changes: object) -> Entry:
    """A complete run with those scores."""
    settings = {
        "expected": value.names,
        "frames": (200,) * len(value.names),
        "speed": Speed(200 * len(value.names), 20.0, 1, 1, ("cpu",)),
        "identity": {"tracker": {"id": name}, "code": {"version": "0.1.0"}},
        **changes,
    }
    return Entry(name, "lasot-test", "ope", value, "f" * 64, Path("runs") / name / "lasot-test" / "ope", **settings)  # type: ignore[arg-type]


def board(count: int, sequences: int = 8, dataset: str = "lasot-test", title: str = "LaSOT") -> Board:
    """A board of `count` trackers, best first."""
    entries = [
        entry(NAMES[place % len(NAMES)], scores(0.75 - 0.6 * place / max(count, 8), sequences, seed=place))
        for place in range(count)
    ]
    entries.sort(key=lambda item: -item.scores.metrics["auc"])
    names = entries[0].scores.names
    attributes = {name: ATTRIBUTES[index % 5 :: 3] for index, name in enumerate(names)}
    return Board(
        dataset, dataset.split("-")[0], title, "test", "ope", "pytracking", 1, "PyTracking's rules", "f" * 64, names,
        len(names), tuple(entries), attributes,
    )  # fmt: skip

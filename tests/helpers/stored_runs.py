"""Results folders as a run would leave them, written through the store's own writing side."""

from __future__ import annotations

from collections.abc import Callable, Sequence as ListOf
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.registry import open_dataset
from trackzoo.sequence import Dataset
from trackzoo.store.write import Place
from trackzoo.trial import Track, TrialResult

DATASET = "synth:sequences=3,length=20,width=128,height=96"
ID = "synth+height=96+length=20+sequences=3+width=128"

Boxes = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


def store(
    results: Path,
    tracker: str,
    change: Boxes | None = None,
    *,
    dataset: Dataset | str = DATASET,
    names: ListOf[str] | None = None,
    expected: ListOf[str] | None = None,
    repeats: int = 1,
    identity: dict[str, Any] | None = None,
    record: dict[str, Any] | None = None,
    fingerprint: str | None = None,
) -> Path:
    """Store a run whose boxes are the annotation, changed. Returns its folder.

    Args:
        results: results folder.
        tracker: its id.
        change: makes boxes (N, 4) out of the annotated ones.
        dataset: data set.
        names: sequences that are finished; default all that are expected.
        expected: sequences that the run is meant to have; default all.
        repeats: number of repetitions.
        identity: what `run.json` says of the run.
        record: further entries of the trials' records.
        fingerprint: stands in for the annotation's.
    """
    opened = open_dataset(dataset) if isinstance(dataset, str) else dataset
    expected = list(expected or opened.names)
    place = Place(results, tracker, opened.id, "ope", repeats)
    with place.open(identity or {"tracker": tracker}, expected) as session:
        for repeat in range(repeats):
            for name in expected if names is None else names:
                truth = opened[name].boxes.copy()
                boxes = change(truth) if change else truth
                frames = len(truth)
                track = Track(list(range(frames)), list(boxes), [1.0] * frames, [0.01] * frames, [False] * frames)
                facts = {
                    "sequence": name,
                    "fingerprint": fingerprint or opened.fingerprint([name]),
                    "device": "cpu",
                    "lanes": 1,
                    **(record or {}),
                }
                session.commit(TrialResult(name, repeat, 0, {1: track}, {}, facts))
        session.complete(lambda: fingerprint or opened.fingerprint(expected))
        return session.folders[0]


def shifted(pixels: float) -> Boxes:
    """Boxes that lag to the right, but for the first."""

    def change(boxes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        boxes[1:, 0] += pixels
        return boxes

    return change

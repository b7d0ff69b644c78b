"""What objects are told of themselves in words: refused where a tracker needs it and there is none."""

from __future__ import annotations

import copy
from collections.abc import Sequence as ListOf
from typing import TYPE_CHECKING

from trackzoo.errors import DataError, SettingsError
from trackzoo.sequence import Dataset
from trackzoo.tracker import TrackerSpec
from trackzoo.trial import Trial

if TYPE_CHECKING:
    from trackzoo.registry import TrackerChoice

#: What a person can do about it.
WAYS = '--text "…" tells every object the same, --no-text does without'


def check_text(name: str, spec: TrackerSpec, text: str | None) -> None:
    """Raise `SettingsError` where a text is given (also an empty one) to a tracker that takes none."""
    if text is not None and "text" not in spec.takes:
        raise SettingsError(f"tracker '{name}' takes no text; --text and --no-text are for those that do")


def told_of(choices: ListOf[TrackerChoice], text: str | None) -> dict[str, str | None]:
    """Tracker -> what it is told; a text goes to those that take one. Raises `SettingsError` where none of them does."""
    takers = [choice for choice in choices if "text" in choice.spec.takes]
    if not takers:
        for choice in choices:
            check_text(choice.id, choice.spec, text)
    return {choice.id: text if choice in takers else None for choice in choices}


def needs_text(spec: TrackerSpec) -> bool:
    """Whether a tracker is not meant to run without a description."""
    return "text" in spec.takes and "text" not in spec.optional


def texts(name: str, spec: TrackerSpec, dataset: Dataset, trials: ListOf[Trial], text: str | None) -> tuple[str, ...]:
    """What a reader of the results must know of the descriptions, a line each.

    Args:
        name: of the tracker.
        spec: its family.
        dataset: whose trials they are.
        trials: of the run.
        text: what every object is told in place of its own description; empty for nothing, None for its own.

    Raises:
        SettingsError: the tracker needs descriptions, and no sequence has one; or it takes none, and one is given.
    """
    check_text(name, spec, text)
    if text is not None or not needs_text(spec) or not trials:
        return ()
    lacking: list[str] = []
    names = dict.fromkeys(trial.sequence.name for trial in trials)
    sequences = {trial.sequence.name: trial.sequence for trial in trials}
    for each in names:
        try:
            # A copy, so that the annotation of the whole set does not stay in memory.
            if not (copy.copy(sequences[each]).text or "").strip():
                lacking.append(each)
        except DataError:
            continue  # told when that trial is run
    if len(lacking) == len(names):
        raise SettingsError(f"tracker '{name}' follows a description, and {dataset.id} has none; {WAYS}")
    if not lacking:
        return ()
    return (f"{len(lacking)} of {len(names)} sequences have no description, first '{lacking[0]}': told nothing there",)

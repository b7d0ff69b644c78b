"""What weights were trained on, against what a benchmark allows and what it shares with training sets. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trackzoo.composition import Composition, compose
from trackzoo.errors import UnknownName
from trackzoo.registry import TrackerChoice, dataset_choice, dataset_options
from trackzoo.sequence import DatasetSpec
from trackzoo.weights.cache import present
from trackzoo.weights.facts import WeightsSpec
from trackzoo.weights.table import weights_specs


def _facts(dataset: str) -> DatasetSpec | None:
    try:
        return dataset_choice(dataset)[0]
    except UnknownName:
        return None  # a person's own data


def allowed(trained_on: Iterable[str] | None, dataset: str) -> bool:
    """Whether the benchmark's rules allow such weights. Where it has rules, unknown training data is not allowed."""
    facts = _facts(dataset)
    if facts is None or not facts.train_only:
        return True
    return bool(trained_on) and set(trained_on or ()) <= set(facts.train_only)


def remarks(trained_on: Iterable[str] | None, dataset: str, name: str = "") -> tuple[str, ...]:
    """What a reader of a result must know about how the weights came to be; a sentence each, without full stop.

    Args:
        trained_on: ids of the training sets; None where nobody says.
        dataset: id of the data set that the result is on.
        name: of the weights.
    """
    facts, sets = _facts(dataset), tuple(trained_on or ())
    if facts is None:
        return ()
    weights = f"weights '{name}'" if name else "these weights"
    found = []
    if not allowed(sets, dataset):
        what = f"trained on {', '.join(sets)}" if sets else "of unknown training data"
        found.append(f"{weights} are {what}; the rules of {facts.title} allow {facts.train_only[0]} alone")
    plain = dataset_options(dataset)[0]
    seen = [each for each in sets if each == plain]
    if seen:
        found.append(f"{weights} are trained on {seen[0]} itself")
    found += list(dict.fromkeys(facts.overlaps[each] for each in sets if each in facts.overlaps))
    return tuple(found)


def remarks_of(identity: Any) -> tuple[str, ...]:
    """Remarks on a stored run, from all that its `run.json` says; none for runs without trained weights."""
    if not isinstance(identity, dict):
        return ()
    about, weights = identity.get("weights"), identity.get("identity", {}).get("weights")
    if not isinstance(about, dict) or not isinstance(weights, dict) or weights.get("random"):
        return ()
    trained = about.get("trained_on")
    sets = [str(each) for each in trained] if isinstance(trained, list) else None
    return remarks(sets, str(identity.get("dataset", "")), str(weights.get("name") or ""))


def fitting(variant: str, dataset: str) -> list[WeightsSpec]:
    """Weights of a tracker variant that the benchmark's rules allow, where it has such rules."""
    facts = _facts(dataset)
    if facts is None or not facts.train_only:
        return []
    return [spec for spec in weights_specs().values() if variant in spec.variants and allowed(spec.trained_on, dataset)]


def for_dataset(choice: TrackerChoice, dataset: str) -> tuple[TrackerChoice, tuple[str, ...]]:
    """The tracker with the weights that the benchmark's rules ask for, where there are such.

    Gives the tracker as it stands, and a line that says so, where only its usual weights are here.
    """
    from trackzoo.weights.chosen import how_to_get

    if isinstance(choice, Composition):
        tracker, first = for_dataset(choice.tracker, dataset)
        refiner, second = for_dataset(choice.refiner, dataset)
        return compose(tracker, refiner), (*first, *second)
    usual = weights_specs().get(choice.weights)
    if usual is None or allowed(usual.trained_on, dataset):
        return choice, ()
    asked = fitting(choice.id, dataset)
    for spec in asked:
        if present(spec.name):
            return choice.with_weights(spec.name), ()
    if not asked:
        return choice, ()
    if present(usual.name):
        return choice, (f"'{asked[0].name}' would do: {how_to_get(asked[0])}",)
    return choice.with_weights(asked[0].name), ()

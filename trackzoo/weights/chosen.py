"""What a person may say weights are: a name in the cache, a file, or `random`. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackzoo.errors import DataError, SettingsError, UnknownName
from trackzoo.refiner import JOINT
from trackzoo.weights.cache import digest, present, read_facts, weights_file
from trackzoo.weights.facts import WeightsSpec
from trackzoo.weights.fit import compare, manifest, refuse_misfit
from trackzoo.weights.header import read_header
from trackzoo.weights.table import weights_specs

if TYPE_CHECKING:
    from trackzoo.registry import TrackerChoice

#: The word for a seeded random initialisation.
RANDOM = "random"


def weights_path(weights: str | Path) -> Path:
    """The file that a name or a path means.

    Raises:
        UnknownName: neither weights of that name nor a file.
        SettingsError: the weights are known and not here; says how to get them.
    """
    if isinstance(weights, str) and weights in weights_specs():
        if not present(weights):
            raise SettingsError(f"the weights '{weights}' are not here; {how_to_get(weights_specs()[weights])}")
        return weights_file(weights)
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    if isinstance(weights, Path) or path.suffix or len(path.parts) > 1:
        raise DataError(path, "no such file", "weights", "'trackzoo weights list' shows the names that there are")
    raise UnknownName("weights", weights, weights_specs(), "'trackzoo weights list'")


def how_to_get(spec: WeightsSpec) -> str:
    """What a person does to have them, as a part of a sentence."""
    if spec.address or spec.hub:
        return f"'trackzoo weights get {spec.name}' fetches them"
    if not spec.page:
        return f"they are not published; 'trackzoo weights add {spec.name} FILE' takes in a file of yours"
    return f"download {spec.file} ({spec.title}) from {spec.page}, then 'trackzoo weights add {spec.name} {spec.file}'"


def lacking(choice: TrackerChoice) -> str:
    """Why a tracker's network has no weights here, in short; empty when it has, or has no network."""
    parts = [part for _, part, _ in choice.parts({})]
    if len(parts) > 1:
        return "; ".join(filter(None, map(lacking, parts)))
    if not choice.learned:
        return ""
    if not choice.weights:
        return "none of its weights are published; --weights FILE names yours"
    if choice.weights not in weights_specs() or present(choice.weights):
        return ""
    return f"its weights are not here: trackzoo weights get {choice.weights}"


def check_whole(spec: WeightsSpec) -> None:
    """Refuse weights of the cache that are absent, damaged, or lack a part. Reads names and shapes alone.

    Raises:
        SettingsError: not here; says how to get them.
        DataError: damaged, or of another manifest than today's.
    """
    path = weights_path(spec.name)
    read_facts(spec.name)
    fit = compare(read_header(path).tensors, manifest(spec))
    refuse_misfit(str(path), fit, f"'trackzoo weights add {spec.name} FILE --force' makes it again")


@dataclass(frozen=True)
class Chosen:
    """Weights that a run uses, as its files state them.

    Attributes:
        identity: name and SHA-256; must be equal for two runs to fill one folder.
        about: further facts: where they come from, what they were trained on.
        trained_on: ids of datasets; None where nobody says, or nothing was trained.
    """

    identity: dict[str, Any]
    about: dict[str, Any]
    trained_on: tuple[str, ...] | None


def describe(weights: str) -> Chosen:
    """What a run's files say about its weights: a name in the cache, a path, or `random`. Raises as `weights_path`."""
    if weights == RANDOM:
        return Chosen({"name": None, "random": True}, {"random": True}, None)
    path = weights_path(weights)
    sha = digest(path)
    spec = weights_specs().get(weights)
    if spec is None:
        # The name, not the path: the same file elsewhere makes the same run.
        return Chosen({"name": path.name, "sha256": {path.name: sha}}, *_of_file(path))
    facts = read_facts(weights)
    if facts.sha256 != sha:
        do = f"'trackzoo weights add {weights} FILE --force' makes it again"
        raise DataError(path, f"SHA-256 {sha}", f"{facts.sha256}, as it was written", do)
    about = {
        "title": spec.title,
        "source": Path(facts.source).name,
        "source_sha256": facts.source_sha256,
        "converted": facts.date,
        "epoch": facts.epoch,
        "trained_on": list(spec.trained_on) or None,
        "licence": spec.licence,
        "page": spec.page,
    }
    return Chosen({"name": weights, "sha256": {path.name: sha}}, about, spec.trained_on or None)


def describe_choice(choice: TrackerChoice) -> Chosen:
    """As `describe`, of all the weights that a tracker uses; those of a composition together.

    Their names are joined as the tracker's is, and a refiner's files stand under `refiner.`. What it was trained on is known
    where it is of each.
    """
    parts = [(prefix, part) for prefix, part, _ in choice.parts({})]
    if len(parts) == 1:
        return describe(choice.weights)
    known = {prefix: describe(part.weights) for prefix, part in parts if part.weights}
    names, sources = [], []
    for prefix, part in parts:
        found = known.get(prefix)
        names.append((RANDOM if found.identity.get("random") else str(found.identity["name"])) if found else "")
        sources.append(
            part.weights if part.weights in (*weights_specs(), RANDOM, "") else str(Path(part.weights).absolute())
        )
    files = {
        f"{prefix}{name}": sha
        for prefix, found in known.items()
        for name, sha in found.identity.get("sha256", {}).items()
    }
    some_random = any(found.identity.get("random") for found in known.values())
    if not files:
        return Chosen({"name": None, "random": True}, {"random": True}, None)
    sets = [found.trained_on for found in known.values()]
    trained = tuple(dict.fromkeys(each for own in sets for each in own or ())) if all(sets) else None
    return Chosen(
        {"name": JOINT.join(names), **({"random": True} if some_random else {}), "sha256": files},
        {
            "source": JOINT.join(sources),
            "trained_on": list(trained) if trained else None,
            "parts": {prefix.rstrip(".") or "tracker": found.about for prefix, found in known.items()},
        },
        trained,
    )


def _of_file(path: Path) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """Facts of a person's own file: what it says itself where it is one of ours, else nothing."""
    trained: tuple[str, ...] | None = None
    if path.suffix == ".safetensors":
        try:
            inside = json.loads(read_header(path).metadata.get("trackzoo", "{}"))
            trained = tuple(map(str, inside.get("trained_on") or ())) or None
        except (ValueError, AttributeError, TypeError):
            trained = None
    return {"source": str(path.absolute()), "trained_on": list(trained) if trained else None}, trained

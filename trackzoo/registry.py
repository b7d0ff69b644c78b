"""Names to plugins: trackers, refiners, datasets, built in (found by folder) or installed by others (entry points), all lazy.

A plugin states its facts as `SPECS` (a tuple of `TrackerSpec` or `DatasetSpec`) in its package or module; nothing heavy is
imported before the plugin is used. Others install theirs through the entry-point groups `trackzoo.trackers` and
`trackzoo.datasets`, whose values point at a spec or a tuple of specs.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import unquote

from trackzoo.errors import SettingsError, TrackzooError, TrackzooWarning, UnknownName, UnknownSetting
from trackzoo.refiner import JOINT, RefinerSpec
from trackzoo.sequence import Dataset, DatasetSpec
from trackzoo.settings import checked_call
from trackzoo.tracker import Tracker, TrackerSpec

Spec = TypeVar("Spec", TrackerSpec, DatasetSpec)


def resolve(reference: str) -> Any:
    """The object named by `module:attribute`.

    Raises:
        TrackzooError: no such module or attribute; says which.
    """
    module_name, _, attribute = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(missing + "."):
            raise TrackzooError(f"'{reference}': no module named '{missing}'; is its folder on PYTHONPATH?") from None
        raise TrackzooError(f"'{reference}' needs the module '{missing}', which is not installed") from None
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise TrackzooError(f"'{reference}': module '{module_name}' has no '{attribute}'") from None


def built_in(group: str) -> Iterator[ModuleType]:
    """The plugins in a package's own folder, by name: `trackzoo.trackers`, `trackzoo.datasets`."""
    package = importlib.import_module(group)
    for name in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        if not name.startswith("_"):
            yield importlib.import_module(f"{group}.{name}")


def _collect(group: str, kind: type[Spec]) -> dict[str, Spec]:
    """All specs of `group`, built in first. A name that stands twice is an error: nothing is silently shadowed."""
    found: dict[str, Spec] = {}
    origins: dict[str, str] = {}

    def add(specs: Any, origin: str) -> None:
        for spec in (specs,) if isinstance(specs, kind) else specs:
            if not isinstance(spec, kind):
                raise TrackzooError(f"{origin}: found {type(spec).__name__} among its specs, expected {kind.__name__}")
            if spec.name in found:
                raise TrackzooError(f"'{spec.name}' is registered twice: by {origins[spec.name]} and by {origin}")
            found[spec.name], origins[spec.name] = spec, origin

    for module in built_in(group):
        add(getattr(module, "SPECS", ()), module.__name__)
    for entry in entry_points(group=group):
        try:
            add(resolve(entry.value), f"the installed package of entry point '{entry.name}'")
        except Exception as error:
            # Somebody else's broken package must not take the command line down with it.
            warnings.warn(f"plugin '{entry.name}' ({entry.value}) is left out: {error}", TrackzooWarning, stacklevel=2)
    return found


@cache
def _plugins() -> dict[str, TrackerSpec]:
    """Every tracker and refiner family by name."""
    return _collect("trackzoo.trackers", TrackerSpec)


@cache
def tracker_specs() -> dict[str, TrackerSpec]:
    """Every tracker family by name."""
    return {name: spec for name, spec in _plugins().items() if not isinstance(spec, RefinerSpec)}


@cache
def refiner_specs() -> dict[str, RefinerSpec]:
    """Every refiner family by name."""
    return {name: spec for name, spec in _plugins().items() if isinstance(spec, RefinerSpec)}


@cache
def dataset_specs() -> dict[str, DatasetSpec]:
    """Every dataset family by name."""
    return _collect("trackzoo.datasets", DatasetSpec)


@dataclass(frozen=True)
class TrackerChoice:
    """A tracker name, looked up.

    Attributes:
        id: what results are filed under (the variant's name).
        spec: the family.
        settings: the variant's settings.
        weights: name of the weights it needs, or empty. Where a person chose others: their name, a path, or `random`.
    """

    id: str
    spec: TrackerSpec
    settings: dict[str, Any]
    weights: str = ""

    @property
    def kind(self) -> str:
        """What a message calls it: `tracker` or `refiner`."""
        return "refiner" if isinstance(self.spec, RefinerSpec) else "tracker"

    def parts(self, settings: Mapping[str, Any]) -> Iterator[tuple[str, TrackerChoice, dict[str, Any]]]:
        """The plugins that it is made of: what stands before their names, the choice, its share of `settings`."""
        yield "", self, dict(settings)

    @property
    def learned(self) -> bool:
        """Whether it has a network that needs weights."""
        return bool(self.weights or self.spec.weights or self.spec.parameters.get(self.id))

    def weights_among(self, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Weights as settings name them (None: they do not), and the other settings."""
        rest = dict(settings)
        return (rest.pop("weights", None) if self.learned else None), rest

    def with_weights(self, weights: str | Path) -> TrackerChoice:
        """The same tracker with other weights.

        Args:
            weights: a name in the cache, a path, or `random` (seeded; for tests of speed).

        Raises:
            SettingsError: it has no network.
        """
        if not self.learned:
            raise SettingsError(f"{self.kind} '{self.id}' has no network that takes weights")
        return replace(self, weights=str(weights))

    def check(self, **overrides: Any) -> None:
        """Raise `TrackzooError` when the tracker cannot run here; it is not loaded."""
        for module in self.spec.requires:
            if importlib.util.find_spec(module.partition(".")[0]) is None:
                raise TrackzooError(f"{self.kind} '{self.id}' needs the Python module '{module}'; install it")
        settings = {**self.settings, **overrides}
        if self.learned:
            settings.setdefault("weights", self.weights)
        if self.spec.unavailable and (reason := resolve(self.spec.unavailable)(self.id, settings)):
            raise TrackzooError(f"{self.kind} '{self.id}' cannot run here: {reason}")
        if self.learned and overrides.get("weights") is None:
            self._check_weights()

    def _check_weights(self) -> None:
        """Refuse weights that are absent, damaged or not whole; reads names and shapes alone."""
        from trackzoo.weights.chosen import RANDOM, check_whole, weights_path
        from trackzoo.weights.table import weights_specs

        if self.weights == RANDOM:
            return
        if not self.weights:
            raise SettingsError(
                f"{self.kind} '{self.id}' cannot run here: it needs weights, and none are published: --weights FILE "
                "names yours, --random-weights is for tests of speed"
            )
        try:
            if (spec := weights_specs().get(self.weights)) is not None:
                check_whole(spec)
            else:
                weights_path(self.weights)
        except SettingsError as error:
            raise SettingsError(f"{self.kind} '{self.id}' cannot run here: {error}") from None

    def load(self, *, device: str = "cpu", dtype: str = "fp32", **overrides: Any) -> Tracker[Any]:
        """Build the tracker; `overrides` go before the variant's settings.

        Trackers with a network are given their weights as the setting `weights`, unless `overrides` has others.

        Raises:
            SettingsError: a setting that the tracker does not have.
            TrackzooError: a requirement that is missing.
        """
        loaded: Tracker[Any] = self.make(device=device, dtype=dtype, **overrides)
        return loaded

    def make(self, *, device: str, dtype: str, **overrides: Any) -> Any:
        """As `load`, a tracker or a refiner."""
        self.check(**overrides)
        for module in self.spec.requires:
            try:
                importlib.import_module(module)
            except ImportError:
                raise TrackzooError(f"{self.kind} '{self.id}' needs the Python module '{module}'; install it") from None
        settings = {**self.settings, **overrides}
        if self.learned and settings.get("weights") is None:
            settings["weights"] = self.weights
        factory: Callable[..., Any] = resolve(self.spec.factory)
        try:
            loaded = factory(device=device, dtype=dtype, **checked_call(factory, settings))
            loaded.random_weights = isinstance(settings.get("weights"), str) and settings["weights"] == "random"
            return loaded
        except UnknownSetting as error:
            raise SettingsError(f"{self.kind} '{self.id}' has no setting '{error.name}'") from None
        except TypeError as error:
            # Raised by the call, or by the constructor that it passes its settings to; deeper ones are the plugin's faults.
            shallow = len(traceback.extract_tb(error.__traceback__)) <= 2
            if shallow and (unknown := re.search(r"unexpected keyword argument '([\w.]+)'", str(error))):
                raise SettingsError(f"{self.kind} '{self.id}' has no setting '{unknown[1]}'") from None
            raise


def forget() -> None:
    """Look for plugins and their weights anew, after one was installed while this process runs."""
    from trackzoo.weights.table import weights_specs

    names = (tracker_names, refiner_names, dataset_names)
    for known in (_plugins, tracker_specs, refiner_specs, dataset_specs, *names, weights_specs):
        known.cache_clear()


@cache
def tracker_names() -> dict[str, str]:
    """Every name that `--tracker` takes, variants included -> family."""
    names: dict[str, str] = {}
    for family, spec in tracker_specs().items():
        for name in (family, *spec.variants):
            if names.setdefault(name, family) != family:
                raise TrackzooError(f"'{name}' is a variant of both '{names[name]}' and '{family}'")
    return names


@cache
def refiner_names() -> dict[str, str]:
    """Every name that may stand behind the `+` of a tracker's name, variants included -> family."""
    return {name: family for family, spec in refiner_specs().items() for name in (family, *spec.variants)}


def tracker(name: str) -> TrackerChoice:
    """Look a tracker up: a family, a variant, or `module:Class` (a `Tracker`, or a class to adapt).

    A refiner may stand behind it: `jn-384+alpharefine`, `module:Class+alpharefine`.

    Raises:
        UnknownName: with the nearest names.
        SettingsError: a refiner without a tracker, or two of them.
    """
    base, plus, behind = name.rpartition(JOINT)
    if plus:
        from trackzoo.composition import compose

        if JOINT in base:
            raise SettingsError(f"tracker '{name}': found two refiners, expected one, TRACKER+REFINER")
        return compose(tracker(base), refiner(behind))
    if ":" in name:
        from trackzoo.adapters import spec_for

        return spec_for(name)
    family = tracker_names().get(name)
    if family is None:
        if name in refiner_names():
            raise SettingsError(
                f"'{name}' is a refiner, which needs a tracker's boxes: TRACKER+{name}, e.g. dcf+{name}"
            )
        raise UnknownName("tracker", name, tracker_names(), "'trackzoo trackers'")
    return _chosen(name, family, tracker_specs()[family])


def refiner(name: str) -> TrackerChoice:
    """Look a refiner up: a family or a variant.

    Raises:
        UnknownName: with the nearest names.
    """
    family = refiner_names().get(name)
    if family is None:
        raise UnknownName("refiner", name, refiner_names(), "'trackzoo trackers'")
    return _chosen(name, family, refiner_specs()[family])


def _chosen(name: str, family: str, spec: TrackerSpec) -> TrackerChoice:
    variant = spec.default if name == family and spec.default else name
    return TrackerChoice(variant, spec, dict(spec.variants.get(variant, {})), spec.weights.get(variant, ""))


@cache
def dataset_names() -> dict[str, tuple[str, str]]:
    """Every name that `--dataset` takes -> (family, split). The plain family name means its first split."""
    names: dict[str, tuple[str, str]] = {}
    for family, spec in dataset_specs().items():
        default = spec.splits[0] if spec.splits else ""
        for spelling in (family, *spec.aliases):
            spellings = [(spelling, default)] + [(f"{spelling}-{split}", split) for split in spec.splits]
            for name, split in spellings:
                known = names.setdefault(name, (family, split))
                if known[0] != family:
                    raise TrackzooError(f"dataset name '{name}' belongs to both '{known[0]}' and '{family}'")
    return names


def dataset_options(name: str) -> tuple[str, dict[str, str]]:
    """A dataset name and the options written behind it: `synth:sequences=4,length=60` -> `synth`, `{"sequences": "4", …}`.

    `synth+length=60+sequences=4` means the same; datasets write their `id` so, since it names folders. `%2B` in a value stands
    for `+`, and so on.

    Raises:
        SettingsError: an option without `=`, or one that stands twice.
    """
    plain, *parts = re.split(r"[:+]", name, maxsplit=1)
    options: dict[str, str] = {}
    for part in re.split(r"[,+]", parts[0]) if parts else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not key or not equals or not value:
            raise SettingsError(f"dataset '{name}': found option '{part}', expected {plain}:option=value,option=value")
        if key in options:
            raise SettingsError(f"dataset '{name}': option '{key}' stands twice")
        options[key] = unquote(value)
    return plain, options


def dataset_choice(name: str) -> tuple[DatasetSpec, str]:
    """Family and split that a dataset name (options behind it do not matter) means. Raises `UnknownName`."""
    name, _ = dataset_options(name)
    names = dataset_names()
    chosen = names.get(name) or names.get(name.lower())
    if chosen is None:
        family, dash, own = name.partition("-")
        spec = dataset_specs().get(family)
        if spec is not None and spec.personal and dash and own:
            return spec, own
        raise UnknownName("dataset", name, names, "'trackzoo datasets'")
    return dataset_specs()[chosen[0]], chosen[1]


def open_dataset(name: str, root: str | Path | None = None, **options: Any) -> Dataset:
    """Open a dataset by name, e.g. `lasot`, `lasot-train`, `davis2017-val`.

    Args:
        name: see `dataset_names`; options may stand behind it, see `dataset_options`.
        root: the benchmark's folder; by default looked for in the config and in `TRACKZOO_DATA`.
        options: passed on to the dataset (`folder` takes `frames`, `truth` …; `synth` takes `sequences`, `length` …).

    Raises:
        UnknownName: no such dataset.
        SettingsError: an option that the dataset does not have, or whose value it cannot use.
        TrackzooError: its folder is not known or is missing; says how to name it.
    """
    from trackzoo.roots import find_root, own_root

    spec, split = dataset_choice(name)
    options = {**dataset_options(name)[1], **options}
    factory: Callable[..., Dataset] = resolve(spec.factory)
    parameters = list(inspect.signature(factory).parameters.values())[3:]  # after spec, split, root
    known = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    for option in options:
        if option not in known and not open_ended:
            has = f"has {', '.join(known)}" if known else "has none"
            raise SettingsError(f"dataset '{spec.name}' has no option '{option}'; it {has}")
    if spec.personal:
        place = own_root(root) if root is not None else None
    else:
        place = find_root(spec, root) if spec.needs_root else None
    return factory(spec, split, place, **options)

"""A tracker and a refiner as one choice: `jn-384+alpharefine`. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trackzoo.errors import SettingsError
from trackzoo.refiner import JOINT, PREFIX, Refined
from trackzoo.registry import TrackerChoice
from trackzoo.tracker import Tracker


@dataclass(frozen=True, kw_only=True)
class Composition(TrackerChoice):
    """What `TrackerChoice` says of one plugin, of two.

    Settings of the refiner stand under `refiner.` (`--set refiner.threshold=0.6`). Weights are written like the name: `A+B`;
    an empty part keeps the plugin's own, a single name is the tracker's (the refiner's where the tracker has no network),
    `random` is for both.

    Attributes:
        tracker: whose boxes are refined.
        refiner: what refines them.
    """

    tracker: TrackerChoice
    refiner: TrackerChoice

    @property
    def learned(self) -> bool:
        """Whether one of them has a network that needs weights."""
        return self.tracker.learned or self.refiner.learned

    def parts(self, settings: Mapping[str, Any]) -> Iterator[tuple[str, TrackerChoice, dict[str, Any]]]:
        """See `TrackerChoice.parts`."""
        own = {name: value for name, value in settings.items() if not name.startswith(PREFIX)}
        theirs = {name.removeprefix(PREFIX): value for name, value in settings.items() if name.startswith(PREFIX)}
        weights, compiled = own.pop("weights", None), own.pop("compile", None)
        first, second = self._parted(weights)
        theirs.setdefault("weights", second)
        own["weights"] = first
        for part, of_part in ((self.tracker, own), (self.refiner, theirs)):
            if of_part["weights"] is None:
                of_part.pop("weights")
            if compiled is not None and part.learned:
                of_part.setdefault("compile", compiled)
        yield "", self.tracker, own
        yield PREFIX, self.refiner, theirs

    def weights_among(self, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """See `TrackerChoice.weights_among`; the refiner's stand under its prefix."""
        own, rest = super().weights_among(settings)
        theirs = rest.pop(f"{PREFIX}weights", None)
        return own if theirs is None else f"{own or ''}{JOINT}{theirs}", rest

    def with_weights(self, weights: str | Path) -> TrackerChoice:
        """See `TrackerChoice.with_weights`, and above how weights are written."""
        if not self.learned:
            raise SettingsError(f"tracker '{self.id}' has no network that takes weights")
        first, second = self._parted(weights)
        return compose(
            self.tracker if first is None else self.tracker.with_weights(first),
            self.refiner if second is None else self.refiner.with_weights(second),
        )

    def _parted(self, weights: Any) -> tuple[Any, Any]:
        """Weights of the tracker and of the refiner; None where nothing is said."""
        if weights is None:
            return None, None
        if weights == "random":
            return tuple("random" if part.learned else None for part in (self.tracker, self.refiner))  # type: ignore[return-value]
        if isinstance(weights, str | Path):
            text = str(weights)
            if JOINT in text and not _stands(text):
                ends = [index for index, letter in enumerate(text) if letter == JOINT]
                # Paths may have a plus of their own.
                fits = [end for end in ends if _stands(text[:end]) and _stands(text[end + 1 :])]
                end = fits[0] if fits else ends[-1]
                first, second = text[:end] or None, text[end + 1 :] or None
                return first, second
        return (weights, None) if self.tracker.learned else (None, weights)

    def check(self, **overrides: Any) -> None:
        """See `TrackerChoice.check`: both must be able to run."""
        for _, part, settings in self.parts(overrides):
            part.check(**settings)

    def load(self, *, device: str = "cpu", dtype: str = "fp32", **overrides: Any) -> Tracker[Any]:
        """See `TrackerChoice.load`."""
        first, second = (
            part.make(device=device, dtype=dtype, **settings) for _, part, settings in self.parts(overrides)
        )
        return Refined(first, second)


def _stands(text: str) -> bool:
    """Whether a text means weights, or nothing at all."""
    from trackzoo.weights.table import weights_specs

    return text in ("", "random") or text in weights_specs() or Path(text).expanduser().is_file()


def compose(tracker: TrackerChoice, refiner: TrackerChoice) -> Composition:
    """A tracker whose predictions a refiner makes better."""
    name = f"{tracker.id}{JOINT}{refiner.id}"
    both = (tracker.spec, refiner.spec)
    counts = [_parameters(part) for part in (tracker, refiner)]
    spec = replace(
        tracker.spec,
        name=name,
        title=f"{tracker.spec.title} + {refiner.spec.title}",
        factory="",
        summary=f"{tracker.spec.summary} {refiner.spec.summary}".strip(),
        gives=tracker.spec.gives | refiner.spec.gives,
        variants={},
        default="",
        paper="; ".join(filter(None, (each.paper for each in both))),
        requires=_all(each.requires for each in both),
        unavailable="",
        depends="",
        weights={},
        parameters={name: sum(count or 0 for count in counts)} if any(counts) else {},
        batched=tracker.spec.batched and refiner.spec.batched,
        deterministic=tracker.spec.deterministic and refiner.spec.deterministic,
        isolated=tracker.spec.isolated or refiner.spec.isolated,
        # A network has use for all of them.
        threads=0 if refiner.learned else tracker.spec.threads or refiner.spec.threads,
        licence="; ".join(filter(None, dict.fromkeys(each.licence for each in both))),
    )
    settings = {**tracker.settings, **{f"{PREFIX}{key}": value for key, value in refiner.settings.items()}}
    weights = f"{tracker.weights}{JOINT}{refiner.weights}" if tracker.weights or refiner.weights else ""
    return Composition(name, spec, settings, weights, tracker=tracker, refiner=refiner)


def _parameters(choice: TrackerChoice) -> int | None:
    return choice.spec.parameters.get(choice.id)


def _all(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for group in groups for each in group))

"""Whether tensors fit a manifest: every name, every shape, every kind of number. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trackzoo.errors import DataError, SettingsError
from trackzoo.weights.facts import WeightsSpec
from trackzoo.weights.header import Entry


@lru_cache(maxsize=64)
def manifest(spec: WeightsSpec) -> Mapping[str, Entry]:
    """Names of the tensors that weights must have, with shape and type. Raises `DataError` for a broken manifest."""
    try:
        entries = json.loads(spec.manifest.read_text(encoding="utf-8"))
        entries = entries[spec.section] if spec.section else entries
        more = json.loads(spec.optional.read_text(encoding="utf-8")) if spec.optional else {}
        return {
            name: Entry(tuple(value["shape"]), value.get("dtype", "float32"), name in more)
            for name, value in sorted((entries | more).items())
        }
    except OSError:
        raise DataError(
            str(spec.manifest), "no such manifest", "the plugin's own", "install the plugin again"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        expected = 'a JSON object: names -> {"shape": […], "dtype": "…"}'
        raise DataError(str(spec.manifest), "an unreadable manifest", expected, "install the plugin again") from None


@dataclass(frozen=True)
class Fit:
    """What does not fit; nothing of it is ever loaded.

    Attributes:
        missing: names that should be there.
        unexpected: names that should not.
        misshapen: names with a wrong shape or kind of number -> what was found, what was expected.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshapen: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether everything fits."""
        return not (self.missing or self.unexpected or self.misshapen)

    @property
    def summary(self) -> str:
        """Counts, and the first name of each kind."""
        names = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "misshapen": [f"{name} {found} for {expected}" for name, found, expected in self.misshapen],
        }
        return ", ".join(f"{len(each)} {kind} (first {each[0]})" for kind, each in names.items() if each)

    def lines(self, most: int = 20) -> list[str]:
        """One line a tensor, at most so many of each kind."""
        found: list[str] = []
        for kind, texts in (
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("misshapen", tuple(f"{name}: found {own}, expected {wanted}" for name, own, wanted in self.misshapen)),
        ):
            found += [f"  {kind:<10} {text}" for text in texts[:most]]
            if len(texts) > most:
                found.append(f"  {kind:<10} … and {len(texts) - most} more")
        return found


class MisfitError(DataError):
    """A file whose tensors do not fit.

    Attributes:
        fit: what does not.
    """

    fit: Fit


def _kind(dtype: str) -> str:
    return "float" if "float" in dtype else dtype


def _say(entry: Entry, other: Entry) -> str:
    shape = "×".join(map(str, entry.shape)) or "a scalar"
    # The kind of number is only said where it is what differs.
    return shape if _kind(entry.dtype) == _kind(other.dtype) else f"{shape} {entry.dtype}"


def compare(found: Mapping[str, Entry], expected: Mapping[str, Entry]) -> Fit:
    """What of `found` does not fit `expected`. Floating-point types fit each other: they are converted."""
    misshapen = []
    for name in expected.keys() & found.keys():
        own, wanted = found[name], expected[name]
        if own.shape != wanted.shape or _kind(own.dtype) != _kind(wanted.dtype):
            misshapen.append((name, _say(own, wanted), _say(wanted, own)))
    # Tensors that may be absent are all there, or none is.
    more = any(expected[name].optional for name in expected.keys() & found.keys())
    return Fit(
        tuple(name for name, entry in expected.items() if name not in found and (more or not entry.optional)),
        tuple(name for name in found if name not in expected),
        tuple(sorted(misshapen)),
    )


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Context that puts the file's name before what is said of its tensors."""
    try:
        yield
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None


def refuse_misfit(path: str, fit: Fit, do: str = "") -> None:
    """Raise `MisfitError`, in one line, unless everything fits."""
    if not fit:
        error = MisfitError(path, f"tensors that do not fit: {fit.summary}", "every name and shape", do)
        error.fit = fit
        raise error

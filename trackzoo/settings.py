"""Settings of trackers: replaced by name in dataclasses, and held to the kinds that they are declared as. Imports no torch."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from numbers import Real
from typing import Any, TypeVar

from trackzoo.errors import SettingsError, UnknownSetting

Settings = TypeVar("Settings")

_EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "tuple[int, ...]": "whole numbers, e.g. [1, 2]",
}


def checked(name: str, value: Any, declared: Any) -> Any:
    """A setting's value; a whole number comes as `int` (20 for 20.0), a list of them as a tuple.

    Args:
        name: of the setting.
        value: as a person gave it.
        declared: the setting's annotation, as a text or a type. `bool`, `int`, `float` and `tuple[int, ...]` are
            looked at, also with `| None` behind them; what else a setting may be is its plugin's to say.

    Raises:
        SettingsError: a value of another kind.
    """
    text = declared if isinstance(declared, str) else inspect.formatannotation(declared)
    kind = text.removesuffix(" | None")
    if kind not in _EXPECTED or (value is None and kind != text):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int" and _whole(value):
        return int(value)
    if kind == "float" and _number(value):
        return value
    if kind.startswith("tuple") and isinstance(value, list | tuple) and all(map(_whole, value)):
        return tuple(map(int, value))
    raise SettingsError(f"setting {name} is {value!r}, expected {_EXPECTED[kind]}")


def _number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and not math.isnan(value)


def _whole(value: Any) -> bool:
    return _number(value) and float(value).is_integer()


def checked_call(factory: Callable[..., Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as `factory` declares its keyword arguments; what it does not declare is left to it. See `checked`."""
    calls: list[Callable[..., Any]] = [factory]
    if inspect.isclass(factory):
        # A constructor may hand what it does not declare to its base's.
        calls = [vars(each)["__init__"] for each in reversed(factory.__mro__) if "__init__" in vars(each)]
    declared: dict[str, inspect.Parameter] = {}
    for call in calls:
        with contextlib.suppress(ValueError):  # compiled ones do not always say what they take
            declared |= inspect.signature(call).parameters
    return {
        name: checked(name, value, declared[name].annotation) if name in declared else value
        for name, value in settings.items()
    }


def changed_all(changes: Mapping[str, Any], *settings: Any) -> tuple[Any, ...]:
    """Several dataclasses of settings with some values replaced, each where it stands; dataclasses may hold others.

    Raises:
        UnknownSetting: a name that none of them has.
        SettingsError: a value of another kind; what they say of a value themselves.
    """
    known = {name for each in settings for name in _names(each)}
    for name in changes:
        if name not in known:
            raise UnknownSetting(name)
    return tuple(_replaced(each, changes) for each in settings)


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """A dataclass of settings with some values replaced; see `changed_all`."""
    found: Settings = changed_all(changes, settings)[0]
    return found


def _names(settings: Any) -> list[str]:
    own = [(each.name, getattr(settings, each.name)) for each in fields(settings)]
    return [name for key, value in own for name in (_names(value) if is_dataclass(value) else [key])]


def _replaced(settings: Any, changes: Mapping[str, Any]) -> Any:
    new: dict[str, Any] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if is_dataclass(value):
            new[each.name] = _replaced(value, changes)
        elif each.name in changes:
            new[each.name] = checked(each.name, changes[each.name], each.type)
    return replace(settings, **new)

"""Settings of trackers: known by name, of the kind that they are declared as, and refused in one line otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from trackzoo.errors import SettingsError, UnknownSetting
from trackzoo.registry import tracker, tracker_specs
from trackzoo.settings import changed, changed_all, checked, checked_call


@dataclass(frozen=True)
class Inner:
    depth: int = 3
    rate: float = 1


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    least: float | None = None
    name: str = "x"


@pytest.mark.parametrize(
    ("declared", "value", "wanted"),
    [
        ("int", 20.0, 20),
        (int, np.int64(4), 4),
        ("int", -1, -1),
        ("float", 2, 2),
        ("float", float("inf"), float("inf")),
        ("float | None", None, None),
        (float | None, 0.5, 0.5),
        ("bool", True, True),
        ("tuple[int, ...]", [1, 2.0], (1, 2)),
        ("str", 5, 5),
        ("Any", None, None),
        ("float", Fraction(1, 2), 0.5),
    ],
)
def test_values_of_the_declared_kind_pass(declared: Any, value: Any, wanted: Any) -> None:
    found = checked("x", value, declared)
    assert found == wanted
    assert isinstance(found, int | tuple) or found is value


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("int", "abc", "a whole number"),
        (int, 2.5, "a whole number"),
        ("int", True, "a whole number"),
        ("int", None, "a whole number"),
        ("int", float("inf"), "a whole number"),
        ("float", "1", "a number"),
        ("float", float("nan"), "a number"),
        (float | None, "none", "a number"),
        ("bool", 1, "true or false"),
        ("bool | None", "yes", "true or false"),
        ("tuple[int, ...]", "12", "whole numbers"),
        ("tuple[int, ...]", [1, 2.5], "whole numbers"),
    ],
)
def test_values_of_another_kind_are_refused(declared: Any, value: Any, expected: str) -> None:
    with pytest.raises(SettingsError, match=f"setting x is .*, expected {expected}") as caught:
        checked("x", value, declared)
    assert len(str(caught.value).splitlines()) == 1


def test_settings_go_where_they_stand() -> None:
    outer, inner = changed_all({"depth": 5, "least": 0.1}, Outer(name="y"), Inner(rate=2))
    assert outer == Outer(Inner(5), 0.1, "y")
    assert inner == Inner(5, 2)
    assert changed(Outer(), {}) == Outer()
    with pytest.raises(UnknownSetting, match="no setting 'dept'"):
        changed(Outer(), {"dept": 5})
    with pytest.raises(UnknownSetting, match="no setting 'inner'"):
        changed(Outer(), {"inner": Inner()})


def test_a_constructor_s_bases_declare_too() -> None:
    class Base:
        def __init__(self, size: int, rate: float = 1.0, **more: Any) -> None: ...

    class Own(Base):
        def __init__(self, *, rate: bool = False, **options: Any) -> None: ...

    assert checked_call(Own, {"size": 3.0, "rate": True, "other": "x"}) == {"size": 3, "rate": True, "other": "x"}
    with pytest.raises(SettingsError, match="size"):
        checked_call(Own, {"size": "x"})
    assert checked_call(dict, {"size": "x"}) == {"size": "x"}  # compiled: it does not say what it takes
    assert checked_call(range, {"size": "x"}) == {"size": "x"}


#: A setting of each that is no text.
WRONG = {
    "dcf": "cells",
    "ostrack-256": "search_size",
    "procontext": "threshold",
    "jn-256": "template_size",
    "rts50": "train_skipping",
    "lwl-ytvos": "fast",
    "tomp-50": "conf_ths",
    "pivot-50": "hcanKs",
    "satracker": "depths",
}


@pytest.mark.parametrize("name", WRONG)
def test_every_tracker_refuses_a_setting_that_it_has_not(name: str) -> None:
    """Before anything is made, in one line that names both."""
    choice = tracker(name)
    choice = choice.with_weights("random") if choice.learned else choice
    with pytest.raises(SettingsError, match=rf"^tracker '{choice.id}' has no setting 'nonsense'$"):
        choice.load(nonsense=1)


@pytest.mark.parametrize("name", WRONG)
def test_every_tracker_refuses_a_value_of_another_kind(name: str) -> None:
    choice = tracker(name)
    choice = choice.with_weights("random") if choice.learned else choice
    with pytest.raises(SettingsError, match=f"setting {WRONG[name]} is 'abc', expected"):
        choice.load(**{WRONG[name]: "abc"})


def test_the_table_above_has_every_tracker_with_a_network() -> None:
    families = {tracker(name).spec.name for name in WRONG}
    assert families >= {name for name, spec in tracker_specs().items() if spec.parameters}


def test_a_class_of_a_person_s_own_is_held_to_its_annotations() -> None:
    with pytest.raises(SettingsError, match="setting stride is 'abc', expected a number"):
        tracker("toys:Walk").load(stride="abc")
    with pytest.raises(SettingsError, match="has no setting 'strides'"):
        tracker("toys:Walk").load(strides=2)

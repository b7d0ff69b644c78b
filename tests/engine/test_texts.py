"""Descriptions on their way from a sequence, or a person, to a tracker; by trackers that are none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from toys import Toy, Walk, annotate

from trackzoo.engine.plan import prepare
from trackzoo.engine.runner import run
from trackzoo.errors import DataError, ResultsError, SettingsError
from trackzoo.registry import TrackerChoice
from trackzoo.report.told import told_of
from trackzoo.sequence import Annotation, Sequence
from trackzoo.tracker import TrackerSpec


class Listener(Walk):
    """Notes what it is told."""

    told: ClassVar[dict[tuple[float, ...], str | None]] = {}

    def start(self, frames: Any, targets: Any, seeds: Any) -> Any:
        self.told.update({tuple(target.box): target.text for target in targets})
        return super().start(frames, targets, seeds)


def depends(variant: str, settings: dict[str, Any], text: str | None) -> dict[str, str]:
    return {"words": f"{variant} {sorted(settings)} {text}"}


def say(length: int, first: tuple[float, ...], text: str | None) -> Annotation:
    if text == "broken":
        raise DataError("words.txt", "an empty line", "a description")
    return replace(annotate(length, first), text=text)


class Told(Toy):
    """Sequences with descriptions."""

    def __init__(self, words: dict[str, str | None]) -> None:
        super().__init__(
            dict.fromkeys(words, 3), {name: (4.0 + at, 5, 9, 9) for at, name in enumerate(words)}, id="told"
        )
        self.words = words

    def sequence(self, name: str) -> Sequence:
        made = super().sequence(name)
        made._load = partial(say, 3, self.firsts[name], self.words[name])
        return made


@dataclass
class Ask:
    """Runs of trackers of a kind."""

    folder: Path
    spec: TrackerSpec = field(
        default_factory=lambda: TrackerSpec(
            "listener", "Listener", "test_texts:Listener", "", takes=frozenset({"box", "text"})
        )
    )

    def __call__(self, words: dict[str, str | None], **options: Any) -> Any:
        Listener.told.clear()
        choice = TrackerChoice("listener", self.spec, {})
        return run(choice, Told(words), results=self.folder, device="cpu", **options)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    import sys

    monkeypatch.setitem(sys.modules, "test_texts", sys.modules[__name__])
    return Ask(tmp_path / "runs")


def about(outcome: Any) -> dict[str, Any]:
    return dict(json.loads((outcome.folder / "run.json").read_text()))


@pytest.mark.parametrize("lanes", [1, 3])
def test_each_object_is_told_its_own(ask: Ask, lanes: int) -> None:
    outcome = ask({"a": "the cat", "b": "a dog", "c": "ein Hund"}, lanes=lanes)
    assert sorted(filter(None, Listener.told.values())) == ["a dog", "ein Hund", "the cat"]
    assert "text" not in about(outcome)["identity"]
    assert told_of(about(outcome)) == ()


@pytest.mark.parametrize("text", ["the red car", "", "  "])
def test_a_person_s_word_goes_before(ask: Ask, text: str) -> None:
    outcome = ask({"a": "the cat", "b": None}, text=text)
    assert [*Listener.told.values()] == [text, text]
    assert about(outcome)["identity"]["text"] == text
    [line] = told_of(about(outcome))
    assert ("the red car" in line) == bool(text.strip())
    with pytest.raises(ResultsError, match="text: folder has"):
        ask({"a": "the cat", "b": None}, text="another")
    with pytest.raises(ResultsError, match="text: folder has"):
        ask({"a": "the cat", "b": None})


@pytest.mark.parametrize("words", [{"a": None}, {"a": "", "b": "  "}])
def test_a_set_without_is_refused(ask: Ask, words: dict[str, str | None]) -> None:
    with pytest.raises(
        SettingsError, match=r"'listener' follows a description, and told has none; --text .* --no-text"
    ):
        ask(words)
    assert not ask.folder.exists()
    assert ask(words, text="").failed == []


def test_the_sequences_that_are_asked_for_count(ask: Ask) -> None:
    words: dict[str, str | None] = {"a": None, "b": "the cat", "c": None}
    with pytest.raises(SettingsError, match="follows a description"):
        ask(words, sequences=["a", "c"])
    outcome = ask(words)
    [line] = told_of(about(outcome))
    assert line == "2 of 3 sequences have no description, first 'a': told nothing there"
    assert outcome.plan is None or line in outcome.plan.remarks
    assert [*Listener.told.values()] == [None, "the cat", None]


def test_where_it_is_optional_nothing_is_refused(ask: Ask) -> None:
    ask.spec = replace(ask.spec, optional=frozenset({"text"}))
    outcome = ask({"a": None})
    assert outcome.failed == []
    assert told_of(about(outcome)) == ()


def test_those_that_take_none_are_told_none(ask: Ask) -> None:
    ask.spec = replace(ask.spec, takes=frozenset({"box"}))
    assert ask({"a": None}).failed == []
    for text in ("x", ""):
        with pytest.raises(SettingsError, match="'listener' takes no text"):
            ask({"a": None}, text=text)


def test_a_broken_annotation_is_that_sequence_s_matter(ask: Ask) -> None:
    outcome = ask({"a": "broken", "b": "the cat"})
    assert [trial.name for trial, _ in outcome.failed] == ["a"]
    assert [trial.name for trial in outcome.done] == ["b"]


def test_what_the_text_is_read_with_is_part_of_the_run(ask: Ask) -> None:
    ask.spec = replace(ask.spec, depends="test_texts:depends")
    plan = prepare(
        TrackerChoice("listener", ask.spec, {"stride": 2.0}), Told({"a": "x"}), results=ask.folder, device="cpu"
    )
    assert plan.identity["depends"]["words"] == "listener ['stride', 'weights'] None"
    assert plan.tracker is None  # not loaded for it


@pytest.mark.parametrize(
    ("run", "lines"),
    [
        (None, ()),
        ({}, ()),
        ({"identity": []}, ()),
        ({"identity": {"text": 3}}, ()),
        ({"identity": {"text": "a\nb\udcff"}}, ('every object was told "a?b?"',)),
        ({"identity": {"text": "x" * 200}}, (f'every object was told "{"x" * 59}…"',)),
        ({"identity": {"text": " "}, "texts": ["1 of 2"]}, ("1 of 2", "no object was told its description")),
    ],
)
def test_footnotes(run: Any, lines: tuple[str, ...]) -> None:
    assert told_of(run) == lines

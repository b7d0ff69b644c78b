"""What weights were trained on is held against what benchmarks allow, in runs and in reports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tinyplugin import manifest, tensors
from toys import Toy

import trackzoo
from trackzoo.engine.plan import prepare
from trackzoo.engine.runner import run
from trackzoo.errors import ResultsError, SettingsError
from trackzoo.registry import TrackerChoice, dataset_names, dataset_specs, refiner_names, tracker_names
from trackzoo.report.table import board_table
from trackzoo.tracker import TrackerSpec
from trackzoo.weights import chosen, training_sets
from trackzoo.weights.convert import add_weights
from trackzoo.weights.facts import WeightsSpec
from trackzoo.weights.fit import manifest as manifest_of
from trackzoo.weights.table import weights_spec, weights_specs
from trackzoo.weights.training_sets import remarks, remarks_of

FOUR = ("lasot-train", "got10k-vot-train", "coco2017-train", "trackingnet-train")


# What is registered.


@pytest.mark.parametrize("name", weights_specs())
def test_all_weights_state_their_facts(name: str) -> None:
    spec = weights_specs()[name]
    assert spec.paper
    assert spec.title
    assert manifest_of(spec)
    assert set(spec.variants) <= {*tracker_names(), *refiner_names()}
    if spec.page:  # those that nobody has published are a person's own
        assert spec.licence
        assert spec.page.startswith("https://")
        # Backbones saw no tracking data.
        assert spec.trained_on or not spec.variants, "say what it was trained on"
    assert set(spec.trained_on) <= set(dataset_names())


@pytest.mark.parametrize("name", [name for name, spec in dataset_specs().items() if spec.train_only or spec.overlaps])
def test_rules_and_overlaps_name_registered_training_sets(name: str) -> None:
    spec = dataset_specs()[name]
    assert {*spec.train_only, *spec.overlaps} <= set(dataset_names())


def test_a_tracker_s_name_means_its_weights() -> None:
    assert weights_spec("ostrack").name == "ostrack-256"
    assert weights_spec("procontext-paper").name == "procontext"


# What is said.


@pytest.mark.parametrize(
    ("sets", "dataset", "needles"),
    [
        (("got10k-train",), "got10k-test", ()),
        (("got10k-vot-train",), "got10k-val", ()),
        (FOUR, "got10k-test", ("rules of GOT-10k allow got10k-train alone",)),
        (None, "got10k-test", ("of unknown training data",)),
        (FOUR, "lasot-test", ()),
        (("lasot-test",), "lasot-test", ("trained on lasot-test itself",)),
        (("got10k-train",), "vot2020", ("VOT rules exclude",)),
        (FOUR, "vot2020", ()),
        (("got10k-train",), "vot2016", ()),
        (("lasot-train", "tnl2k-train"), "tnl2k-test", ("monitor_manypeople",)),
        (FOUR, "tnl2k-test", ()),
        (FOUR, "synth+length=4", ()),
        (None, "my-own-data", ()),
    ],
)
def test_remarks(sets: tuple[str, ...] | None, dataset: str, needles: tuple[str, ...]) -> None:
    found = remarks(sets, dataset, "x")
    assert len(found) == len(needles)
    for text, needle in zip(found, needles, strict=True):
        assert needle in text
        assert not text.endswith(".")


def test_remarks_on_stored_runs() -> None:
    run = {"dataset": "tnl2k-test", "identity": {"weights": {"name": "x"}}, "weights": {"trained_on": ["tnl2k-train"]}}
    assert "monitor_manypeople" in remarks_of(run)[0]
    assert remarks_of({**run, "identity": {"weights": {"random": True}}}) == ()
    assert remarks_of({**run, "identity": {"weights": None}}) == ()
    assert remarks_of({"dataset": "tnl2k-test"}) == ()
    assert remarks_of({**run, "dataset": "got10k-val", "weights": {"trained_on": None}})[0].endswith("alone")


# What a run takes.


@pytest.fixture
def choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrackerChoice:
    """A tracker with weights of four sets, and others of GOT-10k alone."""
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest()))
    four = WeightsSpec("tiny", "Tiny", ("tiny",), "tiny.pth", "https://example.org", file, trained_on=FOUR)
    alone = replace(four, name="tiny-got10k", trained_on=("got10k-train",))
    specs = {"tiny": four, "tiny-got10k": alone}
    for module in (chosen, training_sets):
        monkeypatch.setattr(module, "weights_specs", lambda: specs)
    spec = TrackerSpec("tiny", "Tiny", "walker:Walker", "", weights={"tiny": "tiny"})
    return TrackerChoice("tiny", spec, {}, "tiny")


def take_in(name: str, tmp_path: Path, value: float = 1.0) -> None:
    path = tmp_path / f"{name}.pth"
    torch.save(tensors(value), path)
    add_weights(chosen.weights_specs()[name], path)


def planned(choice: TrackerChoice, dataset: str, **options: str) -> tuple[str | None, tuple[str, ...]]:
    plan = prepare(choice, Toy({"one": 3}, id=dataset), device="cpu", **options)  # type: ignore[arg-type]
    assert list(plan.about.get("remarks", ())) == list(plan.remarks)[: len(plan.about.get("remarks", ()))]
    return plan.identity["weights"]["name"], plan.remarks


def test_got10k_is_run_with_weights_of_its_own_training_set_where_they_are(
    choice: TrackerChoice, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="tiny-got10k"):
        planned(choice, "got10k-val")
    take_in("tiny", tmp_path)
    name, said = planned(choice, "got10k-val")
    assert name == "tiny"
    assert "allow got10k-train alone" in said[0]
    assert "trackzoo weights add tiny-got10k" in said[1]
    take_in("tiny-got10k", tmp_path)
    assert planned(choice, "got10k-val") == ("tiny-got10k", ())
    assert planned(choice, "lasot-test") == ("tiny", ())
    name, said = planned(choice, "got10k-val", weights="tiny")
    assert name == "tiny"
    assert len(said) == 1


def test_reports_say_so_in_a_footnote(choice: TrackerChoice, tmp_path: Path) -> None:
    take_in("tiny", tmp_path)
    data = Toy({"one": 3}, id="got10k-val")
    outcome = run(choice, data, results=tmp_path / "runs", device="cpu")
    assert outcome.complete
    stored = json.loads((outcome.folder / "run.json").read_text())
    assert stored["weights"]["trained_on"] == list(FOUR)
    assert "allow got10k-train alone" in stored["remarks"][0]
    board = trackzoo.compare(datasets=[data], results=tmp_path / "runs").comparison.boards[0]
    assert any("allow got10k-train alone" in text for _, text in board_table(board).footnotes)


def test_a_person_s_own_file_is_known_by_its_digest(choice: TrackerChoice, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save(tensors(), path)
    plan = prepare(choice, Toy({"one": 3}, id="got10k-val"), device="cpu", weights=path)
    [digest] = plan.identity["weights"]["sha256"].values()
    assert len(digest) == 64
    assert "unknown training data" in plan.remarks[0]
    torch.save(tensors(2), path)
    again = prepare(choice, Toy({"one": 3}, id="got10k-val"), device="cpu", weights=path)
    assert again.identity["weights"] != plan.identity["weights"]


def test_a_converted_file_tells_what_it_was_trained_on_wherever_it_lies(choice: TrackerChoice, tmp_path: Path) -> None:
    take_in("tiny-got10k", tmp_path)
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(chosen.weights_file("tiny-got10k").read_bytes())
    plan = prepare(choice, Toy({"one": 3}, id="got10k-val"), device="cpu", weights=copy)
    assert plan.remarks == ()


@pytest.mark.parametrize(
    ("weights", "words"), [(None, ""), ("tiny-got10k", " --weights tiny-got10k"), ("random", " --random-weights")]
)
def test_an_incomplete_run_is_finished_with_the_same_weights(
    choice: TrackerChoice, tmp_path: Path, weights: str | None, words: str
) -> None:
    for name in ("tiny", "tiny-got10k"):
        take_in(name, tmp_path)
    data = Toy({"one": 3, "two": 3}, id="my-data")
    assert not run(choice, data, results=tmp_path, device="cpu", sequences=("one",), weights=weights).complete
    with pytest.raises(ResultsError) as caught:
        trackzoo.compare(datasets=[data], results=tmp_path)
    command = str(caught.value)
    assert words in command
    # `tiny` is known to this test alone, so that its usual weights are named, too.
    assert ("--random-weights" in command) == (weights == "random")

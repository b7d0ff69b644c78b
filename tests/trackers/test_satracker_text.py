"""Text: the tokenizer beside transformers' own, odd texts, and the way from a data set or the command line to the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import miniatures
import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from tinysatracker import LISTS, TINY, filled, vocabulary

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.errors import DataError, ResultsError, SettingsError, TrackzooError
from trackzoo.frames import ArrayFrames
from trackzoo.parity.scene import scene
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction
from trackzoo.trackers.satracker.tokenizer import LENGTH, HashedWords, WordPieces, encode, find_vocabulary
from trackzoo.trackers.satracker.tracker import SATrackerTracker

#: Texts that were seen, or may be, in annotation and on command lines.
ODD = (
    "",
    "   \n\t ",
    "the red car " * 400,
    "x" * 50_000,
    "红色的汽车在路上",
    "voiture rouge déjà-vu, Straße, İstanbul",
    "the 🚗 on the \u200b\u202eroad\u0000\ufffd",
    "[SEP] [PAD] [CLS] [MASK] the car",
    "\udcff\udcfe broken bytes",
    "%s {0} $HOME `ls`; \\ \" '",
    "the\r\nred\u2028car",
)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT folder with a tiny vocabulary."""
    return vocabulary(tmp_path_factory.mktemp("text") / "bert")


@pytest.fixture(scope="module")
def theirs(bert: Path) -> Any:
    from transformers import BertTokenizer

    return BertTokenizer.from_pretrained(str(bert), do_lower_case=True)


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.one_of(st.sampled_from("the red cars walking, on-left! 车?àÉ "), st.characters(codec="utf-8")), max_size=60
    )
)
@example("Walking cars, on the LEFT!")
@example("the red car " * 40)
@example("wälking 车车 unseen")
def test_pieces_are_transformers_own(bert: Path, theirs: Any, text: str) -> None:
    if "[" in text:
        return  # what stands in brackets may be a sign of theirs, and is text here
    ids, mask = encode(WordPieces(find_vocabulary(str(bert))), text)
    wanted = theirs(text, truncation=True, max_length=LENGTH, padding="max_length")
    assert ids == wanted["input_ids"]
    assert [int(each) for each in mask] == wanted["attention_mask"]


def test_pieces_by_hand(bert: Path) -> None:
    words = WordPieces(bert / "vocab.txt", TINY["vocabulary_size"])
    names = (bert / "vocab.txt").read_text(encoding="utf-8").split("\n")
    assert [names[index] for index in words("The RED cars, wàlking!")] == [
        "the",
        "red",
        "car",
        "##s",
        ",",
        "walk",
        "##ing",
        "!",
    ]
    assert [names[index] for index in words("zebra 车")] == ["[UNK]", "车"]
    ids, mask = encode(words, "the car", 6)
    assert [names[index] for index in ids] == ["[CLS]", "the", "car", "[SEP]", "[PAD]", "[PAD]"]
    assert mask == [True, True, True, True, False, False]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_texts_become_thirty_numbers(bert: Path, text: str) -> None:
    for words in (WordPieces(bert / "vocab.txt"), HashedWords(TINY["vocabulary_size"])):
        ids, mask = encode(words, text)
        assert len(ids) == len(mask) == LENGTH
        assert ids[0] == words.cls
        assert ids[sum(mask) - 1] == words.sep
        assert all(0 <= index < TINY["vocabulary_size"] for index in ids)
        assert not any(ids[sum(mask) :])
        # What is written in a text frames nothing.
        assert words.cls not in ids[1:]


def test_a_blank_text_needs_no_vocabulary() -> None:
    ids, mask = encode(None, "")
    assert ids[:3] == [101, 102, 0]
    assert sum(mask) == 2


def test_tokenizer_json_does_too(bert: Path, tmp_path: Path) -> None:
    names = (bert / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    content = {"model": {"type": "WordPiece", "vocab": {name: index for index, name in enumerate(names)}}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert find_vocabulary(str(tmp_path)) == tmp_path / "tokenizer.json"
    text = "the red cars are walking"
    assert WordPieces(tmp_path / "tokenizer.json")(text) == WordPieces(bert / "vocab.txt")(text)


@pytest.mark.parametrize(
    ("name", "content", "needle"),
    [
        ("vocab.txt", "[PAD]\nthe\n", "no piece"),
        ("vocab.txt", "the\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "number 0"),
        ("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", "5 word pieces"),
        ("tokenizer.json", "{", "no vocabulary"),
        ("tokenizer.json", "[1]", "no vocabulary"),
        ("readme.txt", "", "without a vocabulary"),
    ],
)
def test_what_is_no_vocabulary(name: str, content: str, needle: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=needle) as caught:
        WordPieces(find_vocabulary(str(tmp_path)), 30522)
    assert "\n" not in str(caught.value)


def test_without_a_vocabulary_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("trackzoo.trackers.satracker.tokenizer._hub_cache", lambda: None)
    with pytest.raises(SettingsError, match="--set vocabulary=FOLDER") as caught:
        find_vocabulary()
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        find_vocabulary(str(tmp_path / "nowhere"))


def test_no_text_breaks_tracking(bert: Path) -> None:
    tracker = SATrackerTracker(weights=filled().state_dict(), vocabulary=str(bert), search_size=96, **TINY)
    video, boxes, _ = scene(1, 2)
    for text in ODD:
        found = list(tracker.track(video, boxes[0], text=text))
        assert all(np.isfinite(each.box).all() for each in found)


def test_what_is_said_matters(bert: Path) -> None:
    network = filled()
    network.box_head.get_submodule("conv5_tl").weight.mul_(40)
    tracker = SATrackerTracker(weights=network.state_dict(), vocabulary=str(bert), search_size=96, **TINY)
    video, boxes, _ = scene(1, 2)
    frames = ArrayFrames(lambda index: video[index], 2, "scene")
    seen = []
    for text in ("the red car", "a blue bird", "The RED car"):
        raw: list[Any] = []
        [(state, _)] = tracker.start([frames[0]], [Target(boxes[0], None, text)], [0])
        tracker.attach(lambda name, value, raw=raw: raw.append(value) if name == "corners" else None)
        tracker.step([frames[1]], [state])
        seen.append(raw[0])
    assert (seen[0] - seen[1]).abs().max() > 1e-6
    assert (seen[0] - seen[2]).abs().max() == 0


# ----------------------------------------------------------------------------------------------------------- data to network

SYNTH = "synth:sequences=2,length=3"
SMALL: dict[str, Any] = {**LISTS, "search_size": 96, "template_size": 64}


def identity(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "run.json").read_text())["identity"])


def texts_told(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """A list that grows by what the tracker is told."""
    told: list[str | None] = []
    usual = SATrackerTracker._encode

    def listen(self: SATrackerTracker, texts: Any) -> Any:
        told.extend(texts)
        return usual(self, texts)

    monkeypatch.setattr(SATrackerTracker, "_encode", listen)
    return told


def test_a_run_tells_each_sequences_text(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = texts_told(monkeypatch)
    made = {**SMALL, "vocabulary": str(bert)}
    outcome = run("satracker", SYNTH, results=tmp_path, weights="random", settings=made, lanes=2, device="cpu")
    assert len(outcome.done) == 2
    assert outcome.failed == []
    assert all(text and text.startswith("the ") for text in told)
    facts = identity(outcome.folder)
    assert "text" not in facts
    assert len(facts["depends"]["vocabulary"]) == 64

    told.clear()
    other = run(
        "satracker", SYNTH, results=tmp_path / "said", weights="random", settings=made, text="a red car", device="cpu"
    )
    assert told == ["a red car"] * 2
    assert identity(other.folder)["text"] == "a red car"
    assert 'every object was told "a red car"' in str(trackzoo.compare(results=tmp_path / "said"))
    told.clear()
    none = run("satracker", SYNTH, results=tmp_path / "none", weights="random", settings=made, text="", device="cpu")
    assert told == ["", ""]
    facts = identity(none.folder)
    assert facts["text"] == ""
    assert "depends" not in facts
    # Two texts never fill one folder.
    with pytest.raises(ResultsError, match="text"):
        run("satracker", SYNTH, results=tmp_path, weights="random", settings=made, text="a bird", device="cpu")


def clip(folder: Path, *texts: str | None) -> Path:
    """A person's own sequences, with descriptions or without."""
    from PIL import Image

    video, boxes, _ = scene(1, 3)
    for number, text in enumerate(texts):
        place = folder / f"s{number}"
        place.mkdir(parents=True)
        for index, picture in enumerate(video):
            Image.fromarray(picture).save(place / f"{index + 1:05d}.png")
        np.savetxt(place / "groundtruth.txt", boxes, fmt="%g", delimiter=",")
        if text is not None:
            (place / "nlp.txt").write_text(text + "\n", encoding="utf-8")
    return folder


def test_a_set_without_text_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    root = clip(tmp_path / "clips", None, None)
    made: dict[str, Any] = {"weights": "random", "settings": SMALL, "device": "cpu", "data_root": root}
    with pytest.raises(SettingsError, match="follows a description, and folder-clips has none; --text") as caught:
        run("satracker", "folder", results=tmp_path / "runs", **made)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()
    outcome = run("satracker", "folder", results=tmp_path / "runs", text="", **made)
    assert len(outcome.done) == 2


def test_sequences_without_text_among_others_are_told(tmp_path: Path) -> None:
    root = clip(tmp_path / "clips", "the red car", None)
    with pytest.warns(UserWarning, match="no description"):
        outcome = run(
            "satracker",
            "folder",
            results=tmp_path / "runs",
            weights="random",
            settings=SMALL,
            device="cpu",
            data_root=root,
        )
    assert len(outcome.done) == 2
    [remark] = json.loads((outcome.folder / "run.json").read_text())["texts"]
    assert remark.startswith("1 of 2 sequences have no description, first 's1'")


def test_a_tracker_that_takes_no_text_is_told_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'static' takes no text"):
        run("static", SYNTH, results=tmp_path, text="the red car")


@pytest.mark.parametrize("text", [ODD[2], ODD[6], ODD[8], ODD[9]], ids=range(4))
def test_odd_texts_do_not_break_a_run(bert: Path, text: str, tmp_path: Path) -> None:
    made = {**SMALL, "vocabulary": str(bert)}
    for _ in range(2):  # the second goes on where nothing is left
        outcome = run(
            "satracker",
            "synth:sequences=1,length=2",
            results=tmp_path,
            weights="random",
            settings=made,
            text=text,
            device="cpu",
        )
        assert outcome.failed == []
        assert outcome.complete
        assert identity(outcome.folder)["text"] == text
        assert str(outcome.plan).isascii()


def test_a_missing_vocabulary_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import save_file

    monkeypatch.setattr("trackzoo.trackers.satracker.tokenizer._hub_cache", lambda: None)
    save_file({name: each.contiguous() for name, each in filled().state_dict().items()}, tmp_path / "tiny.safetensors")
    made: dict[str, Any] = {"weights": tmp_path / "tiny.safetensors", "settings": SMALL, "device": "cpu"}
    with pytest.raises(TrackzooError, match="BERT's vocabulary"):
        run("satracker", SYNTH, results=tmp_path / "runs", **made)
    assert not (tmp_path / "runs").exists()
    assert len(run("satracker", SYNTH, results=tmp_path / "runs", text="", **made).done) == 2


def call(name: str, *arguments: object) -> None:
    """A command, in this process; raises what it would print in one line."""
    import importlib

    from click.testing import CliRunner

    command = getattr(importlib.import_module(f"trackzoo.cli.{name}"), name)
    done = CliRunner().invoke(command, [str(each) for each in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    assert done.return_value in (0, None), done.output


def test_run_on_the_command_line(bert: Path, tmp_path: Path) -> None:
    root = clip(tmp_path / "clips", None)
    tracker = [
        "--random-weights",
        "-t",
        "satracker",
        *(f"--set={name}={json.dumps(each)}" for name, each in SMALL.items()),
    ]
    folder = ["-d", "folder", "--data-root", root, "--device", "cpu", "--results", tmp_path / "runs"]
    with pytest.raises(SettingsError, match="--no-text"):
        call("run", *tracker, *folder)
    with pytest.raises(SettingsError, match="found both"):
        call("run", *tracker, *folder, "--text", "x", "--no-text")
    with pytest.raises(SettingsError, match="takes no text"):
        call("run", "-t", "static", *folder, "--text", "x")
    call("run", *tracker, *folder, "--text", "the red car", "--set", f"vocabulary={bert}")
    assert identity(next((tmp_path / "runs").glob("satracker/*/ope")))["text"] == "the red car"


def test_track_on_the_command_line(bert: Path, tmp_path: Path, cli: Any, refused: Any) -> None:
    from safetensors.torch import save_file

    root, weights = clip(tmp_path / "clips", None), tmp_path / "tiny.safetensors"
    save_file({name: each.contiguous() for name, each in filled().state_dict().items()}, weights)
    made = {**SMALL, "weights": str(weights), "vocabulary": str(bert)}
    track = [
        root / "s0",
        "--tracker",
        "satracker",
        "--box",
        "84,64,45,33",
        "--device",
        "cpu",
        "--boxes",
        tmp_path / "boxes",
    ]
    track += [f"--set={name}={json.dumps(each)}" for name, each in made.items()]
    refused(cli("track", *track), "follows a description", "--text")
    for said in (["--text", "the red car"], ["--text", "红 🚗"], ["--no-text"]):
        call("track", *track, *said)
        assert np.loadtxt(tmp_path / "boxes", delimiter=",").shape == (3, 4)
        (tmp_path / "boxes").unlink()


def lasot(root: Path) -> str:
    miniatures.lasot(root, "airplane-1", 3, words="white airplane landing on ground\n")
    return "white airplane landing on ground"


def tnl2k(root: Path) -> str:
    miniatures.tnl2k(root, "advSamp_Baseball_game_002-Done", 3, words="the man in white \n")
    return "the man in white"


def otb99_lang(root: Path) -> str:
    home = root / "OTB_videos" / "Biker"
    for index in range(142):
        miniatures.image(home / "img" / f"{index + 1:04d}.jpg", index)
    miniatures.text(home / "groundtruth_rect.txt", miniatures.rows(miniatures.boxes(142)))
    miniatures.text(root / "OTB_query_test" / "Biker.txt", "the cyclist in the middle\n")
    return "the cyclist in the middle"


@pytest.mark.parametrize("build", [lasot, tnl2k, otb99_lang])
def test_benchmarks_with_language_give_it(build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the files of a benchmark to what the tracker is told."""
    words = build(tmp_path / "data")
    told = texts_told(monkeypatch)
    monkeypatch.setattr(
        SATrackerTracker, "step", lambda self, frames, states: [Prediction(state.box) for state in states]
    )
    outcome = run(
        "satracker",
        build.__name__.replace("_", "-"),
        data_root=tmp_path / "data",
        results=tmp_path / "runs",
        available=True,
        weights="random",
        settings=SMALL,
        device="cpu",
    )
    assert [str(cause) for _, cause in outcome.failed] == []
    assert told == [words]


def test_inspect_on_the_command_line(bert: Path, tmp_path: Path) -> None:
    made = {**SMALL, "vocabulary": str(bert)}
    settings = [f"--set={name}={json.dumps(each)}" for name, each in made.items()]
    call("inspect", "satracker", "--random-weights", *settings, "--frames", "2", "--out", tmp_path)
    kinds = {path.stem.rsplit("-", 1)[1] for path in tmp_path.glob("*.png")}
    assert kinds == {"templates", "stages", "matching", "corners"}

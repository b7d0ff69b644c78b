"""The synthetic zoo: the same pixels everywhere, annotation that says what is seen, options that are held to their ranges."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.datasets._synth_numbers import ONE, TURN, Draws, Wave, sines, smooth_noise
from trackzoo.datasets._synth_paint import ellipse, polygon, star
from trackzoo.datasets.synth import ATTRIBUTES
from trackzoo.errors import SettingsError, UnknownName
from trackzoo.geometry import box_of_mask
from trackzoo.registry import dataset_choice, dataset_options, open_dataset
from trackzoo.sequence import Dataset


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="module")
def zoo() -> Dataset:
    return open_dataset("synth")


def test_usual_zoo(zoo: Dataset) -> None:
    assert (zoo.id, len(zoo), zoo.names[0], zoo.known_frames()) == ("synth", 12, "stroll-1", 960)
    assert zoo.available() == zoo.names
    assert zoo.check() == []
    assert zoo.has_masks
    assert zoo.has_text
    first = zoo["stroll-1"].frames[0]
    assert first.size == (320, 240)
    assert first.array().dtype == np.uint8
    assert zoo["stroll-1"].size == (320, 240)


def test_pixels_and_annotation_are_the_same_on_every_machine(zoo: Dataset) -> None:
    """If this fails and the change is meant: raise `VERSION` in _synth_scene.py and pin anew. Results depend on it."""
    got = {name: _digest(zoo[name].frames[33].array()) for name in zoo.names}
    assert got == PINNED_PIXELS
    assert zoo.fingerprint() == PINNED_FINGERPRINT
    assert open_dataset("synth-vos").fingerprint() == PINNED_VOS


def test_frames_are_made_alone_and_in_any_order() -> None:
    for name in ("dash-1", "far-1", "zoo-1", "wall-1"):
        forward = open_dataset("synth:length=12")[name]
        in_order = [forward.frames[index].array() for index in range(12)]
        other = open_dataset("synth:length=12")[name]
        for index in (7, 0, 11, 7):
            assert np.array_equal(other.frames[index].array(), in_order[index])


def test_longer_video_begins_like_a_shorter_one() -> None:
    short, long = open_dataset("synth:length=5")["zoo-1"], open_dataset("synth:length=50")["zoo-1"]
    assert np.array_equal(short.boxes, long.boxes[:5])
    assert np.array_equal(short.frames[4].array(), long.frames[4].array())
    fewer, more = open_dataset("synth:sequences=2"), open_dataset("synth:sequences=30")
    assert more.names[:2] == fewer.names
    assert more.names[12] == "stroll-2"
    assert np.array_equal(fewer["spin-1"].boxes, more["spin-1"].boxes)
    assert not np.array_equal(more["stroll-1"].boxes, more["stroll-2"].boxes)


def test_boxes_are_tight_around_masks_and_absence_is_told(zoo: Dataset) -> None:
    for name in zoo.names:
        sequence = zoo[name]
        annotation = sequence.annotation
        assert annotation.masks is not None
        assert len(annotation.boxes) == len(annotation.visible) == 80
        for index in range(0, 80, 3):
            mask = annotation.masks.mask(index, 1)
            assert mask is not None
            np.testing.assert_array_equal(annotation.boxes[index], box_of_mask(mask))
            assert annotation.visible[index] == mask.any()
        gone = ~annotation.visible
        labels = annotation.labels
        assert np.array_equal(np.isnan(annotation.boxes).all(axis=1), gone)
        assert np.array_equal(labels["absence"] == 1, gone)
        assert np.array_equal(labels["out_of_view"] + labels["full_occlusion"], gone.astype(int))
        assert np.array_equal(labels["cover"] == 0, gone)
        assert ((labels["cover"] >= 0) & (labels["cover"] <= 8)).all()
        inside = annotation.boxes[~gone]
        assert (inside[:, :2] >= 0).all()
        assert (inside[:, 0] + inside[:, 2] <= 320).all()
        assert (inside[:, 1] + inside[:, 3] <= 240).all()


def test_masks_lie_on_the_animals(zoo: Dataset) -> None:
    """The picture differs from the same scene's ground where the mask is, and the animal's colours stand there."""
    sequence = zoo["stroll-1"]
    assert sequence.masks is not None
    mask = sequence.masks.mask(20, 1)
    assert mask is not None
    pixels = sequence.frames[20].array().astype(int)
    blue = (pixels[..., 2] > pixels[..., 0] + 40) & (pixels[..., 2] > pixels[..., 1] + 40)  # its coat, on a meadow
    assert blue[mask].mean() > 0.4
    assert blue[~mask].mean() < 0.01


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("spin-1", "ROT"),
        ("approach-1", "SV"),
        ("jelly-1", "DEF"),
        ("trunks-1", "POC"),
        ("wall-1", "FOC"),
        ("leave-1", "OV"),
        ("twins-1", "BC"),
        ("dusk-1", "IV"),
        ("dash-1", "FM"),
        ("far-1", "LR"),
    ],
)
def test_each_script_shows_its_difficulty(zoo: Dataset, name: str, attribute: str) -> None:
    assert attribute in zoo[name].attributes
    assert set(zoo[name].attributes) <= set(ATTRIBUTES)
    assert attribute not in zoo["stroll-1"].attributes


def test_attributes_hold_for_the_frames_there_are(zoo: Dataset) -> None:
    """Before it reaches the wall nothing is hidden."""
    assert "FOC" not in open_dataset("synth:length=5")["wall-1"].attributes
    for name in zoo.names:
        sequence = zoo[name]
        labels = sequence.annotation.labels
        assert ("FOC" in sequence.attributes) == bool(labels["full_occlusion"].any())
        assert ("OV" in sequence.attributes) == bool(labels["out_of_view"].any())


def test_light_falls(zoo: Dataset) -> None:
    dusk = zoo["dusk-1"]
    light = [dusk.frames[index].array().mean() for index in range(0, 80, 4)]
    assert max(light) > 1.8 * min(light)


def test_descriptions_name_the_target_and_its_look_alike(zoo: Dataset) -> None:
    text = zoo["twins-1"].text
    assert text is not None
    assert "starfish" in text
    assert "its double" in text
    assert zoo["twins-1"].category == "starfish"
    assert len({zoo[name].text for name in zoo.names}) == len(zoo)


def test_several_objects_of_which_some_appear_later() -> None:
    dataset = open_dataset("synth-vos")
    for sequence in dataset:
        starts, masks = sequence.annotation.starts, sequence.masks
        assert masks is not None
        assert set(starts) == {1, 2, 3}
        assert starts[1] == 0
        assert min(starts[2], starts[3]) > 3
        for obj, start in starts.items():
            seen = masks.mask(start, obj)
            assert seen is not None
            assert seen.sum() > 100
            if start:
                assert not masks.mask(start - 1, obj).any()  # type: ignore[union-attr]
        labels = masks[59]
        assert labels is not None
        assert labels.shape == (240, 320)


def test_it_pickles_small_and_reads_the_same_there() -> None:
    dataset = open_dataset("synth:length=10")
    sequence = dataset["zoo-1"]
    frame, boxes = sequence.frames[3].array(), sequence.boxes
    data = pickle.dumps((dataset, sequence, sequence.frames, sequence.masks))
    assert len(data) < 10_000  # recipes, not pictures
    again, other, frames, masks = pickle.loads(data)
    assert again.fingerprint() == dataset.fingerprint()
    assert np.array_equal(other.boxes, boxes, equal_nan=True)
    assert np.array_equal(frames[3].array(), frame)
    assert np.array_equal(masks[3], sequence.masks[3])  # type: ignore[index]


def test_another_process_makes_the_same() -> None:
    code = "from trackzoo.registry import open_dataset as o; print(o('synth:length=3,sequences=2').fingerprint())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == open_dataset("synth:length=3,sequences=2").fingerprint()


def test_opening_a_huge_zoo_paints_nothing() -> None:
    begin = time.perf_counter()
    dataset = open_dataset("synth:sequences=5000,length=100000,width=1920,height=1080")
    sequence = dataset[dataset.names[-1]]
    assert len(sequence.frames) == 100_000
    sequence.frames[99_999]
    assert dataset.known_frames() == 500_000_000
    assert time.perf_counter() - begin < 2


def test_frames_are_quick_to_make(zoo: Dataset) -> None:
    """About 1 to 3 ms each; the bound leaves room for a busy machine."""
    frames = zoo["stroll-1"].frames
    frames[0].array()
    seconds = []
    for index in range(1, 30):
        begin = time.perf_counter()
        frames.read(index)
        seconds.append(time.perf_counter() - begin)
    assert np.median(seconds) < 0.02


def test_fingerprint_tells_options_apart() -> None:
    prints = {
        open_dataset(name).fingerprint()
        for name in ("synth:length=4", "synth:length=5", "synth:length=4,seed=1", "synth:length=4,width=300")
    }
    assert len(prints) == 4
    dataset = open_dataset("synth:length=4")
    assert dataset.fingerprint(["wall-1"]) != dataset.fingerprint(["zoo-1"])
    assert dataset.fingerprint(["wall-1"]) == open_dataset("synth:length=4,sequences=7").fingerprint(["wall-1"])


@given(
    seed=st.integers(0, 2**31 - 1),
    width=st.integers(64, 700),
    height=st.integers(64, 500),
    script=st.integers(0, 11),
    objects=st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_first_frame_always_shows_the_whole_target(
    seed: int, width: int, height: int, script: int, objects: int
) -> None:
    dataset = open_dataset("synth", seed=seed, width=width, height=height, objects=objects, length=3, sequences=12)
    sequence = dataset[dataset.names[script]]
    annotation = sequence.annotation
    assert annotation.labels["cover"][0] == 8
    assert annotation.labels["cut_by_image"][0] == 0
    assert annotation.starts[1] == 0
    assert sequence.frames[2].array().shape == (height, width, 3)
    assert isinstance(sequence.attributes, tuple)


# Options.


def test_options_behind_the_name_and_the_id_that_names_folders() -> None:
    dataset = open_dataset("synth:sequences=4, length=60")
    assert dataset.id == "synth+length=60+sequences=4"
    assert open_dataset(dataset.id).id == dataset.id
    assert open_dataset(dataset.id).fingerprint() == dataset.fingerprint()
    assert open_dataset("synth:sequences=12").id == "synth"
    assert dataset_choice("synth:sequences=4")[0].name == "synth"
    assert open_dataset("synth", length="60", sequences=4).id == dataset.id


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("synth:lenth=60", "has no option 'lenth'; it has sequences, length, width, height, seed, objects"),
        ("synth:length=many", "synth: length=many cannot be used; expected a whole number from 1 to 100000"),
        ("synth:length=0", "whole number from 1"),
        ("synth:width=63", "whole number from 64"),
        ("synth:seed=-1", "whole number from 0"),
        ("synth:length=2.5", "whole number"),
        ("synth:length", "expected synth:option=value"),
        ("synth:length=", "expected synth:option=value"),
        ("synth:", "expected synth:option=value"),
        ("synth:length=5,length=6", "'length' stands twice"),
    ],
)
def test_odd_options_are_refused(name: str, message: str) -> None:
    with pytest.raises(SettingsError, match="synth") as error:
        open_dataset(name)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_options_of_a_dataset_without_any() -> None:
    with pytest.raises(UnknownName, match="synth"):
        open_dataset("snth:length=4")
    with pytest.raises(SettingsError, match="length=2.5"):
        open_dataset("synth", length=2.5)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.from_regex(r"[\w./-]{1,9}", fullmatch=True)))
def test_options_survive_both_spellings(options: dict[str, str]) -> None:
    colon = "name" + (":" if options else "") + ",".join(f"{key}={value}" for key, value in options.items())
    plus = "name" + "".join(f"+{key}={value}" for key, value in options.items())
    assert dataset_options(colon) == dataset_options(plus) == ("name", options)


# Whole-number arithmetic.


def test_sine_is_near_enough() -> None:
    angles = np.arange(-TURN, 2 * TURN)
    exact = np.sin(2 * np.pi * angles / TURN) * ONE
    assert np.abs(sines(angles) - exact).max() < 0.0025 * ONE


def test_wave_swings_about_its_base() -> None:
    wave = Wave(100, 50, period=40, phase=0, drift=2)
    assert wave.at(0) == 100
    assert wave.at(10 * 16) == 100 + 50 + 20
    assert wave.at(40 * 16) == 180


def test_noise_and_shapes() -> None:
    noise = smooth_noise(Draws("test"), 50, 70, 9)
    assert noise.shape == (50, 70)
    assert noise.min() >= 0
    assert noise.max() <= 255
    assert np.abs(np.diff(noise, axis=1)).max() < 60  # smooth
    assert ellipse((41, 41), 20, 20, 10, 10).sum() == pytest.approx(np.pi * 100, rel=0.04)
    turned = ellipse((61, 61), 30, 30, 20, 8, TURN // 4)
    assert box_of_mask(turned).tolist()[2:] == [17, 41]
    square = polygon((20, 20), [(5, 5), (15, 5), (15, 15), (5, 15)])
    assert square.sum() == 100
    assert polygon((80, 80), star(40, 40, 36, 14, 5)).sum() > 1000


PINNED_PIXELS = {
    "stroll-1": "df8b33650c030c16",
    "spin-1": "b619b287cb04c5a4",
    "approach-1": "e316a29485cb057b",
    "jelly-1": "89d70eb1c8b7959c",
    "trunks-1": "5ea02da67fcab081",
    "wall-1": "7a26a4c47549ef80",
    "leave-1": "74edd2f4de82dc4e",
    "twins-1": "95025df475c1215a",
    "dusk-1": "1e09281a26bedf37",
    "dash-1": "b36dd946df8ea7ca",
    "far-1": "9a51843f1216ebd7",
    "zoo-1": "e14b21466395d56b",
}
PINNED_FINGERPRINT = "e6a73afa5be781acf40417e7356b8364ab4b8e844dbedd552233ee2aad715913"
PINNED_VOS = "3ea92aaf5d6906c0e59797296be34071e3aca4382168123e04840e584a89527e"

"""Alpha-Refine: crops and the way back, both networks, batches, masks of several objects, weights from end to end."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import votmini
from hypothesis import given, settings, strategies as st
from moving import moving

import trackzoo
from trackzoo.engine.runner import run
from trackzoo.errors import DataError, SettingsError
from trackzoo.frames import Frame
from trackzoo.parity.fill import fill_state_dict
from trackzoo.parity.targets import target
from trackzoo.region_binary import read_binary
from trackzoo.regions import Mask, Special
from trackzoo.registry import open_dataset, refiner, tracker
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction
from trackzoo.trackers.alpharefine.refiner import AlphaRefine, Reference, normalise
from trackzoo.trackers.alpharefine.window import box_in_picture, crop, full, paste, reference_corners, window
from trackzoo.weights.fit import manifest
from trackzoo.weights.table import weights_specs

pytestmark = pytest.mark.usefixtures("one_thread")

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
BOTH = frozenset({"boxes", "masks"})
#: Crops that small computers have time for.
SMALL = 64


@pytest.fixture(scope="module")
def small() -> AlphaRefine:
    made = AlphaRefine(weights="random", size=SMALL)
    made.wants = BOTH
    return made


@pytest.fixture(scope="module")
def corner() -> AlphaRefine:
    return AlphaRefine(weights="random", network="corner")


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return [moving(seed, length=1, size=(120 + 9 * seed, 90), side=24).frames()[0] for seed in range(5)]


def boxes(count: int) -> list[Prediction]:
    return [Prediction(np.array([30.0 + 3 * i, 20.5 + i, 24 + 2 * i, 30 - i]), 0.5) for i in range(count)]


# Crops and the way back.


coordinate = st.floats(-150, 250, allow_nan=False)
extent = st.floats(0.6, 90, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(coordinate, coordinate, extent, extent)
def test_a_crop_spans_twice_the_box(x: float, y: float, w: float, h: float) -> None:
    where = window(np.array([x, y, w, h]), 32)
    assert where is not None
    assert (where.width, where.height) == (int(np.ceil(2 * w)), int(np.ceil(2 * h)))
    assert abs(where.x + where.width / 2 - (x + w / 2)) <= 0.5 + 1e-9
    assert abs(where.y + where.height / 2 - (y + h / 2)) <= 0.5 + 1e-9
    picture = np.full((90, 120, 3), 200, np.uint8)
    cut = crop(picture, where)
    assert cut.shape == (32, 32, 3)
    ends = (where.x + where.width <= 0, where.y + where.height <= 0, where.x >= 119, where.y >= 89)
    if any(ends):
        assert not cut.any()
    # The box itself, told in the crop, comes back as it was.
    fx, fy = where.factors
    told = np.array([(x - where.left) * fx, (y - where.top) * fy, (x + w - where.left) * fx, (y + h - where.top) * fy])
    assert np.allclose(box_in_picture(told, where), [x, y, w, h], atol=1e-6)
    corners = reference_corners(np.array([x, y, w, h]), where)
    assert (corners >= 0).all()
    assert (corners <= 32).all()
    # A mask of ones covers the part of the crop that is inside the picture, exactly.
    pasted = full(paste(np.ones((32, 32), np.float32), where, (120, 90)), (120, 90))
    rows = max(0, min(90, where.y + where.height) - max(0, where.y))
    columns = max(0, min(120, where.x + where.width) - max(0, where.x))
    assert (pasted > 0.5).sum() == rows * columns


def test_a_crop_that_ends_on_the_last_column_loses_it() -> None:
    picture = np.full((40, 40, 3), 255, np.uint8)
    where = window(np.array([15.0, 10, 20, 20]), 40)
    assert where is not None
    assert (where.x, where.width) == (5, 40)
    exact = window(np.array([20.0, 5, 10, 10]), 20)
    assert exact is not None
    assert (exact.x, exact.x + exact.width) == (15, 35)
    assert crop(picture, exact).all()
    ending = window(np.array([25.0, 5, 10, 10]), 20)
    assert ending is not None
    assert ending.x + ending.width == 40
    assert not crop(picture, ending)[:, -1].any()
    assert crop(picture, ending)[:, -2].all()


@pytest.mark.parametrize("box", [[5, 5, 0, 9], [5, 5, 9, 0], [0, 0, 40_000, 5], [1e12, 0, 5, 5]])
def test_boxes_that_cannot_be_cropped(box: list[float]) -> None:
    assert window(np.array(box, dtype=float), 32) is None


def test_statistics_are_applied_in_float64() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).repeat(1, 3, 1).reshape(1, 3, 16, 16)
    exact = (pixels.double() / 255 - torch.tensor([0.485, 0.456, 0.406]).double()[:, None, None]) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).double()[:, None, None]
    assert torch.allclose(normalise(pixels).double(), exact, atol=1e-6)


# The refiner.


@pytest.mark.parametrize("network", ["mask", "corner"])
def test_a_batch_gives_each_object_what_it_gets_alone(network: str, request: Any, frames: list[Frame]) -> None:
    made: AlphaRefine = request.getfixturevalue({"mask": "small", "corner": "corner"}[network])
    count = 5 if network == "mask" else 2
    made.wants = BOTH
    own = boxes(count)
    targets = [Target(each.box) for each in own]
    together = made.refine(frames[:count], made.start(frames[:count], targets), own)
    for index in range(count):
        reference = made.start(frames[index : index + 1], targets[index : index + 1])
        [alone] = made.refine(frames[index : index + 1], reference, own[index : index + 1])
        assert np.allclose(alone.box, together[index].box, atol=0.05)
        assert alone.mask is not None
        assert alone.mask.shape == frames[index].array().shape[:2]
        assert (alone.mask != together[index].mask).mean() < 1e-3
        assert alone.score == 0.5


def test_boxes_of_both_networks(small: AlphaRefine, corner: AlphaRefine, frames: list[Frame]) -> None:
    own = boxes(1)
    for made in (small, corner):
        made.wants = frozenset({"boxes"})
        reference = made.start(frames[:1], [Target(own[0].box)])
        [found] = made.refine(frames[:1], reference, own)
        assert found.mask is None
        width, height = frames[0].size
        assert (found.box[:2] >= 0).all()
        assert found.box[0] + found.box[2] <= width
        assert found.box[1] + found.box[3] <= height
        assert not np.array_equal(found.box, own[0].box)
    assert (found.box[2:] >= 10).all()  # the corner network's boxes are clipped as the reference's callers do
    small.wants = BOTH


def test_a_mask_s_box_and_an_empty_mask(frames: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    made = AlphaRefine(weights="random", size=SMALL, threshold=0.5)
    made.wants = BOTH
    own = boxes(1)
    reference = made.start(frames[:1], [Target(own[0].box)])
    inner = made.network.refiner
    soft = torch.zeros(1, SMALL, SMALL)
    monkeypatch.setattr(inner, "forward", lambda *arguments: soft)
    [found] = made.refine(frames[:1], reference, own)
    assert found.mask is not None
    assert not found.mask.any()
    assert np.array_equal(found.box, own[0].box)  # nothing was found: the tracker's box stands
    soft[:, 16:48, 16:48] = 1  # the middle half of the crop, which is the tracker's box
    [found] = made.refine(frames[:1], reference, own)
    assert np.allclose(found.box, own[0].box, atol=1.01)
    assert found.mask is not None
    assert found.mask.sum() == found.box[2] * found.box[3]


def test_what_cannot_be_refined_stays_as_it_was(small: AlphaRefine, frames: list[Frame]) -> None:
    small.wants = BOTH
    odd = [
        Prediction(np.array([10.0, 10, 0, 5])),
        Prediction(np.array([10.0, 10, 50_000, 5])),
        Prediction(np.array([-500.0, -500, 20, 20])),
        Prediction(np.array([np.nan, 1, 5, 5])),
    ]
    references = small.start(frames[:4], [Target(np.array([20.0, 20, 20, 20]))] * 4)
    found = small.refine(frames[:4], references, odd)
    for before, after in zip(odd, found, strict=True):
        assert np.array_equal(before.box, after.box, equal_nan=True)
        assert after.mask is not None
        assert not after.mask.any()
    # An object whose first box could not be cropped is never refined.
    lost = small.start(frames[:1], [Target(np.array([5.0, 5, 40_000, 5]))])
    [after] = small.refine(frames[:1], lost, boxes(1))
    assert np.array_equal(after.box, boxes(1)[0].box)


def test_objects_share_out_their_pixels(small: AlphaRefine) -> None:
    first, second, given_mask = (np.zeros((6, 8), bool) for _ in range(3))
    first[1:5, 1:5], second[1:5, 3:7], given_mask[4:6, 0:8] = True, True, True
    references = [
        Reference(None, (slice(1, 5), slice(1, 5), np.full((4, 4), 0.7, np.float32))),
        Reference(None, (slice(1, 5), slice(3, 7), np.full((4, 4), 0.9, np.float32))),
        Reference(None),
        Reference(None),
    ]
    box = np.array([0.0, 0, 1, 1])
    before = [Prediction(box, mask=mask) for mask in (first, second, given_mask, None)]
    after = small.merge(references, before)
    masks = [each.mask for each in after]
    assert masks[3] is None
    assert (sum(mask.astype(int) for mask in masks[:3]) <= 1).all()
    assert masks[0][1, 1:3].all()
    assert not masks[0][1, 3:5].any()  # the second was surer there
    assert masks[2][4:6].all()  # a given mask counts as certain
    assert (masks[0] | masks[1] | masks[2]).sum() == (first | second | given_mask).sum()


@pytest.mark.parametrize(
    ("own", "needle"),
    [
        ({"network": "box"}, "network='box', expected mask or corner"),
        ({"threshold": 65}, "threshold=65, expected a number from 0 to 1"),
        ({"box": "corners"}, "box='corners' with network 'mask', expected mask or tracker"),
        ({"size": 100}, "size=100, expected a multiple of 32"),
        ({"size": 128, "network": "corner"}, "with network 'mask' alone"),
        ({}, "this tracker needs weights"),
    ],
)
def test_settings_that_cannot_be(own: dict[str, Any], needle: str) -> None:
    with pytest.raises(SettingsError) as told:
        AlphaRefine(**own)
    assert needle in str(told.value)


def test_lanes_agree(tmp_path: Path) -> None:
    """1, 4 and 16 trials at once; the tracker's boxes do not depend on the refiner, so a difference is the refiner's."""
    data = open_dataset("synth:sequences=4,length=2,width=160,height=120")
    choice = tracker("dcf+alpharefine").with_weights("random")
    found = {}
    for lanes in (1, 4, 16):
        outcome = run(choice, data, results=tmp_path / str(lanes), lanes=lanes, settings={"refiner.size": SMALL})
        assert outcome.failed == []
        stored = outcome.stored()
        found[lanes] = np.concatenate([stored.boxes(name) for name in data.names])
    assert np.allclose(found[1], found[4], atol=0.05)
    assert np.allclose(found[1], found[16], atol=0.05)
    identity = json.loads((outcome.folder / "run.json").read_text())["identity"]
    assert identity["settings"] == {"refiner.size": SMALL}
    assert identity["weights"]["random"] is True


def test_a_vot_result_of_a_box_tracker(tmp_path: Path) -> None:
    """From anchors, forward and backward: masks in the files that the toolkit reads, and figures of them."""
    votmini.sequence(tmp_path / "data", "ants", count=6, kind="mask", anchors={0: 1, 5: -1})
    data = open_dataset("vot2021", tmp_path / "data")
    choice = tracker("dcf+alpharefine").with_weights("random")
    outcome = run(choice, data, results=tmp_path / "runs", lanes=2, settings={"refiner.size": SMALL})
    assert (outcome.protocol, outcome.failed) == ("vot-multistart", [])
    for anchor in (0, 5):
        found = read_binary(outcome.folder / "ants" / f"ants_{anchor:08d}.bin")
        assert (len(found), found[0]) == (6, Special(1))
        assert all(isinstance(each, Mask) for each in found[1:])
    metrics = trackzoo.evaluate(outcome, dataset=data).metrics
    assert {"eao", "accuracy", "robustness"} <= set(metrics)


# Verification.


def test_arrays_of_the_small_network_agree(tmp_path: Path) -> None:
    """A folder with one of the two files: the other's arrays are skipped."""
    packaged = target("alpharefine").packaged
    for name in ("case.json", "corner_mask_resnet34_256.npz"):
        shutil.copy(packaged / name, tmp_path)
    certificate = target("alpharefine").verify(tmp_path)
    assert (certificate.count("agrees"), certificate.count("differs")) == (5, 0)
    assert certificate.count("skipped") == 8


def test_folders_of_the_same_format(tmp_path: Path) -> None:
    """Other frames and strides, arrays missing; what cannot be computed is said, and a wrong array differs."""
    packaged = target("alpharefine").packaged
    shutil.copy(packaged / "case.json", tmp_path)
    with np.load(packaged / "corner_mask_resnet34_256.npz") as content:
        arrays = {name: content[name] for name in content.files}
    kept = {
        "init_box": arrays["init_box"],
        "frames": arrays["frames"][1:],
        "boxes_in": arrays["boxes_in"][1:],
        "boxes_out": arrays["boxes_out"][1:] + 1,
        "frame_mask_every6": arrays["frame_mask_every2"][1:, ::3, ::3],
        "ref_kernel_every32": arrays["ref_kernel_every16"][:, ::2],
        "surprise": np.zeros(3),
    }
    np.savez(tmp_path / "corner_mask_resnet34_256.npz", **kept)
    with np.load(packaged / "mask_resnet50_384.npz") as content:
        np.savez(
            tmp_path / "mask_resnet50_384.npz", **{name: content[name] for name in content.files if "prroi" in name}
        )
    rows = {(row.file[:4], row.array): row.status for row in target("alpharefine").verify(tmp_path).rows}
    assert rows["corn", "frame_mask_every6"] == rows["corn", "ref_kernel_every32"] == "agrees"
    assert rows["corn", "boxes_out"] == "differs"
    assert rows["corn", "surprise"] == "unknown"
    assert rows["corn", "fusion_feature_first"] == "skipped"
    assert rows["mask", "prroi_out"] == "agrees"
    assert rows["mask", "crop_first"] == "skipped"


def test_a_manifest_that_does_not_fit(tmp_path: Path) -> None:
    packaged = target("alpharefine").packaged
    for name in ("case.json", "corner_mask_resnet34_256.npz"):
        shutil.copy(packaged / name, tmp_path)
    entries = json.loads((packaged / "manifest.json").read_text())
    del entries["corner_mask_resnet34_256"]["neck.post_corr.0.weight"]
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    with pytest.raises(DataError, match=r"1 missing \(first neck\.post_corr\.0\.weight\)"):
        target("alpharefine").verify(tmp_path)


@pytest.mark.slow
def test_all_arrays_agree() -> None:
    certificate = target("alpharefine").verify()
    assert (certificate.count("agrees"), certificate.count("differs"), certificate.count("unknown")) == (13, 0, 0)


# From the authors' checkpoint to masks.


@pytest.mark.slow
def test_official_structure_then_add_then_run(cli: Cli, tmp_path: Path) -> None:
    """A filled checkpoint of the official structure, taken in, composed with a box tracker, gives masks on a video."""
    spec = weights_specs()["alpharefine"]
    assert refiner("alpharefine").weights == spec.name
    empty = {name: torch.zeros(each.shape, dtype=getattr(torch, each.dtype)) for name, each in manifest(spec).items()}
    values = json.loads(spec.manifest.read_text())[spec.section]
    path = tmp_path / spec.file
    torch.save({"epoch": 40, "net": fill_state_dict(empty, values), "net_type": "ARnet"}, path)
    done = cli("weights", "add", "alpharefine", path, timeout=300)
    assert done.returncode == 0, done.stderr
    path.unlink()
    arguments = ("-t", "dcf+alpharefine", "--device", "cpu", "--set", "refiner.threshold=0.6")
    done = cli("run", *arguments, "-d", "synth-vos:sequences=1,length=3,objects=2", timeout=300)
    assert done.returncode == 0, done.stderr
    [file] = (tmp_path / "runs" / "dcf+alpharefine").glob("*/vos/run.json")
    identity = json.loads(file.read_text())["identity"]
    assert identity["weights"]["name"] == "+alpharefine"
    assert list(identity["weights"]["sha256"]) == ["refiner.alpharefine.safetensors"]
    assert identity["settings"] == {"refiner.threshold": 0.6}
    pictures = sorted(file.parent.glob("*/*.png"))
    assert len(pictures) == 3
    done = cli("inspect", "dcf+alpharefine", "--frames", "1", "--out", tmp_path / "drawn", timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "drawn").glob("*-refiner-refinement.png"))) == 1

"""RTS's and LWL's network: names, parts, gradients, and what `verify` does with folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from trackzoo.errors import DataError
from trackzoo.parity.case import Case
from trackzoo.parity.target import Certificate
from trackzoo.parity.targets import target
from trackzoo.trackers.rts.box_encoder import rectangle
from trackzoo.trackers.rts.decoder import Projection
from trackzoo.trackers.rts.enlarge import bicubic
from trackzoo.trackers.rts.filters import apply_filters, learn_instance_filters
from trackzoo.trackers.rts.network import MEAN, RTSNetwork, normalised
from trackzoo.trackers.rts.verify_weights import STA_GOLDENS, Weights, sta_case
from trackzoo.weights.fit import compare, manifest
from trackzoo.weights.header import Entry
from trackzoo.weights.loading import fill_from
from trackzoo.weights.table import weights_specs

RTS = target("rts50").packaged


@pytest.fixture(scope="module")
def network() -> RTSNetwork:
    """With all parts, and values of a sensible size."""
    made = RTSNetwork(box=True)
    fill_from(made, "random")
    return made.eval()


@pytest.mark.parametrize(
    ("name", "instance", "box", "entries"),
    [("rts50", True, False, 497), ("lwl-ytvos", False, False, 480), ("lwl-boxinit", False, True, 490)],
)
def test_names_are_the_official_checkpoints(name: str, instance: bool, box: bool, entries: int) -> None:
    with torch.device("meta"):
        own = RTSNetwork(instance, box).state_dict()
    found = {key: Entry(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for key, tensor in own.items()}
    assert len(found) == entries
    assert compare(found, manifest(weights_specs()[name])).lines() == []


def test_pixels_are_turned_into_blue_green_red_less_the_mean() -> None:
    [[blue], [green], [red]] = normalised(torch.tensor([[[[10.0]], [[20.0]], [[30.0]]]]))[0].tolist()
    assert [blue[0], green[0], red[0]] == pytest.approx([30 - MEAN[0], 20 - MEAN[1], 10 - MEAN[2]], abs=1e-4)


def test_shapes_of_the_pipeline(network: RTSNetwork) -> None:
    with torch.inference_mode():
        features = network.features(torch.rand(2, 3, 96, 160) * 255)
        x, y = network.segmentation_features(features), network.classification_features(features)
        assert [tuple(each.shape[2:]) for each in features.values()] == [(24, 40), (12, 20), (6, 10), (3, 5)]
        assert (x.shape, y.shape) == ((2, 512, 6, 10), (2, 512, 3, 5))
        # Both branches' features have the same norm, that of a 3x3 filter.
        for each in (x, y):
            energy = each[0].square().sum() / each[0].numel()
            assert energy == pytest.approx(1 / (512 * 9), rel=1e-3)
        labels, weights = network.encode_masks((torch.rand(2, 1, 96, 160) > 0.5).float())
        assert labels.shape == weights.shape == (2, 16, 6, 10)
        assert labels.min() >= 0
        boxes = torch.tensor([[20.0, 10, 60, 40], [60, 40, 50, 50]])
        instance = network.new_instance_filters(y[:, None], boxes[:, None])
        scores = apply_filters(y, instance)
        assert scores.shape == (2, 1, 4, 6)
        encoding = network.fuse(apply_filters(x, network.new_segmentation_filters(2)), scores)
        assert encoding.shape == (2, 16, 6, 10)
        assert network.decode(encoding, features).shape == (2, 1, 96, 160)
        assert network.decode(encoding, features, (90, 155)).shape == (2, 1, 90, 155)


def test_pictures_of_any_size_have_a_box_pass(network: RTSNetwork) -> None:
    """LWL's first frame: the features of a picture are ceil(side / 16)."""
    with torch.inference_mode():
        features = network.features(torch.rand(1, 3, 75, 101) * 255)
        x = network.segmentation_features(features)
        encoding = network.encode_boxes(x, rectangle((10, 20, 30, 20), (75, 101))[None])
        assert network.decode(encoding, features, (75, 101)).shape == (1, 1, 75, 101)


def test_crops_of_a_batch_do_not_meet(network: RTSNetwork) -> None:
    crops = torch.rand(3, 3, 64, 96) * 255
    with torch.inference_mode():
        together, alone = network.features(crops), network.features(crops[1:2])
        encoding = torch.rand(3, 16, 4, 6)
        torch.testing.assert_close(
            network.decode(encoding, together)[1:2], network.decode(encoding[1:2], alone), rtol=1e-3, atol=1e-3
        )


def test_enlarging_after_the_last_convolution_equals_enlarging_before_it() -> None:
    torch.manual_seed(0)
    project = Projection(8).double()
    maps = torch.randn(2, 8, 7, 9, dtype=torch.float64)
    for size in ((56, 72), (31, 75), (14, 18)):
        torch.testing.assert_close(project(maps, size), project.direct(maps, size))


@pytest.mark.parametrize("size", [(14, 18), (13, 18), (56, 72), (7, 9)])
def test_enlarging_is_torchs_bicubic(size: tuple[int, int]) -> None:
    """Twice the size is computed in another way; also of a single row, and with a gradient."""
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 7, 9)
    expected = torch.nn.functional.interpolate(maps, size, mode="bicubic", align_corners=False)
    torch.testing.assert_close(bicubic(maps, size), expected)
    torch.testing.assert_close(bicubic(maps.to(memory_format=torch.channels_last), size), expected)
    line = maps[:, :, :1, :2]
    torch.testing.assert_close(
        bicubic(line, (2, 4)), torch.nn.functional.interpolate(line, (2, 4), mode="bicubic", align_corners=False)
    )
    maps.requires_grad_()
    bicubic(maps, size).sum().backward()
    assert maps.grad is not None


def test_training_reaches_every_parameter() -> None:
    """One pass as training does it: learnt filters, the score map's encoding, and the mask are functions of them all."""
    torch.manual_seed(1)
    network = RTSNetwork().train()
    assert not any(module.training for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d))
    features = network.features(torch.rand(2, 3, 64, 96) * 255)
    x, y = network.segmentation_features(features), network.classification_features(features)
    mask = torch.zeros(1, 1, 64, 96)
    mask[..., 20:40, 30:60] = 1
    labels, weights = network.encode_masks(mask)
    one = torch.ones(1, 1)
    own = network.learn_segmentation(
        x[:1, None], labels[None], weights[None], one, network.new_segmentation_filters(1), 2
    )
    box, gaussian = torch.tensor([[[30.0, 20, 30, 20]]]), torch.zeros(1, 1, 3, 4)
    gaussian[..., 1, 1] = 1
    instance = learn_instance_filters(y[:1, None], gaussian, one, network.new_instance_filters(y[None, :1], box), 2)
    scores = apply_filters(y[1:], instance)
    test = {name: each[1:] for name, each in features.items()}
    logits = network.decode(network.fuse(apply_filters(x[1:], own), scores), test)
    (logits.sigmoid().mean() + scores.square().mean()).backward()
    without = [name for name, each in network.named_parameters() if each.grad is None or not each.grad.abs().sum() > 0]
    # The score encoder's weights are in the checkpoint and never used.
    assert without == ["clf_encoder.samp_w_pred.weight", "clf_encoder.samp_w_pred.bias"]


@pytest.mark.parametrize(
    ("box", "clamped", "released"),
    [
        ((2, 1, 3, 2), 6, 6),
        ((2.9, 1.9, 3.9, 2.9), 6, 6),
        ((8, 4, 10, 10), 4, 4),
        ((0, 0, 10, 6), 60, 60),
        # A corner at -1 becomes 0 by the released code's second rounding.
        ((-1, 0, 4, 2), 6, 8),
        # At -3 it becomes -2 and counts from the far edge: from column 8 to column 2 there is nothing.
        ((-3, 0, 4, 2), 2, 0),
        ((-3, 0, 2, 2), 0, 0),
        ((-20, 0, 4, 2), 0, 0),
    ],
)
def test_rectangles_of_first_boxes(box: tuple[float, ...], clamped: int, released: int) -> None:
    assert rectangle(box, (6, 10)).sum() == clamped
    assert rectangle(box, (6, 10), clamped=False).sum() == released


def folder(place: Path, *names: str, **about: object) -> Path:
    """A folder with some of the packaged arrays and a case of its own."""
    place.mkdir(exist_ok=True)
    with np.load(RTS / "golden.npz") as content:
        np.savez(place / "golden.npz", **{name: content[name] for name in names})
    case = json.loads((RTS / "case.json").read_text())
    (place / "case.json").write_text(json.dumps({**case, **about}))
    return place


def statuses(certificate: Certificate) -> dict[str, str]:
    return {row.array: row.status for row in certificate.rows}


def test_a_folder_without_calibration_of_its_salt_is_named(tmp_path: Path) -> None:
    place = folder(tmp_path / "other", "stage/input/mean", "stage/input/std", salt="other")
    with pytest.raises(DataError, match="calibration-other") as refused:
        target("rts50").verify(place)
    assert len(str(refused.value).splitlines()) == 1


def test_another_salt_gives_other_parameters_and_the_folders_own_calibration(tmp_path: Path) -> None:
    place = folder(tmp_path / "other", "stage/input/mean", salt="other")
    shutil.copy(RTS / "calibration-trackzoo.npz", place / "calibration-other.npz")
    packaged, other = (Weights(Case(each, RTS), RTSNetwork) for each in (RTS, place))
    ours = packaged.state_dict("trackzoo")
    theirs = other.state_dict("other", overrides={"decoder.project.conv2.bias": -60.0})
    assert not torch.equal(ours["feature_extractor.conv1.weight"], theirs["feature_extractor.conv1.weight"])
    name = "feature_extractor.bn1.running_mean"
    torch.testing.assert_close(ours[name], theirs[name])
    assert theirs["decoder.project.conv2.bias"].tolist() == [-60.0]


def test_stas_goldens_lie_beside_a_folder_or_are_the_packaged_ones(tmp_path: Path) -> None:
    place, beside = folder(tmp_path / "rts", "stage/input/mean"), tmp_path / "sta"
    assert sta_case(Case(place, RTS)).folder == STA_GOLDENS
    # What lies there is used as far as it goes: runs that need nothing of it are not stopped by it.
    beside.mkdir()
    shutil.copy(STA_GOLDENS / "calibration-trackzoo.npz", beside / "calibration-other.npz")
    found = sta_case(Case(place, RTS))
    assert (found.folder, found.find("calibration-other.npz").parent) == (STA_GOLDENS, beside)
    shutil.copy(STA_GOLDENS / "case.json", beside)
    assert sta_case(Case(place, RTS)).folder == beside


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rts50", "lwl"])
def test_stages_of_other_folders(name: str, tmp_path: Path) -> None:
    """What a folder lacks is skipped, what is wrong in it differs, and its own scene is used."""
    place = tmp_path / "some"
    place.mkdir()
    with np.load(target(name).packaged / "golden.npz") as content:
        arrays = {each: content[each] for each in content.files if each.startswith("stage/")}
    dropped = "stage/seg_filter/20/sub"
    wrong = "stage/decoder_logits/sub"
    del arrays[dropped]
    arrays[wrong] = arrays[wrong] + 0.1
    np.savez(place / "golden.npz", **arrays)
    shutil.copy(target(name).packaged / "case.json", place)
    found = statuses(target(name).verify(place))
    assert found[dropped] == "skipped"
    assert [each for each, status in found.items() if status == "differs"] == [wrong]
    assert found["stage/mask_encoding/sub"] == "agrees"
    assert not any(status == "unknown" for status in found.values())


@pytest.mark.slow
def test_a_folder_without_what_the_reference_was_given_says_what_is_not_compared(tmp_path: Path) -> None:
    packaged = target("rts50").packaged
    with np.load(packaged / "golden.npz") as content:
        arrays = {
            each: content[each] for each in content.files if each.startswith("stage/") and each != "stage/clf_boxes"
        }
    np.savez(tmp_path / "golden.npz", **arrays)
    shutil.copy(packaged / "case.json", tmp_path)
    certificate = target("rts50").verify(tmp_path)
    found = statuses(certificate)
    assert certificate.passed
    assert found["stage/mask_encoding/sub"] == "agrees"
    assert found["stage/score_map"] == found["stage/decoder_logits/sub"] == "unknown"

"""STA: masks of boxes, the released code's slip under its name, and iterations from the checkpoint."""

from __future__ import annotations

import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from tinyplugin import imitation

from trackzoo.errors import DataError, SettingsError
from trackzoo.parity.targets import target
from trackzoo.trackers.sta.encoders import crop_rectangle
from trackzoo.trackers.sta.loading import iterations_of, load
from trackzoo.trackers.sta.mask import BoxToMask
from trackzoo.trackers.sta.network import ITERATIONS, STANetwork
from trackzoo.weights.convert import add_weights
from trackzoo.weights.fit import compare, manifest
from trackzoo.weights.header import Entry
from trackzoo.weights.table import weights_specs

PICTURE = (60, 80)


@pytest.fixture(scope="module")
def maker() -> BoxToMask:
    """With small crops."""
    return BoxToMask("random", crop=(64, 96), iterations=1)


def pictures(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randint(0, 256, (3, *PICTURE), generator=generator, dtype=torch.uint8) for _ in range(count)]


def test_names_are_the_official_checkpoint() -> None:
    with torch.device("meta"):
        own = STANetwork().state_dict()
    found = {key: Entry(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for key, tensor in own.items()}
    assert len(found) == 527
    assert compare(found, manifest(weights_specs()["sta"])).lines() == []


@settings(max_examples=60, deadline=None)
@given(x=st.integers(-30, 90), y=st.integers(-30, 70), w=st.integers(1, 100), h=st.integers(1, 90), slip=st.booleans())
def test_a_mask_keeps_to_its_box(x: int, y: int, w: int, h: int, slip: bool) -> None:
    """Logits above 0 everywhere: what is left is the box inside the picture, also for boxes that begin outside of it."""
    box = np.array([x, y, w, h], np.float64)
    network = object.__new__(STANetwork)
    torch.nn.Module.__init__(network)
    small = BoxToMask(network, crop=(64, 96), slip=slip)
    cut = small.cut(torch.zeros(3, *PICTURE), box)
    found = small.paste(torch.ones(64, 96), cut, PICTURE, box)
    shown = small.paste(torch.ones(64, 96), cut, PICTURE, (0, 0, 80, 60)) > 0
    inside = torch.zeros(PICTURE, dtype=torch.bool)
    inside[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = True
    if not slip or (x >= 0 and y >= 0):
        assert torch.equal(found > 0, inside & shown)
    elif x < 0 < x + w and y + h > 0 and y >= 0:
        # `[:x]` with a negative x counts from the far edge: what is left lies in the last -x columns.
        assert not found[:, :x].gt(0).any()


def test_the_released_slip_erases_a_target_that_begins_left_of_the_picture() -> None:
    network = object.__new__(STANetwork)
    torch.nn.Module.__init__(network)
    box = (-6, 20, 40, 20)
    areas = []
    for slip in (False, True):
        small = BoxToMask(network, crop=(64, 96), slip=slip)
        cut = small.cut(torch.zeros(3, *PICTURE), box)
        areas.append(int((small.paste(torch.ones(64, 96), cut, PICTURE, box) > 0).sum()))
    assert areas == [34 * 20, 0]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((2, 1, 3, 2), (1, 3, 2, 5)),
        ((2.99, 1.99, 3.99, 2.99), (1, 3, 2, 5)),
        # The released code rounds twice: a corner at -3 moves to -2 before it is cut.
        ((-3, 1, 6, 2), (1, 3, 0, 4)),
        ((-3, -2, 2, 9), (0, 8, 0, 0)),
        ((7, 5, 90, 90), (5, 8, 7, 12)),
    ],
)
def test_rectangles_in_crops(box: tuple[float, ...], expected: tuple[int, int, int, int]) -> None:
    mask = crop_rectangle(box, (8, 12))
    top, bottom, left, right = expected
    assert mask[0, top:bottom, left:right].sum() == mask.sum() == (bottom - top) * (right - left)


def test_boxes_of_a_batch_do_not_meet(maker: BoxToMask) -> None:
    shown = pictures(6)
    boxes = [(10 + 4 * i, 8 + 3 * i, 30 - 2 * i, 20 + i) for i in range(6)]
    together = maker(shown, boxes)
    assert all(mask.dtype == torch.bool and mask.shape == PICTURE for mask in together)
    for picture, box, mask in zip(shown, boxes, together, strict=True):
        [alone] = maker([picture], [box])
        assert (mask ^ alone).float().mean() <= 1e-3


@pytest.mark.parametrize(
    "box", [(40, 30, 1, 1), (0, 0, 80, 60), (-500, -400, 1000, 800), (79, 59, 50, 50), (1, 30, 78, 2)]
)
def test_odd_boxes_have_masks(maker: BoxToMask, box: tuple[float, ...]) -> None:
    [mask] = maker(pictures(1), [box])
    assert mask.shape == PICTURE


def test_normalised_input_is_another_network(maker: BoxToMask) -> None:
    cut = maker.cut(pictures(1)[0], (20, 20, 30, 20))
    other = BoxToMask(maker.network, crop=maker.crop, iterations=1, normalise=True)
    assert not torch.allclose(maker.run([cut]).features, other.run([cut]).features, atol=1e-4)


def constructed(**kwds: Any) -> dict[str, Any]:
    return {
        "class": "ltr.admin.model_constructor.NetConstructor",
        "fun_name": "steepest_descent_resnet50",
        "kwds": kwds,
    }


def test_iterations_are_the_constructors() -> None:
    path = Path("sta.pth")
    assert iterations_of(constructed(optim_iter=7), path) == 7
    for silent in (None, constructed(), {"class": "x"}, constructed(num_filters=16), "text"):
        assert iterations_of(silent, path) is None
    for wrong in (0, -3, 2.5, "5", None, True, 10**9):
        with pytest.raises(DataError, match=r"sta\.pth: .*optim_iter"):
            iterations_of(constructed(optim_iter=wrong), path)


def test_what_is_said_goes_before_what_the_checkpoint_says() -> None:
    network = object.__new__(STANetwork)
    torch.nn.Module.__init__(network)
    assert BoxToMask(network).iterations == ITERATIONS == 5
    assert BoxToMask(network, iterations=3).iterations == 3


def test_official_structure_is_taken_in_with_its_iterations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = weights_specs()["sta"]
    net = OrderedDict(
        (name, torch.zeros(each.shape, dtype=getattr(torch, each.dtype))) for name, each in manifest(spec).items()
    )
    content = imitation(monkeypatch, net)
    content["constructor"].kwds["optim_iter"] = 8
    path = tmp_path / spec.file
    torch.save(content, path)
    assert load(path)[1] == 8
    added = add_weights(spec, path)
    path.unlink()
    assert added.fresh
    # Converted, without the official file.
    assert BoxToMask("sta").iterations == 8
    assert load(dict(net))[1] is None


def test_other_weights_are_refused() -> None:
    with pytest.raises(SettingsError, match="do not fit"):
        load({"feature_extractor.conv1.weight": torch.zeros(64, 3, 7, 7)})


def test_without_weights_it_says_how_to_get_them() -> None:
    with pytest.raises(SettingsError, match="weights add sta"):
        BoxToMask("sta")


@pytest.mark.slow
def test_stages_of_another_folder(tmp_path: Path) -> None:
    packaged = target("sta").packaged
    with np.load(packaged / "golden.npz") as content:
        arrays = {name: content[name] for name in content.files if not name.startswith("frame5")}
    arrays["case/border/mask"] = arrays["case/border/mask"] ^ 255
    del arrays["frame0/second_filter/sub"]
    np.savez(tmp_path / "golden.npz", **arrays)
    for name in ("case.json", "calibration-trackzoo.npz"):
        shutil.copy(packaged / name, tmp_path)
    found = {row.array: row.status for row in target("sta").verify(tmp_path).rows}
    assert [name for name, status in found.items() if status == "differs"] == ["case/border/mask"]
    assert found["frame0/second_filter/sub"] == found["frame5/mask"] == "skipped"
    assert found["frame0/logits/sub"] == "agrees"


def test_a_watch_sees_every_iterate() -> None:
    seen: list[int] = []

    def watch(step: int, filters: torch.Tensor, losses: torch.Tensor) -> None:
        seen.append(step)

    maker = BoxToMask("random", crop=(64, 96), iterations=2)
    maker.run([maker.cut(pictures(1)[0], (20, 20, 30, 20))], (watch, None))
    assert seen == [0, 1, 2]

"""PyTracking's crops: the reference's own, and what must hold for any."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from trackzoo.nn.patches import cut_middle, cut_patch, cut_patches, patch_window
from trackzoo.parity.scene import scene


def test_the_reference_s_crops(shared: Path) -> None:
    golden = np.load(shared / "parity" / "rts" / "golden.npz")
    for index, case in enumerate(json.loads(str(golden["crop/cases"]))):
        video, _, masks = scene(**case["scene"])
        picture = torch.from_numpy(masks[0][None] if case["is_mask"] else video[0].transpose(2, 0, 1).copy())
        height, width = picture.shape[1:]
        out = tuple(case["output_size_hw"])
        window = patch_window(case["position_yx"], case["sample_size_hw"], (height, width), out, case["mode"])
        patch = cut_patch(picture, window, case["is_mask"])
        np.testing.assert_array_equal(window.coords, golden[f"crop/crop/{index}/coords"][0])
        # To the last bit on one thread, as the reference ran; with more, bilinear weights are rounded otherwise.
        np.testing.assert_allclose(patch[:, ::6, ::6], golden[f"crop/crop/{index}/sub"][0], rtol=0, atol=1e-4)
        assert float(patch.double().mean()) == pytest.approx(float(golden[f"crop/crop/{index}/mean"]), abs=1e-5)


def test_a_crop_at_its_own_scale_is_the_picture() -> None:
    picture = torch.arange(3 * 40 * 60).reshape(3, 40, 60)
    window = patch_window((20, 30), (11, 15), (40, 60), (11, 15))
    patch = cut_patch(picture, window)
    np.testing.assert_array_equal(patch, picture[:, 15:26, 23:38].float())
    assert tuple(window.position) == (20.25, 30.25)


def test_outside_pictures_repeat_their_edge_and_masks_are_zero() -> None:
    picture = torch.full((1, 20, 20), 7, dtype=torch.uint8)
    window = patch_window((2, 2), (11, 11), (20, 20), (11, 11))
    assert cut_patch(picture, window).unique().tolist() == [7]
    mask = cut_patch(picture, window, mask=True)[0]
    assert mask[:3].unique().tolist() == [0]
    assert mask[3:, 3:].unique().tolist() == [7]


def test_a_crop_moves_inside_and_is_shrunk_to_the_picture() -> None:
    window = patch_window((2, 57), (20, 30), (40, 60), (20, 30), "inside_major")
    assert window.rows[0] == 0
    assert window.columns[1] == 60
    shrunk = patch_window((20, 30), (80, 240), (40, 60), (80, 240), "inside_major")
    assert shrunk.rows == (0, 40)
    assert shrunk.columns == (-30, 90)
    limited = patch_window((20, 30), (80, 240), (40, 60), (80, 240), "inside_major", max_scale_change=1.5)
    assert limited.rows[1] - limited.rows[0] == 53


@settings(max_examples=200, deadline=None)
@given(
    centre=st.tuples(st.floats(-50, 300), st.floats(-50, 300)),
    size=st.tuples(st.floats(1, 900), st.floats(1, 900)),
    picture=st.tuples(st.integers(1, 250), st.integers(1, 250)),
    out=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    mode=st.sampled_from(["replicate", "inside_major"]),
)
def test_any_crop_has_its_size_and_the_picture_s_values(
    centre: tuple[float, float],
    size: tuple[float, float],
    picture: tuple[int, int],
    out: tuple[int, int],
    mode: str,
) -> None:
    window = patch_window(centre, size, picture, out, mode)  # type: ignore[arg-type]
    pixels = torch.randint(10, 200, (2, *picture), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    patch = cut_patch(pixels, window)
    assert patch.shape == (2, *out)
    assert bool((patch >= pixels.min() - 1e-3).all() and (patch <= pixels.max() + 1e-3).all())
    mask = cut_patch(pixels, window, mask=True)
    assert mask.shape == (2, *out)
    assert set(mask.unique().tolist()) <= {0.0, *pixels.unique().tolist()}
    assert window.scale > 0


def test_many_crops_are_what_each_is_alone() -> None:
    pictures = [torch.randint(0, 255, (3, 30, 40), dtype=torch.uint8) for _ in range(3)]
    windows = [patch_window((10 + each, 20), (12, 16 + each), (30, 40), (24, 32)) for each in range(3)]
    batch = cut_patches(pictures, windows)
    for patch, picture, window in zip(batch, pictures, windows, strict=True):
        assert torch.equal(patch, cut_patch(picture, window))


@pytest.mark.parametrize("shift", [(0, 0), (3, -4), (-9, 12)])
def test_the_middle_of_a_larger_crop(shift: tuple[int, int]) -> None:
    patch = torch.arange(16 * 24).reshape(1, 16, 24)
    middle = cut_middle(patch, (8, 12), shift)
    rows = np.clip(np.arange(4 - shift[0], 12 - shift[0]), 0, 15)
    columns = np.clip(np.arange(6 - shift[1], 18 - shift[1]), 0, 23)
    np.testing.assert_array_equal(middle[0], patch[0].numpy()[np.ix_(rows, columns)])
    masked = cut_middle(patch + 1, (8, 12), shift, mask=True)
    inside = np.outer(
        (np.arange(4, 12) - shift[0] >= 0) & (np.arange(4, 12) - shift[0] < 16),
        (np.arange(6, 18) - shift[1] >= 0) & (np.arange(6, 18) - shift[1] < 24),
    )
    np.testing.assert_array_equal(masked[0] > 0, inside)

"""The correlation filter: its mathematics, and what a user relies on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from moving import follow, moving

from trackzoo.errors import SettingsError
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.geometry import overlaps
from trackzoo.registry import tracker
from trackzoo.sequence import Target
from trackzoo.tracker import StageClock
from trackzoo.trackers.dcf import filter as filters, palette, scale
from trackzoo.trackers.dcf.crop import crops
from trackzoo.trackers.dcf.features import features, hog, lab, orientation_cells

CELLS = 16


@pytest.fixture(autouse=True)
def seeded(one_thread: None) -> None:
    torch.manual_seed(0)


def spectra(channels: int = 5, count: int = 2) -> torch.Tensor:
    return torch.fft.rfft2(torch.rand(count, channels, CELLS, CELLS, dtype=torch.float64))


def label(count: int = 2, sigma: float = 1.0) -> torch.Tensor:
    return torch.fft.rfft2(filters.gaussian_labels(CELLS, torch.full((count,), sigma, dtype=torch.float64)))


def everywhere(count: int = 2) -> torch.Tensor:
    return torch.ones(count, CELLS, CELLS, dtype=torch.float64)


def objective(f: torch.Tensor, y: torch.Tensor, h: torch.Tensor) -> float:
    """Squared distance of the responses from the labels, in space."""
    response = torch.fft.irfft2((f * h).sum(1), s=(CELLS, CELLS))
    return float((response - torch.fft.irfft2(y, s=(CELLS, CELLS))).square().sum())


def test_without_iterations_the_filter_is_dssts_closed_form() -> None:
    """DSST, equation 3: conj(F) G / (sum conj(F) F + lambda), checked in one frequency with numpy."""
    f, y = spectra(), label()
    h = filters.train(f, y, everywhere(), 0.01, 0).numpy()
    energy = (np.abs(f.numpy()) ** 2).sum(1)
    expected = f.numpy()[1, 3, 2, 5].conj() * y.numpy()[1, 2, 5] / (energy[1, 2, 5] + 0.01 * energy[1].mean())
    assert h[1, 3, 2, 5] == pytest.approx(expected)


def test_the_confined_filter_is_zero_outside_its_support_and_nears_the_best() -> None:
    """Each step of ADMM comes nearer to the least-squares filter within the support, and three beat cutting a free one."""
    maps = torch.nn.functional.avg_pool2d(torch.rand(1, 4, CELLS + 2, CELLS + 2, dtype=torch.float64), 3, 1) - 0.5
    f, y = torch.fft.rfft2(maps), label(count=1)
    support = filters.boxes_at_origin(CELLS, torch.tensor([[4.0, 6.0]], dtype=torch.float64))
    steps = [filters.train(f, y, support, 0.1, count) for count in (1, 2, 3, 4)]
    space = torch.fft.irfft2(steps[2], s=(CELLS, CELLS))
    assert float((space * (1 - support[:, None])).abs().max()) < 1e-12

    # The confined problem written out: a column for each channel and each place in the support.
    places = support[0].nonzero().tolist()
    columns = [torch.roll(maps[0, k], (row, column), (0, 1)).flatten() for k in range(4) for row, column in places]
    matrix, wished = torch.stack(columns, 1), torch.fft.irfft2(y, s=(CELLS, CELLS)).flatten()[:, None]
    least = float((matrix @ torch.linalg.lstsq(matrix, wished).solution - wished).square().sum())
    errors = [objective(f, y, h) for h in steps]
    assert errors == sorted(errors, reverse=True)
    assert least < errors[-1]
    free = torch.fft.irfft2(filters.train(f, y, support, 0.1, 0), s=(CELLS, CELLS))
    assert errors[2] < 0.95 * objective(f, y, torch.fft.rfft2(free * support[:, None]))


def test_the_response_peaks_where_the_patch_was_moved_to() -> None:
    maps = torch.rand(1, 8, CELLS, CELLS, dtype=torch.float64)
    support = filters.boxes_at_origin(CELLS, torch.tensor([[6.0, 6.0]], dtype=torch.float64))
    h = filters.train(torch.fft.rfft2(maps), label(1), support, 0.1, 5)
    for down, right in [(0, 0), (2, -3), (-4, 1)]:
        moved = torch.fft.rfft2(torch.roll(maps, (down, right), (2, 3)))
        _, peak = filters.locate(filters.respond(moved, h, 4))
        offset = peak[0] / 4 - (CELLS - 1) / 2
        assert offset.tolist() == pytest.approx([right, down], abs=0.15)


def test_interpolation_passes_through_the_samples() -> None:
    smooth = filters.gaussian_labels(CELLS, torch.tensor([1.5], dtype=torch.float64))
    spectrum = torch.fft.rfft2(smooth)[:, None]
    ones = torch.ones_like(spectrum)
    fine = filters.respond(spectrum, ones, 2)
    torch.testing.assert_close(fine[:, ::2, ::2], smooth, atol=1e-4, rtol=0)
    torch.testing.assert_close(filters.respond(spectrum, ones, 1), smooth)


@given(x=st.floats(3, 12), y=st.floats(3, 12))
@settings(max_examples=30, deadline=None)
def test_peaks_are_found_between_samples(x: float, y: float) -> None:
    index = torch.arange(CELLS, dtype=torch.float64)
    response = torch.exp(-0.5 * ((index - y)[:, None] ** 2 + (index - x) ** 2) / 2.0**2)[None]
    sample, peak = filters.locate(response)
    assert peak[0].tolist() == pytest.approx([x, y], abs=0.03)
    assert (sample[0] - peak[0]).abs().max() <= 0.5


def test_a_peak_stands_above_its_sidelobes() -> None:
    noise = torch.rand(2, 64, 64, dtype=torch.float64)
    noise[1, 20, 30] = 30
    chance, clear = filters.peak_to_sidelobe(noise, 5).tolist()
    assert chance < 5 < 20 < clear
    rest = noise[1].clone()
    rest[15:26, 25:36] = torch.nan
    assert clear == pytest.approx((30 - float(rest.nanmean())) / np.nanstd(rest.numpy()))


def test_gradients_count_for_their_direction() -> None:
    """A ramp that rises to the right fills orientation 0, a falling one 9 (180 degrees); a transposed one the middle."""
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    cells = orientation_cells(ramp)[0, :, 2:6, 2:6].mean((1, 2))
    assert cells.argmax() == 0
    assert cells[0] > 20 * cells[2:-1].max()
    assert orientation_cells(ramp.flip(3))[0, :, 2:6, 2:6].mean((1, 2)).argmax() == 9
    down = orientation_cells(ramp.transpose(2, 3).contiguous())[0, :, 2:6, 2:6].mean((1, 2))
    assert set(down.topk(2).indices.tolist()) == {4, 5}  # 80 and 100 degrees share 90


def test_hog_does_not_mind_contrast() -> None:
    patch = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(hog(patch), hog(patch * 0.5 + 0.2), atol=0.02, rtol=0)
    assert hog(patch).shape == (1, 31, 8, 8)
    assert features(patch).dtype == torch.float64


def test_lab_agrees_with_opencv() -> None:
    colours = np.random.default_rng(0).random((6, 6, 3)).astype(np.float32)
    expected = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB) / 100 - np.array([0.5, 0, 0])
    patch = torch.from_numpy(np.repeat(np.repeat(colours, 4, 0), 4, 1)).permute(2, 0, 1)[None]
    np.testing.assert_allclose(lab(patch)[0].permute(1, 2, 0), expected, atol=2e-3)


def frame_of(picture: np.ndarray) -> Frame:
    return ArrayFrames(lambda index: picture, 1, f"picture{id(picture)}")[0]


def test_crops_are_the_picture_where_nothing_is_resampled() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    centres, sizes = torch.tensor([[20.0, 18.0]]).double(), torch.full((1, 1, 2), 16.0).double()
    patch = crops([frame_of(picture)], centres, sizes, 16, "cpu")
    np.testing.assert_allclose(patch[0, 0].permute(1, 2, 0) * 255, picture[10:26, 12:28], atol=0.01)


def test_crops_repeat_the_border_and_average_what_they_shrink() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, ::2] = 200  # stripes of one pixel: any sampling without averaging would see them
    frame = frame_of(picture)
    whole = crops([frame], torch.tensor([[32.0, 32.0]]).double(), torch.full((1, 1, 2), 64.0).double(), 16, "cpu")
    np.testing.assert_allclose(whole.numpy() * 255, 100, atol=1)
    outside = crops([frame], torch.tensor([[-100.0, 32.0]]).double(), torch.full((1, 1, 2), 16.0).double(), 8, "cpu")
    np.testing.assert_allclose(outside.numpy() * 255, 200, atol=1)


def test_crops_of_several_sizes_share_their_centre() -> None:
    video = moving(4, length=1, side=40)
    box = video.boxes[0]
    centre = torch.from_numpy(box[:2] + box[2:] / 2)[None]
    sizes = torch.from_numpy(box[2:]) * torch.tensor([[[0.9], [1.0], [1.1]]], dtype=torch.float64)
    cuts = crops(video.frames(), centre, sizes, 32, "cpu")
    assert cuts.shape == (1, 3, 3, 32, 32)
    for k in range(3):
        alone = crops(video.frames(), centre, sizes[:, k : k + 1], 32, "cpu")[:, 0]
        torch.testing.assert_close(cuts[:, k], alone, atol=0.02, rtol=0)


def test_colours_of_the_target_are_likely() -> None:
    patch = torch.zeros(1, 3, 32, 32)
    patch[:, 0, 12:20, 12:20] = 1  # red on black
    where = palette.areas(16, torch.tensor([[4.0, 4.0]], dtype=torch.float64), 1.0)
    bins = palette.colour_bins(patch)
    table = palette.histograms(bins, where)
    assert table.sum(2)[0].tolist() == pytest.approx([1, 1])
    chance = palette.likelihood(bins, table)[0]
    assert chance[7, 7] == 1
    assert chance[0, 0] == 0
    unseen = palette.likelihood(palette.colour_bins(torch.full((1, 3, 32, 32), 0.5)), table)
    assert float(unseen.max()) == 0


def test_the_scale_filter_tells_growth() -> None:
    steps, count = [-3, 0, 2], 17
    base = torch.rand(1, 20, 64, dtype=torch.float64)
    smooth = torch.nn.functional.avg_pool1d(base, 7, 1, 3)
    wished = scale.scale_label(count, 1.0)
    middle = slice(32 - count // 2, 33 + count // 2)
    top, bottom = scale.scale_parts(torch.fft.rfft(smooth[:, :, middle]), wished)
    for step in steps:
        moved = torch.fft.rfft(torch.roll(smooth, step, 2)[:, :, middle])
        assert float(scale.scale_offsets(moved, top, bottom, count, 0.01)) == pytest.approx(step, abs=0.6)
    assert scale.scale_factors(5, 2.0).tolist() == [0.25, 0.5, 1, 2, 4]


@pytest.mark.parametrize("growth", [1.03, 0.975])
def test_size_is_followed(growth: float) -> None:
    video = moving(5, length=16, side=36, speed=(1.0, 0.5), growth=growth, size=(220, 180))
    [boxes] = follow(tracker("dcf").load(), [video])
    assert overlaps(boxes, video.boxes)[-4:].mean() > 0.75
    assert boxes[-1, 2] / boxes[0, 2] == pytest.approx(growth**15, rel=0.12)


def test_places_are_found_to_a_part_of_a_pixel() -> None:
    video = moving(6, length=12, side=36, speed=(1.3, 0.7))
    [boxes] = follow(tracker("dcf").load(), [video])
    errors = boxes[:, :2] + boxes[:, 2:] / 2 - video.boxes[:, :2] - video.boxes[:, 2:] / 2
    assert np.abs(errors).max() < 1
    assert np.abs(errors).mean() < 0.4


def test_a_hidden_target_is_not_unlearned() -> None:
    video = moving(7, length=30, speed=(0.5, 0.2), hidden=range(10, 22))
    loaded = tracker("dcf").load()
    predictions = list(loaded.track(video.pictures, video.boxes[0]))
    scores = np.array([prediction.score for prediction in predictions])
    assert scores[11:22].max() < scores[2:10].min()
    assert overlaps(np.array([each.box for each in predictions]), video.boxes)[-5:].mean() > 0.6
    states = loaded.start([video.frames()[0]], [Target(video.boxes[0])], [0])
    state = states[0][0]
    before = state.model
    loaded.step([video.frames()[10]], [state])
    assert state.model is before


def test_lanes_agree() -> None:
    """1, 4 and 16 lanes give the same boxes to 1e-3 px."""
    videos = [moving(k, length=4, size=(120 + 8 * k, 150 - 4 * k), side=18 + k) for k in range(16)]
    loaded = tracker("dcf").load()
    runs = {}
    for lanes in (1, 4, 16):
        runs[lanes] = np.array([box for k in range(0, 16, lanes) for box in follow(loaded, videos[k : k + lanes])])
    np.testing.assert_allclose(runs[4], runs[1], rtol=0, atol=1e-3)
    np.testing.assert_allclose(runs[16], runs[1], rtol=0, atol=1e-3)


def test_stages_and_probes() -> None:
    video = moving(8, length=3)
    loaded = tracker("dcf").load()
    clock, seen = StageClock(), {}
    loaded.clock(clock)
    loaded.attach(lambda name, value: seen.__setitem__(name, value))
    follow(loaded, [video, video])
    assert set(clock.seconds) == {"crop", "features", "filter", "update"}
    assert all(seconds > 0 for seconds in clock.seconds.values())
    assert {name: tuple(value.shape) for name, value in seen.items()} == dict.fromkeys(
        ("response", "colour", "merged"), (2, 96, 96)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": 47},
        {"padding": 0.5},
        {"sigma": 0},
        {"iterations": -1},
        {"merge": 2},
        {"scales": 16},
        {"scale_side": 30},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        tracker("dcf").load(**wrong)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="paddng"):
        tracker("dcf").load(paddng=3)


def test_the_plain_variant_is_another_tracker() -> None:
    video = moving(2, length=6)
    [full], [plain] = (follow(tracker(name).load(), [video]) for name in ("dcf", "dcf-plain"))
    assert np.abs(full - plain).max() > 0.01

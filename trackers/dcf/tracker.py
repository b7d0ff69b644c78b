"""A discriminative correlation filter on torch.fft: the example of a tracker plugin.

A frame goes through four steps, each for all objects of the batch at once:

    patch around the last place ─► features ─► translation filter + colours ─► new centre
    cuts in 17 sizes around it  ─► features ─► scale filter                 ─► new size
    is the peak clear?          ─► patch at the new place ─► features       ─► filters and histograms learn from it

What an object has learned is in its `DcfState`; the tracker itself never changes. Geometry is done on the CPU in float64,
what costs time on the device; spectra are float64 too, so that an object's boxes do not depend on its neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.errors import SettingsError
from trackzoo.frames import Frame
from trackzoo.sequence import Target
from trackzoo.settings import changed
from trackzoo.tracker import Prediction, Tracker
from trackzoo.trackers.dcf.crop import crops
from trackzoo.trackers.dcf.features import CELL, features, hog
from trackzoo.trackers.dcf.filter import (
    boxes_at_origin,
    gaussian_labels,
    hann,
    locate,
    peak_to_sidelobe,
    respond,
    train,
)
from trackzoo.trackers.dcf.palette import POOL, areas, colour_bins, histograms, likelihood
from trackzoo.trackers.dcf.scale import scale_factors, scale_label, scale_offsets, scale_parts

#: Samples of the response for each cell: those of the colour map.
FINE = CELL // POOL
#: Least side of a box in pixels, for targets that were larger to begin with.
SMALLEST = 4.0


@dataclass(frozen=True)
class DcfSettings:
    """Settings of `dcf`. Values without a source were chosen on clips run forwards, backwards and from the middle.

    Attributes:
        cells: side of the search region in cells, even.
        padding: side of the search region, in square roots of the target's area (BACF's search region is like it).
        sigma: width of the wished peak, in square roots of the target's area (MOSSE to BACF: 1/16).
        regularisation: first penalty of ADMM, or DSST's ridge; see `filter.train`.
        iterations: of ADMM, see `filter.train`; 0 is DSST's filter.
        rate: how much of each new patch goes into the filter's model (BACF: 0.013).
        merge: weight of the colour score in the response, the filter has the rest (Staple: 0.3).
        palette_rate: how much of each new patch goes into the colour histograms (Staple: 0.04).
        inner: part of the box that surely shows the target (Staple: 0.8).
        doubt: peak to sidelobe ratio under which nothing is learned (MOSSE finds about 7 when the target is hidden).
        scales: cuts along the axis of scale, odd.
        scale_step: ratio of neighbouring sizes (DSST: 1.02).
        scale_side: side of a cut, in pixels.
        scale_sigma: width of the wished peak, in steps.
        scale_rate: how much of each new sample goes into the scale filter (DSST: 0.025).
        scale_ridge: regularisation of the scale filter (DSST: 0.01).
    """

    cells: int = 48
    padding: float = 4.5
    sigma: float = 1 / 16
    regularisation: float = 1.0
    iterations: int = 3
    rate: float = 0.015
    merge: float = 0.1
    palette_rate: float = 0.04
    inner: float = 0.8
    doubt: float = 7.0
    scales: int = 17
    scale_step: float = 1.02
    scale_side: int = 32
    scale_sigma: float = 1.0
    scale_rate: float = 0.025
    scale_ridge: float = 0.01

    def __post_init__(self) -> None:
        limits = {
            "cells": (self.cells >= 16 and self.cells % 2 == 0, "an even number from 16"),
            "padding": (self.padding > 1, "more than 1"),
            "sigma": (self.sigma > 0, "more than 0"),
            "iterations": (self.iterations >= 0, "0 or more"),
            "merge": (0 <= self.merge <= 1, "0 to 1"),
            "scales": (self.scales >= 3 and self.scales % 2 == 1, "an odd number from 3"),
            "scale_step": (self.scale_step > 1, "more than 1"),
            "scale_side": (self.scale_side >= 8 and self.scale_side % CELL == 0, f"a multiple of {CELL} from 8"),
        }
        for name, (fine, expected) in limits.items():
            if not fine:
                raise SettingsError(f"tracker 'dcf': {name}={getattr(self, name)}, expected {expected}")


@dataclass
class DcfState:
    """All that belongs to one object. n = cells, f = n / 2 + 1, m = 2 n samples, S = scales, D = scale features.

    Attributes:
        centre: (2,) float64, x and y in pixels.
        first_size: (2,) float64, width and height on the first frame, in pixels.
        growth: () float64, the present size over the first one.
        label: (n, f) complex128, spectrum of the wished response.
        support: (n, n) float64, where the filter may be non-zero.
        model: (34, n, f) complex128, running mean of the features' spectra.
        filter: (34, n, f) complex128, trained on the model.
        area: (m, m) int64, where the patch shows the target.
        palette: (2, 4096) float64, colour frequencies inside and outside of the target.
        mean_kernel: (m, m / 2 + 1) complex128, spectrum of the mean over the target's box.
        scale_top: (D, S / 2 + 1) complex128, numerator of the scale filter.
        scale_bottom: (S / 2 + 1,) float64, its denominator.
    """

    centre: Tensor
    first_size: Tensor
    growth: Tensor
    label: Tensor
    support: Tensor
    model: Tensor
    filter: Tensor
    area: Tensor
    palette: Tensor
    mean_kernel: Tensor
    scale_top: Tensor
    scale_bottom: Tensor


def stacked(states: ListOf[DcfState], name: str) -> Tensor:
    """One field of B states as one tensor (B, …)."""
    return torch.stack([getattr(state, name) for state in states])


class DcfTracker(Tracker[DcfState]):
    """Correlation filter with background-aware training, colour histograms and a scale filter.

    Args:
        device: `cpu` or a CUDA device (float64 is needed).
        dtype: ignored; there is no network.
        settings: see `DcfSettings`.

    Raises:
        SettingsError: a setting that does not exist, of another kind or out of its range.
    """

    def __init__(self, *, device: str = "cpu", dtype: str = "fp32", **settings: Any) -> None:
        super().__init__(device=device, dtype=dtype)
        self.settings = changed(DcfSettings(), settings)
        window, samples = hann(self.settings.cells), hann(self.settings.cells * FINE)
        self.window = (window[:, None] * window).to(device)  # (n, n)
        self.samples = (samples[:, None] * samples).to(device)  # (m, m)
        self.factors = scale_factors(self.settings.scales, self.settings.scale_step)
        self.scale_label = scale_label(self.settings.scales, self.settings.scale_sigma).to(device)
        self.scale_window = hann(self.settings.scales).to(device)

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[DcfState, Prediction]]:
        """See `Tracker.start`."""
        options = self.settings
        boxes = torch.from_numpy(np.stack([target.box for target in targets]))
        sizes = boxes[:, 2:].clone()
        centres = boxes[:, :2] + sizes / 2
        sides = self.search_sides(sizes)
        cells = (sizes / sides[:, None] * options.cells).to(self.device)  # the target's size on the map
        spectra, bins = self.look(frames, centres, sides)
        scale_spectra = self.look_at_scales(frames, centres, sizes)
        with self.stage("update"):
            labels = torch.fft.rfft2(gaussian_labels(options.cells, cells.prod(1).sqrt() * options.sigma))
            supports = boxes_at_origin(options.cells, cells)
            where = areas(options.cells * FINE, cells * FINE, options.inner)
            kernels = boxes_at_origin(options.cells * FINE, cells * FINE * options.inner)
            kernels = torch.fft.rfft2(kernels / kernels.sum((1, 2), keepdim=True))
            # The first filter stands alone, so it is given twice the steps.
            filters = train(spectra, labels, supports, options.regularisation, 2 * options.iterations)
            palettes = histograms(bins, where)
            tops, bottoms = scale_parts(scale_spectra, self.scale_label)
        ratios = self.sidelobe_ratios(respond(spectra, filters, FINE)).tolist()
        growth = torch.ones(len(frames), dtype=torch.float64)
        fields = (centres, sizes, growth, labels, supports, spectra, filters, where, palettes, kernels, tops, bottoms)
        return [
            (DcfState(*(field[b] for field in fields)), Prediction(np.array(target.box), ratios[b]))
            for b, target in enumerate(targets)
        ]

    def step(self, frames: ListOf[Frame], states: ListOf[DcfState]) -> list[Prediction]:
        """See `Tracker.step`."""
        pictures = torch.tensor([frame.size for frame in frames], dtype=torch.float64)  # (B, 2)
        first_sizes, growth = stacked(states, "first_size"), stacked(states, "growth")
        shifts, ratios = self.find(frames, states, self.search_sides(first_sizes * growth[:, None]))
        # A centre on the border is as far as a target can be followed.
        centres = torch.minimum((stacked(states, "centre") + shifts).clamp(min=0), pictures)
        growth = self.resize(frames, states, centres, growth, pictures)
        for state, centre, factor in zip(states, centres, growth, strict=True):
            state.centre, state.growth = centre, factor
        # What is learned from a hidden or lost target is its cover (MOSSE, on failures).
        clear = [b for b, ratio in enumerate(ratios) if ratio >= self.settings.doubt]
        if clear:
            self.learn([frames[b] for b in clear], [states[b] for b in clear])
        sizes = first_sizes * growth[:, None]
        boxes = torch.cat([centres - sizes / 2, sizes], dim=1).numpy()
        return [Prediction(box.copy(), ratio) for box, ratio in zip(boxes, ratios, strict=True)]

    def search_sides(self, sizes: Tensor) -> Tensor:
        """Sides (B,) in pixels of the square search regions around targets of `sizes` (B, 2); slim targets must fit in."""
        return torch.maximum(self.settings.padding * sizes.prod(1).sqrt(), 1.5 * sizes.amax(1))

    def look(self, frames: ListOf[Frame], centres: Tensor, sides: Tensor) -> tuple[Tensor, Tensor]:
        """Search regions as the filter and the histograms see them: spectra (B, 34, n, f) and colour bins (B, m, m)."""
        with self.stage("crop"):
            regions = sides[:, None, None].expand(-1, 1, 2)
            patches = crops(frames, centres, regions, self.settings.cells * CELL, self.device)[:, 0]
        with self.stage("features"):
            return torch.fft.rfft2(features(patches) * self.window), colour_bins(patches)

    def look_at_scales(self, frames: ListOf[Frame], centres: Tensor, sizes: Tensor) -> Tensor:
        """Cuts of the target in S sizes as the scale filter sees them, spectra (B, D, S / 2 + 1)."""
        with self.stage("crop"):
            cuts = crops(frames, centres, sizes[:, None] * self.factors[:, None], self.settings.scale_side, self.device)
        with self.stage("features"):
            samples = hog(cuts.flatten(0, 1)).view(len(frames), self.settings.scales, -1)
            spectra: Tensor = torch.fft.rfft((samples * self.scale_window[:, None]).transpose(1, 2))
            return spectra

    def sidelobe_ratios(self, responses: Tensor) -> Tensor:
        """Peak to sidelobe ratios (B,); MOSSE leaves 11 x 11 samples around the peak out, here cells."""
        return peak_to_sidelobe(responses, 5 * FINE)

    def find(self, frames: ListOf[Frame], states: ListOf[DcfState], sides: Tensor) -> tuple[Tensor, list[float]]:
        """How far the targets have moved, (B, 2) in pixels on the CPU, and the peak to sidelobe ratios of the filters."""
        spectra, bins = self.look(frames, stacked(states, "centre"), sides)
        with self.stage("filter"):
            responses = respond(spectra, stacked(states, "filter"), FINE)  # (B, m, m)
            ratios = self.sidelobe_ratios(responses).tolist()
            chances = torch.fft.rfft2(likelihood(bins, stacked(states, "palette")))
            size = responses.shape[-2:]
            # Mean likelihood over a box around each place (Staple), windowed as the features are.
            colours = torch.fft.irfft2(chances * stacked(states, "mean_kernel"), s=size) * self.samples
            merged = (1 - self.settings.merge) * responses + self.settings.merge * colours
            _, peaks = locate(merged)
            self.probe("response", responses)
            self.probe("colour", colours)
            self.probe("merged", merged)
            # The label's peak is in the patch's middle, which for cells lies at (n - 1) / 2.
            offsets = peaks.cpu() / FINE - (self.settings.cells - 1) / 2
            return offsets / self.settings.cells * sides[:, None], ratios

    def resize(
        self, frames: ListOf[Frame], states: ListOf[DcfState], centres: Tensor, growth: Tensor, pictures: Tensor
    ) -> Tensor:
        """New growth (B,), held so that boxes stay larger than `SMALLEST` and smaller than the picture."""
        options = self.settings
        first_sizes = stacked(states, "first_size")
        spectra = self.look_at_scales(frames, centres, first_sizes * growth[:, None])
        with self.stage("filter"):
            tops, bottoms = stacked(states, "scale_top"), stacked(states, "scale_bottom")
            steps = scale_offsets(spectra, tops, bottoms, options.scales, options.scale_ridge).cpu()
        least = (SMALLEST / first_sizes.amin(1)).clamp(max=1)
        most = (pictures / first_sizes).amin(1).clamp(min=1)
        return torch.minimum(torch.maximum(growth * options.scale_step**steps, least), most)

    def learn(self, frames: ListOf[Frame], states: ListOf[DcfState]) -> None:
        """Teach the states what their targets look like where they were found."""
        options = self.settings
        centres = stacked(states, "centre")
        sizes = stacked(states, "first_size") * stacked(states, "growth")[:, None]
        spectra, bins = self.look(frames, centres, self.search_sides(sizes))
        scale_spectra = self.look_at_scales(frames, centres, sizes)
        with self.stage("update"):
            # Running means (MOSSE, equations 10 to 12; BACF).
            models = stacked(states, "model").lerp_(spectra, options.rate)
            labels, supports = stacked(states, "label"), stacked(states, "support")
            filters = train(models, labels, supports, options.regularisation, options.iterations)
            palettes = stacked(states, "palette").lerp_(histograms(bins, stacked(states, "area")), options.palette_rate)
            tops, bottoms = scale_parts(scale_spectra, self.scale_label)
            tops = stacked(states, "scale_top").lerp_(tops, options.scale_rate)
            bottoms = stacked(states, "scale_bottom").lerp_(bottoms, options.scale_rate)
            for b, state in enumerate(states):
                state.model, state.filter, state.palette = models[b], filters[b], palettes[b]
                state.scale_top, state.scale_bottom = tops[b], bottoms[b]

"""Alpha-Refine's inference: one reference an object, then every frame on its own."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.errors import SettingsError
from trackzoo.frames import Frame, Pixels
from trackzoo.geometry import Floats, box_of_mask, clip_boxes
from trackzoo.nn.crops import MEAN, STD, stack
from trackzoo.nn.precision import autocast, dtype_named
from trackzoo.refiner import Refiner
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction
from trackzoo.trackers.alpharefine.model import CornerMaskNetwork, MaskNetwork, Refined
from trackzoo.trackers.alpharefine.window import Window, box_in_picture, crop, paste, reference_corners, window
from trackzoo.weights.loading import fill_from

#: A box from the corners keeps this size, and so much of itself inside the picture (the reference's callers clip so).
MARGIN = 10.0
NETWORKS: dict[str, type[MaskNetwork] | type[CornerMaskNetwork]] = {"mask": MaskNetwork, "corner": CornerMaskNetwork}
#: Where the box that comes out is from.
BOXES = ("corners", "mask", "tracker")

#: Rows and columns of the picture, and the soft mask there.
Pasted = tuple[slice, slice, NDArray[np.float32]]


@dataclass
class Reference:
    """What belongs to one object.

    Attributes:
        features: of the target on its first frame; None where its box could not be cropped, which is then never refined.
        soft: the last soft mask, for objects of one video that compete for pixels; None where none was made.
    """

    features: Tensor | None
    soft: Pasted | None = None


class AlphaRefine(Refiner[Reference]):
    """Alpha-Refine over B objects at once.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`.
        network: `mask` (VOT2020, mask alone) or `corner` (the paper's, corners and mask).
        threshold: a pixel belongs to the mask where the soft mask is above it: 0.65 (STARK, AR+DiMP); MixFormer has 0.60.
        box: the box that comes out: `corners` (the corner network alone), `mask` (the mask's tight box; the tracker's where the
            mask is empty), `tracker` (untouched). By default `corners` where the network has them, else `mask`.
        size: side of the mask network's crop in pixels, a multiple of 32; its weights were trained for 384.
        device, dtype: see `Refiner`.
        compile: compile the network's forward pass.

    Raises:
        SettingsError: an unknown network or box, a threshold outside 0..1, a size that the network cannot have.
    """

    gives = frozenset({"box", "mask"})
    pictures = "trackzoo.trackers.alpharefine.pictures"

    def __init__(
        self,
        *,
        weights: Any = None,
        network: str = "mask",
        threshold: float = 0.65,
        box: str = "",
        size: int = 384,
        device: str = "cpu",
        dtype: str = "fp32",
        compile: bool = False,
    ) -> None:
        super().__init__(device=device, dtype=dtype)
        dtype_named(dtype)
        if network not in NETWORKS:
            raise SettingsError(f"alpharefine: network={network!r}, expected {' or '.join(NETWORKS)}")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise SettingsError(f"alpharefine: threshold={threshold!r}, expected a number from 0 to 1")
        kind = NETWORKS[network]
        known = BOXES if kind.gives_box else BOXES[1:]
        if box not in ("", *known):
            raise SettingsError(f"alpharefine: box={box!r} with network '{network}', expected {' or '.join(known)}")
        if type(size) is not int or size < 32 or size % 32 or (size != 384 and kind is not MaskNetwork):
            raise SettingsError(f"alpharefine: size={size!r}, expected a multiple of 32, with network 'mask' alone")
        with torch.device("meta"):
            made = MaskNetwork(size) if kind is MaskNetwork else kind()
        fill_from(made, weights)
        self.network = made.to(device).eval().requires_grad_(False)
        if compile:
            self.network.compile()
        self.threshold, self.box = float(threshold), box or known[0]

    @torch.inference_mode()
    def start(self, frames: ListOf[Frame], targets: ListOf[Target]) -> list[Reference]:
        """See `Refiner.start`. A mask, where one is known, is not used beyond the box."""
        places = [window(target.box, self.network.size) for target in targets]
        references = [Reference(None) for _ in targets]
        able = [index for index, where in enumerate(places) if where is not None]
        if not able:
            return references
        windows = [where for where in places if where is not None]
        with self.stage("crop"):
            crops = self._crops([frames[index] for index in able], windows)
            corners = np.stack(
                [reference_corners(targets[index].box, where) for index, where in zip(able, windows, strict=True)]
            )
        self.probe("reference", crops)
        self.probe("reference_corners", corners)
        with self.stage("network"), autocast(self.device, self.dtype):
            features = self.network.reference(crops, torch.from_numpy(corners).to(self.device, torch.float32))
        for index, own in zip(able, features, strict=True):
            references[index].features = own.clone()
        return references

    @torch.inference_mode()
    def refine(
        self, frames: ListOf[Frame], references: ListOf[Reference], predictions: ListOf[Prediction]
    ) -> list[Prediction]:
        """See `Refiner.refine`: one network call for all objects. The score stays the tracker's."""
        masks = "masks" in self.wants
        found = list(predictions)
        if not masks and self.box == "tracker":
            return found
        able: list[int] = []
        windows: list[Window] = []
        features: list[Tensor] = []
        for index, (reference, prediction) in enumerate(zip(references, predictions, strict=True)):
            reference.soft = None
            where = window(prediction.box, self.network.size)
            if where is not None and reference.features is not None:
                able.append(index)
                windows.append(where)
                features.append(reference.features)
            elif masks:
                width, height = frames[index].size
                found[index] = replace(prediction, mask=np.zeros((height, width), bool))
        if not able:
            return found
        with self.stage("crop"):
            crops = self._crops([frames[index] for index in able], windows)
        with self.stage("network"):
            with autocast(self.device, self.dtype):
                out: Refined = self.network(torch.stack(features), crops, masks or self.box == "mask")
            corners = None if out.corners is None else out.corners.double().cpu().numpy()
            soft = None if out.masks is None else out.masks.float().cpu().numpy()
        with self.stage("paste"):
            for row, (index, where) in enumerate(zip(able, windows, strict=True)):
                size = frames[index].size
                pasted = None if soft is None else paste(soft[row], where, size)
                found[index] = self._answer(
                    predictions[index], where, size, None if corners is None else corners[row], pasted
                )
                references[index].soft = pasted if masks else None
        if self._probe is not None:
            for name, value in (("search", crops), ("fused", out.fused), ("soft", soft), ("corners", corners)):
                self.probe(name, value)
            self.probe("windows", windows)
            self.probe("frames", [frames[index] for index in able])
            self.probe("boxes", [(predictions[index].box, found[index].box) for index in able])
        return found

    def _answer(
        self,
        prediction: Prediction,
        where: Window,
        size: tuple[int, int],
        corners: Floats | None,
        pasted: Pasted | None,
    ) -> Prediction:
        box = prediction.box
        inside = None if pasted is None else pasted[2] > self.threshold
        if self.box == "corners" and corners is not None:
            box = clip_boxes(box_in_picture(corners, where), size, MARGIN)
        elif self.box == "mask" and pasted is not None and inside is not None:
            tight = box_of_mask(inside)
            if not np.isnan(tight).any():
                box = tight + np.array([pasted[1].start, pasted[0].start, 0, 0], dtype=np.float64)
        if "masks" not in self.wants or pasted is None or inside is None:
            return replace(prediction, box=box)
        mask = np.zeros((size[1], size[0]), bool)
        mask[pasted[0], pasted[1]] = inside
        return replace(prediction, box=box, mask=mask)

    def merge(self, references: ListOf[Reference], predictions: ListOf[Prediction]) -> list[Prediction]:
        """A pixel that several objects claim goes to the one whose soft mask is highest there; a given mask counts as 1."""
        claims = [each for each in predictions if each.mask is not None]
        if len(claims) < 2 or claims[0].mask is None:
            return list(predictions)
        best = np.zeros(claims[0].mask.shape, np.float32)
        owner = np.full(best.shape, -1, np.int32)
        for index, (reference, prediction) in enumerate(zip(references, predictions, strict=True)):
            if prediction.mask is None:
                continue
            values = prediction.mask.astype(np.float32)
            if reference.soft is not None:
                rows, columns, soft = reference.soft
                values[rows, columns] *= soft
            better = prediction.mask & (values > best)
            best[better], owner[better] = values[better], index
        return [
            replace(prediction, mask=owner == index) if prediction.mask is not None else prediction
            for index, prediction in enumerate(predictions)
        ]

    def _crops(self, frames: ListOf[Frame], windows: ListOf[Window]) -> Tensor:
        """Normalised crops (B, 3, size, size)."""
        return self.normalised([crop(frame.array(), where) for frame, where in zip(frames, windows, strict=True)])

    def normalised(self, crops: ListOf[Pixels]) -> Tensor:
        """Crops (size, size, 3) uint8 as the network takes them (B, 3, size, size)."""
        return normalise(stack(crops, self.device))


def normalise(pixels: Tensor) -> Tensor:
    """(…, 3, H, W) uint8 RGB to float32 with ImageNet's statistics, by a table of the 256 values in float64."""
    levels = torch.arange(256, dtype=torch.float64) / 255
    table = (levels[None] - torch.tensor(MEAN, dtype=torch.float64)[:, None]) / torch.tensor(STD, dtype=torch.float64)[
        :, None
    ]
    table = table.to(pixels.device, torch.float32)
    return torch.stack([table[channel][pixels[..., channel, :, :].long()] for channel in range(3)], dim=-3)

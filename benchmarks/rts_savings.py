"""RTS, LWL, STA: what each saving of computation gains, beside the same thing computed in the reference's order.

Every row is measured both ways in one process, in turn; the fastest of several rounds counts, in processor time, which other
people's work changes least. Outputs of both ways are compared.

    python benchmarks/rts_savings.py
    python benchmarks/rts_savings.py --crop 240 416 --samples 32
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.engine.devices import device_name
from trackzoo.nn.folding import inference_copy
from trackzoo.trackers.rts.enlarge import bicubic
from trackzoo.trackers.rts.filters import learn_instance_filters, learn_segmentation_filters
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.sta.encoders import BoxEncoder
from trackzoo.trackers.sta.network import STANetwork
from trackzoo.weights.loading import fill_from


@dataclass(frozen=True)
class Saving:
    """One row.

    Attributes:
        name: what is saved.
        before, after: the reference's order of operations, and ours; both give the same tensor.
    """

    name: str
    before: Callable[[], Tensor]
    after: Callable[[], Tensor]


def by_autograd(residual: Callable[[Tensor], Tensor], filters: Tensor, iterations: int) -> Tensor:
    """Steepest descent by double autograd, with the loss of every iteration; one object."""
    for _ in range(iterations):
        with torch.enable_grad():
            own = filters.detach().requires_grad_()
            found = residual(own)
            found.square().mean().item()
            dummy = found.detach().clone().requires_grad_()
            [gradient] = torch.autograd.grad(found, own, dummy, create_graph=True)
            [change] = torch.autograd.grad(gradient, dummy, gradient.detach())
        gradient = gradient.detach()
        filters = filters - gradient.square().sum() / change.square().sum().clamp(min=1e-8) * gradient
    residual(filters).square().mean().item()
    return filters.detach()


def rows(crop: tuple[int, int], samples: int) -> list[Saving]:
    """All savings that can be measured apart from tracking."""
    torch.manual_seed(0)
    network = RTSNetwork().eval().requires_grad_(False)
    fill_from(network, "random")
    sta = STANetwork().eval().requires_grad_(False)
    fill_from(sta, "random")
    picture = torch.rand(1, 3, *crop) * 255
    maps = network.features(picture)
    x = network.segmentation_features(maps)
    y = network.classification_features(maps)
    encoding = torch.randn(1, 16, *x.shape[2:])
    masks = (torch.rand(samples, 1, *crop) > 0.5).float()
    reduced = network.decoder.reduce(maps)
    last = network.decoder.levels(encoding, reduced)["layer1"]
    laid, folded = inference_copy(network), inference_copy(network, fold=True)
    scores = torch.rand(1, 1, y.shape[2] + 1, y.shape[3] + 1)

    memory = x[None].repeat(samples, 1, 1, 1, 1) + 0.01 * torch.randn(samples, *x.shape)
    labels, weights = (each[:, None] for each in network.encode_masks(masks))
    importance = torch.full((samples, 1), 1 / samples)
    own = torch.zeros(1, 16, 512, 3, 3)
    reg = network.target_model.regularisation + 0.01

    def segmentation(filters: Tensor) -> Tensor:
        found = F.conv2d(memory[:, 0], filters[0], padding=1)[:, None] - labels
        return torch.cat([(weights * importance[..., None, None, None] * found).flatten(), (reg * filters).flatten()])

    others = y[None].repeat(samples, 1, 1, 1, 1) + 0.01 * torch.randn(samples, *y.shape)
    gaussians = torch.rand(samples, 1, *scores.shape[2:]) ** 8
    first = 0.05 * torch.randn(1, 1, 512, 4, 4)
    slope = ((gaussians > 0.05).float() + 0.1).clamp(max=1)

    def instance(filters: Tensor) -> Tensor:
        found = F.conv2d(others[:, 0], filters[0], padding=2)
        found = (1 - slope) / 2 * found.abs() + (1 + slope) / 2 * found - slope * gaussians
        return torch.cat([(importance.sqrt()[..., None, None] * found).flatten(), 0.01 * filters.flatten()])

    def analytic() -> Tensor:
        return learn_segmentation_filters(memory, labels, weights, importance, own, reg, 3)

    box = torch.zeros(1, 1, *crop)
    box[..., crop[0] // 3 : crop[0] // 2, crop[1] // 3 : crop[1] // 2] = 1
    wide = torch.randn(1, 32, *x.shape[2:])
    encoder: BoxEncoder = sta.label_encoder

    def sta_decoded(twice: bool) -> Tensor:
        kept = sta.decoder.reduce(maps)
        coarse: Tensor = sta.decoder(wide, kept, crop)
        final: Tensor = sta.decoder(-wide, sta.decoder.reduce(maps) if twice else kept, crop)
        return coarse + final

    return [
        Saving(
            f"E, W of {samples} stored masks kept, one is new",
            lambda: network.encode_masks(masks)[0][:1],
            lambda: network.encode_masks(masks[:1])[0],
        ),
        Saving(
            f"segmentation filter, 3 iterations, {samples} samples: no double autograd",
            lambda: by_autograd(segmentation, own, 3),
            analytic,
        ),
        Saving(
            f"instance filter, 2 iterations, {samples} samples: no double autograd",
            lambda: by_autograd(instance, first, 2),
            lambda: learn_instance_filters(others, gaussians, importance, first, 2),
        ),
        Saving(
            "decoder's last convolution before its enlargement",
            lambda: network.decoder.project.direct(last, crop),
            lambda: network.decoder.project(last, crop),
        ),
        Saving(
            "decoder's enlargements, twice the size each",
            lambda: interpolated(interpolated(last[:, :9])),
            lambda: twice(twice(last[:, :9])),
        ),
        Saving(
            "channels last (setting fast): backbone",
            lambda: network.features(picture)["layer4"],
            lambda: laid.features(picture)["layer4"],
        ),
        Saving(
            "channels last and norms folded (fast): backbone",
            lambda: network.features(picture)["layer4"],
            lambda: folded.features(picture)["layer4"],
        ),
        Saving(
            "channels last and norms folded (fast): decoder",
            lambda: network.decode(encoding, maps),
            lambda: folded.decode(encoding, maps),
        ),
        Saving(
            "H without its unread weights",
            lambda: network.clf_encoder(scores)[0],
            lambda: network.encode_scores(scores),
        ),
        Saving(
            "STA's box encoder without its unread weights",
            lambda: encoder(box, x)[0],
            lambda: encoder.label(box, x),
        ),
        Saving("STA's features reduced once for both passes", lambda: sta_decoded(True), lambda: sta_decoded(False)),
    ]


def interpolated(maps: Tensor) -> Tensor:
    """Twice the size, by torch's function."""
    return F.interpolate(maps, scale_factor=2, mode="bicubic", align_corners=False)


def twice(maps: Tensor) -> Tensor:
    """Twice the size, by ours."""
    return bicubic(maps, (2 * maps.shape[2], 2 * maps.shape[3]))


def timed(work: Callable[[], Any]) -> float:
    """Processor seconds of one call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crop", type=int, nargs=2, default=(480, 832), metavar=("H", "W"))
    parser.add_argument("--samples", type=int, default=8, help="samples in memory")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f"{device_name('cpu')}, torch {torch.__version__}, 1 thread, crop {chosen.crop[0]}x{chosen.crop[1]}")
    print("| saving | before, s | after, s | gain | largest difference / deviation |\n|---|---|---|---|---|")
    with torch.no_grad():
        for saving in rows((chosen.crop[0], chosen.crop[1]), chosen.samples):
            before, after = saving.before(), saving.after()
            off = float((before - after).abs().max() / before.std())
            taken = [(timed(saving.before), timed(saving.after)) for _ in range(chosen.rounds)]
            slow, quick = (min(each) for each in zip(*taken, strict=True))
            print(f"| {saving.name} | {slow:.4f} | {quick:.4f} | {slow / quick:.2f} | {off:.1e} |", flush=True)


if __name__ == "__main__":
    main()

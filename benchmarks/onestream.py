"""How fast the one-stream trackers are: lanes 1, 4, 16 against a plain loop.

    python benchmarks/onestream.py [--tracker ostrack-256 …] [--lanes 1 4 16] [--frames 4] [--device cpu] [--dtype fp32]

The plain loop stands in this file: one frame at a time, the specification's order of operations (attention maps formed in full,
templates embedded for every frame, every token through every block), nothing kept. Both sides run the same filled network on
the same generated videos, in turn, so that their ratio carries from one machine to another; frames per second do not. CPU
seconds are those of the whole process, all threads, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.cost import timed
from trackzoo.engine.devices import device_name
from trackzoo.nn.crops import crop, window
from trackzoo.parity.videos import in_lanes, videos
from trackzoo.registry import tracker as find

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
CENTRE = {8: 27, 12: 65}
Weights = dict[str, Tensor]


def linear(weights: Weights, name: str, values: Tensor) -> Tensor:
    return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def norm(weights: Weights, name: str, values: Tensor) -> Tensor:
    return F.layer_norm(values, values.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)


def patches(weights: Weights, picture: np.ndarray, position: str) -> Tensor:
    pixels = (torch.from_numpy(picture).float() / 255 - MEAN) / STD
    name = "backbone.patch_embed.proj"
    tokens = F.conv2d(pixels.permute(2, 0, 1)[None], weights[f"{name}.weight"], weights[f"{name}.bias"], stride=16)
    return tokens.flatten(2).transpose(1, 2)[0] + weights[f"backbone.{position}"][0]


def plain_encoder(
    weights: Weights, templates: list[Tensor], search: Tensor, heads: int, prune: tuple[int, ...], keep: float
) -> Tensor:
    """Search features (Lx, width): the encoder as its specification describes it, step by step."""
    tokens = torch.cat([*templates, search])
    length, per_template = len(tokens) - len(search), len(templates[-1])
    rows = [CENTRE[round(per_template**0.5)] + per_template * i for i in range(len(templates))] if prune else []
    positions, index = torch.arange(len(search)), 0
    while f"backbone.blocks.{index}.norm1.weight" in weights:
        name = f"backbone.blocks.{index}"
        fused = linear(weights, f"{name}.attn.qkv", norm(weights, f"{name}.norm1", tokens))
        query, key, value = fused.reshape(len(tokens), 3, heads, -1).permute(1, 2, 0, 3)
        attention = (query @ key.transpose(1, 2) * query.shape[-1] ** -0.5).softmax(-1)
        change = linear(weights, f"{name}.attn.proj", (attention @ value).transpose(0, 1).flatten(1))
        tokens = tokens + change * weights.get(f"{name}.gamma_1", torch.ones(()))
        if index in prune:
            scores = attention[:, rows, length:].mean(1).mean(0)
            kept = scores.argsort(descending=True)[: math.ceil(keep * len(scores))]
            tokens, positions = torch.cat([tokens[:length], tokens[length:][kept]]), positions[kept]
        hidden = F.gelu(linear(weights, f"{name}.mlp.fc1", norm(weights, f"{name}.norm2", tokens)))
        tokens = tokens + linear(weights, f"{name}.mlp.fc2", hidden) * weights.get(f"{name}.gamma_2", torch.ones(()))
        index += 1
    features = torch.zeros_like(search)
    features[positions] = norm(weights, "backbone.norm", tokens)[length:]
    return features


def plain_tower(weights: Weights, name: str, features: Tensor) -> Tensor:
    for layer in range(1, 5):
        stem = f"box_head.conv{layer}_{name}"
        features = F.conv2d(features, weights[f"{stem}.0.weight"], weights[f"{stem}.0.bias"], padding=1)
        mean, variance = weights[f"{stem}.1.running_mean"], weights[f"{stem}.1.running_var"]
        scale, shift = weights[f"{stem}.1.weight"], weights[f"{stem}.1.bias"]
        features = F.relu(
            (features - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt() * scale[:, None, None]
            + shift[:, None, None]
        )
    return F.conv2d(features, weights[f"box_head.conv5_{name}.weight"], weights[f"box_head.conv5_{name}.bias"])


def plain_centre(weights: Weights, features: Tensor, hann: Tensor) -> tuple[list[float], float]:
    """Box `cx, cy, w, h` in shares of the crop, and the confidence."""
    score = plain_tower(weights, "ctr", features).sigmoid().clamp(1e-4, 1 - 1e-4)[0, 0]
    size, offset = (
        plain_tower(weights, "size", features).sigmoid().clamp(1e-4, 1 - 1e-4)[0],
        plain_tower(weights, "offset", features)[0],
    )
    best, side = int((score * hann).argmax()), score.shape[-1]
    row, column = divmod(best, side)
    dx, dy = offset[:, row, column].tolist()
    w, h = size[:, row, column].tolist()
    return [(column + dx) / side, (row + dy) / side, w, h], float(score.max())


def plain_distribution(weights: Weights, features: Tensor, hann: Tensor) -> tuple[list[float], float]:
    """The same from JN's head."""
    side = features.shape[-1]
    chance = plain_tower(weights, "reg", features).reshape(4, 17, side, side).softmax(1)
    top = chance.topk(4, dim=1).values
    values = torch.cat([top, top.mean(1, keepdim=True)], dim=1).reshape(1, 20, side, side)
    values = F.relu(F.conv2d(values, weights["box_head.reg_conf.0.weight"], weights["box_head.reg_conf.0.bias"]))
    quality = F.conv2d(values, weights["box_head.reg_conf.2.weight"], weights["box_head.reg_conf.2.bias"]).sigmoid()
    score = (plain_tower(weights, "cls", features).sigmoid() * quality)[0, 0]
    row, column = divmod(int((score * hann).argmax()), side)
    left, top_, right, bottom = (chance[:, :, row, column] * torch.arange(17)).sum(1).tolist()
    x1, y1, x2, y2 = column + 0.5 - left, row + 0.5 - top_, column + 0.5 + right, row + 0.5 + bottom
    return [(x1 + x2) / 2 / side, (y1 + y2) / 2 / side, (x2 - x1) / side, (y2 - y1) / side], float(score.max())


class Plain:
    """One object, one frame at a time; reads the settings and parameters of one of our trackers, and none of its code."""

    def __init__(self, tracker: Any) -> None:
        self.weights: Weights = {name: tensor.float().cpu() for name, tensor in tracker.network.state_dict().items()}
        self.crops, self.tracker = tracker.crops, tracker
        self.heads = tracker.network.backbone.blocks[0].attn.heads
        self.prune = tuple(tracker.network.backbone.prune_at)
        self.keep = next(iter(tracker.network.backbone.prune_at.values()), 1.0)
        side = self.crops.search_size // 16
        line = torch.tensor([0.5 * (1 - math.cos(2 * math.pi * i / (side + 1))) for i in range(1, side + 1)])
        self.hann = torch.outer(line, line)

    def cut(self, picture: np.ndarray, box: np.ndarray) -> list[np.ndarray]:
        return [crop(picture, window(box, factor, self.crops.template_size)) for factor in self.crops.template_factors]

    @torch.inference_mode()
    def track(self, video: np.ndarray, box: np.ndarray) -> Iterator[np.ndarray]:
        """Boxes of the frames after the first."""
        static = self.cut(video[0], box)
        dynamic = static if getattr(self.tracker, "dynamic", False) else []
        told = []
        if "target_token_embed.fc1.weight" in self.weights:
            side = math.ceil(math.sqrt(box[2] * box[3]) * self.crops.template_factors[0])
            middle = -0.5 / self.crops.template_size
            numbers = torch.tensor([[middle, middle, box[2] / side, box[3] / side]], dtype=torch.float32)
            hidden = F.gelu(linear(self.weights, "target_token_embed.fc1", numbers))
            told = [linear(self.weights, "target_token_embed.fc2", hidden)]
        for count, picture in enumerate(video[1:], 1):
            where = window(box, self.crops.search_factor, self.crops.search_size)
            templates = [patches(self.weights, each, "pos_embed_z") for each in (*static, *dynamic)]
            search = patches(self.weights, crop(picture, where), "pos_embed_x")
            features = plain_encoder(self.weights, [*told, *templates], search, self.heads, self.prune, self.keep)
            side = self.crops.search_size // 16
            features = features.T.reshape(1, -1, side, side)
            decode = plain_centre if "box_head.conv1_ctr.0.weight" in self.weights else plain_distribution
            (cx, cy, w, h), score = decode(self.weights, features, self.hann)
            scale = self.crops.search_size / where.resize_factor
            x, y = (
                box[0] + box[2] / 2 - scale / 2 + (cx - w / 2) * scale,
                box[1] + box[3] / 2 - scale / 2 + (cy - h / 2) * scale,
            )
            height, width = picture.shape[:2]
            x2, y2 = min(max(10, x + w * scale), width), min(max(10, y + h * scale), height)
            x, y = min(max(0, x), width - 10), min(max(0, y), height - 10)
            box = np.array([x, y, max(10, x2 - x), max(10, y2 - y)])
            if dynamic and count % self.tracker.update_interval == 0 and score > self.tracker.threshold:
                dynamic = self.cut(picture, box)
            yield box


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", nargs="+", default=["ostrack-256", "jn-256"])
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--frames", type=int, default=4, help="frames a clip, besides the first")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--no-plain", action="store_true")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    print(f"{device_name(chosen.device)}, {torch.get_num_threads()} threads, {chosen.dtype}, torch {torch.__version__}")
    print(
        f"{'tracker':16s} {'':12s} {'frames/s':>9s} {'CPU s/frame':>12s} {'ratio':>7s} {'largest box difference':>24s}"
    )
    for name in chosen.tracker:
        one(name, chosen)


def one(name: str, chosen: argparse.Namespace) -> None:
    """Measure one tracker, and print its lines."""
    settings = {"compile": True} if chosen.compile else {}
    tracker = find(name).load(device=chosen.device, dtype=chosen.dtype, weights="random", **settings)
    clips = videos(max(chosen.lanes), chosen.frames + 1)
    in_lanes(tracker, [(video[:2], box) for video, box in clips[:1]])
    reference, base = None, 0.0
    if not chosen.no_plain:
        plain = Plain(tracker)
        reference, wall, cpu = timed(lambda: np.stack(list(plain.track(*clips[0]))))
        base = wall / chosen.frames
        print(f"{name:16s} {'plain loop':12s} {1 / base:9.2f} {cpu / chosen.frames:12.2f} {'1.00':>7s}", flush=True)
    for lanes in chosen.lanes:
        boxes, wall, cpu = timed(lambda lanes=lanes: in_lanes(tracker, clips[:lanes]), chosen.device)
        count = lanes * chosen.frames
        off = np.abs(np.stack(boxes[0][1:]) - reference).max() if reference is not None else float("nan")
        ratio = base * count / wall if base else float("nan")
        line = f"{count / wall:9.2f} {cpu / count:12.2f} {ratio:7.2f} {off:21.4f} px"
        print(f"{name:16s} {f'{lanes} lanes':12s} {line}", flush=True)


if __name__ == "__main__":
    main()

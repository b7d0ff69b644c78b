"""ToMP: frames per second by lanes, and where the time goes, beside a plain loop in the order that the reference computes in.

The plain loop encodes both references anew in every frame, runs classification and regression as one masked batch of two
sequences, and forms attention weights that nobody reads. What both find is compared. Of each stage the fastest frame counts,
and on a CPU its processor time, which other people's work changes least; all timed frames see two references.

    python benchmarks/tomp.py
    python benchmarks/tomp.py --tracker tomp-l-27 --lanes 1 2 --frames 3
    python benchmarks/tomp.py --device cuda --lanes 1 4 16
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.cost import peak_memory
from trackzoo.engine.devices import device_name, synchronizer
from trackzoo.nn.crops import normalise
from trackzoo.nn.patches import cut_middle, cut_patch, patch_window
from trackzoo.parity.videos import in_lanes, videos
from trackzoo.registry import tracker as find
from trackzoo.tracker import StageClock
from trackzoo.trackers.tomp.boxes import Place, clipped, corners, distances, in_sample, label
from trackzoo.trackers.tomp.localisation import locate, scale_while_lost

STAGES = ("crop", "backbone", "head", "predictor", "branches")


class Plain:
    """One object, one frame at a time; reads the settings and parameters of one of our trackers.

    Backbone, crops, and what is computed of boxes are shared: they are the same in both orders. The head is written out.
    """

    def __init__(self, tracker: Any) -> None:
        self.tracker, self.network = tracker, tracker.network
        self.side, self.sample = self.network.side, self.network.sample
        self.weights: dict[str, Tensor] = dict(self.network.head.state_dict())
        predictor = self.network.head.filter_predictor
        self.heads = predictor.transformer.encoder.layers[0].self_attn.heads
        self.depth = len(predictor.transformer.encoder.layers)
        self.taken: list[dict[str, float]] = []
        u = (torch.arange(self.side) + 0.5) / (self.side + 1e-6)
        angles = [i * predictor.frequencies / 64 * math.pi * u for i in range(1, 65)]
        planes = [each for a in angles for each in (a.expand(self.side, -1), a[:, None].expand(-1, self.side))]
        self.places = torch.stack([p.sin() for p in planes] + [p.cos() for p in planes]).flatten(1).T

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        self.taken[-1][name] = time.process_time() - begin

    def linear(self, name: str, values: Tensor) -> Tensor:
        return F.linear(values, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, name: str, values: Tensor) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        return F.layer_norm(values, weight.shape, weight, self.weights[f"{name}.bias"])

    def attention(self, name: str, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Sequence first, as the reference has it; averaged weights are formed and dropped."""
        w = self.weights
        out, _ = F.multi_head_attention_forward(
            query, key, value, query.shape[-1], self.heads, w[f"{name}.in_proj_weight"], w[f"{name}.in_proj_bias"],
            None, None, False, 0.0, w[f"{name}.out_proj.weight"], w[f"{name}.out_proj.bias"], training=False,
            key_padding_mask=mask, need_weights=True,
        )  # fmt: skip
        return out

    def forward_layer(self, name: str, values: Tensor) -> Tensor:
        return self.linear(f"{name}.linear2", F.relu(self.linear(f"{name}.linear1", values)))

    def features(self, backbone: Tensor) -> Tensor:
        """Head features of all frames (F, C, n, n), together."""
        x = F.conv2d(backbone, self.weights["feature_extractor.0.weight"], padding=1)
        energy = x.square().sum((1, 2, 3), keepdim=True) + 1e-5
        return x / 16 * (x[0].numel() / energy).sqrt()

    def encode_box(self, ltrb: Tensor) -> Tensor:
        x, w = ltrb.flatten(2), self.weights
        for conv, norm in (("0", "1"), ("3", "4"), ("6", "")):
            own = f"filter_predictor.box_encoding.{conv}"
            x = F.conv1d(x, w[f"{own}.weight"], w[f"{own}.bias"])
            if norm:
                own = f"filter_predictor.box_encoding.{norm}"
                mean, var = w[f"{own}.running_mean"], w[f"{own}.running_var"]
                x = F.relu(F.batch_norm(x, mean, var, w[f"{own}.weight"], w[f"{own}.bias"]))
        return x.transpose(1, 2)

    def predict(self, features: Tensor, labels: Tensor, ltrb: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Filters (256,) and enhanced features (256, n, n) of classification and regression.

        Args:
            features: (R + 1, 256, n, n), the current frame last.
            labels, ltrb: of the R references.
        """
        w, cells = self.weights, self.side**2
        foreground = w["filter_predictor.query_embed_fg.weight"]
        references = features[:-1].flatten(2).transpose(1, 2) + labels.flatten(1)[..., None] * foreground
        references = references + self.encode_box(ltrb)
        test = features[-1].flatten(1).T + w["filter_predictor.query_embed_test.weight"]
        one = torch.cat([references.flatten(0, 1), test])[:, None]  # (L, 1, 256)
        tokens = one.repeat(1, 2, 1)
        places = self.places.repeat(len(features), 1)[:, None]
        mask = torch.zeros(2, len(tokens), dtype=torch.bool)
        mask[1, cells : (len(features) - 1) * cells] = True
        for index in range(self.depth):
            name = f"filter_predictor.transformer.encoder.layers.{index}"
            placed = tokens + places
            tokens = self.norm(
                f"{name}.norm1", tokens + self.attention(f"{name}.self_attn", placed, placed, tokens, mask)
            )
            tokens = self.norm(f"{name}.norm2", tokens + self.forward_layer(name, tokens))
        query = foreground[:, None]
        answer = torch.zeros(1, 2, tokens.shape[-1])
        for index in range(self.depth):
            name = f"filter_predictor.transformer.decoder.layers.{index}"
            asking = answer + query
            answer = self.norm(
                f"{name}.norm1", answer + self.attention(f"{name}.self_attn", asking, asking, answer, None)
            )
            found = self.attention(f"{name}.multihead_attn", answer + query, tokens + places, tokens, mask)
            answer = self.norm(f"{name}.norm2", answer + found)
            answer = self.norm(f"{name}.norm3", answer + self.forward_layer(name, answer))
        answer = self.norm("filter_predictor.transformer.decoder.norm", answer)[0]
        maps = tokens[-cells:].permute(1, 2, 0).reshape(2, -1, self.side, self.side)
        return answer[0], maps[0], answer[1], maps[1]

    def branches(self, found: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Scores (n, n), distances (4, n, n)."""
        w = self.weights
        scores = F.conv2d(found[1][None], self.linear("classifier.linear", found[0])[None, :, None, None])[0, 0]
        attention = F.conv2d(found[3][None], self.linear("bb_regressor.linear", found[2])[None, :, None, None])
        x = found[3][None] * attention
        for conv in (0, 3, 6, 9):
            x = F.conv2d(x, w[f"bb_regressor.tower.{conv}.weight"], w[f"bb_regressor.tower.{conv}.bias"], padding=1)
            own = f"bb_regressor.tower.{conv + 1}"
            x = F.relu(F.group_norm(x, 1, w[f"{own}.weight"], w[f"{own}.bias"]))
        out = F.conv2d(x, w["bb_regressor.bbreg_layer.weight"], w["bb_regressor.bbreg_layer.bias"], padding=1)
        return scores, out[0].exp()

    @torch.inference_mode()
    def track(self, video: np.ndarray, box: np.ndarray) -> Iterator[np.ndarray]:
        """Boxes of the frames after the first."""
        sample, side, behaviour = self.sample, self.side, self.tracker.behaviour
        place = Place.of_box(box)
        scale = math.sqrt(float((place.size * np.float32(5)).prod())) / sample
        base = (place.size / np.float32(scale)).astype(np.float32)
        sigma = 0.25 * math.sqrt(float((base / 16).prod()))
        height, width = video.shape[1:3]
        double = (2 * sample, 2 * sample)
        extent = np.float32(scale) * np.asarray(double, np.float32)
        window = patch_window(np.rint(place.position), extent, (height, width), double)
        first = cut_middle(cut_patch(self.picture(video[0]), window), (sample, sample))
        memory = [self.network.features(normalise(first[None]))]
        told = [self.told(place, np.rint(place.position), scale, sigma)]
        history: list[float] = []
        lost = 0
        for picture in video[1:]:
            self.taken.append({})
            with self.stage("crop"):
                shift = ((side + 1) % 2) * np.float32(scale) * np.float32(8)
                extent = np.float32(scale) * np.asarray((sample, sample), np.float32)
                window = patch_window(
                    place.position + shift, extent, (height, width), (sample, sample), "inside_major", 1.5
                )
                crop = normalise(cut_patch(self.picture(picture), window)[None])
            with self.stage("backbone"):
                backbone = self.network.features(crop)
            with self.stage("head"):
                features = self.features(torch.cat([*memory, backbone]))
            with self.stage("predictor"):
                labels, ltrb = (torch.from_numpy(np.stack(each)) for each in zip(*told, strict=True))
                found = self.predict(features, labels, ltrb)
            with self.stage("branches"):
                scores, regressed = self.branches(found)
            located = locate(scores.numpy(), place, window.position, window.scale, behaviour.thresholds)
            if located.flag != "not_found":
                corner, size = clipped(corners(regressed.numpy(), located.cell, window.coords), (height, width))
                place = Place((corner + size / 2).astype(np.float32), size)
                scale = float(np.sqrt(size.prod() / base.prod()))
                history.append(scale)
                if located.flag != "uncertain" and located.score > behaviour.conf_ths:
                    memory = [memory[0], backbone]
                    told = [told[0], self.told(place, window.position, window.scale, sigma)]
            elif history:
                lost += 1
                scale = scale_while_lost(history, lost)
            limit = behaviour.report_limit
            yield np.clip(place.box, 0, limit) if limit else place.box

    def picture(self, pixels: np.ndarray) -> Tensor:
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def told(self, place: Place, position: np.ndarray, scale: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """Label and distances of a reference frame."""
        inside = in_sample(place, position, scale, self.sample)
        return label(place, position, scale, self.side, sigma), distances(inside, self.side)


class _Processor(StageClock):
    """Counts processor time, of all threads."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - begin


def fastest(taken: list[dict[str, float]]) -> dict[str, float]:
    """Each stage's least seconds; the first tracked frame, which sees one reference, is left out."""
    return {stage: min(each.get(stage, 0.0) for each in taken[1:]) for stage in taken[-1]}


def row(name: str, what: str, lanes: int, seconds: dict[str, float], base: float, off: float) -> str:
    """A line of the table: frames a second of all stages, then milliseconds of each a frame and object."""
    total = sum(seconds.values())
    cells = [f"{1000 * seconds.get(stage, 0.0) / lanes:9.0f}" for stage in STAGES]
    other = 1000 * (total - sum(seconds.get(stage, 0.0) for stage in STAGES)) / lanes
    ratio = f"{base / (total / lanes):6.2f}" if base else f"{'':6s}"
    return f"{name:10s} {what:10s} {lanes / total:9.2f} {ratio} {''.join(cells)} {other:8.0f} {off:12.4f}"


def one(name: str, chosen: argparse.Namespace) -> None:
    """Measure one tracker, and print its lines."""
    tracker = find(name).load(
        device=chosen.device, dtype=chosen.dtype, weights=chosen.weights or "random", conf_ths=-1e9
    )
    clips = videos(max(chosen.lanes), chosen.frames + 2)
    synchronize = synchronizer(chosen.device)
    clock = partial(StageClock, synchronize) if synchronize else _Processor
    in_lanes(tracker, [(video[:3], box) for video, box in clips[:1]])
    reference, base = None, 0.0
    if not chosen.no_plain and not synchronize:
        plain = Plain(tracker)
        reference = list(plain.track(*clips[0]))
        seconds = fastest(plain.taken)
        base = sum(seconds.values())
        print(row(name, "plain loop", 1, seconds, 0.0, 0.0), flush=True)
    for lanes in chosen.lanes:
        taken: list[dict[str, float]] = []
        boxes = in_lanes(tracker, clips[:lanes], taken, clock)
        off = float("nan") if reference is None else float(np.abs(np.stack(boxes[0][1:]) - reference).max())
        print(row(name, f"{lanes} lanes", lanes, fastest(taken), base, off), flush=True)
    print(f"{name:10s} peak memory {peak_memory(chosen.device):.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", nargs="+", default=["tomp-50"])
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--frames", type=int, default=4, help="timed frames a clip")
    parser.add_argument("--weights", help="name or file; by default random ones")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--no-plain", action="store_true")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    print(f"{device_name(chosen.device)}, {torch.get_num_threads()} threads, {chosen.dtype}, torch {torch.__version__}")
    stages = "".join(f"{stage:>9s}" for stage in STAGES)
    print(
        f"{'':21s} {'frames/s':>9s} {'ratio':>6s} {stages} {'others':>8s} {'box diff, px':>12s}   (ms a frame and object)"
    )
    for name in chosen.tracker:
        one(name, chosen)


if __name__ == "__main__":
    main()

"""How fast RTS is: lanes 1, 4, 16 against a plain loop; and what memory it needs over a long sequence.

    python benchmarks/rts.py [--tracker rts50] [--lanes 1 4 16] [--crop 240 416] [--frames 3] [--stored 32] [--device cpu]
    python benchmarks/rts.py --memory 400 --crop 96 160

The plain loop stands in this file: one object at a time, the specification's order of operations. Its memories are lists of
features and masks; at every update all masks are encoded anew and all samples stacked, filters are learnt by double autograd on
each iteration, losses included; the decoder's last convolution comes after the enlargement. Both sides have the same seeded
weights, generated videos and memories (filled to `--stored` beforehand, since updates cost by what is stored), and every frame
learns, as the first hundred do. CPU seconds are those of the whole process, which a busy machine changes less than the clock;
the fastest of the frames counts.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence as ListOf
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.engine.devices import device_name
from trackzoo.frames import ArrayFrames
from trackzoo.parity.scene import scene
from trackzoo.registry import tracker as find
from trackzoo.sequence import Target
from trackzoo.trackers.rts.filters import INSTANCE_REGULARISATION
from trackzoo.trackers.rts.states import Branch, SegmentationState


def steepest(residuals: Any, filters: Tensor, iterations: int) -> Tensor:
    """Gauss-Newton steepest descent as DiMP's reference formulates it: J and its transpose by differentiating twice."""
    with torch.inference_mode(False), torch.enable_grad():
        filters = filters.clone()
        for _ in range(iterations):
            filters = filters.detach().requires_grad_()
            parts = residuals(filters)
            sum(part.square().sum() for part in parts)  # the reported loss
            given = [part.detach().clone().requires_grad_() for part in parts]
            (gradient,) = torch.autograd.grad(parts, filters, given, create_graph=True)
            moved = torch.autograd.grad(gradient, given, gradient.detach())
            length = gradient.square().sum() / sum(part.square().sum() for part in moved).clamp_min(1e-8)
            filters = (filters - length * gradient).detach()
        return filters


class Plain:
    """Replaces what the tracker keeps and how it learns, object by object."""

    def __init__(self, tracker: Any) -> None:
        self.tracker = tracker
        self.samples: dict[int, dict[int, tuple[Tensor, Tensor]]] = {}
        self.seen: dict[int, dict[int, tuple[Tensor, Tensor]]] = {}
        tracker._store, tracker._learn, tracker.remember = self.store_first, self.learn, self.remember
        tracker.instance._learn, tracker.instance.memory.put = self.learn_instance, self.put
        self.project = tracker.network.decoder.project
        self.project.forward = self.last

    def last(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """The decoder's end in the figure's order."""
        larger = F.interpolate(x, (2 * x.shape[-2], 2 * x.shape[-1]), mode="bicubic", align_corners=False)
        x = F.relu(self.project.conv1(larger))
        return self.project.conv2(F.interpolate(x, size, mode="bicubic", align_corners=False))

    def store_first(self, lane: int, slot: int, features: Tensor, labels: Tensor, weights: Tensor) -> None:
        self.samples.setdefault(lane, {})[slot] = (features, self.first_mask)

    def probe(self, name: str, value: Any) -> None:
        if name == "first_masks":
            self.first_mask = value[0]

    def remember(self, states: ListOf[SegmentationState]) -> None:
        from trackzoo.nn.patches import cut_patch

        for state in states:
            slot = state.branch.slots.insert(self.tracker.settings.learning_rate)
            mask = cut_patch(state.previous.full()[None], state.window, mask=True)
            self.samples[state.branch.lane][slot] = (state.features.clone(), mask)
            state.decisions["seg_memory_index"] = slot

    def learn(self, branches: ListOf[Branch], iterations: int) -> None:
        network = self.tracker.network
        for branch in branches:
            kept = self.samples[branch.lane]
            if not hasattr(self, "first_mask"):
                return
            x = torch.stack([kept[slot][0] for slot in sorted(kept)])
            labels, weights = network.encode_masks(torch.stack([kept[slot][1] for slot in sorted(kept)]))
            q = torch.from_numpy(branch.slots.weights[: len(x)].copy())[:, None, None, None]
            with torch.inference_mode(False):
                x, labels, strength = x.clone(), labels.clone(), (weights * q).clone()
                reg = network.target_model.regularisation.clone()
            branch.filter = steepest(
                lambda w, x=x, e=labels, s=strength, reg=reg: [s * (F.conv2d(x, w, padding=1) - e), reg * w],
                branch.filter,
                iterations,
            )

    def put(self, name: str, lane: int, slot: int, value: Tensor) -> None:
        old = self.seen.setdefault(lane, {}).get(slot, (value, value))
        self.seen[lane][slot] = (value.clone(), old[1]) if name == "features" else (old[0], value.clone())

    def learn_instance(self, branches: ListOf[Branch], iterations: int) -> None:
        for branch in branches:
            kept = self.seen[branch.lane]
            x = torch.stack([kept[slot][0] for slot in sorted(kept)])
            y = torch.stack([kept[slot][1] for slot in sorted(kept)])[:, None]
            root = torch.from_numpy(branch.slots.weights[: len(x)].copy()).sqrt()[:, None, None, None]
            slope = ((y > 0.05).float() + 0.1).clamp(max=1)
            with torch.inference_mode(False):
                x, y, root, slope = x.clone(), y.clone(), root.clone(), slope.clone()

            def residuals(w: Tensor, x: Tensor = x, y: Tensor = y, v: Tensor = root, m: Tensor = slope) -> list[Tensor]:
                scores = F.conv2d(x, w, padding=2)
                active = (1 - m) / 2 * scores.abs() + (1 + m) / 2 * scores
                return [v * (active - m * y), INSTANCE_REGULARISATION * w]

            branch.filter = steepest(residuals, branch.filter, iterations)


def videos(count: int, frames: int) -> list[tuple[Any, Target]]:
    """Clips with a first box and mask."""
    made = []
    for seed in range(count):
        video, boxes, masks = scene(seed, frames)
        clip = ArrayFrames(lambda index, video=video: video[index % len(video)], 10**9, f"clip {seed}")
        made.append((clip, Target(boxes[0], masks[0].astype(bool))))
    return made


def load(name: str, chosen: argparse.Namespace, **settings: Any) -> Any:
    # A threshold that seeded weights pass, so that the instance branch learns on every frame, too.
    settings = {"image_sample_size": tuple(chosen.crop), "clf_target_not_found_threshold": -1e9, **settings}
    return find(name).load(device=chosen.device, dtype=chosen.dtype, weights="random", **settings)


def fill(tracker: Any, states: ListOf[SegmentationState], count: int) -> None:
    """Both memories as after `count` frames: the last sample again and again."""
    for _ in range(count - states[0].branch.slots.stored):
        tracker.remember(states)
    for state in states:
        slots, lane = state.instance.branch.slots, state.instance.branch.lane
        arena = tracker.instance.memory
        blank = {name: torch.zeros(shape, device=tracker.device) for name, shape in arena.shapes.items()}
        for _ in range(min(count, slots.size) - slots.stored):
            slot = slots.insert(0.01)
            for name, value in blank.items():
                arena.put(name, lane, slot, value)


def measure(tracker: Any, clips: ListOf[Any], chosen: argparse.Namespace) -> tuple[float, float, np.ndarray]:
    """Seconds by the clock and of the processor for one frame of all clips (the fastest), and the last boxes."""
    pairs = tracker.start([clip[0] for clip, _ in clips], [target for _, target in clips], [0] * len(clips))
    # The plain loop takes its first mask from a probe; on the frames that are timed nobody listens.
    tracker.attach(None)
    states = [state for state, _ in pairs]
    found = tracker.step([clip[1] for clip, _ in clips], states)
    fill(tracker, states, chosen.stored)
    walls, cpus = [], []
    for index in range(2, 2 + chosen.frames):
        frames = [clip[index] for clip, _ in clips]
        wall, cpu = time.perf_counter(), time.process_time()
        found = tracker.step(frames, states)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    tracker.release(states)
    return min(walls), min(cpus), np.stack([each.box for each in found])


def lanes(chosen: argparse.Namespace) -> None:
    clips = videos(max(chosen.lanes), chosen.frames + 3)
    height, width = chosen.crop
    print(f"{chosen.tracker}, crops of {height}x{width}, {chosen.stored} stored samples, every frame learns")
    print(f"{'':12s} {'frames/s':>9s} {'CPU s/frame':>12s} {'ratio (CPU)':>12s} {'largest box difference':>24s}")
    base, reference = 0.0, None
    if not chosen.no_plain:
        tracker = load(chosen.tracker, chosen)
        plain = Plain(tracker)
        tracker.attach(plain.probe)
        wall, base, reference = measure(tracker, clips[:1], chosen)
        print(f"{'plain loop':12s} {1 / wall:9.2f} {base:12.2f} {'1.00':>12s}", flush=True)
    for count in chosen.lanes:
        tracker = load(chosen.tracker, chosen, **({"fast": True} if chosen.fast else {}))
        tracker.arena(count)
        wall, cpu, boxes = measure(tracker, clips[:count], chosen)
        off = f"{np.abs(boxes[0] - reference[0]).max():21.4f} px" if reference is not None else ""
        print(
            f"{f'{count} lanes':12s} {count / wall:9.2f} {cpu / count:12.2f} {base * count / cpu:12.2f} {off}",
            flush=True,
        )


def resident() -> float:
    """Megabytes of this process that lie in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(chosen: argparse.Namespace) -> None:
    height, width = chosen.crop
    print(f"{chosen.tracker}, crops of {height}x{width}: megabytes resident along {chosen.memory} frames")
    tracker = load(chosen.tracker, chosen)
    [(clip, target)] = videos(1, 12)
    [(state, _)] = tracker.start([clip[0]], [target], [0])
    most, full = 0.0, 0.0
    for index in range(1, chosen.memory + 1):
        tracker.step([clip[index]], [state])
        most = max(most, resident())
        if index == 60:
            full = most
        if index % max(1, chosen.memory // 8) == 0:
            stored = (state.branch.slots.stored, state.instance.branch.slots.stored)
            print(
                f"frame {index:5d}: {resident():8.1f} now, {most:8.1f} at most, stored {stored[0]} and {stored[1]}",
                flush=True,
            )
    print(f"grown since frame 60, when both memories were full: {most - full:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", default="rts50")
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--crop", type=int, nargs=2, default=[240, 416], metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--frames", type=int, default=3, help="frames that are timed")
    parser.add_argument("--stored", type=int, default=32, help="samples in the memories")
    parser.add_argument(
        "--memory", type=int, default=0, metavar="FRAMES", help="measure memory over so many frames instead"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--fast", action="store_true", help="the tracker's setting")
    parser.add_argument("--no-plain", action="store_true")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    print(f"{device_name(chosen.device)}, {torch.get_num_threads()} threads, {chosen.dtype}, torch {torch.__version__}")
    memory(chosen) if chosen.memory else lanes(chosen)


if __name__ == "__main__":
    main()

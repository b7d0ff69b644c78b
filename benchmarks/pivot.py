"""PiVOT: where the time of a frame goes (Table VIII's stages), beside the order in which the released code computes.

Ours runs as `trackzoo cost` has it: on every frame as many candidates as CLIP may see, a new template offered, two reference
frames. The released order takes the same frames: both templates through the backbone again, CLIP's features of the last
template again, convolutions over joined and repeated channels, one masked batch of two sequences. What both find is compared.

    python benchmarks/pivot.py
    python benchmarks/pivot.py --tracker pivot-l-27 --frames 2 --lanes 1 2
    python benchmarks/pivot.py --tracker pivot-l-27 --device cuda --dtype bf16 --lanes 1 4 16
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import trackzoo.tracker
from trackzoo.cost import peak_memory
from trackzoo.engine.devices import device_name, synchronizer
from trackzoo.nn.precision import autocast
from trackzoo.parity.videos import frame_by_frame, in_lanes, videos
from trackzoo.registry import tracker as find
from trackzoo.sequence import Target
from trackzoo.tracker import StageClock
from trackzoo.trackers.pivot.refinement import candidate_crops, refine, similarities
from trackzoo.trackers.tomp.boxes import distances

#: Columns of Table VIII (the adapter is within the backbone) -> our stages.
STAGES = {
    "backbone": ("backbone",),
    "PGN": ("PGN",),
    "TPR": ("TPR",),
    "RM": ("RM",),
    "head": ("head", "predictor", "branches"),
}


def plain_head(tracker: Any) -> Any:
    """The head in the released order, as ToMP's benchmark writes it out."""
    found = importlib.util.spec_from_file_location("tomp_benchmark", Path(__file__).with_name("tomp.py"))
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.Plain(tracker)


class Released:
    """One frame of one object, in the released order."""

    def __init__(self, tracker: Any, synchronize: Any) -> None:
        self.tracker, self.network, self.synchronize = tracker, tracker.network, synchronize
        self.head = plain_head(tracker) if tracker.device == "cpu" else None
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if self.synchronize:
            self.synchronize()
        begin = time.perf_counter()
        yield
        if self.synchronize:
            self.synchronize()
        self.seconds[name] += time.perf_counter() - begin

    @torch.inference_mode()
    def frame(self, trace: dict[str, Any]) -> float:
        """The frame that a trace is of; gives how far its prompted features are from ours."""
        own, network = self.tracker.refinement, self.network
        crop = trace["search"]
        images = torch.stack([each.image for each in trace["pairs"][0]])
        with autocast(self.tracker.device, self.tracker.dtype):
            with self.stage("backbone"):
                features = network.features(crop)
                templates = network.features(images)
            with self.stage("PGN"):
                joined = torch.cat([templates[:1], templates[1:], features], dim=1)
                prompt = network.test_fuse_head(network.test_fuse.mlp_shrink2(joined))[0]
            if "candidates" in trace:
                with self.stage("TPR"):
                    found = trace["candidates"][0]
                    seen = slice(own.maxCanNum)
                    crops = candidate_crops(
                        network.resized(crop)[0], found.cells[seen], found.sizes[seen], network.side
                    )
                    shown = self.tracker.clip(crops)
                    for image in images:  # the last template and the new one
                        self.tracker.clip(image[None])
                    shares = similarities(shown, trace["refinements"][0].references)
                    prompt = refine(prompt, found.cells[seen], shares.mean(1), own.simvThr)
            with self.stage("RM"):
                repeated = prompt.expand(1, features.shape[1], -1, -1).to(features.dtype)
                prompted = network.hint_test_feat_head.mlp_shrink(torch.cat([features, repeated], dim=1))
            if self.head is not None:
                with self.stage("head"):
                    inside = self.head.features(torch.cat([features, prompted, prompted]))
                    label, ltrb = (torch.from_numpy(np.stack([each] * 2)) for each in trace["told"])
                    self.head.branches(self.head.predict(inside, label, ltrb))
        return float((prompted - trace["entered"]).abs().max())


def row(name: str, what: str, milliseconds: dict[str, float]) -> str:
    """A line of the table."""
    total = sum(milliseconds.values())
    named = {column: sum(milliseconds.get(each, 0.0) for each in own) for column, own in STAGES.items()}
    cells = "".join(f"{each:10.1f}" for each in (*named.values(), total - sum(named.values()), total))
    return f"{name:11s} {what:12s}{cells}{1000 / total:10.3f}"


def ours(tracker: Any, lanes: int, frames: int, synchronize: Any) -> dict[str, float]:
    """Milliseconds by stage, a frame and object."""
    taken: list[dict[str, float]] = []
    in_lanes(tracker, videos(lanes, tracker.settles + frames + 2), taken, partial(StageClock, synchronize))
    timed = taken[tracker.settles + 1 :]
    return {name: 1000 * sum(each.get(name, 0.0) for each in timed) / frames / lanes for name in timed[-1]}


def released(tracker: Any, frames: int, synchronize: Any) -> tuple[dict[str, float], float]:
    """The same in the released order, and how far its features are from ours."""
    [clip] = videos(1, tracker.settles + frames + 2)
    pictures = frame_by_frame([clip])
    trace: dict[str, Any] = {}
    tracker.attach(trace.__setitem__)
    [(state, _)] = tracker.start(pictures[0], [Target(clip[1])], [0])
    first = trace["first"]
    told = first["labels"][0], distances(first["boxes"][0], tracker.network.side)
    plain, off = Released(tracker, synchronize), 0.0
    for index in range(1, tracker.settles + frames + 2):
        trace.clear()
        tracker.step(pictures[index], [state])
        trace["told"] = told
        if index > tracker.settles + 1:
            off = max(off, plain.frame(trace))
    tracker.attach(None)
    return {name: 1000 * seconds / frames for name, seconds in plain.seconds.items()}, off


def one(name: str, chosen: argparse.Namespace) -> None:
    """Measure one tracker, and print its lines."""
    settings = {"clip": chosen.clip} if chosen.clip else {}
    loaded = find(name).load(device=chosen.device, dtype=chosen.dtype, weights=chosen.weights or "random", **settings)
    tracker: Any = loaded.busiest()
    synchronize = synchronizer(chosen.device)
    if not chosen.no_plain:
        milliseconds, off = released(tracker, chosen.frames, synchronize)
        print(row(name, "as released", milliseconds), f"  features differ by {off:.1e}", flush=True)
    for lanes in chosen.lanes:
        print(row(name, f"{lanes} lanes", ours(tracker, lanes, chosen.frames, synchronize)), flush=True)
    print(f"{name:11s} peak memory {peak_memory(chosen.device):.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", nargs="+", default=["pivot-50"])
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--frames", type=int, default=2, help="timed frames a clip")
    parser.add_argument("--weights", help="name or file; by default random ones")
    parser.add_argument("--clip", help="name or file; 'pooled' leaves CLIP out; by default random weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--no-plain", action="store_true", help="leave the released order out")
    parser.add_argument(
        "--cpu-time", action="store_true", help="the process's CPU time: for a machine that is not idle"
    )
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    if chosen.cpu_time:
        time.perf_counter = trackzoo.tracker.time.perf_counter = time.process_time
    print(f"{device_name(chosen.device)}, {torch.get_num_threads()} threads, {chosen.dtype}, torch {torch.__version__}")
    columns = "".join(f"{name:>10s}" for name in (*STAGES, "others", "total"))
    print(f"{'':24s}{columns}{'frames/s':>10s}   (ms a frame and object)")
    for name in chosen.tracker:
        one(name, chosen)


if __name__ == "__main__":
    main()

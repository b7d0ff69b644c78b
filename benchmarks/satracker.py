"""What SATracker saves by computing template and text once a sequence: against everything for each frame, in lanes.

    python benchmarks/satracker.py [--lanes 1 4 16] [--frames 2] [--device cpu] [--dtype fp32] [--threads 1]

Both sides are the same filled network on the same generated videos, in turn; the one keeps what `SATracker.remember` gives, the
other (`remember=false`) runs template, search region and BERT for every frame, as a first reading of the paper would. CPU
seconds are those of the whole process, which a busy machine changes less than the wall clock. The ratio carries from one
machine to another, frames per second do not; on a CPU it is of CPU seconds.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch

from trackzoo.cost import timed
from trackzoo.engine.devices import device_name
from trackzoo.nn.operations import Operations
from trackzoo.parity.fill import fill_state_dict
from trackzoo.parity.videos import frame_by_frame, videos
from trackzoo.registry import tracker as find
from trackzoo.sequence import Target
from trackzoo.trackers.satracker.model import SATracker

TEXT = "the textured ellipse that moves to the right over a panning background of coloured blocks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument(
        "--frames", type=int, default=2, help="timed frames, besides the first and one that is not timed"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--threads", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    with torch.device("meta"):
        empty = SATracker()
    weights = fill_state_dict(empty.to_empty(device="cpu").state_dict(), {})
    for tensor in weights.values():
        if tensor.numel() == 1:
            tensor.zero_()
    sides = {
        name: find("satracker").load(device=chosen.device, dtype=chosen.dtype, weights=weights, remember=remember)
        for name, remember in (("each frame", False), ("once", True))
    }
    for side in sides.values():
        # The words' numbers do not matter for time, and no vocabulary need be here.
        side._words = lambda text: [2000 + len(word) for word in text.split()]
        # One network for both: it does not change while tracking.
        side.network = sides["once"].network
    print(f"{device_name(chosen.device)}, {torch.get_num_threads()} threads, {chosen.dtype}, torch {torch.__version__}")
    [clip] = videos(1, 3)
    frames = frame_by_frame([clip])
    for name, side in sides.items():
        with Operations() as first:
            [(state, _)] = side.start(frames[0], [Target(clip[1], None, TEXT)], [0])
        with Operations() as later:
            side.step(frames[1], [state])
        kept = state.templates.numel() * state.templates.element_size() / 2**20
        print(
            f"{name:11s} GMAC at the start {first.total / 1e9:5.2f}, a frame {later.total / 1e9:5.2f}; keeps {kept:.2f} MiB"
        )
    print(
        f"\n{'lanes':>5s} {'':11s} {'start s':>8s} {'frames/s':>9s} {'CPU s/frame':>12s} {'ratio':>6s} {'box differs by':>15s}"
    )
    for lanes in chosen.lanes:
        found: dict[str, Any] = {}
        for name, side in sides.items():
            clips = videos(lanes, chosen.frames + 2)
            frames, targets = frame_by_frame(clips), [Target(box, None, TEXT) for _, box in clips]
            started, begin, _ = timed(lambda: side.start(frames[0], targets, [0] * lanes), chosen.device)  # noqa: B023
            states = [state for state, _ in started]
            side.step(frames[1], states)
            wall, cpu, out = [], [], []
            for at in range(2, len(frames)):
                step, seconds, processor = timed(lambda: side.step(frames[at], states), chosen.device)  # noqa: B023
                wall.append(seconds / lanes)
                cpu.append(processor / lanes)
                out.append([each.box for each in step])
            found[name] = (np.array(out), np.median(cpu), np.median(wall))
            base, own = found["each frame"], found[name]
            base_time, own_time = (base[2], own[2]) if chosen.device.startswith("cuda") else (base[1], own[1])
            print(
                f"{lanes:5d} {name:11s} {begin:8.2f} {1 / own[2]:9.2f} {own[1]:12.3f} {base_time / own_time:6.2f} "
                f"{np.abs(own[0] - base[0]).max():12.1e} px"
            )


if __name__ == "__main__":
    main()

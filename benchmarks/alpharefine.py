"""What refinement costs on top of a tracker: milliseconds a frame and object, alone and composed, random weights.

    python benchmarks/alpharefine.py [--lanes 1,4] [--tracker dcf …] [--device cpu] [--dtype fp32]

Judge a busy machine by `cpu`, the processor's milliseconds, which waiting does not lengthen.
"""

from __future__ import annotations

import argparse
import time

from trackzoo.cost import measure
from trackzoo.registry import tracker

REFINERS = ("", "+alpharefine-corner", "+alpharefine")


def main() -> None:
    """Print one line a tracker, refiner, output and number of lanes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", nargs="+", default=["dcf"])
    parser.add_argument("--lanes", default="1,4")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    given = parser.parse_args()
    print(f"{'tracker':28s} {'wants':6s} {'lanes':>5s} {'total ms':>9s} {'refiner':>8s} {'cpu ms':>8s} {'GMAC':>6s}")
    for name in given.tracker:
        for refiner in REFINERS:
            choice = tracker(name + refiner)
            choice = choice.with_weights("random") if choice.learned else choice
            loaded = choice.load(device=given.device, dtype=given.dtype)
            for masks in (False, True) if refiner == "+alpharefine-corner" else (bool(refiner),):
                loaded.wants = frozenset({"boxes", "masks"} if masks else {"boxes"})
                for lanes in map(int, given.lanes.split(",")):
                    begun = time.process_time()
                    cost = measure(choice.id, loaded, lanes=lanes, frames=given.frames)
                    # Counting and starting are part of it; the same for all that are compared.
                    spent = 1000 * (time.process_time() - begun) / (given.frames + 1) / lanes
                    own = sum(value for stage, value in cost.milliseconds.items() if stage.startswith("refine"))
                    total, work = cost.milliseconds["total"], cost.frame.total / 1e9
                    what = "masks" if masks else "boxes"
                    print(f"{choice.id:28s} {what:6s} {lanes:5d} {total:9.1f} {own:8.1f} {spent:8.1f} {work:6.1f}")


if __name__ == "__main__":
    main()

"""Any tracker of the zoo behind TraX, so that the official VOT toolkit can drive it.

    python -m trackzoo.vot_trax dcf

The toolkit starts this command, as `trackers.ini` says (`trackzoo vot-workspace` writes it). It needs the extra
`trackzoo[vot]`. A box tracker asks for a rectangle, so that TraX itself makes the first box (bounds of a polygon, the tight
box of a mask); with another rule it asks for the polygon. A tracker that gives masks gets masks, where the workspace is made
for them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence as ListOf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import TrackzooError
from trackzoo.first_box import first_box as box_of_region
from trackzoo.frames import ArrayFrames, Frame, decode_image
from trackzoo.rasterise import full_mask
from trackzoo.regions import Mask, Polygon, Rectangle, Region
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction, Tracker, check_first_box


def region_from(found: Any) -> Region:
    """A region of TraX as one of ours. Raises `TrackzooError` for a kind that starts no tracker."""
    if found.type == "rectangle":
        return Rectangle(*(float(value) for value in found.bounds()))
    if found.type == "polygon":
        return Polygon(tuple((float(x), float(y)) for x, y in found))
    if found.type == "mask":
        x, y = found.offset()
        return Mask(int(x), int(y), np.asarray(found.array(), dtype=np.bool_))
    raise TrackzooError(f"TraX gave a region of kind '{found.type}', expected a rectangle, polygon or mask")


class _Pictures:
    """Gives the picture at a path whatever the index."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, index: int) -> NDArray[np.uint8]:
        return decode_image(self.path)


def serve(
    tracker: Tracker[Any], *, masks: bool = False, first_box: str = "bounds", text: str | None = None, seed: int = 0
) -> None:
    """Answer requests until the client leaves.

    Args:
        tracker: what answers; all objects of a sequence go through it together.
        masks: ask for masks and answer with them.
        first_box: a name in `trackzoo.first_box.RULES`, with `:pysot` or `:pytracking` behind it.
        text: what each object is told of itself; TraX has no words.
        seed: of the tracker's randomness, the same at each start.

    Raises:
        TrackzooError: the module `trax` is missing; a first region that starts no tracker.
    """
    try:
        import trax.image
        import trax.region
        import trax.server
    except ImportError as error:
        raise TrackzooError(f"TraX is not installed ({error}); pip install 'trackzoo[vot]'") from None
    forms = trax.region.Region
    rule, _, corner = first_box.partition(":")
    if masks:
        accepted = [forms.MASK]
    elif rule == "bounds":
        accepted = [forms.RECTANGLE]
    else:
        accepted = [forms.POLYGON]
    tracker.wants = frozenset({"boxes", "masks"} if masks else {"boxes"})
    states: list[Any] = []
    count = 0
    with trax.server.Server(accepted, [trax.image.Image.PATH], multiobject=True) as server:
        while True:
            request = server.wait()
            if request.type in ("quit", "error"):
                break
            frame = ArrayFrames(_Pictures(_path(request.image)), count + 1, f"trax@{count}")[count]
            count += 1
            if request.type == "initialize":
                tracker.release(states)
                states = []
            found = tracker.step([frame] * len(states), states) if states else []
            # Objects may join on any frame.
            targets = [_target(region_from(each), frame, rule, corner, text) for each in _objects(request.objects)]
            if targets:
                pairs = tracker.start([frame] * len(targets), targets, [seed] * len(targets))
                states = [*states, *(state for state, _ in pairs)]
                found = [*found, *(prediction for _, prediction in pairs)]
            if len(found) > 1:
                found = tracker.merge(states, found)
            server.status([(_answer(each, masks, trax.region), {"confidence": each.score}) for each in found])
            frame.release()
    tracker.release(states)


def _target(region: Region, frame: Frame, rule: str, corner: str, text: str | None) -> Target:
    """What the tracker is told of one object."""
    box = check_first_box(box_of_region(region, rule, corner or None), frame.size, frame.label)
    # A mask that TraX hands over ends at the target's own edge.
    mask = full_mask(region, frame.size) if isinstance(region, Mask | Polygon) else None
    return Target(box, mask, text)


def _path(images: Any) -> str:
    """File of the colour picture."""
    first = next(iter(images.values())) if isinstance(images, Mapping) else images[0]
    return str(first.path())


def _objects(objects: Any) -> Iterator[Any]:
    for each in objects or ():
        yield each[0] if isinstance(each, tuple) else each


def _answer(prediction: Prediction, masks: bool, regions: Any) -> Any:
    if masks and prediction.mask is not None:
        return regions.Mask.create(np.ascontiguousarray(prediction.mask, dtype=np.uint8))
    return regions.Rectangle.create(*(float(value) for value in prediction.box))


def main(arguments: ListOf[str] | None = None) -> int:
    """Entry point; what a person can mend is said in one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m trackzoo.vot_trax", description=__doc__)
    parser.add_argument("tracker", help="name, variant or module:Class")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--masks", action="store_true", help="ask for masks and answer with them")
    parser.add_argument("--first-box", default="bounds", help="how a polygon becomes the first box")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={}, help="of the tracker, as a JSON object")
    parser.add_argument("--text", type=json.loads, help="what each object is told of itself, as a JSON text")
    given = parser.parse_args(arguments)
    from trackzoo.registry import tracker

    try:
        chosen = tracker(given.tracker)
        loaded = chosen.load(device=given.device, dtype=given.dtype, **given.settings)
        serve(loaded, masks=given.masks, first_box=given.first_box, text=given.text, seed=given.seed)
    except TrackzooError as error:
        print(f"trackzoo: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`synth`: a little zoo made by the package itself. No download, no licence question; the demo's data and the tests'.

Painted animals move, turn, grow, bend, pass behind trees and walls, leave the view and return, beside look-alikes, over five
kinds of ground. Whole numbers only: every machine makes the same pixels. Any number of sequences, of any length and size;
each frame is made by itself when it is asked for.

    synth                                    12 sequences of 80 frames, 320x240
    synth:sequences=4,length=60,seed=7       as asked
    synth-vos                                several objects with masks, of which some appear later
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence as ListOf
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._synth_numbers import TICK, TURN
from trackzoo.datasets._synth_scene import VERSION, Recipe, Scene
from trackzoo.datasets._synth_scripts import SCRIPTS
from trackzoo.errors import SettingsError
from trackzoo.frames import ArrayFrames
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, Dataset, DatasetSpec, LabelMaps, Problem, Sequence

SPECS = (
    DatasetSpec(
        name="synth",
        title="synth",
        factory="trackzoo.datasets.synth:open_synth",
        needs_root=False,
        sequences={"": 12},
    ),
    DatasetSpec(
        name="synth-vos",
        title="synth, several objects",
        factory="trackzoo.datasets.synth:open_synth",
        needs_root=False,
        sequences={"": 4},
    ),
)

#: Option -> (default of `synth`, default of `synth-vos`, least, most).
_OPTIONS: dict[str, tuple[int, int, int, int]] = {
    "sequences": (12, 4, 1, 9999),
    "length": (80, 60, 1, 100_000),
    "width": (320, 320, 64, 3840),
    "height": (240, 240, 64, 2160),
    "seed": (0, 0, 0, 2**31 - 1),
    "objects": (1, 3, 1, 8),
}


def open_synth(
    spec: DatasetSpec,
    split: str,
    root: Root | None,
    *,
    sequences: int | str | None = None,
    length: int | str | None = None,
    width: int | str | None = None,
    height: int | str | None = None,
    seed: int | str | None = None,
    objects: int | str | None = None,
) -> Synth:
    """Make the dataset; nothing is painted yet.

    Args:
        spec, split, root: as for every dataset; there is one split and no root.
        sequences: how many (12); the scripts follow one another.
        length: frames of each (80).
        width, height: of the picture in pixels (320, 240).
        seed: another seed gives other scenes (0).
        objects: annotated animals in each scene (1; `synth-vos` 3).

    Raises:
        SettingsError: an option that is not a whole number or out of its range.
    """
    given = {
        "sequences": sequences,
        "length": length,
        "width": width,
        "height": height,
        "seed": seed,
        "objects": objects,
    }
    chosen, marks = {}, ""
    for name, value in sorted(given.items()):
        default, default_vos, least, most = _OPTIONS[name]
        usual = default_vos if spec.name == "synth-vos" else default
        chosen[name] = _whole(spec.name, name, usual if value is None else value, least, most)
        if chosen[name] != usual:
            marks += f"+{name}={chosen[name]}"
    return Synth(spec.id(split) + marks, **chosen)


def _whole(dataset: str, name: str, value: int | str, least: int, most: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if not least <= number <= most or isinstance(value, float):
        raise SettingsError(f"{dataset}: {name}={value} cannot be used; expected a whole number from {least} to {most}")
    return number


@dataclass(frozen=True)
class _Masks(LabelMaps):
    scene: Scene

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self.scene.labels(index)


def annotate(scene: Scene) -> Annotation:
    """Boxes, flags and labels of all frames of `scene`; see `Synth`."""
    survey = scene.survey
    whole, inside, shown = survey.whole[:, 0], survey.inside[:, 0], survey.shown[:, 0]
    outside = (shown == 0) & (2 * inside < whole)
    labels = {
        "cover": -(-8 * shown // whole),
        "absence": shown == 0,
        "cut_by_image": inside < whole,
        "out_of_view": outside,
        "full_occlusion": (shown == 0) & ~outside,
    }
    return Annotation(
        survey.boxes,
        shown > 0,
        masks=_Masks(scene),
        starts=survey.starts,
        text=scene.script.text,
        labels={name: values.astype(np.int64) for name, values in labels.items()},
    )


def category(scene: Scene) -> str:
    """The kind of animal that is tracked."""
    return scene.script.targets[0].animal


#: In LaSOT's order.
ATTRIBUTES = ("IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "SV", "FOC", "FM", "OV", "LR")


def attributes(scene: Scene) -> tuple[str, ...]:
    """Attributes of a sequence, named as LaSOT's: those that hold for the frames it has.

    IV: brightness changes by a quarter. POC: something hides a part of the target. DEF: it bends or stretches. MB: long
    exposure. CM: the camera jumps. ROT: it turns by 30 degrees or more. BC: a double in the same coat. SV: its whole box is at
    some time twice or half as large as at first. FOC, OV: hidden whole, out of view. FM: its centre moves by more than 20
    pixels between two frames (OTB's rule). LR: fewer than 400 square pixels at some time (OTB's rule).
    """
    script, target, annotation = scene.script, scene.script.targets[0], annotate(scene)
    ticks = [index * TICK for index in range(scene.recipe.length)]
    light = [script.light.at(tick) for tick in ticks]
    angle = [target.angle.at(tick) for tick in ticks]
    labels, boxes = annotation.labels, annotation.boxes
    free = (labels["cover"] == 8) & (labels["cut_by_image"] == 0)
    areas = boxes[free, 2] * boxes[free, 3]
    steps = np.hypot(*np.diff(boxes[:, :2] + boxes[:, 2:] / 2, axis=0).T)
    holds = {
        "IV": 4 * max(light) >= 5 * min(light),
        "POC": bool((annotation.visible & (labels["cover"] < 8) & (labels["cut_by_image"] == 0)).any()),
        "ROT": (max(angle) - min(angle)) * 360 >= 30 * TURN,
        "SV": bool(((areas >= 2 * areas[:1]) | (2 * areas <= areas[:1])).any()),
        "FOC": bool(labels["full_occlusion"].any()),
        "FM": bool((steps[free[1:] & free[:-1]] > 20).any()),
        "OV": bool(labels["out_of_view"].any()),
        "LR": bool((areas < 400).any()),
    }
    return tuple(name for name in ATTRIBUTES if name in script.claims or holds.get(name))


class Synth(Dataset):
    """The synthetic zoo.

    The box of a frame is the tight box of what is seen of the target (rule `mask_tight`). Where less than a 25th of it is
    seen, it counts as hidden: no mask, NaN as box, `visible` false, and `out_of_view` or `full_occlusion` says why. `cover`
    is the visible part in eighths, rounded up, as GOT-10k counts it.

    Args:
        id: what results are filed under; tells every option that differs from the usual one.
        sequences, length, width, height, seed, objects: see `open_synth`.
    """

    profile = "strict"
    has_text = True
    has_masks = True

    def __init__(
        self, id: str, *, sequences: int, length: int, width: int, height: int, seed: int, objects: int
    ) -> None:
        super().__init__(id, None)
        if objects > 1:
            # Several objects, of which some come in later: what `davis` has no rule for.
            self.protocol, self.mask_profile = "vos", "pytracking-vos"
        self._recipes: dict[str, Recipe] = {}
        scripts = list(SCRIPTS)
        for index in range(sequences):
            script, number = scripts[index % len(scripts)], index // len(scripts) + 1
            self._recipes[f"{script}-{number}"] = Recipe(script, number, seed, width, height, length, objects)

    @property
    def names(self) -> tuple[str, ...]:
        """`stroll-1`, `spin-1`, …: the script and its round."""
        return tuple(self._recipes)

    def sequence(self, name: str) -> Sequence:
        """Open one; nothing is painted before a frame or box is asked for."""
        recipe = self._recipes[name]
        scene = Scene(recipe)
        return Sequence(
            name,
            self.id,
            partial(annotate, scene),
            ArrayFrames(scene.picture, recipe.length, f"{self.id}/{name}"),
            attributes=partial(attributes, scene),
            fps=25.0,
            category=partial(category, scene),
            size=(recipe.width, recipe.height),
        )

    def known_frames(self) -> int:
        """Frames of all sequences."""
        return sum(recipe.length for recipe in self._recipes.values())

    def available(self) -> tuple[str, ...]:
        """All of them."""
        return self.names

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        """Paints the first frame of each sequence and looks whether its target can be seen there."""
        problems = []
        for name, recipe in self._recipes.items():
            if progress:
                progress(name)
            scene = Scene(recipe)
            seen = scene.seen(0)
            if seen.shown[0] < seen.whole[0] or scene.picture(0).shape != (recipe.height, recipe.width, 3):
                problems.append(Problem(Path(name), "the first frame does not show the whole target", sequence=name))
        return problems

    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        """SHA-256 over the generator's version, the recipes and the annotation of `names` (default: all)."""
        digest = hashlib.sha256(f"synth {VERSION}\n".encode())
        for name in self.names if names is None else names:
            sequence = self[name]
            digest.update(f"{name} {self._recipes[name]} {sequence.annotation.starts}\n".encode())
            digest.update(np.ascontiguousarray(sequence.boxes, "<f8").tobytes() + sequence.visible.tobytes())
        return digest.hexdigest()

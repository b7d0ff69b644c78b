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
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._synth_scene import VERSION, Recipe, Scene
from trackzoo.datasets._synth_scripts import SCRIPTS
from trackzoo.errors import SettingsError
from trackzoo.frames import ArrayFrames
from trackzoo.geometry import box_of_mask
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
    given = dict(sequences=sequences, length=length, width=width, height=height, seed=seed, objects=objects)
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
        return _labels(self.scene, index, _starts(self.scene))


def _labels(scene: Scene, index: int, starts: dict[int, int]) -> NDArray[np.uint8]:
    """Labels of frame `index`, without the objects that have not begun."""
    labels = scene.seen(index).labels
    for obj, start in starts.items():
        if index < start:
            labels[labels == obj] = 0
    return labels


def _starts(scene: Scene) -> dict[int, int]:
    """Object -> first frame on which three quarters of it are seen; objects that never are, are left out."""
    if scene.recipe.objects == 1:
        return {1: 0}
    return scene.starts


def annotate(scene: Scene) -> Annotation:
    """Boxes, flags and labels of all frames of `scene`; see `Synth`."""
    length = scene.recipe.length
    boxes = np.full((length, 4), np.nan)
    cover, cut, outside, hidden = (np.zeros(length, np.int64) for _ in range(4))
    for index in range(length):
        seen = scene.seen(index)
        boxes[index] = box_of_mask(seen.labels == 1)
        whole, inside, shown = int(seen.whole[0]), int(seen.inside[0]), int(seen.shown[0])
        cover[index] = -(-8 * shown // whole)
        cut[index] = inside < whole
        outside[index] = shown == 0 and inside * 2 < whole
        hidden[index] = shown == 0 and not outside[index]
    labels = {
        "cover": cover,
        "absence": (cover == 0).astype(np.int64),
        "cut_by_image": cut,
        "out_of_view": outside,
        "full_occlusion": hidden,
    }
    return Annotation(
        boxes, cover > 0, masks=_Masks(scene), starts=_starts(scene), text=scene.script.text, labels=labels
    )


class SynthSequence(Sequence):
    """A synthetic sequence: as every sequence, but its attributes are read off its annotation when asked for."""

    def __init__(self, name: str, dataset: str, scene: Scene) -> None:
        self.scene = scene
        frames = ArrayFrames(scene.picture, scene.recipe.length, _frames_name(dataset, name))
        category = scene.script.targets[0].animal
        super().__init__(name, dataset, partial(annotate, scene), frames, fps=25.0, category=category)

    @cached_property
    def _attributes(self) -> tuple[str, ...]:
        return attributes(self.scene, self.annotation)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names as LaSOT has them: those that hold for these frames; see `attributes`."""
        return self._attributes

    @attributes.setter
    def attributes(self, value: tuple[str, ...]) -> None:
        pass  # the base class sets what a file says; here nothing is written down


def _frames_name(dataset: str, name: str) -> str:
    return f"{dataset}/{name}"


def attributes(scene: Scene, annotation: Annotation) -> tuple[str, ...]:
    """Attributes of a sequence, named as LaSOT's, in LaSOT's order.

    IV: brightness changes by a fifth or more. POC: something hides a part of the target. DEF: it bends or stretches. MB: long
    exposure. CM: the camera jumps. ROT: it turns by 30 degrees or more. BC: a double in the same coat. SV: its whole box is at
    some time twice or half as large as at first. FOC, OV: hidden whole, out of view. FM: its centre moves by more than 20
    pixels between two frames (OTB's rule). LR: fewer than 400 square pixels at some time (OTB's rule).
    """
    script, target = scene.script, scene.script.targets[0]
    ticks = [index * 16 for index in range(scene.recipe.length)]
    light = [script.light.at(tick) for tick in ticks]
    angle = [target.angle.at(tick) for tick in ticks]
    labels, boxes = annotation.labels, annotation.boxes
    free = (labels["cover"] == 8) & (labels["cut_by_image"] == 0)
    areas = boxes[:, 2] * boxes[:, 3]
    steps = np.hypot(*(np.diff(boxes[:, :2] + boxes[:, 2:] / 2, axis=0)).T)
    whole_steps = steps[free[1:] & free[:-1]]
    hidden_part = (labels["cover"] < 8) & (labels["cover"] > 0) & (labels["cut_by_image"] == 0)
    holds = {
        "IV": max(light) * 4 > min(light) * 5,
        "POC": bool(hidden_part.any()),
        "MB": "MB" in script.claims,
        "DEF": "DEF" in script.claims,
        "CM": "CM" in script.claims,
        "ROT": (max(angle) - min(angle)) * 360 >= 30 * 4096,
        "BC": "BC" in script.claims,
        "SV": bool(((areas[free] > 2 * areas[0]) | (2 * areas[free] < areas[0])).any()),
        "FOC": bool(labels["full_occlusion"].any()),
        "FM": bool((whole_steps > 20).any()),
        "OV": bool(labels["out_of_view"].any()),
        "LR": bool((areas[free] < 400).any()),
    }
    order = ("IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "SV", "FOC", "FM", "OV", "LR")
    return tuple(name for name in order if holds[name])


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
        self._recipes: dict[str, Recipe] = {}
        scripts = list(SCRIPTS)
        for index in range(sequences):
            script, number = scripts[index % len(scripts)], index // len(scripts) + 1
            self._recipes[f"{script}-{number}"] = Recipe(script, number, seed, width, height, length, objects)

    @property
    def names(self) -> tuple[str, ...]:
        """`stroll-1`, `spin-1`, …: the script and its round."""
        return tuple(self._recipes)

    def sequence(self, name: str) -> SynthSequence:
        """Open one; nothing is painted before a frame or box is asked for."""
        return SynthSequence(name, self.id, Scene(self._recipes[name]))

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
            digest.update(np.ascontiguousarray(sequence.boxes, "<f8").tobytes())
        return digest.hexdigest()

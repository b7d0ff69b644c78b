"""A synthetic scene: pixels and labels of any frame, each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._synth_animals import SIDE, sprite
from trackzoo.datasets._synth_numbers import ONE, PX, TICK, TURN, Draws, Ints, cosine, sine, sines
from trackzoo.datasets._synth_paint import Flags
from trackzoo.datasets._synth_scenery import ground, upright
from trackzoo.datasets._synth_scripts import SCRIPTS, Actor, Script, Stage
from trackzoo.geometry import Floats, box_of_mask

#: Rises whenever the same options would give other pixels or other annotation; part of the fingerprint.
VERSION = 1

#: Below this part of an animal (1/25) it cannot be told from its surroundings: it counts as hidden.
_TRACE = 25

#: Offsets of the samples within a pixel, in 1/256 pixel.
_SAMPLES = ((-96, -32), (32, -96), (96, 32), (-32, 96))

_NOISE = 64  # by how many pixels the noise is shifted at most


@dataclass(frozen=True)
class Recipe:
    """What a scene is made from.

    Attributes:
        script: a name in `SCRIPTS`.
        number: from 1; another number of the same script gives another scene.
        seed: of the whole dataset.
        width, height: of the picture in pixels.
        length: number of frames.
        objects: number of annotated animals.
    """

    script: str
    number: int
    seed: int
    width: int
    height: int
    length: int
    objects: int

    def draws(self, purpose: str) -> Draws:
        """Chance for one purpose; the length of the video does not matter, a longer one begins like a shorter one."""
        key = (self.seed, self.script, self.number, self.width, self.height, self.objects, purpose)
        return Draws("synth", VERSION, *key)


@dataclass(frozen=True)
class Cast:
    """Where one actor's texels fall in a window of the picture.

    Attributes:
        top, left: the window's corner in the picture.
        texels: (h, w) index into the sprite.
    """

    top: int
    left: int
    texels: Ints


@dataclass(frozen=True)
class Seen:
    """What can be seen of the annotated animals on one frame.

    Attributes:
        labels: (H, W) uint8, 0 background, k = object k; hidden traces are left out.
        whole: (K,) pixels that each object would cover if nothing hid it, inside the picture and outside.
        inside: (K,) of these, the ones inside the picture.
        shown: (K,) of these, the ones that nothing hides; 0 where too few are left to count.
    """

    labels: NDArray[np.uint8]
    whole: Ints
    inside: Ints
    shown: Ints


@dataclass(frozen=True)
class Survey:
    """What is seen over N frames of K annotated animals.

    Attributes:
        boxes: (N, 4) tight boxes of object 1; NaN where it is hidden.
        whole, inside, shown: (N, K) pixels; see `Seen`.
        starts: object -> first frame on which three quarters of it are seen; an object that never is, is left out.
    """

    boxes: Floats
    whole: Ints
    inside: Ints
    shown: Ints
    starts: dict[int, int]


class Scene:
    """One synthetic video. Pickles as its recipe; what is painted once is kept while the scene lives."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def __getstate__(self) -> dict[str, Recipe]:
        return {"recipe": self.recipe}

    @cached_property
    def script(self) -> Script:
        """Who moves how."""
        recipe = self.recipe
        turn = recipe.seed + list(SCRIPTS).index(recipe.script) + (recipe.number - 1) * (len(SCRIPTS) + 1)
        stage = Stage(recipe.draws("script"), recipe.width, recipe.height, recipe.objects, turn)
        return SCRIPTS[recipe.script](stage)

    @cached_property
    def _sprites(self) -> dict[tuple[str, str, str], NDArray[np.uint32]]:
        script = self.script
        actors = (*script.targets, *script.others, *script.crossing)
        looks = {(actor.animal, actor.coat, actor.key) for actor in actors}
        return {look: sprite(*look) for look in looks}

    @cached_property
    def _margin(self) -> tuple[int, int]:
        """How many pixels (x, y) the ground goes on beyond the picture on each side."""
        across, down = (abs(way.amplitude) + self.script.jolt + 1 for way in self.script.camera)
        return across, down

    @cached_property
    def _ground(self) -> NDArray[np.uint8]:
        across, down = self._margin
        height, width = self.recipe.height + 2 * down, self.recipe.width + 2 * across
        return ground(self.script.ground, self.recipe.draws("ground"), height, width)

    @cached_property
    def _barriers(self) -> list[tuple[int, NDArray[np.uint8], Flags]]:
        """Column in the scene, picture and cover of each barrier; as tall as the ground."""
        made = []
        for number, barrier in enumerate(self.script.barriers):
            draws = self.recipe.draws(f"barrier {number}")
            height = self.recipe.height + 2 * self._margin[1]
            made.append((barrier.x, *upright(barrier.kind, draws, height, max(barrier.width, 1))))
        return made

    @cached_property
    def _noise(self) -> NDArray[np.int16]:
        """Sensor noise, larger than the picture: each frame takes another part of it."""
        shape = (self.recipe.height + _NOISE, self.recipe.width + _NOISE, 3)
        draws = self.recipe.draws("noise")
        return (draws.grid(shape, -3, 3) + draws.grid(shape, -3, 3)).astype(np.int16)

    def _jolt(self, index: int) -> tuple[int, int]:
        """By how many pixels (x, y) the camera is off its way; none on the first frame."""
        reach = self.script.jolt
        if not reach or not index:
            return 0, 0
        draws = self.recipe.draws(f"jolt {index}")
        return draws.between(-reach, reach), draws.between(-reach, reach)

    def _camera(self, index: int) -> tuple[int, int]:
        """Where the picture's corner lies on the ground, in pixels."""
        (x, y), jolt = (way.at(index * TICK) for way in self.script.camera), self._jolt(index)
        return x + self._margin[0] + jolt[0], y + self._margin[1] + jolt[1]

    def _cast(
        self, actor: Actor, index: int, late: int = 0, offset: tuple[int, int] = (0, 0), *, beyond: bool = False
    ) -> Cast | None:
        """Where `actor` falls `late` ticks after frame `index`; None where it is out of view.

        Pixels are sampled at `offset` from their centres. With `beyond` the window is not cut at the picture's borders.
        """
        time, jolt = index * TICK + late, self._jolt(index)
        half = actor.half * actor.scale.at(time) // 256
        stretch = actor.stretch.at(time)
        wide, tall = half * (256 + stretch) // 256, half * (256 - stretch) // 256
        bend = actor.bend.at(time)
        x, y, angle = actor.x.at(time) - jolt[0] * PX, actor.y.at(time) - jolt[1] * PX, actor.angle.at(time)
        reach = (max(wide, tall) * 363 // 256 + half * abs(bend) // 256) // PX + 2
        left, right, top, bottom = x // PX - reach, x // PX + reach + 1, y // PX - reach, y // PX + reach + 1
        if not beyond:
            left, top = max(left, 0), max(top, 0)
            right, bottom = min(right, self.recipe.width), min(bottom, self.recipe.height)
        if left >= right or top >= bottom:
            return None
        across = np.arange(left, right, dtype=np.int64) * PX + PX // 2 + offset[0] - x
        down = np.arange(top, bottom, dtype=np.int64) * PX + PX // 2 + offset[1] - y
        # Back from the picture to the sprite: turn, then divide by the size. Texels in 1/256.
        turn_x, turn_y = cosine(angle), sine(angle)
        texel = SIDE // 2 * PX

        def texels(row: Ints, column: Ints, size: int, least: Ints | None = None) -> Ints:
            place = (row * texel // (ONE * size))[None] + (column * texel // (ONE * size))[:, None]
            if least is not None:
                place = place + least
            clipped: Ints = np.clip((place // PX) + SIDE // 2 + 1, 0, SIDE + 1)
            return clipped

        v = texels(-across * turn_y, down * turn_x, tall)
        bow = None
        if bend:
            # The middle stands out one way, the ends the other.
            bow = (sines((np.arange(SIDE + 2) - 1) * TURN // 2 // SIDE) - ONE // 2) * (bend * SIDE // 2) // ONE
        u = texels(across * turn_x, down * turn_y, wide, None if bow is None else bow[v])
        return Cast(top, left, v * (SIDE + 2) + u)

    def _paint(self, picture: NDArray[np.uint8], actor: Actor, index: int) -> None:
        """Draw `actor` on `picture`, in place."""
        look = self._sprites[actor.animal, actor.coat, actor.key]
        shutter = self.script.shutter
        repeats = 4 if shutter else 1
        samples = []
        for number in range(repeats * len(_SAMPLES)):
            # The samples of a pixel are spread over the time that the shutter is open.
            late = (
                (2 * number + 1 - repeats * len(_SAMPLES)) * shutter // (2 * repeats * len(_SAMPLES)) if shutter else 0
            )
            cast = self._cast(actor, index, late, _SAMPLES[number % len(_SAMPLES)])
            if cast is not None:
                samples.append(cast)
        if not samples:
            return
        top, left = min(cast.top for cast in samples), min(cast.left for cast in samples)
        bottom = max(cast.top + cast.texels.shape[0] for cast in samples)
        right = max(cast.left + cast.texels.shape[1] for cast in samples)
        total = np.zeros((bottom - top, right - left, 4), np.uint16)
        for cast in samples:
            height, width = cast.texels.shape
            part = total[cast.top - top : cast.top - top + height, cast.left - left : cast.left - left + width]
            part += look[cast.texels].view(np.uint8).reshape(height, width, 4)
        count = repeats * len(_SAMPLES)
        window = picture[top:bottom, left:right]
        window[:] = (window * (count - total[..., 3:]) + total[..., :3] + count // 2) // count

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) uint8 RGB of frame `index`."""
        recipe, script = self.recipe, self.script
        x, y = self._camera(index)
        picture = self._ground[y : y + recipe.height, x : x + recipe.width].copy()
        for actor in (*script.others, *script.targets, *script.crossing):
            self._paint(picture, actor, index)
        for column, look, covers in self._barriers:
            left = column - x + self._margin[0]
            begin, end = max(left, 0), min(left + look.shape[1], recipe.width)
            if begin < end:
                part = np.s_[y : y + recipe.height, begin - left : end - left]
                np.copyto(picture[:, begin:end], look[part], where=covers[part][..., None])
        return self._expose(picture, index)

    def _expose(self, picture: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Light and noise."""
        script = self.script
        light, warmth = script.light.at(index * TICK), script.warmth.at(index * TICK)
        if light != 256 or warmth:
            values = np.arange(256, dtype=np.int64)
            for channel, gain in enumerate((light + warmth, light, light - warmth)):
                table = np.clip(values * max(gain, 0) // 256, 0, 255).astype(np.uint8)
                picture[..., channel] = table[picture[..., channel]]
        down, across = index * 37 % _NOISE, index * 53 % _NOISE
        noise = self._noise[down : down + self.recipe.height, across : across + self.recipe.width]
        noisy = noise + picture
        np.clip(noisy, 0, 255, out=noisy)
        return noisy.astype(np.uint8)

    def _outline(self, actor: Actor, index: int, *, beyond: bool = False) -> tuple[Cast, Flags] | None:
        """The pixels whose centre `actor` covers."""
        cast = self._cast(actor, index, beyond=beyond)
        if cast is None:
            return None
        opaque = self._sprites[actor.animal, actor.coat, actor.key] != 0
        return cast, opaque[cast.texels]

    def seen(self, index: int) -> Seen:
        """Labels and visible parts of the annotated animals on frame `index`."""
        recipe, script = self.recipe, self.script
        labels = np.zeros((recipe.height, recipe.width), np.uint8)
        count = len(script.targets)
        whole, inside, shown = (np.zeros(count, np.int64) for _ in range(3))
        for number, actor in enumerate((*script.targets, *script.crossing)):
            label = number + 1 if number < count else 0
            if (outline := self._outline(actor, index)) is not None:
                cast, covered = outline
                height, width = covered.shape
                labels[cast.top : cast.top + height, cast.left : cast.left + width][covered] = label
                if label:
                    inside[number] = np.count_nonzero(covered)
            if label and (outline := self._outline(actor, index, beyond=True)) is not None:
                whole[number] = np.count_nonzero(outline[1])
        x, y = self._camera(index)
        for column, _, covers in self._barriers:
            left = column - x + self._margin[0]
            begin, end = max(left, 0), min(left + covers.shape[1], recipe.width)
            if begin < end:
                labels[:, begin:end][covers[y : y + recipe.height, begin - left : end - left]] = 0
        for number in range(count):
            shown[number] = np.count_nonzero(labels == number + 1)
            if shown[number] * _TRACE < whole[number]:
                labels[labels == number + 1] = 0
                shown[number] = 0
        return Seen(labels, whole, inside, shown)

    @cached_property
    def survey(self) -> Survey:
        """What is seen over all frames."""
        length, objects = self.recipe.length, self.recipe.objects
        boxes = np.full((length, 4), np.nan)
        whole, inside, shown = (np.zeros((length, objects), np.int64) for _ in range(3))
        for index in range(length):
            seen = self.seen(index)
            boxes[index] = box_of_mask(seen.labels == 1)
            whole[index], inside[index], shown[index] = seen.whole, seen.inside, seen.shown
        begun = (4 * shown >= 3 * whole) & (whole > 0)
        starts = {obj + 1: int(begun[:, obj].argmax()) for obj in range(objects) if begun[:, obj].any()}
        return Survey(boxes, whole, inside, shown, starts)

    def labels(self, index: int) -> NDArray[np.uint8]:
        """Label map (H, W) of frame `index`: as `seen`, without the objects that have not begun."""
        labels = self.seen(index).labels
        if self.recipe.objects > 1:
            starts = self.survey.starts
            late = [obj for obj in range(1, self.recipe.objects + 1) if index < starts.get(obj, index + 1)]
            labels[np.isin(labels, late)] = 0
        return labels

"""Scripts of the synthetic scenes: who moves how, before what, in which light. Whole numbers only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from trackzoo.datasets._synth_animals import ANIMALS, COATS
from trackzoo.datasets._synth_numbers import PX, TURN, Draws, Wave
from trackzoo.datasets._synth_scenery import GROUNDS

STILL = Wave(0)
STEADY = Wave(256)


@dataclass(frozen=True)
class Actor:
    """An animal on its way. Lengths are in 1/256 pixel of the picture, scales in 1/256.

    Attributes:
        animal, coat, key: what it looks like (see `_synth_animals.sprite`).
        half: half its size at scale 1.
        x, y: its centre.
        scale: its size against `half`.
        angle: how far it is turned, in parts of a turn.
        stretch: by how much it is wider than tall (and, below zero, taller than wide), in 1/256.
        bend: by how much its middle stands out sideways against its ends, in 1/256 of its half size.
    """

    animal: str
    coat: str
    key: str
    half: int
    x: Wave
    y: Wave
    scale: Wave = STEADY
    angle: Wave = STILL
    stretch: Wave = STILL
    bend: Wave = STILL


@dataclass(frozen=True)
class Barrier:
    """A trunk or wall from the top of the scene to its bottom.

    Attributes:
        kind: `trunk` or `wall`.
        x: column of its left border where the camera stands in the middle, in pixels.
        width: in pixels.
    """

    kind: str
    x: int
    width: int


@dataclass(frozen=True)
class Script:
    """A whole scene.

    Attributes:
        ground: a name in `GROUNDS`.
        targets: the animals that are annotated, object 1 first; a later one is drawn over those before it.
        others: look-alikes, drawn below the targets.
        crossing: look-alikes that are drawn above them.
        camera: how far the camera is off the middle (x, y), in pixels.
        jolt: the camera also jumps by up to so many pixels each frame.
        light: brightness, in 1/256.
        warmth: by how much red gains and blue loses, in 1/256.
        barriers: what stands in the foreground.
        shutter: for how long a frame is exposed, in 1/16 frame; 0 gives sharp pictures.
        claims: attributes that follow from the script rather than from what is seen.
        doing: what the description says of the target's way.
    """

    ground: str
    targets: tuple[Actor, ...]
    others: tuple[Actor, ...]
    crossing: tuple[Actor, ...] = ()
    camera: tuple[Wave, Wave] = (STILL, STILL)
    jolt: int = 0
    light: Wave = STEADY
    warmth: Wave = STILL
    barriers: tuple[Barrier, ...] = ()
    shutter: int = 0
    claims: frozenset[str] = field(default_factory=frozenset)
    doing: str = "about"

    @property
    def text(self) -> str:
        """The first target, described as a person would to one who has to find it."""
        target = self.targets[0]
        animal = ANIMALS[target.animal]
        coats = sorted({actor.coat for actor in (*self.others, *self.crossing) if actor.animal == target.animal})
        beside = " and ".join(f"{_article(coat)} {coat} one" if coat != target.coat else "its double" for coat in coats)
        where = GROUNDS[self.ground].place
        text = f"the {target.coat} {target.animal} {animal.look} {animal.gait} {self.doing} over {where}"
        return text + (f", beside {beside}" if beside else "")


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


@dataclass(frozen=True)
class Stage:
    """What a script is written for.

    Attributes:
        draws: source of all chance.
        width, height: of the picture in pixels.
        objects: how many animals are annotated.
        turn: number of the scene in its dataset; animals and grounds take turns, so that all are seen.
    """

    draws: Draws
    width: int
    height: int
    objects: int
    turn: int

    @property
    def half(self) -> int:
        """Half the usual size of an animal, in 1/256 pixel: about an eighth of the picture's shorter side."""
        return min(self.width, self.height) * PX * self.draws.between(118, 138) // 1000

    def path(self, half: int, period: int, reach: int = 88, phase: int | None = None) -> tuple[Wave, Wave]:
        """A winding way (x, y) over the picture that keeps an animal of `half` size within it.

        Args:
            half: half the largest size it takes on the way.
            period: frames from side to side and back.
            reach: how far it goes, in percent of what the picture leaves.
            phase: where it begins sideways; drawn when None.
        """
        draws = self.draws
        phase = draws.between(0, TURN - 1) if phase is None else phase
        ways = []
        for length, swing, begin in (
            (self.width, period, phase),
            (self.height, period * draws.between(62, 80) // 100, draws.between(0, TURN - 1)),
        ):
            room = max(length * PX // 2 - half - 2 * PX, 0)
            ways.append(Wave(length * PX // 2, room * (reach - draws.between(0, 10)) // 100, max(swing, 2), begin))
        return ways[0], ways[1]

    def actor(self, half: int, way: tuple[Wave, Wave]) -> Actor:
        """An animal of any kind, swaying a little."""
        draws = self.draws
        sway = Wave(0, draws.between(40, 110), draws.between(24, 40), draws.between(0, TURN - 1))
        name = str(draws.between(0, 9999))
        animal = tuple(ANIMALS)[self.turn * 3 % len(ANIMALS)]
        return Actor(animal, draws.pick(tuple(COATS)), name, half, *way, angle=sway)


def mirrored(stage: Stage, actor: Actor, *, twin: bool = False) -> Actor:
    """A look-alike of `actor` that begins well away from it.

    Args:
        stage: where.
        actor: whose.
        twin: the same coat too; otherwise another one.
    """
    draws = stage.draws
    coats = [coat for coat in COATS if coat != actor.coat]
    best: tuple[int, tuple[Wave, Wave]] | None = None
    for _ in range(24):
        x, y = stage.path(actor.half * 5 // 4, draws.between(90, 130))
        away = max(abs(x.at(0) - actor.x.at(0)), abs(y.at(0) - actor.y.at(0)))
        if best is None or away > best[0]:
            best = away, (x, y)
        if away > 3 * actor.half:
            break
    assert best is not None
    coat = actor.coat if twin else draws.pick(coats)
    sway = replace(actor.angle, phase=draws.between(0, TURN - 1))
    return replace(actor, coat=coat, key=f"{actor.key}b{draws.between(0, 99)}", x=best[1][0], y=best[1][1], angle=sway)


def _plain(stage: Stage, *, period: tuple[int, int] = (96, 120), reach: int = 88, largest: int = 256) -> Script:
    """One target (and the further objects), look-alikes, a slowly panning camera."""
    draws = stage.draws
    ground = tuple(GROUNDS)[stage.turn % len(GROUNDS)]
    half = stage.half
    target = stage.actor(half, stage.path(half * largest // 256, draws.between(*period), reach))
    others = tuple(mirrored(stage, target) for _ in range(draws.between(1, 2)))
    camera = (
        Wave(0, stage.width // 8, draws.between(120, 160), draws.between(0, TURN - 1)),
        Wave(0, stage.height // 10, draws.between(90, 130), draws.between(0, TURN - 1)),
    )
    return Script(ground, (target, *_companions(stage, target)), others, camera=camera)


def _companions(stage: Stage, first: Actor) -> tuple[Actor, ...]:
    """The annotated animals after the first: they come in from the sides, the later the higher their number, and return."""
    draws = stage.draws
    companions = []
    others = [animal for animal in ANIMALS if animal != first.animal]
    for number in range(1, stage.objects):
        half = stage.half * 7 // 8
        # It begins where it is farthest out, so the wider the swing the later it is seen.
        swing = stage.width * PX // 2 + half * (9 + 8 * number) // 8
        side = TURN * 3 // 4 if number % 2 else TURN // 4
        lane = stage.height * PX * (number + 1) // (stage.objects + 2)
        way = (
            Wave(stage.width * PX // 2, swing, draws.between(150, 180), side),
            Wave(lane, stage.height * PX // 12, draws.between(50, 80)),
        )
        companions.append(replace(stage.actor(half, way), animal=others[(stage.turn + number) % len(others)]))
    return tuple(companions)


def _with_target(script: Script, **changes: object) -> Script:
    first, *rest = script.targets
    return replace(script, targets=(replace(first, **changes), *rest))  # type: ignore[arg-type]


def stroll(stage: Stage) -> Script:
    """Moves about, nothing else happens."""
    return _plain(stage)


def spin(stage: Stage) -> Script:
    """Turns round and round."""
    rate = stage.draws.between(70, 100) * (1, -1)[stage.draws.between(0, 1)]
    return replace(_with_target(_plain(stage), angle=Wave(0, drift=rate)), doing="in circles")


def approach(stage: Stage) -> Script:
    """Comes nearer and goes away."""
    scale = Wave(256, stage.draws.between(96, 112), stage.draws.between(64, 76), TURN // 2)
    return replace(_with_target(_plain(stage, largest=368), scale=scale), doing="nearer and away again")


def jelly(stage: Stage) -> Script:
    """Bends and stretches."""
    draws = stage.draws
    stretch = Wave(0, draws.between(64, 80), draws.between(18, 24))
    bend = Wave(0, draws.between(90, 120), draws.between(26, 34))
    script = _with_target(_plain(stage, largest=330), stretch=stretch, bend=bend)
    return replace(script, doing="with a wobble", claims=frozenset({"DEF"}))


def _behind(stage: Stage, barriers: tuple[Barrier, ...]) -> Script:
    """From one side to the other and back, behind what stands between."""
    draws = stage.draws
    side = TURN * 3 // 4 if draws.between(0, 1) else TURN // 4
    script = _plain(stage)
    half = script.targets[0].half
    x, y = stage.path(half, draws.between(72, 84), 100, side)
    script = _with_target(script, x=x, y=replace(y, amplitude=y.amplitude // 2))
    # The camera keeps the barrier where it is and only moves up and down, so that target and barrier meet each time.
    others = tuple(mirrored(stage, script.targets[0]) for _ in script.others)
    return replace(script, others=others, camera=(STILL, script.camera[1]), barriers=barriers)


def trunks(stage: Stage) -> Script:
    """Passes behind trees that hide a part of it."""
    width = min(stage.width, stage.height) * 13 // 100
    places = (stage.width * 37 // 100, stage.width * 60 // 100)
    return replace(_behind(stage, tuple(Barrier("trunk", x, width) for x in places)), doing="behind trees")


def wall(stage: Stage) -> Script:
    """Passes behind a wall that hides it whole."""
    width = min(stage.width, stage.height) * 46 // 100
    return replace(_behind(stage, (Barrier("wall", (stage.width - width) // 2, width),)), doing="behind a wall")


def leave(stage: Stage) -> Script:
    """Leaves the view and comes back."""
    draws = stage.draws
    script = _plain(stage)
    target = script.targets[0]
    begin = 0 if draws.between(0, 1) else TURN // 2
    x = Wave(target.x.base, stage.width * PX // 2 + target.half * 13 // 10, draws.between(72, 84), begin)
    others = tuple(mirrored(stage, replace(target, x=x)) for _ in script.others)
    return replace(_with_target(replace(script, others=others), x=x), doing="out of the view and back")


def twins(stage: Stage) -> Script:
    """Crosses its double, which passes in front."""
    script = _plain(stage)
    target = script.targets[0]
    x, y = stage.path(target.half, stage.draws.between(84, 96), 96, TURN // 4)
    target = replace(target, x=x, y=replace(y, amplitude=y.amplitude // 3))
    double = mirrored(stage, target, twin=True)
    opposite = replace(x, phase=x.phase + TURN // 2)
    double = replace(double, x=opposite, y=replace(target.y, base=target.y.base + target.half // 3))
    script = replace(script, targets=(target, *script.targets[1:]), crossing=(double,), claims=frozenset({"BC"}))
    return replace(script, others=(mirrored(stage, target, twin=True),), doing="past its double")


def dusk(stage: Stage) -> Script:
    """The light fades and returns."""
    light = Wave(176, stage.draws.between(84, 100), stage.draws.between(40, 52), TURN // 4)
    warmth = Wave(16, 40, stage.draws.between(56, 70))
    return replace(_plain(stage), light=light, warmth=warmth, doing="in changing light")


def dash(stage: Stage) -> Script:
    """Fast, and blurred by it."""
    script = _plain(stage, period=(22, 26), reach=92)
    return replace(script, shutter=8, claims=frozenset({"MB"}), doing="at great speed")


def far(stage: Stage) -> Script:
    """Small, seen by an unsteady camera."""
    half = min(stage.width, stage.height) * PX * 38 // 1000
    script = _plain(stage, period=(130, 150))
    target = replace(script.targets[0], half=half)
    others = tuple(replace(mirrored(stage, target), half=half) for _ in range(4))
    script = replace(script, targets=(target, *script.targets[1:]), others=others, jolt=5)
    return replace(script, claims=frozenset({"CM"}), doing="far away")


def zoo(stage: Stage) -> Script:
    """Some of everything, among many."""
    draws = stage.draws
    script = _behind(stage, (Barrier("trunk", stage.width * 47 // 100, min(stage.width, stage.height) * 16 // 100),))
    target = replace(
        script.targets[0],
        scale=Wave(256, 64, draws.between(50, 60), TURN // 2),
        angle=Wave(0, 420, draws.between(44, 56)),
        stretch=Wave(0, 44, draws.between(20, 26)),
    )
    others = tuple(mirrored(stage, target, twin=number == 0) for number in range(3))
    return replace(
        script,
        targets=(target, *script.targets[1:]),
        others=others,
        light=Wave(216, 56, draws.between(44, 56), TURN // 4),
        claims=frozenset({"BC", "DEF"}),
        doing="in a crowd",
    )


#: Name -> script, in the order of the sequences.
SCRIPTS: dict[str, Callable[[Stage], Script]] = {
    script.__name__: script
    for script in (stroll, spin, approach, jelly, trunks, wall, leave, twins, dusk, dash, far, zoo)
}

"""`trackzoo inspect`: a tracker's probes as pictures."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("name", metavar="TRACKER")
@click.option("--dataset", "-d", default="synth", show_default=True, metavar="NAME", help="Data set.")
@click.option("--sequence", "-s", metavar="NAME", help="Sequence (default: the data set's first).")
@click.option("--frames", "-f", default="1", show_default=True, metavar="N,N…", help="Frames to draw, counted from 0.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("inspect"), show_default=True, metavar="DIR", help="Folder."
)
@click.option("--weights", metavar="NAME|FILE", help="Weights, if not the variant's own.")
@click.option("--random-weights", is_flag=True, help="A network without weights, to try this out.")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
@click.option("--device", default="cpu", show_default=True, help="torch device.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the tracker.")
def inspect(
    name: str,
    dataset: str,
    sequence: str | None,
    frames: str,
    out: Path,
    weights: str | None,
    random_weights: bool,
    data_root: Path | None,
    device: str,
    settings: tuple[str, ...],
) -> None:
    """Save what TRACKER looks at as pictures: templates, surviving tokens, response, attention, distributions, prompts.

    \b
    trackzoo inspect procontext --frames 1,50,100 --out pictures
    trackzoo inspect jn --random-weights
    trackzoo inspect pivot --frames 10,50
    """
    from trackzoo.cli.options import settings_in, weights_in
    from trackzoo.engine.devices import choose_devices
    from trackzoo.errors import SettingsError, UnknownName
    from trackzoo.registry import open_dataset, tracker

    choice = tracker(name)
    if (named := weights_in(weights, random_weights)) is not None:
        choice = choice.with_weights(named)
    wanted = _frames(frames)
    opened = open_dataset(dataset, data_root)
    names = list(opened.names)
    if sequence is not None and sequence not in names:
        raise UnknownName("sequence", sequence, names, f"'trackzoo datasets show {dataset}'")
    chosen = opened[sequence or names[0]]
    if max(wanted) >= len(chosen.frames):
        raise SettingsError(f"--frames {max(wanted)}: {chosen.name} has frames 0 to {len(chosen.frames) - 1}")
    loaded = choice.load(device=choose_devices(device)[0], **settings_in(settings))
    written = _draw(choice.id, loaded, chosen, wanted, out)
    if not written:
        raise SettingsError(
            f"tracker '{choice.id}' has nothing to draw yet on frames {frames}; name later ones with --frames"
        )
    for path in written:
        click.echo(path)


def _frames(text: str) -> list[int]:
    from trackzoo.errors import SettingsError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise SettingsError(f"--frames: found '{text}', expected numbers from 1 on, e.g. 1,10,100 (frame 0 is given)")
    return sorted({int(part) for part in parts})


def _pictures(tracker: Any) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """Kind -> what draws it from a trace."""
    from trackzoo.nn.search_tracking import SearchTracker
    from trackzoo.refiner import PREFIX, Refined

    if isinstance(tracker, Refined):
        found = _pictures(tracker.tracker)
        for kind, draw in _pictures(tracker.refiner).items():

            def refined(trace: dict[str, Any], draw: Callable[[dict[str, Any]], Any] = draw) -> Any:
                own = {key.removeprefix(PREFIX): value for key, value in trace.items() if key.startswith(PREFIX)}
                return draw(own)

            found[f"refiner-{kind}"] = refined
        return found
    # A plugin with pictures of its own names their module: `pictures`, with PICTURES: kind -> draw(tracker, trace).
    module = getattr(tracker, "pictures", "trackzoo.nn.pictures" if isinstance(tracker, SearchTracker) else "")
    drawn = importlib.import_module(module).PICTURES if module else {}
    return {kind: functools.partial(draw, tracker) for kind, draw in drawn.items()}


def _draw(name: str, tracker: Any, sequence: Any, wanted: list[int], out: Path) -> list[Path]:
    """Track up to the last wanted frame; save pictures of those wanted."""
    from trackzoo.errors import SettingsError
    from trackzoo.protocols.ope import OnePassTrial

    pictures = _pictures(tracker)
    if not pictures:
        raise SettingsError(f"tracker '{name}' offers nothing that can be drawn; the learned trackers do")
    trace: dict[str, Any] = {}
    tracker.attach(trace.__setitem__)
    # It begins as in a run: on the target's first frame, with its mask where there is one.
    trial = OnePassTrial(sequence)
    begin = trial.begin()
    first = sequence.frames[begin]
    [(state, _)] = tracker.start([first], [trial.target(begin, first)], [0])
    lasting = frozenset(trace)
    written: list[Path] = []
    for index in range(begin + 1, wanted[-1] + 1):
        # Drawing needs what the network sees on the wanted frames alone; what a start offers (templates) may change on any.
        kept = {probe: trace[probe] for probe in lasting}
        trace.clear()
        trace.update(kept)
        tracker.step([sequence.frames[index]], [state])
        if index not in wanted:
            continue
        for kind, draw in pictures.items():
            figure = draw(trace)
            if figure is not None:
                out.mkdir(parents=True, exist_ok=True)
                path = out / f"{name}-{sequence.name}-{index:05d}-{kind}.png"
                figure.savefig(path, dpi=130)
                written.append(path)
    tracker.attach(None)
    tracker.release([state])
    return written

"""`trackzoo plot`: one kind of figure, out of stored results, for a paper or a talk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trackzoo.report.figures.drawn import Drawn


def _kinds() -> str:
    from trackzoo.report.figures.kinds import KINDS

    wide = max(map(len, KINDS))
    return "\n".join(["\b", "Kinds:", *(f"  {name:<{wide}}  {text}" for name, text in KINDS.items())])


@click.command(epilog=_kinds())
@click.argument("kind", metavar="KIND")
@click.argument("trackers", nargs=-1, metavar="[TRACKER]...")
@click.option("-d", "--dataset", "datasets", multiple=True, metavar="NAME", help="Only these data sets.")
@click.option(
    "--results",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Results folder (default: runs/, or the config's); several for an ablation.",
)
@click.option(
    "-o",
    "--out",
    "outs",
    multiple=True,
    metavar="FILE|DIR",
    help="File (.pdf, .png, .svg; may be repeated), or folder  [default: plots/].",
)
@click.option("--format", "forms", multiple=True, metavar="NAME", help="Formats in a folder  [default: pdf, png].")
@click.option("-p", "--profile", "profiles", multiple=True, metavar="NAME", help="Score under these profiles.")
@click.option("-m", "--metric", default="", metavar="NAME", help="Which figure (default: the one that ranks).")
@click.option("--published", is_flag=True, help="speed: papers' trackers too, hollow.")
@click.option("--as-released", is_flag=True, help="Cut boxes to integers first, as the reference runners saved them.")
@click.option("--allow-incomplete", is_flag=True, help="Show incomplete sets too: marked, on their own part.")
@click.option("--common", is_flag=True, help="Score all on the sequences that every run of a data set has.")
@click.option("--allow-other-data", is_flag=True, help="Show runs on annotation that differs from what is on disk now.")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
@click.option("--width", metavar="W", help="column (3.5 in), page (7.16 in), or inches.")
@click.option("--title", metavar="TEXT", help="Title; '' for none.")
@click.option("--top", type=click.IntRange(1), metavar="N", help="Pick out N trackers at most.")
@click.option("--decimals", type=click.IntRange(0, 6), metavar="N", help="Digits after the point.")
@click.option("--own-scale", is_flag=True, help="radar: each spoke from its lowest to its highest value.")
@click.option("--latency", is_flag=True, help="speed: milliseconds a frame, not frames per second.")
@click.option(
    "--size", default="", metavar="COST", help="speed: bubbles' areas by a published cost: params_m, flops_g …"
)
@click.option("--full", is_flag=True, help="ar: axes from 0 to 1.")
@click.option("-s", "--sequences", multiple=True, metavar="A,B", help="strip, failures, overlap: these sequences.")
@click.option("--frames", metavar="I,J", help="strip: these frames, counted from 0.")
@click.option(
    "--rows", type=click.IntRange(1, 50), default=3, metavar="N", help="strip, failures: number of sequences  [3]."
)
@click.option(
    "--columns", type=click.IntRange(1, 20), default=5, metavar="N", help="strip, failures: frames of each  [5]."
)
@click.option(
    "--pick",
    type=click.Choice(["evenly", "telling"]),
    default="evenly",
    help="strip: frames evenly spaced, or where the trackers differ most.",
)
@click.option(
    "--zoom", type=click.FloatRange(0), default=0.0, metavar="X", help="strip, failures: X target sizes around it."
)
@click.option(
    "--repeat", type=click.IntRange(0), default=0, metavar="K", help="strip, failures, overlap: repetition K."
)
@click.option(
    "--form", type=click.Choice(["auto", "lines", "rows"]), default="auto", help="overlap: how trackers are drawn."
)
@click.option("--setting", default="", metavar="NAME", help="ablation: the setting, or column, that lies across.")
@click.option(
    "--by", default="tracker", metavar="NAME", help="ablation: what parts the lines: tracker, a setting, or ''."
)
@click.option("--csv", "table", type=click.Path(path_type=Path), metavar="FILE", help="ablation: a table, not results.")
def plot(
    kind: str,
    trackers: tuple[str, ...],
    datasets: tuple[str, ...],
    results: tuple[Path, ...],
    outs: tuple[str, ...],
    forms: tuple[str, ...],
    profiles: tuple[str, ...],
    sequences: tuple[str, ...],
    frames: str | None,
    width: str | None,
    published: bool,
    as_released: bool,
    allow_incomplete: bool,
    common: bool,
    allow_other_data: bool,
    **options: Any,
) -> None:
    """Draw one KIND of figure out of the results, sized and set for a paper.

    \b
    trackzoo plot attributes --dataset lasot -o attributes.pdf
    trackzoo plot speed --dataset lasot --published -o speed.pdf -o speed.png
    trackzoo plot difference dcf static --dataset lasot
    trackzoo plot strip dcf static --dataset synth -s stroll-1 --zoom 4
    trackzoo plot ablation dcf --setting padding --results runs-1 --results runs-2
    """
    from trackzoo.cli.options import datasets_in, names_in
    from trackzoo.config import results_folder
    from trackzoo.errors import UnknownName
    from trackzoo.report.collect import Rules
    from trackzoo.report.figures.drawn import Wanted
    from trackzoo.report.figures.files import save_all
    from trackzoo.report.figures.kinds import KINDS, draw
    from trackzoo.report.figures.of_boards import SIZES

    if kind not in KINDS:
        raise UnknownName("kind of figure", kind, KINDS, "'trackzoo plot --help'")
    if options["size"] and options["size"] not in SIZES:
        raise UnknownName("cost", options["size"], SIZES)
    targets = _targets(outs, names_in(forms))
    rules = Rules(tuple(names_in(profiles)), published, as_released, allow_incomplete, common, allow_other_data)
    wanted = Wanted(
        trackers=trackers,
        datasets=tuple(datasets_in(datasets)),
        results=tuple(map(results_folder, results)) or (results_folder(),),
        rules=rules,
        sequences=tuple(names_in(sequences)),
        frames=_frames(frames),
        width=_width(width),
        **options,
    )
    drawn, notes = draw(kind, wanted)
    for note in notes:
        click.echo(note, err=True)
    for each, paths in _places(drawn, targets):
        click.echo(f"{each.label}: {', '.join(map(str, save_all(each.figure, paths, whole=each.whole)))}")


def _frames(text: str | None) -> tuple[int, ...]:
    from trackzoo.errors import SettingsError

    try:
        return tuple(int(piece) for piece in (text or "").split(",") if piece.strip())
    except ValueError:
        raise SettingsError(f"--frames: found '{text}', expected numbers with commas, e.g. 0,30,60") from None


def _width(text: str | None) -> float | None:
    from trackzoo.errors import SettingsError
    from trackzoo.report import style

    named = {None: None, "column": style.COLUMN, "page": style.PAGE}
    if text in named:
        return named[text]
    try:
        return float(text or "")
    except ValueError:
        raise SettingsError(f"--width: found '{text}', expected column, page, or a number of inches") from None


def _targets(outs: tuple[str, ...], forms: list[str]) -> list[tuple[Path, tuple[str, ...]]]:
    """Each place to write to: a file, or a folder with its formats."""
    from trackzoo.errors import UnknownName
    from trackzoo.report.figures.files import FORMATS, form_of

    for form in forms:
        if form not in FORMATS:
            raise UnknownName("picture format", form, FORMATS)
    found: list[tuple[Path, tuple[str, ...]]] = []
    for out in outs or ("plots",):
        path = Path(out)
        if out.endswith(("/", os.sep)) or path.is_dir() or not path.suffix:
            found.append((path, tuple(forms) or ("pdf", "png")))
        else:
            form_of(path)
            found.append((path, ()))
    return found


def _places(drawn: list[Drawn], targets: list[tuple[Path, tuple[str, ...]]]) -> list[tuple[Drawn, list[Path]]]:
    """The files of each figure."""
    from trackzoo.errors import TrackzooError

    for path, forms in targets:
        if not forms and len(drawn) > 1:
            names = ", ".join(each.name for each in drawn[:4]) + (" …" if len(drawn) > 4 else "")
            raise TrackzooError(
                f"{path}: found {len(drawn)} figures ({names}), expected one for a file; name a folder, or --dataset"
            )
    return [
        (
            each,
            [path / f"{each.name}.{form}" for path, forms in targets for form in forms]
            + [path for path, forms in targets if not forms],
        )
        for each in drawn
    ]

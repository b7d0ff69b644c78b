"""`trackzoo evaluate`: score a folder of somebody's result files as it lies."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR")
@click.option("-d", "--dataset", required=True, metavar="NAME", help="What they are results on, e.g. lasot-test.")
@click.option(
    "-p",
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME",
    help="Score under these profiles (default: the data set's own); all: every one that applies.",
)
@click.option("-t", "--tracker", "trackers", multiple=True, metavar="NAME", help="What to call it; of several, these.")
@click.option("--lenient", is_flag=True, help="Do what the profile's toolkit does with what does not fit, and list it.")
@click.option("--allow-incomplete", is_flag=True, help="Score what is there, marked as incomplete.")
@click.option("--common", is_flag=True, help="Score all on the sequences that every tracker has.")
@click.option("--as-released", is_flag=True, help="Cut boxes to integers first.")
@click.option("--origin", type=click.IntRange(0, 1), help="The number that the files give the first pixel.")
@click.option("--corners", is_flag=True, help="The files hold x1,y1,x2,y2.")
@click.option("--published", is_flag=True, help="Add figures from papers.")
@click.option("--intervals", is_flag=True, help="Show 95 % intervals, ties, and every tracker against the best one.")
@click.option("--compare", "pairs", multiple=True, metavar="A,B", help="Hold two trackers against each other.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write LaTeX, plots, CSV, Markdown and a page."
)
@click.option("--decimals", type=click.IntRange(0, 6), default=2, show_default=True, help="Digits after the point.")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
def evaluate(
    source: Path,
    dataset: str,
    profiles: tuple[str, ...],
    trackers: tuple[str, ...],
    lenient: bool,
    allow_incomplete: bool,
    common: bool,
    as_released: bool,
    origin: int | None,
    corners: bool,
    published: bool,
    intervals: bool,
    pairs: tuple[str, ...],
    out: Path | None,
    decimals: int,
    data_root: Path | None,
) -> None:
    """Score the result files in DIR (a folder or an archive, of one tracker or several), without images.

    The layout is found out: PyTracking, STARK, GOT-10k, PySOT, LaSOT and TNL2K text, OTB .mat, VOT, masks, or plain text.

    \b
    trackzoo evaluate ATOM/ --dataset lasot                  a table
    trackzoo evaluate ATOM.tar.xz --dataset lasot --out d/   with LaTeX, PDF plots, CSV and a page
    """
    from trackzoo.cli.options import names_in
    from trackzoo.cli.report import _pair
    from trackzoo.importing.run import Reading
    from trackzoo.importing.score import evaluate_folder
    from trackzoo.registry import open_dataset
    from trackzoo.report.collect import Rules
    from trackzoo.report.report import Report, checked_pairs
    from trackzoo.report.terminal import print_tables

    rules = Rules(
        tuple(names_in(profiles)),
        published=published,
        as_released=as_released,
        allow_incomplete=allow_incomplete,
        common=common,
        lenient=lenient,
    )
    reading = Reading(origin=origin, corners=corners)
    data = open_dataset(dataset, data_root)
    comparison = evaluate_folder(source, data, rules, trackers=names_in(trackers), reading=reading)
    held = checked_pairs(comparison, [_pair(text) for text in pairs])
    made = Report(comparison, decimals, intervals, held)
    written = made.write(out) if out is not None else []
    print_tables(made.tables, made.notes)
    if out is not None:
        plots = sum(path.suffix == ".pdf" for path in written)
        click.echo(
            f"Written to {out}: {written[0]} (page), report.md, table.tex, scores.csv, per_sequence.csv, {plots} plots"
        )

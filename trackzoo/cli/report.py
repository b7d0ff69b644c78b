"""`trackzoo report`: tables, plots and pages from stored results."""

from __future__ import annotations

from pathlib import Path

import click

from trackzoo.errors import SettingsError


@click.command()
@click.argument("trackers", nargs=-1, metavar="[TRACKER]...")
@click.option("-d", "--dataset", "datasets", multiple=True, metavar="NAME", help="Only these data sets.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Results folder (default: runs/, or the config's).",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write Markdown, CSV, LaTeX, HTML and plots there.",
)
@click.option(
    "-p",
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME",
    help="Score under these profiles (default: each data set's own); all: every one that applies.",
)
@click.option("--published", is_flag=True, help="Add figures from papers, and deviations from a tracker's own paper.")
@click.option("--as-released", is_flag=True, help="Cut boxes to integers first, as the reference runners saved them.")
@click.option("--allow-incomplete", is_flag=True, help="Show incomplete sets too: marked, on their own part, unranked.")
@click.option("--common", is_flag=True, help="Score all on the sequences that every run of a data set has.")
@click.option(
    "--allow-other-data", is_flag=True, help="Show runs on annotation that differs from what is on disk now, marked."
)
@click.option("--lenient", is_flag=True, help="Do what the profile's toolkit does with what does not fit, and list it.")
@click.option("--intervals", is_flag=True, help="Show 95 % intervals, ties, and every tracker against the best one.")
@click.option(
    "--compare",
    "pairs",
    multiple=True,
    metavar="A,B",
    help="Hold two trackers against each other: difference, its interval, sequences won.",
)
@click.option(
    "--decimals", type=click.IntRange(0, 6), default=2, show_default=True, help="Digits after the point in tables."
)
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
def report(
    trackers: tuple[str, ...],
    datasets: tuple[str, ...],
    results: Path | None,
    out: Path | None,
    profiles: tuple[str, ...],
    published: bool,
    as_released: bool,
    allow_incomplete: bool,
    common: bool,
    allow_other_data: bool,
    lenient: bool,
    pairs: tuple[str, ...],
    intervals: bool,
    decimals: int,
    data_root: Path | None,
) -> None:
    """Compare trackers: tables on the terminal, and with --out everything for a paper or a page.

    Without arguments, all results in the results folder. A set that is not complete is refused.

    \b
    trackzoo report                                    everything
    trackzoo report dcf static --dataset synth         two trackers on one data set
    trackzoo report --dataset lasot --out report/      with plots, LaTeX, CSV and a page
    trackzoo report --compare dcf,static               paired differences, wins, ties and losses
    trackzoo report dcf --profile all                  under every profile, with its ceiling and floor
    """
    from trackzoo.api import compare
    from trackzoo.cli.options import datasets_in, names_in
    from trackzoo.report.terminal import print_tables

    made = compare(
        *trackers,
        datasets=datasets_in(datasets),
        results=results,
        profiles=names_in(profiles),
        published=published,
        as_released=as_released,
        allow_incomplete=allow_incomplete,
        common=common,
        allow_other_data=allow_other_data,
        lenient=lenient,
        intervals=intervals,
        pairs=[_pair(text) for text in pairs],
        decimals=decimals,
        data_root=data_root,
    )
    written = made.write(out) if out is not None else []
    print_tables(made.tables, made.notes)
    if out is not None:
        plots = sum(path.suffix == ".pdf" for path in written)
        click.echo(
            f"Written to {out}: {written[0]} (page), report.md, table.tex, scores.csv, per_sequence.csv, {plots} plots"
        )


def _pair(text: str) -> tuple[str, str]:
    """Two names out of `A,B`. Raises `SettingsError`."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise SettingsError(
            f"--compare {text}: found {len(names)} name{'' if len(names) == 1 else 's'}, expected two: A,B"
        )
    return names[0], names[1]

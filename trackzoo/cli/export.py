"""`trackzoo export`: write results in another toolkit's layout."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("out", type=click.Path(path_type=Path), metavar="DIR")
@click.option("-t", "--tracker", required=True, metavar="NAME", help="Whose results.")
@click.option("-d", "--dataset", required=True, metavar="NAME", help="On which data set.")
@click.option(
    "-f",
    "--format",
    "form",
    required=True,
    metavar="NAME",
    help="pytracking, stark, got10k, pysot, lasot, otb-mat, vot or davis.",
)
@click.option("--protocol", metavar="NAME", help="Of several runs, the one under this protocol.")
@click.option("--results", type=click.Path(path_type=Path), metavar="DIR", help="Results folder  [default: runs].")
@click.option("--as-released", is_flag=True, help="Cut boxes to integers, as PyTracking's and STARK's runners do.")
@click.option("--allow-incomplete", is_flag=True, help="Write what is there.")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
def export(
    out: Path,
    tracker: str,
    dataset: str,
    form: str,
    protocol: str | None,
    results: Path | None,
    as_released: bool,
    allow_incomplete: bool,
    data_root: Path | None,
) -> None:
    """Write a tracker's stored results into DIR in another toolkit's layout.

    \b
    trackzoo export --tracker dcf --dataset lasot --format pytracking other/tracking_results
    """
    from trackzoo.config import results_folder
    from trackzoo.exporting.layouts import export as write
    from trackzoo.exporting.stored import chosen_run

    run, data = chosen_run(
        results_folder(results), tracker, dataset, data_root, masks=form == "davis", protocol=protocol
    )
    written = write(run, data, form, out, as_released=as_released, allow_incomplete=allow_incomplete)
    click.echo(f"{run.tracker} on {run.dataset}: {len(written)} files written below {out}")

"""`trackzoo import`: take somebody's results into the results folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR")
@click.option("-d", "--dataset", required=True, metavar="NAME", help="What they are results on, e.g. lasot-test.")
@click.option(
    "-t", "--tracker", default="", metavar="NAME", help="What to file them under; of several, the one to take."
)
@click.option("--results", type=click.Path(path_type=Path), metavar="DIR", help="Results folder  [default: runs].")
@click.option("--lenient", is_flag=True, help="Keep what does not fit, with a note for each.")
@click.option("--allow-incomplete", is_flag=True, help="Take what is there.")
@click.option("--origin", type=click.IntRange(0, 1), help="The number that the files give the first pixel.")
@click.option("--corners", is_flag=True, help="The files hold x1,y1,x2,y2.")
@click.option("--new", is_flag=True, help="Move what the results folder has of this tracker aside.")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
def import_(
    source: Path,
    dataset: str,
    tracker: str,
    results: Path | None,
    lenient: bool,
    allow_incomplete: bool,
    origin: int | None,
    corners: bool,
    new: bool,
    data_root: Path | None,
) -> None:
    """Take the result files in DIR (a folder or an archive) into the results folder, where 'trackzoo report' finds them.

    \b
    trackzoo import ATOM.tar.xz --dataset lasot --tracker ATOM
    trackzoo report ATOM --dataset lasot
    """
    from trackzoo.config import results_folder
    from trackzoo.importing.keep import import_folder, several
    from trackzoo.importing.run import Reading
    from trackzoo.registry import open_dataset

    reading = Reading(lenient, allow_incomplete, origin, corners)
    done = import_folder(
        source,
        open_dataset(dataset, data_root),
        results_folder(results),
        tracker=tracker,
        reading=reading,
        new=new,
    )
    for line in several(done):
        click.echo(line)

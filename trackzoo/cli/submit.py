"""`trackzoo submit`: build a benchmark server's package, or check one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trackzoo.exporting.servers import Server, Verdict
    from trackzoo.sequence import Dataset


@click.command()
@click.argument("server", metavar="got10k|trackingnet|ytvos|davis")
@click.option("-t", "--tracker", default="", metavar="NAME", help="Whose stored results.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Result files instead: a folder or archive.",
)
@click.option(
    "--check", "package", type=click.Path(path_type=Path), metavar="ZIP", help="Check a package that there is."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="ZIP", help="The package  [default: here].")
@click.option("-d", "--dataset", metavar="NAME", help="The split  [default: the one that the server scores].")
@click.option("--results", type=click.Path(path_type=Path), metavar="DIR", help="Results folder  [default: runs].")
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
def submit(
    server: str,
    tracker: str,
    source: Path | None,
    package: Path | None,
    out: Path | None,
    dataset: str | None,
    results: Path | None,
    data_root: Path | None,
) -> int:
    """Build the package that a benchmark's server takes and check it as the server's parser would; nothing is uploaded.

    Exit code 1 when --check finds a fault.

    \b
    trackzoo submit got10k --tracker dcf
    trackzoo submit davis --tracker rts50
    trackzoo submit ytvos --from masks/
    trackzoo submit trackingnet --check package.zip
    """
    from trackzoo.errors import UnknownName
    from trackzoo.exporting import servers

    if server not in servers.SERVERS:
        raise UnknownName("server", server, servers.SERVERS)
    if sum((bool(tracker) and source is None, source is not None, package is not None)) != 1:
        raise click.UsageError("give one of --tracker NAME, --from DIR, --check ZIP")
    rules = servers.SERVERS[server]
    data, here = servers.split_of(dataset or rules.dataset, data_root)
    if package is not None:
        verdict = servers.check(rules, package, servers.expected(rules, data, here))
        return _told(package, verdict)
    verdict, place = _built(rules, data, here, tracker, source, out, results, data_root)
    click.echo(f"{place}: {verdict.files} files, as {rules.title}'s server takes them")
    if not verdict.lengths:
        click.echo(_unknown_lengths(data.id))
    return 0


def _built(
    rules: Server,
    data: Dataset,
    here: bool,
    tracker: str,
    source: Path | None,
    out: Path | None,
    results: Path | None,
    data_root: Path | None,
) -> tuple[Verdict, Path]:
    """Build the package; what it became, and where it lies."""
    from trackzoo.config import results_folder
    from trackzoo.errors import TrackzooError
    from trackzoo.exporting import submit as packages
    from trackzoo.exporting.stored import chosen_run
    from trackzoo.importing.run import ForeignRun, Reading
    from trackzoo.importing.score import candidates, shown_folder

    if source is None:
        run, stored = chosen_run(
            results_folder(results),
            tracker,
            data.id,
            data_root,
            masks=rules.masks,
            protocol=None if rules.masks else "ope",
        )
        place = out or Path(f"{run.tracker}-{stored.id}.zip")
        if rules.masks:
            return packages.build_masks(rules, run, stored, place), place
        return packages.build(rules, run, stored, here, place), place
    with candidates(source, data, [tracker] if tracker else []) as (folder, search):
        wanted = [each for each in search.candidates if (each.layout == "masks") == rules.masks]
        if len(wanted) != 1:
            names = ", ".join(each.tracker for each in wanted) or "none"
            raise TrackzooError(
                f"{source}: found {len(wanted)} trackers ({names}), expected one; --tracker NAME chooses"
            )
        place = out or Path(f"{wanted[0].tracker}-{data.id}.zip")
        if rules.masks:
            return packages.build_masks(rules, wanted[0], data, place), place
        files = ForeignRun(wanted[0], data, Reading(), shown_folder(source, folder, wanted[0]))
        return packages.build(rules, files, data, here, place), place


def _told(package: Path, verdict: Verdict) -> int:
    """Print a verdict; the exit code."""
    from trackzoo.exporting.servers import TOLD

    for fault in verdict.faults[:TOLD]:
        click.echo(f"{package}: {fault}")
    if len(verdict.faults) > TOLD:
        click.echo(f"{package}: … and {len(verdict.faults) - TOLD} more faults")
    if not verdict.faults:
        click.echo(f"{package}: {verdict.files} files, no fault found")
    if not verdict.lengths:
        click.echo(_unknown_lengths("the data set"))
    return 1 if verdict.faults else 0


def _unknown_lengths(dataset: str) -> str:
    return f"Numbers of rows were not compared: the images of {dataset}, which say them, are not on this machine."

"""`trackzoo regress`: save a baseline of scores, and hold later results against it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trackzoo.config import results_folder


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Arguments of both commands."""
    for add in (
        click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie."),
        click.option(
            "--results", type=click.Path(path_type=Path), metavar="DIR", help="Results folder (default: runs/)."
        ),
        click.option("-d", "--dataset", "datasets", multiple=True, metavar="NAME", help="Only these data sets."),
        click.argument("trackers", nargs=-1, metavar="[TRACKER]..."),
        click.argument("baseline", type=click.Path(path_type=Path)),
    ):
        command = add(command)
    return command


@click.group()
def regress() -> None:
    """Hold results against a baseline, e.g. in continuous integration.

    \b
    trackzoo regress save baseline.json          once, and commit the file
    trackzoo regress check baseline.json         after each change: exit code 1 when a metric moved
    """


@regress.command()
@_shared
@click.option("-p", "--profile", "profiles", multiple=True, metavar="NAME", help="Score under these profiles.")
def save(
    baseline: Path,
    trackers: tuple[str, ...],
    datasets: tuple[str, ...],
    results: Path | None,
    data_root: Path | None,
    profiles: tuple[str, ...],
) -> None:
    """Save metrics, values per sequence and boxes of results as BASELINE, a JSON file."""
    from trackzoo.cli.options import datasets_in, names_in
    from trackzoo.report.regress import save as save_baseline

    runs = save_baseline(
        baseline, results_folder(results), trackers, datasets_in(datasets), names_in(profiles), data_root
    )
    click.echo(
        f"Saved {len(runs)} run{'s' if len(runs) != 1 else ''} to {baseline} ({baseline.stat().st_size / 1024:.0f} KiB):"
    )
    for run in runs:
        for scored in run.scored:
            figures = ", ".join(f"{metric} {value:.2f}" for metric, value in scored.metrics.items())
            click.echo(f"  {run}: {figures} ({scored.profile} v{scored.version}, {len(run.names)} sequences)")


@regress.command()
@_shared
@click.option(
    "--tolerance", type=float, default=0.1, show_default=True, help="Change of a metric that passes, percent points."
)
@click.option("--box-tolerance", type=float, default=1.0, show_default=True, help="Boxes part beyond this, pixels.")
def check(
    baseline: Path,
    trackers: tuple[str, ...],
    datasets: tuple[str, ...],
    results: Path | None,
    data_root: Path | None,
    tolerance: float,
    box_tolerance: float,
) -> int:
    """Compare results with BASELINE.

    Exit code 0: every metric is within the tolerance. 1: one is off, or a run is missing; the first sequence and frame where
    results part is named. 2: the baseline cannot be compared (other annotation, other profile version).
    """
    from trackzoo.cli.options import datasets_in
    from trackzoo.report.regress import check as check_baseline

    outcome = check_baseline(
        baseline,
        results_folder(results),
        trackers,
        datasets_in(datasets),
        tolerance=tolerance,
        box_tolerance=box_tolerance,
        data_root=data_root,
    )
    for line in outcome.failures:
        click.echo(f"FAILED {line}")
    for line in outcome.notes:
        click.echo(f"note: {line}")
    runs = f"{outcome.runs} run{'s' if outcome.runs != 1 else ''}"
    if outcome.failures:
        count = len(outcome.failures)
        click.echo(f"{count} difference{'s' if count != 1 else ''} from {baseline} ({runs} compared)")
        return 1
    click.echo(
        f"{runs} and {outcome.metrics} metrics agree with {baseline}: metrics within {outcome.largest:.3f} (tolerance "
        f"{tolerance:g}), boxes within {outcome.gap:.2f} px"
    )
    return 0

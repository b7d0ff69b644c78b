"""`trackzoo run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trackzoo.trial import Protocol

#: Failures of one run that are told one by one.
_TOLD = 20


@click.command()
@click.option(
    "--tracker", "-t", "trackers", multiple=True, required=True, metavar="NAME", help="Tracker, or module:Class."
)
@click.option(
    "--dataset", "-d", "datasets", multiple=True, required=True, metavar="NAME", help="Data set, e.g. lasot-test."
)
@click.option("--results", metavar="DIR", type=click.Path(path_type=Path), help="Results folder  [default: runs].")
@click.option("--data-root", metavar="DIR", type=click.Path(path_type=Path), help="Where the benchmarks lie.")
@click.option("--protocol", metavar="NAME", help="How trials are made  [default: the benchmark's].")
@click.option("--set-protocol", "rules", multiple=True, metavar="KEY=VALUE", help="A setting of the protocol.")
@click.option("--first-box", metavar="RULE", help="How a polygon or mask becomes a first box  [default: bounds].")
@click.option("--masks", is_flag=True, help="Keep the tracker's masks beside its boxes (protocol ope).")
@click.option("--sequences", "-s", multiple=True, metavar="A,B", help="These sequences alone.")
@click.option("--limit", type=int, metavar="N", help="The first N sequences alone.")
@click.option("--available", is_flag=True, help="Make do with the sequences that are on disk.")
@click.option(
    "--repeats", type=int, metavar="N", help="Repetitions, each with its own seed  [default: the protocol's, 1]."
)
@click.option("--seed", type=int, default=0, metavar="N", help="Source of all randomness.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the tracker; refiner.KEY=VALUE of its refiner.",
)
@click.option(
    "--weights",
    metavar="NAME|FILE",
    help="Weights of the network; A+B for TRACKER+REFINER, an empty part keeps its own  [default: the tracker's own].",
)
@click.option("--random-weights", is_flag=True, help="An untrained network: for tests of speed alone.")
@click.option("--text", metavar="TEXT", help="A description told of every object, for trackers that take one.")
@click.option("--no-text", is_flag=True, help="Tell nothing, also where the sequences have descriptions.")
@click.option("--lanes", type=int, default=1, metavar="N", help="Trials at once in one worker.")
@click.option("--jobs", "-j", type=int, metavar="N", help="Worker processes  [default: one a GPU].")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N, or several by commas  [default: auto].")
@click.option("--dtype", default="fp32", metavar="NAME", help="fp32, fp16 or bf16.")
@click.option("--compile", "compiled", is_flag=True, help="Compile the network (torch.compile); slow to start.")
@click.option(
    "--deterministic", is_flag=True, help="Equal bits for equal frames, whatever the lanes; slower (ToMP, PiVOT)."
)
@click.option("--shard", metavar="I/N", help="The I-th of N parts, for N machines with a shared disk.")
@click.option("--new", is_flag=True, help="Move what the results folder has aside and begin afresh.")
@click.option("--dry-run", is_flag=True, help="Say what would be run, and do nothing.")
def run(
    trackers: tuple[str, ...],
    datasets: tuple[str, ...],
    sequences: tuple[str, ...],
    settings: tuple[str, ...],
    protocol: str | None,
    rules: tuple[str, ...],
    first_box: str | None,
    masks: bool,
    compiled: bool,
    deterministic: bool,
    weights: str | None,
    random_weights: bool,
    text: str | None,
    no_text: bool,
    dry_run: bool,
    **options: Any,
) -> int:
    """Run trackers on data sets. What is finished in the results folder is kept: the same command goes on where it was stopped.

    Exit code 1 when a trial failed, 2 when what was given cannot be run (or all failures are the data's fault).
    """
    from trackzoo.cli.options import datasets_in, names_in, settings_in, text_in, weights_in
    from trackzoo.engine.plan import prepare
    from trackzoo.engine.runner import RunOutcome, begin, execute, failures
    from trackzoo.engine.texts import told_of
    from trackzoo.registry import open_dataset, tracker

    weights = weights_in(weights, random_weights)
    choices = [tracker(name) for name in names_in(trackers)]
    told = told_of(choices, text_in(text, no_text))
    opened = [open_dataset(name, options["data_root"]) for name in datasets_in(datasets)]
    own = settings_in(settings, compile=compiled, deterministic=deterministic)
    of_protocol = settings_in(rules, "--set-protocol") | ({"first_box": first_box} if first_box else {})
    # Everything that can be refused is refused before the first frame of the first run.
    plans = [
        prepare(
            choice,
            dataset,
            sequences=names_in(sequences),
            settings=own,
            weights=weights,
            text=told[choice.id],
            protocol=_protocol(protocol or dataset.protocol, of_protocol, masks),
            **options,
        )
        for dataset in opened
        for choice in choices
    ]
    codes = {0}
    for line in dict.fromkeys(
        f"{plan.choice.id} on {plan.dataset.id}: {line}" for plan in plans for line in plan.remarks
    ):
        click.echo(f"trackzoo: note: {line}", err=True)
    for plan in plans:
        if dry_run:
            click.echo(str(begin(plan).plan))
            continue
        try:
            outcome: RunOutcome = execute(plan, progress=None)
        except KeyboardInterrupt:
            click.echo("trackzoo: interrupted; finished trials are kept, the same command goes on", err=True)
            return 130
        lines = failures(outcome)
        for line in lines[:_TOLD]:
            click.echo(f"trackzoo: {line}", err=True)
        if len(lines) > _TOLD:
            click.echo(f"trackzoo: … and {len(lines) - _TOLD} more", err=True)
        click.echo(str(outcome))
        if lines:
            click.echo(f"  what failed is run again by the same command; tracebacks: {outcome.folder / '.failures'}")
        codes.add(outcome.exit_code)
    return 1 if 1 in codes else max(codes)


def _protocol(name: str, settings: dict[str, Any], masks: bool) -> Protocol:
    """The protocol of that name; those whose results are masks keep them in any case."""
    from trackzoo.protocols import protocol

    return protocol(name, **settings, **({"masks": True} if masks and name == "ope" else {}))

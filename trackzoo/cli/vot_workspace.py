"""`trackzoo vot-workspace`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--tracker", "-t", "trackers", multiple=True, required=True, metavar="NAME", help="Tracker, or module:Class."
)
@click.option("--dataset", "-d", required=True, metavar="NAME", help="A VOT benchmark, e.g. vot2022-stb.")
@click.option(
    "--results", type=click.Path(path_type=Path), metavar="DIR", help="Copy finished runs from this results folder."
)
@click.option("--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the benchmarks lie.")
@click.option("--python", metavar="PATH", help="Interpreter with trackzoo and TraX  [default: this one].")
@click.option("--device", default="cpu", show_default=True, metavar="NAME", help="cpu, cuda or cuda:N.")
@click.option("--dtype", default="fp32", show_default=True, metavar="NAME", help="fp32, fp16 or bf16.")
@click.option(
    "--first-box", default="bounds", show_default=True, metavar="RULE", help="How a polygon becomes a first box."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the trackers.")
@click.option("--text", metavar="TEXT", help="A description told of every object, for trackers that take one.")
@click.option("--no-text", is_flag=True, help="Tell nothing: TraX has no descriptions of its own.")
@click.option("--stack", metavar="NAME", help="The toolkit's stack  [default: the benchmark's].")
def vot_workspace(
    folder: Path,
    trackers: tuple[str, ...],
    dataset: str,
    results: Path | None,
    data_root: Path | None,
    python: str | None,
    device: str,
    dtype: str,
    first_box: str,
    settings: tuple[str, ...],
    text: str | None,
    no_text: bool,
    stack: str | None,
) -> None:
    """Write a workspace of the official VOT toolkit: its experiments, the sequences, and trackers that speak TraX.

    \b
    trackzoo vot-workspace ws -t dcf -d vot2022-stb                 then: vot evaluate --workspace ws dcf
    trackzoo vot-workspace ws -t dcf -d vot2022-stb --results runs  then: vot analysis --workspace ws dcf
    """
    from trackzoo.cli.options import names_in, settings_in, text_in
    from trackzoo.protocols import protocol
    from trackzoo.registry import open_dataset, tracker
    from trackzoo.vot_workspace import write_workspace

    protocol("vot-unsupervised", first_box=first_box)  # refuses a rule that does not exist
    made = write_workspace(
        folder,
        open_dataset(dataset, data_root),
        [tracker(name) for name in names_in(trackers)],
        python=python,
        device=device,
        dtype=dtype,
        first_box=first_box,
        settings=settings_in(settings),
        text=text_in(text, no_text),
        results=results,
        stack=stack,
    )
    click.echo(f"{folder}: stack {made.stack}, {made.sequences} sequences, trackers {', '.join(made.trackers)}")
    for name, count in made.results.items():
        click.echo(f"  {name}: {count} trials copied")
    click.echo(f"  vot evaluate --workspace {folder} {' '.join(made.trackers)}")

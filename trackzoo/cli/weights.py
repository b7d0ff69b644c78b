"""`trackzoo weights`: take in, list, show, fetch and remove checkpoints."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trackzoo.weights.convert import Added
    from trackzoo.weights.facts import WeightsSpec


@click.group()
def weights() -> None:
    """Weights of the trackers' networks: which there are, which are here, and how they come here."""


def _row(spec: WeightsSpec) -> dict[str, Any]:
    """What a script may want to know of weights."""
    from trackzoo.weights.cache import present, read_facts, weights_file

    here = present(spec.name)
    return {
        "name": spec.name,
        "title": spec.title,
        "present": here,
        "variants": list(spec.variants),
        "file": spec.file,
        "page": spec.page,
        "address": spec.address,
        "hub": spec.hub,
        "licence": spec.licence,
        "paper": spec.paper,
        "trained_on": list(spec.trained_on),
        "path": str(weights_file(spec.name)),
        "facts": asdict(read_facts(spec.name)) if here else None,
    }


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


@weights.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a script.")
def list_(as_json: bool) -> None:
    """List all weights: present or not, size, licence, page, and what they were trained on."""
    from trackzoo.errors import DataError
    from trackzoo.weights.cache import present, read_facts
    from trackzoo.weights.table import weights_specs

    specs = weights_specs().values()
    if as_json:
        click.echo(json.dumps([_row(spec) for spec in specs], indent=2))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Weights", no_wrap=True)
    table.add_column("Here", no_wrap=True)
    table.add_column("What they are", ratio=1, overflow="fold")
    for spec in specs:
        here = Text("absent", "dim")
        if present(spec.name):
            try:
                here = Text(_size(read_facts(spec.name).bytes), "green")
            except DataError:
                here = Text("damaged", "bold red")
        facts = Text(f"for {', '.join(spec.variants)}" if spec.variants else "a part of others")
        facts.append(f"; trained on {', '.join(spec.trained_on) or 'what is not known'}")
        facts.append(f"\n{spec.licence or 'licence not known'}; {spec.file}, ", "dim")
        facts.append(spec.address or spec.hub or spec.page or "not published", "dim")
        table.add_row(spec.name, here, facts)
    console = Console()
    console.print(table)
    console.print(
        "\n'trackzoo weights add NAME FILE' takes in a file, 'trackzoo weights get NAME' fetches one or says where it is.",
        style="dim",
        highlight=False,
    )


@weights.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a script.")
def show(name: str, as_json: bool) -> None:
    """Show all that is known of the weights NAME: where they are from, their SHA-256, what the network was built with."""
    from trackzoo.weights.chosen import how_to_get
    from trackzoo.weights.table import weights_spec

    spec = weights_spec(name)
    row = _row(spec)
    if as_json:
        click.echo(json.dumps(row, indent=2))
        return
    facts = row["facts"]
    lines = [
        (spec.name, spec.title),
        ("for", ", ".join(spec.variants) or "no tracker by itself: a part of others"),
        ("paper", spec.paper),
        ("page", spec.page),
        ("file", spec.file),
        ("address", spec.address),
        ("hub", spec.hub),
        ("licence", spec.licence or "not known"),
        ("trained on", ", ".join(spec.trained_on) or "not known"),
    ]
    if facts is None:
        lines.append(("here", f"no; {how_to_get(spec)}"))
    else:
        lines += [
            ("here", f"{row['path']} ({_size(facts['bytes'])}, {facts['tensors']} tensors)"),
            ("sha256", facts["sha256"]),
            ("made from", f"{facts['source']} on {facts['date']}"),
            ("its sha256", facts["source_sha256"]),
            ("epoch", "" if facts["epoch"] is None else str(facts["epoch"])),
            ("built with", "" if facts["constructor"] is None else json.dumps(facts["constructor"])),
        ]
    for key, text in lines:
        if text:
            click.echo(f"{key:<11} {text}" if key != spec.name else f"{key}: {text}")


@weights.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace those that are here; take a file other than the published one.")
@click.option("--most", default=20, type=click.IntRange(min=1), metavar="N", help="Tensors of a kind that are listed.")
def add(name: str, file: Path, force: bool, most: int) -> None:
    """Check FILE against what NAME must hold, convert it to safetensors, and put it into the cache.

    FILE is an official checkpoint (.pth, .pth.tar, .pt), a safetensors file, or a folder of the Hugging Face hub. Nothing in it
    is executed. Exit code 2 when it is refused; nothing is written then.
    """
    from trackzoo.weights.convert import add_weights
    from trackzoo.weights.table import weights_spec

    spec = weights_spec(name)
    _told(lambda: add_weights(spec, file, force=force), most)


def _told(work: Callable[[], Added], most: int = 20) -> None:
    """Do it, and say what became of it; tensors that do not fit are listed first."""
    from trackzoo.weights.fit import MisfitError

    try:
        added = work()
    except MisfitError as error:
        for line in error.fit.lines(most):
            click.echo(line)
        raise
    facts = added.facts
    state = "checked and added" if added.fresh else "are here already"
    click.echo(f"{facts.name}: {facts.tensors} tensors {state}: {added.path} ({_size(facts.bytes)})")
    click.echo(f"  sha256 {facts.sha256}, of the source {facts.source_sha256}")
    for note in added.notes:
        click.echo(f"trackzoo: note: {note}", err=True)


@weights.command()
@click.argument("name")
@click.option("--from-hub", is_flag=True, help="From the Hugging Face hub, where another address is known too.")
@click.option("--force", is_flag=True, help="Replace those that are here.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before anything is fetched.")
def get(name: str, from_hub: bool, force: bool, yes: bool) -> None:
    """Fetch the weights NAME and add them. Asks first; a stopped transfer goes on where it was.

    Where their authors have no direct address, says which page and which file, and the command that follows.
    """
    from trackzoo.errors import SettingsError, TrackzooError
    from trackzoo.weights.cache import present, weights_file
    from trackzoo.weights.chosen import how_to_get
    from trackzoo.weights.convert import add_weights
    from trackzoo.weights.table import weights_spec

    spec = weights_spec(name)
    if from_hub and not spec.hub:
        raise SettingsError(f"weights '{spec.name}' are not on the hub; {how_to_get(spec)}")
    if present(spec.name) and not force:
        click.echo(f"{spec.name}: here already: {weights_file(spec.name)} (--force fetches them again)")
        return
    if not (spec.address or spec.hub):
        raise TrackzooError(f"weights '{spec.name}' have no direct address: {how_to_get(spec)}")
    use_hub = from_hub or not spec.address
    origin = f"the Hugging Face hub, {spec.hub}" if use_hub else spec.address
    if not yes:
        _consent(spec, origin)
    if use_hub:
        from trackzoo.weights.hub import hub_file

        # First, so that they lie beside the weights, in the folder of the same revision.
        for companion in spec.companions:
            hub_file(spec.hub, companion, spec.revision)
        fetched = hub_file(spec.hub, spec.file, spec.revision)
        _told(lambda: add_weights(spec, fetched, force=force))
        return
    fetched = _fetched(spec)
    try:
        _told(lambda: add_weights(spec, fetched, force=force))
    except TrackzooError:
        click.echo(f"  what was fetched is kept: {fetched}")
        raise
    fetched.unlink()


def _consent(spec: WeightsSpec, origin: str) -> None:
    from trackzoo.errors import TrackzooError

    text = f"Fetch {spec.title} ({spec.file}) from {origin}? Licence: {spec.licence or 'not known, see ' + spec.page}."
    if not sys.stdin.isatty():
        raise TrackzooError(f"{text} Nobody is here to be asked; --yes says yes")
    if not click.confirm(text):
        raise click.exceptions.Abort


def _fetched(spec: WeightsSpec) -> Path:
    """The official file, in the cache's folder of downloads."""
    from tqdm import tqdm

    from trackzoo.config import cache_folder
    from trackzoo.weights.fetch import fetch

    # One folder a name: several weights are published under the same file name.
    target = cache_folder() / "downloads" / spec.name / Path(spec.file).name
    with tqdm(unit="B", unit_scale=True, desc=spec.name, disable=None) as bar:

        def progress(have: int, whole: int | None) -> None:
            bar.total = whole
            bar.update(have - bar.n)

        return fetch(spec.address, target, sha256=spec.sha256, progress=progress)


@weights.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete the weights NAME from the cache. What they were made from is left alone."""
    from trackzoo.weights.cache import remove as delete
    from trackzoo.weights.table import weights_spec

    spec = weights_spec(name)
    freed = delete(spec.name, spec.companions)
    click.echo(f"{spec.name}: removed, {_size(freed)} freed" if freed else f"{spec.name}: not here")

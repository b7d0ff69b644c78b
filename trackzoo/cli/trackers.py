"""`trackzoo trackers`: what there is, what each takes and gives, and whether it can run here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trackzoo.registry import TrackerChoice


@dataclass(frozen=True)
class Row:
    """One tracker or refiner of the listing.

    Attributes:
        name: what `--tracker` takes; of a refiner, what stands behind a tracker's name and a `+`.
        family: the plugin.
        default: whether the plain family name means it.
        summary: one line.
        takes, gives: of `box`, `mask`, `text`.
        parameters: number of parameters where there is a network and it is known.
        weights: `none needed`, `none published` (a person's own will do), or a name with `present` or `absent`.
        missing: why it cannot run here; empty when it can.
        paper: citation.
        kind: `tracker` or `refiner`.
    """

    name: str
    family: str
    default: bool
    summary: str
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    parameters: int | None
    weights: str
    missing: str
    paper: str
    kind: str = "tracker"


def weights_state(choice: TrackerChoice) -> str:
    """Whether the weights that a tracker needs are here."""
    if not choice.weights:
        return "none published" if choice.learned else "none needed"
    from trackzoo.weights.cache import present

    return f"{choice.weights} ({'present' if present(choice.weights) else 'absent'})"


def listing() -> list[Row]:
    """Every tracker by family, variants in the plugin's order; then every refiner."""
    from trackzoo.errors import TrackzooError
    from trackzoo.registry import refiner, refiner_specs, tracker, tracker_specs
    from trackzoo.weights.chosen import lacking

    rows = []
    kinds = [(tracker, each) for each in tracker_specs().items()] + [
        (refiner, each) for each in refiner_specs().items()
    ]
    for find, (family, spec) in kinds:
        for name in spec.variants or (family,):
            choice = find(name)
            try:
                choice.check()
                missing = ""
            except TrackzooError as error:
                missing = lacking(choice) or str(error).partition("cannot run here: ")[2] or str(error)
            rows.append(
                Row(
                    name,
                    family,
                    name == spec.default or not spec.variants,
                    spec.summary,
                    tuple(sorted(spec.takes)),
                    tuple(sorted(spec.gives)),
                    spec.parameters.get(name),
                    weights_state(choice),
                    missing,
                    spec.paper,
                    choice.kind,
                )
            )
    return rows


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a script.")
def trackers(name: str | None, as_json: bool) -> None:
    """List the trackers; with NAME, show its card (what it is, figures, what is verified and how)."""
    if name is not None:
        _card(name)
        return
    rows = listing()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title, settings in (
        ("Tracker", {"no_wrap": True}),
        ("Takes", {}),
        ("Gives", {}),
        ("Parameters", {"justify": "right"}),
        ("Weights", {}),
        ("What it is", {"ratio": 1}),
    ):
        table.add_column(title, **settings)
    for row in rows:
        label = Text(f"+{row.name}" if row.kind == "refiner" else row.name, "dim" if row.missing else "")
        if row.default and row.name != row.family:
            label.append(f" = {row.family}", "dim")
        text = Text(row.summary + (f" ({row.paper})" if row.paper else ""))
        if row.missing:
            text.append(f"\ncannot run here: {row.missing}", "yellow")
        count = "–" if row.parameters is None else f"{row.parameters / 1e6:.1f} M"
        table.add_row(label, ", ".join(row.takes), ", ".join(row.gives), count, row.weights, text)
    console = Console()
    console.print(table)
    console.print(
        "\n+NAME refines the boxes of any tracker: --tracker TRACKER+NAME. Also: --tracker module:Class runs a class of yours "
        "(docs/new-tracker.md). 'trackzoo trackers NAME' shows a card.",
        style="dim",
        highlight=False,
    )


def _card(name: str) -> None:
    from trackzoo.registry import refiner, refiner_names, tracker

    choice = refiner(name) if name in refiner_names() else tracker(name)
    for _, part, _ in choice.parts({}):
        _one_card(part)


def _one_card(choice: TrackerChoice) -> None:
    from importlib.resources import files

    package = choice.spec.factory.partition(":")[0].rpartition(".")[0]
    card = files(package).joinpath("README.md") if package else None
    if card is None or not card.is_file():
        click.echo(f"{choice.spec.title}: {choice.spec.summary}")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(card.read_text(encoding="utf-8")))

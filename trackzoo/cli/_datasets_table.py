"""The tables of `trackzoo datasets` and `trackzoo datasets show`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from trackzoo.errors import TrackzooError
from trackzoo.roots import Found, locate, survey
from trackzoo.sequence import Dataset, DatasetSpec


@dataclass(frozen=True)
class Line:
    """One line of the listing.

    Attributes:
        name: what `--dataset` takes.
        title: the benchmark, as papers print it.
        splits: splits of the family that have no line of their own.
        sequences: number of sequences, where known.
        here: how many of them are there.
        frames: frames of those that are there, where known without reading.
        where: folder, or empty.
        source: where the folder was said, or `built in`.
        state: `complete`, `incomplete`, `annotation only`, `not here`, `missing`, `built in`, `your own`.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    sequences: int | None
    here: int
    frames: int | None
    where: str
    source: str
    state: str


def lines(data_root: Path | None, everything: bool) -> list[Line]:
    """What the listing says. A dataset whose folder cannot be used is a line too, not an error."""
    from trackzoo.registry import dataset_specs

    return [line for spec in dataset_specs().values() for line in _lines(spec, data_root, everything)]


def _lines(spec: DatasetSpec, data_root: Path | None, everything: bool) -> list[Line]:
    main = tuple(split for split in spec.splits if everything or split not in spec.parts)
    known = sum(count for split, count in spec.sequences.items() if split not in spec.parts) or None
    if spec.personal:
        return [Line(spec.name, spec.title, (), None, 0, None, "", "--data-root", "your own")]
    if not spec.needs_root:
        found = survey(spec, None)[0]
        count = found.total or known
        return [Line(spec.name, spec.title, main, count, found.here, found.frames, "", "built in", "built in")]
    root = locate(spec, data_root)
    if root is None:
        return [Line(spec.name, spec.title, main, known, 0, None, "", "", "not here")]
    where, source = str(root.path), root.source
    if not root.path.is_dir():
        return [Line(spec.name, spec.title, main, known, 0, None, where, source, "missing")]
    splits = survey(spec, root, main or None)
    if not any(found.here for found in splits):
        state = "not here" if data_root is not None else "missing"
        return [Line(spec.name, spec.title, main, known, 0, None, "" if data_root else where, source, state)]
    return [
        Line(found.id, spec.title, (), found.total, found.here, found.frames, where, source, _state(found))
        for found in splits
    ]


def _state(found: Found) -> str:
    if not found.here:
        return "not here"
    if not found.complete:
        return "incomplete"
    return "annotation only" if found.annotations_only else "complete"


_STYLES = {
    "complete": "green",
    "annotation only": "green",
    "built in": "green",
    "your own": "green",
    "incomplete": "yellow",
    "missing": "bold red",
    "not here": "dim",
}


def print_table(data_root: Path | None, as_json: bool, everything: bool) -> None:
    """`trackzoo datasets`."""
    if data_root is not None and not data_root.is_dir():
        raise TrackzooError(f"{data_root} (from --data-root): found no such folder, expected a folder of datasets")
    rows = lines(data_root, everything)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    for column in ("sequences", "frames"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("where", overflow="fold")
    for row in rows:
        whole = row.here in (0, row.sequences)
        count = "–" if row.sequences is None else f"{row.sequences}" if whole else f"{row.here} of {row.sequences}"
        frames = "–" if row.frames is None or not row.here else f"{row.frames:,}"
        where = Text(row.where if row.here or row.state == "missing" else "")
        if row.state == "your own":
            where.append(f"--dataset {row.name} --data-root FOLDER_OR_VIDEO", "dim")
        if row.splits and not row.here:
            where.append(f"{' ' * bool(where)}splits: {', '.join(row.splits)}", "dim")
        dim = "dim" if row.state == "not here" else ""
        cells = (Text(text, dim) for text in (row.name, count, frames))
        table.add_row(*cells, Text(row.state, _STYLES[row.state]), where)
    console = Console()
    console.print(table)
    console.print(
        "\n'trackzoo datasets add NAME DIR' says where one lies; 'trackzoo datasets check NAME' looks at every file.",
        style="dim",
        highlight=False,
    )
    if any(row.state == "missing" for row in rows):
        console.print(
            "missing: the folder that was said is not there or holds nothing of it.", style="red", highlight=False
        )


def print_sequences(spec: DatasetSpec, dataset: Dataset, as_json: bool) -> None:
    """`trackzoo datasets show`."""
    names, here = dataset.names, set(dataset.available())
    lengths = dataset.lengths([name for name in names if name in here])
    rows = [(name, lengths.get(name), _attributes(dataset, name)) for name in names]
    facts = _facts(spec, dataset, len(here), lengths)
    if as_json:
        sequences = [
            {"name": name, "here": name in here, "frames": length, "attributes": list(attributes)}
            for name, length, attributes in rows
        ]
        click.echo(json.dumps({**facts, "sequences": sequences}, indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    head = Table(box=None, pad_edge=False, show_header=False)
    for key, value in facts.items():
        if value not in (None, "", {}):
            head.add_row(Text(key, "bold"), Text(str(value)))
    console.print(head)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sequence", overflow="fold")
    table.add_column("frames", justify="right", no_wrap=True)
    if any(attributes for _, _, attributes in rows):
        table.add_column("attributes", overflow="fold")
    for name, length, attributes in rows:
        state = Text(str(length)) if length is not None else Text("odd" if name in here else "not here", "red")
        table.add_row(Text(name), state, " ".join(attributes))
    console.print(table)
    if any(length is None for length in lengths.values()):
        console.print(
            f"\nodd: 'trackzoo datasets check {dataset.id}' says what is wrong.", style="red", highlight=False
        )


def _attributes(dataset: Dataset, name: str) -> tuple[str, ...]:
    try:
        return dataset[name].attributes
    except TrackzooError:
        return ()


def _facts(spec: DatasetSpec, dataset: Dataset, here: int, lengths: dict[str, int | None]) -> dict[str, object]:
    kinds = ["boxes"] + ["masks"] * dataset.has_masks + ["text"] * dataset.has_text
    return {
        "name": dataset.id,
        "dataset": spec.title,
        "paper": spec.paper,
        "page": spec.page,
        "folder": None if dataset.root is None else str(dataset.root),
        "here": f"{here} of {len(dataset)} sequences, {sum(length or 0 for length in lengths.values()):,} frames",
        "annotation": ", ".join(kinds) + ("" if dataset.public_truth else "; first frame only, a server has the rest"),
        "first pixel": f"({dataset.origin}, {dataset.origin})",
        "protocol": dataset.protocol,
        "profile": f"{dataset.mask_profile} (label maps), {dataset.profile} (boxes)"
        if dataset.mask_profile
        else dataset.profile,
        "splits": ", ".join(spec.splits),
    }

"""`trackzoo datasets`: the table, and `add`, `remove`, `show`, `check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackzoo.errors import TrackzooError, UnknownName

if TYPE_CHECKING:
    from trackzoo.sequence import Dataset, DatasetSpec

_data_root = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Look here: the dataset's folder, or the one that holds it.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="The same as JSON.")


@click.group(invoke_without_command=True)
@_data_root
@_as_json
@click.option("--all", "everything", is_flag=True, help="Also the splits that are parts of others.")
@click.pass_context
def datasets(context: click.Context, data_root: Path | None, as_json: bool, everything: bool) -> None:
    """List the datasets, or add, remove, show and check one.

    Alone: a table of what there is, where it lies and whether it is complete, as far as a look without reading can say.
    """
    if context.invoked_subcommand is None:
        from trackzoo.cli._datasets_table import print_table

        print_table(data_root, as_json, everything)
    elif data_root or as_json or everything:
        raise click.UsageError(f"options go behind the command: trackzoo datasets {context.invoked_subcommand} …")


@datasets.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--annotations-only", is_flag=True, help="There are no images: results can be scored, trackers cannot run."
)
def add(name: str, folder: Path, annotations_only: bool) -> None:
    """Say once where dataset NAME lies; kept in the config file."""
    from trackzoo.config import config_file
    from trackzoo.roots import expected_tree, remember

    spec = _family(name)
    try:
        root, found = remember(spec, folder, annotations_only)
    except TrackzooError:
        if spec.needs_root and folder.is_dir() and (tree := expected_tree(spec, folder.absolute())):
            click.echo(f"Expected:\n{tree}\n")
        raise
    click.echo(f"{spec.title}: {root.path} (kept in {config_file()})")
    for split in found:
        if split.here or (split.split not in spec.parts):
            state = "complete" if split.complete else "none" if not split.here else _missing(split.missing)
            bare = ", annotation only" if split.here and split.annotations_only else ""
            click.echo(f"  {split.id}: {split.here} of {split.total} sequences{bare}, {state}")
    if any(split.here and not split.complete for split in found):
        click.echo(f"'trackzoo datasets check {spec.name}' looks at every file.")


@datasets.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget where dataset NAME lies. Its files stay."""
    from trackzoo.roots import forget

    spec = _family(name)
    click.echo(f"{spec.title}: forgotten; {forget(spec)} stays as it is")


@datasets.command()
@click.argument("name")
@click.option("--split", help="A split of it; the name may say it too (lasot-train).")
@_data_root
@_as_json
def show(name: str, split: str | None, data_root: Path | None, as_json: bool) -> None:
    """Facts about dataset NAME and its sequences with their lengths."""
    from trackzoo.cli._datasets_table import print_sequences

    spec, dataset = _open(name, split, data_root)
    print_sequences(spec, dataset, as_json)


@datasets.command()
@click.argument("name")
@click.option("--split", help="A split of it; the name may say it too (lasot-train).")
@click.option("--deep", is_flag=True, help="Decode every image as well; slow.")
@_data_root
@_as_json
def check(name: str, split: str | None, deep: bool, data_root: Path | None, as_json: bool) -> int:
    """Look at every file of dataset NAME, name each that is missing or odd, and give the fingerprint.

    Exit code 1 when a sequence cannot be used.
    """
    from trackzoo.cli._datasets_check import Examination, print_examination

    _, dataset = _open(name, split, data_root)
    examination = Examination.of(dataset, deep)
    if as_json:
        click.echo(json.dumps(examination.plain(), indent=2))
    else:
        print_examination(examination)
    return int(examination.fatal)


def _family(name: str) -> DatasetSpec:
    """The family of any name of it: `lasot`, `lasot-train`."""
    from trackzoo.registry import dataset_choice

    return dataset_choice(name)[0]


def _open(name: str, split: str | None, data_root: Path | None) -> tuple[DatasetSpec, Dataset]:
    """The dataset that a name and perhaps a split mean."""
    from trackzoo.registry import dataset_choice, open_dataset

    spec, chosen = dataset_choice(name)
    if split is not None and split != chosen:
        if split not in spec.splits:
            raise UnknownName(f"split of {spec.name}", split, spec.splits)
        if name.lower() not in (spec.name, *spec.aliases):
            raise TrackzooError(
                f"'{name}' names the split '{chosen}' and --split the split '{split}'; give one of them"
            )
        name = spec.id(split)
    return spec, open_dataset(name, data_root)


def _missing(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return f"missing: {shown}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")

"""`trackzoo verify`: hold networks, trackers and metrics against arrays that the reference implementations made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trackzoo.parity.target import Row


@click.command()
@click.argument("target", required=False)
@click.option(
    "--goldens",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of goldens of the same format (default: those that come with trackzoo).",
)
@click.option("--device", default="cpu", show_default=True, help="torch device to compute on.")
@click.option("--dtype", default="fp32", show_default=True, help="fp32, fp16 or bf16.")
@click.option("--compile", is_flag=True, help="Compile the networks.")
@click.option("-q", "--quiet", is_flag=True, help="Only what differs, and the summary.")
def verify(target: str | None, goldens: Path | None, device: str, dtype: str, compile: bool, quiet: bool) -> int:
    """Verify TARGET on this machine; without one, list the targets.

    The network is filled with generated parameters and run on a generated video; each array is compared with the reference
    implementation's under the tolerance of its specification. Exit code 0: all that was compared agrees. 1: something
    differs, or nothing could be compared.
    """
    from trackzoo.parity.targets import target as find, targets

    if target is None:
        for name in targets():
            click.echo(name)
        return 0
    chosen = find(target)
    from trackzoo.parity.target import Setup

    if target != "metrics":
        from trackzoo.engine.devices import choose_devices
        from trackzoo.nn.precision import dtype_named

        device = choose_devices(device)[0]
        dtype_named(dtype)
    certificate = chosen.verify(goldens, Setup(device, dtype, compile))
    shown = [row for row in certificate.rows if row.status == "differs"] if quiet else certificate.rows
    for line in lines(shown, ("case", "profile") if target == "metrics" else ("file", "array")):
        click.echo(line)
    click.echo(f"{target}: {certificate} ({goldens or chosen.packaged})")
    return 0 if certificate.passed else 1


def _number(value: float) -> str:
    return "" if math.isnan(value) else "0" if value == 0 else f"{value:.1e}"


def lines(rows: Iterable[Row], called: tuple[str, str] = ("file", "array")) -> list[str]:
    """A table as text: file and array (or as they are `called`), status, largest absolute and relative deviation, tolerance,
    remark.

    A relative deviation is relative to the largest magnitude in the reference's array. Arrays of one file that were
    skipped, or were given to the reference, are named in one line.
    """
    cells = [(*called, "", "largest abs", "rel", "tolerance", "")]
    gathered: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.status in ("agrees", "differs"):
            numbers = _number(row.absolute), _number(row.relative)
            cells.append(
                (
                    row.file,
                    row.array,
                    row.status.upper() if row.status == "differs" else row.status,
                    *numbers,
                    row.rule,
                    row.text,
                )
            )
        elif row.text and row.status == "skipped":
            cells.append((row.file, row.array, row.status, "", "", "", row.text))
        else:
            gathered.setdefault((row.file, row.status), []).append(row.array)
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    text = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[6]]).rstrip()
        for line in cells
    ]
    words = {
        "skipped": "not in the folder",
        "unknown": "not compared",
        "elsewhere": "compared by another target",
        "input": "given to the reference",
    }
    return (text if len(cells) > 1 else []) + [
        f"{file}: {words[status]}: "
        + (f"{len(names)} arrays" if status == "elsewhere" and len(names) > 4 else ", ".join(names))
        for (file, status), names in gathered.items()
    ]

"""`trackzoo cost`: parameters, multiply-adds, milliseconds by stage, memory."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trackzoo.cost import Cost


@click.command()
@click.argument("trackers", nargs=-1, required=True, metavar="TRACKER...")
@click.option("--lanes", default=1, show_default=True, help="Objects at once while time is taken.")
@click.option("--frames", default=5, show_default=True, help="Timed frames; the median is taken.")
@click.option("--device", default="cpu", show_default=True, help="torch device.")
@click.option("--dtype", default="fp32", show_default=True, help="fp32, fp16 or bf16.")
@click.option("--compile", "compiled", is_flag=True, help="Compile the network (torch.compile); slow to start.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the tracker.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def cost(
    trackers: tuple[str, ...],
    lanes: int,
    frames: int,
    device: str,
    dtype: str,
    compiled: bool,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """What TRACKER costs; no weights are needed.

    Multiply-adds (1 GMAC = 10^9, some papers call it a GFLOP) are given as papers print them, convolutions and linear layers
    alone with the templates embedded for each frame, and in full: with attention's products, as computed here.
    """
    from trackzoo.cli.options import settings_in
    from trackzoo.cost import measure
    from trackzoo.engine.devices import choose_devices, device_name
    from trackzoo.registry import tracker

    device = choose_devices(device)[0]
    found = []
    for name in trackers:
        choice = tracker(name)
        if choice.learned:
            choice = choice.with_weights("random")
        loaded = choice.load(device=device, dtype=dtype, **settings_in(settings, compile=compiled))
        found.append(measure(choice.id, loaded, lanes=lanes, frames=frames))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in found], indent=1))
        return
    for each in found:
        click.echo("\n".join(lines(each)))
    at_once = f"{lanes} object{'s' if lanes > 1 else ''} at once"
    click.echo(f"Measured on {device_name(device)}, {dtype}, {at_once}; per frame and object, decoding not included.")


def lines(cost: Cost) -> list[str]:
    """One tracker's figures as text."""
    text = [cost.tracker]
    if cost.parameters:
        text += [
            f"  parameters              {cost.parameters / 1e6:8.1f} M",
            f"  GMAC as papers print    {cost.printed.layers / 1e9:8.1f}    layers alone, templates included",
            f"  GMAC with attention     {cost.printed.total / 1e9:8.1f}",
            f"  GMAC computed a frame   {cost.frame.total / 1e9:8.1f}    of it {cost.frame.products / 1e9:.1f} in products",
        ]
    text += [f"  ms {stage:20s} {value:8.1f}" for stage, value in cost.milliseconds.items()]
    return [*text, f"  memory, peak            {cost.memory:8.0f} MiB"]

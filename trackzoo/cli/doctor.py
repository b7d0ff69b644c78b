"""`trackzoo doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON, for a bug report or a script.")
def doctor(as_json: bool) -> int:
    """Say what is installed, which devices there are, where things are looked for, and what mends what is missing.

    Exit code 1 when something that trackzoo cannot do without is broken.
    """
    from trackzoo.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
        return int(any(finding.state == "broken" for finding in findings))

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {"ok": Text("✓", "green"), "missing": Text("–", "yellow"), "broken": Text("✗", "bold red")}
    console = Console()
    for group in dict.fromkeys(finding.group for finding in findings):
        table = Table(
            title=group, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False
        )
        for finding in (finding for finding in findings if finding.group == group):
            text = Text(finding.text)
            if finding.mend:
                text.append(f"\n→ {finding.mend}", "cyan")
            table.add_row(marks[finding.state], finding.name, text)
        console.print(table)
        console.print()
    broken = [finding for finding in findings if finding.state == "broken"]
    console.print(
        Text(f"{len(broken)} broken: {', '.join(finding.name for finding in broken)}", "bold red")
        if broken
        else Text("Nothing is broken. Lines with – are things that you may want to add.", "green")
    )
    return int(bool(broken))

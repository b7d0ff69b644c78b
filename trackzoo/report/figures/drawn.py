"""What is asked for when figures are drawn out of results, and what comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trackzoo.errors import TrackzooError
from trackzoo.report import style
from trackzoo.report.collect import Rules
from trackzoo.report.model import Board, Entry

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Wanted:
    """Which results, and how they are drawn. What a kind of figure has no use for is left as it is.

    Attributes:
        trackers: names; none means all in the results folder. Their order matters where two are set against each other.
        datasets: names; none means all.
        results: results folders; more than one for ablations alone.
        rules: how runs are scored and what is let through.
        data_root: where the benchmarks lie.
        width: of the figure in inches; None is the usual one of the kind.
        title: above the figure; None is the usual one, empty none.
        top: most trackers that are picked out; None is the usual number of the kind.
        metric: by its name in `Scores`; empty is the one that ranks.
        decimals: digits after the point; None is the usual number.
        own_scale: radar: a scale of its own for each spoke.
        latency: speed: milliseconds a frame in place of frames per second.
        size: speed: published cost that bubbles' areas show: `params_m`, `flops_g`, `train_epochs` …; empty for none.
        full: AR: axes from 0 to 1.
        sequences: strips and overlaps: these sequences.
        frames: strips: these frames, counted from 0.
        rows: strips: number of sequences where none is named.
        columns: strips: number of frames of each where none is named.
        pick: strips: frames `evenly` spaced, or `telling` ones.
        zoom: strips: extent around the annotation in target sizes; 0 for whole pictures.
        repeat: strips and overlaps: which repetition.
        form: overlaps: `lines`, `rows` or `auto`.
        setting: ablation: the setting across, or the column of a table.
        by: ablation: what tells one line from another: `tracker`, another setting, or empty for one line.
        table: ablation: a CSV file in place of results.
    """

    trackers: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    results: tuple[Path, ...] = (Path("runs"),)
    rules: Rules = field(default_factory=Rules)
    data_root: Path | None = None
    width: float | None = None
    title: str | None = None
    top: int | None = None
    metric: str = ""
    decimals: int | None = None
    own_scale: bool = False
    latency: bool = False
    size: str = ""
    full: bool = False
    sequences: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()
    rows: int = 3
    columns: int = 5
    pick: str = "evenly"
    zoom: float = 0.0
    repeat: int = 0
    form: str = "auto"
    setting: str = ""
    by: str = "tracker"
    table: Path | None = None

    @property
    def folder(self) -> Path:
        """The one results folder. Raises `TrackzooError` where there are several."""
        if len(self.results) != 1:
            raise TrackzooError(
                f"found {len(self.results)} results folders, expected one; only 'ablation' compares folders"
            )
        return self.results[0]

    def titled(self, usual: str) -> str:
        """The title: the one that was asked for, else the usual one."""
        return usual if self.title is None else self.title

    def wide(self, usual: float = style.COLUMN) -> float:
        """The width in inches: the one that was asked for, else the usual one."""
        return usual if self.width is None else self.width


@dataclass(frozen=True)
class Drawn:
    """One figure out of results.

    Attributes:
        name: short, unique among those that are drawn together, fit for a file name.
        figure: the figure.
        label: what it shows, for those who cannot see it.
        whole: its width was chosen for a page and is kept; otherwise it is cut to what is drawn.
    """

    name: str
    figure: Figure
    label: str
    whole: bool = True


def caveats(entries: Iterable[Entry], board: Board) -> list[str]:
    """What a reader must know of the runs in a figure, a line each."""
    entries = list(entries)
    lines = []
    incomplete = [entry.tracker for entry in entries if not entry.complete]
    if incomplete and not board.common:
        lines.append(f"Incomplete, each scored on its own part: {', '.join(incomplete)}.")
    elif board.common:
        lines.append(f"Scored on the {len(board.names)} sequences that all have.")
    for text, found in (
        ("Random weights", [entry.tracker for entry in entries if entry.random_weights]),
        ("Run on other annotation", [entry.tracker for entry in entries if entry.other_data]),
    ):
        if found:
            lines.append(f"{text}: {', '.join(found)}.")
    lines += [f"{entry.tracker}: {remark}." for entry in entries for remark in entry.remarks]
    if any(entry.as_released for entry in entries):
        lines.append("Boxes cut to integers.")
    return lines


def board_title(board: Board) -> str:
    """Data set, split, and that it is a part of it."""
    part = f", {len(board.names)} of {board.total} sequences" if board.partial else ""
    return f"{board.title}{f' {board.split}' if board.split else ''}{part}"


def fit_for_file(text: str) -> str:
    """`text` as a part of a file name."""
    return "".join(letter if letter.isalnum() or letter in "-_.@+=" else "_" for letter in text)

"""One published figure, and the CSV files that hold them: read strictly, refused by file and line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from trackzoo.errors import DataError
from trackzoo.report.published_facts import CLEAN, KINDS, METRICS, PAPERS, PROFILES, STATUSES, Paper

COLUMNS = (
    "paper",
    "table",
    "kind",
    "tracker",
    "printed",
    "variant",
    "setting",
    "dataset",
    "split",
    "metric",
    "value",
    "unit",
    "rounding",
    "delta",
    "profile",
    "training_data",
    "status",
    "note",
)

_ID = re.compile(r"[a-z0-9]+(?:[-+.][a-z0-9]+)*")
_VALUE = re.compile(r"\d+(?:\.(\d+))?")
_DELTA = re.compile(r"[+-]\d+(?:\.\d+)?%?")


@dataclass(frozen=True)
class Figure:
    """One number of one table.

    Attributes:
        paper: key of `PAPERS`.
        table: `Table 3`, or the section (`Sec. 4.2`) where prose prints what no table does, or prints it otherwise.
        kind: key of `KINDS`.
        tracker: id; of the registry where it has the tracker (`rts50`, `jn-384`, `ostrack-256` …).
        printed: the tracker's name as the table prints it.
        variant: empty for the tracker as its authors propose it; else what was changed (ablations, box initialisation).
        setting: further words of the row or column, as the table gives them.
        dataset: id of the data set and split; empty for costs.
        split: the split within that id; empty where the data set has one.
        metric: key of `METRICS`.
        value: the number in `unit`, or None where it is lost.
        unit: `percent`, `fraction`, `frames/s`, `M` …
        rounding: number of decimals printed; None only where a lost value leaves that open too.
        delta: the difference that the table prints beside the value, e.g. `+1.6` or `-16.5%`; empty mostly.
        profile: evaluation code the figure was made with; empty where not known.
        training_data: what the paper says the tracker was trained on, joined by ` + `; empty where it does not say.
        status: key of `STATUSES`.
        note: why the status, and what else a reader should know.
        line: line in the CSV file.
    """

    paper: str
    table: str
    kind: str
    tracker: str
    printed: str
    variant: str
    setting: str
    dataset: str
    split: str
    metric: str
    value: float | None
    unit: str
    rounding: int | None
    delta: str
    profile: str
    training_data: str
    status: str
    note: str
    line: int

    @property
    def clean(self) -> bool:
        """Whether nothing about the figure is in doubt."""
        return self.status in CLEAN

    @property
    def own(self) -> bool:
        """Whether the tracker's own paper prints it."""
        return self.tracker in PAPERS[self.paper].trackers

    @property
    def source(self) -> str:
        """Paper and table, for a footnote: `RTS, Table 3`."""
        return f"{PAPERS[self.paper].short}, {self.table}"

    @property
    def text(self) -> str:
        """The number as printed (`0.560`); `lost` where it is lost."""
        return "lost" if self.value is None else f"{self.value:.{self.rounding}f}"

    @property
    def percent(self) -> float | None:
        """The number in the unit of `trackzoo.metrics`: fractions as percent, anything else as it is."""
        return None if self.value is None else self.value * 100 if self.unit == "fraction" else self.value

    @property
    def percent_rounding(self) -> int:
        """Decimals of `percent` that the paper prints; a fraction with three decimals gives a percentage with one."""
        places = self.rounding or 0
        return max(0, places - 2) if self.unit == "fraction" else places


def _figure(row: dict[str, str], paper: Paper, path: str, line: int) -> Figure:
    def fail(found: str, expected: str) -> DataError:
        return DataError(path, found, expected, "mend the row", line=line)

    def one_of(column: str, known: Iterable[str]) -> None:
        if row[column] not in known:
            raise fail(f"{column} '{row[column]}'", f"one of {', '.join(name or '(empty)' for name in sorted(known))}")

    for column, text in row.items():
        if text != text.strip():
            raise fail(f"blanks around {column} '{text}'", "none")
    one_of("paper", {paper.key})
    one_of("kind", KINDS)
    one_of("status", STATUSES)
    one_of("metric", METRICS)
    one_of("unit", METRICS[row["metric"]].units)
    one_of("profile", PROFILES)
    if row["table"] not in paper.tables and not re.fullmatch(r"Sec\. \w+(\.\d+)*", row["table"]):
        raise fail(f"table '{row['table']}'", f"one of {', '.join(paper.tables)}, or a section as 'Sec. 4.2'")
    for column in ("tracker", "dataset"):
        if row[column] and not _ID.fullmatch(row[column]):
            raise fail(f"{column} '{row[column]}'", "an id of small letters, digits and hyphens")
    if not row["tracker"] or not row["printed"]:
        raise fail("no tracker or no printed name", "both")
    if not row["dataset"] and row["kind"] != "cost":
        raise fail(f"kind {row['kind']} without a dataset", "a dataset id")
    if row["dataset"] and row["kind"] == "cost" and row["metric"] != "fps":
        raise fail(f"dataset '{row['dataset']}' for {row['metric']}", "none for costs other than speed")
    if row["split"] and not row["dataset"].endswith(f"-{row['split']}"):
        raise fail(f"split '{row['split']}' of dataset '{row['dataset']}'", "a dataset id that ends in its split")
    if row["status"] != "transcribed" and not row["note"]:
        raise fail(f"status {row['status']} without a note", "a note that says why")
    if row["delta"] and not _DELTA.fullmatch(row["delta"]):
        raise fail(f"delta '{row['delta']}'", "a signed number, with % where it is relative")
    if not row["rounding"].isdigit() and (row["rounding"] or row["value"]):
        raise fail(f"rounding '{row['rounding']}'", "the number of decimals printed")
    rounding = int(row["rounding"]) if row["rounding"] else None
    value = None
    if row["value"]:
        match = _VALUE.fullmatch(row["value"])
        if not match:
            raise fail(f"value '{row['value']}'", "a number as printed, or nothing where it is lost")
        if len(match[1] or "") != rounding:
            raise fail(f"value {row['value']} with rounding {rounding}", "as many decimals as the rounding says")
        value = float(row["value"])
        low, high = METRICS[row["metric"]].units[row["unit"]]
        if not low <= value <= high:
            raise fail(f"{row['metric']} {row['value']} {row['unit']}", f"{low:g} to {high:g}")
    if (value is None) != (row["status"] == "lost"):
        raise fail(f"value '{row['value']}' with status {row['status']}", "a value, or none and status lost")
    texts = {column: row[column] for column in COLUMNS if column not in ("value", "rounding")}
    return Figure(**texts, value=value, rounding=rounding, line=line)


def read(path: str | Path | Traversable, paper: Paper) -> list[Figure]:
    """Figures of one CSV file.

    Raises:
        DataError: with file and line, at the first row that is not as the columns promise.
    """
    source = Path(path) if isinstance(path, str) else path
    name = str(source)
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(name, str(error), f"the figures of {paper.short} as UTF-8", "install trackzoo anew") from None
    lines = csv.reader(text.splitlines())
    header = next(lines, [])
    if tuple(header) != COLUMNS:
        raise DataError(name, f"header '{','.join(header)}'", f"'{','.join(COLUMNS)}'", line=1)
    figures: list[Figure] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in enumerate(lines, start=2):
        if len(cells) != len(COLUMNS):
            raise DataError(
                name, f"{len(cells)} columns", str(len(COLUMNS)), "quote cells that hold a comma", line=number
            )
        figure = _figure(dict(zip(COLUMNS, cells, strict=True)), paper, name, number)
        key = (figure.table, figure.printed, figure.variant, figure.setting, figure.dataset, figure.metric)
        if key in seen:
            raise DataError(name, f"the figure of line {seen[key]} again", "each figure once", line=number)
        seen[key] = number
        figures.append(figure)
    return figures

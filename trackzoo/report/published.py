"""Figures that papers print: read from `results/published/*.csv`, looked up, set against ours.

One CSV a paper, one row a figure; `docs/published.md` says by which rules they were transcribed. A figure belongs to the
evaluation code it was made with (`Figure.profile`): ours is set against it under that profile, or not at all.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence as ListOf
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from trackzoo.errors import DataError, UnknownName

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


@dataclass(frozen=True)
class Paper:
    """A paper whose tables were transcribed.

    Attributes:
        key: names its CSV file and the `paper` column.
        short: how a footnote names it.
        title: in full.
        authors: as printed.
        published: venue and year.
        trackers: ids of the trackers that the paper is the source of.
        tables: the tables that were transcribed, in order.
    """

    key: str
    short: str
    title: str
    authors: str
    published: str
    trackers: frozenset[str]
    tables: tuple[str, ...]


#: In the order in which they are preferred where several print a figure of a tracker that is none of theirs: papers that
#: say how competitors were scored go before papers that do not, then the later one.
PAPERS: dict[str, Paper] = {
    paper.key: paper
    for paper in (
        Paper(
            "rts",
            "RTS",
            "Robust Visual Tracking by Segmentation",
            "Matthieu Paul, Martin Danelljan, Christoph Mayer, Luc Van Gool",
            "ECCV 2022",
            frozenset({"rts50"}),
            tuple(f"Table {number}" for number in range(1, 9)),
        ),
        Paper(
            "pivot",
            "PiVOT",
            "Improving Visual Object Tracking through Visual Prompting",
            "",
            "IEEE Transactions on Multimedia",
            frozenset({"pivot-50", "pivot-l-22", "pivot-l-27", "tomp-l-22"}),
            tuple(f"Table {number}" for number in ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")),
        ),
        Paper(
            "procontext",
            "ProContEXT",
            "ProContEXT: Exploring Progressive Context Transformer for Tracking",
            "Jin-Peng Lan, Zhi-Qi Cheng, Jun-Yan He, Chenyang Li, Bin Luo, Xu Bao, Wangmeng Xiang, Yifeng Geng, Xuansong Xie",
            "ICASSP 2023",
            frozenset({"procontext"}),
            tuple(f"Table {number}" for number in range(1, 5)),
        ),
        Paper(
            "jn",
            "JN",
            "Towards Efficient Training with Negative Samples in Visual Tracking",
            "Qingmao Wei, Bi Zeng, Guotian Zeng",
            "arXiv 2309.02903, 2023",
            frozenset({"jn-256", "jn-384", "jn-256+alpharefine", "jn-384+alpharefine"}),
            tuple(f"Table {number}" for number in ("1", "2", "3", "4", "5", "A1", "A2")),
        ),
        Paper(
            "satracker",
            "SATracker",
            "Beyond Visual Cues: Synchronously Exploring Target-Centric Semantics for Vision-Language Tracking",
            "Jiawei Ge, Xiangmei Chen, Jiuxin Cao, Xuelin Zhu, Bo Liu",
            "arXiv 2311.17085, 2023",
            frozenset({"satracker"}),
            tuple(f"Table {number}" for number in range(2, 6)),
        ),
    )
}

#: Status -> what it means. The first three are clean: the figure can be set against ours.
STATUSES: dict[str, str] = {
    "transcribed": "stands so in the text; row and column are plain",
    "restored": "all digits stand in the text, the decimal point was lost and is put back",
    "inferred": "the number stands; whose it is follows from the evidence that the note names",
    "ambiguous": "the number stands, but a digit or what it belongs to is in doubt; the note says why",
    "conflict": "another place prints another number for the same thing; the note names it; both stand",
    "lost": "the value is not in the text; the row keeps its place",
}
CLEAN = frozenset({"transcribed", "restored", "inferred"})
KINDS: dict[str, str] = {
    "result": "a tracker on a benchmark, as a paper compares trackers",
    "ablation": "a row of a study of parts or settings",
    "cost": "size, speed, memory, training effort",
}


@dataclass(frozen=True)
class MetricFacts:
    """A metric of the CSVs.

    Attributes:
        title: how tables head it.
        units: units it may stand in, with the range (low, high) of plausible values in each.
    """

    title: str
    units: dict[str, tuple[float, float]]


_PERCENT = {"percent": (0.0, 100.0)}
_FRACTION = {"fraction": (0.0, 1.0)}
METRICS: dict[str, MetricFacts] = {
    "auc": MetricFacts("AUC", _PERCENT),
    "op50": MetricFacts("OP50", _PERCENT),
    "op75": MetricFacts("OP75", _PERCENT),
    "precision": MetricFacts("P", _PERCENT),
    "norm_precision": MetricFacts("P_Norm", _PERCENT),
    "ao": MetricFacts("AO", _PERCENT),
    "sr50": MetricFacts("SR 0.50", _PERCENT),
    "sr75": MetricFacts("SR 0.75", _PERCENT),
    "eao": MetricFacts("EAO", _FRACTION),
    "accuracy": MetricFacts("A", _FRACTION),
    "robustness": MetricFacts("R", _FRACTION),
    "j_and_f": MetricFacts("J&F", _PERCENT),
    "j": MetricFacts("J", _PERCENT),
    "f": MetricFacts("F", _PERCENT),
    "g": MetricFacts("G", _PERCENT),
    "j_seen": MetricFacts("J seen", _PERCENT),
    "j_unseen": MetricFacts("J unseen", _PERCENT),
    "f_seen": MetricFacts("F seen", _PERCENT),
    "f_unseen": MetricFacts("F unseen", _PERCENT),
    "fps": MetricFacts("FPS", {"frames/s": (0.0, 2000.0)}),
    "time_ms": MetricFacts("Time", {"ms": (0.0, 10000.0)}),
    "time_share": MetricFacts("Share of time", _PERCENT),
    "params_m": MetricFacts("Parameters", {"M": (0.0, 5000.0)}),
    "train_params_m": MetricFacts("Trained parameters", {"M": (0.0, 5000.0)}),
    "flops_g": MetricFacts("FLOPs", {"G": (0.0, 5000.0)}),
    "input_px": MetricFacts("Input size", {"px": (32.0, 4096.0)}),
    "train_epochs": MetricFacts("Epochs", {"epochs": (1.0, 5000.0)}),
    "train_batch": MetricFacts("Batch", {"samples": (1.0, 4096.0)}),
    "train_gpus": MetricFacts("GPUs in training", {"GPUs": (1.0, 1024.0)}),
    "train_gpu_gb": MetricFacts("Memory of a GPU in training", {"GB": (1.0, 1024.0)}),
}

#: `server` is what a benchmark's own server computed by code that is not public: it stands beside ours as data only.
PROFILES = frozenset({"", "pytracking", "stark", "got10k", "trackingnet", "vot", "davis", "server"})

_ID = re.compile(r"[a-z0-9]+(?:[-+._]{0,2}[a-z0-9]+)*\+{0,2}")
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
        rounding: number of decimals printed.
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
    rounding: int
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
        return max(0, self.rounding - 2) if self.unit == "fraction" else self.rounding


def _files() -> Iterator[tuple[Paper, Traversable]]:
    folder = resources.files("trackzoo.results.published")
    for paper in PAPERS.values():
        file = folder / f"{paper.key}.csv"
        if file.is_file():
            yield paper, file


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
    if bool(row["dataset"]) == (row["kind"] == "cost" and row["metric"] != "fps"):
        raise fail(
            f"dataset '{row['dataset']}' for kind {row['kind']}", "a dataset for results and ablations, none for costs"
        )
    if row["split"] and not row["dataset"].endswith(f"-{row['split']}"):
        raise fail(f"split '{row['split']}' of dataset '{row['dataset']}'", "a dataset id that ends in its split")
    if row["status"] != "transcribed" and not row["note"]:
        raise fail(f"status {row['status']} without a note", "a note that says why")
    if row["delta"] and not _DELTA.fullmatch(row["delta"]):
        raise fail(f"delta '{row['delta']}'", "a signed number, with % where it is relative")
    if not row["rounding"].isdigit():
        raise fail(f"rounding '{row['rounding']}'", "the number of decimals printed")
    rounding, value = int(row["rounding"]), None
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
    lines = csv.reader(source.read_text(encoding="utf-8").splitlines())
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


@cache
def _load() -> tuple[Figure, ...]:
    return tuple(figure for paper, file in _files() for figure in read(file, paper))


def load() -> list[Figure]:
    """Every figure of every paper, in the order of `PAPERS` and of their files. Read once a process.

    Raises:
        DataError: a CSV file is not as `COLUMNS` and the tables of this module say; names file and line.
    """
    return list(_load())


def _preference(figure: Figure) -> tuple[bool, bool, bool, int]:
    return (not figure.own, not figure.clean, figure.kind != "result", list(PAPERS).index(figure.paper))


def lookup(
    tracker: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    profile: str | None = None,
    *,
    paper: str | None = None,
    kind: str | None = None,
    variant: str | None = "",
) -> list[Figure]:
    """Figures that match all that is given, the one to prefer first.

    The tracker's own paper goes first, then figures without doubt, then results before ablations.

    Args:
        tracker: id.
        dataset: id of data set and split.
        metric: key of `METRICS`.
        profile: profile of the figure.
        paper: key of `PAPERS`.
        kind: key of `KINDS`.
        variant: `""` for trackers as proposed; None for any.

    Raises:
        UnknownName: a paper, metric or kind that does not exist. Trackers and data sets without figures give `[]`.
    """
    for what, name, known in (("paper", paper, PAPERS), ("metric", metric, METRICS), ("kind", kind, KINDS)):
        if name is not None and name not in known:
            raise UnknownName(what, name, known)
    wanted = {
        "tracker": tracker,
        "dataset": dataset,
        "metric": metric,
        "profile": profile,
        "paper": paper,
        "kind": kind,
        "variant": variant,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    found = (figure for figure in _load() if all(getattr(figure, name) == value for name, value in given.items()))
    return sorted(found, key=_preference)


def own(tracker: str) -> list[Figure]:
    """What the tracker's own paper prints for it as proposed (results, costs, the last rows of ablations), best first."""
    return [figure for figure in lookup(tracker) if figure.own]


def deviation(value: float, figure: Figure, profile: str | None = None) -> float | None:
    """Ours minus printed, after rounding ours to the decimals that the paper prints.

    Args:
        value: ours, in the unit of `Figure.percent`, computed under `figure.profile`.
        figure: the printed one.
        profile: profile that ours was computed under; where given, it must be the figure's.

    Returns:
        The difference in the unit of `Figure.percent` (0.0 where the paper would have printed ours), or None where it
        would mean nothing: the figure's profile is not known or is another one, or the figure itself is in doubt.
    """
    printed = figure.percent
    if printed is None or not figure.clean or not figure.profile or (profile is not None and profile != figure.profile):
        return None
    places = figure.percent_rounding
    return round(round(value, places) - round(printed, places), places) + 0.0  # + 0.0 makes -0.0 a plain zero


@dataclass(frozen=True)
class Row:
    """One tracker of a listing.

    Attributes:
        tracker: id.
        printed: its name as the source of its first figure prints it.
        figures: metric -> the figure chosen.
        marks: metric -> numbers of the listing's footnotes that belong to it.
    """

    tracker: str
    printed: str
    figures: dict[str, Figure]
    marks: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Listing:
    """Published figures of one data set, ready to be set under ours.

    Attributes:
        dataset: id.
        metrics: columns, in the order of `METRICS`.
        rows: best first by the first metric; trackers without it come last.
        notes: footnotes; number k is `notes[k - 1]`.
    """

    dataset: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def rows_for(dataset: str, metrics: ListOf[str] | None = None, trackers: Iterable[str] | None = None) -> Listing:
    """All trackers with published figures on a data set.

    Where several papers print a figure, the tracker's own paper is taken, else the first of `lookup`. Lost figures and
    variants (ablations) are left out. Each figure has a footnote with its source, and one more where it is in doubt.

    Args:
        dataset: id of data set and split.
        metrics: columns wanted, in this order; by default all that are printed.
        trackers: ids wanted; by default all.

    Raises:
        UnknownName: a metric that does not exist.
    """
    for metric in metrics or ():
        if metric not in METRICS:
            raise UnknownName("metric", metric, METRICS)
    chosen: dict[str, dict[str, Figure]] = {}
    wanted = None if trackers is None else set(trackers)
    for figure in lookup(dataset=dataset):
        if figure.value is None or figure.kind == "cost" or (wanted is not None and figure.tracker not in wanted):
            continue
        if metrics is None or figure.metric in metrics:
            chosen.setdefault(figure.tracker, {}).setdefault(figure.metric, figure)
    columns = tuple(metric for metric in metrics or METRICS if any(metric in figures for figures in chosen.values()))
    notes: list[str] = []

    def number(note: str) -> int:
        if note not in notes:
            notes.append(note)
        return notes.index(note) + 1

    def rank(item: tuple[str, dict[str, Figure]]) -> tuple[float, ...]:
        return tuple(-(figures.percent or 0.0) if (figures := item[1].get(column)) else 1.0 for column in columns)

    rows = []
    for tracker, figures in sorted(chosen.items(), key=lambda item: (rank(item), item[0])):
        ordered = {column: figures[column] for column in columns if column in figures}
        marks = {column: tuple(number(note) for note in _footnotes(figure)) for column, figure in ordered.items()}
        rows.append(Row(tracker, next(iter(ordered.values())).printed, ordered, marks))
    return Listing(dataset, columns, tuple(rows), tuple(notes))


def _footnotes(figure: Figure) -> Iterator[str]:
    yield figure.source
    if not figure.clean:
        yield f"{figure.status}: {figure.note}"


def counts() -> dict[str, Counter[str]]:
    """Paper -> number of figures by status."""
    return {key: Counter(figure.status for figure in _load() if figure.paper == key) for key in PAPERS}

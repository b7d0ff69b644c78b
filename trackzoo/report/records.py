"""Every number of a report as a flat record: what the CSV files and the data frame hold. Unrounded."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from typing import Any

from trackzoo.report.columns import column
from trackzoo.report.model import Board, Comparison, Entry
from trackzoo.report.published import Figure
from trackzoo.report.uncertainty import spread_of

FIELDS = (
    "tracker", "dataset", "split", "protocol", "metric", "value", "lower", "upper", "spread", "unit", "profile",
    "profile_version", "fingerprint", "sequences", "expected", "complete", "repeats", "as_released", "random_weights",
    "other_data", "source", "note",
)  # fmt: skip
SEQUENCE_FIELDS = (
    "tracker", "dataset", "split", "protocol", "sequence", "frames", "metric", "value", "unit", "profile",
    "profile_version", "fingerprint", "repeats", "as_released", "attributes",
)  # fmt: skip

Record = dict[str, Any]


def records(comparison: Comparison) -> Iterator[Record]:
    """One record a figure: metrics and speed of each run, its deviations from its paper, and papers' own figures.

    `source` is `run`, `deviation` (ours minus the paper's, under the paper's profile), `paper`, a profile's `ceiling` or
    `floor`, or `refused` (a profile that refuses the run, for the reason in `note`). `lower` and `upper`
    are the ends of the 95 % interval by resampling the sequences, `spread` is the standard deviation over repetitions; NaN
    where there is none.
    """
    for board in comparison.boards:
        for entry in board.entries:
            common = _common(board, entry)
            for metric, value in entry.scores.metrics.items():
                found = entry.intervals.get(metric)
                yield {
                    **common,
                    "metric": metric,
                    "value": value,
                    "lower": found.low if found else math.nan,
                    "upper": found.high if found else math.nan,
                    "spread": spread_of(entry, metric),
                    "unit": column(metric).unit,
                    "source": "run",
                }
            if entry.speed is not None and entry.speed.seconds > 0:
                speed = entry.speed
                yield {
                    **common,
                    "metric": "fps" if speed.latency else "throughput",
                    "value": speed.fps,
                    "unit": "frames/s",
                    "source": "run",
                    "note": f"{speed.lanes} lanes, {speed.jobs} jobs, {' and '.join(speed.devices)}",
                }
            for item in entry.deviations:
                figure = item.figure
                yield {
                    **common,
                    "metric": figure.metric,
                    "value": item.value,
                    "unit": column(figure.metric).unit,
                    "profile": figure.profile,
                    "profile_version": item.version,
                    "source": "deviation",
                    "note": f"ours {item.ours:.{figure.percent_rounding}f}, printed {figure.text}: {figure.source}",
                }
        for row in board.published:
            for metric, figure in row.figures.items():
                yield {
                    **dict.fromkeys(FIELDS, ""),
                    "tracker": row.tracker,
                    "dataset": board.name,
                    "split": board.split,
                    "metric": metric,
                    "value": figure.percent,
                    "unit": column(metric).unit,
                    "profile": figure.profile,
                    "source": "paper",
                    "note": "; ".join(_about(figure)),
                }

    yield from _ends(comparison)


def _ends(comparison: Comparison) -> Iterator[Record]:
    """Ceilings and floors, once for all trackers on the same sequences, and refusals."""
    seen = set()
    for cross in comparison.crosses:
        for row in cross.rows:
            common = {
                **dict.fromkeys(FIELDS, ""),
                "tracker": cross.tracker if row.kind == "run" else "",
                "dataset": cross.name,
                "split": cross.split,
                "protocol": cross.protocol,
                "value": math.nan,
                "profile": row.profile,
                "profile_version": row.version,
                "fingerprint": cross.fingerprint,
                "sequences": cross.sequences,
                "expected": cross.expected,
                "source": row.kind,
            }
            key = (cross.dataset, cross.protocol, cross.fingerprint, row.profile, row.kind, common["tracker"])
            if key in seen:
                continue
            seen.add(key)
            if row.scores is None:
                about = "" if row.kind == "run" else f"{row.kind}: "
                yield {**common, "source": "refused", "note": f"{about}{row.refused}"}
            elif row.kind != "run":
                for metric, value in row.scores.metrics.items():
                    yield {**common, "metric": metric, "value": value, "unit": column(metric).unit}


def sequence_records(comparison: Comparison) -> Iterator[Record]:
    """One record a run, sequence (of label maps: object, `bear_1`) and metric."""
    for board in comparison.boards:
        for entry in board.entries:
            common = {key: value for key, value in _common(board, entry).items() if key in SEQUENCE_FIELDS}
            home = dict(zip(entry.scores.names, entry.scores.groups, strict=False))
            frames = entry.frames or ("",) * len(entry.scores.names)
            for metric, values in entry.scores.per_sequence.items():
                unit = column(metric).unit
                for name, count, value in zip(entry.scores.names, frames, values.tolist(), strict=True):
                    yield {
                        **common,
                        "sequence": name,
                        "frames": count,
                        "metric": metric,
                        "value": value,
                        "unit": unit,
                        "attributes": " ".join(board.attributes.get(home.get(name, name), ())),
                    }


def as_csv(rows: Iterable[Record], fields: Iterable[str]) -> str:
    """Records as CSV with a heading; numbers in full, yes and no as `true` and `false`."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _plain(value) for key, value in row.items()} for row in rows)
    return file.getvalue()


def _about(figure: Figure) -> Iterator[str]:
    yield figure.source
    if figure.training_data:
        yield f"trained on {figure.training_data}"
    if not figure.clean:
        yield f"{figure.status}: {figure.note}"


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else value


def _common(board: Board, entry: Entry) -> Record:
    return {
        "tracker": entry.tracker,
        "dataset": board.name,
        "split": board.split,
        "protocol": board.protocol,
        "metric": "",
        "value": math.nan,
        "lower": math.nan,
        "upper": math.nan,
        "spread": math.nan,
        "unit": "",
        "profile": board.profile,
        "profile_version": board.version,
        "fingerprint": entry.fingerprint,
        "sequences": entry.sequences,
        "expected": len(entry.expected),
        "complete": entry.complete,
        "repeats": entry.repeats,
        "as_released": entry.as_released,
        "random_weights": entry.random_weights,
        "other_data": entry.other_data,
        "source": "",
        "note": "",
    }

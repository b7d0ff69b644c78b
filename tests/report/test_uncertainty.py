"""Intervals, ties, pairs of trackers, the spread over repetitions: in tables, records and on the command line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_report
import numpy as np
import pytest
from stored_runs import DATASET, ID, store

import trackzoo
from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.metrics.types import Scores
from trackzoo.report.columns import column
from trackzoo.report.model import Board, Comparison
from trackzoo.report.records import records
from trackzoo.report.table import board_table, pair_table
from trackzoo.report.uncertainty import against_best, intervals_of, versus

Boxes = np.ndarray[Any, Any]


def scores(values: list[float], **more: object) -> Scores:
    each = np.array(values)
    names = tuple(f"s{place}" for place in range(len(values)))
    return Scores("strict", 1, "", names, {"auc": float(each.mean())}, {"auc": each}, **more)  # type: ignore[arg-type]


def board(**trackers: list[float]) -> Board:
    entries = [
        replace(made_report.entry(name, found := scores(values)), intervals=intervals_of(found))
        for name, values in trackers.items()
    ]
    return replace(made_report.board(1), entries=tuple(entries), names=entries[0].scores.names, attributes={})


def noisy(seed: int, size: float) -> Callable[[Boxes], Boxes]:
    def change(boxes: Boxes) -> Boxes:
        boxes[1:, :2] += np.random.default_rng(seed).normal(0, size, boxes[1:, :2].shape)
        return boxes

    return change


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    store(folder, "dcf", noisy(1, 2), repeats=3)
    store(folder, "static", noisy(2, 9))
    return folder


def test_intervals_hold_their_figures_and_leave_out_what_is_no_mean() -> None:
    values = np.random.default_rng(0).uniform(20, 90, 60).tolist()
    found = intervals_of(scores(values))["auc"]
    assert found.low < np.mean(values) < found.high
    # About 1.96 standard errors to either side.
    assert found.high - found.low == pytest.approx(3.92 * np.std(values, ddof=1) / math.sqrt(60), rel=0.1)
    assert intervals_of(scores([50.0])) == {}
    total = replace(scores(values), metrics={"auc": float(np.sum(values))})
    assert intervals_of(total) == {}


def test_a_difference_within_its_interval_is_a_tie() -> None:
    random = np.random.default_rng(4)
    base = random.uniform(30, 80, 40)
    near = base + random.normal(0, 5, 40)
    far = base - random.uniform(1, 4, 40)
    made = board(base=base.tolist(), near=near.tolist(), far=far.tolist())
    base_entry, near_entry, far_entry = made.entries
    assert versus(near_entry, base_entry, column("auc")).verdict == "tie"  # type: ignore[union-attr]
    lost = versus(far_entry, base_entry, column("auc"))
    assert lost is not None
    # The sequences differ by far more than the trackers do: pairing is what tells them apart.
    assert intervals_of(far_entry.scores)["auc"].high > base.mean() > intervals_of(far_entry.scores)["auc"].low
    assert (lost.verdict, lost.record) == ("worse", "0/0/40")
    won = versus(base_entry, far_entry, column("auc"))
    assert won is not None
    assert (won.verdict, won.wins, won.difference.value) == ("better", 40, pytest.approx(-lost.difference.value))
    failures = replace(column("auc"), higher=False)
    assert versus(far_entry, base_entry, failures).verdict == "better"  # type: ignore[union-attr]
    assert set(against_best(made, column("auc"))) == {"base", "near", "far"} - {
        max(made.entries, key=lambda entry: entry.scores.metrics["auc"]).tracker
    }


def test_other_sequences_are_not_compared() -> None:
    made = board(a=[10.0, 20.0, 30.0], b=[11.0, 19.0, 33.0])
    other = replace(made.entries[1], scores=replace(made.entries[1].scores, names=("x", "y", "z")))
    assert versus(made.entries[0], other, made.main) is None
    assert pair_table(replace(made, entries=(made.entries[0], other)), "a", "b") is None


def test_table_shows_intervals_ties_and_wins() -> None:
    random = np.random.default_rng(4)
    base = random.uniform(30, 80, 40)
    made = board(
        base=base.tolist(),
        near=(base + random.normal(-0.1, 5, 40)).tolist(),
        far=(base - random.uniform(1, 4, 40)).tolist(),
    )
    plain = board_table(made)
    assert not any(cell.detail for row in plain.rows for cell in row.cells)
    assert "95 % interval" in plain.rows[0].cells[2].title
    table = board_table(made, intervals=True)
    headings = [heading.text for heading in table.headings]
    gap, record = headings.index("AUC − best"), headings.index("W/T/L")
    by_name = {row.key: row.cells for row in table.rows}
    assert by_name["far"][2].detail.startswith("[")
    assert by_name["far"][record].text == f"0/0/{len(base)}" or by_name["near"][gap].text == ""
    assert by_name["far"][gap].text.startswith("−")
    tied = [name for name, cells in by_name.items() if "≈" in cells[2].notes]
    assert tied in (["near"], ["base"])
    assert any(mark == "≈" for mark, _ in table.footnotes)


def test_repetitions_show_their_spread(runs: Path) -> None:
    report = trackzoo.compare("dcf", results=runs)
    [entry] = report.boards[0].entries
    spread = float(np.std(entry.scores.by_run["auc"], ddof=1))
    [row] = board_table(report.boards[0]).rows
    assert row.cells[2].detail == f"±{spread:.2f}"
    assert "± standard deviation over repetitions" in report.tables[0].caption
    found = next(each for each in records(report.comparison) if each["metric"] == "auc")
    assert found["spread"] == pytest.approx(spread)
    assert found["lower"] <= found["value"] <= found["upper"]


def test_pairs_by_name(runs: Path) -> None:
    report = trackzoo.compare(results=runs, pairs=[("static", "dcf")])
    [table] = report.pair_tables
    assert "static against dcf" in table.title
    auc = next(row for row in table.rows if row.cells[0].text == "AUC")
    assert [cell.text for cell in auc.cells[5:]] == ["dcf better", "0/0/3"]
    with pytest.raises(UnknownName, match="did you mean dcf"):
        trackzoo.compare(results=runs, pairs=[("dfc", "static")])
    with pytest.raises(TrackzooError, match="cannot compare 'dcf' with 'dcf'"):
        trackzoo.compare(results=runs, pairs=[("dcf", "dcf")])


def test_command_line(cli: Callable[..., Any], refused: Callable[..., str], runs: Path) -> None:
    done = cli("report", "--results", runs, "--intervals", "--compare", "dcf,static", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "in brackets 95 % intervals" in done.stdout
    assert "dcf better" in done.stdout
    refused(cli("report", "--results", runs, "--compare", "dcf"), "--compare dcf", "A,B")


def test_every_profile_with_ceiling_and_floor(runs: Path) -> None:
    dataset = trackzoo.open_dataset(DATASET)
    report = trackzoo.compare("static", results=runs, profiles=["all"])
    [cross] = report.comparison.crosses
    rows = {(row.profile, row.kind): row for row in cross.rows}
    profiles = {profile for profile, _ in rows}
    assert {"pytracking", "got10k", "strict"} <= profiles
    assert "trackingnet" in cross.others
    assert rows["strict", "ceiling"].scores.metrics["auc"] == pytest.approx(100)  # type: ignore[union-attr]
    floor = {name: np.repeat(dataset[name].boxes[:1], len(dataset[name]), axis=0) for name in dataset.names}
    alone = trackzoo.evaluate(floor, dataset=DATASET)
    assert rows["strict", "floor"].scores.metrics == alone.metrics  # type: ignore[union-attr]
    assert rows["strict", "run"].scores.metrics == trackzoo.evaluate(runs / "static" / ID / "ope").metrics  # type: ignore[union-attr]
    for profile in profiles:
        run = rows[profile, "run"]
        assert (run.scores is None) == bool(run.refused)
    [table] = report.tables
    assert "under every profile" in table.title
    sources = {row["source"] for row in records(report.comparison)}
    assert {"run", "ceiling", "floor"} <= sources


def test_a_profile_that_refuses_is_listed_with_its_reason(tmp_path: Path) -> None:
    lost = "synth:sequences=12,length=20,width=128,height=96"  # has frames without annotation, which pytracking refuses
    store(tmp_path, "static", lambda boxes: np.nan_to_num(boxes, nan=5.0), dataset=lost)
    report = trackzoo.compare(results=tmp_path, profiles=["all"])
    [cross] = report.comparison.crosses
    refused = {row.profile for row in cross.rows if row.refused}
    assert "pytracking" in refused
    assert "strict" not in refused
    [table] = report.tables
    assert any("found NaN" in text for _, text in table.footnotes)
    assert any(row["source"] == "refused" and "NaN" in row["note"] for row in records(report.comparison))
    assert {board.profile for board in report.boards}.isdisjoint(refused)
    assert isinstance(report.comparison, Comparison)

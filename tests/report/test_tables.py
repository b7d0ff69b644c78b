"""One table model, and what becomes of it on a terminal, in Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import made_report
import numpy as np
import pytest
from hypothesis import given, strategies as st

from trackzoo.report import latex, markdown, terminal
from trackzoo.report.columns import columns, show
from trackzoo.report.model import Board, Comparison, Speed
from trackzoo.report.records import FIELDS, SEQUENCE_FIELDS, as_csv, records, sequence_records
from trackzoo.report.report import Report
from trackzoo.report.table import attribute_table, board_table, escape, marks, overview_table


def texts(table_or_board: Board, column: str) -> list[str]:
    table = board_table(table_or_board)
    place = [heading.text for heading in table.headings].index(column)
    return [row.cells[place].text for row in table.rows]


@given(st.lists(st.floats(0, 100) | st.just(math.nan), max_size=12), st.booleans())
def test_ranks_go_by_what_is_printed(values: list[float], higher: bool) -> None:
    found = marks(values, 1, higher)
    printed = [None if math.isnan(value) else round(value, 1) for value in values]
    levels = sorted({value for value in printed if value is not None}, reverse=higher)
    for value, mark in zip(printed, found, strict=True):
        if len(levels) < 2 or value is None:
            assert mark == ""
        else:
            assert (mark == "best") == (value == levels[0])
            assert (mark == "second") == (value == levels[1])


def test_board_is_ranked_and_carries_its_profile() -> None:
    board = made_report.board(4)
    table = board_table(board)
    assert texts(board, "#") == ["1", "2", "3", "4"]
    auc = [float(text) for text in texts(board, "AUC")]
    assert auc == sorted(auc, reverse=True)
    assert [row.cells[2].mark for row in table.rows] == ["best", "second", "", ""]
    for fact in ("pytracking v1", "8 sequences", "f" * 12, "protocol ope"):
        assert fact in table.caption
    assert "PyTracking" in table.rules


def test_throughput_is_never_a_latency_figure() -> None:
    board = made_report.board(3)
    shared = Speed(1600, 2.0, 16, 1, ("cpu",), True)
    board = replace(board, entries=(board.entries[0], replace(board.entries[1], speed=shared), board.entries[2]))
    table = board_table(board)
    assert texts(board, "FPS (1 lane)") == ["80.0", "", "80.0"]
    assert texts(board, "throughput") == ["", "800", ""]
    assert any("16 lanes" in text and "no latency" in text for _, text in table.footnotes)
    # One job among several competes for the machine as well.
    assert not Speed(10, 1.0, 1, 4).latency
    assert not Speed(10, 1.0, shared=True).latency
    assert {row["metric"] for row in records(Comparison((board,))) if row["unit"] == "frames/s"} == {
        "fps",
        "throughput",
    }


def test_what_is_doubtful_is_marked_and_not_ranked() -> None:
    board = made_report.board(3)
    first, second, third = board.entries
    first = replace(first, missing=("airplane-9",), expected=(*first.expected, "airplane-9"))
    second = replace(second, random_weights=True)
    third = replace(third, other_data=True)
    board = replace(board, entries=(second, third, first))
    table = board_table(board)
    assert [row.cells[1].notes for row in table.rows] == [("§",), ("‡",), ("†",)]
    assert texts(board, "#") == ["–", "1", "–"]
    assert texts(board, "sequences") == ["8/8", "8/8", "8/9"]
    assert all(cell.mark == "" for row in (table.rows[0], table.rows[2]) for cell in row.cells)
    assert {mark for mark, _ in table.footnotes} == {"†", "‡", "§"}
    assert any("1 of 9 sequences" in text for _, text in table.footnotes)


def test_attributes_are_averaged_with_the_profiles_weights() -> None:
    scores = made_report.scores(0.5, 4)
    values = np.array([10.0, 20.0, 30.0, 40.0])
    plain = replace(scores, per_sequence={**scores.per_sequence, "auc": values})
    board = made_report.board(1, 4)
    names = board.names
    attributes = {names[0]: ("IV",), names[1]: ("IV", "OV"), names[2]: ("OV",)}

    def row(value: made_report.Scores) -> list[str]:
        table = attribute_table(replace(board, entries=(made_report.entry("dcf", value),), attributes=attributes))
        assert table is not None
        assert [heading.text for heading in table.headings] == ["Tracker", "IV (2)", "OV (2)"]
        return [cell.text for cell in table.rows[0].cells[1:]]

    assert row(plain) == ["15.0", "25.0"]
    assert row(replace(plain, weights={"auc": np.array([3.0, 1.0, 1.0, 1.0])})) == ["12.5", "25.0"]
    assert attribute_table(replace(board, attributes={})) is None


def test_overview_joins_data_sets_and_leaves_gaps() -> None:
    first, second = made_report.board(3), made_report.board(2, dataset="avist", title="AVisT")
    table = overview_table(Comparison((first, second)))
    assert table is not None
    assert [heading.text for heading in table.headings] == ["Tracker", "LaSOT test AUC", "AVisT test AUC"]
    assert [row.cells[2].text for row in table.rows if row.key == first.entries[2].tracker] == ["–"]
    assert overview_table(Comparison((first,))) is None


def test_terminal_prints_figures_whole_in_a_narrow_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    board = made_report.board(30)
    text = terminal.text([board_table(board)])
    for entry in board.entries:
        assert entry.tracker in text
        assert f"{entry.scores.metrics['auc']:.2f}" in text
    assert "…" not in text


def test_footnote_numbers_are_not_read_as_figures() -> None:
    board = made_report.board(2)
    board = replace(board, entries=tuple(replace(entry, speed=Speed(800, 1.0, 4)) for entry in board.entries))
    assert "800¹" in terminal.text([board_table(board)])


def test_markup_in_names_is_literal() -> None:
    odd = "[bold]my_tracker*|<b>&50%$#~^\\{x}"
    board = made_report.board(2)
    board = replace(board, entries=(made_report.entry(odd, made_report.scores(0.9)), board.entries[1]))
    table = board_table(board)
    assert odd in terminal.text([table])
    assert "\\[bold\\]my\\_tracker\\*\\|\\<b\\>" in markdown.grid(table)
    tex = latex.environment(table)
    assert (
        "my\\_tracker*\\textbar{}\\textless{}b\\textgreater{}\\&50\\%\\$\\#\\textasciitilde{}\\textasciicircum{}" in tex
    )


@given(st.text(st.characters(max_codepoint=126, exclude_categories=["Cc"]), max_size=30))
def test_escaped_latex_has_no_live_character(text: str) -> None:
    escaped = escape(text)
    bare = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}", "", escaped)
    bare = re.sub(r"\\[&%$#_{}]", "", bare)
    assert not set(bare) & set("\\&%$#_{}~^")


def latex_of(count: int) -> str:
    board = made_report.board(count)
    other = made_report.board(min(count, 4), dataset="got10k-val", title="GOT-10k")
    report = Report(Comparison((board, other)))
    return latex.document(report.tables, "0.0")


@pytest.mark.parametrize("count", [1, 3, 30])
def test_latex_is_booktabs_with_ranks(count: int) -> None:
    text = latex_of(count)
    for command in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{command}") >= 2
    assert text.count("\\begin{table") == text.count("\\end{table")
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
    for tabular in re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        rows = [line for line in tabular[1].splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
        assert all(len(re.findall(r"(?<!\\)&", row)) == len(tabular[0]) - 1 for row in rows)
    assert ("\\textbf{" in text) == (count > 1)
    assert ("\\underline{" in text) == (count > 1)
    assert text.isascii()


def test_latex_parts_what_is_longer_than_a_page() -> None:
    table = board_table(made_report.board(30))
    noted = replace(table.rows[-1].cells[1], notes=("1",))
    last = replace(table.rows[-1], cells=(table.rows[-1].cells[0], noted, *table.rows[-1].cells[2:]))
    table = replace(table, rows=(*table.rows[:-1], last), footnotes=(("1", "a note on the last"),))
    first, second, third = latex.pages(table, 12)
    assert (*first.rows, *second.rows, *third.rows) == table.rows
    assert (first.footnotes, third.footnotes) == ((), table.footnotes)
    assert second.title.endswith("(continued)")
    text = "".join(latex.environment(part, first=part is first) for part in (first, second, third))
    assert text.count("\\label{") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(latex_of(30))
    page = "\\documentclass[twocolumn]{article}\\usepackage{booktabs}\\begin{document}\\input{table}\\end{document}"
    (tmp_path / "page.tex").write_text(page)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_records_are_tidy_and_unrounded() -> None:
    board = made_report.board(2)
    rows = list(csv.DictReader(io.StringIO(as_csv(records(Comparison((board,))), FIELDS))))
    [auc] = [row for row in rows if row["metric"] == "auc" and row["tracker"] == board.entries[0].tracker]
    assert float(auc["value"]) == board.entries[0].scores.metrics["auc"]
    expected = {"dataset": "lasot", "split": "test", "unit": "%", "profile": "pytracking", "profile_version": "1"}
    assert expected.items() <= auc.items()
    assert (auc["fingerprint"], auc["sequences"], auc["complete"]) == ("f" * 64, "8", "true")
    each = list(csv.DictReader(io.StringIO(as_csv(sequence_records(Comparison((board,))), SEQUENCE_FIELDS))))
    assert len(each) == 2 * 8 * 5
    assert {row["profile"] for row in each} == {"pytracking"}
    assert np.mean([float(row["value"]) for row in each if row["metric"] == "auc" and row["tracker"] == "dcf"]) == (
        pytest.approx(board.entries[1].scores.metrics["auc"])
    )


def test_report_object_shows_itself() -> None:
    report = Report(Comparison((made_report.board(2),), ("a note",)))
    assert "OSTrack-384" in repr(report)
    assert "a note" in str(report)
    assert report._repr_html_().count("<tr") == 3
    frame = report.frame
    assert tuple(frame.columns) == FIELDS
    assert set(frame[frame.source == "run"].tracker) == {"OSTrack-384", "dcf"}


def test_columns_keep_their_order_and_unknown_metrics_follow() -> None:
    found = [column.metric for column in columns(["zeta", "norm_precision", "auc", "ao", "alpha"])]
    assert found == ["ao", "auc", "norm_precision", "alpha", "zeta"]
    assert show(-0.5, 1) == "−0.5"
    assert show(math.nan) == "–"

"""Plots: what a reader of a printed page must be able to tell."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import made_report
import pytest

from trackzoo.report import plots, style


def lightness(colour: str) -> float:
    """CIE L* of an sRGB colour, 0..100: what is left of it in grey."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    y = sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


@pytest.fixture(scope="module")
def drawn() -> dict[int, plots.Figure]:
    boards = {count: made_report.board(count) for count in (1, 30)}
    with style.figures():
        figures = {
            count: plots.curve_figure(board, plots.KINDS[0], plots.lines([board])) for count, board in boards.items()
        }
    assert all(figures.values())
    return figures  # type: ignore[return-value]


def test_thirty_lines_differ_in_grey() -> None:
    lines = [style.line(index) for index in range(30)]
    assert len({(line.colour, line.dashes) for line in lines}) == 30
    for first, second in itertools.combinations(lines, 2):
        if first.dashes == second.dashes:
            assert abs(lightness(first.colour) - lightness(second.colour)) > 13
    assert max(map(lightness, style.COLOURS)) < 75  # on white paper
    assert min(map(lightness, style.DARK_COLOURS)) > 45  # on a dark screen
    assert len(style.DARK_COLOURS) == len(style.COLOURS)


def test_legend_is_ranked_with_scores_in_brackets(drawn: dict[int, plots.Figure]) -> None:
    labels = [text.get_text() for text in drawn[30].axes[0].get_legend().get_texts()]
    scores = [float(re.match(r"\[([\d.]+)\] ", label)[1]) for label in labels]  # type: ignore[index]
    assert len(labels) == 30
    assert scores == sorted(scores, reverse=True)
    best = max(made_report.board(30).entries, key=lambda entry: entry.scores.metrics["auc"])
    assert labels[0] == f"[{best.scores.metrics['auc']:.1f}] {best.tracker}"
    assert all(len(label) < 45 for label in labels)


def test_legend_does_not_cover_curves_and_stays_on_the_page(drawn: dict[int, plots.Figure]) -> None:
    for figure in drawn.values():
        figure.canvas.draw()
        axes = figure.axes[0]
        frame, legend = axes.get_window_extent(), axes.get_legend().get_window_extent()
        assert legend.x0 >= frame.x1
        page = axes.get_tightbbox().union([axes.get_tightbbox(), axes.xaxis.label.get_window_extent()])
        assert legend.y0 >= page.y0 - 2
        assert all(text.get_fontsize() >= style.SMALLEST for text in axes.get_legend().get_texts())


def test_files_are_what_they_say(drawn: dict[int, plots.Figure]) -> None:
    with style.figures():
        files = plots.render(drawn[30])
        again = plots.render(drawn[30], ["pdf"])["pdf"]
    assert files["png"].startswith(b"\x89PNG")
    assert files["pdf"].startswith(b"%PDF")
    assert b"<svg" in files["svg"][:1000]
    assert again == files["pdf"]
    # TrueType, which publishers take, and no Type 3, which they refuse.
    assert b"/Subtype /Type3" not in files["pdf"]
    assert b"/FontFile2" in files["pdf"]


def test_a_tracker_has_one_line_in_all_plots_and_the_best_the_first() -> None:
    first, second = made_report.board(3), made_report.board(6)
    styles = plots.lines([first, second])
    assert sorted(line.index for line in styles.values()) == list(range(6))
    assert styles[first.entries[0].tracker].index == 0


def test_incomplete_runs_are_marked_and_last() -> None:
    board = made_report.board(3)
    best = replace(board.entries[0], missing=("x",))
    board = replace(board, entries=(*board.entries[1:], best))
    found = plots.ranked(board.entries, plots.KINDS[0])
    assert found[-1][1] is best
    with style.figures():
        figure = plots.curve_figure(board, plots.KINDS[0], plots.lines([board]))
    assert figure is not None
    assert figure.axes[0].get_legend().get_texts()[-1].get_text().endswith("†")


def test_no_plot_where_no_run_has_the_curve() -> None:
    board = made_report.board(1)
    entry = board.entries[0]
    bare = replace(entry, scores=replace(entry.scores, curves={"success": entry.scores.curves["success"]}))
    board = replace(board, entries=(bare,))
    assert plots.curve_figure(board, plots.KINDS[1], plots.lines([board])) is None


def test_long_names_keep_both_ends() -> None:
    name = "my_package.trackers:AVeryLongTrackerName-384-variant-b"
    short = style.shorten(name)
    assert len(short) == style.NAME_LENGTH
    assert name.startswith(short.split("…")[0])
    assert name.endswith(short.split("…")[1])
    assert style.shorten("dcf") == "dcf"

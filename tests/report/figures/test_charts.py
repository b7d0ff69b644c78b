"""Figures beside the curves: what they draw are the numbers they were given, for one tracker and for thirty."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import made_report
import numpy as np
import pytest
from hypothesis import given, strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from trackzoo.errors import SettingsError, TrackzooError
from trackzoo.metrics.bootstrap import duel
from trackzoo.report import style
from trackzoo.report.figures.ablation import Series, ablation
from trackzoo.report.figures.ar import ArPoint, ar_plot
from trackzoo.report.figures.attributes import AttributeChart, chart
from trackzoo.report.figures.bars import attribute_bars
from trackzoo.report.figures.difference import Differences, differences
from trackzoo.report.figures.eao import EaoLine, eao_curve
from trackzoo.report.figures.overlap import overlap_over_time, smoothed, spans
from trackzoo.report.figures.radar import attribute_radar
from trackzoo.report.figures.ranking import Ranked, ranking
from trackzoo.report.figures.sheet import fitting, key_names, styles_of, text_width, wrapped
from trackzoo.report.figures.speed import Bubble, accuracy_speed

NAMES = made_report.NAMES


def key(figure: Figure) -> list[str]:
    """Labels of the figure's key."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def words(figure: Figure) -> str:
    """Everything that is written."""
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))


def named(axes: Any, label: str) -> Any:
    """The one artist of that label."""
    [found] = [artist for artist in (*axes.lines, *axes.collections) if artist.get_label() == label]
    return found


def inside(figure: Figure) -> None:
    """All that is drawn lies within the width that was chosen, up to a hair."""
    box = figure.get_tightbbox(figure.canvas.get_renderer())  # type: ignore[attr-defined]
    assert box.x0 > -0.1
    assert box.x1 < figure.get_figwidth() + 0.1
    assert box.y0 > -0.1
    assert box.y1 < figure.get_figheight() + 0.1


def table(count: int) -> AttributeChart:
    found = chart(made_report.board(count, sequences=12))
    assert found is not None
    return found


def test_attribute_values_are_means_over_the_sequences_that_carry_it() -> None:
    board = made_report.board(3, sequences=12)
    found = table(3)
    for row, entry in enumerate(board.entries):
        for place, name in enumerate(found.attributes):
            carries = [name in board.attributes[sequence] for sequence in entry.scores.names]
            assert found.counts[place] == sum(carries)
            assert found.values[row, place] == pytest.approx(entry.scores.per_sequence["auc"][carries].mean())
    assert found.trackers == tuple(entry.tracker for entry in board.entries)


def test_incomplete_runs_are_named_and_not_averaged() -> None:
    board = made_report.board(3, sequences=12)
    board = replace(board, entries=(*board.entries[:2], replace(board.entries[2], missing=("x",))))
    found = chart(board)
    assert found is not None
    assert found.trackers == tuple(entry.tracker for entry in board.entries[:2])
    assert board.entries[2].tracker in found.notes[0]
    assert chart(replace(board, attributes={})) is None


@pytest.mark.parametrize("count", [1, 3, 30])
def test_bars_stand_as_high_as_the_values(count: int) -> None:
    found = table(count)
    figure = attribute_bars(found)
    inside(figure)
    shown = min(count, 12)
    for row, tracker in enumerate(found.trackers[:shown]):
        bars = [
            bar for axes in figure.axes for group in axes.containers if group.get_label() == tracker for bar in group
        ]
        assert [bar.get_height() for bar in bars] == pytest.approx(list(found.values[row]))
    assert all(axes.get_ylim()[0] == 0 for axes in figure.axes)
    assert len(key(figure)) == shown
    assert ("The first 12 of 30 trackers." in words(figure)) == (count == 30)
    looks = {(to_hex(handle.get_facecolor()), handle.get_hatch()) for handle in figure.legends[0].legend_handles}  # type: ignore[union-attr]
    assert len(looks) == shown  # told apart by lightness and hatch


def test_bars_stay_wide_enough_to_print() -> None:
    for width in (style.COLUMN, style.PAGE):
        figure = attribute_bars(table(12), width=width)
        for axes in figure.axes:
            inches = axes.get_position().width * width / (axes.get_xlim()[1] - axes.get_xlim()[0])
            assert inches >= 0.045


def test_a_value_that_is_not_known_has_no_bar_and_no_number() -> None:
    found = table(2)
    values = found.values.copy()
    values[1, 0] = math.nan
    figure = attribute_bars(replace(found, values=values))
    [group] = [group for group in figure.axes[0].containers if group.get_label() == found.trackers[1]]
    assert group[0].get_height() == 0
    assert "nan" not in words(figure)


@pytest.mark.parametrize("count", [1, 3, 30])
def test_radar_goes_through_the_values_and_closes(count: int) -> None:
    found = table(count)
    figure = attribute_radar(found)
    inside(figure)
    for row, tracker in enumerate(found.trackers):
        angles, radii = named(figure.axes[0], tracker).get_data()
        assert list(radii[:-1]) == pytest.approx(list(found.values[row]))
        assert radii[-1] == radii[0]
        assert angles[-1] == pytest.approx(2 * math.pi)
    low, high = figure.axes[0].get_ylim()
    assert low <= np.nanmin(found.values) <= np.nanmax(found.values) <= high
    assert len(key(figure)) == (count if count <= 8 else 9)
    if count > 8:
        assert key(figure)[-1] == f"{count - 8} others"


def test_radar_with_own_scales_says_the_ends() -> None:
    found = table(3)
    figure = attribute_radar(found, own_scale=True)
    radii = np.array([named(figure.axes[0], tracker).get_data()[1][:-1] for tracker in found.trackers])
    assert radii.max() == pytest.approx(1)
    assert (radii.argmax(axis=0) == found.values.argmax(axis=0)).all()
    written = words(figure)
    for place, name in enumerate(found.attributes):
        assert f"{name} ({found.values[:, place].min():.1f}" in written.replace("\n", " ")
    assert "Each spoke has its own scale" in written.replace("\n", " ")


def test_radar_of_two_attributes_is_refused() -> None:
    found = table(2)
    with pytest.raises(TrackzooError, match="a radar needs 3"):
        attribute_radar(
            replace(found, attributes=found.attributes[:2], counts=found.counts[:2], values=found.values[:, :2])
        )


def bubbles(count: int) -> list[Bubble]:
    random = np.random.default_rng(5)
    return [
        Bubble(
            NAMES[place], 10 ** random.uniform(0.5, 2.5), random.uniform(40, 75), random.uniform(5, 300), place % 3 == 2
        )
        for place in range(count)
    ]


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("latency", [False, True])
def test_bubbles_lie_at_speed_and_score(count: int, latency: bool) -> None:
    figure = accuracy_speed(
        bubbles(count), latency=latency, sizes="M parameters", width=style.PAGE if count > 12 else 3.5
    )
    inside(figure)
    axes = figure.axes[0]
    areas = {}
    for bubble in bubbles(count):
        drawn = named(axes, bubble.tracker)
        assert tuple(drawn.get_offsets()[0]) == pytest.approx(
            (1000 / bubble.fps if latency else bubble.fps, bubble.score)
        )
        assert (len(drawn.get_facecolor()) == 0) == bubble.published  # hollow
        areas[bubble.size] = float(drawn.get_sizes()[0])
    unsized = accuracy_speed([Bubble("a", 5, 5, 100), Bubble("b", 6, 6)], sizes="epochs")
    assert "size not known: b." in words(unsized)
    sizes = sorted(areas)
    assert [areas[size] for size in sizes] == sorted(areas.values())
    if areas[sizes[-1]] > 200 and count > 1:
        big = [size for size in sizes if areas[size] > 20]
        assert areas[big[0]] / areas[big[-1]] == pytest.approx(big[0] / big[-1])  # area, not radius


def test_labels_of_bubbles_do_not_cover_each_other() -> None:
    figure = accuracy_speed(bubbles(12), width=style.PAGE)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text() in NAMES]
    assert len(boxes) == 12
    for place, box in enumerate(boxes):
        for other in boxes[:place]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            up = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across < 2 or up < 2


def test_a_tracker_without_speed_is_left_out_with_a_note() -> None:
    given = [Bubble("dcf", 50, 60), Bubble("rts", math.nan, 70, reason="timed with 4 lanes, which is throughput"),
             Bubble("tomp", 20, math.nan)]  # fmt: skip
    figure = accuracy_speed(given)
    assert [drawn.get_label() for drawn in figure.axes[0].collections] == ["dcf"]
    assert "Not shown, timed with 4 lanes, which is throughput: rts." in words(figure)
    assert "Not shown, no score: tomp." in words(figure)
    with pytest.raises(TrackzooError, match="no tracker with both"):
        accuracy_speed(given[1:])


def test_devices_stand_below_the_bubbles() -> None:
    given = [
        Bubble("dcf", 50, 60, device="one CPU"),
        Bubble("RTS", 30, 70, published=True, device="RTS, Sec. 4, on one GTX 2080 Ti"),
    ]
    written = words(accuracy_speed(given, width=style.PAGE))
    assert "Measured on one CPU." in written
    assert "Published speed (RTS, Sec. 4, on one GTX 2080 Ti): RTS." in written


@pytest.mark.parametrize("count", [1, 3, 30])
def test_eao_curves_are_ranked_in_the_key(count: int) -> None:
    lines = [
        EaoLine(
            NAMES[place], np.concatenate([[0], 0.7 * np.exp(-np.arange(400) / (50 + 20 * place))]), 0.1 + place / 100
        )
        for place in range(count)
    ]
    figure = eao_curve(lines, (115, 355))
    inside(figure)
    for line in lines:
        across, up = named(figure.axes[0], line.tracker).get_data()
        assert list(across) == list(range(1, 401))
        assert list(up) == list(line.values[1:])
    assert key(figure)[0] == f"[{0.1 + (count - 1) / 100:.3f}] {key_names([NAMES[count - 1]], 3.5)[0]}"
    assert [text[1:6] for text in key(figure)] == sorted((text[1:6] for text in key(figure)), reverse=True)


@pytest.mark.parametrize("count", [1, 3, 30])
def test_ranking_is_sorted_best_on_top(count: int) -> None:
    entries = [
        Ranked(NAMES[place], 30 + (place * 7) % 31, 29 + (place * 7) % 31, 33 + (place * 7) % 31)
        for place in range(count)
    ]
    figure = ranking([*entries, Ranked("lost", math.nan)], label="AUC [%]")
    inside(figure)
    axes = figure.axes[0]
    places = {entry.tracker: named(axes, entry.tracker).get_data() for entry in entries}
    for entry in entries:
        assert list(places[entry.tracker][0]) == [entry.score]
    order = sorted(entries, key=lambda entry: float(places[entry.tracker][1][0]))
    assert [entry.score for entry in order] == sorted((entry.score for entry in entries), reverse=True)
    assert axes.yaxis_inverted()
    assert "Not shown, no figure: lost." in words(figure)
    with pytest.raises(TrackzooError, match="found no tracker"):
        ranking([Ranked("lost", math.nan)], label="AUC [%]")


@pytest.mark.parametrize("count", [1, 3, 30])
def test_ar_points_lie_at_robustness_and_accuracy(count: int) -> None:
    points = [ArPoint(NAMES[place], 0.5 + place / 100, 0.9 - place / 80) for place in range(count)]
    figure = ar_plot([*points, ArPoint("half", 0.5, math.nan)])
    inside(figure)
    for point in points:
        drawn = named(figure.axes[0], point.tracker)
        assert (drawn.get_xdata()[0], drawn.get_ydata()[0]) == (point.robustness, point.accuracy)
    looks = {(to_hex(handle.get_color()), handle.get_marker()) for handle in figure.legends[0].legend_handles}  # type: ignore[union-attr]
    assert len(looks) == count
    assert "Not shown, no figures: half." in words(figure)
    full = ar_plot(points, full=True).axes[0]
    assert (full.get_xlim(), full.get_ylim()) == ((0, 1), (0, 1))


def test_ablation_lines_are_sorted_by_the_setting_and_the_best_is_ringed() -> None:
    line = Series("60 epochs", (0.9, 0.5, 0.7), (73.0, 72.0, 74.3), (0.1, math.nan, 0.2))
    figure = ablation([line, Series("20 epochs", (0.5, 0.9), (70.0, 71.0))], setting="ratio", label="AO [%]")
    inside(figure)
    across, up = named(figure.axes[0], "60 epochs").get_data()
    assert (list(across), list(up)) == ([0.5, 0.7, 0.9], [72.0, 74.3, 73.0])
    rings = [ring.get_xydata()[0] for ring in figure.axes[0].lines if ring.get_label() == "_best"]
    assert [tuple(ring) for ring in rings] == [(0.7, 74.3), (0.9, 71.0)]
    assert key(figure) == ["60 epochs", "20 epochs"]


def test_ablation_over_words_keeps_their_order_and_breaks_at_what_is_missing() -> None:
    figure = ablation(
        [Series("dcf", ("gray", "rgb", "hog"), (50.0, math.nan, 64.0))], setting="features", label="AUC [%]"
    )
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["gray", "rgb", "hog"]
    assert math.isnan(named(axes, "dcf").get_ydata()[1])
    with pytest.raises(TrackzooError, match="found no score"):
        ablation([Series("dcf", (1.0,), (math.nan,))], setting="x", label="y")
    with pytest.raises(TrackzooError, match="2 settings and 1 scores"):
        Series("dcf", (1.0, 2.0), (1.0,))


@pytest.mark.parametrize("count", [1, 8, 30, 280])
def test_differences_are_sorted_and_signed(count: int) -> None:
    first, second = made_report.scores(0.7, count, 1), made_report.scores(0.6, count, 2)
    gap = first.per_sequence["auc"] - second.per_sequence["auc"]
    fight = duel(first, second, "auc", resamples=200)
    figure = differences(
        Differences("a", "b", first.names, gap, "AUC [%]", fight), width=style.COLUMN if count <= 30 else style.PAGE
    )
    inside(figure)
    [bars] = figure.axes[0].containers
    lengths = [bar.get_width() if count <= 30 else bar.get_height() for bar in bars]
    assert lengths == sorted(gap.tolist(), reverse=True)
    colours = styles_of(["a", "b"])
    for bar, length in zip(bars, lengths, strict=True):
        assert to_hex(bar.get_facecolor()) == colours["a" if length >= 0 else "b"].colour
    written = words(figure).replace("\n", " ")
    assert f"a wins {fight.wins}, ties {fight.ties}, loses {fight.losses}" in written
    assert ("a tie: the interval holds 0" in written) == fight.tied
    if count > 30:
        assert f"{first.names[int(gap.argmax())]} +{gap.max():.1f}" in written


def test_where_less_is_better_the_sides_change() -> None:
    given = Differences("a", "b", ("x", "y"), np.array([2.0, -1.0]), "failures", higher=False)
    figure = differences(given)
    colours = styles_of(["a", "b"])
    assert [to_hex(bar.get_facecolor()) for bar in figure.axes[0].containers[0]] == [
        colours["b"].colour,
        colours["a"].colour,
    ]
    assert {text.get_text() for text in figure.axes[0].texts} == {"← a better", "b better →"}
    assert {text.get_text() for text in differences(replace(given, higher=True)).axes[0].texts} == {
        "← b better",
        "a better →",
    }


def test_differences_leave_out_what_is_not_known() -> None:
    figure = differences(Differences("a", "b", ("x", "y"), np.array([1.0, math.nan]), "AUC [%]"))
    assert len(figure.axes[0].containers[0]) == 1
    assert "Not shown, no figure: y." in words(figure)
    with pytest.raises(TrackzooError, match="no sequence that both"):
        differences(Differences("a", "b", ("y",), np.array([math.nan]), "AUC [%]"))
    with pytest.raises(TrackzooError, match="one a sequence"):
        Differences("a", "b", ("x", "y"), np.array([1.0]), "AUC [%]")


@pytest.mark.parametrize("count", [1, 5, 30])
def test_overlaps_are_lines_for_a_few_and_rows_for_many(count: int) -> None:
    random = np.random.default_rng(0)
    given = {NAMES[place]: random.random(120) for place in range(count)}
    absent = np.zeros(120, dtype=bool)
    absent[40:50] = True
    figure = overlap_over_time(given, absent=absent)
    inside(figure)
    axes = figure.axes[0]
    means = {name: values[~absent].mean() for name, values in given.items()}
    order = sorted(means, key=lambda name: -means[name])
    if count <= 6:
        for name, values in given.items():
            across, up = named(axes, name).get_data()
            assert list(across) == list(range(120))
            assert np.array_equal(up, np.where(absent, np.nan, values), equal_nan=True)
        assert [text[1:5] for text in key(figure)] == [f"{means[name]:.2f}" for name in order]
    else:
        picture = axes.images[0].get_array()
        assert picture is not None
        for row, name in enumerate(order):
            assert np.allclose(np.ma.filled(picture[row], np.nan)[~absent], given[name][~absent])
        assert len(axes.get_yticklabels()) == count


def test_overlaps_that_do_not_fit_are_refused() -> None:
    for odd in ({}, {"a": np.zeros(3), "b": np.zeros(4)}, {"a": np.zeros(0)}):
        with pytest.raises(TrackzooError, match="overlap over time"):
            overlap_over_time(odd)
    with pytest.raises(TrackzooError, match="flags of absence"):
        overlap_over_time({"a": np.zeros(3)}, absent=np.zeros(4, dtype=bool))


@given(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=60), st.integers(1, 9))
def test_smoothing_keeps_bounds_and_gaps(values: list[float], window: int) -> None:
    array = np.array(values)
    found = smoothed(array, window)
    assert np.array_equal(np.isnan(found), np.isnan(array))
    known = array[np.isfinite(array)]
    if known.size:
        assert known.min() - 1e-9 <= np.nanmin(found)
        assert np.nanmax(found) <= known.max() + 1e-9


@given(st.lists(st.booleans(), max_size=60))
def test_spans_cover_what_is_true_and_nothing_else(flags: list[bool]) -> None:
    covered = [False] * len(flags)
    for begin, end in spans(np.array(flags, dtype=bool)):
        covered[begin:end] = [True] * (end - begin)
    assert covered == flags


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(2, 10))
def test_limits_hold_the_values_in_few_round_steps(low: float, size: float, most: int) -> None:
    begin, end, step = fitting(low, low + size, most=most)
    slack = 1e-6 * max(1.0, abs(low) + size)
    assert begin <= low + slack
    assert end >= low + size - slack
    assert (end - begin) / step <= most + 1e-6


def test_wrapped_text_fits_and_loses_nothing() -> None:
    text = "Weather Conditions and a word_that_is_far_too_long_for_the_place"
    with style.figures():
        lines = wrapped(text, 0.8, 7)
        assert " ".join(lines) == text
        assert all(text_width([line], 7) <= 0.8 for line in lines if " " in line)


def test_many_names_are_shortened_to_two_columns() -> None:
    long = [f"my_package.trackers.variant_{place}:AVeryLongClassName" for place in range(12)]
    with style.figures():
        short = key_names(long, style.COLUMN)
        assert len(set(short)) == 12 or all("…" in name for name in short)
        assert text_width(short, style.LEGEND_SIZE) < style.COLUMN / 2
    figure = ar_plot([ArPoint(name, 0.5, 0.5 + place / 50) for place, name in enumerate(long)])
    inside(figure)


def test_names_with_dollars_are_taken_literally() -> None:
    figure = ranking([Ranked("cost$5$", 3.0), Ranked("b", 2.0)], label="AUC")
    figure.canvas.draw()
    assert "cost\\$5\\$" in words(figure)


def test_given_styles_are_kept_and_others_differ() -> None:
    given_styles = {"a": style.line(3)}
    found = styles_of(["b", "a", "c"], given_styles)
    assert found["a"].index == 3
    assert len({line.index for line in found.values()}) == 3


def test_a_width_that_no_page_has_is_refused() -> None:
    with pytest.raises(SettingsError, match="found a figure width of 0.1 inches"):
        ranking([Ranked("a", 1.0)], label="AUC", width=0.1)


def test_the_callers_own_settings_are_left_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    attribute_bars(table(2))
    assert dict(matplotlib.rcParams) == before

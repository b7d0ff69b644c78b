"""`trackzoo plot`: which figures come out of a results folder, as which files, and what is refused."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_report
import numpy as np
import pytest
from click.testing import CliRunner
from stored_runs import DATASET, shifted, store

import trackzoo
from trackzoo.cli.plot import plot
from trackzoo.errors import TrackzooError
from trackzoo.metrics.types import Curve
from trackzoo.metrics.vot_scores import VotScores
from trackzoo.report import published, style
from trackzoo.report.collect import Rules
from trackzoo.report.figures.attached import attached
from trackzoo.report.figures.drawn import Drawn, Wanted
from trackzoo.report.figures.files import FORMATS, save, save_all
from trackzoo.report.figures.kinds import KINDS, draw
from trackzoo.report.figures.of_boards import DRAW
from trackzoo.report.figures.ranking import Ranked, ranking
from trackzoo.report.model import Board, Speed

Cli = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., str]
STARTS = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    store(folder, "dcf", shifted(2))
    store(folder, "static", shifted(60))
    store(folder, "opencv-mil", shifted(9), record={"lanes": 4, "throughput": True})
    return folder


def drawn(kind: str, stored: Path, *trackers: str, **changes: Any) -> list[Drawn]:
    return draw(kind, Wanted(trackers=trackers, results=(stored,), **changes))[0]


def test_every_kind_that_needs_no_more_is_drawn_out_of_results(stored: Path) -> None:
    for kind in KINDS:
        if kind in ("eao", "ar", "ablation"):
            continue
        trackers = ("dcf", "static") if kind == "difference" else ("static",) if kind == "failures" else ()
        [made] = drawn(kind, stored, *trackers)
        assert made.label
        assert "/" not in made.name


def test_speed_shows_latency_alone(stored: Path) -> None:
    [made] = drawn("speed", stored)
    assert {each.get_label() for each in made.figure.axes[0].collections} == {"dcf", "static"}
    text = " ".join(each.get_text() for each in made.figure.texts).replace("\n", " ")
    assert "timed with 4 lanes, which is throughput: opencv-mil" in text
    with pytest.raises(TrackzooError, match="4 lanes, which is throughput"):
        drawn("speed", stored, "opencv-mil")


def test_named_trackers_look_the_same_in_every_figure(stored: Path) -> None:
    def colours(kind: str) -> dict[str, str]:
        [made] = drawn(kind, stored, "static", "dcf")
        named = [line for axes in made.figure.axes for line in axes.lines if line.get_label() in ("dcf", "static")]
        return {line.get_label(): line.get_color() for line in named}

    assert colours("overlap") == colours("radar") == {"static": style.COLOURS[0], "dcf": style.COLOURS[1]}


def test_failures_are_those_of_the_first_tracker(stored: Path) -> None:
    [made] = drawn("failures", stored, "static", "dcf")
    keys = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert keys == ["annotation", "static", "dcf"]
    assert "static" in made.label
    with pytest.raises(TrackzooError, match="dcf never loses its target"):
        drawn("failures", stored, "dcf", "static")
    with pytest.raises(TrackzooError, match="name the tracker whose failures"):
        drawn("failures", stored)


def test_strips_show_the_frames_that_were_asked_for(stored: Path) -> None:
    name = drawn("overlap", stored)[0].label.split(" on ")[1].split(" ")[0]
    [made] = drawn("strip", stored, "dcf", sequences=(name,), frames=(0, 7))
    assert [axes.texts[0].get_text() for axes in made.figure.axes] == ["#0", "#7"]
    with pytest.raises(TrackzooError, match=f"'{name}': found frame 20, expected 0 to 19"):
        drawn("strip", stored, "dcf", sequences=(name,), frames=(20,))
    with pytest.raises(TrackzooError, match="unknown sequence"):
        drawn("strip", stored, sequences=("no-such",))
    with pytest.raises(TrackzooError, match="found 1 repetitions, expected number 3"):
        drawn("overlap", stored, repeat=3)


def test_difference_follows_the_order_of_the_names(stored: Path) -> None:
    def lengths(*trackers: str) -> list[float]:
        [bars] = drawn("difference", stored, *trackers)[0].figure.axes[0].containers
        return [bar.get_width() for bar in bars]

    assert lengths("dcf", "static") == [-length for length in reversed(lengths("static", "dcf"))]
    assert min(lengths("dcf", "static")) > 0
    with pytest.raises(TrackzooError, match="found 3 .*; name two"):
        drawn("difference", stored)


def test_ablation_takes_the_setting_from_the_runs(stored: Path, tmp_path: Path) -> None:
    for place, padding in enumerate((1.5, 2.5, 2.0)):
        identity = {"tracker": "my:Own", "settings": {"padding": padding}}
        store(tmp_path / f"runs-{place}", "my:Own", shifted(2 + place), identity=identity)
    folders = tuple(tmp_path / f"runs-{place}" for place in range(3))
    [made], _ = draw("ablation", Wanted(results=folders, setting="padding"))
    [line] = [line for line in made.figure.axes[0].lines if line.get_label() == "my:Own"]
    assert list(line.get_xdata()) == [1.5, 2.0, 2.5]
    scores = list(line.get_ydata())
    assert scores[0] > scores[2] > scores[1]  # 2, 3, 4 pixels off at 1.5, 2.5, 2.0
    with pytest.raises(TrackzooError, match="does not say what 'no_such' was; my:Own has padding"):
        draw("ablation", Wanted(results=folders, setting="no_such"))
    with pytest.raises(TrackzooError, match="second run of 'my:Own' with padding = 1.5"):
        draw("ablation", Wanted(results=(folders[0], folders[0]), setting="padding"))
    with pytest.raises(TrackzooError, match="--setting"):
        draw("ablation", Wanted(results=folders))
    with pytest.raises(TrackzooError, match="found 3 results folders, expected one"):
        draw("ranking", Wanted(results=folders))


def test_a_setting_that_nobody_set_has_the_trackers_default(stored: Path, tmp_path: Path) -> None:
    store(tmp_path / "other", "dcf", shifted(5), identity={"tracker": "dcf", "settings": {"rate": 0.5}})
    wanted = Wanted(("dcf",), results=(stored, tmp_path / "other"), setting="rate")
    [line] = [line for line in draw("ablation", wanted)[0][0].figure.axes[0].lines if line.get_label() == "dcf"]
    assert list(line.get_xdata()) == [trackzoo.load("dcf").settings.rate, 0.5]  # type: ignore[attr-defined]


def test_ablation_out_of_a_table(tmp_path: Path) -> None:
    file = tmp_path / "jn.csv"
    file.write_text("ratio,epochs,ao\n0.5,20,71.2\n0.7,20,\n0.5,60,73.0\n0.7,60,74.3\n")
    wanted = Wanted(table=file, setting="ratio", metric="ao", by="epochs")
    [made], _ = draw("ablation", wanted)
    lines = {
        line.get_label(): list(line.get_ydata()) for line in made.figure.axes[0].lines if line.get_label() != "_best"
    }
    assert lines["60"] == [73.0, 74.3]
    assert lines["20"][0] == 71.2
    assert np.isnan(lines["20"][1])
    for changes, message in (
        ({"setting": "rate"}, "unknown column"),
        ({"metric": ""}, "--metric"),
        ({"by": ""}, "jn.csv:4: found ratio 0.5 twice"),
        ({"table": tmp_path / "none.csv"}, "none.csv"),
    ):
        with pytest.raises(TrackzooError, match=message):
            draw("ablation", replace(wanted, **changes))
    file.write_text("ratio,ao\n0.5,high\n")
    with pytest.raises(TrackzooError, match="jn.csv:2: found ao 'high'"):
        draw("ablation", replace(wanted, by=""))


def vot_board() -> Board:
    board = made_report.board(2)
    entries = []
    for place, entry in enumerate(board.entries):
        curve = 0.6 - 0.1 * place - np.arange(200) / 1000
        metrics = {"eao": 45.0 - place, "accuracy": 70.0 - place, "robustness": 80.0 + place}
        each, curves = np.linspace(50, 90, 8), {"eao": Curve(np.arange(200.0), curve, curve[None], "frames")}
        scores = VotScores(
            "vot", 1, "vot2022", entry.scores.names, metrics, {"accuracy": each}, curves, interval=(50, 150)
        )
        entries.append(replace(entry, scores=scores))
    return replace(board, entries=tuple(entries))


def test_vot_figures_are_fractions() -> None:
    board = vot_board()
    made = DRAW["eao"](board, Wanted(), {})
    assert isinstance(made, Drawn)
    keys = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert keys == [f"[0.450] {board.entries[0].tracker}", f"[0.440] {board.entries[1].tracker}"]
    made = DRAW["ar"](board, Wanted(), {})
    assert isinstance(made, Drawn)
    points = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in made.figure.axes[0].lines}
    assert points[board.entries[1].tracker] == pytest.approx((0.81, 0.69))
    made = DRAW["ranking"](board, Wanted(), {})
    assert isinstance(made, Drawn)
    assert made.figure.axes[0].get_xlabel() == "EAO"
    assert "0.450" in [text.get_text() for text in made.figure.axes[0].texts]
    # EAO has no values per sequence: accuracy stands in.
    made = DRAW["attributes"](board, Wanted(), {})
    assert isinstance(made, Drawn)
    assert made.label.startswith("A by attribute")
    for kind in ("eao", "ar"):
        assert "VOT's protocols" in str(DRAW[kind](made_report.board(2), Wanted(), {}))


def test_reliability_out_of_failures_a_hundred_frames() -> None:
    board = vot_board()
    scores = replace(board.entries[0].scores, metrics={"eao": 20.0, "accuracy": 60.0, "failure_rate": 2.0})
    made = DRAW["ar"](replace(board, entries=(replace(board.entries[0], scores=scores),)), Wanted(), {})
    assert isinstance(made, Drawn)
    assert made.figure.axes[0].lines[0].get_xdata()[0] == pytest.approx(np.exp(-30 * 0.02))
    assert made.figure.axes[0].get_xlabel().startswith("Reliability")


def test_published_trackers_are_hollow_and_say_where_they_are_from() -> None:
    figure = next(
        each
        for each in published.lookup(metric="fps")
        if each.value is not None and each.clean and published.lookup(each.tracker, "lasot-test", "auc")
    )
    wanted = Wanted(rules=Rules(published=True), width=7.16, size="train_epochs")
    made = DRAW["speed"](made_report.board(2), wanted, {})
    assert isinstance(made, Drawn)
    hollow = {each.get_label(): each for each in made.figure.axes[0].collections if not len(each.get_facecolor())}
    printed = published.lookup(figure.tracker, "lasot-test", "auc")[0]
    speed, score = hollow[printed.printed].get_offsets()[0]
    assert (speed, score) == pytest.approx((figure.value, printed.percent))
    text = " ".join(each.get_text() for each in made.figure.texts).replace("\n", " ")
    assert figure.source in text


def test_throughput_is_no_speed() -> None:
    board = made_report.board(2)
    shared = replace(board.entries[1], speed=Speed(100, 1.0, 1, 2, ("cpu",)))
    made = DRAW["speed"](replace(board, entries=(board.entries[0], shared)), Wanted(), {})
    assert isinstance(made, Drawn)
    assert len(made.figure.axes[0].collections) == 1
    assert "2 jobs" in " ".join(text.get_text() for text in made.figure.texts)


def test_reports_get_attributes_and_the_first_two_against_each_other() -> None:
    board = made_report.board(3)
    assert [name for name, _, _ in attached(board, {})] == ["attributes", "radar", "difference"]
    alone = replace(board, entries=board.entries[:1], attributes={})
    assert attached(alone, {}) == []
    names = [name for name, _, _ in attached(replace(vot_board(), attributes={}), {})]
    assert names == ["eao", "ar", "difference"]


def test_files_are_whole_and_what_their_ending_says(tmp_path: Path) -> None:
    figure = ranking([Ranked("a", 1.0)], label="AUC")
    paths = [tmp_path / "deep" / f"figure.{form}" for form in FORMATS]
    assert save_all(figure, paths) == paths
    for path in paths:
        assert path.read_bytes().startswith(STARTS[path.suffix[1:]])
    data = paths[0].read_bytes()
    assert b"/Subtype /Type3" not in data
    # The page is as wide as the column that was asked for.
    box = data.split(b"/MediaBox [")[1].split(b"]")[0].split()
    assert float(box[2]) == pytest.approx(3.5 * 72, abs=1)
    assert not list((tmp_path / "deep").glob(".*"))
    with pytest.raises(TrackzooError, match=r"unknown picture format '.jpg'"):
        save(figure, tmp_path / "figure.jpg")
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackzooError, match="cannot be written"):
        save(figure, tmp_path / "file" / "figure.png")


def test_equal_results_give_equal_files(tmp_path: Path) -> None:
    for form in FORMATS:
        files = [save(ranking([Ranked("a", 1.0)], label="AUC"), tmp_path / f"{turn}.{form}") for turn in "ab"]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_plot_as_a_process(cli: Cli, stored: Path, tmp_path: Path) -> None:
    shutil.copytree(stored, tmp_path / "runs")
    done = cli("plot", "difference", "dcf", "static", "-d", DATASET, "-o", "d.pdf", "-o", "figures/", "--format", "svg")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "d.pdf").read_bytes().startswith(b"%PDF")
    [file] = (tmp_path / "figures").iterdir()
    assert file.name.endswith("-difference.svg")
    assert str(file.relative_to(tmp_path)) in done.stdout
    assert "AUC of dcf minus static" in done.stdout


def test_mistakes_are_one_line(cli: Cli, refused: Refused, stored: Path) -> None:
    refused(cli("plot", "radr", "--results", stored), "unknown kind of figure 'radr'", "did you mean radar")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ranking", "-o", "x.jpg"], "unknown picture format '.jpg'"),
        (["ranking", "--format", "bmp"], "unknown picture format 'bmp'"),
        (["ranking", "--width", "wide"], "--width: found 'wide'"),
        (["ranking", "--width", "0.2"], "found a figure width of 0.2 inches"),
        (["ranking", "-m", "eao"], "unknown metric"),
        (["speed", "--size", "weight"], "unknown cost 'weight'"),
        (["strip", "--frames", "1,x"], "--frames: found '1,x'"),
        (["eao"], "no run has an EAO curve"),
        (["ranking", "no-such"], "unknown tracker 'no-such'"),
        (["success", "-p", "strict,got10k", "-o", "one.pdf"], "found 2 figures"),
    ],
)
def test_what_cannot_be_drawn_leaves_nothing(
    arguments: list[str], message: str, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(plot, [*arguments, "--results", str(stored)])
    assert isinstance(done.exception, TrackzooError), done.output
    assert message in str(done.exception)
    assert "\n" not in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_the_page_about_figures_tells_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[3] / "docs" / "figures.md"
    text = page.read_text()
    told = set()
    for line in text.splitlines():
        if line.startswith("trackzoo plot "):
            words = shlex.split(line, comments=True)[2:]
            told.add(plot.make_context("plot", words).params["kind"])
    assert told <= set(KINDS)
    assert all(f"`{kind}`" in text for kind in KINDS)
    for picture in re.findall(r"\]\((images/[^)]+)\)", text):
        assert 0 < (page.parent / picture).stat().st_size < 300_000, picture
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(page), "exec"), {})
    assert (tmp_path / "ablation.pdf").read_bytes().startswith(b"%PDF")


def test_nothing_heavy_is_imported_before_something_is_drawn() -> None:
    code = """if True:
        import sys
        import trackzoo.cli.plot, trackzoo.report.figures.of_boards, trackzoo.report.figures.of_pictures
        import trackzoo.report.figures.of_settings, trackzoo.report.figures.files, trackzoo.report.figures.attached
        print(sorted({"matplotlib", "torch", "cv2", "pandas"} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

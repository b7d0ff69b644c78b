"""The HTML page and the folder that a report writes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import made_report
import pytest
from lxml import html as parser

from trackzoo.errors import TrackzooError
from trackzoo.report.model import Comparison
from trackzoo.report.report import Report

FILES = {"index.html", "report.md", "report.json", "table.tex", "scores.csv", "per_sequence.csv"}


@pytest.fixture(scope="module")
def report() -> Report:
    board = made_report.board(3)
    odd = made_report.entry("<script>alert(1)</script>&'\"", made_report.scores(0.1))
    first = replace(board, entries=(*board.entries, odd))
    second = made_report.board(2, dataset="got10k-val", title="GOT-10k")
    return Report(Comparison((first, second), ("Weight-free baselines.",)))


@pytest.fixture(scope="module")
def out(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "deep" / "out"
    written = report.write(folder)
    assert written[0] == folder / "index.html"
    assert all(path.is_file() for path in written)
    return folder


def test_folder_holds_every_format(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == {*FILES, "plots"}
    plots = Counter(path.suffix for path in (out / "plots").iterdir())
    assert plots == {".png": 12, ".pdf": 12, ".svg": 12}
    assert (out / "plots" / "lasot-test-pytracking-success.pdf").read_bytes().startswith(b"%PDF")
    assert set(json.loads((out / "report.json").read_text())["files"]) == {
        str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and path.name != "report.json"
    }


def test_page_stands_alone(out: Path) -> None:
    text = (out / "index.html").read_text()
    page = parser.fromstring(text)
    assert not page.xpath("//link | //script[@src] | //img | //iframe")
    for element in page.iter():
        for name, value in element.attrib.items():
            if name.split("}")[-1] in ("href", "src"):
                assert value.startswith("#"), (element.tag, value)
    ids = [value for value in page.xpath("//@id") if not value.startswith(("p", "m", "STIX", "DejaVu"))]
    assert len(ids) == len(set(ids))
    assert "prefers-color-scheme: dark" in text


def test_page_shows_tables_plots_sequences_and_provenance(out: Path) -> None:
    page = parser.fromstring((out / "index.html").read_text())
    boards = page.xpath("//section[contains(@class, 'board')]")
    assert [board.get("id") for board in boards] == ["lasot-test-pytracking", "got10k-val-pytracking"]
    assert len(boards[0].xpath(".//figure")) == 6  # curves, attributes twice, the first two set against each other
    assert len(boards[0].xpath(".//details[contains(@class, 'sequences')]//tbody/tr")) == 8
    names = boards[0].xpath("(.//table)[1]/tbody/tr/td[2]/text()")
    assert names[0] == "OSTrack-384"
    assert names[3] == "<script>alert(1)</script>&'\""
    assert not page.xpath("//script[contains(text(), 'alert(1)')]")
    options = boards[0].xpath(".//select/option")
    assert len(options) == 1 + 4
    provenance = page.xpath("//section[@id='provenance']//details")
    assert len(provenance) == 6
    assert "profile: pytracking v1" in provenance[0].text_content()
    assert '"version": "0.1.0"' in provenance[0].text_content()
    assert "Weight-free baselines." in page.text_content()


def test_lines_of_plots_are_tied_to_rows(out: Path) -> None:
    page = parser.fromstring((out / "index.html").read_text())
    board = page.xpath("//section[@id='lasot-test-pytracking']")[0]
    row = board.xpath("(.//table)[1]/tbody/tr[1]")[0].get("data-line")
    for figure in board.xpath(".//figure"):
        assert row in figure.xpath(".//@data-line")


def test_markdown_shows_tables_and_pictures(out: Path) -> None:
    text = (out / "report.md").read_text()
    assert "**" in text
    assert "<u>" in text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (out / line.split("](")[1].rstrip(")")).is_file()
    assert text.count("![") == 12


def test_second_report_replaces_its_own_files_and_nothing_else(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = {"png": b"", "pdf": b"", "svg": b"<svg/>"}
    # Drawing is not what this is about.
    monkeypatch.setattr("trackzoo.report.plots.render", lambda figure, **_: picture)
    report.write(tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / "plots" / "mine.pdf").write_text("kept")
    Report(Comparison(report.boards[:1])).write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "plots", "mine.txt"}
    assert len(list((tmp_path / "plots").iterdir())) == 18 + 1


def test_same_results_give_the_same_files(report: Report, tmp_path: Path, out: Path) -> None:
    written = Report(Comparison(report.boards[1:])).write(tmp_path)
    plots = [path for path in written if path.parent.name == "plots"]
    assert len(plots) == 18
    for path in plots:
        assert path.read_bytes() == (out / path.relative_to(tmp_path)).read_bytes(), path.name


def test_nothing_is_left_when_writing_fails(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("half-way")

    monkeypatch.setattr("trackzoo.report.plots.render", lambda figure, **_: {"svg": b"<svg/>"})
    monkeypatch.setattr("trackzoo.report.html.page", broken)
    with pytest.raises(RuntimeError):
        report.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_out_that_is_a_file_is_refused(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackzooError, match="expected a folder"):
        report.write(tmp_path / "file")
    with pytest.raises(TrackzooError, match="cannot be written"):
        report.write(tmp_path / "file" / "below")

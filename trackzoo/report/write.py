"""Everything that a report leaves on disk. All of it is made first and then moved into place."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence as ListOf
from pathlib import Path
from typing import TYPE_CHECKING

from trackzoo._version import __version__
from trackzoo.errors import TrackzooError
from trackzoo.report import html, latex, markdown, style
from trackzoo.report.mask_pictures import mask_strips
from trackzoo.report.model import Comparison
from trackzoo.report.records import FIELDS, SEQUENCE_FIELDS, as_csv, records, sequence_records

if TYPE_CHECKING:
    from trackzoo.report.report import Report

TITLE = "Tracking results"
#: Lists what a report wrote, so that the next one into the same folder removes what is no longer true.
MANIFEST = "report.json"
FOOT = (
    f"Made by trackzoo {__version__}. Best in bold, second underlined, as printed. A figure belongs to its profile: the same "
    "boxes score differently under another. FPS is timed frames over their seconds, first frames included."
)


def write_report(report: Report, out: Path) -> list[Path]:
    """Write `index.html`, `report.md`, `table.tex`, `scores.csv`, `per_sequence.csv` and `plots/` into `out`.

    Nothing is half-written: files are made beside `out` and moved in one by one, the page last. Files of an earlier report
    that this one has not are removed; files of anybody else are left alone.

    Returns:
        The files, the page first.

    Raises:
        TrackzooError: `out` is a file, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise TrackzooError(f"{out}: found a file, expected a folder to write the report into; name another with --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=out, prefix=".report-", suffix=".tmp"))
    except OSError as error:
        raise TrackzooError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()})") from None
    try:
        names = _make(report, workshop)
        old = _listed(out)
        for name in names:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(workshop / name, out / name)
        for name in old - set(names):
            (out / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return [out / name for name in reversed(names)]


def _make(report: Report, folder: Path) -> list[str]:
    """Make all files in `folder`; their names, the page last."""
    comparison = report.comparison
    names: list[str] = []

    def put(name: str, data: str | bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        names.append(name)

    pictures = _plots(comparison)
    for key, drawn in pictures.items():
        for curve, _, files in drawn:
            for form, data in files.items():
                put(f"plots/{key}-{curve}.{form}", data)
    put("scores.csv", as_csv(records(comparison), FIELDS))
    put("per_sequence.csv", as_csv(sequence_records(comparison), SEQUENCE_FIELDS))
    put("table.tex", latex.document(report.tables, __version__))
    shown = {key: [(label, f"plots/{key}-{curve}.png") for curve, label, _ in drawn] for key, drawn in pictures.items()}
    tables = [*report.tables, *report.attribute_tables]
    put("report.md", markdown.page(TITLE, tables, shown, report.notes, [FOOT]))
    inline = {key: [(label, files["svg"]) for _, label, files in drawn] for key, drawn in pictures.items()}
    page = html.page(
        comparison,
        inline,
        _lines(comparison),
        title=TITLE,
        foot=FOOT,
        decimals=report.decimals,
        intervals=report.intervals,
        pairs=report.pair_tables,
        crosses=report.cross_tables,
        strips={board.key: mask_strips(board) for board in comparison.boards},
    )
    put(MANIFEST, json.dumps({"format": 1, "trackzoo": __version__, "files": [*names, "index.html"]}, indent=1) + "\n")
    put("index.html", page)
    return names


def _lines(comparison: Comparison) -> dict[str, style.Line]:
    from trackzoo.report.plots import lines

    return lines(comparison.boards)


def _plots(comparison: Comparison) -> dict[str, ListOf[tuple[str, str, dict[str, bytes]]]]:
    """Key of a board -> (curve, label, format -> file) of its plots."""
    from trackzoo.report import plots
    from trackzoo.report.figures.attached import attached

    styles = plots.lines(comparison.boards)
    found: dict[str, ListOf[tuple[str, str, dict[str, bytes]]]] = {}
    for board in comparison.boards:
        drawn = []
        for kind in plots.KINDS:
            with style.figures():
                figure = plots.curve_figure(board, kind, styles)
                if figure is None:
                    continue
                drawn.append((kind.curve, f"{kind.title} on {board.title}", plots.render(figure)))
        drawn += attached(board, styles)
        found[board.key] = drawn
    return found


def _listed(out: Path) -> set[str]:
    """Files that an earlier report wrote here, by its manifest; only names inside `out`."""
    try:
        names = json.loads((out / MANIFEST).read_bytes())["files"]
        return {str(name) for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()}
    except (OSError, ValueError, KeyError, TypeError):
        return set()

"""Figures to files: made in memory, moved into place, so that nobody ever reads half of one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from trackzoo.config import write_atomically
from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Formats that a figure can be saved in, by the files' endings.
FORMATS = ("pdf", "png", "svg")


def form_of(path: Path) -> str:
    """The format that a file's ending names. Raises `UnknownName`."""
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise UnknownName("picture format", path.suffix or path.name, [f".{name}" for name in FORMATS])
    return form


def save(figure: Figure, path: str | Path) -> Path:
    """Save a figure; the format is the file's ending. The width stays as it was chosen, the height is cut to what is drawn.

    Raises:
        UnknownName: an ending that is no format.
        TrackzooError: the file cannot be written.
    """
    return save_all(figure, [Path(path)])[0]


def save_all(figure: Figure, paths: Iterable[Path], *, whole: bool = True) -> list[Path]:
    """Save a figure in several formats, measured once; see `save`. `whole` keeps its width."""
    from trackzoo.report.plots import render

    forms = {path: form_of(path) for path in paths}
    with style.figures():
        files = render(figure, dict.fromkeys(forms.values()), whole=whole)
    for path, form in forms.items():
        put(path, files[form])
    return list(forms)


def put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and make the folders that it stands in. Raises `TrackzooError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise TrackzooError(f"{path}: cannot be written ({(error.strerror or str(error)).lower()})") from None

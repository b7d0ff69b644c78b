"""OTB's `.mat` results: `results{1}` with `res` (N, 4), `type` and `len`, as the benchmark's MATLAB toolbox writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import ResultsError, TrackzooError
from trackzoo.geometry import Floats

#: Major version, as scipy counts them, of the files that are HDF5 (7.3), which it does not read.
_HDF5 = 2
_FORM = "OTB's results{1} with res (N x 4), type 'rect' and len"


def scipy_io() -> Any:
    """`scipy.io`, which the extra `mat` brings. Raises `TrackzooError` without it."""
    try:
        import scipy.io
        import scipy.io.matlab
    except ImportError:
        raise TrackzooError(
            "reading and writing .mat files needs scipy; install it with pip install 'trackzoo[mat]'"
        ) from None
    return scipy.io


def read_mat(path: Path) -> list[Floats]:
    """Boxes of every run in a file, (N, 4) each: one for OPE, several for the robustness evaluations.

    Raises:
        ResultsError: the file is damaged, of version 7.3 (HDF5), or holds something else.
        TrackzooError: scipy is not installed.
    """
    io = scipy_io()
    try:
        version = io.matlab.matfile_version(str(path))[0]
        content = {} if version == _HDF5 else io.loadmat(str(path), squeeze_me=False, struct_as_record=True)
    except Exception as error:  # scipy raises whatever the damage leads to; where it is the system's, that has a name
        named = error.strerror if isinstance(error, OSError) else None
        raise ResultsError(
            path, named.lower() if named else f"no .mat file that can be read ({error})", _FORM
        ) from None
    if version == _HDF5:
        raise ResultsError(path, "a .mat file of version 7.3", "version 5", "save it with -v6 or -v7")
    if "results" not in content:
        names = ", ".join(name for name in content if not name.startswith("__")) or "nothing"
        raise ResultsError(path, f"variables {names}", _FORM)
    found = [_boxes(path, _entry(run)) for run in np.atleast_1d(content["results"]).ravel()]
    if not found:
        raise ResultsError(path, "an empty cell 'results'", _FORM)
    return found


def _entry(run: Any) -> Any:
    """The struct in a cell: cells and scalars come wrapped in arrays."""
    while isinstance(run, np.ndarray) and run.dtype.names is None and run.size == 1:
        run = run.ravel()[0]
    return run.ravel()[0] if isinstance(run, np.ndarray) and run.dtype.names and run.size else run


def _field(entry: Any, name: str) -> Any:
    names = getattr(getattr(entry, "dtype", None), "names", None) or ()
    return entry[name] if name in names else None


def _boxes(path: Path, entry: Any) -> Floats:
    values, kind, length = (_field(entry, name) for name in ("res", "type", "len"))
    if values is None:
        raise ResultsError(path, "a struct without 'res'", _FORM)
    word = str(np.atleast_1d(kind).ravel()[0]) if kind is not None and np.size(kind) else "rect"
    if word.lower() != "rect":
        raise ResultsError(
            path, f"results of type '{word}'", "type 'rect'", "the toolbox turns them into rectangles; save those"
        )
    try:
        boxes = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ResultsError(path, "'res' that is no table of numbers", _FORM) from None
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise ResultsError(path, f"'res' of shape {boxes.shape}", "(N, 4)")
    said = float(np.atleast_1d(length).ravel()[0]) if length is not None and np.size(length) else len(boxes)
    if said != len(boxes):
        raise ResultsError(path, f"{len(boxes)} boxes and len = {said:g}", "as many boxes as len says")
    return boxes


def write_mat(path: Path, boxes: Floats) -> None:
    """Write one run of boxes (N, 4) as OTB's toolbox reads it. Raises `TrackzooError` without scipy."""
    io = scipy_io()
    results = np.empty((1, 1), dtype=object)
    results[0, 0] = {"res": np.asarray(boxes, dtype=np.float64), "type": "rect", "len": float(len(boxes))}
    io.savemat(str(path), {"results": results}, do_compression=True)

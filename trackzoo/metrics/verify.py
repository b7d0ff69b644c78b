"""Certificates: every profile against the outputs of its toolkit on generated cases.

A golden file is JSON (or gzipped JSON) named `golden_<kind>_*.json`: a toolkit's numbers on the cases that `make_case.py` makes
from the `seed` and `case_args` in it. A digest of the case guards against comparing numbers of different cases.
"""

from __future__ import annotations

import gzip
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trackzoo.errors import DataError, TrackzooError
from trackzoo.metrics import _verify_ope, _verify_vos, _verify_vot
from trackzoo.metrics.comparison import Row

#: Beginning of a file's name -> comparison.
KINDS: dict[str, Callable[[str, Mapping[str, Any]], Iterator[Row]]] = {
    "golden_ope_pytracking": lambda name, content: _verify_ope.pytracking(name, content, _boxes(content)),
    "golden_ope_lasot_matlab": lambda name, content: _verify_ope.lasot_matlab(name, content, _boxes(content)),
    "golden_ope_got10k": lambda name, content: _verify_ope.got10k(name, content, _boxes(content)),
    "golden_ope_pysot": lambda name, content: _verify_ope.pysot(name, content, _boxes(content)),
    "golden_ope_trackingnet": lambda name, content: _verify_ope.trackingnet(name, content, _boxes(content)),
    "golden_vot_multistart": lambda name, content: _verify_vot.vot_multistart(
        name, content, _regions(content, "multistart_case")
    ),
    "golden_vot_supervised": lambda name, content: _verify_vot.vot_supervised(
        name, content, _regions(content, "supervised_case")
    ),
    "golden_vos": lambda name, content: _verify_vos.vos(name, content, _videos(content)),
}


def packaged() -> Path:
    """The goldens that come with trackzoo."""
    return Path(__file__).parent / "goldens"


def verify(folder: Path | None = None) -> list[Row]:
    """Compare every golden file of a folder (by default the packaged ones) with our numbers.

    Files and cases that cannot be compared are rows with status `skipped`.

    Raises:
        DataError: the folder holds no golden file, or one that cannot be read.
        TrackzooError: nothing at all could be compared.
    """
    folder = packaged() if folder is None else folder
    files = sorted(path for path in folder.glob("golden_*") if path.name.endswith((".json", ".json.gz")))
    if not files:
        raise DataError(folder, "no file golden_*.json", "outputs of the reference toolkits", "name another folder")
    rows = [row for path in files for row in compare_file(path)]
    if all(row.status == "skipped" for row in rows):
        raise TrackzooError(f"{folder}: nothing could be compared; {len(rows)} cases skipped, first: {rows[0].text}")
    return rows


def compare_file(path: Path) -> list[Row]:
    """Rows of one golden file. Raises `DataError` when it is not such a file."""
    name = path.name.removesuffix(".gz").removesuffix(".json")
    compare = next((each for kind, each in KINDS.items() if name.startswith(kind)), None)
    if compare is None:
        return [Row("", name, "skipped", float("nan"), 0, "no comparison is written for this kind of golden")]
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        content = json.loads(data)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(path, f"no readable JSON ({error})", "a golden file") from None
    try:
        return list(compare(name, content))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            path,
            f"an entry that its case has not, or one of another kind ({error!r})",
            "numbers of the case that its seed and case_args make",
        ) from None


def _generator() -> Any:
    """The generator of cases, kept as it was when the goldens were made, untyped; a folder's own copy is never run."""
    return importlib.import_module("trackzoo.metrics.goldens.make_case")


def _boxes(content: Mapping[str, Any]) -> _verify_ope.MakeCase:
    """Box cases of a file's seed and arguments; None where the digest says that it is another case."""
    generator = _generator()
    made: dict[str, tuple[dict[str, Any], str]] = {}

    def make(kind: str, digest: str) -> dict[str, Any] | None:
        if kind not in made:
            case = generator.box_case(content["seed"], kind, **content["case_args"])
            made[kind] = case, generator.digest(case)
        case, found = made[kind]
        return case if found == digest else None

    return make


def _videos(content: Mapping[str, Any]) -> _verify_vos.MakeVideos:
    """Mask cases of a file's seed and arguments, with their digests."""
    generator = _generator()

    def make(late: bool) -> tuple[dict[str, Any], str]:
        case = generator.vos_case(content["seed"], late=late, **content["case_args"])
        return case, generator.digest(case)

    return make


def _regions(content: Mapping[str, Any], which: str) -> _verify_vot.MakeRegions:
    """Region cases of a file's seed and arguments, with their digests."""
    generator = _generator()

    def make(**arguments: str) -> tuple[dict[str, Any], str]:
        case = getattr(generator, which)(content["seed"], **arguments, **content["case_args"])
        return case, generator.digest(case)

    return make

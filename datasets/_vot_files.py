"""Small files of a VOT sequence: `sequence` (metadata), `*.tag` and `*.label` (flags a frame), `*.value` (numbers a frame)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._common import read_bytes
from trackzoo.errors import DataError
from trackzoo.geometry import Floats

_COUNTER = re.compile(r"%(0?)(\d*)d")


@dataclass(frozen=True)
class Home:
    """What lies in a sequence's folder. One look at the folder; no annotation is read.

    Attributes:
        folder: the folder.
        objects: annotation files, one an object, in the order of their ids.
        ignore: annotation of the pixels that do not count, where there is one.
        tags: flag files by the name of the tag.
        values: number files by name.
        metadata: the file `sequence`, where there is one.
        pictures: images relative to the folder, with `{frame}`.
    """

    folder: Path
    objects: tuple[Path, ...]
    ignore: Path | None = None
    tags: tuple[tuple[str, Path], ...] = ()
    values: tuple[tuple[str, Path], ...] = ()
    metadata: Path | None = None
    pictures: str = "color/{frame:08d}.jpg"


#: No sequence at all.
NOWHERE = Home(Path(), ())


def look(folder: Path) -> Home:
    """List a sequence's folder; one that is not there is described as it should be."""
    try:
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries}
    except OSError:
        names = set()
    objects, ignore = [], None
    for name in sorted(names, key=_by_number):
        match = re.fullmatch(r"groundtruth(?:_(.+))?\.txt", name)
        if match and match[1] in ("_ignore", "ignore"):
            ignore = folder / name
        elif match:
            objects.append(folder / name)
    if (plain := folder / "groundtruth.txt") in objects:
        objects = [plain]  # the whole truth of a single-object sequence, whatever lies beside it
    tags: dict[str, Path] = {}
    for suffix in (".tag", ".label"):  # the newer name goes first
        for name in sorted(names):
            if name.endswith(suffix):
                tags.setdefault(name.removesuffix(suffix), folder / name)
    values = tuple((name.removesuffix(".value"), folder / name) for name in sorted(names) if name.endswith(".value"))
    metadata = folder / "sequence" if "sequence" in names else None
    usual = "color/{frame:08d}.jpg" if "color" in names or not names else "{frame:08d}.jpg"
    pictures = _pattern(read_metadata(metadata)) or usual
    return Home(folder, tuple(objects) or (plain,), ignore, tuple(tags.items()), values, metadata, pictures)


def _by_number(name: str) -> tuple[tuple[int, str], ...]:
    """Names in the order of the numbers in them: `groundtruth_10.txt` after `groundtruth_9.txt`."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))


def read_metadata(path: Path | None) -> Mapping[str, str]:
    """`key=value` lines of the file `sequence`, as they stand; other lines are left out. Empty where there is no file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path is not None else ""
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and line[:1] not in "#;")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _pattern(metadata: Mapping[str, str]) -> str | None:
    """The colour channel's images, `color/%08d.jpg`, with `{frame:08d}` for the counter; None where it is not said so."""
    said = metadata.get("channels.color") or metadata.get("channels.default") or ""
    plain = said.replace("{", "").replace("}", "")
    parts = Path(plain).parts
    if not _COUNTER.search(plain) or ".." in parts or Path(plain).is_absolute():
        return None
    return _COUNTER.sub(lambda match: f"{{frame:{match[1]}{match[2]}d}}" if match[2] else "{frame}", plain, count=1)


def rate_in(path: Path | None) -> float | None:
    """Frame rate by the metadata, in Hz."""
    return _positive(read_metadata(path).get("fps"))


def size_in(path: Path | None) -> tuple[int, int] | None:
    """(width, height) by the metadata."""
    metadata = read_metadata(path)
    width, height = _positive(metadata.get("width")), _positive(metadata.get("height"))
    return (int(width), int(height)) if width and height else None


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def read_tag(path: Path, count: int) -> NDArray[np.bool_]:
    """Flags of a tag, (count,) bool. Flags that are missing at the end are not set; more than `count` are cut off.

    Raises:
        DataError: something else than 0 or 1 (named with its line).
    """
    flags = np.zeros(count, dtype=np.bool_)
    for index, line in enumerate(_lines(path)):
        word = line.strip().rstrip(",")
        if word not in ("0", "1", ""):
            raise DataError(path, f"'{word[:40]}'", "0 or 1, one a frame", line=index + 1)
        if index < count:
            flags[index] = word == "1"
    return flags


def tag_length(path: Path) -> int:
    """Number of flags in a tag's file."""
    return len(_lines(path))


def _lines(path: Path) -> list[str]:
    """Lines of the file; a file with nothing in it has none (tags that are nowhere set are written so)."""
    if path.stat().st_size == 0:
        return []
    return read_bytes(path).decode("utf-8", "replace").split("\n")


def read_value(path: Path, count: int) -> Floats:
    """Numbers, one a frame, (count,) float64; an empty line is NaN, and so are the frames after the last line.

    Raises:
        DataError: something that is no number, or more lines than frames.
    """
    values = np.full(count, np.nan)
    lines = _lines(path)
    if len(lines) > count:
        raise DataError(path, f"{len(lines)} lines", f"{count}, one a frame")
    for index, line in enumerate(lines):
        word = line.strip().rstrip(",")
        if not word:
            continue
        try:
            values[index] = float(word)
        except ValueError:
            raise DataError(path, f"'{word[:40]}'", "a number or an empty line", line=index + 1) from None
    return values

"""Miniatures of the benchmarks' layouts, written to a folder: a few tiny images and the annotation files with their quirks.

On `sys.path` through `pythonpath` in pyproject.toml: `import miniatures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence as ListOf
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

SIZE = (32, 24)


@cache
def _encoded(value: int, suffix: str, size: tuple[int, int]) -> bytes:
    import cv2

    rng = np.random.default_rng(value)
    pixels = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return bytes(data.tobytes())


def image(path: Path, value: int = 0, size: tuple[int, int] = SIZE) -> Path:
    """A tiny image, different for each value; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encoded(value, path.suffix, size))
    return path


def text(path: Path, content: str) -> Path:
    """A text file, byte for byte as given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def boxes(count: int, start: float = 3.0) -> np.ndarray:
    """Boxes that differ from frame to frame, inside a picture of `SIZE`."""
    steps = np.arange(count, dtype=np.float64)
    return np.stack([start + steps % 7, start + 1 + steps % 5, 6 + steps % 3, 5 + steps % 4], axis=1)


def rows(values: ArrayLike, separator: str = ",", newline: str = "\n", end: str = "\n") -> str:
    """Rows of numbers as text; whole numbers without a point."""
    lines = (separator.join(f"{value:g}" if value == value else "NaN" for value in row) for row in np.asarray(values))
    return newline.join(lines) + end


def flags(values: Iterable[int], separator: str = ",") -> str:
    """Flags on one line, or one a line with `separator="\\n"`."""
    return separator.join(str(int(value)) for value in values)


def lasot(
    root: Path,
    name: str,
    count: int = 4,
    *,
    nested: bool = True,
    occluded: Iterable[int] = (),
    outside: Iterable[int] = (),
    words: str | None = "white airplane landing on ground",
) -> Path:
    """A LaSOT sequence; returns its folder."""
    home = root / name.rsplit("-", 1)[0] / name if nested else root / name
    for index in range(count):
        image(home / "img" / f"{index + 1:08d}.jpg", index)
    text(home / "groundtruth.txt", rows(boxes(count)))
    for label, hidden in (("full_occlusion", set(occluded)), ("out_of_view", set(outside))):
        text(home / f"{label}.txt", flags(index in hidden for index in range(count)) + "\n")
    if words is not None:
        text(home / "nlp.txt", words)
    return home


def got10k(root: Path, split: str, name: str, count: int = 4, *, absent: Iterable[int] = ()) -> Path:
    """A GOT-10k sequence; of the test split only the first box. Returns its folder."""
    home, hidden = root / split / name, set(absent)
    for index in range(count):
        image(home / f"{index + 1:08d}.jpg", index)
    values = boxes(count) + 0.25
    text(home / "groundtruth.txt", rows(values[:1] if split == "test" else values))
    if split != "test":
        text(home / "absence.label", flags((index in hidden for index in range(count)), "\n") + "\n")
        text(home / "cover.label", flags((0 if index in hidden else 8 for index in range(count)), "\n") + "\n")
        text(home / "cut_by_image.label", flags((index == 1 for index in range(count)), "\n") + "\n")
    meta = (
        "[METAINFO]\nurl: https://example.org/watch?v=x%20y\nbegin: 00:00:10\nend: 00:00:20\nanno_fps: 10Hz\n"
        "object_class: fox\nmotion_class: walking\nmajor_class: mammal\nroot_class: animal\nmotion_adverb: slowly\n"
        f"resolution: ({SIZE[0]}, {SIZE[1]})\n"
    )
    text(home / "meta_info.ini", meta)
    return home


def trackingnet(root: Path, chunk: str, name: str, count: int = 12) -> Path:
    """A TrackingNet sequence; returns the folder of its images."""
    folder = root / chunk / "frames" / name
    for index in range(count):
        image(folder / f"{index}.jpg", index)
    text(root / chunk / "anno" / f"{name}.txt", rows(boxes(1 if chunk == "TEST" else count)))
    return folder


def tnl2k(
    root: Path,
    name: str,
    count: int = 4,
    *,
    absent: Iterable[int] = (),
    names: ListOf[str] | None = None,
    words: str | None = "the white cat on the wall. \n",
) -> Path:
    """A TNL2K video; returns its folder."""
    home, hidden = root / name, set(absent)
    for index in range(count):
        image(home / "imgs" / (names[index] if names else f"{index + 1:05d}.png"), index)
    values = boxes(count)
    values[sorted(hidden), 2:] = 0
    text(home / "groundtruth.txt", rows(values))
    if words is not None:
        text(home / "language.txt", words)
    return home


def avist(root: Path, name: str, count: int = 4, *, occluded: Iterable[int] = (), outside: Iterable[int] = ()) -> Path:
    """An AVisT sequence; returns the folder of its images."""
    folder = root / "sequences" / name
    for index in range(count):
        image(folder / f"img_{index + 1:05d}.jpg", index)
    text(root / "anno" / f"{name}.txt", rows(boxes(count), " "))
    for label, hidden in (("full_occlusion", set(occluded)), ("out_of_view", set(outside))):
        text(root / label / f"{name}_{label}.txt", flags((index in hidden for index in range(count)), "\n"))
    return folder


def toolkit(base: Path, name: str, count: int = 4, *, absent: Iterable[int] = (), gt: str = "gt") -> None:
    """A sequence as LaSOT's evaluation toolkit has it: annotation without images."""
    hidden = set(absent)
    text(base / gt / f"{name}.txt", rows(boxes(count)))
    text(base / "absent" / f"{name}.txt", flags((index in hidden for index in range(count)), "\n"))
    text(base / "att" / f"{name}.txt", "1,0,0,0,0,1,0,0,1,0,0,0,1,0")
    text(base / "nlp" / f"{name}.txt", "white airplane landing on ground")

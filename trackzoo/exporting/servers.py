"""What the benchmarks' servers take: names, counts, lengths and numbers of their packages.

| server | in the zip |
| --- | --- |
| `got10k` | `GOT-10k_Test_000001/GOT-10k_Test_000001_001.txt` (`_002`, `_003` of stochastic trackers) and `…_time.txt` |
| `trackingnet` | `<seq>.txt` at the root |
| `ytvos` | `Annotations/<video>/00005.png`: labels |
| `davis` | `<seq>/00000.png`: labels |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import DataError, TrackzooError
from trackzoo.exporting.archives import Zip
from trackzoo.geometry import Floats
from trackzoo.importing.pngs import decode
from trackzoo.registry import dataset_choice, open_dataset, resolve
from trackzoo.roots import Root
from trackzoo.sequence import Dataset

#: Most faults that are told one by one.
TOLD = 20


@dataclass(frozen=True)
class Server:
    """One server's rules.

    Attributes:
        name: on the command line.
        title: for people.
        dataset: the split that it scores.
        others: further splits that a package can be made for.
        masks: whether it takes label maps instead of boxes.
        check: finds the faults of a package, a line each.
    """

    name: str
    title: str
    dataset: str
    others: tuple[str, ...]
    masks: bool
    check: Callable[[Zip, Expected], Iterator[str]]


@dataclass(frozen=True)
class Expected:
    """What a package must hold.

    Attributes:
        names: the sequences.
        lengths: number of frames of each; empty where the data set is not on this machine.
        frames: names (without ending) of the frames for which label maps are required, by sequence.
        shapes: (height, width) of label maps, by sequence.
        objects: labels that may occur, by sequence.
    """

    names: tuple[str, ...]
    lengths: Mapping[str, int] = field(default_factory=dict)
    frames: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    objects: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        files: number of files in the package.
        faults: a line each; empty for a package that can be uploaded.
        lengths: whether the numbers of rows were compared with the data set's.
    """

    files: int
    faults: tuple[str, ...]
    lengths: bool


def split_of(name: str, data_root: Path | None = None) -> tuple[Dataset, bool]:
    """A server's data set, and whether it lies on this machine (else its names alone are known).

    Raises:
        UnknownName: no such data set.
        TrackzooError: it is not on this machine, and without its folder its sequences are not known.
    """
    try:
        return open_dataset(name, data_root), True
    except TrackzooError:
        spec, split = dataset_choice(name)
        if data_root is not None:
            raise
        try:
            dataset: Dataset = resolve(spec.factory)(spec, split, Root(Path("nowhere"), ""))
            known = len(dataset.names) > 0
        except TrackzooError:
            known = False
        if not known:
            raise
        return dataset, False


def expected(server: Server, dataset: Dataset, here: bool) -> Expected:
    """What a package for a data set must hold. Raises `DataError` for annotation that cannot be read."""
    if server.masks:
        return _expected_masks(dataset)
    there = here and not getattr(dataset, "annotations_only", False)
    lengths = dataset.lengths() if there else {}
    return Expected(dataset.names, {name: count for name, count in lengths.items() if count is not None})


def _expected_masks(dataset: Dataset) -> Expected:
    frames, shapes, objects = {}, {}, {}
    for sequence in dataset:
        annotation = sequence.annotation
        first = min(annotation.starts.values())
        stems = [Path(name).stem for name in image_names(dataset, sequence.name)]
        asked = dataset.asked_frames(sequence.name) if hasattr(dataset, "asked_frames") else frozenset()
        frames[sequence.name] = tuple(stem for stem in stems[first:] if not asked or stem in asked)
        labels = annotation.masks[first] if annotation.masks is not None else None
        if labels is not None:
            shapes[sequence.name] = (labels.shape[0], labels.shape[1])
        objects[sequence.name] = frozenset(annotation.starts)
    return Expected(dataset.names, {}, frames, shapes, objects)


def image_names(dataset: Dataset, name: str) -> tuple[str, ...]:
    """Names of a sequence's images, in order. Raises `TrackzooError` where there are none."""
    files: Any = dataset.files(name) if hasattr(dataset, "files") else None
    names = getattr(getattr(files, "images", None), "names", None)
    if not names:
        raise TrackzooError(f"{dataset.id}: '{name}' has no images here, which say the frames that the server asks for")
    return tuple(names)


def check(server: Server, path: Path, wanted: Expected, called: Path | None = None) -> Verdict:
    """Look at a package as the server's parser would.

    Args:
        server: its rules.
        path: the zip file.
        wanted: what it must hold.
        called: its name in messages.

    Raises:
        DataError: no zip file that can be read or trusted.
    """
    with Zip(path, called) as package:
        faults = tuple(server.check(package, wanted))
        return Verdict(len(package.names), faults, bool(wanted.lengths or wanted.frames))


def _around(package: Zip, first: Iterable[str]) -> str:
    """The folder that all members lie in although they should lie at the root, or empty."""
    tops = {name.partition("/")[0] for name in package.names if "/" in name}
    bare = any("/" not in name for name in package.names)
    top = next(iter(tops), "")
    return top if len(tops) == 1 and not bare and top not in set(first) else ""


def _junk(name: str) -> bool:
    """What operating systems add."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in (".DS_Store", "Thumbs.db")


def _stray(package: Zip, wanted: set[str]) -> Iterator[str]:
    for name in package.names:
        if name not in wanted:
            yield f"{name}: " + ("added by an operating system; leave it out" if _junk(name) else "not asked for")


def _table(data: bytes, columns: int | None) -> Floats | str:
    """Rows of comma-separated numbers as the servers read them, or what is wrong."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        return "bytes that are not text"
    if not text.strip():
        return "an empty file"
    rows: list[list[float]] = []
    for number, line in enumerate(text.rstrip("\n").split("\n"), start=1):
        try:
            row = [float(word) for word in line.strip().split(",")]
        except ValueError:
            return f"row {number}: found '{line.strip()[:40]}', expected comma-separated numbers"
        if len(row) != (columns or len(row)) or (rows and len(row) != len(rows[0])):
            return f"row {number}: found {len(row)} numbers, expected {columns or len(rows[0])}"
        rows.append(row)
    return np.array(rows, dtype=np.float64)


def _boxes(name: str, data: bytes, length: int | None) -> Iterator[str]:
    """Faults of a file of boxes."""
    values = _table(data, 4)
    if isinstance(values, str):
        yield f"{name}: {values}"
        return
    if length is not None and len(values) != length:
        yield f"{name}: found {len(values)} rows, expected {length}, one a frame"
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        yield f"{name}: row {int(bad.argmax()) + 1}: found a number that is not finite"
    negative = (values[:, 2:] < 0).any(axis=1)
    if negative.any():
        yield f"{name}: row {int(negative.argmax()) + 1}: found a negative width or height"


def check_got10k(package: Zip, wanted: Expected) -> Iterator[str]:
    """GOT-10k: a folder a sequence, 1 to 3 repetitions, times of each."""
    if top := _around(package, wanted.names):
        yield f"all files lie in '{top}/', expected the folders of the sequences at the root"
        return
    there, known = set(package.names), set()
    for name in wanted.names:
        files = [f"{name}/{name}_{number:03d}.txt" for number in (1, 2, 3)]
        given = [file for file in files if file in there]
        known.update(given)
        length = wanted.lengths.get(name)
        if files[0] not in there:
            yield f"{files[0]}: missing"
        elif len(given) == 2 and files[1] not in there:
            yield f"{files[1]}: missing, though {files[2]} is there"
        for file in given:
            faults = list(_boxes(file, package.read(file), length))
            yield from faults
            if length is None and not faults:
                length = len(package.read(file).rstrip(b"\n").split(b"\n"))
        times = f"{name}/{name}_time.txt"
        if times not in there:
            yield f"{times}: missing"
            continue
        known.add(times)
        yield from _times(times, package.read(times), length, len(given))
    yield from _stray(package, known)


def _times(name: str, data: bytes, length: int | None, repetitions: int) -> Iterator[str]:
    values = _table(data, None)
    if isinstance(values, str):
        yield f"{name}: {values}"
        return
    if length is not None and len(values) != length:
        yield f"{name}: found {len(values)} rows, expected {length}, one a frame"
    if values.shape[1] < repetitions:
        yield f"{name}: found {values.shape[1]} columns, expected {repetitions}, one a repetition"
    if not np.isfinite(values).all() or (values < 0).any():
        row = int((~np.isfinite(values) | (values < 0)).any(axis=1).argmax()) + 1
        yield f"{name}: row {row}: found a time that is not finite or negative"
    elif not (values > 0).any():
        yield f"{name}: found no time above 0"


def check_trackingnet(package: Zip, wanted: Expected) -> Iterator[str]:
    """TrackingNet: a text file a sequence; the server takes the one member whose name contains the sequence's."""
    if top := _around(package, ()):
        yield f"all files lie in '{top}/', expected them at the root"
        return
    there, known = set(package.names), set()
    for name in wanted.names:
        file = f"{name}.txt"
        if file not in there:
            yield f"{file}: missing"
            continue
        known.add(file)
        double = [other for other in package.names if name in other and other != file]
        if double:
            yield f"{file}: the server finds '{double[0]}' for it too"
        yield from _boxes(file, package.read(file), wanted.lengths.get(name))
    yield from _stray(package, known)


def check_masks(package: Zip, wanted: Expected, within: str = "") -> Iterator[str]:
    """Label maps, a PNG file for each required frame."""
    tops = (within.rstrip("/"),) if within else wanted.names
    if (top := _around(package, tops)) and not within:
        yield f"all files lie in '{top}/', expected the folders of the sequences at the root"
        return
    if within and not any(name.startswith(within) for name in package.names):
        yield f"found no '{within}' at the root"
        return
    there, known = set(package.names), set()
    for name in wanted.names:
        missing = []
        for stem in wanted.frames.get(name, ()):
            file = f"{within}{name}/{stem}.png"
            if file not in there:
                missing.append(stem)
                continue
            known.add(file)
            yield from _labels(file, package.read(file), wanted.shapes.get(name), wanted.objects.get(name))
        if missing:
            yield f"{within}{name}: missing {len(missing)} of {len(wanted.frames[name])} frames, first {missing[0]}.png"
    # Frames before an object appears may be there or not.
    spare = {f"{within}{name}/" for name in wanted.names}
    extra = {name for name in there if name.endswith(".png") and f"{name.rpartition('/')[0]}/" in spare}
    yield from _stray(package, known | extra)


def _labels(name: str, data: bytes, shape: tuple[int, int] | None, objects: frozenset[int] | None) -> Iterator[str]:
    try:
        labels = decode(data)
    except ValueError as error:
        yield f"{name}: found {error}, expected an 8-bit palette PNG"
        return
    if shape is not None and labels.shape != shape:
        yield f"{name}: found {labels.shape[1]}x{labels.shape[0]} pixels, expected {shape[1]}x{shape[0]}"
    if objects is not None:
        present = frozenset(np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).tolist()) - {0}
        if beyond := sorted(present - objects):
            yield f"{name}: found label {beyond[0]}, expected {', '.join(map(str, sorted(objects)))}"


def check_ytvos(package: Zip, wanted: Expected) -> Iterator[str]:
    """YouTube-VOS: label maps below `Annotations/`."""
    return check_masks(package, wanted, "Annotations/")


SERVERS = {
    server.name: server
    for server in (
        Server("got10k", "GOT-10k", "got10k-test", ("got10k-val",), False, check_got10k),
        Server("trackingnet", "TrackingNet", "trackingnet-test", (), False, check_trackingnet),
        Server(
            "ytvos",
            "YouTube-VOS",
            "youtube-vos2019-valid",
            ("youtube-vos2019-valid-all", "youtube-vos2018-valid", "youtube-vos2018-valid-all", "youtube-vos2019-test"),
            True,
            check_ytvos,
        ),
        Server("davis", "DAVIS", "davis2017-test-dev", ("davis2017-val", "davis2016-val"), True, check_masks),
    )
}


def refuse(path: Path, verdict: Verdict) -> None:
    """Raise `DataError` with the first fault of a package that has any."""
    if verdict.faults:
        more = f" (and {len(verdict.faults) - 1} more)" if len(verdict.faults) > 1 else ""
        raise DataError(path, f"a package that its server would not take: {verdict.faults[0]}{more}")

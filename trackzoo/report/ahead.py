"""Read the numbers of many runs in other processes while this one reads the annotation that they are scored on.

Text into numbers is bound by the processor. The numbers come back through memory that all share, so that nothing is copied. Who
is free takes the next files, this process too when it has nothing else to do.
"""

from __future__ import annotations

import hashlib
import mmap
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence as ListOf
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.report import parallel
from trackzoo.store.numbers import parse_numbers
from trackzoo.store.read import COLUMNS, StoredRun

Numbers = NDArray[np.float64]

#: Files that are taken at once.
_SHARE = 16
#: What a report needs of a run.
_KINDS = ("boxes", "seconds")
#: Shared memory, at most; what is beyond it is read when it is asked for.
_MOST = 1 << 30


@dataclass(frozen=True)
class _File:
    run: StoredRun
    kind: str
    name: str
    repeat: int
    path: Path
    rows: int
    sha256: str
    begin: int


@contextmanager
def ahead(runs: Iterable[tuple[StoredRun, tuple[str, ...]]], *, worth: bool) -> Iterator[Callable[[], None]]:
    """Begin to read; gives what waits for the end of it (and helps), after which the runs answer from memory.

    A file that cannot be read, or is not its record's, is left to whoever asks for it, who is told why.

    Args:
        runs: runs of boxes, and the trials that are wanted of each.
        worth: whether there is enough to read.
    """
    count = parallel.processors()
    files = list(_files(runs)) if worth and count > 1 and sys.platform.startswith("linux") else []
    if not files:
        yield lambda: None
        return
    last = files[-1]
    shared = mmap.mmap(-1, 8 * (last.begin + last.rows * COLUMNS[last.kind]))
    numbers = np.frombuffer(shared, dtype=np.float64)
    flags = np.frombuffer(mmap.mmap(-1, len(files)), dtype=np.uint8)
    context = multiprocessing.get_context("fork")
    following = context.Value("q", 0)

    def work() -> None:
        while True:
            with following.get_lock():
                begin = following.value
                following.value += _SHARE
            if begin >= len(files):
                return
            for place, there in enumerate(_read(files[begin : begin + _SHARE], numbers), begin):
                flags[place] = there

    helpers = [context.Process(target=work, daemon=True) for _ in range(count - 1)]
    for helper in helpers:
        helper.start()

    def finish() -> None:
        work()
        for helper in helpers:
            helper.join()
        for place in np.flatnonzero(flags).tolist():
            file = files[place]
            file.run.hold(file.kind, file.name, file.repeat, _view(file, numbers))

    try:
        yield finish
    finally:
        for helper in helpers:
            helper.kill()
            helper.join()
        for run in {id(file.run): file.run for file in files}.values():
            run.let_go()


def _files(runs: Iterable[tuple[StoredRun, tuple[str, ...]]]) -> Iterator[_File]:
    begin = 0
    for run, names in runs:
        for repeat in run.repeats:
            for name in names:
                objects = run.record(name, repeat)["objects"]
                entry: dict[str, Any] = next(iter(objects.values()), {})
                if "regions" in entry:
                    continue
                for kind in _KINDS:
                    about = entry.get(kind)
                    if about is None:
                        continue
                    rows = int(about["rows"])
                    if 8 * (begin + rows * COLUMNS[kind]) > _MOST:
                        return
                    yield _File(
                        run, kind, name, repeat, run.folders[repeat] / about["file"], rows, about["sha256"], begin
                    )
                    begin += rows * COLUMNS[kind]


def _view(file: _File, numbers: Numbers) -> Numbers:
    columns = COLUMNS[file.kind]
    return numbers[file.begin : file.begin + file.rows * columns].reshape(file.rows, columns)


def _read(files: ListOf[_File], numbers: Numbers) -> Iterator[bool]:
    """Read some files into the shared memory; which of them are there."""
    texts = [_text(file) for file in files]
    columns = [file for file, text in zip(files, texts, strict=True) if text is not None and COLUMNS[file.kind] == 1]
    # A column is so short that most of the time of reading it goes to the calls of numpy: all at once.
    joined = b"\n".join(text for file, text in zip(files, texts, strict=True) if text is not None and file in columns)
    together: Numbers | None = None
    with suppress(ValueError):
        together = parse_numbers(joined) if columns else None
    if together is None or len(together) != sum(file.rows for file in columns):
        columns = []
    place = 0
    for file, text in zip(files, texts, strict=True):
        try:
            if text is None:
                yield False
                continue
            if file in columns and together is not None:
                found, place = together[place : place + file.rows], place + file.rows
            else:
                found = parse_numbers(text)
            _view(file, numbers)[:] = found.reshape(file.rows, COLUMNS[file.kind])
            yield True
        except ValueError:
            yield False


def _text(file: _File) -> bytes | None:
    """What stands in a file; None where it is not its record's."""
    try:
        text = file.path.read_bytes()
    except OSError:
        return None
    return text if hashlib.sha256(text).hexdigest() == file.sha256 else None

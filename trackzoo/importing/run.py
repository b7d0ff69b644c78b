"""Somebody's result files as a run: answers like a stored one, so that reports take it, without anything being written."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import DataError, ResultsError, TrackzooError, incomplete, listing
from trackzoo.geometry import Floats
from trackzoo.importing import fit
from trackzoo.importing.discover import Candidate, Source
from trackzoo.importing.matlab import read_mat
from trackzoo.importing.text import column, read_rows
from trackzoo.sequence import Dataset

#: Name of the separator -> what a flat folder is called, where nothing else tells whose layout it is.
_FLAT = {"tab": "pytracking"}


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        lenient: skip headings and empty lines, and leave what does not fit to the profile's toolkit, each with a note.
        allow_incomplete: missing sequences are no error.
        origin: the number that the files give the first pixel; None takes boxes as they stand.
        corners: the files hold x1,y1,x2,y2.
    """

    lenient: bool = False
    allow_incomplete: bool = False
    origin: int | None = None
    corners: bool = False


@dataclass
class ForeignResults:
    """One tracker's results in another toolkit's files.

    Attributes:
        candidate: the files.
        data: the data set.
        reading: how they are read.
        path: their folder, for messages, as the person knows it.
    """

    candidate: Candidate
    data: Dataset
    reading: Reading
    path: Path

    @property
    def tracker(self) -> str:
        """What it is filed under."""
        return self.candidate.tracker

    @property
    def dataset(self) -> str:
        """Id of the data set."""
        return self.data.id

    @property
    def expected(self) -> tuple[str, ...]:
        """All sequences of the data set."""
        return tuple(self.data.names)

    @property
    def repeats(self) -> tuple[int, ...]:
        """Repetitions, as their files or folders are numbered."""
        return tuple(sorted(self.candidate.runs))

    def names(self, repeat: int = 0) -> tuple[str, ...]:
        """Sequences that are there, in the data set's order."""
        return tuple(name for name in self.expected if name in self.candidate.runs[repeat])

    def absent(self, repeat: int | None = None) -> tuple[str, ...]:
        """Sequences that a repetition (or any of them) has not."""
        wanted = [self.candidate.runs[each] for each in (self.repeats if repeat is None else (repeat,))]
        return tuple(name for name in self.expected if any(name not in run for run in wanted))


@dataclass
class ForeignRun(ForeignResults):
    """One tracker's boxes in another toolkit's files; has the reading side of `trackzoo.store.read.StoredRun`.

    Attributes:
        truth: gives a sequence's annotated boxes, where several runs share them; by default the data set does.
        protocol: how the boxes came to be, as far as one can know.
    """

    truth: Callable[[str], Floats] | None = None
    protocol: str = "ope"
    notes: list[str] = field(default_factory=list)
    _rows_read: dict[tuple[int, str], Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._adopt()
        if self.reading.allow_incomplete:
            self._without_annotation()
        if self.reading.lenient and not self.reading.allow_incomplete:
            self._lacking = set(self.absent())
        else:
            self._lacking = set()

    # ------------------------------------------------------------------ as StoredRun

    @property
    def folders(self) -> dict[int, Path]:
        """Repetition -> folder."""
        return dict.fromkeys(self.candidate.runs, self.candidate.folder)

    @property
    def throughput(self) -> bool:
        """Nothing is known about times."""
        return False

    @property
    def complete(self) -> bool:
        """Whether no sequence is missing."""
        return not self.missing()

    def missing(self, repeat: int | None = None) -> tuple[str, ...]:
        """Sequences that a repetition (or any of them) has not; none where the profile is to say what becomes of them."""
        return tuple(name for name in self.absent(repeat) if name not in self._lacking)

    def boxes(self, name: str, repeat: int = 0, obj: int | None = None) -> Floats:
        """Rows (M, 4) of a sequence as they lie, `x, y, w, h`; None where they are missing and one is lenient.

        Raises:
            ResultsError: the file is damaged; names file and row.
        """
        source = self.candidate.runs[repeat].get(name)
        if source is None and name in self._lacking:
            return None  # type: ignore[return-value]
        if source is None:
            raise ResultsError(self.path, f"no results of '{name}'", "one file a sequence")
        if (repeat, name) not in self._rows_read:
            self._rows_read[repeat, name] = self._placed(self._rows(source))
        return self._rows_read[repeat, name]

    def seconds(self, name: str, repeat: int = 0, obj: int | None = None) -> Floats:
        """Seconds (M,) of a sequence, NaN where no file says them. Raises `ResultsError`."""
        return self._beside(name, repeat, "time")

    def scores(self, name: str, repeat: int = 0, obj: int | None = None) -> Floats:
        """Scores (M,) of a sequence, NaN where no file says them. Raises `ResultsError`."""
        return self._beside(name, repeat, "scores")

    def record(self, name: str, repeat: int = 0) -> dict[str, Any]:
        """Nothing is known of how a trial was made."""
        return {}

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What is known of the run: where it lies, in which layout, what was done to it."""
        return {
            "tracker": self.tracker,
            "dataset": self.dataset,
            "protocol": self.protocol,
            "imported": {
                "source": str(self.path),
                "layout": self.layout,
                "lenient": self.reading.lenient,
                "origin": self.reading.origin,
                "corners": self.reading.corners,
                "notes": list(self.notes),
            },
            "identity": {"tracker": self.tracker, "weights": "unknown (imported results)"},
        }

    @cached_property
    def sources(self) -> Mapping[str, Path]:
        """What a metric calls a sequence's results -> the file."""
        several = len(self.repeats) > 1
        return {
            f"{name} (repetition {place + 1})" if several else name: self.shown_file(source)
            for place, run in enumerate(self.candidate.runs.values())
            for name, source in run.items()
        }

    # ------------------------------------------------------------------ reading

    @property
    def layout(self) -> str:
        """Whose layout it is; flat folders are told by what parts the numbers."""
        if self.candidate.layout != "flat":
            return self.candidate.layout
        source = next(iter(self.candidate.runs[self.repeats[0]].values()))
        separator = read_rows(source.path, lenient=True).separator
        return _FLAT.get(separator, f"{separator}-separated text")

    def shown_file(self, source: Source) -> Path:
        """A source's file as the person knows it: not where an archive was unpacked."""
        return self.candidate.shown_file(source.path, self.path)

    def _rows(self, source: Source) -> Floats:
        try:
            if source.path.suffix.lower() == ".mat":
                return read_mat(source.path)[source.member]
            text = read_rows(source.path, lenient=self.reading.lenient)
        except ResultsError as error:
            raise elsewhere(error, source.path, self.shown_file(source)) from None
        self.notes += [note for note in text.notes if note not in self.notes]
        return text.values

    def _placed(self, rows: Floats) -> Floats:
        """Rows in the data set's own numbers, by what the person said about them."""
        if self.reading.corners:
            rows = fit.from_corners(rows)
        if self.reading.origin is not None and self.reading.origin != self.data.origin:
            rows = rows + np.array([1, 1, 0, 0]) * (self.data.origin - self.reading.origin)
        return rows

    def _beside(self, name: str, repeat: int, kind: str) -> Floats:
        source = self.candidate.runs[repeat].get(name)
        path: Path | None = getattr(source, kind) if source is not None else None
        rows = len(self.boxes(name, repeat))
        if source is None or path is None:
            return np.full(rows, np.nan)
        values = _column(path, source.column) if source.column else column(path, lenient=True)
        if values is None or len(values) != rows:
            return np.full(rows, np.nan)
        return values

    # ------------------------------------------------------------------ what does not fit

    def _adopt(self) -> None:
        """Take a file of an unknown name for a missing sequence where its length and its first box leave no doubt."""
        missing, strangers = self.absent(), list(self.candidate.strangers)
        if not missing or not strangers or self.candidate.layout in ("mat", "masks", "trackzoo", "got10k"):
            return
        runs = {repeat: dict(run) for repeat, run in self.candidate.runs.items()}
        for name in missing:
            near = difflib.get_close_matches(
                name.lower(), [Path(each).stem.lower() for each in strangers], n=1, cutoff=0.6
            )
            stranger = next((each for each in strangers if near and Path(each).stem.lower() == near[0]), None)
            if stranger is None or len(self.repeats) > 1:
                continue
            path = self.candidate.folder / stranger
            if self._is_of(path, name):
                strangers.remove(stranger)
                runs[self.repeats[0]][name] = Source(path, path.stem, "loose")
        self.candidate = replace(self.candidate, runs=runs, strangers=tuple(strangers))

    def _without_annotation(self) -> None:
        """Leave out sequences whose annotation is not on this machine, with a note."""
        lacking = []
        for name in set(self.candidate.all) - set(self.data.available()):
            try:
                _ = self.data[name].boxes
            except TrackzooError:
                lacking.append(name)
        if lacking:
            gone = [name for name in self.data.names if name in set(lacking)]
            self.notes.append(f"{len(gone)} sequences have no annotation on this machine: {listing(gone)}")
            runs = {
                repeat: {name: source for name, source in run.items() if name not in set(lacking)}
                for repeat, run in self.candidate.runs.items()
            }
            self.candidate = replace(self.candidate, runs=runs)

    def _is_of(self, path: Path, name: str) -> bool:
        try:
            rows, truth = read_rows(path, lenient=True).values, self._truth(name)
        except TrackzooError:
            return False
        first = fit.beside(rows, truth).first
        return len(rows) == len(truth) and first in ("equal", "cut", "half", "one", "rounded", "corners")

    def examine(self) -> None:
        """Read every file that will be scored, hold it against the annotation, and say what is odd in `notes`.

        Raises:
            ResultsError: sequences that are missing, files that are damaged or in corners, results that are not of this
                data set; unless one is lenient, also another length than the annotation's.
        """
        self._refuse_missing()
        self._say_names()
        truth_public = self.data.public_truth
        found: dict[str, fit.Beside] = {}
        missing = set(self.missing())
        for repeat in self.repeats:
            for name in self.names(repeat):
                if name in missing:
                    continue
                rows, truth = self.boxes(name, repeat), self._truth(name)
                each = fit.beside(rows, truth)
                found.setdefault(name, each)
                if each.whole_corners and not self.reading.corners:
                    raise ResultsError(
                        self.shown_file(self.candidate.runs[repeat][name]),
                        "rows that fit the annotation as corners x1,y1,x2,y2",
                        "x,y,w,h",
                        "--corners reads them so",
                    )
                if not self.reading.lenient and truth_public and len(rows) != len(truth):
                    raise self._length(name, repeat, rows, truth)
        self._refuse_strangers(found)
        self.notes += fit.say(found, self.data.origin)

    def _truth(self, name: str) -> Floats:
        return self.data[name].boxes if self.truth is None else self.truth(name)

    def _length(self, name: str, repeat: int, rows: Floats, truth: Floats) -> ResultsError:
        difference = len(rows) - len(truth)
        much = f"{abs(difference)} row{'' if abs(difference) == 1 else 's'}"
        return ResultsError(
            self.shown_file(self.candidate.runs[repeat][name]),
            f"{len(rows)} rows ({much} too {'many' if difference > 0 else 'few'})",
            f"{len(truth)}, one for each annotated frame of '{name}'",
            "mend the file, or --lenient does what the profile's toolkit does, with a note",
            line=min(len(rows), len(truth)) + (difference > 0),
        )

    def _refuse_missing(self) -> None:
        missing = self.absent()
        if not missing or self.reading.allow_incomplete or self.reading.lenient:
            if missing:
                self.notes.append(f"{len(missing)} of {len(self.expected)} sequences are missing: {listing(missing)}")
            return
        close = _alike(missing, [Path(each).stem for each in self.candidate.strangers])
        more = f" (there is '{close[1]}': is it '{close[0]}'?)" if close else ""
        do = "--allow-incomplete takes what is there, marked as such"
        raise incomplete(self.path, missing, len(self.expected), do, what=f"sequences of {self.dataset}", more=more)

    def _refuse_strangers(self, found: Mapping[str, fit.Beside]) -> None:
        far = [name for name, each in found.items() if each.first == "far"]
        if len(far) * 2 > len(found) and not self.reading.lenient:
            raise ResultsError(
                self.path,
                f"first rows that do not touch the annotation's first box in {len(far)} of {len(found)} sequences",
                f"boxes x,y,w,h in pixels on {self.dataset}",
                "is it another data set, or are the numbers normalised? --lenient scores them all the same",
            )

    def _say_names(self) -> None:
        first = self.candidate.runs[self.repeats[0]]
        self.notes += respelled(first)
        for worse, better, name in self.candidate.doubles:
            self.notes.append(f"two files for '{name}': {better} was read, {worse} left alone")
        if self.candidate.strangers:
            count = len(self.candidate.strangers)
            self.notes.append(
                f"{count} file{'' if count == 1 else 's'} of no sequence of {self.dataset} left alone: "
                f"{listing(self.candidate.strangers)}"
            )


def respelled(sources: Mapping[str, Source]) -> list[str]:
    """A line on the sequences that files spell otherwise than the benchmark; nothing where none does."""
    pairs = [f"'{source.spelling}' as '{name}'" for name, source in sources.items() if source.how == "loose"]
    names = "1 name is" if len(pairs) == 1 else f"{len(pairs)} names are"
    return [f"{names} spelled otherwise: read {listing(pairs)}"] if pairs else []


def _alike(missing: Iterable[str], stems: list[str]) -> tuple[str, str] | None:
    for name in missing:
        if near := difflib.get_close_matches(name, stems, n=1, cutoff=0.6):
            return name, near[0]
    return None


def elsewhere(error: DataError, path: Path, shown: Path) -> DataError:
    """The same error about a file as the person knows it (not where an archive was unpacked)."""
    text = str(error)
    if shown != path and text.startswith(str(path)):
        error.args = (f"{shown}{text.removeprefix(str(path))}",)
        error.path = shown
    return error


def _column(path: Path, index: int) -> Floats | None:
    """One column of a table of times; None where it has not so many."""
    try:
        first = path.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0]
        count = len(first.replace(",", " ").split())
        return read_rows(path, count, lenient=True).values[:, index] if index < count else None
    except (OSError, ResultsError):
        return None

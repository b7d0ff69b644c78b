"""What is done with results that do not fit: refused in one line, or treated as the profile's toolkit does, with a note.

Rows are counted from 1, as lines of a result file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence as ListOf
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import ResultsError, TrackzooError
from trackzoo.metrics.block import Block, Flags
from trackzoo.metrics.types import Floats, Truth


@dataclass(frozen=True)
class Fit:
    """What a toolkit does with results of another length than the annotation.

    Attributes:
        longer: `cut` the rows beyond the annotation, or `raise`.
        shorter: pad with `zeros` or with `nan`, cut the `truth` to the results, or `raise`.
        missing: results of a sequence that are not there: `zeros`, `nan` or `raise`.
        cuts: sequences whose longer results are cut whatever `longer` says.
    """

    longer: Literal["cut", "raise"]
    shorter: Literal["zeros", "nan", "truth", "raise"]
    missing: Literal["zeros", "nan", "raise"] = "raise"
    cuts: frozenset[str] = frozenset()


@dataclass
class Intake:
    """Takes in one run's boxes under one profile.

    Attributes:
        profile: name of the profile, for the lines.
        fit: its rule for lengths.
        lenient: treat what does not fit as the toolkit does, instead of refusing it.
        run: which repetition it is, as said in the lines; empty for single runs.
        beyond: looks at a sequence's rows that are about to be cut, for toolkits that stumble over what stands there; given
            the annotation and all rows.
        notes: a line for all that was mended, padded, cut or left out.
    """

    profile: str
    fit: Fit
    lenient: bool
    run: str = ""
    beyond: Callable[[Intake, Truth, Floats], None] | None = None
    notes: list[str] = field(default_factory=list)

    def refuse(self, name: str, found: str, expected: str, row: int | None = None, *, always: bool = False) -> NoReturn:
        """Raise `ResultsError`; `always` says that the toolkit refuses it too."""
        if always or self.lenient:
            do = (
                f"the {self.profile} toolkit refuses such results too: mend the file, or evaluate under another profile"
            )
        else:
            do = f"mend the file, or be lenient: then it is treated as the {self.profile} toolkit does, with a note"
        raise ResultsError(f"{name}{self.run}", found, expected, do, line=row)

    def note(self, name: str, text: str) -> None:
        """Add a line about one sequence."""
        self.notes.append(f"{name}{self.run}: {text}")

    def block(self, truths: ListOf[Truth], results: ListOf[Floats | None]) -> Block:
        """Lay out some sequences after fitting the lengths. Raises `ResultsError` where they are not to be fitted."""
        fitted, padded = [], []
        for truth, boxes in zip(truths, results, strict=True):
            rows, made_up = self._fit(truth, boxes)
            fitted.append(rows)
            padded.append(made_up)
        return Block.of(truths, fitted, padded)

    def _fit(self, truth: Truth, boxes: Floats | None) -> tuple[Floats, int]:
        """Rows of one sequence and how many of them (the last) are made up."""
        wanted = len(truth.boxes)
        if boxes is None:
            if not self.lenient or self.fit.missing == "raise":
                self.refuse(truth.name, "no results", f"{wanted} rows", always=self.fit.missing == "raise")
            word, value = ("zeros", 0.0) if self.fit.missing == "zeros" else ("NaN, which never hit", np.nan)
            self.note(truth.name, f"no results; {wanted} rows of {word} were taken")
            return np.full((wanted, 4), value), wanted
        rows = len(boxes)
        if rows == wanted:
            return boxes, 0
        if not rows:
            self.refuse(truth.name, "an empty file", f"{wanted} rows", always=True)
        rule = self.fit.longer if rows > wanted else self.fit.shorter
        if rows > wanted and truth.name in self.fit.cuts:
            rule = "cut"
        if not self.lenient or rule == "raise":
            self.refuse(truth.name, f"{rows} rows", f"{wanted}, one for each annotated frame", always=rule == "raise")
        if rule == "cut":
            if self.beyond is not None:
                self.beyond(self, truth, boxes)
            self.note(truth.name, f"{rows - wanted} rows beyond the {wanted} annotated frames were cut ({rows} given)")
            return boxes[:wanted], 0
        missing = wanted - rows
        if rule == "truth":
            self.note(truth.name, f"the last {missing} of {wanted} annotated frames were left out ({rows} rows given)")
            return boxes, 0
        word = "zeros" if rule == "zeros" else "NaN, which never hit"
        self.note(truth.name, f"{missing} missing rows were padded with {word} ({rows} of {wanted} given)")
        return np.concatenate([boxes, np.full((missing, 4), 0.0 if rule == "zeros" else np.nan)]), missing

    def check(self, block: Block, *, toolkit_refuses: bool = False) -> None:
        """Refuse boxes that are not finite or have a negative size.

        Args:
            block: the sequences.
            toolkit_refuses: lenient changes nothing, since the toolkit raises too.
        """
        if self.lenient and not toolkit_refuses:
            return
        boxes = block.boxes
        # Two cheap passes clear almost every block: a NaN or infinity anywhere makes the sum one.
        with np.errstate(invalid="ignore", over="ignore"):
            if np.isfinite(boxes.sum()) and not (boxes[2:] < 0).any():
                return
        # Infinity is not NaN and not negative: toolkits that refuse the latter let it through.
        unfit = np.isnan(boxes) if self.lenient else ~np.isfinite(boxes)
        bad = unfit.any(axis=0) | (boxes[2:] < 0).any(axis=0)
        if block.padded is not None:
            bad &= ~block.padded
        if not bad.any():
            return
        frame = int(bad.argmax())
        index, row = block.where(frame)
        text = ",".join(f"{value:g}" for value in boxes[:, frame])
        more = int(bad.sum()) - 1
        self.refuse(
            block.truths[index].name,
            f"{text}" + (f" (and {more} more such row{'s' if more > 1 else ''})" if more else ""),
            "four finite numbers x,y,w,h with w and h not negative",
            row + 1,
            always=toolkit_refuses,
        )

    def by_sequence(self, block: Block, frames: Flags, text: str) -> None:
        """Note for each sequence that has some of `frames` (F,) how many and which rows: `name: 3 <text> (rows 4-6)`."""
        if not frames.any():
            return
        hits = np.flatnonzero(frames)
        owners = block.sequence[hits]
        for index in np.unique(owners):
            rows = hits[owners == index] - block.starts[index] + 1
            self.note(
                block.truths[index].name, f"{len(rows)} {text} (row{'s' if len(rows) > 1 else ''} {ranges(rows)})"
            )


def ranges(rows: NDArray[np.intp], most: int = 6) -> str:
    """Ascending numbers as a person writes them: `3-5, 9, …`; at most `most` stretches."""
    cuts = np.flatnonzero(np.diff(rows) > 1) + 1
    parts = np.split(rows, cuts)
    words = [f"{part[0]}" if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts[:most]]
    return ", ".join(words) + (", …" if len(parts) > most else "")


def check_truths(truths: ListOf[Truth]) -> None:
    """Raise `TrackzooError` for annotation that no profile can work with: no sequences, an empty one, odd flags."""
    if not truths:
        raise TrackzooError("nothing to evaluate: no sequences were given")
    for truth in truths:
        frames = len(truth.boxes)
        if truth.boxes.ndim != 2 or truth.boxes.shape[1] != 4 or not frames:
            raise TrackzooError(
                f"annotation of '{truth.name}': found an array of shape {truth.boxes.shape}, expected (N, 4) with N > 0"
            )
        for label, flags in (("visible", truth.visible), ("cover", truth.cover)):
            if flags is not None and len(flags) != frames:
                raise TrackzooError(
                    f"annotation of '{truth.name}': found {len(flags)} values of '{label}', expected {frames}, one a frame"
                )


def check_results(truths: ListOf[Truth], runs: ListOf[ListOf[Floats | None]]) -> list[list[Floats | None]]:
    """Runs as float64 arrays (M, 4). Raises `TrackzooError` for a wrong number of them, `ResultsError` for a wrong shape."""
    if not runs:
        raise TrackzooError("nothing to evaluate: no run was given")
    checked: list[list[Floats | None]] = []
    for number, run in enumerate(runs):
        if len(run) != len(truths):
            raise TrackzooError(
                f"repetition {number + 1}: found results of {len(run)} sequences, expected {len(truths)}, one an annotation"
            )
        arrays: list[Floats | None] = []
        for truth, boxes in zip(truths, run, strict=True):
            array = None if boxes is None else np.asarray(boxes, dtype=np.float64)
            if array is not None and array.size == 0:
                array = array.reshape(0, 4)
            if array is not None and (array.ndim != 2 or array.shape[1] != 4):
                raise ResultsError(truth.name, f"an array of shape {array.shape}", "(M, 4): x, y, w, h a row")
            arrays.append(array)
        checked.append(arrays)
    return checked

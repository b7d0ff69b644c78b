"""What `trackzoo verify` can verify: one class a target, and the comparison of all its arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from trackzoo.errors import TrackzooError
from trackzoo.parity.case import Case
from trackzoo.parity.tolerance import Array, Tolerance, compare

Made = TypeVar("Made")


@dataclass(frozen=True)
class Setup:
    """How our side computes.

    Attributes:
        device: torch device name.
        dtype: `fp32`, `fp16` or `bf16`.
        compile: whether networks are compiled.
    """

    device: str = "cpu"
    dtype: str = "fp32"
    compile: bool = False


@dataclass(frozen=True)
class Row:
    """One array.

    Attributes:
        file: file of arrays, without `.npz`.
        array: its name there.
        status: `agrees`, `differs`; `skipped`: known to us, and it or what it is computed from is not in the folder; `unknown`:
            in the folder, and not compared; `elsewhere`: another target compares it; `input`: what the reference was given.
        absolute, relative: largest deviations; NaN where nothing was compared.
        rule: the tolerance, as text.
        text: what else is to be said.
    """

    file: str
    array: str
    status: Literal["agrees", "differs", "skipped", "unknown", "elsewhere", "input"]
    absolute: float = float("nan")
    relative: float = float("nan")
    rule: str = ""
    text: str = ""


@dataclass(frozen=True)
class Certificate:
    """All rows of one run of `verify`; printing it shows the summary.

    Attributes:
        rows: one an array, in the files' order.
    """

    rows: tuple[Row, ...] = field(default_factory=tuple)

    def count(self, status: str) -> int:
        """How many arrays have this status."""
        return sum(row.status == status for row in self.rows)

    @property
    def compared(self) -> int:
        """How many arrays were compared."""
        return self.count("agrees") + self.count("differs")

    @property
    def passed(self) -> bool:
        """Something was compared, and all of it agrees."""
        return self.compared > 0 and self.count("differs") == 0

    def __str__(self) -> str:
        text = f"{self.count('agrees')} of {self.compared} arrays agree"
        for status, words in (
            ("differs", "differ"),
            ("input", "inputs"),
            ("skipped", "not in the folder"),
            ("unknown", "not compared"),
            ("elsewhere", "of other targets"),
        ):
            if self.count(status):
                text += f", {self.count(status)} {words}"
        return text if self.compared else "nothing was compared"


class Target(ABC):
    """Something whose outputs can be held against a reference's."""

    #: Goldens that come with trackzoo.
    packaged: Path
    _made: tuple[Case, Setup, Any] | None = None
    #: Processor threads to compute with; 0 leaves them as they are. More threads add in another order, and where a tracker
    #: amplifies rounding, only as many as the reference had can be held to its tolerances.
    threads: int = 0

    @abstractmethod
    def table(self, file: str) -> Mapping[str, Tolerance]:
        """Tolerance of each array of a file (name without `.npz`); empty for a file that this target does not know."""

    def rules(self, file: str, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """Tolerances for what a folder's file holds, where they depend on it (families of names, limits by a deviation)."""
        return self.table(file)

    def elsewhere(self, file: str, array: str = "") -> bool:
        """Whether a file, or an array of one, is another target's to compare; targets may share a folder."""
        return False

    @abstractmethod
    def files(self) -> Iterable[str]:
        """Names (without `.npz`) of the files that it knows."""

    @abstractmethod
    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """Our arrays of a file, one by one; names that the case does not have may be left out."""

    def once(self, case: Case, setup: Setup, make: Callable[[], Made]) -> Made:
        """What `make` gives, made once for all files of a case: filling a network takes as long as using it."""
        if self._made is None or self._made[0] is not case or self._made[1] != setup:
            self._made = None  # its memory goes first
            self._made = (case, setup, make())
        found: Made = self._made[2]
        return found

    def verify(self, folder: Path | None = None, setup: Setup | None = None) -> Certificate:
        """Compare every array of a folder of goldens (by default the packaged one) with ours.

        Raises:
            DataError: the folder, or a file in it, cannot be read.
        """
        case = Case(folder or self.packaged, self.packaged)
        rows: list[Row] = []
        present = [name.removesuffix(".npz") for name in case.files()]
        for file in dict.fromkeys([*self.files(), *present]):
            table = self.table(file)
            if file not in present:
                rows += [Row(file, name, "skipped", rule=str(rule)) for name, rule in table.items()]
            elif table:
                rows += self._compare(case, file, setup or Setup())
            else:
                rows += [self._not_ours(file, name) for name in case.arrays(file + ".npz")]
        return Certificate(tuple(rows))

    def _not_ours(self, file: str, array: str) -> Row:
        if self.elsewhere(file, array):
            return Row(file, array, "elsewhere")
        return Row(file, array, "unknown", text="no comparison is written")

    def _compare(self, case: Case, file: str, setup: Setup) -> Iterator[Row]:
        golden = case.arrays(file + ".npz")
        table = self.rules(file, golden)
        wanted = [name for name, rule in table.items() if name in golden and rule.kind != "input"]
        given = [name for name, rule in table.items() if rule.kind == "input"]
        lacking = ", ".join(name for name in given if name not in golden)
        with _threads(self.threads):
            ours = dict(self.compute(case, file, setup)) if wanted else {}
        for name, array in golden.items():
            rule = table.get(name)
            if rule is None:
                yield self._not_ours(file, name)
            elif rule.kind == "input":
                yield Row(file, name, "input")
            elif name not in ours and lacking:
                yield Row(file, name, "skipped", rule=str(rule), text=f"cannot be computed without {lacking}")
            elif name not in ours:
                raise TrackzooError(
                    f"{case.folder}/{file}.npz: '{name}' is in the table of tolerances, and not computed"
                )
            else:
                found = compare(ours[name], array, rule)
                status: Literal["agrees", "differs"] = "agrees" if found.fits else "differs"
                yield Row(file, name, status, found.absolute, found.relative, str(rule), found.text)
        for name, rule in table.items():
            if name not in golden and rule.kind != "input":
                yield Row(file, name, "skipped", rule=str(rule))


class GoldenFile(Target):
    """One file, `golden`, whose rules follow from the families of its arrays' names."""

    def files(self) -> Iterable[str]:
        """One."""
        return ("golden",)

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """What the packaged file holds."""
        return self.known if file == "golden" else {}

    @cached_property
    def known(self) -> Mapping[str, Tolerance]:
        """Rules of the packaged file."""
        return self.families(Case(self.packaged, self.packaged).arrays("golden.npz"))

    @abstractmethod
    def families(self, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """Rules of a file's arrays."""

    def rules(self, file: str, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """See `Target.rules`: of the packaged file's arrays and of this one's."""
        return {**self.known, **self.families(golden)}


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Context in which torch computes with so many processor threads; 0: with as many as before."""
    if not count:
        yield
        return
    # Not every target computes with torch.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

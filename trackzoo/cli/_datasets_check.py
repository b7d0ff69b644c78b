"""`trackzoo datasets check`: what was looked at, what was found, the fingerprint."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from trackzoo.errors import TrackzooError
from trackzoo.sequence import Dataset, Problem


@dataclass(frozen=True)
class Examination:
    """What a check of one split gave.

    Attributes:
        dataset: the split.
        problems: every finding.
        whole: sequences that can be used.
        fingerprint: SHA-256 over those; empty when there are none.
        frames: their frames.
        deep: whether images were decoded.
    """

    dataset: Dataset
    problems: tuple[Problem, ...]
    whole: tuple[str, ...]
    fingerprint: str
    frames: int
    deep: bool

    @classmethod
    def of(cls, dataset: Dataset, deep: bool = False) -> Examination:
        """Look at every file; with `deep`, decode every image."""
        with _progress(dataset, "looking") as tick:
            problems = dataset.check(tick)
        if deep:
            known = {problem.path for problem in problems}
            with _progress(dataset, "decoding") as tick:
                problems = problems + [found for found in dataset.decode_all(tick) if found.path not in known]
        spoilt = {problem.sequence for problem in problems if problem.fatal}
        whole = tuple(name for name in dataset.available() if name not in spoilt)
        fingerprint, frames = "", 0
        if whole:
            try:
                fingerprint = dataset.fingerprint(whole)
                frames = sum(length or 0 for length in dataset.lengths(whole).values())
            except TrackzooError:
                # A fatal finding that is about no sequence; it has been told.
                fingerprint = ""
        return cls(dataset, tuple(problems), whole, fingerprint, frames, deep)

    @property
    def fatal(self) -> bool:
        """Whether something cannot be used."""
        return not self.whole or any(problem.fatal for problem in self.problems)

    def plain(self) -> dict[str, Any]:
        """As values for JSON."""
        return {
            "dataset": self.dataset.id,
            "root": None if self.dataset.root is None else str(self.dataset.root),
            "sequences": len(self.dataset),
            "whole": len(self.whole),
            "frames": self.frames,
            "fingerprint": self.fingerprint,
            "images": _images(self),
            "problems": [{**asdict(problem), "path": str(problem.path)} for problem in self.problems],
        }


def _images(examination: Examination) -> str:
    if getattr(examination.dataset, "annotations_only", False):
        return "not here"
    return "decoded" if examination.deep else "looked at"


def print_examination(examination: Examination) -> None:
    """For a person: findings, the expected tree if something is missing, the fingerprint."""
    from rich.console import Console
    from rich.text import Text

    console, dataset = Console(highlight=False, soft_wrap=True), examination.dataset
    for problem in sorted(examination.problems, key=lambda problem: not problem.fatal):
        mark = Text("✗ ", "bold red") if problem.fatal else Text("– ", "yellow")
        console.print(mark + Text(f"{problem.path}: {problem.text}"))
    fatal = sum(problem.fatal for problem in examination.problems)
    if examination.fatal and (tree := dataset.expected_tree()):
        console.print(Text(f"\nExpected:\n{tree}", "dim"))
    if examination.problems:
        console.print()
    odd = len(examination.problems) - fatal
    console.print(
        Text(f"{dataset.id}: {len(examination.whole)} of {len(dataset)} sequences can be used, ")
        + Text(f"{examination.frames:,} frames; images {_images(examination)}; ")
        + Text(f"{_findings(fatal, 'fatal finding')}", "bold red" if fatal else "green")
        + Text(f", {_findings(odd, 'odd thing')}", "yellow" if odd else "green")
    )
    if examination.fingerprint:
        part = "" if len(examination.whole) == len(dataset) else f" (of these {len(examination.whole)})"
        console.print(f"fingerprint {examination.fingerprint}{part}")


def _findings(count: int, what: str) -> str:
    return f"no {what}s" if count == 0 else f"1 {what}" if count == 1 else f"{count} {what}s"


@contextmanager
def _progress(dataset: Dataset, what: str) -> Iterator[Callable[[str], None]]:
    """A bar on the terminal while a check runs; nothing where there is none."""
    from tqdm import tqdm

    if not sys.stderr.isatty():
        yield lambda name: None
        return
    with tqdm(total=len(dataset), desc=f"{what} {dataset.id}", unit="seq", leave=False, file=sys.stderr) as bar:

        def tick(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        yield tick

"""Score a folder of somebody's results as it lies: `trackzoo evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence as ListOf
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.importing.archive import opened as unpacked
from trackzoo.importing.discover import Candidate, Search, discover
from trackzoo.importing.masks import Masks, boards
from trackzoo.importing.names import Speller
from trackzoo.importing.regions import ForeignVotRun
from trackzoo.importing.run import ForeignRun, Reading
from trackzoo.report.collect import Rules, compare
from trackzoo.report.model import Comparison
from trackzoo.report.selection import Library, Opened
from trackzoo.sequence import Dataset


@contextmanager
def candidates(source: Path, dataset: Dataset, trackers: ListOf[str] = ()) -> Iterator[tuple[Path, Search]]:
    """The trackers whose results lie in a folder or an archive, for as long as the context lasts.

    Args:
        source: the folder or archive.
        dataset: what they are results on.
        trackers: of several, those of these names; where there is one, the name that it is given.

    Yields:
        The folder (of an archive, where it is unpacked) and what was found in it.

    Raises:
        DataError: no such folder; an archive that is damaged or not to be trusted.
        ResultsError: nothing in it is named like a sequence of the data set.
        UnknownName: a tracker that is not there.
    """
    with unpacked(source) as folder:
        search = discover(folder, Speller(dataset), source)
        yield folder, replace_candidates(search, trackers)


def replace_candidates(search: Search, trackers: ListOf[str]) -> Search:
    """The search with the trackers that were asked for. Raises `UnknownName`."""
    if not trackers:
        return search
    known = dict.fromkeys(candidate.tracker for candidate in search.candidates)
    if len(known) == 1 and len(trackers) == 1:
        return Search([replace(candidate, tracker=trackers[0]) for candidate in search.candidates], search.notes)
    for name in trackers:
        if name not in known:
            raise UnknownName("tracker in this folder", name, known)
    return Search([candidate for candidate in search.candidates if candidate.tracker in trackers], search.notes)


def shown_folder(source: Path, folder: Path, candidate: Candidate) -> Path:
    """A candidate's folder as the person knows it: inside the archive's name, not where that was unpacked."""
    shown = source / candidate.folder.relative_to(folder)
    # Several trackers' .mat files lie side by side.
    return shown / f"*_{candidate.tracker}.mat" if candidate.layout == "mat" else shown


def evaluate_folder(
    source: Path,
    dataset: Dataset,
    rules: Rules,
    *,
    trackers: ListOf[str] = (),
    reading: Reading | None = None,
) -> Comparison:
    """Score the trackers whose result files lie in a folder or an archive.

    Args:
        source: the folder or archive.
        dataset: what they are results on.
        rules: profiles and the rest; its `lenient` and `allow_incomplete` hold for reading too.
        trackers: see `candidates`.
        reading: how the files are read.

    Raises:
        TrackzooError: as `candidates`; results that do not fit; a data set whose annotation only its server has.
    """
    if hidden := Opened(dataset).hidden:
        raise TrackzooError(
            f"{dataset.id}: {hidden}; it cannot be scored here ('trackzoo submit' builds servers' packages)"
        )
    reading = replace(
        reading or Reading(), lenient=rules.lenient, allow_incomplete=rules.allow_incomplete or rules.common
    )
    with candidates(source, dataset, trackers) as (folder, search):
        notes = list(search.notes)
        runs: list[ForeignRun | ForeignVotRun] = []
        maps = []
        opened = Opened(dataset)
        for candidate in search.candidates:
            if candidate.layout == "masks":
                maps.append(Masks(candidate, shown_folder(source, folder, candidate)))
                continue
            shown = shown_folder(source, folder, candidate)
            run = (
                ForeignVotRun(candidate, dataset, reading, shown)
                if candidate.layout.startswith("vot")
                else ForeignRun(candidate, dataset, reading, shown, lambda name: opened.truths((name,))[0].boxes)
            )
            run.examine()
            notes += [f"{run.tracker}: {note}" for note in run.notes]
            runs.append(run)
        found = boards(maps, dataset, rules) if maps else []
        if not runs:
            return Comparison(tuple(found), tuple(notes))
        made = compare(cast(Any, runs), Library(opened=[opened]), rules, notes, source=source)
        return replace(made, boards=(*made.boards, *found))

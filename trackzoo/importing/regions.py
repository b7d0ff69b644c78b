"""Trajectories in the VOT toolkit's files, as a run: `<seq>_001.txt` with restarts, `<seq>_00000012.bin` from anchors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import DataError, ResultsError, incomplete, listing
from trackzoo.geometry import Floats
from trackzoo.importing.discover import Candidate, Source
from trackzoo.importing.run import Reading, elsewhere, respelled
from trackzoo.metrics.vot_scores import MULTISTART, SUPERVISED, UNSUPERVISED
from trackzoo.protocols.vot_multistart import anchors, trial_name, visited
from trackzoo.rasterise import trimmed
from trackzoo.region_binary import read_binary
from trackzoo.region_text import read_regions
from trackzoo.regions import Region, Special
from trackzoo.report.vot import VotRun
from trackzoo.sequence import Dataset

_EXPERIMENTS = {"vot-multistart": MULTISTART, "vot-unsupervised": UNSUPERVISED}


class ForeignVotRun(VotRun):
    """One tracker's trajectories in another toolkit's files; answers like a stored run of VOT's protocols.

    Args:
        candidate: the files.
        data: the data set.
        reading: how they are read; lenient changes nothing, since VOT's toolkits refuse what does not fit.
        shown: the folder, for messages, as the person knows it.

    Attributes:
        notes: what is odd, a line each.
    """

    def __init__(self, candidate: Candidate, data: Dataset, reading: Reading, shown: Path) -> None:
        # Nothing of it is in the store: what `StoredRun` reads from its files is said here.
        self.candidate, self.data, self.reading = candidate, data, reading
        self.path = shown
        self.tracker, self.dataset, self.protocol = candidate.tracker, data.id, candidate.protocol
        anchored = candidate.layout == "vot-multistart"
        self.experiment = MULTISTART if anchored else _EXPERIMENTS.get(candidate.protocol, SUPERVISED)
        self.expected = tuple(data.names)
        self.notes: list[str] = []
        self._regions_read: dict[Path, tuple[Region, ...]] = {}
        self._sources = self._sorted()
        repeats = len(next(iter(self._sources.values()), ())) if not anchored else 1
        self.folders = dict.fromkeys(range(repeats), candidate.folder)
        self.trials = {name: self._trials(name) for name in data.names}

    # ------------------------------------------------------------------ as StoredRun

    @cached_property
    def identity(self) -> dict[str, Any]:  # type: ignore[override]
        """What is known of the run: where it lies and in which layout."""
        return {
            "tracker": self.tracker,
            "dataset": self.dataset,
            "protocol": self.protocol,
            "imported": {"source": str(self.path), "layout": self.layout, "notes": list(self.notes)},
            "identity": {"tracker": self.tracker, "weights": "unknown (imported results)"},
        }

    @property
    def layout(self) -> str:
        """Whose layout it is."""
        return "vot"

    @property
    def throughput(self) -> bool:
        """Nothing is known about times."""
        return False

    @cached_property
    def _records(self) -> dict[int, dict[str, dict[str, Any]]]:
        there: dict[str, dict[str, Any]] = {
            name: {} for name in self.data.names if all(trial in self._files for trial in self._keys(name))
        }
        return dict.fromkeys(self.folders, there)

    def seconds(self, name: str, repeat: int = 0, obj: int | None = None) -> Floats:
        """Nothing is known about times."""
        return np.zeros(0)

    def regions_of_trial(self, trial: str, repeat: int) -> tuple[Region, ...]:
        """Regions of one trial, held as the toolkit holds what it reads from text.

        Raises:
            ResultsError: the file is missing, damaged, or of another length than its run; names file and row.
        """
        path = self._files[trial, repeat]
        if path not in self._regions_read:
            shown = self.shown_file(path)
            try:
                regions = read_binary(path) if path.suffix.lower() == ".bin" else read_regions(path)
            except DataError as error:
                raise elsewhere(error, path, shown) from None
            if path.suffix.lower() != ".bin":
                regions = tuple(trimmed(region) for region in regions)
            self._regions_read[path] = regions
        return self._regions_read[path]

    # ------------------------------------------------------------------ the files

    def file(self, trial: str, repeat: int) -> Path:
        """Where the regions of a trial lie."""
        return self._files[trial, repeat]

    def file_name(self, trial: str, repeat: int) -> str:
        """Name, without ending, that the toolkit gives a trial's file."""
        return trial if self.experiment == MULTISTART else f"{trial}_{repeat + 1:03d}"

    def shown_file(self, path: Path) -> Path:
        """A file as the person knows it."""
        return self.candidate.shown_file(path, self.path)

    def _sorted(self) -> dict[str, dict[int, Source]]:
        """Sequence -> repetition or anchor -> file. Of repetitions, as many as every sequence has."""
        found: dict[str, dict[int, Source]] = {}
        for number, run in self.candidate.runs.items():
            for name, source in run.items():
                found.setdefault(name, {})[number] = source
        if self.candidate.layout == "vot-multistart":
            return found
        least = min(len(files) for files in found.values())
        more = [name for name, files in found.items() if len(files) > least]
        if more:
            self.notes.append(
                f"{len(more)} sequences have more than {least} repetition{'s' if least > 1 else ''}, which others have not; "
                f"the first {least} of each are scored: {listing(more)}"
            )
        return {name: dict(sorted(files.items())[:least]) for name, files in found.items()}

    @cached_property
    def _files(self) -> Mapping[tuple[str, int], Path]:
        """(trial, repetition) -> file."""
        if self.experiment == MULTISTART:
            return {
                (trial_name(name, anchor), 0): source.path
                for name, files in self._sources.items()
                for anchor, source in files.items()
            }
        return {
            (name, place): source.path
            for name, files in self._sources.items()
            for place, source in enumerate(files.values())
        }

    def _trials(self, name: str) -> list[str]:
        if self.experiment != MULTISTART:
            return [name]
        return [trial_name(name, anchor) for anchor, _ in anchors(self.data[name])]

    def _keys(self, name: str) -> list[tuple[str, int]]:
        return [(trial, repeat) for trial in self.trials[name] for repeat in self.folders]

    def examine(self) -> None:
        """Read every file that will be scored and hold its length against the annotation.

        Raises:
            ResultsError: sequences or runs that are missing, files that are damaged or of another length.
        """
        self._refuse_missing()
        for name in self.names():
            length = len(self.data[name])
            wanted: dict[str, int] = {name: length}
            if self.experiment == MULTISTART:
                runs = anchors(self.data[name])
                wanted = {trial_name(name, anchor): len(visited(anchor, back, length)) for anchor, back in runs}
            for trial, rows in wanted.items():
                for repeat in self.folders:
                    self._check(trial, repeat, rows)
        self.notes += respelled({name: source for run in self.candidate.runs.values() for name, source in run.items()})
        if self.candidate.strangers:
            self.notes.append(
                f"{len(self.candidate.strangers)} folders of no sequence of {self.dataset} left alone: "
                f"{listing(self.candidate.strangers)}"
            )

    def _check(self, trial: str, repeat: int, rows: int) -> None:
        regions = self.regions_of_trial(trial, repeat)
        shown = self.shown_file(self._files[trial, repeat])
        if len(regions) != rows:
            raise ResultsError(
                shown,
                f"{len(regions)} rows",
                f"{rows}, one for each frame of the run",
                "mend the file; VOT's toolkits refuse such results too",
                line=min(len(regions), rows) + (len(regions) > rows),
            )
        first = regions[0]
        if self.experiment == SUPERVISED and not (isinstance(first, Special) and first.code == 1):
            raise ResultsError(
                shown,
                "a region",
                "the code 1, where the tracker is started",
                "these are no results with restarts; in a folder 'unsupervised' they are taken as one pass",
                line=1,
            )

    def _refuse_missing(self) -> None:
        missing = self.missing()
        if not missing:
            return
        if self.reading.allow_incomplete:
            self.notes.append(f"{len(missing)} of {len(self.expected)} sequences are missing: {listing(missing)}")
            return
        lacking = [trial for trial, _ in self._keys(missing[0]) if (trial, 0) not in self._files]
        which = f" (no {lacking[0]})" if lacking and lacking[0] != missing[0] else ""
        do = "--allow-incomplete takes what is there, marked as such"
        raise incomplete(self.path, missing, len(self.expected), do, what=f"sequences of {self.dataset}", more=which)

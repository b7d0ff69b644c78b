"""Which stored runs a report is about, and the data sets that they belong to, each opened once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence as ListOf
from functools import cached_property
from pathlib import Path

from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.metrics.types import Truth
from trackzoo.registry import dataset_choice, dataset_names, dataset_options, open_dataset, tracker, tracker_names
from trackzoo.report.truth import truth_of
from trackzoo.roots import locate
from trackzoo.sequence import Dataset, Sequence
from trackzoo.store.read import StoredRun, find_runs


class Opened:
    """A data set on disk, with what several runs ask of it kept.

    Attributes:
        dataset: the data set.
        id: what results are filed under.
        name: of the data set without its split.
        title: as papers print it.
        split: its split; empty where it has none.
        personal: a person's own data, which no option but `--data-root` finds.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.id, self.personal = dataset, dataset.id, False
        self.name, self.title, self.split = dataset.id, dataset.id, ""
        try:
            spec, split = dataset_choice(dataset.id)
        except UnknownName:
            pass  # a person's own, opened from Python
        else:
            _, options = dataset_options(dataset.id)
            marks = ", ".join(f"{key} {value}" for key, value in options.items())
            self.personal = spec.personal
            if spec.personal:
                self.title = split
            else:
                self.split = split
                self.name = spec.name + dataset.id.removeprefix(spec.id(split))
                self.title = f"{spec.title} ({marks})" if marks else spec.title
        self._truths: dict[tuple[str, bool], Truth] = {}
        self._sequences: dict[str, Sequence] = {}
        self._fingerprints: dict[tuple[str, ...], str] = {}

    @property
    def hidden(self) -> str:
        """Why results cannot be scored here, for data sets without public annotation; empty for the others."""
        if self.dataset.public_truth:
            return ""
        if self.personal:
            return "only the first frame is annotated, so that there is nothing to score against"
        return "only its own server has the annotation"

    @cached_property
    def places(self) -> dict[str, int]:
        """Sequence -> its place in the benchmark's order."""
        return {name: place for place, name in enumerate(self.dataset.names)}

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """`names` in the benchmark's order. Raises `UnknownName`."""
        names = list(names)
        for name in names:
            if name not in self.places:
                raise UnknownName("sequence", name, self.dataset.names, f"'trackzoo datasets show {self.id}'")
        return tuple(sorted(names, key=self.places.__getitem__))

    def truths(self, names: Iterable[str], *, sizes: bool = False) -> list[Truth]:
        """See `trackzoo.report.truth.truths`; each sequence is read once."""
        found = []
        for name in names:
            if (name, sizes) not in self._truths:
                self._truths[name, sizes] = truth_of(self._sequence(name), sizes=sizes)
            found.append(self._truths[name, sizes])
        return found

    def _sequence(self, name: str) -> Sequence:
        """One object for all who ask, so that its files are read once."""
        if name not in self._sequences:
            self._sequences[name] = self.dataset[name]
        return self._sequences[name]

    def fingerprint(self, names: tuple[str, ...]) -> str:
        """Of the annotation of `names` on disk now."""
        if names not in self._fingerprints:
            self._fingerprints[names] = self.dataset.fingerprint_of(map(self._sequence, names))
        return self._fingerprints[names]


class Library:
    """Data sets by id, opened when first asked for.

    Args:
        data_root: as `--data-root`.
        given: data sets that are open already (a person's own).
        opened: the same, with what has been read of them.

    Attributes:
        notes: what a reader must know of where the data sets were found, a line each.
    """

    def __init__(
        self, data_root: str | Path | None = None, given: Iterable[Dataset] = (), opened: Iterable[Opened] = ()
    ) -> None:
        self._root = data_root
        self.notes: list[str] = []
        self._opened = {each.id: each for each in (*opened, *(Opened(dataset) for dataset in given))}

    def open(self, run: StoredRun) -> Opened:
        """The data set of a run. Raises `TrackzooError` where it is not known or not on this machine."""
        if run.dataset not in self._opened:
            spec, root = dataset_choice(run.dataset)[0], self._root
            recorded = run.identity.get("data_root")
            if isinstance(recorded, str) and Path(recorded).exists():
                if spec.personal:
                    # Nobody but the run remembers where a person's own data lies.
                    root = recorded
                elif spec.needs_root and locate(spec, root) is None:
                    root = recorded
                    self.notes.append(
                        f"{spec.title}: nobody said where it is; its annotation is read from {recorded}, where the run of "
                        f"{run.tracker} was made ('trackzoo datasets add {spec.name} DIR' names another place)."
                    )
            self._opened[run.dataset] = Opened(open_dataset(run.dataset, root))
        return self._opened[run.dataset]


def select(results: Path, trackers: ListOf[str], datasets: ListOf[str | Dataset]) -> list[StoredRun]:
    """Runs in a results folder, ordered by data set and tracker.

    Args:
        results: the folder.
        trackers: names as the registry takes them, or as the results are filed; none means all.
        datasets: likewise, or open data sets.

    Raises:
        UnknownName: a name that neither the results nor the registry have.
        ResultsError: no such folder, or a file in it that cannot be read.
        TrackzooError: a name without any results; says what would make them.
    """
    found = find_runs(results)
    if not found:
        raise TrackzooError(
            f"{results}: found no results; make some with 'trackzoo run --tracker NAME --dataset NAME', or name another folder "
            "with --results"
        )
    by_tracker = {name: tracker_id(name, {run.tracker for run in found}) for name in trackers}
    by_dataset = {str(name): dataset_id(name, {run.dataset for run in found}) for name in datasets}
    for given, id in by_tracker.items():
        if not any(run.tracker == id for run in found):
            has = ", ".join(sorted({run.tracker for run in found}))
            raise TrackzooError(f"{results}: found no results of tracker '{given}', only of {has}")
    for given, id in by_dataset.items():
        if not any(run.dataset == id for run in found):
            has = ", ".join(sorted({run.dataset for run in found}))
            raise TrackzooError(f"{results}: found no results on data set '{given}', only on {has}")
    chosen = [
        run
        for run in found
        if (not trackers or run.tracker in by_tracker.values()) and (not datasets or run.dataset in by_dataset.values())
    ]
    if not chosen:
        raise TrackzooError(f"{results}: found no results of {' or '.join(trackers)} on {' or '.join(by_dataset)}")
    return chosen


def tracker_id(name: str, filed: set[str]) -> str:
    """What results of a tracker are filed under, `filed` being the names in use. Raises `UnknownName`."""
    if name in filed:
        return name
    known = {**dict.fromkeys(filed), **dict.fromkeys(tracker_names())}
    if ":" not in name and "+" not in name and name not in known:
        raise UnknownName("tracker", name, known, "'trackzoo trackers'")
    return tracker(name).id


def dataset_id(name: str | Dataset, filed: set[str]) -> str:
    """What results on a data set are filed under, `filed` being the names in use. Raises `UnknownName`."""
    if isinstance(name, Dataset):
        return name.id
    if name in filed:
        return name
    try:
        spec, split = dataset_choice(name)
    except UnknownName:
        raise UnknownName("dataset", name, {*filed, *dataset_names()}, "'trackzoo datasets'") from None
    if not dataset_options(name)[1]:
        return spec.id(split)
    # How a data set writes its options into its id is its own affair.
    return open_dataset(name).id

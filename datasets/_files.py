"""The base of every benchmark on disk: what files a sequence needs, and everything that follows from it.

A loader says which sequences there are, where the files of one are (`files`, by looking, not by reading) and how its annotation
is read (`read`); listing, availability, checking, fingerprints and their cache are the same for all and live here.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence as ListOf
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from trackzoo.datasets._digest import annotation_digest
from trackzoo.datasets._images import Images
from trackzoo.datasets._lists import Row
from trackzoo.datasets._scan import Entry, Scan, Signature, signature
from trackzoo.errors import DataError, TrackzooError
from trackzoo.frames import Frames
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, Dataset, DatasetSpec, Problem, Sequence


@dataclass(frozen=True)
class SequenceFiles:
    """What one sequence consists of. Plain, picklable data; subclasses add what their reader wants to know.

    Attributes:
        name: the sequence.
        truth: annotation files that must be there; the first one decides the number of rows.
        extra: annotation files that are read where they are there.
        images: where the images are; None where the dataset is here with its annotation alone.
        counted: whether the number of frames comes from the image folder (splits that give the first box only).
    """

    name: str
    truth: tuple[Path, ...]
    extra: tuple[Path, ...] = ()
    images: Images | None = None
    counted: bool = False

    def sources(self) -> tuple[Path, ...]:
        """Everything that the annotation is made from, for the cache."""
        folder = (self.images.folder,) if self.counted and self.images else ()
        return (*self.truth, *self.extra, *folder)


Files = TypeVar("Files", bound=SequenceFiles)


def _load(read: Callable[[Files], Annotation], files: Files) -> Annotation:
    annotation = read(files)
    if files.images is not None:
        files.images.fit(len(annotation.boxes), files.truth[0])
    return annotation


def _frames(images: Images, annotation: Annotation) -> Frames:
    return images.frames(len(annotation.boxes))


class FileDataset(Dataset, Generic[Files]):
    """A benchmark split in a folder.

    Args:
        spec: facts about the benchmark.
        split: one of its splits, or empty.
        root: where it lies.

    Subclasses implement `names`, `files` and the static method `read`, and `facts` where there are any.
    """

    #: What the folder should look like, for a person.
    tree: ClassVar[str] = ""
    #: Labels (see `Annotation.labels`) that scores or protocols depend on.
    digest_labels: ClassVar[tuple[str, ...]] = ()

    def __init__(self, spec: DatasetSpec, split: str, root: Root | None) -> None:
        if root is None:
            raise TrackzooError(f"{spec.title} needs a folder; 'trackzoo datasets add {spec.name} DIR' names it")
        super().__init__(spec.id(split), root.path)
        self.spec, self.split, self.folder = spec, split, root.path
        self._told_annotations_only = root.annotations_only

    # What a loader says.

    @abstractmethod
    def files(self, name: str) -> Files:
        """Files of one sequence. Looks at the disk as little as it can and never reads a file; where several layouts are
        possible and none is there, those of the usual one."""

    @staticmethod
    @abstractmethod
    def read(files: Files) -> Annotation:
        """Read the annotation. Raises `DataError` with file and line."""

    def facts(self, files: Files) -> dict[str, Any]:
        """What `Sequence` takes beside annotation and frames: `attributes`, `fps`, `category`, `size`, `facts`, as values or as
        picklable callables that read them."""
        return {}

    def listed_frames(self, name: str) -> int | None:
        """Number of frames of a sequence by the package's list, or None where it leaves that to the annotation."""
        return None

    @property
    def annotations_only(self) -> bool:
        """Whether the dataset is here without images: scores can be computed, trackers cannot be run."""
        return self._told_annotations_only

    # What follows from it.

    def _files(self, name: str) -> Files:
        files = self.files(name)
        return replace(files, images=None) if self.annotations_only else files

    def sequence(self, name: str) -> Sequence:
        """Open one sequence; nothing is read."""
        files = self._files(name)
        return Sequence(
            name,
            self.id,
            partial(_load, type(self).read, files),
            partial(_frames, files.images) if files.images is not None else None,
            **self.facts(files),
        )

    def available(self) -> tuple[str, ...]:
        """Sequences whose annotation files and (first) image are there. Nothing is read."""
        return tuple(name for name in self.names if self._present(self._files(name)))

    @staticmethod
    def _present(files: SequenceFiles) -> bool:
        return all(path.exists() for path in files.truth) and (files.images is None or files.images.present())

    def known_frames(self) -> int | None:
        """Frames of the sequences that are available: by the list or by the cached scan; None where neither knows."""
        total = 0
        for name in self.available():
            entry = self._scan.get(name, self._marks(self._files(name)))
            count = entry.rows if entry else self.listed_frames(name)
            if count is None:
                return None
            total += count
        return total

    def lengths(self, names: ListOf[str] | None = None) -> dict[str, int | None]:
        """See `Dataset.lengths`; what is read is kept for the fingerprint."""
        counts: dict[str, int | None] = {}
        for name in self.names if names is None else names:
            try:
                counts[name] = self._entry(name).rows
            except DataError:
                counts[name] = None
        self._scan.save()
        return counts

    def digest(self, name: str, annotation: Annotation) -> str:
        """SHA-256 (hex) of one sequence's annotation."""
        return annotation_digest(annotation, self.digest_labels)

    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        """See `Dataset.fingerprint`. Raises `DataError` for an annotation that cannot be read."""
        return self._fingerprint((name, None) for name in (self.available() if names is None else names))

    def fingerprint_of(self, sequences: Iterable[Sequence]) -> str:
        """See `Dataset.fingerprint_of`."""
        return self._fingerprint((sequence.name, sequence) for sequence in sequences)

    def _fingerprint(self, sequences: Iterable[tuple[str, Sequence | None]]) -> str:
        total = hashlib.sha256()
        try:
            for name, sequence in sequences:
                entry = self._entry(name, sequence)
                total.update(f"{name}\t{entry.rows}\t{entry.digest}\n".encode())
        finally:
            self._scan.save()
        return total.hexdigest()

    def _entry(self, name: str, sequence: Sequence | None = None) -> Entry:
        marks = self._marks(self._files(name))
        entry = self._scan.get(name, marks)
        if entry is None:
            annotation = (sequence or self[name]).annotation
            entry = Entry(len(annotation.boxes), self.digest(name, annotation))
            self._scan.put(name, marks, entry)
        return entry

    def _marks(self, files: SequenceFiles) -> Signature:
        return signature(files.sources(), self.folder)

    @cached_property
    def _scan(self) -> Scan:
        return Scan(self.id, self.folder)

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        """Read every annotation file and look at every image's name and size. Keeps what it learns for the fingerprint."""
        problems: list[Problem] = []
        if not any(path.exists() for name in self.names for path in self._files(name).truth):
            # One finding, not one a sequence: most likely it is another folder that was meant.
            return [Problem(self.folder, f"nothing of {self.id} is here")]
        try:
            for name in self.names:
                if progress is not None:
                    progress(name)
                problems += (replace(problem, sequence=name) for problem in self._check(name))
        finally:
            self._scan.save()
        return problems

    def _check(self, name: str) -> list[Problem]:
        files = self._files(name)
        missing = [path for path in files.truth if not path.exists()]
        if len(missing) == len(files.truth) and (files.images is None or not files.images.folder.exists()):
            return [Problem(missing[0], "the whole sequence is missing")]
        if missing:
            return [Problem(path, "missing, expected an annotation file") for path in missing]
        problems: list[Problem] = []
        sequence = self.sequence(name)
        try:
            rows = len(sequence)
        except DataError as error:
            return [Problem(error.path, error.reason)]
        if files.images is not None:
            listed = files.images.count
            if listed is not None and rows < listed:
                text = f"a cut copy: {rows} of {listed} frames; its figures do not compare with published ones"
                problems.append(Problem(files.truth[0], text, fatal=False))
            problems += files.images.problems(rows)
        problems += self.oddities(name, files, sequence)
        self._entry(name, sequence)
        return problems

    def oddities(self, name: str, files: Files, sequence: Sequence) -> list[Problem]:
        """Further findings of `check` that a benchmark knows of; the annotation of `sequence` has been read without error."""
        return []

    def expected_tree(self) -> str:
        """See `Dataset.expected_tree`."""
        return self.tree

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_scan"}


class ListedDataset(FileDataset[Files]):
    """A `FileDataset` whose sequences stand in one of the package's lists."""

    @property
    @abstractmethod
    def rows(self) -> tuple[Row, ...]:
        """The list."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the list."""
        return tuple(row.name for row in self.rows)

    @cached_property
    def _rows(self) -> dict[str, Row]:
        return {row.name: row for row in self.rows}

    def row(self, name: str) -> Row:
        """The list's row of a sequence."""
        return self._rows[name]

    def facts(self, files: Files) -> dict[str, Any]:
        """Object class by the list."""
        return {"category": self.row(files.name).category or None}

    def listed_frames(self, name: str) -> int | None:
        """Number of frames by the list."""
        return self.row(name).count

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in super().__getstate__().items() if key not in ("_rows", "names")}

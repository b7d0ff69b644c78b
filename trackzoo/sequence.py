"""What a benchmark gives: sequences with frames and annotation, and datasets that list them.

Nothing here knows a benchmark by name; `trackzoo.datasets.*` implement `Dataset`, one module each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import DataError, TrackzooError, UnknownName
from trackzoo.frames import Frames
from trackzoo.geometry import Floats
from trackzoo.regions import Region

ObjectId = int
Flags = NDArray[np.bool_]


class LabelMaps(ABC):
    """Mask annotation of a sequence, read when asked for. Picklable."""

    @abstractmethod
    def __getitem__(self, index: int) -> NDArray[np.uint8] | None:
        """Labels (H, W) uint8 of frame `index`, or None where it is not annotated.

        0 background, k = object k, 255 pixels that do not count.
        """

    def mask(self, index: int, obj: ObjectId) -> NDArray[np.bool_] | None:
        """Mask (H, W) bool of one object on frame `index`, or None where the frame is not annotated."""
        labels = self[index]
        return None if labels is None else labels == obj


@dataclass(frozen=True)
class Annotation:
    """All that the annotation files of one sequence say. N = number of frames.

    Attributes:
        boxes: (N, 4) float64 `x, y, w, h` in the benchmark's own numbers (see `Dataset.origin`); NaN where not known.
            For a test split that gives the first box only, rows 1.. are NaN. With several objects: of the first one.
        visible: (N,) bool by the benchmark's own flags (full occlusion, out of view, absent); all true where it has none.
        regions: one region a frame where the annotation is more than boxes (VOT polygons and masks), else None.
        masks: lazily read label maps (DAVIS, YouTube-VOS, VOT masks, synth), else None.
        starts: object -> index of its first annotated frame; `{1: 0}` for single-object benchmarks.
        text: description of the target as the file has it, stripped; None where there is none.
        labels: further per-frame arrays by name, kept as the benchmark gives them (`cover`, `cut_by_image`, `absence`,
            `full_occlusion`, `out_of_view`, VOT tags and anchors as `tag:occlusion`, `anchor`).
        annotated: (N,) bool, frames that the benchmark annotates; None means all.
        ignore: one region a frame whose pixels do not count (VOT's object `_ignore`), or None.
    """

    boxes: Floats
    visible: Flags
    regions: tuple[Region, ...] | None = None
    masks: LabelMaps | None = None
    starts: Mapping[ObjectId, int] = field(default_factory=lambda: {1: 0})
    text: str | None = None
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    annotated: Flags | None = None
    ignore: tuple[Region, ...] | None = None


class Sequence:
    """One video with its annotation. Cheap to make, picklable; files are read at first use and kept.

    Args:
        name: the benchmark's own name of the sequence.
        dataset: id of its dataset and split, e.g. `lasot-test`.
        load: reads the annotation; a picklable callable (a module-level function in a `functools.partial`, or a bound
            method of a picklable object).
        frames: the frames, or a picklable callable that makes them from the annotation (for benchmarks whose number of
            frames is the number of annotation lines).
        attributes: names of the attributes that the benchmark gives this sequence, e.g. `("IV", "OCC")`.
        fps: frame rate in Hz where known.
        category: object class where known.
        size: (width, height) in pixels where the benchmark's files say it; no image is decoded for it.
        facts: further facts about the sequence, as the benchmark words them.

    The last five may be picklable callables that read them from a file; they are called at first use.
    """

    def __init__(
        self,
        name: str,
        dataset: str,
        load: Callable[[], Annotation],
        frames: Frames | Callable[[Annotation], Frames] | None,
        *,
        attributes: tuple[str, ...] | Callable[[], tuple[str, ...]] = (),
        fps: float | Callable[[], float | None] | None = None,
        category: str | Callable[[], str | None] | None = None,
        size: tuple[int, int] | Callable[[], tuple[int, int] | None] | None = None,
        facts: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self.name, self.dataset = name, dataset
        self._load, self._frames = load, frames
        self._attributes, self._fps, self._category = attributes, fps, category
        self._size, self._facts = size, facts

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that the benchmark gives this sequence."""
        return self._attributes() if callable(self._attributes) else self._attributes

    @cached_property
    def fps(self) -> float | None:
        """Frame rate in Hz, or None."""
        return self._fps() if callable(self._fps) else self._fps

    @cached_property
    def category(self) -> str | None:
        """Object class, or None."""
        return self._category() if callable(self._category) else self._category

    @cached_property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels where the benchmark's files say it, else None; no image is decoded."""
        return self._size() if callable(self._size) else self._size

    @cached_property
    def facts(self) -> Mapping[str, str]:
        """Further facts about the sequence, as the benchmark words them."""
        return (self._facts() if callable(self._facts) else self._facts) or {}

    @cached_property
    def annotation(self) -> Annotation:
        """Everything the annotation files say; read once. Raises `DataError` with file and line."""
        return self._load()

    @cached_property
    def frames(self) -> Frames:
        """The frames. Raises `TrackzooError` where the dataset is here with its annotation alone."""
        if self._frames is None:
            raise TrackzooError(
                f"sequence '{self.name}' of {self.dataset} has no images here (annotation only): results can be "
                "evaluated, trackers cannot be run; add the full dataset with 'trackzoo datasets add'"
            )
        return self._frames if isinstance(self._frames, Frames) else self._frames(self.annotation)

    @property
    def boxes(self) -> Floats:
        """Annotated boxes (N, 4); see `Annotation.boxes`."""
        return self.annotation.boxes

    @property
    def visible(self) -> Flags:
        """(N,) bool; see `Annotation.visible`."""
        return self.annotation.visible

    @property
    def regions(self) -> tuple[Region, ...] | None:
        """One region a frame, or None; see `Annotation.regions`."""
        return self.annotation.regions

    @property
    def masks(self) -> LabelMaps | None:
        """Label maps, or None; see `Annotation.masks`."""
        return self.annotation.masks

    @property
    def text(self) -> str | None:
        """Description of the target, or None."""
        return self.annotation.text

    def __len__(self) -> int:
        """Number of annotated rows (equal to the number of frames where there are images)."""
        return len(self.annotation.boxes)

    def __getstate__(self) -> dict[str, Any]:
        # What was read stays in the process that read it: workers read what they need themselves.
        read = ("annotation", "frames", "attributes", "fps", "category", "size", "facts")
        return {key: value for key, value in self.__dict__.items() if key not in read}

    def __repr__(self) -> str:
        return f"Sequence({self.name!r}, {self.dataset!r})"


@dataclass(frozen=True)
class Target:
    """What a tracker is told about an object at its first frame.

    Attributes:
        box: (4,) float64 `x, y, w, h`, always finite with positive size.
        mask: (H, W) bool, where known.
        text: description, where known.
        obj: id of the object within its video.
    """

    box: Floats
    mask: NDArray[np.bool_] | None = None
    text: str | None = None
    obj: ObjectId = 1


@dataclass(frozen=True)
class Problem:
    """One finding of `Dataset.check`.

    Attributes:
        path: file or folder it is about.
        text: what is odd, in one line.
        fatal: whether the sequence cannot be used because of it.
        sequence: the sequence, where it is about one.
    """

    path: Path
    text: str
    fatal: bool = True
    sequence: str | None = None


class Dataset(ABC):
    """A benchmark split on disk: lists sequences, opens them lazily. Implementations are picklable.

    Class attributes are facts of the benchmark; `id` is `<name>-<split>` (or the name where there is one split only) and
    is what results are filed under.
    """

    #: First pixel is (origin, origin): 1 for OTB, LaSOT, UAV123 (MATLAB), else 0. Boxes are never shifted for tracking or
    #: scoring; drawing and export use it.
    origin: ClassVar[int] = 0
    #: Protocol that the benchmark prescribes, a name in `trackzoo.protocols`.
    protocol: str = "ope"
    #: Metric profile that printed figures follow (metrics SPEC §9.1).
    profile: ClassVar[str] = "strict"
    #: Metric profile of label maps (protocol `vos`), a name in `trackzoo.metrics.vos.VOS_PROFILES`; empty without such.
    mask_profile: str = ""
    #: What a toolkit's code calls this benchmark where its rules depend on the name, e.g. `{"pytracking": "lasot"}`.
    toolkit_names: ClassVar[Mapping[str, str]] = {}
    #: Whether annotation of all frames is public; false for splits that a server evaluates.
    public_truth: bool = True
    #: What the annotation carries beyond boxes.
    has_text: ClassVar[bool] = False
    has_masks: ClassVar[bool] = False

    def __init__(self, id: str, root: Path | None) -> None:
        self.id, self.root = id, root

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of all sequences of the split, in the benchmark's order, present on disk or not."""

    @abstractmethod
    def sequence(self, name: str) -> Sequence:
        """Open one sequence (nothing is read yet). `name` is one of `names`."""

    @abstractmethod
    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        """Look at every file that the split needs; every missing or odd one is a `Problem`."""

    @abstractmethod
    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        """SHA-256 (hex) over names, lengths and annotations of `names` (default: all that are present).

        Two copies of a benchmark with equal annotation have equal fingerprints, wherever they lie and however they are
        packed. Cached by the sizes and times of the annotation files.
        """

    def fingerprint_of(self, sequences: Iterable[Sequence]) -> str:
        """The fingerprint of sequences that are open; what was read of them need not be read again."""
        return self.fingerprint([sequence.name for sequence in sequences])

    @abstractmethod
    def available(self) -> tuple[str, ...]:
        """Names of the sequences whose annotation (and images, unless annotation-only) are on disk, in order."""

    def expected_tree(self) -> str:
        """What the folder should look like, a few lines for a person."""
        return ""

    def known_frames(self) -> int | None:
        """Frames of the available sequences, where that is known without reading annotation or images; else None."""
        return None

    def lengths(self, names: ListOf[str] | None = None) -> dict[str, int | None]:
        """Number of frames of `names` (default: all); None where the annotation is missing or cannot be read."""
        counts: dict[str, int | None] = {}
        for name in self.names if names is None else names:
            try:
                counts[name] = len(self[name])
            except DataError:
                counts[name] = None
        return counts

    def decode_all(self, progress: Callable[[str], None] | None = None) -> Iterator[Problem]:
        """Decode every image of every available sequence; each that cannot be is a `Problem`. Slow."""
        for name in self.available():
            if progress is not None:
                progress(name)
            try:
                frames = self[name].frames
            except TrackzooError as error:
                # A cut annotation has been told by `check`; a dataset without images has nothing to decode.
                if isinstance(error, DataError):
                    yield Problem(error.path, error.reason, sequence=name)
                continue
            for index in range(len(frames)):
                try:
                    frames.read(index)
                except DataError as error:
                    yield Problem(error.path, error.reason, sequence=name)

    def __len__(self) -> int:
        return len(self.names)

    def own_name(self, name: str) -> str:
        """The benchmark's name of a sequence that another toolkit spells otherwise (`uav_bike1`), else `name` itself."""
        return name

    def __getitem__(self, name: str) -> Sequence:
        """A sequence by its name or a toolkit's spelling of it. Raises `UnknownName` with a suggestion."""
        name = self.own_name(name)
        if name not in self._known:
            raise UnknownName("sequence", name, self.names, f"'trackzoo datasets show {self.id}'")
        return self.sequence(name)

    def __iter__(self) -> Iterator[Sequence]:
        return (self.sequence(name) for name in self.names)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)


@dataclass(frozen=True)
class DatasetSpec:
    """Facts about a benchmark that are known without opening it; one or several a module, as `SPECS`.

    Attributes:
        name: the registry's name, e.g. `lasot`.
        title: the name as papers print it, e.g. `LaSOT`.
        splits: split names; the first is the default. Empty: the benchmark has one split, its id is `name`.
        factory: `module:callable`, called as `factory(spec, split, root, **options)` and giving a `Dataset`.
        folders: folder names looked for below a data root, e.g. `("LaSOT", "LaSOTBenchmark", "lasot")`.
        aliases: other spellings.
        page: where the benchmark is published (a project page, not a download address).
        paper: short citation.
        needs_root: false for datasets that need nothing on disk (`synth`), or whose place is named at each run (`personal`).
        personal: a person's own data: `--data-root` names it at each run and is taken as it is, a folder or a file; the name of
            the data stands in the place of a split (`folder-<name>`).
        sequences: number of sequences by split, where the list is known.
        parts: splits that are parts of others; they are left out of the listing unless asked for.
        kin: families that live in the same folder: a root that was said for one of them serves this one too.
        train_only: ids of the training sets that the rules allow, alone, the official one first; empty without rules.
        overlaps: training set -> what it shares with this benchmark, a sentence without full stop for the reader of a report.
    """

    name: str
    title: str
    factory: str
    splits: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    page: str = ""
    paper: str = ""
    needs_root: bool = True
    personal: bool = False
    sequences: Mapping[str, int] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    kin: tuple[str, ...] = ()
    train_only: tuple[str, ...] = ()
    overlaps: Mapping[str, str] = field(default_factory=dict)

    def id(self, split: str) -> str:
        """Id of one split: what results are filed under."""
        return f"{self.name}-{split}" if split else self.name

"""`folder`: a person's own data, named at each run.

    trackzoo run --tracker dcf --dataset folder --data-root DIR

DIR is a folder of images (there or in `img`, `imgs`, `color`, `frames` …) with a text file of boxes (`groundtruth.txt`,
`gt.txt`, …, or `init.txt` with the first box alone), a folder of such folders, or a video file with `<its name>.txt` beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import numpy as np

from trackzoo.datasets._common import FileDataset, SequenceFiles, read_bytes, read_line
from trackzoo.datasets._folder_boxes import Rows, check_format, read_rows
from trackzoo.datasets._folder_places import FIRST, TRUTHS, WORDS, Place, VideoImages, find_places
from trackzoo.errors import DataError, SettingsError, TrackzooError, UnknownName
from trackzoo.frames import VideoFrames
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, DatasetSpec, Problem, Sequence

SPECS = (
    DatasetSpec(
        name="folder",
        title="own folder or video",
        factory="trackzoo.datasets.folder:Folder",
        needs_root=False,
        personal=True,
    ),
)


@dataclass(frozen=True)
class FolderFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        format: form of the rows, one of `_folder_boxes.FORMATS`.
        words: files that may describe the target.
    """

    format: str = "auto"
    words: tuple[Path, ...] = ()


def read_truth(files: FolderFiles) -> tuple[Rows, int]:
    """The rows of the truth file, and how many frames there are.

    Raises:
        DataError: no such file, an odd row, a form in doubt, or neither one row nor one a frame.
    """
    path, images = files.truth[0], files.images
    assert images is not None
    if not path.is_file():
        names = (
            f"'{path.name}'"
            if path.name not in TRUTHS
            else "a file such as groundtruth.txt or gt.txt with a box a frame"
        )
        raise DataError(
            path.parent,
            "no file of boxes",
            f"{names}, or {FIRST[0]} with the first box x,y,w,h",
            "write one, or name it with truth=NAME",
        )
    if not isinstance(images, VideoImages) and images.on_disk() == 0:
        raise DataError(images.folder, "no images", "at least one")
    rows = read_rows(path, files.format, images.frames(1)[0].size)
    given = len(rows.boxes)
    frames = images.on_disk() if given == 1 or not isinstance(images, VideoImages) else images.exact(given)
    if given not in (1, frames):
        many = "too few rows" if given < frames else "too many rows"
        expected = f"{frames}, one a frame, or 1 for the first frame"
        raise DataError(path, f"{many}: {given}", expected, f"mend it, or take away pictures from {images.folder}")
    return rows, frames


def _form(files: FolderFiles) -> dict[str, str]:
    rows, frames = read_truth(files)
    truth = "first frame only" if len(rows.boxes) < frames else "every frame"
    return {"boxes": rows.form, "truth": f"{truth}, from {files.truth[0].name}"}


def _fps(path: Path) -> float | None:
    return VideoFrames(path, 1).fps


class Folder(FileDataset[FolderFiles]):
    """A person's own sequences.

    Args:
        spec: as for every dataset.
        split: empty, or the name that `id` gives the data (`folder-<name>`), which must be theirs.
        root: the folder or video.
        frames: folder of the pictures within a sequence, where it has an unusual name.
        truth: name of the file with boxes within a sequence.
        format: `xywh`, `corners`, `polygon`, or `auto`: found out where it is beyond doubt.
        origin: 1 where the numbers count pixels from 1. They are not shifted; drawing and export use it.

    Raises:
        TrackzooError: no folder is named, or it holds no sequence.
        SettingsError: an option that cannot be used.
    """

    profile = "strict"
    tree: ClassVar[str] = """\
DIR/                       a sequence, or a folder of sequences
  00001.jpg …              or in img/, imgs/, images/, color/, rgb/, frames/; sorted by the numbers in the names
  groundtruth.txt          x,y,w,h or x1,y1,x2,y2 or 8 numbers, a row a frame; or init.txt with the first box
VIDEO.mp4                  or a video
VIDEO.txt                  with its boxes beside it"""

    def __init__(
        self,
        spec: DatasetSpec,
        split: str,
        root: Root | None,
        *,
        frames: str = "",
        truth: str = "",
        format: str = "auto",
        origin: int | str = 0,
    ) -> None:
        if root is None:
            raise TrackzooError(
                "whose pictures? Give --data-root DIR (images with groundtruth.txt or init.txt, a folder of such folders) "
                "or --data-root VIDEO (with VIDEO's name and .txt beside it)"
            )
        super().__init__(spec, "", root)
        if str(origin) not in ("0", "1"):
            raise SettingsError(f"folder: origin={origin} cannot be used; expected 0 or 1")
        self.origin = int(origin)  # type: ignore[misc]  # of a person's data no class can know it
        self._frames, self._truth, self._format = frames, truth, check_format(format)
        name = re.sub(r"[^\w.-]+", "-", root.path.resolve().stem if root.path.is_file() else root.path.resolve().name)
        if split and split != name:
            raise TrackzooError(
                f"{root.path} (from {root.source}) is 'folder-{name}', not 'folder-{split}'; name the other"
            )
        told = {"format": "" if format == "auto" else format, "frames": frames, "origin": str(origin).strip("0")}
        marks = sorted({**told, "truth": truth}.items())
        self.id = f"{spec.name}-{name}" + "".join(f"+{key}={quote(value, safe='')}" for key, value in marks if value)

    @cached_property
    def _places(self) -> dict[str, Place]:
        return {place.name: place for place in find_places(self.folder, frames=self._frames, truth=self._truth)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the folders or videos, sorted by the numbers in them."""
        return tuple(self._places)

    @cached_property
    def public_truth(self) -> bool:  # type: ignore[override]
        """Whether every sequence has a box for each frame; where only first boxes are given, nothing can be scored."""
        return all(
            place.truth.is_file() and read_bytes(place.truth).count(b"\n") > 0 for place in self._places.values()
        )

    def files(self, name: str) -> FolderFiles:
        """Where they were found."""
        place = self._places[name]
        words = tuple(place.home / word for word in WORDS) if place.home != self.folder.parent else ()
        truth, images = place.truth, place.images
        return FolderFiles(name, (truth,), words, images, counted=True, format=self._format, words=words)

    @staticmethod
    def read(files: FolderFiles) -> Annotation:
        """Boxes as they are told or found out to be; where there is one for the first frame only, the others are NaN."""
        rows, frames = read_truth(files)
        text = next((words for path in files.words if (words := read_line(path))), None)
        if len(rows.boxes) == frames:
            return Annotation(rows.boxes, rows.visible, regions=rows.regions, text=text)
        boxes = np.full((frames, 4), np.nan)
        boxes[0] = rows.boxes[0]
        annotated = np.arange(frames) == 0
        return Annotation(boxes, np.ones(frames, dtype=bool), text=text, annotated=annotated)

    def facts(self, files: FolderFiles) -> dict[str, Any]:
        """The form that the boxes were taken to have, and a video's frame rate."""
        facts: dict[str, Any] = {"facts": partial(_form, files)}
        if isinstance(files.images, VideoImages):
            facts["fps"] = partial(_fps, files.images.folder)
        return facts

    def oddities(self, name: str, files: FolderFiles, sequence: Sequence) -> list[Problem]:
        """Says which form the boxes were found to have where it is not the usual one, and where only the first is given."""
        notes = []
        form = read_truth(files)[0].form
        if "found out" in form and not form.startswith("x,y,w,h"):
            notes.append(f"boxes are taken as {form}; format=xywh or format=corners settles it")
        if sequence.annotation.annotated is not None:
            notes.append("the first box alone: trackers run, nothing can be scored")
        return [Problem(files.truth[0], note, fatal=False) for note in notes]

    def __getitem__(self, name: str) -> Sequence:
        """A sequence by name. Raises `UnknownName` with a suggestion."""
        if name not in self._places:
            raise UnknownName("sequence", name, self.names)
        return self.sequence(name)

    def __getstate__(self) -> dict[str, object]:
        left = ("_places", "names", "public_truth")
        return {key: value for key, value in super().__getstate__().items() if key not in left}

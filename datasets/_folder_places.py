"""Where the pictures and the truth of a person's own sequences are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trackzoo.datasets._images import IMAGE_SUFFIXES, Images, Listed
from trackzoo.errors import DataError
from trackzoo.frames import VIDEO_SUFFIXES, Frames, VideoFrames, count_video
from trackzoo.sequence import Problem

#: Folders that pictures of a sequence lie in, where they do not lie beside the truth.
PICTURES = ("img", "imgs", "images", "color", "rgb", "frames", "JPEGImages")

#: Names of files with a box for every frame.
TRUTHS = (
    "groundtruth.txt",
    "groundtruth_rect.txt",
    "ground_truth.txt",
    "gt.txt",
    "annotation.txt",
    "annotations.txt",
    "boxes.txt",
    "bbox.txt",
)

#: Names of files with a box for the first frame.
FIRST = ("init.txt", "first.txt", "init_box.txt")

#: Files that describe the target in words.
WORDS = ("language.txt", "nlp.txt", "query.txt")

_NO_BOXES = (
    *WORDS,
    "readme.txt",
    "license.txt",
    "attributes.txt",
    "attrs.txt",
    "full_occlusion.txt",
    "out_of_view.txt",
)


@dataclass(frozen=True)
class Place:
    """One sequence as it was found.

    Attributes:
        name: of its folder or video, without suffix.
        pictures: folder of images, or a video file.
        truth: its file of boxes; where there is none, the one that should be made.
        home: folder that `truth` and words are looked for in.
    """

    name: str
    pictures: Path
    truth: Path
    home: Path

    @property
    def images(self) -> Images:
        """The pictures as the loaders handle them."""
        return VideoImages(self.pictures) if self.pictures.suffix.lower() in VIDEO_SUFFIXES else Listed(self.pictures)


@dataclass(frozen=True)
class VideoImages(Images):
    """The frames of a video file.

    Attributes:
        folder: the file (named as the base class names where images are).
        count: None: a video tells its own number of frames.
    """

    folder: Path
    count: int | None = None

    @cached_property
    def _claimed(self) -> int:
        return len(VideoFrames(self.folder))

    @cached_property
    def _counted(self) -> int:
        return count_video(self.folder)

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "count": self.count}

    def on_disk(self) -> int:
        """Number of frames that the file claims."""
        return self._claimed

    def exact(self, rows: int) -> int:
        """Number of frames; all are decoded where the claim is not `rows`, since some containers claim wrongly."""
        return rows if self._claimed == rows else self._counted

    def present(self) -> bool:
        """Whether the file is there."""
        return self.folder.is_file()

    def _more_than(self, rows: int) -> bool:
        return self.exact(rows) > rows

    def frames(self, rows: int) -> Frames:
        """The first `rows` frames."""
        return VideoFrames(self.folder, rows)

    def problems(self, rows: int) -> Iterator[Problem]:
        """Decodes the whole file: a frame that cannot be, and a wrong claim."""
        try:
            there = self._counted
        except DataError as error:
            yield Problem(error.path, error.reason)
            return
        if there < rows:
            yield Problem(self.folder, f"frame {there + 1} cannot be decoded, expected {rows} frames")


def find_places(root: Path, *, frames: str = "", truth: str = "") -> tuple[Place, ...]:
    """Sequences at `root`: a video file, a folder that is a sequence, or a folder of both.

    Args:
        root: what the person named.
        frames: folder of the pictures within a sequence; by default looked for.
        truth: name of the file with boxes within a sequence; by default looked for.

    Raises:
        DataError: there is neither a picture nor a video, or the truth could be several files.
    """
    if root.is_file():
        return (_video(root, truth),)
    if (place := _folder(root, frames, truth)) is not None:
        return (place,)
    places = []
    for entry in sorted(root.iterdir(), key=_natural):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and (place := _folder(entry, frames, truth)) is not None:
            places.append(place)
        elif entry.is_file() and entry.suffix.lower() in VIDEO_SUFFIXES:
            places.append(_video(entry, truth))
    if not places:
        where = f"in a folder '{frames}'" if frames else f"there or in {', '.join(PICTURES[:4])} …"
        raise DataError(
            root,
            "neither images nor videos",
            f"images {where}, a folder of such folders, or a video",
            "see --data-root",
        )
    names = [place.name for place in places]
    for name in names:
        if names.count(name) > 1:
            raise DataError(root, f"two sequences named '{name}'", "one of each name", "rename the video or the folder")
    return tuple(places)


def _natural(path: Path) -> list[tuple[str, int]]:
    """Key that sorts `clip10` after `clip9`."""
    parts = [*re.split(r"(\d+)", path.name), "-1"]
    return [(text, int(number)) for text, number in zip(parts[::2], parts[1::2], strict=True)]


def _has_images(folder: Path) -> bool:
    """Whether there is an image; stops at the first."""
    try:
        with os.scandir(folder) as entries:
            return any(
                entry.name[0] != "." and os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES for entry in entries
            )
    except OSError:
        return False


def _folder(home: Path, frames: str, truth: str) -> Place | None:
    """The sequence that a folder is, or None when it is none."""
    name = home.resolve().name
    if frames:
        pictures: Path | None = home / frames if _has_images(home / frames) else None
    elif _has_images(home):
        pictures = home
    else:
        pictures = next((home / name for name in PICTURES if _has_images(home / name)), None)
        if pictures is None and _first_of(home, (*TRUTHS, *FIRST, f"{name}.txt")):
            below = [entry for entry in home.iterdir() if entry.is_dir() and _has_images(entry)]
            pictures = below[0] if len(below) == 1 else None
    if pictures is None:
        return None
    return Place(name, pictures, _truth(home, (f"{name}.txt",), truth), home)


def _video(path: Path, truth: str) -> Place:
    own = tuple(f"{path.stem}{suffix}.txt" for suffix in ("", "_gt", "_groundtruth", ".gt"))
    home = path.parent
    found = home / truth if truth else next((home / name for name in own if (home / name).is_file()), home / own[0])
    return Place(path.stem, path, found, home)


def _first_of(home: Path, names: tuple[str, ...]) -> list[Path]:
    return [home / name for name in names if (home / name).is_file()]


def _truth(home: Path, own: tuple[str, ...], told: str) -> Path:
    """File of the boxes: as told, a full one by its usual name, one for the first frame, or the only text file there is."""
    if told:
        return home / told
    for names in ((*TRUTHS, *own), FIRST):
        found = _first_of(home, names)
        if len(found) > 1:
            both = f"'{found[0].name}' and '{found[1].name}'"
            raise DataError(home, f"both {both}", "one file of boxes", "say which with truth=NAME")
        if found:
            return found[0]
    texts = [path for path in home.glob("*.txt") if path.name.lower() not in _NO_BOXES]
    return texts[0] if len(texts) == 1 else home / TRUTHS[0]

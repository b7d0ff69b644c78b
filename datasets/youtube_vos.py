"""YouTube-VOS 2018 and 2019: thousands of videos, several objects each, of which some appear later.

Images and masks are every fifth frame of 30 a second, numbered so (`00000`, `00005`, …). Training videos have a mask an image;
of the validation and test videos only the masks in which objects appear are public, a server has the rest. No list of the
official validation set is known here: `meta.json` or the folders give it. `jjval` is PyTracking's list of 300 training videos
to validate on, `jjtrain` the rest. `valid-all` tracks all frames of the validation videos; the server scores every fifth.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from trackzoo.datasets._common import FileDataset, Listed, split_list
from trackzoo.datasets._vos_masks import VosFiles, read_masks
from trackzoo.errors import DataError
from trackzoo.roots import Root
from trackzoo.sequence import Annotation, DatasetSpec, Problem, Sequence

#: Split -> folder of its masks and `meta.json`, where that is called otherwise.
_FOLDERS = {"jjval": "train", "jjtrain": "train", "valid-all": "valid"}

_PAPER = "Xu et al., YouTube-VOS: A Large-Scale Video Object Segmentation Benchmark, arXiv 1809.03327"


def _spec(year: int, sequences: dict[str, int]) -> DatasetSpec:
    names = (f"YouTube-VOS{year}", f"YouTube-VOS-{year}", f"YouTubeVOS{year}", f"YouTubeVOS_{year}", f"ytvos{year}")
    return DatasetSpec(
        name=f"youtube-vos{year}",
        title=f"YouTube-VOS {year}",
        factory="trackzoo.datasets.youtube_vos:YouTubeVos",
        splits=("valid", "train", "jjval", "jjtrain", "test", "valid-all"),
        folders=names,
        aliases=(f"ytvos{year}",),
        page="https://youtube-vos.org/dataset/vos/",
        paper=_PAPER,
        parts=("jjval", "jjtrain", "valid-all"),
        sequences=sequences,
    )


SPECS = (
    _spec(2018, {"valid": 474, "train": 3471, "jjval": 300, "jjtrain": 3171, "valid-all": 474}),
    _spec(2019, {"valid": 507, "train": 3471, "jjval": 300, "jjtrain": 3171, "valid-all": 507}),
)


@dataclass(frozen=True)
class Objects:
    """What `meta.json` says of a video.

    Attributes:
        categories: object -> class.
        begin: object -> name of the first frame in which it is.
        frames: names of the frames in which any of them is; the server of the validation set scores these.
    """

    categories: dict[int, str]
    begin: dict[int, str]
    frames: frozenset[str] = frozenset()


def read_meta(path: Path) -> dict[str, Objects]:
    """`meta.json`: video -> its objects, in the file's order.

    Raises:
        DataError: it is not JSON, or not of that form.
    """
    try:
        videos = json.loads(path.read_bytes())["videos"]
        return {str(name): _objects(path, str(name), video) for name, video in videos.items()}
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None)
        raise DataError(
            path, "text that is not JSON", "meta.json of YouTube-VOS", "restore the file", line=line
        ) from None
    except (KeyError, TypeError, AttributeError):
        raise DataError(
            path, "JSON of another form", '{"videos": {NAME: {"objects": …}}}', "restore the file"
        ) from None


def _objects(path: Path, name: str, video: Any) -> Objects:
    categories: dict[int, str] = {}
    begin: dict[int, str] = {}
    named: set[str] = set()
    try:
        for key, facts in video["objects"].items():
            categories[int(key)] = str(facts.get("category", ""))
            if frames := facts.get("frames"):
                begin[int(key)] = str(frames[0])
                named.update(map(str, frames))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise DataError(path, f"odd facts about video '{name}'", '{"objects": {"1": {"category": …}}}') from None
    return Objects(categories, begin, frozenset(named))


def _classes(
    meta: Callable[[], dict[str, Objects]], trained: Callable[[], frozenset[str]], name: str
) -> dict[str, str]:
    """`class of 1` -> `cat`, `split of 1` -> `seen` (a class of the training set) or `unseen`, object by object."""
    objects, known = meta().get(name), trained()
    if objects is None:
        return {}
    found = {f"class of {obj}": word for obj, word in objects.categories.items()}
    if known:
        found |= {
            f"split of {obj}": "seen" if word in known else "unseen" for obj, word in objects.categories.items() if word
        }
    return found


@dataclass(frozen=True)
class _Fifths(Listed):
    """Images whose numbers jump, as they should."""

    def problems(self, rows: int) -> Iterator[Problem]:
        """As `Listed`, but a jump in the numbering, which is never fatal, is none."""
        return (problem for problem in super().problems(rows) if problem.fatal)


def _category(meta: Callable[[], dict[str, Objects]], name: str) -> str | None:
    objects = meta().get(name)
    return next(iter(objects.categories.values()), None) if objects else None


class YouTubeVos(FileDataset[VosFiles]):
    """A split of YouTube-VOS."""

    has_masks = True
    protocol = "vos"
    # Box metrics are the package's own (protocol `ope`); the G of `valid` and `test` comes from a server.
    profile = "strict"
    mask_profile = "pytracking-vos"
    digest_labels = ("mask_checksum",)
    tree: ClassVar[str] = """\
YouTube-VOS/
  train/  JPEGImages/003234408d/00000.jpg …   Annotations/003234408d/00000.png …   meta.json
  valid/  JPEGImages/0062f687f1/00000.jpg …   Annotations/0062f687f1/00000.png     meta.json
  valid_all_frames/  JPEGImages/0062f687f1/00000.jpg 00001.jpg …                   split valid-all"""

    def __init__(self, spec: DatasetSpec, split: str, root: Root | None) -> None:
        super().__init__(spec, split, root)
        self.public_truth = split not in ("valid", "test", "valid-all")

    @property
    def _home(self) -> Path:
        """Folder of the split, in whatever depth the archive was unpacked (`valid/`, `valid/valid/`)."""
        nested, plain = self._homes(_FOLDERS.get(self.split, self.split))
        return nested if (nested / "JPEGImages").is_dir() else plain

    @property
    def _pictures(self) -> Path:
        """Folder of the images: every fifth frame lies beside the masks, all of them in a folder of their own."""
        if self.split != "valid-all":
            return self._home
        nested, plain = self._homes("valid_all_frames")
        return nested if (nested / "JPEGImages").is_dir() else plain

    def asked_frames(self, name: str) -> frozenset[str]:
        """Frames of which the server wants label maps, by `meta.json`; empty where that names the objects' first ones alone."""
        objects = self._meta.get(name)
        return objects.frames if objects is not None and objects.frames - set(objects.begin.values()) else frozenset()

    def _homes(self, part: str) -> tuple[Path, Path]:
        return self.folder / part / part, self.folder / part

    @cached_property
    def _meta(self) -> dict[str, Objects]:
        path = self._home / "meta.json"
        return read_meta(path) if path.is_file() else {}

    def meta(self) -> dict[str, Objects]:
        """What `meta.json` says, video by video; nothing where there is none."""
        return self._meta

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The package's list for `jjval`; else the videos of `meta.json`, or the folders, sorted."""
        chosen = {row.name for row in split_list("youtube_vos_jjvalid")} if self.split.startswith("jj") else set()
        if self.split == "jjval":
            return tuple(row.name for row in split_list("youtube_vos_jjvalid"))
        if self._meta:
            names = sorted(self._meta)
        else:
            masks = self._home / "Annotations"
            names = sorted(entry.name for entry in masks.iterdir() if entry.is_dir()) if masks.is_dir() else []
        return tuple(name for name in names if name not in chosen)

    def files(self, name: str) -> VosFiles:
        """`Annotations` and `JPEGImages`, a folder a video."""
        images = _Fifths(self._pictures / "JPEGImages" / name)
        return VosFiles(name, (self._home / "Annotations" / name,), images=images, counted=True, dense=False)

    @staticmethod
    def read(files: VosFiles) -> Annotation:
        """See `read_masks`."""
        return read_masks(files)

    def facts(self, files: VosFiles) -> dict[str, Any]:
        """Class of the first object, the rate (every fifth frame of 30 a second, or all), and each object's class and part."""
        facts = partial(_classes, self.meta, self.trained, files.name)
        rate = 30.0 if self.split == "valid-all" else 6.0
        return {"fps": rate, "category": partial(_category, self.meta, files.name), "facts": facts}

    @cached_property
    def _trained(self) -> frozenset[str]:
        """Classes of the training videos: those of `train`, of which PyTracking's lists part some to validate on."""
        path = next((home / "meta.json" for home in self._homes("train") if (home / "meta.json").is_file()), None)
        if path is None:
            return frozenset()
        held = {row.name for row in split_list("youtube_vos_jjvalid")} if self.split.startswith("jj") else set()
        videos = {name: objects for name, objects in read_meta(path).items() if name not in held}
        return frozenset(word for objects in videos.values() for word in objects.categories.values())

    def trained(self) -> frozenset[str]:
        """Classes that the training set has; none where its `meta.json` is not here."""
        return self._trained

    def oddities(self, name: str, files: VosFiles, sequence: Sequence) -> list[Problem]:
        """Objects that `meta.json` and the masks do not have in common, or that begin elsewhere."""
        objects = self._meta.get(name)
        if objects is None or files.images is None:
            return []
        problems = []
        starts, images = sequence.annotation.starts, [Path(image).stem for image in files.images.names]
        for obj in sorted(set(objects.categories) ^ set(starts)):
            where = "meta.json but in no mask" if obj in objects.categories else "a mask but not in meta.json"
            problems.append(Problem(files.masks, f"object {obj} is in {where}", fatal=False))
        for obj, begin in sorted(objects.begin.items()):
            if obj in starts and begin != images[starts[obj]]:
                text = f"object {obj} begins at frame {images[starts[obj]]}, in meta.json at {begin}"
                problems.append(Problem(files.masks, text, fatal=False))
        return problems

    def __getstate__(self) -> dict[str, object]:
        read = ("names", "_meta", "_trained")
        return {key: value for key, value in super().__getstate__().items() if key not in read}

"""VOT short-term: 2015 to 2019 with polygons, 2020 to 2022 with masks, and 2022's same task with boxes.

A folder a sequence: `groundtruth.txt` has one region a line (`trackzoo.region_text`), `color/` the images; flags and numbers
a frame stand in `*.tag` (older: `*.label`) and `*.value`, of which `anchor.value` says where the runs of 2020 and later
begin. The regions are kept; `boxes` is their bounds, tight around masks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._common import FileDataset, Numbered, Row, SequenceFiles, annotation_digest, split_list
from trackzoo.datasets._vot_files import (
    NOWHERE,
    Home,
    look,
    rate_in,
    read_metadata,
    read_tag,
    read_value,
    size_in,
    tag_length,
)
from trackzoo.errors import DataError
from trackzoo.frames import decode_image
from trackzoo.rasterise import rasterise
from trackzoo.region_text import read_regions
from trackzoo.regions import Mask, Region, bounds
from trackzoo.sequence import Annotation, DatasetSpec, LabelMaps, Problem, Sequence

_PAGE = "https://www.votchallenge.net/vot{year}/"
_YEARS = {
    2015: "ICCVW 2015",
    2016: "ECCVW 2016",
    2017: "ICCVW 2017",
    2018: "ECCVW 2018",
    2019: "ICCVW 2019",
    2020: "ECCVW 2020",
    2021: "ICCVW 2021",
    2022: "ECCVW 2022",
}

#: Training sets with the 1,000 videos that the VOT rules exclude.
_WITH_EXCLUDED = ("got10k-train", "got10k-train-split", "got10k-val-split", "got10k-vot-exclude")
_EXCLUDED = (
    "trained on videos of GOT-10k that the VOT rules exclude from training (1,000 of its training set; VOT's list is "
    "got10k-vot-exclude)"
)


def _spec(year: int, kind: str = "", count: int | None = None, aliases: tuple[str, ...] = ()) -> DatasetSpec:
    name, suffix = f"vot{year}{kind and '-' + kind.lower()}", f"-{kind}" if kind else ""
    return DatasetSpec(
        name=name,
        title=f"VOT{year}{suffix}",
        factory=f"trackzoo.datasets.vot:{'VOT' if year < 2020 else 'VOTBoxes' if kind == 'STb' else 'VOTMasks'}",
        folders=tuple(f"VOT{sign}{year}{suffix}" for sign in ("", "-", "_"))
        + (f"vot{year}{kind.lower()}",) * bool(kind),
        aliases=aliases,
        page=_PAGE.format(year=year),
        paper=f"Kristan et al., The Visual Object Tracking VOT{year} Challenge Results, {_YEARS[year]}",
        sequences={"": count} if count else {},
        # VOT2019 was the first to name the videos that its entrants must not train on.
        overlaps=dict.fromkeys(_WITH_EXCLUDED, _EXCLUDED) if year >= 2019 else {},
    )


SPECS = (
    _spec(2015, count=60),
    _spec(2016, count=60),
    _spec(2017, count=60),
    _spec(2018, count=60),
    _spec(2019, count=60),
    _spec(2020, count=60),
    _spec(2021, count=60),
    _spec(2022, "STs", count=62, aliases=("vot2022",)),
    _spec(2022, "STb"),
)

#: Lists that come with the package; the other years are what `list.txt`, or else the folder, says.
_LISTS = {"vot2018": "vot2018", "vot2019": "vot2019", "vot2020": "vot2020", "vot2022-sts": "vot2022"}


@dataclass(frozen=True)
class VOTFiles(SequenceFiles):
    """Files of a sequence.

    Attributes:
        home: what lies in its folder.
    """

    home: Home = NOWHERE


@dataclass(frozen=True)
class RegionMaps(LabelMaps):
    """Label maps drawn from regions when asked for.

    Attributes:
        objects: the regions of object 1, 2, …, one a frame.
        size: (width, height) of the picture, where a file says it.
        picture: first image, which is decoded for the size where no file says it.
    """

    objects: tuple[tuple[Region, ...], ...]
    size: tuple[int, int] | None
    picture: Path | None

    @cached_property
    def _window(self) -> tuple[int, int, int, int]:
        if self.size is not None:
            width, height = self.size
        elif self.picture is not None:
            height, width = decode_image(self.picture).shape[:2]
        else:
            corners = [bounds(region) for regions in self.objects for region in regions]
            width, height = (int(np.nanmax([box[axis] + box[axis + 2] for box in corners])) for axis in (0, 1))
        return 0, 0, width - 1, height - 1

    def __getitem__(self, index: int) -> NDArray[np.uint8] | None:
        """Labels of a frame; where objects overlap the later one is on top. Raises `IndexError` beyond the last frame."""
        labels: NDArray[np.uint8] | None = None
        for number, regions in enumerate(self.objects, start=1):
            pixels = rasterise(regions[index], self._window)
            labels = np.zeros(pixels.shape, dtype=np.uint8) if labels is None else labels
            labels[pixels] = number
        return labels


def _read(files: VOTFiles) -> Annotation:
    home = files.home
    objects = tuple(read_regions(path) for path in home.objects)
    count = len(objects[0])
    for path, regions in zip(home.objects[1:], objects[1:], strict=True):
        if len(regions) != count:
            raise DataError(path, f"{len(regions)} regions", f"{count} as in {home.objects[0].name}")
    boxes = np.stack([bounds(region) for region in objects[0]])
    labels: dict[str, NDArray[Any]] = {f"tag:{name}": read_tag(path, count) for name, path in home.tags}
    labels |= {name if name == "anchor" else f"value:{name}": read_value(path, count) for name, path in home.values}
    if home.ignore is not None and len(ignored := read_regions(home.ignore)) != count:
        raise DataError(home.ignore, f"{len(ignored)} regions", f"{count} as in {home.objects[0].name}")
    masks = None
    if len(objects) > 1 or any(isinstance(region, Mask) for region in objects[0]):
        picture = files.images.path(0) if isinstance(files.images, Numbered) else None
        masks = RegionMaps(objects, size_in(home.metadata), picture)
    return Annotation(
        boxes,
        np.asarray(np.isfinite(boxes).all(axis=1)),
        regions=objects[0],
        masks=masks,
        starts={number: _first(regions) for number, regions in enumerate(objects, start=1)},
        labels=labels,
        ignore=ignored if home.ignore is not None else None,
    )


def _first(regions: tuple[Region, ...]) -> int:
    """Index of the first frame with a region; 0 where there is none, which `check_first_box` will refuse."""
    return next((index for index, region in enumerate(regions) if not np.isnan(bounds(region)).any()), 0)


class VOT(FileDataset[VOTFiles]):
    """VOT of one year: the sequences' folders, with or without `list.txt`, also as the toolkit's workspace (`sequences/`)."""

    profile = "vot"
    protocol = "vot-supervised"
    toolkit_names: ClassVar[Mapping[str, str]] = {"pytracking": "vot", "stark": "vot"}
    digest_labels: ClassVar[tuple[str, ...]] = ("anchor",)
    region: ClassVar[str] = "x1,y1,…,x4,y4 a frame (also x,y,w,h)"

    @cached_property
    def _base(self) -> Path:
        inner = self.folder / "sequences"
        return inner if inner.is_dir() else self.folder

    @cached_property
    def _rows(self) -> Mapping[str, Row]:
        listed = _LISTS.get(self.spec.name)
        return {row.name: row for row in split_list(listed)} if listed else {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """By the package's list where there is one, else by `list.txt`, else the folders with an annotation, sorted."""
        return tuple(self._rows) or self._own_list() or tuple(self._folders())

    def _own_list(self) -> tuple[str, ...]:
        """Names in `list.txt`. Raises `DataError` for one that is no folder's name."""
        path = self._base / "list.txt"
        if not path.is_file():
            return ()
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
        for number, name in enumerate(names, start=1):
            if "/" in name or "\\" in name or name in (".", ".."):
                raise DataError(path, f"'{name}'", "the name of a sequence", line=number)
        return tuple(dict.fromkeys(name for name in names if name))

    def _folders(self) -> list[str]:
        return sorted({path.parent.name for path in self._base.glob("*/groundtruth*.txt")})

    def listed_frames(self, name: str) -> int | None:
        """By the package's list; it has lengths for 2018 and 2019."""
        row = self._rows.get(name)
        return row.count if row else None

    def files(self, name: str) -> VOTFiles:
        """Everything in the sequence's folder; the images where the file `sequence` says."""
        home = look(self._base / name)
        images = Numbered.of(home.folder, home.pictures, 1, self.listed_frames(name))
        beside = (home.ignore, home.metadata, *(path for _, path in (*home.tags, *home.values)))
        extra = tuple(path for path in beside if path is not None)
        return VOTFiles(name, home.objects, extra, images, home=home)

    @staticmethod
    def read(files: VOTFiles) -> Annotation:
        """Regions, their bounds, tags, anchors."""
        return _read(files)

    def facts(self, files: VOTFiles) -> dict[str, Any]:
        """Frame rate and size by the file `sequence`."""
        return {"fps": partial(rate_in, files.home.metadata), "size": partial(size_in, files.home.metadata)}

    def digest(self, name: str, annotation: Annotation) -> str:
        """As for every benchmark, with further objects and the pixels that do not count."""
        digest = annotation_digest(annotation, self.digest_labels)
        further = annotation.masks.objects[1:] if isinstance(annotation.masks, RegionMaps) else ()
        for regions in (*further, *((annotation.ignore,) if annotation.ignore is not None else ())):
            part = annotation_digest(Annotation(np.zeros((0, 4)), np.zeros(0, dtype=np.bool_), regions=regions))
            digest = hashlib.sha256(f"{digest} {part}".encode()).hexdigest()
        return digest

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        """As for every benchmark; also whether these are the sequences of that year."""
        problems = super().check(progress)
        title, count = self.spec.title, self.spec.sequences.get("")
        if not self.names:
            text = "no sequence, expected list.txt or folders with a groundtruth.txt"
            return [Problem(self._base, text)]
        if self._rows and (own := self._own_list()) and set(own) != set(self._rows):
            text = f"names {len(own)} sequences, not the {len(self._rows)} of {title}, which are used here"
            problems.insert(0, Problem(self._base / "list.txt", text, fatal=False))
        elif count is not None and len(self.names) != count:
            text = f"{len(self.names)} of the {count} sequences of {title}; figures do not compare with published ones"
            problems.insert(0, Problem(self._base, text, fatal=False))
        return problems

    def oddities(self, name: str, files: VOTFiles, sequence: Sequence) -> list[Problem]:
        """Tags that do not have a flag a frame, and metadata that names another length."""
        rows, home = len(sequence), files.home
        problems = []
        for tag, path in home.tags:
            if (count := tag_length(path)) != rows:
                text = f"{count} flags of the tag '{tag}' for {rows} frames; those that are missing count as not set"
                problems.append(Problem(path, text, fatal=False))
        said = read_metadata(home.metadata).get("length", "")
        if home.metadata is not None and said and said != str(rows):
            problems.append(Problem(home.metadata, f"says length={said}, and there are {rows} regions", fatal=False))
        return problems

    def expected_tree(self) -> str:
        """The folders of one sequence."""
        return f"""\
{self.spec.folders[0]}/                       (or inside sequences/)
  list.txt                     one name a line (optional)
  bag/color/00000001.jpg …     (or bag/00000001.jpg, or where bag/sequence says)
  bag/groundtruth.txt          {self.region}
  bag/sequence                 fps=30 … (optional)
  bag/occlusion.tag …          0/1 a frame (optional; older: occlusion.label)"""


class VOTMasks(VOT):
    """VOT of 2020 and later: masks."""

    protocol = "vot-multistart"
    has_masks = True
    region: ClassVar[str] = "m x0,y0,w,h,runs… a frame"

    def expected_tree(self) -> str:
        """With the anchors."""
        return (
            super().expected_tree() + "\n  bag/anchor.value             one number a frame: where runs begin (optional)"
        )


class VOTBoxes(VOTMasks):
    """VOT2022's short-term task with boxes: a data set of its own."""

    has_masks = False
    region: ClassVar[str] = "x,y,w,h a frame"

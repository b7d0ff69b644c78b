"""Label maps in somebody's PNG files, as a run that can be taken into the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as ListOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import ResultsError, TrackzooError, incomplete, listing
from trackzoo.geometry import box_of_mask
from trackzoo.importing.pngs import Labels, read_labels
from trackzoo.importing.run import ForeignResults
from trackzoo.report.vos import VOS
from trackzoo.sequence import Sequence
from trackzoo.trial import FILES, StreamedMasks, Track

#: Most frames, objects or files that a message names.
_NAMED = 3


def frame_names(sequence: Sequence) -> tuple[str, ...]:
    """Names of a sequence's annotated frames without ending, which its label maps have too; empty for other frames.

    Raises:
        TrackzooError: the annotation does not say them, and there are no images that would.
    """
    names = getattr(sequence.annotation.masks, "files", None)
    if names is None:
        names = _of_images(sequence)
    return tuple(Path(name).stem if name else "" for name in names)


def all_frame_names(sequence: Sequence) -> tuple[str, ...]:
    """Names of all frames without ending, where there are images; else of those that are annotated."""
    try:
        return tuple(Path(name).stem for name in _of_images(sequence))
    except TrackzooError:
        return frame_names(sequence)


def _of_images(sequence: Sequence) -> list[str]:
    from trackzoo.label_maps import file_name

    frames = sequence.frames
    return [file_name(frames[index]) for index in range(len(frames))]


@dataclass
class ForeignMaps(ForeignResults):
    """One tracker's label maps; has what `trackzoo.importing.keep` asks of a run.

    A lenient reading keeps labels that are no object's; missing frames are refused in any case.

    Attributes:
        notes: what is odd, a line each.
    """

    notes: list[str] = field(default_factory=list)

    protocol = VOS
    layout = "masks"

    @property
    def identity(self) -> dict[str, Any]:
        """What is known of the run."""
        return {"imported": {"source": str(self.path), "layout": self.layout, "notes": list(self.notes)}}

    def examine(self) -> None:
        """Look at every file.

        Raises:
            ResultsError: sequences or frames that are missing; files that are damaged, of another size, or with labels of no
                object.
        """
        missing = self.absent()
        if missing and not self.reading.allow_incomplete:
            do = "--allow-incomplete takes what is there; reports then mark it as incomplete"
            raise incomplete(self.path, missing, len(self.expected), do, what=f"sequences of {self.dataset}")
        if missing:
            self.notes.append(f"{len(missing)} of {len(self.expected)} sequences are missing: {listing(missing)}")
        for repeat in self.repeats:
            for name in self.names(repeat):
                self.tracks(name, repeat)
        if self.candidate.strangers:
            self.notes.append(
                f"{len(self.candidate.strangers)} folders of no sequence of {self.dataset} left alone: "
                f"{listing(self.candidate.strangers)}"
            )

    def tracks(self, name: str, repeat: int) -> tuple[dict[int, Track], StreamedMasks]:
        """Tight boxes of every object of a sequence (NaN where it has no pixel), and its label maps as they lie.

        Raises:
            ResultsError: see `examine`.
        """
        sequence = self.data[name]
        folder = self.candidate.runs[repeat][name].path
        shown = self.candidate.shown_file(folder, self.path)
        starts = sequence.annotation.starts
        files = self._files(sequence, folder, shown)
        single = bool(getattr(sequence.annotation.masks, "single", False))
        shape = self._shape(sequence)
        tracks = {obj: Track() for obj in sorted(starts, key=lambda obj: (starts[obj], obj))}
        digests = {}
        for index, file in files.items():
            labels = read_labels(folder / file, shown / file, single)
            shape = shape or labels.shape
            self._check(labels, shape, starts, shown / file)
            digests[file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
            for obj, track in tracks.items():
                if index >= starts[obj]:
                    _add(track, index, labels == obj)
        if not digests or shape is None:
            raise ResultsError(shown, "no label map of any frame", "one for each frame from the first object's on")
        size = (int(shape[1]), int(shape[0]))
        return tracks, StreamedMasks(FILES, folder, tuple(files), size, digests, keep=True)

    def _files(self, sequence: Sequence, folder: Path, shown: Path) -> dict[int, str]:
        """Frame -> its file."""
        stems = all_frame_names(sequence)
        there = {path.stem: path.name for path in sorted(folder.iterdir()) if path.suffix.lower() == ".png"}
        files = {index: there.pop(stem) for index, stem in enumerate(stems) if stem and stem in there}
        begin = min(sequence.annotation.starts.values())
        annotated = sequence.annotation.annotated
        # A server may ask for any frame, unless the data set says for which; what is scored here are the annotated ones.
        asked = self.data.asked_frames(sequence.name) if hasattr(self.data, "asked_frames") else frozenset()
        every = annotated is None or not self.data.public_truth
        wanted = [
            index
            for index, stem in enumerate(stems)
            if index > begin and stem and (every or bool(annotated[index])) and (not asked or stem in asked)  # type: ignore[index]
        ]
        lacking = [stems[index] for index in wanted if index not in files]
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise ResultsError(shown / f"{lacking[0]}.png", f"no such file{more}", "a label map for each frame")
        if there:
            names = listing(sorted(there.values()), _NAMED)
            self.notes.append(f"{sequence.name}: {len(there)} files of no frame left alone: {names}")
        return files

    @staticmethod
    def _shape(sequence: Sequence) -> tuple[int, ...] | None:
        masks = sequence.annotation.masks
        labels = None if masks is None else masks[min(sequence.annotation.starts.values())]
        return None if labels is None else labels.shape

    def _check(
        self, labels: Labels, shape: tuple[int, ...], objects: ListOf[int] | dict[int, int] | Any, shown: Path
    ) -> None:
        if labels.shape != shape:
            found, wanted = ("x".join(map(str, each[::-1])) for each in (labels.shape, shape))
            raise ResultsError(shown, f"a mask of {found}", f"{wanted} pixels, as annotated")
        present = set(np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).tolist()) - {0, *objects}
        if present and not self.reading.lenient:
            raise ResultsError(
                shown,
                f"label{'s' if len(present) > 1 else ''} {', '.join(map(str, sorted(present)[:_NAMED]))}",
                f"labels of objects only ({', '.join(map(str, sorted(objects)))})",
                "--lenient keeps the file; reports then treat it as the profile's toolkit does",
            )


def _add(track: Track, index: int, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    track.started.append(not track.frames)
    track.frames.append(index)
    track.boxes.append(box_of_mask(mask))
    track.scores.append(1.0)
    track.seconds.append(0.0)

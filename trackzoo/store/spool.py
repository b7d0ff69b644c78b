"""Masks of a trial that is running, written as they come: nothing of a long video waits in memory for its end.

A run that keeps masks has a hidden folder beside its results, and in it each of its trials has a place. What lies there is no
result: when the trial ends, the store moves it to where it belongs (`trackzoo.store.masks`) before the record is written. What
a killed run left is removed by the next one.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from trackzoo.errors import ResultsError
from trackzoo.trial import FILES, Piece, StreamedMasks

#: Folder beside the protocols' folders.
SPOOL = ".spool"


class Spool:
    """The masks of one trial.

    Args:
        folder: of the run; nothing of the trial's is in it before the first mask.
        kind: `files` (one a frame) or `lines` (one file, a line a frame).
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self.kind = folder, kind
        self._home: Path | None = None
        self._frames: list[int] = []
        self._digests: dict[str, str] = {}
        self._whole = hashlib.sha256()
        self._size = (0, 0)

    def add(self, index: int, piece: Piece) -> None:
        """Write what a trial keeps of one frame.

        Raises:
            ValueError: two frames with one name, or pictures of different sizes.
            ResultsError: it cannot be written.
        """
        try:
            self._add(index, piece)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            do = "finished trials are kept; make room or name another --results"
            raise ResultsError(self._folder, reason, "room for masks", do) from None

    def _add(self, index: int, piece: Piece) -> None:
        if self._home is None:
            self._home = Path(tempfile.mkdtemp(dir=self._folder))
            self._size = piece.size
        if piece.size != self._size:
            sizes = ["x".join(map(str, size)) for size in (piece.size, self._size)]
            raise ValueError(
                f"found a picture of {sizes[0]}, expected {sizes[1]} as before: masks of one size are kept"
            )
        if self.kind == FILES:
            if piece.name in self._digests:
                raise ValueError(f"found two frames called '{piece.name}', expected names that differ")
            (self._home / piece.name).write_bytes(piece.data)
            self._digests[piece.name] = hashlib.sha256(piece.data).hexdigest()
        else:
            with (self._home / "lines").open("ab") as file:
                file.write(piece.data)
            self._whole.update(piece.data)
        self._frames.append(index)

    def finish(self) -> StreamedMasks | None:
        """What was written; None where nothing was."""
        if self._home is None:
            return None
        path = self._home if self.kind == FILES else self._home / "lines"
        digests = self._digests if self.kind == FILES else {"": self._whole.hexdigest()}
        return StreamedMasks(self.kind, path, tuple(self._frames), self._size, digests)

    def discard(self) -> None:
        """Remove what was written: the trial failed."""
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

"""Pictures of a sequence, decoded when they are needed and never before.

A `Frames` is an immutable, picklable list of pictures on disk (or made by a function); `frames[i]` is a `Frame`, a thin
handle that decodes once and keeps the pixels until `release`. cv2 and torch are imported at the first decoding, not before.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import DataError

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.uint8]


class Frame:
    """One picture: `array()` decodes it once; safe to call from several threads.

    Attributes:
        key: what tells this picture from every other in the process (hashable); objects and trials that visit the same
            picture share one decoding through it.
        index: position in its sequence, from 0.
        label: what an error message calls it (the file, or video and frame).
    """

    __slots__ = ("_array", "_lock", "_read", "_tensors", "index", "key", "label")

    def __init__(self, key: tuple[Any, ...], index: int, label: str, read: Callable[[], Pixels]) -> None:
        self.key, self.index, self.label, self._read = key, index, label, read
        self._array: Pixels | None = None
        self._tensors: dict[str, torch.Tensor] = {}
        self._lock = threading.Lock()

    def array(self) -> Pixels:
        """Pixels, (H, W, 3) uint8 RGB, read-only. Raises `DataError` naming the file when it cannot be decoded."""
        with self._lock:
            if self._array is None:
                # A view: the array itself may be the caller's own, which stays writable.
                array = self._read().view()
                array.setflags(write=False)
                self._array = array
            return self._array

    def tensor(self, device: str | torch.device = "cpu") -> torch.Tensor:
        """Pixels as a uint8 tensor (3, H, W) on `device`; one upload a device, shared by all who ask."""
        import torch

        array = self.array()
        with self._lock:
            name = str(device)
            if name not in self._tensors:
                # torch wants a writable array although nobody writes here.
                planes = torch.from_numpy(array.copy()).permute(2, 0, 1)
                self._tensors[name] = planes.to(device, non_blocking=True).contiguous()
            return self._tensors[name]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.array().shape[:2]
        return width, height

    @property
    def decoded(self) -> bool:
        """Whether the pixels are in memory now."""
        return self._array is not None

    def release(self) -> None:
        """Forget the pixels; the next `array()` decodes again."""
        with self._lock:
            self._array = None
            self._tensors.clear()

    def __repr__(self) -> str:
        return f"Frame({self.index}, {self.label!r})"


class Frames(ABC):
    """An immutable list of frames. Subclasses say how many there are and how one is read; they must be picklable."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, index: int) -> Pixels:
        """Decode picture `index` (0 ≤ index < len): (H, W, 3) uint8 RGB."""

    @abstractmethod
    def label(self, index: int) -> str:
        """What to call picture `index` in a message."""

    @abstractmethod
    def key(self, index: int) -> tuple[Any, ...]:
        """What tells picture `index` from every other."""

    #: Name of the decoder; part of a run's identity, since decoders differ in pixels.
    decoder: str = "cv2"

    def check(self, index: int) -> None:
        """Cheap look whether picture `index` is there, for trackers that never read one. Raises `DataError`."""
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")

    def __getitem__(self, index: int) -> Frame:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"frame {index} of {count}")
        index %= count
        return Frame(self.key(index), index, self.label(index), lambda: self.read(index))

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))


def _check_file(path: Path) -> None:
    """Raise the error that decoding would raise for a file that is missing or empty."""
    try:
        empty = os.stat(path).st_size == 0
    except OSError:
        empty = True
    if empty:
        decode_image(path)


def decode_image(path: str | Path) -> Pixels:
    """An image file as (H, W, 3) uint8 RGB.

    Raises:
        DataError: the file is missing, empty, or not an image that OpenCV can decode.
    """
    import cv2

    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        reason = error.strerror or "an unreadable file"
        raise DataError(path, reason.lower(), "an image", "restore the file from the benchmark's archive") from None
    if data.size == 0:
        raise DataError(path, "an empty file", "an image", "restore the file from the benchmark's archive")
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise DataError(
            path, "data that cannot be decoded", "an image", "restore the file from the benchmark's archive"
        )
    return np.ascontiguousarray(picture[:, :, ::-1], dtype=np.uint8)


@dataclass(frozen=True)
class ImageFrames(Frames):
    """Image files, in order.

    Attributes:
        folder: folder they are relative to.
        files: one relative name a frame.
    """

    folder: Path
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def path(self, index: int) -> Path:
        """File of picture `index`."""
        return self.folder / self.files[index]

    def read(self, index: int) -> Pixels:
        """Decode the file; see `decode_image`."""
        return decode_image(self.path(index))

    def check(self, index: int) -> None:
        """Look at the file's size."""
        _check_file(self.path(index))

    def label(self, index: int) -> str:
        """The file's path."""
        return str(self.path(index))

    def key(self, index: int) -> tuple[Any, ...]:
        """The file's path."""
        return (str(self.folder), self.files[index])


@dataclass(frozen=True)
class NumberedFrames(Frames):
    """Image files whose names are a pattern over a frame number: nothing is listed or touched before a picture is read.

    Attributes:
        folder: folder they are relative to.
        pattern: format string with `{frame}`, e.g. `img/{frame:08d}.jpg`.
        first: number of the first frame.
        count: how many.
    """

    folder: Path
    pattern: str
    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    def path(self, index: int) -> Path:
        """File of picture `index`."""
        return self.folder / self.pattern.format(frame=self.first + index)

    def read(self, index: int) -> Pixels:
        """Decode the file; see `decode_image`."""
        return decode_image(self.path(index))

    def check(self, index: int) -> None:
        """Look at the file's size."""
        _check_file(self.path(index))

    def label(self, index: int) -> str:
        """The file's path."""
        return str(self.path(index))

    def key(self, index: int) -> tuple[Any, ...]:
        """The file's path."""
        return (str(self.path(index)),)


@dataclass(frozen=True)
class ArrayFrames(Frames):
    """Frames made by a function or already in memory.

    Attributes:
        make: index -> (H, W, 3) uint8 RGB; a picklable callable where worker processes are used.
        count: how many.
        name: what to call them, unique among the sequences of a process.
    """

    make: Callable[[int], Pixels]
    count: int
    name: str = field(default="array")
    decoder = "memory"

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> Pixels:
        """Call `make`."""
        return self.make(index)

    def label(self, index: int) -> str:
        """Name and index."""
        return f"{self.name}[{index}]"

    def key(self, index: int) -> tuple[Any, ...]:
        """Name and index."""
        return (self.name, index)


#: Suffixes that are taken for videos.
VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv"})

_REENCODE = "re-encode it or give its frames as images"


def _capture(path: Path) -> Any:
    """An open `cv2.VideoCapture`. Raises `DataError` for a file that is missing or no video."""
    # FFmpeg's own complaints would stand beside our one line; it reads this when the first video is opened.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    if not path.is_file():
        raise DataError(path, "no such file", "a video")
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        # Named, since OpenCV would otherwise also try to read the name as an image sequence's pattern.
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            capture = cv2.VideoCapture(str(path))
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not capture.isOpened():
        raise DataError(path, "a file that cannot be opened as a video", "a video", _REENCODE)
    return capture


def count_video(path: Path) -> int:
    """Frames of a video, found by decoding all of them. Slow and exact; raises `DataError` when it cannot be opened."""
    capture = _capture(path)
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


class VideoFrames(Frames):
    """Frames of a video file. Safe to read from several threads, quick in order, right in any order; picklable.

    Seeking by time or key frame lands on a wrong frame with some codecs, so a frame is always reached by decoding from one
    that is known: the next one costs one decoding, an earlier one starts the file again unless it was read a moment ago.
    A phone's rotation mark is obeyed.

    Args:
        path: the file.
        count: number of frames; by default the file's own claim, or, where it makes none, counted by decoding.

    Raises:
        DataError: the file is missing, cannot be opened, or holds no frame. Reading a frame that cannot be decoded raises one
            that names the file and the frame (from 1) too.
    """

    decoder = "cv2-video"

    #: Frames that are kept besides the one that was asked for, in bytes: threads that read ahead come out of order.
    KEEP_BYTES = 64 << 20

    def __init__(self, path: str | Path, count: int | None = None) -> None:
        self.path = Path(path)
        self._begin()
        if count is None:
            import cv2

            capture = _capture(self.path)
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            capture.release()
            if count <= 0:
                count = count_video(self.path)
        if count <= 0:
            raise DataError(self.path, "a video without frames", "at least one", _REENCODE)
        self.count = count

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._capture: Any = None
        self._next = 0
        self._kept: OrderedDict[int, Pixels] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "count": self.count}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def __len__(self) -> int:
        return self.count

    @property
    def fps(self) -> float | None:
        """Frames a second as the file says, or None where it does not."""
        import cv2

        capture = _capture(self.path)
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        capture.release()
        return rate if 0 < rate < 10_000 else None

    def read(self, index: int) -> Pixels:
        """Decode frame `index`."""
        with self._lock:
            if index not in self._kept:
                self._advance(index)
            # The caller may set flags on what it gets, and shares it with nobody.
            return self._kept[index].copy()

    def _advance(self, index: int) -> None:
        """Decode on, from where the reader is or from the beginning, until `index` is kept."""
        if self._capture is None or index < self._next:
            self.close()
            self._capture = _capture(self.path)
        while self._next <= index:
            if not self._capture.grab():
                raise self._ends(self._next)
            # What is far behind the wanted frame will not be asked for; converting it would cost more than decoding it.
            if self._next > index - 16:
                found, picture = self._capture.retrieve()
                if not found or picture is None:
                    raise self._ends(self._next)
                self._keep(self._next, picture)
            self._next += 1

    def _keep(self, index: int, picture: Any) -> None:
        if picture.ndim == 2:
            picture = picture[:, :, None].repeat(3, axis=2)
        pixels = np.ascontiguousarray(picture[:, :, 2::-1], dtype=np.uint8)
        self._kept[index] = pixels
        while len(self._kept) > 1 and (len(self._kept) > 32 or len(self._kept) * pixels.nbytes > self.KEEP_BYTES):
            self._kept.popitem(last=False)

    def _ends(self, index: int) -> DataError:
        self.close()
        expected = f"{self.count} frames as the file says"
        return DataError(self.path, "a frame that cannot be decoded", expected, _REENCODE, frame=index + 1)

    def close(self) -> None:
        """Let go of the file and of what is kept; reading opens it again."""
        if self._capture is not None:
            self._capture.release()
        self._capture, self._next = None, 0
        self._kept.clear()

    def label(self, index: int) -> str:
        """The file and the frame, from 1."""
        return f"{self.path} (frame {index + 1})"

    def key(self, index: int) -> tuple[Any, ...]:
        """The file's path and the index."""
        return (str(self.path), index)

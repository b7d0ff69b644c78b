"""A person's own pictures: a video file, a folder of images, a pattern of file names, a webcam; and a video that is written."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from trackzoo.errors import DataError, SettingsError, TrackzooError
from trackzoo.frames import ArrayFrames, Frame, Frames, ImageFrames, Pixels, VideoFrames

if TYPE_CHECKING:
    from trackzoo.tracker import Prediction

#: Endings of image files.
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
#: Frame rate of what has none of its own.
USUAL_FPS = 30.0


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts numbers inside names as numbers: `2.jpg` before `10.jpg`."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


class Source:
    """Pictures from wherever `video` names them.

    Args:
        video: a video file, a folder of images, a pattern such as `shots/*.png`, or the number of a webcam.

    Attributes:
        frames: the frames, where their number is known; None for a webcam.
        fps: frame rate in Hz.

    Raises:
        DataError, SettingsError: nothing that can be read; says what was found.
    """

    def __init__(self, video: str) -> None:
        self.frames: Frames | None = None
        self.fps = USUAL_FPS
        self._camera: Any = None
        path = Path(video).expanduser()
        if video.isdigit() and not path.exists():
            self._camera = self._open_camera(int(video))
        elif path.is_dir():
            self.frames = _images(path, [entry.name for entry in path.iterdir()])
        elif any(sign in path.name for sign in "*?["):
            parent = path.parent
            self.frames = _images(parent, [entry.name for entry in parent.glob(path.name)] if parent.is_dir() else [])
        elif path.suffix.lower() in IMAGES:
            raise SettingsError(
                f"{video}: one picture is no video; name the folder, or a pattern such as '*{path.suffix}'"
            )
        else:
            self.frames = VideoFrames(path)
            self.fps = self.frames.fps or USUAL_FPS

    @staticmethod
    def _open_camera(number: int) -> Any:
        import cv2

        camera = cv2.VideoCapture(number)
        if not camera.isOpened():
            raise TrackzooError(f"webcam {number}: cannot be opened; is one connected and free? A video file works too")
        return camera

    def __len__(self) -> int:
        """Number of frames; 0 where it is not known (webcam)."""
        return 0 if self.frames is None else len(self.frames)

    def __iter__(self) -> Iterator[Frame]:
        if self.frames is not None:
            yield from self.frames
            return
        index = 0
        while True:
            there, picture = self._camera.read()
            if not there:
                return
            pixels = np.ascontiguousarray(picture[:, :, ::-1])
            yield ArrayFrames(partial(_same, pixels), index + 1, f"webcam@{id(self):x}")[index]
            index += 1

    def close(self) -> None:
        """Give a webcam back."""
        if self._camera is not None:
            self._camera.release()


def _same(pixels: Pixels, index: int) -> Pixels:
    return pixels


def _images(folder: Path, names: list[str]) -> ImageFrames:
    chosen = sorted((name for name in names if name.lower().endswith(IMAGES)), key=natural)
    if not chosen:
        raise DataError(
            folder, "no images", f"files ending in {', '.join(IMAGES)}", "name a video file or another folder"
        )
    return ImageFrames(folder, tuple(chosen))


class Writer:
    """Writes a video so that it is whole or not there: into a hidden file, renamed by `close`.

    Args:
        path: where to; the ending chooses the container (`.mp4`, `.avi`, `.mkv`, `.mov`).
        fps: frame rate in Hz.

    Raises:
        SettingsError: an ending that cannot be written, or a folder that is not there.
    """

    CODECS: ClassVar[dict[str, str]] = {".mp4": "mp4v", ".mov": "mp4v", ".m4v": "mp4v", ".avi": "MJPG", ".mkv": "MJPG"}

    def __init__(self, path: Path, fps: float) -> None:
        if path.suffix.lower() not in self.CODECS:
            raise SettingsError(f"{path}: a video ends in {', '.join(self.CODECS)}")
        if not path.parent.is_dir():
            raise SettingsError(f"{path}: there is no folder {path.parent}")
        self.path, self.fps = path, fps
        self._hidden = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
        self._writer: Any = None
        self._size = (0, 0)

    def write(self, picture: Pixels) -> None:
        """Append a picture (H, W, 3) RGB uint8. Raises `TrackzooError` for one of another size than the first."""
        import cv2

        height, width = picture.shape[:2]
        if self._writer is None:
            self._size = (width, height)
            code = cv2.VideoWriter.fourcc(*self.CODECS[self.path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self._hidden), code, self.fps, (width, height))
            if not self._writer.isOpened():
                raise TrackzooError(
                    f"{self.path}: OpenCV cannot write such a video here; try another ending, e.g. .avi"
                )
        if self._size != (width, height):
            first = "x".join(map(str, self._size))
            raise TrackzooError(
                f"{self.path}: found a picture of {width}x{height}, expected {first} as the first; leave out --out"
            )
        self._writer.write(np.ascontiguousarray(picture[:, :, ::-1]))

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
            if kind is None:
                os.replace(self._hidden, self.path)
        self._hidden.unlink(missing_ok=True)


class MaskFolder:
    """Writes masks as palette PNG files, one a frame, named as the images or by number; each is whole or not there.

    Args:
        folder: made with the first mask where need be; files of other names in it are left alone.

    Raises:
        SettingsError: it is a file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise SettingsError(f"{folder}: no folder for masks (a file)")

    def add(self, frame: Frame, prediction: Prediction) -> None:
        """Write the mask of a frame; a tracker that has none of it leaves a black one.

        Raises:
            SettingsError: the folder cannot be made.
        """
        from trackzoo.config import write_atomically
        from trackzoo.label_maps import encode, file_name, paint

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"{self.folder}: no folder for masks ({(error.strerror or str(error)).lower()})"
            ) from None
        data = encode(paint({1: prediction}, frame.size))
        write_atomically(self.folder / file_name(frame), data, flush=False)


def display_there() -> bool:
    """Whether a window can be opened: a screen to open it on, and an OpenCV that can."""
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        return False
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    import cv2

    return "GUI:                           NONE" not in cv2.getBuildInformation()

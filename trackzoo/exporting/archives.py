"""Zip files written whole or not at all, and read member by member without unpacking."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from trackzoo.config import UMASK
from trackzoo.errors import DataError, TrackzooError
from trackzoo.importing.archive import MOST_BYTES, check_member

#: Equal contents give equal archives: no clock is asked.
_DATE = (1980, 1, 1, 0, 0, 0)


class Part:
    """A zip file that is being made beside its place; `keep` moves it there, leaving the context without that removes it.

    Args:
        out: where it will lie.

    Raises:
        TrackzooError: the folder cannot be written.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".tmp")
        except OSError as error:
            raise TrackzooError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()})") from None
        os.close(handle)
        self.path = Path(name)

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)

    def write(self, members: Iterable[tuple[str, bytes]]) -> int:
        """Write members (name, content); returns their number."""
        count = 0
        try:
            with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as file:
                for name, data in members:
                    info = zipfile.ZipInfo(name, _DATE)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    info.external_attr = 0o644 << 16
                    file.writestr(info, data)
                    count += 1
        except OSError as error:
            raise TrackzooError(f"{self.out}: cannot be written ({(error.strerror or str(error)).lower()})") from None
        return count

    def keep(self) -> None:
        """Move the file to its place. Raises `TrackzooError`."""
        try:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
            os.chmod(self.path, 0o666 & ~UMASK)
            os.replace(self.path, self.out)
        except OSError as error:
            raise TrackzooError(f"{self.out}: cannot be written ({(error.strerror or str(error)).lower()})") from None


class Zip:
    """The members of a zip file.

    Args:
        path: the file.
        called: its name in messages.

    Raises:
        DataError: no such file, no zip, encrypted, enormous, or with a member whose path leaves the folder.
    """

    def __init__(self, path: Path, called: Path | None = None) -> None:
        self.shown = called or path
        try:
            self._file = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise DataError(self.shown, "no such file", "a .zip package") from None
        except (zipfile.BadZipFile, OSError) as error:
            raise DataError(self.shown, f"no zip file that can be read ({error})", "a .zip package") from None
        members = self._file.infolist()
        for member in members:
            check_member(self.shown, member.filename)
        if sum(member.file_size for member in members) > MOST_BYTES:
            raise DataError(self.shown, "contents of more than 64 GiB", "a package of results")
        self.names = [member.filename for member in members if not member.is_dir()]

    def __enter__(self) -> Zip:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, name: str) -> bytes:
        """Content of a member. Raises `DataError` where it is damaged."""
        try:
            return self._file.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise DataError(self.shown, f"member '{name}' that cannot be read ({error})", "a whole package") from None

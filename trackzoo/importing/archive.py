"""Archives of results (.zip, .tar, .tar.gz, .tar.xz …), unpacked where nothing can leave its folder."""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory

from trackzoo.errors import DataError

#: Endings of what is unpacked.
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
#: An archive that grows beyond these is no results of a tracker but an accident or an attack.
MOST_BYTES = 64 * 2**30
MOST_MEMBERS = 5_000_000

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, RuntimeError)


def is_archive(path: Path) -> bool:
    """Whether the name says that it is an archive."""
    return path.name.lower().endswith(ENDINGS)


def plain_name(path: Path) -> str:
    """The file's or folder's name without an archive's ending."""
    lowered = path.name.lower()
    ending = max((each for each in ENDINGS if lowered.endswith(each)), key=len, default="")
    return path.name[: len(path.name) - len(ending)]


def check_member(archive: Path, name: str) -> None:
    """Raise `DataError` for a member whose path would leave the folder that it is unpacked into."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or PureWindowsPath(name).drive or "\0" in name:
        raise DataError(
            archive,
            f"member '{name}', whose path leaves the folder",
            "paths inside it alone",
            "nothing was unpacked; do not trust this file",
        )


def _check_size(archive: Path, sizes: Iterable[int]) -> None:
    total = count = 0
    for size in sizes:
        total, count = total + size, count + 1
    if total > MOST_BYTES or count > MOST_MEMBERS:
        raise DataError(
            archive, f"{count} files of {total / 2**30:.0f} GiB", "results of a tracker", "unpack it by hand"
        )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into an empty folder.

    Raises:
        DataError: a member that leaves the folder, a link or a device; an archive that is damaged, encrypted or enormous.
            Every member is looked at before the first is written.
    """
    try:
        if archive.name.lower().endswith(".zip"):
            _unzip(archive, folder)
        else:
            _untar(archive, folder)
    except DataError:
        raise
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(archive, f"an archive that cannot be unpacked ({reason})", "a whole .zip or .tar") from None


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        for member in members:
            check_member(archive, member.filename)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise _linked(archive, member.filename)
        _check_size(archive, (member.file_size for member in members))
        file.extractall(folder)


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        members = file.getmembers()
        for member in members:
            check_member(archive, member.name)
            if not (member.isfile() or member.isdir()):
                raise _linked(archive, member.name)
        _check_size(archive, (member.size for member in members))
        file.extractall(folder, members=members, filter="data")


def _linked(archive: Path, name: str) -> DataError:
    return DataError(archive, f"member '{name}', a link or a device", "files and folders alone", "nothing was unpacked")


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """A folder with what `source` holds: itself if it is a folder without archives, else a temporary one.

    Archives that lie in the folder beside nothing else (one a tracker, as they are published) are unpacked, each into a
    folder of its name. The temporary folder goes when the context ends.

    Raises:
        DataError: no such folder, a file that is no archive, or an archive as for `unpack`.
    """
    if not source.exists():
        raise DataError(source, "no such folder or file", "a folder or an archive of result files")
    inner = [] if source.is_file() else sorted(path for path in source.iterdir() if path.is_file() and is_archive(path))
    if source.is_file() and not is_archive(source):
        raise DataError(
            source, "a single file", f"a folder of result files, or an archive ({', '.join(ENDINGS[:4])} …)"
        )
    if source.is_dir() and (not inner or any(path.is_dir() for path in source.iterdir())):
        yield source
        return
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="trackzoo-results-")))
        for archive in inner or [source]:
            own = home / plain_name(archive)
            own.mkdir()
            unpack(archive, own)
        yield home if inner else home / plain_name(source)

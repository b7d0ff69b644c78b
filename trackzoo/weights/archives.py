"""Which container a file of weights is, and whether it is what it seems, before anything in it is read.

torch's own reader is asked wherever torch will act on the answer: a zip can be made so that one reader sees members in it
that another does not, and a TorchScript archive that slips through here would be run by `torch.load`.
"""

from __future__ import annotations

import pickletools
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import IO

from trackzoo.errors import DataError

#: What torch knows its zip archives by.
_ZIP = b"PK\x03\x04"
#: Bytes that an archive may hold beyond its own size: torch compresses nothing but TorchScript's code.
_SPARE = 64 << 20
#: Memo slots that a pickle may name beyond the number of its opcodes so far; writers count them up from 0 or 1.
_SLOTS = 1000


def printable(text: str, most: int = 160) -> str:
    """Text out of a file that is not trusted, cut, on one line, and without characters that would act on a terminal."""
    line = " ".join(text.split())
    cut = line if len(line) <= most else f"{line[:most]}…"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut)


@contextmanager
def readable(path: Path, expected: str) -> Iterator[None]:
    """Context in which whatever goes wrong is the file's fault, and is said so in one line (`DataError`)."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # a crafted file trips its readers over anything
        reason = printable(str(error)) or type(error).__name__
        raise DataError(path, f"an unreadable file ({reason})", expected, "download it again") from None


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def is_torchscript(path: Path) -> bool:
    """Whether `torch.load` would take the file for a TorchScript archive, and run code of it."""
    import torch

    if not _is_zip(path):
        return False
    with path.open("rb") as file:
        try:
            records = torch._C.PyTorchFileReader(file).get_all_records()
        except RuntimeError:
            return False  # torch cannot read it as anything else either
    return any(name == "constants.pkl" or name.startswith("code/") for name in records)


def refuse_archives(path: Path) -> None:
    """Refuse what `torch.load` would open unasked: TorchScript holds code, and tar archives (torch before 0.2) name files.

    Raises:
        DataError: it is one of these, or a zip that unpacks to far more than its size.
    """
    expected = "a checkpoint written by torch.save"
    if tarfile.is_tarfile(path):
        raise DataError(path, "a tar archive", expected, "unpack it and name the file inside")
    if is_torchscript(path):
        raise DataError(path, "a TorchScript archive", expected)
    if _is_zip(path):
        refuse_bombs(path)


def refuse_bombs(path: Path) -> None:
    """Refuse a zip archive that holds far more than its size. Raises `DataError`, and `BadZipFile` for a damaged one."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    size = path.stat().st_size
    if unpacked > size + _SPARE:
        do = "do not trust this file, get it from its authors again"
        raise DataError(
            path, f"an archive of {size} bytes that unpacks to {unpacked}", "an archive as torch writes it", do
        )


def refuse_slots(file: IO[bytes]) -> None:
    """Refuse a pickle that asks for absurd memory; the file stands where it stood afterwards.

    The unpickler makes room for whatever memo slot is named: nine bytes could ask for 34 GB. Opcodes are read, nothing is done.

    Raises:
        UnpicklingError: a slot that no writer would name. `ValueError` for what is no pickle.
    """
    start = file.tell()
    for count, (opcode, slot, _) in enumerate(pickletools.genops(file)):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(slot, int) and slot > count + _SLOTS:
            raise UnpicklingError(f"memo slot {slot} after {count} opcodes")
    file.seek(start)

"""Where converted weights lie: one safetensors file a name, with its facts beside it. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from trackzoo.config import cache_folder, write_atomically
from trackzoo.errors import DataError
from trackzoo.store.lock import locked

#: Version of the layout of the facts beside a file.
FORMAT = 1


def weights_folder() -> Path:
    """Folder of the converted weights; made when first written to."""
    return cache_folder() / "weights"


def weights_file(name: str) -> Path:
    """The safetensors file of the weights `name`; it need not exist."""
    return weights_folder() / f"{name}.safetensors"


def facts_file(name: str) -> Path:
    """The JSON file of facts beside it; it need not exist."""
    return weights_folder() / f"{name}.json"


def companion_file(name: str, companion: str) -> Path:
    """A small file that belongs to the weights `name` (see `WeightsSpec.companions`); it need not exist."""
    return weights_folder() / f"{name}.{companion}"


def present(name: str) -> bool:
    """Whether the weights `name` are in the cache."""
    return weights_file(name).is_file() and facts_file(name).is_file()


@dataclass(frozen=True)
class Facts:
    """What is known of weights in the cache.

    Attributes:
        name: of the weights.
        sha256: of the converted file.
        bytes: its size.
        source: path that the original was read from.
        source_sha256: of the original.
        date: of the conversion, UTC, ISO 8601.
        tensors: how many there are.
        epoch: of training, where the original says so.
        constructor: what the network was built with, as plain data, where the original says so.
    """

    name: str
    sha256: str
    bytes: int
    source: str
    source_sha256: str
    date: str
    tensors: int
    epoch: int | None = None
    constructor: Any = None


def read_facts(name: str) -> Facts:
    """The facts beside weights in the cache.

    Raises:
        DataError: they are missing, damaged, or about a file of another size.
    """
    path, file = facts_file(name), weights_file(name)
    do = f"'trackzoo weights add {name} FILE --force' makes both again"
    try:
        value = json.loads(path.read_bytes())
        if value.pop("format") != FORMAT:
            raise ValueError
        facts = Facts(**value)
        if not isinstance(facts.sha256, str) or len(facts.sha256) != 64:
            raise ValueError
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "the weights' facts", do) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DataError(path, "unreadable facts", "those of weights", do) from None
    try:
        size = file.stat().st_size
    except OSError:
        raise DataError(file, "no such file", "the weights that its facts are about", do) from None
    if size != facts.bytes:
        raise DataError(file, f"{size} bytes", f"the {facts.bytes} that were written", do)
    return facts


def write_facts(facts: Facts) -> Path:
    """Put the facts beside the file, atomically."""
    path = facts_file(facts.name)
    write_atomically(path, (json.dumps({"format": FORMAT, **asdict(facts)}, indent=2) + "\n").encode())
    return path


@contextmanager
def writing() -> Iterator[Path]:
    """The folder of weights, to be written to by nobody else for now."""
    with locked(weights_folder(), patience=600):
        yield weights_folder()


def remove(name: str, companions: tuple[str, ...] = ()) -> int:
    """Delete weights from the cache, and what belongs to them; gives the bytes freed. Nothing happens when there are none."""
    freed = 0
    with writing():
        for path in (facts_file(name), weights_file(name), *(companion_file(name, each) for each in companions)):
            if path.is_file():
                freed += path.stat().st_size
                path.unlink()
    return freed


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises `DataError` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "a file") from None


def digest(path: Path) -> str:
    """As `sha256`; a file that has not changed since is not read again."""
    try:
        status = path.stat()
    except OSError:
        return sha256(path)
    return _digest(path, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=32)
def _digest(path: Path, *state: int) -> str:
    return sha256(path)

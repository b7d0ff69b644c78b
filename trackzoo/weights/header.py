"""What a safetensors file says of itself, read without torch: names, shapes, types, metadata, and whether it is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackzoo.errors import DataError

#: Type codes of the format -> the names that torch and the manifests use.
DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
#: Longest header in bytes; the format's own limit.
_LONGEST = 100_000_000


@dataclass(frozen=True)
class Entry:
    """One tensor.

    Attributes:
        shape: its sides.
        dtype: e.g. `float32`.
        optional: of a manifest: may be absent, together with all others that may.
    """

    shape: tuple[int, ...]
    dtype: str
    optional: bool = False


@dataclass(frozen=True)
class Header:
    """A file's tensors by name, and its metadata (text by name)."""

    tensors: Mapping[str, Entry]
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_header(path: Path) -> Header:
    """The header of a safetensors file.

    Raises:
        DataError: no such file, no safetensors file, or one that is cut short.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= min(size - 8, _LONGEST):
                raise ValueError("no header")
            header = json.loads(file.read(length))
        metadata = header.pop("__metadata__", {})
        tensors = {name: _entry(value) for name, value in header.items()}
        end = max((value["data_offsets"][1] for value in header.values()), default=0)
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "a safetensors file") from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise DataError(path, "no header of a safetensors file", "one", "make or download it again") from None
    if 8 + length + end != size:
        found = f"{size} bytes where the header promises {8 + length + end}"
        raise DataError(path, found, "a whole safetensors file", "make or download it again")
    if not isinstance(metadata, dict):
        metadata = {}
    return Header(tensors, {str(key): str(value) for key, value in metadata.items()})


def _entry(value: dict[str, Any]) -> Entry:
    shape = tuple(int(side) for side in value["shape"])
    if min(shape, default=0) < 0:
        raise ValueError("a negative side")
    return Entry(shape, DTYPES.get(value["dtype"], str(value["dtype"])))

"""Read the tensors of a TorchScript archive without loading its code (OpenAI publishes CLIP as one).

Such an archive is a zip: a pickle of the module tree (`data.pkl`), storages (`data/0`, `data/1` …), and code that is not looked
at here. The tree's classes become inert placeholders, as in `trackzoo.weights.pickles`.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackzoo.errors import DataError
from trackzoo.weights.archives import readable, refuse_bombs
from trackzoo.weights.pickles import Placeholder, restricted

if TYPE_CHECKING:
    from torch import Tensor

#: Modules, tensors and plain values in a tree; CLIP has some thousands.
MOST = 1_000_000


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Parameters and buffers by their names in the module tree, on the CPU. Nothing in the file is executed.

    Raises:
        UnsafeCheckpoint: its pickle names anything but data and TorchScript's own classes.
        DataError: cut short, or otherwise unreadable.
    """
    with readable(path, "a TorchScript archive"):
        refuse_bombs(path)
        with zipfile.ZipFile(path) as archive:
            tree = _tree(path, archive)
    return dict(_tensors(path, tree))


def _tree(path: Path, archive: zipfile.ZipFile) -> Any:
    import torch

    [member] = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
    folder = member.removesuffix("data.pkl") + "data/"
    storages: dict[str, Any] = {}
    dtypes = {
        "HalfStorage": torch.float16,
        "BFloat16Storage": torch.bfloat16,
        "FloatStorage": torch.float32,
        "DoubleStorage": torch.float64,
        "ByteStorage": torch.uint8,
        "CharStorage": torch.int8,
        "ShortStorage": torch.int16,
        "IntStorage": torch.int32,
        "LongStorage": torch.int64,
        "BoolStorage": torch.bool,
    }
    base: Any = restricted(path, packages=("__torch__",)).Unpickler

    class Unpickler(base):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            if module == "torch" and name in dtypes:
                return dtypes[name]
            if module == "torch.jit._pickle" and name.startswith(("build_", "restore_type_tag")):
                return _first
            return super().find_class(module, name)

        def persistent_load(self, saved: Any) -> Any:
            kind, dtype, key, _, count = saved
            if kind != "storage" or not str(key).isdigit():
                raise pickle.UnpicklingError(f"a persistent {kind!r}")
            if key not in storages:
                values = torch.frombuffer(bytearray(archive.read(folder + key)), dtype=dtype)
                if len(values) < count:
                    raise pickle.UnpicklingError(f"storage {key} of {len(values)} values for {count}")
                storages[key] = torch.storage.TypedStorage(  # type: ignore[no-untyped-call]
                    wrap_storage=values.untyped_storage(), dtype=dtype, _internal=True
                )
            return storages[key]

    return Unpickler(io.BytesIO(archive.read(member))).load()


def _first(value: Any, *_: Any) -> Any:
    """What TorchScript's own builders of typed lists give."""
    return value


def _tensors(path: Path, tree: Any) -> Iterator[tuple[str, Tensor]]:
    import torch

    waiting, met = [("", tree)], 0
    while waiting:
        name, value = waiting.pop()
        met += 1
        if met > MOST:  # a tree that holds itself
            raise DataError(path, f"more than {MOST} modules and values", "a network", "download it again")
        if isinstance(value, torch.Tensor):
            yield name, value.detach()
        elif isinstance(value, Placeholder):
            inside = [(f"{name}.{key}" if name else str(key), each) for key, each in value.attributes.items()]
            waiting += reversed(inside)

"""Any file of weights as plain tensors: official pickles, plain torch and TorchScript files, safetensors, a hub's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackzoo.errors import DataError
from trackzoo.weights.archives import is_torchscript, printable
from trackzoo.weights.header import Entry, read_header
from trackzoo.weights.pickles import read_pickle
from trackzoo.weights.plain import LARGE, as_data, called
from trackzoo.weights.torchscript import read_torchscript

if TYPE_CHECKING:
    from torch import Tensor

#: Keys that a state dict stands under, tried in this order: PyTracking and its kin, MAE, most others.
STATE_KEYS = ("net", "model", "state_dict")
#: What `DataParallel` puts before every name.
PARALLEL = "module."
#: Names that a folder of the Hugging Face hub gives its weights.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
#: Characters of a tensor's name.
_LONGEST = 500


@dataclass(frozen=True)
class Checkpoint:
    """Weights as data.

    Attributes:
        tensors: by name, on the CPU; `module.` is taken off.
        epoch: of training, where the file says so.
        constructor: what the network was built with, as plain JSON data (`inf` and `nan` as text), where the file says so.
    """

    tensors: Mapping[str, Tensor]
    epoch: int | None = None
    constructor: Any = None

    @property
    def entries(self) -> dict[str, Entry]:
        """Shape and type by name."""
        return {
            name: Entry(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
            for name, tensor in self.tensors.items()
        }


def locate(path: str | Path, file: str = "") -> Path:
    """The file itself: `path`, or the one in the folder `path`.

    Args:
        path: a file, or a folder as a hub's client leaves it.
        file: the file's name in such a folder; the usual ones are tried too.

    Raises:
        DataError: nothing there, or a folder without such a file.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        if not path.exists():
            raise DataError(path, "no such file", "a checkpoint", "look at how it is written")
        return path
    names = list(dict.fromkeys(name for name in (file, *HUB_FILES) if name))
    for name in names:
        if (path / name).is_file():
            return path / name
    raise DataError(path, "a folder without weights", f"{' or '.join(names)} in it", "name the file itself")


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file of weights. Nothing in it is executed.

    Raises:
        UnsafeCheckpoint: a pickle that names anything but data and known training classes.
        DataError: not a file of weights, cut short, or without tensors.
    """
    if _is_safetensors(path):
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        read_header(path)  # says what is wrong with a file that is cut
        try:
            return Checkpoint(_unwrapped(path, load_file(path, device="cpu")), None, read_constructor(path))
        except (SafetensorError, OSError) as error:
            found = f"an unreadable file ({' '.join(str(error).split())[:160]})"
            raise DataError(path, found, "a safetensors file", "download it again") from None
    if is_torchscript(path):
        return Checkpoint(_unwrapped(path, read_torchscript(path)))
    content = read_pickle(path)
    tensors = _state_dict(path, content)
    epoch = content.get("epoch") if isinstance(content, Mapping) else None
    constructor = content.get("constructor") if isinstance(content, Mapping) else None
    return Checkpoint(tensors, epoch if type(epoch) is int and abs(epoch) < LARGE else None, as_data(constructor))


def read_constructor(path: Path) -> Any:
    """What the network was built with, as `Checkpoint.constructor`; of a converted file only the header is read.

    Raises:
        UnsafeCheckpoint, DataError: as `read_checkpoint`.
    """
    if not _is_safetensors(path):
        return read_checkpoint(path).constructor
    try:
        about = json.loads(read_header(path).metadata.get("trackzoo", "{}"))
    except ValueError:
        return None
    return about.get("constructor") if isinstance(about, dict) else None


def _is_safetensors(path: Path) -> bool:
    """By the name, or by the first bytes: a length and an opening brace, which no torch file begins with."""
    if path.suffix == ".safetensors":
        return True
    try:
        with path.open("rb") as file:
            start = file.read(10)
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "a checkpoint") from None
    return len(start) == 10 and start[8:] == b'{"'


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    """The tensors of what a pickle held, wherever they stand in it."""
    import torch

    candidates = [content]
    if isinstance(content, Mapping):
        candidates = [content[key] for key in STATE_KEYS if key in content] + candidates
    for candidate in candidates:
        if isinstance(candidate, Mapping) and any(isinstance(value, torch.Tensor) for value in candidate.values()):
            break
    else:
        names = [printable(key, 40) for key in content if isinstance(key, str)] if isinstance(content, Mapping) else []
        keys = f" ({', '.join(names[:8])})" if names else ""
        found = f"no tensors in what it holds, {called(content)}{keys}"
        raise DataError(path, found, f"tensors by name under {', '.join(STATE_KEYS)}, or at the top")
    odd = next((name for name, value in candidate.items() if not isinstance(value, torch.Tensor)), None)
    if odd is not None:
        found = f"{called(candidate[odd])} under {_name(odd)} among the tensors"
        raise DataError(path, found, "tensors alone", "take the network's state dict out of it")
    odd = next((name for name in candidate if not isinstance(name, str)), None)
    if odd is not None:
        raise DataError(path, f"{called(odd)} as a tensor's name", "text")
    return _unwrapped(path, {name: value.detach() for name, value in candidate.items()})


def _name(key: Any) -> str:
    return f"'{printable(key)}'" if isinstance(key, str) else called(key)


def _unwrapped(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without `module.`, where every name begins so. Raises `DataError` for a name that no network gives."""
    odd = next((name for name in tensors if not name.isprintable() or len(name) > _LONGEST), None)
    if odd is not None:
        raise DataError(path, f"a tensor called '{printable(odd)}'", "names of a network's parameters")
    parallel = bool(tensors) and all(name.startswith(PARALLEL) for name in tensors)
    return {name.removeprefix(PARALLEL) if parallel else name: tensor for name, tensor in tensors.items()}

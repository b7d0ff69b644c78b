"""Read official checkpoints without executing anything in them.

The files that authors publish are pickles, and a pickle is a program. The unpickler here builds tensors and plain containers,
turns classes of the training code bases that such files name into inert `Placeholder` objects whose arguments and
attributes can be read as data, and refuses a file that names anything else. torch does the reading of its two container
formats (zip and the older stream) and calls this unpickler for every pickle in them.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Collection, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, ClassVar

import numpy as np

from trackzoo.errors import DataError
from trackzoo.weights.archives import printable, readable, refuse_archives, refuse_slots

if TYPE_CHECKING:
    import torch

#: Packages of the training code bases that published checkpoints name; whatever they hold becomes a `Placeholder`.
#: `ltr`, `dlframework`: PyTracking and its older name; `lib`: STARK, OSTrack, MixFormer, ProContEXT.
TRAINING_PACKAGES = frozenset(
    {
        "ltr",
        "dlframework",
        "pytracking",
        "lib",
        "easydict",
        "argparse",
        "yacs",
        "omegaconf",
        "pathlib",
        "types",
        "datetime",
    }
)

#: The same for single names of packages that are otherwise refused: never called, kept as data.
TRAINING_NAMES = frozenset(
    {("numpy", "ndarray"), ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
)


class UnsafeCheckpoint(DataError):
    """A checkpoint whose pickle names something that is neither data nor one of the known training classes."""


class Placeholder:
    """Stands for an object of a class that is not imported. Data alone: nothing of the original runs.

    Attributes:
        origin: `module.name` of the original class, e.g. `ltr.admin.model_constructor.NetConstructor`.
        arguments: positional arguments that the pickle would have called the class with.
        attributes: attributes by name (the pickled `__dict__`, or items of a dict-like class such as EasyDict).
        items: elements of a list-like class.
    """

    origin: ClassVar[str] = ""
    arguments: tuple[Any, ...]
    attributes: dict[Any, Any]
    items: list[Any]

    def __new__(cls, *arguments: Any, **keywords: Any) -> Placeholder:  # noqa: D102  (pickle calls it without __init__)
        made = super().__new__(cls)
        made.arguments, made.attributes, made.items = arguments, dict(keywords), []
        return made

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        # Protocol 2 state is a dict, or a pair (dict or None, dict of slots).
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        for part in parts:
            if isinstance(part, dict):
                self.attributes.update(part)
            elif part is not None:
                self.items.append(part)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.attributes[key] = value

    def __getitem__(self, key: Any) -> Any:
        return self.attributes[key]

    def append(self, item: Any) -> None:
        """Take an element, as the pickle of a list-like class asks."""
        self.items.append(item)

    def extend(self, items: list[Any]) -> None:
        """Take several elements."""
        self.items.extend(items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __getattr__(self, name: str) -> Any:
        # Reached for names that are not ours: an attribute of the original. Dunder names are Python asking for protocols.
        if name.startswith("__") or "attributes" not in self.__dict__:
            raise AttributeError(name)
        try:
            return self.attributes[name]
        except KeyError:
            raise AttributeError(f"the pickled {self.origin} has no attribute '{name}'") from None

    def __repr__(self) -> str:
        # Names alone: a key may be this very object.
        names = [name for name in self.attributes if isinstance(name, str)]
        return f"<placeholder of {self.origin}: {', '.join(names) or 'no attributes'}>"


class _Ordered(OrderedDict[Any, Any]):
    """An OrderedDict without attributes (torch writes `_metadata`): one named `items` would stand before the method."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Dtype:
    """A numpy dtype as its type string and byte order; nothing else of its state is believed."""

    code: str
    order: str

    def __new__(cls, code: str, *flags: Any) -> _Dtype:
        if not isinstance(code, str) or code[:1] not in "biufc" or not code[1:].isdigit():
            raise pickle.UnpicklingError(f"a numpy scalar of type {code!r}")
        made = super().__new__(cls)
        made.code, made.order = code, "="
        return made

    def __init__(self, code: str, *flags: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"a numpy scalar of byte order {order!r}")
        self.order = order

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order.replace("|", "=") + self.code)


def _scalar(dtype: _Dtype, data: bytes) -> Any:
    """numpy's pickled scalar as a Python number."""
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
        raise pickle.UnpicklingError("a numpy scalar that is not a number")
    return np.frombuffer(data, dtype.dtype, count=1)[0].item()


def _encode(text: str, encoding: str) -> bytes:
    """What `_codecs.encode` does for the bytes of protocol 2; latin1 only."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in encoding {encoding!r}")
    return str.encode(text, "latin1")


def _bytes(source: Any = b"", encoding: str = "latin1") -> bytes:
    """What `bytes` does with text and with numbers in a list; a number alone would ask for that much memory."""
    if isinstance(source, str):
        return _encode(source, encoding)
    if not isinstance(source, bytes | bytearray | list | tuple):
        raise pickle.UnpicklingError(f"bytes made of a {type(source).__name__}")
    return bytes(source)


def _bytearray(*arguments: Any) -> bytearray:
    """As `_bytes`."""
    return bytearray(_bytes(*arguments))


def _reconstruct(cls: type, base: type, state: Any) -> Any:
    """What `copyreg._reconstructor` does, for placeholders alone."""
    if not (isinstance(cls, type) and issubclass(cls, Placeholder)):
        raise pickle.UnpicklingError("an object rebuilt from an unexpected class")
    return cls()


def _default_dict(factory: Any = None) -> dict[Any, Any]:
    """A defaultdict's contents; its factory is left out."""
    return {}


def _safe_globals() -> dict[tuple[str, str], Any]:
    """What a pickle may name, and what it gets: data types, and functions of ours that make nothing but data."""
    import torch

    # Wrapped, so that a pickle can hold no reference to (and set no attribute of) a function that torch itself uses.
    def rebuild_tensor(*arguments: Any) -> torch.Tensor:
        storage, offset, size, stride = arguments[:4]
        return torch._utils._rebuild_tensor(storage, offset, size, stride)  # type: ignore[no-any-return, no-untyped-call]

    def rebuild_parameter(data: torch.Tensor, requires_grad: bool, hooks: Any, *rest: Any) -> torch.Tensor:
        return data

    def size(values: Any = ()) -> tuple[int, ...]:
        return tuple(int(value) for value in values)

    def device(*arguments: Any) -> str:
        return ":".join(map(str, arguments))

    table: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): _Ordered,
        ("collections", "defaultdict"): _default_dict,
        ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): rebuild_parameter,
        ("torch", "Size"): size,
        ("torch", "device"): device,
        ("copyreg", "_reconstructor"): _reconstruct,
        ("copy_reg", "_reconstructor"): _reconstruct,
        ("_codecs", "encode"): _encode,
        ("numpy", "dtype"): _Dtype,
        ("numpy.core.multiarray", "scalar"): _scalar,
        ("numpy._core.multiarray", "scalar"): _scalar,
    }
    for module in ("builtins", "__builtin__"):
        for kind in (set, frozenset, list, dict, tuple, int, float, complex, bool, str, object):
            table[module, kind.__name__] = kind
        table[module, "bytes"], table[module, "bytearray"] = _bytes, _bytearray
    for name in ("float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"):
        table["torch", name] = getattr(torch, name)
    return table


def restricted(path: Path, packages: Collection[str] = TRAINING_PACKAGES) -> SimpleNamespace:
    """A stand-in for the `pickle` module that torch reads a checkpoint with.

    Args:
        path: of the file, for messages.
        packages: whose classes become placeholders.
    """
    table = _safe_globals()
    placeholders: dict[tuple[str, str], type[Placeholder]] = {}

    class Unpickler(pickle.Unpickler):
        def __init__(self, file: IO[bytes], **arguments: Any) -> None:
            refuse_slots(file)
            super().__init__(file, **arguments)

        def find_class(self, module: str, name: str) -> Any:
            """The one door through which a pickle reaches code."""
            if (module, name) in table:
                return table[module, name]
            if module.split(".")[0] in packages or (module, name) in TRAINING_NAMES:
                if (module, name) not in placeholders:
                    facts = {"origin": f"{module}.{name}"}
                    placeholders[module, name] = type("Placeholder", (Placeholder,), facts)
                return placeholders[module, name]
            raise UnsafeCheckpoint(
                path,
                f"a pickle that names '{printable(f'{module}.{name}')}'",
                "tensors, plain containers and classes of known training code",
                "nothing was executed or loaded; do not trust this file, get it from its authors again",
            )

    def load(file: IO[bytes], **arguments: Any) -> Any:
        return Unpickler(file, **arguments).load()

    def refuse(*arguments: Any, **keywords: Any) -> Any:
        raise UnsafeCheckpoint(path, "a pickle inside a pickle", "plain data", "do not trust this file")

    return SimpleNamespace(
        __name__="trackzoo.weights.pickles",
        Unpickler=Unpickler,
        load=load,
        loads=refuse,
        UnpicklingError=pickle.UnpicklingError,
    )


def read_pickle(path: str | Path) -> Any:
    """The object that `torch.save` wrote, with placeholders for the classes of training code. Tensors are on the CPU.

    Both container formats are read (zip, and the stream of before torch 1.6). Nothing in the file is executed.

    Raises:
        UnsafeCheckpoint: the pickle names anything but data and known training classes.
        DataError: not a checkpoint, cut short, or a TorchScript archive.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise DataError(path, "no such file", "a checkpoint")
    with readable(path, "a checkpoint written by torch.save"):
        refuse_archives(path)
        # A mapped file would keep the tensors tied to it; checkpoints fit in memory.
        return torch.load(path, map_location="cpu", pickle_module=restricted(path), weights_only=False)

"""Files made to harm: nothing in them runs, nothing they ask for is done, and each is one line or plain data."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from trackzoo.errors import DataError
from trackzoo.weights.checkpoint import Checkpoint, read_checkpoint
from trackzoo.weights.pickles import read_pickle


class Acts(torch.nn.Module):
    """TorchScript that writes a file when it is loaded."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return (self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.path = state[0]
        self.training = state[1]
        torch.save([1], state[0])


def second_directory(archive: bytes) -> bytes:
    """With a harmless directory where Python's reader looks, while the one that the end record names is left as it is."""
    end = archive.rindex(b"PK\x05\x06")
    size, start = struct.unpack("<LL", archive[end + 12 : end + 20])
    true = archive[start : start + size]
    false = true.replace(b"constants.pkl", b"constantz.pkl").replace(b"/code/", b"/cope/")
    return archive[: start + size] + false + archive[end:]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("disguise", ["none", "half an end record behind", "a second directory"])
def test_torchscript_does_not_run_in_any_disguise(tmp_path: Path, disguise: str) -> None:
    trace, path = tmp_path / "ran", tmp_path / "checkpoint.pth"
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Acts(str(trace))), buffer)
    content = buffer.getvalue()
    torch.jit.load(io.BytesIO(content))
    assert trace.exists()  # it does act
    trace.unlink()
    path.write_bytes(
        {
            "none": content,
            "half an end record behind": content + b"PK\x05\x06",
            "a second directory": second_directory(content),
        }[disguise]
    )
    with pytest.raises(DataError, match="TorchScript"):
        read_pickle(path)
    with suppress(DataError):
        assert read_checkpoint(path).tensors == {}  # its tree as data, where that can be read
    assert not trace.exists()


# The language of pickles, as far as it is wanted here.
def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


TENSOR = (
    name("torch._utils", "_rebuild_tensor_v2")
    + b"(("
    + text("storage")
    + name("torch", "FloatStorage")
    + text("0")
    + text("cpu")
    + b"K\x02tQK\x00K\x02\x85K\x01\x85\x89}tR"
)
ORDERED = name("collections", "OrderedDict") + b")R"
PLACEHOLDER = name("lib", "X") + b")\x81"
NUMBER = b"\x8b" + struct.pack("<i", 40_000) + b"\x01" * 40_000  # of 96,000 digits
#: Lists of ten lists of ten lists …: few bytes, and more values than memory holds.
LAUGHS = (
    b"]q\x01"
    + text("ha")
    + b"a"
    + b"".join(b"0](" + bytes([104, n - 1]) * 10 + bytes([101, 113, n]) for n in range(2, 30))
)


def checkpoint(path: Path, program: bytes, deflated: bool = False, storage: bytes = b"\0" * 8) -> Path:
    """A zip as torch writes it, around a pickle of one's own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", program)
        archive.writestr("archive/version", b"3\n")
        archive.writestr("archive/data/0", storage)
    return path


def net(further: bytes = b"", state: bytes = b"", key: str = "weight") -> bytes:
    return b"\x80\x02}" + text("net") + ORDERED + text(key) + TENSOR + b"s" + state + b"s" + further + b"."


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02K\x01r\xff\xff\xff\x7f.",  # a memo of 2^31 slots
        b"\x80\x02K\x01p99999999999\n.",
        b"\x80\x02" + name("builtins", "bytearray") + b"\x8a\x05\x00\x00\x00\x00\x7f\x85R.",  # half a terabyte of zeros
        b"\x80\x02" + name("builtins", "bytes") + b"\x8a\x05\x00\x00\x00\x00\x7f\x85R.",
        b"\x80\x02" + name("builtins", "bytes") + text("x") + text("nonsense") + b"\x86R.",
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"x.",
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
        b"\x80\x02\x82\x01)R.",  # the registry of extensions
        b"Pfile:///etc/passwd\n.",  # persistent ids that are no storage
        b"\x80\x02(" + text("module") + name("lib", "X") + text("f") + text("s") + b"tQ.",
        net(TENSOR.replace(text("0"), text("../../0"))[:-2] + b"tR0"),
        net(key="a\nb\x1b[31m"),
        net(key="\ud800"),
        net(key="n" * 100_000),
        b"\x80\x02}" + text("a\nb") + b"K\x01s.",
        b"\x80\x02}" + PLACEHOLDER + b"K\x01s.",
        name("os\x1b[2J", "system") + b")R.",
    ],
)
def test_what_is_refused_is_one_printable_line(tmp_path: Path, program: bytes) -> None:
    path = checkpoint(tmp_path / "crafted.pth", program)
    with pytest.raises(DataError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "program",
    [
        # Attributes of an instance that stand before the methods of its class.
        net(state=b"}" + text("values") + b"K\x05sb"),
        net(state=b"}" + text("items") + name("builtins", "list") + b"sb"),
        b"\x80\x02" + ORDERED + text("net") + ORDERED + text("weight") + TENSOR + b"ss}" + text("get") + b"K\x05sb.",
        net(text("epoch") + NUMBER + b"s"),
        net(text("constructor") + NUMBER + b"s"),
        net(text("constructor") + LAUGHS + b"s"),
        net(text("constructor") + b"]q\x01(" + b"h\x01" * 10 + b"es"),  # a list of itself ten times
        net(text("constructor") + b"]" * 5000 + b"a" * 4999 + b"s"),
        net(text("constructor") + text("x" * 10_000_000) + b"s"),
        net(text("constructor") + PLACEHOLDER + b"q\x01h\x01K\x01ss"),  # itself as its key
    ],
)
def test_what_stands_beside_the_tensors_does_no_harm(tmp_path: Path, program: bytes) -> None:
    read: Checkpoint = read_checkpoint(checkpoint(tmp_path / "crafted.pth", program))
    assert list(read.tensors) == ["weight"]
    assert read.epoch is None
    assert len(json.dumps(read.constructor)) < 2_000_000


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "bomb.pth", net(), deflated=True, storage=bytes(100_000_000))
    with pytest.raises(DataError, match="unpacks to"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(bytes(range(256)) * 20)[:40],  # tarfile would let its EOFError through
        b"PK\x03\x04"
        + bytes(60)
        + b"PK\x05\x06"
        + struct.pack("<4H2LH", 0, 0, 5, 5, 46, 4, 0),  # a directory that is none
    ],
)
def test_containers_that_are_damaged_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.pth"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged\.pth: found"):
        read_checkpoint(path)

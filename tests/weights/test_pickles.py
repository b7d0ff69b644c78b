"""Published checkpoints are read as data; whatever would run is refused, in every disguise, and does not run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trackzoo.errors import DataError
from trackzoo.weights.pickles import Placeholder, UnsafeCheckpoint, read_pickle

LEGACY = ("legacy_checkpoint.pth.tar", "legacy_checkpoint_nonzip.pth.tar")


@pytest.mark.parametrize("name", LEGACY)
def test_imitations_of_official_files_are_read(shared: Path, name: str) -> None:
    checkpoint = read_pickle(shared / "parity" / name)
    net = checkpoint["net"]
    assert len(net) == 8
    assert net["feature_extractor.conv1.weight"].shape == (4, 3, 7, 7)
    assert net["feature_extractor.bn1.num_batches_tracked"] == 123
    assert net["target_model.filter_optimizer.residual_module.filter_reg"].item() == pytest.approx(0.01)
    assert net["decoder.project.conv2.bias"].item() == 0.25
    constructor = checkpoint["constructor"]
    assert isinstance(constructor, Placeholder)
    assert constructor.fun_name == "steepest_descent_resnet50_with_clf_encoder"
    assert constructor.kwds["optim_iter"] == 5
    assert constructor.kwds["detach_length"] == float("inf")
    assert checkpoint["stats"]["train"]["Loss/total"].val == 0.25  # a pickled numpy scalar
    assert checkpoint["settings"].env.origin == "ltr.admin.local.EnvironmentSettings"


def test_malicious_imitation_is_refused_and_does_not_run(shared: Path) -> None:
    trace = Path("/tmp/trackzoo_pwned")
    trace.unlink(missing_ok=True)
    with pytest.raises(UnsafeCheckpoint, match="posix.system") as caught:
        read_pickle(shared / "parity" / "malicious_checkpoint.pth.tar")
    assert not trace.exists()
    assert "\n" not in str(caught.value)


class Reduce:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


class Build:
    """An object whose state goes to `__setstate__` of a class of the attacker's choice."""

    def __reduce__(self) -> tuple[Any, ...]:
        return io.BytesIO, (), (b"", 0, {"x": Reduce(os.system, "true")})


def payloads(trace: Path) -> dict[str, Any]:
    command = f"touch {trace}"
    return {
        "reduce": Reduce(os.system, command),
        "eval": Reduce(eval, f"__import__('os').system('{command}')"),
        "build": Build(),
        "getattr": Reduce(getattr, OrderedDict, "__init__"),
        "nested pickle": Reduce(pickle.loads, pickle.dumps(Reduce(os.system, command))),
        "nested torch": Reduce(torch.storage._load_from_bytes, pickle.dumps(Reduce(os.system, command))),
        "import": Reduce(__import__, "os"),
        "partial": Reduce(__import__("functools").partial, os.system, command),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("depth", ["top", "constructor", "in a list in net"])
@pytest.mark.parametrize("kind", payloads(Path("unused")))
def test_whatever_would_run_is_refused(tmp_path: Path, kind: str, depth: str, zipped: bool) -> None:
    trace, path = tmp_path / "ran", tmp_path / "checkpoint.pth"
    payload = payloads(trace)[kind]
    net = OrderedDict(weight=torch.zeros(2))
    content: Any = {
        "top": payload,
        "constructor": {"net": net, "constructor": payload},
        "in a list in net": {"net": OrderedDict(net, odd=[{"deep": (payload,)}])},
    }[depth]
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeCheckpoint):
        read_pickle(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cposix\nsystem\n(S'true'\ntR.",  # GLOBAL, REDUCE
        b"(S'true'\niposix\nsystem\n.",  # INST
        b"(cposix\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
    ],
)
def test_every_opcode_that_names_a_global_goes_through_the_same_door(tmp_path: Path, program: bytes) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"net": OrderedDict(weight=torch.zeros(1))}, path)
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            target.writestr(name, program if name.endswith("data.pkl") else data)
    with pytest.raises(UnsafeCheckpoint, match="posix.system"):
        read_pickle(path)


def test_tensors_of_every_type_come_back_equal(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(6, 4, generator=generator)
    tensors = {
        "view": base[1:4, ::2],
        "half": base.half(),
        "bfloat": base.bfloat16(),
        "long": torch.arange(5),
        "flags": base > 0,
        "parameter": torch.nn.Parameter(base),
        "scalar": torch.tensor(3.5),
    }
    for zipped in (True, False):
        torch.save(tensors, tmp_path / "t.pth", _use_new_zipfile_serialization=zipped)
        read = read_pickle(tmp_path / "t.pth")
        for name, tensor in tensors.items():
            assert read[name].dtype == tensor.dtype
            assert torch.equal(read[name], tensor.detach()), name


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02", b"PK\x03\x04rubbish"])
def test_files_that_are_no_checkpoint_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rubbish.pth"
    path.write_bytes(content)
    with pytest.raises(DataError, match="rubbish.pth"):
        read_pickle(path)


def test_cut_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    torch.save({"net": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(DataError, match="cut.pth"):
        read_pickle(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_pickle(tmp_path / "nowhere.pth")

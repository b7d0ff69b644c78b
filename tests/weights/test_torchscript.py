"""TorchScript archives as data: their tensors are read, their code is not."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from trackzoo.errors import DataError
from trackzoo.weights.checkpoint import read_checkpoint
from trackzoo.weights.pickles import UnsafeCheckpoint
from trackzoo.weights.torchscript import read_torchscript


class Layer(nn.Module):
    """A parameter of its own, a module, a buffer that is no float."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.randn(6, 2))
        self.ln = nn.LayerNorm(2)
        self.register_buffer("count", torch.tensor(3))

    def forward(self, x: Tensor) -> Tensor:
        """Whatever."""
        out: Tensor = self.ln(x @ self.in_proj_weight[:2])
        return out


class Tower(nn.Module):
    """With values beside its modules, and one list."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.Sequential(Layer(), Layer())
        self.resolution = 336
        self.sides = [1, 2]

    def forward(self, x: Tensor) -> Tensor:
        """Whatever."""
        out: Tensor = self.visual(x) * self.resolution + self.sides[0]
        return out


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize(("how", "half"), [("script", False), ("script", True), ("trace", False)])
def test_tensors_are_those_of_the_state_dict(how: str, half: bool, tmp_path: Path) -> None:
    module = Tower()
    made = torch.jit.script(module.half() if half else module) if how == "script" else None
    made = made or torch.jit.trace(module, torch.randn(1, 2))
    torch.jit.save(made, str(tmp_path / "tower.pt"))
    found = read_checkpoint(tmp_path / "tower.pt").tensors
    wanted = made.state_dict()
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def archive(path: Path, tree: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("tower/data.pkl", tree)
        made.writestr("tower/constants.pkl", b"")
    return path


class Harmful:
    """What a pickle could do to whoever opens it."""

    def __reduce__(self) -> object:
        return (print, ("executed",))


def test_a_pickle_that_names_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnsafeCheckpoint, match="builtins.print|__builtin__.print"):
        read_torchscript(archive(tmp_path / "bad.pt", pickle.dumps(Harmful(), protocol=2)))
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("tree", [b"", b"\x80\x02", b"nonsense", pickle.dumps([1, 2])[:-1]])
def test_broken_archives_are_named(tree: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="broken.pt"):
        read_torchscript(archive(tmp_path / "broken.pt", tree))


def test_storages_that_are_cut_or_absent_are_named(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Tower()), str(tmp_path / "tower.pt"))
    with zipfile.ZipFile(tmp_path / "tower.pt") as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    storage = next(name for name in members if name.endswith("/data/0"))
    for content in (None, members[storage][:4]):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as cut:
            for name, each in members.items():
                if name != storage or content is not None:
                    cut.writestr(name, content if name == storage and content is not None else each)
        (tmp_path / "cut.pt").write_bytes(buffer.getvalue())
        with pytest.raises(DataError, match="cut.pt"):
            read_checkpoint(tmp_path / "cut.pt")

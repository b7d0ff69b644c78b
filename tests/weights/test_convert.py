"""A checkpoint comes into the cache whole, checked and with its facts, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st
from safetensors.torch import load_file, save_file
from tinyplugin import SHAPES, imitation, manifest, tensors

from trackzoo.errors import DataError, TrackzooError
from trackzoo.weights import convert
from trackzoo.weights.cache import present, read_facts, remove, weights_file, weights_folder
from trackzoo.weights.convert import add_weights
from trackzoo.weights.facts import WeightsSpec
from trackzoo.weights.fit import MisfitError
from trackzoo.weights.header import read_header
from trackzoo.weights.pickles import UnsafeCheckpoint


@pytest.fixture
def spec(tmp_path: Path) -> WeightsSpec:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest()))
    return WeightsSpec("tiny", "Tiny", ("tiny",), "tiny.pth", "https://example.org", file, trained_on=("lasot-train",))


def listing() -> list[str]:
    folder = weights_folder()
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.exists() else []


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("training", ["ltr", "dlframework", "lib"])
def test_official_structures_are_converted_with_their_facts(
    spec: WeightsSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: str, zipped: bool
) -> None:
    path = tmp_path / "official.pth.tar"
    torch.save(imitation(monkeypatch, tensors(), training=training), path, _use_new_zipfile_serialization=zipped)
    added = add_weights(spec, path)
    assert added.fresh
    assert added.path == weights_file("tiny")
    kept = load_file(added.path)
    assert set(kept) == set(SHAPES)
    assert all(torch.equal(kept[name], value) for name, value in tensors().items())
    facts = read_facts("tiny")
    assert facts == added.facts
    assert facts.sha256 == hashlib.sha256(added.path.read_bytes()).hexdigest()
    assert facts.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.source == str(path)
    assert facts.epoch == 300
    assert facts.tensors == len(SHAPES)
    if training == "lib":
        assert facts.constructor is None
    else:
        assert facts.constructor["class"] == f"{training}.admin.model_constructor.NetConstructor"
        assert facts.constructor["fun_name"] == "tiny_net"
        assert facts.constructor["kwds"]["optim_iter"] == 5
        assert float(facts.constructor["kwds"]["detach_length"]) == float("inf")
        assert facts.constructor["kwds"]["layers"] == ["a", "b"]
    # Strict JSON, which other programs read too.
    json.loads(weights_file("tiny").with_suffix(".json").read_text(), parse_constant=lambda text: pytest.fail(text))
    inside = json.loads(read_header(added.path).metadata["trackzoo"])
    assert inside["source_sha256"] == facts.source_sha256
    assert inside["trained_on"] == ["lasot-train"]


def test_one_official_file_gives_the_same_bytes_everywhere(
    spec: WeightsSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "a" / "x.pth"
    second = tmp_path / "b" / "y.pth.tar"
    for path in (first, second):
        path.parent.mkdir()
    torch.save(imitation(monkeypatch, tensors()), first)
    second.write_bytes(first.read_bytes())
    one = add_weights(spec, first).facts.sha256
    remove("tiny")
    assert add_weights(spec, second).facts.sha256 == one


Make = Callable[[Path], None]
PLACES: dict[str, Make] = {
    "net": lambda path: torch.save({"net": tensors(), "epoch": 1}, path),
    "model": lambda path: torch.save({"model": tensors()}, path),
    "state_dict": lambda path: torch.save({"state_dict": tensors(), "lr": 0.1}, path),
    "top": lambda path: torch.save(tensors(), path),
    "parallel": lambda path: torch.save({"net": {f"module.{name}": value for name, value in tensors().items()}}, path),
    "parameters": lambda path: torch.save(
        {name: torch.nn.Parameter(value) if value.is_floating_point() else value for name, value in tensors().items()},
        path,
    ),
    "safetensors": lambda path: save_file(dict(tensors()), path),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_tensors_are_found_wherever_they_stand(spec: WeightsSpec, tmp_path: Path, place: str) -> None:
    path = tmp_path / "file.bin"
    PLACES[place](path)
    kept = load_file(add_weights(spec, path).path)
    assert {name: value.tolist() for name, value in kept.items()} == {n: v.tolist() for n, v in tensors().items()}


@pytest.mark.parametrize("name", ["tiny.pth", "model.safetensors", "pytorch_model.bin"])
def test_a_local_folder_of_the_hub_is_taken(spec: WeightsSpec, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    PLACES["safetensors" if name.endswith("safetensors") else "top"](folder / name)
    assert add_weights(spec, folder).facts.source.endswith(name)


def test_what_does_not_fit_is_told_tensor_by_tensor_and_nothing_is_written(spec: WeightsSpec, tmp_path: Path) -> None:
    wrong = tensors()
    del wrong["0.bias"], wrong["1.running_var"]
    wrong["extra.weight"] = torch.zeros(2)
    wrong["0.weight"] = torch.zeros(3, 4)
    wrong["1.num_batches_tracked"] = torch.tensor(7.0)
    path = tmp_path / "wrong.pth"
    torch.save({"net": wrong}, path)
    with pytest.raises(MisfitError) as caught:
        add_weights(spec, path, force=True)
    fit = caught.value.fit
    assert fit.missing == ("0.bias", "1.running_var")
    assert fit.unexpected == ("extra.weight",)
    assert {name: (own, wanted) for name, own, wanted in fit.misshapen} == {
        "0.weight": ("3×4", "4×3"),
        "1.num_batches_tracked": ("a scalar float32", "a scalar int64"),
    }
    assert len(fit.lines(1)) == 5  # each kind's first, and how many more of two kinds
    assert len(str(caught.value).splitlines()) == 1
    assert "2 missing (first 0.bias)" in str(caught.value)
    assert listing() == []


def test_other_precision_shared_memory_and_odd_layouts_are_put_right(spec: WeightsSpec, tmp_path: Path) -> None:
    net: dict[str, Any] = tensors()
    net["0.weight"] = net["0.weight"].half().t().contiguous().t()
    net["1.bias"] = net["1.weight"]
    net["1.running_mean"] = torch.arange(12.0).reshape(4, 3)[:, 1]
    path = tmp_path / "odd.pth"
    torch.save(net, path)
    kept = load_file(add_weights(spec, path).path)
    assert kept["0.weight"].dtype == torch.float32
    assert torch.equal(kept["0.weight"], net["0.weight"].float())
    assert torch.equal(kept["1.bias"], kept["1.weight"])
    assert kept["1.running_mean"].tolist() == [1, 4, 7, 10]


def test_values_that_are_not_finite_are_said(spec: WeightsSpec, tmp_path: Path) -> None:
    net = tensors()
    net["1.bias"][2] = float("nan")
    torch.save(net, tmp_path / "nan.pth")
    [note] = add_weights(spec, tmp_path / "nan.pth").notes
    assert "1.bias" in note


def test_the_malicious_file_is_refused_and_leaves_nothing(spec: WeightsSpec, shared: Path) -> None:
    trace = Path("/tmp/trackzoo_pwned")
    trace.unlink(missing_ok=True)
    with pytest.raises(UnsafeCheckpoint):
        add_weights(spec, shared / "parity" / "malicious_checkpoint.pth.tar", force=True)
    assert not trace.exists()
    assert listing() == []


@pytest.mark.parametrize("name", ["legacy_checkpoint.pth.tar", "legacy_checkpoint_nonzip.pth.tar"])
def test_the_imitations_of_official_files_are_taken(tmp_path: Path, shared: Path, name: str) -> None:
    from trackzoo.weights.checkpoint import read_checkpoint

    entries = read_checkpoint(shared / "parity" / name).entries
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({name: {"shape": each.shape, "dtype": each.dtype} for name, each in entries.items()}))
    facts = add_weights(WeightsSpec("legacy", "L", (), name, "", file), shared / "parity" / name).facts
    assert facts.tensors == 8
    assert facts.constructor["kwds"]["optim_iter"] == 5
    assert facts.constructor["kwds"]["detach_length"] == "inf"


def test_weights_are_replaced_only_when_told(spec: WeightsSpec, tmp_path: Path) -> None:
    first, second = tmp_path / "1.pth", tmp_path / "2.pth"
    torch.save(tensors(1.0), first)
    torch.save(tensors(2.0), second)
    add_weights(spec, first)
    assert not add_weights(spec, first).fresh
    with pytest.raises(TrackzooError, match="--force"):
        add_weights(spec, second)
    assert load_file(weights_file("tiny"))["0.bias"][0] == 1
    add_weights(spec, second, force=True)
    assert load_file(weights_file("tiny"))["0.bias"][0] == 2
    assert remove("tiny") > 0
    assert not present("tiny")
    assert remove("tiny") == 0


def test_a_file_other_than_the_published_one_needs_force(tmp_path: Path, spec: WeightsSpec) -> None:
    from dataclasses import replace

    path = tmp_path / "tiny.pth"
    torch.save(tensors(), path)
    other = replace(spec, sha256="0" * 64)
    with pytest.raises(DataError, match="SHA-256"):
        add_weights(other, path)
    assert add_weights(other, path, force=True).fresh


def test_a_full_disk_leaves_what_was_there(spec: WeightsSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1.pth"
    torch.save(tensors(1.0), path)
    add_weights(spec, path)
    before = listing()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert.os, "fsync", full)
    torch.save(tensors(2.0), path)
    with pytest.raises(TrackzooError, match="No space left"):
        add_weights(spec, path, force=True)
    assert listing() == before
    assert load_file(weights_file("tiny"))["0.bias"][0] == 1
    read_facts("tiny")


def broken(path: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name of a fault, and what writes such a file."""
    yield "empty", lambda: path.write_bytes(b"")
    yield "text", lambda: path.write_text("<html>404</html>")
    yield "no tensors", lambda: torch.save({"epoch": 3, "settings": {"a": 1}}, path)
    yield "a number", lambda: torch.save(3, path)
    yield "one tensor", lambda: torch.save(torch.zeros(3), path)
    yield "not only tensors", lambda: torch.save({"net": {"0.weight": torch.zeros(4, 3), "0.bias": "text"}}, path)
    yield "cut", lambda: (torch.save(tensors(), path), path.write_bytes(path.read_bytes()[:-200]))


@pytest.mark.parametrize("fault", [name for name, _ in broken(Path())])
def test_broken_files_are_one_line(spec: WeightsSpec, tmp_path: Path, fault: str) -> None:
    path = tmp_path / "broken.pth"
    dict(broken(path))[fault]()
    with pytest.raises(DataError) as caught:
        add_weights(spec, path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert listing() == []


def test_a_safetensors_file_that_is_cut_is_refused(spec: WeightsSpec, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    save_file(dict(tensors()), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match="bytes where the header promises"):
        add_weights(spec, path)


def test_nothing_at_that_path(spec: WeightsSpec, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        add_weights(spec, tmp_path / "none.pth")
    with pytest.raises(DataError, match="a folder without weights"):
        add_weights(spec, tmp_path)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
    .map(lambda value: json.dumps(value).encode())
    .map(lambda text: len(text).to_bytes(8, "little") + text)
)
def test_a_header_of_any_bytes_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(data)
    try:
        header = read_header(path)
    except DataError:
        return
    assert all(min(entry.shape, default=0) >= 0 for entry in header.tensors.values())


def test_header_agrees_with_the_format_s_own_reader(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    kinds = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool]
    content = {str(kind): torch.zeros(2, 3).to(kind) for kind in kinds} | {
        "scalar": torch.tensor(1),
        "none": torch.zeros(0),
    }
    save_file(content, path, metadata={"a": "b"})
    header = read_header(path)
    assert header.metadata == {"a": "b"}
    assert {name: (entry.shape, f"torch.{entry.dtype}") for name, entry in header.tensors.items()} == {
        name: (tuple(tensor.shape), str(tensor.dtype)) for name, tensor in content.items()
    }

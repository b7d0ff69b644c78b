"""`trackzoo weights` and runs with weights, as a person types them."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
from fileserver import serving
from safetensors.torch import save
from tinyplugin import imitation, install, tensors

from trackzoo.cli.main import main
from trackzoo.registry import forget

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[..., str]
SYNTH = "synth:sequences=2,length=5"


def here(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line in this process, where torch is loaded already."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(list(map(str, arguments)))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


Install = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs the plugin for this process and its children."""

    def do(*arguments: str) -> None:
        site = install(tmp_path / "site", *arguments)
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("PYTHONPATH", str(site))
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        monkeypatch.chdir(tmp_path)
        forget()

    yield do
    forget()
    for name in [name for name in sys.modules if name.partition(".")[0] == "tinyzoo"]:
        del sys.modules[name]


@pytest.fixture
def tiny(installed: Install) -> Cli:
    """The command line in this process with the plugin installed."""
    installed()
    return here


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tiny.pth.tar"
    torch.save(imitation(monkeypatch, tensors(0.5)), path)
    return path


def test_from_an_official_checkpoint_to_a_report(
    cli: Cli, tiny: Cli, refused: Refused, official: Path, tmp_path: Path
) -> None:
    line = refused(
        cli("run", "-t", "tiny", "-d", SYNTH), "download tiny.pth.tar", "'trackzoo weights add tiny tiny.pth.tar'"
    )
    assert "example.org/zoo" in line
    assert not (tmp_path / "runs").exists()

    done = cli("weights", "add", "tiny", official)
    assert done.returncode == 0, done.stderr
    assert "7 tensors checked and added" in done.stdout
    assert hashlib.sha256(official.read_bytes()).hexdigest() in done.stdout
    [row] = [row for row in json.loads(tiny("weights", "list", "--json").stdout) if row["name"] == "tiny"]
    assert "tiny " in cli("weights", "list").stdout
    assert row["present"]
    assert row["facts"]["constructor"]["kwds"]["optim_iter"] == 5
    assert row["trained_on"] == ["lasot-train", "got10k-vot-train", "tnl2k-train"]

    done = tiny("run", "-t", "tiny", "-d", SYNTH, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    folder = next((tmp_path / "runs" / "tiny").iterdir()) / "ope"
    boxes = np.loadtxt(next(path for path in folder.glob("*.txt") if "_" not in path.stem.replace("-", "")))
    assert np.allclose(np.diff(boxes[:, 0]), 0.5)  # the weights' own bias moved it
    run = json.loads((folder / "run.json").read_text())
    assert run["identity"]["weights"]["name"] == "tiny"
    [digest] = run["identity"]["weights"]["sha256"].values()
    assert digest == row["facts"]["sha256"]
    assert run["weights"]["source_sha256"] == hashlib.sha256(official.read_bytes()).hexdigest()
    assert run["weights"]["trained_on"] == row["trained_on"]
    assert tiny("report").returncode == 0

    # Other weights are another run.
    other = tmp_path / "other.pth"
    torch.save(tensors(2.0), other)
    refused(tiny("run", "-t", "tiny", "-d", SYNTH, "--weights", other), "weights.name", "--new")
    assert tiny("run", "-t", "tiny", "-d", SYNTH, "--weights", other, "--new").returncode == 0
    boxes = np.loadtxt(next(path for path in folder.glob("*.txt") if "_" not in path.stem.replace("-", "")))
    assert np.allclose(np.diff(boxes[:, 0]), 2)

    # Weights that lost a part since never begin a run.
    path = Path(row["path"])
    path.write_bytes(path.read_bytes()[:-4])
    refused(tiny("run", "-t", "tiny", "-d", SYNTH, "--results", "again"), "--force")
    assert not (tmp_path / "again").exists()
    assert "damaged" in tiny("weights", "list").stdout
    assert "removed" in tiny("weights", "remove", "tiny").stdout
    assert "not here" in tiny("weights", "remove", "tiny").stdout


def test_random_weights_are_for_speed_alone(tiny: Cli, refused: Refused, tmp_path: Path) -> None:
    done = tiny("run", "-t", "tiny", "-d", SYNTH, "--random-weights")
    assert done.returncode == 0, done.stderr
    folder = next((tmp_path / "runs" / "tiny").iterdir()) / "ope"
    assert json.loads((folder / "run.json").read_text())["identity"]["weights"]["random"] is True
    records = [json.loads(path.read_text()) for path in folder.glob("*.json") if path.name != "run.json"]
    assert len(records) == 2
    assert all(record["random_weights"] is True for record in records)
    assert tiny("run", "-t", "static", "-d", SYNTH).returncode == 0
    report = tiny("report", "--out", "page")
    assert report.returncode == 0, report.stderr
    assert "random weights: a test of the machinery" in report.stdout
    [row] = [line for line in report.stdout.splitlines() if "tiny" in line and "§" in line]
    assert row.split()[0] == "–", "it has no rank"
    refused(tiny("regress", "save", "base.json", "tiny"), "random weights")
    refused(tiny("export", "out", "--format", "got10k", "--tracker", "tiny", "--dataset", SYNTH), "random weights")
    refused(tiny("run", "-t", "static", "-d", SYNTH, "--random-weights"), "no network")
    refused(tiny("run", "-t", "tiny", "-d", SYNTH, "--random-weights", "--weights", "tiny"), "expected one")


def test_a_variant_without_published_weights_says_so(tiny: Cli, refused: Refused, official: Path) -> None:
    refused(tiny("run", "-t", "tiny-own", "-d", SYNTH), "none are published", "--weights FILE")
    done = tiny("run", "-t", "tiny-own", "-d", SYNTH, "--weights", official)
    assert done.returncode == 0, done.stderr
    refused(tiny("run", "-t", "tiny", "-d", SYNTH, "--weights", "tinny"), "did you mean", "tiny")
    refused(tiny("run", "-t", "tiny", "-d", SYNTH, "--weights", "no/such.pth"), "no such file")


def test_what_does_not_fit_is_listed(tiny: Cli, refused: Refused, tmp_path: Path) -> None:
    wrong = tensors()
    del wrong["1.bias"]
    wrong["head.weight"], wrong["0.weight"] = torch.zeros(3), torch.zeros(4, 8)
    torch.save({"net": wrong}, tmp_path / "wrong.pth")
    done = tiny("weights", "add", "tiny", "wrong.pth")
    refused(done, "1 missing", "1 unexpected", "1 misshapen")
    assert "missing    1.bias" in done.stdout
    assert "unexpected head.weight" in done.stdout
    assert "misshapen  0.weight: found 4×8, expected 4×3" in done.stdout
    assert not json.loads(tiny("weights", "show", "tiny", "--json").stdout)["present"]


def test_a_malicious_file_is_refused_and_does_not_run(
    cli: Cli, tiny: Cli, refused: Refused, shared: Path, tmp_path: Path
) -> None:
    trace = Path("/tmp/trackzoo_pwned")
    trace.unlink(missing_ok=True)
    # As a process, the way a person would meet it.
    refused(cli("weights", "add", "tiny", shared / "parity" / "malicious_checkpoint.pth.tar"), "posix.system")
    refused(
        tiny("run", "-t", "tiny", "-d", SYNTH, "--weights", shared / "parity" / "malicious_checkpoint.pth.tar"),
        "posix.system",
    )
    assert not trace.exists()


def test_get_says_where_there_is_only_a_page(tiny: Cli, refused: Refused) -> None:
    refused(
        tiny("weights", "get", "tiny", "--yes"),
        "https://example.org/zoo", "tiny.pth.tar", "trackzoo weights add tiny tiny.pth.tar",
    )  # fmt: skip
    refused(tiny("weights", "get", "tiny", "--from-hub"), "not on the hub")
    refused(tiny("weights", "get", "tiny-hub"), "--yes", "owner/tiny")
    refused(tiny("weights", "get", "tinny"), "did you mean tiny")


def test_get_fetches_asks_and_goes_on(installed: Install, refused: Refused, official: Path) -> None:
    content = official.read_bytes()
    with serving(content, stop_after=len(content) // 2) as served:
        installed(served.address, hashlib.sha256(content).hexdigest())
        tiny = here
        refused(tiny("weights", "get", "tiny-direct"), "--yes", "MIT", served.address)
        assert served.requests == []
        refused(tiny("weights", "get", "tiny-direct", "--yes"), "broke off", "goes on from there")
        served.stop_after = None
        done = tiny("weights", "get", "tiny-direct", "--yes")
        assert done.returncode == 0, done.stderr
        assert served.requests[-1]["Range"] == f"bytes={len(content) // 2}-"
        assert "7 tensors checked and added" in done.stdout
        count = len(served.requests)
        assert "here already" in tiny("weights", "get", "tiny-direct", "--yes").stdout
        assert len(served.requests) == count
        served.content, served.etag = content + b"x", '"two"'
        refused(tiny("weights", "get", "tiny-direct", "--yes", "--force"), "SHA-256")
    assert json.loads(tiny("weights", "show", "tiny-direct", "--json").stdout)["present"]


def test_backbones_come_from_the_hub(cli: Cli, refused: Refused, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    site = install(tmp_path / "site")
    data = save(dict(tensors()))
    with serving(data, hub=True, etag=f'"{hashlib.sha256(data).hexdigest()}"') as served:
        world = {
            "PYTHONPATH": str(site), "HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": served.address, "HF_TOKEN": "",
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        refused(cli("weights", "get", "tiny-hub", "--yes", **world, HF_HUB_OFFLINE="1"), "weights add NAME FOLDER")
        assert served.requests == []
        done = cli("weights", "get", "tiny-hub", "--yes", **world)
        assert done.returncode == 0, done.stderr
        assert any("/owner/tiny/resolve/" in path for path in served.paths)
    assert "7 tensors checked and added" in done.stdout
    # What the client has in its own cache does without a network.
    done = cli("weights", "get", "tiny-hub", "--from-hub", "--force", "--yes", **world, HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr


def test_a_local_folder_of_the_hub_needs_no_client(tiny: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    folder = tmp_path / "snapshot"
    folder.mkdir()
    named = {f"encoder.{name}": value for name, value in tensors().items()} | {"head.weight": torch.zeros(2)}
    (folder / "model.safetensors").write_bytes(save(named))
    done = tiny("weights", "add", "tiny-renamed", folder)
    assert done.returncode == 0, done.stderr


def test_without_the_hub_s_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from trackzoo.errors import TrackzooError
    from trackzoo.weights.hub import hub_file

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(TrackzooError, match=r"pip install 'trackzoo\[hub\]'"):
        hub_file("owner/name", "model.safetensors")


def test_nothing_heavy_is_imported_to_list_them(tmp_path: Path) -> None:
    program = (
        "import sys; from trackzoo.cli.main import cli; cli(['weights', 'list'], standalone_mode=False); "
        "print([name for name in ('torch', 'safetensors', 'huggingface_hub', 'cv2', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert "ostrack-256" in done.stdout

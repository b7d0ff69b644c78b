"""`trackzoo verify`: what it compares, what it refuses, and that it can fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from trackzoo.errors import DataError, UnknownName
from trackzoo.parity.target import Certificate
from trackzoo.parity.targets import target, targets

PACKAGED = {name: target(name).packaged for name in ("ostrack-256", "ostrack-384", "procontext", "jn-256")}


def run(*arguments: str | Path) -> Result:
    from trackzoo.cli.verify import verify

    return CliRunner().invoke(verify, [str(argument) for argument in arguments], standalone_mode=False)


def folder(place: Path, name: str, *files: str, **about: Any) -> Path:
    """A folder of goldens with some of the packaged files and a case of its own."""
    place.mkdir(exist_ok=True)
    for file in files:
        shutil.copy(PACKAGED[name] / file, place)
    case = json.loads((PACKAGED[name] / "case.json").read_text())
    (place / "case.json").write_text(json.dumps({**case, **about}))
    return place


def change(place: Path, file: str, key: str, how: Callable[[Any], Any]) -> None:
    with np.load(place / file) as content:
        arrays = {name: content[name] for name in content.files}
    arrays[key] = how(arrays[key])
    (place / file).unlink()
    np.savez(place / file, **arrays)


def statuses(certificate: Certificate) -> dict[str, str]:
    return {f"{row.file}/{row.array}": row.status for row in certificate.rows}


def test_targets_are_more_than_trackers() -> None:
    listed = run().stdout.split()
    assert set(listed) == set(targets())
    assert {"metrics", "ostrack-256", "ostrack-384", "procontext", "jn-256"} <= set(listed)
    with pytest.raises(UnknownName, match="did you mean ostrack"):
        target("ostrak-256")


@pytest.mark.parametrize("name", ["ostrack-256", "jn-256"])
def test_pieces_agree_and_what_is_absent_is_skipped(name: str, tmp_path: Path) -> None:
    certificate = target(name).verify(folder(tmp_path, name, "pieces.npz"))
    assert certificate.passed
    assert certificate.compared >= 11
    found = statuses(certificate)
    assert found["stage/x_crop"] == "skipped"
    assert found["track/boxes"] == "skipped"
    assert {row.status for row in certificate.rows} == {"agrees", "skipped", "input"}


@pytest.mark.parametrize(
    ("name", "lost", "computed"),
    [
        ("ostrack-256", "heat_boxes", "giou_loss"),
        ("procontext", "crop_boxes", "crop_thumb"),
        ("jn-256", "loss_label", "loss_l1"),
    ],
)
def test_what_needs_an_absent_input_is_skipped(name: str, lost: str, computed: str, tmp_path: Path) -> None:
    place = folder(tmp_path, name, "pieces.npz")
    with np.load(place / "pieces.npz") as content:
        arrays = {key: content[key] for key in content.files if key != lost}
    (place / "pieces.npz").unlink()
    np.savez(place / "pieces.npz", **arrays)
    done = run(name, "--goldens", place)
    assert done.return_value == 0
    [line] = [line for line in done.stdout.splitlines() if line.split()[1:2] == [computed]]
    assert line.endswith(f"cannot be computed without {lost}")


@pytest.mark.parametrize(
    ("key", "how"),
    [
        ("crop_thumb", lambda a: a ^ 1),
        ("clip_out", lambda a: a + 1e-6),
        ("heat_256", lambda a: a * 0.999),
        ("keep_rate_20_50", lambda a: a + 1e-9),
        ("center_GT_BOX_128", lambda a: a[:-1]),
        ("pos_interp_9", lambda a: a + 1e-4),
        ("giou_loss", lambda a: a * np.nan),
    ],
)
def test_a_changed_array_is_found(key: str, how: Callable[[Any], Any], tmp_path: Path) -> None:
    place = folder(tmp_path, "ostrack-256", "pieces.npz")
    change(place, "pieces.npz", key, how)
    done = run("ostrack-256", "--goldens", place, "--quiet")
    assert done.return_value == 1
    assert [line.split()[1] for line in done.stdout.splitlines() if "DIFFERS" in line] == [key]


def test_nothing_compared_is_a_failure(tmp_path: Path) -> None:
    done = run("ostrack-256", "--goldens", folder(tmp_path, "ostrack-256"))
    assert done.return_value == 1
    assert "nothing was compared" in done.stdout


def test_arrays_that_nobody_knows_are_listed(tmp_path: Path) -> None:
    place = folder(tmp_path, "ostrack-256", "pieces.npz")
    with np.load(place / "pieces.npz") as content:
        arrays = {**{name: content[name] for name in content.files}, "novelty": np.ones(3)}
    np.savez(place / "pieces.npz", **arrays)
    np.savez(place / "other.npz", thing=np.ones(2))
    certificate = target("ostrack-256").verify(place)
    found = statuses(certificate)
    assert found["pieces/novelty"] == "unknown"
    assert found["other/thing"] == "unknown"
    assert certificate.passed


def test_salt_and_scene_are_the_folders_own(tmp_path: Path) -> None:
    """Another salt changes what depends on parameters, another scene what depends on pixels, and nothing else."""
    salted = target("ostrack-256").verify(folder(tmp_path / "salt", "ostrack-256", "pieces.npz", salt="another"))
    off = {row.array for row in salted.rows if row.status == "differs"}
    assert off == {f"pos_interp_{side}" for side in (8, 9, 12, 16, 24)}
    moved = target("ostrack-256").verify(folder(tmp_path / "scene", "ostrack-256", "pieces.npz", scene_seed=2))
    off = {row.array for row in moved.rows if row.status == "differs"}
    assert off == {"crop_channel_sums", "crop_thumb", "train_multiscale_sums"}


@pytest.mark.parametrize(
    ("break_it", "needle"),
    [
        (lambda place: (place / "case.json").unlink(), "case.json"),
        (lambda place: (place / "case.json").write_text("{"), "case.json"),
        (lambda place: (place / "case.json").write_text('{"salt": "x", "scene_seed": "1"}'), "scene_seed"),
        (lambda place: (place / "case.json").write_text('["x"]'), "JSON"),
        (lambda place: (place / "pieces.npz").write_bytes(b"PK\3\4 cut"), "pieces.npz"),
        (lambda place: (place / "pieces.npz").write_bytes(b""), "pieces.npz"),
        (lambda place: np.savez(place / "pieces.npz", clip_in=np.array([object()])), "pieces.npz"),
        (lambda place: shutil.rmtree(place), "no such folder"),
    ],
)
def test_a_broken_folder_is_refused_in_one_line(
    break_it: Callable[[Path], object], needle: str, tmp_path: Path
) -> None:
    place = folder(tmp_path / "goldens", "ostrack-256", "pieces.npz")
    break_it(place)
    with pytest.raises(DataError, match=needle) as caught:
        target("ostrack-256").verify(place)
    assert "\n" not in str(caught.value)


def test_a_manifest_of_another_network_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path, "ostrack-256", "track.npz", "manifest.json")
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["backbone.extra"] = manifest.pop("backbone.norm.bias")
    (place / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"backbone\.(extra|norm\.bias)"):
        target("ostrack-256").verify(place)


def test_metrics_are_a_target(tmp_path: Path) -> None:
    from trackzoo.metrics.verify import packaged

    shutil.copy(next(packaged().glob("golden_ope_got10k*")), tmp_path)
    done = run("metrics", "--goldens", tmp_path)
    assert done.return_value == 0, done.stdout
    assert "agrees" in done.stdout


def test_ostrack_256_is_what_its_authors_released() -> None:
    """The whole certificate: crops, encoder, head, eliminations, and the track over twelve frames."""
    certificate = target("ostrack-256").verify()
    assert [row for row in certificate.rows if row.status not in ("agrees", "input")] == []
    assert certificate.compared == 100


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arrays"), [("ostrack-384", 66), ("procontext", 124), ("jn-256", 36)])
def test_the_larger_ones_too(name: str, arrays: int) -> None:
    certificate = target(name).verify()
    assert [row for row in certificate.rows if row.status in ("differs", "unknown")] == []
    assert certificate.compared == arrays


@pytest.mark.slow
def test_any_folder_of_the_format_is_a_case(tmp_path: Path, load_benchmark: Callable[[str], ModuleType]) -> None:
    """A track of another salt and scene, made by the benchmark's plain loop, which shares no network code with ours."""
    from trackzoo.parity.case import Case
    from trackzoo.trackers.ostrack.model import OSTrack
    from trackzoo.trackers.ostrack.tracker import OSTrackTracker

    place = folder(tmp_path, "ostrack-256", salt="elsewhere", scene_seed=5)
    case = Case(place, PACKAGED["ostrack-256"])
    video, boxes, _ = case.scene
    plain = load_benchmark("onestream").Plain(OSTrackTracker(weights=case.fill(OSTrack())))
    track = np.stack([boxes[0], *plain.track(video, boxes[0])])
    np.savez(place / "track.npz", boxes=track, init_box=boxes[0])
    done = run("ostrack-256", "--goldens", place)
    assert done.return_value == 0, done.stdout
    np.savez(place / "track.npz", boxes=track + 0.03, init_box=boxes[0])
    assert run("ostrack-256", "--goldens", place, "-q").return_value == 1


@pytest.mark.slow
def test_half_precision_is_found_out(tmp_path: Path) -> None:
    """Each map is computed in the precision that was asked for, and tells so."""
    place = folder(tmp_path, "ostrack-256", "stage.npz")
    done = run("ostrack-256", "--goldens", place, "--dtype", "bf16", "-q")
    assert done.return_value == 1
    for array in ("score_map", "embed_sub", "block11_template_sub"):
        assert array in done.stdout
    assert "z0_crop" not in done.stdout

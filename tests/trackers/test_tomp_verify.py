"""`trackzoo verify tomp-50 | tomp-l-22 | tomp-l-27`: what the authors' classes gave."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from trackzoo.errors import DataError
from trackzoo.parity.target import Certificate
from trackzoo.parity.targets import target
from trackzoo.trackers.tomp.verify import OWNERS


def statuses(certificate: Certificate) -> dict[str, str]:
    return {f"{row.file}/{row.array}": row.status for row in certificate.rows}


def folder(place: Path, name: str, *files: str, **about: object) -> Path:
    packaged = target(name).packaged
    for file in files:
        shutil.copy(packaged / file, place)
    case = json.loads((packaged / "case.json").read_text())
    (place / "case.json").write_text(json.dumps({**case, **about}))
    return place


def test_tomp_50_agrees() -> None:
    certificate = target("tomp-50").verify()
    assert certificate.passed, [row for row in certificate.rows if row.status == "differs"]
    assert certificate.compared == 45
    assert not certificate.count("unknown")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("tomp-l-27", 47), ("tomp-l-22", 44)])
def test_tomp_l_agrees(name: str, count: int) -> None:
    certificate = target(name).verify()
    assert certificate.passed, [row for row in certificate.rows if row.status == "differs"]
    assert certificate.compared == count
    assert not certificate.count("unknown")


def test_targets_share_a_folder(tmp_path: Path) -> None:
    """Files of the other targets are said to be theirs, and every file that has no owner is listed as not compared."""
    place = folder(tmp_path, "tomp-l-27")
    for file in (*OWNERS, "novelty"):
        np.savez(place / f"{file}.npz", clip_feature=np.ones(3))
    for name, mine in (
        ("tomp-l-27", {"stage_tomp_l", "tracker_tomp_l"}),
        ("tomp-l-22", {"stage_tomp_l22", "tracker_tomp_l22"}),
    ):
        found = statuses(target(name).verify(place))
        for file in OWNERS:
            assert found[f"{file}/clip_feature"] == ("unknown" if file in mine else "elsewhere"), (name, file)
        assert found["novelty/clip_feature"] == "unknown"
        assert found[f"{min(mine)}/scores"] == "skipped"


def test_another_case_needs_its_own_inputs(tmp_path: Path) -> None:
    place = folder(tmp_path, "tomp-50", "stage.npz")
    with np.load(place / "stage.npz") as content:
        arrays = {name: content[name] for name in content.files if name != "window_yx"}
    np.savez(place / "stage.npz", **arrays)
    with pytest.raises(DataError, match="stages without 'window_yx'") as caught:
        target("tomp-50").verify(place)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_salt_scene_and_the_marks_key_are_the_folders_own(tmp_path: Path) -> None:
    """Another salt or scene changes what depends on them; a manifest without the test token makes a network without."""
    place = folder(tmp_path, "tomp-50", "stage.npz", "tracker.npz", salt="another")
    off = {row.array for row in target("tomp-50").verify(place).rows if row.status == "differs"}
    assert {"scores", "bbox", "backbone_test_sub"} <= off
    assert not off & {"train_label", "pos_encoding", "init_label", "init_box"}
    place = folder(tmp_path, "tomp-50", "tracker.npz", scene_seed=2)
    assert "init_feat_sub" in {row.array for row in target("tomp-50").verify(place).rows if row.status == "differs"}
    place = folder(tmp_path, "tomp-50", "stage.npz", "manifest.json")
    (place / "tracker.npz").unlink()
    entries = json.loads((place / "manifest.json").read_text())
    del entries["head.filter_predictor.query_embed_test.weight"]
    (place / "manifest.json").write_text(json.dumps(entries))
    found = statuses(target("tomp-50").verify(place))
    assert found["stage/scores"] == "differs"
    assert found["stage/head_test_sub"] == "agrees"

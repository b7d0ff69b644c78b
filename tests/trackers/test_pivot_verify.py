"""`trackzoo verify` of PiVOT's targets: on the packaged goldens, on parts of them, and that it can fail; lanes at full size."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from moving import follow, moving
from smallpivot import GOLDENS

from trackzoo.parity.target import Certificate
from trackzoo.parity.targets import target
from trackzoo.registry import tracker


def folder(place: Path, name: str, *files: str) -> Path:
    """A folder with some of the packaged files."""
    place.mkdir(exist_ok=True)
    for file in ("case.json", *files):
        shutil.copy(GOLDENS / name / file, place)
    return place


def change(place: Path, file: str, how: Callable[[dict[str, Any]], None]) -> None:
    """Change a file's arrays in place."""
    with np.load(place / file) as content:
        arrays = {name: content[name] for name in content.files}
    how(arrays)
    (place / file).unlink()
    np.savez(place / file, **arrays)


def statuses(certificate: Certificate) -> dict[str, str]:
    return {f"{row.file}/{row.array}": row.status for row in certificate.rows}


def test_pivot_50_agrees(tmp_path: Path) -> None:
    """Stage, losses, refinement, eleven frames with the stand-in for CLIP."""
    certificate = target("pivot-50").verify(folder(tmp_path, "pivot50", "stage.npz", "tpr.npz", "tracker_pool.npz"))
    assert [row for row in certificate.rows if row.status in ("differs", "unknown")] == []
    assert certificate.compared == 159
    assert statuses(certificate)["tracker_clip/bbox"] == "skipped"


def test_refinement_of_the_large_grid_agrees(tmp_path: Path) -> None:
    certificate = target("pivot-l-27").verify(folder(tmp_path, "pivot_l", "tpr.npz"))
    assert certificate.passed
    assert certificate.compared == 20


def test_what_changes_is_found_and_what_is_absent_is_left_out(tmp_path: Path) -> None:
    place = folder(tmp_path, "pivot50", "tpr.npz")

    def how(arrays: dict[str, Any]) -> None:
        arrays["c0_coords"] = arrays["c0_coords"][::-1]
        arrays["c1_wh"] = arrays["c1_wh"] + 2
        arrays["c2_sim"] = arrays["c2_sim"] * 1.01
        del arrays["c3_refined"], arrays["c1_ref"], arrays["c1_sim"], arrays["c1_refined"]
        arrays["c9_novelty"] = np.ones(2)

    change(place, "tpr.npz", how)
    certificate = target("pivot-50").verify(place)
    found = statuses(certificate)
    assert {name for name, status in found.items() if status == "differs"} == {
        "tpr/c0_coords",
        "tpr/c1_wh",
        "tpr/c2_sim",
    }
    assert found["tpr/c9_novelty"] == "unknown"
    assert found["tpr/c3_coords"] == "agrees"
    assert not certificate.passed


def test_files_of_other_targets_are_no_failures(tmp_path: Path) -> None:
    place = folder(tmp_path, "pivot_l", "tpr.npz", "stage_l22.npz")
    for name in ("stage_tomp_l.npz", "tracker_tomp_l22.npz"):
        np.savez(place / name, scores=np.ones(2))
    found = statuses(target("pivot-l-27").verify(place))
    assert found["stage_l22/scores"] == found["stage_tomp_l/scores"] == found["tracker_tomp_l22/scores"] == "elsewhere"
    (place / "stage_l22.npz").unlink()
    found = statuses(target("pivot-l-22").verify(place))
    assert found["tpr/c0_coords"] == found["tracker_tomp_l22/scores"] == "elsewhere"
    assert found["stage_l22/scores"] == "skipped"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("pivot-50", 214), ("pivot-l-22", 37), ("pivot-l-27", 178)])
def test_whole_targets_agree(name: str, least: int) -> None:
    """With CLIP, and DINOv2 for the large ones: minutes."""
    certificate = target(name).verify()
    assert [row for row in certificate.rows if row.status in ("differs", "unknown")] == []
    assert certificate.compared >= least


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "lanes", "length"), [("pivot-50", (4, 16), 6), ("pivot-l-22", (2,), 4), ("pivot-l-27", (2,), 4)]
)
def test_lanes_agree_at_full_size(variant: str, lanes: tuple[int, ...], length: int) -> None:
    """With the packaged case's parameters and the stand-in for CLIP. The L variants: templates are ready at the last frame."""
    from trackzoo.parity.case import Case
    from trackzoo.trackers.pivot.build import unfilled

    choice = tracker(variant)
    place = GOLDENS / ("pivot50" if variant == "pivot-50" else "pivot_l")
    network = unfilled(choice.settings.get("backbone", "resnet50"), choice.settings.get("side", 18))
    # Frames are sure, so that templates come early.
    sure = {"target_not_found_threshold": -1e9, "distractor_threshold": 1e9, "newimSimThr": 0.0}
    loaded = choice.load(weights=Case(place, place).fill(network), clip="pooled", **sure)
    videos = [moving(seed, length=length, size=(200, 150), side=30 + seed) for seed in range(max(lanes))]
    alone = [follow(loaded, [video])[0] for video in videos[: min(lanes)]]
    for count in lanes:
        together = follow(loaded, videos[:count])
        for own, boxes in zip(alone, together, strict=False):
            np.testing.assert_allclose(boxes, own, atol=5e-3)

"""Every profile gives the numbers of the toolkit that it is named after."""

from __future__ import annotations

import gzip
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from trackzoo.errors import DataError, TrackzooError
from trackzoo.metrics import PROFILES
from trackzoo.metrics.comparison import Row
from trackzoo.metrics.verify import packaged, verify

GOLDENS = sorted(path.name for path in packaged().glob("golden_*.json.gz"))


def alone(folder: Path, name: str, **changes: Any) -> Path:
    """A folder with one golden file, some of its top-level entries changed."""
    content = json.loads(gzip.decompress((packaged() / name).read_bytes()))
    for path, value in changes.items():
        *parents, last = path.split("__")
        entry = content
        for key in parents:
            entry = entry[key]
        entry[last] = value
    (folder / name.removesuffix(".gz")).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("name", GOLDENS)
def test_agrees_with_the_toolkit(name: str, tmp_path: Path) -> None:
    shutil.copy(packaged() / name, tmp_path)
    rows = verify(tmp_path)
    assert rows
    assert [row for row in rows if row.status != "agrees"] == []
    assert all(row.numbers > 40 for row in rows)


def test_every_profile_of_a_toolkit_is_held_by_a_golden() -> None:
    names = " ".join(GOLDENS)
    for name in PROFILES:
        if name not in ("strict", "stark"):
            assert name.replace("-", "_") in names
    assert "pytracking" in names  # it holds stark too, see the next test


def test_both_seeds_and_all_data_sets_are_there(tmp_path: Path) -> None:
    shutil.copy(packaged() / "golden_ope_pytracking_seed2.json.gz", tmp_path)
    cases = {(row.profile, row.case.split()[1]) for row in verify(tmp_path)}
    datasets = ("lasot", "lasot_extension_subset", "uav", "otb", "got10k", "trackingnet")
    assert cases == {(profile, dataset) for profile in ("pytracking", "stark") for dataset in datasets}


def test_the_command_says_case_profile_and_deviation(tmp_path: Path, cli: Any) -> None:
    shutil.copy(packaged() / "golden_vos_seed1.json.gz", tmp_path)
    done = cli("verify", "metrics", "--goldens", tmp_path)
    heading, *rows, summary = [line.split() for line in done.stdout.splitlines()]
    assert heading[:2] == ["case", "profile"]
    assert [row[2:4] for row in rows] == [[name, "agrees"] for name in ("davis", "vos-benchmark", "pytracking-vos")]
    assert all(float(row[4]) < 1e-12 for row in rows)
    assert summary[:4] == ["metrics:", "3", "of", "3"]


def only(rows: list[Row], profile: str) -> Row:
    [row] = [row for row in rows if row.profile == profile]
    return row


def test_another_number_differs(tmp_path: Path) -> None:
    name = "golden_ope_lasot_matlab_seed1.json.gz"
    row = only(verify(alone(tmp_path, name, trackers__tight__auc=0.5)), "lasot-matlab")
    assert row.status == "differs"
    assert "tight auc" in row.text
    assert row.deviation > 0.1


def test_the_last_bit_of_a_count_matters(tmp_path: Path) -> None:
    name = "golden_ope_lasot_matlab_seed1.json.gz"
    content = json.loads(gzip.decompress((packaged() / name).read_bytes()))
    curve = content["trackers"]["loose"]["seq_success"]
    curve[0][3] = math.nextafter(curve[0][3], 1)
    row = only(verify(alone(tmp_path, name, trackers__loose__seq_success=curve)), "lasot-matlab")
    assert row.status == "differs"
    assert "loose seq_success at 0,3" in row.text


def test_input_that_the_toolkit_refuses_must_be_refused(tmp_path: Path) -> None:
    changes = {"trackers__tight": {"error": "made up"}}
    row = only(verify(alone(tmp_path, "golden_ope_lasot_matlab_seed1.json.gz", **changes)), "lasot-matlab")
    assert row.status == "differs"
    assert "accepted, although the toolkit raises" in row.text


def test_another_case_is_skipped_and_nothing_compared_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(TrackzooError, match="nothing could be compared.*digests differ"):
        verify(alone(tmp_path, "golden_ope_lasot_matlab_seed1.json.gz", case_digest="0" * 64))


def test_unknown_kinds_and_keys_are_listed_as_skipped(tmp_path: Path) -> None:
    alone(tmp_path, "golden_ope_lasot_matlab_seed1.json.gz", trackers__tight__novelty=1.0)
    (tmp_path / "golden_other_seed1.json").write_text("{}")
    rows = verify(tmp_path)
    assert [row.status for row in rows] == ["agrees", "skipped", "skipped"]
    assert "tight novelty" in rows[1].text
    assert rows[2].case == "golden_other_seed1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seed": 1}'])
def test_a_broken_golden_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "golden_ope_pysot_seed1.json").write_text(text)
    with pytest.raises(DataError, match=r"golden_ope_pysot_seed1\.json: found"):
        verify(tmp_path)


def test_a_folder_without_goldens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file golden_\*\.json"):
        verify(tmp_path)

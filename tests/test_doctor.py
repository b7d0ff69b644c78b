"""`trackzoo doctor`: an examination that a person can act on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trackzoo import doctor
from trackzoo.config import update_config

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_good_machine_is_not_broken(cli: Cli) -> None:
    done = cli("doctor")
    assert done.returncode == 0, done.stdout
    assert "Nothing is broken" in done.stdout
    for name in ("torch", "cpu", "config", "TRACKZOO_DATA"):
        assert name in done.stdout


def test_json_names_every_registered_dataset_and_tracker(cli: Cli) -> None:
    from trackzoo.registry import dataset_specs, refiner_names, tracker_names

    findings = json.loads(cli("doctor", "--json").stdout)
    assert {line["name"] for line in findings if line["group"] == "data"} == set(dataset_specs())
    assert {line["name"] for line in findings if line["group"] == "trackers"} == set(tracker_names())
    assert {line["name"] for line in findings if line["group"] == "refiners"} == set(refiner_names())


def test_what_is_missing_comes_with_the_command_that_mends_it() -> None:
    missing = [finding for finding in doctor.data() if finding.state == "missing"]
    assert missing
    assert all(finding.mend == f"trackzoo datasets add {finding.name} DIR" for finding in missing)


def test_a_root_that_went_away_is_broken(tmp_path: Path) -> None:
    update_config("data", {"lasot": str(tmp_path / "gone")})
    [finding] = [finding for finding in doctor.data() if finding.name == "lasot"]
    assert finding.state == "broken"
    assert str(tmp_path / "gone") in finding.text


def test_a_missing_requirement_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_requirements", lambda: [("no-such-distribution", False), ("no-such-extra", True)])
    found = {finding.name: finding for finding in doctor.software()}
    assert found["no-such-distribution"].state == "broken"
    assert found["no-such-distribution"].mend == "pip install no-such-distribution"
    assert found["no-such-extra"].state == "missing"

"""`trackzoo inspect`: the probes of the one-stream trackers as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from trackzoo.errors import SettingsError, TrackzooError, UnknownName

NARROW = "encoder={width=48,depth=12,heads=3}"


def run(*arguments: Any) -> Result:
    from trackzoo.cli.inspect import inspect

    return CliRunner().invoke(inspect, [str(each) for each in arguments], standalone_mode=False)


@pytest.mark.parametrize(
    ("tracker", "kinds"),
    [
        ("procontext-256", {"templates", "survivors", "response"}),
        ("jn-256", {"templates", "response", "distributions", "target-token", "search-attention"}),
    ],
)
def test_pictures(tracker: str, kinds: set[str], tmp_path: Path) -> None:
    done = run(tracker, "--random-weights", "--set", NARROW, "--frames", "1,3", "--out", tmp_path / "new")
    assert done.exception is None, done.exception
    files = sorted((tmp_path / "new").glob("*.png"))
    assert sorted(done.stdout.split()) == [str(path) for path in files]
    assert {path.name.split("-0000")[1][2:-4] for path in files} == kinds
    assert len(files) == 2 * len(kinds)
    for path in files:
        assert np.asarray(Image.open(path).convert("L")).std() > 5  # something is drawn


@pytest.mark.parametrize(
    ("arguments", "error", "needle"),
    [
        (["jn-256", "--frames", "0"], SettingsError, "--frames: found '0'"),
        (["jn-256", "--frames", "1,x"], SettingsError, "--frames"),
        (["jn-256", "--frames", "99999"], SettingsError, "has frames 0 to"),
        (["jn-256", "--sequence", "nowhere"], UnknownName, "nowhere"),
        (["static"], TrackzooError, "no network|nothing that can be drawn"),
    ],
)
def test_mistakes_are_refused(arguments: list[str], error: type[Exception], needle: str, tmp_path: Path) -> None:
    done = run(*arguments, "--random-weights", "--set", NARROW, "--out", tmp_path / "new")
    assert isinstance(done.exception, error)
    with pytest.raises(error, match=needle):
        raise done.exception
    assert not (tmp_path / "new").exists()

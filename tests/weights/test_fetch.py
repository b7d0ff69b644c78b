"""A transfer goes on where it was stopped, and what arrives is the file that was meant, or an error in one line."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest
from fileserver import serving

from trackzoo.errors import DataError, TrackzooError
from trackzoo.weights import fetch as module
from trackzoo.weights.fetch import fetch

CONTENT = bytes(range(256)) * 40
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "file.pth"


def alone(target: Path) -> bool:
    """Whether nothing lies beside the file."""
    return [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_file_comes_whole_and_progress_is_told(target: Path) -> None:
    told: list[tuple[int, int | None]] = []
    with serving(CONTENT) as served:
        assert fetch(f"{served.address}/x", target, sha256=SHA, progress=lambda *now: told.append(now)) == target
    assert target.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert alone(target)


def test_a_stopped_transfer_goes_on(target: Path) -> None:
    with serving(CONTENT, stop_after=3000) as served:
        address = f"{served.address}/x"
        with pytest.raises(TrackzooError, match=r"3000 of 10240 bytes; the same command goes on"):
            fetch(address, target, sha256=SHA)
        assert not target.exists()
        served.stop_after = None
        fetch(address, target, sha256=SHA)
        assert served.requests[-1]["Range"] == "bytes=3000-"
    assert target.read_bytes() == CONTENT
    assert alone(target)


def test_all_had_come_before_it_was_stopped(target: Path) -> None:
    with serving(CONTENT, stop_after=3000) as served:
        with pytest.raises(TrackzooError):
            fetch(f"{served.address}/x", target)
        target.with_name("file.pth.part").write_bytes(CONTENT)
        served.stop_after = None
        fetch(f"{served.address}/x", target, sha256=SHA)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("change", ["another file", "no ranges", "no mark", "longer than the file"])
def test_it_begins_afresh_where_the_rest_would_not_fit(target: Path, change: str) -> None:
    with serving(b"old" * 2000, stop_after=3000) as served:
        if change == "no mark":
            served.etag = ""
        with pytest.raises(TrackzooError):
            fetch(f"{served.address}/x", target)
        served.content, served.stop_after = CONTENT, None
        if change == "another file":
            served.etag = '"two"'
        if change == "no ranges":
            served.ranges = False
        if change == "longer than the file":
            served.content = CONTENT[:2000]
        fetch(f"{served.address}/x", target)
    assert target.read_bytes() == served.content


def test_another_sha256_is_refused_and_deleted(target: Path) -> None:
    with serving(CONTENT) as served, pytest.raises(DataError, match="SHA-256") as caught:
        fetch(f"{served.address}/x", target, sha256="0" * 64)
    assert SHA in str(caught.value)
    assert list(target.parent.iterdir()) == []


def test_what_the_server_refuses_is_said(target: Path) -> None:
    with serving(CONTENT, status=404) as served, pytest.raises(TrackzooError, match="404"):
        fetch(f"{served.address}/x", target)
    assert not target.exists()


def test_no_connection_is_one_line(target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TrackzooError, match="is there a connection") as caught:
        fetch(f"http://127.0.0.1:{port}/x", target)
    assert len(str(caught.value).splitlines()) == 1


def test_redirects_are_followed_but_not_to_other_kinds_of_address(target: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with serving(CONTENT) as served, serving(b"", status=302, location=f"{served.address}/x") as first:
        fetch(f"{first.address}/x", target, sha256=SHA)
        first.location = secret.as_uri()
        with pytest.raises(TrackzooError):
            fetch(f"{first.address}/x", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_server_that_says_nothing_is_given_up(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(TrackzooError, match="broke off after 0 bytes"):
            fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/x", target)


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/x", "x.pth"])
def test_only_http_is_spoken(target: Path, address: str) -> None:
    with pytest.raises(TrackzooError, match="expected http"):
        fetch(address, target)

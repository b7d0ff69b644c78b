"""Archives are unpacked where nothing can leave its folder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from trackzoo.errors import DataError
from trackzoo.importing.archive import is_archive, opened, plain_name, unpack


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def tarred(path: Path, members: dict[str, bytes], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("a.zip", ""), ("a.tar.xz", "w:xz"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar", "w")]
)
def test_whole_archives(tmp_path: Path, name: str, mode: str) -> None:
    members = {"ATOM/deer.txt": b"1,2,3,4\n", "ATOM/sub/b.txt": b"x"}
    path = zipped(tmp_path / name, members) if not mode else tarred(tmp_path / name, members, mode)
    with opened(path) as folder:
        assert (folder / "ATOM/deer.txt").read_bytes() == b"1,2,3,4\n"
        assert folder.name == "a"
    assert not folder.exists()


@pytest.mark.parametrize("bad", ["../out.txt", "/etc/out.txt", "a/../../out.txt", "..\\out.txt", "C:\\out.txt"])
def test_members_that_leave_the_folder_are_refused(tmp_path: Path, bad: str) -> None:
    for path in (
        zipped(tmp_path / "a.zip", {"ok.txt": b"1", bad: b"1"}),
        tarred(tmp_path / "a.tar.xz", {"ok.txt": b"1", bad: b"1"}),
    ):
        target = tmp_path / f"into-{path.name}"
        target.mkdir()
        with pytest.raises(DataError, match="leaves the folder"):
            unpack(path, target)
        assert not list(target.iterdir()), "something was unpacked before all members were looked at"
    assert not (tmp_path / "out.txt").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        info = tarfile.TarInfo("link.txt")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(info)
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as package:
        package.writestr(link, "/etc/passwd")
    for name in ("a.tar", "a.zip"):
        with pytest.raises(DataError, match="a link"), opened(tmp_path / name):
            pass


def test_damaged_archives(tmp_path: Path) -> None:
    whole = tarred(tmp_path / "a.tar.xz", {"ATOM/deer.txt": b"1,2,3,4\n" * 4000}).read_bytes()
    (tmp_path / "cut.tar.xz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "none.zip").write_bytes(b"no zip")
    for name in ("cut.tar.xz", "none.zip"):
        with pytest.raises(DataError, match="cannot be unpacked"), opened(tmp_path / name):
            pass


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "deer.txt").write_text("1,2,3,4\n")
    with pytest.raises(DataError, match="a single file"), opened(tmp_path / "deer.txt"):
        pass
    with pytest.raises(DataError, match="no such"), opened(tmp_path / "nothing"):
        pass


def test_a_folder_of_archives_is_a_folder_of_trackers(tmp_path: Path) -> None:
    tarred(tmp_path / "ATOM.tar.xz", {"deer.txt": b"1,2,3,4\n"})
    zipped(tmp_path / "DiMP.zip", {"deer.txt": b"1,2,3,4\n"})
    with opened(tmp_path) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["ATOM", "DiMP"]
    assert is_archive(Path("x.TAR.XZ"))
    assert plain_name(Path("a.b.tar.gz")) == "a.b"

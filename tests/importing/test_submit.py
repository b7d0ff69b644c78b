"""Servers' packages: built whole or not at all, and checked as the servers' parsers would."""

from __future__ import annotations

import zipfile
from pathlib import Path

import foreign
import numpy as np
import pytest
from PIL import Image

from trackzoo.errors import DataError, ResultsError, TrackzooError
from trackzoo.exporting.servers import SERVERS, Expected, check, split_of
from trackzoo.exporting.submit import build
from trackzoo.importing.run import ForeignRun, Reading
from trackzoo.importing.score import candidates

GOT = ("GOT-10k_Test_000001", "GOT-10k_Test_000002")
LENGTHS = dict(zip(GOT, (5, 4), strict=True))


def package(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def rows(count: int, text: str = "1.000,2.000,3.000,4.000") -> str:
    return f"{text}\n" * count


def got10k(**changes: str | None) -> dict[str, str | bytes]:
    members: dict[str, str | bytes] = {}
    for name, count in LENGTHS.items():
        members[f"{name}/{name}_001.txt"] = rows(count)
        members[f"{name}/{name}_time.txt"] = rows(count, "0.02")
    for name, text in changes.items():
        if text is None:
            del members[name]
        else:
            members[name] = text
    return members


def faults(server: str, path: Path, wanted: Expected) -> list[str]:
    return list(check(SERVERS[server], path, wanted).faults)


def test_a_good_got10k_package(tmp_path: Path) -> None:
    wanted = Expected(GOT, LENGTHS)
    assert faults("got10k", package(tmp_path / "a.zip", got10k()), wanted) == []
    three = got10k()
    for name, count in LENGTHS.items():
        three |= {f"{name}/{name}_{number:03d}.txt": rows(count) for number in (2, 3)}
        three[f"{name}/{name}_time.txt"] = rows(count, "0.1,0.1,0.2")
    assert faults("got10k", package(tmp_path / "b.zip", three), wanted) == []


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (f"{GOT[0]}/{GOT[0]}_001.txt", None, "missing"),
        (f"{GOT[0]}/{GOT[0]}_time.txt", None, "missing"),
        (f"{GOT[0]}/{GOT[0]}_001.txt", rows(4), "4 rows, expected 5"),
        (f"{GOT[0]}/{GOT[0]}_001.txt", rows(5, "1,2,3"), "row 1: found 3 numbers"),
        (f"{GOT[0]}/{GOT[0]}_001.txt", rows(5, "1\t2\t3\t4"), "comma-separated"),
        (f"{GOT[0]}/{GOT[0]}_001.txt", rows(4) + "1,2,nan,4\n", "row 5: found a number that is not finite"),
        (f"{GOT[0]}/{GOT[0]}_001.txt", rows(4) + "1,2,-3,4\n", "row 5: found a negative"),
        (f"{GOT[0]}/{GOT[0]}_001.txt", "", "empty file"),
        (f"{GOT[0]}/{GOT[0]}_time.txt", rows(5, "0"), "no time above 0"),
        (f"{GOT[0]}/{GOT[0]}_time.txt", rows(5, "-1"), "negative"),
        (f"{GOT[0]}/{GOT[0]}_time.txt", rows(2, "0.1"), "2 rows, expected 5"),
        (f"{GOT[0]}/{GOT[0]}_003.txt", rows(5), "_002.txt: missing"),
        (f"{GOT[0]}/notes.txt", "hello", "not asked for"),
        ("__MACOSX/x", "", "operating system"),
    ],
)
def test_got10k_faults(tmp_path: Path, name: str, text: str | None, found: str) -> None:
    path = package(tmp_path / "a.zip", got10k(**{name: text}))
    lines = faults("got10k", path, Expected(GOT, LENGTHS))
    assert any(found in line for line in lines), lines


def test_a_folder_around_everything(tmp_path: Path) -> None:
    path = package(tmp_path / "a.zip", {f"mine/{name}": data for name, data in got10k().items()})
    assert faults("got10k", path, Expected(GOT, LENGTHS)) == [
        "all files lie in 'mine/', expected the folders of the sequences at the root"
    ]


def test_trackingnet(tmp_path: Path) -> None:
    wanted = Expected(("-Dz7OIf54b0_0", "abc_1"), {"-Dz7OIf54b0_0": 3, "abc_1": 2})
    good = {"-Dz7OIf54b0_0.txt": rows(3), "abc_1.txt": rows(2)}
    assert faults("trackingnet", package(tmp_path / "a.zip", good), wanted) == []
    lines = faults("trackingnet", package(tmp_path / "b.zip", {**good, "abc_10.txt": rows(2)}), wanted)
    assert any("the server finds 'abc_10.txt' for it too" in line for line in lines)
    assert faults(
        "trackingnet", package(tmp_path / "c.zip", {"a/" + key: value for key, value in good.items()}), wanted
    )
    del good["abc_1.txt"]
    assert faults("trackingnet", package(tmp_path / "d.zip", good), wanted) == ["abc_1.txt: missing"]


def png(labels: np.ndarray, mode: str = "P") -> bytes:
    import io

    image = Image.fromarray(labels.astype(np.uint8))
    if mode == "P":
        image.putpalette([0, 0, 0, 128, 0, 0] + [9, 9, 9] * 254)
    else:
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(("server", "within"), [("davis", ""), ("ytvos", "Annotations/")])
def test_masks(tmp_path: Path, server: str, within: str) -> None:
    wanted = Expected(
        ("bear", "dog"),
        frames={"bear": ("00000", "00005"), "dog": ("00005",)},
        shapes={"bear": (6, 8), "dog": (6, 8)},
        objects={"bear": frozenset({1}), "dog": frozenset({1, 2})},
    )
    labels = np.zeros((6, 8))
    labels[2:4, 3:5] = 1
    good: dict[str, str | bytes] = {
        f"{within}{name}/{stem}.png": png(labels) for name in wanted.names for stem in wanted.frames[name]
    }
    assert faults(server, package(tmp_path / "a.zip", good), wanted) == []
    bad = {
        "2": ({f"{within}bear/00005.png": png(labels * 2)}, "found label 2, expected 1"),
        "size": ({f"{within}bear/00005.png": png(np.zeros((6, 9)))}, "9x6 pixels, expected 8x6"),
        "rgb": ({f"{within}bear/00005.png": png(labels, "RGB")}, "mode RGB"),
        "cut": ({f"{within}bear/00005.png": png(labels)[:40]}, "cannot be decoded"),
        "stray": ({f"{within}cat/00000.png": png(labels)}, "not asked for"),
    }
    for key, (members, found) in bad.items():
        lines = faults(server, package(tmp_path / f"{key}.zip", {**good, **members}), wanted)
        assert any(found in line for line in lines), (key, lines)
    missing = {key: value for key, value in good.items() if not key.endswith("bear/00000.png")}
    assert any(
        "missing 1 of 2 frames, first 00000.png" in line
        for line in faults(server, package(tmp_path / "m.zip", missing), wanted)
    )


def test_packages_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"text")
    for path, found in ((tmp_path / "a.zip", "no zip file"), (tmp_path / "none.zip", "no such file")):
        with pytest.raises(DataError, match=found):
            check(SERVERS["got10k"], path, Expected(GOT))
    with pytest.raises(DataError, match="leaves the folder"):
        check(SERVERS["got10k"], package(tmp_path / "b.zip", {"../a.txt": "1"}), Expected(GOT))


@pytest.fixture
def got10k_results(tmp_path: Path) -> Path:
    """All 180 sequences of the test set, two frames each."""
    data, _ = split_of("got10k-test")
    for name in data.names:
        home = tmp_path / "GOT-10k/SiamFC" / name
        foreign.table(home / f"{name}_001.txt", [[1, 2, 3, 4], [2, 3, 4, 5.25]], form="%.3f")
        foreign.table(home / f"{name}_time.txt", [0.5, 0.25], form="%.8f")
    return tmp_path / "GOT-10k/SiamFC"


def test_got10k_is_built_checked_and_the_same_each_time(tmp_path: Path, got10k_results: Path) -> None:
    data, here = split_of("got10k-test")
    assert not here
    assert len(data.names) == 180

    def make(out: Path) -> None:
        with candidates(got10k_results, data) as (_, search):
            run = ForeignRun(search.candidates[0], data, Reading(), got10k_results)
            build(SERVERS["got10k"], run, data, here, out)

    make(tmp_path / "a.zip")
    make(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert len(file.namelist()) == 360
        name = data.names[7]
        assert file.read(f"{name}/{name}_001.txt") == b"1.000,2.000,3.000,4.000\n2.000,3.000,4.000,5.250\n"
        assert file.read(f"{name}/{name}_time.txt") == b"0.50000000\n0.25000000\n"
    (got10k_results / name / f"{name}_time.txt").unlink()
    with pytest.raises(ResultsError, match=f"no times of '{name}'"):
        make(tmp_path / "c.zip")
    (got10k_results / name / f"{name}_001.txt").unlink()
    with pytest.raises(ResultsError, match="179 of 180"):
        make(tmp_path / "c.zip")
    assert sorted(path.name for path in tmp_path.glob("*.zip*")) == ["a.zip", "b.zip"]
    assert not list(tmp_path.glob(".c.zip*")), "a package that is not built leaves nothing"


def test_a_box_that_is_no_number_is_named_by_file_and_row(tmp_path: Path, got10k_results: Path) -> None:
    data, here = split_of("got10k-test")
    name = data.names[3]
    foreign.table(got10k_results / name / f"{name}_001.txt", [[1, 2, 3, 4], [2, 3, np.nan, 5]], form="%.3f")
    with candidates(got10k_results, data) as (_, search):
        run = ForeignRun(search.candidates[0], data, Reading(), got10k_results)
        with pytest.raises(ResultsError) as caught:
            build(SERVERS["got10k"], run, data, here, tmp_path / "a.zip")
    assert str(caught.value).startswith(
        f"{got10k_results / name / name}_001.txt:2: found 2,3,nan,5, expected four finite"
    )
    assert not (tmp_path / "a.zip").exists()


def test_cli(tmp_path: Path, got10k_results: Path, cli, refused) -> None:  # type: ignore[no-untyped-def]
    done = cli("submit", "got10k", "--from", got10k_results, "--out", tmp_path / "a.zip")
    assert done.returncode == 0, done.stderr
    assert "360 files" in done.stdout
    assert "not compared" in done.stdout
    bad = package(tmp_path / "bad.zip", {"x.txt": "1"})
    done = cli("submit", "got10k", "--check", bad)
    assert done.returncode == 1
    assert "_001.txt: missing" in done.stdout
    assert "more faults" in done.stdout
    refused(cli("submit", "got20k", "--check", bad), "got10k")


def test_where_the_names_are_not_known(tmp_path: Path) -> None:
    with pytest.raises(TrackzooError, match="DAVIS"):
        split_of("davis2017-test-dev")

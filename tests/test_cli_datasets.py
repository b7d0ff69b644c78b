"""`trackzoo datasets` as a person uses it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import miniatures
import pytest

from trackzoo.cli.main import main
from trackzoo.config import config_file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "LaSOT"
    miniatures.lasot(folder, "airplane-1", 5, occluded={1})
    miniatures.lasot(folder, "zebra-17", 4)
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line in this process: exit code, stdout, stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


def test_add_list_show_check_remove(root: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = call("datasets", "add", "lasot", root)
    assert code == 0
    assert f"LaSOT: {root}" in out
    assert "lasot-test: 2 of 280 sequences, missing: airplane-9, airplane-13, airplane-15 and 275 more" in out
    assert "lasot-train: 0 of 1120 sequences, none" in out
    assert tomllib.loads(config_file().read_text()) == {"data": {"lasot": str(root)}}

    code, out, _ = call("datasets", "--json")
    lines = {line["name"]: line for line in json.loads(out)}
    assert code == 0
    assert (lines["lasot-test"]["state"], lines["lasot-test"]["here"]) == ("incomplete", 2)
    assert lines["lasot-test"]["frames"] is None, "nothing has been read yet"
    assert lines["got10k"]["state"] == "not here"
    assert lines["synth"]["state"] == "built in"

    code, out, _ = call("datasets", "show", "lasot", "--json")
    shown = json.loads(out)
    assert [entry["frames"] for entry in shown["sequences"] if entry["here"]] == [5, 4]
    assert shown["sequences"][0]["attributes"] == ["POC", "ROT", "SV", "LR"]

    code, out, _ = call("datasets", "--json")
    assert {line["name"]: line["frames"] for line in json.loads(out)}["lasot-test"] == 9

    code, out, _ = call("datasets", "check", "lasot", "--json")
    report = json.loads(out)
    assert code == 1
    assert (report["whole"], report["frames"], len(report["problems"])) == (2, 9, 278)
    assert len(report["fingerprint"]) == 64

    code, out, _ = call("datasets", "remove", "lasot")
    assert code == 0
    assert (root / "airplane").is_dir()
    assert tomllib.loads(config_file().read_text()) == {"data": {}}


def test_tables_for_a_person(root: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    call("datasets", "add", "lasot", root)
    code, out, err = call("datasets")
    assert (code, err) == (0, "")
    assert "2 of 280" in out
    assert "incomplete" in out
    assert "splits: val, test, train" in " ".join(out.split())
    code, out, _ = call("datasets", "show", "lasot-test")
    assert code == 0
    assert "CVPR 2019" in " ".join(out.split())
    assert "airplane-1" in out
    assert "not here" in out
    code, out, _ = call("datasets", "check", "lasot")
    assert code == 1
    assert f"✗ {root / 'airplane' / 'airplane-9' / 'groundtruth.txt'}: the whole sequence is missing" in out
    assert "Expected:\nLaSOT/" in out
    assert (
        "lasot-test: 2 of 280 sequences can be used, 9 frames; images looked at; 278 fatal findings, no odd things"
        in out
    )
    assert "(of these 2)" in out


def test_a_whole_dataset_passes_and_a_broken_image_is_found_by_deep_alone(
    tmp_path: Path, call: Callable[..., tuple[int, str, str]]
) -> None:
    for number in range(1, 181):
        miniatures.got10k(tmp_path, "val", f"GOT-10k_Val_{number:06d}", 2)
    code, out, _ = call("datasets", "check", "got10k", "--data-root", tmp_path)
    assert code == 0
    assert "180 of 180 sequences can be used, 360 frames; images looked at; no fatal findings, no odd things" in out
    broken = tmp_path / "val" / "GOT-10k_Val_000007" / "00000002.jpg"
    broken.write_bytes(b"\xff\xd8 cut")
    assert call("datasets", "check", "got10k", "--data-root", tmp_path)[0] == 0
    code, out, _ = call("datasets", "check", "got10k", "--deep", "--data-root", tmp_path)
    assert code == 1
    assert f"✗ {broken}: found data that cannot be decoded" in out
    assert "179 of 180 sequences can be used" in out
    # Every image is there, so the listing calls it complete.
    _, out, _ = call("datasets", "--data-root", tmp_path, "--json")
    lines = {line["name"]: line for line in json.loads(out)}
    assert (lines["got10k-val"]["state"], lines["got10k-val"]["frames"]) == ("complete", 360)
    assert lines["got10k-test"]["state"] == "not here"


def test_annotations_only(tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    miniatures.toolkit(tmp_path / "toolkit" / "annos", "airplane-1", 4, absent={2})
    code, out, _ = call("datasets", "add", "lasot", tmp_path / "toolkit")
    assert code == 0
    assert "lasot-test: 1 of 280 sequences, annotation only" in out
    # Without images the loader of another benchmark needs the person's word.
    home = miniatures.tnl2k(tmp_path / "texts", "Arrow_Video_ZZ04_done", 3)
    for path in (home / "imgs").iterdir():
        path.unlink()
    (home / "imgs").rmdir()
    assert call("datasets", "add", "tnl2k", tmp_path / "texts")[0] == 2
    code, out, _ = call("datasets", "add", "tnl2k", tmp_path / "texts", "--annotations-only")
    assert code == 0
    assert tomllib.loads(config_file().read_text())["data"]["tnl2k"] == {
        "path": str(tmp_path / "texts"),
        "annotations_only": True,
    }
    code, out, _ = call("datasets", "check", "tnl2k-train")
    assert code == 1
    assert "images not here" in out


def test_add_takes_the_folder_that_holds_it(root: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    assert call("datasets", "add", "lasot-train", root.parent)[0] == 0
    assert tomllib.loads(config_file().read_text())["data"]["lasot"] == str(root)


def test_what_add_refuses(tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    (tmp_path / "holiday").mkdir()
    code, out, err = call("datasets", "add", "lasot", tmp_path / "holiday")
    assert code == 2
    assert f"{tmp_path / 'holiday'}: found nothing of LaSOT" in err
    assert "airplane-1/" in out, "the expected tree is shown"
    assert not config_file().exists(), "nothing half-written"
    for arguments, needle in (
        (("add", "lasot", tmp_path / "gone"), "found no such folder, expected LaSOT"),
        (("add", "lasott", tmp_path), "unknown dataset 'lasott'; did you mean lasot"),
        (("add", "synth", tmp_path), "has no folder to add"),
        (("remove", "lasot"), "no folder was added for 'lasot'"),
        (("show", "lasot"), "where is LaSOT?"),
        (("--data-root", tmp_path / "gone"), "found no such folder, expected a folder of datasets"),
        (("check", "lasot", "--data-root", tmp_path / "gone"), "found no such folder, expected LaSOT"),
        (
            ("show", "lasot", "--split", "trian", "--data-root", tmp_path),
            "unknown split of lasot 'trian'; did you mean train",
        ),
        (("show", "lasot-test", "--split", "train", "--data-root", tmp_path), "give one of them"),
    ):
        code, _, err = call("datasets", *arguments)
        assert code == 2
        assert needle in err
        assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "needle"),
    [
        (
            "1,2,3,4\n1,2,3\n1,2,3,4\n1,2,3,4\n1,2,3,4\n",
            "groundtruth.txt:2: found 3 numbers in '1,2,3', expected 4 numbers",
        ),
        ("1,2,3,4\none,two,three,four\n", "groundtruth.txt:2: found 'one', expected a number"),
        ("", "groundtruth.txt: found an empty file"),
        ("1,2,3,4\n1,2,3,4\n", "found 5 values, expected 2, one a frame"),
    ],
)
def test_check_says_what_is_wrong_with_an_annotation(
    root: Path, call: Callable[..., tuple[int, str, str]], content: str, needle: str
) -> None:
    path = root / "airplane" / "airplane-1" / "groundtruth.txt"
    path.write_text(content)
    code, out, _ = call("datasets", "check", "lasot", "--data-root", root)
    assert code == 1
    line = next(line for line in out.splitlines() if "airplane-1/" in line and "missing" not in line)
    assert needle.split(": ", 1)[-1] in line
    assert "1 of 280 sequences can be used" in out
    code, out, _ = call("datasets", "show", "lasot", "--data-root", root)
    assert code == 0
    assert "'trackzoo datasets check lasot-test' says what is wrong" in " ".join(out.split())


def test_as_a_process(root: Path, cli: Callable[..., Any], refused: Callable[..., str]) -> None:
    """The whole way once: real exit codes, one line on stderr, no traceback."""
    done = cli("datasets", "check", "lasot", "--data-root", root)
    assert done.returncode == 1
    refused(cli("datasets", "add", "lasot", root / "airplane" / "airplane-1" / "img"), "found nothing of LaSOT")
    refused(cli("datasets", "check", "lasoot"), "unknown dataset 'lasoot'; did you mean")

"""`trackzoo run`: what a person sees. Every mistake is one clear line and exit code 2."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import miniatures
import pytest

from trackzoo.cli.main import main
from trackzoo.cli.options import datasets_in, settings_in

SMALL = "synth:sequences=2,length=4,width=96,height=64"


class Ran:
    """What a command said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def refused(self, *needles: str) -> str:
        """Exit code 2, one line, no traceback, nothing on standard output; the needles in it."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("trackzoo: ")
        for needle in needles:
            assert needle in self.err, (needle, self.err)
        return self.err


Command = Callable[..., Ran]


@pytest.fixture
def trackzoo(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`trackzoo run` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(["run", *map(str, arguments)])
        text = capsys.readouterr()
        return Ran(int(stop.value.code or 0), text.out, text.err)

    return call


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A person's own sequence of five frames."""
    folder = tmp_path / "clip"
    for number in range(1, 6):
        miniatures.image(folder / f"{number:04d}.png", number)
    (folder / "groundtruth.txt").write_text("4,5,8,7\n" * 5)
    return folder


def on(clip: Path, *more: str, tracker: str = "static") -> tuple[str, ...]:
    return ("--tracker", tracker, "--dataset", "folder:format=xywh", "--data-root", str(clip), *more)


def test_run_says_what_it_did(trackzoo: Command, tmp_path: Path) -> None:
    done = trackzoo("--tracker", "static", "--dataset", SMALL)
    assert (done.code, done.err) == (0, "")
    [line] = done.out.splitlines()
    assert re.fullmatch(
        r"static on synth\S+: done 2, resumed 0, failed 0, [\d.]+ frames/s with decoding, runs/static/\S+", line
    )
    assert (tmp_path / "runs" / "static").is_dir()
    again = trackzoo("--tracker", "static", "--dataset", SMALL)
    assert "done 0, resumed 2, failed 0" in again.out


def test_several_trackers_and_datasets(trackzoo: Command) -> None:
    other = "synth:sequences=1,length=3,width=96,height=64"
    done = trackzoo(
        "--tracker", "static", "--tracker", "static", "--dataset", SMALL, "--dataset", other, "--results", "r"
    )
    assert done.code == 0
    assert [line.split(": ")[1].split(",")[0] for line in done.out.splitlines()] == ["done 2", "done 1"]


def test_lanes_are_told_as_throughput(trackzoo: Command) -> None:
    done = trackzoo("--tracker", "static", "--dataset", SMALL, "--lanes", "2")
    assert "frames/s throughput (2 lanes)" in done.out


def test_dry_run(trackzoo: Command, tmp_path: Path) -> None:
    done = trackzoo("--tracker", "static", "--dataset", SMALL, "--dry-run", "--shard", "1/2")
    assert done.code == 0
    assert "1 trials, 0 done, 1 left" in done.out
    assert '"seed' not in done.out
    assert "seed      0" in done.out
    assert not list(tmp_path.iterdir())


def test_unknown_names(trackzoo: Command, tmp_path: Path, clip: Path) -> None:
    trackzoo("--tracker", "statik", "--dataset", SMALL).refused("unknown tracker 'statik'", "static")
    trackzoo("--tracker", "static", "--dataset", "sinth").refused("unknown dataset 'sinth'", "synth")
    trackzoo("--tracker", "static", "--dataset", SMALL, "--sequences", "stroll-9").refused(
        "sequence 'stroll-9'", "stroll-1"
    )
    trackzoo(*on(clip, "--protocol", "opee")).refused("unknown protocol 'opee'", "ope")
    trackzoo(*on(clip, "--first-box", "tight")).refused("rule for the first box 'tight'", "mask_tight")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("sequences", [("--sequences", "nobody")])
def test_a_wrong_name_stops_before_the_first_of_several(
    trackzoo: Command, tmp_path: Path, sequences: tuple[str, ...]
) -> None:
    trackzoo("--tracker", "static,opencv-nano", "--dataset", SMALL).refused("opencv-nano")
    trackzoo("--tracker", "static", "--dataset", SMALL, *sequences).refused("nobody")
    assert not (tmp_path / "runs").exists()


def test_missing_roots(trackzoo: Command, tmp_path: Path) -> None:
    trackzoo("--tracker", "static", "--dataset", "lasot").refused("trackzoo datasets add lasot", "TRACKZOO_DATA")
    trackzoo("--tracker", "static", "--dataset", "lasot", "--data-root", tmp_path / "gone").refused(
        "gone", "no such folder"
    )


def test_incomplete_dataset(trackzoo: Command, tmp_path: Path) -> None:
    miniatures.lasot(tmp_path / "LaSOT", "airplane-1", 4)
    line = trackzoo("--tracker", "static", "--dataset", "lasot-test", "--data-root", tmp_path).refused("--available")
    assert re.search(r"279 of 280 sequences missing in \S*LaSOT, first 'airplane-9'", line)
    done = trackzoo("--tracker", "static", "--dataset", "lasot-test", "--data-root", tmp_path, "--available")
    assert (done.code, "done 1, resumed 0, failed 0" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("rows", "needles"),
    [
        ("4,5,8,7\n4,5,8\n" + "4,5,8,7\n" * 3, ("groundtruth.txt:2", "3 numbers")),
        ("4,5,8,7\n4,car,8,7\n" + "4,5,8,7\n" * 3, ("groundtruth.txt:2", "car")),
        ("4,5,8,7\n" * 3, ("groundtruth.txt", "too few rows", "3", "5")),
        ("4,5,0,7\n" * 5, ("groundtruth.txt:1", "4,5,0,7", "positive width and height")),
        ("4,5,8,0\n" * 5, ("groundtruth.txt:1", "positive width and height")),
        ("90,5,8,7\n" * 5, ("0001.png", "first box 90,5,8,7 lies outside the picture of 32x24 pixels")),
        ("", ("groundtruth.txt",)),
    ],
)
def test_annotation_that_cannot_be_used(trackzoo: Command, clip: Path, rows: str, needles: tuple[str, ...]) -> None:
    (clip / "groundtruth.txt").write_text(rows)
    done = trackzoo(*on(clip))
    assert done.code == 2
    assert len(done.err.splitlines()) == 1, done.err
    for needle in needles:
        assert needle in done.err
    assert not list(clip.parent.glob("runs/**/*_time.txt"))


@pytest.mark.parametrize("tracker", ["static", "dcf"])
@pytest.mark.parametrize("number", [1, 4])
def test_empty_image(trackzoo: Command, clip: Path, tracker: str, number: int) -> None:
    (clip / f"{number:04d}.png").write_bytes(b"")
    done = trackzoo(*on(clip, tracker=tracker))
    assert done.code == 2
    [line] = done.err.splitlines()
    assert f"{number:04d}.png: found an empty file, expected an image" in line
    assert "failed 1" in done.out


def test_broken_image(trackzoo: Command, clip: Path) -> None:
    (clip / "0003.png").write_bytes(b"no picture")
    done = trackzoo(*on(clip, tracker="dcf"))
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "0003.png: found data that cannot be decoded" in done.err


def test_one_bad_sequence_of_several(trackzoo: Command, clip: Path) -> None:
    clip.rename(clip.parent / "one")
    for name in ("two", "three"):
        for number in range(1, 4):
            miniatures.image(clip / name / f"{number:04d}.png", number)
        (clip / name / "groundtruth.txt").write_text("4,5,8,7\n" * 3)
    (clip / "two" / "groundtruth.txt").write_text("4,5,0,7\n" * 3)
    done = trackzoo(*on(clip))
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "static on folder-clip+format=xywh, two: " in done.err
    assert "done 1, resumed 0, failed 1, set incomplete" in done.out
    (clip / "two" / "groundtruth.txt").write_text("4,5,6,7\n" * 3)
    done = trackzoo(*on(clip))
    assert (done.code, done.err) == (0, "")
    assert "done 1, resumed 1, failed 0" in done.out


def test_results_file_cut_in_the_middle(trackzoo: Command, clip: Path) -> None:
    trackzoo(*on(clip))
    [path] = clip.parent.glob("runs/static/*/ope/clip.txt")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    trackzoo(*on(clip)).refused("clip.txt: found 2 rows and a part of one, expected 5 rows", "delete it and run again")
    path.unlink()
    assert "done 1, resumed 0" in trackzoo(*on(clip)).out
    assert path.read_bytes() == whole


def test_changed_annotation(trackzoo: Command, clip: Path) -> None:
    trackzoo(*on(clip))
    (clip / "groundtruth.txt").write_text("4,5,8,7\n" * 4 + "4,5,8,8\n")
    trackzoo(*on(clip)).refused("clip.json", "another annotation of 'clip'", "fingerprint: folder has", "--new")
    done = trackzoo(*on(clip, "--new"))
    assert "done 1, resumed 0" in done.out
    assert len(list(clip.parent.glob("runs/static/*/ope.old-001"))) == 1


def test_other_settings(trackzoo: Command, clip: Path) -> None:
    trackzoo(*on(clip))
    trackzoo(*on(clip, "--seed", "3")).refused("seed: folder has 0, this run 3", "--new")
    trackzoo(*on(clip, "--set", "size=3")).refused("size")
    trackzoo(*on(clip, "--compile")).refused("compile")
    trackzoo(*on(clip, "--set", "size")).refused("--set: found 'size', expected key=value")
    trackzoo(*on(clip, "--shard", "3/2")).refused("--shard")
    trackzoo(*on(clip, "--device", "cuda:77")).refused("cuda:77")
    trackzoo(*on(clip, "--dtype", "fp8")).refused("fp8")


def test_own_class_whose_code_has_changed(trackzoo: Command, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = clip.parent / "mine_and_changing.py"
    code = "class Mine:\n    def init(self, image, box): self.box = box\n    def update(self, image): return self.box\n"
    module.write_text(code)
    monkeypatch.syspath_prepend(clip.parent)
    assert "done 1" in trackzoo(*on(clip, tracker="mine_and_changing:Mine")).out
    assert "resumed 1" in trackzoo(*on(clip, tracker="mine_and_changing:Mine")).out
    module.write_text(code.replace("self.box\n", "self.box + 1\n"))
    trackzoo(*on(clip, tracker="mine_and_changing:Mine")).refused("depends.code: folder has", "--new")


def test_settings_are_typed_as_toml_has_it() -> None:
    found = settings_in(("a=1", "b=2.5", "c=true", 'd="text"', "e=plain text", "f=[1, 2]", "g=models/x.onnx", "h=1=2"))
    assert found == {
        "a": 1,
        "b": 2.5,
        "c": True,
        "d": "text",
        "e": "plain text",
        "f": [1, 2],
        "g": "models/x.onnx",
        "h": "1=2",
    }


def test_commas_part_names_but_not_options() -> None:
    assert datasets_in(("lasot, otb100", "uav123")) == ["lasot", "otb100", "uav123"]
    assert datasets_in(("synth:sequences=4,length=60",)) == ["synth:sequences=4,length=60"]
    assert datasets_in(("synth:sequences=4,length=60,lasot,otb100",)) == [
        "synth:sequences=4,length=60",
        "lasot",
        "otb100",
    ]
    assert datasets_in(("lasot,synth:seed=1,length=2,synth:seed=2", "lasot")) == [
        "lasot",
        "synth:seed=1,length=2",
        "synth:seed=2",
    ]


def test_process_sees_no_torch_and_no_bar(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from trackzoo.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: code = stop.code\n"
        "print(code, sorted({'torch', 'pandas', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    arguments = ["run", "--tracker", "static", "--dataset", SMALL, "--results", tmp_path]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    assert done.stderr == "0 []\n"


def test_bar_on_a_terminal(tmp_path: Path) -> None:
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    arguments = ["--tracker", "static", "--dataset", SMALL, "--results", tmp_path]
    process = subprocess.Popen(
        [sys.executable, "-m", "trackzoo", "run", *arguments], stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        text += part
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert b"static on synth" in text
    assert b"frames/s" in text
    assert b"2/2 trials" in text
    assert "done 2" in out

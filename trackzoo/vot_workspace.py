"""A workspace of the official VOT toolkit, made of a benchmark, trackers of the zoo, and results that are there already.

DIR/config.yaml       the stack of experiments, the registry
DIR/trackers.ini      one section a tracker: a command that speaks TraX (`trackzoo.vot_trax`)
DIR/sequences/        list.txt, and a link to each sequence's folder
DIR/results/          <tracker>/<experiment>/<sequence>/…: raw results of runs, copied
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackzoo.config import write_atomically
from trackzoo.engine.texts import WAYS, needs_text, told_of
from trackzoo.errors import SettingsError, TrackzooError
from trackzoo.registry import TrackerChoice
from trackzoo.sequence import Dataset
from trackzoo.store.read import StoredRun, files_of, find_runs

#: Stack of the toolkit by the name of the data set.
STACKS = {
    "vot2015": "vot2015/rgb",
    "vot2016": "vot2016/rgb",
    "vot2017": "vot2017",
    "vot2018": "vot2018/shortterm",
    "vot2019": "vot2019/shortterm",
    "vot2020": "vot2020/shortterm",
    "vot2021": "vot2021/shortterm",
    "vot2022-sts": "vot2022/shortterm",
    "vot2022-stb": "vot2022/shorttermbox",
}
#: Protocol -> the toolkit's name of the experiment.
EXPERIMENTS = {
    "vot-supervised": "baseline",
    "vot-multistart": "baseline",
    "vot-realtime": "realtime",
    "vot-unsupervised": "unsupervised",
}


@dataclass
class Workspace:
    """What was written.

    Attributes:
        folder: the workspace.
        stack: the toolkit's stack.
        trackers: names of the sections in `trackers.ini`.
        sequences: number of sequences that are linked.
        results: number of trials that were copied, by tracker.
    """

    folder: Path
    stack: str
    trackers: list[str] = field(default_factory=list)
    sequences: int = 0
    results: dict[str, int] = field(default_factory=dict)


def section_name(tracker: str) -> str:
    """Name of a tracker's section: letters, digits, `_`, `-` (the toolkit takes no others)."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", tracker)


def write_workspace(
    folder: Path,
    dataset: Dataset,
    trackers: ListOf[TrackerChoice],
    *,
    python: str | None = None,
    device: str = "cpu",
    dtype: str = "fp32",
    first_box: str = "bounds",
    settings: Mapping[str, Any] | None = None,
    text: str | None = None,
    results: Path | None = None,
    stack: str | None = None,
) -> Workspace:
    """Write the workspace. Files of an earlier one are replaced, results are added to.

    Args:
        folder: where; made if need be.
        dataset: a VOT benchmark.
        trackers: what `trackers.ini` lists.
        python: interpreter that has trackzoo and TraX; by default this one.
        device, dtype, first_box, settings, text: as for a run.
        results: results folder whose finished runs of these trackers on the benchmark are copied.
        stack: the toolkit's stack, where it is another than the benchmark's.

    Raises:
        TrackzooError: no stack is known for the data set, none of its sequences is on disk, or the folder holds something else.
        SettingsError: a tracker follows a description and no text is given, or one is given and none of them takes it.
    """
    chosen = stack or STACKS.get(dataset.id)
    if chosen is None:
        raise TrackzooError(
            f"the VOT toolkit has no experiments for {dataset.id}; take one of {', '.join(STACKS)}, or name it with --stack"
        )
    names = dataset.available()
    if not names or dataset.root is None:
        raise TrackzooError(f"{dataset.id}: no sequence on disk ({dataset.root})")
    told = told_of(trackers, text)
    for choice in trackers:
        if told[choice.id] is None and needs_text(choice.spec):
            raise SettingsError(f"tracker '{choice.id}' follows a description, and the VOT toolkit has none; {WAYS}")
    made = Workspace(folder, chosen)
    try:
        (folder / "results").mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "config.yaml", f"registry:\n- ./trackers.ini\nstack: {chosen}\n".encode())
        sections = [
            _section(
                choice, dataset, python or sys.executable, device, dtype, first_box, settings or {}, told[choice.id]
            )
            for choice in trackers
        ]
        write_atomically(folder / "trackers.ini", "\n".join(sections).encode())
        made.trackers = [section_name(choice.id) for choice in trackers]
        made.sequences = _link(folder / "sequences", dataset, names)
        if results is not None:
            made.results = _copy(folder / "results", results, dataset, trackers)
    except OSError as error:
        raise TrackzooError(f"{error.filename or folder}: {(error.strerror or str(error)).lower()}") from None
    return made


def _section(
    choice: TrackerChoice,
    dataset: Dataset,
    python: str,
    device: str,
    dtype: str,
    first_box: str,
    settings: Mapping[str, Any],
    told: str | None,
) -> str:
    command = [python, "-m", "trackzoo.vot_trax", choice.id, "--device", device, "--dtype", dtype]
    if dataset.has_masks and "mask" in choice.spec.gives:
        command.append("--masks")
    if first_box != "bounds":
        command += ["--first-box", first_box]
    if settings:
        command += ["--settings", json.dumps(dict(settings))]
    if told is not None:
        # As JSON: a line break or a character that is none would spoil the file.
        command += ["--text", json.dumps(told)]
    text = shlex.join(command).replace("%", "%%")
    return f"[{section_name(choice.id)}]\nlabel = {choice.id}\nprotocol = trax\ncommand = {text}\n"


def _link(folder: Path, dataset: Dataset, names: ListOf[str]) -> int:
    """`list.txt` and one link a sequence, to the folder in which its annotation lies."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise TrackzooError(f"{folder}: is there already and no folder of a workspace; name another one")
    folder.mkdir(exist_ok=True)
    assert dataset.root is not None
    for name in names:
        inner = dataset.root / "sequences" / name
        home = inner if inner.is_dir() else dataset.root / name
        link = folder / name
        if link.is_symlink():
            link.unlink()
        if link.exists():
            raise TrackzooError(f"{link}: is there already and no link; name another workspace")
        os.symlink(home.absolute(), link, target_is_directory=True)
    write_atomically(folder / "list.txt", "".join(f"{name}\n" for name in names).encode())
    return len(names)


def _copy(folder: Path, results: Path, dataset: Dataset, trackers: ListOf[TrackerChoice]) -> dict[str, int]:
    """Raw results of finished trials, as the toolkit files them."""
    wanted = {choice.id for choice in trackers}
    copied: dict[str, int] = {}
    for run in find_runs(results, wanted, {dataset.id}):
        if run.protocol in EXPERIMENTS:
            home = folder / section_name(run.tracker) / EXPERIMENTS[run.protocol]
            copied[run.tracker] = copied.get(run.tracker, 0) + _copy_run(run, home)
    return copied


def _copy_run(run: StoredRun, home: Path) -> int:
    count = 0
    for repeat in run.repeats:
        for name in run.names(repeat):
            for _, entry in files_of(run.record(name, repeat)):
                target = home / entry["file"]
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(run.folders[repeat] / entry["file"], target)
            count += 1
    return count

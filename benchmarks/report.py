"""How long a report takes: LaSOT's 280 test sequences of 2,448 frames, 5 trackers, as text files in the store's layout.

    python benchmarks/report.py [--frames 2448] [--trackers 5] [--whole] [--keep DIR]

Each line is the best of three processes that import everything first and then do the work once: reading alone (files, their
SHA-256, numbers) in one process, computing alone (all curves, from arrays) likewise, the whole report as `trackzoo report`
makes it without any cache, and when nothing has changed since. Seconds are by the clock; beside them stands the processor
time, its children's included, which other work on the machine disturbs less. Peak memory is that of the process
and its largest child.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

DATASET = "lasot-test"


def make(folder: Path, frames: int, trackers: int, whole: bool) -> None:
    """Annotation in whole pixels with absent frames, and results in full precision (or in whole pixels) with their records."""
    from trackzoo.registry import open_dataset
    from trackzoo.store.text import format_table

    random = np.random.default_rng(0)
    from trackzoo.datasets._common import split_list

    rows = split_list("lasot_test")
    data = folder / "data" / "LaSOT"
    truths = {}
    for row in rows:
        home = data / row.category / row.name
        home.mkdir(parents=True)
        walk = np.cumsum(random.normal(0, 2, (frames, 4)), axis=0)
        truths[row.name] = truth = np.rint(np.abs(walk + np.array([400, 300, 80, 80]))) + 1
        lines = "\n".join(",".join(map(str, box)) for box in truth.astype(int).tolist())
        (home / "groundtruth.txt").write_text(lines + "\n")
        absent = (random.random(frames) < 0.03).astype(int).tolist()
        (home / "full_occlusion.txt").write_text(",".join(map(str, absent)))
        (home / "out_of_view.txt").write_text(",".join(["0"] * frames))
        (home / "nlp.txt").write_text("a thing that moves\n")
    dataset = open_dataset(DATASET, data)
    prints = {name: dataset.fingerprint([name]) for name in dataset.names}
    for number in range(trackers):
        tracker = f"tracker-{number}"
        home = folder / "runs" / tracker / DATASET / "ope"
        home.mkdir(parents=True)
        for name in dataset.names:
            boxes = np.abs(truths[name] + random.normal(0, 4 + 2 * number, (frames, 4))) + 0.1
            tables = {
                "boxes": (f"{name}.txt", np.rint(boxes) if whole else boxes),
                "seconds": (f"{name}_time.txt", random.random(frames) / 20),
                "scores": (f"{name}_object_presence_scores.txt", random.random(frames)),
            }
            entry = {}
            for kind, (file, values) in tables.items():
                text = format_table(values)
                (home / file).write_bytes(text)
                entry[kind] = {"file": file, "rows": frames, "sha256": hashlib.sha256(text).hexdigest()}
            record = {"format": 1, "trial": name, "objects": {"1": entry}, "fingerprint": prints[name], "lanes": 1}
            (home / f"{name}.json").write_text(json.dumps(record))
        run = {"format": 1, "tracker": tracker, "dataset": DATASET, "protocol": "ope", "expected": list(dataset.names)}
        (home / "run.json").write_text(json.dumps({**run, "identity": {"tracker": tracker}}))


def work(what: str, folder: Path) -> None:
    """Do one thing in this process and print seconds, processor seconds and peak memory."""
    import trackzoo.report.report  # noqa: F401  # what a report imports is not measured
    from trackzoo.api import compare
    from trackzoo.report.collect import evaluate
    from trackzoo.report.selection import Library
    from trackzoo.report.terminal import text
    from trackzoo.store.read import find_runs

    data = folder / "data"
    if what == "computing":
        runs = find_runs(folder / "runs")
        opened = Library(data).open(runs[0])
        truths = opened.truths(opened.dataset.names)
        boxes = [[run.boxes(name) for name in run.expected] for run in runs]
    begin, used = time.perf_counter(), _used()
    if what == "reading":
        runs = find_runs(folder / "runs")
        opened = Library(data).open(runs[0])
        opened.truths(opened.dataset.names)
        for run in runs:
            for name in run.expected:
                run.boxes(name)
    elif what == "computing":
        for each in boxes:
            evaluate("pytracking", truths, [each], dataset="lasot")
    else:
        made = compare(results=folder / "runs", data_root=data, datasets=[DATASET])
        text(made.tables, made.notes)
    seconds, used = time.perf_counter() - begin, _used() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps([seconds, used, peak / (2**20 if sys.platform == "darwin" else 2**10)]))


def _used() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measured(what: str, folder: Path, repeats: int = 3) -> tuple[float, float, float]:
    """Best seconds, processor seconds and peak memory of some processes."""
    found = []
    for _ in range(repeats):
        if what == "cold":
            shutil.rmtree(folder / "cache", ignore_errors=True)
        done = subprocess.run(
            [sys.executable, __file__, "--work", what, "--keep", str(folder)],
            env={**os.environ, "TRACKZOO_CACHE": str(folder / "cache"), "TRACKZOO_CONFIG": str(folder / "config.toml")},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    seconds, used, peak = (min(column) for column in zip(*found, strict=True))
    return seconds, used, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=2448)
    parser.add_argument("--trackers", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="boxes in whole pixels, as PyTracking's runner saves them")
    parser.add_argument("--keep", type=Path, help="make the job in this folder, or use the one that is there")
    parser.add_argument("--work", choices=["reading", "computing", "cold", "unchanged"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(chosen.work, chosen.keep)
        return
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="trackzoo-report-"))
    try:
        if not (folder / "runs").exists():
            make(folder, chosen.frames, chosen.trackers, chosen.whole)
        files = [path for path in (folder / "runs").rglob("*.txt") if "_" not in path.stem]
        size = sum(path.stat().st_size for path in files) / 2**20
        print(
            f"280 sequences of {chosen.frames:,} frames, {chosen.trackers} trackers: "
            f"{len(files)} files of boxes, {size:.0f} MiB"
        )
        print(f"{'':34s} seconds  processor  peak memory")
        for what, label in (
            ("reading", "reading"),
            ("computing", "computing"),
            ("cold", "report, nothing cached"),
            ("unchanged", "report, nothing changed"),
        ):
            seconds, used, peak = measured(what, folder)
            print(f"{label:34s} {seconds:7.2f}  {used:9.2f}  {peak:7.0f} MiB", flush=True)
    finally:
        if chosen.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

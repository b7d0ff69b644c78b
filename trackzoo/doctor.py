"""What is installed, which devices there are, where data and weights are looked for, what is missing and what mends it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from trackzoo._version import __version__
from trackzoo.config import cache_folder, config_file, results_folder


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes:
        group: `software`, `devices`, `places`, `data`, `weights`, `trackers`, `refiners`.
        name: what it is about.
        state: `ok`, `missing` (something a person may want), `broken` (something trackzoo cannot do without).
        text: what was found.
        mend: the one command that mends it; empty where nothing is to be done.
    """

    group: str
    name: str
    state: str
    text: str
    mend: str = ""


def _requirements() -> list[tuple[str, bool]]:
    """Distribution names that trackzoo asks for, and whether each is an extra."""
    from packaging.requirements import Requirement

    lines = importlib.metadata.requires("trackzoo") or []
    named = [Requirement(line) for line in lines]
    return [
        (each.name, each.marker is not None and "extra" in str(each.marker))
        for each in named
        if each.marker is None or each.marker.evaluate({"extra": "contrib"})
    ]


def software() -> list[Finding]:
    """Python, trackzoo and what it rests on, with versions."""
    found = [
        Finding("software", "python", "ok", f"{platform.python_version()} ({sys.executable})"),
        Finding("software", "trackzoo", "ok", f"{__version__} ({Path(__file__).resolve().parent})"),
    ]
    for name, extra in _requirements():
        try:
            found.append(Finding("software", name, "ok", importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            state = "missing" if extra else "broken"
            found.append(Finding("software", name, state, "not installed", f"pip install {name}"))
    return found


def devices() -> list[Finding]:
    """Processors, memory, and the accelerators that torch sees."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = [Finding("devices", "cpu", "ok", f"{cores} cores, {platform.machine()}")]
    try:
        import torch
    except ImportError:
        return [*found, Finding("devices", "torch", "broken", "not installed", "pip install torch")]
    if not torch.cuda.is_available():
        text = "none that torch can use; trackers run on the CPU"
        mend = "" if torch.version.cuda else "install a CUDA build of torch, if this machine has such a GPU"
        return [*found, Finding("devices", "cuda", "missing", text, mend)]
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        found.append(Finding("devices", f"cuda:{index}", "ok", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB"))
    return found


def places() -> list[Finding]:
    """Config, cache, results; whether they can be written."""
    config, results = config_file(), results_folder()
    found = [
        Finding("places", "config", "ok", f"{config} ({'read' if config.exists() else 'not made yet'})"),
        Finding("places", "cache", "ok", str(cache_folder())),
    ]
    nearest = next(folder for folder in (results.resolve(), *results.resolve().parents) if folder.exists())
    free = shutil.disk_usage(nearest).free / 2**30
    if os.access(nearest, os.W_OK):
        found.append(Finding("places", "results", "ok", f"{results.resolve()} ({free:.0f} GiB free)"))
    else:
        mend = "trackzoo run --results DIR, with a DIR that you may write to"
        found.append(Finding("places", "results", "broken", f"{nearest} cannot be written", mend))
    parent = os.environ.get("TRACKZOO_DATA")
    if parent and not Path(parent).is_dir():
        found.append(
            Finding("places", "TRACKZOO_DATA", "broken", f"{parent}: no such folder", "export TRACKZOO_DATA=DIR")
        )
    else:
        found.append(Finding("places", "TRACKZOO_DATA", "ok", parent or "not set"))
    return found


def data() -> list[Finding]:
    """Every benchmark: where it is, or the command that says where."""
    from trackzoo.registry import dataset_specs
    from trackzoo.roots import locate

    found = []
    for name, spec in dataset_specs().items():
        if not spec.needs_root:
            found.append(Finding("data", name, "ok", "made by trackzoo"))
            continue
        root = locate(spec)
        if root is None:
            found.append(Finding("data", name, "missing", "not known", f"trackzoo datasets add {name} DIR"))
        elif not root.path.is_dir():
            text = f"{root.path} (from {root.source}): no such folder"
            found.append(Finding("data", name, "broken", text, f"trackzoo datasets add {name} DIR"))
        else:
            found.append(Finding("data", name, "ok", f"{root.path} (from {root.source})"))
    return found


def weights() -> list[Finding]:
    """All published weights: whether they are here and whole, or what gets them."""
    from trackzoo.errors import DataError
    from trackzoo.weights.cache import present, weights_file
    from trackzoo.weights.chosen import check_whole
    from trackzoo.weights.table import weights_specs

    found = []
    for name, spec in weights_specs().items():
        if not present(name):
            found.append(Finding("weights", name, "missing", "not here", f"trackzoo weights get {name}"))
            continue
        try:
            check_whole(spec)
        except DataError as error:
            mend = f"trackzoo weights add {name} FILE --force"
            found.append(Finding("weights", name, "broken", str(error), mend))
        else:
            found.append(Finding("weights", name, "ok", str(weights_file(name))))
    return found


def trackers() -> list[Finding]:
    """Every tracker and refiner: whether it can run here, or why not."""
    from trackzoo.registry import refiner, refiner_names, resolve, tracker, tracker_names
    from trackzoo.weights.chosen import lacking

    found = []
    for name in (*tracker_names(), *refiner_names()):
        choice = refiner(name) if name in refiner_names() else tracker(name)
        reason = resolve(choice.spec.unavailable)(choice.id) if choice.spec.unavailable else None
        reason = reason or lacking(choice)
        state, text = ("missing", reason) if reason else ("ok", "can run")
        found.append(Finding(f"{choice.kind}s", name, state, text))
    return found


def examine() -> list[Finding]:
    """All findings, in the order a person would ask."""
    return [*software(), *devices(), *places(), *data(), *weights(), *trackers()]

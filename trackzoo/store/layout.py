"""Where results lie: `<results>/<tracker>/<dataset>/<protocol>/`, and what the files of a trial are called.

    runs/dcf/synth/ope/run.json                           the run: identity, expected trials
    runs/dcf/synth/ope/<trial>.txt                        boxes, one row a frame: x y w h, tab-separated
    runs/dcf/synth/ope/<trial>_time.txt                   seconds, one row a frame
    runs/dcf/synth/ope/<trial>_object_presence_scores.txt scores, one row a frame
    runs/rts/davis2017-val/vos/<trial>/00000.png          masks, where they are kept (`trackzoo.store.masks`)
    runs/dcf/synth/ope/<trial>.json                       record; written last, so the trial is finished when it is there

The text files are what PyTracking writes and reads. Trials with several objects have `<trial>_<object>` in place of
`<trial>` in the first three names; trials that leave a trajectory (VOT's) have the files of `trackzoo.store.trajectories`
instead. Of several repetitions, number k lies in `<protocol>_00k`; a run that was first made
once and then repeated keeps its plain folder as repetition 0.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from trackzoo.errors import TrackzooError
from trackzoo.sequence import ObjectId

RUN_FILE = "run.json"
RECORD = ".json"
TIME = "_time"
SCORES = "_object_presence_scores"
MASKS = "_masks"
TEXT = ".txt"

#: Folder (in a protocol's folder) of the claims of runs that are at work, and of the tracebacks of trials that failed.
CLAIMS = ".claims"
FAILURES = ".failures"

#: What stands in the name of a folder that `--new` moved aside, before its number.
ASIDE = ".old-"
#: Longest file name without its ending, in bytes: file systems take 255, and temporary names are longer than final ones.
LONGEST = 180

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%\ud800-\udfff]')


def _encode(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def safe_name(name: str) -> str:
    """A file or folder name for `name`: itself wherever possible, else with `%XX` for what a file system would mistake.

    Different names give different file names, none leaves its folder (`..`, `/`), is hidden, or is taken for another
    file of the layout (`run`, `…_time`). Names of more than 180 bytes are cut and end in a digest.

    Raises:
        TrackzooError: the name is empty.
    """
    if not name:
        raise TrackzooError("a tracker, dataset or sequence with an empty name cannot be stored; give it a name")
    safe = _UNSAFE.sub(lambda match: _encode(match.group()), name)
    if safe[0] in ". ":
        safe = _encode(safe[0]) + safe[1:]
    if safe[-1] in ". " or safe.lower() == Path(RUN_FILE).stem or safe.endswith((TIME, SCORES, MASKS)):
        safe = safe[:-1] + _encode(safe[-1])
    data = safe.encode()
    if len(data) > LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        safe = data[: LONGEST - 17].decode(errors="ignore") + "~" + digest
    return safe


def repetition_name(protocol: str, repeat: int) -> str:
    """Folder name of one repetition of several, e.g. `ope_002`."""
    return f"{protocol}_{repeat:03d}"


def repetitions(parent: Path, protocol: str) -> dict[int, Path]:
    """Repetitions on disk -> their folders, in order. `parent` is `<results>/<tracker>/<dataset>`."""
    found: dict[int, Path] = {}
    number = re.compile(rf"{re.escape(protocol)}_(\d{{3,}})")
    try:
        entries = sorted(parent.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for entry in entries:
        if (match := number.fullmatch(entry.name)) and (entry / RUN_FILE).is_file():
            found[int(match.group(1))] = entry
    plain = parent / protocol
    if (plain / RUN_FILE).is_file():
        found[0] = plain
    return dict(sorted(found.items()))


def folder_of(parent: Path, protocol: str, repeat: int, repeats: int) -> Path:
    """Folder of repetition `repeat` of a run of `repeats`; what is on disk is kept where it is."""
    known = repetitions(parent, protocol)
    if repeat in known:
        return known[repeat]
    return parent / (protocol if repeats == 1 and repeat == 0 else repetition_name(protocol, repeat))


def run_parent(results: Path, tracker: str, dataset: str) -> Path:
    """`<results>/<tracker>/<dataset>`, where the folders of the protocols stand."""
    return results / safe_name(tracker) / safe_name(dataset)


def stem(trial: str, obj: ObjectId | None = None) -> str:
    """File name, without ending, of a trial, or of one of its several objects."""
    return safe_name(trial) if obj is None else f"{safe_name(trial)}_{obj}"

"""Which trackers' results a folder holds, and in which toolkit's layout.

| layout | files |
| --- | --- |
| trackzoo | `run.json` and the files of a run |
| flat | `<tracker>/<seq>.txt`: PyTracking (tab), STARK, PySOT, LaSOT and TNL2K (comma), GOT-10k's other sets |
| got10k | `<tracker>/<seq>/<seq>_001.txt`, one file a repetition |
| vot | `<tracker>/baseline/<seq>/<seq>_00000012.bin` or `_001.txt`: regions |
| mat | `<seq>.mat` or `<seq>_<tracker>.mat` |
| masks | `<tracker>/<seq>/00000.png` |
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trackzoo.errors import ResultsError
from trackzoo.importing.archive import plain_name
from trackzoo.importing.names import How, Speller, plain
from trackzoo.store.layout import ASIDE, RUN_FILE

#: Endings of names of files that are no boxes: times, scores, STARK's boxes of all objects.
_BESIDE = (
    "_time",
    "_times",
    "_all_boxes",
    "_all_scores",
    "_object_presence_scores",
    "_confidence",
    "_score",
    "_scores",
    "_masks",
)
_TEXT = (".txt", ".csv")
_RUN = re.compile(r"(.+)_(\d{3})")
_REPEATED = re.compile(r"(.+)_(\d{3,8})")
_RESULT_SUFFIX = re.compile(r"[_-]tracking[_-]results?$", re.IGNORECASE)
_DEEPEST = 8
#: Layouts with a folder a sequence, whose files number the repetitions.
_FOLDERED = ("got10k", "vot", "vot-multistart", "masks")
#: Folders of VOT's experiments; of `baseline` the files say which it was.
_EXPERIMENTS = {"unsupervised": "vot-unsupervised", "realtime": "vot-realtime", "supervised": "vot-supervised"}
#: Folders that hold no results: GOT-10k's times, what macOS adds to archives.
_NEVER: tuple[str, ...] = ("times", "__MACOSX")


@dataclass(frozen=True)
class Source:
    """Where the results of one sequence lie.

    Attributes:
        path: the file, or the folder of masks.
        spelling: its name, as the toolkit spells the sequence.
        how: how that was understood.
        time: seconds, one a frame, where there are.
        scores: scores, one a frame, where there are.
        member: number of the run in the file (`.mat`).
        column: column of the time file.
    """

    path: Path
    spelling: str
    how: How = "own"
    time: Path | None = None
    scores: Path | None = None
    member: int = 0
    column: int = 0


@dataclass(frozen=True)
class Candidate:
    """Results of one tracker.

    Attributes:
        tracker: its name, from the folders' names.
        layout: whose layout it is.
        folder: where they lie.
        runs: repetition (from 0) -> sequence -> source.
        strangers: names of files that are no sequence of the data set.
        doubles: (file, file that was taken instead, sequence).
        protocol: how the results were made, as far as the files say.
    """

    tracker: str
    layout: str
    folder: Path
    runs: dict[int, dict[str, Source]]
    strangers: tuple[str, ...] = ()
    doubles: tuple[tuple[str, str, str], ...] = ()
    protocol: str = "ope"

    def within(self, path: Path) -> Path:
        """A file's path below the folder, or, for further repetitions, beside it (`../dimp50_001/Bird1.txt`)."""
        if path.is_relative_to(self.folder):
            return path.relative_to(self.folder)
        return Path("..") / path.relative_to(self.folder.parent)

    def shown_file(self, path: Path, shown: Path) -> Path:
        """A file as the person knows it, where they know the folder as `shown`."""
        inside = self.within(path)
        if self.layout == "mat":
            return shown.parent / inside
        return shown.parent.joinpath(*inside.parts[1:]) if inside.parts[0] == ".." else shown / inside

    @property
    def all(self) -> dict[str, Source]:
        """Sequences that any repetition has, each with one of its files."""
        return {name: source for run in self.runs.values() for name, source in run.items()}


@dataclass
class Search:
    """What a walk through the folders found.

    Attributes:
        candidates: trackers.
        notes: what was left alone, a line each.
    """

    candidates: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def discover(root: Path, speller: Speller, shown: Path) -> Search:
    """Find the trackers whose results lie in a folder.

    Args:
        root: the folder.
        speller: of the data set that they are results on.
        shown: the folder or archive as the person knows it; `root` may be a temporary folder.

    Raises:
        ResultsError: nothing in it is named like a sequence of the data set.
    """
    found: list[Candidate] = []
    seen: list[str] = []
    for folder, files, folders in _walk(root):
        if RUN_FILE in files:
            found += _native(folder, files, folders, speller)
            continue
        if any((above / RUN_FILE).is_file() for above in (folder.parent, folder.parent.parent)):
            continue  # VOT's files of a run, which `_native` has seen
        seen += files + folders
        for candidate in (
            *_flat(folder, files, speller),
            *_mat(folder, files, speller),
            *_nested(folder, folders, speller),
        ):
            found.append(candidate)
    found = _repetitions(found)
    search = Search()
    for candidate in found:
        if _convincing(candidate, speller):
            search.candidates.append(candidate)
        else:
            count = len(candidate.all)
            search.notes.append(
                f"{_relative(candidate.folder, root)}: {count} files are named like sequences of {speller.dataset.id}, "
                f"{len(candidate.strangers)} are not; taken for results on another data set and left alone."
            )
    if not search.candidates:
        raise _nothing(shown, seen, speller)
    search.candidates = _named(search.candidates, root, plain_name(shown.resolve()), speller)
    return search


def _nothing(shown: Path, seen: list[str], speller: Speller) -> ResultsError:
    names = speller.dataset.names
    texts = [name for name in seen if name.lower().endswith((*_TEXT, ".mat", ".bin", ".png"))] or seen
    found = f"nothing named like a sequence of {speller.dataset.id}"
    if texts:
        found += f" (but {', '.join(texts[:3])}{' …' if len(texts) > 3 else ''})"
    example = f"files such as {names[0]}.txt" if names else "files of results"
    return ResultsError(
        shown, found, example, "name the folder that holds them, and the data set that they are results on"
    )


def _walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Folders from `root` down, with the names of their files and folders in order; hidden ones are left out."""
    base = len(root.parts)
    for place, folders, files in os.walk(root, followlinks=True):
        folder = Path(place)
        # A tracker's folder may begin with an underscore; what an operating system adds to archives is none.
        folders[:] = sorted(name for name in folders if name[0] != "." and ASIDE not in name and name not in _NEVER)
        if len(folder.parts) - base >= _DEEPEST:
            folders.clear()
        yield folder, sorted(name for name in files if name[0] != "."), list(folders)


def _native(folder: Path, files: list[str], folders: list[str], speller: Speller) -> list[Candidate]:
    """A run of trackzoo's own, on this data set."""
    from trackzoo.report.vos import VOS
    from trackzoo.report.vot import PROTOCOLS
    from trackzoo.store.read import StoredRun

    run = StoredRun({0: folder})
    if run.dataset != speller.dataset.id:
        return []
    if run.protocol == VOS:
        match = _RUN.fullmatch(folder.name)
        maps = {name: Source(folder / run.record(name)["masks"]["folder"], name) for name in run.names()}
        number = int(match.group(2)) if match else 0
        return [Candidate(run.tracker, "masks", folder, {number: maps}, protocol=VOS)]
    if run.protocol in PROTOCOLS:
        found = _nested(folder, folders, speller)
        return [replace(each, tracker=run.tracker, layout=each.layout, protocol=run.protocol) for each in found]
    sources = {}
    for name in run.names():
        entry = next(iter(run.record(name)["objects"].values()))
        sources[name] = Source(
            folder / entry["boxes"]["file"],
            name,
            time=folder / entry["seconds"]["file"],
            scores=folder / entry["scores"]["file"],
        )
    return [Candidate("", "trackzoo", folder, {0: sources})]


def _flat(folder: Path, files: list[str], speller: Speller) -> list[Candidate]:
    """`<seq>.txt` side by side."""
    texts = {Path(name).stem: name for name in files if name.lower().endswith(_TEXT)}
    beside = {stem for stem in texts if any(stem.endswith(ending) for ending in _BESIDE) and not speller.find(stem)}
    marked = {
        stem.removesuffix(ending)
        for stem in beside
        for ending in ("_all_boxes", "_all_scores")
        if stem.endswith(ending)
    }
    sources, strangers, doubles = _choose(
        ((stem, folder / name, None) for stem, name in texts.items() if stem not in beside), speller
    )
    if not sources:
        return _decorated(folder, {stem: name for stem, name in texts.items() if stem not in beside}, speller)
    if speller.dataset.protocol.startswith("vot") and any(_is_start(source.path) for source in sources.values()):
        # Results with restarts, whose toolkit puts them into folders; here they lie side by side.
        protocol = _EXPERIMENTS.get(plain(folder.name), "vot-supervised")
        return [Candidate("", "vot", folder, {0: sources}, strangers, doubles, protocol)]
    with_extras = {
        name: replace(
            source,
            time=_first(
                folder / texts[f"{source.spelling}_time"] if f"{source.spelling}_time" in texts else None,
                folder / "times" / f"{source.spelling}_time.txt",
            ),
            scores=_first(
                folder / texts[f"{source.spelling}_object_presence_scores"]
                if f"{source.spelling}_object_presence_scores" in texts
                else None
            ),
        )
        for name, source in sources.items()
    }
    layout = "flat"
    if marked:
        layout = "stark"
    elif (folder / "times").is_dir():
        layout = "got10k"
    elif _RESULT_SUFFIX.search(folder.name):
        layout = "lasot"
    elif any(stem.endswith(("_time", "_object_presence_scores")) for stem in beside):
        layout = "pytracking"
    return [Candidate("", layout, folder, {0: with_extras}, strangers, doubles)]


def _decorated(folder: Path, texts: Mapping[str, str], speller: Speller) -> list[Candidate]:
    """Text files none of which is called like a sequence: what all begin with is left off, what is behind names a tracker.

    `otb_Basketball.txt`, `basketball_ECO.txt`; also of several trackers side by side.
    """
    if len(texts) < 2:
        return []
    one, other = min(texts), max(texts)  # what these begin with, all do
    shared = one[: next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))]
    before = max((shared.rfind(sign) for sign in "_-."), default=-1) + 1
    groups: dict[str, list[tuple[str, Path, tuple[str, How] | None]]] = {}
    strangers = []
    for stem, name in texts.items():
        parts = stem[before:].split("_")
        used = next((n for n in range(len(parts), 0, -1) if speller.find("_".join(parts[:n]))), 0)
        if used:
            spelling = "_".join(parts[:used])
            groups.setdefault("_".join(parts[used:]), []).append((spelling, folder / name, speller.find(spelling)))
        else:
            strangers.append(name)
    if 2 * sum(map(len, groups.values())) < len(texts):
        return []
    found = []
    for tracker, entries in groups.items():
        sources, _, doubles = _choose(entries, speller)
        found.append(Candidate(tracker, "flat", folder, {0: sources}, tuple(strangers), doubles))
    return found


def _is_start(path: Path) -> bool:
    """Whether the first row is VOT's code for a start."""
    try:
        with path.open("rb") as file:
            return file.readline(64).strip() == b"1"
    except OSError:
        return False


def _first(*paths: Path | None) -> Path | None:
    return next((path for path in paths if path is not None and path.is_file()), None)


_RANK: dict[How, int] = {"own": 0, "known": 1, "loose": 2}


def _choose(
    files: Iterable[tuple[str, Path, tuple[str, How] | None]], speller: Speller
) -> tuple[dict[str, Source], tuple[str, ...], tuple[tuple[str, str, str], ...]]:
    """One source a sequence: of two spellings the one that is nearer to the benchmark's own."""
    sources: dict[str, Source] = {}
    strangers, doubles = [], []
    for stem, path, known in files:
        found = known or speller.find(stem)
        if found is None:
            strangers.append(path.name)
            continue
        name, how = found
        new = Source(path, stem, how)
        if (old := sources.get(name)) is not None:
            worse, better = (old, new) if _RANK[how] < _RANK[old.how] else (new, old)
            doubles.append((worse.path.name, better.path.name, name))
            new = better
        sources[name] = new
    return sources, tuple(strangers), tuple(doubles)


def _mat(folder: Path, files: list[str], speller: Speller) -> list[Candidate]:
    """`<seq>.mat`, or `<seq>_<tracker>.mat` of one or several trackers."""
    groups: dict[str, list[tuple[str, Path, tuple[str, How] | None]]] = {}
    strangers = []
    for name in files:
        if not name.lower().endswith(".mat"):
            continue
        stem = Path(name).stem
        found = speller.find_longest(stem)
        if found is None:
            strangers.append(name)
            continue
        parts = stem.split("_")
        used = next(n for n in range(len(parts), 0, -1) if speller.find("_".join(parts[:n])))
        groups.setdefault("_".join(parts[used:]), []).append(("_".join(parts[:used]), folder / name, found))
    candidates = []
    for tracker, entries in groups.items():
        sources, _, doubles = _choose(entries, speller)
        candidates.append(Candidate(tracker, "mat", folder, {0: sources}, tuple(strangers), doubles))
    return candidates


def _nested(folder: Path, folders: list[str], speller: Speller) -> list[Candidate]:
    """A folder a sequence: GOT-10k's repetitions, VOT's trajectories, masks."""
    runs: dict[int, dict[str, Source]] = {}
    regions: dict[int, dict[str, Source]] = {}
    anchored: dict[int, dict[str, Source]] = {}
    masks: list[tuple[str, Path, tuple[str, How] | None]] = []
    strangers: list[str] = []
    for name in folders:
        found = speller.find(name)
        inner = _inner(folder / name)
        if found is None:
            if any(_belongs(name, file) for file in inner) or (inner and inner[0].lower().endswith(".png")):
                strangers.append(name)
            continue
        pictures = [file for file in inner if file.lower().endswith(".png")]
        if pictures:
            masks.append((name, folder / name, found))
            continue
        for number, path, kind in _trajectories(folder / name, found[0], inner, speller):
            time = _first(folder / name / f"{name}_time.txt")
            {"got10k": runs, "vot": regions, "vot-multistart": anchored}[kind].setdefault(number, {})[found[0]] = (
                Source(path, name, found[1], time=time, column=number)
            )
    found_candidates = []
    if runs:
        found_candidates.append(Candidate("", "got10k", folder, runs, tuple(strangers)))
    where = _EXPERIMENTS.get(plain(folder.name), "")
    if regions:
        protocol = where or "vot-supervised"
        found_candidates.append(Candidate("", "vot", folder, regions, tuple(strangers), protocol=protocol))
    if anchored:
        protocol = where or "vot-multistart"
        found_candidates.append(Candidate("", "vot-multistart", folder, anchored, tuple(strangers), protocol=protocol))
    if masks:
        sources, _, doubles = _choose(masks, speller)
        maps = Candidate("", "masks", folder, {0: sources}, tuple(strangers), doubles, protocol="vos")
        found_candidates.append(maps)
    return found_candidates


def _inner(folder: Path) -> list[str]:
    """Names of the files in a folder; none where it may not be looked into."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _belongs(name: str, file: str) -> bool:
    match = _REPEATED.fullmatch(Path(file).stem)
    return bool(match) and match is not None and match.group(1) == name


def _trajectories(folder: Path, sequence: str, files: list[str], speller: Speller) -> Iterator[tuple[int, Path, str]]:
    """(repetition from 0, or anchor; file; kind) of the files of one sequence, which may spell it otherwise than the folder."""
    for file in files:
        stem, ending = Path(file).stem, Path(file).suffix.lower()
        match = _REPEATED.fullmatch(stem)
        if match is None or ending not in (".txt", ".bin"):
            continue
        meant = speller.find(match.group(1))
        if meant is None or meant[0] != sequence:
            continue
        digits = match.group(2)
        if len(digits) == 8:
            yield int(digits), folder / file, "vot-multistart"
        elif ending == ".bin" or speller.dataset.protocol.startswith("vot") or _has_codes(folder / file):
            yield int(digits) - 1, folder / file, "vot"
        else:
            yield int(digits) - 1, folder / file, "got10k"


def _has_codes(path: Path) -> bool:
    """Whether the first row is VOT's special code, or the rows are other than four numbers."""
    try:
        with path.open("rb") as file:
            line = file.readline(4096).strip()
    except OSError:
        return False
    return len(line.replace(b",", b" ").split()) != 4


def _repetitions(candidates: list[Candidate]) -> list[Candidate]:
    """Sibling folders `<param>_000`, `<param>_001` … are repetitions of one (PyTracking's runs, trackzoo's own)."""
    merged: dict[tuple[Path, str, str, str], Candidate] = {}
    for candidate in candidates:
        if candidate.tracker and candidate.protocol != "ope":
            # Trajectories of a run of our own: their files are numbered, whatever their folder's number.
            key = (candidate.folder.parent, candidate.tracker, candidate.layout, candidate.protocol)
            first = merged.setdefault(key, candidate)
            merged[key] = replace(first, runs=dict(sorted({**first.runs, **candidate.runs}.items())))
            continue
        match = _RUN.fullmatch(candidate.folder.name)
        if match is None or list(candidate.runs) != [0] or candidate.layout in _FOLDERED:
            merged[candidate.folder, candidate.tracker, candidate.layout, ""] = candidate
            continue
        key = (candidate.folder.parent, candidate.tracker, candidate.layout, match.group(1))
        number, sources = int(match.group(2)), candidate.runs[0]
        if (known := merged.get(key)) is None:
            merged[key] = replace(candidate, folder=candidate.folder, runs={number: sources})
        else:
            merged[key] = replace(
                known,
                runs=dict(sorted({**known.runs, number: sources}.items())),
                strangers=tuple(dict.fromkeys((*known.strangers, *candidate.strangers))),
                doubles=known.doubles + candidate.doubles,
            )
    return list(merged.values())


def _convincing(candidate: Candidate, speller: Speller) -> bool:
    """Whether the files are of this data set: half of its sequences, half of the files, or names as its own."""
    sources = candidate.all
    total = len(speller.dataset.names)
    if 2 * len(sources) >= total or len(sources) >= len(candidate.strangers):
        return True
    exact = sum(source.how != "loose" for source in sources.values())
    return 2 * exact >= len(sources)


def _relative(folder: Path, root: Path) -> str:
    return str(folder.relative_to(root)) if folder != root else root.name


def _named(candidates: list[Candidate], root: Path, called: str, speller: Speller) -> list[Candidate]:
    """Give every candidate a name of its own: the folders on the way to it that say something."""
    given: dict[tuple[str, str], int] = {}
    named = []
    for candidate in candidates:
        parts = [_cleaned(part) for part in candidate.folder.relative_to(root).parts]
        if len(candidate.runs) > 1 or candidate.layout not in (*_FOLDERED, "mat"):
            parts = [*parts[:-1], _without_run(parts[-1])] if parts and _is_run(candidate) else parts
        telling = [part for part in parts if part and not speller.says_nothing(part)]
        if candidate.layout == "trackzoo":
            telling = [candidate.folder.parent.parent.name]
        elif candidate.tracker and candidate.protocol != "ope":
            telling = []  # a run of our own says whose it is
        telling = [*telling, *([candidate.tracker] if candidate.tracker else [])]
        # An archive `ATOM.tar.xz` of a folder `ATOM` names the tracker twice.
        name = "-".join(
            part for before, part in zip(["", *telling], telling, strict=False) if plain(before) != plain(part)
        )
        if not name:
            own = _without_run(_cleaned(called)) if _RUN.fullmatch(called) else _cleaned(called)
            name = own if own and not speller.says_nothing(own) else (_cleaned(root.resolve().parent.name) or own)
        key = name, candidate.protocol
        given[key] = given.get(key, 0) + 1
        named.append(replace(candidate, tracker=name if given[key] == 1 else f"{name}-{given[key]}"))
    return named


def _is_run(candidate: Candidate) -> bool:
    return _RUN.fullmatch(candidate.folder.name) is not None and candidate.layout not in _FOLDERED


def _without_run(name: str) -> str:
    match = _RUN.fullmatch(name)
    return match.group(1) if match else name


def _cleaned(name: str) -> str:
    return _RESULT_SUFFIX.sub("", plain_name(Path(name)) if name else name)

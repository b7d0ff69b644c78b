"""From results folders to boards: which runs may be compared, scored under which profile, and what is refused."""

from __future__ import annotations

import contextlib
import json
import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence as ListOf
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import ResultsError, TrackzooError, UnknownName, incomplete, listing
from trackzoo.metrics import PROFILES, Scores, evaluate, profile as profile_named
from trackzoo.metrics.bootstrap import Interval, interval
from trackzoo.metrics.boxes import ceiling, floor
from trackzoo.metrics.types import Floats
from trackzoo.metrics.vos import VOS_PROFILES
from trackzoo.metrics.vot_scores import VOT_PROFILES, VotScores
from trackzoo.registry import tracker
from trackzoo.report.ahead import ahead
from trackzoo.report.columns import columns
from trackzoo.report.cross import ALL, Ends, applying, cross_board
from trackzoo.report.ends import End, vos_end, vot_end
from trackzoo.report.kept import kept_of
from trackzoo.report.model import Board, Comparison, CrossBoard, Deviation, Entry, Speed
from trackzoo.report.parallel import each
from trackzoo.report.selection import Library, Opened, select
from trackzoo.report.told import told_of
from trackzoo.report.uncertainty import intervals_of
from trackzoo.report.vos import (
    VOS,
    depends as vos_depends,
    frames_of,
    is_vos,
    profiles_for as vos_profiles_for,
    score_vos,
    video_frames,
)
from trackzoo.report.vot import VotRun, as_vot, profiles_for, score_vot
from trackzoo.sequence import Dataset
from trackzoo.store.read import StoredRun
from trackzoo.weights.training_sets import remarks_of

#: Sequences from which on several runs are read by several processes.
WORTH = 200
#: Metrics that the tables of published figures call otherwise.
_PRINTED_AS = {"jf": "j_and_f"}
#: What they call a tracker that was started with boxes where others are given masks.
_FROM_BOXES = "initialised with boxes"
#: In place of a data set's own profile where this version does not compute that for box results.
STAND_IN = "strict"


@dataclass(frozen=True)
class Rules:
    """How runs are scored and what is let through.

    Attributes:
        profiles: names of profiles; empty means each data set's own, `all` every one that applies (see `cross`).
        published: add papers' figures, and deviations from a tracker's own paper.
        as_released: cut boxes to integers first, as PyTracking's and STARK's runners did when they saved them.
        allow_incomplete: show incomplete sets, each on its own part, marked and unranked.
        common: score all runs of a data set on the sequences that all of them have.
        allow_other_data: show runs on annotation that differs from what is on disk now, marked.
        lenient: treat results that do not fit as the profile's toolkit does, with a note for each, instead of refusing them.
    """

    profiles: tuple[str, ...] = ()
    published: bool = False
    as_released: bool = False
    allow_incomplete: bool = False
    common: bool = False
    allow_other_data: bool = False
    lenient: bool = False


def collect(
    results: str | Path,
    trackers: ListOf[str] = (),
    datasets: ListOf[str | Dataset] = (),
    rules: Rules | None = None,
    *,
    data_root: str | Path | None = None,
) -> Comparison:
    """Score stored runs and gather those that may be compared.

    Args:
        results: results folder.
        trackers: names; none means all in the folder.
        datasets: names or open data sets; none means all in the folder.
        rules: how they are scored and what is let through.
        data_root: where the benchmarks lie, as `--data-root`.

    Raises:
        UnknownName: a tracker, data set or profile that does not exist.
        ResultsError: a set that is incomplete, or was run on other annotation, and is not let through; a damaged file.
        TrackzooError: no results; a data set that is not on this machine, or whose annotation only its server has.
    """
    rules = rules or Rules()
    check_profiles(rules.profiles)
    runs = [as_vot(run) for run in select(Path(results), trackers, datasets)]
    library = Library(data_root, [dataset for dataset in datasets if isinstance(dataset, Dataset)])
    notes: list[str] = []
    for run in runs:
        kept_of(run)  # looks at the files before anything is read
    runs = _scorable(runs, library, notes, named=bool(datasets))
    if not (rules.allow_incomplete or rules.common):
        refuse_incomplete(runs, library, Path(results))
    return compare(runs, library, rules, notes, source=results)


def compare(
    runs: ListOf[StoredRun], library: Library, rules: Rules, notes: ListOf[str] = (), *, source: str | Path = "results"
) -> Comparison:
    """Score runs that were chosen and gather those that may be compared.

    Args:
        runs: stored runs, or anything that answers like them (a folder of another toolkit's files).
        library: opens their data sets.
        rules: how they are scored. That they are complete is the caller's to check.
        notes: lines that the comparison begins with.
        source: where they come from, for messages.

    Raises:
        UnknownName: a profile that does not exist.
        ResultsError: results that do not fit their annotation.
        TrackzooError: nothing to score.
    """
    check_profiles(rules.profiles)
    notes = list(notes)
    groups: dict[tuple[str, ...], list[StoredRun]] = {}
    for run in runs:
        opened = library.open(run)
        selection = () if rules.common else opened.ordered(run.expected)
        groups.setdefault((run.dataset, run.protocol, *selection), []).append(run)
    crosses: list[CrossBoard] = []
    boards = [
        board for group in groups.values() for board in _boards(group, library.open(group[0]), rules, notes, crosses)
    ]
    if not boards and not crosses:
        raise TrackzooError("; ".join(notes) or f"{source}: found nothing to score")
    weights = [weights_of(run) for run in runs]
    # A person's own class (`module:Class`) may have a network that nobody here knows of.
    if not any(weights) and not any(":" in run.tracker for run in runs):
        notes.append("None of these trackers is known to use trained weights: they are weight-free baselines.")
    return Comparison(tuple(boards), tuple(dict.fromkeys((*notes, *library.notes))), tuple(crosses))


def check_profiles(names: Iterable[str]) -> None:
    """Raise `UnknownName` for a name that no profile has."""
    for name in names:
        if name not in PROFILES and name not in VOT_PROFILES and name not in VOS_PROFILES and name != ALL:
            raise UnknownName("profile", name, {**PROFILES, **VOT_PROFILES, **VOS_PROFILES, ALL: None})


def refuse_incomplete(runs: Iterable[StoredRun], library: Library, results: Path) -> None:
    """Raise `ResultsError` for the first incomplete run: what is missing, and the command that finishes it."""
    lacking = [(run, missing) for run in runs if (missing := run.missing())]
    if not lacking:
        return
    run, missing = lacking[0]
    others = listing(f"{each.tracker} on {each.dataset}" for each, _ in lacking[1:])
    more = f" ({others} too)" if others else ""
    do = f"'{finishing(run, library.open(run), results)}' finishes it, --allow-incomplete shows it marked as incomplete"
    raise incomplete(run.path, missing, len(run.expected), do, what="sequences finished", more=more)


def finishing(run: StoredRun, opened: Opened, results: Path) -> str:
    """The command that makes what a run is missing, with what its identity needs."""
    identity = run.identity.get("identity", {})
    words = ["trackzoo", "run", "--tracker", run.tracker, "--dataset", run.dataset]
    if run.protocol != opened.dataset.protocol:
        words += ["--protocol", run.protocol]
    words += _protocol_words(run)
    if len(run.repeats) > 1:
        words += ["--repeats", str(len(run.repeats))]
    for option, usual in (("seed", 0), ("dtype", "fp32")):
        if identity.get(option, usual) != usual:
            words += [f"--{option}", str(identity[option])]
    for key, value in identity.get("settings", {}).items():
        if value != _variant_settings(run.tracker).get(key):
            words += ["--set", f"{key}={json.dumps(value)}"]
    words += _weights_words(run)
    if len(run.expected) < len(opened.places):
        words.append("--available")
    if results != Path("runs"):
        words += ["--results", str(results)]
    if opened.personal and opened.dataset.root is not None:
        words += ["--data-root", str(opened.dataset.root)]
    return shlex.join(words)


def _protocol_words(run: StoredRun) -> list[str]:
    """The options for settings of the protocol that the tracker would not have by itself."""
    from trackzoo.protocols import PROTOCOLS, protocol

    settings = run.identity.get("identity", {}).get("protocol", {}).get("settings", {})
    if run.protocol not in PROTOCOLS:
        return []
    rules = protocol(run.protocol)
    with contextlib.suppress(TrackzooError):  # a tracker that is not here any more, or a person's own class
        rules = rules.fitted(run.tracker, tracker(run.tracker).spec)
    usual = rules.settings()
    words: list[str] = []
    for key, value in settings.items():
        if usual.get(key) == value or key == "corner":
            continue
        if key == "masks":
            words.append("--masks")
        elif key == "first_box":
            corner = settings.get("corner")
            words += ["--first-box", f"{value}:{corner}" if corner else str(value)]
        else:
            words += ["--set-protocol", f"{key}={value}"]
    return words


def _weights_words(run: StoredRun) -> list[str]:
    """The option for weights other than the tracker's own."""
    weights, about = weights_of(run), run.identity.get("weights")
    if random_weights(run):
        return ["--random-weights"]
    if not isinstance(weights, dict) or not weights.get("name") or not isinstance(about, dict):
        return []
    try:
        usual = tracker(run.tracker).weights
    except TrackzooError:
        usual = ""
    # Weights of the table are known by name; of a person's own file the folder has the path.
    # A composition's says both, each as it was named.
    name = str(weights["name"] if "title" in about else about.get("source", weights["name"]))
    return [] if name == usual else ["--weights", name]


def _variant_settings(name: str) -> dict[str, Any]:
    try:
        return tracker(name).settings
    except TrackzooError:
        return {}


def default_profile(dataset: Dataset) -> str:
    """The profile that a data set is scored under when nobody names one."""
    return dataset.profile if dataset.profile in PROFILES else STAND_IN


def score(
    opened: Opened,
    boxes: ListOf[ListOf[Floats | None]],
    names: tuple[str, ...],
    profile: str,
    *,
    as_released: bool = False,
    lenient: bool = False,
) -> Scores:
    """Scores of one tracker's boxes.

    Args:
        opened: the data set.
        boxes: `boxes[r][s]` (N, 4) of repetition r on sequence `names[s]`, or None where there are none.
        names: the sequences.
        profile: name of the profile.
        as_released: cut boxes to integers first.
        lenient: see `trackzoo.metrics.evaluate`.
    """
    profile_named(profile)
    called = opened.dataset.toolkit_names.get(profile, opened.id)
    truths = opened.truths(names, sizes=_sizes(opened, profile))
    if as_released:
        boxes = [[None if values is None else np.trunc(values) for values in repetition] for repetition in boxes]
    return evaluate(profile, truths, boxes, dataset=called, lenient=lenient)


def speed_of(run: StoredRun, names: Iterable[str]) -> Speed | None:
    """Speed over the given sequences and all repetitions; None where nothing was timed, or nobody knows on what machine."""
    if run.identity.get("imported"):
        return None
    frames, seconds, lanes, jobs = 0, 0.0, 1, 1
    several = is_vos(run)
    devices: dict[str, None] = {}
    for repeat in run.repeats:
        for name in names:
            record = run.record(name, repeat)
            # A video's frame takes the time of all its objects.
            each = [run.seconds(name, repeat, obj) for obj in run.objects(name, repeat)] if several else []
            times = np.sum(each, axis=0) if several else run.seconds(name, repeat)
            count = len(run.masks(name, repeat)) if several else len(times)
            frames, seconds = frames + count, seconds + float(times.sum())
            lanes, jobs = max(lanes, int(record.get("lanes", 1))), max(jobs, int(record.get("jobs", 1)))
            devices.setdefault(str(record.get("device_name") or record.get("device") or "unknown device"))
    return Speed(frames, seconds, lanes, jobs, tuple(devices), run.throughput) if seconds > 0 else None


def weights_of(run: StoredRun) -> Any:
    """What the run's identity says of the network's weights; empty for trackers without any."""
    return run.identity.get("identity", {}).get("weights")


def random_weights(run: StoredRun) -> bool:
    """Whether the network had no trained weights."""
    weights = weights_of(run)
    return weights == "random" or (isinstance(weights, dict) and bool(weights.get("random")))


def _scorable(runs: list[StoredRun], library: Library, notes: list[str], *, named: bool) -> list[StoredRun]:
    """Runs whose annotation is public and whose trials are sequences; the others are named, or refused when asked for."""
    kept = []
    for run in runs:
        opened = library.open(run)
        if opened.hidden:
            reason = f"{run.dataset}: {opened.hidden}"
        elif any(name not in opened.places for name in run.expected):
            odd = next(name for name in run.expected if name not in opened.places)
            reason = f"{run.path}: '{odd}' is no sequence of {run.dataset}, and protocol '{run.protocol}' has no metrics here"
        else:
            kept.append(run)
            continue
        if named:
            raise TrackzooError(f"{reason}; it cannot be scored")
        notes.append(f"{reason}; left out.")
    return kept


def boxed(run: StoredRun) -> bool:
    """Whether a run's results are boxes, one a frame: not regions (VOT), not label maps."""
    return not isinstance(run, VotRun) and not is_vos(run)


def _boards(
    runs: ListOf[StoredRun], opened: Opened, rules: Rules, notes: list[str], crosses: list[CrossBoard]
) -> list[Board]:
    """The boards of runs of one data set and protocol: one a profile. Notes and runs under all profiles are added to theirs."""
    every = ALL in rules.profiles
    ends: dict[tuple[str, ...], Ends] = {}
    profiles = _profiles(runs[0], opened, rules)
    if not profiles:
        asked = ", ".join(rules.profiles)
        notes.append(f"{opened.title}, protocol {runs[0].protocol}: not scored under {asked}; left out.")
        return []
    if not boxed(runs[0]):
        pass
    elif not rules.profiles and opened.dataset.profile in VOT_PROFILES:
        notes.append(
            f"{opened.title}: '{opened.dataset.profile}' scores VOT's own protocols; '{profiles[0]}' stands in."
        )
    elif not rules.profiles and profiles[0] != opened.dataset.profile:
        notes.append(
            f"{opened.title}: its own profile '{opened.dataset.profile}' is not computed here, '{profiles[0]}' stands in."
        )
    own = {}
    for run in runs:
        lacking = set(run.missing())
        kept_of(run).keep_records()
        own[run.path] = tuple(name for name in opened.ordered(run.expected) if name not in lacking)
    # Incomplete runs that have the very same part may be ranked among each other like any others.
    common = rules.common or (len(set(own.values())) == 1 and any(run.missing() for run in runs))
    if rules.common:
        shared = set.intersection(*(set(names) for names in own.values()))
        if not shared:
            notes.append(f"{opened.title}: the runs have no sequence in common; left out.")
            return []
        own = {path: tuple(name for name in names if name in shared) for path, names in own.items()}
    todo = [(run, own[run.path]) for run in runs]
    for run, names in todo:
        if not names:
            notes.append(f"{run.tracker} on {run.dataset}: nothing is finished yet; left out.")
    todo = [(run, names) for run, names in todo if names]

    def work(item: tuple[StoredRun, tuple[str, ...]]) -> tuple[list[Entry], dict[str, str]]:
        refused: dict[str, str] = {}
        return list(_entries(item[0], opened, item[1], profiles, rules, refused if every else None)), refused

    unknown = [(run, names) for run, names in todo if kept_of(run).facts(names) is None]
    worth = sum(len(names) * len(run.repeats) for run, names in unknown) >= WORTH and len(unknown) > 1
    plain = [(run, names) for run, names in unknown if isinstance(run, StoredRun) and boxed(run)]
    with ahead(plain, worth=worth) as finish:
        others = [_refuse_other_data(run, opened, names, rules) for run, names in todo]
        if worth:
            _prepare(opened, unknown, profiles)
        finish()
        done = each(work, todo, worth=worth)
    found: dict[str, list[Entry]] = {name: [] for name in profiles}
    for (run, names), other, (entries, refused) in zip(todo, others, done, strict=True):
        remarks = (*remarks_of(run.identity), *told_of(run.identity))
        scored = {}
        for entry in entries:
            scored[entry.scores.profile] = replace(entry, other_data=other, remarks=remarks)
            found[entry.scores.profile].append(scored[entry.scores.profile])
        if every:
            if names not in ends:
                ends[names] = _ends(run, opened, names, rules)
            crosses.append(cross_board(run, opened, names, profiles, scored, refused, ends[names]))
    boards = []
    for name, entries in found.items():
        if entries:
            boards.append(_board(opened, runs[0].protocol, name, entries, rules, common))
    return boards


def _prepare(opened: Opened, runs: Iterable[tuple[StoredRun, tuple[str, ...]]], profiles: Iterable[str]) -> None:
    """Read the annotation that runs are scored on, so that processes that are forked from this one have it."""
    for run, names in runs:
        opened.fingerprint(names)
        if len(names) > 1:
            interval(np.zeros(len(names)))  # draws the resamples, which all share
        if not boxed(run):
            continue
        for profile in profiles:
            # A picture whose size is not known is told by the profile that asks for it.
            with contextlib.suppress(TrackzooError):
                opened.truths(names, sizes=_sizes(opened, profile))


def _sizes(opened: Opened, profile: str) -> bool:
    """Whether a profile asks for the pictures' sizes: average overlap is of boxes clipped to the picture, nothing else is."""
    called = opened.dataset.toolkit_names.get(profile, opened.id)
    return "ao" in profile_named(profile).metrics(called)


def _ends(run: StoredRun, opened: Opened, names: tuple[str, ...], rules: Rules) -> Ends:
    """Ceiling and floor of results like a run's."""

    def of_boxes(profile: str, end: End) -> Scores:
        make = ceiling if end == "ceiling" else floor
        return score(opened, [[make(truth) for truth in opened.truths(names)]], names, profile, lenient=rules.lenient)

    profiles: Mapping[str, Any]
    of: Callable[[str, End], Scores]
    if isinstance(run, VotRun):
        profiles, of = VOT_PROFILES, partial(vot_end, run, opened, names)
    elif is_vos(run):
        profiles, of = VOS_PROFILES, partial(vos_end, opened, names)
    else:
        profiles, of = PROFILES, of_boxes
    return Ends(of, {name: facts.version for name, facts in profiles.items()})


def _profiles(run: StoredRun, opened: Opened, rules: Rules) -> list[str]:
    """The profiles under which runs like this one are scored: those asked for that score such runs, or the usual one."""
    every = ALL in rules.profiles
    if isinstance(run, VotRun):
        return profiles_for(run, list(VOT_PROFILES) if every else rules.profiles)
    if is_vos(run):
        return list(VOS_PROFILES) if every else vos_profiles_for(opened.dataset, rules.profiles)
    if every:
        return applying(opened)
    return (
        [name for name in rules.profiles if name in PROFILES] if rules.profiles else [default_profile(opened.dataset)]
    )


def _entries(
    run: StoredRun,
    opened: Opened,
    names: tuple[str, ...],
    profiles: ListOf[str],
    rules: Rules,
    refused: dict[str, str] | None = None,
) -> Iterable[Entry]:
    """One entry a profile; boxes are read once. With `refused`, a profile that refuses the run is noted there and left out."""
    vot = run if isinstance(run, VotRun) else None
    vos = is_vos(run)
    kept = kept_of(run)
    scored: dict[str, Scores] = {}
    intervals: dict[str, dict[str, Interval]] = {}

    @cache
    def boxes() -> list[list[Floats | None]]:
        return [[run.boxes(name, repeat) for name in names] for repeat in run.repeats]

    def under(profile: str) -> Scores:
        if profile not in scored:
            how: list[Any] = [profile, rules.as_released, rules.lenient]
            key = [] if vot else vos_depends(opened, names, profile) if vos else _depends(opened, names, profile)
            found = None if vot else kept.scores(how, key)
            try:
                if found is None:
                    scores = (
                        score_vot(vot, opened, names, profile)
                        if vot
                        else score_vos(run, opened, names, profile, lenient=rules.lenient)
                        if vos
                        else score(
                            opened, boxes(), names, profile, as_released=rules.as_released, lenient=rules.lenient
                        )
                    )
                    found = scores, intervals_of(scores)
                    kept.keep_scores(how, key, *found)
            except ResultsError as error:
                raise TrackzooError(_blamed(run, error)) from None
            scored[profile], intervals[profile] = found
        return scored[profile]

    facts = kept.facts(names)
    if facts is None:
        known = speed_of(run, names)
        counts: list[int | None] = (
            list(opened.dataset.lengths(names).values())
            if vot
            else [video_frames(run, name) for name in names]
            if vos
            else [0 if v is None else len(v) for v in boxes()[0]]
        )
        facts = {"speed": None if known is None else asdict(known), "frames": [count or 0 for count in counts]}
        kept.keep_facts(names, facts)
    speed = None if facts["speed"] is None else Speed(**{**facts["speed"], "devices": tuple(facts["speed"]["devices"])})
    for profile in profiles:
        try:
            scores = under(profile)
        except TrackzooError as error:
            if refused is None:
                raise
            refused[profile] = str(error)
            continue
        yield Entry(
            run.tracker,
            run.dataset,
            run.protocol,
            scores,
            opened.fingerprint(names),
            run.path,
            run.identity,
            opened.ordered(run.expected),
            run.missing(),
            len(run.repeats),
            frames_of(scores, dict(zip(names, facts["frames"], strict=True))) if vos else tuple(facts["frames"]),
            speed,
            random_weights(run),
            False,
            rules.as_released and boxed(run),
            tuple(_deviations(run, under)) if rules.published and len(names) == len(opened.places) else (),
            intervals[profile],
        )


def _depends(opened: Opened, names: tuple[str, ...], profile: str) -> list[Any]:
    """What scores under a profile depend on besides the boxes."""
    called = opened.dataset.toolkit_names.get(profile, opened.id)
    facts: list[Any] = [opened.fingerprint(names), list(names), profile_named(profile).version, called]
    if _sizes(opened, profile):
        facts += [[truth.size, truth.category, truth.motion] for truth in opened.truths(names, sizes=True)]
    return facts


def _blamed(run: StoredRun, error: ResultsError) -> str:
    """The message with the file that it is about, where the run knows which file a sequence's boxes are from."""
    if error.path.is_relative_to(run.path):
        return str(error)
    file = getattr(run, "sources", {}).get(str(error.path))
    return f"{run.path}: {error}" if file is None else f"{file}{str(error).removeprefix(str(error.path))}"


def _deviations(run: StoredRun, under: Any) -> Iterable[Deviation]:
    """Ours beside the tracker's own paper, under the paper's profile and with its rounding; nothing where that is unknown."""
    from trackzoo.report import published

    seen = set()
    own_names = {name: metric for metric, name in _PRINTED_AS.items()}
    boxes = (
        is_vos(run) and run.identity.get("identity", {}).get("protocol", {}).get("settings", {}).get("init") == "box"
    )
    for printed in published.lookup(run.tracker, run.dataset, variant=_FROM_BOXES if boxes else ""):
        figure = replace(printed, metric=own_names.get(printed.metric, printed.metric))
        if not figure.own or figure.profile not in _scoring(run) or figure.metric in seen:
            continue
        scores = under(figure.profile)
        ours = scores.metrics.get(figure.metric, math.nan)
        value = None if math.isnan(ours) else published.deviation(ours, figure, scores.profile)
        if value is not None:
            seen.add(figure.metric)
            yield Deviation(figure, ours, scores.version, value)


def _scoring(run: StoredRun) -> Iterable[str]:
    """Names of the profiles that score such runs."""
    if isinstance(run, VotRun):
        return profiles_for(run, list(VOT_PROFILES))
    return VOS_PROFILES if is_vos(run) else PROFILES


def _board(opened: Opened, protocol: str, profile: str, entries: list[Entry], rules: Rules, common: bool) -> Board:
    facts: Any
    if isinstance(entries[0].scores, VotScores):
        facts = VOT_PROFILES[profile]
    else:
        facts = VOS_PROFILES[profile] if protocol == VOS else profile_named(profile)
    names = entries[0].scores.sequences if common else entries[0].expected
    metrics = [metric for entry in entries for metric in entry.scores.metrics]
    main = columns(metrics)[0]

    def rank(entry: Entry) -> tuple[bool, bool, bool, float, str]:
        value = entry.scores.metrics.get(main.metric, math.nan)
        sign = -1 if main.higher else 1
        return (
            entry.random_weights,
            not (entry.complete or rules.common),
            math.isnan(value),
            sign * value if value == value else 0,
            entry.tracker,
        )

    published_rows: tuple[Any, ...] = ()
    if rules.published:
        from trackzoo.report import published

        ours = {_PRINTED_AS.get(column.metric, column.metric): column.metric for column in columns(metrics)}
        rows = published.rows_for(opened.id, [name for name in ours if name in published.METRICS]).rows
        published_rows = tuple(
            replace(
                row,
                figures={ours[name]: replace(figure, metric=ours[name]) for name, figure in row.figures.items()},
                marks={ours[name]: marks for name, marks in row.marks.items()},
            )
            for row in rows
        )
    return Board(
        opened.id,
        opened.name,
        opened.title,
        opened.split,
        protocol,
        profile,
        facts.version,
        facts.describe,
        opened.fingerprint(names),
        names,
        len(opened.places),
        tuple(sorted(entries, key=rank)),
        {name: opened.dataset[name].attributes for name in names},
        published_rows,
        common,
        _mended(entries),
    )


def _mended(entries: Iterable[Entry], most: int = 8) -> tuple[str, ...]:
    """What a profile mended in the boxes; all of it stands in the page's provenance."""
    lines = [f"{entry.tracker}: {note}" for entry in entries for note in entry.scores.notes]
    return (*lines[:most], *([f"… and {len(lines) - most} more such notes"] if len(lines) > most else []))


def _refuse_other_data(run: StoredRun, opened: Opened, names: Iterable[str], rules: Rules) -> bool:
    """Whether the annotation is another one than the run was made on. Raises `ResultsError` where that is not let through."""
    differing = _differing(run, opened, names)
    if differing and not rules.allow_other_data:
        raise ResultsError(
            run.path,
            f"results on another annotation of {listing(differing)} than is on disk now",
            "the same",
            "run again with --new, mend the data set ('trackzoo datasets check'), or see it marked with --allow-other-data",
        )
    return bool(differing)


def _differing(run: StoredRun, opened: Opened, names: Iterable[str]) -> list[str]:
    """Sequences whose annotation differs from the one that the run was made on."""
    found = []
    names = tuple(names)
    opened.fingerprint(names)  # all at once: what is read for it is kept on disk once
    for name in names:
        recorded = {run.record(name, repeat).get("fingerprint") for repeat in run.repeats} - {None}
        if recorded and recorded != {opened.fingerprint((name,))}:
            found.append(name)
    return found

"""What a run will do, worked out before anything is decoded, loaded or written."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackzoo.config import results_folder
from trackzoo.engine.build import Job, load_tracker
from trackzoo.engine.devices import DTYPES, choose_devices, cores, let_threads_sleep
from trackzoo.engine.facts import code
from trackzoo.engine.lane import Task
from trackzoo.engine.texts import texts
from trackzoo.errors import DataError, SettingsError, TrackzooError
from trackzoo.registry import TrackerChoice, open_dataset, resolve, tracker as choose_tracker
from trackzoo.sequence import Dataset
from trackzoo.store.identity import plain, refuse_other_data
from trackzoo.store.layout import RECORD, safe_name
from trackzoo.store.write import Place
from trackzoo.tracker import Instrumented, Tracker
from trackzoo.trial import Protocol, Trial

_DIGEST = re.compile("[0-9a-f]{64}")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass
class Plan:
    """A run that is ready to begin.

    Attributes:
        choice: the tracker.
        dataset: the data set.
        protocol: how it is run.
        place: where its results lie.
        identity: what must be equal for two runs to fill one folder.
        about: further facts for `run.json`.
        expected: names of all trials of a repetition of the whole set.
        trials: those that were asked for, in the data set's order.
        finished: (repetition, name) of those among them that are finished.
        jobs: one a worker.
        new: the folder's results are moved aside first.
        in_processes: whether workers are processes of their own.
        tracker: the tracker, where it had to be loaded to be identified.
        remarks: what a reader of the results must know of how the weights came to be, and of descriptions that lack, a line
            each.
    """

    choice: TrackerChoice
    dataset: Dataset
    protocol: Protocol
    place: Place
    identity: dict[str, Any]
    about: dict[str, Any]
    expected: list[str]
    trials: list[Trial]
    finished: frozenset[tuple[int, str]]
    jobs: list[Job]
    new: bool = False
    in_processes: bool = False
    tracker: Tracker[Any] | None = field(default=None, repr=False)
    remarks: tuple[str, ...] = ()

    @property
    def random_weights(self) -> bool:
        """Whether the network was never trained: the boxes mean nothing, the seconds do."""
        return bool((self.identity.get("weights") or {}).get("random"))

    @property
    def tasks(self) -> list[Task]:
        """What is left to do, in the data set's order."""
        tasks = [Task(trial) for trial in self.trials]
        return [task for task in tasks if task.key not in self.finished]

    @property
    def side_by_side(self) -> bool:
        """Whether several trials run at the same time."""
        return len(self.jobs) > 1 or self.jobs[0].lanes > 1

    def ordered_tasks(self) -> list[Task]:
        """What is left to do: longest first where trials run side by side, so that none is left running alone at the end."""
        tasks = self.tasks
        if not self.side_by_side:
            return tasks
        lengths = self.dataset.lengths(list(dict.fromkeys(task.trial.sequence.name for task in tasks)))
        return sorted(tasks, key=lambda task: -(lengths.get(task.trial.sequence.name) or 0))

    def __str__(self) -> str:
        job = self.jobs[0]
        devices = ", ".join(dict.fromkeys(each.device for each in self.jobs))
        lines = [
            f"{self.choice.id} on {self.dataset.id} ({self.protocol.name}): {len(self.trials)} trials, "
            f"{len(self.finished)} done, {len(self.trials) - len(self.finished)} left",
            f"  folder    {self.place.folder()}" + (" (what is in it is moved aside)" if self.new else ""),
            f"  workers   {len(self.jobs)} x {job.lanes} lanes on {devices}"
            + (", a fresh process for each trial" if self.choice.spec.isolated else ""),
        ]
        lines += [
            f"  {key:<9} {json.dumps(self.identity[key])}" for key in self.identity if key not in ("tracker", "dataset")
        ]
        left = [str(task) for task in self.tasks]
        if left:
            lines.append(f"  left      {', '.join(left[:8])}" + (f" and {len(left) - 8} more" if len(left) > 8 else ""))
        return "\n".join(lines)


def prepare(
    tracker: str | TrackerChoice,
    dataset: str | Dataset,
    *,
    results: str | Path | None = None,
    protocol: str | Protocol | None = None,
    lanes: int = 1,
    jobs: int | None = None,
    device: str | None = None,
    dtype: str = "fp32",
    repeats: int | None = None,
    seed: int = 0,
    sequences: ListOf[str] = (),
    limit: int | None = None,
    shard: str | tuple[int, int] | None = None,
    new: bool = False,
    available: bool = False,
    data_root: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    text: str | None = None,
) -> Plan:
    """Work out a run; see `trackzoo.engine.runner.run` for the arguments. Writes nothing.

    Raises:
        TrackzooError: anything about the run that cannot be; nothing has been written then.
    """
    let_threads_sleep()
    choice = choose_tracker(tracker) if isinstance(tracker, str) else tracker
    for name, value in (("lanes", lanes), ("repeats", repeats), ("jobs", jobs)):
        if value is not None and value < 1:
            raise SettingsError(f"--{name}: found {value}, expected a number of at least 1")
    if limit is not None and limit < 1:
        raise SettingsError(f"--limit: found {limit}, expected a number of at least 1")
    if dtype not in DTYPES:
        raise SettingsError(f"--dtype: found '{dtype}', expected one of {', '.join(DTYPES)}")
    part = parse_shard(shard)
    data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset, data_root)
    rules = _protocol(protocol, data).fitted(choice.id, choice.spec)
    names, whole = select(data, sequences, limit=limit, available=available)
    if repeats is None:
        repeats = rules.usual_repeats(choice.spec.deterministic)
    trials = rules.trials(data, names, repeats, seed)
    if part is not None:
        kept = set(names[part[0] - 1 :: part[1]])
        trials = [trial for trial in trials if trial.sequence.name in kept]
    if trials:
        _need_images(trials[0])
    of_text = texts(choice.id, choice.spec, data, trials, text)

    devices = choose_devices(device)
    count = jobs or len(devices)
    place = Place(results_folder(results), choice.id, data.id, rules.name, repeats)
    chosen, settings = choice.weights_among(settings or {})
    choice, hints = _with_weights(choice, chosen if weights is None else weights, data.id)
    own = {**choice.settings, **settings}
    loader = Job(choice, settings, devices[0], dtype, text=text)
    loaded, further = _identified(loader)
    _refuse_boxes_alone(choice.id, loaded, trials)
    of_weights, about_weights, remarks = _weights(choice, further, data.id)
    identity = plain(
        {
            "tracker": choice.id,
            "settings": own,
            "weights": of_weights,
            "dataset": data.id,
            "protocol": {"name": rules.name, "version": rules.version, "settings": rules.settings()},
            "dtype": dtype,
            "seed": seed,
            **({"text": text} if text is not None else {}),
            **({"depends": further} if further else {}),
        }
    )
    finished: set[tuple[int, str]] = set()
    if not new:
        place.refuse_other_run(identity)
        finished = _finished(place, data, trials)

    left = sum(1 for trial in trials if (trial.repeat, trial.name) not in finished)
    count = max(1, min(count, left))
    isolated = choice.spec.isolated
    share = max(1, cores() // count)
    threads = share if count > 1 or isolated else None
    if choice.spec.threads:
        threads = min(share, choice.spec.threads)
    work = [
        Job(
            choice,
            settings,
            devices[index % len(devices)],
            dtype,
            lanes=1 if isolated else lanes,
            threads=threads,
            decoders=min(4, share),
            jobs=count,
            wants=rules.wants(data),
            text=text,
        )
        for index in range(count)
    ]
    about = {
        "code": code(),
        "data_root": str(data.root.absolute()) if data.root is not None else None,
        **({"weights": about_weights} if about_weights else {}),
        **({"remarks": list(remarks)} if remarks else {}),
        **({"texts": list(of_text)} if of_text else {}),
    }
    expected = [trial.name for trial in rules.trials(data, whole, 1, seed)]
    return Plan(
        choice,
        data,
        rules,
        place,
        identity,
        about,
        expected,
        trials,
        frozenset(finished),
        work,
        new=new,
        in_processes=count > 1 or isolated,
        tracker=loaded,
        remarks=(*remarks, *of_text, *hints),
    )


def parse_shard(shard: str | tuple[int, int] | None) -> tuple[int, int] | None:
    """`"2/4"` as (2, 4). Raises `SettingsError`."""
    if shard is None or isinstance(shard, tuple):
        parts = shard
    else:
        numbers = [piece.strip() for piece in shard.split("/")]
        if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
            raise SettingsError(f"--shard: found '{shard}', expected part/parts, e.g. 1/4")
        parts = (int(numbers[0]), int(numbers[1]))
    if parts is not None and not 1 <= parts[0] <= parts[1]:
        raise SettingsError(f"--shard: found {parts[0]}/{parts[1]}, expected a part from 1/{max(parts[1], 1)} on")
    return parts


def select(
    dataset: Dataset, sequences: ListOf[str] = (), *, limit: int | None = None, available: bool = False
) -> tuple[list[str], list[str]]:
    """Names of the sequences to run, and of the whole set that the run is a part of, in the data set's order.

    Args:
        dataset: the data set.
        sequences: these alone; empty means all.
        limit: the first so many alone.
        available: those that are on disk alone; they are the whole set then.

    Raises:
        UnknownName: a sequence that does not exist.
        TrackzooError: a sequence that is not on disk.
    """
    wanted = {dataset[dataset.own_name(name)].name for name in sequences}
    there = set(dataset.available())
    whole = [name for name in dataset.names if not available or name in there]
    names = [name for name in whole if not wanted or name in wanted]
    if available and wanted and not names:
        raise TrackzooError(f"{dataset.id}: none of the sequences that were asked for are on disk ({dataset.root})")
    names = names[:limit]
    missing = [name for name in names if name not in there]
    if not dataset.names:
        raise TrackzooError(
            f"{dataset.id}: no sequences in {dataset.root}; 'trackzoo datasets check {dataset.id}' says why"
        )
    if missing or not names:
        missing = missing or list(dataset.names)
        those = "--available runs those that are there, " if there else ""
        raise TrackzooError(
            f"{dataset.id}: {len(missing)} of {max(len(names), len(missing))} sequences missing in {dataset.root}, first "
            f"'{missing[0]}'; {those}'trackzoo datasets check {dataset.id}' says what is missing"
        )
    return names, whole


def _protocol(protocol: str | Protocol | None, dataset: Dataset) -> Protocol:
    from trackzoo.protocols import protocol as named

    return protocol if isinstance(protocol, Protocol) else named(protocol or dataset.protocol)


def _need_images(trial: Trial) -> None:
    """Raise when the data set is here without images; what is wrong with one sequence is that trial's matter."""
    try:
        _ = trial.sequence.frames
    except DataError:
        return


def _identified(job: Job) -> tuple[Tracker[Any] | None, dict[str, Any]]:
    """What the boxes depend on beyond name and settings; the tracker is loaded only where it says something before a run."""
    choice = job.choice
    code = _own_code(choice)
    further: dict[str, Any] = {"code": code} if code else {}
    choice.check(**job.settings)
    telling = False
    for prefix, part, own in choice.parts(job.settings):
        if part.spec.depends:
            settings = {**part.settings, "weights": part.weights, **own}
            found = resolve(part.spec.depends)(part.id, settings, job.text)
            further |= {f"{prefix}{name}": value for name, value in found.items()}
        factory = resolve(part.spec.factory)
        known = isinstance(factory, type) and issubclass(factory, Instrumented)
        telling |= not known or factory.identity is not Instrumented.identity
        telling |= getattr(factory, "needs_mask", Tracker.needs_mask) is not Tracker.needs_mask
    if not telling:
        return None, further
    tracker = load_tracker(job)
    return tracker, {**further, **tracker.identity()}


def _refuse_boxes_alone(name: str, tracker: Tracker[Any] | None, trials: ListOf[Trial]) -> None:
    """Raise where a tracker cannot begin with a box alone and no trial brings more. What one lacks is its own matter."""
    reason = tracker.needs_mask() if tracker is not None else ""
    if not reason:
        return
    for trial in trials:
        try:
            if trial.brings_mask:
                return
        except DataError:
            return
    if trials:
        raise SettingsError(f"tracker '{name}': {reason}")


def _own_code(choice: TrackerChoice) -> str | None:
    """SHA-256 of the file of a person's own class (`module:Class`); None for trackers of the registry.

    Such a tracker is known by its name alone, while its code changes from one run to the next.
    """
    for value in choice.settings.values():
        if isinstance(value, str) and _REFERENCE.fullmatch(value):
            spec = importlib.util.find_spec(value.partition(":")[0])
            if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
                return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
    return None


def _with_weights(choice: TrackerChoice, weights: Any, dataset: str) -> tuple[TrackerChoice, tuple[str, ...]]:
    """The tracker with the weights that a person chose, or else those that the benchmark's rules ask for; and what to say."""
    if weights is not None:
        if not isinstance(weights, str | Path):
            raise SettingsError(f"weights: found a {type(weights).__name__}, a run takes a name or a path")
        return choice.with_weights(weights), ()
    if not choice.weights:
        return choice, ()
    from trackzoo.weights.training_sets import for_dataset

    return for_dataset(choice, dataset)


def _weights(
    choice: TrackerChoice, depends: Mapping[str, Any], dataset: str
) -> tuple[dict[str, Any] | None, dict[str, Any], tuple[str, ...]]:
    """What the run's files say of the network's weights: identity (None without a network), further facts, and remarks.

    The identity has their name and the SHA-256 of each of their files, or says that they are random.
    """
    files = {name: text for name, text in depends.items() if name != "code" and _DIGEST.fullmatch(str(text))}
    if not choice.weights:
        return ({"name": None, "sha256": files} if files else None), {}, ()
    from trackzoo.weights.chosen import describe_choice
    from trackzoo.weights.training_sets import remarks

    known = describe_choice(choice)
    if "sha256" not in known.identity:
        return known.identity, known.about, ()
    trained = not known.identity.get("random")
    return (
        {**known.identity, "sha256": {**known.identity["sha256"], **files}},
        known.about,
        remarks(known.trained_on, dataset, str(known.identity["name"])) if trained else (),
    )


def _finished(place: Place, dataset: Dataset, trials: ListOf[Trial]) -> set[tuple[int, str]]:
    """The trials that are finished. Raises `ResultsError` for one whose files are damaged or whose data has changed."""
    by_key = {(trial.repeat, trial.name): trial for trial in trials}
    found = place.finished(list(dict.fromkeys(trial.name for trial in trials)))
    fingerprints: dict[str, str] = {}
    decoders: dict[Any, str] = {}
    for key, record in found.items():
        if key not in by_key:
            continue
        sequence = by_key[key].sequence
        if sequence.name not in fingerprints:
            fingerprints[sequence.name] = dataset.fingerprint([sequence.name])
        # To ask a sequence for its decoder is to read its annotation; one of a kind tells for all.
        decoder = record.get("decoder")
        if decoder not in decoders:
            decoders[decoder] = sequence.frames.decoder
        path = place.folder(key[0]) / f"{safe_name(key[1])}{RECORD}"
        refuse_other_data(path, record, fingerprints[sequence.name], decoders[decoder])
    return {key for key in found if key in by_key}

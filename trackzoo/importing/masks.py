"""Score folders of label maps (DAVIS, YouTube-VOS) as they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, replace
from pathlib import Path

from trackzoo.errors import ResultsError, UnknownName, incomplete
from trackzoo.importing.discover import Candidate, Source
from trackzoo.importing.maps import frame_names
from trackzoo.importing.pngs import Labels, read_labels
from trackzoo.metrics.vos import VOS_PROFILES, VideoScores, mean_of
from trackzoo.report.collect import Rules
from trackzoo.report.cross import ALL
from trackzoo.report.model import Board, Entry
from trackzoo.report.selection import Opened
from trackzoo.report.uncertainty import intervals_of
from trackzoo.report.vos import VOS, default_profile, score_sequence, score_videos
from trackzoo.sequence import Dataset, Sequence


@dataclass(frozen=True)
class Masks:
    """A tracker's label maps.

    Attributes:
        candidate: their folders.
        shown: the folder above them, as the person knows it.
    """

    candidate: Candidate
    shown: Path


def boards(trackers: ListOf[Masks], dataset: Dataset, rules: Rules) -> list[Board]:
    """One board a profile.

    Raises:
        ResultsError: sequences or frames that are missing, maps of another size, labels beyond the objects.
        UnknownName: a profile that is none of segmentation.
    """
    profiles = tuple(VOS_PROFILES) if ALL in rules.profiles else rules.profiles or (default_profile(dataset),)
    for name in profiles:
        if name not in VOS_PROFILES:
            raise UnknownName("profile for label maps", name, VOS_PROFILES)
    opened = Opened(dataset)
    found = []
    for name in profiles:
        entries = [_entry(masks, opened, name, rules) for masks in trackers]
        # More is better, incomplete ones last.
        main = "g" if all("g" in entry.scores.metrics for entry in entries) else "jf"
        entries.sort(key=lambda entry: (not entry.complete, -entry.scores.metrics[main], entry.tracker))
        facts = VOS_PROFILES[name]
        notes = tuple(f"{entry.tracker}: {note}" for entry in entries for note in entry.scores.notes)
        found.append(
            Board(
                opened.id,
                opened.name,
                opened.title,
                opened.split,
                VOS,
                name,
                facts.version,
                facts.describe,
                entries[0].fingerprint,
                dataset.names,
                len(dataset.names),
                tuple(entries),
                notes=notes,
            )
        )
    return found


def _entry(masks: Masks, opened: Opened, profile: str, rules: Rules) -> Entry:
    dataset, runs = opened.dataset, masks.candidate.runs
    missing = tuple(name for name in dataset.names if any(name not in run for run in runs.values()))
    names = tuple(name for name in dataset.names if name not in missing)
    if missing and not rules.allow_incomplete:
        do = "--allow-incomplete takes what is there, marked as such"
        raise incomplete(masks.shown, missing, len(dataset.names), do, what=f"sequences of {dataset.id}")

    sequences = [dataset[name] for name in names]
    repeated = [
        score_videos(profile, sequences, lambda each, run=run: _score(masks, run, each, profile, rules.lenient))  # type: ignore[misc]
        for run in runs.values()
    ]
    scores = replace(mean_of(repeated) if len(repeated) > 1 else repeated[0], dataset=opened.id)
    return Entry(
        masks.candidate.tracker,
        opened.id,
        VOS,
        scores,
        opened.fingerprint(names),
        masks.shown,
        {"imported": {"source": str(masks.shown), "layout": "masks"}},
        dataset.names,
        missing,
        len(runs),
        intervals=intervals_of(scores),
    )


def _score(masks: Masks, run: Mapping[str, Source], sequence: Sequence, profile: str, lenient: bool) -> VideoScores:
    """J and F of one video."""
    stems = frame_names(sequence)
    folder = run[sequence.name].path
    shown = masks.candidate.shown_file(folder, masks.shown)

    def read(index: int) -> Labels | None:
        file = f"{stems[index]}.png"
        # Frames up to the first object's may be left out: it is given there, and no profile scores it.
        if index <= min(sequence.annotation.starts.values()) and not (folder / file).is_file():
            return None
        return read_labels(folder / file, shown / file)

    try:
        return score_sequence(profile, sequence, read, lenient=lenient)
    except ResultsError as error:
        if error.frame is None or str(error.path) != sequence.name:
            raise
        file = f"{stems[int(error.frame)]}.png"
        raise ResultsError(shown / file, error.reason.removeprefix("found ")) from None

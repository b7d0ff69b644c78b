"""One tracker under every profile that applies to its data set, with each profile's ceiling and floor.

The ceiling is what the annotation itself scores as results, the floor what the first box scores when it is kept (`static`): a
figure means little without knowing between which two it lies. A profile that refuses something is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence as ListOf

from trackzoo.errors import TrackzooError
from trackzoo.metrics import PROFILES, Scores
from trackzoo.report.ends import End
from trackzoo.report.model import Cross, CrossBoard, Entry
from trackzoo.report.selection import Opened
from trackzoo.report.uncertainty import intervals_of
from trackzoo.store.read import StoredRun

#: What asks for all of them among names of profiles.
ALL = "all"


def applying(opened: Opened) -> list[str]:
    """Names of the profiles whose toolkits are made for a data set."""
    names = opened.dataset.toolkit_names
    return [name for name, profile in PROFILES.items() if profile.applies(names.get(name, opened.id))]


class Ends:
    """Ceiling and floor under each profile, computed once for all trackers on the same sequences.

    Args:
        score: (profile, end) -> scores of that end.
        versions: all profiles of such results -> their versions.
    """

    def __init__(self, score: Callable[[str, End], Scores], versions: Mapping[str, int]) -> None:
        self._score, self.versions = score, versions
        self._found: dict[str, list[Cross]] = {}

    def under(self, profile: str) -> list[Cross]:
        """The two rows of a profile."""
        if profile not in self._found:
            self._found[profile] = [self._row(profile, "ceiling"), self._row(profile, "floor")]
        return self._found[profile]

    def _row(self, profile: str, end: End) -> Cross:
        try:
            scores = self._score(profile, end)
        except TrackzooError as error:
            return Cross(profile, self.versions[profile], end, refused=str(error))
        return Cross(profile, scores.version, end, scores, intervals=intervals_of(scores))


def cross_board(
    run: StoredRun,
    opened: Opened,
    names: tuple[str, ...],
    profiles: ListOf[str],
    entries: Mapping[str, Entry],
    refused: Mapping[str, str],
    ends: Ends,
) -> CrossBoard:
    """The rows of one run.

    Args:
        run: the run.
        opened: its data set.
        names: the sequences that were scored.
        profiles: those that apply, in order.
        entries: profile -> the run's scores.
        refused: profile -> why it refuses the run.
        ends: ceiling and floor.
    """
    rows: list[Cross] = []
    for profile in profiles:
        entry = entries.get(profile)
        if entry is not None:
            rows.append(Cross(profile, entry.scores.version, "run", entry.scores, intervals=entry.intervals))
        else:
            rows.append(Cross(profile, ends.versions[profile], "run", refused=refused[profile]))
        rows += ends.under(profile)
    return CrossBoard(
        run.tracker,
        opened.id,
        opened.name,
        opened.title,
        opened.split,
        run.protocol,
        opened.fingerprint(names),
        len(names),
        len(run.expected),
        tuple(rows),
        tuple(name for name in ends.versions if name not in profiles),
        any(entry.as_released for entry in entries.values()),
    )

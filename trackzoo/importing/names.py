"""Which sequence a file is about, however its toolkit spells the name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from trackzoo.errors import UnknownName
from trackzoo.registry import dataset_choice
from trackzoo.sequence import Dataset

#: How a spelling was understood: as the benchmark's own, as one that it knows of, or by letters and digits alone.
How = Literal["own", "known", "loose"]

#: Folder names that say nothing about a tracker (letters and digits alone).
_GENERIC = frozenset(
    {
        "results", "result", "rawresults", "trackingresults", "trackingresult", "trackerresults", "trackers", "ope",
        "opecvpr13", "resultsope", "baseline", "unsupervised", "supervised", "realtime", "txt", "mat", "output", "outputs",
        "test", "val", "valid", "annotations", "480p", "testdev", "default",
    }
)  # fmt: skip


def plain(name: str) -> str:
    """Letters and digits alone, lower case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


@dataclass(frozen=True)
class Speller:
    """Understands the names that toolkits give the sequences of a data set."""

    dataset: Dataset

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset(self.dataset.names)

    @cached_property
    def _loose(self) -> dict[str, str]:
        """Letters and digits of a name -> the name; two names with the same ones are no key to either."""
        found: dict[str, str] = {}
        double = set()
        for name in self.dataset.names:
            key = plain(name)
            if found.setdefault(key, name) != name:
                double.add(key)
        return {key: name for key, name in found.items() if key not in double}

    def find(self, spelling: str) -> tuple[str, How] | None:
        """The sequence that is meant, and how that is known; None where it is none of the data set's."""
        if spelling in self._own:
            return spelling, "own"
        known = self.dataset.own_name(spelling)
        if known in self._own:
            return known, "known"
        loose = self._loose.get(plain(spelling)) or self._loose.get(plain(known))
        return (loose, "loose") if loose is not None else None

    def find_longest(self, stem: str) -> tuple[str, How] | None:
        """As `find`, for a name with a tracker's behind it: `deer_ATOM`, `Jogging_1_SiamFC`."""
        parts = stem.split("_")
        for count in range(len(parts), 0, -1):
            if found := self.find("_".join(parts[:count])):
                return found
        return None

    @cached_property
    def generic(self) -> frozenset[str]:
        """Folder names (letters and digits alone) that name this data set, or nothing in particular."""
        names = {self.dataset.id}
        try:
            spec, split = dataset_choice(self.dataset.id)
            names |= {spec.name, spec.title, spec.id(split), *spec.folders, *spec.aliases}
        except UnknownName:
            pass
        return _GENERIC | {plain(name) for name in names}

    def says_nothing(self, folder: str) -> bool:
        """Whether a folder's name is no tracker's."""
        return plain(folder) in self.generic

    def prefix(self) -> str:
        """What PyTracking writes before a sequence's name (`uav_`, `nfs_`), where it does."""
        name = self.dataset.names[0]
        found = (start for start in ("uav_", "nfs_") if self.dataset.own_name(start + name) == name)
        return next(found, "")

"""The evaluation toolkits of LaSOT and TNL2K: annotation without images, one folder a kind, one file a sequence.

The folders `absent`, `att` and `nlp` stand in a base folder, the boxes in `gt` or in the base itself:

    annos/gt/<sequence>.txt   annos/absent/<sequence>.txt   annos/att/…   annos/nlp/…
    annotations/<sequence>.txt   annotations/absent/<sequence>.txt   …
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trackzoo.datasets._text import read_values
from trackzoo.errors import DataError

_BASES = ("annos", "annotations", "")


@dataclass(frozen=True)
class Toolkit:
    """Where the kinds of files are.

    Attributes:
        boxes: folder of the box files.
        base: folder of the folders `absent`, `att`, `nlp`.
    """

    boxes: Path
    base: Path

    def file(self, kind: str, name: str) -> Path:
        """File of a sequence: `absent`, `att` or `nlp`."""
        return self.base / kind / f"{name}.txt"


def find_toolkit(root: Path) -> Toolkit | None:
    """The toolkit's folders in `root`, or None. A folder `absent` is what tells them from a benchmark's own layout."""
    for base in (root / name for name in _BASES):
        if (base / "absent").is_dir():
            boxes = next((folder for folder in (base / "gt", base / "annotations") if folder.is_dir()), base)
            return Toolkit(boxes, base)
    return None


def find_attributes(root: Path, name: str, suffixes: Iterable[str] = (".txt",)) -> Path | None:
    """File of attribute flags of a sequence, in a toolkit's `att` folder inside `root`."""
    candidates = (root / base / "att" / f"{name}{suffix}" for base in _BASES for suffix in suffixes)
    return next((path for path in candidates if path.exists()), None)


def read_attributes(
    root: Path, name: str, columns: tuple[str, ...], suffixes: tuple[str, ...] = (".txt",)
) -> tuple[str, ...]:
    """Names of the attributes that the toolkit's file flags; none where there is no file.

    Raises:
        DataError: another number of flags than there are attributes.
    """
    path = find_attributes(root, name, suffixes)
    if path is None:
        return ()
    flags = read_values(path)
    if len(flags) == len(columns) + 1 and flags[0] == 1:
        # One release of TNL2K's toolkit puts a flag "all" in front.
        flags = flags[1:]
    if len(flags) != len(columns):
        raise DataError(path, f"{len(flags)} flags", f"{len(columns)}: {' '.join(columns)}")
    return tuple(column for column, flag in zip(columns, flags, strict=True) if flag)

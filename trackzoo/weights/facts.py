"""Facts about published weights, stated by plugins as `WEIGHTS`. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class WeightsSpec:
    """One published file of weights.

    Attributes:
        name: what the cache and `--weights` call it, e.g. `ostrack-256`.
        title: the name as papers print it.
        variants: tracker variants that it fits; the first is the one it was published for. Empty for backbones.
        file: official file name.
        page: the authors' model zoo.
        address: direct address of the file, or empty where only a page exists.
        hub: repository on the Hugging Face hub (`owner/name`), or empty; `file` is the file's name in it.
        revision: commit or tag of the hub's repository, or empty for the newest.
        sha256: of the official file where known, or empty.
        licence: of the weights.
        paper: citation or address.
        trained_on: ids of the datasets that it saw, e.g. `lasot-train`; empty where nobody says.
        manifest: JSON file of names -> shape and dtype, in the plugin's package data.
        rename: `module:callable` from the file's tensors (a dict by name) to the manifest's, where the file has other names or
            more tensors than are wanted; empty where it has the manifest's own.
        check: `module:callable`, called with the file's path and its `Checkpoint`; raises `DataError` for a file that names and
            shapes do not tell from this one.
        optional: the like of `manifest`, of tensors that may be there too: all of them, or none. None where there are no such.
        section: key of the manifest's JSON that the names stand under; empty where they are all that it has.
        companions: small files of the same folder without which the weights cannot be used (a vocabulary); kept beside them
            where the folder has them.
    """

    name: str
    title: str
    variants: tuple[str, ...]
    file: str
    page: str
    manifest: Traversable
    address: str = ""
    hub: str = ""
    revision: str = ""
    sha256: str = ""
    licence: str = ""
    paper: str = ""
    trained_on: tuple[str, ...] = ()
    rename: str = ""
    check: str = ""
    optional: Traversable | None = None
    section: str = ""
    companions: tuple[str, ...] = ()

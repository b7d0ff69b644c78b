"""A folder of goldens: what its case is, its arrays, and the filled parameters that made them."""

from __future__ import annotations

import json
import zipfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trackzoo.errors import DataError
from trackzoo.geometry import Floats
from trackzoo.parity.tolerance import Array

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trackzoo.frames import Frame, Pixels


class Case:
    """One folder of goldens.

    Args:
        folder: holds `case.json` (`salt`, `scene_seed`) and the arrays (`*.npz`).
        packaged: the goldens that come with trackzoo, which lend what the folder lacks (a manifest, a calibration).

    Raises:
        DataError: no such folder, or a `case.json` that cannot be read.
    """

    def __init__(self, folder: Path, packaged: Path) -> None:
        self.folder, self.packaged = folder, packaged
        if not folder.is_dir():
            raise DataError(folder, "no such folder", "a folder of goldens", "name another with --goldens")
        about = _json(folder / "case.json", 'a JSON object with "salt" and "scene_seed"')
        self.salt: str = about.get("salt", "")
        self.seed: int = about.get("scene_seed", -1)
        if not isinstance(self.salt, str) or not self.salt or type(self.seed) is not int or self.seed < 0:
            raise DataError(folder / "case.json", repr(about), 'text "salt" and a whole number "scene_seed"')

    def files(self) -> list[str]:
        """Names of the folder's files of arrays; calibrations, which are parameters, are not among them."""
        return sorted(path.name for path in self.folder.glob("*.npz") if not path.name.startswith("calibration"))

    def find(self, name: str) -> Path:
        """A file of the folder, or else the packaged one. Raises `DataError` when neither is there."""
        for path in (self.folder / name, self.packaged / name):
            if path.is_file():
                return path
        raise DataError(self.folder / name, "no such file", "", "restore it, or the packaged one")

    def manifest(self, name: str = "manifest.json") -> dict[str, dict[str, Any]]:
        """Names of the reference checkpoint's tensors -> their `shape`, `dtype` and perhaps a `value`."""
        return _json(self.find(name), "a manifest: names -> shape, dtype, value")

    def arrays(self, name: str) -> dict[str, Array]:
        """All arrays of a file. Raises `DataError` when it cannot be read."""
        path = self.find(name)
        try:
            with np.load(path, allow_pickle=False) as content:
                return {key: content[key] for key in content.files}
        except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
            raise DataError(path, f"arrays that cannot be read ({error})", "an .npz file", "restore it") from None

    def fill(self, network: nn.Module, manifest: str = "manifest.json", salt: str | None = None) -> dict[str, Tensor]:
        """Values for every tensor of `network`: `fill`'s, and the manifest's.

        Args:
            network: whose values are not read; it may be on the meta device.
            manifest: file of names and shapes.
            salt: in place of the case's.

        Raises:
            DataError: the manifest names other tensors than the network has, or other shapes.
        """
        from trackzoo.parity.fill import fill_state_dict

        own, entries = network.state_dict(), self.manifest(manifest)
        for name in sorted({*own} ^ {*entries}):
            where = "the network lacks it" if name in entries else "the manifest lacks it"
            raise DataError(self.find(manifest), f"tensor '{name}': {where}", "the same names on both sides")
        for name, tensor in own.items():
            if list(tensor.shape) != list(entries[name].get("shape", [])):
                found = f"'{name}' of shape {entries[name].get('shape')}"
                raise DataError(self.find(manifest), found, f"shape {list(tensor.shape)}")
        filled: dict[str, Tensor] = fill_state_dict(own, entries, salt or self.salt)
        return filled

    @cached_property
    def scene(self) -> tuple[Pixels, Floats, Array]:
        """Video (N, H, W, 3) uint8, boxes (N, 4), masks (N, H, W) of the case's scene."""
        from trackzoo.parity.scene import scene

        video, boxes, masks = scene(self.seed)
        return video, boxes, masks

    def frames(self) -> list[Frame]:
        """The scene's frames."""
        from trackzoo.frames import ArrayFrames

        video = self.scene[0]
        frames = ArrayFrames(lambda index: np.asarray(video[index]), len(video), f"scene {self.seed}")
        return [frames[index] for index in range(len(video))]


def _json(path: Path, expected: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(path, f"no readable JSON ({reason})", expected) from None
    if not isinstance(content, dict):
        raise DataError(path, f"JSON of kind {type(content).__name__}", expected)
    return content

"""The first frames of a real sequence as a person's own folder."""

from __future__ import annotations

from pathlib import Path


def own_folder(shared: Path, folder: Path, frames: int = 3) -> Path:
    """Write them to `folder`, with their boxes. Returns it."""
    real = shared / "data" / "sequences" / "otb" / "Deer"
    (folder / "img").mkdir(parents=True)
    for image in sorted((real / "img").iterdir())[:frames]:
        (folder / "img" / image.name).write_bytes(image.read_bytes())
    rows = (real / "groundtruth_rect.txt").read_text().splitlines()[:frames]
    (folder / "groundtruth.txt").write_text("\n".join(rows) + "\n")
    return folder

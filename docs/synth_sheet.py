"""Draws docs/images/synth.png: one frame of each sequence of `synth` with its box. Run it after the pictures have changed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from trackzoo.registry import open_dataset

#: Frames on which the script shows what it is about.
SHOWN = {"stroll": 8, "spin": 24, "approach": 56, "jelly": 24, "trunks": 58, "wall": 66, "leave": 11, "twins": 22}
COLUMNS = 4


def cell(name: str) -> np.ndarray:
    """One frame (H, W, 3) BGR with box and name."""
    sequence = open_dataset("synth")[name]
    index = SHOWN.get(name.split("-")[0], 28)
    picture = np.ascontiguousarray(sequence.frames[index].array()[:, :, ::-1])
    box = sequence.boxes[index]
    if np.isfinite(box).all():
        x, y, w, h = box.astype(int).tolist()
        cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), (255, 255, 255), 2)
    label = f"{name} " + " ".join(sequence.attributes)
    picture[:22] //= 3
    cv2.putText(picture, label, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def main() -> None:
    """Write the sheet to docs/images."""
    cells = [cell(name) for name in open_dataset("synth").names]
    rows = [np.hstack(cells[start : start + COLUMNS]) for start in range(0, len(cells), COLUMNS)]
    path = Path(__file__).parent / "images" / "synth.png"
    path.parent.mkdir(exist_ok=True)
    sheet = cv2.resize(np.vstack(rows), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    # A palette of 256 colours halves the file.
    Image.fromarray(sheet[:, :, ::-1]).quantize(256, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()

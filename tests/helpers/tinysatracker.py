"""A small SATracker with values that matter, and a tiny vocabulary."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trackzoo.parity.fill import fill_state_dict
from trackzoo.trackers.satracker.design import Design
from trackzoo.trackers.satracker.model import SATracker

#: Sizes of a network that runs in milliseconds; as settings of the tracker too.
TINY: dict[str, Any] = {
    "widths": (8, 12, 24),
    "heads": (1, 3, 6),
    "depths": (1, 2, 3),
    "common_width": 16,
    "common_heads": 2,
    "text_width": 24,
    "text_layers": 12,
    "text_heads": 2,
    "vocabulary_size": 130,
    "text_positions": 32,
    "head_width": 16,
}
#: The same as they come from a file or the command line.
LISTS: dict[str, Any] = {name: list(value) if isinstance(value, tuple) else value for name, value in TINY.items()}
WORDS = (
    "the",
    "red",
    "blue",
    "car",
    "bird",
    "walk",
    "##ing",
    "##s",
    "on",
    "grass",
    "left",
    "a",
    ",",
    ".",
    "!",
    "车",
    "?",
)


@cache
def _values(salt: str, switches: tuple[tuple[str, Any], ...]) -> dict[str, Tensor]:
    torch.manual_seed(0)  # numbers that stand alone keep their initialisation
    return dict(fill_state_dict(SATracker(Design(**{**TINY, **dict(switches)})).state_dict(), {}, salt))


def filled(salt: str = "trackzoo", **switches: Any) -> SATracker:
    """A network whose every part has a say (a new one's SAMs add nothing), in eval mode."""
    network = SATracker(Design(**{**TINY, **switches}))
    network.load_state_dict(_values(salt, tuple(sorted(switches.items()))))
    return network.eval().requires_grad_(False)


def inputs(
    batch: int = 2, template: int = 64, search: int = 96, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Crops, token ids (B, 30) and masks."""
    torch.manual_seed(seed)
    ids = torch.randint(1, TINY["vocabulary_size"], (batch, 30))
    lengths = torch.randint(2, 31, (batch, 1))
    mask = torch.arange(30) < lengths
    crops = torch.randn(batch, 3, template, template), torch.randn(batch, 3, search, search)
    return *crops, ids * mask, mask


def vocabulary(folder: Path, size: int = TINY["vocabulary_size"]) -> Path:
    """A BERT folder with a vocabulary of so many pieces; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = ["[PAD]", *(f"[unused{index}]" for index in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    pieces += [f"[unused{index}]" for index in range(99, 99 + size - len(pieces))]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return folder

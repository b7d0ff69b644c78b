"""PiVOT's templates: which crops of the target the Prompt Generation Network and CLIP compare with.

The first template is the tracked box of the fourth frame (of the second until then), not the box that a person gave; the second
is the newest sure crop that CLIP finds like the first. As released; the paper differs (see the card).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.geometry import Floats
from trackzoo.nn.clip import resize

#: Frames are counted from 1, the one with the given box.
FIRST, SECOND = 2, 4


@dataclass(eq=False)
class Template:
    """A crop of the target; what is computed of it is computed once.

    Attributes:
        image: (3, T, T) normalised.
        features: (C, n, n) of the backbone, or None so far.
        clip: (D,) of CLIP, or None so far.
    """

    image: Tensor
    features: Tensor | None = None
    clip: Tensor | None = None


@dataclass
class Templates:
    """An object's templates.

    Attributes:
        initial: what new ones are compared with; None before the second frame's box is known.
        latest: the last that was taken up.
        pair: what the Prompt Generation Network sees; None while there is no prompt.
        memory: what CLIP compares candidates with; None while prompts are not refined. Not always the pair: it keeps older
            crops where the fourth frame was not sure.
        share: (C, n, n) what the pair adds to the Prompt Generation Network, or None so far.
    """

    initial: Template | None = None
    latest: Template | None = None
    pair: tuple[Template, Template] | None = None
    memory: tuple[Template, Template] | None = None
    share: Tensor | None = None

    def begin(self, new: Template) -> None:
        """The first crop: there is nothing to compare with yet."""
        self.initial = self.latest = new

    def restart(self, new: Template) -> None:
        """A crop takes the place of all others; what CLIP compares candidates with stays."""
        self.begin(new)
        self.use(new, new)

    def use(self, first: Template, second: Template) -> None:
        """Give the Prompt Generation Network another pair."""
        if self.pair is None or self.pair[0] is not first or self.pair[1] is not second:
            self.share = None
        self.pair = (first, second)

    def known(self, new: Template) -> Template:
        """`new`, or the template that it equals to the pixel.

        The released code compares two cosines with `>=`, and for equal images they are equal only where both features came
        from identical calls. One feature for one image makes that certain.
        """
        for old in (self.initial, self.latest):
            if old is not None and (old is new or torch.equal(old.image, new.image)):
                return old
        return new

    def asked(self, new: Template) -> list[Template]:
        """Templates whose CLIP features `offer` needs."""
        assert self.initial is not None
        assert self.latest is not None
        return [] if new is self.initial else [self.initial, self.latest, new]

    def offer(self, new: Template, threshold: float) -> bool:
        """Take a sure crop up where CLIP finds it like the first: whether it was.

        Args:
            new: of `known`, with CLIP's features (and the two others too), unless it is the initial template itself.
            threshold: 100 times the least cosine to the initial one (`newimSimThr`).
        """
        initial, latest = self.initial, self.latest
        assert initial is not None
        assert latest is not None
        if self.memory is None:
            self.memory = (initial, new)
        # An image is like itself: all cosines are 1.
        similar = 100.0 if new is initial else 100 * cosine(initial, new)
        nearer = new is initial or initial is latest or similar >= 100 * cosine(latest, new)
        if not (nearer and similar >= threshold):
            return False
        self.memory = (initial, new)
        self.latest = new
        self.use(initial, new)
        return True


def cosine(first: Template, second: Template) -> float:
    """Of the angle between CLIP's features."""
    assert first.clip is not None
    assert second.clip is not None
    return float(F.cosine_similarity(first.clip, second.clip, dim=0))


def cut_template(picture: Tensor, box: Floats, side: int) -> Tensor:
    """The box cut out of a picture (3, H, W) and resized to (3, side, side), values 0..255; black where there is no picture.

    Args:
        picture: RGB, 0..255.
        box: (4,) `x, y, w, h` as reported; negative numbers become 0, and all are cut to whole ones.
        side: of the crop.
    """
    x, y, width, height = (max(0, int(value)) for value in box)
    width, height = max(1, width), max(1, height)
    window = picture[:, y : y + height, x : x + width].float()
    window = F.pad(window, (0, width - window.shape[2], 0, height - window.shape[1]))
    return resize(window[None], side)[0]

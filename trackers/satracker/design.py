"""What SATracker's network is made of, and the switches of the paper's ablations, as one table of settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackzoo.errors import SettingsError
from trackzoo.settings import changed

#: BERT layers that end each stage's part (paper, Table 1): layer 0; 1-4; 5-11.
PAPER_SPLIT = (1, 4, 7)
#: What a setting may be, where it is a word.
WORDS: Mapping[str, tuple[str, ...]] = {
    "attention": ("asymmetric", "symmetric", "self"),
    "text_fusion": ("product", "add"),
    "text_vector": ("cls", "mean"),
    "activation": ("quick_gelu", "gelu"),
}


@dataclass(frozen=True)
class Design:
    """The network. The defaults are SATracker's; docs of each switch name the row of the paper that it is.

    Attributes:
        attention: `asymmetric`: the search region sees the template, not the other way round; `symmetric`: both see both (Table
            5, "symmetrical"); `self`: neither sees the other (Table 5, "self attention"; Table 4, setting 1).
        sam: whether there are Semantic Aware Modules and BERT (false: Table 5, "w/o. SAM"; Table 4, setting 2).
        first_sam: stage, 1 to 3, from which on there are SAMs (Fig. 5).
        update_text: whether SAM's textual stream changes the text (false: Table 5, "w/o. update").
        synchronous: BERT's layers are spread over the stages (false: Table 5, "asynchronous": all of them run first).
        even_split: four of BERT's layers a stage (Table 5, "even-split").
        reversed: SAM stands before the TEMs of its stage (Table 5, "reversed").
        text_fusion: how SAM's textual stream fuses the pooled template: `product` or `add`.
        text_vector: what stands for the text in dense matching: `cls`, or the `mean` of its tokens.
        activation: of TEM's MLP: `quick_gelu` as the original CvT, or the exact `gelu` of Hugging Face's port.
        widths, heads, depths: of the three stages (CvT-21).
        common_width, common_heads: of SAM.
        text_width, text_layers, text_heads, vocabulary_size, text_positions: of BERT.
        head_width: of the corner head.
        drop_path: rate of stochastic depth in the last stage's last block (CvT).
        text_dropout: of BERT, in training.
    """

    attention: str = "asymmetric"
    sam: bool = True
    first_sam: int = 1
    update_text: bool = True
    synchronous: bool = True
    even_split: bool = False
    reversed: bool = False
    text_fusion: str = "product"
    text_vector: str = "cls"
    activation: str = "quick_gelu"
    widths: tuple[int, ...] = (64, 192, 384)
    heads: tuple[int, ...] = (1, 3, 6)
    depths: tuple[int, ...] = (1, 4, 16)
    common_width: int = 512
    common_heads: int = 8
    text_width: int = 768
    text_layers: int = 12
    text_heads: int = 12
    vocabulary_size: int = 30522
    text_positions: int = 512
    head_width: int = 384
    drop_path: float = 0.1
    text_dropout: float = 0.1

    def __post_init__(self) -> None:
        for name, known in WORDS.items():
            if getattr(self, name) not in known:
                raise SettingsError(f"satracker: {name} is '{getattr(self, name)}', expected one of {', '.join(known)}")
        if not 1 <= self.first_sam <= 3:
            raise SettingsError(f"satracker: first_sam is {self.first_sam}, expected a stage from 1 to 3")
        self._check_sizes()

    def _check_sizes(self) -> None:
        for name in ("widths", "heads", "depths"):
            found = getattr(self, name)
            if len(found) != 3 or min(found) < 1:
                raise SettingsError(f"satracker: {name} is {[*found]}, expected three numbers from 1 on, one a stage")
        pairs = [("widths", "heads", *pair) for pair in zip(self.widths, self.heads, strict=True)]
        pairs += [("common_width", "common_heads", self.common_width, self.common_heads)]
        pairs += [("text_width", "text_heads", self.text_width, self.text_heads)]
        for name, sharing, width, heads in pairs:
            if heads < 1 or width < 1 or width % heads:
                raise SettingsError(
                    f"satracker: {name} {width} and {sharing} {heads}, expected a width that the heads share"
                )
        if self.head_width < 8 or self.head_width % 8:
            raise SettingsError(f"satracker: head_width is {self.head_width}, expected a multiple of 8")
        for name in ("drop_path", "text_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"satracker: {name} is {getattr(self, name)}, expected a share from 0 to below 1")
        if self.vocabulary_size < 104:
            raise SettingsError(
                f"satracker: vocabulary_size is {self.vocabulary_size}, expected BERT's signs, which go up to 103, and more"
            )

    @property
    def fused(self) -> tuple[int, ...]:
        """Stages, from 0, that have a SAM."""
        return tuple(range(self.first_sam - 1, 3)) if self.sam else ()

    @property
    def template_is_alone(self) -> bool:
        """Whether template and text never see the search region, so that both are computed once a sequence."""
        return self.attention != "symmetric"

    @property
    def text_parts(self) -> tuple[range, ...]:
        """BERT's layers by stage. Twelve are split as Table 1 or evenly; another number (a small one, to try) in proportion."""
        total = self.text_layers
        if not self.synchronous:
            return range(total), range(total, total), range(total, total)
        sizes = (1, 1, 1) if self.even_split else PAPER_SPLIT
        ends = [round(total * sum(sizes[: index + 1]) / sum(sizes)) for index in range(3)]
        return range(ends[0]), range(ends[0], ends[1]), range(ends[1], ends[2])


def design_of(settings: Mapping[str, Any]) -> Design:
    """A design from settings as a file or the command line has them (lists for tuples).

    Raises:
        SettingsError: a setting that there is not, or a value that cannot be used.
    """
    return changed(Design(), settings)

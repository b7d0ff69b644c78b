"""SATracker's network: visual and textual encoders that run stage by stage, side by side (paper, Fig. 2, Table 1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence as ListOf
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.nn.heads import CornerHead
from trackzoo.trackers.satracker.bert import Bert
from trackzoo.trackers.satracker.design import Design
from trackzoo.trackers.satracker.sam import SemanticAwareModule
from trackzoo.trackers.satracker.visual import Stage

Probe = Callable[[str, Any], None]
#: Norm below which a vector is not divided by its length (dense matching).
LEAST_NORM = 1e-12


@dataclass(frozen=True)
class Memory:
    """All that a search region is compared with; it never changes while tracking.

    Attributes:
        keys, values: of each TEM's template, (B, heads, L, C / heads); empty where the search region does not see them.
        selectors: of each SAM, (B, common width).
        text: (B, C) the text's vector in the space of the last map; empty (B, 0) without text.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    selectors: tuple[Tensor, ...]
    text: Tensor

    def pack(self) -> Tensor:
        """All of it side by side, (B, N) float32: one tensor an object to keep, and to stack with others."""
        parts = (*self.keys, *self.values, *self.selectors, self.text)
        return torch.cat([part.flatten(1).float() for part in parts], dim=1)


class Found(NamedTuple):
    """What the network says about B search regions.

    Attributes:
        logits: (B, 2, F, F) of the top-left and bottom-right corner.
        boxes: (B, 4) `cx, cy, w, h` in shares of the crop's side.
        features: (B, F, F, C) the map that the head read.
        text: (B, C) the text's vector for dense matching; (B, 0) without text.
    """

    logits: Tensor
    boxes: Tensor
    features: Tensor
    text: Tensor


class Backbone(nn.Module):
    """The Synchronous Learning Backbone's own parts; BERT stands beside it."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        before = (3, *design.widths)
        for index, width in enumerate(design.widths):
            rate = design.drop_path if index == 2 else 0.0
            sizes = (design.heads[index], design.depths[index], design.activation, rate)
            self.add_module(f"stage{index}", Stage(index, before[index], width, *sizes))
        for index in design.fused:
            module = SemanticAwareModule(
                design.widths[index],
                design.text_width,
                design.common_width,
                design.common_heads,
                design.update_text,
                design.text_fusion,
            )
            self.add_module(f"sam{index}", module)

    @property
    def stages(self) -> list[Stage]:
        """The three stages."""
        return [each for each in self.children() if isinstance(each, Stage)]

    def sam(self, index: int) -> SemanticAwareModule | None:
        """The SAM of a stage (from 0), where it has one."""
        found: SemanticAwareModule | None = getattr(self, f"sam{index}", None)
        return found


class SATracker(nn.Module):
    """The network. Its parameters are named as `backbone.` + CvT's, `bert.` + BERT's, `box_head.` + STARK's.

    Args:
        design: sizes and switches.
    """

    def __init__(self, design: Design | None = None) -> None:
        super().__init__()
        self.design = design = design or Design()
        self.backbone = Backbone(design)
        if design.sam:
            self.bert = Bert(
                design.text_width,
                design.text_layers,
                design.text_heads,
                design.vocabulary_size,
                design.text_positions,
                design.text_dropout,
            )
            # For dense matching alone, in training and in pictures: the text is wider than the map.
            self.dm_proj = nn.Linear(design.text_width, design.widths[-1])
        self.box_head = CornerHead(design.widths[-1], design.head_width)

    def _order(self) -> tuple[str, ...]:
        return ("sam", "tem") if self.design.reversed else ("tem", "sam")

    def remember(self, template: Tensor, ids: Tensor, mask: Tensor, probe: Probe | None = None) -> Memory:
        """The template's and the text's streams: all that does not see the search region.

        Args:
            template: (B, 3, h, w) normalised crops.
            ids: (B, L) token ids.
            mask: (B, L) bool, true for real tokens.
            probe: is offered `text0` to `text2`, the text (B, L, width) after each stage.

        Raises:
            RuntimeError: a design whose template sees the search region, which nothing can be kept of.
        """
        design = self.design
        if not design.template_is_alone:
            raise RuntimeError("with symmetric attention the template depends on the search region")
        keys: list[Tensor] = []
        values: list[Tensor] = []
        selectors: list[Tensor] = []
        maps = template.permute(0, 2, 3, 1)
        text = self.bert.embeddings(ids) if design.sam else maps.new_zeros(len(maps), 1, 0)
        for index, stage in enumerate(self.backbone.stages):
            maps = stage.patch_embed(maps)
            for step in self._order():
                if step == "tem":
                    for block in stage.modules_of_target:
                        maps, own = block.alone(maps)
                        if design.attention != "self":
                            keys.append(own.keys)
                            values.append(own.values)
                elif design.sam:
                    text = self.bert.run(text, mask, design.text_parts[index])
                    if (module := self.backbone.sam(index)) is not None:
                        selector, text = module.read(maps, text, mask)
                        selectors.append(selector)
                    if probe is not None:
                        probe(f"text{index}", text)
        return Memory(tuple(keys), tuple(values), tuple(selectors), self.text_vector(text, mask))

    def forward(self, search: Tensor, memory: Memory, probe: Probe | None = None) -> Found:
        """Find B objects in their normalised search crops (B, 3, H, W), with what was remembered of each.

        `probe` is offered `stage0` to `stage2`, the map (B, H, W, C) after each stage.
        """
        keys, values, selectors = iter(memory.keys), iter(memory.values), iter(memory.selectors)
        maps = search.permute(0, 2, 3, 1)
        for index, stage in enumerate(self.backbone.stages):
            maps = stage.patch_embed(maps)
            for step in self._order():
                if step == "tem":
                    for block in stage.modules_of_target:
                        own = block.project(maps)
                        if memory.keys:
                            seen = torch.cat([next(keys).to(own.keys.dtype), own.keys], 2)
                            brought = torch.cat([next(values).to(own.values.dtype), own.values], 2)
                            maps = block(maps, own.query, seen, brought)
                        else:
                            maps = block(maps, *own)
                elif (module := self.backbone.sam(index)) is not None:
                    maps = module.select(maps, next(selectors))
            if probe is not None:
                probe(f"stage{index}", maps)
        return self._found(maps, memory.text)

    def whole(
        self,
        template: Tensor,
        search: Tensor,
        ids: Tensor,
        mask: Tensor,
        probe: Probe | None = None,
    ) -> Found:
        """Everything in one pass, template and search region side by side: training, and symmetric attention.

        Arguments as of `remember` and `forward`.
        """
        design = self.design
        target, maps = template.permute(0, 2, 3, 1), search.permute(0, 2, 3, 1)
        text = self.bert.embeddings(ids) if design.sam else maps.new_zeros(len(maps), 1, 0)
        for index, stage in enumerate(self.backbone.stages):
            target, maps = stage.patch_embed(target), stage.patch_embed(maps)
            for step in self._order():
                if step == "tem":
                    for block in stage.modules_of_target:
                        [target], maps = block.together([target], maps, design.attention)
                elif design.sam:
                    text = self.bert.run(text, mask, design.text_parts[index])
                    if (module := self.backbone.sam(index)) is not None:
                        selector, text = module.read(target, text, mask)
                        maps = module.select(maps, selector)
            if probe is not None:
                probe(f"stage{index}", maps)
        return self._found(maps, self.text_vector(text, mask))

    def _found(self, maps: Tensor, text: Tensor) -> Found:
        logits, boxes = self.box_head(maps.permute(0, 3, 1, 2))
        return Found(logits, boxes, maps, text)

    def text_vector(self, text: Tensor, mask: Tensor) -> Tensor:
        """The text (B, L, width) after the last stage as one vector (B, C) in the space of the last map."""
        if not self.design.sam:
            return text.new_zeros(len(text), 0)
        if self.design.text_vector == "cls":
            chosen = text[:, 0]
        else:
            share = mask.to(text.dtype)[:, :, None]
            chosen = (text * share).sum(1) / share.sum(1).clamp(min=1)
        out: Tensor = self.dm_proj(chosen)
        return out

    def memory_shapes(self, template_side: int) -> list[tuple[int, ...]]:
        """Shapes, but for B, of what `Memory.pack` lays side by side, for a template crop of so many pixels."""
        design = self.design
        blocks: list[tuple[int, ...]] = []
        side = template_side
        for index, stage in enumerate(self.backbone.stages):
            size = stage.patch_embed.proj
            assert isinstance(size.padding[0], int)
            side = (side + 2 * size.padding[0] - size.kernel_size[0]) // size.stride[0] + 1
            heads = design.heads[index]
            blocks += [(heads, math.ceil(side / 2) ** 2, design.widths[index] // heads)] * len(stage.blocks)
        shown = blocks if design.attention != "self" else []
        text = design.widths[-1] if design.sam else 0
        return [*shown, *shown, *[(design.common_width,)] * len(design.fused), (text,)]

    def unpack(self, packed: Tensor, shapes: ListOf[tuple[int, ...]]) -> Memory:
        """The memory of B objects from their `pack`s (B, N); views, without copying."""
        tensors: list[Tensor] = []
        begin = 0
        for shape in shapes:
            end = begin + math.prod(shape)
            tensors.append(packed[:, begin:end].view(len(packed), *shape))
            begin = end
        blocks = (len(tensors) - 1 - len(self.design.fused)) // 2
        return Memory(
            tuple(tensors[:blocks]), tuple(tensors[blocks : 2 * blocks]), tuple(tensors[2 * blocks : -1]), tensors[-1]
        )


def dense_scores(features: Tensor, text: Tensor) -> Tensor:
    """How well each cell goes with the text (paper, Eq. 4, before upsampling).

    Args:
        features: (B, F, F, C).
        text: (B, C).

    Returns:
        (B, F, F) cosines.
    """
    cells = F.normalize(features, dim=-1, eps=LEAST_NORM)
    return (cells @ F.normalize(text, dim=-1, eps=LEAST_NORM)[:, None, :, None]).squeeze(-1)

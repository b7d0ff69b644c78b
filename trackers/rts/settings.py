"""Settings of tracking, under the released parameter files' own names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from trackzoo.errors import SettingsError

#: `released`: memories and updates as in the released code. `paper`: as the paper's Section 3.6 words them.
Schedule = Literal["released", "paper"]


@dataclass(frozen=True)
class SegmentationSettings:
    """What RTS and LWL have in common. Defaults are `rts50`'s.

    Attributes:
        image_sample_size: (height, width) of crops, multiples of 16.
        search_area_scale: the crop's side over the target's, both as square roots of areas.
        max_scale_change: by how much the crop may shrink and grow from one frame to the next.
        bbox_size_factor: the target's size in standard deviations of its probabilities.
        min_mask_area: at most this sum of probabilities counts as no mask.
        sample_memory_size, learning_rate, init_samples_minimum_weight: the segmentation memory; see `memory`.
        lower_init_weight: the first insertion weighs as much as the first frame.
        train_skipping: the filter is refined on every so-manieth frame.
        net_opt_iter, net_opt_update_iter: iterations on the first frame, and in an update.
    """

    image_sample_size: tuple[int, int] = (480, 832)
    search_area_scale: float = 6.0
    max_scale_change: tuple[float, float] = (0.8, 1.2)
    bbox_size_factor: float = 4.0
    min_mask_area: float = 100
    sample_memory_size: int = 32
    learning_rate: float = 0.1
    init_samples_minimum_weight: float = 0.25
    lower_init_weight: bool = False
    train_skipping: int = 20
    net_opt_iter: int = 20
    net_opt_update_iter: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be tracked with. Raises `SettingsError`."""
        for each in fields(self):
            if each.type == "int" and getattr(self, each.name) < 0:
                raise SettingsError(f"{each.name} {getattr(self, each.name)}: expected a whole number from 0 on")
        size = _pair("image_sample_size", self.image_sample_size)
        if any(side < 32 or side % 16 for side in size):
            shown = ",".join(f"{side:g}" for side in size)
            raise SettingsError(f"image_sample_size {shown}: expected height,width, multiples of 16 from 32 on")
        object.__setattr__(self, "image_sample_size", tuple(int(side) for side in size))
        object.__setattr__(self, "max_scale_change", _pair("max_scale_change", self.max_scale_change))
        for name in ("learning_rate", "clf_learning_rate", "clf_hard_negative_learning_rate"):
            if not 0 < getattr(self, name, 0.5) < 1:
                raise SettingsError(f"{name} {getattr(self, name):g}: expected a number between 0 and 1")
        for name in ("train_skipping", "clf_train_skipping", "search_area_scale", "bbox_size_factor"):
            if not getattr(self, name, 1) > 0:
                raise SettingsError(f"{name} {getattr(self, name):g}: expected a positive number")
        if self.sample_memory_size < 2:
            raise SettingsError(f"sample_memory_size {self.sample_memory_size}: expected 2 or more")

    @property
    def cells(self) -> tuple[int, int]:
        """(rows, columns) of the segmentation features, 16 pixels a cell."""
        return self.image_sample_size[0] // 16, self.image_sample_size[1] // 16


@dataclass(frozen=True)
class RTSSettings(SegmentationSettings):
    """RTS; defaults are `rts50`'s.

    Attributes:
        instance: whether the instance branch runs (paper, Table 1).
        fallback: whether it gives box and search region where there is no mask (Table 2); the released code parts the two as
            `use_clf_box_when_no_seg` and `trust_clf_when_no_seg`.
        trust_seg_when_no_clf: whether a mask moves the search region where the instance branch lost the target.
        schedule: see `Schedule`.
        rescale_when_lost: the search region's size follows the history of scales while the target is lost.
        alr_init_buff, clf_alr_init_buff: frames at the start in which the branch learns on each.
        clf_sample_memory_size, clf_learning_rate, clf_init_samples_minimum_weight, clf_train_skipping, clf_net_opt_iter,
            clf_net_opt_update_iter: as above, of the instance branch.
        clf_net_opt_hn_iter, clf_hard_negative_learning_rate: where a distractor was seen.
        clf_use_augmentation: whether the first frame is learnt from flipped and blurred, too.
        clf_output_sigma_factor: the label's standard deviation over the target's size.
        clf_target_not_found_threshold: below it the target is lost (t_sc of Table 2).
        clf_uncertain_threshold, clf_hard_sample_threshold: further flags below these, or None.
        clf_distractor_threshold, clf_hard_negative_threshold: a second peak this much of the first counts.
        clf_target_neighborhood_scale: what is left out about the first peak, over the target's size.
        clf_displacement_scale: how far, as a share of half the map, the target may move.
        target_inside_ratio: how much of the target the instance branch keeps inside the picture.
    """

    instance: bool = True
    fallback: bool = True
    use_clf_box_when_no_seg: bool = True
    trust_clf_when_no_seg: bool = True
    trust_seg_when_no_clf: bool = False
    schedule: Schedule = "released"
    rescale_when_lost: bool = True
    alr_init_buff: int = 100
    clf_alr_init_buff: int = 100
    clf_sample_memory_size: int = 50
    clf_learning_rate: float = 0.01
    clf_init_samples_minimum_weight: float = 0
    clf_train_skipping: int = 20
    clf_net_opt_iter: int = 10
    clf_net_opt_update_iter: int = 2
    clf_net_opt_hn_iter: int = 1
    clf_hard_negative_learning_rate: float = 0.02
    clf_use_augmentation: bool = True
    clf_output_sigma_factor: float = 0.25
    clf_target_not_found_threshold: float = 0.30
    clf_uncertain_threshold: float | None = None
    clf_hard_sample_threshold: float | None = None
    clf_distractor_threshold: float = 10000
    clf_hard_negative_threshold: float = 10000
    clf_target_neighborhood_scale: float = 2.2
    clf_displacement_scale: float = 0.8
    target_inside_ratio: float = 0.2

    def __post_init__(self) -> None:
        """See `SegmentationSettings`."""
        super().__post_init__()
        _one_of("schedule", self.schedule, "released", "paper")
        if self.clf_sample_memory_size < 1 + self.first_samples:
            raise SettingsError(
                f"clf_sample_memory_size {self.clf_sample_memory_size}: expected {1 + self.first_samples} or more, the "
                "first frame's samples and another"
            )

    @property
    def first_samples(self) -> int:
        """Samples of the first frame in the instance memory."""
        return 5 if self.clf_use_augmentation else 1

    @property
    def clf_cells(self) -> tuple[int, int]:
        """(rows, columns) of the classification features, 32 pixels a cell."""
        rows, columns = self.cells
        return (rows + 1) // 2, (columns + 1) // 2


@dataclass(frozen=True)
class LWLSettings(SegmentationSettings):
    """LWL; defaults are `lwl_ytvos`'s.

    Attributes:
        alone: `merged`: an object alone in its video goes through the merge of several objects, as in the official runs;
            `single`: it does not, as in the released single-object class.
        box: `moments` of the probabilities, as the released class reports; `mask`: the tightest about the mask.
        merged_fallback: where one of several objects has no mask, the box that stands for it: its `own` last place, or that of
            the `first` object whichever it is (a slip of the released wrapper).
    """

    search_area_scale: float = 5.0
    max_scale_change: tuple[float, float] = (0.95, 1.1)
    train_skipping: int = 1
    alone: Literal["merged", "single"] = "merged"
    box: Literal["moments", "mask"] = "moments"
    merged_fallback: Literal["own", "first"] = "own"

    def __post_init__(self) -> None:
        """See `SegmentationSettings`."""
        super().__post_init__()
        _one_of("alone", self.alone, "merged", "single")
        _one_of("box", self.box, "moments", "mask")
        _one_of("merged_fallback", self.merged_fallback, "own", "first")


def _one_of(name: str, value: str, *words: str) -> None:
    if value not in words:
        raise SettingsError(f"{name} '{value}': expected {' or '.join(words)}")


def _pair(name: str, value: Any) -> tuple[float, float]:
    """Two numbers, which may stand in one text behind a comma. Raises `SettingsError`."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        one, two = (float(part) for part in parts)
    except (TypeError, ValueError):
        raise SettingsError(f"{name} {value!r}: expected two numbers, e.g. 240,416") from None
    return one, two

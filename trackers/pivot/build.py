"""PiVOT's trackers by their variants' settings, and whether CLIP is here for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trackzoo.errors import TrackzooError
from trackzoo.settings import changed_all

if TYPE_CHECKING:
    from torch import Tensor

    from trackzoo.trackers.pivot.model import PiVOT50, PiVOTL
    from trackzoo.trackers.pivot.tracker import PiVOTTracker, Refinement
    from trackzoo.trackers.tomp.tracker import Behaviour

#: Weights of the image encoder that the authors use.
CLIP = "clip-vit-large-patch14-336"


def unfilled(backbone: str, side: int, /, **parts: Any) -> PiVOT50 | PiVOTL:
    """PiVOT's network without values; see `trackzoo.trackers.tomp.build.unfilled_of`."""
    from trackzoo.trackers.pivot.model import NETWORKS
    from trackzoo.trackers.tomp.build import unfilled_of

    return unfilled_of(NETWORKS, backbone, side, **parts)


def renaming(network: PiVOT50 | PiVOTL) -> Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]:
    """From a checkpoint's tensors to the network's own.

    PiVOT-L's may come with its frozen backbone and without; PiVOT-50's with an adapter, which the network then takes on.
    """
    from trackzoo.trackers.pivot.model import PiVOTL
    from trackzoo.trackers.tomp.loading import head_tensors, with_backbone

    def rename(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        network.expect(tensors)
        return with_backbone(tensors) if isinstance(network, PiVOTL) else head_tensors(tensors)

    return rename


def pivot_tracker(
    *,
    weights: Any = None,
    clip: Any = CLIP,
    backbone: str = "resnet50",
    side: int = 18,
    parts: Mapping[str, Any] | None = None,
    clip_sizes: Mapping[str, int] | None = None,
    device: str = "cpu",
    dtype: str = "fp32",
    compile: bool = False,
    **settings: Any,
) -> PiVOTTracker:
    """PiVOT as a variant sets it.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`. A checkpoint of PiVOT-L without its frozen
            backbone takes it from the cache.
        clip: what fills CLIP; see `trackzoo.nn.clip.image_encoder`. `pooled` is a stand-in that needs no weights. Not looked
            at unless the prompt is refined.
        backbone, side: `resnet50` with 18 cells along each side, `dinov2` with 22 or 27.
        parts, clip_sizes: other sizes of the networks, for tests.
        device, dtype, compile: see `ToMPTracker`.
        settings: see `settled`.

    Raises:
        SettingsError: weights that are not here or do not fit, of the network or of CLIP; values that settings cannot have.
    """
    from trackzoo.nn.clip import ClipSizes, image_encoder
    from trackzoo.trackers.pivot.tracker import PiVOTTracker
    from trackzoo.trackers.tomp.loading import check_side
    from trackzoo.weights.chosen import RANDOM
    from trackzoo.weights.loading import fill_from

    refinement, behaviour = settled(**settings)
    encoder, identity = None, {}
    if refinement.prompt == "refined":
        # A tracker without weights is for tests of speed: CLIP has none then either, unless somebody names them.
        chosen = RANDOM if isinstance(weights, str) and weights == RANDOM and clip == CLIP else clip
        encoder = image_encoder(chosen, CLIP, ClipSizes(**clip_sizes) if clip_sizes else None)
        identity = _identity(chosen)
    network = unfilled(backbone, side, **(parts or {}))
    fill_from(network, weights, renaming(network), check_side(side))
    return PiVOTTracker(
        network, encoder, refinement, behaviour, identity=identity, compile=compile, device=device, dtype=dtype
    )


def settled(**settings: Any) -> tuple[Refinement, Behaviour]:
    """Settings of the tracker beyond its networks, by their released names; PiVOT's where they are not given.

    Args:
        settings: see `Refinement`, `trackzoo.trackers.tomp.tracker.Behaviour` and its `Thresholds`.

    Raises:
        SettingsError: one that there is not, or a value that one cannot have.
    """
    from trackzoo.trackers.pivot.tracker import Refinement
    from trackzoo.trackers.tomp.localisation import Thresholds
    from trackzoo.trackers.tomp.tracker import Behaviour

    own = Behaviour(Thresholds(target_not_found_threshold=0.35), report_limit=9999.0)
    refinement, behaviour = changed_all(settings, Refinement(template_size=288), own)
    return refinement, behaviour


def _identity(clip: Any) -> dict[str, Any]:
    """What a run's files say of CLIP: its name, and the SHA-256 of its weights."""
    from pathlib import Path

    from trackzoo.nn.clip import POOLED
    from trackzoo.weights.checkpoint import locate
    from trackzoo.weights.chosen import RANDOM, describe
    from trackzoo.weights.table import weights_specs

    if isinstance(clip, Mapping):
        return {"clip": {"name": None}}
    if clip in (POOLED, RANDOM):
        return {"clip": {"name": str(clip)}}
    known = str(clip) in weights_specs() or not Path(clip).expanduser().is_dir()
    return {"clip": describe(str(clip) if known else str(locate(clip))).identity}


def lacking(variant: str, settings: Mapping[str, Any] | None = None) -> str | None:
    """Why CLIP is not here for a tracker that refines its prompt, or None; reads names and shapes alone.

    Listings ask without settings: they are told about the tracker's own weights first.
    """
    from trackzoo.nn.clip import POOLED
    from trackzoo.weights.chosen import RANDOM, check_whole, weights_path
    from trackzoo.weights.table import weights_specs

    if settings is None or settings.get("prompt", "refined") != "refined" or settings.get("weights") == RANDOM:
        return None
    clip = settings.get("clip", CLIP)
    if clip in (POOLED, RANDOM) or isinstance(clip, Mapping):
        return None
    try:
        if (spec := weights_specs().get(str(clip))) is not None:
            check_whole(spec)
        else:
            from pathlib import Path

            if not Path(clip).expanduser().is_dir():
                weights_path(clip)
    except TrackzooError as error:
        return f"prompts are refined by CLIP: {error} (or 'prompt=initial' goes without)"
    return None

"""PiVOT's trackers by their variants' settings, and whether CLIP is here for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from trackzoo.errors import SettingsError, TrackzooError

if TYPE_CHECKING:
    from torch import Tensor

    from trackzoo.trackers.pivot.model import PiVOT50, PiVOTL
    from trackzoo.trackers.pivot.tracker import PiVOTTracker, Refinement
    from trackzoo.trackers.tomp.tracker import Behaviour

#: Weights of the image encoder that the authors use.
CLIP = "clip-vit-large-patch14-336"


def unfilled(backbone: str, side: int, /, **parts: Any) -> PiVOT50 | PiVOTL:
    """A network without values, on the `meta` device: to be filled by `fill_from`.

    Args:
        backbone: `resnet50` or `dinov2`.
        side: cells along each side of its feature map.
        parts: other sizes than the published ones; see the networks.
    """
    import torch

    from trackzoo.trackers.pivot.model import NETWORKS

    if backbone not in NETWORKS:
        raise SettingsError(f"backbone: found {backbone!r}, expected {' or '.join(NETWORKS)}")
    if side < 2:
        raise SettingsError(f"side: found {side!r}, expected cells along each side of the feature map (18, 22, 27)")
    with torch.device("meta"):
        return NETWORKS[backbone](side, **parts)


def renaming(backbone: str) -> Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]:
    """From a checkpoint's tensors to the network's: PiVOT-L's may come with its frozen backbone and without."""
    from trackzoo.trackers.tomp.loading import head_tensors, with_backbone

    return with_backbone if backbone == "dinov2" else head_tensors


def pivot_tracker(
    *,
    weights: Any = None,
    clip: Any = CLIP,
    backbone: str = "resnet50",
    side: int = 18,
    prompt: str = "refined",
    target_not_found_threshold: float = 0.35,
    distractor_threshold: float = 0.8,
    hard_negative_threshold: float = 0.5,
    target_neighborhood_scale: float = 2.2,
    dispalcement_scale: float = 0.8,
    conf_ths: float = 0.9,
    report_limit: float = 9999.0,
    hcanTh: float = 0.05,
    hcanKs: int = 3,
    maxCanNum: int = 7,
    simvThr: float = 0.25,
    newimSimThr: float = 85.0,
    template_size: int = 288,
    deterministic: bool = False,
    parts: Mapping[str, Any] | None = None,
    clip_sizes: Mapping[str, int] | None = None,
    device: str = "cpu",
    dtype: str = "fp32",
    compile: bool = False,
) -> PiVOTTracker:
    """PiVOT as a variant sets it; settings have their released names.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`. A checkpoint of PiVOT-L without its frozen
            backbone takes it from the cache.
        clip: what fills CLIP; see `trackzoo.nn.clip.image_encoder`. `pooled` is a stand-in that needs no weights. Not looked
            at unless the prompt is refined.
        backbone, side: `resnet50` with 18 cells along each side, `dinov2` with 22 or 27.
        prompt: row of Table VI: `none`, `initial`, `refined`.
        target_not_found_threshold, distractor_threshold, hard_negative_threshold, target_neighborhood_scale,
            dispalcement_scale: see `trackzoo.trackers.tomp.localisation.Thresholds`.
        conf_ths, report_limit, deterministic: see `trackzoo.trackers.tomp.tracker.Behaviour`.
        hcanTh, hcanKs, maxCanNum, simvThr, newimSimThr, template_size: see `Refinement`.
        parts, clip_sizes: other sizes of the networks, for tests.
        device, dtype, compile: see `ToMPTracker`.

    Raises:
        SettingsError: weights that are not here or do not fit, of the network or of CLIP; values that settings cannot have.
    """
    from trackzoo.nn.clip import ClipSizes, image_encoder
    from trackzoo.trackers.pivot.tracker import PiVOTTracker
    from trackzoo.weights.chosen import RANDOM
    from trackzoo.weights.loading import fill_from

    refinement, behaviour = settled(
        prompt=prompt,
        target_not_found_threshold=target_not_found_threshold,
        distractor_threshold=distractor_threshold,
        hard_negative_threshold=hard_negative_threshold,
        target_neighborhood_scale=target_neighborhood_scale,
        dispalcement_scale=dispalcement_scale,
        conf_ths=conf_ths,
        report_limit=report_limit,
        hcanTh=hcanTh,
        hcanKs=hcanKs,
        maxCanNum=maxCanNum,
        simvThr=simvThr,
        newimSimThr=newimSimThr,
        template_size=template_size,
        deterministic=deterministic,
    )
    encoder, identity = None, {}
    if prompt == "refined":
        # A tracker without weights is for tests of speed: CLIP has none then either, unless somebody names them.
        chosen = RANDOM if isinstance(weights, str) and weights == RANDOM and clip == CLIP else clip
        encoder = image_encoder(chosen, CLIP, ClipSizes(**clip_sizes) if clip_sizes else None)
        identity = _identity(chosen)
    network = unfilled(backbone, side, **(parts or {}))
    fill_from(network, weights, renaming(backbone))
    return PiVOTTracker(
        network, encoder, refinement, behaviour, identity=identity, compile=compile, device=device, dtype=dtype
    )


def settled(**settings: Any) -> tuple[Refinement, Behaviour]:
    """Settings of the tracker beyond its networks, by their released names; PiVOT's where they are not given.

    Raises:
        SettingsError: a value that one cannot have.
    """
    from trackzoo.trackers.pivot.tracker import Refinement
    from trackzoo.trackers.tomp.localisation import Thresholds
    from trackzoo.trackers.tomp.tracker import Behaviour

    parts: list[dict[str, Any]] = []
    for kind, own in (
        (Refinement, {"template_size": 288}),
        (Thresholds, {"target_not_found_threshold": 0.35}),
        (Behaviour, {"report_limit": 9999.0}),
    ):
        names = {each.name for each in fields(kind)}
        parts.append(own | {name: value for name, value in settings.items() if name in names})
    return Refinement(**parts[0]), Behaviour(Thresholds(**parts[1]), **parts[2])


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

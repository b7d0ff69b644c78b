"""PiVOT: visual prompts from templates, refined by CLIP, on ToMP (`pivot-50`, `pivot-l-22`, `pivot-l-27`)."""

from importlib.resources import files

from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = "Chen et al.: Improving visual object tracking through visual prompting (PiVOT), TMM 2025, arXiv 2409.18901"
_PAGE = "https://github.com/chenshihfang/GOT (README, PiVOT)"
_ROOT = files(__name__)
_L_MANIFEST = _ROOT.joinpath("goldens", "pivot_l", "manifest.json")
_FOUR = ("lasot-train", "got10k-vot-train", "trackingnet-train", "coco2017-train")
_LARGE = {"backbone": "dinov2", "template_size": 352}

SPECS = (
    TrackerSpec(
        name="pivot",
        title="PiVOT",
        factory="trackzoo.trackers.pivot.build:pivot_tracker",
        summary="ToMP whose features are prompted by templates; CLIP refines the prompt. L: on frozen DINOv2.",
        variants={
            "pivot-50": {},
            "pivot-l-22": {**_LARGE, "side": 22},
            "pivot-l-27": {**_LARGE, "side": 27},
        },
        default="pivot-l-27",
        paper=_PAPER,
        unavailable="trackzoo.trackers.pivot.build:lacking",
        weights={name: name for name in ("pivot-50", "pivot-l-22", "pivot-l-27")},
        parameters={"pivot-50": 53_640_174, "pivot-l-22": 333_502_406, "pivot-l-27": 333_502_406},
        score_range="about 0..1, unbounded, the maximum of the score map",
        licence="GPL-3.0",
    ),
)

WEIGHTS = (
    WeightsSpec(
        name="pivot-50",
        title="PiVOT-50",
        variants=("pivot-50",),
        file="PiVOT_50.pth.tar",
        page="",
        paper=_PAPER,
        trained_on=_FOUR,
        manifest=_ROOT.joinpath("goldens", "pivot50", "manifest.json"),
        optional=_ROOT.joinpath("adapter.json"),
        rename="trackzoo.trackers.tomp.loading:head_tensors",
    ),
    WeightsSpec(
        name="pivot-l-22",
        title="PiVOT-L-22",
        variants=("pivot-l-22",),
        file="PiVOT_L_22.pth.tar",
        page="",
        paper=_PAPER,
        trained_on=_FOUR,
        manifest=_L_MANIFEST,
        rename="trackzoo.trackers.tomp.loading:with_backbone",
        check="trackzoo.trackers.tomp.loading:check_22",
    ),
    WeightsSpec(
        name="pivot-l-27",
        title="PiVOT-L-27",
        variants=("pivot-l-27",),
        file="PiVOT_L_27.pth.tar",
        page=_PAGE,
        licence="none stated",
        paper=_PAPER,
        trained_on=_FOUR,
        manifest=_L_MANIFEST,
        rename="trackzoo.trackers.tomp.loading:with_backbone",
        check="trackzoo.trackers.tomp.loading:check_27",
    ),
    WeightsSpec(
        name="clip-vit-large-patch14-336",
        title="CLIP ViT-L/14@336px",
        variants=(),
        file="pytorch_model.bin",
        page="https://github.com/openai/CLIP",
        hub="openai/clip-vit-large-patch14-336",
        licence="MIT (repository)",
        paper="Radford et al.: Learning transferable visual models from natural language supervision, ICML 2021",
        manifest=_ROOT.joinpath("clip.json"),
        rename="trackzoo.nn.clip:vision_tensors",
    ),
)

VERIFY = {
    "pivot-50": "trackzoo.trackers.pivot.verify:PiVOT50Target",
    "pivot-l-22": "trackzoo.trackers.pivot.verify:PiVOTL22Target",
    "pivot-l-27": "trackzoo.trackers.pivot.verify:PiVOTL27Target",
}

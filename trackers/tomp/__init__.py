"""ToMP: transformers predict the weights of a target model (`tomp-50`; PiVOT's baselines `tomp-l-22`, `tomp-l-27`)."""

from importlib.resources import files

from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = "Mayer et al.: Transforming model prediction for tracking (ToMP), CVPR 2022, arXiv 2203.11192"
_PIVOT = "Chen et al.: Improving visual object tracking through visual prompting (PiVOT), TMM 2025, arXiv 2409.18901"
_PAGE = "https://github.com/visionml/pytracking (MODEL_ZOO.md)"
_PIVOT_PAGE = "https://github.com/chenshihfang/GOT (README, PiVOT)"
_FOUR = ("lasot-train", "got10k-vot-train", "trackingnet-train", "coco2017-train")
_ROOT = files(__name__)
#: PiVOT's parameter file, from which its baseline's runs differ in the prompt alone.
_LARGE = {"backbone": "dinov2", "target_not_found_threshold": 0.35, "report_limit": 9999.0}

SPECS = (
    TrackerSpec(
        name="tomp",
        title="ToMP",
        factory="trackzoo.trackers.tomp.build:tomp_tracker",
        summary="A transformer over two reference frames and the current one predicts classifier and box regressor.",
        variants={
            "tomp-50": {},
            "tomp-l-22": {**_LARGE, "side": 22},
            "tomp-l-27": {**_LARGE, "side": 27},
        },
        default="tomp-50",
        paper=_PAPER,
        weights={name: name for name in ("tomp-50", "tomp-l-22", "tomp-l-27")},
        parameters={"tomp-50": 47_866_860, "tomp-l-22": 327_729_092, "tomp-l-27": 327_729_092},
        score_range="about 0..1, unbounded, the maximum of the score map",
        licence="GPL-3.0",
    ),
)

WEIGHTS = (
    WeightsSpec(
        name="tomp-50",
        title="ToMP-50",
        variants=("tomp-50",),
        file="tomp50.pth.tar",
        page=_PAGE,
        licence="GPL-3.0 (repository)",
        paper=_PAPER,
        trained_on=_FOUR,
        manifest=_ROOT.joinpath("goldens", "tomp50", "manifest.json"),
        rename="trackzoo.trackers.tomp.loading:head_tensors",
    ),
    *(
        WeightsSpec(
            name=f"tomp-l-{side}",
            title=title,
            variants=(f"tomp-l-{side}",),
            file=file,
            page=page,
            licence="see the repository",
            paper=_PIVOT,
            trained_on=_FOUR,
            manifest=_ROOT.joinpath("goldens", "tomp_l", "manifest.json"),
            rename="trackzoo.trackers.tomp.loading:without_prompting",
            check=f"trackzoo.trackers.tomp.loading:check_{side}",
        )
        for side, title, file, page in (
            (22, "ToMP-L-22", "PiVOT_L_22.pth.tar", ""),
            (27, "ToMP-L-27 (PiVOT-L-27 without its prompt)", "PiVOT_L_27.pth.tar", _PIVOT_PAGE),
        )
    ),
    WeightsSpec(
        name="dinov2-vitl14",
        title="DINOv2 ViT-L/14",
        variants=(),
        file="model.safetensors",
        page="https://github.com/facebookresearch/dinov2",
        hub="facebook/dinov2-large",
        licence="Apache-2.0",
        paper="Oquab et al.: DINOv2: learning robust visual features without supervision, TMLR 2024, arXiv 2304.07193",
        manifest=_ROOT.joinpath("dinov2.json"),
        rename="trackzoo.nn.dinov2:backbone_tensors",
    ),
)

VERIFY = {
    "tomp-50": "trackzoo.trackers.tomp.verify:ToMP50Target",
    "tomp-l-22": "trackzoo.trackers.tomp.verify:ToMPL22Target",
    "tomp-l-27": "trackzoo.trackers.tomp.verify:ToMPL27Target",
}

"""LWL: video object segmentation by a learnt filter (`lwl-ytvos` from masks, `lwl-boxinit` from boxes); RTS's forerunner."""

from importlib.resources import files

from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = "Bhat et al.: Learning what to learn for video object segmentation (LWL), ECCV 2020, arXiv 2003.11540"
_PAGE = "https://github.com/visionml/pytracking (MODEL_ZOO.md)"
_GOLDENS = files(__name__).joinpath("goldens", "lwl")

SPECS = (
    TrackerSpec(
        name="lwl",
        title="LWL",
        factory="trackzoo.trackers.lwl.tracker:LWLTracker",
        summary="Segments with a filter learnt on the first mask (or box) and refined on the masks it gives.",
        takes=frozenset({"box", "mask"}),
        gives=frozenset({"box", "mask"}),
        variants={
            "lwl-ytvos": {},
            "lwl-boxinit": {
                "start_with": "box",
                "learning_rate": 0.2,
                "init_samples_minimum_weight": 0.0,
                "lower_init_weight": True,
                "train_skipping": 5,
                "net_opt_update_iter": 5,
            },
        },
        default="lwl-ytvos",
        paper=_PAPER,
        weights={"lwl-ytvos": "lwl-ytvos", "lwl-boxinit": "lwl-boxinit"},
        parameters={"lwl-ytvos": 36_658_722, "lwl-boxinit": 37_406_514},
        score_range="0..1, probability in the picture for each pixel of the mask",
        licence="GPL-3.0",
    ),
)

WEIGHTS = tuple(
    WeightsSpec(
        name=name,
        title=title,
        variants=(name,),
        file=file,
        page=_PAGE,
        licence="GPL-3.0 (repository)",
        paper=_PAPER,
        trained_on=trained_on,
        manifest=_GOLDENS.joinpath(manifest),
    )
    for name, title, file, manifest, trained_on in (
        (
            "lwl-ytvos",
            "LWL",
            "lwl_stage2.pth",
            "manifest.json",
            ("youtube-vos2019-jjtrain", "davis2017-train"),
        ),
        (
            "lwl-boxinit",
            "LWL (box)",
            "lwl_boxinit.pth",
            "manifest_boxinit.json",
            ("youtube-vos2019-jjtrain", "davis2017-train", "coco2017-train"),
        ),
    )
)

VERIFY = {"lwl": "trackzoo.trackers.lwl.verify:LWLTarget"}

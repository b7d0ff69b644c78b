"""ProContEXT: OSTrack with static and dynamic templates at several scales."""

from importlib.resources import files

from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = "Lan et al.: ProContEXT: exploring progressive context transformer for tracking, ICASSP 2023, arXiv 2210.15511"
_PAGE = "https://github.com/jp-lan/ProContEXT (README)"
_MANIFEST = files(__name__).joinpath("goldens", "procontext", "manifest.json")
_SMALL = {"template_size": 128, "search_size": 256, "search_factor": 4.0}

SPECS = (
    TrackerSpec(
        name="procontext",
        title="ProContEXT",
        factory="trackzoo.trackers.procontext.tracker:ProContEXTTracker",
        summary="OSTrack over static and dynamic templates at two scales, pruned by all of them.",
        variants={
            "procontext": {},
            # Algorithm 1 of the paper: every frame whose score exceeds the threshold.
            "procontext-paper": {"update_interval": 1},
            # The paper's ablations: smaller crops; scales, dynamic and keep_ratio are settings.
            "procontext-256": dict(_SMALL),
        },
        default="procontext",
        paper=_PAPER,
        weights={"procontext": "procontext", "procontext-paper": "procontext"},
        parameters={"procontext": 92_825_733, "procontext-paper": 92_825_733, "procontext-256": 92_518_533},
        score_range="0..1, the maximum of the score map before the window",
        licence="MIT",
    ),
)

WEIGHTS = tuple(
    WeightsSpec(
        name=f"procontext{suffix}",
        title=f"ProContEXT{title}",
        variants=("procontext", "procontext-paper"),
        file=file,
        page=_PAGE,
        licence="MIT (repository)",
        paper=_PAPER,
        trained_on=trained_on,
        manifest=_MANIFEST,
    )
    for suffix, title, file, trained_on in (
        (
            "",
            "",
            "ProContEXT_ep0300.pth.tar",
            ("lasot-train", "got10k-vot-train", "coco2017-train", "trackingnet-train"),
        ),
        ("-got10k", " (GOT-10k)", "ProContEXT_ep0100.pth.tar", ("got10k-train",)),
    )
)

VERIFY = {"procontext": "trackzoo.trackers.procontext.verify:ProContEXTTarget"}

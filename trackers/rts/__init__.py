"""RTS: robust tracking by segmentation (`rts50`, and `rts50-paper`, which follows the paper's words)."""

from importlib.resources import files

from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = "Paul et al.: Robust visual tracking by segmentation (RTS), ECCV 2022, arXiv 2203.11191"
_VARIANTS = ("rts50", "rts50-paper", "rts50-no-instance")

SPECS = (
    TrackerSpec(
        name="rts",
        title="RTS",
        factory="trackzoo.trackers.rts.tracker:RTSTracker",
        summary="Tracks by segmentation: a learnt filter encodes the mask, an instance branch finds the target again.",
        takes=frozenset({"box", "mask"}),
        gives=frozenset({"box", "mask"}),
        variants={
            "rts50": {},
            # The paper's Sec. 3.6, where the released code does otherwise.
            "rts50-paper": {"schedule": "paper"},
            # Table 1: what segmentation alone does.
            "rts50-no-instance": {"instance": False},
        },
        default="rts50",
        paper=_PAPER,
        weights=dict.fromkeys(_VARIANTS, "rts50"),
        parameters=dict.fromkeys(_VARIANTS, 43_848_002),
        score_range="about 0..1, unbounded, the peak of the instance branch; without it as LWL's",
        licence="GPL-3.0",
    ),
)

WEIGHTS = (
    WeightsSpec(
        name="rts50",
        title="RTS-50",
        variants=_VARIANTS,
        file="rts50.pth",
        page="https://github.com/visionml/pytracking (MODEL_ZOO.md)",
        licence="GPL-3.0 (repository)",
        paper=_PAPER,
        trained_on=("youtube-vos2019-jjtrain", "davis2017-train", "got10k-vot-train", "lasot-train"),
        manifest=files(__name__).joinpath("goldens", "rts", "manifest.json"),
    ),
)

VERIFY = {"rts50": "trackzoo.trackers.rts.verify:RTSTarget"}

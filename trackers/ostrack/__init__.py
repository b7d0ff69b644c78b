"""OSTrack: the one-stream baseline (`ostrack-256`, `ostrack-384`)."""

from importlib.resources import files

from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = "Ye et al.: Joint feature learning and relation modeling for tracking (OSTrack), ECCV 2022, arXiv 2203.11991"
_PAGE = "https://github.com/botaoye/OSTrack (README, 'Models & Raw Results')"
_FOUR = ("lasot-train", "got10k-vot-train", "coco2017-train", "trackingnet-train")
_GOLDENS = files(__name__).joinpath("goldens")

SPECS = (
    TrackerSpec(
        name="ostrack",
        title="OSTrack",
        factory="trackzoo.trackers.ostrack.tracker:OSTrackTracker",
        summary="One ViT over template and search region with early candidate elimination, centre head.",
        variants={
            "ostrack-256": {},
            "ostrack-384": {"template_size": 192, "search_size": 384, "search_factor": 5.0},
        },
        default="ostrack-256",
        paper=_PAPER,
        weights={"ostrack-256": "ostrack-256", "ostrack-384": "ostrack-384"},
        parameters={"ostrack-256": 92_518_533, "ostrack-384": 92_825_733},
        score_range="0..1, the maximum of the score map before the window",
        licence="MIT",
    ),
)

WEIGHTS = tuple(
    WeightsSpec(
        name=f"ostrack-{size}{suffix}",
        title=f"OSTrack-{size}{title}",
        variants=(f"ostrack-{size}",),
        file=file,
        page=_PAGE,
        licence="MIT (repository)",
        paper=_PAPER,
        trained_on=trained_on,
        manifest=_GOLDENS.joinpath(f"ostrack{size}", "manifest.json"),
    )
    for size in (256, 384)
    for suffix, title, file, trained_on in (
        ("", "", "OSTrack_ep0300.pth.tar", _FOUR),
        ("-got10k", " (GOT-10k)", "OSTrack_ep0100.pth.tar", ("got10k-train",)),
    )
)

VERIFY = {
    "ostrack-256": "trackzoo.trackers.ostrack.verify:OSTrack256",
    "ostrack-384": "trackzoo.trackers.ostrack.verify:OSTrack384",
}

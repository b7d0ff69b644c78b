"""JN: a plain ViT with a target-indicating token and a distribution head, trained with negative pairs."""

from trackzoo.tracker import TrackerSpec

_LARGE = {"template_size": 192, "search_size": 384, "search_factor": 5.0}

SPECS = (
    TrackerSpec(
        name="jn",
        title="JN",
        factory="trackzoo.trackers.jn.tracker:JNTracker",
        summary="One ViT with a token that tells the target's box, and a distribution head whose score tells absence.",
        variants={"jn-256": {}, "jn-384": dict(_LARGE)},
        default="jn-256",
        paper="Wang et al.: Towards efficient training with negative samples in visual tracking, arXiv 2309.02903",
        parameters={"jn-256": 90_247_354, "jn-384": 90_541_498},
        score_range="0..1, class probability times quality, its maximum before the window",
    ),
)

# Nobody has published weights of JN.
WEIGHTS = ()

VERIFY = {"jn-256": "trackzoo.trackers.jn.verify:JN256Target"}

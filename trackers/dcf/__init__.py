"""`dcf`: a discriminative correlation filter, network-free and batched. The example of a plugin: read `tracker.py` first."""

from trackzoo.tracker import TrackerSpec

_CLASS = "trackzoo.trackers.dcf.tracker:DcfTracker"
_PAPERS = (
    "Bolme et al., CVPR 2010; Danelljan et al., BMVC 2014; Galoogahi et al., ICCV 2017; Bertinetto et al., CVPR 2016"
)

SPECS = (
    TrackerSpec(
        name="dcf",
        title="DCF",
        factory=_CLASS,
        summary="Correlation filter on gradients and colour with a scale filter, on torch.fft; batched, no network.",
        variants={
            "dcf": {},
            # What the background-aware training and the colours are worth: the filter of DSST.
            "dcf-plain": {"iterations": 0, "regularisation": 0.01, "merge": 0.0, "padding": 2.5, "rate": 0.025},
        },
        default="dcf",
        paper=_PAPERS,
        threads=1,
        score_range="peak to sidelobe ratio of the filter's response: about 5 by chance, 20 and more for a clear target",
    ),
)

"""RTS: robust tracking by segmentation (`rts50`), and LWL."""

VERIFY = {
    "rts50": "trackzoo.trackers.rts.verify:RTSTarget",
    "lwl": "trackzoo.trackers.rts.verify:LWLTarget",
}

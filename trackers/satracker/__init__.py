"""SATracker."""

SPECS = ()
VERIFY = {
    "satracker": "trackzoo.trackers.satracker.verify:SATrackerTarget",
    "mixformer": "trackzoo.trackers.satracker.verify:MixFormerTarget",
}

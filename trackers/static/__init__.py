"""`static`: repeats the first box. The floor that every tracker must beat."""

from trackzoo.tracker import TrackerSpec

SPECS = (
    TrackerSpec(
        name="static",
        title="Static",
        factory="trackzoo.trackers.static.tracker:StaticTracker",
        summary="Repeats the first box: the floor.",
        score_range="always 1",
    ),
)

"""STA: a mask of a first box, by which RTS begins where no mask is given."""

from importlib.resources import files

from trackzoo.weights.facts import WeightsSpec

_PAPER = (
    "Zhao et al.: Generating masks from boxes by mining spatio-temporal consistencies in videos, ICCV 2021, "
    "arXiv 2101.02196"
)

WEIGHTS = (
    WeightsSpec(
        name="sta",
        title="STA",
        variants=(),
        file="sta.pth",
        page="https://github.com/visionml/pytracking (MODEL_ZOO.md)",
        licence="GPL-3.0 (repository)",
        paper=_PAPER,
        trained_on=("youtube-vos2019-train", "davis2017-train"),
        manifest=files(__name__).joinpath("goldens", "sta", "manifest.json"),
    ),
)

VERIFY = {"sta": "trackzoo.trackers.sta.verify:STATarget"}

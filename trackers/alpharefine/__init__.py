"""Alpha-Refine: a tracker's box to a precise box and a mask (`TRACKER+alpharefine`, `TRACKER+alpharefine-corner`)."""

from importlib.resources import files

from trackzoo.refiner import RefinerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = (
    "Yan et al.: Alpha-Refine: Boosting tracking performance by precise bounding box estimation, CVPR 2021, "
    "arXiv 2012.06815"
)
_MANIFEST = files(__name__).joinpath("goldens", "alpharefine", "manifest.json")

SPECS = (
    RefinerSpec(
        name="alpharefine",
        title="Alpha-Refine",
        factory="trackzoo.trackers.alpharefine.refiner:AlphaRefine",
        summary="Refines any tracker's box: correlates the first frame's target with a crop about the box.",
        gives=frozenset({"box", "mask"}),
        variants={
            # The mask alone, ResNet-50 at 384 pixels: what box trackers report VOT2020 with.
            "alpharefine": {},
            # Corners and a mask, ResNet-34 at 256 pixels: the paper's.
            "alpharefine-corner": {"network": "corner"},
        },
        default="alpharefine",
        paper=_PAPER,
        weights={"alpharefine": "alpharefine", "alpharefine-corner": "alpharefine-corner"},
        parameters={"alpharefine": 30_161_573, "alpharefine-corner": 23_825_407},
        score_range="the tracker's own",
        licence="GPL-3.0 (reference; nothing of it is used)",
    ),
)

WEIGHTS = (
    WeightsSpec(
        name="alpharefine",
        title="Alpha-Refine, mask network of VOT2020",
        variants=("alpharefine",),
        file="ARcm_coco_seg_only_mask_384.pth.tar",
        page="https://github.com/MasterBin-IIAU/AlphaRefine (AlphaRefine_submit, 'VOT2020')",
        licence="GPL-3.0 (repository)",
        paper=_PAPER,
        # The file's name says so; whether there was more is not public, as its training is not.
        trained_on=("coco2017-train",),
        manifest=_MANIFEST,
        section="mask_resnet50_384",
    ),
    WeightsSpec(
        name="alpharefine-corner",
        title="Alpha-Refine, corner and mask network (CVPR 2021)",
        variants=("alpharefine-corner",),
        file="SEcmnet_ep0040-c.pth.tar",
        page="https://github.com/MasterBin-IIAU/AlphaRefine (README)",
        licence="GPL-3.0 (repository)",
        paper=_PAPER,
        # Besides, ImageNet VID and DET and sets of salient objects, which are no data sets here.
        trained_on=("got10k-train", "lasot-train", "coco2017-train", "youtube-vos2018-train"),
        manifest=_MANIFEST,
        section="corner_mask_resnet34_256",
    ),
)

VERIFY = {"alpharefine": "trackzoo.trackers.alpharefine.verify:AlphaRefineTarget"}

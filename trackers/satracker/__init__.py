"""SATracker: vision and language learned side by side, stage by stage; the target is given by a box and a sentence."""

from importlib.resources import files

from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

_PAPER = "Ge et al.: Beyond visual cues: synchronously exploring target-centric semantics for vision-language tracking"
_MANIFEST = files(__name__).joinpath("goldens", "satracker", "manifest.json")

SPECS = (
    TrackerSpec(
        name="satracker",
        title="SATracker",
        factory="trackzoo.trackers.satracker.tracker:SATrackerTracker",
        summary="CvT-21 and BERT side by side, with asymmetric attention and text that selects channels; corner head.",
        takes=frozenset({"box", "text"}),
        paper=_PAPER + " (SATracker)",
        depends="trackzoo.trackers.satracker.tokenizer:depends",
        weights={"satracker": "satracker"},
        parameters={"satracker": 155_454_466},
        score_range="0..1, product of the highest probabilities of the two corners",
    ),
)

WEIGHTS = (
    WeightsSpec(
        name="satracker",
        title="SATracker",
        variants=("satracker",),
        file="satracker.pth.tar",
        page="",
        manifest=_MANIFEST,
        section="satracker",
        paper=_PAPER,
    ),
    WeightsSpec(
        name="cvt-21",
        title="CvT-21 (a start for SATracker's visual side)",
        variants=(),
        file="pytorch_model.bin",
        page="https://github.com/microsoft/CvT (Model Zoo)",
        hub="microsoft/cvt-21",
        licence="Apache-2.0 (hub); MIT (original release)",
        paper="Wu et al.: CvT: introducing convolutions to vision transformers, ICCV 2021, arXiv 2103.15808",
        manifest=_MANIFEST,
        section="cvt",
        rename="trackzoo.trackers.satracker.pretrained:as_hub_cvt",
    ),
    WeightsSpec(
        name="bert-base-uncased",
        title="BERT base, uncased (a start for SATracker's text, and its vocabulary)",
        variants=(),
        file="model.safetensors",
        page="https://huggingface.co/google-bert/bert-base-uncased",
        hub="google-bert/bert-base-uncased",
        licence="Apache-2.0",
        paper="Devlin et al.: BERT, NAACL 2019, arXiv 1810.04805",
        manifest=_MANIFEST,
        section="bert",
        rename="trackzoo.trackers.satracker.pretrained:as_bert",
        companions=("vocab.txt",),
    ),
)

VERIFY = {
    "satracker": "trackzoo.trackers.satracker.verify:SATrackerTarget",
    "mixformer": "trackzoo.trackers.satracker.verify:MixFormerTarget",
}

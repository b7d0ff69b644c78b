"""Facts about the published figures: which papers and tables, what a row may say, what a metric may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper whose tables were transcribed.

    Attributes:
        key: names its CSV file and the `paper` column.
        short: how a footnote names it.
        title: in full.
        authors: in order.
        published: venue and arXiv number; the texts that were transcribed do not all state them.
        trackers: ids of the trackers that the paper is the source of.
        tables: the tables that were transcribed, in order.
    """

    key: str
    short: str
    title: str
    authors: str
    published: str
    trackers: frozenset[str]
    tables: tuple[str, ...]


#: By key. Their order decides which is shown where several print a figure of a tracker that is none of theirs and nothing
#: else speaks for one of them.
PAPERS: dict[str, Paper] = {
    paper.key: paper
    for paper in (
        Paper(
            "rts",
            "RTS",
            "Robust Visual Tracking by Segmentation",
            "Matthieu Paul, Martin Danelljan, Christoph Mayer, Luc Van Gool",
            "ECCV 2022; arXiv 2203.11191",
            frozenset({"rts50"}),
            tuple(f"Table {number}" for number in range(1, 9)),
        ),
        Paper(
            "pivot",
            "PiVOT",
            "Improving Visual Object Tracking through Visual Prompting",
            "Shih-Fang Chen, Jun-Cheng Chen, I-Hong Jhuo, Yen-Yu Lin",
            "IEEE Transactions on Multimedia; arXiv 2409.18901",
            frozenset({"pivot-50", "pivot-l-22", "pivot-l-27", "tomp-l-22"}),
            tuple(f"Table {number}" for number in ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")),
        ),
        Paper(
            "procontext",
            "ProContEXT",
            "ProContEXT: Exploring Progressive Context Transformer for Tracking",
            "Jin-Peng Lan, Zhi-Qi Cheng, Jun-Yan He, Chenyang Li, Bin Luo, Xu Bao, Wangmeng Xiang, Yifeng Geng, Xuansong Xie",
            "ICASSP 2023; arXiv 2210.15511",
            frozenset({"procontext"}),
            tuple(f"Table {number}" for number in range(1, 5)),
        ),
        Paper(
            "jn",
            "JN",
            "Towards Efficient Training with Negative Samples in Visual Tracking",
            "Qingmao Wei, Bi Zeng, Guotian Zeng",
            "arXiv 2309.02903 (2023)",
            frozenset({"jn-256", "jn-384", "jn-256+alpharefine", "jn-384+alpharefine"}),
            tuple(f"Table {number}" for number in ("1", "2", "3", "4", "5", "A1", "A2")),
        ),
        Paper(
            "satracker",
            "SATracker",
            "Beyond Visual Cues: Synchronously Exploring Target-Centric Semantics for Vision-Language Tracking",
            "Jiawei Ge, Xiangmei Chen, Jiuxin Cao, Xuelin Zhu, Bo Liu",
            "arXiv 2311.17085 (2023)",
            frozenset({"satracker"}),
            tuple(f"Table {number}" for number in range(2, 6)),
        ),
    )
}

#: Status -> what it means. The first three are clean: the figure can be set against ours.
STATUSES: dict[str, str] = {
    "transcribed": "stands so in the text; row and column are plain",
    "restored": "all digits stand in the text, the decimal point was lost and is put back",
    "inferred": "the number stands; whose it is follows from the evidence that the note names",
    "ambiguous": "the number stands, but a digit or what it belongs to is in doubt; the note says why",
    "conflict": "another place prints another number for the same thing; the note names it; both stand",
    "lost": "the value is not in the text; the row keeps its place",
}
CLEAN = frozenset({"transcribed", "restored", "inferred"})
KINDS: dict[str, str] = {
    "result": "a tracker on a benchmark, as a paper compares trackers",
    "ablation": "a row of a study of parts or settings",
    "cost": "size, speed, memory, training effort",
}


@dataclass(frozen=True)
class MetricFacts:
    """A metric of the CSVs.

    Attributes:
        title: how tables head it.
        units: units it may stand in, with the range (low, high) of plausible values in each.
    """

    title: str
    units: dict[str, tuple[float, float]]


_PERCENT = {"percent": (0.0, 100.0)}
_FRACTION = {"fraction": (0.0, 1.0)}
METRICS: dict[str, MetricFacts] = {
    "auc": MetricFacts("AUC", _PERCENT),
    "op50": MetricFacts("OP50", _PERCENT),
    "op75": MetricFacts("OP75", _PERCENT),
    "precision": MetricFacts("P", _PERCENT),
    "norm_precision": MetricFacts("P_Norm", _PERCENT),
    "ao": MetricFacts("AO", _PERCENT),
    "sr50": MetricFacts("SR 0.50", _PERCENT),
    "sr75": MetricFacts("SR 0.75", _PERCENT),
    "eao": MetricFacts("EAO", _FRACTION),
    "accuracy": MetricFacts("A", _FRACTION),
    "robustness": MetricFacts("R", _FRACTION),
    "j_and_f": MetricFacts("J&F", _PERCENT),
    "j": MetricFacts("J", _PERCENT),
    "f": MetricFacts("F", _PERCENT),
    "g": MetricFacts("G", _PERCENT),
    "j_seen": MetricFacts("J seen", _PERCENT),
    "j_unseen": MetricFacts("J unseen", _PERCENT),
    "f_seen": MetricFacts("F seen", _PERCENT),
    "f_unseen": MetricFacts("F unseen", _PERCENT),
    "fps": MetricFacts("FPS", {"frames/s": (0.0, 2000.0)}),
    "time_ms": MetricFacts("Time", {"ms": (0.0, 10000.0)}),
    "time_share": MetricFacts("Share of time", _PERCENT),
    "params_m": MetricFacts("Parameters", {"M": (0.0, 5000.0)}),
    "train_params_m": MetricFacts("Trained parameters", {"M": (0.0, 5000.0)}),
    "flops_g": MetricFacts("FLOPs", {"G": (0.0, 5000.0)}),
    "input_px": MetricFacts("Input size", {"px": (32.0, 4096.0)}),
    "train_epochs": MetricFacts("Epochs", {"epochs": (1.0, 5000.0)}),
    "train_batch": MetricFacts("Batch", {"samples": (1.0, 4096.0)}),
    "train_gpus": MetricFacts("GPUs in training", {"GPUs": (1.0, 1024.0)}),
    "train_gpu_gb": MetricFacts("Memory of a GPU in training", {"GB": (1.0, 1024.0)}),
}

#: `server` is what a benchmark's own server computed by code that is not public: it stands beside ours as data only.
PROFILES = frozenset({"", "pytracking", "stark", "got10k", "trackingnet", "vot", "davis", "server"})

"""What the columns of a table are called, in which order they stand, and which one ranks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One metric as tables print it.

    Attributes:
        metric: name in `Scores.metrics`.
        title: heading in plain text.
        latex: heading in LaTeX.
        meaning: a few words for captions and tooltips.
        unit: `%`, or another that is said beside the number.
        higher: whether more is better.
    """

    metric: str
    title: str
    latex: str
    meaning: str
    unit: str = "%"
    higher: bool = True


#: In the order of the tables. The first that a profile gives is the one that ranks.
COLUMNS: tuple[Column, ...] = (
    Column("g", "G", "G", "mean of J and F over seen and unseen classes"),
    Column("jf", "J&F", "$\\mathcal{J}\\&\\mathcal{F}$", "mean of region similarity and boundary accuracy"),
    Column("j_seen", "J seen", "$\\mathcal{J}_{\\mathrm{seen}}$", "region similarity over classes of the training set"),
    Column("j_unseen", "J unseen", "$\\mathcal{J}_{\\mathrm{unseen}}$", "region similarity over other classes"),
    Column("f_seen", "F seen", "$\\mathcal{F}_{\\mathrm{seen}}$", "boundary accuracy over classes of the training set"),
    Column("f_unseen", "F unseen", "$\\mathcal{F}_{\\mathrm{unseen}}$", "boundary accuracy over other classes"),
    Column("j", "J", "$\\mathcal{J}$", "region similarity: mean overlap of masks"),
    Column("j_recall", "J recall", "$\\mathcal{J}$ recall", "share of frames with J above 0.5"),
    Column("j_decay", "J decay", "$\\mathcal{J}$ decay", "first quarter minus last quarter of the video", higher=False),
    Column("f", "F", "$\\mathcal{F}$", "boundary accuracy"),
    Column("f_recall", "F recall", "$\\mathcal{F}$ recall", "share of frames with F above 0.5"),
    Column("f_decay", "F decay", "$\\mathcal{F}$ decay", "first quarter minus last quarter of the video", higher=False),
    Column("eao", "EAO", "EAO", "expected average overlap"),
    Column("accuracy", "A", "A", "accuracy: mean overlap while the target is tracked"),
    Column("robustness", "R", "R", "robustness: share of frames before failure"),
    Column("failures", "failures", "failures", "failures a sequence, weighted by length", unit="", higher=False),
    Column("failure_rate", "R", "R", "robustness: failures a hundred frames", unit="", higher=False),
    Column("lost", "lost", "lost", "failures on all sequences", unit="", higher=False),
    Column("reliability", "reliability", "reliability", "exp(-30 failures a frame)"),
    Column("ao", "AO", "AO", "mean overlap over all frames"),
    Column("auc", "AUC", "AUC", "area under the success curve"),
    Column("op50", "OP50", "OP$_{50}$", "share of frames with overlap above 0.5"),
    Column("op75", "OP75", "OP$_{75}$", "share of frames with overlap above 0.75"),
    Column("sr50", "SR0.5", "SR$_{0.5}$", "share of frames with overlap above 0.5"),
    Column("sr75", "SR0.75", "SR$_{0.75}$", "share of frames with overlap above 0.75"),
    Column("precision", "P", "P", "precision: share of frames with centre error up to 20 px"),
    Column(
        "norm_precision", "P_norm", "P$_{\\mathrm{norm}}$", "normalized precision: centre error up to 0.2 target sizes"
    ),
    Column("coverage", "coverage", "coverage", "share of frames with a box"),
    Column("mao", "mAO", "mAO", "mean over object classes of their mean overlap"),
    Column("msr50", "mSR0.5", "mSR$_{0.5}$", "mean over object classes of SR0.5"),
    Column("msr75", "mSR0.75", "mSR$_{0.75}$", "mean over object classes of SR0.75"),
)
_BY_METRIC = {column.metric: column for column in COLUMNS}

#: What the main column means under profiles that rank by something else than the order above is theirs to say; none does yet.


def column(metric: str) -> Column:
    """The column of a metric; a plain one for metrics that this module does not know."""
    return _BY_METRIC.get(metric) or Column(metric, metric, metric.replace("_", "\\_"), metric.replace("_", " "))


def columns(metrics: Iterable[str]) -> tuple[Column, ...]:
    """Columns of `metrics`, known ones in the order of `COLUMNS`, others after them by name."""
    given = set(metrics)
    known = [entry for entry in COLUMNS if entry.metric in given]
    return (*known, *(column(metric) for metric in sorted(given - _BY_METRIC.keys())))


def show(value: float, decimals: int = 2) -> str:
    """A figure as tables print it; a dash where it is not known. Minus is the true sign, as in print."""
    if value != value:
        return "–"
    return f"{value:.{decimals}f}".replace("-", "−")

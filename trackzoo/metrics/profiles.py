"""The profiles: named, versioned sets of rules, each equal to the toolkit that it is named after."""

from __future__ import annotations

from collections.abc import Callable, Sequence as ListOf
from dataclasses import dataclass
from functools import partial

from trackzoo.errors import UnknownName
from trackzoo.metrics import got10k, matlab, pysot, pytracking, strict, trackingnet
from trackzoo.metrics.names import rule_name
from trackzoo.metrics.ope import Plan, compute
from trackzoo.metrics.types import Floats, Scores, Truth


@dataclass(frozen=True)
class Profile:
    """One toolkit's way of counting.

    Attributes:
        name: what it is called on the command line.
        version: rises when a number could change.
        title: as a heading.
        source: toolkit and commit.
        describe: what sets it apart, in a line.
        plan: `rule_name` of a data set -> its rules there.
        datasets: rule names that it is meant for; None for all.
        main: metrics of which the first that is there ranks.
    """

    name: str
    version: int
    title: str
    source: str
    describe: str
    plan: Callable[[str], Plan]
    datasets: frozenset[str] | None = None
    main: tuple[str, ...] = ("ao", "auc")

    def applies(self, dataset: str) -> bool:
        """Whether the toolkit is made for the data set (any usual spelling of its name)."""
        return self.datasets is None or rule_name(dataset) in self.datasets

    def metrics(self, dataset: str = "") -> tuple[str, ...]:
        """Names of the metrics that it prints for a data set."""
        plan = self.plan(rule_name(dataset))
        return (*(name for name, printed in plan.means.items() if printed), *plan.scores)


_ALL = (
    Profile(
        "pytracking",
        1,
        "PyTracking",
        "visionml/pytracking 7eb9e74",
        "first frame counts; boxes that touch the left or top border and absent frames are misses; AUC of 21 points",
        partial(pytracking.plan, position=True),
    ),
    Profile(
        "stark",
        1,
        "STARK, OSTrack and descendants",
        "botaoye/OSTrack 33b5e12, a fork of pytracking",
        "as pytracking, but boxes at the border count",
        partial(pytracking.plan, position=False),
    ),
    Profile(
        "lasot-matlab",
        1,
        "LaSOT and TNL2K toolkits (MATLAB)",
        "HengLan/LaSOT_Evaluation_Toolkit 95bf38a",
        "first frame counts; absent frames are misses; bad boxes are replaced by the one before; degenerate annotation hits",
        matlab.plan,
        frozenset({"lasot", "lasot_extension_subset", "tnl2k", "otb", "uav", "nfs", "tc128", "dtb70"}),
    ),
    Profile(
        "got10k",
        1,
        "GOT-10k toolkit",
        "got-10k/toolkit 956e728",
        "mean over all frames, first and absent frames left out, boxes clipped to the picture",
        got10k.plan,
    ),
    Profile(
        "pysot",
        1,
        "PySOT toolkit",
        "StrangerZhang/pysot-toolkit 8b5ced3",
        "results as they are, first frame too; frames without a valid annotation miss in success and hit in precision",
        pysot.plan,
        frozenset({"lasot", "otb", "uav", "nfs", "dtb70"}),
    ),
    Profile(
        "trackingnet",
        1,
        "TrackingNet server",
        "SilvioGiancola/TrackingNet-devkit 79783f2",
        "boxes rounded to integers; areas under all three curves, of 21 points, by the trapezoid rule",
        trackingnet.plan,
        frozenset({"trackingnet"}),
    ),
    Profile(
        "strict",
        1,
        "trackzoo strict",
        "trackzoo",
        "first, absent and unknown frames left out; AUC is the mean overlap; thresholds reached count; nothing is mended",
        strict.plan,
    ),
)
PROFILES: dict[str, Profile] = {profile.name: profile for profile in _ALL}


def profile(name: str) -> Profile:
    """The profile of that name. Raises `UnknownName` with a suggestion."""
    if name not in PROFILES:
        raise UnknownName("profile", name, PROFILES)
    return PROFILES[name]


def evaluate(
    profile: str,
    truths: ListOf[Truth],
    runs: ListOf[ListOf[Floats | None]],
    *,
    dataset: str = "",
    lenient: bool = False,
) -> Scores:
    """Score one tracker's boxes under a profile.

    Args:
        profile: name in `PROFILES`.
        truths: annotation of S sequences.
        runs: `runs[r][s]` = boxes (M, 4) `x, y, w, h` of repetition r on sequence s, or None where there are no results. One
            repetition or several; how they are joined is the profile's to say.
        dataset: name of the data set (any usual spelling), where the toolkit's rules depend on it; empty for others.
        lenient: do what the toolkit does with results that do not fit (wrong length, NaN, negative sizes, missing ones) and
            say so in the notes, instead of refusing them. Where the toolkit refuses them, they are refused all the same.

    Raises:
        UnknownName: no such profile.
        ResultsError: results that do not fit; names sequence, row and reason.
        TrackzooError: annotation that the profile cannot work with.
    """
    chosen = _profile(profile)
    return compute(chosen.plan(rule_name(dataset)), (chosen.name, chosen.version), truths, runs, dataset, lenient)


_profile = profile

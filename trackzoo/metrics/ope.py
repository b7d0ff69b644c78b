"""One-pass evaluation: what all profiles share. A profile is a `Plan`; `compute` carries it out.

Per sequence, counts along each axis are divided by a number of frames; over the data set the plain mean over sequences is
taken unless the plan says otherwise; the curves of several repetitions are averaged sequence by sequence first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trackzoo.metrics.axes import Axis
from trackzoo.metrics.block import Block, Flags, spans
from trackzoo.metrics.intake import Fit, Intake, check_results, check_truths
from trackzoo.metrics.types import Curve, Floats, Scores, Truth

#: How one number is read off a curve: at an index, as the mean of its points, or by the trapezoid rule over its width.
Reading = int | Literal["mean", "trapezoid"]


@dataclass
class Frames:
    """What a profile's rules make of a block of B sequences and F frames.

    Attributes:
        values: curve -> (F,) overlaps or distances. Markers: an overlap of -1 never passes, a distance of -1 always, an
            infinite one never.
        frames: (B,) number of frames that counts are divided by.
        means: metric -> ((F,) values, (B,) divisors), for metrics that are means of a value per frame.
        valid: (F,) frames that the toolkit calls valid.
    """

    values: dict[str, Floats]
    frames: NDArray[np.intp]
    means: dict[str, tuple[NDArray[Any], NDArray[np.intp]]] = field(default_factory=dict)
    valid: Flags | None = None


@dataclass(frozen=True)
class Plan:
    """The rules of one profile for one data set.

    Attributes:
        frames: applies the toolkit's rules to a block.
        axes: curve -> its thresholds.
        scores: metric -> (curve, how it is read); printed by tables.
        more: the same for further metrics.
        fit: rule for lengths.
        means: metrics that are means of a value per frame, of `Frames.means`: True for those that tables print.
        single: curves per sequence are float32 quotients, as pytracking stores them.
        by_frames: the data set's mean is over frames, not over sequences: all metrics, or those named.
        leave_out: sequences that are left out of a curve's mean: `zero` where the curve is zero throughout, `uncounted` where
            no frame counts.
        balanced: metrics that are also given as means over classes of means over sequences, where classes are known: `mao` of
            `ao` by object class, `mao_motion` by motion class.
        over_valid: give `auc_valid`, the AUC with counts divided by the number of valid frames.
        beyond: see `Intake.beyond`.
    """

    frames: Callable[[Block, Intake], Frames]
    axes: Mapping[str, Axis]
    scores: Mapping[str, tuple[str, Reading]]
    more: Mapping[str, tuple[str, Reading]]
    fit: Fit
    means: Mapping[str, bool] = field(default_factory=dict)
    single: bool = False
    by_frames: bool | frozenset[str] = False
    leave_out: Literal["", "zero", "uncounted"] = ""
    balanced: tuple[str, ...] = ()
    over_valid: bool = False
    beyond: Callable[[Intake, Truth, Floats], None] | None = None


@dataclass
class _Run:
    """One repetition: per sequence, in fractions."""

    curves: dict[str, Floats]
    values: dict[str, Floats]
    frames: NDArray[np.intp]


def compute(
    plan: Plan,
    profile: tuple[str, int],
    truths: ListOf[Truth],
    runs: ListOf[ListOf[Floats | None]],
    dataset: str,
    lenient: bool,
) -> Scores:
    """Scores of one tracker. Arguments and errors as `trackzoo.metrics.evaluate`."""
    check_truths(truths)
    checked = check_results(truths, runs)
    notes: list[str] = []
    done = []
    for number, results in enumerate(checked):
        intake = Intake(
            profile[0], plan.fit, lenient, f" (repetition {number + 1})" if len(checked) > 1 else "", plan.beyond
        )
        done.append(_run(plan, truths, results, intake))
        notes += intake.notes
    curves = {name: np.mean([run.curves[name] for run in done], axis=0) for name in plan.axes}
    values = {name: np.mean([run.values[name] for run in done], axis=0) for name in done[0].values}
    weights = _weights(plan, curves, values, done[0].frames)
    by_run = [_over_sequences(run.values, _weights(plan, run.curves, run.values, run.frames)) for run in done]
    overall = _over_sequences(values, weights)
    overall |= _balanced(plan, truths, values)
    names = tuple(truth.name for truth in truths)
    notes += _left_out(plan, names, curves, weights)
    printed = [*(name for name, shown in plan.means.items() if shown), *plan.scores]
    return Scores(
        profile=profile[0],
        version=profile[1],
        dataset=dataset,
        names=names,
        metrics={name: overall[name] for name in printed},
        per_sequence={name: 100 * each for name, each in values.items()},
        curves={
            name: Curve(axis.thresholds, average(curves[name], weights.get(name)), curves[name], axis.unit)
            for name, axis in plan.axes.items()
        },
        notes=tuple(notes),
        more={name: value for name, value in overall.items() if name not in printed},
        weights={name: weight for name, weight in weights.items() if weight is not None},
        by_run={name: np.array([each[name] for each in by_run]) for name in values},
    )


def _run(plan: Plan, truths: ListOf[Truth], results: ListOf[Floats | None], intake: Intake) -> _Run:
    """Counts of all sequences, block by block, made into fractions."""
    counts = {name: np.zeros((len(truths), len(axis))) for name, axis in plan.axes.items()}
    sums = {name: np.zeros(len(truths)) for name in plan.means}
    divisors = {name: np.zeros(len(truths), dtype=np.intp) for name in plan.means}
    frames, valid = np.zeros(len(truths), dtype=np.intp), np.zeros(len(truths))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for span in spans(truths):
            block = intake.block(truths[span], results[span])
            found = plan.frames(block, intake)
            frames[span] = found.frames
            for name, axis in plan.axes.items():
                counts[name][span] = axis.counts(found.values[name], block.sequence, len(block.lengths))
            for name in plan.means:
                per_frame, divisors[name][span] = found.means[name]
                sums[name][span] = block.totals(per_frame)
            if plan.over_valid and found.valid is not None:
                valid[span] = block.totals(found.valid)
        curves = {name: _quotient(count, frames, plan.single) for name, count in counts.items()}
        values = {name: read(curves[curve], how) for name, (curve, how) in {**plan.scores, **plan.more}.items()}
        values |= {name: sums[name] / divisors[name] for name in plan.means}
        if plan.over_valid:
            values["auc_valid"] = read(_quotient(counts["success"], valid, plan.single), "mean")
    return _Run(curves, values, frames)


def _quotient(counts: Floats, frames: NDArray[Any], single: bool) -> Floats:
    """(S, T) fractions of (S,) frames; in float32 where the toolkit stores that."""
    if single:
        return (counts.astype(np.float32) / frames.astype(np.float32)[:, None]).astype(np.float64)
    return np.asarray(counts / frames[:, None], dtype=np.float64)


def read(curves: Floats, how: Reading) -> Floats:
    """One number from each curve of (…, T): at an index, the mean of the points, or the area over a width of 1."""
    if how == "mean":
        return np.asarray(curves.mean(axis=-1))
    if how == "trapezoid":
        return np.asarray((curves[..., 1:] + curves[..., :-1]).sum(axis=-1) / (2 * (curves.shape[-1] - 1)))
    return np.asarray(curves[..., how])


def average(values: Floats, weights: Floats | None) -> Floats:
    """Mean over the first axis (sequences), weighted where weights (S,) are given; sequences of weight 0 do not matter."""
    if weights is None:
        return np.asarray(values.mean(axis=0))
    used = weights > 0
    if not used.any():
        return np.full(values.shape[1:], np.nan)
    return np.asarray(np.tensordot(weights[used], values[used], axes=(0, 0)) / weights[used].sum())


def _weights(
    plan: Plan, curves: Mapping[str, Floats], values: Mapping[str, Floats], frames: NDArray[np.intp]
) -> dict[str, Floats | None]:
    """Weights of the sequences for every curve and metric; None is the plain mean."""
    sources = {name: curve for name, (curve, _) in {**plan.scores, **plan.more}.items()}
    weights: dict[str, Floats | None] = {}
    for name in [*curves, *values]:
        curve = sources.get(name, name)
        if plan.by_frames is True or (plan.by_frames and name in plan.by_frames):
            weights[name] = frames.astype(np.float64)
        elif plan.leave_out == "zero" and curve in curves:
            kept = curves[curve].sum(axis=1) > np.finfo(np.float64).eps
            weights[name] = None if kept.all() else kept.astype(np.float64)
        elif plan.leave_out == "uncounted":
            weights[name] = None if (frames > 0).all() else (frames > 0).astype(np.float64)
        else:
            weights[name] = None
    return weights


def _over_sequences(values: Mapping[str, Floats], weights: Mapping[str, Floats | None]) -> dict[str, float]:
    """Percent over the data set."""
    return {name: float(100 * average(each, weights[name])) for name, each in values.items()}


def _balanced(plan: Plan, truths: ListOf[Truth], values: Mapping[str, Floats]) -> dict[str, float]:
    """Class-balanced figures (GOT-10k paper): each class weighs the same, each sequence within its class likewise."""
    found = {}
    for ending, classes in (
        ("", [truth.category for truth in truths]),
        ("_motion", [truth.motion for truth in truths]),
    ):
        if plan.balanced and all(classes):
            _, index = np.unique(np.array(classes), return_inverse=True)
            for name in plan.balanced:
                means = np.bincount(index, weights=values[name]) / np.bincount(index)
                found[f"m{name}{ending}"] = float(100 * means.mean())
    return found


def _left_out(
    plan: Plan, names: tuple[str, ...], curves: Mapping[str, Floats], weights: Mapping[str, Floats | None]
) -> list[str]:
    """A line for every sequence that a mean does without."""
    reason = "its curve is zero throughout" if plan.leave_out == "zero" else "no frame of it counts"
    lines: dict[str, list[str]] = {}
    for curve in curves:
        weight = weights[curve]
        for index in np.flatnonzero(weight == 0) if weight is not None else ():
            lines.setdefault(names[index], []).append(curve)
    return [f"{name}: left out of the mean of {', '.join(found)}: {reason}" for name, found in lines.items()]

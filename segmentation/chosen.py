"""Which segments a month has: how many, and whether last month's are as good as the best.

K-means has several nearly equal optima where its k is not the number of groups. Last month's is kept where it is as good a cut,
unless the best is attested (set apart, and found again) and it isn't. What is judged, drawn and told is of the models used.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clusters import Model, assign, continued
from segmentation.crowd import Crowd
from segmentation.elbow import Sweep, choose_k, require_judged, sweep
from segmentation.facts import Basis, Elbow, Validity
from segmentation.features import Floats
from segmentation.gap import Curves
from segmentation.panel import Structure, judge
from segmentation.plan import Plan
from segmentation.stability import jaccard
from segmentation.validity import LEAST, validate

_SAME = 0.99  # Jaccard likeness of every segment, above which two cuts are one
_FEWEST = 2  # segments


@dataclass(frozen=True, slots=True)
class _Judged:
    """A curve, what the judges say of its models, and the number of segments that follows."""

    curve: Sweep
    validity: Validity
    found: Structure
    elbow: Elbow

    @property
    def is_attested(self) -> bool:
        """Whether the segments of the number chosen are set apart and come again."""
        return self.elbow.chosen in self.found.attested


@dataclass(frozen=True, slots=True)
class Chosen:
    """The number of segments, why, and the segments.

    Attributes
    ----------
    elbow : Elbow
        The curve, the number chosen, and who decided.
    validity : Validity
        How well separated the curve's models are.
    found : Structure
        What the judges say of them.
    model : Model
        The segments, settled on all users.
    basis : Basis
        What they were worked out on.
    """

    elbow: Elbow
    validity: Validity
    found: Structure
    model: Model
    basis: Basis


def choose(
    crowd: Crowd,
    plan: Plan,
    before: Floats | None,
    curves: Callable[[], Curves],
    *,
    aside: Executor | None,
    step: Callable[[str], None],
) -> Chosen:
    """Try numbers of segments, ask whether there are any, and settle on one of them.

    Parameters
    ----------
    crowd : Crowd
        The users kept.
    plan : Plan
        What is asked.
    before : ndarray, shape (k, p), or None
        Last month's centres, in this month's standard deviations.
    curves : callable
        Gives what the quick search found for the gap.
    aside, step : Executor, callable
        As in `analysis.analyse`.

    Raises
    ------
    SweepError
        If there is no number of segments to be had.
    """
    step("Trying numbers of segments")
    best = sweep(crowd.points, plan.ks, starts=plan.starts, seed=plan.seed)

    step("Asking whether there are any")
    judged = partial(_judged, crowd, plan, curves, aside)
    kept = None if before is None else _continuing(best, crowd, before, smallest=plan.smallest_cell)
    asked = judged(kept or best)
    is_kept = before is not None and asked.elbow.chosen == len(before)
    if kept and not (is_kept and asked.is_attested):
        of_best = judged(best)
        if of_best.is_attested or not is_kept:
            asked = of_best

    step("Settling the segments")
    elbow = asked.elbow
    model, basis = crowd.settled(asked.curve.models[elbow.chosen])
    # of users, where the curve is of cells
    at = dict(zip(elbow.k, elbow.inertia, strict=True)) | {elbow.chosen: model.inertia}
    elbow = replace(elbow, inertia=tuple(at.values()))
    return Chosen(elbow, asked.validity, asked.found, model, basis)


def _judged(
    crowd: Crowd,
    plan: Plan,
    curves: Callable[[], Curves],
    aside: Executor | None,
    curve: Sweep,
) -> _Judged:
    """Ask of a curve's models whether there are segments, and how many."""
    points, judged = crowd.points, crowd.judged
    with threadpool_limits(1):  # the last bits of a sum depend on how many there are
        validity = validate(points, curve, seed=plan.seed, judged=judged)
        require_judged(validity, plan.k, judged.users, fewest=max(_FEWEST, plan.ks[0]))
        found = judge(
            judged,
            curve,
            validity,
            curves,
            bootstraps=max(1, plan.bootstraps // 4),
            seed=plan.seed,
            users=points.users,
            aside=aside,
        )
    sizes = {
        k: int(np.bincount(labels, points.weights, minlength=k).min()) for k, labels in curve.labels.items()
    }
    elbow = choose_k(curve, validity, plan.k, found.k, sizes, plan.smallest_cell)
    return _Judged(curve, validity, found, elbow)


def _continuing(best: Sweep, crowd: Crowd, before: Floats, *, smallest: int) -> Sweep | None:
    """Give the curve with last month's segments on it; None where they are no longer to be had, or are the best themselves."""
    k = len(before)
    if k not in best.models or k < _FEWEST:
        return None
    points, judged = crowd.points, crowd.judged
    model = continued(points, best.models[k], before, smallest=smallest)
    labels = assign(points.values, model.centres)
    if jaccard(best.labels[k], labels, points.weights, k).min() > _SAME:
        return None
    if np.bincount(assign(judged.values, model.centres), minlength=k).min() < LEAST:
        return None
    return Sweep(best.models | {k: model}, best.labels | {k: labels})

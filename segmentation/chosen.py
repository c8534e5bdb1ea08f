"""Which segments a month has: how many, and whether last month's are as good as the best.

K-means has several nearly equal optima where its k is not the number of groups. Last month's is kept where it is as good a cut,
unless the best is attested (set apart, and found again) and it isn't. What is judged, drawn and told is of the models used.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace

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
from segmentation.validity import validate

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
    asked = _judged(crowd, plan, curves, aside, best)
    kept = None if before is None else _continuing(asked, crowd, plan, curves, before)
    if kept and (kept.is_attested or not asked.is_attested):
        asked = kept

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
    with threadpool_limits(1):  # the last bits of a sum depend on how many there are
        validity = validate(crowd.points, curve, seed=plan.seed, judged=crowd.judged)
        require_judged(validity, plan.k, crowd.judged.users, fewest=max(_FEWEST, plan.ks[0]))
        found = judge(
            crowd.judged,
            curve,
            validity,
            curves,
            bootstraps=max(1, plan.bootstraps // 4),
            seed=plan.seed,
            users=crowd.points.users,
            aside=aside,
        )
    sizes = {
        k: int(np.bincount(labels, crowd.points.weights, minlength=k).min())
        for k, labels in curve.labels.items()
    }
    elbow = choose_k(curve, validity, plan.k, found.k, sizes, plan.smallest_cell)
    return _Judged(curve, validity, found, elbow)


def _continuing(
    best: _Judged, crowd: Crowd, plan: Plan, curves: Callable[[], Curves], before: Floats
) -> _Judged | None:
    """Ask the same with last month's segments on the curve; None where they are the best themselves, or no longer to be had."""
    k, points, judged = len(before), crowd.points, crowd.judged
    if k != best.elbow.chosen or k < _FEWEST:
        return None
    model = continued(points, best.curve.models[k], before, smallest=plan.smallest_cell)
    labels = assign(points.values, model.centres)
    if jaccard(best.curve.labels[k], labels, points.weights, k).min() > _SAME:
        return None
    with threadpool_limits(1):
        own = validate(points, Sweep({k: model}, {k: labels}), seed=plan.seed, judged=judged)
        if not own.k:
            return None
        validity = _replaced(best.validity, own)
        curve = Sweep(best.curve.models | {k: model}, best.curve.labels | {k: labels})
        found = judge(
            judged,
            curve,
            validity,
            curves,
            bootstraps=max(1, plan.bootstraps // 4),
            seed=plan.seed,
            users=points.users,
            known=best.found,
            anew=[k],
        )
    return _Judged(curve, validity, found, best.elbow)


def _replaced(all_ks: Validity, one: Validity) -> Validity:
    """Give the measures of all ks with those of one put in their place."""
    place = all_ks.k.index(one.k[0])
    lists = {
        name: (*values[:place], getattr(one, name)[0], *values[place + 1 :])
        for name, values in ((field.name, getattr(all_ks, field.name)) for field in fields(Validity))
    }
    return Validity(**lists)

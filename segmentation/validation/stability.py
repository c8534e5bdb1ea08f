"""Stability: whether bootstraps find a segment again.

Stable is not the same as real: an even data set can be cut in the same place every time. `separation` tests that.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.assign import assign_nearest
from segmentation.clustering.kmeans import draw_kmeans_plus_plus, run_lloyd
from segmentation.facts import SegmentStability
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.thresholds import JACCARD_STABLE, grade_stability

_DISSOLVED_JACCARD = 0.5
_N_INIT = 8  # k-means++ starts of a bootstrap, besides the segments themselves
_PILOT_POINTS, _KEPT_STARTS = 500, 2  # points on which they compete, and how many go on over all
_MAX_STEPS = 30


def assess_stability(points: Points, centres: Floats, *, draws: int = 100, seed: int) -> tuple[SegmentStability, ...]:
    """Return each segment's stability over bootstraps.

    A bootstrap is clustered from the segments themselves and from eight random starts, of which the least inertia
    counts: from the segments alone it would find them again even where they are only one of many ways to cut. A user drawn
    twice counts once, as in `clusterboot`.

    References
    ----------
    .. [1] Hennig (2007), "Cluster-wise assessment of cluster stability", Comput. Stat. Data Anal. 52: section 2, scheme
       "bootstrap".
    """
    jaccards = bootstrap_jaccards(points, centres, draws=draws, seed=seed)
    return tuple(
        SegmentStability(
            jaccard=float(one.mean()),
            dissolved=float((one <= _DISSOLVED_JACCARD).mean()),
            recovered=float((one >= JACCARD_STABLE).mean()),
            grade=grade_stability(float(one.mean())),
        )
        for one in jaccards.T
    )


def bootstrap_jaccards(points: Points, centres: Floats, *, draws: int, seed: int) -> Floats:
    """Return each segment's best Jaccard index per bootstrap."""
    rng = np.random.default_rng(seed)
    own = assign_nearest(points.values, centres)
    share = points.weights / points.users
    rows = []
    with threadpool_limits(1):  # the last bits of a sum depend on the number of threads
        for _ in range(draws):
            weights = rng.multinomial(round(points.users), share).astype(float)
            fit = _fit_bootstrap(points.values, weights, centres, rng)
            drawn = np.minimum(weights, points.weights)  # where a point is a user: 1 if drawn
            rows.append(compute_best_jaccards(own, assign_nearest(points.values, fit), drawn, len(centres)))
    return np.array(rows)


def compute_best_jaccards(own: Labels, other: Labels, weights: Floats, k: int) -> Floats:
    """Return each segment's largest Jaccard similarity, shape (k,).

    Users in both over users in either; 0 if it has none. `own` and `other` have numbers 0 to k - 1.
    """
    both = np.bincount(own * k + other, weights=weights, minlength=k * k).reshape(k, k)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None] - both
    jaccards: Floats = (both / np.where(either > 0, either, 1)).max(axis=1)
    return jaccards


def _fit_bootstrap(values: Floats, weights: Floats, centres: Floats, rng: np.random.Generator) -> Floats:
    """Cluster one bootstrap, from pilots on few points."""
    drawn = np.flatnonzero(weights)
    rows = rng.choice(drawn, _PILOT_POINTS, replace=False) if len(drawn) > _PILOT_POINTS else drawn
    starts = draw_kmeans_plus_plus(values[rows], weights[rows], len(centres), _N_INIT, rng)
    pilot = run_lloyd(values[rows], weights[rows], starts, max_steps=_MAX_STEPS)
    starts = np.concatenate([centres[None], pilot.select_best(_KEPT_STARTS)])
    return run_lloyd(values, weights, starts, max_steps=_MAX_STEPS).best_centres

"""Whether a segment comes again when other users are drawn from the same crowd, and K-means cuts them anew.

Stable is not the same as real: an even crowd can be cut in the same place every time. `valleys` asks that.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.kmeans import assign_nearest_batch, draw_kmeans_plus_plus, run_lloyd
from segmentation.facts import SegmentStability
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.thresholds import JACCARD_STABLE, grade_stability

_DISSOLVED_JACCARD = 0.5
_N_INIT = 8  # k-means++ starts of a bootstrap; one more is the segments themselves
_PILOT_POINTS, _KEPT_STARTS, _MAX_STEPS = (
    500,
    2,
    30,
)  # points on which they compete, how many go on over all, and how far


def assess_stability(
    points: Points, centres: Floats, *, draws: int = 100, seed: int
) -> tuple[SegmentStability, ...]:
    """Cluster as many users drawn with replacement, again and again, and look for each segment in what comes.

    Parameters
    ----------
    points : Points
        All users.
    centres : ndarray, shape (k, p)
        The segments.
    draws : int
        Bootstraps. A bootstrap is clustered from the segments themselves and from eight random starts, of which the least
        inertia counts: starting from the segments alone would find them again where they are only one of many ways to cut.
    seed : int
        Where the random numbers start.

    Returns
    -------
    tuple of Stability, length k
        In the order of the centres. A user drawn twice counts once, as in `clusterboot`.

    References
    ----------
    .. [1] Hennig (2007), "Cluster-wise assessment of cluster stability", Comput. Stat. Data Anal. 52: section 2, scheme
       "bootstrap".
    """
    likeness = bootstrap_jaccards(points, centres, draws=draws, seed=seed)
    return tuple(
        SegmentStability(
            jaccard=float(one.mean()),
            dissolved=float((one <= _DISSOLVED_JACCARD).mean()),
            recovered=float((one >= JACCARD_STABLE).mean()),
            grade=grade_stability(float(one.mean())),
        )
        for one in likeness.T
    )


def bootstrap_jaccards(points: Points, centres: Floats, *, draws: int, seed: int) -> Floats:
    """Give each segment's largest Jaccard likeness in each bootstrap, shape (draws, k)."""
    rng = np.random.default_rng(seed)
    own = assign_nearest_batch(points.values, centres[None])[0]
    share = points.weights / points.users
    rows = []
    with threadpool_limits(1):  # the last bits of a sum depend on how many there are
        for _ in range(draws):
            weights = rng.multinomial(round(points.users), share).astype(float)
            fit = _fit_bootstrap(points.values, weights, centres, rng)
            drawn = np.minimum(weights, points.weights)  # with one user a point: 1 where it was drawn
            rows.append(
                compute_best_jaccards(
                    own, assign_nearest_batch(points.values, fit[None])[0], drawn, len(centres)
                )
            )
    return np.array(rows)


def compute_best_jaccards(own: Labels, other: Labels, weights: Floats, k: int) -> Floats:
    """Give each own segment's largest likeness to another: users in both over users in either; 0 if it has none.

    Parameters
    ----------
    own, other : ndarray, shape (n,)
        Two segmentations, numbers 0 to k - 1.
    weights : ndarray, shape (n,)
        Users of each point.
    """
    both = np.bincount(own * k + other, weights=weights, minlength=k * k).reshape(k, k)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None] - both
    likeness: Floats = (both / np.where(either > 0, either, 1)).max(axis=1)
    return likeness


def _fit_bootstrap(values: Floats, weights: Floats, centres: Floats, rng: np.random.Generator) -> Floats:
    """Cluster one bootstrap; the starts compete on some of its points, the best go on over all."""
    k = len(centres)
    drawn = np.flatnonzero(weights)
    rows = rng.choice(drawn, _PILOT_POINTS, replace=False) if len(drawn) > _PILOT_POINTS else drawn
    begin = run_lloyd(
        values[rows],
        weights[rows],
        draw_kmeans_plus_plus(values[rows], weights[rows], k, _N_INIT, rng),
        max_steps=_MAX_STEPS,
    )
    best = begin.centres[begin.inertia.argsort(kind="stable")[:_KEPT_STARTS]]
    return run_lloyd(
        values, weights, np.concatenate([centres[None], best]), max_steps=_MAX_STEPS
    ).best_centres

"""How well separated the segments are: silhouette, Calinski-Harabasz and Davies-Bouldin for every k at once.

scikit-learn has all three, without weights and one k at a time: its silhouette measures all distances anew for each.
Here the distances between points are measured once for all k, and a point may stand for many users.
"""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from segmentation.clustering.assign import assign_nearest
from segmentation.facts import ValidityIndices
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.validation.elbow import Sweep

SILHOUETTE_SAMPLE_SIZE = (
    8_000  # points whose distances to each other are measured: 64 million of them take a second
)
MIN_SAMPLED_USERS = 10  # users of a sample by whom a segment can be judged
_DISTANCE_BLOCK_ROWS = 128  # rows of distances held at a time: 8 MB, which stay in the cache


def compute_validity(
    points: Points, sweep: Sweep, *, seed: int, user_sample: Points | None = None
) -> ValidityIndices:
    """Measure every model of two segments and more.

    Above `SILHOUETTE_SAMPLE_SIZE` points the silhouette is that of a random sample of them; the other two are always exact. Where points
    are cells, `user_sample` is a sample of the users: distances are measured between users, not between cells. Then the result ends
    before the first k of which a segment has fewer than `MIN_SAMPLED_USERS` users of the sample: nobody can tell about those.
    """
    ks = [k for k in sweep.ks if k >= 2]
    among, labels = points, sweep.labels
    if user_sample is not None and user_sample is not points:
        among, labels = (
            user_sample,
            {k: assign_nearest(user_sample.values, sweep.models[k].centres) for k in ks},
        )
        ks = list(takewhile(lambda k: np.bincount(labels[k], minlength=k).min() >= MIN_SAMPLED_USERS, ks))
    if not ks:
        return ValidityIndices(
            k=(), silhouette=(), silhouette_macro=(), calinski_harabasz=(), davies_bouldin=()
        )
    sample = _choose_sample_rows(among, [labels[k] for k in ks], seed)
    silhouettes = compute_silhouettes(select_points(among, sample), [labels[k][sample] for k in ks])
    weights = among.weights[sample]
    micro, macro = [], []
    for k, users in zip(ks, silhouettes, strict=True):
        own = average_by_segment(users, weights, labels[k][sample], k)
        micro.append(float(np.average(users, weights=weights)))
        macro.append(float(own.mean()))
    return ValidityIndices(
        k=tuple(ks),
        silhouette=tuple(micro),
        silhouette_macro=tuple(macro),
        calinski_harabasz=tuple(compute_calinski_harabasz(points, sweep.labels[k]) for k in ks),
        davies_bouldin=tuple(compute_davies_bouldin(among, labels[k]) for k in ks),
    )


def average_segment_silhouettes(points: Points, labels: Labels, k: int, *, seed: int) -> tuple[float, ...]:
    """Give the mean silhouette of each of the k segments, of a sample of points where there are many."""
    sample = _choose_sample_rows(points, [labels], seed)
    (users,) = compute_silhouettes(select_points(points, sample), [labels[sample]])
    return tuple(
        float(value) for value in average_by_segment(users, points.weights[sample], labels[sample], k)
    )


def compute_silhouettes(points: Points, labellings: Sequence[Labels]) -> list[Floats]:
    """Give each point's silhouette under each labelling.

    With a the mean distance to the other users of the own segment, and b that to the users of the nearest other one,
    the silhouette is (b - a) / max(a, b); 0 for a user alone in a segment.

    Parameters
    ----------
    points : Points
        n of them: all n x n distances are measured.
    labellings : sequence of ndarray, shape (n,)
        Each at least two different numbers from 0.

    Returns
    -------
    list of ndarray, shape (n,)
        -1 to 1, one array a labelling.

    References
    ----------
    .. [1] Rousseeuw (1987), "Silhouettes", J. Comput. Appl. Math. 20.
    """
    n, weights = len(points.values), points.weights
    masses = [np.bincount(labels, weights=weights) for labels in labellings]
    edges = np.cumsum([0, *(len(mass) for mass in masses)])
    members = np.zeros(
        (n, edges[-1])
    )  # users of each point, in the column of its segment, for all labellings
    for labels, edge in zip(labellings, edges[:-1], strict=True):
        members[np.arange(n), edge + labels] = weights
    squares = (points.values**2).sum(axis=1)
    result = [np.zeros(n) for _ in labellings]
    for start in range(0, n, _DISTANCE_BLOCK_ROWS):
        rows = slice(start, min(start + _DISTANCE_BLOCK_ROWS, n))
        distances = squares[rows, None] + squares - 2 * points.values[rows] @ points.values.T
        np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
        distances[np.arange(len(distances)), np.arange(start, rows.stop)] = 0  # rounding would leave a trace
        sums = distances @ members
        for values, labels, mass, edge in zip(result, labellings, masses, edges[:-1], strict=True):
            own = labels[rows]
            total = sums[:, edge : edge + len(mass)]
            at = np.arange(len(own))
            others = mass[own] - 1
            a = total[at, own] / np.where(others > 0, others, 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = np.where(mass > 0, total / mass, np.inf)
            mean[at, own] = np.inf
            b = mean.min(axis=1)
            larger = np.maximum(a, b)
            known = (others > 0) & (larger > 0) & np.isfinite(b)
            values[rows] = np.where(known, (b - a) / np.where(known, larger, 1), 0)
    return result


def average_by_segment(values: Floats, weights: Floats, labels: Labels, k: int) -> Floats:
    """Give each segment's weighted mean of values, shape (k,); 0 where a segment has no point."""
    users = np.bincount(labels, weights, k)
    return np.bincount(labels, weights=weights * values, minlength=k) / np.where(users > 0, users, 1)


def compute_calinski_harabasz(points: Points, labels: Labels) -> float:
    """Give the between over within variance, each by its degrees of freedom; 1 where nothing varies within.

    That 1 is scikit-learn's: it only happens where there are as many segments as different users, which is no good
    clustering, and JSON knows no infinity.

    References
    ----------
    .. [1] Caliński, Harabasz (1974), "A dendrite method for cluster analysis", Commun. Stat. 3(1).
    """
    centres, mass = _compute_centroids(points, labels)
    within = (
        float(points.weights @ ((points.values - centres[labels]) ** 2).sum(axis=1)) + points.within_inertia
    )
    middle = np.average(points.values, axis=0, weights=points.weights)
    between = float(mass @ ((centres - middle) ** 2).sum(axis=1))
    k, n = len(mass), points.users
    return 1.0 if within == 0 else between / (k - 1) * (n - k) / within


def compute_davies_bouldin(points: Points, labels: Labels) -> float:
    """Give the mean, over segments, of the worst likeness to another: (spread + spread) / distance of the centres.

    References
    ----------
    .. [1] Davies, Bouldin (1979), "A cluster separation measure", IEEE PAMI 1(2).
    """
    centres, mass = _compute_centroids(points, labels)
    distance = np.sqrt(((points.values - centres[labels]) ** 2).sum(axis=1))
    spread = np.bincount(labels, weights=points.weights * distance) / mass
    apart = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    np.fill_diagonal(apart, np.inf)
    return float(((spread[:, None] + spread[None]) / apart).max(axis=1).mean())


def _compute_centroids(points: Points, labels: Labels) -> tuple[Floats, Floats]:
    """Give each segment's mean, shape (k, p), and its users, shape (k,)."""
    mass = np.bincount(labels, weights=points.weights).astype(float)
    sums = [np.bincount(labels, weights=points.weights * column) for column in points.values.T]
    return np.column_stack(sums) / mass[:, None], mass


def _choose_sample_rows(points: Points, labellings: Sequence[Labels], seed: int) -> Labels:
    """Choose which points are measured against each other: all, or `SILHOUETTE_SAMPLE_SIZE` of them at random.

    With these, all of a segment so small that chance left it out: each has a silhouette.
    """
    n = len(points.values)
    if n <= SILHOUETTE_SAMPLE_SIZE:
        return np.arange(n)
    sample = np.random.default_rng(seed).choice(n, SILHOUETTE_SAMPLE_SIZE, replace=False)
    left_out = [np.flatnonzero(~np.isin(labels, labels[sample])) for labels in labellings]
    return np.unique(np.concatenate([sample, *left_out]))


def select_points(points: Points, rows: Labels) -> Points:
    """Give some of the points."""
    return Points(points.values[rows], points.weights[rows], points.features, points.scale)

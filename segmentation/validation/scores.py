"""Internal validity: silhouette, Caliński-Harabasz and Davies-Bouldin for every k.

scikit-learn has all three, without weights and one k at a time. Here the distances between points are measured once for
all k, and a point may stand for many users.
"""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from segmentation.clustering.assign import assign_nearest
from segmentation.facts import ValidityIndices
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.validation.elbow import Sweep

SILHOUETTE_SAMPLE_SIZE = 8_000  # points whose distances are measured: 64 million of them take a second
MIN_SAMPLED_USERS = 10  # users of a sample that can judge a segment
_DISTANCE_BLOCK_ROWS = 128  # rows of distances held at a time: 8 MB, which fit the cache


def compute_validity(points: Points, sweep: Sweep, *, seed: int, user_sample: Points | None = None) -> ValidityIndices:
    """Score every model of two segments and more.

    Above `SILHOUETTE_SAMPLE_SIZE` points the silhouette is that of a random sample of them; the other two are exact. Where
    points are cells, `user_sample` is a sample of the users: distances are between users, not cells. The result then
    ends before the first k of which a segment has fewer than `MIN_SAMPLED_USERS` users in the sample.
    """
    ks = [k for k in sweep.ks if k >= 2]
    users, labels = points, sweep.labels
    if user_sample is not None and user_sample is not points:
        users = user_sample
        labels = {k: assign_nearest(users.values, sweep.models[k].centres) for k in ks}
        ks = list(takewhile(lambda k: np.bincount(labels[k], minlength=k).min() >= MIN_SAMPLED_USERS, ks))
    if not ks:
        return ValidityIndices((), (), (), (), ())
    rows = _choose_sample_rows(users, [labels[k] for k in ks], seed)
    sample = users.select_rows(rows)
    silhouettes = compute_silhouettes(sample, [labels[k][rows] for k in ks])
    micro, macro = [], []
    for k, values in zip(ks, silhouettes, strict=True):
        micro.append(float(np.average(values, weights=sample.weights)))
        macro.append(float(average_by_segment(values, sample.weights, labels[k][rows], k).mean()))
    return ValidityIndices(
        k=tuple(ks),
        silhouette=tuple(micro),
        silhouette_macro=tuple(macro),
        calinski_harabasz=tuple(compute_calinski_harabasz(points, sweep.labels[k]) for k in ks),
        davies_bouldin=tuple(compute_davies_bouldin(users, labels[k]) for k in ks),
    )


def average_segment_silhouettes(points: Points, labels: Labels, k: int, *, seed: int) -> tuple[float, ...]:
    """Return each segment's mean silhouette."""
    rows = _choose_sample_rows(points, [labels], seed)
    sample = points.select_rows(rows)
    (values,) = compute_silhouettes(sample, [labels[rows]])
    return tuple(map(float, average_by_segment(values, sample.weights, labels[rows], k)))


def compute_silhouettes(points: Points, labellings: Sequence[Labels]) -> list[Floats]:
    """Return each point's silhouette, shape (n,), under each labelling.

    With a the mean distance to the other users of the own segment, and b that to the users of the nearest other one,
    the silhouette is (b - a) / max(a, b); 0 for a user alone in a segment.

    Parameters
    ----------
    points : Points
        n of them: all n x n distances are measured.
    labellings : sequence of ndarray, shape (n,)
        Each at least two different numbers from 0.

    References
    ----------
    .. [1] Rousseeuw (1987), "Silhouettes", J. Comput. Appl. Math. 20.
    """
    n, weights = len(points.values), points.weights
    masses = [np.bincount(labels, weights=weights) for labels in labellings]
    edges = np.cumsum([0, *(len(mass) for mass in masses)])
    members = np.zeros((n, edges[-1]))  # a point's users, in its segment's column, for all labellings
    for labels, edge in zip(labellings, edges[:-1], strict=True):
        members[np.arange(n), edge + labels] = weights
    squares = (points.values**2).sum(axis=1)
    result = [np.zeros(n) for _ in labellings]
    for start in range(0, n, _DISTANCE_BLOCK_ROWS):
        rows = slice(start, min(start + _DISTANCE_BLOCK_ROWS, n))
        distances = squares[rows, None] + squares - 2 * points.values[rows] @ points.values.T
        np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
        distances[np.arange(len(distances)), np.arange(start, rows.stop)] = 0  # exactly
        sums = distances @ members
        for values, labels, mass, edge in zip(result, labellings, masses, edges[:-1], strict=True):
            own = labels[rows]
            total = sums[:, edge : edge + len(mass)]
            row = np.arange(len(own))
            others = mass[own] - 1
            a = total[row, own] / np.where(others > 0, others, 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = np.where(mass > 0, total / mass, np.inf)
            mean[row, own] = np.inf
            b = mean.min(axis=1)
            larger = np.maximum(a, b)
            known = (others > 0) & (larger > 0) & np.isfinite(b)
            values[rows] = np.where(known, (b - a) / np.where(known, larger, 1), 0)
    return result


def average_by_segment(values: Floats, weights: Floats, labels: Labels, k: int) -> Floats:
    """Return each segment's weighted mean, 0 if empty."""
    users = np.bincount(labels, weights, k)
    return np.bincount(labels, weights=weights * values, minlength=k) / np.where(users > 0, users, 1)


def compute_calinski_harabasz(points: Points, labels: Labels) -> float:
    """Return the Caliński-Harabasz index.

    Between over within variance, each by its degrees of freedom; 1 where nothing varies within, as in scikit-learn: that only happens with as many segments as different users, and JSON
    has no infinity.

    References
    ----------
    .. [1] Caliński, Harabasz (1974), "A dendrite method for cluster analysis", Commun. Stat. 3(1).
    """
    centres, mass = _compute_centroids(points, labels)
    squares = ((points.values - centres[labels]) ** 2).sum(axis=1)
    within = float(points.weights @ squares) + points.within_inertia
    mean = np.average(points.values, axis=0, weights=points.weights)
    between = float(mass @ ((centres - mean) ** 2).sum(axis=1))
    k, n = len(mass), points.users
    return 1.0 if within == 0 else between / (k - 1) * (n - k) / within


def compute_davies_bouldin(points: Points, labels: Labels) -> float:
    """Return the Davies-Bouldin index.

    The mean over segments of the largest similarity to another. Similarity is (spread + spread) / distance of the centroids.

    References
    ----------
    .. [1] Davies, Bouldin (1979), "A cluster separation measure", IEEE PAMI 1(2).
    """
    centres, mass = _compute_centroids(points, labels)
    distance = np.sqrt(((points.values - centres[labels]) ** 2).sum(axis=1))
    spread = np.bincount(labels, weights=points.weights * distance) / mass
    gaps = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    np.fill_diagonal(gaps, np.inf)
    return float(((spread[:, None] + spread[None]) / gaps).max(axis=1).mean())


def _compute_centroids(points: Points, labels: Labels) -> tuple[Floats, Floats]:
    """Return segments' means (k, p) and users (k,)."""
    mass, sums = points.sum_by_label(labels, int(labels.max()) + 1)
    return sums / mass[:, None], mass


def _choose_sample_rows(points: Points, labellings: Sequence[Labels], seed: int) -> Labels:
    """Return the silhouette's rows: all, or a sample.

    A segment so small that the sample missed it is added whole.
    """
    n = len(points.values)
    if n <= SILHOUETTE_SAMPLE_SIZE:
        return np.arange(n)
    sample = np.random.default_rng(seed).choice(n, SILHOUETTE_SAMPLE_SIZE, replace=False)
    left_out = [np.flatnonzero(~np.isin(labels, labels[sample])) for labels in labellings]
    return np.unique(np.concatenate([sample, *left_out]))

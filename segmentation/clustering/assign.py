"""K-means: the centres that lie nearest to the users, and the segment of each user."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.errors import SweepError
from segmentation.preprocessing.scaling import Floats, Labels, Points

_INERTIA_TOLERANCE = 0.01  # inertia above the best that no reader would see
_MAX_STEPS = 1000  # Lloyd steps that no start of the size we see comes near


@dataclass(frozen=True, slots=True)
class KMeansModel:
    """Centres, the largest segment's first.

    Attributes
    ----------
    centres : ndarray, shape (k, p)
        Mean of each segment's points, in standard deviations.
    inertia : float
        Sum of squared distances to the nearest centre, in squared SDs, over all users.
    """

    centres: Floats
    inertia: float

    @property
    def k(self) -> int:
        """Number of segments."""
        return len(self.centres)


def fit_kmeans(points: Points, k: int, *, n_init: int, seed: int) -> KMeansModel:
    """Find k centres with the least inertia that `n_init` starts reach.

    Every start runs until no point changes its segment: scikit-learn's default stops a little earlier, and its
    default number of starts, one, gives another answer for another seed. One thread, since the last bits of a sum
    depend on how many there are.

    Parameters
    ----------
    points : Points
        At least k of them different from each other.
    k : int
        Number of segments, 1 or more.
    n_init : int
        K-means++ starts, of which the best counts.
    seed : int
        Where the random numbers start.

    Returns
    -------
    Model
        The best fit, segments by users, the largest first.

    Raises
    ------
    SweepError
        If there are fewer different points than segments.

    References
    ----------
    .. [1] Lloyd (1982), "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28(2).
    .. [2] Arthur, Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA.
    """
    different = len(np.unique(points.values, axis=0)) if len(points.values) < 10 * k else k
    if different < k:
        raise SweepError(
            f"{k} segments asked for, but there are only {different} different users. "
            "Give a larger file, or a smaller `k_range` in settings.toml."
        )
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - as in `make_kmeans`

    means = make_kmeans(k, n_init=n_init, random_state=seed, tol=0, max_iter=_MAX_STEPS)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            means.fit(points.values, sample_weight=points.weights)
        except ConvergenceWarning as warning:
            raise SweepError(
                f"{k} segments can't be told apart in these users ({warning}). "
                "Lower the upper end of `k_range` in settings.toml."
            ) from warning
    centres = means.cluster_centers_
    users = np.bincount(assign_nearest(points.values, centres), weights=points.weights, minlength=k)
    order = np.lexsort((*centres.T, -users))  # by users, then by place, so that equals have an order too
    return KMeansModel(centres=centres[order], inertia=float(means.inertia_) + points.within_inertia)


def make_kmeans(k: int, **parameters: object) -> Any:
    """Give scikit-learn's K-means, not fitted yet."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - takes a second, in which users can be read

    return KMeans(k, **parameters)


def warm_start_kmeans(
    points: Points, best: KMeansModel, previous_centres: Floats, *, min_cell: float = 1
) -> KMeansModel:
    """Prefer the optimum that lies next to last month's centres, where it is as good as the best.

    K-means has several nearly equal optima where k is not the number of groups, and which of them wins changes from
    month to month by chance: people would be told of splits and mergers that nobody made.

    Parameters
    ----------
    points : Points
        This month's.
    best : Model
        The best of many starts.
    previous_centres : ndarray, shape (k, p)
        Last month's centres, in this month's standard deviations.
    min_cell : float
        Users below which a segment is not to be had: a handful of people could be picked out.
    """
    if previous_centres.shape != best.centres.shape:
        return best
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - as in `make_kmeans`

    means = make_kmeans(best.k, init=previous_centres, n_init=1, tol=0, max_iter=_MAX_STEPS)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an emptied segment is no optimum worth keeping
        means.fit(points.values, sample_weight=points.weights)
    users = np.bincount(
        assign_nearest(points.values, means.cluster_centers_), weights=points.weights, minlength=best.k
    )
    inertia = float(means.inertia_) + points.within_inertia
    if users.min() < min_cell or inertia > best.inertia * (1 + _INERTIA_TOLERANCE):
        return best
    return KMeansModel(centres=means.cluster_centers_, inertia=inertia)


def assign_nearest(values: Floats, centres: Floats) -> Labels:
    """Give each row of values the number of its nearest centre; of equally near ones, the first."""
    # |x - c|^2 less |x|^2, which is the same for every centre
    nearness = (
        -2 * centres
    ) @ values.T  # a row a centre: the least of each column is found several times faster
    nearness += (centres**2).sum(axis=1)[:, None]
    nearest: Labels = nearness.argmin(axis=0)
    return nearest

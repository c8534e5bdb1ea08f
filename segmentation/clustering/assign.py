"""K-means on weighted points: fit, warm start, assign."""

import warnings
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.kmeans import MAX_LLOYD_STEPS
from segmentation.errors import SweepError
from segmentation.preprocessing.scaling import Floats, Labels, Points

_INERTIA_TOLERANCE = 0.01  # part by which last month's inertia may exceed the best: no reader would see it


@dataclass(frozen=True, slots=True)
class KMeansModel:
    """Centres, usually the largest segment's first, and their inertia."""

    centres: Floats  # shape (k, p): mean of each segment's points, in SDs
    inertia: float  # sum of all users' squared distances to the nearest centre, in squared SDs

    @property
    def k(self) -> int:
        """Number of segments."""
        return len(self.centres)


def fit_kmeans(points: Points, k: int, *, n_init: int, seed: int) -> KMeansModel:
    """Return the best of `n_init` K-means fits.

    Every start runs until no point changes its segment: scikit-learn's default stops a little earlier, and its
    default number of starts, one, gives another answer for another seed.

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
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - as in `run_kmeans`

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model = run_kmeans(points, k, n_init=n_init, seed=seed)
        except ConvergenceWarning as warning:
            raise SweepError(
                f"{k} segments can't be told apart in these users ({warning}). "
                "Lower the upper end of `k_range` in settings.toml."
            ) from warning
    return sort_by_size(points, model)


def warm_start_kmeans(
    points: Points, best: KMeansModel, previous_centres: Floats, *, min_cell: float = 1
) -> KMeansModel:
    """Return the fit from last month's centres, or `best`.

    K-means has several nearly equal optima where k is not the number of groups, and chance decides between them: the
    report would tell of splits and mergers that never happened. The fit keeps last month's order. It is refused where
    a segment has fewer than `min_cell` users.
    """
    if previous_centres.shape != best.centres.shape:
        return best
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - as in `run_kmeans`

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of an emptied segment, which is refused below
        model = run_kmeans(points, best.k, init=previous_centres)
    users = count_by_centre(points, model.centres)
    if users.min() < min_cell or model.inertia > best.inertia * (1 + _INERTIA_TOLERANCE):
        return best
    return model


def run_kmeans(
    points: Points,
    k: int,
    *,
    init: Floats | str = "k-means++",
    n_init: int = 1,
    seed: int | None = None,
    tolerance: float = 0,
    max_steps: int = MAX_LLOYD_STEPS,
) -> KMeansModel:
    """Run scikit-learn's K-means on one thread.

    The last bits of a sum depend on the number of threads.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - takes a second, in which users can be read

    fit = KMeans(k, init=init, n_init=n_init, random_state=seed, tol=tolerance, max_iter=max_steps)
    with threadpool_limits(1):
        fit.fit(points.values, sample_weight=points.weights)
    return KMeansModel(fit.cluster_centers_, float(fit.inertia_) + points.within_inertia)


def sort_by_size(points: Points, model: KMeansModel) -> KMeansModel:
    """Return the model with its largest segment first."""
    order = np.lexsort((*model.centres.T, -count_by_centre(points, model.centres)))
    return KMeansModel(model.centres[order], model.inertia)


def count_by_centre(points: Points, centres: Floats) -> Floats:
    """Return the users nearest to each centre, shape (k,)."""
    labels = assign_nearest(points.values, centres)
    return np.bincount(labels, points.weights, len(centres)).astype(float)


def assign_nearest(values: Floats, centres: Floats) -> Labels:
    """Assign each row to its nearest centre."""
    # |x - c|^2 less |x|^2, which is the same for every centre; a row a centre finds the minimum several times faster
    nearness = (-2 * centres) @ values.T
    nearness += (centres**2).sum(axis=1)[:, None]
    nearest: Labels = nearness.argmin(axis=0)
    return nearest

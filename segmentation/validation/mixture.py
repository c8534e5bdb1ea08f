"""Groups that a Gaussian mixture finds and density gaps keep apart.

K-means sees round groups of like spread. A mixture also sees long ones, dense ones beside wide ones, and groups in few of
the features. But BIC takes several components for a group that is no Gaussian. So two components are one group unless
few users lie between them, or if others join them (Hennig [1]_). A ring or a bent band may still be cut.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.cluster.hierarchy import DisjointSet
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaincinv
from threadpoolctl import threadpool_limits

from segmentation.clustering.assign import assign_nearest
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.validation.separation import (
    AXIS_REACH,
    SEPARATING,
    GapLimits,
    bin_positions,
    find_density_gap,
    jitter_ties,
)

_MAX_FITTED_USERS = 2_000  # users that EM sees; gaps are counted over all
_REGULARISATION = 1e-3  # added to variances, in squared SDs
_EM_STEPS = 100
_PATIENCE = 2  # ks in a row without a smaller BIC after which no larger one is tried
_CYLINDER_SHARE = 0.6  # of a Gaussian's users who lie no farther from the axis than those counted
_MIN_COMPONENT_USERS = 10


@dataclass(frozen=True, slots=True)
class MixtureGroups:
    """A Gaussian mixture, and the gaps between its components."""

    components: Labels  # shape (n,): each point's component, from 0
    gaps: Mapping[tuple[int, int], tuple[float, float]]  # by pair: ratio and z, as in `find_density_gap`

    def merge_components(self, limits: GapLimits = SEPARATING) -> Labels:
        """Return each point's group, from 0.

        Two components are one group if no gap within the limits separates them, or if a third joins them. The gaps have to
        be certain together, too: if they aren't, the two groups with the least certain one are merged.
        """
        n = int(self.components.max()) + 1
        joined = DisjointSet(range(n))
        for pair, (ratio, z) in self.gaps.items():
            if not limits.are_met(ratio, z):
                joined.merge(*pair)
        while joined.n_subsets > 1 and not limits.are_certain(self._list_weakest_gaps(joined)):
            open_pairs = [pair for pair in self.gaps if not joined.connected(*pair)]
            joined.merge(*min(open_pairs, key=lambda pair: self.gaps[pair][1]))
        roots = [joined[i] for i in range(n)]
        groups: Labels = np.unique(roots, return_inverse=True)[1][self.components]
        return groups

    def _list_weakest_gaps(self, joined: DisjointSet) -> list[float]:
        """Return the z of each group's least certain gap; one that two groups share stands once."""
        weakest: dict[int, tuple[float, tuple[int, int]]] = {}
        for pair, (_, z) in self.gaps.items():
            if not joined.connected(*pair):
                for group in (joined[pair[0]], joined[pair[1]]):
                    weakest[group] = min(weakest.get(group, (np.inf, pair)), (z, pair))
        return [z for z, _ in set(weakest.values())]

    def count_groups(self, limits: GapLimits = SEPARATING) -> int:
        """Return the number of groups after merging."""
        return int(self.merge_components(limits).max()) + 1


def measure_agreement(first: Labels, second: Labels, weights: Floats) -> float:
    """Return the share of users whom two labellings place alike.

    Each label of the one is paired with one of the other, so that most users agree.
    """
    shape = (int(first.max()) + 1, int(second.max()) + 1)
    both = np.bincount(first * shape[1] + second, weights, shape[0] * shape[1]).reshape(shape)
    rows, columns = linear_sum_assignment(-both)
    return float(both[rows, columns].sum() / weights.sum())


def fit_mixture_groups(points: Points, labels: Mapping[int, Labels], *, seed: int) -> MixtureGroups:
    """Fit a mixture, and measure the gaps between its components.

    Parameters
    ----------
    points : Points
        All users, or a sample of them; each point one user.
    labels : mapping of int to ndarray, shape (n,)
        By k: each point's K-means segment, from which EM starts.

    References
    ----------
    .. [1] Hennig (2010), "Methods for merging Gaussian mixture components", ADAC 4.
    .. [2] Fraley, Raftery (2002), "Model-based clustering, discriminant analysis, and density estimation", JASA 97.
    """
    rng = np.random.default_rng(seed)
    values = jitter_ties(points.values, rng)
    n = len(values)
    rows = np.sort(rng.choice(n, _MAX_FITTED_USERS, replace=False)) if n > _MAX_FITTED_USERS else np.arange(n)
    with threadpool_limits(1):  # the last bits of a sum depend on the number of threads
        components = _join_small_components(values, points.weights, _fit_components(values, labels, rows))
        gaps = {
            pair: _measure_gap(values, points.weights, components, pair)
            for pair in combinations(range(int(components.max()) + 1), 2)
        }
    return MixtureGroups(components, gaps)


def _fit_components(values: Floats, labels: Mapping[int, Labels], rows: Labels) -> Labels:
    """Return each user's component in the mixture of least BIC.

    Every k is fitted twice: with components of any direction, and with such as lie along the features, which need fewer
    users.
    """
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - slow to import
    from sklearn.mixture import GaussianMixture  # noqa: PLC0415

    best, least, misses = None, np.inf, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what 100 steps find will do
        for k in sorted(labels):
            misses += 1
            for kind in ("full", "diag"):
                start = _describe_segments(values[rows], labels[k][rows], k, kind)
                if start is None:
                    continue
                weights, means, precisions = start
                fit = GaussianMixture(
                    k,
                    covariance_type=kind,
                    reg_covar=_REGULARISATION,
                    max_iter=_EM_STEPS,
                    init_params="random_from_data",
                    weights_init=weights,
                    means_init=means,
                    precisions_init=precisions,
                    random_state=0,
                ).fit(values[rows])
                bic = fit.bic(values[rows])
                if bic < least:
                    best, least, misses = fit, bic, 0
            if misses > _PATIENCE:
                break
    if best is None:
        return np.zeros(len(values), dtype=np.intp)
    components: Labels = np.unique(best.predict(values), return_inverse=True)[1]
    return components


def _describe_segments(values: Floats, labels: Labels, k: int, kind: str) -> tuple[Floats, Floats, Floats] | None:
    """Return weights, means and precisions; None if a segment is small."""
    sizes = np.bincount(labels, minlength=k)
    if sizes.min() <= values.shape[1]:
        return None
    parts = [values[labels == i] for i in range(k)]
    if kind == "diag":
        precisions = np.array([1 / (part.var(axis=0) + _REGULARISATION) for part in parts])
    else:
        ridge = _REGULARISATION * np.eye(values.shape[1])
        precisions = np.array([np.linalg.inv(np.cov(part.T, bias=True) + ridge) for part in parts])
    return sizes / sizes.sum(), np.array([part.mean(axis=0) for part in parts]), precisions


def _join_small_components(values: Floats, weights: Floats, components: Labels) -> Labels:
    """Let small components join the nearest large one.

    They are far users rather than a group.
    """
    sizes = np.bincount(components, weights)
    means = np.array(
        [np.average(values[components == i], axis=0, weights=weights[components == i]) for i in range(len(sizes))]
    )
    large = np.flatnonzero(sizes >= _MIN_COMPONENT_USERS)
    if not len(large):
        return np.zeros_like(components)
    return assign_nearest(means, means[large])[components]  # a large one is nearest to itself


def _measure_gap(values: Floats, weights: Floats, components: Labels, pair: tuple[int, int]) -> tuple[float, float]:
    """Return ratio and z of the gap between two components.

    Users near the axis between the means are counted, whichever component they are in, where both components have unit
    variance: in a cylinder, which is convex, users without groups have a single peak (see `separation`).
    """
    p = values.shape[1]
    parts = [values[components == i] for i in pair]
    scatter = sum(np.cov(part.T, bias=True) * len(part) for part in parts) / sum(len(part) for part in parts)
    root = np.linalg.cholesky(np.atleast_2d(scatter) + _REGULARISATION * np.eye(p))
    first, second = (part.mean(axis=0) for part in parts)
    whitened = np.linalg.solve(root, (values - (first + second) / 2).T)
    axis = np.linalg.solve(root, second - first)
    length = float(np.sqrt(axis @ axis))
    along = axis @ whitened / length
    aside = (whitened**2).sum(axis=0) - along**2
    positions = along / (length / 2)
    counted = (np.abs(positions) < AXIS_REACH) & (aside <= 2 * gammaincinv(max(p - 1, 1) / 2, _CYLINDER_SHARE))
    return find_density_gap(bin_positions(positions[counted], weights[counted]))

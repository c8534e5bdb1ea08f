"""K-means for the many small fits of bootstraps and null draws: the same fixed points, no object a draw.

One matrix product measures all distances of a batch, another sums the users of every segment. Points of weight 0 count
for nothing, so a bootstrap is a row of weights over the same points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.preprocessing.scaling import Floats

_MAX_STEPS = 1000  # as in clusters.fit: no start that we see comes near
_BATCH_SIZE = 65_536  # distances held at a time: half a megabyte, which stays in the processor's cache
_PILOT_POINTS = 600  # points on which the starts of `fit_k_range_quickly` compete
_PILOT_STEPS = 30  # Lloyd steps that they have to show what they are worth


@dataclass(frozen=True, slots=True)
class KMeansFits:
    """Some fits of the same number of segments.

    Attributes
    ----------
    centres : ndarray, shape (b, k, p)
        Mean of each segment's points.
    inertia : ndarray, shape (b,)
        Weighted sum of squared distances to the nearest centre.
    """

    centres: Floats
    inertia: Floats

    @property
    def best_centres(self) -> Floats:
        """Centres of the fit with the least inertia, shape (k, p)."""
        best: Floats = self.centres[int(self.inertia.argmin())]
        return best


def run_lloyd(values: Floats, weights: Floats, starts: Floats, *, max_steps: int = _MAX_STEPS) -> KMeansFits:
    """Move centres to the means of their nearest points until they stay, each start for itself.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Points.
    weights : ndarray, shape (n,) or (b, n)
        Users of each point: the same for all starts, or each its own.
    starts : ndarray, shape (b, k, p)
        Starts.
    max_steps : int
        At most so many; fewer than it takes makes a rougher fit, whose inertia is still that of its centres.

    Returns
    -------
    Fits
        Where each start ends. A centre that loses all its points goes to the point that adds most to the inertia.

    References
    ----------
    .. [1] Lloyd (1982), "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28(2).
    """
    (n, p), (b, k, _) = values.shape, starts.shape
    chunk = max(1, _BATCH_SIZE // (n * k))
    weights = np.broadcast_to(weights, (b, n))
    origin = values.mean(axis=0)  # near zero, |x|^2 - 2xc + |c|^2 keeps its digits
    ahead = np.column_stack([values - origin, np.ones(n)])
    squares = (ahead[:, :p] ** 2).sum(axis=1)
    settled, inertia = np.empty_like(starts, dtype=float), np.empty(b)
    for start in range(0, b, chunk):
        part = slice(start, start + chunk)
        moved, least = _run_lloyd_batch(ahead, squares, weights[part], starts[part] - origin, max_steps)
        settled[part], inertia[part] = moved + origin, least
    return KMeansFits(settled, inertia)


def draw_kmeans_plus_plus(
    values: Floats, weights: Floats, k: int, n_starts: int, rng: np.random.Generator
) -> Floats:
    """Draw k-means++ starts: each next centre a user drawn by the squared distance to the centres there are.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Points.
    weights : ndarray, shape (n,) or (draws, n)
        Users of each point.

    Returns
    -------
    ndarray, shape (draws, k, p)

    References
    ----------
    .. [1] Arthur, Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA. Not the greedy variant.
    """
    n, p = values.shape
    weights = np.broadcast_to(weights, (n_starts, n))
    centres = np.empty((n_starts, k, p))
    near = np.ones((n_starts, n))
    squares = (values**2).sum(axis=1)
    for j in range(k):
        heap = np.cumsum(weights * near, axis=1)
        goal = rng.random(n_starts) * heap[:, -1]
        picked = np.minimum((heap <= goal[:, None]).sum(axis=1), n - 1)
        centres[:, j] = values[picked]
        distance = squares - 2 * centres[:, j] @ values.T + squares[picked, None]
        np.maximum(distance, 0, out=distance)
        distance[np.arange(n_starts), picked] = 0
        near = np.minimum(near, distance) if j else distance
    return centres


def fit_k_range_quickly(
    values: Floats,
    weights: Floats,
    ks: Sequence[int],
    *,
    n_init: int,
    rng: np.random.Generator,
    max_steps: int = 40,
) -> dict[int, KMeansFits]:
    """Fit every k quickly: starts compete on some hundred of the points, and the best two go on over all.

    Besides its k-means++ starts each k has one more: the best of the k before, with one centre added.

    Parameters
    ----------
    ks : sequence of int
        Numbers of segments, increasing.
    n_init : int
        k-means++ starts for each k.
    max_steps : int
        Lloyd steps over all points at most.

    References
    ----------
    .. [1] Bradley, Fayyad (1998), "Refining initial points for k-means clustering", ICML.
    .. [2] Likas, Vlassis, Verbeek (2003), "The global k-means clustering algorithm", Pattern Recognition 36(2).
    """
    n = len(values)
    few = n > 2 * _PILOT_POINTS
    rows = rng.choice(n, _PILOT_POINTS, replace=False) if few else np.arange(n)
    some, mass = values[rows], weights[rows]
    fits: dict[int, KMeansFits] = {}
    before: Floats | None = None
    for k in ks:
        if k == 1:
            mean = (weights @ values / weights.sum())[None, None]
            fits[k] = run_lloyd(values, weights, mean)
            before = fits[k].best_centres
            continue
        begin = draw_kmeans_plus_plus(some, mass, k, n_init, rng)
        if before is not None and len(before) == k - 1:
            begin = np.concatenate([begin, _add_drawn_centre(some, mass, before, rng)])
        pilot = run_lloyd(some, mass, begin, max_steps=_PILOT_STEPS if few else _MAX_STEPS)
        keep = pilot.inertia.argsort(kind="stable")[: 2 if few else 1]
        fits[k] = run_lloyd(values, weights, pilot.centres[keep], max_steps=max_steps) if few else pilot
        before = fits[k].best_centres
    return fits


def assign_nearest_batch(values: Floats, centres: Floats) -> NDArray[np.intp]:
    """Give the number of each point's nearest centre under each fit: centres (b, k, p) to labels (b, n)."""
    b, k, p = centres.shape
    near = (centres.reshape(-1, p) @ values.T).reshape(b, k, -1) * -2
    near += (centres**2).sum(axis=2)[:, :, None]
    labels: NDArray[np.intp] = near.argmin(axis=1)
    return labels


def _add_drawn_centre(values: Floats, weights: Floats, centres: Floats, rng: np.random.Generator) -> Floats:
    """Add a centre: a user drawn by squared distance. Shape (1, k + 1, p)."""
    distance = ((values[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1) * weights
    heap = np.cumsum(distance)
    row = min(int(np.searchsorted(heap, rng.random() * heap[-1], "right")), len(values) - 1)
    return np.concatenate([centres, values[row][None]])[None]


def _run_lloyd_batch(
    augmented: Floats, squares: Floats, weights: Floats, centres: Floats, max_steps: int
) -> tuple[Floats, Floats]:
    """Settle a batch that fits the cache; `augmented` are the points with a column of ones."""
    (n, q), (b, k, p) = augmented.shape, centres.shape
    across = np.ascontiguousarray(augmented.T)
    total = weights.sum(axis=1)
    live = np.arange(b)
    centres, inertia = centres.copy(), np.empty(b)
    near, hot = np.empty((b, k, n)), np.empty((b, k, n))
    for step in range(max_steps + 1):
        now = centres[live]
        m, mass = len(live), weights[live]
        lines = np.concatenate([-2 * now, (now**2).sum(axis=2, keepdims=True)], axis=2)
        np.matmul(lines.reshape(-1, q), across, out=near[:m].reshape(-1, n))
        least = near[:m].min(axis=1)
        np.less_equal(near[:m], least[:, None], out=hot[:m], casting="unsafe")
        hot[:m] *= mass[:, None]
        sums = (hot[:m].reshape(-1, n) @ augmented).reshape(m, k, q)
        users = sums[:, :, p]
        tied = np.abs(users.sum(axis=1) - total[live]) > 1e-6 * total[live]
        for i in np.flatnonzero(tied):  # a point equally near to two centres belongs to the first
            first = (near[i].argmin(axis=0)[None] == np.arange(k)[:, None]) * mass[i]
            sums[i] = first @ augmented
        moved = sums[:, :, :p] / np.where(users > 0, users, 1)[:, :, None]
        for i in np.flatnonzero((users <= 0).any(axis=1)):
            far = np.argsort(-(least[i] + squares) * mass[i], kind="stable")
            empty = np.flatnonzero(users[i] <= 0)
            moved[i, empty[: len(far)]] = augmented[far[: len(empty)], :p]  # of fewer points, some stay empty
        stays = (moved == now).all(axis=(1, 2)) | (step == max_steps)
        inertia[live[stays]] = ((least[stays] + squares) * mass[stays]).sum(axis=1)
        centres[live[~stays]] = moved[~stays]
        live = live[~stays]
        if not live.size:
            break
    return centres, np.maximum(inertia, 0)

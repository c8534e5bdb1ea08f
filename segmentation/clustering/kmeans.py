"""Batched K-means, for many small fits.

One matrix product computes all distances of a batch, another sums the users of every segment. A bootstrap is a row of
weights over the same points; points of weight 0 count for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.preprocessing.scaling import Floats

MAX_LLOYD_STEPS = 1000  # no start of the size we see comes near
_BATCH_SIZE = 65_536  # distances held at a time: half a megabyte, which fits the processor's cache
_PILOT_POINTS = 300  # points on which the starts of `fit_k_range_quickly` compete
_PILOT_STEPS = 5  # Lloyd steps on them
_N_FINALISTS = 2  # starts that go on over all points, and pairs of segments that are merged


@dataclass(frozen=True, slots=True)
class KMeansFits:
    """Some fits of the same number of segments."""

    centres: Floats  # shape (b, k, p): mean of each segment's points
    inertia: Floats  # shape (b,): weighted sum of squared distances to the nearest centre

    @property
    def best_centres(self) -> Floats:
        """Centres of the best fit, shape (k, p)."""
        best: Floats = self.select_best(1)[0]
        return best

    def select_best(self, n: int) -> Floats:
        """Return centres of the n best fits, in order."""
        best: Floats = self.centres[self.inertia.argsort(kind="stable")[:n]]
        return best


def run_lloyd(values: Floats, weights: Floats, starts: Floats, *, max_steps: int = MAX_LLOYD_STEPS) -> KMeansFits:
    """Run Lloyd's algorithm from each start to convergence.

    A centre that loses all its points moves to the point that adds most to the inertia.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Points.
    weights : ndarray, shape (n,) or (b, n)
        Users of each point: the same for all starts, or each its own.
    starts : ndarray, shape (b, k, p)
        Starts.
    max_steps : int
        Steps after which to stop; the inertia is always that of the centres returned.

    References
    ----------
    .. [1] Lloyd (1982), "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28(2).
    """
    (n, p), (b, k, _) = values.shape, starts.shape
    chunk = max(1, _BATCH_SIZE // (n * k))
    weights = np.broadcast_to(weights, (b, n))
    origin = values.mean(axis=0)  # near zero, |x|^2 - 2xc + |c|^2 keeps its digits
    augmented = np.column_stack([values - origin, np.ones(n)])
    squares = (augmented[:, :p] ** 2).sum(axis=1)
    settled, inertia = np.empty_like(starts, dtype=float), np.empty(b)
    for start in range(0, b, chunk):
        part = slice(start, start + chunk)
        moved, least = _run_lloyd_batch(augmented, squares, weights[part], starts[part] - origin, max_steps)
        settled[part], inertia[part] = moved + origin, least
    return KMeansFits(settled, inertia)


def draw_kmeans_plus_plus(values: Floats, weights: Floats, k: int, n_starts: int, rng: np.random.Generator) -> Floats:
    """Draw k-means++ starts, shape (n_starts, k, p).

    Each next centre is a user, drawn by squared distance to the nearest centre. Weights may differ by start, shape
    (n_starts, n).

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
        cumulated = np.cumsum(weights * near, axis=1)
        goal = rng.random(n_starts) * cumulated[:, -1]
        picked = np.minimum((cumulated <= goal[:, None]).sum(axis=1), n - 1)
        centres[:, j] = values[picked]
        distance = squares - 2 * centres[:, j] @ values.T + squares[picked, None]
        np.maximum(distance, 0, out=distance)
        distance[np.arange(n_starts), picked] = 0
        near = np.minimum(near, distance) if j else distance
    return centres


def fit_k_range_quickly(
    values: Floats, weights: Floats, ks: Sequence[int], *, n_init: int, rng: np.random.Generator, max_steps: int = 40
) -> dict[int, KMeansFits]:
    """Fit every k quickly, from pilots on few points.

    Half of the `2 * n_init` starts of a k are k-means++, the others are the best fit of k - 1 with one centre added.
    The best two go on over all points, for `max_steps` Lloyd steps at most. Then each k from the top down gets two more
    starts: the best fit of k + 1 with two near segments merged. Merging finds what k-means++ misses where a start has
    two centres in one group.

    References
    ----------
    .. [1] Bradley, Fayyad (1998), "Refining initial points for k-means clustering", ICML.
    .. [2] Likas, Vlassis, Verbeek (2003), "The global k-means clustering algorithm", Pattern Recognition 36(2).
    .. [3] Ward (1963), "Hierarchical grouping to optimize an objective function", JASA 58: which two are merged.
    """
    n = len(values)
    rows = rng.choice(n, _PILOT_POINTS, replace=False) if n > 2 * _PILOT_POINTS else np.arange(n)
    pilot_values, pilot_weights = values[rows], weights[rows]
    fits: dict[int, KMeansFits] = {}
    for k in ks:
        if k == 1:
            mean = (weights @ values / weights.sum())[None, None]
            fits[k] = run_lloyd(values, weights, mean)
            continue
        n_drawn = n_init if k - 1 in fits else 2 * n_init
        starts = draw_kmeans_plus_plus(pilot_values, pilot_weights, k, n_drawn, rng)
        if k - 1 in fits:
            grown = _add_drawn_centre(pilot_values, pilot_weights, fits[k - 1].best_centres, n_init, rng)
            starts = np.concatenate([starts, grown])
        pilot = run_lloyd(pilot_values, pilot_weights, starts, max_steps=_PILOT_STEPS)
        fits[k] = run_lloyd(values, weights, pilot.select_best(_N_FINALISTS), max_steps=max_steps)
    for k in reversed(ks):
        if k > 1 and k + 1 in fits:
            starts = _merge_near_segments(values, weights, fits[k + 1].best_centres)
            merged = run_lloyd(values, weights, starts, max_steps=max_steps)
            fits[k] = KMeansFits(
                np.concatenate([fits[k].centres, merged.centres]), np.concatenate([fits[k].inertia, merged.inertia])
            )
    return fits


def _add_drawn_centre(
    values: Floats, weights: Floats, centres: Floats, n_starts: int, rng: np.random.Generator
) -> Floats:
    """Add a centre, drawn by squared distance.

    Shape (n_starts, k + 1, p).
    """
    distance = ((values[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1) * weights
    cumulated = np.cumsum(distance)
    rows = np.searchsorted(cumulated, rng.random(n_starts) * cumulated[-1], "right")
    drawn = values[np.minimum(rows, len(values) - 1)]
    return np.concatenate([np.repeat(centres[None], n_starts, axis=0), drawn[:, None]], axis=1)


def _merge_near_segments(values: Floats, weights: Floats, centres: Floats) -> Floats:
    """Merge the two segments that inertia grows least by.

    The second start merges the next best pair. Shape (1 or 2, k - 1, p).
    """
    k = len(centres)
    nearest = ((centres**2).sum(axis=1) - 2 * values @ centres.T).argmin(axis=1)
    users = np.bincount(nearest, weights, k)
    one, other = np.triu_indices(k, 1)
    together = np.maximum(users[one] + users[other], 1e-300)
    cost = users[one] * users[other] / together * ((centres[one] - centres[other]) ** 2).sum(axis=1)
    starts = []
    for pair in cost.argsort(kind="stable")[:_N_FINALISTS]:
        i, j = one[pair], other[pair]
        middle = (users[i] * centres[i] + users[j] * centres[j]) / together[pair]
        starts.append(np.concatenate([np.delete(centres, [i, j], axis=0), middle[None]]))
    return np.array(starts)


def _run_lloyd_batch(
    augmented: Floats, squares: Floats, weights: Floats, centres: Floats, max_steps: int
) -> tuple[Floats, Floats]:
    """Run Lloyd's algorithm on a batch of starts.

    `augmented` are the points with a column of ones.
    """
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

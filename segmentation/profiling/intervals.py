"""95 % confidence intervals of shares, means and indices.

They describe the error of sampling users, with the segments' borders as they are. Clustered anew, other users would have
other borders: the population's own segments lie in these intervals less often (`docs/benchmarks.md`). So pages say "with
these borders", and a month without reliable segments has no intervals.

Means and indices of numbers: bootstrap-t. Incomes and minutes are skewed, and a percentile interval of a skewed mean of 30
users covers 91 % of the time, not 95. One set of weights serves every segment and column. The index is computed on the log
scale, and the segment's users are part of all users.
Shares: Wilson. The index of a category is a ratio of two shares, whose log has a known variance: with the 30 users that an
index needs, no bootstrap is closer.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.facts import ConfidenceInterval
from segmentation.preprocessing.aggregate import SegmentMoments
from segmentation.preprocessing.scaling import Floats, Labels

_Z_975 = 1.959963984540054  # 97.5 % of a Gaussian lie below
_TAIL_PERCENTILES = (2.5, 97.5)
_ZERO_VARIANCE = 1e-12  # variance that rounding leaves where all users are alike, in a column of variance 1
_DRAWS_PER_BATCH = 200  # bootstraps in memory at a time: 8 MB with 5,000 users
_Statistic: TypeAlias = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class NumberIntervals:
    """Intervals of one number column in one segment."""

    mean: ConfidenceInterval | None
    """In the column's unit; None if there are too few users, or too few different values."""
    index: ConfidenceInterval | None
    """Of 100 times the mean over the mean of all users; 0 to 0 if all users of the segment have 0. None if a mean isn't
    positive, or there are too few different values."""


def wilson_interval(users: float, total: float) -> ConfidenceInterval:
    """Return Wilson's interval of users / total, total > 0.

    References
    ----------
    .. [1] Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    .. [2] Brown, Cai, DasGupta (2001), "Interval estimation for a binomial proportion", Stat. Sci. 16(2), equation (4).
    """
    p = users / total
    middle = (p + _Z_975**2 / (2 * total)) / (1 + _Z_975**2 / total)
    half = _Z_975 / (1 + _Z_975**2 / total) * np.sqrt(p * (1 - p) / total + _Z_975**2 / (4 * total**2))
    low = 0.0 if users == 0 else float(middle - half)
    return ConfidenceInterval(max(0.0, low), 1.0 if users == total else float(middle + half))


def katz_index_interval(users: int, size: int, with_value: int, total: int) -> ConfidenceInterval | None:
    """Return the interval of a category value's index.

    The index is 100 times the value's share of the segment over its share of all users. Katz's delta method on the log of
    the ratio is for two separate groups; here the segment is part of all users, so twice the covariance is subtracted.

    Parameters
    ----------
    users : int
        Users of the segment with the value.
    size : int
        Users of the segment.
    with_value : int
        All users with the value.
    total : int
        All users.

    Returns
    -------
    ConfidenceInterval or None
        None if nobody in the segment has the value: a ratio of 0 has no log.

    References
    ----------
    .. [1] Katz et al. (1978), "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34(3).
    """
    if users == 0:
        return None
    inside, all_ = users / size, with_value / total
    variance = (1 - inside) / users + (1 - all_) / with_value - 2 * (1 - inside) / with_value
    half = _Z_975 * np.sqrt(max(variance, 0.0))
    index = 100 * inside / all_
    return ConfidenceInterval(float(index * np.exp(-half)), float(index * np.exp(half)))


def bootstrap_t_intervals(
    values: Floats, labels: Labels, k: int, *, draws: int = 1000, seed: int
) -> tuple[tuple[NumberIntervals, ...], ...]:
    """Return intervals by segment and column, by bootstrap-t.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Every user's numbers, in their units.
    labels : ndarray, shape (n,)
        Every user's segment, 0 to k - 1.
    draws : int
        Bootstraps.

    Returns
    -------
    tuple, length k, of tuple, length p

    References
    ----------
    .. [1] Efron, Tibshirani (1993), "An Introduction to the Bootstrap", section 12.5.
    """
    n = len(values)
    order = np.argsort(labels, kind="stable")
    labels = labels[order]
    middle, sd = values.mean(axis=0), values.std(axis=0)
    sd = np.where(sd > 0, sd, 1.0)
    scaled = (values[order] - middle) / sd  # squares of large numbers would lose digits
    lines = np.column_stack([np.ones(n), scaled, scaled**2])
    edges = np.searchsorted(labels, np.arange(k + 1))
    rng = np.random.default_rng(seed)
    with threadpool_limits(1):  # the last bits of a sum depend on the number of threads
        own = _sum_by_segment(np.ones((1, n)), lines, edges)
        parts = [
            _sum_by_segment(_draw_bootstrap_weights(n, min(_DRAWS_PER_BATCH, draws - start), rng), lines, edges)
            for start in range(0, draws, _DRAWS_PER_BATCH)
        ]
    drawn = np.concatenate(parts)
    mean_ends = _compute_bootstrap_t_ends(_estimate_means, own, drawn) * sd + middle
    index_ends = np.exp(
        _compute_bootstrap_t_ends(lambda size, m, v: estimate_log_index(size, m, v, middle / sd), own, drawn)
    )
    all_zero = np.array([np.all(values[order[a:b]] == 0, axis=0) for a, b in itertools.pairwise(edges)])
    index_ends[:, all_zero & (np.diff(edges) > 1)[:, None] & (middle > 0)] = 0
    return _pack_intervals(mean_ends, index_ends)


def normal_intervals(moments: SegmentMoments) -> tuple[tuple[NumberIntervals, ...], ...]:
    """Return intervals by segment and column, normal approximation.

    For segments of thousands of users, where bootstrap-t comes to the same: the estimate and 1.96 standard errors to each
    side, with the same standard errors.

    Returns
    -------
    tuple, length k, of tuple, length p
    """
    size, p = moments.count, moments.mean.shape[1]
    total = moments.pool()
    middle, spread = total.mean, total.variance
    sizes, means = np.vstack([size, total.count]), np.vstack([moments.mean, middle])
    variances = np.vstack([moments.variance, spread])
    mean_ends, index_ends = (
        estimate[None] + _Z_975 * np.stack([-error, error])
        for estimate, error in (
            _estimate_means(sizes, means, variances),
            estimate_log_index(sizes, means, variances, np.zeros(p)),
        )
    )
    index_ends = np.exp(index_ends)
    index_ends[:, (size > 1) & (moments.mean == 0) & (moments.variance == 0) & (middle > 0)] = 0
    return _pack_intervals(mean_ends, index_ends)


def _pack_intervals(mean_ends: Floats, index_ends: Floats) -> tuple[tuple[NumberIntervals, ...], ...]:
    """Make intervals of arrays of shape (2, k, p)."""
    _, k, p = mean_ends.shape
    return tuple(
        tuple(
            NumberIntervals(
                mean=_make_interval(mean_ends[:, segment, j]), index=_make_interval(100 * index_ends[:, segment, j])
            )
            for j in range(p)
        )
        for segment in range(k)
    )


def _draw_bootstrap_weights(n: int, draws: int, rng: np.random.Generator) -> Floats:
    """Draw weights of the users, shape (draws, n)."""
    picked = rng.integers(0, n, (draws, n))
    picked += np.arange(draws)[:, None] * n
    return np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n).astype(float)


def _sum_by_segment(weights: Floats, lines: Floats, edges: Labels) -> Floats:
    """Sum users, values and squares by segment.

    Shape (draws, k, 1 + 2p).
    """
    parts = [weights[:, a:b] @ lines[a:b] for a, b in itertools.pairwise(edges)]
    return np.stack(parts, axis=1)


def _split_moments(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Turn sums into users, means and variances.

    Shapes (..., 1), (..., p) and (..., p); population variances, NaN where there are no users.
    """
    p = (sums.shape[-1] - 1) // 2
    size = sums[..., :1]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[..., 1 : 1 + p] / size
        variance = sums[..., 1 + p :] / size - mean**2
        variance = np.where(variance < _ZERO_VARIANCE, 0.0, variance)
    return size, mean, variance


def _estimate_means(size: Floats, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return each segment's mean and standard error.

    The last "segment" given is all users.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(variance / (size - 1))
    return mean[..., :-1, :], error[..., :-1, :]


def estimate_log_index(size: Floats, mean: Floats, variance: Floats, zero: Floats) -> tuple[Floats, Floats]:
    """Return log(index / 100) and its standard error.

    By the delta method. With part = size / n, the influence of a user on log(m_s / m) is [in s] (x - m_s) / (part m_s) - (x - m) / m.
    Its variance is v_s / (part m_s^2) + v / m^2 - 2 v_s / (m_s m). `zero` is added to scaled means, so that 0 means 0.
    """
    n, m, v = size[..., -1:, :], mean[..., -1:, :] + zero, variance[..., -1:, :]
    part, ms, vs = size[..., :-1, :] / n, mean[..., :-1, :] + zero, variance[..., :-1, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = vs / (part * ms**2) + v / m**2 - 2 * vs / (ms * m)
        known = (ms > 0) & (m > 0) & (size[..., :-1, :] > 1)
        log = np.where(known, np.log(ms / m), np.nan)
        return log, np.sqrt(np.maximum(spread, 0) / (n - 1))


def _compute_bootstrap_t_ends(statistic: _Statistic, own: Floats, drawn: Floats) -> Floats:
    """Return a statistic's low and high ends.

    Shape (2, k, p), NaN where they are not known.
    """
    estimate, error = statistic(*_split_moments(_append_total(own)))
    drawn_estimate, drawn_error = statistic(*_split_moments(_append_total(drawn)))
    with np.errstate(invalid="ignore", divide="ignore"):
        t = (drawn_estimate - estimate) / drawn_error
        t = np.where((error[0] < 1e-9)[None], 0.0, t)  # all users alike: an interval of no width
        # a bootstrap whose users are all alike lies in a tail; one without an index may lie in either
        low = np.percentile(np.where(np.isnan(t), -np.inf, t), _TAIL_PERCENTILES[0], axis=0)
        high = np.percentile(np.where(np.isnan(t), np.inf, t), _TAIL_PERCENTILES[1], axis=0)
        ends: Floats = np.stack([estimate[0] - high * error[0], estimate[0] - low * error[0]])
    return ends


def _append_total(sums: Floats) -> Floats:
    """Append the sums of all users."""
    return np.concatenate([sums, sums.sum(axis=-2, keepdims=True)], axis=-2)


def _make_interval(ends: Floats) -> ConfidenceInterval | None:
    """Make an interval; None without known ends."""
    return ConfidenceInterval(float(ends[0]), float(ends[1])) if np.isfinite(ends).all() else None

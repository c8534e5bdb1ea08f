"""Which indices differ from 100 by more than chance.

A report makes some sixty comparisons: every segment with every value and number. At 5 % each, a month in which nothing
differs would show several differences. Benjamini and Hochberg's procedure counts the comparisons: of the differences that
it finds, 3 % are chance on average, and where nothing differs at all, 97 of 100 reports find none.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, stdtr, xlogy

from segmentation.preprocessing.aggregate import SegmentMoments
from segmentation.preprocessing.scaling import Floats
from segmentation.profiling.intervals import estimate_log_index

FALSE_DISCOVERY_RATE = (
    0.03  # part of the differences found that chance may explain; at 0.05 a report with seven true ones has 0.14 false
)


def find_discoveries(p_values: Sequence[float], *, rate: float = FALSE_DISCOVERY_RATE) -> NDArray[np.bool_]:
    """Return which comparisons chance doesn't explain.

    Parameters
    ----------
    p_values : sequence of float
        Of all comparisons, those that found nothing included.
    rate : float
        Part of the discoveries that are false, on average.

    References
    ----------
    .. [1] Benjamini, Hochberg (1995), "Controlling the false discovery rate: a practical and powerful approach to
       multiple testing", J. R. Stat. Soc. B 57(1).
    """
    p = np.asarray(p_values, dtype=float)
    limits = rate * np.arange(1, len(p) + 1) / max(len(p), 1)
    kept = np.flatnonzero(np.sort(p) <= limits)
    found: NDArray[np.bool_] = p <= limits[kept[-1]] if len(kept) else np.zeros(len(p), dtype=bool)
    return found


def compute_category_p_value(users: int, size: int, with_value: int, total: int) -> float:
    """Return the p-value of a category value's index.

    By the likelihood ratio of the table of segment and value: its square root is nearer to a Gaussian in the tails than a
    difference of shares, which matters where sixty values are looked at.

    Parameters
    ----------
    users, size, with_value, total : int
        As for `katz_index_interval`.

    References
    ----------
    .. [1] Agresti (2013), "Categorical Data Analysis", 3rd ed., section 3.2.
    """
    rows, columns = np.array([size, total - size], dtype=float), np.array([with_value, total - with_value], dtype=float)
    seen = np.array([[users, size - users], [with_value - users, total - size - with_value + users]], dtype=float)
    expected = np.outer(rows, columns) / total
    ratio = 2 * float((xlogy(seen, seen) - xlogy(seen, np.where(expected > 0, expected, 1))).sum())
    return float(chdtrc(1, max(ratio, 0.0)))


def compute_number_p_values(moments: SegmentMoments) -> Floats:
    """Return the p-values of all numbers' indices.

    The larger of two. One takes the segment's own variance: too small where few users happen to lack a long tail. The
    other takes that of all users, as it is where the segment doesn't differ: too small for a mean that the tail pulls up.

    Returns
    -------
    ndarray, shape (k, p)
    """
    size, mean, variance, total = moments.count, moments.mean, moments.variance, moments.pool()
    n, middle, spread = total.count, total.mean, total.variance
    log, error = estimate_log_index(
        np.vstack([size, n]), np.vstack([mean, middle]), np.vstack([variance, spread]), np.zeros(mean.shape[1])
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.abs(log) / error
        pooled = np.abs(mean - middle) / np.sqrt(spread * (1 / size - 1 / n))
    # without a log, as where all have 0, the second decides; without a spread nobody differs
    own, pooled = np.where(np.isnan(own), np.inf, own), np.where(np.isfinite(pooled), pooled, 0.0)
    p_values: Floats = 2 * stdtr(np.maximum(size - 1, 1), -np.minimum(own, pooled))
    return p_values

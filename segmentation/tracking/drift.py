"""Drift: distributions that changed by more than chance."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from segmentation.facts import ColumnDrift

PSI_BINS = 10  # last month's deciles
MIN_USERS_PER_BIN = 10  # users a month for each bin of a number: with fewer users there are fewer bins
MIN_EXPECTED_USERS = 5.0  # expected users a month, below which a bin or category is merged with another
PSEUDOCOUNT = 0.5  # added to every count: an empty bin would divide by zero

BinCounts = NDArray[np.int64]


def measure_category_drift(last: Mapping[str, int], now: Mapping[str, int], *, level: float = 0.05) -> ColumnDrift:
    """Compare a category's shares between two months.

    Parameters
    ----------
    last, now : mapping of str to int
        Users by value; a value without users may be absent.
    level : float
        Probability of a false alarm.
    """
    counts = np.array(
        [[last.get(value, 0), now.get(value, 0)] for value in sorted({*last, *now})], dtype=np.int64
    ).reshape(-1, 2)
    rarest_first = counts[counts.sum(axis=1).argsort(kind="stable")].T  # so that rare values are merged
    return measure_binned_drift(rarest_first, level=level)


def measure_binned_drift(counts: BinCounts, *, level: float = 0.05) -> ColumnDrift:
    """Compare two months' counts by bin.

    Shape (2, bins), last month first. Neighbouring bins with few users are merged.
    """
    counts = _merge_sparse_bins(counts)
    n, m = (int(users) for users in counts.sum(axis=1))
    bins = counts.shape[1] if n and m else 1
    if bins == 1:
        return ColumnDrift(psi=0.0, critical=0.0)
    return ColumnDrift(psi=compute_psi(*counts), critical=compute_critical_psi(n, m, bins, level=level))


def choose_bin_count(last: int, now: int) -> int:
    """Return the number of bins: ten, or fewer for few users."""
    return min(PSI_BINS, max(2, min(last, now) // MIN_USERS_PER_BIN))


def add_heavy_value_edges(cuts: NDArray[np.float64], shares: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return the cuts and an edge above heavy values.

    A value is heavy if more than one bin's share of the users have it. Its own bin gives edges to a column of few integers,
    or mostly zeros.
    """
    return np.unique([*cuts, *np.nextafter(cuts[shares > 1 / bins], np.inf)])


def compute_psi(last: ArrayLike, now: ArrayLike) -> float:
    """Compute the population stability index of counts by bin.

    The sum over bins of (p - q) ln(p / q), 0 or more; p and q are the months' shares, half a user added to each bin.
    """
    a, b = np.asarray(last, dtype=float) + PSEUDOCOUNT, np.asarray(now, dtype=float) + PSEUDOCOUNT
    p, q = a / a.sum(), b / b.sum()
    return float(((p - q) * np.log(p / q)).sum())


def compute_critical_psi(last: int, now: int, bins: int, *, level: float = 0.05) -> float:
    """Compute the PSI that chance exceeds with probability `level`.

    Without drift the PSI of two independent samples is about (1/n + 1/m) times a chi-squared number with bins - 1 degrees
    of freedom: 0.113 at 300 users a month and ten bins, 0.0017 at 20,000 users. Users who are in both months make it
    smaller, so that a false alarm is rarer than `level`, never more frequent.

    Parameters
    ----------
    last, now : int
        Users of the two months, n and m.
    bins : int
        Bins compared; with one bin the result is 0.

    References
    ----------
    .. [1] Yurdakul (2018), "Statistical properties of the population stability index", Western Michigan University.
       It has no correction for small counts; here sparse bins are merged and half a user is added to each.
    """
    if bins < 2:
        return 0.0
    return float((1 / last + 1 / now) * chdtri(bins - 1, level))


def _merge_sparse_bins(counts: BinCounts) -> BinCounts:
    """Merge neighbouring bins until each expects `MIN_EXPECTED_USERS`.

    Expected are users of the smaller month, by both months' shares together.
    """
    expected = counts.sum(axis=0) * (counts.sum(axis=1).min() / max(counts.sum(), 1))
    starts, users_in_bin = [0], 0.0
    for place, users in enumerate(expected):
        if users_in_bin >= MIN_EXPECTED_USERS:
            starts.append(place)
            users_in_bin = 0.0
        users_in_bin += users
    if users_in_bin < MIN_EXPECTED_USERS and len(starts) > 1:
        starts.pop()  # the last bin is too sparse: it joins the one before
    return np.add.reduceat(counts, starts, axis=1) if counts.shape[1] else counts

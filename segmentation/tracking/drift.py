"""Whether a column is spread otherwise than last month, by more than two samples of the same people differ."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

PSI_BINS = 10  # last month's deciles
MIN_USERS_PER_BIN = 10  # users a month of a number's bin: fewer users make fewer bins
MIN_EXPECTED_USERS = (
    5.0  # users a month, expected, below which a bin or category is put together with another
)
PSEUDOCOUNT = 0.5  # added to every count, so that an empty bin is no division by zero

BinCounts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PsiTest:
    """How far a column's spread is from last month's."""

    psi: float
    """Population stability index: 0 is the same spread."""
    critical: float
    """What two samples without drift exceed with probability `level`."""
    bins: int
    """Bins or categories compared, rare ones put together; 1 means that there was nothing to compare."""
    last: int
    """Users of last month with a value."""
    now: int
    """Users of this month with a value."""
    level: float
    """Probability of a false alarm, 0 to 1."""

    @property
    def has_drifted(self) -> bool:
        """Whether the page may say that the column has changed."""
        return self.psi > self.critical


def measure_number_drift(last: ArrayLike, now: ArrayLike, *, level: float = 0.05) -> PsiTest:
    """Compare a number's spread between two months, on last month's deciles.

    Parameters
    ----------
    last, now : array_like of float, shape (n,) and (m,)
        Values of the users kept, without missing ones.
    level : float
        Probability of a false alarm.

    Returns
    -------
    Drift
        Fewer bins than ten where a month has fewer than 100 users, or where many users share one value.
    """
    a, b = np.asarray(last, dtype=float), np.asarray(now, dtype=float)
    edges = compute_quantile_edges(a, choose_bin_count(len(a), len(b)))
    return measure_binned_drift(np.array([_count_by_bin(a, edges), _count_by_bin(b, edges)]), level=level)


def measure_binned_drift(counts: BinCounts, *, level: float = 0.05) -> PsiTest:
    """Compare two months' counts by bin, shape (2, bins), last month's first; neighbours where users are few are joined."""
    return _run_psi_test(_merge_sparse_bins(counts), level)


def choose_bin_count(last: int, now: int) -> int:
    """Give the number of bins for so many users: ten, or fewer where a month has fewer than 100."""
    return min(PSI_BINS, max(2, min(last, now) // MIN_USERS_PER_BIN))


def measure_category_drift(
    last: Mapping[str, int], now: Mapping[str, int], *, level: float = 0.05
) -> PsiTest:
    """Compare a category's shares between two months.

    Parameters
    ----------
    last, now : mapping of str to int
        Users by value; a value that a month doesn't have may be left out.
    level : float
        Probability of a false alarm.
    """
    counts = np.array(
        [[last.get(value, 0), now.get(value, 0)] for value in sorted({*last, *now})], dtype=np.int64
    ).reshape(-1, 2)
    counts = counts[counts.sum(axis=1).argsort(kind="stable")].T  # the rarest first: they are put together
    return _run_psi_test(_merge_sparse_bins(counts), level)


def compute_quantile_edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Give the inner borders of bins with about equally many of the values; a bin holds its lower border.

    A value that more than a bin's part of the users share has a bin of its own, so that a column of few whole
    numbers, or mostly zeros, still has borders.
    """
    if not len(values):
        return np.empty(0)
    cuts = np.sort(values)[[len(values) * n // bins for n in range(1, bins)]]
    return add_heavy_value_edges(cuts, np.array([(values == cut).mean() for cut in cuts]), bins)


def add_heavy_value_edges(
    cuts: NDArray[np.float64], shares: NDArray[np.float64], bins: int
) -> NDArray[np.float64]:
    """Give the borders at these cuts, and one right above each that more than a bin's part of the users share."""
    return np.unique([*cuts, *np.nextafter(cuts[shares > 1 / bins], np.inf)])


def compute_psi(last: ArrayLike, now: ArrayLike) -> float:
    """Give the population stability index of two rows of counts, half a user added to each.

    Parameters
    ----------
    last, now : array_like of int, shape (b,)
        Users by bin.

    Returns
    -------
    float
        Sum over the bins of (p - q) ln(p / q), p and q being the months' shares: 0 or more.
    """
    a, b = np.asarray(last, dtype=float) + PSEUDOCOUNT, np.asarray(now, dtype=float) + PSEUDOCOUNT
    p, q = a / a.sum(), b / b.sum()
    return float(((p - q) * np.log(p / q)).sum())


def compute_critical_psi(last: int, now: int, bins: int, *, level: float = 0.05) -> float:
    """Give the index that two samples of one population exceed with probability `level`.

    Without drift the index of two independent samples is about (1/n + 1/m) times a chi-squared number of bins - 1 degrees of
    freedom: at 300 users a month and ten bins 0.113, at 20,000 users 0.0017, and not 0.1 and 0.25 for all. Users who are in
    both months differ less: of them chance exceeds it less often than `level`, never more.

    Parameters
    ----------
    last, now : int
        Users of the two months, both samples, n and m.
    bins : int
        Bins compared; 0 with one bin, which has nothing to compare.

    References
    ----------
    .. [1] Yurdakul (2018), "Statistical properties of the population stability index", Western Michigan University.
       There is no correction for small counts; here rare bins are joined and half a user is added to each.
    """
    if bins < 2:
        return 0.0
    return float((1 / last + 1 / now) * chdtri(bins - 1, level))


def _count_by_bin(values: NDArray[np.float64], edges: NDArray[np.float64]) -> BinCounts:
    """Count values by bin."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def _merge_sparse_bins(counts: BinCounts) -> BinCounts:
    """Put neighbouring bins together until each expects `MIN_EXPECTED_USERS` users in the smaller month, by both months' shares."""
    expected = counts.sum(axis=0) * (counts.sum(axis=1).min() / max(counts.sum(), 1))
    starts, held = [0], 0.0
    for place, users in enumerate(expected):
        if held >= MIN_EXPECTED_USERS:
            starts.append(place)
            held = 0.0
        held += users
    if held < MIN_EXPECTED_USERS and len(starts) > 1:
        starts.pop()  # what is left at the end goes to the one before
    return np.add.reduceat(counts, starts, axis=1) if counts.shape[1] else counts


def _run_psi_test(counts: BinCounts, level: float) -> PsiTest:
    """Compare two rows of counts."""
    n, m = (int(users) for users in counts.sum(axis=1))
    bins = counts.shape[1] if n and m else 1
    return PsiTest(
        psi=compute_psi(*counts) if bins > 1 else 0.0,
        critical=compute_critical_psi(n, m, bins, level=level),
        bins=bins,
        last=n,
        now=m,
        level=level,
    )

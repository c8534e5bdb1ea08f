"""Drift: distributions that changed by more than chance.

Two measures. The population stability index compares the two months as independent samples. Users who are in both months hide a
change from it: each of them may listen a little more, and the distributions still look alike. Paired tests compare every
followed user with themselves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, stdtr

from segmentation.disclosure import merge_small_categories
from segmentation.facts import ColumnDrift, FollowedChange
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import cast_to_float, count_groups, fetch_rows
from segmentation.preprocessing.spelling import normalise_text
from segmentation.schema import USER_ID

PSI_BINS = 10  # last month's deciles
MIN_USERS_PER_BIN = 10  # users a month for each bin of a number: with fewer users there are fewer bins
MIN_EXPECTED_USERS = 5.0  # expected users a month, below which a bin or category is merged with another
PSEUDOCOUNT = 0.5  # added to every count: an empty bin would divide by zero

MIN_FOLLOWED_USERS = 300  # users in both months, below which they are not compared: sizes would be too coarse
MIN_CHANGED_USERS = 10  # users who gained or lost a value, below which McNemar's test is no good approximation

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


def measure_followed_changes(
    last: Users,
    now: Users,
    numbers: Sequence[str],
    counts: Mapping[str, tuple[Mapping[str, int], Mapping[str, int]]],
    *,
    sizes: tuple[int, int],
    level: float,
    min_cell: int,
) -> dict[str, FollowedChange]:
    """Compare the users of both months with themselves.

    One scan of the joined months for all numbers, and one for each category.

    Parameters
    ----------
    last, now : Users
        Both with `user_id`, each once; of one backend, or one of them in memory.
    numbers : sequence of str
        Number columns.
    counts : mapping of str to two mappings of str to int
        By category: all users by value, last month and this month.
    sizes : (int, int)
        Users of the two months.
    level : float
        Probability of a false alarm, for each column.
    min_cell : int
        Users below which a count is not shown. Sizes are rounded to `min_cell` users.

    Returns
    -------
    dict
        Empty where fewer than `MIN_FOLLOWED_USERS` are in both months, or where those who came or left are so few that
        they could be worked out.
    """
    joined = _join_followed(last, now, [*numbers, *counts])
    aggregates = [nw.len().alias("_n")]
    for name in numbers:
        then, change = nw.col(f"_then_{name}"), nw.col(f"_now_{name}") - nw.col(f"_then_{name}")
        aggregates += [
            change.count().alias(f"_known_{name}"),
            change.mean().alias(f"_mean_{name}"),
            change.std(ddof=1).alias(f"_sd_{name}"),
            then.std(ddof=0).alias(f"_unit_{name}"),
        ]
    (row,) = fetch_rows(
        joined.with_columns(
            *(
                cast_to_float(f"_{month}_{name}").alias(f"_{month}_{name}")
                for name in numbers
                for month in ("then", "now")
            )
        ).select(*aggregates)
    )
    n = int(row["_n"])
    if n < MIN_FOLLOWED_USERS or any(0 < size - n < min_cell for size in sizes):
        return {}
    step = min_cell / n
    found = {
        name: assess_paired_means(
            int(row[f"_known_{name}"]),
            float(row[f"_mean_{name}"]),
            float(row[f"_sd_{name}"]),
            float(row[f"_unit_{name}"]),
            level=level,
            step=step,
        )
        for name in numbers
        if row[f"_known_{name}"] >= MIN_FOLLOWED_USERS
    }
    for name, (before, after) in counts.items():
        pairs: Counter[tuple[str, str]] = Counter()
        for then_value, now_value, users in count_groups(
            joined.select(f"_then_{name}", f"_now_{name}"), f"_then_{name}", f"_now_{name}"
        ):
            pairs[normalise_text(str(then_value)), normalise_text(str(now_value))] += users
        labels = merge_small_categories(after, min_cell=min_cell)
        values = [v for v in after if labels[v] == v and (before.get(v, 0) == 0 or before[v] >= min_cell)]
        found[name] = assess_paired_shares(pairs, values, level=level, step=step)
    return found


def assess_paired_means(n: int, mean: float, sd: float, unit: float, *, level: float, step: float) -> FollowedChange:
    """Test whether the mean of followed users moved.

    Student's paired test, of the mean and the SD of their differences.

    Parameters
    ----------
    n : int
        Users.
    mean, sd : float
        Of their differences.
    unit : float
        The column's SD last month.
    level : float
        Probability of a false alarm.
    step : float
        What the size is rounded to.
    """
    t = mean / (sd / np.sqrt(n)) if sd > 0 else np.inf * np.sign(mean) if mean else 0.0
    p_value = float(2 * stdtr(n - 1, -abs(t)))
    return FollowedChange(_round_to(mean / unit if unit > 0 else 0.0, step), None, beyond_chance=bool(p_value <= level))


def assess_paired_shares(
    pairs: Mapping[tuple[str, str], int], values: Sequence[str], *, level: float, step: float
) -> FollowedChange:
    """Test whether the share of a value changed.

    McNemar's test of the value whose share changed most, Bonferroni over all values.

    Parameters
    ----------
    pairs : mapping of (str, str) to int
        Followed users by value then and now.
    values : sequence of str
        Values that may be named.
    level, step : float
        As for `assess_paired_means`.

    References
    ----------
    .. [1] McNemar (1947), "Note on the sampling error of the difference between correlated proportions or percentages",
       Psychometrika 12(2).
    """
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for (then, now), users in pairs.items():
        if then != now:
            lost[then] += users
            gained[now] += users
    if not values:
        return FollowedChange(0.0, None, beyond_chance=False)
    value = max(values, key=lambda one: (abs(gained[one] - lost[one]), one))  # of two equal, the same in every engine
    net, changed = gained[value] - lost[value], gained[value] + lost[value]
    p_value = float(chdtrc(1, net**2 / changed)) * len(values) if changed >= MIN_CHANGED_USERS else 1.0
    return FollowedChange(_round_to(net / sum(pairs.values()), step), value, beyond_chance=bool(p_value <= level))


def _join_followed(last: Users, now: Users, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Join the users of both months, columns named by month."""
    before, after = (month.select(USER_ID, *names) for month in (last, now))
    if isinstance(now, nw.DataFrame):  # in memory the two months may be frames of different libraries
        before, after = (month.lazy().collect("pandas") for month in (before, after))
    before, after = before.lazy(), after.lazy()
    if before.collect_schema()[USER_ID] != after.collect_schema()[USER_ID]:
        before, after = (month.with_columns(nw.col(USER_ID).cast(nw.String)) for month in (before, after))
    before = before.select(USER_ID, *(nw.col(name).alias(f"_then_{name}") for name in names))
    after = after.select(USER_ID, *(nw.col(name).alias(f"_now_{name}") for name in names))
    return before.join(after, on=USER_ID, how="inner")


def _round_to(size: float, step: float) -> float:
    """Round to a multiple of a step."""
    return round(size / step) * step + 0.0

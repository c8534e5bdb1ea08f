import math

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from scipy.stats import binomtest, ttest_rel

from segmentation.facts import ColumnDrift, FollowedChange
from segmentation.tracking.compare import measure_number_drift as drift_by_counting
from segmentation.tracking.drift import (
    _merge_sparse_bins,
    add_heavy_value_edges,
    assess_paired_means,
    assess_paired_shares,
    choose_bin_count,
    compute_critical_psi,
    compute_psi,
    measure_binned_drift,
    measure_category_drift,
    measure_followed_changes,
)


def compute_quantile_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Give the inner borders of bins with about equally many of the values, by sorting them."""
    if not len(values):
        return np.empty(0)
    cuts = np.sort(values)[[len(values) * n // bins for n in range(1, bins)]]
    return add_heavy_value_edges(cuts, np.array([(values == cut).mean() for cut in cuts]), bins)


def measure_number_drift(last: ArrayLike, now: ArrayLike, *, level: float = 0.05) -> ColumnDrift:
    """Compare two months of a number, as the analysis does by counting alone."""
    a, b = np.asarray(last, dtype=float), np.asarray(now, dtype=float)
    edges = compute_quantile_edges(a, choose_bin_count(len(a), len(b)))
    counts = [np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1) for x in (a, b)]
    return measure_binned_drift(np.array(counts), level=level)


@pytest.mark.parametrize("n", [25, 160, 3_000])
def test_counting_finds_what_sorting_finds(n: int) -> None:
    """Whole numbers, decimals, mostly zeros and a constant: the analysis counts, and never sorts."""
    rng = np.random.default_rng(n)
    months = [
        {
            "age": rng.integers(16, 66, size),
            "annual_income": rng.lognormal(10, 1, size),
            "usage_per_month": np.where(rng.random(size) < 0.7, 0, rng.random(size)),
            "num_of_days_active": np.full(size, 7),
        }
        for size in (n, n + 40)
    ]
    frames = [nw.from_native(pd.DataFrame(month), eager_only=True) for month in months]
    counted = drift_by_counting(*frames, list(months[0]), choose_bin_count(n, n + 40), level=0.05)

    assert counted == {name: measure_number_drift(months[0][name], months[1][name]) for name in months[0]}


def test_the_index_of_two_rows_of_counts() -> None:
    """With half a user each: shares 10/40, 30/40 and 20/40, 20/40; -1/4 ln(1/2) + 1/4 ln(3/2) = ln(3)/4."""
    assert compute_psi([9.5, 29.5], [19.5, 19.5]) == pytest.approx(math.log(3) / 4)


def test_the_same_spread_has_no_drift() -> None:
    """Its reverse, half a user more in each bin, differs by 20 / 61.5 at either end."""
    assert compute_psi([30, 20, 10], [30, 20, 10]) == 0
    assert compute_psi([30, 20, 10], [10, 20, 30]) == pytest.approx(2 * 20 / 61.5 * np.log(30.5 / 10.5))


def test_an_empty_bin_is_no_division_by_zero() -> None:
    """Half a user of 11 against 10.5 of 11: 10/11 ln(21), twice."""
    assert compute_psi([0, 10], [10, 0]) == pytest.approx(2 * 10 / 11 * math.log(21))


def test_the_critical_value_falls_with_users() -> None:
    """(1/300 + 1/300) x 16.919, the 95th percentile of chi-squared with 9 degrees of freedom."""
    assert compute_critical_psi(300, 300, 10) == pytest.approx(2 / 300 * 16.91898)
    assert compute_critical_psi(20_000, 20_000, 10) == pytest.approx(2 / 20_000 * 16.91898)
    assert compute_critical_psi(100, 100, 2) == pytest.approx(2 / 100 * 3.841459)
    assert compute_critical_psi(300, 300, 1) == 0


def test_deciles_are_the_borders() -> None:
    """100 different values: each tenth one begins a bin."""
    assert compute_quantile_edges(np.arange(100.0), 10).tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90]


def test_a_value_that_many_share_has_a_bin_of_its_own() -> None:
    """60 zeros of 100: a border at 0, below which nobody is, and one right above it."""
    edges = compute_quantile_edges(np.r_[np.zeros(60), np.arange(1.0, 41.0)], 10)

    assert edges.tolist() == [0, math.ulp(0), 1, 11, 21, 31]
    assert measure_number_drift(np.r_[np.zeros(60), np.arange(1.0, 41.0)], np.zeros(100)).has_drifted


def test_a_column_that_was_constant_can_drift() -> None:
    """Every user had 7; now half have 8: bins up to 7 and above it."""
    drift = measure_number_drift(np.full(100, 7), np.repeat([7, 8], 50))

    assert drift.critical == compute_critical_psi(100, 100, 2)
    assert drift.has_drifted
    assert not measure_number_drift(np.full(100, 7), np.full(100, 7)).has_drifted


def test_fewer_users_make_fewer_bins() -> None:
    rng = np.random.default_rng(1)

    many, few = (measure_number_drift(rng.random(n), rng.random(1000)) for n in (1000, 50))

    assert many.critical == compute_critical_psi(1000, 1000, 10)
    assert few.critical == compute_critical_psi(50, 1000, 5)


def test_rare_categories_are_compared_together() -> None:
    """3 and 4 users a month are fewer than 5 each; together 7 stand beside the 93."""
    drift = measure_category_drift({"a": 93, "b": 3, "c": 4}, {"a": 93, "b": 4, "c": 3})

    assert (drift.critical, drift.psi, drift.has_drifted) == (compute_critical_psi(100, 100, 2), 0, False)


def test_a_category_that_is_new_drifts() -> None:
    drift = measure_category_drift({"a": 500, "b": 500}, {"a": 450, "b": 450, "c": 100})

    assert drift.critical == compute_critical_psi(1000, 1000, 3)
    assert drift.has_drifted


@pytest.mark.parametrize(("last", "now"), [({}, {"a": 5}), ({"a": 5}, {}), ({}, {})])
def test_nothing_to_compare_is_no_drift(last: dict[str, int], now: dict[str, int]) -> None:
    drift = measure_category_drift(last, now)

    assert (drift.critical, drift.has_drifted) == (0, False)
    assert not measure_number_drift([1.0] * sum(last.values()), [1.0] * sum(now.values())).has_drifted


@pytest.mark.parametrize("n", [50, 300, 5_000])
def test_false_alarms_are_one_in_twenty(n: int) -> None:
    """1,500 pairs of samples without drift: 5 %, and the simulation's own error of 3 x 0.56 points."""
    rng = np.random.default_rng(n)
    whole = [measure_number_drift(rng.integers(16, 66, n), rng.integers(16, 66, n)).has_drifted for _ in range(1500)]
    shares = [0.62, 0.2, 0.105, 0.075]
    kinds = [
        measure_category_drift(*(dict(enumerate(map(int, rng.multinomial(n, shares)))) for _ in "ab")).has_drifted
        for _ in range(1500)
    ]

    assert np.mean(whole) == pytest.approx(0.05, abs=0.017)
    assert np.mean(kinds) == pytest.approx(0.05, abs=0.017)


def test_a_real_drift_is_seen() -> None:
    """A quarter of a standard deviation among 1,000 users is far above chance."""
    rng = np.random.default_rng(3)

    assert measure_number_drift(rng.normal(size=1000), rng.normal(0.25, 1, 1000)).has_drifted


def test_a_comparison_says_what_it_rests_on() -> None:
    """With half a user each 30.5 and 20.5 of 51; chi-squared with one degree exceeds 3.841 once in twenty, 0.455 once in two."""
    drift = measure_binned_drift(np.array([[30, 20], [20, 30]]))
    seldom = measure_binned_drift(np.array([[30, 20], [20, 30]]), level=0.5)

    assert drift.psi == pytest.approx(2 * 10 / 51 * math.log(30.5 / 20.5))
    assert drift.critical == pytest.approx(2 / 50 * 3.841459)
    assert seldom.critical == pytest.approx(2 / 50 * 0.4549364)
    assert measure_number_drift(np.arange(40), np.arange(40), level=0.5).critical == compute_critical_psi(
        40, 40, 4, level=0.5
    )


@pytest.mark.parametrize(
    ("counts", "bins"),
    [([5, 5], 2), ([4, 6], 1), ([6, 4], 1), ([6, 5], 2), ([5, 4, 6], 2), ([3], 1), ([6, 6, 3], 2), ([2, 2, 2], 1)],
)
def test_neighbours_are_joined_until_each_has_five(counts: list[int], bins: int) -> None:
    """The same in both months, so that so many are expected; what is left at the end goes to the one before."""
    assert _merge_sparse_bins(np.array([counts, counts])).shape == (2, bins)


def test_a_value_at_a_border_belongs_above_it() -> None:
    """100 users at 10, where the second of ten bins begins."""
    drift = measure_number_drift(np.arange(100.0), np.full(100, 10.0))

    assert drift.psi == measure_binned_drift(np.array([[10] * 10, [0, 100] + [0] * 8])).psi


def test_a_bins_part_is_not_more_than_a_bins_part() -> None:
    """Half the users at a value of two bins need no bin of their own; six of ten do. Nobody has no borders."""
    assert add_heavy_value_edges(np.array([1.0, 2.0]), np.array([0.5, 0.5]), 2).tolist() == [1, 2]
    assert add_heavy_value_edges(np.array([1.0]), np.array([0.6]), 2).tolist() == [1, np.nextafter(1, 2)]
    assert compute_quantile_edges(np.array([]), 10).tolist() == []


def test_a_month_has_two_bins_at_least_and_ten_at_most() -> None:
    assert [
        choose_bin_count(*users) for users in ((5, 900), (29, 30), (30, 30), (99, 900), (100, 100), (900, 900))
    ] == [2, 2, 3, 9, 10, 10]


def test_a_value_that_a_month_lacks_has_nobody_there() -> None:
    """A hundred of last month's, two hundred of this one's."""
    for last, now in (({"a": 100}, {"a": 100, "b": 100}), ({"a": 100, "b": 100}, {"a": 100})):
        drift = measure_category_drift(last, now)
        assert drift.critical == compute_critical_psi(sum(last.values()), sum(now.values()), 2)


# Users who are in both months


def months(
    n: int, seed: int, *, new: int = 50, usage: float = 0.0, rock: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw two months of n followed users; some leave, as many come. Usage grows, and users turn to rock."""
    rng = np.random.default_rng(seed)
    ids = np.arange(n + 2 * new)
    level = rng.exponential(500, len(ids))
    genre = rng.choice(["Pop", "Rock", "Jazz"], len(ids), p=[0.5, 0.3, 0.2])
    moves = rng.random(len(ids)) < 0.2
    turned = np.where(moves, rng.choice(["Pop", "Rock", "Jazz"], len(ids), p=[0.5, 0.3, 0.2]), genre)
    turned = np.where(rng.random(len(ids)) < rock, "Rock", turned)
    then = pd.DataFrame({"user_id": ids, "usage_per_month": level + rng.normal(0, 20, len(ids)), "top_genre": genre})
    now = pd.DataFrame(
        {"user_id": ids, "usage_per_month": level * (1 + usage) + rng.normal(0, 20, len(ids)), "top_genre": turned}
    )
    return then[: n + new], now[new:].sample(frac=1, random_state=seed)


def followed(then: pd.DataFrame, now: pd.DataFrame, *, level: float = 0.05) -> dict[str, FollowedChange]:
    """Compare the users of two months with themselves."""
    before, after = (nw.from_native(month, eager_only=True) for month in (then, now))
    counts = tuple({str(v): int(n) for v, n in month["top_genre"].value_counts().items()} for month in (then, now))
    return measure_followed_changes(
        before,
        after,
        ["usage_per_month"],
        {"top_genre": (counts[0], counts[1])},
        sizes=(len(then), len(now)),
        level=level,
        min_cell=10,
    )


def test_followed_users_show_what_two_distributions_hide() -> None:
    """Everybody listens 6 % more: no stability index sees it, and no user doubts it."""
    then, now = months(2_000, 1, usage=0.06)

    found = followed(then, now, level=1e-9)["usage_per_month"]

    assert not measure_number_drift(then["usage_per_month"], now["usage_per_month"]).has_drifted
    assert found.beyond_chance
    assert found.is_notable
    both = then.merge(now, on="user_id")
    change = both["usage_per_month_y"] - both["usage_per_month_x"]
    assert found.size == pytest.approx(change.mean() / both["usage_per_month_x"].std(ddof=0), abs=10 / 2_000 / 2)


def test_what_is_beyond_chance_may_be_a_trifle() -> None:
    """Half a per cent more of 20,000 users."""
    found = followed(*months(20_000, 2, usage=0.005), level=1e-6)["usage_per_month"]

    assert found.beyond_chance
    assert not found.is_notable


def test_a_value_that_users_turn_to_is_named() -> None:
    """One in twenty of those who liked something else: seven tenths of that in points."""
    found = followed(*months(5_000, 3, rock=0.05))["top_genre"]

    assert (found.value, found.beyond_chance, found.is_notable) == ("Rock", True, True)
    assert found.size == pytest.approx(0.7 * 0.05, abs=0.012)


def test_months_without_a_change_are_seldom_said_to_have_one() -> None:
    """At one in twenty for each column, of 300 pairs of months; Bonferroni over the values makes it rarer."""
    found = [followed(*months(400, 100 + seed)) for seed in range(300)]

    assert np.mean([one["usage_per_month"].beyond_chance for one in found]) == pytest.approx(0.05, abs=0.038)
    assert np.mean([one["top_genre"].beyond_chance for one in found]) <= 0.088


def test_few_users_are_not_compared_with_themselves() -> None:
    """Nor where those who came are so few that they could be worked out."""
    assert followed(*months(299, 4)) == {}
    assert followed(*months(300, 4)) != {}
    assert followed(*months(300, 4, new=9)) == {}
    assert followed(*months(300, 4, new=10)) != {}
    assert followed(*months(300, 4, new=0)) != {}


def test_paired_means_are_students() -> None:
    """As scipy computes it; all alike by the same step is no chance, and by none no change."""
    rng = np.random.default_rng(5)
    then = rng.normal(100, 15, 400)
    now = then + rng.normal(0.8, 6, 400)
    p_value = ttest_rel(now, then).pvalue
    change = now - then

    for level, found in ((1.001 * p_value, True), (0.999 * p_value, False)):
        one = assess_paired_means(400, change.mean(), change.std(ddof=1), then.std(), level=level, step=1e-9)
        assert one.beyond_chance is found
    assert one.size == pytest.approx(change.mean() / then.std())
    assert assess_paired_means(400, 1.0, 0.0, 2.0, level=0.01, step=0.1) == FollowedChange(
        0.5, None, beyond_chance=True
    )
    assert assess_paired_means(400, 0.0, 0.0, 0.0, level=0.01, step=0.1) == FollowedChange(
        0.0, None, beyond_chance=False
    )


def test_paired_shares_are_mcnemars() -> None:
    """60 turned to rock and 30 from it: 30 squared over 90 is 10, as often as 90 coins fall 60 to 30; times two values."""
    pairs = {("Pop", "Pop"): 400, ("Rock", "Rock"): 510, ("Pop", "Rock"): 60, ("Rock", "Pop"): 30}
    p_value = math.erfc(math.sqrt(10 / 2))

    assert p_value == pytest.approx(binomtest(60, 90).pvalue, rel=0.35)
    for level, found in ((2.01 * p_value, True), (1.99 * p_value, False)):
        one = assess_paired_shares(pairs, ["Rock", "Pop"], level=level, step=0.001)
        assert one == FollowedChange(pytest.approx(0.03), "Rock", beyond_chance=found)
    assert assess_paired_shares(pairs, [], level=0.05, step=0.01) == FollowedChange(0.0, None, beyond_chance=False)


def test_hardly_anybody_who_changed_is_chance() -> None:
    """Nine users turned to rock, nobody from it: no approximation is asked."""
    pairs = {("Pop", "Pop"): 991, ("Pop", "Rock"): 9}

    assert not assess_paired_shares(pairs, ["Rock"], level=0.05, step=0.001).beyond_chance
    assert assess_paired_shares(pairs | {("Pop", "Rock"): 10}, ["Rock"], level=0.05, step=0.001).beyond_chance


def test_a_change_is_told_from_a_twentieth_of_an_sd_or_a_point() -> None:
    assert FollowedChange(-0.05, None, beyond_chance=True).is_notable
    assert not FollowedChange(0.049, None, beyond_chance=True).is_notable
    assert FollowedChange(-0.01, "Rock", beyond_chance=True).is_notable
    assert not FollowedChange(0.009, "Rock", beyond_chance=True).is_notable
    assert not FollowedChange(0.5, None, beyond_chance=False).is_notable
    assert not ColumnDrift(0.0024, 0.001).has_drifted
    assert ColumnDrift(0.0026, 0.001).has_drifted


def test_an_engine_compares_followed_users_alike() -> None:
    """DuckDB joins and sums; ids of another type are read as text."""
    then, now = months(600, 6, usage=0.05, rock=0.05)
    here = followed(then, now)
    counts = tuple({str(v): int(n) for v, n in month["top_genre"].value_counts().items()} for month in (then, now))
    with duckdb.connect() as connection:
        connection.register("last_month", then.astype({"user_id": str}))
        connection.register("this_month", now)
        last, this = (nw.from_native(connection.table(name)) for name in ("last_month", "this_month"))
        there = measure_followed_changes(
            last,
            this,
            ["usage_per_month"],
            {"top_genre": (counts[0], counts[1])},
            sizes=(len(then), len(now)),
            level=0.05,
            min_cell=10,
        )

    assert there == {
        name: FollowedChange(pytest.approx(one.size), one.value, one.beyond_chance) for name, one in here.items()
    }

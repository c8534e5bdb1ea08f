import math

import numpy as np
import pytest

from segmentation.drift import critical_psi, drift_of_category, drift_of_number, edges_of, psi


def test_the_index_of_two_rows_of_counts() -> None:
    """With half a user each: shares 10/40, 30/40 and 20/40, 20/40; -1/4 ln(1/2) + 1/4 ln(3/2) = ln(3)/4."""
    assert psi([9.5, 29.5], [19.5, 19.5]) == pytest.approx(math.log(3) / 4)


def test_the_same_spread_has_no_drift() -> None:
    assert psi([30, 20, 10], [30, 20, 10]) == 0


def test_an_empty_bin_is_no_division_by_zero() -> None:
    """Half a user of 11 against 10.5 of 11: 10/11 ln(21), twice."""
    assert psi([0, 10], [10, 0]) == pytest.approx(2 * 10 / 11 * math.log(21))


def test_the_critical_value_falls_with_users() -> None:
    """(1/300 + 1/300) x 16.919, the 95th percentile of chi-squared with 9 degrees of freedom."""
    assert critical_psi(300, 300, 10) == pytest.approx(2 / 300 * 16.91898)
    assert critical_psi(20_000, 20_000, 10) == pytest.approx(2 / 20_000 * 16.91898)
    assert critical_psi(300, 300, 1) == 0


def test_deciles_are_the_borders() -> None:
    """100 different values: each tenth one begins a bin."""
    assert edges_of(np.arange(100.0), 10).tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90]


def test_a_value_that_many_share_has_a_bin_of_its_own() -> None:
    """60 zeros of 100: a border at 0, below which nobody is, and one right above it."""
    edges = edges_of(np.r_[np.zeros(60), np.arange(1.0, 41.0)], 10)

    assert edges.tolist() == [0, math.ulp(0), 1, 11, 21, 31]
    assert drift_of_number(np.r_[np.zeros(60), np.arange(1.0, 41.0)], np.zeros(100)).has_drifted


def test_a_column_that_was_constant_can_drift() -> None:
    """Every user had 7; now half have 8: bins up to 7 and above it."""
    drift = drift_of_number(np.full(100, 7), np.repeat([7, 8], 50))

    assert drift.bins == 2
    assert drift.has_drifted
    assert not drift_of_number(np.full(100, 7), np.full(100, 7)).has_drifted


def test_fewer_users_make_fewer_bins() -> None:
    rng = np.random.default_rng(1)

    assert drift_of_number(rng.random(1000), rng.random(1000)).bins == 10
    assert drift_of_number(rng.random(50), rng.random(1000)).bins == 5


def test_rare_categories_are_compared_together() -> None:
    """3 and 4 users a month are fewer than 5 each; together 7 stand beside the 93."""
    drift = drift_of_category({"a": 93, "b": 3, "c": 4}, {"a": 93, "b": 4, "c": 3})

    assert (drift.bins, drift.psi, drift.has_drifted) == (2, 0, False)


def test_a_category_that_is_new_drifts() -> None:
    drift = drift_of_category({"a": 500, "b": 500}, {"a": 450, "b": 450, "c": 100})

    assert drift.bins == 3
    assert drift.has_drifted


@pytest.mark.parametrize(("last", "now"), [({}, {"a": 5}), ({"a": 5}, {}), ({}, {})])
def test_nothing_to_compare_is_no_drift(last: dict[str, int], now: dict[str, int]) -> None:
    drift = drift_of_category(last, now)

    assert (drift.bins, drift.has_drifted) == (1, False)
    assert not drift_of_number([1.0] * sum(last.values()), [1.0] * sum(now.values())).has_drifted


@pytest.mark.parametrize("n", [50, 300, 5_000])
def test_false_alarms_are_one_in_twenty(n: int) -> None:
    """1,500 pairs of samples without drift: 5 %, and the simulation's own error of 3 x 0.56 points."""
    rng = np.random.default_rng(n)
    whole = [
        drift_of_number(rng.integers(16, 66, n), rng.integers(16, 66, n)).has_drifted for _ in range(1500)
    ]
    shares = [0.62, 0.2, 0.105, 0.075]
    kinds = [
        drift_of_category(*(dict(enumerate(map(int, rng.multinomial(n, shares)))) for _ in "ab")).has_drifted
        for _ in range(1500)
    ]

    assert np.mean(whole) == pytest.approx(0.05, abs=0.017)
    assert np.mean(kinds) == pytest.approx(0.05, abs=0.017)


def test_a_real_drift_is_seen() -> None:
    """A quarter of a standard deviation among 1,000 users is far above chance."""
    rng = np.random.default_rng(3)

    assert drift_of_number(rng.normal(size=1000), rng.normal(0.25, 1, 1000)).has_drifted

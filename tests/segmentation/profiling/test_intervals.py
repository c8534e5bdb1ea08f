import math

import numpy as np
import pytest

from segmentation.facts import ConfidenceInterval
from segmentation.profiling.intervals import (
    bootstrap_t_intervals,
    katz_index_interval,
    normal_intervals,
    wilson_interval,
)
from tests.support.music import make_moments


def test_wilsons_interval_is_the_published_one() -> None:
    """81 of 263: 0.2553 to 0.3662 (Newcombe 1998, Stat. Med. 17, table I, method 3)."""
    found = wilson_interval(81, 263)

    assert (found.low, found.high) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


def test_a_share_of_none_begins_at_none() -> None:
    """0 of 20: 0 to 0.1611; 20 of 20 is its mirror (Newcombe 1998)."""
    none, all_ = wilson_interval(0, 20), wilson_interval(20, 20)

    assert (none.low, none.high) == (0, pytest.approx(0.1611, abs=5e-5))
    assert (all_.low, all_.high) == (pytest.approx(1 - 0.1611, abs=5e-5), 1)


def test_the_index_of_all_users_is_certain() -> None:
    """A segment that is everybody has index 100, whoever is drawn."""
    found = katz_index_interval(40, 100, 40, 100)

    assert found is not None
    assert (found.low, found.high) == (pytest.approx(100), pytest.approx(100))


def test_the_index_of_a_category_is_worked_out_by_hand() -> None:
    """50 of 100 against 100 of 400: 200. Variance of the log: .5/50 + .75/100 - 2 x .5/100 = .0075."""
    found = katz_index_interval(50, 100, 100, 400)

    assert found is not None
    half = 1.959964 * math.sqrt(0.0075)
    assert (found.low, found.high) == (pytest.approx(200 * math.exp(-half)), pytest.approx(200 * math.exp(half)))


def test_a_category_that_nobody_has_gets_no_interval() -> None:
    """A ratio of 0 has no log."""
    assert katz_index_interval(0, 100, 10, 400) is None


@pytest.mark.parametrize(("users", "some"), [(40, 4), (60, 5)])
def test_a_column_that_few_have_is_covered_as_promised(users: int, some: int) -> None:
    """Of 150 samples from a crowd of which a tenth has anything, those that say an interval hold the truth 19 times in 20."""
    rng = np.random.default_rng(9)
    held = known = 0
    for seed in range(150):
        values = (rng.random((users, 1)) < some / users).astype(float)
        (row,) = bootstrap_t_intervals(values, np.zeros(users, dtype=np.intp), 1, draws=400, seed=seed)
        if row[0].mean is not None and row[0].mean.low < row[0].mean.high:
            known += 1
            held += row[0].mean.low <= some / users <= row[0].mean.high
    assert known > 70
    assert held / known > 0.95


def test_where_a_tail_is_of_draws_without_anybody_nothing_is_said() -> None:
    """One user of 30 has anything: of the bootstraps (29/30)^30, 36 %, are without, and how far down it goes is unknown."""
    values = np.zeros((30, 1))
    values[7] = 5.0

    (row,) = bootstrap_t_intervals(values, np.zeros(30, dtype=np.intp), 1, draws=400, seed=1)

    assert row[0].mean is None


@pytest.mark.parametrize(("users", "some"), [(300, 3), (12, 3), (60, 2)])
def test_draws_of_whom_nobody_differs_stretch_no_interval(users: int, some: int) -> None:
    """Rounding leaves them a spread of nearly nothing, by which a mean of a minute would lie anywhere up to weeks."""
    means = []
    for seed in range(20):
        values = np.concatenate([np.random.default_rng(seed).uniform(1, 100, some), np.zeros(users - some)])

        (row,) = bootstrap_t_intervals(values[:, None], np.zeros(users, dtype=np.intp), 1, draws=400, seed=seed)

        means.append(row[0].mean)
    assert max((mean.high for mean in means if mean), default=0) < 100


def test_a_mean_of_many_has_the_interval_of_the_books() -> None:
    """Of 2,000 Gaussian users, the mean give or take 1.96 standard errors, within a twentieth of it."""
    values = np.random.default_rng(1).normal(50, 10, (2000, 1))

    (row,) = bootstrap_t_intervals(values, np.zeros(2000, dtype=np.intp), 1, draws=4000, seed=1)

    assert row[0].mean is not None
    half = 1.96 * values.std(ddof=1) / 2000**0.5
    assert row[0].mean.low == pytest.approx(values.mean() - half, abs=0.06 * half)
    assert row[0].mean.high == pytest.approx(values.mean() + half, abs=0.06 * half)


def test_a_leaning_mean_has_a_longer_way_up() -> None:
    """40 incomes, few of them high: who draws 40 others may draw one that is higher still."""
    values = np.random.default_rng(2).lognormal(0, 1, (40, 1))

    (row,) = bootstrap_t_intervals(values, np.zeros(40, dtype=np.intp), 1, seed=1)

    assert row[0].mean is not None
    assert row[0].mean.high - values.mean() > 1.3 * (values.mean() - row[0].mean.low)


def test_the_index_of_everybody_is_100_for_certain() -> None:
    """The mean over itself, in every bootstrap."""
    values = np.random.default_rng(3).lognormal(0, 1, (100, 1))

    (row,) = bootstrap_t_intervals(values, np.zeros(100, dtype=np.intp), 1, seed=1)

    assert row[0].index is not None
    assert (row[0].index.low, row[0].index.high) == (pytest.approx(100), pytest.approx(100))


def test_an_index_knows_that_the_segment_is_among_all() -> None:
    """Half of the users, at 3 give or take 1, the others at 1: the spread of the index by the delta method.

    With part = 1/2, m_s = 3, m = 2, v_s = 1 and v = 1 + 1: 1 / (9 / 2) + 2 / 4 - 2 / 6 = 7 / 18 over n = 800.
    The others have a spread of 1 too.
    """
    rng = np.random.default_rng(4)
    noise = rng.normal(size=400)
    noise = (noise - noise.mean()) / noise.std()
    values = np.concatenate([3 + noise, 1 + noise])[:, None]

    first, _ = bootstrap_t_intervals(values, np.repeat([0, 1], 400), 2, draws=4000, seed=1)

    assert first[0].index is not None
    half = 1.96 * math.sqrt(7 / 18 / 800)
    assert math.log(first[0].index.high / 150) == pytest.approx(half, rel=0.08)
    assert math.log(150 / first[0].index.low) == pytest.approx(half, rel=0.08)


def test_users_who_are_all_alike_leave_no_doubt() -> None:
    """An interval of no width, and no warning about it."""
    (row,) = bootstrap_t_intervals(np.full((50, 1), 7.0), np.zeros(50, dtype=np.intp), 1, draws=50, seed=1)

    assert row[0].mean == ConfidenceInterval(7, 7)


def test_a_segment_of_one_has_no_interval() -> None:
    """Nobody knows how others like it would be."""
    values = np.append(np.random.default_rng(5).normal(10, 1, 50), 99.0)[:, None]

    _, alone = bootstrap_t_intervals(values, np.append(np.zeros(50, dtype=np.intp), 1), 2, draws=50, seed=1)

    assert (alone[0].mean, alone[0].index) == (None, None)


def test_an_average_of_nothing_has_no_index() -> None:
    """A ratio to 0 or less says nothing."""
    values = np.repeat([[-1.0], [1]], 20, axis=0)

    first, _ = bootstrap_t_intervals(values, np.repeat([0, 1], 20), 2, draws=50, seed=1)

    assert first[0].index is None


def test_of_users_who_have_nothing_the_index_is_0_for_certain() -> None:
    """A log knows no 0; but 40 who never listen are no average listeners, whether they are drawn again or counted."""
    values = np.concatenate([np.zeros(40), np.arange(1.0, 41)])[:, None]
    moments = make_moments("ab", np.array([40.0, 40]), np.array([[0.0], [20.5]]), np.array([[0.0], [133.25]]))

    for first, second in (
        bootstrap_t_intervals(values, np.repeat([0, 1], 40), 2, draws=50, seed=1),
        normal_intervals(moments),
    ):
        assert first[0].index == ConfidenceInterval(0, 0)
        assert first[0].mean == ConfidenceInterval(pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))
        assert second[0].index is not None
        assert second[0].index.low > 100


def test_one_user_or_a_column_of_nothing_has_no_index_of_0() -> None:
    """Who is alone may have nothing by chance; and where nobody has anything there is no average to be a part of."""
    alone, _ = bootstrap_t_intervals(np.array([[0.0, 0], [3, 0], [4, 0]]), np.array([0, 1, 1]), 2, draws=50, seed=1)
    both = make_moments("ab", np.array([1.0, 2]), np.array([[0.0, 0], [3.5, 0]]), np.array([[0.0, 0], [0.25, 0]]))

    assert [one.index for one in alone] == [None, None]
    assert [one.index for one in normal_intervals(both)[0]] == [None, None]
    some, nothing = (one.index for one in normal_intervals(both)[1])
    assert some.low <= 150 <= some.high  # 3.5 of 7 / 3
    assert nothing is None


def test_one_seed_gives_one_answer() -> None:
    """Digit for digit; another seed gives another."""
    values = np.random.default_rng(6).random((120, 2))
    labels = np.arange(120) % 3
    known = bootstrap_t_intervals(values, labels, 3, draws=60, seed=3)

    assert bootstrap_t_intervals(values, labels, 3, draws=60, seed=3) == known
    assert bootstrap_t_intervals(values, labels, 3, draws=60, seed=4) != known


def test_many_users_have_the_intervals_that_bootstraps_come_to() -> None:
    """Of 20,000 users in segments of thousands, both agree to a tenth of their width, for means and indices."""
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 3, 20_000)
    values = np.column_stack([rng.gamma(2, 10, 20_000) + 5 * labels, rng.normal(50, 9, 20_000)])
    own = [values[labels == n] for n in range(3)]
    moments = make_moments(
        "ab",
        np.array([float(len(part)) for part in own]),
        np.array([part.mean(axis=0) for part in own]),
        np.array([part.var(axis=0) for part in own]),
    )

    for drawn, known in zip(bootstrap_t_intervals(values, labels, 3, seed=1), normal_intervals(moments), strict=True):
        for one, other in zip(drawn, known, strict=True):
            for a, b in ((one.mean, other.mean), (one.index, other.index)):
                assert a is not None
                assert b is not None
                tenth = (a.high - a.low) / 10
                assert b.low == pytest.approx(a.low, abs=tenth)
                assert b.high == pytest.approx(a.high, abs=tenth)


def test_an_interval_of_many_users_by_hand() -> None:
    """400 users of mean 10 and variance 4: 1.96 · 2 / √399 to each side; the only segment is all users, index 100."""
    (known,) = normal_intervals(make_moments("ab", np.array([400.0]), np.array([[10.0]]), np.array([[4.0]])))

    assert known[0].mean is not None
    assert known[0].mean.high - 10 == pytest.approx(1.959964 * 2 / 399**0.5)
    assert known[0].index == ConfidenceInterval(pytest.approx(100), pytest.approx(100))


def test_an_index_of_many_users_by_hand() -> None:
    """30,000 users of mean 10 and variance 4 beside 10,000 of 50 and 100: all have mean 20 and variance 328, the first index 50.

    Variance of its log: 4/(30,000 · 10²) + 328/(40,000 · 20²) - 2 · 4/(40,000 · 10 · 20) = 2.0833e-5.
    """
    sizes, means, variances = (np.array([30_000.0, 10_000]), np.array([[10.0], [50]]), np.array([[4.0], [100]]))

    found = normal_intervals(make_moments("ab", sizes, means, variances))[0][0].index

    half = 1.959964 * math.sqrt(2.0833333e-5)
    assert found is not None
    assert (math.log(found.low / 50), math.log(found.high / 50)) == (
        pytest.approx(-half, rel=1e-3),
        pytest.approx(half, rel=1e-3),
    )

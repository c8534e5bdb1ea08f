from collections.abc import Callable

import numpy as np
import pytest

from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.preprocessing.scaling import Points
from segmentation.validation.separation import (
    DensityGap,
    Separation,
    _bin_along_axis,
    find_density_gap,
    iterate_gabriel_pairs,
    jitter_ties,
    measure_separation,
)

Make = Callable[..., Points]


def border(one: int, other: int, ratio: float, z: float) -> DensityGap:
    return DensityGap(first=one, second=other, users=100, ratio=ratio, z=z)


def test_a_square_valley_is_measured_by_hand() -> None:
    """Five bins of 2 between bins of 10: 10 against 50, so z = 40 / sqrt(60), and the ratio 10.5 / 50.5."""
    counts = np.full(30, 10.0)
    counts[13:18] = 2

    ratio, z = find_density_gap(counts)

    assert (ratio, z) == (pytest.approx(10.5 / 50.5), pytest.approx(40 / 60**0.5))


def test_a_level_way_has_no_valley() -> None:
    """Everywhere 50 of 50."""
    assert find_density_gap(np.full(30, 10.0)) == (1.0, 0.0)


def test_a_slope_has_no_valley() -> None:
    """Its emptier side is emptier than the stretch itself."""
    ratio, z = find_density_gap(np.arange(30.0))

    assert ratio > 1
    assert z < 0


def test_centres_with_one_between_them_are_no_neighbours() -> None:
    """Of three in a row the outer two aren't; of an even triangle all are."""
    assert list(iterate_gabriel_pairs(np.array([[0.0, 0], [1, 0], [2, 0]]))) == [(0, 1), (1, 2)]
    assert list(iterate_gabriel_pairs(np.array([[0.0, 0], [1, 0], [0.5, 0.9]]))) == [(0, 1), (0, 2), (1, 2)]


def test_whole_years_are_spread_over_their_year() -> None:
    """Each value fills half the way to its neighbours: 2 from 1.5 to 2.5, and 3 from 2.5 to 5, so thinly that a gap stays."""
    ages = np.repeat([1.0, 2, 3, 7, 8, 9], 200)[:, None]

    values = jitter_ties(ages, np.random.default_rng(0))[:, 0]

    assert np.abs(values - ages[:, 0])[ages[:, 0] == 2].max() <= 0.5
    assert np.ptp(values[ages[:, 0] == 2]) > 0.95
    assert (values[ages[:, 0] == 3].min(), values[ages[:, 0] == 3].max()) == (
        pytest.approx(2.5, abs=0.05),
        pytest.approx(5, abs=0.05),
    )
    assert 40 < ((values > 4) & (values < 5)).sum() < 120  # 80, where a year has 200


def test_classes_are_spread_over_their_own_width() -> None:
    """Incomes of 5, 12.5 and 30 stand for classes of different width: no empty space is left between them."""
    incomes = np.repeat([5.0, 12.5, 30.0], 1000)[:, None]

    values = np.sort(jitter_ties(incomes, np.random.default_rng(0))[:, 0])

    assert np.diff(values).max() < 0.2
    assert (values[0], values[-1]) == (pytest.approx(1.25, abs=0.1), pytest.approx(38.75, abs=0.1))


def test_values_that_one_user_has_are_not_spread_over_a_gap() -> None:
    """Two groups of measured values, 100 apart: the nearest of each stay where they are, but for half a usual step."""
    values = np.concatenate([np.arange(50.0), 150 + np.arange(50.0)])[:, None]

    assert np.abs(jitter_ties(values, np.random.default_rng(0)) - values).max() <= 0.5


def test_a_yes_or_no_column_is_no_valley(points: Make) -> None:
    """Between 0 and 1 lives nobody, and that says nothing."""
    rng = np.random.default_rng(0)
    some = points(np.column_stack([rng.integers(0, 2, 2000) * 2 - 1, rng.normal(size=2000)]))

    found = measure_separation(some, np.array([[-1.0, 0], [1, 0]]), seed=1)

    assert [(one.first, one.second) for one in found.gaps] == [(0, 1)]
    assert not found.is_separated


def test_a_hexagon_of_even_users_has_no_valley(points: Make) -> None:
    """Two cells of a honeycomb are half as wide at their border as in the middle: all their users would show a valley."""
    rng = np.random.default_rng(1)
    values = rng.uniform(-2, 2, (60_000, 2))
    angles = np.arange(6) * np.pi / 3
    centres = np.concatenate([[[0.0, 0.0]], np.column_stack([np.cos(angles), np.sin(angles)])])

    found = measure_separation(points(values), centres, seed=1)

    middle = [one.ratio for one in found.gaps if one.first == 0]
    assert len(middle) == 6
    assert min(middle) > 0.8


def test_two_groups_apart_have_a_valley_and_their_halves_have_none(points: Make) -> None:
    """Six SDs apart; cut once more, K-means splits one of the two."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(800, 2)) + np.repeat([[0.0, 0], [6, 0]], [500, 300], axis=0)
    some = points(values)
    fits = fit_k_range_quickly(values, some.weights, [2, 3], n_init=10, rng=rng)

    assert measure_separation(some, fits[2].best_centres, seed=1).is_separated
    assert not measure_separation(some, fits[3].best_centres, seed=1).is_separated


def test_segments_that_flow_into_one_another_are_not_apart() -> None:
    """0 is apart from both; 1 and 2 have no valley between them."""
    found = Separation(3, (border(0, 1, 0.2, 6), border(0, 2, 0.3, 5), border(1, 2, 0.9, 1)))

    assert found.separated_segments == (True, False, False)
    assert not found.is_separated


@pytest.mark.parametrize(("ratio", "z", "valley"), [(0.6, 4, True), (0.7, 40, False), (0.3, 1.9, False)])
def test_a_valley_is_deep_and_sure(ratio: float, z: float, valley: bool) -> None:  # noqa: FBT001
    """At most two thirds, however many users there are; and two standard deviations, however deep."""
    assert border(0, 1, ratio, z).is_separating is valley


@pytest.mark.parametrize(("first", "there"), [(7, True), (6, False), (18, True), (19, False)])
def test_a_valley_lies_near_the_middle(first: int, there: bool) -> None:  # noqa: FBT001
    """Of 30 bins a stretch of five begins at 12 or 13 in the middle, and at most 5 and a half bins off it: at 8 to 17.

    A square valley of five bins that begins one bin beyond is still half seen, of which the surest stretch holds a bin
    that is full: 4 bins of 2 and one of 10 are 18, and not 10.
    """
    counts = np.full(30, 10.0)
    counts[first : first + 5] = 2

    ratio, _ = find_density_gap(counts)

    assert ratio == pytest.approx((18.5 if there else 26.5) / 50.5)


def test_sides_reach_to_the_stretch_and_no_further() -> None:
    """Full bins right beside the stretch count as its side, those in it don't: 50 on the left, 25 on the right."""
    counts = np.zeros(30)
    counts[8:13] = 10
    counts[18:23] = 5

    ratio, z = find_density_gap(counts)

    assert (ratio, z) == (pytest.approx(0.5 / 25.5), pytest.approx(25 / 25**0.5))


def test_nobody_on_the_way_is_no_division_by_nothing() -> None:
    assert find_density_gap(np.zeros(30)) == (1.0, 0.0)


def test_users_opposite_a_border_are_counted_by_their_place() -> None:
    """Centres at -1 and 1: the way is one from border to centre, 1.5 each side in 30 bins of 0.1.

    At 0.05, -0.95 and 1.45 lie 1, 2 and 4 users, in bins 15, 5 and 29; at 1.55 are 8, out of reach. The third centre, at (0, 3), takes
    the 16 at (0.05, 1.6), who are nearer to it than the border's two, moved onto the border at height 1.6.
    """
    values = np.array([[0.05, 0], [-0.95, 0], [1.45, 0], [1.55, 0], [0.05, 1.6]])
    centres = np.array([[-1.0, 0], [1, 0], [0, 3]])
    near = (centres**2).sum(axis=1) - 2 * values @ centres.T

    counts = _bin_along_axis(near, np.array([1.0, 2, 4, 8, 16]), centres, 0, 1)

    assert counts.shape == (30,)
    assert {n: users for n, users in enumerate(counts) if users} == {5: 2, 15: 1, 29: 4}
    assert counts.dtype == float
    two = _bin_along_axis(near[:, :2], np.array([1.0, 2, 4, 8, 16]), centres[:2], 0, 1)
    assert {n: users for n, users in enumerate(two) if users} == {5: 2, 15: 17, 29: 4}


def test_a_border_says_whose_it_is(points: Make) -> None:
    """Twenty users at either centre, and nobody between: of segments 0 and 1, 40 users."""
    rng = np.random.default_rng(3)
    some = points(np.repeat([-1.0, 1], 20)[:, None] + rng.uniform(-0.1, 0.1, (40, 1)))

    found = measure_separation(some, np.array([[-1.0], [1.0]]), seed=1)

    (one,) = found.gaps
    assert found.k == 2
    assert (one.first, one.second, one.users) == (0, 1, 40)
    assert found == measure_separation(some, np.array([[-1.0], [1.0]]), seed=1)

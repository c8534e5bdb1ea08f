from collections.abc import Callable

import numpy as np
import pytest

from segmentation.features import Points
from segmentation.lloyd import curve
from segmentation.valleys import Border, Borders, borders, deepest, neighbours, spread

Make = Callable[..., Points]


def border(one: int, other: int, ratio: float, z: float) -> Border:
    return Border(one=one, other=other, users=100, ratio=ratio, z=z)


def test_a_square_valley_is_measured_by_hand() -> None:
    """Five bins of 2 between bins of 10: 10 against 50, so z = 40 / sqrt(60), and the ratio 10.5 / 50.5."""
    counts = np.full(30, 10.0)
    counts[13:18] = 2

    ratio, z = deepest(counts)

    assert (ratio, z) == (pytest.approx(10.5 / 50.5), pytest.approx(40 / 60**0.5))


def test_a_level_way_has_no_valley() -> None:
    """Everywhere 50 of 50."""
    assert deepest(np.full(30, 10.0)) == (1.0, 0.0)


def test_a_slope_has_no_valley() -> None:
    """Its emptier side is emptier than the stretch itself."""
    ratio, z = deepest(np.arange(30.0))

    assert ratio > 1
    assert z < 0


def test_centres_with_one_between_them_are_no_neighbours() -> None:
    """Of three in a row the outer two aren't; of an even triangle all are."""
    assert list(neighbours(np.array([[0.0, 0], [1, 0], [2, 0]]))) == [(0, 1), (1, 2)]
    assert list(neighbours(np.array([[0.0, 0], [1, 0], [0.5, 0.9]]))) == [(0, 1), (0, 2), (1, 2)]


def test_whole_years_are_spread_over_their_year() -> None:
    """The usual step is 1, so each value fills half of it to either side; the way from 3 to 7 stays empty."""
    ages = np.repeat([1.0, 2, 3, 7, 8, 9], 200)[:, None]

    values = spread(ages, np.random.default_rng(0))[:, 0]

    assert np.abs(values - ages[:, 0]).max() <= 0.5
    assert np.ptp(values[ages[:, 0] == 2]) > 0.95
    assert not ((values > 3.5) & (values < 6.5)).any()


def test_a_yes_or_no_column_is_no_valley(points: Make) -> None:
    """Between 0 and 1 lives nobody, and that says nothing."""
    rng = np.random.default_rng(0)
    some = points(np.column_stack([rng.integers(0, 2, 2000) * 2 - 1, rng.normal(size=2000)]))

    found = borders(some, np.array([[-1.0, 0], [1, 0]]), seed=1)

    assert not found.are_valleys


def test_a_hexagon_of_even_users_has_no_valley(points: Make) -> None:
    """Two cells of a honeycomb are half as wide at their border as in the middle: all their users would show a valley."""
    rng = np.random.default_rng(1)
    values = rng.uniform(-2, 2, (60_000, 2))
    angles = np.arange(6) * np.pi / 3
    centres = np.concatenate([[[0.0, 0.0]], np.column_stack([np.cos(angles), np.sin(angles)])])

    found = borders(points(values), centres, seed=1)

    middle = [one.ratio for one in found.borders if one.one == 0]
    assert len(middle) == 6
    assert min(middle) > 0.8


def test_two_groups_apart_have_a_valley_and_their_halves_have_none(points: Make) -> None:
    """Six SDs apart; cut once more, K-means splits one of the two."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(800, 2)) + np.repeat([[0.0, 0], [6, 0]], [500, 300], axis=0)
    some = points(values)
    fits = curve(values, some.weights, [2, 3], starts=10, rng=rng)

    assert borders(some, fits[2].best, seed=1).are_valleys
    assert not borders(some, fits[3].best, seed=1).are_valleys


def test_segments_that_flow_into_one_another_are_one_group() -> None:
    """0 is apart from both; 1 and 2 have no valley between them."""
    found = Borders(3, (border(0, 1, 0.2, 6), border(0, 2, 0.3, 5), border(1, 2, 0.9, 1)))

    assert found.groups == ((0,), (1, 2))
    assert found.apart == (True, False, False)
    assert not found.are_valleys


def test_a_chain_of_open_borders_is_one_group() -> None:
    """0 flows into 2, 2 into 1: all three are one, though 0 and 1 have a valley between them."""
    found = Borders(3, (border(0, 1, 0.2, 6), border(0, 2, 0.9, 1), border(1, 2, 0.9, 1)))

    assert found.groups == ((0, 1, 2),)


@pytest.mark.parametrize(("ratio", "z", "valley"), [(0.6, 4, True), (0.7, 40, False), (0.3, 1.9, False)])
def test_a_valley_is_deep_and_sure(ratio: float, z: float, valley: bool) -> None:  # noqa: FBT001
    """At most two thirds, however many users there are; and two standard deviations, however deep."""
    assert border(0, 1, ratio, z).is_valley is valley

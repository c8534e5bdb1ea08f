from collections.abc import Callable

import numpy as np
import pytest
from sklearn.cluster import KMeans

from segmentation.clustering.assign import fit_kmeans
from segmentation.clustering.kmeans import (
    _add_drawn_centre,
    _merge_near_segments,
    draw_kmeans_plus_plus,
    fit_k_range_quickly,
    run_lloyd,
)
from segmentation.preprocessing.scaling import Points

Make = Callable[..., Points]
LINE = np.array([[0.0], [2], [10], [12]])
ONES = np.ones(4)


def test_centres_settle_on_the_means_of_their_points() -> None:
    """0 and 2 about 1, 10 and 12 about 11: four times 1 squared."""
    fits = run_lloyd(LINE, ONES, np.array([[[0.0], [12]]]))

    assert fits.centres.tolist() == [[[1], [11]]]
    assert fits.inertia.tolist() == pytest.approx([4])


def test_a_weight_is_so_many_users() -> None:
    """Three users at 0 and one at 2: mean 1/2, 3 x 1/4 + 9/4 = 3; with 10 and 12, 5."""
    fits = run_lloyd(LINE, np.array([3.0, 1, 1, 1]), np.array([[[0.0], [12]]]))

    assert fits.centres.tolist() == [[[0.5], [11]]]
    assert fits.inertia.tolist() == pytest.approx([5])


def test_every_start_has_its_own_weights() -> None:
    """A point of weight 0 is not there: without 12, the second centre is 10."""
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 1, 0]])

    fits = run_lloyd(LINE, weights, np.array([[[0.0], [12]], [[0.0], [12]]]))

    assert fits.centres[:, 1, 0].tolist() == [11, 10]


def test_a_point_between_two_centres_belongs_to_the_first() -> None:
    """1 is as near to 0 as to 2: the first has 0 and 1, the second 2."""
    fits = run_lloyd(np.array([[0.0], [1], [2]]), np.ones(3), np.array([[[0.0], [2]]]), max_steps=1)

    assert fits.centres.tolist() == [[[0.5], [2]]]


def test_a_centre_without_points_goes_to_the_farthest() -> None:
    """Nobody is nearest to 100; of 0, 2, 10 and 12, 12 is the farthest from their mean's side."""
    fits = run_lloyd(LINE, ONES, np.array([[[0.0], [100]]]))

    assert sorted(fits.centres[0, :, 0]) == [1, 11]


@pytest.mark.parametrize("k", [2, 5, 9])
def test_the_same_start_ends_where_scikit_learn_ends(k: int) -> None:
    """On users without any structure, where there are many places to end."""
    rng = np.random.default_rng(k)
    values, weights = rng.random((700, 4)), rng.integers(1, 4, 700).astype(float)
    start = draw_kmeans_plus_plus(values, weights, k, 3, rng)

    fits = run_lloyd(values, weights, start)

    assert len(start) == 3
    for begin, centres, inertia in zip(start, fits.centres, fits.inertia, strict=True):
        other = KMeans(k, init=begin, n_init=1, tol=0, max_iter=1000).fit(values, sample_weight=weights)
        assert centres == pytest.approx(other.cluster_centers_, abs=1e-9)
        assert inertia == pytest.approx(other.inertia_)


def test_what_the_report_fits_is_a_fixed_point(points: Make) -> None:
    """Started from the centres of `clusters.fit_kmeans`, nothing moves."""
    some = points(np.random.default_rng(1).normal(size=(400, 3)))
    model = fit_kmeans(some, 4, n_init=5, seed=1)

    fits = run_lloyd(some.values, some.weights, model.centres[None])

    assert fits.centres[0] == pytest.approx(model.centres, abs=1e-12)
    assert fits.inertia[0] == pytest.approx(model.inertia)


def test_a_batch_is_its_parts() -> None:
    """What a start comes to does not depend on those beside it."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(3000, 4))
    start = draw_kmeans_plus_plus(values, np.ones(3000), 8, 6, rng)

    together = run_lloyd(values, np.ones(3000), start)

    alone = [run_lloyd(values, np.ones(3000), begin[None]).inertia[0] for begin in start]
    assert together.inertia == pytest.approx(alone)


def test_starts_are_users_who_are_there() -> None:
    """Only points that have users are drawn, each once: a second draw has no distance left."""
    start = draw_kmeans_plus_plus(LINE, np.array([1.0, 0, 1, 1]), 3, 20, np.random.default_rng(0))

    assert [sorted(centres[:, 0]) for centres in start] == [[0, 10, 12]] * 20


@pytest.mark.parametrize("n", [500, 3000])
def test_the_quick_search_comes_within_a_percent_and_a_half_of_ten_starts(n: int) -> None:
    """On even crowds, the hardest; both where it looks at all points and where starts compete on some."""
    values = np.random.default_rng(3).random((n, 4))

    fits = fit_k_range_quickly(values, np.ones(n), [1, 2, 4, 8], n_init=4, rng=np.random.default_rng(0))

    assert list(fits) == [1, 2, 4, 8]
    for k, found in fits.items():
        best = KMeans(k, n_init=10, random_state=0).fit(values).inertia_
        assert found.inertia.min() <= 1.015 * best


def test_one_seed_gives_one_curve() -> None:
    """Digit for digit."""
    values = np.random.default_rng(4).random((1500, 4))

    one, other = (
        fit_k_range_quickly(values, np.ones(1500), [1, 2, 3], n_init=3, rng=np.random.default_rng(9)) for _ in range(2)
    )

    assert [(one[k].centres == other[k].centres).all() for k in (1, 2, 3)] == [True] * 3


def test_the_quick_search_tries_every_number() -> None:
    """Three pairs a unit wide and far apart: 1, 2 and 3 segments, in the order asked; three leave 6 · 0.5² = 1.5."""
    values = np.array([[0.0, 0], [1, 0], [100, 0], [101, 0], [0, 100], [1, 100]])

    found = fit_k_range_quickly(values, np.ones(6), [1, 2, 3], n_init=5, rng=np.random.default_rng(1))

    assert list(found) == [1, 2, 3]
    assert found[1].best_centres.tolist() == [pytest.approx([203 / 6, 200 / 6])]
    assert found[3].inertia.min() == pytest.approx(1.5)


def test_points_on_their_centres_have_no_inertia() -> None:
    """Nor less than none, which rounding would give."""
    values = np.array([[1e3, 1], [2e3, 2]])

    assert run_lloyd(values, np.ones(2), values[None]).inertia.tolist() == [0]


def test_a_next_start_is_drawn_by_the_squared_distance() -> None:
    """Nearly all users are at 0, so that it comes first; of one user at 1 and one at 3, the latter is 9 times as likely."""
    values, weights = np.array([[0.0], [1], [3]]), np.array([1e9, 1, 1])

    start = draw_kmeans_plus_plus(values, weights, 2, 4000, np.random.default_rng(0))

    assert (start[:, 0, 0] == 0).all()
    assert (start[:, 1, 0] == 3).mean() == pytest.approx(0.9, abs=0.02)


def test_a_centre_is_added_by_users_and_squared_distance() -> None:
    """From a centre at 0: two users at 1 and one at 2 are drawn as 2 to 4, nobody at 9 never."""
    values, weights = np.array([[0.0], [1], [2], [9]]), np.array([5.0, 2, 1, 0])

    grown = _add_drawn_centre(values, weights, np.zeros((1, 1)), 4000, np.random.default_rng(0))

    assert grown.shape == (4000, 2, 1)
    assert (grown[:, 0] == 0).all()
    assert set(grown[:, 1, 0]) == {1, 2}
    assert (grown[:, 1, 0] == 2).mean() == pytest.approx(2 / 3, abs=0.03)


def test_the_two_segments_that_inertia_grows_least_by_are_merged() -> None:
    """Ten users at 0 and one at 4: 10/11 of 16. One at 10 and one at 15.5: half of 5.5 squared. The middle is the users' mean."""
    values, weights = np.array([[0.0], [4], [10], [15.5]]), np.array([10.0, 1, 1, 1])

    merged = _merge_near_segments(values, weights, values)

    assert [sorted(start[:, 0]) for start in merged] == [[pytest.approx(4 / 11), 10, 15.5], [0, 4, 12.75]]


def test_the_quick_search_finds_ten_groups_where_starts_miss_them() -> None:
    """Two starts seldom put one centre into each group; the fits of more groups, merged, do."""
    rng = np.random.default_rng(2)
    values = np.repeat(30 * rng.random((10, 4)), 40, axis=0) + 0.1 * rng.standard_normal((400, 4))

    for seed in range(20):
        fits = fit_k_range_quickly(values, np.ones(400), range(1, 13), n_init=2, rng=np.random.default_rng(seed))
        assert fits[10].inertia.min() == pytest.approx(400 * 4 * 0.01, rel=0.1)


def test_a_tie_has_all_users_of_the_point() -> None:
    """Two users at 1, between 0 and 2, are the first's: (0 + 2 x 1) / 3. The start beside it has no tie."""
    fits = run_lloyd(
        np.array([[0.0], [1], [2]]), np.array([1.0, 2, 1]), np.array([[[0.0], [2]], [[0.0], [1.5]]]), max_steps=1
    )

    assert fits.centres[0, :, 0].tolist() == pytest.approx([2 / 3, 2])
    assert fits.centres[1, :, 0].tolist() == pytest.approx([0, 4 / 3])


def test_the_farthest_is_the_one_that_adds_most() -> None:
    """About 0, three users at 10 add 300 and one at 12 adds 144: a centre without points goes to 10."""
    fits = run_lloyd(LINE, np.array([1.0, 1, 3, 1]), np.array([[[0.0], [1000]]]), max_steps=1)

    assert fits.centres[0, :, 0].tolist() == pytest.approx([44 / 6, 10])


def test_a_centre_with_one_user_stays() -> None:
    """Of three centres one has a user, and one has none: that goes to 0, a unit from its centre, and 50 stays."""
    fits = run_lloyd(np.array([[0.0], [1], [2], [50]]), np.ones(4), np.array([[[1.0], [50], [1000]]]), max_steps=1)

    assert fits.centres[0, :, 0].tolist() == pytest.approx([1, 50, 0])


def test_a_start_has_no_place_twice_where_there_is_another() -> None:
    """Three users at 5 and one at 15: who lies on a centre is no distance away, and not drawn again."""
    values, weights = np.array([[5.0], [5.0], [5.0], [15.0]]), np.ones(4)
    rng = np.random.default_rng(1)

    drawn = draw_kmeans_plus_plus(values, weights, 2, 200, rng)
    grown = _add_drawn_centre(values, weights, np.array([[5.0]]), 50, rng)

    assert {tuple(sorted(start[:, 0])) for start in drawn} == {(5, 15)}
    assert {tuple(start[:, 0]) for start in grown} == {(5, 15)}


def test_of_fewer_points_than_emptied_centres_as_many_are_filled_as_there_are() -> None:
    """Two users, and four centres, three of them far off: the users have one each, and nothing breaks."""
    fits = run_lloyd(np.array([[0.0], [1.0]]), np.ones(2), np.array([[[0.4], [90.0], [91.0], [92.0]]]))

    assert fits.inertia.tolist() == [0]

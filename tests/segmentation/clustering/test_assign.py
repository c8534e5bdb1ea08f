from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans

from segmentation.clustering.assign import KMeansModel, assign_nearest, fit_kmeans, warm_start_kmeans
from segmentation.errors import SweepError
from segmentation.preprocessing.scaling import Points

Make = Callable[..., Points]


def cloud(n: int, seed: int = 3) -> np.ndarray:
    """Users without structure, the hardest case: many local optima."""
    return np.random.default_rng(seed).normal(size=(n, 4))


def test_two_pairs_are_two_segments(points: Make) -> None:
    """0, 2 and 10, 12: the middles are 1 and 11, and each of the four users is 1 away from one of them."""
    model = fit_kmeans(points([[0], [10], [12], [2]]), 2, n_init=3, seed=0)

    assert model.k == 2
    assert model.centres.tolist() == [[1], [11]]
    assert model.inertia == pytest.approx(4)


def test_the_largest_segment_comes_first(points: Make) -> None:
    """Three users around 20, one at 0."""
    model = fit_kmeans(points([[0], [19], [20], [21]]), 2, n_init=3, seed=0)

    assert model.centres.tolist() == [[20], [0]]


def test_one_segment_lies_at_the_mean(points: Make) -> None:
    """0, 1, 5 have the mean 2, and 4 + 1 + 9 = 14 squares around it."""
    model = fit_kmeans(points([[0], [1], [5]]), 1, n_init=1, seed=0)

    assert model.centres.tolist() == [[2]]
    assert model.inertia == pytest.approx(14)


def test_as_many_segments_as_users_leave_no_distance(points: Make) -> None:
    """Everybody is a segment; that is allowed, and says nothing."""
    model = fit_kmeans(points([[0], [1], [5]]), 3, n_init=1, seed=0)

    assert sorted(model.centres.tolist()) == [[0], [1], [5]]
    assert model.inertia == 0


def test_a_weight_counts_as_so_many_users(points: Make) -> None:
    """Three users at 0 and one at 4 have the mean 1, and 3 · 1 + 9 = 12 squares around it."""
    model = fit_kmeans(points([[0], [4]], [3, 1]), 1, n_init=1, seed=0)

    assert model.centres.tolist() == [[1]]
    assert model.inertia == pytest.approx(12)


@pytest.mark.parametrize("k", range(1, 8))
def test_a_fit_is_a_fixed_point(points: Make, k: int) -> None:
    """No user is nearer to another centre, and every centre is the mean of its users: Lloyd's two steps stand still."""
    data = points(cloud(400))
    model = fit_kmeans(data, k, n_init=3, seed=1)

    distances = ((data.values[:, None] - model.centres) ** 2).sum(axis=2)
    labels = distances.argmin(axis=1)
    means = [data.values[labels == number].mean(axis=0) for number in range(k)]

    np.testing.assert_array_equal(assign_nearest(data.values, model.centres), labels)
    np.testing.assert_allclose(model.centres, means, atol=1e-9)
    assert model.inertia == pytest.approx(distances.min(axis=1).sum(), rel=1e-9)
    assert (np.diff(np.bincount(labels)) <= 0).all()


def test_the_best_of_all_starts_counts(points: Make) -> None:
    """Twenty starts find a lower sum than the worst of twenty single ones, and none of these a lower one."""
    data = points(cloud(300))
    best = fit_kmeans(data, 8, n_init=20, seed=0).inertia
    single = [KMeans(8, n_init=1, random_state=seed, tol=0).fit(data.values).inertia_ for seed in range(20)]

    assert best < max(single)
    assert best <= np.median(single)


def test_one_seed_makes_one_model(points: Make) -> None:
    """To the last bit: otherwise a report couldn't be made again."""
    data = points(cloud(300))
    first, second = (fit_kmeans(data, 5, n_init=4, seed=7) for _ in range(2))

    assert first.centres.tobytes() == second.centres.tobytes()
    assert first.inertia == second.inertia


def test_fewer_different_users_than_segments_are_refused(points: Make) -> None:
    """Five users of whom two are different can't be three segments."""
    with pytest.raises(
        SweepError,
        match=r"^3 segments asked for, but there are only 2 different users\. Give a larger file, or a smaller `k_range` in settings.toml\.$",
    ):
        fit_kmeans(points([[0], [0], [0], [1], [1]]), 3, n_init=1, seed=0)


def test_many_users_of_few_kinds_are_refused_too(points: Make) -> None:
    """scikit-learn would warn and give segments without users; here it is an error that says what to do."""
    with pytest.raises(
        SweepError, match=r"4 segments can't be told apart.*\. Lower the upper end of `k_range` in settings.toml\.$"
    ):
        fit_kmeans(points(np.repeat([[0.0], [1.0], [5.0]], 100, axis=0)), 4, n_init=2, seed=0)


def test_the_heavier_segment_comes_first(points: Make) -> None:
    """One point of nine users before three points of one each."""
    model = fit_kmeans(points([[0.0], [0.1], [0.2], [9.0]], [1, 1, 1, 9]), 2, n_init=3, seed=0)

    assert model.centres[:, 0] == pytest.approx([9, 0.1])


def test_what_varies_within_cells_counts(points: Make) -> None:
    """Two cells at 0 and 4 whose users lie 2.5 squares about them: 8 about the middle 2, or none about two centres."""
    cells = replace(points([[0.0], [4.0]]), kind="cells", scatter=np.array([[2.5]]))

    assert fit_kmeans(cells, 1, n_init=1, seed=0).inertia == pytest.approx(10.5)
    assert warm_start_kmeans(
        cells, KMeansModel(np.array([[0.0], [4.0]]), 2.5), np.array([[3.0], [1.0]])
    ).inertia == pytest.approx(2.5)
    assert warm_start_kmeans(cells, KMeansModel(np.array([[0.0], [4.0]]), 2.4), np.array([[3.0], [1.0]])).inertia == 2.4


def test_last_months_cut_goes_on_until_nobody_moves(points: Make) -> None:
    """From far off it takes several of Lloyd's steps: each centre ends as the mean of its users."""
    data = points(cloud(400))
    kept = warm_start_kmeans(data, KMeansModel(np.zeros((3, 4)), np.inf), cloud(3, seed=9) / 10)

    labels = assign_nearest(data.values, kept.centres)
    means = [data.values[labels == number].mean(axis=0) for number in range(3)]
    np.testing.assert_allclose(kept.centres, means, atol=1e-9)


def test_a_segment_of_one_is_kept_where_nobody_forbids_it(points: Make) -> None:
    """Two users far apart are two segments, in last month's order."""
    kept = warm_start_kmeans(
        points([[0.0], [4.0]]), KMeansModel(np.array([[0.0], [4.0]]), 0.0), np.array([[4.0], [0.0]])
    )

    assert kept.centres.tolist() == [[4], [0]]


def test_of_equally_near_centres_the_first_counts() -> None:
    """1 lies in the middle between 0 and 2; 1.01 doesn't."""
    values, centres = np.array([[1.0], [1.01], [-9.0]]), np.array([[0.0], [2.0]])

    assert assign_nearest(values, centres).tolist() == [0, 1, 0]
    assert assign_nearest(values, centres[::-1]).tolist() == [0, 0, 1]


def square(points: Make, wide: float = 1.0) -> Points:
    """Four users at the corners of a square as wide as is said, and 1 high."""
    return points([[0.0, 0.0], [0.0, 1.0], [wide, 0.0], [wide, 1.0]])


ACROSS, ALONG = np.array([[0.5, 0.0], [0.5, 1.0]]), np.array([[0.0, 0.5], [1.0, 0.5]])


def test_of_equal_cuts_the_last_months_is_kept(points: Make) -> None:
    """A square is cut in two across or along, both with 4 · 1/4 = 1 square left: people would be told of a change."""
    best = KMeansModel(ALONG, 1.0)

    kept = warm_start_kmeans(square(points), best, ACROSS + 0.1)

    assert kept.centres.tolist() == ACROSS.tolist()
    assert kept.inertia == pytest.approx(1)
    assert warm_start_kmeans(square(points), best, ALONG).centres.tolist() == ALONG.tolist()


def test_a_worse_cut_is_not_kept(points: Make) -> None:
    """1.02 wide, across leaves 4 · .51² = 1.0404, four per cent more than the 1 of along; 1.004 wide it is under one."""
    wide, hardly = square(points, 1.02), square(points, 1.004)
    best = KMeansModel(np.array([[0.0, 0.5], [1.02, 0.5]]), 1.0)

    assert warm_start_kmeans(wide, best, ACROSS) is best
    assert warm_start_kmeans(hardly, KMeansModel(best.centres, 1.0), ACROSS).inertia == pytest.approx(1.004**2)


def test_another_number_of_segments_is_not_continued(points: Make) -> None:
    """Three of last month's can't be the start of two."""
    best = KMeansModel(ALONG, 1.0)

    assert warm_start_kmeans(square(points), best, np.zeros((3, 2))) is best


def test_a_cut_that_leaves_a_handful_is_not_kept(points: Make) -> None:
    """One cut leaves 9 users alone, as good as the other: it is not made, where ten are the fewest that may be shown."""
    data = points([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [1.0, 3.0]], [9, 9, 9, 9])
    ends = np.array([[0.5, 0.0], [0.5, 3.0]])
    best = KMeansModel(ends, 9.0)
    few = points([[-5.0], [0.0], [5.0]], [9, 100, 9])
    left, right = np.array([[-5.0], [45 / 109]]), np.array([[5.0], [-45 / 109]])
    found = KMeansModel(left, float(100 * (45 / 109) ** 2 + 9 * (5 - 45 / 109) ** 2))

    np.testing.assert_allclose(warm_start_kmeans(few, found, right, min_cell=9).centres, right)
    assert warm_start_kmeans(few, found, right, min_cell=10) is found
    assert warm_start_kmeans(data, best, ends, min_cell=18).centres.tolist() == ends.tolist()


def test_a_segment_that_lost_everybody_is_not_kept(points: Make) -> None:
    """Last month's second centre is nobody's nearest: scikit-learn puts it somewhere, and the cut is worse or the same."""
    data = points([[0.0], [1.0], [10.0], [11.0]])
    best = fit_kmeans(data, 2, n_init=3, seed=0)

    kept = warm_start_kmeans(data, best, np.array([[5.0], [500.0]]))

    assert sorted(np.bincount(assign_nearest(data.values, kept.centres)).tolist()) == [2, 2]
    assert kept.inertia == pytest.approx(1)


def test_one_last_month_gives_one_cut(points: Make) -> None:
    """To the last bit."""
    data = points(cloud(200))
    best = fit_kmeans(data, 4, n_init=3, seed=0)
    first, second = (warm_start_kmeans(data, best, best.centres + 0.05) for _ in range(2))

    assert first.centres.tobytes() == second.centres.tobytes()
    assert first.inertia <= 1.01 * best.inertia

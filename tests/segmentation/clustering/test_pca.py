from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from segmentation.clustering.pca import MAP_STEP, Projection, project_points
from segmentation.facts import Centroid, MapBin
from segmentation.preprocessing.scaling import Points
from tests.support.music import build_pca_map

Make = Callable[..., Points]
HALF = 0.5**0.5


def test_points_on_a_line_have_one_direction(points: Make) -> None:
    """On y = x all variance lies along (√½, √½), and (1, 1) is √2 from the middle."""
    seen = project_points(points([[-1, -1], [0, 0], [1, 1]]))

    assert seen.loadings[:, 0].tolist() == pytest.approx([HALF, HALF])
    assert seen.scores[:, 0].tolist() == pytest.approx([-(2**0.5), 0, 2**0.5])
    assert seen.explained == pytest.approx((1, 0))


def test_an_explained_share_is_never_negative(points: Make) -> None:
    """Of two features that say the same, rounding leaves a variance of less than nothing for the second."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        line = rng.normal(size=(50, 1))
        assert 0 <= project_points(points(line * [1, rng.normal()])).explained[1] < 1e-12


def test_weights_count_as_users(points: Make) -> None:
    """Four users at 0, half an SD up or down, and one at 4: the middle is 4/5, and squares add up user by user."""
    seen = project_points(points([[0, 0.5], [0, -0.5], [4, 0]], [2, 2, 1]))

    middle = 4 / 5
    along = 4 * middle**2 + (4 - middle) ** 2
    across = 4 * 0.25
    assert seen.explained == pytest.approx((along / (along + across), across / (along + across)))
    assert seen.scores[:, 0].tolist() == pytest.approx([-middle, -middle, 4 - middle])


def test_directions_shares_and_places_are_scikit_learns(points: Make) -> None:
    """Up to the sign, which scikit-learn leaves to the solver."""
    rng = np.random.default_rng(4)
    data = points(rng.normal(size=(300, 4)) * [3, 2, 1, 0.5] @ rng.normal(size=(4, 4)))
    theirs = PCA(2).fit(data.values)
    seen = project_points(data)
    signs = np.sign((seen.loadings.T * theirs.components_).sum(axis=1))

    np.testing.assert_allclose(seen.explained, theirs.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(seen.loadings.T, theirs.components_ * signs[:, None], atol=1e-9)
    np.testing.assert_allclose(seen.scores, theirs.transform(data.values) * signs, atol=1e-9)


def test_left_stays_left(points: Make) -> None:
    """The largest loading is positive, whatever the order of the users and the whim of the solver."""
    rng = np.random.default_rng(8)
    for _ in range(20):
        values = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4))
        seen, again = project_points(points(values)), project_points(points(values[::-1]))

        largest = np.abs(seen.loadings).argmax(axis=0)
        assert (seen.loadings[largest, [0, 1]] > 0).all()
        np.testing.assert_allclose(again.scores[::-1], seen.scores, atol=1e-9)


def test_of_equal_loadings_the_first_feature_is_positive(points: Make) -> None:
    """On y = -x both loadings are √½ in size, of four features ½: rounding makes one the larger, and doesn't decide."""
    for seed in range(50):
        line = np.random.default_rng(seed).normal(size=(30, 1))
        assert project_points(points(line * [1, -1, 1, -1])).loadings[0, 0] > 0
    assert project_points(points([[-1, 1], [0, 0], [1, -1]])).loadings[:, 0].tolist() == pytest.approx([HALF, -HALF])


def test_the_map_hides_squares_with_too_few(points: Make) -> None:
    """Three users lie between -1.2 and -0.9 by 0 and 0.3, one far off and two farther: those three are hidden."""
    scores = np.array([[-1.0, 0.01], [-1.1, 0.11], [-1.05, 0.03], [3.15, -0.15], [4.05, 0], [4.05, 0]])
    seen = Projection(scores, np.eye(2), (0.6, 0.4))
    drawn = build_pca_map(seen, points(scores), np.array([0, 0, 1, 1, 1, 1]), ("S1", "S2"), min_cell=3)

    assert drawn.step == MAP_STEP == 0.3
    assert drawn.hidden == 3
    assert drawn.cells == (MapBin(pytest.approx(-1.05), pytest.approx(0.15), 3, "S1"),)
    assert drawn.spots == (
        Centroid("S1", pytest.approx(-1.05), pytest.approx(0.06)),
        Centroid("S2", pytest.approx(10.2 / 4), pytest.approx(-0.03)),
    )
    assert drawn.explained == (0.6, 0.4)
    assert drawn.loadings == {"age": (1, 0), "annual_income": (0, 1)}


def test_a_few_that_are_left_over_take_the_smallest_square_with_them(points: Make) -> None:
    """All 10 users less 5 and 4 would be the one who is left: the 4 go with them."""
    scores = np.repeat([[0.1, 0.1], [1.0, 0.1], [2.0, 0.1]], [5, 4, 1], axis=0)
    seen = Projection(scores, np.eye(2), (0.6, 0.4))
    drawn = build_pca_map(seen, points(scores), np.zeros(10, dtype=int), ("S1",), min_cell=3)

    assert [cell.users for cell in drawn.cells] == [5]
    assert drawn.hidden == 5


def test_squares_and_hidden_add_up_to_all_users(points: Make) -> None:
    """Nobody is drawn twice, at any size of what may be seen; weights are users."""
    rng = np.random.default_rng(0)
    data = points(rng.normal(size=(200, 4)), rng.integers(1, 4, 200))
    labels = rng.integers(0, 3, 200)
    for smallest in (1, 5, 10_000):
        drawn = build_pca_map(project_points(data), data, labels, ("S1", "S2", "S3"), min_cell=smallest)

        assert sum(cell.users for cell in drawn.cells) + drawn.hidden == data.users
        assert all(cell.users >= smallest for cell in drawn.cells)
    assert not drawn.cells


def test_a_square_belongs_to_most_of_its_users(points: Make) -> None:
    """One point of weight 3 outvotes two of weight 1 in the same square."""
    data = points([[0.01, 0.1], [0.02, 0.12], [0.03, 0.15], [-4, 0], [4, 0]], [1, 1, 3, 4, 4])
    drawn = build_pca_map(project_points(data), data, np.array([0, 0, 1, 1, 0]), ("S1", "S2"), min_cell=5)

    assert [(cell.users, cell.segment) for cell in drawn.cells] == [(5, "S2")]


def test_axes_are_said_in_words(points: Make) -> None:
    """Along x age rises and income falls, equally: left says the opposite of right, and small loadings say nothing."""
    data = points([[-2, 2, 0, 0], [2, -2, 0, 0], [0, 0, 1, 0], [0, 0, -1, 0]])
    axes = build_pca_map(project_points(data), data, np.zeros(4, dtype=int), ("S1",), min_cell=1).axes

    assert axes == {
        "right": "older, lower income",
        "left": "younger, higher income",
        "up": "more listening",
        "down": "less listening",
    }


def test_components_point_as_they_did_last_month(points: Make) -> None:
    """Each for itself: the first was the other way round then, the second as it is; one feature fewer says nothing."""
    data = points([[2, 1], [2, -1], [-2, 1], [-2, -1]])
    a, b = data.features

    seen = project_points(data, {a: (-0.9, 0.1), b: (0.1, 0.9)})

    assert np.abs(seen.loadings - [[-1, 0], [0, 1]]).max() < 1e-12
    assert seen.scores[0].tolist() == pytest.approx([-2, 1])
    assert project_points(data, {a: (-0.9, 0.1)}).loadings[0, 0] == pytest.approx(1)


def test_the_spread_within_the_points_counts(points: Make) -> None:
    """Two points that vary along the first feature, by 2 in all; their users vary by 8 along the second."""
    data = replace(points([[1, 0], [-1, 0]]), scatter=np.diag([0.0, 8.0]))

    seen = project_points(data)

    assert seen.explained == pytest.approx((0.8, 0.2))
    assert np.abs(seen.loadings - [[0, 1], [1, 0]]).max() < 1e-12


def test_the_middle_of_a_segment_is_that_of_its_users(points: Make) -> None:
    """Three users at 1 and one at 5: at 2, not at 3."""
    data = points([[1, 0], [5, 0], [-8, 0]], [3, 1, 1])
    seen = Projection(data.values, np.eye(2), (1.0, 0.0))

    laid = build_pca_map(seen, data, np.array([0, 0, 1]), ("S1", "S2"), min_cell=1)

    assert laid.spots == (Centroid("S1", 2.0, 0.0), Centroid("S2", -8.0, 0.0))

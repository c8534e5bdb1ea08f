from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

from segmentation.preprocessing.scaling import Points
from segmentation.validation import scores
from segmentation.validation.elbow import fit_k_range
from segmentation.validation.scores import (
    average_by_segment,
    average_segment_silhouettes,
    compute_calinski_harabasz,
    compute_davies_bouldin,
    compute_silhouettes,
    compute_validity,
)

Make = Callable[..., Points]
PAIRS = [[0], [2], [10], [12]]
PAIRED = np.array([0, 0, 1, 1])


def test_a_silhouette_is_worked_out_by_hand(points: Make) -> None:
    """0: a = 1, b = 5, 4/5. 1: a = 1, b = 4, 3/4. 5 is alone in its segment: 0."""
    (values,) = compute_silhouettes(points([[0], [1], [5]]), [np.array([0, 0, 1])])

    assert values.tolist() == pytest.approx([0.8, 0.75, 0])


def test_the_nearest_other_segment_counts(points: Make) -> None:
    """For 0, a = 2; the segment at 10 and 12 is 11 away, that at -3 only 3: (3 - 2) / 3."""
    (values,) = compute_silhouettes(points([[0], [2], [10], [12], [-3]]), [np.array([0, 0, 1, 1, 2])])

    assert values[0] == pytest.approx(1 / 3)


def test_a_user_in_the_wrong_segment_has_a_negative_silhouette(points: Make) -> None:
    """9 is 8.5 away from its own two on average, and 1 from the other one: (1 - 8.5) / 8.5."""
    (values,) = compute_silhouettes(points([[0], [1], [9], [10]]), [np.array([0, 0, 0, 1])])

    assert values[2] == pytest.approx(-7.5 / 8.5)


def test_users_without_any_distance_have_a_silhouette_of_nothing(points: Make) -> None:
    """Both a and b are 0: nothing speaks for a segment or against it, and 0/0 is not asked."""
    (values,) = compute_silhouettes(points([[1], [1], [1], [1]]), [PAIRED])

    assert values.tolist() == [0, 0, 0, 0]


def test_users_in_one_place_do_not_count_themselves(points: Make) -> None:
    """Two users at 0 and one at 2: for those at 0, a = (0 + 2) / 2 = 1 and b = 5, so 4/5; for 2, a = 2, b = 3: 1/3."""
    (values,) = compute_silhouettes(points([[0], [2], [5]], [2, 1, 4]), [np.array([0, 0, 1])])

    assert values.tolist() == pytest.approx([0.8, 1 / 3, 1])


@pytest.mark.parametrize("k", range(2, 7))
def test_unweighted_indices_are_scikit_learns(points: Make, k: int) -> None:
    """For labels that fit nothing, with one user alone in the last segment; 1,100 rows are three blocks.

    To 1e-9; Davies-Bouldin to 1e-7, for scikit-learn's distance of the lone user to itself is 3e-8 on some processors:
    the difference of two dot products, https://scikit-learn.org/stable/modules/generated/sklearn.metrics.pairwise.euclidean_distances.html.
    """
    rng = np.random.default_rng(k)
    data = points(rng.normal(size=(1100, 4)))
    labels = rng.integers(0, k, 1100)
    labels[labels == k - 1] = 0
    labels[17] = k - 1
    labels[18] = 0 if k == 2 else 1

    (values,) = compute_silhouettes(data, [labels])

    np.testing.assert_allclose(values, silhouette_samples(data.values, labels), atol=1e-9)
    assert compute_calinski_harabasz(data, labels) == pytest.approx(
        calinski_harabasz_score(data.values, labels), rel=1e-9
    )
    assert compute_davies_bouldin(data, labels) == pytest.approx(davies_bouldin_score(data.values, labels), rel=1e-7)


def test_labellings_measured_together_are_those_measured_alone(points: Make) -> None:
    """The distances are shared, the segments are not."""
    rng = np.random.default_rng(0)
    data = points(rng.normal(size=(60, 2)))
    labellings = [np.arange(60) % k for k in (2, 5, 3)]

    for together, labels in zip(compute_silhouettes(data, labellings), labellings, strict=True):
        np.testing.assert_allclose(together, silhouette_samples(data.values, labels), atol=1e-9)


def test_variance_between_and_within_is_worked_out_by_hand(points: Make) -> None:
    """Middles 1 and 11 around 6: between 4 · 25 over 1 degree, within 4 · 1 over 2, so 100 / 2 = 50."""
    assert compute_calinski_harabasz(points(PAIRS), PAIRED) == pytest.approx(50)


def test_likeness_is_worked_out_by_hand(points: Make) -> None:
    """Both spread by 1 and their middles are 10 apart: (1 + 1) / 10."""
    assert compute_davies_bouldin(points(PAIRS), PAIRED) == pytest.approx(0.2)


def test_where_nothing_varies_within_the_index_is_finite(points: Make) -> None:
    """1, as in scikit-learn: facts.json can't hold an infinity."""
    data = points([[0], [0], [3]])
    labels = np.array([0, 0, 1])

    assert compute_calinski_harabasz(data, labels) == calinski_harabasz_score(data.values, labels) == 1
    assert compute_davies_bouldin(data, labels) == 0


def test_a_segments_mean_is_weighted() -> None:
    """(1 · 0.5 + 3 · 0.1) / 4 = 0.2, and the other user's own value."""
    means = average_by_segment(np.array([0.5, 0.1, 0.9]), np.array([1.0, 3, 7]), np.array([0, 0, 1]), 2)

    assert means.tolist() == pytest.approx([0.2, 0.9])


def test_micro_counts_users_and_macro_counts_segments(points: Make) -> None:
    """Silhouettes 4/5, 3/4 and 0: users give 1.55 / 3, segments (0.775 + 0) / 2."""
    data = points([[0], [1], [5]])
    measured = compute_validity(data, fit_k_range(data, [1, 2], n_init=5, seed=0), seed=0)

    assert measured.k == (2,)
    assert measured.silhouette == pytest.approx((1.55 / 3,))
    assert measured.silhouette_macro == pytest.approx((0.3875,))
    assert average_segment_silhouettes(data, np.array([0, 0, 1]), 2, seed=0) == pytest.approx((0.775, 0))


def test_every_k_is_measured_by_its_own_labels(points: Make) -> None:
    """Three pairs: k = 3 is far better separated than 2 or 4; only Davies-Bouldin is content with a pair torn apart."""
    data = points([[0], [1], [10], [11], [20], [21]])
    measured = compute_validity(data, fit_k_range(data, range(1, 5), n_init=5, seed=0), seed=0)

    assert measured.k == (2, 3, 4)
    assert int(np.argmax(measured.silhouette)) == 1
    assert int(np.argmax(measured.silhouette_macro)) == 1
    assert int(np.argmax(measured.calinski_harabasz)) == 1
    assert measured.davies_bouldin[1] == pytest.approx(0.1)


def test_a_sample_speaks_for_all(points: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 of 1,200 give the silhouette to within .05, for one seed always the same, for another another."""
    rng = np.random.default_rng(1)
    data = points(rng.normal(size=(1200, 3)) + 4 * rng.integers(0, 2, (1200, 1)))
    tried = fit_k_range(data, [2, 3], n_init=2, seed=0)
    exact = compute_validity(data, tried, seed=0)
    monkeypatch.setattr(scores, "SILHOUETTE_SAMPLE_SIZE", 300)
    sampled = compute_validity(data, tried, seed=0)

    assert sampled.silhouette != exact.silhouette
    assert sampled.silhouette == pytest.approx(exact.silhouette, abs=0.05)
    assert sampled.calinski_harabasz == exact.calinski_harabasz
    assert sampled == compute_validity(data, tried, seed=0)
    assert sampled.silhouette != compute_validity(data, tried, seed=1).silhouette


def test_a_segment_too_small_for_the_sample_has_a_silhouette(points: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users of 500, 100 away and 1 from each other: ten chosen at random miss them, and NaN is no fact.

    Theirs is 1 - 1 / 100 or so, the others' 1 - 1.1 / 100: the mean distance of two normal numbers is 2 / √π.
    """
    monkeypatch.setattr(scores, "SILHOUETTE_SAMPLE_SIZE", 10)
    rng = np.random.default_rng(0)
    data = points(np.concatenate([rng.normal(size=498), [100, 101]])[:, None])
    labels = np.array([0] * 498 + [1] * 2)
    tried = fit_k_range(data, [1, 2], n_init=2, seed=0)

    for seed in range(5):
        large, small = average_segment_silhouettes(data, labels, 2, seed=seed)
        assert small == pytest.approx(0.99, abs=0.005)
        assert large == pytest.approx(0.99, abs=0.01)
        assert compute_validity(data, tried, seed=seed).silhouette_macro == pytest.approx((0.99,), abs=0.01)


def test_a_number_of_segments_that_the_sample_cannot_judge_is_left_out(points: Make) -> None:
    """Twelve of 2,012 lie at 90, alone in their segment for 2 and for 3: ten of them tell, nine and none don't."""
    everybody = points([[0], [1], [10], [11], [90]], [500, 500, 500, 500, 12])
    tried = fit_k_range(everybody, [1, 2, 3], n_init=5, seed=0)
    sides = points([[0], [1], [10], [11]] * 10)

    assert compute_validity(everybody, tried, seed=0, user_sample=sides).k == ()
    far = points([[90]] * 10 + [[0], [1], [10], [11]] * 10)
    assert compute_validity(everybody, tried, seed=0, user_sample=far).k == (2, 3)
    few = points([[90]] * 9 + [[0], [1], [10], [11]] * 10)
    assert compute_validity(everybody, tried, seed=0, user_sample=few).k == ()


def test_a_segment_of_nobody_speaks_for_nothing(points: Make) -> None:
    """0, not NaN, which is no fact; and where all are in one segment there is no other to be near to."""
    assert average_by_segment(np.array([0.5]), np.ones(1), np.array([1]), 3).tolist() == [0, 0.5, 0]
    (values,) = compute_silhouettes(points([[0], [1]]), [np.array([0, 0])])
    assert values.tolist() == [0, 0]

from collections.abc import Callable

import numpy as np
import pytest

from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.facts import SegmentStability
from segmentation.preprocessing.scaling import Points
from segmentation.thresholds import JACCARD_HIGHLY_STABLE, grade_stability
from segmentation.validation import stability as room
from segmentation.validation.stability import assess_stability, compute_best_jaccards

Make = Callable[..., Points]


def test_likeness_is_users_in_both_over_users_in_either() -> None:
    """{a, b, c} against {a, b} and {c, d, e}: 2/3. {d, e} against {c, d, e}: 2/3."""
    own, other = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])

    assert compute_best_jaccards(own, other, np.ones(5), 2).tolist() == pytest.approx([2 / 3, 2 / 3])


def test_users_who_are_not_drawn_do_not_count() -> None:
    """Without c, {a, b} is found whole, and so is {d, e}."""
    own, other = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])

    assert compute_best_jaccards(own, other, np.array([1.0, 1, 0, 1, 1]), 2).tolist() == [1, 1]


def test_a_segment_of_which_nobody_is_drawn_is_like_nothing() -> None:
    """0, not a division by it."""
    assert compute_best_jaccards(np.array([0, 1]), np.array([0, 1]), np.array([1.0, 0]), 2).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.85, "highly stable"), (0.8499, "stable"), (0.75, "stable"), (0.6, "doubtful"), (0.5999, "not to be relied on")],
)
def test_each_grade_begins_at_its_limit(value: float, words: str) -> None:
    """The limits belong to the better grade."""
    assert grade_stability(value) == words


def test_groups_far_apart_come_again_every_time(points: Make) -> None:
    """Ten SDs apart: each bootstrap makes the very same three."""
    rng = np.random.default_rng(1)
    some = points(rng.normal(size=(300, 2)) + np.repeat([[0.0, 0], [10, 0], [0, 10]], 100, axis=0))
    centres = fit_k_range_quickly(some.values, some.weights, [3], n_init=10, rng=rng)[3].best_centres

    found = assess_stability(some, centres, draws=20, seed=1)

    assert found == (SegmentStability(1, 0, 1, "highly stable"),) * 3


def test_quarters_of_a_round_crowd_do_not_come_again(points: Make) -> None:
    """A round crowd can be cut into four in any direction: starting from the quarters alone would find them."""
    rng = np.random.default_rng(2)
    some = points(rng.normal(size=(600, 2)))
    centres = fit_k_range_quickly(some.values, some.weights, [4], n_init=20, rng=rng)[4].best_centres

    found = assess_stability(some, centres, draws=40, seed=1)

    assert len(found) == 4
    assert all(
        0.25 < one.jaccard < JACCARD_HIGHLY_STABLE for one in found
    )  # a quarter of a crowd has that much in common with any


def test_a_cut_through_a_group_is_told_from_the_group_beside_it(points: Make) -> None:
    """One group far off, and a round one cut in two: the first comes again, its neighbours do not."""
    rng = np.random.default_rng(3)
    some = points(rng.normal(size=(600, 2)) + np.repeat([[0.0, 0], [12, 0]], [400, 200], axis=0))
    centres = fit_k_range_quickly(some.values, some.weights, [3], n_init=20, rng=rng)[3].best_centres
    far = int(centres[:, 0].argmax())

    found = assess_stability(some, centres, draws=40, seed=1)

    assert found[far].grade == "highly stable"
    assert all(one.jaccard < JACCARD_HIGHLY_STABLE for i, one in enumerate(found) if i != far)


def test_a_point_of_many_users_is_as_many_points(points: Make) -> None:
    """Four points of 50 users, two and two: nothing to mistake."""
    some = points([[0, 0], [0, 1], [9, 0], [9, 1]], weights=[50, 50, 50, 50])

    assert (
        assess_stability(some, np.array([[0, 0.5], [9, 0.5]]), draws=10, seed=1)
        == (SegmentStability(1, 0, 1, "highly stable"),) * 2
    )


def test_one_seed_gives_one_answer(points: Make) -> None:
    """Digit for digit."""
    some = points(np.random.default_rng(4).random((200, 3)))
    centres = some.values[:3]

    assert assess_stability(some, centres, draws=5, seed=7) == assess_stability(some, centres, draws=5, seed=7)
    assert assess_stability(some, centres, draws=5, seed=7) != assess_stability(some, centres, draws=5, seed=8)


def test_half_is_dissolved_and_three_quarters_come_again(points: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits belong to what they begin: likenesses of 0.5, 0.75, 0.9 and 0.65 in four bootstraps."""
    drawn = np.array([[0.5], [0.75], [0.9], [0.65]])
    monkeypatch.setattr(room, "bootstrap_jaccards", lambda *_, **__: drawn)

    (found,) = assess_stability(points([[0.0]]), np.zeros((1, 1)), seed=1)

    assert (found.jaccard, found.dissolved, found.recovered) == (pytest.approx(0.7), 0.25, 0.5)
    assert found.grade == "doubtful"

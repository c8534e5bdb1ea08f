from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.facts import FeatureScale, SegmentStability, ValidityIndices, Vote
from segmentation.preprocessing.scaling import Points
from segmentation.validation.consensus import (
    MAX_BOOTSTRAP_POINTS,
    KConsensus,
    _choose_most_stable_k,
    _limit_points,
    assess_consensus,
    find_supported_ks,
)
from segmentation.validation.elbow import Sweep
from segmentation.validation.gap import compute_gap_statistic, fit_gap_curves
from segmentation.validation.scores import compute_validity
from segmentation.validation.separation import DensityGap, Separation
from tests.bench.trust import crowds

Make = Callable[..., Points]
STEADY, SHAKY = (SegmentStability(0.9, 0, 1, "highly stable"), SegmentStability(0.59, 0.3, 0, "not to be relied on"))


def judged(points: Points, ks: range = range(1, 8)) -> KConsensus:
    fits = fit_k_range_quickly(
        points.values, points.weights, ks, n_init=10, rng=np.random.default_rng(0), max_steps=300
    )
    models = {k: KMeansModel(fit.best_centres, float(fit.inertia.min())) for k, fit in fits.items()}
    sweep = Sweep(models, {k: assign_nearest(points.values, m.centres) for k, m in models.items()})
    curves = partial(fit_gap_curves, points, ks, n_draws=8, seed=1)
    return assess_consensus(points, sweep, compute_validity(points, sweep, seed=1), curves, bootstraps=8, seed=1)


def chain(k: int, *z: float) -> Separation:
    """Segments in a row, with valleys that are deep, and so sure."""
    return Separation(k, tuple(DensityGap(i, i + 1, 100, 0.3, one) for i, one in enumerate(z)))


def rising(*values: float) -> ValidityIndices:
    """Caliński-Harabasz from k = 2 on."""
    ks = tuple(range(2, 2 + len(values)))
    same = (0.0,) * len(ks)
    return ValidityIndices(ks, same, same, values, same)


def test_a_k_is_attested_when_its_segments_are_apart_and_come_again() -> None:
    """2 is; 3 is apart, but one of its segments does not come again; 4 has a border without a valley."""
    borders = {2: chain(2, 5), 3: chain(3, 5, 5), 4: chain(4, 5, 5, 1)}
    stable = {2: [STEADY] * 2, 3: [STEADY, STEADY, SHAKY], 4: [STEADY] * 4}

    assert find_supported_ks(borders, stable, rising(1, 2, 3)) == (2,)


def test_a_valley_on_few_users_needs_a_second_opinion() -> None:
    """2.5 standard deviations count where Caliński-Harabasz rises from k - 1 to k, not where it falls."""
    borders = {2: chain(2, 5), 3: chain(3, 5, 2.5)}
    stable = {2: [STEADY] * 2, 3: [STEADY] * 3}

    assert find_supported_ks(borders, stable, rising(1, 2)) == (2, 3)
    assert find_supported_ks(borders, stable, rising(2, 1)) == (2,)


def test_four_groups_are_four_by_the_panel(points: Make) -> None:
    """Five SDs apart and unequal: the verdict is clear at 4, and weak for whoever asks for 6."""
    crowd = crowds.planted(np.random.default_rng(1), 4, 700)

    found = judged(points(crowd.values))

    assert found.k == 4
    assert (found.grade_evidence(4), found.grade_evidence(6)) == ("clear", "weak")
    assert Vote("valleys", 4) in found.votes


@pytest.mark.parametrize("shape", ["uniform", "gaussian", "correlated", "lognormal", "exponential", "mixed"])
def test_a_crowd_without_structure_has_no_segments(points: Make, shape: str) -> None:
    """The verdict is 1, and no k is clear; the silhouette names some k all the same, for it cannot do else."""
    crowd = crowds.structureless(np.random.default_rng([2, len(shape)]), shape, 800)

    found = judged(points(crowd.values), range(1, 6))

    assert found.k == 1
    assert found.supported_ks == ()
    assert all(found.grade_evidence(k) != "clear" for k in range(1, 6))
    (silhouette,) = (vote for vote in found.votes if vote.judge == "silhouette")
    assert silhouette.k is not None
    assert silhouette.k >= 2


def test_one_group_apart_from_a_crowd_cut_in_three_is_weak(points: Make) -> None:
    """As the real Music data are: at 4, one segment stands apart and three flow into one another."""
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.random((900, 2)), np.array([3.0, 0.5]) + 0.1 * rng.normal(size=(150, 2))])
    some = points((values - values.mean(axis=0)) / values.std(axis=0))

    found = judged(some, range(1, 6))

    assert found.grade_evidence(4) == "weak"
    assert sum(found.separations[4].separated_segments) == 1


def test_planted_crowds_are_as_far_apart_as_is_said() -> None:
    """Two SDs of 1 and 3 along x, 10 apart: 5 of their mean."""
    centres, sd = np.array([[0.0, 0, 0, 0], [10, 0, 0, 0]]), np.array([[1.0, 9, 9, 9], [3, 9, 9, 9]])

    assert crowds.separations(centres, sd).tolist() == [5]


def test_most_small_planted_crowds_are_counted_rightly(points: Make) -> None:
    """The small sister of `make bench-trust`: k = 2 to 5 on 500 to 1,500 users, all of them exact."""
    verdicts = []
    for k in range(2, 6):
        rng = np.random.default_rng([4, k])
        verdicts.append(judged(points(crowds.planted(rng, k, 300 * k).values), range(1, 8)).k)

    assert verdicts == [2, 3, 4, 5]


def found_by_hand(*votes: Vote, attested: tuple[int, ...] = (), **borders: Separation) -> KConsensus:
    """Give a panel's findings; borders by the k in their names."""
    curves = fit_gap_curves(
        Points(np.eye(2), np.ones(2), ("a", "b"), FeatureScale({}, {})), [1], lambda *_: np.eye(2), seed=1
    )
    return KConsensus(
        votes,
        max(attested, default=1),
        attested,
        {int(name[1:]): one for name, one in borders.items()},
        {},
        compute_gap_statistic(curves, [2.0], total_users=2),
    )


def test_without_a_segment_apart_there_is_no_evidence() -> None:
    """Of three in a row: with valleys on both sides the middle one is apart, with one valley the first is, with none nobody."""
    some = found_by_hand(k3=chain(3, 5, 0), k2=chain(2, 0))

    assert (some.grade_evidence(3), some.grade_evidence(2), some.grade_evidence(5)) == ("weak", "none", "none")
    assert found_by_hand(attested=(4,)).grade_evidence(2) == "weak"
    assert found_by_hand(attested=(4,)).grade_evidence(4) == "clear"


def test_every_judge_votes_once(points: Make) -> None:
    """Of three groups, three by all but the bend of the curve, which is at 2: inertia falls most from one to two."""
    found = judged(points(crowds.planted(np.random.default_rng(1), 3, 400).values), range(1, 6))

    others = ("gap", "silhouette", "calinski_harabasz", "davies_bouldin", "stability", "valleys")
    assert {vote.judge: vote.k for vote in found.votes} == {"elbow": 2} | dict.fromkeys(others, 3)


def test_five_thousand_at_most_are_drawn_for_the_bootstraps(points: Make) -> None:
    """Each once; of fewer, all."""
    many = points(np.arange(MAX_BOOTSTRAP_POINTS + 1.0)[:, None])

    some = _limit_points(many, np.random.default_rng(1)).values[:, 0]

    assert len(set(some)) == MAX_BOOTSTRAP_POINTS == 5_000
    assert (
        _limit_points(few := points(np.arange(float(MAX_BOOTSTRAP_POINTS))[:, None]), np.random.default_rng(1)) is few
    )


def test_the_largest_of_equally_steady_numbers_is_voted_for() -> None:
    """Means of Jaccard within 0.01 are equal; under 0.75 nothing is stable, and the vote is for none."""
    assert _choose_most_stable_k({2: 0.9, 3: 0.895, 4: 0.88}) == 3
    assert _choose_most_stable_k({2: 0.74, 3: 0.70}) == 1
    assert _choose_most_stable_k({2: 0.75}) == 2
    assert _choose_most_stable_k({}) == 1

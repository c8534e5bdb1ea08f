from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.facts import FeatureScale, SegmentStability, Vote
from segmentation.preprocessing.scaling import Points
from segmentation.validation.consensus import (
    MAX_BOOTSTRAP_POINTS,
    KConsensus,
    _choose_most_stable_k,
    _limit_points,
    assess_consensus,
)
from segmentation.validation.elbow import Sweep
from segmentation.validation.gap import compute_gap_statistic, fit_gap_curves
from segmentation.validation.mixture import MixtureGroups
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


def shallow(k: int, ratio: float, z: float) -> Separation:
    """Segments in a row with deep valleys, but for the last."""
    return Separation(k, (*chain(k, *[5.0] * (k - 2)).gaps, DensityGap(k - 2, k - 1, 100, ratio, z)))


def chain(k: int, *z: float) -> Separation:
    """Segments in a row, with valleys that are deep, and so sure."""
    return Separation(k, tuple(DensityGap(i, i + 1, 100, 0.3, one) for i, one in enumerate(z)))


def mixture(*gaps: tuple[float, float]) -> MixtureGroups:
    """Components in a row, with gaps of such ratio and z between each and the next, and wide ones beyond."""
    n = len(gaps) + 1
    pairs = {(i, j): (0.1, 9.0) for i in range(n) for j in range(i + 1, n)}
    return MixtureGroups(np.arange(n), pairs | {(i, i + 1): gap for i, gap in enumerate(gaps)})


def consensus(
    separations: Mapping[int, Separation],
    *,
    shaky: Collection[int] = (),
    corroborated: Collection[int] = range(20),
    groups: MixtureGroups | None = None,
    agreement: float = 1.0,
) -> KConsensus:
    """Give findings by hand; every segment comes again but one at the shaky ks."""
    curves = fit_gap_curves(
        Points(np.eye(2), np.ones(2), ("a", "b"), FeatureScale({}, {})), [1], lambda *_: np.eye(2), seed=1
    )
    return KConsensus(
        votes=(),
        separations=separations,
        stability={k: (STEADY,) * (k - 1) + ((SHAKY if k in shaky else STEADY),) for k in separations},
        mixture=groups or mixture(),
        agreement=agreement,
        corroborated_ks=frozenset(corroborated),
        gap=compute_gap_statistic(curves, [2.0], total_users=2),
    )


def test_a_k_is_attested_when_its_segments_are_apart_and_come_again() -> None:
    """2 is; 3 is apart, but one of its segments does not come again; 4 has a border without a valley."""
    found = consensus({2: chain(2, 5), 3: chain(3, 5, 5), 4: chain(4, 5, 5, 1)}, shaky=[3])

    assert [k for k in (2, 3, 4) if found.is_attested(k)] == [2]
    assert found.k == 2


def test_a_valley_on_few_users_needs_a_second_opinion() -> None:
    """2.5 standard deviations count where Caliński-Harabasz rises from k - 1 to k, not where it falls."""
    borders = {2: chain(2, 5), 3: chain(3, 5, 2.5)}

    assert consensus(borders, corroborated=[3]).k == 3
    assert consensus(borders, corroborated=[2]).k == 2


def test_a_mixture_attests_its_groups_where_segments_show_them() -> None:
    """Three groups and no valley: three where seven tenths agree, none where fewer do or one segment is shaky."""
    borders = {2: chain(2, 0), 3: chain(3, 0, 0)}
    groups = mixture((0.3, 5), (0.3, 5))

    assert consensus(borders, groups=groups, agreement=0.7).k == 3
    assert consensus(borders, groups=groups, agreement=0.69).k == 1
    assert consensus(borders, groups=groups, shaky=[3]).k == 1


def test_last_months_number_stays_while_it_may_be_true() -> None:
    """Four stay four though one gap is doubtful (ratio 0.75, z 1.2); where it is gone, three are told."""
    three = {3: chain(3, 5, 5)}

    assert consensus(three | {4: shallow(4, 0.75, 1.2)}).continue_from(4, was_attested=True) == 4
    assert consensus(three | {4: shallow(4, 0.85, 1.2)}).continue_from(4, was_attested=True) == 3
    assert consensus(three | {4: shallow(4, 0.75, 0.9)}).continue_from(4, was_attested=True) == 3


def test_more_groups_than_last_month_must_be_certain() -> None:
    """Three become four at a ratio of 0.55 and a z of 2.5; below, three stay, as they do where four are no groups at all."""
    three = {3: chain(3, 5, 5)}

    assert consensus(three | {4: shallow(4, 0.55, 3.0)}).continue_from(3, was_attested=True) == 4
    assert consensus(three | {4: shallow(4, 0.60, 3.0)}).k == 4
    assert consensus(three | {4: shallow(4, 0.60, 3.0)}).continue_from(3, was_attested=True) == 3
    assert consensus(three).continue_from(3, was_attested=True) == 3


def test_a_number_that_was_never_attested_gives_way_to_a_certain_one_alone() -> None:
    """Four by the bend: three certain groups take its place, three likely ones don't."""
    assert consensus({3: chain(3, 5, 5), 4: chain(4, 0, 0, 0)}).continue_from(4, was_attested=False) == 3
    assert consensus({3: shallow(3, 0.6, 4), 4: chain(4, 0, 0, 0)}).continue_from(4, was_attested=False) == 1


def test_groups_of_a_mixture_stay_while_they_may_be_true() -> None:
    """Three groups of which two run together a little are three still; wholly together they are two."""
    borders = {2: chain(2, 0), 3: chain(3, 0, 0)}

    assert consensus(borders, groups=mixture((0.3, 5), (0.7, 3))).continue_from(3, was_attested=True) == 3
    assert consensus(borders, groups=mixture((0.3, 5), (0.9, 3))).continue_from(3, was_attested=True) == 2


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


def test_clear_is_said_of_the_largest_number_alone() -> None:
    """Of 2 and 3 that are attested only 3 is clear; where the silhouette or the mixture favours 4, 3 is at least so many."""
    found = consensus({2: chain(2, 5), 3: chain(3, 5, 5)})
    silhouette, mixed, davies = (
        replace(found, votes=(Vote("silhouette", s), Vote("mixture", m), Vote("davies_bouldin", d)))
        for s, m, d in ((4, 1, 1), (2, 4, 1), (2, 1, 4))
    )

    assert (found.grade_evidence(2), found.grade_evidence(3)) == ("at least", "clear")
    assert [one.grade_evidence(3) for one in (silhouette, mixed, davies)] == ["at least", "at least", "clear"]


def test_without_a_segment_apart_there_is_no_evidence() -> None:
    """Of three in a row: with valleys on both sides the middle one is apart, with one valley the first is, with none nobody."""
    some = consensus({3: chain(3, 5, 0), 2: chain(2, 0)})
    four = consensus({2: chain(2, 0), 4: chain(4, 5, 5, 5)})

    assert (some.grade_evidence(3), some.grade_evidence(2), some.grade_evidence(5)) == ("weak", "none", "none")
    assert (four.grade_evidence(2), four.grade_evidence(4)) == ("weak", "clear")


def test_every_judge_votes_once(points: Make) -> None:
    """Of three groups, three by all but the bend of the curve, which is at 2: inertia falls most from one to two."""
    found = judged(points(crowds.planted(np.random.default_rng(1), 3, 400).values), range(1, 6))

    others = ("gap", "silhouette", "calinski_harabasz", "davies_bouldin", "stability", "valleys", "mixture")
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

from collections.abc import Callable

import numpy as np
import pytest

from segmentation.preprocessing.scaling import Points
from segmentation.validation.mixture import MixtureGroups, fit_mixture_groups, measure_agreement
from segmentation.validation.separation import CERTAIN, DOUBTFUL
from tests.bench.trust import crowds

Make = Callable[..., Points]


def cut_by_first_column(values: np.ndarray, ks: range) -> dict[int, np.ndarray]:
    """Give starts for EM: users in k equal parts by their first column."""
    ranks = values[:, 0].argsort().argsort()
    return {k: ranks * k // len(values) for k in ks}


def groups_of(points: Points) -> MixtureGroups:
    return fit_mixture_groups(points, cut_by_first_column(points.values, range(1, 6)), seed=1)


def test_two_long_groups_side_by_side_are_two(points: Make) -> None:
    """Each ten times as long as wide and four SDs of its width apart: K-means would cut both across."""
    rng = np.random.default_rng(1)
    values = rng.standard_normal((800, 2)) * [10, 1]
    values[:400, 1] += 6

    found = groups_of(points(values[:, ::-1]))

    assert found.count_groups() == 2
    assert measure_agreement(found.merge_components(), np.repeat([1, 0], 400), np.ones(800)) > 0.98


@pytest.mark.parametrize("shape", ["uniform", "gaussian", "correlated", "lognormal", "exponential", "mixed"])
def test_a_crowd_without_structure_is_one_group(points: Make, shape: str) -> None:
    """Whatever number of components describes it best."""
    crowd = crowds.structureless(np.random.default_rng([3, len(shape)]), shape, 1_000)

    assert groups_of(points(crowd.values)).count_groups() == 1


def test_components_are_one_group_by_way_of_others() -> None:
    """Of three in a row the first and the last have a gap between them, and no gap to the middle one."""
    row = MixtureGroups(np.array([0, 1, 2, 2]), {(0, 1): (1.0, 0.0), (1, 2): (0.9, 1.0), (0, 2): (0.0, 9.0)})

    assert row.merge_components().tolist() == [0, 0, 0, 0]


def test_stricter_limits_merge_more() -> None:
    """A gap of ratio 0.6 and z 3.6 separates, not certainly; one of 0.75 and 1.5 only doubtfully."""
    row = MixtureGroups(np.array([0, 1, 2]), {(0, 1): (0.6, 3.6), (1, 2): (0.75, 1.5), (0, 2): (0.1, 9.0)})

    assert (row.count_groups(CERTAIN), row.count_groups(), row.count_groups(DOUBTFUL)) == (1, 2, 3)


def test_gaps_have_to_be_certain_together() -> None:
    """Two gaps of z 2.5 make 3.54 by Stouffer, and three groups; with 2.4 they make 3.46, and none."""
    both, less = (
        MixtureGroups(np.array([0, 1, 2]), {(0, 1): (0.3, 2.5), (1, 2): (0.3, z), (0, 2): (0.1, 9.0)})
        for z in (2.5, 2.4)
    )

    assert both.count_groups() == 3
    assert less.count_groups() == 1  # what is left has one gap of 2.5


def test_a_few_far_users_are_no_group(points: Make) -> None:
    """Nine users far away, with two groups: two, and the nine join the nearer one."""
    rng = np.random.default_rng(2)
    near = np.concatenate([rng.standard_normal((300, 2)), rng.standard_normal((300, 2)) + 8])
    values = np.concatenate([near, rng.standard_normal((9, 2)) * 0.1 + 40])
    starts = {1: np.zeros(609, int), 2: np.repeat([0, 1], [300, 309]), 3: np.repeat([0, 1, 2], [300, 300, 9])}

    found = fit_mixture_groups(points(values), starts, seed=1)

    assert found.count_groups() == 2
    assert found.merge_components().tolist() == [0] * 300 + [1] * 309


def test_agreement_pairs_each_group_with_one_segment() -> None:
    """Of 10 users, 4 and 3 lie in paired segments, by weight; names of groups don't matter."""
    groups = np.array([0, 0, 1, 1])
    segments = np.array([1, 0, 0, 0])

    assert measure_agreement(groups, segments, np.array([4.0, 2, 3, 1])) == pytest.approx(0.8)
    assert measure_agreement(groups, np.zeros(4, int), np.ones(4)) == 0.5

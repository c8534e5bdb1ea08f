"""Cells stand for their users: the same sums, the same inertia where no border runs through one, and near it elsewhere."""

from collections.abc import Callable

import numpy as np
import pytest

from segmentation.clustering.assign import KMeansModel, assign_nearest, fit_kmeans
from segmentation.clustering.grid import aggregate_to_grid, coarsen_points, fit_k_range_on_cells, round_scale
from segmentation.clustering.pca import project_points
from segmentation.clustering.refine import (
    CONVERGED_SHIFT,
    assign_in_engine,
    count_model_pairs,
    refine_on_all_users,
    scan_users,
)
from segmentation.clustering.sampling import is_usable_sample, sample_cells, sample_users
from segmentation.errors import SweepError
from segmentation.facts import FeatureScale
from segmentation.frames import Frame
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER
from segmentation.preprocessing.scaling import Points, build_scale, standardise_users
from segmentation.validation.scores import compute_calinski_harabasz
from tests.support.music import summarise_columns

Make = Callable[..., Frame]
TWO = ["age", "usage_per_month"]


@pytest.fixture(scope="module")
def crowd(frame: Make) -> Frame:
    """6,000 users around four middles, not far apart, so that borders run through cells."""
    rng = np.random.default_rng(4)
    middles = np.array([[25, 400], [40, 1_500], [60, 500], [45, 900]])
    drawn = middles[rng.integers(0, 4, 6_000)] + rng.normal(0, [6, 200], (6_000, 2))
    return frame(user_id=rng.permutation(6_000), age=drawn[:, 0].round().clip(16), usage_per_month=drawn[:, 1].clip(1))


def celled(users: Frame, step: float = 0.2, names: list[str] = TWO) -> Points:
    return aggregate_to_grid(
        users, round_scale(build_scale(summarise_columns(users, names))), summarise_columns(users, names), step
    )


def test_a_cell_is_its_users_number_and_mean(frame: Make) -> None:
    """Ages 10, 20, 30 and 40 have mean 25 and SD √125 = 11.18: cells of one SD part them after the second.

    Two users about each of two means 5 years off: 4 · 25 squared years, 0.8 squared SDs, are within the cells.
    """
    users = frame(age=[40, 10, 30, 20])
    points = celled(users, 1.5, ["age"])

    assert (points.kind, points.users) == ("cells", 4)
    assert points.weights.tolist() == [2, 2]
    assert points.values[:, 0] == pytest.approx([-10 / 125**0.5, 10 / 125**0.5])
    assert points.within_inertia == pytest.approx(4 * 25 / 125)


def test_cells_have_the_moments_of_their_users(crowd: Frame) -> None:
    """Mean 0, covariance and so the principal components: what varies within a cell is counted, too."""
    users, points = standardise_users(crowd, build_scale(summarise_columns(crowd, TWO))), celled(crowd, 0.5)

    assert len(points.values) < 300
    assert points.weights @ points.values == pytest.approx([0, 0], abs=1e-5)
    whole, parts = project_points(users), project_points(points)
    assert parts.explained == pytest.approx(whole.explained, rel=1e-8)
    np.testing.assert_allclose(parts.loadings, whole.loadings, atol=1e-7)


def test_cells_of_one_user_each_give_the_users_own_fits(crowd: Frame) -> None:
    """Weights are repetition: cells finer than any two users are far apart hold those alike, and nothing within."""
    users, points = standardise_users(crowd, build_scale(summarise_columns(crowd, TWO))), celled(crowd, 1e-7)

    models = fit_k_range_on_cells(points, range(2, 5), n_init=10, seed=1)

    assert points.within_inertia == pytest.approx(0, abs=1e-5)
    for k, model in models.items():
        own = fit_kmeans(users, k, n_init=10, seed=1)
        assert model.inertia == pytest.approx(own.inertia, rel=1e-5)
        assert compute_calinski_harabasz(points, assign_nearest(points.values, own.centres)) == pytest.approx(
            compute_calinski_harabasz(users, assign_nearest(users.values, own.centres)), rel=1e-9
        )


def test_finer_cells_come_nearer_to_the_users(crowd: Frame) -> None:
    """What a grid changes falls with its side: at 0.05 SDs inertia of four segments is within a thousandth."""
    own = fit_kmeans(standardise_users(crowd, build_scale(summarise_columns(crowd, TWO))), 4, n_init=10, seed=1).inertia
    off = [
        fit_k_range_on_cells(celled(crowd, step), [4], n_init=10, seed=1)[4].inertia / own - 1 for step in (0.8, 0.05)
    ]

    assert off[0] > off[1] > 0
    assert off[1] < 0.001


def test_a_grid_too_wide_for_one_number_is_a_grid(crowd: Frame) -> None:
    """Where cells can't be numbered in 62 bits, each axis is; the cells are the same."""
    scale, found = round_scale(build_scale(summarise_columns(crowd, TWO))), summarise_columns(crowd, TWO)
    far = {name: type(one)(one.users, one.mean, one.sd, -1e15, 1e15, one.is_integer) for name, one in found.items()}

    some, same = aggregate_to_grid(crowd, scale, found, 0.2), aggregate_to_grid(crowd, scale, far, 0.2)

    np.testing.assert_array_equal(some.weights, same.weights)
    np.testing.assert_array_equal(some.values, same.values)


def test_coarse_cells_are_few_and_hold_everybody(crowd: Frame) -> None:
    """The starts compete on a few hundred points; none of the users is lost among them."""
    points = celled(crowd, 0.05)
    few = coarsen_points(points, 200)

    assert len(few.values) <= 200 < len(points.values)
    assert few.users == 6_000
    assert few.weights @ few.values == pytest.approx(points.weights @ points.values, abs=1e-9)


def test_coarser_cells_are_as_coarse_as_they_have_to_be(points: Callable[..., Points]) -> None:
    """0.1, 0.45 and 0.85 are three cells of 0.4, and two of 0.5; each cell is the mean of its users."""
    fine = points([[0.1], [0.45], [0.85]], [1, 3, 4])
    few = coarsen_points(fine, 2)

    assert few.values[:, 0] == pytest.approx([(0.1 + 3 * 0.45) / 4, 0.85])
    assert few.weights.tolist() == [4, 4]
    assert (few.features, few.scale, few.kind) == (fine.features, fine.scale, "cells")
    assert coarsen_points(fine, 3).values[:, 0] == pytest.approx([0.1, 0.45, 0.85])
    assert coarsen_points(points([[0.1], [0.3], [0.45], [0.7]]), 2).weights.tolist() == [2, 2]


def test_neither_unit_nor_zero_of_a_column_moves_a_border(frame: Make, crowd: Frame) -> None:
    """Thousandths of a year, and minutes below zero: the cells are the same, though the grid's places are others."""
    other = frame(age=crowd["age"].to_numpy() / 1024, usage_per_month=crowd["usage_per_month"].to_numpy() - 65_536)

    some, same = celled(crowd, 0.5), celled(other, 0.5)

    assert some.weights.tolist() == same.weights.tolist()
    np.testing.assert_allclose(some.values, same.values, atol=1e-7)


def test_fewer_cells_than_segments_are_refused_in_words(frame: Make) -> None:
    """As many are enough, and leave no distance but that within the cells, which is none."""
    two = celled(frame(age=[20, 40] * 50), 0.2, ["age"])

    with pytest.raises(SweepError, match=r"^3 segments.* only 2 kinds of users.*`k_range` in settings.toml\.$") as said:
        fit_k_range_on_cells(two, range(1, 4), n_init=2, seed=1)
    assert ". Give a smaller" in str(said.value)
    assert fit_k_range_on_cells(two, range(1, 3), n_init=2, seed=1)[2].inertia == pytest.approx(0)


def test_one_seed_makes_the_same_models_of_cells(points: Callable[..., Points]) -> None:
    """To the bit, with one start each where there are many optima."""
    some = points(np.random.default_rng(8).normal(size=(300, 4)))

    first, again = (fit_k_range_on_cells(some, [7, 9], n_init=1, seed=4) for _ in range(2))

    assert list(first) == [7, 9]
    assert [one.centres.tobytes() for one in first.values()] == [one.centres.tobytes() for one in again.values()]


def test_the_largest_segment_of_cells_has_the_most_users(points: Callable[..., Points]) -> None:
    """One cell of nine users outnumbers three cells of one each."""
    model = fit_k_range_on_cells(points([[0.0], [0.1], [0.2], [9.0]], [1, 1, 1, 9]), [2], n_init=3, seed=1)[2]

    assert model.centres[:, 0] == pytest.approx([9, 0.1])


def test_a_model_of_the_cells_settles_on_the_users(crowd: Frame) -> None:
    """From coarse cells to centres that no further step moves, with the inertia that the users have about them."""
    points = celled(crowd, 0.5)
    users = standardise_users(crowd, points.scale)
    model = fit_k_range_on_cells(points, [4], n_init=10, seed=1)[4]

    exact = refine_on_all_users(crowd, points, model)

    labels = assign_nearest(users.values, exact.model.centres)
    means = np.array([users.values[labels == n].mean(axis=0) for n in range(4)])
    assert np.sqrt(((means - exact.model.centres) ** 2).sum(axis=1)).max() <= CONVERGED_SHIFT
    assert exact.model.inertia == pytest.approx(((users.values - exact.model.centres[labels]) ** 2).sum(), rel=1e-9)
    assert exact.max_shift <= CONVERGED_SHIFT
    first = assign_nearest(users.values, model.centres)
    own = ((users.values - model.centres[first]) ** 2).sum()
    cells = ((points.values - model.centres[assign_nearest(points.values, model.centres)]) ** 2).sum(axis=1)
    assert exact.grid_error == pytest.approx((points.weights @ cells + points.within_inertia) / own - 1, rel=1e-4)


def test_where_the_scans_are_used_up_it_is_said_how_far_they_came(
    crowd: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users without structure, cut into many, can take more scans than there are: the pages then claim no rest."""
    points = celled(crowd, 0.5)
    model = fit_k_range_on_cells(points, [4], n_init=10, seed=1)[4]
    monkeypatch.setattr("segmentation.clustering.refine.MAX_SCANS", 1)

    exact = refine_on_all_users(crowd, points, model)

    users = standardise_users(crowd, points.scale)
    labels = assign_nearest(users.values, exact.model.centres)
    means = np.array([users.values[labels == n].mean(axis=0) for n in range(4)])
    assert exact.steps == 1
    assert exact.max_shift == pytest.approx(np.sqrt(((means - exact.model.centres) ** 2).sum(axis=1)).max())
    assert exact.max_shift > CONVERGED_SHIFT


def test_what_the_cells_are_off_by_saves_scans(crowd: Frame) -> None:
    """Plain K-means from the same start takes more scans of the users to come as near, and to the same place."""
    points = celled(crowd, 0.1)
    model = fit_k_range_on_cells(points, [4], n_init=10, seed=1)[4]
    centres, plain = model.centres, 0
    moved = np.inf
    while moved > CONVERGED_SHIFT:
        found = scan_users(crowd, points.scale, centres)
        means = found.sums / found.sizes[:, None]
        moved, plain = float(np.sqrt(((means - centres) ** 2).sum(axis=1)).max()), plain + 1
        centres = means

    exact = refine_on_all_users(crowd, points, model)

    assert 0 < exact.steps < plain
    np.testing.assert_allclose(exact.model.centres, centres, atol=1e-3)


@pytest.mark.parametrize("k", [1, 2, 3, 10])
def test_an_engine_finds_the_nearest_centre(crowd: Frame, k: int) -> None:
    """The same as in memory, in the numbers' own units."""
    scale = build_scale(summarise_columns(crowd, TWO))
    centres = np.random.default_rng(k).normal(size=(k, 2))

    found = assign_in_engine(crowd, scale, centres)

    assert found.columns == [*crowd.columns, SEGMENT_NUMBER]
    assert found[SEGMENT_NUMBER].to_list() == assign_nearest(standardise_users(crowd, scale).values, centres).tolist()


def test_of_equally_near_centres_the_first_is_taken(frame: Make) -> None:
    """A user in the middle between two, and one in the middle of three of whom the first is farther."""
    users, scale = frame(age=[40, 60]), FeatureScale({"age": 40.0}, {"age": 10.0})

    found = assign_in_engine(users, scale, np.array([[-1.0], [1.0], [3.0]]))

    assert found[SEGMENT_NUMBER].to_list() == [0, 1]


def test_users_are_counted_by_two_models(frame: Make) -> None:
    """Ages 10 and 30 lie nearer to 20 than to 60 and 50 and 70 don't; of these 70 alone is nearer to 80 than to 40."""
    users = frame(age=[10, 30, 50, 70, 70], usage_per_month=1)
    ten, five = FeatureScale({"age": 0.0}, {"age": 10.0}), FeatureScale({"age": 50.0}, {"age": 5.0})

    found = count_model_pairs(users, (ten, np.array([[2.0], [6.0]])), (five, np.array([[-2.0], [6.0]])))

    assert found == {(0, 0): 2, (1, 0): 1, (1, 1): 2}


def test_a_scan_finds_sizes_sums_and_inertia(frame: Make) -> None:
    """1, 2 and 6, 7 in SDs of ten years about 0: to centres 1 and 6 the distances are 0, 1, 0 and 1; nobody is near 90.

    The inertia is told by the scale's own SDs: squares about the mean 4 are 9 + 4 + 4 + 9 = 26, 6.5 a user.
    """
    users = frame(age=[10, 20, 60, 70])
    sd = 10 * 6.5**0.5
    scale = FeatureScale({"age": 40.0}, {"age": sd})
    centres = (np.array([[10.0], [60.0], [900.0]]) - 40) / sd

    found = scan_users(users, scale, centres)

    assert found.sizes.tolist() == [2, 2, 0]
    assert found.sums[:, 0] == pytest.approx([(-30 - 20) / sd, (20 + 30) / sd, 0])
    assert found.inertia == pytest.approx(200 / sd**2)


def test_a_centre_that_nobody_is_near_stays(frame: Make) -> None:
    """Two segments of two users each, and a third one at 900 years: it is kept where it is, and has nobody."""
    users = frame(age=[10, 20, 60, 70])
    points = celled(users, 0.01, ["age"])
    sd, mean = points.scale.sd["age"], points.scale.mean["age"]
    model = KMeansModel((np.array([[14.0], [64.0], [900.0]]) - mean) / sd, 0.0)

    exact = refine_on_all_users(users, points, model)

    assert (exact.model.centres * sd + mean)[:, 0] == pytest.approx([15, 65, 900], abs=1e-4)


def test_a_segment_of_one_user_lies_where_that_user_is(frame: Make) -> None:
    """10, 20 and one of 70, from centres that are off."""
    users = frame(age=[10, 20, 70])
    points = celled(users, 0.01, ["age"])
    sd, mean = points.scale.sd["age"], points.scale.mean["age"]

    exact = refine_on_all_users(users, points, KMeansModel((np.array([[14.0], [60.0]]) - mean) / sd, 0.0))

    assert (exact.model.centres * sd + mean)[:, 0] == pytest.approx([15, 70], abs=1e-4)


def test_a_sample_is_the_same_in_any_order(crowd: Frame) -> None:
    """And of about the size asked for, like its crowd: means within four standard errors, 4 / √1,000 SDs."""
    scale = round_scale(build_scale(summarise_columns(crowd, TWO)))
    some = sample_users(crowd, scale, 6_000, 1_000)
    again = sample_users(crowd[::-1], scale, 6_000, 1_000)

    assert (some.kind, some.users) == ("sample", len(some.values))
    assert (some.features, some.scale) == (tuple(TWO), scale)
    assert 900 <= len(some.values) <= 1_000
    np.testing.assert_array_equal(some.values, again.values)
    assert np.abs(some.values.mean(axis=0)).max() < 4 / 1_000**0.5
    assert some.values.std(axis=0) == pytest.approx([1, 1], abs=0.1)


def test_a_sample_of_a_lattice_lies_on_no_lattice_of_its_own(frame: Make) -> None:
    """Users on every place of a grid of whole numbers: what is drawn of each row and column differs as by chance.

    400 of 40,000 in 20 blocks of rows: chi-squared of 19 degrees lies between 4.9 and 45.3 in 999 of 1,000 draws.
    """
    ages, minutes = (part.ravel() for part in np.meshgrid(np.arange(200), np.arange(200)))
    crowd = frame(age=ages, usage_per_month=minutes)
    scale = FeatureScale({"age": 0.0, "usage_per_month": 0.0}, {"age": 1.0, "usage_per_month": 1.0})

    some = sample_users(crowd, scale, 40_000, 400).values

    for values in (some[:, 0], some[:, 1], (some[:, 0] + some[:, 1]) % 200):
        counts = np.histogram(values, 20, (0, 200))[0]
        expected = len(some) / 20
        assert 4.9 < ((counts - expected) ** 2 / expected).sum() < 45.3


def test_a_crowd_of_few_kinds_is_drawn_from_its_cells(frame: Make) -> None:
    """Who differs in nothing is drawn together: of forty kinds of fifty users, a handful of kinds would judge for all."""
    kinds = np.repeat(np.arange(40), 50)
    users = frame(age=20 + kinds, usage_per_month=100 * (kinds % 7))
    points = celled(users)

    assert not is_usable_sample(sample_users(users, points.scale, 2_000, 500), 500)
    some = sample_cells(points, 500, seed=1)
    assert (some.kind, some.users) == ("sample", 500)
    assert len(np.unique(some.values, axis=0)) == 40
    assert (some.features, some.scale) == (points.features, points.scale)
    np.testing.assert_array_equal(some.values, sample_cells(points, 500, seed=1).values)


@pytest.mark.parametrize("first", [0, 10**15])
def test_users_who_differ_in_their_ids_alone_are_drawn_one_by_one(frame: Make, first: int) -> None:
    """Half of one age, half of another, and ids in a row, as large as they may be: 500 of 2,000, about half of each."""
    users = frame(user_id=first + np.arange(2_000), age=np.repeat([30, 40], 1_000))
    some = sample_users(users, round_scale(build_scale(summarise_columns(users, ["age"]))), 2_000, 500).values[:, 0]

    assert 450 <= len(some) <= 500
    assert (some > 0).mean() == pytest.approx(0.5, abs=0.08)


def test_a_sample_of_too_few_or_of_the_same_is_none(points: Callable[..., Points]) -> None:
    """Half of those wanted are enough, if half of them differ."""
    differ = points(np.arange(10.0)[:, None])
    same = points(np.repeat([1.0, 2.0], 5)[:, None])

    assert is_usable_sample(differ, 20)
    assert not is_usable_sample(differ, 21)
    assert is_usable_sample(points(np.repeat(np.arange(5.0), 2)[:, None]), 10)
    assert not is_usable_sample(same, 10)
    assert not is_usable_sample(points(np.repeat(np.arange(4.0), [3, 3, 2, 2])[:, None]), 10)

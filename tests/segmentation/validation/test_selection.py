from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_score

from segmentation.clustering.assign import assign_nearest
from segmentation.facts import ValidityIndices
from segmentation.options import Options
from segmentation.population import InMemoryUsers
from segmentation.preprocessing.scaling import Floats, Points, build_scale
from segmentation.validation.gap import fit_gap_curves
from segmentation.validation.selection import ModelSelection, PreviousSegments, _propose_k, select_model
from tests.support.music import summarise_columns

Make = Callable[..., Any]
TWO = ("age", "usage_per_month")
ACROSS = np.array([[-0.87, 0.0], [0.87, 0.0]])  # a cut by age
ALONG = np.array([[0.0, -0.87], [0.0, 0.87]])  # a cut by usage

QUARTERS = [np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), n) for n in range(4)]


@pytest.fixture(scope="module")
def chosen(users: Callable[..., pd.DataFrame], plan: Callable[..., Options]) -> Callable[..., ModelSelection]:
    """Choose among the segments of users who are spread like this in two features, after a month with these centres."""

    def make(columns: Floats, before: Floats | None, **changes: Any) -> ModelSelection:
        frame = nw.from_native(users(age=50 + 8 * columns[0], usage_per_month=2000 + 300 * columns[1]))
        crowd = InMemoryUsers.from_users(frame, build_scale(summarise_columns(frame, TWO)))
        asked = plan(**{"features": TWO, "k": 2, "k_range": (1, 4), "bootstraps": 40} | changes)
        return select_model(
            crowd,
            asked,
            None if before is None else PreviousSegments(before, is_own_choice=False, is_attested=False),
            lambda: fit_gap_curves(crowd.judging_sample, asked.ks, n_draws=2, seed=1),
            executor=None,
            report_progress=lambda _: None,
        )

    return make


def even(n: int, seed: int) -> Floats:
    """Draw columns without any valley, of variance 1."""
    return np.random.default_rng(seed).uniform(-np.sqrt(3), np.sqrt(3), (2, n))


def humps(n: int, seed: int) -> Floats:
    """Draw a column without a valley, and one with a valley between two humps that are 1.7 SDs apart; each of variance 1."""
    rng = np.random.default_rng(seed)
    two = np.sqrt(0.71) * rng.choice([-1, 1], n) + np.sqrt(0.29) * rng.standard_normal(n)
    return np.stack([rng.uniform(-np.sqrt(3), np.sqrt(3), n), two])


def cut(found: ModelSelection) -> str:
    """Name the feature in which the two segments lie apart."""
    return TWO[int(np.abs(found.model.centres[0]).argmax())]


def test_of_equal_cuts_last_month_s_is_kept(chosen: Callable[..., ModelSelection]) -> None:
    """An even square is halved as well across as along; neither half is a group, so nobody is told that people moved."""
    square = even(1_500, seed=1)

    assert [cut(chosen(square, before)) for before in (ACROSS, ALONG)] == list(TWO)


def test_what_is_told_is_of_the_cut_that_is_kept(chosen: Callable[..., ModelSelection]) -> None:
    """The judges, the silhouette and the curve: the best cut's are none of theirs."""
    square = even(1_500, seed=1)
    best = chosen(square, None)
    kept = chosen(square, ACROSS if cut(best) == "usage_per_month" else ALONG)
    scaled = ((square - square.mean(axis=1)[:, None]) / square.std(axis=1)[:, None]).T
    labels = assign_nearest(scaled, kept.model.centres)

    assert cut(kept) != cut(best)
    assert kept.elbow.inertia[1] == pytest.approx(((scaled - kept.model.centres[labels]) ** 2).sum(), rel=1e-4)
    assert kept.elbow.inertia[1] > best.elbow.inertia[1]
    assert kept.validity.silhouette[0] == pytest.approx(silhouette_score(scaled, labels), abs=1e-3)
    assert kept.elbow.inertia[::2] == best.elbow.inertia[::2]


def test_a_cut_through_a_crowd_gives_way_to_a_valley(chosen: Callable[..., ModelSelection]) -> None:
    """Where groups have come, the borders that were drawn for want of any are not kept, and the evidence is the groups' own.

    Humps 1.7 standard deviations apart are hardly nearer their middles than the halves of an even column are to theirs.
    """
    columns = humps(6_000, seed=2)
    after = chosen(columns, ACROSS)
    halves = (columns[0] < 0).astype(int)
    inertia = sum(
        ((column - np.array([column[halves == half].mean() for half in (0, 1)])[halves]) ** 2).sum() / column.var()
        for column in columns
    )

    assert after.model.inertia < inertia < after.model.inertia * 1.01
    assert cut(after) == "usage_per_month"
    assert after.consensus.is_attested(2)
    assert all(after.consensus.separations[2].separated_segments)


def test_another_number_of_segments_leaves_the_curve_alone(chosen: Callable[..., ModelSelection]) -> None:
    """Last month's three, of which a square has four as good as each other, are no part of a month of two."""
    square = even(1_500, seed=2)
    threes = [np.array([[-0.9, -0.9], [0.9, -0.9], [0.0, 0.9]]) @ turn for turn in QUARTERS]
    curves = {chosen(square, before).elbow.inertia for before in (None, *threes)}

    assert len(curves) == 1
    assert len({chosen(square, before, k=3).elbow.inertia for before in threes}) > 1


def test_last_month_s_cut_is_kept_of_cells_too(chosen: Callable[..., ModelSelection]) -> None:
    """What the users' own inertia is stands on the curve, whichever cut is used."""
    square = even(1_500, seed=1)
    first, second = (chosen(square, before) for before in (ACROSS, ALONG))

    assert replace(first.elbow, inertia=()) == replace(second.elbow, inertia=())
    for found in (first, second):
        assert found.elbow.inertia[1] == found.model.inertia


@dataclass(frozen=True)
class Sampled(InMemoryUsers):
    """Users of whom only some are judged by."""

    rows: tuple[int, ...] = ()

    @property
    def judging_sample(self) -> Points:
        """The rows that were drawn."""
        return self.points.select_rows(np.array(self.rows))


@pytest.mark.parametrize(("seen", "kept"), [(9, 1), (10, -1)])
def test_a_cut_that_the_sample_cannot_judge_is_not_kept(points: Make, plan: Make, seen: int, kept: int) -> None:
    """201 lie to the left of a crowd, 200 to its right: those are one if last month they were, and the sample has ten of them."""
    half = np.random.default_rng(4).normal(0, 0.4, (50, 1))
    data = points(np.concatenate([half, -half, np.full((201, 1), -6.0), np.full((200, 1), 6.0)]))
    crowd = Sampled(None, None, data, (*range(110), *range(301, 301 + seen)))
    asked = plan(features=("age",), k=2, k_range=(1, 3), n_init=30)
    found = select_model(
        crowd,
        asked,
        PreviousSegments(np.array([[6.0], [-4.0]]), is_own_choice=False, is_attested=False),
        lambda: fit_gap_curves(crowd.judging_sample, asked.ks, n_draws=2, seed=1),
        executor=None,
        report_progress=lambda _: None,
    )

    larger = np.bincount(assign_nearest(data.values, found.model.centres)).argmax()
    assert np.sign(found.model.centres[larger, 0]) == kept


def test_segments_of_a_number_that_is_no_longer_tried_are_forgotten(chosen: Callable[..., ModelSelection]) -> None:
    """And one segment is everybody, whatever it was."""
    square = even(400, seed=1)
    alone = chosen(square, None)

    for before in (np.zeros((1, 2)), np.stack([np.arange(9.0)] * 2, axis=1)):
        np.testing.assert_array_equal(chosen(square, before).model.centres, alone.model.centres)


@dataclass(frozen=True)
class Found:
    """A consensus, and what it makes of last month's number."""

    k: int
    next_k: int = 1

    def continue_from(self, previous_k: int, *, was_attested: bool) -> int:
        """Return what was given."""
        assert (previous_k, was_attested) == (4, True)
        return self.next_k


def proposed(found: Found, bend: int, *, before: int | None = 4, is_own_choice: bool = True) -> tuple[int, str]:
    """Propose a number of 2 to 8 after a month with so many segments."""
    ks = tuple(range(2, 9))
    previous = before and PreviousSegments(np.zeros((before, 2)), is_own_choice=is_own_choice, is_attested=True)
    validity = ValidityIndices(ks, *[(0.0,) * len(ks)] * 4)
    return _propose_k(found, previous or None, validity, bend=(bend, "elbow"))


def test_the_first_month_has_the_consensus_or_the_bend() -> None:
    """Five that are attested; else the three where the curve bends. A number from settings is no last month's number."""
    assert proposed(Found(5), 3, before=None) == (5, "panel")
    assert proposed(Found(1), 3, before=None) == (3, "elbow")
    assert proposed(Found(5), 3, is_own_choice=False) == (5, "panel")
    assert proposed(Found(5), 3, before=9) == (5, "panel")


def test_a_later_month_says_whether_its_number_is_found_or_kept() -> None:
    """Five were found and five are used; or four are kept."""
    assert proposed(Found(5, next_k=5), 3) == (5, "panel")
    assert proposed(Found(5, next_k=4), 3) == (4, "previous")
    assert proposed(Found(4, next_k=4), 3) == (4, "panel")


def test_a_bend_beside_last_months_number_changes_nothing() -> None:
    """Where nothing is attested, three and five leave the four; a bend at four is the bend; at two or six it decides."""
    assert [proposed(Found(1), bend) for bend in (3, 5)] == [(4, "previous")] * 2
    assert [proposed(Found(1), bend) for bend in (2, 4, 6)] == [(2, "elbow"), (4, "elbow"), (6, "elbow")]

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pytest
from kneed import KneeLocator

from segmentation.clustering.assign import KMeansModel, fit_kmeans
from segmentation.clustering.grid import fit_k_range_on_cells
from segmentation.errors import SweepError
from segmentation.facts import ElbowCurve, ValidityIndices
from segmentation.preprocessing.scaling import Points
from segmentation.validation.elbow import Sweep, choose_k, find_knee, fit_k_range, propose_bend, require_assessable_k

STRAIGHT = {1: 40.0, 2: 30.0, 3: 20.0, 4: 10.0}
CORNERED = {2: 100.0, 3: 60.0, 4: 20.0, 5: 18.0, 6: 16.0}
REAL = [19628.0, 15279.7306, 12077.9545, 10201.3206, 8889.0893, 8018.8161, 7350.2568, 6768.2297, 6323.3130, 6003.5801]


def curve(inertia: dict[int, float]) -> Sweep:
    """Give a sweep that has this curve."""
    models = {k: KMeansModel(np.zeros((k, 1)), value) for k, value in inertia.items()}
    return Sweep(models, {k: np.zeros(0, dtype=np.intp) for k in models})


def separated(inertia: dict[int, float], best: int) -> ValidityIndices:
    """Give silhouettes that are highest at this k."""
    ks = tuple(k for k in inertia if k >= 2)
    flat = (0.0,) * len(ks)
    return ValidityIndices(ks, tuple(0.5 - abs(k - best) / 100 for k in ks), flat, flat, flat)


def chosen(
    inertia: dict[int, float],
    wanted: int | Literal["elbow"],
    *,
    separates: int = 3,
    smallest: Mapping[int, int] = MappingProxyType({}),
) -> ElbowCurve:
    """Decide by the bend or the silhouette, where the smallest segment of each k has 50 users, or these."""
    sizes = dict.fromkeys(inertia, 50) | smallest
    validity = separated(inertia, separates)
    bend = propose_bend(find_knee(list(inertia), list(inertia.values())), validity)
    return choose_k(curve(inertia), validity, wanted, bend, sizes, 10)


def test_a_cornered_curve_bends_at_its_corner() -> None:
    """At k = 4 the curve lies 1 - 1/2 - 1/21 = 19/42 below its chord, and nowhere as deep."""
    assert find_knee(list(CORNERED), list(CORNERED.values())) == 4


def test_the_real_curve_bends_at_four() -> None:
    """The lowest known sums of the Music file, k = 1..10; the published reading is 4."""
    assert find_knee(range(1, 11), REAL) == 4


@pytest.mark.parametrize("inertia", [[40, 30, 20, 10], [100, 95, 80, 40, 0]], ids=["straight", "bent the other way"])
def test_a_curve_without_an_elbow_has_no_knee(inertia: list[float]) -> None:
    """The caller has to ask something else; a number would be made up."""
    assert find_knee(range(1, len(inertia) + 1), inertia) is None
    bent = [inertia[0] + 200, *inertia]  # one steep step before it
    assert find_knee(range(1, len(bent) + 1), bent) == 2


def test_no_curve_bends_at_its_end() -> None:
    """It falls faster and faster, as where four groups are equally far apart: Kneedle says 1, which segments nobody."""
    ks, inertia = [1, 2, 3, 4], [907, 798, 644, 0]

    assert KneeLocator(ks, inertia, curve="convex", direction="decreasing").knee == 1
    assert find_knee(ks, inertia) is None


@pytest.mark.parametrize(
    ("ks", "inertia", "message"),
    [
        ([1, 2], [2, 1], r"at least 3 pairs.*\. Widen `k_range` in settings.toml\.$"),
        ([1, 2, 3], [3, 2], "at least 3 pairs"),
        ([], [], "at least 3 pairs"),
        ([[1, 2, 3]], [[3, 2, 1]], "at least 3 pairs"),
        ([1, 2, 3], [1, 2, 3], "must fall"),
        ([1, 2, 3], [2, 1, 2], "must fall"),
        ([1, 2, 3], [3, np.nan, 1], "must fall"),
        ([1, 2, 3], [np.inf, 2, 1], "must fall"),
        ([1, 3, 2], [3, 2, 1], "must fall"),
        ([1, 1, 2], [3, 2, 1], "must fall"),
        ([1, 2, 3], [2, 3, 2], "must fall"),
    ],
)
def test_what_is_no_falling_curve_is_refused(ks: list[int], inertia: list[float], message: str) -> None:
    """Too few pairs, unequal ones, a rise, a hole, or k out of order or twice; an end as high as the start is no fall."""
    with pytest.raises(SweepError, match=message):
        find_knee(ks, inertia)


def test_a_sweep_has_the_best_model_for_every_k(points: Callable[..., Points]) -> None:
    """0, 2 and 10, 12: around 6 they lie 36 + 16 + 16 + 36 = 104; in pairs 4 · 1; with one pair left 2."""
    tried = fit_k_range(points([[0], [2], [10], [12]]), range(1, 4), n_init=5, seed=0)

    assert tried.ks == (1, 2, 3)
    assert tried.inertia == pytest.approx((104, 4, 2))
    assert tried.labels[2].tolist() == [0, 0, 1, 1]


def test_a_sweep_of_cells_is_theirs(points: Callable[..., Points]) -> None:
    """On cells the starts compete by another way, whose models these are to the bit."""
    cells = replace(points(np.random.default_rng(2).normal(size=(60, 2))), kind="cells")

    tried = fit_k_range(cells, [2, 3, 4], n_init=2, seed=5)

    own = fit_k_range_on_cells(cells, [2, 3, 4], n_init=2, seed=5)
    assert tried.ks == (2, 3, 4)
    for k, model in own.items():
        np.testing.assert_array_equal(tried.models[k].centres, model.centres)


def test_a_sweep_of_users_goes_by_its_seed(points: Callable[..., Points]) -> None:
    """Users without structure have many optima: one start each would find others if it weren't for the seed."""
    users = points(np.random.default_rng(2).normal(size=(200, 4)))

    first, again = (fit_k_range(users, [6, 7, 8], n_init=1, seed=5).inertia for _ in range(2))

    assert first == again
    assert first == tuple(fit_kmeans(users, k, n_init=1, seed=5).inertia for k in (6, 7, 8))


def test_settings_have_the_last_word() -> None:
    """Neither bend nor silhouette nor panel is asked where a person has chosen; the bend is told all the same."""
    elbow = chosen(CORNERED, 5)

    assert (elbow.chosen, elbow.decided_by, elbow.knee) == (5, "settings", 4)
    assert (elbow.k, elbow.inertia) == ((2, 3, 4, 5, 6), (100, 60, 20, 18, 16))


def test_the_bend_decides_before_the_silhouette() -> None:
    """The brief asks for the elbow; the silhouette stands beside it, and the panel is not asked."""
    elbow = chosen(CORNERED, "elbow")

    assert (elbow.chosen, elbow.decided_by, elbow.knee) == (4, "elbow", 4)
    assert (elbow.k, elbow.inertia) == ((2, 3, 4, 5, 6), (100, 60, 20, 18, 16))


def test_where_nothing_bends_the_silhouette_decides() -> None:
    """A straight curve from k = 1; silhouettes begin at 2, so that places in the two lists differ."""
    elbow = chosen(STRAIGHT, "elbow")

    assert (elbow.chosen, elbow.decided_by, elbow.knee) == (3, "silhouette", None)


def test_a_bend_at_two_is_a_bend() -> None:
    """1 would be none; two are the fewest segments that there are. At 2 the curve lies 1 - 1/3 - 4/84 below its chord."""
    elbow = chosen({1: 100.0, 2: 20.0, 3: 18.0, 4: 16.0}, "elbow")

    assert (elbow.chosen, elbow.decided_by) == (2, "elbow")


def test_a_segment_of_a_handful_is_not_made() -> None:
    """At 4 one has nine users: the next smaller k whose smallest has ten is 2, whoever wanted 4."""
    few = {4: 9, 3: 9, 2: 10}

    assert chosen(CORNERED, "elbow", smallest=few).chosen == 2
    assert chosen(CORNERED, "elbow", smallest=few).decided_by == "elbow"
    assert chosen(CORNERED, "elbow", smallest=few).chosen == 2


def test_where_even_two_are_too_small_there_is_no_report() -> None:
    """Nine users and the rest: everything that is said of the nine is said of somebody."""
    with pytest.raises(SweepError, match="Even 2 segments leave one with fewer than 10 users"):
        chosen(CORNERED, "elbow", smallest=dict.fromkeys(CORNERED, 9))


def test_a_number_of_segments_that_was_not_tried_is_refused() -> None:
    """There is no model to show."""
    with pytest.raises(SweepError, match=r"asks for k = 7, but k_range tries 2 to 6\. Widen k_range, or change k\.$"):
        chosen(CORNERED, 7)


def test_a_number_that_makes_a_handful_is_refused() -> None:
    """A person asked for it: they are told, not given another. Ten are no handful."""
    with pytest.raises(
        SweepError, match=r"k = 5, but one of them has 9 users; under 10 can be picked out\. Ask for a smaller k\.$"
    ):
        chosen(CORNERED, 5, smallest={5: 9})

    assert chosen(CORNERED, 5, smallest={5: 10}).chosen == 5


def test_no_number_to_try_is_refused(points: Callable[..., Points]) -> None:
    """From 5 to 2 there is none."""
    with pytest.raises(
        SweepError, match=r"^There is no number of segments to try\. Correct `k_range` in settings.toml\.$"
    ):
        fit_k_range(points([[0], [1]]), range(5, 3), n_init=1, seed=0)


def test_what_cannot_be_judged_is_not_asked_for() -> None:
    """Nobody can say how well segments stand apart of which a sample has no users: settings have to ask for fewer."""
    two = ValidityIndices((2,), (0.5,), (0.5,), (9.0,), (0.5,))
    none = ValidityIndices((), (), (), (), ())

    for wanted in (1, 2, "elbow"):
        require_assessable_k(two, wanted, 20_000, min_k=2)
    with pytest.raises(SweepError, match="asks for k = 3, but one of them is so small that a sample of 20,000 users"):
        require_assessable_k(two, 3, 20_000, min_k=2)
    for wanted in (1, 2, "elbow"):
        with pytest.raises(SweepError, match=r"Even 4 segments .* sample of 2,000 users .* Narrow .* \[valid\]"):
            require_assessable_k(none, wanted, 2_000, min_k=4)

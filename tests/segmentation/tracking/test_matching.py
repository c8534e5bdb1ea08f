import functools
from collections.abc import Sequence
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from data.generate import GROUPS, HEAVY, SAMPLE_MONTHS, YOUNG, make_sample_month
from segmentation.clustering.assign import KMeansModel, assign_nearest, fit_kmeans
from segmentation.errors import SegmentationError
from segmentation.facts import FeatureScale, IdRegistry, TrendLine
from segmentation.preprocessing.scaling import Points, build_scale, standardise_users
from segmentation.schema import USER_ID
from segmentation.tracking.compare import build_trend, measure_shares_at_old_borders
from segmentation.tracking.matching import PreviousModel, SegmentLineage, match_centres, rescale_values
from segmentation.tracking.migration import MigrationCounts, count_migration, crosstab_with_previous
from segmentation.tracking.transitions import Transition, detect_transitions
from tests.bench.trust import histories
from tests.support.music import DEFAULT_FEATURES, assign_ids, clean_users, is_name_accurate, summarise_columns

VALID = {"age": (16, 65), "num_of_days_active": (0, 365)}
ONE = FeatureScale({"age": 0.0, "usage_per_month": 0.0}, {"age": 1.0, "usage_per_month": 1.0})


def past(*centres: tuple[float, float], users: int = 10_000, radius: float = 0.5) -> PreviousModel:
    """Give segments S1, S2, ... named A, B, ... at these places, in a scaling that changes nothing."""
    return PreviousModel(
        scale=ONE,
        ids=tuple(f"S{n + 1}" for n in range(len(centres))),
        names=tuple("ABCDEFG"[: len(centres)]),
        centres=np.array(centres, dtype=float),
        users=(users,) * len(centres),
        radius=radius,
        last_id=len(centres),
    )


def lineage_of(before: PreviousModel, centres: list[tuple[float, float]], users: list[int]) -> SegmentLineage:
    matches = match_centres(before, np.array(centres, dtype=float), users)
    named = [dict(zip(ONE.mean, centre, strict=True)) for centre in centres]
    return assign_ids(before, matches, named, users)


def test_centres_are_seen_in_last_months_scaling() -> None:
    """1 SD of 10 above a mean of 40 is 50; seen from a mean of 30 with an SD of 5, that is 4 SDs. Columns by name."""
    now = FeatureScale({"usage_per_month": 100.0, "age": 40.0}, {"usage_per_month": 50.0, "age": 10.0})
    then = FeatureScale({"age": 30.0, "usage_per_month": 100.0}, {"age": 5.0, "usage_per_month": 100.0})

    assert rescale_values(np.array([[-1.0, 1.0]]), now, then).tolist() == [[4.0, -0.5]]


def test_months_on_other_features_are_refused() -> None:
    with pytest.raises(SegmentationError, match="clustered on age, last month was on age, usage_per_month"):
        rescale_values(np.zeros((1, 1)), FeatureScale({"age": 0}, {"age": 1}), ONE)


def test_pairs_have_the_least_total_distance() -> None:
    """Nearest first would pair 0 with 1.1 and leave 2 with 3.2; both pairings are possible only for the right one."""
    found = match_centres(past((0, 0), (4, 0)), np.array([[4.5, 0], [0.5, 0]]), [100, 100])

    assert [(pair.last, pair.now, pair.distance) for pair in found] == [(0, 1, 0.5), (1, 0, 0.5)]


def test_beyond_half_the_way_to_the_neighbour_it_is_another() -> None:
    """Half of 4 is 2; sampling adds 2 x 0.5 x sqrt(2 / 10,000) = 0.014."""
    before = past((0, 0), (4, 0))

    assert match_centres(before, np.array([[-2.01, 0]]), [10_000])[0].last == 0
    assert match_centres(before, np.array([[-2.03, 0]]), [10_000]) == ()


def test_few_users_make_a_centre_uncertain() -> None:
    """With 25 users each, sampling adds 2 x 0.5 x sqrt(2 / 25) = 0.283 to the 2."""
    before = past((0, 0), (4, 0), users=25)

    assert len(match_centres(before, np.array([[-2.28, 0]]), [25])) == 1
    assert len(match_centres(before, np.array([[-2.29, 0]]), [25])) == 0


def test_a_segment_alone_may_move_by_half_its_radius() -> None:
    before = past((0, 0), radius=1.0, users=10**9)

    assert len(match_centres(before, np.array([[0.49, 0]]), [10**9])) == 1
    assert len(match_centres(before, np.array([[0.51, 0]]), [10**9])) == 0


def test_matched_segments_keep_id_name_and_place_and_new_ones_come_after() -> None:
    """S2 is gone. The new ones lie far from all; the larger comes first, and 2 is never used again."""
    lineage = lineage_of(past((0, 0), (4, 0), (8, 0)), [(0, 9), (8.1, 0), (0, -9), (0.1, 0)], [50, 100, 60, 90])

    assert [(kept.number, kept.id, kept.is_new) for kept in lineage.segments] == [
        (3, "S1", False),
        (1, "S3", False),
        (2, "S4", True),
        (0, "S5", True),
    ]
    assert [kept.name for kept in lineage.segments] == ["A", "C", "Light listeners", "Heavy listeners"]
    assert lineage.ids == ("S5", "S3", "S4", "S1")
    assert lineage.registry == IdRegistry(last_id=5, retired=("B",))


def test_a_new_segment_takes_no_name_that_another_has_or_had() -> None:
    """Called alike by their facts: short names are taken, then the long one, then they are numbered."""
    named = PreviousModel(
        ONE, ("S1",), ("Light listeners",), np.array([[9.0, 9.0]]), (10,), 0.1, 7, ("Older light listeners",)
    )
    centre = {"age": 0.2, "usage_per_month": -1.0}
    lineage = assign_ids(named, (), [centre], [10])

    assert [(kept.id, kept.name) for kept in lineage.segments] == [("S8", "Older light listeners 2")]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_this_months_centres_changes_nothing(seed: int) -> None:
    before = past((0, 0), (4, 0), (8, 0), (4, 4))
    centres = [(0.2, 0.0), (4.0, 0.3), (8.0, -0.1), (-4.0, 4.0)]
    order = np.random.default_rng(seed).permutation(4)
    one = lineage_of(before, centres, [40, 30, 20, 10])
    other = lineage_of(before, [centres[n] for n in order], [[40, 30, 20, 10][n] for n in order])

    assert [kept.id for kept in other.segments] == [kept.id for kept in one.segments]
    assert [int(order[kept.number]) for kept in other.segments] == [kept.number for kept in one.segments]


def test_a_name_is_kept_through_a_wobble_and_flagged_beyond() -> None:
    """A word needs 0.4 SDs; 0.25 is a wobble of 0.15, 0.24 is more. Another feature has to beat it by as much."""
    assert is_name_accurate("Young light listeners", {"age": -0.25, "usage_per_month": -0.9})
    assert not is_name_accurate("Young light listeners", {"age": -0.24, "usage_per_month": -0.9})
    assert is_name_accurate("Light listeners", {"age": -0.54, "usage_per_month": -0.9})
    assert not is_name_accurate("Light listeners", {"age": -0.56, "usage_per_month": -0.9})
    assert not is_name_accurate("Average listeners", {"age": 0.1, "usage_per_month": 0.6})
    assert is_name_accurate("Heavy listeners 2", {"age": 0.1, "usage_per_month": 0.3})


def test_a_name_of_three_words_asks_less_of_each() -> None:
    """Where two of its words aren't enough to tell a segment apart, a name has a third from 0.1 SDs: -0.05 is a wobble."""
    named = "Young lower-income light listeners"

    assert is_name_accurate(named, {"age": 0.04, "annual_income": -0.9, "usage_per_month": -0.9})
    assert not is_name_accurate(named, {"age": 0.06, "annual_income": -0.9, "usage_per_month": -0.9})
    assert not is_name_accurate("Young light listeners", {"age": 0.04, "usage_per_month": -0.9})


def test_what_a_name_leaves_out_has_to_stand_out() -> None:
    """Beside 2 SDs of usage, 0.8 of age are worth a word, and 0.95 are beyond a wobble; beside two words, the weaker one."""
    assert is_name_accurate("Heavy listeners", {"age": 0.94, "usage_per_month": 2.0})
    assert not is_name_accurate("Heavy listeners", {"age": 0.96, "usage_per_month": 2.0})
    assert is_name_accurate("Young light listeners", {"age": -1.0, "usage_per_month": -1.2, "annual_income": 1.14})
    assert not is_name_accurate("Young light listeners", {"age": -1.0, "usage_per_month": -1.2, "annual_income": 1.16})


def test_a_feature_that_segments_are_no_longer_made_by_is_average() -> None:
    """A name says "young"; where age is no feature any more, nothing says so."""
    assert is_name_accurate("Young light listeners", {"age": -0.9, "usage_per_month": -0.9})
    assert not is_name_accurate("Young light listeners", {"usage_per_month": -0.9})


def test_a_name_is_read_back_word_by_word() -> None:
    """Who earns much may listen to little; a lower income is no high one."""
    assert is_name_accurate("High earners", {"annual_income": 1.5, "usage_per_month": 0.1})
    assert not is_name_accurate("High earners", {"annual_income": -1.5, "usage_per_month": 0.1})
    assert not is_name_accurate("Lower-income listeners", {"annual_income": 1.5})


def test_a_small_segment_may_wobble_more() -> None:
    """Three standard errors of 0.1 are 0.3."""
    assert is_name_accurate("Light listeners", {"usage_per_month": -0.11}, standard_error=0.1)
    assert not is_name_accurate("Light listeners", {"usage_per_month": -0.09}, standard_error=0.1)


def test_a_name_that_a_person_gave_always_fits() -> None:
    assert is_name_accurate("Our fans", {"age": 3.0, "usage_per_month": -3.0})


def test_a_name_that_is_no_longer_true_is_flagged_and_kept() -> None:
    before = PreviousModel(ONE, ("S1",), ("Heavy listeners",), np.array([[0.0, 0.5]]), (10_000,), 1.0, 1)
    lineage = assign_ids(
        before, match_centres(before, np.array([[0.0, 0.1]]), [10_000]), [{"age": 0.0, "usage_per_month": 0.1}], [1]
    )

    assert [(kept.name, kept.suggested_name, kept.name_fits) for kept in lineage.segments] == [
        ("Heavy listeners", "Average listeners", True)  # one user: its centre is anywhere
    ]
    lineage = assign_ids(
        before, match_centres(before, np.array([[0.0, 0.1]]), [9999]), [{"age": 0.0, "usage_per_month": 0.1}], [9999]
    )
    assert [(kept.name, kept.name_fits) for kept in lineage.segments] == [("Heavy listeners", False)]


def assigned(users: Sequence[str], segments: Sequence[str]) -> nw.DataFrame[pd.DataFrame]:
    """Give users with their segments as a month's archive has them."""
    return nw.from_native(pd.DataFrame({USER_ID: list(users), "segment": list(segments)}), eager_only=True)


def fates(
    before: PreviousModel, centres: list[tuple[float, float]], users: list[int], people: MigrationCounts | None = None
) -> tuple[Transition, ...]:
    lineage = lineage_of(before, centres, users)
    there = np.array(centres, dtype=float)
    points = Points(there, np.array(users, dtype=float), ("age", "usage_per_month"), ONE)
    overlap = crosstab_with_previous(before, points, np.arange(len(users)), len(users))
    matches = match_centres(before, there, users)
    return detect_transitions(before, matches, lineage, centres=there, sizes=users, overlap=overlap, flows=people)


def test_what_became_of_each_by_place() -> None:
    """Two of 100 users each: a split halves one about its old centre, an emergence leaves both as they were."""
    two = past((0, 0), (8, 0), users=100)
    s1, s2 = Transition("S1", "survived", ("S1",)), Transition("S2", "survived", ("S2",))

    assert fates(two, [(0, 0), (8, 0)], [100, 100]) == (s1, s2)
    assert fates(two, [(0, -2), (0, 2), (8, 0)], [60, 40, 100]) == (Transition("S1", "split", ("S1", "S3")), s2)
    assert fates(two, [(0, 0), (0, 6), (8, 0)], [100, 80, 100]) == (s1, s2, Transition("S3", "emerged", ("S3",)))
    assert fates(two, [(0, 0)], [200]) == (s1, Transition("S2", "vanished", ()))


def test_a_month_without_segments_ends_all_and_begins_all() -> None:
    """Then no id comes back: the highest one ever used is remembered."""
    none = PreviousModel(ONE, (), (), np.empty((0, 2)), (), 1.0, 4)
    two = past((0, 0), (8, 0))

    assert fates(none, [(0, 1), (0, -1)], [60, 50]) == (
        Transition("S5", "emerged", ("S5",)),
        Transition("S6", "emerged", ("S6",)),
    )
    gone = detect_transitions(
        two, (), assign_ids(two, (), [], []), centres=np.empty((0, 2)), sizes=[], overlap=np.empty((2, 0))
    )
    assert gone == (Transition("S1", "vanished", ()), Transition("S2", "vanished", ()))


def test_two_that_lie_closest_merge_in_their_middle() -> None:
    three = past((0, -2), (0, 2), (8, 0), users=100)

    assert fates(three, [(0, -0.1), (8, 0)], [200, 100]) == (
        Transition("S1", "merged", ("S1",), ("S2",)),
        Transition("S2", "merged", ("S1",), ("S1",)),
        Transition("S3", "survived", ("S3",)),
    )


def test_people_decide_where_they_are_known() -> None:
    """By place S3 emerged, since nobody was there and S1 stayed where it was; but its people were in S1."""
    two = past((0, 0), (8, 0), users=100)
    went = MigrationCounts(("S1", "S2"), ("S1", "S2", "S3"), ((50, 0, 45), (0, 95, 0)), (50, 5, 35), (5, 5))
    came = MigrationCounts(("S1", "S2"), ("S1", "S2", "S3"), ((95, 0, 4), (0, 95, 1)), (5, 5, 75), (1, 4))
    centres, users = [(0.0, 0.0), (8.0, 0.0), (0.0, 6.0)], [100, 100, 80]

    assert [fate.kind for fate in fates(two, centres, users, went)] == ["split", "survived"]
    assert [fate.kind for fate in fates(two, centres, users, came)] == ["survived", "survived", "emerged"]


def test_people_are_counted_by_their_ids_in_any_order() -> None:
    """Ann stays in S1, Bob goes to S2, Cy is gone, Di is new; a number is the same id as its digits."""
    counted = count_migration(
        assigned(["ann", "bob", "cy", "7"], ["S1", "S1", "S2", "S2"]),
        assigned(["di", "7", "bob", "ann"], ["S3", "S2", "S2", "S1"]),
        "segment",
        rows=["S1", "S2"],
        columns=["S1", "S2", "S3"],
    )

    assert counted == MigrationCounts(
        ("S1", "S2"), ("S1", "S2", "S3"), ((1, 1, 0), (0, 1, 0)), new=(0, 0, 1), gone=(0, 1)
    )
    assert (counted.retained_users, counted.stayed_users) == (3, 2)
    assert counted.table == ((1, 1, 0, 0), (0, 1, 0, 1), (0, 0, 1, 0))


def test_a_user_who_is_there_twice_is_refused() -> None:
    with pytest.raises(SegmentationError, match="1 users are there more than once in last month"):
        count_migration(
            assigned(["a", "a"], ["S1", "S1"]), assigned(["a"], ["S1"]), "segment", rows=["S1"], columns=["S1"]
        )


def test_people_and_borders_are_told_apart() -> None:
    """Of this month's ten users six lie within the old borders of S1, though seven lie within its new ones."""
    counts = np.array([[6.0, 0.0], [1.0, 3.0]])

    assert measure_shares_at_old_borders(("S1", "S2"), counts, min_cell=1) == {"S1": 0.6, "S2": 0.4}
    assert measure_shares_at_old_borders(("S1", "S2"), counts, min_cell=5) == {"S1": None, "S2": None}


def test_a_trend_has_gaps_where_a_month_or_a_segment_is_missing() -> None:
    trend = build_trend({"2026-02": [("S10", "New", 0.4), ("S2", "Renamed", 0.6)], "2025-12": [("S2", "Old", 1.0)]})

    assert trend.months == ("2025-12", "2026-01", "2026-02")
    assert trend.lines == (TrendLine("S2", "Renamed", (1.0, None, 0.6)), TrendLine("S10", "New", (None, None, 0.4)))


class Month(NamedTuple):
    """One month of the sample, analysed with last month's model behind it."""

    users: list[str]
    groups: np.ndarray
    points: Points
    model: KMeansModel
    labels: np.ndarray
    past: PreviousModel
    lineage: SegmentLineage
    segments: list[str]


@functools.cache
def sample(number: int) -> Month:
    made = make_sample_month(SAMPLE_MONTHS[number])
    planted = dict(zip(made.users["user_id"], made.groups, strict=True))
    frame = clean_users(nw.from_native(made.users, eager_only=True), VALID).users
    points = standardise_users(frame, build_scale(summarise_columns(frame, DEFAULT_FEATURES)))
    model = fit_kmeans(points, 4, n_init=10, seed=number)
    labels = assign_nearest(points.values, model.centres)
    users = np.bincount(labels)
    named = [dict(zip(points.features, centre, strict=True)) for centre in model.centres]
    before = sample(number - 1).past if number else PreviousModel(points.scale, (), (), np.empty((0, 4)), (), 1.0, 0)
    matches = match_centres(before, rescale_values(model.centres, points.scale, before.scale), users) if number else ()
    lineage = assign_ids(before, matches, named, users)
    order = [kept.number for kept in lineage.segments]
    people = [str(user) for user in frame["user_id"].to_list()]
    return Month(
        users=people,
        groups=np.array([planted[user] for user in people]),
        points=points,
        model=model,
        labels=labels,
        past=PreviousModel(
            points.scale,
            tuple(kept.id for kept in lineage.segments),
            tuple(kept.name for kept in lineage.segments),
            model.centres[order],
            tuple(int(users[n]) for n in order),
            float(np.sqrt(model.inertia / len(labels))),
            lineage.registry.last_id,
            lineage.registry.retired,
        ),
        lineage=lineage,
        segments=[lineage.ids[label] for label in labels],
    )


def planted_ids(month: Month) -> dict[str, str]:
    """Give the segment that holds most of each planted group."""
    ids = np.array(month.segments)
    return {
        group: max(set(month.segments), key=lambda id_: int(((ids == id_) & (month.groups == group)).sum()))
        for group in GROUPS
    }


@pytest.mark.parametrize("number", [1, 2])
def test_the_samples_segments_keep_their_names(number: int) -> None:
    """Four planted groups that stay: each has one id and one name in all three months."""
    month, before = sample(number), sample(number - 1)

    assert planted_ids(month) == planted_ids(before)
    assert (month.past.ids, month.past.names) == (before.past.ids, before.past.names)
    assert all(kept.name_fits for kept in month.lineage.segments)


@pytest.mark.parametrize("number", [1, 2])
def test_the_samples_heavy_listeners_grow_and_young_light_ones_shrink(number: int) -> None:
    """Planted: heavy listeners +59 and +64, young light ones -64 each month; and it is the people, not the borders."""
    month, before = sample(number), sample(number - 1)
    counts = crosstab_with_previous(before.past, month.points, month.labels, month.model.k)
    same_borders = measure_shares_at_old_borders(before.past.ids, counts, min_cell=10)
    shares = counts.sum(axis=0) / counts.sum()
    for group, grown, sign in ((HEAVY, 0.0125, 1), (YOUNG, -0.013, -1)):
        id_ = planted_ids(month)[group]
        last = before.past.users[before.past.ids.index(id_)] / sum(before.past.users)
        now, inside = float(shares[month.lineage.ids.index(id_)]), same_borders[id_]
        assert inside is not None
        assert now - last == pytest.approx(grown, abs=0.006)
        assert sign * (inside - last) > abs(now - inside)


@pytest.mark.parametrize("number", [1, 2])
def test_the_samples_people_flow_as_planted(number: int) -> None:
    """As many people may be counted elsewhere as K-means and the planted groups disagree on: 3 % at the most, and 4 % move."""
    month, before = sample(number), sample(number - 1)
    found = count_migration(
        assigned(before.users, before.segments),
        assigned(month.users, month.segments),
        "segment",
        rows=before.past.ids,
        columns=month.past.ids,
    )
    where = planted_ids(month)
    planted = count_migration(
        assigned(before.users, [where[group] for group in before.groups]),
        assigned(month.users, [where[group] for group in month.groups]),
        "segment",
        rows=before.past.ids,
        columns=month.past.ids,
    )
    ari = min(adjusted_rand_score(each.groups, each.segments) for each in (before, month))
    a, b = np.array(found.users), np.array(planted.users)

    assert (sum(found.new), sum(found.gone)) == (sum(planted.new), sum(planted.gone))
    assert ari >= 0.97  # as test_sample.py asks of every sample
    assert np.abs(a - b).sum() / 2 <= (1 - ari) * planted.retained_users
    matches = match_centres(
        before.past, rescale_values(month.model.centres, month.points.scale, before.past.scale), [1] * 4
    )
    told = detect_transitions(
        before.past,
        matches,
        month.lineage,
        centres=rescale_values(month.model.centres, month.points.scale, before.past.scale),
        sizes=np.bincount(month.labels).tolist(),
        overlap=crosstab_with_previous(before.past, month.points, month.labels, 4),
        flows=found,
    )
    assert {fate.kind for fate in told} == {"survived"}


@pytest.mark.parametrize(("staying", "ids"), [(0.0, False), (0.85, True)])
def test_where_nothing_changes_nothing_is_told(staying: float, ids: bool) -> None:  # noqa: FBT001
    """Ten histories of six months: no event, and every name stands for the group that it stood for."""
    lived = [histories.quiet(seed, 6, 6.0, staying, ids=ids) for seed in range(10)]

    assert [sum(column) for column in zip(*lived, strict=True)][:3] == [50, 0, 0]


@pytest.mark.parametrize("event", ["split", "merge", "emerge", "vanish"])
@pytest.mark.parametrize(("staying", "ids"), [(0.0, False), (0.85, True)])
def test_a_planted_event_is_told(event: str, staying: float, ids: bool) -> None:  # noqa: FBT001
    """At least 19 of 20, and nothing told beside it."""
    assert sum(histories.planted(seed, event, 6.0, staying, ids=ids) for seed in range(20)) >= 19

"""From one month to the next: the same people under the same name, and who moved, without telling of anybody."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from report.text import changes
from report.text.formatting import format_month
from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.facts import Facts, IdRegistry, MigrationMatrix, MonthComparison, facts_from_dict, facts_to_dict
from segmentation.pipeline import Analysis
from segmentation.preprocessing.scaling import Points, build_scale, standardise_users
from segmentation.tracking.compare import SEGMENT_COLUMN, PreviousMonth, _count_migration, _suppress_migration
from segmentation.tracking.drift import compute_critical_psi
from segmentation.tracking.matching import extract_previous_model
from segmentation.tracking.migration import MigrationCounts
from tests.support.music import CATEGORIES, DEFAULT_FEATURES, NUMBERS, measure_drift, summarise_columns, track_segments

MONTHS = ("2026-08", "2026-09", "2026-10")
Run = Callable[..., Analysis]


def last_of(analysis: Analysis) -> PreviousMonth:
    """Give a month as it comes out of the archive: its facts from JSON, its users with their segments."""
    return PreviousMonth(facts_from_dict(facts_to_dict(analysis.facts)), analysis.users)


def change_of(facts: Facts) -> MonthComparison:
    assert facts.change is not None
    return facts.change


@pytest.fixture(scope="module")
def named(groups: pd.DataFrame) -> pd.DataFrame:
    """Give the four groups with an id each."""
    return groups.assign(user_id=[f"person-{n:03d}" for n in range(len(groups))])


@pytest.fixture(scope="module")
def first(run: Run, named: pd.DataFrame) -> Analysis:
    """Give the first month of the four groups: 80, 60, 40 and 20 users."""
    return run(named, month="2026-09")


def test_the_same_kinds_have_the_same_names_in_all_three_months(sample: tuple[Analysis, ...]) -> None:
    """Ids, names and places on the pages; whoever read of the young light listeners in August finds them in October."""
    called = [[(s.id, s.name) for s in analysis.facts.segments] for analysis in sample]

    assert called[0] == called[1] == called[2]
    assert [id_ for id_, _ in called[0]] == ["S1", "S2", "S3", "S4"]
    assert not any(segment.new for analysis in sample for segment in analysis.facts.segments)


def test_the_first_month_has_nothing_to_compare(sample: tuple[Analysis, ...]) -> None:
    """No change, no trend before the third month; the trend has every month's shares."""
    august, september, october = (analysis.facts for analysis in sample)

    assert (august.change, august.trend, september.trend) == (None, None, None)
    assert change_of(september).month == "2026-08"
    assert change_of(october).month == "2026-09"
    assert october.trend is not None
    assert october.trend.months == MONTHS
    assert [line.id for line in october.trend.lines] == ["S1", "S2", "S3", "S4"]
    for line in october.trend.lines:
        assert line.shares == tuple(pytest.approx(analysis.facts.get_segment(line.id).share) for analysis in sample)


def test_nobody_split_merged_or_vanished(sample: tuple[Analysis, ...]) -> None:
    """The sample has drift planted in it, and no event."""
    for analysis in sample[1:]:
        change = change_of(analysis.facts)
        assert [moved.fate for moved in change.segments] == ["survived"] * 4
        assert [moved.name for moved in change.segments] == [s.name for s in analysis.facts.segments]


def test_shares_stand_beside_those_of_the_last_month(sample: tuple[Analysis, ...]) -> None:
    """What a segment was, what it is, and what it would be inside its old borders; each adds up to all users."""
    for before, analysis in itertools.pairwise(sample):
        change = change_of(analysis.facts)
        assert change.users == before.facts.audit.kept
        for moved in change.segments:
            assert moved.last_users == before.facts.get_segment(moved.id).users
            assert moved.last_share == pytest.approx(before.facts.get_segment(moved.id).share)
            assert moved.share == pytest.approx(analysis.facts.get_segment(moved.id).share)
        assert sum(moved.same_borders or 0 for moved in change.segments) == pytest.approx(1)


def test_people_are_followed_by_their_ids(sample: tuple[Analysis, ...]) -> None:
    """Counted apart from the code under test, by joining the two months: each count shown is the true one."""
    for before, analysis in itertools.pairwise(sample):
        flow = change_of(analysis.facts).flow
        assert flow is not None
        old = before.users.to_native()[["user_id", SEGMENT_COLUMN]]
        joined = old.merge(analysis.users.to_native()[["user_id", SEGMENT_COLUMN]], on="user_id", how="outer")
        counted = pd.crosstab(
            joined[f"{SEGMENT_COLUMN}_x"].fillna("none"), joined[f"{SEGMENT_COLUMN}_y"].fillna("none")
        )
        ids = [segment.id for segment in analysis.facts.segments]

        assert flow.both == (joined[[f"{SEGMENT_COLUMN}_x", f"{SEGMENT_COLUMN}_y"]].notna().all(axis=1)).sum()
        assert [row[n] for n, row in enumerate(flow.users)] == [counted.loc[i, i] for i in ids]
        for i, row in zip(ids, flow.users, strict=True):
            assert all(n in (None, counted.loc[i, j]) for j, n in zip(ids, row, strict=True))
        assert all(n in (None, counted.loc[i, "none"]) for i, n in zip(ids, flow.gone, strict=True))
        assert all(n in (None, counted.loc["none", j]) for j, n in zip(ids, flow.new, strict=True))
        assert flow.stayed == pytest.approx(np.diag(counted.loc[ids, ids]).sum() / flow.both)


def test_every_column_has_its_drift(sample: tuple[Analysis, ...]) -> None:
    """Usage rose among the high earners; gender did not change. Of all columns, one month in twenty names one by chance."""
    drift = change_of(sample[2].facts).drift

    assert list(drift) == [*NUMBERS, *CATEGORIES]
    assert not drift["gender"].has_drifted
    assert all(found.psi >= 0 and found.critical > 0 for found in drift.values())
    last, now = (one.facts.audit.kept for one in sample[1:3])
    possible = [compute_critical_psi(last, now, bins, level=0.025 / len(drift)) for bins in (2, 3, 4)]
    assert any(drift["gender"].critical == pytest.approx(one) for one in possible)  # rare ones may be put together


def test_without_ids_shares_are_compared_at_the_old_borders(run: Run, first: Analysis, groups: pd.DataFrame) -> None:
    """Nobody is followed by the order of rows. Ten of the largest group became heavy: people changed, borders hardly."""
    now = groups.copy()
    now.iloc[:10] = now.iloc[80:90].to_numpy()
    anonymous = PreviousMonth(first.facts, first.users.drop("user_id"))
    named_now = now.assign(user_id=[f"u{n}" for n in range(len(now))])
    for last, rows in ((anonymous, named_now), (anonymous, now), (last_of(first), now)):
        facts = run(rows, last=last).facts
        change = change_of(facts)

        assert change.flow is None
        shown = standardise_users(nw.from_native(now), first.facts.scale)
        centres = np.array([[s.centre[name] for name in DEFAULT_FEATURES] for s in first.facts.segments])
        inside = np.bincount(assign_nearest(shown.values, centres), minlength=4) / 200
        assert [moved.same_borders for moved in change.segments] == pytest.approx(inside.tolist())
        assert change.segments[0].last_share == pytest.approx(0.40)
        assert change.segments[0].same_borders == pytest.approx(0.35)
        named = format_month(first.facts.month)
        said = f"The file of {named} named no users, so" if rows is named_now else "The file names no users, so"
        assert changes.describe_retention(facts).startswith(said)


def test_where_the_last_months_users_are_gone_only_shares_are_compared(
    run: Run, first: Analysis, named: pd.DataFrame
) -> None:
    """The one file with a row a user may be deleted: facts still carry ids and names on."""
    facts = run(named, last=PreviousMonth(first.facts, None)).facts
    change = change_of(facts)

    assert (change.flow, change.drift) == (None, {})
    assert [s.name for s in facts.segments] == [s.name for s in first.facts.segments]
    assert [moved.fate for moved in change.segments] == ["survived"] * 4
    assert "can't be read from the archive, so nobody can be followed" in changes.describe_retention(facts)


def test_other_features_begin_new_segments(run: Run, first: Analysis, groups: pd.DataFrame) -> None:
    """Segments by two features are none of those by four: no id is given twice, and no line of the trend joins them."""
    change = change_of(run(groups, last=last_of(first)).facts)
    months = [
        replace(first.facts, month=f"2026-0{n}", change=replace(change, month=f"2026-0{n - 1}")) for n in (7, 8, 9)
    ]
    two = run(groups, features=DEFAULT_FEATURES[:2], k=2, earlier=months).facts

    assert [s.id for s in two.segments] == ["S5", "S6"]
    assert two.trend is None
    assert changes.summarise_changes(two).startswith("The segments are made of other features than in earlier months")
    assert changes.summarise_changes_briefly(two).startswith("Made of other features")
    back = run(
        groups, last=PreviousMonth(months[2], first.users), earlier=[*months, replace(two, month="2026-09")]
    ).facts
    assert back.lineage.last_id == 6
    assert back.trend is not None
    assert [line.id for line in back.trend.lines] == ["S1", "S2", "S3", "S4"]


def test_a_month_that_was_made_late_is_in_no_trend(run: Run, first: Analysis, groups: pd.DataFrame) -> None:
    """October was compared with August; September's S5 came later, and is another one than October's S5."""
    change = change_of(run(groups, last=last_of(first)).facts)
    august, october = (replace(first.facts, month=f"2026-{n:02d}") for n in (8, 10))
    october = replace(october, change=replace(change, month="2026-08"))
    others = [replace(segment, id=f"S{n}") for n, segment in enumerate(first.facts.segments, start=5)]
    late = replace(first.facts, month="2026-09", segments=tuple(others), change=replace(change, month="2026-08"))
    trend = run(
        groups, month="2026-11", last=PreviousMonth(october, first.users), earlier=[august, late, october]
    ).facts.trend

    assert trend is not None
    assert trend.months == ("2026-08", "2026-09", "2026-10", "2026-11")
    assert [line.id for line in trend.lines] == ["S1", "S2", "S3", "S4"]
    assert all(line.shares[1] is None for line in trend.lines)


def test_the_same_month_again_moves_nobody(run: Run, first: Analysis, named: pd.DataFrame) -> None:
    """Every person is where they were, everybody is in both months, and nothing drifted."""
    facts = run(named.sample(frac=1, random_state=3), last=last_of(first)).facts
    change = change_of(facts)

    assert change.flow == MigrationMatrix(
        rows=tuple(s.name for s in first.facts.segments),
        columns=tuple(s.name for s in first.facts.segments),
        users=((80, 0, 0, 0), (0, 60, 0, 0), (0, 0, 40, 0), (0, 0, 0, 20)),
        gone=(0, 0, 0, 0),
        new=(0, 0, 0, 0),
        both=200,
        stayed=1.0,
    )
    assert not any(found.has_drifted for found in change.drift.values())
    assert (
        changes.describe_retention(facts)
        == "100\N{NO-BREAK SPACE}% of the 200 users in both months stayed in their segment"
    )


def test_a_name_that_no_longer_fits_is_kept_and_flagged(run: Run, first: Analysis, named: pd.DataFrame) -> None:
    """A person decides on another name; the segment keeps its own until then."""
    called = [replace(s, name="Older heavy listeners") if s.id == "S1" else s for s in first.facts.segments]
    last = PreviousMonth(replace(first.facts, segments=tuple(called)), first.users)

    facts = run(named, last=last).facts

    assert (facts.segments[0].id, facts.segments[0].name) == ("S1", "Older heavy listeners")
    assert facts.segments[0].name_now == "Young occasional listeners"
    assert [s.name_now for s in facts.segments[1:]] == [s.name for s in facts.segments[1:]]
    assert "Older heavy listeners would be called Young occasional listeners today" in changes.describe_outdated_names(
        facts
    )
    assert (
        changes.summarise_outdated_names(facts)
        == "Name out of date: older heavy listeners (S1) would now be young occasional listeners."
    )
    assert changes.summarise_outdated_names(run(named, last=last, names={"S1": "Older listeners"}).facts) == ""
    many = replace(facts, segments=tuple(replace(s, name_now="Average " * 9) for s in facts.segments))
    assert (
        changes.summarise_outdated_names(many)
        == "Four\u00a0names are out of date; “What changed” says what fits today."
    )


def test_a_name_that_a_person_gives_is_shown_everywhere(run: Run, first: Analysis, named: pd.DataFrame) -> None:
    """In the month itself, in what it is compared with and in the trend; it fits, and next month's settings needn't say it again."""
    last = last_of(first)
    october = run(named, month="2026-10", last=last, earlier=(first.facts,), names={"S1": "Night owls"})
    facts = october.facts
    november = run(
        named, month="2026-11", last=last_of(october), earlier=(first.facts, facts), names={"S9": "Nobody"}
    ).facts

    assert first.facts.segments[0].name == "Young occasional listeners"
    for month in (facts, november):
        assert (month.segments[0].name, month.segments[0].name_now) == ("Night owls", "Night owls")
        assert "Young occasional listeners" not in repr((month.segments, change_of(month)))
    assert november.trend is not None
    assert november.trend.lines[0].name == "Night owls"
    assert run(named, names={"S1": "Night owls"}).facts.segments[0].name == "Night owls"


def test_a_name_that_a_person_gives_is_no_other_segment_s(run: Run, first: Analysis, named: pd.DataFrame) -> None:
    """Who has it already is told from it by its id; a segment that is gone may leave it."""
    both = run(named, last=last_of(first), names={"S1": "high earners"}).facts
    assert [s.name for s in both.segments][::3] == ["high earners", "High earners (S4)"]

    gone = run(named[:180], month="2026-10", last=last_of(first), earlier=(first.facts,)).facts
    given = {"S1": "High earners"}
    later = run(
        named[:180], month="2026-11", last=PreviousMonth(gone, None), earlier=(first.facts, gone), names=given
    ).facts
    assert later.segments[0].name == "High earners"
    assert later.trend is not None
    assert {line.id: line.name for line in later.trend.lines}["S4"] == "High earners (S4)"


def test_no_id_and_no_name_is_given_twice(run: Run, first: Analysis, named: pd.DataFrame) -> None:
    """The high earners are gone for a month: who is like them afterwards is S5, by another name."""
    without = run(named[:180], month="2026-10", last=last_of(first), earlier=(first.facts,))
    again = run(named, month="2026-11", last=last_of(without), earlier=(first.facts, without.facts)).facts

    assert [s.id for s in without.facts.segments] == ["S1", "S2", "S3"]
    gone = change_of(without.facts).segments[3]
    assert (gone.id, gone.name, gone.fate, gone.share) == ("S4", "High earners", "vanished", None)
    assert without.facts.lineage == IdRegistry(last_id=4, retired=("High earners",))

    assert [s.id for s in again.segments] == ["S1", "S2", "S3", "S5"]
    new = again.segments[3]
    assert (new.new, new.name == "High earners") == (True, False)
    assert change_of(again).segments[3].fate == "emerged"
    assert change_of(again).segments[3].last_users is None
    assert again.lineage == IdRegistry(last_id=5, retired=("High earners",))
    assert again.trend is not None
    assert {line.id: line.shares for line in again.trend.lines}["S4"] == (pytest.approx(0.1), None, None)
    assert {line.id: line.shares for line in again.trend.lines}["S5"] == (None, None, pytest.approx(0.1))


def test_a_history_begins_with_the_largest_segment(points: Callable[..., Points]) -> None:
    """S1 is the largest, whatever its number in the model; none of them is gone."""
    some = points([[0.0], [1.0], [5.0]])
    lineage = track_segments(None, some, KMeansModel(np.array([[0.0], [5.0]]), 0.5), [20.0, 30.0])

    assert [(kept.id, kept.number) for kept in lineage.segments] == [("S1", 1), ("S2", 0)]
    assert lineage.registry == IdRegistry(last_id=2, retired=())


def test_a_history_goes_on_in_the_last_months_order(first: Analysis, named: pd.DataFrame) -> None:
    """Last month's own centres, given the other way round, come back under their ids, in its order."""
    users = nw.from_native(named, eager_only=True)
    some = standardise_users(users, build_scale(summarise_columns(users, DEFAULT_FEATURES)))
    last = last_of(first)
    model = KMeansModel(last.rescale_centres(some.scale)[::-1], 1.0)

    lineage = track_segments(last, some, model, [20.0, 40.0, 60.0, 80.0])

    assert [(kept.id, kept.number) for kept in lineage.segments] == [("S1", 3), ("S2", 2), ("S3", 1), ("S4", 0)]
    assert all(kept.centre_shift == pytest.approx(0, abs=1e-6) for kept in lineage.segments)


def flows(users: list[list[int]], gone: list[int], new: list[int]) -> MigrationCounts:
    ids = tuple(f"S{n + 1}" for n in range(len(users)))
    return MigrationCounts(ids, ids, tuple(map(tuple, users)), tuple(new), tuple(gone))


NAMES = {"S1": "A", "S2": "B"}


def test_a_few_who_moved_are_not_shown_nor_what_would_tell_them() -> None:
    """4 from A to B: A's 124 less 100 and 20 would tell them, so those who are gone go with them, and a cycle of B's."""
    shown = _suppress_migration(flows([[100, 4], [15, 200]], gone=[20, 30], new=[50, 60]), NAMES, 10)

    assert shown.users[0][1] is None
    hidden = [n for row in (*shown.users, shown.gone, shown.new) for n in row].count(None)
    assert hidden >= 4
    assert shown.rows == shown.columns == ("A", "B")
    assert shown.both == 319


def test_who_stayed_is_not_said_where_it_would_tell_who_moved() -> None:
    """3 of 303 moved and nobody came or went: 303 less those who stayed would be the three."""
    shown = _suppress_migration(flows([[200, 3], [0, 100]], gone=[0, 0], new=[0, 0]), NAMES, 10)

    assert shown.users[0][0] is None
    assert shown.users[0][1] is None
    assert (shown.both, shown.stayed) == (303, None)


@pytest.mark.parametrize(("gone", "new"), [([5, 0], [50, 60]), ([50, 60], [0, 7]), ([3, 3], [2, 2])])
def test_who_is_in_both_months_is_not_said_where_it_would_tell_the_others(gone: list[int], new: list[int]) -> None:
    """The months' sizes stand on the page: less the people in both they are those who are gone, and new."""
    shown = _suppress_migration(flows([[100, 40], [30, 200]], gone=gone, new=new), NAMES, 10)

    assert (shown.both, shown.stayed) == (None, None)
    assert not [n for row in (*shown.users, shown.gone, shown.new) for n in row if n and n < 10]


def test_who_stayed_is_said_where_the_diagonal_is_shown() -> None:
    """300 of 370."""
    shown = _suppress_migration(flows([[100, 40], [30, 200]], gone=[20, 30], new=[50, 60]), NAMES, 10)

    assert shown.users == ((100, 40), (30, 200))
    assert (shown.both, shown.stayed) == (370, pytest.approx(300 / 370))


@pytest.mark.parametrize(("gone", "new"), [([4, 8], [50, 60]), ([20, 30], [4, 8])])
def test_a_few_of_whom_the_sum_is_known_are_not_told_by_it(gone: list[int], new: list[int]) -> None:
    """4 and 8 are 12, whom the months' sizes and the people in both tell: below ten each, so that little is left to guess."""
    shown = _suppress_migration(flows([[100, 40], [30, 200]], gone=gone, new=new), NAMES, 10)

    assert {n for row in (*shown.users, shown.gone, shown.new) for n in row} == {None}
    assert (shown.both, shown.stayed) == (370, None)


def test_ten_who_are_gone_are_as_many_as_may_be_told() -> None:
    """Nine of them hide who is in both months, and one, and none tell nothing; the least that is shown is shown."""
    for gone, both in ((10, 100), (9, None), (1, None), (0, 100)):
        shown = _suppress_migration(MigrationCounts(("S1",), ("S1",), ((100,),), (50,), (gone,)), NAMES, 10)

        assert shown.both == both


def test_two_months_without_a_common_user_say_so() -> None:
    """Ids may have been drawn anew: nobody is in both months, and there is no part of nobody."""
    shown = _suppress_migration(flows([[0, 0], [0, 0]], gone=[20, 30], new=[50, 60]), NAMES, 10)

    assert (shown.both, shown.stayed) == (0, None)


@pytest.mark.parametrize(
    ("both", "stayed", "said"),
    [
        (300, 0.9, "90\N{NO-BREAK SPACE}% of the 300 users in both months stayed in their segment"),
        (300, None, "300 users are there in both months; how many stayed"),
        (0, None, "Nobody is there in both months"),
        (None, None, "How many users are there in both months would give a few of them away"),
    ],
)
def test_what_is_left_out_is_said_in_words(first: Analysis, both: int | None, stayed: float | None, said: str) -> None:
    flow = MigrationMatrix(("A",), ("A",), ((None,),), (None,), (None,), both, stayed)
    facts = replace(first.facts, change=MonthComparison("2026-08", 300, (), flow, {}))

    assert changes.describe_retention(facts).startswith(said)


def test_a_few_within_old_borders_are_not_said(run: Run, first: Analysis, named: pd.DataFrame) -> None:
    """16 of 20 earn less now: 4 of 200 are within the high earners' old borders, and 56 in the next, which goes too."""
    now = named.copy()
    now.loc[named.index[180:196], "annual_income"] = 70_000
    change = change_of(run(now, last=last_of(first), k=4).facts)

    assert [moved.fate for moved in change.segments] == ["survived"] * 4
    assert [moved.same_borders for moved in change.segments] == [pytest.approx(0.4), pytest.approx(0.3), None, None]


def test_the_past_is_what_the_facts_say(first: Analysis) -> None:
    """Ids, names, users and centres in the order of the pages; the radius is the root of the mean squared distance."""
    facts = first.facts

    past = extract_previous_model(facts)

    assert past.ids == ("S1", "S2", "S3", "S4")
    assert past.names == tuple(segment.name for segment in facts.segments)
    assert past.users == (80, 60, 40, 20)
    assert past.scale == facts.scale
    assert past.centres.tolist() == [[s.centre[name] for name in DEFAULT_FEATURES] for s in facts.segments]
    assert past.radius**2 * 200 == pytest.approx(facts.elbow.inertia[facts.elbow.k.index(4)])
    assert (past.last_id, past.retired) == (4, ())
    kept = extract_previous_model(replace(facts, lineage=IdRegistry(last_id=9, retired=("Our fans",))))
    assert (kept.last_id, kept.retired) == (9, ("Our fans",))


def test_a_column_that_last_month_did_not_have_is_compared_with_nothing(first: Analysis) -> None:
    """The schema learns of a column after last month was kept: all others are compared, here and by an engine."""
    assert first.users is not None
    before = first.users.drop("age", "top_genre")
    drift = measure_drift(PreviousMonth(first.facts, before), first.users, 200)

    with duckdb.connect() as connection:
        for name, users in (("then", before), ("now", first.users)):
            connection.register(name, pa.Table.from_pandas(users.to_native(), preserve_index=False))
        last, now = (nw.from_native(connection.table(name)) for name in ("then", "now"))
        there = measure_drift(PreviousMonth(first.facts, last), now, 200)
    others = [name for name in (*NUMBERS, *CATEGORIES) if name not in ("age", "top_genre")]
    assert list(drift) == list(there) == others
    assert not any(found.has_drifted for found in drift.values())


def test_an_engine_finds_the_same_change(run: Run, first: Analysis, named: pd.DataFrame) -> None:
    """Thirty went from the largest segment to the next: counted by joins and sums of DuckDB, as here."""
    now = named.copy()
    now.loc[now.index[:30], list(DEFAULT_FEATURES)] = now.loc[now.index[80:110], list(DEFAULT_FEATURES)].to_numpy()
    last = last_of(first)
    found = run(now, last=last, k=4)
    there = change_of(found.facts)
    assert last.users is not None
    assert there.flow is not None
    assert there.flow.users[0] == (50, 30, 0, 0)

    with duckdb.connect() as connection:
        months = {}
        for name, users in (("then", last.users), ("now", found.users)):
            table = pa.Table.from_pandas(users.to_native(), preserve_index=False)
            connection.register(name, table)
            months[name] = nw.from_native(connection.table(name))
        lineage = track_segments(last, *_model_of(found))
        assert _count_migration(last, lineage, found.users) == _count_migration(
            PreviousMonth(first.facts, months["then"]), lineage, months["now"]
        )
        # a month that shrank to fit memory, after one that didn't
        assert _count_migration(PreviousMonth(first.facts, months["then"]), lineage, found.users) == _count_migration(
            last, lineage, found.users
        )
        drift = measure_drift(PreviousMonth(first.facts, months["then"]), months["now"], 200)
    assert drift.keys() == there.drift.keys()
    for name, one in drift.items():
        assert (one.psi, one.critical) == pytest.approx((there.drift[name].psi, there.drift[name].critical))


def _model_of(analysis: Analysis) -> tuple[Points, KMeansModel, list[float]]:
    """Give a month's points, centres and sizes, as its facts have them."""
    facts = analysis.facts
    some = standardise_users(analysis.users, facts.scale)
    centres = np.array([[s.centre[name] for name in DEFAULT_FEATURES] for s in facts.segments])
    return some, KMeansModel(centres, 1.0), [float(s.users) for s in facts.segments]

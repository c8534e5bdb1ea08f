"""Ids that mean others, columns beside the wrong users, segments left out: held, and quiet months not."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from report.text import holds
from segmentation.facts import Anomaly, ColumnContinuity, Facts, MonthComparison, facts_from_dict, facts_to_dict
from segmentation.pipeline import Analysis
from segmentation.tracking.anomalies import detect_anomalies
from segmentation.tracking.compare import PreviousMonth
from segmentation.tracking.continuity import find_emptied_segments, find_unrelated_columns, measure_continuity
from tests.support.facts import factory
from tests.support.facts.random_months import TODAY, compared_facts, continue_crowd, facts_of, related_crowd

Found = list[tuple[str, str | None]]


USERS = 1200


@cache
def last_months() -> tuple[pd.DataFrame, Facts]:
    """Give last month's users and facts; it continues one before."""
    before = related_crowd(USERS, 1)
    users = continue_crowd(before, USERS, 2)
    return users, compared_facts(users, before, facts_of(before, "2026-08", "c"), facts_of(users, "2026-09", "b"))


def found(users: pd.DataFrame, *, first: bool = False, like: Facts | None = None) -> Found:
    """List what is suspicious about users; first where last month continued none.

    `like` has the distributions that they share with others.
    """
    before, last = last_months()
    now = compared_facts(users, before, last, like)
    last = replace(last, change=None) if first else last
    return [(one.kind, one.column) for one in detect_anomalies(now, last, current_month=TODAY)]


@cache
def this_month() -> pd.DataFrame:
    """Give this month's users, in the order of last month's."""
    return continue_crowd(last_months()[0], USERS + 50, 4).reset_index(drop=True)


@cache
def quiet_facts() -> Facts:
    """Give the facts of this month's users, and of them in any order."""
    return facts_of(this_month())


def permute(column: str, share: float = 1.0) -> pd.DataFrame:
    """Give this month's users with a column out of order, in part of the rows."""
    users, rng = this_month(), np.random.default_rng(5)
    rows = np.flatnonzero(rng.random(len(users)) < share)
    values = users[column].to_numpy(copy=True)
    values[rows] = values[rng.permutation(rows)]
    return users.assign(**{column: values})


# --- whole months


@pytest.mark.parametrize("first", [True, False])
def test_a_month_that_continues_the_last_is_quiet(first: bool) -> None:  # noqa: FBT001
    assert found(this_month(), first=first, like=quiet_facts()) == []
    assert found(this_month().drop(columns="user_id"), first=first, like=quiet_facts()) == []


@pytest.mark.parametrize("write", [str.upper, "0{}".format, lambda id_: str(hash(id_))], ids=["case", "zeros", "salt"])
def test_ids_written_in_another_way_hold_the_month(write: Callable[[str], str]) -> None:
    users = this_month().assign(user_id=this_month()["user_id"].map(write))

    for first in (False, True):
        assert found(users, first=first, like=quiet_facts()) == [("other_ids", None)]


def test_a_service_whose_users_never_stay_is_held_once() -> None:
    """Last month nobody was left of the month before, and somebody accepted it."""
    before, last = last_months()
    assert last.change is not None
    last = replace(last, change=replace(last.change, retention=0.0))
    strangers = this_month().assign(user_id=this_month()["user_id"].str.upper())

    now = compared_facts(strangers, before, last, quiet_facts())
    assert detect_anomalies(now, last, current_month=TODAY) == ()


def test_fewer_stay_over_a_longer_time() -> None:
    """Half stay a month. Of June, hardly anybody is left in November: 0.5 to the power of 5 is 3 %."""
    made = factory.month(4)
    june = MonthComparison("2026-05", 2000, (), None, {}, retention=0.5)
    last = replace(made, month="2026-06", change=june, source=replace(made.source, sha256="b" * 64))
    now = replace(made, month="2026-11", change=replace(june, month="2026-06", retention=0.0))
    numbers = last.distributions.numbers["age"]
    last = replace(
        last,
        distributions=replace(
            last.distributions, numbers=last.distributions.numbers | {"age": replace(numbers, sd=numbers.sd + 0.1)}
        ),
    )

    assert detect_anomalies(now, last, current_month=TODAY) == ()
    july = replace(now, month="2026-07")
    assert [one.kind for one in detect_anomalies(july, last, current_month=TODAY)] == ["other_ids"]


@pytest.mark.parametrize(("share", "first"), [(1.0, True), (1.0, False), (0.9, True), (0.6, False)])
def test_ids_that_stand_for_others_hold_the_month(share: float, first: bool) -> None:  # noqa: FBT001
    """All of them, or nearly all; where the month before shows how alike users stay, more than half."""
    (one,) = found(permute("user_id", share), first=first, like=quiet_facts())
    assert one[0] == "reused_ids"


@pytest.mark.parametrize(
    "column", ["age", "annual_income", "usage_per_month", "num_of_days_active", "employment_status"]
)
def test_a_column_out_of_order_holds_the_month(column: str) -> None:
    """Where users can be followed, and by the other columns alone: without ids, or after the first month."""
    users = permute(column)

    assert found(users, like=quiet_facts()) == [("other_users", column)]
    assert found(users, first=True, like=quiet_facts()) == [("unrelated", column)]
    assert found(users.drop(columns="user_id"), like=quiet_facts()) == [("unrelated", column)]


def test_a_column_that_goes_with_no_other_is_known_by_its_users() -> None:
    users = permute("gender")

    assert found(users, like=quiet_facts()) == [("other_users", "gender")]
    assert found(users.drop(columns="user_id"), like=quiet_facts()) == []


@pytest.mark.parametrize(("column", "factor"), [("annual_income", 0.6), ("usage_per_month", 1.6)])
def test_a_column_on_another_scale_holds_the_month(column: str, factor: float) -> None:
    users = this_month()

    assert found(users.assign(**{column: users[column] * factor})) == [("scale", column)]
    assert found(users.assign(**{column: users[column] * (0.85 if factor < 1 else 1.2)})) == []


def test_an_absurd_income_hides_no_other_scale_and_makes_none() -> None:
    """One of 1,250 incomes is 999,999,999: the mean says nothing then."""
    users = this_month().astype({"annual_income": float})
    absurd = users["annual_income"].where(np.arange(len(users)) > 0, 999_999_999.0)

    assert ("scale", "annual_income") in found(users.assign(annual_income=absurd * 0.6))
    assert found(users.assign(annual_income=absurd)) == []


def test_a_segment_missing_from_the_export_holds_the_month(run: Callable[..., Analysis], groups: pd.DataFrame) -> None:
    """The second group, of 60, isn't there; half of it is no reason, and the segments of a column in another unit neither."""
    first = run(groups, k=4)
    last = PreviousMonth(facts_from_dict(facts_to_dict(first.facts)), first.users)
    (second,) = [s for s in last.facts.segments if s.users == 60]

    def compare(users: pd.DataFrame) -> Facts:
        made = run(users, k=4, month="2026-11", last=last).facts
        return replace(facts_from_dict(facts_to_dict(made)), source=replace(made.source, sha256="f" * 64))

    now = compare(groups.drop(index=range(80, 140)))
    assert now.change is not None
    assert now.change.emptied == (second.id,)
    held = [one for one in detect_anomalies(now, last.facts, current_month="2026-12") if one.kind == "segment"]
    assert held == [Anomaly("segment", value=second.name, last=60, month=last.facts.month)]

    half = compare(groups.drop(index=range(80, 110)))
    assert half.change is not None
    assert half.change.emptied == ()


# --- the borders, worked out by hand


def test_a_segment_is_emptied_below_a_quarter_beyond_chance() -> None:
    """Of 60 none: with a quarter left, 60 draws of which none falls on this month's side: 0.8 ** 60 is 1.5e-6; of 40, 1.3e-4."""
    assert find_emptied_segments([60, 1000], [0, 1000]) == [0]
    assert find_emptied_segments([40, 1000], [0, 1000]) == []
    assert find_emptied_segments([1000, 1000], [260, 1000]) == []
    assert find_emptied_segments([1000, 1000], [150, 1000]) == [0]
    assert find_emptied_segments([1000, 1000], [150, 500]) == []  # half of the others are gone as well
    assert find_emptied_segments([1000, 1000], [300, 9000]) == []  # the others grew
    assert find_emptied_segments([1000], [0]) == []  # the only one


def test_ties_are_lost_where_three_quarters_are_beyond_chance() -> None:
    """Two halves that agree in 90 of 100, then in 50, in 80; and in a month of 40 users, of which chance explains all."""
    close, none, less = (np.array([[n, 100 - n], [100 - n, n]]) * 10.0 for n in (90, 50, 80))
    pair = ("a", "b")

    assert find_unrelated_columns({pair: close}, {pair: none}) == {"a", "b"}
    assert find_unrelated_columns({pair: close}, {pair: less}) == set()
    assert find_unrelated_columns({pair: none}, {pair: none}) == set()
    assert find_unrelated_columns({pair: close / 50}, {pair: none / 50}) == set()
    one_code = np.array([[1000.0, 1000.0]])
    assert find_unrelated_columns({pair: close}, {pair: one_code}) == {"a", "b"}


def test_an_engine_counts_the_same() -> None:
    """Over a DuckDB relation, and where there are too many combinations for one scan."""
    import duckdb

    before, last = last_months()
    users = this_month()
    quartiles = {name: one.quartiles for name, one in quiet_facts().distributions.numbers.items()}
    frames = [before, users]
    in_memory = measure_continuity(last, *(nw.from_native(one, eager_only=True) for one in frames), quartiles)
    in_engine = measure_continuity(last, *(nw.from_native(duckdb.from_df(one)) for one in frames), quartiles)

    assert in_memory == in_engine
    assert in_memory["gender"] == ColumnContinuity(agreement=1.0)


# --- sentences


def test_each_new_reason_is_a_sentence() -> None:
    facts = factory.month(4, first=False)
    anomalies = (
        Anomaly("scale", "annual_income", last=40_000.0, now=24_000.0),
        Anomaly("segment", value="Young heavy listeners", last=1_200.0),
        Anomaly("other_ids", now=0.05),
        Anomaly("reused_ids", "gender"),
        Anomaly("other_users", "age"),
        Anomaly("unrelated", "annual_income"),
    )

    assert [holds.describe_anomaly(facts, one).replace("\u00a0", " ") for one in anomalies] == [
        "Median income is $24,000; in September 2026 $40,000. The other quartiles differ alike. Is it in another unit?",
        "Hardly anybody is left where 1,200 young heavy listeners were in September 2026. Is a part of the export missing?",
        "Fewer than 5 % of the users have an id of September 2026. Are the ids written in another way?",
        "Users with the same id differ from September 2026 in every column, most clearly in gender. Do the ids stand for other users?",
        "Users with the same id are alike in September 2026 and now, but not in age. Does that column stand beside the wrong users?",
        "In September 2026 income depended on other columns; now it depends on none. Does that column stand beside the wrong users?",
    ]

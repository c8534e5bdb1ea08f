from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentation.errors import CleaningError, SchemaError
from segmentation.facts import DroppedRows
from segmentation.frames import Frame
from tests.support.music import COLUMNS, clean_users

Make = Callable[..., Frame]
AGES = {"age": (16.0, 65.0)}


def test_the_books_balance_and_a_row_counts_once(frame: Make) -> None:
    """Row 0 lacks age and genre, row 1 lacks a genre and is too old: each counts under the first rule it breaks."""
    data = frame(
        age=[None, 99, 12, 30, 40],
        top_genre=[None, None, "Pop", "Pop", "Pop"],
        num_of_days_active=[100, 100, 400, 100, 366],
    )

    audit = clean_users(data, {**AGES, "num_of_days_active": (0, 365)}).audit

    assert audit.dropped == (
        DroppedRows("missing", "age", 1),
        DroppedRows("missing", "top_genre", 1),
        DroppedRows("out_of_range", "age", 1),
        DroppedRows("out_of_range", "num_of_days_active", 1),
    )
    assert (audit.read, audit.kept) == (5, 1)


def test_both_ends_of_a_range_are_possible(frame: Make) -> None:
    """16 and 65 stay, and what is next to them goes."""
    kept = clean_users(frame(age=[15.999, 16, 65, 65.001]), AGES).users

    assert kept["age"].to_list() == [16, 65]


def test_where_nothing_is_too_much_only_too_little_goes(frame: Make) -> None:
    """An income has a smallest possible value and no largest."""
    kept = clean_users(frame(annual_income=[-50, 0, 10**9]), {"annual_income": (0, None)}).users

    assert kept["annual_income"].to_list() == [0, 10**9]


@pytest.mark.parametrize("valid", [{}, {"age": (16, None)}, {"age": (-np.inf, np.inf)}])
def test_an_infinite_value_is_impossible_in_every_number(frame: Make, valid: dict[str, Any]) -> None:
    """Whether settings give the column a range or not: no mean could be taken with it."""
    cleaned = clean_users(frame(age=[np.inf, -np.inf, 30.0], annual_income=[1.0, 1.0, 1.0]), valid)

    assert cleaned.audit.dropped == (DroppedRows("out_of_range", "age", 2),)


def test_the_first_usable_row_of_a_user_stays(frame: Make) -> None:
    """Ann's first row is too old and Bob's has no age: they are still there, once, with the rows that can be used."""
    data = frame(user_id=["ann", "ann", "bob", "bob", "bob", "cid"], age=[99, 31, None, 42, 43, 50])

    cleaned = clean_users(data, AGES)

    assert cleaned.users["age"].to_list() == [31, 42, 50]
    assert cleaned.audit.dropped == (
        DroppedRows("missing", "age", 1),
        DroppedRows("out_of_range", "age", 1),
        DroppedRows("repeated", "user_id", 1),
    )


def test_users_without_an_id_are_missing_and_not_each_others_double(frame: Make) -> None:
    """Two unknown users are two."""
    audit = clean_users(frame(user_id=[None, None, "ann"]), {}).audit

    assert audit.dropped == (DroppedRows("missing", "user_id", 2),)


@pytest.mark.parametrize(
    "ages",
    [
        pd.Series([np.nan, 30.0]),
        pd.Series([None, 30], dtype="Int64"),
        pd.Series([None, 30], dtype="Float64"),
        pd.Series([None, 30], dtype="int64[pyarrow]"),
        pd.Series(pa.array([np.nan, 30.0]), dtype="double[pyarrow]"),
    ],
    ids=lambda ages: str(ages.dtype),
)
def test_every_way_to_say_missing_is_missing(frame: Make, ages: pd.Series) -> None:
    """NaN, NA and null are one thing to a person, and the range isn't asked about them."""
    assert clean_users(frame(age=ages), AGES).audit.dropped == (DroppedRows("missing", "age", 1),)


@pytest.mark.parametrize("column", ["gender", "user_id", "age"])
def test_nan_is_missing_outside_pandas_too(users: Callable[..., pd.DataFrame], column: str) -> None:
    """An Arrow table tells NaN from null; a person reads neither as a value, in whichever column."""
    table = pa.Table.from_pandas(users(2, user_id=["ann", "bob"]), preserve_index=False)
    place = table.schema.get_field_index(column)
    table = table.set_column(place, column, pa.array([np.nan, 20.0]))

    cleaned = clean_users(nw.from_native(table, eager_only=True), {})

    assert cleaned.audit.dropped == (DroppedRows("missing", column, 1),)


def test_an_empty_text_is_a_value(frame: Make) -> None:
    """What the reader of the file let through as text is text: cleaning doesn't guess."""
    odd = ["", " ", "nan", "<b>&\n\t'\"", "日本🎧"]

    assert clean_users(frame(gender=odd), {}).users["gender"].to_list() == odd


def test_the_users_keep_their_order_and_only_known_columns(frame: Make) -> None:
    """Labels are laid beside these rows later, and `segment` is a name that a file may have."""
    data = frame(age=[50, 99, 20, 40], segment="x", _broken=1)

    users = clean_users(data, AGES).users

    assert users["age"].to_list() == [50, 20, 40]
    assert users.columns == [column.name for column in COLUMNS if column.name in data.columns]


def test_when_nothing_is_left_the_worst_rule_is_named(frame: Make) -> None:
    """Two of three rows are too old: that is where to look first."""
    data = frame(age=[99, 98, None])

    with pytest.raises(CleaningError, match=r"No row is left of 3 .* out of range in column 'age' \(2 rows\)"):
        clean_users(data, AGES)


def test_a_file_of_a_header_alone_is_refused_in_words(frame: Make) -> None:
    """There is no worst rule in it to name."""
    with pytest.raises(CleaningError, match="no row below"):
        clean_users(frame(age=[30]).head(0), AGES)


def test_the_columns_are_checked_before_the_rows(frame: Make) -> None:
    """A column short is no reason to drop rows."""
    with pytest.raises(SchemaError, match="Missing column age"):
        clean_users(frame(1).drop("age"), AGES)


@pytest.fixture
def untidy(frame: Make) -> Frame:
    """Give users 1, 2 (twice), 3 (three times) and 4, whose only row has no age; the least row of 3 has no genre."""
    return frame(
        user_id=["2", "3", "1", "3", "3", "2", "4"],
        age=[41.0, 30, 25, 33, 20, 40, None],
        top_genre=["Pop", "Pop", "Pop", "Pop", None, "Pop", "Pop"],
    )


def in_engine(data: Frame) -> Any:
    """Give the same as an engine has it: in no order, asked lazily."""
    return nw.from_native(duckdb.from_df(data.to_native()))


def ages_of(users: Any) -> list[tuple[str, float]]:
    """Give ids with ages, in an order of their own."""
    rows = users.lazy().collect() if isinstance(users, nw.LazyFrame) else users
    return sorted(zip(rows["user_id"].to_list(), rows["age"].to_list(), strict=True))


def test_an_engine_keeps_the_least_usable_row_of_a_user(untidy: Frame) -> None:
    """Of 2 the one at 40, of 3 the one at 30: at 20 the genre is missing. In an engine as where they are taken into memory."""
    asked = []

    def hold(rows: Any) -> Any:
        asked.append(rows)
        return rows

    lazy = clean_users(in_engine(untidy), {}, max_in_memory=0, materialise=hold)
    eager = clean_users(untidy, {}, max_in_memory=0)

    assert isinstance(lazy.users, nw.LazyFrame)
    assert ages_of(lazy.users) == ages_of(eager.users) == [("1", 25), ("2", 40), ("3", 30)]
    assert lazy.users.collect_schema().names() == eager.users.columns
    missing = (DroppedRows("missing", "age", 1), DroppedRows("missing", "top_genre", 1))
    assert lazy.audit.dropped == eager.audit.dropped == (*missing, DroppedRows("repeated", "user_id", 2))
    assert (lazy.audit.read, lazy.audit.kept) == (7, 3)
    repeated = [("2", 41), ("3", 33)]
    assert ages_of(lazy.dropped[1]) == ages_of(eager.dropped[1]) == repeated
    assert sorted(lazy.dropped[0].collect()["user_id"].to_list()) == ["3", "4"]
    assert len(asked) == 3  # the rows left out, who is there twice, and their rows


def test_few_users_of_an_engine_are_taken_into_memory(untidy: Frame) -> None:
    """Five rows are usable: at most five, and more than four. Of user 2 the first row stays (41), or the least (40)."""
    taken, left = (clean_users(in_engine(untidy), {}, max_in_memory=most).users for most in (5, 4))

    assert isinstance(taken, nw.DataFrame)
    assert isinstance(left, nw.LazyFrame)
    assert ages_of(taken) == [("1", 25), ("2", 41), ("3", 30)]
    assert ages_of(left) == [("1", 25), ("2", 40), ("3", 30)]


def test_an_engine_that_repeats_nobody_gives_the_users_back(frame: Make) -> None:
    """Nothing is dropped, and nobody is counted as repeated."""
    cleaned = clean_users(in_engine(frame(user_id=["1", "2"], age=[30.0, 31.0])), {}, max_in_memory=0)

    assert cleaned.dropped == ()
    assert (cleaned.audit.kept, cleaned.audit.dropped) == (2, ())
    assert ages_of(cleaned.users) == [("1", 30), ("2", 31)]

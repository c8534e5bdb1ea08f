import re
from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd
import pytest

from segmentation.errors import SchemaError
from segmentation.frames import Frame
from tests.support.music import CATEGORIES, COLUMNS, COLUMNS_BY_NAME, NUMBERS, check_columns

Make = Callable[..., Frame]


def test_the_columns_are_those_of_the_music_file() -> None:
    """All and a user_id that may be left out, in the order of the pages."""
    assert [column.name for column in COLUMNS if not column.required] == ["user_id"]
    assert [(column.name, column.kind) for column in COLUMNS] == [
        ("user_id", "id"),
        ("age", "number"),
        ("gender", "category"),
        ("employment_status", "category"),
        ("annual_income", "number"),
        ("usage_per_month", "number"),
        ("top_genre", "category"),
        ("num_of_days_active", "number"),
    ]
    assert len(COLUMNS_BY_NAME) == len(NUMBERS) + len(CATEGORIES) + 1


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_can_be_named_and_measured(name: str) -> None:
    """Segments are named by adjectives, axes by comparatives and values by units: each number has them."""
    column = COLUMNS_BY_NAME[name]

    assert column.unit
    assert column.adjectives is not None
    assert column.comparatives is not None
    assert len({*column.adjectives, *column.comparatives}) >= 3


def test_a_file_without_ids_and_with_columns_of_its_own_is_fine(frame: Make) -> None:
    """user_id is optional, and what the schema doesn't know is nobody's business."""
    check_columns(frame(2, shoe_size=[40, 41]))
    with pytest.raises(SchemaError, match="age"):
        check_columns(frame(2, shoe_size=[40, 41]).drop("age"))


@pytest.mark.parametrize(
    "dtype", ["int16", "uint8", "float32", "Int64", "Float64", "int64[pyarrow]", "double[pyarrow]"]
)
def test_any_kind_of_number_is_a_number(frame: Make, dtype: str) -> None:
    """Whole or not, nullable or not: readers differ in what they make of the same file."""
    check_columns(frame(age=pd.Series([20, 30], dtype=dtype)))
    with pytest.raises(SchemaError, match="age"):
        check_columns(frame(age=pd.Series([20, 30], dtype=dtype).astype(str)))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["20", "thirty"], "String"),
        ([True, False], "Boolean"),
        (pd.Series([20, "30"], dtype=object), "Object"),
        ([datetime(2026, 10, 1, tzinfo=UTC)] * 2, "Datetime"),
    ],
)
def test_what_is_no_number_is_refused_by_name(frame: Make, values: list[object], found: str) -> None:
    """The message says which column, what it holds and which unit it should have."""
    with pytest.raises(SchemaError) as refused:
        check_columns(frame(num_of_days_active=values))
    assert re.fullmatch(
        rf"Column 'num_of_days_active' holds {found}.*, expected numbers \(days in the last 365\)\. "
        r"Correct the export and run `make report` again\.",
        str(refused.value),
    )


def test_every_missing_column_is_named_with_what_is_there(frame: Make) -> None:
    """One look at the message is enough to mend the export."""
    cut = frame(1).drop("age", "top_genre")

    with pytest.raises(SchemaError) as several:
        check_columns(cut)
    assert re.fullmatch(
        r"Missing columns age, top_genre; found gender, employment_status, .*\w\. "
        r"Add what is missing to the export, or give its name there as `source` in the columns file\.",
        str(several.value),
    )
    with pytest.raises(SchemaError, match=r"^Missing column gender; "):
        check_columns(frame(1).drop("gender"))

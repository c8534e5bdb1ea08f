"""The columns of a month's file, as data."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import narwhals as nw

from segmentation.errors import SchemaError

Frame = nw.DataFrame[Any]  # any frame that Narwhals supports, in memory
Users: TypeAlias = nw.DataFrame[Any] | nw.LazyFrame[Any]  # the same, or lazy in an engine


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the month's file."""

    name: str  # in the file, in facts and in code
    label: str  # on the pages, in the middle of a sentence
    kind: Literal["number", "category", "id"]
    unit: str = ""  # what a value of 1 means
    adjectives: tuple[str, str] | None = None  # listeners far below and far above the average, beside a noun
    nouns: tuple[str, str] | None = None  # the same listeners, as a noun
    comparatives: tuple[str, str] | None = None  # less and more of the number: "younger", "older"
    required: bool = True
    digits: int = 0  # decimals with which a small number is written


COLUMNS: tuple[Column, ...] = (
    Column("user_id", "user", "id", required=False),
    Column("age", "age", "number", "years", adjectives=("young", "older"), comparatives=("younger", "older")),
    Column("gender", "gender", "category"),
    Column("employment_status", "employment", "category"),
    Column(
        "annual_income",
        "income",
        "number",
        "USD a year",
        adjectives=("lower-income", "high-income"),
        nouns=("lower earners", "high earners"),
        comparatives=("lower income", "higher income"),
    ),
    Column(
        "usage_per_month",
        "usage",
        "number",
        "minutes a month",
        adjectives=("light", "heavy"),
        nouns=("light listeners", "heavy listeners"),
        comparatives=("less listening", "more listening"),
    ),
    Column("top_genre", "top genre", "category"),
    Column(
        "num_of_days_active",
        "days active",
        "number",
        "days in the last 365",
        adjectives=("occasional", "frequent"),
        comparatives=("fewer active days", "more active days"),
    ),
)
COLUMNS_BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}
NUMBERS: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind == "number")
CATEGORIES: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind == "category")
# the default of the setting `features`
DEFAULT_FEATURES: tuple[str, ...] = ("age", "annual_income", "usage_per_month", "num_of_days_active")
USER_ID = "user_id"
MAX_NUMBER = 1e100  # largest number accepted: its square is still a number


def check_columns(frame: Users) -> None:
    """Require all needed columns, with the right types.

    Unknown columns are allowed and ignored.
    """
    schema = frame.collect_schema()
    missing = [column.name for column in COLUMNS if column.required and column.name not in schema]
    if missing:
        raise SchemaError(
            f"Missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; found {', '.join(schema)}. "
            "Add what is missing to the export, or map its name under [columns] in settings.toml."
        )
    for name in NUMBERS:
        if not schema[name].is_numeric():
            raise SchemaError(
                f"Column {name!r} holds {schema[name]}, expected numbers ({COLUMNS_BY_NAME[name].unit}). "
                "Correct the export and run `make report` again."
            )

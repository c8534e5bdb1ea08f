"""The columns as data: what each is called, what it measures, and how a segment high or low in it is named."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import narwhals as nw

from segmentation.errors import SchemaError

Frame = nw.DataFrame[Any]  # any frame that Narwhals speaks, in memory
Users: TypeAlias = nw.DataFrame[Any] | nw.LazyFrame[Any]  # or wherever its engine has it


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the month's file.

    Attributes
    ----------
    name : str
        Name in the file, in facts and in code.
    label : str
        Name on the pages, as it stands in the middle of a sentence.
    kind : {"number", "category", "id"}
        How it is read, cleaned and described.
    unit : str
        What a value of 1 means; empty where it means nothing.
    adjectives, nouns : tuple of str, or None
        What listeners far below and far above the average are called: beside a noun, and as the noun itself.
    comparatives : tuple of str, or None
        What less and more of the number is called: "younger" and "older".
    required : bool
        Whether a file without the column is refused.
    digits : int
        Digits behind the point with which a value is written, of a number that is small.
    """

    name: str
    label: str
    kind: Literal["number", "category", "id"]
    unit: str = ""
    adjectives: tuple[str, str] | None = None
    nouns: tuple[str, str] | None = None
    comparatives: tuple[str, str] | None = None
    required: bool = True
    digits: int = 0


COLUMNS: tuple[Column, ...] = (
    Column("user_id", "user", "id", required=False),
    Column(
        "age",
        "age",
        "number",
        "years",
        adjectives=("young", "older"),
        comparatives=("younger", "older"),
    ),
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
# what segments are made of unless settings say otherwise
DEFAULT_FEATURES: tuple[str, ...] = ("age", "annual_income", "usage_per_month", "num_of_days_active")
USER_ID = "user_id"
MAX_NUMBER = (
    1e100  # what a number may be: far beyond any that means something, and its square is still a number
)


def check_columns(frame: Users) -> None:
    """Make sure that the frame has every required column, with numbers where numbers are expected.

    Parameters
    ----------
    frame : narwhals.DataFrame or LazyFrame
        One row a user. Columns that the schema doesn't know are allowed and ignored.

    Raises
    ------
    SchemaError
        Naming the columns that are missing, or the one that holds something other than numbers.
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

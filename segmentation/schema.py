"""The columns of a month's file, as data. Imports nothing heavy: facts carry them to the pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

ColumnKind = Literal["number", "category", "ordered", "date", "id"]
ColumnRole = Literal["feature", "describe", "ignore"]
ValueFormat = Literal["plain", "count", "money", "minutes", "percent", "share", "years", "days"]
Transform = Literal["none", "log", "clip"]
ValidRange = tuple[float, float | None]  # smallest and largest possible value
WordPair = tuple[str, str]  # for users below and above the average

USER_ID = "user_id"  # name of the column of kind "id", whatever its name in the file
MAX_NUMBER = 1e100  # largest number accepted: its square is still a number


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it means, and how it is written."""

    name: str
    """In facts and in settings."""
    label: str
    """On the pages, in the middle of a sentence."""
    kind: ColumnKind
    """What its values are. A date becomes the days from it to the end of the month."""
    role: ColumnRole = "describe"
    """Whether it makes the segments, describes them, or is only used by other columns."""
    format: ValueFormat = "plain"
    """How a value is written."""
    unit: str = ""
    """What a value of 1 means: "minutes a month"."""
    digits: int = 0
    """Decimals with which a small number is written."""
    adjectives: WordPair | None = None
    """Users far below and far above the average, beside a noun: "young", "older"."""
    nouns: WordPair | None = None
    """The same users, as a noun: "lower earners", "high earners"."""
    comparatives: WordPair = ("less", "more")
    """Less and more of the number: "younger", "older"."""
    portrait: str = ""
    """A value in a portrait, written for the braces: "{} of listening a month"."""
    total: str = ""
    """What all users' values add up to: "listening"; empty for a number that doesn't add up."""
    values: tuple[str, ...] = ()
    """The values of an ordered category, the lowest first."""
    required: bool = True
    """Whether a file without it is refused."""
    valid: ValidRange | None = None
    """Smallest and largest possible value; rows outside are left out."""
    missing: str = "drop"
    """What becomes of a user without a value: "drop", "keep", "median", or the value to put there."""
    transform: Transform = "none"
    """What is done to a feature before distances are measured."""
    source: tuple[str, ...] = ()
    """Its names in the file, the first that is there counts; empty for a column worked out from others."""
    expression: str = ""
    """How it is worked out from other columns: "2026 - year_birth"."""
    missing_values: tuple[str, ...] = ()
    """Values that mean that nothing is known, beside the usual ones."""
    recoded: tuple[tuple[str, str], ...] = ()
    """Values in the file, each with the value that is meant: ("1", "yes")."""
    has_bands: bool = False
    """Whether a number's cells are bands, such as "20 to 35", read as their middle."""
    is_hashed: bool = False
    """Whether ids are replaced by a hash as they are read."""

    @property
    def is_number(self) -> bool:
        """Whether the analysis sees numbers in it."""
        return self.kind in ("number", "date")

    @property
    def is_category(self) -> bool:
        """Whether the analysis sees words in it."""
        return self.kind in ("category", "ordered")


@dataclass(frozen=True, slots=True)
class Schema:
    """All columns, and the words for users."""

    columns: tuple[Column, ...]
    """In the order in which pages show them."""
    user: WordPair = ("user", "users")
    """What one and several users are called."""
    title: str = "Segments"
    """The report's name."""
    main: str = ""
    """The number that matters most, first in names and sentences; empty for none."""
    currency: str = "USD"
    """Of money, as ISO 4217."""
    locale: str = "en"
    """Whose way of writing numbers is used."""
    unit: Literal["person", "thing"] = "person"
    """What a row is; things have no privacy."""

    def __getitem__(self, name: str) -> Column:
        """Return the column with this name."""
        return next(column for column in self.columns if column.name == name)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a column."""
        return any(column.name == name for column in self.columns)

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns that the analysis uses."""
        return tuple(column for column in self.columns if column.role != "ignore")

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the number columns that the analysis uses."""
        return tuple(column.name for column in self.shown if column.is_number)

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the category columns that the analysis uses."""
        return tuple(column.name for column in self.shown if column.is_category)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the numbers that make the segments."""
        return tuple(column.name for column in self.shown if column.role == "feature")

    @property
    def valid(self) -> dict[str, ValidRange]:
        """Smallest and largest possible value, by number column."""
        return {column.name: column.valid for column in self.shown if column.is_number and column.valid}

    def select(self, names: Sequence[str]) -> tuple[Column, ...]:
        """Return the columns with these names, in their order."""
        return tuple(self[name] for name in names)


def replace_columns(schema: Schema, changes: Mapping[str, Mapping[str, Any]]) -> Schema:
    """Return the schema with some columns changed.

    `changes` has, by column, fields of `Column` with their new values.
    """
    columns = tuple(replace(column, **changes.get(column.name, {})) for column in schema.columns)
    return replace(schema, columns=columns)

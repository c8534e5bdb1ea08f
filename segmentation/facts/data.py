"""Facts about the month's data: its source, its cleaning, its distributions."""

from dataclasses import dataclass, field
from typing import Literal

CleaningRule = Literal["missing", "repeated", "out_of_range", "outlier"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the month's users come from."""

    name: str
    """Name of the file or folder, without where it lies, or of the database that was asked."""
    sha256: str
    """Hash that tells this source from others; `hashed` says of what."""
    synthetic: bool
    """Whether these are the made-up users that the project ships; then every page says so."""
    hashed: Literal["bytes", "files", "query"] = "bytes"
    """What the hash is of: the file's bytes; the list of a folder's files with the hash of each; or who was asked for
    what, where a database or a cluster answered."""


@dataclass(frozen=True, slots=True)
class DroppedRows:
    """Rows that cleaning left out, by the first rule that each of them broke."""

    rule: CleaningRule
    """What was wrong: no value, a user who is there already, a value that can't be, or one far from all others."""
    column: str
    """Where it was wrong."""
    rows: int
    """Number of rows; a row counts once."""


@dataclass(frozen=True, slots=True)
class CleaningAudit:
    """What cleaning read, kept and dropped: kept and dropped add up to read."""

    read: int
    """Rows in the file."""
    kept: int
    """Rows that the analysis uses."""
    dropped: tuple[DroppedRows, ...]
    """Rules that were broken, in the order in which they are asked; none without a row."""
    valid: dict[str, tuple[float, float | None]]
    """The smallest and largest possible value of each number; no largest where nothing is too much."""
    joined: dict[str, int] = field(default_factory=dict)
    """By category: how many spellings were read as another that looks the same, such as one with a space of no width; a
    column without any is left out."""


@dataclass(frozen=True, slots=True)
class NumberDistribution:
    """How one number column is spread, before and after cleaning."""

    edges: tuple[float, ...]
    """Borders of the bins, in the column's unit; a bin holds its left border, the last both."""
    before: tuple[int | None, ...]
    """Rows as read, by bin; values outside the bins are in `outside`. Nothing where it would give somebody away."""
    after: tuple[int | None, ...]
    """Rows kept, by bin; nothing where they are too few to be shown."""
    missing: int
    """Rows as read without a value."""
    outside: int
    """Rows as read with a value outside the valid range."""
    mean: float
    """Mean of the rows kept."""
    sd: float
    """Population standard deviation of the rows kept."""
    quartiles: tuple[float, float, float]
    """First quartile, median and third quartile of the rows kept."""


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """How often one value of a category stands in the file."""

    value: str
    """The value."""
    before: int | None
    """Rows as read; nothing where it would give somebody away."""
    after: int
    """Rows kept."""
    merged: bool | None = None
    """Whether it stands for several values, of too few rows or more than a page has room for; nothing in months made before
    this was written down."""


@dataclass(frozen=True, slots=True)
class CategoryDistribution:
    """How one category column is spread, before and after cleaning."""

    values: tuple[CategoryCount, ...]
    """Values by rows kept, the most frequent first."""
    missing: int
    """Rows as read without a value."""


@dataclass(frozen=True, slots=True)
class ColumnDistributions:
    """Every column that the analysis describes, before and after cleaning."""

    numbers: dict[str, NumberDistribution]
    """By column."""
    categories: dict[str, CategoryDistribution]
    """By column."""

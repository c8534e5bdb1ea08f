"""A column: what its header and cells show, and what is proposed for it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from report.proposal.cells import (
    UNKNOWN_WORDS,
    Band,
    DateReading,
    ParsedNumber,
    parse_band,
    parse_number,
    read_dates,
    tidy_cell,
)
from report.proposal.headers import Hint, WordSet, find_hint, split_words
from segmentation.preprocessing.spelling import MISSING_NUMBER_SPELLINGS

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_PHONE = re.compile(r"\+?[\d() /.-]{7,22}")
_ADDRESS = re.compile(r"https?://\S+|\d{1,3}(?:\.\d{1,3}){3}")
_ZERO_PADDED = re.compile(r"0\d+")
_CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{4,40}")
_MOST = 0.95  # share of the cells that decide what a column holds
_UNIQUE = 0.98  # share of distinct cells of an id


@dataclass(frozen=True)
class ColumnEvidence:
    """A column's cells, counted and parsed."""

    header: str
    rows: int
    counts: Mapping[str, int]
    """By cell, in its normalised spelling: its rows; without missing ones."""
    cells: tuple[str | None, ...]
    """Every row's cell, None where missing."""
    mark: str = "."
    """Decimal mark of its numbers."""

    @cached_property
    def words(self) -> list[str]:
        """Words of the header."""
        return split_words(self.header)

    @cached_property
    def hint(self) -> Hint:
        """What the header tells, as far as the cells allow it."""
        hint = find_hint(self.words)
        if hint.meaning == "target" and len(self.counts) > 5:
            return find_hint(self.words, without=("target",))
        return hint

    @property
    def filled(self) -> int:
        """Number of rows that aren't missing."""
        return sum(self.counts.values())

    @property
    def missing_share(self) -> float:
        """Share of rows without a value, of all rows."""
        return 1 - self.filled / self.rows if self.rows else 1.0

    @property
    def unique_share(self) -> float:
        """Share of distinct values, of the rows that have one."""
        return len(self.counts) / self.filled if self.filled else 0.0

    @cached_property
    def unknown_values(self) -> tuple[str, ...]:
        """Values that say that nothing is known."""
        return tuple(value for value in self.counts if value.casefold() in UNKNOWN_WORDS)

    @cached_property
    def parsed(self) -> dict[str, ParsedNumber]:
        """By cell: its number, of the cells that are one."""
        found = ((value, parse_number(value, self.mark)) for value in self.counts)
        return {value: number for value, number in found if number is not None}

    @cached_property
    def other_texts(self) -> tuple[str, ...]:
        """Cells that are neither numbers nor known words for missing."""
        return tuple(value for value in self.counts if value not in self.parsed and value not in self.unknown_values)

    @property
    def is_numeric(self) -> bool:
        """Whether nearly all of its cells are numbers."""
        known = self.filled - self._count_rows(self.unknown_values)
        return known > 0 and self._count_rows(self.parsed) >= _MOST * known and len(self.other_texts) <= 5

    @cached_property
    def bands(self) -> dict[str, Band]:
        """By cell: its band, if most cells are bands."""
        if len(self.counts) > 80:
            return {}
        found = ((value, parse_band(value, self.mark)) for value in self.other_texts)
        bands = {value: band for value, band in found if band is not None}
        known = self.filled - self._count_rows(self.unknown_values)
        others = known - self._count_rows(bands) - self._count_rows(self.parsed)
        has_range = any(band.low is not None and band.high is not None for band in bands.values())
        is_most = (
            len(bands) >= (2 if has_range else 3)
            and self._count_rows(bands) >= 0.5 * known
            and others <= (1 - _MOST) * known
        )
        return bands if is_most else {}

    @cached_property
    def dates(self) -> DateReading | None:
        """How its dates are written, None if it has none."""
        if self.is_numeric and self.hint.meaning not in ("birth_date", "signup", "last", "date"):
            return None
        values = [value for value in self.counts if value not in self.unknown_values]
        return read_dates(values, allow_compact=self.is_numeric)

    @cached_property
    def numbers(self) -> np.ndarray:
        """Every row's number, NaN where it has none."""
        values = {cell: number.value for cell, number in self.parsed.items()}
        values |= {cell: band.middle for cell, band in self.bands.items()}
        return np.array([np.nan if cell is None else values.get(cell, np.nan) for cell in self.cells], dtype=float)

    @property
    def is_integral(self) -> bool:
        """Whether all numbers are whole."""
        return all(number.value.is_integer() for number in self.parsed.values())

    @property
    def is_email(self) -> bool:
        """Whether its cells are e-mail addresses."""
        return self._has_shape(_EMAIL)

    @property
    def is_uuid(self) -> bool:
        """Whether its cells are UUIDs."""
        return self._has_shape(_UUID)

    @property
    def is_phone(self) -> bool:
        """Whether its cells are telephone numbers."""
        is_named = self.hint.meaning == "contact" or self.words == ["contact"]
        has_signs = self._has_shape(
            re.compile(r"\+\d[\d() /.-]{6,20}|\(\d{2,5}\) ?[\d /.-]{5,15}|0\d{2,4}[ /-][\d /-]{5,12}")
        )
        return (has_signs or (is_named and self._has_shape(_PHONE))) and len(self.counts) > 5 and self.dates is None

    @property
    def is_person(self) -> bool:
        """Whether it names or places a person."""
        is_text = not self.is_numeric and len(self.counts) > min(20, self.filled / 4)
        return self.hint.meaning == "person" and is_text

    @property
    def is_web_address(self) -> bool:
        """Whether its cells are links or IP addresses."""
        return self._has_shape(_ADDRESS)

    @property
    def is_zero_padded(self) -> bool:
        """Whether whole numbers start with zeros."""
        return any(_ZERO_PADDED.fullmatch(value) for value in self.counts)

    @property
    def is_row_number(self) -> bool:
        """Whether it counts the rows."""
        if not self.is_numeric or self.filled < max(3, self.rows) or self.unique_share < 1:
            return False
        return bool((np.diff(self.numbers) == 1).all()) and self.numbers[0] in (0, 1)

    @property
    def is_unique(self) -> bool:
        """Whether nearly every row has its own value."""
        return self.unique_share >= _UNIQUE and self.missing_share <= 0.01

    @property
    def names_user(self) -> bool:
        """Whether its header has a word for a user."""
        return bool({"customer", "user", "client", "member", "subscriber", "reader", "kunde"} & set(self.words))

    def rate_as_id(self) -> int:
        """Return how well it suits as the users' id, 0 for not at all."""
        if not self.is_unique or self.dates is not None or self.hint.meaning == "row":
            return 0
        if self.is_email:
            return 4
        if self.hint.meaning == "id":
            return 9 if self.names_user else 8
        if self.is_uuid:
            return 7
        return 5 if self._has_shape(_CODE) and not self.is_numeric and self.rows > 5 else 0

    @property
    def skewness(self) -> float:
        """How far its largest values pull to one side."""
        values = self.numbers[np.isfinite(self.numbers)]
        return measure_skewness(values)

    def count_wordy(self) -> float:
        """Return the share of distinct values with four words or more."""
        return sum(len(value.split()) >= 4 for value in self.counts) / max(1, len(self.counts))

    def list_unreadable(self) -> tuple[str, ...]:
        """List words for missing that a reader of numbers doesn't know."""
        return tuple(value for value in self.unknown_values if value.casefold() not in MISSING_NUMBER_SPELLINGS)

    def _count_rows(self, values: "Sequence[str] | Mapping[str, object]") -> int:
        return sum(self.counts[value] for value in values)

    def _has_shape(self, pattern: re.Pattern[str]) -> bool:
        fitting = sum(count for value, count in self.counts.items() if pattern.fullmatch(value))
        return self.filled > 0 and fitting >= 0.9 * self.filled


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """What a columns file would say of one column."""

    name: str
    label: str
    source: str
    """Its header; empty for a column worked out from others."""
    kind: str
    role: str = "describe"
    format: str = "plain"
    unit: str = ""
    digits: int = 0
    valid: tuple[float, float] | None = None
    missing: str = ""
    missing_values: tuple[str | float, ...] = ()
    values: tuple[str, ...] | dict[str, str | float] = ()
    """Words in order, or what each value of the file means."""
    has_bands: bool = False
    transform: str = "none"
    value: str = ""
    """How it is worked out: "2026 - year_birth"."""
    words: WordSet | None = None
    portrait: str = ""
    is_additive: bool = False
    is_hashed: bool = False
    is_used: bool = False
    """Whether another column is worked out from it."""
    score: float = 0.0
    """How well it suits as a feature."""
    reasons: tuple[str, ...] = ()
    """Comments in plain English, the most important first."""

    def add_reasons(self, *reasons: str) -> "ColumnProposal":
        """Return the proposal with further reasons at the end."""
        return replace(self, reasons=(*self.reasons, *(reason for reason in reasons if reason)))


def examine_column(header: str, cells: Sequence[str | None], mark: str = ".") -> ColumnEvidence:
    """Return what a column's header and cells show."""
    spellings = {cell: tidy_cell(cell) for cell in set(cells)}
    tidied = tuple(spellings[cell] for cell in cells)
    counts = Counter(cell for cell in tidied if cell is not None)
    return ColumnEvidence(header, len(tidied), dict(counts), tidied, mark)


def measure_skewness(values: np.ndarray) -> float:
    """Return the skewness of numbers, 0 if they don't vary."""
    if values.size < 3:
        return 0.0
    spread = float(values.std())
    return 0.0 if spread == 0 else float((((values - values.mean()) / spread) ** 3).mean())

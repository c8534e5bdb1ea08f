"""Cells as people write them: numbers, bands and dates."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from segmentation.preprocessing.spelling import MISSING_SPELLINGS, normalise_text

DateOrder = Literal["year first", "day first", "month first", "unclear"]

CURRENCIES = {
    "$": "USD",
    "us$": "USD",
    "usd": "USD",
    "€": "EUR",
    "eur": "EUR",
    "euro": "EUR",
    "£": "GBP",
    "gbp": "GBP",
    "chf": "CHF",
    "¥": "JPY",
    "₹": "INR",
}
# Words for a value that isn't known, beside those that every reader takes for missing.
UNKNOWN_WORDS = frozenset({
    *("unknown", "?", "-", "--", ".", "not available", "not known", "not stated", "not specified", "unspecified"),
    *("missing", "not given", "no answer", "no data", "unbekannt", "keine angabe", "k.a.", "k. a.", "#n/a", "n.k.", "tbd"),
})  # fmt: skip
_FACTORS = {"": 1.0, "k": 1e3, "tsd": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "b": 1e9, "bn": 1e9, "mrd": 1e9}
_CURRENCY = r"US\$|[$€£¥₹]|USD\b|EUR\b|EURO\b|GBP\b|CHF\b"
_PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_BODIES = {
    ".": r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+",
    ",": r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?|[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:,\d+)?|\d+(?:,\d*)?|,\d+",
}
_NUMBERS = {
    mark: re.compile(
        rf"(?P<sign>[+−-]?)\s*(?P<before>{_CURRENCY})?\s*(?P<inner>[+−-]?)\s*(?P<body>{body})\s*"
        rf"(?P<factor>(?i:k|tsd|mio|mn|bn|mrd|[mb](?![a-z])))?\.?\s*(?P<after>{_CURRENCY}|%)?(?:,-{{1,2}})?",
        re.IGNORECASE,
    )
    for mark, body in _BODIES.items()
}
_BAND_NUMBER = rf"(?:{_CURRENCY})?\s*\d[\d.,’']*\s*(?:k|m|mio|tsd)?\s*(?:{_CURRENCY}|%)?"
_UNIT = r"\s*(?P<unit>[^\W\d_]{2,12})?\.?"
_BANDS = {
    "between": re.compile(
        rf"[(\[]?(?P<low>{_BAND_NUMBER})\s*(?:-|–|—|to|bis|until|\.\.\.?|,\s|<=?\s*x\s*<=?)\s*(?P<high>{_BAND_NUMBER})[)\]]?{_UNIT}",
        re.IGNORECASE,
    ),
    "below": re.compile(
        rf"(?:less than|fewer than|under|below|up to|bis|unter|<=?|≤)\s*(?P<high>{_BAND_NUMBER}){_UNIT}", re.IGNORECASE
    ),
    "above": re.compile(
        rf"(?:(?:more than|over|above|from|ab|über|>=?|≥)\s*(?P<low>{_BAND_NUMBER}){_UNIT}"
        rf"|(?P<low2>{_BAND_NUMBER})\s*(?P<unit2>[^\W\d_]{{2,12}})?\s*(?:\+|plus|(?:and|or|und) (?:more|over|above|older|up|mehr|älter)))",
        re.IGNORECASE,
    ),
}
_TIME = r"(?:[T ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}")
_DAY_MONTH_NAME = re.compile(rf"(\d{{1,2}})[-. ]*([^\W\d_]{{3,9}})\.?[-, ]*(\d{{4}}|\d{{2}}){_TIME}")
_MONTH_NAME_DAY = re.compile(rf"([^\W\d_]{{3,9}})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}){_TIME}")
_COMPACT = re.compile(r"((?:19|20)\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = {name: number for number, name in enumerate(_MONTHS, 1)}
_MONTH_NAMES |= {"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12}
_CENTURY_PIVOT = 69  # two digits up to it are of this century


@dataclass(frozen=True, slots=True)
class ParsedNumber:
    """A number, and the signs beside it."""

    value: float
    currency: str = ""  # as ISO 4217
    is_percent: bool = False
    factor: float = 1.0  # 1,000 for "60k"
    decimals: int = 0  # as written


@dataclass(frozen=True, slots=True)
class Band:
    """A range of numbers as a cell names it."""

    low: float | None  # None for "under 20"
    high: float | None  # None for "65+"
    unit: str = ""  # a word behind it, such as "years"
    currency: str = ""

    @property
    def middle(self) -> float:
        """Its middle; for an open end, the end itself."""
        if self.low is None or self.high is None:
            return self.low if self.low is not None else (self.high or 0.0) / 2
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class DateReading:
    """How a column's dates are written, and which they are."""

    order: DateOrder
    dates: dict[str, date]  # by cell
    has_time: bool


def tidy_cell(cell: str | None) -> str | None:
    """Return a cell in its normalised spelling, None if missing."""
    if cell is None:
        return None
    text = cell.strip()
    if not text.isascii() or not text.isprintable() or "  " in text:
        text = normalise_text(text)
    return None if text.lower() in MISSING_SPELLINGS else text


def parse_number(text: str, mark: str = ".") -> ParsedNumber | None:
    """Return a number with this decimal mark, or None."""
    if mark == "." and _PLAIN_NUMBER.fullmatch(text):
        return ParsedNumber(float(text), decimals=len(text.partition(".")[2]) if "e" not in text.lower() else 0)
    found = _NUMBERS[mark].fullmatch(text)
    if not found or (found["sign"] and found["inner"]):
        return None
    body = re.sub(r"[ \u00a0\u2009\u202f'’]", "", found["body"]).replace("," if mark == "." else ".", "")
    body = body.replace(",", ".")
    factor = _FACTORS[(found["factor"] or "").lower()]
    sign = -1.0 if (found["sign"] or found["inner"]) in ("-", "−") else 1.0
    signs = [(found[place] or "").lower() for place in ("before", "after")]
    return ParsedNumber(
        sign * float(body) * factor,
        next((CURRENCIES[one] for one in signs if one in CURRENCIES), ""),
        "%" in signs,
        factor,
        len(body.partition(".")[2]),
    )


def find_decimal_mark(values: Collection[str]) -> str:
    """Return the decimal mark that a column's numbers prove.

    Empty if both or neither would do.
    """
    marked = [value for value in values if re.search(r"\d[.,]\d|^[.,]\d", value)]
    fits = {mark: sum(parse_number(value, mark) is not None for value in marked) for mark in ".,"}
    if fits["."] == fits[","]:
        return ""
    best = max(fits, key=fits.__getitem__)
    return best if fits[best] >= 0.9 * len(marked) else ""


def parse_band(text: str, mark: str = ".") -> Band | None:
    """Return a band such as "20-35", or None."""
    for pattern in _BANDS.values():
        found = pattern.fullmatch(text)
        if not found:
            continue
        parts = found.groupdict()
        low, high = parts.get("low") or parts.get("low2"), parts.get("high")
        ends = [None if end is None else parse_number(end.strip(" .,"), mark) for end in (low, high)]
        if (low and ends[0] is None) or (high and ends[1] is None):
            continue
        values = [None if end is None else end.value for end in ends]
        if values[0] is not None and values[1] is not None:
            if (
                ends[0]
                and ends[1]
                and ends[0].factor == 1.0 < ends[1].factor
                and values[0] < values[1] / ends[1].factor
            ):
                values[0] *= ends[1].factor  # "60-80K"
            if not values[0] < values[1]:
                continue
        unit = parts.get("unit") or parts.get("unit2") or ""
        return Band(values[0], values[1], unit, next((end.currency for end in ends if end and end.currency), ""))
    return None


def read_dates(values: Sequence[str], *, allow_compact: bool = False) -> DateReading | None:
    """Return how a column's distinct values are written as dates.

    None if fewer than 95% of them are dates in one order. Eight digits without a mark count only with `allow_compact`.
    """
    numeric: dict[str, tuple[int, int, int]] = {}
    dates: dict[str, date] = {}
    dotted = True
    for value in values:
        if found := _YEAR_FIRST.fullmatch(value):
            _add_date(dates, value, int(found[1]), int(found[3]), int(found[4]))
        elif found := _YEAR_LAST.fullmatch(value):
            numeric[value] = (int(found[1]), int(found[3]), _expand_year(found[4]))
            dotted = dotted and found[2] == "."
        elif (found := _DAY_MONTH_NAME.fullmatch(value)) and (month := _MONTH_NAMES.get(found[2][:3].casefold())):
            _add_date(dates, value, _expand_year(found[3]), month, int(found[1]))
        elif (found := _MONTH_NAME_DAY.fullmatch(value)) and (month := _MONTH_NAMES.get(found[1][:3].casefold())):
            _add_date(dates, value, int(found[3]), month, int(found[2]))
        elif allow_compact and (found := _COMPACT.fullmatch(value)):
            _add_date(dates, value, int(found[1]), int(found[2]), int(found[3]))
    order: DateOrder = "year first"
    if numeric:
        order = _find_order(list(numeric.values()), dotted=dotted)
        for value, (first, second, year) in numeric.items():
            day, month = (second, first) if order == "month first" else (first, second)
            _add_date(dates, value, year, month, day)
    if not values or len(dates) < 0.95 * len(values):
        return None
    return DateReading(order, dates, has_time=any(":" in value for value in dates))


def _find_order(numbers: Sequence[tuple[int, int, int]], *, dotted: bool) -> DateOrder:
    """Return which of two numbers is the day."""
    day_first = any(first > 12 for first, _, _ in numbers)
    month_first = any(second > 12 for _, second, _ in numbers)
    if dotted or (day_first and not month_first):
        return "day first"
    return "month first" if month_first and not day_first else "unclear"


def _add_date(dates: dict[str, date], value: str, year: int, month: int, day: int) -> None:
    """Add a date if the calendar has it."""
    try:
        dates[value] = date(year, month, day)
    except ValueError:
        return


def _expand_year(text: str) -> int:
    """Return a year of two or four digits in full."""
    year = int(text)
    return year if len(text) > 2 else year + (2000 if year <= _CENTURY_PIVOT else 1900)

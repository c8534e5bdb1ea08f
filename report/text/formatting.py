"""Formats of numbers, also as filters for templates.

"0 %" and "100 %" appear only where they are exactly true, a missing number is written in words, and a no-break space (U+00A0)
keeps a number and its unit on one line.
"""

import math
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from report.storage.months import format_month as format_month  # noqa: PLC0414 - handed on
from segmentation.facts import ConfidenceInterval
from segmentation.schema import Column, Schema

NBSP = "\u00a0"
MINUS = "\u2212"
ABSENT = "not known"
_MINUTES_PER_HOUR = 60  # minutes
_WHOLE_MINUTES_FROM = 0.5  # minutes: fewer are written with a decimal
_WHOLE_NUMBERS_FROM = 10  # plain numbers: smaller ones are written with two digits
_WHOLE_HOURS_FROM = 10  # hours: fewer are written with a decimal, since a change of 10 % would not show


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How a language writes numbers, and money."""

    group: str = ","
    decimal: str = "."
    currency: str = "$"
    is_currency_first: bool = True

    def localise(self, number: str) -> str:
        """Return a number that Python wrote, in this style."""
        return number.translate({ord(","): self.group, ord("."): self.decimal})


_ENGLISH = NumberStyle()
_STYLE: ContextVar[NumberStyle] = ContextVar("number_style", default=_ENGLISH)


def use_number_style(schema: Schema) -> None:
    """Write numbers from here on as the schema's service does."""
    _STYLE.set(find_number_style(schema.locale, schema.currency))


@cache
def find_number_style(locale: str, currency: str) -> NumberStyle:
    """Return how a locale writes numbers and a currency, by CLDR."""
    from babel import Locale, numbers  # noqa: PLC0415 - reads a table of the language

    language = Locale.parse(locale.replace("-", "_"))
    pattern = language.currency_formats["standard"].pattern
    group = numbers.get_group_symbol(language).replace("\u202f", NBSP)
    return NumberStyle(
        group=group,
        decimal=numbers.get_decimal_symbol(language),
        currency=numbers.get_currency_symbol(currency, language),
        is_currency_first=pattern.lstrip("\u200e\u200f").startswith("¤"),
    )


def format_thousands(value: float | None) -> str:
    """Write a count: 4,907."""
    return ABSENT if value is None else _format_minus_sign(_STYLE.get().localise(f"{value:,.0f}"))


def format_shown_count(count: int | None) -> str:
    """Write a count, or "not shown"."""
    return "not shown" if count is None else format_thousands(count)


def format_percent(share: float | None) -> str:
    """Write a share: 32 %, <1 %, >99 %."""
    if share is None:
        return ABSENT
    if 0 < share < 0.01:
        return f"<1{NBSP}%"
    if 0.99 < share < 1:
        return f">99{NBSP}%"
    if -0.01 < share < 0:
        return f">{MINUS}1{NBSP}%"
    return _format_minus_sign(f"{share:.0%}").replace("%", f"{NBSP}%")


def format_percent_pair(one: float, other: float) -> tuple[str, str]:
    """Write two shares with enough digits to differ."""
    words = format_percent(one), format_percent(other)
    for digits in range(1, 5):
        if words[0] != words[1] or one == other:
            break
        words = f"{one:.{digits}%}".replace("%", f"{NBSP}%"), f"{other:.{digits}%}".replace("%", f"{NBSP}%")
    return words


def format_interval(interval: ConfidenceInterval | None) -> str:
    """Write a share's interval: 30 to 33 %."""
    if interval is None:
        return ABSENT
    low, high = format_percent(interval.low), format_percent(interval.high)
    return low if low == high else f"{low.removesuffix(f'{NBSP}%')} to {high}"


def format_index(value: float | None) -> str:
    """Write an index: 72, or "too few"."""
    return "too few" if value is None else format_thousands(value)


def format_decimal(value: float | None, digits: int = 2) -> str:
    """Write a number with fixed digits: 0.24."""
    return ABSENT if value is None else _format_minus_sign(_STYLE.get().localise(f"{value:,.{digits}f}"))


def format_similarity(value: float | None) -> str:
    """Write a similarity; "1.00" only if exact."""
    return ABSENT if value is None else format_decimal(value if value == 1 else min(value, 0.99))


def format_money(value: float | None, *, exact: bool = False) -> str:
    """Write money: $22,900, or exact to a whole: $22,874."""
    if value is None:
        return ABSENT
    step = 1 if exact else 10 ** max(0, len(f"{abs(value):.0f}") - 3)  # three digits that mean something
    number, style = format_thousands(round(value / step) * step), _STYLE.get()
    sign, number = (MINUS, number[1:]) if number.startswith(MINUS) else ("", number)
    return f"{sign}{style.currency}{number}" if style.is_currency_first else f"{sign}{number}{NBSP}{style.currency}"


def format_minutes(minutes: float | None) -> str:
    """Write a length of time: 45 minutes, 7.2 hours."""
    if minutes is None:
        return ABSENT
    if round(abs(minutes)) < 2 * _MINUTES_PER_HOUR:
        return _format_with_unit(minutes, "minutes", 1 if 0 < abs(minutes) < _WHOLE_MINUTES_FROM else 0)
    hours = minutes / _MINUTES_PER_HOUR
    return _format_with_unit(hours, "hours", 1 if round(hours, 1) < _WHOLE_HOURS_FROM else 0)


def format_column_value(value: float | None, column: Column) -> str:
    """Write a column's value: "24 years", "$22,900"."""
    if value is None:
        return ABSENT
    match column.format:
        case "money":
            return format_money(value)
        case "minutes":
            return format_minutes(value)
        case "share":
            return format_percent(value)
        case "percent":
            return format_percent(value / 100)
    return _format_with_unit(value, get_short_unit(column), _choose_digits(value, column))


def format_bare_value(value: float | None, column: Column) -> str:
    """Write a value as a portrait has it: counts without their unit."""
    if value is None or column.format not in ("plain", "count"):
        return format_column_value(value, column)
    return format_decimal(value, _choose_digits(value, column))


def format_column_value_pair(one: float, other: float, column: Column) -> tuple[str, str]:
    """Write two column values with enough digits to differ."""
    words = format_column_value(one, column), format_column_value(other, column)
    if words[0] != words[1] or one == other:
        return words
    match column.format:
        case "money":
            return format_money(one, exact=True), format_money(other, exact=True)
        case "share":
            return format_percent_pair(one, other)
        case "percent":
            return format_percent_pair(one / 100, other / 100)
        case "minutes" if round(max(abs(one), abs(other))) >= 2 * _MINUTES_PER_HOUR:
            unit, digits, one, other = "hours", 2, one / _MINUTES_PER_HOUR, other / _MINUTES_PER_HOUR
        case "minutes":
            unit, digits = "minutes", 2
        case _:
            unit, digits = get_short_unit(column), _choose_digits(one, column) + 1
    return _format_with_unit(one, unit, digits), _format_with_unit(other, unit, digits)


def format_column_difference(value: float, column: Column) -> str:
    """Write a difference with its sign: "+$1,200"."""
    if column.format in ("share", "percent"):
        points = value * 100 if column.format == "share" else value
        text = _format_with_unit(points, "points", 1)
    else:
        text = format_column_value(value, column)
    return text if text.startswith(MINUS) or value == 0 else f"+{text}"


def get_short_unit(column: Column) -> str:
    """Return the unit beside a value: "days" of "days in the last 365"."""
    return column.unit.partition(" ")[0]


def _choose_digits(value: float, column: Column) -> int:
    """Return the decimals that a value needs."""
    if column.digits or not value or column.format in ("count", "years", "days"):
        return column.digits
    return max(0, min(4, 1 - math.floor(math.log10(abs(value))))) if abs(value) < _WHOLE_NUMBERS_FROM else 0


def _format_with_unit(value: float, units: str, digits: int = 0) -> str:
    """Write "1 hour" or "2 hours"."""
    number = format_decimal(value, digits)
    if not units:
        return number
    return f"{number}{NBSP}{units.removesuffix('s') if number == '1' else units}"


def _format_minus_sign(number: str) -> str:
    """Write a minus sign, but not before zero."""
    return number.replace("-", MINUS if any(digit in "123456789" for digit in number) else "")


def format_counted_noun(count: int, singular: str, plural: str = "") -> str:
    """Write a count with noun: "four kinds", "12 users"."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    number = words[count] if 0 <= count < len(words) else format_thousands(count)
    return f"{number}{NBSP}{singular if count == 1 else plural or singular + 's'}"


def join_with_and(items: list[str]) -> str:
    """Join words: "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def capitalise_first(text: str) -> str:
    """Capitalise the first letter; others stay as they are."""
    return text[:1].upper() + text[1:]


FILTERS = {  # of templates
    "thousands": format_thousands,
    "percent": format_percent,
    "between": format_interval,
    "likeness": format_similarity,
    "month_name": format_month,
}

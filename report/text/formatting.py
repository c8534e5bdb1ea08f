"""Formats of numbers, also as filters for templates.

"0 %" and "100 %" appear only where they are exactly true, a missing number is written in words, and a no-break space (U+00A0)
keeps a number and its unit on one line.
"""

from report.storage.months import format_month as format_month  # noqa: PLC0414 - handed on
from segmentation.facts import ConfidenceInterval
from segmentation.schema import COLUMNS_BY_NAME

NBSP = "\u00a0"
MINUS = "\u2212"
ABSENT = "not known"
_MINUTES_PER_HOUR = 60  # minutes
_WHOLE_HOURS_FROM = 10  # hours: fewer are written with a decimal, since a change of 10 % would not show


def format_thousands(value: float | None) -> str:
    """Write a count: 4,907."""
    return ABSENT if value is None else _format_minus_sign(f"{value:,.0f}")


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
    return "too few" if value is None else _format_minus_sign(f"{value:,.0f}")


def format_decimal(value: float | None, digits: int = 2) -> str:
    """Write a number with fixed digits: 0.24."""
    return ABSENT if value is None else _format_minus_sign(f"{value:,.{digits}f}")


def format_similarity(value: float | None) -> str:
    """Write a similarity; "1.00" only if exact."""
    return ABSENT if value is None else format_decimal(value if value == 1 else min(value, 0.99))


def format_money(value: float | None, *, exact: bool = False) -> str:
    """Write USD: $22,900, or exact to the dollar: $22,874."""
    if value is None:
        return ABSENT
    step = 1 if exact else 10 ** max(0, len(f"{abs(value):.0f}") - 3)  # three digits that mean something
    number = format_thousands(round(value / step) * step)
    return f"{MINUS}${number[1:]}" if number.startswith(MINUS) else f"${number}"


def format_listening_time(minutes: float | None) -> str:
    """Write listening time: 45 minutes, 7.2 hours."""
    if minutes is None:
        return ABSENT
    if round(minutes) < 2 * _MINUTES_PER_HOUR:
        return _format_with_unit(minutes, "minutes")
    hours = minutes / _MINUTES_PER_HOUR
    return _format_with_unit(hours, "hours", 1 if round(hours, 1) < _WHOLE_HOURS_FROM else 0)


def format_column_value(value: float | None, column: str) -> str:
    """Write a column's value: "24 years", "$22,900"."""
    if value is None:
        return ABSENT
    if column == "annual_income":
        return format_money(value)
    if column == "usage_per_month":
        return format_listening_time(value)
    return _format_with_unit(value, COLUMNS_BY_NAME[column].unit.partition(" ")[0], COLUMNS_BY_NAME[column].digits)


def format_column_value_pair(one: float, other: float, column: str) -> tuple[str, str]:
    """Write two column values with enough digits to differ."""
    words = format_column_value(one, column), format_column_value(other, column)
    if words[0] != words[1]:
        return words
    if column == "annual_income":
        return format_money(one, exact=True), format_money(other, exact=True)
    if column == "usage_per_month":
        unit, digits, one, other = "hours", 2, one / _MINUTES_PER_HOUR, other / _MINUTES_PER_HOUR
    else:
        unit, digits = COLUMNS_BY_NAME[column].unit.partition(" ")[0], COLUMNS_BY_NAME[column].digits + 1
    return _format_with_unit(one, unit, digits), _format_with_unit(other, unit, digits)


def _format_with_unit(value: float, units: str, digits: int = 0) -> str:
    """Write "1 hour" or "2 hours"."""
    number = format_decimal(value, digits)
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


def get_column_label(column: str) -> str:
    """Return a column's name within a sentence."""
    return COLUMNS_BY_NAME[column].label


FILTERS = {  # of templates
    "thousands": format_thousands,
    "percent": format_percent,
    "between": format_interval,
    "likeness": format_similarity,
    "listening": format_listening_time,
    "month_name": format_month,
}

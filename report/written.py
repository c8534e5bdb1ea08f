"""How numbers are written: one way each, on every page. Templates know these as filters.

"0 %" and "100 %" stand only where they are exactly true, an absent number is said in words, and a number never
breaks from its unit at the end of a line (U+00A0).
"""

from report.months import month_name as month_name  # noqa: PLC0414 - sentences and templates have it from here
from segmentation.facts import Interval
from segmentation.schema import BY_NAME

NBSP = "\u00a0"
MINUS = "\u2212"
ABSENT = "not known"
_HOUR = 60  # minutes
_FEW = 10  # hours, below which 10 % more is not seen in whole numbers


def thousands(value: float | None) -> str:
    """Write a count: 4,907."""
    return ABSENT if value is None else _signed(f"{value:,.0f}")


def percent(share: float | None) -> str:
    """Write a share of 0 to 1 in whole per cent: 32 %, <1 %, >99 %."""
    if share is None:
        return ABSENT
    if 0 < share < 0.01:
        return f"<1{NBSP}%"
    if 0.99 < share < 1:
        return f">99{NBSP}%"
    if -0.01 < share < 0:
        return f">{MINUS}1{NBSP}%"
    return _signed(f"{share:.0%}").replace("%", f"{NBSP}%")


def both_percent(one: float, other: float) -> tuple[str, str]:
    """Write two shares so that it is seen that they differ: with as many digits as it takes, and four at most."""
    words = percent(one), percent(other)
    for digits in range(1, 5):
        if words[0] != words[1] or one == other:
            break
        words = f"{one:.{digits}%}".replace("%", f"{NBSP}%"), f"{other:.{digits}%}".replace("%", f"{NBSP}%")
    return words


def between(interval: Interval | None) -> str:
    """Write the interval of a share: 30 to 33 %."""
    if interval is None:
        return ABSENT
    low, high = percent(interval.low), percent(interval.high)
    return low if low == high else f"{low.removesuffix(f'{NBSP}%')} to {high}"


def index(value: float | None) -> str:
    """Write an index: 72. Where the base is too small it says nothing."""
    return "too few" if value is None else _signed(f"{value:,.0f}")


def decimal(value: float | None, digits: int = 2) -> str:
    """Write a number with a fixed number of digits: 0.24."""
    return ABSENT if value is None else _signed(f"{value:,.{digits}f}")


def likeness(value: float | None) -> str:
    """Write a number between 0 and 1 with two digits; 1.00 only where it is exactly true."""
    return ABSENT if value is None else decimal(value if value == 1 else min(value, 0.99))


def money(value: float | None) -> str:
    """Write an amount in USD to three significant digits: $22,900."""
    if value is None:
        return ABSENT
    step = 10 ** max(0, len(f"{abs(value):.0f}") - 3)
    number = _signed(f"{round(value / step) * step:,.0f}")
    return f"{MINUS}${number[1:]}" if number.startswith(MINUS) else f"${number}"


def listening(minutes: float | None) -> str:
    """Write minutes of listening: 45 minutes, 7.2 hours, 35 hours."""
    if minutes is None:
        return ABSENT
    if round(minutes) < 2 * _HOUR:
        return _with_unit(minutes, "minutes")
    hours = minutes / _HOUR
    return _with_unit(hours, "hours", 1 if round(hours, 1) < _FEW else 0)


def measured(value: float | None, column: str) -> str:
    """Write a value of a number column in words that fit into a sentence: "24 years", "$22,900", "7.2 hours"."""
    if value is None:
        return ABSENT
    if column == "annual_income":
        return money(value)
    if column == "usage_per_month":
        return listening(value)
    return _with_unit(value, BY_NAME[column].unit.partition(" ")[0], BY_NAME[column].digits)


def both_measured(one: float, other: float, column: str) -> tuple[str, str]:
    """Write two values of a number column so that it is seen that they differ: with more digits if need be."""
    words = measured(one, column), measured(other, column)
    if words[0] != words[1]:
        return words
    if column == "annual_income":
        return f"${thousands(one)}", f"${thousands(other)}"
    if column == "usage_per_month":
        return _with_unit(one / _HOUR, "hours", 2), _with_unit(other / _HOUR, "hours", 2)
    unit, digits = BY_NAME[column].unit.partition(" ")[0], BY_NAME[column].digits + 1
    return _with_unit(one, unit, digits), _with_unit(other, unit, digits)


def _with_unit(value: float, units: str, digits: int = 0) -> str:
    """Write a number with its unit, which a single one has in the singular."""
    number = decimal(value, digits)
    return f"{number}{NBSP}{units.removesuffix('s') if number == '1' else units}"


def _signed(number: str) -> str:
    """Give a written number its minus sign, and none where nothing but zeros is left of it."""
    return number.replace("-", MINUS if any(digit in "123456789" for digit in number) else "")


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun, small ones in words: "one user", "four kinds", "12 users"."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    number = words[count] if 0 <= count < len(words) else thousands(count)
    return f"{number}{NBSP}{one if count == 1 else many or one + 's'}"


def listed(items: list[str]) -> str:
    """Join words as a sentence does: "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def capital(text: str) -> str:
    """Write a text as a sentence begins; capitals within it stay."""
    return text[:1].upper() + text[1:]


def label(column: str) -> str:
    """Give a column's name as it stands in the middle of a sentence."""
    return BY_NAME[column].label


FILTERS = {
    "thousands": thousands,
    "percent": percent,
    "between": between,
    "index": index,
    "decimal": decimal,
    "likeness": likeness,
    "money": money,
    "listening": listening,
    "measured": measured,
    "month_name": month_name,
    "counted": counted,
    "listed": listed,
    "label": label,
}

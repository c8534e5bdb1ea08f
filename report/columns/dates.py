"""Dates as days, read from text in any engine.

Engines parse one format at a time, each in its own notation, and fail on the first other cell. Here regular expressions cut a
date into its parts, and arithmetic makes days of them.
"""

import calendar
from datetime import date
from typing import Literal

import narwhals as nw

DateOrder = Literal["ymd", "dmy", "mdy"]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH_JULIAN_DAY = 2440588  # of 1970-01-01
_EXCEL_EPOCH = 25569  # days from Excel's day 0 to 1970-01-01
_PATTERNS: dict[DateOrder, str] = {
    "ymd": r"^\d{4}-\d{1,2}-\d{1,2}$",
    "dmy": r"^\d{1,2}-\d{1,2}-\d{4}$",
    "mdy": r"^\d{1,2}-\d{1,2}-\d{4}$",
}
EXCEL_DAY = r"^[1-9]\d{4}(\.\d+)?$"  # days since 1900, from 1927 to 2173


def find_month_end(month: str) -> date:
    """Return the last day of a month, "2026-10"."""
    year, number = int(month[:4]), int(month[5:7])
    return date(year, number, calendar.monthrange(year, number)[1])


def unify_date_text(text: nw.Expr) -> nw.Expr:
    """Return dates as numbers with hyphens between, without a time."""
    text = text.str.to_lowercase().str.replace_all(r"[t ,]+\d{1,2}:\d{2}.*$", "")
    for number, name in enumerate(_MONTHS, start=1):
        text = text.str.replace_all(rf"^{name}[a-z]*[ .-]*", f"{number}-")  # "Sep 1, 2012": a month first
        text = text.str.replace_all(rf"[ .-]+{name}[a-z]*[ .,-]*", f"-{number}-")
    return text.str.replace_all(r"[/., ]+", "-")


def is_date(unified: nw.Expr, order: DateOrder) -> nw.Expr:
    """Return the condition that a text is a date with this order."""
    return unified.str.contains(_PATTERNS[order]) & _are_parts_possible(unified, order)


def express_days(unified: nw.Expr, order: DateOrder) -> nw.Expr:
    """Return days since 1970 of a date's parts; missing for other text."""
    year, month, day = _split_parts(unified, order)
    back = ((14.0 - month) / 12.0).floor()
    years, months = year + 4800.0 - back, month + 12.0 * back - 3.0
    julian = day + ((153.0 * months + 2.0) / 5.0).floor() + 365.0 * years
    julian = julian + (years / 4.0).floor() - (years / 100.0).floor() + (years / 400.0).floor() - 32045.0
    return julian - float(_EPOCH_JULIAN_DAY)


def express_excel_days(text: nw.Expr) -> nw.Expr:
    """Return days since 1970 of Excel's days; missing for other text."""
    return (nw.when(text.str.contains(EXCEL_DAY)).then(text).cast(nw.Float64) - float(_EXCEL_EPOCH)).floor()


def count_days(day: date) -> int:
    """Return a day's number since 1970."""
    return (day - date(1970, 1, 1)).days


def _split_parts(unified: nw.Expr, order: DateOrder) -> tuple[nw.Expr, nw.Expr, nw.Expr]:
    """Return year, month and day as floats."""
    dates = nw.when(unified.str.contains(_PATTERNS[order])).then(unified)
    rest = dates.str.replace_all(r"^\d+-", "")
    texts = (dates.str.replace_all(r"-.*$", ""), rest.str.replace_all(r"-.*$", ""), rest.str.replace_all(r"^\d+-", ""))
    first, second, third = (text.cast(nw.Float64) for text in texts)
    return {"ymd": (first, second, third), "dmy": (third, second, first), "mdy": (third, first, second)}[order]


def _are_parts_possible(unified: nw.Expr, order: DateOrder) -> nw.Expr:
    _, month, day = _split_parts(unified, order)
    return (month >= 1.0) & (month <= 12.0) & (day >= 1.0) & (day <= 31.0)

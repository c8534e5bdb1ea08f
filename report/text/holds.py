"""Sentences on why a month is held."""

from typing import assert_never

from report.text.formatting import format_column_value, format_month, format_percent, format_thousands, get_column_label
from segmentation.facts import Anomaly, Facts

_MAX_REASONS = 3  # reasons on page one


def describe_hold(facts: Facts) -> str:
    """Describe why a month is held, or ""."""
    if not facts.suspicions:
        return ""
    reasons = [describe_anomaly(facts, one) for one in facts.suspicions]
    more = f" And {len(reasons) - _MAX_REASONS} more." if len(reasons) > _MAX_REASONS else ""
    return (
        f"Held: before these numbers are used, somebody should look at the month's file. {' '.join(reasons[:_MAX_REASONS])}{more} "
        "No brief is mailed until somebody accepts the month."
    )


def describe_anomaly(facts: Facts, anomaly: Anomaly) -> str:
    """Describe an anomaly in one sentence."""
    month = anomaly.month or (facts.change.month if facts.change else "")
    before = format_month(month) if month else "the last month"
    column, value = anomaly.column or "", anomaly.value or ""
    match anomaly.kind:
        case "future":
            return f"{format_month(facts.month)} has not begun."
        case "same_file":
            return f"The users are those of {before}, one and all."
        case "users":
            return f"{format_thousands(anomaly.now)} rows were read; in {before} {format_thousands(anomaly.last)}."
        case "unit":
            now, last = format_column_value(anomaly.now, column), format_column_value(anomaly.last, column)
            return f"Mean {get_column_label(column)} is {now}; in {before} {last}. Is it in another unit?"
        case "lost":
            fault = {"missing": "have no", "repeated": "repeat a", "out_of_range": "have an impossible"}[value]
            now, last = format_percent(anomaly.now), format_percent(anomaly.last)
            return f"{now} of the rows {fault} {get_column_label(column)}; in {before} {last}."
        case "gone":
            gone = f"the {get_column_label(column)} {value} any more; in {before} {format_thousands(anomaly.last)}"
            some = f"At most {format_thousands(anomaly.now)} users have {gone} had it."
            return some if anomaly.now else f"Nobody has {gone} users had it."
    assert_never(anomaly.kind)

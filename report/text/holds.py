"""Sentences on why a month is held."""

from report.text.foreign import isolate_text
from report.text.formatting import format_column_value, format_month, format_percent, format_thousands
from report.text.sentences import lowercase_name
from segmentation.facts import Anomaly, Facts

_MAX_REASONS = 3  # reasons on page one
_FAULTS = {  # of rows, by the rule of cleaning
    "missing": "have no",
    "repeated": "repeat a",
    "out_of_range": "have an impossible",
    "outlier": "are far from all others in",
}


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
    column = anomaly.column or ""
    if column:
        return _describe_column_anomaly(facts, anomaly, column, before)
    sentences = {
        "future": lambda: f"{format_month(facts.month)} has not begun.",
        "same_file": lambda: f"The users are those of {before}, one and all.",
        "users": lambda: (
            f"{format_thousands(anomaly.now)} rows were read; in {before} {format_thousands(anomaly.last)}."
        ),
        "other_ids": lambda: (
            f"Fewer than {format_percent(anomaly.now)} of the users have an id of {before}. Are the ids written in another way?"
        ),
        "segment": lambda: (
            f"Hardly anybody is left where {format_thousands(anomaly.last)} {lowercase_name(anomaly.value or '')} were in {before}. "
            "Is a part of the export missing?"
        ),
    }
    return sentences[anomaly.kind]()


def _describe_column_anomaly(facts: Facts, anomaly: Anomaly, column: str, before: str) -> str:
    """Describe an anomaly of one column."""
    name = facts.schema[column].label
    if anomaly.kind in ("unit", "scale"):
        now, last = (
            format_column_value(anomaly.now, facts.schema[column]),
            format_column_value(anomaly.last, facts.schema[column]),
        )
        what, alike = ("Mean", "") if anomaly.kind == "unit" else ("Median", " The other quartiles differ alike.")
        return f"{what} {name} is {now}; in {before} {last}.{alike} Is it in another unit?"
    if anomaly.kind == "lost":
        fault = _FAULTS[anomaly.value or ""]
        return f"{format_percent(anomaly.now)} of the rows {fault} {name}; in {before} {format_percent(anomaly.last)}."
    if anomaly.kind == "gone":
        gone = f"the {name} {isolate_text(anomaly.value or '')} any more; in {before} {format_thousands(anomaly.last)}"
        return (
            f"At most {format_thousands(anomaly.now)} users have {gone} had it."
            if anomaly.now
            else f"Nobody has {gone} users had it."
        )
    return {
        "reused_ids": f"Users with the same id differ from {before} in every column, most clearly in {name}. Do the ids stand for other users?",
        "other_users": f"Users with the same id are alike in {before} and now, but not in {name}. Does that column stand beside the wrong users?",
        "unrelated": f"In {before} {name} depended on other columns; now it depends on none. Does that column stand beside the wrong users?",
    }[anomaly.kind]

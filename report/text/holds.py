"""A month that is held: what is suspicious about it in sentences, for page one, for the terminal and for the owner."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from report.errors import ReportError
from report.storage import paths
from report.storage.location import DataLocation
from report.text import sentences
from report.text.formatting import (
    format_column_value,
    format_month,
    format_percent,
    format_thousands,
    get_column_label,
)
from segmentation.errors import SegmentationError
from segmentation.facts import Anomaly, Facts
from segmentation.tracking.anomalies import detect_anomalies

_MAX_REASONS = 3  # that page one has room for


def add_anomalies(facts: Facts, output: Path, *, now: datetime, source: DataLocation) -> Facts:
    """Give a month's facts with what is suspicious about them, compared with the last month that was made.

    Parameters
    ----------
    output : Path
        Where the months' folders lie.
    now : datetime
        When the run takes place; where the clock was set back, when the month's file was written.
    """
    today = now.astimezone(UTC)
    if isinstance(source, Path):  # a database doesn't tell
        today = max(today, datetime.fromtimestamp(source.stat().st_mtime, UTC))
    return replace(
        facts,
        suspicions=detect_anomalies(
            facts, _read_comparable_month(facts, output), current_month=f"{today:%Y-%m}"
        ),
    )


def _read_comparable_month(facts: Facts, output: Path) -> Facts | None:
    """Read the last month that was made of the same kind of users: made-up ones are compared with made-up ones."""
    for path in reversed(paths.list_earlier_facts(output, facts.month)):
        try:
            found = paths.read_facts(path)
        except (ReportError, SegmentationError):  # the analysis has warned of it
            continue
        if found.source.synthetic == facts.source.synthetic:
            return found
    return None


def describe_hold(facts: Facts) -> str:
    """Say on page one that a month is held, and why; nothing where it isn't."""
    if not facts.suspicions:
        return ""
    said = [describe_anomaly(facts, one) for one in facts.suspicions]
    more = f" And {len(said) - _MAX_REASONS} more." if len(said) > _MAX_REASONS else ""
    return (
        f"Held: before these numbers are used, somebody should look at the month's file. {' '.join(said[:_MAX_REASONS])}{more} "
        "No brief is mailed until somebody accepts the month."
    )


def describe_anomaly(facts: Facts, anomaly: Anomaly) -> str:
    """Say in a sentence what is suspicious."""
    month = anomaly.month or (facts.change.month if facts.change else "")
    before = format_month(month) if month else "the last month"
    if anomaly.kind == "future":
        return f"{sentences.name_report_month(facts)} has not begun."
    if anomaly.kind == "same_file":
        return f"The users are those of {before}, one and all."
    if anomaly.kind == "users":
        return (
            f"{format_thousands(anomaly.now)} rows were read; in {before} {format_thousands(anomaly.last)}."
        )
    column = anomaly.column or ""
    name = get_column_label(column)
    if anomaly.kind == "unit":
        now, last = format_column_value(anomaly.now, column), format_column_value(anomaly.last, column)
        return f"Mean {name} is {now}; in {before} {last}. Is it in another unit?"
    if anomaly.kind == "lost":
        fault = {"missing": "have no", "repeated": "repeat a", "out_of_range": "have an impossible"}[
            anomaly.value or ""
        ]
        return f"{format_percent(anomaly.now)} of the rows {fault} {name}; in {before} {format_percent(anomaly.last)}."
    gone = f"the {name} {anomaly.value} any more; in {before} {format_thousands(anomaly.last)}"
    return (
        f"At most {format_thousands(anomaly.now)} users have {gone} had it."
        if anomaly.now
        else f"Nobody has {gone} users had it."
    )

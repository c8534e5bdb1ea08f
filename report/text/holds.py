"""Anomalies found in a month, and their sentences."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from report.errors import ReportError
from report.storage import paths
from report.storage.location import DataLocation
from report.text.formatting import format_column_value, format_month, format_percent, format_thousands, get_column_label
from segmentation.errors import SegmentationError
from segmentation.facts import Anomaly, Facts
from segmentation.tracking.anomalies import detect_anomalies

_MAX_REASONS = 3  # reasons on page one


def add_anomalies(facts: Facts, output: Path, *, now: datetime, source: DataLocation) -> Facts:
    """Return the facts with the anomalies found in them.

    Parameters
    ----------
    output : Path
        Where the months' folders lie.
    now : datetime
        When the run takes place. If the month's file is younger, the clock was set back and the file's time counts.
    """
    today = now.astimezone(UTC)
    if isinstance(source, Path):  # databases have no time of writing
        today = max(today, datetime.fromtimestamp(source.stat().st_mtime, UTC))
    return replace(
        facts, suspicions=detect_anomalies(facts, _read_comparable_month(facts, output), current_month=f"{today:%Y-%m}")
    )


def _read_comparable_month(facts: Facts, output: Path) -> Facts | None:
    """Read the last month that is comparable.

    Synthetic months are compared with synthetic months only.
    """
    for path in reversed(paths.list_earlier_facts(output, facts.month)):
        try:
            found = paths.read_facts(path)
        except (ReportError, SegmentationError):  # the analysis has logged a warning
            continue
        if found.source.synthetic == facts.source.synthetic:
            return found
    return None


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
    if anomaly.kind == "future":
        return f"{format_month(facts.month)} has not begun."
    if anomaly.kind == "same_file":
        return f"The users are those of {before}, one and all."
    if anomaly.kind == "users":
        return f"{format_thousands(anomaly.now)} rows were read; in {before} {format_thousands(anomaly.last)}."
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

"""A month that is held: what is suspicious about it in sentences, for page one, for the terminal and for the owner."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from report import files, words
from report.errors import ReportError
from report.sources.places import Place
from report.written import label, measured, month_name, percent, thousands
from segmentation.errors import SegmentationError
from segmentation.facts import Facts, Suspicion
from segmentation.suspicion import suspicions_of

_MOST = 3  # that page one has room for


def doubted(facts: Facts, output: Path, *, now: datetime, source: Place) -> Facts:
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
    return replace(facts, suspicions=suspicions_of(facts, _before(facts, output), today=f"{today:%Y-%m}"))


def _before(facts: Facts, output: Path) -> Facts | None:
    """Read the last month that was made of the same kind of users: made-up ones are compared with made-up ones."""
    for path in reversed(files.made_before(output, facts.month)):
        try:
            found = files.read_facts(path)
        except (ReportError, SegmentationError):  # the analysis has warned of it
            continue
        if found.source.synthetic == facts.source.synthetic:
            return found
    return None


def held(facts: Facts) -> str:
    """Say on page one that a month is held, and why; nothing where it isn't."""
    if not facts.suspicions:
        return ""
    said = [reason(facts, one) for one in facts.suspicions]
    more = f" And {len(said) - _MOST} more." if len(said) > _MOST else ""
    return (
        f"Held: before these numbers are used, somebody should look at the month's file. {' '.join(said[:_MOST])}{more} "
        "No brief is mailed until somebody accepts the month."
    )


def reason(facts: Facts, one: Suspicion) -> str:
    """Say in a sentence what is suspicious."""
    month = one.month or (facts.change.month if facts.change else "")
    before = month_name(month) if month else "the last month"
    if one.kind == "future":
        return f"{words.month(facts)} has not begun."
    if one.kind == "same_file":
        return f"The users are those of {before}, one and all."
    if one.kind == "users":
        return f"{thousands(one.now)} rows were read; in {before} {thousands(one.last)}."
    column = one.column or ""
    name = label(column)
    if one.kind == "unit":
        now, last = measured(one.now, column), measured(one.last, column)
        return f"Mean {name} is {now}; in {before} {last}. Is it in another unit?"
    if one.kind == "lost":
        fault = {"missing": "have no", "repeated": "repeat a", "out_of_range": "have an impossible"}[
            one.value or ""
        ]
        return f"{percent(one.now)} of the rows {fault} {name}; in {before} {percent(one.last)}."
    gone = f"the {name} {one.value} any more; in {before} {thousands(one.last)}"
    return (
        f"At most {thousands(one.now)} users have {gone} had it."
        if one.now
        else f"Nobody has {gone} users had it."
    )

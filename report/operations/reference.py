"""The month that a month is compared with, and the anomalies that show.

A month that is held and not accepted, or has no reliable segments, is nothing to go by: names, ids, colours and the search
for anomalies go back to the last month that is neither.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from report.errors import ReportError
from report.storage import paths
from report.storage.location import DataLocation
from report.storage.months import get_previous_month
from report.text.holds import describe_anomaly
from segmentation.errors import SegmentationError
from segmentation.facts import Anomaly, Facts
from segmentation.tracking.anomalies import detect_anomalies

_GRADUAL = ("users", "unit", "scale", "lost", "gone")  # kinds to which small changes of several months may add up


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
    return replace(facts, suspicions=find_anomalies(facts, output, current_month=f"{today:%Y-%m}"))


def find_anomalies(facts: Facts, output: Path, *, current_month: str) -> tuple[Anomaly, ...]:
    """List a month's anomalies, compared with its reference month.

    Months after the reference that nobody has to accept, but that have no reliable segments, have a say as well: growth
    over several months is no anomaly if the newest of them already shows it. The users of any month since the reference
    under this month's name are an anomaly, too.
    """
    reference = find_reference_month(_read_comparable_months(facts, output), output)
    found = detect_anomalies(facts, reference.facts, current_month=current_month)
    since = {one.month: detect_anomalies(facts, one, current_month=current_month) for one in reference.skipped}
    newest = next((one.month for one in reference.skipped if not is_held(one, output)), None)
    if newest:
        known = {(one.kind, one.column, one.value) for one in since[newest]}
        found = tuple(one for one in found if one.kind not in _GRADUAL or (one.kind, one.column, one.value) in known)
    repeated = [one for month in since for one in since[month] if one.kind == "same_file"]
    return (*repeated[:1], *(one for one in found if not (repeated and one.kind == "same_file")))


@dataclass(frozen=True, slots=True)
class ReferenceMonth:
    """The month that a month is compared with."""

    facts: Facts | None  # None in the first month
    skipped: tuple[Facts, ...] = ()  # newer months that are passed over, the newest first


def find_reference_month(newest_first: Iterable[Facts], output: Path) -> ReferenceMonth:
    """Return the last month that can be relied on.

    It is not held, or somebody accepted it, and it has reliable segments. If there is none: the last that is not held;
    if there is none either, the last.

    Parameters
    ----------
    newest_first : iterable of Facts
        Earlier months; read no further than necessary.
    output : Path
        Where the months' folders lie, and beside them what was accepted.
    """
    passed: list[Facts] = []
    for facts in newest_first:
        if facts.structure.reliable and not is_held(facts, output):
            return ReferenceMonth(facts, tuple(passed))
        passed.append(facts)
    if not passed:
        return ReferenceMonth(None)
    place = next((place for place, facts in enumerate(passed) if not is_held(facts, output)), 0)
    return ReferenceMonth(passed[place], tuple(passed[:place]))


def is_held(facts: Facts, output: Path) -> bool:
    """Tell whether a month is held, not accepted."""
    return bool(facts.suspicions) and not build_acceptance_path(facts, build_hold_key(facts), output).exists()


def build_hold_key(facts: Facts) -> str:
    """Return a key of a file and its anomalies.

    Another file, or another anomaly, has to be accepted again.
    """
    reasons = [describe_anomaly(facts, one) for one in facts.suspicions]
    return f"held-{hashlib.sha256(f'{facts.source.sha256}{reasons}'.encode()).hexdigest()[:8]}"


def build_acceptance_path(facts: Facts, key: str, output: Path) -> Path:
    """Return the file that marks a month accepted."""
    return output / paths.LEDGER_FOLDER / f"{facts.month}.{key}.accepted"


def describe_reference(month: str, reference: ReferenceMonth, output: Path) -> str:
    """Say which month is compared with, or "".

    Nothing if it is the month before.
    """
    if reference.facts is None or reference.facts.month == get_previous_month(month):
        return ""
    kept = f"{month} is compared with {reference.facts.month}, and continues its segments."
    reasons = [
        f"{one.month} {'is held and was not accepted' if is_held(one, output) else 'has no reliable segments'}"
        for one in reversed(reference.skipped)
    ]
    newest = reference.skipped[0].month if reference.skipped else reference.facts.month
    if newest != get_previous_month(month):
        reasons.append(f"there is no report of {get_previous_month(month)} to compare with")
    return f"{kept} Not with a later month: {'; '.join(reasons)}."


def _read_comparable_months(facts: Facts, output: Path) -> Iterator[Facts]:
    """Yield the earlier months that are comparable, newest first.

    Synthetic months are compared with synthetic months only.
    """
    for path in reversed(paths.list_earlier_facts(output, facts.month)):
        try:
            found = paths.read_facts(path)
        except (ReportError, SegmentationError):  # the analysis has logged a warning
            continue
        if found.source.synthetic == facts.source.synthetic:
            yield found

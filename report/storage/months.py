"""Months as "2026-10", their files, and gaps between them.

Imports the standard library alone.
"""

import calendar
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from report.errors import ReportError

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
PARQUET_SUFFIXES = (".parquet",)
DATA_SUFFIXES = (*TEXT_SUFFIXES, *PARQUET_SUFFIXES, ".xlsx")  # every ending that is read
MONTH_PATTERN = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")
GRACE_PERIOD = timedelta(days=3)  # after a month's end, until the owner is told that its file is missing


def get_previous_month(month: str) -> str:
    """Return the month before.

    Examples
    --------
    >>> get_previous_month("2026-01")
    '2025-12'
    """
    count = int(month[:4]) * 12 + int(month[5:]) - 2
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def _months_between(first: str, last: str) -> Iterator[str]:
    """Yield the months between two others."""
    year, number = int(first[:4]), int(first[5:])
    while (month := f"{year + number // 12:04d}-{number % 12 + 1:02d}") < last:
        yield month
        number += 1


def format_month(month: str) -> str:
    """Return "2026-10" as October 2026."""
    year, number = month.split("-")
    return f"{calendar.month_name[int(number)]}\u00a0{year}"


def list_missing_months(newest: str, now: datetime) -> list[str]:
    """List months that ended since the newest, which has a file or a report.

    A month's file is expected from the month's end on.
    """
    return list(_months_between(newest, f"{now.astimezone(UTC):%Y-%m}"))


def describe_missing_months(newest: str, now: datetime) -> str:
    """Describe months that ended without a file."""
    missing = list_missing_months(newest, now) if newest else []
    if not missing:
        return ""
    names = [format_month(month) for month in missing]
    span = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    return f"There is no file of {span}, which {'has' if len(names) == 1 else 'have'} ended. The newest month is {format_month(newest)}."


def list_month_files(folder: Path) -> list[Path]:
    """List months' files by month, text files first."""
    kinds = {kind: place for place, kind in enumerate(DATA_SUFFIXES)}
    found = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if MONTH_PATTERN.fullmatch(path.stem) and (path.suffix.lower() in DATA_SUFFIXES or path.is_dir())
    ]
    return sorted(found, key=lambda path: (path.stem, kinds.get(path.suffix.lower(), len(kinds)), path))


def find_month_gaps(*folders: Path) -> list[str]:
    """List missing months between the others."""
    months = {
        path.stem
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if MONTH_PATTERN.fullmatch(path.stem)
    }
    if not months:
        return []
    return [month for month in _months_between(min(months), max(months)) if month not in months]


def describe_month_gaps(gaps: Sequence[str]) -> str:
    """Describe missing months between others."""
    names = ", ".join(format_month(month) for month in gaps[:6]) + (f" and {len(gaps) - 6} more" * (len(gaps) > 6))
    be = "a later month is there" if len(gaps) == 1 else "later months are there"
    return f"There is no file of {names}, and {be}." if gaps else ""


def find_newest_month_file(folder: Path) -> Path | None:
    """Return the newest month's file or folder, or None."""
    return max(list_month_files(folder), key=lambda path: path.stem, default=None)


def read_clock() -> datetime:
    """Return the time, or SOURCE_DATE_EPOCH for a reproducible run."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not fixed.isdecimal():
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(fixed[:20]), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise ReportError(
            f"SOURCE_DATE_EPOCH={fixed[:20]} is not a time. Give seconds since 1970, or leave it out."
        ) from error

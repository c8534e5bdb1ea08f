"""Earlier months: read, worked out, and compared with."""

import contextlib
import logging
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd

from report.errors import ReportError
from report.operations.reference import describe_reference, find_anomalies, find_reference_month
from report.settings import Settings
from report.sources import faults
from report.sources.loader import LoadedUsers, describe_source, ensure_unchanged, load_users
from report.storage import atomic, paths
from report.storage.location import DataLocation
from report.storage.months import get_previous_month
from report.storage.worker import start_worker
from report.text.holds import describe_hold
from segmentation.errors import SegmentationError
from segmentation.facts import Facts, Source, facts_from_dict, facts_to_dict
from segmentation.pipeline import Analysis, analyse
from segmentation.tracking.compare import SEGMENT_COLUMN, PreviousMonth

_log = logging.getLogger(__name__)
_ASSIGNMENTS_FILE = "segments.parquet"
_PAGE_FILES = ("report.html", "executive.pdf", "profiles")
_SCRATCH_FOLDER = "scratch"  # in a month's folder while it is made


@dataclass(frozen=True, slots=True)
class MonthHistory:
    """The earlier months of an output folder."""

    months: tuple[Facts, ...] = ()  # every earlier month of the same kind, oldest first
    previous: PreviousMonth | None = None  # the newest of the same features that is neither held nor unreliable


def read_history(
    output: Path, month: str, source: Source, features: tuple[str, ...], users: LoadedUsers | None = None
) -> MonthHistory:
    """Read the earlier months of the output folder.

    Made-up users are never compared with real ones; a month that can't be read is left out, with a warning. Held and
    unreliable months are no reference (see `find_reference_month`); a warning says which month is, if it isn't the month
    before. The engine of this month's users opens the reference's.
    """
    months = []
    for path in paths.list_earlier_facts(output, month):
        try:
            facts = paths.read_facts(path)
        except (ReportError, SegmentationError) as error:
            _log.warning("%s is left out of the history: %s", path.parent.name, error)
            continue
        if facts.source.synthetic == source.synthetic:
            months.append(facts)
    alike = [facts for facts in months if set(facts.features) == set(features)]
    if months and not alike:
        _log.warning(
            "Earlier months were made of other features, so nothing is compared with them. To compare, make them again, the oldest "
            "first: make report MONTH=%s.",
            months[0].month,
        )
    reference = find_reference_month(reversed(alike), output)
    if said := describe_reference(month, reference, output):
        _log.warning("%s", said)
    last = reference.facts
    return MonthHistory(
        tuple(months),
        PreviousMonth(last, _open_assignments(output / last.month, users, last.schema.numbers)) if last else None,
    )


def backfill_months(
    source: DataLocation, month: str, settings: Settings, output: Path, report_progress: Callable[[str], None]
) -> None:
    """Analyse earlier months that were never made.

    Only those right before it whose files are there, oldest first; also those whose facts can't be read: damaged, or
    of another layout. Their pages stay; their briefs, which show other facts, go. Only facts and segments are written:
    `make report` makes the rest. Made-up months are not worked out for a real one, nor real ones for a made-up one.
    A database or a cluster is not asked for earlier months.
    """
    if not isinstance(source, Path) or not (source.is_file() or source.is_dir()):
        return  # reading it will say why
    synthetic = paths.is_sample(source)
    missing: list[tuple[str, Path]] = []
    before = get_previous_month(month)
    while not _has_readable_facts(output / before):
        path = paths.look_up_month_file(source.parent, before)
        if path is None or path == source or paths.is_sample(path) != synthetic:
            break
        missing.insert(0, (before, path))
        before = get_previous_month(before)
    for name, path in missing:
        there = (output / name).exists()
        why = "whose facts can't be read" if there else "which was never made"
        report_progress(f"Working out {name}, {why}")
        try:
            with atomic.atomic_folder(output, name) as folder, faults.translate_errors(), ensure_unchanged(path, name):
                analysis = analyse_month(path, name, settings, output, scratch=folder / _SCRATCH_FOLDER)
                _copy_pages(output / name, folder)
                facts = facts_from_dict(facts_to_dict(analysis.facts))  # as facts.json has them
                facts = replace(facts, suspicions=find_anomalies(facts, output, current_month=name))
                (folder / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")
                write_assignments(analysis, folder)
            if facts.suspicions:
                _log.warning("%s: %s", name, describe_hold(facts))
        except (ReportError, SegmentationError) as error:
            _log.warning("%s can't be worked out, so it is left out of the history: %s", name, error)


def analyse_month(
    source: DataLocation,
    month: str,
    settings: Settings,
    output: Path,
    report_progress: Callable[[str], None] = lambda _: None,
    *,
    scratch: Path,
    executor: Executor | None = None,
) -> Analysis:
    """Analyse one month as the continuation of those before.

    The users of a large month stay where they are until `write_assignments`: what reads them needs `scratch` so long.
    """
    report_progress("Reading the users")
    # first, for it says in words why a file can't be read
    users = load_users(source, month, settings, scratch)
    described = describe_source(source, month, settings)
    history = read_history(output, month, described, settings.columns.features, users)
    with users.watch_progress(report_progress) as report_rows:
        return analyse(
            users.frame,
            settings.build_options(),
            month=month,
            source=described,
            brand=settings.build_brand(),
            last=history.previous,
            earlier=history.months,
            merged_spellings=users.joined,
            report_progress=report_rows,
            materialise=users.materialise_frame,
            executor=executor,
        )


def analyse_and_store_month(
    source: DataLocation,
    month: str,
    settings: Settings,
    output: Path,
    folder: Path,
    report_progress: Callable[[str], None],
) -> Facts:
    """Analyse a month and store its users.

    Missing months before it are worked out first. The facts are without plays: those are the playbook's.
    """
    with (
        ThreadPoolExecutor(1) as thread,
        start_worker("The analysis", preload="segmentation.validation.gap") as second_process,
        faults.translate_errors(),
    ):
        # what is dear to import, while an engine reads, or K-means leaves the interpreter alone
        thread.submit(import_module, "sklearn.cluster")
        thread.submit(import_module, "kneed")
        backfill_months(source, month, settings, output, report_progress)
        with ensure_unchanged(source, month):
            analysis = analyse_month(
                source,
                month,
                settings,
                output,
                report_progress,
                scratch=folder / _SCRATCH_FOLDER,
                executor=second_process,
            )
            report_progress("Writing each user's segment")
            write_assignments(analysis, folder)
    return analysis.facts


def write_assignments(analysis: Analysis, folder: Path) -> None:
    """Write the file with one row a user.

    Only its owner may read it; a cluster writes a folder. The scratch folder is deleted.
    """
    path = folder / _ASSIGNMENTS_FILE
    if isinstance(analysis.users, nw.LazyFrame):
        analysis.users.sink_parquet(str(path))
    else:
        analysis.users.write_parquet(path)
    paths.restrict_to_owner(path)
    shutil.rmtree(folder / _SCRATCH_FOLDER, ignore_errors=True)


def _has_readable_facts(folder: Path) -> bool:
    """Return whether a month's facts can be read."""
    try:
        paths.read_facts(folder / "facts.json")
    except (ReportError, SegmentationError):
        return False
    return True


def _copy_pages(old: Path, new: Path) -> None:
    """Copy the pages of a month analysed again."""
    # People have read them as they are
    for name in _PAGE_FILES:
        with contextlib.suppress(OSError):
            if (old / name).is_dir():
                shutil.copytree(old / name, new / name)
            elif (old / name).exists():
                shutil.copy2(old / name, new / name)


def _open_assignments(
    folder: Path, users: LoadedUsers | None, numbers: Sequence[str]
) -> "nw.DataFrame[Any] | nw.LazyFrame[Any] | None":
    """Open a month's users with their segments, if there."""
    path = folder / _ASSIGNMENTS_FILE
    if not path.exists():
        return None
    try:
        return _check_assignments(
            nw.from_native(users.open_earlier_month(path) if users else pd.read_parquet(path)), numbers
        )
    except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
        _log.warning("%s: the users of that month can't be read, so nobody is followed from it: %s", folder.name, error)
        return None


def _check_assignments(
    users: "nw.DataFrame[Any] | nw.LazyFrame[Any]", numbers: Sequence[str]
) -> "nw.DataFrame[Any] | nw.LazyFrame[Any]":
    """Return archived users."""
    # Raise an error if a run didn't write them
    schema = users.collect_schema()
    if SEGMENT_COLUMN not in schema or any(name in schema and not schema[name].is_numeric() for name in numbers):
        raise ValueError("it lacks a column, or has text where numbers are expected")
    if not len(users.lazy().select(SEGMENT_COLUMN).head(1).collect()):
        raise ValueError("it has no row")
    return users

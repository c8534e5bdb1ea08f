"""Earlier months: read from their folders, or worked out from their files where they were never made."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import narwhals as nw
import pandas as pd

from report import files
from report.errors import ReportError
from report.inputs import read_users
from report.settings import Settings
from segmentation.analysis import Analysis, analyse
from segmentation.change import Last
from segmentation.errors import SegmentationError
from segmentation.facts import Facts, Source

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Archive:
    """What is there of earlier months.

    Attributes
    ----------
    months : tuple of Facts
        Every earlier month of the same kind, oldest first.
    last : Last or None
        The newest of them that was clustered on the same features.
    """

    months: tuple[Facts, ...] = ()
    last: Last | None = None


def describe_source(path: Path) -> Source:
    """Say where a month's users come from."""
    return Source(name=path.name, sha256=files.sha256(path), synthetic=files.is_sample(path))


def open_archive(output: Path, month: str, source: Source, features: tuple[str, ...]) -> Archive:
    """Open the months before this one that lie in the output folder.

    Made-up users are never compared with real ones; a month that can't be read is left out, with a warning.
    """
    months = []
    for path in files.made_before(output, month):
        try:
            facts = files.read_facts(path)
        except (ReportError, SegmentationError, UnicodeDecodeError) as error:
            _log.warning("%s is left out of the history: %s", path.parent.name, error)
            continue
        if facts.source.synthetic == source.synthetic:
            months.append(facts)
    alike = [facts for facts in months if set(facts.features) == set(features)]
    last = Last(alike[-1], _people(output / alike[-1].month)) if alike else None
    return Archive(tuple(months), last)


def work_out_missing(
    source: Path, month: str, settings: Settings, output: Path, tell: Callable[[str], None]
) -> None:
    """Analyse the months right before this one whose files are there but which were never made, oldest first.

    Only their facts and segments are archived, without pages: `make report` makes those when it is asked for. Made-up
    months are not worked out for a real one, nor real ones for a made-up one: they would not be compared.
    """
    if not source.is_file():
        return  # reading it will say why
    synthetic = files.is_sample(source)
    missing: list[tuple[str, Path]] = []
    before = files.month_before(month)
    while not (output / before / "facts.json").exists():
        path = next((p for kind in files.KINDS if (p := source.parent / f"{before}{kind}").exists()), None)
        if path is None or path == source or files.is_sample(path) != synthetic:
            break
        missing.insert(0, (before, path))
        before = files.month_before(before)
    for name, path in missing:
        tell(f"Working out {name}, which was never made")
        try:
            analysis = analyse_month(path, name, settings, output)
        except (ReportError, SegmentationError) as error:
            _log.warning("%s can't be worked out, so it is left out of the history: %s", name, error)
            continue
        with files.building(output, name) as folder:
            (folder / "facts.json").write_text(files.facts_text(analysis.facts), encoding="utf-8")
            write_users(analysis, folder)


def analyse_month(
    path: Path, month: str, settings: Settings, output: Path, step: Callable[[str], None] = lambda _: None
) -> Analysis:
    """Read and analyse one month, as the continuation of those before it."""
    users = read_users(path, settings.columns)  # first, for it says in words why a file can't be read
    source = describe_source(path)
    archive = open_archive(output, month, source, tuple(settings.segments.features))
    return analyse(
        users,
        settings.plan(),
        month=month,
        source=source,
        brand=settings.signature(),
        last=archive.last,
        earlier=archive.months,
        step=step,
    )


def find_segments(
    source: Path, month: str, settings: Settings, output: Path, folder: Path, step: Callable[[str], None]
) -> Facts:
    """Analyse a month and write its users to a folder; the months missing before it are worked out first.

    Returns
    -------
    Facts
        The month's, without plays: what the playbook advises is not the analysis' to say.
    """
    with ThreadPoolExecutor(1) as aside:
        aside.submit(import_module, "kneed")  # while K-means leaves the interpreter alone
        work_out_missing(source, month, settings, output, step)
        analysis = analyse_month(source, month, settings, output, step)
    write_users(analysis, folder)
    return analysis.facts


def write_users(analysis: Analysis, folder: Path) -> None:
    """Write the one file with a row a user."""
    analysis.users.write_parquet(folder / "segments.parquet")
    files.owner_only(folder / "segments.parquet")


def _people(folder: Path) -> "nw.DataFrame[pd.DataFrame] | None":
    """Read a month's users with their segments, where they are still there."""
    path = folder / "segments.parquet"
    if not path.exists():
        return None
    try:
        return nw.from_native(pd.read_parquet(path), eager_only=True)
    except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
        _log.warning(
            "%s: the users of that month can't be read, so nobody is followed from it: %s", folder.name, error
        )
        return None

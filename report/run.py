"""One run: a month's file in, a month's folder out."""

import platform
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from report.columns.dictionary import read_shipped_columns
from report.errors import RenderError
from report.operations import missing_fonts
from report.operations.limits import check_session_limits
from report.operations.reference import add_anomalies
from report.pages.playbook import Playbook, assign_plays, read_playbook
from report.rendering.engine import EngineChoice, select_engine
from report.settings import Settings
from report.storage import atomic, paths
from report.storage.location import HASH_DESCRIPTIONS, DataLocation
from report.storage.timing import StageTimer
from report.storage.worker import start_worker
from report.style.coverage import MissingScript
from segmentation.facts import Facts, facts_from_dict, facts_to_dict

_TEMPORARY_FOLDER = "tmp"  # of the month in the making: what libraries leave there goes with it, even after kill -9
_VERSIONED_PACKAGES = ("altair", "duckdb", "numpy", "pandas", "scikit-learn", "vl-convert-python", "weasyprint")


@dataclass(frozen=True, slots=True)
class ReportRun:
    """What a run made."""

    facts: Facts
    folder: Path  # the month's
    engine: str  # that rendered
    fallback: str  # why it wasn't Quarto though Quarto is there; empty where nothing failed
    pages: int  # of the PDF
    seconds: float
    missing_fonts: tuple[MissingScript, ...] = ()  # scripts that the PDF and the mails' pictures show as boxes


def build_report(
    source: DataLocation,
    month: str,
    settings: Settings,
    *,
    engine: EngineChoice,
    output: Path,
    now: datetime,
    report_progress: Callable[[str], None],
) -> ReportRun:
    """Make a month's report and put its folder into the output folder.

    The briefs are dated by `now`. `report_progress` is told the name of each stage as it begins.

    Raises ReportError or SegmentationError if anything is wrong that a person can correct; the month's last folder is
    then as it was.
    """
    start = time.perf_counter()
    timer = StageTimer(report_progress)
    check_session_limits()
    playbook = _read_fitting_playbook(settings)
    with (
        atomic.atomic_folder(output, month) as folder,
        atomic.use_temporary_folder(folder / _TEMPORARY_FOLDER),
        start_worker("The analysis") as worker,
        ThreadPoolExecutor(1) as thread,
    ):
        # first, for all else waits for it
        analysis = worker.submit_reporting(
            _analyse, source, month, settings, output, folder, now, report_progress=report_progress
        )
        workspace = paths.create_workspace(folder / "workshop")
        renderer = select_engine(engine)
        with renderer.warm_up(workspace / "report"):
            prepared = thread.submit(_prepare)  # not here: Ctrl-C in the middle of an import can get lost
            with timer.time_stage("Finding segments"):
                prepared.result()  # a machine that can't print says so before it has computed for minutes
                facts = analysis.result()
            if facts.structure.reliable and playbook:  # else there is nothing to sell to, or nothing to sell
                facts = assign_plays(facts, playbook.play)
            (folder / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")

            from report.publish import publish_month, remove_published  # noqa: PLC0415 - by `_prepare`

            fallback = ""
            try:
                pages = publish_month(facts, folder, workspace / "report", renderer, settings, timer, now)
            except RenderError as error:
                if engine != "auto" or renderer.name != "quarto":
                    raise
                fallback = str(error)
                report_progress("Rendering again without Quarto, which failed")
                renderer = select_engine("embedded")
                workspace = paths.create_workspace(folder / "workshop-again")
                remove_published(folder)
                pages = publish_month(facts, folder, workspace / "report", renderer, settings, timer, now)
        for left in folder.glob("workshop*"):
            shutil.rmtree(left)
        seconds = time.perf_counter() - start
        run = ReportRun(
            facts, output / month, renderer.name, fallback, pages, seconds, missing_fonts.find_missing_fonts(facts)
        )
        _write_run_json(folder / missing_fonts.RUN_FILE, run, renderer.get_version(), timer)
    return run


def _analyse(
    source: DataLocation,
    month: str,
    settings: Settings,
    output: Path,
    folder: Path,
    now: datetime,
    *,
    report_progress: Callable[[str], None],
) -> Facts:
    """Return the month's facts, with the anomalies in them."""
    # The worker process runs this, and alone imports what computes
    from report.history import analyse_and_store_month  # noqa: PLC0415

    facts = analyse_and_store_month(source, month, settings, output, folder, report_progress)
    # as facts.json has them, so that they compare with last month's and pages say what it says
    return add_anomalies(facts_from_dict(facts_to_dict(facts)), output, now=now, source=source)


def _read_fitting_playbook(settings: Settings) -> Playbook | None:
    """Read the playbook, or None where it is for other columns.

    The words of the shipped one are another service's where segments are made by other features.
    """
    path, shipped = paths.ROOT / settings.data.playbook, read_shipped_columns()
    is_shipped = path.resolve() == (paths.TEMPLATES / "playbook.toml").resolve()
    if is_shipped and set(settings.columns.features) != set(shipped.features):
        return None
    return read_playbook(path, settings.columns)


def _prepare() -> None:
    """Import what publishes, and check that this machine can print."""
    # The analysis computes meanwhile
    from report.publish import prepare_publishing  # noqa: PLC0415

    prepare_publishing()


def _write_run_json(path: Path, run: ReportRun, engine_version: str, timer: StageTimer) -> None:
    """Write how a month was made."""
    # Engine, versions, input, seed and seconds
    source = run.facts.source
    paths.write_json(
        path,
        {
            "month": run.facts.month,
            "engine": run.engine,
            "engine_version": engine_version,
            "engine_fallback": run.fallback,
            "python": platform.python_version(),
            "versions": {name: version(name) for name in _VERSIONED_PACKAGES},
            "input": {"name": source.name, "sha256": source.sha256, "hash_of": HASH_DESCRIPTIONS[source.hashed]},
            "seed": run.facts.seed,
            "seconds": timer.seconds | {"all": round(run.seconds, 3)},
        }
        | missing_fonts.export_missing_fonts(run.missing_fonts),
    )

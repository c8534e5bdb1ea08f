"""One run, top to bottom: a month's file in, a month's folder out."""

import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from report.errors import RenderError
from report.pages.playbook import assign_plays, read_playbook
from report.rendering.engine import EngineChoice, select_engine
from report.settings import Settings
from report.storage import atomic, paths
from report.storage.location import HASH_DESCRIPTIONS, DataLocation
from report.storage.timing import StageTimer
from report.storage.worker import run_in_process
from report.text.holds import add_anomalies
from segmentation.facts import Facts, facts_from_dict, facts_to_dict

_VERSIONED_PACKAGES = (
    "altair",
    "duckdb",
    "numpy",
    "pandas",
    "scikit-learn",
    "vl-convert-python",
    "weasyprint",
)


@dataclass(frozen=True, slots=True)
class ReportRun:
    """What a run made.

    Attributes
    ----------
    facts : Facts
        The month.
    folder : Path
        Where it lies.
    engine : str
        Which engine rendered.
    fallback : str
        Why it wasn't Quarto though Quarto is there; empty where nothing failed.
    pages : int
        Pages of the PDF.
    seconds : float
        How long it took.
    """

    facts: Facts
    folder: Path
    engine: str
    fallback: str
    pages: int
    seconds: float


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
    """Make a month's report: read, analyse, render, print, and put it in place whole.

    Parameters
    ----------
    source : Path or Elsewhere
        The month's file or folder, or who is asked for its users.
    month : str
        "2026-10".
    settings : Settings
        Every dial.
    engine : {"auto", "quarto", "embedded"}
        What renders the documents.
    output : Path
        Where the month's folder goes.
    now : datetime
        When the run takes place, with its zone: the briefs are dated by it.
    report_progress : callable
        Told the name of each stage as it begins.

    Raises
    ------
    ReportError, SegmentationError
        If anything is wrong that a person can correct; the month's last folder is then as it was.
    """
    start = time.perf_counter()
    clock = StageTimer(report_progress)
    playbook = read_playbook(paths.TEMPLATES / "playbook.toml")
    with (
        atomic.atomic_folder(output, month) as folder,
        # first, for all else waits for it
        run_in_process(_analyse_in_worker, source, month, settings, output, folder) as analyst,
        ThreadPoolExecutor(1) as aside,
    ):
        bench = paths.create_workspace(folder / "workshop")
        renderer = select_engine(engine)
        with renderer.warm_up(bench / "report"):
            ready = aside.submit(
                _import_publisher
            )  # not here: Ctrl-C in the middle of an import can get lost
            with clock.time_stage("Finding segments"):
                # first, so that a machine that can't print says so before it has computed for minutes
                publish, unpublish = ready.result()
                # as facts.json has them, so that they compare with last month's and pages say what it says
                facts = facts_from_dict(facts_to_dict(analyst.wait_for_result(report_progress)))
                facts = add_anomalies(facts, output, now=now, source=source)
            if facts.structure.reliable:  # else there is nothing to sell to
                facts = assign_plays(facts, playbook.play)
            (folder / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")
            fallback = ""
            try:
                pages = publish(facts, folder, bench / "report", renderer, settings, clock, now)
            except RenderError as error:
                if engine != "auto" or renderer.name != "quarto":
                    raise
                fallback = str(error)
                report_progress("Rendering again without Quarto, which failed")
                renderer, bench = select_engine("embedded"), paths.create_workspace(folder / "workshop-again")
                unpublish(folder)
                pages = publish(facts, folder, bench / "report", renderer, settings, clock, now)
        for made in folder.glob("workshop*"):
            paths.delete_folder(made)
        seconds = time.perf_counter() - start
        paths.write_json(
            folder / "run.json",
            {
                "month": month,
                "engine": renderer.name,
                "engine_version": renderer.get_version(),
                "engine_fallback": fallback,
                "python": platform.python_version(),
                "versions": {name: version(name) for name in _VERSIONED_PACKAGES},
                "input": {
                    "name": facts.source.name,
                    "sha256": facts.source.sha256,
                    "hash_of": HASH_DESCRIPTIONS[facts.source.hashed],
                },
                "seed": facts.seed,
                "seconds": clock.seconds | {"all": round(seconds, 3)},
            },
        )
    return ReportRun(facts, output / month, renderer.name, fallback, pages, seconds)


def _analyse_in_worker(
    source: DataLocation,
    month: str,
    settings: Settings,
    output: Path,
    folder: Path,
    *,
    report_progress: Callable[[str], None],
) -> Facts:
    """Analyse the month in a process of its own, the missing ones before it first; write its users, give its facts."""
    from report.history import analyse_and_store_month  # noqa: PLC0415 - only this process needs what computes

    return analyse_and_store_month(source, month, settings, output, folder, report_progress)


def _import_publisher() -> tuple[Callable[..., int], Callable[[Path], None]]:
    """Import what publishes, while the analysis computes; and say so if the machine lacks something."""
    from report.publish import prepare_publishing, publish_month, remove_published  # noqa: PLC0415

    prepare_publishing()
    return publish_month, remove_published

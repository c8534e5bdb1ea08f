"""One run, top to bottom: a month's file in, a month's folder out."""

import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from report import exchange, files
from report.apart import begun
from report.clock import Clock
from report.doubts import doubted
from report.engines import Choice, find_engine
from report.errors import RenderError
from report.playbook import read_playbook, with_plays
from report.settings import Settings
from report.sources.places import HASHED, Place
from segmentation.facts import Facts, from_dict, to_dict

_PARTS = ("altair", "duckdb", "numpy", "pandas", "scikit-learn", "vl-convert-python", "weasyprint")


@dataclass(frozen=True, slots=True)
class Run:
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


def make_month(
    source: Place,
    month: str,
    settings: Settings,
    *,
    engine: Choice,
    output: Path,
    now: datetime,
    tell: Callable[[str], None],
) -> Run:
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
    tell : callable
        Told the name of each stage as it begins.

    Raises
    ------
    ReportError, SegmentationError
        If anything is wrong that a person can correct; the month's last folder is then as it was.
    """
    start = time.perf_counter()
    clock = Clock(tell)
    playbook = read_playbook(files.TEMPLATES / "playbook.toml")
    with (
        exchange.building(output, month) as folder,
        # first, for all else waits for it
        begun(_find_segments, source, month, settings, output, folder) as analyst,
        ThreadPoolExecutor(1) as aside,
    ):
        bench = files.workshop(folder / "workshop")
        renderer = find_engine(engine)
        with renderer.warm(bench / "report"):
            ready = aside.submit(_get_ready)  # not here: Ctrl-C in the middle of an import can get lost
            with clock.stage("Finding segments"):
                # first, so that a machine that can't print says so before it has computed for minutes
                publish, unpublish = ready.result()
                # as facts.json has them, so that they compare with last month's and pages say what it says
                facts = from_dict(to_dict(analyst.result(tell)))
                facts = doubted(facts, output, now=now, source=source)
            if facts.structure.reliable:  # else there is nothing to sell to
                facts = with_plays(facts, playbook.play)
            (folder / "facts.json").write_text(files.facts_text(facts), encoding="utf-8")
            fallback = ""
            try:
                pages = publish(facts, folder, bench / "report", renderer, settings, clock, now)
            except RenderError as error:
                if engine != "auto" or renderer.name != "quarto":
                    raise
                fallback = str(error)
                tell("Rendering again without Quarto, which failed")
                renderer, bench = find_engine("embedded"), files.workshop(folder / "workshop-again")
                unpublish(folder)
                pages = publish(facts, folder, bench / "report", renderer, settings, clock, now)
        for made in folder.glob("workshop*"):
            files.remove(made)
        seconds = time.perf_counter() - start
        files.write_json(
            folder / "run.json",
            {
                "month": month,
                "engine": renderer.name,
                "engine_version": renderer.version(),
                "engine_fallback": fallback,
                "python": platform.python_version(),
                "versions": {name: version(name) for name in _PARTS},
                "input": {
                    "name": facts.source.name,
                    "sha256": facts.source.sha256,
                    "hash_of": HASHED[facts.source.hashed],
                },
                "seed": facts.seed,
                "seconds": clock.stages | {"all": round(seconds, 3)},
            },
        )
    return Run(facts, output / month, renderer.name, fallback, pages, seconds)


def _find_segments(
    source: Place, month: str, settings: Settings, output: Path, folder: Path, *, step: Callable[[str], None]
) -> Facts:
    """Analyse the month in a process of its own, the missing ones before it first; write its users, give its facts."""
    from report.archive import find_segments  # noqa: PLC0415 - only this process needs what computes

    return find_segments(source, month, settings, output, folder, step)


def _get_ready() -> tuple[Callable[..., int], Callable[[Path], None]]:
    """Import what publishes, while the analysis computes; and say so if the machine lacks something."""
    from report.publish import get_ready, publish, unpublish  # noqa: PLC0415

    get_ready()
    return publish, unpublish

"""One run, top to bottom: a month's file in, a month's folder out."""

import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from report import files
from report.apart import begun
from report.doubts import doubted
from report.drawing import warm_up
from report.engines import Choice, Engine, find_engine
from report.fonts import cut_faces, embed_faces, letters_of
from report.playbook import read_playbook, with_plays
from report.printing import check_printing, print_pdf
from report.profiles import write_profiles
from report.settings import Settings
from report.sources.places import HASHED, Place
from segmentation.facts import Facts

_PARTS = ("altair", "duckdb", "numpy", "pandas", "scikit-learn", "vl-convert-python", "weasyprint")


@dataclass(slots=True)
class Clock:
    """How long each stage took, in seconds, and whom to tell as it begins."""

    tell: Callable[[str], None]
    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        self.tell(name)
        start = time.perf_counter()
        yield
        self.stages[name] = round(time.perf_counter() - start, 3)


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
    pages : int
        Pages of the PDF.
    seconds : float
        How long it took.
    """

    facts: Facts
    folder: Path
    engine: str
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
    renderer = find_engine(engine)
    playbook = read_playbook(files.TEMPLATES / "playbook.toml")
    with files.building(output, month) as folder:
        bench = files.workshop(folder / "workshop")
        with (
            begun(_find_segments, source, month, settings, output, folder) as analyst,
            renderer.warm(bench / "report"),
            ThreadPoolExecutor(1) as aside,
        ):
            ready = aside.submit(_import_ahead)  # not here: Ctrl-C in the middle of an import can get lost
            with clock.stage("Finding segments"):
                facts = doubted(analyst.result(tell), output, now=now, source=source)
            ready.result()
            if facts.structure.reliable:  # else there is nothing to sell to
                facts = with_plays(facts, playbook.play)
            (folder / "facts.json").write_text(files.facts_text(facts), encoding="utf-8")
            pages = _lay_out(facts, folder, bench / "report", renderer, settings, clock, now)
        files.remove(bench)
        seconds = time.perf_counter() - start
        files.write_json(
            folder / "run.json",
            {
                "month": month,
                "engine": renderer.name,
                "engine_version": renderer.version(),
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
    return Run(facts, output / month, renderer.name, pages, seconds)


def _find_segments(
    source: Place, month: str, settings: Settings, output: Path, folder: Path, *, step: Callable[[str], None]
) -> Facts:
    """Analyse the month in a process of its own, the missing ones before it first; write its users, give its facts."""
    from report.archive import find_segments  # noqa: PLC0415 - only this process needs what computes

    return find_segments(source, month, settings, output, folder, step)


def _import_ahead() -> None:
    """Import what prints and mails, while the analysis computes; and say so if the machine lacks something."""
    check_printing()
    import report.mailbag  # noqa: F401, PLC0415


def _lay_out(
    facts: Facts,
    folder: Path,
    bench: Path,
    renderer: Engine,
    settings: Settings,
    clock: Clock,
    now: datetime,
) -> int:
    """Render both documents, print the executives', write profiles and briefs; give the PDF's number of pages.

    The executives' document goes first: the report takes the pictures that it drew, and is rendered while the
    other is printed.
    """
    told = folder / "facts.json"
    with ThreadPoolExecutor(1) as aside:
        executive = aside.submit(renderer.render, bench / "executive.qmd", told)
        with clock.stage("Cutting the fonts"):
            letters = letters_of(told)
            faces = cut_faces(letters)
            warm_up()  # profiles and briefs are drawn here: what draws starts while nothing else is to do
        with clock.stage("Rendering the executives' pages"):
            sheets = executive.result()
        rendering = aside.submit(renderer.render, bench / "report.qmd", told)
        with clock.stage("Printing the PDF"):
            pages = print_pdf(
                sheets,
                folder / "executive.pdf",
                paper=settings.page.paper,
                identifier=facts.source.sha256.encode()[:32],
                facts=told,
            )
        with clock.stage("Writing the profiles"):
            profiles = write_profiles(facts, bench, folder / "profiles")
        with clock.stage("Writing the briefs"):
            from report.mailbag import write_briefs  # noqa: PLC0415 - imported by then

            write_briefs(facts, folder, settings, now=now)
        with clock.stage("Rendering the report"):
            report = rendering.result()
    if more := letters_of(report, *profiles) - letters:
        faces = cut_faces(letters | more)
    for page in (report, *profiles):
        embed_faces(page, faces)
    report.rename(folder / "report.html")
    return pages

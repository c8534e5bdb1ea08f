"""A month's facts made into what people read: both documents, the PDF, a profile and a brief a segment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from report import files
from report.clock import Clock
from report.drawing import warm_up
from report.engines import Engine
from report.fonts import cut_faces, embed_faces, letters_of
from report.mailbag import write_briefs
from report.printing import Sheets, check_printing
from report.profiles import write_profiles
from report.settings import Settings
from segmentation.facts import Facts


def get_ready() -> None:
    """Do what needs no facts: see that the machine lacks nothing, and start what draws.

    Raises
    ------
    MachineError
        If it lacks what prints.
    """
    check_printing()
    warm_up()


def publish(
    facts: Facts, folder: Path, bench: Path, renderer: Engine, settings: Settings, clock: Clock, now: datetime
) -> int:
    """Render both documents, print the executives', write profiles and briefs; give the PDF's number of pages.

    The executives' document goes first: the report and the profiles take the pictures that it drew. While it is
    rendered the profiles are written, and while it is printed the report is rendered.

    Parameters
    ----------
    facts : Facts
        The month, which lies in the folder as facts.json.
    folder : Path
        Where what people read goes.
    bench : Path
        Folder of the documents, where they may be worked on.
    """
    told = folder / "facts.json"
    with ThreadPoolExecutor(1) as aside:
        executive = aside.submit(renderer.render, bench / "executive.qmd", told)
        with clock.stage("Cutting the fonts"):
            letters = letters_of(told)
            faces = cut_faces(letters)
        with clock.stage("Writing the profiles"):
            profiles = write_profiles(facts, bench, folder / "profiles")
        with clock.stage("Rendering the executives' pages"):
            page = executive.result()
        rendering = aside.submit(renderer.render, bench / "report.qmd", told)
        with clock.stage("Printing the PDF"):
            sheets = Sheets(page, paper=settings.page.paper, identifier=facts.source.sha256.encode()[:32])
            pages = sheets.write(folder / "executive.pdf", facts=told)
        with clock.stage("Writing the briefs"):
            write_briefs(facts, sheets, folder, settings, now=now)
        with clock.stage("Rendering the report"):
            report = rendering.result()
    if more := letters_of(report, *profiles) - letters:
        faces = cut_faces(letters | more)
    for page in (report, *profiles):
        embed_faces(page, faces)
    report.rename(folder / "report.html")
    return pages


def unpublish(folder: Path) -> None:
    """Delete what `publish` has made so far in a month's folder."""
    for name in ("executive.pdf", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for name in ("profiles", "briefs"):
        files.clear(folder / name)

"""A month's facts made into what people read: both documents, the PDF, a profile and a brief a segment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from report.charts.render import warm_up_vega
from report.mail.export import write_briefs
from report.pages.profiles import write_profiles
from report.rendering.engine import RenderEngine
from report.rendering.pdf import PrintedDocument, check_weasyprint
from report.settings import Settings
from report.storage import paths
from report.storage.timing import StageTimer
from report.style.fonts import build_font_css, collect_letters, embed_font_css
from segmentation.facts import Facts


def prepare_publishing() -> None:
    """Do what needs no facts: see that the machine lacks nothing, and start what draws.

    Raises
    ------
    MachineError
        If it lacks what prints.
    """
    check_weasyprint()
    warm_up_vega()


def publish_month(
    facts: Facts,
    folder: Path,
    workspace: Path,
    renderer: RenderEngine,
    settings: Settings,
    timer: StageTimer,
    now: datetime,
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
    workspace : Path
        Folder of the documents, where they may be worked on.
    """
    told = folder / "facts.json"
    with ThreadPoolExecutor(1) as aside:
        executive = aside.submit(renderer.render, workspace / "executive.qmd", told)
        with timer.time_stage("Cutting the fonts"):
            letters = collect_letters(told)
            faces = build_font_css(letters)
        with timer.time_stage("Writing the profiles"):
            profiles = write_profiles(facts, workspace, folder / "profiles")
        with timer.time_stage("Rendering the executives' pages"):
            page = executive.result()
        rendering = aside.submit(renderer.render, workspace / "report.qmd", told)
        with timer.time_stage("Printing the PDF"):
            sheets = PrintedDocument(
                page, paper=settings.page.paper, identifier=facts.source.sha256.encode()[:32]
            )
            pages = sheets.write_pdf(folder / "executive.pdf", facts=told)
        with timer.time_stage("Writing the briefs"):
            write_briefs(facts, sheets, folder, settings, now=now)
        with timer.time_stage("Rendering the report"):
            report = rendering.result()
    if more := collect_letters(report, *profiles) - letters:
        faces = build_font_css(letters | more)
    for page in (report, *profiles):
        embed_font_css(page, faces)
    report.rename(folder / "report.html")
    return pages


def remove_published(folder: Path) -> None:
    """Delete what `publish_month` has made so far in a month's folder."""
    for name in ("executive.pdf", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for name in ("profiles", "briefs"):
        paths.discard_folder(folder / name)

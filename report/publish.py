"""A month's facts as documents, PDF, profiles and briefs."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from report.charts.render import warm_up_vega
from report.mail.export import write_briefs
from report.pages.profiles import write_profiles
from report.rendering.engine import RenderEngine
from report.rendering.pdf import PrintedDocument, check_weasyprint
from report.settings import Settings
from report.storage.timing import StageTimer
from report.style.fonts import build_font_css, collect_letters, embed_font_css
from segmentation.facts import Facts


def prepare_publishing() -> None:
    """Check that this machine can print, and start Vega.

    Raises MachineError if it lacks what prints.
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
    """Render, print and write a month; return the PDF's pages.

    The executives' document goes first: the report and the profiles use the charts that it drew. The profiles are
    written while it is rendered, and the report is rendered while it is printed. The facts lie in the folder already;
    the workspace is the folder of the documents.
    """
    facts_file = folder / "facts.json"
    with ThreadPoolExecutor(1) as thread:
        executive = thread.submit(renderer.render, workspace / "executive.qmd", facts_file)
        with timer.time_stage("Cutting the fonts"):
            letters = collect_letters(facts_file)
            font_css = build_font_css(letters)
        with timer.time_stage("Writing the profiles"):
            profiles = write_profiles(facts, workspace, folder / "profiles")
        with timer.time_stage("Rendering the executives' pages"):
            page = executive.result()
        report_page = thread.submit(renderer.render, workspace / "report.qmd", facts_file)
        with timer.time_stage("Printing the PDF"):
            printed = PrintedDocument(page, paper=settings.page.paper, identifier=facts.source.sha256.encode()[:32])
            pages = printed.write_pdf(folder / "executive.pdf", facts=facts_file)
        with timer.time_stage("Writing the briefs"):
            write_briefs(facts, printed, folder, settings, now=now)
        with timer.time_stage("Rendering the report"):
            report = report_page.result()
    if more := collect_letters(report, *profiles) - letters:
        font_css = build_font_css(letters | more)
    for page in (report, *profiles):
        embed_font_css(page, font_css)
    report.rename(folder / "report.html")
    return pages


def remove_published(folder: Path) -> None:
    """Delete what `publish_month` wrote into a folder."""
    for name in ("executive.pdf", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for name in ("profiles", "briefs"):
        shutil.rmtree(folder / name, ignore_errors=True)

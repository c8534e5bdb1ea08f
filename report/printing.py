"""HTML to PDF by WeasyPrint, which logs what goes wrong and never raises: here every such line ends the run."""

import io
import json
import logging
import re
import warnings
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from report import files, theme
from report.errors import MachineError, RenderError
from report.standards import finish

_log = logging.getLogger(__name__)
_UNWRITTEN = ".notdef glyph rendered for Unicode string unsupported by fonts"  # a name in letters that no font here has
_FALLBACK = "Using fontTools instead of HarfBuzz-Subset"  # the same letters, cut out by another library
_HARMLESS = re.compile(
    rf"Ignored `.*` at \d+:\d+, (unknown property|invalid value)|{re.escape(_UNWRITTEN)}|{_FALLBACK}"
)
# size, and what differs from A4
_SHEETS = {"A4": ("210mm 297mm", None), "Letter": ("8.5in 11in", "letter.css")}


def check_printing() -> None:
    """Make sure that WeasyPrint finds the system's libraries, before anything else is done.

    Raises
    ------
    MachineError
        Naming the packages that bring them.
    """
    try:
        import weasyprint  # noqa: F401, PLC0415
    except OSError as error:
        raise MachineError(
            "The PDF needs Pango, which this machine lacks. Debian and Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; "
            f"macOS: brew install pango; Fedora: dnf install pango. ({str(error).splitlines()[0][:120]})"
        ) from error


def print_pdf(page: Path, out: Path, *, paper: str, identifier: bytes, facts: Path | None = None) -> int:
    """Print a page to a PDF that is PDF/UA-1 and PDF/A-3u, and give its number of pages.

    One that shows a letter which no font here has can be neither, and doesn't say that it is.

    Parameters
    ----------
    page : Path
        A self-contained HTML file.
    out : Path
        Where the PDF goes.
    paper : {"A4", "Letter"}
        Size of the sheets.
    identifier : bytes
        What the PDF is known by; the same for the same facts.
    facts : Path or None
        The month's facts.json, to be attached.

    Raises
    ------
    RenderError
        If WeasyPrint logs an error, or a warning that isn't known to be harmless, or the page isn't self-contained.
    """
    from weasyprint import CSS, HTML  # noqa: PLC0415 - checked by `check_printing`
    from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415
    from weasyprint.urls import FatalURLFetchingError, URLFetcher  # noqa: PLC0415

    _undate_fonts()
    complaints = _Complaints()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    propagate, logger.propagate = logger.propagate, False
    try:
        # the page carries everything; our own sheet alone may name files, which are the fonts
        closed = URLFetcher(allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True)
        fetcher = URLFetcher(allowed_protocols={"file"}, allow_redirects=False, fail_on_errors=True)
        fonts = FontConfiguration()
        size, own = _SHEETS[paper]
        differing = (files.TEMPLATES / own).read_text(encoding="utf-8") if own else ""
        sheet = CSS(
            string=f"{faces()}\n@page {{ size: {size} }}\n{differing}", font_config=fonts, url_fetcher=fetcher
        )
        html = HTML(filename=page, url_fetcher=closed)
        document = html.render(stylesheets=[sheet], font_config=fonts)
        with warnings.catch_warnings():
            # WeasyPrint leaves its colour profile's file open
            warnings.simplefilter("ignore", ResourceWarning)
            document.write_pdf(
                out,
                finisher=partial(finish, claims=lambda: not complaints.unwritten),
                pdf_variant="pdf/a-3u",
                pdf_tags=True,
                pdf_identifier=identifier,
                attachments=[_attachment(facts)] if facts else None,
                full_fonts=False,
            )
    except FatalURLFetchingError as error:  # no Exception, so that nothing swallows it on the way
        raise RenderError(
            f"{out.name}: printing went wrong: the page asks for something that it doesn't carry ({error})."
        ) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a fault of WeasyPrint's own, which may be anything
        raise RenderError(
            f"{out.name}: printing went wrong: WeasyPrint failed with {type(error).__name__}: {' '.join(str(error).split())[:200]}."
        ) from error
    finally:
        logger.removeHandler(complaints)
        logger.propagate = propagate
    if complaints.unwritten:
        _log.warning(
            "%s shows boxes where a text has a letter that its fonts lack, such as an emoji in a name or an offer: %s.",
            out.name,
            complaints.unwritten,
        )
    if complaints.said:
        raise RenderError(f"{out.name}: printing went wrong: {'; '.join(complaints.said[:3])}.")
    return len(document.pages)


def _undate_fonts() -> None:
    """Let fontTools, which cuts fonts where HarfBuzz-Subset isn't, not date them by the clock: the same facts, the same bytes."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - brings much, and belongs to WeasyPrint
    from weasyprint.pdf import fonts  # noqa: PLC0415 - checked by `check_printing`

    fonts.TTFont = partial(TTFont, recalcTimestamp=False)


def _attachment(facts: Path) -> Any:
    """Attach the month's facts, dated by their month so that the same facts give the same bytes."""
    from weasyprint import Attachment  # noqa: PLC0415

    content = facts.read_bytes()
    when = datetime.strptime(json.loads(content)["month"], "%Y-%m")  # noqa: DTZ007 - written as it is, with a Z
    return Attachment(
        file_obj=io.BytesIO(content),
        name=facts.name,
        description="Every number on these pages",
        created=when,
        modified=when,
        relationship="Data",
    )


def faces() -> str:
    """Write the CSS that names the fonts' files."""
    weights = {
        "Regular": (400, "normal"),
        "Semibold": (600, "normal"),
        "Bold": (700, "normal"),
        "It": (400, "italic"),
    }
    rules = []
    for folder, family, stem in zip(
        files.font_folders(), (theme.SANS, theme.SERIF), ("SourceSansPro", "SourceSerifPro"), strict=True
    ):
        for name, (weight, style) in weights.items():
            path = folder / f"{stem}-{name}.ttf"
            if path.exists():
                rules.append(
                    f"@font-face {{ font-family: '{family}'; font-weight: {weight}; font-style: {style}; "
                    f"src: url('{path.as_uri()}') }}"
                )
    return "\n".join(rules)


class _Complaints(logging.Handler):
    """Collects what WeasyPrint logs at warning and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self.unwritten = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, unless it is known to be harmless."""
        text = record.getMessage()
        if text.startswith(_UNWRITTEN):
            self.unwritten = self.unwritten or text.removeprefix(_UNWRITTEN).strip(" :")
        if record.levelno >= logging.ERROR or not _HARMLESS.search(text):
            self.said.append(text)

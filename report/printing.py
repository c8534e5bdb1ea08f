"""HTML to PDF by WeasyPrint, which logs what goes wrong and never raises: here every such line ends the run."""

import logging
import re
from pathlib import Path

from report import files, theme
from report.errors import MachineError, RenderError

_HARMLESS = re.compile(
    r"Ignored `.*` at \d+:\d+, (unknown property|invalid value)"
    r"|\.notdef glyph rendered for Unicode string unsupported by fonts"  # a name in letters that no font here has
)
_SHEETS = {"A4": "210mm 297mm", "Letter": "8.5in 11in"}


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
            "The PDF needs Pango, which this machine lacks. Debian and Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0; "
            f"macOS: brew install pango; Fedora: dnf install pango. ({str(error).splitlines()[0][:120]})"
        ) from error


def print_pdf(page: Path, out: Path, *, paper: str, identifier: bytes) -> int:
    """Print a page to a tagged PDF and give its number of pages.

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

    Raises
    ------
    RenderError
        If WeasyPrint logs an error, or a warning that isn't known to be harmless, or the page isn't self-contained.
    """
    from weasyprint import CSS, HTML  # noqa: PLC0415 - checked by `check_printing`
    from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415
    from weasyprint.urls import FatalURLFetchingError, URLFetcher  # noqa: PLC0415

    complaints = _Complaints()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    propagate, logger.propagate = logger.propagate, False
    try:
        # the page carries everything; only the fonts come from files
        fetcher = URLFetcher(allowed_protocols={"data", "file"}, allow_redirects=False, fail_on_errors=True)
        fonts = FontConfiguration()
        sheet = CSS(
            string=f"{faces()}\n@page {{ size: {_SHEETS[paper]} }}", font_config=fonts, url_fetcher=fetcher
        )
        html = HTML(filename=page, url_fetcher=fetcher)
        document = html.render(stylesheets=[sheet], font_config=fonts)
        document.write_pdf(out, pdf_variant="pdf/ua-1", pdf_identifier=identifier, full_fonts=False)
    except FatalURLFetchingError as error:  # no Exception, so that nothing swallows it on the way
        raise RenderError(
            f"{out.name}: printing went wrong: the page asks for something that it doesn't carry ({error})."
        ) from error
    finally:
        logger.removeHandler(complaints)
        logger.propagate = propagate
    if complaints.said:
        raise RenderError(f"{out.name}: printing went wrong: {'; '.join(complaints.said[:3])}.")
    return len(document.pages)


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

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, unless it is known to be harmless."""
        text = record.getMessage()
        if record.levelno >= logging.ERROR or not _HARMLESS.search(text):
            self.said.append(text)

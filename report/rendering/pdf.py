"""HTML to PDF by WeasyPrint.

WeasyPrint only logs what goes wrong; here every such line ends the run.
"""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from report.errors import MachineError, RenderError
from report.rendering.pdf_accessibility import make_pdf_conformant
from report.storage import paths
from report.style.fonts import build_local_font_css
from report.text.foreign import strip_isolates

_log = logging.getLogger(__name__)
_MISSING_GLYPH = (
    ".notdef glyph rendered for Unicode string unsupported by fonts"  # a name in letters that no font here has
)
_SUBSET_FALLBACK = "Using fontTools instead of HarfBuzz-Subset"  # the same letters, cut out by another library
_HARMLESS_WARNING = re.compile(
    rf"Ignored `.*` at \d+:\d+, (unknown property|invalid value)|{re.escape(_MISSING_GLYPH)}|{_SUBSET_FALLBACK}"
)
# size, and what differs from A4
_PAPER_SIZES = {"A4": ("210mm 297mm", None), "Letter": ("8.5in 11in", "letter.css")}


def check_weasyprint() -> None:
    """Make sure that WeasyPrint finds the system's libraries."""
    try:
        import weasyprint  # noqa: F401, PLC0415
    except OSError as error:
        raise MachineError(
            "The PDF needs Pango, which this machine lacks. Debian and Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; "
            f"macOS: brew install pango; Fedora: dnf install pango. ({str(error).splitlines()[0][:120]})"
        ) from error


class PrintedDocument:
    """A self-contained page laid out on paper.

    `identifier` is the PDF's own, the same for the same facts. Whatever WeasyPrint logs is a `RenderError`, unless it
    is known to be harmless; so is a page that isn't self-contained.
    """

    def __init__(self, page: Path, *, paper: str, identifier: bytes) -> None:
        from weasyprint import CSS, HTML  # noqa: PLC0415 - checked by `check_weasyprint`
        from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415
        from weasyprint.urls import URLFetcher  # noqa: PLC0415

        _fix_font_timestamps()
        self._identifier = identifier
        with _raise_on_warnings(page.with_suffix(".pdf").name) as self._complaints:
            # the page carries everything; our own sheet alone may name files, which are the fonts
            closed = URLFetcher(allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True)
            fetcher = URLFetcher(allowed_protocols={"file"}, allow_redirects=False, fail_on_errors=True)
            fonts = FontConfiguration()
            size, own = _PAPER_SIZES[paper]
            differing = (paths.TEMPLATES / own).read_text(encoding="utf-8") if own else ""
            sheet = CSS(
                string=f"{build_local_font_css()}\n@page {{ size: {size} }}\n{differing}",
                font_config=fonts,
                url_fetcher=fetcher,
            )
            html = HTML(filename=page, url_fetcher=closed)
            self._document = html.render(stylesheets=[sheet], font_config=fonts)
        for laid_out in self._document.pages:  # a bookmark stands alone, and some readers show isolates as boxes
            laid_out.bookmarks = [(level, strip_isolates(label), *rest) for level, label, *rest in laid_out.bookmarks]

    def write_pdf(self, out: Path, *, facts: Path | None = None) -> int:
        """Write the PDF; return its number of pages.

        It says that it is PDF/A and PDF/UA, unless it has a letter that no font here has. The facts, if given, are attached.
        """
        self._write_document(self._document, out, facts)
        if self._complaints.unwritten:
            _log.warning(
                "%s shows boxes where a text has a letter that its fonts lack, such as an emoji in a name or an offer: %s.",
                out.name,
                self._complaints.unwritten,
            )
        return len(self._document.pages)

    def write_section(self, anchor: str, heading: str, out: Path, *, title: str) -> int:
        """Write one section as a PDF; return its pages.

        It is found by its id, such as "s1", and recognised by its heading, which must begin a page: another segment's
        page must never be mailed.
        """
        pages = self._document.pages
        first = next((number for number, page in enumerate(pages) if anchor in page.anchors), None)
        found = _read_first_block(pages[first]) if first is not None else "nothing"
        if first is None or strip_isolates(found) != " ".join(heading.split()):
            raise RenderError(
                f"{out.name}: its first page should begin with the heading {heading!r} and begins with {found[:80]!r}. "
                "No brief was written. Check that templates/print.css begins a page with each segment's section."
            )
        following = (n for n, page in enumerate(pages) if n > first and any(b[0] == 1 for b in page.bookmarks))
        part = self._document.copy(pages[first : next(following, len(pages))])
        part.metadata = copy(part.metadata)
        part.metadata.title = title
        self._write_document(part, out, None)
        return len(part.pages)

    def _write_document(self, document: Any, out: Path, facts: Path | None) -> None:
        with _raise_on_warnings(out.name) as complaints, warnings.catch_warnings():
            # WeasyPrint leaves its colour profile's file open
            warnings.simplefilter("ignore", ResourceWarning)
            document.write_pdf(
                out,
                finisher=partial(
                    make_pdf_conformant, may_claim=lambda: not (complaints.unwritten or self._complaints.unwritten)
                ),
                pdf_variant="pdf/a-3u",
                pdf_tags=True,
                pdf_identifier=self._identifier,
                attachments=[_make_facts_attachment(facts)] if facts else None,
                full_fonts=False,
            )
        self._complaints.unwritten = self._complaints.unwritten or complaints.unwritten


def _read_first_block(page: Any) -> str:
    """Return the text of a page's first block."""
    from weasyprint.formatting_structure.boxes import LineBox, MarginBox  # noqa: PLC0415 - as above

    def iterate_blocks(box: Any) -> Iterator[Any]:
        for child in getattr(box, "children", ()):
            if isinstance(child, LineBox):
                yield box
                return
            if not isinstance(child, MarginBox):
                yield from iterate_blocks(child)

    first = next(iterate_blocks(page._page_box), None)  # noqa: SLF001 - where WeasyPrint keeps them
    return " ".join("".join(first.element.itertext()).split()) if first is not None else "nothing"


@contextmanager
def _raise_on_warnings(name: str) -> Iterator["_LogCollector"]:
    """Raise one error for what WeasyPrint logs or raises."""
    from weasyprint.urls import FatalURLFetchingError  # noqa: PLC0415 - checked by `check_weasyprint`

    complaints = _LogCollector()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield complaints
    except FatalURLFetchingError as error:  # no Exception, so that nothing swallows it on the way
        raise RenderError(
            f"{name}: printing went wrong: the page asks for something that it doesn't carry ({error})."
        ) from error
    except (OSError, MemoryError, RenderError):
        raise
    except Exception as error:  # a fault of WeasyPrint's own, which may be anything
        raise RenderError(
            f"{name}: printing went wrong: WeasyPrint failed with {type(error).__name__}: {' '.join(str(error).split())[:200]}."
        ) from error
    finally:
        logger.removeHandler(complaints)
        logger.propagate = propagate
    if complaints.messages:
        raise RenderError(f"{name}: printing went wrong: {'; '.join(complaints.messages[:3])}.")


def _fix_font_timestamps() -> None:
    """Stop fontTools from dating fonts by the clock."""
    # The same facts give the same bytes. It subsets fonts where HarfBuzz-Subset is missing
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - brings much, and belongs to WeasyPrint
    from weasyprint.pdf import fonts  # noqa: PLC0415 - checked by `check_weasyprint`

    fonts.TTFont = partial(TTFont, recalcTimestamp=False)


def _make_facts_attachment(facts: Path) -> Any:
    """Return the month's facts as an attachment."""
    # It is dated by the month, so that the same facts give the same bytes
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


class _LogCollector(logging.Handler):
    """Collects WeasyPrint's warnings and errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self.unwritten = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line unless it is harmless."""
        text = record.getMessage()
        if text.startswith(_MISSING_GLYPH):
            self.unwritten = self.unwritten or text.removeprefix(_MISSING_GLYPH).strip(" :")
        if record.levelno >= logging.ERROR or not _HARMLESS_WARNING.search(text):
            self.messages.append(text)

import builtins
import logging
import re
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest

from report.charts import segments
from report.errors import MachineError, RenderError
from report.pages.document import Document
from report.rendering.pandoc import PageOptions, convert_to_html_page
from report.rendering.pdf import PrintedDocument, check_weasyprint
from report.storage import paths
from report.style import fonts
from report.text import sentences
from tests.support.facts.factory import month
from tests.support.pages.documents import document, first_line
from tests.support.pages.pdf_conditions import CONDITIONS, File
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>T</title></head><body>'
RED = (
    "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIxMCIgaGVpZ2h0PSIxMCIvPg=="
)
ID = b"0" * 32
# WeasyPrint leaves the colour profile of PDF/A open
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*sRGB2014:pytest.PytestUnraisableExceptionWarning")


def printed(folder: Path, body: str, **changes: Any) -> Path:
    """Print a small page."""
    page, out = folder / "page.html", folder / "page.pdf"
    page.write_text(HEAD + body, encoding="utf-8")
    facts = changes.pop("facts", None)
    PrintedDocument(page, **{"paper": "A4", "identifier": ID} | changes).write_pdf(out, facts=facts)
    return out


def tags(pdf: pikepdf.Pdf) -> list[Any]:
    """Give every element of the structure tree."""
    found, waiting = [], [pdf.Root.StructTreeRoot]
    while waiting:
        kids = waiting.pop().get("/K", [])
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
                found.append(kid)
                waiting.append(kid)
    return found


@pytest.fixture(scope="module")
def month_s_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a page with charts, tables, lists and headings of a month."""
    where = document(tmp_path_factory.mktemp("page"), "").parent
    page = Document(month(4), "print", paths.TEMPLATES, figures=where / "figures")
    parts = [
        page.render_template("parts/masthead.md"),
        f"# {page.say(sentences.write_headline)}",
        page.show(segments.plot_sizes),
    ]
    parts += [page.show(segments.plot_differences), page.render_profile("S1"), page.render_profile("S2")]
    text = "\n\n".join(str(part) for part in parts)
    return convert_to_html_page(
        text, PageOptions("A month", "../templates/page.html", ("../templates/print.css",)), where / "month.html"
    )


@pytest.fixture(scope="module")
def pdf(month_s_page: Path) -> pikepdf.Pdf:
    """Print it on A4."""
    out = month_s_page.with_suffix(".pdf")
    assert PrintedDocument(month_s_page, paper="A4", identifier=ID).write_pdf(out) >= 3
    return pikepdf.open(out)


def test_a_screen_reader_finds_its_way(pdf: pikepdf.Pdf) -> None:
    """Tagged, with a title that windows show and a language."""
    assert bool(pdf.Root.MarkInfo.Marked)
    assert str(pdf.Root.Lang) == "en"
    assert str(pdf.docinfo["/Title"]) == "A month"
    assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)
    kinds = {str(tag.S) for tag in tags(pdf)}
    assert {"/H1", "/H2", "/P", "/Figure"} <= kinds


def test_every_figure_says_what_it_shows(pdf: pikepdf.Pdf) -> None:
    figures = [tag for tag in tags(pdf) if tag.S == "/Figure"]

    assert len(figures) == 4
    assert all(20 <= len(str(figure.Alt)) <= 250 for figure in figures)
    assert str(figures[0].Alt) != str(figures[1].Alt)


def test_every_segment_begins_a_page_and_has_a_bookmark(pdf: pikepdf.Pdf) -> None:
    with pdf.open_outline() as outline:
        titles = [item.title for item in outline.root]

    assert titles[-2:] == [segment.name for segment in month(4).segments[:2]]


def test_every_page_says_where_it_comes_from_and_which_it_is(pdf: pikepdf.Pdf) -> None:
    reader = pypdfium2.PdfDocument(str(pdf.filename))
    texts = [page.get_textpage().get_text_bounded() for page in reader]

    for number, text in enumerate(texts, 1):
        assert f"Page {number} of {len(texts)}" in text
        assert "ynthetic sample data" in text
    assert "Cadence" in texts[1]


@pytest.mark.parametrize(("paper", "size"), [("A4", (595.3, 841.9)), ("Letter", (612, 792))])
def test_the_sheet_is_the_one_that_was_asked_for(tmp_path: Path, paper: str, size: tuple[float, float]) -> None:
    """In points, 72 to the inch."""
    with pikepdf.open(printed(tmp_path, "<h1>Title</h1>", paper=paper)) as made:
        box = made.pages[0].mediabox

    assert [float(side) for side in box[2:]] == [pytest.approx(side, abs=0.5) for side in size]


def test_one_page_always_gives_the_same_bytes(tmp_path: Path) -> None:
    """So that a PDF that differs is a month that differs."""
    first = printed(tmp_path, f'<h1>Title</h1><img alt="A dot of red" src="{RED}">').read_bytes()

    assert printed(tmp_path, f'<h1>Title</h1><img alt="A dot of red" src="{RED}">').read_bytes() == first
    assert printed(tmp_path, "<h1>Title</h1>", identifier=b"1" * 32).read_bytes() != first


def test_without_harfbuzz_s_subsetter_the_page_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has Pango alone prints, too: fontTools cuts the fonts, and dates them by no clock."""
    body = "<h1>A title, 32 %</h1><p><em>Older</em> listeners</p>"
    usual = pypdfium2.PdfDocument(printed(tmp_path, body))[0]
    text, picture = usual.get_textpage().get_text_range(), usual.render().to_numpy().astype(int)

    monkeypatch.setattr("weasyprint.pdf.fonts.harfbuzz_subset", None)
    printouts = []
    for now in (1_000_000_000, 2_000_000_000):
        monkeypatch.setattr("fontTools.misc.timeTools.time.time", lambda now=now: now)
        printouts.append(printed(tmp_path, body).read_bytes())
    page = pypdfium2.PdfDocument(printouts[0])[0]

    assert printouts[0] == printouts[1]
    assert page.get_textpage().get_text_range() == text
    assert np.abs(page.render().to_numpy() - picture).max() < 8  # of 255: hints of the letters, kept or not


@pytest.mark.parametrize(
    "body",
    [
        f'<img src="{RED}">',
        '<img alt="a" src="data:image/svg+xml,<svg">',
        '<img alt="a" src="data:image/png;base64,AAAA">',
        '<img alt="a" src="nowhere.svg">',
    ],
)
def test_what_weasyprint_only_logs_ends_the_run(tmp_path: Path, body: str) -> None:
    """A figure without words or without a picture would otherwise go out to executives."""
    with pytest.raises(RenderError, match=r"^page\.pdf: printing went wrong: "):
        printed(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        '<img alt="a" src="http://192.0.2.1/a.png">',
        '<link rel="stylesheet" href="https://example.invalid/a.css">',
        '<style>@import "https://example.invalid/a.css";</style>',
        "<style>p { background: url(https://example.invalid/a.png) }</style><p>x",
        '<object data="ftp://example.invalid/a.svg"></object>',
    ],
)
def test_no_page_reaches_a_network(tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked for, and that a page wanted it ends the run."""
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: asked.append(args) or [])
    monkeypatch.setattr(socket.socket, "connect", lambda *args: asked.append(args))

    with pytest.raises(RenderError, match="the page asks for something that it doesn't carry"):
        printed(tmp_path, body)
    assert asked == []


def test_what_is_known_to_be_harmless_passes(tmp_path: Path) -> None:
    """A property for screens alone."""
    assert printed(tmp_path, "<style>p { text-wrap-style: pretty-x; unheard: of }</style><p>x").exists()


def test_letters_that_no_font_has_are_told_and_do_not_end_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A genre may be called by an emoji; whoever reads the page sees a box, and whoever runs the report is told."""
    assert printed(tmp_path, "<p>\U0001f3a7 \u0645\u0633 \ue000").exists()

    assert "shows boxes where a text has a letter that its fonts lack" in caplog.text
    assert caplog.text.count("boxes") == 1


def test_nothing_stays_with_the_logger(tmp_path: Path) -> None:
    """A second page isn't judged by what was said of the first."""
    logger = logging.getLogger("weasyprint")
    before = (list(logger.handlers), logger.propagate)
    with pytest.raises(RenderError):
        printed(tmp_path, f'<img src="{RED}">')

    assert (list(logger.handlers), logger.propagate) == before
    assert printed(tmp_path, "<p>x").exists()


def test_a_missing_library_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What WeasyPrint says by itself is a page of C."""
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("weasyprint"):
            raise OSError(
                "cannot load library 'libpango-1.0-0': no such file\nAdditionally, ctypes.util didn't find it"
            )
        return real(name, *args, **more)

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(MachineError) as error:
        check_weasyprint()
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in str(error.value)
    assert "brew install pango" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_fonts_are_those_of_the_charts() -> None:
    """They come as packages, so that a page looks the same on every machine."""
    rules = fonts.build_local_font_css()

    found = re.findall(
        r"family: '([^']+)'; font-weight: (\S+); font-style: (\S+); src: url\('file://[^']*/([^/']+)'\)", rules
    )
    assert found == [
        (f"Source {kind} Pro", weight, style, f"Source{kind}Pro-{end}.ttf")
        for kind in ("Sans", "Serif")
        for end, weight, style in (
            ("Regular", "400", "normal"),
            ("Semibold", "600", "normal"),
            ("Bold", "700", "normal"),
            ("It", "400", "italic"),
        )
    ]
    assert rules.count("@font-face") == 8
    assert all(fonts.find_font_file(name).exists() for name in fonts.FONT_FILES.values())


def test_a_page_carries_the_letters_that_it_uses(tmp_path: Path) -> None:
    """Of both pages, for they share one set; letters that a font lacks are left to the reader's machine."""
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    pages[0].write_text(f"{HEAD}<p>Å</p>", encoding="utf-8")
    pages[1].write_text(f"{HEAD}<p>\U0001f3a7 \u0645</p><script>/* Ω </head> */</script>", encoding="utf-8")
    faces = fonts.build_font_css(fonts.collect_letters(*pages))
    for page in pages:
        fonts.embed_font_css(page, faces)
    texts = [page.read_text("utf-8") for page in pages]

    assert all(text.count("@font-face") == 3 for text in texts)
    assert all(text.index("@font-face") < text.index("</head>") for text in texts)
    assert all("url(data:font/woff2;base64," in text and "http" not in text for text in texts)
    assert max(len(text) for text in texts) < 120_000


@pytest.fixture(scope="module")
def sheets(rendered: Rendered) -> PrintedDocument:  # noqa: F811
    """Lay out the sample's executives' document."""
    return PrintedDocument(rendered.executive("sample"), paper="A4", identifier=ID)


def failed_conditions(pdf: Path) -> set[str]:
    """Give the conditions of an accessible PDF that a file fails."""
    with pikepdf.open(pdf) as opened:
        file = File(opened)
        return {one.number for one in CONDITIONS if list(one.finds(file))}


@pytest.fixture(scope="module")
def failed_by_whole(rendered: Rendered) -> set[str]:  # noqa: F811
    """Give the conditions that the executives' PDF fails."""
    return failed_conditions(rendered.pdf("sample"))


@pytest.mark.parametrize("place", range(4))
def test_each_segment_s_page_is_its_own(
    sheets: PrintedDocument,
    rendered: Rendered,  # noqa: F811
    failed_by_whole: set[str],
    tmp_path: Path,
    place: int,
) -> None:
    """One page of eight, whose first line is the segment's name, with its tags alone."""
    segment, out = rendered.month("sample").segments[place], tmp_path / "a.pdf"
    pages = sheets.write_section(segment.id.lower(), segment.name, out, title="Ärzte, October")

    assert pages == 1
    assert out.stat().st_size < 65_000
    assert first_line(out) == segment.name
    with pikepdf.open(out) as part:
        assert str(part.docinfo["/Title"]) == "Ärzte, October"
        assert "/AF" not in part.Root
        with part.open_outline() as outline:
            assert [item.title for item in outline.root] == [segment.name]
    assert failed_conditions(out) <= failed_by_whole


def test_a_segment_s_page_has_the_same_bytes_each_time(
    sheets: PrintedDocument,
    rendered: Rendered,  # noqa: F811
    tmp_path: Path,
) -> None:
    segment, outs = rendered.month("sample").segments[0], [tmp_path / "a.pdf", tmp_path / "b.pdf"]
    for out in outs:
        sheets.write_section(segment.id.lower(), segment.name, out, title="Ärzte, October")

    assert outs[0].read_bytes() == outs[1].read_bytes()


SECTIONS = '<section id="s1"><h1>Ann</h1><p>One.</p></section><section id="s2"><h1>Bob</h1><p>Two.</p></section>'


@pytest.mark.parametrize(
    ("style", "anchor", "heading", "found"),
    [
        ("section { break-before: page }", "s2", "Bob", None),
        ("", "s2", "Bob", "Ann"),  # Quarto without `section-divs`: the page before was mailed
        ("section { break-before: page }", "s1", "Bob", "Ann"),
        ("section { break-before: page }", "s9", "Bob", "nothing"),
    ],
)
def test_a_page_that_is_not_the_segment_s_is_never_written(
    tmp_path: Path, style: str, anchor: str, heading: str, found: str | None
) -> None:
    """A page is a segment's if the segment's name begins it; else the run ends and names both."""
    (tmp_path / "page.html").write_text(f"{HEAD}<style>{style}</style>{SECTIONS}", encoding="utf-8")
    sheets = PrintedDocument(tmp_path / "page.html", paper="A4", identifier=ID)
    out = tmp_path / "brief.pdf"
    if found is None:
        assert sheets.write_section(anchor, heading, out, title="T") == 1
        return

    with pytest.raises(RenderError, match=rf"brief\.pdf: .* heading 'Bob' and begins with '{found}'"):
        sheets.write_section(anchor, heading, out, title="T")
    assert not out.exists()


def test_a_segment_of_two_pages_has_both_in_its_brief(tmp_path: Path) -> None:
    """And ends where the next segment's heading begins a page."""
    style = "<style>section, p + p { break-before: page }</style>"
    two = SECTIONS.replace("<p>One.</p>", "<p>One.</p><p>More of one.</p>")
    (tmp_path / "page.html").write_text(f"{HEAD}{style}{two}", encoding="utf-8")
    sheets = PrintedDocument(tmp_path / "page.html", paper="A4", identifier=ID)

    written = [
        sheets.write_section(*one, tmp_path / f"{one[0]}.pdf", title="T") for one in (("s1", "Ann"), ("s2", "Bob"))
    ]

    assert written == [2, 1]
    assert first_line(tmp_path / "s1.pdf", 1) == "More of one."

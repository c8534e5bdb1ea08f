"""The executives' pages hold together, whatever the month is like: nothing cut, orphaned, widowed, lost or executed."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest

from report.rendering.pdf import PrintedDocument
from report.storage.paths import TEMPLATES
from report.text import changes, sentences
from tests.support.facts.factory import ARABIC, EMOJI, LONG, SCRIPT
from tests.support.pages.figures import around, figures
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

MONTHS = ("sample", "two", "ten", "long names", "script", "letters", "one of 99 %", "nothing found")
LAID_OUT = [
    *((name, "A4") for name in (*MONTHS, "ten offers")),
    *((name, "Letter") for name in ("sample", "two", "ten", "long names")),
]
SHEETS = [*((name, "A4") for name in MONTHS), ("two", "Letter")]
HEADINGS = ("h1", "h2", "h3", "h4")
POINTS = {"A4": (595, 842), "Letter": (612, 792)}

every_month = pytest.mark.parametrize("name", MONTHS)
every_layout = pytest.mark.parametrize(("name", "paper"), LAID_OUT)
every_sheet = pytest.mark.parametrize(("name", "paper"), SHEETS)


def texts(pdf: Path) -> list[str]:
    """Give the text of each page, with plain spaces."""
    document = pypdfium2.PdfDocument(pdf)
    found = [" ".join(page.get_textpage().get_text_bounded().replace("\ufffe", "-").split()) for page in document]
    document.close()
    return found


def plain(text: str) -> str:
    """Drop all but letters and digits: where a line breaks is not what is looked for."""
    return re.sub(r"\W+", "", text)


# What holds, as lists of what doesn't


def orphans(pages: list[dict[str, Any]]) -> list[str]:
    """List headings with nothing of their own below them on their page."""
    found = []
    for page in pages:
        last = [block for block in page["blocks"] if block["lines"] or block["picture"]][-1:]
        found += [block["text"] for block in last if block["tag"] in HEADINGS]
    return found


def widows(pages: list[dict[str, Any]], least: int = 2) -> list[str]:
    """List texts that a page break leaves with fewer lines than this on either side."""
    found = []
    for before, after in pairwise(pages):
        ends = {block["number"]: block for block in before["blocks"] if block["lines"]}
        for block in after["blocks"]:
            other = ends.get(block["number"])
            if block["lines"] and other and min(block["lines"], other["lines"]) < least:
                found.append(block["text"][:60])
    return found


def outside(pages: list[dict[str, Any]]) -> list[str]:
    """List pictures, texts and tables that stick out of the space between the margins."""
    found = []
    for number, page in enumerate(pages, start=1):
        left, top, width, height = page["content"]
        for block in page["blocks"]:
            x, y, wide, high = block["at"]
            if x < left - 1 or y < top - 1 or x + wide > left + width + 1 or y + high > top + height + 1:
                found.append(f"page {number}: {block['tag']} {block['text'][:60]}")
    return found


def headless(pages: list[dict[str, Any]]) -> list[str]:
    """List tables that go on on a page without their head."""
    found = []
    for number, (before, after) in enumerate(pairwise(pages), start=2):
        split = {block["number"] for block in before["blocks"] if block["tag"] == "table"}
        going_on = [b for b in after["blocks"] if b["tag"] == "table" and b["number"] in split]
        heads = [b for b in after["blocks"] if b["tag"] == "thead"]
        found += [f"page {number}" for _ in going_on if not heads]
    return found


def empty(pages: list[dict[str, Any]], least: float = 0.04) -> list[int]:
    """List pages on which next to nothing stands."""
    return [
        number
        for number, page in enumerate(pages, start=1)
        if max((b["at"][1] + b["at"][3] for b in page["blocks"]), default=0)
        < page["content"][1] + least * page["content"][3]
    ]


CHECKS = {check.__name__: check for check in (orphans, widows, outside, headless, empty)}


@every_layout
@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_cut_orphaned_or_widowed(rendered: Rendered, check: str, name: str, paper: str) -> None:  # noqa: F811
    """Read off the layout itself."""
    assert CHECKS[check](rendered.layout(name, paper, printed=(name, paper) in SHEETS)) == []


@pytest.mark.parametrize(
    ("check", "html"),
    [
        ("orphans", "<p>Text</p><h1>Heading</h1><div style='break-before:page'>Text</div>"),
        ("widows", "<style>p{widows:1;orphans:1;font-size:30px;line-height:2;margin:0}</style><p style='height:888px'></p><p>"
         + "word " * 60),
        ("outside", "<p>A</p><div style='width:1200px'>Far too wide</div>"),
        ("headless", "<style>thead{display:table-row-group}</style><table><thead><tr><th>Head</thead><tbody>" + "<tr><td>Row" * 90),
        ("empty", "<p>A</p><p style='break-before:page'></p><p style='break-before:page'>B</p>"),
    ],
)  # fmt: skip
def test_each_check_can_find(check: str, html: str) -> None:
    """A page made to fail it fails it."""
    from weasyprint import HTML

    from tests.support.pages.rendered import _boxes

    document = HTML(string=f"<html lang=en><title>T</title><body>{html}").render()

    assert CHECKS[check]([_boxes(page._page_box) for page in document.pages]) != []


@every_sheet
def test_sheets_are_of_the_size_asked_for(rendered: Rendered, name: str, paper: str) -> None:  # noqa: F811
    """And the file stays small enough to be sent: 600 KB at most."""
    path = rendered.pdf(name, paper)
    document = pypdfium2.PdfDocument(path)
    sizes = {tuple(round(side) for side in page.get_size()) for page in document}
    document.close()

    assert sizes == {POINTS[paper]}
    assert path.stat().st_size <= 600_000


@every_sheet
def test_pages_are_counted(rendered: Rendered, name: str, paper: str) -> None:  # noqa: F811
    """Each says which of how many it is, at least one a segment."""
    pages = texts(rendered.pdf(name, paper))

    assert len(pages) > len(rendered.month(name).segments)
    for number, page in enumerate(pages, start=1):
        assert f"page {number} of {len(pages)}" in page.lower()


@every_month
def test_bookmarks_lead_to_the_headings_they_name(rendered: Rendered, name: str) -> None:  # noqa: F811
    """One for every segment, in order; the page that each opens has its title on it."""
    pages = texts(rendered.pdf(name))
    document = pypdfium2.PdfDocument(rendered.pdf(name))
    marks = [(mark.get_title(), mark.get_dest().get_index()) for mark in document.get_toc()]
    document.close()
    found = [index for _, index in marks]

    assert found == sorted(found)
    titles = {plain(title) for title, _ in marks}
    assert {plain(segment.name) for segment in rendered.month(name).segments} <= titles
    for title, index in marks:
        if name != "letters":  # letters that no font has can't be read back
            assert plain(title) in plain(pages[index])


@every_sheet
def test_links_work(rendered: Rendered, name: str, paper: str) -> None:  # noqa: F811
    """Inside, each leads to a place that is there; outside, to a page or an address for mail."""
    with pikepdf.open(rendered.pdf(name, paper)) as pdf:
        names = pdf.Root.get("/Names", {}).get("/Dests", {}).get("/Names", [])
        places = {str(place) for place in list(names)[::2]}
        links = [link for page in pdf.pages for link in page.obj.get("/Annots", [])]
        for link in links:
            if "/A" in link:
                assert re.match(r"(https?|mailto):", str(link.A.URI))
            else:
                assert str(link.Dest) in places


@every_month
def test_nothing_is_executed(rendered: Rendered, name: str) -> None:  # noqa: F811
    """No script, no action but links, and no form, whatever a name or a genre is called."""
    with pikepdf.open(rendered.pdf(name)) as pdf:
        for thing in pdf.objects:
            if isinstance(thing, pikepdf.Dictionary):
                assert not {"/JS", "/JavaScript", "/OpenAction", "/AA", "/Launch"} & set(thing.keys())
                assert thing.get("/S") not in ("/JavaScript", "/Launch", "/SubmitForm", "/ImportData")
        assert "/AcroForm" not in pdf.Root


def test_ten_offers_as_long_as_they_may_be_stand_on_page_one(rendered: Rendered) -> None:  # noqa: F811
    """Where segments share none, each has a line of its own, and the page is full, but it is one."""
    pages = texts(rendered.pdf("ten offers"))

    assert "What to do" in pages[0]
    assert all(s.play.offer in pages[0] for s in rendered.month("ten offers").segments if s.play)


def test_markup_is_shown_as_it_is_written(rendered: Rendered) -> None:  # noqa: F811
    """A genre called <script>alert(1)</script> stands there with its brackets, in charts and in text."""
    shown = "".join("".join(texts(rendered.pdf("script"))).split())

    assert shown.count(SCRIPT) >= 6
    page = rendered.executive("script").read_text(encoding="utf-8")
    assert "<script" not in page.lower()


def test_long_names_are_whole_where_there_is_room(rendered: Rendered) -> None:  # noqa: F811
    """60 characters, in the heading of the segment's page at least."""
    assert len(LONG) >= 59
    assert any(plain(LONG) in plain(page) for page in texts(rendered.pdf("long names")))


def test_a_file_with_letters_that_no_font_has_claims_no_standard(rendered: Rendered) -> None:  # noqa: F811
    """PDF/UA-1 and PDF/A-3u both forbid the box that stands for a missing letter; all other files claim both."""
    for name, claims in (("sample", 2), ("script", 2), ("letters", None)):
        with pikepdf.open(rendered.pdf(name)) as pdf:
            said = pdf.Root.Metadata.read_bytes().decode()
            boxes = any(font_shows_nothing(pdf))
        made = said.count('pdfaid:part="3"') + said.count('pdfuaid:part="1"')
        assert made == (claims if claims is not None else 0 if boxes else 2)


def font_shows_nothing(pdf: pikepdf.Pdf) -> list[bool]:
    """Tell of each font whether it was asked for a letter that it lacks: then it has a map of its own."""
    return [
        isinstance(thing.get("/Encoding"), pikepdf.Stream)
        for thing in pdf.objects
        if isinstance(thing, pikepdf.Dictionary) and thing.get("/Subtype") == "/Type0"
    ]


def test_names_in_other_letters_stand_in_bookmarks(rendered: Rendered) -> None:  # noqa: F811
    """Right to left and emoji, whichever fonts the machine has."""
    document = pypdfium2.PdfDocument(rendered.pdf("letters"))
    titles = [mark.get_title() for mark in document.get_toc()]
    document.close()

    assert {ARABIC, EMOJI} <= set(titles)


@pytest.mark.parametrize("name", ["sample", "two"])
def test_a_month_takes_no_more_sheets_of_letter_than_of_a4(rendered: Rendered, name: str) -> None:  # noqa: F811
    """A profile with its play stays one page, and what changed another, though the sheet is 18 mm shorter."""
    assert len(rendered.layout(name, "Letter", printed=False)) == len(rendered.layout(name))


def words_beside_charts(pdf: Path) -> list[str]:
    """Give the words of page one: of its head, headline, sentences and table; not those in charts, nor the running foot."""
    document = pypdfium2.PdfDocument(pdf)
    page = document[0]
    # a letter may stand out of its chart by a hair
    boxes = [
        [left - 2, low, right + 2, high] for place, (left, low, right, high) in figures(pdf).values() if place == 0
    ]
    text = page.get_textpage()
    said = " ".join(text.get_text_bounded(*box) for box in around(boxes, *page.get_size()))
    document.close()
    body = re.sub(r"(Synthetic sample data: these users are made up\.\s*)?Page 1 of \d+", "", said)
    return [word for word in body.split() if re.search(r"\w", word)]


@every_month
def test_page_one_is_read_in_two_minutes(rendered: Rendered, name: str) -> None:  # noqa: F811
    """120 words at most beside three charts at most, and which segments, how sure, what changed and what to do.

    Counted is all that stands outside the charts but the running foot. Ten segments are named by what they are, and long
    names are long: there a name counts as one word, as it does for who reads it again.
    """
    month, pages = rendered.month(name), texts(rendered.pdf(name))
    first = sentences.rank_segments(month)[0]
    named = [first, *month.segments] if name in ("ten", "long names") else []
    more = sum(len(segment.name.split()) - 1 for segment in named)
    charts = [alt for alt, (place, _) in figures(rendered.pdf(name)).items() if place == 0]

    assert len(words_beside_charts(rendered.pdf(name))) - more <= 120
    assert 1 <= len(charts) <= 3
    assert "How sure?" in pages[0]
    assert "What changed?" in pages[0]
    assert plain(changes.summarise_outdated_names(month)) in plain(pages[0])
    assert ("What to do" in pages[0]) == month.structure.reliable
    offers = {segment.play.offer for segment in month.segments if segment.play}
    assert [offer for offer in offers if plain(offer) not in plain(pages[0])] == []
    assert plain(first.name) in plain(pages[1]) or name == "letters"


def test_words_are_counted(rendered: Rendered, tmp_path: Path) -> None:  # noqa: F811
    """Nine of them here; and a chart's own words are none."""
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><html lang='en'><title>T</title><body><h1>Four kinds of listeners</h1><p>30 % of 4,907 users.</p>",
        encoding="utf-8",
    )
    PrintedDocument(page, paper="A4", identifier=b"0" * 32).write_pdf(tmp_path / "page.pdf")

    assert len(words_beside_charts(tmp_path / "page.pdf")) == 8  # "%" is none
    assert "Income" not in words_beside_charts(rendered.pdf("sample"))


@pytest.mark.parametrize("name", ["sample", "ten, later"])
def test_the_page_for_screens_stays_small(rendered: Rendered, name: str) -> None:  # noqa: F811
    """1.6 MB at most, with ten segments and a last month too: of which 0.9 are what makes charts answer to a pointer."""
    page = rendered.screen(name) if name != "sample" else rendered.pages(name) / "report.html"

    assert page.stat().st_size <= 1_600_000
    assert "fig-flow" in page.read_text("utf-8")


def test_the_file_is_called_by_its_month_and_brand(rendered: Rendered) -> None:  # noqa: F811
    """In a window and in an archive; Quarto and the embedded engine add both to the document's own title."""
    with pikepdf.open(rendered.pdf("sample")) as pdf, pdf.open_metadata() as metadata:
        assert str(pdf.docinfo["/Title"]) == "Listener segments · October 2026 · Cadence"
        assert metadata["dc:title"] == "Listener segments · October 2026 · Cadence"


@pytest.mark.parametrize(("count", "above"), [(120, 0), (60, 0), (60, 170), (20, 170)])
def test_a_caption_is_never_alone(tmp_path: Path, count: int, above: int) -> None:
    """Rows stand below it on its own page: of a table longer than a page too, and of a short one that moves on whole."""
    rows = "".join(f"<tr><th scope='row'>Row {n}</th><td>{n}</td></tr>" for n in range(count))
    css = (TEMPLATES / "print.css").read_text(encoding="utf-8")
    (tmp_path / "a.html").write_text(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>T</title><style>{css}</style><body>"
        f"<p style='height:{above}mm'>Before</p><table><caption>A caption</caption>"
        f"<thead><tr><th scope='col'>Heading</th><th scope='col'>Value</th></tr></thead><tbody>{rows}</tbody></table>",
        encoding="utf-8",
    )
    PrintedDocument(tmp_path / "a.html", paper="A4", identifier=b"0" * 32).write_pdf(tmp_path / "a.pdf")
    (page,) = (text for text in texts(tmp_path / "a.pdf") if "A caption" in text)

    assert "Row 0" in page
    assert "Row 2" in page
    assert ("Row 19" in page) or count > 20


def test_a_table_longer_than_a_page_repeats_its_head(tmp_path: Path) -> None:
    """With the executives' own style sheet."""
    rows = "".join(f"<tr><th scope='row'>Row {n}</th><td>{n}</td></tr>" for n in range(120))
    page = tmp_path / "long.html"
    css = (TEMPLATES / "print.css").read_text(encoding="utf-8")
    page.write_text(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>T</title><style>{css}</style><body><table><caption>Long</caption>"
        f"<thead><tr><th scope='col'>Heading</th><th scope='col'>Value</th></tr></thead><tbody>{rows}</tbody></table>",
        encoding="utf-8",
    )
    count = PrintedDocument(page, paper="A4", identifier=b"0" * 32).write_pdf(tmp_path / "long.pdf")

    pages = [text for text in texts(tmp_path / "long.pdf") if "Row" in text]

    assert count - 1 <= len(pages) >= 3
    assert all("Heading Value" in text for text in pages)


def test_the_same_month_gives_the_same_bytes(rendered: Rendered, tmp_path: Path) -> None:  # noqa: F811
    """Attachment, dates and identifier included."""
    page, facts = rendered.executive("two"), rendered.facts("two")
    PrintedDocument(page, paper="A4", identifier=b"0" * 32).write_pdf(tmp_path / "again.pdf", facts=facts)

    assert (tmp_path / "again.pdf").read_bytes() == rendered.pdf("two").read_bytes()


def test_the_facts_are_attached(rendered: Rendered) -> None:  # noqa: F811
    """Byte for byte, as data that the pages were made from, dated by their month."""
    with pikepdf.open(rendered.pdf("sample")) as pdf:
        attached = pdf.attachments["facts.json"]
        spec = attached.obj
        related = list(pdf.Root.AF)

        assert attached.get_file().read_bytes() == rendered.facts("sample").read_bytes()
        assert attached.get_file().mime_type == "application/json"
        assert spec.AFRelationship == "/Data"
        assert [one.objgen for one in related] == [spec.objgen]
        assert str(spec.EF.F.Params.ModDate) == "D:20261001000000Z"

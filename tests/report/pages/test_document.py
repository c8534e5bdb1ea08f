import base64
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pypandoc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from report.charts import indices, segments
from report.charts.svg import minify_svg
from report.errors import ReportError
from report.pages import tables
from report.pages.document import (
    Document,
    Markdown,
    _escape_script_json,
    _fence_raw_html,
    escape_markdown,
    open_document,
)
from report.pages.tables import ReportTable
from report.rendering.pandoc import PageOptions, convert_to_html_page
from report.storage import paths
from report.style import theme
from report.text import sentences
from segmentation.facts import Facts
from tests.support.facts.factory import ARABIC, EMOJI, FENCE, MARKUP, SCRIPT, awkward, month
from tests.support.pages.documents import Reader, document, fetched

LOOK = PageOptions("T", "../templates/page.html", ("../templates/screen.css",))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
AWKWARD_TEXTS = [
    MARKUP,
    FENCE,
    SCRIPT,
    ARABIC,
    EMOJI,
    "1. a",
    "- a",
    "# a",
    "(@a) b",
    "A) b",
    "a\\",
    "...--'\"",
    "Term\n: definition",
    "{{< meta x >}}",
    "`{python} 1 + 1`",
    "a\u2028b\x85c\x0cd",
    "<!-- a -->",
    "[^1]: note",
    "|a|b|\n|-|-|",
    "\ufeffa",
    ":::",
    "---",
    "$x$ \\(y\\)",
    "~~~\ncode",
    "    indented",
]


def normal(text: str) -> str:
    """Give what of a text a page shows: white space is one space, and control characters aren't there."""
    shown = re.sub(r"[\x00-\x08\x0e-\x1b\x7f]", "", text)
    return re.sub(r"[^\S\u00a0\u202f]+", " ", shown).strip(" ").replace("\ufeff", "")


def inlines(blocks: list[dict[str, Any]]) -> list[str]:
    """Give the text of each paragraph; anything in it but words and spaces stands out by its name."""
    parts = {"Space": " ", "SoftBreak": "<SoftBreak>"}
    return [
        "".join(i["c"] if i["t"] == "Str" else parts.get(i["t"], f"<{i['t']}>") for i in block["c"])
        if block["t"] == "Para"
        else f"<{block['t']}>"
        for block in blocks
    ]


@given(st.lists(TEXTS, min_size=1, max_size=12))
@settings(max_examples=12)
@example(AWKWARD_TEXTS)
def test_escaped_text_is_nothing_but_text(texts: list[str]) -> None:
    """Whatever stands in a category or a name: Pandoc reads words, and the same ones."""
    wanted = [normal(text) for text in texts]
    markdown = "\n\n".join(f"{escape_markdown(text)} end" for text in texts)
    read = json.loads(pypandoc.convert_text(markdown, "json", format="markdown"))

    assert [line.replace("\ufeff", "") for line in inlines(read["blocks"])] == [
        f"{text} end".lstrip() for text in wanted
    ]


@given(st.lists(TEXTS, min_size=1, max_size=12))
@settings(max_examples=8)
@example(AWKWARD_TEXTS)
def test_escaped_text_is_text_in_an_attribute_too(texts: list[str]) -> None:
    """Alternative texts stand between quotes."""
    markdown = "\n\n".join(f'![a](b.svg){{fig-alt="{escape_markdown(text)}"}}' for text in texts)
    read = json.loads(pypandoc.convert_text(markdown, "json", format="markdown-implicit_figures"))
    alts = [dict(block["c"][0]["c"][0][2])["fig-alt"] for block in read["blocks"]]

    assert [alt.replace("\ufeff", "") for alt in alts] == [normal(text) for text in texts]


def test_a_number_stays_with_its_unit() -> None:
    """The two no-break spaces are no white space to be tidied away."""
    assert escape_markdown("32\u00a0% of\n 4\u202f907") == "32\u00a0\\% of 4\u202f907"


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
def test_a_raw_block_ends_where_it_should(text: str) -> None:
    """Not at a fence in a category: what follows would be read as Markdown."""
    table = ReportTable("c", ("a", "b"), ((text, text),))
    read = json.loads(pypandoc.convert_text(_fence_raw_html(table.to_html()), "json", format="markdown"))

    assert [block["t"] for block in read["blocks"]] == ["RawBlock"]
    cells = [" ".join(cell.split()) for cell in Reader(read["blocks"][0]["c"][1]).texts]
    assert cells[2:] == [" ".join(text.split())] * 2


@pytest.mark.parametrize("text", ["```", "a\n````\nb", "`" * 9, "</script>", "none"])
def test_a_raw_block_holds_any_markup(text: str) -> None:
    read = json.loads(pypandoc.convert_text(_fence_raw_html(text), "json", format="markdown"))

    assert [(block["t"], block["c"]) for block in read["blocks"]] == [("RawBlock", ["html", text])]


@given(TEXTS)
@example("</script><script>alert(1)</script>")
@example("<!--<script>")
@example("]]>")
def test_data_cannot_end_its_script(text: str) -> None:
    """And is the same data when it is read again."""
    read = Reader(
        f'<script type="application/json">{_escape_script_json(json.dumps({"a": text}))}</script><p>after</p>'
    )

    assert json.loads(read.scripts[0][1]) == {"a": text}
    assert len(read.scripts) == 1
    assert read.text == "after"


@cache
def page_of(what: str, medium: str, folder: Path) -> str:
    """Make a page of much of what documents show."""
    facts = awkward(what)
    where = document(folder, "").parent
    made = Document(facts, medium, paths.TEMPLATES, figures=where / "figures")
    one = facts.segments[0]
    parts: list[Any] = [
        made.render_template("parts/masthead.md"),
        f"# {made.say(sentences.write_headline)}",
        made.say(sentences.describe_common_values),
        made.show(segments.plot_sizes),
        made.show(indices.plot_indices, one),
        made.show(tables.tabulate_segments),
        made.show(tables.tabulate_audit),
        made.render_profile(one.id),
        made.embed_downloads(),
    ]
    text = "\n\n".join(str(part) for part in parts).replace(f"({where}/", "(")
    return convert_to_html_page(
        text, PageOptions(one.name, LOOK.template, LOOK.css), where / f"{medium}.html"
    ).read_text("utf-8")


@pytest.mark.parametrize("what", ["script", "markup", "letters"])
@pytest.mark.parametrize("medium", ["screen", "print", "page"])
def test_nothing_in_a_page_is_executed_or_fetched(tmp_path: Path, what: str, medium: str) -> None:
    """A genre called <script>alert(1)</script>, or a link, or an image, is a word on the page."""
    page = page_of(what, medium, tmp_path)
    read = Reader(page)

    assert fetched(page) == []
    assert {attributes.get("type") for attributes, _ in read.scripts} <= {"application/json"}
    assert all(json.loads(data) for _, data in read.scripts)
    handlers = [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert handlers == []
    assert not [a for a in read.all("a") if a.get("href", "").startswith("javascript:")]
    assert {image["src"][:18] for image in read.all("img")} == {"data:image/svg+xml"}
    name = " ".join(awkward(what).segments[0].name.split())
    assert name in read.text
    assert f"<title>{name.replace('&', '&amp;').replace('<', '&lt;')[:8]}" in page


@pytest.mark.parametrize("what", ["script", "markup", "letters"])
def test_every_picture_says_its_finding_to_who_does_not_see_it(tmp_path: Path, what: str) -> None:
    images = list(Reader(page_of(what, "print", tmp_path)).all("img"))
    assert len(images) > 2
    for image in images:
        assert 20 <= len(image["alt"]) <= 250


def test_made_up_users_are_called_so_on_every_page(tmp_path: Path) -> None:
    assert "Synthetic sample data" in Reader(page_of("letters", "print", tmp_path)).text


def made(medium: Any, folder: Path, facts: Facts | None = None) -> Document:
    """Open a month for a medium."""
    return Document(facts or month(4), medium, paths.TEMPLATES, figures=folder / "figures")


def test_a_chart_on_the_screen_brings_its_specification_and_its_numbers(tmp_path: Path) -> None:
    """The one for JavaScript, the other for who would rather read a table."""
    text = made("screen", tmp_path).show(segments.plot_sizes).text

    assert "{#fig-sizes fig-alt=" in text
    spec = json.loads(re.search(r'class="chart" data-figure="fig-sizes">(.*?)</script>', text)[1])
    assert "config" not in spec
    assert spec["title"]["text"] == sentences.describe_size_range(month(4))
    assert "<details" in text
    assert "<summary>" in text


def test_a_chart_on_paper_is_a_picture(tmp_path: Path) -> None:
    text = made("print", tmp_path).show(segments.plot_sizes).text

    name = re.fullmatch(r'!\[\]\(figures/(sizes-[0-9a-f]{12}\.svg)\)\{fig-alt=".+"\}', text)[1]
    assert (tmp_path / "figures" / name).read_text("utf-8").startswith("<svg")


def test_a_chart_in_a_notebook_stands_by_itself(tmp_path: Path) -> None:
    """Jupyter knows no attributes of Pandoc's, and no file beside the notebook."""
    text = made("notebook", tmp_path).show(segments.plot_sizes).text

    (image,) = Reader(text).all("img")
    assert image["src"].startswith("data:image/svg+xml;base64,")
    assert image["alt"].startswith(sentences.describe_largest_segment(month(4)))
    assert "{#" not in text
    assert not (tmp_path / "figures").exists()


def test_a_chart_on_a_page_of_its_own_has_a_twin_for_telephones(tmp_path: Path) -> None:
    """Both inside the page, each with room at its sides for letters of a wider font; below them the caption."""
    text = made("page", tmp_path).show(segments.plot_sizes).text
    page = Reader(text)
    (wide,), (narrow,) = page.all("img"), page.all("source")
    drawings = [
        base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode()
        for address in (wide["src"], narrow["srcset"])
    ]
    boxes = [re.search(r'viewBox="(-14) 0 ([\d.]+) [\d.]+"', drawing) for drawing in drawings]

    assert wide["alt"].startswith(sentences.describe_largest_segment(month(4)))
    assert float(boxes[0][2]) > 600
    assert float(boxes[1][2]) < 360
    assert "<figcaption>Users in each segment" in text


def test_numbers_stand_below_each_other_and_their_head_above_them() -> None:
    """A column of texts begins at its left; one of numbers ends at its right, those that can't be shown included."""
    table = ReportTable("C.", ("A", "B", "C", "D"), (("x", "one", "−3", ""), ("y", "two", "not shown", "▲1.1")))
    heads, cells = (re.findall(rf"<{kind}[^>]*>", table.to_html()) for kind in ('th scope="col"', "td"))

    assert heads == ['<th scope="col">', '<th scope="col">', '<th scope="col" class="n">', '<th scope="col" class="n">']
    assert cells == ["<td>", '<td class="n">', '<td class="n">'] * 2


def test_segments_with_one_offer_stand_in_one_row() -> None:
    """Largest first, each with its own colour; on a dark screen too."""
    facts = month(4)
    plays = [replace(s.play, offer=offer) for s, offer in zip(facts.segments, "ABAC", strict=True)]
    facts = replace(facts, segments=tuple(replace(s, play=play) for s, play in zip(facts.segments, plays, strict=True)))
    table = tables.tabulate_plays(facts)
    first, _, third, _ = (segment.name for segment in facts.segments)

    assert [row[1] for row in table.rows] == ["A", "B", "C"]
    assert table.rows[0][0] == f"{first} and {third}"
    assert table.to_html().count('class="dot"') == 4
    assert (
        f"--dot:{theme.get_segment_colour('S1')};--dark:{theme.DARK_COLOURS[theme.get_segment_colour('S1')]}"
        in table.to_html()
    )


def test_what_all_in_a_group_have_in_common_is_said_once() -> None:
    """As an SVG inherits it; what one has otherwise stays with each."""
    text = '<text fill="#111111" font-size="11px" transform="translate({0},0)">{0}</text>'
    other = '<text fill="#222222" font-size="11px">x</text>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><g>{"".join(map(text.format, range(3)))}</g><g>{text.format(8) * 2}{other}</g></svg>'

    first, second = re.findall("<g[^>]*>.*?</g>", minify_svg(svg))
    assert first.startswith('<g fill="#111111" font-size="11px"><text transform="translate(0,0)">0</text>')
    assert second.startswith('<g font-size="11px"><text fill="#111111" transform="translate(8,0)">')


def test_a_drawing_is_the_same_whatever_was_drawn_before() -> None:
    """Vega counts what it cuts off through all drawings of a process: the n-th has clip n where the first has clip 1."""
    one, other = (
        minify_svg(
            f'<svg xmlns="http://www.w3.org/2000/svg"><clipPath id="clip{n}"><path d="M0,0"/></clipPath>'
            f'<g clip-path="url(#clip{n})"><text fill="#111111">clip{n}</text></g></svg>'
        )
        for n in (1, 7)
    )

    assert one.replace(">clip1<", ">clip7<") == other
    assert re.findall(r'id="([^"]+)"', one) == re.findall(r"url\(#([^)]+)\)", one) != []


@pytest.mark.parametrize("medium", ["print", "notebook"])
def test_a_table_without_a_number_has_its_caption(tmp_path: Path, medium: str) -> None:
    assert "<caption>" in made(medium, tmp_path).show(tables.tabulate_audit).text


def test_a_numbered_table_can_be_referred_to(tmp_path: Path) -> None:
    assert made("screen", tmp_path).show(tables.tabulate_audit).text.startswith("::: {#tbl-audit}")


def test_a_picture_is_drawn_once_for_paper(tmp_path: Path) -> None:
    """The profiles show what the executives' pages drew."""
    one = made("print", tmp_path)
    first = one.show(segments.plot_sizes)
    (drawn,) = (tmp_path / "figures").glob("*.svg")
    drawn.write_text("<svg/>", encoding="utf-8")

    assert made("print", tmp_path).show(segments.plot_sizes) == first
    assert drawn.read_text("utf-8") == "<svg/>"


def test_the_numbers_on_the_page_are_the_facts_whole(tmp_path: Path) -> None:
    """What can be saved from the page is what lies beside it."""
    facts = awkward("script")
    data = re.search(r'id="facts">(.*?)</script>', made("screen", tmp_path, facts).embed_downloads().text)[1]

    assert json.loads(data) == json.loads(paths.dump_facts_json(facts))


def test_markdown_passes_a_template_untouched_and_text_does_not(tmp_path: Path) -> None:
    page = made("print", tmp_path)
    template = page._jinja.from_string("{{ text }} {{ markdown }} {{ number }} {{ '#x' | raw }}")

    assert template.render(text="*a*", markdown=Markdown("*b*"), number=3) == "\\*a\\* *b* 3 #x"


def test_a_misspelt_field_in_a_template_is_an_error(tmp_path: Path) -> None:
    """A hole in the page would go unseen."""
    with pytest.raises(Exception, match="usres"):
        made("print", tmp_path)._jinja.from_string("{{ facts.usres }}").render(facts=month(4))


def test_an_empty_name_of_facts_is_the_newest_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "facts.json"
    path.write_text(paths.dump_facts_json(month(4)), encoding="utf-8")
    asked = []
    monkeypatch.setattr(paths, "find_newest_facts", lambda output: asked.append(output) or path)

    assert open_document("", "print").facts.month == "2026-10"
    with pytest.raises(ReportError, match="can't be read"):
        open_document(tmp_path / "none.json", "print")
    assert asked == [paths.ROOT / "_output"]  # as settings.toml says


def test_the_audit_says_how_many_spellings_were_joined() -> None:
    """In words, beside the rows; and nothing where every value had one."""
    facts = awkward("four")
    joined = replace(facts, audit=replace(facts.audit, joined={"top_genre": 2, "gender": 1}))

    assert tables.tabulate_audit(joined).rows[1:3] == (
        ("Spellings that look the same, read as one", "top genre", "2 spellings"),
        ("Spellings that look the same, read as one", "gender", "1 spelling"),
    )
    assert not [row for row in tables.tabulate_audit(facts).rows if "pelling" in row[0]]

"""The HTML pages as a person meets them: in a browser, from the disk, with the network closed; nothing to find for axe-core.

Chromium comes with the system, axe-core with `make setup-test` (npm); where one is missing its tests skip and say so.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from report.style import theme
from segmentation.facts import facts_from_dict, facts_to_dict
from tests.support import ROOT
from tests.support.facts.factory import SCRIPT
from tests.support.pages.browser import Open
from tests.support.pages.rendered import Rendered

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*:pytest.PytestUnraisableExceptionWarning")
AXE = ROOT / "tests" / "node" / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def pages(rendered: Rendered) -> Path:
    """Give the sample's pages."""
    return rendered.pages("sample")


def sideways(page: Any) -> int:
    """Give by how many pixels the whole page can be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("what", ["sample", "everything"])
def test_every_chart_is_live(opened: Open, what: str) -> None:
    """Drawn anew in place of its picture, in its full width, and named for who doesn't see it."""
    page = opened(what)
    figures = page.locator("[data-live=yes]")

    assert figures.count() >= 10
    assert sideways(page) == 0
    assert page.locator(".live svg").count() == figures.count()
    assert page.locator("[data-live=yes] img:visible").count() == 0
    for place in page.locator(".live").all():
        assert place.get_attribute("role") == "img"
        assert 20 <= len(place.get_attribute("aria-label")) <= 250
        assert place.bounding_box()["width"] > 300


def pointed_at(page: Any) -> Any:
    """Rest the pointer on a bar, and give what appears; it goes with the pointer."""
    bar = page.locator("#fig-sizes .live svg .mark-rect path").first
    bar.scroll_into_view_if_needed()
    bar.hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for(timeout=10_000)
    return tip


def test_a_number_appears_where_the_pointer_rests(opened: Open) -> None:
    """As it is written on the page, with the segment's name; what names it can be read, too: 5.8 to 1 on white."""
    page = opened()
    tip = pointed_at(page)

    first = json.loads(page.locator("#facts").text_content())["segments"][0]
    assert first["name"] in tip.text_content()
    assert f"{first['users']:,}" in tip.text_content()
    assert tip.locator("td.key").first.evaluate("e => getComputedStyle(e).color") == "rgb(91, 102, 114)"


def test_a_genre_that_is_a_script_is_a_word(opened: Open) -> None:
    """Also in a tooltip; the console stays empty and no dialog opens, or the fixture says so."""
    page = opened("everything")
    tip = pointed_at(page)

    assert SCRIPT in tip.text_content()
    assert tip.locator("script").count() == 0
    assert SCRIPT in page.locator("main").inner_text()


OVERFLOWING = (
    "[...document.querySelectorAll('[data-live] figure, [data-live] figure > div, .live, .live *')]"
    ".filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible').map(e => e.className)"
)
TYPE = """[...document.querySelectorAll('.live svg text')].filter(e => e.textContent).map(e => {
    const drawing = e.ownerSVGElement;
    const size = parseFloat(getComputedStyle(e).fontSize);
    return size * drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
})"""


@pytest.mark.parametrize("what", ["sample", "everything"])
@pytest.mark.parametrize("width", [360, 768])
def test_charts_are_read_without_scrolling_sideways(opened: Open, what: str, width: int) -> None:
    """On a telephone they are drawn anew for its width: none is wider than its place, and type is no smaller than 10 pixels."""
    page = opened(what, width=width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    assert sideways(page) == 0  # what has to be wide scrolls in its own frame
    assert page.evaluate(OVERFLOWING) == []
    assert min(page.evaluate(TYPE)) >= 10
    for place in page.locator(".live svg").all():
        box = place.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_a_screen_that_is_turned_draws_its_charts_anew(opened: Open) -> None:
    """Panels that stood below each other stand beside each other, and there are as many of them."""
    page = opened(width=360, anew=True)
    panels = "[...document.querySelectorAll('#fig-differences .live svg .mark-group.role-scope > g')].map(e => e.getBoundingClientRect().x)"
    upright = page.evaluate(panels)
    page.set_viewport_size({"width": 1024, "height": 400})
    page.wait_for_function(f"new Set({panels}.map(Math.round)).size > 2")

    assert len(set(map(round, upright))) == 1
    assert len(page.evaluate(panels)) == len(upright) >= 4


def test_a_title_is_text_of_the_page(opened: Open) -> None:
    """It has as many lines as it takes; the drawing below doesn't say it again."""
    page = opened(width=360)
    titles = page.locator(".finding").all_inner_texts()

    assert len(titles) == page.locator("[data-live=yes]").count()
    assert all(len(title) > 15 for title in titles)
    assert titles[0] not in page.locator("#fig-sizes .live svg").text_content()


def test_the_contents_name_every_segment(opened: Open) -> None:
    """At the side, below the section that they stand in; each leads to the segment's own."""
    page = opened()
    facts = json.loads(page.locator("#facts").text_content())
    names = {one["name"]: one["id"].lower() for one in facts["segments"]}
    links = page.locator("#TOC ul ul ul a")

    assert {link.inner_text(): link.get_attribute("href") for link in links.all()} == {
        name: f"#{id_}" for name, id_ in names.items()
    }
    assert all(link.is_visible() for link in links.all())
    assert page.locator("section.profile").count() == len(names)


def test_a_profile_is_as_wide_as_a_page(opened: Open, rendered: Rendered) -> None:
    """It has no contents at its side, and leaves them no room; on a telephone it shows the chart drawn for one."""
    path = min((rendered.pages("sample") / "profiles").iterdir())
    page = opened(path=f"profiles/{path.name}", anew=True)
    image = page.locator("figure img")
    wide = image.evaluate("e => e.currentSrc")

    assert image.bounding_box()["width"] > 600
    page.set_viewport_size({"width": 360, "height": 800})
    page.wait_for_function("document.querySelector('figure img').naturalWidth < 400")
    assert image.evaluate("e => e.currentSrc") != wide
    assert image.bounding_box()["width"] <= 320


def test_a_profile_fits_a_telephone(opened: Open, rendered: Rendered) -> None:
    profiles = sorted((rendered.pages("sample") / "profiles").iterdir())
    assert len(profiles) == 4
    for path in profiles:
        page = opened(path=f"profiles/{path.name}", width=360)
        assert sideways(page) == 0, path.name


def test_in_the_dark_the_page_is_dark_and_on_paper_light(opened: Open) -> None:
    """Every colour in a chart is the dark twin of one in the light; changing the light redraws them.

    On paper there is ink on white, and in place of charts that were drawn for the dark the light pictures.
    """
    page = opened(scheme="dark", anew=True)
    colours = (
        "[...document.querySelectorAll('.live svg *')].flatMap(e => [e.getAttribute('fill'), e.getAttribute('stroke')])"
    )
    used = {c for c in page.evaluate(colours) if c and c.startswith("#")}

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 27, 33)"
    assert theme.DARK_COLOURS[theme.INK] in used
    assert used - set(theme.DARK_COLOURS.values()) == set()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 36, 48)"
    assert page.locator(".live:visible").count() == 0
    assert page.locator("figure img:visible").count() == page.locator("[data-live=yes]").count()
    page.emulate_media(media="screen", color_scheme="light")
    page.wait_for_function(
        f"[...document.querySelectorAll('.live svg *')].some(e => e.getAttribute('fill') === '{theme.INK}')"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="print", color_scheme="light")
    assert page.locator("figure img:visible").count() == 0


def test_without_javascript_the_pictures_stand_there(opened: Open) -> None:
    """Loaded, as wide as the text, each with what it shows in words; nothing on the page pretends to work."""
    page = opened(script=False)
    images = page.locator("figure img")

    assert images.count() >= 10
    for image in images.all():
        assert image.is_visible()
        assert image.bounding_box()["width"] > 300
        assert image.bounding_box()["height"] > 80
        assert 20 <= len(image.get_attribute("alt")) <= 250
    assert page.locator("button:visible").count() == 0


def test_everything_is_reached_by_the_keyboard(opened: Open) -> None:
    """First the way past the contents, then the contents, then each table of numbers, which opens on Enter."""
    page = opened(anew=True)
    order = []
    for _ in range(80):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate(
                "(e => e.tagName + (e.className ? '.' + e.className : '') + (e.closest('#TOC') ? ' contents' : ''))(document.activeElement)"
            )
        )
        if order[-1].startswith("SUMMARY"):
            break
    assert order[0] == "A.skip"
    assert order[1].endswith("contents")
    assert order[-1].startswith("SUMMARY")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True
    assert page.locator("details[open] table:visible").count() == 1


def test_the_way_past_the_contents_leads_to_the_text(opened: Open) -> None:
    page = opened(script=False, anew=True)
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")

    assert page.url.endswith("#main")


def test_every_entry_of_the_contents_leads_to_its_section(opened: Open) -> None:
    page = opened()
    links = page.locator("#TOC a").all()
    assert len(links) > 5
    for link in links:
        assert link.inner_text().strip()
        target = page.locator(f"[id='{link.get_attribute('href')[1:]}']")
        assert target.count() == 1
        assert link.inner_text().strip() in target.inner_text()


# Accessible to all


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
@pytest.mark.parametrize("what", ["report", "profile"])
def test_axe_finds_nothing(opened: Open, pages: Path, what: str, width: int, scheme: str) -> None:
    """All of axe-core's rules, its best practices too, with every table of numbers open."""
    if not AXE.exists():
        pytest.skip(f"there is no {AXE}: npm ci --prefix tests/node/web")
    path = "report.html" if what == "report" else f"profiles/{min((pages / 'profiles').iterdir()).name}"
    view = opened(path=path, width=width, scheme=scheme)
    view.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    view.evaluate("document.querySelectorAll('.vg-tooltip').forEach((one) => one.remove())")  # of a test before
    view.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = view.evaluate("async () => (await axe.run()).violations")

    assert [(one["id"], one["help"], [node["html"][:150] for node in one["nodes"]]) for one in found] == []


def test_axe_can_find(opened: Open, tmp_path: Path) -> None:
    """A page without a language, a title and an alternative text is found out."""
    if not AXE.exists():
        pytest.skip(f"there is no {AXE}: npm ci --prefix tests/node/web")
    bad = tmp_path / "bad.html"
    bad.write_text("<!doctype html><p style='color:#aaa'>Grey<img src='data:,'>", encoding="utf-8")
    view = opened(bad, anew=True)
    view.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = {one["id"] for one in view.evaluate("async () => (await axe.run()).violations")}

    assert {"document-title", "html-has-lang", "image-alt", "color-contrast"} <= found


# Numbers to save


def saved(view: Any, name: str) -> tuple[str, bytes]:
    """Press a button as one does who has no pointer, and give the file's name and bytes."""
    button = view.get_by_role("button", name=name)
    button.focus()
    with view.expect_download() as download:
        view.keyboard.press("Enter")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def leaves(value: Any) -> Iterator[float]:
    """Give every number below a value of JSON."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_every_number_can_be_saved_as_csv(opened: Open, pages: Path) -> None:
    """A row each, in the order of facts.json, with nothing left out and no two rows of one name."""
    view = opened()
    name, content = saved(view, "CSV")
    facts = json.loads((pages / "facts.json").read_text(encoding="utf-8"))
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))

    assert name == "facts-2026-10.csv"
    assert head == ["month", "section", "segment", "measure", "value"]
    assert [float(row[4]) for row in rows] == [float(value) for value in leaves(facts)]
    assert len({(row[1], row[3]) for row in rows}) == len(rows) > 1_000
    assert {row[2] for row in rows} == {"", *(segment["name"] for segment in facts["segments"])}
    share = next(row for row in rows if row[1] == "segments" and row[3] == "S1.share")
    assert float(share[4]) == facts["segments"][0]["share"]


def test_the_facts_can_be_saved_as_json(opened: Open, pages: Path) -> None:
    """They read back as the very facts that the page was made from."""
    view = opened()
    name, content = saved(view, "JSON")
    facts = json.loads((pages / "facts.json").read_text(encoding="utf-8"))

    assert name == "facts-2026-10.json"
    assert facts_to_dict(facts_from_dict(json.loads(content))) == facts


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (
            [f'{first}HYPERLINK("http://x",1)' for first in "=+-@"],
            [f'\'{first}HYPERLINK("http://x",1)' for first in "=+-@"],
        ),
        (["Rock;=1", 'Rock; "+1', "Rock;Pop", "=1;@1"], ["Rock;'=1", "Rock; \"'+1", "Rock;Pop", "'=1;'@1"]),
    ],
)
def test_no_saved_cell_is_a_formula(
    opened: Open, pages: Path, tmp_path: Path, names: list[str], safe: list[str]
) -> None:
    """A name that a spreadsheet would run is text in the file, whatever it begins with, also where ";" separates cells."""
    page = (pages / "report.html").read_text(encoding="utf-8")
    page = re.sub(r'<script type="application/json" class="chart".*?</script>', "", page)  # they take long to draw
    facts = json.loads((pages / "facts.json").read_text(encoding="utf-8"))
    for segment, name in zip(facts["segments"], names, strict=True):
        page = page.replace(f'"name":"{segment["name"]}"', f'"name":{json.dumps(name)}')
    (tmp_path / "formulas.html").write_text(page, encoding="utf-8")
    view = opened(tmp_path / "formulas.html", anew=True)
    _, content = saved(view, "CSV")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))

    assert {row[2] for row in rows[1:]} == {"", *safe}
    assert not [cell for row in rows for cell in row[:4] if cell.startswith(("=", "+", "-", "@"))]
    assert any(float(row[4]) < 0 for row in rows[1:])


def test_without_scripts_the_page_says_where_the_numbers_lie(opened: Open) -> None:
    """Buttons that do nothing aren't shown."""
    view = opened(script=False)
    shown = view.locator(".downloads").inner_text()
    buttons = view.get_by_role("button").count()
    pictures = view.locator("img:visible").count()

    assert "facts.json" in shown
    assert (buttons, pictures) == (0, view.locator("script.chart").count())

"""The HTML page as a person meets it: in a browser, from the disk, with the network closed."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from facts_factory import ARABIC, EMOJI, LONG, SCRIPT, genres, month, named
from rendered import Rendered, _render, rendered  # noqa: F401 - a fixture

from report import files, theme

sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium on this machine"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*:pytest.PytestUnraisableExceptionWarning"),
]
Open = Callable[..., Any]
LIVE = (
    "document.querySelectorAll('[data-live=yes]').length === document.querySelectorAll('script.chart').length"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium, once."""
    with sync.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any, rendered: Rendered) -> Iterator[Open]:  # noqa: F811
    """Open a month's page offline; at the end nothing may have been asked for, and the console is empty."""
    contexts, said, asked = [], [], []

    def open_page(what: str = "sample", *, live: bool = True, path: str = "report.html", **how: Any) -> Any:
        context = browser.new_context(**{"offline": True, "viewport": {"width": 1280, "height": 900}} | how)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        folder = rendered.pages("sample") if what == "sample" else everything(rendered)
        page.goto((folder / path).as_uri())
        if live:
            page.wait_for_function(LIVE, timeout=60_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def everything(rendered: Rendered) -> Path:  # noqa: F811
    """Give a folder with the page of a month that has all that is awkward: ten segments, scripts, long and other names."""

    def make(place: Path) -> None:
        facts = named(genres(month(10), SCRIPT, ARABIC), SCRIPT, LONG, LONG[::-1], ARABIC, EMOJI)
        (place / "facts.json").write_text(files.facts_text(facts), encoding="utf-8")
        _render(place / "facts.json", place / "shop", "report.qmd").rename(place / "report.html")

    return rendered._once("everything", make)


def sideways(page: Any) -> int:
    """Give by how many pixels the whole page can be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("what", ["sample", "everything"])
def test_every_chart_is_live(opened: Open, what: str) -> None:
    """Drawn anew in place of its picture, in its full width, and named for who doesn't see it."""
    page = opened(what)
    figures = page.locator("[data-live=yes]")

    assert figures.count() >= 10
    assert page.locator(".live svg").count() == figures.count()
    assert page.locator("[data-live=yes] img:visible").count() == 0
    for place in page.locator(".live").all():
        assert place.get_attribute("role") == "img"
        assert 20 <= len(place.get_attribute("aria-label")) <= 250
        assert place.bounding_box()["width"] > 300


def test_a_number_appears_where_the_pointer_rests(opened: Open) -> None:
    """As it is written on the page, with the segment's name."""
    page = opened()
    bar = page.locator("#fig-sizes .live svg .mark-rect path").first
    bar.scroll_into_view_if_needed()
    bar.hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for(timeout=10_000)

    first = json.loads(page.locator("#facts").text_content())["segments"][0]
    assert first["name"] in tip.text_content()
    assert f"{first['users']:,}" in tip.text_content()


def test_a_genre_that_is_a_script_is_a_word(opened: Open) -> None:
    """Also in a tooltip; the console stays empty and no dialog opens, or the fixture says so."""
    page = opened("everything")
    bar = page.locator("#fig-sizes .live svg .mark-rect path").first
    bar.scroll_into_view_if_needed()
    bar.hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for(timeout=10_000)

    assert SCRIPT in tip.text_content()
    assert tip.locator("script").count() == 0
    assert SCRIPT in page.locator("main").inner_text()


@pytest.mark.parametrize(("what", "width"), [("sample", 1280), ("sample", 360), ("everything", 360)])
def test_nothing_is_wider_than_the_screen(opened: Open, what: str, width: int) -> None:
    """What has to be wide scrolls in its own frame."""
    page = opened(what, live=width == 360, viewport={"width": width, "height": 800})

    assert sideways(page) == 0


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
@pytest.mark.parametrize("width", [360, 390, 768])
def test_charts_are_read_without_scrolling_sideways(opened: Open, what: str, width: int) -> None:
    """On a telephone they are drawn anew for its width: none is wider than its place, and type is no smaller than 10 pixels."""
    page = opened(what, viewport={"width": width, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []
    assert min(page.evaluate(TYPE)) >= 10
    for place in page.locator(".live svg").all():
        box = place.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_a_screen_that_is_turned_draws_its_charts_anew(opened: Open) -> None:
    """Panels that stood below each other stand beside each other, and there are as many of them."""
    page = opened(viewport={"width": 360, "height": 800})
    panels = "[...document.querySelectorAll('#fig-differences .live svg .mark-group.role-scope > g')].map(e => e.getBoundingClientRect().x)"
    upright = page.evaluate(panels)
    page.set_viewport_size({"width": 1024, "height": 400})
    page.wait_for_function(f"new Set({panels}.map(Math.round)).size > 2")

    assert len(set(map(round, upright))) == 1
    assert len(page.evaluate(panels)) == len(upright) >= 4


def test_a_title_is_text_of_the_page(opened: Open) -> None:
    """It has as many lines as it takes; the drawing below doesn't say it again."""
    page = opened(viewport={"width": 360, "height": 800})
    titles = page.locator(".finding").all_inner_texts()

    assert len(titles) == page.locator("[data-live=yes]").count()
    assert all(len(title) > 15 for title in titles)
    assert titles[0] not in page.locator("#fig-sizes .live svg").text_content()


def test_on_paper_a_dark_page_is_a_light_one(opened: Open) -> None:
    """Ink on white, and the light pictures in place of the charts that were drawn for the dark."""
    page = opened(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 36, 48)"
    assert page.locator(".live:visible").count() == 0
    assert page.locator("figure img:visible").count() == page.locator("[data-live=yes]").count()
    page.emulate_media(media="print", color_scheme="light")
    assert page.locator("figure img:visible").count() == 0


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


def test_a_profile_is_as_wide_as_a_page(opened: Open, rendered: Rendered) -> None:  # noqa: F811
    """It has no contents at its side, and leaves them no room; on a telephone it shows the chart drawn for one."""
    path = min((rendered.pages("sample") / "profiles").iterdir())
    page = opened(live=False, path=f"profiles/{path.name}", viewport={"width": 1280, "height": 800})
    image = page.locator("figure img")
    wide = image.evaluate("e => e.currentSrc")

    assert image.bounding_box()["width"] > 600
    page.set_viewport_size({"width": 360, "height": 800})
    page.wait_for_function("document.querySelector('figure img').naturalWidth < 400")
    assert image.evaluate("e => e.currentSrc") != wide
    assert image.bounding_box()["width"] <= 320


def test_a_profile_fits_a_telephone(opened: Open, rendered: Rendered) -> None:  # noqa: F811
    for path in sorted((rendered.pages("sample") / "profiles").iterdir()):
        page = opened(live=False, path=f"profiles/{path.name}", viewport={"width": 360, "height": 800})
        assert sideways(page) == 0, path.name


def test_in_the_dark_the_page_and_its_charts_are_dark(opened: Open) -> None:
    """Every colour in a chart is the dark twin of one in the light; changing the light redraws them."""
    page = opened(color_scheme="dark")
    colours = "[...document.querySelectorAll('.live svg *')].flatMap(e => [e.getAttribute('fill'), e.getAttribute('stroke')])"
    used = {c for c in page.evaluate(colours) if c and c.startswith("#")}

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 27, 33)"
    assert theme.DARK[theme.INK] in used
    assert used - set(theme.DARK.values()) == set()
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        f"[...document.querySelectorAll('.live svg *')].some(e => e.getAttribute('fill') === '{theme.INK}')"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_javascript_the_pictures_stand_there(opened: Open) -> None:
    """Loaded, as wide as the text, each with what it shows in words; nothing on the page pretends to work."""
    page = opened(live=False, java_script_enabled=False)
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
    page = opened()
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
    page = opened()
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")

    assert page.evaluate("location.hash") == "#main"


def test_every_entry_of_the_contents_leads_to_its_section(opened: Open) -> None:
    page = opened()
    for link in page.locator("#TOC a").all():
        target = page.locator(f"[id='{link.get_attribute('href')[1:]}']")
        assert target.count() == 1
        assert link.inner_text().strip() in target.inner_text()


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_every_number_can_be_saved(opened: Open, kind: str, tmp_path: Path) -> None:
    """Without a network; the JSON is the facts, and the CSV has a row for each number in them."""
    page = opened()
    facts = json.loads(page.locator("#facts").text_content())
    with page.expect_download() as waiting:
        page.locator(f"[data-download={kind}]").click()
    waiting.value.save_as(tmp_path / "saved")
    text = (tmp_path / "saved").read_text("utf-8-sig")

    def numbers(value: Any) -> int:
        if isinstance(value, dict):
            return sum(numbers(item) for item in value.values())
        if isinstance(value, list):
            return sum(numbers(item) for item in value)
        return isinstance(value, int | float) and not isinstance(value, bool)

    assert waiting.value.suggested_filename == f"facts-2026-10.{kind}"
    if kind == "json":
        assert json.loads(text) == facts
    else:
        assert len(text.splitlines()) == 1 + numbers(facts)

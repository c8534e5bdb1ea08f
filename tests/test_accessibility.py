"""The pages in a real browser and under the W3C's checker: nothing to find for axe-core, no error, numbers to save.

What is needed comes with `make setup-test` (npm) and from the system (Chromium, Java); where one is missing its tests
skip and say so. No test reaches a network.
"""

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rendered import Rendered, rendered  # noqa: F401 - a fixture

from segmentation.facts import from_dict, to_dict

WEB = Path(__file__).parent / "web" / "node_modules"
AXE = WEB / "axe-core" / "axe.min.js"
VNU = WEB / "vnu-jar" / "build" / "dist" / "vnu.jar"
CHROMIUM = "/usr/bin/chromium"
LIVE = 13  # charts of the sample's page


@pytest.fixture(scope="module")
def pages(rendered: Rendered) -> Path:  # noqa: F811
    """Give the sample's pages."""
    return rendered.pages("sample")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give Debian's Chromium, without a network."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


def visit(browser: Any, page: Path, *, width: int = 1280, scheme: str = "light", script: bool = True) -> Any:
    """Open a page, offline, and wait for its charts."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        java_script_enabled=script,
        offline=True,
        reduced_motion="reduce",
    )
    view = context.new_page()
    view.goto(page.as_uri())
    if script and page.name == "report.html":
        view.wait_for_function(f"document.querySelectorAll('[data-live]').length >= {LIVE}")
    return view


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("what", ["report", "profile"])
def test_axe_finds_nothing(browser: Any, pages: Path, what: str, width: int, scheme: str) -> None:
    """All of axe-core's rules, its best practices too, with every table of numbers open."""
    if not AXE.exists():
        pytest.skip(f"there is no {AXE}: npm ci --prefix tests/web")
    page = pages / "report.html" if what == "report" else min((pages / "profiles").iterdir())
    view = visit(browser, page, width=width, scheme=scheme)
    view.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    view.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = view.evaluate("async () => (await axe.run()).violations")
    view.context.close()

    assert [(one["id"], one["help"], [node["html"][:150] for node in one["nodes"]]) for one in found] == []


def test_axe_can_find(browser: Any, tmp_path: Path) -> None:
    """A page without a language, a title and an alternative text is found out."""
    if not AXE.exists():
        pytest.skip(f"there is no {AXE}: npm ci --prefix tests/web")
    bad = tmp_path / "bad.html"
    bad.write_text("<!doctype html><p style='color:#aaa'>Grey<img src='data:,'>", encoding="utf-8")
    view = visit(browser, bad)
    view.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = {one["id"] for one in view.evaluate("async () => (await axe.run()).violations")}
    view.context.close()

    assert {"document-title", "html-has-lang", "image-alt", "color-contrast"} <= found


@pytest.fixture(scope="module")
def checked(
    pages: Path,
    rendered: Rendered,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[str]]:
    """Give what the W3C's checker calls errors in each page, but for the CSS of paged media, which it doesn't know.

    It starts once, for all pages of the sample, for those with names that look like markup, and for a broken one.
    """
    if shutil.which("java") is None or not VNU.exists():
        pytest.skip(
            "there is no java or no vnu.jar: apt-get install default-jre-headless, npm ci --prefix tests/web"
        )
    bad = tmp_path_factory.mktemp("bad") / "bad.html"
    bad.write_text("<!doctype html><p><table><img></p>", encoding="utf-8")
    made = [pages / "report.html", *(pages / "profiles").iterdir(), bad]
    made += [rendered.executive("sample"), rendered.executive("script")]
    java = [
        "java",
        "-Xss8m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-jar",
        str(VNU),
    ]  # it lives for seconds
    command = [*java, "--exit-zero-always", "--format", "json", *map(str, made)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = {
        path.as_uri().removeprefix("file:").removeprefix("//"): [] for path in made
    }
    for message in json.loads(done.stderr)["messages"]:
        paged = message["url"].endswith("executive.html") and message["message"].startswith("CSS:")
        if message["type"] == "error" and not paged:
            found[message["url"].removeprefix("file:").removeprefix("//")].append(message["message"])
    return found


def test_the_w3c_checker_finds_no_error(checked: dict[str, list[str]]) -> None:
    """All pages of the sample, and those with names that look like markup."""
    good = {page: errors for page, errors in checked.items() if not page.endswith("/bad.html")}

    assert len(good) >= 7
    assert {page: errors for page, errors in good.items() if errors} == {}


def test_the_w3c_checker_can_find(checked: dict[str, list[str]]) -> None:
    """A broken page has errors."""
    (bad,) = [errors for page, errors in checked.items() if page.endswith("/bad.html")]

    assert bad != []


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


def test_every_number_can_be_saved_as_csv(browser: Any, pages: Path) -> None:
    """A row each, in the order of facts.json, with nothing left out and no two rows of one name."""
    view = visit(browser, pages / "report.html")
    name, content = saved(view, "CSV")
    view.context.close()
    facts = json.loads((pages / "facts.json").read_text(encoding="utf-8"))
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))

    assert name == "facts-2026-10.csv"
    assert head == ["month", "section", "segment", "measure", "value"]
    assert [float(row[4]) for row in rows] == [float(value) for value in leaves(facts)]
    assert len({(row[1], row[3]) for row in rows}) == len(rows) > 1_000
    assert {row[2] for row in rows} == {"", *(segment["name"] for segment in facts["segments"])}
    share = next(row for row in rows if row[1] == "segments" and row[3] == "S1.share")
    assert float(share[4]) == facts["segments"][0]["share"]


def test_the_facts_can_be_saved_as_json(browser: Any, pages: Path) -> None:
    """They read back as the very facts that the page was made from."""
    view = visit(browser, pages / "report.html")
    name, content = saved(view, "JSON")
    view.context.close()
    facts = json.loads((pages / "facts.json").read_text(encoding="utf-8"))

    assert name == "facts-2026-10.json"
    assert to_dict(from_dict(json.loads(content))) == facts


def test_no_saved_cell_is_a_formula(browser: Any, pages: Path, tmp_path: Path) -> None:
    """A name that a spreadsheet would run is text in the file, whatever it begins with; a number below 0 stays one."""
    page = (pages / "report.html").read_text(encoding="utf-8")
    facts = json.loads((pages / "facts.json").read_text(encoding="utf-8"))
    names = [f'{first}HYPERLINK("http://x",1)' for first in "=+-@"]
    for segment, name in zip(facts["segments"], names, strict=True):
        page = page.replace(f'"name":"{segment["name"]}"', f'"name":{json.dumps(name)}')
    (tmp_path / "formulas.html").write_text(page, encoding="utf-8")
    view = visit(browser, tmp_path / "formulas.html")
    _, content = saved(view, "CSV")
    view.context.close()
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))

    assert {row[2] for row in rows[1:]} == {"", *(f"'{name}" for name in names)}
    assert not [cell for row in rows for cell in row[:4] if cell.startswith(("=", "+", "-", "@"))]
    assert any(float(row[4]) < 0 for row in rows[1:])


def test_without_scripts_the_page_says_where_the_numbers_lie(browser: Any, pages: Path) -> None:
    """Buttons that do nothing aren't shown."""
    view = visit(browser, pages / "report.html", script=False)
    shown = view.locator(".downloads").inner_text()
    buttons = view.get_by_role("button").count()
    pictures = view.locator("img:visible").count()
    view.context.close()

    assert "facts.json" in shown
    assert (buttons, pictures) == (0, LIVE)


@pytest.mark.parametrize("what", ["report", "profile"])
def test_the_page_fits_a_telephone(browser: Any, pages: Path, what: str) -> None:
    """At 360 pixels only charts and tables scroll sideways, each in its own box; the page itself never does."""
    page = pages / "report.html" if what == "report" else min((pages / "profiles").iterdir())
    view = visit(browser, page, width=360)
    view.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    wide = view.evaluate("document.documentElement.scrollWidth")
    view.context.close()

    assert wide <= 360


def test_the_page_stays_small(pages: Path) -> None:
    """At most 1.6 MB, drawings, fonts, charts and numbers included."""
    assert (pages / "report.html").stat().st_size <= 1_600_000

"""Debian's Chromium, without a network, and pages opened in it; those that a test only reads are opened once for all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from report.storage import paths
from tests.support.facts.factory import ARABIC, EMOJI, LONG, SCRIPT, genres, month, named
from tests.support.pages.rendered import Rendered, _render

CHROMIUM = Path("/usr/bin/chromium")
LIVE = "document.querySelectorAll('[data-live=yes]').length === document.querySelectorAll('script.chart').length"
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium, once a file: while it runs, its driver keeps this thread's event loop to itself."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync.sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--in-process-gpu"]
        )
        yield chromium
        chromium.close()


class Window:
    """One page in a browser, and what it said and asked for since it was opened."""

    def __init__(self, browser: Any, page: Path, *, width: int, scheme: str, script: bool) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(
            offline=True,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        self.view = view = self.context.new_page()
        view.on("console", lambda message: self.said.append(message.text))
        view.on("pageerror", lambda error: self.said.append(str(error)))
        view.on("dialog", lambda dialog: (self.said.append(f"dialog {dialog.message}"), dialog.dismiss()))
        view.on("request", lambda request: self.asked.append(request.url))
        view.goto(page.as_uri())
        if script:
            view.wait_for_function(LIVE, timeout=60_000)

    def hold(self) -> None:
        """Hold that nothing was asked for but the page itself, and that the console is empty."""
        assert self.said == []
        assert [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def windows() -> dict[object, Window]:
    """Give the windows that stay open for tests which only read."""
    return {}


@pytest.fixture
def opened(browser: Any, windows: dict[object, Window], rendered: Rendered) -> Iterator[Open]:
    """Open a month's page, offline, with its charts live; at the end the console is empty, and nothing was asked for.

    `opened("sample", path="report.html", width=1280, scheme="light", script=True, anew=False)`: a test that does more than
    read the page, or would leave it otherwise than it was, asks for one of its own, `anew`.
    """
    used: list[Window] = []
    own: list[Window] = []

    def open_page(
        what: str | Path = "sample",
        *,
        path: str = "report.html",
        width: int = 1280,
        scheme: str = "light",
        script: bool = True,
        anew: bool = False,
    ) -> Any:
        key = (what, path, width, scheme, script)
        if anew or key not in windows:
            page = what if isinstance(what, Path) else _folder(what, rendered) / path
            window = Window(browser, page, width=width, scheme=scheme, script=script)
            if anew:
                own.append(window)
            else:
                windows[key] = window
        used.append(own[-1] if anew else windows[key])
        return used[-1].view

    yield open_page
    for window in own:
        window.context.close()
    for window in used:
        window.hold()


def _folder(what: str, rendered: Rendered) -> Path:
    """Give the sample's pages, or those of a month that has all that is awkward: ten segments, scripts, long and other names."""

    def make(place: Path) -> None:
        facts = named(genres(month(10), SCRIPT, ARABIC), SCRIPT, LONG, LONG[::-1], ARABIC, EMOJI)
        (place / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")
        _render(place / "facts.json", place / "shop", "report.qmd").rename(place / "report.html")

    return rendered.pages("sample") if what == "sample" else rendered._once("everything", make)

"""The pages under the W3C's checker: no error.

It comes with `make setup-test` (npm), Java with the system; where one is missing its tests skip and say so.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.pages.rendered import Rendered

VNU = ROOT / "tests" / "node" / "web" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"


@pytest.fixture(scope="module")
def pages(rendered: Rendered) -> Path:
    """Give the sample's pages."""
    return rendered.pages("sample")


@pytest.fixture(scope="module")
def checked(pages: Path, rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Give what the W3C's checker calls errors in each page, but for the CSS of paged media, which it doesn't know.

    It starts once, for all pages of the sample, for those with names that look like markup, and for a broken one.
    """
    if shutil.which("java") is None or not VNU.exists():
        pytest.skip(
            "there is no java or no vnu.jar: apt-get install default-jre-headless, npm ci --prefix tests/node/web"
        )
    bad = tmp_path_factory.mktemp("bad") / "bad.html"
    bad.write_text("<!doctype html><p><table><img></p>", encoding="utf-8")
    made = [pages / "report.html", *(pages / "profiles").iterdir(), bad]
    made += [rendered.executive("sample"), rendered.executive("script")]
    java = ["java", "-Xss8m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", str(VNU)]  # it lives for seconds
    command = [*java, "--exit-zero-always", "--format", "json", *map(str, made)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = {path.as_uri().removeprefix("file:").removeprefix("//"): [] for path in made}
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


def test_the_page_stays_small(pages: Path) -> None:
    """At most 1.6 MB, drawings, fonts, charts and numbers included."""
    assert (pages / "report.html").stat().st_size <= 1_600_000

"""The README's pictures, from the newest month made: page one of the PDF, and the top of the HTML page."""

import subprocess
import sys

from playwright.sync_api import sync_playwright

from report.storage.paths import find_newest_facts
from tests.support import ROOT


def main() -> None:
    """Write docs/pictures/page-one.png and docs/pictures/report.png."""
    month = find_newest_facts().parent
    docs = ROOT / "docs" / "pictures"
    page = ["pdftoppm", "-r", "80", "-f", "1", "-l", "1", "-singlefile", "-png"]
    subprocess.run([*page, month / "executive.pdf", docs / "page-one"], check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        view = browser.new_page(viewport={"width": 1180, "height": 935}, device_scale_factor=1)
        view.goto((month / "report.html").as_uri())
        view.wait_for_selector("[data-live]")
        view.wait_for_timeout(1000)
        view.screenshot(path=docs / "report.png")
        browser.close()
    print("docs/pictures/page-one.png and docs/pictures/report.png", file=sys.stdout)


if __name__ == "__main__":
    main()

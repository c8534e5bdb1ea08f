"""What both engines' pages get and must be."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from report.errors import RenderError
from report.text.foreign import isolate_text
from report.text.formatting import NBSP, format_month

_TITLE_TEXT = re.compile(r"(?<=<title>)(.*?)(?=</title>)", re.DOTALL)
_UNEVALUATED_EXPRESSION = re.compile(r"<code>\{python\} (.*?)</code>", re.DOTALL)
_UNRESOLVED_REFERENCE = re.compile(r"<strong>\?@((?:fig|tbl|sec)-[\w-]+)</strong>")


def finish_page(page: Path, document: Path, facts: Path) -> Path:
    """Check a page, and complete its title.

    The title gets month and brand, if there is a facts.json. A page that isn't what both engines promise is a `RenderError`.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RenderError(f"{document.name}: the page isn't UTF-8.") from error
    if found := _find_fault(text):
        raise RenderError(f"{document.name}: {found}.")
    if facts.is_file():
        page.write_text(add_title(text, json.loads(facts.read_bytes())), encoding="utf-8")
    return page


def add_title(text: str, facts: dict[str, Any]) -> str:
    """Return a page titled by report, month and brand.

    Front matter can't: it holds no values, and Quarto's `-M` doesn't override it (quarto-r#181).
    """
    month = format_month(facts["month"]).replace(NBSP, " ")
    title = html.escape(f"{facts['schema']['title']} · {month} · {isolate_text(facts['brand']['name'])}", quote=False)
    return _TITLE_TEXT.sub(lambda _: title, text, count=1)


def _find_fault(text: str) -> str:
    """Return what is wrong with a page, or nothing."""
    page = _PageParser(text)
    left, unresolved = _UNEVALUATED_EXPRESSION.search(text), _UNRESOLVED_REFERENCE.search(text)
    faults = (
        left and f"an expression failed or gave an empty text: the page shows {html.unescape(left[1])[:80]!r}",
        unresolved and f"it refers to {unresolved[1]!r}, and no figure or table is called so",
        not page.has_main and "the page wasn't made with templates/page.html, as _quarto.yml says",
        page.outside and f"the page asks for {page.outside[:80]!r}, which it doesn't carry",
        not text[:15].casefold().startswith("<!doctype html>")
        and "the page has no doctype, so a browser would show it in quirks mode",
        page.bare_heading and "a heading has no section around it: _quarto.yml needs `section-divs: true`",
    )
    return next((fault for fault in faults if fault), "")


class _PageParser(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.has_main = self.bare_heading = False
        self.outside = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the template's element, headings outside sections, and addresses."""
        values = dict(attrs)
        self.has_main |= tag == "main" and values.get("id") == "main"
        self.bare_heading |= tag == "h1" and "section" not in self._open
        if tag in ("section", "div"):
            self._open.append(tag)
        for name in ("src", "href", "srcset", "data", "poster"):
            address = (values.get(name) or "").strip()
            if address and not (tag == "a" and name == "href") and not address.startswith(("data:", "#")):
                self.outside = self.outside or address

    def handle_endtag(self, tag: str) -> None:
        """Leave a section."""
        if self._open and tag == self._open[-1]:
            self._open.pop()

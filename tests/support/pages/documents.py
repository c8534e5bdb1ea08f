"""What tests of documents and pages share: a workshop with a document in it, and a reader of pages."""

import contextlib
import html
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pypdfium2

from report import charts
from report.charts.figure import Figure
from report.rendering.embedded import EmbeddedEngine
from report.storage import paths
from segmentation.facts import Facts

FRONT = """---
title: A document
format:
  html:
    css: ../templates/screen.css
---
"""
SAY = """
```{python}
class Md:
    def __init__(self, text):
        self.text = text

    def _repr_markdown_(self):
        return self.text
```
"""
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><circle cx="2" cy="2" r="2" fill="#1b2430"/></svg>'
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def document(folder: Path, body: str, *, front: str = FRONT, name: str = "page.qmd") -> Path:
    """Write a document into a workshop, which is laid out on the first call."""
    if not (folder / "_quarto.yml").exists():
        paths.create_workspace(folder)
    path = folder / "report" / name
    path.write_text(f"{front}\n{body}\n", encoding="utf-8")
    (path.parent / "dot.svg").write_text(DOT, encoding="utf-8")
    return path


def render(*documents: Path, facts: Path | None = None) -> list[Path]:
    """Render documents side by side, each in a process of its own."""
    with ThreadPoolExecutor(len(documents)) as pool:
        return list(
            pool.map(lambda path: EmbeddedEngine().render(path, facts or path.with_name("facts.json")), documents)
        )


def first_line(pdf: Path, page: int = 0) -> str:
    """Read the highest line of text on a page of a PDF, the running head left aside."""
    with contextlib.closing(pypdfium2.PdfDocument(pdf)) as document:
        sheet = document[page]
        text = sheet.get_textpage()
        boxes = [text.get_rect(number) for number in range(text.count_rects())]
        top = sheet.get_height() - 50  # points; the margin's words stand above
        _, bottom, _, high = max((box for box in boxes if box[3] < top), key=lambda box: box[3])
        return " ".join(text.get_text_bounded(0, bottom, sheet.get_width(), high).split())


class Reader(HTMLParser):
    """Reads a page as a browser does: what is text, what is an element, and which attributes each has."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ("script", "style"):
            self._open.append(tag)
            if tag == "script":
                self.scripts.append((dict(self.elements[-1][1]), ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or a style."""
        if self._open and tag == self._open[-1]:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Keep a text, apart from what scripts and styles hold."""
        if not self._open:
            self.texts.append(data)
        elif self._open[-1] == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)

    @property
    def text(self) -> str:
        """All that a reader reads, in order, with plain spaces."""
        return " ".join("".join(self.texts).split())

    def all(self, tag: str) -> Iterator[dict[str, str]]:
        """Give the attributes of every element of a kind."""
        return (attributes for name, attributes in self.elements if name == tag)


def fetched(page: str) -> list[str]:
    """List what a page would ask a network for: addresses in elements and styles, not those that only stand in text."""
    read = Reader(page)
    found = []
    for tag, attributes in read.elements:
        for name in ("src", "href", "data", "srcset", "poster", "action"):
            value = attributes.get(name, "").strip()
            link = tag == "a" and name == "href"
            if value and not link and not value.startswith(("data:", "#")):
                found.append(f"{tag} {name}={value[:80]}")
        found += re.findall(r"url\(\s*['\"]?(?!data:|#)[^)]*\)", attributes.get("style", ""))
    for style in re.findall(r"<style.*?</style>", page, flags=re.DOTALL):
        found += re.findall(r"url\(\s*['\"]?(?!data:|#)[^)]*\)|@import[^;]*", style)
    return found


def unescaped(text: str) -> str:
    """Give what a text in HTML says."""
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def makers() -> Iterator[tuple[str, Callable[..., Figure]]]:
    """Find every function of `report.charts` that gives a picture of a month's facts."""
    for module in pkgutil.iter_modules(charts.__path__):
        found = importlib.import_module(f"report.charts.{module.name}")
        for name, function in vars(found).items():
            if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != found.__name__:
                continue
            signature = inspect.signature(function)
            if signature.return_annotation is Figure and next(iter(signature.parameters)) == "facts":
                yield f"{module.name}.{name}", function


def pictures(facts: Facts) -> list[tuple[str, Figure]]:
    """Draw every picture that can be drawn of a month, those of a segment for each of them."""
    made = []
    for name, make in makers():
        if name == "changes.plot_flow" and not (facts.change and facts.change.flow):
            continue
        if name == "changes.plot_trend" and not facts.trend:
            continue
        if "segment" in inspect.signature(make).parameters:
            made += [(f"{name}-{segment.id}", make(facts, segment)) for segment in facts.segments]
        else:
            made.append((name, make(facts)))
    return made

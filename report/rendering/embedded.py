"""Rendering without Quarto: a worker process and Pandoc.

It knows as much of Quarto as these documents use, and refuses the rest by name: a page that silently lacks something
would be worse than none. Its Markdown has the shape that Quarto 1.9 gives, so that one style sheet serves both.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from report.errors import MachineError, RenderError
from report.rendering.cells import (
    CodeCell,
    QuartoDocument,
    import_ahead,
    make_unsupported_error,
    parse_document,
    parse_yaml,
    run_document,
)
from report.rendering.page import finish_page
from report.rendering.pandoc import PageOptions, convert_to_html_page, get_pandoc_version
from report.storage.worker import WorkerProcess, start_worker

_TIMEOUT_SECONDS = 600  # as Quarto's
_DOCUMENT_KEYS = {"title", "lang", "format", "jupyter", "execute", "project"}
_HTML_KEYS = {"css", "embed-resources", "minimal", "section-divs", "template", "theme", "toc", "toc-depth"}
_CELL_KEYS = {"tags", "output"}
_UNSUPPORTED_FEATURES = {  # what Quarto would do something with, and Pandoc nothing
    "a shortcode": re.compile(r"\{\{<"),
    "a callout": re.compile(r"^:::+.*\bcallout-", re.MULTILINE),
    "a tabset": re.compile(r"^:::+.*\bpanel-tabset", re.MULTILINE),
    "a layout": re.compile(r"^:::+.*\blayout", re.MULTILINE),
    "conditional content": re.compile(r"^:::+.*\bcontent-(visible|hidden)", re.MULTILINE),
    "a column class": re.compile(r"^:::+.*\bcolumn-(page|screen|margin|body)", re.MULTILINE),
}


class EmbeddedEngine:
    """A worker process for the cells, and Pandoc's wheel."""

    name = "embedded"

    def __init__(self) -> None:
        self._worker: WorkerProcess | None = None

    @contextmanager
    def warm_up(self, folder: Path) -> Iterator[None]:  # noqa: ARG002 - Quarto's and ours are called alike
        """Start the cells' process while the analysis computes.

        All documents rendered meanwhile run in it, one after the other, each in an empty namespace.
        """
        with start_worker("The cells' process") as worker:
            worker.submit(import_ahead)
            self._worker = worker
            try:
                yield
            finally:
                self._worker = None

    def get_version(self) -> str:
        """Return the version of Pandoc."""
        return f"pandoc {get_pandoc_version()}"

    def render(self, document: Path, facts: Path) -> Path:
        """Render a .qmd to an HTML file beside it."""
        source = document.read_text(encoding="utf-8")
        parsed = parse_document(source, document.name)
        _refuse_unsupported(parsed, source)
        options = _merge_options(parsed.front_matter, document)
        markdown = _run_in_worker(parsed, document.parent, facts, self._worker)
        css = options.get("css", [])
        look = PageOptions(
            title=options["title"],
            lang=options.get("lang", "en"),
            template=options["template"],
            css=(css,) if isinstance(css, str) else tuple(css),
            toc_depth=options.get("toc-depth", 3) if options.get("toc") else 0,
        )
        return finish_page(convert_to_html_page(markdown, look, document.with_suffix(".html")), document, facts)


def _refuse_unsupported(document: QuartoDocument, source: str) -> None:
    """Refuse by name what only Quarto knows."""
    for feature, pattern in _UNSUPPORTED_FEATURES.items():
        if found := pattern.search(source):
            line = source.count("\n", 0, found.start()) + 1
            raise make_unsupported_error(document.name, f"{feature} on line {line}")
    for cell in document.parts:
        if isinstance(cell, CodeCell):
            if unknown := cell.options.keys() - _CELL_KEYS:
                raise make_unsupported_error(document.name, f"the cell option {min(unknown)!r}")
            if (output := cell.options.get("output", "asis")) != "asis":
                raise make_unsupported_error(document.name, f"the cell option 'output: {output}'")


def _merge_options(front: dict[str, Any], document: Path) -> dict[str, Any]:
    """Return the project's options, then the document's own."""
    # Paths of either are relative to the document
    settings = document.parent.parent / "_quarto.yml"
    project = parse_yaml(settings.read_text(encoding="utf-8"), settings.name)
    options: dict[str, Any] = {}
    for place, given in (("_quarto.yml", project), (document.name, front)):
        if unknown := given.keys() - _DOCUMENT_KEYS:
            raise make_unsupported_error(place, f"the option {min(unknown)!r}")
        formats = given.get("format", {})
        formats = {formats: {}} if isinstance(formats, str) else formats
        if other := formats.keys() - {"html"}:
            raise make_unsupported_error(place, f"the format {min(other)!r}")
        html = formats.get("html", {})
        html = {} if html == "default" else html
        if unknown := html.keys() - _HTML_KEYS:
            raise make_unsupported_error(place, f"the option {min(unknown)!r} of format html")
        options |= {key: value for key, value in given.items() if key in ("title", "lang")} | html
    for needed in ("title", "template"):
        if needed not in options:
            raise RenderError(f"{document.name}: has no {needed}. Give it one in the lines between its first `---`.")
    return options


def _run_in_worker(document: QuartoDocument, folder: Path, facts: Path, worker: WorkerProcess | None) -> str:
    """Return a document's Markdown from a worker process."""
    with nullcontext(worker) if worker else start_worker("The cells' process") as running:
        try:
            return running.submit(run_document, document, folder, facts).result(_TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise RenderError(
                f"{document.name}: its cells have not ended after {_TIMEOUT_SECONDS} seconds. Expected a few. "
                "Look for a cell that waits or repeats without end, and render again."
            ) from error
        except MachineError as error:
            raise RenderError(f"{document.name}: {error}") from error

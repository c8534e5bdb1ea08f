"""Rendering without Quarto, by the parts that Quarto is made of: Jupyter runs the cells, Pandoc makes the page.

It knows as much of Quarto as these documents use, and refuses the rest by name: a page that silently lacks something
would be worse than none. What it emits has the shape that Quarto 1.9 emits, so that one style sheet serves both.
"""

import ast
import logging
import os
import re
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from report.errors import RenderError
from report.rendering.kernels import SocketKernelManager, start_kernel, stop_kernel
from report.rendering.notebook import INLINE_EXPRESSION
from report.rendering.page import finish_page
from report.rendering.pandoc import PageOptions, convert_to_html_page, get_pandoc_version

_CELL_OPTION = re.compile(r"^#\|\s?(.*)$")

_DOCUMENT_KEYS = {"title", "lang", "format", "jupyter", "execute", "project"}
_HTML_KEYS = {
    "css",
    "embed-resources",
    "minimal",
    "section-divs",
    "template",
    "theme",
    "toc",
    "toc-depth",
}
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
    """Jupyter by papermill, and Pandoc from its wheel."""

    name = "embedded"

    def __init__(self) -> None:
        self._warm: SocketKernelManager | None = None

    @contextmanager
    def warm_up(self, folder: Path) -> Iterator[None]:
        """Start a process in the documents' folder ahead, so that it imports while the analysis computes.

        All documents that are rendered meanwhile run in it, one after the other, each in an empty namespace.
        """
        _isolate_ipython(folder)
        self._warm = start_kernel(folder)
        try:
            with ThreadPoolExecutor(1) as aside:
                aside.submit(_import_papermill)  # not here: Ctrl-C in the middle of an import can get lost
                yield
        finally:
            stop_kernel(self._warm)
            self._warm = None

    def get_version(self) -> str:
        """Say which version renders."""
        return f"pandoc {get_pandoc_version()}"

    def render(self, document: Path, facts: Path) -> Path:
        """Render a .qmd in its workshop to an HTML file beside it.

        Raises
        ------
        RenderError
            If the document uses what this engine doesn't know, or a cell fails.
        """
        source = document.read_text(encoding="utf-8")
        notebook = _parse_document(source, document.name)
        options = _merge_options(notebook.metadata.pop("front", {}), document)
        _run_cells(notebook, document, facts, self._warm)
        markdown = "\n\n".join(_compile_markdown(notebook, document.name))
        css = options.get("css", [])
        look = PageOptions(
            title=options["title"],
            lang=options.get("lang", "en"),
            template=options["template"],
            css=(css,) if isinstance(css, str) else tuple(css),
            toc_depth=options.get("toc-depth", 3) if options.get("toc") else 0,
        )
        return finish_page(
            convert_to_html_page(markdown, look, document.with_suffix(".html")), document, facts
        )


def _parse_document(source: str, name: str) -> Any:
    """Split a document into cells; each expression inside a text becomes part of a cell of its own before it."""
    import jupytext  # noqa: PLC0415
    import nbformat  # noqa: PLC0415

    for feature, pattern in _UNSUPPORTED_FEATURES.items():
        if found := pattern.search(source):
            line = source.count("\n", 0, found.start()) + 1
            raise _make_unsupported_error(name, f"{feature} on line {line}")
    notebook = jupytext.reads(source, fmt="Rmd")
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "raw":
            notebook.metadata["front"] = _parse_yaml(cell.source.strip().strip("-"), name)
        elif cell.cell_type == "code":
            cells.append(_parse_cell_options(cell, name))
        else:
            expressions = INLINE_EXPRESSION.findall(cell.source)
            if expressions:
                inline = nbformat.v4.new_code_cell(
                    _EVALUATE_EXPRESSIONS.format(expressions=", ".join(f"({e})" for e in expressions))
                )
                cells.append(inline)
            cell.metadata["inline"] = len(expressions)
            cells.append(cell)
    notebook.cells = cells
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


_RESET_NAMESPACE = "get_ipython().reset(new_session=False)"  # what another document left behind


# An expression shows itself as Markdown where it can, as Quarto has it; a plain string stands as it is.
_EVALUATE_EXPRESSIONS = "[value._repr_markdown_() if hasattr(value, '_repr_markdown_') else str(value) for value in [{expressions}]]"


def _parse_cell_options(cell: Any, name: str) -> Any:
    """Move a cell's options from its first lines to its metadata."""
    lines = cell.source.split("\n")
    said = []
    while lines and (option := _CELL_OPTION.match(lines[0])):
        said.append(option[1])
        lines.pop(0)
    options = _parse_yaml("\n".join(said), name)
    if unknown := options.keys() - _CELL_KEYS:
        raise _make_unsupported_error(name, f"the cell option {min(unknown)!r}")
    if (output := options.get("output", "asis")) != "asis":
        raise _make_unsupported_error(name, f"the cell option 'output: {output}'")
    cell.source = "\n".join(lines)
    cell.metadata = type(cell.metadata)({"tags": options.get("tags", []), "asis": "output" in options})
    return cell


def _merge_options(front: dict[str, Any], document: Path) -> dict[str, Any]:
    """Merge the project's options with the document's own; paths of either are relative to the document."""
    settings = document.parent.parent / "_quarto.yml"
    project = _parse_yaml(settings.read_text(encoding="utf-8"), settings.name)
    options: dict[str, Any] = {}
    for place, said in (("_quarto.yml", project), (document.name, front)):
        if unknown := said.keys() - _DOCUMENT_KEYS:
            raise _make_unsupported_error(place, f"the option {min(unknown)!r}")
        formats = said.get("format", {})
        formats = {formats: {}} if isinstance(formats, str) else formats
        if other := formats.keys() - {"html"}:
            raise _make_unsupported_error(place, f"the format {min(other)!r}")
        html = formats.get("html", {})
        html = {} if html == "default" else html
        if unknown := html.keys() - _HTML_KEYS:
            raise _make_unsupported_error(place, f"the option {min(unknown)!r} of format html")
        options |= {key: value for key, value in said.items() if key in ("title", "lang")} | html
    for needed in ("title", "template"):
        if needed not in options:
            raise RenderError(
                f"{document.name}: has no {needed}. Give it one in the lines between its first `---`."
            )
    return options


def _parse_yaml(text: str, name: str) -> dict[str, Any]:
    """Read keys and their values."""
    try:
        read = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise RenderError(
            f"{name}: {' '.join(str(error).split())}. Correct its YAML and render again."
        ) from error
    if not isinstance(read, dict):
        raise RenderError(
            f"{name}: expected `key: value`, found {str(read)[:60]!r}. Correct its YAML and render again."
        )
    return read


def _run_cells(notebook: Any, document: Path, facts: Path, kernel: SocketKernelManager | None) -> None:
    """Run the cells where the document lies, as Quarto does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Jupyter's own deprecations
        papermill = _import_papermill()
        import nbformat  # noqa: PLC0415
        from jupyter_core.utils import ensure_event_loop  # noqa: PLC0415
        from nbclient.exceptions import DeadKernelError  # noqa: PLC0415

        for noisy in ("papermill", "traitlets"):  # progress, and a context that two documents share
            logging.getLogger(noisy).setLevel(logging.ERROR)
        _isolate_ipython(document.parent)
        reached = kernel or start_kernel(document.parent)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(_RESET_NAMESPACE))
        try:
            done = papermill.execute_notebook(
                notebook,
                None,
                parameters={"facts": str(facts)},
                kernel_name="python3",
                km=reached,
                progress_bar=False,
                log_output=False,
            )
        except papermill.PapermillExecutionError as error:
            before, after = _EVALUATE_EXPRESSIONS.split("{expressions}")
            last = error.source.strip().splitlines()[-1].removeprefix(before).removesuffix(after)
            raise RenderError(
                f"{document.name}: a cell failed with {error.ename}: {' '.join(error.evalue.split())} (in {last[:80]!r})."
            ) from error
        except (DeadKernelError, RuntimeError) as error:
            raise RenderError(
                f"{document.name}: the cells' process ended ({error}). Is there enough memory?"
            ) from error
        finally:
            reached.close_clients()
            if not kernel:
                stop_kernel(reached)
            ensure_event_loop().close()  # this thread's, which Jupyter leaves open
    notebook.cells = done.cells


def _import_papermill() -> Any:
    """Import what reads a document and runs its cells: half a second, which a run has while it waits for its facts."""
    import jupytext  # noqa: F401, PLC0415
    import papermill  # noqa: PLC0415

    return papermill


def _isolate_ipython(folder: Path) -> None:
    """Keep the user's own start-up files out of the cells."""
    os.environ |= {"IPYTHONDIR": str(folder / ".ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def _compile_markdown(notebook: Any, name: str) -> Iterator[str]:
    """Give the Markdown of each cell: texts with their values filled in, and what the cells returned."""
    values: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if cell.source.startswith(_EVALUATE_EXPRESSIONS.split("{", maxsplit=1)[0]):
                values = ast.literal_eval(cell.outputs[0]["data"]["text/plain"])
                continue
            for output in cell.outputs:
                yield _format_output(output, name, asis=cell.metadata.get("asis", False))
        else:
            filled = iter(values if cell.metadata.get("inline") else [])
            if cell.metadata.get("inline") and "" in values:
                # as Quarto, which would leave its source in the page
                raise RenderError(f"{name}: an expression in a text gave an empty text. Put it into a cell.")
            yield INLINE_EXPRESSION.sub(lambda _, filled=filled: next(filled), cell.source)  # type: ignore[misc]


def _format_output(output: Any, name: str, *, asis: bool = False) -> str:
    """Give the Markdown of one output, in the divs that Quarto puts around it; anything else would look different there.

    As it is, it has none of them: its headings then are the document's own, and stand in the contents.
    """
    data = output.get("data", {})
    if "text/html" in data or "text/markdown" not in data:
        kind = (
            "text/html" if "text/html" in data else next(iter(data), output.get("name", output.output_type))
        )
        raise _make_unsupported_error(name, f"a cell that gives {kind}; its cells give text/markdown")
    if asis:
        return str(data["text/markdown"])
    return f"::: {{.cell}}\n::: {{.cell-output .cell-output-display}}\n\n{data['text/markdown']}\n\n:::\n:::"


def _make_unsupported_error(place: str, what: str) -> RenderError:
    return RenderError(
        f"{place}: {what} is more than the embedded engine knows. Render with ENGINE=quarto, or write it another way."
    )

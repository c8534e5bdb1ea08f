"""A Quarto document's cells, and the Markdown they give."""

import ast
import contextlib
import importlib
import io
import re
import tokenize
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from report.errors import RenderError

# A value inside a text, as Quarto writes it
INLINE_EXPRESSION = re.compile(r"(?<!`)`\{python\}[ \t]([^`]+)`")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE_CELL = re.compile(r"^```\{python\}[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_CELL_OPTION = re.compile(r"#\|[ \t]?(.*)\n?")
_IPYTHON_SYNTAX = re.compile(r"^\s*[%!?]|\?\s*$|\bawait\b")
_IPYTHON_NAMES = ("display", "get_ipython")
_OTHER_CELL = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*\{[A-Za-z]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text between two cells."""

    source: str
    line: int  # of the document, counted from 1


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A cell of Python without its option lines."""

    source: str
    line: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def has_parameters(self) -> bool:
        """Whether the run's parameters replace what the cell assigns."""
        return "parameters" in self.options.get("tags", [])


@dataclass(frozen=True, slots=True)
class QuartoDocument:
    """A .qmd, split."""

    name: str
    front_matter: dict[str, Any]
    parts: tuple[TextPart | CodeCell, ...]


def parse_document(source: str, name: str) -> QuartoDocument:
    """Split a .qmd into front matter, texts and cells."""
    front = _FRONT_MATTER.match(source)
    parts: list[TextPart | CodeCell] = []
    begin = front.end() if front else 0
    for cell in _CODE_CELL.finditer(source, begin):
        parts += _split_off_text(source, begin, cell.start(), name)
        parts.append(_parse_cell(cell[1], source.count("\n", 0, cell.start(1)) + 1, name))
        begin = cell.end()
    parts += _split_off_text(source, begin, len(source), name)
    return QuartoDocument(name, parse_yaml(front[1], name) if front else {}, tuple(parts))


def _split_off_text(source: str, begin: int, end: int, name: str) -> list[TextPart]:
    """Return the text between two cells, if any."""
    text = source[begin:end]
    if not text.strip():
        return []
    text = text.lstrip("\n")
    line = source.count("\n", 0, end - len(text)) + 1
    if other := _OTHER_CELL.search(text):
        place = line + text.count("\n", 0, other.start())
        raise make_unsupported_error(name, f"a cell on line {place} that doesn't begin with ```{{python}}")
    return [TextPart(text.rstrip("\n"), line)]


def _parse_cell(source: str, line: int, name: str) -> CodeCell:
    """Return a cell, its first lines read as options."""
    options, begin = "", 0
    while option := _CELL_OPTION.match(source, begin):
        options += f"{option[1]}\n"
        begin = option.end()
    line += source.count("\n", 0, begin)
    return CodeCell(source[begin:].rstrip("\n"), line, parse_yaml(options, name))


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """Return the keys and values of a YAML text."""
    import yaml  # noqa: PLC0415 - the command line needs none

    try:
        read = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise RenderError(f"{name}: {' '.join(str(error).split())}. Correct its YAML and render again.") from error
    if not isinstance(read, dict):
        raise RenderError(
            f"{name}: expected `key: value`, found {str(read)[:60]!r}. Correct its YAML and render again."
        )
    return read


def import_ahead() -> None:
    """Import what every document imports first, and start Vega."""
    for name in (
        "report.pages.document",
        "report.charts.data_quality",
        "report.charts.k_selection",
        "report.charts.projection",
    ):
        importlib.import_module(name)  # by name: documents may be rendered without them
    from report.charts.render import warm_up_vega  # noqa: PLC0415 - only this process draws

    warm_up_vega()


def run_document(document: QuartoDocument, folder: Path, facts: Path) -> str:
    """Return a document's Markdown, its cells run.

    The cells share one namespace, as in a Jupyter kernel, and nothing else of Jupyter's: a value is shown by its
    `_repr_markdown_`. This process works in the folder meanwhile. A cell that fails, or gives what Quarto would show
    otherwise, is a `RenderError`.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()) as printed,
        contextlib.redirect_stderr(io.StringIO()) as warned,
    ):
        for part in document.parts:
            if isinstance(part, TextPart):
                shown.append(fill_text(part, document.name, namespace))
            else:
                shown.append(run_cell(part, document.name, namespace))
                if part.has_parameters:
                    namespace["facts"] = str(facts)
            for kind, stream in (("stdout", printed), ("stderr", warned)):
                if stream.getvalue():
                    raise _make_output_error(f"{document.name}, line {part.line}", kind)
    return "\n\n".join(text for text in shown if text)


def fill_text(part: TextPart, name: str, namespace: dict[str, Any]) -> str:
    """Return a text with the values of its expressions.

    A value is shown as Markdown where it gives it, else as its text. An empty text is refused: Quarto would leave the
    expression's source in the page.
    """

    def evaluate(expression: re.Match[str]) -> str:
        line = part.line + part.source.count("\n", 0, expression.start())
        with _explain_failure(name):
            code = compile(_at_line(f"({expression[1]})", line), name, "eval", dont_inherit=True)
            value = eval(code, namespace)  # noqa: S307 - our own documents
            text = str(value._repr_markdown_() if hasattr(value, "_repr_markdown_") else value)
        if not text:
            raise RenderError(f"{name}: an expression in a text gave an empty text. Put it into a cell.")
        return text

    return INLINE_EXPRESSION.sub(evaluate, part.source)


def run_cell(cell: CodeCell, name: str, namespace: dict[str, Any]) -> str:
    """Return the Markdown of a cell's last expression.

    As in IPython, a semicolon at the end hides it. It stands in the divs that Quarto puts around it. With `output:
    asis` it has none: its headings are then the document's own, and stand in the contents.
    """
    with _explain_failure(name):
        tree = ast.parse(_at_line(cell.source, cell.line), name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec", dont_inherit=True), namespace)  # noqa: S102 - our own documents
        if not isinstance(last, ast.Expr):
            return ""
        value = eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), namespace)  # noqa: S307
    if value is None or _ends_with_semicolon(cell.source):
        return ""
    if hasattr(value, "_repr_html_"):
        raise _make_output_error(f"{name}, line {cell.line}", "text/html")
    if not hasattr(value, "_repr_markdown_"):
        raise _make_output_error(f"{name}, line {cell.line}", "text/plain")
    with _explain_failure(name):
        markdown = str(value._repr_markdown_())
    if "output" in cell.options:
        return markdown
    return f"::: {{.cell}}\n::: {{.cell-output .cell-output-display}}\n\n{markdown}\n\n:::\n:::"


def _ends_with_semicolon(source: str) -> bool:
    """Return whether a semicolon is the last token but comments."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)
    return [token.string for token in tokens if token.type not in blank][-1:] == [";"]


def _at_line(source: str, line: int) -> str:
    """Return code moved to its line of the document."""
    return "\n" * (line - 1) + source


@contextlib.contextmanager
def _explain_failure(name: str) -> Iterator[None]:
    """Turn an error into one with document and line."""
    try:
        yield
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == name]
        if isinstance(error, SyntaxError) and error.filename == name:
            lines.append(error.lineno)
        where = f"{name}, line {lines[-1]}" if lines else name
        if isinstance(error, SyntaxError) and _IPYTHON_SYNTAX.search(error.text or error.msg):
            raise make_unsupported_error(where, "a magic, a shell command or an await of IPython's") from error
        if isinstance(error, NameError) and error.name in _IPYTHON_NAMES:
            raise make_unsupported_error(where, f"IPython's {error.name}") from error
        kind, text = type(error).__name__, " ".join(str(error).split())
        raise RenderError(f"{where}: a cell failed with {kind}: {text.rstrip('.')}.") from error


def _make_output_error(place: str, kind: str) -> RenderError:
    return make_unsupported_error(place, f"a cell's {kind} (expected text/markdown)")


def make_unsupported_error(place: str, what: str) -> RenderError:
    """Return the error for what only Quarto knows."""
    return RenderError(
        f"{place}: {what} is more than the embedded engine knows. Render with ENGINE=quarto, or write it another way."
    )

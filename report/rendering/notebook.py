"""The analysis as a notebook for Jupyter."""

import re
from pathlib import Path

from report.rendering.cells import INLINE_EXPRESSION, CodeCell, parse_document

# A heading's or a span's attributes, which Jupyter would show
_PANDOC_ATTRIBUTES = re.compile(r"[ \t]*\{[#.][^{}\n]*\}")


def write_notebook(document: Path, path: Path) -> None:
    """Write a .qmd as a notebook for Jupyter.

    A text with values inside becomes a cell that shows it: Jupyter's texts hold none.
    """
    import nbformat  # noqa: PLC0415 - heavy, and no report needs it

    cells: list[nbformat.NotebookNode] = []
    for part in parse_document(document.read_text(encoding="utf-8"), document.name).parts:
        if isinstance(part, CodeCell):
            new = nbformat.v4.new_code_cell(part.source.replace('"screen"', '"notebook"'))
            new.metadata["tags"] = ["parameters"] if part.has_parameters else []
        else:
            text = re.sub(r"@(fig|tbl)-([\w-]+)", r"the \2 below", part.source)
            new = _make_text_cell(_PANDOC_ATTRIBUTES.sub("", text))
        new["id"] = f"cell-{len(cells):02}"
        cells.append(new)
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.validate(made)
    path.write_text(nbformat.writes(made) + "\n", encoding="utf-8")


def _make_text_cell(source: str) -> "nbformat.NotebookNode":  # type: ignore[name-defined]  # noqa: F821
    """Return a text as Markdown, or code with its values."""
    import nbformat  # noqa: PLC0415

    if not INLINE_EXPRESSION.search(source):
        return nbformat.v4.new_markdown_cell(source)
    values: list[str] = INLINE_EXPRESSION.findall(source)
    text = _make_format_string(source)
    arguments = ",\n    ".join(values)
    return nbformat.v4.new_code_cell(f'page.fill_text(\n    """{text}""",\n    {arguments},\n)')


def _make_format_string(source: str) -> str:
    parts = INLINE_EXPRESSION.split(source)
    text = "{}".join(part.replace("{", "{{").replace("}", "}}") for part in parts[::2])
    # between three quotes: a quote at the end would be the fourth
    return text.replace("\\", "\\\\").replace('"', '\\"') if re.search(r'\\|"""|"$', text) else text

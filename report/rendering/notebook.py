"""The analysis as a notebook, for whoever would rather read it in Jupyter."""

import re
from pathlib import Path

INLINE_EXPRESSION = re.compile(
    r"(?<!`)`\{python\}[ \t]([^`]+)`"
)  # a value inside a text, as Quarto writes it
_PANDOC_ATTRIBUTES = re.compile(
    r"[ \t]*\{[#.][^{}\n]*\}"
)  # a heading's or a span's attributes, which Jupyter would show


def write_notebook(document: Path, path: Path) -> None:
    """Write a .qmd as a notebook that is ready to run.

    Values inside texts are no part of Jupyter, so a text that has some becomes a cell that shows it.

    Parameters
    ----------
    document : Path
        A .qmd.
    path : Path
        Where the notebook goes.
    """
    import jupytext  # noqa: PLC0415 - heavy, and no report needs it here
    import nbformat  # noqa: PLC0415

    notebook = jupytext.reads(document.read_text(encoding="utf-8"), fmt="Rmd")
    cells = []
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type != "raw"):
        source = cell.source
        if cell.cell_type == "code":
            source = "\n".join(line for line in source.splitlines() if not line.startswith("#|"))
            source = source.replace('"screen"', '"notebook"')
            new = nbformat.v4.new_code_cell(source)
            new.metadata["tags"] = ["parameters"] if "parameters" in cell.source else []
        else:
            source = _PANDOC_ATTRIBUTES.sub("", re.sub(r"@(fig|tbl)-([\w-]+)", r"the \2 below", source))
            new = _make_text_cell(source)
        new["id"] = f"cell-{number:02}"
        cells.append(new)
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.validate(made)
    path.write_text(nbformat.writes(made) + "\n", encoding="utf-8")


def _make_text_cell(source: str) -> "nbformat.NotebookNode":  # type: ignore[name-defined]  # noqa: F821
    """Give a text as a cell: a Markdown one, or where it holds values, one that shows it with them."""
    import nbformat  # noqa: PLC0415

    if not INLINE_EXPRESSION.search(source):
        return nbformat.v4.new_markdown_cell(source)
    values: list[str] = INLINE_EXPRESSION.findall(source)
    text = _make_format_string(source)
    arguments = ",\n    ".join(values)
    return nbformat.v4.new_code_cell(f'page.fill_text(\n    """{text}""",\n    {arguments},\n)')


def _make_format_string(source: str) -> str:
    """Write a text as a format string, with a place for each value."""
    parts = INLINE_EXPRESSION.split(source)
    text = "{}".join(part.replace("{", "{{").replace("}", "}}") for part in parts[::2])
    # between three quotes: a quote at the end would be the fourth
    return text.replace("\\", "\\\\").replace('"', '\\"') if re.search(r'\\|"""|"$', text) else text

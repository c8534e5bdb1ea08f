"""A program that does what Quarto 1.9.38 was seen to do with our documents, for machines that have no Quarto.

Seen with a real Quarto 1.9.38, and alike with 1.10 (issue 23):

1. A document below a folder whose name begins with a dot gets no setting of `_quarto.yml`, unless that has `render`
   under `project` (quarto-dev/quarto-cli#3186). It is then made with Quarto's own template, and carries nothing.
2. `theme: none` sets `section-divs` to false, unless it is set.
3. A doctype that isn't `<!DOCTYPE html>`, in capitals, is dropped.
4. A picture alone in its paragraph gets a `<figure>` around it.
5. An expression in a text that gives an empty text leaves its source in the page.

Usage: quarto_standin.py render NAME.qmd --to html --no-execute-daemon -P facts:PATH
"""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypandoc
import yaml

from report.rendering import cells, pandoc
from tests.support.runs.cached import drawings

FILTER = Path(pandoc.__file__).with_name("filters") / "crossref.lua"


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    if arguments == ["--version"]:
        print("1.9.38")
        return
    assert arguments[2:5] == ["--to", "html", "--no-execute-daemon"], arguments
    name, facts = arguments[1], arguments[6].removeprefix("facts:")
    document = Path.cwd() / name
    parsed = cells.parse_document(document.read_text("utf-8"), name)
    look = settings(document) | parsed.front_matter["format"]["html"]
    with drawings(Path(os.environ["DRAWINGS"])) if "DRAWINGS" in os.environ else contextlib.nullcontext():
        page = make_page(compiled(parsed, facts), look)
    document.with_suffix(".html").write_text(page, encoding="utf-8")


def settings(document: Path) -> dict[str, Any]:
    """Give the project's settings of a page, if they reach it (1)."""
    said = yaml.safe_load((document.parent.parent / "_quarto.yml").read_text("utf-8"))
    hidden = any(part.startswith(".") for part in document.parts)
    if hidden and not said["project"].get("render"):
        return {}
    return dict(said["format"]["html"])


def compiled(document: cells.QuartoDocument, facts: str) -> str:
    """Run the cells here; give the document's Markdown, and the source of an expression whose text is empty (5)."""
    parts, namespace = [], {"__name__": "__main__"}

    def evaluate(expression: re.Match[str]) -> str:
        value = eval(f"({expression[1]})", namespace)  # noqa: S307 - our own documents
        return (value._repr_markdown_() if hasattr(value, "_repr_markdown_") else str(value)) or expression[0]

    for part in document.parts:
        if isinstance(part, cells.TextPart):
            parts.append(cells.INLINE_EXPRESSION.sub(evaluate, part.source))
        else:
            parts.append(cells.run_cell(part, document.name, namespace))
            if part.has_parameters:
                namespace["facts"] = facts
    return "\n\n".join(parts)


def make_page(markdown: str, look: dict[str, Any]) -> str:
    """Give the page that Pandoc makes, changed as Quarto changes it (2, 3, 4)."""
    ours = "template" in look
    options = [
        *("--from=markdown", "--to=html5", "--standalone", "--wrap=none", "--metadata=title:Listener segments"),
        *("--metadata=lang:en", f"--lua-filter={FILTER}", f"--css={look['css']}"),
        *(["--embed-resources", f"--template={look['template']}"] if ours else []),
        *(["--section-divs"] if look.get("section-divs") else []),
        *(["--toc", f"--toc-depth={look['toc-depth']}"] if look.get("toc") else []),
    ]
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), *options], input=markdown, capture_output=True, text=True, check=True
    )
    page = done.stdout
    if not ours:
        return page.replace("</head>", '<link href="executive_files/libs/tippy.css" rel="stylesheet">\n</head>')
    if not page.startswith("<!DOCTYPE html>"):
        page = re.sub(r"^<!doctype[^>]*>\n?", "", page, flags=re.IGNORECASE)
    return re.sub(r"<p>(<img [^>]*>)</p>", r"<div>\n<figure>\n<p>\1</p>\n</figure>\n</div>", page)


if __name__ == "__main__":
    main(sys.argv[1:])

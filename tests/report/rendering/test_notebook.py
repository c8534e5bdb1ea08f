import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from report.rendering.notebook import write_notebook
from report.storage import paths
from report.text import sentences
from tests.support.facts.factory import month

QMD = """---
title: T
---

```{python}
#| tags: [parameters]
facts = ""
```

# Heading {#head .unnumbered}

Plain text with @fig-elbow and @tbl-audit.

```{python}
page = open_document(facts, "screen")
```

`{python} page.say(words.headline)` {braces} \\alpha and "`{python} page.say(words.kept)`"
"""


def written(folder: Path, text: str) -> nbformat.NotebookNode:
    """Write a document as a notebook, and read it."""
    (folder / "a.qmd").write_text(text, encoding="utf-8")
    write_notebook(folder / "a.qmd", folder / "a.ipynb")
    return nbformat.read(folder / "a.ipynb", as_version=4)


def test_a_document_becomes_cells_and_texts(tmp_path: Path) -> None:
    """Without what Jupyter would show as it stands: front matter, options, attributes."""
    parameters, text, code, values = written(tmp_path, QMD).cells

    assert parameters.cell_type == "code"
    assert parameters.metadata.tags == ["parameters"]
    assert parameters.source == 'facts = ""'
    assert text.source == "# Heading\n\nPlain text with the elbow below and the audit below."
    assert code.source == 'page = open_document(facts, "notebook")'
    assert values.cell_type == "code"


@pytest.mark.parametrize("text", ['"', '"""', "\\", '\\"', "{}", "{0}", "%s", "'''", '"quoted"', "a\\", "", "é"])
def test_a_text_around_values_is_the_same_text(tmp_path: Path, text: str) -> None:
    """Whatever quotes, braces and backslashes it has, before, between and after."""
    (cell,) = written(
        tmp_path, f'---\ntitle: T\n---\n\nA{text}`{{python}} "v"` {text} `{{python}} 1 + 1`{text}\n'
    ).cells
    said = []

    class Page:
        def fill_text(self, layout: str, *values: object) -> None:
            said.append(layout.format(*values))

    exec(compile(cell.source, "cell", "exec"), {"page": Page()})  # noqa: S102 - what Jupyter would do
    assert said == [f"A{text}v {text} 2{text}".rstrip("\n")]


def test_one_document_gives_one_notebook(tmp_path: Path) -> None:
    """The same bytes each time, with no output of anybody's month in them."""
    document = paths.ROOT / "report" / "report.qmd"
    for name in ("a.ipynb", "b.ipynb"):
        write_notebook(document, tmp_path / name)
    made = nbformat.read(tmp_path / "a.ipynb", as_version=4)

    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes()
    nbformat.validate(made)
    assert not [cell for cell in made.cells if cell.get("outputs") or cell.get("execution_count")]
    assert made.metadata.kernelspec.name == "python3"


def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """And says the same sentences as the page, with its charts inside."""
    facts = month(4, first=False)
    (tmp_path / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")
    write_notebook(paths.ROOT / "report" / "report.qmd", tmp_path / "a.ipynb")
    run = [sys.executable, "-m", "papermill", "a.ipynb", "b.ipynb", "-p", "facts", str(tmp_path / "facts.json")]
    done = subprocess.run(
        [*run, "-k", "python3", "--no-progress-bar"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    cells = nbformat.read(tmp_path / "b.ipynb", as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    shown = "\n".join(output.data["text/markdown"] for output in outputs if "text/markdown" in output.get("data", {}))

    assert {output.output_type for output in outputs} <= {"display_data", "execute_result"}
    assert shown.count("data:image/svg+xml;base64,") >= 8
    assert "{python}" not in shown
    assert "<script" not in shown
    text = " ".join(re.sub(r"<[^>]*>|\\(?=\W)|[*_]", " ", shown).replace("\u00a0", " ").split())
    for sentence in (
        sentences.write_headline,
        sentences.describe_certainty,
        sentences.describe_cleaning,
        sentences.write_colophon,
    ):
        wanted = re.sub(r"[*_]", " ", sentence(facts)).replace("\u00a0", " ")
        assert re.sub(r"\W", "", wanted) in re.sub(r"\W", "", text), sentence.__name__

import os
import threading
from pathlib import Path

import psutil
import pytest

from report.errors import RenderError
from report.rendering import embedded
from report.rendering.cells import CodeCell, TextPart, parse_document, run_document
from report.rendering.embedded import EmbeddedEngine
from report.rendering.engine import select_engine
from report.rendering.page import add_title
from report.rendering.pandoc import PageOptions, convert_to_html_page
from tests.support.pages.documents import FRONT, SAY, Reader, document, fetched, render

LOOK = PageOptions(title="T", template="../templates/page.html", css=("../templates/screen.css",))

BODY = (
    """```{python}
#| tags: [parameters]
facts = "nothing yet"
```
"""
    + SAY
    + """
# Heading {#head}

Before: @fig-b, then @tbl-t, then @fig-a; mail a@fig.example is none.

```{python}
Md('![Caption *one* of NAME](dot.svg){#fig-a fig-alt="Alt \\\\"one\\\\" of NAME"}')
```

Values `{python} Md("**first NAME**")`, `{python} "second"` and `{python} 1 + 2` in a line; `{python} facts` is the file.

::: {.ours}
In a div: `{python} Md("NAME " * 2)`
:::

```{python}
import os

Md(f"runs in {os.getcwd()}")
```

```{python}
value = 5
```

::: {#tbl-t}

| a | b |
|---|---|
| 1 | 2 |

Caption of the table

:::

![Caption two](dot.svg){#fig-b fig-alt="Alt two"}

`print("{python} x")` and `{python}` stay as they are.
"""
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """Two documents that differ in a name, each in a workshop of its own, rendered side by side."""
    before = Path.cwd()
    documents = [document(tmp_path_factory.mktemp(name), BODY.replace("NAME", name)) for name in ("Anna", "Bela")]
    seen: set[Path] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            seen.add(Path.cwd())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        made = render(*documents)
    finally:
        done.set()
        watcher.join()
    assert seen <= {before}, "the working directory of the whole process moved"
    return {name: (page, page.read_text(encoding="utf-8")) for name, page in zip(("Anna", "Bela"), made, strict=True)}


def test_figures_and_tables_are_numbered_in_their_order(pages: dict[str, tuple[Path, str]]) -> None:
    """Each kind by itself, with a no-break space, as Quarto writes it."""
    text = Reader(pages["Anna"][1]).text

    assert "Figure 1: Caption one of Anna" in text
    assert "Table 1: Caption of the table" in text
    assert "Figure 2: Caption two" in text
    assert "Figure\u00a01" in pages["Anna"][1]


def test_references_are_resolved_to_links(pages: dict[str, tuple[Path, str]]) -> None:
    """Also ahead of what they refer to; an address with the same letters is none."""
    read = Reader(pages["Anna"][1])

    assert "Before: Figure 2, then Table 1, then Figure 1; mail a@fig.example is none." in read.text
    links = {a["href"] for a in read.all("a") if "quarto-xref" in a.get("class", "")}
    ids = {attributes["id"] for _, attributes in read.elements if "id" in attributes}
    assert links == {"#fig-a", "#fig-b", "#tbl-t"}
    assert links <= {f"#{one}" for one in ids}


def test_several_values_in_a_line_each_stand_in_their_place(pages: dict[str, tuple[Path, str]]) -> None:
    """Markdown where a value gives it, else its text; an expression that names a parameter sees what was passed."""
    page, text = pages["Anna"]

    assert (
        f"Values first Anna, second and 3 in a line; {page.with_name('facts.json')} is the file." in Reader(text).text
    )
    assert "<strong>first Anna</strong>" in text


def test_code_that_only_looks_like_a_value_stays(pages: dict[str, tuple[Path, str]]) -> None:
    assert '<code>print("{python} x")</code>' in pages["Anna"][1].replace("&quot;", '"')
    assert "<code>{python}</code>" in pages["Anna"][1]


def test_a_picture_is_inside_the_page_and_its_alternative_text_is_whole(pages: dict[str, tuple[Path, str]]) -> None:
    images = list(Reader(pages["Anna"][1]).all("img"))

    assert [image["alt"] for image in images] == ['Alt "one" of Anna', "Alt two"]
    assert all(image["src"].startswith("data:image/svg+xml") for image in images)
    assert fetched(pages["Anna"][1]) == []


def test_two_documents_side_by_side_do_not_mix(pages: dict[str, tuple[Path, str]]) -> None:
    """Each has its own process, parameters and folder."""
    for name, other in (("Anna", "Bela"), ("Bela", "Anna")):
        page, text = pages[name]
        assert f"runs in {page.parent}" in Reader(text).text
        assert f"Caption one of {name}" in Reader(text).text
        assert other not in Reader(text).text


def test_a_heading_from_a_cell_stands_in_the_contents(tmp_path: Path) -> None:
    """Where the cell's output is taken as it is, as in Quarto; what the heading carries is its section's."""
    body = "# First\n\n```{{python}}\n{0}Md('## From a cell {{#seen .kind style=\"--a: b\"}}\\n\\nText\\n\\n## Next {{#next}}')\n```"
    front = FRONT.replace("css:", "toc: true\n    css:")
    pages = []
    for name, option in (("a.qmd", "#| output: asis\n"), ("b.qmd", "")):
        pages.append(document(tmp_path, SAY + body.format(option), front=front, name=name))
    asis, enclosed = (Reader(page.read_text("utf-8")) for page in render(*pages))

    assert [a["href"] for a in asis.all("a") if a.get("id", "").startswith("toc-")] == ["#first", "#seen", "#next"]
    assert [a["href"] for a in enclosed.all("a") if a.get("id", "").startswith("toc-")] == ["#first"]
    section = next(one for one in asis.all("section") if one["id"] == "seen")
    assert "kind" in section["class"].split()
    assert section["style"] == "--a: b"


@pytest.mark.parametrize(
    ("brand", "added"), [("Cadence", "Cadence"), ("R&B </title><script>", "R&amp;B &lt;/title&gt;&lt;script&gt;")]
)
def test_a_page_is_called_by_its_month_and_brand(brand: str, added: str) -> None:
    """Once, however often it is said, as text; a page without a title stays as it is."""
    facts = {"month": "2026-10", "brand": {"name": brand}, "schema": {"title": "Segments"}}
    page = "<head><title>Segments</title></head><svg><title>Not this</title></svg>"
    titled = f"<head><title>Segments · October 2026 · {added}</title></head><svg><title>Not this</title></svg>"

    assert add_title(page, facts) == titled
    assert add_title(titled, facts) == titled
    assert add_title("no title", facts) == "no title"


def test_a_cell_that_gives_nothing_leaves_nothing(pages: dict[str, tuple[Path, str]]) -> None:
    read = Reader(pages["Anna"][1])

    assert "value = 5" not in read.text
    assert sum("cell" in a.get("class", "").split() for a in read.all("div")) == 2
    assert any("ours" in a.get("class", "").split() for a in read.all("div"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("\n\n{{< include other.qmd >}}", "a shortcode on line 10"),
        ("::: {.callout-note}\nx\n:::", "a callout on line 8"),
        ("::: callout-note\nx\n:::", "a callout on line 8"),
        ("::: {.panel-tabset}\nx\n:::", "a tabset on line 8"),
        (":::: {#l layout-ncol=2}\nx\n::::", "a layout on line 8"),
        ('::: {.content-visible when-format="html"}\nx\n:::', "conditional content on line 8"),
        ("::: {.column-margin}\nx\n:::", "a column class on line 8"),
        ("```{python}\n#| label: fig-x\n1\n```", "the cell option 'label'"),
        ("```{python}\n#| echo: true\n1\n```", "the cell option 'echo'"),
        ("```{python}\n#| output: false\n1\n```", "the cell option 'output: False'"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(tmp_path: Path, body: str, said: str) -> None:
    """A page that silently lacks something would be worse than none."""
    path = document(tmp_path, body)

    with pytest.raises(RenderError) as error:
        render(path)

    assert str(error.value) == (
        f"page.qmd: {said} is more than the embedded engine knows. Render with ENGINE=quarto, or write it another way."
    )


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("---\ntitle: T\nbibliography: x.bib\n---", "page.qmd: the option 'bibliography'"),
        ("---\ntitle: T\nformat: pdf\n---", "page.qmd: the format 'pdf'"),
        ("---\ntitle: T\nformat:\n  typst: default\n---", "page.qmd: the format 'typst'"),
        (
            "---\ntitle: T\nformat:\n  html:\n    code-fold: true\n---",
            "page.qmd: the option 'code-fold' of format html",
        ),
    ],
)
def test_an_unknown_option_is_refused_by_name(tmp_path: Path, front: str, said: str) -> None:
    with pytest.raises(RenderError, match=f"^{said} is more than the embedded engine knows"):
        render(document(tmp_path, "x", front=front))


@pytest.mark.parametrize(
    ("front", "body", "said"),
    [
        ("---\ntitle: [\n---", "x", "page.qmd: while parsing"),
        ("---\njust words\n---", "x", "page.qmd: expected `key: value`, found 'just words'"),
        ("---\nlang: en\n---", "x", "page.qmd: has no title."),
        ("", "x", "page.qmd: has no title."),
        (FRONT, "```{python}\n#| tags\n1\n```", "page.qmd: expected `key: value`, found 'tags'"),
    ],
)
def test_options_that_are_none_are_refused_in_a_sentence(tmp_path: Path, front: str, body: str, said: str) -> None:
    """Front matter is written by hand."""
    with pytest.raises(RenderError) as error:
        render(document(tmp_path, body, front=front))

    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_a_project_s_unknown_option_is_refused_too(tmp_path: Path) -> None:
    """It would be Quarto's pages that differ."""
    path = document(tmp_path, "x")
    with (tmp_path / "_quarto.yml").open("a") as file:
        file.write("number-sections: true\n")

    with pytest.raises(RenderError, match=r"^_quarto.yml: the option 'number-sections'"):
        render(path)


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("print('x')\nMd('x')", "stdout"),
        ("import sys\nsys.stderr.write('x')\nMd('x')", "stderr"),
        ("1 + 2", "text/plain"),
        ("class Both(Md):\n    _repr_html_ = Md._repr_markdown_\n\nBoth('x')", "text/html"),
    ],
)
def test_an_output_that_quarto_would_show_differently_is_refused(tmp_path: Path, cell: str, kind: str) -> None:
    """Quarto adds scripts from a network for any text/html, and shows the rest as code."""
    path = document(tmp_path, f"{SAY}\n```{{python}}\n{cell}\n```")

    with pytest.raises(
        RenderError, match=rf"a cell's {kind} \(expected text/markdown\) is more than the embedded engine knows"
    ):
        run_document(parse_document(path.read_text("utf-8"), path.name), tmp_path, tmp_path)


def test_a_real_frame_is_refused(tmp_path: Path) -> None:
    """The commonest of all outputs: a cell that ends in a DataFrame."""
    path = document(tmp_path, "```{python}\nimport pandas\npandas.DataFrame({'a': [1]})\n```")

    with pytest.raises(RenderError, match="a cell's text/html"):
        run_document(parse_document(path.read_text("utf-8"), path.name), tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("```{python}\nx = 1\n```\n\nValue\n`{python} x / 0` here.", "13: a cell failed with ZeroDivisionError: division by zero."),
        ("```{python}\n#| output: asis\nx = 1\nint('y')\n```", "11: a cell failed with ValueError: invalid literal for int() with base 10: 'y'."),
        ("```{python}\nimport sys\n\nsys.exit(3)\n```", "11: a cell failed with SystemExit: 3."),
        ("```{python}\nif:\n```", "9: a cell failed with SyntaxError: invalid syntax (page.qmd, line 9)."),
    ],
)  # fmt: skip
def test_a_failing_cell_names_its_line_and_its_error(tmp_path: Path, body: str, said: str) -> None:
    path = document(tmp_path, body)

    with pytest.raises(RenderError) as error:
        run_document(parse_document(path.read_text("utf-8"), path.name), tmp_path, tmp_path)

    assert str(error.value) == f"page.qmd, line {said}"


@pytest.mark.parametrize(
    ("cell", "feature"),
    [
        ("%time 1", "a magic, a shell command or an await"),
        ("!echo hi", "a magic, a shell command or an await"),
        ("len?", "a magic, a shell command or an await"),
        ("import asyncio\nawait asyncio.sleep(0)", "a magic, a shell command or an await"),
        ("display(1)", "IPython's display"),
        ("get_ipython()", "IPython's get_ipython"),
    ],
)
def test_what_only_ipython_knows_is_refused_by_name(tmp_path: Path, cell: str, feature: str) -> None:
    """Quarto runs cells in IPython, so these work there."""
    path = document(tmp_path, f"```{{python}}\n{cell}\n```")

    with pytest.raises(RenderError, match=f"{feature}.*more than the embedded engine knows. Render with ENGINE=quarto"):
        run_document(parse_document(path.read_text("utf-8"), path.name), tmp_path, tmp_path)


@pytest.mark.parametrize(("end", "shown"), [("", True), (";", False), (";  # hidden", False), ("  # not; this", True)])
def test_a_semicolon_at_the_end_hides_a_value(tmp_path: Path, end: str, shown: bool) -> None:  # noqa: FBT001
    """As IPython does for Quarto; one in a comment or a text is none."""
    path = document(tmp_path, f"{SAY}\n```{{python}}\nMd('one; two'){end}\n```")

    assert ("one; two" in run_document(parse_document(path.read_text("utf-8"), path.name), tmp_path, tmp_path)) is shown


def test_a_cell_that_ends_its_process_is_an_error(tmp_path: Path) -> None:
    """Nothing is said of memory, which may have nothing to do with it."""
    path = document(tmp_path, "```{python}\nimport os\n\nos._exit(9)\n```")

    with pytest.raises(RenderError, match=r"page.qmd: The cells' process ended .*\(exit code 9\)\. Run it again\.$"):
        render(path)


def test_a_cell_that_hangs_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a loop that never gives up the interpreter, too; nothing is left at work."""
    path = document(tmp_path, "```{python}\nimport re\n\nre.match('(a*)*b', 'a' * 99)\n```")
    before = set(psutil.Process().children())
    monkeypatch.setattr(embedded, "_TIMEOUT_SECONDS", 2)

    with pytest.raises(RenderError, match=r"^page\.qmd: its cells have not ended after 2 seconds\."):
        render(path)

    assert {one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())} <= before


def test_another_cell_than_python_s_is_refused(tmp_path: Path) -> None:
    """Pandoc would show its source."""
    for fence in ("```{r}", "````{python}", "~~~ {mermaid}", "```{python, echo=FALSE}", "  ```{python}"):
        path = document(tmp_path, f"Text.\n\n{fence}\n1\n```")
        with pytest.raises(RenderError, match=r"^page\.qmd: a cell on line 10 that doesn't begin with ```{python} is"):
            parse_document(path.read_text("utf-8"), path.name)


@pytest.mark.parametrize("reference", ["@fig-nowhere", "@tbl-nowhere", "[@fig-nowhere]"])
def test_an_unknown_reference_is_an_error(tmp_path: Path, reference: str) -> None:
    """Quarto would print ?@fig-nowhere into the page."""
    page = document(tmp_path, "").with_suffix(".html")

    with pytest.raises(RenderError, match=f"no figure or table is called {reference.strip('[]@')}"):
        convert_to_html_page(f"See {reference}.", LOOK, page)


def test_a_missing_picture_is_an_error(tmp_path: Path) -> None:
    """Pandoc only warns of it, and the page would have a hole."""
    with pytest.raises(RenderError, match=r"page.html: Pandoc ended with"):
        convert_to_html_page("![](nowhere.svg)", LOOK, document(tmp_path, "").with_suffix(".html"))


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", 'A "quoted" & plain one', "$title$", "true", "\u00c4ltere \u00b7 M\u00e4rz"]
)
def test_a_title_is_text(tmp_path: Path, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are titled with the segment's name; also where a scheduler knows no letters but English ones."""
    monkeypatch.setenv("LC_ALL", "C")
    page = convert_to_html_page(
        "x", PageOptions(title, LOOK.template, LOOK.css), document(tmp_path, "").with_suffix(".html")
    )
    text = page.read_text(encoding="utf-8")

    assert title in Reader(text).text
    assert not Reader(text).scripts


def test_cells_and_texts_keep_their_order() -> None:
    """Each with the line on which it begins."""
    parsed = parse_document(f"{FRONT}\nOne.\n\n```{{python}}\n1\n```\n\nTwo `{{python}} 2`.\n", "page.qmd")

    assert parsed.front_matter["title"] == "A document"
    assert parsed.parts == (TextPart("One.", 8), CodeCell("1", 11), TextPart("Two `{python} 2`.", 14))


def test_documents_of_one_process_see_nothing_of_each_other(tmp_path: Path) -> None:
    """A month starts it ahead; each document finds an empty namespace in it, and its own folder."""
    first = document(tmp_path, SAY + "```{python}\nleft = 1\nMd('first')\n```", name="first.qmd")
    second = document(tmp_path, "```{python}\nx = left\n```", name="second.qmd")
    engine = EmbeddedEngine()
    with engine.warm_up(first.parent):
        assert "first" in Reader(engine.render(first, tmp_path).read_text("utf-8")).text
        with pytest.raises(RenderError, match="NameError: name 'left' is not defined"):
            engine.render(second, tmp_path)
        assert "first" in Reader(engine.render(first, tmp_path).read_text("utf-8")).text


def test_the_engine_says_what_it_is() -> None:
    engine = select_engine("embedded")

    assert engine.name == "embedded"
    assert engine.get_version().startswith("pandoc 3")
    assert "QUARTO_PYTHON" not in os.environ

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from report.errors import MachineError, RenderError
from report.rendering import quarto
from report.rendering.embedded import EmbeddedEngine
from report.rendering.engine import select_engine
from report.rendering.quarto import QuartoEngine
from report.storage import paths
from tests.support.pages.documents import document

WHOLE = '<!DOCTYPE html>\n<title>T</title><main id="main"><section id="a"><h1>A</h1><a href="https://x.org">x</a></section></main>'


@pytest.fixture
def fake(tmp_path: Path) -> QuartoEngine:
    """Give a quarto that does what its script says; here, nothing yet."""
    return QuartoEngine(str(tmp_path / "quarto"))


def does(fake: QuartoEngine, script: str) -> None:
    """Let a quarto do this."""
    path = Path(fake.command)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_render_asks_for_html_with_the_facts(fake: QuartoEngine, tmp_path: Path) -> None:
    """In the document's folder, with this Python and this project for its cells."""
    path = document(tmp_path / "shop", "x") if (tmp_path / "shop").mkdir() is None else None
    does(fake, 'echo "$@" > said; pwd > where; echo "$QUARTO_PYTHON $PYTHONPATH" > with; cp ../page.html .')
    (tmp_path / "shop" / "page.html").write_text(WHOLE)
    page = fake.render(path, tmp_path / "a b" / "facts.json")

    assert page == path.with_suffix(".html")
    assert (
        path.parent / "said"
    ).read_text().strip() == f"render page.qmd --to html --no-execute-daemon -P facts:{tmp_path}/a b/facts.json"
    assert (path.parent / "where").read_text().strip() == str(path.parent)
    assert (path.parent / "with").read_text().split() == [sys.executable, str(paths.ROOT)]


def test_a_failing_quarto_is_quoted(fake: QuartoEngine, tmp_path: Path) -> None:
    """Without its colours and its own stack."""
    said = r"\033[31mERROR: the cell\n  failed.\033[39m\n\nStack trace:\n    at render (file:///quarto.js:1:2)"
    does(fake, f"echo '[1/1] page.qmd'; printf '{said}' >&2; exit 3")

    with pytest.raises(RenderError) as error:
        fake.render(document(tmp_path, "x"), tmp_path)
    assert str(error.value) == "page.qmd: Quarto ended with 3: ERROR: the cell failed."


def test_a_quarto_that_says_nothing_is_still_an_error(fake: QuartoEngine, tmp_path: Path) -> None:
    does(fake, "exit 1")

    with pytest.raises(RenderError, match="Quarto ended with 1: nothing"):
        fake.render(document(tmp_path, "x"), tmp_path)


@pytest.mark.parametrize("stale", [False, True])
def test_success_without_a_page_is_no_success(fake: QuartoEngine, tmp_path: Path, stale: bool) -> None:  # noqa: FBT001
    """A failing hook may exit with 0; a page of an earlier run is not this one's."""
    path = document(tmp_path, "x")
    if stale:
        path.with_suffix(".html").write_text("of yesterday")
    does(fake, 'echo "Output created: page.html."')

    with pytest.raises(
        RenderError, match=r"page\.qmd: Quarto made no page\.html. It said: Output created: page\.html\.$"
    ):
        fake.render(path, tmp_path)


def test_bytes_that_are_no_text_are_quoted_too(fake: QuartoEngine, tmp_path: Path) -> None:
    does(fake, "printf 'b\\303\\244d \\377' >&2; exit 1")

    with pytest.raises(RenderError, match="Quarto ended with 1: bäd"):
        fake.render(document(tmp_path, "x"), tmp_path)


def test_a_quarto_that_cannot_be_run_is_named(fake: QuartoEngine, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"page\.qmd: Quarto at .*quarto can't be run"):
        fake.render(document(tmp_path, "x"), tmp_path)


def test_a_quarto_that_never_ends_is_ended(fake: QuartoEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarto, "_TIMEOUT_SECONDS", 0.3)
    does(fake, "exec sleep 20")

    with pytest.raises(RenderError, match=r"can't be run .*timed out"):
        fake.render(document(tmp_path, "x"), tmp_path)


def test_the_version_is_what_it_says_and_no_warning_of_it(fake: QuartoEngine) -> None:
    does(fake, 'echo "deno: a new version is there" >&2; echo 1.9.38')

    assert fake.get_version() == "1.9.38"


def test_auto_takes_quarto_where_it_is(fake: QuartoEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the embedded engine where it isn't, or was asked for."""
    does(fake, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))

    assert select_engine("auto") == fake
    assert select_engine("quarto") == fake
    assert isinstance(select_engine("embedded"), EmbeddedEngine)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert isinstance(select_engine("auto"), EmbeddedEngine)
    with pytest.raises(MachineError, match="there is no quarto on this machine"):
        select_engine("quarto")


def test_the_quarto_of_the_environment_goes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: QuartoEngine
) -> None:
    """`make report` installs it beside this Python."""
    does(fake, "exit 0")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    assert QuartoEngine.find_installed() == fake


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (('id="main"', ""), r"wasn't made with templates/page\.html"),
        (("<title>", '<link href="site_libs/tippy.css"><title>'), r"asks for 'site_libs/tippy\.css'"),
        (("<h1>A", '<img src="https://x.org/a.png"><h1>A'), r"asks for 'https://x\.org/a\.png'"),
        (("<!DOCTYPE html>\n", ""), "has no doctype"),
        (("section", "div"), "a heading has no section around it"),
        (("</h1>", "</h1><code>{python} page.say(words.x)</code>"), r"the page shows 'page\.say\(words\.x\)'"),
        (("</h1>", "</h1><strong>?@fig-nothing</strong>"), "refers to 'fig-nothing', and no figure or table"),
        (("<title>", "<title>\udcff"), "isn't UTF-8"),
    ],
)
def test_a_page_that_is_not_whole_is_refused(
    fake: QuartoEngine, tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    """Each was made by a real Quarto of a document or a project that lacked something, with exit code 0."""
    path = document(tmp_path, "x")
    (tmp_path / "page.html").write_bytes(WHOLE.replace(*change).encode(errors="surrogateescape"))
    does(fake, "cp ../page.html .")

    with pytest.raises(RenderError, match=rf"page\.qmd: .*{sentence}"):
        fake.render(path, tmp_path / "facts.json")


def test_the_shipped_project_reaches_documents_and_leaves_nothing_that_git_sees() -> None:
    """What Quarto adds to a .gitignore stands there already, and its environment names the one that `make` sets up."""
    assert {"/.quarto/", "**/*.quarto_ipynb"} <= set((paths.ROOT / ".gitignore").read_text().splitlines())
    assert "QUARTO_PYTHON=${PWD}/.venv/bin/python" in (paths.ROOT / "_environment").read_text()


def test_the_cells_run_in_this_python_whatever_kernels_there_are(
    fake: QuartoEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home's `python3`, or that of another JUPYTER_PATH, would have other packages: Jupyter finds ours first."""
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere")
    does(fake, 'echo "$JUPYTER_PATH" > with; cp ../page.html .')
    (tmp_path / "page.html").write_text(WHOLE)
    path = document(tmp_path, "x")
    fake.render(path, tmp_path / "facts.json")
    place = Path((path.parent / "with").read_text().strip())

    assert json.loads((place / "kernels" / "python3" / "kernel.json").read_text())["argv"][0] == sys.executable

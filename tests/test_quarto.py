import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from facts_factory import month
from pages import Reader, document, render

from report import files
from report.engines import find_engine, quarto
from report.engines.embedded import Embedded
from report.engines.quarto import Quarto
from report.errors import MachineError, RenderError

REAL = Quarto.find()
needs_quarto = pytest.mark.skipif(REAL is None, reason="there is no quarto on this machine")


@pytest.fixture
def fake(tmp_path: Path) -> Quarto:
    """Give a quarto that does what its script says; here, nothing yet."""
    return Quarto(str(tmp_path / "quarto"))


def does(fake: Quarto, script: str) -> None:
    """Let a quarto do this."""
    path = Path(fake.command)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_render_asks_for_html_with_the_facts(fake: Quarto, tmp_path: Path) -> None:
    """In the document's folder, with this Python and this project for its cells."""
    path = document(tmp_path / "shop", "x") if (tmp_path / "shop").mkdir() is None else None
    does(fake, 'echo "$@" > said; pwd > where; echo "$QUARTO_PYTHON $PYTHONPATH" > with; touch page.html')
    page = fake.render(path, tmp_path / "a b" / "facts.json")

    assert page == path.with_suffix(".html")
    assert (
        path.parent / "said"
    ).read_text().strip() == f"render page.qmd --to html -P facts:{tmp_path}/a b/facts.json"
    assert (path.parent / "where").read_text().strip() == str(path.parent)
    assert (path.parent / "with").read_text().split() == [sys.executable, str(files.ROOT)]


def test_a_failing_quarto_is_quoted(fake: Quarto, tmp_path: Path) -> None:
    does(fake, 'echo "[1/1] page.qmd"; echo "ERROR: the cell\n  failed." >&2; exit 3')

    with pytest.raises(RenderError) as error:
        fake.render(document(tmp_path, "x"), tmp_path)
    assert str(error.value) == (
        "Quarto ended with 3: ERROR: the cell / failed. Try ENGINE=embedded, which makes the same pages."
    )


def test_a_quarto_that_says_nothing_is_still_an_error(fake: Quarto, tmp_path: Path) -> None:
    does(fake, "exit 1")

    with pytest.raises(RenderError, match="Quarto ended with 1: nothing"):
        fake.render(document(tmp_path, "x"), tmp_path)


@pytest.mark.parametrize("stale", [False, True])
def test_success_without_a_page_is_no_success(fake: Quarto, tmp_path: Path, stale: bool) -> None:  # noqa: FBT001
    """A failing hook may exit with 0; a page of an earlier run is not this one's."""
    path = document(tmp_path, "x")
    if stale:
        path.with_suffix(".html").write_text("of yesterday")
    does(fake, 'echo "Output created: page.html."')

    with pytest.raises(
        RenderError, match=r"page\.qmd: Quarto made no page\.html. It said: Output created: page\.html\.$"
    ):
        fake.render(path, tmp_path)


def test_bytes_that_are_no_text_are_quoted_too(fake: Quarto, tmp_path: Path) -> None:
    does(fake, "printf 'b\\303\\244d \\377' >&2; exit 1")

    with pytest.raises(RenderError, match="Quarto ended with 1: bäd"):
        fake.render(document(tmp_path, "x"), tmp_path)


def test_a_quarto_that_cannot_be_run_is_named(fake: Quarto, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"Quarto at .*quarto can't be run .*Try ENGINE=embedded"):
        fake.render(document(tmp_path, "x"), tmp_path)


def test_a_quarto_that_never_ends_is_ended(
    fake: Quarto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarto, "_PATIENCE", 0.3)
    does(fake, "exec sleep 20")

    with pytest.raises(RenderError, match=r"can't be run .*timed out"):
        fake.render(document(tmp_path, "x"), tmp_path)


def test_the_version_is_what_it_says_and_no_warning_of_it(fake: Quarto) -> None:
    does(fake, 'echo "deno: a new version is there" >&2; echo 1.9.38')

    assert fake.version() == "1.9.38"


def test_auto_takes_quarto_where_it_is(fake: Quarto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the embedded engine where it isn't, or was asked for."""
    does(fake, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))

    assert find_engine("auto") == fake
    assert find_engine("quarto") == fake
    assert isinstance(find_engine("embedded"), Embedded)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert isinstance(find_engine("auto"), Embedded)
    with pytest.raises(MachineError, match="there is no quarto on this machine"):
        find_engine("quarto")


def test_the_quarto_of_the_environment_goes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: Quarto
) -> None:
    """`make report` installs it beside this Python."""
    does(fake, "exit 0")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    assert Quarto.find() == fake


@needs_quarto
@pytest.mark.parametrize("name", ["report.qmd", "executive.qmd"])
def test_both_engines_make_the_same_page(tmp_path: Path, name: str) -> None:
    """The same words in the same order, the same figures, the same references."""
    facts = tmp_path / "facts.json"
    facts.write_text(files.facts_text(month(4, first=False)), encoding="utf-8")
    pages = []
    for engine in ("quarto", "embedded"):
        path = files.workshop(tmp_path / engine) / "report" / name
        made = REAL.render(path, facts) if engine == "quarto" and REAL else render(path, facts=facts)[0]
        pages.append(Reader(made.read_text("utf-8")))
    ours, theirs = pages[1], pages[0]

    assert theirs.text == ours.text
    assert [a.get("alt") for a in theirs.all("img")] == [a.get("alt") for a in ours.all("img")]
    links = [[a["href"] for a in page.all("a") if a.get("href", "").startswith("#")] for page in pages]
    assert links[0] == links[1]
    assert shutil.which("quarto") or Path(REAL.command).exists()

"""What any engine must make of a month, asked of each that is here, and of a stand-in for Quarto where none is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pypdfium2
import pytest

from report.pages.profiles import list_profile_file_names
from report.publish import publish_month
from report.rendering import embedded
from report.rendering.embedded import EmbeddedEngine
from report.rendering.quarto import QuartoEngine
from report.settings import Settings
from report.storage import paths
from report.storage.timing import StageTimer
from segmentation.facts import Facts
from tests.support import ROOT
from tests.support.facts.factory import awkward
from tests.support.pages.documents import Reader, fetched, first_line
from tests.support.pages.rendered import Rendered, rendered, run_here  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from report.rendering.engine import RenderEngine

REAL = QuartoEngine.find_installed()
no_quarto = pytest.mark.skipif(REAL is None, reason="there is no quarto on this machine")
MONTHS = ("not synthetic", "nothing found")  # the second is synthetic
OTHERS = [
    *(("stand-in", name) for name in MONTHS),
    *(pytest.param("quarto", name, marks=no_quarto) for name in (*MONTHS, "ten, later", "markup")),
]
EVERY = [*(("embedded", name) for name in MONTHS), *OTHERS]
NOW = datetime(2026, 11, 2, 7, tzinfo=UTC)


def standin(folder: Path, drawings: Path) -> QuartoEngine:
    """Put the stand-in where a quarto may lie; charts that other tests drew aren't drawn again."""
    command = folder / "quarto"
    command.write_text(
        f'#!/bin/sh\nexport PYTHONPATH="{ROOT}" DRAWINGS="{drawings}"\n'
        f'exec "{sys.executable}" -m tests.support.pages.quarto_standin "$@"\n',
        encoding="utf-8",
    )
    command.chmod(0o755)
    return QuartoEngine(str(command))


def month(rendered: Rendered, name: str) -> Facts:  # noqa: F811
    """Give a month by its name: the sample as if it were real, or an awkward one."""
    if name == "not synthetic":
        facts = rendered.month("sample")
        return replace(facts, source=replace(facts.source, synthetic=False))
    return awkward(name)


@pytest.fixture(scope="module")
def made(rendered: Rendered) -> Any:  # noqa: F811
    """Give a month's folder as an engine makes it, below a folder whose name begins with a dot, once for all workers."""

    def give(engine: str, name: str) -> Path:
        def make(place: Path) -> None:
            engines: dict[str, RenderEngine | None] = {"embedded": EmbeddedEngine(), "quarto": REAL}
            renderer = engines.get(engine) or standin(place, rendered.folder.with_name("drawings"))
            facts = month(rendered, name)
            folder = place / ".2026-10-making"
            bench = paths.create_workspace(folder / "workshop") / "report"
            (folder / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")
            with (
                mock.patch.dict(os.environ, {"PYTHONWARNINGS": "ignore"}),
                mock.patch.object(embedded, "_run_in_worker", run_here),  # workers have tests of their own
            ):
                pages = publish_month(facts, folder, bench, renderer, Settings(), StageTimer(lambda _: None), NOW)
            (folder / "pages").write_text(str(pages))

        return rendered._once(f"contract-{engine}-{name}", make) / ".2026-10-making"

    return give


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Give every page of every PDF as text."""
    for path in sorted(folder.rglob("*.pdf")):
        for number, page in enumerate(pypdfium2.PdfDocument(path), 1):
            yield f"{path.name} {number}", page.get_textpage().get_text_bounded()


def pixels(folder: Path) -> Iterator[tuple[str, Any]]:
    """Give every page of every PDF as a picture."""
    for path in sorted(folder.rglob("*.pdf")):
        for number, page in enumerate(pypdfium2.PdfDocument(path), 1):
            yield f"{path.name} {number}", page.render(scale=1).to_numpy()


@pytest.mark.parametrize(("engine", "name"), EVERY)
def test_every_page_is_whole(made: Any, engine: str, name: str) -> None:
    """Nothing of the source, no unresolved reference, nothing asked of a network, and charts that answer."""
    folder = made(engine, name)
    page = (folder / "report.html").read_text("utf-8")
    read = Reader(page)

    for what, text in (("report.html", read.text), *texts(folder)):
        assert "{python}" not in text.replace("{python} me", ""), what  # a category of the awkward month is called so
        assert "?@" not in text, what
    assert fetched(page) == []
    assert page.startswith("<!DOCTYPE html>")
    assert len([a for a, _ in read.scripts if a.get("class") == "chart"]) == len(
        [div for div in read.all("div") if div.get("id", "").startswith("fig-")]
    )
    assert {a["href"][1:] for a in read.all("a") if a.get("href", "").startswith("#")} <= {
        one["id"] for _, one in read.elements if "id" in one
    }


@pytest.mark.parametrize(("engine", "name"), [one for one in EVERY if getattr(one, "values", one)[1] in MONTHS])
def test_every_segment_begins_a_page_and_every_brief_carries_its_own(made: Any, engine: str, name: str) -> None:
    """For every segment: one page of the PDF begins with its name, and so does its brief's."""
    folder = made(engine, name)
    facts = paths.read_facts(folder / "facts.json")
    count = len(pypdfium2.PdfDocument(folder / "executive.pdf"))
    begin = [first_line(folder / "executive.pdf", number)[:30] for number in range(count)]
    names = [" ".join(segment.name.split())[:30] for segment in facts.segments]

    assert count == int((folder / "pages").read_text())
    assert [begin.count(name) for name in names] == [1] * len(names)
    if facts.structure.reliable:
        stems = list_profile_file_names(facts)
        assert [first_line(folder / "briefs" / f"{stem}.pdf")[:30] for stem in stems] == names
    else:
        assert not list((folder / "briefs").glob("*.pdf"))


@pytest.mark.parametrize(("engine", "name"), OTHERS)
def test_another_engine_makes_the_same_pages(made: Any, engine: str, name: str) -> None:
    """The words, figures and links of the report, and every page of every PDF as text and as pixels."""
    ours, theirs = made("embedded", name), made(engine, name)
    pages = [Reader((folder / "report.html").read_text("utf-8")) for folder in (ours, theirs)]

    assert pages[1].text == pages[0].text
    for tag, attribute in (("img", "alt"), ("a", "href")):
        values = [[one.get(attribute) for one in page.all(tag)] for page in pages]
        assert values[1] == values[0]
    assert pages[1].scripts == pages[0].scripts
    assert dict(texts(theirs)) == dict(texts(ours))
    for (what, here), (_, there) in zip(pixels(ours), pixels(theirs), strict=True):
        assert np.array_equal(here, there), what
    for path in (ours / "briefs").glob("*.html"):
        assert (theirs / "briefs" / path.name).read_bytes() == path.read_bytes()


@no_quarto
def test_a_fresh_clone_is_rendered_as_a_quarto_user_would(tmp_path: Path) -> None:
    """`quarto render` makes a month first where none was made, both pages, and nothing that git sees."""
    assert REAL is not None
    clone = tmp_path / "clone"
    listed = subprocess.run(["git", "ls-files"], cwd=paths.ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout, so it can't be cloned")
    for name in listed.stdout.split("\n"):
        if name.partition("/")[0] in ("tests", "docs", "") or name in ("data/2026-09.csv", "data/2026-10.csv"):
            continue
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.ROOT / name, clone / name)
    (clone / ".venv").symlink_to(Path(sys.prefix))
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=clone, check=True)
    environment = os.environ | {"PYTHONPATH": str(clone), "PWD": str(clone)}
    done = subprocess.run(
        [REAL.command, "render"], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    seen = subprocess.run([*git, "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)

    assert done.returncode == 0, done.stderr[-1500:]
    assert seen.stdout == ""
    for name in ("report", "executive"):
        assert "August" in Reader((clone / "report" / f"{name}.html").read_text("utf-8")).text

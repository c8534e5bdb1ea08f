"""How a month is made: what the run does with facts, engine and folder. One is made whole, in this process; the others publish nothing."""

import base64
import contextlib
import io
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pikepdf
import pypdfium2
import pytest
from fontTools.ttLib import TTFont

from report import history, publish
from report import run as runs
from report.errors import RenderError
from report.rendering import embedded
from report.rendering.embedded import EmbeddedEngine
from report.rendering.quarto import QuartoEngine
from report.settings import Settings
from report.storage import paths
from segmentation.facts import Facts
from tests.support.facts import factory as facts_factory
from tests.support.pages.documents import Reader
from tests.support.pages.rendered import run_here
from tests.support.runs.in_process import here

NOW = datetime(2026, 9, 20, 7, tzinfo=UTC)  # October has not begun
BROKEN = '#!/bin/sh\ntest "$1" = --version && echo 1.9.38 && exit\necho no such thing >&2; exit 3\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Make a month that has not begun, where Quarto is there and fails."""
    place = tmp_path_factory.mktemp("making")
    source, quarto = place / "2026-10.csv", place / "quarto"
    facts_factory.users(240).to_csv(source, index=False)
    os.utime(source, (NOW.timestamp(), NOW.timestamp()))
    quarto.write_text(BROKEN)
    quarto.chmod(0o755)
    settings = Settings(segments={"k": 2, "k_range": [2, 4], "n_init": 1}, page={"paper": "Letter"})
    plan, told = Settings.build_options, []
    with (
        mock.patch.object(runs, "start_worker", here),
        mock.patch.object(history, "start_worker", return_value=contextlib.nullcontext()),
        mock.patch.object(Settings, "build_options", lambda dials: replace(plan(dials), draws=2, bootstraps=4)),
        mock.patch.object(QuartoEngine, "find_installed", return_value=QuartoEngine(str(quarto))),
        mock.patch.object(embedded, "_run_in_worker", run_here),
    ):
        run = runs.build_report(
            source, "2026-10", settings, engine="auto", output=place / "out", now=NOW, report_progress=told.append
        )
    return SimpleNamespace(run=run, folder=place / "out" / "2026-10", source=source, told=told)


def test_a_run_says_what_it_made(made: SimpleNamespace) -> None:
    """The facts of the file, the folder, the engine that came through and why it wasn't the first, the PDF's pages, the time."""
    run = made.run

    assert paths.dump_facts_json(run.facts) == (made.folder / "facts.json").read_text("utf-8")
    assert run.folder == made.folder
    assert run.engine == "embedded"
    assert run.fallback == "executive.qmd: Quarto ended with 3: no such thing."
    assert run.pages == len(pypdfium2.PdfDocument(made.folder / "executive.pdf"))
    assert 0 < run.seconds < 3600


def test_the_stages_are_told_in_their_order(made: SimpleNamespace) -> None:
    """Those that Quarto cut short come again."""
    stages = [one for one in made.told if one in json.loads((made.folder / "run.json").read_text())["seconds"]]

    assert stages == [
        "Finding segments",
        "Cutting the fonts",
        "Writing the profiles",
        "Rendering the executives' pages",
        "Cutting the fonts",
        "Writing the profiles",
        "Rendering the executives' pages",
        "Printing the PDF",
        "Writing the briefs",
        "Rendering the report",
    ]
    assert {"Reading the users", "Writing each user's segment", "Rendering again without Quarto, which failed"} <= set(
        made.told
    )


def test_a_month_has_these_files_and_no_others(made: SimpleNamespace) -> None:
    """A page, and a brief as three files, for each of the two segments; no workshop."""
    names = ["frequent-heavy-listeners", "occasional-light-listeners"]

    assert sorted(path.name for path in made.folder.parent.iterdir()) == ["2026-10"]
    assert sorted(str(path.relative_to(made.folder)) for path in made.folder.rglob("*")) == [
        "briefs",
        *(f"briefs/{name}.{kind}" for name in names for kind in ("eml", "html", "pdf")),
        "executive.pdf",
        "facts.json",
        "profiles",
        *(f"profiles/{name}.html" for name in names),
        "report.html",
        "run.json",
        "segments.parquet",
    ]


def test_a_month_that_has_not_begun_is_held(made: SimpleNamespace) -> None:
    """In the facts, on page one and at the top of the report."""
    sentence = (
        "Held: before these numbers are used, somebody should look at the month’s file. October 2026 has not begun."
    )
    paper = pypdfium2.PdfDocument(made.folder / "executive.pdf")[0].get_textpage().get_text_bounded()
    screen = Reader((made.folder / "report.html").read_text("utf-8")).text

    assert [one.kind for one in made.run.facts.suspicions] == ["future"]
    for text in (paper, screen):
        assert plain(sentence) in plain(text)


def plain(text: str) -> str:
    """Give a text with plain spaces and quotes."""
    return " ".join(text.replace("\u00a0", " ").replace("’", "'").split())


def test_every_segment_has_the_play_that_the_playbook_advises(made: SimpleNamespace) -> None:
    """The first whose `when` fits: 0.4 standard deviations or more from the average are low or high, as the file says."""
    rules = tomllib.loads((paths.TEMPLATES / "playbook.toml").read_text("utf-8"))["play"]

    def fits(centre: float, level: str) -> bool:
        return {"low": centre <= -0.4, "high": centre >= 0.4}.get(level, abs(centre) < 0.4)

    for segment in made.run.facts.segments:
        first = next(
            rule
            for rule in rules
            if all(fits(segment.centre[name], level) for name, level in rule.get("when", {}).items())
        )
        assert segment.play is not None
        assert (segment.play.rule, segment.play.offer) == (first["name"], first["offer"])
    assert len({segment.play.rule for segment in made.run.facts.segments}) == 2


def test_run_json_says_what_would_make_the_month_again(made: SimpleNamespace) -> None:
    said = json.loads((made.folder / "run.json").read_text())

    assert list(said) == [
        *("month", "engine", "engine_version", "engine_fallback", "python", "versions", "input", "seed", "seconds"),
        "missing_fonts",
    ]
    assert (said["month"], said["engine"], said["seed"]) == ("2026-10", "embedded", 2026)
    assert said["engine_version"].startswith("pandoc 3")
    assert said["engine_fallback"] == made.run.fallback
    assert said["python"] == ".".join(map(str, sys.version_info[:3]))
    parts = ("altair", "duckdb", "numpy", "pandas", "scikit-learn", "vl-convert-python", "weasyprint")
    assert said["versions"] == {name: version(name) for name in parts}
    assert said["input"] == {
        "name": "2026-10.csv",
        "sha256": paths.hash_file(made.source),
        "hash_of": "the file's bytes",
    }
    assert (
        said["seconds"]["all"]
        == round(made.run.seconds, 3)
        > max(seconds for stage, seconds in said["seconds"].items() if stage != "all")
    )


def test_the_pdf_is_of_the_sheet_and_known_by_the_file(made: SimpleNamespace) -> None:
    """Letter, as settings say: 8.5 by 11 inches of 72 points; and the first half of the file's hash, so the same for the same users."""
    with pikepdf.open(made.folder / "executive.pdf") as pdf:
        assert [float(side) for side in pdf.pages[0].mediabox] == [0, 0, 612, 792]
        assert bytes(pdf.trailer.ID[0]) == paths.hash_file(made.source)[:32].encode()
        assert list(pdf.attachments) == ["facts.json"]
        assert pdf.attachments["facts.json"].get_file().read_bytes() == (made.folder / "facts.json").read_bytes()


def test_every_page_brings_the_letters_that_it_shows(made: SimpleNamespace) -> None:
    """Of each weight, in fonts that its head carries, once."""
    for path in (made.folder / "report.html", *(made.folder / "profiles").iterdir()):
        page = path.read_text("utf-8")
        fonts = re.findall(r"@font-face \{[^}]*base64,([\w+/=]+)\)", page.partition("</head>")[0])
        shown = {ord(letter) for letter in Reader(page).text if letter.isprintable()}

        assert len(fonts) == 3, path.name
        for font in fonts:
            assert shown <= TTFont(io.BytesIO(base64.b64decode(font))).getBestCmap().keys(), path.name


def test_what_was_published_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    """Before a month is rendered again: its users and facts stay."""
    for name in ("profiles", "briefs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.html").write_text("")
    for name in ("executive.pdf", "report.html", "facts.json", "segments.parquet"):
        (tmp_path / name).write_text("")

    publish.remove_published(tmp_path)
    publish.remove_published(tmp_path)  # nothing there is nothing to delete

    assert sorted(path.name for path in tmp_path.iterdir()) == ["facts.json", "segments.parquet"]


# --- months that publish nothing


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., runs.ReportRun]:
    """Make a month of these facts; what publishes is called with what a run hands to it."""
    source = tmp_path / "2026-10.csv"
    source.write_text("user_id\n")

    def make_month(facts: Facts, published: Callable[..., int], engine: Any = "embedded") -> runs.ReportRun:
        @contextlib.contextmanager
        def analysed(*_: object) -> Iterator[SimpleNamespace]:
            done = SimpleNamespace(result=lambda: facts)
            yield SimpleNamespace(submit_reporting=lambda *_, **__: done)

        with (
            mock.patch.object(runs, "start_worker", analysed),
            mock.patch.object(publish, "prepare_publishing"),
            mock.patch.object(publish, "publish_month", published),
            mock.patch.object(EmbeddedEngine, "warm_up", return_value=contextlib.nullcontext()),
            mock.patch.object(QuartoEngine, "find_installed", return_value=None),
        ):
            return runs.build_report(
                *(source, "2026-10", Settings()),
                engine=engine,
                output=tmp_path / "out",
                now=datetime(2026, 11, 2, 7, tzinfo=UTC),
                report_progress=lambda _: None,
            )

    return make_month


def test_nothing_is_sold_where_nothing_is_reliable(make: Callable[..., runs.ReportRun]) -> None:
    """No play in the facts, whatever the playbook would advise; where something is reliable there are plays."""
    without = facts_factory.unreliable(facts_factory.month(4))
    with_some = replace(without, structure=replace(without.structure, reliable=True))
    published: list[Facts] = []

    def publish_nothing(facts: Facts, *_: object) -> int:
        published.append(facts)
        return 7

    for facts in (without, with_some):
        run = make(facts, publish_nothing)
        assert run.pages == 7
        assert run.facts == published[-1]
        assert paths.dump_facts_json(run.facts) == (run.folder / "facts.json").read_text("utf-8")
        assert run.facts.suspicions == ()
    assert [[segment.play is not None for segment in facts.segments] for facts in published] == [
        [False] * 4,
        [True] * 4,
    ]


@pytest.mark.parametrize("engine", ["auto", "embedded"])
def test_a_page_that_cannot_be_made_ends_the_run_where_no_other_engine_can(
    make: Callable[..., runs.ReportRun], engine: str, tmp_path: Path
) -> None:
    """It is tried once; the last good month stays, and nothing beside it."""
    make(facts_factory.month(4), lambda *_: 1)
    before = (tmp_path / "out" / "2026-10" / "facts.json").read_bytes()
    tried = mock.Mock(side_effect=RenderError("page.qmd: no."))

    with pytest.raises(RenderError, match=r"^page.qmd: no\.$"):
        make(facts_factory.month(2), tried, engine)

    assert tried.call_count == 1
    assert (tmp_path / "out" / "2026-10" / "facts.json").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2026-10"]

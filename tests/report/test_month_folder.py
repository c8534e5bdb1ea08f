"""One month, end to end, as `make report` makes it: a process of its own, a real kernel, settings that differ from usual."""

import contextlib
import hashlib
import io
import json
import signal
import stat
import sys
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema
import numpy as np
import pandas as pd
import pikepdf
import pypdfium2
import pytest

from report import cli
from report import run as month
from report.mail import policy
from report.rendering import embedded
from report.rendering.embedded import EmbeddedEngine
from report.settings import Settings
from report.storage import paths
from report.text import sentences
from segmentation.facts import Facts
from tests.support.facts import factory as facts_factory
from tests.support.music import read_playbook
from tests.support.pages.documents import Reader, fetched
from tests.support.pages.rendered import PASSWORD, Rendered, rendered, run_here  # noqa: F401 - one is a fixture
from tests.support.runs.in_process import here


@pytest.fixture(scope="module")
def run(rendered: Rendered) -> Path:  # noqa: F811
    """Run `python -m report` on the newest sample month, with the one before beside it, once for all workers."""
    return rendered.run()


@pytest.fixture(scope="module")
def folder(run: Path) -> Path:
    """Give the month's folder."""
    code, _, errors = json.loads((run / "said.json").read_text())
    assert code == 0, errors
    assert (run / "out" / "2026-10" / "report.html").exists()
    return run / "out" / "2026-10"


@pytest.fixture(scope="module")
def facts(folder: Path) -> Facts:
    """Give the month's facts."""
    return paths.read_facts(folder / "facts.json")


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, str]:
    """Give the text of every HTML page, by its name."""
    return {path.name: path.read_text("utf-8") for path in [folder / "report.html", *(folder / "profiles").iterdir()]}


@pytest.fixture(scope="module")
def sheets(folder: Path) -> list[str]:
    """Give the text of every page of the PDF."""
    reader = pypdfium2.PdfDocument(folder / "executive.pdf")
    return [page.get_textpage().get_text_bounded() for page in reader]


def flat(text: str) -> str:
    """Give a text without the places where lines end, and with plain spaces and hyphens."""
    return " ".join(text.replace("\ufffe", "-").replace("\u00a0", " ").split())


def test_everything_that_was_promised_is_there(folder: Path, facts: Facts) -> None:
    """Whole: what ends a page stands in each, the PDF has the table's numbers of pages, and each segment has its own."""
    names = [segment.name.lower().replace(" ", "-") for segment in facts.segments]
    kinds = ("eml", "html", "pdf")
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        *("report.html", "executive.pdf", "facts.json", "segments.parquet", "run.json"),
        *(f"profiles/{name}.html" for name in names),
        *(f"briefs/{name}.{kind}" for name in names for kind in kinds),
    }
    for path in folder.rglob("*.html"):
        assert path.read_text("utf-8").rstrip().endswith("</html>"), path.name
    for path in folder.rglob("*.pdf"):
        assert pypdfium2.PdfDocument(path)[0].get_textpage().get_text_bounded().strip(), path.name


def test_the_same_month_gives_the_same_bytes(run: Path, rendered: Rendered) -> None:  # noqa: F811
    """On one thread and on two, in two folders, with two hash seeds: HTML, PDF, mails, facts and users, every file of it.

    But for run.json, which says how long each stage took.
    """
    trees = [
        {path.relative_to(made / "out"): path.read_bytes() for path in (made / "out").rglob("*") if path.is_file()}
        for made in (run, rendered.run(threads=2))
    ]
    here, there = ({str(name): tree[name] for name in tree if name.name != "run.json"} for tree in trees)

    assert {"2026-10/report.html", "2026-10/executive.pdf", "2026-10/facts.json", "2026-09/facts.json"} <= set(here)
    assert len([name for name in here if name.endswith(".eml")]) == 3
    assert [name for name in here.keys() | there.keys() if here.get(name) != there.get(name)] == []


def test_no_secret_and_no_place_of_this_machine_is_in_what_a_month_leaves(run: Path, folder: Path) -> None:
    """Not in any file as it is, nor in a mail's decoded parts or a PDF's streams: neither password nor folder."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        parts = [path.read_bytes()]
        if path.suffix == ".eml":
            parts += [part.get_payload(decode=True) or b"" for part in message_from_bytes(parts[0]).walk()]
        if path.suffix == ".pdf":
            with pikepdf.open(path) as pdf:
                parts += [bytes(one.read_bytes()) for one in pdf.objects if isinstance(one, pikepdf.Stream)]
        secrets = [one for one in (PASSWORD, str(run), str(paths.ROOT), str(Path.home())) if len(one) > 3]
        found += [(path.name, secret) for secret in secrets for part in parts if secret.encode() in part]

    assert found == []


def test_nothing_is_left_behind(run: Path) -> None:
    """Beside the month stand the one before it, which was worked out, and word of how the run ended; nothing hidden."""
    left = sorted(path.name for path in (run / "out").iterdir())

    assert left == ["2026-09", "2026-10", "last-run.json"]


def test_files_are_as_small_as_promised(folder: Path) -> None:
    assert 100_000 < (folder / "executive.pdf").stat().st_size <= 1_000_000
    assert 200_000 < (folder / "report.html").stat().st_size <= 2_000_000


def test_settings_were_heard(folder: Path, facts: Facts, pages: dict[str, str], sheets: list[str]) -> None:
    """The number of segments, the brand, its colour and the paper."""
    assert len(facts.segments) == facts.elbow.chosen == 3
    assert facts.elbow.decided_by == "settings"
    assert facts.starts == 4
    assert all("Larkspur Radio" in Reader(page).text and "#7a1f3d" in page for page in pages.values())
    assert "Larkspur Radio" in sheets[0]
    with pikepdf.open(folder / "executive.pdf") as pdf:
        assert [float(side) for side in pdf.pages[0].mediabox[2:]] == [612, 792]


def test_facts_fit_the_published_schema(folder: Path) -> None:
    published = json.loads((paths.ROOT / "docs" / "facts.schema.json").read_text("utf-8"))

    jsonschema.Draft202012Validator(published).validate(json.loads((folder / "facts.json").read_text("utf-8")))


def test_the_books_balance(facts: Facts) -> None:
    """Kept and dropped add up to read, segments to kept."""
    assert facts.audit.kept + sum(drop.rows for drop in facts.audit.dropped) == facts.audit.read == 4914
    assert sum(segment.users for segment in facts.segments) == facts.audit.kept


def test_the_run_says_how_it_was_made(folder: Path, facts: Facts) -> None:
    """Whoever wants the same report again needs this."""
    told: dict[str, Any] = json.loads((folder / "run.json").read_text())

    assert told["month"] == "2026-10"
    assert told["engine"] == "embedded"
    assert told["engine_version"].startswith("pandoc 3")
    assert told["input"] == {
        "name": "2026-10.csv",
        "sha256": hashlib.sha256((paths.ROOT / "data" / "2026-10.csv").read_bytes()).hexdigest(),
        "hash_of": "the file's bytes",
    }
    assert told["seed"] == facts.seed == 2026
    assert {"altair", "weasyprint", "scikit-learn"} <= set(told["versions"])
    assert 0 < max(v for k, v in told["seconds"].items() if k != "all") <= told["seconds"]["all"]


def test_a_row_a_user_is_in_one_file_that_only_its_owner_reads(folder: Path, facts: Facts) -> None:
    path = folder / "segments.parquet"
    users = pd.read_parquet(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(users) == facts.audit.kept
    assert users["segment"].value_counts().to_dict() == {segment.id: segment.users for segment in facts.segments}


def test_no_page_asks_a_network(pages: dict[str, str]) -> None:
    """Nor any file beside it."""
    for name, page in pages.items():
        assert fetched(page) == [], name


def test_no_pdf_asks_a_network(folder: Path) -> None:
    """No link but into itself, no script, nothing that opens by itself."""
    with pikepdf.open(folder / "executive.pdf") as pdf:
        assert "/OpenAction" not in pdf.Root
        assert "/AA" not in pdf.Root
        links = [note for page in pdf.pages for note in page.get("/Annots", [])]
        assert [
            note.A.URI
            for note in links
            if "/A" in note and "/URI" in note.A and not str(note.A.URI).startswith("mailto:")
        ] == []
        assert not [
            obj for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/S") == "/JavaScript"
        ]


def test_every_page_says_that_its_users_are_made_up(pages: dict[str, str], sheets: list[str]) -> None:
    """Somebody will forward page five alone."""
    for name, page in pages.items():
        assert "synthetic sample data" in Reader(page).text.lower(), name
    for number, sheet in enumerate(sheets, 1):
        assert "synthetic sample data" in flat(sheet).lower(), f"page {number}"


def test_the_same_sentences_stand_on_the_screen_and_on_paper(
    facts: Facts, pages: dict[str, str], sheets: list[str]
) -> None:
    paper, screen = flat(" ".join(sheets)), flat(Reader(pages["report.html"]).text)

    for sentence in (sentences.write_headline, sentences.describe_certainty, sentences.describe_cleaning):
        said = flat(sentence(facts))
        assert said in screen
        assert said.replace("-", "") in paper.replace("-", "")


def test_every_segment_is_on_every_kind_of_page(facts: Facts, pages: dict[str, str], sheets: list[str]) -> None:
    paper = flat(" ".join(sheets))
    for segment in facts.segments:
        assert segment.name in paper
        assert segment.name in Reader(pages["report.html"]).text
        (own,) = [page for name, page in pages.items() if name != "report.html" and f"<title>{segment.name}" in page]
        assert flat(sentences.describe_average_user(facts, segment)) in flat(Reader(own).text)


def test_every_page_is_whole(pages: dict[str, str]) -> None:
    """A language, a title, a main part, one heading of the first rank; every link into the page leads somewhere."""
    for name, page in pages.items():
        read = Reader(page)
        assert page.lower().startswith("<!doctype html>"), name
        assert next(read.all("html"))["lang"] == "en", name
        assert len(list(read.all("main"))) == 1, name
        assert len(list(read.all("h1"))) == 1, name
        ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), name
        links = {a["href"][1:] for a in read.all("a") if a.get("href", "").startswith("#")}
        assert links - set(ids) == set(), name
        assert all(image.get("alt") for image in read.all("img")), name
        for stumble in ("None", "nan", "undefined", "{{", "{python}", "?@"):
            assert stumble not in read.text.split(), f"{name}: {stumble}"


def test_the_terminal_tells_the_month_in_short(run: Path, facts: Facts) -> None:
    """Where it isn't one, without stages that overwrite each other, and with nothing but what was made."""
    code, out, errors = json.loads((run / "said.json").read_text())

    assert (code, errors) == (0, "")
    assert "\x1b" not in out
    assert "\r" not in out
    assert out.replace("\u00a0", " ").startswith("October 2026 · 4,914 rows read, ")
    assert "3 segments (settings)" in out
    for segment in facts.segments:
        assert segment.name in out
        assert f"{segment.users:,}" in out
    for name in ("report.html", "executive.pdf", "profiles"):
        assert f"out/2026-10/{name}" in out
    assert "embedded engine" in out
    for stage in ("Starting", "Rendering", "Printing"):
        assert stage not in out


# --- a month that is worth nothing: users who fill a box evenly, a quarter of last month's, from a folder of two files


@pytest.fixture(scope="module")
def worthless(rendered: Rendered) -> Path:  # noqa: F811
    """Give the folder where it was made, with what was said; the analysis and the cells run in the process that makes it."""

    def make(place: Path) -> None:
        rng = np.random.default_rng(8)
        n = 120
        users = facts_factory.whole(
            pd.DataFrame(
                {
                    "age": rng.integers(18, 60, n),
                    "gender": rng.choice(["Female", "Male"], n),
                    "employment_status": rng.choice(["Student", "Retired"], n),
                    "annual_income": rng.integers(20_000, 80_000, n),
                    "usage_per_month": rng.integers(300, 1_600, n),
                    "top_genre": rng.choice(["Pop", "Rock"], n),
                    "num_of_days_active": rng.integers(50, 300, n),
                }
            )
        )
        (place / "2026-10").mkdir()
        users.head(70).to_csv(place / "2026-10" / "a.csv", index=False)
        users.tail(50).to_csv(place / "2026-10" / "b.csv", index=False)
        before = facts_factory.month(4)
        before = replace(before, month="2026-09", source=replace(before.source, synthetic=False))
        (place / "out" / "2026-09").mkdir(parents=True)
        (place / "out" / "2026-09" / "facts.json").write_text(paths.dump_facts_json(before), encoding="utf-8")
        (place / "settings.toml").write_text("[segments]\nk_range = [1, 5]\nn_init = 3\n")
        plan = Settings.build_options
        command = f"report report --data {place}/2026-10 --settings {place}/settings.toml --output {place}/out"
        with (
            mock.patch.object(sys, "argv", [*command.split(), "--engine", "embedded"]),
            mock.patch.object(embedded, "_run_in_worker", run_here),
            mock.patch.object(EmbeddedEngine, "warm_up", return_value=contextlib.nullcontext()),
            mock.patch.object(month, "start_worker", here),
            mock.patch.object(Settings, "build_options", lambda dials: replace(plan(dials), draws=4, bootstraps=8)),
            mock.patch.object(signal, "signal"),
            contextlib.redirect_stdout(io.StringIO()) as said,
            pytest.raises(SystemExit) as end,
        ):
            cli.run_command_line()
        (place / "said.json").write_text(json.dumps([end.value.code, said.getvalue()]))

    return rendered._once("month-worthless", make)


def test_a_month_without_reliable_segments_sells_nothing_and_one_unlike_the_last_is_held(worthless: Path) -> None:
    """On page one, on the screen and in the terminal; no play stands in the facts, and nobody is mailed."""
    code, out = json.loads((worthless / "said.json").read_text())
    folder = worthless / "out" / "2026-10"
    facts = paths.read_facts(folder / "facts.json")
    reason = "120 rows were read; in September 2026 480."
    nothing = "No reliable segments this month"
    first = flat(pypdfium2.PdfDocument(folder / "executive.pdf")[0].get_textpage().get_text_bounded())
    screen = flat(Reader((folder / "report.html").read_text("utf-8")).text)

    assert code == 0
    assert not facts.structure.reliable
    assert [segment.play for segment in facts.segments] == [None] * len(facts.segments)
    assert facts.suspicions[0].kind == "users"
    for said in (first, screen):
        assert "Held: before these numbers are used, somebody should look" in said
        assert reason in said
        assert nothing in said
    assert "none: no reliable segments" in out
    assert reason in flat(out)
    offers = {rule.offer for rule in read_playbook(paths.TEMPLATES / "playbook.toml").play}
    assert len(offers) > 3
    assert [offer for offer in offers if offer in screen] == []
    for gate in (policy.check_reliable_segments(facts), policy.check_month_hold(facts, worthless / "out")):
        assert gate is not None


def test_a_folder_s_run_says_what_its_hash_is_of(worthless: Path) -> None:
    """As `sha256sum * | sha256sum` gives it."""
    folder = worthless / "2026-10"
    lines = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in ("a.csv", "b.csv")
    )

    assert json.loads((worthless / "out" / "2026-10" / "run.json").read_text())["input"] == {
        "name": "2026-10",
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "hash_of": "the list of the folder's files, each with its own hash, as sha256sum writes it",
    }

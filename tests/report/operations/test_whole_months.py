"""A month whole, judged by its truth: the real Makefile, a real mail server, and what readers and recipients see of it.

Every number of users, and which of them belong together, is known: four groups of 240 users, of whom some move.
"""

import hashlib
import json
import re
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest

from report.storage import paths
from report.storage.months import format_month
from segmentation.facts import Facts
from tests.support.pages.documents import Reader, first_line
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - one is a fixture
from tests.support.runs import checkout as months
from tests.support.runs.checkout import OF_ALL, OWNER, READERS, SETTINGS, Checkout, Step, Year, checkout, plain
from tests.support.runs.fork_server import forge

MADE = ("2026-07", "2026-09", "2026-10", "2026-11")
BEFORE = {"2026-07": None, "2026-08": "2026-07", "2026-09": "2026-08", "2026-10": "2026-09", "2026-11": "2026-10"}
CALLED = {"2026-07": "july", "2026-09": "september", "2026-10": "october", "2026-11": "november"}
OFFERS = {play["offer"] for play in tomllib.loads(paths.read_template("playbook.toml"))["play"]}
HELD = (
    "Held: before these numbers are used, somebody should look at the month's file. Mean income is $652,000; in October 2026 "
    "$55,200. Is it in another unit? No brief is mailed until somebody accepts the month."
)


@pytest.fixture(scope="module")
def year(rendered: Rendered) -> Year:  # noqa: F811
    return months.year(rendered)


@pytest.fixture(scope="module")
def facts(year: Year) -> dict[str, Facts]:
    return {month: paths.read_facts(year.output / month / "facts.json") for month in BEFORE}


@pytest.fixture(scope="module")
def may(year: Year) -> Path:
    return year.root / "apart" / "2026-05"


def page_one(folder: Path) -> str:
    """Give what stands on the PDF's first page."""
    return plain(pypdfium2.PdfDocument(folder / "executive.pdf")[0].get_textpage().get_text_bounded())


def screen(folder: Path) -> str:
    """Give what stands in the report before its first figure."""
    return plain(Reader((folder / "report.html").read_text("utf-8")).text).partition("Figure 1")[0]


def seen(folder: Path) -> dict[str, str]:
    """Give the text of every page of a month, and of every mail that is kept there."""
    pdf = pypdfium2.PdfDocument(folder / "executive.pdf")
    found = {"executive.pdf": " ".join(page.get_textpage().get_text_bounded() for page in pdf)}
    for path in (folder / "report.html", *folder.glob("profiles/*"), *folder.glob("briefs/*.html")):
        found[path.name] = Reader(path.read_text("utf-8")).text
    found |= {path.name: path.read_text("utf-8") for path in folder.glob("briefs/*.eml")}
    return {name: plain(text) for name, text in found.items()}


def parts(mail: EmailMessage) -> tuple[str, str]:
    """Give what a mail says as text and as HTML."""
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    return plain(text.get_content()), plain(Reader(page.get_content()).text)


def sheet(mail: EmailMessage, place: Path) -> str:
    """Give the first line of the PDF that a mail carries."""
    (attached,) = mail.iter_attachments()
    (place / "attached.pdf").write_bytes(attached.get_content())
    return first_line(place / "attached.pdf")


def check_briefs(step: Step, facts: Facts, place: Path, readers: dict[str, str]) -> None:
    """Hold that each reader got the brief of each of their segments, once: its name, offer, numbers and page, and no other's."""
    expected = Counter((one.id, to) for one in facts.segments for to in (OF_ALL, readers.get(one.id)) if to)
    got: Counter[tuple[str, str]] = Counter()
    for to, mail in step.mails:
        if to == OWNER:
            continue
        (segment,) = (one for one in facts.segments if f"<{facts.month}.{one.id}.brief@" in mail["Message-ID"])
        got[segment.id, to] += 1
        assert mail["To"] == to
        name = format_month(facts.month).partition("\u00a0")[0]
        assert plain(mail["Subject"]).startswith(f"{name} brief: {segment.name}, {segment.users} users (")
        assert sheet(mail, place) == segment.name
        for text in parts(mail):
            assert segment.name in text
            assert {offer for offer in OFFERS if offer in text} == {segment.play.offer}
            assert plain(format_month(facts.month)) in text
            assert plain(format_month("2026-01")) not in text
        link = f"https://intranet.example.com/{facts.month}/report.html"
        assert link in parts(mail)[0]
        assert f'href="{link}"' in mail.get_body(("html",)).get_content()
    assert got == expected


# --- what is made


@pytest.mark.parametrize("month", MADE)
def test_every_segment_of_a_month_has_a_play_of_its_own(facts: dict[str, Facts], month: str) -> None:
    """Without that, what is said below of each segment could be said of the first."""
    segments = facts[month].segments

    assert len(segments) == 4
    assert len({one.name for one in segments}) == 4
    assert len({one.play and one.play.offer for one in segments} - {None}) == 4
    assert facts[month].structure.reliable


@pytest.mark.parametrize("month", MADE)
def test_page_one_sells_each_segment_its_own(year: Year, facts: dict[str, Facts], month: str) -> None:
    """On paper each name with its offer beside it; in a profile the segment's own play and no other."""
    folder = year.output / month
    for segment in facts[month].segments:
        assert re.search(rf"{segment.name}.{{0,3}} {segment.play.offer}", page_one(folder)), segment.name
        (profile,) = [
            path for path in (folder / "profiles").iterdir() if f"<title>{segment.name}" in path.read_text("utf-8")
        ]
        said = plain(Reader(profile.read_text("utf-8")).text)
        assert {offer for offer in OFFERS if offer in said} == {segment.play.offer}
        assert segment.play.message in said


def test_each_month_is_compared_with_the_one_before(year: Year, facts: dict[str, Facts]) -> None:
    """The fourth with the third, not with the first; and the first with none, which it says."""
    assert {month: one.change and one.change.month for month, one in facts.items()} == BEFORE
    assert facts["2026-10"].trend is not None
    assert facts["2026-10"].trend.months == ("2026-07", "2026-08", "2026-09", "2026-10")
    for month, before in (("2026-09", "August 2026"), ("2026-10", "September 2026")):
        assert f"The same segments as in {before};" in page_one(year.output / month)
        assert f"points since {before}; all segments are the same kinds as then." in screen(year.output / month)
    assert "First month: nothing to compare it with." in page_one(year.output / "2026-07")
    assert not re.search("since|▲|▼", page_one(year.output / "2026-07"))


def test_the_terminal_says_who_grew_since_the_month_before(year: Year) -> None:
    """Three of 240 users moved from September on, 1.25 percent of them; before that, nobody can have moved."""
    assert "Young occasional listeners 90 38 % ▼1.3" in year.steps["october"].said
    assert "High earners 54 22 % ▲1.3" in year.steps["october"].said
    assert "Young occasional listeners 96 40 % highly stable" in year.steps["july"].said


def test_the_month_that_was_missing_is_worked_out_and_no_more(year: Year, facts: dict[str, Facts]) -> None:
    """August came with September: its numbers are there, and nothing that anybody would read."""
    assert {path.name for path in (year.output / "2026-08").iterdir()} == {"facts.json", "segments.parquet"}
    assert facts["2026-08"].source.name == "2026-08.csv"


@pytest.mark.parametrize("month", MADE)
def test_a_row_a_user_has_the_segment_that_was_counted(year: Year, facts: dict[str, Facts], month: str) -> None:
    users = pd.read_parquet(year.output / month / "segments.parquet")

    assert users["segment"].value_counts().to_dict() == {one.id: one.users for one in facts[month].segments}
    assert sum(one.users for one in facts[month].segments) == 240
    assert set(users["user_id"]) == set(pd.read_csv(year.root / "data" / f"{month}.csv")["user_id"])


@pytest.mark.parametrize(
    ("month", "engine", "version", "fallback", "said"),
    [
        ("2026-07", "embedded", r"pandoc 3", "", "by the embedded engine (Quarto not found or not asked for) in"),
        ("2026-09", "quarto", r"1\.9\.38", "", "by the quarto engine in"),
        ("2026-10", "embedded", r"pandoc 3", "executive.qmd: Quarto ended with 3: no such thing.",
         "by the embedded engine (Quarto failed: executive.qmd: Quarto ended with 3: no such thing) in"),
    ],
)  # fmt: skip
def test_the_engine_is_quarto_where_it_is_there_and_works(
    year: Year, month: str, engine: str, version: str, fallback: str, said: str
) -> None:
    """With ENGINE unset; where it fails, the terminal and run.json say why."""
    folder = year.root / "october" if month == "2026-10" else year.output / month
    run = json.loads((folder / "run.json").read_text())

    assert (run["engine"], run["engine_fallback"]) == (engine, fallback)
    assert re.match(version, run["engine_version"])
    assert said in year.steps[CALLED[month]].said


def test_an_engine_that_is_asked_for_is_taken(year: Year) -> None:
    """With a Quarto on the path that works, and through make unattended."""
    assert json.loads((year.output / "2026-10" / "run.json").read_text())["engine"] == "embedded"


@pytest.mark.parametrize("month", MADE)
def test_the_run_names_its_input_and_its_seed(year: Year, month: str) -> None:
    run = json.loads((year.output / month / "run.json").read_text())
    digest = hashlib.sha256((year.root / "data" / f"{month}.csv").read_bytes()).hexdigest()

    assert (run["month"], run["seed"]) == (month, 77)
    assert run["input"] == {"name": f"{month}.csv", "sha256": digest, "hash_of": "the file's bytes"}


def test_every_step_ends_with_its_exit_code(year: Year) -> None:
    """Make's own: 0, or 2 where what it called failed."""
    failed = {name for name, step in year.steps.items() if step.code}

    assert failed == {"september mailed", "november", "may"}
    assert {year.steps[name].code for name in failed} == {2}


def test_nothing_is_left_beside_the_months(year: Year) -> None:
    assert {path.name for path in year.output.iterdir()} == {*BEFORE, "last-run.json", "outbox", "unattended.log"}
    assert {path.name for path in (year.output / "2026-10").iterdir()} == {
        *("report.html", "executive.pdf", "profiles", "briefs", "facts.json", "segments.parquet", "run.json")
    }


# --- who is mailed


@pytest.mark.parametrize("month", ["july mailed", "september mailed", "october"])
def test_everybody_gets_the_briefs_of_their_segments(
    year: Year, facts: dict[str, Facts], month: str, tmp_path: Path
) -> None:
    made = {name: facts[number] for number, name in CALLED.items()}[month.split(maxsplit=1)[0]]

    check_briefs(year.steps[month], made, tmp_path, READERS)
    assert "8 sent, 0 refused, 0 waiting, 0 unknown" in year.steps[month].said


def test_nobody_is_mailed_unasked(year: Year) -> None:
    """Neither by a report nor by a send without CONFIRM, which says who would get what."""
    for name in ("july", "july shown", "september", "september told"):
        assert year.steps[name].mails == []
    said = year.steps["july shown"].said
    assert "four briefs, eight messages" in said
    assert "Nothing was sent. To send: `make send CONFIRM=yes`" in said
    for id_, to in READERS.items():
        assert re.search(rf"{id_} July brief: [^@]+ to {OF_ALL}, {to} ", said)
    assert "nothing to tell" in year.steps["september told"].said


def test_a_month_that_nobody_got_is_named_to_the_owner_once(year: Year) -> None:
    """August, when September goes out; all of September goes out nevertheless, and October says no more of it."""
    (mail,) = year.steps["september mailed"].told

    assert plain(mail["Subject"]) == "Never mailed: the segment briefs of August 2026"
    assert "`make report MONTH=2026-08`, then `make send MONTH=2026-08 CONFIRM=yes`" in plain(mail.get_content())
    assert [len(year.steps[name].told) for name in ("july mailed", "october", "october again")] == [0, 0, 0]


def test_a_month_that_is_made_again_goes_to_nobody_again(year: Year) -> None:
    """By another engine, a day later: the same bytes but for run.json, and eight messages that were sent the day before."""
    trees = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (year.root / "october", year.output / "2026-10")
    ]
    differing = {str(name) for name in trees[0] if trees[0][name] != trees[1].get(name)}

    assert set(trees[0]) == set(trees[1])
    assert differing == {"run.json"}
    assert year.steps["october again"].mails == []
    assert year.steps["october again"].said.count("(2026-11-02T07:00:00+00:00)") == 8


# --- a month that is held


def test_a_month_in_another_unit_is_held_everywhere(year: Year, facts: dict[str, Facts]) -> None:
    """Twelve times the income: on page one on paper and on the screen, in the terminal, and in the mail to the owner alone."""
    (found,) = facts["2026-11"].suspicions
    assert (found.kind, found.column, found.month) == ("unit", "annual_income", "2026-10")
    step, folder = year.steps["november"], year.output / "2026-11"
    for text in (page_one(folder), screen(folder), step.said):
        assert HELD in text
    ((to, mail),) = step.mails
    assert to == OWNER
    assert plain(mail["Subject"]) == "No segment briefs for November 2026: the month is held"
    text = plain(mail.get_content())
    assert "Mean income is $652,000; in October 2026 $55,200. Is it in another unit?" in text
    assert "`make send MONTH=2026-11 ACCEPT=yes`" in text
    assert "no brief of November 2026" in text
    assert "Nobody is mailed: the month is held. Mean income is $652,000; in October 2026 $55,200." in step.said


@pytest.mark.parametrize("month", ["2026-07", "2026-08", "2026-09", "2026-10"])
def test_an_ordinary_month_is_not_held(year: Year, facts: dict[str, Facts], month: str) -> None:
    assert facts[month].suspicions == ()
    if month in CALLED:
        for text in (page_one(year.output / month), screen(year.output / month), year.steps[CALLED[month]].said):
            assert "held" not in text.lower()


# --- a month without segments


def test_a_month_without_segments_says_so_and_sells_nothing(year: Year, may: Path) -> None:
    """On page one, on the screen and in the terminal; no offer of the playbook stands anywhere."""
    made = paths.read_facts(may / "facts.json")
    assert not made.structure.reliable
    assert [segment.play for segment in made.segments] == [None] * len(made.segments)
    for text in (page_one(may), screen(may)):
        assert "no reliable segments" in text.lower()
    assert "briefs/ none: no reliable segments" in year.steps["may"].said
    texts = seen(may)
    assert len(texts) == 3 + len(made.segments)
    assert {(name, offer) for name, text in texts.items() for offer in OFFERS if offer in text} == set()


def test_a_month_without_segments_mails_the_owner_alone(year: Year, may: Path) -> None:
    """The notice that lies in its folder; there is no brief."""
    assert [path.name for path in (may / "briefs").iterdir()] == ["notice.eml"]
    ((to, mail),) = year.steps["may"].mails
    assert to == OWNER
    assert plain(mail["Subject"]) == "No segment briefs for May 2026: no reliable segments"
    assert "Nobody is mailed: no reliable segments." in year.steps["may"].said
    assert "May 2026: no briefs, no messages" in year.steps["may"].said


# --- from there on, each in a copy of its own


Branch = Callable[..., Checkout]


@pytest.fixture(scope="module")
def tools() -> Iterator[Path]:
    with forge() as tools:
        yield tools


@pytest.fixture
def branch(year: Year, tools: Path, tmp_path: Path) -> Iterator[Branch]:
    """Give a checkout where these months are made, and none of them is mailed."""
    with checkout(tmp_path / "checkout", tools) as desk:

        def make(*there: str, settings: str = SETTINGS) -> Checkout:
            for month in there:
                shutil.copytree(year.output / month, desk.root / "_output" / month)
                shutil.copy2(year.root / "data" / f"{month}.csv", desk.root / "data")
            (desk.root / "settings.toml").write_text(settings)
            return desk

        yield make


def test_a_held_month_goes_out_when_it_is_accepted(branch: Branch, facts: dict[str, Facts], tmp_path: Path) -> None:
    """Once, as it is; without a word from a person, and without CONFIRM, to nobody."""
    desk = branch("2026-11")
    shown = desk.make("send", at="2026-12-02")
    assert (shown.code, shown.mails) == (0, [])
    assert "Nobody is mailed: the month is held." in shown.said
    refused = desk.make("send", "CONFIRM=yes", at="2026-12-02")
    assert (refused.code, [to for to, _ in refused.mails]) == (2, [OWNER])
    misspelt = desk.make("send", "ACCEPT=si", "CONFIRM=yes", at="2026-12-02")
    assert (misspelt.code, misspelt.mails) == (2, [])

    sent = desk.make("send", "MONTH=2026-11", "ACCEPT=yes", "CONFIRM=yes", at="2026-12-02")
    assert "November 2026 is accepted as it is, and no longer held." in sent.said
    assert "4 sent, 0 refused, 0 waiting, 0 unknown" in sent.said
    check_briefs(sent, facts["2026-11"], tmp_path, {})
    # its segments are others than those that settings name
    assert sent.code == 2
    assert plain(sent.told[0]["Subject"]) == "Some recipients get no segment brief of November 2026"
    assert desk.make("send", "CONFIRM=yes", at="2026-12-03").mails == []


def test_where_settings_name_nobody_the_owner_is_told(branch: Branch) -> None:
    desk = branch("2026-10", settings=SETTINGS.partition("[mail.recipients]")[0])
    step = desk.make("send", "CONFIRM=yes", at="2026-11-02")

    assert step.code == 2
    assert "Nothing was sent: nobody is to get anything." in step.said
    ((to, mail),) = step.mails
    assert (to, plain(mail["Subject"])) == (OWNER, "Nobody gets a segment brief of October 2026")
    assert not (desk.root / "_output" / "outbox" / "2026-10.sqlite").exists()


def test_a_test_goes_to_one_address_and_a_verdict_settles_one_message(
    branch: Branch, facts: dict[str, Facts], tmp_path: Path
) -> None:
    """TO and RESOLVE of make send: four tests that count for nothing; what is known of four that may have arrived."""
    desk = branch("2026-10")
    tests = desk.make("send", "TO=tess@example.com", at="2026-11-02")
    assert tests.code == 0
    assert [to for to, _ in tests.mails] == ["tess@example.com"] * 4
    assert [sheet(mail, tmp_path) for _, mail in tests.mails] == [one.name for one in facts["2026-10"].segments]
    assert "4 sent" in tests.said

    desk.room.act = lambda verb, to: "accept drop" if (verb, to) == ("DOT", READERS["S3"]) else None
    cut = desk.make("send", "CONFIRM=yes", at="2026-11-02")
    assert cut.code == 2
    (mail,) = cut.told
    assert "1 unknown" in mail["Subject"]
    (number,) = re.findall(r"RESOLVE=(\d+):sent", cut.said)
    desk.room.act = lambda _verb, _to: None
    settled = desk.make("send", "MONTH=2026-10", f"RESOLVE={number}:sent", at="2026-11-02")
    assert (settled.code, settled.mails) == (0, [])
    last = desk.make("send", "CONFIRM=yes", at="2026-11-02")
    assert last.code == 0
    assert "8 sent, 0 refused, 0 waiting, 0 unknown" in last.said
    later = desk.make("send", "TO=ben@example.com", at="2026-11-02")  # those that are out hold no test back
    assert (later.code, [to for to, _ in later.mails]) == (0, ["ben@example.com"] * 4)
    both = Step(0, "", [pair for step in (cut, last) for pair in step.mails])
    check_briefs(both, facts["2026-10"], tmp_path, READERS)


def test_an_older_month_goes_out_only_by_its_name(
    branch: Branch, facts: dict[str, Facts], year: Year, tmp_path: Path
) -> None:
    """November's file is there and its report is not: October waits for a person who says MONTH=2026-10."""
    desk = branch("2026-09", "2026-10")
    shutil.copy2(year.root / "data" / "2026-11.csv", desk.root / "data")
    waits = desk.make("send", "CONFIRM=yes", at="2026-12-02")
    assert waits.code == 2
    assert [to for to, _ in waits.mails] == [OWNER] * len(waits.mails)
    assert plain(waits.told[0]["Subject"]) == "No segment briefs for October 2026: November 2026 is there"

    sent = desk.make("send", "MONTH=2026-10", "CONFIRM=yes", at="2026-12-02")
    assert sent.code == 0
    check_briefs(sent, facts["2026-10"], tmp_path, READERS)


def test_a_run_that_was_killed_mails_nobody_and_the_owner_is_told_once(branch: Branch, year: Year) -> None:
    """By kill -9 while September is made again: its files stay, `make notify` tells of it, and make send keeps its briefs."""
    desk = branch("2026-09")
    killed = desk.make("report", at="2026-10-02", KILL_AT="Cutting the fonts")
    assert killed.code == 2
    assert "make report: " not in killed.said
    for path in (year.output / "2026-09").rglob("*"):
        if path.is_file():
            there = desk.root / "_output" / "2026-09" / path.relative_to(year.output / "2026-09")
            assert there.read_bytes() == path.read_bytes()
    told = desk.make("notify", at="2026-10-02")
    assert told.code == 0
    ((to, mail),) = told.mails
    assert (to, plain(mail["Subject"])) == (OWNER, "The listener report of September 2026 was not made")
    text = plain(mail.get_content())
    assert "The run of the newest month that began at 2026-10-02T07:00:00+00:00 has not ended" in text
    assert "no brief of September 2026" in text
    assert desk.make("notify", at="2026-10-02").mails == []

    refused = desk.make("send", "CONFIRM=yes", at="2026-10-02")
    assert (refused.code, [to for to, _ in refused.mails]) == (2, [OWNER])
    assert "Nobody is mailed: the last run has not ended." in refused.said


def test_a_month_of_which_there_is_no_file_is_a_failure_that_is_told(branch: Branch) -> None:
    """By make report with a sentence, by make notify to the owner; and nothing is mailed after it, but by name."""
    desk = branch("2026-10")
    said = {
        ("report", "MONTH=2031-01"): f"make report: {desk.root}/data: holds no file of 2031-01; the newest is 2026-10.",
        ("report", "ENGINE=latex"): "make report: ENGINE=latex is no engine. Choose auto, quarto or embedded.",
        ("report", "MONTH=October"): "make report: MONTH=October is no month.",
        ("send", "MONTH=2031-01"): "make send: _output: 2031-01 was not made with its briefs yet.",
        ("send", "CONFIRM=no"): "make send: CONFIRM=no sends nothing.",
    }
    for words, sentence in said.items():
        step = desk.make(*words, at="2026-11-02")
        assert (step.code, step.mails) == (2, []), words
        assert step.said.startswith(sentence)
    told = desk.make("notify", at="2026-11-02")
    assert told.code == 0
    assert [to for to, _ in told.mails] == [OWNER]
    assert "MONTH=October is no month" in plain(told.told[0].get_content())

    refused = desk.make("send", "CONFIRM=yes", at="2026-11-02")
    assert (refused.code, [to for to, _ in refused.mails]) == (2, [OWNER])
    assert "Nobody is mailed: the last run failed. " in refused.said

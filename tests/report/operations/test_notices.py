"""What the owner is told, and that it is told once: with a real SMTP server on loopback."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from report.mail.send import send_month
from report.operations.notices import OwnerNotifier, make_failure_notice
from report.storage.months import describe_missing_months, find_month_gaps, find_newest_month_file, list_missing_months
from report.transport.message import SenderIdentity
from segmentation.facts import Facts
from tests.support.facts import factory
from tests.support.mail.briefs import NOW, dials, mail_context, month_folder
from tests.support.mail.server import PASSWORD, Mailroom

OLGA = SenderIdentity(sender="briefs@example.com", owner="olga@example.com")


@pytest.fixture
def room() -> Iterator[Mailroom]:
    with Mailroom() as room:
        yield room


@pytest.fixture
def desk(tmp_path: Path, room: Mailroom) -> OwnerNotifier:
    said: list[str] = []
    return OwnerNotifier(
        tmp_path / "out", tmp_path / "data", OLGA, room.server(), lambda: NOW, lambda _: None, said.append
    )


def made(output: Path, month: str, facts: Facts | None = None) -> Path:
    """Make a month's folder in a folder of months."""
    return month_folder(output, replace(facts or factory.month(4), month=month))


def told(room: Mailroom) -> list[str]:
    """Give the subjects of what the owner was mailed."""
    room.quiet()
    mails = (message_from_bytes(raw, policy=default) for to, raw in room.inbox if to == OLGA.owner)
    return [str(mail["Subject"]).replace("\u00a0", " ") for mail in mails]


def test_no_secret_is_mailed(desk: OwnerNotifier) -> None:
    """Neither a database's password, whatever is in it, nor the mail server's."""
    why = f"postgresql://reader:pa#s/s@2w@db/music can't be reached. 535 {PASSWORD} is wrong."
    notice = make_failure_notice("make report", why, month="2026-10", at=NOW)
    with Mailroom(auth=True, settings={"auth_required": False}) as room:
        room.act = lambda verb, _: "235 welcome" if verb == "AUTH" else None
        knowing = replace(desk, server=room.server())
        assert knowing.send_notices([notice], command="make report", month="2026-10", retry_delays=()) == 0
        room.quiet()
        ((_, raw),) = room.inbox
    text = message_from_bytes(raw, policy=default).get_content()

    assert "postgresql://***@db/music can't be reached. 535 *** is wrong." in text
    assert "pa#s" not in text
    assert PASSWORD not in text


def test_briefs_that_wait_are_told_once(tmp_path: Path, room: Mailroom) -> None:
    """A server that puts one inbox off for ever: the first run tells, those after it add no mail, and the exit code stays 75."""
    made(tmp_path / "out", "2026-10")
    room.act = lambda verb, to: "450 later" if (verb, to) == ("RCPT", "ann@example.com") else None
    postman = mail_context(
        tmp_path / "out", tmp_path / "data", dials(), room.server(), lambda: NOW, lambda _: None, lambda _: None
    )

    assert [send_month(postman, confirm=True) for _ in range(3)] == [75] * 3
    assert told(room) == ["Segment briefs of October 2026: 1 waiting"]
    room.act = lambda _verb, _to: None
    assert send_month(postman, confirm=True) == 0
    assert len(told(room)) == 1


def test_a_wrong_password_is_not_tried_a_second_time(tmp_path: Path) -> None:
    """For a notice: twice may lock a user out, and it would not get in."""
    made(tmp_path / "out", "2026-10")
    with Mailroom(auth=True) as room:
        room.act = lambda verb, _: "535 wrong" if verb == "AUTH" else None
        server = room.server()
        postman = mail_context(
            tmp_path / "out", tmp_path / "data", dials(), server, lambda: NOW, lambda _: None, lambda _: None
        )
        assert send_month(postman, confirm=True) == 1
        room.quiet()
        assert sum(line.startswith("AUTH") for line in room.heard) == 1


@pytest.mark.parametrize(
    ("mailed", "briefs", "named"),
    [
        ((), ("2026-08", "2026-09"), "August 2026 and September 2026"),  # made, and nothing was ever mailed
        ((), (), ""),  # worked out to compare with, before there was mail at all
        (("2026-08",), (), "September 2026"),  # worked out, after a month that was mailed
        (("2026-09",), ("2026-08",), ""),  # of before the last one mailed: said then
    ],
)
def test_earlier_months_that_nobody_got_are_named(
    tmp_path: Path, room: Mailroom, mailed: tuple[str, ...], briefs: tuple[str, ...], named: str
) -> None:
    """Where a later one was mailed they are past; where none was ever, those whose briefs lie there are meant."""
    output = tmp_path / "out"
    (output / "outbox").mkdir(parents=True)
    for month in ("2026-08", "2026-09", "2026-10"):
        folder = made(output, month)
        if month in mailed:
            (output / "outbox" / f"{month}.12345678.segments").touch()
        if month not in (*briefs, "2026-10"):
            (folder / "briefs").rename(tmp_path / f"{month}-briefs")
    postman = mail_context(
        output, tmp_path / "data", dials(), room.server(), lambda: NOW, lambda _: None, lambda _: None
    )

    assert send_month(postman, confirm=True) == int(bool(named))
    assert told(room) == ([f"Never mailed: the segment briefs of {named}"] if named else [])


def test_a_month_for_trying_out_is_not_missed(tmp_path: Path, room: Mailroom) -> None:
    """Made-up users, and months without reliable segments, have no brief that anybody waits for."""
    facts = factory.month(4)
    real = replace(facts, source=replace(facts.source, synthetic=False))
    output = tmp_path / "out"
    made(output, "2026-08")
    made(output, "2026-09", factory.unreliable(real))
    made(output, "2026-10", real)
    postman = mail_context(
        output, tmp_path / "data", dials(), room.server(), lambda: NOW, lambda _: None, lambda _: None
    )

    assert send_month(postman, confirm=True) == 0
    assert told(room) == []


@pytest.mark.parametrize(
    ("newest", "day", "missing"),
    [
        ("2026-10", "2026-11-30", []),
        ("2026-10", "2026-12-01", ["2026-11"]),
        ("2026-11", "2026-12-01", []),
        ("2026-10", "2027-01-31", ["2026-11", "2026-12"]),
        ("2026-12", "2026-11-30", []),  # of the future: that is held for another reason
    ],
)
def test_a_month_is_missing_from_its_end_on(newest: str, day: str, missing: list[str]) -> None:
    assert list_missing_months(newest, datetime.fromisoformat(f"{day}T00:00+00:00")) == missing


def test_the_day_is_that_of_greenwich() -> None:
    """One clock for all: an hour after midnight in Berlin November has not ended yet."""
    berlin = datetime.fromisoformat("2026-12-01T00:30+01:00")
    assert list_missing_months("2026-10", berlin) == []
    assert describe_missing_months("2026-10", berlin) == ""


def test_several_missing_months_are_said_as_a_span() -> None:
    """From the first to the last, and the newest that there is."""
    now = datetime(2027, 2, 1, tzinfo=UTC)
    assert describe_missing_months("2026-10", now).replace("\u00a0", " ") == (
        "There is no file of November 2026 to January 2027, which have ended. The newest month is October 2026."
    )
    assert describe_missing_months("", now) == ""


def test_another_missing_month_is_another_mail(tmp_path: Path, room: Mailroom) -> None:
    """On 3 January November is missing still, and was told; from the fourth on December is, too."""
    made(tmp_path / "out", "2026-10")
    now = datetime(2026, 12, 4, 7, tzinfo=UTC)
    for days in (0, 1, 30, 31, 32):
        postman = mail_context(
            tmp_path / "out",
            tmp_path / "data",
            dials(),
            room.server(),
            lambda days=days: now + timedelta(days=days),
            lambda _: None,
            lambda _: None,
        )
        assert send_month(postman, confirm=True) == 1
    assert told(room) == ["The file of November 2026 is missing", "The file of December 2026 is missing"]


def test_a_month_that_is_missing_between_others_is_told_once(tmp_path: Path, room: Mailroom) -> None:
    """From the first month on, whether it is a file or was made; the exit code stays 0."""
    made(tmp_path / "out", "2026-10")
    (tmp_path / "data").mkdir()
    for name in ("2026-06.csv", "2026-08.csv", "2026-13.csv"):
        (tmp_path / "data" / name).touch()
    assert find_month_gaps(tmp_path / "data", tmp_path / "out") == ["2026-07", "2026-09"]
    assert find_month_gaps(tmp_path / "nowhere") == []
    said: list[str] = []
    postman = mail_context(
        tmp_path / "out", tmp_path / "data", dials(), room.server(), lambda: NOW, lambda _: None, said.append
    )

    assert [send_month(postman, confirm=True) for _ in range(2)] == [0, 0]
    assert told(room) == ["The file of September 2026 is missing"]
    sentence = "There is no file of July 2026, September 2026, and later months are there."
    assert sentence in "\n".join(said).replace("\u00a0", " ")


def test_a_segment_that_no_key_names_is_told_once(tmp_path: Path, room: Mailroom) -> None:
    """S3 and S4 in October; in November nobody is told again, and another set is told."""
    some = {"S1": ["ann@example.com"], "S2": ["ann@example.com"]}
    for month, recipients in (("2026-10", some), ("2026-11", some), ("2026-12", {"S1": some["S1"]})):
        made(tmp_path / "out", month)
        now = NOW.replace(month=12) if month == "2026-11" else NOW
        now = now.replace(year=2027, month=1) if month == "2026-12" else now
        postman = mail_context(
            tmp_path / "out",
            tmp_path / "data",
            dials(recipients=recipients),
            room.server(),
            lambda now=now: now,
            lambda _: None,
            lambda _: None,
        )
        assert send_month(postman, confirm=True) == 0
    assert told(room) == [
        "Nobody gets the segment brief of S3 and S4",
        "Nobody gets the segment brief of S2, S3 and S4",
    ]


def test_the_newest_file_is_found_by_its_name(tmp_path: Path) -> None:
    """Whatever its ending; what is no month is passed over."""
    assert find_newest_month_file(tmp_path / "nowhere") is None
    for name in ("2026-09.csv", "2026-10.tsv", "README.md", "2026-13.csv", "notes-2026-12.csv"):
        (tmp_path / name).touch()
    found = find_newest_month_file(tmp_path)
    assert found is not None
    assert found.name == "2026-10.tsv"

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from report.transport.journal import read_journal
from report.transport.ledger import Ledger, LedgerError, OutgoingMessage, normalise_inbox
from tests.support import ROOT
from tests.support.mail.server import letter

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ONE, OTHER = letter(1, "ann@example.com"), letter(1, "bo@example.com")


def clock() -> datetime:
    return NOON


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def states(file: Path, *messages: OutgoingMessage) -> list[tuple[str, str]]:
    with Ledger.open(file, clock) as outbox:
        return [(one.recipient, one.state) for one in outbox.list_deliveries(messages)]


def python(script: str, *arguments: object, **keywords: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True, **keywords
    )


def test_a_message_waits_until_it_is_handed_over_and_is_unknown_until_it_is_settled(ledger: Path) -> None:
    """Whoever dies leaves the truth behind, for every change comes before the act that it is about."""
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE, OTHER])
    assert states(ledger, ONE, OTHER) == [("ann@example.com", "waiting"), ("bo@example.com", "waiting")]

    with Ledger.open(ledger, clock) as outbox:
        outbox.record_attempt(ONE)
    assert states(ledger, ONE) == [("ann@example.com", "waiting")]

    with Ledger.open(ledger, clock) as outbox:
        outbox.record_handover(ONE)
    assert states(ledger, ONE) == [("ann@example.com", "unknown")]

    with Ledger.open(ledger, clock) as outbox:
        outbox.record_outcome(ONE, "sent", "250 taken")
        (delivery,) = outbox.list_deliveries([ONE])
    assert (delivery.state, delivery.attempts, delivery.detail) == ("sent", 1, "250 taken")
    assert delivery.at == "2026-11-02T12:00:00+00:00"


def test_intent_attempt_and_outcome_are_each_on_record(ledger: Path) -> None:
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE])
        outbox.record_attempt(ONE)
        outbox.record_handover(ONE)
        outbox.record_outcome(ONE, "waiting", "451 later")

    with sqlite3.connect(ledger) as rows:
        found = rows.execute("SELECT what, word FROM event WHERE number = 1 AND at LIKE '2026-11-02%'").fetchall()
    rows.close()
    assert [what for what, _ in found] == ["attempt", "hand over", "waiting"]
    assert found[-1][1] == "451 later"


def test_enrolling_again_keeps_what_is_known(ledger: Path) -> None:
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE])
        outbox.record_outcome(ONE, "sent", "250 taken")
        outbox.enqueue_messages([ONE, OTHER])

        assert not outbox.is_waiting(ONE)
        assert outbox.is_waiting(OTHER)


def test_one_inbox_is_one_however_its_address_is_capitalised(ledger: Path) -> None:
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE])
        outbox.record_outcome(ONE, "sent", "250 taken")

        assert not outbox.is_waiting(letter(1, "Ann@Example.COM"))


def test_a_message_that_changed_is_said_to_have_changed_only_once_it_is_out(ledger: Path) -> None:
    """While it waits, the newer one takes its place."""
    newer = letter(1, "ann@example.com", "Twenty-five years old.\n")
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE])
        outbox.enqueue_messages([newer])
        assert [one.changed for one in outbox.list_deliveries([newer])] == [False]
        outbox.record_outcome(newer, "sent", "250 taken")
        outbox.enqueue_messages([ONE])

        assert [(one.state, one.changed) for one in outbox.list_deliveries([ONE])] == [("sent", True)]


def test_an_unknown_message_shows_even_when_nobody_asks_for_it(ledger: Path) -> None:
    """Else it would be forgotten with the recipient who left settings.toml."""
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE, OTHER])
        outbox.record_handover(ONE)

        assert [one.recipient for one in outbox.list_deliveries([OTHER])] == ["ann@example.com", "bo@example.com"]


def test_a_person_resolves_by_number(ledger: Path) -> None:
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE, OTHER])
        outbox.record_handover(ONE)
        outbox.record_handover(OTHER)
        outbox.resolve_delivery(1, "sent")
        outbox.resolve_delivery(2, "again")

        assert [one.state for one in outbox.list_deliveries([ONE, OTHER])] == ["sent", "waiting"]


def test_only_of_an_unknown_message_can_a_person_say_that_it_was_sent(ledger: Path) -> None:
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE])
        with pytest.raises(LedgerError, match="Message 1 is waiting, expected unknown"):
            outbox.resolve_delivery(1, "sent")
        with pytest.raises(LedgerError, match="no message 7"):
            outbox.resolve_delivery(7, "again")


def test_of_a_changed_message_a_person_can_say_that_the_first_one_is_enough(ledger: Path) -> None:
    """Its words are the newer one's from then on, so nothing of it is asked again; a message sent and unchanged is refused."""
    newer = letter(1, "ann@example.com", "Twenty-five years old.\n")
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE])
        outbox.record_outcome(ONE, "sent", "250 taken")
        with pytest.raises(LedgerError, match="Message 1 is sent, expected unknown"):
            outbox.resolve_delivery(1, "sent", [ONE])
        outbox.resolve_delivery(1, "sent", [newer])

        (found,) = outbox.list_deliveries([newer])
        assert (found.state, found.changed, found.detail) == ("sent", False, "has changed, and what was sent is enough")


def test_ledger_lock_and_journal_are_their_owners_alone(ledger: Path) -> None:
    ledger.touch(mode=0o644)
    with Ledger.open(ledger, clock) as outbox:
        outbox.enqueue_messages([ONE])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in ledger.parent.iterdir()}

    assert modes == dict.fromkeys(("outbox.sqlite", "outbox.sqlite-journal", "outbox.lock"), 0o600)


def test_every_commit_waits_for_the_disk(ledger: Path) -> None:
    """Level 2 is FULL; under it SQLite syncs journal and file before COMMIT returns."""
    with Ledger.open(ledger, clock) as outbox:
        assert outbox._rows.execute("PRAGMA synchronous").fetchone() == (2,)
        assert outbox._rows.execute("PRAGMA journal_mode").fetchone() == ("persist",)


def test_the_second_of_two_senders_is_told_at_once_who_the_first_is(ledger: Path) -> None:
    first = rf"Another sender \(process {os.getpid()}\)"
    with Ledger.open(ledger, clock), pytest.raises(LedgerError, match=first), Ledger.open(ledger, clock):
        pass
    with Ledger.open(ledger, clock):
        pass


HOLD = """
import datetime, pathlib, sys, time
from report.transport.ledger import Ledger
with Ledger.open(pathlib.Path(sys.argv[1]), lambda: datetime.datetime.now(datetime.UTC)):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_process_killed_with_9_leaves_no_lock_behind(ledger: Path) -> None:
    with python(HOLD, ledger) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LedgerError, match=f"process {holder.pid}"), Ledger.open(ledger, clock):
            pass
        holder.kill()
        holder.wait()

    assert states(ledger) == []


FULL_DISK = """
import datetime, pathlib, resource, sys
from tests.support.mail.server import letter
from report.transport.ledger import Ledger
file = pathlib.Path(sys.argv[1])
messages = [letter(number, "ann@example.com") for number in range(8)]
with Ledger.open(file, lambda: datetime.datetime.now(datetime.UTC)) as outbox:
    outbox.enqueue_messages(messages)
    for name in (file, pathlib.Path(f"{file}-journal")):  # from here on neither may grow by a byte
        print(name.stat().st_size)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, resource.RLIM_INFINITY))
    for _ in range(4):
        for message in messages:
            outbox.record_attempt(message)
            outbox.record_handover(message)
            outbox.record_outcome(message, "sent", "250 " + "x" * 296)
    for name in (file, pathlib.Path(f"{file}-journal")):
        print(name.stat().st_size)
"""


def test_a_disk_that_fills_up_on_the_way_keeps_no_outcome_from_being_recorded(ledger: Path) -> None:
    """Eight messages, four rounds, the longest words: neither the ledger nor its journal grows by a byte."""
    with python(FULL_DISK, ledger, cwd=ROOT) as sender:
        before, journal, *after = map(int, sender.stdout.read().split())

    assert (before, journal) == tuple(after)
    assert sender.returncode == 0


def test_what_can_not_be_recorded_ends_in_a_sentence(ledger: Path) -> None:
    with Ledger.open(ledger, clock) as outbox:
        outbox._rows.execute("PRAGMA max_page_count = 1")
        with pytest.raises(LedgerError, match=r"database or disk is full\. What can't be recorded isn't sent"):
            outbox.enqueue_messages([letter(number, "ann@example.com") for number in range(200)])

    assert states(ledger, ONE) == []


def test_a_file_that_is_no_ledger_is_left_as_it_is(ledger: Path) -> None:
    ledger.write_text("not a database" * 100)
    with pytest.raises(LedgerError, match=re.escape(f"{ledger} can't be used: file is not a database")):
        states(ledger)

    assert ledger.read_text() == "not a database" * 100


def test_a_ledger_of_another_version_is_refused(ledger: Path) -> None:
    rows = sqlite3.connect(ledger)
    rows.execute("PRAGMA user_version = 9")
    rows.close()

    with pytest.raises(LedgerError, match="format 9, expected 2"):
        states(ledger)


def test_a_look_at_a_ledger_that_is_not_there_makes_nothing(ledger: Path) -> None:
    """Neither a ledger, nor a lock, nor a journal; what is recorded there is gone at the end."""
    journals = [ledger.with_suffix(".mailed"), ledger.parent / "elsewhere" / "outbox.mailed"]
    with Ledger.open(ledger, clock, journals, create=False) as outbox:
        outbox.enqueue_messages([ONE])
        outbox.record_handover(ONE)
        assert [one.state for one in outbox.list_deliveries()] == ["unknown"]

    assert list(ledger.parent.iterdir()) == []


def test_a_look_finds_what_only_a_journal_knows(ledger: Path) -> None:
    """Then there is something, and the ledger is made anew."""
    journals = [ledger.with_suffix(".mailed")]
    with Ledger.open(ledger, clock, journals) as outbox:
        outbox.enqueue_messages([ONE])
        outbox.record_handover(ONE)
    ledger.unlink()

    with Ledger.open(ledger, clock, journals, create=False) as outbox:
        assert outbox.list_delivered_ids() == (ONE.message_id,)


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA user_version = 2", "CREATE TABLE listener (age)", "CREATE TABLE delivery (at); PRAGMA user_version = 2"],
)
def test_a_database_that_is_no_ledger_is_refused(ledger: Path, statement: str) -> None:
    rows = sqlite3.connect(ledger)
    rows.executescript(statement)
    rows.close()

    with pytest.raises(LedgerError, match=r"is no ledger, or is damaged.* Move it away \(mv "):
        states(ledger)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.replace("\t", " ").encode(),
        lambda _: b"no journal",
    ],
    ids=["utf-16", "big", "blanks", "text"],
)
def test_a_journal_of_which_nothing_can_be_read_stops_the_send(ledger: Path, spoil: Callable[[str], bytes]) -> None:
    """As a damaged ledger does; a journal whose only line was cut off is none."""
    journal = ledger.with_suffix(".mailed")
    with Ledger.open(ledger, clock, [journal]) as outbox:
        outbox.enqueue_messages([ONE, OTHER])
        outbox.record_handover(ONE)
        outbox.record_handover(OTHER)
    text = journal.read_text()
    ledger.unlink()
    journal.write_bytes(spoil(text))

    said = r"mailed can't be used: none of its lines can be read.* Move it away \(mv "
    with pytest.raises(LedgerError, match=said), Ledger.open(ledger, clock, [journal]):
        pass
    for line in ("", text[:60]):
        journal.write_text(line)
        with Ledger.open(ledger, clock, [journal]) as outbox:
            assert outbox.list_deliveries(include_all=True) == ()


def test_every_journal_gets_what_another_has(ledger: Path) -> None:
    """A line that was cut off while it was written counts for nothing, and spoils none after it."""
    journals = [ledger.with_suffix(".mailed"), ledger.parent / "elsewhere" / "outbox.mailed"]
    with Ledger.open(ledger, clock, journals) as outbox:
        outbox.enqueue_messages([ONE, OTHER])
        outbox.record_handover(ONE)
    whole = journals[0].read_text()
    assert journals[1].read_text() == whole
    journals[0].write_text(whole[:-30])
    journals[1].unlink()
    with Ledger.open(ledger, clock, journals) as outbox:
        outbox.record_handover(OTHER)

    assert [one.recipient for one in read_journal(journals[0])] == ["ann@example.com", "bo@example.com"]
    assert read_journal(journals[0]) == read_journal(journals[1])
    assert {stat.S_IMODE(file.stat().st_mode) for file in journals} == {0o600}


def test_what_no_journal_can_record_is_not_handed_over(ledger: Path) -> None:
    """The journal beside the ledger must be written to; the one elsewhere is where that is possible."""
    journals = [ledger.with_suffix(".mailed"), ledger.parent / "elsewhere" / "outbox.mailed"]
    (ledger.parent / "elsewhere").touch()
    with Ledger.open(ledger, clock, journals) as outbox:
        outbox.enqueue_messages([ONE, OTHER])
        outbox.record_handover(ONE)
        journals[0].unlink()
        journals[0].mkdir()
        with pytest.raises(LedgerError, match=r"outbox\.mailed can't be used"):
            outbox.record_handover(OTHER)
        found = [(one.recipient, one.state) for one in outbox.list_deliveries([ONE, OTHER])]

    assert found == [("ann@example.com", "unknown"), ("bo@example.com", "waiting")]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann@example.com", "Ann@Example.COM", True),
        ("ann@example.com", "ann@example.com.", True),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", True),
        ("ann@BÜCHER.example", "ann@bu\u0308cher.example", True),
        ("jürgen@example.com", "JU\u0308RGEN@example.com", True),
        ("ann@example.com", "ann+briefs@example.com", False),
        ("ann.lee@example.com", "annlee@example.com", False),
        ("strauß@example.com", "strauss@example.com", False),
        ("ann@straße.example", "ann@strasse.example", False),
        ("ann@example.com", "ann@mail.example.com", False),
    ],
)
def test_two_spellings_of_an_address_are_one_inbox_and_two_inboxes_are_two(one: str, other: str, *, same: bool) -> None:
    """Taken for one, two would share a brief; so what only some servers take for one inbox is two."""
    assert (normalise_inbox(one) == normalise_inbox(other)) == same


def test_a_ledger_that_is_a_link_is_refused(ledger: Path) -> None:
    """Someone else's file must not be written to."""
    ledger.symlink_to(ledger.with_name("elsewhere"))
    with pytest.raises(LedgerError, match="can't be used"):
        states(ledger)


def test_a_ledger_in_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"nowhere/outbox\.sqlite can't be used"):
        states(tmp_path / "nowhere" / "outbox.sqlite")

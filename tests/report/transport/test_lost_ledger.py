"""A ledger that is lost, damaged, another one's or older than the mail: nobody gets a second copy, and a person has a way out."""

import contextlib
import os
import random
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from report import cli
from report.mail.send import MailContext, apply_resolution, send_month
from report.storage import paths
from report.transport.ledger import Ledger, LedgerError
from tests.support.facts import factory
from tests.support.mail.briefs import NOW, dials, mail_context, month_folder
from tests.support.mail.server import Mailroom, letter

TRIES = 100
MONTH = "2026-10"
ASKED = r"(?m)^ *(\d+)  unknown +\d+  (\S+) +(<\S+>) "
CHANGED = r"Changed since it was handed over \(([0-9, ]+)\)"
Spoil = Callable[["Office"], None]


class Unsynchronised(sqlite3.Connection):
    """A database that doesn't wait for the disk."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Execute a statement, but for the one that asks to wait."""
        return super().execute(sql.replace("synchronous = FULL", "synchronous = OFF"), *values)


class Office:
    """A month that is mailed, and what becomes of its files."""

    def __init__(self, folder: Path, made: Path, room: Mailroom, seed: int = 1) -> None:
        self.output, self.kept, self.room = folder / "out", folder / "kept", room
        self.rng = random.Random(seed)
        self.outbox, self.ledger = self.output / "outbox", self.output / "outbox" / f"{MONTH}.sqlite"
        self.journals = self.outbox / f"{MONTH}.mailed", folder / "out-mailed" / f"{MONTH}.mailed"
        shutil.copytree(made, self.output / made.name)
        self.said: list[str] = []

    def postman(self) -> MailContext:
        """Give who sends it, and keeps what he tells."""
        self.said = []
        return mail_context(
            output=self.output,
            data=self.output,
            settings=dials(
                owner="",  # a notice to whom would be counted as a brief
                recipients={"S1": ["ann@example.com", "bo@example.com"], "S2": ["bo@example.com"]},
            ),
            server=self.room.server(grace=0.001),
            clock=lambda: datetime(2026, 11, 2, 7, 0, tzinfo=UTC),  # stands still: two handovers may have one time
            sleep=lambda _: None,
            print_line=self.said.append,
        )

    def send(self) -> int:
        """Send; where the ledger can't be used, do what the sentence says, which includes to send again."""
        try:
            return send_month(self.postman(), confirm=True)
        except LedgerError as error:
            (command,) = re.findall(r"ove it away \((mv .+?)\) and run `make send` again", str(error))
            subprocess.run(shlex.split(command), check=True)
            return self.send()

    def interrupt(self, number: int) -> None:
        """Let the server end a send after so many messages."""
        left = [number]

        def act(verb: str, _recipient: str) -> str | None:
            left[0] -= verb == "MAIL"
            return "554 5.7.1 go away" if left[0] < 0 else None

        self.room.act = act

    def keep(self) -> None:
        """Make a backup."""
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.output, self.kept, symlinks=True)


def remove(office: Office) -> None:
    office.ledger.unlink()


def empty(office: Office) -> None:
    office.ledger.write_bytes(b"")


def cut(office: Office) -> None:
    raw = office.ledger.read_bytes()
    office.ledger.write_bytes(raw[: office.rng.randrange(len(raw) + 1)])


def scratch(office: Office) -> None:
    raw = bytearray(office.ledger.read_bytes())
    for _ in range(20 if raw else 0):
        raw[office.rng.randrange(min(len(raw), 40_960))] = office.rng.randrange(256)
    office.ledger.write_bytes(raw)


def scribble(office: Office) -> None:
    office.ledger.write_bytes(office.rng.randbytes(8_192))


def another_month(office: Office) -> None:
    office.ledger.unlink()
    with Ledger.open(office.ledger, lambda: NOW) as ledger:
        ledger.enqueue_messages([letter(1, "ann@example.com")])


def another_database(office: Office) -> None:
    office.ledger.unlink()
    with contextlib.closing(sqlite3.connect(office.ledger)) as rows:
        rows.execute("CREATE TABLE listener (age)")


def older_ledger(office: Office) -> None:
    office.ledger.unlink()
    shutil.copy(office.kept / "outbox" / office.ledger.name, office.ledger, follow_symlinks=False)


def older_outbox(office: Office) -> None:
    shutil.rmtree(office.outbox)
    if (office.kept / "outbox").exists():
        shutil.copytree(office.kept / "outbox", office.outbox, symlinks=True)


def older_output(office: Office) -> None:
    shutil.rmtree(office.output)
    shutil.copytree(office.kept, office.output, symlinks=True)


def no_outbox(office: Office) -> None:
    shutil.rmtree(office.outbox)


def a_folder(office: Office) -> None:
    office.ledger.unlink()
    office.ledger.mkdir()


def a_link(office: Office) -> None:
    office.ledger.unlink()
    office.ledger.symlink_to(office.output / "elsewhere.sqlite")


def no_marks(office: Office) -> None:
    for mark in office.outbox.glob("*.segments"):
        mark.unlink()


def no_journal(office: Office) -> None:
    office.journals[0].unlink()


def cut_journal(office: Office) -> None:
    raw = office.journals[0].read_bytes()
    office.journals[0].write_bytes(raw[: office.rng.randrange(len(raw) + 1)])


def no_journal_outside(office: Office) -> None:
    shutil.rmtree(office.journals[1].parent)


LOSSES = (
    remove,
    empty,
    cut,
    scratch,
    scribble,
    another_month,
    another_database,
    older_ledger,
    older_outbox,
    older_output,
    no_outbox,
    a_folder,
    a_link,
)
SMALL_LOSSES = (no_marks, no_journal, cut_journal, no_journal_outside)
BOTH_JOURNALS = (older_outbox, older_output, no_outbox)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return month_folder(tmp_path_factory.mktemp("made"), factory.month(4))


@pytest.fixture
def room() -> Iterator[Mailroom]:
    with Mailroom() as room:
        yield room


@pytest.mark.parametrize("part", range(4))
def test_whatever_becomes_of_the_ledger_no_inbox_gets_a_second_copy(
    tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """A send or two with sabotage after each, then a person who looks where the sentences say: each inbox has one, in 100 tries.

    What is spared is one journal of the two: without either, nothing is left that knows. No power fails here, so no
    write waits for the disk.
    """
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Unsynchronised))
    monkeypatch.setattr(os, "fsync", lambda _: None)
    asked = 0
    for number in range(part * TRIES // 4, (part + 1) * TRIES // 4):
        with Mailroom() as room:
            office = Office(tmp_path / str(number), made, room, number)
            rng = office.rng
            for _ in range(rng.choice((1, 1, 2))):
                office.keep()
                office.interrupt(rng.randrange(5))
                office.send()
                plan = [rng.choice(LOSSES), rng.choice(SMALL_LOSSES)]
                if no_journal_outside in plan and plan[0] in BOTH_JOURNALS:
                    plan.pop()
                for spoil in rng.sample(plan, len(plan)):
                    # what the other one took can't be spoilt
                    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                        spoil(office)
            room.act = lambda _verb, _recipient: None
            for _ in range(6):
                code = office.send()
                assert max(room.taken().values(), default=1) == 1, (number, plan)
                if code == 0:
                    break
                for which, to, id_ in re.findall(ASKED, "\n".join(office.said)):
                    asked += 1
                    found = "sent" if room.taken()[id_, to] else "again"
                    apply_resolution(office.postman(), f"{which}:{found}", month=MONTH)
                changed = "".join(re.findall(CHANGED, "\n".join(office.said)))
                for which in re.findall(r"\d+", changed):
                    # a scratch hit its digest
                    apply_resolution(office.postman(), f"{which}:sent", month=MONTH)
            assert code == 0, (number, office.said)
            assert len(room.taken()) == 3, (number, plan)  # and nobody gets none
    assert asked > TRIES // 4


@pytest.mark.parametrize("spoil", [remove, empty, another_month, older_outbox, older_output, no_outbox])
def test_where_evidence_is_and_the_ledger_is_not_it_stops_and_asks(
    tmp_path: Path, made: Path, room: Mailroom, spoil: Spoil
) -> None:
    office = Office(tmp_path, made, room)
    office.keep()
    assert office.send() == 0
    room.heard.clear()
    spoil(office)

    for _ in range(2):
        assert office.send() == 1
        assert room.heard == []
        said = "\n".join(office.said)
        assert "it did not know 3 of these messages, which a journal says were handed over" in said
        assert re.search(r"`make send MONTH=2026-10 .*RESOLVE=all:sent` \(what is out is enough\)", said)
    assert apply_resolution(office.postman(), "all:sent", month=MONTH) == 0
    assert office.send() == 0
    assert room.heard == []


def test_a_month_that_went_out_from_one_folder_does_not_go_out_from_another(
    tmp_path: Path, made: Path, room: Mailroom
) -> None:
    """Made again elsewhere, whoever has a brief is known there as well: it asks, and an answer settles it."""
    first, second = Office(tmp_path, made, room), Office(tmp_path / "other", made, room)
    shared = tmp_path / "project" / "_output-mailed"

    assert send_month(replace(first.postman(), journal_folder=shared), confirm=True) == 0
    room.heard.clear()
    postman = replace(second.postman(), journal_folder=shared)
    assert send_month(postman, confirm=True) == 1
    assert "it did not know 3 of these messages" in "\n".join(second.said)
    assert apply_resolution(postman, "all:sent", month=MONTH) == 0
    assert send_month(postman, confirm=True) == 0
    assert room.heard == []
    assert [path.name for path in shared.iterdir()] == [f"{MONTH}.mailed"]


def test_the_command_shares_its_journals_among_all_folders(tmp_path: Path) -> None:
    """They lie in the project's folder, whatever OUTPUT or settings name."""
    (tmp_path / "settings.toml").write_text(f"[data]\noutput = '{tmp_path}'\n", encoding="utf-8")
    for output in (None, tmp_path / "elsewhere"):
        assert (
            cli._build_mail_context(tmp_path / "settings.toml", output).journal_folder == paths.ROOT / "_output-mailed"
        )


def test_who_knows_that_nobody_has_one_can_say_that_too(tmp_path: Path, made: Path, room: Mailroom) -> None:
    office = Office(tmp_path, made, room)
    office.send()
    remove(office)
    assert office.send() == 1
    assert apply_resolution(office.postman(), "all:again", month=MONTH) == 0

    assert office.send() == 0
    assert set(room.taken().values()) == {2}


def test_a_mark_alone_is_evidence_enough(tmp_path: Path, made: Path, room: Mailroom) -> None:
    """As an earlier version left it, which wrote no journal: whoever gets a brief of the month may have it."""
    office = Office(tmp_path, made, room)
    office.send()
    for file in (office.ledger, *office.journals):
        file.unlink()

    assert office.send() == 1
    assert max(room.taken().values()) == 1
    assert "3 unknown" in "\n".join(office.said)
    assert "a mark beside it says that this month was mailed" in "\n".join(office.said)


def test_a_month_can_be_said_to_be_out_where_nothing_is_left_that_knows(
    tmp_path: Path, made: Path, room: Mailroom
) -> None:
    """After the loss of a whole disk, say."""
    office = Office(tmp_path, made, room)
    assert apply_resolution(office.postman(), "all:sent", month=MONTH) == 0
    assert "3 sent, 0 refused, 0 waiting, 0 unknown" in "\n".join(office.said)

    assert office.send() == 0
    assert room.heard == []
    remove(office)
    assert office.send() == 1
    assert room.heard == []


def test_of_a_send_that_was_cut_short_only_what_went_out_is_in_doubt(
    tmp_path: Path, made: Path, room: Mailroom
) -> None:
    """All are said to be sent that were handed over; the others still go out."""
    office = Office(tmp_path, made, room)
    room.act = lambda verb, to: "451 later" if (verb, to) == ("RCPT", "bo@example.com") else None
    assert office.send() == 75
    remove(office)
    apply_resolution(office.postman(), "all:sent", month=MONTH)
    assert "1 sent, 0 refused, 2 waiting, 0 unknown" in "\n".join(office.said)
    room.act = lambda _verb, _recipient: None

    assert office.send() == 0
    assert set(room.taken().values()) == {1}
    assert len(room.taken()) == 3


def test_nothing_is_unknown_so_all_can_not_be_sent_again(tmp_path: Path, made: Path, room: Mailroom) -> None:
    """Or a slip of the pen would mail everybody a second time."""
    office = Office(tmp_path, made, room)
    office.send()
    with pytest.raises(LedgerError, match="RESOLVE=all:again sends none again"):
        apply_resolution(office.postman(), "all:again", month=MONTH)
    assert office.send() == 0
    assert set(room.taken().values()) == {1}


def test_a_month_made_again_with_other_segments_is_asked_about_without_its_ledger(
    tmp_path: Path, made: Path, room: Mailroom
) -> None:
    """What the journal knows is out shuts the gate, as the ledger would."""
    office = Office(tmp_path, made, room)
    office.send()
    no_outbox(office)
    facts = factory.month(3)
    others = [replace(segment, id=f"S{n}") for n, segment in enumerate(facts.segments, start=5)]
    month_folder(office.output, replace(facts, segments=tuple(others), change=None))

    assert office.send() == 1
    assert "briefs of other segments are out" in "\n".join(office.said)


def test_on_a_disk_that_can_only_be_read_nothing_is_sent(tmp_path: Path, made: Path, room: Mailroom) -> None:
    """A real mount, read-only: the sentence says so, whoever has been mailed before."""
    office = Office(tmp_path, made, room)
    office.send()
    room.heard.clear()
    mount = ["mount", "--bind", str(office.output), str(office.output)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only a user who may mount can make a folder read-only for itself")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(office.output)], check=True)
        with pytest.raises(LedgerError, match=r"Read-only file system.*Free the disk or mend its rights"):
            send_month(office.postman(), confirm=True)
    finally:
        subprocess.run(["umount", str(office.output)], check=True)
    assert room.heard == []
    assert office.send() == 0
    assert set(room.taken().values()) == {1}

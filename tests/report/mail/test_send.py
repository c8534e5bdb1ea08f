"""`make send`, end to end with a real SMTP server on loopback: who gets what, the gates, and what the exit code says."""

import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import typer

from report import cli
from report.errors import ReportError, SettingsError
from report.mail.send import MailContext, apply_resolution, open_mailing, send_month
from report.operations.notices import notify_last_failure
from report.settings import Settings
from report.storage import paths
from report.storage.runlog import read_last_run, record_run, record_run_failure
from report.transport.ledger import Ledger, LedgerError
from tests.support.facts import factory
from tests.support.mail.briefs import NOW, dials, mail_context, month_folder
from tests.support.mail.server import Mailroom

EVERYBODY = {(f"<2026-10.S{n}.brief@example.com>", "marketing@example.com"): 1 for n in (1, 2, 3, 4)} | {
    ("<2026-10.S1.brief@example.com>", "ann@example.com"): 1
}


@pytest.fixture
def room() -> Iterator[Mailroom]:
    with Mailroom() as room:
        yield room


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the briefs of a month of four segments, once."""
    return month_folder(tmp_path_factory.mktemp("made"), factory.month(4))


@pytest.fixture
def postman(tmp_path: Path, room: Mailroom, made: Path) -> Callable[..., MailContext]:
    """Give a postman with a month of four segments made, who keeps what he tells."""
    (tmp_path / "data").mkdir()
    shutil.copytree(made, tmp_path / "out" / made.name)

    def make(**changes: Any) -> MailContext:
        known = {
            "output": tmp_path / "out",
            "data": tmp_path / "data",
            "settings": dials(),
            "server": room.server(),
            "clock": lambda: NOW,
            "sleep": lambda _: None,
            "print_line": [].append,
        }
        return mail_context(**(known | changes))

    return make


def told(postman: MailContext) -> str:
    return "\n".join(postman.notifier.print_line.__self__)


def test_a_copy_of_a_month_is_no_month(postman: Callable[..., MailContext], made: Path) -> None:
    """Its name comes after the month's own; its briefs may be old ones."""
    one = postman()
    copy = one.notifier.output / f"{made.name}-backup"
    shutil.copytree(made, copy)
    for path in (copy / "briefs").glob("*.eml"):
        path.write_bytes(b"")

    assert all(open_mailing(one).briefs.values())


def test_without_confirmation_everything_is_shown_and_nothing_sent(
    postman: Callable[..., MailContext], room: Mailroom
) -> None:
    """Who gets what, by name; and no ledger is begun, nor a server called."""
    one = postman()

    assert send_month(one) == 0
    assert room.heard == []
    assert not (one.notifier.output / "outbox").exists()
    for said in (
        "four\u00a0briefs, five\u00a0messages",
        "marketing@example.com",
        "ann@example.com",
        "make send CONFIRM=yes",
    ):
        assert said in told(one)


def test_of_the_sample_it_is_said_that_its_users_are_made_up(postman: Callable[..., MailContext], made: Path) -> None:
    """Before anything is sent; of others it isn't."""
    one = postman()
    send_month(one)
    assert "2026-10.csv is the sample that comes with this program: its users are made up" in told(one)

    facts = one.notifier.output / made.name / "facts.json"
    facts.write_text(
        facts.read_text(encoding="utf-8").replace('"synthetic": true', '"synthetic": false'), encoding="utf-8"
    )
    other = postman(print_line=[].append)
    send_month(other)
    assert "made up" not in told(other)


def test_everybody_gets_theirs_once(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """An address that is named twice, in another spelling, gets one; a second run adds none; nor does a report made again."""
    one = postman()
    assert send_month(one, confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY
    assert "5 sent, 0 refused, 0 waiting, 0 unknown" in told(one)

    month_folder(one.notifier.output, factory.month(4), now=NOW + timedelta(days=1))
    again = postman()
    assert send_month(again, confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY
    assert "Changed since" not in told(again)


def test_what_arrives_is_what_lies_in_the_folder(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """To the one who gets it alone, and otherwise byte for byte."""
    send_month(postman(), confirm=True)
    found = {
        path.read_bytes().split(b"\r\n\r\n", 1)[1]
        for path in (postman().notifier.output / "2026-10/briefs").glob("*.eml")
    }

    assert dict(room.taken()) == EVERYBODY
    for to, raw in room.inbox:
        mail = message_from_bytes(raw, policy=default)
        assert mail["To"] == to
        assert [part.defects for part in mail.walk() if part.defects] == []
        assert raw.split(b"\r\n\r\n", 1)[1] in found


def test_a_changed_brief_is_not_sent_twice(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """It is named, and goes out as a correction when a person says so, once."""
    send_month(postman(), confirm=True)
    month_folder(postman().notifier.output, factory.changed(factory.month(4), 3, users=95))
    again = postman()
    assert send_month(again, confirm=True) == 1
    assert dict(room.taken()) == EVERYBODY
    assert "Changed since it was handed over (5): the new text wasn't sent." in told(again)

    # typed without its folder it would settle another ledger
    where = re.escape(paths.format_output_option(again.notifier.output, paths.DEFAULT_OUTPUT))
    (number,) = re.findall(rf"`make send MONTH=2026-10{where} RESOLVE=([0-9]+):again`", told(again))
    with pytest.raises(ReportError, match=rf"Say which: `make send MONTH=2026-10 .* RESOLVE={number}:again`"):
        apply_resolution(postman(), f"{number}:again")
    one = postman()
    assert apply_resolution(one, f"{number}:again", month="2026-10") == 0
    assert "RESOLVE" not in told(one)
    assert told(one).endswith(
        f"What waits goes out by `make send MONTH=2026-10{paths.format_output_option(again.notifier.output, paths.DEFAULT_OUTPUT)} CONFIRM=yes`."
    )
    for _ in range(2):
        assert send_month(postman(), confirm=True) == 0
        assert sum(room.taken().values()) == 6
    first, mail = (message_from_bytes(raw, policy=default) for to, raw in room.inbox[-2:])
    assert mail["Message-ID"] != first["Message-ID"]
    assert re.fullmatch(r"<2026-10\.S4\.brief\.correction-[0-9a-f]{12}@example\.com>", mail["Message-ID"])
    assert (mail["In-Reply-To"], mail["References"]) == (first["Message-ID"], first["Message-ID"])
    assert mail["Subject"].startswith("Corrected: October brief: ")
    assert "95" in mail.get_body(("plain",)).get_content()
    assert [part.defects for part in mail.walk() if part.defects] == []


def test_a_correction_that_needn_t_go_out_is_settled_too(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """Else every run would ask for a person for ever."""
    send_month(postman(), confirm=True)
    month_folder(postman().notifier.output, factory.changed(factory.month(4), 3, users=95))
    one = postman()
    assert send_month(one, confirm=True) == 1
    (number,) = re.findall(r" RESOLVE=([0-9]+):sent`", told(one))
    assert apply_resolution(postman(), f"{number}:sent", month="2026-10") == 0

    assert send_month(postman(), confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY


def test_a_second_correction_names_all_before_it_and_a_newcomer_gets_none(
    postman: Callable[..., MailContext], room: Mailroom
) -> None:
    """Back to the first words is a correction, too; who never had the brief gets it as it is now."""
    for users in (95, 97):
        assert send_month(postman(), confirm=True) == 0
        month_folder(postman().notifier.output, factory.changed(factory.month(4), 3, users=users))
        apply_resolution(postman(), "all:again", month="2026-10")
    send_month(postman(), confirm=True)
    month_folder(postman().notifier.output, factory.month(4))
    more = {"settings": dials(recipients={"all": ["marketing@example.com", "carl@example.com"]})}
    assert send_month(postman(**more), confirm=True) == 1
    apply_resolution(postman(**more), "all:again", month="2026-10")
    assert send_month(postman(**more), confirm=True) == 0

    mails = [(to, message_from_bytes(raw, policy=default)) for to, raw in room.inbox]
    mine = [mail for to, mail in mails if to == "marketing@example.com" and ".S4." in mail["Message-ID"]]
    ids = [mail["Message-ID"] for mail in mine]
    assert len(set(ids)) == 4
    assert [mail["In-Reply-To"] for mail in mine] == [None, ids[0], ids[0], ids[0]]
    assert [mail["References"] for mail in mine] == [None, ids[0], " ".join(ids[:2]), " ".join(ids[:3])]
    assert mine[3].get_body(("plain",)).get_content() == mine[0].get_body(("plain",)).get_content()
    (carl,) = (mail for to, mail in mails if to == "carl@example.com" and ".S4." in mail["Message-ID"])
    assert (carl["Message-ID"], carl["In-Reply-To"]) == (ids[0], None)


def test_the_same_brief_again_is_the_same_message(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """Nobody knows whether the first arrived: a mail program that has both shows one."""
    room.play(("DOT", "accept drop"))
    assert send_month(postman(), confirm=True) == 1
    apply_resolution(postman(), "all:again", month="2026-10")
    assert send_month(postman(), confirm=True) == 0

    ((id_, _), count), *_ = room.taken().most_common(1)
    assert count == 2
    assert ".correction" not in id_


def test_another_spelling_of_an_address_asks_for_nothing(postman: Callable[..., MailContext], room: Mailroom) -> None:
    send_month(postman(), confirm=True)
    spelt = {"all": ["MARKETING@example.com"], "S1": ["Ann@Example.com"]}
    one = postman(settings=dials(recipients=spelt))

    assert send_month(one, confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY
    assert "Changed" not in told(one)


def test_another_sender_is_no_reason_for_a_second_brief(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """Briefs that are made again from another domain have another Message-ID; whoever has one is sent no other."""
    send_month(postman(), confirm=True)
    moved = {"settings": dials(sender="briefs@mail.example.com")}
    month_folder(postman().notifier.output, factory.month(4), **moved)
    one = postman(**moved)

    assert send_month(one, confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY
    assert "Changed" not in told(one)


def test_what_still_waits_goes_out_from_the_sender_at_hand(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """A server that puts everything off, and by the next day another sender: each inbox gets one, from that one."""
    room.act = lambda verb, _: "450 later" if verb == "MAIL" else None
    assert send_month(postman(), confirm=True) == 75
    room.act = lambda _verb, _recipient: None
    moved = {"settings": dials(sender="briefs@mail.example.com")}
    month_folder(postman().notifier.output, factory.month(4), **moved)

    assert send_month(postman(**moved), confirm=True) == 0
    assert dict(room.taken()) == {
        (id_.replace("@example.com", "@mail.example.com"), to): n for (id_, to), n in EVERYBODY.items()
    }


def test_other_segments_of_a_month_that_is_out_wait_for_a_person(
    postman: Callable[..., MailContext], room: Mailroom
) -> None:
    """Made again by other settings, October has S5 to S7: nobody gets a second set before somebody says so."""
    send_month(postman(), confirm=True)
    room.inbox.clear()
    facts = factory.month(3)
    others = [replace(segment, id=f"S{n}") for n, segment in enumerate(facts.segments, start=5)]
    month_folder(postman().notifier.output, replace(facts, segments=tuple(others), change=None))

    assert send_month(postman(), confirm=True) == 1
    ((to, notice),) = room.inbox
    assert to == "olga@example.com"
    assert "briefs of other segments are out" in message_from_bytes(notice, policy=default)["Subject"]

    one = postman()
    assert send_month(one, accept=True) == 0
    assert "(S1, S2, S3 and S4) are out already" in told(one)
    # S1, whom settings name somebody for, is no more: that is told, too
    some = {"settings": dials(recipients={"all": ["marketing@example.com"]})}
    assert send_month(postman(**some), confirm=True) == 0
    assert len(room.inbox) == 4


def test_more_segments_of_a_month_that_is_out_wait_for_a_person(
    postman: Callable[..., MailContext], room: Mailroom
) -> None:
    """Made again with five, October's S5 is part of a segment whose brief is out: its readers have these people already."""
    send_month(postman(), confirm=True)
    facts = factory.month(4)
    fifth = replace(facts.segments[3], id="S5", name="Older high earners")
    month_folder(postman().notifier.output, replace(facts, segments=(*facts.segments, fifth)))
    room.inbox.clear()

    assert send_month(postman(), confirm=True) == 1
    ((to, _),) = room.inbox
    assert to == "olga@example.com"
    one = postman()
    assert send_month(one, accept=True) == 0
    assert "If its new ones (S5) shall go out, too: `make send MONTH=2026-10 ACCEPT=yes OUTPUT=" in told(one)
    assert send_month(postman(), confirm=True) == 0
    assert len(room.inbox) == 2


def test_a_segment_that_nobody_got_yet_is_no_other_set(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """Its recipient is named later, and marketing has edited the playbook meanwhile: the month has the segments that it had."""
    some = {"settings": dials(recipients={"S1": ["ann@example.com"]})}
    send_month(postman(**some), confirm=True)
    month_folder(postman().notifier.output, factory.changed(factory.month(4), 0, users=95))
    room.inbox.clear()

    one = postman()
    assert send_month(one, confirm=True) == 1
    assert len(room.inbox) == 4
    assert told(one).count("Changed since it was handed over (1)") == 1  # the brief that Ann has


def test_what_waits_is_said_before_each_pause(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """Two and a half minutes without a word look like a program that hangs."""
    room.act = lambda verb, _: "450 later" if verb == "MAIL" else None
    one = postman()

    assert send_month(one, confirm=True) == 75
    waits = [line for line in one.notifier.print_line.__self__ if "messages wait" in line]
    assert [line.rpartition("tried again in ")[2] for line in waits] == ["5 seconds.", "30 seconds.", "120 seconds."]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            KeyboardInterrupt(),
            "The run of 2026-10 failed: it was stopped before it had ended. Run `make report` again.",
        ),
        (OSError(28, "No space left on device", "facts.json"), "facts.json: No space left on device. Make room there"),
        (ZeroDivisionError("of nothing"), "Something unforeseen: ZeroDivisionError: of nothing (test_send.py, line "),
    ],
)
def test_what_ended_a_run_is_told_to_the_owner_as_to_a_person(
    postman: Callable[..., MailContext], error: BaseException, said: str
) -> None:
    one = postman()
    with pytest.raises(type(error)), record_run(one.notifier.output, "2026-10", lambda: NOW):
        raise error

    assert send_month(one) == 0
    assert said in told(one)


def test_a_notice_that_is_refused_is_no_message_of_the_months(
    postman: Callable[..., MailContext], room: Mailroom
) -> None:
    """Its ledger is another one: a number of it would mean another message to `make send`."""
    one = postman()
    failed(one)
    room.act = lambda verb, _: "550 no such inbox" if verb == "RCPT" else None

    assert notify_last_failure(one.notifier) == 1
    assert "correct what the server named." in told(one)
    assert "RESOLVE" not in told(one)


def test_a_test_goes_to_one_address_and_counts_for_nothing(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """All of them, under ids of their own and in a ledger of their own; the real ones still go out."""
    one = postman()
    assert send_month(one, to="me@example.com") == 0
    assert {to for _, to in room.taken()} == {"me@example.com"}
    assert len(room.inbox) == 4
    assert send_month(postman(), to="me@example.com") == 0
    assert len(room.inbox) == 4
    assert send_month(postman(), confirm=True) == 0
    assert len(room.inbox) == 9


@pytest.mark.parametrize(
    "to", ["me@elsewhere.com", "me", "me@example.com\nBcc: x@example.com", "a@example.com,b@example.com"]
)
def test_a_test_to_a_stranger_is_refused(postman: Callable[..., MailContext], room: Mailroom, to: str) -> None:
    with pytest.raises(SettingsError, match="Nothing was sent"):
        send_month(postman(), to=to)
    assert room.heard == []


def test_without_a_server_it_says_so_and_names_the_files(postman: Callable[..., MailContext]) -> None:
    one = postman(server=None)
    assert send_month(one, confirm=True) == 1
    assert "No mail server is configured" in told(one)
    assert "2026-10/briefs/*.eml" in told(one)
    assert send_month(postman(server=None)) == 0


@pytest.mark.parametrize("spelling", ["NFC", "NFD"])
def test_a_name_with_an_accent_finds_its_recipients(
    postman: Callable[..., MailContext], room: Mailroom, tmp_path: Path, spelling: str
) -> None:
    """However its accents are written, in [names] and under [mail.recipients]."""
    name = unicodedata.normalize(spelling, "Café goers")
    named = Settings(names={"S1": name}).names["S1"]
    assert named == "Caf\u00e9 goers"
    month_folder(tmp_path / "out", factory.named(factory.month(4), named))
    one = postman(output=tmp_path / "out", settings=dials(recipients={name: ["ann@example.com"], "all": []}))

    send_month(one, confirm=True)
    assert [to for to, _ in room.inbox if to == "ann@example.com"] == ["ann@example.com"]
    assert "is no segment of October" not in told(one)


def test_without_recipients_nothing_is_sent(postman: Callable[..., MailContext], room: Mailroom) -> None:
    one = postman(settings=dials(recipients={}))
    assert send_month(one, confirm=True) == 1
    assert "nobody: name somebody in [mail.recipients]" in told(one)
    assert [to for to, _ in room.inbox] == ["olga@example.com"]


def test_a_name_that_fits_no_segment_is_told(postman: Callable[..., MailContext]) -> None:
    """Or somebody would wait for a brief for ever because of a slip of the pen."""
    name = factory.month(4).segments[1].name
    one = postman(settings=dials(recipients={"Hevy listeners": ["a@example.com"], name.upper(): ["b@example.com"]}))
    send_month(one)

    assert "'Hevy listeners' in [mail.recipients] of settings.toml is no segment of October" in told(one)
    assert "one\u00a0message" in told(one)
    assert repr(name.upper()) not in told(one)


def test_another_sender_than_the_files_name_is_refused(postman: Callable[..., MailContext], room: Mailroom) -> None:
    with pytest.raises(
        SettingsError, match=r"are from briefs@example\.com, and settings\.toml says other@example\.com"
    ):
        send_month(postman(settings=dials(sender="other@example.com")), confirm=True)
    with pytest.raises(SettingsError, match="names no sender"):
        send_month(postman(settings=dials(sender="")), confirm=True)
    assert room.heard == []


# Gates


def failed(one: MailContext) -> None:
    with pytest.raises(ReportError), record_run(one.notifier.output, "2026-11", lambda: NOW):
        raise ReportError("2026-11.csv: no such column.")


def cut_off(one: MailContext) -> None:
    note = one.notifier.output / "last-run.json"
    with record_run(one.notifier.output, "", lambda: NOW):
        as_it_was = note.read_text(encoding="utf-8")
    note.write_text(as_it_was, encoding="utf-8")


def newer(one: MailContext) -> None:
    (one.notifier.data / "2026-11.csv").write_text("age\n")


def thin(one: MailContext) -> None:
    facts = factory.month(4)
    month_folder(one.notifier.output, replace(facts, audit=replace(facts.audit, read=1_000, kept=900)))


def newer_twice(one: MailContext) -> None:
    for kind in ("csv", "xlsx"):
        (one.notifier.data / f"2026-11.{kind}").touch()


def nothing(one: MailContext) -> None:
    month_folder(one.notifier.output, factory.awkward("nothing found"))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (failed, "no such column"),
        (cut_off, "has not ended"),
        (newer, "November\u00a02026"),
        (newer_twice, "November\u00a02026"),
        (thin, "10\u00a0%"),
        (nothing, "No reliable segments"),
    ],
)
def test_a_shut_gate_mails_nobody_but_the_owner_once(
    postman: Callable[..., MailContext], room: Mailroom, spoil: Callable[[MailContext], None], why: str
) -> None:
    """Shown, nothing is sent; confirmed, the owner alone is told why, once, and the exit code is no success."""
    one = postman()
    spoil(one)
    assert send_month(one) == 0
    assert room.inbox == []
    assert "Nobody is mailed" in told(one)

    assert send_month(postman(), confirm=True) == 1
    assert send_month(postman(), confirm=True) == 1
    assert [to for to, _ in room.inbox] == ["olga@example.com"]
    mail = message_from_bytes(room.inbox[0][1], policy=default)
    assert mail["Subject"].startswith("No segment briefs for October\u00a02026: ")
    assert why in " ".join(mail.get_content().replace("\u00a0", "~").split()).replace("~", "\u00a0")


def test_a_month_that_is_asked_for_need_not_be_the_newest(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """Nor does it matter to it that another month's run failed."""
    newer(postman())
    failed(postman())

    assert send_month(postman(), month="2026-10", confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY


def test_a_gate_opens_when_what_shut_it_is_gone(postman: Callable[..., MailContext], room: Mailroom) -> None:
    failed(postman())
    assert send_month(postman(), confirm=True) == 1
    with record_run(postman().notifier.output, "2026-10", lambda: NOW):
        pass
    assert send_month(postman(), confirm=True) == 0
    assert len(room.inbox) == 6


def test_a_gate_without_an_owner_says_so(postman: Callable[..., MailContext], room: Mailroom) -> None:
    failed(postman())
    one = postman(settings=dials(owner=""))
    assert send_month(one, confirm=True) == 1
    assert "Nobody was told by mail: mail.owner is not set." in told(one)
    assert room.heard == []


# What can go wrong on the way


@pytest.mark.parametrize(
    ("fault", "code", "state"),
    [
        (("RCPT", "450 later"), 0, "5 sent"),
        (("RCPT", "550 no such user"), 1, "4 sent, 1 refused"),
        (("CONNECT", "drop"), 0, "5 sent"),
        (("DOT", "accept drop"), 1, "4 sent, 0 refused, 0 waiting, 1 unknown"),
    ],
)
def test_the_exit_code_tells_what_became_of_it(
    postman: Callable[..., MailContext], room: Mailroom, fault: tuple[str, str], code: int, state: str
) -> None:
    room.play(fault)
    one = postman()

    assert send_month(one, confirm=True) == code
    assert state in told(one)
    assert max(room.taken().values()) == 1


def test_what_waits_tells_a_scheduler_to_come_again(postman: Callable[..., MailContext], room: Mailroom) -> None:
    room.act = lambda verb, _: "450 not now" if verb == "MAIL" else None
    assert send_month(postman(), confirm=True) == 75
    room.act = lambda _verb, _recipient: None
    assert send_month(postman(), confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY


def test_a_brief_that_was_put_off_after_the_last_dot_is_no_first_one(
    postman: Callable[..., MailContext], room: Mailroom
) -> None:
    """Nobody has it: if its words change before it goes out, it goes out as a brief and not as a correction."""
    room.act = lambda verb, _: "451 later" if verb == "DOT" else None
    assert send_month(postman(), confirm=True) == 75
    room.act = lambda _verb, _recipient: None
    month_folder(postman().notifier.output, factory.changed(factory.month(4), 3, users=95))

    assert send_month(postman(), confirm=True) == 0
    assert dict(room.taken()) == EVERYBODY
    subjects = [str(message_from_bytes(raw, policy=default)["Subject"]) for _, raw in room.inbox]
    assert [one for one in subjects if one.startswith("Corrected")] == []


def test_a_second_sender_meets_a_clear_word(postman: Callable[..., MailContext]) -> None:
    send_month(postman(), confirm=True)
    with (
        Ledger.open(postman().notifier.output / "outbox" / "2026-10.sqlite", lambda: NOW),
        pytest.raises(LedgerError, match="Another sender"),
    ):
        send_month(postman(), confirm=True)


@pytest.mark.parametrize("said", ["3", "x:sent", "3:maybe", "3:sent; rm", "99999999999:sent"])
def test_a_verdict_that_cannot_be_read_is_refused(postman: Callable[..., MailContext], said: str) -> None:
    with pytest.raises(
        ReportError, match=rf"^RESOLVE={re.escape(said)} can't be read\. Write a message's number, or all, "
    ):
        apply_resolution(postman(), said)


def test_a_month_that_was_not_made_is_named(postman: Callable[..., MailContext], tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="2026-09 was not made"):
        send_month(postman(), month="2026-09")
    with pytest.raises(ReportError, match="no month was made"):
        send_month(postman(output=tmp_path / "nowhere"))


# A run that failed


def test_a_failed_run_is_told_once_a_day(postman: Callable[..., MailContext], room: Mailroom) -> None:
    failed(postman())
    assert notify_last_failure(postman().notifier) == 0
    assert notify_last_failure(postman().notifier) == 0
    assert [to for to, _ in room.inbox] == ["olga@example.com"]
    mail = message_from_bytes(room.inbox[0][1], policy=default)
    assert mail["Subject"] == "The listener report of November\u00a02026 was not made"
    assert "2026-11.csv: no such column." in mail.get_content()


def test_a_run_whose_note_cannot_be_read_is_told(postman: Callable[..., MailContext], room: Mailroom) -> None:
    """Cut short by a full disk, say: it has no time and no month, and the owner has to know all the same."""
    one = postman()
    one.notifier.output.mkdir(parents=True, exist_ok=True)
    (one.notifier.output / "last-run.json").write_text("{")

    assert notify_last_failure(one.notifier) == 0
    assert [to for to, _ in room.inbox] == ["olga@example.com"]


def test_a_run_that_went_well_is_not_told(postman: Callable[..., MailContext], room: Mailroom) -> None:
    assert notify_last_failure(postman().notifier) == 0
    with record_run(postman().notifier.output, "", lambda: NOW):
        pass
    assert notify_last_failure(postman().notifier) == 0
    assert room.heard == []


def test_a_failure_that_cannot_be_told_is_no_success(postman: Callable[..., MailContext]) -> None:
    failed(postman())
    assert notify_last_failure(postman(server=None).notifier) == 1


def test_a_month_that_there_is_not_is_told_of_as_any_failure(
    postman: Callable[..., MailContext], room: Mailroom
) -> None:
    """A note may hold anything: who asked for "2026-13", or a hand that wrote into it."""
    one = postman()
    (one.notifier.output / "last-run.json").write_text(
        '{"month": "2026-13", "state": "failed", "why": "MONTH=2026-13 is no month.", "at": ""}'
    )

    assert notify_last_failure(one.notifier) == 0
    ((_, notice),) = room.inbox
    said = message_from_bytes(notice, policy=default).get_content()
    assert "`make report` for the newest month failed:\r\n\r\nMONTH=2026-13 is no month." in said


def test_a_run_is_noted_from_its_first_moment(tmp_path: Path) -> None:
    """Killed on the way it is no run that went well."""
    with record_run(tmp_path / "out", "2026-10", lambda: NOW):
        assert read_last_run(tmp_path / "out").state == "running"
    assert read_last_run(tmp_path / "out").state == "done"
    (tmp_path / "out" / "last-run.json").write_text("{")
    assert read_last_run(tmp_path / "out").state == "failed"


def test_a_second_failure_before_a_run_begins_keeps_whom_to_tell(tmp_path: Path) -> None:
    """Broken settings name nobody, so the last accepted sender and owner are told, however often it fails."""
    with record_run(tmp_path, "", lambda: NOW, sender="briefs@example.com", owner="olga@example.com"):
        pass
    for _ in range(3):
        record_run_failure(tmp_path, "", lambda: NOW, SettingsError("settings.toml: no TOML."))
        run = read_last_run(tmp_path)
        assert (run.state, run.sender, run.owner) == ("failed", "briefs@example.com", "olga@example.com")


def test_the_command_says_yes_by_one_word_only(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its exit code is that of the sending."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.delenv("SMTP_HOST", raising=False)
    shutil.copytree(made, tmp_path / "out" / made.name)
    with pytest.raises(ReportError, match="CONFIRM=ja sends nothing"):
        cli.send(confirm="ja", settings=tmp_path / "none.toml", output=tmp_path / "out")
    for confirm, code in (("", 0), ("yes", 1)):
        with pytest.raises(typer.Exit) as ended:
            cli.send(confirm=confirm, settings=tmp_path / "none.toml", output=tmp_path / "out")
        assert ended.value.exit_code == code

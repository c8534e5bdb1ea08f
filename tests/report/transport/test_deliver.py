import codecs
import logging
import re
import ssl
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from report.errors import SettingsError
from report.storage.passwords import Password
from report.transport.deliver import RETRY_DELAYS, DeliveryError, DeliverySummary, read_delivery_status, send_messages
from report.transport.ledger import Delivery, DeliveryState, Ledger, LedgerError, OutgoingMessage, Resolution
from report.transport.server import MailServer, read_mail_server
from tests.bench import send
from tests.support import ROOT
from tests.support.mail.server import PASSWORD, SENDER, USER, Mailroom, letter

Authority = tuple[Path, ssl.SSLContext]
BEFORE_MAIL = ("CONNECT", "EHLO", "STARTTLS", "AUTH")
BEFORE_DOT = (*BEFORE_MAIL, "MAIL", "RCPT", "DATA", "BODY")
ANN, BO = letter(1, "ann@example.com"), letter(1, "bo@example.com")


def clock() -> datetime:
    return datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a certificate authority of our own, and the server's certificate for localhost."""
    ca = trustme.CA()
    pem = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(pem))
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(trust)
    return pem, trust


@pytest.fixture
def room() -> Iterator[Mailroom]:
    """Plain SMTP."""
    with Mailroom() as found:
        yield found


@pytest.fixture
def safe_room(authority: Authority) -> Iterator[Mailroom]:
    """STARTTLS, then AUTH, as on the internet."""
    with Mailroom(tls="starttls", trust=authority[1], auth=True) as found:
        yield found


class Desk:
    """Sends to a room, remembers in one ledger, and writes down how long it would have slept."""

    def __init__(self, folder: Path, ca: Path) -> None:
        self.ledger, self.ca, self.slept = folder / "outbox.sqlite", ca, []

    def send(
        self, room: Mailroom, *messages: OutgoingMessage, server: MailServer | None = None, **changes: Any
    ) -> DeliverySummary:
        """Send without waiting."""
        known = server or room.server(ca=self.ca, **changes)
        with Ledger.open(self.ledger, clock) as ledger:
            return send_messages(messages, ledger, known, sender=SENDER, sleep=self.slept.append)

    def resolve(self, number: int, resolution: Resolution) -> None:
        """Record what a person found out."""
        with Ledger.open(self.ledger, clock) as ledger:
            ledger.resolve_delivery(number, resolution)

    def status(self, *messages: OutgoingMessage) -> DeliverySummary:
        """Tell where messages stand, and make nothing."""
        with Ledger.open(self.ledger, clock, create=False) as ledger:
            return read_delivery_status(messages, ledger)


@pytest.fixture
def desk(tmp_path: Path, authority: Authority) -> Desk:
    return Desk(tmp_path, authority[0])


def states(outcome: DeliverySummary) -> list[str]:
    return [one.state for one in outcome.deliveries]


def inboxes(room: Mailroom) -> list[str]:
    return sorted(recipient for recipient, _ in room.inbox)


@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
def test_each_inbox_gets_one_and_a_second_run_sends_none(desk: Desk, authority: Authority, tls: str) -> None:
    with Mailroom(tls=tls, trust=authority[1], auth=True) as room:
        outcome = desk.send(room, ANN, BO)
        again = desk.send(room, ANN, BO)

    assert inboxes(room) == ["ann@example.com", "bo@example.com"]
    assert states(outcome) == states(again) == ["sent", "sent"]
    assert outcome.exit_status == again.exit_status == 0


def test_one_recipient_a_transaction(desk: Desk, room: Mailroom) -> None:
    """So each answer to a dot is about one inbox; the connection is one all the same."""
    desk.send(room, ANN, BO)

    assert [line.split()[0] for line in room.heard] == ["EHLO", *("MAIL", "RCPT", "DATA") * 2]


@pytest.mark.parametrize("reply", ["451 4.7.1 later", "421 4.3.2 closing"])
@pytest.mark.parametrize("verb", [*BEFORE_DOT, "DOT"])
def test_what_the_server_puts_off_is_tried_again_after_a_pause(
    desk: Desk, safe_room: Mailroom, verb: str, reply: str
) -> None:
    safe_room.play((verb, reply))
    outcome = desk.send(safe_room, ANN, grace=0.5 if verb == "BODY" else 0)

    assert (states(outcome), inboxes(safe_room)) == (["sent"], ["ann@example.com"])
    assert desk.slept == [RETRY_DELAYS[0]]


@pytest.mark.parametrize("verb", BEFORE_DOT)
def test_a_connection_cut_before_the_dot_leaves_the_message_waiting(desk: Desk, safe_room: Mailroom, verb: str) -> None:
    """Without the dot no server has it, so the next round may send it."""
    safe_room.play((verb, "drop"))
    outcome = desk.send(safe_room, ANN, grace=0.5 if verb == "BODY" else 0)

    assert (states(outcome), inboxes(safe_room)) == (["sent"], ["ann@example.com"])
    assert desk.slept == [RETRY_DELAYS[0]]


def test_a_connection_cut_in_a_long_message_leaves_it_waiting(desk: Desk, room: Mailroom) -> None:
    long = letter(1, "ann@example.com", "All work and no play.\n" * 50_000)
    room.play(("BODY", "drop"))
    outcome = desk.send(room, long, grace=0.5)

    assert (states(outcome), len(room.inbox)) == (["sent"], 1)
    assert outcome.deliveries[0].attempts == 2


def test_a_server_that_is_not_there_leaves_all_waiting(desk: Desk, room: Mailroom) -> None:
    outcome = desk.send(room, ANN, port=1)

    assert (states(outcome), outcome.exit_status) == (["waiting"], 75)
    assert outcome.problem == "localhost:1 can't be reached: [Errno 111] Connection refused."
    assert desk.slept == list(RETRY_DELAYS)


def test_what_is_put_off_for_ever_waits_for_the_next_run(desk: Desk, room: Mailroom) -> None:
    room.act = lambda verb, recipient: (
        "450 4.2.0 greylisted" if (verb, recipient) == ("RCPT", "ann@example.com") else None
    )
    outcome = desk.send(room, ANN, BO)

    assert (states(outcome), outcome.exit_status) == (["waiting", "sent"], 75)
    assert outcome.deliveries[0].attempts == 1 + len(RETRY_DELAYS)
    room.play()
    assert states(desk.send(room, ANN, BO)) == ["sent", "sent"]
    assert inboxes(room) == ["ann@example.com", "bo@example.com"]


@pytest.mark.parametrize("verb", [*BEFORE_MAIL, "MAIL"])
def test_a_no_that_is_about_us_stops_the_run_and_refuses_no_recipient(
    desk: Desk, safe_room: Mailroom, verb: str
) -> None:
    """A wrong password says nothing about Ann: corrected, the next run sends."""
    safe_room.play((verb, "554 5.7.1 go away"))
    outcome = desk.send(safe_room, ANN, BO)

    assert (states(outcome), outcome.exit_status, safe_room.inbox) == (["waiting", "waiting"], 1, [])
    assert "554 5.7.1 go away" in outcome.problem
    assert desk.slept == []
    assert states(desk.send(safe_room, ANN, BO)) == ["sent", "sent"]


@pytest.mark.parametrize(
    "fault", [("MAIL", "552 5.3.4 too big"), *((v, "550 5.1.1 no") for v in ("RCPT", "DATA", "BODY", "DOT"))]
)
def test_a_no_to_one_message_is_recorded_and_the_others_go_out(
    desk: Desk, room: Mailroom, fault: tuple[str, str]
) -> None:
    room.play(fault)
    outcome = desk.send(room, ANN, BO, grace=0.5 if fault[0] == "BODY" else 0)

    assert (states(outcome), inboxes(room)) == (["refused", "sent"], ["bo@example.com"])
    assert (outcome.deliveries[0].detail, outcome.exit_status) == (fault[1], 1)


def test_a_refused_message_is_sent_again_only_when_asked(desk: Desk, room: Mailroom) -> None:
    room.play(("RCPT", "550 5.1.1 no such user"))
    desk.send(room, ANN)
    assert states(desk.send(room, ANN)) == ["refused"]
    desk.resolve(1, "again")

    assert states(desk.send(room, ANN)) == ["sent"]
    assert inboxes(room) == ["ann@example.com"]


@pytest.mark.parametrize(
    ("act", "taken"), [("drop", 0), ("accept drop", 1), ("accept nonsense", 1), ("accept slow", 1)]
)
def test_after_the_dot_only_the_answer_tells(desk: Desk, room: Mailroom, act: str, taken: int) -> None:
    """Taken or not, the sender sees the same: so it asks, and sends nothing by itself."""
    room.play(("DOT", act))
    outcome = desk.send(room, ANN, BO, last_timeout=0.1)
    room.quiet()

    assert (states(outcome), outcome.exit_status) == (["unknown", "sent"], 1)
    assert inboxes(room).count("ann@example.com") == taken
    assert states(desk.send(room, ANN, BO)) == ["unknown", "sent"]
    desk.resolve(1, "sent" if taken else "again")
    assert states(desk.send(room, ANN, BO)) == ["sent", "sent"]
    assert inboxes(room) == ["ann@example.com", "bo@example.com"]


def test_an_unknown_message_says_what_to_do(desk: Desk, room: Mailroom) -> None:
    room.play(("DOT", "drop"))

    assert (
        "Unknown (1): handed over, but nobody knows whether it arrived. Look for the message in the recipient's inbox, or in the "
        "server's log. If it is there: `make send MONTH=2026-10 RESOLVE=1:sent`. If it isn't: `make send MONTH=2026-10 RESOLVE=1:again`."
    ) in desk.send(room, ANN).format_table("MONTH=2026-10")


def test_what_to_do_is_said_once_of_several_messages(desk: Desk, room: Mailroom) -> None:
    """Of twenty unknown messages nobody reads twenty times how to answer for one."""
    room.play(("DOT", "drop"), ("RCPT", "550 no"), ("DOT", "drop"), ("RCPT", "550 no"))
    table = desk.send(room, *(letter(n, "ann@example.com") for n in range(5))).format_table("MONTH=2026-10")

    for advice in ("Unknown (3, 4): ", "Refused (1, 2): ", "RESOLVE=No.:sent`. If it isn't: "):
        assert table.count(advice) == 1


def test_a_server_that_cuts_off_twice_is_given_nothing_more(desk: Desk, room: Mailroom) -> None:
    room.play(("DOT", "drop"), ("DOT", "drop"))
    outcome = desk.send(room, *(letter(number, "ann@example.com") for number in range(4)))

    assert states(outcome) == ["unknown", "unknown", "waiting", "waiting"]
    assert outcome.stopped


def test_a_server_slower_than_the_timeout_before_the_dot_is_tried_again(desk: Desk, room: Mailroom) -> None:
    room.play(("RCPT", "slow"))
    outcome = desk.send(room, ANN, timeout=0.1)
    room.quiet()

    assert (states(outcome), len(room.inbox)) == (["sent"], 1)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_that_is_not_trusted_or_not_for_this_host_gets_nothing(
    desk: Desk, authority: Authority, tls: str
) -> None:
    with Mailroom(tls=tls, trust=authority[1], auth=True) as room:
        stranger = desk.send(room, server=room.server(ca=None))
        stranger = desk.send(room, ANN, server=room.server(ca=None))
        elsewhere = desk.send(room, ANN, host="127.0.0.1")

    assert stranger.problem.startswith(f"localhost:{room.port} shows a certificate that isn't trusted: ")
    assert "IP address mismatch" in elsewhere.problem
    assert (states(stranger), stranger.exit_status, desk.slept) == (["waiting"], 1, [])
    assert {line.split()[0] for line in room.heard} <= {"EHLO", "STARTTLS"}


def test_without_starttls_nothing_is_said_in_the_clear(desk: Desk, room: Mailroom) -> None:
    outcome = desk.send(room, ANN, tls="starttls", user=USER, password=Password(PASSWORD))

    assert outcome.problem.startswith(f"localhost:{room.port} offers no STARTTLS. Nothing was sent.")
    assert [line.split()[0] for line in room.heard] == ["EHLO"]


def test_a_wrong_password_is_tried_once_and_shown_nowhere(
    desk: Desk, safe_room: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    """A server may lock a user out after a few; and one that echoes the password doesn't bring it into the ledger."""
    caplog.set_level(logging.DEBUG)
    server = safe_room.server(ca=desk.ca, password=Password("s3cret!"))
    safe_room.play(("AUTH", f"535 5.7.8 not s3cret! nor {server.auth_plain}"))
    outcome = desk.send(safe_room, ANN, server=server)

    assert outcome.problem == (
        f"localhost:{safe_room.port} doesn't let SMTP_USER in: 535 5.7.8 not *** nor ***. Correct SMTP_USER and SMTP_PASSWORD."
    )
    assert sum(line.startswith("AUTH") for line in safe_room.heard) == 1
    assert "s3cret!" not in repr(server) + outcome.format_table("MONTH=2026-10") + caplog.text
    assert b"s3cret!" not in desk.ledger.read_bytes()


def test_no_exception_shows_the_password(desk: Desk, safe_room: Mailroom) -> None:
    server = safe_room.server(ca=desk.ca, password=Password("s3cret!"))
    desk.ledger.write_text("not a database" * 100)
    with pytest.raises(LedgerError) as caught:
        desk.send(safe_room, ANN, server=server)

    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "s3cret!" not in "".join(shown.format())


def test_auth_login_serves_where_plain_is_not_offered(desk: Desk, authority: Authority) -> None:
    with Mailroom(
        tls="starttls", trust=authority[1], auth=True, settings={"auth_exclude_mechanism": ["PLAIN"]}
    ) as room:
        assert states(desk.send(room, ANN)) == ["sent"]


def test_where_the_server_offers_no_way_in_that_we_know_the_run_stops(desk: Desk, authority: Authority) -> None:
    none = {"auth_exclude_mechanism": ["PLAIN", "LOGIN"]}
    with Mailroom(tls="starttls", trust=authority[1], auth=True, settings=none) as room:
        outcome = desk.send(room, ANN)

    assert outcome.problem == "localhost offers neither AUTH PLAIN nor LOGIN, and this program knows no other way."


def test_a_changed_message_is_not_sent_over_one_that_is_out(desk: Desk, room: Mailroom) -> None:
    newer = letter(1, "ann@example.com", "Twenty-five years old.\n")
    desk.send(room, ANN)
    outcome = desk.send(room, newer)

    assert (states(outcome), len(room.inbox)) == (["sent"], 1)
    assert "Changed since it was handed over (1): the new text wasn't sent." in outcome.format_table("MONTH=2026-10")
    desk.resolve(1, "again")
    assert (states(desk.send(room, newer)), len(room.inbox)) == (["sent"], 2)


def test_dots_and_line_ends_arrive_as_they_were_meant(desk: Desk, room: Mailroom) -> None:
    """A lone dot in the text ends nothing, and a bare LF becomes CRLF so that "LF dot LF" can't either."""
    text = ".\n..\n.hidden\nmiddle\n.\nMAIL FROM:<evil@example.com>\n"
    desk.send(room, letter(1, "ann@example.com", text))

    ((_, raw),) = room.inbox
    assert raw == letter(1, "ann@example.com", text).raw.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (ANN.raw + b"x" * 999 + b"\n", r"line 10 has 999 bytes"),
        (ANN.raw + b"a\0b\n", r"line 10 has 3 bytes, 1 of them NUL"),
        (ANN.raw.replace(b"S1", b"S2"), r"its header says \['<2026-10.S2@example.com>'\]"),
    ],
)
def test_a_message_that_would_not_arrive_as_it_is_stops_all_before_the_first(
    desk: Desk, room: Mailroom, raw: bytes, sentence: str
) -> None:
    with pytest.raises(DeliveryError, match=sentence):
        desk.send(room, BO, OutgoingMessage(ANN.message_id, ANN.recipient, raw))

    assert (room.heard, desk.status().deliveries) == ([], ())


def test_a_line_of_998_bytes_arrives(desk: Desk, room: Mailroom) -> None:
    desk.send(room, OutgoingMessage(ANN.message_id, ANN.recipient, ANN.raw + b"." * 998 + b"\r\n"))

    assert room.inbox[0][1].endswith(b"\r\n" + b"." * 998 + b"\r\n")


@pytest.mark.parametrize("address", ["ann", "ann@example.com\r\nRCPT TO:<bo@example.com>", "<ann@example.com>"])
def test_what_is_no_address_never_reaches_the_server(desk: Desk, room: Mailroom, address: str) -> None:
    with pytest.raises(DeliveryError, match="is not an address"):
        desk.send(room, OutgoingMessage(ANN.message_id, address, ANN.raw))

    assert room.heard == []


def test_a_message_that_stands_twice_is_sent_once_and_two_of_one_id_are_refused(desk: Desk, room: Mailroom) -> None:
    assert states(desk.send(room, ANN, ANN)) == ["sent"]
    assert len(room.inbox) == 1
    with pytest.raises(DeliveryError, match="stands there twice, with different texts"):
        desk.send(room, ANN, letter(1, "Ann@example.com", "other"))


def test_letters_beyond_ascii_are_announced(desk: Desk, room: Mailroom) -> None:
    raw = ANN.raw.replace(b"Brief 1", "Hörer".encode()) + "Über 24.\n".encode()
    desk.send(room, OutgoingMessage(ANN.message_id, "jürgen@example.com", raw))

    (mail,) = (line for line in room.heard if line.startswith("MAIL"))
    assert mail.endswith(" body=8bitmime smtputf8")
    assert inboxes(room) == ["jürgen@example.com"]


def test_a_server_that_knows_no_letters_beyond_ascii_is_not_given_any(desk: Desk) -> None:
    with Mailroom(settings={"enable_SMTPUTF8": False}) as room:
        outcome = desk.send(room, OutgoingMessage(ANN.message_id, "jürgen@example.com", ANN.raw), BO)

    assert (states(outcome), inboxes(room)) == (["refused", "sent"], ["bo@example.com"])
    assert outcome.deliveries[0].detail == "not tried: the message needs SMTPUTF8, and the server has none"


def test_of_two_senders_one_sends_and_the_other_meets_a_sentence(desk: Desk, room: Mailroom) -> None:
    with Ledger.open(desk.ledger, clock), pytest.raises(LedgerError, match="Another sender"):
        desk.send(room, ANN)
    assert room.heard == []

    assert states(desk.send(room, ANN)) == ["sent"]


def test_a_survey_sends_nothing_and_makes_no_ledger(desk: Desk, room: Mailroom) -> None:
    assert states(desk.status(ANN, BO)) == ["waiting", "waiting"]
    assert not desk.ledger.exists()
    desk.send(room, ANN)

    assert states(desk.status(ANN, BO)) == ["sent", "waiting"]
    assert len(room.inbox) == 1


@pytest.mark.parametrize(
    ("found", "stopped", "status"),
    [("sent", False, 0), ("waiting", False, 75), ("waiting", True, 1), ("refused", False, 1), ("unknown", False, 1)],
)
def test_the_exit_status_tells_whether_a_person_or_a_later_run_is_needed(
    found: DeliveryState, *, stopped: bool, status: int
) -> None:
    done = Delivery(1, "<a@b>", "a@b", "sent", 1, "250", "")
    other = Delivery(2, "<a@b>", "b@b", found, 1, "", "")

    assert DeliverySummary((done, other), stopped=stopped).exit_status == status


def test_the_server_is_read_from_the_environment_and_then_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# ours\nexport SMTP_HOST=mail.example.com\nSMTP_USER = briefs\nSMTP_PASSWORD='a #b=c'\nOTHER=1\n")
    file.chmod(0o600)

    server = read_mail_server(file, {"SMTP_HOST": "smtp.example.com"})
    assert server == MailServer("smtp.example.com", 587, "starttls", "briefs", Password("a #b=c"))
    assert "a #b=c" not in repr(server)


@pytest.mark.parametrize(
    ("text", "password"),
    [
        (b"\xef\xbb\xbfSMTP_HOST=smtp.example.com\nSMTP_USER=briefs\nSMTP_PASSWORD=secret\n", "secret"),
        (b"SMTP_HOST=smtp.example.com\r\nSMTP_USER=briefs\r\nSMTP_PASSWORD=secret\r\n", "secret"),
        (b"SMTP_HOST=smtp.example.com # ours\nSMTP_USER=briefs\t# me\nSMTP_PASSWORD=se#cret   # dull\n", "se#cret"),
        (b'SMTP_HOST=smtp.example.com\nSMTP_USER=\'briefs\' # me\nSMTP_PASSWORD="a # b" # "c"\n', "a # b"),
        (b'export\tSMTP_HOST=smtp.example.com\nexport  SMTP_USER=briefs\nSMTP_PASSWORD="secret\n', '"secret'),
        (codecs.BOM_UTF8 * 2 + b"SMTP_HOST=smtp.example.com\nSMTP_USER=briefs\nSMTP_PASSWORD=secret\n\x1a", "secret"),
        ("SMTP_HOST=smtp.example.com\nSMTP_USER=briefs\nSMTP_PASSWORD=secret\n".encode("utf-16"), "secret"),
        ("\u200bSMTP_HOST=smtp.example.com\u00a0\nSMTP_USER=briefs\nSMTP_PASSWORD=secret\n".encode(), "secret"),
        (b"SMTP_HOST=smtp.example.com\nSMTP_PORT=# the usual\nSMTP_USER=briefs\nSMTP_PASSWORD='#'\n", "#"),
    ],
)
def test_a_file_is_read_as_a_shell_reads_it(tmp_path: Path, text: bytes, password: str) -> None:
    """With a byte-order mark or Windows' lines, too; "#" begins a comment after a blank, and not in quotes."""
    (tmp_path / ".env").write_bytes(text)
    (tmp_path / ".env").chmod(0o600)

    expected = MailServer("smtp.example.com", 587, "starttls", "briefs", Password(password))
    assert read_mail_server(tmp_path / ".env", {}) == expected


def test_a_file_of_bytes_that_are_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SMTP_HOST=caf\xe9.example.com\n")

    with pytest.raises(SettingsError) as told:
        read_mail_server(tmp_path / ".env", {"SMTP_HOST": "smtp.example.com"})
    assert str(told.value) == f"{tmp_path / '.env'} can't be read: UnicodeDecodeError. Expected text in UTF-8."


def test_readme_s_own_file_is_read(tmp_path: Path) -> None:
    """The block that docs/operations.md shows, pasted: its comments are no part of host and password."""
    readme = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sh\n(SMTP_HOST=.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / ".env").write_text(block)
    (tmp_path / ".env").chmod(0o600)

    expected = MailServer("smtp.example.com", 587, "starttls", "briefs", Password("..."))
    assert read_mail_server(tmp_path / ".env", {}) == expected


def test_where_no_server_is_named_there_is_none(tmp_path: Path) -> None:
    assert read_mail_server(tmp_path / ".env", {"HOME": "/root"}) is None


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("SMTP_HOST=a.example\nSMTP_TLS=none", "would cross the network in the clear"),
        ("SMTP_HOST=a.example\nSMTP_TLS=ssl", "SMTP_TLS: expected one of starttls, tls, none."),
        ("SMTP_HOST=a.example\nSMTP_PORT=mail", "SMTP_PORT: expected a number from 1 to 65535."),
        ("SMTP_HOST=a.example\nSMTP_PASSWORD=s3cret!", "only one is set"),
        ("SMTP_HOST=a.example\nSMTP_CA=gone.pem", "SMTP_CA: no such file"),
        ("SMTP_PASSWORD=s3cret!", "SMTP_PASSWORD without SMTP_HOST"),
        ("SMTP_PASWORD=s3cret!", "line 1: there is no SMTP_PASWORD"),
        ("s3cret!", "line 1 isn't NAME=value"),
        ("SMTP_HOST=a.example\nSMTP_USER=me\nSMTP_PASSWORD=s3cret!\x07", "SMTP_PASSWORD holds a letter that can't be"),
    ],
)
def test_a_server_that_can_not_be_meant_is_refused_without_showing_a_password(
    tmp_path: Path, said: str, sentence: str
) -> None:
    (tmp_path / ".env").write_text(said)
    (tmp_path / ".env").chmod(0o600)
    with pytest.raises(SettingsError, match=re.escape(sentence)) as caught:
        read_mail_server(tmp_path / ".env", {})

    assert "s3cret!" not in str(caught.value)


def test_a_password_file_that_others_can_read_is_worth_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text("SMTP_HOST=localhost\n")
    (tmp_path / ".env").chmod(0o644)
    read_mail_server(tmp_path / ".env", {})

    assert "can be read by others" in caplog.text


def test_sixty_faults_and_kills_leave_one_in_each_inbox_and_nothing_recorded_falsely(tmp_path: Path) -> None:
    """The small sister of `make bench-send`: real sender processes, killed with -9 at random and at chosen instants."""
    tally = send.run(60, 7, tmp_path)

    assert tally.wrong == []
    assert (tally.seen["with two or more"], tally.seen["with none"]) == (0, 0)
    assert tally.seen["killed with -9"] >= 5
    assert sum(tally.faults.values()) >= 60

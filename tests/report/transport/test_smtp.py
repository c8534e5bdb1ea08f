"""Servers that stall, drip, hang up, say too much or lie: nothing is said sent that they didn't take, and every send ends."""

import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from report.errors import SettingsError
from report.storage.passwords import Password
from report.transport.deliver import DeliverySummary, send_messages
from report.transport.ledger import Ledger
from report.transport.server import MailServer, read_mail_server
from report.transport.smtp import AbortSendError, Deadline, RetryLaterError, SmtpSession, choose_helo_name
from tests.support.mail.scripted_server import Act, Scripted, close, drip, endless, later, stall
from tests.support.mail.server import PASSWORD, SENDER, USER, Mailroom, letter

ANN, BO = letter(1, "ann@example.com"), letter(1, "bo@example.com")
LOGIN = {"user": USER, "password": Password(PASSWORD)}
BEFORE_DOT = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA")
NO_GREETING = ("has a code of five digits", "says what is no answer")
CODE = {"CONNECT": b"220", "DATA": b"354"}


def try_once(folder: Path, server: MailServer, *messages: Any, **changes: Any) -> DeliverySummary:
    """Send in one round, and see that it ends by its deadline."""
    begun = time.monotonic()
    known = {"sender": SENDER, "sleep": time.sleep, "retry_delays": ()} | changes
    with Ledger.open(folder / "outbox.sqlite", lambda: datetime(2026, 11, 2, 12, tzinfo=UTC)) as ledger:
        outcome = send_messages(messages or (ANN,), ledger, server, **known)
    assert time.monotonic() - begun < server.deadline + 0.5
    return outcome


def states(outcome: DeliverySummary) -> list[str]:
    return [one.state for one in outcome.deliveries]


def answers(stage: str) -> dict[str, Act]:
    """Give the wrong ways to answer at a stage."""
    code = CODE.get(stage, b"250")
    return {
        "stalls": stall,
        "hangs up": close,
        "hangs up in a line": lambda connection: (connection.sendall(code + b" o"), close(connection)),
        "drips": drip(code + b" one byte at a time\r\n"),
        "never ends": endless(code + b"-more\r\n"),
        "never ends its line": endless(code + b" more"),
        "says two things in one packet": code + b" ok\r\n" + code + b" ok\r\n",
        "says yes and no in one packet": code + b" ok\r\n554 no\r\n",
        "says yes and no in one reply": code + b"-ok\r\n554 no\r\n",
        "says no and yes in one reply": b"554-no\r\n" + code + b" ok\r\n",
        "has a code of five digits": code + b"00 ok\r\n",
        "says what is no answer": b"\xff\xfe\r\n",
    }


@pytest.mark.parametrize("how", answers(""))
@pytest.mark.parametrize("stage", BEFORE_DOT)
def test_what_goes_wrong_before_the_dot_leaves_the_message_waiting(tmp_path: Path, stage: str, how: str) -> None:
    """The dot never leaves, so no server has it; an honest server gets it later."""
    with Scripted(**{stage: answers(stage)[how]}) as server:
        outcome = try_once(tmp_path, server.server())
        assert (states(outcome), server.dots) == (["waiting"], 0)
        for_ever = stage == "CONNECT" and how in ("stalls", *NO_GREETING)
        assert outcome.exit_status == (1 if for_ever else 75)

    with Mailroom() as room:
        assert states(try_once(tmp_path, room.server())) == ["sent"]
    assert len(room.inbox) == 1


@pytest.mark.parametrize(
    ("act", "seconds", "why"),
    [
        (close, 2, "closed the connection."),
        (drip(b"250 one byte at a time\r\n"), 0.3, "gave no whole answer within 0.3 seconds."),
        (
            lambda connection: connection.sendall(b"250 " + b"x" * 70_000),
            2,
            "gave an answer of more than 65,536 bytes.",
        ),
        (b"\xff\xfe\r\n", 2, "gave an answer that is none: \ufffd\ufffd."),
    ],
)
def test_what_is_wrong_with_an_answer_is_said_in_a_sentence(tmp_path: Path, act: Act, seconds: float, why: str) -> None:
    with Scripted(EHLO=act) as server:
        outcome = try_once(tmp_path, server.server(timeout=seconds))

        assert outcome.problem == f"127.0.0.1:{server.port} {why}"


@pytest.mark.parametrize("how", answers("DOT"))
def test_an_answer_to_the_dot_that_is_none_leaves_the_message_unknown(tmp_path: Path, how: str) -> None:
    """Whether it was taken is asked of a person; the next run sends it to nobody."""
    with Scripted(DOT=answers("DOT")[how]) as server:
        outcome = try_once(tmp_path, server.server())
        assert (states(outcome), outcome.exit_status, server.dots) == (["unknown"], 1, 1)
        assert states(try_once(tmp_path, server.server())) == ["unknown"]
        assert server.dots == 1


@pytest.mark.parametrize(
    ("stage", "code", "state"),
    [
        *(("DOT", code, "unknown") for code in (b"220", b"221", b"251", b"299")),
        *(("MAIL", code, "waiting") for code in (b"220", b"251")),
        *(("RCPT", code, "waiting") for code in (b"220", b"253")),
    ],
)
def test_another_yes_than_that_of_the_standard_is_none(tmp_path: Path, stage: str, code: bytes, state: str) -> None:
    """RFC 5321, 4.3.2: 250 to MAIL and to the dot; 250, 251 and (for VRFY) 252 to RCPT."""
    with Scripted(**{stage: code + b" well\r\n"}) as server:
        outcome = try_once(tmp_path, server.server())

    assert (states(outcome), server.dots) == ([state], int(stage == "DOT"))


def test_an_answer_that_comes_before_the_dot_is_not_its_answer(tmp_path: Path) -> None:
    """354 and 250 in one packet, then 554 to the dot: read one by one, the 250 would have been taken for a yes."""
    with Scripted(DATA=b"354 go on\r\n250 taken\r\n", DOT=b"554 no\r\n") as server:
        outcome = try_once(tmp_path, server.server())

    assert (states(outcome), server.dots) == (["waiting"], 0)
    assert outcome.deliveries[0].detail.endswith("gave two answers to one command")


@pytest.mark.parametrize("act", [b"250 taken\r\n", drip(b"250 taken\r\n", 0.01)])
def test_an_answer_while_the_message_comes_keeps_the_dot_back(tmp_path: Path, act: Act) -> None:
    with Scripted(BODY=act, DOT=b"554 no\r\n") as server:
        outcome = try_once(tmp_path, server.server())

    assert (states(outcome), server.dots) == (["waiting"], 0)


def test_a_server_that_is_one_answer_ahead_is_found_out(tmp_path: Path) -> None:
    """Its yes came too early to be the dot's answer, and too late to be heard before it: the no follows it."""
    with Scripted(DOT=later(b"250 taken\r\n", b"554 no\r\n")) as server:
        outcome = try_once(tmp_path, server.server())

    assert states(outcome) == ["unknown"]
    assert "then said 554" in outcome.deliveries[0].detail


@pytest.mark.parametrize(
    "script",
    [
        {"RSET": close},
        {"RSET": stall},
        {"RSET": b"421 4.7.0 enough for one connection\r\n"},
        {"QUIT": close},
        {"QUIT": stall},
        {"DOT": b"250\r\n"},
        {"DOT": b"250 taken\n"},
        {"DOT": b"250-taken\r\n250-and\r\n250 kept\r\n"},
        {"DOT": drip(b"250 taken\r\n", 0.01)},
        {"RCPT": b"251 will forward\r\n"},
        {"RCPT": b"252 will try\r\n"},
    ],
)
def test_a_plain_yes_to_the_dot_is_sent(tmp_path: Path, script: dict[str, Act]) -> None:
    """Whatever comes after it; in several lines, without a word, or slowly."""
    with Scripted(**script) as server:
        outcome = try_once(tmp_path, server.server())

    assert (states(outcome), server.dots) == (["sent"], 1)


def test_what_follows_the_answer_to_starttls_is_not_believed(tmp_path: Path) -> None:
    """Somebody on the way may have put it there, before anything was encrypted."""
    script = {"EHLO": b"250-here\r\n250 STARTTLS\r\n", "STARTTLS": b"220 go\r\n250 AUTH PLAIN\r\n"}
    with Scripted(**script) as server:
        outcome = try_once(tmp_path, server.server(tls="starttls", **LOGIN))

    assert "gave two answers to one command" in outcome.problem
    assert [line.split()[0].upper() for line in server.heard] == ["EHLO", "STARTTLS"]


# The deadline


def test_a_server_that_is_slow_at_every_step_is_left_at_the_deadline(tmp_path: Path) -> None:
    """Each answer is in time, and all of them together are not."""
    slow = {stage: drip(CODE.get(stage, b"250") + b" ok\r\n", 0.04) for stage in BEFORE_DOT}
    with Scripted(**slow) as server:
        outcome = try_once(tmp_path, server.server(timeout=0.6, last_timeout=0.3, deadline=1.4))

    assert (states(outcome), outcome.exit_status, server.dots) == (["waiting"], 75, 0)


def test_what_the_deadline_leaves_goes_out_with_the_next_send(tmp_path: Path) -> None:
    """Ten messages for a server that takes a fifth of a second for each, in one and a half: none twice, none lost."""
    messages = [letter(number, "ann@example.com") for number in range(10)]
    with Scripted(DOT=later(b"", b"250 taken\r\n", pause=0.1)) as server:
        first = try_once(tmp_path, server.server(deadline=1.5, last_timeout=0.5), *messages)
        sent = first.counts["sent"]

        assert 1 <= sent < 10
        assert (first.counts["waiting"], first.exit_status) == (10 - sent, 75)
        assert "The send ended before its deadline of 0.025 minutes" in first.problem
        assert server.dots == sent
        last = try_once(tmp_path, server.server(deadline=30), *messages)
        assert (last.counts["sent"], server.dots) == (10, 10)


def test_no_pause_goes_beyond_the_deadline(tmp_path: Path) -> None:
    """Of 100 seconds, pauses of 5 and 30 leave 65: the third of 120 isn't begun."""
    at, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        at[0] += seconds

    with Scripted(MAIL=b"450 later\r\n") as server:
        outcome = try_once(
            tmp_path, server.server(deadline=100), retry_delays=(5, 30, 120), sleep=sleep, monotonic_clock=lambda: at[0]
        )

    assert (slept, states(outcome), outcome.exit_status) == ([5, 30], ["waiting"], 75)


def test_a_server_that_stops_reading_is_left(tmp_path: Path) -> None:
    """The message doesn't leave whole, so the dot doesn't either."""
    long = letter(1, "ann@example.com", "All work and no play.\n" * 130_000)
    with Scripted(BODY=lambda _: time.sleep(1)) as server:
        outcome = try_once(tmp_path, server.server(deadline=1), long)

    assert (states(outcome), server.dots) == (["waiting"], 0)


# What never passes by itself, and what may


def test_a_server_that_asks_for_the_word_once_more_gets_it(tmp_path: Path) -> None:
    """It takes no initial response (RFC 4954): 334 to AUTH PLAIN, and 235 to the word alone."""
    with Scripted(EHLO=b"250-here\r\n250 AUTH PLAIN\r\n", AUTH=b"334 \r\n") as server:
        outcome = try_once(tmp_path, server.server(**LOGIN))

    assert states(outcome) == ["sent"]
    assert server.heard[2] == server.server(**LOGIN).auth_plain


@pytest.mark.parametrize("mechanism", [b"PLAIN", b"LOGIN"])
def test_a_server_that_wants_ever_more_words_stops_the_run(tmp_path: Path, mechanism: bytes) -> None:
    script = {"EHLO": b"250-here\r\n250 AUTH " + mechanism + b"\r\n", "AUTH": b"334 \r\n"}
    with Scripted(**script, WORD=b"334 more\r\n") as server:
        outcome = try_once(tmp_path, server.server(**LOGIN))

    assert (outcome.exit_status, states(outcome)) == (1, ["waiting"])
    assert "asks for AUTH in an unknown way" in outcome.problem


def test_a_server_that_waits_for_tls_is_named_after_one_try(tmp_path: Path) -> None:
    """As one on port 465 does where SMTP_TLS says starttls: it stays silent, today and tomorrow."""
    slept: list[float] = []
    with Scripted(CONNECT=stall) as server:
        outcome = try_once(tmp_path, server.server(tls="starttls"), retry_delays=(5, 30), sleep=slept.append)

    assert (slept, outcome.exit_status) == ([], 1)
    assert outcome.problem == (
        f"127.0.0.1:{server.port} was reached and said nothing for 0.3 seconds. Port 465, and any other on which TLS begins "
        "at once, is for SMTP_TLS=tls. Correct SMTP_PORT or SMTP_TLS."
    )


@pytest.mark.parametrize(
    "greeting",
    [
        b"* OK IMAP4rev1 ready\r\n",
        b"+OK POP3 ready\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_another_kind_of_server_stops_the_run(tmp_path: Path, greeting: bytes) -> None:
    """A port of IMAP, POP3, the web or a shell: it would say the same tomorrow."""
    slept: list[float] = []
    with Scripted(CONNECT=greeting) as server:
        outcome = try_once(tmp_path, server.server(), retry_delays=(5, 30), sleep=slept.append)

    assert (slept, outcome.exit_status) == ([], 1)
    assert "and no mail server's greeting (220). Correct SMTP_HOST or SMTP_PORT." in outcome.problem


def test_a_server_that_sends_us_away_before_we_spoke_says_nothing_of_our_name(tmp_path: Path) -> None:
    with Scripted(CONNECT=b"554 5.7.1 no\r\n") as server:
        outcome = try_once(tmp_path, server.server())

    assert outcome.exit_status == 1
    assert outcome.problem == f"127.0.0.1:{server.port} refuses the connection: 554 5.7.1 no."


@pytest.mark.parametrize("host", ["a" * 64 + ".example.com", "smtp..example.com"])
def test_a_host_that_there_can_not_be_stops_the_run(tmp_path: Path, host: str) -> None:
    outcome = try_once(tmp_path, MailServer(host, 587))

    assert outcome.exit_status == 1
    assert outcome.problem == "SMTP_HOST names no known host. Nothing was sent. Correct it."


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (socket.EAI_NONAME, 1),
        (socket.EAI_SERVICE, 1),
        (socket.EAI_FAMILY, 1),
        (socket.EAI_AGAIN, 75),
        (socket.EAI_FAIL, 75),
        (socket.EAI_SYSTEM, 75),
    ],
)
def test_a_name_that_is_not_known_stops_the_run_and_one_that_is_not_known_now_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, status: int
) -> None:
    def lookup(*_: object, **__: object) -> None:
        raise socket.gaierror(error, "as the resolver says")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)

    assert try_once(tmp_path, MailServer("smtp.example.com", 587)).exit_status == status


def test_a_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate\n")
    with Scripted() as server:
        outcome = try_once(tmp_path, server.server(tls="tls", ca=tmp_path / "ca.pem"))

    assert outcome.exit_status == 1
    assert outcome.problem.startswith("SMTP_CA can't be used: ")


# What we call ourselves


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ("reports.example.org", "reports.example.org"),
        ("Müller-MBP.local", "xn--mller-mbp-q9a.local"),
        ("srv01.büro.lan", "srv01.xn--bro-hoa.lan"),
        ("a" * 64 + ".lan", "example.com"),
        ("c0ffee", "example.com"),
        ("localhost.localdomain", "example.com"),
        ("my_host.lan", "example.com"),
        ("", "example.com"),
    ],
)
def test_the_server_is_greeted_by_a_full_name_in_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, name: str
) -> None:
    """Encoded by hand with RFC 3492; a machine without such a name, as a container is, takes the sender's domain."""
    monkeypatch.setattr(socket, "getfqdn", lambda: own)
    with Scripted() as server:
        assert states(try_once(tmp_path, server.server())) == ["sent"]

    assert server.heard[0] == f"ehlo {name}"
    assert choose_helo_name(server.server(helo="[192.0.2.1]"), SENDER) == "[192.0.2.1]"


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ({"EHLO": b"421 4.7.0 Try again later, closing connection. (EHLO)\r\n"}, 75),
        ({"MAIL": b"550 5.7.1 Helo command rejected: need fully-qualified hostname\r\n"}, 1),
    ],
)
def test_a_server_that_refuses_our_name_is_told_with_it(tmp_path: Path, script: dict[str, Act], status: int) -> None:
    with Scripted(**script) as server:
        outcome = try_once(tmp_path, server.server(helo="reports.example.org"))

    assert outcome.exit_status == status
    assert outcome.problem.endswith("We greeted it as reports.example.org; SMTP_HELO sets another name.")


def test_our_name_is_read_from_the_environment(tmp_path: Path) -> None:
    said = {"SMTP_HOST": "smtp.example.com", "SMTP_HELO": "reports.example.org"}
    server = read_mail_server(tmp_path / ".env", said)
    assert server is not None
    assert server.helo == "reports.example.org"
    for wrong in ("reports", "büro.example.org", "a b.example.org", "x.example.org\tMAIL"):
        with pytest.raises(SettingsError, match="SMTP_HELO"):
            read_mail_server(tmp_path / ".env", said | {"SMTP_HELO": wrong})


def test_a_session_past_its_deadline_says_so() -> None:
    with (
        Scripted() as server,
        pytest.raises((RetryLaterError, AbortSendError), match="time for the whole send was over"),
    ):
        SmtpSession.open(server.server(), SENDER, Deadline(time.monotonic() - 1))

"""One SMTP connection, and its messages' states.

smtplib writes the commands. The replies are read here, because smtplib waits for them without limit, and takes an
early reply for the answer to the next command.
"""

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

from report.transport.ledger import DeliveryState, OutgoingMessage
from report.transport.server import MailServer

_MAX_REPLY_BYTES = 65_536  # bytes, all lines of one reply
_CHUNK_BYTES = 16_384  # bytes that must leave within one timeout
_DEADLINE_PASSED = "was still at it when the time for the whole send was over"
# A name server that can't be asked now, or a machine short of something: all other answers stay what they are
_TEMPORARY_LOOKUP_ERRNOS = {socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_MEMORY, socket.EAI_SYSTEM}


class AbortSendError(Exception):
    """Nothing more can be sent in this run."""


class RetryLaterError(Exception):
    """Nothing can be sent now, maybe later."""


class _RefusedError(smtplib.SMTPResponseException):
    """The server's answer ends the transaction."""


class _GreetingRefusedError(_RefusedError):
    """The server sends us away before we have greeted it."""


class _ConnectionLostError(OSError):
    """The server hung up or timed out."""


class _NoReplyError(_ConnectionLostError):
    """The server gave no answer at all in time."""


class _OutOfSyncError(OSError):
    """A reply can't be matched to a command."""


class _NotSmtpError(_OutOfSyncError):
    """A reply isn't one of a mail server."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which a send has ended."""

    end: float  # seconds, by `now`
    now: Callable[[], float] = time.monotonic

    @property
    def seconds_left(self) -> float:
        """Seconds until then."""
        return self.end - self.now()


class _TimedConnection(smtplib.SMTP):
    """smtplib's connection, with a time limit for every wait."""

    def __init__(self, server: MailServer, deadline: Deadline, name: str) -> None:
        super().__init__(local_hostname=name)
        self._host = server.host  # whom the certificate after STARTTLS must name
        self.reply_timeout = server.timeout  # seconds until a reply's last byte
        self._deadline = deadline
        trust = _create_tls_context(server) if server.tls == "tls" else None
        self.sock = self._connect_socket(server)
        # else the final dot waits 40 ms for the message's acknowledgement (RFC 896 and 1122)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if trust:
            self._set_socket_timeout()
            self.sock = trust.wrap_socket(self.sock, server_hostname=server.host)

    def getreply(self) -> tuple[int, bytes]:
        """Read exactly one whole reply.

        Raises _ConnectionLostError if it isn't complete in time, or the server hangs up; _OutOfSyncError if it is no
        reply, has several codes, or more follows: what answers which command is unknown then.
        """
        left = self._deadline.seconds_left
        end = self._deadline.now() + min(self.reply_timeout, left)
        rest, size, codes, text = b"", 0, set[bytes](), list[bytes]()
        while True:
            while b"\n" not in rest:
                heard = self._receive_bytes(end)
                if heard is None and left < self.reply_timeout:
                    raise _ConnectionLostError(_DEADLINE_PASSED)
                if heard is None and not size:
                    raise _NoReplyError(f"said nothing for {self.reply_timeout:g} seconds")
                if heard is None:
                    raise _ConnectionLostError(f"gave no whole answer within {self.reply_timeout:g} seconds")
                rest, size = rest + heard, size + len(heard)
                if size > _MAX_REPLY_BYTES:
                    raise _OutOfSyncError(f"gave an answer of more than {_MAX_REPLY_BYTES:,} bytes")
            line, _, rest = rest.partition(b"\n")
            found = re.fullmatch(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", line.rstrip(b"\r"))
            if not found:
                raise _NotSmtpError(f"gave an answer that is none: {line[:80].decode('ascii', 'replace')}")
            codes.add(found[1])
            text.append(found[3] or b"")
            if found[2] != b"-":
                break
        self._set_socket_timeout()
        if rest or len(codes) > 1:
            raise _OutOfSyncError("gave two answers to one command")
        return int(codes.pop()), b"\n".join(text)

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        """Send in pieces, each with its own timeout."""
        for start in range(0, len(s), _CHUNK_BYTES):
            self._set_socket_timeout()
            super().send(s[start : start + _CHUNK_BYTES])

    def _receive_bytes(self, end: float) -> bytes | None:
        """Return the bytes that come in time, or None."""
        assert self.sock is not None  # noqa: S101 - for the type checker: connected in __init__
        if (left := end - self._deadline.now()) <= 0:
            return None
        self.sock.settimeout(left)
        try:
            heard = self.sock.recv(4096)
        except TimeoutError:
            return None
        if not heard:
            raise _ConnectionLostError("closed the connection")
        return heard

    def _set_socket_timeout(self) -> None:
        """Limit the next wait to the deadline."""
        if self.sock is not None:
            left = self._deadline.seconds_left
            if left <= 0:
                raise _ConnectionLostError(_DEADLINE_PASSED)
            self.sock.settimeout(min(self.reply_timeout, left))

    def _connect_socket(self, server: MailServer) -> socket.socket:
        """Connect to the server's first address that answers."""
        try:
            found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            if isinstance(error, socket.gaierror) and error.errno in _TEMPORARY_LOOKUP_ERRNOS:
                raise RetryLaterError(f"SMTP_HOST can't be looked up now: {error.strerror}.") from None
            raise AbortSendError("SMTP_HOST names no known host. Nothing was sent. Correct it.") from None
        failure: OSError = _ConnectionLostError("has no address")
        for *_, address in found:
            try:
                left = max(self._deadline.seconds_left, 0.001)  # 0 would mean not to wait at all
                return socket.create_connection((str(address[0]), server.port), timeout=min(self.reply_timeout, left))
            except OSError as error:
                failure = error
        raise failure


class SmtpSession:
    """One encrypted, authenticated connection for any number of messages."""

    def __init__(self, server: MailServer, sender: str, deadline: Deadline) -> None:
        self.ready = False
        self._server, self._deadline = server, deadline
        self._name = choose_helo_name(server, sender)
        self._smtp = _TimedConnection(server, deadline, self._name)
        try:
            self._read_greeting()
            self._expect_code((250,), self._smtp.ehlo())
            if server.tls == "starttls":
                self._smtp.starttls(context=_create_tls_context(server))
                self._expect_code((250,), self._smtp.ehlo())
            if server.user:
                self._log_in()
        except BaseException:
            self._smtp.close()
            raise
        self.ready = True

    @classmethod
    def open(cls, server: MailServer, sender: str, deadline: Deadline) -> Self:
        """Connect, or raise to retry or abort."""
        where = f"{server.host}:{server.port}"
        try:
            return cls(server, sender, deadline)
        except ssl.SSLCertVerificationError as error:
            raise AbortSendError(
                f"{where} shows a certificate that isn't trusted: {error.verify_message}. Nothing was sent. Correct "
                "SMTP_HOST, or name the authority's PEM file in SMTP_CA."
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise AbortSendError(
                f"{where} offers no STARTTLS. Nothing was sent. Say SMTP_TLS=tls if that is its port."
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            raise AbortSendError(
                f"{where} doesn't let SMTP_USER in: {_format_reply(server, error.smtp_code, error.smtp_error)}. "
                "Correct SMTP_USER and SMTP_PASSWORD."
            ) from None
        except smtplib.SMTPResponseException as error:
            word = f"{where} refuses the connection: {_format_reply(server, error.smtp_code, error.smtp_error)}."
            if not isinstance(error, _GreetingRefusedError):
                word += f" {_describe_helo_name(choose_helo_name(server, sender))}"
            raise (AbortSendError if error.smtp_code // 100 == 5 else RetryLaterError)(word) from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise RetryLaterError(f"{where} hung up: {error.reason}.") from None
        except ssl.SSLError as error:
            raise AbortSendError(
                f"{where} and this program have no TLS version in common: {error.reason}. Check SMTP_TLS."
            ) from None
        except (_ConnectionLostError, _OutOfSyncError) as error:
            raise RetryLaterError(f"{where} {_redact_text(server, str(error))}.") from None
        except OSError as error:
            raise RetryLaterError(f"{where} can't be reached: {_redact_text(server, str(error))}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.ready:
            with contextlib.suppress(OSError):
                self._smtp.docmd("QUIT")  # its answer changes nothing
        self._smtp.close()

    def send_message(
        self, message: OutgoingMessage, sender: str, record_handover: Callable[[], None]
    ) -> tuple[DeliveryState, str]:
        """Send one message; return state and answer.

        `record_handover` is called just before the final dot is sent. No server accepts a message without that dot, so
        the message waits until then. Afterwards only the answer tells: without a clear one the message is unknown.
        """
        smtp = self._smtp
        wire = _dot_stuff_message(message.raw)
        options = [f"size={len(wire)}"] if smtp.has_extn("size") else []
        for name, option in _list_required_extensions(message, sender):
            if not smtp.has_extn(name):
                return "refused", f"not tried: the message needs {name}, and the server has none"
            options.append(option)
        self.ready = False
        try:
            self._expect_sender_accepted(sender, smtp.mail(sender, options))
            self._expect_code((250, 251, 252), smtp.rcpt(message.recipient))
            self._expect_code((354,), smtp.docmd("DATA"))
            smtp.send(wire)
            self._expect_silence(self._server.grace)
            if self._deadline.seconds_left < self._server.last_timeout:
                raise _ConnectionLostError("took so long that no time was left to wait for its last answer")
            record_handover()
            self._expect_silence(0)
            smtp.send(b".\r\n")  # an error means that fewer than these three bytes left
        except _RefusedError as no:
            return self._classify_refusal(no)
        except OSError as error:
            smtp.close()
            return ("waiting", f"cut off before the end of the message: {_redact_text(self._server, str(error))}")
        return self._await_final_reply()

    def _await_final_reply(self) -> tuple[DeliveryState, str]:
        """Return the state after the final answer."""
        self._smtp.reply_timeout = self._server.last_timeout
        try:
            code, text = self._smtp.getreply()
            self._smtp.reply_timeout = self._server.timeout
            self._expect_code((250,), (code, text))  # no other reply says that it was taken (RFC 5321, 4.3.2)
            self._check_in_sync()
        except _RefusedError as no:
            if no.smtp_code // 100 in (4, 5):
                return self._classify_refusal(no)
            error: OSError = no
        except OSError as cut:
            error = cut
        else:
            return "sent", _format_reply(self._server, code, text)
        self._smtp.close()
        return "unknown", f"handed over, then no clear answer: {_redact_text(self._server, str(error))}"

    def _check_in_sync(self) -> None:
        """Check that the last answer was to the dot.

        A server that answered before it got the dot has one more answer now. One that hangs up after its answer, or
        ends the session (421), took the message all the same. Raises _OutOfSyncError if there was one answer too many.
        """
        try:
            code, _ = self._smtp.rset()
        except _OutOfSyncError:
            raise
        except OSError:
            return
        self.ready = code // 100 == 2
        if not self.ready and code != 421:
            raise _OutOfSyncError(f"it took the message, and then said {code}, which may have been its answer")

    def _classify_refusal(self, no: _RefusedError) -> tuple[DeliveryState, str]:
        """Return refused (5xx) or waiting, and reset the session."""
        with contextlib.suppress(OSError):
            self.ready = no.smtp_code // 100 in (4, 5) and no.smtp_code != 421 and self._smtp.rset()[0] == 250
        if not self.ready:
            self._smtp.close()
        return "refused" if no.smtp_code // 100 == 5 else "waiting", _format_reply(
            self._server, no.smtp_code, no.smtp_error
        )

    def _expect_code(self, codes: Collection[int], reply: tuple[int, bytes]) -> None:
        """Raise unless the reply has one of these codes."""
        if reply[0] not in codes:
            raise _RefusedError(*reply)

    def _expect_sender_accepted(self, sender: str, reply: tuple[int, bytes]) -> None:
        """Abort if the sender is refused."""
        if reply[0] // 100 == 5 and reply[0] != 552:  # 552 is about this message's size
            raise AbortSendError(
                f"{self._server.host} refuses the sender {sender}: {_format_reply(self._server, *reply)}. "
                f"{_describe_helo_name(self._name)}"
            )
        self._expect_code((250,), reply)

    def _expect_silence(self, seconds: float) -> None:
        """Raise if the server spoke too early."""
        self._socket.settimeout(seconds)
        try:
            early = self._socket.recv(1024)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            self._socket.settimeout(self._server.timeout)
            return
        self._smtp.close()
        if re.match(rb"[45][0-9][0-9]", early):
            raise _RefusedError(int(early[:3]), early[4:])
        raise (
            _OutOfSyncError("it answered before the end") if early else _ConnectionLostError("it closed the connection")
        )

    @property
    def _socket(self) -> socket.socket:
        """The session's open socket."""
        if self._smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return self._smtp.sock

    def _read_greeting(self) -> None:
        """Read the greeting, or say what isn't one."""
        where = f"{self._server.host}:{self._server.port}"
        try:
            code, text = self._smtp.getreply()
        except _NotSmtpError as error:
            raise AbortSendError(
                f"{where} {_redact_text(self._server, str(error))}, and no mail server's greeting (220). Correct SMTP_HOST or SMTP_PORT."
            ) from None
        except _NoReplyError as error:
            if self._server.tls == "tls":
                raise
            raise AbortSendError(
                f"{where} was reached and {error}. Port 465, and any other on which "
                "TLS begins at once, is for SMTP_TLS=tls. Correct SMTP_PORT or SMTP_TLS."
            ) from None
        if code != 220:
            raise _GreetingRefusedError(code, text)

    def _log_in(self) -> None:
        """Authenticate once, never twice."""
        smtp, server = self._smtp, self._server  # a wrong password tried twice may lock the user out
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            code, text = smtp.docmd("AUTH", f"PLAIN {server.auth_plain}")
            if code == 334:  # without initial response (RFC 4954) it asks again
                code, text = smtp.docmd(server.auth_plain)
        elif "LOGIN" in offered:
            code, text = smtp.docmd("AUTH", "LOGIN")
            for secret in (False, True):
                if code == 334:  # no local variable here holds the password
                    code, text = smtp.docmd(server.encode_login(secret=secret))
        else:
            raise AbortSendError(
                f"{server.host} offers neither AUTH PLAIN nor LOGIN, and this program knows no other way."
            )
        if code == 334:
            raise AbortSendError(
                f"{server.host} asks for AUTH in an unknown way: it wants more than user and password."
            )
        if code // 100 == 5:
            raise smtplib.SMTPAuthenticationError(code, text)
        self._expect_code((235,), (code, text))


def choose_helo_name(server: MailServer, sender: str) -> str:
    """Return the name for our greeting to the server.

    It is SMTP_HELO; else this machine's full name, if that fits ASCII; else the sender's domain.
    """
    try:
        own = socket.getfqdn().encode("idna").decode()
    except (OSError, UnicodeError):  # a label of more than 63 letters
        own = ""
    full = re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", own) and not own.endswith(".localdomain")
    return server.helo or (own if full else sender.rpartition("@")[2].encode("idna").decode())


def _describe_helo_name(name: str) -> str:
    """Name our greeting, which some servers refuse."""
    return f"We greeted it as {name}; SMTP_HELO sets another name."


def _create_tls_context(server: MailServer) -> ssl.SSLContext:
    """Return a TLS context with the trusted authorities."""
    try:
        return ssl.create_default_context(cafile=server.ca)
    except OSError as error:
        raise AbortSendError(
            f"SMTP_CA can't be used: {error.strerror}. Nothing was sent. Name a PEM file of certificates."
        ) from None


def _dot_stuff_message(raw: bytes) -> bytes:
    """Return the message's bytes for the connection.

    The final dot is left out. Every line ends with CRLF, so that no server takes "LF dot LF" for the end. A dot that starts a line is doubled.
    """
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    return re.sub(rb"(?m)^\.", b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n")


def _list_required_extensions(message: OutgoingMessage, sender: str) -> list[tuple[str, str]]:
    """Return the SMTP extensions needed, with MAIL's options."""
    head = re.split(rb"\r?\n\r?\n", message.raw, maxsplit=1)[0]
    needed = []
    if not message.raw.isascii():
        needed.append(("8BITMIME", "body=8bitmime"))
    if not (head.isascii() and message.recipient.isascii() and sender.isascii()):
        needed.append(("SMTPUTF8", "smtputf8"))
    return needed


def _format_reply(server: MailServer, code: int, text: bytes | str) -> str:
    """Return a reply on one line, without the password."""
    return _redact_text(server, f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}")


def _redact_text(server: MailServer, text: str) -> str:
    """Return one short printable line without the password."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in server.redact_password(text)).split())
    return line[:300]

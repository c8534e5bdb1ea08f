"""One connection to an SMTP server, and one message at a time through it, each with what is known of it afterwards."""

import base64
import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import Self

from report.mailserver import Server
from report.outbox import Outgoing, State


class StopError(Exception):
    """Nothing more can go out in this run."""


class LaterError(Exception):
    """Nothing can go out over this connection; perhaps over the next."""


class _NoError(smtplib.SMTPResponseException):
    """The server answered, and not with what lets the transaction go on."""


class Session:
    """One connection to the server, encrypted and authenticated as it should be; for any number of messages."""

    def __init__(self, server: Server) -> None:
        self.ready = False
        self._server = server
        self._trust = ssl.create_default_context(cafile=server.ca)
        self._smtp = self._greet()
        try:
            self._expect(2, self._smtp.ehlo())
            if server.tls == "starttls":
                self._smtp.starttls(context=self._trust)
                self._expect(2, self._smtp.ehlo())
            if server.user:
                self._log_in()
        except BaseException:
            self._smtp.close()
            raise
        self.ready = True

    @classmethod
    def open(cls, server: Server) -> Self:
        """Connect, or tell apart what may pass by itself from what a person has to put right."""
        where = f"{server.host}:{server.port}"
        try:
            return cls(server)
        except ssl.SSLCertVerificationError as error:
            raise StopError(
                f"{where} shows a certificate that isn't trusted: {error.verify_message}. Nothing was sent. Correct "
                "SMTP_HOST, or name the authority's PEM file in SMTP_CA."
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise StopError(
                f"{where} offers no STARTTLS. Nothing was sent. Say SMTP_TLS=tls if that is its port."
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            raise StopError(
                f"{where} doesn't let {server.user} in: {_words(server, error.smtp_code, error.smtp_error)}. "
                "Correct SMTP_USER and SMTP_PASSWORD."
            ) from None
        except smtplib.SMTPResponseException as error:
            word = f"{where} sends us away: {_words(server, error.smtp_code, error.smtp_error)}."
            raise (StopError if error.smtp_code // 100 == 5 else LaterError)(word) from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise LaterError(f"{where} hung up: {error.reason}.") from None
        except ssl.SSLError as error:
            raise StopError(
                f"{where} and we find no TLS in common: {error.reason}. Is SMTP_TLS right?"
            ) from None
        except OSError as error:
            raise LaterError(f"{where} can't be reached: {_clean(server, str(error))}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.ready:
            with contextlib.suppress(OSError):
                self._smtp.docmd("QUIT")  # whatever it answers, it has what it said it has
        self._smtp.close()

    def transmit(self, message: Outgoing, sender: str, hand_over: Callable[[], None]) -> tuple[State, str]:
        """Take one message through one transaction; call `hand_over` just before the final dot leaves.

        Without the final dot no server accepts a message, so until that has left whole the message is waiting.
        From then on only the answer tells. Without an answer, or with one that is none, it is unknown.

        Returns
        -------
        state : State
            Where the message stands now.
        word : str
            What the server said, or what happened.
        """
        smtp = self._smtp
        wire = _wire(message.raw)
        options = [f"size={len(wire)}"] if smtp.has_extn("size") else []
        for name, option in _extensions(message, sender):
            if not smtp.has_extn(name):
                return "refused", f"not tried: the message needs {name}, and the server has none"
            options.append(option)
        self.ready = False
        try:
            self._expect_sender(sender, smtp.mail(sender, options))
            self._expect(2, smtp.rcpt(message.recipient))
            self._expect(3, smtp.docmd("DATA"))
            smtp.send(wire)
            self._expect_silence(self._server.grace)
            hand_over()
            self._expect_silence(0)
            smtp.send(b".\r\n")  # an error here means that the system took less than these three bytes
        except _NoError as no:
            return self._refusal(no)
        except OSError as error:
            smtp.close()
            return "waiting", f"cut off before the end of the message: {_clean(self._server, str(error))}"
        return self._answer()

    def _answer(self) -> tuple[State, str]:
        """Wait for the answer to the final dot."""
        try:
            self._socket.settimeout(self._server.last_timeout)
            code, text = self._smtp.getreply()
            self._expect(2, (code, text))
            self._socket.settimeout(self._server.timeout)
        except _NoError as no:
            if no.smtp_code // 100 in (4, 5):
                return self._refusal(no)
            error: OSError = no
        except OSError as cut:
            error = cut
        else:
            self.ready = True
            return "sent", _words(self._server, code, text)
        self._smtp.close()
        return "unknown", f"handed over, then no answer: {_clean(self._server, str(error))}"

    def _refusal(self, no: _NoError) -> tuple[State, str]:
        """Tell a no for good (5xx) from a no for now, and make the connection ready for the next message."""
        with contextlib.suppress(OSError):
            self.ready = no.smtp_code // 100 in (4, 5) and no.smtp_code != 421 and self._smtp.rset()[0] == 250
        if not self.ready:
            self._smtp.close()
        return "refused" if no.smtp_code // 100 == 5 else "waiting", _words(
            self._server, no.smtp_code, no.smtp_error
        )

    def _expect(self, hundreds: int, reply: tuple[int, bytes]) -> None:
        """Let only this kind of reply pass."""
        if reply[0] // 100 != hundreds:
            raise _NoError(*reply)

    def _expect_sender(self, sender: str, reply: tuple[int, bytes]) -> None:
        """Stop at a no to the sender, which is about every message; 552 is about this one's size."""
        if reply[0] // 100 == 5 and reply[0] != 552:
            raise StopError(
                f"{self._server.host} refuses the sender {sender}: {_words(self._server, *reply)}."
            )
        self._expect(2, reply)

    def _expect_silence(self, seconds: float) -> None:
        """Hear whether the server spoke or hung up while the message went out: then the dot stays here."""
        self._socket.settimeout(seconds)
        try:
            early = self._socket.recv(1024)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            self._socket.settimeout(self._server.timeout)
            return
        self._smtp.close()
        if early[:3].isdigit():
            raise _NoError(int(early[:3]), early[4:])
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    @property
    def _socket(self) -> socket.socket:
        """The connection under the session."""
        if self._smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return self._smtp.sock

    def _greet(self) -> smtplib.SMTP:
        """Connect and hear the greeting."""
        server = self._server
        smtp = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=self._trust)
            if server.tls == "tls"
            else smtplib.SMTP(server.host, server.port, timeout=server.timeout)
        )
        if smtp.sock is not None:
            # the dot needn't wait in the system until the message was acknowledged: 40 ms each (RFC 896 and 1122)
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _log_in(self) -> None:
        """Authenticate once, by what the server offers: a wrong password tried twice may lock a user out."""
        smtp, server = self._smtp, self._server
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            code, text = smtp.docmd("AUTH", f"PLAIN {server.plain}")
        elif "LOGIN" in offered:
            code, text = smtp.docmd("AUTH", "LOGIN")
            for secret in (False, True):
                if code == 334:  # no local variable here holds the password
                    code, text = smtp.docmd(_base64(server.password.reveal() if secret else server.user))
        else:
            raise StopError(
                f"{server.host} offers neither AUTH PLAIN nor LOGIN, and no other way in is known here."
            )
        if code // 100 == 5:
            raise smtplib.SMTPAuthenticationError(code, text)
        self._expect(2, (code, text))


def _wire(raw: bytes) -> bytes:
    """Give the message as it crosses the wire, without the final dot: CRLF alone ends a line, and dots are doubled.

    A bare CR or LF becomes CRLF, so that no server can take "LF dot LF" for the end.
    """
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    return re.sub(rb"(?m)^\.", b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n")


def _extensions(message: Outgoing, sender: str) -> list[tuple[str, str]]:
    """Give what the server must know beyond plain SMTP, each with its word for MAIL."""
    head = re.split(rb"\r?\n\r?\n", message.raw, maxsplit=1)[0]
    needed = []
    if not message.raw.isascii():
        needed.append(("8BITMIME", "body=8bitmime"))
    if not (head.isascii() and message.recipient.isascii() and sender.isascii()):
        needed.append(("SMTPUTF8", "smtputf8"))
    return needed


def _base64(text: str) -> str:
    """Give a text as AUTH LOGIN wants it."""
    return base64.b64encode(text.encode()).decode()


def _words(server: Server, code: int, text: bytes | str) -> str:
    """Give the server's reply in one line, without the password, should it echo that."""
    return _clean(server, f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}")


def _clean(server: Server, text: str) -> str:
    """Give what may stand in a ledger or a log: one printable line, short, no password."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in server.hide(text)).split())
    return line[:300]

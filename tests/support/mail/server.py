"""A real SMTP server on loopback that fails when and how it is told to, and remembers what it took.

A fault is a verb and an act. Verbs: CONNECT EHLO STARTTLS AUTH MAIL RCPT DATA BODY DOT.
Acts: a reply ("451 later"), "drop", "slow", "kill" (the sender, -9), "break" (the sender's disk);
at DOT with "accept " before it, the message is taken first.
"""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import ssl
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from report.storage.passwords import Password
from report.transport.ledger import OutgoingMessage
from report.transport.server import MailServer

USER, PASSWORD = "briefs", "correct horse"
SENDER = "briefs@example.com"
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass
class Mailroom:
    """Listens on a free port while it is entered."""

    tls: str = "none"
    trust: ssl.SSLContext | None = None
    auth: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    act: Callable[[str, str], str | None] = lambda _verb, _recipient: None
    victim: int = 0
    slowness: float = 0.3

    def __post_init__(self) -> None:
        self.inbox: list[tuple[str, bytes]] = []
        self.heard: list[str] = []
        self.desks: list[_Desk] = []
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self._server = self._loop.run_until_complete(
            self._loop.create_server(self._desk, "127.0.0.1", 0, ssl=self.trust if self.tls == "tls" else None)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        desks = list(self.desks)
        self.quiet()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._close(desks))
        self._loop.close()

    async def _close(self, desks: list["_Desk"]) -> None:
        """Leave no socket behind."""
        self._server.close()
        for desk in desks:
            for transport in (desk.transport, desk._original_transport):
                if transport is not None:
                    transport.abort()
        await asyncio.sleep(0.01)

    def server(self, **changes: Any) -> MailServer:
        """Give what a sender must know of this one."""
        known: dict[str, Any] = {
            "host": "localhost",
            "port": self.port,
            "tls": self.tls,
            "timeout": 5,
            "grace": 0.02,
            "last_timeout": 5,
        }
        if self.auth:
            known |= {"user": USER, "password": Password(PASSWORD)}
        return MailServer(**(known | changes))

    def play(self, *faults: tuple[str, str]) -> None:
        """Play each of these once, when its verb comes."""
        left = list(faults)

        def act(verb: str, _recipient: str) -> str | None:
            for fault in left:
                if fault[0] == verb:
                    left.remove(fault)
                    return fault[1]
            return None

        self.act = act

    def taken(self) -> Counter[tuple[str, str]]:
        """How many of each message lie in each inbox."""
        return Counter(
            (str(BytesParser().parsebytes(raw, headersonly=True)["Message-ID"]), to) for to, raw in self.inbox
        )

    def quiet(self) -> None:
        """Wait until nobody is connected, so that what is in the inbox stays what it is."""
        end = time.monotonic() + 10
        while any(desk.works for desk in tuple(self.desks)) and time.monotonic() < end:
            time.sleep(0.001)
        assert not any(desk.works for desk in self.desks)

    def strike(self, act: str) -> None:
        """Do to the sender what the act says."""
        if self.victim and act == "kill":
            os.kill(self.victim, signal.SIGKILL)
        if self.victim and act == "break":
            with contextlib.suppress(ProcessLookupError):  # it has ended, and waits to be asked for
                most = resource.prlimit(self.victim, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(self.victim, resource.RLIMIT_FSIZE, (0, most))

    def _desk(self) -> "_Desk":
        known: dict[str, Any] = {"hostname": "localhost", "enable_SMTPUTF8": True, "loop": self._loop}
        if self.tls == "starttls":
            known |= {"tls_context": self.trust, "require_starttls": True}
        if self.auth:
            known |= {
                "authenticator": lambda _s, _e, _v, _m, data: AuthResult(
                    success=(data.login, data.password) == (USER.encode(), PASSWORD.encode())
                ),
                "auth_required": True,
                "auth_require_tls": self.tls == "starttls",
            }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that AUTH without TLS is unwise: it is on loopback
            self.desks.append(_Desk(self, **(known | self.settings)))
            return self.desks[-1]

    async def handle_DATA(self, desk: "_Desk", _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer the final dot."""
        act = self.act("DOT", envelope.rcpt_tos[0]) or ""
        letter = envelope.rcpt_tos[0], bytes(envelope.content)
        if taken := act.startswith("accept "):
            self.inbox.append(letter)
        reply = await desk.play(act.removeprefix("accept "))
        if not reply and not taken:
            self.inbox.append(letter)
        return reply or "250 2.0.0 taken"


class _Desk(SMTP):
    """One connection."""

    def __init__(self, room: Mailroom, **known: Any) -> None:
        super().__init__(room, **known)
        self._room = room
        self._greeted = False

    @property
    def works(self) -> bool:
        """Whether anything may still come of this connection."""
        return self._handler_coroutine is not None and not self._handler_coroutine.done()

    async def play(self, act: str | None) -> str | None:
        """Do what the act says; give the reply if it is one."""
        if act in ("drop", "kill"):
            self._room.strike(act)
            self.transport.abort()
            raise asyncio.CancelledError
        if act == "break":
            self._room.strike(act)
            return None
        if act == "slow":
            await asyncio.sleep(self._room.slowness)
            return None
        return act or None

    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            status = await self.play(self._room.act("CONNECT", "")) or status
        await super().push(status)

    async def _verb(self, verb: str, arg: str | None, usual: Callable[[Any], Any], recipient: str = "") -> None:
        self._room.heard.append(f"{verb} {arg or ''}".strip())
        reply = await self.play(self._room.act(verb, recipient))
        await (self.push(reply) if reply else usual(arg))

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        await self._verb("EHLO", arg, super().smtp_EHLO)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        await self._verb("STARTTLS", arg, super().smtp_STARTTLS)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        await self._verb("AUTH", arg, super().smtp_AUTH)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        await self._verb("MAIL", arg, super().smtp_MAIL)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        await self._verb("RCPT", arg, super().smtp_RCPT, arg.partition("<")[2].rstrip(">"))

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        await self._verb("DATA", arg, self._data, self.envelope.rcpt_tos[0] if self.envelope.rcpt_tos else "")

    async def _data(self, arg: str) -> None:
        if not (act := self._room.act("BODY", self.envelope.rcpt_tos[0])):
            await super().smtp_DATA(arg)
            return
        await self.push("354 go on")
        await self._reader.readuntil(b"\r\n")
        if reply := await self.play(act):
            await self.push(reply)
        self.transport.close()
        raise asyncio.CancelledError


def letter(number: int, recipient: str, text: str = "Twenty-four years old.\n") -> OutgoingMessage:
    """Make a message that could be a brief."""
    message = EmailMessage()
    message["Message-ID"] = f"<2026-10.S{number}@example.com>"
    message["From"], message["To"], message["Subject"] = SENDER, recipient, f"Brief {number}"
    message.set_content(text)
    return OutgoingMessage(message["Message-ID"], recipient, bytes(message))

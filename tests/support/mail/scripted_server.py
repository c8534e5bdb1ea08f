"""An SMTP server on a bare socket that says what its script tells it to, and remembers what came.

A script gives an act for each stage: CONNECT EHLO STARTTLS AUTH WORD (a line of AUTH) MAIL RCPT DATA BODY (the message
begins) DOT RSET QUIT. An act is the bytes to say at once, or a function that is given the connection.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from report.transport.server import MailServer

Act = bytes | Callable[[socket.socket], None]
HONEST: dict[str, Act] = {
    "CONNECT": b"220 here\r\n",
    "EHLO": b"250-here\r\n250 8BITMIME\r\n",
    "WORD": b"235 2.7.0 in\r\n",
    "DATA": b"354 go on\r\n",
    "BODY": b"",
    "DOT": b"250 2.0.0 taken\r\n",
    "QUIT": b"221 bye\r\n",
}
VERBS = ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "QUIT")


class Scripted:
    """Listens on a free port while it is entered."""

    def __init__(self, **script: Act) -> None:
        self.script = HONEST | script
        self.heard: list[str] = []
        self.dots = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what it doesn't read, waits
        self._open: list[socket.socket] = [self._listener]
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._close(self._listener)
        self._threads[0].join(5)  # from here on nobody is let in
        for one in self._open[1:]:
            self._close(one)
        for thread in self._threads[1:]:
            thread.join(5)

    @staticmethod
    def _close(one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()

    def server(self, **changes: Any) -> MailServer:
        """Give what a sender must know of this one; it waits for little."""
        known = {"host": "127.0.0.1", "port": self.port, "tls": "none", "timeout": 0.3, "last_timeout": 0.3}
        return MailServer(**(known | {"grace": 0.05, "deadline": 3} | changes))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as lines:
            self._play("CONNECT", connection)
            while line := lines.readline():
                verb = line.split()[0].decode("ascii", "replace").upper()
                self.heard.append(line.decode("utf-8", "replace").strip())
                self._play(verb if verb in VERBS else "WORD", connection)
                if verb == "DATA":
                    line = lines.readline()
                    self._play("BODY", connection)
                    while line != b".\r\n":
                        if not (line := lines.readline()):
                            return
                    self.dots += 1
                    self._play("DOT", connection)

    def _play(self, stage: str, connection: socket.socket) -> None:
        act = self.script.get(stage, b"250 2.0.0 ok\r\n")
        if callable(act):
            act(connection)
        else:
            connection.sendall(act)


def stall(_: socket.socket) -> None:
    """Say nothing."""


def close(connection: socket.socket) -> None:
    """Hang up."""
    connection.shutdown(socket.SHUT_RDWR)


def drip(text: bytes, pause: float = 0.05) -> Act:
    """Say a text byte by byte."""

    def act(connection: socket.socket) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return act


def endless(line: bytes) -> Act:
    """Say a line again and again."""

    def act(connection: socket.socket) -> None:
        while True:
            connection.sendall(line)
            time.sleep(0.001)

    return act


def later(*texts: bytes, pause: float = 0.1) -> Act:
    """Say one text after another, each in a packet of its own."""

    def act(connection: socket.socket) -> None:
        for text in texts:
            connection.sendall(text)
            time.sleep(pause)

    return act

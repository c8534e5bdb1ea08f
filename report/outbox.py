"""The ledger of what was sent to whom: SQLite, under an operating system's lock, true at every instant.

A row is one message to one recipient. The ledger may be read after any crash, because a row is changed *before* the
world is: it says "unknown" from just before the final dot leaves until the server's answer is on the disk.
"""

import contextlib
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from report.errors import ReportError

FORMAT = 1
State = Literal["waiting", "sent", "refused", "unknown"]
Verdict = Literal["sent", "again"]
Clock = Callable[[], datetime]

_SCHEMA = """
CREATE TABLE delivery (
    number INTEGER PRIMARY KEY, message_id TEXT NOT NULL, inbox TEXT NOT NULL, recipient TEXT NOT NULL,
    digest TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'refused', 'unknown')),
    attempts INTEGER NOT NULL, word TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (message_id, inbox));
CREATE TABLE event (number INTEGER NOT NULL REFERENCES delivery, at TEXT NOT NULL, what TEXT NOT NULL, word TEXT NOT NULL);
CREATE TABLE reserve (bytes BLOB NOT NULL);
"""
_HANDED_OVER = "handed over, and then no answer was recorded"


class OutboxError(ReportError):
    """The ledger can't be used, so nothing is sent."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One finished message for one recipient.

    Attributes
    ----------
    message_id : str
        Its Message-ID, angle brackets included: what stands before its @ makes it, with the recipient, one and the same
        message. The domain behind it is the sender's, and another sender is no reason for a second brief.
    recipient : str
        The address that the server is given.
    raw : bytes
        The message, RFC 5322.
    """

    message_id: str
    recipient: str
    raw: bytes

    @property
    def key(self) -> tuple[str, str]:
        """Message and inbox; ann@example.com and Ann@Example.com are one inbox."""
        return _stem(self.message_id), self.recipient.casefold()

    @property
    def digest(self) -> str:
        """SHA-256 of the message."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the ledger says of one message to one recipient.

    Attributes
    ----------
    number : int
        How a person names it; stays the same.
    state : State
        waiting, no server has it; sent, a server took it; refused, a server said no for good;
        unknown, it was handed over and no answer is known.
    attempts : int
        How often a sender began on it.
    word : str
        The server's last words, or what happened.
    at : str
        When that was, ISO 8601; empty where nothing happened yet.
    changed : bool
        Whether the message at hand is another one than was sent, refused or handed over.
    """

    number: int
    message_id: str
    recipient: str
    state: State
    attempts: int
    word: str
    at: str
    changed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Message and inbox, as of the message at hand."""
        return _stem(self.message_id), self.recipient.casefold()


class Outbox:
    """The ledger of one month, open under its lock. Every change is on the disk before its method returns."""

    def __init__(self, rows: sqlite3.Connection, file: Path, clock: Clock) -> None:
        self._rows, self._file, self._clock = rows, file, clock

    @classmethod
    @contextlib.contextmanager
    def open(cls, file: Path, clock: Clock) -> Iterator[Self]:
        """Open the ledger, made if there is none, for its owner alone.

        Raises
        ------
        OutboxError
            At once if another sender has it; a dead process has nothing. If it can't be read or written.
        """
        with contextlib.ExitStack() as stack:
            with _in_words(file):
                stack.callback(os.close, _lock(file.with_suffix(".lock")))
                os.close(_private(file))
                rows = sqlite3.connect(file, timeout=1, isolation_level=None)
                stack.callback(rows.close)
                rows.create_function("stem", 1, _stem, deterministic=True)
                rows.execute(
                    "PRAGMA locking_mode = EXCLUSIVE"
                )  # nobody's `sqlite3` shell makes a commit wait
                rows.execute("PRAGMA journal_mode = PERSIST")  # a journal that has its room already
                rows.execute("PRAGMA synchronous = FULL")
                (found,) = rows.execute("PRAGMA user_version").fetchone()
                if found not in (0, FORMAT):
                    raise OutboxError(
                        f"{file} has format {found}, expected {FORMAT}: another version wrote it. Send with that one."
                    )
                schema = f"{_SCHEMA}PRAGMA user_version = {FORMAT};" if found == 0 else ""
                rows.executescript(f"BEGIN EXCLUSIVE;{schema}COMMIT;")
            yield cls(rows, file, clock)

    def enrol(self, messages: Sequence[Outgoing]) -> None:
        """Write down that these are to be sent, before any of them is.

        What is there keeps its state. A waiting message is replaced by the one at hand.
        """
        with self._transaction() as rows:
            for message in messages:
                rows.execute(
                    "UPDATE delivery SET message_id = ?, digest = ?, recipient = ?"
                    " WHERE state = 'waiting' AND (stem(message_id), inbox) = (?, ?)",
                    (message.message_id, message.digest, message.recipient, *message.key),
                )
                rows.execute(
                    "INSERT INTO delivery SELECT NULL, ?, ?, ?, ?, 'waiting', 0, '', ''"
                    " WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE (stem(message_id), inbox) = (?, ?))",
                    (message.message_id, message.key[1], message.recipient, message.digest, *message.key),
                )
        self._reserve(65_536 + 8_192 * len(messages))

    def _reserve(self, size: int) -> None:
        """Take the room for what follows now, in file and journal, so that no outcome is lost to a disk that fills up."""
        with _in_words(self._file):
            (free,) = self._rows.execute("PRAGMA freelist_count").fetchone()
            (page,) = self._rows.execute("PRAGMA page_size").fetchone()
        if free * page >= size:
            return
        with self._transaction() as rows:
            rows.execute("INSERT INTO reserve VALUES (zeroblob(?))", (size + page,))
        with self._transaction() as rows:  # the journal keeps what it takes to undo this
            rows.execute("UPDATE reserve SET bytes = zeroblob(length(bytes) + 1)")
            rows.execute("DELETE FROM reserve")

    def deliveries(self, messages: Sequence[Outgoing] = ()) -> tuple[Delivery, ...]:
        """Tell what is known of these messages, and of every other one that is unknown, in the ledger's order."""
        digests = {message.key: message.digest for message in messages}
        with _in_words(self._file):
            every = self._rows.execute("SELECT * FROM delivery ORDER BY number").fetchall()
        found = []
        for number, message_id, inbox, recipient, digest, state, attempts, word, at in every:
            wanted = digests.get((_stem(message_id), inbox))
            if wanted or state == "unknown":
                changed = wanted not in (None, digest)
                found.append(Delivery(number, message_id, recipient, state, attempts, word, at, changed))
        return tuple(found)

    def out(self) -> tuple[str, ...]:
        """Give the ids of the messages that somebody has, or may have."""
        with _in_words(self._file):
            found = self._rows.execute(
                "SELECT DISTINCT message_id FROM delivery WHERE state IN ('sent', 'unknown')"
            ).fetchall()
        return tuple(message_id for (message_id,) in found)

    def waiting(self, message: Outgoing) -> bool:
        """Whether no server has this message."""
        with _in_words(self._file):
            (state,) = self._rows.execute(
                "SELECT state FROM delivery WHERE (stem(message_id), inbox) = (?, ?)", message.key
            ).fetchone()
        return bool(state == "waiting")

    def attempt(self, message: Outgoing) -> None:
        """Record that a sender begins on it; it is still waiting, and stays so if the sender dies."""
        self._change(message.key, "attempt", "waiting", "a sender began, and did not hand it over", tries=1)

    def hand_over(self, message: Outgoing) -> None:
        """Record that the final dot is about to leave; from here on nobody knows, until `settle`."""
        self._change(message.key, "hand over", "unknown", _HANDED_OVER)

    def settle(self, message: Outgoing, state: State, word: str) -> None:
        """Record the outcome of an attempt."""
        self._change(message.key, state, state, word)

    def resolve(self, number: int, verdict: Verdict) -> None:
        """Record what a person found out: an unknown message was sent; or any is to be sent again.

        Raises
        ------
        OutboxError
            If there is no such number, or "sent" is said of a message that isn't unknown.
        """
        with _in_words(self._file):
            found = self._rows.execute(
                "SELECT message_id, inbox, state FROM delivery WHERE number = ?", (number,)
            ).fetchone()
        if found is None:
            raise OutboxError(f"{self._file} has no message {number}. `make send` shows the numbers.")
        message_id, inbox, state = found
        if verdict == "sent" and state != "unknown":
            raise OutboxError(
                f"Message {number} is {state}, expected unknown: only of that can a person say that it was sent."
            )
        self._change(
            (_stem(message_id), inbox),
            f"resolved: {verdict}",
            "sent" if verdict == "sent" else "waiting",
            "found in the inbox" if verdict == "sent" else f"to be sent again; was {state}",
        )

    def _change(self, key: tuple[str, str], what: str, state: State, word: str, *, tries: int = 0) -> None:
        """Change one row, and note it."""
        at = self._clock().isoformat(timespec="seconds")
        with self._transaction() as rows:
            rows.execute(
                "UPDATE delivery SET state = ?, word = ?, at = ?, attempts = attempts + ?"
                " WHERE (stem(message_id), inbox) = (?, ?)",
                (state, word, at, tries, *key),
            )
            rows.execute(
                "INSERT INTO event SELECT number, ?, ?, ? FROM delivery WHERE (stem(message_id), inbox) = (?, ?)",
                (at, what, word, *key),
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it on the disk at the end, or none of it."""
        with _in_words(self._file):
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield self._rows
                self._rows.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._rows.execute("ROLLBACK")
                raise


def _stem(message_id: str) -> str:
    """Give a Message-ID without the domain behind its last @."""
    return message_id.strip("<>").rpartition("@")[0]


def _lock(file: Path) -> int:
    """Take the lock, which ends with the process however it ends; whether the file exists means nothing."""
    lock = _private(file)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise OutboxError(
            f"Another sender{f' (process {holder})' if holder else ''} is at work on {file.with_suffix('.sqlite')}. "
            "Nothing was sent by this one. Wait until it ends, then run `make send` again."
        ) from None
    with contextlib.suppress(OSError):  # a full disk; the number is only for the sentence above
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _private(file: Path) -> int:
    """Open a file that only its owner may read, made if there is none."""
    found = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.fchmod(found, 0o600)
    return found


@contextlib.contextmanager
def _in_words(file: Path) -> Iterator[None]:
    """Say what the disk or SQLite says as a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise OutboxError(
            f"{file} can't be used: {error}. What can't be recorded isn't sent, so sending stopped here. "
            "Free the disk or mend its rights, keep the file (it knows who has what), and run `make send` again."
        ) from error

"""The ledger: who was sent what, in SQLite.

A row is one message to one recipient. The ledger is right after any crash, because a row changes *before* the act
that it is about: it says "unknown" from just before the final dot of SMTP until the server's answer is on disk.
Handovers are also written into journals. One that is missing in the ledger becomes "unknown" when the ledger is opened.
"""

import contextlib
import errno
import fcntl
import functools
import hashlib
import itertools
import logging
import operator
import os
import re
import shlex
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from report.errors import ReportError
from report.transport.journal import Handover, append_to_journal, open_private, read_journal

LEDGER_FORMAT = 2
DeliveryState = Literal["waiting", "sent", "refused", "unknown"]
Resolution = Literal["sent", "again"]
WallClock = Callable[[], datetime]

_CREATE_TABLES = """
CREATE TABLE delivery (
    number INTEGER PRIMARY KEY, message_id TEXT NOT NULL, inbox TEXT NOT NULL, recipient TEXT NOT NULL,
    digest TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'refused', 'unknown')),
    attempts INTEGER NOT NULL, word TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (message_id, inbox));
CREATE TABLE event (number INTEGER NOT NULL REFERENCES delivery, at TEXT NOT NULL, what TEXT NOT NULL, word TEXT NOT NULL);
CREATE TABLE reserve (bytes BLOB NOT NULL);
CREATE TABLE handover (number INTEGER NOT NULL REFERENCES delivery, at TEXT NOT NULL, message_id TEXT NOT NULL,
    recipient TEXT NOT NULL, digest TEXT NOT NULL, refused INTEGER NOT NULL DEFAULT 0);
"""
_TABLES = {"delivery", "event", "reserve", "handover"}
_NO_ANSWER_RECORDED = "handed over, and then no answer was recorded"
RECOVERED_FROM_JOURNAL = "handed over, says the journal; the ledger did not know it"
_CORRECTION_SUFFIX = re.compile(r"\.correction-[0-9a-f]{12}$")

_log = logging.getLogger(__name__)


class LedgerError(ReportError):
    """The ledger can't be used, so nothing is sent."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One finished message for one recipient.

    The part of the Message-ID before its @ and the recipient identify it. The domain is the sender's, and another
    sender is no reason for a second brief.
    """

    message_id: str  # with its angle brackets
    recipient: str
    raw: bytes  # RFC 5322

    @property
    def key(self) -> tuple[str, str]:
        """Message and inbox."""
        return _make_key(self.message_id, self.recipient)

    @property
    def digest(self) -> str:
        """SHA-256 of the body, without the headers."""
        return hashlib.sha256(re.split(rb"\r?\n\r?\n", self.raw, maxsplit=1)[-1]).hexdigest()


@dataclass(frozen=True, slots=True)
class Delivery:
    """The ledger's entry for one message and recipient."""

    number: int  # how a person names it; never changes
    message_id: str
    recipient: str
    state: DeliveryState
    """waiting: no server has it; sent: a server took it; refused: a server said no for good;
    unknown: it was handed over, and no answer is known."""
    attempts: int
    detail: str  # the server's last answer, or what happened
    at: str  # when that was, ISO 8601; empty where nothing happened yet
    changed: bool = False  # whether the body at hand differs from the one that was handed over

    @property
    def key(self) -> tuple[str, str]:
        """Message and inbox."""
        return _make_key(self.message_id, self.recipient)


class Ledger:
    """One month's ledger, open under its lock.

    Every change is on disk before its method returns.
    """

    def __init__(self, rows: sqlite3.Connection, file: Path, clock: WallClock, journals: Sequence[Path]) -> None:
        self._rows, self._file, self._clock, self._journals = rows, file, clock, journals

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, file: Path, clock: WallClock, journals: Sequence[Path] = (), *, create: bool = True
    ) -> Iterator[Self]:
        """Open or create a ledger, for its owner alone.

        Raises LedgerError if another sender has it open (a dead process holds nothing), or it can't be read or written.

        Parameters
        ----------
        journals : sequence of Path
            Files that get every handover, too. The first must be writable; the others are written where possible.
        create : bool
            False leaves the disk as it is: without a ledger and without journals, an empty one in memory is opened.
        """
        with contextlib.ExitStack() as stack:
            with _translate_ledger_errors(file):
                if create or any(map(os.path.lexists, (file, *journals))):
                    if journals:  # which may be all that is left
                        file.parent.mkdir(exist_ok=True, mode=0o700)
                    stack.callback(os.close, _acquire_lock(file.with_suffix(".lock")))
                    os.close(open_private(file))
                    rows = sqlite3.connect(file, timeout=1, isolation_level="IMMEDIATE")
                else:
                    rows, journals = sqlite3.connect(":memory:", isolation_level="IMMEDIATE"), ()
                stack.callback(rows.close)
                _prepare_database(rows, file)
            ledger = cls(rows, file, clock, journals)
            ledger._synchronise_journals()
            yield ledger

    def _synchronise_journals(self) -> None:
        """Record what only journals know, and complete each journal."""
        with _translate_ledger_errors(self._file):
            found = self._rows.execute("SELECT at, message_id, recipient, digest FROM handover").fetchall()
        mine = Counter(Handover(*one) for one in found)
        known = []
        for journal in self._journals:
            with _translate_ledger_errors(journal):
                known.append(read_journal(journal))
        every = functools.reduce(operator.or_, known, mine)
        if lost := sorted((every - mine).elements(), key=lambda one: one.at):
            with self._write_transaction() as rows:
                for one in lost:
                    key = _make_key(one.message_id, one.recipient)
                    self._insert_waiting(key, one.message_id, one.recipient, one.digest)
                    rows.execute(
                        "UPDATE delivery SET state = 'unknown', message_id = ?, digest = ?, word = ?, at = ?"
                        " WHERE (stem(message_id), inbox) = (?, ?)",
                        (one.message_id, one.digest, RECOVERED_FROM_JOURNAL, one.at, *key),
                    )
                    self._insert_handover(key, one)
        for journal, there in zip(self._journals, known, strict=True):
            self._append_handovers(journal, every - there)

    def _append_handovers(self, journal: Path, handovers: Counter[Handover]) -> None:
        """Append handovers; only the first journal must succeed."""
        try:
            with _translate_ledger_errors(journal):
                append_to_journal(journal, handovers.elements())
        except LedgerError as error:
            if journal == self._journals[0]:
                raise
            _log.warning("%s So a folder of months that is put back from a backup won't be noticed.", error)

    def _insert_waiting(self, key: tuple[str, str], message_id: str, recipient: str, digest: str) -> None:
        """Add a waiting message, unless it is known."""
        self._rows.execute(
            "INSERT INTO delivery SELECT NULL, ?, ?, ?, ?, 'waiting', 0, '', ''"
            " WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE (stem(message_id), inbox) = (?, ?))",
            (message_id, key[1], recipient, digest, *key),
        )

    def _insert_handover(self, key: tuple[str, str], one: Handover) -> None:
        self._rows.execute(
            "INSERT INTO handover SELECT number, ?, ?, ?, ?, 0 FROM delivery WHERE (stem(message_id), inbox) = (?, ?)",
            (*astuple(one), *key),
        )

    def enqueue_messages(self, messages: Sequence[OutgoingMessage]) -> None:
        """Record messages that are to be sent.

        Known messages keep their state. A waiting one is replaced by the one at hand.
        """
        with self._write_transaction() as rows:
            for message in messages:
                rows.execute(
                    "UPDATE delivery SET message_id = ?, digest = ?, recipient = ?"
                    " WHERE state = 'waiting' AND (stem(message_id), inbox) = (?, ?)",
                    (message.message_id, message.digest, message.recipient, *message.key),
                )
                self._insert_waiting(message.key, message.message_id, message.recipient, message.digest)
        self._reserve_disk_space(65_536 + 8_192 * len(messages))

    def _reserve_disk_space(self, size: int) -> None:
        """Reserve disk space for every outcome."""
        with _translate_ledger_errors(self._file):
            (free,) = self._rows.execute("PRAGMA freelist_count").fetchone()
            (page,) = self._rows.execute("PRAGMA page_size").fetchone()
        if free * page >= size:
            return
        with self._write_transaction() as rows:
            rows.execute("INSERT INTO reserve VALUES (zeroblob(?))", (size + page,))
        with self._write_transaction() as rows:  # SQLite's own journal keeps the space to undo this
            rows.execute("UPDATE reserve SET bytes = zeroblob(length(bytes) + 1)")
            rows.execute("DELETE FROM reserve")

    def list_deliveries(
        self, messages: Sequence[OutgoingMessage] = (), *, include_all: bool = False
    ) -> tuple[Delivery, ...]:
        """Return the deliveries of these messages, by number.

        Those of any other message that is unknown come with them, and with `include_all` every other one.
        """
        digests = {message.key: message.digest for message in messages}
        with _translate_ledger_errors(self._file):
            every = self._rows.execute("SELECT * FROM delivery ORDER BY number").fetchall()
        found = []
        for number, message_id, inbox, recipient, digest, state, attempts, word, at in every:
            wanted = digests.get((_strip_correction_suffix(message_id), inbox))
            if wanted or include_all or state == "unknown":
                # one that waits is replaced by the one at hand
                changed = state != "waiting" and wanted not in (None, digest)
                found.append(Delivery(number, message_id, recipient, state, attempts, word, at, changed))
        return tuple(found)

    def list_delivered_ids(self) -> tuple[str, ...]:
        """Return ids of messages that somebody may have."""
        known = self.list_deliveries(include_all=True)
        return tuple(one.message_id for one in known if one.state in ("sent", "unknown"))

    def list_handovers(self, message: OutgoingMessage) -> tuple[Handover, ...]:
        """Return the handovers that weren't refused, oldest first."""
        with _translate_ledger_errors(self._file):
            found = self._rows.execute(
                "SELECT handover.at, handover.message_id, handover.recipient, handover.digest"
                " FROM handover JOIN delivery USING (number)"
                " WHERE (stem(delivery.message_id), inbox) = (?, ?) AND NOT refused ORDER BY handover.rowid",
                message.key,
            ).fetchall()
        return tuple(Handover(*one) for one in found)

    def is_waiting(self, message: OutgoingMessage) -> bool:
        """Whether no server has this message."""
        with _translate_ledger_errors(self._file):
            (state,) = self._rows.execute(
                "SELECT state FROM delivery WHERE (stem(message_id), inbox) = (?, ?)", message.key
            ).fetchone()
        return bool(state == "waiting")

    def record_attempt(self, message: OutgoingMessage) -> None:
        """Record an attempt; the message still waits."""
        self._update_delivery(message.key, "attempt", "waiting", "a sender began, and did not hand it over", tries=1)

    def record_handover(self, message: OutgoingMessage, detail: str = _NO_ANSWER_RECORDED) -> None:
        """Record a handover, just before the final dot.

        The message is unknown from here until `record_outcome`. Raises LedgerError if that can't be recorded: the dot
        must not be sent then, and the message waits.
        """
        at = self._clock().isoformat(timespec="seconds")
        one = Handover(at, message.message_id, message.recipient, message.digest)
        self._update_delivery(message.key, "hand over", "unknown", detail, handover=one)
        try:
            for journal in self._journals:
                self._append_handovers(journal, Counter([one]))
        except LedgerError:
            self.record_outcome(message, "waiting", "not handed over: the journal can't be written")
            raise

    def record_outcome(self, message: OutgoingMessage, state: DeliveryState, detail: str) -> None:
        """Record the outcome of an attempt."""
        self._update_delivery(message.key, state, state, detail)

    def resolve_delivery(self, number: int, resolution: Resolution, messages: Sequence[OutgoingMessage] = ()) -> None:
        """Record a person's decision about one message.

        "sent" says that it arrived, or that its earlier text is enough; "again" sends it once more. By the messages at
        hand a change is noticed. Raises LedgerError if there is no such number, or "sent" is said of a message that is
        neither unknown nor changed.
        """
        found = {one.number: one for one in self.list_deliveries(messages, include_all=True)}.get(number)
        if found is None:
            raise LedgerError(f"{self._file} has no message {number}. `make send` shows the numbers.")
        if resolution == "again":
            self._update_delivery(found.key, "resolved: again", "waiting", f"to be sent again; was {found.state}")
            return
        if found.state != "unknown" and not (found.state == "sent" and found.changed):
            raise LedgerError(
                f"Message {number} is {found.state}, expected unknown: only of that can a person say that it was sent."
            )
        word = "found in the inbox" if found.state == "unknown" else "has changed, and what was sent is enough"
        self._update_delivery(found.key, "resolved: sent", "sent", word)
        with self._write_transaction() as rows:
            for message in messages:
                rows.execute(
                    "UPDATE delivery SET digest = ? WHERE number = ? AND (stem(message_id), inbox) = (?, ?)",
                    (message.digest, number, *message.key),
                )

    def resolve_all_deliveries(self, resolution: Resolution, messages: Sequence[OutgoingMessage]) -> None:
        """Record one decision about every unknown or changed message.

        Where there is none, "sent" is recorded for every message that waits. Raises LedgerError if there is none, and
        all are to be sent again.
        """
        open_questions = [one for one in self.list_deliveries(messages) if one.state == "unknown" or one.changed]
        for one in open_questions:
            self.resolve_delivery(one.number, resolution, messages)
        if open_questions:
            return
        if resolution == "again":
            raise LedgerError(
                "No message is unknown or has changed, so RESOLVE=all:again sends none again. Name one by its number."
            )
        self.enqueue_messages(messages)
        for message in messages:
            if self.is_waiting(message):
                self.record_handover(message)
                self.record_outcome(message, "sent", "said to be out already")

    def _update_delivery(
        self,
        key: tuple[str, str],
        what: str,
        state: DeliveryState,
        word: str,
        *,
        tries: int = 0,
        handover: Handover | None = None,
    ) -> None:
        """Change one row, and log the event."""
        at = self._clock().isoformat(timespec="seconds")
        with self._write_transaction() as rows:
            if what in ("waiting", "refused"):
                rows.execute(
                    "UPDATE handover SET refused = 1 WHERE rowid = (SELECT max(handover.rowid) FROM handover"
                    " JOIN delivery USING (number) WHERE (stem(delivery.message_id), inbox) = (?, ?) AND state = 'unknown')",
                    key,
                )
            rows.execute(
                "UPDATE delivery SET state = ?, word = ?, at = ?, attempts = attempts + ?"
                " WHERE (stem(message_id), inbox) = (?, ?)",
                (state, word, at, tries, *key),
            )
            rows.execute(
                "INSERT INTO event SELECT number, ?, ?, ? FROM delivery WHERE (stem(message_id), inbox) = (?, ?)",
                (at, what, word, *key),
            )
            if handover:
                self._insert_handover(key, handover)

    @contextlib.contextmanager
    def _write_transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction, all or nothing."""
        with _translate_ledger_errors(self._file), self._rows:
            yield self._rows


def _prepare_database(rows: sqlite3.Connection, file: Path) -> None:
    """Check the ledger's tables, or create them."""
    rows.create_function("stem", 1, _strip_correction_suffix, deterministic=True)
    rows.execute("PRAGMA locking_mode = EXCLUSIVE")  # nobody's `sqlite3` shell makes a commit wait
    rows.execute("PRAGMA journal_mode = PERSIST")  # SQLite's journal keeps its disk space
    rows.execute("PRAGMA synchronous = FULL")
    (found,) = rows.execute("PRAGMA user_version").fetchone()
    if found not in (0, LEDGER_FORMAT):
        raise LedgerError(
            f"{file} has format {found}, expected {LEDGER_FORMAT}: another version wrote it. Send with that one."
        )
    (sound,) = rows.execute("PRAGMA integrity_check(1)").fetchone()
    tables = {name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if sound != "ok" or tables != (_TABLES if found else set()):
        raise sqlite3.DatabaseError("it is no ledger, or is damaged")
    script = "" if found else f"{_CREATE_TABLES}PRAGMA user_version = {LEDGER_FORMAT};"
    rows.executescript(f"BEGIN EXCLUSIVE;{script}COMMIT;")


def normalise_inbox(address: str) -> str:
    """Return an address's inbox: Ann@Example.com is ann@example.com.

    What only some servers ignore (a dot, "+news") counts as another inbox: taken for one, two would share a brief.
    """
    local, _, domain = unicodedata.normalize("NFC", address).lower().rpartition("@")
    labels = (
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
        for label in domain.rstrip(".").split(".")
    )
    return f"{local}@{'.'.join(labels)}"


def _make_key(message_id: str, recipient: str) -> tuple[str, str]:
    return _strip_correction_suffix(message_id), normalise_inbox(recipient)


def _strip_correction_suffix(message_id: str) -> str:
    """Return what an id shares with its corrections."""
    return _CORRECTION_SUFFIX.sub("", message_id.strip("<>").rpartition("@")[0])


def _acquire_lock(file: Path) -> int:
    """Lock a file until the process ends."""
    lock = open_private(file)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise LedgerError(
            f"Another sender{f' (process {holder})' if holder else ''} is at work on {file.with_suffix('.sqlite')}. "
            "Nothing was sent by this one. Wait until it ends, then run `make send` again."
        ) from None
    with contextlib.suppress(OSError):  # a full disk; the number is only for the sentence above
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


@contextlib.contextmanager
def _translate_ledger_errors(file: Path) -> Iterator[None]:
    """Raise errors of disk and SQLite as a `LedgerError`."""
    try:
        yield
    except (OSError, sqlite3.Error, UnicodeError) as error:  # not text: damaged
        raise LedgerError(
            f"{file} can't be used: {error}. What can't be recorded isn't sent, so sending stopped here. {_suggest_remedy(file, error)}"
        ) from error


def _suggest_remedy(file: Path, error: Exception) -> str:
    """Return how to repair an unusable ledger."""
    # a name that is free: `mv` would overwrite a file, or move into a folder
    free = next(one for n in itertools.count(1) if not os.path.lexists(one := f"{file}.damaged-{n}"))
    away = (
        f"ove it away (mv {shlex.quote(str(file))} {shlex.quote(free)}) and run `make send` again: it asks about every message "
        "that was handed over."
    )
    no_file = isinstance(error, OSError) and error.errno in (errno.EISDIR, errno.ELOOP)
    # its subclasses are about full disks and permissions
    if no_file or isinstance(error, UnicodeError) or type(error) is sqlite3.DatabaseError:
        return f"M{away}"
    return (
        "Free the disk or mend its rights, keep the file (it knows who has what), and run `make send` again. If that doesn't "
        f"help, m{away}"
    )

"""From finished messages to one in each inbox: SMTP, a ledger, and nothing claimed that isn't known.

One recipient a transaction: where a message has several, the server says yes or no to each before DATA, but answers
the final dot once for them all, and after a cut nobody knows for whom. One by one, each answer is about one inbox.
"""

import contextlib
import functools
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

from report.errors import ReportError
from report.journal import UNKNOWN_WORDS, Handover
from report.mailserver import Server
from report.message import as_correction, message_id
from report.outbox import UNRECORDED, Clock, Delivery, Outbox, Outgoing, State, Verdict
from report.smtp import Deadline, LaterError, Session, StopError

PAUSES = (5.0, 30.0, 120.0)
LONGEST_LINE = 998
MOST_UNKNOWN = 2  # one cut is bad luck; after a second in a round, more would be carelessness


class DeliveryError(ReportError):
    """A message can't go out as it is, so none does."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where every message stands, and what kept the rest from going out.

    Attributes
    ----------
    deliveries : tuple of Delivery
        One a message and recipient; also older ones that are still unknown.
    problem : str
        What ails the server, in a sentence; empty where nothing does.
    stopped : bool
        Whether that needs a person, such as a wrong password: then the rest wasn't tried.
    """

    deliveries: tuple[Delivery, ...]
    problem: str = ""
    stopped: bool = False

    @property
    def counts(self) -> dict[State, int]:
        """How many are sent, refused, waiting and unknown."""
        found = Counter(delivery.state for delivery in self.deliveries)
        return {state: found[state] for state in ("sent", "refused", "waiting", "unknown")}

    @property
    def exit_status(self) -> int:
        """0, every inbox has its one; 75 (EX_TEMPFAIL), some wait and a later run may do; 1, a person is needed."""
        counts = self.counts
        changed = any(one.changed for one in self.deliveries)
        if counts["refused"] or counts["unknown"] or changed or self.stopped:
            return 1
        return 75 if counts["waiting"] else 0

    def table(self, ledger: str | None) -> str:
        """Give every delivery as a line, then what a person has to do.

        Parameters
        ----------
        ledger : str or None
            What names the ledger to `make send`, such as "MONTH=2026-10": each has its own numbers. None where it knows
            no way to it, and nothing in it can be sent again.
        """
        settle = f"`make send {ledger} RESOLVE="
        lines = [f"{'No.':>4}  {'State':<8} {'Tries':>5}  {'Recipient':<32} {'Message':<40} Last word"]
        for one in self.deliveries:
            word = f"{one.word} ({one.at})" if one.at else "not tried yet"
            lines.append(
                f"{one.number:>4}  {one.state:<8} {one.attempts:>5}  {one.recipient:<32} {one.message_id:<40} {word}"
            )
        lines.append(", ".join(f"{number} {state}" for state, number in self.counts.items()))
        lines += [self.problem] if self.problem else []
        for one in self.deliveries:
            if one.state == "unknown":
                lines.append(
                    f"Message {one.number} was handed over, and nobody knows whether it arrived. Look for {one.message_id} in "
                    f"the inbox of {one.recipient}, or in the server's log."
                )
                if ledger:
                    lines[-1] += (
                        f" If it is there: {settle}{one.number}:sent`. If it isn't: {settle}{one.number}:again`."
                    )
            elif one.state == "refused":
                then = f", then {settle}{one.number}:again`." if ledger else "."
                lines.append(
                    f"Message {one.number} was refused for good. Correct what the server named{then}"
                )
            if one.changed and ledger:
                then = "handed over" if one.state == "unknown" else one.state
                enough = "" if one.state == "refused" else f" If it needn't be: {settle}{one.number}:sent`."
                lines.append(
                    f"Message {one.number} has changed since it was {then}, and the new one wasn't sent. "
                    f"If it should be: {settle}{one.number}:again`, then `make send {ledger} CONFIRM=yes`.{enough}"
                )
        lost = sum(one.state == "unknown" and one.word == UNRECORDED for one in self.deliveries)
        if lost:
            lines.append(
                f"The ledger is new, or older than the last mail: it did not know {lost} of these messages, which a journal says "
                "were handed over. Nobody gets one of them again unasked."
            )
        if ledger and sum(one.state == "unknown" or one.changed for one in self.deliveries) > 1:
            lines.append(
                f"To say the same of all that are unknown or have changed: {settle}all:sent` (what is out is enough) or "
                f"{settle}all:again` (send them, then with CONFIRM=yes)."
            )
        return "\n".join(lines)


def send(
    messages: Sequence[Outgoing],
    ledger: Path,
    server: Server,
    *,
    sender: str,
    clock: Clock,
    sleep: Callable[[float], None],
    tell: Callable[[str], None] = lambda _: None,
    pauses: Sequence[float] = PAUSES,
    journals: Sequence[Path] = (),
    now: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Send each message that is waiting, once.

    Parameters
    ----------
    messages : sequence of Outgoing
        A message that stands twice is one.
    ledger : Path
        The SQLite file that remembers; it must outlive a re-made report.
    sender : str
        Envelope sender: whom the servers on the way tell that it couldn't be delivered.
    clock, sleep : callable
        The time now, with its zone; and to wait for some seconds.
    tell : callable
        Told before each pause what is waited for.
    pauses : sequence of float
        Seconds before the second round, the third and so on, for what the server put off (4xx) or cut off.
    journals : sequence of Path
        As of `Outbox.open`.
    now : callable
        The time in seconds, of a clock that nobody sets: by it the send ends within `server.deadline`.

    Returns
    -------
    Outcome
        What the ledger says at the end. A no (5xx) to the recipient or the message is refused; one to the
        greeting, TLS, AUTH or the sender is about all of them, so it ends the run and they wait.

    Raises
    ------
    DeliveryError
        If a message can't go through SMTP unchanged; none is sent then.
    OutboxError
        If another sender is at work; or if something can't be recorded, and then nothing more is sent.
    """
    deadline = Deadline(now() + server.deadline, now)
    wanted = _checked(messages, sender)
    with Outbox.open(ledger, clock, journals) as outbox:
        wanted = tuple(_corrected(message, outbox.versions(message)) for message in wanted)
        outbox.enrol(wanted)
        problem, stopped = "", False
        for pause in (0.0, *pauses):
            due = [message for message in wanted if outbox.waiting(message)]
            if stopped or not due:
                break
            if deadline.left < pause + server.last_timeout:
                problem = problem if _late(server) in problem else f"{problem} {_late(server)}".strip()
                break
            if pause:
                tell(
                    f"{problem} {len(due)} of {len(wanted)} messages wait; tried again in {pause:g} seconds.".strip()
                )
                sleep(pause)
            try:
                _round(due, outbox, server, sender, deadline)
                problem = ""
            except LaterError as later:
                problem = str(later)
            except StopError as stop:
                problem, stopped = str(stop), True
        return Outcome(outbox.deliveries(wanted), problem, stopped)


def enrol(
    messages: Sequence[Outgoing],
    ledger: Path,
    *,
    clock: Clock,
    journals: Sequence[Path] = (),
    doubtful: str = "",
) -> None:
    """Write down that these are to be sent; or, of new ones, why it is unknown whether they were."""
    with Outbox.open(ledger, clock, journals) as outbox:
        outbox.enrol(messages)
        for message in messages if doubtful else ():
            outbox.hand_over(message, doubtful)


def survey(
    messages: Sequence[Outgoing],
    ledger: Path,
    *,
    clock: Clock,
    journals: Sequence[Path] = (),
    every_one: bool = False,
) -> Outcome:
    """Tell where each message stands and send nothing; one that the ledger doesn't know has the number 0.

    Parameters
    ----------
    every_one : bool
        Whether to tell of all that the ledger knows.
    """
    known: tuple[Delivery, ...] = ()
    if any(map(os.path.lexists, (ledger, *journals))):
        with Outbox.open(ledger, clock, journals) as outbox:
            known = outbox.deliveries(messages, every_one=every_one)
    keys = {one.key for one in known}
    new = {one.key: Delivery(0, one.message_id, one.recipient, "waiting", 0, "", "") for one in messages}
    return Outcome((*known, *(one for key, one in new.items() if key not in keys)))


def list_delivered(ledger: Path, *, clock: Clock, journals: Sequence[Path] = ()) -> tuple[str, ...]:
    """Give the ids of the messages that somebody has, or may have."""
    known = survey((), ledger, clock=clock, journals=journals, every_one=True).deliveries
    return tuple(one.message_id for one in known if one.state in ("sent", "unknown"))


def resolve(
    ledger: Path,
    number: int | None,
    verdict: Verdict,
    messages: Sequence[Outgoing] = (),
    *,
    clock: Clock,
    journals: Sequence[Path] = (),
) -> None:
    """Record what a person found out about a message, or of all: see `Outbox.resolve` and `Outbox.resolve_all`."""
    with Outbox.open(ledger, clock, journals) as outbox:
        if number is None:
            outbox.resolve_all(verdict, messages)
        else:
            outbox.resolve(number, verdict, messages)


def _corrected(message: Outgoing, versions: Sequence[Handover]) -> Outgoing:
    """Give a message as it goes to one who may have other words of it: as their correction."""
    same = bool(versions) and versions[-1].digest in (message.digest, UNKNOWN_WORDS)
    last = _local(versions[-1].message_id) if same else ""
    earlier = list(dict.fromkeys(one.message_id for one in versions if _local(one.message_id) != last))
    if not earlier:
        return message
    raw = as_correction(message.raw, message.digest, earlier)
    return Outgoing(message_id(raw), message.recipient, raw)


def _local(id_: str) -> str:
    """Give a Message-ID without its domain, which is the sender's."""
    return id_.rpartition("@")[0]


def _late(server: Server) -> str:
    """Say that the time is over."""
    return (
        f"The send ended before its deadline of {server.deadline / 60:g} minutes, for a message needs time for its answer. What "
        "waits goes out when `make send` is run again."
    )


def _round(due: Sequence[Outgoing], outbox: Outbox, server: Server, sender: str, deadline: Deadline) -> None:
    """Try each message once, over one connection as long as that serves."""
    unknown = 0
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(Session.open(server, sender, deadline))
        for message in due:
            if deadline.left < server.last_timeout:
                raise LaterError(_late(server))
            if not session.ready:
                session = stack.enter_context(Session.open(server, sender, deadline))
            outbox.attempt(message)
            state, word = session.transmit(message, sender, functools.partial(outbox.hand_over, message))
            outbox.settle(message, state, word)
            unknown += state == "unknown"
            if unknown == MOST_UNKNOWN:
                raise StopError(
                    f"{server.host} gave no clear answer to {unknown} messages, so no more were handed over. "
                    "Find out what ails it, then run `make send` again."
                )


def _checked(messages: Sequence[Outgoing], sender: str) -> tuple[Outgoing, ...]:
    """Give each message once, if all of them can go through SMTP unchanged."""
    found: dict[tuple[str, str], Outgoing] = {}
    for message in messages:
        name = f"Message {message.message_id} to {message.recipient}"
        for address in (message.recipient, sender):
            if not re.fullmatch(r"[^\s<>\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+", address):
                raise DeliveryError(
                    f"{name}: {address!r} is no address. Correct it in settings.toml. Nothing was sent."
                )
        said = BytesHeaderParser().parsebytes(message.raw).get_all("Message-ID", [])
        if [str(one).strip() for one in said] != [message.message_id]:
            raise DeliveryError(f"{name}: its header says {said}, expected that one id. Nothing was sent.")
        for row, line in enumerate(re.split(rb"\r\n|\r|\n", message.raw), start=1):
            if len(line) > LONGEST_LINE or 0 in line:
                raise DeliveryError(
                    f"{name}: line {row} has {len(line)} bytes, {line.count(0)} of them NUL. Expected at most "
                    f"{LONGEST_LINE} and none: encode that part as base64 or quoted-printable. Nothing was sent."
                )
        if found.setdefault(message.key, message).raw != message.raw:
            raise DeliveryError(f"{name} stands there twice, with different words. Nothing was sent.")
    return tuple(found.values())

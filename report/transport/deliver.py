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
from report.transport.journal import UNKNOWN_DIGEST, Handover
from report.transport.ledger import (
    RECOVERED_FROM_JOURNAL,
    Delivery,
    DeliveryState,
    Ledger,
    OutgoingMessage,
    Resolution,
    WallClock,
)
from report.transport.message import make_correction_message, read_message_id
from report.transport.server import MailServer
from report.transport.smtp import AbortSendError, Deadline, RetryLaterError, SmtpSession

RETRY_DELAYS = (5.0, 30.0, 120.0)
MAX_LINE_BYTES = 998
MAX_UNKNOWN_PER_ROUND = 2  # one cut is bad luck; after a second in a round, more would be carelessness


class DeliveryError(ReportError):
    """A message can't go out as it is, so none does."""


@dataclass(frozen=True, slots=True)
class DeliverySummary:
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
    def counts(self) -> dict[DeliveryState, int]:
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

    def format_table(self, make_arguments: str | None) -> str:
        """Give every delivery as a line, then what a person has to do.

        Parameters
        ----------
        make_arguments : str or None
            What names the ledger to `make send`, such as "MONTH=2026-10": each has its own numbers. None where it knows
            no way to it, and nothing in it can be sent again.
        """
        settle = f"`make send {make_arguments} RESOLVE="
        lines = [f"{'No.':>4}  {'State':<8} {'Tries':>5}  {'Recipient':<32} {'Message':<40} Last word"]
        for one in self.deliveries:
            word = f"{one.detail} ({one.at})" if one.at else "not tried yet"
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
                if make_arguments:
                    lines[-1] += (
                        f" If it is there: {settle}{one.number}:sent`. If it isn't: {settle}{one.number}:again`."
                    )
            elif one.state == "refused":
                then = f", then {settle}{one.number}:again`." if make_arguments else "."
                lines.append(
                    f"Message {one.number} was refused for good. Correct what the server named{then}"
                )
            if one.changed and make_arguments:
                then = "handed over" if one.state == "unknown" else one.state
                enough = "" if one.state == "refused" else f" If it needn't be: {settle}{one.number}:sent`."
                lines.append(
                    f"Message {one.number} has changed since it was {then}, and the new one wasn't sent. "
                    f"If it should be: {settle}{one.number}:again`, then `make send {make_arguments} CONFIRM=yes`.{enough}"
                )
        lost = sum(one.state == "unknown" and one.detail == RECOVERED_FROM_JOURNAL for one in self.deliveries)
        if lost:
            lines.append(
                f"The ledger is new, or older than the last mail: it did not know {lost} of these messages, which a journal says "
                "were handed over. Nobody gets one of them again unasked."
            )
        if make_arguments and sum(one.state == "unknown" or one.changed for one in self.deliveries) > 1:
            lines.append(
                f"To say the same of all that are unknown or have changed: {settle}all:sent` (what is out is enough) or "
                f"{settle}all:again` (send them, then with CONFIRM=yes)."
            )
        return "\n".join(lines)


def send_messages(
    messages: Sequence[OutgoingMessage],
    ledger: Path,
    server: MailServer,
    *,
    sender: str,
    clock: WallClock,
    sleep: Callable[[float], None],
    report_progress: Callable[[str], None] = lambda _: None,
    retry_delays: Sequence[float] = RETRY_DELAYS,
    journals: Sequence[Path] = (),
    monotonic_clock: Callable[[], float] = time.monotonic,
) -> DeliverySummary:
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
    report_progress : callable
        Told before each pause what is waited for.
    retry_delays : sequence of float
        Seconds before the second round, the third and so on, for what the server put off (4xx) or cut off.
    journals : sequence of Path
        As of `Outbox.open`.
    monotonic_clock : callable
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
    deadline = Deadline(monotonic_clock() + server.deadline, monotonic_clock)
    wanted = _validate_messages(messages, sender)
    with Ledger.open(ledger, clock, journals) as outbox:
        wanted = tuple(_correct_message(message, outbox.list_handovers(message)) for message in wanted)
        outbox.enqueue_messages(wanted)
        problem, stopped = "", False
        for pause in (0.0, *retry_delays):
            due = [message for message in wanted if outbox.is_waiting(message)]
            if stopped or not due:
                break
            if deadline.seconds_left < pause + server.last_timeout:
                problem = (
                    problem
                    if _describe_timeout(server) in problem
                    else f"{problem} {_describe_timeout(server)}".strip()
                )
                break
            if pause:
                report_progress(
                    f"{problem} {len(due)} of {len(wanted)} messages wait; tried again in {pause:g} seconds.".strip()
                )
                sleep(pause)
            try:
                _attempt_deliveries(due, outbox, server, sender, deadline)
                problem = ""
            except RetryLaterError as later:
                problem = str(later)
            except AbortSendError as stop:
                problem, stopped = str(stop), True
        return DeliverySummary(outbox.list_deliveries(wanted), problem, stopped)


def enqueue_messages(
    messages: Sequence[OutgoingMessage],
    ledger: Path,
    *,
    clock: WallClock,
    journals: Sequence[Path] = (),
    unknown_reason: str = "",
) -> None:
    """Write down that these are to be sent; or, of new ones, why it is unknown whether they were."""
    with Ledger.open(ledger, clock, journals) as outbox:
        outbox.enqueue_messages(messages)
        for message in messages if unknown_reason else ():
            outbox.record_handover(message, unknown_reason)


def read_delivery_status(
    messages: Sequence[OutgoingMessage],
    ledger: Path,
    *,
    clock: WallClock,
    journals: Sequence[Path] = (),
    include_all: bool = False,
) -> DeliverySummary:
    """Tell where each message stands and send nothing; one that the ledger doesn't know has the number 0.

    Parameters
    ----------
    include_all : bool
        Whether to tell of all that the ledger knows.
    """
    known: tuple[Delivery, ...] = ()
    if any(map(os.path.lexists, (ledger, *journals))):
        with Ledger.open(ledger, clock, journals) as outbox:
            known = outbox.list_deliveries(messages, include_all=include_all)
    keys = {one.key for one in known}
    new = {one.key: Delivery(0, one.message_id, one.recipient, "waiting", 0, "", "") for one in messages}
    return DeliverySummary((*known, *(one for key, one in new.items() if key not in keys)))


def list_delivered_ids(ledger: Path, *, clock: WallClock, journals: Sequence[Path] = ()) -> tuple[str, ...]:
    """Give the ids of the messages that somebody has, or may have."""
    known = read_delivery_status((), ledger, clock=clock, journals=journals, include_all=True).deliveries
    return tuple(one.message_id for one in known if one.state in ("sent", "unknown"))


def resolve_deliveries(
    ledger: Path,
    number: int | None,
    resolution: Resolution,
    messages: Sequence[OutgoingMessage] = (),
    *,
    clock: WallClock,
    journals: Sequence[Path] = (),
) -> None:
    """Record what a person found out about a message, or of all: see `Outbox.resolve` and `Outbox.resolve_all`."""
    with Ledger.open(ledger, clock, journals) as outbox:
        if number is None:
            outbox.resolve_all_deliveries(resolution, messages)
        else:
            outbox.resolve_delivery(number, resolution, messages)


def _correct_message(message: OutgoingMessage, versions: Sequence[Handover]) -> OutgoingMessage:
    """Give a message as it goes to one who may have other words of it: as their correction."""
    same = bool(versions) and versions[-1].digest in (message.digest, UNKNOWN_DIGEST)
    last = _strip_domain(versions[-1].message_id) if same else ""
    earlier = list(dict.fromkeys(one.message_id for one in versions if _strip_domain(one.message_id) != last))
    if not earlier:
        return message
    raw = make_correction_message(message.raw, message.digest, earlier)
    return OutgoingMessage(read_message_id(raw), message.recipient, raw)


def _strip_domain(id_: str) -> str:
    """Give a Message-ID without its domain, which is the sender's."""
    return id_.rpartition("@")[0]


def _describe_timeout(server: MailServer) -> str:
    """Say that the time is over."""
    return (
        f"The send ended before its deadline of {server.deadline / 60:g} minutes, for a message needs time for its answer. What "
        "waits goes out when `make send` is run again."
    )


def _attempt_deliveries(
    due: Sequence[OutgoingMessage], outbox: Ledger, server: MailServer, sender: str, deadline: Deadline
) -> None:
    """Try each message once, over one connection as long as that serves."""
    unknown = 0
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(SmtpSession.open(server, sender, deadline))
        for message in due:
            if deadline.seconds_left < server.last_timeout:
                raise RetryLaterError(_describe_timeout(server))
            if not session.ready:
                session = stack.enter_context(SmtpSession.open(server, sender, deadline))
            outbox.record_attempt(message)
            state, word = session.send_message(
                message, sender, functools.partial(outbox.record_handover, message)
            )
            outbox.record_outcome(message, state, word)
            unknown += state == "unknown"
            if unknown == MAX_UNKNOWN_PER_ROUND:
                raise AbortSendError(
                    f"{server.host} gave no clear answer to {unknown} messages, so no more were handed over. "
                    "Find out what ails it, then run `make send` again."
                )


def _validate_messages(messages: Sequence[OutgoingMessage], sender: str) -> tuple[OutgoingMessage, ...]:
    """Give each message once, if all of them can go through SMTP unchanged."""
    found: dict[tuple[str, str], OutgoingMessage] = {}
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
            if len(line) > MAX_LINE_BYTES or 0 in line:
                raise DeliveryError(
                    f"{name}: line {row} has {len(line)} bytes, {line.count(0)} of them NUL. Expected at most "
                    f"{MAX_LINE_BYTES} and none: encode that part as base64 or quoted-printable. Nothing was sent."
                )
        if found.setdefault(message.key, message).raw != message.raw:
            raise DeliveryError(f"{name} stands there twice, with different words. Nothing was sent.")
    return tuple(found.values())

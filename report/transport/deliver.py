"""Deliver messages exactly once: SMTP and the ledger together.

Each transaction has one recipient. With several, the server answers the final dot once for all of them, and after a
lost connection nobody knows who has the message. One by one, each answer is about one inbox.
"""

import contextlib
import functools
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from report.errors import ReportError
from report.transport.journal import Handover
from report.transport.ledger import RECOVERED_FROM_JOURNAL, Delivery, DeliveryState, Ledger, OutgoingMessage
from report.transport.message import make_correction_message, read_message_id
from report.transport.server import MailServer
from report.transport.smtp import AbortSendError, Deadline, RetryLaterError, SmtpSession

RETRY_DELAYS = (5.0, 30.0, 120.0)
MAX_LINE_BYTES = 998
MAX_UNKNOWN_PER_ROUND = 2  # one lost connection is bad luck; after a second one nothing more is sent


class DeliveryError(ReportError):
    """A message can't be sent unchanged, so none is."""


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """Where every message stands, and what stopped the rest."""

    deliveries: tuple[Delivery, ...]
    """One for each message and recipient, and older ones that are still unknown."""
    problem: str = ""  # what is wrong with the server, in a sentence
    stopped: bool = False  # whether that needs a person, such as a wrong password: the rest wasn't tried

    @property
    def counts(self) -> dict[DeliveryState, int]:
        """The number of messages in each state."""
        found = Counter(delivery.state for delivery in self.deliveries)
        return {state: found[state] for state in ("sent", "refused", "waiting", "unknown")}

    @property
    def exit_status(self) -> int:
        """0: sent; 75: some wait; 1: needs a person."""
        counts = self.counts
        changed = any(one.changed for one in self.deliveries)
        if counts["refused"] or counts["unknown"] or changed or self.stopped:
            return 1
        return 75 if counts["waiting"] else 0

    def format_table(self, make_arguments: str | None) -> str:
        """Return a line per delivery, then what to do.

        The arguments name the ledger to `make send`, such as "MONTH=2026-10": each has its own numbers. None for a
        ledger of which nothing can be sent again.
        """
        lines = [f"{'No.':>4}  {'State':<8} {'Tries':>5}  {'Recipient':<32} {'Message':<40} Last word"]
        for one in self.deliveries:
            word = f"{one.detail} ({one.at})" if one.at else "not tried yet"
            lines.append(
                f"{one.number:>4}  {one.state:<8} {one.attempts:>5}  {one.recipient:<32} {one.message_id:<40} {word}"
            )
        lines.append(", ".join(f"{number} {state}" for state, number in self.counts.items()))
        lines += [self.problem] if self.problem else []
        return "\n".join([*lines, *self._list_advice(make_arguments)])

    def _list_advice(self, make_arguments: str | None) -> list[str]:
        """List what a person can do."""
        resolve = f"`make send {make_arguments} RESOLVE="
        unknown = [one for one in self.deliveries if one.state == "unknown"]
        refused = [one for one in self.deliveries if one.state == "refused"]
        changed = [one for one in self.deliveries if one.changed and one.state != "refused"]
        advice = []
        if unknown:
            sentence = (
                f"Unknown ({_list_numbers(unknown)}): handed over, but nobody knows whether it arrived. Look for the message in "
                "the recipient's inbox, or in the server's log."
            )
            if make_arguments:
                number = _choose_number(unknown)
                sentence += f" If it is there: {resolve}{number}:sent`. If it isn't: {resolve}{number}:again`."
            advice.append(sentence)
        if refused:
            then = f", then {resolve}{_choose_number(refused)}:again`" if make_arguments else ""
            advice.append(f"Refused ({_list_numbers(refused)}): correct what the server named{then}.")
        if changed and make_arguments:
            number = _choose_number(changed)
            advice.append(
                f"Changed since it was handed over ({_list_numbers(changed)}): the new text wasn't sent. If it should be: "
                f"{resolve}{number}:again`, then `make send {make_arguments} CONFIRM=yes`. If it needn't be: {resolve}{number}:sent`."
            )
        lost = sum(one.detail == RECOVERED_FROM_JOURNAL for one in unknown)
        if lost:
            advice.append(
                f"The ledger is new, or older than the last mail: it did not know {lost} of these messages, which a journal says "
                "were handed over. Nobody gets one of them again unasked."
            )
        if make_arguments and sum(one.state == "unknown" or one.changed for one in self.deliveries) > 1:
            advice.append(
                f"To say the same of all that are unknown or have changed: {resolve}all:sent` (what is out is enough) or "
                f"{resolve}all:again` (send them, then with CONFIRM=yes)."
            )
        return advice


def _list_numbers(deliveries: Sequence[Delivery]) -> str:
    return ", ".join(str(one.number) for one in deliveries)


def _choose_number(deliveries: Sequence[Delivery]) -> str:
    """Return the only number, or "No." for several."""
    return str(deliveries[0].number) if len(deliveries) == 1 else "No."


def send_messages(
    messages: Sequence[OutgoingMessage],
    ledger: Ledger,
    server: MailServer,
    *,
    sender: str,
    sleep: Callable[[float], None],
    report_progress: Callable[[str], None] = lambda _: None,
    retry_delays: Sequence[float] = RETRY_DELAYS,
    monotonic_clock: Callable[[], float] = time.monotonic,
) -> DeliverySummary:
    """Send each waiting message once.

    A no (5xx) to the recipient or the message refuses that message. One to the greeting, TLS, AUTH or the sender
    concerns all of them: it ends the run, and they wait.

    Parameters
    ----------
    messages : sequence of OutgoingMessage
        The same message twice counts once.
    sender : str
        Envelope sender, who hears of a message that couldn't be delivered.
    retry_delays : sequence of float
        Seconds before each further round, for messages that the server put off (4xx) or that a lost connection left.
    monotonic_clock : callable
        The time in seconds. The send ends within `server.deadline` by it.

    Raises
    ------
    DeliveryError
        If a message can't go through SMTP unchanged; none is sent then.
    LedgerError
        If something can't be recorded; nothing more is sent then.
    """
    deadline = Deadline(monotonic_clock() + server.deadline, monotonic_clock)
    wanted = [
        _correct_message(message, ledger.list_handovers(message)) for message in _validate_messages(messages, sender)
    ]
    ledger.enqueue_messages(wanted)
    problem, stopped = "", False
    for pause in (0.0, *retry_delays):
        due = [message for message in wanted if ledger.is_waiting(message)]
        if stopped or not due:
            break
        if deadline.seconds_left < pause + server.last_timeout:
            timeout = _describe_timeout(server)
            problem = problem if timeout in problem else f"{problem} {timeout}".strip()
            break
        if pause:
            report_progress(
                f"{problem} {len(due)} of {len(wanted)} messages wait; tried again in {pause:g} seconds.".strip()
            )
            sleep(pause)
        try:
            _attempt_deliveries(due, ledger, server, sender, deadline)
            problem = ""
        except RetryLaterError as error:
            problem = str(error)
        except AbortSendError as error:
            problem, stopped = str(error), True
    return DeliverySummary(ledger.list_deliveries(wanted), problem, stopped)


def read_delivery_status(messages: Sequence[OutgoingMessage], ledger: Ledger) -> DeliverySummary:
    """Return where messages stand; new ones have number 0."""
    known = ledger.list_deliveries(messages)
    keys = {one.key for one in known}
    new = {one.key: Delivery(0, one.message_id, one.recipient, "waiting", 0, "", "") for one in messages}
    return DeliverySummary((*known, *(one for key, one in new.items() if key not in keys)))


def _correct_message(message: OutgoingMessage, handovers: Sequence[Handover]) -> OutgoingMessage:
    """Return a correction, if another text went out."""
    same = bool(handovers) and handovers[-1].digest == message.digest
    last = _strip_domain(handovers[-1].message_id) if same else ""
    earlier = list(dict.fromkeys(one.message_id for one in handovers if _strip_domain(one.message_id) != last))
    if not earlier:
        return message
    raw = make_correction_message(message.raw, message.digest, earlier)
    return OutgoingMessage(read_message_id(raw), message.recipient, raw)


def _strip_domain(id_: str) -> str:
    """Return a Message-ID without the sender's domain."""
    return id_.rpartition("@")[0]


def _describe_timeout(server: MailServer) -> str:
    """Describe a send that ran out of time."""
    return (
        f"The send ended before its deadline of {server.deadline / 60:g} minutes, for a message needs time for its answer. What "
        "waits goes out when `make send` is run again."
    )


def _attempt_deliveries(
    due: Sequence[OutgoingMessage], ledger: Ledger, server: MailServer, sender: str, deadline: Deadline
) -> None:
    """Try each message once."""
    unknown = 0
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(SmtpSession.open(server, sender, deadline))
        for message in due:
            if deadline.seconds_left < server.last_timeout:
                raise RetryLaterError(_describe_timeout(server))
            if not session.ready:
                session = stack.enter_context(SmtpSession.open(server, sender, deadline))
            ledger.record_attempt(message)
            state, reply = session.send_message(message, sender, functools.partial(ledger.record_handover, message))
            ledger.record_outcome(message, state, reply)
            unknown += state == "unknown"
            if unknown == MAX_UNKNOWN_PER_ROUND:
                raise AbortSendError(
                    f"{server.host} gave no clear answer to {unknown} messages, so no more were handed over. "
                    "Find out what ails it, then run `make send` again."
                )


def _validate_messages(messages: Sequence[OutgoingMessage], sender: str) -> tuple[OutgoingMessage, ...]:
    """Return each message once, if all are valid."""
    found: dict[tuple[str, str], OutgoingMessage] = {}
    for message in messages:
        name = f"Message {message.message_id} to {message.recipient}"
        for address in (message.recipient, sender):
            if not re.fullmatch(r"[^\s<>\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+", address):
                raise DeliveryError(
                    f"{name}: {address!r} is not an address. Correct it in settings.toml. Nothing was sent."
                )
        ids = BytesHeaderParser().parsebytes(message.raw).get_all("Message-ID", [])
        if [str(one).strip() for one in ids] != [message.message_id]:
            raise DeliveryError(f"{name}: its header says {ids}, expected that one id. Nothing was sent.")
        for row, line in enumerate(re.split(rb"\r\n|\r|\n", message.raw), start=1):
            if len(line) > MAX_LINE_BYTES or 0 in line:
                raise DeliveryError(
                    f"{name}: line {row} has {len(line)} bytes, {line.count(0)} of them NUL. Expected at most "
                    f"{MAX_LINE_BYTES} and none: encode that part as base64 or quoted-printable. Nothing was sent."
                )
        if found.setdefault(message.key, message).raw != message.raw:
            raise DeliveryError(f"{name} stands there twice, with different texts. Nothing was sent.")
    return tuple(found.values())

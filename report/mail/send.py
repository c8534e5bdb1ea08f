"""`make send`: show or mail a month's briefs."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from report.errors import ReportError, SettingsError
from report.mail import policy
from report.mail.concerns import list_owner_notices, make_undelivered_notice
from report.mail.export import BRIEFS_FOLDER
from report.operations.notices import Notice, OwnerNotifier
from report.pages.playbook import has_plays
from report.pages.profiles import list_profile_file_names
from report.settings import Settings
from report.storage import paths
from report.storage.months import MONTH_PATTERN
from report.text.formatting import format_counted_noun, format_month
from report.transport.deliver import DeliverySummary, read_delivery_status, send_messages
from report.transport.ledger import Ledger, OutgoingMessage, Resolution
from report.transport.message import make_test_message, parse_segment_ids, read_header, read_message_id, set_recipients
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class MailContext:
    """Settings, folders, mail server and clock for sending."""

    settings: Settings
    notifier: OwnerNotifier
    journal_folder: Path | None = None
    """Folder of journals that all output folders share; None for one beside the output folder."""

    @property
    def default_output(self) -> Path:
        """The output folder that `make send` opens by default."""
        return paths.ROOT / self.settings.data.output


@dataclass(frozen=True, slots=True)
class MonthlyMailing:
    """A month's briefs, their messages and their ledger."""

    context: MailContext
    facts: Facts
    test_recipient: str  # gets all briefs as a test; empty to send them to the recipients in settings
    briefs: dict[str, bytes]  # by segment id, as files; none without reliable segments
    messages: tuple[OutgoingMessage, ...]

    @property
    def make_arguments(self) -> str:
        """What names this mailing to `make send`."""
        output = paths.format_output_option(self.context.notifier.output, self.context.default_output)
        to = f" TO={self.test_recipient}" if self.test_recipient else ""
        return f"MONTH={self.facts.month}{to}{output}"

    def open_ledger(self, *, create: bool) -> AbstractContextManager[Ledger]:
        """Open the ledger; a test has its own.

        The journals are beside the ledger and outside of the output folder. The second one survives an output folder
        that is lost or restored from a backup, and knows what was mailed from another output folder.
        """
        output, month = self.context.notifier.output.absolute(), self.facts.month
        folder, clock = output / paths.LEDGER_FOLDER, self.context.notifier.clock
        if create:
            folder.mkdir(exist_ok=True, mode=0o700)
        if self.test_recipient:
            name = re.sub("[^A-Za-z0-9.@-]", "_", self.test_recipient.casefold())
            return Ledger.open(folder / f"{month}-to-{name}.sqlite", clock, create=create)
        outside = self.context.journal_folder or output.parent / f"{output.name}-mailed"
        journals = folder / f"{month}.mailed", outside / f"{month}.mailed"
        return Ledger.open(folder / f"{month}.sqlite", clock, journals, create=create)


def open_mailing(context: MailContext, month: str = "", test_recipient: str = "") -> MonthlyMailing:
    """Read a month's briefs and address them.

    Raises ReportError if its briefs weren't made, or can't be read; SettingsError if no mail may go to the recipient of
    a test.
    """
    if month:
        paths.check_month(month)
    output, mail = context.notifier.output, context.settings.mail
    folders = sorted(
        path.parent for path in output.glob(f"*/{BRIEFS_FOLDER}") if MONTH_PATTERN.fullmatch(path.parent.name)
    )
    found = [path for path in folders if path.name == month] if month else folders[-1:]
    if not found:
        raise ReportError(
            f"{paths.shorten_path(output)}: {f'{month} was not' if month else 'no month was'} made with its briefs yet. "
            f"Make it first: make report{f' MONTH={month}' if month else ''}."
        )
    (folder,) = found
    facts = paths.read_facts(folder / "facts.json")
    briefs = {}
    if has_plays(facts):
        for segment, stem in zip(facts.segments, list_profile_file_names(facts), strict=True):
            briefs[segment.id] = _read_brief(folder / BRIEFS_FOLDER / f"{stem}.eml")
    messages = []
    if test_recipient:
        try:
            recipient = mail.admit_recipient(test_recipient)
        except ValueError as error:
            raise SettingsError(f"TO={test_recipient}: {error}. Nothing was sent.") from error
        messages = [_address_message(make_test_message(brief), recipient) for brief in briefs.values()]
    else:
        for segment in facts.segments if briefs else ():
            for recipient in mail.list_recipients(segment.id, segment.name):
                messages.append(_address_message(briefs[segment.id], recipient))
    return MonthlyMailing(context, facts, test_recipient, briefs, tuple(messages))


def send_month(
    context: MailContext, *, month: str = "", confirm: bool = False, to: str = "", accept: bool = False
) -> int:
    """Show who gets what; send it if confirmed.

    Parameters
    ----------
    month : str
        The month; empty for the newest that was made.
    to : str
        The one address that gets all briefs as a test, even if nobody else may be mailed.
    accept : bool
        Whether a person says that a month that is held is right. This holds until the month's file changes.

    Returns
    -------
    int
        0: done. 75: some mail waits, and a later run may send it. 1: a person is needed, because mail was refused or
        is unknown, something keeps the month from being mailed, or a recipient or the mail server is missing.
    """
    mailing = open_mailing(context, month, to)
    facts, notifier, outcome = mailing.facts, context.notifier, None
    sends = (confirm or bool(to)) and bool(mailing.messages) and notifier.server is not None
    with mailing.open_ledger(create=sends) as ledger:
        mailed = _find_mailed_segments(mailing, ledger)
        if accept:
            _accept_month(mailing, mailed)
        reason = policy.find_blocking_reason(
            facts, context.settings, notifier.output, notifier.data, explicit_month=bool(month), mailed_segments=mailed
        )
        notices = list_owner_notices(
            facts, context.settings.mail, notifier, explicit_month=bool(month or to), is_blocked=bool(reason)
        )
        _print_recipients(mailing)
        for notice in notices:
            notifier.print_line(f"{notice.subject}. {notice.text}")
        if reason and not to:
            notifier.print_line(f"Nobody is mailed: {reason.why}. {reason.text}")
            notices.insert(0, policy.make_blocked_notice(reason, facts, context.settings.mail))
        else:
            if reason:
                notifier.print_line(f"Without TO= nobody would be mailed: {reason.why}.")
            if notifier.server is None:
                _print_missing_server(mailing)
            if confirm or to:
                outcome = _send_briefs(mailing, ledger)
            else:
                _print_status(mailing, ledger, month)
    if to:
        return outcome.exit_status if outcome else 1
    return _notify_owner(mailing, notices, outcome) if confirm else 0


def apply_resolution(context: MailContext, resolution: str, *, month: str = "", to: str = "") -> int:
    """Record a person's finding: "3:sent", "3:again" or "all:sent"."""
    found = re.fullmatch(r"([0-9]{1,9}|all):(sent|again)", resolution)
    if not found:
        raise ReportError(
            f"RESOLVE={resolution} can't be read. Write a message's number, or all, and what was found: RESOLVE=3:sent or "
            "RESOLVE=3:again."
        )
    mailing = open_mailing(context, month, to)
    arguments = mailing.make_arguments
    if not month:
        raise ReportError(
            f"RESOLVE={resolution} names no month, and each has numbers of its own. Say which: `make send {arguments} RESOLVE={resolution}`."
        )
    decision = cast("Resolution", found[2])
    with mailing.open_ledger(create=True) as ledger:
        _find_mailed_segments(mailing, ledger)
        if found[1] == "all":
            ledger.resolve_all_deliveries(decision, mailing.messages)
        else:
            ledger.resolve_delivery(int(found[1]), decision, mailing.messages)
        if decision == "sent" and not to:
            policy.record_mailed_set(mailing.facts, context.notifier.output)
        status = read_delivery_status(mailing.messages, ledger)
    context.notifier.print_line(status.format_table(arguments))
    if status.counts["waiting"]:
        confirm = "" if to else " CONFIRM=yes"
        context.notifier.print_line(f"What waits goes out by `make send {arguments}{confirm}`.")
    return 0


def _find_mailed_segments(mailing: MonthlyMailing, ledger: Ledger) -> set[str]:
    """Return segments whose brief somebody may have.

    If a mark says that mailing has begun, and the ledger knows of nothing, everybody may have a brief.
    """
    if mailing.test_recipient:
        return set()
    month, known = mailing.facts.month, ledger.list_deliveries(include_all=True)
    ids = parse_segment_ids((one.message_id for one in known), month)
    if not ids and policy.list_mailed_sets(mailing.facts, mailing.context.notifier.output):
        ledger.enqueue_messages(mailing.messages)
        for message in mailing.messages:
            ledger.record_handover(message, "the ledger is new, and a mark beside it says that this month was mailed")
    return parse_segment_ids(ledger.list_delivered_ids(), month)


def _accept_month(mailing: MonthlyMailing, mailed_segments: set[str]) -> None:
    """Accept a held month, and say so."""
    context, month = mailing.context, format_month(mailing.facts.month)
    reasons = policy.accept_month(
        mailing.facts, context.notifier.output, mailed_segments, default_output=context.default_output
    )
    lines = [f"{reason.why[:1].upper()}{reason.why[1:]}: {reason.text}" for reason in reasons]
    context.notifier.print_line(
        f"{' '.join(lines)}\n{month} is accepted as it is, and no longer held."
        if reasons
        else f"Nothing holds {month}, or it was accepted before: there is nothing to accept."
    )


def _send_briefs(mailing: MonthlyMailing, ledger: Ledger) -> DeliverySummary | None:
    """Send every message; None if impossible."""
    notifier = mailing.context.notifier
    if not mailing.messages or notifier.server is None:
        notifier.print_line("Nothing was sent" + ("." if mailing.messages else ": nobody is to get anything."))
        return None
    sender = _check_sender(mailing)
    if not mailing.test_recipient:
        # the ledger first: a mark without a ledger says that the ledger was lost
        ledger.enqueue_messages(mailing.messages)
        policy.record_mailed_set(mailing.facts, notifier.output)
    outcome = send_messages(
        mailing.messages,
        ledger,
        notifier.server,
        sender=sender,
        sleep=notifier.sleep,
        report_progress=notifier.print_line,
    )
    notifier.print_line(outcome.format_table(mailing.make_arguments))
    return outcome


def _notify_owner(mailing: MonthlyMailing, notices: Sequence[Notice], outcome: DeliverySummary | None) -> int:
    """Mail the owner the notices; return the exit code."""
    facts = mailing.facts
    if outcome and (notice := make_undelivered_notice(facts, outcome, mailing.make_arguments)):
        notices = [*notices, notice]
    # what stopped all messages, such as a wrong password, would stop a notice, too
    if not outcome or not outcome.stopped or outcome.counts["unknown"]:
        # no retries: the briefs have waited long enough, and the next run tells what fails now
        mailing.context.notifier.send_notices(
            notices, command="make send CONFIRM=yes", month=facts.month, retry_delays=()
        )
    status = outcome.exit_status if outcome else 1
    return status or int(any(not notice.harmless for notice in notices))


def _print_recipients(mailing: MonthlyMailing) -> None:
    """Print who gets which brief, and which nobody gets."""
    print_line, mail = mailing.context.notifier.print_line, mailing.context.settings.mail
    print_line(
        f"{format_month(mailing.facts.month)}: {format_counted_noun(len(mailing.briefs), 'brief')}, "
        f"{format_counted_noun(len(mailing.messages), 'message')}"
    )
    if mailing.facts.source.synthetic:
        print_line(
            f"  {mailing.facts.source.name} is the sample that comes with this program: its users are made up, and no offer should go by them."
        )
    for segment in mailing.facts.segments if mailing.briefs else ():
        raw, to = mailing.briefs[segment.id], mailing.test_recipient
        people = (to,) if to else mail.list_recipients(segment.id, segment.name)
        print_line(f"  {segment.id}  {read_header(raw, 'Subject')}  ({len(raw) / 1000:,.0f} KB)")
        print_line(f"      to {', '.join(people) or 'nobody: name somebody in [mail.recipients] of settings.toml'}")


def _print_status(mailing: MonthlyMailing, ledger: Ledger, month: str) -> None:
    """Print where messages stand, and how to send them."""
    context = mailing.context
    if mailing.messages:
        status = read_delivery_status(mailing.messages, ledger)
        context.notifier.print_line(status.format_table(mailing.make_arguments))
    output = paths.format_output_option(context.notifier.output, context.default_output)
    which = f"{f' MONTH={month}' if month else ''}{output}"
    context.notifier.print_line(
        f"Nothing was sent. To send: `make send CONFIRM=yes{which}`; all to one address as a test: "
        f"`make send TO=me@example.com{which}`."
    )


def _print_missing_server(mailing: MonthlyMailing) -> None:
    output = mailing.context.notifier.output
    folder = paths.shorten_path(output / mailing.facts.month / BRIEFS_FOLDER)
    mailing.context.notifier.print_line(
        "No mail server is configured: set SMTP_HOST and the rest in the environment or in .env, as docs/operations.md says under "
        f'"The briefs, by mail"; or send these by hand: {folder}/*.eml'
    )


def _check_sender(mailing: MonthlyMailing) -> str:
    """Return the sender, if all messages have it."""
    sender = mailing.context.settings.mail.sender
    if not sender:
        raise SettingsError(
            "settings.toml: [mail] names no sender. Say who the briefs are from, and run `make report` again. Nothing was sent."
        )
    for message in mailing.messages:
        found = read_header(message.raw, "From").addresses[0].addr_spec
        if found != sender:
            raise SettingsError(
                f"The briefs are from {found}, and settings.toml says {sender}. Run `make report` again. Nothing was sent."
            )
    return sender


def _address_message(raw: bytes, recipient: str) -> OutgoingMessage:
    return OutgoingMessage(read_message_id(raw), recipient, set_recipients(raw, recipient))


def _read_brief(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ReportError(
            f"{paths.shorten_path(file)}: can't be read ({error.strerror}). Make the month again: make report."
        ) from error

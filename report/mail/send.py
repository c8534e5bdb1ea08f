"""`make send`: who would get what, and with CONFIRM=yes the mail itself, once, if no gate is shut."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from report.errors import ReportError, SettingsError
from report.mail import concerns, policy
from report.mail.export import make_blocked_notice
from report.mail.postbox import MonthlyMailing, address_briefs, address_test_briefs, open_mailing
from report.operations.lenient import NoticeSettings
from report.operations.notices import Notice, OwnerNotifier
from report.settings import MailSettings, Settings
from report.storage import paths
from report.text.formatting import format_counted_noun, format_month
from report.transport import deliver
from report.transport.ledger import OutgoingMessage, Resolution, WallClock
from report.transport.message import read_header
from report.transport.server import MailServer
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class MailContext:
    """What sending needs of the world.

    Attributes
    ----------
    output, data : Path
        Where the months' folders and files lie.
    settings : Settings
        Who gets what.
    server : Server or None
        Where mail is handed in; None where none is configured.
    clock, sleep : callable
        The time now, with its zone; and to wait for some seconds.
    print_line : callable
        Told each line for the person.
    journal_folder : Path or None
        Folder of journals that all output folders share; None for one beside the output folder.
    """

    output: Path
    data: Path
    settings: Settings
    server: MailServer | None
    clock: WallClock
    sleep: Callable[[float], None]
    print_line: Callable[[str], None]
    journal_folder: Path | None = None

    @property
    def default_output(self) -> Path:
        """The output folder that is opened unasked."""
        return paths.ROOT / self.settings.data.output

    @property
    def notifier(self) -> OwnerNotifier:
        """From where the owner is told."""
        mail = self.mail
        to = NoticeSettings(
            mail.sender,
            mail.owner,
            mail.reply_to,
            mail.list_id,
            mail.unsubscribe,
            self.settings.brand.name,
        )
        return OwnerNotifier(self.output, self.data, to, self.server, self.clock, self.sleep, self.print_line)

    @property
    def mail(self) -> MailSettings:
        """Who gets what."""
        return self.settings.mail


def send_month(
    context: MailContext, *, month: str = "", confirm: bool = False, to: str = "", accept: bool = False
) -> int:
    """Show who would get what; and if it is confirmed, or goes to one address as a test, send it.

    Parameters
    ----------
    month : str
        The month; the newest that was made if empty.
    to : str
        The one address that gets all of them as a test, whatever gate is shut. A test has its own ledger.
    accept : bool
        Whether a person says that a month that is held is right. It is remembered, until the month's file is another.

    Returns
    -------
    int
        0, what was asked is done; 75, some mail waits and a later run may do; 1, a person is needed: mail was
        refused or is unknown, a gate is shut, or there is nobody to send to or nothing to send by.

    Raises
    ------
    ReportError
        If nothing was made, settings don't fit, or the ledger can't be used. Nothing was sent then, or the ledger
        knows what.
    """
    made = open_mailing(
        context.output,
        month,
        to,
        default_output=context.default_output,
        journal_folder=context.journal_folder,
    )
    messages = _list_messages(context, made)
    out = () if to else _find_mailed_segments(context, made, messages)
    if accept:
        context.print_line(
            _describe_acceptance(
                made.facts,
                policy.accept_month(made.facts, context.output, out, default_output=context.default_output),
            )
        )
    gate = policy.find_blocking_reason(
        made.facts,
        context.settings,
        context.output,
        context.data,
        explicit_month=bool(month),
        mailed_segments=out,
    )
    _print_recipients(context, made, messages, to)
    left = _print_concerns(context, made, asked=bool(month or to), shut=bool(gate))
    if gate and not to:
        context.print_line(f"Nobody is mailed: {gate.why}. {gate.text}")
        if confirm:
            _notify_owner(context, made, [make_blocked_notice(gate, made.facts, context.mail), *left])
        return int(confirm)
    if gate:
        context.print_line(f"Without TO= nobody would be mailed: {gate.why}.")
    if messages and not (confirm or to):
        context.print_line(_read_status(context, made, messages).format_table(made.format_make_arguments))
    if context.server is None:
        context.print_line(
            "No mail server is configured: set SMTP_HOST and the rest in the environment or in .env, as README says under "
            f'"The briefs, by mail"; or send these by hand: {paths.shorten_path(made.folder)}/*.eml'
        )
    if not (confirm or to):
        asked = f" MONTH={month}" if month else ""
        which = f"{asked}{paths.format_output_option(context.output, context.default_output)}"
        context.print_line(
            f"Nothing was sent. To send: `make send CONFIRM=yes{which}`; all to one address as a test: "
            f"`make send TO=me@example.com{which}`."
        )
        return 0
    if not messages or context.server is None:
        context.print_line("Nothing was sent" + ("." if messages else ": nobody is to get anything."))
        return _conclude_send(context, made, left, to) or 1
    made.ledger.parent.mkdir(exist_ok=True, mode=0o700)
    sender = _check_sender(context, messages)
    if not to:
        # the ledger first: the mark without it says that it was lost
        deliver.enqueue_messages(messages, made.ledger, clock=context.clock, journals=made.journals)
        policy.record_mailed_set(made.facts, context.output)
    outcome = deliver.send_messages(
        messages,
        made.ledger,
        context.server,
        sender=sender,
        clock=context.clock,
        sleep=context.sleep,
        report_progress=context.print_line,
        journals=made.journals,
    )
    context.print_line(outcome.format_table(made.format_make_arguments))
    return _conclude_send(context, made, left, to, outcome)


def _print_concerns(postman: MailContext, made: MonthlyMailing, *, asked: bool, shut: bool) -> list[Notice]:
    """Tell, and give, what keeps a brief from somebody before any is sent."""
    left = concerns.list_owner_notices(
        made, postman.mail, postman.notifier, explicit_month=asked, is_blocked=shut
    )
    for notice in left:
        postman.print_line(f"{notice.subject}. {notice.text}")
    return left


def _conclude_send(
    postman: MailContext,
    made: MonthlyMailing,
    left: list[Notice],
    to: str,
    outcome: deliver.DeliverySummary | None = None,
) -> int:
    """Tell the owner what is left for a person to do, and give the exit code; a test tells nobody."""
    status = outcome.exit_status if outcome else 0
    if to:
        return status
    if outcome and (notice := concerns.make_undelivered_notice(made, outcome)):
        left = [*left, notice]
    # what stopped them all, such as a wrong password, would stop a notice as well
    if not outcome or not outcome.stopped or outcome.counts["unknown"]:
        _notify_owner(postman, made, left)
    return status or int(any(not notice.harmless for notice in left))


def _list_messages(postman: MailContext, made: MonthlyMailing) -> list[OutgoingMessage]:
    """Give the messages that are to go out."""
    return list(
        address_test_briefs(made, postman.mail, made.to) if made.to else address_briefs(made, postman.mail)
    )


def _find_mailed_segments(
    postman: MailContext, made: MonthlyMailing, messages: Sequence[OutgoingMessage]
) -> set[str]:
    """Give the segments whose brief somebody has, or may have.

    Where marks say that the month began to be mailed and its ledger knows nothing of it, everybody may have one.
    """
    known = _read_status(postman, made, every_one=True).deliveries
    if policy.list_mailed_sets(made.facts, postman.output) and not made.extract_segment_ids(
        one.message_id for one in known
    ):
        why = "the ledger is new, and a mark beside it says that this month was mailed"
        deliver.enqueue_messages(
            messages, made.ledger, clock=postman.clock, journals=made.journals, unknown_reason=why
        )
    return made.extract_segment_ids(
        deliver.list_delivered_ids(made.ledger, clock=postman.clock, journals=made.journals)
    )


def _read_status(
    postman: MailContext,
    made: MonthlyMailing,
    messages: Sequence[OutgoingMessage] = (),
    *,
    every_one: bool = False,
) -> deliver.DeliverySummary:
    """Tell where messages stand."""
    return deliver.read_delivery_status(
        messages, made.ledger, clock=postman.clock, journals=made.journals, include_all=every_one
    )


def _describe_acceptance(facts: Facts, accepted: Sequence[policy.BlockingReason]) -> str:
    """Say what it means that a month is accepted."""
    if not accepted:
        return f"Nothing holds {format_month(facts.month)}, or it was accepted before: there is nothing to accept."
    why = " ".join(f"{gate.why[:1].upper()}{gate.why[1:]}: {gate.text}" for gate in accepted)
    return f"{why}\n{format_month(facts.month)} is accepted as it is, and no longer held."


def apply_resolution(context: MailContext, resolution: str, *, month: str = "", to: str = "") -> int:
    """Record what a person found out about a message, "3:sent" or "3:again"; or about all of them, "all:sent"."""
    found = re.fullmatch(r"([0-9]{1,9}|all):(sent|again)", resolution)
    if not found:
        raise ReportError(
            f"RESOLVE={resolution} can't be read. Write a message's number, or all, and what was found: RESOLVE=3:sent or "
            "RESOLVE=3:again."
        )
    made = open_mailing(
        context.output,
        month,
        to,
        default_output=context.default_output,
        journal_folder=context.journal_folder,
    )
    if not month:
        raise ReportError(
            f"RESOLVE={resolution} names no month, and each has numbers of its own. Say which: `make send {made.format_make_arguments} RESOLVE={resolution}`."
        )
    messages = _list_messages(context, made)
    if not to:
        _find_mailed_segments(context, made, messages)
    made.ledger.parent.mkdir(exist_ok=True, mode=0o700)
    deliver.resolve_deliveries(
        made.ledger,
        None if found[1] == "all" else int(found[1]),
        cast("Resolution", found[2]),
        messages,
        clock=context.clock,
        journals=made.journals,
    )
    if found[2] == "sent" and not to:
        policy.record_mailed_set(made.facts, context.output)
    outcome = _read_status(context, made, messages)
    context.print_line(outcome.format_table(made.format_make_arguments))
    if outcome.counts["waiting"]:
        context.print_line(
            f"What waits goes out by `make send {made.format_make_arguments}{'' if to else ' CONFIRM=yes'}`."
        )
    return 0


def _print_recipients(
    postman: MailContext, made: MonthlyMailing, messages: Sequence[OutgoingMessage], to: str
) -> None:
    """Tell who gets what, and who gets nothing."""
    kinds = list(made.briefs)
    postman.print_line(
        f"{format_month(made.facts.month)}: {format_counted_noun(len(kinds), 'brief')}, {format_counted_noun(len(messages), 'message')}"
    )
    for id_, name, raw in kinds:
        people = (to,) if to else postman.mail.list_recipients(id_, name)
        postman.print_line(f"  {id_}  {read_header(raw, 'Subject')}  ({len(raw) / 1000:,.0f} KB)")
        postman.print_line(
            f"      to {', '.join(people) or 'nobody: name somebody in [mail.recipients] of settings.toml'}"
        )


def _check_sender(postman: MailContext, messages: Sequence[OutgoingMessage]) -> str:
    """Give who it is from, if the messages say the same."""
    sender = postman.mail.sender
    if not sender:
        raise SettingsError(
            "settings.toml: [mail] names no sender. Say who the briefs are from, and run `make report` again. Nothing was sent."
        )
    for message in messages:
        said = read_header(message.raw, "From").addresses[0].addr_spec
        if said != sender:
            raise SettingsError(
                f"The briefs are from {said}, and settings.toml says {sender}. Run `make report` again. Nothing was sent."
            )
    return sender


def _notify_owner(postman: MailContext, made: MonthlyMailing, notices: Sequence[Notice]) -> None:
    """Mail the owner why somebody isn't mailed. What fails now waits for the next run: a brief has waited long enough."""
    postman.notifier.send_notices(
        notices, command="make send CONFIRM=yes", month=made.facts.month, retry_delays=()
    )

"""`make send`: who would get what, and with CONFIRM=yes the mail itself, once, if no gate is shut."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from report import concerns, delivery, files, gates
from report.errors import ReportError, SettingsError
from report.lenient import Addresses
from report.mailbag import notice_of
from report.mailserver import Server
from report.message import header
from report.notices import Desk, Notice
from report.outbox import Clock, Outgoing, Verdict
from report.postbox import Month, messages_of, open_month, tests_of
from report.settings import MailSettings, Settings
from report.written import counted, month_name
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class Postman:
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
    tell : callable
        Told each line for the person.
    mailed : Path or None
        Folder of journals that all output folders share; None for one beside the output folder.
    """

    output: Path
    data: Path
    settings: Settings
    server: Server | None
    clock: Clock
    sleep: Callable[[float], None]
    tell: Callable[[str], None]
    mailed: Path | None = None

    @property
    def usual(self) -> Path:
        """The output folder that is opened unasked."""
        return files.ROOT / self.settings.data.output

    @property
    def desk(self) -> Desk:
        """From where the owner is told."""
        mail = self.mail
        to = Addresses(
            mail.sender,
            mail.owner,
            mail.reply_to,
            mail.list_id,
            mail.unsubscribe,
            self.settings.brand.name,
        )
        return Desk(self.output, self.data, to, self.server, self.clock, self.sleep, self.tell)

    @property
    def mail(self) -> MailSettings:
        """Who gets what."""
        return self.settings.mail


def send_month(
    postman: Postman, *, month: str = "", confirm: bool = False, to: str = "", accept: bool = False
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
    made = open_month(postman.output, month, to, usual=postman.usual, mailed=postman.mailed)
    messages = _messages(postman, made)
    out = () if to else _open_ledger(postman, made, messages)
    if accept:
        postman.tell(_taken(made.facts, gates.accept(made.facts, postman.output, out, usual=postman.usual)))
    gate = gates.shut(made.facts, postman.settings, postman.output, postman.data, asked=bool(month), out=out)
    _show(postman, made, messages, to)
    left = _left(postman, made, asked=bool(month or to), shut=bool(gate))
    if gate and not to:
        postman.tell(f"Nobody is mailed: {gate.why}. {gate.text}")
        if confirm:
            _tell_owner(postman, made, [notice_of(gate, made.facts, postman.mail), *left])
        return int(confirm)
    if gate:
        postman.tell(f"Without TO= nobody would be mailed: {gate.why}.")
    if messages and not (confirm or to):
        postman.tell(_survey(postman, made, messages).table(made.named))
    if postman.server is None:
        postman.tell(
            "No mail server is configured: set SMTP_HOST and the rest in the environment or in .env, as README says under "
            f'"The briefs, by mail"; or send these by hand: {files.shown(made.folder)}/*.eml'
        )
    if not (confirm or to):
        asked = f" MONTH={month}" if month else ""
        which = f"{asked}{files.elsewhere(postman.output, postman.usual)}"
        postman.tell(
            f"Nothing was sent. To send: `make send CONFIRM=yes{which}`; all to one address as a test: "
            f"`make send TO=me@example.com{which}`."
        )
        return 0
    if not messages or postman.server is None:
        postman.tell("Nothing was sent" + ("." if messages else ": nobody is to get anything."))
        return _close(postman, made, left, to) or 1
    made.ledger.parent.mkdir(exist_ok=True, mode=0o700)
    sender = _sender(postman, messages)
    if not to:
        # the ledger first: the mark without it says that it was lost
        delivery.enrol(messages, made.ledger, clock=postman.clock, journals=made.journals)
        gates.begin(made.facts, postman.output)
    outcome = delivery.send(
        messages,
        made.ledger,
        postman.server,
        sender=sender,
        clock=postman.clock,
        sleep=postman.sleep,
        tell=postman.tell,
        journals=made.journals,
    )
    postman.tell(outcome.table(made.named))
    return _close(postman, made, left, to, outcome)


def _left(postman: Postman, made: Month, *, asked: bool, shut: bool) -> list[Notice]:
    """Tell, and give, what keeps a brief from somebody before any is sent."""
    left = concerns.list_concerns(made, postman.mail, postman.desk, asked=asked, shut=shut)
    for notice in left:
        postman.tell(f"{notice.subject}. {notice.text}")
    return left


def _close(
    postman: Postman, made: Month, left: list[Notice], to: str, outcome: delivery.Outcome | None = None
) -> int:
    """Tell the owner what is left for a person to do, and give the exit code; a test tells nobody."""
    status = outcome.exit_status if outcome else 0
    if to:
        return status
    if outcome and (notice := concerns.describe_undelivered(made, outcome)):
        left = [*left, notice]
    # what stopped them all, such as a wrong password, would stop a notice as well
    if not outcome or not outcome.stopped or outcome.counts["unknown"]:
        _tell_owner(postman, made, left)
    return status or int(any(not notice.harmless for notice in left))


def _messages(postman: Postman, made: Month) -> list[Outgoing]:
    """Give the messages that are to go out."""
    return list(tests_of(made, postman.mail, made.to) if made.to else messages_of(made, postman.mail))


def _open_ledger(postman: Postman, made: Month, messages: Sequence[Outgoing]) -> set[str]:
    """Give the segments whose brief somebody has, or may have.

    Where marks say that the month began to be mailed and its ledger knows nothing of it, everybody may have one.
    """
    known = _survey(postman, made, every_one=True).deliveries
    if gates.begun(made.facts, postman.output) and not made.of(one.message_id for one in known):
        why = "the ledger is new, and a mark beside it says that this month was mailed"
        delivery.enrol(messages, made.ledger, clock=postman.clock, journals=made.journals, doubtful=why)
    return made.of(delivery.list_delivered(made.ledger, clock=postman.clock, journals=made.journals))


def _survey(
    postman: Postman, made: Month, messages: Sequence[Outgoing] = (), *, every_one: bool = False
) -> delivery.Outcome:
    """Tell where messages stand."""
    return delivery.survey(
        messages, made.ledger, clock=postman.clock, journals=made.journals, every_one=every_one
    )


def _taken(facts: Facts, accepted: Sequence[gates.Gate]) -> str:
    """Say what it means that a month is accepted."""
    if not accepted:
        return (
            f"Nothing holds {month_name(facts.month)}, or it was accepted before: there is nothing to accept."
        )
    why = " ".join(f"{gate.why[:1].upper()}{gate.why[1:]}: {gate.text}" for gate in accepted)
    return f"{why}\n{month_name(facts.month)} is accepted as it is, and no longer held."


def resolve(postman: Postman, said: str, *, month: str = "", to: str = "") -> int:
    """Record what a person found out about a message, "3:sent" or "3:again"; or about all of them, "all:sent"."""
    found = re.fullmatch(r"([0-9]{1,9}|all):(sent|again)", said)
    if not found:
        raise ReportError(
            f"RESOLVE={said} can't be read. Write a message's number, or all, and what was found: RESOLVE=3:sent or "
            "RESOLVE=3:again."
        )
    made = open_month(postman.output, month, to, usual=postman.usual, mailed=postman.mailed)
    if not month:
        raise ReportError(
            f"RESOLVE={said} names no month, and each has numbers of its own. Say which: `make send {made.named} RESOLVE={said}`."
        )
    messages = _messages(postman, made)
    if not to:
        _open_ledger(postman, made, messages)
    made.ledger.parent.mkdir(exist_ok=True, mode=0o700)
    delivery.resolve(
        made.ledger,
        None if found[1] == "all" else int(found[1]),
        cast("Verdict", found[2]),
        messages,
        clock=postman.clock,
        journals=made.journals,
    )
    if found[2] == "sent" and not to:
        gates.begin(made.facts, postman.output)
    outcome = _survey(postman, made, messages)
    postman.tell(outcome.table(made.named))
    if outcome.counts["waiting"]:
        postman.tell(f"What waits goes out by `make send {made.named}{'' if to else ' CONFIRM=yes'}`.")
    return 0


def _show(postman: Postman, made: Month, messages: Sequence[Outgoing], to: str) -> None:
    """Tell who gets what, and who gets nothing."""
    kinds = list(made.letters)
    postman.tell(
        f"{month_name(made.facts.month)}: {counted(len(kinds), 'brief')}, {counted(len(messages), 'message')}"
    )
    for id_, name, raw in kinds:
        people = (to,) if to else postman.mail.of(id_, name)
        postman.tell(f"  {id_}  {header(raw, 'Subject')}  ({len(raw) / 1000:,.0f} KB)")
        postman.tell(
            f"      to {', '.join(people) or 'nobody: name somebody in [mail.recipients] of settings.toml'}"
        )


def _sender(postman: Postman, messages: Sequence[Outgoing]) -> str:
    """Give who it is from, if the messages say the same."""
    sender = postman.mail.sender
    if not sender:
        raise SettingsError(
            "settings.toml: [mail] names no sender. Say who the briefs are from, and run `make report` again. Nothing was sent."
        )
    for message in messages:
        said = header(message.raw, "From").addresses[0].addr_spec
        if said != sender:
            raise SettingsError(
                f"The briefs are from {said}, and settings.toml says {sender}. Run `make report` again. Nothing was sent."
            )
    return sender


def _tell_owner(postman: Postman, made: Month, notices: Sequence[Notice]) -> None:
    """Mail the owner why somebody isn't mailed. What fails now waits for the next run: a brief has waited long enough."""
    postman.desk.mail(notices, command="make send CONFIRM=yes", month=made.facts.month, pauses=())

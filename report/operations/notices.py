"""What the owner is told by mail.

Imports the standard library alone, so that a failed set-up can be told. Each notice has a key,
and the ledger of notices sends each key once.
"""

import hashlib
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from report.errors import ReportError
from report.operations.lenient import (
    NoticeSettings,
    fill_missing_addresses,
    read_mail_server_leniently,
    read_notice_settings,
)
from report.storage import atomic
from report.storage.months import MONTH_PATTERN, find_newest_month_file, format_month, read_clock
from report.storage.runlog import read_last_run
from report.transport import deliver
from report.transport.ledger import OutgoingMessage, WallClock
from report.transport.message import make_notice_message, parse_segment_ids, read_message_id, set_recipients
from report.transport.server import MailServer

PROJECT_ROOT = Path(__file__).parents[2]
UNATTENDED_LOG = "unattended.log"
_URL_CREDENTIALS = re.compile(r"(?<=://)\S*@")  # user and password in an address


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the owner is told.

    Attributes
    ----------
    key : str
        What makes it one and the same, such as "2026-11.missing".
    subject, text : str
        What the mail says; the text says what to do.
    harmless : bool
        Whether the exit code stays what it is.
    """

    key: str
    subject: str
    text: str
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class OwnerNotifier:
    """From where, and by what, the owner is told.

    Attributes
    ----------
    output, data : Path
        Where the months' folders and files lie.
    addresses : Addresses
        From whom, and to whom.
    server : Server or None
        Where mail is handed in.
    clock, sleep, print_line : callable
        The time now; to wait for some seconds; told each line for the terminal.
    """

    output: Path
    data: Path
    addresses: NoticeSettings
    server: MailServer | None
    clock: WallClock = read_clock
    sleep: Callable[[float], None] = time.sleep
    print_line: Callable[[str], None] = print

    @classmethod
    def from_settings(cls, environ: Mapping[str, str]) -> "OwnerNotifier":
        """Set one up from settings.toml and `.env`, however broken they are."""
        settings = PROJECT_ROOT / "settings.toml"
        found = read_notice_settings(settings)
        output = Path(environ.get("OUTPUT") or PROJECT_ROOT / found.output)
        run = read_last_run(output)
        return cls(
            output,
            PROJECT_ROOT / found.folder,
            fill_missing_addresses(found, settings, run.sender, run.owner) if run else found,
            read_mail_server_leniently(PROJECT_ROOT / ".env", environ),
        )

    def send_notices(
        self, notices: Sequence[Notice], *, command: str, month: str, retry_delays: Sequence[float]
    ) -> int:
        """Mail the owner these notices, each once; give the exit code.

        Parameters
        ----------
        command : str
            What was run, such as "make report".
        month : str
            Which month it is about.
        retry_delays : sequence of float
            As for `delivery.send_messages`.
        """
        to = self.addresses
        there = {"mail.owner": to.owner, "mail.sender": to.sender, "a mail server": self.server}
        missing = [name for name, found in there.items() if not found]
        if not notices:
            return 0
        if missing or self.server is None:
            be = "is" if len(missing) == 1 else "are"
            unread = ", or can't be read" if to.broken else ""
            self.print_line(f"Nobody was told by mail: {' and '.join(missing)} {be} not set{unread}.")
            return 1
        origin = self._describe_origin(command, month)
        messages = []
        for notice in notices:
            text = self.server.redact_password(_URL_CREDENTIALS.sub("***@", f"{notice.text}\n\n{origin}\n"))
            raw = make_notice_message(
                key=f"{notice.key}.notice",
                subject=notice.subject,
                brand=to.brand,
                text=text,
                mail=to,
                now=self.clock(),
            )
            messages.append(OutgoingMessage(read_message_id(raw), to.owner, set_recipients(raw, to.owner)))
        try:
            outcome = self._deliver_messages(
                messages, self.output / "outbox" / "notices.sqlite", retry_delays
            )
        except (ReportError, OSError) as error:
            self.print_line(f"{error} The owner is told without it.")
            with tempfile.TemporaryDirectory() as folder:
                outcome = self._deliver_messages(messages, Path(folder) / "notices.sqlite", retry_delays)
        self.print_line(f"The owner is told by mail:\n{outcome.format_table(None)}")
        return outcome.exit_status

    def _deliver_messages(
        self, messages: Sequence[OutgoingMessage], ledger: Path, pauses: Sequence[float]
    ) -> deliver.DeliverySummary:
        assert self.server is not None  # noqa: S101 - `mail` has looked
        ledger.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return deliver.send_messages(
            messages,
            ledger,
            self.server,
            sender=self.addresses.sender,
            clock=self.clock,
            sleep=self.sleep,
            report_progress=self.print_line,
            retry_delays=pauses,
        )

    def _describe_origin(self, command: str, month: str) -> str:
        """Say where a notice comes from, and what was mailed before."""
        newest = find_newest_month_file(self.data)
        log = self.output.resolve() / UNATTENDED_LOG
        lines = {
            "Mailed before": self._describe_mailed_briefs(month),
            "Month": format_month(month) if month else "the newest",
            "Newest file": newest or f"none in {self.data}",
            "Command": command,
            "Host": socket.gethostname(),
            "Folder": PROJECT_ROOT,
            "Log": log if log.exists() else "none: it was run by hand",
            "Time": f"{self.clock():%Y-%m-%d %H:%M %Z}",
        }
        return "\n".join(f"{name}: {said}" for name, said in lines.items())

    def _describe_mailed_briefs(self, month: str) -> str:
        """Say which briefs of the month somebody has, or may have."""
        if not month:
            return "not known, for no month was found"
        try:
            ledger = self.output / "outbox" / f"{month}.sqlite"
            out = deliver.list_delivered_ids(ledger, clock=self.clock)
        except (ReportError, OSError) as error:
            return f"not known: {error}"
        ids = sorted(parse_segment_ids(out, month))
        return (
            f"the briefs of {', '.join(ids)} of {format_month(month)}"
            if ids
            else f"no brief of {format_month(month)}"
        )


def make_failure_notice(command: str, why: str, *, month: str, at: datetime) -> Notice:
    """Say that a command failed, and what to do.

    Told once a day for each reason.
    """
    what = f"the newest month ({format_month(month)})" if month else "the newest month"
    reason = hashlib.sha256(f"{command}{why}".encode()).hexdigest()[:8]
    mailed = command.startswith("make send")
    return Notice(
        key=f"{month or 'newest'}.run-{at:%Y-%m-%d}-{reason}",
        subject=(
            f"The segment briefs of {format_month(month) if month else 'the newest month'} were not all mailed"
            if mailed
            else f"The listener report of {format_month(month) if month else 'the newest month'} was not made"
        ),
        text=(
            f"`{command}` for {what} failed:\n\n{why}\n\nTo do: correct this, then run `make unattended` in the folder "
            f"named below. {'Who has a brief already gets no second one.' if mailed else 'The last good report is as it was.'}"
        ),
    )


def notify_last_failure(notifier: OwnerNotifier) -> int:
    """Mail the owner that the last run failed, if it did.

    Gives the exit code: 0 if there is nothing to tell, or it was sent.
    """
    run = read_last_run(notifier.output)
    if run is None or run.state == "done" or (run.state == "running" and atomic.is_locked(notifier.output)):
        notifier.print_line("The last run did not fail, or is still at work: there is nothing to tell.")
        return 0
    at = (
        datetime.fromisoformat(run.at) if run.at else notifier.clock()
    )  # a note that can't be read has no time
    month = run.month or find_run_month(notifier, {})
    why = run.why if run.state == "failed" else run.sentence
    notice = make_failure_notice("make report", why, month=month, at=at)
    return notifier.send_notices(
        [notice], command="make report", month=month, retry_delays=deliver.RETRY_DELAYS
    )


def find_run_month(notifier: OwnerNotifier, environ: Mapping[str, str]) -> str:
    """Give the month that a run is about.

    The one asked for, else that of the newest file; empty where there is none.
    """
    newest, asked = find_newest_month_file(notifier.data), environ.get("MONTH", "")
    return asked if MONTH_PATTERN.fullmatch(asked) else newest.stem if newest else ""


def run_notify() -> int:
    """Run `make notify`."""
    return notify_last_failure(OwnerNotifier.from_settings(os.environ))


if __name__ == "__main__":
    try:
        sys.exit(run_notify())
    except (ReportError, OSError) as error:
        sys.exit(f"make notify: {error}")

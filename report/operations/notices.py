"""Notices: mail to the owner about problems.

Imports the standard library alone, to report a failed set-up. Each notice has a key, and is sent once.
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
from typing import Self

from report.errors import ReportError
from report.operations.lenient import fill_missing_addresses, read_mail_server_leniently, read_notice_settings
from report.storage import atomic
from report.storage.months import MONTH_PATTERN, find_newest_month_file, format_month, read_clock
from report.storage.runlog import read_last_run
from report.transport import deliver
from report.transport.ledger import Ledger, OutgoingMessage, WallClock
from report.transport.message import (
    SenderIdentity,
    make_notice_message,
    parse_segment_ids,
    read_message_id,
    set_recipients,
)
from report.transport.server import MailServer

PROJECT_ROOT = Path(__file__).parents[2]
UNATTENDED_LOG = "unattended.log"
_URL_CREDENTIALS = re.compile(r"(?<=://)\S*@")  # user and password in an address


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the owner is told."""

    key: str  # identifies it, such as "2026-11.missing"; sent once
    subject: str
    text: str  # says what to do
    harmless: bool = False  # whether the exit code stays 0


@dataclass(frozen=True, slots=True)
class OwnerNotifier:
    """Mails notices to the owner, each once."""

    output: Path  # the months' folders, and the ledgers
    data: Path  # the months' files
    identity: SenderIdentity
    server: MailServer | None  # None where none is configured
    clock: WallClock = read_clock
    sleep: Callable[[float], None] = time.sleep
    print_line: Callable[[str], None] = print  # gets each line for the terminal
    broken: bool = False  # whether settings.toml could not be read

    @classmethod
    def from_settings(cls, environ: Mapping[str, str]) -> Self:
        """Build one from settings.toml and `.env`, however broken."""
        path = PROJECT_ROOT / "settings.toml"
        settings = read_notice_settings(path)
        output = Path(environ.get("OUTPUT") or PROJECT_ROOT / settings.output)
        run, identity = read_last_run(output), settings.identity
        return cls(
            output,
            PROJECT_ROOT / settings.folder,
            fill_missing_addresses(identity, path, run.sender, run.owner) if run else identity,
            read_mail_server_leniently(PROJECT_ROOT / ".env", environ),
            broken=settings.broken,
        )

    def send_notices(
        self, notices: Sequence[Notice], *, command: str, month: str, retry_delays: Sequence[float]
    ) -> int:
        """Mail each notice once; return the exit code.

        It says which command was run, such as "make report", and for which month.
        """
        if not notices:
            return 0
        identity, server = self.identity, self.server
        needed = {"mail.owner": identity.owner, "mail.sender": identity.sender, "a mail server": server}
        missing = [name for name, value in needed.items() if not value]
        if missing or server is None:
            be = "is" if len(missing) == 1 else "are"
            unread = ", or can't be read" if self.broken else ""
            self.print_line(f"Nobody was told by mail: {' and '.join(missing)} {be} not set{unread}.")
            return 1
        origin = self._describe_origin(command, month)
        messages = []
        for notice in notices:
            raw = make_notice_message(
                key=f"{notice.key}.notice",
                subject=notice.subject,
                text=server.redact_password(_URL_CREDENTIALS.sub("***@", f"{notice.text}\n\n{origin}\n")),
                identity=identity,
                now=self.clock(),
            )
            raw = set_recipients(raw, identity.owner)
            messages.append(OutgoingMessage(read_message_id(raw), identity.owner, raw))
        try:
            outcome = self._deliver_messages(messages, server, self.output / "outbox", retry_delays)
        except (ReportError, OSError) as error:
            self.print_line(f"{error} The owner is told without it.")
            with tempfile.TemporaryDirectory() as folder:
                outcome = self._deliver_messages(messages, server, Path(folder), retry_delays)
        self.print_line(f"The owner is told by mail:\n{outcome.format_table(None)}")
        return outcome.exit_status

    def _deliver_messages(
        self, messages: Sequence[OutgoingMessage], server: MailServer, folder: Path, retry_delays: Sequence[float]
    ) -> deliver.DeliverySummary:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Ledger.open(folder / "notices.sqlite", self.clock) as ledger:
            return deliver.send_messages(
                messages,
                ledger,
                server,
                sender=self.identity.sender,
                sleep=self.sleep,
                report_progress=self.print_line,
                retry_delays=retry_delays,
            )

    def _describe_origin(self, command: str, month: str) -> str:
        """Describe the machine and run behind a notice."""
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
        return "\n".join(f"{name}: {value}" for name, value in lines.items())

    def _describe_mailed_briefs(self, month: str) -> str:
        """List the briefs that somebody has, or may have."""
        if not month:
            return "not known, for no month was found"
        try:
            file = self.output / "outbox" / f"{month}.sqlite"
            with Ledger.open(file, self.clock, create=False) as ledger:
                ids = sorted(parse_segment_ids(ledger.list_delivered_ids(), month))
        except (ReportError, OSError) as error:
            return f"not known: {error}"
        briefs = f"the briefs of {', '.join(ids)}" if ids else "no brief"
        return f"{briefs} of {format_month(month)}"


def hash_parts(*parts: object) -> str:
    """Return a short hash for a notice's key."""
    return hashlib.sha256("".join(map(str, parts)).encode()).hexdigest()[:8]


def make_failure_notice(command: str, why: str, *, month: str, at: datetime) -> Notice:
    """Return a notice that a command failed.

    Its key makes it one notice a day for each reason.
    """
    name = format_month(month) if month else "the newest month"
    what = f"the newest month ({name})" if month else name
    mailed = command.startswith("make send")
    return Notice(
        key=f"{month or 'newest'}.run-{at:%Y-%m-%d}-{hash_parts(command, why)}",
        subject=(
            f"The segment briefs of {name} were not all mailed"
            if mailed
            else f"The listener report of {name} was not made"
        ),
        text=(
            f"`{command}` for {what} failed:\n\n{why}\n\nTo do: correct this, then run `make unattended` in the folder "
            f"named below. {'Who has a brief already gets no second one.' if mailed else 'The last good report is as it was.'}"
        ),
    )


def notify_last_failure(notifier: OwnerNotifier) -> int:
    """Mail the owner if the last run failed.

    The exit code is 0 if there was nothing to tell, or it was sent.
    """
    run = read_last_run(notifier.output)
    if run is None or run.state == "done" or (run.state == "running" and atomic.is_locked(notifier.output)):
        notifier.print_line("The last run did not fail, or is still at work: there is nothing to tell.")
        return 0
    at = datetime.fromisoformat(run.at) if run.at else notifier.clock()  # an unreadable note has no time
    month = run.month or find_run_month(notifier, {})
    why = run.why if run.state == "failed" else run.sentence
    notice = make_failure_notice("make report", why, month=month, at=at)
    return notifier.send_notices([notice], command="make report", month=month, retry_delays=deliver.RETRY_DELAYS)


def find_run_month(notifier: OwnerNotifier, environ: Mapping[str, str]) -> str:
    """Return MONTH, else the newest file's month, else ""."""
    newest, requested = find_newest_month_file(notifier.data), environ.get("MONTH", "")
    return requested if MONTH_PATTERN.fullmatch(requested) else newest.stem if newest else ""


def run_notify() -> int:
    """Tell the owner of a failed run; return 0 or 1."""
    return notify_last_failure(OwnerNotifier.from_settings(os.environ))


if __name__ == "__main__":
    try:
        sys.exit(run_notify())
    except (ReportError, OSError) as error:
        sys.exit(f"make notify: {error}")

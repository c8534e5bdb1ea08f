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

from report import delivery, exchange
from report.errors import ReportError
from report.lastrun import last_run
from report.lenient import Addresses, fill_in, read_addresses, read_any_server
from report.mailserver import Server
from report.message import addressed, make_notice, message_id, segments_of
from report.months import MONTH, month_name, newest_file, read_clock
from report.outbox import Clock, Outgoing

ROOT = Path(__file__).parent.parent
LOG = "unattended.log"
_USER = re.compile(r"(?<=://)\S*@")  # user and password in an address


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
class Desk:
    """From where, and by what, the owner is told.

    Attributes
    ----------
    output, data : Path
        Where the months' folders and files lie.
    addresses : Addresses
        From whom, and to whom.
    server : Server or None
        Where mail is handed in.
    clock, sleep, tell : callable
        The time now; to wait for some seconds; told each line for the terminal.
    """

    output: Path
    data: Path
    addresses: Addresses
    server: Server | None
    clock: Clock = read_clock
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = print

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Desk":
        """Set one up from settings.toml and `.env`, however broken they are."""
        settings = ROOT / "settings.toml"
        found = read_addresses(settings)
        output = Path(environ.get("OUTPUT") or ROOT / found.output)
        run = last_run(output)
        return cls(
            output,
            ROOT / found.folder,
            fill_in(found, settings, run.sender, run.owner) if run else found,
            read_any_server(ROOT / ".env", environ),
        )

    def mail(self, notices: Sequence[Notice], *, command: str, month: str, pauses: Sequence[float]) -> int:
        """Mail the owner these notices, each once; give the exit code.

        Parameters
        ----------
        command : str
            What was run, such as "make report".
        month : str
            Which month it is about.
        pauses : sequence of float
            As for `delivery.send`.
        """
        to = self.addresses
        there = {"mail.owner": to.owner, "mail.sender": to.sender, "a mail server": self.server}
        missing = [name for name, found in there.items() if not found]
        if not notices:
            return 0
        if missing or self.server is None:
            be = "is" if len(missing) == 1 else "are"
            unread = ", or can't be read" if to.broken else ""
            self.tell(f"Nobody was told by mail: {' and '.join(missing)} {be} not set{unread}.")
            return 1
        origin = self._origin(command, month)
        messages = []
        for notice in notices:
            text = self.server.hide(_USER.sub("***@", f"{notice.text}\n\n{origin}\n"))
            raw = make_notice(
                key=f"{notice.key}.notice",
                subject=notice.subject,
                brand=to.brand,
                text=text,
                mail=to,
                now=self.clock(),
            )
            messages.append(Outgoing(message_id(raw), to.owner, addressed(raw, to.owner)))
        try:
            outcome = self._send(messages, self.output / "outbox" / "notices.sqlite", pauses)
        except (ReportError, OSError) as error:
            self.tell(f"{error} The owner is told without it.")
            with tempfile.TemporaryDirectory() as folder:
                outcome = self._send(messages, Path(folder) / "notices.sqlite", pauses)
        self.tell(f"The owner is told by mail:\n{outcome.table(None)}")
        return outcome.exit_status

    def _send(self, messages: Sequence[Outgoing], ledger: Path, pauses: Sequence[float]) -> delivery.Outcome:
        assert self.server is not None  # noqa: S101 - `mail` has looked
        ledger.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return delivery.send(
            messages,
            ledger,
            self.server,
            sender=self.addresses.sender,
            clock=self.clock,
            sleep=self.sleep,
            tell=self.tell,
            pauses=pauses,
        )

    def _origin(self, command: str, month: str) -> str:
        """Say where a notice comes from, and what was mailed before."""
        newest = newest_file(self.data)
        log = self.output.resolve() / LOG
        lines = {
            "Mailed before": self._mailed_before(month),
            "Month": month_name(month) if month else "the newest",
            "Newest file": newest or f"none in {self.data}",
            "Command": command,
            "Host": socket.gethostname(),
            "Folder": ROOT,
            "Log": log if log.exists() else "none: it was run by hand",
            "Time": f"{self.clock():%Y-%m-%d %H:%M %Z}",
        }
        return "\n".join(f"{name}: {said}" for name, said in lines.items())

    def _mailed_before(self, month: str) -> str:
        """Say which briefs of the month somebody has, or may have."""
        if not month:
            return "not known, for no month was found"
        try:
            ledger = self.output / "outbox" / f"{month}.sqlite"
            out = delivery.list_delivered(ledger, clock=self.clock)
        except (ReportError, OSError) as error:
            return f"not known: {error}"
        ids = sorted(segments_of(out, month))
        return (
            f"the briefs of {', '.join(ids)} of {month_name(month)}"
            if ids
            else f"no brief of {month_name(month)}"
        )


def describe_failure(command: str, why: str, *, month: str, at: datetime) -> Notice:
    """Say that a command failed, and what to do.

    Told once a day for each reason.
    """
    what = f"the newest month ({month_name(month)})" if month else "the newest month"
    reason = hashlib.sha256(f"{command}{why}".encode()).hexdigest()[:8]
    mailed = command.startswith("make send")
    return Notice(
        key=f"{month or 'newest'}.run-{at:%Y-%m-%d}-{reason}",
        subject=(
            f"The segment briefs of {month_name(month) if month else 'the newest month'} were not all mailed"
            if mailed
            else f"The listener report of {month_name(month) if month else 'the newest month'} was not made"
        ),
        text=(
            f"`{command}` for {what} failed:\n\n{why}\n\nTo do: correct this, then run `make unattended` in the folder "
            f"named below. {'Who has a brief already gets no second one.' if mailed else 'The last good report is as it was.'}"
        ),
    )


def notify(desk: Desk) -> int:
    """Mail the owner that the last run failed, if it did.

    Gives the exit code: 0 if there is nothing to tell, or it was sent.
    """
    run = last_run(desk.output)
    if run is None or run.state == "done" or (run.state == "running" and exchange.at_work(desk.output)):
        desk.tell("The last run did not fail, or is still at work: there is nothing to tell.")
        return 0
    at = datetime.fromisoformat(run.at) if run.at else desk.clock()  # a note that can't be read has no time
    month = run.month or choose_month(desk, {})
    why = run.why if run.state == "failed" else run.sentence
    notice = describe_failure("make report", why, month=month, at=at)
    return desk.mail([notice], command="make report", month=month, pauses=delivery.PAUSES)


def choose_month(desk: Desk, environ: Mapping[str, str]) -> str:
    """Give the month that a run is about.

    The one asked for, else that of the newest file; empty where there is none.
    """
    newest, asked = newest_file(desk.data), environ.get("MONTH", "")
    return asked if MONTH.fullmatch(asked) else newest.stem if newest else ""


def main() -> int:
    """Run `make notify`."""
    return notify(Desk.read(os.environ))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ReportError, OSError) as error:
        sys.exit(f"make notify: {error}")

"""A month that was made, as mail: its briefs, and one message for each of their recipients."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from report.errors import ReportError, SettingsError
from report.mail.export import BRIEFS_FOLDER
from report.pages.profiles import list_profile_file_names
from report.settings import MailSettings
from report.storage import paths
from report.storage.months import MONTH_PATTERN
from report.transport.ledger import OutgoingMessage
from report.transport.message import (
    make_test_message,
    parse_segment_ids,
    read_header,
    read_message_id,
    set_recipients,
)
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class MonthlyMailing:
    """A month that was made, with its briefs.

    Attributes
    ----------
    facts : Facts
        The month.
    folder, ledger : Path
        Where its briefs lie, and who has what.
    to : str
        The one address that they go to as a test; empty where they go to whom settings name.
    default_output : Path
        The output folder that `make send` opens unasked.
    journal_folder : Path or None
        Folder of journals that all output folders share; None for one beside the output folder.
    """

    facts: Facts
    folder: Path
    ledger: Path
    to: str = ""
    default_output: Path = paths.DEFAULT_OUTPUT
    journal_folder: Path | None = None

    @property
    def format_make_arguments(self) -> str:
        """What names its ledger to `make send`."""
        to = f" TO={self.to}" if self.to else ""
        return f"MONTH={self.facts.month}{to}{paths.format_output_option(self.ledger.parent.parent, self.default_output)}"

    @property
    def journals(self) -> tuple[Path, ...]:
        """Where handovers are written down: beside the ledger, and outside of the folder of all months.

        The second outlives a folder of months that is lost, or put back from a backup. It also knows what went out from
        another output folder. A test needs neither.
        """
        output, name = self.ledger.parent.parent.absolute(), f"{self.ledger.stem}.mailed"
        outside = self.journal_folder or output.parent / f"{output.name}-mailed"
        return () if self.to else (self.ledger.with_name(name), outside / name)

    def extract_segment_ids(self, ids: Iterable[str]) -> set[str]:
        """Give the segments that Message-IDs of this month's briefs are of."""
        return parse_segment_ids(ids, self.facts.month)

    @property
    def briefs(self) -> Iterator[tuple[str, str, bytes]]:
        """Give each segment's id, name and brief; none where the month has no reliable segments."""
        for segment, stem in zip(self.facts.segments, list_profile_file_names(self.facts), strict=True):
            path = self.folder / f"{stem}.eml"
            if self.facts.structure.reliable:
                yield segment.id, segment.name, _read_eml(path)

    @property
    def read_date_written(self) -> datetime:
        """When the first of its messages was written."""
        return parsedate_to_datetime(str(read_header(_read_eml(min(self.folder.glob("*.eml"))), "Date")))


def open_mailing(
    output: Path,
    month: str,
    to: str = "",
    *,
    default_output: Path = paths.DEFAULT_OUTPUT,
    journal_folder: Path | None = None,
) -> MonthlyMailing:
    """Open a month that was made, the newest if none is named.

    Raises
    ------
    ReportError
        If it wasn't made.
    """
    if month:
        paths.check_month(month)
    there = sorted(
        path.parent for path in output.glob(f"*/{BRIEFS_FOLDER}") if MONTH_PATTERN.fullmatch(path.parent.name)
    )
    found = [path for path in there if path.name == month] if month else there[-1:]
    if not found:
        raise ReportError(
            f"{paths.shorten_path(output)}: {f'{month} was not' if month else 'no month was'} made with its briefs yet. "
            f"Make it first: make report{f' MONTH={month}' if month else ''}."
        )
    facts = paths.read_facts(found[0] / "facts.json")
    test = f"-to-{re.sub('[^A-Za-z0-9.@-]', '_', to.casefold())}" if to else ""
    ledger = output / paths.LEDGER_FOLDER / f"{facts.month}{test}.sqlite"
    return MonthlyMailing(facts, found[0] / BRIEFS_FOLDER, ledger, to, default_output, journal_folder)


def address_briefs(mailing: MonthlyMailing, mail: MailSettings) -> Iterator[OutgoingMessage]:
    """Give each brief for each of its recipients."""
    for id_, name, raw in mailing.briefs:
        for recipient in mail.list_recipients(id_, name):
            yield OutgoingMessage(read_message_id(raw), recipient, set_recipients(raw, recipient))


def address_test_briefs(mailing: MonthlyMailing, mail: MailSettings, to: str) -> Iterator[OutgoingMessage]:
    """Give each brief for the one who looks at them."""
    try:
        recipient = mail.admit_recipient(to)
    except ValueError as error:
        raise SettingsError(f"TO={to}: {error}. Nothing was sent.") from error
    for _, _, raw in mailing.briefs:
        test = make_test_message(raw)
        yield OutgoingMessage(read_message_id(test), recipient, set_recipients(test, recipient))


def _read_eml(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReportError(
            f"{paths.shorten_path(path)}: can't be read ({error.strerror}). Make the month again: make report."
        ) from error

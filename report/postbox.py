"""A month that was made, as mail: its briefs, and one message for each of their recipients."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from report import files
from report.errors import ReportError, SettingsError
from report.mailbag import FOLDER
from report.message import addressed, as_test, header, message_id, segments_of
from report.months import MONTH
from report.outbox import Outgoing
from report.profiles import file_names
from report.settings import MailSettings
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class Month:
    """A month that was made, with its briefs.

    Attributes
    ----------
    facts : Facts
        The month.
    folder, ledger : Path
        Where its briefs lie, and who has what.
    to : str
        The one address that they go to as a test; empty where they go to whom settings name.
    usual : Path
        The output folder that `make send` opens unasked.
    mailed : Path or None
        Folder of journals that all output folders share; None for one beside the output folder.
    """

    facts: Facts
    folder: Path
    ledger: Path
    to: str = ""
    usual: Path = files.USUAL
    mailed: Path | None = None

    @property
    def named(self) -> str:
        """What names its ledger to `make send`."""
        to = f" TO={self.to}" if self.to else ""
        return f"MONTH={self.facts.month}{to}{files.elsewhere(self.ledger.parent.parent, self.usual)}"

    @property
    def journals(self) -> tuple[Path, ...]:
        """Where handovers are written down: beside the ledger, and outside of the folder of all months.

        The second outlives a folder of months that is lost, or put back from a backup. It also knows what went out from
        another output folder. A test needs neither.
        """
        output, name = self.ledger.parent.parent.absolute(), f"{self.ledger.stem}.mailed"
        outside = self.mailed or output.parent / f"{output.name}-mailed"
        return () if self.to else (self.ledger.with_name(name), outside / name)

    def of(self, ids: Iterable[str]) -> set[str]:
        """Give the segments that Message-IDs of this month's briefs are of."""
        return segments_of(ids, self.facts.month)

    @property
    def letters(self) -> Iterator[tuple[str, str, bytes]]:
        """Give each segment's id, name and brief; none where the month has no reliable segments."""
        for segment, stem in zip(self.facts.segments, file_names(self.facts), strict=True):
            path = self.folder / f"{stem}.eml"
            if self.facts.structure.reliable:
                yield segment.id, segment.name, _read(path)

    @property
    def written(self) -> datetime:
        """When the first of its messages was written."""
        return parsedate_to_datetime(str(header(_read(min(self.folder.glob("*.eml"))), "Date")))


def open_month(
    output: Path, month: str, to: str = "", *, usual: Path = files.USUAL, mailed: Path | None = None
) -> Month:
    """Open a month that was made, the newest if none is named.

    Raises
    ------
    ReportError
        If it wasn't made.
    """
    if month:
        files.check_month(month)
    there = sorted(path.parent for path in output.glob(f"*/{FOLDER}") if MONTH.fullmatch(path.parent.name))
    found = [path for path in there if path.name == month] if month else there[-1:]
    if not found:
        raise ReportError(
            f"{files.shown(output)}: {f'{month} was not' if month else 'no month was'} made with its briefs yet. "
            f"Make it first: make report{f' MONTH={month}' if month else ''}."
        )
    facts = files.read_facts(found[0] / "facts.json")
    test = f"-to-{re.sub('[^A-Za-z0-9.@-]', '_', to.casefold())}" if to else ""
    ledger = output / files.OUTBOX / f"{facts.month}{test}.sqlite"
    return Month(facts, found[0] / FOLDER, ledger, to, usual, mailed)


def messages_of(made: Month, mail: MailSettings) -> Iterator[Outgoing]:
    """Give each brief for each of its recipients."""
    for id_, name, raw in made.letters:
        for recipient in mail.of(id_, name):
            yield Outgoing(message_id(raw), recipient, addressed(raw, recipient))


def tests_of(made: Month, mail: MailSettings, to: str) -> Iterator[Outgoing]:
    """Give each brief for the one who looks at them."""
    try:
        recipient = mail.admit(to)
    except ValueError as error:
        raise SettingsError(f"TO={to}: {error}. Nothing was sent.") from error
    for _, _, raw in made.letters:
        test = as_test(raw)
        yield Outgoing(message_id(test), recipient, addressed(test, recipient))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReportError(
            f"{files.shown(path)}: can't be read ({error.strerror}). Make the month again: make report."
        ) from error

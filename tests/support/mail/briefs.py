"""What tests of briefs and of sending share: a month's folder as `make report` leaves it, without the report."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from report.mail.export import write_briefs
from report.mail.send import MailContext
from report.operations.notices import OwnerNotifier
from report.rendering.pdf import PrintedDocument
from report.settings import MailSettings, Settings
from report.storage import atomic, paths
from report.transport.server import MailServer
from segmentation.facts import Facts

NOW = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
MAIL: dict[str, Any] = {
    "sender": "briefs@example.com",
    "reply_to": "insights@example.com",
    "owner": "olga@example.com",
    "domains": ["example.com"],
    "recipients": {"all": ["marketing@example.com"], "S1": ["ann@example.com", "Marketing@example.com"]},
    "report": "https://intranet.example.com/{month}/report.html",
}


def dials(**changes: Any) -> Settings:
    """Give settings under which mail goes out, with these changes to [mail]."""
    return Settings(mail=MailSettings(**(MAIL | changes)))


def mail_context(
    output: Path,
    data: Path,
    settings: Settings,
    server: MailServer | None,
    clock: Callable[[], datetime] = lambda: NOW,
    sleep: Callable[[float], None] = lambda _: None,
    print_line: Callable[[str], None] = lambda _: None,
    journal_folder: Path | None = None,
) -> MailContext:
    """Return what sending needs, without settings.toml and `.env`."""
    identity = settings.mail.build_identity(settings.brand.name)
    notifier = OwnerNotifier(output, data, identity, server, clock, sleep, print_line)
    return MailContext(settings, notifier, journal_folder)


@cache
def _sheets(names: tuple[tuple[str, str], ...]) -> PrintedDocument:
    """Lay out an executives' document of a few words: a page a segment."""
    body = "".join(
        f'<section id="{anchor}"><h1>{escape(name)}</h1><p id="{anchor}-play">Play.</p></section>'
        for anchor, name in names
    )
    style = "section {break-before: page} body {font-family: Source Sans Pro}"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "executive.html"
        page.write_text(
            f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Listeners</title><style>{style}</style>"
            f"<h1>Found</h1>{body}<section><h1>Method</h1></section>",
            encoding="utf-8",
        )
        return PrintedDocument(page, paper="A4", identifier=b"0" * 32)


def month_folder(output: Path, facts: Facts, settings: Settings | None = None, *, now: datetime = NOW) -> Path:
    """Make a month's folder with its briefs; it takes the place of the one that is there."""
    with atomic.atomic_folder(output, facts.month) as folder:
        (folder / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")
        sheets = _sheets(tuple((s.id.lower(), s.name) for s in facts.segments))
        sheets.write_pdf(folder / "executive.pdf")
        write_briefs(facts, sheets, folder, settings or dials(), now=now)
    return output / facts.month

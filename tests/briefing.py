"""What tests of briefs and of sending share: a month's folder as `make report` leaves it, without the report."""

from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from weasyprint import HTML

from report import exchange, files
from report.mailbag import write_briefs
from report.settings import MailSettings, Settings
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


@cache
def _pages(names: tuple[tuple[str, str], ...]) -> bytes:
    body = "".join(
        f'<h1 id="{anchor}">{escape(name)}</h1><p id="{anchor}-play">Play.</p>' for anchor, name in names
    )
    page = f"<html lang=en><title>Listeners</title><style>h1 {{ break-before: page }}</style><h1>Found</h1>{body}<h1>Method</h1>"
    pdf: bytes = HTML(string=page).write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=b"a")
    return pdf


def month_folder(
    output: Path, facts: Facts, settings: Settings | None = None, *, now: datetime = NOW
) -> Path:
    """Make a month's folder with its briefs; it takes the place of the one that is there."""
    with exchange.building(output, facts.month) as folder:
        (folder / "facts.json").write_text(files.facts_text(facts), encoding="utf-8")
        (folder / "executive.pdf").write_bytes(_pages(tuple((s.id.lower(), s.name) for s in facts.segments)))
        write_briefs(facts, folder, settings or dials(), now=now)
    return output / facts.month

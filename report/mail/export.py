"""The month's briefs as files: what would be mailed, what it looks like, and the page that it carries. Sends nothing."""

from datetime import datetime
from pathlib import Path

from report.mail.brief import make_brief
from report.mail.layout import (
    CHART_SOURCE_PLACEHOLDER,
    encode_png_data_uri,
    render_brief_chart,
    render_brief_html,
    render_brief_text,
)
from report.mail.policy import BlockingReason, check_reliable_segments, format_blocked_notice
from report.operations.notices import Notice
from report.pages.profiles import list_profile_file_names
from report.rendering.pdf import PrintedDocument
from report.settings import MailSettings, Settings
from report.text.formatting import format_month
from report.transport.message import (
    copy_date,
    has_same_content,
    make_brief_message,
    make_notice_message,
    set_recipients,
)
from segmentation.facts import Facts

BRIEFS_FOLDER = "briefs"
NOTICE_FILE = "notice.eml"


def write_briefs(
    facts: Facts, sheets: PrintedDocument, folder: Path, settings: Settings, *, now: datetime
) -> None:
    """Write each segment's brief as <segment>.eml, .html and .pdf; where nothing is reliable, one notice instead.

    Parameters
    ----------
    facts : Facts
        The month, with its plays.
    sheets : Sheets
        The executives' document laid out: each brief carries its segment's page.
    folder : Path
        The month's folder in the making, beside the one that it will replace.
    settings : Settings
        Who the mail is from, and where the full report lies.
    now : datetime
        When the briefs are written. A brief that says what it said before keeps its date and so its bytes: the
        ledger knows by them that it is the same.

    Raises
    ------
    RenderError
        If a brief is larger than mail programs show whole, or its page isn't its segment's.
    """
    out, before = folder / BRIEFS_FOLDER, folder.parent / facts.month / BRIEFS_FOLDER
    out.mkdir()
    if gate := check_reliable_segments(facts):
        said = make_blocked_notice(gate, facts, settings.mail)
        message = make_notice_message(
            key=f"{said.key}.notice",
            subject=said.subject,
            brand=facts.brand.name,
            text=f"{said.text}\n",
            mail=settings.mail,
            now=now,
        )
        letter = set_recipients(message, *([settings.mail.owner] if settings.mail.owner else []))
        (out / NOTICE_FILE).write_bytes(_keep_unchanged_date(letter, before / NOTICE_FILE))
        return
    for segment, stem in zip(facts.segments, list_profile_file_names(facts), strict=True):
        brief = make_brief(facts, segment, settings.mail)
        png, page = render_brief_chart(brief), out / f"{stem}.pdf"
        html, cid = render_brief_html(brief, png), f"indices@{facts.month}.{segment.id}.brief"
        (out / f"{stem}.html").write_text(
            html.replace(CHART_SOURCE_PLACEHOLDER, encode_png_data_uri(png)), encoding="utf-8"
        )
        sheets.write_section(segment.id.lower(), segment.name, page, title=f"{brief.name}, {brief.month}")
        message = make_brief_message(
            key=f"{facts.month}.{segment.id}.brief",
            subject=brief.subject,
            brand=brief.brand,
            text=render_brief_text(brief),
            html=html.replace(CHART_SOURCE_PLACEHOLDER, f"cid:{cid}"),
            pictures={cid: png},
            attachment=(page.name, page.read_bytes()),
            mail=settings.mail,
            now=now,
        )
        letter = set_recipients(message, *settings.mail.list_recipients(segment.id, segment.name))
        (out / f"{stem}.eml").write_bytes(_keep_unchanged_date(letter, before / f"{stem}.eml"))


def make_blocked_notice(reason: BlockingReason, facts: Facts, mail: MailSettings) -> Notice:
    """Give the notice to the owner that a month isn't mailed, and why."""
    return Notice(
        key=f"{facts.month}.{reason.key}",
        subject=f"No segment briefs for {format_month(facts.month)}: {reason.why}",
        text=format_blocked_notice(reason, facts.month, mail.locate_report(facts.month)),
    )


def _keep_unchanged_date(message: bytes, before: Path) -> bytes:
    """Give a message with the date of the one before, where that says the same."""
    if not before.is_file():
        return message
    old = before.read_bytes()
    return copy_date(message, old) if has_same_content(message, old) else message

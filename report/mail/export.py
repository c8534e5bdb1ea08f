"""Write a month's briefs as files; nothing is sent."""

from collections.abc import Iterable
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
from report.mail.policy import check_reliable_segments, make_blocked_notice
from report.pages.profiles import list_profile_file_names
from report.rendering.pdf import PrintedDocument
from report.settings import Settings
from report.transport.message import copy_date, make_brief_message, make_notice_message, set_recipients
from segmentation.facts import Facts

BRIEFS_FOLDER = "briefs"
NOTICE_FILE = "notice.eml"


def write_briefs(facts: Facts, sheets: PrintedDocument, folder: Path, settings: Settings, *, now: datetime) -> None:
    """Write each segment's brief as .eml, .html and .pdf.

    Where no segment is reliable, one notice to the owner is written instead. A message that is made again without a
    change keeps its date. Each brief carries its segment's page of the executives' document.

    Raises RenderError if a brief is larger than mail programs show whole, or its page isn't its segment's.
    """
    out, before = folder / BRIEFS_FOLDER, folder.parent / facts.month / BRIEFS_FOLDER
    out.mkdir()
    if reason := check_reliable_segments(facts):
        notice = make_blocked_notice(reason, facts, settings.mail)
        message = make_notice_message(
            key=f"{notice.key}.notice",
            subject=notice.subject,
            text=f"{notice.text}\n",
            identity=settings.mail.build_identity(facts.brand.name),
            now=now,
        )
        _write_message(message, filter(None, [settings.mail.owner]), out / NOTICE_FILE, before)
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
            text=render_brief_text(brief),
            html=html.replace(CHART_SOURCE_PLACEHOLDER, f"cid:{cid}"),
            pictures={cid: png},
            attachment=(page.name, page.read_bytes()),
            identity=settings.mail.build_identity(brief.brand),
            now=now,
        )
        recipients = settings.mail.list_recipients(segment.id, segment.name)
        _write_message(message, recipients, out / f"{stem}.eml", before)


def _write_message(message: bytes, recipients: Iterable[str], path: Path, before: Path) -> None:
    """Write a message with its earlier date, if unchanged."""
    message = set_recipients(message, *recipients)
    if (before / path.name).is_file():
        earlier = (before / path.name).read_bytes()
        dated = copy_date(message, earlier)
        message = dated if set_recipients(dated) == set_recipients(earlier) else message
    path.write_bytes(message)

"""The month's briefs as files: what would be mailed, what it looks like, and the page that it carries. Sends nothing."""

from datetime import datetime
from pathlib import Path

from report.briefs import make_brief
from report.gates import Gate, notice_text, unreliable
from report.layout import PICTURE, draw, embedded, write_html, write_text
from report.message import addressed, dated, make_brief_message, make_notice, same_words
from report.notices import Notice
from report.printing import Sheets
from report.profiles import file_names
from report.settings import MailSettings, Settings
from report.written import month_name
from segmentation.facts import Facts

FOLDER = "briefs"
NOTICE = "notice.eml"


def write_briefs(facts: Facts, sheets: Sheets, folder: Path, settings: Settings, *, now: datetime) -> None:
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
    out, before = folder / FOLDER, folder.parent / facts.month / FOLDER
    out.mkdir()
    if gate := unreliable(facts):
        said = notice_of(gate, facts, settings.mail)
        message = make_notice(
            key=f"{said.key}.notice",
            subject=said.subject,
            brand=facts.brand.name,
            text=f"{said.text}\n",
            mail=settings.mail,
            now=now,
        )
        letter = addressed(message, *([settings.mail.owner] if settings.mail.owner else []))
        (out / NOTICE).write_bytes(_dated(letter, before / NOTICE))
        return
    for segment, stem in zip(facts.segments, file_names(facts), strict=True):
        brief = make_brief(facts, segment, settings.mail)
        png, page = draw(brief), out / f"{stem}.pdf"
        html, cid = write_html(brief, png), f"indices@{facts.month}.{segment.id}.brief"
        (out / f"{stem}.html").write_text(html.replace(PICTURE, embedded(png)), encoding="utf-8")
        sheets.write_section(segment.id.lower(), segment.name, page, title=f"{brief.name}, {brief.month}")
        message = make_brief_message(
            key=f"{facts.month}.{segment.id}.brief",
            subject=brief.subject,
            brand=brief.brand,
            text=write_text(brief),
            html=html.replace(PICTURE, f"cid:{cid}"),
            pictures={cid: png},
            attachment=(page.name, page.read_bytes()),
            mail=settings.mail,
            now=now,
        )
        letter = addressed(message, *settings.mail.of(segment.id, segment.name))
        (out / f"{stem}.eml").write_bytes(_dated(letter, before / f"{stem}.eml"))


def notice_of(gate: Gate, facts: Facts, mail: MailSettings) -> Notice:
    """Give the notice to the owner that a month isn't mailed, and why."""
    return Notice(
        key=f"{facts.month}.{gate.key}",
        subject=f"No segment briefs for {month_name(facts.month)}: {gate.why}",
        text=notice_text(gate, facts.month, mail.place(facts.month)),
    )


def _dated(message: bytes, before: Path) -> bytes:
    """Give a message with the date of the one before, where that says the same."""
    if not before.is_file():
        return message
    old = before.read_bytes()
    return dated(message, old) if same_words(message, old) else message

"""Every segment's brief, attachment, profile and section: each says its own segment's facts, each under its own head.

No two segments have a value, a word or a colour in common, so that another one's brief or play shows.
"""

import email.policy
import io
import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from unittest import mock
from xml.etree import ElementTree as ET

import pikepdf
import pytest
from PIL import Image

from report.mail.brief import make_brief
from report.pages.document import Document, Markdown
from report.settings import MailSettings
from report.storage import paths
from tests.support.expected.briefs import CERTAINTY, INSIGHT, MEASURE, SYNTHETIC, portrait
from tests.support.expected.indices import COLUMN, STANDS_OUT, index_rows, index_words
from tests.support.facts import distinct as month
from tests.support.facts.distinct import COLOURS, DARK, IDS, NAMES, RANKED, grew, pct, said_in_play, unit
from tests.support.music import NUMBERS
from tests.support.pages import reading
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

OFFERED = "February 2027"


GENERAL = {"S8": "No rule of the playbook fits evening families, so this is its last play, for everybody else."}


def keys(id_: str) -> list[tuple[str, str]]:
    """Give the four figures at the top of a profile, each with what it is."""
    low, high = (f"{100 * end:.0f}" for end in month.INTERVALS[id_])
    likeness, _, _, grade = month.STABILITY[id_]
    points = "" if grew(id_) == "new" else "points "
    return [
        (f"{month.USERS[id_]:,}", "users"),
        (pct(month.SHARES[id_]), f"of all users; {low} to {high} % with these borders and 95 % confidence"),
        (grew(id_), f"{points}since December 2026"),
        (grade.capitalize(), f"in resampled data ({likeness:.2f})"),
    ]


def play(id_: str) -> dict[str, str]:
    """Give a segment's play as profiles have it."""

    def said(part: str) -> str:
        return said_in_play(id_, part)

    return {
        "Objective": said("objective"),
        "Offer": said("offer"),
        "Message": f"“{said('message')}”",
        "Channel": said("channel"),
        "Timing": said("timing"),
        "Tone": f"{said('tone_is')} Not: {said('tone_is_not')}",
        "Do": said("do"),
        "Don't": said("avoid"),
        "Measure": MEASURE[id_][0],
        "What we don't know": said("unknown"),
    }


def evidence(id_: str) -> list[tuple[str, str, str]]:
    """Give what sets a segment apart, as briefs have it: six things at most."""
    known = {of.partition(": ")[2]: (of, index, users) for of, index, users in index_rows(id_)}
    found = []
    for item in month.OUT[id_][:6]:
        of, index, users = known[COLUMN.get(item, item)]
        found.append((of.removeprefix("Numbers: "), index, users))
    return found


def parts(id_: str) -> dict[str, list[tuple[str, str]]]:
    """Give the named lines of a brief, by the head that they stand under."""
    likeness, _, _, grade = month.STABILITY[id_]
    low, high = (f"{100 * end:.0f}" for end in month.INTERVALS[id_])
    falls = "falls below" if likeness >= 0.75 else "doesn't rise to"
    moves = month.LABELS[month.WANTED[id_][0]]
    return {
        "What to do": [
            ("Tone is", said_in_play(id_, "tone_is")),
            ("Tone is not", said_in_play(id_, "tone_is_not")),
            ("Channel", said_in_play(id_, "channel")),
            ("Timing", said_in_play(id_, "timing")),
            ("Do", said_in_play(id_, "do")),
            ("Don't", said_in_play(id_, "avoid")),
            ("Measure", " ".join(MEASURE[id_])),
        ],
        "How sure we are": [
            (
                "The segment",
                (
                    f"{grade.capitalize()}: when the data is resampled it comes again with a likeness of {likeness:.2f} of 1. "
                    f"With these borders it is {low} to {high} % of users, with 95 % confidence."
                ),
            ),
            ("All segments", CERTAINTY),
            ("Not known", f"{said_in_play(id_, 'unknown')} {GENERAL.get(id_, '')}".rstrip()),
            (
                "What would change our mind",
                f"A month in which its likeness {falls} 0.75, or no change in {moves} after the play.",
            ),
        ],
        "About this brief": [
            ("Data", "February 2027, prepared from 10,592 of 10,782 users (february.csv)"),
            ("Questions", "insights@example.com"),
            ("Full report", "https://intranet.example.com/2027-02/report.html"),
        ],
    }


def figures(id_: str) -> list[str]:
    """Give the three figures of a brief."""
    return [f"{value} {what.partition(';')[0]}" for value, what in keys(id_)[:3]]


NOTE = (
    "An index of 100 is the average of all users; only what is 20 or more away from it, and by more than chance explains, "
    "is listed."
)
ATTACHED = "Attached: this segment's page of the report, as a PDF."


# Of names that no longer fit
NOW = {"S2": " (now early risers)", "S7": " (now late dancers)"}
OUTDATED = {
    id_: (
        f"This name no longer fits: named today, the segment would be called {now}. What follows describes it as it is now.",
    )
    for id_, now in (("S2", "Early risers"), ("S7", "Late dancers"))
}


def as_text(id_: str) -> str:
    """Write a whole brief as the plain part has it, on one line."""
    named = parts(id_)
    lines = [
        "LARKSPUR · FEBRUARY 2027",
        NAMES[id_],
        *OUTDATED.get(id_, ()),
        said_in_play(id_, "objective"),
        f"[ {SYNTHETIC} ]",
        "WHO THEY ARE",
        portrait(id_),
        *figures(id_),
        "WHAT SETS THEM APART",
        INSIGHT[id_],
        *(f"- {what}: index {index}, {users} users" for what, index, users in evidence(id_)),
        NOTE,
        "WHAT TO DO",
        said_in_play(id_, "offer"),
        f"“{said_in_play(id_, 'message')}”",
    ]
    for head in named:
        lines += [] if head == "What to do" else [head.upper()]
        lines += [f"{name}: {said}" for name, said in named[head]]
    return " ".join([*lines, ATTACHED])


def as_html(id_: str) -> str:
    """Write a whole brief as its page reads, on one line."""
    named = parts(id_)
    lines = [
        said_in_play(id_, "offer"),  # what an inbox shows beside the subject
        "Larkspur · February 2027",
        NAMES[id_],
        *OUTDATED.get(id_, ()),
        said_in_play(id_, "objective"),
        SYNTHETIC,
        "Who they are",
        portrait(id_),
        *figures(id_),
        "Index: the line is the average of all users, 100; grey is near it.",
        "What sets them apart",
        INSIGHT[id_],
        "Against all users Index Users",
        *(" ".join(row) for row in evidence(id_)),
        NOTE,
        "What to do",
        said_in_play(id_, "offer"),
        f"“{said_in_play(id_, 'message')}”",
    ]
    for head in named:
        lines += [] if head == "What to do" else [head]
        lines += [f"{name} {said}" for name, said in named[head]]
    return " ".join([*lines, "Open the full report", ATTACHED])


def stem(id_: str) -> str:
    """Give the name of a segment's files."""
    return NAMES[id_].lower().replace(" ", "-")


def mail(rendered: Rendered, id_: str) -> EmailMessage:  # noqa: F811
    """Read a segment's mail."""
    raw = (rendered.whole("distinct") / "briefs" / f"{stem(id_)}.eml").read_bytes()
    found = message_from_bytes(raw, policy=email.policy.SMTP)
    assert isinstance(found, EmailMessage)
    return found


def content(message: EmailMessage, kind: str) -> bytes:
    """Give the only part of a kind."""
    (part,) = (one for one in message.walk() if one.get_content_type() == kind)
    found = part.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found


def others(id_: str, text: str) -> list[str]:
    """Give the names, offers and colours of other segments in a text."""
    known = [word for one in IDS if one != id_ for word in (NAMES[one], said_in_play(one, "offer"), COLOURS[one])]
    return [word for word in known if word in text]


# Plays


@pytest.mark.parametrize("id_", IDS)
def test_a_segment_has_the_play_of_the_rule_that_fits_it(id_: str) -> None:
    """Every text of it in its own place, and the measure by this segment's own mean."""
    found = month.distinct().get_segment(id_).play
    column, change = month.WANTED[id_]
    mean = month.in_minutes(month.MEANS[id_])[column]

    assert found is not None
    assert found.rule == f"Rule of {id_}"
    assert {part: getattr(found, part) for part in month.PLAY} == {part: said_in_play(id_, part) for part in month.PLAY}
    assert found.measure.column == column
    assert (found.measure.baseline, found.measure.target) == (mean, pytest.approx(mean * (1 + change)))


def test_no_text_of_a_play_is_another_s() -> None:
    """So that two that are swapped show."""
    texts = [said_in_play(id_, part) for id_ in IDS for part in month.PLAY]

    assert reading.repeated(texts) == []


# Briefs


@pytest.mark.parametrize("id_", IDS)
def test_a_brief_as_text_says_its_segment_s_facts(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """The whole letter, word for word."""
    assert reading.plain(content(mail(rendered, id_), "text/plain").decode()) == as_text(id_)


@pytest.mark.parametrize("id_", IDS)
def test_a_brief_as_html_says_its_segment_s_facts(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """The whole page, word for word, each value in the row of its name; no colour of another segment."""
    page = rendered.whole("distinct") / "briefs" / f"{stem(id_)}.html"
    body = reading.tree(page).find("body")
    assert body is not None
    rows = [[reading.said(cell) for cell in row] for row in body.iter("tr")]
    named = [list(pair) for pairs in parts(id_).values() for pair in pairs]
    table = [["Against all users", "Index", "Users"], *map(list, evidence(id_))]

    assert reading.said(body) == as_html(id_)
    assert [row for row in rows if row in named] == named
    assert [row for row in rows if row in table] == table
    text = page.read_text(encoding="utf-8")
    assert f'class="stripe" style="background:{COLOURS[id_]};' in text
    assert f"border-left: 4px solid {COLOURS[id_]}" in text
    (button,) = [one for one in body.iter("a") if reading.said(one) == "Open the full report"]
    assert button.get("href") == "https://intranet.example.com/2027-02/report.html"
    assert "background:#0b5563" in button.get("style", "")  # the brand's
    assert others(id_, text) == []


@pytest.mark.parametrize("id_", IDS)
def test_a_mail_carries_its_segment_s_page_and_picture(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """Its subject, its recipient, its HTML and its files are one segment's; the picture's bars have its colour."""
    message, folder = mail(rendered, id_), rendered.whole("distinct") / "briefs"
    size = f"{month.USERS[id_]:,} users ({pct(month.SHARES[id_])}, {grew(id_)})"
    page = content(message, "text/html").decode()
    (image,) = reading.tree(folder / f"{stem(id_)}.html").iter("img")
    png = content(message, "image/png")

    assert reading.plain(message["Subject"]) == f"February brief: {NAMES[id_]}{NOW.get(id_, '')}, {size}"
    assert message["From"] == "Larkspur <briefs@example.com>"
    title = reading.tree(folder / f"{stem(id_)}.html").findtext("head/title") or ""
    assert reading.plain(title) == reading.plain(message["Subject"])
    assert message["To"] == f"{id_.lower()}@example.com"
    assert message["Message-ID"] == f"<2027-02.{id_}.brief@example.com>"
    assert f'src="cid:indices@2027-02.{id_}.brief"' in page
    assert [one["Content-ID"] for one in message.walk() if one["Content-ID"]] == [f"<indices@2027-02.{id_}.brief>"]
    assert reading.plain(image.get("alt", "")) == index_words(id_)
    drawn = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 20)
    assert drawn is not None
    seen = {f"#{red:02x}{green:02x}{blue:02x}" for count, (red, green, blue) in drawn if count > 500}  # type: ignore[misc]
    assert seen & set(COLOURS.values()) == {COLOURS[id_]}
    assert [one.get_filename() for one in message.iter_attachments()] == [f"{stem(id_)}.pdf"]
    assert content(message, "application/pdf") == (folder / f"{stem(id_)}.pdf").read_bytes()


@pytest.mark.parametrize("id_", IDS)
def test_a_first_month_s_brief_says_how_much_they_listen(id_: str) -> None:
    """There is no change to tell: neither among its figures nor in its subject. Without a contact nobody is to be asked."""
    whole = month.distinct()
    facts = replace(whole, change=None, trend=None, brand=replace(whole.brand, contact=""))
    brief = make_brief(facts, facts.get_segment(id_), MailSettings())
    size = f"{month.USERS[id_]:,} users ({pct(month.SHARES[id_])})"

    assert reading.plain(brief.subject) == f"February brief: {NAMES[id_]}{NOW.get(id_, '')}, {size}"
    assert [(reading.plain(one.text), one.name) for one in brief.figures] == [
        (f"{month.USERS[id_]:,}", "users"),
        (pct(month.SHARES[id_]), "of all users"),
        (f"{month.MEANS[id_][2]} hours", "average usage"),
    ]
    assert [(one.name, reading.plain(one.text)) for one in brief.about] == [
        ("Data", "February 2027, prepared from 10,592 of 10,782 users (february.csv)"),
        ("Full report", "report.html of February 2027, from whoever sent you this"),
    ]


# Profiles: on a page of their own, in the report, in the PDF, and attached to the mail


def profile_lines(id_: str) -> list[tuple[str, ...]]:
    """Give the lines of a segment's page on paper that fit on one."""
    values, whats = zip(*keys(id_), strict=True)
    whole = len(values[-1]) < len("Not to be relied on")
    return [
        (NAMES[id_],),
        (portrait(id_),),
        *([values] if whole else [(*values[:-1], values[-1].removesuffix(" on"))]),
        *([(whats[0], whats[1].removesuffix(" these borders and 95 % confidence"), *whats[2:])] if whole else []),
        ("What to do",),
        *play(id_).items(),
    ]


@pytest.mark.parametrize("id_", IDS)
def test_a_profile_in_the_pdf_is_its_segment_s(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """Figures above what they are, each part of the play beside its name, and no other segment's."""
    page = reading.pdf_lines(rendered.whole("distinct") / "executive.pdf")[1 + RANKED.index(id_)]
    text = "".join(reading.line_texts(page))

    assert reading.contains(page, *profile_lines(id_)) == []
    assert reading.glued(STANDS_OUT[id_][1]) in text
    assert others(id_, text) == []


@pytest.mark.parametrize("id_", IDS)
def test_a_mail_s_attachment_is_its_segment_s_page(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """One page, the very one of the executives' PDF, and it is called by its segment."""
    folder = rendered.whole("distinct")
    attached = folder / "briefs" / f"{stem(id_)}.pdf"
    (page,) = reading.pdf_lines(attached)

    assert reading.contains(page, *profile_lines(id_)) == []
    assert (
        page[:-1] == reading.pdf_lines(folder / "executive.pdf")[1 + RANKED.index(id_)][:-1]
    )  # below stands its number
    with pikepdf.open(attached) as pdf, pdf.open_metadata() as metadata:
        assert reading.plain(str(metadata["dc:title"])) == f"{NAMES[id_]}, {OFFERED}"


def assert_profile(section: ET.Element, id_: str) -> None:
    """Hold a profile on a page for screens to its segment's facts."""
    (portrait_,), (box,) = reading.of_class(section, "portrait"), reading.of_class(section, "keys")
    values = list(map(reading.said, reading.of_class(box, "value")))
    whats = list(map(reading.said, reading.of_class(box, "what")))
    paragraphs = [reading.said(one) for one in section.iter("p")]
    whole = section.get("style", "")

    assert reading.said(next(one for one in section.iter() if one.tag in ("h1", "h3"))) == NAMES[id_]
    assert reading.said(portrait_) == portrait(id_)
    assert list(zip(values, whats, strict=True)) == keys(id_)
    assert STANDS_OUT[id_][1] in paragraphs
    assert reading.pairs(section) == play(id_)
    assert list(reading.pairs(section)) == list(play(id_))
    assert f"--segment: {COLOURS[id_]}; --dark: {DARK[id_]}" in whole


def test_the_report_has_each_segment_s_profile_the_largest_first(rendered: Rendered) -> None:  # noqa: F811
    """Figures, words and play of each, in its colour."""
    root = reading.tree(rendered.whole("distinct") / "report.html")
    sections = [one for one in reading.of_class(root, "profile") if one.tag == "section"]

    assert [section.get("id") for section in sections] == [id_.lower() for id_ in RANKED]
    for section, id_ in zip(sections, RANKED, strict=True):
        assert_profile(section, id_)


@pytest.mark.parametrize("id_", IDS)
def test_a_profile_s_own_page_is_its_segment_s(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """Its title, its figures, its words, its play, its colour, and nobody else's."""
    page = rendered.whole("distinct") / "profiles" / f"{stem(id_)}.html"
    root = reading.tree(page)
    (section,) = [one for one in reading.of_class(root, "profile") if one.tag == "section"]

    assert_profile(section, id_)
    assert reading.plain(root.findtext("head/title") or "") == f"{NAMES[id_]} · {OFFERED} · Larkspur"
    assert others(id_, reading.said(root.find("body"))) == []


@pytest.mark.parametrize("id_", IDS)
def test_a_first_month_s_profile_says_how_much_they_listen(id_: str) -> None:
    """In the place of the change."""
    facts = replace(month.distinct(), change=None, trend=None)
    shown = lambda _, make, one: Markdown(f"{make.__name__} of {one.id}")  # noqa: E731
    with mock.patch.object(Document, "show", shown):
        page = Document(facts, "print", paths.TEMPLATES).render_profile(id_).text
    found = re.findall(r"\[\[(.*?)\]\{\.value\} \[(.*?)\]\{\.what\}\]\{\.key\}", page.replace("\\", ""))
    users, share, _, stable = keys(id_)

    assert [(reading.plain(value), reading.plain(what)) for value, what in found] == [
        users,
        share,
        (f"{month.MEANS[id_][2]} hours", "average usage"),
        stable,
    ]
    assert f"plot_indices of {id_}" in page.replace("\\", "")


def test_a_column_s_unit_is_its_own() -> None:
    """What the tables of this month are written in."""
    assert [unit(name, 12) for name in NUMBERS] == ["12 years", "$12", "12 hours", "12 days"]

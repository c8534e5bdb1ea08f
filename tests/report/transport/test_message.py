"""A brief as a message: what Python's own reader finds in it, and that the same words are the same bytes."""

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from report.errors import RenderError
from report.settings import MailSettings
from report.transport import message
from report.transport.message import make_notice_message, make_test_message, read_message_id, set_recipients
from tests.support.facts import factory
from tests.support.mail.briefs import MAIL, NOW, dials, month_folder
from tests.support.pages.documents import Reader

AWKWARD = ("four", "letters", "markup")


def read(raw: bytes) -> EmailMessage:
    """Read a message as a mail program would."""
    found = message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage)
    return found


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make each awkward month's briefs once."""
    output = tmp_path_factory.mktemp("months")
    for name in AWKWARD:
        month_folder(output / name.replace(" ", "-"), factory.awkward(name))
    return output


def letters(months: Path, name: str = "four") -> list[Path]:
    found = sorted((months / name.replace(" ", "-")).glob("2026-10/briefs/*.eml"))
    assert len(found) == len(factory.awkward(name).segments)
    return found


@pytest.mark.parametrize("name", AWKWARD)
def test_python_reads_every_message_back_without_a_defect(months: Path, name: str) -> None:
    """Plain text first, then HTML with its picture, then the PDF; every part and every header as it should be."""
    facts = factory.awkward(name)
    found = letters(months, name)

    assert len(found) == len(facts.segments)
    for path in found:
        mail = read(path.read_bytes())
        assert [part.get_content_type() for part in mail.walk()] == [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png",
            "application/pdf",
        ]
        assert [part.defects for part in mail.walk() if part.defects] == []
        assert [key for part in mail.walk() for key in part if part[key].defects] == []
        assert mail["Date"].datetime == NOW
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Reply-To"] == "insights@example.com"
        assert mail["List-Id"] == "Segment briefs <segment-briefs.example.com>"
        assert mail["From"].addresses[0].addr_spec == "briefs@example.com"
        assert re.fullmatch(r"<2026-10\.S\d+\.brief@example\.com>", mail["Message-ID"])
        assert mail["Subject"].startswith("October brief: ")


def test_the_parts_hold_together(months: Path) -> None:
    """The HTML shows the picture that the message carries, and the page is this segment's."""
    for path in letters(months):
        mail = read(path.read_bytes())
        html = Reader(mail.get_body(("html",)).get_content())
        (image,) = html.all("img")
        png = next(part for part in mail.walk() if part.get_content_type() == "image/png")
        pdf = next(part for part in mail.walk() if part.get_content_type() == "application/pdf")

        assert image["src"] == f"cid:{png['Content-ID'].strip('<>')}"
        assert png.get_content().startswith(b"\x89PNG")
        assert pdf.get_filename() == path.with_suffix(".pdf").name
        assert pdf.get_content() == path.with_suffix(".pdf").read_bytes()
        assert "data:image/png;base64," in path.with_suffix(".html").read_text(encoding="utf-8")
        assert "cid:" not in path.with_suffix(".html").read_text(encoding="utf-8")


def test_every_line_fits_and_the_whole_is_small(months: Path) -> None:
    for path in (one for name in AWKWARD for one in letters(months, name)):
        raw = path.read_bytes()

        assert len(raw) <= message.MAX_MESSAGE_BYTES
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert raw.isascii()


def test_a_long_unsubscribe_link_is_not_folded() -> None:
    """Folded, its address would be cut in two (python/cpython#85725); a long subject is folded, as it must be."""
    link = "https://lists.example.com/unsubscribe?" + "&".join(f"token{n}=0123456789abcdef" for n in range(20))
    mail = MailSettings(**(MAIL | {"unsubscribe": link}))
    raw = make_notice_message(key="k", subject="ä" * 200, text="t", identity=mail.build_identity("B"), now=NOW)

    assert f"List-Unsubscribe: <{link}>\r\n".encode() in raw
    assert read(raw)["List-Unsubscribe"] == f"<{link}>"
    assert read(raw)["Subject"] == "ä" * 200
    assert max(len(line) for line in raw.split(b"\r\n") if not line.startswith(b"List-")) <= 78


@pytest.mark.parametrize("brand", ["Musik, Töne & <Co>", 'Say "hi"', "音楽", "a@b", "x" * 40])
def test_a_brand_is_a_name_and_no_second_sender(brand: str) -> None:
    identity = MailSettings(**MAIL).build_identity(brand)
    raw = make_notice_message(key="k", subject="s", text="t", identity=identity, now=NOW)
    (sender,) = read(raw)["From"].addresses

    assert (sender.display_name, sender.addr_spec) == (brand, "briefs@example.com")


def test_the_same_month_is_the_same_bytes_and_keeps_its_date(tmp_path: Path) -> None:
    """Made again a week later with the same words it is the same; the ledger sees nothing changed."""
    first = {path.name: path.read_bytes() for path in (month_folder(tmp_path, factory.month(4)) / "briefs").iterdir()}
    later = NOW + timedelta(days=7)
    again = {
        path.name: path.read_bytes()
        for path in (month_folder(tmp_path, factory.month(4), now=later) / "briefs").iterdir()
    }
    assert again == first

    other = factory.changed(factory.month(4), users=191)
    folder = month_folder(tmp_path, other, now=later) / "briefs"
    dates = [read(path.read_bytes())["Date"].datetime for path in sorted(folder.glob("*.eml"))]
    assert sorted(dates) == [NOW, NOW, NOW, later]  # the one that says something else


def test_another_recipient_changes_nothing_else(months: Path) -> None:
    raw = letters(months)[0].read_bytes()
    to_ann = set_recipients(raw, "ann@example.com")
    to_all = set_recipients(raw, *(f"somebody.{n}@example.com" for n in range(100)))

    assert read(to_ann)["To"] == "ann@example.com"
    assert len(read(to_all)["To"].addresses) == 100
    assert read(set_recipients(raw))["To"].defects == ()
    assert set_recipients(to_all, "ann@example.com") == to_ann


def test_a_test_is_another_message_for_other_words(months: Path) -> None:
    one, two = (path.read_bytes() for path in letters(months)[:2])

    assert read_message_id(make_test_message(one)) not in (
        read_message_id(one),
        read_message_id(make_test_message(two)),
    )
    assert make_test_message(one) == make_test_message(one)
    assert read_message_id(make_test_message(one)) == read_message_id(
        make_test_message(set_recipients(one, "ann@example.com"))
    )


def test_what_is_too_large_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message, "MAX_MESSAGE_BYTES", 10_000)

    with pytest.raises(
        RenderError,
        match=r"^The message 2026-10\.S1\.brief has [1-9][0-9]*,[0-9]{3} bytes, expected at most 10,000\. Make its PDF smaller\.$",
    ):
        month_folder(tmp_path, factory.month(4))
    assert list(tmp_path.iterdir()) == []  # and what was there stays


def test_a_month_without_reliable_segments_has_one_notice(tmp_path: Path) -> None:
    """No brief, no page, and a letter that says why."""
    folder = month_folder(tmp_path, factory.awkward("nothing found")) / "briefs"
    mail = read((folder / "notice.eml").read_bytes())

    assert [path.name for path in folder.iterdir()] == ["notice.eml"]
    assert mail["To"] == "olga@example.com"
    assert mail["Subject"] == "No segment briefs for October\u00a02026: no reliable segments"
    assert "no evidence of separate groups" in " ".join(mail.get_content().split())


def test_without_settings_the_files_are_written_for_nobody(tmp_path: Path) -> None:
    """As a newcomer has them: nobody to send to, nobody to be from, and still something to look at."""
    settings = replace_mail()
    paths = sorted((month_folder(tmp_path, factory.month(4), settings) / "briefs").glob("*.eml"))
    mail = read(paths[0].read_bytes())

    assert len(paths) == 4
    assert mail["From"].addresses[0].domain == "example.invalid"
    assert mail["To"].defects == ()
    assert str(mail["To"]) == "undisclosed-recipients:;"


def replace_mail() -> object:
    """Give settings that say nothing about mail."""
    settings = dials()
    return settings.model_copy(update={"mail": MailSettings()})


def test_a_title_s_segment_names_may_repeat(tmp_path: Path) -> None:
    """Two names that differ in signs alone have two files."""
    facts = factory.named(factory.month(4), "Heavy listeners", "Heavy: listeners!")
    folder = month_folder(tmp_path, replace(facts, month="2026-11")) / "briefs"

    assert {"heavy-listeners.eml", "heavy-listeners-s2.eml"} < {path.name for path in folder.iterdir()}


def test_a_correction_is_its_segment_s_brief() -> None:
    """By their ids: of this month's, the brief and its correction count, a notice and another month's don't."""
    ids = (
        "<2026-10.S1.brief@example.com>",
        "<2026-10.S2.brief.correction-0123456789ab@example.com>",
        "<2026-10.held.notice@example.com>",
        "<2026-09.S4.brief@example.com>",
    )

    assert message.parse_segment_ids(ids, "2026-10") == {"S1", "S2"}

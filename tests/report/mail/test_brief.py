"""What a brief says, the same in both its forms, whatever its segment is called; and what mail programs make of it."""

import io
import itertools
import json
import re
import shutil
import struct
import subprocess
import unicodedata
from collections import Counter
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from report.errors import RenderError
from report.mail import layout
from report.mail.brief import Brief, make_brief, write_insight
from report.mail.layout import (
    CHART_PIXEL_RATIO,
    CHART_SOURCE_PLACEHOLDER,
    MAX_HTML_BYTES,
    render_brief_chart,
    render_brief_html,
    render_brief_text,
)
from report.settings import MailSettings
from segmentation.facts import AffinityIndex, ConfidenceInterval, Facts, NotableDifference
from tests.support import ROOT
from tests.support.facts import factory
from tests.support.mail.briefs import MAIL
from tests.support.pages.documents import Reader, fetched

MAILED = tuple(name for name in factory.AWKWARD if name not in factory.NOTHING)
WAIVED = {
    "@media": "Without it the table has its names beside its words on a narrow screen too, and stays light.",
    "<style> element": "It holds nothing but the media queries.",
    "color-scheme meta tag": "Says that we brought dark colours; who doesn't know it darkens by itself.",
    "<body> element": "Made a div there; the div inside it has the same background.",
    "display:none": "The preheader, which is also of height 0, white on white, and 1 pixel high.",
    "opacity": "The preheader again.",
    "overflow-wrap": "Only a word wider than the brief needs it; elsewhere such a word is cut by nobody but scrolls.",
    "max-height property": "The preheader again.",
    "overflow": "The preheader again.",
    "border-radius": "The button has square corners in Outlook on Windows.",
    "word-break": "A name of sixty letters without a space is wider than a telephone in Yahoo's.",
    "word-spacing": "MJML sets it to what it is anyhow.",
    "table-layout": "MJML sets it to what it is anyhow.",
    "border-spacing": "There is none to space: cells have padding.",
    "outline": "Of a picture without a link there is none.",
    "cursor": "MJML sets it for the button's text.",
    "target attribute": "These open links in a new window in any case.",
    "aria-label attribute": "The title says the same.",
    "height property": "Of the stripe, and of the picture, which has it as automatic.",
}


def brief(facts: Facts, number: int = 0, **mail: object) -> Brief:
    return make_brief(facts, facts.segments[number], MailSettings(**(MAIL | mail)))


@pytest.fixture(scope="session")
def png() -> bytes:
    """Draw one picture, for tests that look at what stands around it."""
    return render_brief_chart(brief(factory.month(4)))


def words_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+(?:[.,'/-][^\W_]+)*", text))


@pytest.mark.parametrize("name", MAILED)
def test_both_forms_say_the_same(name: str, png: bytes) -> None:
    """Each text of the brief stands in both, and no number stands in one alone, apart from its heads and the picture."""
    facts = factory.awkward(name)
    one = brief(facts)
    seen = " ".join(" ".join(Reader(render_brief_html(one, png)).texts).split())
    plain = " ".join(render_brief_text(one).split())
    said = [one.name, one.month, one.brand, one.objective, one.portrait, one.note, one.insight, one.offer, one.message]
    said += [part for line in (*one.figures, *one.play, *one.confidence, *one.about) for part in (line.name, line.text)]

    for row in one.evidence:
        assert " ".join(f"{row.feature} {row.index} {row.users}".split()) in seen
        assert " ".join(f"{row.feature}: index {row.index}, {row.users} users".split()) in plain
    for part in said:
        assert " ".join(part.split()) in seen
        assert " ".join(part.split()).casefold() in plain.casefold()
    numbers = {
        form: {word for word in words_of(text) if any(letter.isdigit() for letter in word)}
        for form, text in (("html", seen), ("text", plain))
    }
    assert numbers["html"] == numbers["text"]


def test_the_numbers_are_those_of_the_facts() -> None:
    """Worked out from a segment by hand: 25 % of users who listen twice as much do half of all listening."""
    facts = factory.month(4)
    usage = facts.segments[0].index["usage_per_month"]
    facts = factory.changed(
        facts,
        users=1_560,
        share=0.25,
        means=facts.segments[0].means | {"usage_per_month": 2 * facts.averages["usage_per_month"]},
        index=facts.segments[0].index
        | {"usage_per_month": replace(usage, value=200.0, interval=ConfidenceInterval(190, 210))},
    )
    one = brief(factory.named(facts, "Young light listeners"))

    assert one.subject == "October brief: Young light listeners, 1,560 users (25\u00a0%)"
    assert one.preheader == one.offer == facts.segments[0].play.offer
    assert [(figure.text, figure.name) for figure in one.figures[:2]] == [
        ("1,560", "users"),
        ("25\u00a0%", "of all users"),
    ]
    assert one.insight.startswith("They are 25\u00a0% of users and have 50\u00a0% of all listening.")


def test_a_name_that_no_longer_fits_is_said_first() -> None:
    """In the subject, and below the name in both forms; where it fits there is no word of it."""
    fits = factory.named(factory.month(4), "Young light listeners")
    facts = factory.changed(fits, name_now="Older light listeners")
    one = brief(facts)

    assert one.subject.startswith("October brief: Young light listeners (now older light listeners), ")
    said = "This name no longer fits: named today, the segment would be called Older light listeners."
    for text in (render_brief_text(one), render_brief_html(one, render_brief_chart(one))):
        flat = " ".join(re.sub(r"<[^>]*>", " ", text).split())
        assert flat.index(said) < flat.index(" ".join(one.objective.split()))
    assert "no longer fits" not in render_brief_text(brief(fits)) + render_brief_html(
        brief(fits), render_brief_chart(brief(fits))
    )


def test_a_change_stands_in_the_subject_and_among_the_figures() -> None:
    """In the first month there is none, and nothing is left blank."""
    later, first = brief(factory.awkward("later")), brief(factory.month(4))

    assert re.search(r" \(\d+\u00a0%, [▲▼]\d+\.\d\)$", later.subject)
    assert later.figures[2].name == "points since September\u00a02026"
    assert re.search(r" \(\d+\u00a0%\)$", first.subject)
    assert first.figures[2].name == "average usage"


def test_what_does_not_speak_is_not_said() -> None:
    """Listening whose interval holds the average is no insight; and with nothing far off there is no evidence."""
    facts = factory.month(4)
    quiet = {name: AffinityIndex(101.0, 90, ConfidenceInterval(95, 107)) for name in facts.segments[0].index}
    facts = factory.changed(facts, index=quiet, stands_out=())

    assert brief(facts).evidence == ()
    assert write_insight(facts, facts.segments[0]).startswith("They differ from all users by little: younger, ")
    middle = factory.changed(facts, centre=dict.fromkeys(facts.features, 0.0))
    assert write_insight(middle, middle.segments[0]).startswith("Nothing sets them apart")
    thin = {name: AffinityIndex(None, 9, None) for name in facts.segments[0].index}
    said = render_brief_text(brief(factory.changed(facts, index=thin, stands_out=())))
    assert "They are too few to be compared with all users." in said
    assert ": index" not in said


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (ConfidenceInterval(95, 107), "Their usage is about that of all users; what sets them apart is income"),
        (ConfidenceInterval(60, 170), "What sets them apart is income"),
        (None, "What sets them apart is income"),
    ],
)
def test_only_who_is_known_to_listen_as_much_as_everybody_is_said_to(
    interval: ConfidenceInterval | None, said: str
) -> None:
    """An interval that merely holds 100 says that nothing is known."""
    facts = factory.month(4)
    segment = facts.segments[0]
    index = segment.index | {"usage_per_month": AffinityIndex(101.0, 90, interval)}
    facts = factory.changed(facts, index=index, stands_out=(NotableDifference("annual_income", None, 60.0),))

    assert write_insight(facts, facts.segments[0]).startswith(said)


def test_there_is_no_brief_where_nothing_is_reliable() -> None:
    facts = factory.awkward("nothing found")

    with pytest.raises(ValueError, match="no play"):
        brief(facts)


@pytest.mark.parametrize("name", MAILED)
def test_a_name_is_text_and_breaks_nothing(name: str, png: bytes) -> None:
    """Not markup, not a line, not a header; and one from the right keeps to itself."""
    one = brief(factory.awkward(name))
    html = render_brief_html(one, png)
    page = Reader(html)

    assert page.scripts == []
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "form", "object", "svg", "link"}
    assert "\n" not in one.subject
    assert not [letter for letter in one.subject if unicodedata.category(letter) in ("Cc", "Cs")]
    assert [image["alt"] for image in page.all("img")] == [one.picture.alt]
    assert unescape(re.findall("<title>(.*?)</title>", html)[0]) == one.subject


@pytest.mark.parametrize(
    "name", ["cid:indices", 'src="cid:indices"', "title-of-this-brief", "alt-of-this-picture", "cid:"]
)
def test_a_name_is_never_taken_for_a_place_that_is_filled_later(name: str, png: bytes) -> None:
    """Places of picture, title and alternative text are marked by words that nobody can know."""
    html = render_brief_html(brief(factory.named(factory.month(4), name)), png)
    sent = html.replace(CHART_SOURCE_PLACEHOLDER, "cid:1@x")

    assert html.count(CHART_SOURCE_PLACEHOLDER) == sent.count("cid:1@x") == 1
    assert name in unescape(sent)
    assert "title-" not in name or unescape(re.findall("<title>(.*?)</title>", sent)[0]) != name


def test_a_name_from_the_right_turns_no_number_round() -> None:
    one = brief(factory.awkward("letters"))

    assert f"\u2068{factory.ARABIC}\u2069, " in one.subject


def test_what_cannot_be_seen_is_left_out_of_names() -> None:
    """A line's end would begin a header; an override of direction would hide what follows."""
    facts = factory.named(factory.month(4), "Heavy\r\nBcc: all@example.com\u202e\x00 listeners")

    assert brief(facts).name == "Heavy Bcc: all@example.com listeners"


@pytest.mark.parametrize("name", MAILED)
def test_the_html_is_what_mail_programs_take(name: str, png: bytes) -> None:
    """Nothing to fetch, small enough not to be cut off, and pictures with a size, for those who leave styles out."""
    html = render_brief_html(brief(factory.awkward(name)), png)
    page = Reader(html)
    (image,) = page.all("img")

    assert len(html.encode()) <= MAX_HTML_BYTES
    assert fetched(html) == [f"img src={CHART_SOURCE_PLACEHOLDER}"]
    assert image["width"] == str(struct.unpack(">I", png[16:20])[0] // CHART_PIXEL_RATIO)
    assert "@import" not in html
    assert "fonts.googleapis" not in html
    assert {"light dark"} == {meta["content"] for meta in page.all("meta") if meta.get("name") == "color-scheme"}
    assert "prefers-color-scheme: dark" in html


def test_the_picture_is_opaque_and_fine() -> None:
    """Twice the pixels, and white where nothing is: in dark mode it is a white card, not black on black."""
    png = render_brief_chart(brief(factory.month(4)))
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.width == 416 * CHART_PIXEL_RATIO
        assert picture.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
        assert picture.convert("RGBA").getextrema()[3] == (255, 255)


def test_one_brief_is_always_the_same_bytes(png: bytes) -> None:
    one = brief(factory.month(4))

    assert render_brief_chart(one) == png
    assert render_brief_html(one, png) == render_brief_html(one, png)


def test_a_brief_that_would_be_cut_off_ends_the_run(monkeypatch: pytest.MonkeyPatch, png: bytes) -> None:
    monkeypatch.setattr(layout, "MAX_HTML_BYTES", 1_000)

    with pytest.raises(RenderError, match="Gmail would cut it off"):
        render_brief_html(brief(factory.month(4)), png)


def test_where_settings_name_no_place_the_brief_says_whom_to_ask() -> None:
    """A path on the machine that made the report would be of no use in an inbox."""
    month = factory.month(4)
    one = brief(month, report="")
    nameless = brief(replace(month, brand=replace(month.brand, contact="")), report="")

    assert one.about[-1].text == "report.html of October\u00a02026, from insights@example.com"
    assert nameless.about[-1].text == "report.html of October\u00a02026, from whoever sent you this"
    assert "Questions" not in [line.name for line in nameless.about]
    assert one.link == ""
    assert "Open the full report" not in render_brief_text(one)
    assert brief(factory.month(4)).link == "https://intranet.example.com/2026-10/report.html"


def test_no_line_of_the_letter_is_longer_than_a_screen() -> None:
    """But for an address, which must stay whole."""
    lines = render_brief_text(brief(factory.awkward("long names"))).splitlines()

    assert len(lines) > 20
    assert [line for line in lines if len(line) > 76 and "://" not in line] == []


def test_mail_programs_lack_nothing_that_is_not_waived(png: bytes) -> None:
    """Each waiver has its reason, and is used: one that nothing needs any more must go."""
    room = ROOT / "tests" / "node" / "mail"
    if not (shutil.which("node") and (room / "node_modules" / "caniemail").exists()):
        pytest.skip("caniemail isn't there: `make setup-test` installs it where npm is found")
    html = render_brief_html(brief(factory.month(4)), png)
    found = subprocess.run(["node", "check.mjs"], cwd=room, input=html.encode(), capture_output=True, check=True)
    lacking = json.loads(found.stdout)

    assert lacking.keys() - WAIVED.keys() == set()
    assert WAIVED.keys() - lacking.keys() == set()


def test_a_brief_fits_its_screen_and_can_be_read(png: bytes) -> None:
    """On a telephone and at full width, light and dark, pictures on and off: no sideways scrolling, and 4.5 to 1 at least."""
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    html = render_brief_html(brief(factory.awkward("long names")), png)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for width, scheme in itertools.product((320, 640), ("light", "dark")):
            size = {"width": width, "height": 800}
            page = browser.new_context(viewport=size, color_scheme=scheme, offline=True).new_page()
            for source in (layout.encode_png_data_uri(png), CHART_SOURCE_PLACEHOLDER):
                page.set_content(html.replace(CHART_SOURCE_PLACEHOLDER, source))
                assert len(page.evaluate("document.body.innerText")) > 500
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert page.evaluate(CONTRASTS) == []
        browser.close()


CONTRASTS = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => { const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3]) return c; }
    return [255, 255, 255, 1]; };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility({opacityProperty: true})) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(e.textContent.trim().slice(0, 40) + " " + ratio.toFixed(1));
  }
  return found;
}"""

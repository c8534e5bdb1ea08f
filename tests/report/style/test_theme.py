import json
import re
from itertools import combinations

import pytest
from coloraide.everything import ColorAll

from report.storage import paths
from report.style import theme
from tests.support.facts.factory import month
from tests.support.pages.documents import pictures

SIGHTS = ("normal", "protan", "deutan", "tritan")
PAIRS = list(combinations(theme.SEGMENT_COLOURS, 2))
HEX = re.compile(r"#[0-9a-fA-F]{3,8}\b")


def seen(colour: str, sight: str) -> ColorAll:
    """Give a colour as it is seen."""
    return ColorAll(colour) if sight == "normal" else ColorAll(colour).filter(sight)


def grey(colour: str) -> float:
    """Give the lightness of a colour printed in grey, L* of 0 to 100."""
    return ColorAll(colour).convert("lab-d65")["l"]


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, as WCAG counts it."""
    return ColorAll(one).contrast(other)


def test_there_are_eight_segment_colours() -> None:
    assert len(set(theme.SEGMENT_COLOURS)) == 8
    assert len(PAIRS) == 28


@pytest.mark.parametrize("sight", SIGHTS)
def test_every_two_segments_are_told_apart(sight: str) -> None:
    """By at least 9 (CIEDE2000) for every kind of colour vision."""
    near = {
        pair: round(distance, 1)
        for pair in PAIRS
        if (distance := seen(pair[0], sight).delta_e(seen(pair[1], sight), method="2000")) < 9
    }

    assert near == {}


def test_the_first_sixteen_segments_have_a_colour_each() -> None:
    """From the ninth on a shade of the eight, which nobody with usual sight takes for another."""
    colours = [theme.get_segment_colour(f"S{number}") for number in range(1, 17)]
    near = [
        pair
        for pair in combinations(colours, 2)
        if seen(pair[0], "normal").delta_e(seen(pair[1], "normal"), method="2000") < 5
    ]

    assert tuple(colours[:8]) == theme.SEGMENT_COLOURS
    assert near == []
    assert all(contrast(theme.DARK_COLOURS[colour], theme.DARK_COLOURS[theme.PAPER]) >= 3 for colour in colours)


def test_every_two_segments_are_told_apart_in_grey() -> None:
    """Somebody always prints it without colour."""
    near = {
        pair: round(abs(grey(pair[0]) - grey(pair[1])), 1) for pair in PAIRS if abs(grey(pair[0]) - grey(pair[1])) < 6
    }

    assert near == {}


@pytest.mark.parametrize("text", [theme.INK, theme.MUTED])
@pytest.mark.parametrize("ground", [theme.PAPER, theme.AVERAGE_BAND])
def test_text_is_read_on_paper_and_on_the_grey_zone(text: str, ground: str) -> None:
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("text", [theme.INK, theme.MUTED])
@pytest.mark.parametrize("ground", [theme.PAPER, theme.AVERAGE_BAND])
def test_text_is_read_on_a_dark_screen(text: str, ground: str) -> None:
    """Each in its dark twin."""
    assert contrast(theme.DARK_COLOURS[text], theme.DARK_COLOURS[ground]) >= 4.5


@pytest.mark.parametrize("colour", [*theme.SEGMENT_COLOURS, theme.DROPPED_ROWS])
def test_a_mark_is_seen_on_a_dark_screen(colour: str) -> None:
    """3 to 1 is what a graphic needs (WCAG 1.4.11)."""
    assert contrast(theme.DARK_COLOURS[colour], theme.DARK_COLOURS[theme.PAPER]) >= 3


def test_every_colour_of_the_charts_has_a_dark_twin() -> None:
    """One that had none would stay as it is, dark on dark."""
    used = {colour.lower() for colour in HEX.findall(json.dumps(theme.build_vega_config()))}
    for facts in (month(4, first=False), month(10)):
        for _, picture in pictures(facts):
            used |= {c.lower() for c in HEX.findall(json.dumps(picture.chart().to_dict(validate=False)))}

    assert theme.INK in used
    assert used - set(theme.DARK_COLOURS) == set()


def test_a_chart_s_title_is_larger_and_bolder_than_what_stands_below_it() -> None:
    title = theme.build_vega_config()["title"]

    assert (title["fontSize"], title["fontWeight"], title["color"]) == (14, 600, theme.INK)
    assert (title["subtitleFontSize"], title["subtitleColor"]) == (11.5, theme.MUTED)


def test_twins_are_written_as_the_page_looks_them_up() -> None:
    """page.js replaces #rrggbb in small letters."""
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for pair in theme.DARK_COLOURS.items() for colour in pair)
    assert "/#[0-9a-f]{6}/g" in paths.read_template("page.js")


def test_a_segment_keeps_its_colour() -> None:
    """By its id, whatever its place; the seventeenth begins again."""
    assert theme.get_segment_colour("S1") == theme.SEGMENT_COLOURS[0]
    assert theme.get_segment_colour("S8") == theme.SEGMENT_COLOURS[7]
    assert theme.get_segment_colour("S17") == theme.SEGMENT_COLOURS[0]


@pytest.mark.parametrize("sheet", ["screen.css", "print.css"])
def test_text_in_the_style_sheets_is_read(sheet: str) -> None:
    """Every colour that text has, on white; in the dark part of the sheet, on the dark paper."""
    light, _, dark = paths.read_template(sheet).partition("@media screen and (prefers-color-scheme: dark)")
    named = dict(re.findall(r"--(ink|muted|accent): (#[0-9a-f]{6})", light))
    assert named
    texts = set(named.values()) | set(re.findall(r"[; {]color: (#[0-9a-f]{6})", light))
    assert {colour for colour in texts if contrast(colour, "#ffffff") < 4.5} == set()
    assert bool(dark) == (sheet == "screen.css")
    if dark:
        twins = dict(re.findall(r"--(ink|muted|accent|paper): (#[0-9a-f]{6})", dark))
        assert min(contrast(twins[name], twins["paper"]) for name in ("ink", "muted", "accent")) >= 4.5
        assert twins["paper"] == theme.DARK_COLOURS[theme.PAPER]

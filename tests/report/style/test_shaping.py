"""Words as outlines: which need it, and what is drawn of them."""

import pytest

from report.style.shaping import measure_shaped_text, needs_shaping, shape_text

PLAIN = ["Pop", "Żółć Ǎ ữ ệ", "Шансон", "Ρεμπέτικο", "Հայ", "სიმღერა", "华语", "ポップス", "케이팝", "200 % – “x” €"]
SHAPED = [
    "موسيقى",
    "מזרחית",
    "ไทย",
    "हिन्दी",
    "বাংলা",
    "தமிழ்",
    "E\u0323\u0301",
    "🇯🇵",
    "👩‍👧",
    "ខ្មែរ",
    "\u2068x\u2069",
    "\u1112\u1161",
]


@pytest.mark.parametrize("word", PLAIN)
def test_letters_that_stand_beside_each_other_stay_text(word: str) -> None:
    """They can be searched for, and drawings with them are what they were."""
    assert not needs_shaping(word)


@pytest.mark.parametrize("word", SHAPED)
def test_letters_that_depend_on_each_other_are_shaped(word: str) -> None:
    """Joined letters, marks, and what only controls others."""
    assert needs_shaping(word)


def test_a_line_is_as_wide_as_its_size_says() -> None:
    """It is laid out once and scaled, so that nothing is rounded."""
    small, large = shape_text("Pop", 10.0), shape_text("Pop", 20.0)

    assert large.width == pytest.approx(2 * small.width)
    assert small.outline.startswith("M")
    assert shape_text("Pop", 10.0, 600).outline != small.outline


def test_a_mark_takes_no_room() -> None:
    """It stands on its letter."""
    assert measure_shaped_text("e\u0301", 20.0) == pytest.approx(measure_shaped_text("e", 20.0))


@pytest.mark.parametrize(("letter", "ems"), [("\U0002fa1d", 1.0), ("\ue000", 0.6)])
def test_a_letter_without_a_font_is_a_box(letter: str, ems: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide ones take a full square; two rings make a box: ink, and paper in it."""
    from report.style import shaping

    glyph = shaping._Glyph(None, 0, 0, 0, shaping._guess_glyph_width(letter) * 1000)
    monkeypatch.setattr(shaping, "_lay_out_glyphs", lambda *_: [glyph])
    drawn = shape_text.__wrapped__(letter, 20.0)

    assert drawn.width == pytest.approx(20 * ems)
    assert drawn.outline.count("Z") == 2


def test_a_line_break_is_a_blank() -> None:
    """A label has one line."""
    assert shape_text("one\ntwo", 10.0) == shape_text("one two", 10.0)
    assert not needs_shaping("one\ntwo")

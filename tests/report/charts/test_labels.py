"""Labels that are cut, and titles that are wrapped."""

import pytest

from report.charts.labels import fit_texts, measure_text, wrap_text

WIDTH, SIZE = 110, 11.5
ALIKE = [
    ["Angestellt, unbefristet in Vollzeit", "Angestellt, unbefristet in Teilzeit"],
    ["日本の伝統音楽と現代ポップス二", "日本の伝統音楽と現代ポップス一"],
    ["ქართული სიმღერები და ცეკვები", "ქართული საგუნდო სიმღერები"],
    ["Regional Mexican: Banda Sinaloense", "Regional Mexican: Banda Norteña"],
    ["W" * 200 + "a", "W" * 200 + "b"],
    ["W" * 200 + "a" + "W" * 200, "W" * 200 + "a" + "W" * 201],
    ["a" * 90, "a" * 91, "a" * 92],
]


@pytest.mark.parametrize("names", ALIKE, ids=lambda names: names[0][:12])
def test_names_that_begin_alike_are_told_apart(names: list[str]) -> None:
    """Each is cut to the width, and no two are one."""
    cut, limit = fit_texts([*names, "Pop"], WIDTH, SIZE)

    assert len(set(cut)) == len(cut)
    assert cut[-1] == "Pop"
    assert all(measure_text(name, SIZE) <= WIDTH for name in cut)
    assert limit > WIDTH


def test_names_of_which_no_two_are_alike_are_cut_by_vega() -> None:
    """So that drawings are what they were."""
    names = ["Employed full-time and something else", "Student", "Other"]

    assert fit_texts(names, WIDTH, SIZE) == (names, WIDTH)


def test_a_short_name_stays_whole_beside_an_emoji() -> None:
    """Letters that the charts' font lacks are measured by the font that has them."""
    names = ["Русский рок", "Ελληνικά λαϊκά", "🎧"]

    assert fit_texts(names, WIDTH, SIZE)[0] == names


def test_a_syllable_is_never_cut_in_two() -> None:
    """A mark stays on its letter, and a joined letter with the one it is joined to."""
    for width in range(10, 110, 7):
        shown = fit_texts(["हिन्दी क्ष्मा संगीत हिन्दी"], width, SIZE)[0][0]
        assert not shown.endswith("\u094d…")
        assert not shown.startswith("…")


def test_what_is_isolated_stays_so_when_cut() -> None:
    """The ellipsis stands within, at the word's own end."""
    shown = fit_texts(["\u2068موسيقى كلاسيكية من القرن التاسع عشر\u2069"], WIDTH, SIZE)[0][0]

    assert (shown[0], shown[-2:]) == ("\u2068", "…\u2069")


def test_half_a_number_is_never_shown() -> None:
    """It would be another number."""
    shown = fit_texts([f"ไ{'x' * 12} 1900 and more"], WIDTH, SIZE)[0][0]

    assert "19…" not in shown
    assert "190…" not in shown


def test_a_long_title_has_lines() -> None:
    """A word that is too long is broken; what is isolated stays so on each line."""
    lines = wrap_text(f"\u2068{'موسيقى ' * 20}\u2069is the most popular genre (23 %)", 300, 14)

    assert len(lines) > 1
    assert all(line.count("\u2068") == line.count("\u2069") for line in lines)
    assert all(measure_text(line, 14) <= 300 for line in [*lines, *wrap_text("x" * 500, 300, 14)])
    assert len(wrap_text("x" * 5000, 300, 14)) == 4
    assert wrap_text("One line", 300, 14) == ["One line"]

"""Which scripts a machine has fonts for."""

import ctypes.util
from pathlib import Path

import pytest

from report.style import coverage
from report.style.fonts import find_font_folders, list_own_letters

pytestmark = pytest.mark.skipif(not ctypes.util.find_library("fontconfig"), reason="there is no fontconfig to ask")


@pytest.fixture
def own_fonts_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fontconfig know the project's own fonts alone."""
    folders = "".join(f"<dir>{folder}</dir>" for folder in find_font_folders())
    config = tmp_path / "fonts.conf"
    config.write_text(
        f'<?xml version="1.0"?><fontconfig>{folders}<cachedir>{tmp_path / "cache"}</cachedir></fontconfig>', "utf-8"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))


@pytest.mark.usefixtures("own_fonts_only")
def test_every_script_without_a_font_is_named() -> None:
    """With a letter, its place, and the package that has it."""
    texts = {
        "top genre": ["Pop", "ไทย", "ไท", "हिन्दी", "Шансон"],
        "employment": ["정규직", "正社員", "フル"],
        "the brand's name": ["𝄞 🎵 موسيقى"],
    }

    assert [tuple(one) for one in coverage.find_missing_scripts(texts)] == [
        ("Thai", "ไ", "top genre", "fonts-noto-core"),
        ("Devanagari", "ह", "top genre", "fonts-noto-core"),
        ("Korean", "정", "employment", "fonts-noto-cjk"),
        ("Chinese and Japanese", "正", "employment", "fonts-noto-cjk"),
        ("Japanese", "フ", "employment", "fonts-noto-cjk"),
        ("Emoji", "𝄞", "the brand's name", "fonts-noto-color-emoji"),
        ("Arabic", "م", "the brand's name", "fonts-noto-core"),
    ]


@pytest.mark.usefixtures("own_fonts_only")
def test_all_sampled_scripts_are_missing_without_fonts() -> None:
    """`make doctor` names them."""
    assert [one.script for one in coverage.find_missing_samples()] == list(coverage.SAMPLE_LETTERS)


@pytest.mark.usefixtures("own_fonts_only")
def test_own_letters_and_what_is_not_drawn_are_never_missing() -> None:
    """Latin, Greek, Cyrillic, joiners, isolates and spaces."""
    texts = {"here": ["Café Ρεμπέτικο Шансон", "\u200d\u2068\u2069\u00a0\n"]}

    assert coverage.find_missing_scripts(texts, list_own_letters()) == ()
    assert coverage.find_missing_scripts({"here": ["ไ"]}, "ไ") == ()


def test_without_fontconfig_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can be asked; printing says later what is missing."""
    monkeypatch.setattr(coverage, "_load_fontconfig", lambda: None)

    assert coverage.find_missing_samples() == ()

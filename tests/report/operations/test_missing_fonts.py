"""What is said of scripts without a font, and that nobody is mailed until somebody accepts it."""

import json
from dataclasses import replace
from pathlib import Path

from report.mail import policy
from report.operations import missing_fonts
from report.storage import paths
from report.style import coverage
from report.style.coverage import MissingScript
from segmentation.facts import Brand
from tests.support.facts import factory
from tests.support.mail.briefs import dials

THAI = MissingScript("Thai", "ด", "top genre", "fonts-noto-core")
EMOJI = MissingScript("Emoji", "🎵", "the brand's name in settings.toml", "fonts-noto-color-emoji")
UNNAMED = MissingScript("letters that Unicode doesn't name", "\ue000", "top genre", "")


def note(folder: Path, *missing: MissingScript) -> None:
    """Write a month's run.json that names scripts without a font."""
    folder.mkdir(parents=True, exist_ok=True)
    paths.write_json(
        folder / missing_fonts.RUN_FILE, {"month": folder.name} | missing_fonts.export_missing_fonts(missing)
    )


def test_every_script_of_a_month_is_asked_for() -> None:
    """In genres, brand, contact and offers; once each, where it stands first."""
    facts = factory.genres(factory.month(4), "ไทย", "ไทย two")
    facts = replace(facts, brand=Brand("음악", "#0b5563", "हिन्दी 🎵"))
    play = facts.segments[0].play
    assert play
    facts = replace(facts, segments=(replace(facts.segments[0], play=replace(play, offer="カ")), *facts.segments[1:]))
    found = coverage.find_missing_scripts(
        missing_fonts.list_foreign_texts(facts), missing_fonts.list_own_letters(), _NoFonts()
    )

    assert [(one.script, one.place) for one in found] == [
        ("Korean", "the brand's name in settings.toml"),
        ("Devanagari", "the brand's contact in settings.toml"),
        ("Emoji", "the brand's contact in settings.toml"),
        ("Thai", "top genre"),
        ("Japanese", "`offer` in templates/playbook.toml"),
    ]


class _NoFonts(coverage.FontCoverage):
    """A machine without any font."""

    def has_letter(self, letter: str) -> bool:
        """Have none."""
        del letter
        return False


def test_the_sentence_names_letters_places_and_packages() -> None:
    """One command installs all of them."""
    said = missing_fonts.describe_missing_fonts((THAI, EMOJI))

    assert "Thai (ด, U+0E14, in top genre) and Emoji (🎵, U+1F3B5, in the brand's name in settings.toml)" in said
    assert "apt-get install fonts-noto-core fonts-noto-color-emoji. Then run `make report` again." in said
    assert missing_fonts.describe_missing_fonts(()) == ""
    assert "apt-get" not in missing_fonts.describe_missing_fonts((UNNAMED,))


def test_a_run_notes_what_it_lacked(tmp_path: Path) -> None:
    """What was noted is read again; an older run.json notes nothing, nor does none."""
    note(tmp_path / "2026-10", THAI, EMOJI)
    (tmp_path / "2026-09").mkdir()
    (tmp_path / "2026-09" / missing_fonts.RUN_FILE).write_text(json.dumps({"month": "2026-09"}))

    assert missing_fonts.read_missing_fonts(tmp_path / "2026-10") == (THAI, EMOJI)
    assert missing_fonts.read_missing_fonts(tmp_path / "2026-09") == ()
    assert missing_fonts.read_missing_fonts(tmp_path / "2026-08") == ()


def test_nobody_is_mailed_boxes_until_somebody_accepts_them(tmp_path: Path) -> None:
    """Other scripts are another question."""
    facts = factory.month(4)
    folder = tmp_path / facts.month
    note(folder, THAI)

    def ask() -> policy.BlockingReason | None:
        return policy.find_blocking_reason(facts, dials(), tmp_path, tmp_path, explicit_month=True)

    reason = ask()
    assert reason
    assert reason.why == "no font has Thai"
    assert f"make send MONTH={facts.month} ACCEPT=yes" in reason.text
    assert policy.accept_month(facts, tmp_path) == (reason,)
    assert ask() is None
    note(folder, THAI, EMOJI)
    assert ask()
    note(folder)
    assert ask() is None

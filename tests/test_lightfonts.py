"""Charts measured by light fonts are those that the whole fonts make, and an environment keeps the light ones."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fontTools.ttLib import TTFont

from report import files, lightfonts
from report.fonts import FACES, font_file

DRAW = """
import hashlib, sys
sys.path[:0] = sys.argv[1:3]
from facts_factory import awkward
from pages import pictures
from report import files, lightfonts
from report.drawing import spec_of, svg_of
if sys.argv[3] == "whole":
    lightfonts.folders = files.font_folders
for name, picture in list(pictures(awkward("letters")))[:3]:
    print(name, hashlib.sha256(svg_of(spec_of(picture.chart)).encode()).hexdigest())
"""


def drawn(fonts: str) -> list[str]:
    """Give digests of drawings by a process that knows no other fonts."""
    arguments = [str(Path(__file__).parent), str(files.ROOT), fonts]
    done = subprocess.run(
        [sys.executable, "-c", DRAW, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_drawing_is_the_same_by_light_fonts() -> None:
    """To the byte, Arabic and emoji, which they don't have, included."""
    whole = drawn("whole")

    assert len(whole) == 3
    assert drawn("light") == whole


def test_no_letter_is_lost() -> None:
    """What is left out are hints for screens and other forms of letters; each letter keeps its width."""
    (folder,) = lightfonts.folders()
    for name in FACES.values():
        light, whole = TTFont(folder / name), TTFont(font_file(name))
        letters = whole.getBestCmap()
        assert set(light.getBestCmap()) == set(letters)
        assert {code: light["hmtx"][glyph][0] for code, glyph in light.getBestCmap().items()} == {
            code: whole["hmtx"][glyph][0] for code, glyph in letters.items()
        }
        assert (folder / name).stat().st_size < 0.7 * font_file(name).stat().st_size


def test_an_environment_that_nobody_may_write_to_draws_by_the_whole_fonts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "file"))

    assert lightfonts.folders() == files.font_folders()

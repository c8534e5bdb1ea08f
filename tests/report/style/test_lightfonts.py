"""Charts measured by light fonts are those that the whole fonts make, and an environment keeps the light ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont

from report.charts.render import build_chart_spec
from report.storage import paths
from report.style import lightfonts, theme
from report.style.fonts import FONT_FILES, find_font_file
from tests.support.facts.factory import awkward
from tests.support.pages.documents import pictures

DRAW = """
import hashlib, json, sys
import vl_convert
for folder in sys.argv[1:]:
    vl_convert.register_font_directory(folder)
for spec in json.load(sys.stdin):
    print(hashlib.sha256(vl_convert.vegalite_to_svg(spec).encode()).hexdigest())
"""


def drawn(specs: list[dict[str, Any]], fonts: list[Path]) -> list[str]:
    """Give digests of drawings by a process that knows no other fonts."""
    done = subprocess.run(
        [sys.executable, "-c", DRAW, *map(str, fonts)],
        input=json.dumps(specs),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_drawing_is_the_same_by_light_fonts() -> None:
    """To the byte, Arabic and emoji, which they don't have, included."""
    charts = list(pictures(awkward("letters")))[:3]
    specs = [build_chart_spec(picture.chart) | {"config": theme.build_vega_config()} for _, picture in charts]
    whole = drawn(specs, paths.find_font_folders())

    assert len(set(whole)) == 3
    assert drawn(specs, lightfonts.find_light_font_folders()) == whole


def test_no_letter_is_lost() -> None:
    """What is left out are hints for screens and other forms of letters; each letter keeps its width."""
    (folder,) = lightfonts.find_light_font_folders()
    for name in FONT_FILES.values():
        light, whole = TTFont(folder / name), TTFont(find_font_file(name))
        letters = whole.getBestCmap()
        assert set(light.getBestCmap()) == set(letters)
        assert {code: light["hmtx"][glyph][0] for code, glyph in light.getBestCmap().items()} == {
            code: whole["hmtx"][glyph][0] for code, glyph in letters.items()
        }
        assert (folder / name).stat().st_size < 0.7 * find_font_file(name).stat().st_size


def test_an_environment_that_nobody_may_write_to_draws_by_the_whole_fonts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "file"))

    assert lightfonts.find_light_font_folders() == paths.find_font_folders()

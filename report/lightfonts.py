"""The fonts by which charts are measured, without what no measure needs: Vega's renderer maps a font's file anew for every word.

Smaller files of only the weights that charts have make a drawing a third faster, and it is the same to the byte.
"""

import hashlib
import inspect
from functools import cache
from importlib.metadata import version
from pathlib import Path

from report import files, kept
from report.fonts import FACES, font_file


def folders() -> list[Path]:
    """Find the folders to register: light fonts, made once an environment; where that can't be, the packages' own."""
    light = kept.folder(f"fonts-{_edition()}", _make)
    return [light] if light else files.font_folders()


@cache
def _edition() -> str:
    """Tell one set of light fonts from another: by the fonts, the faces, and how they are made."""
    packages = [version(name) for name in ("font-source-sans-pro", "font-source-serif-pro", "fonttools")]
    return hashlib.sha256(repr((packages, FACES, inspect.getsource(_make))).encode()).hexdigest()[:12]


def _make(folder: Path) -> None:
    """Write each face without hints for screens; letters, kerning and ligatures stay."""
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - once an environment
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    for name in FACES.values():
        font = TTFont(font_file(name), recalcTimestamp=False)
        subsetter = Subsetter(Options(hinting=False, name_IDs="*", notdef_outline=True))
        subsetter.populate(unicodes=font.getBestCmap())
        subsetter.subset(font)
        font.save(folder / name)

"""The fonts by which charts are measured, without what no measure needs: Vega's renderer maps a font's file anew for every word.

Smaller files of only the weights that charts have make a drawing a third faster, and it is the same to the byte.
"""

import hashlib
import inspect
from functools import cache
from importlib.metadata import version
from pathlib import Path

from report.storage import cache as kept
from report.storage import paths
from report.style.fonts import FONT_FILES, find_font_file


def find_light_font_folders() -> list[Path]:
    """Find the folders to register: light fonts, made once an environment; where that can't be, the packages' own."""
    light = kept.cache_folder(f"fonts-{_hash_font_versions()}", _write_light_fonts)
    return [light] if light else paths.find_font_folders()


@cache
def _hash_font_versions() -> str:
    """Tell one set of light fonts from another: by the fonts, the faces, and how they are made."""
    packages = [version(name) for name in ("font-source-sans-pro", "font-source-serif-pro", "fonttools")]
    return hashlib.sha256(
        repr((packages, FONT_FILES, inspect.getsource(_write_light_fonts))).encode()
    ).hexdigest()[:12]


def _write_light_fonts(folder: Path) -> None:
    """Write each face without hints for screens; letters, kerning and ligatures stay."""
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - once an environment
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    for name in FONT_FILES.values():
        font = TTFont(find_font_file(name), recalcTimestamp=False)
        subsetter = Subsetter(Options(hinting=False, name_IDs="*", notdef_outline=True))
        subsetter.populate(unicodes=font.getBestCmap())
        subsetter.subset(font)
        font.save(folder / name)

"""Fonts inside a page: of each weight, the letters that the page uses and no more."""

import base64
import io
import re
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from report import files, theme

FACES = {  # family and weight to file
    (theme.SANS, 400): "SourceSansPro-Regular.ttf",
    (theme.SANS, 600): "SourceSansPro-Semibold.ttf",
    (theme.SANS, 700): "SourceSansPro-Bold.ttf",
    (theme.SERIF, 600): "SourceSerifPro-Semibold.ttf",
}
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F))  # what a chart may write when it is pointed at


def font_file(name: str) -> Path:
    """Find a font's file in the packages that bring them."""
    return next(folder / name for folder in files.font_folders() if (folder / name).exists())


def embed_fonts(page: Path) -> None:
    """Put the fonts into a page, before the end of its head."""
    text = page.read_text(encoding="utf-8")
    body = re.sub(r"<script src|src=\"data:[^\"]*\"", "", text[:400_000])
    letters = "".join(sorted(set(_PLAIN) | {letter for letter in body if letter.isprintable()}))
    rules = "\n".join(
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; font-display: swap; "
        f"src: url(data:font/woff2;base64,{_subset(font_file(name), letters)}) format('woff2') }}"
        for (family, weight), name in FACES.items()
    )
    page.write_text(text.replace("</head>", f"<style>\n{rules}\n</style>\n</head>", 1), encoding="utf-8")


def _subset(path: Path, letters: str) -> str:
    """Give a font with these letters alone, as base64 of WOFF2; the same letters give the same bytes."""
    font = TTFont(path, recalcTimestamp=False)
    options = Options()
    options.flavor = "woff2"
    options.layout_features = ["kern", "liga", "tnum", "lnum"]
    options.hinting = False
    subsetter = Subsetter(options)
    subsetter.populate(text=letters)
    subsetter.subset(font)
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")

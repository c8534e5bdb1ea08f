"""Fonts inside a page: of each weight, the letters that the page uses and no more."""

import base64
import io
import re
from pathlib import Path

from report.storage import paths
from report.style import theme

FONT_FILES = {  # family and weight to file
    (theme.SANS_FONT, 400): "SourceSansPro-Regular.ttf",
    (theme.SANS_FONT, 600): "SourceSansPro-Semibold.ttf",
    (theme.SERIF_FONT, 600): "SourceSerifPro-Semibold.ttf",
}
_SCRIPTS_AND_DATA_URLS = re.compile(
    r"<script>.*?</script>|data:[^\"]*", re.DOTALL
)  # the bundle and pictures bring letters that no page shows
_ALWAYS_INCLUDED = (
    "".join(chr(code) for code in range(0x20, 0x7F)) + "\u00a0−–—‘’“”…·×≤≥←→▲▼"
)  # what any page or chart may write


def find_font_file(name: str) -> Path:
    """Find a font's file in the packages that bring them."""
    return next(folder / name for folder in paths.find_font_folders() if (folder / name).exists())


def collect_letters(*pages: Path) -> set[str]:
    """Give the letters that pages show, and all that a chart may write."""
    texts = [_SCRIPTS_AND_DATA_URLS.sub("", page.read_text(encoding="utf-8")) for page in pages]
    return {letter for letter in set(_ALWAYS_INCLUDED).union(*texts) if letter.isprintable()}


def build_font_css(letters: set[str]) -> str:
    """Write the style sheet that brings the fonts, with these letters alone."""
    used = "".join(sorted(letters))
    return "\n".join(
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; font-display: swap; "
        f"src: url(data:font/woff2;base64,{_encode_font_subset(find_font_file(name), used)}) format('woff2') }}"
        for (family, weight), name in FONT_FILES.items()
    )


def embed_font_css(page: Path, font_css: str) -> None:
    """Put the fonts into a page, at the end of its head."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("</head>", f"<style>\n{font_css}\n</style>\n</head>", 1), encoding="utf-8")


def _encode_font_subset(path: Path, letters: str) -> str:
    """Give a font with these letters alone, as base64 of WOFF2; the same letters give the same bytes."""
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - whoever only draws cuts none
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    font = TTFont(path, recalcTimestamp=False)
    options = Options()
    options.flavor = "woff2"
    options.layout_features = ["kern", "liga"]
    options.hinting = False
    subsetter = Subsetter(options)
    subsetter.populate(text=letters)
    subsetter.subset(font)
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")

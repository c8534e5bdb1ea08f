"""The fonts of pages and charts."""

import base64
import io
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from report.style import theme

_PACKAGES = {  # family to the package that brings it, and how its files' names begin
    theme.SANS_FONT: ("font_source_sans_pro", "SourceSansPro"),
    theme.SERIF_FONT: ("font_source_serif_pro", "SourceSerifPro"),
}
_PRINTED_STYLES = {  # end of a file's name to weight and style
    "Regular": (400, "normal"),
    "Semibold": (600, "normal"),
    "Bold": (700, "normal"),
    "It": (400, "italic"),
}
FONT_FILES = {  # family and weight to file, of those that a page on the screen carries
    (theme.SANS_FONT, 400): "SourceSansPro-Regular.ttf",
    (theme.SANS_FONT, 600): "SourceSansPro-Semibold.ttf",
    (theme.SERIF_FONT, 600): "SourceSerifPro-Semibold.ttf",
}
# The bundle and pictures bring letters that no page shows
_SCRIPTS_AND_DATA_URLS = re.compile(r"<script>.*?</script>|data:[^\"]*", re.DOTALL)
# What any page or chart may write
_ALWAYS_INCLUDED = "".join(chr(code) for code in range(0x20, 0x7F)) + "\u00a0−–—‘’“”…·×≤≥←→▲▼"


def find_font_folders() -> list[Path]:
    """Return the folders of the fonts' packages."""
    specs = [find_spec(package) for package, _ in _PACKAGES.values()]
    return [Path(spec.origin).parent / "files" for spec in specs if spec and spec.origin]


def find_font_file(name: str) -> Path:
    """Return the path of a font's file."""
    return next(folder / name for folder in find_font_folders() if (folder / name).exists())


@cache
def list_own_letters() -> frozenset[str]:
    """Return the letters of the project's own fonts."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - drawing needs none of it

    letters: set[str] = set()
    for name in FONT_FILES.values():
        with TTFont(find_font_file(name), lazy=True) as font:
            letters |= set(map(chr, font.getBestCmap()))
    return frozenset(letters)


def build_local_font_css() -> str:
    """Return print's style sheet, which names the files."""
    return "\n".join(
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; font-style: {style}; "
        f"src: url('{find_font_file(f'{stem}-{end}.ttf').as_uri()}') }}"
        for family, (_, stem) in _PACKAGES.items()
        for end, (weight, style) in _PRINTED_STYLES.items()
    )


def collect_letters(*pages: Path) -> set[str]:
    """Return the letters that pages and charts show."""
    texts = [_SCRIPTS_AND_DATA_URLS.sub("", page.read_text(encoding="utf-8")) for page in pages]
    return {letter for letter in set(_ALWAYS_INCLUDED).union(*texts) if letter.isprintable()}


def build_font_css(letters: set[str]) -> str:
    """Return the style sheet that holds these letters."""
    used = "".join(sorted(letters))
    return "\n".join(
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; font-display: swap; "
        f"src: url(data:font/woff2;base64,{_encode_font_subset(find_font_file(name), used)}) format('woff2') }}"
        for (family, weight), name in FONT_FILES.items()
    )


def embed_font_css(page: Path, font_css: str) -> None:
    """Put the fonts into a page's head."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("</head>", f"<style>\n{font_css}\n</style>\n</head>", 1), encoding="utf-8")


def _encode_font_subset(path: Path, letters: str) -> str:
    """Return a font's letters as base64 of WOFF2."""
    # The same letters give the same bytes
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - drawing needs none of it
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    font = TTFont(path, recalcTimestamp=False)
    options = Options()
    options.flavor = "woff2"
    options.layout_features = ["kern", "liga", "ccmp", "mark", "mkmk"]  # marks that no letter has composed
    options.hinting = False
    subsetter = Subsetter(options)
    subsetter.populate(text=letters)
    subsetter.subset(font)
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")

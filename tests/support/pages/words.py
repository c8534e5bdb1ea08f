"""Words of many scripts, and whether two pictures of a word show the same."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from report.style.coverage import find_missing_scripts
from report.style.fonts import find_font_file, list_own_letters
from segmentation.facts import AffinityIndex, CategoryCount, CategoryDistribution, Facts

WORDS = {  # one word each, so that no space is taken from another font
    "Arabic": "موسيقى",
    "Hebrew": "מזרחית",
    "Thai": "ลูกทุ่งไทย",
    "Devanagari": "हिन्दी",
    "Bengali": "সঙ্গীত",
    "Tamil": "கர்நாடக",
    "Chinese": "华语流行音乐",
    "Japanese": "日本のポップス",
    "Korean": "케이팝아이돌",
    "Cyrillic": "Шансон",
    "Greek": "Ρεμπέτικο",
    "Georgian": "სიმღერა",
    "Latin with marks": "E\u0323\u0301re\u0323\u0301nki\u0300",  # not all of them have a composed letter
    "Flag": "🇯🇵",
}
SHAPED = tuple(name for name in WORDS if name not in ("Chinese", "Japanese", "Korean", "Cyrillic", "Greek", "Georgian"))
MIN_LIKENESS = 0.8  # of two pictures of one word, drawn by two programs; those of other words are below 0.5
_HEIGHT = 48  # pixels to which ink is scaled
_REACH = 3  # pixels by which it may then lie elsewhere
_FAINTEST_INK = 0.06  # of the darkest: what still is a word's, and no smoothed edge


def require_fonts() -> None:
    """Skip a test where fonts are missing."""
    missing = find_missing_scripts({name: [word] for name, word in WORDS.items()}, list_own_letters())
    if missing:
        packages = " ".join(dict.fromkeys(one.package for one in missing))
        pytest.skip(f"no font here has {', '.join(one.script for one in missing)}: apt-get install {packages}")


def write_words(facts: Facts) -> Facts:
    """Give facts whose genres are these words, one for each script, with names without ink between them."""
    size = facts.segments[0].users
    names = [name for number, word in enumerate(WORDS.values()) for name in ("\u00a0" * (number + 1), word)]
    names.append("\u00a0" * (len(WORDS) + 1))
    index = {name: AffinityIndex(100.0, size // 4, None, 0.1) for name in names}
    values = tuple(CategoryCount(name, 40 - number, 40 - number) for number, name in enumerate(names))
    categories = facts.distributions.categories | {"top_genre": CategoryDistribution(values, 0)}
    return replace(
        facts,
        distributions=replace(facts.distributions, categories=categories),
        shares=facts.shares | {"top_genre": dict.fromkeys(names, 1 / len(names))},
        segments=tuple(replace(s, categories=s.categories | {"top_genre": index}) for s in facts.segments),
    )


def paragraphs_of(words: list[str], *, size: float = 24, weight: int = 400) -> str:
    """Give a page with a paragraph for each word, each in a band of 60 pixels, set in the pages' own type."""
    font = find_font_file({400: "SourceSansPro-Regular.ttf", 600: "SourceSansPro-Semibold.ttf"}[weight]).as_uri()
    style = (
        f"@font-face {{ font-family: 'Source Sans Pro'; font-weight: {weight}; src: url({font}) }} body {{ margin: 0 }} "
        f"p {{ position: absolute; left: 10px; margin: 0; font: {weight} {size}px/60px 'Source Sans Pro', sans-serif; white-space: pre }}"
    )
    lines = "".join(f'<p style="top: {60 * number}px">{word}</p>' for number, word in enumerate(words))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Words</title><style>{style}</style>{lines}</html>'
    )


def photograph_words(browser: Any, folder: Path, words: list[str], *, weight: int = 400) -> dict[str, Any]:
    """Give the ink of each word as a browser sets it in a paragraph."""
    page = folder / "words.html"
    page.write_text(paragraphs_of(words, weight=weight), encoding="utf-8")
    context = browser.new_context(viewport={"width": 500, "height": 60 * len(words)}, device_scale_factor=2)
    view = context.new_page()
    view.goto(page.as_uri())
    view.evaluate("document.fonts.ready")
    picture = read_picture(view.screenshot())
    context.close()
    return {word: picture[120 * number : 120 * (number + 1)] for number, word in enumerate(words)}


def read_picture(png: bytes) -> Any:
    """Give a picture's pixels."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.float64)


def measure_likeness(one: Any, other: Any) -> float:
    """Give how alike two pictures of one word are: 1 is the same. Size, thickness and a smoothed edge don't count."""
    a, b = _crop_ink(one), _crop_ink(other)
    if a is None or b is None:
        return 0.0
    ratio = (a.shape[1] / a.shape[0]) / (b.shape[1] / b.shape[0])
    width = max(8, round(_HEIGHT * (b.shape[1] / b.shape[0])))
    first, second = (gaussian_filter(np.pad(_resize(ink, width), _REACH), 1.5) for ink in (a, b))
    moves = range(-_REACH, _REACH + 1)
    alike = max(_correlate(np.roll(first, (down, along), (0, 1)), second) for down in moves for along in moves)
    return alike * min(ratio, 1 / ratio)


def _correlate(one: Any, other: Any) -> float:
    first, second = one - one.mean(), other - other.mean()
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def _crop_ink(picture: Any) -> Any:
    """Give how much ink each pixel of a word has, without the paper around it."""
    ink = np.abs(picture - picture[0, 0]).max(axis=2)
    dark = ink > _FAINTEST_INK * ink.max(initial=0)
    if not dark.any():
        return None
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] / ink.max()


def _resize(ink: Any, width: int) -> Any:
    return np.asarray(Image.fromarray(ink).resize((width, _HEIGHT), Image.Resampling.LANCZOS), dtype=np.float64)

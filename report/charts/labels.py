"""Labels: texts cut to fit, and moved apart."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate

import numpy as np

from report.style import theme
from report.style.fonts import FONT_FILES, find_font_file

_MISSING_GLYPH_WIDTH = 1.35  # of the font size: width of a letter that the font doesn't have, such as an emoji
_NO_LIMIT = 10_000
_ZERO_WIDTH_JOINER, _SKIN_TONES = "\u200d", "🏻🏼🏽🏾🏿"
_REGIONAL_INDICATORS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def fit_texts(texts: Sequence[str], max_width: float, font_size: float) -> tuple[list[str], float]:
    """Return fitting texts, and Vega's limit.

    Vega measures and cuts texts itself, but by 16-bit units: it can cut an emoji in two, which then can't be drawn. So if
    any text has characters beyond 16 bits, all are cut here, and Vega gets a limit that it never reaches.
    """
    if all(max(text, default="") <= "\uffff" for text in texts):
        return list(texts), max_width
    return [_truncate_letters(_split_graphemes(text), max_width / font_size) for text in texts], _NO_LIMIT


def measure_widest(texts: Iterable[str], font_size: float) -> float:
    """Return the width in pixels of the widest text."""
    return max(
        (sum(_load_glyph_widths().get(letter, _MISSING_GLYPH_WIDTH) for letter in text) * font_size for text in texts),
        default=0.0,
    )


def spread_labels(places: Sequence[float], min_gap: float, *, lower_bound: float = -math.inf) -> list[float]:
    """Move labels apart as little as possible.

    An isotonic regression: positions minus rank times gap have to rise. No label goes below `lower_bound`.

    References
    ----------
    .. [1] Barlow et al. (1972), "Statistical Inference under Order Restrictions", section 1.2.
    """
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 - not every document needs it

    if not places:
        return []
    order, gaps = np.argsort(places, kind="stable"), min_gap * np.arange(len(places))
    rising = isotonic_regression(np.take(places, order) - gaps).x
    spread = np.empty(len(places))
    spread[order] = np.maximum(rising, lower_bound) + gaps
    return [float(place) for place in spread]


def _truncate_letters(letters: Sequence[str], max_width: float) -> str:
    """Cut a text to a width, with "…"."""
    widths = [_load_glyph_widths().get(letter, _MISSING_GLYPH_WIDTH) for letter in letters]
    if sum(widths) <= max_width:
        return "".join(letters)
    widths_so_far = accumulate(widths, initial=_load_glyph_widths()["…"])
    return "".join(letters[: max(sum(width <= max_width for width in widths_so_far) - 1, 1)]).rstrip() + "…"


def _split_graphemes(text: str) -> list[str]:
    """Split a text into graphemes: with accents, joiners, flags."""
    letters: list[str] = []
    for one in text:
        joined = letters and (letters[-1][-1] == _ZERO_WIDTH_JOINER or one == _ZERO_WIDTH_JOINER or one in _SKIN_TONES)
        flag = letters and len(letters[-1]) == 1 and one in _REGIONAL_INDICATORS and letters[-1] in _REGIONAL_INDICATORS
        if joined or flag or (letters and unicodedata.category(one) in ("Mn", "Me", "Mc")):
            letters[-1] += one
        else:
            letters.append(one)
    return letters


@cache
def _load_glyph_widths() -> dict[str, float]:
    """Return each letter's width per font size."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - not every document needs it

    with TTFont(find_font_file(FONT_FILES[theme.SANS_FONT, 400]), lazy=True) as font:
        advances, em = font["hmtx"].metrics, font["head"].unitsPerEm
        return {chr(code): advances[name][0] / em for code, name in font.getBestCmap().items()}

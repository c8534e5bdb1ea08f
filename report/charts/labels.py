"""Labels: texts cut to fit, and moved apart."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate

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

    Parameters
    ----------
    max_width, font_size : float
        In pixels.
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

    An isotonic regression: positions minus rank times gap have to rise, and neighbours that fall are pooled at their mean.
    No label goes below `lower_bound`.

    References
    ----------
    .. [1] Barlow et al. (1972), "Statistical Inference under Order Restrictions", section 1.2.
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    pools: list[tuple[float, int]] = []  # sum and number of those that lie together
    for rank, number in enumerate(order):
        total, many = places[number] - rank * min_gap, 1
        while pools and pools[-1][0] / pools[-1][1] > total / many:
            before, others = pools.pop()
            total, many = total + before, many + others
        pools.append((total, many))
    middles = [max(total / many, lower_bound) for total, many in pools for _ in range(many)]
    spread = [0.0] * len(places)
    for rank, number in enumerate(order):
        spread[number] = middles[rank] + rank * min_gap
    return spread


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

"""Names that fit into a chart, where Vega can't see to it."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate

from report.style import theme
from report.style.fonts import FONT_FILES, find_font_file

_MISSING_GLYPH_WIDTH = 1.35  # of its size: the width of a letter that our font doesn't have, an emoji
_NO_LIMIT = 10_000
_ZERO_WIDTH_JOINER, _SKIN_TONES, _REGIONAL_INDICATORS = (
    "\u200d",
    "🏻🏼🏽🏾🏿",
    "".join(map(chr, range(0x1F1E6, 0x1F200))),
)


def fit_texts(texts: Sequence[str], max_width: float, font_size: float) -> tuple[list[str], float]:
    """Give texts that fit, and the limit beyond which Vega shortens them.

    Vega measures and shortens texts itself. But it counts in 16 bits, and would cut an emoji in two, which can't be drawn:
    where one of the texts has a letter beyond those, all are shortened here, and Vega shortens none.

    Parameters
    ----------
    max_width, font_size : float
        Room for the texts, and size of their letters.
    """
    if all(max(text, default="") <= "\uffff" for text in texts):
        return list(texts), max_width
    return [_truncate_letters(_split_graphemes(text), max_width / font_size) for text in texts], _NO_LIMIT


def measure_widest(texts: Iterable[str], font_size: float) -> float:
    """Give the pixels that the widest of some texts takes."""
    return max(
        (
            sum(_load_glyph_widths().get(letter, _MISSING_GLYPH_WIDTH) for letter in text) * font_size
            for text in texts
        ),
        default=0.0,
    )


def spread_labels(places: Sequence[float], min_gap: float, *, lower_bound: float = -math.inf) -> list[float]:
    """Move the places of names as little as it takes, by squares, until none is nearer to another; their order stays.

    Places less their numbers times the least distance have to rise: neighbours that fall are pooled in their mean. None
    is put below the lowest place.

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
    moved = [0.0] * len(places)
    for rank, number in enumerate(order):
        moved[number] = middles[rank] + rank * min_gap
    return moved


def _truncate_letters(letters: Sequence[str], room: float) -> str:
    """Give as many letters as there is room for, in parts of their size, and dots for the rest."""
    widths = [_load_glyph_widths().get(letter, _MISSING_GLYPH_WIDTH) for letter in letters]
    if sum(widths) <= room:
        return "".join(letters)
    upto = accumulate(widths, initial=_load_glyph_widths()["…"])
    return "".join(letters[: max(sum(width <= room for width in upto) - 1, 1)]).rstrip() + "…"


def _split_graphemes(text: str) -> list[str]:
    """Divide a text into what is read as one letter: with its accents, joiners and colours, a flag of two halves."""
    letters: list[str] = []
    for one in text:
        joined_ = letters and (
            letters[-1][-1] == _ZERO_WIDTH_JOINER or one == _ZERO_WIDTH_JOINER or one in _SKIN_TONES
        )
        flag = (
            letters
            and len(letters[-1]) == 1
            and one in _REGIONAL_INDICATORS
            and letters[-1] in _REGIONAL_INDICATORS
        )
        if joined_ or flag or (letters and unicodedata.category(one) in ("Mn", "Me", "Mc")):
            letters[-1] += one
        else:
            letters.append(one)
    return letters


@cache
def _load_glyph_widths() -> dict[str, float]:
    """Give the width of each letter that our font has, in parts of its size."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - not every document measures

    with TTFont(find_font_file(FONT_FILES[theme.SANS_FONT, 400]), lazy=True) as font:
        advances, em = font["hmtx"].metrics, font["head"].unitsPerEm
        return {chr(code): advances[name][0] / em for code, name in font.getBestCmap().items()}

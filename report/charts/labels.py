"""Labels: texts cut to fit, and moved apart."""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import takewhile

import numpy as np

from report.style import theme
from report.style.fonts import FONT_FILES, find_font_file
from report.style.shaping import measure_shaped_text, needs_shaping
from report.text.foreign import isolate_text, strip_isolates

_MEASURE_TOLERANCE = 0.97  # Vega measures with kerning and rounds, so a text that nearly fits may be cut
_SHARED_START = 0.35  # of the width: what is left of the letters that texts share
_MAX_WORD_START = 12  # letters of a word that texts may share without its being cut in two
_VIRAMA = 9  # the combining class of marks that join the next letter
_NO_LIMIT = 10_000
_ZERO_WIDTH_JOINER, _SKIN_TONES = "\u200d", "🏻🏼🏽🏾🏿"
_REGIONAL_INDICATORS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def fit_texts(texts: Sequence[str], max_width: float, font_size: float) -> tuple[list[str], float]:
    """Return fitting texts, and Vega's limit.

    Vega cuts texts itself, but by 16-bit units: it can cut an emoji or a syllable in two. It also doesn't tell apart two
    texts that are alike once cut. So where that may happen all are cut here, and Vega gets a limit that it never reaches.
    """
    too_long = [text for text in texts if measure_text(text, font_size) > max_width * _MEASURE_TOLERANCE]
    if not any(map(needs_other_font, texts)) and not _may_look_alike(too_long, max_width / font_size):
        return list(texts), max_width
    cut = {text: _truncate_text(text, max_width, font_size) for text in dict.fromkeys(texts)}
    by_cut: dict[str, list[str]] = {}
    for text, short in cut.items():
        by_cut.setdefault(short, []).append(text)
    for alike in by_cut.values():
        if len(alike) > 1:
            cut |= _tell_apart(alike, max_width, font_size)
    return [cut[text] for text in texts], _NO_LIMIT


def needs_other_font(text: str) -> bool:
    """Tell whether the charts' own font can't set a text."""
    return needs_shaping(text) or not all(letter in _load_glyph_widths() or letter.isspace() for letter in text)


def measure_text(text: str, font_size: float) -> float:
    """Return a text's width in pixels."""
    if needs_other_font(text):
        return measure_shaped_text(text, font_size)
    widths = _load_glyph_widths()
    return font_size * sum(widths.get(letter, widths[" "]) for letter in text)


def measure_widest(texts: Iterable[str], font_size: float) -> float:
    """Return the width in pixels of the widest text."""
    return max((measure_text(text, font_size) for text in texts), default=0.0)


def wrap_text(text: str, max_width: float, font_size: float, max_lines: int = 4) -> list[str]:
    """Return a text in lines that fit.

    A word that is too long is broken. What is isolated stays so on each of its lines.
    """
    lines: list[str] = []
    rest = text
    while rest and len(lines) < max_lines:
        letters = _split_graphemes(rest)

        def measure(count: int, letters: Sequence[str] = letters) -> float:
            return measure_text("".join(letters[:count]), font_size)

        fits = _count_fitting(len(letters), max_width, measure)
        if fits < len(letters):
            blanks = [place for place in range(1, fits + 1) if letters[place] == " "]
            fits = blanks[-1] if blanks else fits
        line, rest = "".join(letters[:fits]), "".join(letters[fits:]).lstrip(" ")
        if line.count("\u2068") > line.count("\u2069"):
            line, rest = f"{line}\u2069", f"\u2068{rest}"
        lines.append(line)
    if rest:
        lines[-1] = _truncate_text(f"{lines[-1]} {rest}", max_width, font_size)
    return lines


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


def _may_look_alike(texts: Sequence[str], max_width: float) -> bool:
    """Tell whether long texts begin alike as far as they fit."""
    shortest = max(int(max_width * 0.75), 1)  # letters that fit at least, ellipsis left out
    return len({text[:shortest] for text in texts}) < len(set(texts))


def _truncate_text(text: str, max_width: float, font_size: float) -> str:
    """Cut a text to a width, with "…"."""
    return _cut_letters(_split_graphemes(strip_isolates(text)), text, max_width, font_size)


def _cut_letters(letters: Sequence[str], text: str, max_width: float, font_size: float, start: str = "") -> str:
    """Return as many letters as fit, after a start.

    `text` is what they are from: if it is isolated, so is what is returned.
    """

    def join(count: int) -> str:
        shown = start + "".join(letters[:count])
        shown = shown if count == len(letters) else f"{shown.rstrip()}…"
        return isolate_text(shown) if strip_isolates(text) != text else shown

    count = _count_fitting(len(letters), max_width, lambda count: measure_text(join(count), font_size))
    while 1 < count < len(letters) and letters[count].isdecimal() and letters[count - 1].isdecimal():
        count -= 1  # half a number would be another number
    return join(count)


def _count_fitting(count: int, max_width: float, measure: Callable[[int], float]) -> int:
    """Count the letters that fit into a width, at least one."""
    if measure(count) <= max_width:
        return count
    lengths = range(1, min(count, int(max_width) + 1))  # no letter is narrower than a pixel
    return max(bisect_right(lengths, max_width, key=measure), 1)


def _tell_apart(texts: Sequence[str], max_width: float, font_size: float) -> dict[str, str]:
    """Cut texts that begin alike before they differ."""
    letters = {text: _split_graphemes(strip_isolates(text)) for text in texts}
    together = takewhile(lambda column: len(set(column)) == 1, zip(*letters.values(), strict=False))
    shared = [column[0] for column in together]
    if " " in shared[-_MAX_WORD_START:]:  # whole words
        shared = shared[: len(shared) - shared[::-1].index(" ")]
    found: dict[str, str] = {}
    for text, own in letters.items():
        end, number = own[len(shared) :], 1
        space = max_width - measure_text(f"…{''.join(end)}", font_size)  # left of an end that is short
        start = _cut_letters(shared, "", max(space, max_width * _SHARED_START), font_size).rstrip("… ")
        short = _cut_letters(end, text, max_width, font_size, f"{start}…")
        while short in found.values():  # they differ in what is left out again
            number += 1
            short = _cut_letters(end, text, max_width, font_size, f"{number}: {start}…")
        found[text] = short
    return found


def _split_graphemes(text: str) -> list[str]:
    """Split a text into graphemes: with accents, joiners, flags."""
    letters: list[str] = []
    for one in text:
        joined = letters and (letters[-1][-1] == _ZERO_WIDTH_JOINER or one == _ZERO_WIDTH_JOINER or one in _SKIN_TONES)
        flag = letters and len(letters[-1]) == 1 and one in _REGIONAL_INDICATORS and letters[-1] in _REGIONAL_INDICATORS
        conjunct = letters and unicodedata.combining(letters[-1][-1]) == _VIRAMA and unicodedata.category(one) == "Lo"
        if joined or flag or conjunct or (letters and unicodedata.category(one) in ("Mn", "Me", "Mc")):
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

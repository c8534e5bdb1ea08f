"""Codes, bands and spellings: what each different value of a column means.

A column with codes has few different values. They are listed once, worked out in Python, and put into the engine as a
table of replacements.
"""

import re
from collections.abc import Mapping

from segmentation.preprocessing.spelling import normalise_text
from segmentation.schema import Column

MAX_VALUES = 2_000  # different values of a column with codes
_NUMBER = re.compile(
    r"(?<![\w.])[-+\u2212]?[$€£¥]?\s*(\d[\d,' \u00a0]*(?:\.\d+)?|\.\d+)\s*(k|m|mio|mn)?\b", re.IGNORECASE
)
_FACTORS = {"k": 1e3, "m": 1e6, "mio": 1e6, "mn": 1e6}
_BELOW = re.compile(r"^(?:<|≤|less than|under|below|up to|at most|bis|unter)", re.IGNORECASE)
_ABOVE = re.compile(
    r"^(?:>|≥|more than|over|above|at least|from|ab|über)|(?:\+|and more|or more|and over)$", re.IGNORECASE
)


def read_band(text: str) -> float | None:
    """Return the middle of a band, or None if it is none.

    "20-35" is 27.5, "$60K - $80K" 70,000; "Less than $40K" is half of it, and "65+" or "$120K +" the number itself, since
    nothing says where it ends.
    """
    words = " ".join(text.split())
    found = [
        float(re.sub(r"[^\d.]", "", number)) * _FACTORS.get(factor.lower(), 1.0)
        for number, factor in _NUMBER.findall(re.sub(r"(?<=[\dkKmM])\s*[-–—]\s*|\s+(?:to|bis|and)\s+", " ~ ", words))
    ]
    if len(found) == 2:
        return sum(found) / 2 if found[0] <= found[1] else None
    if len(found) != 1:
        return None
    if _BELOW.search(words):
        return found[0] / 2
    return found[0] if _ABOVE.search(words) or _NUMBER.fullmatch(words) else None


def map_values(counts: Mapping[str, int], column: Column) -> dict[str, str | float | None]:
    """Return what each value means; None for those that mean nothing.

    Parameters
    ----------
    counts : mapping of str to int
        By normalised value: rows that have it.

    Returns
    -------
    dict
        A value that the column doesn't know is left out.
    """
    codes = {normalise_text(key).casefold(): value for key, value in column.recoded}
    order = {value.casefold(): value for value in column.values}
    meaning: dict[str, str | float | None] = {}
    for value in counts:
        known: str | None = codes.get(value.casefold(), None if column.recoded and column.is_number else value)
        if column.is_number:
            number = read_band(value) if known is None and column.has_bands else _read_number(known or value)
            number = read_band(value) if number is None and column.has_bands else number
            if number is not None:
                meaning[value] = number
        elif not order or (known or "").casefold() in order:
            meaning[value] = order.get(known.casefold(), known) if known else None
    return meaning


def choose_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Return values that differ from another by case alone, and that one.

    The most frequent spelling stays; of equally frequent ones the first in the alphabet.
    """
    first: dict[str, str] = {}
    for value in sorted(counts, key=lambda one: (-counts[one], one)):
        first.setdefault(value.casefold(), value)
    return {value: first[value.casefold()] for value in counts if first[value.casefold()] != value}


def _read_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

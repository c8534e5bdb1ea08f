"""A name given in an earlier month: whether it is still true, and a new one that nobody has or had."""

import re
from collections.abc import Collection, Mapping

from segmentation.schema import COLUMNS
from segmentation.thresholds import NOTABLE_SD, SECOND_WORD_RATIO, TIEBREAK_SD
from segmentation.tracking.naming import name_segments

NAME_TOLERANCE_SDS = 0.15  # SDs by which a word may miss that before its name is flagged, or 3 standard errors if they are more


def is_name_accurate(name: str, centre: Mapping[str, float], *, standard_error: float = 0.0) -> bool:
    """Tell whether a name is still true of a centre, or false only by a wobble.

    False where a word of the name is missed, or a feature that the name doesn't speak of stands out more than the
    weakest one that it does, by more than `NAME_TOLERANCE_SDS` and three standard errors. A name that isn't made of our words,
    given by a person, always fits.

    Parameters
    ----------
    name : str
        As from `names.name_segments`.
    centre : mapping of str to float
        Features in standard deviations from the average.
    standard_error : float
        Standard error of the centre in one feature.
    """
    said = _parse_name(name)
    if not said and not name.startswith("Average"):
        return True
    slack = max(NAME_TOLERANCE_SDS, 3 * standard_error)
    floor = NOTABLE_SD if len(said) <= 2 else TIEBREAK_SD
    strengths = [sign * centre.get(feature, 0.0) for feature, sign in said.items()]
    if any(strength < floor - slack for strength in strengths):
        return False
    largest = max(abs(value) for value in centre.values())
    bar = max(NOTABLE_SD, SECOND_WORD_RATIO * largest, min(strengths) if len(said) >= 2 else 0.0)
    return all(abs(value) < bar + slack for feature, value in centre.items() if feature not in said)


def _parse_name(name: str) -> dict[str, int]:
    """Read back what a name says: which feature lies below (-1) or above (1) the average."""
    phrases = [
        (phrase, column.name, sign)
        for column in COLUMNS
        for pair in (column.nouns, column.adjectives)
        if pair
        for phrase, sign in zip(pair, (-1, 1), strict=True)
    ]
    text, said = name.lower(), {}
    for phrase, feature, sign in sorted(phrases, key=lambda item: -len(item[0])):
        text, found = re.subn(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", "", text)
        if found:
            said[feature] = sign
    return said


def choose_unused_name(name: str, centre: Mapping[str, float], taken: Collection[str]) -> str:
    """Give a name that nobody has or had: the short one, the one with every feature, else a number after it."""
    long = name_segments([centre, centre])[0]  # two alike take every feature before they are numbered
    numbered = (f"{long} {n}" for n in range(2, len(taken) + 3))
    return next(option for option in (name, long, *numbered) if option not in taken)

"""Segment names, such as "Young light listeners"."""

import re
from collections.abc import Collection, Mapping, Sequence

from segmentation.schema import Column, Schema, WordPair
from segmentation.thresholds import NOTABLE_SD, SECOND_WORD_RATIO, TIEBREAK_SD

NAME_TOLERANCE_SDS = 0.15  # SDs, or 3 standard errors if they are more, by which a name may miss before it is flagged
_MAX_FEATURES = 2  # features in a name that no other segment has
_MOST_FEATURES = 4  # features in any name: more is no name


def name_segments(centres: Sequence[Mapping[str, float]], schema: Schema) -> list[str]:
    """Name segments by where their centres lie, all differently.

    Where two would share a name, both take one more feature. Where that does not help, the later ones are numbered.

    Parameters
    ----------
    centres : sequence of mapping of str to float
        Each segment's features in standard deviations from the average.
    schema : Schema
        With the words for each feature and for users.
    """
    names = [_compose_name(centre, schema, _MAX_FEATURES) for centre in centres]
    for max_features in range(_MAX_FEATURES + 1, _MOST_FEATURES + 1):
        shared = {name for name in names if names.count(name) > 1}
        names = [
            _compose_name(centre, schema, max_features, floor=TIEBREAK_SD) if name in shared else name
            for centre, name in zip(centres, names, strict=True)
        ]
    unique: list[str] = []
    for name in names:
        same = sum(1 for other in names[: len(unique)] if other == name)
        unique.append(f"{name} {same + 1}" if same else name)
    return unique


def _compose_name(centre: Mapping[str, float], schema: Schema, max_features: int, floor: float = NOTABLE_SD) -> str:
    """Name one centre by its largest differences."""
    largest = max((abs(value) for value in centre.values()), default=0.0)
    notable = [
        name
        for name, value in sorted(centre.items(), key=lambda item: -abs(item[1]))
        if abs(value) >= floor and (floor < NOTABLE_SD or abs(value) >= SECOND_WORD_RATIO * largest)
    ][:max_features]
    columns = [column for column in schema.columns if column.name in notable]
    if not columns:
        return f"Average {schema.user[1]}"
    # the noun is the main number's where it counts ("light listeners"), else the first that has one ("high earners")
    noun = max(
        (column for column in columns if column.nouns), key=lambda column: column.name == schema.main, default=None
    )
    words = [get_adjectives(one)[int(centre[one.name] > 0)] for one in columns if one is not noun]
    words.append(noun.nouns[int(centre[noun.name] > 0)] if noun and noun.nouns else schema.user[1])
    name = " ".join(words)
    return name[:1].upper() + name[1:]


def get_adjectives(column: Column) -> WordPair:
    """Return a column's adjectives, or "low-tenure", "high-tenure"."""
    label = column.label.replace(" ", "-")
    return column.adjectives or (f"low-{label}", f"high-{label}")


def is_name_accurate(name: str, centre: Mapping[str, float], schema: Schema, *, standard_error: float = 0.0) -> bool:
    """Tell whether a name still fits a centre.

    It does not fit where the centre misses one of its words, or where a feature without a word stands out more than the
    weakest one with a word; both by more than `NAME_TOLERANCE_SDS` and three standard errors. A name that a person gave
    always fits.

    Parameters
    ----------
    centre : mapping of str to float
        Features in standard deviations from the average.
    standard_error : float
        Standard error of the centre in one feature.
    """
    signs = _parse_name(name, schema)
    if not signs and not name.startswith("Average"):
        return True
    slack = max(NAME_TOLERANCE_SDS, 3 * standard_error)
    floor = NOTABLE_SD if len(signs) <= 2 else TIEBREAK_SD
    strengths = [sign * centre.get(feature, 0.0) for feature, sign in signs.items()]
    if any(strength < floor - slack for strength in strengths):
        return False
    largest = max(abs(value) for value in centre.values())
    bar = max(NOTABLE_SD, SECOND_WORD_RATIO * largest, min(strengths) if len(signs) >= 2 else 0.0)
    return all(abs(value) < bar + slack for feature, value in centre.items() if feature not in signs)


def _parse_name(name: str, schema: Schema) -> dict[str, int]:
    """Return a name's features, below (-1) or above (1)."""
    phrases = [
        (phrase.lower(), column.name, sign)
        for column in schema.select(schema.features)
        for pair in (column.nouns, get_adjectives(column))
        if pair
        for phrase, sign in zip(pair, (-1, 1), strict=True)
    ]
    text, signs = name.lower(), {}
    for phrase, feature, sign in sorted(phrases, key=lambda item: -len(item[0])):
        text, count = re.subn(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", "", text)
        if count:
            signs[feature] = sign
    return signs


def choose_unused_name(name: str, centre: Mapping[str, float], taken: Collection[str], schema: Schema) -> str:
    """Return a name that no segment has or had.

    The first free one of: the name itself, the name with every feature, that name with a number.
    """
    long = name_segments([centre, centre], schema)[0]  # two alike take every feature before they are numbered
    numbered = (f"{long} {n}" for n in range(2, len(taken) + 3))
    return next(option for option in (name, long, *numbered) if option not in taken)

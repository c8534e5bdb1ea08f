"""A name for each segment, made from what it is: "Young light listeners"."""

from collections.abc import Mapping, Sequence

from segmentation.schema import COLUMNS
from segmentation.thresholds import NOTABLE_SD, SECOND_WORD_RATIO, TIEBREAK_SD

_MAX_FEATURES = 2  # features in a name, before it has to be told from another


def name_segments(centres: Sequence[Mapping[str, float]]) -> list[str]:
    """Name segments by where their centres lie, each name once.

    Parameters
    ----------
    centres : sequence of mapping of str to float
        Each segment's features in standard deviations from the average, in the order of the segments.

    Returns
    -------
    list of str
        In the same order. Where two would share a name, both take one more feature; where that does not tell them
        apart, the later ones are numbered.
    """
    names = [_compose_name(centre, _MAX_FEATURES) for centre in centres]
    for most in range(_MAX_FEATURES + 1, len(COLUMNS)):
        twice = {name for name in names if names.count(name) > 1}
        names = [
            _compose_name(centre, most, floor=TIEBREAK_SD) if name in twice else name
            for centre, name in zip(centres, names, strict=True)
        ]
    unique: list[str] = []
    for name in names:
        same = sum(1 for other in names[: len(unique)] if other == name)
        unique.append(f"{name} {same + 1}" if same else name)
    return unique


def _compose_name(centre: Mapping[str, float], most: int, floor: float = NOTABLE_SD) -> str:
    """Name one centre by its `most` largest differences."""
    largest = max((abs(value) for value in centre.values()), default=0.0)
    worth = [
        name
        for name, value in sorted(centre.items(), key=lambda item: -abs(item[1]))
        if abs(value) >= floor and (floor < NOTABLE_SD or abs(value) >= SECOND_WORD_RATIO * largest)
    ][:most]
    named = [column for column in COLUMNS if column.name in worth]
    if not named:
        return "Average listeners"
    # the noun is the usage where it counts ("light listeners"), else the income ("high earners")
    noun = max(
        (column for column in named if column.nouns),
        key=lambda column: column.name == "usage_per_month",
        default=None,
    )
    words = [c.adjectives[int(centre[c.name] > 0)] for c in named if c is not noun and c.adjectives]
    words.append(noun.nouns[int(centre[noun.name] > 0)] if noun and noun.nouns else "listeners")
    return " ".join(words).capitalize()

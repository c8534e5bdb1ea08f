"""Thresholds shared by analysis and pages. Imports nothing heavy."""

from typing import Literal

INDEX_LOW, INDEX_HIGH = 80, 120  # an index between them counts as average, as media planners read it

NOTABLE_SD = 0.4  # SDs from the average from which a mean is called low or high, everywhere
MIN_MEAN_SHIFT = 0.05  # SDs by which a mean has to move from month to month to be told
MIN_PSI = 0.0025  # population stability index that such a move of a Gaussian column makes: its square
MIN_SHARE_SHIFT = 0.01  # part of the users by which a value's share has to change to be told
TIEBREAK_SD = 0.1  # the same, where names need more words to differ
SECOND_WORD_RATIO = 0.4  # part of the largest difference that a second word of a name needs

StabilityGrade = Literal["highly stable", "stable", "doubtful", "not to be relied on"]
JACCARD_HIGHLY_STABLE, JACCARD_STABLE, JACCARD_DOUBTFUL = 0.85, 0.75, 0.6  # as in Hennig's `clusterboot`


def grade_stability(jaccard: float) -> StabilityGrade:
    """Return a mean Jaccard similarity in words."""
    if jaccard >= JACCARD_HIGHLY_STABLE:
        return "highly stable"
    if jaccard >= JACCARD_STABLE:
        return "stable"
    return "doubtful" if jaccard >= JACCARD_DOUBTFUL else "not to be relied on"

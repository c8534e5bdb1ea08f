"""Where numbers become words: the bounds that analysis and pages read them by. Light to import, for the pages' sake."""

from typing import Literal

INDEX_LOW, INDEX_HIGH = 80, 120  # an index between them is the average, as media planners read it

NOTABLE_SD = 0.4  # SDs from the average from which a mean is called low or high: in names, sentences, and rules of the playbook
TIEBREAK_SD = 0.1  # SDs from which it is where names need more words to be told apart
SECOND_WORD_RATIO = 0.4  # part of the largest difference that a second word of a name has to have

StabilityGrade = Literal["highly stable", "stable", "doubtful", "not to be relied on"]
JACCARD_HIGHLY_STABLE, JACCARD_STABLE, JACCARD_DOUBTFUL = 0.85, 0.75, 0.6


def grade_stability(jaccard: float) -> StabilityGrade:
    """Say a mean Jaccard likeness in words, as Hennig's `clusterboot` reads it."""
    if jaccard >= JACCARD_HIGHLY_STABLE:
        return "highly stable"
    if jaccard >= JACCARD_STABLE:
        return "stable"
    return "doubtful" if jaccard >= JACCARD_DOUBTFUL else "not to be relied on"

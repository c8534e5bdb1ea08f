"""Where numbers become words: the bounds that analysis and pages read them by. Light to import, for the pages' sake."""

from typing import Literal

LEAST, MOST = 80, 120  # an index between them is the average, as media planners read it

FAR = 0.4  # SDs from the average from which a mean is called low or high: in names, sentences, and rules of the playbook
SLIGHT = 0.1  # SDs from which it is where names need more words to be told apart
BESIDE = 0.4  # part of the largest difference that a second word of a name has to have

Grade = Literal["highly stable", "stable", "doubtful", "not to be relied on"]
HIGHLY, STABLE, DOUBTFUL = 0.85, 0.75, 0.6


def grade(jaccard: float) -> Grade:
    """Say a mean Jaccard likeness in words, as Hennig's `clusterboot` reads it."""
    if jaccard >= HIGHLY:
        return "highly stable"
    if jaccard >= STABLE:
        return "stable"
    return "doubtful" if jaccard >= DOUBTFUL else "not to be relied on"

"""Sentences on the choice of the number of segments."""

from report.text.formatting import capitalise_first, join_with_and
from segmentation.facts import Facts

_SILHOUETTE_TIE = 0.05  # difference of mean silhouettes that is called "a little better"


def get_chosen_silhouette(facts: Facts) -> float:
    """Return the mean silhouette at the chosen k."""
    return facts.validity.silhouette[facts.validity.k.index(facts.elbow.chosen)]


def describe_other_measures(facts: Facts) -> str:
    """Describe where silhouette and gap statistic disagree."""
    chosen = facts.elbow.chosen
    votes: dict[str, int | None] = {vote.judge: vote.k for vote in facts.structure.votes}
    names = {"silhouette": "the silhouette", "gap": "the gap statistic"}
    others = [
        f"{name} favours {'none' if votes[judge] == 1 else votes[judge]}"
        for judge, name in names.items()
        if votes.get(judge) not in (None, chosen)
    ]
    if not others:
        agree = [name for judge, name in names.items() if votes.get(judge) == chosen]
        agreed = f"{join_with_and(agree)} {'favours' if len(agree) == 1 else 'favour'} {chosen}, too."
        return capitalise_first(agreed)
    return f"Not all measures agree on {chosen}: {join_with_and(others)}."


def name_criterion(judge: str) -> str:
    """Return a criterion's name on pages."""
    return {
        "elbow": "Elbow of inertia (Kneedle)",
        "gap": "Gap statistic",
        "silhouette": "Silhouette",
        "calinski_harabasz": "Calinski-Harabasz",
        "davies_bouldin": "Davies-Bouldin",
        "stability": "Stability in resampled data",
        "valleys": "Valleys between neighbours",
        "mixture": "Gaussian mixture, merged",
    }[judge]


def describe_null_band(facts: Facts) -> str:
    """Describe the curve against that of structureless users."""
    if facts.structure.below_band:
        return "The curve falls faster than it would if the same users had no structure, whose range is drawn in grey."
    return "The curve falls as it would if the same users had no structure, whose range is drawn in grey."


def find_best_silhouette_k(facts: Facts) -> int:
    """Return the k with the highest mean silhouette."""
    validity = facts.validity
    return max(zip(validity.k, validity.silhouette, strict=True), key=lambda pair: (pair[1], -pair[0]))[0]


def describe_bend(facts: Facts) -> str:
    """Describe the curve's bend and the k used."""
    elbow, proposed = facts.elbow, _find_proposed_k(facts)
    k, bends = elbow.chosen, f"the curve bends at {elbow.knee}" if elbow.knee else "the curve has no bend"
    if proposed != k:
        reason = {"elbow": "the curve bends at", "panel": "gaps show", "silhouette": "the silhouette is best at"}
        return f"{k} segments: {reason[elbow.decided_by]} {proposed}, which would leave one with too few users"
    if elbow.decided_by == "panel" and elbow.knee == k:
        return f"The curve bends at {k} segments, and gaps between the groups show as many"
    return {
        "settings": f"{k} segments, as asked for; {bends}",
        "panel": f"Gaps between the groups show {k} segments; {bends}",
        "previous": f"{k} segments, as last month: the evidence for another number isn't clear",
        "silhouette": f"The curve has no bend; the silhouette is best at {k} segments",
        "elbow": f"The curve bends at {k} segments",
    }[elbow.decided_by]


def _find_proposed_k(facts: Facts) -> int | None:
    """Return the k that the deciding measure proposes.

    A smaller one is used if it would make too small a segment.
    """
    elbow = facts.elbow
    return {
        "elbow": elbow.knee,
        "panel": facts.structure.panel,
        "previous": elbow.chosen,
        "silhouette": find_best_silhouette_k(facts),
        "settings": elbow.chosen,
    }[elbow.decided_by]


def describe_separation(facts: Facts) -> str:
    """Describe which k separates users best."""
    best, chosen = find_best_silhouette_k(facts), facts.elbow.chosen
    if best == chosen:
        return f"Users are best separated in {best} segments, the number used"
    by = max(facts.validity.silhouette) - get_chosen_silhouette(facts)
    much = "a little better" if by < _SILHOUETTE_TIE else "better"
    return f"Users are separated {much} in {best} segments than in the {chosen} used"


def describe_k_choice(facts: Facts) -> str:
    """Describe how the number of segments was chosen."""
    low, high = facts.elbow.k[0], facts.elbow.k[-1]
    return f"Segmentations of {low} to {high} segments were tried, each from {facts.starts} starts. {describe_bend(facts)}. {describe_null_band(facts)} {describe_other_measures(facts)}"


def explain_k_rule(facts: Facts) -> str:
    """Explain what decides the number of segments."""
    fewer = "" if _find_proposed_k(facts) == facts.elbow.chosen else ", or fewer, so that none has too few users"
    return {
        "elbow": "the number of segments is where its curve bends (Kneedle)",
        "panel": "the number of segments is the largest with a gap between each two",
        "previous": "the number of segments is last month's, since the evidence for another isn't clear",
        "silhouette": "its curve does not bend, so that the number of segments is where the silhouette is best",
        "settings": "the number of segments was asked for",
    }[facts.elbow.decided_by] + fewer

"""Sentences: facts in, what an executive would say out. Plain text; whoever lays it out escapes it.

Each sentence is chosen by what the numbers support, and every number in it is written by `report.written`.
"""

from report.written import (
    NBSP,
    counted,
    decimal,
    index,
    label,
    listed,
    measured,
    month_name,
    percent,
    thousands,
)
from segmentation.facts import Facts, Segment, Standout
from segmentation.schema import BY_NAME

STRONG, REASONABLE = (
    0.7,
    0.5,
)  # mean silhouettes; Kaufman and Rousseeuw (1990), "Finding Groups in Data", table 4
_FAR = 0.4  # SDs from which a segment is said to be above or below the average
_RULES = {
    "missing": "no value",
    "repeated": "a user who is there already",
    "out_of_range": "an impossible value",
}


# What was found


def headline(facts: Facts) -> str:
    """Say in one sentence what the month found."""
    first, kinds = biggest(facts), len(facts.segments)
    found = f"{counted(kinds, 'kind').capitalize()} of listeners"
    if kinds == 1:
        return f"{found}: {lower(first.name)}, {percent(first.share)} of users"
    return f"{found}; {lower(first.name)} are the {'larger' if kinds == 2 else 'largest'}, {percent(first.share)} of users"


def largest(facts: Facts) -> str:
    """Say which segment is the largest."""
    first = biggest(facts)
    rank = {1: "only", 2: "larger"}.get(len(facts.segments), "largest")
    return f"{first.name} are the {rank} segment, {percent(first.share)} of users"


def biggest(facts: Facts) -> Segment:
    """Give the segment with the most users."""
    return max(facts.segments, key=lambda segment: segment.users)


def lower(name: str) -> str:
    """Write a segment's name in the middle of a sentence."""
    return name[:1].lower() + name[1:]


def prepared(facts: Facts) -> str:
    """Say how many users the report rests on."""
    return f"Prepared from {thousands(facts.audit.kept)} of {thousands(facts.audit.read)} users"


def month(facts: Facts) -> str:
    """Name the month."""
    return month_name(facts.month)


def synthetic(facts: Facts) -> str:
    """Say that the users are made up, where they are."""
    return "Synthetic sample data: these users are made up." if facts.source.synthetic else ""


# How sure


def strength(facts: Facts) -> str:
    """Say in a word how well the segments are separated."""
    mean = chosen_silhouette(facts)
    return "strong" if mean >= STRONG else "reasonable" if mean >= REASONABLE else "weak"


def chosen_silhouette(facts: Facts) -> float:
    """Give the mean silhouette at the number of segments used."""
    return facts.validity.silhouette[facts.validity.k.index(facts.elbow.chosen)]


def certainty(facts: Facts) -> str:
    """Say how sure the segments are, for one who decides by them."""
    mean = decimal(chosen_silhouette(facts))
    return {
        "strong": f"Strong structure: the segments lie far apart (silhouette {mean}).",
        "reasonable": f"Reasonable structure: the segments are distinct, with some users between them (silhouette {mean}).",
        "weak": f"Weak structure: the segments shade into each other (silhouette {mean}).",
    }[strength(facts)]


def opinion(facts: Facts) -> str:
    """Say whether the silhouette would choose the same number of segments."""
    best = best_silhouette(facts)
    if best == facts.elbow.chosen:
        return f"A second measure, the silhouette, also favours {best} segments."
    return f"A second measure, the silhouette, favours {best} segments instead."


def best_silhouette(facts: Facts) -> int:
    """Give the number of segments with the highest mean silhouette."""
    validity = facts.validity
    return max(zip(validity.k, validity.silhouette, strict=True), key=lambda pair: (pair[1], -pair[0]))[0]


# How many


def bend(facts: Facts) -> str:
    """Say where the curve bends, and what was used."""
    elbow = facts.elbow
    if elbow.decided_by == "settings":
        bends = f"the curve bends at {elbow.knee}" if elbow.knee else "the curve has no bend"
        return f"{elbow.chosen} segments, as asked for; {bends}"
    if elbow.decided_by == "silhouette":
        return f"The curve has no bend; the silhouette is best at {elbow.chosen} segments"
    return f"The curve bends at {elbow.chosen} segments"


def separation(facts: Facts) -> str:
    """Say which number of segments separates users best."""
    best, chosen = best_silhouette(facts), facts.elbow.chosen
    if best == chosen:
        return f"Users are best separated in {best} segments, the number used"
    return f"Users are separated a little better in {best} segments than in the {chosen} used"


def choice(facts: Facts) -> str:
    """Say how the number of segments was chosen."""
    low, high = facts.elbow.k[0], facts.elbow.k[-1]
    return f"Segmentations of {low} to {high} segments were tried, each from {facts.starts} starts. {bend(facts)}. {opinion(facts)}"


# Who they are


def portrait(segment: Segment) -> str:
    """Describe a segment's average listener in plain units."""
    means = segment.means
    return (
        f"On average {measured(means['age'], 'age')} old, {measured(means['annual_income'], 'annual_income')} a year, "
        f"{measured(means['usage_per_month'], 'usage_per_month')} of listening a month, "
        f"active on {measured(means['num_of_days_active'], 'num_of_days_active')} of the last 365."
    )


def difference(facts: Facts) -> str:
    """Say which feature separates the segments most."""
    spread = {
        name: max(s.centre[name] for s in facts.segments) - min(s.centre[name] for s in facts.segments)
        for name in facts.features
    }
    order = sorted(spread, key=lambda name: -spread[name])
    apart = [label(name) for name in order if spread[name] >= 2 * _FAR]
    flat = [label(name) for name in order if spread[name] < 2 * _FAR]
    if not apart:
        return "The segments differ little in any one number"
    most = f"{_capital(apart[0])} {'separate' if _plural(apart[:1]) else 'separates'} the segments most"
    if apart[1:]:
        most += f", then {apart[1]}"
    return f"{most}; {listed(flat)} {'do' if _plural(flat) else 'does'} not" if flat else most


def _plural(labels: list[str]) -> bool:
    """Tell whether a verb after these has no s: "age and usage do", "days active do"."""
    return len(labels) > 1 or labels == ["days active"]


def place(facts: Facts, segment: Segment) -> str:
    """Say where a segment lies, as in "Heavy listeners: more listening"."""
    said = [
        BY_NAME[name].comparatives[int(segment.centre[name] > 0)]  # type: ignore[index]
        for name in sorted(facts.features, key=lambda name: -abs(segment.centre[name]))
        if abs(segment.centre[name]) >= _FAR
    ]
    return f"{segment.name}: {', '.join(said) or 'near the average'}."


def stands_out(segment: Segment) -> str:
    """Say the one thing that sets a segment apart most."""
    if not segment.stands_out:
        return f"{segment.name}: close to the average in everything"
    return f"{segment.name}: {thing(segment.stands_out[0])}"


def thing(item: Standout) -> str:
    """Say one difference: "income about twice the average (index 196)"."""
    what = label(item.column) if item.category is None else f"{item.category} users"
    return f"{what} {ratio(item.index)} (index {index(item.index)})"


def standouts(segment: Segment) -> str:
    """Say what sets a segment apart, in two sentences that the index bars prove."""
    if not segment.stands_out:
        return "No index lies outside 80 to 120: they are close to the average in everything."
    numbers = [item for item in segment.stands_out if item.category is None][:3]
    values = [item for item in segment.stands_out if item.category is not None][:3]
    said = []
    if numbers:
        said.append(_sentence(listed([thing(item) for item in numbers])))
    if values:
        shares = [f"{item.category} (index {index(item.index)})" for item in values if item.index > 100]
        fewer = [f"{item.category} (index {index(item.index)})" for item in values if item.index < 100]
        parts = ([f"more often {listed(shares)}"] if shares else []) + (
            [f"less often {listed(fewer)}"] if fewer else []
        )
        said.append(_sentence(f"they are {', and '.join(parts)}"))
    return " ".join(said)


def _sentence(text: str) -> str:
    return f"{_capital(text)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def ratio(value: float) -> str:
    """Write an index as a part or a multiple: 196 is "about twice the average", 62 is "at 62 % of the average"."""
    times = value / 100
    if times < 1:
        return f"at {percent(times)} of the average"
    if times < 1.75:
        return f"{percent(times - 1)} above the average"
    whole = {2.0: "about twice", 3.0: "about three times"}.get(
        round(times * 2) / 2, f"{decimal(times, 1)} times"
    )
    return f"{whole} the average"


def kpi(segment: Segment) -> str:
    """Say what a segment's play is judged by."""
    play = segment.play
    if play is None:
        return ""
    measure = play.measure
    return (
        f"Average {label(measure.column)}: {measured(measure.baseline, measure.column)} today, "
        f"{measured(measure.target, measure.column)} wanted."
    )


# What came in


def kept(facts: Facts) -> str:
    """Say what cleaning did."""
    audit = facts.audit
    lost = audit.read - audit.kept
    if not lost:
        return f"All {thousands(audit.read)} rows passed every check."
    reasons = [f"{thousands(d.rows)} for {_RULES[d.rule]} in {label(d.column)}" for d in audit.dropped]
    return f"Of {thousands(audit.read)} rows, {thousands(audit.kept)} were kept; {thousands(lost)} were left out: {listed(reasons)}."


def quality(facts: Facts) -> str:
    """Say in a title how much of the file could be used."""
    audit = facts.audit
    return f"{percent(audit.kept / audit.read)} of the rows could be used"


def broken(rule: str) -> str:
    """Name a cleaning rule."""
    return {"missing": "No value", "repeated": "Repeated user", "out_of_range": "Impossible value"}[rule]


def typical(facts: Facts) -> str:
    """Say who the middle listener is."""
    medians = {name: column.quartiles[1] for name, column in facts.distributions.numbers.items()}
    return (
        f"The middle user is {measured(medians['age'], 'age')} old, earns {measured(medians['annual_income'], 'annual_income')} "
        f"and listens {measured(medians['usage_per_month'], 'usage_per_month')} a month"
    )


def commonest(facts: Facts) -> str:
    """Say what most users have in common."""
    first = {name: next(iter(values.items())) for name, values in facts.shares.items()}
    genre, share = first["top_genre"]
    work, working = first["employment_status"]
    return f"{genre} is the most popular genre ({percent(share)}); {percent(working)} are {lower(work)}"


# The map


def seen(facts: Facts) -> str:
    """Say how much of the differences the map shows."""
    return f"The map shows {percent(sum(facts.pca.explained))} of all differences between users"


def axis(facts: Facts, component: int) -> str:
    """Title an axis of the map with its directions in words."""
    pca = facts.pca
    low, high = (
        (pca.axes["left"], pca.axes["right"]) if component == 0 else (pca.axes["down"], pca.axes["up"])
    )
    name = ("First", "Second")[component]
    share = f"{name} component (SD), {percent(pca.explained[component])} of the differences"
    gap = NBSP * 6
    return f"← {low}{gap}{share}{gap}{high} →"


def method(facts: Facts) -> str:
    """Say in one paragraph how the segments are made."""
    features = listed([label(name) for name in facts.features])
    return (
        f"Rows with a missing or impossible value are left out. {features[:1].upper() + features[1:]} are put on one scale: "
        "standard deviations (SD) from the average. K-means puts users into the segments whose centres are nearest; "
        f"of {facts.starts} random starts the best counts. Inertia is the sum of squared distances to the centres; the number "
        "of segments is where its curve bends (Kneedle). The silhouette tells how much nearer a user is to the own "
        "segment than to the next: 1 is far apart, 0 on the border. An index compares a segment with all users: 100 is "
        f"the average, 200 twice it; it says nothing on fewer than {facts.smallest_base} users."
    )


def colophon(facts: Facts) -> str:
    """Say what somebody needs who wants to make the same report again."""
    return (
        f"Source {facts.source.name}, SHA-256 {facts.source.sha256[:16]}…; random seed {facts.seed}; "
        f"facts format {facts.format}."
    )

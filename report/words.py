"""Sentences: facts in, what an executive would say out. Plain text; whoever lays it out escapes it.

Each sentence is chosen by what the numbers support, and every number in it is written by `report.written`.
"""

import math

from report import verdicts
from report.written import (
    NBSP,
    both_measured,
    capital,
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
from segmentation.readings import FAR, LEAST, MOST
from segmentation.schema import BY_NAME

_AVERAGE = 100  # the index of all users
_FEW = 2  # names that a short sentence has room for
_SHAKY = ("doubtful", "not to be relied on")
_RULES = {
    "missing": "no value in {}",
    "repeated": "a {} who is there already",
    "out_of_range": "an impossible value in {}",
}


# What was found


def headline(facts: Facts) -> str:
    """Say in one sentence what the month found."""
    first, kinds = biggest(facts), len(facts.segments)
    if not facts.structure.reliable:
        return "No reliable segments this month: users differ by degrees, not in groups"
    found = f"{counted(kinds, 'kind').capitalize()} of listeners"
    if kinds == 1:
        return f"{found}: {lower(first.name)}, {percent(first.share)} of users"
    if _tied(facts):
        return f"{found}; none is larger than {lower(first.name)}, {percent(first.share)} of users"
    return f"{found}; {lower(first.name)} are the {'larger' if kinds == 2 else 'largest'}, {percent(first.share)} of users"


def noun(facts: Facts) -> str:
    """Say what the parts are called: segments, or where nothing can be relied on, mere groups."""
    return "segment" if facts.structure.reliable else "group"


def largest(facts: Facts) -> str:
    """Say which segment is the largest."""
    first = biggest(facts)
    if _tied(facts):
        return f"No {noun(facts)} is larger than {lower(first.name)}, {percent(first.share)} of users"
    rank = {1: "only", 2: "larger"}.get(len(facts.segments), "largest")
    return f"{first.name} are the {rank} {noun(facts)}, {percent(first.share)} of users"


def spread(facts: Facts) -> str:
    """Say how the users are spread over the segments: "Four segments of 17 to 32 % of users each"."""
    ranked_ = ranked(facts)
    if len(ranked_) == 1:
        return largest(facts)
    low, high = percent(ranked_[-1].share), percent(ranked_[0].share)
    of = low if low == high else f"{low.removesuffix(f'{NBSP}%')} to {high}"
    return f"{counted(len(ranked_), noun(facts)).capitalize()} of {of} of users each"


def ranked(facts: Facts) -> list[Segment]:
    """Give the segments in the order in which pages show them: the largest first."""
    return sorted(facts.segments, key=lambda segment: -segment.users)


def biggest(facts: Facts) -> Segment:
    """Give the segment with the most users."""
    return max(facts.segments, key=lambda segment: segment.users)


def _tied(facts: Facts) -> bool:
    """Tell whether another segment has as many users as the first."""
    return [segment.users for segment in facts.segments].count(biggest(facts).users) > 1


def lower(name: str) -> str:
    """Write a segment's name in the middle of a sentence."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]  # "VIPs" stays


def prepared(facts: Facts) -> str:
    """Say how many users the report rests on; a row more of a user who is there already is no user more."""
    audit = facts.audit
    there = audit.read - sum(drop.rows for drop in audit.dropped if drop.rule == "repeated")
    return f"Prepared from {thousands(audit.kept)} of {thousands(there)} users"


def month(facts: Facts) -> str:
    """Name the month."""
    return month_name(facts.month)


def synthetic(facts: Facts) -> str:
    """Say that the users are made up, where they are."""
    return "Synthetic sample data: these users are made up." if facts.source.synthetic else ""


# How sure


def strength(facts: Facts) -> str:
    """Say in a word how well the segments are attested."""
    if not facts.structure.reliable:
        return "none to rely on"
    return facts.structure.evidence


def certainty(facts: Facts) -> str:
    """Say how sure the segments are, for one who decides by them."""
    mean = decimal(verdicts.chosen_silhouette(facts))
    if not facts.structure.reliable:
        evidence = "no" if facts.structure.evidence == "none" else "too little"
        return (
            f"There is {evidence} evidence of separate groups: any border between them is drawn through a crowd (silhouette {mean}). "
            "What follows describes the users; it is no basis for different treatment."
        )
    if facts.structure.evidence == "clear":
        return f"Clear structure: few users live between the segments (silhouette {mean})."
    apart = [lower(segment.name) for segment in facts.segments if segment.apart]
    if len(apart) == len(facts.segments):
        return f"Weak structure: the segments stand apart, but may not come again (silhouette {mean})."
    only = f"; only {listed(apart)} stand apart" if apart else ""
    return f"Weak structure: the segments shade into each other{only} (silhouette {mean})."


def sure(facts: Facts) -> str:
    """Say how sure the segments are, in a sentence or two, for one who has two minutes."""
    if not facts.structure.reliable:
        return certainty(facts)
    apart = [lower(segment.name) for segment in facts.segments if segment.apart]
    if facts.structure.evidence == "clear":
        said = "Clear structure: few users live between segments."
    else:
        all_apart = len(apart) == len(facts.segments)
        shade = "stand apart, but may not come again" if all_apart else f"shade into each other{_only(apart)}"
        said = f"Weak structure: segments {shade}."
    shaky = [s for s in facts.segments if s.stability.grade in _SHAKY]
    stable = len(facts.segments) - len(shaky)
    if not shaky:
        return f"{said} All come again in resampled data."
    return f"{said} {stable or 'None'} of {len(facts.segments)} {_comes(stable)} again in resampled data."


def _comes(count: int) -> str:
    """Say "comes" of one, and "come" of several or none."""
    return "comes" if count == 1 else "come"


def _only(apart: list[str]) -> str:
    """Say which few stand apart; nothing where it is none, or too many to be named."""
    return f"; only {listed(apart)} stand apart" if 0 < len(apart) <= _FEW else ""


def steadiness(facts: Facts) -> str:
    """Say how many segments come again when the data is resampled."""
    names = [lower(s.name) for s in facts.segments if s.stability.grade in _SHAKY]
    stable = len(facts.segments) - len(names)
    if not names:
        all_ = f"Both{NBSP}{noun(facts)}s" if stable == 2 else f"All {counted(stable, noun(facts))}"
        return f"{all_} come again when the data is resampled."
    if not stable:
        return f"None of the {len(facts.segments)} {noun(facts)}s is sure to come again when the data is resampled."
    return (
        f"{counted(stable, noun(facts)).capitalize()} of {len(facts.segments)} {_comes(stable)} again when the data is resampled; "
        f"{listed(names)} may not."
    )


# Who they are


def portrait(segment: Segment) -> str:
    """Describe a segment's average listener in plain units."""
    means = segment.means
    return (
        f"On average {measured(means['age'], 'age')} old, {measured(means['annual_income'], 'annual_income')} a year, "
        f"{measured(means['usage_per_month'], 'usage_per_month')} of listening a month, "
        f"active on {measured(means['num_of_days_active'], 'num_of_days_active')} of the last 365."
    )


def by_difference(facts: Facts) -> dict[str, float]:
    """Give how far apart the segments lie in each feature, in SDs, the feature first that separates them most."""
    spread = {
        name: max(s.centre[name] for s in facts.segments) - min(s.centre[name] for s in facts.segments)
        for name in facts.features
    }
    return dict(sorted(spread.items(), key=lambda item: -item[1]))


def difference(facts: Facts) -> str:
    """Say which feature separates the segments most."""
    spread = by_difference(facts)
    apart = [label(name) for name, apart in spread.items() if apart >= 2 * FAR]
    flat = [label(name) for name, apart in spread.items() if apart < 2 * FAR]
    if not apart:
        return f"The {noun(facts)}s differ little in any one number"
    most = (
        f"{capital(apart[0])} {'separate' if is_plural(apart[:1]) else 'separates'} the {noun(facts)}s most"
    )
    if apart[1:]:
        most += f", then {apart[1]}"
    return f"{most}; {listed(flat)} {'do' if is_plural(flat) else 'does'} not" if flat else most


def is_plural(labels: list[str]) -> bool:
    """Tell whether a verb after these has no s: "age and usage do", "days active do"."""
    return len(labels) > 1 or labels[0].partition(" ")[0].endswith("s")


def place(segment: Segment) -> str:
    """Say where a segment lies, as in "Heavy listeners: more listening"."""
    return f"{segment.name}: {', '.join(places(segment)) or 'near the average'}."


def places(segment: Segment) -> list[str]:
    """Say in which features a segment lies far from the average, as its name does, the farthest first."""
    return [
        BY_NAME[name].comparatives[int(sds > 0)]  # type: ignore[index]
        for name, sds in sorted(segment.centre.items(), key=lambda one: -abs(one[1]))
        if abs(sds) >= FAR
    ]


def stands_out(segment: Segment) -> str:
    """Say the one thing that sets a segment apart most: a number where one does, else a category."""
    if not segment.stands_out and is_thin(segment):
        return f"{segment.name}: too few users to compare"
    if not segment.stands_out:
        return f"{segment.name}: {', '.join(places(segment)) or 'close to the average in everything'}"
    numbers = [item for item in segment.stands_out if item.category is None]
    return f"{segment.name}: {thing((numbers or list(segment.stands_out))[0])}"


def is_thin(segment: Segment) -> bool:
    """Whether a segment has too few users for any index of a number."""
    return all(item.value is None for item in segment.index.values())


def thing(item: Standout) -> str:
    """Say one difference: "income about twice the average (index 196)"."""
    what = label(item.column) if item.category is None else f"{item.category} users"
    return f"{what} {ratio(item.index)} (index {index(item.index)})"


def standouts(segment: Segment) -> str:
    """Say what sets a segment apart, in sentences that the index bars prove."""
    return " ".join(differing(segment))


def differing(segment: Segment) -> list[str]:
    """Give those sentences one by one: numbers first, then what is more common, then what is less."""
    if not segment.stands_out and is_thin(segment):
        return ["They are too few to be compared with all users."]
    if not segment.stands_out and (found := places(segment)):
        return [
            f"Against the average user: {', '.join(found)}; but no index is outside {LEAST} to {MOST} by more than chance explains."
        ]
    if not segment.stands_out:
        return [
            f"No index outside {LEAST} to {MOST} is more than chance explains: they are close to the average in everything."
        ]
    numbers = [thing(item) for item in segment.stands_out if item.category is None][:3]
    values = [item for item in segment.stands_out if item.category is not None][:3]
    said = [_sentence(listed(numbers))] if numbers else []
    for what, items in (
        ("More common than average", [item for item in values if item.index > _AVERAGE]),
        ("Less common than average", [item for item in values if item.index < _AVERAGE]),
    ):
        if items:
            said.append(
                f"{what}: {listed([f'{item.category} (index {index(item.index)})' for item in items])}."
            )
    return said


def _sentence(text: str) -> str:
    return f"{capital(text)}."


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
    if (
        measure.target == measure.baseline
    ):  # of nothing no part can be asked, and of the most there is no more
        wanted = "some" if measure.baseline == 0 else "the same"
        return f"Average {label(measure.column)}: {measured(measure.baseline, measure.column)} today, {wanted} wanted."
    today, wanted = both_measured(measure.baseline, measure.target, measure.column)
    return f"Average {label(measure.column)}: {today} today, {wanted} wanted."


def lift(segment: Segment) -> str:
    """Say how much more or less that is; nothing where it is no part of what there is."""
    measure = segment.play.measure if segment.play else None
    if measure is None or measure.target == measure.baseline or not measure.baseline:
        return ""
    rise = measure.target / measure.baseline - 1
    return f"That is {percent(abs(rise))} {'more' if rise > 0 else 'less'}."


# What came in


def kept(facts: Facts) -> str:
    """Say what cleaning did."""
    audit = facts.audit
    lost = audit.read - audit.kept
    if not lost:
        return f"All {thousands(audit.read)} rows passed every check."
    reasons = [f"{thousands(d.rows)} for {_RULES[d.rule].format(label(d.column))}" for d in audit.dropped]
    return f"Of {thousands(audit.read)} rows, {thousands(audit.kept)} were kept; {thousands(lost)} {'was' if lost == 1 else 'were'} left out: {listed(reasons)}."


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
    genre, share = _first(facts, "top_genre")
    work, working = _first(facts, "employment_status")
    return f"{genre} is the most popular genre ({percent(share)}); most common employment: {lower(work)} ({percent(working)})"


def _first(facts: Facts, column: str) -> tuple[str, float]:
    """Give the most frequent value of a category that stands for itself, with its share of users."""
    merged = {item.value for item in facts.distributions.categories[column].values if item.merged}
    shares = facts.shares[column]
    value = next((value for value in shares if value not in merged), next(iter(shares)))
    return value, shares[value]


# The map


def seen(facts: Facts) -> str:
    """Say how much of the differences the map shows."""
    return f"The map shows {percent(sum(facts.pca.explained))} of all differences between users"


def axis(facts: Facts, component: int, *, apart: bool = False, most: int | None = None) -> list[str]:
    """Title an axis of the map with its directions in words.

    Parameters
    ----------
    component : {0, 1}
        The one across, or the one upwards.
    apart : bool
        Whether the directions have a line each; else one for both.
    most : int, optional
        So many things are said of each direction, what counts most first.
    """
    pca = facts.pca
    ends = (pca.axes["left"], pca.axes["right"]) if component == 0 else (pca.axes["down"], pca.axes["up"])
    low, high = (", ".join(end.split(", ")[:most]) for end in ends)
    name = ("First", "Second")[component]
    share = f"{name} component (SD), {percent(pca.explained[component])} of the differences"
    if apart:
        return [f"← {low}", f"{high} →", share]
    return [f"← {low}{NBSP * 12}{high} →", share]


def method(facts: Facts) -> str:
    """Say in one paragraph how the segments are made."""
    features = listed([label(name) for name in facts.features])
    kept_on = ", or last month's segments where they are as good" if facts.change else ""
    return (
        f"Rows with a missing or impossible value, and a user's second row, are left out. {capital(features)} are put on one scale: "
        "standard deviations (SD) from the average. K-means puts users into the segments whose centres are nearest; "
        f"of {facts.starts} random starts the best counts{kept_on}. Inertia is the sum of squared distances to the centres; "
        f"{verdicts.decider(facts)}. The silhouette tells how much nearer a user is to the own "
        "segment than to the next: 1 is far apart, 0 on the border. An index compares a segment with all users: 100 is "
        f"the average, 200 twice it; it says nothing on fewer than {facts.smallest_base} users.{_groups(facts)}"
    )


def _groups(facts: Facts) -> str:
    """Say what was looked at in place of every user, where there were too many; else nothing."""
    basis = facts.basis
    if basis.points == "users":
        return ""
    still = (
        f"stopped after {counted(basis.steps or 0, 'step')}, when one more would have moved a centre by up to "
        f"{max(math.ceil(100 * basis.moved), 1) / 100:.2f}{NBSP}SD"
        if basis.moved
        else ""
    )
    bound = f"{max(math.ceil(1e4 * (basis.bound or 0)), 1) / 100:.2f}{NBSP}%"
    return (
        f" The number of segments was looked for on {thousands(basis.cells)} groups of like users, which changed inertia "
        f"by {bound} or less; whether there are any was judged on a fixed sample of {thousands(basis.sample)} users. "
        f"The segments are those of K-means on every user{still and f', {still}'}, and every count is one of all users."
    )


def colophon(facts: Facts) -> str:
    """Say what somebody needs who wants to make the same report again."""
    hashed = {"files": "SHA-256 of its files' hashes", "query": "SHA-256 of what was asked"}.get(
        facts.source.hashed, "SHA-256"
    )
    return (
        f"Source {facts.source.name}, {hashed} {facts.source.sha256[:16]}…; random seed {facts.seed}; "
        f"facts format {facts.format}."
    )

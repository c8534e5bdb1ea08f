"""Sentences on results, their certainty, and the data.

Plain text: pages escape it. The numbers decide which sentence is chosen; `report.text.formatting` writes every number.
"""

import math
import re
from collections.abc import Mapping

from report.text import selection
from report.text.formatting import (
    NBSP,
    capitalise_first,
    format_bare_value,
    format_column_difference,
    format_column_value,
    format_column_value_pair,
    format_counted_noun,
    format_decimal,
    format_index,
    format_percent,
    format_thousands,
    join_with_and,
)
from segmentation.facts import Facts, NotableDifference, Segment
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW, NOTABLE_SD

_AVERAGE_INDEX = 100  # the index of all users
_ROUND_AGREEMENT = 0.9  # share of users below which a mixture's groups and the segments differ
_MAX_NAMES = 2  # names in a short sentence
_MAX_PORTRAIT_NUMBERS = 5  # numbers in a portrait
_SAYS_LITTLE = ("yes", "no", "true", "false", "other")  # values that need their column
_MAX_COMMON_VALUES = 2  # categories in a sentence
_UNSTABLE_GRADES = ("doubtful", "not to be relied on")
_DROP_REASONS = {
    "missing": "no value in {}",
    "repeated": "a {} who is there already",
    "out_of_range": "an impossible value in {}",
    "outlier": "a value in {} far from all others",
}


# What was found


def write_headline(facts: Facts) -> str:
    """Return the headline: how many segments, and the largest."""
    first, kinds = find_largest_segment(facts), len(facts.segments)
    if not facts.structure.reliable:
        return "No reliable segments this month: users differ by degrees, not in groups"
    found = f"{format_counted_noun(kinds, 'kind').capitalize()} of {facts.schema.user[1]}"
    if kinds == 1:
        return f"{found}: {lowercase_name(first.name)}, {format_percent(first.share)} of users"
    if _is_largest_tied(facts):
        return f"{found}; none is larger than {lowercase_name(first.name)}, {format_percent(first.share)} of users"
    return f"{found}; {lowercase_name(first.name)} are the {'larger' if kinds == 2 else 'largest'}, {format_percent(first.share)} of users"


def choose_segment_noun(facts: Facts) -> str:
    """Return "segment", or "group" where none is reliable."""
    return "segment" if facts.structure.reliable else "group"


def describe_largest_segment(facts: Facts) -> str:
    """Name the largest segment and its share."""
    first = find_largest_segment(facts)
    if _is_largest_tied(facts):
        return f"No {choose_segment_noun(facts)} is larger than {lowercase_name(first.name)}, {format_percent(first.share)} of users"
    rank = {1: "only", 2: "larger"}.get(len(facts.segments), "largest")
    return f"{first.name} are the {rank} {choose_segment_noun(facts)}, {format_percent(first.share)} of users"


def describe_size_range(facts: Facts) -> str:
    """Describe the number and the sizes of segments."""
    ranked = rank_segments(facts)
    if len(ranked) == 1:
        return describe_largest_segment(facts)
    low, high = format_percent(ranked[-1].share), format_percent(ranked[0].share)
    of = low if low == high else f"{low.removesuffix(f'{NBSP}%')} to {high}"
    return f"{format_counted_noun(len(ranked), choose_segment_noun(facts)).capitalize()} of {of} of users each"


def rank_segments(facts: Facts) -> list[Segment]:
    """Return the segments in page order, the largest first."""
    return sorted(facts.segments, key=lambda segment: -segment.users)


def find_largest_segment(facts: Facts) -> Segment:
    """Return the segment with the most users."""
    return max(facts.segments, key=lambda segment: segment.users)


def _is_largest_tied(facts: Facts) -> bool:
    return [segment.users for segment in facts.segments].count(find_largest_segment(facts).users) > 1


def lowercase_name(name: str) -> str:
    """Return a segment's name within a sentence.

    "VIPs", "McDonald's fans" and "Deutsche Hörer" stay: their other capitals tell that the first is no mere beginning.
    """
    first, *others = name.split(" ")
    proper = any(letter.isupper() for letter in first[1:]) or any(
        word[:1].isupper() and word[1:2].islower() for word in others
    )
    return name if proper or len(name[:1].lower()) != 1 else name[:1].lower() + name[1:]


def describe_users_analysed(facts: Facts) -> str:
    """Return how many of the users were analysed."""
    audit = facts.audit  # a repeated row of a user does not count
    there = audit.read - sum(drop.rows for drop in audit.dropped if drop.rule == "repeated")
    return f"Prepared from {format_thousands(audit.kept)} of {format_thousands(there)} users"


def write_synthetic_notice(facts: Facts) -> str:
    """Return the notice on synthetic data, or ""."""
    return "Synthetic sample data: these users are made up." if facts.source.synthetic else ""


# How sure


def name_evidence_level(facts: Facts) -> str:
    """Return the evidence for segments in a word."""
    if not facts.structure.reliable:
        return "none to rely on"
    return facts.structure.evidence


def describe_certainty(facts: Facts) -> str:
    """Describe the evidence for the segments."""
    mean = format_decimal(selection.get_chosen_silhouette(facts))
    if not facts.structure.reliable:
        evidence = "no" if facts.structure.evidence == "none" else "too little"
        return (
            f"There is {evidence} evidence of separate groups: any border between them is drawn through a crowd (silhouette {mean}). "
            "What follows describes the users; it is no basis for different treatment."
        )
    if facts.structure.evidence == "clear":
        return f"Clear structure: few users live between the segments (silhouette {mean}).{_describe_shapes(facts)}"
    if facts.structure.evidence == "at least":
        return f"{_describe_lower_bound(facts)} (silhouette {mean}).{_describe_shapes(facts)}"
    apart = [lowercase_name(segment.name) for segment in facts.segments if segment.apart]
    if len(apart) == len(facts.segments):
        return f"Weak structure: the segments stand apart, but may not come again (silhouette {mean})."
    only = f"; only {join_with_and(apart)} stand apart" if apart else ""
    return f"Weak structure: the segments shade into each other{only} (silhouette {mean})."


def summarise_certainty(facts: Facts) -> str:
    """Describe evidence and stability briefly, for page one."""
    if not facts.structure.reliable:
        return describe_certainty(facts)
    apart = [lowercase_name(segment.name) for segment in facts.segments if segment.apart]
    if facts.structure.evidence == "clear":
        evidence = "Clear structure: few users live between segments."
    elif facts.structure.evidence == "at least":
        evidence = f"{_describe_lower_bound(facts)}."
    elif len(apart) == len(facts.segments):
        evidence = "Weak structure: segments stand apart, but may not come again."
    else:
        few = f"; only {join_with_and(apart)} stand apart" if 0 < len(apart) <= _MAX_NAMES else ""
        evidence = f"Weak structure: segments shade into each other{few}."
    stable = sum(s.stability.grade not in _UNSTABLE_GRADES for s in facts.segments)
    if stable == len(facts.segments):
        return f"{evidence} All come again in resampled data."
    come = "comes" if stable == 1 else "come"
    return f"{evidence} {stable or 'None'} of {len(facts.segments)} {come} again in resampled data."


def _describe_lower_bound(facts: Facts) -> str:
    """Say that there may be more groups than segments."""
    used, found = facts.elbow.chosen, facts.structure.panel
    if found > used:
        return f"These {used} segments are clearly separate, but there are at least {found} groups"
    return f"At least {used} groups are clearly separate; there may be more"


def _describe_shapes(facts: Facts) -> str:
    """Say where segments are rounder than the groups."""
    agreement = facts.structure.agreement
    if agreement is None or agreement >= _ROUND_AGREEMENT:
        return ""
    return (
        f" The groups are not round, so the borders are rough: {format_percent(1 - agreement)} of users lie "
        "in another group by a model that allows long ones."
    )


def describe_stability(facts: Facts) -> str:
    """Describe how many segments reappear in resampled data."""
    names = [lowercase_name(s.name) for s in facts.segments if s.stability.grade in _UNSTABLE_GRADES]
    stable, noun = len(facts.segments) - len(names), choose_segment_noun(facts)
    if not names:
        all_ = f"Both{NBSP}{noun}s" if stable == 2 else f"All {format_counted_noun(stable, noun)}"
        return f"{all_} come again when the data is resampled."
    if not stable:
        return f"None of the {len(facts.segments)} {noun}s is sure to come again when the data is resampled."
    return (
        f"{format_counted_noun(stable, noun).capitalize()} of {len(facts.segments)} {'comes' if stable == 1 else 'come'} "
        f"again when the data is resampled; {join_with_and(names)} may not."
    )


# Who they are


def describe_average_user(facts: Facts, segment: Segment) -> str:
    """Describe a segment's average user in plain units."""
    return f"On average {', '.join(_write_portrait(facts, segment.means))}."


def _write_portrait(facts: Facts, values: Mapping[str, float | None]) -> list[str]:
    """Return the numbers of a portrait: "24 years old", "$22,900 a year"."""
    features, main = set(facts.features), facts.schema.main
    names = [name for name in values if name in features or name == main]
    others = [name for name in values if name not in names]
    columns = facts.schema.select((names + others)[:_MAX_PORTRAIT_NUMBERS])
    return [column.portrait.format(format_bare_value(values[column.name], column)) for column in columns]


def describe_main_number(facts: Facts, segment: Segment) -> tuple[str, str] | None:
    """Return the main number's name and mean, if there is one."""
    if not facts.schema.main:
        return None
    column = facts.schema[facts.schema.main]
    return f"average {column.label}", format_column_value(segment.means[column.name], column)


def compute_main_share(facts: Facts, segment: Segment) -> float | None:
    """Return the segment's part of all users' main number.

    None for a number that doesn't add up, or adds up to nothing.
    """
    column = facts.schema[facts.schema.main] if facts.schema.main else None
    average = facts.averages[column.name] if column else 0.0
    mean = segment.means[column.name] if column else None
    if column is None or not column.total or average <= 0 or mean is None or segment.index[column.name].value is None:
        return None
    return segment.share * mean / average


def describe_number_difference(facts: Facts, segment: Segment, name: str) -> str:
    """Return a number's difference from the average, or "".

    In its unit, for a number that has no index though there are enough users: one without a true zero.
    """
    item, mean = segment.index[name], segment.means[name]
    if item.value is not None or mean is None or (item.base or 0) < facts.smallest_base:
        return ""
    if facts.averages[name] == 0:
        return "average 0"
    return format_column_difference(mean - facts.averages[name], facts.schema[name])


def rank_features(facts: Facts) -> dict[str, float]:
    """Return the features' spread in SDs, largest first."""
    spread = {
        name: max(s.centre[name] for s in facts.segments) - min(s.centre[name] for s in facts.segments)
        for name in facts.features
    }
    return dict(sorted(spread.items(), key=lambda item: -item[1]))


def describe_separating_features(facts: Facts) -> str:
    """Name the feature that separates the segments most."""
    spread = rank_features(facts)
    apart = [facts.schema[name].label for name, apart in spread.items() if apart >= 2 * NOTABLE_SD]
    flat = [facts.schema[name].label for name, apart in spread.items() if apart < 2 * NOTABLE_SD]
    if not apart:
        return f"The {choose_segment_noun(facts)}s differ little in any one number"
    most = f"{capitalise_first(apart[0])} {'separate' if is_plural(apart[:1]) else 'separates'} the {choose_segment_noun(facts)}s most"
    if apart[1:]:
        most += f", then {apart[1]}"
    return f"{most}; {join_with_and(flat)} {'do' if is_plural(flat) else 'does'} not" if flat else most


def is_plural(labels: list[str]) -> bool:
    """Tell whether labels take a plural verb."""
    return len(labels) > 1 or labels[0].partition(" ")[0].endswith("s")


def describe_position(facts: Facts, segment: Segment) -> str:
    """Return a segment's position: "Heavy listeners: more listening"."""
    return f"{segment.name}: {', '.join(list_positions(facts, segment)) or 'near the average'}."


def list_positions(facts: Facts, segment: Segment) -> list[str]:
    """List features far from the average, the farthest first."""
    return [
        facts.schema[name].comparatives[int(sds > 0)]
        for name, sds in sorted(segment.centre.items(), key=lambda one: -abs(one[1]))
        if abs(sds) >= NOTABLE_SD
    ]


def describe_main_difference(facts: Facts, segment: Segment) -> str:
    """Describe the largest difference, of a number if possible."""
    if not segment.stands_out and has_too_few_users(segment):
        return f"{segment.name}: too few users to compare"
    if not segment.stands_out:
        return f"{segment.name}: {', '.join(list_positions(facts, segment)) or 'close to the average in everything'}"
    numbers = [item for item in segment.stands_out if item.category is None]
    return f"{segment.name}: {describe_difference(facts, (numbers or list(segment.stands_out))[0])}"


def has_too_few_users(segment: Segment) -> bool:
    """Tell whether a segment is too small for indices."""
    return all(item.value is None for item in segment.index.values())


def describe_difference(facts: Facts, item: NotableDifference) -> str:
    """Describe a difference: "income about twice the average"."""
    column = facts.schema[item.column]
    what = column.label if item.category is None else _name_category_users(facts, item.column, item.category)
    return f"{what} {format_index_ratio(item.index)} (index {format_index(item.index)})"


def _name_category(facts: Facts, column: str, value: str) -> str:
    """Name a value, with its column where it says little alone."""
    if value.casefold() in _SAYS_LITTLE or not re.search(r"[^\W\d_]{2}", value):
        return f"{facts.schema[column].label} {value}"
    return value


def _name_category_users(facts: Facts, column: str, value: str) -> str:
    named = _name_category(facts, column, value)
    return f"{named} users" if named == value else named


def describe_differences(facts: Facts, segment: Segment) -> str:
    """Describe what sets a segment apart."""
    return " ".join(list_differences(facts, segment))


def list_differences(facts: Facts, segment: Segment) -> list[str]:
    """List sentences on differences: numbers, then categories."""
    if not segment.stands_out and has_too_few_users(segment):
        return ["They are too few to be compared with all users."]
    if not segment.stands_out and (found := list_positions(facts, segment)):
        return [
            f"Against the average user: {', '.join(found)}; but no index is outside {INDEX_LOW} to {INDEX_HIGH} by more than chance explains."
        ]
    if not segment.stands_out:
        return [
            f"No index outside {INDEX_LOW} to {INDEX_HIGH} is more than chance explains: they are close to the average in everything."
        ]
    numbers = [describe_difference(facts, item) for item in segment.stands_out if item.category is None][:3]
    values = [item for item in segment.stands_out if item.category is not None][:3]
    sentences = [f"{capitalise_first(join_with_and(numbers))}."] if numbers else []
    for what, above in (("More", True), ("Less", False)):
        items = [item for item in values if (item.index > _AVERAGE_INDEX) is above]
        found = [
            f"{_name_category(facts, item.column, item.category or '')} (index {format_index(item.index)})"
            for item in items
        ]
        sentences += [f"{what} common than average: {join_with_and(found)}."] if found else []
    return sentences


def format_index_ratio(value: float) -> str:
    """Write an index in words: "about twice the average"."""
    times = value / 100
    if times < 1:
        return f"at {format_percent(times)} of the average"
    if times < 1.75:
        return f"{format_percent(times - 1)} above the average"
    whole = {2.0: "about twice", 3.0: "about three times"}.get(
        round(times * 2) / 2, f"{format_decimal(times, 1)} times"
    )
    return f"{whole} the average"


def note_general_play(segment: Segment) -> str:
    """Say that no play was written for a segment, or ""."""
    if segment.play is None or not segment.play.is_general:
        return ""
    return f"No rule of the playbook fits {lowercase_name(segment.name)}, so this is its last play, for everybody else."


def describe_kpi(facts: Facts, segment: Segment) -> str:
    """Describe the KPI of a segment's play."""
    if segment.play is None:
        return ""
    measure, column = segment.play.measure, facts.schema[segment.play.measure.column]
    today, wanted = format_column_value_pair(measure.baseline, measure.target, column)
    if measure.target == measure.baseline:  # a baseline of 0 has no percentage, and a maximum can't grow
        today = format_column_value(measure.baseline, column)
        wanted = "some" if measure.baseline == 0 else "the same"
    return f"Average {column.label}: {today} today, {wanted} wanted."


def describe_kpi_lift(segment: Segment) -> str:
    """Describe the wanted change in per cent."""
    measure = segment.play.measure if segment.play else None
    if measure is None or measure.target == measure.baseline or not measure.baseline:
        return ""
    rise = measure.target / measure.baseline - 1
    return f"That is {format_percent(abs(rise))} {'more' if rise > 0 else 'less'}."


# What came in


def describe_cleaning(facts: Facts) -> str:
    """Describe how many rows were dropped, and why."""
    audit = facts.audit
    lost = audit.read - audit.kept
    if not lost:
        return f"All {format_thousands(audit.read)} rows passed every check."
    reasons = [
        f"{format_thousands(d.rows)} for {_DROP_REASONS[d.rule].format(facts.schema[d.column].label)}"
        for d in audit.dropped
    ]
    return f"Of {format_thousands(audit.read)} rows, {format_thousands(audit.kept)} were kept; {format_thousands(lost)} {'was' if lost == 1 else 'were'} left out: {join_with_and(reasons)}."


def name_cleaning_rule(rule: str) -> str:
    """Return a cleaning rule's name on pages."""
    return {
        "missing": "No value",
        "repeated": "Repeated user",
        "out_of_range": "Impossible value",
        "outlier": "Far from all others",
    }[rule]


def describe_median_user(facts: Facts) -> str:
    """Describe the median user."""
    medians: dict[str, float | None] = {name: item.quartiles[1] for name, item in facts.distributions.numbers.items()}
    return f"Medians: {', '.join(_write_portrait(facts, medians))}"


def describe_common_values(facts: Facts) -> str:
    """Describe the most common values of the richest categories."""
    found = []
    for name in rank_categories(facts)[:_MAX_COMMON_VALUES]:
        value, share = _find_most_frequent(facts, name)
        found.append(f"{facts.schema[name].label} {value} ({format_percent(share)})")
    return f"Most common: {join_with_and(found)}" if found else ""


def describe_distributions(facts: Facts) -> str:
    """Describe the columns, and what their charts show."""
    medians, common = describe_median_user(facts), describe_common_values(facts)
    if not common:
        return f"{medians}. The picture below shows the users before and after cleaning; its table has every number."
    return (
        f"{medians}. {common}. The first picture below shows the users before and after cleaning, the second those kept; "
        "their tables have every number."
    )


def rank_categories(facts: Facts) -> list[str]:
    """Return the categories, those with most values first."""
    shown = facts.distributions.categories
    return sorted(shown, key=lambda name: -len(shown[name].values))


def _find_most_frequent(facts: Facts, column: str) -> tuple[str, float]:
    """Return the most frequent single value and its share."""
    merged = {item.value for item in facts.distributions.categories[column].values if item.merged}
    shares = facts.shares[column]
    value = next((value for value in shares if value not in merged), next(iter(shares)))
    return value, shares[value]


# The map


def describe_explained_variance(facts: Facts) -> str:
    """Describe the share of variance that the map shows."""
    return f"The map shows {format_percent(sum(facts.pca.explained))} of all differences between users"


def list_axis_titles(facts: Facts, component: int) -> list[list[str]]:
    """List titles of a map axis, the longest first.

    Each is a list of lines. Component 0 goes across, 1 upwards. Of each direction's terms the strongest come first.
    """
    pca = facts.pca
    ends = (pca.axes["left"], pca.axes["right"]) if component == 0 else (pca.axes["down"], pca.axes["up"])
    share = f"{('First', 'Second')[component]} component (SD), {format_percent(pca.explained[component])} of the differences"
    titles = [[f"← {ends[0]}{NBSP * 12}{ends[1]} →", share]]
    for terms in range(len(facts.features), 0, -1):
        low, high = (", ".join(end.split(", ")[:terms]) for end in ends)
        titles.append([f"← {low}", f"{high} →", share])
    return titles


def describe_method(facts: Facts) -> str:
    """Describe the method in one paragraph."""
    features = join_with_and([facts.schema[name].label for name in facts.features])
    kept_on = ", or last month's segments where they are as good" if facts.change else ""
    return (
        f"Rows with a missing or impossible value, or one far from all others, and a user's second row are left out. {capitalise_first(features)} are put on one scale: "
        "standard deviations (SD) from the average. K-means puts users into the segments whose centres are nearest; "
        f"of {facts.starts} random starts the best counts{kept_on}. Inertia is the sum of squared distances to the centres; "
        f"{selection.explain_k_rule(facts)}. The silhouette tells how much nearer a user is to the own "
        "segment than to the next: 1 is far apart, 0 on the border. Users along a ring or a bent band can be cut into segments, too. An index compares a segment with all users: 100 is "
        f"the average, 200 twice it; it says nothing on fewer than {facts.smallest_base} users, or where chance may explain it "
        f"among so many comparisons.{_describe_intervals(facts)}{_describe_things(facts)}{_describe_grid_approximation(facts)}"
    )


def _describe_things(facts: Facts) -> str:
    """Say that a row is no person, or ""."""
    if facts.schema.unit == "person":
        return ""
    return f" A row is a thing and no person, so counts from {facts.smallest_cell} on are shown."


def _describe_intervals(facts: Facts) -> str:
    """Say what intervals leave out, or "" without any."""
    if not facts.structure.reliable:
        return ""
    return f" A 95{NBSP}% interval takes the borders between segments as they are; other users would move them, too."


def _describe_grid_approximation(facts: Facts) -> str:
    """Describe the approximations for many users, or ""."""
    basis = facts.basis
    if basis.points == "users":
        return ""
    still = (
        f"stopped after {format_counted_noun(basis.steps or 0, 'step')}, when one more would have moved a centre by up to "
        f"{max(math.ceil(100 * basis.moved), 1) / 100:.2f}{NBSP}SD"
        if basis.moved
        else ""
    )
    bound = f"{max(math.ceil(1e4 * (basis.bound or 0)), 1) / 100:.2f}{NBSP}%"
    return (
        f" The number of segments was looked for on {format_thousands(basis.cells)} groups of like users, which changed inertia "
        f"by {bound} or less; whether there are any was judged on a fixed sample of {format_thousands(basis.sample)} users. "
        f"The segments are those of K-means on every user{still and f', {still}'}, and every count is one of all users."
    )


def write_colophon(facts: Facts) -> str:
    """Return what reproducing the report requires."""
    hashed = {"files": "SHA-256 of its files' hashes", "query": "SHA-256 of what was asked"}.get(
        facts.source.hashed, "SHA-256"
    )
    return (
        f"Source {facts.source.name}, {hashed} {facts.source.sha256[:16]}…; random seed {facts.seed}; "
        f"facts format {facts.format}."
    )

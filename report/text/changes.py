"""Sentences on what changed since the last month."""

from collections import Counter

from report.text.formatting import (
    MINUS,
    NBSP,
    capitalise_first,
    format_counted_noun,
    format_month,
    format_percent,
    format_thousands,
    join_with_and,
)
from report.text.sentences import is_plural, lowercase_name
from segmentation.facts import Facts, FollowedChange, MonthComparison, Segment, SegmentTransition
from segmentation.thresholds import MIN_MEAN_SHIFT

_TRANSITION_WORDS = {"split": "split", "merged": "merged", "vanished": "gone", "emerged": "new"}
_MAX_NOTICE_LETTERS = 150  # letters of the notice on page one on outdated names
_MIN_SHARE_CHANGE = 0.001  # of all users: the change in share that is written as 0.1 points


def format_points(change: float | None) -> str:
    """Write a change in points: ▲1.1, "unchanged", "new"."""
    if change is None:
        return "new"
    size = f"{abs(change) * 100:.1f}"
    return "unchanged" if size == "0.0" else f"{'▲' if change > 0 else '▼'}{size}"


def get_comparison(facts: Facts) -> MonthComparison | None:
    """Return the comparison, if both months have reliable segments."""
    change = facts.change
    return change if change and change.reliable and facts.structure.reliable else None


def require_change(facts: Facts) -> MonthComparison:
    """Return what changed, for charts and tables of it."""
    if facts.change is None:
        raise ValueError("no last month to compare with: ask whether `facts.change` is there first")
    return facts.change


def get_share_change(facts: Facts, segment: Segment) -> float | None:
    """Return the change in a segment's share, if known."""
    moves = facts.change.segments if facts.change else ()
    last = next((moved.last_share for moved in moves if moved.id == segment.id), None)
    return None if last is None else segment.share - last


def format_share_change(facts: Facts, segment: Segment) -> str:
    """Write a segment's change in share, or ""."""
    return "" if get_comparison(facts) is None else format_points(get_share_change(facts, segment))


def describe_change_since(facts: Facts, segment: Segment) -> str:
    """Return "points since September 2026", or ""."""
    change = get_comparison(facts)
    if change is None:
        return ""
    unit = "points " if format_share_change(facts, segment)[:1] in ("▲", "▼") else ""
    return f"{unit}since {format_month(change.month)}"


def summarise_changes(facts: Facts) -> str:
    """Describe what changed, in one sentence."""
    change = get_comparison(facts)
    if change is None:
        return _explain_no_comparison(facts)
    events = _list_transitions(change)
    if events:
        return f"Since {format_month(change.month)}: {'; '.join(events)}."
    moves = _find_largest_changes(facts)
    if not moves:
        return f"Since {format_month(change.month)} the sizes of all segments are unchanged."
    parts = [f"{lowercase_name(s.name)} {describe_share_change(by)}" for by, s in moves]
    text = f"{join_with_and(parts)} since {format_month(change.month)}"
    return f"{capitalise_first(text)}; all segments are the same kinds as then."


def summarise_changes_briefly(facts: Facts) -> str:
    """Describe what changed, in few words for page one."""
    change = get_comparison(facts)
    if change is None:
        return _explain_no_comparison(facts, in_brief=True)
    since = format_month(change.month)
    events = _list_transitions(change)
    if events:
        counts = Counter(moved.fate for moved in change.segments if moved.fate != "survived")
        parts = [f"{n if n > 1 else 'one'} {_TRANSITION_WORDS[fate]}" for fate, n in counts.items()]
        return f"Not the same segments as in {since}: {join_with_and(parts)}."
    moves = _find_largest_changes(facts)
    if not moves:
        return f"The same segments as in {since}, in the same sizes."
    first, *others = [f"{lowercase_name(s.name)} {describe_share_change(by)}" for by, s in moves]
    others = [other.removesuffix(f"{NBSP}points") for other in others]
    return f"The same segments as in {since}; {join_with_and([first, *others])}."


def _explain_no_comparison(facts: Facts, *, in_brief: bool = False) -> str:
    change = facts.change
    first_id = min(int(segment.id.removeprefix("S")) for segment in facts.segments)
    if change is None and first_id > 1:  # ids go on where earlier months had segments that none continues
        texts = (
            "The segments are made of other features than in earlier months: there is nothing to compare them with.",
            "Made of other features than in earlier months: nothing to compare with.",
        )
    elif change is None:
        texts = (
            "This is the first month: there is nothing to compare it with.",
            "First month: nothing to compare it with.",
        )
    elif not facts.structure.reliable:
        texts = (
            f"This month's groups differ by degrees, so that who was in which in {format_month(change.month)} says little.",
            f"No segments this month that could be compared with those of {format_month(change.month)}.",
        )
    else:
        texts = (
            f"In {format_month(change.month)} there were no reliable segments that these could be compared with.",
            f"In {format_month(change.month)} there were no reliable segments to compare with.",
        )
    return texts[in_brief]


def describe_share_change(change: float) -> str:
    """Write a change: "grew by 1.1 points"."""
    return f"{'grew' if change > 0 else 'shrank'} by {abs(change) * 100:.1f}{NBSP}points"


def _find_largest_changes(facts: Facts) -> list[tuple[float, Segment]]:
    """Return the two largest changes in share.

    Without those that round to 0.0 points.
    """
    moves = [(by, segment) for segment in facts.segments if (by := get_share_change(facts, segment)) is not None]
    return [pair for pair in sorted(moves, key=lambda pair: -abs(pair[0]))[:2] if abs(pair[0]) >= _MIN_SHARE_CHANGE / 2]


def describe_retention(facts: Facts) -> str:
    """Describe how many users stayed in their segment."""
    change = facts.change
    flow = change.flow if change else None
    if change is None or flow is None:
        month = format_month(change.month) if change else "the last month"
        why = {
            "no last ids": f"The file of {month} named no users",
            "no last users": f"The users of {month} can't be read from the archive",
        }.get((change.unfollowed if change else None) or "", "The file names no users")
        return f"{why}, so nobody can be followed from month to month; shares are compared at the borders of the last month."
    if flow.both is None:
        return "How many users are there in both months would give a few of them away, so it is left out"
    if flow.stayed is not None:
        return f"{format_percent(flow.stayed)} of the {format_thousands(flow.both)} users in both months stayed in their segment"
    if not flow.both:
        return "Nobody is there in both months"
    return (
        f"{format_thousands(flow.both)} users are there in both months; how many stayed in their segment would give a few of "
        "them away, so it is left out"
    )


def describe_migration(facts: Facts) -> str:
    """Describe the largest groups that moved, came and left."""
    flow = facts.change.flow if facts.change else None
    if flow is None:
        return ""
    moved = [
        (n, f"{format_thousands(n)} users moved from {lowercase_name(source)} to {lowercase_name(target)}")
        for source, row in zip(flow.rows, flow.users, strict=True)
        for target, n in zip(flow.columns, row, strict=True)
        if n and source != target
    ]
    came = [
        (n, f"{format_thousands(n)} of the {lowercase_name(name)} are new")
        for name, n in zip(flow.columns, flow.new, strict=True)
        if n
    ]
    left = [
        (n, f"{format_thousands(n)} of the {lowercase_name(name)} are gone")
        for name, n in zip(flow.rows, flow.gone, strict=True)
        if n
    ]
    largest = [max(group, key=lambda one: one[0])[1] for group in (moved, came, left) if group]
    if not largest:
        return "No group that moved, came or left may be shown: each is too small, or would give away one that is."
    return f"The largest groups that may be shown: {join_with_and(largest)}."


def describe_border_shift(facts: Facts) -> str:
    """Describe whether users changed or borders moved."""
    moves = [
        (moved.share - moved.last_share, moved.same_borders - moved.last_share, moved.share - moved.same_borders, moved)
        for moved in (facts.change.segments if facts.change else ())
        if moved.same_borders is not None and moved.last_share is not None and moved.share is not None
    ]
    if not moves:
        return ""
    change, by_people, by_borders, largest = max(moves, key=lambda move: abs(move[0]))
    if abs(change) < _MIN_SHARE_CHANGE / 2:
        return ""
    name, people, borders = lowercase_name(largest.name), by_people * 100, by_borders * 100
    if round(abs(borders), 1) == 0:
        return f"The change of {name} comes of people who changed; borders hardly moved."
    return (
        f"Of the change of {name}, {_format_signed_points(people)} points are people who changed and "
        f"{_format_signed_points(borders)} come of borders that moved."
    )


def describe_drift(facts: Facts) -> str:
    """Describe which columns changed, and by how much.

    Users who are in both months are compared with themselves: two months look alike where each user changes a little.
    """
    change = facts.change
    if change is None or not change.drift:
        return ""
    drifted = [facts.schema[name].label for name, found in change.drift.items() if found.has_drifted]
    followed = {name: found.followed for name, found in change.drift.items() if found.followed}
    if not followed:
        return _describe_spread(change, drifted)
    told = [_describe_followed_change(facts, name, one) for name, one in followed.items() if one.is_notable]
    month = format_month(change.month)
    if not drifted and not told:
        return f"All columns look the same as in {month}, also among the users in both months."
    spread = _describe_spread(change, drifted) if drifted else f"The distributions are much as in {month}."
    return f"{spread} Among the users in both months {join_with_and(told) if told else 'no column changed much'}."


def _describe_spread(change: MonthComparison, drifted: list[str]) -> str:
    """Say which distributions changed, by their labels."""
    if drifted:
        return f"{capitalise_first(join_with_and(drifted))} {'are' if is_plural(drifted) else 'is'} spread otherwise than in {format_month(change.month)}, by more than chance explains."
    if any(found.psi > found.critical for found in change.drift.values()):
        return f"No column's distribution changed by as much as a shift of {MIN_MEAN_SHIFT}{NBSP}SD makes."
    return "No column's distribution changed by more than chance explains."


def format_followed_change(change: FollowedChange | None) -> str:
    """Write a change of followed users: +0.12 SD, "Rock −2.1 points"."""
    if change is None:
        return ""
    if change.value is None:
        return f"{_format_signed(change.size, 2)}{NBSP}SD"
    points = f"{_format_signed(100 * change.size, 1)}{NBSP}points"
    return f"{change.value} {points}" if round(100 * change.size, 1) else points


def _describe_followed_change(facts: Facts, name: str, change: FollowedChange) -> str:
    """Describe a change: "usage rose by about 0.12 SD"."""
    rose = "rose" if change.size > 0 else "fell"
    if change.value is None:
        return f"{facts.schema[name].label} {rose} by about {abs(change.size):.2f}{NBSP}SD"
    return f"the share of {change.value} {rose} by about {100 * abs(change.size):.1f}{NBSP}points"


def describe_outdated_names(facts: Facts) -> str:
    """List names that no longer fit, or ""."""
    wrong = [f"{s.name} would be called {s.name_now} today" for s in facts.segments if s.name_now != s.name]
    return f"A name is kept from month to month even where it no longer fits: {'; '.join(wrong)}." if wrong else ""


def summarise_outdated_names(facts: Facts) -> str:
    """List names that no longer fit, briefly."""
    wrong = [
        f"{lowercase_name(s.name)} ({s.id}) would now be {lowercase_name(s.name_now)}"
        for s in facts.segments
        if s.name_now != s.name
    ]
    if not wrong:
        return ""
    text = f"{'Name' if len(wrong) == 1 else 'Names'} out of date: {'; '.join(wrong)}."
    if len(text) <= _MAX_NOTICE_LETTERS:
        return text
    names = format_counted_noun(len(wrong), "name")
    return f"{capitalise_first(names)} {'is' if len(wrong) == 1 else 'are'} out of date; “What changed” says what fits today."


def describe_transition(moved: SegmentTransition) -> str:
    """Describe a segment's transition in a few words."""
    if moved.fate == "split":
        return f"split into {join_with_and([lowercase_name(name) for name in moved.into])}"
    if moved.fate == "merged":
        others, into = ([lowercase_name(name) for name in names] for names in (moved.others, moved.into))
        return f"merged with {join_with_and(others)} into {join_with_and(into)}"
    return "still there" if moved.fate == "survived" else _TRANSITION_WORDS[moved.fate]


def _list_transitions(change: MonthComparison) -> list[str]:
    """List transitions other than growing and shrinking."""
    seen: set[str] = set()
    events = []
    for moved in change.segments:
        if moved.fate == "survived" or moved.name in seen:
            continue
        seen |= {moved.name, *moved.others}
        verb = "" if moved.fate in ("split", "merged") else "are "
        events.append(f"{lowercase_name(moved.name)} {verb}{describe_transition(moved)}")
    return events


def _format_signed_points(value: float) -> str:
    """Write a change in points with its sign."""
    return _format_signed(value, 1)


def _format_signed(value: float, digits: int) -> str:
    """Write a number with its sign, zero without."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)

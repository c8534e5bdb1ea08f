"""Sentences about what changed since the last month. Plain text, as in `report.words`."""

from report.words import lower
from report.written import MINUS, NBSP, label, listed, month_name, percent, thousands
from segmentation.facts import Change, Facts, Moved, Segment

_NOTABLE = 0.001  # of all users: a change in share that is written as 0.1 points


def points(change: float | None) -> str:
    """Write a change in share: ▲1.1 points up, ▼0.4 down, "unchanged" below a tenth of a point."""
    if change is None:
        return "new"
    size = f"{abs(change) * 100:.1f}"
    return "unchanged" if size == "0.0" else f"{'▲' if change > 0 else '▼'}{size}"


def of_segment(facts: Facts, segment: Segment) -> float | None:
    """Give the change in a segment's share since the last month, 0 to 1; None where it wasn't there or nothing is known."""
    moved = _moved(facts, segment)
    return None if moved is None or moved.last_share is None else segment.share - moved.last_share


def said_of(facts: Facts, segment: Segment) -> str:
    """Write a segment's change: "▲1.1", or "new"; empty in the first month."""
    return "" if facts.change is None else points(of_segment(facts, segment))


def summary(facts: Facts) -> str:
    """Say in one sentence, for executives, what changed."""
    change = facts.change
    if change is None:
        return "This is the first month: there is nothing to compare it with."
    events = _events(change)
    if events:
        return f"Since {month_name(change.month)}: {'; '.join(events)}."
    moves = sorted(
        (
            (change_, segment)
            for segment in facts.segments
            if (change_ := of_segment(facts, segment)) is not None
        ),
        key=lambda pair: -abs(pair[0]),
    )
    if not moves or abs(moves[0][0]) < _NOTABLE / 2:
        return f"Since {month_name(change.month)} the sizes of all segments are unchanged."
    grown = [pair for pair in moves[:2] if abs(pair[0]) >= _NOTABLE / 2]
    said = [
        f"{lower(s.name)} {'grew' if by > 0 else 'shrank'} by {abs(by) * 100:.1f}{NBSP}points"
        for by, s in grown
    ]
    text = f"{listed(said)} since {month_name(change.month)}"
    return f"{text[:1].upper()}{text[1:]}; all segments are the same kinds as then."


def flows(facts: Facts) -> str:
    """Say how many people stayed where they were."""
    flow = facts.change.flow if facts.change else None
    if flow is None:
        return (
            "The file names no users, so nobody can be followed from month to month; shares are compared at the borders "
            "of the last month."
        )
    if flow.both is None:
        return "How many users are there in both months would give a few of them away, so it is left out"
    if flow.stayed is not None:
        return f"{percent(flow.stayed)} of the {thousands(flow.both)} users in both months stayed in their segment"
    if not flow.both:
        return "Nobody is there in both months"
    return (
        f"{thousands(flow.both)} users are there in both months; how many stayed in their segment would give a few of "
        "them away, so it is left out"
    )


def borders(facts: Facts) -> str:
    """Say whether people changed, or only the borders between segments."""
    change = facts.change
    if change is None:
        return ""
    still = [
        moved
        for moved in change.segments
        if moved.same_borders is not None and moved.last_share is not None and moved.share is not None
    ]
    if not still:
        return ""
    largest = max(still, key=lambda moved: abs((moved.share or 0) - (moved.last_share or 0)))
    if abs((largest.share or 0) - (largest.last_share or 0)) < _NOTABLE / 2:
        return ""
    people = ((largest.same_borders or 0) - (largest.last_share or 0)) * 100
    edge = ((largest.share or 0) - (largest.same_borders or 0)) * 100
    return (
        f"Of the change of {lower(largest.name)}, {_signed(people)} points are people who changed and {_signed(edge)} come "
        "of borders that moved."
    )


def drift(facts: Facts) -> str:
    """Say which columns are spread otherwise than in the last month."""
    change = facts.change
    if change is None or not change.drift:
        return ""
    drifted = [label(name) for name, found in change.drift.items() if found.has_drifted]
    if not drifted:
        return "No column is spread otherwise than chance explains."
    return f"{listed(drifted)[:1].upper()}{listed(drifted)[1:]} {'are' if len(drifted) > 1 else 'is'} spread otherwise than in {month_name(change.month)}, by more than chance explains."


def renamed(facts: Facts) -> str:
    """Flag names that no longer fit; empty where all do."""
    wrong = [f"{s.name} would be called {s.name_now} today" for s in facts.segments if s.name_now != s.name]
    return (
        f"A name is kept from month to month even where it no longer fits: {'; '.join(wrong)}."
        if wrong
        else ""
    )


def fate(moved: Moved) -> str:
    """Say in a few words what became of a segment."""
    if moved.fate == "split":
        return f"split into {listed(list(moved.into))}"
    if moved.fate == "merged":
        return f"merged with {listed(list(moved.others))} into {listed(list(moved.into))}"
    return {"survived": "still there", "vanished": "gone", "emerged": "new"}[moved.fate]


def _events(change: Change) -> list[str]:
    """List what happened to segments besides growing and shrinking."""
    seen: set[str] = set()
    events = []
    for moved in change.segments:
        if moved.fate == "survived" or moved.name in seen:
            continue
        seen |= {moved.name, *moved.others}
        if moved.fate in ("split", "merged"):
            events.append(f"{lower(moved.name)} {fate(moved)}")
        else:
            events.append(f"{lower(moved.name)} are {fate(moved)}")
    return events


def _signed(value: float) -> str:
    """Write a change in points with its sign; no sign on what rounds to nothing."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", MINUS)


def _moved(facts: Facts, segment: Segment) -> Moved | None:
    if facts.change is None:
        return None
    return next((moved for moved in facts.change.segments if moved.id == segment.id), None)

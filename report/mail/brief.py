"""The text of a segment's brief."""

import re
import unicodedata
from dataclasses import dataclass, replace

from report.charts.figure import Figure
from report.mail.chart import plot_brief_indices
from report.settings import MailSettings
from report.style import theme
from report.text import changes, sentences
from report.text.foreign import isolate_facts
from report.text.formatting import (
    capitalise_first,
    format_index,
    format_interval,
    format_month,
    format_percent,
    format_similarity,
    format_thousands,
    join_with_and,
)
from segmentation.facts import Facts, NotableDifference, Segment
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW, JACCARD_STABLE

MAX_BRIEF_DIFFERENCES = 6
_AVERAGE_INDEX = 100
_BREAKING_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  # no-break spaces keep a number beside its unit
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class BriefLine:
    """A named line, such as a key figure."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BriefDifference:
    """One difference between segment and average, as text."""

    feature: str
    index: str
    users: str


@dataclass(frozen=True, slots=True)
class Brief:
    """One segment's brief as plain text, in reading order."""

    id: str
    name: str
    month: str  # such as "October 2026"
    brand: str
    accent: str
    colour: str  # of the segment
    subject: str
    preheader: str  # what an inbox shows beside the subject
    outdated: str  # that the name no longer fits, where it doesn't
    objective: str
    portrait: str
    figures: tuple[BriefLine, ...]  # users, share, and change since the last month
    evidence: tuple[BriefDifference, ...]
    """Indices outside 80 to 120 that chance doesn't explain."""
    note: str  # how to read an index
    insight: str
    offer: str  # the one proposition
    message: str
    play: tuple[BriefLine, ...]  # tone, channel, timing, do, don't, and the measure
    confidence: tuple[BriefLine, ...]
    about: tuple[BriefLine, ...]  # the data, the contact, and the full report
    link: str  # address of the full report, where it has one
    synthetic: str  # that the users are made up, where they are
    picture: Figure  # the index bars


def make_brief(facts: Facts, segment: Segment, mail: MailSettings) -> Brief:
    """Return the text of a segment's brief.

    Raises ValueError if the segment has no play, as in a month without reliable segments.
    """
    facts = isolate_facts(_sanitise_facts(facts))
    segment = facts.get_segment(segment.id)
    play = segment.play
    if play is None:
        raise ValueError(f"{segment.id} has no play, so there is no brief about it.")
    month = format_month(facts.month)
    contact = facts.brand.contact
    # not the path on this machine, which readers of mail can't open
    where = mail.locate_report(facts.month) or f"report.html of {month}, from {contact or 'whoever sent you this'}"
    analysed = sentences.describe_users_analysed(facts)
    change = changes.format_share_change(facts, segment)
    now = segment.name_now if segment.name_now != segment.name else ""
    size = f"{format_thousands(segment.users)} users ({format_percent(segment.share)}{change and f', {change}'})"
    return Brief(
        id=segment.id,
        name=segment.name,
        month=month,
        brand=facts.brand.name,
        accent=facts.brand.accent,
        colour=theme.get_segment_colour(segment.id),
        subject=f"{month.split()[0]} brief: {segment.name}{now and f' (now {sentences.lowercase_name(now)})'}, {size}",
        preheader=play.offer,
        outdated=now
        and f"This name no longer fits: named today, the segment would be called {now}. What follows describes it as it is now.",
        objective=play.objective,
        portrait=sentences.describe_average_user(facts, segment),
        figures=_build_key_figures(facts, segment),
        evidence=tuple(_format_difference(facts, segment, item) for item in segment.stands_out[:MAX_BRIEF_DIFFERENCES]),
        note=(
            f"An index of 100 is the average of all users; only what is {INDEX_HIGH - 100} or more away from it, and by more "
            "than chance explains, is listed."
        ),
        insight=write_insight(facts, segment),
        offer=play.offer,
        message=play.message,
        play=_make_lines(
            ("Tone is", play.tone_is),
            ("Tone is not", play.tone_is_not),
            ("Channel", play.channel),
            ("Timing", play.timing),
            ("Do", play.do),
            ("Don't", play.avoid),
            ("Measure", f"{sentences.describe_kpi(facts, segment)} {sentences.describe_kpi_lift(segment)}".rstrip()),
        ),
        confidence=_make_lines(
            ("The segment", describe_resampling_stability(segment)),
            ("All segments", sentences.describe_certainty(facts)),
            ("Not known", f"{play.unknown} {sentences.note_general_play(segment)}".rstrip()),
            ("What would change our mind", describe_drop_criterion(facts, segment)),
        ),
        about=_make_lines(
            ("Data", f"{month}, {analysed[:1].lower()}{analysed[1:]} ({facts.source.name})"),
            *([("Questions", contact)] if contact else []),
            ("Full report", where),
        ),
        link=where if re.match(r"https?://", where) else "",
        synthetic=sentences.write_synthetic_notice(facts),
        picture=plot_brief_indices(facts, segment),
    )


def write_insight(facts: Facts, segment: Segment) -> str:
    """Compare the segment's share of users with that of the main number."""
    part, main = sentences.compute_main_share(facts, segment), facts.schema.main
    usage = segment.index[main] if main else None
    first = segment.stands_out[0] if segment.stands_out else None
    if usage and usage.notable and part is not None:
        total = facts.schema[main].total
        shares = f"They are {format_percent(segment.share)} of users and have {format_percent(part)} of all {total}."
        others = [item for item in segment.stands_out if item.column != main]
        if not others:
            return shares
        # rather not a category that they lack
        best = next((i for i in others if i.category is None or i.index > _AVERAGE_INDEX), others[0])
        return f"{shares} What else sets them apart: {sentences.describe_difference(facts, best)}."
    if first is None:
        return _explain_missing_difference(facts, segment)
    near = usage and usage.interval and usage.interval.low >= INDEX_LOW and usage.interval.high <= INDEX_HIGH
    if near and first.column != main:
        return f"Their {facts.schema[main].label} is about that of all users; what sets them apart is {sentences.describe_difference(facts, first)}."
    return f"What sets them apart is {sentences.describe_difference(facts, first)}."


def _explain_missing_difference(facts: Facts, segment: Segment) -> str:
    if sentences.has_too_few_users(segment):
        return "They are too few to be compared with all users."
    if positions := sentences.list_positions(facts, segment):
        return f"They differ from all users by little: {join_with_and(positions)}."
    return "Nothing sets them apart from all users: what works for everybody should work here."


def describe_resampling_stability(segment: Segment) -> str:
    """Describe how often the segment reappears in resampled data."""
    stability = segment.stability
    return (
        f"{stability.grade.capitalize()}: when the data is resampled it comes again with a likeness of "
        f"{format_similarity(stability.jaccard)} of 1. With these borders it is {format_interval(segment.share_interval)} of users, with 95 % confidence."
    )


def describe_drop_criterion(facts: Facts, segment: Segment) -> str:
    """Describe what would make us drop the segment."""
    measure = segment.play.measure if segment.play else None
    play = f", or no change in {facts.schema[measure.column].label} after the play" if measure else ""
    falls = "falls below" if segment.stability.jaccard >= JACCARD_STABLE else "doesn't rise to"
    return f"A month in which its likeness {falls} {format_similarity(JACCARD_STABLE)}{play}."


def _build_key_figures(facts: Facts, segment: Segment) -> tuple[BriefLine, ...]:
    """Return the three figures at the top."""
    if changes.get_comparison(facts):
        third = changes.describe_change_since(facts, segment), changes.format_share_change(facts, segment)
    else:
        third = sentences.describe_main_number(facts, segment) or ("", "")
    return _make_lines(
        ("users", format_thousands(segment.users)),
        ("of all users", format_percent(segment.share)),
        *([third] if third[0] else []),
    )


def _make_lines(*pairs: tuple[str, str]) -> tuple[BriefLine, ...]:
    return tuple(BriefLine(name, text) for name, text in pairs)


def _format_difference(facts: Facts, segment: Segment, item: NotableDifference) -> BriefDifference:
    """Return a difference as text."""
    feature = capitalise_first(facts.schema[item.column].label)
    if item.category is None:
        base = segment.index[item.column].base
    else:
        feature = f"{feature}: {item.category}"
        base = segment.categories[item.column][item.category].base
    return BriefDifference(feature, format_index(item.index), "too few" if base is None else format_thousands(base))


def _sanitise_facts(facts: Facts) -> Facts:
    """Return facts with names that fit into any sentence."""
    brand = replace(
        facts.brand,
        name=_sanitise_name(facts.brand.name),
        contact=_sanitise_name(facts.brand.contact) if facts.brand.contact else "",
    )
    return replace(
        facts,
        brand=brand,
        source=replace(facts.source, name=_sanitise_name(facts.source.name)),
        segments=tuple(
            replace(
                segment,
                name=_sanitise_name(segment.name),
                name_now=_sanitise_name(segment.name_now),
                categories={
                    column: {_sanitise_name(value): found for value, found in table.items()}
                    for column, table in segment.categories.items()
                },
                stands_out=tuple(
                    replace(item, category=None if item.category is None else _sanitise_name(item.category))
                    for item in segment.stands_out
                ),
            )
            for segment in facts.segments
        ),
    )


def _sanitise_name(text: str) -> str:
    """Return a text on one line, without invisible characters.

    But for joiners: words of some scripts and emoji need them.
    """
    line = _BREAKING_SPACES.sub(" ", text)
    visible = "".join(
        letter for letter in line if letter in _JOINERS or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
    )
    return visible.strip(" ") or "no name"

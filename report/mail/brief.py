"""A segment's brief: everything that its mail says, once, for the HTML and for the plain part alike."""

import re
import unicodedata
from dataclasses import dataclass, replace

from report.charts.brief import plot_brief_indices
from report.charts.figure import Figure
from report.settings import MailSettings
from report.style import theme
from report.text import changes, sentences
from report.text.formatting import (
    format_index,
    format_interval,
    format_listening_time,
    format_month,
    format_percent,
    format_similarity,
    format_thousands,
    get_column_label,
    join_with_and,
)
from segmentation.facts import Facts, NotableDifference, Segment
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW, JACCARD_STABLE

MAX_BRIEF_DIFFERENCES = 6
_AVERAGE_INDEX = 100
_BREAKING_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  # the two no-break spaces hold a number to its unit
_FIRST_STRONG_ISOLATE, _POP_DIRECTIONAL_ISOLATE = (
    "\u2068",
    "\u2069",
)  # from here on a text has its own direction; until here


@dataclass(frozen=True, slots=True)
class BriefLine:
    """A line with its name, such as what a figure means or a part of the play."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BriefDifference:
    """One thing in which the segment differs, as written."""

    feature: str
    index: str
    users: str


@dataclass(frozen=True, slots=True)
class Brief:
    """One segment's brief, in the order in which it is read. All of it is plain text.

    Attributes
    ----------
    id, name, month : str
        The segment, and the month as "October 2026".
    brand, accent, colour : str
        Who signs, and the colours of brand and segment.
    subject, preheader : str
        What an inbox shows: the size, and the one proposition.
    outdated : str
        That the name no longer fits, where it doesn't.
    figures : tuple of Line
        Users, share, and movement since the last month.
    evidence : tuple of Evidence
        Indices outside 80 to 120 whose interval holds no 100, each with the users it rests on.
    note : str
        How to read an index.
    offer : str
        The one proposition.
    play : tuple of Line
        The play: tone, channel, timing, do, don't, and what it is judged by.
    confidence : tuple of Line
        How sure, and what would change our mind.
    about : tuple of Line
        The data, whom to ask, and where the full report lies.
    link : str
        Address of the full report, where it has one.
    synthetic : str
        That the users are made up, where they are.
    picture : Picture
        The index bars.
    """

    id: str
    name: str
    month: str
    brand: str
    accent: str
    colour: str
    subject: str
    preheader: str
    outdated: str
    objective: str
    portrait: str
    figures: tuple[BriefLine, ...]
    evidence: tuple[BriefDifference, ...]
    note: str
    insight: str
    offer: str
    message: str
    play: tuple[BriefLine, ...]
    confidence: tuple[BriefLine, ...]
    about: tuple[BriefLine, ...]
    link: str
    synthetic: str
    picture: Figure


def make_brief(facts: Facts, segment: Segment, mail: MailSettings) -> Brief:
    """Say everything that a segment's brief says.

    Parameters
    ----------
    facts : Facts
        The month, with its plays.
    segment : Segment
        One of its segments, with a play.
    mail : MailSettings
        Says where the full report lies; if it doesn't, the brief says whom to ask for it.

    Raises
    ------
    ValueError
        If the segment has no play: where nothing is reliable there is nothing to sell.
    """
    picture = plot_brief_indices(segment)
    facts = _sanitise_facts(facts)
    segment = facts.get_segment(segment.id)
    play = segment.play
    if play is None:
        raise ValueError(f"{segment.id} has no play, so there is no brief about it.")
    month = format_month(facts.month)
    contact = _strip_control_characters(facts.brand.contact) if facts.brand.contact else ""
    # no path of the machine that made it: a reader of mail can't open that, and it may lie elsewhere by now
    where = (
        mail.locate_report(facts.month)
        or f"report.html of {month}, from {contact or 'whoever sent you this'}"
    )
    change = changes.format_share_change(facts, segment)
    now = segment.name_now if segment.name_now != segment.name else ""
    size = (
        f"{format_thousands(segment.users)} users ({format_percent(segment.share)}{change and f', {change}'})"
    )
    return Brief(
        id=segment.id,
        name=segment.name,
        month=month,
        brand=_strip_control_characters(facts.brand.name),
        accent=facts.brand.accent,
        colour=theme.get_segment_colour(segment.id),
        subject=f"{month.split()[0]} brief: {segment.name}{now and f' (now {sentences.lowercase_name(now)})'}, {size}",
        preheader=play.offer,
        outdated=now
        and f"This name no longer fits: named today, the segment would be called {now}. What follows describes it as it is now.",
        objective=play.objective,
        portrait=sentences.describe_average_listener(segment),
        figures=_build_key_figures(facts, segment),
        evidence=tuple(
            _format_difference(segment, item) for item in segment.stands_out[:MAX_BRIEF_DIFFERENCES]
        ),
        note=(
            f"An index of 100 is the average of all users; only what is {INDEX_HIGH - 100} or more away from it, and by more "
            "than chance explains, is listed."
        ),
        insight=write_insight(facts, segment),
        offer=play.offer,
        message=play.message,
        play=(
            BriefLine("Tone is", play.tone_is),
            BriefLine("Tone is not", play.tone_is_not),
            BriefLine("Channel", play.channel),
            BriefLine("Timing", play.timing),
            BriefLine("Do", play.do),
            BriefLine("Don't", play.avoid),
            BriefLine(
                "Measure",
                f"{sentences.describe_kpi(segment)} {sentences.describe_kpi_lift(segment)}".rstrip(),
            ),
        ),
        confidence=(
            BriefLine("The segment", describe_resampling_stability(segment)),
            BriefLine("All segments", sentences.describe_certainty(facts)),
            BriefLine("Not known", play.unknown),
            BriefLine("What would change our mind", describe_drop_criterion(segment)),
        ),
        about=(
            BriefLine(
                "Data",
                f"{month}, {_lower_first_letter(sentences.describe_users_analysed(facts))} ({_strip_control_characters(facts.source.name)})",
            ),
            *([BriefLine("Questions", contact)] if contact else []),
            BriefLine("Full report", where),
        ),
        link=where if re.match(r"https?://", where) else "",
        synthetic=sentences.write_synthetic_notice(facts),
        picture=picture,
    )


def write_insight(facts: Facts, segment: Segment) -> str:
    """Say what the numbers come to: the segment's part of users against its part of all listening."""
    usage = segment.index["usage_per_month"]
    average = facts.averages["usage_per_month"]
    part = segment.share * segment.means["usage_per_month"] / average if average else None
    first = segment.stands_out[0] if segment.stands_out else None
    if usage.is_significant and part is not None:
        said = f"They are {format_percent(segment.share)} of users and do {format_percent(part)} of all listening."
        others = [item for item in segment.stands_out if item.column != "usage_per_month"]
        told = [
            item for item in others if item.category is None or item.index > _AVERAGE_INDEX
        ]  # not what they aren't
        return (
            f"{said} What else sets them apart: {sentences.describe_difference((told or others)[0])}."
            if others
            else said
        )
    if first is None and sentences.has_too_few_users(segment):
        return "They are too few to be compared with all users."
    if first is None and (found := sentences.list_positions(segment)):
        return f"They differ from all users by little: {join_with_and(found)}."
    if first is None:
        return "Nothing sets them apart from all users: what works for everybody should work here."
    if usage.interval and usage.interval.low >= INDEX_LOW and usage.interval.high <= INDEX_HIGH:
        return f"They listen about as much as everybody; what sets them apart is {sentences.describe_difference(first)}."
    return f"What sets them apart is {sentences.describe_difference(first)}."


def describe_resampling_stability(segment: Segment) -> str:
    """Say how far a segment can be relied on."""
    stability = segment.stability
    return (
        f"{stability.grade.capitalize()}: when the data is resampled it comes again with a likeness of "
        f"{format_similarity(stability.jaccard)} of 1. With 95 % confidence it is {format_interval(segment.share_interval)} of users."
    )


def describe_drop_criterion(segment: Segment) -> str:
    """Say what would make us drop the segment or its play."""
    measure = segment.play.measure if segment.play else None
    play = f", or no change in {get_column_label(measure.column)} after the play" if measure else ""
    falls = "falls below" if segment.stability.jaccard >= JACCARD_STABLE else "doesn't rise to"
    return f"A month in which its likeness {falls} {format_similarity(JACCARD_STABLE)}{play}."


def _build_key_figures(facts: Facts, segment: Segment) -> tuple[BriefLine, ...]:
    """Say the three figures at the top."""
    if changes.get_comparison(facts):
        third = BriefLine(
            changes.describe_change_since(facts, segment), changes.format_share_change(facts, segment)
        )
    else:
        third = BriefLine("listening a month", format_listening_time(segment.means["usage_per_month"]))
    return (
        BriefLine("users", format_thousands(segment.users)),
        BriefLine("of all users", format_percent(segment.share)),
        third,
    )


def _format_difference(segment: Segment, item: NotableDifference) -> BriefDifference:
    """Write one difference with what it rests on."""
    if item.category is None:
        what, found = get_column_label(item.column).capitalize(), segment.index[item.column]
    else:
        what = f"{get_column_label(item.column).capitalize()}: {item.category}"
        found = segment.categories[item.column][item.category]
    return BriefDifference(
        what, format_index(item.index), "too few" if found.base is None else format_thousands(found.base)
    )


def _sanitise_facts(facts: Facts) -> Facts:
    """Give the facts with names that can stand in any sentence: on one line, and with their own direction."""
    return replace(
        facts,
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
    """Write a name so that it can't turn the numbers beside it round, nor break a line or a header."""
    text = _strip_control_characters(text)
    from_right = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in text)
    return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_DIRECTIONAL_ISOLATE}" if from_right else text


def _strip_control_characters(text: str) -> str:
    """Give a text on one line, without what can't be seen and may turn a line round."""
    seen = "".join(
        letter
        for letter in _BREAKING_SPACES.sub(" ", text)
        if unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
    )
    return seen.strip(" ") or "no name"


def _lower_first_letter(text: str) -> str:
    return text[:1].lower() + text[1:]

"""A segment's brief: everything that its mail says, once, for the HTML and for the plain part alike."""

import re
import unicodedata
from dataclasses import dataclass, replace

from report import changes, theme, words
from report.charts.brief import bars
from report.charts.picture import Picture
from report.settings import MailSettings
from report.written import (
    between,
    index,
    label,
    likeness,
    listed,
    listening,
    month_name,
    percent,
    thousands,
)
from segmentation.facts import Facts, Segment, Standout
from segmentation.readings import LEAST, MOST, STABLE

MOST_EVIDENCE = 6
_AVERAGE = 100
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  # the two no-break spaces hold a number to its unit
_ISOLATED, _END = "\u2068", "\u2069"  # from here on a text has its own direction; until here


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its name, such as what a figure means or a part of the play."""

    name: str
    said: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing in which the segment differs, as written."""

    what: str
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
    plan : tuple of Line
        The play: tone, channel, timing, do, don't, and what it is judged by.
    sure : tuple of Line
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
    figures: tuple[Line, ...]
    evidence: tuple[Evidence, ...]
    note: str
    insight: str
    offer: str
    message: str
    plan: tuple[Line, ...]
    sure: tuple[Line, ...]
    about: tuple[Line, ...]
    link: str
    synthetic: str
    picture: Picture


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
    picture = bars(segment)
    facts = _readable(facts)
    segment = facts.segment(segment.id)
    play = segment.play
    if play is None:
        raise ValueError(f"{segment.id} has no play, so there is no brief about it.")
    month = month_name(facts.month)
    contact = _plain(facts.brand.contact) if facts.brand.contact else ""
    # no path of the machine that made it: a reader of mail can't open that, and it may lie elsewhere by now
    where = mail.place(facts.month) or f"report.html of {month}, from {contact or 'whoever sent you this'}"
    change = changes.said_of(facts, segment)
    now = segment.name_now if segment.name_now != segment.name else ""
    size = f"{thousands(segment.users)} users ({percent(segment.share)}{change and f', {change}'})"
    return Brief(
        id=segment.id,
        name=segment.name,
        month=month,
        brand=_plain(facts.brand.name),
        accent=facts.brand.accent,
        colour=theme.colour(segment.id),
        subject=f"{month.split()[0]} brief: {segment.name}{now and f' (now {words.lower(now)})'}, {size}",
        preheader=play.offer,
        outdated=now
        and f"This name no longer fits: named today, the segment would be called {now}. What follows describes it as it is now.",
        objective=play.objective,
        portrait=words.portrait(segment),
        figures=_figures(facts, segment),
        evidence=tuple(_evidence(segment, item) for item in segment.stands_out[:MOST_EVIDENCE]),
        note=(
            f"An index of 100 is the average of all users; only what is {MOST - 100} or more away from it, and by more "
            "than chance explains, is listed."
        ),
        insight=insight(facts, segment),
        offer=play.offer,
        message=play.message,
        plan=(
            Line("Tone is", play.tone_is),
            Line("Tone is not", play.tone_is_not),
            Line("Channel", play.channel),
            Line("Timing", play.timing),
            Line("Do", play.do),
            Line("Don't", play.avoid),
            Line(
                "Measure",
                f"{words.kpi(segment)} {words.lift(segment)}".rstrip(),
            ),
        ),
        sure=(
            Line("The segment", steady(segment)),
            Line("All segments", words.certainty(facts)),
            Line("Not known", play.unknown),
            Line("What would change our mind", doubt(segment)),
        ),
        about=(
            Line("Data", f"{month}, {_start_low(words.prepared(facts))} ({_plain(facts.source.name)})"),
            *([Line("Questions", contact)] if contact else []),
            Line("Full report", where),
        ),
        link=where if re.match(r"https?://", where) else "",
        synthetic=words.synthetic(facts),
        picture=picture,
    )


def insight(facts: Facts, segment: Segment) -> str:
    """Say what the numbers come to: the segment's part of users against its part of all listening."""
    usage = segment.index["usage_per_month"]
    average = facts.averages["usage_per_month"]
    part = segment.share * segment.means["usage_per_month"] / average if average else None
    first = segment.stands_out[0] if segment.stands_out else None
    if usage.speaks and part is not None:
        said = f"They are {percent(segment.share)} of users and do {percent(part)} of all listening."
        others = [item for item in segment.stands_out if item.column != "usage_per_month"]
        told = [
            item for item in others if item.category is None or item.index > _AVERAGE
        ]  # not what they aren't
        return f"{said} What else sets them apart: {words.thing((told or others)[0])}." if others else said
    if first is None and words.is_thin(segment):
        return "They are too few to be compared with all users."
    if first is None and (found := words.places(segment)):
        return f"They differ from all users by little: {listed(found)}."
    if first is None:
        return "Nothing sets them apart from all users: what works for everybody should work here."
    if usage.interval and usage.interval.low >= LEAST and usage.interval.high <= MOST:
        return f"They listen about as much as everybody; what sets them apart is {words.thing(first)}."
    return f"What sets them apart is {words.thing(first)}."


def steady(segment: Segment) -> str:
    """Say how far a segment can be relied on."""
    stability = segment.stability
    return (
        f"{stability.grade.capitalize()}: when the data is resampled it comes again with a likeness of "
        f"{likeness(stability.jaccard)} of 1. With 95 % confidence it is {between(segment.share_interval)} of users."
    )


def doubt(segment: Segment) -> str:
    """Say what would make us drop the segment or its play."""
    measure = segment.play.measure if segment.play else None
    play = f", or no change in {label(measure.column)} after the play" if measure else ""
    falls = "falls below" if segment.stability.jaccard >= STABLE else "doesn't rise to"
    return f"A month in which its likeness {falls} {likeness(STABLE)}{play}."


def _figures(facts: Facts, segment: Segment) -> tuple[Line, ...]:
    """Say the three figures at the top."""
    if changes.compared(facts):
        third = Line(changes.since(facts, segment), changes.said_of(facts, segment))
    else:
        third = Line("listening a month", listening(segment.means["usage_per_month"]))
    return (
        Line("users", thousands(segment.users)),
        Line("of all users", percent(segment.share)),
        third,
    )


def _evidence(segment: Segment, item: Standout) -> Evidence:
    """Write one difference with what it rests on."""
    if item.category is None:
        what, found = label(item.column).capitalize(), segment.index[item.column]
    else:
        what = f"{label(item.column).capitalize()}: {item.category}"
        found = segment.categories[item.column][item.category]
    return Evidence(what, index(item.index), "too few" if found.base is None else thousands(found.base))


def _readable(facts: Facts) -> Facts:
    """Give the facts with names that can stand in any sentence: on one line, and with their own direction."""
    return replace(
        facts,
        segments=tuple(
            replace(
                segment,
                name=_name(segment.name),
                name_now=_name(segment.name_now),
                categories={
                    column: {_name(value): found for value, found in table.items()}
                    for column, table in segment.categories.items()
                },
                stands_out=tuple(
                    replace(item, category=None if item.category is None else _name(item.category))
                    for item in segment.stands_out
                ),
            )
            for segment in facts.segments
        ),
    )


def _name(text: str) -> str:
    """Write a name so that it can't turn the numbers beside it round, nor break a line or a header."""
    text = _plain(text)
    from_right = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in text)
    return f"{_ISOLATED}{text}{_END}" if from_right else text


def _plain(text: str) -> str:
    """Give a text on one line, without what can't be seen and may turn a line round."""
    seen = "".join(
        letter for letter in _SPACES.sub(" ", text) if unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
    )
    return seen.strip(" ") or "no name"


def _start_low(text: str) -> str:
    return text[:1].lower() + text[1:]

"""Tables: facts in, header and rows out."""

import html
import re
from collections import Counter
from dataclasses import dataclass

from report.style import theme
from report.text import changes, selection, sentences
from report.text.formatting import (
    capitalise_first,
    format_column_value,
    format_decimal,
    format_month,
    format_percent,
    format_similarity,
    format_thousands,
    join_with_and,
)
from segmentation.facts import Facts, Segment, SegmentTransition


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table, its numbers already formatted."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # the first cell of a row is its header
    row_heads: tuple[
        tuple[tuple[str, str], ...], ...
    ] = ()  # each row's header as segments' names and colours, if shown

    def to_html(self, *, caption: bool = False) -> str:
        """Return the table as HTML, its text escaped."""
        numeric = [_is_numeric(cells) for cells in zip(*self.rows, strict=True)] or [False] * len(self.header)
        marks = ["", *(' class="n"' if one else "" for one in numeric[1:])]
        head = "".join(
            f'<th scope="col"{mark}>{_escape_cell(text)}</th>' for text, mark in zip(self.header, marks, strict=True)
        )
        body = []
        for number, (first, *cells) in enumerate(self.rows):
            data = "".join(f"<td{mark}>{_escape_cell(text)}</td>" for text, mark in zip(cells, marks[1:], strict=True))
            named = " ".join(_render_segment_name(*one) for one in self.row_heads[number]) if self.row_heads else ""
            body.append(f'<tr><th scope="row">{named or _escape_cell(first)}</th>{data}</tr>')
        title = f"<caption>{_escape_cell(self.caption)}</caption>" if caption else ""
        return (
            f'<table data-quarto-disable-processing="true">{title}<thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(body)}</tbody></table>"
        )


def _is_numeric(cells: tuple[str, ...]) -> bool:
    return any(cell[:1].isdigit() or cell[:1] in tuple("▲▼<>−$") for cell in cells)


def _render_segment_name(name: str, colour: str) -> str:
    """Return a segment's name with its colours."""
    dot = f'<span class="dot" style="--dot:{colour};--dark:{theme.DARK_COLOURS[colour]}"></span>'
    return f'<span class="name">{dot}{_escape_cell(name)}</span>'


def _colour_segment(segment: Segment | SegmentTransition) -> tuple[str, str]:
    """Return a segment's name and colour."""
    return segment.name, theme.get_segment_colour(segment.id)


def _escape_cell(text: str) -> str:
    """Escape text for HTML, on one line.

    A blank line would end an HTML block in Markdown.
    """
    return html.escape(re.sub(r"[^\S\u00a0\u202f]+", " ", text))


def tabulate_audit(facts: Facts) -> ReportTable:
    """List rows by step of cleaning and column."""
    rows = [("Rows read", "", format_thousands(facts.audit.read))]
    rows += [
        (
            "Spellings that look the same, read as one",
            facts.schema[column].label,
            f"{format_thousands(n)} spelling{'s' if n > 1 else ''}",
        )
        for column, n in facts.audit.joined.items()
    ]
    rows += [
        (sentences.name_cleaning_rule(drop.rule), facts.schema[drop.column].label, f"{format_thousands(-drop.rows)}")
        for drop in facts.audit.dropped
    ]
    rows += [("Users kept", "", format_thousands(facts.audit.kept))]
    return ReportTable("What cleaning read, left out and kept.", ("Step", "Column", "Rows"), tuple(rows))


def tabulate_waterfall(facts: Facts) -> ReportTable:
    """List rows by step of cleaning."""
    dropped: Counter[str] = Counter()
    for drop in facts.audit.dropped:
        dropped[drop.rule] += drop.rows
    rows = [("Rows read", format_thousands(facts.audit.read))]
    rows += [(sentences.name_cleaning_rule(rule), format_thousands(-n)) for rule, n in dropped.items()]
    rows += [("Users kept", format_thousands(facts.audit.kept))]
    return ReportTable("From the rows read to the users kept.", ("Step", "Rows"), tuple(rows))


def tabulate_votes(facts: Facts) -> ReportTable:
    """List the number of segments that each measure favours."""
    used = facts.elbow.chosen
    votes = [(selection.name_criterion(vote.judge), vote.k) for vote in facts.structure.votes]
    votes.append(("The panel: valleys or mixture, and stability", facts.structure.panel))
    return ReportTable(
        f"How many segments each measure would choose; {used} are used.",
        ("Measure", "Segments", "Verdict"),
        tuple(
            (
                name,
                "no bend" if k is None else "none" if k == 1 else str(k),
                "" if k is None else "agrees" if k == used else "differs",
            )
            for name, k in votes
        ),
    )


def tabulate_stability(facts: Facts) -> ReportTable:
    """List each segment's stability."""
    return ReportTable(
        f"How far each {sentences.choose_segment_noun(facts)} can be relied on, from resampled data.",
        ("Segment", "Stability", "Comes again", "Dissolves", "Set apart", "Silhouette"),
        tuple(
            (
                s.name,
                f"{s.stability.grade}, {format_similarity(s.stability.jaccard)}",
                format_percent(s.stability.recovered),
                format_percent(s.stability.dissolved),
                "yes" if s.apart else "no",
                format_decimal(s.silhouette),
            )
            for s in sentences.rank_segments(facts)
        ),
        row_heads=tuple((_colour_segment(s),) for s in sentences.rank_segments(facts)),
    )


def tabulate_moves(facts: Facts) -> ReportTable:
    """List each segment's transition since the last month."""
    change = changes.require_change(facts)
    now = {segment.id: segment for segment in facts.segments}
    return ReportTable(
        f"What became of each segment since {format_month(change.month)}.",
        ("Segment", "What became of it", "Share then", "Share now", "Change, points"),
        tuple(
            (
                moved.name,
                changes.describe_transition(moved),
                "" if moved.last_share is None else format_percent(moved.last_share),
                "" if moved.share is None else format_percent(moved.share),
                changes.format_points(changes.get_share_change(facts, now[moved.id])) if moved.id in now else "",
            )
            for moved in change.segments
        ),
        row_heads=tuple((_colour_segment(moved),) for moved in change.segments),
    )


def tabulate_drift(facts: Facts) -> ReportTable:
    """List each column's drift since the last month."""
    change = changes.require_change(facts)
    followed = ("Users in both months",) if any(found.followed for found in change.drift.values()) else ()
    return ReportTable(
        f"Whether each column is spread otherwise than in {format_month(change.month)} (population stability index)"
        f"{', and how the users in both months changed' if followed else ''}.",
        ("Column", "Index", "By chance at most", *followed, "Verdict"),
        tuple(
            (
                capitalise_first(facts.schema[name].label),
                format_decimal(found.psi, 4),
                format_decimal(found.critical, 4),
                *(changes.format_followed_change(found.followed) for _ in followed),
                "changed" if found.has_drifted or (found.followed and found.followed.is_notable) else "as before",
            )
            for name, found in change.drift.items()
        ),
    )


def tabulate_segments(facts: Facts) -> ReportTable:
    """List the segments with users, shares and medians."""
    numbers = tuple(facts.distributions.numbers)
    return ReportTable(
        "The segments at a glance: users, share, and medians.",
        ("Segment", "Users", "Share", *(capitalise_first(facts.schema[name].label) for name in numbers), "Stability"),
        tuple(
            (
                s.name,
                format_thousands(s.users),
                format_percent(s.share),
                *(format_column_value(s.medians[name], facts.schema[name]) for name in numbers),
                f"{s.stability.grade}, {format_similarity(s.stability.jaccard)}",
            )
            for s in sentences.rank_segments(facts)
        ),
        row_heads=tuple((_colour_segment(s),) for s in sentences.rank_segments(facts)),
    )


def tabulate_plays(facts: Facts) -> ReportTable:
    """List the offers and the segments they fit."""
    by_offer: dict[str, list[Segment]] = {}
    for segment in sentences.rank_segments(facts):
        by_offer.setdefault(segment.play.offer if segment.play else "", []).append(segment)
    return ReportTable(
        "What to do",
        ("Segment", "Offer"),
        tuple((join_with_and([s.name for s in group]), offer) for offer, group in by_offer.items()),
        row_heads=tuple(tuple(map(_colour_segment, group)) for group in by_offer.values()),
    )

"""Tables: facts in, heads and rows out, as written for people."""

import html
import re
from dataclasses import dataclass

from report import changes, theme, verdicts, words
from report.written import decimal, label, likeness, listed, measured, month_name, percent, thousands
from segmentation.facts import Facts, Segment


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes
    ----------
    caption : str
        What the table shows.
    header : tuple of str
        Heads of the columns.
    rows : tuple of tuple of str
        Its cells; the first of a row is its head.
    colours : tuple of str
        A colour beside each row's head, or none at all.
    heads : tuple of tuple of (str, str)
        Names with their colours that stand in each row's head, where it has several.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    colours: tuple[str, ...] = ()
    heads: tuple[tuple[tuple[str, str], ...], ...] = ()

    def html(self, *, caption: bool = False) -> str:
        """Write the table as HTML, every text escaped, every head marked as one."""
        numeric = [_is_numeric(cells) for cells in zip(*self.rows, strict=True)] or [False] * len(self.header)
        marks = ["", *(' class="n"' if one else "" for one in numeric[1:])]
        head = "".join(
            f'<th scope="col"{mark}>{_text(text)}</th>' for text, mark in zip(self.header, marks, strict=True)
        )
        body = []
        for number, (first, *cells) in enumerate(self.rows):
            data = "".join(
                f"<td{mark}>{_text(text)}</td>" for text, mark in zip(cells, marks[1:], strict=True)
            )
            body.append(f'<tr><th scope="row">{self._head(number, first)}</th>{data}</tr>')
        title = f"<caption>{_text(self.caption)}</caption>" if caption else ""
        return (
            f'<table data-quarto-disable-processing="true">{title}<thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(body)}</tbody></table>"
        )

    def _head(self, number: int, text: str) -> str:
        """Write a row's head: its text, with its colour where it has one, or its names with theirs."""
        if self.heads:
            return " ".join(_named(*one) for one in self.heads[number])
        return _named(text, self.colours[number]) if self.colours else _text(text)


def _is_numeric(cells: tuple[str, ...]) -> bool:
    """Tell whether a column holds numbers, so that they stand below each other, and its head above them."""
    return any(cell[:1].isdigit() or cell[:1] in tuple("▲▼<>−$") for cell in cells)


def _named(name: str, colour: str) -> str:
    """Write a segment's name with its colour beside it, which is another on a dark screen."""
    dot = f'<span class="dot" style="--dot:{colour};--dark:{theme.dark(colour)}"></span>'
    return f'<span class="name">{dot}{_text(name)}</span>'


def _text(text: str) -> str:
    """Write plain text as HTML, on one line: a blank one would end a block of HTML in Markdown."""
    return html.escape(re.sub(r"[^\S\u00a0\u202f]+", " ", text))


def audit(facts: Facts) -> Table:
    """List what cleaning read, dropped by rule, and kept."""
    rows = [("Rows read", "", thousands(facts.audit.read))]
    rows += [
        (
            "Spellings that look the same, read as one",
            label(column),
            f"{thousands(n)} spelling{'s' if n > 1 else ''}",
        )
        for column, n in facts.audit.joined.items()
    ]
    rows += [
        (words.broken(drop.rule), label(drop.column), f"{thousands(-drop.rows)}")
        for drop in facts.audit.dropped
    ]
    rows += [("Users kept", "", thousands(facts.audit.kept))]
    return Table("What cleaning read, left out and kept.", ("Step", "Column", "Rows"), tuple(rows))


def waterfall(facts: Facts) -> Table:
    """List what cleaning read, dropped by rule alone, and kept."""
    rules = dict.fromkeys(drop.rule for drop in facts.audit.dropped)
    lost = {rule: sum(drop.rows for drop in facts.audit.dropped if drop.rule == rule) for rule in rules}
    rows = [("Rows read", thousands(facts.audit.read))]
    rows += [(words.broken(rule), thousands(-rows_)) for rule, rows_ in lost.items()]
    rows += [("Users kept", thousands(facts.audit.kept))]
    return Table("From the rows read to the users kept.", ("Step", "Rows"), tuple(rows))


def votes(facts: Facts) -> Table:
    """List how many segments each measure would choose."""
    used = facts.elbow.chosen
    rows = [
        (
            verdicts.judged(vote.judge),
            "no bend" if vote.k is None else "none" if vote.k == 1 else str(vote.k),
            "" if vote.k is None else "agrees" if vote.k == used else "differs",
        )
        for vote in facts.structure.votes
    ]
    panel = facts.structure.panel
    rows.append(
        (
            "The panel: valleys and stability",
            "none" if panel == 1 else str(panel),
            "agrees" if panel == used else "differs",
        )
    )
    return Table(
        f"How many segments each measure would choose; {used} are used.",
        ("Measure", "Segments", "Verdict"),
        tuple(rows),
    )


def stability(facts: Facts) -> Table:
    """List how far each segment can be relied on."""
    return Table(
        f"How far each {words.noun(facts)} can be relied on, from resampled data.",
        ("Segment", "Stability", "Comes again", "Dissolves", "Set apart", "Silhouette"),
        tuple(
            (
                s.name,
                f"{s.stability.grade}, {likeness(s.stability.jaccard)}",
                percent(s.stability.recovered),
                percent(s.stability.dissolved),
                "yes" if s.apart else "no",
                decimal(s.silhouette),
            )
            for s in words.ranked(facts)
        ),
        colours=tuple(theme.colour(s.id) for s in words.ranked(facts)),
    )


def moves(facts: Facts) -> Table:
    """List what became of each segment since the last month."""
    change = facts.change
    if change is None:
        raise ValueError("nothing to list: a page asks for `moves` only where there is a last month")
    now = {segment.id: segment for segment in facts.segments}
    return Table(
        f"What became of each segment since {month_name(change.month)}.",
        ("Segment", "What became of it", "Share then", "Share now", "Change, points"),
        tuple(
            (
                moved.name,
                changes.fate(moved),
                "" if moved.last_share is None else percent(moved.last_share),
                "" if moved.share is None else percent(moved.share),
                changes.points(changes.of_segment(facts, now[moved.id])) if moved.id in now else "",
            )
            for moved in change.segments
        ),
        colours=tuple(theme.colour(moved.id) for moved in change.segments),
    )


def drift(facts: Facts) -> Table:
    """List how far each column has drifted since the last month."""
    change = facts.change
    if change is None:
        raise ValueError("nothing to list: a page asks for `drift` only where there is a last month")
    return Table(
        f"Whether each column is spread otherwise than in {month_name(change.month)} (population stability index).",
        ("Column", "Index", "By chance at most", "Verdict"),
        tuple(
            (
                label(name).capitalize(),
                decimal(found.psi, 4),
                decimal(found.critical, 4),
                "changed" if found.has_drifted else "as before",
            )
            for name, found in change.drift.items()
        ),
    )


def segments(facts: Facts) -> Table:
    """List the segments at a glance."""
    numbers = tuple(facts.distributions.numbers)
    return Table(
        "The segments at a glance: users, share, and medians.",
        ("Segment", "Users", "Share", *(label(name).capitalize() for name in numbers), "Stability"),
        tuple(
            (
                s.name,
                thousands(s.users),
                percent(s.share),
                *(measured(s.medians[name], name) for name in numbers),
                f"{s.stability.grade}, {likeness(s.stability.jaccard)}",
            )
            for s in words.ranked(facts)
        ),
        colours=tuple(theme.colour(s.id) for s in words.ranked(facts)),
    )


def plays(facts: Facts) -> Table:
    """List what to do this month, and with which segments: those that get the same stand together."""
    by_offer: dict[str, list[Segment]] = {}
    for segment in words.ranked(facts):
        by_offer.setdefault(segment.play.offer if segment.play else "", []).append(segment)
    return Table(
        "What to do",
        ("Segment", "Offer"),
        tuple((listed([s.name for s in group]), offer) for offer, group in by_offer.items()),
        heads=tuple(tuple((s.name, theme.colour(s.id)) for s in group) for group in by_offer.values()),
    )

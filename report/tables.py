"""Tables: facts in, heads and rows out, as written for people."""

import html
import re
from dataclasses import dataclass

from report import theme, words
from report.written import decimal, label, measured, percent, thousands
from segmentation.facts import Facts


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
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    colours: tuple[str, ...] = ()

    def html(self, *, caption: bool = False) -> str:
        """Write the table as HTML, every text escaped, every head marked as one."""
        head = "".join(f'<th scope="col">{_text(text)}</th>' for text in self.header)
        body = []
        for number, (first, *cells) in enumerate(self.rows):
            dot = (
                f'<span class="dot" style="background:{self.colours[number]}"></span>' if self.colours else ""
            )
            data = "".join(f"<td>{_text(text)}</td>" for text in cells)
            body.append(f'<tr><th scope="row">{dot}{_text(first)}</th>{data}</tr>')
        title = f"<caption>{_text(self.caption)}</caption>" if caption else ""
        return (
            f'<table data-quarto-disable-processing="true">{title}<thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(body)}</tbody></table>"
        )


def _text(text: str) -> str:
    """Write plain text as HTML, on one line: a blank one would end a block of HTML in Markdown."""
    return html.escape(re.sub(r"[^\S\u00a0\u202f]+", " ", text))


def audit(facts: Facts) -> Table:
    """List what cleaning read, dropped by rule, and kept."""
    rows = [("Rows read", "", thousands(facts.audit.read))]
    rows += [
        (words.broken(drop.rule), label(drop.column), f"{thousands(-drop.rows)}")
        for drop in facts.audit.dropped
    ]
    rows += [("Users kept", "", thousands(facts.audit.kept))]
    return Table("What cleaning read, left out and kept.", ("", "Column", "Rows"), tuple(rows))


def segments(facts: Facts) -> Table:
    """List the segments at a glance."""
    return Table(
        "The segments at a glance: users, share, and medians.",
        ("Segment", "Users", "Share", "Age", "Income", "Usage", "Days active", "Silhouette"),
        tuple(
            (
                s.name,
                thousands(s.users),
                percent(s.share),
                *(measured(s.medians[name], name) for name in s.medians),
                decimal(s.silhouette),
            )
            for s in facts.segments
        ),
        colours=tuple(theme.colour(s.id) for s in facts.segments),
    )


def plays(facts: Facts) -> Table:
    """List what to do with each segment this month."""
    return Table(
        "What to do this month.",
        ("Segment", "What to do this month"),
        tuple((s.name, s.play.offer if s.play else "") for s in facts.segments),
        colours=tuple(theme.colour(s.id) for s in facts.segments),
    )

"""A chart with what a reader needs beside it: its caption, its finding in words, and the numbers behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]
Layers = alt.LayerChart | alt.FacetChart  # what Altair says that layers give


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart, ready to be laid out.

    Attributes
    ----------
    chart : callable
        Gives the chart, titled with its finding and without a configuration of its own. Called only where it is
        drawn: a picture that was drawn already still has its caption, its words and its numbers.
    caption : str
        What is drawn and how to read it.
    alt : str
        The finding for those who don't see the chart, at most 250 characters.
    header : tuple of str
        Heads of the table behind the chart.
    rows : tuple of tuple of str
        The table behind the chart, as written for people.
    """

    chart: Callable[[], alt.TopLevelMixin]
    caption: str
    alt: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def inline(rows: Iterable[Row]) -> alt.InlineData:
    """Give rows to a chart as they are: aggregates, in the order in which they should be drawn."""
    # a tuple: Altair copies lists with every chart that it layers or puts beside another, row for row
    return alt.InlineData(values=tuple(dict(row) for row in rows))


def title(finding: str, *shown: str) -> alt.TitleParams:
    """Title a chart with its finding, and say below in grey what is shown."""
    return alt.TitleParams(finding, subtitle=list(shown)) if shown else alt.TitleParams(finding)


def colours(pairs: Mapping[str, str]) -> alt.Color:
    """Colour marks by the field `segment`, each segment in its own colour, without a legend."""
    scale = alt.Scale(domain=list(pairs), range=list(pairs.values()))
    return alt.Color("segment:N", scale=scale, legend=None)


def tips(*fields: tuple[str, str]) -> list[alt.Tooltip]:
    """Show these fields of a row, as written for people, where the pointer rests: (field, name) pairs."""
    return [alt.Tooltip(field=field, type="nominal", title=name) for field, name in fields]


def fitted(width: int, height: int) -> dict[str, Any]:
    """Give the properties of a single-view chart that fills this many pixels, labels included in the width."""
    return {
        "width": width,
        "height": height,
        "autosize": alt.AutoSizeParams(type="fit-x", contains="padding"),
    }


def shorten(text: str, most: int = 250) -> str:
    """Cut an alternative text at a word, so that it stays within what a screen reader reads in one go."""
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0].rstrip(",;. ") + "…"


def pad(values: Sequence[float], part: float = 0.08) -> tuple[float, float]:
    """Give the range of values, widened by a part of it on both sides."""
    low, high = min(values), max(values)
    margin = (high - low or 1.0) * part
    return low - margin, high + margin

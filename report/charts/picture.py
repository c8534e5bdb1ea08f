"""A chart with what a reader needs beside it: its caption, its finding in words, and the numbers behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]
Layers = alt.LayerChart | alt.FacetChart  # what Altair says that layers give
Panels = alt.HConcatChart | alt.VConcatChart


Drawing = Callable[[], alt.TopLevelMixin]


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
        The finding for those who don't see the chart: whole sentences, at most 250 characters.
    header : tuple of str
        Heads of the table behind the chart.
    rows : tuple of tuple of str
        The table behind the chart, as written for people.
    narrow : callable or None
        Gives the same chart laid out for `theme.NARROW` pixels, as a telephone has them; None where no page that is
        read there shows it.
    """

    chart: Drawing
    caption: str
    alt: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    narrow: Drawing | None = None


def joined(*panels: Layers | Panels, below: bool, spacing: int) -> Panels:
    """Put panels beside each other, or below each other where there is no room beside.

    Altair's own `concat` with its columns isn't it: in a browser the bundle that pages carry draws nothing of it.
    """
    return (alt.vconcat if below else alt.hconcat)(*panels, spacing=spacing)


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


def told(*sentences: str, most: int = 250) -> str:
    """Give as many whole sentences as a screen reader reads in one go, the finding first.

    Parameters
    ----------
    sentences : str
        In the order in which they matter; a stop is added where one is missing.
    most : int
        Characters at most. Only a first sentence that is longer, as a name may make it, is cut: at a word.
    """
    whole = [text if text.endswith((".", "!", "?", "…")) else f"{text}." for text in sentences if text]
    said = whole[0]
    if len(said) > most:
        return said[: most - 1].rsplit(" ", 1)[0].rstrip(",;:. ") + "…"
    for sentence in whole[1:]:
        if len(said) + 1 + len(sentence) > most:
            break
        said = f"{said} {sentence}"
    return said


def pad(values: Sequence[float], part: float = 0.08) -> tuple[float, float]:
    """Give the range of values, widened by a part of it on both sides."""
    low, high = min(values), max(values)
    margin = (high - low or 1.0) * part
    return low - margin, high + margin

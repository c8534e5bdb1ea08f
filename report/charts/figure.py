"""A chart with what a reader needs beside it: its caption, its finding in words, and the numbers behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

ChartRow = Mapping[str, Any]
ChartRows = list[dict[str, Any]]
LayeredChart = alt.LayerChart | alt.FacetChart  # what Altair says that layers give
PanelChart = alt.HConcatChart | alt.VConcatChart


ChartFactory = Callable[[], alt.TopLevelMixin]


@dataclass(frozen=True, slots=True)
class Figure:
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
        Gives the same chart laid out for `theme.NARROW_WIDTH` pixels, as a telephone has them; None where no page that is
        read there shows it.
    """

    chart: ChartFactory
    caption: str
    alt: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    narrow: ChartFactory | None = None


def concat_panels(*panels: LayeredChart | PanelChart, stacked: bool, spacing: int) -> PanelChart:
    """Put panels beside each other, or below each other where there is no room beside.

    Altair's own `concat` with its columns isn't it: in a browser the bundle that pages carry draws nothing of it.
    """
    return (alt.vconcat if stacked else alt.hconcat)(*panels, spacing=spacing)


def make_inline_data(rows: Iterable[ChartRow]) -> alt.InlineData:
    """Give rows to a chart as they are: aggregates, in the order in which they should be drawn."""
    # a tuple: Altair copies lists with every chart that it layers or puts beside another, row for row
    return alt.InlineData(values=tuple(dict(row) for row in rows))


def make_title(finding: str, *shown: str) -> alt.TitleParams:
    """Title a chart with its finding, and say below in grey what is shown."""
    return alt.TitleParams(finding, subtitle=list(shown)) if shown else alt.TitleParams(finding)


def encode_segment_colours(colour_by_segment: Mapping[str, str]) -> alt.Color:
    """Colour marks by the field `segment`, each segment in its own colour, without a legend."""
    scale = alt.Scale(domain=list(colour_by_segment), range=list(colour_by_segment.values()))
    return alt.Color("segment:N", scale=scale, legend=None)


def make_tooltips(*fields: tuple[str, str]) -> list[alt.Tooltip]:
    """Show these fields of a row, as written for people, where the pointer rests: (field, name) pairs."""
    return [alt.Tooltip(field=field, type="nominal", title=name) for field, name in fields]


def fit_to_size(width: int, height: int) -> dict[str, Any]:
    """Give the properties of a single-view chart that fills this many pixels, labels included in the width."""
    return {
        "width": width,
        "height": height,
        "autosize": alt.AutoSizeParams(type="fit-x", contains="padding"),
    }


def compose_alt_text(*sentences: str, max_length: int = 250) -> str:
    """Give as many whole sentences as a screen reader reads in one go, the finding first.

    Parameters
    ----------
    sentences : str
        In the order in which they matter; a stop is added where one is missing.
    max_length : int
        Characters at most. Only a first sentence that is longer, as a name may make it, is cut: at a word.
    """
    whole = [text if text.endswith((".", "!", "?", "…")) else f"{text}." for text in sentences if text]
    said = whole[0]
    if len(said) > max_length:
        return said[: max_length - 1].rsplit(" ", 1)[0].rstrip(",;:. ") + "…"
    for sentence in whole[1:]:
        if len(said) + 1 + len(sentence) > max_length:
            break
        said = f"{said} {sentence}"
    return said


def pad_range(values: Sequence[float], fraction: float = 0.08) -> tuple[float, float]:
    """Give the range of values, widened by a part of it on both sides."""
    low, high = min(values), max(values)
    margin = (high - low or 1.0) * fraction
    return low - margin, high + margin

"""Figures: charts with caption, alternative text and numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from report.style import theme
from segmentation.facts import Facts

ChartRow = Mapping[str, Any]
ChartRows = list[dict[str, Any]]
LayeredChart = alt.LayerChart | alt.FacetChart  # the type of `alt.layer(...).properties(...)`
PanelChart = alt.HConcatChart | alt.VConcatChart
ChartFactory = Callable[[], alt.TopLevelMixin]
HALO: dict[str, Any] = {"stroke": theme.PAPER, "strokeWidth": 4, "strokeJoin": "round"}  # behind a text on marks


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart with its texts and numbers."""

    chart: ChartFactory  # called only if the chart is not drawn yet; titled with its finding, without a configuration
    caption: str  # what is drawn and how to read it
    alt: str  # the finding for readers who don't see the chart: whole sentences, at most 250 characters
    header: tuple[str, ...]  # of the table of numbers
    rows: tuple[tuple[str, ...], ...]  # of the table of numbers, already formatted
    narrow: ChartFactory | None = None  # the chart at `theme.NARROW_WIDTH`; None if no page for telephones shows it


def concat_panels(*panels: LayeredChart | PanelChart, stacked: bool, spacing: int) -> PanelChart:
    """Put panels side by side, or stack them.

    Altair's own `concat` with columns does not work: the scripts of the pages draw nothing of it.
    """
    return (alt.vconcat if stacked else alt.hconcat)(*panels, spacing=spacing)


def make_inline_data(rows: Iterable[ChartRow]) -> alt.InlineData:
    """Return rows as a chart's data, in drawing order."""
    # a tuple: Altair copies a list row by row with every chart that it layers or concatenates
    return alt.InlineData(values=tuple(dict(row) for row in rows))


def make_title(finding: str, shown: str) -> alt.TitleParams:
    """Return a title with a grey subtitle."""
    return alt.TitleParams(finding, subtitle=[shown])


def encode_segment_colours(facts: Facts) -> alt.Color:
    """Return the colour encoding of `segment`, without a legend."""
    colours = {segment.name: theme.get_segment_colour(segment.id) for segment in facts.segments}
    return alt.Color("segment:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)


def make_tooltips(*fields: tuple[str, str]) -> list[alt.Tooltip]:
    """Return tooltips for (field, name) pairs of formatted fields."""
    return [alt.Tooltip(field=field, type="nominal", title=name) for field, name in fields]


def fit_to_size(width: int, height: int) -> dict[str, Any]:
    """Return properties that fit a chart, labels included."""
    return {"width": width, "height": height, "autosize": alt.AutoSizeParams(type="fit-x", contains="padding")}


def compose_alt_text(*sentences: str, max_length: int = 250) -> str:
    """Join sentences into an alternative text.

    As many as fit, the most important first. Only a first one that is longer is cut, between words.
    """
    complete = [text if text.endswith((".", "!", "?", "…")) else f"{text}." for text in sentences if text]
    joined = complete[0]
    if len(joined) > max_length:
        return joined[: max_length - 1].rsplit(" ", 1)[0].rstrip(",;:. ") + "…"
    for sentence in complete[1:]:
        if len(joined) + 1 + len(sentence) > max_length:
            break
        joined = f"{joined} {sentence}"
    return joined


def pad_range(values: Sequence[float], fraction: float = 0.08) -> tuple[float, float]:
    """Return the range of values, widened."""
    low, high = min(values), max(values)
    margin = (high - low or 1.0) * fraction
    return low - margin, high + margin

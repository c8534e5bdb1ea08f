"""The index chart in a segment's brief."""

import altair as alt

from report.charts.figure import ChartRows, Figure, LayeredChart, compose_alt_text, make_inline_data
from report.charts.indices import IndexedItem
from report.charts.labels import fit_texts
from report.style import theme
from report.text import sentences
from report.text.formatting import capitalise_first, format_index
from segmentation.facts import Facts, Segment
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW

IMAGE_MARGIN = 6  # pixels around the image, which dark mode shows on black
CHART_WIDTH = 416 - 2 * IMAGE_MARGIN  # pixels in a mail 640 wide; a telephone shows it at two thirds
MAX_CATEGORIES = 4
_USUAL_BASE = 30  # users below which an index says nothing, unless the month has another setting
_NAME_WIDTH, _NUMBER_WIDTH = 138, 74  # pixels of the names, and of the number behind the longest bar
_BAR_AREA_WIDTH = CHART_WIDTH - _NAME_WIDTH
_ROW_HEIGHT, _FONT_SIZE = 30, 15  # of a bar and its name, in pixels


def plot_brief_indices(facts: Facts, segment: Segment) -> Figure:
    """Plot the main indices of a segment, against 100.

    All numbers, and the categories that differ most.
    """
    items = [
        IndexedItem(
            capitalise_first(facts.schema[name].label),
            segment.index[name],
            sentences.describe_number_difference(facts, segment, name),
        )
        for name in segment.index
    ]
    items += [
        IndexedItem(item.category, segment.categories[item.column][item.category])
        for item in segment.stands_out
        if item.category is not None
    ][:MAX_CATEGORIES]
    return Figure(
        chart=lambda: _build_chart(items, theme.get_segment_colour(segment.id)),
        caption="Index: the line is the average of all users, 100; grey is near it.",
        alt=compose_alt_text(f"{segment.name} against 100 for all users", *sentences.list_differences(facts, segment)),
        header=("", "Index"),
        rows=tuple((one.name, _format_item(one)) for one in items),
    )


def _build_chart(items: list[IndexedItem], colour: str) -> LayeredChart:
    """Draw bars from 100 with their numbers."""
    significant = [one.index.value for one in items if one.index.notable and one.index.value is not None]
    high = max([*significant, 150]) * _BAR_AREA_WIDTH / (_BAR_AREA_WIDTH - _NUMBER_WIDTH)
    names, limit = fit_texts([one.name for one in items], _NAME_WIDTH - 10, _FONT_SIZE)
    rows: ChartRows = [
        {
            "row": str(number),
            "name": name,
            "from": 100,
            "at": one.index.value if one.index.notable else 100,
            "end": max(100, one.index.value or 0) if one.index.notable else 100,  # where its number begins
            "label": _format_item(one),
            "speaks": one.index.notable,
        }
        for number, (name, one) in enumerate(zip(names, items, strict=True))
    ]
    base = alt.Chart(make_inline_data(rows)).encode(
        alt.Y("row:N", sort=None, axis=None),  # two categories may share a value
        alt.X("at:Q", axis=None).scale(domain=[0, high], nice=False, zero=True),
    )
    zone = (
        alt.Chart(make_inline_data([{"low": INDEX_LOW, "high": INDEX_HIGH}]))
        .mark_rect(color=theme.AVERAGE_BAND)
        .encode(alt.X("low:Q", axis=None), alt.X2("high:Q"))
    )
    middle = alt.Chart(make_inline_data([{"at": 100}])).mark_rule(color=theme.MUTED).encode(alt.X("at:Q", axis=None))
    drawn = base.mark_bar(height={"band": 0.62}, color=colour).encode(alt.X2("from:Q"))
    number = base.transform_filter(alt.datum.speaks).mark_text(align="left", dx=6, fontSize=15, fontWeight=600)
    silence = base.transform_filter(~alt.datum.speaks).mark_text(align="left", dx=6, fontSize=15, color=theme.MUTED)
    at_end = alt.X("end:Q", axis=None), alt.Text("label:N")
    name = base.mark_text(align="left", fontSize=_FONT_SIZE, limit=limit).encode(
        alt.Text("name:N"), x=alt.value(-_NAME_WIDTH)
    )
    return alt.layer(zone, drawn, middle, number.encode(*at_end), silence.encode(*at_end), name).properties(
        width=_BAR_AREA_WIDTH, height=_ROW_HEIGHT * len(rows)
    )


def _format_item(one: IndexedItem) -> str:
    """Write an index, a difference, or why there is none."""
    item = one.index
    if one.difference:
        return one.difference
    if item.notable or item.value is None:
        return format_index(item.value)
    return "average" if INDEX_LOW < item.value < INDEX_HIGH else "unclear"

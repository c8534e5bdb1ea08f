"""The chart of one segment's indices against all users."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from report.charts.figure import (
    ChartRows,
    Figure,
    LayeredChart,
    compose_alt_text,
    make_inline_data,
    make_title,
    make_tooltips,
)
from report.charts.labels import fit_texts
from report.style import theme
from report.text import sentences
from report.text.formatting import capitalise_first, format_index, format_percent, format_shown_count
from segmentation.facts import AffinityIndex, Facts, Segment
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW

_AVERAGE_INDEX = 100  # the index of all users
_BAR_HEIGHT, _MIN_BAR_HEIGHT = 14, 12  # pixels of a bar, and of one among many
_MAX_HEIGHT = 350  # pixels of the chart above which bars get thinner: on paper the play has to fit below
_MAX_ROWS = 26  # bars and heads that fit on a page above the play
_FONT_SIZE = 11.5  # of a bar's name
_MIN_TICK_SPACING, _LABEL_WIDTH = 34, 24  # pixels of a number on the axis, and of one at a bar
_LABEL_SIDES: tuple[tuple[int, Literal["left", "right"]], ...] = ((-1, "right"), (1, "left"))  # of a bar's end


@dataclass(frozen=True, slots=True)
class BarLayout:
    """Widths of bars, names and labels, in pixels."""

    bar_width: int
    name_width: int
    label_width: int


@dataclass(frozen=True, slots=True)
class IndexedItem:
    """A number or a value with its index."""

    name: str
    index: AffinityIndex
    difference: str = ""  # from the average in its unit, of a number without a true zero


_WIDE_LAYOUT = BarLayout(theme.PAGE_WIDTH - 157, 150, 110)
_NARROW_LAYOUT = BarLayout(theme.NARROW_WIDTH - 112, 104, 92)


def plot_indices(facts: Facts, segment: Segment) -> Figure:
    """Plot every index of a segment."""
    numbers = [
        IndexedItem(
            capitalise_first(facts.schema[name].label),
            segment.index[name],
            sentences.describe_number_difference(facts, segment, name),
        )
        for name in segment.index
    ]
    groups = [("Numbers", numbers)]
    groups += [
        (capitalise_first(facts.schema[name].label), [IndexedItem(*one) for one in segment.categories[name].items()])
        for name in sentences.rank_categories(facts)
    ]
    drawn = _choose_drawn_groups(
        groups, {facts.schema[name].label for name in (*facts.features, facts.schema.main) if name}
    )
    finding, colour = sentences.describe_main_difference(facts, segment), theme.get_segment_colour(segment.id)
    return Figure(
        chart=lambda: _build_chart(finding, drawn, colour, _WIDE_LAYOUT),
        narrow=lambda: _build_chart(finding, drawn, colour, _NARROW_LAYOUT),
        caption=(
            f"How {sentences.lowercase_name(segment.name)} differ from all users. An index of 200 is twice the average; n is the number of "
            f"users that it rests on. Under {facts.smallest_base} of them, or where chance may explain the difference, it says nothing."
        ),
        alt=compose_alt_text(f"{segment.name} against 100 for all users", *sentences.list_differences(facts, segment)),
        header=("Of what", "Index", "Users"),
        rows=tuple(
            (f"{group}: {one.name}", format_indexed_item(one), format_shown_count(one.index.base))
            for group, items in groups
            for one in items
        ),
    )


def _choose_drawn_groups(
    groups: list[tuple[str, list[IndexedItem]]], features: Collection[str]
) -> list[tuple[str, list[IndexedItem]]]:
    """Return what a page has room for: all, or what tells something.

    Of many columns the features and what differs from the average by more than chance, the columns of most values first.
    """
    if _count_rows(groups) <= _MAX_ROWS:
        return groups
    known = {capitalise_first(label) for label in features}
    telling = [
        (name, [one for one in items if one.index.notable or one.difference or (not place and one.name in known)])
        for place, (name, items) in enumerate(groups)
    ]
    drawn = [(name, items) for name, items in telling if items]
    while _count_rows(drawn) > _MAX_ROWS and len(drawn) > 1:
        drawn.pop()
    return [(name, items[: _MAX_ROWS - 1]) for name, items in drawn]


def _count_rows(groups: list[tuple[str, list[IndexedItem]]]) -> int:
    """Count bars and heads."""
    return sum(1 + len(items) for _, items in groups)


def _build_chart(
    finding: str, groups: list[tuple[str, list[IndexedItem]]], colour: str, layout: BarLayout
) -> LayeredChart:
    """Draw groups of bars on one axis."""
    intervals = [one.index.interval for _, items in groups for one in items if one.index.notable and one.index.interval]
    width = layout.bar_width
    high = max([*(interval.high for interval in intervals), 150]) * width / (width - layout.label_width)
    least = min([interval.low for interval in intervals], default=_AVERAGE_INDEX)
    low = min(0.0, least - _LABEL_WIDTH * high / width)  # with space for a number left of a short bar
    whisker_note = "; a line is the 95 % interval with these borders" if intervals else ""
    names, limit = fit_texts([one.name for _, items in groups for one in items], layout.name_width, _FONT_SIZE)
    rows = _list_rows(groups, names)
    heads = alt.Chart(make_inline_data([row for row in rows if row["head"]]))
    base = alt.Chart(make_inline_data([row for row in rows if not row["head"]])).transform_calculate(
        n="datum.users === 'not shown' ? '' : 'n ' + datum.users"
    )
    y = alt.Y("row:O", axis=None).scale(domain=[row["row"] for row in rows])
    x = (
        alt.X("at:Q")
        .scale(domain=[low, high], nice=False, zero=True)
        .title("Index (all users = 100)")
        .axis(values=_choose_ticks(high, layout), format="d")
    )
    average = alt.Chart(make_inline_data([{"at": INDEX_LOW, "to": INDEX_HIGH}]))
    zone = average.mark_rect(color=theme.AVERAGE_BAND).encode(x, alt.X2("to:Q"))
    middle = alt.Chart(make_inline_data([{"at": _AVERAGE_INDEX}])).mark_rule(color=theme.MUTED, strokeWidth=1).encode(x)
    significant = base.transform_filter(alt.datum.speaks).encode(y)
    whisker = significant.mark_rule(color=theme.INK, strokeWidth=1).encode(alt.X("low:Q"), alt.X2("high:Q"))
    bars = significant.mark_bar(height={"band": 0.68}, color=colour).encode(
        x,
        x2=alt.datum(_AVERAGE_INDEX),
        tooltip=make_tooltips(
            ("name", "Of what"), ("label", "Index"), ("users", "Users"), ("share", "Share of the segment")
        ),
    )
    numbers = [
        significant.transform_filter(alt.datum.at >= _AVERAGE_INDEX if way > 0 else alt.datum.at < _AVERAGE_INDEX)
        .mark_text(align=align, dx=5 * way, fontSize=11, fontWeight=600)
        .encode(alt.X("high:Q" if way > 0 else "low:Q"), alt.Text("label:N"))
        for way, align in _LABEL_SIDES
    ]
    insignificant = (
        base.transform_filter(~alt.datum.speaks)
        .mark_text(align="left", dx=5, fontSize=11, color=theme.MUTED)
        .encode(x, y, alt.Text("label:N"))
    )
    count = base.mark_text(align="right", fontSize=11, color=theme.MUTED).encode(
        y, alt.Text("n:N"), x=alt.value("width")
    )
    at_left: dict[str, Any] = {"y": y, "text": alt.Text("name:N"), "x": alt.value(0)}
    name = base.mark_text(align="right", dx=-5, fontSize=_FONT_SIZE, limit=limit).encode(**at_left)
    head = heads.mark_text(align="right", dx=-5, fontSize=_FONT_SIZE, fontWeight=600, color=theme.MUTED)
    layers = zone, middle, bars, whisker, *numbers, insignificant, count, name, head.encode(**at_left)
    return alt.layer(*layers).properties(
        width=width,
        height=max(_MIN_BAR_HEIGHT, min(_BAR_HEIGHT, _MAX_HEIGHT / len(rows))) * len(rows),
        title=make_title(finding, f"Index: 100 is the average of all users, grey is within 20 of it{whisker_note}"),
    )


def _list_rows(groups: list[tuple[str, list[IndexedItem]]], names: Sequence[str]) -> ChartRows:
    """Return a row for each group and bar."""
    rows: ChartRows = []
    shortened = iter(names)
    for group, items in groups:
        rows.append({"row": len(rows), "head": True, "name": group})
        for one in items:
            item = one.index
            interval = item.interval if item.notable else None
            rows.append(
                {
                    "row": len(rows),
                    "head": False,
                    "name": next(shortened),
                    "at": round(item.value, 1) if item.value is not None and item.notable else _AVERAGE_INDEX,
                    "low": round(interval.low, 1) if interval else _AVERAGE_INDEX,
                    "high": round(interval.high, 1) if interval else _AVERAGE_INDEX,
                    "label": format_indexed_item(one),
                    "users": format_shown_count(item.base),
                    "share": format_percent(item.share) if item.share is not None else "",
                    "speaks": item.notable,
                }
            )
    return rows


def format_indexed_item(one: IndexedItem) -> str:
    """Write an index, a difference, or why there is none."""
    item = one.index
    if one.difference:
        return one.difference
    if item.base is None:
        return "not shown"
    if item.notable or item.value is None:
        return format_index(item.value)
    return "as average" if INDEX_LOW < item.value < INDEX_HIGH else "unclear"


def _choose_ticks(high: float, layout: BarLayout) -> list[int]:
    most = high * (1 - layout.label_width / layout.bar_width)
    step = next(
        (step for step in (50, 100, 500) if most / step * _MIN_TICK_SPACING < layout.bar_width - layout.label_width),
        1000,
    )
    return list(range(0, int(most) + step // 2, step))

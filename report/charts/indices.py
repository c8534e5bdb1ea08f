"""How one segment differs from all users, in whatever is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import altair as alt

from report import theme, words
from report.charts.lettering import fitting
from report.charts.picture import Layers, Picture, Rows, inline, tips, title, told
from report.written import index, label, percent, thousands
from segmentation.facts import Facts, Index, Segment
from segmentation.readings import LEAST, MOST
from segmentation.schema import CATEGORIES, NUMBERS

_AVERAGE = 100  # the index of all users
_BAR, _LEAST_BAR = 14, 12  # pixels a bar, and where there are many of them
_TALL = 350  # pixels of the chart from which its bars are thinner: what to do stands below it on paper
_SMALL = 11.5  # size of a bar's name
_TICK, _LABEL = 34, 24  # pixels that a number on the axis takes at least, and one at a bar
_ORDER = ("top_genre", *(name for name in CATEGORIES if name != "top_genre"))  # what one can act on first
_SIDES: tuple[tuple[int, Literal["left", "right"]], ...] = ((-1, "right"), (1, "left"))  # of a bar's end


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the bars have to lie on: pixels across the bars, for names, and for number and base at the end."""

    bars: int
    names: int
    spare: int


_WIDE = Sheet(theme.WIDTH - 157, 150, 110)
_NARROW = Sheet(theme.NARROW - 112, 104, 92)


def indices(facts: Facts, segment: Segment) -> Picture:
    """Everything in which a segment could differ, against 100 for all users."""
    groups = [("Numbers", [(label(name).capitalize(), segment.index[name]) for name in NUMBERS])]
    groups += [(label(name).capitalize(), list(segment.categories[name].items())) for name in _ORDER]
    finding, colour = words.stands_out(segment), theme.colour(segment.id)
    return Picture(
        chart=lambda: _chart(finding, groups, colour, _WIDE),
        narrow=lambda: _chart(finding, groups, colour, _NARROW),
        caption=(
            f"How {words.lower(segment.name)} differ from all users. An index of 200 is twice the average; n is the number of "
            f"users that it rests on. Under {facts.smallest_base} of them, or where the interval holds 100, it says nothing."
        ),
        alt=told(f"{segment.name} against 100 for all users", *words.differing(segment)),
        header=("Of what", "Index", "Users"),
        rows=tuple(
            (f"{group}: {name}", _said(item), "not shown" if item.base is None else thousands(item.base))
            for group, items in groups
            for name, item in items
        ),
    )


def _chart(
    finding: str, groups: list[tuple[str, list[tuple[str, Index]]]], colour: str, sheet: Sheet
) -> Layers:
    """Draw the groups below each other, each under its name, on one axis."""
    known = [item.interval for _, items in groups for _, item in items if item.speaks and item.interval]
    high = max([*(interval.high for interval in known), 150]) * sheet.bars / (sheet.bars - sheet.spare)
    least = min([interval.low for interval in known], default=_AVERAGE)
    reach = [min(0.0, least - _LABEL * high / sheet.bars), high]  # a number left of a short bar needs room
    names, limit = fitting([name for _, items in groups for name, _ in items], sheet.names, _SMALL)
    rows = _rows(groups, names)
    heads = alt.Chart(inline([row for row in rows if row["head"]]))
    base = alt.Chart(inline([row for row in rows if not row["head"]])).transform_calculate(
        n="datum.users === 'not shown' ? '' : 'n ' + datum.users"
    )
    y = alt.Y("row:O", axis=None).scale(domain=[row["row"] for row in rows])
    x = (
        alt.X("at:Q")
        .scale(domain=reach, nice=False, zero=True)
        .title("Index (all users = 100)")
        .axis(values=_ticks(high, sheet), format="d")
    )
    zone = (
        alt.Chart(inline([{"at": LEAST, "to": MOST}])).mark_rect(color=theme.ZONE).encode(x, alt.X2("to:Q"))
    )
    middle = alt.Chart(inline([{"at": _AVERAGE}])).mark_rule(color=theme.MUTED, strokeWidth=1).encode(x)
    spoken = base.transform_filter(alt.datum.speaks).encode(y)
    whisker = spoken.mark_rule(color=theme.INK, strokeWidth=1).encode(alt.X("low:Q"), alt.X2("high:Q"))
    bars = spoken.mark_bar(height={"band": 0.68}, color=colour).encode(
        x,
        x2=alt.datum(_AVERAGE),
        tooltip=tips(
            ("name", "Of what"), ("label", "Index"), ("users", "Users"), ("share", "Share of the segment")
        ),
    )
    numbers = [
        spoken.transform_filter(alt.datum.at >= _AVERAGE if way > 0 else alt.datum.at < _AVERAGE)
        .mark_text(align=align, dx=5 * way, fontSize=11, fontWeight=600)
        .encode(alt.X("high:Q" if way > 0 else "low:Q"), alt.Text("label:N"))
        for way, align in _SIDES
    ]
    silent = (
        base.transform_filter(~alt.datum.speaks)
        .mark_text(align="left", dx=5, fontSize=11, color=theme.MUTED)
        .encode(x, y, alt.Text("label:N"))
    )
    count = base.mark_text(align="right", fontSize=11, color=theme.MUTED).encode(
        y, alt.Text("n:N"), x=alt.value("width")
    )
    name = base.mark_text(align="right", dx=-5, fontSize=_SMALL, limit=limit).encode(
        y, alt.Text("name:N"), x=alt.value(0)
    )
    head = heads.mark_text(align="right", dx=-5, fontSize=_SMALL, fontWeight=600, color=theme.MUTED).encode(
        y, alt.Text("name:N"), x=alt.value(0)
    )
    return alt.layer(zone, middle, bars, whisker, *numbers, silent, count, name, head).properties(
        width=sheet.bars,
        height=max(_LEAST_BAR, min(_BAR, _TALL / len(rows))) * len(rows),
        title=title(
            finding,
            "Index: 100 is the average of all users, grey is within 20 of it; a line is the 95 % interval",
        ),
    )


def _rows(groups: list[tuple[str, list[tuple[str, Index]]]], names: Sequence[str]) -> Rows:
    """Give a row for each group's name and one for each thing in it, as it is called, numbered from the top."""
    rows: Rows = []
    called = iter(names)
    for group, items in groups:
        rows.append({"row": len(rows), "head": True, "name": group})
        for _, item in items:
            interval = item.interval if item.speaks else None
            rows.append(
                {
                    "row": len(rows),
                    "head": False,
                    "name": next(called),
                    "at": round(item.value, 1) if item.value is not None and item.speaks else _AVERAGE,
                    "low": round(interval.low, 1) if interval else _AVERAGE,
                    "high": round(interval.high, 1) if interval else _AVERAGE,
                    "label": _said(item),
                    "users": "not shown" if item.base is None else thousands(item.base),
                    "share": percent(item.share) if item.share is not None else "",
                    "speaks": item.speaks,
                }
            )
    return rows


def _said(item: Index) -> str:
    """Write an index, or why it says nothing: too few users, or as many as may not be told for the sake of a few others."""
    if item.base is None:
        return "not shown"
    if item.speaks or item.value is None or item.interval is None:  # too few users, or too few who differ
        return index(item.value if item.speaks else None)
    return "as average"


def _ticks(high: float, sheet: Sheet) -> list[int]:
    """Give the round indices that the axis shows, none under the column of bases."""
    most = high * (1 - sheet.spare / sheet.bars)
    step = next((step for step in (50, 100, 500) if most / step * _TICK < sheet.bars - sheet.spare), 1000)
    return list(range(0, int(most) + step // 2, step))

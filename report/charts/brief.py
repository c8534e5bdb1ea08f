"""The picture in a segment's brief: few bars, type that a telephone can show, and numbers for whoever can't see it."""

import altair as alt

from report import theme, words
from report.charts.lettering import fitting
from report.charts.picture import Layers, Picture, Rows, inline, told
from report.written import index, label
from segmentation.facts import Index, Segment
from segmentation.readings import LEAST, MOST
from segmentation.schema import NUMBERS

MARGIN = 6  # pixels around the picture, which dark mode puts on black
WIDTH = 416 - 2 * MARGIN  # pixels in a mail 640 wide, beside the figures; a telephone shows it at two thirds
VALUES = 4  # categories at most
_NAMES, _NUMBER = 138, 74  # pixels for names, and for the number behind the longest bar
_BARS = WIDTH - _NAMES
_LANE, _SIZE = 30, 15  # pixels a bar, and size of its name


def bars(segment: Segment) -> Picture:
    """Draw the numbers, and the categories that set a segment apart most, against 100 for all users."""
    items = [(label(name).capitalize(), segment.index[name]) for name in NUMBERS]
    items += [
        (item.category, segment.categories[item.column][item.category])
        for item in segment.stands_out
        if item.category is not None
    ][:VALUES]
    return Picture(
        chart=lambda: _chart(items, theme.colour(segment.id)),
        caption="Index: the line is the average of all users, 100; grey is near it.",
        alt=told(f"{segment.name} against 100 for all users", *words.differing(segment)),
        header=("", "Index"),
        rows=tuple((name, _said(item)) for name, item in items),
    )


def _chart(items: list[tuple[str, Index]], colour: str) -> Layers:
    """Draw the bars from 100, each with its number at its end."""
    spoken = [item.value for _, item in items if item.speaks and item.value is not None]
    high = max([*spoken, 150]) * _BARS / (_BARS - _NUMBER)
    names, limit = fitting([name for name, _ in items], _NAMES - 10, _SIZE)
    rows: Rows = [
        {
            "row": str(number),
            "name": name,
            "from": 100,
            "at": item.value if item.speaks else 100,
            "end": max(100, item.value or 0) if item.speaks else 100,  # where its number stands
            "label": _said(item),
            "speaks": item.speaks,
        }
        for number, (name, (_, item)) in enumerate(zip(names, items, strict=True))
    ]
    base = alt.Chart(inline(rows)).encode(
        alt.Y("row:N", sort=None, axis=None),  # two categories may have a value of one name
        alt.X("at:Q", axis=None).scale(domain=[0, high], nice=False, zero=True),
    )
    zone = (
        alt.Chart(inline([{"low": LEAST, "high": MOST}]))
        .mark_rect(color=theme.ZONE)
        .encode(alt.X("low:Q", axis=None), alt.X2("high:Q"))
    )
    middle = alt.Chart(inline([{"at": 100}])).mark_rule(color=theme.MUTED).encode(alt.X("at:Q", axis=None))
    drawn = base.mark_bar(height={"band": 0.62}, color=colour).encode(alt.X2("from:Q"))
    number = base.transform_filter(alt.datum.speaks).mark_text(
        align="left", dx=6, fontSize=15, fontWeight=600
    )
    silence = base.transform_filter(~alt.datum.speaks).mark_text(
        align="left", dx=6, fontSize=15, color=theme.MUTED
    )
    at_end = alt.X("end:Q", axis=None), alt.Text("label:N")
    name = base.mark_text(align="left", fontSize=_SIZE, limit=limit).encode(
        alt.Text("name:N"), x=alt.value(-_NAMES)
    )
    return alt.layer(zone, drawn, middle, number.encode(*at_end), silence.encode(*at_end), name).properties(
        width=_BARS, height=_LANE * len(rows)
    )


def _said(item: Index) -> str:
    """Write an index, or why it says nothing."""
    if item.speaks or item.value is None or item.interval is None:
        return index(item.value if item.speaks else None)
    return "average"

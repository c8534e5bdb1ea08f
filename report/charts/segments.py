"""Which segments, how big, and how each differs from all users."""

from typing import Literal

import altair as alt

from report import changes, theme, words
from report.charts.picture import Layers, Picture, Rows, colours, fitted, inline, shorten, tips, title
from report.written import between, decimal, index, label, measured, month_name, percent, thousands
from segmentation.facts import Facts, Index, Segment
from segmentation.readings import LEAST, MOST
from segmentation.schema import CATEGORIES, NUMBERS

_BAR = 14  # pixels a bar of the index chart
_NAMES, _VALUE, _GAP = 152, 58, 16  # pixels for names, for values in plain units, and between panels
_INDEX = theme.WIDTH - 160  # pixels across the index bars
_ORDER = ("top_genre", *(name for name in CATEGORIES if name != "top_genre"))  # what one can act on first
_SIDES: tuple[tuple[int, Literal["left", "right"]], ...] = ((-1, "right"), (1, "left"))  # of a bar's end
_SPARE = 110  # of them, what the longest bar leaves to its number and its base


def _lane(facts: Facts) -> int:
    """Give the pixels for each segment: page one holds two charts and the plays, of four segments as of ten."""
    k = len(facts.segments)
    return 26 if k <= 5 else 20 if k <= 7 else 16


def palette(facts: Facts) -> dict[str, str]:
    """Give each segment's colour by its name."""
    return {segment.name: theme.colour(segment.id) for segment in facts.segments}


def sizes(facts: Facts) -> Picture:
    """Users in each segment."""
    rows: Rows = [
        {
            "segment": segment.name,
            "users": segment.users,
            "label": f"{percent(segment.share)} · {thousands(segment.users)}",
            "change": changes.said_of(facts, segment),
            "share": percent(segment.share),
            "count": thousands(segment.users),
        }
        for segment in facts.segments
    ]
    order = [row["segment"] for row in rows]
    most = max(segment.users for segment in facts.segments)
    base = alt.Chart(inline(rows)).encode(
        alt.Y("segment:N", sort=order, title=None).axis(
            labelFontSize=13, labelColor=theme.INK, labelLimit=240
        ),
        alt.X("users:Q")
        .title("Users")
        .scale(domain=[0, most * (1.36 if facts.change else 1.22)], nice=False)
        .axis(tickCount=5, format=",d", grid=False),
    )
    bars = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.66}).encode(
        colours(palette(facts)), tooltip=tips(("segment", "Segment"), ("count", "Users"), ("share", "Share"))
    )
    text = base.mark_text(align="left", dx=7, fontWeight=600).encode(alt.Text("label:N"))
    change = base.mark_text(align="right", color=theme.MUTED).encode(
        alt.Text("change:N"), x=alt.value("width")
    )
    return Picture(
        chart=lambda: alt.layer(bars, text, change).properties(
            title=title(words.largest(facts), _shown(facts)),
            **fitted(theme.WIDTH, _lane(facts) * len(rows) + 6),
        ),
        caption="Users in each segment, and their share of all users.",
        alt=shorten(
            f"{words.largest(facts)}. "
            + "; ".join(f"{s.name} {percent(s.share)}, {thousands(s.users)}" for s in facts.segments)
        ),
        header=("Segment", "Users", "Share", "95 % interval of the share", "Change, points"),
        rows=tuple(
            (
                s.name,
                thousands(s.users),
                percent(s.share),
                between(s.share_interval),
                changes.said_of(facts, s),
            )
            for s in facts.segments
        ),
    )


def _shown(facts: Facts) -> str:
    """Say what the bars of sizes show."""
    since = (
        f"; on the right, change in share since {month_name(facts.change.month)} in points"
        if facts.change
        else ""
    )
    return f"Share of all users, and users{since}"


def differences(facts: Facts) -> Picture:
    """Each segment's place in each feature, in standard deviations, with its mean in plain units."""
    names = [segment.name for segment in facts.segments]
    reach = max(1.0, *(abs(value) for segment in facts.segments for value in segment.centre.values())) * 1.12
    width = (theme.WIDTH - _NAMES) // len(facts.features) - _GAP
    end = reach * (2 * width / (width - _VALUE) - 1)  # the values in plain units stand right of the dots
    panels = []
    for number, feature in enumerate(facts.features):
        rows: Rows = [
            {
                "segment": segment.name,
                "sds": segment.centre[feature],
                "value": measured(segment.means[feature], feature),
                "said": f"{decimal(segment.centre[feature], 1)} SD",
                "zero": 0,
            }
            for segment in facts.segments
        ]
        base = alt.Chart(inline(rows)).encode(
            alt.Y("segment:N", sort=names, title=None).axis(
                labels=not number, labelFontSize=13, labelColor=theme.INK, labelLimit=_NAMES - 8
            ),
            alt.X("sds:Q")
            .title("SD from average")
            .scale(domain=[-reach, end], nice=False)
            .axis(values=list(range(-int(reach), int(reach) + 1)), format="d", titleAnchor="start"),
        )
        zero = (
            alt.Chart(inline([{"zero": 0}]))
            .mark_rule(color=theme.MUTED, strokeWidth=1)
            .encode(alt.X("zero:Q"))
        )
        stem = base.mark_rule(strokeWidth=2).encode(alt.X2("zero:Q"), colours(palette(facts)))
        dot = base.mark_circle(size=95, opacity=1).encode(
            colours(palette(facts)),
            tooltip=tips(
                ("segment", "Segment"), ("value", label(feature).capitalize()), ("said", "From average")
            ),
        )
        value = base.mark_text(align="right", fontSize=12).encode(alt.Text("value:N"), x=alt.value(width))
        heading = alt.TitleParams(
            label(feature).capitalize(),
            subtitle=f"average {measured(facts.averages[feature], feature)}",
            fontSize=12.5,
            subtitleFontSize=11,
            offset=6,
            frame="group",
        )
        panels.append(
            alt.layer(zero, stem, dot, value).properties(
                width=width, height=_lane(facts) * len(names), title=heading
            )
        )
    return Picture(
        chart=lambda: alt.hconcat(*panels, spacing=_GAP).properties(
            title=title(words.difference(facts), "Mean of each segment against the average of all users")
        ),
        caption=(
            "Each segment's mean, in its own unit on the right; the distance from the line is counted in standard "
            "deviations (SD), so that years and dollars can be compared."
        ),
        alt=shorten(words.difference(facts) + ". " + " ".join(words.place(facts, s) for s in facts.segments)),
        header=("Segment", *(label(feature).capitalize() for feature in facts.features)),
        rows=tuple(
            (
                s.name,
                *(f"{measured(s.means[f], f)} ({decimal(s.centre[f], 2)} SD)" for f in facts.features),
            )
            for s in facts.segments
        ),
    )


def indices(facts: Facts, segment: Segment) -> Picture:
    """Everything in which a segment could differ, against 100 for all users."""
    groups = [("Numbers", [(label(name).capitalize(), segment.index[name]) for name in NUMBERS])]
    groups += [(label(name).capitalize(), list(segment.categories[name].items())) for name in _ORDER]
    finding = words.stands_out(segment)
    return Picture(
        chart=lambda: _index_chart(finding, groups, theme.colour(segment.id)),
        caption=(
            f"How {segment.name} differ from all users. An index of 200 is twice the average; n is the number of "
            f"users that it rests on. Under {facts.smallest_base} of them, or where the interval holds 100, it says nothing."
        ),
        alt=shorten(finding + ". " + words.standouts(segment)),
        header=("Of what", "Index", "Users"),
        rows=tuple(
            (f"{group}: {name}", _said(item), "too few" if item.base is None else thousands(item.base))
            for group, items in groups
            for name, item in items
        ),
    )


def _index_chart(
    finding: str, groups: list[tuple[str, list[tuple[str, Index]]]], colour: str
) -> alt.VConcatChart:
    """Draw the groups below each other, on one axis."""
    values = [item.interval.high for _, items in groups for _, item in items if item.speaks and item.interval]
    high = max([*values, 150]) * _INDEX / (_INDEX - _SPARE)
    panels = [_index_panel(name, items, high, colour, last=name == groups[-1][0]) for name, items in groups]
    return alt.vconcat(*panels, spacing=3).properties(
        title=title(
            finding,
            "Index: 100 is the average of all users, grey is within 20 of it; a line is the 95 % interval",
        )
    )


def _index_panel(
    name: str, items: list[tuple[str, Index]], high: float, colour: str, *, last: bool
) -> Layers:
    """Draw one group of index bars; the last one carries the axis."""
    rows: Rows = [
        {
            "name": key,
            "from": 100,
            "at": item.value if item.value is not None and item.speaks else 100,
            "low": min(item.interval.low, high) if item.interval else 100,
            "high": min(item.interval.high, high) if item.interval else 100,
            "label": _said(item),
            "side": -1 if item.speaks and item.value is not None and item.value < 100 else 1,
            "n": "" if item.base is None else f"n {thousands(item.base)}",
            "users": "too few" if item.base is None else thousands(item.base),
            "share": percent(item.share) if item.share is not None else "",
            "speaks": item.speaks,
        }
        for key, item in items
    ]
    order = [row["name"] for row in rows]
    height = _BAR * len(rows)
    x = alt.X("at:Q").scale(domain=[0, high], nice=False, zero=True)
    axis = (
        x.title("Index (all users = 100)").axis(values=_ticks(high), format="d")
        if last
        else x.axis(values=_ticks(high), labels=False, title=None)
    )
    base = alt.Chart(inline(rows)).encode(
        alt.Y("name:N", sort=order, title=None).axis(
            labelColor=theme.INK, labelFontSize=11.5, labelLimit=150, minExtent=150, maxExtent=150
        )
    )
    zone = (
        alt.Chart(inline([{"low": LEAST, "high": MOST}]))
        .mark_rect(color=theme.ZONE)
        .encode(alt.X("low:Q").scale(domain=[0, high], nice=False), alt.X2("high:Q"))
    )
    middle = (
        alt.Chart(inline([{"at": 100}])).mark_rule(color=theme.MUTED, strokeWidth=1).encode(alt.X("at:Q"))
    )
    whisker = (
        base.transform_filter(alt.datum.speaks)
        .mark_rule(color=theme.INK, strokeWidth=1)
        .encode(alt.X("low:Q"), alt.X2("high:Q"))
    )
    bars = (
        base.transform_filter(alt.datum.speaks)
        .mark_bar(height={"band": 0.68}, color=colour)
        .encode(
            axis,
            alt.X2("from:Q"),
            tooltip=tips(
                ("name", name), ("label", "Index"), ("users", "Users"), ("share", "Share of the segment")
            ),
        )
    )
    known = [
        base.transform_filter(alt.datum.speaks & (alt.datum.side == way))
        .mark_text(align=align, dx=5 * way, fontSize=11, fontWeight=600)
        .encode(alt.X("high:Q" if way > 0 else "low:Q"), alt.Text("label:N"))
        for way, align in _SIDES
    ]
    unknown = (
        base.transform_filter(~alt.datum.speaks)
        .mark_text(align="left", dx=5, fontSize=11, color=theme.MUTED)
        .encode(axis, alt.Text("label:N"))
    )
    count = base.mark_text(align="right", fontSize=11, color=theme.MUTED).encode(
        alt.Text("n:N"), x=alt.value(_INDEX)
    )
    return alt.layer(zone, middle, bars, whisker, *known, unknown, count).properties(
        width=_INDEX,
        height=height,
        title=alt.TitleParams(name, fontSize=11.5, color=theme.MUTED, offset=3, frame="group"),
    )


def _said(item: Index) -> str:
    """Write an index, or why it says nothing."""
    return index(item.value) if item.value is None or item.speaks else "as average"


def _ticks(high: float) -> list[int]:
    """Give the round indices that the axis shows, none under the column of bases."""
    step = 50 if high <= 350 else 100 if high <= 700 else 500
    return list(range(0, int(high * (1 - _SPARE / _INDEX)) + step // 2, step))

"""Which segments, how big, and how each differs from all users."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import altair as alt

from report import changes, theme, words
from report.charts.lettering import fitting
from report.charts.picture import (
    Layers,
    Panels,
    Picture,
    Rows,
    colours,
    fitted,
    inline,
    joined,
    tips,
    title,
    told,
)
from report.written import between, decimal, index, label, measured, month_name, percent, thousands
from segmentation.facts import Facts, Index, Segment
from segmentation.readings import LEAST, MOST
from segmentation.schema import CATEGORIES, NUMBERS

_AVERAGE = 100  # the index of all users
_BAR, _LEAST_BAR = 14, 12  # pixels a bar of the index chart, and where there are many of them
_TALL = 350  # pixels of the index chart from which its bars are thinner: what to do stands below it on paper
_PANELS, _LETTER = 4, 6  # features side by side, and pixels of a letter of their values
_SMALL = 11.5  # size of a bar's name
_NAMES, _VALUE, _GAP = 152, 58, 16  # pixels for names, for values in plain units, and between panels
_ORDER = ("top_genre", *(name for name in CATEGORIES if name != "top_genre"))  # what one can act on first
_SIDES: tuple[tuple[int, Literal["left", "right"]], ...] = ((-1, "right"), (1, "left"))  # of a bar's end


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the index bars have to lie on: pixels across the bars, for names, and for number and base at the end."""

    bars: int
    names: int
    spare: int


_SIZE_NAMES, _SIZE_LABEL, _SIZE_CHANGE = 240, 92, 56  # pixels for names, shares with counts, and changes
_SIZE_LANE = 42  # pixels a segment where its name stands above its bar
_TICK, _LABEL = 34, 24  # pixels that a number on the axis takes at least, and one at a bar
_WIDE = Sheet(theme.WIDTH - 157, 150, 110)
_NARROW = Sheet(theme.NARROW - 112, 104, 92)


def _lane(facts: Facts) -> int:
    """Give the pixels for each segment: page one holds two charts and the plays, of four segments as of ten."""
    k = len(facts.segments)
    return 26 if k <= 5 else 20 if k <= 7 else 15


def palette(facts: Facts) -> dict[str, str]:
    """Give each segment's colour by its name."""
    return {segment.name: theme.colour(segment.id) for segment in facts.segments}


def sizes(facts: Facts) -> Picture:
    """Users in each segment, the largest first."""
    ranked = words.ranked(facts)
    first, *others = ranked
    return Picture(
        chart=lambda: _sizes_chart(facts),
        narrow=lambda: _sizes_chart(facts, theme.NARROW),
        caption="Users in each segment, and their share of all users.",
        alt=told(
            f"{words.largest(facts)}, {thousands(first.users)} of them",
            *(f"{s.name}: {percent(s.share)}, {thousands(s.users)}" for s in others),
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
            for s in ranked
        ),
    )


def _sizes_chart(facts: Facts, width: int = theme.WIDTH) -> Layers:
    """Draw a bar a segment; on a narrow sheet its name stands above it."""
    above = width < theme.WIDTH
    rows: Rows = [
        {
            "segment": segment.name,
            "users": segment.users,
            "label": f"{percent(segment.share)} · {thousands(segment.users)}",
            "change": changes.said_of(facts, segment),
            "share": percent(segment.share),
            "count": thousands(segment.users),
        }
        for segment in words.ranked(facts)
    ]
    across = width - (0 if above else _SIZE_NAMES + 8)  # at least
    room = _SIZE_LABEL + (_SIZE_CHANGE if facts.change else 0)
    most = max(segment.users for segment in facts.segments) * across / (across - room)
    names = alt.Axis(labelFontSize=13, labelColor=theme.INK, labelLimit=_SIZE_NAMES)
    base = alt.Chart(inline(rows)).encode(
        alt.Y("segment:N", sort=[row["segment"] for row in rows], title=None).axis(None if above else names),
        alt.X("users:Q").scale(domain=[0, most], nice=False).axis(None),
    )
    lane = _SIZE_LANE if above else _lane(facts)
    low = 9 if above else 0  # pixels below the middle of the lane
    bars = base.mark_bar(cornerRadiusEnd=2, height=16 if above else {"band": 0.66}, yOffset=low).encode(
        colours(palette(facts)), tooltip=tips(("segment", "Segment"), ("count", "Users"), ("share", "Share"))
    )
    text = base.mark_text(align="left", dx=7, fontWeight=600, dy=low).encode(alt.Text("label:N"))
    change = base.mark_text(align="right", color=theme.MUTED, dy=low).encode(
        alt.Text("change:N"), x=alt.value("width")
    )
    name = base.mark_text(align="left", dy=-9, fontSize=13, limit=width - 4).encode(
        alt.Text("segment:N"), x=alt.value(0)
    )
    size = {"width": width, "height": lane * len(rows)} if above else fitted(width, lane * len(rows) + 6)
    return alt.layer(bars, text, change, *([name] if above else [])).properties(
        title=title(words.spread(facts), _shown(facts)), **size
    )


def _shown(facts: Facts) -> str:
    """Say what the bars of sizes show."""
    since = f"; on the right, points of share since {month_name(facts.change.month)}" if facts.change else ""
    return f"Share and number of users{since}"


def differences(facts: Facts) -> Picture:
    """Each segment's place in each feature, in standard deviations, with its mean in plain units."""
    return Picture(
        chart=lambda: _differences_chart(facts),
        narrow=lambda: _differences_chart(facts, theme.NARROW),
        caption=(
            "Each segment's mean, in its own unit on the right; the distance from the line is counted in standard "
            "deviations (SD), so that years and dollars can be compared."
        ),
        alt=told(words.difference(facts), *(words.place(facts, s) for s in words.ranked(facts))),
        header=("Segment", *(label(feature).capitalize() for feature in facts.features)),
        rows=tuple(
            (
                s.name,
                *(f"{measured(s.means[f], f)} ({decimal(s.centre[f], 2)} SD)" for f in facts.features),
            )
            for s in words.ranked(facts)
        ),
    )


def _differences_chart(facts: Facts, width: int = theme.WIDTH) -> Panels:
    """Draw a panel a feature: side by side, those that differ most, or on a narrow sheet all below each other."""
    below = width < theme.WIDTH
    most = list(words.by_difference(facts))[:_PANELS]
    features = [name for name in facts.features if below or name in most]
    others = (
        f"; {_PANELS} of {len(facts.features)} features, the others in the table"
        if len(features) < len(facts.features)
        else ""
    )
    ranked = words.ranked(facts)
    names = [segment.name for segment in ranked]
    reach = max(1.0, *(abs(value) for segment in ranked for value in segment.centre.values())) * 1.12
    across = width - _NAMES if below else (width - _NAMES) // len(features) - _GAP
    said = max(len(measured(s.means[name], name)) for s in ranked for name in features)
    # the values in plain units stand right of the dots
    end = reach * (2 * across / (across - max(_VALUE, _LETTER * said)) - 1)
    panels = []
    for number, feature in enumerate(features):
        rows: Rows = [
            {
                "segment": segment.name,
                "sds": segment.centre[feature],
                "value": measured(segment.means[feature], feature),
                "said": f"{decimal(segment.centre[feature], 1)} SD",
                "zero": 0,
            }
            for segment in ranked
        ]
        base = alt.Chart(inline(rows)).encode(
            alt.Y("segment:N", sort=names, title=None).axis(
                labels=below or not number,
                labelFontSize=12 if below else 13,
                labelColor=theme.INK,
                labelLimit=_NAMES - 8,
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
        value = base.mark_text(align="right", fontSize=12).encode(alt.Text("value:N"), x=alt.value("width"))
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
                width=across, height=_lane(facts) * len(names), title=heading
            )
        )
    return joined(*panels, below=below, spacing=_GAP).properties(
        title=title(
            words.difference(facts),
            f"Means of the {words.noun(facts)}s against the average of all users{others}",
        )
    )


def indices(facts: Facts, segment: Segment) -> Picture:
    """Everything in which a segment could differ, against 100 for all users."""
    groups = [("Numbers", [(label(name).capitalize(), segment.index[name]) for name in NUMBERS])]
    groups += [(label(name).capitalize(), list(segment.categories[name].items())) for name in _ORDER]
    finding, colour = words.stands_out(segment), theme.colour(segment.id)
    return Picture(
        chart=lambda: _index_chart(finding, groups, colour, _WIDE),
        narrow=lambda: _index_chart(finding, groups, colour, _NARROW),
        caption=(
            f"How {segment.name} differ from all users. An index of 200 is twice the average; n is the number of "
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


def _index_chart(
    finding: str, groups: list[tuple[str, list[tuple[str, Index]]]], colour: str, sheet: Sheet
) -> Layers:
    """Draw the groups below each other, each under its name, on one axis."""
    known = [item.interval for _, items in groups for _, item in items if item.speaks and item.interval]
    high = max([*(interval.high for interval in known), 150]) * sheet.bars / (sheet.bars - sheet.spare)
    least = min([interval.low for interval in known], default=_AVERAGE)
    reach = [min(0.0, least - _LABEL * high / sheet.bars), high]  # a number left of a short bar needs room
    names, limit = fitting([name for _, items in groups for name, _ in items], sheet.names, _SMALL)
    rows = _index_rows(groups, names)
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


def _index_rows(groups: list[tuple[str, list[tuple[str, Index]]]], names: Sequence[str]) -> Rows:
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
    return index(item.value) if item.value is None or item.speaks else "as average"


def _ticks(high: float, sheet: Sheet) -> list[int]:
    """Give the round indices that the axis shows, none under the column of bases."""
    most = high * (1 - sheet.spare / sheet.bars)
    step = next((step for step in (50, 100, 500) if most / step * _TICK < sheet.bars - sheet.spare), 1000)
    return list(range(0, int(most) + step // 2, step))

"""Charts on changes: migration between segments, and the trend."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt

from report.charts.figure import (
    HALO,
    ChartRows,
    Figure,
    LayeredChart,
    compose_alt_text,
    make_inline_data,
    make_title,
    make_tooltips,
)
from report.charts.labels import spread_labels
from report.style import theme
from report.text import changes
from report.text.formatting import NBSP, format_month, format_percent, format_shown_count, format_thousands
from segmentation.facts import Facts, MigrationMatrix, Trend

_MIN_HEIGHT, _NAME_WIDTH, _BAR_WIDTH = 230, 170, 12  # pixels
_MIN_SEGMENT_HEIGHT = 26  # pixels for each segment, so that names don't overlap
_LINE_HEIGHT = 17  # pixels between two names
_SEGMENT_GAP = 0.03  # of all users: space between two segments
_NEW_LABEL, _CHURNED_LABEL = "New this month", "Not there any more"


def plot_flow(facts: Facts) -> Figure:
    """Plot the users who moved between segments, as bands."""
    found, last = _require_flow(facts), changes.require_change(facts).month
    return Figure(
        chart=lambda: _build_flow_chart(facts),
        narrow=lambda: _build_flow_chart(facts, theme.NARROW_WIDTH),
        caption=(
            f"Users by their segment in {format_month(last)} (left) and {format_month(facts.month)} (right). A bar is "
            f"a segment, a band is those of it whose way may be shown: bands of fewer than {facts.smallest_cell} users are left "
            "out, and those that would give such a band away."
        ),
        alt=compose_alt_text(changes.describe_retention(facts), changes.describe_migration(facts)),
        header=("From", *found.columns, _CHURNED_LABEL),
        rows=(
            *(
                (name, *(format_shown_count(n) for n in row), format_shown_count(gone))
                for name, row, gone in zip(found.rows, found.users, found.gone, strict=True)
            ),
            (_NEW_LABEL, *(format_shown_count(n) for n in found.new), ""),
        ),
    )


def _require_flow(facts: Facts) -> MigrationMatrix:
    flow = changes.require_change(facts).flow
    if flow is None:
        raise ValueError("no migration to plot: ask whether `facts.change.flow` is there first")
    return flow


def _build_flow_chart(facts: Facts, width: int = theme.PAGE_WIDTH) -> LayeredChart:
    """Draw both months' segments as bars, with bands between."""
    over = width < theme.PAGE_WIDTH  # the names lie on the bands
    change, found = changes.require_change(facts), _require_flow(facts)
    then = format_month(change.month)
    ids = {moved.name: moved.id for moved in change.segments} | {s.name: s.id for s in facts.segments}
    colour = {name: theme.get_segment_colour(id_) for name, id_ in ids.items()}
    colour |= {_NEW_LABEL: theme.FAINT, _CHURNED_LABEL: theme.FAINT}
    bars, bands = _lay_out_flow(facts)
    scale = alt.Scale(domain=list(colour), range=list(colour.values()))
    ribbon = (
        alt.Chart(make_inline_data(bands))
        # a band is a curve through four points, which Vega derives from one row a band
        .transform_calculate(place="[0, 1, 2, 3]")
        .transform_flatten(["place"])
        .transform_calculate(
            x="datum.place / 3", y="datum.place < 2 ? datum.start : datum.end", y2="datum.y + datum.height"
        )
        .mark_area(fillOpacity=0.55, interpolate="basis")
        .encode(
            alt.X("x:Q").scale(domain=[0, 1], nice=False).axis(None),
            alt.Y("y:Q").scale(nice=False, zero=False, reverse=True).axis(None),
            alt.Y2("y2:Q"),
            alt.Color("from:N", scale=scale, legend=None),
            alt.Detail("band:N"),
            tooltip=make_tooltips(("from", then), ("to", format_month(facts.month)), ("people", "Users")),
        )
    )
    height = max(_MIN_HEIGHT, _MIN_SEGMENT_HEIGHT * max(len(found.rows), len(found.columns)))
    line = _LINE_HEIGHT * (max(row["y2"] for row in bars) + 2 * _SEGMENT_GAP) / height
    sides = [
        _draw_month_bars(facts, _place_names(bars, line, left=left), scale, left=left, names_on_bands=over, width=width)
        for left in (True, False)
    ]
    shown = f"A bar is a segment, a band its users; groups under {facts.smallest_cell} aren't drawn, nor what would give them away"
    size = {"width": width - 2 * (_BAR_WIDTH if over else _NAME_WIDTH + _BAR_WIDTH + 8), "height": height}
    chart: LayeredChart = (
        alt.layer(ribbon, *sides[0], *sides[1])
        .properties(title=make_title(changes.describe_retention(facts), shown), **size)
        .resolve_scale(color="independent")
    )
    return chart


def _place_names(bars: ChartRows, line: float, *, left: bool) -> ChartRows:
    """Return one month's bars with name positions."""
    own = [row for row in bars if row["left"] is left]
    places = spread_labels(
        [row["middle"] for row in own], line, lower_bound=line - 2 * _SEGMENT_GAP
    )  # below the month's name
    return [row | {"at": round(at, 4)} for row, at in zip(own, places, strict=True)]


def _draw_month_bars(
    facts: Facts, bars: ChartRows, scale: alt.Scale, *, left: bool, names_on_bands: bool, width: int
) -> list[alt.Chart]:
    """Draw one month's bars and names."""
    ends = make_inline_data(bars)
    inner, outer = (0, -_BAR_WIDTH) if left else (alt.expr("width"), alt.expr(f"width + {_BAR_WIDTH}"))
    bar = alt.Chart(ends).mark_rect()
    drawn = bar.encode(
        x=alt.value(inner),
        x2=alt.value(outer),
        y=alt.Y("y:Q"),
        y2=alt.Y2("y2:Q"),
        color=alt.Color("name:N", scale=scale, legend=None),
        tooltip=make_tooltips(("name", "Segment"), ("people", "Users")),
    )
    to_right = left is names_on_bands
    align: Literal["left", "right"] = "left" if to_right else "right"
    dx = (6 if names_on_bands else _BAR_WIDTH + 8) * (1 if to_right else -1)
    limit = width // 2 - 20 if names_on_bands else _NAME_WIDTH
    named = alt.Chart(ends).encode(x=alt.value(inner), y=alt.Y("at:Q"), text=alt.Text("name:N"))
    style: dict[str, Any] = {"align": align, "dx": dx, "limit": limit, "fontSize": 12}
    halo, name = named.mark_text(**style, **HALO), named.mark_text(**style)
    month = format_month(changes.require_change(facts).month if left else facts.month)
    head = (
        alt.Chart(make_inline_data([{"y": -2 * _SEGMENT_GAP, "month": month}]))
        .mark_text(align=align, dx=dx, fontSize=11.5, color=theme.MUTED)
        .encode(x=alt.value(inner), y=alt.Y("y:Q"), text=alt.Text("month:N"))
    )
    return [drawn, *([halo] if names_on_bands else []), name, head]


def plot_trend(facts: Facts) -> Figure:
    """Plot each segment's share over all archived months."""
    trend = facts.trend
    if trend is None:
        raise ValueError("no trend to plot: ask whether `facts.trend` is there first")
    months, lines, finding = trend.months, trend.lines, _describe_largest_move(trend)
    return Figure(
        chart=lambda: _build_trend_chart(trend, finding),
        narrow=lambda: _build_trend_chart(trend, finding, theme.NARROW_WIDTH),
        caption="Each segment's share of all users in every month that was made.",
        alt=compose_alt_text(
            finding,
            *(f"{line.name}: {format_percent(line.shares[-1])}" for line in lines if line.shares[-1] is not None),
        ),
        header=("Segment", *(format_month(month) for month in months)),
        rows=tuple(
            (line.name, *("" if share is None else format_percent(share) for share in line.shares)) for line in lines
        ),
    )


def _describe_largest_move(trend: Trend) -> str:
    """Describe the largest change between first and last month."""
    first = format_month(trend.months[0])
    spans = [
        (line.shares[-1] - line.shares[0], line.name)
        for line in trend.lines
        if line.shares[0] is not None and line.shares[-1] is not None
    ]
    if not spans:
        return f"No segment of {first} is there in {format_month(trend.months[-1])}"
    by, name = max(spans, key=lambda span: abs(span[0]))
    size = f"{abs(by) * 100:.1f}"
    if size != "0.0":
        return f"{name} {'grew' if by > 0 else 'shrank'} by {size} points since {first}"
    if len(spans) == len(trend.lines):
        return f"All shares are as they were in {first}"
    return f"Segments that were there in {first} have the shares that they had then"


def _build_trend_chart(trend: Trend, finding: str, width: int = theme.PAGE_WIDTH) -> LayeredChart:
    """Draw a line for each segment, with its name."""
    under = width < theme.PAGE_WIDTH  # the names stand in a legend
    months, lines = trend.months, trend.lines
    rows: ChartRows = [
        {
            "month": _abbreviate_month(month),
            "when": format_month(month),
            "share": share,
            "said": format_percent(share),
            "name": line.name,
            "id": line.id,
            "last": month == months[-1],
        }
        for line in lines
        for month, share in zip(months, line.shares, strict=True)
        if share is not None
    ]
    colour = {line.id: theme.get_segment_colour(line.id) for line in lines}
    names = json.dumps({line.id: line.name for line in lines})
    legend = alt.Legend(
        orient="bottom",
        columns=1,
        title=None,
        symbolType="circle",
        labelExpr=f"({names})[datum.label]",
        labelLimit=width - 30,
    )
    high = max(float(row["share"]) for row in rows) * 1.12
    x = (
        alt.X("month:O")
        .scale(domain=[_abbreviate_month(month) for month in months])  # with a place for months that were not made
        .axis(labelAngle=0, grid=False, title=None, labelOverlap=True)
    )
    base = alt.Chart(make_inline_data(rows)).encode(
        x,
        alt.Y("share:Q")
        .title("Share of users")
        .scale(domain=[0, high], nice=False)
        .axis(grid=True, tickCount=4, labelExpr="format(100 * datum.value, 'd') + '\u00a0%'"),
        alt.Color(
            "id:N", scale=alt.Scale(domain=list(colour), range=list(colour.values())), legend=legend if under else None
        ),
    )
    line = base.mark_line(strokeWidth=2.2)
    dot = base.mark_circle(size=50, opacity=1).encode(
        tooltip=make_tooltips(("name", "Segment"), ("when", "Month"), ("said", "Share"))
    )
    last = [row for row in rows if row["last"]]
    places = spread_labels([float(row["share"]) for row in last], high * _LINE_HEIGHT / 200)
    labels = [row | {"at": at, "label": f"{row['name']} {row['said']}"} for row, at in zip(last, places, strict=True)]
    ends = alt.Chart(make_inline_data(labels)).encode(x, alt.Y("at:Q"))
    spot = ends.mark_circle(size=36, opacity=1, xOffset=16).encode(alt.Color("id:N"))
    name = ends.mark_text(align="left", dx=26 if not under else 9, fontSize=12).encode(
        alt.Text("said:N" if under else "label:N")
    )
    return alt.layer(line, dot, *([] if under else [spot]), name).properties(
        title=make_title(finding, "Share of all users, by month"),
        width=width - (90 if under else 270),
        height=max(170, 17 * len(lines)),
    )


def _abbreviate_month(month: str) -> str:
    """Abbreviate a month for an axis: "Oct 2026"."""
    name, year = format_month(month).split(NBSP)
    return f"{name[:3]}{NBSP}{year}"


def _lay_out_flow(facts: Facts) -> tuple[ChartRows, ChartRows]:
    """Return both months' bars and the bands between.

    Heights are shares of all users. A bar has its segment's full size, however much of it may be shown. Bars for new users
    and those gone have their true size only where the number of users in both months may be shown.
    """
    found, change = _require_flow(facts), changes.require_change(facts)
    left, right = [*found.rows, _NEW_LABEL], [*found.columns, _CHURNED_LABEL]
    table = [[*row, gone] for row, gone in zip(found.users, found.gone, strict=True)] + [[*found.new, None]]
    counts = [[n or 0 for n in row] for row in table]
    then = {moved.name: moved.last_users or 0 for moved in change.segments}
    now = {segment.name: segment.users for segment in facts.segments}
    both = found.both
    tops = [then.get(name, 0) for name in found.rows] + [sum(now.values()) - both if both is not None else 0]
    ends = [now.get(name, 0) for name in found.columns] + [change.users - both if both is not None else 0]
    tops = [max(size, sum(row)) for size, row in zip(tops, counts, strict=True)]
    ends = [max(size, sum(column)) for size, column in zip(ends, zip(*counts, strict=True), strict=True)]
    total = max(sum(tops), sum(ends), 1)
    bars: ChartRows = [
        {
            "name": name,
            "people": format_thousands(size),
            "y": round(top, 4),
            "y2": round(bottom, 4),
            "middle": round((top + bottom) / 2, 4),
            "left": is_left,
        }
        for names, sizes, is_left in ((left, tops, True), (right, ends, False))
        for name, size, (top, bottom) in zip(names, sizes, _stack_bars(sizes, total), strict=True)
        if bottom > top
    ]
    bands: ChartRows = []
    out, into = ([top for top, _ in _stack_bars(sizes, total)] for sizes in (tops, ends))
    for i, source in enumerate(left):
        for j, target in enumerate(right):
            height = counts[i][j] / total
            if height:
                bands.append(
                    {
                        "from": source,
                        "to": target,
                        "people": format_thousands(counts[i][j]),
                        "band": f"{i}-{j}",
                        "start": round(out[i], 4),
                        "end": round(into[j], 4),
                        "height": round(height, 5),
                    }
                )
            out[i] += height
            into[j] += height
    return bars, bands


def _stack_bars(counts: Sequence[int], total: int) -> list[tuple[float, float]]:
    """Return top and bottom of bars, with gaps between."""
    edges, at = [], 0.0
    for count in counts:
        edges.append((at, at + count / total))
        at += count / total + _SEGMENT_GAP
    return edges

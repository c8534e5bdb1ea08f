"""What changed since the last month: who moved where, and the shares over all months."""

import json
from collections.abc import Sequence
from typing import Literal

import altair as alt

from report import changes, theme
from report.charts.lettering import apart
from report.charts.picture import Layers, Picture, Rows, inline, tips, title, told
from report.written import NBSP, month_name, percent, thousands
from segmentation.facts import Change, Facts, Flow, Trend

_TALL, _NAMES, _BAR = 230, 170, 12  # pixels of the picture, of the names on either side, and of the bars
_ROOM = 26  # pixels a segment takes at least, so that names don't lie on each other
_LINE = 17  # pixels from one name to the next, at least
_GAP = 0.03  # of all users: space between two segments
_NEW, _GONE = "New this month", "Not there any more"


def flow(facts: Facts) -> Picture:
    """Draw who moved from which segment to which, as bands as wide as they are many."""
    found = _flow(facts)
    return Picture(
        chart=lambda: _flow_chart(facts),
        narrow=lambda: _flow_chart(facts, theme.NARROW),
        caption=(
            f"Users by their segment in {month_name(_change(facts).month)} (left) and {month_name(facts.month)} (right). A bar is "
            f"a segment, a band is those of it whose way may be shown: bands of fewer than {facts.smallest_cell} users are left "
            "out, and those that would give such a band away."
        ),
        alt=told(changes.flows(facts), changes.ways(facts)),
        header=("From", *found.columns, _GONE),
        rows=(
            *(
                (name, *(_count(n) for n in row), _count(gone))
                for name, row, gone in zip(found.rows, found.users, found.gone, strict=True)
            ),
            (_NEW, *(_count(n) for n in found.new), ""),
        ),
    )


def _change(facts: Facts) -> Change:
    if facts.change is None:
        raise ValueError(
            "nothing changed: a document asks for a chart of it only where there is a last month"
        )
    return facts.change


def _flow(facts: Facts) -> Flow:
    found = _change(facts).flow
    if found is None:
        raise ValueError("no flow to draw: the document asks `change.flow` only where there is one")
    return found


def _flow_chart(facts: Facts, width: int = theme.WIDTH) -> Layers:
    """Draw bars for the segments of both months and bands between them; on a narrow sheet names lie on the bands."""
    over = width < theme.WIDTH
    change = _change(facts)
    ids = {moved.name: moved.id for moved in change.segments} | {s.name: s.id for s in facts.segments}
    colour = {name: theme.colour(id_) for name, id_ in ids.items()} | {_NEW: theme.FAINT, _GONE: theme.FAINT}
    bars, bands = _laid_out(facts)
    scale = alt.Scale(domain=list(colour), range=list(colour.values()))
    x = alt.X("x:Q").scale(domain=[0, 1], nice=False).axis(None)
    y = alt.Y("y:Q").scale(nice=False, zero=False, reverse=True).axis(None)
    ribbon = (
        alt.Chart(inline(bands))
        # four places bend a band as water would flow: the page's engine works them out, of a row a band
        .transform_calculate(place="[0, 1, 2, 3]")
        .transform_flatten(["place"])
        .transform_calculate(
            x="datum.place / 3", y="datum.place < 2 ? datum.start : datum.end", y2="datum.y + datum.height"
        )
        .mark_area(fillOpacity=0.55, interpolate="basis")
        .encode(
            x,
            y,
            alt.Y2("y2:Q"),
            alt.Color("from:N", scale=scale, legend=None),
            alt.Detail("band:N"),
            tooltip=tips(
                ("from", month_name(change.month)), ("to", month_name(facts.month)), ("people", "Users")
            ),
        )
    )
    found = _flow(facts)
    height = max(_TALL, _ROOM * max(len(found.rows), len(found.columns)))
    line = _LINE * (max(row["y2"] for row in bars) + 2 * _GAP) / height
    sides = [
        _side(facts, _named(bars, line, left=left), scale, left=left, over=over, width=width)
        for left in (True, False)
    ]
    chart: Layers = (
        alt.layer(ribbon, *sides[0], *sides[1])
        .properties(
            width=width - 2 * (_BAR if over else _NAMES + _BAR + 8),
            height=height,
            title=title(
                changes.flows(facts),
                f"A bar is a segment, a band its users; groups under {facts.smallest_cell} aren't drawn, "
                "nor what would give them away",
            ),
        )
        .resolve_scale(color="independent")
    )
    return chart


def _named(bars: Rows, line: float, *, left: bool) -> Rows:
    """Give one month's bars, each with the place of its name: at its middle, or where no other name lies."""
    own = [row for row in bars if row["left"] is left]
    places = apart([row["middle"] for row in own], line, lowest=line - 2 * _GAP)  # below the month's name
    return [row | {"at": round(at, 4)} for row, at in zip(own, places, strict=True)]


def _side(
    facts: Facts, bars: Rows, scale: alt.Scale, *, left: bool, over: bool, width: int
) -> list[alt.Chart]:
    """Draw one month's bars, and their names beside them or over the bands."""
    ends = inline(bars)
    inner, outer = (0, -_BAR) if left else (alt.expr("width"), alt.expr(f"width + {_BAR}"))
    bar = alt.Chart(ends).mark_rect()
    drawn = bar.encode(
        x=alt.value(inner),
        x2=alt.value(outer),
        y=alt.Y("y:Q"),
        y2=alt.Y2("y2:Q"),
        color=alt.Color("name:N", scale=scale, legend=None),
        tooltip=tips(("name", "Segment"), ("people", "Users")),
    )
    to_right = left is over
    align: Literal["left", "right"] = "left" if to_right else "right"
    dx = (6 if over else _BAR + 8) * (1 if to_right else -1)
    limit = width // 2 - 20 if over else _NAMES
    named = alt.Chart(ends).encode(x=alt.value(inner), y=alt.Y("at:Q"), text=alt.Text("name:N"))
    halo = named.mark_text(
        align=align, dx=dx, limit=limit, fontSize=12, stroke=theme.PAPER, strokeWidth=4, strokeJoin="round"
    )
    name = named.mark_text(align=align, dx=dx, limit=limit, fontSize=12)
    month = month_name(_change(facts).month if left else facts.month)
    head = (
        alt.Chart(inline([{"y": -2 * _GAP, "month": month}]))
        .mark_text(align=align, dx=dx, fontSize=11.5, color=theme.MUTED)
        .encode(x=alt.value(inner), y=alt.Y("y:Q"), text=alt.Text("month:N"))
    )
    return [drawn, *([halo] if over else []), name, head]


def trend(facts: Facts) -> Picture:
    """Draw each segment's share over all archived months."""
    months, lines = _trend(facts).months, _trend(facts).lines
    said = _moved_most(facts)
    return Picture(
        chart=lambda: _trend_chart(facts, said),
        narrow=lambda: _trend_chart(facts, said, theme.NARROW),
        caption="Each segment's share of all users in every month that was made.",
        alt=told(
            said,
            *(f"{line.name}: {percent(line.shares[-1])}" for line in lines if line.shares[-1] is not None),
        ),
        header=("Segment", *(month_name(month) for month in months)),
        rows=tuple(
            (line.name, *("" if share is None else percent(share) for share in line.shares)) for line in lines
        ),
    )


def _moved_most(facts: Facts) -> str:
    """Say which segment grew or shrank most between the first month and the last, of those that are there in both."""
    months, lines = _trend(facts).months, _trend(facts).lines
    first = month_name(months[0])
    spans = [
        (line.shares[-1] - line.shares[0], line.name)
        for line in lines
        if line.shares[0] is not None and line.shares[-1] is not None
    ]
    if not spans:
        return f"No segment of {first} is there in {month_name(months[-1])}"
    by, name = max(spans, key=lambda span: abs(span[0]))
    size = f"{abs(by) * 100:.1f}"
    if size != "0.0":
        return f"{name} {'grew' if by > 0 else 'shrank'} by {size} points since {first}"
    if len(spans) == len(lines):
        return f"All shares are as they were in {first}"
    return f"Segments that were there in {first} have the shares that they had then"


def _trend_chart(facts: Facts, said: str, width: int = theme.WIDTH) -> Layers:
    """Draw a line a segment, named at its end; on a narrow sheet, where names have no room, by a legend."""
    under = width < theme.WIDTH
    months, lines = _trend(facts).months, _trend(facts).lines
    rows: Rows = [
        {
            "month": _short(month),
            "when": month_name(month),
            "share": share,
            "said": percent(share),
            "name": line.name,
            "id": line.id,
            "last": month == months[-1],
        }
        for line in lines
        for month, share in zip(months, line.shares, strict=True)
        if share is not None
    ]
    colour = {line.id: theme.colour(line.id) for line in lines}
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
        .scale(domain=[_short(month) for month in months])  # a month that was not made has its place, too
        .axis(labelAngle=0, grid=False, title=None, labelOverlap=True)
    )
    base = alt.Chart(inline(rows)).encode(
        x,
        alt.Y("share:Q")
        .title("Share of users")
        .scale(domain=[0, high], nice=False)
        .axis(grid=True, tickCount=4, labelExpr="format(100 * datum.value, 'd') + '\u00a0%'"),
        alt.Color(
            "id:N",
            scale=alt.Scale(domain=list(colour), range=list(colour.values())),
            legend=legend if under else None,
        ),
    )
    line = base.mark_line(strokeWidth=2.2)
    dot = base.mark_circle(size=50, opacity=1).encode(
        tooltip=tips(("name", "Segment"), ("when", "Month"), ("said", "Share"))
    )
    ends = alt.Chart(inline(_spread([row for row in rows if row["last"]], high))).encode(x, alt.Y("at:Q"))
    spot = ends.mark_circle(size=36, opacity=1, xOffset=16).encode(alt.Color("id:N"))
    name = ends.mark_text(align="left", dx=26 if not under else 9, fontSize=12).encode(
        alt.Text("said:N" if under else "label:N")
    )
    return alt.layer(line, dot, *([] if under else [spot]), name).properties(
        title=title(said, "Share of all users, by month"),
        width=width - (90 if under else 270),
        height=max(170, 17 * len(lines)),
    )


def _trend(facts: Facts) -> Trend:
    if facts.trend is None:
        raise ValueError("no trend to draw: the document asks `change.trend` only where there is one")
    return facts.trend


def _short(month: str) -> str:
    """Write a month for an axis: "Oct 2026"."""
    name, year = month_name(month).split(NBSP)
    return f"{name[:3]}{NBSP}{year}"


def _spread(rows: Rows, high: float) -> Rows:
    """Move the names at the ends of lines apart, so that none lies on another."""
    places = apart([float(row["share"]) for row in rows], high * _LINE / 200)
    return [
        row | {"at": at, "label": f"{row['name']} {row['said']}"}
        for row, at in zip(rows, places, strict=True)
    ]


def _laid_out(facts: Facts) -> tuple[Rows, Rows]:
    """Lay the segments of both months out as bars, and the people between them as bands; heights in parts of all.

    A bar is as high as its segment is large, whatever of it may be shown. Who is new, and who is gone, follow from the
    months' sizes where it may be said how many are in both.
    """
    found, change = _flow(facts), _change(facts)
    left, right = [*found.rows, _NEW], [*found.columns, _GONE]
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
    bars: Rows = []
    for names, sizes, is_left in ((left, tops, True), (right, ends, False)):
        for name, size, (top, bottom) in zip(names, sizes, _stacked(sizes, total), strict=True):
            if bottom > top:
                bars.append(
                    {
                        "name": name,
                        "people": thousands(size),
                        "y": round(top, 4),
                        "y2": round(bottom, 4),
                        "middle": round((top + bottom) / 2, 4),
                        "left": is_left,
                    }
                )
    bands: Rows = []
    out, into = ([top for top, _ in _stacked(sizes, total)] for sizes in (tops, ends))
    for i, source in enumerate(left):
        for j, target in enumerate(right):
            height = counts[i][j] / total
            if height:
                bands.append(
                    {
                        "from": source,
                        "to": target,
                        "people": thousands(counts[i][j]),
                        "band": f"{i}-{j}",
                        "start": round(out[i], 4),
                        "end": round(into[j], 4),
                        "height": round(height, 5),
                    }
                )
            out[i] += height
            into[j] += height
    return bars, bands


def _stacked(counts: Sequence[int], total: int) -> list[tuple[float, float]]:
    """Give top and bottom of each bar, one below the other."""
    edges, at = [], 0.0
    for count in counts:
        edges.append((at, at + count / total))
        at += count / total + _GAP
    return edges


def _count(n: int | None) -> str:
    return "not shown" if n is None else thousands(n)

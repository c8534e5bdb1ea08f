"""What changed since the last month: who moved where, and the shares over all months."""

import math
from collections.abc import Sequence
from typing import Literal

import altair as alt

from report import changes, theme
from report.charts.picture import Picture, Rows, inline, shorten, tips, title
from report.written import month_name, percent, thousands
from segmentation.facts import Facts, Flow

_TALL, _NAMES, _BAR = 230, 170, 12  # pixels of the picture, of the names on either side, and of the bars
_GAP = 0.03  # of all users: space between two segments
_OUT = "Not there"
_STEPS = 24  # points along a band


def flow(facts: Facts) -> Picture:
    """Draw who moved from which segment to which, as bands as wide as they are many."""
    change = facts.change
    if change is None or change.flow is None:
        raise ValueError("no flow to draw: the document asks `change.flow` only where there is one")
    found = change.flow
    ids = {moved.name: moved.id for moved in change.segments} | {s.name: s.id for s in facts.segments}
    colour = {name: theme.colour(id_) for name, id_ in ids.items()} | {_OUT: theme.FAINT}
    bands, bars = _laid_out(found)
    scale = alt.Scale(domain=list(colour), range=list(colour.values()))
    x = alt.X("x:Q").scale(domain=[0, 1], nice=False).axis(None)
    y = alt.Y("y:Q").scale(nice=False, zero=False, reverse=True).axis(None)
    ribbon = (
        alt.Chart(inline(bands))
        .mark_area(fillOpacity=0.55, interpolate="linear")
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
    bar = (
        alt.Chart(inline(bars))
        .mark_rect()
        .encode(
            alt.X("x:Q"),
            alt.X2("x2:Q"),
            alt.Y("y:Q"),
            alt.Y2("y2:Q"),
            alt.Color("name:N", scale=scale, legend=None),
        )
    )
    texts = [
        alt.Chart(inline([row for row in bars if row["left"] is left]))
        .mark_text(align=align, dx=dx, fontSize=12)
        .encode(alt.X("edge:Q"), alt.Y("middle:Q"), alt.Text("name:N"))
        for left, align, dx in _ENDS
    ]
    heads = [
        alt.Chart(inline([{"x": 0.0 if left else 1.0, "y": -2 * _GAP, "month": month_name(month)}]))
        .mark_text(align=align, dx=dx, fontSize=11.5, color=theme.MUTED)
        .encode(alt.X("x:Q"), alt.Y("y:Q"), alt.Text("month:N"))
        for (left, align, dx), month in zip(_ENDS, (change.month, facts.month), strict=True)
    ]
    said = changes.flows(facts)
    return Picture(
        chart=lambda: (
            alt.layer(ribbon, bar, *texts, *heads)
            .properties(
                width=theme.WIDTH - 2 * _NAMES,
                height=_TALL,
                title=title(said, "A band is as wide as the users in it"),
            )
            .resolve_scale(color="independent")
        ),
        caption=(
            f"Users by their segment in {month_name(change.month)} (left) and {month_name(facts.month)} (right). Bands of "
            f"fewer than {facts.smallest_cell} users are left out, and what would give them away."
        ),
        alt=shorten(f"{said}. {_alt(found)}"),
        header=("From", *found.columns, _OUT),
        rows=(
            *(
                (name, *(_count(n) for n in row), _count(gone))
                for name, row, gone in zip(found.rows, found.users, found.gone, strict=True)
            ),
            (_OUT, *(_count(n) for n in found.new), ""),
        ),
    )


_ENDS: tuple[tuple[bool, Literal["left", "right"], int], ...] = ((True, "right", -8), (False, "left", 8))


def trend(facts: Facts) -> Picture:
    """Draw each segment's share over all archived months."""
    if facts.trend is None:
        raise ValueError("no trend to draw: the document asks `change.trend` only where there is one")
    months, lines = facts.trend.months, facts.trend.lines
    rows: Rows = [
        {
            "month": month,
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
    high = max(float(row["share"]) for row in rows) * 1.12
    base = alt.Chart(inline(rows)).encode(
        alt.X("month:O")
        .title("Month")
        .axis(
            labelAngle=0,
            grid=False,
            labelExpr="split(datum.label, '-')[1] + '/' + split(datum.label, '-')[0]",
        ),
        alt.Y("share:Q")
        .title("Share of users")
        .scale(domain=[0, high], nice=False)
        .axis(grid=True, tickCount=4, labelExpr="format(100 * datum.value, 'd') + '\u00a0%'"),
        alt.Color("id:N", scale=alt.Scale(domain=list(colour), range=list(colour.values())), legend=None),
    )
    line = base.mark_line(strokeWidth=2.2)
    dot = base.mark_circle(size=50, opacity=1).encode(
        tooltip=tips(("name", "Segment"), ("when", "Month"), ("said", "Share"))
    )
    ends = _spread([row for row in rows if row["last"]], high)
    name = (
        alt.Chart(inline(ends))
        .mark_text(align="left", dx=10, fontSize=12)
        .encode(alt.X("month:O"), alt.Y("at:Q"), alt.Text("label:N"))
    )
    grew = max(lines, key=lambda line: abs(_span(line.shares)))
    by = _span(grew.shares)
    size = f"{abs(by) * 100:.1f}"
    said = f"{grew.name} {'grew' if by > 0 else 'shrank'} by {size} points since {month_name(months[0])}"
    if size == "0.0":
        said = f"All shares are as they were in {month_name(months[0])}"
    return Picture(
        chart=lambda: alt.layer(line, dot, name).properties(
            title=title(said, "Share of all users, by month"), width=theme.WIDTH - 260, height=170
        ),
        caption="Each segment's share of all users in every month that was made.",
        alt=shorten(
            said
            + ". "
            + "; ".join(
                f"{line.name} {percent(line.shares[-1])}" for line in lines if line.shares[-1] is not None
            )
        ),
        header=("Segment", *(month_name(month) for month in months)),
        rows=tuple(
            (line.name, *("" if share is None else percent(share) for share in line.shares)) for line in lines
        ),
    )


def _span(shares: Sequence[float | None]) -> float:
    """Give the change from the first to the last month in which a segment was there."""
    there = [share for share in shares if share is not None]
    return there[-1] - there[0] if there else 0.0


def _spread(rows: Rows, high: float) -> Rows:
    """Move the names at the ends of lines apart, so that none lies on another."""
    least, at = high * 17 / 200, -math.inf
    spread: Rows = []
    for row in sorted(rows, key=lambda row: float(row["share"])):
        at = max(float(row["share"]), at + least)
        spread.append(row | {"at": at, "label": f"{row['name']} {row['said']}"})
    return spread


def _laid_out(found: Flow) -> tuple[Rows, Rows]:
    """Lay the segments of both months out as bars, and the people between them as bands; heights in parts of all."""
    left, right = [*found.rows, _OUT], [*found.columns, _OUT]
    table = [[*row, gone] for row, gone in zip(found.users, found.gone, strict=True)] + [[*found.new, None]]
    counts = [[n or 0 for n in row] for row in table]
    total = sum(map(sum, counts)) or 1
    starts, ends = (
        _stacked([sum(row) for row in counts], total),
        _stacked([sum(column) for column in zip(*counts, strict=True)], total),
    )
    bars: Rows = []
    for names, edges, is_left in ((left, starts, True), (right, ends, False)):
        for name, (top, bottom) in zip(names, edges, strict=True):
            if bottom > top:
                x = 0.0 if is_left else 1 - _BAR / (theme.WIDTH - 2 * _NAMES)
                bars.append(
                    {
                        "name": name,
                        "x": x,
                        "x2": x + _BAR / (theme.WIDTH - 2 * _NAMES),
                        "y": top,
                        "y2": bottom,
                        "middle": (top + bottom) / 2,
                        "edge": 0.0 if is_left else 1.0,
                        "left": is_left,
                    }
                )
    bands: Rows = []
    out, into = [top for top, _ in starts], [top for top, _ in ends]
    for i, source in enumerate(left):
        for j, target in enumerate(right):
            height = counts[i][j] / total
            if height:
                people = {"from": source, "to": target, "people": thousands(counts[i][j]), "band": f"{i}-{j}"}
                bands.extend(people | place for place in _band(out[i], into[j], height))
            out[i] += height
            into[j] += height
    return bands, bars


def _stacked(counts: Sequence[int], total: int) -> list[tuple[float, float]]:
    """Give top and bottom of each bar, one below the other."""
    edges, at = [], 0.0
    for count in counts:
        edges.append((at, at + count / total))
        at += count / total + _GAP
    return edges


def _band(start: float, end: float, height: float) -> Rows:
    """Give the outline of one band, bent as water would flow."""
    edge = _BAR / (theme.WIDTH - 2 * _NAMES)
    rows: Rows = []
    for step in range(_STEPS + 1):
        t = step / _STEPS
        top = start + (end - start) * (3 * t**2 - 2 * t**3)
        rows.append(
            {"x": round(edge + t * (1 - 2 * edge), 4), "y": round(top, 5), "y2": round(top + height, 5)}
        )
    return rows


def _count(n: int | None) -> str:
    return "too few to show" if n is None else thousands(n)


def _alt(found: Flow) -> str:
    """Say the three largest moves between different segments."""
    moves = sorted(
        (
            (n, source, target)
            for source, row in zip(found.rows, found.users, strict=True)
            for target, n in zip(found.columns, row, strict=True)
            if n and source != target
        ),
        reverse=True,
    )
    said = [f"{thousands(n)} from {source} to {target}" for n, source, target in moves[:3]]
    return f"Moved: {'; '.join(said)}." if said else "No larger group moved."

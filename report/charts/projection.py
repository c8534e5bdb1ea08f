"""The map of segments on two principal components."""

import math
from typing import Any

import altair as alt

from report.charts.figure import (
    HALO,
    ChartRows,
    Figure,
    LayeredChart,
    PanelChart,
    compose_alt_text,
    concat_panels,
    encode_segment_colours,
    make_inline_data,
    make_title,
    make_tooltips,
    pad_range,
)
from report.charts.labels import measure_widest, spread_labels
from report.style import theme
from report.text import sentences
from report.text.formatting import format_decimal, format_percent
from segmentation.facts import Facts

_MAP_WIDTH, _NARROW_MAP_WIDTH, _LOADINGS_WIDTH = 430, 262, 140  # pixels
_MAX_NAME_WIDTH = 190  # pixels of a name on the map; a longer one is cut
_AXIS_TITLE_SIZE = 11  # font size of an axis title, as in all charts
_NAME_SIDE_SPLIT = 0.5  # of the map's height: names of centroids above it stand above the dots, others below


def plot_components(facts: Facts) -> Figure:
    """Plot users on two principal components, coloured by segment."""
    pca = facts.pca
    return Figure(
        chart=lambda: _build_map(facts),
        narrow=lambda: _build_map(facts, _NARROW_MAP_WIDTH),
        caption=(
            "Users on the first two principal components of the standardised features, each segment's middle named; on "
            "the right, the direction in which each feature grows. Squares with fewer than "
            f"{facts.smallest_cell} users are left blank."
        ),
        alt=compose_alt_text(
            sentences.describe_explained_variance(facts),
            f"To the right: {pca.axes['right']}; upwards: {pca.axes['up']}",
            *(
                f"{facts.get_segment(p.segment).name} at {format_decimal(p.x, 1)}, {format_decimal(p.y, 1)}"
                for p in pca.spots
            ),
        ),
        header=("Of what", "First component", "Second component"),
        rows=(
            *(
                (f"Loading of {facts.schema[name].label}", format_decimal(a), format_decimal(b))
                for name, (a, b) in pca.loadings.items()
            ),
            *(
                (f"Middle of {facts.get_segment(p.segment).name}", format_decimal(p.x), format_decimal(p.y))
                for p in pca.spots
            ),
            ("Share of the variance", *(format_percent(share) for share in pca.explained)),
        ),
    )


def _build_map(facts: Facts, width: int = _MAP_WIDTH) -> PanelChart:
    """Draw the map with the features' directions."""
    return concat_panels(
        _draw_users(facts, width), _draw_loadings(facts), stacked=width < _MAP_WIDTH, spacing=18
    ).properties(
        title=make_title(
            sentences.describe_explained_variance(facts),
            "A larger dot is more users; its colour is the segment of most of them",
        )
    )


def _draw_users(facts: Facts, width: int) -> LayeredChart:
    """Draw users as dots, centroids named above or below."""
    pca = facts.pca
    names = {segment.id: segment.name for segment in facts.segments}
    cells: ChartRows = [{"x": c.x, "y": c.y, "users": c.users, "segment": names[c.segment]} for c in pca.cells]
    spots: ChartRows = [{"x": spot.x, "y": spot.y, "segment": names[spot.segment]} for spot in pca.spots]
    marks = cells + spots
    xs, (low, high) = pad_range([row["x"] for row in marks]), pad_range([row["y"] for row in marks], 0.04)
    unit = (xs[1] - xs[0]) / width  # SDs a pixel, the same in both directions
    for row in spots:  # keeps the name within the map
        half = _estimate_half_width(row) * unit
        row["tx"] = min(max(float(row["x"]), xs[0] + half), xs[1] - half)
    lanes = _assign_lanes(spots, unit, low + _NAME_SIDE_SPLIT * (high - low))
    labels = [
        row | {"to": high + unit * 20 * (lane // 2 + 0.7) if lane % 2 == 0 else low - unit * 20 * (lane // 2 + 0.7)}
        for row, lane in zip(spots, lanes, strict=True)
    ]
    below, above = (max([lane // 2 + 1.3 for lane in lanes if lane % 2 == side], default=0) for side in (1, 0))
    ys = (low - unit * 20 * below, high + unit * 20 * above)

    x = (
        alt.X("x:Q")
        .scale(domain=list(xs), nice=False)
        .title(_title_axis(facts, 0, width))
        .axis(tickCount=6, format="d")
    )
    y = (
        alt.Y("y:Q")
        .scale(domain=list(ys), nice=False)
        .title(_title_axis(facts, 1, (ys[1] - ys[0]) / unit))
        .axis(tickCount=6, format="d", grid=True)
    )
    fullest = max((cell.users for cell in pca.cells), default=1)
    size = alt.Size("users:Q").scale(domain=[0, fullest], range=[0, 0.8 * (pca.step / unit) ** 2]).legend(None)
    dots = (
        alt.Chart(make_inline_data(cells))
        .mark_circle(opacity=1)
        .encode(
            x,
            y,
            size,
            encode_segment_colours(facts),
            tooltip=[*make_tooltips(("segment", "Mostly")), alt.Tooltip("users:Q", title="Users", format=",d")],
        )
    )
    base = alt.Chart(make_inline_data(labels)).encode(x, y)
    leader = base.mark_rule(color=theme.INK, strokeWidth=1).encode(alt.Y2("to:Q"))
    middle = base.mark_point(size=55, filled=True, opacity=1, color=theme.PAPER, stroke=theme.INK, strokeWidth=1.6)
    named = base.encode(alt.X("tx:Q"), alt.Y("to:Q"), alt.Text("segment:N"))
    style: dict[str, Any] = {"fontSize": 12.5, "fontWeight": 600, "limit": _MAX_NAME_WIDTH}
    halo = named.mark_text(**style, **HALO | {"strokeWidth": 5})
    return alt.layer(dots, leader, middle, halo, named.mark_text(**style)).properties(
        width=width, height=round((ys[1] - ys[0]) / unit)
    )


def _title_axis(facts: Facts, component: int, pixels: float) -> list[str]:
    """Return an axis title that fits."""
    titles = sentences.list_axis_titles(facts, component)
    return next((lines for lines in titles if measure_widest(lines, _AXIS_TITLE_SIZE) <= pixels), titles[-1])


def _assign_lanes(spots: ChartRows, unit: float, middle: float) -> list[int]:
    """Assign names to lanes without overlap.

    Even lanes lie above the dots, odd ones below: 0 is just above, 1 just below, 2 further up.
    """
    lanes = [0] * len(spots)
    taken: list[tuple[int, float, float]] = []
    for place in sorted(range(len(spots)), key=lambda n: float(spots[n]["tx"])):
        half = _estimate_half_width(spots[place]) * unit
        left, right = spots[place]["tx"] - half, spots[place]["tx"] + half
        side = 0 if spots[place]["y"] >= middle else 1
        lanes[place] = next(
            lane
            for lane in range(side, 2 * len(spots) + 2, 2)
            if all(lane != other or right < a or left > b for other, a, b in taken)
        )
        taken.append((lanes[place], left, right))
    return lanes


def _estimate_half_width(spot: dict[str, Any]) -> float:
    """Estimate half the width of a name, in pixels."""
    return min(len(str(spot["segment"])) * 3.6 + 6, _MAX_NAME_WIDTH / 2 + 6)


def _draw_loadings(facts: Facts) -> LayeredChart:
    """Draw the features' loadings as lines."""
    rows: ChartRows = [
        {"x": 0, "y": 0, "x2": x, "y2": y, "feature": facts.schema[name].label, "right": x >= 0}
        for name, (x, y) in facts.pca.loadings.items()
    ]
    for row, height in zip(rows, spread_labels([row["y2"] for row in rows], 0.3), strict=True):
        row["ty"] = height
    circle = [{"x": math.cos(t / 20 * math.pi), "y": math.sin(t / 20 * math.pi), "order": t} for t in range(41)]
    x = alt.X("x:Q").scale(domain=[-1.1, 1.9], nice=False).axis(None)
    y = alt.Y("y:Q").scale(domain=[-1.15, 1.15], nice=False).axis(None)
    base = alt.Chart(make_inline_data(rows))
    return alt.layer(
        alt.Chart(make_inline_data(circle))
        .mark_line(color=theme.FAINT, strokeWidth=1)
        .encode(x, y, alt.Order("order:Q")),
        base.mark_rule(color=theme.INK, strokeWidth=1.5).encode(x, y, alt.X2("x2:Q"), alt.Y2("y2:Q")),
        base.mark_point(filled=True, size=28, color=theme.INK, opacity=1).encode(
            alt.X("x2:Q"), alt.Y("y2:Q"), tooltip=make_tooltips(("feature", "Feature"))
        ),
        base.mark_text(align="left", dx=7, fontSize=11.5).encode(alt.X("x2:Q"), alt.Y("ty:Q"), alt.Text("feature:N")),
    ).properties(
        width=_LOADINGS_WIDTH,
        height=round(_LOADINGS_WIDTH * 2.3 / 3.0),
        title=alt.TitleParams(
            "Where each feature grows", fontSize=12, fontWeight=400, color=theme.MUTED, frame="group"
        ),
    )

"""Charts on the number of segments: inertia and silhouette."""

from typing import Any

import altair as alt

from report.charts.figure import (
    HALO,
    ChartRows,
    Figure,
    LayeredChart,
    compose_alt_text,
    fit_to_size,
    make_inline_data,
    make_title,
    make_tooltips,
)
from report.style import theme
from report.text import selection
from report.text.formatting import format_decimal, format_thousands
from segmentation.facts import Facts

_CHART_HEIGHT = 215


def plot_elbow(facts: Facts) -> Figure:
    """Plot inertia for every k tried."""
    curve = facts.elbow
    return Figure(
        chart=lambda: _build_elbow_chart(facts),
        narrow=lambda: _build_elbow_chart(facts, theme.NARROW_WIDTH),
        caption=(
            "Sum of squared distances of all users to their segment's centre (inertia), for each number of segments; "
            "the ring marks the number used. The grey band is where 95 of 100 crowds of the same shape without any structure lie."
        ),
        alt=compose_alt_text(
            selection.describe_bend(facts),
            f"Spread falls from {format_thousands(curve.inertia[0])} at {curve.k[0]} to "
            f"{format_thousands(curve.inertia[-1])} at {curve.k[-1]} segments",
            selection.describe_null_band(facts),
        ),
        header=("Segments", "Inertia (squared SD)", "Without structure, from", "to"),
        rows=tuple(
            (str(row["k"]), str(row["said"]), format_thousands(row["low"]), format_thousands(row["high"]))
            for row in _list_curve_rows(facts)
        ),
    )


def _list_curve_rows(facts: Facts) -> ChartRows:
    """Return the curve, with its range without structure."""
    curve, structure = facts.elbow, facts.structure
    return [
        {
            "k": k,
            "spread": spread,
            "said": format_thousands(spread),
            "chosen": k == curve.chosen,
            "low": low,
            "high": high,
        }
        for k, spread, low, high in zip(curve.k, curve.inertia, structure.band_low, structure.band_high, strict=True)
    ]


def _build_elbow_chart(facts: Facts, width: int = theme.PAGE_WIDTH) -> LayeredChart:
    """Draw the curve, its band, and the chosen k."""
    curve = facts.elbow
    base = alt.Chart(make_inline_data(_list_curve_rows(facts))).encode(
        alt.X("k:O").title("Number of segments").axis(labelAngle=0, grid=False),
        alt.Y("spread:Q")
        .title("Spread within segments (squared SD)")
        .scale(domain=[0, max(curve.inertia) * 1.05], nice=False)
        .axis(grid=True, tickCount=5, format=",d"),
    )
    band = base.mark_area(color=theme.FAINT, fillOpacity=0.6).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    line = base.mark_line(color=theme.MUTED, strokeWidth=1.5)
    dots = base.mark_circle(size=48, color=theme.MUTED, opacity=1).encode(
        tooltip=make_tooltips(("k", "Segments"), ("said", "Spread"))
    )
    chosen = base.transform_filter(alt.datum.chosen)
    ring = chosen.mark_point(size=230, color=theme.INK, strokeWidth=2, filled=False, opacity=1)
    on_left = curve.chosen > curve.k[len(curve.k) // 2]  # no room for the text to the right of the ring
    named = chosen.encode(text=alt.value(f"{curve.chosen} segments"))
    place = {"align": "right", "dx": -10, "dy": -16} if on_left else {"align": "left", "dx": 14, "dy": -12}
    style: dict[str, Any] = place | {"fontSize": 13, "fontWeight": 600}
    halo, text = named.mark_text(**style, **HALO), named.mark_text(**style)
    return alt.layer(band, line, dots, halo, ring, text).properties(
        title=make_title(
            selection.describe_bend(facts),
            "The less spread, the more alike the users within a segment; grey: the same users without structure",
        ),
        **fit_to_size(width, _CHART_HEIGHT),
    )


def plot_silhouette(facts: Facts) -> Figure:
    """Plot the mean silhouette by k."""
    validity = facts.validity
    rows = _list_silhouette_rows(facts)
    return Figure(
        chart=lambda: _build_silhouette_chart(facts),
        narrow=lambda: _build_silhouette_chart(facts, theme.NARROW_WIDTH),
        caption=(
            "Mean silhouette of all users for each number of segments: how much nearer users are to their own segment "
            "than to the next."
        ),
        alt=compose_alt_text(
            selection.describe_separation(facts),
            "Mean silhouette: " + ", ".join(f"{row['said']} for {row['k']}" for row in rows),
        ),
        header=("Segments", "Silhouette", "Silhouette, mean of segments", "Calinski-Harabasz", "Davies-Bouldin"),
        rows=tuple(
            (str(k), format_decimal(micro), format_decimal(macro), format_thousands(ch), format_decimal(db))
            for k, micro, macro, ch, db in zip(
                validity.k,
                validity.silhouette,
                validity.silhouette_macro,
                validity.calinski_harabasz,
                validity.davies_bouldin,
                strict=True,
            )
        ),
    )


def _list_silhouette_rows(facts: Facts) -> ChartRows:
    """Return the mean silhouette for each k."""
    validity, chosen, best = facts.validity, facts.elbow.chosen, selection.find_best_silhouette_k(facts)
    return [
        {
            "k": k,
            "value": value,
            "said": format_decimal(value),
            "mark": ", ".join(word for word, there in (("best", k == best), ("used", k == chosen)) if there),
        }
        for k, value in zip(validity.k, validity.silhouette, strict=True)
    ]


def _build_silhouette_chart(facts: Facts, width: int = theme.PAGE_WIDTH) -> LayeredChart:
    """Draw a bar for each k."""
    values = facts.validity.silhouette
    base = alt.Chart(make_inline_data(_list_silhouette_rows(facts))).encode(
        alt.X("k:O").title("Number of segments").axis(labelAngle=0, grid=False),
        alt.Y("value:Q")
        .title("Mean silhouette (−1 to 1)")
        .scale(domain=[min(0, *values), max(max(values) * 1.25, 0.1)], nice=False)
        .axis(grid=True, tickCount=4, format=".1f"),
    )
    bars = base.mark_bar(width={"band": 0.6}, cornerRadiusEnd=2).encode(
        color=alt.condition(alt.datum.k == facts.elbow.chosen, alt.value(theme.INK), alt.value(theme.FAINT)),
        tooltip=make_tooltips(("k", "Segments"), ("said", "Mean silhouette")),
    )
    value = base.mark_text(dy=-8, fontSize=11.5).encode(alt.Text("said:N"))
    mark = base.mark_text(dy=-23, fontSize=11.5, fontWeight=600).encode(alt.Text("mark:N"))
    return alt.layer(bars, value, mark).properties(
        title=make_title(
            selection.describe_separation(facts), "1 is far apart, 0 is on the border between two segments"
        ),
        **fit_to_size(width, 200),
    )

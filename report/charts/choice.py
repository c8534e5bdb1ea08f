"""How many segments: the curve of inertia, and how well separated the segments are for each k."""

import altair as alt

from report import theme, words
from report.charts.picture import Picture, Rows, fitted, inline, shorten, tips, title
from report.written import decimal, thousands
from segmentation.facts import Facts

_HEIGHT = 215


def elbow(facts: Facts) -> Picture:
    """Spread within segments for every k tried, with the chosen k marked."""
    curve = facts.elbow
    rows: Rows = [
        {
            "k": k,
            "spread": spread,
            "said": thousands(spread),
            "chosen": k == curve.chosen,
            "low": low,
            "high": high,
        }
        for k, spread, low, high in zip(
            curve.k, curve.inertia, facts.structure.band_low, facts.structure.band_high, strict=True
        )
    ]
    base = alt.Chart(inline(rows)).encode(
        alt.X("k:O").title("Number of segments").axis(labelAngle=0, grid=False),
        alt.Y("spread:Q")
        .title("Spread within segments (squared SD)")
        .scale(domain=[0, max(curve.inertia) * 1.05], nice=False)
        .axis(grid=True, tickCount=5, format=",d"),
    )
    band = base.mark_area(color=theme.FAINT, fillOpacity=0.6).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    line = base.mark_line(color=theme.MUTED, strokeWidth=1.5)
    dots = base.mark_circle(size=48, color=theme.MUTED, opacity=1).encode(
        tooltip=tips(("k", "Segments"), ("said", "Spread"))
    )
    chosen = base.transform_filter(alt.datum.chosen)
    ring = chosen.mark_point(size=230, color=theme.INK, strokeWidth=2, filled=False, opacity=1)
    text = chosen.mark_text(align="left", dx=14, dy=-12, fontSize=13, fontWeight=600).encode(
        text=alt.value(f"{curve.chosen} segments")
    )
    return Picture(
        chart=lambda: alt.layer(band, line, dots, ring, text).properties(
            title=title(
                words.bend(facts),
                "The less spread, the more alike the users within a segment; grey: the same users without structure",
            ),
            **fitted(theme.WIDTH, _HEIGHT),
        ),
        caption=(
            "Sum of squared distances of all users to their segment's centre (inertia), for each number of segments; "
            "the ring marks the number used. The grey band is where 95 of 100 crowds of the same shape without any structure lie."
        ),
        alt=shorten(
            f"{words.bend(facts)}. Spread falls from {thousands(curve.inertia[0])} at {curve.k[0]} to "
            f"{thousands(curve.inertia[-1])} at {curve.k[-1]} segments."
        ),
        header=("Segments", "Inertia (squared SD)", "Without structure, from", "to"),
        rows=tuple(
            (str(row["k"]), str(row["said"]), thousands(row["low"]), thousands(row["high"])) for row in rows
        ),
    )


def silhouette(facts: Facts) -> Picture:
    """Mean silhouette for every k of two and more, with the best and the chosen one marked."""
    validity, chosen = facts.validity, facts.elbow.chosen
    best = max(zip(validity.silhouette, validity.k, strict=True), key=lambda pair: (pair[0], -pair[1]))[1]
    rows: Rows = [
        {
            "k": k,
            "value": value,
            "said": decimal(value),
            "mark": ", ".join(word for word, there in (("best", k == best), ("used", k == chosen)) if there),
        }
        for k, value in zip(validity.k, validity.silhouette, strict=True)
    ]
    high = max(max(validity.silhouette) * 1.25, 0.1)
    base = alt.Chart(inline(rows)).encode(
        alt.X("k:O").title("Number of segments").axis(labelAngle=0, grid=False),
        alt.Y("value:Q")
        .title("Mean silhouette (−1 to 1)")
        .scale(domain=[min(0, *validity.silhouette), high], nice=False)
        .axis(grid=True, tickCount=4, format=".1f"),
    )
    bars = base.mark_bar(width={"band": 0.6}, cornerRadiusEnd=2).encode(
        color=alt.condition(alt.datum.k == chosen, alt.value(theme.INK), alt.value(theme.FAINT)),
        tooltip=tips(("k", "Segments"), ("said", "Mean silhouette")),
    )
    value = base.mark_text(dy=-8, fontSize=11.5).encode(alt.Text("said:N"))
    mark = base.mark_text(dy=-23, fontSize=11.5, fontWeight=600).encode(alt.Text("mark:N"))
    return Picture(
        chart=lambda: alt.layer(bars, value, mark).properties(
            title=title(words.separation(facts), "1 is far apart, 0 is on the border between two segments"),
            **fitted(theme.WIDTH, 200),
        ),
        caption=(
            "Mean silhouette of all users for each number of segments: how much nearer users are to their own segment "
            "than to the next."
        ),
        alt=shorten(
            f"{words.separation(facts)}. " + ", ".join(f"{row['k']} segments {row['said']}" for row in rows)
        ),
        header=(
            "Segments",
            "Silhouette",
            "Silhouette, mean of segments",
            "Calinski-Harabasz",
            "Davies-Bouldin",
        ),
        rows=tuple(
            (str(k), decimal(micro), decimal(macro), thousands(ch), decimal(db))
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

"""Charts of columns before and after cleaning."""

import json
import math

import altair as alt

from report.charts.figure import (
    ChartRows,
    Figure,
    LayeredChart,
    PanelChart,
    compose_alt_text,
    concat_panels,
    make_inline_data,
    make_title,
    make_tooltips,
)
from report.charts.labels import fit_texts
from report.style import theme
from report.text import sentences
from report.text.formatting import (
    capitalise_first,
    format_column_value,
    format_decimal,
    format_percent,
    format_shown_count,
    format_thousands,
    join_with_and,
)
from segmentation.facts import Facts, NumberDistribution
from segmentation.schema import Column

_HISTOGRAM_HEIGHT = 120
_PANELS_PER_ROW = 3
_NAME_WIDTH, _FONT_SIZE = 110, 11.5  # of the names of values, in pixels
_AXIS_WIDTH = 65  # pixels left of a histogram
# 0, 0.2, 50k, 1.5B: no SI prefix, for "200m" hours are thousandths and "1G" dollars are unusual
_SHORT_NUMBER_EXPRESSION = (
    "datum.value == 0 ? '0' : "
    + "".join(
        f"abs(datum.value) >= {size} ? format(datum.value / {size}, ',~r') + '{letter}' : "
        for size, letter in (("1e12", "T"), ("1e9", "B"), ("1e6", "M"), ("1e3", "k"))
    )
    + "format(datum.value, '~r')"
)
_PERCENT_EXPRESSION = "format(100 * datum.value, 'd') + '\u00a0%'"  # as on the pages


def plot_numbers(facts: Facts) -> Figure:
    """Plot the distribution of each number, kept and dropped."""
    columns = facts.distributions.numbers
    return Figure(
        chart=lambda: _build_histograms(facts),
        narrow=lambda: _build_histograms(facts, theme.NARROW_WIDTH),
        caption=f"How {join_with_and([facts.schema[name].label for name in columns])} are spread over the users, after cleaning and before.",
        alt=compose_alt_text(sentences.describe_median_user(facts)),
        header=("Column", "Mean", "SD", "First quartile", "Median", "Third quartile", "Missing", "Impossible"),
        rows=tuple(
            (
                capitalise_first(facts.schema[name].label),
                format_column_value(column.mean, facts.schema[name]),
                format_column_value(column.sd, facts.schema[name]),
                *(format_column_value(value, facts.schema[name]) for value in column.quartiles),
                format_thousands(column.missing),
                format_thousands(column.outside),
            )
            for name, column in columns.items()
        ),
    )


def _build_histograms(facts: Facts, width: int = theme.PAGE_WIDTH) -> PanelChart:
    """Draw a histogram for each number column."""
    below = width < theme.PAGE_WIDTH
    across = width // (1 if below else 2) - _AXIS_WIDTH
    panels = [
        _build_histogram(facts.schema[name], column, across) for name, column in facts.distributions.numbers.items()
    ]
    pairs = [
        concat_panels(*panels[at : at + 2], stacked=below, spacing=18 if below else 28)
        for at in range(0, len(panels), 2)
    ]
    return concat_panels(*pairs, stacked=True, spacing=18).properties(
        title=make_title(
            sentences.describe_median_user(facts),
            f"Users by value; red, where rows were left out; no bar under {facts.smallest_cell} users",
        )
    )


def plot_categories(facts: Facts) -> Figure | None:
    """Plot the share of each category value; None without any."""
    if not facts.distributions.categories:
        return None
    return Figure(
        chart=lambda: _build_categories_chart(facts),
        narrow=lambda: _build_categories_chart(facts, theme.NARROW_WIDTH),
        caption=f"{capitalise_first(join_with_and([facts.schema[name].label for name in facts.distributions.categories]))} of the users kept.",
        alt=compose_alt_text(sentences.describe_common_values(facts)),
        header=("Column", "Value", "Read", "Kept", "Share of kept"),
        rows=tuple(
            (
                capitalise_first(facts.schema[name].label),
                item.value,
                format_shown_count(item.before),
                format_thousands(item.after),
                format_percent(facts.shares[name].get(item.value, 0.0)),
            )
            for name, column in facts.distributions.categories.items()
            for item in column.values
        ),
    )


def _build_categories_chart(facts: Facts, width: int = theme.PAGE_WIDTH) -> PanelChart:
    """Draw a panel for each category."""
    below = width < theme.PAGE_WIDTH  # each stands below the last
    across = width - 130 if below else 108
    panels = []
    for name, column in facts.distributions.categories.items():
        heading = capitalise_first(facts.schema[name].label)
        rows: ChartRows = [
            {
                "row": place,
                "value": item.value,
                "share": (share := facts.shares[name].get(item.value, 0.0)),
                "said": format_percent(share),
                "after": format_thousands(item.after),
                "before": format_shown_count(item.before),
            }
            for place, item in enumerate(column.values)
        ]
        names, limit = fit_texts([item.value for item in column.values], _NAME_WIDTH, _FONT_SIZE)
        labels = json.dumps(names, ensure_ascii=False)
        base = alt.Chart(make_inline_data(rows)).encode(
            alt.Y("row:O", title=None).axis(
                labelColor=theme.INK, labelFontSize=_FONT_SIZE, labelLimit=limit, labelExpr=f"({labels})[datum.value]"
            ),
            alt.X("share:Q")
            .title("Share of users")
            .scale(domain=[0, max(float(str(row["share"])) for row in rows) * 1.3], nice=False)
            .axis(labelExpr=_PERCENT_EXPRESSION, tickCount=3),
        )
        bars = base.mark_bar(color=theme.MUTED, height={"band": 0.66}).encode(
            tooltip=make_tooltips(("value", heading), ("said", "Share"), ("after", "Kept"), ("before", "Read"))
        )
        text = base.mark_text(align="left", dx=5, fontSize=11.5).encode(alt.Text("said:N"))
        panels.append(
            alt.layer(bars, text).properties(
                width=across,
                height=19 * len(rows),
                title=alt.TitleParams(heading, fontSize=12.5, offset=6, frame="group"),
            )
        )
    if not below and len(panels) > _PANELS_PER_ROW:
        lines = [
            concat_panels(*panels[at : at + _PANELS_PER_ROW], stacked=False, spacing=10)
            for at in range(0, len(panels), _PANELS_PER_ROW)
        ]
        chart = concat_panels(*lines, stacked=True, spacing=18)
    else:
        chart = concat_panels(*panels, stacked=below, spacing=10)
    return chart.properties(title=make_title(sentences.describe_common_values(facts), "Share of users kept"))


def _choose_digits(bin_width: float) -> int:
    """Return the decimals with which edges of bins differ."""
    return max(0, math.ceil(-math.log10(bin_width))) if 0 < bin_width < 1 else 0


def choose_axis_unit(column: Column, median: float) -> tuple[str, float]:
    """Return a column's unit on an axis, and what it is divided by."""
    # hours only where the median is said in hours
    if column.format == "minutes" and "hour" in format_column_value(median, column):
        return column.unit.replace("minutes", "hours"), 60.0
    return ("percent", 0.01) if column.format == "share" else (column.unit, 1.0)


def _build_histogram(meaning: Column, column: NumberDistribution, width: int) -> LayeredChart:
    """Draw a histogram, dropped rows on top in red."""
    heading = capitalise_first(meaning.label)
    unit, scale = choose_axis_unit(meaning, column.quartiles[1])
    digits = _choose_digits((column.edges[1] - column.edges[0]) / scale)
    rows: ChartRows = [
        {
            "low": low / scale,
            "high": high / scale,
            "users": after,
            "read": after if before is None else before,
            "range": f"{format_decimal(low / scale, digits)} to {format_decimal(high / scale, digits)} {unit}",
            "kept": format_thousands(after),
            "lost": "not shown" if before is None else format_thousands(before - after),
        }
        for low, high, before, after in zip(
            column.edges[:-1], column.edges[1:], column.before, column.after, strict=True
        )
        if after is not None
    ]
    base = alt.Chart(make_inline_data(rows)).encode(
        alt.X("low:Q", bin="binned")
        .scale(domain=[column.edges[0] / scale, column.edges[-1] / scale], nice=False)
        .title(f"{heading} ({unit})" if unit else heading)
        .axis(tickCount=6, labelExpr=_SHORT_NUMBER_EXPRESSION),
        alt.X2("high:Q"),
        tooltip=make_tooltips(("range", heading), ("kept", "Users kept"), ("lost", "Left out")),
    )
    y = alt.Y("users:Q").title("Users").axis(grid=True, tickCount=3, labelExpr=_SHORT_NUMBER_EXPRESSION)
    kept = base.mark_bar(color=theme.MUTED, binSpacing=0.5).encode(y)
    dropped = [row for row in rows if row["read"] > row["users"]]  # may be empty: a layer without rows would warn
    lost = (
        alt.Chart(make_inline_data(dropped))
        .mark_bar(color=theme.DROPPED_ROWS, binSpacing=0.5)
        .encode(alt.X("low:Q", bin="binned"), alt.X2("high:Q"), alt.Y("read:Q"), alt.Y2("users:Q"))
    )
    middle = make_inline_data([{"at": column.quartiles[1] / scale}])
    median = alt.Chart(middle).mark_rule(color=theme.INK, strokeWidth=1.5)
    return alt.layer(kept, *([lost] if dropped else []), median.encode(alt.X("at:Q"))).properties(
        width=width,
        height=_HISTOGRAM_HEIGHT,
        title=alt.TitleParams(
            heading,
            subtitle=f"median {format_column_value(column.quartiles[1], meaning)}",
            fontSize=12.5,
            offset=6,
            frame="group",
        ),
    )

"""What came in: every column before and after cleaning."""

import json

import altair as alt

from report import theme, words
from report.charts.lettering import fitting
from report.charts.picture import Layers, Panels, Picture, Rows, inline, joined, tips, title, told
from report.written import capital, decimal, label, listed, measured, percent, thousands
from segmentation.facts import Facts, Numbers
from segmentation.schema import BY_NAME

_HIGH = 120
_ACROSS = 3  # categories beside each other
_NAME, _SIZE = 110, 11.5  # pixels for the names of values, and size of their letters
_AXIS = 65  # pixels left of a histogram for its axis, and between two
_SHORT = "datum.value == 0 ? '0' : format(datum.value, '~s')"  # 0, 50k, 100k
_PERCENT = "format(100 * datum.value, 'd') + '\u00a0%'"  # as on the pages


def numbers(facts: Facts) -> Picture:
    """How each number is spread over the users: kept, and left out."""
    columns = facts.distributions.numbers
    return Picture(
        chart=lambda: _histograms(facts),
        narrow=lambda: _histograms(facts, theme.NARROW),
        caption=f"How {listed(list(map(label, columns)))} are spread over the users, after cleaning and before.",
        alt=told(words.typical(facts)),
        header=(
            "Column",
            "Mean",
            "SD",
            "First quartile",
            "Median",
            "Third quartile",
            "Missing",
            "Impossible",
        ),
        rows=tuple(
            (
                label(name).capitalize(),
                measured(column.mean, name),
                measured(column.sd, name),
                *(measured(value, name) for value in column.quartiles),
                thousands(column.missing),
                thousands(column.outside),
            )
            for name, column in columns.items()
        ),
    )


def _histograms(facts: Facts, width: int = theme.WIDTH) -> Panels:
    """Draw two histograms a row, or on a narrow sheet one."""
    below = width < theme.WIDTH
    across = width // (1 if below else 2) - _AXIS
    panels = [_histogram(name, column, across) for name, column in facts.distributions.numbers.items()]
    pairs = [
        joined(*panels[at : at + 2], below=below, spacing=18 if below else 28)
        for at in range(0, len(panels), 2)
    ]
    return joined(*pairs, below=True, spacing=18).properties(
        title=title(
            words.typical(facts),
            f"Users by value; red, where rows were left out; no bar under {facts.smallest_cell} users",
        )
    )


def categories(facts: Facts) -> Picture:
    """How often each value of a category stands in the file."""
    shares = facts.shares
    return Picture(
        chart=lambda: _categories_chart(facts),
        narrow=lambda: _categories_chart(facts, theme.NARROW),
        caption=f"{capital(listed(list(map(label, facts.distributions.categories))))} of the users kept.",
        alt=told(words.commonest(facts)),
        header=("Column", "Value", "Read", "Kept", "Share of kept"),
        rows=tuple(
            (
                label(name).capitalize(),
                item.value,
                _read(item.before),
                thousands(item.after),
                percent(shares[name].get(item.value, 0.0)),
            )
            for name, column in facts.distributions.categories.items()
            for item in column.values
        ),
    )


def _categories_chart(facts: Facts, width: int = theme.WIDTH) -> Panels:
    """Draw a panel a category: three side by side, or on a narrow sheet below each other."""
    below = width < theme.WIDTH
    across = width - 130 if below else 108
    panels, shares = [], facts.shares
    for name, column in facts.distributions.categories.items():
        rows: Rows = [
            {
                "row": place,
                "value": item.value,
                "share": shares[name].get(item.value, 0.0),
                "said": percent(shares[name].get(item.value, 0.0)),
                "after": thousands(item.after),
                "before": _read(item.before),
            }
            for place, item in enumerate(column.values)
        ]
        names, limit = fitting([item.value for item in column.values], _NAME, _SIZE)
        called = json.dumps(names, ensure_ascii=False)
        base = alt.Chart(inline(rows)).encode(
            alt.Y("row:O", title=None).axis(
                labelColor=theme.INK,
                labelFontSize=_SIZE,
                labelLimit=limit,
                labelExpr=f"({called})[datum.value]",
            ),
            alt.X("share:Q")
            .title("Share of users")
            .scale(domain=[0, max(float(str(row["share"])) for row in rows) * 1.3], nice=False)
            .axis(labelExpr=_PERCENT, tickCount=3),
        )
        bars = base.mark_bar(color=theme.MUTED, height={"band": 0.66}).encode(
            tooltip=tips(
                ("value", label(name).capitalize()), ("said", "Share"), ("after", "Kept"), ("before", "Read")
            )
        )
        text = base.mark_text(align="left", dx=5, fontSize=11.5).encode(alt.Text("said:N"))
        panels.append(
            alt.layer(bars, text).properties(
                width=across,
                height=19 * len(rows),
                title=alt.TitleParams(label(name).capitalize(), fontSize=12.5, offset=6, frame="group"),
            )
        )
    if not below and len(panels) > _ACROSS:
        lines = [
            joined(*panels[at : at + _ACROSS], below=False, spacing=10)
            for at in range(0, len(panels), _ACROSS)
        ]
        chart = joined(*lines, below=True, spacing=18)
    else:
        chart = joined(*panels, below=below, spacing=10)
    return chart.properties(title=title(words.commonest(facts), "Share of users kept"))


def _read(count: int | None) -> str:
    """Write how many rows were read, where that gives nobody away."""
    return "not shown" if count is None else thousands(count)


def _histogram(name: str, column: Numbers, width: int) -> Layers:
    """Draw one column's histogram, what was left out on top in red."""
    unit, scale = _unit(name)
    rows: Rows = [
        {
            "low": low / scale,
            "high": high / scale,
            "users": after,
            "read": after if before is None else before,
            "range": f"{decimal(low / scale, 0)} to {decimal(high / scale, 0)} {unit}",
            "kept": thousands(after),
            "lost": "not shown" if before is None else thousands(before - after),
        }
        for low, high, before, after in zip(
            column.edges[:-1], column.edges[1:], column.before, column.after, strict=True
        )
        if after is not None
    ]
    base = alt.Chart(inline(rows)).encode(
        alt.X("low:Q", bin="binned")
        .scale(domain=[column.edges[0] / scale, column.edges[-1] / scale], nice=False)
        .title(f"{label(name).capitalize()} ({unit})")
        .axis(tickCount=6, labelExpr=_SHORT),
        alt.X2("high:Q"),
        tooltip=tips(("range", label(name).capitalize()), ("kept", "Users kept"), ("lost", "Left out")),
    )
    y = alt.Y("users:Q").title("Users").axis(grid=True, tickCount=3, labelExpr=_SHORT)
    kept = base.mark_bar(color=theme.MUTED, binSpacing=0.5).encode(y)
    out = [row for row in rows if row["read"] > row["users"]]  # a layer without a row has no scale, and warns
    lost = (
        alt.Chart(inline(out))
        .mark_bar(color=theme.LOST, binSpacing=0.5)
        .encode(alt.X("low:Q", bin="binned"), alt.X2("high:Q"), alt.Y("read:Q"), alt.Y2("users:Q"))
    )
    median = alt.Chart(inline([{"at": column.quartiles[1] / scale}])).mark_rule(
        color=theme.INK, strokeWidth=1.5
    )
    return alt.layer(kept, *([lost] if out else []), median.encode(alt.X("at:Q"))).properties(
        width=width,
        height=_HIGH,
        title=alt.TitleParams(
            label(name).capitalize(),
            subtitle=f"median {measured(column.quartiles[1], name)}",
            fontSize=12.5,
            offset=6,
            frame="group",
        ),
    )


def _unit(name: str) -> tuple[str, float]:
    """Give the unit in which a column is drawn, and how many of the column's own go into it."""
    return ("hours a month", 60.0) if name == "usage_per_month" else (BY_NAME[name].unit, 1.0)

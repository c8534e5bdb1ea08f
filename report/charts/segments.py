"""Charts of the segments: sizes and differences."""

import altair as alt

from report.charts.figure import (
    ChartRows,
    Figure,
    LayeredChart,
    PanelChart,
    compose_alt_text,
    concat_panels,
    encode_segment_colours,
    fit_to_size,
    make_inline_data,
    make_title,
    make_tooltips,
)
from report.charts.labels import measure_widest
from report.style import theme
from report.text import changes, sentences
from report.text.formatting import (
    capitalise_first,
    format_column_value,
    format_decimal,
    format_interval,
    format_month,
    format_percent,
    format_thousands,
)
from segmentation.facts import Facts

_MAX_PANELS, _LETTER_WIDTH = 4, 6  # features side by side, and pixels of a letter of their values
_NAME_WIDTH, _VALUE_WIDTH, _PANEL_GAP = 152, 58, 16  # pixels
_MAX_NAME_WIDTH = 210  # pixels of the names beside panels
_SIZES_NAME_WIDTH, _SIZES_LABEL_WIDTH, _SIZES_CHANGE_WIDTH = 240, 92, 56  # pixels
_SIZES_ROW_HEIGHT = 42  # pixels for each segment if its name stands above its bar


def _choose_row_height(facts: Facts) -> int:
    """Return a segment's height in pixels."""
    k = len(facts.segments)  # page one holds two charts and the plays, of four segments as of ten
    return 26 if k <= 5 else 20 if k <= 7 else 15


def plot_sizes(facts: Facts) -> Figure:
    """Plot the users in each segment, the largest first."""
    ranked = sentences.rank_segments(facts)
    first, *others = ranked
    interval_head = ("95 % interval with these borders",) if facts.structure.reliable else ()
    return Figure(
        chart=lambda: _build_sizes_chart(facts),
        narrow=lambda: _build_sizes_chart(facts, theme.NARROW_WIDTH),
        caption="Users in each segment, and their share of all users.",
        alt=compose_alt_text(
            f"{sentences.describe_largest_segment(facts)}, {format_thousands(first.users)} of them",
            *(f"{s.name}: {format_percent(s.share)}, {format_thousands(s.users)}" for s in others),
        ),
        header=("Segment", "Users", "Share", *interval_head, "Change, points"),
        rows=tuple(
            (
                s.name,
                format_thousands(s.users),
                format_percent(s.share),
                *(format_interval(s.share_interval) for _ in interval_head),
                changes.format_share_change(facts, s),
            )
            for s in ranked
        ),
    )


def _build_sizes_chart(facts: Facts, width: int = theme.PAGE_WIDTH) -> LayeredChart:
    """Draw a bar for each segment."""
    above = width < theme.PAGE_WIDTH  # its name stands above it
    rows: ChartRows = [
        {
            "segment": segment.name,
            "users": segment.users,
            "label": f"{format_percent(segment.share)} · {format_thousands(segment.users)}",
            "change": changes.format_share_change(facts, segment),
            "share": format_percent(segment.share),
            "count": format_thousands(segment.users),
        }
        for segment in sentences.rank_segments(facts)
    ]
    across = width - (0 if above else _SIZES_NAME_WIDTH + 8)  # at least
    compared = changes.get_comparison(facts)
    label_width = _SIZES_LABEL_WIDTH + (_SIZES_CHANGE_WIDTH if compared else 0)
    most = max(segment.users for segment in facts.segments) * across / (across - label_width)
    font_size = 13 if measure_widest([row["segment"] for row in rows], 13) <= _SIZES_NAME_WIDTH else 11.5
    names = alt.Axis(labelFontSize=font_size, labelColor=theme.INK, labelLimit=_SIZES_NAME_WIDTH)
    base = alt.Chart(make_inline_data(rows)).encode(
        alt.Y("segment:N", sort=[row["segment"] for row in rows], title=None).axis(None if above else names),
        alt.X("users:Q").scale(domain=[0, most], nice=False).axis(None),
    )
    lane = _SIZES_ROW_HEIGHT if above else _choose_row_height(facts)
    low = 9 if above else 0  # pixels below the middle of the lane
    bars = base.mark_bar(cornerRadiusEnd=2, height=16 if above else {"band": 0.66}, yOffset=low).encode(
        encode_segment_colours(facts),
        tooltip=make_tooltips(("segment", "Segment"), ("count", "Users"), ("share", "Share")),
    )
    text = base.mark_text(align="left", dx=7, fontWeight=600, dy=low).encode(alt.Text("label:N"))
    change = base.mark_text(align="right", color=theme.MUTED, dy=low).encode(alt.Text("change:N"), x=alt.value("width"))
    name = base.mark_text(align="left", dy=-9, fontSize=13, limit=width - 4).encode(
        alt.Text("segment:N"), x=alt.value(0)
    )
    size = {"width": width, "height": lane * len(rows)} if above else fit_to_size(width, lane * len(rows) + 6)
    since = f"; on the right, points of share since {format_month(compared.month)}" if compared else ""
    return alt.layer(bars, text, change, *([name] if above else [])).properties(
        title=make_title(sentences.describe_size_range(facts), f"Share and number of users{since}"), **size
    )


def plot_differences(facts: Facts) -> Figure:
    """Plot each segment's mean of each feature."""
    return Figure(
        chart=lambda: _build_differences_chart(facts),
        narrow=lambda: _build_differences_chart(facts, theme.NARROW_WIDTH),
        caption=(
            "Each segment's mean, in its own unit on the right; the distance from the line is counted in standard "
            "deviations (SD), so that years and dollars can be compared."
        ),
        alt=compose_alt_text(
            sentences.describe_separating_features(facts),
            *(sentences.describe_position(facts, s) for s in sentences.rank_segments(facts)),
        ),
        header=("Segment", *(capitalise_first(facts.schema[feature].label) for feature in facts.features)),
        rows=tuple(
            (
                s.name,
                *(
                    f"{format_column_value(s.means[f], facts.schema[f])} ({format_decimal(s.centre[f], 2)} SD)"
                    for f in facts.features
                ),
            )
            for s in sentences.rank_segments(facts)
        ),
    )


def _build_differences_chart(facts: Facts, width: int = theme.PAGE_WIDTH) -> PanelChart:
    """Draw a panel for each feature."""
    below = width < theme.PAGE_WIDTH  # all are stacked; else those that differ most stand side by side
    most = list(sentences.rank_features(facts))[:_MAX_PANELS]
    features = [name for name in facts.features if below or name in most]
    some = f"; {_MAX_PANELS} of {len(facts.features)} features, those that differ most"
    others = some if len(features) < len(facts.features) else ""
    ranked = sentences.rank_segments(facts)
    names = [segment.name for segment in ranked]
    reach = max(1.0, *(abs(value) for segment in ranked for value in segment.centre.values())) * 1.12
    size = 12 if below else 13 if measure_widest(names, 13) <= _NAME_WIDTH - 8 else 11.5
    side = _NAME_WIDTH if below else round(min(max(measure_widest(names, size) + 10, _NAME_WIDTH), _MAX_NAME_WIDTH))
    across = width - side if below else (width - side) // len(features) - _PANEL_GAP
    letters = max(len(format_column_value(s.means[name], facts.schema[name])) for s in ranked for name in features)
    # leaves space right of the dots for the values in plain units
    end = reach * (2 * across / (across - max(_VALUE_WIDTH, _LETTER_WIDTH * letters)) - 1)
    panels = []
    for number, feature in enumerate(features):
        label = capitalise_first(facts.schema[feature].label)
        rows: ChartRows = [
            {
                "segment": segment.name,
                "sds": segment.centre[feature],
                "value": format_column_value(segment.means[feature], facts.schema[feature]),
                "said": f"{format_decimal(segment.centre[feature], 1)} SD",
                "zero": 0,
            }
            for segment in ranked
        ]
        base = alt.Chart(make_inline_data(rows)).encode(
            alt.Y("segment:N", sort=names, title=None).axis(
                labels=below or not number, labelFontSize=size, labelColor=theme.INK, labelLimit=side - 8
            ),
            alt.X("sds:Q")
            .title("SD from average")
            .scale(domain=[-reach, end], nice=False)
            .axis(values=list(range(-int(reach), int(reach) + 1)), format="d", titleAnchor="start"),
        )
        zero = alt.Chart(make_inline_data([{"zero": 0}])).mark_rule(color=theme.MUTED, strokeWidth=1)
        stem = base.mark_rule(strokeWidth=2).encode(alt.X2("zero:Q"), encode_segment_colours(facts))
        dot = base.mark_circle(size=95, opacity=1).encode(
            encode_segment_colours(facts),
            tooltip=make_tooltips(("segment", "Segment"), ("value", label), ("said", "From average")),
        )
        value = base.mark_text(align="right", fontSize=12).encode(alt.Text("value:N"), x=alt.value("width"))
        heading = alt.TitleParams(
            label,
            subtitle=f"average {format_column_value(facts.averages[feature], facts.schema[feature])}",
            fontSize=12.5,
            subtitleFontSize=11,
            offset=6,
            frame="group",
        )
        panels.append(
            alt.layer(zero.encode(alt.X("zero:Q")), stem, dot, value).properties(
                width=across, height=_choose_row_height(facts) * len(names), title=heading
            )
        )
    return concat_panels(*panels, stacked=below, spacing=_PANEL_GAP).properties(
        title=make_title(
            sentences.describe_separating_features(facts),
            f"Means of the {sentences.choose_segment_noun(facts)}s against the average of all users{others}",
        )
    )

"""Which segments, how big, and in which features they differ."""

import altair as alt

from report import changes, theme, words
from report.charts.lettering import widest
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
from report.written import between, decimal, label, measured, month_name, percent, thousands
from segmentation.facts import Facts

_PANELS, _LETTER = 4, 6  # features side by side, and pixels of a letter of their values
_NAMES, _VALUE, _GAP = 152, 58, 16  # pixels for names, for values in plain units, and between panels
_MOST_NAMES = 210  # pixels for names where a feature has a panel of its own beside the others
_SIZE_NAMES, _SIZE_LABEL, _SIZE_CHANGE = 240, 92, 56  # pixels for names, shares with counts, and changes
_SIZE_LANE = 42  # pixels a segment where its name stands above its bar


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
    room = _SIZE_LABEL + (_SIZE_CHANGE if changes.compared(facts) else 0)
    most = max(segment.users for segment in facts.segments) * across / (across - room)
    letters = 13 if widest([row["segment"] for row in rows], 13) <= _SIZE_NAMES else 11.5
    names = alt.Axis(labelFontSize=letters, labelColor=theme.INK, labelLimit=_SIZE_NAMES)
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
    change = changes.compared(facts)
    since = f"; on the right, points of share since {month_name(change.month)}" if change else ""
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
        alt=told(words.difference(facts), *(words.place(s) for s in words.ranked(facts))),
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
        f"; {_PANELS} of {len(facts.features)} features, those that differ most"
        if len(features) < len(facts.features)
        else ""
    )
    ranked = words.ranked(facts)
    names = [segment.name for segment in ranked]
    reach = max(1.0, *(abs(value) for segment in ranked for value in segment.centre.values())) * 1.12
    size = 12 if below else 13 if widest(names, 13) <= _NAMES - 8 else 11.5
    side = _NAMES if below else round(min(max(widest(names, size) + 10, _NAMES), _MOST_NAMES))
    across = width - side if below else (width - side) // len(features) - _GAP
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
                labelFontSize=size,
                labelColor=theme.INK,
                labelLimit=side - 8,
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

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from report.charts import changes, indices, k_selection, segments
from report.charts.figure import Figure, compose_alt_text, pad_range
from report.charts.labels import fit_texts, measure_widest, spread_labels
from report.charts.render import render_svg
from report.errors import RenderError
from report.style import theme
from segmentation.facts import AffinityIndex, Facts, NotableDifference, TrendLine
from tests.support.facts.factory import ARABIC, AWKWARD, EMOJI, LONG, MARKUP, NOTHING, SCRIPT, awkward, changed, month
from tests.support.pages.documents import makers, pictures

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = {"svg", "g", "path", "rect", "text", "tspan", "line", "defs", "clipPath", "style", "title", "circle"}
MONTHS = tuple(
    what for what in AWKWARD if what not in ("two", "four", *NOTHING, "nothing found before", "ten, later")
)  # others draw as these do
NAMELESS = {
    "k_selection.plot_elbow",
    "k_selection.plot_silhouette",
    "data_quality.plot_numbers",
}  # alike whatever segments and genres are called
UNIT = re.compile(r"\(.+\)|SD\b|[Uu]sers|Share|all users = 100|Number of segments|Month")


@cache
def drawn(what: str) -> list[tuple[str, Figure, dict[str, Any], str]]:
    """Draw a month's pictures, of the segments' own the first: name, picture, specification and SVG.

    Altair holds each specification against Vega-Lite's schema, which a run leaves out.
    """
    made = []
    for name, picture in pictures(awkward(what)):
        if re.search(r"-S(?!1$)\d+$", name) or (name in NAMELESS and what not in ("later", "ten")):
            continue
        spec = picture.chart().to_dict(validate=True)
        made.append((name, picture, spec, render_svg(spec)))
    return made


def views(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every layered or single view of a chart: what shares its axes."""
    parts = [part for key in ("hconcat", "vconcat", "concat") for part in spec.get(key, [])]
    if parts:
        for part in parts:
            yield from views(part)
    else:
        yield spec


def encodings(view: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the encodings of a view and all its layers."""
    own = view.get("encoding", {})
    layers = [encoding for layer in view.get("layer", []) for encoding in encodings(layer)]
    return [own | encoding for encoding in layers] or [own]


def rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Give every row of data that a chart carries."""
    found = [row for data in spec.get("datasets", {}).values() for row in data]

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("data"), dict):
                found.extend(value["data"].get("values", []))
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk({key: value for key, value in spec.items() if key != "datasets"})
    return found


def test_the_pictures_are_found() -> None:
    """By what they give, so that a new one is tested too; but then they must be found."""
    names = {name for name, _ in makers()}

    assert {
        "segments.plot_sizes",
        "indices.plot_indices",
        "k_selection.plot_elbow",
        "projection.plot_components",
        "changes.plot_flow",
    } <= names
    assert {"changes.plot_flow", "changes.plot_trend"} <= {name for name, *_ in drawn("later")}


def untitled(spec: dict[str, Any]) -> list[str]:
    """List the number axes that don't say what they count; those that aren't drawn needn't."""
    found = []
    for view in views(spec):
        for channel in ("x", "y"):
            axes = [e[channel] for e in encodings(view) if e.get(channel, {}).get("type") == "quantitative"]
            shown = [axis for axis in axes if axis.get("axis", {}) is not None]
            shown = [axis for axis in shown if (axis.get("axis") or {}).get("labels", True)]
            titles = [str(axis["title"]) for axis in shown if axis.get("title")]
            if shown and len(axes) == len(shown) and not titles:
                found.append(f"{channel} has no title")
            found += [f"{channel}: {title}" for title in titles if not UNIT.search(title)]
    return found


def see_through(svg: str) -> list[str]:
    """List the marks with an opacity of their own.

    WeasyPrint drops half of a text's letters then (Kozea/WeasyPrint#2665), and any mark makes the PDF 24 times as
    large as `fillOpacity` does. Vega-Lite gives some marks one of 0.7 unasked.
    """
    return [
        tag
        for tag in re.findall(r"<\w[^>]*>", svg)
        for found in re.findall(r'(?<!-)\bopacity="([^"]*)"', tag)
        if float(found) < 1
    ]


def live(svg: str) -> list[str]:
    """List what a picture has beside shapes and words: scripts, links, handlers."""
    found = []
    for element in ET.fromstring(svg).iter():
        tag = element.tag.removeprefix(SVG)
        found += [] if tag in SHAPES else [tag]
        found += [name for name in element.attrib if name.lower().startswith("on") or "href" in name]
    return found


def personal(facts: Facts, picture: Figure, spec: dict[str, Any], svg: str) -> list[str]:
    """List what could pick somebody out: an id, or a square of the map with too few users."""
    found = re.findall(r"\bu\d{6}\b", json.dumps(spec) + svg + str(picture.rows) + picture.alt)
    squares = [row["users"] for row in rows(spec) if isinstance(row.get("users"), int) and "x" in row]
    return found + [f"{count} users" for count in squares if count < facts.smallest_cell]


def gaps(picture: Figure, svg: str) -> list[str]:
    """List what is missing in a picture or the table behind it."""
    said = " ".join([picture.alt, picture.caption, *picture.header, *(cell for row in picture.rows for cell in row)])
    found = [word for word in ("NaN", "undefined", "Infinity", "None") if word in said + svg]
    found += [f"alt of {len(picture.alt)}"] if not 20 <= len(picture.alt) <= 250 else []
    found += ["caption"] if not picture.caption.endswith(".") else []
    found += ["rows"] if not picture.rows or {len(row) for row in picture.rows} != {len(picture.header)} else []
    return found


def width(svg: str) -> float:
    """Give how wide a picture is, in pixels."""
    return float(re.search(r'<svg[^>]*\bwidth="([\d.]+)"', svg)[1])


@pytest.mark.parametrize("what", MONTHS)
def test_every_picture_holds_what_was_promised(what: str) -> None:
    """For 2 and for 10 segments, long names, markup, scripts, other alphabets, and one segment of 99 %."""
    facts = awkward(what)
    assert "segments.plot_sizes" in {name for name, *_ in drawn(what)}
    for name, picture, spec, svg in drawn(what):
        assert untitled(spec) == [], name
        assert see_through(svg) == [], name
        assert live(svg) == [], name
        assert personal(facts, picture, spec, svg) == [], name
        assert gaps(picture, svg) == [], name
        assert 0 < len(rows(spec)) < 1_500, name
        assert width(svg) <= theme.PAGE_WIDTH + 8, name
        assert re.search(r"[.!?]$", picture.alt), name
        assert spec["title"]["text"], name


def test_what_breaks_a_promise_would_be_seen() -> None:
    """A rule that nothing breaks has to be shown to be one."""
    axis = {"field": "users", "type": "quantitative"}
    picture = Figure(lambda: None, "No stop", "Too short", ("a", "b"), (("1",), ("2", "NaN")))

    assert untitled({"hconcat": [{"layer": [{"encoding": {"x": axis}}]}]}) == ["x has no title"]
    assert untitled({"encoding": {"y": axis | {"title": "Height"}}}) == ["y: Height"]
    assert untitled({"encoding": {"y": axis | {"axis": None}}}) == []
    assert see_through('<text opacity="0.7">1.54</text>') == ['<text opacity="0.7">']
    assert see_through('<text fill-opacity="0.7" opacity="1">1.54</text>') == []
    assert live('<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script/><a href="#"/></svg>') == [
        "onload",
        "script",
        "a",
        "href",
    ]
    assert personal(month(4), picture, {"data": {"values": [{"x": 1, "users": 3}]}}, "u000123") == [
        "u000123",
        "3 users",
    ]
    assert gaps(picture, "<svg/>") == ["NaN", "alt of 9", "caption", "rows"]


@pytest.mark.parametrize(
    ("what", "name"),
    [("script", SCRIPT), ("letters", ARABIC), ("letters", EMOJI), ("markup", " ".join(MARKUP.split()))],
)
def test_a_name_stands_in_the_picture_as_it_is(what: str, name: str) -> None:
    """Whatever letters it has; where there is no room it is cut, and the table behind the picture has all of it."""
    _, picture, _, svg = next(found for found in drawn(what) if found[0] == "segments.plot_sizes")
    texts = [" ".join((element.text or "").split()) for element in ET.fromstring(svg).iter(f"{SVG}text")]

    assert any(text == name or (text.endswith("…") and name.startswith(text[:-1])) for text in texts)
    assert any(" ".join(row[0].split()) == name for row in picture.rows)


def test_long_names_are_still_told_apart_somewhere() -> None:
    _, picture, _, _ = next(found for found in drawn("long names") if found[0] == "segments.plot_sizes")

    assert len(LONG) == 60
    assert {LONG, LONG[::-1]} <= {row[0] for row in picture.rows}


def test_every_segment_has_one_colour_in_every_chart() -> None:
    """Its bar here and its dot there; the index bars of a profile too."""
    facts = month(4, first=False)
    colours = {segment.name: theme.get_segment_colour(segment.id) for segment in facts.segments}
    assert len(set(colours.values())) == 4
    for name, _, _, svg in drawn("later"):
        if name.startswith("indices.plot_indices-"):
            own = colours[facts.get_segment(name.rpartition("-")[2]).name]
            assert own in svg
            assert not [other for other in colours.values() if other != own and other in svg]
        elif name in ("segments.plot_sizes", "segments.plot_differences", "projection.plot_components"):
            assert all(colour in svg for colour in colours.values()), name


def test_the_ring_is_where_the_choice_is() -> None:
    """A title may only name what the numbers support: the chosen number, whoever chose it."""
    facts = month(4)
    bent = replace(facts, elbow=replace(facts.elbow, decided_by="elbow"))

    for made in (k_selection.plot_elbow(facts), k_selection.plot_elbow(bent)):
        data = rows(made.chart().to_dict(validate=False))
        assert [row["k"] for row in data if row.get("chosen")] == [4]
        assert "4 segments" in made.chart().to_dict(validate=False)["title"]["text"]


def test_an_index_on_too_few_users_has_no_bar() -> None:
    """It says "too few" where the bar would be."""
    facts = month(4)
    first = facts.segments[0]
    genre, found = next(iter(first.categories["top_genre"].items()))
    silent = replace(found, value=None, interval=None, base=facts.smallest_base - 1)
    segment = replace(
        first, categories=first.categories | {"top_genre": first.categories["top_genre"] | {genre: silent}}
    )
    picture = indices.plot_indices(changed(facts, categories=segment.categories), segment)

    cell = next(row for row in picture.rows if row[0].endswith(f": {genre}"))
    assert cell[1] == "too few"
    assert "too few" in render_svg(picture.chart().to_dict(validate=False))


def test_a_count_that_is_kept_back_is_not_called_small() -> None:
    """It may be hundreds that would give a few others away by subtraction."""
    facts = month(4)
    first = facts.segments[0]
    genre = next(iter(first.categories["top_genre"]))
    categories = first.categories | {
        "top_genre": first.categories["top_genre"] | {genre: AffinityIndex(None, None, None)}
    }
    segment = replace(first, categories=categories)
    picture = indices.plot_indices(changed(facts, categories=categories), segment)

    row = next(row for row in picture.rows if row[0].endswith(f": {genre}"))
    assert row[1:] == ("not shown", "not shown")
    assert "not shown" in render_svg(picture.chart().to_dict(validate=False))


@pytest.mark.parametrize("what", MONTHS)
def test_every_picture_has_a_twin_for_a_telephone(what: str) -> None:
    """As wide as one, but for a pixel or two of overhang; with the same title, and text no smaller than elsewhere."""
    assert "segments.plot_sizes" in {name for name, *_ in drawn(what)}
    for name, picture, spec, svg in drawn(what):
        narrow = picture.narrow().to_dict(validate=True)
        drawing = render_svg({key: value for key, value in narrow.items() if key != "title"})
        sizes = {float(size) for size in re.findall(r'font-size="([\d.]+)px"', drawing)}

        assert width(drawing) <= theme.NARROW_WIDTH + 6, name
        assert narrow["title"] == spec["title"], name
        assert min(sizes) >= min(float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg)), name
        assert personal(awkward(what), picture, narrow, drawing) == [], name
        assert see_through(drawing) == [], name


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        (("One finding",), "One finding."),
        (("One finding.", "And another!"), "One finding. And another!"),
        (("A", "", "B"), "A. B."),
        (("a" * 200, "b" * 47), f"{'a' * 200}. {'b' * 47}."),  # 250 letters
        (("a" * 200, "b" * 48, "c"), f"{'a' * 200}."),  # what doesn't fit ends it, so that the order stays
        (("word " * 60,), f"{('word ' * 49).strip()}…"),
    ],
)
def test_an_alternative_text_is_whole_sentences(sentences: tuple[str, ...], said: str) -> None:
    """As many as are read in one go, which is 250 letters; only a first one that is longer is cut, at a word."""
    assert compose_alt_text(*sentences) == said
    assert len(compose_alt_text(*sentences)) <= 250


def test_one_long_word_is_cut_too() -> None:
    assert len(compose_alt_text("w" * 1_000)) == 250


def test_index_bars_say_what_differs_once() -> None:
    """The finding stands in the title; the alternative text has it with the others, and not twice."""
    first = month(4).segments[0]
    segment = replace(
        first,
        name="High earners",
        stands_out=(
            NotableDifference("employment_status", "Student", 20.0),
            NotableDifference("annual_income", None, 314.0),
            NotableDifference("top_genre", "Jazz", 159.0),
        ),
    )
    picture = indices.plot_indices(changed(month(4)), segment)

    assert picture.alt.replace("\u00a0", " ") == (
        "High earners against 100 for all users. Income about three times the average (index 314). "
        "More common than average: Jazz (index 159). Less common than average: Student (index 20)."
    )
    title = picture.chart().to_dict(validate=False)["title"]["text"]
    assert title == "High earners: income about three times the average (index 314)"


def test_bars_and_rows_come_by_size() -> None:
    """The largest first, on page one and below, whatever the ids of the segments."""
    facts = month(4, first=False)
    sizes = sorted((segment.users for segment in facts.segments), reverse=True)
    bars = rows(segments.plot_sizes(facts).chart().to_dict(validate=False))
    dots = rows(segments.plot_differences(facts).chart().to_dict(validate=False))

    assert [row["users"] for row in bars] == sizes
    names = [row["segment"] for row in bars]
    assert [row["segment"] for row in dots if "sds" in row][:4] == names
    assert [name for name, *_ in segments.plot_sizes(facts).rows] == names


def test_a_bar_of_the_flow_is_as_high_as_its_segment_is_large() -> None:
    """Also where most of its users may not be shown: what has no band is seen to be missing."""
    facts = month(4, first=False)
    flow = facts.change.flow
    hidden = replace(flow, users=tuple(tuple(None for _ in row) for row in flow.users))
    found = []
    for one in (flow, hidden):
        chart = changes.plot_flow(replace(facts, change=replace(facts.change, flow=one))).chart()
        data = rows(chart.to_dict(validate=False))
        found.append({row["name"]: row["y2"] - row["y"] for row in data if row.get("left") is False})
    sizes = {segment.name: segment.users for segment in facts.segments}
    first, *others = sizes

    assert found[0] == pytest.approx(found[1], abs=1e-3)
    for name in others:
        assert found[0][name] / found[0][first] == pytest.approx(sizes[name] / sizes[first], abs=0.01)


def test_a_band_is_drawn_of_one_row() -> None:
    """The page's own engine bends it; the numbers that it needs are few."""
    facts = month(10, first=False)
    found = facts.change.flow
    bands = sum(bool(n) for row in (*found.users, found.gone, found.new) for n in row)
    data = rows(changes.plot_flow(facts).chart().to_dict(validate=False))

    assert sum("band" in row for row in data) == bands


def test_a_range_of_one_value_has_room() -> None:
    """Else a chart of one point would have no scale."""
    assert pad_range([3.0]) == (pytest.approx(2.92), pytest.approx(3.08))
    assert pad_range([0.0, 10.0], 0.1) == (-1.0, 11.0)


def test_a_trend_without_change_is_none() -> None:
    """Nobody shrinks by 0.0 points."""
    facts = month(4, first=False)
    still = replace(facts.trend, lines=tuple(replace(line, shares=(0.2, 0.2, 0.2)) for line in facts.trend.lines))

    assert changes.plot_trend(replace(facts, trend=still)).alt.startswith("All shares are as they were in August")
    assert changes.plot_trend(facts).alt.startswith("Young lower earners grew by 2.5 points since August")


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([(None, None, 0.6), (0.5, 0.5, 0.4)], "B shrank by 10.0 points since August"),
        (
            [(None, None, 0.6), (0.4, 0.4, 0.4)],
            "Segments that were there in August 2026 have the shares that they had then",
        ),
        ([(None, None, 1.0), (1.0, 1.0, None)], "No segment of August 2026 is there in October"),
    ],
)
def test_a_trend_speaks_of_segments_that_are_there_at_both_ends(
    shares: list[tuple[float | None, ...]], said: str
) -> None:
    """One that came in October has not grown since August, and one that left has not shrunk."""
    facts = month(4, first=False)
    lines = tuple(TrendLine(f"S{n}", "AB"[n], own) for n, own in enumerate(shares))

    alt = changes.plot_trend(replace(facts, trend=replace(facts.trend, lines=lines))).alt
    assert alt.replace("\u00a0", " ").startswith(said)


@pytest.mark.parametrize("emoji", ["🎧", "👩‍🎤", "🇩🇪", "👍🏽"])
def test_a_name_with_emoji_is_never_cut_in_two(emoji: str) -> None:
    """A woman, a joiner and a guitar are one, and two halves are a flag; how many fit is the font's affair."""
    (shown,), _ = fit_texts([emoji * 30], 110, 11.5)
    count = (len(shown) - 1) // len(emoji)

    assert 1 <= count < 30
    assert shown == f"{emoji * count}…"
    assert fit_texts([f"Pop {emoji}"], 110, 11.5)[0] == [f"Pop {emoji}"]


def test_beside_a_name_with_emoji_none_is_left_to_vega() -> None:
    """It would cut at 110 pixels, of which our letters and its are never quite as many."""
    long = "Electronic dance music of the nineties"

    assert fit_texts([long], 110, 11.5) == ([long], 110)
    names, limit = fit_texts([long, "Pop 🎧"], 110, 11.5)
    assert names == ["Electronic dance mu…", "Pop 🎧"]
    assert limit > 1_000


def test_a_chart_that_cannot_be_drawn_ends_in_a_sentence() -> None:
    with pytest.raises(RenderError, match="A chart can't be drawn"):
        render_svg({"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "mark": {"type": "nonsense"}})


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([0, 2, 4], [0, 2, 4]),
        ([4, 0, 2], [4, 0, 2]),
        ([1, 1], [0.5, 1.5]),  # each half of the way
        ([5, 0, 5, 5], [4, 0, 5, 6]),
        ([0, 0.5, 3], [-0.25, 0.75, 3]),
        ([0, 0, 1.5], [-0.5, 0.5, 1.5]),
        ([0, 0, 1, 9], [-2 / 3, 1 / 3, 4 / 3, 9]),
        ([], []),
    ],
)
def test_names_that_would_lie_on_each_other_move_as_little_as_they_must(
    places: list[float], moved: list[float]
) -> None:
    """At least one apart, in their order, and on average where they were."""
    assert spread_labels(places, 1) == pytest.approx(moved)
    assert spread_labels([0, 0, 2], 1, lower_bound=0) == [0, 1, 2]


def test_names_are_as_wide_as_our_font_has_them() -> None:
    """Twice the letters or twice the size are twice as wide; an i is narrower than an m, and none takes nothing."""
    assert (
        measure_widest(["mm"], 10)
        == pytest.approx(2 * measure_widest(["m"], 10))
        == pytest.approx(measure_widest(["m", "i"], 20))
    )
    assert 0 < measure_widest(["i"], 10) < measure_widest(["m"], 10) < 10
    assert measure_widest([], 10) == 0

"""Every chart: what it says, what each mark is drawn from, where, in whose colour, and what the pointer shows of it.

A new chart gets an entry of `CHARTS` and a test of its marks, `test_` and the chart's name. The report carries each chart's specification, for wide screens and for telephones, and its drawing; the drawings stand in
the PDF and the profiles, too.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from report.charts import k_selection
from report.charts import segments as charts
from report.charts.render import build_chart_spec
from report.mail.chart import plot_brief_indices
from tests.support.expected.indices import COLUMN, STANDS_OUT, index_groups, index_rows, index_words
from tests.support.facts import distinct as month
from tests.support.facts.distinct import COLOURS, FEATURES, IDS, LABELS, NAMES, RANKED, grew, pct, unit
from tests.support.music import CATEGORIES, NUMBERS
from tests.support.pages import reading
from tests.support.pages.reading import Mark, Table
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

INK, MUTED, FAINT, LOST = "#1b2430", "#5b6672", "#c6ccd2", "#b3261e"
SCREENS = ("wide", "narrow")
SHARED = {id_: f"{NAMES[id_]}: {pct(month.SHARES[id_])}" for id_ in IDS}
BY_INDEX = (
    "Index: 100 is the average of all users, grey is within 20 of it; a line is the 95 % interval with these borders"
)
TREND_NAMES = NAMES | {"S4": "Quiet readers", "S6": "Jazz lovers"}

Specs = dict[str, dict[str, Any]]
Rows = tuple[tuple[str, ...], ...]


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def place(id_: str, name: str) -> str:
    """Write a segment's mean, and how far it is from the average."""
    mean = month.MEANS[id_][NUMBERS.index(name)]
    return f"{unit(name, mean)} ({signed(month.CENTRES[id_][FEATURES.index(name)])} SD)"


def flow_rows() -> Rows:
    """Give who went where, the people of each of last month's segments in a row."""

    def count(n: int | None) -> str:
        return "not shown" if n is None else f"{n:,}"

    rows = [
        (name, *map(count, row), count(gone))
        for name, row, gone in zip(month.LAST, month.FLOW, month.GONE, strict=True)
    ]
    return (*rows, ("New this month", *map(count, month.NEW), ""))


@dataclass(frozen=True)
class Chart:
    """What a chart of the report says; what it draws is compared by the test that is called like it."""

    section: str  # the id of the innermost section that it stands in
    title: str  # with what stands below it
    words: str  # for those who don't see it: whole sentences of 250 characters at most
    caption: str
    head: tuple[str, ...]  # of the numbers behind it
    rows: Rows


CHARTS = {
    "fig-sizes": Chart(
        section="found",
        title=(
            "Five segments of 6 to 40 % of users each | Share and number of users; on the right, points of share since "
            "December 2026"
        ),
        words=(
            "Night owls are the largest segment, 40 % of users, 4,018 of them. Radio classics: 23 %, 2,307. Commuters: "
            "17 %, 1,712. Weekend dancers: 11 %, 1,109. Evening families: 6 %, 604."
        ),
        caption="Users in each segment, and their share of all users.",
        head=("Segment", "Users", "Share", "95 % interval with these borders", "Change, points"),
        rows=tuple(
            (
                NAMES[id_],
                f"{month.USERS[id_]:,}",
                pct(month.SHARES[id_]),
                "{:.0f} to {:.0f} %".format(*(100 * end for end in month.INTERVALS[id_])),
                grew(id_),
            )
            for id_ in RANKED
        ),
    ),
    "fig-differences": Chart(
        section="found",
        title=(
            "Usage separates the segments most, then age; income does not | Means of the segments against the "
            "average of all users"
        ),
        words=(
            "Usage separates the segments most, then age; income does not. Night owls: less listening. Radio "
            "classics: more listening, older, more active days. Commuters: younger. Weekend dancers: fewer active days. Evening "
            "families: more active days."
        ),
        caption=(
            "Each segment's mean, in its own unit on the right; the distance from the line is counted in standard "
            "deviations (SD), so that years and dollars can be compared."
        ),
        head=("Segment", *(COLUMN[name] for name in FEATURES)),
        rows=tuple((NAMES[id_], *(place(id_, name) for name in FEATURES)) for id_ in RANKED),
    ),
    "fig-flow": Chart(
        section="changes",
        title=(
            "68 % of the 7,003 users in both months stayed in their segment | A bar is a segment, a band its users; groups "
            "under 12 aren't drawn, nor what would give them away"
        ),
        words=(
            "68 % of the 7,003 users in both months stayed in their segment. The largest groups that may be shown: 401 "
            "users moved from night owls to weekend dancers, 339 of the weekend dancers are new and 244 of the jazz lovers are gone."
        ),
        caption=(
            "Users by their segment in December 2026 (left) and February 2027 (right). A bar is a segment, a band is those "
            "of it whose way may be shown: bands of fewer than 12 users are left out, and those that would give such a band "
            "away."
        ),
        head=("From", *NAMES.values(), "Not there any more"),
        rows=flow_rows(),
    ),
    "fig-trend": Chart(
        section="changes",
        title="Night owls grew by 11.5 points since October 2026 | Share of all users, by month",
        words=(
            "Night owls grew by 11.5 points since October 2026. Commuters: 17 %. Night owls: 40 %. Radio classics: 23 %. "
            "Weekend dancers: 11 %. Evening families: 6 %."
        ),
        caption="Each segment's share of all users in every month that was made.",
        head=("Segment", "October 2026", "November 2026", "December 2026", "January 2027", "February 2027"),
        rows=tuple(
            (TREND_NAMES[id_], *("" if share is None else pct(share) for share in shares))
            for id_, shares in month.TREND.items()
        ),
    ),
    "fig-numbers": Chart(
        section="data",
        title=(
            "Medians: 37 years old, $28,700 a year, 34 hours of listening a month, active on 187 days of the last 365 | Users by value; red, where "
            "rows were left out; no bar under 12 users"
        ),
        words="Medians: 37 years old, $28,700 a year, 34 hours of listening a month, active on 187 days of the last 365.",
        caption="How age, income, usage and days active are spread over the users, after cleaning and before.",
        head=("Column", "Mean", "SD", "First quartile", "Median", "Third quartile", "Missing", "Impossible"),
        rows=tuple(
            (
                COLUMN[name],
                *(unit(name, value) for value in (month.AVERAGES[n], month.SD[n], *month.QUARTILES[n])),
                str(month.MISSING[name]),
                str(month.OUTSIDE[name]),
            )
            for n, name in enumerate(NUMBERS)
        ),
    ),
    "fig-categories": Chart(
        section="data",
        title="Most common: top genre Pop (36 %) and employment Retired (32 %) | Share of users kept",
        words="Most common: top genre Pop (36 %) and employment Retired (32 %).",
        caption="Gender, employment and top genre of the users kept.",
        head=("Column", "Value", "Read", "Kept", "Share of kept"),
        rows=tuple(
            (COLUMN[name], one, "not shown" if read is None else f"{read:,}", f"{kept:,}", pct(share))
            for name in CATEGORIES
            for one, (read, kept), share in zip(month.VALUES[name], month.COUNTS[name], month.OF_ALL[name], strict=True)
        ),
    ),
    "fig-elbow": Chart(
        section="choice",
        title=(
            "The curve bends at 5 segments | The less spread, the more alike the users within a segment; grey: the same "
            "users without structure"
        ),
        words=(
            "The curve bends at 5 segments. Spread falls from 42,368 at 1 to 10,809 at 10 segments. The curve falls faster than "
            "it would if the same users had no structure, whose range is drawn in grey."
        ),
        caption=(
            "Sum of squared distances of all users to their segment's centre (inertia), for each number of segments; the "
            "ring marks the number used. The grey band is where 95 of 100 crowds of the same shape without any structure "
            "lie."
        ),
        head=("Segments", "Inertia (squared SD)", "Without structure, from", "to"),
        rows=tuple(
            (str(k), f"{inertia:,}", f"{low:,.0f}", f"{high:,.0f}")
            for k, (inertia, (low, high)) in enumerate(zip(month.INERTIA, month.BAND, strict=True), 1)
        ),
    ),
    "fig-silhouette": Chart(
        section="choice",
        title=(
            "Users are separated better in 3 segments than in the 5 used | 1 is far apart, 0 is on the border "
            "between two segments"
        ),
        words=(
            "Users are separated better in 3 segments than in the 5 used. Mean silhouette: 0.31 for 2, 0.41 for 3, "
            "0.33 for 4, 0.29 for 5, 0.27 for 6, 0.25 for 7, 0.24 for 8, 0.23 for 9, 0.22 for 10."
        ),
        caption=(
            "Mean silhouette of all users for each number of segments: how much nearer users are to their own segment than "
            "to the next."
        ),
        head=("Segments", "Silhouette", "Silhouette, mean of segments", "Calinski-Harabasz", "Davies-Bouldin"),
        rows=tuple(
            (str(k), f"{value:.2f}", f"{value - 0.13:.2f}", f"{2_607 - 103 * k:,}", f"{1.55 - 0.07 * k:.2f}")
            for k, value in enumerate(month.SILHOUETTE_OF_K, 2)
        ),
    ),
    **{
        f"fig-indices-{id_.lower()}": Chart(
            section=id_.lower(),
            title=f"{NAMES[id_]}: {STANDS_OUT[id_][0]} | {BY_INDEX}",
            words=index_words(id_),
            caption=(
                f"How {NAMES[id_].lower()} differ from all users. An index of 200 is twice the average; n is the number of "
                "users that it rests on. Under 37 of them, or where chance may explain the difference, it says nothing."
            ),
            head=("Of what", "Index", "Users"),
            rows=index_rows(id_),
        )
        for id_ in RANKED
    },
    "fig-components": Chart(
        section="map",
        title=(
            "The map shows 73 % of all differences between users | A larger dot is more users; its colour is the "
            "segment of most of them"
        ),
        words=(
            "The map shows 73 % of all differences between users. To the right: more listening, more active days; "
            "upwards: higher income, older. Commuters at −1.3, 0.4. Night owls at 0.2, −0.9. Radio classics at 1.7, 1.1. "
            "Weekend dancers at −0.6, −1.6."
        ),
        caption=(
            "Users on the first two principal components of the standardised features, each segment's middle named; on the "
            "right, the direction in which each feature grows. Squares with fewer than 12 users are left blank."
        ),
        head=("Of what", "First component", "Second component"),
        rows=(
            *(
                (f"Loading of {LABELS[name]}", signed(a), signed(b))
                for name, (a, b) in zip(FEATURES, month.LOADINGS, strict=True)
            ),
            *((f"Middle of {NAMES[id_]}", signed(x), signed(y)) for id_, (x, y) in month.SPOTS.items()),
            ("Share of the variance", "44 %", "29 %"),
        ),
    ),
}


@pytest.fixture(scope="module")
def specs(rendered: Rendered) -> dict[str, Specs]:  # noqa: F811
    """Give the specifications that the report carries, as drawn on a wide screen and on a narrow one."""
    wide = reading.specs(reading.tree(rendered.whole("distinct") / "report.html"))
    return {"wide": wide, "narrow": {name: reading.narrowed(spec) for name, spec in wide.items()}}


@pytest.fixture(scope="module")
def figures(rendered: Rendered) -> dict[str, tuple[str, str, str]]:  # noqa: F811
    """Give caption, words and drawing of each figure of the report."""
    return reading.figures(reading.tree(rendered.whole("distinct") / "report.html"))


def of(marks: list[Mark], kind: str, panel: str = "") -> list[Mark]:
    """Give the layers of a kind, of one panel if it is named."""
    return [mark for mark in marks if mark.kind == kind and (not panel or mark.panel == panel)]


def one(marks: list[Mark], kind: str, panel: str = "") -> Mark:
    """Give the only layer of a kind."""
    (found,) = of(marks, kind, panel)
    return found


# What each chart says of itself


def test_every_chart_of_the_report_is_read(figures: dict[str, Any], specs: dict[str, Specs]) -> None:
    """None has words, numbers or marks that aren't compared below."""
    own = {re.sub(r"-s\d+$", "", id_).replace("fig-", "test_").replace("-", "_") for id_ in CHARTS}

    assert list(figures) == list(specs["wide"]) == list(CHARTS)
    assert own - globals().keys() == set(), "write a test that compares this chart's marks"


@pytest.mark.parametrize("id_", CHARTS)
def test_a_chart_is_titled_with_its_own_finding(id_: str, figures: dict[str, Any], specs: dict[str, Specs]) -> None:
    """On every screen, in its drawing, and in the words for those who don't see it."""
    _, words, drawing = figures[id_]
    title = CHARTS[id_].title

    assert reading.title_of(specs["wide"][id_]) == reading.title_of(specs["narrow"][id_]) == title
    assert words == CHARTS[id_].words
    assert [line[0] for line in reading.svg_lines(drawing)[:2]] == title.split(" | ")


@pytest.mark.parametrize("id_", CHARTS)
def test_behind_a_chart_are_its_numbers(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """In the chart's section, under its caption: each number under its head and in its row."""
    page, wanted = reading.tree(rendered.whole("distinct") / "report.html"), CHARTS[id_]

    assert reading.tables(page)[id_] == Table(wanted.caption, wanted.head, wanted.rows, ((),) * len(wanted.rows))
    assert reading.sections(page)[id_] == wanted.section


@pytest.mark.parametrize("id_", CHARTS)
def test_no_two_rows_and_no_two_columns_of_numbers_are_alike(id_: str) -> None:
    """So that any two that are swapped show."""
    rows = CHARTS[id_].rows

    assert reading.repeated([row[1:] for row in rows]) == [], "rows that differ in their heads alone"
    assert reading.repeated(list(zip(*rows, strict=True))) == []


# What is drawn


@pytest.mark.parametrize("screen", SCREENS)
def test_sizes(screen: str, specs: dict[str, Specs]) -> None:
    """A bar a segment, the largest first, as long as it has users; its share, count and change beside it."""
    marks = reading.marks(specs[screen]["fig-sizes"])
    bar, texts = one(marks, "bar"), of(marks, "text")

    assert bar.by("y", "x", "color") == [(NAMES[i], month.USERS[i], COLOURS[i]) for i in RANKED]
    assert bar.tips == [
        {"Segment": NAMES[i], "Users": f"{month.USERS[i]:,}", "Share": pct(month.SHARES[i])} for i in RANKED
    ]
    assert texts[0].by("y", "text") == [(NAMES[i], f"{pct(month.SHARES[i])} · {month.USERS[i]:,}") for i in RANKED]
    assert texts[1].by("y", "text") == [(NAMES[i], grew(i)) for i in RANKED]
    assert [text.by("y", "text") for text in texts[2:]] == [[(NAMES[i], NAMES[i]) for i in RANKED]] * (
        screen == "narrow"
    )


@pytest.mark.parametrize("screen", SCREENS)
def test_differences(screen: str, specs: dict[str, Specs]) -> None:
    """A panel a feature: each segment's distance from the average, and its mean, under that feature's name and average."""
    marks = reading.marks(specs[screen]["fig-differences"])
    panels = {name: f"{COLUMN[name]} | average {unit(name, month.AVERAGES[NUMBERS.index(name)])}" for name in FEATURES}

    assert list(dict.fromkeys(mark.panel for mark in marks)) == list(panels.values())
    for number, (name, panel) in enumerate(panels.items()):
        sds = {i: month.CENTRES[i][number] for i in RANKED}
        means = {i: unit(name, month.MEANS[i][NUMBERS.index(name)]) for i in RANKED}
        zero, stem = of(marks, "rule", panel)
        dot, text = one(marks, "circle", panel), one(marks, "text", panel)
        assert zero.by("x") == [(0,)]
        assert stem.by("y", "x", "x2", "color") == [(NAMES[i], sds[i], 0, COLOURS[i]) for i in RANKED]
        assert dot.by("y", "x", "color") == [(NAMES[i], sds[i], COLOURS[i]) for i in RANKED]
        assert dot.titles["x"] == "SD from average"
        assert dot.tips == [
            {"Segment": NAMES[i], COLUMN[name]: means[i], "From average": f"{signed(sds[i], 1)} SD"} for i in RANKED
        ]
        assert text.by("y", "text") == [(NAMES[i], means[i]) for i in RANKED]


@pytest.mark.parametrize("screen", SCREENS)
def test_flow(screen: str, specs: dict[str, Specs]) -> None:
    """Bands from the segment that people were in, on the left, to the one that they are in, on the right."""
    marks = reading.marks(specs[screen]["fig-flow"])
    band, (left, right) = one(marks, "area"), of(marks, "rect")
    then, now, new, gone = "December 2026", "February 2027", "New this month", "Not there any more"
    sources, targets = (*month.LAST, new), (*NAMES.values(), gone)
    hue = dict(zip(month.LAST, month.LAST_IDS, strict=True)) | {name: i for i, name in NAMES.items()}
    colour = {name: COLOURS[i] for name, i in hue.items()} | {new: FAINT, gone: FAINT}
    table = [*((*row, out) for row, out in zip(month.FLOW, month.GONE, strict=True)), (*month.NEW, None)]
    people = {
        (source, target): count
        for source, row in zip(sources, table, strict=True)
        for target, count in zip(targets, row, strict=True)
        if count
    }

    assert [(tip[then], tip[now], tip["Users"]) for tip in band.tips] == [
        (source, target, f"{count:,}") for (source, target), count in people.items()
    ]
    assert [row["color"] for row in band.rows] == [colour[source] for source, _ in people]
    sizes = [
        dict(zip(sources, (*month.LAST_USERS, sum(month.USERS.values()) - 7_003), strict=True)),
        dict(zip(targets, (*month.USERS.values(), 9_876 - 7_003), strict=True)),
    ]
    total = max(sum(side.values()) for side in sizes)
    for side, expected in zip((left, right), sizes, strict=True):
        assert side.tips == [{"Segment": name, "Users": f"{size:,}"} for name, size in expected.items()]
        assert [row["color"] for row in side.rows] == [colour[name] for name in expected]
        assert [row["y2"] - row["y"] for row in side.rows] == pytest.approx(
            [size / total for size in expected.values()], abs=2e-4
        )
    assert {row["x"] for row in left.rows} == {0}
    assert {str(row["x"]) for row in right.rows} == {"{'expr': 'width'}"}
    inside = {
        "start": {row["row"]["name"]: row for row in left.rows},
        "end": {row["row"]["name"]: row for row in right.rows},
    }
    for (source, target), count, row in zip(people, people.values(), (one["row"] for one in band.rows), strict=True):
        assert row["height"] == pytest.approx(count / total, abs=2e-5)
        for place, name in (("start", source), ("end", target)):
            bar = inside[place][name]
            assert bar["y"] - 1e-4 <= row[place] <= row[place] + row["height"] <= bar["y2"] + 1e-3
    texts = [mark for mark in of(marks, "text") if mark.titles.get("text") == ""]
    on_left = [row["text"] for mark in texts for row in mark.rows if row["x"] == 0]
    on_right = [row["text"] for mark in texts for row in mark.rows if row["x"] != 0]
    assert list(dict.fromkeys(on_left)) == [*sources, then]
    assert list(dict.fromkeys(on_right)) == [*targets, now]
    for mark in texts:  # a name lies at its bar
        for row in mark.rows:
            if row["text"] not in (then, now):
                bar = inside["start" if row["x"] == 0 else "end"][row["text"]]
                assert row["y"] == pytest.approx((bar["y"] + bar["y2"]) / 2, abs=0.06)


@pytest.mark.parametrize("screen", SCREENS)
def test_trend(screen: str, specs: dict[str, Specs]) -> None:
    """A line a segment, in its colour: its share in each month that has one; at its end its name and share."""
    spec = specs[screen]["fig-trend"]
    marks = reading.marks(spec)
    short = ("Oct 2026", "Nov 2026", "Dec 2026", "Jan 2027", "Feb 2027")
    whole = ("October 2026", "November 2026", "December 2026", "January 2027", "February 2027")
    points = [
        (i, at, share) for i, shares in month.TREND.items() for at, share in enumerate(shares) if share is not None
    ]
    line, dot, text = one(marks, "line"), of(marks, "circle")[0], one(marks, "text")

    for mark in (line, dot):
        assert mark.by("x", "y", "color") == [(short[at], share, COLOURS[i]) for i, at, share in points]
        assert mark.titles["y"] == "Share of users"
    assert dot.tips == [{"Segment": TREND_NAMES[i], "Month": whole[at], "Share": pct(share)} for i, at, share in points]
    last = [(i, share) for i, at, share in points if at == 4]
    assert [row["x"] for row in text.rows] == ["Feb 2027"] * len(last)
    assert [row["y"] for row in text.rows] == pytest.approx([share for _, share in last], abs=0.02)
    if screen == "wide":
        assert text.by("text") == [(f"{TREND_NAMES[i]} {pct(share)}",) for i, share in last]
        assert of(marks, "circle")[1].by("color", "x") == [
            (i, "Feb 2027") for i, _ in last
        ]  # coloured as the lines are
    else:
        assert text.by("text") == [(pct(share),) for _, share in last]
        legends = re.findall(r"\((\{.*?\})\)\[datum\.label\]", json.dumps(spec).replace('\\"', '"'))
        assert [json.loads(one) for one in dict.fromkeys(legends)] == [{i: TREND_NAMES[i] for i in month.TREND}]


@pytest.mark.parametrize("screen", SCREENS)
def test_numbers(screen: str, specs: dict[str, Specs]) -> None:
    """A histogram a column, in its unit: users kept by value, in red what was left out, a line at the median."""
    marks = reading.marks(specs[screen]["fig-numbers"])
    units = {
        "age": "years",
        "annual_income": "USD a year",
        "usage_per_month": "hours a month",
        "num_of_days_active": "days in the last 365",
    }
    panels = [f"{COLUMN[name]} | median {unit(name, month.QUARTILES[n][1])}" for n, name in enumerate(NUMBERS)]

    assert list(dict.fromkeys(mark.panel for mark in marks)) == panels
    for number, (name, panel) in enumerate(zip(NUMBERS, panels, strict=True)):
        part = 60 if name == "usage_per_month" else 1
        edges = [edge / part for edge in month.EDGES[number]]
        bins = [
            (low, high, read, kept)
            for low, high, read, kept in zip(edges, edges[1:], month.BEFORE[number], month.AFTER[number], strict=False)
            if kept is not None
        ]
        kept_bars, lost = of(marks, "bar", panel)
        assert kept_bars.by("x", "x2", "y") == [(low, high, kept) for low, high, _, kept in bins]
        assert (kept_bars.titles["x"], kept_bars.titles["y"]) == (f"{COLUMN[name]} ({units[name]})", "Users")
        assert kept_bars.tips == [
            {
                COLUMN[name]: f"{low:,.0f} to {high:,.0f} {units[name]}",
                "Users kept": f"{kept:,}",
                "Left out": "not shown" if read is None else f"{read - kept}",
            }
            for low, high, read, kept in bins
        ]
        assert lost.by("x", "x2", "y", "y2", "color") == [
            (low, high, read, kept, LOST) for low, high, read, kept in bins if read is not None
        ]
        some = 7 / 60 if name == "usage_per_month" else 0
        assert one(marks, "rule", panel).by("x")[0] == pytest.approx((month.QUARTILES[number][1] + some,))


@pytest.mark.parametrize("screen", SCREENS)
def test_categories(screen: str, specs: dict[str, Specs]) -> None:
    """A panel a column: a bar a value, as long as its share, which stands beside it."""
    spec = specs[screen]["fig-categories"]
    marks = reading.marks(spec)
    called = re.findall(r"\((\[[^\]]*\])\)\[datum\.value\]", json.dumps(spec).replace('\\"', '"'))

    assert list(dict.fromkeys(mark.panel for mark in marks)) == [COLUMN[name] for name in CATEGORIES]
    assert [json.loads(names) for names in called] == [list(month.VALUES[name]) for name in CATEGORIES]
    for name in CATEGORIES:
        bar, text = one(marks, "bar", COLUMN[name]), one(marks, "text", COLUMN[name])
        shares = month.OF_ALL[name]
        assert bar.by("y", "x") == text.by("y", "x") == list(enumerate(shares))
        assert bar.titles["x"] == "Share of users"
        assert bar.tips == [
            {
                COLUMN[name]: value,
                "Share": pct(share),
                "Kept": f"{kept:,}",
                "Read": "not shown" if read is None else f"{read:,}",
            }
            for value, share, (read, kept) in zip(month.VALUES[name], shares, month.COUNTS[name], strict=True)
        ]
        assert text.by("text") == [(pct(share),) for share in shares]


@pytest.mark.parametrize("screen", SCREENS)
def test_elbow(screen: str, specs: dict[str, Specs]) -> None:
    """Inertia over the number of segments, the band without structure around it, a ring at the number used."""
    marks = reading.marks(specs[screen]["fig-elbow"])
    band, line, dots = one(marks, "area"), one(marks, "line"), one(marks, "circle")
    inertia = list(enumerate(month.INERTIA, 1))

    assert band.by("x", "y", "y2") == [
        (k, pytest.approx(low, abs=0.5), pytest.approx(high, abs=0.5)) for k, (low, high) in enumerate(month.BAND, 1)
    ]
    assert line.by("x", "y") == dots.by("x", "y") == inertia
    assert (line.titles["x"], line.titles["y"]) == ("Number of segments", "Spread within segments (squared SD)")
    assert dots.tips == [{"Segments": str(k), "Spread": f"{value:,}"} for k, value in inertia]
    assert one(marks, "point").by("x", "y") == [(5, 15_144)]
    assert [text.by("x", "y", "text") for text in of(marks, "text")] == [[(5, 15_144, "5 segments")]] * 2


@pytest.mark.parametrize("knee", [3, None])
def test_the_ring_is_at_the_number_used_not_at_the_bend(knee: int | None) -> None:
    """Also where another number than the bend was chosen, and where the curve has no bend."""
    facts = month.distinct()
    facts = replace(facts, elbow=replace(facts.elbow, knee=knee, chosen=4, decided_by="panel"))
    marks = reading.marks(build_chart_spec(k_selection.plot_elbow(facts).chart))
    inertia = month.INERTIA[3]

    assert one(marks, "point").by("x", "y") == [(4, inertia)]
    assert [text.by("x", "y", "text") for text in of(marks, "text")] == [[(4, inertia, "4 segments")]] * 2


@pytest.mark.parametrize("screen", SCREENS)
def test_silhouette(screen: str, specs: dict[str, Specs]) -> None:
    """A bar for each number of segments, dark the one used; the best and the one used are marked."""
    marks = reading.marks(specs[screen]["fig-silhouette"])
    bar, (value, word) = one(marks, "bar"), of(marks, "text")
    known = list(enumerate(month.SILHOUETTE_OF_K, 2))

    assert bar.by("x", "y", "color") == [(k, said, INK if k == 5 else FAINT) for k, said in known]
    assert (bar.titles["x"], bar.titles["y"]) == ("Number of segments", "Mean silhouette (−1 to 1)")
    assert bar.tips == [{"Segments": str(k), "Mean silhouette": f"{said:.2f}"} for k, said in known]
    assert value.by("x", "text") == [(k, f"{said:.2f}") for k, said in known]
    assert [(k, text) for k, text in word.by("x", "text") if text] == [(3, "best"), (5, "used")]


def index_items() -> Iterator[tuple[int, str, str]]:
    """Give the rows of an index chart: place from the top, name, and of what it is."""
    row = 0
    for _, items in index_groups():
        row += 1
        for called, item in items:
            yield row, called, item
            row += 1


def spoken(id_: str, item: str) -> float | None:
    """Give an index that speaks, from how the month is made."""
    number = month.number_of(id_, item)
    if (id_, item) in month.SILENT:
        return None
    return (13 + number if (IDS.index(id_) + number % 13) % 3 == 0 else 131 + 2 * number) + 0.2


def share_said(id_: str, item: str) -> str:
    """Give what the pointer shows of the part of a segment that has a value."""
    if item in NUMBERS or month.SILENT.get((id_, item)) == "not shown":
        return ""
    return f"{7 * month.number_of(id_, item) % 89 + 5} %"


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("screen", SCREENS)
def test_indices(screen: str, id_: str, specs: dict[str, Specs]) -> None:
    """A bar from 100 to each index that speaks, with its interval; why the others don't; on how many users each rests."""
    marks = reading.marks(specs[screen][f"fig-indices-{id_.lower()}"])
    bar, whisker = one(marks, "bar"), of(marks, "rule")[1]
    low, high, silent, count, name, head = of(marks, "text")
    items = list(index_items())
    said = {row: (index, users) for (row, _, _), (_, index, users) in zip(items, index_rows(id_), strict=True)}
    speaking = {row: value for row, _, item in items if (value := spoken(id_, item)) is not None}

    assert bar.by("y", "x", "x2", "color") == [(row, value, 100, COLOURS[id_]) for row, value in speaking.items()]
    assert bar.titles["x"] == "Index (all users = 100)"
    assert bar.tips == [
        {"Of what": called, "Index": said[row][0], "Users": said[row][1], "Share of the segment": share_said(id_, item)}
        for row, called, item in items
        if row in speaking
    ]
    ends = [(row, pytest.approx(value - 6.3), pytest.approx(value + 7.6)) for row, value in speaking.items()]
    assert whisker.by("y", "x", "x2") == ends
    assert low.by("y", "text") == [(row, said[row][0]) for row, value in speaking.items() if value < 100]
    assert high.by("y", "text") == [(row, said[row][0]) for row, value in speaking.items() if value > 100]
    assert silent.by("y", "text") == [(row, said[row][0]) for row, _, _ in items if row not in speaking]
    assert [(row["y"], row["row"]["users"]) for row in count.rows] == [(row, users) for row, (_, users) in said.items()]
    assert name.by("y", "text") == [(row, called) for row, called, _ in items]
    assert head.by("y", "text") == [(0, "Numbers"), (5, "Top genre"), (10, "Employment"), (14, "Gender")]


@pytest.mark.parametrize("screen", SCREENS)
def test_components(screen: str, specs: dict[str, Specs]) -> None:
    """Squares by how many users and whose most of them are, each segment's middle named, and where each feature grows."""
    marks = reading.marks(specs[screen]["fig-components"])
    panel = "Where each feature grows"
    dot, circle = of(marks, "circle")[0], one(marks, "line", panel)

    assert dot.by("x", "y", "size", "color") == [(x, y, users, COLOURS[i]) for x, y, users, i in month.CELLS]
    assert dot.tips == [{"Mostly": NAMES[i], "Users": str(users)} for _, _, users, i in month.CELLS]
    first, second = dot.titles["x"], dot.titles["y"]
    for title, ends, said in (
        (first, ("less listening", "more listening"), "First component (SD), 44 % of the differences"),
        (second, ("lower income", "higher income"), "Second component (SD), 29 % of the differences"),
    ):
        assert title.endswith(said)
        assert title.startswith(f"← {ends[0]}")
        assert f"{ends[1]}" in title.partition("→")[0].rpartition(ends[0].split(", ")[0])[2]
    middles = of(marks, "point")[0]
    assert middles.by("x", "y") == list(month.SPOTS.values())
    for text in [mark for mark in of(marks, "text") if mark.panel != panel]:
        assert [row["text"] for row in text.rows] == [NAMES[i] for i in month.SPOTS]
        assert [(row["row"]["x"], row["row"]["y"]) for row in text.rows] == list(month.SPOTS.values())
        assert [row["x"] for row in text.rows] == pytest.approx([x for x, _ in month.SPOTS.values()], abs=0.9)
    grows, named = one(marks, "rule", panel), one(marks, "text", panel)
    assert grows.by("x", "y", "x2", "y2") == [(0, 0, x, y) for x, y in month.LOADINGS]
    assert [(row["text"], row["x"]) for row in named.rows] == [
        (LABELS[name], x) for name, (x, _) in zip(FEATURES, month.LOADINGS, strict=True)
    ]
    assert [row["y"] for row in named.rows] == pytest.approx([y for _, y in month.LOADINGS], abs=0.2)
    assert {round(row["x"] ** 2 + row["y"] ** 2, 4) for row in circle.rows} == {1.0}


@pytest.mark.parametrize("id_", CHARTS)
@pytest.mark.parametrize("screen", SCREENS)
def test_no_axis_runs_backwards(screen: str, id_: str, specs: dict[str, Specs]) -> None:
    """More lies to the right and higher up; names stand in the order of their rows. Only people who moved run downwards."""
    for channel in reading.channels(specs[screen][id_], "x", "y"):
        scale = channel.get("scale") or {}
        domain = scale.get("domain", [])
        if channel["type"] == "quantitative" and domain:
            assert domain[0] < domain[1]
        assert not scale.get("reverse") or id_ == "fig-flow"
        assert channel.get("sort") in (None, [row[0] for row in CHARTS[id_].rows])
        if id_.startswith("fig-indices") and domain and channel["type"] == "ordinal":
            assert domain == sorted(domain)


TICKS = {  # at the axes of the drawings, from top to bottom
    "fig-differences": [["−1", "0", "1"] * 4],
    "fig-trend": [["40 %"], ["30 %"], ["20 %"], ["10 %"], ["0 %"]],
    "fig-numbers": [
        ["4k"],
        ["4k"],
        ["2k"],
        ["2k"],
        ["0", "0"],
        ["20", "30", "40", "50", "60", "0", "10k", "20k", "30k", "40k", "50k", "60k", "70k", "80k"],
        ["4k", "4k"],
        ["2k", "2k"],
        ["0", "0"],
        [*map(str, range(0, 90, 10)), *map(str, range(0, 400, 50))],
    ],
    "fig-categories": [["0 %", "20 %", "40 %", "60 %"], ["0 %", "20 %", "40 %"], ["0 %", "20 %", "40 %"]],
    "fig-elbow": [["40,000"], ["30,000"], ["20,000"], ["10,000"], ["0"], [*map(str, range(1, 11))]],
    "fig-silhouette": [["0.5"], ["0.4"], ["0.3"], ["0.2"], ["0.1"], ["0.0"], [*map(str, range(2, 11))]],
    "fig-components": [["1"], ["0"], ["−1"], ["−2"], ["−1", "0", "1"]],
}


@pytest.mark.parametrize("id_", TICKS)
def test_an_axis_has_round_numbers_in_its_unit(id_: str, figures: dict[str, Any]) -> None:
    """As they stand in the drawing; numbers at bars and names aside."""
    known = {tick for line in TICKS[id_] for tick in line}
    lines = [[text for text in line if text in known] for line in drawn(figures[id_][2])[2:]]

    assert [line for line in lines if line] == TICKS[id_]


def test_a_month_that_was_not_made_has_its_place(figures: dict[str, Any], specs: dict[str, Specs]) -> None:
    """January is missing: a line goes on over it, and doesn't say that February followed December."""
    months = ["Oct 2026", "Nov 2026", "Dec 2026", "Jan 2027", "Feb 2027"]

    assert drawn(figures["fig-trend"][2])[-1] == months
    for screen in SCREENS:
        for channel in reading.channels(specs[screen]["fig-trend"], "x"):
            assert list(map(reading.plain, channel["scale"]["domain"])) == months


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("screen", SCREENS)
def test_the_grey_zone_is_from_80_to_120(screen: str, id_: str, specs: dict[str, Specs]) -> None:
    """With the average in its middle, on pages as in mails."""
    carried = specs[screen][f"fig-indices-{id_.lower()}"]
    mailed = build_chart_spec(plot_brief_indices(month.distinct(), month.distinct().get_segment(id_)).chart)

    for spec in (carried, mailed):
        marks = reading.marks(spec)
        assert one(marks, "rect").by("x", "x2") == [(80, 120)]
        assert of(marks, "rule")[0].by("x") == [(100,)]


def test_the_pdf_shows_its_charts_in_order(rendered: Rendered) -> None:  # noqa: F811
    """Sizes and differences, each segment's indices, who moved, shares over time, the elbow, and the map."""
    images = list(reading.tree(rendered.executive("distinct")).iter("img"))
    order = (
        "sizes",
        "differences",
        *(f"indices-{id_.lower()}" for id_ in RANKED),
        *("flow", "trend", "elbow", "components"),
    )

    assert [reading.plain(image.get("alt", "")) for image in images] == [CHARTS[f"fig-{name}"].words for name in order]
    for image, name in zip(images, order, strict=True):
        drawing = reading.drawing_of(image.get("src", ""))
        assert [line[0] for line in drawn(drawing)[:2]] == CHARTS[f"fig-{name}"].title.split(" | ")


def test_a_first_month_compares_with_nothing() -> None:
    """No change stands beside a size, and none is promised; where nothing is reliable they are groups."""
    first = replace(month.distinct(), change=None, trend=None)
    groups = replace(first, structure=replace(first.structure, evidence="none", reliable=False))
    sizes, differences = charts.plot_sizes(first), charts.plot_differences(groups)
    spec = build_chart_spec(sizes.chart)

    assert [row[-1] for row in sizes.rows] == [""] * len(RANKED)
    assert reading.title_of(spec) == "Five segments of 6 to 40 % of users each | Share and number of users"
    assert {text for _, text in of(reading.marks(spec), "text")[1].by("y", "text")} == {""}
    assert reading.title_of(build_chart_spec(differences.chart)).endswith(
        "Means of the groups against the average of all users"
    )


# What stands side by side in a drawing


def size_lines() -> list[list[str]]:
    """Give the lines of the chart of sizes."""
    return [[NAMES[i], f"{pct(month.SHARES[i])} · {month.USERS[i]:,}", grew(i)] for i in RANKED]


def difference_lines() -> list[list[str]]:
    """Give the lines of the chart of differences: panels side by side, below their names."""
    named = [
        [COLUMN[name] for name in FEATURES],
        [f"average {unit(name, month.AVERAGES[NUMBERS.index(name)])}" for name in FEATURES],
    ]
    means = [[NAMES[i], *(unit(name, month.MEANS[i][NUMBERS.index(name)]) for name in FEATURES)] for i in RANKED]
    return [*named, *means]


def index_lines(id_: str) -> list[list[str]]:
    """Give the lines of a segment's index chart, from its title down."""
    lines = [[f"{NAMES[id_]}: {STANDS_OUT[id_][0]}"], [BY_INDEX]]
    rows = iter(index_rows(id_))
    for group, items in index_groups():
        lines.append([group])
        for called, _ in items:
            _, index, users = next(rows)
            lines.append([called, index, *([] if users == "not shown" else [f"n {users}"])])
    return lines


def drawn(drawing: str) -> list[list[str]]:
    """Give a drawing's lines, empty texts left aside."""
    lines = [[text for text in line if text] for line in reading.svg_lines(drawing)]
    return [line for line in lines if line]


def test_in_a_drawing_a_segment_s_numbers_stand_beside_its_name(figures: dict[str, Any]) -> None:
    """In the report, in the order of the page."""
    assert drawn(figures["fig-sizes"][2])[2:] == size_lines()
    assert drawn(figures["fig-differences"][2])[2 : 2 + 7] == difference_lines()
    for id_ in IDS:
        lines = index_lines(id_)
        assert drawn(figures[f"fig-indices-{id_.lower()}"][2])[: len(lines)] == lines


def test_in_the_pdf_a_segment_s_numbers_stand_beside_its_name(rendered: Rendered) -> None:  # noqa: F811
    """On page one, and each segment's indices on its own page."""
    pages = reading.pdf_lines(rendered.whole("distinct") / "executive.pdf")

    assert reading.contains(pages[0], *map(tuple, [*size_lines(), *difference_lines()])) == []
    for number, id_ in enumerate(RANKED, 1):
        assert reading.contains(pages[number], (NAMES[id_],), *map(tuple, index_lines(id_))) == []


@pytest.mark.parametrize("id_", IDS)
def test_a_profile_shows_its_own_segment_s_indices(id_: str, rendered: Rendered) -> None:  # noqa: F811
    """On wide screens and on telephones, where the chart has no title; in words, too."""
    name = NAMES[id_].lower().replace(" ", "-")
    root = reading.tree(rendered.whole("distinct") / "profiles" / f"{name}.html")
    (image,), (source,) = root.iter("img"), root.iter("source")
    lines = index_lines(id_)

    assert reading.plain(image.get("alt", "")) == index_words(id_)
    assert reading.said(next(root.iter("figcaption"))) == CHARTS[f"fig-indices-{id_.lower()}"].caption
    for drawing, wanted in ((image.get("src", ""), lines), (source.get("srcset", ""), lines[2:])):
        svg = reading.drawing_of(drawing)
        assert drawn(svg)[: len(wanted)] == wanted
        assert COLOURS[id_] in svg
        assert not [colour for other, colour in COLOURS.items() if other != id_ and colour in svg]


@pytest.mark.parametrize("id_", IDS)
def test_a_mail_s_picture_shows_its_own_segment_s_indices(id_: str) -> None:
    """All numbers, and the first four values that set it apart, each with its index at the end of its bar."""
    segment = month.distinct().get_segment(id_)
    picture = plot_brief_indices(month.distinct(), segment)
    marks = reading.marks(build_chart_spec(picture.chart))
    items = [(COLUMN[name], name) for name in NUMBERS]
    items += [(item, item) for item in month.OUT[id_] if item not in NUMBERS][:4]
    said, at = [], []
    for _, item in items:
        value, why = spoken(id_, item), month.SILENT.get((id_, item))
        said.append(f"{value:.0f}" if value is not None else str(why))
        at.append(100 if value is None else value)
    rows = [(str(number), called, one) for number, ((called, _), one) in enumerate(zip(items, said, strict=True))]
    number, silent, name = of(marks, "text")

    assert picture.rows == tuple((called, one) for _, called, one in rows)
    assert reading.plain(picture.alt) == index_words(id_)
    assert one(marks, "bar").by("y", "x", "x2", "color") == [
        (str(row), value, 100, COLOURS[id_]) for row, value in enumerate(at)
    ]
    assert sorted([*number.by("y", "text"), *silent.by("y", "text")]) == sorted((row, one) for row, _, one in rows)
    assert [text for _, text in silent.by("y", "text")] == [
        one for _, one in zip(items, said, strict=True) if not one.isdigit()
    ]
    assert name.by("y", "text") == [(row, called) for row, called, _ in rows]

"""Every table, head for head and row for row: in report.html and in the executives' PDF.

The month is one of which every number is another, so that two heads, two rows or two segments that are swapped show.
"""

from dataclasses import replace

import pytest

from report.pages import tables
from tests.support.facts import distinct as month
from tests.support.facts.distinct import COLOURS, DARK, NAMES, RANKED, pct, unit
from tests.support.music import NUMBERS
from tests.support.pages import reading
from tests.support.pages.reading import Table
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture


def values(table: tuple[float, ...]) -> tuple[str, ...]:
    """Write a value of each number."""
    return tuple(unit(name, value) for name, value in zip(NUMBERS, table, strict=True))


def make_table(caption: str, head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], *dots: str) -> Table:
    """Give a table, and beside its rows' heads the colours of these segments, light and dark."""
    return Table(caption, head, rows, tuple((COLOURS[id_], DARK[id_]) for id_ in dots) or ((),) * len(rows))


MOVES = (
    ("Commuters", "still there", "18 %", "17 %", "▼1.3"),
    ("Night owls", "split into night owls and weekend dancers", "35 %", "40 %", "▲5.4"),
    ("Quiet readers", "gone", "3 %", "", ""),
    ("Radio classics", "merged with jazz lovers into radio classics", "27 %", "23 %", "▼3.5"),
    ("Jazz lovers", "merged with radio classics into radio classics", "8 %", "", ""),
    ("Evening families", "new", "", "6 %", "new"),
)
VOTES = (
    ("Elbow of inertia (Kneedle)", "no bend", ""),
    ("Gap statistic", "7", "differs"),
    ("Silhouette", "3", "differs"),
    ("Calinski-Harabasz", "5", "agrees"),
    ("Davies-Bouldin", "9", "differs"),
    ("Stability in resampled data", "6", "differs"),
    ("Valleys between neighbours", "none", "differs"),
    ("The panel: valleys or mixture, and stability", "4", "differs"),
)
PLAYS = tuple((NAMES[id_], month.said_in_play(id_, "offer")) for id_ in RANKED)
TABLES = {
    "tbl-plays": make_table("What to do", ("Segment", "Offer"), PLAYS, *RANKED),
    "tbl-moves": make_table(
        "What became of each segment since December 2026.",
        ("Segment", "What became of it", "Share then", "Share now", "Change, points"),
        MOVES,
        "S2",
        "S3",
        "S4",
        "S5",
        "S6",
        "S8",
    ),
    "tbl-drift": make_table(
        (
            "Whether each column is spread otherwise than in December 2026 (population stability index), and how the users "
            "in both months changed."
        ),
        ("Column", "Index", "By chance at most", "Users in both months", "Verdict"),
        (
            ("Age", "0.0123", "0.0087", "+0.08 SD", "changed"),
            ("Income", "0.0065", "0.0091", "+0.02 SD", "as before"),
            ("Usage", "0.0214", "0.0088", "−0.13 SD", "changed"),
            ("Days active", "0.0031", "0.0083", "+0.06 SD", "as before"),
            ("Gender", "0.0009", "0.0042", "Female −0.4 points", "as before"),
            ("Employment", "0.0157", "0.0074", "0.0 points", "changed"),
            ("Top genre", "0.0048", "0.0095", "Rock +3.4 points", "changed"),
        ),
    ),
    "tbl-audit": make_table(
        "What cleaning read, left out and kept.",
        ("Step", "Column", "Rows"),
        (
            ("Rows read", "", "10,911"),
            ("Spellings that look the same, read as one", "top genre", "27 spellings"),
            ("Spellings that look the same, read as one", "employment", "1 spelling"),
            ("No value", "age", "−57"),
            ("No value", "income", "−83"),
            ("Repeated user", "user", "−129"),
            ("Impossible value", "usage", "−31"),
            ("Impossible value", "age", "−19"),
            ("Users kept", "", "10,592"),
        ),
    ),
    "tbl-votes": make_table(
        "How many segments each measure would choose; 5 are used.", ("Measure", "Segments", "Verdict"), VOTES
    ),
    "tbl-stability": make_table(
        "How far each segment can be relied on, from resampled data.",
        ("Segment", "Stability", "Comes again", "Dissolves", "Set apart", "Silhouette"),
        tuple(
            (
                NAMES[id_],
                f"{grade}, {likeness:.2f}",
                pct(again),
                pct(dissolved),
                "yes" if id_ in month.APART else "no",
                f"{month.SILHOUETTES[id_]:.2f}",
            )
            for id_ in RANKED
            for likeness, again, dissolved, grade in (month.STABILITY[id_],)
        ),
        *RANKED,
    ),
    "tbl-segments": make_table(
        "The segments at a glance: users, share, and medians.",
        ("Segment", "Users", "Share", "Age", "Income", "Usage", "Days active", "Stability"),
        tuple(
            (
                NAMES[id_],
                f"{month.USERS[id_]:,}",
                pct(month.SHARES[id_]),
                *values(month.MEDIANS[id_]),
                f"{month.STABILITY[id_][3]}, {month.STABILITY[id_][0]:.2f}",
            )
            for id_ in RANKED
        ),
        *RANKED,
    ),
}
SECTIONS = {
    "tbl-plays": "found",
    "tbl-moves": "changes",
    "tbl-drift": "changes",
    "tbl-audit": "data",
    "tbl-votes": "choice",
    "tbl-stability": "choice",
    "tbl-segments": "segments",
}


@pytest.fixture(scope="module")
def shown(rendered: Rendered) -> dict[str, Table]:  # noqa: F811
    """Give the report's tables, those behind its charts aside."""
    found = reading.tables(reading.tree(rendered.whole("distinct") / "report.html"))
    return {id_: table for id_, table in found.items() if id_.startswith("tbl-")}


@pytest.fixture(scope="module")
def printed(rendered: Rendered) -> list[reading.Lines]:  # noqa: F811
    """Give the lines of the PDF, by page."""
    return reading.pdf_lines(rendered.whole("distinct") / "executive.pdf")


@pytest.mark.parametrize("id_", TABLES)
def test_no_two_rows_and_no_two_columns_are_alike(id_: str) -> None:
    """So that any two that are swapped show."""
    table = TABLES[id_]
    columns = list(zip(*table.rows, strict=True))

    assert reading.repeated([row[1:] for row in table.rows]) == [], "rows that differ in their heads alone"
    assert reading.repeated(columns) == []


def test_every_table_of_the_report_is_read(shown: dict[str, Table], rendered: Rendered) -> None:  # noqa: F811
    """In the order of the page, each in its section."""
    found = reading.sections(reading.tree(rendered.whole("distinct") / "report.html"))

    assert list(shown) == list(TABLES)
    assert {id_: section for id_, section in found.items() if id_.startswith("tbl-")} == SECTIONS


@pytest.mark.parametrize("id_", TABLES)
def test_a_table_has_each_number_under_its_head_and_in_its_row(id_: str, shown: dict[str, Table]) -> None:
    """And beside its segment's name that segment's colour."""
    table, wanted = shown[id_], TABLES[id_]

    assert table.head == wanted.head
    assert table.rows == wanted.rows
    assert table.caption == wanted.caption
    assert table.colours == wanted.colours


PRINTED = {
    "What to do": (0, (("What to do",), *PLAYS)),
    "moves": (6, (("What became of each segment since December 2026.",), TABLES["tbl-moves"].head, *MOVES)),
    "waterfall": (
        8,
        (
            ("From the rows read to the users kept.",),
            ("Step", "Rows"),
            ("Rows read", "10,911"),
            ("No value", "−140"),
            ("Repeated user", "−129"),
            ("Impossible value", "−50"),
            ("Users kept", "10,592"),
        ),
    ),
    "votes": (8, ((TABLES["tbl-votes"].caption,), TABLES["tbl-votes"].head, *VOTES)),
}


@pytest.mark.parametrize("name", PRINTED)
def test_a_printed_table_has_its_rows_side_by_side(name: str, printed: list[reading.Lines]) -> None:
    """As they lie on the sheet: heads above their columns, a row's cells on one line, from left to right."""
    page, rows = PRINTED[name]

    assert reading.contains(printed[page], *rows) == []


def test_a_printed_table_is_whole(rendered: Rendered) -> None:  # noqa: F811
    """No row more than expected, and the dot beside a name is that segment's colour."""
    found = list(map(reading.table_of, reading.tree(rendered.executive("distinct")).iter("table")))
    (waterfall,), head, *rows = PRINTED["waterfall"][1]

    assert found == [
        TABLES["tbl-plays"],
        TABLES["tbl-moves"],
        Table(waterfall, head, tuple(rows), ((),) * len(rows)),
        TABLES["tbl-votes"],
    ]


def test_figures_and_tables_are_counted_in_order(rendered: Rendered) -> None:  # noqa: F811
    """Each kind by itself, as they stand on the page."""
    page = reading.tree(rendered.whole("distinct") / "report.html")
    kinds = [("Figure" if id_.startswith("fig") else "Table") for id_ in reading.sections(page)]

    assert reading.numbered(page) == [f"{kind} {kinds[: at + 1].count(kind)}" for at, kind in enumerate(kinds)]
    assert {"Figure", "Table"} == set(kinds)


def test_segments_with_one_offer_share_a_row_each_with_its_own_colour() -> None:
    """In the order of their sizes, wherever they stand in the facts."""
    facts = month.distinct()
    play = facts.get_segment("S2").play
    assert play is not None
    segments = tuple(replace(one, play=play) if one.id in ("S3", "S8") else one for one in facts.segments)
    table = tables.tabulate_plays(replace(facts, segments=segments))

    assert table.rows == (
        ("Night owls, Commuters and Evening families", "Offer of the riders."),
        ("Radio classics", "Offer of the classics."),
        ("Weekend dancers", "Offer of the dancers."),
    )
    assert table.row_heads == tuple(
        tuple((NAMES[id_], COLOURS[id_]) for id_ in row) for row in (("S3", "S2", "S8"), ("S5",), ("S7",))
    )


def test_a_panel_that_finds_nothing_and_one_that_agrees_say_so() -> None:
    """1 is "no segments"; only the number used is agreed with."""
    facts = month.distinct()
    none, agrees = (replace(facts, structure=replace(facts.structure, panel=k)) for k in (1, 5))

    assert tables.tabulate_votes(none).rows[-1][1:] == ("none", "differs")
    assert tables.tabulate_votes(agrees).rows[-1][1:] == ("5", "agrees")


def test_groups_are_called_groups() -> None:
    """Where nothing can be relied on, no caption calls them segments."""
    facts = month.distinct()
    groups = replace(facts, structure=replace(facts.structure, evidence="none", reliable=False))

    assert tables.tabulate_stability(groups).caption == "How far each group can be relied on, from resampled data."

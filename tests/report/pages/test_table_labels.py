"""Every table, head for head and row for row: in report.html, behind its charts, and in the executives' PDF.

The month is one of which every number is another, so that two heads, two rows or two segments that are swapped show.
"""

from dataclasses import replace

import pytest

from report.pages import tables
from tests.support.expected.tables import EXPECTED, MOVES, PLAYS, VOTES
from tests.support.facts import distinct as month
from tests.support.facts.distinct import COLOURS, NAMES
from tests.support.pages import reading
from tests.support.pages.reading import Table
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def shown(rendered: Rendered) -> dict[str, Table]:  # noqa: F811
    """Give the report's tables."""
    return reading.tables(reading.tree(rendered.whole("distinct") / "report.html"))


@pytest.fixture(scope="module")
def printed(rendered: Rendered) -> list[reading.Lines]:  # noqa: F811
    """Give the lines of the PDF, by page."""
    return reading.pdf_lines(rendered.whole("distinct") / "executive.pdf")


@pytest.mark.parametrize("id_", EXPECTED)
def test_no_two_rows_and_no_two_columns_are_alike(id_: str) -> None:
    """So that any two that are swapped show."""
    table = EXPECTED[id_]
    columns = list(zip(*table.rows, strict=True))

    assert reading.repeated([row[1:] for row in table.rows]) == [], "rows that differ in their heads alone"
    assert reading.repeated(columns) == []


def test_every_table_of_the_report_is_read(shown: dict[str, Table]) -> None:
    """In the order of the page, segments by size."""
    assert list(shown) == list(EXPECTED)


@pytest.mark.parametrize("id_", EXPECTED)
def test_a_table_has_each_number_under_its_head_and_in_its_row(id_: str, shown: dict[str, Table]) -> None:
    """And beside its segment's name that segment's colour."""
    table, wanted = shown[id_], EXPECTED[id_]

    assert table.head == wanted.head
    assert table.rows == wanted.rows
    assert table.caption == wanted.caption
    assert table.colours == wanted.colours


PRINTED = {
    "What to do": (0, (("What to do",), *PLAYS)),
    "moves": (6, (("What became of each segment since December 2026.",), EXPECTED["tbl-moves"].head, *MOVES)),
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
    "votes": (8, ((EXPECTED["tbl-votes"].caption,), EXPECTED["tbl-votes"].head, *VOTES)),
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
        EXPECTED["tbl-plays"],
        EXPECTED["tbl-moves"],
        Table(waterfall, head, tuple(rows), ((),) * len(rows)),
        EXPECTED["tbl-votes"],
    ]


def test_figures_and_tables_are_counted_in_order(rendered: Rendered) -> None:  # noqa: F811
    """Sentences refer to them: the elbow is figure 7, the stability of segments table 6."""
    found = reading.numbered(reading.tree(rendered.whole("distinct") / "report.html"))
    kinds = [("Figure" if id_.startswith("fig") else "Table") for id_ in EXPECTED]

    assert found == [f"{kind} {kinds[: place + 1].count(kind)}" for place, kind in enumerate(kinds)]
    assert [id_ for id_ in EXPECTED if id_.startswith("fig")].index("fig-elbow") == 6
    assert [id_ for id_ in EXPECTED if id_.startswith("tbl")].index("tbl-stability") == 5


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

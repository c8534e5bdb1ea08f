"""The executives' PDF against the Matterhorn Protocol 1.1: what a program can say about PDF/UA-1, number by number.

`CONDITIONS` is the table: a condition's number, its text in short, how it is looked for, and a small file that fails
it. A check that finds nothing in its own broken file would find nothing anywhere, so every one is held against both.
"""

import io
from collections.abc import Iterator
from functools import cache

import pikepdf
import pytest
from pikepdf import Array, Dictionary

from tests.support.pages.pdf_conditions import CONDITIONS, Condition, File, Small, _kids, small
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

# A file, as the checks see it


# A small file that is as it should be


# The table


def opened(made: Small) -> File:
    """Read a small file back, as a checker would."""
    if "/Encrypt" in made.pdf.trailer:  # which can't be saved: there is no key
        return File(made.pdf)
    buffer = io.BytesIO()
    made.pdf.save(buffer)
    return File(pikepdf.open(buffer))


@cache
def whole() -> File:
    """Give the small file as it should be."""
    return opened(small())


@pytest.fixture(scope="module")
def executive(rendered: Rendered) -> Iterator[File]:  # noqa: F811
    """Give the PDF made from the sample."""
    with pikepdf.open(rendered.pdf("sample")) as pdf:
        yield File(pdf)


def test_the_table_has_each_condition_once() -> None:
    """At least 40 of the protocol's 87 that a program can check."""
    numbers = [condition.number for condition in CONDITIONS]

    assert len(numbers) >= 40
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: f"{c.number} {c.text}")
def test_the_executives_pdf_passes(condition: Condition, executive: File) -> None:
    """Nothing in it fails the condition."""
    assert condition.finds(executive) == []


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.number)
def test_a_broken_file_fails(condition: Condition) -> None:
    """The check can fail: the small file passes, and the same file, broken in this one way, doesn't."""
    assert condition.finds(whole()) == []

    broken = small()
    condition.breaks(broken)

    assert condition.finds(opened(broken)) != []


# What the protocol leaves to people, as far as a program can see it


def test_alternative_texts_say_the_finding_in_one_breath(executive: File) -> None:
    """13-004 asks for some text; ours is at most 250 characters, a sentence, and not the same twice."""
    said = [str(figure.Alt) for figure in executive.of("Figure")]

    assert len(said) >= 8
    assert all(20 <= len(text) <= 250 and text[0].isupper() | text[0].isdigit() for text in said)
    assert len(set(said)) == len(said)


def test_running_heads_are_artifacts_of_pagination(executive: File) -> None:
    """18-001: a screen reader doesn't read the brand and the page's number on every page."""
    for number, page in enumerate(executive.pdf.pages):
        kinds = [
            instruction.operands[1].get("/Type")
            for instruction in pikepdf.parse_content_stream(page)
            if str(instruction.operator) == "BDC" and instruction.operands[0] == "/Artifact"
        ]
        assert kinds.count("/Pagination") >= 1, number


def test_the_parent_tree_leads_every_content_to_the_element_that_holds_it(executive: File) -> None:
    """What a reader is asked about when somebody points at a text on the page."""
    nums = list(executive.tree.ParentTree.Nums)
    by_key = {int(key): value for key, value in zip(nums[::2], nums[1::2], strict=True)}
    pages = {page.obj.objgen: int(page.obj.StructParents) for page in executive.pdf.pages}
    for element in executive.elements:
        for kid in _kids(element):
            if isinstance(kid, int):
                assert by_key[pages[element.Pg.objgen]][int(kid)].objgen == element.objgen


def test_heads_of_tables_are_found_by_their_ids(executive: File) -> None:
    """The root lists every id that a cell names."""
    names = list(executive.tree.IDTree.Names)
    listed_ids = {bytes(name) for name in names[::2]}
    asked = {
        bytes(name) for cell in executive.of("TD") for name in cell.get("/A", Dictionary()).get("/Headers", Array())
    }

    assert asked <= listed_ids
    assert [bytes(name) for name in names[::2]] == sorted(listed_ids)


def test_figures_are_boxed_on_their_page(executive: File) -> None:
    """A reader that magnifies a figure finds it: the box lies on the page, lower left before upper right."""
    figures = list(executive.of("Figure"))
    assert len(figures) > 5
    for figure in figures:
        left, bottom, right, top = (float(edge) for edge in figure.A.BBox)
        _, _, width, height = (float(edge) for edge in figure.Pg.MediaBox)
        assert 0 <= left < right <= width
        assert 0 <= bottom < top <= height

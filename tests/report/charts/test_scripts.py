"""Words of fourteen scripts in charts, as pixels beside the same words in a browser's paragraphs."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest

from report.charts.figure import Figure
from report.charts.indices import plot_indices
from report.charts.render import build_chart_spec, encode_data_url, render_svg
from report.charts.svg import outline_texts
from report.mail.brief import make_brief
from report.mail.chart import IMAGE_MARGIN
from report.mail.layout import CHART_PIXEL_RATIO, render_brief_chart
from report.rendering.pdf import PrintedDocument
from report.text.foreign import isolate_facts
from segmentation.facts import Facts, NotableDifference
from tests.support.facts import factory
from tests.support.mail.briefs import dials
from tests.support.pages.words import (
    MIN_LIKENESS,
    SHAPED,
    WORDS,
    measure_likeness,
    paragraphs_of,
    photograph_words,
    read_picture,
    require_fonts,
    write_words,
)

SCALE = 4  # pixels of a picture to a pixel of the chart
MARGIN = 20  # pixels around a chart on its sheet
ROW_OF_FIRST_WORD = 7  # below the numbers with their heading, that of the genres, and a row without ink


@pytest.fixture(scope="module")
def facts() -> Facts:
    """Give a month whose genres are words of fourteen scripts."""
    return isolate_facts(write_words(factory.month(4)))


@pytest.fixture(scope="module")
def paragraphs(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give each word as a browser's paragraph has it."""
    require_fonts()
    return photograph_words(browser, tmp_path_factory.mktemp("words"), list(WORDS.values()))


@pytest.fixture(scope="module")
def figure(facts: Facts) -> Figure:
    """Give the chart of all indices, more than a page has room for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("report.charts.indices._MAX_ROWS", 99)
        return plot_indices(facts, facts.segments[0])


@pytest.fixture(scope="module")
def drawing(figure: Figure) -> str:
    """Give the same as Vega draws it."""
    return render_svg(build_chart_spec(figure.chart))


def print_page(markup: str, folder: Path) -> Any:
    """Print markup on a sheet, as pages are, and give the sheet's pixels."""
    style = f"@page {{ margin: {MARGIN}px }} body, p {{ margin: 0 }}"
    (folder / "page.html").write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>A sheet</title><style>{style}</style>{markup}</html>',
        encoding="utf-8",
    )
    PrintedDocument(folder / "page.html", paper="A4", identifier=b"x" * 32).write_pdf(folder / "page.pdf")
    document = pypdfium2.PdfDocument(folder / "page.pdf")
    pixels = np.asarray(document[0].render(scale=SCALE * 96 / 72).to_pil().convert("RGB"), dtype=np.float64)
    document.close()
    return pixels


def find_names(drawing: str, figure: Figure, folder: Path) -> dict[str, Any]:
    """Give the picture of each genre's name in the printed chart of indices."""
    sheet = print_page(f'<p><img src="{encode_data_url(drawing)}" alt="A chart"></p>', folder)
    box = re.search(r'viewBox="([-\d.]+) ([-\d.]+) ([\d.]+) ([\d.]+)"', drawing)
    origin = re.search(r'transform="translate\(([-\d.]+),([-\d.]+)\)"', drawing)
    assert box
    assert origin
    left, x, y = float(box[1]), float(origin[1]), float(origin[2])
    rows = len(figure.rows) + len({of.partition(":")[0] for of, *_ in figure.rows})  # each group has a heading
    height = build_chart_spec(figure.chart)["height"] / rows
    found = {}
    for number, word in enumerate(WORDS.values()):
        middle = y + height * (ROW_OF_FIRST_WORD + 2 * number + 0.5)
        down = slice(round((MARGIN + middle - height) * SCALE), round((MARGIN + middle + height) * SCALE))
        found[word] = sheet[down, MARGIN * SCALE : round((MARGIN + x - left - 2) * SCALE)]
    return found


@pytest.fixture(scope="module")
def printed(drawing: str, figure: Figure, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give each name in the printed chart."""
    return find_names(outline_texts(drawing), figure, tmp_path_factory.mktemp("printed"))


@pytest.mark.parametrize("script", WORDS)
def test_a_name_in_a_printed_chart_is_the_word(
    script: str, paragraphs: dict[str, Any], printed: dict[str, Any]
) -> None:
    """Of the chart of indices, as the executives' pages have it."""
    word = WORDS[script]

    assert measure_likeness(printed[word], paragraphs[word]) > MIN_LIKENESS


@pytest.fixture(scope="module")
def set_by_letter(drawing: str, figure: Figure, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give each name as WeasyPrint sets the text of an SVG."""
    return find_names(drawing, figure, tmp_path_factory.mktemp("letters"))


@pytest.mark.parametrize("script", SHAPED)
def test_a_name_that_is_set_letter_by_letter_is_found_out(
    script: str, paragraphs: dict[str, Any], set_by_letter: dict[str, Any]
) -> None:
    """Outlines are there for that."""
    word = WORDS[script]

    assert measure_likeness(set_by_letter[word], paragraphs[word]) < MIN_LIKENESS


@pytest.fixture(scope="module")
def mailed() -> dict[str, Any]:
    """Give each word in the picture of a brief."""
    one, found = write_words(factory.month(4)), {}
    for start in range(0, len(WORDS), 2):
        some = list(WORDS.values())[start : start + 2]
        differences = tuple(NotableDifference("top_genre", word, 130.0) for word in (some[0], "\u00a0", some[-1]))
        segment = replace(one.segments[0], stands_out=differences)
        made = make_brief(replace(one, segments=(segment, *one.segments[1:])), segment, dials().mail)
        picture = read_picture(render_brief_chart(made))
        rows = len(made.picture.rows)
        height = (picture.shape[0] - 2 * IMAGE_MARGIN * CHART_PIXEL_RATIO) / rows
        for word, row in zip(some, (rows - 3, rows - 1), strict=True):
            down = IMAGE_MARGIN * CHART_PIXEL_RATIO + height * row
            found[word] = picture[round(down) : round(down + height), : (IMAGE_MARGIN + 128) * CHART_PIXEL_RATIO]
    return found


@pytest.mark.parametrize("script", WORDS)
def test_a_name_in_the_picture_of_a_brief_is_the_word(
    script: str, paragraphs: dict[str, Any], mailed: dict[str, Any]
) -> None:
    """Nothing of it is a box, and its letters are those of the pages."""
    word = WORDS[script]

    assert measure_likeness(mailed[word], paragraphs[word]) > MIN_LIKENESS


def test_a_word_in_a_printed_paragraph_is_the_word(paragraphs: dict[str, Any], tmp_path: Path) -> None:
    """Brand, offers and contact are set so."""
    words = list(WORDS.values())
    style = re.sub(r"@font-face \{.*?\}", "", paragraphs_of(words).partition("<style>")[2].partition("</style>")[0])
    body = paragraphs_of(words).partition("</style>")[2].removesuffix("</html>")
    sheet = print_page(f"<style>{style}</style>{body}", tmp_path)
    apart = {}
    for number, word in enumerate(words):
        top = (MARGIN + 60 * number) * SCALE
        apart[word] = measure_likeness(sheet[top : top + 60 * SCALE], paragraphs[word])

    assert {word: likeness for word, likeness in apart.items() if likeness <= MIN_LIKENESS} == {}

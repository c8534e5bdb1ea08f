"""What is drawn in the PDF is what Vega drew: every chart against vl-convert's own PNG, pixel by pixel.

WeasyPrint and vl-convert smooth edges and letters differently, so a pixel differs only where its colour is found
nowhere within two pixels of it in the other picture. The trap that was measured: in a `<text>` with opacity WeasyPrint
70 drops letters that a search for text still finds, so each letter is also looked for as ink.
"""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pypdfium2
import pytest
import vl_convert
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from report.charts.render import add_narrow_variant, serialise_spec
from report.charts.svg import minify_svg
from report.rendering.pdf import PrintedDocument
from report.style.fonts import find_font_folders
from segmentation.facts import Facts
from tests.support.pages.figures import figures, labels, pictures, spec_of
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

Pixels = np.ndarray[Any, np.dtype[np.int16]]
MOST = 0.003  # of all pixels may differ
SCALE = 2  # pixels of a picture to a pixel of the chart


def by_vega(spec: dict[str, Any]) -> Pixels:
    """Draw a chart by vl-convert alone."""
    for folder in find_font_folders():
        vl_convert.register_font_directory(str(folder))
    png = vl_convert.vegalite_to_png(spec | {"background": "white"}, scale=SCALE)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.int16)


def on_paper(document: pypdfium2.PdfDocument, page: int, box: list[float], size: tuple[int, int]) -> Pixels:
    """Cut a figure out of its page, in as many pixels as the other picture has."""
    left, bottom, right, top = box
    high, wide = size
    sheet = document[page]
    scale = wide / (right - left)
    crop = (left, bottom, sheet.get_width() - right, sheet.get_height() - top)
    drawn = sheet.render(scale=scale, crop=crop).to_pil().convert("RGB")
    return np.asarray(drawn.resize((wide, high)), dtype=np.int16)


def differ(one: Pixels, other: Pixels, *, reach: int = 2, level: int = 70) -> float:
    """Give the part of all pixels that differ: whose colour isn't near them in the other picture."""
    window = (2 * reach + 1, 2 * reach + 1, 1)

    def strange(a: Pixels, b: Pixels) -> Any:
        return ((a < minimum_filter(b, window) - level) | (a > maximum_filter(b, window) + level)).any(axis=2)

    return float((strange(one, other) | strange(other, one)).mean())


def blank_letters(page: pypdfium2.PdfPage) -> str:
    """Give the letters of a page that a search finds and nobody sees: no ink where they stand."""
    scale = 2
    drawn = np.asarray(page.render(scale=scale).to_pil().convert("RGB"), dtype=np.int16)
    text, height, blank = page.get_textpage(), page.get_height(), ""
    for number in range(text.count_chars()):
        letter = text.get_text_range(number, 1)
        if not letter.strip() or not letter.isprintable() or letter in "\ufffe\ufffd":
            continue
        left, bottom, right, top = text.get_charbox(number)
        rows = slice(int((height - top) * scale), int((height - bottom) * scale) + 2)
        there = drawn[rows, int(left * scale) : int(right * scale) + 2]
        if there.size and int(there.max(axis=(0, 1)).sum() - there.min(axis=(0, 1)).sum()) < 60:
            blank += letter
    return blank


def glued(text: str) -> str:
    """Drop all spaces: where a program sees one between two letters is its own affair."""
    return re.sub(r"\s+", "", text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))


@pytest.fixture(scope="module")
def printed(rendered: Rendered) -> Iterator[tuple[Path, pypdfium2.PdfDocument, Facts]]:  # noqa: F811
    """Give the sample's PDF, opened, and its facts."""
    path = rendered.pdf("sample")
    document = pypdfium2.PdfDocument(path)
    yield path, document, rendered.month("sample")
    document.close()


Printed = tuple[Path, pypdfium2.PdfDocument, Facts]


def test_each_chart_in_the_pdf_is_the_chart_that_vega_draws(printed: Printed) -> None:
    """Each figure's words are a chart's, and at most 0.3 % of its pixels differ from that chart's."""
    path, document, facts = printed
    known = {picture.alt: (name, picture) for name, picture in pictures(facts).items()}
    found, apart = figures(path), {}
    for alt_text, (page, box) in found.items():
        name, picture = known[alt_text]
        drawn = by_vega(spec_of(picture.chart()))
        apart[name] = differ(on_paper(document, page, box, drawn.shape[:2]), drawn)

    assert len(apart) == len(found) >= 8
    assert {name: part for name, part in apart.items() if part > MOST} == {}


@pytest.mark.parametrize("name", ["sizes", "differences", "indices-s1", "trend", "elbow", "components"])
def test_a_chart_on_the_screen_is_the_same_chart(name: str, printed: Printed) -> None:
    """What the page carries of a specification is thinner and draws the same."""
    spec = spec_of(pictures(printed[2])[name].chart())
    carried = json.loads(serialise_spec(spec))

    assert len(json.dumps(carried)) < len(json.dumps(spec))
    assert differ(by_vega(carried | {"config": spec["config"]}), by_vega(spec)) == 0


@pytest.mark.parametrize("name", ["sizes", "differences", "indices-s1", "flow", "trend", "elbow", "components"])
def test_a_page_carries_of_a_telephone_s_chart_what_is_other(name: str, printed: Printed) -> None:
    """Put into the wide one's place, as page.js does, it is the narrow one's specification."""
    picture = pictures(printed[2])[name]
    narrow = spec_of(picture.narrow())
    carried = json.loads(add_narrow_variant(serialise_spec(spec_of(picture.chart())), narrow))

    def at(path: list[Any]) -> Any:
        value = carried
        for key in path[:-1]:
            value = value[key]
        return value

    for path, *then in carried.pop("usermeta")["narrow"]:
        if not then:
            del at(path)[path[-1]]
        elif len(then) == 1:
            at(path)[path[-1]] = then[0]
        else:
            at(path)[path[-1]] = at(then[1]).pop(then[1][-1])
    assert carried == json.loads(serialise_spec(narrow))


def test_no_text_is_faded(rendered: Rendered) -> None:  # noqa: F811
    """`opacity` in a <text>, or around one, is what WeasyPrint loses letters by."""
    drawings = sorted((rendered.executive("sample").parent / "figures").glob("*.svg"))

    assert len(drawings) >= 8
    for drawing in drawings:
        svg = drawing.read_text(encoding="utf-8")
        assert re.findall(r"<(?:text|g)\b[^>]*\bopacity=\"[^\"]*\"", svg) == [], drawing.name


def missing_labels(drawing: str, shown: str) -> list[str]:
    """List the texts of a drawing that a page's text doesn't have."""
    there = glued(shown.replace("\ufffe", "-"))
    return [label for label in labels(drawing) if glued(label) not in there]


def test_every_label_is_found_by_text_and_as_ink(printed: Printed) -> None:
    """Each text of each chart stands on the page of its figure; and no letter of the PDF is blank."""
    path, document, facts = printed
    known = {picture.alt: picture for picture in pictures(facts).values()}
    for alt_text, (page, _) in figures(path).items():
        drawing = vl_convert.vegalite_to_svg(spec_of(known[alt_text].chart()))
        assert len(labels(drawing)) >= 10
        assert missing_labels(drawing, document[page].get_textpage().get_text_bounded()) == []
    assert [blank_letters(page) for page in document] == [""] * len(document)


@pytest.mark.parametrize("name", ["ten", "long names"])
def test_no_letter_is_blank_in_other_months(name: str, rendered: Rendered) -> None:  # noqa: F811
    """Names that are cut are cut in the text too."""
    document = pypdfium2.PdfDocument(rendered.pdf(name))
    blank = [blank_letters(page) for page in document]
    document.close()

    assert blank == [""] * len(blank)


def printed_chart(chart: alt.TopLevelMixin, folder: Path, *, change_svg: Callable[[str], str] = str) -> Any:
    """Print one chart as the pages' charts are, and give it as Vega draws it and as it came out, with its page."""
    spec = spec_of(chart)
    drawing = minify_svg(vl_convert.vegalite_to_svg(spec))
    source = f"data:image/svg+xml;base64,{base64.b64encode(change_svg(drawing).encode()).decode()}"
    (folder / "page.html").write_text(
        f"<!doctype html><html lang='en'><title>T</title><body><img src='{source}' alt='A chart'>", encoding="utf-8"
    )
    PrintedDocument(folder / "page.html", paper="A4", identifier=b"0" * 32).write_pdf(folder / "page.pdf")
    document = pypdfium2.PdfDocument(folder / "page.pdf")
    ((page, box),) = figures(folder / "page.pdf").values()
    drawn = by_vega(spec)
    return drawn, on_paper(document, page, box, drawn.shape[:2]), document[0]


def bars(**text: Any) -> alt.LayerChart:
    """Give a small chart with numbers at its bars."""
    rows = [{"k": k, "v": v, "said": f"{v:.2f}"} for k, v in zip("abcd", (1.54, 0.87, 1.21, 0.4), strict=True)]
    base = alt.Chart(alt.InlineData(values=rows)).encode(alt.X("k:N"), alt.Y("v:Q"))
    said = base.mark_text(dy=-8, fontSize=16, fontWeight=600, **text).encode(alt.Text("said:N"))
    return alt.layer(base.mark_bar(), said).properties(width=140, height=110)


def test_a_sound_chart_passes(tmp_path: Path) -> None:
    """The small chart of the next tests, as it should be."""
    drawn, came_out, page = printed_chart(bars(), tmp_path)

    assert differ(came_out, drawn) <= MOST
    assert blank_letters(page) == ""


def test_a_faded_number_is_found_out(tmp_path: Path) -> None:
    """What WeasyPrint 70 does to text with opacity: "1.54" comes out as "54" and a search still finds it all."""
    drawn, came_out, page = printed_chart(bars(opacity=0.7), tmp_path)

    assert "1.54" in page.get_textpage().get_text_bounded()
    assert differ(came_out, drawn) > MOST
    assert blank_letters(page) != ""


def test_a_number_that_was_changed_is_found_out(tmp_path: Path) -> None:
    """Two digits are less than 0.3 % of a chart; what its text says tells."""
    _, _, page = printed_chart(bars(), tmp_path, change_svg=lambda svg: svg.replace(">1.54<", ">7.86<"))
    drawing = vl_convert.vegalite_to_svg(spec_of(bars()))

    assert missing_labels(drawing, page.get_textpage().get_text_bounded()) == ["1.54"]


def test_a_bar_that_was_moved_is_found_out() -> None:
    """Two pixels are what smoothing explains, twenty are not."""
    paper = np.full((200, 200, 3), 255, dtype=np.int16)
    one, near, far = paper.copy(), paper.copy(), paper.copy()
    one[50:60, 20:120], near[50:60, 20:122], far[50:60, 20:140] = 0, 0, 0

    assert differ(one, near) == 0
    assert differ(one, far) > MOST

"""Charts of a month, and where they stand in a PDF."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import pikepdf

from report.charts.figure import Figure
from report.style import theme
from segmentation.facts import Facts
from tests.support.pages import documents


def pictures(facts: Facts) -> dict[str, Figure]:
    """Give every chart of a month by the name of its file: "sizes", "indices-s1"."""
    return {name.partition(".plot_")[2].lower().replace("_", "-"): made for name, made in documents.pictures(facts)}


def spec_of(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Give a chart's specification with the look of all charts."""
    return chart.to_dict(validate=False) | {"config": theme.build_vega_config()}


def figures(pdf: Path) -> dict[str, tuple[int, list[float]]]:
    """Give page and box of each figure of a PDF, by its alternative text."""
    with pikepdf.open(pdf) as opened:
        pages = {page.obj.objgen: number for number, page in enumerate(opened.pages)}
        return {
            str(thing.Alt): (pages[thing.Pg.objgen], [float(edge) for edge in thing.A.BBox])
            for thing in opened.objects
            if isinstance(thing, pikepdf.Dictionary) and thing.get("/S") == "/Figure"
        }


def labels(drawing: str) -> list[str]:
    """Give the texts of a chart's SVG, each line by itself."""
    texts = re.findall(r"<text\b.*?</text>", drawing, flags=re.DOTALL)
    return [line for text in texts for line in re.findall(r">([^<>]+)<", text)]


def around(boxes: list[list[float]], width: float, height: float) -> Iterator[tuple[float, float, float, float]]:
    """Give what a page has beside these boxes, as rectangles: left, bottom, right, top."""
    edges = sorted({0.0, height, *(edge for _, bottom, _, top in boxes for edge in (bottom, top))})
    for low, high in pairwise(edges):
        at = 0.0
        for left, bottom, right, top in sorted(boxes):
            if bottom < high and top > low:
                if left > at:
                    yield at, low, left, high
                at = max(at, right)
        if at < width:
            yield at, low, width, high

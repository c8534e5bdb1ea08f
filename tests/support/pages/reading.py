"""Reads pages, charts and PDFs as a person does: each value with the labels that it stands under.

`tables` gives heads and rows, `marks` what a chart's specification draws and says where the pointer rests, `svg_lines`
and `pdf_lines` what stands side by side.
"""

import base64
import contextlib
import json
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pypdfium2
import tinyhtml5

Lines = list[list[str]]
_FILTER = re.compile(r"\(?(!?)datum\.(\w+)(?: (===|>=|<) ([\d.]+))?\)?")
_COMPARE = {"===": operator.eq, ">=": operator.ge, "<": operator.lt}
_NEAR_SVG, _NEAR_PDF = 5.0, 3.0  # pixels and points: what lies nearer stands on one line


def plain(text: str) -> str:
    """Write a text on one line, every space as a plain one, every apostrophe as typed."""
    return " ".join(text.split()).replace("’", "'")


def glued(*texts: str) -> str:
    """Drop all spaces: where a PDF has one between two letters is its own affair."""
    return "".join("".join(texts).split()).replace("’", "'").replace("\ufffe", "-")


# Pages


@cache
def tree(page: Path) -> ET.Element:
    """Give a page's elements, without its styles and the programs in it."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"<style.*?</style>|<script(?! type=\"application/json\").*?</script>", "", text, flags=re.DOTALL)
    root: ET.Element = tinyhtml5.parse(text, namespace_html_elements=False)
    return root


def said(element: ET.Element | None) -> str:
    """Give what an element says, scripts aside."""
    assert element is not None

    def texts(one: ET.Element) -> Iterator[str]:
        if isinstance(one.tag, str) and one.tag not in ("script", "style", "head"):
            yield one.text or ""
            for child in one:
                yield from texts(child)
                yield child.tail or ""
            yield " " if one.tag not in ("span", "strong", "a", "em", "code") else ""

    return plain("".join(texts(element)))


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    """Give the elements of a class, in order."""
    return [one for one in root.iter() if isinstance(one.tag, str) and name in one.get("class", "").split()]


def pairs(root: ET.Element) -> dict[str, str]:
    """Give a list of terms: what is said of each."""
    terms = [one for one in root.iter() if one.tag in ("dt", "dd")]
    assert [one.tag for one in terms] == ["dt", "dd"] * (len(terms) // 2)
    return {said(term): said(what) for term, what in zip(terms[::2], terms[1::2], strict=True)}


@dataclass(frozen=True)
class Table:
    """One table as it is read: the captions of those with a number are without it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    colours: tuple[tuple[str, ...], ...] = ()


def table_of(element: ET.Element, caption: str = "") -> Table:
    """Read a table."""
    rows = [tuple(said(cell) for cell in row.iter() if cell.tag in ("th", "td")) for row in element.iter("tr")]
    dots = [
        tuple(re.findall(r"--(?:dot|dark):(#\w+)", " ".join(one.get("style", "") for one in of_class(row, "dot"))))
        for row in element.iter("tr")
    ]
    own = element.find("caption")
    return Table(caption if own is None else said(own), rows[0], tuple(rows[1:]), tuple(dots[1:]))


def tables(root: ET.Element) -> dict[str, Table]:
    """Give a page's tables by the id of their figure, "tbl-moves", or of the chart that they stand behind."""
    found: dict[str, Table] = {}
    last, captions = "", {one.get("id"): said(one) for one in root.iter("figcaption")}
    for one in root.iter():
        if isinstance(one.tag, str) and re.match(r"(fig|tbl)-(?!.*-caption)", one.get("id", "")):
            last = one.get("id", "")
        if one.tag == "table":
            assert last not in found, f"two tables at {last}"
            caption = captions.get(f"{last}-caption", "")
            found[last] = table_of(one, re.sub(r"^(Figure|Table) \d+: ", "", caption))
    return found


def sections(root: ET.Element) -> dict[str, str]:
    """Give the innermost section that each of a page's figures and tables stands in, in order."""
    ids = [(section.get("id", ""), one.get("id", "")) for section in root.iter("section") for one in section.iter()]
    return {one: section for section, one in ids if re.fullmatch(r"(fig|tbl)-(?!.*-caption).*", one)}


def numbered(root: ET.Element) -> list[str]:
    """Give how a page's figures and tables are called, "Figure 1", in order."""
    return [said(one).partition(":")[0] for one in root.iter("figcaption")]


def figures(root: ET.Element) -> dict[str, tuple[str, str, str]]:
    """Give a page's charts by their id: caption, words for those who don't see it, and drawing."""
    found = {}
    for one in root.iter():
        if isinstance(one.tag, str) and re.fullmatch(r"fig-(?!.*-caption).*", one.get("id", "")):
            image = next(one.iter("img"))
            caption = re.sub(r"^Figure \d+: ", "", said(next(one.iter("figcaption"))))
            found[one.get("id", "")] = caption, plain(image.get("alt", "")), drawing_of(image.get("src", ""))
    return found


def drawing_of(address: str) -> str:
    """Give the drawing that an address holds."""
    return base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode()


# Charts


@dataclass(frozen=True)
class Mark:
    """One layer of a chart: what it is drawn from, row for row.

    `rows` has by channel what a row says there, a colour as it is seen; `tips` what the pointer shows, by its label.
    """

    panel: str
    kind: str
    titles: dict[str, str]
    rows: list[dict[str, Any]]
    tips: list[dict[str, str]] = field(default_factory=list)

    def by(self, *channels: str) -> list[tuple[Any, ...]]:
        """Give these channels of each row."""
        return [tuple(row.get(channel) for channel in channels) for row in self.rows]


def specs(root: ET.Element) -> dict[str, dict[str, Any]]:
    """Give the specifications that a page carries, by the id of their figure."""
    carried = of_class(root, "chart")
    return {one.get("data-figure", ""): json.loads(one.text or "") for one in carried if one.tag == "script"}


def narrowed(spec: dict[str, Any]) -> dict[str, Any]:
    """Give a specification as page.js makes it on a telephone."""
    carried: dict[str, Any] = json.loads(json.dumps(spec))

    def at(path: list[Any]) -> Any:
        value: Any = carried
        for key in path[:-1]:
            value = value[key]
        return value

    for path, *then in carried.pop("usermeta")["narrow"]:
        if not then:
            del at(path)[path[-1]]
        else:
            at(path)[path[-1]] = at(then[1]).pop(then[1][-1]) if len(then) == 2 else then[0]
    return carried


def channels(view: dict[str, Any], *names: str) -> Iterator[dict[str, Any]]:
    """Give what a specification says of these channels, wherever a field is drawn by them."""
    for key in ("layer", "hconcat", "vconcat"):
        for inner in view.get(key, ()):
            yield from channels(inner, *names)
    encoding = view.get("encoding", {})
    yield from (encoding[name] for name in names if "field" in encoding.get(name, {}))


def title_of(view: dict[str, Any]) -> str:
    """Give a chart's title with what stands below it."""
    title = view.get("title", {})
    below = title.get("subtitle", [])
    return plain(" | ".join([title.get("text", ""), *([below] if isinstance(below, str) else below)])).strip(" |")


def marks(spec: dict[str, Any]) -> list[Mark]:
    """Give all that a specification draws, in order."""
    return list(_marks(spec, spec.get("datasets", {}), [], ""))


def _marks(view: dict[str, Any], sets: dict[str, Any], rows: list[Any], panel: str) -> Iterator[Mark]:
    data = view.get("data", {})
    rows = data.get("values", sets.get(data.get("name"), rows))
    inner = next((view[key] for key in ("layer", "hconcat", "vconcat") if key in view), None)
    if inner is not None:
        for one in inner:
            yield from _marks(one, sets, rows, title_of(view) if "layer" in view else panel)
        return
    for step in view.get("transform", ()):
        if "filter" in step:
            rows = [row for row in rows if _holds(step["filter"], row)]
    encoding, mark = view.get("encoding", {}), view["mark"]
    titles = {
        channel: plain(" / ".join(title) if isinstance(title := one.get("title"), list) else title or "")
        for channel, one in encoding.items()
        if isinstance(one, dict)
    }
    known = {"color": mark.get("color")}
    seen = [
        known | {channel: _seen(one, row) for channel, one in encoding.items() if isinstance(one, dict)} | {"row": row}
        for row in rows
    ]
    tips = [
        {plain(tip["title"]): plain(str(row.get(tip["field"], ""))) for tip in encoding.get("tooltip", ())}
        for row in rows
    ]
    yield Mark(panel, mark["type"], titles, seen, tips if encoding.get("tooltip") else [])


def _seen(channel: dict[str, Any], row: dict[str, Any]) -> Any:
    """Give what a row says in a channel."""
    if "condition" in channel and _holds(channel["condition"]["test"], row):
        return channel["condition"]["value"]
    if "field" not in channel:
        return channel.get("value", channel.get("datum"))
    value, scale = row.get(channel["field"]), channel.get("scale") or {}
    if channel.get("type") == "nominal" and value in scale.get("domain", ()):
        return scale["range"][scale["domain"].index(value)]
    return plain(value) if isinstance(value, str) else value


def _holds(test: str, row: dict[str, Any]) -> bool:
    """Tell whether an expression of Vega's holds of a row."""
    found = _FILTER.fullmatch(test)
    assert found, test
    no, name, how, number = found.groups()
    value = _COMPARE[how](row[name], float(number)) if how else bool(row[name])
    return value != bool(no)


def svg_texts(drawing: str) -> list[tuple[float, float, str]]:
    """Give a drawing's texts that aren't turned, each with where it stands."""
    found: list[tuple[float, float, str]] = []

    def visit(one: ET.Element, x: float, y: float) -> None:
        turned = one.get("transform", "")
        for right, down in re.findall(r"translate\(([-\d.]+),([-\d.]+)\)", turned):
            x, y = x + float(right), y + float(down)
        if one.tag.endswith("}text") and "rotate" not in turned:
            lines = [child.text or "" for child in one] or [one.text or ""]
            found.extend((x, y + 12 * number, plain(line)) for number, line in enumerate(lines))
        for child in one:
            visit(child, x, y)

    visit(ET.fromstring(drawing), 0.0, 0.0)
    return list(dict.fromkeys(found))  # a text with a halo stands there twice


def svg_lines(drawing: str) -> Lines:
    """Give what stands side by side in a drawing, from top to bottom."""
    return _lines([(x, y, text) for x, y, text in svg_texts(drawing)], _NEAR_SVG)


def _lines(texts: list[tuple[float, float, str]], near: float) -> Lines:
    found: list[list[tuple[float, float, str]]] = []
    for one in sorted(texts, key=lambda text: text[1]):
        if found and one[1] - found[-1][-1][1] < near:
            found[-1].append(one)
        else:
            found.append([one])
    return [[text for _, _, text in sorted(line)] for line in found]


# PDFs


@cache
def pdf_lines(path: Path) -> list[Lines]:
    """Give by page what stands side by side in a PDF, from top to bottom."""
    pages = []
    with contextlib.closing(pypdfium2.PdfDocument(path)) as document:
        for page in document:
            text, found = page.get_textpage(), []
            for number in range(text.count_rects()):
                box = text.get_rect(number)
                found.append((box[0], page.get_height() - box[1], plain(text.get_text_bounded(*box))))
            pages.append(_lines(found, _NEAR_PDF))
    return pages


def line_texts(lines: Lines) -> list[str]:
    """Give lines as texts without spaces."""
    return [glued(*line) for line in lines]


def contains(lines: Lines, *rows: tuple[str, ...]) -> list[str]:
    """Give those of some rows that don't stand in these lines, one below the other, each in its order."""
    there, at, missing = line_texts(lines), 0, []
    for row in rows:
        place = next((number for number in range(at, len(there)) if there[number] == glued(*row)), None)
        if place is None:
            missing.append(" | ".join(row))
        else:
            at = place + 1
    return missing


def repeated(values: list[Any]) -> list[Any]:
    """Give what stands in a list twice."""
    return [value for value, group in groupby(sorted(values, key=str)) if len(list(group)) > 1]

"""SVG made smaller, and words in it made outlines."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from report.style.shaping import needs_shaping, shape_text

_SVG_NAMESPACE, _XLINK_NAMESPACE = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_INVISIBLE_ATTRIBUTES = {"class", "role", "pointer-events", "aria-hidden", "aria-label", "aria-roledescription"}
_COORDINATE_ATTRIBUTES = ("d", "transform", "x", "y", "x1", "x2", "y1", "y2", "r", "width", "height", "points")
_LONG_DECIMAL = re.compile(r"\d+\.\d{3,}")
_PAINT_ATTRIBUTES = {"fill", "stroke"}
_INHERITED_ATTRIBUTES = {
    *_PAINT_ATTRIBUTES,
    "fill-opacity",
    "font-family",
    "font-size",
    "font-weight",
    "stroke-linejoin",
    "stroke-width",
    "text-anchor",
}
_TEXT_ATTRIBUTES = {"font-family", "font-size", "font-weight", "font-style", "text-anchor", "x", "y", "dx", "dy"}
_TEXT_CONTENT = re.compile(r">([^<>]+)<")
_TRANSFORM = re.compile(r"(translate|rotate|scale)\(([^)]*)\)")
_MIN_GROUP_SIZE = 3  # children of a group, below which moving attributes saves nothing


def minify_svg(drawing: str) -> str:
    """Remove what is invisible from a chart's SVG.

    Coordinates are rounded to a hundredth of a pixel. An `opacity` of 1 goes, too: any opacity that is left would damage
    text in print, and a test can find it.
    """
    ET.register_namespace("", _SVG_NAMESPACE)
    ET.register_namespace("xlink", _XLINK_NAMESPACE)
    root = ET.fromstring(drawing)  # noqa: S314 - drawn by Vega a moment ago
    _minify_element(root)
    _renumber_ids(root)
    fonts = {font for element in root.iter() if (font := element.get("font-family"))}
    if len(fonts) == 1:  # then the root gets it
        for element in root.iter():
            element.attrib.pop("font-family", None)
        root.set("font-family", f"{fonts.pop()}, sans-serif")  # an SVG as an image can't use the page's fonts
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def _renumber_ids(root: ET.Element) -> None:
    """Renumber the ids from 1."""
    # Vega counts on from chart to chart, so that a drawing would depend on earlier ones
    ids = [name for element in root.iter() if (name := element.get("id"))]
    new = {name: f"part{number}" for number, name in enumerate(ids, 1)}
    urls = {f"url(#{name})": f"url(#{number})" for name, number in new.items()}
    for element in root.iter():
        for key, value in element.attrib.items():
            element.set(key, new[value] if key == "id" else urls.get(value, value))


def _hoist_attributes(group: ET.Element) -> None:
    """Move attributes that all children share to their group."""
    if len(group) < _MIN_GROUP_SIZE:
        return
    for name in sorted(_INHERITED_ATTRIBUTES & group[0].attrib.keys()):
        values = {child.get(name) for child in group}
        if len(values) == 1:
            group.set(name, values.pop() or "")
            for child in group:
                del child.attrib[name]


def _strip_attributes(element: ET.Element) -> None:
    """Remove invisible attributes and digits."""
    for name in _INVISIBLE_ATTRIBUTES & element.attrib.keys():
        del element.attrib[name]
    if "stroke" not in element.attrib:  # without a stroke its width does nothing
        element.attrib.pop("stroke-width", None)
    if element.get("opacity") == "1":
        del element.attrib["opacity"]
    for name in _COORDINATE_ATTRIBUTES:
        if name in element.attrib:
            element.attrib[name] = _LONG_DECIMAL.sub(lambda number: f"{float(number[0]):.2f}", element.attrib[name])


def _minify_element(element: ET.Element) -> None:
    """Minify an element's children, and drop empty ones."""
    _strip_attributes(element)
    kept: list[ET.Element] = []
    for child in element:
        _minify_element(child)
        kind = child.tag.rpartition("}")[2]
        unpainted = kind == "path" and (not child.get("d") or not _PAINT_ATTRIBUTES & child.attrib.keys())
        if unpainted and element.tag.rpartition("}")[2] != "clipPath":
            continue
        if kind != "g":
            kept.append(child)
            continue
        _hoist_attributes(child)
        if len(child):  # a group without attributes is replaced by its children
            kept.extend([child] if child.attrib else child)
    element[:] = kept


# --- words as outlines


@dataclass(frozen=True, slots=True)
class _TextStyle:
    """What a text inherits, and where its group stands."""

    size: float = 12.0
    weight: int = 400
    anchor: str = "start"
    fill: str = ""
    matrix: tuple[float, float, float, float, float, float] = (1, 0, 0, 1, 0, 0)


def outline_texts(drawing: str, chooses: Callable[[str], bool] = needs_shaping) -> str:
    """Return an SVG with some texts as outlines.

    `chooses` tells which: by default those whose letters depend on each other. A drawing without any stays as it is, byte
    for byte. One that gets wider is given the width that it needs.
    """
    if not any(chooses(text) for text in _TEXT_CONTENT.findall(drawing)):
        return drawing
    ET.register_namespace("", _SVG_NAMESPACE)
    ET.register_namespace("xlink", _XLINK_NAMESPACE)
    root = ET.fromstring(drawing)  # noqa: S314 - drawn by Vega a moment ago
    edges: list[float] = []
    _outline_children(root, _TextStyle(), chooses, edges)
    _widen_drawing(root, edges)
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def _outline_children(
    parent: ET.Element, style: _TextStyle, chooses: Callable[[str], bool], edges: list[float]
) -> None:
    """Outline chosen texts below an element; collect their edges."""
    style = _inherit_style(style, parent)
    for place, child in enumerate(parent):
        if child.tag != f"{{{_SVG_NAMESPACE}}}text":
            _outline_children(child, style, chooses, edges)
        elif any(chooses(text) for text in child.itertext()):
            parent[place] = _outline_text(child, _inherit_style(style, child), edges)


def _inherit_style(style: _TextStyle, element: ET.Element) -> _TextStyle:
    """Return the style within an element."""
    weight = {"normal": "400", "bold": "700"}.get(found := element.get("font-weight", ""), found)
    return _TextStyle(
        float(element.get("font-size", f"{style.size}").removesuffix("px")),
        int(weight) if weight.isdigit() else style.weight,
        element.get("text-anchor", style.anchor),
        element.get("fill", style.fill),
        _multiply(style.matrix, _read_transform(element.get("transform", ""))),
    )


def _outline_text(text: ET.Element, style: _TextStyle, edges: list[float]) -> ET.Element:
    """Return a text's lines as one group of outlines."""
    group = ET.Element(f"{{{_SVG_NAMESPACE}}}g", {k: v for k, v in text.attrib.items() if k not in _TEXT_ATTRIBUTES})
    down = float(text.get("y", "0"))
    for line in [text, *text]:  # a text of several lines has a <tspan> for each
        down += float(line.get("dy", "0"))
        if not line.text:
            continue
        shaped = shape_text(line.text, style.size, style.weight)
        start = float(line.get("x", "0")) - {"middle": 0.5, "end": 1.0}.get(style.anchor, 0.0) * shaped.width
        moved = {"transform": f"translate({start:.2f},{down:.2f})"}
        drawn = ET.SubElement(group, f"{{{_SVG_NAMESPACE}}}g", moved if start or down else {})
        ET.SubElement(drawn, f"{{{_SVG_NAMESPACE}}}path", {"d": shaped.outline})
        for one in shaped.pictures if style.fill not in ("none", "transparent") else ():
            size = {"x": one.x, "y": one.y, "width": one.width, "height": one.height}
            ET.SubElement(
                drawn,
                f"{{{_SVG_NAMESPACE}}}image",
                {name: f"{value:.2f}" for name, value in size.items()} | {f"{{{_XLINK_NAMESPACE}}}href": one.data_url},
            )
        a, _, c, _, e, _ = style.matrix
        edges += [a * x + c * down + e for x in (start, start + shaped.width)]
    return group


def _widen_drawing(root: ET.Element, edges: list[float]) -> None:
    """Make room for outlines that are wider than Vega measured."""
    left, top, width, height = map(float, root.get("viewBox", "0 0 0 0").split())
    low, high = min([left, *edges]), max([left + width, *edges])
    if low < left or high > left + width:
        root.set("viewBox", f"{low:.2f} {top:g} {high - low:.2f} {height:g}")
        root.set("width", f"{high - low:.2f}")


def _read_transform(transform: str) -> tuple[float, float, float, float, float, float]:
    """Return a transform's matrix."""
    matrix = _TextStyle().matrix
    for name, values in _TRANSFORM.findall(transform):
        numbers = [float(number) for number in re.split(r"[\s,]+", values.strip())]
        if name == "rotate":
            angle = math.radians(numbers[0])
            matrix = _multiply(matrix, (math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle), 0, 0))
        elif name == "scale":
            matrix = _multiply(matrix, (numbers[0], 0, 0, numbers[-1], 0, 0))
        else:
            matrix = _multiply(matrix, (1, 0, 0, 1, numbers[0], numbers[1] if len(numbers) > 1 else 0))
    return matrix


def _multiply(
    one: tuple[float, float, float, float, float, float], other: tuple[float, float, float, float, float, float]
) -> tuple[float, float, float, float, float, float]:
    """Multiply two matrices of an SVG."""
    a, b, c, d, e, f = one
    g, h, i, j, k, m = other
    return a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * m + e, b * k + d * m + f

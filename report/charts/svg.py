"""SVG made smaller: a page holds a dozen charts."""

import re
from xml.etree import ElementTree as ET

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

"""Charts as SVG, and as JSON for pages.

A chart's specification and SVG are made once a run and kept beside each other. The variant for narrow screens is stored as
its differences from the wide one.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
from altair.utils.schemapi import debug_mode

from report.charts.labels import measure_text, needs_other_font, wrap_text
from report.charts.svg import minify_svg
from report.errors import RenderError
from report.style import theme
from report.style.fonts import find_font_folders

# methods such as `.axis(...)` of Altair store their object in the class, so that two threads would mix them up
_ALTAIR_LOCK = threading.Lock()
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_ERROR_LINE = re.compile(r"\w*Error:")  # how Vega's line with the reason begins
_TITLE_SIZE = 14 * 1.04  # pixels: the theme's size, and how much wider semibold letters are
_GUESSED_PART = 0.88  # of the page that a title in other fonts may have: Vega takes it for wider than it is
_SIDE_MARGIN = 14  # pixels on either side of an SVG that a browser shows as an image


def build_chart_spec(chart: Callable[[], alt.TopLevelMixin]) -> dict[str, Any]:
    """Return a chart's specification.

    Not validated here: tests check every chart against Vega-Lite's schema.
    """
    with _ALTAIR_LOCK, debug_mode(arg=False):
        spec: dict[str, Any] = chart().to_dict(validate=False)
    return spec


def warm_up_vega() -> None:
    """Start Vega, which takes most of a second."""
    render_svg({"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "data": {"values": []}, "mark": "bar"})


def render_svg(spec: dict[str, Any]) -> str:
    """Draw a chart as SVG."""
    import vl_convert  # noqa: PLC0415 - slow to import, and a document may have no chart

    for folder in find_font_folders():
        vl_convert.register_font_directory(str(folder))
    try:
        return minify_svg(vl_convert.vegalite_to_svg(_wrap_title(spec) | {"config": theme.build_vega_config()}))
    except (ValueError, SyntaxError) as error:  # refused by Vega, or drawn as invalid XML
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if _ERROR_LINE.match(line)), (lines or [type(error).__name__])[0])[:200]
        raise RenderError(
            f"A chart can't be drawn ({reason}). Perhaps a category has an unusual text, or the chart is new and asks for what can't be."
        ) from error


def _wrap_title(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a specification whose title is no wider than a page."""
    title = spec.get("title")
    text = title.get("text") if isinstance(title, dict) else None
    if not isinstance(text, str):
        return spec
    width = theme.PAGE_WIDTH * (_GUESSED_PART if needs_other_font(text) else 1.0)
    if measure_text(text, _TITLE_SIZE) <= width:
        return spec
    return spec | {"title": {**spec["title"], "text": wrap_text(text, width, _TITLE_SIZE)}}


def widen_view_box(drawing: str) -> str:
    """Add margins for wider fonts in a browser."""
    return _VIEW_BOX.sub(
        lambda box: f'viewBox="-{_SIDE_MARGIN} 0 {float(box[1]) + 2 * _SIDE_MARGIN:g} {box[2]}"', drawing, count=1
    )


def encode_data_url(drawing: str) -> str:
    """Return an SVG as a data URL."""
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"


def serialise_spec(spec: dict[str, Any]) -> str:
    """Return a specification as compact JSON for a page.

    Without the configuration, which a page has once, and without repeated axes.
    """
    own = {key: value for key, value in spec.items() if key not in ("config", "$schema")}
    return json.dumps(_simplify_spec(own), separators=(",", ":"))


def add_narrow_variant(spec: str, narrow: dict[str, Any]) -> str:
    """Add the narrow variant's differences, as metadata."""
    wide, other = json.loads(spec), json.loads(serialise_spec(narrow))
    return json.dumps(wide | {"usermeta": {"narrow": list(_diff_json(wide, other))}}, separators=(",", ":"))


def _diff_json(one: Any, other: Any, path: tuple[str | int, ...] = ()) -> Iterator[list[Any]]:
    """Yield changes from one JSON value to another.

    In order. Each is [path, value], [path] for a deletion, or [path, None, old path] for a move: panels side by side become
    stacked.
    """
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        if "hconcat" in one and "vconcat" in other:
            yield [[*path, "vconcat"], None, [*path, "hconcat"]]
            one = {"vconcat" if key == "hconcat" else key: value for key, value in one.items()}
        for key in dict.fromkeys([*one, *other]):
            if key not in other:
                yield [[*path, key]]
            elif key not in one:
                yield [[*path, key], other[key]]
            else:
                yield from _diff_json(one[key], other[key], (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (before, after) in enumerate(zip(one, other, strict=True)):
            yield from _diff_json(before, after, (*path, place))
    else:
        yield [list(path), other]


def _simplify_spec(value: Any) -> Any:
    """Round numbers, and drop repeated axes of layers."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [_simplify_spec(item) for item in value]
    if not isinstance(value, dict):
        return value
    simple = {key: _simplify_spec(item) for key, item in value.items()}
    seen: set[str] = set()
    for layer in simple.get("layer", ()):
        for channel in ("x", "y"):
            axis = layer.get("encoding", {}).get(channel, {}).get("axis")
            if axis and (shared := f"{channel}{axis}") in seen:
                del layer["encoding"][channel]["axis"]
            elif axis:
                seen.add(shared)
    return simple

"""A chart drawn, and said for a page: Altair's specification to SVG, and to as little JSON as draws the same.

A specification and its drawing are made once a run and kept beside each other; a narrow twin, for a telephone, is carried
as what differs from the wide one.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
from altair.utils.schemapi import debug_mode

from report.charts.svg import minify_svg
from report.errors import RenderError
from report.style import lightfonts, theme

# Altair's `.axis(…)` and its like keep what they are called on in the class: in two threads, one gets the other's
_ALTAIR_LOCK = threading.Lock()
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_ERROR_LINE = re.compile(r"\w*Error:")  # how the line begins that says what a chart lacks
_SIDE_MARGIN = 14  # pixels beside a drawing that a browser shows as a picture


def build_chart_spec(chart: Callable[[], alt.TopLevelMixin]) -> dict[str, Any]:
    """Give a chart's specification; tests hold every one against Vega-Lite's schema, and a run need not."""
    with _ALTAIR_LOCK, debug_mode(arg=False):
        spec: dict[str, Any] = chart().to_dict(validate=False)
    return spec


def warm_up_vega() -> None:
    """Draw something, so that the first chart needn't wait for what draws to start: most of a second."""
    render_svg(
        {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "data": {"values": []}, "mark": "bar"}
    )


def render_svg(spec: dict[str, Any]) -> str:
    """Draw a chart."""
    import vl_convert  # noqa: PLC0415 - a document may have no chart

    for folder in lightfonts.find_light_font_folders():
        vl_convert.register_font_directory(str(folder))
    try:
        return minify_svg(vl_convert.vegalite_to_svg(spec | {"config": theme.build_vega_config()}))
    except (ValueError, SyntaxError) as error:  # what Vega refuses, and what it draws that is no XML
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = next(
            (line for line in lines if _ERROR_LINE.match(line)), (lines or [type(error).__name__])[0]
        )[:200]
        raise RenderError(
            f"A chart can't be drawn ({said}). Perhaps a category has an unusual text, or the chart is new and asks for what can't be."
        ) from error


def widen_view_box(drawing: str) -> str:
    """Give a drawing room on both sides: in a browser, as a picture, it has fonts that may be wider than ours."""
    return _VIEW_BOX.sub(
        lambda box: f'viewBox="-{_SIDE_MARGIN} 0 {float(box[1]) + 2 * _SIDE_MARGIN:g} {box[2]}"',
        drawing,
        count=1,
    )


def encode_data_url(drawing: str) -> str:
    """Write a drawing as an address that holds it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"


def serialise_spec(spec: dict[str, Any]) -> str:
    """Write a specification for the page: the look is said once for all of them, an axis once for all layers."""
    kept = {key: value for key, value in spec.items() if key not in ("config", "$schema")}
    return json.dumps(_simplify_spec(kept), separators=(",", ":"))


def add_narrow_variant(spec: str, narrow: dict[str, Any]) -> str:
    """Add to a specification for the page what is other on a narrow screen, where Vega-Lite doesn't look."""
    wide, other = json.loads(spec), json.loads(serialise_spec(narrow))
    return json.dumps(wide | {"usermeta": {"narrow": list(_diff_json(wide, other))}}, separators=(",", ":"))


def _diff_json(one: Any, other: Any, path: tuple[str | int, ...] = ()) -> Iterator[list[Any]]:
    """Give what has to change in one JSON value to make it another, in this order.

    Each is a place and what stands there then, or the place alone where nothing does; or a place, nothing, and the
    place of what moves there: panels that stood beside each other stand below each other.
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
    """Round a specification's numbers to what a screen can show, and drop what a layer says again of a shared axis."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [_simplify_spec(item) for item in value]
    if not isinstance(value, dict):
        return value
    thin = {key: _simplify_spec(item) for key, item in value.items()}
    said: set[str] = set()
    for layer in thin.get("layer", ()):
        for channel in ("x", "y"):
            axis = layer.get("encoding", {}).get(channel, {}).get("axis")
            if axis and (known := f"{channel}{axis}") in said:
                del layer["encoding"][channel]["axis"]
            elif axis:
                said.add(known)
    return thin

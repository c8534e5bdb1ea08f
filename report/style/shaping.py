"""Words of other scripts as outlines, shaped by Pango.

WeasyPrint sets the text of an SVG letter by letter, so that Arabic isn't joined and marks stand alone. Pango, which sets the
paragraphs of the PDF, shapes whole words here, with the fonts that it takes there.
"""

import base64
import io
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from report.style.fonts import build_local_font_css

# Scripts whose letters stand beside each other, one code point each: Latin, Greek, Cyrillic, Armenian, Georgian, Chinese,
# Japanese, composed Korean, and symbols
_SIMPLE_RANGES = (
    *((0x20, 0x2FF), (0x370, 0x58F), (0x10A0, 0x10FF), (0x1C80, 0x1CBF), (0x1E00, 0x2BFF), (0x2C60, 0x2C7F)),
    *((0x2D00, 0x2D2F), (0x2E00, 0x303F), (0x3041, 0xA4CF), (0xA640, 0xA69F), (0xA720, 0xA7FF), (0xAB30, 0xAB6F)),
    *((0xAC00, 0xD7A3), (0xF900, 0xFB06), (0xFE10, 0xFE1F), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF)),
)
_SHAPED_CATEGORIES = ("Mn", "Mc", "Me", "Cf")  # marks that stand on a letter, and characters that only control others
_SHAPED_DIRECTIONS = ("R", "AL", "AN")
_LAYOUT_SIZE = 1000.0  # pixels: at a small size glyph positions are rounded
_WIDE_GLYPH, _MISSING_GLYPH = 1.0, 0.6  # of the font size: widths of letters that no font here has
_EMPTY_GLYPH, _UNKNOWN_GLYPH_FLAG = 0x0FFFFFFF, 0x10000000  # Pango's
_LINE_BREAKS = re.compile(r"[\t-\r\x85\u2028\u2029]")  # after which Pango would begin another line
_FAMILIES = ("Source Sans Pro", "sans-serif")


@dataclass(frozen=True, slots=True)
class GlyphPicture:
    """A coloured glyph, such as an emoji, in pixels from the text's origin."""

    data_url: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ShapedText:
    """A text as it is drawn, its baseline at y = 0."""

    width: float  # in pixels
    outline: str  # path data of all outlines
    pictures: tuple[GlyphPicture, ...] = ()


def needs_shaping(text: str) -> bool:
    """Tell whether letters of a text depend on each other."""
    return any(_is_shaped(letter) for letter in text)


def measure_shaped_text(text: str, font_size: float, font_weight: int = 400) -> float:
    """Return a text's width in pixels, letters without font included."""
    try:
        return shape_text(text, font_size, font_weight).width
    except OSError:  # without Pango, as in a notebook on a machine that can't print
        return font_size * sum(_guess_glyph_width(letter) for letter in text)


@lru_cache(maxsize=4096)
def shape_text(text: str, font_size: float, font_weight: int = 400) -> ShapedText:
    """Return a text as outlines.

    A letter that no font here has is an empty box. Raises OSError if this machine lacks Pango.
    """
    from fontTools.pens.svgPathPen import SVGPathPen  # noqa: PLC0415 - most charts need no shaping
    from fontTools.pens.transformPen import TransformPen  # noqa: PLC0415

    scale, x = font_size / _LAYOUT_SIZE, 0.0
    pen = SVGPathPen(None, ntos=_format_coordinate)
    pictures: list[GlyphPicture] = []
    for glyph in _lay_out_glyphs(_LINE_BREAKS.sub(" ", text), font_weight):
        if glyph.number == _EMPTY_GLYPH:
            pass
        elif glyph.font is None:
            _draw_missing_glyph(TransformPen(pen, (font_size, 0, 0, -font_size, x, 0)), glyph.advance / _LAYOUT_SIZE)
        elif glyph.png:
            left, top, width, height = (edge * scale for edge in glyph.ink)
            data_url = f"data:image/png;base64,{base64.b64encode(glyph.png).decode()}"
            pictures.append(GlyphPicture(data_url, x + left, top, width, height))
        else:
            ratio = font_size / glyph.font.units_per_em
            glyph.font.draw_glyph(
                glyph.number, TransformPen(pen, (ratio, 0, 0, -ratio, x + glyph.dx * scale, glyph.dy * scale))
            )
        x += glyph.advance * scale
    return ShapedText(x, pen.getCommands(), tuple(pictures))


def _is_shaped(letter: str) -> bool:
    return not letter.isspace() and (
        not any(low <= ord(letter) <= high for low, high in _SIMPLE_RANGES)
        or unicodedata.category(letter) in _SHAPED_CATEGORIES
        or unicodedata.bidirectional(letter) in _SHAPED_DIRECTIONS
    )


def _guess_glyph_width(letter: str) -> float:
    """Return the width of a letter without a font, in ems."""
    if unicodedata.category(letter) in _SHAPED_CATEGORIES:
        return 0.0
    return _WIDE_GLYPH if unicodedata.east_asian_width(letter) in "WF" else _MISSING_GLYPH


def _format_coordinate(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _draw_missing_glyph(pen: Any, width: float) -> None:
    """Draw an empty box, for a letter without a font."""
    if width <= 0:
        return
    for inset, forward in ((0.06, True), (0.11, False)):
        corners = [
            (inset, inset - 0.05),
            (width - inset, inset - 0.05),
            (width - inset, 0.75 - inset),
            (inset, 0.75 - inset),
        ]
        for number, corner in enumerate(corners if forward else corners[::-1]):
            (pen.lineTo if number else pen.moveTo)(corner)
        pen.closePath()


class _GlyphFont:
    """One font file, and the outlines of its glyphs."""

    def __init__(self, pango_font: Any) -> None:
        from fontTools.ttLib import TTFont  # noqa: PLC0415 - as above
        from weasyprint.text.ffi import ffi, harfbuzz, pango  # noqa: PLC0415
        from weasyprint.text.fonts import get_hb_object_data, get_pango_font_hb_face  # noqa: PLC0415

        face = get_pango_font_hb_face(pango_font)
        self.units_per_em: int = harfbuzz.hb_face_get_upem(face)
        self.has_png = bool(harfbuzz.hb_ot_color_has_png(face))
        index = harfbuzz.hb_face_get_index(face) & 0xFFFF
        self._font = TTFont(io.BytesIO(get_hb_object_data(face)), fontNumber=index, lazy=True)
        description = ffi.gc(
            pango.pango_font_describe_with_absolute_size(pango_font), pango.pango_font_description_free
        )
        given = pango.pango_font_description_get_variations(description)
        axes = [] if given == ffi.NULL else ffi.string(given).decode().split(",")
        self._location = {axis.partition("=")[0]: float(axis.partition("=")[2]) for axis in axes if axis}
        self._drawn: dict[int, Any] = {}

    def draw_glyph(self, number: int, pen: Any) -> None:
        """Draw a glyph's outline in font units."""
        from fontTools.pens.recordingPen import DecomposingRecordingPen  # noqa: PLC0415 - as above

        if number not in self._drawn:
            outlines = self._font.getGlyphSet(location=self._location if "fvar" in self._font else None)
            self._drawn[number] = DecomposingRecordingPen(outlines)
            outlines[self._font.getGlyphName(number)].draw(self._drawn[number])
        self._drawn[number].replay(pen)


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A glyph of a line, in pixels at the layout size."""

    font: _GlyphFont | None  # None where no font here has the letter
    number: int
    dx: float
    dy: float
    advance: float
    png: bytes = b""  # of a coloured glyph
    ink: tuple[float, float, float, float] = (0, 0, 0, 0)  # of a coloured glyph: left, top, width and height


def _lay_out_glyphs(text: str, font_weight: int) -> list[_Glyph]:
    """Return a line's glyphs from left to right."""
    from weasyprint.css.properties import INITIAL_VALUES  # noqa: PLC0415 - as above
    from weasyprint.text.ffi import FROM_UNITS, ffi, pango  # noqa: PLC0415
    from weasyprint.text.fonts import get_hb_object_data  # noqa: PLC0415
    from weasyprint.text.line_break import Layout  # noqa: PLC0415

    style = _Style(INITIAL_VALUES)
    style.font_config = _load_font_configuration()
    style |= {"font_family": _FAMILIES, "font_weight": font_weight, "font_size": _LAYOUT_SIZE, "lang": "en"}
    layout = Layout(style)
    layout.set_text(text)
    line, _ = layout.get_first_line()
    found: list[_Glyph] = []
    run = line.runs[0]
    while run != ffi.NULL:
        item, glyphs = run.data.item, run.data.glyphs
        run = run.next
        font = _load_glyph_font(item.analysis.font)
        for place in range(glyphs.num_glyphs):
            glyph = glyphs.glyphs[place]
            advance = glyph.geometry.width * FROM_UNITS
            if glyph.glyph == _EMPTY_GLYPH:
                found.append(_Glyph(font, glyph.glyph, 0, 0, advance))
                continue
            if glyph.glyph & _UNKNOWN_GLYPH_FLAG:
                letter = chr(glyph.glyph & ~_UNKNOWN_GLYPH_FLAG)
                found.append(_Glyph(None, 0, 0, 0, _guess_glyph_width(letter) * _LAYOUT_SIZE))
                continue
            dx, dy = glyph.geometry.x_offset * FROM_UNITS, glyph.geometry.y_offset * FROM_UNITS
            png, ink = b"", (0.0, 0.0, 0.0, 0.0)
            if font.has_png:
                png = get_hb_object_data(pango.pango_font_get_hb_font(item.analysis.font), "png", glyph.glyph) or b""
                box = ffi.new("PangoRectangle *")
                pango.pango_font_get_glyph_extents(item.analysis.font, glyph.glyph, box, ffi.NULL)
                ink = (box.x * FROM_UNITS, box.y * FROM_UNITS, box.width * FROM_UNITS, box.height * FROM_UNITS)
            found.append(_Glyph(font, glyph.glyph, dx, dy, advance, png, ink))
    return found


class _Style(dict[str, Any]):
    """A style as WeasyPrint's own text functions take it."""

    font_config: Any


_glyph_fonts: dict[bytes, _GlyphFont] = {}


def _load_glyph_font(pango_font: Any) -> _GlyphFont:
    """Load a font's file once."""
    from weasyprint.text.ffi import ffi, pango  # noqa: PLC0415 - as above

    description = ffi.gc(pango.pango_font_describe_with_absolute_size(pango_font), pango.pango_font_description_free)
    name: bytes = ffi.string(pango.pango_font_description_to_string(description))
    if name not in _glyph_fonts:
        _glyph_fonts[name] = _GlyphFont(pango_font)
    return _glyph_fonts[name]


@cache
def _load_font_configuration() -> Any:
    """Load this machine's fonts, and the project's own."""
    from weasyprint import CSS  # noqa: PLC0415 - as above
    from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415
    from weasyprint.urls import URLFetcher  # noqa: PLC0415

    configuration = FontConfiguration()
    fetcher = URLFetcher(allowed_protocols={"file"}, allow_redirects=False, fail_on_errors=True)
    CSS(string=build_local_font_css(), font_config=configuration, url_fetcher=fetcher)
    return configuration

"""Colours, type and axes of charts.

Segment colours were searched for: every two of the eight differ by at least 9.8 (CIEDE2000) as seen with full colour
vision, protanopia, deuteranopia and tritanopia, and by at least 6 steps of lightness in grey print. A test holds it.
"""

from typing import Any

SANS_FONT = "Source Sans Pro"
SERIF_FONT = "Source Serif Pro"

INK = "#1b2430"  # text, and what must be seen first
MUTED = "#5b6672"  # text that may be read second: 5.9 to 1 on white
FAINT = "#c6ccd2"  # lines that only guide
GRID_LINE = "#e3e6e9"  # lines behind the marks
AVERAGE_BAND = "#eef0f2"  # "this is the average"
PAPER = "#ffffff"
DROPPED_ROWS = "#b3261e"  # rows that were left out

# One colour a segment, by its id's number: S1 has the first. S9 to S16 have shades of them, and S17 has the first again.
SEGMENT_COLOURS = ("#263385", "#d6875f", "#007667", "#d9bf80", "#6f4a7d", "#bb5f45", "#2b0a3d", "#b5e3ec")

_FURTHER_COLOURS = ("#888fbc", "#764a34", "#73b4ab", "#776946", "#b09bb8", "#daa799", "#8a7894", "#647d82")

# What each of them is on a dark screen, where the page swaps them.
DARK_COLOURS = {
    INK: "#e8ebee",
    MUTED: "#a3adb8",
    FAINT: "#465059",
    GRID_LINE: "#2e3740",
    AVERAGE_BAND: "#252d36",
    PAPER: "#161b21",
    DROPPED_ROWS: "#ff8a80",
    "#263385": "#8f9df2",
    "#d6875f": "#e59a72",
    "#007667": "#35b5a2",
    "#d9bf80": "#e6d29c",
    "#6f4a7d": "#b58bc6",
    "#bb5f45": "#d4755a",
    "#2b0a3d": "#c9a6e0",
    "#b5e3ec": "#b5e3ec",
    "#888fbc": "#a9b0dd",
    "#764a34": "#b98a6f",
    "#73b4ab": "#73b4ab",
    "#776946": "#b3a479",
    "#b09bb8": "#d0bcd8",
    "#daa799": "#daa799",
    "#8a7894": "#a894b2",
    "#647d82": "#8aa5ab",
}

PAGE_WIDTH = 673  # pixels at 96 to the inch: the 178 mm between the margins of an A4 page
NARROW_WIDTH = 320  # pixels between the margins of a telephone that is 360 wide


def get_segment_colour(segment: str) -> str:
    """Return a segment's colour by its id, "S1"."""
    colours = SEGMENT_COLOURS + _FURTHER_COLOURS
    return colours[(int(segment.removeprefix("S")) - 1) % len(colours)]


def build_vega_config() -> dict[str, Any]:
    """Return the Vega-Lite configuration of all charts."""
    axis = {
        "domain": False,
        "ticks": False,
        "grid": True,
        "gridColor": GRID_LINE,
        "gridWidth": 0.5,
        "labelColor": MUTED,
        "labelFontSize": 11,
        "labelPadding": 5,
        "titleColor": MUTED,
        "titleFontSize": 11,
        "titleFontWeight": 400,
        "titlePadding": 7,
    }
    return {
        "aria": False,  # one description a figure says more than a label on every mark
        "background": None,
        "font": SANS_FONT,
        "padding": {"left": 0, "right": 2, "top": 2, "bottom": 2},  # its left edge is the text's
        "view": {"stroke": None},
        "axis": axis,
        "axisY": {"grid": False},
        "text": {"color": INK, "fontSize": 12},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "color": INK,
            "fontSize": 14,
            "fontWeight": 600,
            "subtitleColor": MUTED,
            "subtitleFontSize": 11.5,
            "subtitlePadding": 4,
            "offset": 12,
        },
        "concat": {"spacing": 14},
        "legend": {"labelColor": INK, "titleColor": MUTED, "labelFontSize": 11, "titleFontSize": 11},
    }

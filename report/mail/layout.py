"""A brief laid out: HTML for mail programs, a letter in plain text, and the picture for both."""

import base64
import struct
from html import escape
from typing import Any

import css_inline
import jinja2
import mjml

from report.charts.brief import IMAGE_MARGIN
from report.charts.render import build_chart_spec
from report.errors import RenderError
from report.mail.brief import Brief
from report.storage import paths
from report.style import lightfonts, theme
from report.text.formatting import FILTERS

MAX_HTML_BYTES = 60_000  # bytes: Gmail cuts a mail off at about 102 KB, and a thread's briefs add up
CHART_PIXEL_RATIO = 2  # pixels of the picture for each pixel of the page
CHART_SOURCE_PLACEHOLDER = (
    "cid:indices"  # where the HTML shows the picture; whoever uses the HTML puts the picture's own name there
)
_TITLE_PLACEHOLDER, _ALT_PLACEHOLDER = (
    "title-of-this-brief",
    "alt-of-this-picture",
)  # MJML puts Rust's escapes into attributes


def render_brief_chart(brief: Brief) -> bytes:
    """Draw the index bars as a PNG with twice the pixels, on white: it stays white in dark mode."""
    import vl_convert  # noqa: PLC0415 - as for documents: it is large

    for folder in lightfonts.find_light_font_folders():
        vl_convert.register_font_directory(str(folder))
    spec = build_chart_spec(brief.picture.chart)
    config = theme.build_vega_config() | {"background": theme.PAPER, "padding": IMAGE_MARGIN}
    png: bytes = vl_convert.vegalite_to_png(spec | {"config": config}, scale=CHART_PIXEL_RATIO)
    return png


def render_brief_html(brief: Brief, png: bytes) -> str:
    """Lay a brief out as HTML for mail: tables, styles on the elements, nothing to fetch.

    Parameters
    ----------
    brief : Brief
        What it says.
    png : bytes
        The picture, whose size the HTML says; it stands there as `CHART_SOURCE_PLACEHOLDER`.

    Raises
    ------
    RenderError
        If the HTML is larger than a mail program shows whole.
    """
    width = struct.unpack(">I", png[16:20])[0] // CHART_PIXEL_RATIO
    markup = _HTML_ENVIRONMENT.get_template("brief.mjml").render(
        brief=brief,
        theme=theme,
        title=_TITLE_PLACEHOLDER,
        picture={"source": CHART_SOURCE_PLACEHOLDER, "width": width, "alt": _ALT_PLACEHOLDER},
    )
    html = mjml.mjml2html(markup, fonts={})
    for place, said in ((_TITLE_PLACEHOLDER, brief.subject), (_ALT_PLACEHOLDER, brief.picture.alt)):
        html = html.replace(place, escape(said))
    html = _CSS_INLINER.inline(html)
    if (size := len(html.encode())) > MAX_HTML_BYTES:
        raise RenderError(
            f"The brief of {brief.name} has {size:,} bytes of HTML, expected at most {MAX_HTML_BYTES:,}: Gmail would cut it off. "
            "Shorten templates/brief.mjml."
        )
    return html


def render_brief_text(brief: Brief) -> str:
    """Lay a brief out as a letter in plain text."""
    return _TEXT_ENVIRONMENT.get_template("brief.txt").render(brief=brief)


def encode_png_data_uri(png: bytes) -> str:
    """Give a picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _create_environment(*, markup: bool) -> jinja2.Environment:
    """Set Jinja2 up: strict, and escaping where its output is markup and not a letter in plain text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=markup,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, **_LAYOUT_FILTERS)
    return environment


def _wrap_text(text: str, indent: int = 0) -> str:
    """Break a text into lines of at most 72 letters, all but the first indented."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > 72 - indent:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return f"\n{' ' * indent}".join([*lines, line])


_LAYOUT_FILTERS: dict[str, Any] = {"wrapped": _wrap_text}
_HTML_ENVIRONMENT = _create_environment(markup=True)
_TEXT_ENVIRONMENT = _create_environment(markup=False)
_CSS_INLINER = css_inline.CSSInliner(
    load_remote_stylesheets=False, keep_at_rules=True, apply_width_attributes=True
)

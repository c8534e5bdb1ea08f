"""Brief layout: HTML, plain text, and chart."""

import base64
import secrets
import struct
import textwrap
from html import escape

import css_inline
import jinja2
import mjml

from report.charts.labels import needs_other_font
from report.charts.render import build_chart_spec
from report.charts.svg import outline_texts
from report.errors import RenderError
from report.mail.brief import Brief
from report.mail.chart import IMAGE_MARGIN
from report.storage import paths
from report.style import theme
from report.style.fonts import find_font_folders
from report.text.formatting import FILTERS

MAX_HTML_BYTES = 60_000  # bytes: Gmail cuts a mail off at about 102 KB, and a thread's briefs add up
CHART_PIXEL_RATIO = 2  # pixels of the picture for each pixel of the page
# Replaced afterwards by the chart's address, and after MJML, which would put Rust's escapes into attributes, by the others. Random, so
# that no category of the month can be taken for one.
CHART_SOURCE_PLACEHOLDER, _TITLE_PLACEHOLDER, _ALT_PLACEHOLDER = (
    f"{kind}{secrets.token_hex(16)}" for kind in ("cid:", "title-", "alt-")
)


def render_brief_chart(brief: Brief) -> bytes:
    """Return the index bars as a PNG."""
    import vl_convert  # noqa: PLC0415 - as for documents: it is large

    for folder in find_font_folders():
        vl_convert.register_font_directory(str(folder))
    config = theme.build_vega_config() | {"background": theme.PAPER, "padding": IMAGE_MARGIN}
    spec = build_chart_spec(brief.picture.chart) | {"config": config}
    png: bytes
    if any(needs_other_font(name) for name, _ in brief.picture.rows):  # vl-convert would choose another than pages have
        drawing = outline_texts(vl_convert.vegalite_to_svg(spec), needs_other_font)
        png = vl_convert.svg_to_png(drawing, scale=CHART_PIXEL_RATIO)
    else:
        png = vl_convert.vegalite_to_png(spec, scale=CHART_PIXEL_RATIO)
    return png


def render_brief_html(brief: Brief, png: bytes) -> str:
    """Return a brief as HTML for mail programs.

    Styles stand on the elements, and nothing is loaded. The chart's address is `CHART_SOURCE_PLACEHOLDER`.
    Raises RenderError if the HTML is larger than a mail program shows whole.
    """
    width = struct.unpack(">I", png[16:20])[0] // CHART_PIXEL_RATIO
    markup = _HTML_ENVIRONMENT.get_template("brief.mjml").render(
        brief=brief,
        theme=theme,
        title=_TITLE_PLACEHOLDER,
        picture={"source": CHART_SOURCE_PLACEHOLDER, "width": width, "alt": _ALT_PLACEHOLDER},
    )
    html = mjml.mjml2html(markup, fonts={})
    for placeholder, text in ((_TITLE_PLACEHOLDER, brief.subject), (_ALT_PLACEHOLDER, brief.picture.alt)):
        html = html.replace(placeholder, escape(text))
    html = _CSS_INLINER.inline(html)
    if (size := len(html.encode())) > MAX_HTML_BYTES:
        raise RenderError(
            f"The brief of {brief.name} has {size:,} bytes of HTML, expected at most {MAX_HTML_BYTES:,}: Gmail would cut it off. "
            "Shorten templates/brief.mjml."
        )
    return html


def render_brief_text(brief: Brief) -> str:
    """Return a brief as plain text."""
    return _TEXT_ENVIRONMENT.get_template("brief.txt").render(brief=brief)


def encode_png_data_uri(png: bytes) -> str:
    """Return a picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _create_environment(*, markup: bool) -> jinja2.Environment:
    """Set Jinja2 up; only markup is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=markup,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, wrapped=_wrap_text)
    return environment


def _wrap_text(text: str, indent: int = 0) -> str:
    """Wrap a text at 72 letters."""
    margin = " " * indent
    wrapper = textwrap.TextWrapper(72, margin, margin, break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(text)[indent:]


_HTML_ENVIRONMENT = _create_environment(markup=True)
_TEXT_ENVIRONMENT = _create_environment(markup=False)
_CSS_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, apply_width_attributes=True)

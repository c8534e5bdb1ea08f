"""A brief laid out: HTML for mail programs, a letter in plain text, and the picture for both."""

import base64
import struct
from html import escape
from typing import Any

import css_inline
import jinja2
import mjml

from report import files, lightfonts, theme
from report.briefs import Brief
from report.charts.brief import MARGIN
from report.drawing import spec_of
from report.errors import RenderError
from report.written import FILTERS

MOST_HTML = 60_000  # bytes: Gmail cuts a mail off at about 102 KB, and a thread's briefs add up
SCALE = 2  # pixels of the picture for each pixel of the page
PICTURE = (
    "cid:indices"  # where the HTML shows the picture; whoever uses the HTML puts the picture's own name there
)
_TITLE, _ALT = "title-of-this-brief", "alt-of-this-picture"  # MJML puts Rust's escapes into attributes


def draw(brief: Brief) -> bytes:
    """Draw the index bars as a PNG with twice the pixels, on white: it stays white in dark mode."""
    import vl_convert  # noqa: PLC0415 - as for documents: it is large

    for folder in lightfonts.folders():
        vl_convert.register_font_directory(str(folder))
    spec = spec_of(brief.picture.chart)
    config = theme.config() | {"background": theme.PAPER, "padding": MARGIN}
    png: bytes = vl_convert.vegalite_to_png(spec | {"config": config}, scale=SCALE)
    return png


def write_html(brief: Brief, png: bytes) -> str:
    """Lay a brief out as HTML for mail: tables, styles on the elements, nothing to fetch.

    Parameters
    ----------
    brief : Brief
        What it says.
    png : bytes
        The picture, whose size the HTML says; it stands there as `PICTURE`.

    Raises
    ------
    RenderError
        If the HTML is larger than a mail program shows whole.
    """
    width = struct.unpack(">I", png[16:20])[0] // SCALE
    markup = _ENVIRONMENT.get_template("brief.mjml").render(
        brief=brief,
        theme=theme,
        title=_TITLE,
        picture={"source": PICTURE, "width": width, "alt": _ALT},
    )
    html = mjml.mjml2html(markup, fonts={})
    for place, said in ((_TITLE, brief.subject), (_ALT, brief.picture.alt)):
        html = html.replace(place, escape(said))
    html = _INLINER.inline(html)
    if (size := len(html.encode())) > MOST_HTML:
        raise RenderError(
            f"The brief of {brief.name} has {size:,} bytes of HTML, expected at most {MOST_HTML:,}: Gmail would cut it off. "
            "Shorten templates/brief.mjml."
        )
    return html


def write_text(brief: Brief) -> str:
    """Lay a brief out as a letter in plain text."""
    return _PLAIN.get_template("brief.txt").render(brief=brief)


def embedded(png: bytes) -> str:
    """Give a picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _environment(*, markup: bool) -> jinja2.Environment:
    """Set Jinja2 up: strict, and escaping where its output is markup and not a letter in plain text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(files.TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=markup,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, **_LAYOUT)
    return environment


def _wrapped(text: str, indent: int = 0) -> str:
    """Break a text into lines of at most 72 letters, all but the first indented."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > 72 - indent:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return f"\n{' ' * indent}".join([*lines, line])


_LAYOUT: dict[str, Any] = {"wrapped": _wrapped}
_ENVIRONMENT = _environment(markup=True)
_PLAIN = _environment(markup=False)
_INLINER = css_inline.CSSInliner(
    load_remote_stylesheets=False, keep_at_rules=True, apply_width_attributes=True
)

"""What documents call: facts in, Markdown out.

No cell returns `text/html`: for such output Quarto adds RequireJS and jQuery from a network. Markdown with raw HTML blocks
is the same in Quarto and in the embedded engine. All text from facts is escaped here, once.
"""

import hashlib
import html
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import jinja2

from report.charts import changes as change_charts
from report.charts import indices, render
from report.charts.figure import Figure
from report.charts.svg import outline_texts
from report.errors import ReportError
from report.pages import tables
from report.pages.tables import ReportTable
from report.rendering.pandoc import convert_to_github_markdown
from report.settings import read_settings
from report.storage import cache, paths
from report.style import theme
from report.text import changes, formatting, holds, sentences
from report.text.foreign import isolate_facts
from segmentation.facts import Facts, facts_to_dict

Medium = Literal["screen", "print", "page", "notebook"]
FIGURES_FOLDER = Path("figures")  # beside the document: where the engine runs its cells
_MARKDOWN_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # ASCII punctuation may be Markdown's syntax
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  # but for the two no-break spaces between a number and its unit
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")  # not allowed in HTML


def escape_markdown(text: str) -> str:
    """Escape plain text for Markdown."""
    return _MARKDOWN_PUNCTUATION.sub(r"\\\1", _SPACES.sub(" ", _CONTROL_CHARACTERS.sub("", text)).strip(" "))


@dataclass(frozen=True, slots=True)
class Markdown:
    """A piece of a document, shown as Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


class Document:
    """One month laid out for one document.

    On the "screen" charts are numbered and interactive, in "print" they are for paper, on a "page" images for any width
    of screen, in a "notebook" for Jupyter. `figures` is their folder as seen from where the cells run.
    """

    def __init__(self, facts: Facts, medium: Medium, templates: Path, *, figures: Path = FIGURES_FOLDER) -> None:
        self.facts = isolate_facts(facts)  # what pages and charts show; downloads have the values as they are
        self._raw_facts = facts
        formatting.use_number_style(facts.schema)
        self.figures = figures
        self.medium = medium
        self._jinja = _build_jinja_environment(templates)
        self._template_values = {"facts": self.facts, "medium": medium, "page": self} | _TEMPLATE_MODULES
        self._facts_hash = hashlib.sha256(paths.dump_facts_json(facts).encode()).hexdigest()[:12]

    def say(self, sentence: Callable[..., str], *args: Any) -> Markdown:
        """Return a sentence of `report.text`."""
        # never empty: Quarto shows the source of an inline expression that returns an empty text
        return self._adapt_markdown(escape_markdown(sentence(self.facts, *args)) or "<!-- -->")

    def show(self, make: Callable[..., Figure | ReportTable | None], *args: Any) -> Markdown:
        """Return a chart or a table with its caption.

        Nothing where the month has nothing to be shown so.

        The label comes from the function's name: `plot_elbow` makes `#fig-elbow`, `tabulate_votes` makes `#tbl-votes`.
        """
        shown = make(self.facts, *args)
        if shown is None:
            return Markdown("<!-- -->")
        label = re.sub(
            r"[^a-z0-9]+", "-", "-".join([make.__name__.partition("_")[2], *(str(arg.id) for arg in args)]).lower()
        )
        return self._adapt_markdown(
            self._render_figure(shown, label) if isinstance(shown, Figure) else self._render_table(shown, label)
        )

    def fill_text(self, layout: str, *values: Markdown) -> Markdown:
        """Fill a notebook's text, which has no inline code."""
        return self._adapt_markdown(layout.format(*values))

    def render_profiles(self) -> Markdown:
        """Return every segment's profile."""
        return self._adapt_markdown(
            "\n\n".join(self.render_profile(segment.id).text for segment in sentences.rank_segments(self.facts))
        )

    def render_profile(self, segment: str) -> Markdown:
        """Return one segment's profile, from templates/profile.md."""
        colour = theme.get_segment_colour(segment)
        own = {"segment": self.facts.get_segment(segment), "colour": colour, "dark": theme.DARK_COLOURS[colour]}
        return Markdown(self._jinja.get_template("profile.md").render(self._template_values, **own))

    def render_template(self, name: str) -> Markdown:
        """Return a rendered template."""
        return self._adapt_markdown(self._jinja.get_template(name).render(self._template_values))

    def embed_scripts(self) -> Markdown:
        """Return the scripts for interactive charts, nothing to fetch."""
        if self.medium == "notebook":
            return Markdown("")
        import vl_convert  # noqa: PLC0415 - documents for print don't need it

        self.figures.mkdir(exist_ok=True)
        bundle = cache.cache_text(
            f"vega-{version('vl-convert-python')}.js",
            lambda: vl_convert.javascript_bundle(None),  # type: ignore[arg-type]  # its stub forgets the default
        )
        (self.figures / "charts.js").write_text(bundle, encoding="utf-8")
        (self.figures / "page.js").write_text(paths.read_template("page.js"), encoding="utf-8")
        look: dict[str, Any] = {"config": theme.build_vega_config(), "dark": theme.DARK_COLOURS}
        look |= {"width": theme.PAGE_WIDTH, "narrow": theme.NARROW_WIDTH}
        return Markdown(
            _fence_raw_html(
                f'<script type="application/json" id="look">{_escape_script_json(json.dumps(look))}</script>\n'
                f'<script src="{FIGURES_FOLDER.name}/charts.js"></script>\n<script src="{FIGURES_FOLDER.name}/page.js"></script>'
            )
        )

    def embed_downloads(self) -> Markdown:
        """Return the download buttons and the facts they save."""
        if self.medium == "notebook":
            return Markdown("")
        data = json.dumps(facts_to_dict(self._raw_facts), ensure_ascii=False, separators=(",", ":"))
        kinds = (("csv", "Download all numbers (CSV)"), ("json", "Download all facts (JSON)"))
        buttons = "\n".join(
            f'<button type="button" data-download="{kind}" hidden>{text}</button>' for kind, text in kinds
        )
        return Markdown(
            _fence_raw_html(
                f'<p class="downloads">\n{buttons}\n<noscript>Every number of this page is in facts.json, which lies beside '
                f'it.</noscript>\n</p>\n<script type="application/json" id="facts">{_escape_script_json(data)}</script>'
            )
        )

    def _adapt_markdown(self, text: str) -> Markdown:
        """Return Pandoc's Markdown, or GitHub's for a notebook."""
        return Markdown(convert_to_github_markdown(text) if self.medium == "notebook" else text)

    def _render_figure(self, picture: Figure, label: str) -> str:
        """Draw the chart and return a reference to it."""
        # another document of this month may have drawn it already; the hash keeps months apart
        path = self.figures / f"{label}-{self._facts_hash}.svg"
        spec_path = path.with_suffix(".json")  # kept, since Altair takes as long to build it as Vega to draw it
        if not path.exists():
            spec = render.build_chart_spec(picture.chart)
            svg = render.render_svg(spec)
            if self.medium == "notebook":
                return f"![{escape_markdown(picture.alt)}]({render.encode_data_url(svg)})"
            self.figures.mkdir(exist_ok=True)
            spec_path.write_text(render.serialise_spec(spec), encoding="utf-8")
            cache.write_atomically(path, svg)  # last: where it exists, both do
        alt = escape_markdown(picture.alt)
        if self.medium == "print":
            path = self._outline_for_print(path)
            return f'![]({path.parent.name}/{path.name}){{fig-alt="{alt}"}}'
        if self.medium == "page":
            return self._render_responsive_figure(picture, path)
        script = spec_path.read_text(encoding="utf-8")
        if picture.narrow:
            script = render.add_narrow_variant(script, render.build_chart_spec(picture.narrow))
        shown = path.with_name(f"{path.stem}-screen.svg")
        shown.write_text(render.widen_view_box(path.read_text(encoding="utf-8")), encoding="utf-8")
        rows = ReportTable(picture.caption, picture.header, picture.rows)
        return "\n\n".join(
            [
                f'![{escape_markdown(picture.caption)}]({self.figures.name}/{shown.name}){{#fig-{label} fig-alt="{alt}"}}',
                _fence_raw_html(
                    f'<script type="application/json" class="chart" data-figure="fig-{label}">{_escape_script_json(script)}</script>\n'
                    f'<details class="numbers"><summary>Numbers behind this chart</summary>\n{rows.to_html()}\n</details>'
                ),
            ]
        )

    @staticmethod
    def _outline_for_print(path: Path) -> Path:
        """Return a drawing whose words print as they are written."""
        svg = path.read_text(encoding="utf-8")
        if (outlined := outline_texts(svg)) == svg:
            return path
        printed = path.with_name(f"{path.stem}-print.svg")
        printed.write_text(outlined, encoding="utf-8")
        return printed

    def _render_responsive_figure(self, picture: Figure, path: Path) -> str:
        """Return an image, with a variant for narrow screens."""
        source = ""
        if picture.narrow:
            spec = render.build_chart_spec(picture.narrow)
            spec.pop("title", None)  # one line, too long for a telephone
            narrow = render.encode_data_url(render.widen_view_box(render.render_svg(spec)))
            source = f'<source media="(max-width: 42rem)" srcset="{narrow}">'
        wide = render.encode_data_url(render.widen_view_box(path.read_text(encoding="utf-8")))
        image = f'<img src="{wide}" alt="{html.escape(picture.alt)}">'
        return _fence_raw_html(
            f"<figure><picture>{source}{image}</picture>\n<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
        )

    def _render_table(self, table: ReportTable, label: str) -> str:
        if self.medium != "screen":
            return _fence_raw_html(table.to_html(caption=True))
        return f"::: {{#tbl-{label}}}\n\n{_fence_raw_html(table.to_html())}\n\n{escape_markdown(table.caption)}\n\n:::"


_TEMPLATE_MODULES = {
    "changes": changes,
    "change_charts": change_charts,
    "holds": holds,
    "indices": indices,
    "sentences": sentences,
    "tables": tables,
}


def open_document(facts: str | Path, medium: Medium) -> Document:
    """Open a month for a document.

    `facts` is its facts.json, relative to the document or to the project's folder. Empty for the newest month that was
    made; if none was, the newest month in data/ is made first.
    """
    path = Path(facts) if facts else _find_newest_facts()
    month = paths.read_facts(path if path.exists() else paths.ROOT / path)
    return Document(month, medium, paths.TEMPLATES)


def _find_newest_facts() -> Path:
    """Find the newest facts; make a month if needed."""
    output = paths.ROOT / read_settings(paths.ROOT / "settings.toml").data.output
    if not paths.list_earlier_facts(output, "9999-99"):
        command = [sys.executable, "-m", "report", "report", "--engine", "embedded"]
        done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ReportError(done.stderr.strip() or f"`make report` ended with {done.returncode}.")
    return paths.find_newest_facts(output)


def _build_jinja_environment(templates: Path) -> jinja2.Environment:
    """Build a strict Jinja2 environment that escapes Markdown."""

    def finalize(value: Any) -> Any:
        return escape_markdown(value) if isinstance(value, str) else value

    # Jinja2's own autoescape writes HTML entities, so `finalize` escapes for Markdown instead
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701
    )
    environment.filters.update(formatting.FILTERS, raw=Markdown)
    return environment


def _escape_script_json(text: str) -> str:
    return text.replace("<", "\\u003c")


def _fence_raw_html(markup: str) -> str:
    """Return a block of raw HTML."""
    longest = max((len(run) for run in re.findall("`+", markup)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{{=html}}\n{markup}\n{fence}"

"""What a document's cells call: facts in, Markdown out, the same in Quarto and in the embedded engine.

No cell gives `text/html`: Quarto adds RequireJS and jQuery from a network for any such output. Markdown with raw HTML
blocks passes through both engines unchanged. All text that comes from facts is escaped here, once.
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
from report.errors import ReportError
from report.pages import tables
from report.pages.tables import ReportTable
from report.rendering.pandoc import convert_to_github_markdown
from report.settings import read_settings
from report.storage import cache, paths
from report.style import theme
from report.text import changes, formatting, holds, sentences
from report.text.formatting import format_month, join_with_and
from segmentation.facts import Facts, facts_to_dict
from segmentation.schema import CATEGORIES, NUMBERS

Medium = Literal["screen", "print", "page", "notebook"]
FIGURES_FOLDER = Path("figures")  # beside the document: where the engine runs its cells
_MARKDOWN_PUNCTUATION = re.compile(
    r"([!-/:-@\[-`{-~])"
)  # ASCII punctuation, which Markdown may take for itself
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  # the two no-break spaces hold a number to its unit
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")  # no page can hold them


def escape_markdown(text: str) -> str:
    """Write plain text so that Markdown leaves it as it is."""
    return _MARKDOWN_PUNCTUATION.sub(r"\\\1", _SPACES.sub(" ", _CONTROL_CHARACTERS.sub("", text)).strip(" "))


@dataclass(frozen=True, slots=True)
class Markdown:
    """A piece of a document that shows itself as Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


class Document:
    """One document's view of one month.

    Parameters
    ----------
    facts : Facts
        The month.
    medium : {"screen", "print", "page", "notebook"}
        Whether charts answer to a pointer and number themselves, are made for paper, are pictures on a page for screens
        of any width, or stand in Jupyter.
    templates : Path
        Folder of the Jinja2 templates.
    figures : Path
        Folder of the pictures, as seen from where the cells run.
    """

    def __init__(
        self, facts: Facts, medium: Medium, templates: Path, *, figures: Path = FIGURES_FOLDER
    ) -> None:
        self.facts = facts
        self.figures = figures
        self.medium = medium
        self._jinja = _build_jinja_environment(templates)
        self._facts_hash = hashlib.sha256(paths.dump_facts_json(facts).encode()).hexdigest()[:12]

    def say(self, sentence: Callable[..., str], *args: Any) -> Markdown:
        """Give a sentence of `report.text.sentences`, to stand inside a paragraph."""
        # never empty: Quarto leaves the source of an expression that gives an empty text
        return self._adapt_markdown(escape_markdown(sentence(self.facts, *args)) or "<!-- -->")

    def show(self, make: Callable[..., Figure | ReportTable], *args: Any) -> Markdown:
        """Give a chart of `report.charts` or a table of `report.pages.tables`, drawn, with all that belongs to it."""
        made = make(self.facts, *args)
        label = re.sub(
            r"[^a-z0-9]+",
            "-",
            "-".join([make.__name__.partition("_")[2], *(str(arg.id) for arg in args)]).lower(),
        )
        return self._adapt_markdown(
            self._render_figure(made, label) if isinstance(made, Figure) else self._render_table(made, label)
        )

    def fill_text(self, layout: str, *values: Markdown) -> Markdown:
        """Give a text with sentences in its places, for a notebook, whose texts hold no values."""
        return self._adapt_markdown(layout.format(*values))

    def render_profiles(self) -> Markdown:
        """Give every segment's profile, from templates/profile.md."""
        return self._adapt_markdown(
            "\n\n".join(
                self.render_profile(segment.id).text for segment in sentences.rank_segments(self.facts)
            )
        )

    def render_profile(self, segment: str) -> Markdown:
        """Give one segment's profile."""
        template = self._jinja.get_template("profile.md")
        one = self.facts.get_segment(segment)
        return Markdown(
            template.render(
                facts=self.facts,
                segment=one,
                medium=self.medium,
                colour=theme.get_segment_colour(segment),
                dark=theme.get_dark_colour(theme.get_segment_colour(segment)),
                page=self,
                sentences=sentences,
                changes=changes,
            )
        )

    def render_template(self, name: str) -> Markdown:
        """Give a whole template."""
        return self._adapt_markdown(
            self._jinja.get_template(name).render(
                facts=self.facts,
                medium=self.medium,
                page=self,
                sentences=sentences,
                changes=changes,
                holds=holds,
                theme=theme,
            )
        )

    def draw(self, name: str, *args: Any) -> Markdown:
        """Give a chart or a table by its name, for a template that lays it out."""
        return self.show(_MAKERS_BY_NAME[name], *args)

    def embed_scripts(self) -> Markdown:
        """Give what makes the charts answer to a pointer: one bundle for the whole page, with nothing to fetch."""
        if self.medium == "notebook":
            return Markdown("")
        import vl_convert  # noqa: PLC0415 - a document for print never needs it

        self.figures.mkdir(exist_ok=True)
        bundle = cache.cache_text(
            f"vega-{version('vl-convert-python')}.js",
            lambda: vl_convert.javascript_bundle(None),  # type: ignore[arg-type]  # its stub forgets the default
        )
        (self.figures / "charts.js").write_text(bundle, encoding="utf-8")
        (self.figures / "page.js").write_text(paths.read_template("page.js"), encoding="utf-8")
        look = json.dumps(
            {
                "config": theme.build_vega_config(),
                "dark": theme.DARK_COLOURS,
                "width": theme.PAGE_WIDTH,
                "narrow": theme.NARROW_WIDTH,
            }
        )
        return Markdown(
            _fence_raw_html(
                f'<script type="application/json" id="look">{_escape_script_json(look)}</script>\n'
                f'<script src="{FIGURES_FOLDER.name}/charts.js"></script>\n<script src="{FIGURES_FOLDER.name}/page.js"></script>'
            )
        )

    def embed_downloads(self) -> Markdown:
        """Give the numbers themselves, for whoever wants to save them: the page carries them, and page.js writes the files."""
        if self.medium == "notebook":
            return Markdown("")
        data = json.dumps(facts_to_dict(self.facts), ensure_ascii=False, separators=(",", ":"))
        kinds = (("csv", "Download all numbers (CSV)"), ("json", "Download all facts (JSON)"))
        buttons = "\n".join(
            f'<button type="button" data-download="{kind}" hidden>{said}</button>' for kind, said in kinds
        )
        return Markdown(
            _fence_raw_html(
                f'<p class="downloads">\n{buttons}\n<noscript>Every number of this page is in facts.json, which lies beside '
                f'it.</noscript>\n</p>\n<script type="application/json" id="facts">{_escape_script_json(data)}</script>'
            )
        )

    def _adapt_markdown(self, text: str) -> Markdown:
        """Give Markdown: Pandoc's for a page, and for a notebook what Jupyter understands of it."""
        return Markdown(convert_to_github_markdown(text) if self.medium == "notebook" else text)

    def _render_figure(self, picture: Figure, label: str) -> str:
        """Write the chart's picture and its specification to files and refer to it; for the screen with its numbers."""
        # another document of this run may have drawn it, or a profile; not another month's, whose facts are others
        path = self.figures / f"{label}-{self._facts_hash}.svg"
        said = path.with_suffix(".json")  # Altair takes as long to say a chart as Vega to draw it
        if not path.exists():
            spec = render.build_chart_spec(picture.chart)
            drawn = render.render_svg(spec)
            if self.medium == "notebook":
                return f"![{escape_markdown(picture.alt)}]({render.encode_data_url(drawn)})"
            self.figures.mkdir(exist_ok=True)
            said.write_text(render.serialise_spec(spec), encoding="utf-8")
            cache.write_atomically(path, drawn)  # last: who finds it takes both
        if self.medium == "print":
            return _render_image(picture, path)
        if self.medium == "page":
            return self._render_responsive_figure(picture, path)
        carried = said.read_text(encoding="utf-8")
        if picture.narrow:
            carried = render.add_narrow_variant(carried, render.build_chart_spec(picture.narrow))
        shown = path.with_name(f"{path.stem}-screen.svg")
        shown.write_text(render.widen_view_box(path.read_text(encoding="utf-8")), encoding="utf-8")
        alt = _escape_attribute(picture.alt)
        rows = ReportTable(picture.caption, picture.header, picture.rows)
        return "\n\n".join(
            [
                f'![{escape_markdown(picture.caption)}]({self.figures.name}/{shown.name}){{#fig-{label} fig-alt="{alt}"}}',
                _fence_raw_html(
                    f'<script type="application/json" class="chart" data-figure="fig-{label}">{_escape_script_json(carried)}</script>\n'
                    f'<details class="numbers"><summary>Numbers behind this chart</summary>\n{rows.to_html()}\n</details>'
                ),
            ]
        )

    def _render_responsive_figure(self, picture: Figure, path: Path) -> str:
        """Refer to a picture and, where it has one, to its twin for narrow screens, below which its caption says the rest."""
        source = ""
        if picture.narrow:
            spec = render.build_chart_spec(picture.narrow)
            spec.pop("title", None)  # a title has one line, and a telephone no room for it
            source = f'<source media="(max-width: 42rem)" srcset="{render.encode_data_url(render.widen_view_box(render.render_svg(spec)))}">'  # Pandoc leaves it as it is
        image = f'<img src="{render.encode_data_url(render.widen_view_box(path.read_text(encoding="utf-8")))}" alt="{html.escape(picture.alt)}">'
        return _fence_raw_html(
            f"<figure><picture>{source}{image}</picture>\n<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
        )

    def _render_table(self, table: ReportTable, label: str) -> str:
        if self.medium != "screen":
            return _fence_raw_html(table.to_html(caption=True))
        return f"::: {{#tbl-{label}}}\n\n{_fence_raw_html(table.to_html())}\n\n{escape_markdown(table.caption)}\n\n:::"


_MAKERS_BY_NAME: dict[str, Callable[..., Figure | ReportTable]] = {
    "indices": indices.plot_indices,
    "flow": change_charts.plot_flow,
    "trend": change_charts.plot_trend,
    "moves": tables.tabulate_moves,
    "drift": tables.tabulate_drift,
    "plays": tables.tabulate_plays,
}


def open_document(facts: str | Path, medium: Medium) -> Document:
    """Open a month for a document.

    Parameters
    ----------
    facts : str or Path
        The month's facts.json, as seen from the document or from the project's folder, where a person types it; an empty
        string for the newest month that was made. If none was, the newest one in data/ is made first.
    medium : {"screen", "print", "page", "notebook"}
        What the document is for.

    Raises
    ------
    ReportError
        If there is no such file, or the report has learnt of a column since.
    FactsError
        If it was written by another version.
    """
    path = Path(facts) if facts else _find_newest_facts()
    found = paths.read_facts(path if path.exists() else paths.ROOT / path)
    known = {*found.distributions.numbers, *found.distributions.categories}
    new = [name for name in (*NUMBERS, *CATEGORIES) if name not in known]
    if new:
        raise ReportError(
            f"{format_month(found.month)} was made before the report knew {join_with_and(new)}. "
            f"Make it again: make report MONTH={found.month}."
        )
    return Document(found, medium, paths.TEMPLATES)


def _find_newest_facts() -> Path:
    """Find the newest month's facts; make a month first in a folder where none was made."""
    output = paths.ROOT / read_settings(paths.ROOT / "settings.toml").data.output
    if not paths.list_earlier_facts(output, "9999-99"):
        made = [sys.executable, "-m", "report", "report", "--engine", "embedded"]
        done = subprocess.run(made, cwd=paths.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ReportError(done.stderr.strip() or f"`make report` ended with {done.returncode}.")
    return paths.find_newest_facts(output)


def _build_jinja_environment(templates: Path) -> jinja2.Environment:
    """Set Jinja2 up for Markdown: strict, and every text escaped that isn't Markdown already."""

    def finalize(value: Any) -> Any:
        return escape_markdown(value) if isinstance(value, str) else value

    # Jinja2's own autoescape writes HTML entities; what is made here is Markdown, so `finalize` escapes for that
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


def _render_image(picture: Figure, path: Path) -> str:
    """Refer to a picture that needs no number."""
    return f'![]({path.parent.name}/{path.name}){{fig-alt="{_escape_attribute(picture.alt)}"}}'


def _escape_attribute(text: str) -> str:
    """Write plain text as the value of an attribute."""
    return escape_markdown(text)


def _escape_script_json(text: str) -> str:
    """Write JSON so that it can't end its script element."""
    return text.replace("<", "\\u003c")


def _fence_raw_html(markup: str) -> str:
    """Give a block of raw HTML, in a fence longer than any that stands in it."""
    longest = max((len(run) for run in re.findall("`+", markup)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{{=html}}\n{markup}\n{fence}"
